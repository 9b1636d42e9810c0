"""Picks of files of labels: every onset once, and every earthquake under one name."""

from __future__ import annotations

import bisect
import itertools
import math
import operator
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from seisnet.label_weights import NOT_EXISTING, REFUSED, UNUSED
from seisnet.labels.phases import phase_class
from seisnet.picks import ClassInterval, Pick, in_order
from seisnet.waveforms.records import NS_PER_S, Rejection

SAME_NS = NS_PER_S // 2
"""Picks of one phase at one station that are no farther apart are of one onset: no picker tells two so close apart."""

Timed = TypeVar("Timed", tuple[int, int], tuple[int, str, str])
"""A time and what is there."""

SECOND = "a second pick of the same onset"

Event = tuple[int, str]
"""Number of a file of labels, and what it calls an event."""

Refused = dict[str, list[tuple[int, str, str]]]
"""By station: times, networks and locations of the picks of a file that an analyst rejected, or whose event."""


def surest(picks: Iterable[Pick], instrument: str = "") -> tuple[list[Pick], list[Pick]]:
    """The surest pick of every onset at its station, and the second picks, both in order of time.

    Parameters
    ----------
    instrument : str
        Band and instrument of a record: what was picked on it is surer than all that was picked on others.
    """
    kept: list[Pick] = []
    second: list[Pick] = []
    places: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for pick in sorted(picks, key=lambda pick: (instrument not in ("", pick.channel[:2]), *_doubts(pick))):
        near = places[_onset(pick)]
        if _copies(pick, near, kept):
            second.append(pick)
        else:
            bisect.insort(near, (pick.time_ns, len(kept)))
            kept.append(pick)
    return in_order(kept), in_order(second)


def second_picks(picks: Iterable[Pick]) -> list[Rejection]:
    """Rejections of second picks, see `surest`."""
    return [_rejection(pick, SECOND) for pick in picks]


def refused_picks(rejections: Iterable[Rejection]) -> Refused:
    """Where an analyst rejected picks, among what could not be used of a file."""
    times: defaultdict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for rejection in rejections:
        if rejection.reason in (REFUSED, NOT_EXISTING):
            network, _, rest = rejection.trace_id.partition(".")
            station, location, _ = rest.rsplit(".", 2)  # where a station's code has dots, as no waveform's may
            times[station.upper()].append((rejection.start_ns, network, location))
    return {station: sorted(of_station) for station, of_station in times.items()}


def _is_refused(pick: Pick, files: Sequence[Refused]) -> bool:
    """Whether one of some files rejects a pick of this onset; what it calls the phase does not matter."""
    near = (_within(times.get(pick.station.upper(), []), pick) for times in files)
    return any(fits(pick, network, location) for _, network, location in itertools.chain(*near))


def once(
    files: Sequence[Sequence[Pick]], refused: Sequence[Refused], rejections: list[Rejection], *, each: bool = False
) -> list[Pick]:
    """Every onset once, as the first file has it, and in one event, whatever each file calls that.

    Otherwise one window might lie in two splits, under two names of one earthquake. Events of one name in two files are
    one, unless an onset of the later file shows that it is another: each file may number its events in its own way.

    Within a file the surest pick of an onset counts. Picks on two instruments of a station are both kept, unless only
    one belongs to an event. With `each`, the second picks of a file are kept as well, so that those of a machine are
    seen; left out are only those of the same time as another, and those that weigh less than another in their event.

    A pick that an earlier file rejects is left out, unless an earlier file also has a pick of that onset. One that an
    analyst has moved or renamed stands for the onset of its original, too, against the picks of other files.
    """
    kept: list[Pick] = []
    of_event: list[Event] = []  # the event of each of them
    same_as: dict[Event, Event] = {}  # from an event to one that is the same, in this file or an earlier one
    first_of_name: dict[str, Event] = {}  # the first event of each name
    places: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)  # times and places in `kept`, by onset
    left: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)  # the same of their originals
    # Picks of events come first, for one outside any event may be of the same onset: a machine's beside the analyst's.
    parts = ([pick for pick in picks if bool(pick.event_id) is named] for picks in files for named in (True, False))
    for k, picks in enumerate(parts):
        before = len(kept)
        for pick in sorted(picks, key=_doubts):
            near = places[_onset(pick)]
            was = pick.original or pick
            moved = _copies(pick, left[_onset(pick)], kept) + _copies(was, places[_onset(was)], kept)
            copies = _copies(pick, near, kept) + [place for place in moved if place < before]
            if pick.event_id and copies:
                other = of_event[copies[0]]
                if other[1]:
                    events = (_joined(same_as, other), _joined(same_as, (k, pick.event_id)))
                    early, late = sorted(events, key=lambda event: event[0])
                    if early != late:
                        same_as[late] = early
                else:
                    of_event[copies[0]] = (k, pick.event_id)
            if any(place < before or _is_second(pick, kept[place], each=each) for place in copies):
                rejections.append(_rejection(pick, SECOND))
            elif _is_refused(pick, refused[: k // 2]):
                rejections.append(_rejection(pick, "rejected in an earlier file"))
            else:
                bisect.insort(near, (pick.time_ns, len(kept)))
                bisect.insort(left[_onset(was)], (was.time_ns, len(kept)))
                kept.append(pick)
                of_event.append((k, pick.event_id))
        for name in dict.fromkeys(pick.event_id for pick in picks if pick.event_id):
            event, namesake = _joined(same_as, (k, name)), first_of_name.setdefault(name, (k, name))
            if event[0] == k and namesake[0] < k:
                same_as[event] = namesake
    names = [_joined(same_as, event)[1] for event in of_event]
    return [p if p.event_id == name else replace(p, event_id=name) for p, name in zip(kept, names, strict=True)]


def _copies(pick: Pick, near: Sequence[tuple[int, int]], kept: Sequence[Pick]) -> list[int]:
    """Places in `kept` of those of `near`, times and places, that may be of the same onset; the nearest first."""
    found = [
        (abs(t - pick.time_ns), i) for t, i in _within(near, pick) if fits(pick, kept[i].network, kept[i].location)
    ]
    return [i for _, i in sorted(found)]


def _is_second(pick: Pick, surer: Pick, *, each: bool) -> bool:
    """Whether a pick of an onset is left out beside a surer one of the same file."""
    instruments = {pick.channel[:2], surer.channel[:2]}
    if len(instruments - {""}) > 1:
        return False
    weighed = pick.event_id == surer.event_id != "" and pick.weight < surer.weight
    return not each or weighed or pick.time_ns == surer.time_ns


def _doubts(pick: Pick) -> tuple[bool, float, float, int]:
    """Sort key by which the surest pick is first: used by its analyst, of most weight, least uncertain, earliest."""
    uncertainty_s = math.inf if math.isnan(pick.uncertainty_s) else pick.uncertainty_s
    return pick.phase.endswith(UNUSED), -pick.weight, uncertainty_s, pick.time_ns


def _within(ordered: Sequence[Timed], pick: Pick) -> Sequence[Timed]:
    """What of something in order of time may be of the same onset as a pick."""
    time_ns = operator.itemgetter(0)
    low = bisect.bisect_left(ordered, pick.time_ns - SAME_NS, key=time_ns)
    return ordered[low : bisect.bisect_right(ordered, pick.time_ns + SAME_NS, key=time_ns)]


def _rejection(pick: Pick, reason: str) -> Rejection:
    return Rejection(pick.trace_id, pick.time_ns, pick.time_ns, reason)


def _onset(pick: Pick) -> tuple[str, str]:
    """Station and phase; also of a pick without weight, to which another file may give some."""
    hint = pick.phase.removesuffix(UNUSED)
    return pick.station.upper(), phase_class(hint) or hint.upper()


def _joined(same_as: dict[Event, Event], event: Event) -> Event:
    while event in same_as:
        event = same_as[event]
    return event


def fits(label: Pick | ClassInterval, network: str, location: str) -> bool:
    """Whether network and location of a label do not differ from others where both are named."""
    pairs = (label.network.upper(), network.upper()), (label.location.strip("-"), location.strip("-"))
    return all(not a or not b or a == b for a, b in pairs)
