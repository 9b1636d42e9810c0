"""The part of a recording that a source answers for: a span of time, in which windows start; see `sources`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import obspy

from seisnet.waveforms.conditioning import with_flags
from seisnet.waveforms.records import DAY_NS, Record, Rejection, first_at, sample_to_ns


def within(record: Record, span_ns: tuple[int, int], window: int, margin: int) -> Record | None:
    """The part of a record with the windows that start in a span, or, with a margin, with samples in it."""
    low, high = (first_at(record, ns) for ns in span_ns)
    first, end = max(0, low - margin), min(record.n_samples, high - 1 + window + margin)
    if end - first < window or low > record.n_samples - (1 if margin >= window else window) or high <= 0:
        return None
    goes_on = (first > 0, end < record.n_samples)
    if not any(goes_on):
        return record
    start_ns = sample_to_ns(record, first)
    cut = replace(record, data=record.data[:, first:end], start_ns=start_ns, goes_on=goes_on)
    return with_flags(cut, record.flags)


def clipped(rejections: Sequence[Rejection], span_ns: tuple[int, int]) -> Iterator[Rejection]:
    """The part of every rejection that lies in a span; what lies outside is told by other sources."""
    for r in rejections:
        start_ns, end_ns = max(r.start_ns, span_ns[0]), min(r.end_ns, span_ns[1])
        if start_ns < end_ns or start_ns == r.start_ns < span_ns[1]:
            yield r._replace(start_ns=start_ns, end_ns=end_ns)


def strayed(stream: obspy.Stream, span_ns: tuple[int, int]) -> Iterator[Rejection]:
    """What a file of an archive holds of other days than those beside its own, where nobody looks for it."""
    for trace in stream:
        start_ns, end_ns = trace.stats.starttime.ns, trace.stats.endtime.ns
        for low, high in (
            (start_ns, min(end_ns, span_ns[0] - DAY_NS)),
            (max(start_ns, span_ns[1] + DAY_NS), end_ns),
        ):
            if low < high:
                yield Rejection(trace.id[:-1], low, high, "lies more than a day from the day in its file name")
