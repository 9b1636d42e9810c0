"""Data sets in the SeisBench layout, written; the layout is described in `seisnet.store.seisbench_file`."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import ConfigError, DataError
from seisnet.store.files import FOLDER, check_free, check_output, made_folder, replacing, sweep
from seisnet.store.hdf5 import HDF5Sink
from seisnet.store.seisbench_file import chunk_names
from seisnet.store.work_folder import alone

BUCKET_TRACES = 1024
BUCKET_BYTES = 32 * 2**20
"""A bucket is written before it would pass either; the second is what the writer holds in memory."""


class SeisBenchWriter:
    """Writes a data set that SeisBench opens; a context manager, so that it appears whole or not at all.

    Traces are packed into buckets, padded with zeros to the longest, as SeisBench does. The files have
    temporary names until the end. ``metadata.csv`` moves in last, and one that is replaced goes first: rows
    never stand beside waveforms that they do not describe.

    Parameters
    ----------
    folder : Path
        Made when absent; other files in it are left alone.
    columns : sequence of str
        Columns of the metadata after ``trace_name``, which the writer fills.
    data_format : mapping
        What is true of every trace, such as ``{"sampling_rate": 100.0}``. SeisBench warns of a ``component_order`` from
        which that of a trace differs, as where a component is missing.
    attributes : mapping of str to str
        Provenance: attributes of the HDF5 file, and the lines of ``README.md``.

    Raises
    ------
    ConfigError
        The folder holds a data set and `overwrite` is not set, or a chunked one, which is never replaced; or it is a
        file, or would lie in a folder that does not exist; or another run is writing to it.
    DataError
        The disk refuses, or a row has a column that was not announced.
    """

    def __init__(
        self,
        folder: Path,
        columns: Sequence[str],
        *,
        data_format: Mapping[str, str | float],
        attributes: Mapping[str, str] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.folder = folder
        self.columns = list(columns)
        self.data_format = {"dimension_order": "CW", **data_format}
        self.attributes = dict(attributes or {})
        self.overwrite = overwrite
        self._bucket: list[NDArray[Any]] = []
        self._bucket_shape = (0, 0)
        self._buckets_written = 0

    def __enter__(self) -> Self:
        if (self.folder / "chunks").exists() or chunk_names(self.folder, "waveforms", ".hdf5") - {""}:
            raise ConfigError(f"{self.folder}: holds a chunked data set; choose another folder")
        metadata, waveforms, readme = (self.folder / n for n in ("metadata.csv", "waveforms.hdf5", "README.md"))
        check_output(self.folder, FOLDER, overwrite=True)  # its files are checked one by one
        with ExitStack() as stack:
            stack.enter_context(made_folder(self.folder))
            stack.enter_context(alone(self.folder, self.folder))
            for path in (metadata, waveforms, readme) if self.attributes else (metadata, waveforms):
                check_free(path, overwrite=self.overwrite)
                sweep(path)
            # What is entered last leaves first: all is on disk, then README, waveforms and metadata move in.
            metadata_part = stack.enter_context(replacing(metadata))
            waveforms_part = stack.enter_context(replacing(waveforms))
            stack.push(lambda kind, error, trace: metadata.unlink(missing_ok=True) if kind is None else None)
            if self.attributes:
                lines = [f"- {key}: {value}\n" for key, value in self.attributes.items()]
                text = "# Data set in the SeisBench layout\n\n" + "".join(lines)
                stack.enter_context(replacing(readme)).write_bytes(text.encode())
            csv_file = stack.enter_context(metadata_part.open("w", encoding="utf-8", newline=""))
            self._disk = stack.enter_context(HDF5Sink(waveforms_part))
            self._hdf5 = stack.enter_context(h5py.File(self._disk, "w"))
            self._hdf5.attrs.update(self.attributes)
            self._hdf5.create_group("data")
            for key, value in self.data_format.items():
                self._hdf5[f"data_format/{key}"] = value
            self._csv = csv.writer(csv_file, lineterminator="\n")
            self._csv.writerow(["trace_name", *self.columns])
            self._stack = stack.pop_all()
        return self

    def add(self, metadata: Mapping[str, object], samples: NDArray[Any]) -> None:
        """Append one trace; `samples` (C, T) keep their type; None and NaN become empty fields."""
        if unknown := metadata.keys() - set(self.columns):
            raise DataError(f"{self.folder}: column {min(unknown)!r} is not among the columns of this data set")
        components, length = samples.shape
        shape = (max(components, self._bucket_shape[0]), max(length, self._bucket_shape[1]))
        n_bytes = (len(self._bucket) + 1) * shape[0] * shape[1] * samples.dtype.itemsize
        if self._bucket and (
            len(self._bucket) == BUCKET_TRACES or n_bytes > BUCKET_BYTES or samples.dtype != self._bucket[0].dtype
        ):
            self._write_bucket()
            shape = (components, length)
        name = f"bucket{self._buckets_written}${len(self._bucket)},:{components},:{length}"
        self._bucket.append(samples.copy())
        self._bucket_shape = shape
        self._csv.writerow([name, *(_field(metadata.get(column)) for column in self.columns)])

    def _write_bucket(self) -> None:
        block = np.zeros((len(self._bucket), *self._bucket_shape), dtype=self._bucket[0].dtype)
        for row, samples in zip(block, self._bucket, strict=True):
            row[: samples.shape[0], : samples.shape[1]] = samples
        self._hdf5["data"].create_dataset(f"bucket{self._buckets_written}", data=block)
        self._disk.check()
        self._buckets_written += 1
        self._bucket, self._bucket_shape = [], (0, 0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            if self._bucket:
                self._write_bucket()


def _field(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)
