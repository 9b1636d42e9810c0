"""Scoring picks against reference picks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisnet.labels.reading import phase_class
from seisnet.picks import Pick, match_times
from seisnet.waveforms.records import NS_PER_S


@dataclass(frozen=True)
class PhaseScore:
    """How the picks of one phase agree with the reference.

    Attributes
    ----------
    phase : str
    found, reference, matched : int
        Picks, reference picks, and pairs of them within the tolerance.
    residuals_s : float64 (matched,)
        Pick less reference.
    """

    phase: str
    found: int
    reference: int
    matched: int
    residuals_s: NDArray[np.float64]

    @property
    def precision(self) -> float:
        """Share of the picks that match; NaN without picks."""
        return self.matched / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        """Share of the reference that is matched; NaN without reference."""
        return self.matched / self.reference if self.reference else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of both; NaN where there are neither picks nor reference."""
        total = self.found + self.reference
        return 2 * self.matched / total if total else float("nan")

    def false_an_hour(self, hours: float) -> float:
        """Picks without a match in an hour of those looked at, all stations together; NaN where these are not known."""
        return (self.found - self.matched) / hours


def score_picks(picks: Iterable[Pick], reference: Iterable[Pick], *, tolerance_s: float) -> list[PhaseScore]:
    """Match picks to the reference station by station, and count.

    Stations are compared by network and station code; where either side names no network, by station alone.
    Every pick on a station that the reference knows counts; picks on other stations are left out, since nobody
    looked there (`elsewhere`).

    Returns
    -------
    list of PhaseScore
        For P and S.
    """
    picks, reference = list(picks), list(reference)  # an iterator could be gone through once only
    networks_known = _networks_known(picks, reference)
    stations = sorted({_station(p, networks_known) for p in reference})
    scores = []
    for phase in ("P", "S"):
        mine, theirs = _by_station(picks, phase, networks_known), _by_station(reference, phase, networks_known)
        residuals = []
        n_found = 0
        for station in stations:
            found, wanted = mine.get(station, []), theirs.get(station, [])
            n_found += len(found)
            pairs = match_times(found, wanted, tolerance_s=tolerance_s)
            residuals += [(found[i] - wanted[j]) / NS_PER_S for i, j in pairs]
        n_reference = sum(map(len, theirs.values()))
        scores.append(PhaseScore(phase, n_found, n_reference, len(residuals), np.array(residuals, dtype=np.float64)))
    return scores


def elsewhere(picks: Sequence[Pick], reference: Sequence[Pick]) -> list[Pick]:
    """Picks on stations that the reference doesn't name, which `score_picks` leaves out."""
    networks_known = _networks_known(picks, reference)
    stations = {_station(p, networks_known) for p in reference}
    return [p for p in picks if _station(p, networks_known) not in stations]


def _networks_known(picks: Sequence[Pick], reference: Sequence[Pick]) -> bool:
    return all(p.network for p in (*picks, *reference))


def _station(pick: Pick, with_network: bool) -> str:
    return (pick.station_id if with_network else pick.station).upper()


def _by_station(picks: Sequence[Pick], phase: str, with_network: bool) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = defaultdict(list)
    for pick in picks:
        if phase_class(pick.phase) == phase:
            grouped[_station(pick, with_network)].append(pick.time_ns)
    return grouped
