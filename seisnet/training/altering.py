"""Altered copies of labelled records, so that other sources, sites and noise surprise a network less.

While `seisnet.windows.augment` changes single windows, these are whole records with their onsets, so that every stage
of a model can learn from them. A copy keeps its station and event, and so its side of any split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.signal import resample

from seisnet.picks import ClassInterval
from seisnet.waveforms.records import DAY_NS, NS_PER_S, Record
from seisnet.windows.labelled import LabelledRecord

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

BEFORE_P_S = 3.0
"""Noise of a record of an event ends this long before its first onset."""

SHORTEST_NOISE_S = 8.0
LEVEL_S = 2.0
"""Signal-to-noise ratios are measured over this long after the first onset."""

FADE_S = 2.0

SITE_DB = (6.0, 5.0, 4.0, 3.0)
"""Standard deviations of the gain of a site: of its tilt, and of the cosine terms, over the logarithm of frequency."""

SITE_LOWEST = 0.01
"""Share of the Nyquist frequency below which the gain of a site is constant."""

COMPONENT_SHARE, COMPONENT_DB = 0.35, 3.0
"""How far single components deviate from a site's gain: share of its random terms, and deviation of a constant."""

S_DB = 5.0
"""Standard deviation of the change of S against P."""

CODA_DB_PER_S, LONGEST_CODA_S = 0.35, 25.0
"""Standard deviation of the change of a coda's decay, and how long the decay is changed."""

P_CODA_DB = 3.0
"""Standard deviation of the change of P's coda by the time of S."""

S_RISE_S = 0.15
"""The change of S against P takes place within this on either side of the onset of S."""

SITE_MEMORY_S = 4.0
"""Filters have died away after this."""

OTHER_SITE_SHARE = 0.5
"""Share of the noise that comes from yet another site."""


@dataclass(frozen=True)
class Alteration:
    """What is drawn for each copy; shares are probabilities, ranges lowest and highest.

    Attributes
    ----------
    stretch_share, stretch : float, (float, float)
        The time axis is stretched by this factor, which changes frequencies and S - P times.
    noise_share, noise_snr_db : float, (float, float)
        Noise of another record is added.
    overlay_share, overlay_db : float, (float, float)
        Another event at most half a minute away is added, at this level relative to the first.
    source_share : float
        S gets stronger or weaker than P, and both codas longer or shorter: another source, another distance.
    site_share : float
        Smooth filters, mostly the same for all components: another site, another instrument. Half of the noise that
        is added gets one of its own.
    drop_share : float
        One or two components are lost.
    """

    stretch_share: float = 0.6
    stretch: tuple[float, float] = (0.5, 2.0)
    noise_share: float = 0.6
    noise_snr_db: tuple[float, float] = (-2.0, 25.0)
    overlay_share: float = 0.15
    overlay_db: tuple[float, float] = (-10.0, 10.0)
    source_share: float = 0.5
    site_share: float = 0.7
    drop_share: float = 0.1


def with_copies(records: Sequence[LabelledRecord], n_copies: int, rng: np.random.Generator) -> list[LabelledRecord]:
    """Records of one side of a split, then so many altered copies of each."""
    copies = [alter(r, records, Alteration(), rng, copy=k) for k in range(1, n_copies + 1) for r in records]
    return [*records, *copies]


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
    samples, picks = np.array([sample for sample, _, _ in labelled.onsets]), list(labelled.picks)
    factor = 1.0
    if rng.random() < alteration.stretch_share:
        factor = float(np.exp(rng.uniform(*np.log(alteration.stretch))))
        data, samples, bandwidth_hz = _stretched(data, factor), samples * factor, bandwidth_hz / max(factor, 1.0)
    if len(samples) and rng.random() < alteration.source_share:
        s = next((sample for sample, pick in zip(samples, picks, strict=True) if pick.phase[:1] == "S"), None)
        data *= _source_gain(np.arange(data.shape[1]) / rate_hz, samples[0] / rate_hz, s and s / rate_hz, rng)
    if present[1:].all():
        data[1:] = _rotation(rng.uniform(0, 2 * np.pi)) @ data[1:]
    if rng.random() < alteration.site_share:
        data = _at_another_site(data, rate_hz, rng)
    first = next((at for at in map(round, samples) if 0 <= at < data.shape[1]), None)
    whole = {"P", "S"} <= {pick.phase[:1] for pick in picks}  # where an S may be unlabelled, no event is added
    if first is not None and whole and present.all() and rng.random() < alteration.overlay_share:
        other = others[int(rng.integers(len(others)))]
        added = _overlay(data, first, other, rng.uniform(*alteration.overlay_db), rate_hz, rng)
        picks += [other.picks[i] for i, _ in added]
        samples = np.concatenate([samples, [sample for _, sample in added]])
    if rng.random() < alteration.noise_share:
        noise = _noise(others, data.shape[1], rate_hz, rng)
        if noise is not None:
            if rng.random() < OTHER_SITE_SHARE:
                noise = _at_another_site(noise, rate_hz, rng)
            _mix(data, noise, present, first, rng.uniform(*alteration.noise_snr_db), rate_hz)
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
    altered = Record(data.astype(np.float32), start_ns, rate_hz, record.trace_id, present, bandwidth_hz)
    stretches = tuple(_moved(stretch, record.start_ns, start_ns, factor) for stretch in labelled.stretches)
    return replace(labelled, record=altered, picks=moved, stretches=stretches)


def _moved(stretch: ClassInterval, from_ns: int, to_ns: int, factor: float) -> ClassInterval:
    """A stretch of a record that now starts at another time and is `factor` times as long."""
    first, last = (to_ns + round((time_ns - from_ns) * factor) for time_ns in (stretch.start_ns, stretch.end_ns))
    return replace(stretch, start_ns=first, end_ns=last)


def _stretched(data: Floats, factor: float) -> Floats:
    """Samples at `factor` times the rate, through the Fourier transform of the record and its mirror image."""
    n = round(data.shape[1] * factor)
    twice = np.concatenate([data, data[:, ::-1]], axis=1)
    longer: Floats = resample(twice, 2 * n, axis=1)[:, :n].astype(np.float32)
    return longer


def _rotation(angle: float) -> Floats:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]], dtype=np.float32)


def _source_gain(time_s: Doubles, p_s: float, s_s: float | None, rng: np.random.Generator) -> Floats:
    """Factors on the samples of a record with its first onset, P or S, and its first S, if it has one.

    They change neither what comes before the first onset nor, within a few tenths of a second, how steep onsets are.
    """
    coda = rng.normal(0, CODA_DB_PER_S)
    if s_s is None or s_s <= p_s:
        gain_db = coda * np.clip(time_s - p_s, 0, LONGEST_CODA_S)
    else:
        gain_db = rng.normal(0, S_DB) * np.clip((time_s - s_s) / (2 * S_RISE_S) + 0.5, 0, 1)
        gain_db += coda * np.clip(time_s - s_s, 0, LONGEST_CODA_S)
        gain_db += rng.normal(0, P_CODA_DB) * np.clip((time_s - p_s) / max(s_s - p_s, 1.0), 0, 1)
    gain: Floats = (10 ** (gain_db / 20)).astype(np.float32)
    return gain


def _at_another_site(data: Floats, rate_hz: float, rng: np.random.Generator) -> Floats:
    """Each component through a smooth causal filter of minimum phase, so that no onset comes early."""
    n = next_fast_len(data.shape[1] + round(SITE_MEMORY_S * rate_hz), real=True)
    n += n % 2
    share = np.maximum(np.linspace(0, 1, n // 2 + 1), SITE_LOWEST)
    octaves = 1 - np.log(share) / np.log(SITE_LOWEST)  # 0 at the lowest, 1 at the Nyquist frequency
    terms = np.stack([octaves, *(np.cos(np.pi * k * octaves) for k in range(1, len(SITE_DB)))])
    common = rng.normal(0, SITE_DB) @ terms
    spectrum = np.fft.rfft(data, n, axis=1)
    fold = np.zeros(n)  # of the cepstrum of a filter of minimum phase, Oppenheim & Schafer (1975), eq. 10.67
    fold[0] = fold[n // 2] = 1
    fold[1 : n // 2] = 2
    for component in range(len(spectrum)):
        gain_db = common + COMPONENT_SHARE * rng.normal(0, SITE_DB) @ terms + rng.normal(0, COMPONENT_DB)
        cepstrum = np.fft.irfft(gain_db * np.log(10) / 20, n)
        spectrum[component] *= np.exp(np.fft.rfft(cepstrum * fold))
    filtered: Floats = np.fft.irfft(spectrum, n, axis=1)[:, : data.shape[1]].astype(np.float32)
    return filtered


def _rms(data: Floats) -> float:
    return float(np.sqrt(np.mean(data.astype(np.float64) ** 2))) if data.size else 0.0


def _overlay(
    data: Floats, first: int, other: LabelledRecord, level_db: float, rate_hz: float, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Add another event, unless its S is unknown; returns which of its picks lie in the record, and where."""
    record = other.record
    theirs = [sample for sample, _, _ in other.onsets]
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
    at = max(round(theirs[0]), 0)
    ours, other_rms = _rms(data[:, first : first + level]), _rms(record.data[:, at : at + level])
    if not other_rms:
        return []
    data[:, low:high] += np.float32(ours / other_rms * 10 ** (level_db / 20)) * added
    return [(i, s + shift) for i, s in enumerate(theirs) if low + fade <= s + shift < high - fade]


def _noise(others: Sequence[LabelledRecord], n: int, rate_hz: float, rng: np.random.Generator) -> Floats | None:
    """Noise as long as is needed: a stretch of another record, repeated forwards and backwards with cross-fades."""
    shortest = round(SHORTEST_NOISE_S * rate_hz)
    for _ in range(20):
        other = others[int(rng.integers(len(others)))]
        record = other.record
        stop = record.n_samples
        if other.picks:
            stop = min(int(other.onsets[0][0] - BEFORE_P_S * rate_hz), stop)
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
