"""``seisnet stream``: packets of a SeedLink server to picks."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TypeVar

import click

from seisnet.cli import console
from seisnet.cli.progress import progress_line
from seisnet.wording import counted

T = TypeVar("T")

HANG_UP = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []
"""Windows has no such signal."""


class Stop:
    """A context in which Ctrl-C and signals of systemd, docker stop or a closed terminal end a wait for packets.

    What is done with a packet, and with picks that are still pending, is finished first: else picks would be lost, or
    made twice. SIGTERM may come twice, as `timeout` sends it; a second Ctrl-C interrupts whatever is being done. A
    signal that is ignored stays so, as `nohup` and shells that start a job in the background want it.
    """

    def __init__(self) -> None:
        self.asked = self._waiting = False

    def __enter__(self) -> Stop:
        heard = [n for n in (signal.SIGINT, signal.SIGTERM, *HANG_UP) if signal.getsignal(n) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._hear) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _hear(self, number: int, _: FrameType | None) -> None:
        again, self.asked = self.asked, True
        waiting, self._waiting = self._waiting, False
        if waiting or (again and number == signal.SIGINT):
            raise KeyboardInterrupt

    def until_asked(self, items: Iterator[T]) -> Iterator[T]:
        """Items until a signal asks to stop."""
        while True:
            try:
                self._waiting = True
                if self.asked:
                    return
                item = next(items)
            except (KeyboardInterrupt, StopIteration):
                return
            finally:
                self._waiting = False
            yield item


@click.command()
@click.argument("server", metavar="HOST:PORT")
@click.option(
    "--select",
    multiple=True,
    required=True,
    metavar="NET.STA.LOC.CHA",
    help="Channels, with network and station spelt out; repeatable.",
)
@console.model
@click.option("-o", "--output", type=console.PATH, required=True, help="CSV file; each pick is added as it is made.")
@click.option("--threshold", multiple=True, metavar="P=0.5", help="Minimum probability of a pick; repeatable.")
@click.option("--resume", is_flag=True, help="Add to an existing output.")
@console.config_file
@console.inventory
@console.overwrite
@console.quiet
@console.verbose
def stream(
    server: str,
    select: tuple[str, ...],
    model_name: str,
    output: Path,
    threshold: tuple[str, ...],
    resume: bool,
    config_path: Path | None,
    inventory: tuple[Path, ...],
    overwrite: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Pick phases in a SeedLink stream until stopped with Ctrl-C or SIGTERM.

    \b
    Example:
      seisnet stream geofon.gfz.de:18000 --select "GE.APE..HH?" --model model.h5 -o picks.csv
    """
    from seisnet.cli.classify import pick_config
    from seisnet.errors import ConfigError
    from seisnet.formats.growing_csv import PicksAppender
    from seisnet.model import load_model
    from seisnet.picks import iso_time
    from seisnet.store.files import CSV, check_free, check_not_read
    from seisnet.waveforms.seedlink import packets

    console.not_both(resume=resume, overwrite=overwrite)
    check_free(output, CSV, overwrite=overwrite or resume)
    check_not_read(output, console.read_beside(model_name, config_path, *inventory))
    model, config = load_model(model_name), pick_config(config_path, threshold, {}, quiet=quiet)
    if model.preprocess.task != "phase":
        raise ConfigError(f"model {model.name} detects classes; stream needs one that picks phases")
    streaming, n_picks, n_packets = model.stream(config, inventory=inventory), 0, 0
    if config.coincidence > 1 or config.p_before_s:
        console.say("stream: coincidence and p_before_s of the config are ignored in a stream", quiet=quiet)

    def tell_of_server(reason: str) -> None:
        console.say(f"stream of {server}: {reason}", quiet=quiet)

    told: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()

    def tell() -> None:
        """Say at once what is left out, of each instrument and reason the first: a stream may go on for weeks."""
        for rejection in streaming.rejections:
            key = rejection.trace_id, rejection.reason
            if verbose or key not in told:
                console.say_rejections([rejection], quiet=quiet, verbose=True)
            told.add(key)
            counts[rejection.reason] += 1
        streaming.rejections.clear()

    traces = packets(server, select, tell=tell_of_server)
    with (
        Stop() as stop,
        PicksAppender(output, anew=overwrite, tell=console.say) as file,
        progress_line("stream", quiet=quiet) as show,
    ):
        for trace in stop.until_asked(traces):
            picks = streaming.add(trace, now_ns=time.time_ns())
            file.add(picks)
            tell()
            n_picks, n_packets = n_picks + len(picks), n_packets + 1
            show(f"{trace.id} {iso_time(trace.stats.endtime.ns)}, {counted(n_picks, 'pick')}")
        console.say(f"stream: {'stopped' if stop.asked else 'the server has sent all'}", quiet=quiet)
        picks = streaming.finish()
        file.add(picks)
        tell()
    console.say(f"{output}: {counted(n_picks + len(picks), 'pick')} from {counted(n_packets, 'packet')}", quiet=quiet)
    if not (quiet or verbose):
        console.say_reasons(counts)
