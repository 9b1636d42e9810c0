"""The work on one piece of the sources: read, condition, label, cut, augment, compute features, write a shard."""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__
from seisnet.config import PreprocessConfig, to_json
from seisnet.errors import DataError
from seisnet.features import Feature, extract, make_feature
from seisnet.labels.joining import second_picks, surest
from seisnet.labels.matching import LabelMatcher
from seisnet.picking.picker import snr_db
from seisnet.picks import ClassInterval, Pick, station_of
from seisnet.preprocessing.splits import Row
from seisnet.store.files import sha256_of
from seisnet.store.seisbench_file import files_of
from seisnet.store.shards import ShardWriter, new_shard, undamaged_summary
from seisnet.store.windows_file import SPLITS, Rejected
from seisnet.waveforms.files import Reading
from seisnet.waveforms.inventory import response_of
from seisnet.waveforms.reading import read_records, read_traces
from seisnet.waveforms.records import NS_PER_S, Record, Rejection
from seisnet.waveforms.sources import Source
from seisnet.windows.augment import augment
from seisnet.windows.class_cutting import cut_classes
from seisnet.windows.cutting import cut
from seisnet.windows.excerpting import excerpts
from seisnet.windows.labelled import LabelledRecord, Window, covered_ns, start_ns, take

FEATURE_BYTES = 1 << 24
"""Features are written when this many have gathered: memory does not grow with the windows of a piece."""


@dataclass(frozen=True)
class Piece:
    """Sources, or some rows of a data set, that become one shard.

    `hashes` says whether the shard notes the SHA-256 of their files; of the shards of a data set only the first does.
    Where rows of the data set name no event, `events` holds one for each row, empty for those that do.
    """

    sources: tuple[Source, ...]
    rows: tuple[int, int] | None = None
    hashes: bool = True
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class PieceJob:
    """What the work on every piece needs to know.

    Attributes
    ----------
    config : PreprocessConfig
    labels : tuple of Pick, or of ClassInterval where that is the task
        For sources that are not data sets.
    loose : tuple of int
        Which of the labels name no event themselves.
    labels_sha256 : str
        Of their files.
    miner, miner_sha256 : str
        Model file that finds hard negatives, if any.
    folder : Path or None
        Where shards are written; without a folder no features are computed and nothing is written.
    """

    config: PreprocessConfig
    labels: tuple[Pick, ...] | tuple[ClassInterval, ...] = ()
    loose: tuple[int, ...] = ()
    labels_sha256: str = ""
    miner: str = ""
    miner_sha256: str = ""
    folder: Path | None = None

    @functools.cached_property
    def matcher(self) -> LabelMatcher[Any]:
        """The labels by station; built once a process."""
        return LabelMatcher[Any](self.labels)

    @functools.cached_property
    def feature(self) -> Feature:
        """The feature of the config; built once a process."""
        return make_feature(self.config)

    def identity(self, piece: Piece) -> str:
        """SHA-256 of all that a shard is made from; files count by name, size and age, web services by the request."""
        # Splits are assigned afterwards.
        config = replace(self.config, split=PreprocessConfig.split, split_by=PreprocessConfig.split_by)
        files = [source.stamps for source in piece.sources]
        made_from = [__version__, to_json(config), repr(piece), files, self.labels_sha256, self.miner_sha256]
        return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


@dataclass
class Summary:
    """What remains of a piece once its shard is made; plain values, so that the shard can hold it too.

    Attributes
    ----------
    rows : dict
        Windows by event, station, split of the data set, class, and whether they are augmented.
    made : list of int
        Windows of each source of the piece.
    mined_rows : list of (event, station, split of the data set)
        Of each hard negative among them.
    excerpt_samples : int
        Samples per component of all excerpts.
    files : list of (path, size, sha256, index of the source, -1 where the file could not be read)
    records : dict of str to list of int
        See `seisnet.labels.matching.no_records`.
    covered, excerpted : dict
        Where its windows, and its excerpts, lie, see `seisnet.preprocessing.splits.Covered`.
    failed : list of str
        What went wrong with requests to web services, see `seisnet.waveforms.files.Reading`.
    rejected : list
        Filled only where no shard is written: a shard holds its own.
    shard : Path or None
        Its file, if one is written.
    """

    rows: list[tuple[Row, int]] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    mined_rows: list[tuple[str, str, int]] = field(default_factory=list)
    excerpt_samples: int = 0
    files: list[tuple[str, int, str, int]] = field(default_factory=list)
    records: dict[str, list[int]] = field(default_factory=dict)
    covered: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    excerpted: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    shard: Path | None = None


CARRIED = {one.name for one in fields(Summary)} - {"rejected", "shard"}
"""Fields of its summary that a shard holds."""


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
            reading.rejections.append(Rejection("", 0, 0, f"{source.name}: can't be read: {error.strerror or error}"))
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
        is_noise = trace.complete and not trace.picks
        picks, second = surest(() if is_class else trace.picks)
        reading.rejections += second_picks(second)
        event = trace.event_id or (piece.events[trace.row - first_row] if piece.events else "")
        yield LabelledRecord(record, tuple(picks), event, is_noise, trace.split, stretches)


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
            if self._writer is not None:
                self._extract(labelled, windows, y, given)
        if config.excerpts and config.task == "phase":
            for excerpt in excerpts(labelled, windows, config):
                self.summary.excerpt_samples += excerpt.n_samples
                span_ns = excerpt.start_ns, excerpt.end_ns
                _extend(self.summary.excerpted, station, dict.fromkeys(excerpt.events, span_ns))
                if self._writer is not None:
                    self._writer.append_excerpt(excerpt)
        return len(windows), rejections

    def _extract(self, labelled: LabelledRecord, windows: Sequence[Window], y: list[int], given: int) -> None:
        config, record = self._job.config, labelled.record
        samples, present = augment(labelled, windows, take(record, windows, config), config)
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
