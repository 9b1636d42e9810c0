"""Which views a report shows: those of all instruments and classes, with all that lies in them, none twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from seisnet.classification.views import Found, View, within
from seisnet.picks import Detection, Pick


def spread(views: Sequence[View], most: int) -> list[View]:
    """At most so many views, in their order: one of each instrument, then a second one of each, and so on.

    Of picks the first ones are taken, of detections the most probable ones of each class.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    turns = []
    for i, view in sorted(enumerate(views), key=lambda numbered: -numbered[1].height):
        turns.append((seen[view.kind], i))
        seen[view.kind] += 1
    return [views[i] for i in sorted(i for _, i in sorted(turns)[:most])]


def of_picks(views: Sequence[View], picks: Collection[Pick]) -> list[View]:
    """The views that hold any of these picks, with these alone, and those of detections."""
    own = (replace(view, picks=tuple(p for p in view.picks if p in picks)) for view in views)
    return [view for view in own if view.picks or view.detections]


def with_all(views: Sequence[View], picks: Iterable[Pick], detections: Iterable[Detection] = ()) -> list[View]:
    """Views with all that was found on their instrument and lies in them, also that of other stretches and sources."""
    picks_of, detections_of = _by_instrument(picks), _by_instrument(detections)
    return [
        replace(
            view,
            picks=tuple(within(picks_of[view.trace_id], view.start_ns, view.end_ns)),
            detections=tuple(within(detections_of[view.trace_id], view.start_ns, view.end_ns)),
        )
        for view in views
    ]


def _by_instrument(found: Iterable[Found]) -> defaultdict[str, list[Found]]:
    of: defaultdict[str, list[Found]] = defaultdict(list)
    for each in found:
        of[each.trace_id].append(each)
    return of


def fullest(views: Sequence[View]) -> dict[Detection, int]:
    """Which view shows most of each detection, of equal ones the first."""
    shown: dict[Detection, tuple[int, int]] = {}
    for i, view in enumerate(views):
        for d in view.detections:
            length_ns = min(d.end_ns, view.end_ns) - max(d.start_ns, view.start_ns)
            if d not in shown or length_ns > shown[d][0]:
                shown[d] = length_ns, i
    return {d: i for d, (_, i) in shown.items()}


def without_repeats(views: Sequence[View]) -> list[View]:
    """Views but those of detections that others show better, such as one that goes on from source to source."""
    wanted = set(fullest(views).values())
    return [view for i, view in enumerate(views) if i in wanted or not view.detections]
