"""Spans of time or samples: which touch another, merge into one, or pair; and what shared names connect."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence


def merged(spans: Iterable[tuple[int, int]], apart: float = 0) -> list[tuple[int, int]]:
    """Spans in order of their starts; those that overlap, or lie no farther apart than `apart`, become one.

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


def group_starts(spans: Sequence[tuple[int, int]], apart: float = 0) -> list[int]:
    """For each span the start of the merged one in which it lies.

    Examples
    --------
    >>> group_starts([(5, 9), (0, 2), (3, 4)], apart=0)
    [5, 0, 3]
    >>> group_starts([(5, 9), (0, 2), (3, 4)], apart=1)
    [0, 0, 0]
    """
    starts = [start for start, _ in merged(spans, apart)]
    return [starts[bisect.bisect_right(starts, start) - 1] for start, _ in spans]


def joined_names(named_spans: Mapping[str, Sequence[tuple[tuple[int, int], str]]], apart: float = 0) -> dict[str, str]:
    """For each name the first, in order, of those whose spans in one place are merged, directly or through others.

    Parameters
    ----------
    named_spans : mapping of a place to (span, name) pairs

    Examples
    --------
    >>> joined_names({"APE": [((0, 2), "b"), ((1, 4), "a"), ((9, 9), "c")]})
    {'a': 'a', 'b': 'a', 'c': 'c'}
    """
    names = sorted({name for own in named_spans.values() for _, name in own})
    number = {name: i for i, name in enumerate(names)}
    named: list[tuple[Hashable, int]] = []
    for place, own in named_spans.items():
        starts = group_starts([span for span, _ in own], apart)
        named += [((place, start), number[name]) for start, (_, name) in zip(starts, own, strict=True)]
    return {names[i]: names[group[0]] for group in connected(named, len(names)) for i in group}


def connected(named: Iterable[tuple[Hashable, int]], n: int) -> list[list[int]]:
    """Groups of the numbers 0 to n - 1 that share a name, directly or through others.

    Parameters
    ----------
    named : iterable of (name, int)
        Each name with a number that has it; a number may have several.

    Examples
    --------
    >>> connected([("a", 0), ("a", 2), ("b", 1), ("c", 2), ("c", 3)], 4)
    [[0, 2, 3], [1]]
    """
    parent = list(range(n))  # SciPy's graphs take longer to import than this takes

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    first_of: dict[Hashable, int] = {}
    for name, i in named:
        parent[root(i)] = root(first_of.setdefault(name, i))
    found: dict[int, list[int]] = defaultdict(list)
    for i in range(n):
        found[root(i)].append(i)
    return list(found.values())


class Spans:
    """Many spans, in any order, whose neighbours are found by bisection; they include both ends.

    Slow only if one long span outlasts many later ones: these are then looked at one by one.
    """

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self._order = sorted(range(len(spans)), key=lambda i: spans[i][0])
        self._starts = [spans[i][0] for i in self._order]
        self._ends = [spans[i][1] for i in self._order]
        self._reach = list(itertools.accumulate(self._ends, max))

    def touching(self, start: float, end: float) -> list[int]:
        """Indices of the spans that share a point with another; by start, then as they were given.

        Examples
        --------
        >>> Spans([(5, 9), (0, 2), (3, 4)]).touching(2, 7)
        [1, 2, 0]
        """
        near = range(bisect.bisect_left(self._reach, start), bisect.bisect_right(self._starts, end))
        return [self._order[k] for k in near if self._ends[k] >= start]

    def gap(self, start: float, end: float) -> float:
        """Distance from another span to the nearest of these; 0 or less if they touch, infinite if there are none.

        Examples
        --------
        >>> Spans([(5, 9), (0, 2), (3, 4)]).gap(11, 12)
        2
        """
        k = bisect.bisect_right(self._starts, end)
        before = start - self._reach[k - 1] if k else math.inf
        after = self._starts[k] - end if k < len(self._starts) else math.inf
        return min(before, after)


def match_spans(
    found_ns: Sequence[tuple[int, int]], reference_ns: Sequence[tuple[int, int]], *, tolerance_s: float
) -> list[tuple[int, int]]:
    """Pair spans of time one to one, none further apart than `tolerance_s`.

    Those that overlap longest come first, then those that lie closest; of equals, those that start closest, then the
    earliest, so that the order in which they are given does not matter. A span that ends where it starts is a moment,
    such as a pick.

    Returns
    -------
    list of (int, int)
        Indices into `found_ns` and `reference_ns`, in the order of `reference_ns`.

    Examples
    --------
    >>> match_spans([(0, 0), (400_000_000, 400_000_000)], [(300_000_000, 300_000_000)], tolerance_s=0.5)
    [(1, 0)]
    >>> match_spans([(0, 5), (4, 20)], [(3, 9), (18, 18)], tolerance_s=0)
    [(1, 0)]
    """
    tolerance_ns = round(tolerance_s * 1e9)
    spans = Spans(found_ns)
    candidates = []
    for j, (start, end) in enumerate(reference_ns):
        for i in spans.touching(start - tolerance_ns, end + tolerance_ns):
            from_ns, to_ns = found_ns[i]
            apart_ns = max(start, from_ns) - min(end, to_ns)  # below 0 they overlap
            candidates.append((apart_ns, abs(from_ns - start), from_ns, to_ns, start, end, i, j))
    used: set[int] = set()
    pairs: dict[int, int] = {}
    for *_, i, j in sorted(candidates):
        if i not in used and j not in pairs:
            used.add(i)
            pairs[j] = i
    return [(pairs[j], j) for j in sorted(pairs)]
