"""The work on one piece of the sources: read, condition, label, cut, augment, compute features, write a shard."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError
from seisnet.features import extract
from seisnet.labels.joining import second_picks, surest
from seisnet.picking.picker import snr_db
from seisnet.picks import ClassInterval, station_of
from seisnet.preprocessing.pieces import CARRIED, Piece, PieceJob, Summary
from seisnet.preprocessing.splits import Row
from seisnet.store.files import sha256_of
from seisnet.store.seisbench_file import files_of
from seisnet.store.shards import ShardWriter, new_shard, undamaged_summary
from seisnet.store.windows_file import SPLITS
from seisnet.waveforms.files import Reading
from seisnet.waveforms.inventory import response_of
from seisnet.waveforms.reading import read_records, read_traces
from seisnet.waveforms.records import NS_PER_S, Record, Rejection
from seisnet.waveforms.sources import Source
from seisnet.windows.augment import added_ns, augment
from seisnet.windows.class_cutting import cut_classes
from seisnet.windows.cutting import cut
from seisnet.windows.excerpting import excerpts
from seisnet.windows.labelled import LabelledRecord, Window, covered_ns, start_ns, with_signal

FEATURE_BYTES = 1 << 24
"""Features are written when this many have gathered: memory does not grow with the windows of a piece."""


def work(job: PieceJob, piece: Piece) -> Summary:
    """Make the shard of a piece, or use the one that is there.

    Raises
    ------
    DataError
        If it can't be written, or there is not enough memory.
    """
    if job.folder is None:
        return _summarise(job, piece, None)
    path = job.folder / f"{job.identity(piece)}.h5"
    done = undamaged_summary(path)
    # A shard that carries other fields was made by another build of this version.
    if done is not None and done.keys() == CARRIED and not done["failed"]:
        return Summary(**done, shard=path)
    with new_shard(path, int(np.prod(job.feature.shape))) as writer:
        summary = _summarise(job, piece, writer)
        writer.finish(summary.rejected, {name: value for name, value in vars(summary).items() if name in CARRIED})
    if summary.failed:
        # Under another name, so that a resumed run asks again, and replaces no shard to which a finished file refers.
        what = hashlib.sha256(json.dumps(summary.failed).encode()).hexdigest()
        path = path.replace(path.with_suffix(f".failed-{what[:8]}"))
    return replace(summary, rejected=[], shard=path)


def _summarise(job: PieceJob, piece: Piece, writer: ShardWriter | None) -> Summary:
    reading, maker = Reading(), _Maker(job, writer)
    matcher, summary = job.matcher, maker.summary
    matcher.records.clear()
    for index, source in enumerate(piece.sources):
        summary.made.append(0)
        try:
            if piece.hashes and not source.part:
                summary.files += [(str(p), *_size_and_sha256(p), index) for p in source.paths] or [
                    (source.name, 0, "", index)  # of a web service
                ]
            for labelled in _labelled(job, source, piece, reading):
                n_windows, rejections = maker.add(labelled)
                summary.made[-1] += n_windows
                reading.rejections += rejections
        except OSError as error:  # of reading: what goes wrong in writing is a DataError
            reading.fail(source.name, error)
        except MemoryError as error:
            raise DataError(f"{source.name}: not enough memory; use fewer jobs") from error
    maker.flush()
    unread = {str(p) for s in piece.sources if not s.is_dataset for p in s.paths}.difference(map(str, reading.files))
    summary.files = [(path, size, sha, -1 if path in unread else i) for path, size, sha, i in summary.files]
    summary.rows = list(maker.rows.items())
    summary.records = {name: spans_ns.tolist() for name, spans_ns in matcher.records.items()}
    summary.rejected, summary.failed = [*reading.rejections], reading.failed
    return summary


def _labelled(job: PieceJob, source: Source, piece: Piece, reading: Reading) -> Iterator[LabelledRecord]:
    """Records of a source with their labels, at the rate of the config."""
    rate_hz, is_class, response = job.config.sampling_rate_hz, job.config.task == "class", response_of(job.config)
    if not source.is_dataset:
        for record in read_records(
            source, reading, sampling_rate_hz=rate_hz, shortest_s=job.config.window_s, response=response
        ):
            labels = job.matcher.match(record)
            if is_class:
                yield LabelledRecord(record, (), stretches=tuple(labels))
            else:
                yield LabelledRecord(record, tuple(surest(labels, record.trace_id.split(".")[3])[0]))
        return
    first_row = piece.rows[0] if piece.rows else 0
    rows = range(*piece.rows) if piece.rows else None
    for trace in read_traces(source, reading, sampling_rate_hz=rate_hz, response=response, rows=rows):
        record = trace.record
        reading.rejections += trace.rejected
        stretches: tuple[ClassInterval, ...] = ()
        if is_class and trace.category:
            network, station, location, channel = record.trace_id.split(".")
            whole = ClassInterval(network, station, location, channel, trace.category, record.start_ns, record.end_ns)
            stretches = (whole,)
        picks, second = surest(() if is_class else trace.picks)
        reading.rejections += second_picks(second)
        event = trace.event_id or (piece.events[trace.row - first_row] if piece.events else "")
        yield LabelledRecord(record, tuple(picks), event, trace.is_noise, trace.split, stretches)


class _Maker:
    """Makes windows and excerpts of records, counts them, and writes them to the shard when enough have gathered."""

    def __init__(self, job: PieceJob, writer: ShardWriter | None) -> None:
        self.summary = Summary()
        self.rows: Counter[Row] = Counter()
        self._job, self._writer = job, writer
        self._x: list[NDArray[np.float32]] = []
        self._columns: dict[str, list[Any]] = defaultdict(list)

    def add(self, labelled: LabelledRecord) -> tuple[int, list[Rejection]]:
        """Cut the windows of a record; returns how many there are, and why there are not more."""
        job, config = self._job, self._job.config
        windows, rejections = (cut_classes if config.task == "class" else cut)(labelled, config)
        windows, silent = with_signal(labelled.record, windows, config)
        rejections += silent
        station, given = station_of(labelled.record.trace_id), SPLITS.index(labelled.split) + 1 if labelled.split else 0
        if job.miner:
            from seisnet.preprocessing.mining import load_miner, mine  # whose models take long to import

            mined = mine(labelled, load_miner(job.miner, job.miner_sha256, config), config)
            self.summary.mined_rows += [(w.event, station, given) for w in mined]
            windows = [*windows, *mined]
        if windows:
            y = [config.classes.index(w.label) for w in windows]
            self.rows.update((w.event, station, given, k, w.augmented) for w, k in zip(windows, y, strict=True))
            _extend(self.summary.covered, station, covered_ns(labelled.record, windows, config))
            _extend(self.summary.covered, station, added_ns(labelled, windows, config))
            if self._writer is not None:
                self._extract(labelled, windows, y, given)
        if config.excerpts and config.task == "phase":
            for excerpt in excerpts(labelled, windows, config):
                if isinstance(excerpt, Rejection):
                    rejections.append(excerpt)
                    continue
                self.summary.excerpt_samples += excerpt.n_samples
                span_ns = excerpt.start_ns, excerpt.end_ns
                _extend(self.summary.excerpted, station, dict.fromkeys(excerpt.events, span_ns))
                if self._writer is not None:
                    self._writer.append_excerpt(excerpt)
        return len(windows), rejections

    def _extract(self, labelled: LabelledRecord, windows: Sequence[Window], y: list[int], given: int) -> None:
        config, record = self._job.config, labelled.record
        samples, present = augment(labelled, windows, config)
        bandwidth_hz = np.full(len(windows), record.bandwidth_hz)
        self._x.append(extract(self._job.feature, samples, present, bandwidth_hz))
        columns: dict[str, list[Any]] = {
            "y": y,
            "onset_s": [w.onset_s for w in windows],
            "start_ns": [start_ns(record, w) for w in windows],
            "weight": [w.weight for w in windows],
            "augmented": [w.augmented for w in windows],
            "snr_db": [_snr_db(record, w, config) for w in windows],
            "trace": [record.trace_id] * len(windows),
            "event": [w.event for w in windows],
            "given_split": [given] * len(windows),
        }
        for name, values in columns.items():
            self._columns[name] += values
        if sum(x.nbytes for x in self._x) > FEATURE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        if self._writer is not None and self._x:
            self._writer.append(np.concatenate(self._x), self._columns)
            self._x.clear()
            self._columns.clear()


def _extend(places: dict[str, dict[str, list[int]]], station: str, times_ns: Mapping[str, Sequence[int]]) -> None:
    of_station = places.setdefault(station.upper(), {})
    for event, own in times_ns.items():
        of_station.setdefault(event, []).extend(own)


def _snr_db(record: Record, window: Window, config: PreprocessConfig) -> float:
    if window.augmented or np.isnan(window.onset_s):
        return float("nan")
    return snr_db(record, start_ns(record, window) + round((window.onset_s + config.window_s / 2) * NS_PER_S))


def _size_and_sha256(path: Path) -> tuple[int, str]:
    """Of a file; of a data set's folder the total size of its files, and the SHA-256 of their names and sizes."""
    if not path.is_dir():
        return path.stat().st_size, sha256_of(path)
    sizes = {file.name: file.stat().st_size for file in files_of(path)}
    listing = "".join(f"{name} {size}\n" for name, size in sizes.items())
    return sum(sizes.values()), hashlib.sha256(listing.encode()).hexdigest()
