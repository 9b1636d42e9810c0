"""Which files are read together, by what their headers say."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seisnet.engine import Engine
from seisnet.overlaps import Spans, connected
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.files import Reading, read_headers
from seisnet.waveforms.mseed import Stretch, read_stretches
from seisnet.waveforms.records import BEYOND, DAY_NS, NS_PER_S, ROUNDING, Rejection, is_beyond
from seisnet.waveforms.selection import FOREVER_NS, Selection

EARLY_NS = 300 * NS_PER_S
"""Day files start a little before or after midnight: what starts less than this before it counts as the next day."""

NEAR_NS = 5 * 3600 * NS_PER_S
"""Files that come this near to a span are read beside those of the span; no config lets records reach so far."""

FILES_AT_ONCE = 1024
"""Number of files whose headers a process reads at a time; starting a process takes as long as that for small files."""


@dataclass
class Group:
    """Files that are read together: they hold one stretch of the same instruments.

    If the recording goes on in files of other groups, these are `beside`, and the group answers for `span_ns` only.
    """

    headers: dict[Path, _Header] = field(default_factory=dict)
    span_ns: tuple[int, int] = FOREVER_NS
    beside: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """Its files."""
        return tuple(self.headers)

    @property
    def instruments(self) -> frozenset[str]:
        """``NET.STA.LOC.BAND+INSTRUMENT`` of all that is in its files."""
        return frozenset().union(*(header.instruments for header in self.headers.values()))

    @property
    def start_ns(self) -> int:
        """Time of the first sample."""
        return min(header.start_ns for header in self.headers.values())

    @property
    def end_ns(self) -> int:
        """Time by which the next sample must come if there is to be no gap."""
        return max(header.end_ns + 2 * header.step_ns for header in self.headers.values())

    def near(self, low_ns: int, high_ns: int) -> tuple[Path, ...]:
        """Those of its files that come near to a span, see `NEAR_NS`."""
        paths = self.paths
        return tuple(paths[i] for i in sorted(self._spans.touching(low_ns - NEAR_NS, high_ns + NEAR_NS)))

    @functools.cached_property
    def _spans(self) -> Spans:
        return Spans([(header.start_ns, header.end_ns) for header in self.headers.values()])


@dataclass(frozen=True)
class _Header:
    instruments: frozenset[str]
    days: frozenset[int]
    start_ns: int
    end_ns: int
    step_ns: int


def gather(
    files: Iterable[Path], selection: Selection, reading: Reading, engine: Engine | None
) -> tuple[list[Group], dict[str, tuple[int, int]]]:
    """Gather files into groups: those that share an instrument and a day, directly or through other files.

    Headers of many files are read by the processes of `engine`, where there is one.

    Where the files of one group go on in those of the next without a gap, as day files do, every group answers for the
    time from its own first sample to the next one's.

    Returns
    -------
    groups : list of Group
        In the order of their files' names.
    passed_over : dict of str to (int, int)
        Channels that are not wanted, each with the times of its first and last sample.
    """
    headers: dict[Path, _Header] = {}
    passed_over: dict[str, tuple[int, int]] = {}
    files = list(files)
    parts = [files[i : i + FILES_AT_ONCE] for i in range(0, len(files), FILES_AT_ONCE)]
    over_parts = map if engine is None or len(parts) < 2 else engine.map
    for wanted, others, rejections in over_parts(functools.partial(_headers, selection), parts):
        headers |= wanted
        for seed_id, span_ns in others.items():
            widen(passed_over, seed_id, span_ns)
        reading.rejections += rejections
    groups = sorted(_chained(_together(headers)), key=lambda group: group.paths)
    return groups, passed_over


def _headers(
    selection: Selection, files: Sequence[Path]
) -> tuple[dict[Path, _Header], dict[str, tuple[int, int]], list[Rejection]]:
    """Headers of the files that are wanted, the channels that are not, and rejections of what can't be read."""
    headers: dict[Path, _Header] = {}
    passed_over: dict[str, tuple[int, int]] = {}
    reading = Reading()
    for path, indexed in zip(files, read_stretches(files), strict=True):
        stretches = read_headers(path, reading) if indexed is None else indexed
        header = None if stretches is None else _header(stretches, selection, passed_over, reading.rejections)
        if header is not None:
            headers[path] = header
    return headers, passed_over, reading.rejections


def widen(spans_ns: dict[str, tuple[int, int]], seed_id: str, span_ns: tuple[int, int]) -> None:
    """Let the span of a channel, by its name, reach over another one too."""
    low, high = spans_ns.get(seed_id, span_ns)
    spans_ns[seed_id] = min(low, span_ns[0]), max(high, span_ns[1])


def _header(
    stretches: Sequence[Stretch],
    selection: Selection,
    passed_over: dict[str, tuple[int, int]],
    rejections: list[Rejection],
) -> _Header | None:
    instruments, days, starts, ends, step_ns = set(), set(), [], [], 0
    for stretch in stretches:
        start_ns, end_ns = stretch.start_ns, stretch.end_ns
        if is_beyond(start_ns, end_ns) and selection.takes(stretch.seed_id):
            rejections.append(Rejection(split_seed_id(stretch.seed_id)[0], 0, 0, BEYOND))
            continue
        own_step_ns = round(NS_PER_S / stretch.rate_hz) if stretch.rate_hz > 0 else 0
        late_ns = end_ns + round(ROUNDING * own_step_ns)  # rounding may have put the last sample before a border
        if not (selection.takes(stretch.seed_id) and selection.overlaps(start_ns, late_ns)):
            widen(passed_over, stretch.seed_id, (start_ns, end_ns))
            continue
        instruments.add(split_seed_id(stretch.seed_id)[0])
        days.add((start_ns + EARLY_NS) // DAY_NS)
        starts.append(start_ns)
        ends.append(end_ns)
        step_ns = max(step_ns, own_step_ns)
    if not starts:
        return None
    return _Header(frozenset(instruments), frozenset(days), min(starts), max(ends), step_ns)


def _together(headers: dict[Path, _Header]) -> list[Group]:
    """Files that share an instrument and a day, directly or through other files."""
    keys = (itertools.product(header.instruments, header.days) for header in headers.values())
    together = connected(((key, i) for i, found in enumerate(keys) for key in found), len(headers))
    paths = list(headers)
    return [Group({paths[i]: headers[paths[i]] for i in places}) for places in together]


def _chained(groups: Sequence[Group]) -> list[Group]:
    """Groups, with borders wherever an instrument's recording continues from one into the next, or overlaps it.

    Groups of different instruments that are linked so, such as files of a network that lost or gained a station, have
    no border that suits all instruments: they become one.
    """
    of_instrument: dict[str, list[int]] = defaultdict(list)
    for i in sorted(range(len(groups)), key=lambda i: groups[i].start_ns):
        for instrument in groups[i].instruments:
            of_instrument[instrument].append(i)
    links: list[tuple[Hashable, int]] = []
    for instrument, line in of_instrument.items():
        reach_ns, begin = FOREVER_NS[0], -1
        for i in line:
            begin = i if groups[i].start_ns > reach_ns else begin
            links.append(((instrument, begin), i))
            reach_ns = max(reach_ns, groups[i].end_ns)
    chained: list[Group] = []
    for places in connected(links, len(groups)):
        linked = sorted((groups[i] for i in places), key=lambda group: group.start_ns)
        if len({group.instruments for group in linked}) > 1:
            linked = [Group({path: header for group in linked for path, header in group.headers.items()})]
        _set_borders(linked)
        chained += linked
    return chained


def _set_borders(linked: Sequence[Group]) -> None:
    spans = Spans([(group.start_ns, group.end_ns) for group in linked])
    borders = [FOREVER_NS[0], *(group.start_ns for group in linked[1:]), FOREVER_NS[1]]
    for group, (low, high) in zip(linked, itertools.pairwise(borders), strict=True):
        group.span_ns = (low, high)
        others = (linked[i] for i in spans.touching(low - NEAR_NS, high + NEAR_NS) if linked[i] is not group)
        group.beside = tuple(path for other in others for path in other.near(low, high))
