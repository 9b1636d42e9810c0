"""From probability traces to picks, which may come piece by piece."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PickConfig
from seisnet.picking.aic import CONTEXT_S, WARM_UP_S, aic_onset
from seisnet.picking.rivals import Rivals
from seisnet.picks import Pick, in_order
from seisnet.scan.onset_network import FURTHEST_S, WINDOW_S, OnsetNetwork
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.records import NS_PER_S, Record, ns_to_sample

SNR_WINDOW_S = 2.0

LONGEST_RUN_S = 30.0
"""A run of high probability that lasts longer is cut into such pieces, an onset each: a stream can't wait for ever."""

LONGEST_CLUSTER_S = 60.0
"""Onsets that follow each other too closely are weighed against each other over no longer than this."""


class OnsetFinder:
    """Peaks of a probability trace that comes in pieces.

    A run above half the threshold that reaches the threshold holds one onset, at the centre of gravity of what
    exceeds half the peak around its highest point.

    Parameters
    ----------
    threshold : float
        What the highest point must reach.
    longest : int
        Columns after which a run is cut.

    Attributes
    ----------
    settled : int
        Columns whose onsets are all known.
    """

    def __init__(self, threshold: float, longest: int) -> None:
        self.settled = 0
        self._threshold, self._longest = threshold, max(1, longest)
        self._open = np.zeros(0, dtype=np.float32)  # the run that goes on, from column `settled`

    def add(self, probability: NDArray[np.float32], *, last: bool = False) -> list[tuple[int, float, float]]:
        """Take the columns that follow.

        Returns
        -------
        list of (int, float, float)
            Column of the peak, distance from it to the onset in columns, and probability; in order of time.
        """
        values = np.concatenate([self._open, probability])
        above = np.concatenate([[False], values >= self._threshold / 2, [False]])
        edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
        found: list[tuple[int, float, float]] = []
        rest = len(values)
        if len(edges) and edges[-1, 1] == len(values) and not last:
            low = int(edges[-1, 0])
            rest = low + (len(values) - low) // self._longest * self._longest
        heights = np.maximum.reduceat(values, edges[:, 0]) if len(edges) else values[:0]
        for low, high in edges[heights.astype(np.float64) >= self._threshold]:
            for start in range(low, min(high, rest), self._longest):
                run = values[start : min(start + self._longest, high)]
                if float(run.max()) >= self._threshold:
                    peak, offset, height = _centre(run)
                    found.append((self.settled + start + peak, offset, height))
        self._open = values[rest:].copy()
        self.settled += rest
        return found


def _centre(run: NDArray[np.float32]) -> tuple[int, float, float]:
    """Highest column of a run, distance from it to the centre of gravity of its hump, and height."""
    peak = int(np.argmax(run))
    height = float(run[peak])
    below = np.flatnonzero(run < height / 2)
    i = int(np.searchsorted(below, peak))
    first, stop = (int(below[i - 1]) + 1 if i else 0), (int(below[i]) if i < len(below) else len(run))
    # Counted from the peak, so that what is symmetrical stays where it is.
    distance = np.arange(first - peak, stop - peak)
    weights = run[first:stop].astype(np.float64) - height / 2 + 1e-9
    return peak, float((distance * weights).sum() / weights.sum()), height


@dataclass(frozen=True, slots=True)
class _Onset:
    phase: str
    time_ns: int
    height: float


class Picker:
    """Picks of one record that comes in pieces.

    Parameters
    ----------
    thresholds : mapping of str to float
        The classes that give picks, with the probability that one must reach.
    config : PickConfig
        Distances and refinement; its thresholds are not read.
    model : str
        Written into every pick.
    onsets : OnsetNetwork, optional
        Moves picks, before Akaike's criterion does, and says how far off they may be.

    Attributes
    ----------
    needs_ns : int
        Samples before this are not needed any more.
    """

    def __init__(
        self, thresholds: Mapping[str, float], *, config: PickConfig, model: str, onsets: OnsetNetwork | None = None
    ) -> None:
        self.needs_ns = -(2**63)
        self._thresholds, self._config, self._model, self._onsets = thresholds, config, model, onsets
        self._finders: dict[str, OnsetFinder] = {}
        self._start_ns: int | None = None
        self._raw: list[_Onset] = []  # onsets as the probabilities have them
        self._picks: list[Pick] = []  # refined, not yet weighed against their neighbours
        self._rivals = Rivals(round(config.rival_s * NS_PER_S), thresholds)
        moved_s = furthest_s(config, onsets)
        self._moved_ns = round(moved_s * NS_PER_S)
        reads_s = WINDOW_S / 2 if onsets else 0.0
        self._after_ns = round(max(moved_s + max(CONTEXT_S, SNR_WINDOW_S), reads_s) * NS_PER_S)
        self._before_ns = round(max(moved_s + max(CONTEXT_S + WARM_UP_S, SNR_WINDOW_S), reads_s) * NS_PER_S)

    def add(self, record: Record, probabilities: Probabilities, *, last: bool = False) -> list[Pick]:
        """Take the columns that follow, and give the picks that are settled, in order of time.

        Parameters
        ----------
        record : Record
            The samples up to now, from `needs_ns` on, or earlier.
        probabilities : Probabilities
            The columns that follow those given before.
        """
        if self._start_ns is None:
            self._start_ns = probabilities.start_ns
            longest = round(LONGEST_RUN_S * NS_PER_S / probabilities.hop_ns)
            self._finders = {phase: OnsetFinder(t, longest) for phase, t in self._thresholds.items()}
        hop_ns = probabilities.hop_ns
        for phase, finder in self._finders.items():
            row = probabilities.values[probabilities.classes.index(phase)]
            for peak, offset, height in finder.add(row, last=last):
                self._raw.append(_Onset(phase, self._start_ns + peak * hop_ns + round(offset * hop_ns), height))
        settled_ns = probabilities.start_ns + probabilities.values.shape[1] * hop_ns
        settled_ns = min([settled_ns, *(self._start_ns + f.settled * hop_ns for f in self._finders.values())])
        known_ns = record.end_ns - self._after_ns
        ready = [o for o in self._raw if last or o.time_ns <= known_ns]
        self._raw = [o for o in self._raw if not (last or o.time_ns <= known_ns)]
        self._picks += [self._refined(record, onset) for onset in ready]
        settled_ns = min([settled_ns, *(o.time_ns for o in self._raw)])
        self.needs_ns = settled_ns - self._before_ns
        settled_ns -= self._moved_ns + round(NS_PER_S / record.sampling_rate_hz)  # times are rounded to samples
        picks = self._weighed(settled_ns, last=last)
        return self._rivals.add(picks, min([settled_ns, *(p.time_ns for p in self._picks)]), last=last)

    def _refined(self, record: Record, onset: _Onset) -> Pick:
        network, station, location, channel = record.trace_id.split(".")
        time_ns, uncertainty_s = onset.time_ns, math.nan
        if self._onsets:
            time_ns, uncertainty_s = self._onsets.move(record, time_ns, onset.phase)
        if self._config.refine_s:
            time_ns = aic_onset(record, time_ns, onset.phase, half_width_s=self._config.refine_s)
        return Pick(
            network=network,
            station=station,
            location=location,
            channel=channel,
            phase=onset.phase,
            time_ns=time_ns,
            probability=onset.height,
            uncertainty_s=uncertainty_s,
            snr_db=snr_db(record, time_ns),
            model=self._model,
            threshold=self._thresholds[onset.phase],
        )

    def _weighed(self, settled_ns: int, *, last: bool) -> list[Pick]:
        """Take clusters of picks that no later one can join, and leave in each what may stand beside each other."""
        config = self._config
        gap_ns = round(max(config.min_distance_s, config.same_onset_s) * NS_PER_S)
        longest_ns = round(LONGEST_CLUSTER_S * NS_PER_S)
        clusters: list[list[Pick]] = []
        for pick in in_order(self._picks):
            cluster = clusters[-1] if clusters else []
            near = cluster and pick.time_ns - cluster[-1].time_ns < gap_ns
            if near and pick.time_ns - cluster[0].time_ns <= max(longest_ns, gap_ns):
                cluster.append(pick)
            else:
                clusters.append([pick])
        found: list[Pick] = []
        self._picks = []
        for i, cluster in enumerate(clusters):
            followed = i + 1 < len(clusters) and settled_ns > clusters[i + 1][0].time_ns
            if last or followed or settled_ns >= cluster[-1].time_ns + gap_ns:
                found += self._apart(cluster)
            else:
                self._picks += cluster
        return found

    def _apart(self, cluster: Sequence[Pick]) -> list[Pick]:
        kept = []
        for phase in self._thresholds:
            of_phase = {(p.time_ns, p.probability): p for p in cluster if p.phase == phase}
            kept += [of_phase[key] for key in keep_apart(list(of_phase), round(self._config.min_distance_s * NS_PER_S))]
        return one_phase_an_onset(kept, round(self._config.same_onset_s * NS_PER_S))


def furthest_s(config: PickConfig, onsets: OnsetNetwork | None) -> float:
    """How far a pick may move from where the probabilities have it."""
    return config.refine_s + (FURTHEST_S if onsets else 0.0)


def margin_s(config: PickConfig, onsets: OnsetNetwork | None) -> float:
    """Length of record on either side of a time on which its picks depend, beside what its probabilities read."""
    alone = LONGEST_RUN_S + LONGEST_CLUSTER_S + 2 * furthest_s(config, onsets) + CONTEXT_S + WARM_UP_S + SNR_WINDOW_S
    return alone + config.min_distance_s + config.same_onset_s + config.rival_s


def one_phase_an_onset(picks: Sequence[Pick], same_onset_ns: int) -> list[Pick]:
    """Of picks of different phases closer than a distance, keep the most probable; in order of time."""
    kept: list[Pick] = []
    for pick in sorted(picks, key=lambda p: (-p.probability, p.time_ns, p.phase)):
        if all(p.phase == pick.phase or abs(p.time_ns - pick.time_ns) >= same_onset_ns for p in kept):
            kept.append(pick)
    return in_order(kept)


def keep_apart(onsets: Sequence[tuple[int, float]], min_distance_ns: int) -> list[tuple[int, float]]:
    """Of onsets (time, probability) nearer than a distance, keep the most probable; in order of time.

    Examples
    --------
    >>> keep_apart([(0, 0.7), (4, 0.9), (20, 0.6)], 10)
    [(4, 0.9), (20, 0.6)]
    """
    kept: list[tuple[int, float]] = []
    for time_ns, height in sorted(onsets, key=lambda onset: (-onset[1], onset[0])):
        if all(abs(time_ns - other) >= min_distance_ns for other, _ in kept):
            kept.append((time_ns, height))
    return sorted(kept)


def snr_db(record: Record, time_ns: int) -> float:
    """Power after a time over power before it, all components together, in decibels.

    Of two seconds each, or what the record holds; NaN where that is less than a twentieth of it.
    """
    n = round(SNR_WINDOW_S * record.sampling_rate_hz)
    at = ns_to_sample(record, time_ns)
    before, after = record.data[:, max(at - n, 0) : at], record.data[:, at : at + n]
    if min(before.shape[1], after.shape[1]) < max(n // 20, 1):
        return float("nan")
    noise = np.var(before.astype(np.float64), axis=1).sum()
    signal = np.var(after.astype(np.float64), axis=1).sum()
    return float(10 * np.log10(signal / noise)) if noise > 0 and signal > 0 else float("nan")
