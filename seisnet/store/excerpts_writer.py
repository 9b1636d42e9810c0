"""Excerpts written, their samples apart from what is known of them: see `seisnet.store.excerpts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.store.excerpts import DTYPES, N_COMPONENTS, Excerpt
from seisnet.store.hdf5 import append
from seisnet.store.windows_writer import WindowsWriter

CHUNK_SAMPLES = 1 << 13

SAMPLES_AT_ONCE = 1 << 18
EXCERPTS_AT_ONCE = 1 << 12
"""Samples, and the other columns, are written when so many have gathered, for every write has its overhead."""


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

    def __init__(self, windows: WindowsWriter, groups: Mapping[str, int]) -> None:
        self._file, self._groups = windows.file, groups
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
