"""Names of events for picks, class intervals and traces that name none: what is close in time is of one event."""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from seisnet.labels.matching import span_ns
from seisnet.overlaps import group_starts
from seisnet.picks import ClassInterval, Pick, iso_time

L = TypeVar("L", Pick, ClassInterval)


def linked(labels: Sequence[L], link_s: float) -> list[L]:
    """Name an event for every label that has none, so that one earthquake never lies in two splits.

    Nameless labels that follow each other within `link_s`, at whatever stations, form a group. It joins the event that
    has a label within `link_s` of any of its own. Where there are several such events, each label joins the nearest
    if that is near enough, and stays with its group if not. Earthquakes that overlap in time become one event, which
    costs only the freedom to put them into different splits.
    """
    if not link_s:
        return list(labels)
    known = sorted((span_ns(label)[0], label.event_id) for label in labels if label.event_id)
    loose = [i for i, label in enumerate(labels) if not label.event_id]
    times_ns = [span_ns(labels[i])[0] for i in loose]
    what = "picks" if labels and isinstance(labels[0], Pick) else "signals"
    groups = event_names([(t, t) for t in times_ns], link_s, what)
    nearest = [_nearest(known, t, link_s) for t in times_ns]
    beside: dict[str, set[str]] = defaultdict(set)
    for group, event in zip(groups, nearest, strict=True):
        beside[group] |= {event} - {""}
    named = list(labels)
    for i, group, event in zip(loose, groups, nearest, strict=True):
        joined = event if len(beside[group]) > 1 else next(iter(beside[group]), "")
        named[i] = replace(labels[i], event_id=joined or group)
    return named


def _nearest(known: Sequence[tuple[int, str]], time_ns: int, within_s: float) -> str:
    """The event of the label nearest to a time; empty if that is too far away."""
    i = bisect.bisect_left(known, (time_ns, ""))
    near = ((abs(t - time_ns), event) for t, event in known[max(i - 1, 0) : i + 1])
    away_ns, event = min(near, default=(math.inf, ""))
    return event if away_ns <= within_s * 1e9 else ""


def event_names(spans_ns: Sequence[tuple[int, int]], link_s: float, what: str) -> list[str]:
    """Name the event of each span of time: spans that follow each other within `link_s` share one; empty if it is 0.

    Examples
    --------
    >>> event_names([(0, 10**9), (3 * 10**9, 4 * 10**9)], 5.0, "picks")[1]
    'picks from 1970-01-01T00:00:00.000000Z'
    """
    if not link_s:
        return [""] * len(spans_ns)
    return [f"{what} from {iso_time(start_ns)}" for start_ns in group_starts(spans_ns, link_s * 1e9)]
