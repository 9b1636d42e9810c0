"""miniSEED of which some records can't be decoded: ObsPy refuses the whole file, while only they are lost."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

import numpy as np
import obspy
from numpy.typing import NDArray
from obspy.io.mseed import InternalMSEEDError

from seisnet.waveforms.clocks import on_time
from seisnet.waveforms.mseed import BLOCK_BYTES, Stretch, headers_at, seed_id_of
from seisnet.waveforms.records import NS_PER_S

SHORTEST_BYTES = 128
"""No record is shorter, and records start at multiples of it: where none is understood, the next is looked for."""

AT_ONCE = 256
"""Records that are decoded together to find those that can't be: in a large file few are damaged."""


@functools.cache
def mseed_reader() -> Callable[..., obspy.Stream]:
    """ObsPy's reader of miniSEED; `obspy.read` searches for it every time, which takes as long as a small file."""
    (entry,) = entry_points(group="obspy.plugin.waveform.MSEED", name="readFormat")
    reader: Callable[..., obspy.Stream] = entry.load()
    return reader


def read_decodable(data: NDArray[np.int8]) -> tuple[obspy.Stream, list[Stretch], int]:
    """Read the records that can be decoded.

    Every record says how long it is, so that the next one begins where it says, also if its samples are damaged. A
    record is never decoded in part: how much of what precedes the damage is right, nobody can tell.

    Parameters
    ----------
    data : int8 (n_bytes,)
        Records.

    Returns
    -------
    stream : obspy.Stream
        Their samples, where the headers say; empty if there are none.
    lost : list of Stretch
        What the others held, by their headers.
    n_bytes : int
        Bytes that belong to no record whose header is understood.
    """
    records, bounds, stretches = _records(data)
    firsts = range(0, len(stretches), AT_ONCE)
    lost = [i for first in firsts for i in _undecodable(records, bounds[first : first + AT_ONCE + 1], first)]
    parts = [records[low:high] for low, high in _between(bounds, lost)]
    sound = np.concatenate([data[:0], *parts])
    stream = on_time(mseed_reader()(sound), sound.tobytes()) if len(sound) else obspy.Stream()
    return stream, [stretches[i] for i in lost], len(data) - len(records)


def _records(data: NDArray[np.int8]) -> tuple[NDArray[np.int8], list[int], list[Stretch]]:
    """All records without what lies between them, where each begins and the last ends, and what their headers say."""
    parts, bounds, stretches = [data[:0]], [0], []
    at = 0
    while at < len(data):
        headers = headers_at(data[at : at + BLOCK_BYTES].tobytes(), 0)
        if headers is None:
            at += SHORTEST_BYTES
            continue
        n = len(headers.code)
        parts.append(data[at : at + headers.n_bytes])
        bounds += [bounds[-1] + headers.n_bytes // n * (i + 1) for i in range(n)]
        values = (headers.start_ns, headers.next_ns, headers.n_samples, headers.rate_hz)
        for code, start_ns, next_ns, n_samples, hz in zip(headers.code, *(v.tolist() for v in values), strict=True):
            stretches.append(Stretch(seed_id_of(code), start_ns, next_ns - round(NS_PER_S / hz), n_samples, hz))
        at += headers.n_bytes
    return np.concatenate(parts), bounds, stretches


def _between(bounds: list[int], lost: list[int]) -> Iterator[tuple[int, int]]:
    """Where the records between those that are lost begin and end."""
    for before, after in itertools.pairwise([-1, *lost, len(bounds) - 1]):
        yield bounds[before + 1], bounds[after]


def _undecodable(records: NDArray[np.int8], bounds: list[int], first: int) -> Iterator[int]:
    """Which records can't be decoded, by halves."""
    n = len(bounds) - 1
    try:
        mseed_reader()(records[bounds[0] : bounds[-1]])
    except InternalMSEEDError:
        if n == 1:
            yield first
            return
        yield from _undecodable(records, bounds[: n // 2 + 1], first)
        yield from _undecodable(records, bounds[n // 2 :], first + n // 2)
