"""Changes to windows of the training split that change no label: what is added is of the same record and event.

So it was recorded by the same instrument. What may be added counts as held by the event (`added_ns`), so that no sample
of dev or test gets into a window of train, unless a data set's own splits have it so. Features do not change with the
gain and, `raw` excepted, the polarity of a whole window; the gain is drawn for each component.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.waveforms.records import sample_to_ns
from seisnet.windows.cutting import CODA_S, coda_stretches, event_near, noise_stretches
from seisnet.windows.labelled import LabelledRecord, Window, draw, generator, stretch_of, take

Samples = NDArray[np.float32]
Present = NDArray[np.bool_]

CLEAR_S = 0.5
"""A gap stays this far from the onset."""

LEVEL_SAMPLES = 4
"""The level of a signal is measured over at least so many."""


def augment(labelled: LabelledRecord, windows: Sequence[Window], config: PreprocessConfig) -> tuple[Samples, Present]:
    """Take the windows of a record, and alter the augmented ones.

    Parameters
    ----------
    labelled : LabelledRecord
        Where the windows were cut.
    windows : sequence of Window, N
        Those that are not marked `augmented` are left as they are.
    config : PreprocessConfig
        `mix_share`, `overlay_share`, `gain_db`, `flip_share`, `drop_share`, `gap_share` and their ranges.

    Returns
    -------
    samples : float32 (N, C, L)
    present : bool (N, C)
        Components that are left.
    """
    record, samples = labelled.record, take(labelled.record, windows, config)
    present = np.broadcast_to(record.present, (len(windows), len(record.present))).copy()
    if not config.augments:
        return samples, present
    rng = generator(record, config, purpose=1)
    additions = _additions(labelled, config)
    for i, window in enumerate(windows):
        if not window.augmented:
            continue
        onset = (
            None
            if np.isnan(window.onset_s)
            else round(window.onset_s * record.sampling_rate_hz + config.window_samples / 2)
        )
        x = samples[i]
        for share, stretches, levels_db in additions:
            if rng.random() < share:
                drawn = draw(stretches.get(window.event, ()), 1, rng)
                level_db = rng.uniform(levels_db[0], levels_db[1])
                if drawn:
                    x = _add(x, stretch_of(record, drawn[0], config.window_samples), onset, level_db)
        x = x * 10 ** (rng.uniform(-config.gain_db, config.gain_db, (len(x), 1)) / 20)
        if rng.random() < config.flip_share:
            x = -x
        if rng.random() < config.drop_share:
            present[i] = _dropped(present[i], rng)
        if rng.random() < config.gap_share:
            x = _with_gap(x, onset, record.sampling_rate_hz, config, rng)
        samples[i] = np.where(present[i][:, None], x, 0)
    return samples, present


def added_ns(labelled: LabelledRecord, windows: Sequence[Window], config: PreprocessConfig) -> dict[str, list[int]]:
    """By event of the augmented windows, first and last time of stretches that may be added to these, in turn."""
    if not (config.mix_share or config.overlay_share):
        return {}
    record, events = labelled.record, {window.event for window in windows if window.augmented}
    times_ns: dict[str, list[int]] = defaultdict(list)
    for share, by_event, _ in _additions(labelled, config):
        for event, stretches in by_event.items():
            if share and event in events:
                spans = ((low, high - 2 + config.window_samples) for low, high in stretches)
                times_ns[event] += [sample_to_ns(record, i) for span in spans for i in span]
    return times_ns


def _additions(
    labelled: LabelledRecord, config: PreprocessConfig
) -> tuple[tuple[float, Mapping[str, Sequence[tuple[int, int]]], Sequence[float]], ...]:
    """Noise and coda: share of windows that get some, ranges of first samples by event, and range of levels."""
    return (
        (config.mix_share, _by_event(labelled, _just_before(labelled, config)), config.mix_snr_db),
        (config.overlay_share, _by_event(labelled, coda_stretches(labelled, config)), config.overlay_db),
    )


def _just_before(labelled: LabelledRecord, config: PreprocessConfig) -> list[tuple[int, int]]:
    """What of the ranges of noise in a record with onsets belongs to the event that follows, see `event_near`."""
    stretches = noise_stretches(labelled, config)
    if not labelled.onsets:
        return stretches
    room = round((CODA_S - config.noise_gap_s) * config.sampling_rate_hz) - config.window_samples
    return [(max(low, high - room), high) for low, high in stretches if room > 0]


def _by_event(labelled: LabelledRecord, stretches: Sequence[tuple[int, int]]) -> dict[str, list[tuple[int, int]]]:
    """Ranges of first samples by the event that their windows belong to."""
    by_event: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for low, high in stretches:
        by_event[event_near(labelled, high - 1)].append((low, high))
    return by_event


def _add(x: Samples, other: Samples, onset: int | None, level_db: float) -> Samples:
    """Add samples so that what follows the onset (of noise, everything) is `level_db` above them."""
    other = other - other.mean(axis=1, keepdims=True)
    start = 0 if onset is None else max(0, min(onset, x.shape[1] - LEVEL_SAMPLES))
    signal = x[:, start:] - x.mean(axis=1, keepdims=True)
    power = float(np.mean(other.astype(np.float64) ** 2))
    if power == 0:
        return x
    scale = np.sqrt(float(np.mean(signal.astype(np.float64) ** 2)) / power) * 10 ** (-level_db / 20)
    return (x + np.float32(scale) * other).astype(np.float32)


def _dropped(present: Present, rng: np.random.Generator) -> Present:
    """Lose one or two components, never the last."""
    there = np.flatnonzero(present)
    left = present.copy()
    if len(there) > 1:
        left[rng.choice(there, int(rng.integers(1, len(there))), replace=False)] = False
    return left


def _with_gap(
    x: Samples, onset: int | None, rate_hz: float, config: PreprocessConfig, rng: np.random.Generator
) -> Samples:
    """Zero a stretch of all components, off the onset."""
    n = x.shape[1]
    length = int(rng.integers(1, max(2, min(round(config.gap_s * rate_hz), n // 2)) + 1))
    free = np.arange(n - length + 1)
    if onset is not None:
        clear = round(CLEAR_S * rate_hz)
        free = free[(free + length <= onset - clear) | (free >= onset + clear)]
    if not free.size:
        return x
    at = int(rng.choice(free))
    gapped = x.copy()
    gapped[:, at : at + length] = 0
    return gapped
