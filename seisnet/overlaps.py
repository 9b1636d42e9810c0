"""Spans of time, or of samples: which of many touch another, found by bisection, and which are one."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Sequence


def merged(spans: Iterable[tuple[int, int]], apart: float = 0) -> list[tuple[int, int]]:
    """Spans in order of their starts, those that overlap or lie no farther apart than some length made one.

    Examples
    --------
    >>> merged([(5, 9), (0, 2), (3, 4)], apart=1)
    [(0, 9)]
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] <= apart:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


class Spans:
    """Spans, in any order; both ends are theirs, and none ends before it starts.

    A question takes the time of a bisection and of its answer, and of spans that begin before the answer's while an
    earlier one, which is longer, still lasts.
    """

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self._order = sorted(range(len(spans)), key=lambda i: spans[i][0])
        self._starts = [spans[i][0] for i in self._order]
        self._ends = [spans[i][1] for i in self._order]
        self._reach = list(itertools.accumulate(self._ends, max))

    def touching(self, start: float, end: float) -> list[int]:
        """Indices of the spans that share a point with another, by their starts, then as they were given.

        Examples
        --------
        >>> Spans([(5, 9), (0, 2), (3, 4)]).touching(2, 7)
        [1, 2, 0]
        """
        near = range(bisect.bisect_left(self._reach, start), bisect.bisect_right(self._starts, end))
        return [self._order[k] for k in near if self._ends[k] >= start]

    def gap(self, start: float, end: float) -> float:
        """From another span to the nearest of these; 0 or less if one touches it, infinite if there are none.

        Examples
        --------
        >>> Spans([(5, 9), (0, 2), (3, 4)]).gap(11, 12)
        2
        """
        k = bisect.bisect_right(self._starts, end)
        before = start - self._reach[k - 1] if k else math.inf
        after = self._starts[k] - end if k < len(self._starts) else math.inf
        return min(before, after)
