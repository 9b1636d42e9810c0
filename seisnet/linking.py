"""Linking in time what is of one event and names none: picks, stretches of classes, traces of data sets."""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from seisnet.picks import ClassInterval, Pick, iso_time

L = TypeVar("L", Pick, ClassInterval)


def linked(labels: Sequence[L], link_s: float) -> list[L]:
    """Name an event for labels that have none: those of any station that follow each other within `link_s` are one.

    They join the event of the labels that lie within `link_s` of any of them; where those are of several events, each
    joins that of the nearest, if one is so near. Without it one earthquake, recorded at two stations, might lie in two
    splits. Where events overlap in time they become one, which costs nothing but the freedom to part them.
    """
    if not link_s:
        return list(labels)
    known = sorted((_start_ns(label), label.event_id) for label in labels if label.event_id)
    loose = [i for i, label in enumerate(labels) if not label.event_id]
    times_ns = [_start_ns(labels[i]) for i in loose]
    what = "picks" if labels and isinstance(labels[0], Pick) else "signals"
    names = event_names([(t, t) for t in times_ns], link_s, what)
    nearest = [_nearest(known, t, link_s) for t in times_ns]
    beside: dict[str, set[str]] = defaultdict(set)
    for name, event in zip(names, nearest, strict=True):
        beside[name] |= {event} - {""}
    named = list(labels)
    for i, name, event in zip(loose, names, nearest, strict=True):
        of_all = event if len(beside[name]) > 1 else next(iter(beside[name]), "")
        named[i] = replace(labels[i], event_id=of_all or name)
    return named


def _start_ns(label: Pick | ClassInterval) -> int:
    return label.time_ns if isinstance(label, Pick) else label.start_ns


def _nearest(known: Sequence[tuple[int, str]], time_ns: int, within_s: float) -> str:
    """The event of the time next to another, if it is near enough."""
    i = bisect.bisect_left(known, (time_ns, ""))
    near = ((abs(t - time_ns), event) for t, event in known[max(i - 1, 0) : i + 1])
    away_ns, event = min(near, default=(math.inf, ""))
    return event if away_ns <= within_s * 1e9 else ""


def event_names(spans_ns: Sequence[tuple[int, int]], link_s: float, what: str) -> list[str]:
    """Names of events that span some times, those being one that follow each other within `link_s`; none where it is 0.

    Examples
    --------
    >>> event_names([(0, 10**9), (3 * 10**9, 4 * 10**9)], 5.0, "picks")[1]
    'picks from 1970-01-01T00:00:00.000000Z'
    """
    if not link_s:
        return [""] * len(spans_ns)
    groups = join_spans(spans_ns, link_s)
    starts: dict[int, int] = {}
    for (start_ns, _), group in zip(spans_ns, groups, strict=True):
        starts[group] = min(start_ns, starts.get(group, start_ns))
    names = {group: f"{what} from {iso_time(start_ns)}" for group, start_ns in starts.items()}
    return [names[group] for group in groups]


def join_times(times_ns: Sequence[int], within_s: float) -> list[int]:
    """Number the groups of times that follow each other within some time, in order of time (single linkage).

    Examples
    --------
    >>> join_times([0, 50 * 10**9, 10 * 10**9], within_s=30)
    [0, 1, 0]
    """
    return join_spans([(t, t) for t in times_ns], within_s)


def join_spans(spans_ns: Sequence[tuple[int, int]], within_s: float) -> list[int]:
    """Number the groups of spans of time of which one begins within some time of another's end, in order of time."""
    groups, group, reach_ns = [0] * len(spans_ns), -1, 0
    for i in sorted(range(len(spans_ns)), key=spans_ns.__getitem__):
        start_ns, end_ns = spans_ns[i]
        if group < 0 or start_ns - reach_ns > within_s * 1e9:
            group, reach_ns = group + 1, end_ns
        groups[i], reach_ns = group, max(reach_ns, end_ns)
    return groups
