"""seisnet's own CSV of picks and of detections."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from seisnet.errors import DataError
from seisnet.labels.tables import is_csv, number_in, time_ns
from seisnet.picks import Detection, OnInstrument, Pick, in_order, iso_time

CODES = ("network", "station", "location", "channel")
CSV_COLUMNS = (*CODES, "phase", "time", "probability", "uncertainty_s", "snr_db", "model", "threshold")
DETECTION_COLUMNS = (*CODES, "class", "start_time", "end_time", "probability", "model", "threshold")

T = TypeVar("T")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines of CSV, whatever the system ends its lines with."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue()


def picks_csv(picks: Sequence[Pick]) -> str:
    """CSV with a header, sorted by time, trace id and phase; unknown numbers are empty."""
    return csv_text([CSV_COLUMNS, *map(pick_row, in_order(picks))])


def detections_csv(detections: Sequence[Detection]) -> str:
    """CSV with a header, sorted by start, trace id and class."""
    return csv_text([DETECTION_COLUMNS, *map(_detection_row, sorted(detections))])


def pick_row(pick: Pick) -> tuple[str, ...]:
    """The fields of a pick, see `CSV_COLUMNS`."""
    return (
        *_codes(pick),
        pick.phase,
        iso_time(pick.time_ns),
        number(pick.probability, 4),
        number(pick.uncertainty_s, 3),
        number(pick.snr_db, 1),
        pick.model,
        number(pick.threshold, 4),
    )


def _detection_row(d: Detection) -> tuple[str, ...]:
    times = iso_time(d.start_ns), iso_time(d.end_ns)
    return (*_codes(d), d.label, *times, number(d.probability, 4), d.model, number(d.threshold, 4))


def _codes(found: OnInstrument) -> tuple[str, ...]:
    return (found.network, found.station, found.location, found.channel)


def number(value: float, digits: int) -> str:
    """A figure with so many decimals; empty if it is not known, NaN."""
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def read_picks_csv(path: Path) -> list[Pick]:
    """Read picks that `write_picks` wrote as CSV, see `_read`."""
    return _read(path, "picks", CSV_COLUMNS, _pick)


def read_detections_csv(path: Path) -> list[Detection]:
    """Read detections that `write_detections` wrote as CSV, see `_read`."""
    return _read(path, "detections", DETECTION_COLUMNS, _detection)


def _read(path: Path, what: str, columns: Sequence[str], made_of: Callable[[dict[str, str]], T]) -> list[T]:
    """What the rows of a file with these columns are made into.

    Raises
    ------
    DataError
        If the file is missing, its columns are others, or a row is cut short or holds no time or number where it must.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != columns:
                raise DataError(f"{path}: not a CSV of seisnet's {what}; its columns are {','.join(columns)}")
            read = []
            for row in reader:
                if None in row or None in row.values():
                    told = "too many or too few fields; the file is cut short or broken"
                    raise DataError(f"{path}, line {reader.line_num}: {told}")
                try:
                    read.append(made_of(row))
                except ValueError as error:
                    raise DataError(f"{path}, line {reader.line_num}: {error}") from error
            return read
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: {error}") from error


def _pick(row: dict[str, str]) -> Pick:
    return Pick(
        network=row["network"],
        station=row["station"],
        location=row["location"],
        channel=row["channel"],
        phase=row["phase"],
        time_ns=time_ns(row["time"]),
        probability=number_in(row, "probability", math.nan),
        uncertainty_s=number_in(row, "uncertainty_s", math.nan),
        snr_db=number_in(row, "snr_db", math.nan),
        model=row["model"],
        threshold=number_in(row, "threshold", math.nan),
    )


def _detection(row: dict[str, str]) -> Detection:
    return Detection(
        network=row["network"],
        station=row["station"],
        location=row["location"],
        channel=row["channel"],
        label=row["class"],
        start_ns=time_ns(row["start_time"]),
        end_ns=time_ns(row["end_time"]),
        probability=number_in(row, "probability", math.nan),
        model=row["model"],
        threshold=number_in(row, "threshold", math.nan),
    )


def is_picks_csv(path: Path) -> bool:
    """Whether a file begins as those that `write_picks` writes as CSV."""
    if not (is_csv(path) and path.is_file()):
        return False
    with path.open("rb") as file:
        return file.readline().removeprefix(codecs.BOM_UTF8).strip() == ",".join(CSV_COLUMNS).encode()
