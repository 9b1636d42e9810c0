"""The windows file: features, labels and splits in HDF5, readable with plain h5py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import DataError, FormatError
from seisnet.store.hdf5 import inside, opened, rising_rows, text
from seisnet.store.virtual_features import VirtualFeatures

FORMAT = "seisnet-windows"
SPLITS = ("train", "dev", "test")
LARGEST_FEATURES = 1 << 24

RUN_ROWS = 256
"""`FeatureReader` reads so many of the wanted rows at once."""

ROWS_AT_ONCE = 1 << 14
"""Rows of other columns are read, and written, so many at once, for every access has its overhead."""

COMPONENT_ORDER = "ZNE"

STRING = h5py.string_dtype("utf-8")

SOURCE_COLUMNS = ("path", "size", "sha256", "windows")
REJECTED_COLUMNS = ("trace_id", "start_ns", "end_ns", "reason")

Rejected = tuple[str, int, int, str]
"""A row of `REJECTED_COLUMNS`; a `seisnet.waveforms.records.Rejection` is one."""


@dataclass(frozen=True)
class WindowRows:
    """Columns of a windows file, one row a window.

    Attributes
    ----------
    x : float32 (N, D)
        Features.
    y : uint8 (N,)
        Index into the classes.
    onset_s : float32 (N,)
        Time of the pick less that of the window's centre; NaN where there is none.
    start_ns : int64 (N,)
        Time of the first sample.
    trace_id : str (N,)
        ``NET.STA.LOC.BAND+INSTRUMENT``.
    group : uint32 (N,)
        Event, or station-hour where there is none; index into the file's ``group_names``.
    split : uint8 (N,)
        0 train, 1 dev, 2 test.
    weight : float32 (N,)
        Weight in the loss.
    augmented : bool (N,)
        Shifted or otherwise altered; only in train.
    snr_db : float32 (N,)
        Signal-to-noise ratio of the onset; NaN where there is none, where it is not known, and if augmented.
    """

    x: NDArray[np.float32]
    y: NDArray[np.uint8]
    onset_s: NDArray[np.float32]
    start_ns: NDArray[np.int64]
    trace_id: NDArray[np.object_]
    group: NDArray[np.uint32]
    split: NDArray[np.uint8]
    weight: NDArray[np.float32]
    augmented: NDArray[np.bool_]
    snr_db: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def __post_init__(self) -> None:
        """Say that no ratio is known where none is given."""
        if len(self.snr_db) != len(self.y):
            object.__setattr__(self, "snr_db", np.full(len(self.y), np.nan, dtype=np.float32))

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Any) -> WindowRows:
        """The rows that an index or mask selects."""
        return WindowRows(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


DTYPES: dict[str, Any] = {
    "x": np.float32,
    "y": np.uint8,
    "onset_s": np.float32,
    "start_ns": np.int64,
    "trace_id": STRING,
    "group": np.uint32,
    "split": np.uint8,
    "weight": np.float32,
    "augmented": np.bool_,
    "snr_db": np.float32,
}


@dataclass(frozen=True)
class WindowsInfo:
    """Everything in a windows file but its rows.

    `sources` are (path, size, sha256, windows made), `rejected` is empty where it was not asked for, and `attributes`
    holds the other attributes of the file: feature, sampling_rate_hz, window_s, config, ...
    """

    classes: tuple[str, ...]
    feature_shape: tuple[int, ...]
    group_names: tuple[str, ...]
    sources: tuple[tuple[str, int, str, int], ...]
    rejected: tuple[Rejected, ...]
    attributes: Mapping[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The preprocess config as plain values."""
        config: dict[str, Any] = json.loads(self.attributes["config"])
        return config


def read_info(path: Path, *, rejected: bool = True) -> WindowsInfo:
    """Read and check what describes a windows file; without `rejected`, what was not used is left out."""
    with opened(path, FORMAT) as file:
        return _info(file, rejected=rejected)


def is_virtual(path: Path) -> bool:
    """Whether there is a windows file whose features lie in shards."""
    with suppress(DataError, FormatError), opened(path, FORMAT) as file:
        return "shards" in file
    return False


def read_rejected(path: Path) -> Iterator[Rejected]:
    """Stream what was not used."""
    with opened(path, FORMAT) as file:
        yield from _rows(file, "rejected", REJECTED_COLUMNS)


def read_rows(path: Path, *, features: bool = True) -> WindowRows:
    """Read all rows; without `features`, x has no columns.

    Raises
    ------
    FormatError
        If columns are missing, of different lengths or of the wrong kind, or features are not finite.
    """
    with opened(path, FORMAT) as file:
        info = _info(file, rejected=False)
        names = [name for name in DTYPES if name != "x" and (name != "snr_db" or name in file)]
        columns = {name: inside(file, name) for name in names}
        n = len(columns["y"])
        for name, column in {"x": _features(file), **columns}.items():
            expected = (n, int(np.prod(info.feature_shape))) if name == "x" else (n,)
            if column.shape != expected:
                raise FormatError(f"{path}: /{name} has shape {column.shape}; {expected} is needed")
            if column.dtype != DTYPES[name]:
                raise FormatError(f"{path}: /{name} is {column.dtype}; {np.dtype(DTYPES[name])} is needed")
        values = {name: column[:] for name, column in columns.items() if name != "trace_id"}
        trace_id = np.array([text(t) for t in columns["trace_id"][:]], dtype=object)
    values["x"] = np.zeros((n, 0), dtype=np.float32)
    if features:
        with FeatureReader(path) as reader:
            values["x"] = reader.read(np.arange(n))
    for name, n_known in (("y", len(info.classes)), ("split", len(SPLITS)), ("group", len(info.group_names))):
        if n and int(values[name].max()) >= n_known:
            raise FormatError(f"{path}: /{name} names number {values[name].max()} of {n_known}, counted from 0")
    return WindowRows(trace_id=trace_id, **values)


class FeatureReader:
    """Reads rows of `/x` of a windows file without holding the rest; a context manager."""

    def __init__(self, path: Path) -> None:
        with ExitStack() as stack:
            self._x = _features(stack.enter_context(opened(path, FORMAT)))
            self._stack = stack.pop_all()
        self._path = path
        self.n_features = int(self._x.shape[1])

    def __enter__(self) -> FeatureReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Features (N, D) of rising rows.

        Raises
        ------
        FormatError
            If any is not finite.
        """
        values = np.zeros((len(rows), self.n_features), dtype=np.float32)
        for at in range(0, len(rows), RUN_ROWS):  # else all that lies between them would be in memory at once
            run = rows[at : at + RUN_ROWS]
            part = self._x.read(run) if isinstance(self._x, VirtualFeatures) else rising_rows(self._x, run)
            if not np.isfinite(part).all():
                raise FormatError(f"{self._path}: /x holds values that are not finite")
            values[at : at + RUN_ROWS] = part
        return values


def read_snr_db(path: Path) -> dict[str, NDArray[np.float32]]:
    """Signal-to-noise ratios of the onsets of each class that has onsets; windows of augmentation have none."""
    with opened(path, FORMAT) as file:
        classes = _info(file, rejected=False).classes
        if "snr_db" not in file:  # of an older version
            return {}
        y, snr_db = inside(file, "y")[:], inside(file, "snr_db")[:]
    onset = np.isfinite(snr_db)
    return {name: snr_db[here] for k, name in enumerate(classes) if (here := onset & (y == k)).any()}


def read_counts(path: Path) -> NDArray[np.int64]:
    """Count windows by split, class and whether they are augmented: int64 (3, K, 2)."""
    with opened(path, FORMAT) as file:
        counts = np.zeros((len(SPLITS), len(_info(file, rejected=False).classes), 2), dtype=np.int64)
        np.add.at(counts, (inside(file, "split")[:], inside(file, "y")[:], inside(file, "augmented")[:].astype(int)), 1)
    return counts


def count_groups(path: Path) -> int:
    """How many groups have windows; those whose augmented windows alone were in dev or test are named all the same."""
    with opened(path, FORMAT) as file:
        return len(np.unique(inside(file, "group")[:]))


def _features(file: h5py.File) -> h5py.Dataset | VirtualFeatures:
    """`/x`, of this file or in shards beside it."""
    x = file["x"] if isinstance(file.get("x", getlink=True), h5py.HardLink) else None
    if isinstance(x, h5py.Dataset) and x.is_virtual:
        return VirtualFeatures(Path(file.filename), x, dict(_rows(file, "shards", ("path", "sha256"))))
    return inside(file, "x")


def _info(file: h5py.File, *, rejected: bool) -> WindowsInfo:
    known = {"format", "format_version", "classes", "feature_shape"}
    shape = tuple(int(n) for n in file.attrs["feature_shape"])
    if not shape or min(shape) < 1 or np.prod(shape, dtype=float) > LARGEST_FEATURES:
        raise FormatError(f"{file.filename}: feature shape {shape} is absurd")
    order = text(file.attrs.get("component_order", COMPONENT_ORDER))
    if order != COMPONENT_ORDER:
        raise FormatError(f"{file.filename}: features are of components {order}; {COMPONENT_ORDER} is needed")
    info = WindowsInfo(
        classes=tuple(text(c) for c in file.attrs["classes"]),
        feature_shape=shape,
        group_names=tuple(text(g) for g in inside(file, "group_names")[:]),
        sources=tuple(_rows(file, "sources", SOURCE_COLUMNS)),
        rejected=tuple(_rows(file, "rejected", REJECTED_COLUMNS)) if rejected else (),
        attributes={name: value for name, value in file.attrs.items() if name not in known},
    )
    if not isinstance(info.config, dict):
        raise FormatError(f"{file.filename}: config is not a JSON object")
    return info


def _rows(file: h5py.File, name: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    found = [inside(file, f"{name}/{column}") for column in columns]
    for at in range(0, max(map(len, found)), ROWS_AT_ONCE):
        for row in zip(*(column[at : at + ROWS_AT_ONCE] for column in found), strict=True):
            yield tuple(int(v) if isinstance(v, np.integer) else text(v) for v in row)
