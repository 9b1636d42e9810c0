"""Analysts' labels, picks and classes of signals, read from files; each counts once."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from seisnet.errors import DataError, missing
from seisnet.labels.catalogues import catalogue_intervals, catalogue_picks
from seisnet.labels.events import PICKLESS
from seisnet.labels.joining import Refused, once, refused_picks
from seisnet.labels.tables import csv_intervals, csv_picks, is_csv
from seisnet.picks import ClassInterval, Pick, in_order
from seisnet.waveforms.records import Rejection
from seisnet.wording import most_frequent

NO_PICKS = "picks; origins alone give no onsets (web services send picks with includearrivals=true)"
NO_CLASSES = "classes: its events have no type, or no picks; detections are read from CSV"

L = TypeVar("L", Pick, ClassInterval)


def read_labels(
    paths: Iterable[str | Path], rejections: list[Rejection] | None = None, *, each: bool = False
) -> list[Pick]:
    """Read picks from catalogues and CSV files, every onset of an instrument once.

    Of several files the first counts; within a file a pick of an event before one outside any, then the surest. So
    neither a machine's pick beside the analyst's nor one of a second event is another onset.

    Parameters
    ----------
    rejections : list of Rejection, optional
        Takes the picks that an analyst rejected, and second picks of an onset.
    each : bool
        Keep also the second picks of an onset, with the exceptions of `seisnet.labels.joining.once`.

    Returns
    -------
    list of Pick
        In order of time; phases keep the hint that the file gives.

    Raises
    ------
    DataError
        For a file that is missing, empty, neither a catalogue nor a CSV of picks, or holds no pick.
    """
    rejected = [] if rejections is None else rejections
    files: list[list[Pick]] = []
    refused: list[Refused] = []
    for path in paths:
        own: list[Rejection] = []
        picks = _read(path, csv_picks, catalogue_picks, NO_PICKS, own)
        refused.append(refused_picks(own))
        files.append(picks)
        rejected += own
    return in_order(once(files, refused, rejected, each=each))


def read_classes(paths: Iterable[str | Path], rejections: list[Rejection] | None = None) -> list[ClassInterval]:
    """Read class intervals from CSV files, and from catalogues whose events have a type and picks; equal ones once.

    A CSV may be one of detections.

    Parameters
    ----------
    rejections : list of Rejection, optional
        Takes the stretches that an analyst rejected, and second labels of a stretch.

    Returns
    -------
    list of ClassInterval
        In order of time.

    Raises
    ------
    DataError
        For a file that is missing, empty, neither a catalogue nor a CSV of classes, or holds no class.
    """
    rejected = [] if rejections is None else rejections
    files = [_read(path, csv_intervals, catalogue_intervals, NO_CLASSES, rejected) for path in paths]
    intervals = sorted(itertools.chain(*files), key=_stretch)  # equal ones stay in the order of the files
    return [_merged(list(alike), rejected) for _, alike in itertools.groupby(intervals, _stretch)]


def read_intervals(path: Path, rejections: list[Rejection]) -> list[ClassInterval]:
    """Read class intervals as `read_classes` does, but all that one file holds; in a CSV there may be none."""
    intervals = _read_one(path, csv_intervals, catalogue_intervals, rejections)
    if not intervals and not is_csv(path):
        raise DataError(f"{path}: holds no {NO_CLASSES}")
    return intervals


def _merged(alike: Sequence[ClassInterval], rejections: list[Rejection]) -> ClassInterval:
    """The first of some equal intervals, in the first event that any of them names; the others are rejected."""
    what = "a second label of the same stretch"
    rejections += [Rejection(i.trace_id, i.start_ns, i.end_ns, what) for i in alike[1:]]
    return replace(alike[0], event_id=next((i.event_id for i in alike if i.event_id), ""))


def _stretch(i: ClassInterval) -> tuple[int, str, str, str, str, int]:
    return i.start_ns, i.network, i.station, i.location, i.label, i.end_ns


def _read(
    path: str | Path,
    from_csv: Callable[[Path, list[Rejection]], list[L]],
    from_catalogue: Callable[[Path, list[Rejection]], list[L]],
    none: str,
    rejections: list[Rejection],
) -> list[L]:
    """The labels of a file, of which there must be some."""
    path, before = Path(path), len(rejections)
    labels = _read_one(path, from_csv, from_catalogue, rejections)
    if not labels:
        why_not = "; ".join(most_frequent(Counter(r.reason for r in rejections[before:] if r.reason != PICKLESS)))
        lacks = f"usable label: {why_not}" if why_not else "row below its header" if is_csv(path) else none
        raise DataError(f"{path}: holds no {lacks}")
    return labels


def _read_one(
    path: Path,
    from_csv: Callable[[Path, list[Rejection]], list[L]],
    from_catalogue: Callable[[Path, list[Rejection]], list[L]],
    rejections: list[Rejection],
) -> list[L]:
    if not path.is_file():
        raise DataError(missing(path))
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    try:
        return (from_csv if is_csv(path) else from_catalogue)(path, rejections)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text in UTF-8: {error}; save it as UTF-8") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: can't be read: {error}") from error
