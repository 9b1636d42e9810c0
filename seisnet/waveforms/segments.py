"""Traces of one component in, gap-free segments out: split at gaps, without copies, and of one rate if rates jitter."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.records import NS_PER_S, ROUNDING, Rejection

JITTER = 1e-4
"""Rates of one component that differ by less than this share count as one, unless that would displace samples."""

AT_ONCE = 0.75
"""A piece that starts within so many samples of another's end continues it; a real overlap is at least one sample."""

FEWEST_COPIED = 10
"""Fewer samples may agree by chance with those beside them."""

LARGEST_SAMPLE = float(np.finfo(np.float32).max) / 4
"""Larger ones would overflow float32 when a mean or a trend is removed."""


@dataclass(frozen=True)
class Segment:
    """A gap-free run of one component's samples, of any real type that float64 holds exactly; never to be changed."""

    samples: NDArray[Any]
    start_ns: int
    rate_hz: float
    bandwidth_hz: float
    seed_id: str

    @property
    def end_ns(self) -> int:
        """Time just after the last sample: where a following segment would start."""
        return self.time_ns(len(self.samples))

    def time_ns(self, sample: int) -> int:
        """Time of a sample."""
        return self.start_ns + round(sample * NS_PER_S / self.rate_hz)

    def rejected(self, reason: str) -> Rejection:
        """Say why it can't be used."""
        return Rejection(split_seed_id(self.seed_id)[0], self.start_ns, self.end_ns, reason)


def segments_of(traces: Iterable[obspy.Trace], rejections: list[Rejection]) -> list[Segment]:
    """Gap-free segments of one component, overlaps resolved; those of higher rates first, then in order of time."""
    return joined((piece for trace in traces for piece in finite_runs(trace, rejections)), rejections)


def joined(pieces: Iterable[Segment], rejections: list[Rejection]) -> list[Segment]:
    """Pieces of one component put together where they follow each other, as `segments_of` does."""
    by_rate: dict[float, list[Segment]] = defaultdict(list)
    for group in _alike(pieces):
        common_hz = _common_hz([s.rate_hz for s in group])
        for s in group:
            if abs(common_hz / s.rate_hz - 1) * len(s.samples) < 0.5:  # else its last sample would be displaced
                by_rate[common_hz].append(replace(s, rate_hz=common_hz, bandwidth_hz=common_hz / 2))
            else:
                by_rate[s.rate_hz].append(s)
    return [s for rate_hz in sorted(by_rate, reverse=True) for s in _joined(by_rate[rate_hz], rejections)]


def _alike(pieces: Iterable[Segment]) -> list[list[Segment]]:
    """Pieces whose rates differ by no more than jitter, in order of their rates."""
    groups: list[list[Segment]] = []
    for piece in sorted(pieces, key=lambda piece: piece.rate_hz):
        if not groups or piece.rate_hz > groups[-1][0].rate_hz * (1 + JITTER):
            groups.append([])
        groups[-1].append(piece)
    return groups


def _common_hz(rates_hz: Sequence[float]) -> float:
    """Median of rising rates, with no more digits than their spread justifies, so that a few give the same as all."""
    median_hz, spread_hz = statistics.median(rates_hz), rates_hz[-1] - rates_hz[0]
    return round(median_hz, -math.ceil(math.log10(spread_hz))) if spread_hz else median_hz


def finite_runs(trace: obspy.Trace, rejections: list[Rejection]) -> Iterable[Segment]:
    """Stretches of a trace without masked, NaN or infinite samples."""
    data = _exact(np.ma.getdata(trace.data))
    rate_hz = float(trace.stats.sampling_rate)
    whole = Segment(data, trace.stats.starttime.ns, rate_hz, rate_hz / 2, trace.id)
    # Flags for all samples take as long as the rest: first see whether they are needed. With NaN, no comparison holds.
    least, most = (float(data.min(initial=0)), float(data.max(initial=0))) if data.dtype.kind == "f" else (0.0, 0.0)
    if not np.ma.is_masked(trace.data) and least > -LARGEST_SAMPLE and most < LARGEST_SAMPLE:
        return [whole]
    masked = np.ma.getmaskarray(trace.data)
    usable = (data > -LARGEST_SAMPLE) & (data < LARGEST_SAMPLE)
    rejections += [part(whole, *run).rejected("samples that are not finite") for run in runs(~masked & ~usable)]
    return [part(whole, *run) for run in runs(~masked & usable)]


def _exact(samples: NDArray[Any]) -> NDArray[Any]:
    """Samples as they are if float64 surely holds them exactly, else as float64: copies of a day take memory."""
    small = samples.dtype.itemsize <= 4 and samples.dtype.isnative
    return samples if small else samples.astype(np.float64, copy=False)


def _joined(pieces: Iterable[Segment], rejections: list[Rejection]) -> Iterable[Segment]:
    """Join pieces of one rate that follow each other without a gap, or overlap; in order of time."""
    group: list[tuple[int, Segment]] = []  # pieces with their first sample counted from the start of the group
    length, end_ns, last = 0, 0, np.zeros(0)  # `last` are the samples that the group ends with
    for whole in sorted(pieces, key=lambda s: s.start_ns):
        piece, at, n_copied = whole, 0, 0
        if group:
            first = group[0][1]
            at = place_after(first.start_ns, whole.start_ns, first.rate_hz, length)
            n_copied = _copied(last, whole.samples, length - at)
            if n_copied >= len(whole.samples):
                continue
            if n_copied:
                piece = part(whole, n_copied, len(whole.samples))
                at = place_after(first.start_ns, piece.start_ns, first.rate_hz, length)
        # With a drifting clock, a piece that continues the group falls beside its samples: it starts a new one.
        continues = n_copied or abs(piece.start_ns - end_ns) * piece.rate_hz < AT_ONCE * NS_PER_S
        if at > length or (at < length and continues):
            yield from _resolved(group, length, rejections)
            # With a fast clock the group then has one sample too many, where the first of the piece would lie.
            piece = part(piece, max(length - at, 0), len(piece.samples))
            group, at, length = [], 0, 0
        elif at < 0:  # a copy of a piece whose first sample was left out
            piece, at = part(piece, -at, len(piece.samples)), 0
        if not len(piece.samples):
            continue
        group.append((at, piece))
        if at + len(piece.samples) >= length:
            length, last = at + len(piece.samples), whole.samples
        end_ns = max(end_ns, piece.end_ns)
    yield from _resolved(group, length, rejections)


def _copied(last: NDArray[Any], samples: NDArray[Any], n: int) -> int:
    """How many of a piece's first samples a group that it overlaps by `n` ends with one sample earlier or later.

    0 if none do, or if they agree where they are: with a drifting clock, copies in files that begin at other times are
    placed up to one sample apart.
    """
    for n_copied in (n, n - 1, n + 1):
        first, copies = len(last) - n_copied, samples[: max(n_copied, 0)]
        if first >= 0 and len(copies) >= FEWEST_COPIED and np.array_equal(last[first : first + len(copies)], copies):
            return n_copied if n_copied != n else 0
    return 0


def _resolved(group: list[tuple[int, Segment]], length: int, rejections: list[Rejection]) -> Iterable[Segment]:
    """Join pieces into one; of several copies of a sample one is kept if they are equal, none if they differ."""
    if len(group) < 2:
        yield from (piece for _, piece in group)
        return
    if length == sum(len(piece.samples) for _, piece in group):  # nothing overlaps
        yield replace(group[0][1], samples=np.concatenate([piece.samples for _, piece in group]))
        return
    samples = np.full(length, np.nan)
    differs = np.zeros(length, dtype=np.bool_)
    for at, piece in group:
        here = slice(at, at + len(piece.samples))
        differs[here] |= ~np.isnan(samples[here]) & (samples[here] != piece.samples)
        samples[here] = piece.samples
    whole = replace(group[0][1], samples=samples)
    rejections += [part(whole, *run).rejected("overlapping samples that differ") for run in runs(differs)]
    yield from (part(whole, *run) for run in runs(~differs))


def place_after(start_ns: int, time_ns: int, rate_hz: float, length: int) -> int:
    """Sample that lies at a time, counted from a start; `length` if what starts then continues so many samples.

    It does if it is less than half a sample late or early. With `round` alone, which prefers even numbers, exact halves
    would go on or not depending on where the recording starts.
    """
    late = (time_ns - start_ns) * rate_hz / NS_PER_S - length
    if abs(late) < 0.5 - ROUNDING:
        return length
    nearest = math.floor(late + 0.5)
    return length + (max(nearest, 1) if late > 0 else min(nearest, -1))


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and past-the-last index of every run of true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(low), int(high)) for low, high in edges.reshape(-1, 2)]


def part(segment: Segment, low: int, high: int) -> Segment:
    """Samples `low` to `high`, end excluded."""
    return replace(segment, samples=segment.samples[low:high], start_ns=segment.time_ns(low))


def trace_part(trace: obspy.Trace, low: int, high: int, start_ns: int) -> obspy.Trace:
    """Samples `low` to `high` of a trace, end excluded, the first of them at a given time."""
    header = {**trace.stats, "npts": high - low, "starttime": obspy.UTCDateTime(ns=start_ns)}
    return obspy.Trace(trace.data[low:high], header=header)
