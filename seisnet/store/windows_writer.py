"""The windows file, written; its layout is described in `seisnet.store.windows_file`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import FormatError
from seisnet.store.hdf5 import new_hdf5
from seisnet.store.windows_file import (
    DTYPES,
    FORMAT,
    REJECTED_COLUMNS,
    SOURCE_COLUMNS,
    STRING,
    WindowRows,
    WindowsInfo,
)

CHUNK_ROWS = 256


@contextmanager
def writing(path: Path) -> Iterator[WindowsWriter]:
    """Write a windows file under a temporary name; it appears when the block ends well."""
    with new_hdf5(path) as file:
        writer = WindowsWriter(file)
        yield writer
        writer.close()


class WindowsWriter:
    """Appends rows to a file that `writing` has opened; before the first, `begin` says how many there will be."""

    def __init__(self, file: h5py.File) -> None:
        self.file, self._at, self._linked, self._n_features = file, 0, 0, 0
        self._links: h5py.h5p.PropDCID | None = None
        self._shards: list[tuple[str, str]] = []

    def begin(self, info: WindowsInfo, n_rows: int, *, virtual: bool = False) -> None:
        """Describe a file of so many rows; a virtual one holds no features, but says in which shards they lie."""
        file = self.file
        self._links = _links() if virtual else None
        self._n_features = int(np.prod(info.feature_shape))
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = 1
        file.attrs["classes"] = list(info.classes)
        file.attrs["feature_shape"] = info.feature_shape
        for name in sorted(info.attributes):
            file.attrs[name] = info.attributes[name]
        for name, dtype in DTYPES.items():
            if name == "x" and virtual:
                continue
            shape = (n_rows, self._n_features) if name == "x" else (n_rows,)
            rows = max(1, min(CHUNK_ROWS if name == "x" else 1 << 14, n_rows))
            file.create_dataset(name, shape, dtype, chunks=(rows, *shape[1:]) if n_rows else None)
        file.create_dataset("group_names", data=list(info.group_names), dtype=STRING, shape=(len(info.group_names),))
        _table(file, "sources", info.sources, SOURCE_COLUMNS)
        _table(file, "rejected", info.rejected, REJECTED_COLUMNS)

    def append(self, rows: WindowRows) -> None:
        """Write rows after those already written."""
        stop = self._at + len(rows)
        for name in DTYPES:
            if name != "x" or self._links is None:
                self.file[name][self._at : stop] = getattr(rows, name)
        self._at = stop

    def reject(self, rejected: Sequence[tuple[str, int, int, str]]) -> None:
        """Write rejections after those already written."""
        for i, column in enumerate(REJECTED_COLUMNS):
            dataset = self.file[f"rejected/{column}"]
            at = len(dataset)
            dataset.resize(at + len(rejected), axis=0)
            if rejected:
                dataset[at:] = [row[i] for row in rejected]

    def link(self, shard: Path, rows: NDArray[np.int64], n_shard: int, sha256: str) -> None:
        """Say that the next features of a virtual file are these rows of a shard in `shards_folder`."""
        if self._links is None:
            raise ValueError("the file is not virtual")
        name = f"{shard.parent.name}/{shard.name}"
        self._shards.append((name, sha256))
        here = h5py.h5s.create_simple((len(self.file["y"]), self._n_features))
        there = h5py.h5s.create_simple((n_shard, self._n_features))
        # A mapping for each run of neighbours.
        for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []:
            here.select_hyperslab((self._linked, 0), (len(run), self._n_features))
            there.select_hyperslab((int(run[0]), 0), (len(run), self._n_features))
            self._links.set_virtual(here, name.encode(), b"x", there)
            self._linked += len(run)

    def close(self) -> None:
        """Check that every announced row was written."""
        n = len(self.file["y"])
        if self._at != n or (self._links is not None and self._linked != n):
            raise FormatError(f"{self._at} of {n} windows were written")
        if self._links is not None:
            space = h5py.h5s.create_simple((n, self._n_features))
            h5py.h5d.create(self.file.id, b"x", h5py.h5t.IEEE_F32LE, space, self._links)
            _table(self.file, "shards", self._shards, ("path", "sha256"))
        self.file.flush()


def _links() -> h5py.h5p.PropDCID:
    """Properties of a virtual data set; unlike h5py's own it carries no time, so that its bytes are always the same."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    properties.set_fill_value(np.array(np.nan, dtype=np.float32))  # what can't be found is no number
    return properties


def _table(file: h5py.File, name: str, rows: Sequence[tuple[Any, ...]], columns: tuple[str, ...]) -> None:
    group = file.create_group(name)
    for i, column in enumerate(columns):
        values = [row[i] for row in rows]
        numeric = column in ("size", "windows", "start_ns", "end_ns")
        options = {"maxshape": (None,), "chunks": (1024,)} if name == "rejected" else {}
        dtype = np.int64 if numeric else STRING
        group.create_dataset(column, data=values, dtype=dtype, shape=(len(values),), **options)
