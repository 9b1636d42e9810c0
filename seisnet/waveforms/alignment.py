"""Segments of the components of one instrument, laid beside each other."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.waveforms.records import NS_PER_S, ROUNDING, Record
from seisnet.waveforms.segments import Segment

LOST_TO_ROUNDING = 1e-6
"""Largest rounding error of samples as float32 that is accepted, as a share of their range."""

FLOAT_ROUNDING = float(np.finfo(np.float32).eps) / 2
"""Largest relative rounding error of a float32."""

BLOCK_SAMPLES = 65_536
"""Samples that are checked at a time, so that a check needs no copy of them all."""


def side_by_side(
    rows: dict[int, list[Segment]], trace_id: str, rate_hz: float
) -> list[tuple[Record, dict[int, Segment]]]:
    """Records of an instrument, cut wherever a component starts or ends; with each, the segments of its rows."""
    half_ns = round(NS_PER_S / rate_hz / 2)  # whole: a float has too few digits for nanoseconds since 1970
    edges: list[int] = []
    for edge in sorted({t for segments in rows.values() for s in segments for t in (s.start_ns, s.end_ns)}):
        if not edges or edge - edges[-1] > half_ns:  # components less than half a sample apart start together
            edges.append(edge)
    records = []
    for low, high in itertools.pairwise(edges):
        if high - low < (2 - ROUNDING) * half_ns:  # less than a sample: components were sampled at different times
            continue
        covering = _covering(rows, low + half_ns, high - half_ns)
        if not covering:  # nothing is allocated for the years between two recordings
            continue
        start_ns = _beginning(list(covering.values()), low, rate_hz)
        first = {row: _nearest(segment, start_ns, rate_hz) for row, segment in covering.items()}
        n = min(len(segment.samples) - first[row] for row, segment in covering.items())
        n = min(n, math.ceil((high - start_ns) * rate_hz / NS_PER_S - ROUNDING))
        if n <= 0:
            continue
        data, present = np.zeros((3, n), dtype=np.float32), np.zeros(3, dtype=np.bool_)
        for row, segment in covering.items():
            _as_float32(segment.samples[first[row] : first[row] + n], data[row])
            present[row] = True
        bandwidth_hz = min(rate_hz / 2, *(segment.bandwidth_hz for segment in covering.values()))
        records.append((Record(data, start_ns, rate_hz, trace_id, present, bandwidth_hz), covering))
    return records


def _covering(rows: dict[int, list[Segment]], low_ns: int, high_ns: int) -> dict[int, Segment]:
    """The segment of each row that covers a stretch of time."""
    covering = {}
    for row in sorted(rows):
        i = bisect.bisect_right(rows[row], low_ns, key=lambda s: s.start_ns) - 1
        if i >= 0 and rows[row][i].end_ns >= high_ns:
            covering[row] = rows[row][i]
    return covering


def _beginning(segments: Sequence[Segment], low_ns: int, rate_hz: float) -> int:
    """Time of a record's first sample, which is one of the first segment and not before `low_ns`.

    Components may be sampled at times of their own. Which samples stand beside each other must not depend on where
    the record begins: beside a sample of the first component stand the nearest ones of the others.
    """
    at = max(math.ceil((low_ns - segments[0].start_ns) * rate_hz / NS_PER_S - ROUNDING), 0)
    is_early = any(_nearest(segment, segments[0].time_ns(at), rate_hz) < 0 for segment in segments)
    return segments[0].time_ns(at + is_early)


def _nearest(segment: Segment, time_ns: int, rate_hz: float) -> int:
    """The sample nearest to a time; halves are always rounded up."""
    return math.floor((time_ns - segment.start_ns) * rate_hz / NS_PER_S + 0.5)


def _as_float32(samples: NDArray[Any], out: NDArray[np.float32]) -> None:
    """Copy samples into `out`.

    If counts lie too far from zero for the 24 bits of a float32, the first one is subtracted from all. Otherwise they
    are left alone, so that a part of a recording gives what the whole gives.
    """
    low, high = float(samples.min()), float(samples.max())
    most = LOST_TO_ROUNDING * (high - low)
    out[:] = samples
    if FLOAT_ROUNDING * max(-low, high) <= most:
        return
    lost = 0.0
    for start in range(0, len(out), BLOCK_SAMPLES):
        block = slice(start, start + BLOCK_SAMPLES)
        lost = max(lost, float(np.abs(out[block].astype(np.float64) - samples[block]).max()))
    if lost > most:
        np.subtract(samples, samples[0], out=out, dtype=np.float64, casting="unsafe")
