"""Recordings with their labels, written as a data set in the SeisBench layout, which SeisBench itself opens."""

from __future__ import annotations

import bisect
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seisnet.config import ExportConfig, names, or_default
from seisnet.errors import NothingUsableError
from seisnet.labels.joining import surest
from seisnet.labels.linking import linked
from seisnet.labels.matching import LabelMatcher, ambiguous, unmatched
from seisnet.labels.phases import phase_class
from seisnet.labels.reading import read_labels
from seisnet.overlaps import joined_names
from seisnet.picks import Pick
from seisnet.store.files import check_not_read
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.waveforms.dataset_columns import OUTSIDE
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources, nothing_wanted
from seisnet.waveforms.inventory import Stations, coordinates_of, read_stations
from seisnet.waveforms.lookup import part
from seisnet.waveforms.reading import read_records, read_traces
from seisnet.waveforms.records import KEPT, NS_PER_S, Record, Rejection, letters_of, lost
from seisnet.waveforms.selection import Selection
from seisnet.waveforms.sources import Source
from seisnet.wording import most_frequent

TOGETHER_S = 60.0
"""Picks that follow each other within this go into one trace, unless they belong to different events.

An S of an event whose trace has none yet may come later, if its own trace would overlap this one, and likewise a P.
Picks without an event are linked within this time, too; see `seisnet.labels.linking.linked`.
"""

NEITHER = "a pick that is neither P nor S"

UNLABELLED = (
    f"{KEPT}it is also in the trace of other picks, where it has no label; "
    "shorter before_s and after_s (--before, --after) keep them apart"
)

COLUMNS = (
    "trace_start_time", "trace_sampling_rate_hz", "trace_npts", "trace_channel", "trace_component_order",
    "trace_category", "station_network_code", "station_code", "station_location_code", "source_id", "split",
)  # fmt: skip

PLACE = ("station_latitude_deg", "station_longitude_deg", "station_elevation_m")
"""Columns that station metadata fill."""


@dataclass(frozen=True)
class _Trace:
    record: Record
    picks: Sequence[Pick]
    event_id: str
    category: str
    split: str


def export_seisbench(
    sources: Sequence[str | Path],
    labels: Sequence[str | Path],
    folder: str | Path,
    config: ExportConfig | None = None,
    *,
    selection: Selection | None = None,
    inventory: Sequence[str | Path] = (),
    overwrite: bool = False,
    progress: Callable[[int, str], None] | None = None,
) -> tuple[int, list[Rejection]]:
    """Write the picked stretches of some sources as a data set.

    Of continuous recordings a trace is what lies around the picks of one event, or of picks that follow each other
    within a minute; traces of data sets are written whole, with noise. Samples are float32 at one sampling rate.
    Phases that `labels` name keep their names, others go into the P or S column. The layout has a column a phase, so
    that picks of another event in a trace are not labelled there; a remark on each tells so. Events whose traces may
    share samples are in one split.

    Parameters
    ----------
    sources : sequence of str or Path
        As for `seisnet.waveforms.finding.find_sources`.
    labels : sequence of str or Path
        Catalogues and CSV files of picks.
    folder : str or Path
        Where ``metadata.csv`` and ``waveforms.hdf5`` are written; they appear whole.
    config : ExportConfig, optional
        Sampling rate, and what is kept around picks.
    inventory : sequence of str or Path
        Files of station metadata, which place components by azimuth and dip, and give coordinates to recordings.
    progress : callable, optional
        Called with the number of traces so far and the source that is being read.

    Returns
    -------
    n_traces : int
    rejections : list of Rejection
        What was not used.

    Raises
    ------
    NothingUsableError
        If there is no trace to write.
    ConfigError
        Sources or labels are a single name in place of a list, or a data set that is read would be replaced.
    """
    labels = names("labels", labels)
    config = or_default(config, ExportConfig)
    reading = Reading()
    found = find_sources(sources, reading, selection=selection or Selection(), inventory=inventory)
    read = [*(path for source in found for path in source.reads), *map(Path, labels)]
    for name in ("metadata.csv", "waveforms.hdf5"):
        check_not_read(Path(folder) / name, read)
    datasets = any(source.is_dataset for source in found)
    if not labels and found and not datasets:
        raise NothingUsableError("waveform files carry no labels; name a catalogue or a CSV with labels=...")
    around = (config.before_s, config.after_s) != (ExportConfig.before_s, ExportConfig.after_s)
    if around and datasets:
        told = "before_s and after_s (--before, --after) do not apply to data sets, whose traces are written whole"
        reading.rejections.append(Rejection("", 0, 0, KEPT + told))
    matcher = LabelMatcher(linked(read_labels(labels, reading.rejections), TOGETHER_S))
    together = _together(matcher.labels, config)
    hints = sorted({pick.phase for pick in matcher.labels if phase_class(pick.phase)} | {"P", "S"})
    stations = read_stations(tuple(map(Path, inventory)))
    known = [*COLUMNS, *(PLACE if stations else ())]
    columns = [*known, *(f"trace_{hint}_{what}" for hint in hints for what in ("arrival_sample", "weight"))]
    n_traces = 0
    data_format = {"sampling_rate": config.sampling_rate_hz}
    with new_seisbench(Path(folder), columns, data_format=data_format, overwrite=overwrite) as writer:
        for source in found:
            for trace in _traces(source, matcher, reading, config):
                group = trace.event_id or trace.record.trace_id
                split = trace.split or _split(together.get(group, group))
                row = _row(replace(trace, split=split), hints, stations, reading.rejections)
                writer.add(row, trace.record.data[trace.record.present])
                n_traces += 1
                if progress:
                    progress(n_traces, source.name)
        reading.rejections += unmatched(matcher.labels, matcher.records, datasets=datasets)
        reading.rejections += ambiguous(matcher.labels, matcher.records)
        if not n_traces:
            reasons = Counter(r.reason for r in lost(reading.rejections))
            why = "; ".join(most_frequent(reasons)) or nothing_wanted(found)
            raise NothingUsableError(f"no trace could be exported: {why}")
    return n_traces, reading.rejections


def _traces(source: Source, matcher: LabelMatcher[Pick], reading: Reading, config: ExportConfig) -> Iterator[_Trace]:
    if source.is_dataset:
        for trace in read_traces(source, reading, sampling_rate_hz=config.sampling_rate_hz):
            reading.rejections += trace.rejected
            yield _Trace(trace.record, trace.picks, trace.event_id, trace.category, trace.split)
        return
    margin_s = config.before_s + config.after_s + _reach_s(config)
    for record in read_records(
        source, reading, sampling_rate_hz=config.sampling_rate_hz, shortest_s=1.0, margin_s=margin_s
    ):
        picks, _ = surest(matcher.match(record), record.trace_id.split(".")[3])
        here = [pick for pick in picks if record.start_ns <= pick.time_ns]
        for picks in _events(here, _reach_s(config)):
            if not source.answers_for(picks[0].time_ns):
                continue
            if any(phase_class(pick.phase) for pick in picks):
                around = _around(record, picks, config)
                reading.rejections += _unlabelled(around, here)
                yield around
            else:
                reading.rejections += [Rejection(record.trace_id, p.time_ns, p.time_ns, NEITHER) for p in picks]


def _reach_s(config: ExportConfig) -> float:
    """How long after the last pick of a trace one may come that still belongs to it."""
    return max(TOGETHER_S, config.before_s + config.after_s)


def _events(picks: Iterable[Pick], reach_s: float) -> list[list[Pick]]:
    """Picks in groups, in order of time."""
    groups: list[list[Pick]] = []
    for pick in picks:
        for group in reversed(groups):
            new = all(phase_class(pick.phase) != phase_class(other.phase) for other in group)
            near = pick.time_ns - group[-1].time_ns <= (reach_s if new else TOGETHER_S) * NS_PER_S
            if near and pick.event_id == group[-1].event_id:
                group.append(pick)
                break
        else:
            groups.append([pick])
    return groups


def _around(record: Record, picks: Sequence[Pick], config: ExportConfig) -> _Trace:
    before_ns, after_ns = (round(s * NS_PER_S) for s in (config.before_s, config.after_s))
    cut = part(record, picks[0].time_ns - before_ns, picks[-1].time_ns + after_ns)
    return _Trace(cut, picks, picks[0].event_id, "earthquake", "")


def _unlabelled(trace: _Trace, picks: Sequence[Pick]) -> list[Rejection]:
    """Remarks on picks of others, in order of time, that lie in a trace."""
    record = trace.record
    times_ns = [pick.time_ns for pick in picks]
    inside = picks[bisect.bisect_left(times_ns, record.start_ns) : bisect.bisect_right(times_ns, record.end_ns)]
    others = (p for p in inside if phase_class(p.phase) and p not in trace.picks)
    return [Rejection(record.trace_id, p.time_ns, p.time_ns, UNLABELLED) for p in others]


def _row(trace: _Trace, hints: Sequence[str], stations: Stations, rejections: list[Rejection]) -> dict[str, object]:
    """Metadata of a trace; picks that have no place in it become rejections."""
    record = trace.record
    network, station, location, channel = record.trace_id.split(".")
    row: dict[str, object] = {
        "trace_start_time": f"{np.datetime64(record.start_ns, 'ns')}Z",
        "trace_sampling_rate_hz": record.sampling_rate_hz,
        "trace_npts": record.n_samples,
        "trace_channel": channel,
        "trace_component_order": letters_of(record.present),
        "trace_category": trace.category,
        "station_network_code": network,
        "station_code": station,
        "station_location_code": location,
        "source_id": trace.event_id,
        "split": trace.split,
    }
    if place := coordinates_of(stations, record.trace_id, record.start_ns):
        row |= zip(PLACE, place, strict=True)
    for pick in trace.picks:
        hint = pick.phase if pick.phase in hints else phase_class(pick.phase)
        sample = (pick.time_ns - record.start_ns) * record.sampling_rate_hz / NS_PER_S
        if not hint:
            why_not = NEITHER
        elif not 0 <= sample <= record.n_samples - 1:
            why_not = OUTSIDE
        elif f"trace_{hint}_arrival_sample" in row:
            why_not = f"a second {hint} in a trace, which can hold one"
        else:
            row[f"trace_{hint}_arrival_sample"] = round(sample, 6)
            row[f"trace_{hint}_weight"] = pick.weight
            continue
        rejections.append(Rejection(record.trace_id, pick.time_ns, pick.time_ns, why_not))
    return row


def _together(picks: Sequence[Pick], config: ExportConfig) -> dict[str, str]:
    """The first, by name, of the events whose traces may share samples with those of an event, at any station."""
    of_station: dict[str, list[tuple[tuple[int, int], str]]] = defaultdict(list)
    for pick in picks:
        of_station[pick.station.upper()].append(((pick.time_ns, pick.time_ns), pick.event_id))
    return joined_names(of_station, _reach_s(config) * NS_PER_S)


def _split(group: str) -> str:
    """Split of an event, or of a station where there is none: 70, 15 and 15 percent, the same in every export."""
    place = zlib.crc32(group.encode()) % 100
    return "train" if place < 70 else "dev" if place < 85 else "test"
