"""miniSEED of which some records can't be decoded: ObsPy refuses the file or its rest, while only they are lost."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.clocks import on_time
from seisnet.waveforms.mseed import BLOCK_BYTES, Stretch
from seisnet.waveforms.mseed_headers import MSEED_START, headers_at, holds_another, seed_id_of
from seisnet.waveforms.mseed_samples import mseed_reader, n_samples_of
from seisnet.waveforms.records import NS_PER_S

UNSURE = "Data integrity check"
"""What ObsPy says of a record whose last sample is not the one that its first frame announces."""

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
    records = _records(data)
    lost = set(_faulty(records))
    sound = np.concatenate([data[:0], *(record for i, (record, _) in enumerate(records) if i not in lost)])
    stream = on_time(mseed_reader()(sound), sound.tobytes()) if len(sound) else obspy.Stream()
    return stream, [records[i][1] for i in sorted(lost)], len(data) - sum(len(record) for record, _ in records)


def unsure_records(data: NDArray[np.int8], span_ns: tuple[int, int] | None) -> tuple[int, Stretch | None]:
    """How many decodable records in a span fail Steim's integrity check, and what the header of the first says."""
    low_ns, high_ns = span_ns or (-math.inf, math.inf)
    records = [(record, s) for record, s in _records(data) if s.start_ns <= high_ns and s.end_ns >= low_ns]
    lost = set(_faulty(records))
    sound = [pair for i, pair in enumerate(records) if i not in lost]
    first = next(_faulty(sound, surely=True), None)
    if first is None:
        return 0, None
    _, n_unsure = _decoded(np.concatenate([record for record, _ in sound]))
    return n_unsure, sound[first][1]


def _records(data: NDArray[np.int8]) -> list[tuple[NDArray[np.int8], Stretch]]:
    """All records, and what their headers say; between them may lie what belongs to none."""
    records = []
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
        values = (headers.start_ns, headers.next_ns, headers.n_samples, headers.rate_hz)
        for code, start_ns, next_ns, n_samples, hz in zip(
            headers.code[:n], *(v[:n].tolist() for v in values), strict=True
        ):
            stretch = Stretch(seed_id_of(code), start_ns, next_ns - round(NS_PER_S / hz), n_samples, hz)
            records.append((data[at : at + length], stretch))
            at += length
    return records


def _faulty(records: Sequence[tuple[NDArray[np.int8], Stretch]], *, surely: bool = False) -> Iterator[int]:
    """Which of some records can't be decoded, by halves; with `surely` also those that fail Steim's integrity check."""
    spans = [(first, min(first + AT_ONCE, len(records))) for first in range(0, len(records), AT_ONCE)][::-1]
    while spans:
        first, end = spans.pop()
        data, stretches = zip(*records[first:end], strict=True)
        n_samples, n_unsure = _decoded(np.concatenate(data))
        if n_samples == sum(stretch.n_samples for stretch in stretches) and not (surely and n_unsure):
            continue
        if end - first == 1:
            yield first
        else:
            middle = (first + end) // 2
            spans += [(middle, end), (first, middle)]


def _decoded(records: NDArray[np.int8]) -> tuple[int, int]:
    """How many samples records give, none if they can't be decoded, and how many fail Steim's integrity check."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            n_samples = n_samples_of(mseed_reader()(records))
        except MemoryError:  # which is no fault of the file
            raise
        except Exception:  # ObsPy's readers raise whatever they like on damaged files
            n_samples = 0
    return n_samples, sum(UNSURE in str(warning.message) for warning in said)
