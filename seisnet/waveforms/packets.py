"""Packets of one instrument, put together again: what has arrived, and up to when nothing can change any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.inventory import Stations, edges_ns
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.segments import Segment, joined, place_after

BEFORE_ALL_NS, AFTER_ALL_NS = -(2**63), 2**63
"""Earlier and later than any sample."""

AHEAD_NS = 600 * NS_PER_S
"""Packets dated this long after now would make all that follow seem late: less than clocks on local time are wrong."""


@dataclass
class Run:
    """Packets of one channel that follow each other."""

    seed_id: str
    start_ns: int
    rate_hz: float
    packets: list[NDArray[np.generic]] = field(default_factory=list)
    length: int = 0

    def follows(self, start_ns: int, rate_hz: float) -> bool:
        """Whether a packet is the next one."""
        at = place_after(self.start_ns, start_ns, self.rate_hz, self.length)
        return rate_hz == self.rate_hz and at == self.length

    def segment(self) -> Segment:
        """The packets as one."""
        if len(self.packets) > 1:
            self.packets = [np.concatenate(self.packets)]
        return Segment(self.packets[0], self.start_ns, self.rate_hz, self.rate_hz / 2, self.seed_id)

    def holds(self, piece: Segment) -> bool:
        """Whether these samples are among those of the run."""
        at = place_after(self.start_ns, piece.start_ns, self.rate_hz, 0)
        within = piece.rate_hz == self.rate_hz and 0 <= at <= self.length - len(piece.samples)
        return within and np.array_equal(self.segment().samples[at : at + len(piece.samples)], piece.samples)

    def forget(self, before_ns: int) -> None:
        """Leave out samples before a time."""
        cut = min(int((before_ns - self.start_ns) * self.rate_hz / NS_PER_S), self.length)
        if cut > 0:
            self.packets = [self.segment().samples[cut:].copy()]
            self.start_ns += round(cut * NS_PER_S / self.rate_hz)
            self.length -= cut


class Packets:
    """What has arrived of an instrument and is still needed.

    Attributes
    ----------
    first_ns : int
        Start of the earliest packet.
    """

    def __init__(self) -> None:
        self.first_ns, self._newest_ns = AFTER_ALL_NS, BEFORE_ALL_NS  # starts of packets
        self._runs: dict[str, list[Run]] = defaultdict(list)  # by component
        self._ends_ns: dict[str, int] = {}
        self._longest_ns: dict[str, int] = {}  # length of the longest packet
        self._gaps_ns: list[tuple[int, int]] = []  # gaps of all components, those that still matter

    @property
    def rates_hz(self) -> set[float]:
        """Rates of what is kept."""
        return {run.rate_hz for runs in self._runs.values() for run in runs}

    def add(self, piece: Segment, component: str) -> None:
        """Put the samples of a packet behind those of its component; of one that came too late there may be none."""
        newest_end_ns = max(self._ends_ns.values(), default=AFTER_ALL_NS)
        self._longest_ns[component] = max(self._longest_ns.get(component, 0), piece.end_ns - piece.start_ns)
        self._ends_ns[component] = max(self._ends_ns.get(component, piece.end_ns), piece.end_ns)
        if not len(piece.samples):
            return
        runs, start_ns = self._runs[component], piece.start_ns
        run = next((run for run in runs if run.follows(start_ns, piece.rate_hz)), None)
        if run is None:
            run = Run(piece.seed_id, start_ns, piece.rate_hz)
            runs.append(run)
            if start_ns > newest_end_ns:
                self._gaps_ns.append((newest_end_ns, start_ns))
        run.packets.append(piece.samples.copy())  # whoever gave it may fill it anew, or detrend it
        run.length += len(piece.samples)
        self.first_ns, self._newest_ns = min(self.first_ns, start_ns), max(self._newest_ns, start_ns)

    def hold(self, piece: Segment, component: str) -> bool:
        """Whether samples have arrived before, and are still kept."""
        return any(run.holds(piece) for run in self._runs[component])

    def complete_ns(self, patience_ns: int) -> int:
        """Time up to which everything that is waited for has arrived.

        A component is waited for until a packet of another begins `patience_ns` after its end, and one of which nothing
        has come, until a packet begins so long after the first. A gap of all components does not count as waiting.
        """
        if len(self._ends_ns) < 3 and self._newest_ns - self.first_ns < patience_ns:
            return BEFORE_ALL_NS
        least_ns = self._newest_ns - patience_ns
        for before_ns, after_ns in reversed(self._gaps_ns):
            if after_ns >= least_ns:
                least_ns -= after_ns - before_ns
        self._gaps_ns = [gap for gap in self._gaps_ns if gap[1] >= least_ns]
        ends_ns = [end_ns for end_ns in self._ends_ns.values() if end_ns >= least_ns]
        if 0 < len(ends_ns) < len(self._ends_ns):
            longest_ns = max(self._longest_ns[name] for name, end_ns in self._ends_ns.items() if end_ns < least_ns)
            ends_ns.append(max(ends_ns) - min(longest_ns, patience_ns))
        return min(ends_ns, default=BEFORE_ALL_NS)

    def segments(self) -> list[Segment]:
        """What is kept, put together as conditioning does it."""
        by_component = ([run.segment() for run in runs] for runs in self._runs.values())
        return [segment for kept in by_component for segment in joined(kept, [])]

    def stream(self) -> obspy.Stream:
        """What is kept, run by run."""
        return obspy.Stream([_trace(run.segment()) for runs in self._runs.values() for run in runs])

    def forget(self, before_ns: int) -> None:
        """Keep no samples before a time."""
        for component, runs in self._runs.items():
            for run in runs:
                run.forget(before_ns)
            self._runs[component] = [run for run in runs if run.length]


def final_ns(
    segments: Iterable[Segment], complete_ns: int, shortest_ns: int, rounding_ns: int, stations: Stations
) -> int:
    """Time before which no record can change, whatever arrives yet.

    A record begins and ends where a component begins, ends or turns; but stretches of a component that are too short
    count for nothing. So nothing is final from the start of a stretch on that may yet turn out to be too short, or
    from a beginning or end on behind which too little has arrived for a record.

    Parameters
    ----------
    segments : iterable of Segment
        What has arrived of all components of an instrument.
    complete_ns : int
        All that lies before has arrived.
    shortest_ns : int
        Length of the shortest record.
    rounding_ns : int
        Resampling may make a stretch longer or shorter by this.
    """
    edges, growing = set[int](), {complete_ns}
    for segment in segments:
        turns = (turn for turn in edges_ns(stations, segment.seed_id) if segment.start_ns < turn < segment.end_ns)
        for start_ns, end_ns in pairwise([segment.start_ns, *sorted(turns), segment.end_ns]):
            if end_ns - start_ns >= shortest_ns - rounding_ns:
                edges |= {start_ns, end_ns}
            if end_ns - start_ns < shortest_ns + rounding_ns and end_ns > complete_ns - rounding_ns:
                growing.add(start_ns)
    known_ns = min(growing)
    return min((edge for edge in edges if known_ns - shortest_ns - rounding_ns < edge < known_ns), default=known_ns)


def _trace(segment: Segment) -> obspy.Trace:
    codes = dict(zip(("network", "station", "location", "channel"), segment.seed_id.split("."), strict=True))
    trace = obspy.Trace(segment.samples, header=codes)
    trace.stats.sampling_rate = segment.rate_hz
    trace.stats.starttime = obspy.UTCDateTime(ns=segment.start_ns)
    return trace
