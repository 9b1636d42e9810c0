"""The file of answers: appended to at once, so that nothing is lost on a closed tab or a killed process."""

from __future__ import annotations

import csv
import re
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from seisnet.errors import ConfigError, DataError
from seisnet.formats.growing_csv import Growing, append_whole, end_last_row
from seisnet.formats.own_csv import csv_text
from seisnet.labels.tables import time_ns
from seisnet.picks import Pick, iso_time
from seisnet.store.files import CSV, check_ending, check_parent
from seisnet.store.work_folder import alone

COLUMNS = ("network", "station", "location", "channel", "time", "phase", "status", "pick_id")
ANSWERS = Growing("a file of answers", COLUMNS, re.compile(r'_\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"?$'))
STATUSES = ("accepted", "moved", "rejected")


@dataclass(frozen=True)
class Answer:
    """What an analyst says of a pick.

    Attributes
    ----------
    pick_id : str
        Of the pick as it was.
    status : {"accepted", "moved", "rejected"}
        ``accepted`` leaves the time, ``moved`` changes it; either may have changed the phase.
    phase : str
    time_ns : int
    """

    pick_id: str
    status: str
    phase: str
    time_ns: int


class Answers:
    """A CSV of answers that is open for more; a context manager.

    Rows are `COLUMNS`; of several rows for one pick the last counts.

    Attributes
    ----------
    latest : dict of str to Answer
        The answer that counts, by the ID of the pick.
    removed : str
        See `seisnet.formats.growing_csv.end_last_row`.

    Raises
    ------
    ConfigError
        If the file is something else or its name says so, can't be written, its folder does not exist, or another
        review has it open.
    DataError
        If a row in it is no answer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.latest: dict[str, Answer] = {}
        self._lock = threading.Lock()
        check_ending(path, CSV)
        check_parent(path)
        with ExitStack() as opened:
            try:
                # Without buffering, a row is one write to the system: no kill can leave half of it.
                self._file = opened.enter_context(path.open("ab+", buffering=0))
            except OSError as error:
                raise ConfigError(f"{path}: can't be written: {error.strerror}") from error
            # Another review would not see what is answered here.
            opened.enter_context(alone(path, path))
            self._go_on()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def add(self, pick: Pick, answer: Answer) -> None:
        """Append an answer; it is on disk when this returns.

        Raises
        ------
        DataError
            If it can't be written; the file then ends as before.
        """
        codes = (pick.network, pick.station, pick.location, pick.channel)
        row = csv_text([(*codes, iso_time(answer.time_ns), answer.phase, answer.status, answer.pick_id)])
        with self._lock:
            try:
                append_whole(self._file, row.encode("utf-8", "replace"))
            except OSError as error:
                raise DataError(f"{self.path}: the answer can't be written: {error.strerror or error}") from error
            self.latest[answer.pick_id] = answer

    def _go_on(self) -> None:
        try:
            self.removed = end_last_row(self.path, ANSWERS)
            with self.path.open(newline="", encoding="utf-8") as rows:
                for row in csv.DictReader(rows):
                    if None in row or None in row.values() or row["status"] not in STATUSES:
                        raise ValueError(f"{row} is not an answer")
                    answer = Answer(row["pick_id"], row["status"], row["phase"], time_ns(row["time"]))
                    self.latest[answer.pick_id] = answer
        except (OSError, ValueError, csv.Error) as error:
            raise DataError(f"{self.path}: {error}") from error
