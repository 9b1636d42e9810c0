"""The probabilities file: probability traces of records in HDF5, readable with plain h5py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet.store.hdf5 import new_hdf5

FORMAT = "seisnet-probabilities"

RecordRow = tuple[str, Sequence[str], NDArray[np.float32], int, int]
"""Trace id, classes, probabilities (K, M), time of the first column and step between columns, both in ns."""


def write_records(path: Path, records: Iterable[RecordRow], *, model: str) -> None:
    """Write a probabilities file, whole or not at all; one record is in memory at a time.

    Record number n is the data set ``/records/n``, float32 (K, M), with attributes `trace_id`, `classes`, `start_ns`
    (of the first column) and `hop_ns`.
    """
    with new_hdf5(path, FORMAT) as file:
        file.attrs["model"] = model
        file.create_group("records")
        for n, (trace_id, classes, values, start_ns, hop_ns) in enumerate(records):
            written = file.create_dataset(f"records/{n:06d}", data=values)
            written.attrs.update(
                {"trace_id": trace_id, "classes": list(classes), "start_ns": start_ns, "hop_ns": hop_ns}
            )
