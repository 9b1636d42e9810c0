"""Analysts' labels, picks and classes of signals, read from files; each counts once."""

from __future__ import annotations

import bisect
import csv
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from seisnet.errors import DataError, missing
from seisnet.labels.catalogues import catalogue_intervals, catalogue_picks
from seisnet.labels.tables import csv_intervals, csv_picks, is_csv
from seisnet.picks import REFUSED, UNUSED, ClassInterval, Pick, in_order
from seisnet.waveforms.records import NS_PER_S, Rejection
from seisnet.wording import most_frequent

HINT = re.compile(
    r"[EIQ]?"  # quality of the onset: emergent, impulsive, questionable
    r"(?P<legs>[PS][GNB]?(?:[KIJMCW]*[PS][GNB]?)*)"
    r"(?:\*|DIFF?|DF|[AB]C|AB)?\d?"  # branch
    r"[-+.?UDCN]?[0-4]?"  # polarity and weight, as in HYPO71's IPU0
)

SAME_NS = NS_PER_S // 2
"""Picks of one phase at one station, in two files of labels, are of one onset if they are no farther apart."""

SECOND = "a second pick of the same onset"

NO_CLASSES = "classes: its events have no type, or no picks; detections are read from CSV"

Event = tuple[int, str]
"""Number of a file of labels, and what it calls an event."""

Refused = dict[str, list[tuple[int, str, str]]]
"""By station: times, networks and locations of the picks of a file that an analyst rejected."""

L = TypeVar("L", Pick, ClassInterval)


def phase_class(hint: str) -> str:
    """Map a phase hint to ``P``, ``S``, or an empty string for what is neither.

    What arrives counts, the last leg: P, p, Pg, Pn, Pb, P*, P1, PmP, PcP, PP, PKP, PKiKP, Pdiff, sP and ScP are P;
    S, s, Sg, Sn, Sb, S*, S1, SmS, ScS, SS, SKS and PS are S. Qualities before (``iP``, ``ES``), polarities and
    weights after (``IPU0``) are dropped. Lg, amplitudes (AML) and whatever else there is are neither.

    Examples
    --------
    >>> [phase_class(h) for h in ("Pg", "IPU0", "eS", "Sn", "PmP", "sP", "Lg", "AML", "Surface", "")]
    ['P', 'P', 'S', 'S', 'P', 'P', '', '', '', '']
    """
    found = HINT.fullmatch(hint.strip().upper())
    return found["legs"].rstrip("GNB")[-1] if found else ""


def read_labels(paths: Iterable[str | Path], rejections: list[Rejection] | None = None) -> list[Pick]:
    """Read picks from catalogues and CSV files, every onset once.

    Of several files the first counts, in one file a pick of an event before one that belongs to none, and in one event
    the pick that weighs most, so that a machine's beside the analyst's is no second onset.

    Parameters
    ----------
    rejections : list of Rejection, optional
        Takes the picks that an analyst rejected, and second picks of an onset.

    Returns
    -------
    list of Pick
        In order of time; phases keep the hint that the file gives.

    Raises
    ------
    DataError
        For a file that is missing, empty, neither a catalogue nor a CSV of picks, or holds no pick.
    """
    rejected = [] if rejections is None else rejections
    files: list[list[Pick]] = []
    refused: list[Refused] = []
    for path in paths:
        own: list[Rejection] = []
        (picks,) = _read([path], csv_picks, catalogue_picks, "picks; origins alone give no onsets", own)
        refused.append(_refused(own))
        files.append(_surest(picks, own))
        rejected += own
    return in_order(_once(files, refused, rejected))


def read_classes(paths: Iterable[str | Path], rejections: list[Rejection] | None = None) -> list[ClassInterval]:
    """Read class intervals from CSV files, and from catalogues whose events have a type and picks; equal ones once.

    A CSV may be one of detections.

    Parameters
    ----------
    rejections : list of Rejection, optional
        Takes the stretches that an analyst rejected, and second labels of a stretch.

    Returns
    -------
    list of ClassInterval
        In order of time.

    Raises
    ------
    DataError
        For a file that is missing, empty, neither a catalogue nor a CSV of classes, or holds no class.
    """
    rejected = [] if rejections is None else rejections
    files = _read(paths, csv_intervals, catalogue_intervals, NO_CLASSES, rejected)
    intervals = sorted(itertools.chain(*files), key=_stretch)  # equal ones stay in the order of the files
    return [_merged(list(alike), rejected) for _, alike in itertools.groupby(intervals, _stretch)]


def read_intervals(path: Path, rejections: list[Rejection]) -> list[ClassInterval]:
    """Read class intervals as `read_classes` does, but all that one file holds; in a CSV there may be none."""
    intervals = _read_one(path, csv_intervals, catalogue_intervals, rejections)
    if not intervals and not is_csv(path):
        raise DataError(f"{path}: holds no {NO_CLASSES}")
    return intervals


def _merged(alike: Sequence[ClassInterval], rejections: list[Rejection]) -> ClassInterval:
    """The first of some equal intervals, in the first event that any of them names; the others are rejected."""
    what = "a second label of the same stretch"
    rejections += [Rejection(i.trace_id, i.start_ns, i.end_ns, what) for i in alike[1:]]
    return replace(alike[0], event_id=next((i.event_id for i in alike if i.event_id), ""))


def _stretch(i: ClassInterval) -> tuple[int, str, str, str, str, int]:
    return i.start_ns, i.network, i.station, i.location, i.label, i.end_ns


def _read(
    paths: Iterable[str | Path],
    from_csv: Callable[[Path, list[Rejection]], list[L]],
    from_catalogue: Callable[[Path, list[Rejection]], list[L]],
    none: str,
    rejections: list[Rejection],
) -> list[list[L]]:
    """The labels of each file."""
    labels: list[list[L]] = []
    for path in map(Path, paths):
        before = len(rejections)
        found = _read_one(path, from_csv, from_catalogue, rejections)
        if not found:
            why_not = "; ".join(most_frequent(Counter(r.reason for r in rejections[before:])))
            lacks = f"usable label: {why_not}" if why_not else "row below its header" if is_csv(path) else none
            raise DataError(f"{path}: holds no {lacks}")
        labels.append(found)
    return labels


def _read_one(
    path: Path,
    from_csv: Callable[[Path, list[Rejection]], list[L]],
    from_catalogue: Callable[[Path, list[Rejection]], list[L]],
    rejections: list[Rejection],
) -> list[L]:
    if not path.is_file():
        raise DataError(missing(path))
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    try:
        return (from_csv if is_csv(path) else from_catalogue)(path, rejections)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text in UTF-8: {error}; save it as UTF-8") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: can't be read: {error}") from error


def _surest(picks: Sequence[Pick], rejections: list[Rejection]) -> list[Pick]:
    """Picks of a file without those that lie beside one of more weight, of the same onset, event and instrument.

    Two of equal weight are left: nobody knows which is right, and a machine's own second picks are to be seen.
    """
    of_onset: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, pick in enumerate(picks):
        if pick.event_id:
            of_onset[pick.event_id, pick.channel[:2], *_station_and_phase(pick)].append(i)
    second: set[int] = set()
    for near in of_onset.values():
        most = max(picks[i].weight for i in near)
        for pick, i in ((picks[i], i) for i in near if picks[i].weight < most):  # none where a machine made them all
            surer = (picks[k] for k in near if picks[k].weight > pick.weight)
            of_same = (p for p in surer if abs(p.time_ns - pick.time_ns) <= SAME_NS)
            if any(fits(pick, p.network, p.location.strip("-")) for p in of_same):
                second.add(i)
    rejections += [_rejection(pick, SECOND) for i, pick in enumerate(picks) if i in second]
    return [pick for i, pick in enumerate(picks) if i not in second]


def _refused(rejections: Iterable[Rejection]) -> Refused:
    times: defaultdict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for rejection in rejections:
        if rejection.reason == REFUSED:
            network, station, location, *_ = rejection.trace_id.split(".")
            bisect.insort(times[station.upper()], (rejection.start_ns, network, location))
    return times


def _is_refused(pick: Pick, files: Sequence[Refused]) -> bool:
    """Whether one of some files rejects a pick of this onset; what it calls the phase does not matter."""
    for times in files:
        of_station = times.get(pick.station.upper(), [])
        low = bisect.bisect_left(of_station, (pick.time_ns - SAME_NS, "", ""))
        near = itertools.takewhile(lambda at: at[0] <= pick.time_ns + SAME_NS, of_station[low:])
        if any(fits(pick, network, location.strip("-")) for _, network, location in near):
            return True
    return False


def _once(files: Sequence[Sequence[Pick]], refused: Sequence[Refused], rejections: list[Rejection]) -> list[Pick]:
    """Every onset once, as the first file has it, and in one event, whatever each file calls that.

    A pick that an earlier file rejects is left out, unless that has another pick of the onset.

    Otherwise one window might lie in two splits, under two names of one earthquake. Events of one name in two files are
    one, unless an onset of the later file shows that it is another: each file may number its events in its own way.
    """
    kept: list[Pick] = []
    of_event: list[Event] = []  # of each pick that is kept
    same_as: dict[Event, Event] = {}  # from an event to one that is the same, in this file or an earlier one
    first_of_name: dict[str, Event] = {}  # the first event of each name
    place_of: dict[tuple[object, ...], int] = {}  # place in `kept` of each pick
    earlier: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)  # times and places, of earlier files
    # A pick outside any event may be of the same onset as one inside: a machine's beside the analyst's.
    parts = ([pick for pick in picks if bool(pick.event_id) is named] for picks in files for named in (True, False))
    for k, picks in enumerate(parts):
        before = len(kept)
        for pick in picks:
            # Components, or P and Pg, of one time are of one onset, which would else have two windows.
            codes = (pick.network, pick.location, pick.channel[:2], *_onset(pick), pick.time_ns)
            place = place_of.get(codes, _place_of_copy(pick, earlier[_onset(pick)], kept))
            if place is None:
                if _is_refused(pick, refused[: k // 2]):
                    rejections.append(
                        Rejection(pick.trace_id, pick.time_ns, pick.time_ns, "rejected in an earlier file")
                    )
                    continue
                place_of[codes] = len(kept)
                kept.append(pick)
                of_event.append((k, pick.event_id))
                continue
            rejections.append(_rejection(pick, SECOND))
            if pick.event_id and of_event[place][1]:
                events = (_joined(same_as, of_event[place]), _joined(same_as, (k, pick.event_id)))
                early, late = sorted(events, key=lambda event: event[0])
                if early != late:
                    same_as[late] = early
            elif pick.event_id:
                of_event[place] = (k, pick.event_id)
        for name in dict.fromkeys(pick.event_id for pick in picks if pick.event_id):
            event, namesake = _joined(same_as, (k, name)), first_of_name.setdefault(name, (k, name))
            if event[0] == k and namesake[0] < k:
                same_as[event] = _joined(same_as, namesake)
        for i, pick in enumerate(kept[before:], before):
            bisect.insort(earlier[_onset(pick)], (pick.time_ns, i))
    names = [_joined(same_as, event)[1] for event in of_event]
    return [p if p.event_id == name else replace(p, event_id=name) for p, name in zip(kept, names, strict=True)]


def _place_of_copy(pick: Pick, earlier: Sequence[tuple[int, int]], kept: Sequence[Pick]) -> int | None:
    """Place in `kept` of the nearest pick that may be of the same onset as another."""
    low = bisect.bisect_left(earlier, (pick.time_ns - SAME_NS, 0))
    high = bisect.bisect_right(earlier, (pick.time_ns + SAME_NS, len(kept)))
    here = ((t, i, kept[i]) for t, i in earlier[low:high])
    near = [(abs(t - pick.time_ns), i) for t, i, p in here if fits(pick, p.network, p.location.strip("-"))]
    return min(near)[1] if near else None


def _rejection(pick: Pick, reason: str) -> Rejection:
    return Rejection(pick.trace_id, pick.time_ns, pick.time_ns, reason)


def _station_and_phase(pick: Pick) -> tuple[str, str]:
    return pick.station.upper(), phase_class(pick.phase) or pick.phase.upper()


def _onset(pick: Pick) -> tuple[str, str]:
    """Station and phase, of a pick without weight the phase that its analyst means: other files may give it one."""
    return _station_and_phase(replace(pick, phase=pick.phase.removesuffix(UNUSED)))


def _joined(same_as: dict[Event, Event], event: Event) -> Event:
    while event in same_as:
        event = same_as[event]
    return event


def fits(label: Pick | ClassInterval, network: str, location: str) -> bool:
    """Whether network and location of a label do not differ from others where both are named."""
    pairs = (label.network.upper(), network.upper()), (label.location.strip("-"), location)
    return all(not a or not b or a == b for a, b in pairs)
