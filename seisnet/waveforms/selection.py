"""Which part of the sources is wanted: channels by pattern, and a span of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase

import obspy

from seisnet.config import names
from seisnet.errors import ConfigError
from seisnet.waveforms.records import COMPONENTS, NS_PER_S, ROUNDING, ROW
from seisnet.waveforms.segments import trace_part

FOREVER_NS = (-(2**63), 2**63 - 1)
"""First and last time that an int64 holds."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Channels and times that are wanted; by default all.

    Attributes
    ----------
    patterns : tuple of str
        ``NET.STA.LOC.CHA`` with ``*``, ``?`` and ``[...]``, in any case; parts left off at the end match anything,
        ``--`` is the empty location, and a channel may leave off its component (``HH``). One match is enough.
    start_ns, end_ns : int
        Samples outside are not read. The end is excluded.

    Examples
    --------
    >>> Selection(("GE.A*..HH",)).takes("GE.APE..HHZ"), Selection(("GE.APE.00",)).takes("GE.APE..HHZ")
    (True, False)
    """

    patterns: tuple[str, ...] = ()
    start_ns: int = FOREVER_NS[0]
    end_ns: int = FOREVER_NS[1]

    def __post_init__(self) -> None:
        """Check every value."""
        for pattern in names("selection", self.patterns):  # each letter of a text would be a pattern, even a star
            if not 1 <= len(pattern.split(".")) <= 4 or not pattern.strip():
                raise ConfigError(f"selection '{pattern}' is not of the form NET.STA.LOC.CHA, such as 'GE.APE..HH?'")
        if self.start_ns >= self.end_ns:
            raise ConfigError("starttime must be before endtime")

    @property
    def codes(self) -> list[tuple[str, str, str, str]]:
        """Every pattern as its four parts."""
        codes = []
        for pattern in self.patterns or ("*",):
            parts = [part.strip() for part in pattern.upper().split(".")]
            network, station, location, channel = parts + ["*"] * (4 - len(parts))
            codes.append((network, station, location.replace("--", ""), channel))
        return codes

    def takes(self, seed_id: str) -> bool:
        """Whether a channel is wanted."""
        if not self.patterns:
            return True
        given = [code.strip().replace("--", "") for code in seed_id.upper().split(".")]
        return any(
            all(fnmatchcase(code, part) for code, part in zip(given[:3], parts[:3], strict=True))
            and any(fnmatchcase(given[3], channel) for channel in (parts[3], parts[3] + "?"))
            for parts in self.codes
        )

    def may_take(self, *codes: str) -> bool:
        """Whether any channel may be wanted of which these codes, at most network, station and location, are known."""
        given = [code.strip().upper() for code in codes]
        return any(all(map(fnmatchcase, given, parts)) for parts in self.codes)

    def components(self, trace_id: str) -> list[bool]:
        """Which of Z, N and E, by any letter that stands for them, are wanted of ``NET.STA.LOC.BAND+INSTRUMENT``."""
        return [
            any(self.takes(trace_id + letter) for letter, place in ROW.items() if place == row)
            for row in range(len(COMPONENTS))
        ]

    def overlaps(self, start_ns: int, end_ns: int) -> bool:
        """Whether a stretch holds a time that is wanted."""
        return start_ns < self.end_ns and end_ns >= self.start_ns

    def within(self, start_ns: int, end_ns: int) -> tuple[int, int]:
        """The part of a span that is wanted."""
        return max(start_ns, self.start_ns), min(end_ns, self.end_ns)

    def of(self, stream: obspy.Stream) -> obspy.Stream:
        """The wanted part of a stream; nothing is copied."""
        traces = [trace for trace in stream if self.takes(trace.id)]
        if (self.start_ns, self.end_ns) != FOREVER_NS:
            traces = [part for trace in traces if (part := _between(trace, self.start_ns, self.end_ns)).stats.npts]
        return obspy.Stream(traces)


EVERYTHING = Selection()


def _between(trace: obspy.Trace, start_ns: int, end_ns: int) -> obspy.Trace:
    """Samples from a time to before another; one that rounding has put just before a time lies at it."""
    stats = trace.stats
    if not stats.sampling_rate > 0:  # a log, say; why it can't be used is told when it is conditioned
        return trace
    step_ns = NS_PER_S / stats.sampling_rate
    # Whole numbers first: a float has too few digits for nanoseconds since 1970.
    places = (math.ceil((ns - stats.starttime.ns) / step_ns - ROUNDING) for ns in (start_ns, end_ns))
    first, end = (min(max(place, 0), stats.npts) for place in places)
    return trace_part(trace, first, end, stats.starttime.ns + round(first * step_ns))
