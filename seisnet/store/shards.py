"""Shards: the windows of one piece of the sources on disk, before splits are known.

A shard is named after the SHA-256 of all that it was made from, and holds that of all that it contains, so that a run
that goes on after a crash takes a shard for what it is or makes it anew.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import FormatError
from seisnet.store.excerpts import N_COMPONENTS, Excerpt, SamplesWriter
from seisnet.store.hdf5 import append, inside, new_hdf5, opened, text
from seisnet.store.virtual_features import SHARD_FORMAT
from seisnet.store.windows_file import DTYPES, Rejected

SHARED = ("y", "onset_s", "start_ns", "weight", "augmented", "snr_db")
"""Columns that shards have in common with the windows file."""

COLUMNS: dict[str, Any] = {
    **{name: DTYPES[name] for name in SHARED},
    "trace": np.uint32,
    "event": np.uint32,
    "given_split": np.uint8,
}
"""`trace` and `event` count in the shard's names, `given_split` is 0 where there is none."""

ROW = np.dtype([(name, np.dtype(dtype).newbyteorder("<")) for name, dtype in COLUMNS.items()])
"""They stand in one data set, for every data set has its overhead, and there are many shards."""

BLOCK_BYTES = 1 << 19
"""What is read at once: little enough to stay in the cache until it is hashed and written."""


class ShardWriter:
    """Appends windows to a new shard; see `new_shard`."""

    def __init__(self, file: h5py.File, n_features: int) -> None:
        self._file, self._digest = file, hashlib.sha256()
        self._names: dict[str, dict[str, int]] = {"trace": {}, "event": {}}
        self._rows: list[NDArray[Any]] = []
        # Chunks of about 256 kB: a row of a long window may be large.
        rows = max(1, min(256, (1 << 18) // (4 * n_features)))
        shapes = {"maxshape": (None, n_features), "chunks": (rows, n_features)}
        self._x = file.create_dataset("x", (0, n_features), np.float32, **shapes)
        self._samples, self._samples_digest = SamplesWriter(file, "excerpts"), hashlib.sha256()
        self._excerpts: list[dict[str, Any]] = []

    def append(self, x: NDArray[np.float32], columns: Mapping[str, Sequence[Any]]) -> None:
        """Write windows after those already written; `trace` and `event` are given by name."""
        append(self._x, x)
        self._digest.update(np.ascontiguousarray(x).data)
        rows = np.empty(len(x), ROW)
        for name in COLUMNS:
            values = columns[name]
            if name in self._names:
                known = self._names[name]
                values = [known.setdefault(value, len(known)) for value in values]
            rows[name] = values
        self._rows.append(rows)

    def append_excerpt(self, excerpt: Excerpt) -> None:
        """Write an excerpt after those already written."""
        self._samples_digest.update(self._samples.append(excerpt.data).data)
        plain = {**vars(excerpt), "data": excerpt.n_samples, "present": excerpt.present.tolist()}
        self._excerpts.append(plain)

    def finish(self, rejected: Sequence[Rejected], summary: dict[str, Any]) -> None:
        """Write what is not windows, and the digest of everything."""
        self._samples.flush()
        names = [list(self._names[name]) for name in ("trace", "event")]
        words = json.dumps([*names, list(rejected), summary, self._excerpts])
        rows = np.concatenate([np.zeros(0, ROW), *self._rows])
        for name, plain in (("rows", rows.tobytes()), ("words", words.encode())):
            self._file.create_dataset(name, data=np.frombuffer(plain, dtype=np.uint8))
            self._digest.update(plain)
        self._digest.update(self._samples_digest.digest())
        self._file.attrs["sha256"] = self._digest.hexdigest()
        self._file.attrs["excerpts_sha256"] = self._samples_digest.hexdigest()


@contextmanager
def new_shard(path: Path, n_features: int) -> Iterator[ShardWriter]:
    """Write a shard whole or not at all."""
    with new_hdf5(path, SHARD_FORMAT) as file:
        yield ShardWriter(file, n_features)


@contextmanager
def read_shard(path: Path) -> Iterator[ShardReader]:
    """Open a shard.

    Raises
    ------
    FormatError
        If it is none, or is damaged.
    """
    with opened(path, SHARD_FORMAT) as file:
        yield ShardReader(file)


class ShardReader:
    """What is in a shard; see `read_shard`.

    Attributes
    ----------
    columns : dict of str to array (N,)
        All columns but the features.
    names : dict of str to list of str
        What the columns `trace` and `event` count in.
    rejected : list of Rejected
    summary : dict
        What `ShardWriter.finish` was given.
    sha256 : str
        Of everything in the shard.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._rows, self._words = (inside(file, name)[:].tobytes() for name in ("rows", "words"))
        rows = np.frombuffer(self._rows, ROW)
        self.columns: dict[str, NDArray[Any]] = {name: rows[name].astype(dtype) for name, dtype in COLUMNS.items()}
        traces, events, rejected, summary, self._excerpts = json.loads(self._words)
        self.names: dict[str, list[str]] = {"trace": traces, "event": events}
        self.rejected: list[Rejected] = [(t, start, end, reason) for t, start, end, reason in rejected]
        self.summary: dict[str, Any] = summary
        self.sha256, self._excerpts_sha256 = (text(file.attrs[name]) for name in ("sha256", "excerpts_sha256"))

    def __len__(self) -> int:
        return len(self.columns["y"])

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Features in blocks of rows; after the last, all but the samples of excerpts is known to be undamaged."""
        also = self._rows, self._words, bytes.fromhex(self._excerpts_sha256)
        return self._in_blocks("x", also, self.sha256, "its SHA-256 is not the one it was written with")

    def excerpts(self) -> Iterator[Excerpt]:
        """The excerpts, with zeros in place of their samples, which `samples` gives."""
        for plain in self._excerpts:
            yield Excerpt(
                **{
                    **plain,
                    "data": np.broadcast_to(np.float32(0), (N_COMPONENTS, plain["data"])),  # takes no memory
                    "present": np.array(plain["present"], dtype=np.bool_),
                    "onsets": tuple((sample, k) for sample, k in plain["onsets"]),
                    "weights": tuple(plain["weights"]),
                    "known": tuple((low, high) for low, high in plain["known"]),
                    "events": tuple(plain["events"]),
                }
            )

    def samples(self) -> Iterator[NDArray[np.float32]]:
        """Samples (T, C) of all excerpts in blocks; after the last, they are known to be undamaged."""
        damage = "the SHA-256 of its excerpts is not the one they were written with"
        return self._in_blocks("excerpts", (), self._excerpts_sha256, damage)

    def _in_blocks(self, name: str, also: Sequence[bytes], sha256: str, damage: str) -> Iterator[NDArray[np.float32]]:
        """Rows (N, D) of a data set; `damage` says what is wrong if the SHA-256 of these and of `also` is another."""
        dataset, digest = inside(self._file, name), hashlib.sha256()
        n, width = dataset.shape
        step = max(1, BLOCK_BYTES // max(1, 4 * width))
        for at in range(0, n, step):
            rows = dataset[at : at + step]
            digest.update(rows.data)
            yield rows
        for plain in also:
            digest.update(plain)
        if digest.hexdigest() != sha256:
            raise FormatError(f"{self._file.filename}: damaged: {damage}")


def undamaged_summary(path: Path) -> dict[str, Any] | None:
    """The summary of a shard that is there and undamaged, else None."""
    try:
        with read_shard(path) as shard:
            for _ in itertools.chain(shard.blocks(), shard.samples()):
                pass
            return shard.summary
    except FormatError:
        return None
