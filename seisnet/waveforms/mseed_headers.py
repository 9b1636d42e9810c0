"""Headers of miniSEED records, many at once; no sample is decoded.

Only what data centres and recorders usually write is understood here: data records with a blockette 1000, of any length
and in either order of bytes.
"""

from __future__ import annotations

import functools
import re
import struct
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seisnet.waveforms.records import DAY_NS, NS_PER_S

MSEED_START = re.compile(rb"\d{6}[DRQM][ \0]")
"""The first bytes of a miniSEED record: six digits and a letter for its quality. Where a record was cut short, and more
were appended, the next begins anywhere."""

SLOWEST_HZ = 1e-4
"""Below this, times would not fit into 64 bits."""

# fmt: off
HEADER = np.dtype({
    "names": ["quality", "code", "year", "day", "hour", "minute", "second", "fraction", "samples", "factor",
              "multiplier", "activity", "correction"],
    "formats": ["S1", "S12", ">u2", ">u2", "u1", "u1", "u1", ">u2", ">u2", ">i2", ">i2", "u1", ">i4"],
    "offsets": [6, 8, 20, 22, 24, 25, 26, 28, 30, 32, 34, 36, 40],
    "itemsize": 48,
})
# fmt: on
"""Fixed part of a record's header; `code` is station, location, channel and network."""

IS_QUALITY = np.array([chr(byte) in "DRQM" for byte in range(256)])
ENCODINGS = {1, 3, 4, 5, 10, 11}
"""Whole numbers, floats, Steim1 and Steim2."""

CORRECTED = 2
"""Bit of the activity flags: the start time already includes the time correction."""


@dataclass(frozen=True)
class Headers:
    """Headers of records of one length and layout that follow each other; one value for each record."""

    n_bytes: int
    code: NDArray[np.bytes_]
    quality: NDArray[np.bytes_]
    start_ns: NDArray[np.int64]
    next_ns: NDArray[np.int64]
    n_samples: NDArray[np.int64]
    rate_hz: NDArray[np.float64]


class _Layout(NamedTuple):
    """Byte order and length of a record, the bytes that others like it share, and where its blockettes lie."""

    order: Literal["<", ">"]
    length: int
    fixed: list[int]
    offset_of: dict[int, int]


def headers_at(data: bytes | memoryview, at: int) -> Headers | None:
    """Headers of whole records from a place on, as many as are like the first; None if that is not understood."""
    layout = _layout(data, at)
    if layout is None or holds_another(data, at, layout.length):
        return None
    order, length, fixed, offset_of = layout
    most = (len(data) - at) // length
    rows = np.ndarray((most, length), np.uint8, data, at)
    n = 1
    while n < most and (rows[n // 2 : n, fixed] == rows[0, fixed]).all():  # else a lone record costs as much as many
        n = min(2 * n, most)
    rows = rows[:n]
    known = (rows[:, fixed] == rows[0, fixed]).all(axis=1) & IS_QUALITY[rows[:, 6]]
    known &= (rows[:, :6] - ord("0") < 10).all(axis=1)  # unsigned: what is less than "0" is large
    h = np.ndarray((n,), HEADER.newbyteorder(order), data, at, (length,))
    year, day, hour, minute, second, fraction, n_samples, correction = (
        h[name].astype(np.int64)
        for name in ("year", "day", "hour", "minute", "second", "fraction", "samples", "correction")
    )
    known &= (year >= 1900) & (year <= 2100) & (day >= 1) & (day <= 366)
    known &= (hour < 24) & (minute < 60) & (second <= 60) & (n_samples > 0)
    if 100 in offset_of:
        rate_hz = np.ndarray((n,), f"{order}f4", data, at + offset_of[100] + 4, (length,)).astype(np.float64)
    else:
        rate_hz = _rate_hz(h["factor"]) * _rate_hz(h["multiplier"])
    known &= (rate_hz > SLOWEST_HZ) & (rate_hz < np.inf)
    n_like = n if known.all() else int(np.argmin(known))
    if not n_like:
        return None
    days = (year - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64) + day - 1
    start_ns = days * DAY_NS + (hour * 3600 + minute * 60 + second) * NS_PER_S
    start_ns += (fraction + np.where(h["activity"] & CORRECTED, 0, correction)) * 100_000
    if 1001 in offset_of:
        start_ns += np.ndarray((n,), np.int8, data, at + offset_of[1001] + 5, (length,)).astype(np.int64) * 1000
    rate_hz = np.where(known, rate_hz, 1.0)
    next_ns = start_ns + np.rint(n_samples * (NS_PER_S / rate_hz)).astype(np.int64)
    code, quality, like = h["code"][:n_like], h["quality"][:n_like], slice(n_like)
    return Headers(n_like * length, code, quality, start_ns[like], next_ns[like], n_samples[like], rate_hz[like])


def _layout(data: bytes | memoryview, at: int) -> _Layout | None:
    head = data[at : at + 256]
    if len(head) < 48:
        return None
    order: Literal["<", ">"] = "<" if head[47] == 0 else ">"  # the first blockette begins before byte 256
    fixed = [39, 46, 47]
    offset_of: dict[int, int] = {}
    lowest, (offset,) = 48, struct.unpack_from(f"{order}H", head, 46)
    while offset:
        if not lowest <= offset <= len(head) - 8:  # a chain that goes back might never end
            return None
        kind, following = struct.unpack_from(f"{order}HH", head, offset)
        fixed += range(offset, offset + 4)
        offset_of[kind], lowest, offset = offset, offset + 4, following
    if 1000 not in offset_of:
        return None
    encoding, big_endian, power = head[offset_of[1000] + 4 : offset_of[1000] + 7]
    fixed += range(offset_of[1000] + 4, offset_of[1000] + 7)
    length = 1 << min(power, 30)
    if encoding not in ENCODINGS or big_endian != (order == ">") or not 128 <= length <= len(data) - at:
        return None
    return _Layout(order, length, fixed, offset_of)


def holds_another(data: bytes | memoryview, at: int, length: int) -> bool:
    """Whether another record begins within one, which then was cut short, or does not say how long it is."""
    another = MSEED_START.search(data, at + 1, at + length + 7)  # one that begins before its end
    return another is not None and _layout(data, another.start()) is not None


def _rate_hz(factor: NDArray[Any]) -> NDArray[np.float64]:
    """Samples a second where positive, else seconds a sample; NaN for 0."""
    values = np.where(factor == 0, np.nan, factor.astype(np.float64))
    return np.where(values > 0, values, -1.0 / values)


@functools.lru_cache(maxsize=1 << 12)
def seed_id_of(code: bytes) -> str:
    """``NET.STA.LOC.CHA`` without blanks, what follows a NUL and what is not ASCII: ObsPy leaves them out as well."""
    parts = code[10:12], code[:5], code[5:7], code[7:10]
    return ".".join("".join(part.partition(b"\0")[0].decode("ascii", "ignore").split()) for part in parts)
