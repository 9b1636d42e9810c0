"""From sources to picks: the job of `seisnet classify`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PickConfig
from seisnet.errors import NothingUsableError
from seisnet.model import Model
from seisnet.picking.coincidence import accepted
from seisnet.picking.detector import joined_detections
from seisnet.picks import Detection, Pick
from seisnet.scan.scanning import Probabilities
from seisnet.waveforms.inventory import response_of
from seisnet.waveforms.records import NS_PER_S, Record, Rejection, ns_to_sample, sample_to_ns
from seisnet.waveforms.selection import Selection
from seisnet.waveforms.sources import Reading, Source, find_sources, read_records, read_traces
from seisnet.wording import first_of

MOST_NAMED = 3
"""Traces that a message names."""

VIEW_BEFORE_S, VIEW_AFTER_S = 10.0, 30.0


@dataclass(frozen=True)
class View:
    """What a report shows of one record: samples, probabilities and picks of a stretch.

    Attributes
    ----------
    data : float32 (C, T)
    start_ns : int
    sampling_rate_hz : float
    probabilities : float32 (K, M)
    times_ns : int64 (M,)
    picks : tuple of Pick
    trace_id : str
    """

    data: NDArray[np.float32]
    start_ns: int
    sampling_rate_hz: float
    probabilities: NDArray[np.float32]
    times_ns: NDArray[np.int64]
    picks: tuple[Pick, ...]
    trace_id: str


@dataclass
class Classification:
    """What was read, found and rejected, of one source or of all.

    Attributes
    ----------
    picks, detections : list
        By time; which of the two is the model's task.
    views : list of View
        Stretches with picks, at most as many as asked for.
    probabilities : list of Probabilities
        Of every record, where they were asked for.
    highest : dict of str to float
        The highest probability of each class.
    spans : list of (str, int, int)
        Trace id, start and end of every record, as far as its source answers for it.
    seconds, dead_s : float
        Time scanned, all records together, and how much of it holds no signal and is masked.
    """

    picks: list[Pick] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    probabilities: list[Probabilities] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    trace_ids: list[str] = field(default_factory=list)
    spans: list[tuple[str, int, int]] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    highest: dict[str, float] = field(default_factory=dict)
    n_records: int = 0
    seconds: float = 0.0
    dead_s: float = 0.0

    def add(self, other: Classification) -> None:
        """Take in what another source gave, all but its probabilities."""
        self.picks += other.picks
        self.detections += other.detections
        self.views += other.views
        self.rejections += other.rejections
        self.files += other.files
        self.trace_ids += other.trace_ids
        self.spans += other.spans
        self.n_records += other.n_records
        self.seconds += other.seconds
        self.dead_s += other.dead_s
        for name, value in other.highest.items():
            self.highest[name] = max(value, self.highest.get(name, 0.0))


@dataclass(frozen=True)
class Job:
    """What is done with every source.

    Attributes
    ----------
    model : Model
    config : PickConfig
    most_views : int
        Stretches with picks that are kept of a source.
    keep_probabilities : bool
    threads : int
        How many may share the scan of a record; the result does not depend on it.
    """

    model: Model
    config: PickConfig = field(default_factory=PickConfig)
    most_views: int = 0
    keep_probabilities: bool = False
    threads: int = 1


def classify(
    sources: Sequence[str],
    model: Model,
    config: PickConfig | None = None,
    *,
    most_views: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
    selection: Selection | None = None,
    inventory: Sequence[Path] = (),
) -> Classification:
    """Pick the phases in everything that a list of sources holds.

    Parameters
    ----------
    sources : sequence of str
        Files, folders, globs, archives, web services, data set folders.
    most_views : int
        How many stretches with picks to keep for a report.
    progress : callable, optional
        Called after each source with the state in words, and how many of how many sources are done.
    selection : Selection, optional
        Which channels and times of the sources are wanted.
    inventory : sequence of Path
        Files of station metadata, which place components by azimuth and dip.

    Raises
    ------
    NothingUsableError
        If no record could be scanned; the message says why.
    """
    reading, job = Reading(), Job(model, config or PickConfig(), most_views)
    found = find_sources(sources, reading, selection=selection or Selection(), inventory=inventory)
    parts = (classify_source(source, job) for source in found)
    return gathered(zip(found, parts, strict=True), job, reading, progress=progress, total=len(found))


def gathered(
    parts: Iterable[tuple[Source, Classification]],
    job: Job,
    reading: Reading,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    total: int = 0,
) -> Classification:
    """Put together what the sources gave, in their order.

    Raises
    ------
    NothingUsableError
        If no record could be scanned; the message says why.
    """
    result = Classification(thresholds=job.model.thresholds(job.config))
    result.rejections, result.files = list(reading.rejections), list(reading.files)
    for i, (source, part) in enumerate(parts):
        result.add(part)
        result.probabilities += part.probabilities
        result.views = result.views[: job.most_views]
        if progress:
            progress(f"{source.name}, {len(result.picks) + len(result.detections)} found so far", i + 1, total)
    result.picks = accepted(result.picks, job.config)
    hop_ns = job.model.chain(job.config).hop_ns
    result.detections = joined_detections(result.detections, job.config, hop_ns)
    if not result.n_records:
        raise NothingUsableError(f"nothing could be scanned: {_why(result.rejections)}")
    return result


def _why(rejections: Sequence[Rejection]) -> str:
    """Each reason once, with the traces that it is of."""
    of: dict[str, dict[str, None]] = {}
    for rejection in rejections:
        of.setdefault(rejection.reason, {})[rejection.trace_id] = None
    told = []
    for reason, traces in of.items():
        named = [trace_id for trace_id in traces if trace_id]
        told.append(f"{reason} ({first_of(named, MOST_NAMED)})" if named else reason)
    return "; ".join(told) or "the sources hold no waveforms"


def classify_source(source: Source, job: Job) -> Classification:
    """Scan one source. What it finds lies in the span of time that the source answers for."""
    result, reading = Classification(), Reading()
    low, high = source.span_ns
    for record in _records(source, reading, job):
        found = job.model.follow(record, job.config, threads=job.threads).add(record.data, last=True)
        picks = [p for p in found.picks if low <= p.time_ns < high]
        result.picks += picks
        result.detections += [
            replace(d, start_ns=max(d.start_ns, low), end_ns=min(d.end_ns, high))
            for d in found.detections
            if d.start_ns < high and d.end_ns >= low
        ]
        times = found.probabilities.times_ns
        first, stop = np.searchsorted(times, [low, high]) if len(times) else (0, 0)
        own = found.probabilities.from_column(int(first), int(stop))
        if own.values.shape[1]:
            for name, row in zip(own.classes, own.values, strict=True):
                result.highest[name] = max(result.highest.get(name, 0.0), float(row.max()))
        result.dead_s += int(own.dead.sum()) * own.hop_ns / NS_PER_S
        result.trace_ids.append(record.trace_id)
        result.n_records += 1
        start_ns, end_ns = max(record.start_ns, low), min(record.end_ns, high)
        result.spans.append((record.trace_id, start_ns, end_ns))
        result.seconds += (end_ns - start_ns) / NS_PER_S
        if job.keep_probabilities:
            result.probabilities.append(own)
        if len(result.views) < job.most_views:
            result.views += _views(record, found.probabilities, picks)[: job.most_views - len(result.views)]
    result.rejections, result.files = reading.rejections, reading.files
    return result


def _records(source: Source, reading: Reading, job: Job) -> Iterator[Record]:
    """Records of a source at the model's rate, one in memory at a time where it is a data set."""
    config = job.model.preprocess
    if source.is_dataset:
        for trace in read_traces(
            source, reading, sampling_rate_hz=config.sampling_rate_hz, response=response_of(config)
        ):
            yield trace.record
    else:
        yield from read_records(
            source,
            reading,
            sampling_rate_hz=config.sampling_rate_hz,
            shortest_s=config.window_s,
            margin_s=job.model.margin_s(job.config),
            response=response_of(config),
        )


def _views(record: Record, probabilities: Probabilities, picks: Sequence[Pick]) -> list[View]:
    """Stretches around picks; picks that would share a stretch do."""
    views = []
    rest = list(picks)
    while rest:
        first_ns = rest[0].time_ns - round(VIEW_BEFORE_S * NS_PER_S)
        last_ns = rest[0].time_ns + round(VIEW_AFTER_S * NS_PER_S)
        low, high = max(0, ns_to_sample(record, first_ns)), ns_to_sample(record, last_ns)
        times = probabilities.times_ns
        shown = (times >= first_ns) & (times <= last_ns)
        views.append(
            View(
                data=record.data[:, low:high].copy(),
                start_ns=sample_to_ns(record, low),
                sampling_rate_hz=record.sampling_rate_hz,
                probabilities=probabilities.values[:, shown].copy(),
                times_ns=times[shown],
                picks=tuple(p for p in rest if p.time_ns <= last_ns),
                trace_id=record.trace_id,
            )
        )
        rest = [p for p in rest if p.time_ns > last_ns]
    return views
