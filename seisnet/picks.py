"""One type for the picks of analysts and of machines, one for detections; and their times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import obspy

_TIME = re.compile(
    r"(?:(\d{4}-\d{3})|(\d{4}-\d\d-\d\d|\d{4}/\d\d/\d\d|\d{8}(?=T)))"
    r"(?:[T ](\d\d(?::?\d\d)?|\d\d:?\d\d:?\d\d(?:[.,]\d*)?)(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
"""ISO 8601: day of the year or date, time of day, zone. A number alone is no date."""


@dataclass(frozen=True, slots=True, eq=False)
class OnInstrument:
    """Base class of statements about one instrument; equal if all fields are equal, NaN counting as equal to NaN.

    `channel` may be a full code (``HHZ``), band and instrument (``HH``), or empty if a catalogue names none.
    """

    network: str
    station: str
    location: str
    channel: str

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))

    @property
    def station_id(self) -> str:
        """``NET.STA``."""
        return f"{self.network}.{self.station}"

    @property
    def site_id(self) -> str:
        """``NET.STA.LOC``."""
        return f"{self.network}.{self.station}.{self.location}"

    @property
    def channel_id(self) -> str:
        """``LOC.CHA``, or ``CHA`` alone where there is no location."""
        return f"{self.location}.{self.channel}".lstrip(".")

    @property
    def trace_id(self) -> str:
        """``NET.STA.LOC.BAND+INSTRUMENT``."""
        return f"{self.site_id}.{self.channel[:2]}"


@dataclass(frozen=True, slots=True, eq=False)
class Pick(OnInstrument):
    """The onset of one seismic phase on one instrument.

    Figures that an analyst's pick lacks are NaN. `weight` in (0, 1] says how far a label is to be trusted. `original`
    is the pick before an analyst moved or renamed it, None if nobody did.
    """

    phase: str
    time_ns: int
    probability: float = math.nan
    uncertainty_s: float = math.nan
    snr_db: float = math.nan
    model: str = ""
    threshold: float = math.nan
    weight: float = 1.0
    event_id: str = ""
    original: Pick | None = None

    def __lt__(self, other: Pick) -> bool:
        """Whether it comes first in order of time, then of trace id, then of phase."""
        return _place(self) < _place(other)

    @property
    def peak_time(self) -> obspy.UTCDateTime:
        """The time as SeisBench names and holds it."""
        return obspy_time(self.time_ns)

    @property
    def peak_value(self) -> float:
        """The probability as SeisBench names it."""
        return self.probability

    @property
    def interval_ns(self) -> tuple[int, int]:
        """From one uncertainty before the time to one after it; without uncertainty both are the time itself."""
        half_ns = 0 if math.isnan(self.uncertainty_s) else round(self.uncertainty_s * 1e9)
        return self.time_ns - half_ns, self.time_ns + half_ns

    @property
    def start_time(self) -> obspy.UTCDateTime:
        """One uncertainty before the time, as SeisBench names the start of a pick."""
        return obspy_time(self.interval_ns[0])

    @property
    def end_time(self) -> obspy.UTCDateTime:
        """One uncertainty after the time, as SeisBench names the end of a pick."""
        return obspy_time(self.interval_ns[1])

    @property
    def pick_id(self) -> str:
        """Name of the pick, the same wherever it is written: ``NET.STA.LOC.CHA_PHASE_TIME``, UTC to the microsecond.

        Examples
        --------
        >>> Pick("BW", "RJOB", "", "EH", "P", 1_251_073_207_700_000_000).pick_id
        'BW.RJOB..EH_P_2009-08-24T00:20:07.700000Z'
        """
        return f"{self.site_id}.{self.channel}_{self.phase}_{iso_time(self.time_ns)}"

    def __str__(self) -> str:
        """One line for people.

        Examples
        --------
        >>> print(Pick("BW", "RJOB", "", "EH", "P", 1_251_073_207_720_000_000, 0.986, 0.0194))
        BW.RJOB..EH  P  2009-08-24T00:20:07.720000Z  0.99  +- 0.02 s
        """
        uncertainty = "" if math.isnan(self.uncertainty_s) else f"  +- {self.uncertainty_s:.2f} s"
        return f"{self.trace_id}  {self.phase}  {iso_time(self.time_ns)}{_stated(self.probability)}{uncertainty}"


def _values(statement: OnInstrument) -> tuple[object, ...]:
    """All fields, with None for NaN, which is not equal to itself."""
    values = [getattr(statement, name) for name in statement.__dataclass_fields__]
    return tuple([None if value != value else value for value in values])  # noqa: PLR0124, NaN


def _stated(probability: float) -> str:
    """A probability in a line; nothing where it is NaN."""
    return "" if math.isnan(probability) else f"  {probability:.2f}"


def obspy_time(ns: int) -> obspy.UTCDateTime:
    """Nanoseconds since 1970 as ObsPy holds a time."""
    import obspy  # which takes long, and is not needed to read picks

    return obspy.UTCDateTime(ns=ns)


def iso_time(ns: int) -> str:
    """ISO 8601 in UTC, rounded to microseconds.

    Examples
    --------
    >>> iso_time(1_251_073_207_700_000_000)
    '2009-08-24T00:20:07.700000Z'
    """
    return f"{np.datetime64((ns + 500) // 1000, 'us')}Z"


def iso_ns(text: str) -> int:
    """Nanoseconds since 1970 of an ISO 8601 time, whose date may have slashes; UTC where no zone is given.

    Second 60, from a leap second or from rounding, is read as second 0 of the next minute.

    Raises
    ------
    ValueError
        It is something else.

    Examples
    --------
    >>> iso_ns("1970-01-01T00:00:01.000000001Z"), iso_ns("1970/01/01 01:00+01:00"), iso_ns("1970-001")
    (1000000001, 0, 0)
    """
    found = _TIME.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        of_year, date, clock, zone = found.groups(default="")
        if of_year:
            date = datetime.strptime(of_year, "%Y-%j").date().isoformat()
            if date[:4] != of_year[:4]:  # the 366th day of a year that has 365
                raise ValueError
        clock, _, fraction = clock.replace(",", ".").partition(".")
        is_60 = len(clock) >= len("hhmmss") and clock.endswith("60")
        clock = clock[:-2] + "59" if is_60 else clock
        whole = datetime.fromisoformat(f"{date.replace('/', '-')}T{clock or '00'}{zone or 'Z'}")
    except ValueError:
        raise ValueError(f"time {text!r} is not ISO 8601, such as 2011-07-04T05:23:18.25Z") from None
    return (int(whole.timestamp()) + is_60) * 10**9 + int(f"{fraction[:9]:0<9}")


def named(code: str | None) -> str:
    """The code of a network or location; empty where blanks, dashes or question marks stand for none."""
    return (code or "").strip(" -?")


def in_order(picks: Iterable[Pick]) -> list[Pick]:
    """Sort by time, trace id, phase."""
    return sorted(picks, key=_place)  # which is faster than comparing picks


def _place(pick: Pick) -> tuple[int, str, str]:
    return pick.time_ns, pick.trace_id, pick.phase


def station_of(trace_id: str) -> str:
    """``NET.STA`` of a trace id.

    Examples
    --------
    >>> station_of("GE.APE..HH")
    'GE.APE'
    """
    return ".".join(trace_id.split(".")[:2])


@dataclass(frozen=True, slots=True, eq=False)
class ClassInterval(OnInstrument):
    """What an analyst calls a stretch of a station's recording; `end_ns` is `start_ns` where no end is known.

    `weight` in (0, 1] says how far the label is to be trusted.
    """

    label: str
    start_ns: int
    end_ns: int
    weight: float = 1.0
    event_id: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Detection(OnInstrument):
    """A stretch of one instrument's record that belongs to one class of signal."""

    label: str
    start_ns: int
    end_ns: int
    probability: float = math.nan
    model: str = ""
    threshold: float = math.nan

    def __lt__(self, other: Detection) -> bool:
        """Whether it comes first in order of its start, then of trace id, then of class."""
        return (self.start_ns, self.trace_id, self.label) < (other.start_ns, other.trace_id, other.label)

    def __str__(self) -> str:
        """One line for people."""
        span = f"{iso_time(self.start_ns)} to {iso_time(self.end_ns)}"
        return f"{self.trace_id}  {self.label}  {span}{_stated(self.probability)}"

    @property
    def detection_id(self) -> str:
        """Name of the detection, as `Pick.pick_id`: ``NET.STA.LOC.CHA_CLASS_START``.

        Examples
        --------
        >>> Detection("TW", "LH01", "", "EH", "rockfall", 0, 10**9).detection_id
        'TW.LH01..EH_rockfall_1970-01-01T00:00:00.000000Z'
        """
        return f"{self.site_id}.{self.channel}_{self.label}_{iso_time(self.start_ns)}"

    @property
    def start_time(self) -> obspy.UTCDateTime:
        """The start as SeisBench names and holds it."""
        return obspy_time(self.start_ns)

    @property
    def end_time(self) -> obspy.UTCDateTime:
        """The end as SeisBench names and holds it."""
        return obspy_time(self.end_ns)

    @property
    def peak_value(self) -> float:
        """The probability as SeisBench names it."""
        return self.probability
