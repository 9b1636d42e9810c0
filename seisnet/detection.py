"""From probability traces to picks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seisnet.picks import Pick
from seisnet.scan import Probabilities
from seisnet.waveforms.records import NS_PER_S, Record

SNR_WINDOW_S = 2.0


def find_onsets(
    probability: NDArray[np.float32], threshold: float, min_distance: int
) -> list[tuple[float, float]]:
    """Peaks of a probability trace.

    A run above half the threshold that reaches the threshold holds one onset, at the centre of gravity of what
    exceeds half the peak around its highest point.

    Parameters
    ----------
    probability : float32 (M,)
        One class.
    threshold : float
        What the highest point must reach.
    min_distance : int
        Of two onsets nearer than this, in columns, the more probable stays.

    Returns
    -------
    list of (float, float)
        Fractional column and peak probability, in order of time.

    Examples
    --------
    >>> find_onsets(np.array([0, 0, 0.4, 0.8, 0.4, 0, 0], dtype=np.float32), 0.5, 2)
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
        found.append((float((columns * weights).sum() / weights.sum()), height))
    kept: list[tuple[float, float]] = []
    for column, height in sorted(found, key=lambda f: -f[1]):
        if all(abs(column - other) >= min_distance for other, _ in kept):
            kept.append((column, height))
    return sorted(kept)


def find_picks(
    record: Record,
    probabilities: Probabilities,
    thresholds: Mapping[str, float],
    *,
    min_distance_s: float,
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
    """
    network, station, location, channel = probabilities.trace_id.split(".")
    min_distance = max(1, round(min_distance_s * NS_PER_S / probabilities.hop_ns))
    picks = []
    for phase, threshold in thresholds.items():
        trace = probabilities.values[probabilities.classes.index(phase)]
        for column, height in find_onsets(trace, threshold, min_distance):
            time_ns = probabilities.start_ns + round(column * probabilities.hop_ns)
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
    return sorted(picks, key=lambda p: (p.time_ns, p.trace_id, p.phase))


def snr_db(record: Record, time_ns: int) -> float:
    """Power after a time over power before it, two seconds each, all components together, in decibels."""
    n = round(SNR_WINDOW_S * record.sampling_rate_hz)
    at = round((time_ns - record.start_ns) * record.sampling_rate_hz / NS_PER_S)
    before, after = record.data[:, max(at - n, 0) : at], record.data[:, at : at + n]
    if before.shape[1] < n // 4 or after.shape[1] < n // 4:
        return float("nan")
    noise = np.var(before.astype(np.float64), axis=1).sum()
    signal = np.var(after.astype(np.float64), axis=1).sum()
    return float(10 * np.log10(signal / noise)) if noise > 0 and signal > 0 else float("nan")


