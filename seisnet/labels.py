"""Analysts' picks from QuakeML, any catalogue that ObsPy reads, or CSV, and their match with records."""

from __future__ import annotations

import csv
import difflib
import glob
import math
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import obspy
from obspy.core.event import WaveformStreamID

from seisnet.errors import DataError
from seisnet.picks import Pick, in_order
from seisnet.waveforms.records import NS_PER_S, Record

CSV_COLUMNS = ("network", "station", "time", "phase")
"""Columns a CSV of picks must have; location, channel, uncertainty_s and event_id may be there too.

So may `STATUS_COLUMNS`, of which rejected picks are no labels, and ``pick_id``: of rows with the same one, which answer
for one pick, the last counts.
"""

STATUS_COLUMNS = ("status", "evaluation_status")

FRACTION = re.compile(r"\.(\d+)(?=(?:Z|[+-]\d\d:?\d\d)?$)")
"""Of a second, at the end of a time."""


def phase_class(hint: str) -> str:
    """Map a phase hint to ``P``, ``S``, or an empty string for what is neither.

    Qualities before the letter (``IP``, ``ES``) are dropped, and every crustal branch counts with its letter: Pg, Pn,
    Pb, PmP and P1 are P; Sg, Sn, Sb and SmS are S. Lg and amplitudes (AML) are neither.

    Examples
    --------
    >>> [phase_class(h) for h in ("Pg", "IPU0", "eS", "Sn", "Lg", "AML", "")]
    ['P', 'P', 'S', 'S', '', '', '']
    """
    letters = hint.strip().upper()
    if len(letters) > 1 and letters[0] in "EIQ" and letters[1] in "PS":
        letters = letters[1:]
    return letters[0] if letters[:1] in ("P", "S") else ""


def read_labels(paths: Iterable[str | Path]) -> list[Pick]:
    """Read picks from catalogues and CSV files.

    Returns
    -------
    list of Pick
        In order of time; phases keep the hint that the file gives.

    Raises
    ------
    DataError
        For a file that is missing, empty, neither a catalogue nor a CSV of picks, or holds no pick.
    """
    picks: list[Pick] = []
    for path in map(Path, paths):
        if not path.is_file():
            raise DataError(f"{path}: no such file")
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty")
        try:
            found = _read_csv(path) if path.suffix.lower() == ".csv" else _read_catalogue(path)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path}: can't be read: {error}") from error
        if not found:
            raise DataError(f"{path}: holds no picks; origins alone name no onset")
        picks += found
    return in_order(picks)


def _read_csv(path: Path) -> list[Pick]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = [name.strip() for name in reader.fieldnames or []]
        missing = [name for name in CSV_COLUMNS if name not in columns]
        if missing:
            raise DataError(
                f"{path}: columns {', '.join(missing)} are missing; a CSV of picks has {', '.join(CSV_COLUMNS)}"
            )
        picks: dict[str, Pick] = {}
        for number, row in enumerate(reader, start=2):
            values = {(key or "").strip(): (value or "").strip() for key, value in row.items() if key is not None}
            name = values.get("pick_id") or str(number)
            if any(values.get(column, "").lower() == "rejected" for column in STATUS_COLUMNS):
                picks.pop(name, None)
                continue
            try:
                picks[name] = Pick(
                    network=values["network"],
                    station=values["station"],
                    location=values.get("location", ""),
                    channel=values.get("channel", ""),
                    phase=values["phase"],
                    time_ns=time_ns(values["time"]),
                    uncertainty_s=float(values.get("uncertainty_s") or math.nan),
                    event_id=values.get("event_id", ""),
                )
            except ValueError as error:
                raise DataError(f"{path}, line {number}: {error}") from error
    return list(picks.values())


def time_ns(text: str) -> int:
    """Read a time, ISO 8601 or seconds since 1970, as integer nanoseconds.

    Raises
    ------
    ValueError
        For anything else, and for times that do not fit, as those of milliseconds since 1970.

    Examples
    --------
    >>> time_ns("2020-01-01T00:00:00.123456789Z") % 10**9, time_ns("1577836800.5")
    (123456789, 1577836800500000000)
    """
    # ObsPy would round the fraction to microseconds.
    fraction = FRACTION.search(text)
    whole = text.replace(fraction[0], "", 1) if fraction else text
    rest_ns = int(fraction[1][:9].ljust(9, "0")) if fraction else 0
    try:
        if re.fullmatch(r"-?\d+", whole):
            ns = int(whole) * NS_PER_S + (-rest_ns if whole.startswith("-") else rest_ns)
        else:
            ns = int(obspy.UTCDateTime(whole).ns) + rest_ns
    except (ValueError, TypeError) as error:
        raise ValueError(f"time '{text}' is neither ISO 8601 nor seconds since 1970") from error
    if abs(ns) >= 2**63:
        raise ValueError(f"time '{text}' is not between 1678 and 2262; numbers are seconds since 1970")
    return ns


def _read_catalogue(path: Path) -> list[Pick]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ObsPy's readers, on fields that are not read here
        try:
            catalogue = obspy.read_events(glob.escape(str(path)))
        except Exception as error:  # ObsPy's readers raise whatever they like on a file of another format
            raise DataError(f"{path}: not a catalogue that ObsPy reads, and no .csv of picks") from error
    picks = []
    for event in catalogue:
        phases = {a.pick_id: a.phase for origin in event.origins for a in origin.arrivals}
        for pick in event.picks:
            if pick.evaluation_status == "rejected":
                continue
            codes = pick.waveform_id or WaveformStreamID()
            uncertainty = pick.time_errors.uncertainty if pick.time_errors else None
            picks.append(
                Pick(
                    network=codes.network_code or "",
                    station=codes.station_code or "",
                    location=codes.location_code or "",
                    channel=codes.channel_code or "",
                    phase=pick.phase_hint or phases.get(pick.resource_id) or "",
                    time_ns=pick.time.ns,
                    uncertainty_s=math.nan if uncertainty is None else float(uncertainty),
                    event_id=str(event.resource_id),
                )
            )
    return picks


@dataclass
class LabelMatcher:
    """Hands every record the picks made on it, and remembers what was matched.

    A pick belongs to a record when its station is the record's, its network and location are too where both name
    one, and its time lies in the record. It counts for every instrument of the station: the ground moves for all.
    """

    picks: Sequence[Pick]
    matched: set[int] = field(default_factory=set)
    nearest_ns: dict[int, int] = field(default_factory=dict)
    records: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Index the picks by station."""
        self._by_station: dict[str, list[int]] = defaultdict(list)
        for i, pick in enumerate(self.picks):
            self._by_station[pick.station.upper()].append(i)

    def match(self, record: Record) -> list[Pick]:
        """Picks of a record, in order of time."""
        network, station, location, _ = record.trace_id.split(".")
        self.records[f"{network}.{station}.{location}"] += 1
        found = []
        for i in self._by_station.get(station.upper(), []):
            pick = self.picks[i]
            if pick.network and network and pick.network.upper() != network.upper():
                continue
            if pick.location.strip("-") and location and pick.location != location:
                continue
            if record.start_ns <= pick.time_ns <= record.end_ns:
                self.matched.add(i)
                found.append(pick)
            else:
                away = max(record.start_ns - pick.time_ns, pick.time_ns - record.end_ns)
                self.nearest_ns[i] = min(away, self.nearest_ns.get(i, away))
        return found

    def unmatched(self) -> list[str]:
        """Say of every pick that lies in no record how far it is from one, in codes or in time."""
        lines = []
        for i, pick in enumerate(self.picks):
            if i in self.matched:
                continue
            codes = f"{pick.network}.{pick.station}.{pick.location}"
            name = f"{pick.phase} on {codes} at {obspy.UTCDateTime(ns=pick.time_ns)}"
            if i in self.nearest_ns:
                lines.append(f"{name}: {duration(self.nearest_ns[i])} from the nearest waveform of that station")
            else:
                nearest = difflib.get_close_matches(codes, sorted(self.records), n=3, cutoff=0)
                lines.append(f"{name}: no waveform of that station; the nearest are of {', '.join(nearest) or 'none'}")
        return lines


def duration(ns: int) -> str:
    """Say a duration in its largest fitting unit.

    Examples
    --------
    >>> duration(90 * 10**9), duration(3 * 86400 * 10**9)
    ('90 s', '3 days')
    """
    seconds = ns / NS_PER_S
    for unit, length in (("days", 86_400), ("h", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
