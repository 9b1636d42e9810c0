"""One network learns the mean output of several teachers, and is as fast as one of them (Hinton, Vinyals & Dean 2015).

Labels exist for few windows, but teachers give the probabilities of any window. So the student learns from many more
windows than they did: all around the onsets, and some of the rest of every record, unlabelled stretches included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.errors import DataError
from seisnet.features import Feature, make_feature, slide
from seisnet.nn import Network
from seisnet.scan.sliding_network import mean_output
from seisnet.store.excerpts import Excerpt
from seisnet.training.batches import MemoryBatches, TrainingData

Floats = NDArray[np.float32]

Lesson = Callable[[TrainingData, Sequence[Network]], TrainingData]
"""Turns what teachers learned from, and the teachers, into what their student learns from."""

ONSET_S, BEHIND_S = 2.2, 15.0
"""A student learns from all windows with an onset within the first of their centre, and from a share of those with
one within the second."""

SHARES = (0.24, 0.12)
"""Shares of windows within `BEHIND_S` of an onset, and of those farther away."""

ONSET_WEIGHT = 3.0
"""Added to the weight of a window that is certainly an onset; that of noise is 1."""

WINDOW_NOISE = 0.1
"""Standard deviation of the noise on the inputs of a student of window networks."""


def student(config: TrainConfig, *, input_noise: float) -> TrainConfig:
    """How a student is trained: with little regularisation, as the output of teachers is smooth enough."""
    return replace(config, dropout=0.0, label_smoothing=0.0, weight_decay=1e-5, input_noise=input_noise)


def window_lesson(
    data: TrainingData,
    excerpts: Sequence[Excerpt],
    teachers: Sequence[Network],
    recipe: PreprocessConfig,
    rng: np.random.Generator,
    memory_mb: float,
) -> TrainingData:
    """What a student of window networks learns from.

    Parameters
    ----------
    data : TrainingData
        What its teachers learned from: its scaler and its dev split stay.
    excerpts : sequence of Excerpt
        Of the records that they learned from.
    teachers : sequence of Network
    recipe : PreprocessConfig
        Of the windows.
    rng : numpy.random.Generator
        Chooses among windows.
    memory_mb : float
        With larger features fewer windows are taken.

    Raises
    ------
    DataError
        If no window is taken.
    """
    feature = make_feature(recipe)
    most = memory_mb * 1e6 / (4 * data.batches.n_features)
    shares = [_shares(excerpt, feature, recipe) for excerpt in excerpts]
    thinner = min(1.0, most / max(1.0, sum(float(share.sum()) for share in shares)))
    xs = [np.zeros((0, data.batches.n_features), dtype=np.float32)]
    for excerpt, share in zip(excerpts, shares, strict=True):
        if not len(share):
            continue
        windows = slide(feature, feature.frames(excerpt.data), excerpt.present, excerpt.bandwidth_hz)
        chosen = (rng.random(len(share)) < thinner * share) & (windows != 0).any(axis=1)
        xs.append(data.scaler.transform(windows[chosen]))
    x = np.concatenate(xs)
    if not len(x):
        raise DataError(
            "distil: nothing to learn from: no excerpt is as long as a window and more than zeros, "
            f"or memory_mb ({memory_mb:g}) holds no window"
        )
    taught = mean_output(teachers, x)
    weight = 1.0 + ONSET_WEIGHT * (1.0 - taught[:, recipe.classes.index("noise")])
    return replace(data, batches=MemoryBatches(x, taught, weight))


def context_lesson(data: TrainingData, teachers: Sequence[Network]) -> TrainingData:
    """What a student of context networks learns from: the columns that its teachers learned from, as they see them."""
    assert isinstance(data.batches, MemoryBatches)
    return replace(data, batches=replace(data.batches, y=mean_output(teachers, data.batches.x)))


def _shares(excerpt: Excerpt, feature: Feature, recipe: PreprocessConfig) -> NDArray[np.float64]:
    """Probability (M,) with which each window on the grid of an excerpt's frames is taken."""
    n_frames = (excerpt.data.shape[1] - feature.frame_samples) // recipe.hop_samples + 1
    n_windows = max(0, n_frames - feature.shape[1] + 1)
    centres = np.arange(n_windows) * recipe.hop_samples + recipe.window_samples / 2
    away_s = np.full(n_windows, np.inf)
    for sample, _ in excerpt.onsets:
        away_s = np.minimum(away_s, np.abs(centres - sample) / excerpt.sampling_rate_hz)
    return np.select([away_s < ONSET_S, away_s < BEHIND_S], [1.0, SHARES[0]], SHARES[1])
