"""obspy.Stream in, gap-free three-component records out, with a reason for whatever can't become one."""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.records import NS_PER_S, ROW, Record, Rejection
from seisnet.waveforms.resampling import keeps_time, resample
import itertools

WORDS = {"UD": "Z", "NS": "N", "EW": "E"}
"""Component names of Japanese networks."""


SLOWEST = 0.1
"""Recordings slower than this share of the target rate hold too little of the band."""


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
    starts or ends, so that each record has the same components throughout. Gaps are never filled, and nothing is
    filtered.

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
        rows: dict[int, list[Segment]] = {}
        components = instruments[trace_id]
        for component in sorted(components, key=lambda c: "ZNE12".find(c) % 9):
            segments = _segments(components[component], trace_id, rejections, sampling_rate_hz)
            if ROW[component] in rows:
                reason = f"component {component} beside another that takes its row"
                rejections += [Rejection(trace_id, s.start_ns, s.end_ns, reason) for s in segments]
            elif segments:
                rows[ROW[component]] = segments
        found = _records(rows, trace_id, sampling_rate_hz, source)
        for record in found:
            if record.n_samples >= round(shortest_s * sampling_rate_hz):
                records.append(record)
            else:
                reason = f"shorter than {shortest_s:g} s"
                rejections.append(Rejection(trace_id, record.start_ns, record.end_ns, reason))
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
    if not stats.sampling_rate >= target_hz * SLOWEST:  # also NaN
        return f"sampled at {stats.sampling_rate:g} Hz, less than a tenth of {target_hz:g} Hz"
    if not np.issubdtype(trace.data.dtype, np.number) or np.iscomplexobj(trace.data):
        return f"samples of type {trace.data.dtype}"
    return ""


def _segments(traces: list[obspy.Trace], trace_id: str, rejections: list[Rejection], target_hz: float) -> list[Segment]:
    """Gap-free segments of one component at the target rate, in order of time, overlaps resolved."""
    pieces: list[Segment] = []
    for trace in traces:
        pieces += _finite_runs(trace, trace_id, rejections)
    pieces.sort(key=lambda s: (s.start_ns, -len(s.samples)))
    merged: list[Segment] = []
    run: list[Segment] = []  # pieces that follow each other without gap or overlap, not yet one array
    for piece in pieces:
        at = _offset(run[0], piece) if run and piece.rate_hz == run[0].rate_hz else None
        length = sum(len(s.samples) for s in run)
        if at is not None and at < length:
            *done, last = _overlapped(_whole(run), piece, trace_id, rejections)
            merged += done
            run = [last]
        elif at == length:
            run.append(piece)
        else:
            merged += [_whole(run)] if run else []
            run = [piece]
    merged += [_whole(run)] if run else []
    return [_at_rate(segment, target_hz) for segment in merged if len(segment.samples)]


def _offset(first: Segment, second: Segment) -> int:
    """Samples from the start of one segment to the start of another."""
    return round((second.start_ns - first.start_ns) * first.rate_hz / NS_PER_S)


def _whole(run: list[Segment]) -> Segment:
    if len(run) == 1:
        return run[0]
    return Segment(np.concatenate([s.samples for s in run]), run[0].start_ns, run[0].rate_hz, run[0].bandwidth_hz)


def _finite_runs(trace: obspy.Trace, trace_id: str, rejections: list[Rejection]) -> Iterable[Segment]:
    """Stretches of a trace without masked, NaN or infinite samples."""
    data = np.ma.getdata(trace.data).astype(np.float64)
    masked = np.ma.getmaskarray(trace.data)
    good = ~masked & np.isfinite(data)
    start_ns, rate_hz = trace.stats.starttime.ns, float(trace.stats.sampling_rate)
    for flags, reason in ((good, ""), (~masked & ~good, "samples that are not finite")):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
        for low, high in edges.reshape(-1, 2):
            begin = start_ns + round(int(low) * NS_PER_S / rate_hz)
            if reason:
                rejections.append(Rejection(trace_id, begin, start_ns + round(int(high) * NS_PER_S / rate_hz), reason))
            else:
                yield Segment(data[low:high], begin, rate_hz, rate_hz / 2)


def _overlapped(first: Segment, second: Segment, trace_id: str, rejections: list[Rejection]) -> list[Segment]:
    """Resolve an overlap: equal samples are kept once; where they differ, neither copy is kept."""
    at, n = _offset(first, second), len(first.samples)
    overlap = min(n - at, len(second.samples))
    if np.array_equal(first.samples[at : at + overlap], second.samples[:overlap]):
        whole = np.concatenate([first.samples, second.samples[overlap:]])
        return [replace(first, samples=whole)]
    start_ns = first.start_ns + round((at + overlap) * NS_PER_S / first.rate_hz)
    rejections.append(Rejection(trace_id, second.start_ns, start_ns, "overlapping samples that differ"))
    rest = first.samples[at + overlap :] if n > at + overlap else second.samples[overlap:]
    return [replace(first, samples=first.samples[:at]), replace(first, samples=rest, start_ns=start_ns)]


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
            segment = segments[max(bisect.bisect_right(starts[row], low + half_ns) - 1, 0)]
            at = round((low - segment.start_ns) * rate_hz / NS_PER_S)
            cut = segment.samples[max(at, 0) : max(at, 0) + n]
            if n > 1 and abs(at) < len(segment.samples) and len(cut) >= n - 1:
                # Counts may be far from zero; what is left after this fits the 24 bits of a float32.
                cut = cut - cut.mean()
                data[row, : len(cut)] = cut
                data[row, len(cut) :] = cut[-1]
                present[row] = True
                bandwidths.append(segment.bandwidth_hz)
        if present.any():
            records.append(Record(data, low, rate_hz, trace_id, present, min(bandwidths), source))
    return records
