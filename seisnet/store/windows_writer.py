"""The windows file, written; its layout is described in `seisnet.store.windows_file`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import FormatError
from seisnet.store.files import replacing, writes
from seisnet.store.hdf5 import HDF5Sink, append, name_format
from seisnet.store.windows_file import (
    DTYPES,
    FORMAT,
    REJECTED_COLUMNS,
    ROWS_AT_ONCE,
    SOURCE_COLUMNS,
    STRING,
    Rejected,
    WindowRows,
    WindowsInfo,
)


@contextmanager
def writing(path: Path, info: WindowsInfo, n_rows: int, *, virtual: bool = False) -> Iterator[WindowsWriter]:
    """Write a windows file of so many rows; it appears when the block ends well and all of them were written.

    A virtual one holds no features, but says in which shards they lie.
    """
    with replacing(path) as temporary, HDF5Sink(temporary) as disk, h5py.File(disk, "w") as file:
        name_format(file, FORMAT)
        file.attrs["classes"] = list(info.classes)
        file.attrs["feature_shape"] = info.feature_shape
        for name in sorted(info.attributes):
            file.attrs[name] = info.attributes[name]
        shape = n_rows, int(np.prod(info.feature_shape))
        writer = WindowsWriter(file, FilePlace(temporary, path, 0), shape, virtual=virtual)
        file.create_dataset("group_names", data=list(info.group_names), dtype=STRING, shape=(len(info.group_names),))
        _table(file, "sources", info.sources, SOURCE_COLUMNS)
        _table(file, "rejected", info.rejected, REJECTED_COLUMNS)
        yield writer
        writer.close()


@dataclass(frozen=True)
class FilePlace:
    """Where values belong in the file `path`, which is still called `temporary`: from byte `at` on."""

    temporary: Path
    path: Path
    at: int

    def fill(self, values: NDArray[np.float32]) -> FilePlace:
        """Write values, in whichever process; what follows them belongs at the place that is returned.

        Raises
        ------
        DataError
            If they can't be written. An OSError would pass for one of the shard that is being read meanwhile.
        """
        with writes(self.path), self.temporary.open("r+b", buffering=0) as file:
            file.seek(self.at)
            rest = np.ascontiguousarray(values, "<f4").reshape(-1).view(np.uint8).data
            while rest:
                rest = rest[file.write(rest) :]
        return self.after(values.nbytes)

    def after(self, n_bytes: int) -> FilePlace:
        """The place so many bytes on."""
        return replace(self, at=self.at + n_bytes)


class WindowsWriter:
    """Appends rows to a file that `writing` has opened.

    Features, and samples of excerpts, lie each in one piece of the file and go there past HDF5, see `FilePlace`.
    """

    def __init__(self, file: h5py.File, start: FilePlace, shape: tuple[int, int], *, virtual: bool) -> None:
        self.file, self._start = file, start
        self._n_rows, self._n_features = shape
        self._x = None if virtual else self.place("x", shape)
        self._columns: dict[str, list[NDArray[Any]]] = {name: [] for name in DTYPES if name != "x"}
        for name in self._columns:
            chunks = (min(ROWS_AT_ONCE, self._n_rows),) if self._n_rows else None
            file.create_dataset(name, (self._n_rows,), DTYPES[name], chunks=chunks)
        self._at = self._written = self._linked = 0
        self._rejected: list[Rejected] = []
        self._links = _links()
        self._shards: list[tuple[str, str]] = []

    def place(self, name: str, shape: tuple[int, int]) -> FilePlace:
        """Make a data set of float32 in one piece; where it is to be filled."""
        dataset = self.file.create_dataset(name, shape, np.float32, dcpl=_in_one_piece())
        at: int | None = dataset.id.get_offset()
        return self._start.after(at or 0)  # it has none if it is empty

    def append(self, rows: WindowRows) -> FilePlace | None:
        """Write all but the features of rows after those already written; where these belong, None in a virtual one."""
        place = self._x and self._x.after(4 * self._at * self._n_features)
        self._at += len(rows)
        for name, waiting in self._columns.items():
            waiting.append(getattr(rows, name))
        if self._at - self._written >= ROWS_AT_ONCE:
            self._flush_columns()
        return place

    def _flush_columns(self) -> None:
        for name, waiting in self._columns.items():
            if waiting:
                self.file[name][self._written : self._at] = np.concatenate(waiting)
                waiting.clear()
        self._written = self._at

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Write rejections after those already written."""
        self._rejected += rejected
        if len(self._rejected) >= ROWS_AT_ONCE:
            self._flush_rejected()

    def _flush_rejected(self) -> None:
        for i, column in enumerate(REJECTED_COLUMNS if self._rejected else ()):
            append(self.file[f"rejected/{column}"], [row[i] for row in self._rejected])
        self._rejected.clear()

    def link(self, shard: Path, rows: NDArray[np.int64], n_shard: int, sha256: str) -> None:
        """Say that the next features of a virtual file are these rows of a shard in `shards_folder`."""
        name = f"{shard.parent.name}/{shard.name}"
        self._shards.append((name, sha256))
        here = h5py.h5s.create_simple((self._n_rows, self._n_features))
        there = h5py.h5s.create_simple((n_shard, self._n_features))
        # One mapping per shard: one per run of neighbouring rows would take HDF5 kilobytes each.
        there.select_none()
        for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []:
            there.select_hyperslab((int(run[0]), 0), (len(run), self._n_features), op=h5py.h5s.SELECT_OR)
        if len(rows):
            here.select_hyperslab((self._linked, 0), (len(rows), self._n_features))
            self._links.set_virtual(here, name.encode(), b"x", there)
            self._linked += len(rows)

    def close(self) -> None:
        """Write what has gathered, and check that every announced row was written."""
        if self._at != self._n_rows or (self._x is None and self._linked != self._n_rows):
            raise FormatError(f"{self._at} of {self._n_rows} windows were written")
        self._flush_columns()
        self._flush_rejected()
        if self._x is None:
            space = h5py.h5s.create_simple((self._n_rows, self._n_features))
            h5py.h5d.create(self.file.id, b"x", h5py.h5t.IEEE_F32LE, space, self._links)
            _table(self.file, "shards", self._shards, ("path", "sha256"))
        self.file.flush()


def _in_one_piece() -> h5py.h5p.PropDCID:
    """Properties of a data set that has its place in the file as soon as it is made."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    properties.set_obj_track_times(False)
    return properties


def _links() -> h5py.h5p.PropDCID:
    """Properties of a virtual data set; unlike h5py's own it carries no time, so that its bytes are always the same."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    properties.set_fill_value(np.array(np.nan, dtype=np.float32))  # where a shard is missing
    return properties


def _table(file: h5py.File, name: str, rows: Sequence[tuple[Any, ...]], columns: tuple[str, ...]) -> None:
    group = file.create_group(name)
    for i, column in enumerate(columns):
        values = [row[i] for row in rows]
        numeric = column in ("size", "windows", "start_ns", "end_ns")
        options = {"maxshape": (None,), "chunks": (1024,)} if name == "rejected" else {}
        dtype = np.int64 if numeric else STRING
        group.create_dataset(column, data=values, dtype=dtype, shape=(len(values),), **options)
