"""The work on one source: read, condition, scan, pick."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from seisnet.classification.chosen_views import spread
from seisnet.classification.views import View, of_its_own, views_of
from seisnet.config import PickConfig
from seisnet.errors import DataError
from seisnet.model import Model
from seisnet.picking.detector import reaching
from seisnet.picks import Detection, Pick, station_of
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.files import Reading
from seisnet.waveforms.inventory import response_of
from seisnet.waveforms.reading import read_records, read_traces
from seisnet.waveforms.records import NS_PER_S, Record, Rejection
from seisnet.waveforms.sources import Source

SPARE = 10
"""So many views a wanted one are kept while it is not known which picks will be accepted."""


@dataclass(frozen=True)
class SourceJob:
    """What is done with every source.

    Attributes
    ----------
    model : Model
    config : PickConfig
    most_views : int
        Stretches with picks, or detections, that are wanted of all sources together.
    keep_probabilities : bool
    threads : int
        How many may share the scan of a record; the result does not depend on it.
    """

    model: Model
    config: PickConfig = field(default_factory=PickConfig)
    most_views: int = 0
    keep_probabilities: bool = False
    threads: int = 1

    @property
    def settings(self) -> PickConfig:
        """The config as runs compare it: naming a threshold or step that is the model's own makes no difference."""
        is_own = self.model.chain(self.config).windows.every == 1
        hop_s = 0.0 if is_own else self.config.hop_s
        return replace(self.config, thresholds=self.model.thresholds(self.config), hop_s=hop_s)

    @property
    def kept_views(self) -> int:
        """How many are kept of a source, and of those before it: some may be of picks that others turn down."""
        return self.most_views * (SPARE if self.config.coincidence > 1 or self.config.p_before_s else 1)


@dataclass
class Classification:
    """What was read, found and rejected, of one source or of all.

    Attributes
    ----------
    picks, detections : list
        By time; which of the two is the model's task.
    views : list of View
        Stretches with picks or detections, at most as many as asked for.
    probabilities : list of Probabilities
        Of every record, where they were asked for.
    highest : dict of str to float
        The highest probability of each class.
    failed : list of str
        What went wrong where another try may succeed, see `seisnet.waveforms.files.Reading`.
    spans : list of (str, int, int)
        Trace id, start and end of every record, as far as its source answers for it.
    rival_s : float
        Picks this near to a more probable one may have lost probability; 0 if none has.
    refused : int
        Picks that failed the tests against other picks, see `seisnet.picking.coincidence.accepted`.
    seconds, dead_s : float
        Time scanned, all records together, and how much of it holds no signal and is masked.
    """

    picks: list[Pick] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    probabilities: list[Probabilities] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    spans: list[tuple[str, int, int]] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    highest: dict[str, float] = field(default_factory=dict)
    rival_s: float = 0.0
    refused: int = 0
    seconds: float = 0.0
    dead_s: float = 0.0

    @property
    def n_records(self) -> int:
        """Records that were scanned; one that continues from source to source, as from day to day, counts once."""
        ends = {(trace_id, end_ns) for trace_id, _, end_ns in self.spans}
        return sum((trace_id, start_ns) not in ends for trace_id, start_ns, _ in self.spans)

    @property
    def stations(self) -> list[str]:
        """``NET.STA`` of the records, sorted."""
        return sorted({station_of(trace_id) for trace_id, *_ in self.spans})

    def add(self, other: Classification) -> None:
        """Take in what another source gave."""
        for name in ("picks", "detections", "views", "probabilities", "rejections", "files", "failed", "spans"):
            getattr(self, name).extend(getattr(other, name))
        self.seconds += other.seconds
        self.dead_s += other.dead_s
        for name, value in other.highest.items():
            self.highest[name] = max(value, self.highest.get(name, 0.0))


def classify_source(source: Source, job: SourceJob) -> Classification:
    """Scan one source. What it finds lies in the span of time that the source answers for.

    Raises
    ------
    DataError
        If there is not enough memory.
    """
    try:
        return _classified(source, job)
    except MemoryError as error:
        raise DataError(f"{source.name}: not enough memory; use fewer jobs") from error


def _classified(source: Source, job: SourceJob) -> Classification:
    result, reading = Classification(), Reading()
    low, high = source.span_ns
    for record in _records(source, reading, job):
        found = job.model.follow(record, job.config, threads=job.threads).add(record.data, last=True)
        picks = [p for p in found.picks if source.answers_for(p.time_ns)]
        result.picks += picks
        detections = [
            replace(d, start_ns=part[0], end_ns=part[1])
            for d in found.detections
            if (part := source.part_of(d.start_ns, d.end_ns))
            # What goes on in the next source may reach the threshold only there.
            and (d.probability >= d.threshold or d.start_ns <= low or d.end_ns >= high)
        ]
        result.detections += detections
        first, stop = np.searchsorted(found.probabilities.times_ns, source.span_ns).tolist()
        own = found.probabilities.part(first, stop)
        for name, row in zip(own.classes, own.values[:, ~own.dead], strict=True):
            result.highest[name] = max(result.highest.get(name, 0.0), float(row.max(initial=0.0)))
        result.dead_s += int(own.dead.sum()) * own.hop_ns / NS_PER_S
        if part := source.part_of(record.start_ns, record.end_ns):
            result.spans.append((record.trace_id, *part))
            result.seconds += (part[1] - part[0]) / NS_PER_S
        if job.keep_probabilities:
            result.probabilities.append(own)
        if job.kept_views:
            views = list(views_of(record, found.probabilities, picks or reaching(detections)))
            views = [of_its_own(view) for view in spread(views, job.kept_views)]
            result.views = spread([*result.views, *views], job.kept_views)
    result.rejections, result.files, result.failed = reading.rejections, reading.files, reading.failed
    return result


def _records(source: Source, reading: Reading, job: SourceJob) -> Iterator[Record]:
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
