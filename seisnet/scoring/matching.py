"""Scoring picks against reference picks, and detections against classes that an analyst gave."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seisnet.label_weights import UNUSED
from seisnet.labels.joining import surest
from seisnet.labels.phases import last_leg, phase_class
from seisnet.overlaps import Spans, match_spans
from seisnet.picks import ClassInterval, Detection, OnInstrument, Pick
from seisnet.waveforms.records import NS_PER_S

Mark = Pick | Detection | ClassInterval

TOLERANCE_S = {"phase": 0.5, "class": 10.0}
"""What counts as near, unless a user says otherwise: for classes half a window of the shipped model."""

FARTHEST_S = 25 * 3600.0
"""Longest time by which picks may all be shifted: a day and the hour of summer."""

NOISE = "noise"
"""The class that gives no detections."""


@dataclass(frozen=True)
class MatchScore:
    """How the picks of one phase, or the detections of one class, agree with the reference.

    Attributes
    ----------
    name : str
        Of the phase or class.
    found, reference, matched : int
        Picks or detections, those of the reference, and pairs of them.
    residuals_s : float64 (matched,)
        Pick less reference, or start of the detection less that of the reference.
    unclear : int
        Picks that are neither right nor false, see `score_picks`, and are not among those found.
    """

    name: str
    found: int
    reference: int
    matched: int
    residuals_s: NDArray[np.float64]
    unclear: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that matches; NaN where nothing was."""
        return self.matched / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        """Share of the reference that is matched; NaN without reference."""
        return self.matched / self.reference if self.reference else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of both; NaN where nothing was found and there is no reference."""
        total = self.found + self.reference
        return 2 * self.matched / total if total else float("nan")

    def false_an_hour(self, hours: float) -> float:
        """What has no match in an hour of those looked at, all stations together; NaN where these are not known."""
        return (self.found - self.matched) / hours


def score_picks(picks: Iterable[Pick], reference: Iterable[Pick], *, tolerance_s: float) -> list[MatchScore]:
    """Match picks to the reference station by station, and count.

    Stations are compared by network and station code; one whose network a side does not name, by station code alone.
    Every pick on a station that the reference knows counts; picks on other stations are left out, since nobody
    looked there (`elsewhere`). Of several reference picks of one onset the surest counts (see
    `seisnet.labels.joining.surest`). A pick without a match is neither right nor false, and left out as well, if it
    lies at another of these, at a pick to which its analyst gave no weight, or at a later phase (such as pP or PKP).

    Pairs are one to one, the nearest first, so that a residual is the distance to the onset at which the pick was made.
    Other pairs may be more (in a swarm, by a thousandth), but not where the picks of either side, as a model's on one
    instrument, lie more than twice the tolerance apart.

    Returns
    -------
    list of MatchScore
        For P and S.
    """
    wanted, second = surest(reference)
    others = [*second, *(pick for pick in wanted if not phase_class(pick.phase))]
    doubtful = [replace(pick, phase=last_leg(pick.phase.removesuffix(UNUSED))) for pick in others]
    return _scores(("P", "S"), list(picks), wanted, tolerance_s, doubtful)


def score_detections(
    detections: Iterable[Detection | ClassInterval],
    reference: Iterable[Detection | ClassInterval],
    *,
    tolerance_s: float,
) -> list[MatchScore]:
    """Match detections to stretches of the same class, station by station as `score_picks` does, and count.

    A detection and a stretch match if they share a moment, or lie no further apart than the tolerance: one to one,
    those that overlap longest first. A stretch whose end is not known is a moment, which the detection must contain,
    or come as near to. Detections last from the centre of their first window to that of their last, and what they found
    may lie anywhere in these: half a window is a good tolerance.

    So two detections of one rockfall are a hit and a false detection, one detection of two
    rockfalls is a hit and a miss, and an event that is listed at four stations counts four times. What is called
    ``noise`` is left out.

    Scores of sound events, by contrast, ask onset and end to agree within a collar (Mesaros, Heittola and Virtanen,
    2016, Applied Sciences 6, 162). Detections are no sharper than their windows: the residuals tell how sharp.

    Returns
    -------
    list of MatchScore
        For every class of either side, by name.
    """
    detections, reference = list(detections), list(reference)
    names = {mark.label for mark in (*detections, *reference)} - {NOISE}
    return _scores(sorted(names), detections, reference, tolerance_s)


def elsewhere(found: Sequence[OnInstrument], reference: Sequence[OnInstrument]) -> list[OnInstrument]:
    """Picks or detections on stations that the reference doesn't name, which are left out of a score."""
    station_of = _namer(found, reference)
    stations = {station_of(mark) for mark in reference}
    return [mark for mark in found if station_of(mark) not in stations]


def side_by_side(found: Sequence[OnInstrument], reference: Sequence[OnInstrument]) -> list[str]:
    """Instruments of stations where more of them have found something than the reference names: onsets count twice."""
    station_of = _namer(found, reference)
    mine: dict[str, set[str]] = defaultdict(set)
    theirs: dict[str, set[str]] = defaultdict(set)
    for marks, instruments in ((found, mine), (reference, theirs)):
        for mark in marks:
            instruments[station_of(mark)].add(mark.trace_id)
    several = (mine[station] for station in theirs if len(mine[station]) > len(theirs[station]))
    return sorted(itertools.chain(*several))


def apart_s(found: Sequence[Mark], reference: Sequence[Mark]) -> float:
    """Median time from what the reference holds to the nearest found at its station, whatever its name; or NaN."""
    station_of = _namer(found, reference)
    starts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (_, station), spans in _spans(found, station_of).items():
        starts[station] += [(start_ns, start_ns) for start_ns, _ in spans]
    moments = {station: Spans(spans) for station, spans in starts.items()}
    nearest = [
        moments[station].gap(start_ns, start_ns)
        for (_, station), spans in _spans(reference, station_of).items()
        for start_ns, _ in spans
        if station in moments
    ]
    return float(np.median(nearest)) / NS_PER_S if nearest else float("nan")


def common_shift_s(found: Sequence[Mark], reference: Sequence[Mark], *, tolerance_s: float) -> float:
    """By how much what was found is later than the reference, if that is the same for most; below 0 it is earlier.

    Local time, or another day, shifts all picks alike, by 25 h at most. Each of the reference is compared with all of
    its name at its station; of more than 1000, only some 1000 are, evenly spread. NaN if fewer than half of them, or
    fewer than ten, agree.
    """
    station_of = _namer(found, reference)
    starts_s = {of: np.sort([ns / NS_PER_S for ns, _ in spans]) for of, spans in _spans(found, station_of).items()}
    wanted = [
        (of, ns / NS_PER_S) for of, spans in _spans(reference, station_of).items() for ns, _ in spans if of in starts_s
    ]
    wanted = wanted[:: -(-len(wanted) // 1000) or 1]
    near, reach_s = [np.zeros(0)], FARTHEST_S + tolerance_s  # picks that are shifted by all of it scatter about it
    for of, at_s in wanted:
        shifts_s = starts_s[of] - at_s
        near.append(shifts_s[slice(*shifts_s.searchsorted((-reach_s, reach_s)))])
    ordered = np.sort(np.concatenate(near))
    counts = ordered.searchsorted(ordered + 2 * tolerance_s, side="right") - np.arange(len(ordered))
    most = int(counts.max(initial=0))
    first = int(counts.argmax()) if most else 0
    return float(np.median(ordered[first : first + most])) if most >= max(10, len(wanted) / 2) else float("nan")


def unscored(marks: Iterable[Mark]) -> list[str]:
    """Name of every pick that is neither P nor S, and of every stretch of noise, which are left out of a score."""
    return [mark.phase if isinstance(mark, Pick) else mark.label for mark in marks if _name(mark) in ("", NOISE)]


def _name(mark: Mark) -> str:
    """What a mark counts as."""
    return phase_class(mark.phase) if isinstance(mark, Pick) else mark.label


def _scores(
    names: Iterable[str],
    found: Sequence[Mark],
    reference: Sequence[Mark],
    tolerance_s: float,
    doubtful: Sequence[Mark] = (),
) -> list[MatchScore]:
    named = [*reference, *doubtful]
    station_of = _namer(found, named)
    stations = sorted({station_of(mark) for mark in named})
    mine, theirs, neither = _spans(found, station_of), _spans(reference, station_of), _spans(doubtful, station_of)
    scores = []
    for name in names:
        residuals: list[float] = []
        n_found = n_reference = unclear = 0
        for station in stations:
            here, wanted = mine[name, station], theirs[name, station]
            pairs = match_spans(here, wanted, tolerance_s=tolerance_s)
            residuals += [(here[i][0] - wanted[j][0]) / NS_PER_S for i, j in pairs]
            matched = {i for i, _ in pairs}
            rest = [span for i, span in enumerate(here) if i not in matched]
            unclear += len(match_spans(rest, neither[name, station], tolerance_s=tolerance_s))
            n_found += len(here)
            n_reference += len(wanted)
        residuals_s = np.array(residuals, dtype=np.float64)
        scores.append(MatchScore(name, n_found - unclear, n_reference, len(residuals), residuals_s, unclear))
    return scores


def _namer(found: Sequence[OnInstrument], reference: Sequence[OnInstrument]) -> Callable[[OnInstrument], str]:
    """Names of stations: code alone where some mark of such a code names no network, else with the network."""
    unnamed = {mark.station.upper() for mark in (*found, *reference) if not mark.network}
    return lambda mark: (mark.station if mark.station.upper() in unnamed else mark.station_id).upper()


def _spans(
    marks: Sequence[Mark], station_of: Callable[[OnInstrument], str]
) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """First and last time of every mark, by the name of its phase or class and its station; of a pick both are one."""
    spans: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for mark in marks:
        span = (mark.time_ns, mark.time_ns) if isinstance(mark, Pick) else (mark.start_ns, mark.end_ns)
        spans[_name(mark), station_of(mark)].append(span)
    return spans
