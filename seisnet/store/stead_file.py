"""The STEAD layout, read: ``NAME.csv`` and ``NAME.hdf5`` with ``/data/<trace_name>``, (6000, 3), E, N, Z, at 100 Hz.

The columns are handed on under their SeisBench names. A start written as 28/07/2011 19:59, as in OBSTransformer's
sample, becomes ISO 8601.

Mousavi, S. M. et al. (2019): STanford EArthquake Dataset (STEAD). IEEE Access 7, 179464-179476.
"""

from __future__ import annotations

import functools
from pathlib import Path

from seisnet.store.csv_table import read_table
from seisnet.store.seisbench_file import TraceReader
from seisnet.store.slashed_dates import day_first, is_slashed, iso

DATA_FORMAT = {"dimension_order": "WC", "component_order": "ENZ", "sampling_rate": 100.0}
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


def open_stead(table: Path) -> TraceReader:
    """The reader of a data set in this layout."""

    @functools.cache
    def days_first() -> bool:
        return day_first((row.get(START, "") for row in read_table(table, "trace_name")), table)

    def translated(row: dict[str, str]) -> dict[str, str]:
        metadata = {COLUMNS.get(column, column): text for column, text in row.items()}
        if is_slashed(written := metadata.get(START, "")):
            metadata[START] = iso(written, days=days_first(), table=table)
        return metadata

    return TraceReader({"": (table, table.with_suffix(".hdf5"))}, data_format=DATA_FORMAT, translated=translated)
