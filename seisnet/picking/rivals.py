"""Weak picks near a more probable one of their phase: mostly its coda, seldom another earthquake.

A network reads some seconds on either side; that another onset stands out more clearly some seconds before or after,
it can't know. Independent earthquakes within `PickConfig.rival_s` at one station are far rarer than false onsets beside
a true one, so that the log-odds of a weak one are lowered there. An onset that stands out of what comes before, as that
of a second earthquake of some size does, keeps its probability. Picks beyond a gap are no rivals.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

from seisnet.picks import Pick

LOG_ODDS = 2.0
"""By how much the log-odds of a weak pick are lower beside a more probable one."""

WEAK_DB = 10.0
"""A pick of a lower signal-to-noise ratio is weak, and one whose ratio is unknown."""


def is_weak(pick: Pick) -> bool:
    """Whether a more probable pick nearby would count against this one."""
    return not pick.snr_db >= WEAK_DB


def lowered(probability: float) -> float:
    """Probability with log-odds lower by `LOG_ODDS`.

    Examples
    --------
    >>> round(lowered(0.5), 3), lowered(1.0)
    (0.119, 1.0)
    """
    return probability / (probability + (1 - probability) * math.exp(LOG_ODDS))


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
            weak = is_weak(pick)
            if weak and not last and settled_ns < pick.time_ns + self._within_ns:
                break
            self._decided += 1
            told = replace(pick, probability=lowered(pick.probability)) if weak and self._has_rival(pick) else pick
            if told.probability >= self._thresholds[told.phase]:
                kept.append(told)
        first_ns = self._seen[self._decided].time_ns if self._decided < len(self._seen) else settled_ns
        old = self._from(first_ns - self._within_ns)
        self._seen, self._decided = self._seen[old:], self._decided - old
        return kept

    def _has_rival(self, pick: Pick) -> bool:
        """Whether a more probable pick is near, be it kept or not: so the order does not matter, nor a threshold."""
        near = self._seen[self._from(pick.time_ns - self._within_ns + 1) : self._from(pick.time_ns + self._within_ns)]
        return any(other.phase == pick.phase and other.probability > pick.probability for other in near)

    def _from(self, time_ns: int) -> int:
        return bisect_left(self._seen, time_ns, key=lambda pick: pick.time_ns)
