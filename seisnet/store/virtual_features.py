"""Features that lie in shards, to which a virtual windows file refers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import FormatError
from seisnet.store.hdf5 import inside, opened, rising_rows, text

SHARD_FORMAT = "seisnet-shard"


def shards_folder(path: Path) -> Path:
    """Folder of the shards in which the features of a virtual windows file lie."""
    return path.with_name(f"{path.name}.shards")


class VirtualFeatures:
    """`/x` of a virtual windows file, whose rows are read from the shards themselves.

    HDF5 would look through all shards for any row, keep every one open that it has read, and take a missing one for
    zeros.

    Parameters
    ----------
    path : Path
        The windows file.
    x : h5py.Dataset
        Virtual, over shards beside the file.
    linked : mapping of str to str
        SHA-256 of each shard when it was linked, by the name that `x` gives it.

    Attributes
    ----------
    shape : (int, int)
    dtype : numpy.dtype

    Raises
    ------
    FormatError
        If a shard is not there, is not the one that was linked, or `x` is not made of rows of such shards.
    """

    def __init__(self, path: Path, x: h5py.Dataset, linked: Mapping[str, str]) -> None:
        self._path, self.shape, self.dtype = path, x.shape, x.dtype
        self._shards = list(_mapped(path, x, linked))
        self._stops = np.cumsum([len(rows) for _, rows in self._shards], dtype=np.int64)
        for name, sha256 in linked.items():
            with opened(path.parent / name, SHARD_FORMAT) as shard:
                if text(shard.attrs["sha256"]) != sha256:
                    raise FormatError(f"{path}: {name} is not the shard that /x was made from")

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Features (N, D) of rising rows (N,), at least one.

        Only the shards that hold any of them are opened, one after the other.
        """
        shard_of = np.searchsorted(self._stops, rows, side="right")
        found = []
        for k in np.unique(shard_of).tolist():
            name, own = self._shards[k]
            start = self._stops[k] - len(own)
            with opened(self._path.parent / name, SHARD_FORMAT) as shard:
                found.append(rising_rows(inside(shard, "x"), own[rows[shard_of == k] - start]))
            if found[-1].shape[1:] != self.shape[1:]:
                raise FormatError(f"{self._path}: {name} has not as many features a row as /x")
        return np.concatenate(found)


def _mapped(path: Path, x: h5py.Dataset, linked: Mapping[str, str]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Shards in the order of the rows of `x`, each with the rows of its own that stand there.

    Their numbers are kept, not HDF5's objects: any of these that lives makes it slower to close a file.
    """
    stop = 0
    for source in x.virtual_sources():
        name, parts = source.file_name, source.file_name.split("/")
        beside = len(parts) == 2 and parts[0] == shards_folder(path).name and source.dset_name == "x"
        if not beside or name not in linked:
            raise FormatError(f"{path}: /x points to {name}, which is not a shard beside it")
        blocks = source.src_space.get_select_hyper_blocklist()[:, :, 0].tolist()
        rows = np.concatenate([np.arange(first, last + 1) for first, last in blocks])
        start, stop = stop, stop + len(rows)
        if source.vspace.get_select_bounds() != ((start, 0), (stop - 1, x.shape[1] - 1)):
            raise FormatError(f"{path}: /x does not hold the rows of one shard after those of another")
        yield name, rows
    if stop != len(x):
        raise FormatError(f"{path}: /x has {len(x)} rows; its shards give {stop}")
