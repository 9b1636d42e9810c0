"""HDF5 + CSV pairs of labelled traces, turned into data sets in the SeisBench layout without loss.

``NAME.h5`` holds ``waveforms`` (N, C, T), padded with zeros on the right, and says in attributes which
components these are and where they come from. ``NAME.csv`` beside it has one row a trace: ``trace_index``
(its row of ``waveforms``), ``n_samples`` or ``npts`` (its length without padding), ``missing_components``,
``start_time``, ``sampling_rate`` and labels. Two dialects are known: one of picks, with ``category`` event or
noise, and one of classes, with ``class`` and with ``station`` written ``NET.STA`` or ``NET.STA.LOC``.

Every column is kept: known ones under their SeisBench name, others as ``trace_<column>``. A missing component
is left out of the stored waveform and of its ``trace_component_order``: nobody takes zeros for a recording. A
start written as 28/07/2011 19:59 becomes ISO 8601; what was written stays in ``trace_start_time_original``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import DataError, NothingUsableError, missing
from seisnet.store.csv_table import read_table
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.store.slashed_dates import day_first, iso

COLUMNS = {
    "trace_index": "trace_source_index",
    "network": "station_network_code",
    "station": "station_code",
    "location": "station_location_code",
    "channel": "trace_channel",
    "start_time": "trace_start_time",
    "sampling_rate": "trace_sampling_rate_hz",
    "n_samples": "trace_npts",
    "npts": "trace_npts",
    "category": "trace_category",
    "class": "trace_category",
    "p_sample": "trace_p_arrival_sample",
    "P_sample": "trace_p_arrival_sample",
    "s_sample": "trace_s_arrival_sample",
    "S_sample": "trace_s_arrival_sample",
    "label_kind": "trace_p_status",
    "pick_mode": "trace_p_status",
    "s_label_kind": "trace_s_status",
    "p_aic_res_s": "trace_p_aic_residual_s",
    "event_id": "source_id",
    "event_time": "source_origin_time",
    "magnitude": "source_magnitude",
    "distance_km": "path_distance_km",
}
"""What a column of the pair is called in the SeisBench layout."""

NEEDED = (("trace_index",), ("sampling_rate",), ("n_samples", "npts"), ("category", "class"))
"""Columns that the CSV must have beside ``station``, each under one of its names."""

EVENT_COLUMNS = ("event_id", "evid", "event_time", "network_time")
"""Columns that name the event of a row; the first that is filled becomes ``source_id``."""


def import_h5csv(path: str | Path, folder: str | Path, *, overwrite: bool = False) -> int:
    """Convert a pair to a data set folder in the SeisBench layout.

    Parameters
    ----------
    path : str or Path
        The HDF5 file; the CSV of the same name lies beside it.
    folder : str or Path
        Where ``metadata.csv``, ``waveforms.hdf5`` and ``README.md`` (source, licence, citation) are written.

    Returns
    -------
    int
        Traces written, which is the number of rows of the CSV.

    Raises
    ------
    DataError
        The pair is incomplete or contradicts itself.
    ConfigError
        The folder holds a data set and `overwrite` is not set.
    """
    path, folder = Path(path), Path(folder)
    if not path.is_file():
        raise DataError(missing(path))
    table = path.with_suffix(".csv")
    if not table.is_file():
        raise DataError(f"{table}: no such file; an HDF5 + CSV pair is {path.name} and {table.name} in one folder")
    rows = _read_csv(table)
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise DataError(f"{path}: can't be read as HDF5: {error}") from None
    with file:
        waveforms = file.get("waveforms")
        if not isinstance(waveforms, h5py.Dataset) or waveforms.ndim != 3:
            raise DataError(f"{path}: has no data set 'waveforms' of traces by components by samples")
        attributes = {
            key: value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            for key, value in file.attrs.items()
        }
        codes = _channel_codes(attributes.get("component_order", ""), waveforms.shape[1], path)
        converted = _to_seisbench(rows, codes, path)
        with new_seisbench(
            folder,
            list(dict.fromkeys(column for row in converted for column in row)),
            data_format=_data_format(rows, attributes),
            attributes=attributes,
            overwrite=overwrite,
        ) as writer:
            for row, metadata in zip(rows, converted, strict=True):
                writer.add(metadata, _read_waveform(waveforms, row, codes, path))
    return len(rows)


def _read_csv(path: Path) -> list[dict[str, str]]:
    rows = list(read_table(path, "station"))
    if not rows:
        raise NothingUsableError(f"{path}: has no rows")
    absent = [" or ".join(names) for names in NEEDED if not rows[0].keys() & set(names)]
    if absent:
        raise DataError(f"{path}: has no column {', '.join(absent)}; its columns are {', '.join(rows[0])}")
    return rows


def _channel_codes(order: str, n_components: int, path: Path) -> list[str]:
    """Channel codes from ``ZNE``, ``EHZ,EHN,EHE`` or ``V (BHV)``; a code ends in its component."""
    parts = [part.strip() for part in order.split(",")]
    codes = [found[1] if (found := re.search(r"\((\w+)\)", part)) else part for part in parts]
    if len(codes) == 1 and len(codes[0]) == n_components:
        codes = list(codes[0])
    if len(codes) != n_components or not all(codes):
        raise DataError(
            f"{path}: attribute component_order is {order!r}, but 'waveforms' has {n_components} components; "
            "one letter for each is needed, such as ZNE"
        )
    return codes


def _data_format(rows: Sequence[dict[str, str]], attributes: dict[str, str]) -> dict[str, str | float]:
    said: dict[str, str | float] = {}
    rates = {row["sampling_rate"] for row in rows}
    if len(rates) == 1 and re.fullmatch(r"\d+(\.\d+)?", rate := rates.pop()):
        said["sampling_rate"] = float(rate)
    if "units" in attributes:
        said["unit"] = attributes["units"]
    return said


def _read_waveform(waveforms: h5py.Dataset, row: dict[str, str], codes: Sequence[str], path: Path) -> NDArray[Any]:
    """Samples (C, T) of the components that were recorded, without padding."""
    numbers = row["trace_index"], row.get("n_samples") or row.get("npts", "")
    try:
        index, length = map(int, numbers)
    except ValueError:
        got = " and ".join(f"'{number}'" for number in numbers)
        raise DataError(
            f"{path.with_suffix('.csv')}: got {got} as trace_index and number of samples; whole numbers are needed"
        ) from None
    n_traces, _, longest = waveforms.shape
    if not (0 <= index < n_traces and 0 < length <= longest):
        raise DataError(
            f"{path}: the CSV asks for trace {index} with {length} samples; "
            f"'waveforms' holds {n_traces} traces of at most {longest} samples"
        )
    try:
        samples = waveforms[index]
    except OSError as error:
        raise DataError(f"{path}: trace {index} can't be read: {error}") from None
    recorded = np.array([code[-1] not in row.get("missing_components", "") for code in codes])
    if samples[:, length:].any() or samples[~recorded].any():
        raise DataError(
            f"{path}: trace {index} has samples where its row of the CSV says that "
            "there are none, beyond its length or in a missing component"
        )
    return np.asarray(samples[recorded, :length])


def _to_seisbench(rows: Sequence[dict[str, str]], codes: Sequence[str], path: Path) -> list[dict[str, str]]:
    table = path.with_suffix(".csv")
    days = day_first([row.get("start_time", "") for row in rows], table)
    bands = {code[:-1] for code in codes}
    band = bands.pop() if len(bands) == 1 else ""
    converted = []
    for row in rows:
        out = {COLUMNS.get(column, f"trace_{column}"): text for column, text in row.items()}
        absent = row.get("missing_components", "")
        out["trace_component_order"] = "".join(code[-1] for code in codes if code[-1] not in absent)
        out["source_id"] = next((row[column] for column in EVENT_COLUMNS if row.get(column)), "")
        if "network" not in row:
            out["station_network_code"], out["station_code"], out["station_location_code"] = _split_id(row["station"])
        if "channel" not in row:
            out["trace_channel"] = band
        if "label_provenance" in row:
            status = out.get("trace_p_status") or _status(row["label_provenance"])
            out["trace_p_status"] = status if out.get("trace_p_arrival_sample") else ""
            out["trace_s_status"] = status if out.get("trace_s_arrival_sample") else ""
        written = row.get("start_time", "")
        out["trace_start_time"] = iso(written, days=days, table=table)
        if out["trace_start_time"] != written:
            out["trace_start_time_original"] = written
        converted.append(out)
    return converted


def _split_id(station: str) -> tuple[str, str, str]:
    """Network, station and location of ``NET.STA.LOC``, ``NET.STA`` or ``STA``."""
    network, _, rest = station.partition(".") if "." in station else ("", "", station)
    code, _, location = rest.partition(".")
    return network, code, location


def _status(provenance: str) -> str:
    """How a label was made, from the words of its provenance; empty where they do not say."""
    return next((kind for word, kind in (("machine", "automatic"), ("manual", "manual")) if word in provenance), "")
