"""Picks and detections out in any format, and picks in again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from seisnet.config import instances, nearest
from seisnet.errors import ConfigError, DataError
from seisnet.formats import dialects
from seisnet.formats.own_csv import detections_csv, is_picks_csv, picks_csv, read_picks_csv
from seisnet.formats.quakeml import detections_quakeml, picks_nlloc, picks_quakeml, picks_sc3ml
from seisnet.labels.reading import read_labels
from seisnet.labels.tables import columns_by_separator, is_csv
from seisnet.pick_lists import PickList
from seisnet.picks import Detection, Pick
from seisnet.store.files import FOLDER, check_ending, check_output, path_of, write_whole
from seisnet.waveforms.datasets import is_dataset, read_dataset_picks
from seisnet.waveforms.records import Rejection

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

BY_ENDING = {
    ".csv": "csv", ".xml": "quakeml", ".quakeml": "quakeml", ".qml": "quakeml", ".obs": "nlloc", ".scml": "sc3ml",
    ".sc3ml": "sc3ml",
}  # fmt: skip
"""The format that the ending of a name asks for."""


def format_of(path: Path) -> str:
    """Format that the ending of a file asks for, CSV where it asks for none.

    Raises
    ------
    ConfigError
        If it is an ending of other files.

    Examples
    --------
    >>> [format_of(Path(name)) for name in ("picks.xml", "picks.csv", "picks.obs", "picks", "picks.txt")]
    ['quakeml', 'csv', 'nlloc', 'csv', 'csv']
    """
    check_ending(path, tuple(BY_ENDING))
    return BY_ENDING.get(path.suffix.lower(), "csv")


def write_picks(picks: Sequence[Pick], path: str | Path, file_format: str = "", *, overwrite: bool = False) -> None:
    """Write picks, whole or not at all; also when there are none.

    Parameters
    ----------
    picks : sequence of Pick
    path : str or Path
        A folder where the format is ``real``.
    file_format : str
        One of `FORMATS`; where it is empty, the one that the ending of the path asks for, see `format_of`.
    overwrite : bool
        Replace what exists.

    Raises
    ------
    ConfigError
        For an unknown format, what is no pick, a path that exists, or one with the ending of another kind of file where
        no format is named or it is a folder.
    """
    picks = instances("picks", picks, Pick)
    path = path_of("path", path)
    file_format = file_format or format_of(path)
    if file_format not in FORMATS:
        raise ConfigError(f"unknown format '{file_format}'{nearest(file_format, FORMATS)}")
    check_output(path, FOLDER if file_format == "real" else None, overwrite=overwrite)
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
        As for picks, and for another format.
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


def read_picks(path: str | Path, *, may_be_empty: bool = False, rejections: list[Rejection] | None = None) -> PickList:
    """Read picks: seisnet's CSV, catalogues in any format that ObsPy reads, CSV of labels, those of a data set.

    Of catalogues and labels every onset is read once, as for training (`seisnet.labels.reading.read_labels`), but a
    machine's own second picks are kept.

    Parameters
    ----------
    path : str or Path
    may_be_empty : bool
        Whether a file without picks gives an empty list.
    rejections : list of Rejection, optional
        Takes the picks that an analyst rejected, second ones of an onset, and traces of a data set that can't be read.

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
    elif is_picks_csv(path):
        picks = read_picks_csv(path)
    else:
        return PickList(read_labels([path], rejections, each=True))
    if not picks and not may_be_empty:
        raise DataError(f"{path}: holds no picks")
    return PickList(picks)


def kinds_of(path: Path) -> set[str]:
    """What a file may hold, ``phase`` (picks) or ``class`` (detections): of a CSV what its columns say.

    A data set holds picks. Of catalogues, and of files that are neither, both are said, and reading tells.
    """
    if is_dataset(path):
        return {"phase"}
    names: set[str] = set()
    if is_csv(path) and path.is_file():
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            names = {name.lower() for name in chain(*columns_by_separator(file.readline(10_000)).values())}
    return {"phase", "class"} & names or {"phase", "class"}
