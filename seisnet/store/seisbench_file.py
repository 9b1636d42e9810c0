"""Data sets in the SeisBench layout, read: one row of CSV and one waveform a trace.

A folder holds ``metadata.csv`` and ``waveforms.hdf5``, or ``metadata<c>.csv`` and ``waveforms<c>.hdf5`` for
each chunk c that the file ``chunks`` lists. The column ``trace_name`` says where a waveform lies: ``NAME`` is
the HDF5 data set ``/data/NAME``; ``bucket0$3,:3,:6000`` is ``/data/bucket0`` indexed by ``[3, :3, :6000]``.
The HDF5 group ``/data_format`` holds scalar data sets that are true of the whole file: ``dimension_order``
(``CW``, components by samples, or ``WC``), ``component_order`` (``ZNE``), ``sampling_rate``, ``unit``
and others. Where a row has ``trace_component_order``, ``trace_sampling_rate_hz`` or ``trace_dt_s``, the row
holds.

Woollam, J. et al. (2022): SeisBench, a toolbox for machine learning in seismology. Seism. Res. Lett. 93(3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import DataError
from seisnet.store.csv_table import read_table


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """One row of the metadata; `TraceReader.waveform` reads what belongs to it.

    Attributes
    ----------
    row : int
        Index over all chunks, from 0.
    metadata : dict of str to str
        The columns as they stand in the file; an empty field is an empty string.
    sampling_rate_hz : float
        The row's, else the file's; NaN where neither gives a positive number.
    component_order : str
        One letter a stored component, upper case; empty where neither row nor file says.
    """

    row: int
    chunk: str
    metadata: dict[str, str]
    sampling_rate_hz: float
    component_order: str

    @property
    def name(self) -> str:
        """Where the waveform lies, such as ``bucket0$3,:3,:6000``."""
        return self.metadata["trace_name"]


def is_seisbench(path: Path) -> bool:
    """Whether a folder holds a data set in this layout, chunked or not."""
    return path.is_dir() and bool(chunk_names(path, "metadata", ".csv") & chunk_names(path, "waveforms", ".hdf5"))


def find_chunks(folder: Path) -> list[str]:
    """Names of the chunks of a data set, sorted; ``[""]`` for one that is not chunked.

    Raises
    ------
    DataError
        The folder holds no data set, or half of one.
    """
    listing = folder / "chunks"
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []
    chunks = {line.strip() for line in lines if line.strip()}
    if not chunks:
        metadata, waveforms = chunk_names(folder, "metadata", ".csv"), chunk_names(folder, "waveforms", ".hdf5")
        # Beside an unchunked pair other files of such names are somebody's own.
        chunks = {""} if "" in metadata & waveforms else metadata | waveforms
    if not chunks:
        raise DataError(f"{folder}: no SeisBench data set here: metadata.csv and waveforms.hdf5 are missing")
    expected = [folder / name for c in chunks for name in (f"metadata{c}.csv", f"waveforms{c}.hdf5")]
    if missing := sorted(path.name for path in expected if not path.is_file()):
        raise DataError(
            f"{folder}: {', '.join(missing[:4])} missing; fetch it, or list the chunks to use in a file named 'chunks'"
        )
    return sorted(chunks)


def files_of(path: Path) -> list[Path]:
    """A file itself; of a data set's folder the data set's files, sorted, and nothing else that lies there."""
    if not path.is_dir():
        return [path]
    return sorted(file for name in ("chunks", "metadata*.csv", "waveforms*.hdf5") for file in path.glob(name))


def chunk_names(folder: Path, prefix: str, suffix: str) -> set[str]:
    """Find what stands between `prefix` and `suffix` in the names of a folder's files."""
    return {path.name[len(prefix) : -len(suffix)] for path in folder.glob(f"{prefix}*{suffix}")}


def open_seisbench(folder: Path) -> TraceReader:
    """The reader of a data set in this layout.

    Raises
    ------
    DataError
        See `find_chunks`.
    """
    return TraceReader({c: (folder / f"metadata{c}.csv", folder / f"waveforms{c}.hdf5") for c in find_chunks(folder)})


class TraceReader:
    """Streams a data set: iterate for the rows of metadata, and ask for the waveforms that are wanted.

    Memory holds one row and one waveform, whatever the size of the set.

    Parameters
    ----------
    chunks : mapping of str to (Path, Path)
        Table and waveforms of each chunk, by its name.
    data_format : mapping, optional
        What is true of every file where its ``/data_format`` does not say.
    translated : callable, optional
        A row of a table in SeisBench's terms.

    Raises
    ------
    DataError
        Here and while iterating: a file is missing, damaged or has no column ``trace_name``.
    """

    def __init__(
        self,
        chunks: Mapping[str, tuple[Path, Path]],
        *,
        data_format: Mapping[str, Any] | None = None,
        translated: Callable[[dict[str, str]], dict[str, str]] = dict,
    ) -> None:
        self._chunks, self._data_format, self._translated = chunks, data_format or {}, translated
        self._chunk: _Chunk | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file that is open."""
        if self._chunk is not None:
            self._chunk.file.close()
            self._chunk = None

    def __iter__(self) -> Iterator[StoredTrace]:
        row = 0
        for name, (table, _) in self._chunks.items():
            chunk = self._open(name)
            for metadata in map(self._translated, read_table(table, "trace_name")):
                yield StoredTrace(
                    row=row,
                    chunk=name,
                    metadata=metadata,
                    sampling_rate_hz=_row_rate_hz(metadata, chunk.sampling_rate_hz),
                    component_order=_letters(metadata.get("trace_component_order", "")) or chunk.component_order,
                )
                row += 1

    def waveform(self, trace: StoredTrace) -> NDArray[Any]:
        """Read the samples of one trace, components in the order of `trace.component_order`.

        Returns
        -------
        array (C, T)
            In the type and unit of the file.

        Raises
        ------
        DataError
            The waveform is missing, can't be read or has another number of components than its order names.
        """
        chunk = self._open(trace.chunk)
        samples = np.asarray(chunk.part(trace.name, lambda stored: stored))
        if samples.ndim == 1 and len(trace.component_order) == 1:
            samples = np.expand_dims(samples, chunk.dimension_order.index("C"))
        if samples.ndim != 2 or samples.dtype.kind not in "iuf":
            raise DataError(f"its waveform is {samples.dtype} {samples.shape}, not numbers by component and sample")
        if chunk.dimension_order == "WC":
            samples = samples.T
        if trace.component_order and len(samples) != len(trace.component_order):
            raise DataError(f"has {len(samples)} components, but its component order is {trace.component_order!r}")
        return samples

    def n_samples(self, trace: StoredTrace) -> int:
        """Length of one trace, of which no sample is read.

        Raises
        ------
        DataError
            The waveform is missing, or has no such part.
        """
        chunk = self._open(trace.chunk)
        shape = chunk.part(trace.name, lambda stored: np.broadcast_to(0, stored.shape)).shape
        return int(shape[-1 if chunk.dimension_order == "CW" else 0])

    def _open(self, name: str) -> _Chunk:
        if self._chunk is None or self._chunk.name != name:
            self.close()
            self._chunk = _Chunk(name, self._chunks[name][1], self._data_format)
        return self._chunk


class _Chunk:
    """One open HDF5 file and what its ``/data_format`` says."""

    def __init__(self, name: str, path: Path, said: Mapping[str, Any]) -> None:
        self.name, self.path = name, path
        try:
            self.file = h5py.File(self.path, "r", locking=False)
        except OSError as error:
            raise DataError(f"{self.path}: not an HDF5 file, or a damaged one: {error}") from None
        if isinstance(group := self.file.get("data_format"), h5py.Group):
            own = {key: _plain(item[()]) for key, item in group.items() if isinstance(item, h5py.Dataset)}
            said = {**said, **own}
        self.component_order = _letters(said.get("component_order", ""))
        self.sampling_rate_hz = _positive(said.get("sampling_rate"))
        self.dimension_order = str(said.get("dimension_order") or "CW")
        problem = ""
        if not isinstance(self.file.get("data"), h5py.Group):
            problem = "has no group /data, so it is not a waveform file of a SeisBench or STEAD data set"
        elif self.dimension_order not in ("CW", "WC"):
            problem = f"dimension_order is {self.dimension_order!r}; CW and WC are known"
        if problem:
            self.file.close()
            raise DataError(f"{self.path}: {problem}")

    def part(self, name: str, of: Callable[[h5py.Dataset], Any]) -> Any:
        """The part, in which a trace lies, of what is made of its HDF5 data set."""
        block, _, location = name.partition("$")
        stored = self.file["data"].get(block) if block else None
        if not isinstance(stored, h5py.Dataset):
            raise DataError(f"{self.path.name} has no waveform /data/{block}")
        try:
            return of(stored)[_selection(location) if location else ()]
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise DataError(f"{stored.name} of {self.path.name} can't be read at {location!r}: {error}") from None


def _selection(location: str) -> tuple[int | slice, ...]:
    """Parse the index that a trace name writes down.

    >>> _selection("3,:3,:6000")
    (3, slice(None, 3, None), slice(None, 6000, None))
    """
    parts = [part.strip().split(":") for part in location.split(",")]
    return tuple(int(p[0]) if len(p) == 1 else slice(*(int(x) if x else None for x in p)) for p in parts)


def _letters(order: str | Sequence[str]) -> str:
    """Give ``ZNE`` for ``ZNE``, ``zne`` or ``["HHZ", "HHN", "HHE"]``: a code ends in its component."""
    return "".join(code.strip()[-1:] for code in order).upper()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _positive(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if 0 < number < math.inf else math.nan


def _row_rate_hz(metadata: Mapping[str, str], file_rate_hz: float) -> float:
    rate_hz, dt_s = _positive(metadata.get("trace_sampling_rate_hz")), _positive(metadata.get("trace_dt_s"))
    if rate_hz > 0:
        return rate_hz
    return 1 / dt_s if dt_s > 0 else file_rate_hz
