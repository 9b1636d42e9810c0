"""obspy.Stream in, gap-free three-component records out, with a reason for whatever can't become one."""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.records import NS_PER_S, ROW, Record, Rejection
from seisnet.waveforms.resampling import keeps_time, resample

WORDS = {"UD": "Z", "NS": "N", "EW": "E"}
"""Component names of Japanese networks."""

PREFERRED = "ZNE12RT3"
"""Where two components of an instrument belong in one row, the earlier of these takes it."""

SLOWEST = 0.1
"""Recordings slower than this share of the target rate hold too little of the band."""

JITTER = 1e-4
"""Rates of one component that differ by less than this share are one rate, as far as that keeps time."""

LARGEST_SAMPLE = float(np.finfo(np.float32).max) / 4
"""Larger ones would leave float32 when a mean or a trend is taken off."""


@dataclass(frozen=True)
class Segment:
    """A gap-free run of samples of one component."""

    samples: NDArray[np.float64]
    start_ns: int
    rate_hz: float
    bandwidth_hz: float

    @property
    def end_ns(self) -> int:
        """Time just after the last sample: where a following segment would start."""
        return self.start_ns + round(len(self.samples) * NS_PER_S / self.rate_hz)


def split_channel(code: str) -> tuple[str, str]:
    """Split a channel code into band + instrument and component letter.

    Lower case and blanks inside the code are tolerated (``S Z``), any band and instrument is (``?HZ``, ``SBZ``), and
    ``UD``, ``NS`` and ``EW`` are read as Z, N and E.

    Examples
    --------
    >>> split_channel("HHZ"), split_channel("S Z"), split_channel("ew1")
    (('HH', 'Z'), ('S', 'Z'), ('1', 'E'))
    """
    code = "".join(code.upper().split())
    if word := re.fullmatch(r"(UD|NS|EW)(\d?)", code):
        return word[2], WORDS[word[1]]
    return code[:-1], code[-1:]


def condition(
    stream: obspy.Stream, *, sampling_rate_hz: float, shortest_s: float, source: str = ""
) -> tuple[list[Record], list[Rejection]]:
    """Turn a stream into records.

    Traces are gathered by instrument (network, station, location, band + instrument code), split at gaps, masked and
    non-finite samples, freed of duplicates, resampled where the rate differs, and cut at every time where a component
    starts or ends, so that each record has the same components throughout; what is too short by itself cuts nothing.
    Gaps are never filled, and nothing is filtered. The order of the traces does not matter.

    Parameters
    ----------
    stream : obspy.Stream
        Any traces in any order.
    sampling_rate_hz : float
        Rate of the records.
    shortest_s : float
        Shorter records are rejected.
    source : str
        Where the stream was read, for messages.

    Returns
    -------
    records : list of Record
        Ordered by trace id and time.
    rejections : list of Rejection
        Every stretch that is in no record.
    """
    rejections: list[Rejection] = []
    shortest, too_short = max(1, round(shortest_s * sampling_rate_hz)), f"shorter than {shortest_s:g} s"
    instruments: dict[str, dict[str, list[obspy.Trace]]] = defaultdict(lambda: defaultdict(list))
    for trace in stream:
        stats = trace.stats
        instrument, component = split_channel(stats.channel)
        trace_id = ".".join([stats.network.strip(), stats.station.strip(), stats.location.strip(), instrument])
        reason = _unusable(trace, component, sampling_rate_hz)
        if reason:
            rejections.append(Rejection(trace_id, stats.starttime.ns, stats.endtime.ns, reason))
        else:
            instruments[trace_id][component].append(trace)
    records: list[Record] = []
    for trace_id in sorted(instruments):
        rows: dict[int, list[Segment]] = defaultdict(list)
        components = instruments[trace_id]
        for component in sorted(components, key=PREFERRED.index):
            for native in _segments(components[component], trace_id, rejections, sampling_rate_hz):
                segment = _at_rate(native, sampling_rate_hz)
                if len(segment.samples) < shortest:
                    rejections.append(Rejection(trace_id, native.start_ns, native.end_ns, too_short))
                elif _taken(rows[ROW[component]], segment):
                    reason = f"component {component}, sampled at {native.rate_hz:g} Hz, beside another in its place"
                    rejections.append(Rejection(trace_id, native.start_ns, native.end_ns, reason))
                else:
                    bisect.insort(rows[ROW[component]], segment, key=lambda s: s.start_ns)
        for record in _records(rows, trace_id, sampling_rate_hz, source):
            if record.n_samples >= shortest:
                records.append(record)
            else:
                rejections.append(Rejection(trace_id, record.start_ns, record.end_ns, too_short))
    return records, rejections


def to_rate(record: Record, sampling_rate_hz: float) -> Record:
    """Bring a record to a sampling rate; one that has it comes back as it is."""
    if keeps_time(record.sampling_rate_hz, sampling_rate_hz, record.n_samples):
        return replace(record, sampling_rate_hz=sampling_rate_hz)
    rows = [
        resample(row.astype(np.float64), record.start_ns, record.sampling_rate_hz, sampling_rate_hz)
        for row in record.data
    ]
    return replace(
        record,
        data=np.stack([samples for samples, _ in rows]).astype(np.float32),
        start_ns=rows[0][1],
        sampling_rate_hz=sampling_rate_hz,
        bandwidth_hz=min(record.bandwidth_hz, sampling_rate_hz / 2),
    )


def _unusable(trace: obspy.Trace, component: str, target_hz: float) -> str:
    stats = trace.stats
    if component not in ROW:
        return f"channel code '{stats.channel}' names no component; known are {' '.join(ROW)}"
    if stats.npts == 0:
        return "no samples"
    if not target_hz * SLOWEST <= stats.sampling_rate < math.inf:  # also NaN
        return f"sampled at {stats.sampling_rate:g} Hz; {target_hz * SLOWEST:g} Hz is the least for {target_hz:g} Hz"
    if not np.issubdtype(trace.data.dtype, np.number) or np.iscomplexobj(trace.data):
        return f"samples of type {trace.data.dtype}"
    return ""


def _segments(traces: list[obspy.Trace], trace_id: str, rejections: list[Rejection], target_hz: float) -> list[Segment]:
    """Gap-free segments of one component, overlaps resolved; those of higher rates first, then in order of time."""
    pieces = [piece for trace in traces for piece in _finite_runs(trace, trace_id, rejections)]
    alike: list[list[Segment]] = []
    for piece in sorted(pieces, key=lambda s: s.rate_hz):
        if not alike or piece.rate_hz > alike[-1][0].rate_hz * (1 + JITTER):
            alike.append([])
        alike[-1].append(piece)
    by_rate: dict[float, list[Segment]] = defaultdict(list)
    for group in alike:
        common_hz = float(np.median([s.rate_hz for s in group]))
        for s in group:
            rate_hz = common_hz if keeps_time(s.rate_hz, common_hz, len(s.samples)) else s.rate_hz
            by_rate[rate_hz].append(replace(s, rate_hz=rate_hz))
    return [s for rate_hz in sorted(by_rate, reverse=True) for s in _joined(by_rate[rate_hz], trace_id, rejections)]


def _finite_runs(trace: obspy.Trace, trace_id: str, rejections: list[Rejection]) -> Iterable[Segment]:
    """Stretches of a trace without masked, NaN or infinite samples."""
    data = np.ma.getdata(trace.data).astype(np.float64)
    masked = np.ma.getmaskarray(trace.data)
    whole = Segment(data, trace.stats.starttime.ns, float(trace.stats.sampling_rate), trace.stats.sampling_rate / 2)
    usable = np.abs(data) < LARGEST_SAMPLE  # false for NaN
    if usable.all() and not masked.any():
        return [whole]
    for low, high in _runs(~masked & ~usable):
        bad = _part(whole, low, high)
        rejections.append(Rejection(trace_id, bad.start_ns, bad.end_ns, "samples that are not finite"))
    return [_part(whole, low, high) for low, high in _runs(~masked & usable)]


def _joined(pieces: Iterable[Segment], trace_id: str, rejections: list[Rejection]) -> Iterable[Segment]:
    """Join pieces of one rate that follow each other without a gap, or overlap; in order of time."""
    group: list[tuple[int, Segment]] = []  # pieces with their first sample counted from the start of the group
    length, end_ns = 0, 0
    for piece in sorted(pieces, key=lambda s: (s.start_ns, -len(s.samples))):
        at = _offset(group[0][1], piece) if group else 0
        # A clock that drifts moves a piece that follows at once off the group's samples: it starts a group.
        drifted = at != length and abs(piece.start_ns - end_ns) * piece.rate_hz < NS_PER_S / 2
        if at > length or drifted:
            yield from _resolved(group, length, trace_id, rejections)
            group, at, length = [], 0, 0
        group.append((at, piece))
        length = max(length, at + len(piece.samples))
        end_ns = max(end_ns, piece.end_ns)
    yield from _resolved(group, length, trace_id, rejections)


def _resolved(
    group: list[tuple[int, Segment]], length: int, trace_id: str, rejections: list[Rejection]
) -> Iterable[Segment]:
    """Make one array of pieces; where copies of a sample are equal one is kept, where they differ none."""
    if len(group) < 2:
        yield from (piece for _, piece in group)
        return
    samples = np.full(length, np.nan)
    differs = np.zeros(length, dtype=np.bool_)
    for at, piece in group:
        here = slice(at, at + len(piece.samples))
        differs[here] |= ~np.isnan(samples[here]) & (samples[here] != piece.samples)
        samples[here] = piece.samples
    whole = replace(group[0][1], samples=samples)
    for low, high in _runs(differs):
        bad = _part(whole, low, high)
        rejections.append(Rejection(trace_id, bad.start_ns, bad.end_ns, "overlapping samples that differ"))
    yield from (_part(whole, low, high) for low, high in _runs(~differs))


def _taken(row: list[Segment], segment: Segment) -> bool:
    """Whether a row, in order of time and without overlaps, already holds samples at the time of a segment."""
    half_ns = NS_PER_S / segment.rate_hz / 2  # less than half a sample of overlap is rounding
    i = bisect.bisect(row, segment.start_ns, key=lambda s: s.start_ns)
    beside = row[max(i - 1, 0) : i + 1]
    return any(s.start_ns + half_ns < segment.end_ns and segment.start_ns + half_ns < s.end_ns for s in beside)


def _offset(first: Segment, second: Segment) -> int:
    """Samples from the start of one segment to the start of another."""
    return round((second.start_ns - first.start_ns) * first.rate_hz / NS_PER_S)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and past-the-last index of every run of true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(low), int(high)) for low, high in edges.reshape(-1, 2)]


def _part(segment: Segment, low: int, high: int) -> Segment:
    start_ns = segment.start_ns + round(low * NS_PER_S / segment.rate_hz)
    return replace(segment, samples=segment.samples[low:high], start_ns=start_ns)


def _at_rate(segment: Segment, target_hz: float) -> Segment:
    """Bring a segment to the target rate; samples that already have it are untouched, their time included."""
    if keeps_time(segment.rate_hz, target_hz, len(segment.samples)):
        return Segment(segment.samples, segment.start_ns, target_hz, segment.bandwidth_hz)
    samples, start_ns = resample(segment.samples, segment.start_ns, segment.rate_hz, target_hz)
    return Segment(samples, start_ns, target_hz, min(segment.bandwidth_hz, target_hz / 2))


def _records(rows: dict[int, list[Segment]], trace_id: str, rate_hz: float, source: str) -> list[Record]:
    """Cut an instrument's time line wherever a component starts or ends."""
    half_ns = NS_PER_S / rate_hz / 2
    edges: list[int] = []
    for edge in sorted({t for segments in rows.values() for s in segments for t in (s.start_ns, s.end_ns)}):
        if not edges or edge - edges[-1] > half_ns:  # components less than half a sample apart start together
            edges.append(edge)
    starts = {row: [s.start_ns for s in segments] for row, segments in rows.items()}
    records = []
    for low, high in itertools.pairwise(edges):
        n = round((high - low) * rate_hz / NS_PER_S)
        data = np.zeros((3, n), dtype=np.float32)
        present = np.zeros(3, dtype=np.bool_)
        bandwidths = []
        for row, segments in rows.items():
            i = bisect.bisect_right(starts[row], low + half_ns) - 1
            if i < 0:
                continue
            at = round((low - segments[i].start_ns) * rate_hz / NS_PER_S)
            cut = segments[i].samples[max(at, 0) : max(at, 0) + n]
            if len(cut) >= max(n - 1, 1):
                # Counts may be far from zero; what is left after this fits the 24 bits of a float32.
                cut = cut - cut.mean()
                data[row, : len(cut)] = cut
                data[row, len(cut) :] = cut[-1]
                present[row] = True
                bandwidths.append(segments[i].bandwidth_hz)
        if present.any():
            records.append(Record(data, low, rate_hz, trace_id, present, min(bandwidths), source))
    return records
