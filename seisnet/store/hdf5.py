"""HDF5 files of seisnet: written whole or not at all, whatever the disk does, and checked before they are trusted."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import FormatError, missing
from seisnet.store.files import replacing

NEWEST_VERSION = 1
MOST_COMPRESSION = 1100
"""Deflate packs no tighter; a data set that claims to would fill the memory with nothing."""

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@contextmanager
def new_hdf5(path: Path, file_format: str) -> Iterator[h5py.File]:
    """Open a new HDF5 file that appears at `path` when the block ends well; a full disk is one clear error."""
    with replacing(path) as temporary, HDF5Sink(temporary) as disk, h5py.File(disk, "w") as file:
        name_format(file, file_format)
        yield file


def name_format(file: h5py.File, file_format: str) -> None:
    """Write what `opened` checks, the format of a file and its version, into a new one."""
    file.attrs["format"] = file_format
    file.attrs["format_version"] = NEWEST_VERSION


@contextmanager
def opened(path: Path, file_format: str) -> Iterator[h5py.File]:
    """Open a seisnet file for reading and check its format and version.

    Raises
    ------
    FormatError
        If it is missing, not HDF5, damaged, of another format, or newer than this seisnet.
    """
    if not path.is_file():
        raise FormatError(missing(path))
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        if error.errno:
            raise FormatError(f"{path}: can't be read: {os.strerror(error.errno)}") from error
        raise FormatError(f"{path}: not an HDF5 file, or damaged ({str(error).splitlines()[0][:120]})") from error
    with file:
        try:
            found = text(file.attrs.get("format", ""))
            if found != file_format:
                what = f"a {found} file" if found else "an HDF5 file of another origin"
                raise FormatError(f"{path}: {what}; a {file_format} file is needed")
            version = int(file.attrs.get("format_version", 0))
            if not 1 <= version <= NEWEST_VERSION:
                raise FormatError(
                    f"{path}: format version {version}; this seisnet reads up to {NEWEST_VERSION}, update seisnet"
                )
            yield file
        except (LookupError, OSError, RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise FormatError(f"{path}: damaged or incomplete: {str(error).splitlines()[0][:120]}") from error


def file_format(path: Path) -> str | None:
    """The format that an HDF5 file claims, empty if it claims none; None if it is no HDF5 file."""
    with path.open("rb") as plain:
        if plain.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
            return None
    try:
        with h5py.File(path, "r", locking=False) as file:
            return text(file.attrs.get("format", ""))
    except OSError as error:
        raise FormatError(f"{path}: a damaged HDF5 file ({str(error).splitlines()[0][:120]})") from error


def inside(file: h5py.File, name: str) -> h5py.Dataset:
    """A data set that lies in this very file: links, and claims of more data than there are, are refused."""
    found = _own(file, name)
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise FormatError(f"{file.filename}: /{name} is not a data set of this file")
    claimed, stored = math.prod(found.shape) * found.dtype.itemsize, found.id.get_storage_size()
    if claimed > MOST_COMPRESSION * stored:
        raise FormatError(f"{file.filename}: /{name} claims {claimed:.3g} bytes; the file holds {stored} of it")
    return found


def append(dataset: h5py.Dataset, values: Any) -> None:
    """Write rows after those of a data set that can grow."""
    at = len(dataset)
    dataset.resize(at + len(values), axis=0)
    dataset[at:] = values


def rising_rows(dataset: h5py.Dataset, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Rows (N, ...) of a data set by their numbers (N,), at least one, which rise."""
    low, high = int(rows[0]), int(rows[-1]) + 1
    # One slice and a choice from it is far faster than HDF5's own choice of rows, if few are left out.
    return np.asarray(dataset[low:high][rows - low] if high - low <= 8 * len(rows) else dataset[rows])


def group_inside(file: h5py.File, name: str) -> h5py.Group:
    """A group that lies in this very file; see `inside`."""
    found = _own(file, name)
    if not isinstance(found, h5py.Group):
        raise FormatError(f"{file.filename}: /{name} is not a group")
    return found


def _own(file: h5py.File, name: str) -> object:
    parts = name.strip("/").split("/")
    for depth in range(1, len(parts) + 1):
        link = file.get("/".join(parts[:depth]), getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise FormatError(f"{file.filename}: /{name} is {'a link' if link is not None else 'missing'}")
    return file[name]


def text(value: object) -> str:
    """Text of an attribute, whether HDF5 gave bytes or str."""
    return value.decode() if isinstance(value, bytes) else str(value)


class HDF5Sink(io.FileIO):
    """A file for HDF5 to write to that never fails inside HDF5, which can't be closed after such a failure.

    What goes wrong on disk is kept and raised where Python can handle it: by `check`, and on leaving. Until then HDF5
    reads its own structures again and follows the addresses in them, so that these must come back as they were
    written: what is small is kept in memory once the disk has failed. Blocks of samples may come back as zeros.
    """

    STRUCTURE_BYTES = 1 << 16

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._failure: OSError | None = None
        self._kept: list[tuple[int, bytes]] = []

    def write(self, data: Any) -> int:
        """Write all of `data`, or keep the failure."""
        view = memoryview(data).cast("B")
        at, done = self.tell(), 0
        try:
            while done < len(view) and self._failure is None:
                done += super().write(view[done:])
        except OSError as failure:
            self._failure = failure
        if self._failure is not None and len(view) <= self.STRUCTURE_BYTES:
            self._kept.append((at, bytes(view)))
        return len(view)

    def readinto(self, buffer: Any) -> int:
        """Read what was written, also what the disk did not take; zeros where nothing is."""
        view = memoryview(buffer).cast("B")
        at = self.tell()
        n = super().readinto(view)
        view[n:] = bytes(len(view) - n)
        for start, data in self._kept:
            low, high = max(at, start), min(at + len(view), start + len(data))
            if low < high:
                view[low - at : high - at] = data[low - start : high - start]
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length, or keep the failure."""
        try:
            return super().truncate(size)
        except OSError as failure:
            self._failure = failure
            return self.tell() if size is None else size

    def check(self) -> None:
        """Raise what has gone wrong so far."""
        if self._failure is not None:
            raise self._failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self.check()
