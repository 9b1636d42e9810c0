"""From probability traces to picks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PickConfig
from seisnet.onset import aic_onset, shows
from seisnet.picks import Pick, in_order
from seisnet.scan import Probabilities
from seisnet.waveforms.records import NS_PER_S, Record, ns_to_sample

SNR_WINDOW_S = 2.0


def find_onsets(probability: NDArray[np.float32], threshold: float) -> list[tuple[float, float]]:
    """Peaks of a probability trace.

    A run above half the threshold that reaches the threshold holds one onset, at the centre of gravity of what
    exceeds half the peak around its highest point.

    Parameters
    ----------
    probability : float32 (M,)
        One class.
    threshold : float
        What the highest point must reach.

    Returns
    -------
    list of (float, float)
        Fractional column and peak probability, in order of time.

    Examples
    --------
    >>> find_onsets(np.array([0, 0, 0.4, 0.8, 0.4, 0, 0], dtype=np.float32), 0.5)
    [(3.0, 0.800000011920929)]
    """
    above = np.concatenate([[False], probability >= threshold / 2, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
    found: list[tuple[float, float]] = []
    for low, high in edges:
        peak = low + int(np.argmax(probability[low:high]))
        height = float(probability[peak])
        if height < threshold:
            continue
        hump = probability[low:high] >= height / 2
        first, last = peak - low, peak - low
        while first > 0 and hump[first - 1]:
            first -= 1
        while last + 1 < len(hump) and hump[last + 1]:
            last += 1
        columns = np.arange(low + first, low + last + 1)
        weights = probability[columns].astype(np.float64) - height / 2 + 1e-9
        # Counted from the peak, so that what is symmetrical stays where it is.
        found.append((float(peak + ((columns - peak) * weights).sum() / weights.sum()), height))
    return found


def find_picks(
    record: Record,
    probabilities: Probabilities,
    thresholds: Mapping[str, float],
    *,
    config: PickConfig,
    model: str,
) -> list[Pick]:
    """Picks of a record, in order of time.

    Parameters
    ----------
    record : Record
        The samples, for signal-to-noise ratios.
    probabilities : Probabilities
        Of that record.
    thresholds : mapping of str to float
        The classes that give picks, with the probability that one must reach.
    config : PickConfig
        Distance and refinement; its thresholds are not read.
    """
    network, station, location, channel = probabilities.trace_id.split(".")
    picks = []
    for phase, threshold in thresholds.items():
        trace = probabilities.values[probabilities.classes.index(phase)]
        onsets = [
            (probabilities.start_ns + round(column * probabilities.hop_ns), height)
            for column, height in find_onsets(trace, threshold)
        ]
        if config.refine_s and shows(record, phase):
            onsets = [(aic_onset(record, t, phase, half_width_s=config.refine_s), height) for t, height in onsets]
        for time_ns, height in keep_apart(onsets, round(config.min_distance_s * NS_PER_S)):
            picks.append(
                Pick(
                    network=network,
                    station=station,
                    location=location,
                    channel=channel,
                    phase=phase,
                    time_ns=time_ns,
                    probability=height,
                    snr_db=snr_db(record, time_ns),
                    model=model,
                    threshold=threshold,
                )
            )
    return one_phase_an_onset(picks, round(config.same_onset_s * NS_PER_S))


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
    """Power after a time over power before it, two seconds each, all components together, in decibels."""
    n = round(SNR_WINDOW_S * record.sampling_rate_hz)
    at = ns_to_sample(record, time_ns)
    before, after = record.data[:, max(at - n, 0) : at], record.data[:, at : at + n]
    if before.shape[1] < n // 4 or after.shape[1] < n // 4:
        return float("nan")
    noise = np.var(before.astype(np.float64), axis=1).sum()
    signal = np.var(after.astype(np.float64), axis=1).sum()
    return float(10 * np.log10(signal / noise)) if noise > 0 and signal > 0 else float("nan")
