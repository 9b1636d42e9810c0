"""Division of windows among train, dev and test: no event in two splits, nor a station where the data allow it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError
from seisnet.overlaps import Spans, connected, joined_names
from seisnet.picks import station_of
from seisnet.store.excerpts import Excerpt
from seisnet.store.windows_file import SPLITS, Rejected
from seisnet.wording import counted

Row = tuple[str, str, int, int, bool]
"""Event, station, split of the data set (0: none), class, augmented."""

Covered = Mapping[str, Mapping[str, Sequence[int]]]
"""First and last time of every stretch that windows, or excerpts, cover, one after the other, by station and event."""

Placed = Mapping[str, tuple[Spans, Sequence[str]]]
"""Such stretches by station, and the event of each."""

NOTHING: Covered = {}

FEWEST_BLOCKS = 10
"""`auto` splits by event and station only where that leaves at least this many blocks."""

EVENT = ("event", "events")
BOTH = ("group of events and stations recorded together", "groups of events and stations recorded together")


@dataclass(frozen=True)
class Division:
    """Which windows belong to which split.

    Attributes
    ----------
    split_of : dict
        From event, station and the data set's split (0: none) to 0 train, 1 dev, 2 test.
    how : str
        ``event``, ``both`` or ``given``.
    counts : int64 (3, K, 2)
        Windows that are kept, by split, class and whether they are augmented.
    covered, excerpted : Placed
        Where windows, and excerpts, lie.
    """

    split_of: Mapping[tuple[str, str, int], int]
    how: str
    counts: NDArray[np.int64]
    covered: Placed = field(default_factory=dict)
    excerpted: Placed = field(default_factory=dict)

    @functools.cached_property
    def split_of_event(self) -> dict[str, int]:
        """Split of each event; none is divided."""
        return {event: split for (event, _, _), split in self.split_of.items()}

    @functools.cached_property
    def split_of_station(self) -> dict[str, int]:
        """Split of each station, where stations are not divided either."""
        return {station: split for (_, station, _), split in self.split_of.items()}


def divide(
    rows: Counter[Row], config: PreprocessConfig, covered: Covered = NOTHING, excerpted: Covered = NOTHING
) -> Division:
    """Assign windows, counted by what they have in common, to splits.

    Events of which windows share samples go to one split: earthquakes that overlap, or one earthquake under two names,
    as two agencies or copies of a recording give it. The data set's own splits are taken as they are.

    Raises
    ------
    DataError
        See `assign_splits`.
    """
    # Augmented windows count for nothing, so that other shifts, or hard negatives, move no event to another split.
    windows: Counter[tuple[str, str, int]] = Counter()
    for (event, station, given, _, augmented), n in rows.items():
        windows[event, station, given] += 0 if augmented else n
    keys = sorted(windows)
    events, stations, numbers = zip(*keys, strict=True)
    names = ["" if number == 0 else SPLITS[number - 1] for number in numbers]
    spans, excerpt_spans = ({s: _spans(own) for s, own in places.items()} for places in (covered, excerpted))
    joined = {} if config.split_by == "given" else joined_names(spans)
    joined_events = [joined.get(event, event) for event in events]
    split, how = assign_splits(joined_events, stations, names, config, windows=[windows[key] for key in keys])
    split_of = dict(zip(keys, split.tolist(), strict=True))
    counts = np.zeros((len(SPLITS), len(config.classes), 2), dtype=np.int64)
    for (event, station, number, y, augmented), n in rows.items():
        side = split_of[event, station, number]
        if not (augmented and side):
            counts[side, y, int(augmented)] += n
    return Division(split_of, how, counts, _placed(spans), _placed(excerpt_spans))


def _placed(spans: Mapping[str, Sequence[tuple[tuple[int, int], str]]]) -> Placed:
    return {station: (Spans([span for span, _ in own]), [event for _, event in own]) for station, own in spans.items()}


def _spans(of_event: Mapping[str, Sequence[int]]) -> list[tuple[tuple[int, int], str]]:
    """The stretches of a station, each with its event."""
    return [(span, e) for e, times in of_event.items() for span in zip(times[::2], times[1::2], strict=True)]


def with_split(excerpt: Excerpt, division: Division) -> Excerpt | Rejected:
    """An excerpt with its split; a rejection if that is none, or more than one.

    Of excerpts of two splits that share samples, the one of test stays, or else that of dev.
    """
    events = tuple(event for event in excerpt.events if event in division.split_of_event)
    splits = _splits(excerpt, events, division)
    if len(splits) != 1:
        why = "whose events or station lie in two splits" if splits else "whose events or station gave no windows"
    elif max(_splits_near(excerpt, division.excerpted, division), default=0) > min(splits):
        why = "that shares samples with one of another split"
    else:
        return replace(excerpt, events=events, split=splits.pop())
    return excerpt.trace_id, excerpt.start_ns, excerpt.end_ns, f"an excerpt {why}"


def assign_splits(
    events: Sequence[str],
    stations: Sequence[str],
    given: Sequence[str],
    config: PreprocessConfig,
    *,
    windows: Sequence[int] | None = None,
) -> tuple[NDArray[np.uint8], str]:
    """Assign windows to splits.

    Windows that share an event (and, split by both, a station) form a block; blocks are dealt out in random order,
    the large ones first, each to the split that has least of its share, train if there is a tie.

    Parameters
    ----------
    events, stations, given : sequences of str, one a row
        Event or station-hour, ``NET.STA``, and the data set's own split or an empty string.
    config : PreprocessConfig
        `split`, `split_by` and `seed` are read.
    windows : sequence of int, optional
        How many windows each row stands for; one by default.

    Returns
    -------
    split : uint8 (N,), one a row
        0 train, 1 dev, 2 test.
    how : str
        ``event``, ``both`` or ``given``.

    Raises
    ------
    DataError
        With fewer blocks than splits, or where the data set's own splits are absent or divide an event.
    """
    if config.split_by == "given":
        return _given(events, given), "given"
    event_index = np.unique(events, return_inverse=True)[1]
    size = np.ones(len(event_index)) if windows is None else np.asarray(windows, dtype=np.float64)
    station_index = np.unique(stations, return_inverse=True)[1]
    both = _blocks(event_index, station_index)
    largest = np.bincount(both, size).max() / max(size.sum(), 1)
    if config.split_by == "both" or (
        config.split_by == "auto" and both.max() + 1 >= FEWEST_BLOCKS and largest <= config.split[0]
    ):
        return _deal(both, size, config, BOTH), "both"
    return _deal(event_index, size, config, EVENT), "event"


def _given(events: Sequence[str], given: Sequence[str]) -> NDArray[np.uint8]:
    if "" in given:
        raise DataError("split_by is 'given', but some traces name no split; use 'auto' or 'event'")
    split_of: dict[str, str] = {}
    for event, name in zip(events, given, strict=True):
        if split_of.setdefault(event, name) != name:
            raise DataError(f"the data set's own splits divide event '{event}'; use split_by 'auto' or 'event'")
    return np.array([SPLITS.index(name) for name in given], dtype=np.uint8)


def _blocks(a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.intp]:
    """Connected component of every window in the graph of events and stations, in the order of their first events."""
    first = np.zeros(int(a.max()) + 1, dtype=np.intp)  # of the events of each component
    for events in connected(set(zip(b.tolist(), a.tolist(), strict=True)), len(first)):
        first[events] = events[0]
    return np.unique(first[a], return_inverse=True)[1]


def _deal(
    block: NDArray[np.intp], windows: NDArray[np.float64], config: PreprocessConfig, what: tuple[str, str]
) -> NDArray[np.uint8]:
    sizes = np.bincount(block, windows)
    shares = np.array(config.split)
    wanted = int((shares > 0).sum())
    if len(sizes) < wanted:
        raise DataError(
            f"{counted(len(sizes), *what)} can't be divided among {wanted} splits; "
            "label more events, or set split = [1.0, 0.0, 0.0] (--split 1,0,0) and evaluate on other data"
        )
    order = np.random.default_rng(config.seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(len(SPLITS))
    split_of = np.zeros(len(sizes), dtype=np.uint8)
    for b in order:
        # What is equal must tie exactly. While a split is empty, it lacks most.
        lacking = np.where(shares > 0, -filled / np.maximum(shares, 1e-12), -np.inf)
        split_of[b] = np.argmax(lacking)
        filled[split_of[b]] += sizes[b]
    return split_of[block]


def _splits(excerpt: Excerpt, events: Sequence[str], division: Division) -> set[int]:
    """Splits in which an excerpt would lie; none if its events, or its station if that counts, have none."""
    station = station_of(excerpt.trace_id)
    if not events or (division.how == "both" and station not in division.split_of_station):
        return set()
    splits = {division.split_of_event[event] for event in events} | _splits_near(excerpt, division.covered, division)
    if division.how == "both":
        splits.add(division.split_of_station[station])
    if division.how == "given" and excerpt.split >= 0:
        splits.add(excerpt.split)
    return splits


def _splits_near(excerpt: Excerpt, placed: Placed, division: Division) -> set[int]:
    """Splits of the events whose windows, or excerpts, share samples with an excerpt."""
    spans, events_of = placed.get(station_of(excerpt.trace_id).upper(), (Spans([]), ()))
    near = {events_of[i] for i in spans.touching(excerpt.start_ns, excerpt.end_ns)}
    return {division.split_of_event[event] for event in near if event in division.split_of_event}
