"""Which labels belong to which records, and how far the others are from any."""

from __future__ import annotations

import difflib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from seisnet.labels.joining import SECOND, fits, surest
from seisnet.overlaps import Spans
from seisnet.picks import ClassInterval, Pick, station_of
from seisnet.waveforms.records import KEPT, NS_PER_S, Record, Rejection
from seisnet.wording import counted, duration, first_of

L = TypeVar("L", Pick, ClassInterval)

BEFORE_NS = 3600 * NS_PER_S
"""A record that continues another source's gets the labels of this time before it, too: their coda, or an S that
nobody picked, may reach into it, and noise keeps away from signals by up to this time."""

GUESSED = 20
"""Number of places without waveform, those with most labels, for which similar codes are sought; each takes a while."""


def no_records() -> dict[str, array[int]]:
    """Make an empty map of where records lie: by trace id, first and last time of each record in turn."""
    return defaultdict(partial(array, "q"))


class LabelMatcher(Generic[L]):
    """Gives every record the picks or class intervals that belong to it, and remembers where the records lie.

    A label belongs to a record of its station if its time lies in the record, and if neither network nor location
    differ where both are named. It counts for every instrument of the station: the ground moves for all.

    Attributes
    ----------
    labels : sequence
    records : dict of str to array of int64
        See `no_records`.
    """

    def __init__(self, labels: Sequence[L]) -> None:
        self.labels: Sequence[L] = labels
        self.records = no_records()
        of_station: dict[str, list[L]] = defaultdict(list)
        for label in labels:
            of_station[label.station.upper()].append(label)
        self._of_station: dict[str, tuple[list[L], Spans]] = {
            name: (own, Spans([span_ns(label) for label in own])) for name, own in of_station.items()
        }

    def match(self, record: Record) -> list[L]:
        """Labels of a record, in order of time."""
        network, station, location, _ = record.trace_id.split(".")
        start_ns, end_ns = record.start_ns, record.end_ns
        self.records[record.trace_id].extend((start_ns, end_ns))
        if station.upper() not in self._of_station:
            return []
        labels, spans = self._of_station[station.upper()]
        near = spans.touching(start_ns - BEFORE_NS if record.goes_on[0] else start_ns, end_ns)
        return [labels[i] for i in near if fits(labels[i], network, location)]


def unmatched(
    labels: Sequence[Pick | ClassInterval], records: Mapping[str, Sequence[int]], *, datasets: bool = False
) -> list[Rejection]:
    """Rejections of the labels that no record uses.

    For a label that lies in no record of its station, the reason says how far away the nearest is. The others are picks
    on an instrument without waveform there, where another pick of the onset counts.

    Parameters
    ----------
    records : mapping
        See `no_records`.
    datasets : bool
        Whether there are data sets, too, of which these labels are not.
    """
    outside = " outside data sets, which have labels of their own" if datasets else ""
    of_station = _by_station(records)
    of_place: dict[str, list[int]] = defaultdict(list)
    for i, label in enumerate(labels):
        of_place[label.site_id].append(i)
    why: dict[int, str] = {}
    lost = 0
    for place, here in sorted(of_place.items(), key=lambda item: -len(item[1])):
        label = labels[here[0]]
        names = [name for name in of_station.get(label.station.upper(), []) if _fits(label, name)]
        spans = _spans(names, records)
        away_ns = {i: ns for i in here if (ns := spans.gap(*span_ns(labels[i]))) > 0}
        if away_ns:
            told = f"{_away(list(away_ns.values()))} from the nearest" if names else "no"
            more = "" if names or lost >= GUESSED else _similar(place, records)
            why |= dict.fromkeys(away_ns, f"label at {place}: {told} waveform of that station{outside}{more}")
            lost += not names
    for i in _unused_picks(labels, records, of_station):
        why.setdefault(i, f"label at {labels[i].site_id}: {SECOND}, on an instrument without waveform there")
    return [Rejection(labels[i].trace_id, *span_ns(labels[i]), why[i]) for i in sorted(why)]


def ambiguous(labels: Sequence[Pick | ClassInterval], records: Mapping[str, Sequence[int]]) -> list[Rejection]:
    """The remark on labels that name no network, and lie in records of several, for each of which they count.

    Parameters
    ----------
    records : mapping
        See `no_records`.
    """
    of_several = {
        station: {name: _spans([name], records) for name in names}
        for station, names in _by_station(name for name in records if not name.startswith(".")).items()
        if len({name.split(".")[0].upper() for name in names}) > 1
    }
    n, stations = 0, set[str]()
    for label in labels:
        own = {} if label.network else of_several.get(label.station.upper(), {})
        holding = (name for name, spans in own.items() if _fits(label, name) and spans.gap(*span_ns(label)) <= 0)
        here = {station_of(name).upper() for name in holding}
        if len(here) > 1:
            n += 1
            stations |= here
    told = f"{counted(n, 'label')} without a network, at codes that stations of several have, count for each of these"
    return [Rejection("", 0, 0, f"{KEPT}{told}: {first_of(sorted(stations), 6)}")] if n else []


def _by_station(trace_ids: Iterable[str]) -> dict[str, list[str]]:
    """Trace ids by the code of their station, in upper case."""
    of_station: dict[str, list[str]] = defaultdict(list)
    for name in trace_ids:
        of_station[name.split(".")[1].upper()].append(name)
    return of_station


def _fits(label: Pick | ClassInterval, trace_id: str) -> bool:
    network, _, location, _ = trace_id.split(".")
    return fits(label, network, location)


def _spans(names: Iterable[str], records: Mapping[str, Sequence[int]]) -> Spans:
    """Where the records of some trace ids lie."""
    return Spans([span for n in names for span in zip(records[n][::2], records[n][1::2], strict=True)])


def _unused_picks(
    labels: Sequence[Pick | ClassInterval], records: Mapping[str, Sequence[int]], of_station: Mapping[str, list[str]]
) -> Iterator[int]:
    """Indices of the picks that no record uses, at stations where picks name several instruments; see `surest`."""
    picks: dict[str, dict[int, Pick]] = defaultdict(dict)
    for i, label in enumerate(labels):
        if isinstance(label, Pick):
            picks[label.station.upper()][i] = label
    for station, here in picks.items():
        if len({pick.channel[:2] for pick in here.values()} - {""}) > 1:
            used: set[int] = set()
            for name in of_station.get(station, []):
                kept, _ = surest([pick for pick in here.values() if _fits(pick, name)], name.split(".")[3])
                spans = _spans([name], records)
                used |= {id(pick) for pick in kept if spans.gap(pick.time_ns, pick.time_ns) <= 0}
            yield from (i for i, pick in here.items() if id(pick) not in used)


def _away(away_ns: Sequence[float]) -> str:
    lengths = dict.fromkeys(duration(ns / NS_PER_S) for ns in (min(away_ns), max(away_ns)))
    return " to ".join(lengths)


def _similar(place: str, records: Mapping[str, Sequence[int]]) -> str:
    places = sorted({name.rpartition(".")[0] for name in records})
    nearest = difflib.get_close_matches(place, places, n=3, cutoff=0)
    return f"; the most similar are {', '.join(nearest)}" if nearest else ""


def span_ns(label: Pick | ClassInterval) -> tuple[int, int]:
    """First and last time of a label."""
    return (label.time_ns, label.time_ns) if isinstance(label, Pick) else (label.start_ns, label.end_ns)
