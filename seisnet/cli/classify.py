"""``seisnet classify``: continuous waveforms to picks."""

from __future__ import annotations

from pathlib import Path

import click

from seisnet.cli import console


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--model", "model_name", required=True, metavar="FILE|NAME", help="Model file, or a shipped model.")
@console.output_file
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "quakeml"]),
    help="Default: by the ending, .xml is QuakeML, else CSV.",
)
@click.option("--threshold", multiple=True, metavar="P=0.5", help="Probability that a pick must reach; repeatable.")
@click.option("--report", type=click.Path(path_type=Path), help="Folder for an HTML report with the seismograms.")
@click.option("--views", type=click.IntRange(0), default=50, show_default=True, help="Seismograms in the report.")
@console.config_file
@console.overwrite
@console.quiet
@console.verbose
def classify(
    sources: tuple[str, ...],
    model_name: str,
    output: Path,
    file_format: str | None,
    threshold: tuple[str, ...],
    report: Path | None,
    views: int,
    config_path: Path | None,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Pick phases in SOURCES: files, folders, globs, SeisBench data sets.

    \b
    Example:
      seisnet classify day.mseed --model model.h5 -o picks.csv --report report
    """
    import dataclasses

    from seisnet.classification import classify as classify_sources
    from seisnet.config import PickConfig, load_toml
    from seisnet.formats import write_picks
    from seisnet.model import load_model
    from seisnet.report.folder import make_folder, summary, write_classification
    from seisnet.store.hdf5 import check_output

    config = load_toml(config_path, "pick", PickConfig) if config_path else PickConfig()
    config = dataclasses.replace(config, thresholds={**config.thresholds, **dict(map(_threshold, threshold))})
    check_output(output, overwrite=overwrite)
    if report:
        make_folder(report, overwrite=overwrite)
    model = load_model(model_name)
    with console.progress_line("classify", quiet=quiet) as show:
        found = classify_sources(sources, model, config, most_views=views if report else 0, progress=show)
        write_picks(found.picks, output, file_format or ("quakeml" if output.suffix.lower() == ".xml" else "csv"))
        if report:
            show("drawing the report")
            write_classification(found, model, report, sources=sources, model_name=model_name, overwrite=True)
    read = f" {len(found.files)} files read." if found.files else ""
    console.say(f"{output}: {' '.join(summary(found))}{read}", quiet=quiet)
    console.say(
        f"  model {model.name}, thresholds {', '.join(f'{c} {t:g}' for c, t in sorted(found.thresholds.items()))}",
        quiet=quiet,
    )
    console.say_rejections(
        [(r.trace_id, r.start_ns, r.end_ns, r.reason) for r in found.rejections], quiet=quiet, verbose=verbose
    )
    console.say_outputs(output, *([report / "report.html"] if report else []), quiet=quiet)


def _threshold(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise click.BadParameter(f"--threshold '{text}' is not of the form P=0.5") from error
