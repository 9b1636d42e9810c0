"""Clocks that drift: samples of miniSEED are placed where the headers of their records say.

Like libmseed, ObsPy appends a record that begins within half a sample of the end of the previous one, and counts all
samples from the start of the first. With a clock that is off by a millionth, those of a day file are up to 0.09 s off.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator

import obspy

from seisnet.errors import DataError
from seisnet.waveforms.mseed_headers import headers_at, seed_id_of
from seisnet.waveforms.segments import place_after, trace_part


def on_time(stream: obspy.Stream, data: bytes | memoryview) -> obspy.Stream:
    """Cut traces wherever a record of `data`, from which they were read, no longer falls on their samples.

    Packets are cut there as well, so that a file gives what a stream gives. A trace holds records of one channel and
    quality, in the order of the file.

    Raises
    ------
    DataError
        The traces do not hold the samples that the headers announce.
    """
    records: dict[tuple[str, str], deque[tuple[int, int]]] = defaultdict(deque)
    at = 0
    while (headers := headers_at(data, at)) is not None:
        at += headers.n_bytes
        for code, quality, start_ns, n_samples in zip(
            headers.code, headers.quality, headers.start_ns.tolist(), headers.n_samples.tolist(), strict=True
        ):
            records[seed_id_of(code), quality.decode()].append((start_ns, n_samples))
    of_trace = ((trace, records[trace.id, trace.stats.mseed.dataquality]) for trace in stream)
    return obspy.Stream([part for trace, of_channel in of_trace for part in _on_time(trace, of_channel)])


def _on_time(trace: obspy.Trace, records: deque[tuple[int, int]]) -> Iterator[obspy.Trace]:
    """Cut a trace that was made from the first of some records (start and number of samples), which are used up."""
    stats = trace.stats
    first, part_ns, n_samples = 0, stats.starttime.ns, 0
    while n_samples < stats.npts and records:
        start_ns, more = records.popleft()
        if place_after(part_ns, start_ns, stats.sampling_rate, n_samples - first) != n_samples - first:
            yield trace_part(trace, first, n_samples, part_ns)
            first, part_ns = n_samples, start_ns
        n_samples += more
    if n_samples != stats.npts:
        raise DataError(f"its clock drifts, and {trace.id} has not the samples that its headers announce")
    yield trace_part(trace, first, stats.npts, part_ns)
