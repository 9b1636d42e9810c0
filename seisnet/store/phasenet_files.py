"""Labelled traces in the NumPy files of PhaseNet and DeepDenoiser, turned into a data set in the SeisBench layout.

A file ``.npz`` holds one trace; all but ``data`` may be absent:

data
    (T, 3) or (T, 1, 3), components E, N, Z; one that was not recorded is zero.
itp, its or p_idx, s_idx
    Samples of the onsets of P and S, counted from 0.
dt
    Seconds between two samples; without it they are a hundredth apart.
t0 or start_time
    Time of the first sample.
channels
    Codes such as ``HHE_HHN_HHZ`` or ``HHE,HHN,HHZ``, of which band and instrument are kept. Their letters don't say
    which column is which: of a trace with ``EHZ`` alone, too, the vertical is the third.
network, station, location_code, or station_id or sta_id
    Where it was recorded; the second is ``NET.STA``, ``NET.STA.LOC`` or ``NET.STA.LOC.CH``. Without either the name of
    the file says it, ``NET_STA_EVENT.npz`` or ``NET_STA_EVENT_LOC.npz``.
event_time
    Origin time, by which traces of one event are kept together; without it, EVENT in the name of the file.

Other figures and words are kept as ``trace_<name>``. Pickled arrays are refused: reading one can run any code.

Columns, onsets and names are those of PhaseNet's own readers and tables (github.com/AI4EPS/PhaseNet: ``read_numpy`` of
phasenet/data_reader.py, ``DataReader`` and ``Config`` of the older data_reader.py, README.md on training data,
dataset/waveform.csv) and of DeepDenoiser's (github.com/AI4EPS/DeepDenoiser: data_reader.py, Dataset/train.csv).
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from seisnet.errors import DataError, NothingUsableError
from seisnet.store.seisbench_writer import new_seisbench

RATE_HZ = 100.0
"""Of traces that don't say theirs."""

COMPONENTS = "ENZ"

COLUMNS = {
    "station_latitude": "station_latitude_deg",
    "station_longitude": "station_longitude_deg",
    "station_elevation_m": "station_elevation_m",
    "event_time": "source_origin_time",
    "event_latitude": "source_latitude_deg",
    "event_longitude": "source_longitude_deg",
    "event_depth_km": "source_depth_km",
    "event_magnitude": "source_magnitude",
    "event_magnitude_type": "source_magnitude_type",
    "distance_km": "path_ep_distance_km",
    "p_weight": "trace_p_weight_code",
    "s_weight": "trace_s_weight_code",
}
"""What an array is called in the SeisBench layout. Codes of weights, 0 the best, are not weights as it knows them."""

ONSETS = {"p": ("itp", "p_idx"), "s": ("its", "s_idx")}

READ = {
    *(name for names in ONSETS.values() for name in names),
    *("data", "dt", "t0", "start_time", "channels", "network", "station", "location_code", "station_id", "sta_id"),
}
"""Arrays that are not kept under a name of their own, for what they say has its place in the SeisBench layout."""

MOST_FIGURES = 3
"""Longer arrays are no metadata of a trace."""

_NAME = re.compile(r"([A-Z0-9]{1,2})_([A-Z0-9]{1,5})_(\d{8,20})(?:_([A-Z0-9]{2}))?")


def import_phasenet(path: str | Path, folder: str | Path, *, overwrite: bool = False) -> int:
    """Convert the ``.npz`` files in a folder, and in those in it, to a data set folder in the SeisBench layout.

    Parameters
    ----------
    path : str or Path
        Where they are. Traces come in the order of their names.
    folder : str or Path
        Where ``metadata.csv`` and ``waveforms.hdf5`` are written; it may be the same.

    Returns
    -------
    int
        Traces written, which is the number of files.

    Raises
    ------
    NothingUsableError
        There is no such file.
    DataError
        One is damaged, pickled or of another layout, names no station, or has several onsets of one phase.
    ConfigError
        The folder holds a data set and `overwrite` is not set.
    """
    path = Path(path)
    files = sorted((f for f in path.rglob("*.npz") if not f.name.startswith(".")), key=lambda file: (file.stem, file))
    if not files:
        raise NothingUsableError(f"{path}: {_why_none(path)}")
    rows = [_metadata(file, path) for file in files]
    columns = dict.fromkeys(column for row in rows for column in row)
    with new_seisbench(
        Path(folder), [*columns, "trace_component_order"], data_format={}, overwrite=overwrite
    ) as writer:
        for file, row in zip(files, rows, strict=True):
            samples, order = _waveform(file)
            writer.add(row | {"trace_component_order": order}, samples)
    return len(files)


def _why_none(path: Path) -> str:
    if not path.is_dir():
        return "no such folder" if not path.exists() else "a file; the folder of the .npz files is needed"
    archive = next(iter(sorted(path.rglob("*.zip"))), None)
    return "holds no .npz file" + (f"; unpack {archive.name} there first" if archive else "")


def _metadata(file: Path, root: Path) -> dict[str, str]:
    """Columns of one trace, all but its component order."""
    with _opened(file) as arrays:
        texts = {name: text for name in arrays if name != "data" and (text := _text(arrays[name])) is not None}
        onsets = {phase: _onset(arrays, names, file) for phase, names in ONSETS.items()}
    network, station, location, band, event = _where(file, texts)
    code = re.split(r"[^A-Za-z0-9]", texts.get("channels", ""))[0]
    row = {
        "trace_name_original": file.relative_to(root).as_posix(),
        "station_network_code": network,
        "station_code": station,
        "station_location_code": location,
        "trace_channel": code[:2] if len(code) == 3 else band,
        "trace_start_time": texts.get("start_time") or texts.get("t0", ""),
        "trace_sampling_rate_hz": f"{_rate_hz(texts.get('dt', ''), file):.12g}",
        "trace_category": "event" if any(onsets.values()) else "",
        "source_id": texts.get("event_time") or event,
        **{f"trace_{phase}_arrival_sample": onset for phase, onset in onsets.items()},
    }
    return row | {COLUMNS.get(name, f"trace_{name}"): text for name, text in texts.items() if name not in READ}


def _waveform(file: Path) -> tuple[NDArray[Any], str]:
    """Samples (C, T) of the components that were recorded, and their letters."""
    with _opened(file) as arrays:
        data = np.asarray(arrays["data"])
    if data.ndim == 3 and data.shape[1] == 1:
        data = data[:, 0]
    if data.ndim != 2 or data.shape[1] != len(COMPONENTS) or data.dtype.kind not in "iuf":
        raise DataError(f"{file}: 'data' is {data.dtype} {data.shape}, not numbers by sample and E, N, Z")
    recorded = [c for c in range(len(COMPONENTS)) if data[:, c].any()] or [*range(len(COMPONENTS))]
    return data.T[recorded], "".join(COMPONENTS[c] for c in recorded)


def _onset(arrays: Mapping[str, NDArray[Any]], names: Sequence[str], file: Path) -> str:
    """Sample of the onset of a phase; empty where there is none."""
    for name in names:
        if name in arrays:
            found = np.ravel(arrays[name])
            if found.dtype.kind not in "iuf" or len(found) > 1:
                raise DataError(
                    f"{file}: '{name}' holds {len(found)} values of type {found.dtype}; "
                    "the sample of one onset, or nothing, is needed"
                )
            return "" if not len(found) or np.isnan(found[0]) else str(found[0].item())
    return ""


def _where(file: Path, texts: Mapping[str, str]) -> tuple[str, str, str, str, str]:
    """Network, station, location, band with instrument, and event; of these all but the station may be empty."""
    found = _NAME.fullmatch(file.stem)
    event = found[3] if found else ""
    if texts.get("station"):
        return texts.get("network", ""), texts["station"], texts.get("location_code", ""), "", event
    if code := texts.get("station_id") or texts.get("sta_id"):
        network, station, location, band, *_ = [*code.split("."), "", "", ""]
        return network, station, location, band[:2], event
    if not found:
        raise DataError(f"{file}: names no station; an array station_id, or a name such as NC_MEM_2017100709282692.npz")
    return found[1], found[2], found[4] or "", "", event


def _rate_hz(dt: str, file: Path) -> float:
    try:
        rate_hz = 1 / float(dt) if dt else RATE_HZ
    except (ValueError, ZeroDivisionError):
        rate_hz = 0.0
    if not 0 < rate_hz < np.inf:
        raise DataError(f"{file}: 'dt' is {dt}; seconds between two samples are needed")
    return rate_hz


def _text(array: NDArray[Any] | bytes) -> str | None:
    """Words or a few figures of an array, None where it holds more than that, or of a file that is no array."""
    if isinstance(array, bytes) or array.size > MOST_FIGURES:
        return None
    values = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in array.flat]
    return " ".join(values)


@contextmanager
def _opened(file: Path) -> Iterator[NpzFile]:
    try:
        with warnings.catch_warnings(), file.open("rb") as stream:
            warnings.filterwarnings("ignore", message=".*created on Python 2", category=UserWarning)
            arrays = np.load(stream, allow_pickle=False)
            if not isinstance(arrays, NpzFile) or "data" not in arrays:
                raise DataError(f"{file}: has no array 'data'")
            yield arrays
    # A RuntimeError is of a file that is encrypted, or compressed in a way that Python does not know.
    except (OSError, EOFError, ValueError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        pickled = "pickle" in str(error)
        remedy = "; seisnet reads no pickled arrays: save words as text and onsets as numbers" if pickled else ""
        raise DataError(f"{file}: can't be read: {error}{remedy}") from None
