"""Data sets in the SeisBench layout, written; the layout is described in `seisnet.store.seisbench_file`."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import ConfigError, DataError
from seisnet.store.files import FOLDER, check_free, check_output, made_folder, replacing, sweep, write_whole
from seisnet.store.hdf5 import HDF5Sink
from seisnet.store.seisbench_file import chunk_names
from seisnet.store.work_folder import alone

BUCKET_TRACES = 1024
BUCKET_BYTES = 32 * 2**20
"""A bucket is written before it would pass either; the second is what the writer holds in memory."""


@contextmanager
def new_seisbench(
    folder: Path,
    columns: Sequence[str],
    *,
    data_format: Mapping[str, str | float],
    attributes: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Iterator[SeisBenchWriter]:
    """Write a data set that SeisBench opens; it appears, whole, when the block ends well.

    The files have temporary names until then. ``metadata.csv`` moves in last, and one that is replaced goes first: rows
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
    if (folder / "chunks").exists() or chunk_names(folder, "waveforms", ".hdf5") - {""}:
        raise ConfigError(f"{folder}: holds a chunked data set; choose another folder")
    metadata, waveforms, readme = (folder / name for name in ("metadata.csv", "waveforms.hdf5", "README.md"))
    check_output(folder, FOLDER, overwrite=True)  # its files are checked one by one
    with made_folder(folder), alone(folder, folder):
        for path in (metadata, waveforms, readme) if attributes else (metadata, waveforms):
            check_free(path, overwrite=overwrite)
            sweep(path)
        with replacing(metadata) as metadata_part, replacing(waveforms) as waveforms_part:
            with (
                metadata_part.open("w", encoding="utf-8", newline="") as table,
                HDF5Sink(waveforms_part) as disk,
                h5py.File(disk, "w") as file,
            ):
                file.attrs.update(attributes or {})
                writer = SeisBenchWriter(folder, columns, table, file, disk)
                for key, value in {"dimension_order": "CW", **data_format}.items():
                    file[f"data_format/{key}"] = value
                yield writer
                writer.flush()
            if attributes:
                lines = "".join(f"- {key}: {value}\n" for key, value in attributes.items())
                write_whole(readme, f"# Data set in the SeisBench layout\n\n{lines}".encode())
            metadata.unlink(missing_ok=True)


class SeisBenchWriter:
    """Appends traces to a data set that `new_seisbench` has opened.

    They are packed into buckets, padded with zeros to the longest, as SeisBench does.
    """

    def __init__(self, folder: Path, columns: Sequence[str], table: TextIO, file: h5py.File, disk: HDF5Sink) -> None:
        self._folder, self._columns, self._disk = folder, list(columns), disk
        self._data = file.create_group("data")
        self._csv = csv.writer(table, lineterminator="\n")
        self._csv.writerow(["trace_name", *columns])
        self._bucket: list[NDArray[Any]] = []
        self._bucket_shape = (0, 0)
        self._buckets_written = 0

    def add(self, metadata: Mapping[str, object], samples: NDArray[Any]) -> None:
        """Append one trace; `samples` (C, T) keep their type; None and NaN become empty fields."""
        if unknown := metadata.keys() - set(self._columns):
            raise DataError(f"{self._folder}: column {min(unknown)!r} is not among the columns of this data set")
        components, length = samples.shape
        shape = (max(components, self._bucket_shape[0]), max(length, self._bucket_shape[1]))
        n_bytes = (len(self._bucket) + 1) * shape[0] * shape[1] * samples.dtype.itemsize
        if self._bucket and (
            len(self._bucket) == BUCKET_TRACES or n_bytes > BUCKET_BYTES or samples.dtype != self._bucket[0].dtype
        ):
            self.flush()
            shape = (components, length)
        name = f"bucket{self._buckets_written}${len(self._bucket)},:{components},:{length}"
        self._bucket.append(samples.copy())
        self._bucket_shape = shape
        self._csv.writerow([name, *(_field(metadata.get(column)) for column in self._columns)])

    def flush(self) -> None:
        """Write the bucket that has gathered; the last call before the file is closed."""
        if not self._bucket:
            return
        block = np.zeros((len(self._bucket), *self._bucket_shape), dtype=self._bucket[0].dtype)
        for row, samples in zip(block, self._bucket, strict=True):
            row[: samples.shape[0], : samples.shape[1]] = samples
        self._data.create_dataset(f"bucket{self._buckets_written}", data=block)
        self._disk.check()
        self._buckets_written += 1
        self._bucket, self._bucket_shape = [], (0, 0)


def _field(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)
