"""What there is to do: labels read and grouped by event, sources divided into pieces of work."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError, NothingUsableError
from seisnet.extraction import Job, Piece, files_of
from seisnet.formats import iso_time
from seisnet.labels import ClassInterval, duration, read_class_intervals, read_labels
from seisnet.mining import load_miner
from seisnet.picks import Pick
from seisnet.splits import join_times
from seisnet.store.hdf5 import sha256_of
from seisnet.waveforms.datasets import read_categories
from seisnet.waveforms.sources import Source

PIECE_BYTES = 1 << 22
PIECE_SOURCES = 64
"""Small files share a shard, up to so many bytes or sources."""

PIECE_ROWS = 2000
"""A data set is divided into shards of so many traces."""


def make_job(
    found: Sequence[Source], labels: Sequence[str], config: PreprocessConfig, *, miner: str = "", folder: Path | None
) -> Job:
    """Read the labels, and fill in what the config leaves to them.

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
        raise NothingUsableError("waveform files carry no labels; name a catalogue or a CSV of picks with --labels")
    digest = " ".join(sha256_of(Path(path)) for path in labels if Path(path).is_file())
    mined = {"miner": miner, "miner_sha256": sha256_of(Path(miner)) if miner and Path(miner).is_file() else miner}
    if config.task == "class":
        intervals = read_class_intervals(labels)
        config = replace(config, class_names=config.class_names or _class_names(found, intervals))
        if len(config.class_names) < 2:
            named = ", ".join(config.class_names) or "none"
            raise DataError(f"the labels name {named}; a classifier needs at least two classes")
        job = Job(config, (), _with_events(intervals, config), digest, **mined, folder=folder)
    else:
        picks = linked(read_labels(labels), config.link_s)
        job = Job(config, tuple(picks), (), digest, **mined, folder=folder)
    if miner:
        load_miner(miner, config)
    return job


def linked(picks: Sequence[Pick], link_s: float) -> list[Pick]:
    """Name an event for picks that have none: those of any station that follow each other within `link_s` are one.

    Without it one earthquake, recorded at two stations, might lie in two splits. Where events overlap in time they
    become one, which costs nothing but the freedom to part them.
    """
    loose = [i for i, pick in enumerate(picks) if not pick.event_id]
    named = list(picks)
    if link_s and loose:
        groups = join_times([picks[i].time_ns for i in loose], link_s)
        starts: dict[int, int] = {}
        for i, group in zip(loose, groups, strict=True):
            starts[group] = min(picks[i].time_ns, starts.get(group, picks[i].time_ns))
        for i, group in zip(loose, groups, strict=True):
            named[i] = replace(picks[i], event_id=f"picks from {iso_time(starts[group])}")
    return named


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
        size += sum(path.stat().st_size for path in files_of(source) if path.exists())
        if size >= PIECE_BYTES or len(small) == PIECE_SOURCES:
            yield from _flushed(small)
            size = 0
    yield from _flushed(small)


def unmatched_lines(job: Job, matched: set[int], nearest_ns: dict[int, int], records: Sequence[str]) -> Iterator[str]:
    """Say of every label that lies in no record how far it is from one, in time or in codes."""
    named: list[tuple[str, str, int]] = [
        (p.phase, f"{p.network}.{p.station}.{p.location}", p.time_ns) for p in job.picks
    ] or [(i.class_name, f"{i.network}.{i.station}.{i.location}", i.start_ns) for i, _ in job.intervals]
    known = sorted(records)
    for i, (what, codes, time_ns) in enumerate(named):
        if i in matched:
            continue
        name = f"{what} on {codes} at {iso_time(time_ns)}"
        if i in nearest_ns:
            yield f"{name}: {duration(nearest_ns[i])} from the nearest waveform of that station"
        else:
            nearest = difflib.get_close_matches(codes, known, n=3, cutoff=0)
            yield f"{name}: no waveform of that station; the nearest are of {', '.join(nearest) or 'none'}"


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
    names = {interval.class_name for interval in intervals}
    for source in found:
        if source.is_dataset:
            try:
                names |= set(read_categories(source.paths[0]))
            except DataError:  # told when it is read
                continue
    return tuple(sorted(names - {""}))


def _with_events(intervals: Sequence[ClassInterval], config: PreprocessConfig) -> tuple[tuple[ClassInterval, str], ...]:
    """Name the event of every interval: the same for stations that see one within `config.link_s`."""
    if not config.link_s:
        return tuple((interval, "") for interval in intervals)
    groups = join_times([interval.start_ns for interval in intervals], config.link_s)
    starts: dict[int, int] = {}
    for interval, group in zip(intervals, groups, strict=True):
        starts.setdefault(group, interval.start_ns)
    return tuple((i, f"signals from {iso_time(starts[g])}") for i, g in zip(intervals, groups, strict=True))
