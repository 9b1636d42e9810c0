"""From shards to one windows file: splits are assigned, and augmented windows of dev and test left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__
from seisnet.config import to_json
from seisnet.division import Division, Row, placed
from seisnet.engine import beside
from seisnet.errors import FormatError
from seisnet.extraction import Job, Piece, Summary
from seisnet.picks import station_of
from seisnet.store.excerpts import SAMPLES, Excerpt
from seisnet.store.excerpts_writer import ExcerptsWriter, SamplesWriter, drop_samples
from seisnet.store.shards import Rejected, ShardReader
from seisnet.store.windows_file import SPLITS, WindowRows, WindowsInfo
from seisnet.store.windows_writer import WindowsWriter, writing
from seisnet.waveforms.records import COMPONENTS


@dataclass
class Totals:
    """Summaries of all pieces, added up; windows count by the name of the source, which its days share."""

    rows: Counter[Row] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)
    mined: int = 0
    excerpt_samples: int = 0
    files: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    records: Counter[str] = field(default_factory=Counter)
    matched: set[int] = field(default_factory=set)
    nearest_ns: dict[int, int] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)

    def add(self, piece: Piece, summary: Summary) -> None:
        """Add the summary of a piece."""
        for (event, station, given, y, augmented), n in summary.rows:
            self.rows[event, station, given, y, augmented] += n
        for source, made in zip(piece.sources, summary.made, strict=True):
            self.made[source.name] += made
        self.mined += summary.mined
        self.excerpt_samples += summary.excerpt_samples
        for path, size, sha256, index in summary.files:
            self.files[path] = (size, sha256, piece.sources[index].name)
        self.records.update(summary.records)
        self.matched.update(summary.matched)
        for i, ns in summary.nearest_ns:
            self.nearest_ns[i] = min(ns, self.nearest_ns.get(i, ns))
        self.rejected += summary.rejected
        if summary.shard:
            self.shards.append(summary.shard)


def describe(job: Job, totals: Totals, division: Division, labels: Sequence[Path], inputs: str) -> WindowsInfo:
    """Everything in the windows file but its rows and rejections; `inputs` is the SHA-256 of all it is made from."""
    config = job.config
    paths = [path for path in [*map(Path, totals.files), *labels] if path.exists()]
    attributes = {
        "component_order": COMPONENTS,
        "config": to_json(config),
        # The age of the newest input, not of the clock: the same inputs give the same bytes.
        "created": datetime.fromtimestamp(max((p.stat().st_mtime for p in paths), default=0), UTC).isoformat(
            timespec="seconds"
        ),
        "feature": config.features,
        "inputs_sha256": inputs,
        "labels_sha256": job.labels_sha256,
        "sampling_rate_hz": config.sampling_rate_hz,
        "seisnet_version": __version__,
        "split_by": division.how,
        "window_s": config.window_s,
    }
    if job.miner:
        attributes |= {"mined_windows": totals.mined, "miner_sha256": job.miner_sha256}
    return WindowsInfo(
        classes=config.classes,
        feature_shape=job.feature.shape,
        group_names=tuple(sorted({event for event, *_ in totals.rows})),
        sources=tuple((path, size, sha256, totals.made[name]) for path, (size, sha256, name) in totals.files.items()),
        rejected=(),
        attributes=attributes,
    )


@contextmanager
def merging(output: Path) -> Iterator[Merger]:
    """Write a windows file, which appears when the block ends well."""
    with writing(output) as writer:
        yield Merger(writer)


class Merger:
    """Puts shards together: samples of excerpts while later shards are still being made, the rest after the last one.

    What windows there are in the end, and so where each belongs, is not known before the splits are assigned.
    """

    def __init__(self, writer: WindowsWriter) -> None:
        self._writer = writer
        self._shards: list[Path] = []
        self._samples: SamplesWriter | None = None

    def add(self, path: Path) -> None:
        """Take the next shard, in the order of the sources.

        Raises
        ------
        FormatError
            If it is damaged; it is removed, so that the next run makes it anew.
        """
        self._shards.append(path)
        with _believed(path) as shard:
            for samples in shard.samples():
                if self._samples is None:
                    self._samples = SamplesWriter(self._writer.file, SAMPLES)
                self._samples.write(samples)

    def finish(
        self,
        division: Division,
        info: WindowsInfo,
        rejected: tuple[Sequence[Rejected], Sequence[Rejected]],
        *,
        virtual: bool = False,
        threads: int = 1,
    ) -> None:
        """Write all but the samples.

        Parameters
        ----------
        division : Division
            Of all windows.
        info : WindowsInfo
            What describes the file; `group_names` are sorted.
        rejected : (sequence, sequence)
            What was rejected before and after the shards were made, beside what they tell themselves.
        virtual : bool
            Whether the features stay in the shards, which must then be kept beside the output.
        threads : int
            How many copy features.

        Raises
        ------
        FormatError
            As `add` does.
        """
        groups = {name: i for i, name in enumerate(info.group_names)}
        writer = self._writer
        writer.begin(info, int(division.counts.sum()), virtual=virtual)
        writer.reject(rejected[0])
        excerpts = ExcerptsWriter(writer, groups)
        n_samples, dropped = 0, []
        with beside(threads) as call:
            for path in self._shards:
                with ExitStack() as files:
                    shard = files.enter_context(_believed(path))
                    writer.reject(shard.rejected)
                    keep, rows = _rows(shard, division, groups)
                    at = writer.append_columns(rows.take(keep))
                    if virtual:
                        writer.link(path, np.flatnonzero(keep), len(shard), shard.sha256)
                    for excerpt in shard.excerpts():
                        found = placed(excerpt, division)
                        if isinstance(found, Excerpt):
                            excerpts.append(found)
                        else:
                            writer.reject([found])
                            dropped.append((n_samples, n_samples + excerpt.n_samples))
                        n_samples += excerpt.n_samples
                    call(_copy_features, files.pop_all(), shard, keep, at, writer)
        excerpts.flush()
        if dropped:
            drop_samples(writer.file, dropped)
        writer.reject(rejected[1])


def _copy_features(
    files: ExitStack, shard: ShardReader, keep: NDArray[np.bool_], at: int, writer: WindowsWriter
) -> None:
    """Write the features that are kept of a shard; then the shard is closed."""
    with files:
        for here, x in shard.blocks():
            kept = keep[here]
            writer.write_features(at, x if kept.all() else x[kept])
            at += int(kept.sum())


@contextmanager
def _believed(path: Path) -> Iterator[ShardReader]:
    """A shard that is removed if it turns out to be damaged."""
    try:
        with ShardReader(path) as shard:
            yield shard
    except FormatError as error:
        path.unlink(missing_ok=True)
        raise FormatError(f"{error}; say --resume to make it again") from error


def _rows(shard: ShardReader, division: Division, groups: Mapping[str, int]) -> tuple[NDArray[np.bool_], WindowRows]:
    """Which windows of a shard are kept, and the columns of all but their features."""
    columns = shard.columns
    events, stations = shard.names["event"], [station_of(t) for t in shard.names["trace"]]
    given = columns["given_split"].astype(np.int64)
    combined = (columns["event"].astype(np.int64) * len(stations) + columns["trace"]) * (len(SPLITS) + 1) + given
    _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
    split_of = [
        division.split_of[events[e], stations[t], g]
        for e, t, g in zip(*(columns[name][first].tolist() for name in ("event", "trace", "given_split")), strict=True)
    ]
    split = np.array(split_of, dtype=np.uint8)[inverse]
    group = np.array([groups[name] for name in events], dtype=np.uint32)
    rows = WindowRows(
        x=np.zeros((len(shard), 0), dtype=np.float32),
        trace_id=np.array(shard.names["trace"], dtype=object)[columns["trace"]],
        group=group[columns["event"]],
        split=split,
        **{name: columns[name] for name in ("y", "onset_s", "start_ns", "weight", "augmented", "snr_db")},
    )
    return ~(columns["augmented"] & (split > 0)), rows
