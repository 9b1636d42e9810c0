"""From shards to one windows file: splits are assigned, and augmented windows of dev and test left out."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.errors import FormatError
from seisnet.picks import station_of
from seisnet.splits import assign_splits
from seisnet.store.excerpts import Excerpt, ExcerptsWriter
from seisnet.store.shards import Rejected, ShardReader
from seisnet.store.windows_file import SPLITS, WindowRows, WindowsInfo, writing

Row = tuple[str, str, int, int, bool]
"""Event, station, split of the data set (0: none), class, augmented."""


@dataclass(frozen=True)
class Division:
    """Who goes where.

    Attributes
    ----------
    split_of : dict
        From event, station and the data set's split (0: none) to 0 train, 1 dev, 2 test.
    how : str
        ``event``, ``both`` or ``given``.
    counts : int64 (3, K, 2)
        Windows that are kept, by split, class and whether they are augmented.
    """

    split_of: Mapping[tuple[str, str, int], int]
    how: str
    counts: NDArray[np.int64]

    @functools.cached_property
    def split_of_event(self) -> dict[str, int]:
        """Split of an event, which is never divided."""
        return {event: split for (event, _, _), split in self.split_of.items()}

    @functools.cached_property
    def split_of_station(self) -> dict[str, int]:
        """Split of a station, where stations are not divided either."""
        return {station: split for (_, station, _), split in self.split_of.items()}


def divide(rows: Counter[Row], config: PreprocessConfig) -> Division:
    """Assign windows, counted by what they have in common, to splits.

    Raises
    ------
    DataError
        See `seisnet.splits.assign_splits`.
    """
    # Augmented windows count for nothing, so that other shifts, or hard negatives, move no event to another split.
    windows: Counter[tuple[str, str, int]] = Counter()
    for (event, station, given, _, augmented), n in rows.items():
        windows[event, station, given] += 0 if augmented else n
    keys = sorted(windows)
    events, stations, numbers = zip(*keys, strict=True)
    names = ["" if number == 0 else SPLITS[number - 1] for number in numbers]
    split, how = assign_splits(events, stations, names, config, windows=[windows[key] for key in keys])
    split_of = dict(zip(keys, split.tolist(), strict=True))
    counts = np.zeros((len(SPLITS), len(config.classes), 2), dtype=np.int64)
    for (event, station, number, y, augmented), n in rows.items():
        side = split_of[event, station, number]
        if not (augmented and side):
            counts[side, y, int(augmented)] += n
    return Division(split_of, how, counts)


def merge(
    shards: Sequence[Path],
    division: Division,
    info: WindowsInfo,
    rejected: tuple[Sequence[Rejected], Sequence[Rejected]],
    output: Path,
    *,
    virtual: bool = False,
) -> None:
    """Write the windows file.

    Parameters
    ----------
    shards : sequence of Path
        In the order of the sources.
    division : Division
        Of all their windows.
    info : WindowsInfo
        What describes the file; `group_names` are sorted.
    rejected : (sequence, sequence)
        What was rejected before and after the shards were made, beside what they tell themselves.
    output : Path
        Appears whole or not at all.
    virtual : bool
        Whether the features stay in the shards, which must then be kept beside the output.

    Raises
    ------
    FormatError
        If a shard is damaged; it is removed, so that the next run makes it anew.
    """
    groups = {name: i for i, name in enumerate(info.group_names)}
    with writing(output, info, int(division.counts.sum()), virtual=virtual) as writer:
        writer.reject(rejected[0])
        excerpts = ExcerptsWriter(writer, groups)
        for path in shards:
            try:
                with ShardReader(path) as shard:
                    writer.reject(shard.rejected)
                    keep, rows = _rows(shard, division, groups)
                    for here, x in shard.blocks():
                        kept = keep[here]
                        part = rows.take(here).take(kept)
                        writer.append(WindowRows(**{**vars(part), "x": x[kept]}))
                    if virtual:
                        writer.link(path, np.flatnonzero(keep), len(shard), shard.sha256)
                    writer.reject(list(_write_excerpts(shard, division, excerpts)))
            except FormatError as error:
                path.unlink(missing_ok=True)
                raise FormatError(f"{error}; say --resume to make it again") from error
        excerpts.flush()
        writer.reject(rejected[1])


def _write_excerpts(shard: ShardReader, division: Division, writer: ExcerptsWriter) -> Iterator[Rejected]:
    """Write the excerpts of a shard that lie in one split; tell the others."""
    for excerpt in shard.excerpts():
        events = tuple(event for event in excerpt.events if event in division.split_of_event)
        splits = _splits(excerpt, events, division)
        if len(splits) == 1:
            writer.append(replace(excerpt, events=events, split=splits.pop()))
        else:
            why = "events or station lie in two splits" if splits else "events or station gave no windows"
            yield excerpt.trace_id, excerpt.start_ns, excerpt.end_ns, f"an excerpt whose {why}"


def _splits(excerpt: Excerpt, events: Sequence[str], division: Division) -> set[int]:
    """Splits that an excerpt would lie in; none where its events, or its station if that counts, have none."""
    station = station_of(excerpt.trace_id)
    if not events or (division.how == "both" and station not in division.split_of_station):
        return set()
    splits = {division.split_of_event[event] for event in events}
    if division.how == "both":
        splits.add(division.split_of_station[station])
    if division.how == "given" and excerpt.split >= 0:
        splits.add(excerpt.split)
    return splits


def _rows(shard: ShardReader, division: Division, groups: Mapping[str, int]) -> tuple[NDArray[np.bool_], WindowRows]:
    """Which windows of a shard are kept, and the columns of all but their features."""
    columns = shard.columns
    stations = [station_of(t) for t in shard.names["trace"]]
    combined = np.stack([columns["event"], columns["trace"], columns["given_split"]]).astype(np.int64)
    unique, inverse = np.unique(combined, axis=1, return_inverse=True)
    events = shard.names["event"]
    split = np.array([division.split_of[events[e], stations[t], g] for e, t, g in unique.T.tolist()], dtype=np.uint8)
    split = split[inverse.reshape(-1)] if len(shard) else np.zeros(0, dtype=np.uint8)
    group = np.array([groups[name] for name in events], dtype=np.uint32)
    rows = WindowRows(
        x=np.zeros((len(shard), 0), dtype=np.float32),
        trace_id=np.array(shard.names["trace"], dtype=object)[columns["trace"]],
        group=group[columns["event"]],
        split=split,
        **{name: columns[name] for name in ("y", "onset_s", "start_ns", "weight", "augmented")},
    )
    return ~(columns["augmented"] & (split > 0)), rows
