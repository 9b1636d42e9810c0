"""Excerpts of the labelled records in a windows file: whole stretches of samples, with all that is known of them.

The samples of all excerpts stand one after the other in one data set. Events, onsets and known ranges, of which an
excerpt may have several, stand in tables whose first column says to which excerpt a row belongs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import FormatError
from seisnet.store.hdf5 import append, inside, opened, text
from seisnet.store.windows_file import FORMAT, SPLITS, STRING, WindowsInfo, read_info

N_COMPONENTS = 3
SAMPLES = "excerpts/data"

CHUNK_SAMPLES = 1 << 13

SAMPLES_AT_ONCE = 1 << 18
EXCERPTS_AT_ONCE = 1 << 12
"""Samples, and the other columns, are written when so many have gathered, for every write has its overhead."""

DTYPES: dict[str, Any] = {
    "stop": np.int64,
    "start_ns": np.int64,
    "trace_id": STRING,
    "present": np.bool_,
    "bandwidth_hz": np.float64,
    "split": np.uint8,
    "event_excerpt": np.uint32,
    "event_group": np.uint32,
    "onset_excerpt": np.uint32,
    "onset_sample": np.float64,
    "onset_class": np.int8,
    "onset_weight": np.float32,
    "known_excerpt": np.uint32,
    "known_low": np.int64,
    "known_high": np.int64,
}
"""Columns beside the samples; those with an underscore belong to the table that its first word names."""

TABLES = ("event", "onset", "known")


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a labelled record.

    Attributes
    ----------
    data : float32 (C, T)
        As in the record, components in Z, N, E order.
    start_ns : int
        Time of the first sample.
    sampling_rate_hz : float
    trace_id : str
        ``NET.STA.LOC.BAND+INSTRUMENT``.
    present : bool (C,)
        Which components were recorded.
    bandwidth_hz : float
        Highest frequency that the recording holds.
    onsets : tuple of (float, int)
        Sample, which may be fractional, and index into the classes; -1 for a phase that is none of them.
    weights : tuple of float
        Weight in the loss, one an onset.
    known : tuple of (int, int)
        Ranges of samples, end excluded, in which every onset is labelled.
    events : tuple of str
        Events and station-hours that the samples belong to, as in the file's ``group_names``.
    split : int
        0 train, 1 dev, 2 test. Before splits are assigned that of the data set; -1 where there is none.
    """

    data: NDArray[np.float32]
    start_ns: int
    sampling_rate_hz: float
    trace_id: str
    present: NDArray[np.bool_]
    bandwidth_hz: float
    onsets: tuple[tuple[float, int], ...]
    weights: tuple[float, ...]
    known: tuple[tuple[int, int], ...]
    events: tuple[str, ...]
    split: int = -1

    @property
    def n_samples(self) -> int:
        """Samples a component."""
        return int(self.data.shape[1])

    @property
    def end_ns(self) -> int:
        """Time of the last sample."""
        return self.start_ns + round((self.n_samples - 1) * 1_000_000_000 / self.sampling_rate_hz)


def excerpt_counts(path: Path) -> NDArray[np.int64]:
    """Count excerpts, and the samples of them, by split: int64 (3, 2)."""
    counts = np.zeros((len(SPLITS), 2), dtype=np.int64)
    info = read_info(path, rejected=False)
    with opened(path, FORMAT) as file:
        if "excerpts" in file:
            columns = _columns(file, info)
            n_samples = np.diff(columns["stop"], prepend=0)
            np.add.at(counts, columns["split"], np.stack([np.ones_like(n_samples), n_samples], axis=1))
    return counts


def read_excerpts(path: str | Path, split: str | None = None) -> Iterator[Excerpt]:
    """Read the excerpts of a windows file, or those of ``train``, ``dev`` or ``test``, one after the other.

    Raises
    ------
    FormatError
        If columns are missing, of different lengths or of the wrong kind, or hold what can't be.
    """
    path = Path(path)
    info = read_info(path, rejected=False)
    with opened(path, FORMAT) as file:
        if "excerpts" not in file:
            return
        columns = _columns(file, info)
        data, rate_hz = inside(file, SAMPLES), float(info.attributes["sampling_rate_hz"])
        starts = np.concatenate([[0], columns["stop"]])
        ranges = {t: np.searchsorted(columns[f"{t}_excerpt"], np.arange(len(starts))) for t in TABLES}
        for i in range(len(starts) - 1):
            if split is not None and columns["split"][i] != SPLITS.index(split):
                continue
            samples = data[starts[i] : starts[i + 1]]
            if not np.isfinite(samples).all():
                raise FormatError(f"{path}: /excerpts/data holds values that are not finite")
            event, onset, known = (slice(ranges[t][i], ranges[t][i + 1]) for t in TABLES)
            yield Excerpt(
                data=np.ascontiguousarray(samples.T),
                start_ns=int(columns["start_ns"][i]),
                sampling_rate_hz=rate_hz,
                trace_id=text(columns["trace_id"][i]),
                present=columns["present"][i],
                bandwidth_hz=float(columns["bandwidth_hz"][i]),
                onsets=_pairs(columns["onset_sample"][onset], columns["onset_class"][onset]),
                weights=tuple(columns["onset_weight"][onset].tolist()),
                known=_pairs(columns["known_low"][known], columns["known_high"][known]),
                events=tuple(info.group_names[g] for g in columns["event_group"][event]),
                split=int(columns["split"][i]),
            )


def _pairs(a: NDArray[Any], b: NDArray[Any]) -> tuple[tuple[Any, Any], ...]:
    return tuple(zip(a.tolist(), b.tolist(), strict=True))


def _columns(file: h5py.File, info: WindowsInfo) -> dict[str, NDArray[Any]]:
    """Everything but the samples, of which only the shape is read; checked."""
    columns: dict[str, NDArray[Any]] = {}
    for name, dtype in DTYPES.items():
        found = inside(file, f"excerpts/{name}")
        first = "stop" if name.split("_")[0] not in TABLES else f"{name.split('_')[0]}_excerpt"
        n = len(columns.get(first, found))
        expected = (n, N_COMPONENTS) if name == "present" else (n,)
        if found.shape != expected:
            raise FormatError(f"{file.filename}: /excerpts/{name} has shape {found.shape}; {expected} is needed")
        if found.dtype != dtype:
            raise FormatError(f"{file.filename}: /excerpts/{name} is {found.dtype}; {np.dtype(dtype)} is needed")
        columns[name] = found[:]
    data = inside(file, SAMPLES)
    n_samples = np.diff(columns["stop"], prepend=0)
    total = int(columns["stop"][-1]) if len(n_samples) else 0
    if data.shape != (total, N_COMPONENTS) or data.dtype != np.float32:
        raise FormatError(
            f"{file.filename}: /excerpts/data is {data.dtype} {data.shape}; float32 ({total}, {N_COMPONENTS}) is needed"
        )
    _check_values(file.filename, columns, n_samples, info)
    return columns


def _check_values(path: str, columns: dict[str, NDArray[Any]], n_samples: NDArray[np.int64], info: WindowsInfo) -> None:
    """Refuse columns that hold what can't be; `n_samples` are the lengths of the excerpts."""
    for table in TABLES:
        of = columns[f"{table}_excerpt"]
        if len(of) and (int(of.max()) >= len(n_samples) or np.any(of[1:] < of[:-1])):
            raise FormatError(f"{path}: /excerpts/{table}_excerpt does not rise from 0 to the last excerpt")
    onset, low, high = columns["onset_sample"], columns["known_low"], columns["known_high"]
    of_onset, of_known = n_samples[columns["onset_excerpt"]], n_samples[columns["known_excerpt"]]
    fit = {
        "stop": n_samples > 0,
        "bandwidth_hz": (columns["bandwidth_hz"] > 0) & np.isfinite(columns["bandwidth_hz"]),
        "split": columns["split"] < len(SPLITS),
        "event_group": columns["event_group"] < len(info.group_names),
        "onset_sample": (onset >= 0) & (onset < of_onset),  # also NaN
        "onset_class": (columns["onset_class"] >= -1) & (columns["onset_class"] < len(info.classes)),
        "onset_weight": (columns["onset_weight"] >= 0) & np.isfinite(columns["onset_weight"]),
        "known_low": (low >= 0) & (low < high),
        "known_high": high <= of_known,
    }
    for name, good in fit.items():
        if not good.all():
            wrong = int(np.argmin(good))
            raise FormatError(f"{path}: /excerpts/{name} holds {columns[name][wrong]} in row {wrong}")


class SamplesWriter:
    """Appends the samples of excerpts to a new data set (T, C) of a file."""

    def __init__(self, file: h5py.File, name: str) -> None:
        shapes = {"shape": (0, N_COMPONENTS), "maxshape": (None, N_COMPONENTS), "chunks": (CHUNK_SAMPLES, N_COMPONENTS)}
        self._dataset = file.create_dataset(name, dtype=np.float32, **shapes)
        self._waiting: list[NDArray[np.float32]] = []

    def append(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples (C, T) after those before; returns them as they will stand in the file, (T, C)."""
        samples = np.ascontiguousarray(data.T)
        self._waiting.append(samples)
        if sum(map(len, self._waiting)) >= SAMPLES_AT_ONCE:
            self.flush()
        return samples

    def flush(self) -> None:
        """Write what has gathered; the last call before the file is closed."""
        if self._waiting:
            append(self._dataset, np.concatenate(self._waiting))
            self._waiting.clear()


class ExcerptsWriter:
    """Appends all but the samples of excerpts, whose splits are assigned, to a windows file that is being written.

    A file without excerpts has no group ``/excerpts``.
    """

    def __init__(self, file: h5py.File, groups: Mapping[str, int]) -> None:
        self._file, self._groups = file, groups
        self._n = self._stop = 0
        self._columns: dict[str, list[Any]] = {name: [] for name in DTYPES}

    def append(self, excerpt: Excerpt) -> None:
        """Write an excerpt after those already written."""
        if not self._n:
            for name, dtype in DTYPES.items():
                inner = (N_COMPONENTS,) if name == "present" else ()
                shapes = {"shape": (0, *inner), "maxshape": (None, *inner), "chunks": (1024, *inner)}
                self._file.create_dataset(f"excerpts/{name}", dtype=dtype, **shapes)
        self._stop += excerpt.n_samples
        n_onsets, n_known, n_events = len(excerpt.onsets), len(excerpt.known), len(excerpt.events)
        new: dict[str, list[Any]] = {
            "stop": [self._stop],
            "start_ns": [excerpt.start_ns],
            "trace_id": [excerpt.trace_id],
            "present": [excerpt.present],
            "bandwidth_hz": [excerpt.bandwidth_hz],
            "split": [excerpt.split],
            "event_excerpt": [self._n] * n_events,
            "event_group": [self._groups[name] for name in excerpt.events],
            "onset_excerpt": [self._n] * n_onsets,
            "onset_sample": [sample for sample, _ in excerpt.onsets],
            "onset_class": [k for _, k in excerpt.onsets],
            "onset_weight": list(excerpt.weights),
            "known_excerpt": [self._n] * n_known,
            "known_low": [low for low, _ in excerpt.known],
            "known_high": [high for _, high in excerpt.known],
        }
        for name, values in new.items():
            self._columns[name] += values
        self._n += 1
        if self._n % EXCERPTS_AT_ONCE == 0:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered; the last call before the file is closed."""
        for name, values in self._columns.items():
            if values:
                append(self._file[f"excerpts/{name}"], values)
                values.clear()
