"""Labels in CSV files: picks, or classes of signals."""

from __future__ import annotations

import csv
import difflib
import math
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from seisnet.errors import DataError
from seisnet.label_weights import REFUSED, UNUSED, label_weight, pick_status
from seisnet.picks import ClassInterval, Pick, iso_ns, named
from seisnet.waveforms.records import Rejection, is_beyond


@dataclass(frozen=True, slots=True)
class _Table:
    """A kind of table: what it holds, why a rejected row is none, the columns that it must have, those that it may."""

    many: str
    refused: str
    needed: tuple[str, ...]
    optional: tuple[str, ...]


SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
"""What may lie between fields: spreadsheets write semicolons where the comma is the sign of decimals."""

STATUS_COLUMNS = ("status", "evaluation_status")
"""A row in which one of them is ``rejected`` is no label."""

_BOTH = ("location", "channel", *STATUS_COLUMNS, "evaluation_mode", "weight", "event_id")
_PICKS = _Table("picks", REFUSED, ("network", "station", "time", "phase"), (*_BOTH, "uncertainty_s"))
_CLASSES = _Table(
    "classes", "a class that an analyst rejected", ("network", "station", "time", "class"), (*_BOTH, "end_time")
)

ENDS = ("end", "stop", "duration")
"""How columns begin that hold an end, without which a stretch is but a moment."""

ALIKE = 0.85
"""An unknown column whose name is so similar to an optional one is taken for a slip, such as ``endtime``."""

DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
"""A number that is probably a date: as seconds since 1970 it would be some day of August 1970."""

NUMBER = re.compile(r"(-?\d+)(?:(?:\.|(?<=\d{9}),)(\d+))?", re.ASCII)
"""Seconds since 1970; before a comma so many that they are no date, whose time would follow."""

PICK_ID = re.compile(r".*\.[^._]*_(?P<phase>.*)_(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)")
"""Phase and time of a `Pick.pick_id`."""

L = TypeVar("L", Pick, ClassInterval)


def is_csv(path: Path) -> bool:
    """Whether a file is a table by its name, not a catalogue."""
    return path.suffix.lower() == ".csv"


def csv_picks(path: Path, rejections: list[Rejection]) -> list[Pick]:
    """Read a CSV of picks; those that an analyst rejected become rejections.

    Raises
    ------
    DataError
        A column is missing, there twice or seems misspelt; or a row is broken, or has a field that can't be read.
    """
    return _read(path, _PICKS, _pick, rejections)


def csv_intervals(path: Path, rejections: list[Rejection]) -> list[ClassInterval]:
    """Read a CSV of classes, or of detections; those that an analyst rejected become rejections.

    Raises
    ------
    DataError
        As `csv_picks`, or if an end lies before its start.
    """
    return _read(path, _CLASSES, _interval, rejections)


def _read(path: Path, table: _Table, make: Callable[[dict[str, str]], L], rejections: list[Rejection]) -> list[L]:
    """Labels of a table; of rows with the same id of a `Pick`, which are answers about it, only the last counts."""
    answers: dict[str | int, L | Rejection] = {}
    for line, values in _rows(path, table):
        key = values["pick_id"] if PICK_ID.fullmatch(values.get("pick_id", "")) else line
        try:
            label = make(values)
            refused = _is_rejected(values)
        except ValueError as error:
            raise DataError(f"{path}, line {line}: {error}") from error
        if refused:
            was = label.original if isinstance(label, Pick) else None
            at_ns = was.time_ns if was else time_ns(values["time"])
            answers[key] = Rejection(label.trace_id, at_ns, at_ns, table.refused)
        else:
            answers[key] = label
    rejections += [answer for answer in answers.values() if isinstance(answer, Rejection)]
    return [answer for answer in answers.values() if not isinstance(answer, Rejection)]


def _rows(path: Path, table: _Table) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines and values of the rows of a table that are not blank."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        ended = 1
        try:
            columns = columns_by_separator(file.readline().lower())
            separator = max(columns, key=lambda separator: len({*table.needed} & {*columns[separator]}))
            file.seek(0)
            reader = csv.DictReader(file, delimiter=separator, skipinitialspace=True, strict=True)
            names = [name.strip() for name in reader.fieldnames or []]
            if table is _CLASSES and "time" not in names:  # as in seisnet's CSV of detections
                names = ["time" if name == "start_time" else name for name in names]
            _check_columns(path, table, names)
            reader.fieldnames = names
            for row in reader:
                ended = reader.line_num
                if any(map(str.strip, row.pop(None, ()))):
                    told = f"more fields than columns; quote what holds a {SEPARATORS[separator]}"
                    raise DataError(f"{path}, line {ended}: {told}")
                values = {name: (value or "").strip() for name, value in row.items()}
                if not any(values.values()):
                    continue
                if values[names[0]].startswith("#"):
                    raise DataError(f"{path}, line {ended}: it begins with #; remove the line, or the #")
                if None in map(row.get, table.needed):
                    raise DataError(f"{path}, line {ended}: fewer fields than columns; is the file cut short?")
                yield ended, values
        except csv.Error as error:
            raise DataError(f"{path}, line {ended + 1}: {error}; is there a quote too few or too many?") from error


def columns_by_separator(header: str) -> dict[str, list[str]]:
    """Names of the columns in the first line of a table, if it is separated by one of `SEPARATORS`, for each of them.

    Examples
    --------
    >>> columns_by_separator("network;station")[";"]
    ['network', 'station']
    """
    rows = ((separator, csv.reader([header], delimiter=separator, skipinitialspace=True)) for separator in SEPARATORS)
    return {separator: [name.strip() for name in next(row, [])] for separator, row in rows}


def _check_columns(path: Path, table: _Table, columns: Sequence[str]) -> None:
    if missing := [name for name in table.needed if name not in columns]:
        other = "class" if table is _PICKS else "phase"
        hint = f"; a column {other} is for labels of task {other}" if other in columns else ""
        if set(table.needed) <= {name.lower() for name in columns}:
            hint = "; here they are not all in lower case"
        elif set(table.needed) <= set(re.split(r"[;|,\s]+", ",".join(columns).lower())):
            hint = "; here they are not separated by commas, semicolons or tabs"
        elif not hint and any(columns):
            hint = f"; here they are {textwrap.shorten(', '.join(columns), 100)}"
            hint += "; where station is NET.STA, split it into two columns" if missing == ["network"] else ""
        lacking = f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        raise DataError(f"{path}: no {lacking}; a CSV of {table.many} needs {', '.join(table.needed)}{hint}")
    if twice := [name for name in (*table.needed, *table.optional) if columns.count(name) > 1]:
        raise DataError(f"{path}: more than one column {', '.join(twice)}; rename all but the one that counts")
    absent = [name for name in table.optional if name not in columns]
    for name in columns:
        swapped = [other for other in absent if sorted(other) == sorted(name.lower())]  # letters, as in ``weigth``
        ends = ["end_time"] if "end_time" in absent and name.lower().startswith(ENDS) else []
        near = swapped or ends or difflib.get_close_matches(name.lower(), absent, 1, ALIKE)
        if near and name not in table.optional:
            raise DataError(f"{path}: column '{name}' is unknown; did you mean '{near[0]}'? If not, rename it")


def _pick(values: dict[str, str]) -> Pick:
    uncertainty_s = number_in(values, "uncertainty_s", math.nan)
    if uncertainty_s < 0:
        raise ValueError(f"uncertainty_s {uncertainty_s:g} is below 0")
    machine = "automatic" if values.get("threshold") else ""  # which a picker has, and an analyst does not
    mode = pick_status(values.get("evaluation_mode") or machine, values.get("evaluation_status", ""))
    weight = _share(values, "weight", 1.0)
    return Pick(
        *_codes(values),
        phase=values["phase"] + (UNUSED if not weight else ""),
        time_ns=time_ns(values["time"]),
        probability=_share(values, "probability", math.nan),
        uncertainty_s=uncertainty_s,
        model=values.get("model", ""),
        weight=(weight or 1.0) * label_weight(values.get("status") or mode, uncertainty_s),
        event_id=values.get("event_id", ""),
        original=_original(values),
    )


def _original(values: dict[str, str]) -> Pick | None:
    """The pick for which a row is an analyst's answer, if it had another time or another phase."""
    found = PICK_ID.fullmatch(values.get("pick_id", ""))
    if found is None:
        return None
    was = found["phase"], iso_ns(found["time"])
    return Pick(*_codes(values), *was) if was != (values.get("phase"), time_ns(values["time"])) else None


def _interval(values: dict[str, str]) -> ClassInterval:
    start_ns = time_ns(values["time"])
    end_ns = time_ns(values["end_time"]) if values.get("end_time") else start_ns
    if end_ns < start_ns:
        raise ValueError(f"end_time '{values['end_time']}' lies before time '{values['time']}'")
    if not values["class"]:
        raise ValueError("the class is empty")
    weight = _share(values, "weight", 1.0)
    if not weight and not _is_rejected(values):
        raise ValueError("weight 0 is for picks; give a stretch that is no label the status rejected")
    return ClassInterval(
        *_codes(values),
        label=values["class"],
        start_ns=start_ns,
        end_ns=end_ns,
        weight=weight,
        event_id=values.get("event_id", ""),
    )


def _is_rejected(values: dict[str, str]) -> bool:
    given = {column: values[column].lower() for column in STATUS_COLUMNS if column in values}
    for column, status in given.items():
        if status.startswith("rej") and status != "rejected":
            raise ValueError(f"{column} '{values[column]}' is unknown; did you mean 'rejected'?")
    return "rejected" in given.values()


def _codes(values: dict[str, str]) -> tuple[str, str, str, str]:
    network, location = named(values["network"]), named(values.get("location"))
    return network, values["station"], location, values.get("channel", "")


def _share(values: dict[str, str], column: str, default: float) -> float:
    share = number_in(values, column, default)
    if not (0 <= share <= 1 or (math.isnan(share) and math.isnan(default))):
        raise ValueError(f"{column} {share:g} does not lie between 0 and 1")
    return share


def number_in(values: dict[str, str], column: str, default: float) -> float:
    """The number in a column of a row, `default` where the column is empty or not there; decimals may have a comma.

    Raises
    ------
    ValueError
        It is no number.
    """
    text = values.get(column)
    try:
        return float(text.replace(",", ".")) if text else default  # of two separators float makes no number
    except ValueError:
        raise ValueError(f"{column} '{text}' is not a number") from None


def time_ns(text: str) -> int:
    """Read a time, ISO 8601 (as `seisnet.picks.iso_ns`) or seconds since 1970, as integer nanoseconds.

    Raises
    ------
    ValueError
        For anything else, for numbers that look like a date, and for times that 64 bits can't hold, such as
        milliseconds since 1970.

    Examples
    --------
    >>> time_ns("2020-01-01T00:00:00.123456789Z") % 10**9, time_ns("1577836800.5")
    (123456789, 1577836800500000000)
    """
    if DATE.fullmatch(text):
        raise ValueError(
            f"time '{text}' may be a date; write {text[:4]}-{text[4:6]}-{text[6:]}, or {text}.0 for seconds"
        )
    number = NUMBER.fullmatch(text)
    try:
        ns = int(f"{number[1]}{(number[2] or '')[:9]:0<9}") if number else iso_ns(text)
    except ValueError as error:
        raise ValueError(
            f"time '{text}' is neither ISO 8601 nor seconds since 1970; write it like 2011-07-04T05:23:18.25Z"
        ) from error
    if is_beyond(ns, ns):
        raise ValueError(f"time '{text}' is not between 1678 and 2262; numbers are seconds since 1970")
    return ns
