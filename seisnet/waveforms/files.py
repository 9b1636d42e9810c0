"""Waveform files: read by ObsPy, and gathered into sources by what their headers say."""

from __future__ import annotations

import glob
import itertools
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import obspy

from seisnet.waveforms.conditioning import split_channel
from seisnet.waveforms.records import DAY_NS, NS_PER_S, Rejection
from seisnet.waveforms.selection import FOREVER_NS, Selection

MSEED_START = re.compile(rb"\d{6}[DRQM][ \0]")
"""Of a file."""

EARLY_NS = 300 * NS_PER_S
"""Day files start a little before or after midnight: the day of a file is counted from this much earlier."""

NEAR_NS = 3 * 3600 * NS_PER_S
"""Files are read beside a group where they come this near to the span that it answers for."""


@dataclass
class Reading:
    """What reading has met so far besides the waveforms: files, and those that could not be used as they are."""

    files: list[Path] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


@dataclass
class Group:
    """Files that are read together: they hold one stretch of the same instruments.

    `span_ns` is what the group answers for where its files go on in those of another, which are then `beside`.
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
        """Time by which the sample after the last has to come, if there is no gap."""
        return max(header.end_ns + 2 * header.step_ns for header in self.headers.values())


@dataclass(frozen=True)
class _Header:
    instruments: frozenset[str]
    days: frozenset[int]
    start_ns: int
    end_ns: int
    step_ns: int


def read_file(
    path: Path, reading: Reading, *, headonly: bool = False, span_ns: tuple[int, int] | None = None
) -> obspy.Stream | None:
    """Read one file with ObsPy; a damaged one gives what is left of it, an unreadable one None, both with a reason.

    Parameters
    ----------
    span_ns : (int, int), optional
        Samples outside need not be read.
    """
    try:
        empty = path.stat().st_size == 0
    except OSError as error:  # it has gone since it was found
        reading.rejections.append(_file_rejection(path, f"can't be read: {error.strerror}"))
        return None
    if empty:
        reading.rejections.append(_file_rejection(path, "the file is empty"))
        return None
    start, end = (obspy.UTCDateTime(ns=ns) for ns in span_ns) if span_ns else (None, None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # ObsPy takes names for patterns, and brackets do occur in names.
            # To be told the format saves ObsPy half the time that a small file takes.
            known = {"format": "MSEED", "check_compression": False} if _is_mseed(path) else {}
            stream = obspy.read(glob.escape(str(path)), headonly=headonly, starttime=start, endtime=end, **known)
        except TypeError:
            hint = "; seisnet datasets import reads HDF5 + CSV pairs" if path.suffix in (".h5", ".hdf5") else ""
            reading.rejections.append(_file_rejection(path, f"not a waveform format that ObsPy reads{hint}"))
            return None
        except Exception as error:  # ObsPy's readers raise whatever they like on damaged files
            # Of a file without a whole record ObsPy says that it can't be opened.
            opened = not str(error).startswith("Cannot open file")
            what = first_line(error) if opened else "it holds no whole record of waveforms"
            reading.rejections.append(_file_rejection(path, f"can't be read: {what}"))
            return None
    damage = _damage(stream, caught)
    if damage and not headonly:
        reading.rejections.append(_file_rejection(path, f"damaged, read as far as possible: {damage}"))
    return stream


def _is_mseed(path: Path) -> bool:
    """Whether a file begins as a miniSEED record does: six digits and a letter for its quality."""
    with path.open("rb") as file:
        return MSEED_START.fullmatch(file.read(8)) is not None


def _damage(stream: obspy.Stream, caught: Sequence[warnings.WarningMessage]) -> str:
    """What is wrong with a file that was read, as far as one can see; ObsPy passes over a last record cut short."""
    for warning in caught:
        if "MSEED" in warning.category.__name__:
            return first_line(warning.message)
    mseed = stream[0].stats.get("mseed", {}) if len(stream) else {}
    if mseed.get("filesize", 0) % mseed.get("record_length", 1):
        return "the last record is cut short"
    return ""


def _file_rejection(path: Path, reason: str) -> Rejection:
    return Rejection("", 0, 0, f"{path}: {reason}")


def first_line(error: object) -> str:
    """What an error says, in one short line."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def gather(files: Iterable[Path], selection: Selection, reading: Reading) -> tuple[list[Group], set[str]]:
    """Gather files into groups: those with an instrument and a day in common, however many steps apart.

    Where the files of one group go on in those of the next without a gap, as day files do, every group answers for the
    time from its own first sample to the next one's.

    Returns
    -------
    groups : list of Group
        In the order of their files' names.
    passed_over : set of str
        Channels that are not wanted.
    """
    headers: dict[Path, _Header] = {}
    passed_over: set[str] = set()
    for path in files:
        stream = read_file(path, reading, headonly=True)
        if stream is None:
            continue
        header = _header(stream, selection, passed_over)
        if header is not None:
            headers[path] = header
    groups = sorted(_together(headers), key=lambda group: group.paths)
    _chain(groups)
    return groups, passed_over


def _header(stream: obspy.Stream, selection: Selection, passed_over: set[str]) -> _Header | None:
    instruments, days, starts, ends, step_ns = set(), set(), [], [], 0
    for trace in stream:
        stats = trace.stats
        start_ns, end_ns = stats.starttime.ns, stats.endtime.ns
        if not (selection.takes(trace.id) and selection.overlaps(start_ns, end_ns)):
            passed_over.add(trace.id)
            continue
        instrument, _ = split_channel(stats.channel)
        instruments.add(f"{stats.network}.{stats.station}.{stats.location}.{instrument}")
        days.add((start_ns + EARLY_NS) // DAY_NS)
        starts.append(start_ns)
        ends.append(end_ns)
        step_ns = max(step_ns, round(NS_PER_S / stats.sampling_rate) if stats.sampling_rate > 0 else 0)
    if not starts:
        return None
    return _Header(frozenset(instruments), frozenset(days), min(starts), max(ends), step_ns)


def _together(headers: dict[Path, _Header]) -> list[Group]:
    parent = {path: path for path in headers}

    def root(path: Path) -> Path:
        while parent[path] != path:
            path = parent[path]
        return path

    first_of: dict[tuple[str, int], Path] = {}
    for path, header in headers.items():
        for key in itertools.product(header.instruments, header.days):
            parent[root(path)] = root(first_of.setdefault(key, path))
    groups: dict[Path, Group] = defaultdict(Group)
    for path, header in headers.items():
        groups[root(path)].headers[path] = header
    return list(groups.values())


def _chain(groups: Iterable[Group]) -> None:
    """Set borders between the groups of the same instruments that follow each other without a gap, or overlap."""
    alike: dict[frozenset[str], list[Group]] = defaultdict(list)
    for group in groups:
        alike[group.instruments].append(group)
    for line in alike.values():
        line.sort(key=lambda group: group.start_ns)
        reach_ns = FOREVER_NS[0]
        linked: list[Group] = []
        for group in line:
            if linked and group.start_ns > reach_ns:
                _set_borders(linked)
                linked = []
            linked.append(group)
            reach_ns = max(reach_ns, group.end_ns)
        _set_borders(linked)


def _set_borders(linked: Sequence[Group]) -> None:
    starts = [group.start_ns for group in linked[1:]]
    for group, low, high in zip(linked, [FOREVER_NS[0], *starts], [*starts, FOREVER_NS[1]], strict=True):
        group.span_ns = (low, high)
        group.beside = tuple(
            path
            for other in linked
            for path, header in other.headers.items()
            if other is not group and header.start_ns <= high + NEAR_NS and header.end_ns >= low - NEAR_NS
        )
