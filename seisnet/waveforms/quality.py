"""Faults that leave a recording usable but not to be trusted: clipping, dead stretches, spikes, steps, and no time.

Spikes are replaced (`seisnet.waveforms.spikes`). Nothing else is mended and nothing is rejected: records carry flags,
which the summaries count. The rules look at raw samples, in any unit. The quantum is the smallest difference between
neighbouring samples, the usual difference the median one.

clipped
    At least `CLIPPED_SAMPLES` equal samples at the largest or smallest value of the segment, entered and left by a
    jump of more than 0.5 % of the range: the rounded top of a slow wave is flat as well, but not cut. A range below
    400 quanta is too coarse to tell, and a dead stretch, such as a gap filled with zeros, is only that.
dead
    One value for `DEAD_S` or longer.
step
    A jump by more than `OUTSTANDING` times the usual difference between two stretches of `STEP_S` that each keep within
    a tenth of it.
no time
    A segment that starts within a day of 1970-01-01, the time that readers assume if a file holds none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.overlaps import merged
from seisnet.waveforms.records import COMPONENTS, DAY_NS, Flag, Record
from seisnet.waveforms.segments import Segment
from seisnet.waveforms.spikes import subtractable, without_spikes

CLIPPED_SAMPLES = 3
DEAD_S = 2.0
OUTSTANDING = 30.0
STEP_S = 0.5

FEWEST_SAMPLES = 20
"""Shorter segments are not examined, fewer equal samples are not dead, and a step has half as many on each side."""

MERGED_S = 10.0
"""Faults of one kind nearer to each other than this are reported as one stretch."""

BLOCK_SAMPLES = 32_768
"""Samples whose differences are taken at a time: they stay in the second-level cache."""

SAMPLED = 2000
"""The usual difference is the median over about so many."""


def mended(segment: Segment, component: str) -> tuple[Segment, list[Flag]]:
    """Replace spikes, and flag what is or was wrong with the samples of a segment, in order of kind and time."""
    samples, spikes = without_spikes(segment.samples)
    flags = _flags(segment, f"spikes of {component} were replaced", spikes)
    segment = replace(segment, samples=samples) if spikes else segment
    return segment, flags + _faults(segment, component)


def mended_record(record: Record) -> Record:
    """Replace the spikes of a record at its native rate, and flag them and its faults."""
    data, flags = record.data, list(record.flags)
    for row in np.flatnonzero(record.present):
        raw = Segment(data[row], record.start_ns, record.sampling_rate_hz, record.bandwidth_hz, record.trace_id)
        segment, found = mended(raw, COMPONENTS[row])
        flags += found
        if segment is not raw:
            data = data.copy() if data is record.data else data
            data[row] = segment.samples
    return replace(record, data=data, flags=tuple(flags))


def _faults(segment: Segment, component: str) -> list[Flag]:
    x = segment.samples
    if len(x) < FEWEST_SAMPLES:
        return []
    # A median of all would cost more than reading the file; this one is good to a few per cent.
    step = max(1, (len(x) - 1) // SAMPLED)
    usual = float(np.median(np.abs(np.subtract(x[1::step], x[:-1:step], dtype=np.float64))))
    equal, jumps = _equal_and_jumps(x, OUTSTANDING * usual if usual > 0 else np.inf)
    shortest_dead = max(FEWEST_SAMPLES, round(DEAD_S * segment.rate_hz))
    faults = {
        f"{component} is clipped": [(low, high) for low, high in _clipped(x, equal) if high - low + 1 < shortest_dead],
        f"{component} is dead: constant for {DEAD_S:g} s or longer": _flat_runs(equal, shortest_dead),
        f"{component} has steps": _steps(x, jumps, max(FEWEST_SAMPLES // 2, round(STEP_S * segment.rate_hz))),
    }
    return [flag for what, stretches in faults.items() for flag in _flags(segment, what, stretches)]


def _flags(segment: Segment, what: str, stretches: list[tuple[int, int]]) -> list[Flag]:
    together = merged(stretches, round(MERGED_S * segment.rate_hz))
    return [Flag(segment.time_ns(low), segment.time_ns(high), what) for low, high in together]


def untimed(segment: Segment, component: str) -> list[Flag]:
    """Flag a segment that has no time."""
    if abs(segment.start_ns) >= DAY_NS:
        return []
    what = f"{component} has no time: it counts from 1970"
    return [Flag(segment.start_ns, segment.time_ns(len(segment.samples) - 1), what)]


def _equal_and_jumps(x: NDArray[Any], jump: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Samples that the next one equals, and those from which the signal jumps."""
    equal, jumps = [], []
    for start in range(0, len(x) - 1, BLOCK_SAMPLES):
        part = subtractable(x[start : start + 1 + BLOCK_SAMPLES])
        with np.errstate(over="ignore"):  # an infinite difference is a jump as well
            change = part[1:] - part[:-1]
        equal.append(np.flatnonzero(change == 0) + start)
        jumps.append(np.flatnonzero(np.abs(change, out=change) > jump) + start)
    return np.concatenate(equal), np.concatenate(jumps)


def _clipped(x: NDArray[Any], equal: NDArray[np.intp]) -> list[tuple[int, int]]:
    if not len(equal):
        return []
    low, high = float(x.min()), float(x.max())
    flat = equal[(x[equal] == high) | (x[equal] == low)]
    if not len(flat) or low == high:
        return []
    change = np.abs(np.subtract(x[1:], x[:-1], dtype=np.float64))
    if high - low < 400 * float(change.min(where=change > 0, initial=np.inf)):
        return []
    jump = 0.005 * (high - low)
    return [
        (first, last)
        for first, last in _flat_runs(flat, CLIPPED_SAMPLES)
        if (first == 0 or change[first - 1] > jump) and (last == len(change) or change[last] > jump)
    ]


def _flat_runs(equal: NDArray[np.intp], shortest: int) -> list[tuple[int, int]]:
    """First and last of at least `shortest` equal samples; `equal` are those that the next one repeats."""
    if len(equal) < shortest - 1:
        return []
    breaks = np.flatnonzero(np.diff(equal) > 1)
    firsts, lasts = equal[np.concatenate([[0], breaks + 1])], equal[np.concatenate([breaks, [-1]])] + 1
    long = lasts - firsts + 1 >= shortest
    return list(zip(firsts[long].tolist(), lasts[long].tolist(), strict=True))


def _steps(x: NDArray[Any], jumps: NDArray[np.intp], length: int) -> list[tuple[int, int]]:
    steps: list[tuple[int, int]] = []
    at = jumps[(jumps >= length - 1) & (jumps + 1 + length <= len(x))]
    if not len(at):
        return []
    near = x[np.arange(-1, 3)[:, None] + at].astype(np.float64)  # differences of integers might overflow
    before, change, after = np.abs(np.diff(near, axis=0))
    beside = np.maximum(before, after) < 0.1 * change
    for i, height in zip(at[beside].tolist(), change[beside].tolist(), strict=True):
        sides = x[i + 1 - length : i + 1], x[i + 1 : i + 1 + length]
        if all(float(side.max()) - float(side.min()) < 0.1 * height for side in sides):
            steps.append((i, i + 1))
    return steps
