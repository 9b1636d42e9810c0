"""Peaks of probability traces that come in pieces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

P_SEEN = 0.3
"""From this probability on, P counts as seen, and S comes after it: fixed, so that no time depends on a threshold."""


class OnsetFinder:
    """Onsets in the probability trace of a phase.

    A run above half the threshold that reaches the threshold holds one onset, at the centre of gravity of what
    exceeds half the peak around its highest point.

    Parameters
    ----------
    threshold : float
        What the highest point must reach.
    longest : int
        Columns after which a run is cut.

    Attributes
    ----------
    settled : int
        Columns whose onsets are all known.
    """

    def __init__(self, threshold: float, longest: int) -> None:
        self.settled = 0
        self._threshold, self._longest = threshold, max(1, longest)
        self._open = np.zeros(0, dtype=np.float32)  # the run that goes on, from column `settled`

    def add(self, probability: NDArray[np.float32], *, last: bool = False) -> list[tuple[int, float, float]]:
        """Take the columns that follow.

        Returns
        -------
        list of (int, float, float)
            Column of the peak, distance from it to the onset in columns, and probability; in order of time.
        """
        values = np.concatenate([self._open, probability])
        above = np.concatenate([[False], values >= self._threshold / 2, [False]])
        edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
        onsets: list[tuple[int, float, float]] = []
        rest = len(values)
        if len(edges) and edges[-1, 1] == len(values) and not last:
            low = int(edges[-1, 0])
            rest = low + (len(values) - low) // self._longest * self._longest
        heights = np.maximum.reduceat(values, edges[:, 0]) if len(edges) else values[:0]
        for low, high in edges[heights.astype(np.float64) >= self._threshold]:
            for start in range(low, min(high, rest), self._longest):
                run = values[start : min(start + self._longest, high)]
                if float(run.max()) >= self._threshold:
                    peak, offset, height = _centre(run)
                    onsets.append((self.settled + start + peak, offset, height))
        self._open = values[rest:].copy()
        self.settled += rest
        return onsets


def _centre(run: NDArray[np.float32]) -> tuple[int, float, float]:
    """Highest column of a run, distance from it to the centre of gravity of its hump, and height."""
    peak = int(np.argmax(run))
    height = float(run[peak])
    below = np.flatnonzero(run < height / 2)
    i = int(np.searchsorted(below, peak))
    first, stop = (int(below[i - 1]) + 1 if i else 0), (int(below[i]) if i < len(below) else len(run))
    # Counted from the peak, so that what is symmetrical stays where it is.
    distance = np.arange(first - peak, stop - peak)
    weights = run[first:stop].astype(np.float64) - height / 2 + 1e-9
    return peak, float((distance * weights).sum() / weights.sum()), height


class PeaksOfP:
    """Where P was seen lately."""

    def __init__(self) -> None:
        self._values, self._first = np.zeros(0, dtype=np.float32), 0  # and the column that they begin with

    def add(self, probability: NDArray[np.float32]) -> None:
        """Take the columns that follow."""
        self._values = np.concatenate([self._values, probability]) if self._values.size else probability

    def forget(self, before: int) -> None:
        """Drop the columns before one."""
        old = min(max(before - self._first, 0), len(self._values))
        self._values, self._first = self._values[old:].copy(), self._first + old

    def highest(self, first: int, stop: int) -> int | None:
        """Column from `first` to before `stop` in which P is most probable; None if P is not seen there."""
        first = max(first, self._first)
        near = self._values[first - self._first : max(stop - self._first, 0)]
        return first + int(np.argmax(near)) if near.size and near.max() >= P_SEEN else None
