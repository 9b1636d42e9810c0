"""What sources hold, as records at one rate: streams conditioned, traces of data sets resampled."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import obspy

from seisnet.errors import DataError
from seisnet.waveforms import fdsn, sds
from seisnet.waveforms.conditioning import SLOWEST, condition, to_rate
from seisnet.waveforms.datasets import DatasetTrace, read_dataset
from seisnet.waveforms.files import Reading, read_file
from seisnet.waveforms.inventory import Response, read_stations
from seisnet.waveforms.mseed import read_index
from seisnet.waveforms.quality import mended_record
from seisnet.waveforms.records import LAST_NS, NS_PER_S, Flag, Record, Rejection, first_at, sample_to_ns, with_flags
from seisnet.waveforms.remarks import of_record, resampled
from seisnet.waveforms.resampling import BEHIND
from seisnet.waveforms.sources import Source


def read_records(
    source: Source,
    reading: Reading,
    *,
    sampling_rate_hz: float,
    shortest_s: float,
    margin_s: float = 0.0,
    response: Response | None = None,
) -> Iterator[Record]:
    """Read a source and condition it.

    Parameters
    ----------
    sampling_rate_hz : float
        Rate of the records.
    shortest_s : float
        Length of a window: shorter records are rejected, and records reach this far, less one sample, beyond the span.
    margin_s : float
        How much more records hold at either end of the span, as far as it was recorded.
    response : Response, optional
        Removes the instrument's response; the source needs an inventory.
    """
    # Longer than the filters reach, and than a window, so that what is cut here is not rejected as too short.
    guard_s = shortest_s + margin_s + (BEHIND + 4) / (SLOWEST * sampling_rate_hz)
    guard_s += response.blind_s if response else 0.0
    try:
        stream = source.selection.of(_stream(source, reading, round(guard_s * NS_PER_S)))
    except DataError as error:  # of one request to a service: the others go on
        reading.rejections.append(Rejection("", *source.span_ns, str(error)))
        reading.failed.append(str(error))
        return
    records, rejections = condition(
        stream,
        sampling_rate_hz=sampling_rate_hz,
        shortest_s=shortest_s,
        stations=read_stations(source.inventory) if source.inventory else None,
        response=response,
        empty=True,
    )
    for told in itertools.chain(rejections, *map(of_record, records)):
        if part := source.part_of(told.start_ns, told.end_ns):
            reading.rejections.append(Rejection(told.trace_id, *part, told.reason))
    window = max(1, round(shortest_s * sampling_rate_hz))
    for record in records:
        cut = _within(record, source.span_ns, window, round(margin_s * sampling_rate_hz))
        if cut is not None:
            yield cut


def read_traces(
    source: Source,
    reading: Reading,
    *,
    sampling_rate_hz: float,
    response: Response | None = None,
    rows: Collection[int] | None = None,
) -> Iterator[DatasetTrace]:
    """Read the wanted traces of a data set, or of some of its rows, at a sampling rate, one in memory at a time.

    Raises
    ------
    DataError
        A response is to be removed, but data sets do not say which.
    """
    if response:
        raise DataError(f"{source.name}: responses can't be removed from a data set; leave response at none")
    slowest_hz = SLOWEST * sampling_rate_hz
    try:
        for trace in read_dataset(source.paths[0], rows):
            if isinstance(trace, Rejection):
                reading.rejections.append(trace)
                continue
            record = trace.record
            wanted = source.selection
            present = record.present & wanted.components(record.trace_id)
            if not (present.any() and wanted.overlaps(record.start_ns, record.end_ns)):
                continue
            if (present != record.present).any():
                record = replace(record, data=np.where(present[:, np.newaxis], record.data, 0), present=present)
            if record.sampling_rate_hz < slowest_hz:
                reason = f"sampled at {record.sampling_rate_hz:g} Hz; {slowest_hz:g} Hz is the minimum"
                reading.rejections.append(Rejection(record.trace_id, record.start_ns, record.end_ns, reason))
            else:
                record = mended_record(record)
                change = resampled([record.sampling_rate_hz], sampling_rate_hz)
                changes = (Flag(record.start_ns, record.start_ns, change),) if change else ()
                record = replace(record, flags=changes + record.flags)
                reading.rejections += of_record(record)
                yield replace(trace, record=to_rate(record, sampling_rate_hz))
    except DataError as error:  # of the data set as a whole: what was read is kept, and other sources go on
        reading.rejections.append(Rejection("", 0, 0, str(error)))


def _stream(source: Source, reading: Reading, guard_ns: int) -> obspy.Stream:
    """What a source needs: its own files, and of those beside it what is near its span."""
    low, high = source.span_ns
    span_ns = (low - guard_ns, high + guard_ns)
    if source.kind == "fdsn":
        stream = fdsn.fetch(source.service, source.channels, source.selection.within(*span_ns))
        if not any(source.part_of(t.stats.starttime.ns, t.stats.endtime.ns) for t in stream):
            reading.rejections.append(Rejection(source.channels[:-1], low, high, f"fdsn:{source.service} has no data"))
        return stream
    near_ns = (max(span_ns[0], -LAST_NS), min(span_ns[1], LAST_NS))
    stream = _of_files(source.paths, source, reading, None if source.part is None else near_ns)
    if source.kind == "sds":
        reading.rejections += sds.strayed(stream, source.reach_ns)
    beside = Reading(failed=reading.failed)  # whatever else is wrong with them, their own source reports
    return stream + _of_files(source.beside, source, beside, near_ns)


def _of_files(paths: Sequence[Path], source: Source, reading: Reading, span_ns: tuple[int, int] | None) -> obspy.Stream:
    """What some files hold for a source."""
    stream = obspy.Stream()
    for path in paths:
        own = Reading(failed=reading.failed)
        part = read_file(path, own, span_ns=span_ns)
        reading.rejections += [rejection for rejection in own.rejections if _reports(source, path, rejection)]
        if part is not None:
            stream += sds.own_traces(part, path, reading) if source.kind == "sds" else part
            if not source.part:
                reading.files.append(path)
    return stream


def _reports(source: Source, path: Path, rejection: Rejection) -> bool:
    """Whether what is wrong with a file is a source's to report: several days of the file may all meet it."""
    if source.part is None:
        return True
    if rejection.trace_id:  # a stretch that is lost, which all days near it read
        return source.part_of(rejection.start_ns, rejection.end_ns) is not None
    # What is wrong with the whole file: without an index every day reads all of it.
    return source.part == 0 or read_index(path) is not None


def _within(record: Record, span_ns: tuple[int, int], window: int, margin: int) -> Record | None:
    """The part of a record that holds the windows starting in a span, and a margin of samples beside it; else None."""
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
