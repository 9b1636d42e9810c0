"""Faults of the recorder that leave samples usable but not to be trusted: clipping, dead stretches, spikes, steps.

Nothing is mended and nothing rejected: a record says what it holds, and the summaries count it. The rules look at raw
samples, in any unit. The quantum is the smallest difference of neighbouring samples, their usual difference its median.

clipped
    At least `CLIPPED_SAMPLES` equal samples at the largest or smallest value of the segment, entered and left by a
    jump of more than 0.5 % of the range: the rounded top of a slow wave is flat as well, but not cut. A range below
    400 quanta is too coarse to tell.
dead
    One value for `DEAD_S` or longer.
spike
    One sample that differs from both neighbours by more than `OUTSTANDING` times the usual difference, while everything
    within ten samples on either side keeps within a tenth of that.
step
    A jump by more than `OUTSTANDING` times the usual difference between two stretches of `STEP_S` that each keep within
    a tenth of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.waveforms.records import NS_PER_S, Flag
from seisnet.waveforms.segments import Segment

CLIPPED_SAMPLES = 3
DEAD_S = 2.0
OUTSTANDING = 30.0
STEP_S = 0.5

AROUND = 10
"""Samples on either side of a spike that have to be quiet."""

MERGED_S = 10.0
"""Faults of one kind nearer than this are told as one stretch."""

AT_ONCE = 1 << 14
"""Jumps that are looked at at once."""

SAMPLED = 50_000
"""The usual difference is the median over about so many."""


def faults(segment: Segment, component: str) -> list[Flag]:
    """Find what is wrong with a segment, in order of kind and time."""
    x = segment.samples
    if len(x) < 2 * AROUND:
        return []
    change = np.subtract(x[1:], x[:-1], dtype=np.float64)  # integers would overflow
    np.abs(change, out=change)
    # A median of all would cost more than reading the file.
    usual = float(np.median(change[:: max(1, len(change) // SAMPLED)]))
    jumps = np.flatnonzero(change > OUTSTANDING * usual) if usual > 0 else np.zeros(0, dtype=np.intp)
    equal = np.flatnonzero(change == 0)
    found = {
        f"{component} is clipped": _clipped(x, change, equal),
        f"{component} is dead: one value for {DEAD_S:g} s or longer": _dead(equal, segment.rate_hz),
        f"{component} has spikes": _spikes(x, change, jumps),
        f"{component} has steps": _steps(x, change, jumps, max(AROUND, round(STEP_S * segment.rate_hz))),
    }
    return [
        Flag(_time_ns(segment, low), _time_ns(segment, high), what)
        for what, stretches in found.items()
        for low, high in _merged(stretches, round(MERGED_S * segment.rate_hz))
    ]


def _clipped(x: NDArray[Any], change: NDArray[np.float64], equal: NDArray[np.intp]) -> list[tuple[int, int]]:
    low, high = float(x.min()), float(x.max())
    flat = equal[(x[equal] == high) | (x[equal] == low)]
    if not len(flat) or low == high:
        return []
    if high - low < 400 * float(change.min(where=change > 0, initial=np.inf)):
        return []
    jump = 0.005 * (high - low)
    return [
        (first, last)
        for first, last in _flat_runs(flat, CLIPPED_SAMPLES)
        if (first == 0 or change[first - 1] > jump) and (last == len(change) or change[last] > jump)
    ]


def _dead(equal: NDArray[np.intp], rate_hz: float) -> list[tuple[int, int]]:
    return _flat_runs(equal, max(2 * AROUND, round(DEAD_S * rate_hz)))


def _flat_runs(equal: NDArray[np.intp], shortest: int) -> list[tuple[int, int]]:
    """First and last of at least `shortest` equal samples; `equal` are those that the next one repeats."""
    if len(equal) < shortest - 1:
        return []
    breaks = np.flatnonzero(np.diff(equal) > 1)
    firsts, lasts = equal[np.concatenate([[0], breaks + 1])], equal[np.concatenate([breaks, [-1]])] + 1
    long = lasts - firsts + 1 >= shortest
    return list(zip(firsts[long].tolist(), lasts[long].tolist(), strict=True))


def _spikes(x: NDArray[Any], change: NDArray[np.float64], jumps: NDArray[np.intp]) -> list[tuple[int, int]]:
    found = []
    # A spike jumps up and down again: two changes in a row, small ones beside them. Earthquakes have no such.
    at = jumps[:-1][np.diff(jumps) == 1] + 1
    at = at[(at >= AROUND) & (at < len(x) - AROUND)]
    at = at[(change[at - 2] < 0.2 * change[at - 1]) & (change[at + 1] < 0.2 * change[at])]
    beside = np.concatenate([np.arange(-AROUND, 0), np.arange(1, AROUND + 1)])
    for some in np.array_split(at, len(at) // AT_ONCE + 1):
        around = x[some[:, None] + beside].astype(np.float64)
        height = np.abs(x[some] - np.median(around, axis=1))
        found += [(int(i), int(i)) for i in some[np.ptp(around, axis=1) < 0.1 * height]]
    return found


def _steps(x: NDArray[Any], change: NDArray[np.float64], jumps: NDArray[np.intp], length: int) -> list[tuple[int, int]]:
    found = []
    at = jumps[(jumps >= length - 1) & (jumps + 1 + length <= len(x))]
    at = at[np.maximum(change[at - 1], change[at + 1]) < 0.1 * change[at]]
    for i in at:
        before = x[i + 1 - length : i + 1].astype(np.float64)
        after = x[i + 1 : i + 1 + length].astype(np.float64)
        if max(np.ptp(before), np.ptp(after)) < 0.1 * change[i]:
            found.append((int(i), int(i) + 1))
    return found


def _merged(stretches: list[tuple[int, int]], apart: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in stretches:
        if merged and low - merged[-1][1] <= apart:
            merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return merged


def _time_ns(segment: Segment, sample: int) -> int:
    return segment.start_ns + round(sample * NS_PER_S / segment.rate_hz)
