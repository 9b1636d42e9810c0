"""The probabilities file: probability traces of records in HDF5, readable with plain h5py."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.store.hdf5 import new_hdf5

FORMAT = "seisnet-probabilities"


class ProbabilitiesFile:
    """A file that takes one record after another, and appears whole when the block ends well.

    Record number n is the data set ``/records/n``, float32 (K, M), with attributes `trace_id`, `classes`, `start_ns`
    (of the first column) and `hop_ns`.
    """

    def __init__(self, path: Path, *, model: str) -> None:
        self._path, self._model = path, model
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> ProbabilitiesFile:
        self._file: h5py.File = self._stack.enter_context(new_hdf5(self._path, FORMAT))
        self._file.attrs["model"] = self._model
        self._file.create_group("records")
        return self

    def add(
        self, trace_id: str, classes: Sequence[str], values: NDArray[np.float32], start_ns: int, hop_ns: int
    ) -> None:
        """Write the probability traces of a record."""
        written = self._file.create_dataset(f"records/{self._count:06d}", data=values)
        written.attrs.update({"trace_id": trace_id, "classes": list(classes), "start_ns": start_ns, "hop_ns": hop_ns})
        self._count += 1

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)
