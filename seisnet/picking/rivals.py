"""Picks near a more probable one of their phase: mostly its coda, or far smaller than what an analyst marks.

A network reads only some seconds around an onset, and can't know that another one shortly before or after it stands out
more clearly. So the log-odds of a pick are lowered in proportion to how much lower its signal-to-noise ratio is than
that of a more probable pick of its phase within `PickConfig.rival_s`. An onset that stands out as much, such as that of
a second earthquake of the same size, keeps its probability, unless it is weak and close enough to be coda; a pick of
which the network is very sure loses almost nothing. Later picks count against weak ones only, so that the others need
not wait for them.
Picks beyond a gap are not rivals.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

from seisnet.picks import Pick
from seisnet.waveforms.records import NS_PER_S

PER_DB = 0.2
"""What a pick loses of its log-odds for each decibel by which it stands out less."""

MOST = 4.0
"""What it loses at most."""

WEAK_DB = 10.0
"""A pick of a lower signal-to-noise ratio is weak, and one whose ratio is unknown."""

CODA_NS = 20 * NS_PER_S
CODA_DB = 10.0
"""A weak pick this near to a more probable one counts as standing out less by at least so many decibels."""


def is_weak(pick: Pick) -> bool:
    """Whether a pick hardly stands out of what comes before it."""
    return not pick.snr_db >= WEAK_DB


def lowered(probability: float, log_odds: float) -> float:
    """Probability with lower log-odds.

    Examples
    --------
    >>> round(lowered(0.5, 2.0), 3), lowered(1.0, 2.0)
    (0.119, 1.0)
    """
    return probability / (probability + (1 - probability) * math.exp(log_odds))


def loss(pick: Pick, rival: Pick) -> float:
    """What a pick loses of its log-odds beside a more probable one of its phase."""
    less_db = _known_db(rival) - _known_db(pick)
    if is_weak(pick) and abs(rival.time_ns - pick.time_ns) < CODA_NS:
        less_db = max(less_db, CODA_DB)
    return min(max(PER_DB * less_db, 0.0), MOST)


def _known_db(pick: Pick) -> float:
    return 0.0 if math.isnan(pick.snr_db) else pick.snr_db


class Rivals:
    """Weigh the picks of one record, which come in order of time, against more probable ones nearby.

    Parameters
    ----------
    within_ns : int
        How near; 0 lets all picks pass as they are.
    thresholds : mapping of str to float
        Picks whose probability is below their phase's are left out.
    """

    def __init__(self, within_ns: int, thresholds: Mapping[str, float]) -> None:
        self._within_ns, self._thresholds = within_ns, thresholds
        self._seen: list[Pick] = []  # in order of time; those that can still be rivals
        self._decided = 0  # so many of them were given out or left out

    def add(self, picks: Sequence[Pick], settled_ns: int, *, last: bool = False) -> list[Pick]:
        """Take the picks that follow, and give those that no later one can change, in order of time.

        Parameters
        ----------
        picks : sequence of Pick
        settled_ns : int
            Later picks come no earlier.
        """
        self._seen += picks
        kept: list[Pick] = []
        for pick in self._seen[self._decided :]:
            if is_weak(pick) and not last and settled_ns < pick.time_ns + self._within_ns:
                break
            self._decided += 1
            lost = self._loss(pick)
            weighed = replace(pick, probability=lowered(pick.probability, lost)) if lost else pick
            if weighed.probability >= self._thresholds[weighed.phase]:
                kept.append(weighed)
        first_ns = self._seen[self._decided].time_ns if self._decided < len(self._seen) else settled_ns
        old = self._from(first_ns - self._within_ns)
        self._seen, self._decided = self._seen[old:], self._decided - old
        return kept

    def _loss(self, pick: Pick) -> float:
        """What a pick loses to all around it, kept or not, so that neither their order nor thresholds matter."""
        first, stop = pick.time_ns - self._within_ns + 1, pick.time_ns + (self._within_ns if is_weak(pick) else 0)
        near = self._seen[self._from(first) : self._from(stop)]
        rivals = [other for other in near if other.phase == pick.phase and other.probability > pick.probability]
        return max((loss(pick, rival) for rival in rivals), default=0.0)

    def _from(self, time_ns: int) -> int:
        return bisect_left(self._seen, time_ns, key=lambda pick: pick.time_ns)
