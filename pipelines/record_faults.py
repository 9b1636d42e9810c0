"""What telemetry, recorders and people do to records, drawn at random: so that a picker learns to bear it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from seisnet.synthetic.values import log_uniform
from seisnet.waveforms.records import Record, sample_to_ns
from seisnet.windows.labelled import LabelledRecord

Doubles = NDArray[np.float64]
Fault = Callable[[Doubles, LabelledRecord, np.random.Generator], None]

SHORTEST_S = 12.0
"""A cut that would leave less is not made."""

TAPER_S = (0.2, 8.0)
"""Length of a taper; tapered records are not trained on, but have their row in the figures."""

BEFORE_S, AFTER_S = (0.5, 8.0), (0.5, 12.0)
"""Before the first and after the last onset of a record that is cut."""


def cut(labelled: LabelledRecord, before_s: float = math.inf, after_s: float = math.inf) -> LabelledRecord:
    """A record that begins so long before its first onset and ends so long after its last, if it has any."""
    record, onsets = labelled.record, [sample for sample, _, _ in labelled.onsets]
    if not onsets:
        return labelled
    rate, n = record.sampling_rate_hz, record.data.shape[1]
    first = int(max(min(onsets) - before_s * rate, 0))
    last = int(min(max(onsets) + after_s * rate, n))
    if last - first < min(SHORTEST_S * rate, n):
        return labelled
    data = np.ascontiguousarray(record.data[:, first:last])
    return replace(labelled, record=replace(record, data=data, start_ns=sample_to_ns(record, first)))


def randomly_cut(labelled: LabelledRecord, share: float, rng: np.random.Generator) -> LabelledRecord:
    """Cut before the first onset, after the last, or both: each with this chance."""
    begins, ends = rng.random(2) < share
    before_s, after_s = rng.uniform(*BEFORE_S), rng.uniform(*AFTER_S)
    return cut(labelled, before_s if begins else math.inf, after_s if ends else math.inf)


def tapered(labelled: LabelledRecord, rng: np.random.Generator) -> LabelledRecord:
    """A record freed of its mean, whose ends rise from zero and fall to it over 0.2 to 8 s, a third of it at most."""
    record = labelled.record
    length = int(min(log_uniform(TAPER_S, rng) * record.sampling_rate_hz, record.n_samples // 3))
    rise = np.arange(length) / length
    rise = (rise, np.sin(math.pi / 2 * rise), np.sin(math.pi / 2 * rise) ** 2)[int(rng.integers(3))]
    data = record.data - record.data.mean(axis=1, keepdims=True, dtype=np.float64)
    data[:, :length] *= rise
    data[:, record.n_samples - length :] *= rise[::-1]
    return replace(labelled, record=replace(record, data=data.astype(np.float32)))


def faulty(labelled: LabelledRecord, rng: np.random.Generator, names: Sequence[str] = ()) -> LabelledRecord:
    """A record with these of `FAULTS`, or with one or two at random."""
    data = labelled.record.data.astype(np.float64)
    for name in names or rng.choice(list(FAULTS), size=1 + int(rng.random() < 0.3), replace=False):
        FAULTS[name](data, labelled, rng)
    data[~labelled.record.present] = 0.0
    return replace(labelled, record=replace(labelled.record, data=data.astype(np.float32)))


def _spikes(data: Doubles, labelled: LabelledRecord, rng: np.random.Generator) -> None:
    """One to eight of one to three samples, on one component or all, up to a thousand times the noise."""
    record, noise = labelled.record, noise_level(labelled.record)
    for _ in range(int(rng.integers(1, 9))):
        rows = np.flatnonzero(record.present)
        rows = rows if rng.random() < 0.5 else rng.choice(rows, size=1)
        at, length = int(rng.integers(0, data.shape[1] - 4)), int(rng.choice([1, 1, 1, 2, 3]))
        height = rng.choice([-1.0, 1.0]) * log_uniform((8.0, 1000.0), rng) * rng.uniform(0.5, 1.0, size=(len(rows), 1))
        data[rows, at : at + length] += height * noise[rows]


def _filled_gaps(data: Doubles, labelled: LabelledRecord, rng: np.random.Generator) -> None:
    """One to three gaps of up to six seconds, away from onsets, filled by a line, the last value or zeros."""
    record = labelled.record
    onsets = [sample for sample, _, _ in labelled.onsets]
    before, after = 1.0 * record.sampling_rate_hz, 1.5 * record.sampling_rate_hz
    for _ in range(int(rng.integers(1, 4))):
        length = int(log_uniform((0.1, 6.0), rng) * record.sampling_rate_hz) + 2
        first = int(rng.integers(1, max(2, data.shape[1] - length - 2)))
        last, kind = first + length, rng.choice(["line", "line", "last", "zero"])
        if last >= data.shape[1] or any(first - after < onset < last + before for onset in onsets):
            continue
        left, right = data[:, first - 1], data[:, last]
        ends = {"line": (left, right), "last": (left, left), "zero": (0 * left, 0 * left)}[kind]
        data[:, first:last] = np.linspace(*ends, length, axis=1)


def _hum(data: Doubles, labelled: LabelledRecord, rng: np.random.Generator) -> None:
    """One to three steady or swelling tones of 2 to 25 Hz, up to twelve times the noise."""
    record, noise = labelled.record, noise_level(labelled.record)
    time_s = np.arange(data.shape[1]) / record.sampling_rate_hz
    for _ in range(int(rng.integers(1, 4))):
        frequency_hz, loudness = log_uniform((2.0, 25.0), rng), log_uniform((0.5, 12.0), rng)
        if frequency_hz > 0.45 * record.sampling_rate_hz:
            continue
        swell = 0.5 * (rng.random() < 0.3) * np.sin(2 * math.pi * (time_s / rng.uniform(5.0, 60.0) + rng.random()))
        tones = np.sin(2 * math.pi * (frequency_hz * time_s + rng.random((len(data), 1))))
        data += loudness * rng.uniform(0.3, 1.0, size=(len(data), 1)) * noise * (1.0 + swell) * tones


def _coarse_digits(data: Doubles, labelled: LabelledRecord, rng: np.random.Generator) -> None:
    """Steps of a quarter of the noise to three times as much."""
    step = float(noise_level(labelled.record).max()) / log_uniform((0.3, 4.0), rng)
    data[:] = np.round(data / step) * step


def _clipped(data: Doubles, labelled: LabelledRecord, rng: np.random.Generator) -> None:
    """At 15 to 90 % of the largest value."""
    middle = np.median(data, axis=1, keepdims=True)
    most = float(np.abs(data - middle).max()) * rng.uniform(0.15, 0.9)
    np.clip(data, middle - most, middle + most, out=data)


FAULTS: dict[str, Fault] = {
    "spikes": _spikes,
    "filled gaps": _filled_gaps,
    "hum": _hum,
    "coarse digits": _coarse_digits,
    "clipped": _clipped,
}


def noise_level(record: Record) -> Doubles:
    """Deviation above 1 Hz of the first ten seconds of each component, (3, 1)."""
    rate = record.sampling_rate_hz
    data = record.data[:, : int(10.0 * rate)]
    above = sosfilt(butter(2, 1.0, "highpass", fs=rate, output="sos"), data - data[:, :1], axis=1)
    return np.std(above[:, int(2.0 * rate) :], axis=1, keepdims=True) + 1e-30
