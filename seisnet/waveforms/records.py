"""The value that conditioning makes and everything after it reads: a gap-free stretch of one instrument."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seisnet.picks import iso_time
from seisnet.wording import first_of

COMPONENTS = "ZNE"
"""Order of the rows of every record and of everything cut from it."""

ROW = {"Z": 0, "N": 1, "E": 2, "1": 1, "2": 2, "3": 0, "R": 1, "T": 2}
"""Component letter to row of a record. 1 and R stand in for N, 2 and T for E, and 3 for Z; never by position."""

NS_PER_S = 1_000_000_000

MOST_NAMED = 3
"""Traces that a message names at most."""

DAY_NS = 86_400 * NS_PER_S

LAST_NS = 2**63 - 1 - DAY_NS
"""Latest time of a sample; its negative is the earliest."""

ROUNDING = 1e-3
"""Times closer than this share of a sample count as equal: they are rounded to whole nanoseconds."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something wrong with a stretch that is used all the same."""

    start_ns: int
    end_ns: int
    what: str


@dataclass(frozen=True)
class Record:
    """One gap-free stretch of one instrument.

    Attributes
    ----------
    data : float32 (C, T)
        Samples in the unit of the source, components in Z, N, E order; rows of absent components are zero.
    start_ns : int
        Time of the first sample, nanoseconds since 1970-01-01T00:00:00 UTC.
    sampling_rate_hz : float
        Rate of `data`.
    trace_id : str
        ``NET.STA.LOC.BAND+INSTRUMENT``.
    present : bool (C,)
        Which components were recorded.
    bandwidth_hz : float
        Highest frequency that the recording holds: the Nyquist frequency of the slowest rate it passed through.
    goes_on : (bool, bool)
        Whether the recording goes on before and after, in records of other sources.
    flags : tuple of Flag
        What is wrong with its samples, see `seisnet.waveforms.quality`.
    """

    data: NDArray[np.float32]
    start_ns: int
    sampling_rate_hz: float
    trace_id: str
    present: NDArray[np.bool_]
    bandwidth_hz: float
    goes_on: tuple[bool, bool] = (False, False)
    flags: tuple[Flag, ...] = ()

    def __repr__(self) -> str:
        """Say where, when and how much, not every sample."""
        span = f"{iso_time(self.start_ns)} to {iso_time(self.end_ns)}"
        samples = f"{self.n_samples} samples at {self.sampling_rate_hz:g} Hz"
        return f"Record({self.trace_id}, {span}, {samples}, {letters_of(self.present)})"

    @property
    def n_samples(self) -> int:
        """Samples of each component."""
        return int(self.data.shape[1])

    @property
    def end_ns(self) -> int:
        """Time of the last sample."""
        return sample_to_ns(self, self.n_samples - 1)


KEPT = "used, but "
"""Prefix of the reason of a `Rejection` that is only a remark on a record that is used."""

DAMAGED = "damaged, read as far as possible: "
"""Prefix of the reason given for a damaged file, part of which may be used."""

BEYOND = "its time lies before 1678 or after 2261"
"""Reason of a rejection, see `is_beyond`."""


class Rejection(NamedTuple):
    """A stretch that could not be used, and why."""

    trace_id: str
    start_ns: int
    end_ns: int
    reason: str


def letters_of(present: Iterable[bool]) -> str:
    """Letters of the components that are there.

    Examples
    --------
    >>> letters_of([True, False, True])
    'ZE'
    """
    return "".join(letter for letter, there in zip(COMPONENTS, present, strict=True) if there)


def lost(rejections: Iterable[Rejection]) -> list[Rejection]:
    """Rejections of what is not used, without the remarks on what is."""
    return [rejection for rejection in rejections if not rejection.reason.startswith(KEPT)]


def mark_of(reason: str) -> str:
    """What stands before a reason in a list: whether what it is about is not used.

    Examples
    --------
    >>> mark_of("no samples"), mark_of("used, but resampled from 40 Hz")
    ('not used: ', '')
    """
    return "" if reason.startswith((KEPT, DAMAGED)) else "not used: "


def reasons(rejections: Iterable[Rejection]) -> str:
    """Each reason once, with the first traces rejected for it; empty if there are only remarks on what is used.

    Examples
    --------
    >>> reasons([Rejection("XX.A..HH", 0, 9, "no samples"), Rejection("XX.B..HH", 0, 9, "no samples")])
    'no samples (XX.A..HH, XX.B..HH)'
    >>> reasons([Rejection("...", 0, 9, "no channel code")])
    'no channel code'
    >>> reasons([Rejection("", 0, 0, "used, but resampled from 40 Hz")])
    ''
    """
    trace_ids_of: dict[str, dict[str, None]] = {}
    for rejection in lost(rejections):
        trace_ids_of.setdefault(rejection.reason, {})[rejection.trace_id] = None
    told = []
    for reason, traces in trace_ids_of.items():
        named = [trace_id for trace_id in traces if trace_id.strip(".")]
        told.append(f"{reason} ({first_of(named, MOST_NAMED)})" if named else reason)
    return "; ".join(told)


def is_beyond(start_ns: int, end_ns: int) -> bool:
    """Whether 64 bits can't hold the times of a stretch, and those computed from them."""
    return not -LAST_NS <= start_ns <= end_ns <= LAST_NS


def wrong_codes(trace_id: str) -> str:
    """Why a trace id can't be used; empty for one that can.

    Examples
    --------
    >>> wrong_codes("GE.A.PE..HH"), wrong_codes("GE.APE..HH")
    ('a code with a dot in it; dots separate network, station, location and channel', '')
    """
    if trace_id.count(".") != 3:
        return "a code with a dot in it; dots separate network, station, location and channel"
    # Control characters come from damaged headers; XML can't hold them.
    return "a code with a control character in it" if re.search(r"[\x00-\x1f\x7f-\x9f]", trace_id) else ""


def with_flags(record: Record, flags: Iterable[Flag]) -> Record:
    """A record with those of the flags that overlap it, cut to its length."""
    start_ns, end_ns = record.start_ns, record.end_ns
    inside = (f for f in flags if f.start_ns <= end_ns and f.end_ns >= start_ns)
    cut = tuple(replace(f, start_ns=max(f.start_ns, start_ns), end_ns=min(f.end_ns, end_ns)) for f in inside)
    return replace(record, flags=cut) if cut != record.flags else record


def sample_of(record: Record, time_ns: int) -> float:
    """Sample at a time, fractional; it may lie outside the record."""
    return (time_ns - record.start_ns) * record.sampling_rate_hz / NS_PER_S


def ns_to_sample(record: Record, time_ns: int) -> int:
    """Index of the sample nearest to a time; it may lie outside the record.

    Rounded, never truncated: ``int((t - t0) * rate)`` loses a sample for times on the grid. Halves are
    always rounded up: with `round`, which prefers even numbers, the sample would depend on where the record starts.
    """
    return math.floor(sample_of(record, time_ns) + 0.5)


def first_at(record: Record, time_ns: int) -> int:
    """Index of the first sample at a time or after it, which may lie outside the record."""
    return math.ceil(sample_of(record, time_ns) - ROUNDING)


def sample_to_ns(record: Record, sample: float) -> int:
    """Time of a sample, which may be fractional, in nanoseconds."""
    return record.start_ns + round(sample * NS_PER_S / record.sampling_rate_hz)
