"""Picks and detections out, and picks in again."""

from __future__ import annotations

import codecs
import csv
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from seisnet.config import instances, nearest
from seisnet.errors import ConfigError, DataError
from seisnet.formats import dialects
from seisnet.formats.dialects import csv_text
from seisnet.formats.quakeml import detections_quakeml, picks_nlloc, picks_quakeml, picks_sc3ml
from seisnet.labels.reading import read_labels
from seisnet.labels.tables import time_ns
from seisnet.picks import Detection, Pick, in_order, iso_time
from seisnet.store.files import check_output, path_of, write_whole
from seisnet.waveforms.datasets import is_dataset, read_dataset_picks
from seisnet.waveforms.records import Rejection

CSV_COLUMNS = (
    "network",
    "station",
    "location",
    "channel",
    "phase",
    "time",
    "probability",
    "uncertainty_s",
    "snr_db",
    "model",
    "threshold",
)

DETECTION_COLUMNS = (
    "network",
    "station",
    "location",
    "channel",
    "class",
    "start_time",
    "end_time",
    "probability",
    "model",
    "threshold",
)

CONTENT: dict[str, Callable[[Sequence[Pick]], bytes]] = {
    "csv": lambda picks: picks_csv(picks).encode(),
    "quakeml": picks_quakeml,
    "phasenet": dialects.phasenet,
    "seisbench": dialects.seisbench,
    "pyocto": dialects.pyocto,
    "gamma": dialects.gamma,
    "nlloc": picks_nlloc,
    "sc3ml": picks_sc3ml,
}
"""What a file of picks holds, by the name of its format; ``real`` is a folder."""

FORMATS = (*CONTENT, "real")


def format_of(path: Path) -> str:
    """Format that the ending of a file asks for: .xml is QuakeML, any other CSV."""
    return "quakeml" if path.suffix.lower() == ".xml" else "csv"


def write_picks(picks: Sequence[Pick], path: str | Path, file_format: str = "", *, overwrite: bool = False) -> None:
    """Write picks, whole or not at all; also when there are none.

    Parameters
    ----------
    picks : sequence of Pick
    path : str or Path
        A folder where the format is ``real``.
    file_format : str
        One of `FORMATS`; where it is empty, QuakeML for a path that ends in .xml, else CSV.
    overwrite : bool
        Replace what exists.

    Raises
    ------
    ConfigError
        For an unknown format, a path that exists, or what is no pick.
    """
    picks = instances("picks", picks, Pick)
    path = path_of("path", path)
    file_format = file_format or format_of(path)
    if file_format not in FORMATS:
        raise ConfigError(f"format '{file_format}'{nearest(file_format, FORMATS)}")
    check_output(path, overwrite=overwrite, folder=file_format == "real")
    if file_format == "real":
        dialects.write_real(picks, path)
        return
    write_whole(path, CONTENT[file_format](picks))


def write_detections(
    detections: Sequence[Detection], path: str | Path, file_format: str = "", *, overwrite: bool = False
) -> None:
    """Write detections as ``csv`` or ``quakeml``, else as `write_picks` writes picks.

    Raises
    ------
    ConfigError
        For another format, a path that exists, or what is no detection.
    """
    detections = instances("detections", detections, Detection)
    path = path_of("path", path)
    file_format = file_format or format_of(path)
    check_detections_format(file_format)
    check_output(path, overwrite=overwrite)
    content = detections_csv(detections).encode() if file_format == "csv" else detections_quakeml(detections)
    write_whole(path, content)


def check_detections_format(file_format: str) -> None:
    """Refuse a format that has no place for detections, with a ConfigError."""
    if file_format not in ("csv", "quakeml"):
        raise ConfigError(f"format '{file_format}' holds picks; detections are written as csv or quakeml")


def detections_csv(detections: Sequence[Detection]) -> str:
    """CSV with a header, sorted by start, trace id and class."""
    ordered = sorted(detections, key=lambda d: (d.start_ns, d.trace_id, d.label))
    rows = (
        (
            *(d.network, d.station, d.location, d.channel, d.label),
            *(iso_time(d.start_ns), iso_time(d.end_ns)),
            *(_figure(d.probability, 4), d.model, _figure(d.threshold, 4)),
        )
        for d in ordered
    )
    return csv_text([DETECTION_COLUMNS, *rows])


def picks_csv(picks: Sequence[Pick]) -> str:
    """CSV with a header, sorted by time, trace id and phase; figures that are not known are empty."""
    return csv_text([CSV_COLUMNS, *map(_row, in_order(picks))])


def whole_rows(path: Path, content: bytes, header: bytes, what: str) -> bytes:
    """What a CSV that grows holds, without a row that a killed run has not ended.

    Raises
    ------
    ConfigError
        If it does not begin with the header.
    """
    whole = content[: content.rfind(b"\n") + 1]
    if not (whole.startswith(header) if whole else header.startswith(content)):
        raise ConfigError(f"{path}: not {what}; its columns are {header.decode().strip()}")
    return whole


class PicksAppender:
    """A CSV of picks that grows: each pick is on disk as soon as it is added. A new file begins with the header.

    A row that a killed run has not ended is taken away; a file that does not begin with the header is a ConfigError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> PicksAppender:
        try:
            before = self._path.read_bytes() if self._path.exists() else b""
            header = csv_text([CSV_COLUMNS])
            whole = whole_rows(self._path, before, header.encode(), "a CSV of seisnet's picks")
            self._file = self._path.open("a", encoding="utf-8", newline="")
            self._file.truncate(len(whole))
            if not whole:
                self._file.write(header)
            self.add([])
        except OSError as error:
            raise DataError(f"{self._path}: can't be written: {error.strerror}") from error
        return self

    def add(self, picks: Sequence[Pick]) -> None:
        """Write picks behind those that are there."""
        try:
            self._file.write(csv_text(map(_row, picks)))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise DataError(f"{self._path}: can't be written: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _row(pick: Pick) -> tuple[str, ...]:
    return (
        pick.network,
        pick.station,
        pick.location,
        pick.channel,
        pick.phase,
        iso_time(pick.time_ns),
        _figure(pick.probability, 4),
        _figure(pick.uncertainty_s, 3),
        _figure(pick.snr_db, 1),
        pick.model,
        _figure(pick.threshold, 4),
    )


def read_picks_csv(path: Path) -> list[Pick]:
    """Read picks that `write_picks` wrote as CSV.

    Raises
    ------
    DataError
        If the file is missing or its columns are others.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != CSV_COLUMNS:
                raise DataError(f"{path}: not a CSV of seisnet's picks; its columns are {','.join(CSV_COLUMNS)}")
            rows = list(reader)
            if any(None in row or None in row.values() for row in rows):
                raise DataError(f"{path}: a row has too many or too few fields; the file is cut short or broken")
            return [
                Pick(
                    network=row["network"],
                    station=row["station"],
                    location=row["location"],
                    channel=row["channel"],
                    phase=row["phase"],
                    time_ns=time_ns(row["time"]),
                    probability=float(row["probability"] or math.nan),
                    uncertainty_s=float(row["uncertainty_s"] or math.nan),
                    snr_db=float(row["snr_db"] or math.nan),
                    model=row["model"],
                    threshold=float(row["threshold"] or math.nan),
                )
                for row in rows
            ]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: {error}") from error


def read_picks(
    path: str | Path, *, may_be_empty: bool = False, rejections: list[Rejection] | None = None
) -> list[Pick]:
    """Read picks: seisnet's CSV, catalogues in any format that ObsPy reads, CSV of labels, those of a data set.

    Parameters
    ----------
    path : str or Path
    may_be_empty : bool
        Whether a file without picks gives an empty list.
    rejections : list of Rejection, optional
        Takes the picks that an analyst rejected, and the traces of a data set that can't be read.

    Raises
    ------
    DataError
        If there are none of these, or no picks in it and there must be.
    ConfigError
        If the path is none.
    """
    path = path_of("path", path)
    if is_dataset(path):
        picks = read_dataset_picks(path, [] if rejections is None else rejections)
    elif _is_picks_csv(path):
        picks = read_picks_csv(path)
    else:
        return read_labels([path], rejections)
    if not picks and not may_be_empty:
        raise DataError(f"{path}: holds no picks")
    return picks


def _is_picks_csv(path: Path) -> bool:
    """Whether a file begins as those that `write_picks` writes as CSV."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().removeprefix(codecs.BOM_UTF8).strip() == ",".join(CSV_COLUMNS).encode()


def _figure(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"
