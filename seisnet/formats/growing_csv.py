"""CSV files that grow row by row, each of which is on disk at once, and end whole whatever happens."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from seisnet.errors import ConfigError, DataError, SeisnetError
from seisnet.formats.own_csv import CSV_COLUMNS, csv_text, pick_row
from seisnet.picks import Pick
from seisnet.store.files import writes
from seisnet.store.work_folder import alone


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


# A pick without a threshold has no model either: an analyst made it.
PICKS = Growing("a CSV of seisnet's picks", CSV_COLUMNS, re.compile(r",(\d\.\d{4}|,)$"))


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
        be written, and with each that never was; by default nobody is told.
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
            self._write(csv_text(map(pick_row, self._waiting)))
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
