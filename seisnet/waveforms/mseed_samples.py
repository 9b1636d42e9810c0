"""Samples of miniSEED, decoded by ObsPy and placed where the headers of their records say."""

from __future__ import annotations

import ctypes
import functools
import itertools
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.clocks import on_time
from seisnet.waveforms.mseed import BLOCK_BYTES, TOLERANCE, Stretch, read_index
from seisnet.waveforms.mseed_headers import MSEED_START, headers_at, seed_id_of
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.segments import JITTER

AT_ONCE_BYTES = 1 << 20
"""More records than these are decoded channel by channel, for ObsPy holds all samples of one call twice."""


@functools.cache
def mseed_reader() -> Callable[..., obspy.Stream]:
    """ObsPy's reader of miniSEED; `obspy.read` searches for it every time, which takes as long as a small file."""
    (entry,) = entry_points(group="obspy.plugin.waveform.MSEED", name="readFormat")
    reader: Callable[..., obspy.Stream] = entry.load()
    return reader


def is_mseed(path: Path) -> bool:
    """Whether a file begins with a record."""
    with path.open("rb") as file:
        return MSEED_START.match(file.read(8)) is not None


def holds_mseed(path: Path) -> bool:
    """Whether a file seems to hold a record near its start, whatever precedes it."""
    with path.open("rb") as file:
        return MSEED_START.search(file.read(BLOCK_BYTES)) is not None


def read_mseed(path: Path, *, headonly: bool) -> obspy.Stream:
    """Read a file; whatever ObsPy raises on damaged ones is raised."""
    if headonly or path.stat().st_size <= AT_ONCE_BYTES or read_index(path) is None:
        stream = mseed_reader()(str(path), headonly=headonly)
    else:
        stream = _decoded(np.fromfile(path, np.int8))
    for trace in stream:
        trace.stats._format = "MSEED"  # as `obspy.read` sets it
    may_drift = not headonly and any(_may_drift(trace.stats) for trace in stream)
    return on_time(stream, path.read_bytes()) if may_drift and _drifts(path) else stream


def decoded_between(
    path: Path, records: NDArray[np.int8], start: obspy.UTCDateTime, end: obspy.UTCDateTime
) -> obspy.Stream:
    """The samples between two times of records of a file, see `seisnet.waveforms.mseed.read_span`."""
    drifts = _drifts(path)
    times = {} if drifts else {"starttime": start, "endtime": end}
    stream = _decoded(records, **times)
    return cut(on_time(stream, records.data.cast("B")) if drifts else stream, start, end)


def _decoded(records: NDArray[np.int8], **times: obspy.UTCDateTime) -> obspy.Stream:
    """Decode records; if they are many, a channel at a time."""
    if len(records) <= AT_ONCE_BYTES:
        return mseed_reader()(records, **times) if len(records) else obspy.Stream()
    stream = obspy.Stream()
    for of_channel in _by_channel(records):
        stream += mseed_reader()(of_channel, **times)
        _return_freed()
    return stream


def _return_freed() -> None:
    """Have glibc return freed memory to the system: what one day's records took would stay, in pieces, for the next."""
    if trim := _malloc_trim():
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def _by_channel(records: NDArray[np.int8]) -> Iterator[NDArray[np.int8]]:
    """The records of each channel, in the order of their first ones; all together if a header is not understood."""
    places: dict[str, list[tuple[NDArray[np.int8], NDArray[np.bool_]]]] = defaultdict(list)
    at = 0
    while (headers := headers_at(records.data.cast("B"), at)) is not None:
        rows = records[at : at + headers.n_bytes].reshape(len(headers.code), -1)
        seed_ids = np.array([seed_id_of(code) for code in headers.code.tolist()])
        for seed_id in dict.fromkeys(seed_ids.tolist()):
            places[seed_id].append((rows, seed_ids == seed_id))
        at += headers.n_bytes
    if at < len(records):
        yield records
        return
    for of_channel in places.values():
        yield np.concatenate([rows[own].ravel() for rows, own in of_channel])


def cut(stream: obspy.Stream, start: obspy.UTCDateTime | None, end: obspy.UTCDateTime | None) -> obspy.Stream:
    """The samples between two times, as `obspy.read` cuts; `Stream.trim` would align all with those of the first."""
    for border in ({"starttime": start}, {"endtime": end}):
        stream = obspy.Stream([trace for trace in stream if trace.trim(**border).stats.npts])
    return stream


def n_samples_of(stream: obspy.Stream) -> int:
    """Number of samples of all traces."""
    return sum(int(trace.stats.npts) for trace in stream)


def _may_drift(stats: obspy.core.Stats) -> bool:
    """Whether a trace is so long that a clock may drift far enough to matter, or reaches over a midnight."""
    return bool(stats.npts * JITTER > TOLERANCE or stats.starttime.date != stats.endtime.date)


def _drifts(path: Path) -> bool:
    index = read_index(path)
    if index is None:
        return False
    pairs = itertools.pairwise(index.stretches)
    return any(s.drifts for s in index.stretches) or any(_is_leap(before, after) for before, after in pairs)


def _is_leap(before: Stretch, after: Stretch) -> bool:
    """Whether one stretch follows another but for a leap second: if its record says so, ObsPy joins the two."""
    late_ns = after.start_ns - before.end_ns - NS_PER_S / before.rate_hz
    return after.seed_id == before.seed_id and abs(abs(late_ns) - NS_PER_S) * after.rate_hz <= TOLERANCE * NS_PER_S
