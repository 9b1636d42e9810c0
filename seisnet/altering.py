"""Altered copies of labelled records: what a network should not be surprised by elsewhere.

Where `seisnet.augment` changes single windows, these are whole records with their onsets, so that every stage of a
model can learn from them. A copy keeps its station and event, and so its side of any split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, resample

from seisnet.waveforms.records import NS_PER_S, Record
from seisnet.windows import LabelledRecord

Floats = NDArray[np.float32]

DAY_NS = 86_400 * NS_PER_S
BEFORE_P_S = 3.0
"""Noise of a record of an event ends this long before its first onset."""

SHORTEST_NOISE_S = 8.0
LEVEL_S = 2.0
"""Signal-to-noise ratios are of this long after the first onset."""

FADE_S = 2.0


@dataclass(frozen=True)
class Alteration:
    """What is drawn for each copy; shares are probabilities, ranges lowest and highest.

    Attributes
    ----------
    stretch_share, stretch : float, (float, float)
        Time axis longer by this factor, as if the record had been sampled at another rate: other frequencies, other
        S - P times.
    noise_share, noise_snr_db : float, (float, float)
        Noise of another record is added.
    overlay_share, overlay_db : float, (float, float)
        Another event at most half a minute away is added, so much weaker.
    colour_share, colour : float, (float, float)
        A filter y(n) = x(n) - a x(n - 1): another site, another instrument.
    drop_share : float
        One or two components are lost.
    """

    stretch_share: float = 0.5
    stretch: tuple[float, float] = (0.7, 1.4)
    noise_share: float = 0.6
    noise_snr_db: tuple[float, float] = (-2.0, 25.0)
    overlay_share: float = 0.15
    overlay_db: tuple[float, float] = (-10.0, 10.0)
    colour_share: float = 0.5
    colour: tuple[float, float] = (-0.5, 0.8)
    drop_share: float = 0.1


def alter(
    labelled: LabelledRecord,
    others: Sequence[LabelledRecord],
    alteration: Alteration,
    rng: np.random.Generator,
    *,
    copy: int,
) -> LabelledRecord:
    """Make an altered copy of a record.

    Parameters
    ----------
    labelled : LabelledRecord
    others : sequence of LabelledRecord
        Of the same side of the split; noise and other events are taken from them.
    alteration : Alteration
    rng : numpy.random.Generator
    copy : int
        Its number, from 1: copies lie so many days later, so that none is taken for another.
    """
    record = labelled.record
    rate_hz = record.sampling_rate_hz
    data = record.data - record.data.mean(axis=1, keepdims=True)
    present, bandwidth_hz = record.present.copy(), record.bandwidth_hz
    samples = np.array([(p.time_ns - record.start_ns) * rate_hz / NS_PER_S for p in labelled.picks])
    picks = list(labelled.picks)
    if rng.random() < alteration.stretch_share:
        factor = float(np.exp(rng.uniform(*np.log(alteration.stretch))))
        data, samples, bandwidth_hz = _stretched(data, factor), samples * factor, bandwidth_hz / max(factor, 1.0)
    if present[1:].all():
        data[1:] = _rotation(rng.uniform(0, 2 * np.pi)) @ data[1:]
    first = round(samples[0]) if len(samples) else None
    whole = {"P", "S"} <= {pick.phase[:1] for pick in picks}  # where an S may be unlabelled, none must be added
    if first is not None and whole and present.all() and rng.random() < alteration.overlay_share:
        other = others[int(rng.integers(len(others)))]
        added = _overlay(data, first, other, rng.uniform(*alteration.overlay_db), rate_hz, rng)
        picks += [other.picks[i] for i, _ in added]
        samples = np.concatenate([samples, [sample for _, sample in added]])
    if rng.random() < alteration.noise_share:
        noise = _noise(others, data.shape[1], rate_hz, rng)
        if noise is not None:
            _mix(data, noise, present, first, rng.uniform(*alteration.noise_snr_db), rate_hz)
    if rng.random() < alteration.colour_share:
        data = lfilter([1.0, -rng.uniform(*alteration.colour)], [1.0], data, axis=1)
    if present.all() and rng.random() < alteration.drop_share:
        present = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=np.bool_)[int(rng.integers(4))]
    data[~present] = 0
    start_ns = record.start_ns + copy * DAY_NS
    order = np.argsort(samples, kind="stable")
    inside = [int(i) for i in order if 0 <= samples[i] < data.shape[1]]
    moved = tuple(
        replace(picks[i], time_ns=start_ns + round(samples[i] * NS_PER_S / rate_hz), event_id=labelled.event_id)
        for i in inside
    )
    altered = Record(data.astype(np.float32), start_ns, rate_hz, record.trace_id, present, bandwidth_hz, record.source)
    return replace(labelled, record=altered, picks=moved)


def _stretched(data: Floats, factor: float) -> Floats:
    """Samples at `factor` times the rate, through the Fourier transform of the record and its mirror image."""
    n = round(data.shape[1] * factor)
    twice = np.concatenate([data, data[:, ::-1]], axis=1)
    longer: Floats = resample(twice, 2 * n, axis=1)[:, :n].astype(np.float32)
    return longer


def _rotation(angle: float) -> Floats:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]], dtype=np.float32)


def _rms(data: Floats) -> float:
    return float(np.sqrt(np.mean(data.astype(np.float64) ** 2))) if data.size else 0.0


def _overlay(
    data: Floats, first: int, other: LabelledRecord, level_db: float, rate_hz: float, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Add another event to a record; which of its picks lie where afterwards. One whose S is unknown is not taken."""
    record = other.record
    theirs = [(p.time_ns - record.start_ns) * rate_hz / NS_PER_S for p in other.picks]
    if not record.present.all() or not {"P", "S"} <= {p.phase[:1] for p in other.picks}:
        return []
    shift = first + round(rng.uniform(-20, 30) * rate_hz) - round(theirs[0])
    low, high = max(0, shift), min(data.shape[1], shift + record.n_samples)
    fade = round(FADE_S * rate_hz)
    if high - low < 5 * fade:
        return []
    added = record.data[:, low - shift : high - shift].copy()
    added -= added.mean(axis=1, keepdims=True)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    added[:, :fade] *= ramp
    added[:, -fade:] *= ramp[::-1]
    level = round(LEVEL_S * rate_hz)
    at = round(theirs[0])
    ours, other_rms = _rms(data[:, first : first + level]), _rms(record.data[:, at : at + level])
    if not other_rms:
        return []
    data[:, low:high] += np.float32(ours / other_rms * 10 ** (level_db / 20)) * added
    return [(i, s + shift) for i, s in enumerate(theirs) if low + fade <= s + shift < high - fade]


def _noise(others: Sequence[LabelledRecord], n: int, rate_hz: float, rng: np.random.Generator) -> Floats | None:
    """Noise as long as is needed: a stretch of another record over and over, forwards and backwards, faded over."""
    shortest = round(SHORTEST_NOISE_S * rate_hz)
    for _ in range(20):
        other = others[int(rng.integers(len(others)))]
        record = other.record
        stop = record.n_samples
        if other.picks:
            stop = int((other.picks[0].time_ns - record.start_ns) * rate_hz / NS_PER_S - BEFORE_P_S * rate_hz)
        if (other.picks or other.is_noise) and stop >= shortest:
            piece = record.data[:, :stop] - record.data[:, :stop].mean(axis=1, keepdims=True)
            break
    else:
        return None
    fade = min(round(FADE_S * rate_hz), stop // 4)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    noise = np.zeros((len(piece), n + 2 * stop), dtype=np.float32)
    for at in range(0, n + stop, stop - fade):
        part = piece[:, :: 1 if rng.random() < 0.5 else -1].copy()
        part[:, :fade] *= ramp
        part[:, -fade:] *= ramp[::-1]
        noise[:, at : at + stop] += part
    start = int(rng.integers(fade, stop))
    return noise[:, start : start + n]


def _mix(
    data: Floats, noise: Floats, present: NDArray[np.bool_], first: int | None, snr_db: float, rate_hz: float
) -> None:
    """Add noise so that what follows the first onset (of noise, everything) is `snr_db` above it."""
    part = data[present] if first is None else data[present, first : first + round(LEVEL_S * rate_hz)]
    level = _rms(noise[present])
    if level:
        data[present] += np.float32(_rms(part) / level * 10 ** (-snr_db / 20)) * noise[present]
