"""The STEAD layout, read: ``NAME.csv`` and ``NAME.hdf5`` with ``/data/<trace_name>``, (6000, 3), E, N, Z, at 100 Hz.

The columns are handed on under their SeisBench names. ``coda_end_sample``, which the table writes as ``[[2896.]]``,
becomes a number; ``snr_db``, ``[56.8 55.4 47.4]``, stays as it is. A start written as 28/07/2011 19:59, as in
OBSTransformer's sample, becomes ISO 8601.

Mousavi, S. M. et al. (2019): STanford EArthquake Dataset (STEAD). IEEE Access 7, 179464-179476.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import DataError
from seisnet.store.seisbench_file import StoredTrace, read_table
from seisnet.store.slashed_dates import day_first, is_slashed, iso

RATE_HZ = 100.0
COMPONENT_ORDER = "ENZ"
START = "trace_start_time"

COLUMNS = {
    "network_code": "station_network_code",
    "receiver_code": "station_code",
    "receiver_type": "trace_channel",
    "receiver_latitude": "station_latitude_deg",
    "receiver_longitude": "station_longitude_deg",
    "receiver_elevation_m": "station_elevation_m",
    "p_arrival_sample": "trace_p_arrival_sample",
    "p_status": "trace_p_status",
    "p_weight": "trace_p_weight",
    "s_arrival_sample": "trace_s_arrival_sample",
    "s_status": "trace_s_status",
    "s_weight": "trace_s_weight",
    "coda_end_sample": "trace_coda_end_sample",
    "snr_db": "trace_snr_db",
    "source_distance_km": "path_ep_distance_km",
    "back_azimuth_deg": "path_back_azimuth_deg",
    "source_latitude": "source_latitude_deg",
    "source_longitude": "source_longitude_deg",
}
"""What a column is called in the SeisBench layout; the others have the same name, or keep their own."""

NEEDED = {"trace_name", "receiver_code", "p_arrival_sample", "trace_category"}


def stead_tables(path: Path) -> list[Path]:
    """Tables in this layout: the one that a ``.csv`` or ``.hdf5`` file belongs to, or those of a folder."""
    if path.is_dir():
        return [table for table in sorted(path.glob("*.csv")) if _is_table(table)]
    table = path.with_suffix(".csv")
    return [table] if path.suffix in (".csv", ".hdf5") and _is_table(table) else []


def _is_table(table: Path) -> bool:
    if not (table.is_file() and table.with_suffix(".hdf5").is_file()):
        return False
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        return set(file.readline().strip().split(",")) >= NEEDED


class SteadReader:
    """Streams a data set, as `seisnet.store.seisbench_file.SeisBenchReader` does.

    Raises
    ------
    DataError
        Here and while iterating: a file is missing or damaged.
    """

    def __init__(self, table: Path) -> None:
        self.table = table
        try:
            self._file = h5py.File(table.with_suffix(".hdf5"), "r", locking=False)
        except OSError as error:
            raise DataError(f"{table.with_suffix('.hdf5')}: not an HDF5 file, or a damaged one: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[StoredTrace]:
        for number, row in enumerate(read_table(self.table, "trace_name")):
            metadata = {COLUMNS.get(column, column): text for column, text in row.items()}
            metadata["trace_coda_end_sample"] = re.sub(r"[\[\]\s]", "", metadata.get("trace_coda_end_sample", ""))
            if is_slashed(written := metadata.get(START, "")):
                metadata[START] = iso(written, days=self._days_first, table=self.table)
            yield StoredTrace(number, "", metadata, RATE_HZ, COMPONENT_ORDER)

    @functools.cached_property
    def _days_first(self) -> bool:
        return day_first([row.get(START, "") for row in read_table(self.table, "trace_name")], self.table)

    def waveform(self, trace: StoredTrace) -> NDArray[Any]:
        """Samples of one trace, (C, T), components E, N, Z.

        Raises
        ------
        DataError
            The waveform is missing, can't be read or has another shape.
        """
        stored = self._find(trace)
        if stored.ndim != 2 or stored.shape[1] != len(COMPONENT_ORDER) or stored.dtype.kind not in "iuf":
            raise DataError(f"its waveform is {stored.dtype} {stored.shape}, not numbers by sample and E, N, Z")
        try:
            return np.asarray(stored[()]).T
        except OSError as error:
            raise DataError(f"/data/{trace.name} can't be read: {error}") from None

    def n_samples(self, trace: StoredTrace) -> int:
        """Length of one trace, of which no sample is read.

        Raises
        ------
        DataError
            The waveform is missing.
        """
        return int(self._find(trace).size // len(COMPONENT_ORDER))

    def _find(self, trace: StoredTrace) -> h5py.Dataset:
        stored = self._file.get(f"data/{trace.name}") if trace.name else None
        if not isinstance(stored, h5py.Dataset):
            raise DataError(f"{self.table.with_suffix('.hdf5').name} has no waveform /data/{trace.name}")
        return stored
