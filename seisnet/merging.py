"""From shards to one windows file: splits are assigned, and augmented windows of dev and test left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__
from seisnet.config import to_json
from seisnet.division import Division, Row, placed
from seisnet.errors import FormatError
from seisnet.extraction import Job, Piece, Summary
from seisnet.picks import station_of
from seisnet.store.excerpts import N_COMPONENTS, SAMPLES, Excerpt
from seisnet.store.excerpts_writer import ExcerptsWriter
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


def merge(
    shards: Sequence[Path],
    output: Path,
    division: Division,
    info: WindowsInfo,
    rejected: tuple[Sequence[Rejected], Sequence[Rejected]] = ((), ()),
    *,
    virtual: bool = False,
) -> None:
    """Write a windows file.

    Parameters
    ----------
    shards : sequence of Path
        In the order of the sources.
    division : Division
        Of all windows.
    info : WindowsInfo
        What describes the file; `group_names` are sorted.
    rejected : (sequence, sequence)
        What was rejected before and after the shards were made, beside what they tell themselves.
    virtual : bool
        Whether the features stay in the shards, which must then be kept beside the output.

    Raises
    ------
    FormatError
        If a shard is damaged; it is removed, so that the next run makes it anew.
    """
    groups = {name: i for i, name in enumerate(info.group_names)}
    with writing(output) as writer:
        writer.begin(info, int(division.counts.sum()), virtual=virtual)
        writer.reject(rejected[0])
        excerpts, n_samples = ExcerptsWriter(writer, groups), 0
        kept: list[tuple[list[bool], list[int]]] = []  # of each shard which excerpts are kept, and the lengths of all
        for path in shards:
            with _believed(path) as shard:
                writer.reject(shard.rejected)
                keep, rows = _rows(shard, division, groups)
                at = writer.append_columns(rows.take(keep))
                if virtual:
                    writer.link(path, np.flatnonzero(keep), len(shard), shard.sha256)
                chosen, lengths = [], []
                for excerpt in shard.excerpts():
                    found = placed(excerpt, division)
                    chosen.append(isinstance(found, Excerpt))
                    lengths.append(excerpt.n_samples)
                    if isinstance(found, Excerpt):
                        excerpts.append(found)
                        n_samples += excerpt.n_samples
                    else:
                        writer.reject([found])
                kept.append((chosen, lengths))
                _copy(shard.blocks(), keep, None if virtual else writer, writer.place_of_features(at))
        excerpts.flush()
        place = writer.place(SAMPLES, (n_samples, N_COMPONENTS)) if n_samples else 0
        for path, (chosen, lengths) in zip(shards, kept, strict=True):
            if lengths:
                with _believed(path) as shard:
                    place = _copy(shard.samples(), np.repeat(chosen, lengths), writer, place)
        writer.reject(rejected[1])


def _copy(blocks: Iterator[NDArray[np.float32]], keep: NDArray[np.bool_], writer: WindowsWriter | None, at: int) -> int:
    """Write the rows of blocks that are kept from byte `at` on, up to which is returned; or only read them."""
    row = 0
    for block in blocks:
        here = keep[row : row + len(block)]
        row += len(block)
        if writer:
            rows = block if here.all() else block[here]
            writer.fill(at, rows)
            at += rows.nbytes
    return at


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
