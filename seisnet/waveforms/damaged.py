"""miniSEED of which some records can't be decoded: ObsPy refuses the file or its rest, while only they are lost."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.clocks import on_time
from seisnet.waveforms.mseed import BLOCK_BYTES, Stretch
from seisnet.waveforms.mseed_headers import MSEED_START, headers_at, holds_another, seed_id_of
from seisnet.waveforms.mseed_samples import mseed_reader, n_samples_of
from seisnet.waveforms.records import NS_PER_S

AT_ONCE = 256
"""Records that are decoded together to find those that can't be: in a large file few are damaged."""


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
    n_samples = [stretch.n_samples for stretch in stretches]
    lost = [i for first in firsts for i in _undecodable(records, bounds, n_samples, first, first + AT_ONCE)]
    parts = [records[low:high] for low, high in _between(bounds, lost)]
    sound = np.concatenate([data[:0], *parts])
    stream = on_time(mseed_reader()(sound), sound.tobytes()) if len(sound) else obspy.Stream()
    return stream, [stretches[i] for i in lost], len(data) - len(records)


def _records(data: NDArray[np.int8]) -> tuple[NDArray[np.int8], list[int], list[Stretch]]:
    """All records without what lies between them, where each begins and the last ends, and what their headers say."""
    parts, bounds, stretches = [data[:0]], [0], []
    view = data.view(np.uint8).data
    at = 0
    while (found := MSEED_START.search(view, at)) is not None:
        at = found.start()
        headers = headers_at(view[at : at + BLOCK_BYTES], 0)
        n, length = (len(headers.code), headers.n_bytes // len(headers.code)) if headers else (0, 0)
        n = next((i for i in range(n) if holds_another(view, at + i * length, length)), n)
        if headers is None or not n:
            at += 1
            continue
        parts.append(data[at : at + n * length])
        bounds += [bounds[-1] + length * (i + 1) for i in range(n)]
        values = (headers.start_ns, headers.next_ns, headers.n_samples, headers.rate_hz)
        for code, start_ns, next_ns, n_samples, hz in zip(
            headers.code[:n], *(v[:n].tolist() for v in values), strict=True
        ):
            stretches.append(Stretch(seed_id_of(code), start_ns, next_ns - round(NS_PER_S / hz), n_samples, hz))
        at += n * length
    return np.concatenate(parts), bounds, stretches


def _between(bounds: list[int], lost: list[int]) -> Iterator[tuple[int, int]]:
    """Where the records between those that are lost begin and end."""
    for before, after in itertools.pairwise([-1, *lost, len(bounds) - 1]):
        yield bounds[before + 1], bounds[after]


def _undecodable(
    records: NDArray[np.int8], bounds: list[int], n_samples: list[int], first: int, end: int
) -> Iterator[int]:
    """Which of the records from one to another can't be decoded, by halves."""
    end = min(end, len(n_samples))
    if not _decodes(records[bounds[first] : bounds[end]], sum(n_samples[first:end])):
        if end - first == 1:
            yield first
        else:
            middle = (first + end) // 2
            yield from _undecodable(records, bounds, n_samples, first, middle)
            yield from _undecodable(records, bounds, n_samples, middle, end)


def _decodes(records: NDArray[np.int8], n_samples: int) -> bool:
    """Whether records give so many samples."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return n_samples_of(mseed_reader()(records)) == n_samples
    except MemoryError:  # which is no fault of the file
        raise
    except Exception:  # ObsPy's readers raise whatever they like on damaged files
        return False
