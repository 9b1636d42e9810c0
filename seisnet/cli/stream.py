"""``seisnet stream``: packets of a SeedLink server to picks."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

import click

from seisnet.cli import console
from seisnet.cli.progress import progress_line
from seisnet.wording import counted, first_and_more

if TYPE_CHECKING:
    from seisnet.waveforms.records import Rejection

T = TypeVar("T")

STATUS_S = 60.0, 600.0
"""When the state of the stations is told first, and how often later."""

PLACES_S = 60.0
"""How often it is written from where a restart goes on."""

LAG_S = 60.0
"""Picks wait so long at most for lagging components, stretches that are yet too short, and the end of a packet."""

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


class Clock:
    """Says when something is due: first after one time, then every so often."""

    def __init__(self, first_s: float, every_s: float) -> None:
        self._next_s, self._every_s = time.monotonic() + first_s, every_s

    def is_due(self) -> bool:
        """Whether it is time; the next time is counted from now."""
        now_s = time.monotonic()
        due = now_s >= self._next_s
        if due:
            self._next_s = now_s + self._every_s
        return due


class LeftOut:
    """Says at once what is left out, of each instrument and reason the first: a stream may go on for weeks."""

    def __init__(self, tell: console.Teller) -> None:
        self._tell = tell
        self._said: set[tuple[str, str]] = set()
        self._counts: Counter[str] = Counter()

    def say(self, rejections: list[Rejection]) -> None:
        """Say what is new, and empty the list."""
        for rejection in rejections:
            key = rejection.trace_id, rejection.reason
            if self._tell.verbose or key not in self._said:
                replace(self._tell, verbose=True).rejections([rejection])
            self._said.add(key)
            self._counts[rejection.reason] += 1
        rejections.clear()

    def sum_up(self) -> None:
        """Say how often there was which reason."""
        if not self._tell.verbose:
            self._tell.reasons(self._counts)


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
@click.option("--resume", is_flag=True, help="Go on where the last run stopped, and add to its output.")
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
    tell: console.Teller,
) -> None:
    """Pick phases in a SeedLink stream until stopped with Ctrl-C or SIGTERM.

    \b
    Example:
      seisnet stream geofon.gfz.de:18000 --select "GE.APE..HH?" --model model.h5 -o picks.csv
    """
    from seisnet.cli.classify import pick_config
    from seisnet.errors import ConfigError
    from seisnet.formats.growing_csv import PicksAppender
    from seisnet.formats.own_csv import read_picks_csv
    from seisnet.model import load_model
    from seisnet.picks import iso_time
    from seisnet.store.files import CSV, check_free, check_not_read
    from seisnet.waveforms.arrivals import Arrivals, Repeats, read_places
    from seisnet.waveforms.seedlink import packets
    from seisnet.waveforms.selection import Selection

    console.not_both(resume=resume, overwrite=overwrite)
    check_free(output, CSV, overwrite=overwrite or resume)
    check_not_read(output, console.read_beside(model_name, config_path, *inventory))
    model, config = load_model(model_name), pick_config(config_path, threshold, {}, tell)
    if model.preprocess.task != "phase":
        raise ConfigError(f"model {model.name} detects classes; stream needs one that picks phases")
    streaming, n_picks, n_packets = model.stream(config, inventory=inventory), 0, 0
    if config.coincidence > 1 or config.p_before_s:
        tell("stream: coincidence and p_before_s of the config are ignored in a stream")

    def report(reason: str) -> None:
        tell(f"stream of {server}: {reason}")

    places_file = output.with_suffix(".seedlink.json")
    places = read_places(places_file, server) if resume and places_file.exists() else {}
    received = packets(server, select, tell=report, since={name: place.sequence for name, place in places.items()})
    stations = {f"{network}.{station}" for network, station, *_ in Selection(select).codes}
    if resume and output.exists() and (unknown := sorted(stations - places.keys())):
        report(f"it is not known where the last run stopped with {first_and_more(unknown, 10)}")
    arrivals = Arrivals(stations, places, settled_s=model.margin_s(config) + LAG_S, tell=report)
    left_out, places_due, status_due = LeftOut(tell), Clock(0.0, PLACES_S), Clock(*STATUS_S)
    with (
        Stop() as stop,
        PicksAppender(output, anew=overwrite, tell=console.say) as file,
        progress_line("stream", quiet=tell.quiet) as show,
    ):
        repeats = Repeats(read_picks_csv(output) if places else [], places, config.min_distance_s)
        for trace, sequence in stop.until_asked(received):
            picks = repeats.without(streaming.add(trace, now_ns=time.time_ns()))
            file.add(picks)
            left_out.say(streaming.rejections)
            arrivals.note(trace, sequence, time.time_ns())
            n_picks, n_packets = n_picks + len(picks), n_packets + 1
            picks_so_far = counted(n_picks, "pick")
            show(f"{trace.id} {iso_time(trace.stats.endtime.ns)}, {picks_so_far}")
            if places_due.is_due():
                arrivals.write(places_file, server)
            if status_due.is_due():
                report(f"{picks_so_far} from {counted(n_packets, 'packet')}; {arrivals.status(time.time_ns())}")
        tell(f"stream: {'stopped' if stop.asked else 'the server has sent all'}")
        picks = repeats.without(streaming.finish())
        file.add(picks)
        arrivals.write(places_file, server)
        left_out.say(streaming.rejections)
    tell(f"{output}: {counted(n_picks + len(picks), 'pick')} from {counted(n_packets, 'packet')}")
    left_out.sum_up()
