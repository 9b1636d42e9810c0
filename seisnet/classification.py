"""From sources to picks: the job of `seisnet classify`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PickConfig
from seisnet.errors import NothingUsableError
from seisnet.model import Model
from seisnet.picks import Pick, in_order
from seisnet.scan import Probabilities
from seisnet.waveforms.records import NS_PER_S, Record, Rejection, ns_to_sample, sample_to_ns
from seisnet.waveforms.sources import Reading, Source, find_sources, read_records, read_traces

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
    """What was read, found and rejected.

    `seconds` is the time scanned, all records together; `views` are stretches with picks, at most as many as
    asked for, `spans` the trace id, start and end of every record.
    """

    picks: list[Pick] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    trace_ids: list[str] = field(default_factory=list)
    spans: list[tuple[str, int, int]] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    n_records: int = 0
    seconds: float = 0.0


def classify(
    sources: Sequence[str],
    model: Model,
    config: PickConfig | None = None,
    *,
    most_views: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Classification:
    """Pick the phases in everything that a list of sources holds.

    Parameters
    ----------
    sources : sequence of str
        Files, folders, globs, SeisBench data set folders.
    most_views : int
        How many stretches with picks to keep for a report.
    progress : callable, optional
        Called before each source with the state in words, and how many of how many sources are done.

    Raises
    ------
    NothingUsableError
        If no record could be scanned; the message says why.
    """
    result, reading = Classification(thresholds=model.thresholds(config)), Reading()
    found = find_sources(sources, reading)
    for i, source in enumerate(found):
        if progress:
            progress(f"{source.name}, {len(result.picks)} picks so far", i, len(found))
        for record in _records(source, reading, model):
            probabilities = model.scan(record)
            picks = model.picks(record, probabilities, config)
            result.picks += picks
            result.trace_ids.append(record.trace_id)
            result.spans.append((record.trace_id, record.start_ns, record.end_ns))
            result.n_records += 1
            result.seconds += record.n_samples / record.sampling_rate_hz
            if len(result.views) < most_views:
                views = _views(record, probabilities, picks)
                result.views += views[: most_views - len(result.views)]
    result.picks = in_order(result.picks)
    result.rejections, result.files = reading.rejections, reading.files
    if not result.n_records:
        reasons = "; ".join(dict.fromkeys(r.reason for r in result.rejections)) or "the sources hold no waveforms"
        raise NothingUsableError(f"nothing could be scanned: {reasons}")
    return result


def _records(source: Source, reading: Reading, model: Model) -> Iterator[Record]:
    """Records of a source at the model's rate, one in memory at a time where it is a data set."""
    config = model.preprocess
    if source.is_dataset:
        for trace in read_traces(source, reading, sampling_rate_hz=config.sampling_rate_hz):
            yield trace.record
    else:
        yield from read_records(source, reading, sampling_rate_hz=config.sampling_rate_hz, shortest_s=config.window_s)


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
