"""What there is to do: labels read and grouped by event, sources divided into pieces of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError, NothingUsableError
from seisnet.labels import LabelMatcher, read_classes, read_labels
from seisnet.picks import ClassInterval, Pick, iso_time
from seisnet.preprocessing.one_piece import Piece, PieceJob
from seisnet.store.hdf5 import sha256_of
from seisnet.waveforms.datasets import read_categories
from seisnet.waveforms.records import Rejection
from seisnet.waveforms.sources import Source

PIECE_BYTES = 1 << 22
PIECE_SOURCES = 64
"""Small files share a shard, up to so many bytes or sources."""

PIECE_ROWS = 2000
"""A data set is divided into shards of so many traces."""

L = TypeVar("L", Pick, ClassInterval)


def make_job(
    found: Sequence[Source],
    labels: Sequence[str],
    config: PreprocessConfig,
    rejections: list[Rejection],
    *,
    miner: str = "",
    folder: Path | None,
) -> PieceJob:
    """Read the labels, and fill in what the config leaves to them; labels that don't count become rejections.

    Raises
    ------
    DataError
        If a label file can't be read, or there are fewer than two classes.
    NothingUsableError
        If there are waveform files but no labels.
    ConfigError
        If the model that mines does not fit.
    """
    if not labels and found and not any(source.is_dataset for source in found):
        raise NothingUsableError("waveform files carry no labels; name a catalogue or a CSV with --labels")
    digest = " ".join(sha256_of(Path(path)) for path in labels if Path(path).is_file())
    picks: tuple[Pick, ...] = ()
    intervals: tuple[ClassInterval, ...] = ()
    if config.task == "class":
        intervals = tuple(linked(read_classes(labels, rejections), config.link_s))
        config = replace(config, class_names=config.class_names or _class_names(found, intervals))
        if len(config.class_names) < 2:
            named = ", ".join(config.class_names) or "none"
            raise DataError(f"the labels name {named}; a classifier needs at least two classes")
    else:
        picks = tuple(linked(read_labels(labels, rejections), config.link_s))
    if miner:
        from seisnet.preprocessing.mining import load_miner  # whose models take long to import

        load_miner(miner, config)
    miner_sha256 = sha256_of(Path(miner)) if miner and Path(miner).is_file() else miner
    return PieceJob(config, picks, intervals, digest, miner, miner_sha256, folder)


def linked(labels: Sequence[L], link_s: float) -> list[L]:
    """Name an event for labels that have none: those of any station that follow each other within `link_s` are one.

    Without it one earthquake, recorded at two stations, might lie in two splits. Where events overlap in time they
    become one, which costs nothing but the freedom to part them.
    """
    loose = [i for i, label in enumerate(labels) if not label.event_id]
    named = list(labels)
    if link_s and loose:
        times_ns = [_start_ns(labels[i]) for i in loose]
        groups = join_times(times_ns, link_s)
        starts: dict[int, int] = {}
        for time_ns, group in zip(times_ns, groups, strict=True):
            starts[group] = min(time_ns, starts.get(group, time_ns))
        what = "picks" if isinstance(labels[0], Pick) else "signals"
        for i, group in zip(loose, groups, strict=True):
            named[i] = replace(labels[i], event_id=f"{what} from {iso_time(starts[group])}")
    return named


def join_times(times_ns: Sequence[int], within_s: float) -> list[int]:
    """Number the groups of times that follow each other within some time, in order of time (single linkage).

    Examples
    --------
    >>> join_times([0, 50 * 10**9, 10 * 10**9], within_s=30)
    [0, 1, 0]
    """
    order = sorted(range(len(times_ns)), key=times_ns.__getitem__)
    groups, group, last = [0] * len(order), -1, 0
    for i in order:
        if group < 0 or times_ns[i] - last > within_s * 1e9:
            group += 1
        groups[i], last = group, times_ns[i]
    return groups


def _start_ns(label: Pick | ClassInterval) -> int:
    return label.time_ns if isinstance(label, Pick) else label.start_ns


def make_pieces(found: Sequence[Source]) -> Iterator[Piece]:
    """Divide sources into pieces, whatever the number of processes."""
    small: list[Source] = []
    size = 0
    for source in found:
        if source.is_dataset:
            yield from _flushed(small)
            size = 0
            yield from _parts(source)
            continue
        small.append(source)
        # What a web service sends is worth keeping at once.
        size += sum(path.stat().st_size for path in source.files if path.exists()) if source.paths else PIECE_BYTES
        if size >= PIECE_BYTES or len(small) == PIECE_SOURCES:
            yield from _flushed(small)
            size = 0
    yield from _flushed(small)


def unmatched_lines(job: PieceJob, matched: set[int], nearest_ns: dict[int, int], records: Counter[str]) -> list[str]:
    """Say of every label that lies in no record how far it is from one; see `seisnet.labels.LabelMatcher`."""
    if job.config.task == "class":
        return LabelMatcher(job.intervals, matched, nearest_ns, records).unmatched()
    return LabelMatcher(job.picks, matched, nearest_ns, records).unmatched()


def _flushed(small: list[Source]) -> Iterator[Piece]:
    if small:
        yield Piece(tuple(small))
        small.clear()


def _parts(source: Source) -> Iterator[Piece]:
    try:
        n = len(read_categories(source.paths[0]))
    except DataError:  # told when it is read
        n = 0
    if n <= PIECE_ROWS:
        yield Piece((source,))
        return
    for first in range(0, n, PIECE_ROWS):
        yield Piece((source,), (first, min(first + PIECE_ROWS, n)), hashes=first == 0)


def _class_names(found: Sequence[Source], intervals: Sequence[ClassInterval]) -> tuple[str, ...]:
    names = {interval.label for interval in intervals}
    for source in found:
        if source.is_dataset:
            try:
                names |= set(read_categories(source.paths[0]))
            except DataError:  # told when it is read
                continue
    return tuple(sorted(names - {""}))
