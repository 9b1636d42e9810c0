"""Finding waveforms again: the stretch around a time, read from the sources that picks were made on."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import obspy

from seisnet.errors import DataError
from seisnet.picks import OnInstrument, station_of
from seisnet.waveforms import dataset_columns
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.datasets import MADE_UP_SLOT_NS, is_dataset, open_dataset, rows_of, start_of
from seisnet.waveforms.files import Reading, read_file, read_headers
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.inventory import Response, read_stations
from seisnet.waveforms.reading import read_traces
from seisnet.waveforms.records import (
    NS_PER_S,
    Record,
    Rejection,
    lost,
    ns_to_sample,
    reasons,
    sample_to_ns,
    wrong_codes,
)
from seisnet.waveforms.selection import EVERYTHING, Selection
from seisnet.waveforms.sources import Source

DISTANCE_COLUMNS = ("path_ep_distance_km", "source_distance_km", "path_hyp_distance_km", "path_distance_km")


@dataclass(frozen=True, slots=True)
class _Holding:
    """A stretch of an instrument in a file, or in a row of a data set, whose end is not known before it is needed."""

    trace_id: str
    start_ns: int
    path: Path
    end_ns: int = 0
    rate_hz: float = 0.0
    row: int = -1


class Waveforms:
    """The waveforms of some sources: headers are read now, samples when they are asked for.

    Parameters
    ----------
    specs : sequence of str
        Files, folders, globs, archives, data sets.
    inventory : sequence of str or Path
        Files of station metadata, which place components by azimuth and dip.
    selection : Selection
        Which channels and times of the sources are wanted.

    Attributes
    ----------
    reading : Reading
        What could not be read since the sources were found, or since `forget`, with reasons.

    Raises
    ------
    DataError
        If a name leads to no file, or nothing that it leads to can be read, or station metadata can't.
    """

    def __init__(
        self, specs: Sequence[str], inventory: Sequence[str | Path] = (), selection: Selection = EVERYTHING
    ) -> None:
        self.reading, self._selection = Reading(), selection
        self._stations = read_stations(tuple(map(Path, inventory)))
        self._by_station: dict[str, list[_Holding]] = defaultdict(list)
        self._known_rows: dict[str, list[_Holding]] = {}
        for source in find_sources(specs, self.reading, selection=selection, inventory=inventory):
            for path in source.paths[:1] if source.is_dataset else source.paths:
                for holding in _holdings_of_dataset(path) if source.is_dataset else self._holdings_of_file(path):
                    self._by_station[holding.trace_id.split(".")[1].upper()].append(holding)
        if not self._by_station:
            why = "; ".join(r.reason for r in lost(self.reading.rejections)[:3]) or "they hold no waveforms"
            raise DataError(f"{', '.join(specs)}: {why}")

    def trace_ids(self, pick: OnInstrument) -> list[str]:
        """Instruments that a pick may be of: those that agree in all codes that the pick names."""
        named = (pick.network, pick.station, pick.location.strip("-"), pick.channel[:2])
        known = {holding.trace_id for holding in self._by_station.get(pick.station.upper(), [])}
        return sorted(trace_id for trace_id in known if _agrees(named, trace_id.split(".")))

    def around(
        self,
        trace_id: str,
        start_ns: int,
        end_ns: int,
        *,
        sampling_rate_hz: float | None = None,
        response: Response | None = None,
    ) -> list[Record]:
        """Gap-free records of an instrument between two times, in order of time.

        Parameters
        ----------
        sampling_rate_hz : float, optional
            Of all records; by default the highest at which any of them was recorded.
        response : Response, optional
            Removed from what files hold, which needs station metadata.

        Raises
        ------
        DataError
            A response is to be removed, but there are no station metadata.
        """
        here = [h for h in self._by_station.get(trace_id.split(".")[1].upper(), []) if h.trace_id == trace_id]
        blind_ns = round(response.blind_s * NS_PER_S) if response else 0
        read_ns = start_ns - blind_ns, end_ns + blind_ns
        files = _near([h for h in here if h.row < 0], *read_ns)
        rows = _near(self._rows_with_ends(trace_id, [h for h in here if h.row >= 0]), start_ns, end_ns)
        rates_hz = [h.rate_hz for h in (*files, *rows) if h.rate_hz > 0]  # NaN is not
        rate_hz = sampling_rate_hz or max(rates_hz, default=math.nan)
        records = self._records_of_files(files, *read_ns, rate_hz, response) if files else []
        for path in dict.fromkeys(h.path for h in rows):
            records += self._records_of_rows(path, {h.row for h in rows if h.path == path}, rate_hz)
        cut = [part(record, start_ns, end_ns) for record in records if record.trace_id == trace_id]
        return sorted((record for record in cut if record.n_samples > 1), key=lambda record: record.start_ns)

    def forget(self) -> None:
        """Forget what could not be read, before something else is looked up; a server would collect it for ever."""
        self.reading.rejections.clear()

    def none_of(self, what: str) -> DataError:
        """The error that there is no waveform of something, with the reasons."""
        why = reasons(self.reading.rejections)
        return DataError(f"{what} in the sources{f' can be used: {why}' if why else ''}")

    def _holdings_of_file(self, path: Path) -> Iterator[_Holding]:
        for stretch in read_headers(path, self.reading) or ():
            if self._selection.takes(stretch.seed_id):
                trace_id, _ = split_seed_id(stretch.seed_id)
                yield _Holding(trace_id, stretch.start_ns, path, stretch.end_ns, stretch.rate_hz)

    def _rows_with_ends(self, trace_id: str, rows: Sequence[_Holding]) -> list[_Holding]:
        """The rows of an instrument with their ends, found out once: few of a large data set's are ever needed."""
        if trace_id not in self._known_rows:
            try:
                by_path = itertools.groupby(rows, key=lambda holding: holding.path)
                self._known_rows[trace_id] = [h for path, own in by_path for h in _measured(path, own)]
            except DataError as error:  # the data set has gone since
                self.reading.rejections.append(Rejection("", 0, 0, str(error)))
                return []
        return self._known_rows[trace_id]

    def _records_of_rows(self, path: Path, rows: set[int], rate_hz: float) -> list[Record]:
        reading, source = Reading(), Source((path,), "dataset", selection=self._selection)
        records = [trace.record for trace in read_traces(source, reading, sampling_rate_hz=rate_hz, rows=rows)]
        self.reading.rejections += lost(reading.rejections)
        return records

    def _records_of_files(
        self,
        holdings: Iterable[_Holding],
        start_ns: int,
        end_ns: int,
        rate_hz: float,
        response: Response | None,
    ) -> list[Record]:
        stream = obspy.Stream()
        for path in dict.fromkeys(h.path for h in holdings):
            reading = Reading()
            part_of_file = read_file(path, reading, span_ns=(start_ns, end_ns))
            # Of a file that can be read, only the stretches that are lost here matter.
            self.reading.rejections += [r for r in reading.rejections if r.trace_id or part_of_file is None]
            if part_of_file is not None:
                stream += self._selection.of(part_of_file)
        records, rejections = condition(
            stream, sampling_rate_hz=rate_hz, shortest_s=0.0, stations=self._stations or None, response=response
        )
        self.reading.rejections += rejections
        return records


def part(record: Record, start_ns: int, end_ns: int) -> Record:
    """The samples of a record between two times, both included."""
    low = min(max(0, ns_to_sample(record, start_ns)), record.n_samples)
    high = max(low, min(record.n_samples, ns_to_sample(record, end_ns) + 1))
    return replace(record, data=record.data[:, low:high], start_ns=sample_to_ns(record, low))


def station_places(paths: Iterable[Path]) -> dict[str, tuple[float, float]]:
    """Latitude and longitude in degrees of the stations, ``NET.STA``, as given by the data sets among some paths."""
    places = {}
    for row in _metadata(paths):
        where = _number(row, "station_latitude_deg"), _number(row, "station_longitude_deg")
        if all(map(math.isfinite, where)):
            places[station_of(dataset_columns.trace_id(row))] = where
    return places


def distances_km(paths: Iterable[Path]) -> dict[tuple[str, str], float]:
    """Distance by event and station, ``NET.STA``, as given by the data sets among some paths."""
    distances = {}
    for row in _metadata(paths):
        known = [d for d in (_number(row, name) for name in DISTANCE_COLUMNS) if math.isfinite(d)]
        event = dataset_columns.event_id(row)
        if event and known:
            distances[event, station_of(dataset_columns.trace_id(row))] = known[0]
    return distances


def _near(holdings: Iterable[_Holding], start_ns: int, end_ns: int) -> list[_Holding]:
    return [h for h in holdings if h.start_ns <= end_ns and h.end_ns >= start_ns]


def _agrees(named: Sequence[str], codes: Sequence[str]) -> bool:
    return all(not name or name.upper() == code.upper() for name, code in zip(named, codes, strict=True))


def _measured(path: Path, rows: Iterable[_Holding]) -> Iterator[_Holding]:
    """Rows of a data set with the time of their last sample, of those that can't be read an hour after the first."""
    by_row = {holding.row: holding for holding in rows}
    last = max(by_row)
    with open_dataset(path) as reader:
        for stored in itertools.takewhile(lambda stored: stored.row <= last, reader):
            if holding := by_row.get(stored.row):
                try:
                    length_ns = round(reader.n_samples(stored) * NS_PER_S / holding.rate_hz)
                except (DataError, ValueError):  # without a rate; why it can't be read is told when it is
                    length_ns = MADE_UP_SLOT_NS
                yield replace(holding, end_ns=holding.start_ns + length_ns)


def _holdings_of_dataset(path: Path) -> Iterator[_Holding]:
    for stored in rows_of(path):
        trace_id = dataset_columns.trace_id(stored.metadata)
        try:
            start_ns = start_of(stored)
        except DataError:  # preprocess and classify have given the reason
            continue
        if not wrong_codes(trace_id):
            yield _Holding(trace_id, start_ns, path, rate_hz=stored.sampling_rate_hz, row=stored.row)


def _metadata(paths: Iterable[Path]) -> Iterator[dict[str, str]]:
    """Rows of the metadata of those paths that are data sets; those that can't be read are passed over."""
    for path in filter(is_dataset, paths):
        with suppress(DataError):
            yield from (stored.metadata for stored in rows_of(path))


def _number(row: dict[str, str], column: str) -> float:
    try:
        return float(row.get(column) or "nan")
    except ValueError:
        return math.nan
