"""Shards: the windows of one source on disk, before splits are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.store.hdf5 import new_hdf5, text

STRINGS = ("trace_id", "event", "given_split")
NUMBERS = ("x", "y", "onset_s", "start_ns", "weight", "augmented", "snr_db")


@dataclass(frozen=True)
class Shard:
    """Windows of one source; columns as in the windows file, with the names of events for groups."""

    x: NDArray[np.float32]
    y: NDArray[np.uint8]
    onset_s: NDArray[np.float32]
    start_ns: NDArray[np.int64]
    weight: NDArray[np.float32]
    augmented: NDArray[np.bool_]
    snr_db: NDArray[np.float32]
    trace_id: list[str]
    event: list[str]
    given_split: list[str]


def write_shard(path: Path, shard: Shard) -> None:
    """Write a shard whole or not at all."""
    with new_hdf5(path) as file:
        for name in NUMBERS:
            file.create_dataset(name, data=getattr(shard, name))
        for name in STRINGS:
            values = getattr(shard, name)
            file.create_dataset(name, data=values, dtype=h5py.string_dtype(), shape=(len(values),))


def read_column(path: Path, name: str) -> NDArray[np.generic]:
    """One column of a shard."""
    with h5py.File(path, "r") as file:
        values: NDArray[np.generic] = file[name][:]
    return np.array([text(v) for v in values], dtype=object) if name in STRINGS else values
