"""seisnet's own CSV of picks and of detections, and CSV files that grow row by row."""

from __future__ import annotations

import codecs
import csv
import io
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from seisnet.errors import ConfigError, DataError, SeisnetError
from seisnet.labels.tables import is_csv, number_in, time_ns
from seisnet.picks import Detection, OnInstrument, Pick, in_order, iso_time
from seisnet.store.files import writes
from seisnet.store.work_folder import alone

CODES = ("network", "station", "location", "channel")
CSV_COLUMNS = (*CODES, "phase", "time", "probability", "uncertainty_s", "snr_db", "model", "threshold")
DETECTION_COLUMNS = (*CODES, "class", "start_time", "end_time", "probability", "model", "threshold")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines of CSV, whatever the system ends its lines with."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue()


def picks_csv(picks: Sequence[Pick]) -> str:
    """CSV with a header, sorted by time, trace id and phase; unknown numbers are empty."""
    return csv_text([CSV_COLUMNS, *map(_pick_row, in_order(picks))])


def detections_csv(detections: Sequence[Detection]) -> str:
    """CSV with a header, sorted by start, trace id and class."""
    return csv_text([DETECTION_COLUMNS, *map(_detection_row, sorted(detections))])


def _pick_row(pick: Pick) -> tuple[str, ...]:
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


class Growing(NamedTuple):
    """A kind of CSV that grows: what it is, its columns, and what a row that is not cut short ends with."""

    what: str
    columns: tuple[str, ...]
    end: re.Pattern[str]

    def holds(self, line: bytes) -> bool:
        """Whether a line without its end is a complete row."""
        try:
            rows = list(csv.reader([line.decode()], strict=True))
        except (UnicodeDecodeError, csv.Error):
            return False
        return list(map(len, rows)) == [len(self.columns)] and self.end.search(line.decode()) is not None


def end_last_row(path: Path, kind: Growing) -> str:
    """Make a CSV ready for more rows; a new one gets its header.

    The last row may lack its end, as some editors leave it, or have been cut short by a crash; then it is removed.

    Returns
    -------
    str
        What was removed, in a sentence, or nothing.

    Raises
    ------
    ConfigError
        If the file does not begin with the header; it is left as it is.
    """
    header = csv_text([kind.columns]).encode()
    with path.open("ab+", buffering=0) as file:
        file.seek(0)
        content = file.readall()
        end = content.rfind(b"\n") + 1
        tail = content[end:]
        if not (content.startswith(header) or header.startswith(content)):
            raise ConfigError(f"{path}: not {kind.what}; its columns are {header.decode().strip()}")
        if end and kind.holds(tail):
            append_whole(file, b"\n")
            return ""
        file.truncate(end)
        if not end:
            append_whole(file, header)
    said = f"{path}: its last row was cut short, and is removed: {tail.decode(errors='replace')!r}"
    return said if end and tail else ""


# A pick without a threshold has no model either: an analyst made it.
PICKS = Growing("a CSV of seisnet's picks", CSV_COLUMNS, re.compile(r",(\d\.\d{4}|,)$"))


def append_whole(file: io.FileIO, content: bytes) -> None:
    """Append bytes, which are on disk when this returns.

    Raises
    ------
    OSError
        If that is impossible; the file then ends as before.
    """
    end = os.fstat(file.fileno()).st_size
    try:
        while content:  # of what does not fit, the system writes a part, and says why only when asked for the rest
            content = content[file.write(content) :]
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise


class PicksAppender:
    """A CSV of picks that grows: each pick is on disk as soon as it is added. A new file begins with the header.

    A file that does not begin with the header, or that another run has open, is a ConfigError. With `anew`, what it
    holds is removed.

    If the file is moved away or removed meanwhile, as when logs are rotated, another one is begun. Picks that can't be
    written, as on a full disk, wait for the next call of `add`; if some are left at the end, they are told, and a
    DataError is raised.

    Parameters
    ----------
    path : Path
    anew : bool
    tell : callable
        Called with a sentence when a row was removed (see `end_last_row`), when another file is begun, when picks can't
        be written, and with each that never was.
    """

    def __init__(self, path: Path, *, anew: bool = False, tell: Callable[[str], object] = str) -> None:
        self._path, self._anew, self._tell = path, anew, tell
        self._waiting: list[Pick] = []
        self._trouble = ""
        self._opened = ExitStack()

    def __enter__(self) -> PicksAppender:
        self._open(anew=self._anew)
        return self

    def _open(self, *, anew: bool) -> None:
        with ExitStack() as opened, writes(self._path):
            # Without buffering, rows are one write to the system.
            self._file = opened.enter_context(self._path.open("ab", buffering=0))
            opened.enter_context(alone(self._path, self._path))
            if anew:
                self._file.truncate(0)
            if removed := end_last_row(self._path, PICKS):
                self._tell(removed)
            os.fsync(self._file.fileno())
            self._opened = opened.pop_all()

    def add(self, picks: Sequence[Pick]) -> None:
        """Append picks, and those that wait."""
        self._waiting += picks
        if not self._waiting:
            return
        try:
            self._write(csv_text(map(_pick_row, self._waiting)))
        except SeisnetError as error:
            if str(error) != self._trouble:
                self._tell(f"{error}; trying again")
            self._trouble = str(error)
        else:
            self._waiting, self._trouble = [], ""

    def _write(self, rows: str) -> None:
        with writes(self._path):
            if not self._is_in_place():
                self._opened.close()
                self._open(anew=False)
                self._tell(f"{self._path}: the file was moved or removed; another one is begun")
            is_empty = not os.fstat(self._file.fileno()).st_size  # whoever rotates files may have copied and emptied it
            append_whole(self._file, ((csv_text([CSV_COLUMNS]) if is_empty else "") + rows).encode())

    def _is_in_place(self) -> bool:
        """Whether the open file is still that of the path."""
        try:
            return not self._file.closed and os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._opened.close()
        for pick in self._waiting:
            self._tell(f"not written: {pick}")
        if self._waiting and kind is None:
            raise DataError(self._trouble)


def read_picks_csv(path: Path) -> list[Pick]:
    """Read picks that `write_picks` wrote as CSV.

    Raises
    ------
    DataError
        If the file is missing, its columns are others, or a row is cut short or holds no time or number where it must.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != CSV_COLUMNS:
                raise DataError(f"{path}: not a CSV of seisnet's picks; its columns are {','.join(CSV_COLUMNS)}")
            picks = []
            for row in reader:
                if None in row or None in row.values():
                    told = "too many or too few fields; the file is cut short or broken"
                    raise DataError(f"{path}, line {reader.line_num}: {told}")
                try:
                    picks.append(_pick(row))
                except ValueError as error:
                    raise DataError(f"{path}, line {reader.line_num}: {error}") from error
            return picks
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


def is_picks_csv(path: Path) -> bool:
    """Whether a file begins as those that `write_picks` writes as CSV."""
    if not (is_csv(path) and path.is_file()):
        return False
    with path.open("rb") as file:
        return file.readline().removeprefix(codecs.BOM_UTF8).strip() == ",".join(CSV_COLUMNS).encode()
