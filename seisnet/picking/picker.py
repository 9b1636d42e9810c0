"""From probability traces to picks, which may come piece by piece."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seisnet.config import PickConfig
from seisnet.picking.aic import AROUND_S, CONTEXT_S, WARM_UP_S, aic_onset
from seisnet.picking.peaks import OnsetFinder, PeaksOfP
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

P_BEGINS_NS = NS_PER_S // 4
"""This long after its highest probability, P has certainly begun; S can't begin earlier than that."""


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
        self._p = PeaksOfP()
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
        if "P" in probabilities.classes:
            self._p.add(probabilities.values[probabilities.classes.index("P")])
        for phase, finder in self._finders.items():
            row = probabilities.values[probabilities.classes.index(phase)]
            for peak, offset, height in finder.add(row, last=last):
                self._raw.append(_Onset(phase, self._start_ns + peak * hop_ns + round(offset * hop_ns), height))
        end_ns = probabilities.start_ns + probabilities.values.shape[1] * hop_ns
        sample_ns = round(NS_PER_S / record.sampling_rate_hz)
        # Wherever S is moved, its refinement looks for P until shortly before it.
        seen_ns = end_ns + P_BEGINS_NS - round(FURTHEST_S * NS_PER_S) - sample_ns
        known_ns = math.inf if last else min(record.end_ns - self._after_ns, seen_ns)
        self._picks += [self._refined(record, onset, hop_ns) for onset in self._raw if onset.time_ns <= known_ns]
        self._raw = [onset for onset in self._raw if onset.time_ns > known_ns]
        settled = (finder.settled for finder in self._finders.values())
        # Onsets that are yet to be refined come no earlier than this, and their picks than `settled_ns`.
        next_ns = min([end_ns, *(self._start_ns + s * hop_ns for s in settled), *(o.time_ns for o in self._raw)])
        self.needs_ns = next_ns - self._before_ns
        self._p.forget((self.needs_ns - self._start_ns) // hop_ns)
        settled_ns = next_ns - self._moved_ns - sample_ns  # times are rounded to samples
        picks = self._weighed(settled_ns, last=last)
        return self._rivals.add(picks, min([settled_ns, *(p.time_ns for p in self._picks)]), last=last)

    def _refined(self, record: Record, onset: _Onset, hop_ns: int) -> Pick:
        network, station, location, channel = record.trace_id.split(".")
        time_ns, uncertainty_s = onset.time_ns, math.nan
        if self._onsets:
            time_ns, uncertainty_s = self._onsets.move(record, time_ns, onset.phase)
        if half_width_s := self._config.refine_s:
            after_ns = None if onset.phase == "P" else self._behind_p(time_ns, hop_ns)
            time_ns = aic_onset(record, time_ns, onset.phase, half_width_s=half_width_s, after_ns=after_ns)
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

    def _behind_p(self, time_ns: int, hop_ns: int) -> int | None:
        """When the onset of a P that is seen shortly before a time is over; None if no P is seen."""
        reach_ns = P_BEGINS_NS + round((self._config.refine_s + AROUND_S["S"]) * NS_PER_S)
        start_ns = self._start_ns or 0
        first, stop = ((time_ns - d - start_ns) // hop_ns + 1 for d in (reach_ns, P_BEGINS_NS))
        peak = self._p.highest(first, stop)
        return None if peak is None else start_ns + peak * hop_ns + P_BEGINS_NS

    def _weighed(self, settled_ns: int, *, last: bool) -> list[Pick]:
        """Take out the clusters of picks that no later one can join, and give the picks that remain of each."""
        config = self._config
        min_distance_ns, same_onset_ns = (round(s * NS_PER_S) for s in (config.min_distance_s, config.same_onset_s))
        gap_ns = max(min_distance_ns, same_onset_ns)
        longest_ns = round(LONGEST_CLUSTER_S * NS_PER_S)
        clusters: list[list[Pick]] = []
        for pick in in_order(self._picks):
            cluster = clusters[-1] if clusters else []
            near = cluster and pick.time_ns - cluster[-1].time_ns < gap_ns
            if near and pick.time_ns - cluster[0].time_ns <= max(longest_ns, gap_ns):
                cluster.append(pick)
            else:
                clusters.append([pick])
        remaining: list[Pick] = []
        self._picks = []
        for cluster in clusters:
            if last or settled_ns >= cluster[-1].time_ns + gap_ns:
                remaining += apart(cluster, min_distance_ns, same_onset_ns)
            else:
                self._picks += cluster
        return remaining


def furthest_s(config: PickConfig, onsets: OnsetNetwork | None) -> float:
    """How far a pick may move from where the probabilities have it."""
    return config.refine_s + (FURTHEST_S if onsets else 0.0)


def margin_s(config: PickConfig, onsets: OnsetNetwork | None) -> float:
    """How far picks depend on the record before and after them, beyond what the probabilities read."""
    alone = LONGEST_RUN_S + LONGEST_CLUSTER_S + 2 * furthest_s(config, onsets) + CONTEXT_S + WARM_UP_S + SNR_WINDOW_S
    return alone + config.min_distance_s + config.same_onset_s + config.rival_s


def apart(picks: Sequence[Pick], min_distance_ns: int, same_onset_ns: int) -> list[Pick]:
    """The most probable of picks nearer than a distance, first of each phase, then of several; in order of time."""

    def is_second(pick: Pick, other: Pick) -> bool:
        return pick.phase == other.phase and abs(pick.time_ns - other.time_ns) < max(min_distance_ns, 1)

    def is_of_same_onset(pick: Pick, other: Pick) -> bool:
        return pick.phase != other.phase and abs(pick.time_ns - other.time_ns) < same_onset_ns

    for gives_way in (is_second, is_of_same_onset):
        kept: list[Pick] = []
        for pick in sorted(picks, key=lambda p: (-p.probability, p.time_ns, p.phase)):
            if not any(gives_way(pick, other) for other in kept):
                kept.append(pick)
        picks = kept
    return in_order(picks)


def snr_db(record: Record, time_ns: int) -> float:
    """Power after a time over power before it, all components together, in decibels.

    Of two seconds each, or what the record holds; NaN where that is less than a twentieth of it.
    """
    n = round(SNR_WINDOW_S * record.sampling_rate_hz)
    at = ns_to_sample(record, time_ns)
    before, after = (record.data[:, max(low, 0) : max(low + n, 0)] for low in (at - n, at))
    if min(before.shape[1], after.shape[1]) < max(n // 20, 1):
        return float("nan")
    noise = np.var(before.astype(np.float64), axis=1).sum()
    signal = np.var(after.astype(np.float64), axis=1).sum()
    return float(10 * np.log10(signal / noise)) if noise > 0 and signal > 0 else float("nan")
