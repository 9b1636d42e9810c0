"""``seisnet stream``: packets of a SeedLink server to picks."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.argument("server", metavar="HOST:PORT")
@click.option("--select", multiple=True, required=True, metavar="NET.STA.LOC.CHA", help="Channels; repeatable.")
@console.model
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="CSV; each pick is added as it is made."
)
@click.option("--threshold", multiple=True, metavar="P=0.5", help="Probability that a pick must reach; repeatable.")
@click.option("--resume", is_flag=True, help="Add to an output that exists.")
@console.config_file
@console.overwrite
@console.quiet
def stream(
    server: str,
    select: tuple[str, ...],
    model_name: str,
    output: Path,
    threshold: tuple[str, ...],
    resume: bool,
    config_path: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Pick phases in what a SeedLink server sends, until it is stopped with Ctrl-C.

    \b
    Example:
      seisnet stream geofon.gfz.de:18000 --select GE.APE..HH? --model model.h5 -o picks.csv
    """
    from seisnet.cli.classify import pick_config
    from seisnet.errors import ConfigError
    from seisnet.formats.picks import PicksAppender
    from seisnet.model import load_model
    from seisnet.picks import iso_time
    from seisnet.store.files import check_output
    from seisnet.waveforms.seedlink import packets
    from seisnet.wording import counted

    check_output(output, overwrite=overwrite or resume)
    model, config = load_model(model_name), pick_config(config_path, threshold, {})
    model.thresholds(config)
    if model.preprocess.task != "phase":
        raise ConfigError(f"model {model.name} tells classes, not phases; stream writes picks")
    streaming, n_picks, n_packets = model.stream(config), 0, 0
    if config.coincidence > 1 or config.p_before_s:
        console.say("stream: coincidence and p_before_s of the config are not tested in a stream", quiet=quiet)

    def lost(reason: str) -> None:
        console.say(f"stream: {reason}; trying again", quiet=quiet)

    traces = packets(server, select, lost=lost)
    if overwrite:
        output.unlink(missing_ok=True)

    with PicksAppender(output) as file, console.progress_line("stream", quiet=quiet) as show:
        try:
            for trace in traces:
                picks = streaming.add(trace)
                file.add(picks)
                n_picks, n_packets = n_picks + len(picks), n_packets + 1
                show(f"{trace.id} {iso_time(trace.stats.endtime.ns)}, {counted(n_picks, 'pick')}")
        except KeyboardInterrupt:
            console.say("stream: stopped", quiet=quiet)
        picks = streaming.finish()
        file.add(picks)
    console.say(f"{output}: {counted(n_picks + len(picks), 'pick')} of {counted(n_packets, 'packet')}", quiet=quiet)
    console.say_rejections(streaming.rejections, quiet=quiet, verbose=False)
