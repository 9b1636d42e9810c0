"""Labelled data sets -> Records and Picks: each row of metadata becomes a value, or a rejection.

`seisnet.waveforms.dataset_columns` says what the columns of a row mean. A row without a start gets a
made-up one: row i begins i hours after 1970-01-01, so that no two windows of one station share a time.

Components are placed by letter, never by position (`component_rows`). Data sets fill what was not recorded
with zeros or with the last value. Such runs at either end of a component are padding: they are cut from all
components, and the start is moved accordingly. Gaps filled inside a trace are left as they are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.errors import DataError
from seisnet.picks import Pick, in_order
from seisnet.store.seisbench_file import StoredTrace, TraceReader, is_seisbench, open_seisbench
from seisnet.store.stead_file import open_stead, stead_tables
from seisnet.waveforms import dataset_columns as columns
from seisnet.waveforms.records import COMPONENTS, NS_PER_S, ROW, Record, Rejection, sample_to_ns, wrong_codes

FLAT_SAMPLES = 20
"""This many equal samples at an end are padding; fewer may come from a quiet digitiser. Zeros are always padding."""

MADE_UP_SLOT_NS = 3600 * NS_PER_S


@dataclass(frozen=True)
class DatasetTrace:
    """One labelled trace of a data set.

    Attributes
    ----------
    record : Record
        At the native sampling rate, components in Z, N, E order, padding cut.
    picks : tuple of Pick
        Sorted by time; some may lie outside the record.
    event_id : str
        Empty for noise, and where the data set names no events.
    split : str
        ``train``, ``dev``, ``test``, or empty where the data set has no split.
    category : str
        Class of the trace in the data set's own words.
    is_noise : bool
        Whether it is declared noise and has no pick; the unpicked parts of any other trace must not be taken for noise.
    rejected : tuple of Rejection
        Picks that an analyst rejected.
    row : int
        Index of its row in the metadata.
    """

    record: Record
    picks: tuple[Pick, ...]
    event_id: str
    split: str
    category: str
    is_noise: bool
    rejected: tuple[Rejection, ...]
    row: int


def read_dataset(path: str | Path, rows: Collection[int] | None = None) -> Iterator[DatasetTrace | Rejection]:
    """Stream the traces of a data set, in its order, one in memory at a time.

    Parameters
    ----------
    path : path
        A folder in the SeisBench layout, or the ``.csv`` of a pair in the STEAD layout.
    rows : collection of int, optional
        Only these rows of the metadata.

    Yields
    ------
    DatasetTrace or Rejection
        One for each of these rows.

    Raises
    ------
    DataError
        A file of the data set is missing or damaged as a whole.
    """
    path = Path(path)
    with open_dataset(path) as reader:
        last = math.inf if rows is None else max(rows, default=-1)
        for stored in itertools.takewhile(lambda trace: trace.row <= last, reader):
            if rows is None or stored.row in rows:
                yield _read_trace(reader, stored, f"{path.name}, row {stored.row}: {stored.name}")


def rows_of(path: Path) -> Iterator[StoredTrace]:
    """Stream the rows of a data set's metadata, in its order; no waveform is read.

    Raises
    ------
    DataError
        A file of the data set is missing or damaged as a whole.
    """
    with open_dataset(path) as reader:
        yield from reader


def is_dataset(path: Path) -> bool:
    """Whether there is a data set at a path, as `read_dataset` takes it."""
    return is_seisbench(path) or path in stead_tables(path)


def read_dataset_picks(path: Path, rejections: list[Rejection]) -> list[Pick]:
    """Picks of a data set, in order of time: those that lie in a trace that can be read.

    Parameters
    ----------
    rejections : list of Rejection
        Takes the traces that can't be read, and picks outside them or rejected by an analyst.

    Raises
    ------
    DataError
        A file of the data set is missing or damaged as a whole.
    """
    picks: list[Pick] = []
    for trace in read_dataset(path):
        if isinstance(trace, Rejection):
            rejections.append(trace)
        else:
            rejections += trace.rejected
            lost = [p for p in trace.picks if not trace.record.start_ns <= p.time_ns <= trace.record.end_ns]
            rejections += [Rejection(p.trace_id, p.time_ns, p.time_ns, columns.OUTSIDE) for p in lost]
            picks += [p for p in trace.picks if p not in lost]
    return in_order(picks)


def open_dataset(path: Path) -> TraceReader:
    """The reader of a data set: a folder in the layout of SeisBench, a ``.csv`` in that of STEAD."""
    return open_seisbench(path) if path.is_dir() else open_stead(path)


def start_of(stored: StoredTrace) -> int:
    """Time of the first stored sample of a trace, in nanoseconds; made up where its row gives none.

    Raises
    ------
    DataError
        What the row gives is no time, or there are too many rows.
    """
    start_ns = columns.start_ns(stored.metadata)
    if start_ns is None:
        start_ns = stored.row * MADE_UP_SLOT_NS
        if start_ns + MADE_UP_SLOT_NS > np.iinfo(np.int64).max:
            raise DataError("has no trace_start_time, and there are too many rows to make one up for each")
    return start_ns


def _read_trace(reader: TraceReader, stored: StoredTrace, source: str) -> DatasetTrace | Rejection:
    row, rate_hz = stored.metadata, stored.sampling_rate_hz
    start_ns = end_ns = 0
    try:
        start_ns = end_ns = start_of(stored)
        if wrong := wrong_codes(columns.trace_id(row)):
            raise DataError(wrong)
        if math.isnan(rate_hz):
            raise DataError("no positive sampling rate in trace_sampling_rate_hz, trace_dt_s or the waveform file")
        samples = reader.waveform(stored)
        end_ns = start_ns + round((samples.shape[1] - 1) * NS_PER_S / rate_hz)
        if end_ns - start_ns >= MADE_UP_SLOT_NS and columns.start_ns(row) is None:
            raise DataError("has no trace_start_time, and is longer than an hour, the most that a made-up one allows")
        data, present, first = _recorded(samples, stored.component_order)
        record = Record(
            data=data,
            start_ns=start_ns,
            sampling_rate_hz=rate_hz,
            trace_id=columns.trace_id(row),
            present=present,
            bandwidth_hz=rate_hz / 2,
        )
        # The row counts from the first stored sample, the record starts at the first recorded one.
        picks, rejected = columns.picks(row, record)
        return DatasetTrace(
            record=replace(record, start_ns=sample_to_ns(record, first)),
            picks=picks,
            event_id=columns.event_id(row),
            split=columns.split(row),
            category=columns.category(row),
            is_noise=columns.is_noise(row) and not picks,
            rejected=rejected,
            row=stored.row,
        )
    except DataError as error:
        return Rejection(columns.trace_id(row), start_ns, end_ns, f"{source}: {error}")


def component_rows(order: str) -> list[int]:
    """Row of a record for each stored component, whatever their order; -1 for a hydrophone, H.

    Beside the letters of `seisnet.waveforms.records.ROW`, U beside N or E is vertical. Galperin axes U, V, W
    need a rotation first. A lone component that is no known horizontal is a one-component recording and goes
    on the vertical row.

    Raises
    ------
    DataError
        A letter is unknown, two belong in one row, or none belongs in any.

    Examples
    --------
    >>> component_rows("ENZ"), component_rows("Z12H"), component_rows("V")
    ([2, 1, 0], [0, 1, 2, -1], [0])
    """
    if not order:
        raise DataError("no component order in trace_component_order or the waveform file")
    if order == "H":
        raise DataError("component order 'H': a hydrophone alone records no ground motion")
    if len(order) == 1:
        return [ROW.get(order, 0)]
    known = {**ROW, "H": -1} if set(order) & set("VW") else {**ROW, "H": -1, "U": 0}
    for letter in order:
        if letter not in known:
            remedy = "rotate U, V, W to Z, N, E first" if letter in "UVW" else f"known are {', '.join(known)}"
            raise DataError(f"component order {order!r}: {letter!r} has no place in a record; {remedy}")
    rows = [known[letter] for letter in order]
    for row, component in enumerate(COMPONENTS):
        if rows.count(row) > 1:
            rivals = " and ".join(letter for letter in order if known[letter] == row)
            raise DataError(f"component order {order!r}: {rivals} both belong in the {component} row")
    return rows


def loose_span_ns(stored: StoredTrace) -> tuple[int, int] | None:
    """First and last pick of a row that names no event; without picks both are the start of the trace.

    None stands for a row that names an event, is noise, or can't be read; why is told when its waveform is read.
    """
    row = stored.metadata
    if columns.event_id(row) or columns.is_noise(row) or math.isnan(stored.sampling_rate_hz):
        return None
    try:
        start_ns = start_of(stored)
        times_ns = columns.arrivals_ns(row, start_ns, stored.sampling_rate_hz).values() or (start_ns,)
    except DataError:
        return None
    return min(times_ns), max(times_ns)


def _recorded(samples: NDArray[Any], order: str) -> tuple[NDArray[np.float32], NDArray[np.bool_], int]:
    """Make the data of a record, say which components are present, and which stored sample comes first.

    Only the stretch that all components recorded is kept; one that recorded less than half of the longest is absent.
    """
    data = np.zeros((len(COMPONENTS), samples.shape[1]))
    for row, component in zip(component_rows(order), samples, strict=True):
        if row >= 0:
            data[row] = component
    if n_bad := int(np.count_nonzero(~(np.abs(data) < np.finfo(np.float32).max))):
        raise DataError(f"{n_bad} of its samples are NaN or infinite")
    spans = np.array([_recorded_span(component) for component in data])
    n_recorded = spans[:, 1] - spans[:, 0]
    present = 2 * n_recorded > n_recorded.max()
    if not present.any():
        raise DataError("every component is zero or constant throughout")
    first, end = int(spans[present, 0].max()), int(spans[present, 1].min())
    if first >= end:
        raise DataError("its components were recorded one after the other and share no sample")
    data = np.where(present[:, np.newaxis], data[:, first:end], 0)
    # Counts may be far from zero; without their mean they fit the 24 bits of a float32.
    data -= data.mean(axis=1, keepdims=True)
    return data.astype(np.float32), present, first


def _recorded_span(component: NDArray[np.float64]) -> tuple[int, int]:
    """First recorded sample, and the one after the last; both 0 where nothing was recorded."""
    changes = np.flatnonzero(component[1:] != component[:-1]) + 1
    if len(changes) == 0:
        return 0, 0
    first, end, n = int(changes[0]), int(changes[-1]), len(component)
    return (
        first if component[0] == 0 or first >= FLAT_SAMPLES else 0,
        end if component[-1] == 0 or n - end >= FLAT_SAMPLES else n,
    )
