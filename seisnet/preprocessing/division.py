"""Who goes to train, dev and test, once all windows are counted."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.picks import station_of
from seisnet.store.excerpts import Excerpt
from seisnet.store.windows_file import SPLITS, Rejected
from seisnet.windows.splits import assign_splits

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
        See `seisnet.windows.splits.assign_splits`.
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


def placed(excerpt: Excerpt, division: Division) -> Excerpt | Rejected:
    """An excerpt in its split; or why there is not one that it lies in."""
    events = tuple(event for event in excerpt.events if event in division.split_of_event)
    splits = _splits(excerpt, events, division)
    if len(splits) == 1:
        return replace(excerpt, events=events, split=splits.pop())
    why = "events or station lie in two splits" if splits else "events or station gave no windows"
    return excerpt.trace_id, excerpt.start_ns, excerpt.end_ns, f"an excerpt whose {why}"


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
