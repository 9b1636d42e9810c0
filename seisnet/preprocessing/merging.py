"""From shards to one windows file: splits are assigned, and augmented windows of dev and test left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__
from seisnet.config import to_json
from seisnet.engine import Over
from seisnet.errors import FormatError, UnfinishedError
from seisnet.picks import station_of
from seisnet.preprocessing.all_pieces import Totals, inputs_sha256
from seisnet.preprocessing.one_piece import work
from seisnet.preprocessing.pieces import Piece, PieceJob
from seisnet.preprocessing.splits import Division, with_split
from seisnet.store.excerpts import N_COMPONENTS, SAMPLES, Excerpt, ExcerptsWriter
from seisnet.store.seisbench_file import files_of
from seisnet.store.shards import SHARED, ShardReader, read_shard
from seisnet.store.windows_file import SPLITS, Rejected, WindowRows, WindowsInfo
from seisnet.store.windows_writer import FilePlace, WindowsWriter, writing
from seisnet.waveforms.records import COMPONENTS
from seisnet.waveforms.sources import Source


def describe(job: PieceJob, totals: Totals, division: Division, labels: Sequence[Path], source: Source) -> WindowsInfo:
    """Everything in the windows file but its rows and rejections.

    `labels` are the files of the labels; `source` is any of the sources, all of which share selection and inventory.
    """
    config = job.config
    files = [file for path in [*map(Path, totals.files), *labels] for file in files_of(path) if file.exists()]
    newest = max((file.stat().st_mtime for file in files), default=0)
    attributes: dict[str, Any] = {
        "component_order": COMPONENTS,
        "config": to_json(config),
        # The time of the newest input, not of the clock: the same inputs give the same bytes.
        "created": datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds"),
        "feature": config.features,
        "inputs_sha256": inputs_sha256(job, [shard.stem for shard in totals.shards]),
        "labels_sha256": job.labels_sha256,
        "sampling_rate_hz": config.sampling_rate_hz,
        "seisnet_version": __version__,
        "split_by": division.how,
        "window_s": config.window_s,
    }
    if source.inventory:
        attributes["inventory"] = [str(path) for path in source.inventory]
    if source.selection.patterns:
        attributes["select"] = list(source.selection.patterns)
    if job.miner:
        mined = sum(n for key, n in totals.mined.items() if not division.split_of[key])  # those of dev and test go
        attributes |= {"mined_windows": mined, "miner_sha256": job.miner_sha256}
    return WindowsInfo(
        classes=config.classes,
        feature_shape=job.feature.shape,
        group_names=tuple(sorted({event for event, *_ in totals.rows})),
        sources=tuple((path, size, sha, totals.n_windows[name]) for path, (size, sha, name) in totals.files.items()),
        rejected=(),
        attributes=attributes,
    )


@dataclass(frozen=True)
class Copy:
    """What is to be copied from a shard to a windows file, by whichever process.

    Attributes
    ----------
    shard : Path
    windows : bool (N,)
        Which windows are kept.
    x : FilePlace or None
        Where their features belong; None if these stay in the shard.
    excerpts : bool (M,)
        Which excerpts are kept.
    lengths : int64 (M,)
        Of all excerpts.
    samples : FilePlace or None
        Where the samples of those that are kept belong, if there are any.
    """

    shard: Path
    windows: NDArray[np.bool_]
    x: FilePlace | None
    excerpts: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    samples: FilePlace | None = None

    @property
    def n_samples(self) -> int:
        """Samples of the excerpts that are kept."""
        return int(self.lengths[self.excerpts].sum())

    def make(self) -> None:
        """Copy what is kept, and read the rest as well, so that it is certain that the shard is not damaged.

        Raises
        ------
        UnfinishedError
            If it is; it is removed, so that the next run makes it anew.
        DataError
            If the windows file can't be written.
        """
        with _removed_if_damaged(self.shard) as shard:
            _copy(shard.blocks(), self.windows, self.x)
            _copy(shard.samples(), np.repeat(self.excerpts, self.lengths), self.samples)


def step(job: PieceJob, todo: Piece | Copy) -> Any:
    """What a process does: make a shard, and later copy what is in it."""
    return work(job, todo) if isinstance(todo, Piece) else todo.make()


def _copy(blocks: Iterator[NDArray[np.float32]], keep: NDArray[np.bool_], place: FilePlace | None) -> None:
    for rows in blocks:
        here, keep = keep[: len(rows)], keep[len(rows) :]
        if place:
            place = place.fill(rows if here.all() else rows[here])


def merge(
    shards: Sequence[Path],
    output: Path,
    division: Division,
    info: WindowsInfo,
    rejected: tuple[Sequence[Rejected], Sequence[Rejected]] = ((), ()),
    *,
    virtual: bool = False,
    over: Over[Copy, Any] | None = None,
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
        What was rejected before and after the shards were made; shards hold their own rejections.
    virtual : bool
        Whether the features stay in the shards, which must then be kept beside the output.
    over : callable, optional
        Makes copies, see `seisnet.engine.Over`; without it this process does.

    Raises
    ------
    UnfinishedError
        If a shard is damaged; it is removed, so that the next run makes it anew.
    """
    with writing(output, info, int(division.counts.sum()), virtual=virtual) as writer:
        writer.reject(rejected[0])
        copies = _copies(shards, writer, division, info, virtual=virtual)
        for _ in over(copies) if over else map(Copy.make, copies):
            pass
        writer.reject(rejected[1])


def _copies(
    shards: Sequence[Path], writer: WindowsWriter, division: Division, info: WindowsInfo, *, virtual: bool
) -> list[Copy]:
    """Write everything but features and samples; returns what is to be copied of these."""
    groups = {name: i for i, name in enumerate(info.group_names)}
    excerpts = ExcerptsWriter(writer.file, groups)
    copies: list[Copy] = []
    for path in shards:
        with _removed_if_damaged(path) as shard:
            writer.reject(shard.rejected)
            keep, rows = _rows(shard, division, groups)
            x = writer.append(rows.take(keep))
            if virtual:
                writer.link(path, np.flatnonzero(keep), len(shard), shard.sha256)
            chosen: list[bool] = []
            lengths: list[int] = []
            for excerpt in shard.excerpts():
                outcome = with_split(excerpt, division)
                chosen.append(isinstance(outcome, Excerpt))
                lengths.append(excerpt.n_samples)
                if isinstance(outcome, Excerpt):
                    excerpts.append(outcome)
                else:
                    writer.reject([outcome])
        copies.append(Copy(path, keep, x, np.array(chosen, dtype=np.bool_), np.array(lengths, dtype=np.int64)))
    excerpts.flush()
    n_samples = sum(copy.n_samples for copy in copies)
    place = writer.place(SAMPLES, (n_samples, N_COMPONENTS)) if n_samples else None
    for i, copy in enumerate(copies):
        copies[i] = replace(copy, samples=place)
        place = place and place.after(4 * N_COMPONENTS * copy.n_samples)
    return copies


@contextmanager
def _removed_if_damaged(path: Path) -> Iterator[ShardReader]:
    """A shard that is removed if it turns out to be damaged."""
    try:
        with read_shard(path) as shard:
            yield shard
    except FormatError as error:
        path.unlink(missing_ok=True)
        raise UnfinishedError(error, "use resume=True to remake it") from error


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
        **{name: columns[name] for name in SHARED},
    )
    return ~(columns["augmented"] & (split > 0)), rows
