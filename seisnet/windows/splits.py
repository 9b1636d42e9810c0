"""Who goes to train, dev and test: no event in two splits, and no station either where the data allow it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError
from seisnet.store.windows_file import SPLITS
from seisnet.wording import counted

FEWEST_BLOCKS = 10
"""`auto` splits by event and station only where both fall apart into at least so many blocks."""

EVENT = ("event", "events")
BOTH = (
    "group of events and stations that are recorded together",
    "groups of events and stations that are recorded together",
)


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
    the large ones first, each to the split that lacks most of its share.

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
    event_index = np.unique(events, return_inverse=True)[1]
    if config.split_by == "given":
        return _given(event_index, events, given), "given"
    size = np.ones(len(event_index)) if windows is None else np.asarray(windows, dtype=np.float64)
    station_index = np.unique(stations, return_inverse=True)[1]
    both = _blocks(event_index, station_index)
    largest = np.bincount(both, size).max() / max(size.sum(), 1)
    if config.split_by == "both" or (
        config.split_by == "auto" and both.max() + 1 >= FEWEST_BLOCKS and largest <= config.split[0]
    ):
        return _deal(both, size, config, BOTH), "both"
    return _deal(event_index, size, config, EVENT), "event"


def _given(event_index: NDArray[np.intp], events: Sequence[str], given: Sequence[str]) -> NDArray[np.uint8]:
    if "" in given:
        raise DataError("split_by is 'given', but some traces name no split; take 'auto' or 'event'")
    split = np.array([SPLITS.index(name) for name in given], dtype=np.uint8)
    low, high = np.full(event_index.max() + 1, 9), np.full(event_index.max() + 1, 0)
    np.minimum.at(low, event_index, split)
    np.maximum.at(high, event_index, split)
    torn = np.flatnonzero((low != high)[event_index])
    if torn.size:
        raise DataError(f"the data set's own splits divide event '{events[torn[0]]}'; take split_by 'auto' or 'event'")
    return split


def _blocks(a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.intp]:
    """Connected component of every window in the graph of events and stations, in the order of their first events."""
    n = int(a.max()) + 1
    parent = list(range(n + int(b.max()) + 1))  # SciPy's graphs take longer to import than this takes

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for event, station in set(zip(a.tolist(), (b + n).tolist(), strict=True)):
        low, high = sorted((root(event), root(station)))
        parent[high] = low
    return np.unique([root(event) for event in a.tolist()], return_inverse=True)[1]


def _deal(
    block: NDArray[np.intp], windows: NDArray[np.float64], config: PreprocessConfig, what: tuple[str, str]
) -> NDArray[np.uint8]:
    sizes = np.bincount(block, windows)
    shares = np.array(config.split)
    wanted = int((shares > 0).sum())
    if len(sizes) < wanted:
        raise DataError(
            f"{counted(len(sizes), *what)} can't be split into {wanted} parts; "
            "label more events, or set split = [1.0, 0.0, 0.0] (--split 1,0,0) and evaluate on other data"
        )
    order = np.random.default_rng(config.seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(len(SPLITS))
    split_of = np.zeros(len(sizes), dtype=np.uint8)
    for i, b in enumerate(order):
        lacking = np.where(shares > 0, (shares * sizes.sum() - filled) / np.maximum(shares, 1e-12), -np.inf)
        empty = (shares > 0) & (filled == 0)
        if len(order) - i <= empty.sum():  # the last blocks go to splits that would stay empty
            lacking = np.where(empty, lacking, -np.inf)
        split_of[b] = np.argmax(lacking)
        filled[split_of[b]] += sizes[b]
    return split_of[block]
