"""Files of labels: CSV, and every catalogue that ObsPy reads, as picks and class intervals."""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import obspy
from obspy.core.event import Event, WaveformStreamID
from obspy.core.event import Pick as CatalogPick

from seisnet.errors import DataError
from seisnet.event_files import read_events
from seisnet.picks import ClassInterval, Pick, label_weight
from seisnet.waveforms.records import NS_PER_S, Rejection

PICK_COLUMNS = ("network", "station", "time", "phase")
"""A CSV of picks must have these; location, channel, status, uncertainty_s, weight and event_id may be there too.

So may ``pick_id``: of rows with the same one, which answer for one pick, the last counts.
"""

STATUS_COLUMNS = ("status", "evaluation_status")
"""A row with one of them ``rejected`` is no label."""

CLASS_COLUMNS = ("network", "station", "time", "class")
"""A CSV of classes must have these; end_time, location, channel, status, weight and event_id may be there too."""

MORE_COLUMNS = ("location", "channel", *STATUS_COLUMNS, "weight", "event_id")
"""What is read of either, where it is there."""

ALIKE = 0.85
"""How like one of these another column must be called to be taken for a slip: else ``endtime`` would be no end."""

CHECKED = ("confirmed", "reviewed", "final")
"""Evaluation status of a pick that an analyst has looked at, whoever made it."""

PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z?")
"""What nearly every time looks like; ObsPy knows many ways to write one, and takes long for each."""

DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
"""A number that is more likely a date than seconds since 1970; those are of 1970 too."""

BLANK = re.compile(r"(?<=^\d{4}-\d\d-\d\d) (?=\d)")
"""Between date and time; ObsPy takes it for a T only where no zone follows."""

FRACTION = re.compile(r"\.(\d+)(?=(?:Z|[+-]\d\d:?\d\d)?$)")
"""Of a second, at the end of a time."""

L = TypeVar("L")


def csv_picks(path: Path, rejections: list[Rejection]) -> list[Pick]:
    """Read a CSV of picks; those that an analyst rejected become rejections.

    Raises
    ------
    DataError
        A column is missing, or a field is no time or number.
    """
    return list(_read_csv(path, PICK_COLUMNS, _pick, rejections))


def csv_intervals(path: Path, rejections: list[Rejection]) -> list[ClassInterval]:
    """Read a CSV of classes; those that an analyst rejected become rejections.

    Raises
    ------
    DataError
        A column is missing, a field is no time or number, or an end lies before its start.
    """
    return list(_read_csv(path, CLASS_COLUMNS, _interval, rejections))


def _read_csv(
    path: Path, needed: Sequence[str], make: Callable[[dict[str, str]], L], rejections: list[Rejection]
) -> Iterable[L]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = [name.strip() for name in reader.fieldnames or []]
        if missing := [name for name in needed if name not in columns]:
            kind, other, task = ("picks", "class", "class") if needed is PICK_COLUMNS else ("classes", "phase", "phase")
            hint = f"; its column {other} suits the task {task}" if other in columns else ""
            if set(needed) <= {name.lower() for name in columns}:
                hint = "; here they are not all in lower case"
            elif set(needed) <= set(re.split(r"[;|,\s]+", ",".join(columns).lower())):
                hint = "; here they are not separated by commas"
            lacking = f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
            raise DataError(f"{path}: no {lacking}; a CSV of {kind} needs {', '.join(needed)}{hint}")
        optional = (*MORE_COLUMNS, "uncertainty_s" if needed is PICK_COLUMNS else "end_time")
        absent = [name for name in optional if name not in columns]
        for name in columns:
            if name not in optional and (near := difflib.get_close_matches(name.lower(), absent, 1, ALIKE)):
                raise DataError(f"{path}: column '{name}' is unknown; did you mean '{near[0]}'? If not, rename it")
        found: dict[str | int, L] = {}
        for row in reader:
            values = {name.strip(): (value or "").strip() for name, value in row.items() if name is not None}
            key = values.get("pick_id") or reader.line_num
            try:
                label = make(values)
            except ValueError as error:
                raise DataError(f"{path}, line {reader.line_num}: {error}") from error
            found.pop(key, None)
            if any(values.get(column, "").lower() == "rejected" for column in STATUS_COLUMNS):
                codes = (
                    values["network"],
                    values["station"],
                    values.get("location", ""),
                    values.get("channel", "")[:2],
                )
                what, at_ns = "pick" if needed is PICK_COLUMNS else "class", time_ns(values["time"])
                rejections.append(Rejection(".".join(codes), at_ns, at_ns, f"a {what} that an analyst rejected"))
            else:
                found[key] = label
    return found.values()


def _pick(values: dict[str, str]) -> Pick:
    uncertainty_s = _number(values, "uncertainty_s", math.nan)
    return Pick(
        network=values["network"],
        station=values["station"],
        location=values.get("location", ""),
        channel=values.get("channel", ""),
        phase=values["phase"],
        time_ns=time_ns(values["time"]),
        uncertainty_s=uncertainty_s,
        weight=_weight(values) * label_weight(values.get("status", ""), uncertainty_s),
        event_id=values.get("event_id", ""),
    )


def _interval(values: dict[str, str]) -> ClassInterval:
    start_ns = time_ns(values["time"])
    end_ns = time_ns(values["end_time"]) if values.get("end_time") else start_ns
    if end_ns < start_ns:
        raise ValueError(f"end_time '{values['end_time']}' lies before time '{values['time']}'")
    if not values["class"]:
        raise ValueError("the class is empty")
    return ClassInterval(
        network=values["network"],
        station=values["station"],
        location=values.get("location", ""),
        channel=values.get("channel", ""),
        label=values["class"],
        start_ns=start_ns,
        end_ns=end_ns,
        weight=_weight(values),
        event_id=values.get("event_id", ""),
    )


def _weight(values: dict[str, str]) -> float:
    weight = _number(values, "weight", 1.0)
    if not 0 < weight <= 1:
        raise ValueError(f"weight {weight:g} is not above 0 and at most 1")
    return weight


def _number(values: dict[str, str], column: str, default: float) -> float:
    text = values.get(column)
    try:
        return float(text) if text else default
    except ValueError:
        raise ValueError(f"{column} '{text}' is not a number") from None


def time_ns(text: str) -> int:
    """Read a time, ISO 8601 or seconds since 1970, as integer nanoseconds.

    Raises
    ------
    ValueError
        For anything else, for numbers that look like a date, and for times that do not fit, as those of milliseconds
        since 1970.

    Examples
    --------
    >>> time_ns("2020-01-01T00:00:00.123456789Z") % 10**9, time_ns("1577836800.5")
    (123456789, 1577836800500000000)
    """
    if DATE.fullmatch(text):
        raise ValueError(
            f"time '{text}' may be a date; write {text[:4]}-{text[4:6]}-{text[6:]}, or {text}.0 for seconds"
        )
    # ObsPy would round the fraction to microseconds.
    fraction = FRACTION.search(text)
    whole = text.replace(fraction[0], "", 1) if fraction else text
    whole = BLANK.sub("T", whole)
    rest_ns = int(fraction[1][:9].ljust(9, "0")) if fraction else 0
    try:
        if re.fullmatch(r"-?\d+", whole):
            ns = int(whole) * NS_PER_S + (-rest_ns if whole.startswith("-") else rest_ns)
        elif PLAIN.fullmatch(whole):
            ns = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()) * NS_PER_S + rest_ns
        else:
            ns = int(obspy.UTCDateTime(whole).ns) + rest_ns
    except (ValueError, TypeError) as error:
        raise ValueError(f"time '{text}' is neither ISO 8601 nor seconds since 1970") from error
    if abs(ns) >= 2**63:
        raise ValueError(f"time '{text}' is not between 1678 and 2262; numbers are seconds since 1970")
    return ns


def catalogue_picks(path: Path, rejections: list[Rejection]) -> list[Pick]:
    """Read the picks of a catalogue; those that an analyst rejected become rejections.

    A pick that is automatic and that nobody has checked weighs half; an uncertain one weighs less. Picks that stand
    beside the events have an empty `event_id`.

    Raises
    ------
    DataError
        The file is no catalogue.
    """
    picks = []
    for event in read_events(path):
        phases = {a.pick_id: a.phase for origin in event.origins for a in origin.arrivals}
        for pick in _valid(event, rejections):
            network, station, location, channel = _codes(pick)
            uncertainty = pick.time_errors.uncertainty if pick.time_errors else None
            uncertainty_s = math.nan if uncertainty is None else float(uncertainty)
            status = "" if pick.evaluation_status in CHECKED else pick.evaluation_mode or ""
            picks.append(
                Pick(
                    network=network,
                    station=station,
                    location=location,
                    channel=channel,
                    phase=pick.phase_hint or phases.get(pick.resource_id) or "",
                    time_ns=pick.time.ns,
                    probability=_probability(pick),
                    uncertainty_s=uncertainty_s,
                    weight=label_weight(status, uncertainty_s),
                    event_id=str(event.resource_id or ""),
                )
            )
    return picks


def catalogue_intervals(path: Path, rejections: list[Rejection]) -> list[ClassInterval]:
    """Read the classes of a catalogue: an event's type, from its first pick at every station to its last there.

    Raises
    ------
    DataError
        The file is no catalogue.
    """
    intervals = []
    for event in read_events(path):
        if not event.event_type:
            reason = (
                "an event without a type has no class" if event.resource_id else "a pick outside any event has no class"
            )
            rejections += [Rejection(_trace_id(p), p.time.ns, p.time.ns, reason) for p in _valid(event, rejections)]
            continue
        times_ns: dict[tuple[str, str, str], list[int]] = {}
        for pick in _valid(event, rejections):
            network, station, location, _ = _codes(pick)
            times_ns.setdefault((network, station, location), []).append(pick.time.ns)
        for (network, station, location), times in times_ns.items():
            intervals.append(
                ClassInterval(
                    network, station, location, "", str(event.event_type), min(times), max(times),
                    event_id=str(event.resource_id),
                )
            )  # fmt: skip
    return intervals


def _valid(event: Event, rejections: list[Rejection]) -> Iterator[CatalogPick]:
    for pick in event.picks:
        if pick.time is None:
            rejections.append(Rejection(_trace_id(pick), 0, 0, "a pick without a time"))
        elif pick.evaluation_status == "rejected":
            rejections.append(Rejection(_trace_id(pick), pick.time.ns, pick.time.ns, "a pick that an analyst rejected"))
        else:
            yield pick


def _codes(pick: CatalogPick) -> tuple[str, str, str, str]:
    codes = pick.waveform_id or WaveformStreamID()
    return (
        codes.network_code or "",
        codes.station_code or "",
        codes.location_code or "",
        codes.channel_code or "",
    )


def _probability(pick: CatalogPick) -> float:
    """What a picker said in the comment ending in ``confidence``, as `seisnet.formats.quakeml` writes it; else NaN."""
    texts = [c.text for c in pick.comments if str(c.resource_id).endswith("/confidence")]
    try:
        probability = float(texts[0] or "nan") if texts else math.nan
    except ValueError:
        return math.nan
    return probability if 0 <= probability <= 1 else math.nan


def _trace_id(pick: CatalogPick) -> str:
    network, station, location, channel = _codes(pick)
    return f"{network}.{station}.{location}.{channel[:2]}"
