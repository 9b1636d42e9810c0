"""The third stage: a network that reads a short window around a pick and says where in it the phase begins.

It has two outputs for each phase: the distance from the middle of the window to the onset, in units of `SHIFT_S`, and
the logarithm of how far off that is expected to be, in the same units. The first learns by Huber's loss; the second
learns, by the same loss, the logarithm of the first one's errors, so that it learns their typical size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.features import Feature, extract, make_feature
from seisnet.nn import Network, huber
from seisnet.waveforms.records import Record, ns_to_sample, sample_to_ns

Floats = NDArray[np.float32]

WINDOW_S = 3.0
SHIFT_S = 0.6
"""In training the window's middle lies up to this far from the onset."""

FURTHEST = 1.25
"""Largest distance that is believed, in units of `SHIFT_S`."""

WAY = 0.5
"""How far a pick moves from the scan's onset towards that of this network: half way, as both err about as much."""

FURTHEST_S = WAY * FURTHEST * SHIFT_S
"""No pick is moved farther."""

SMALLEST = 0.02
"""Smaller errors count as this, in units of `SHIFT_S`: about a sample."""

HUBER_DELTA = 0.15
SPREAD_SHARE = 0.3
"""Weight of the second output in the loss."""

SLOWEST_HZ = 40.0
"""Records of fewer samples a second show too little of an onset."""


def onset_config(sampling_rate_hz: float) -> PreprocessConfig:
    """Recipe of the windows that the network reads: log-power in frames of about 0.4 s, a hop of 0.04 s.

    Frames are long for the low frequencies, where S is; a short hop places the onset. Needs `SLOWEST_HZ` or more.
    """
    samples = 1.0 / sampling_rate_hz
    return PreprocessConfig(
        sampling_rate_hz=sampling_rate_hz,
        window_s=round(WINDOW_S * sampling_rate_hz) * samples,
        frame_s=round(0.4 * sampling_rate_hz) * samples,
        hop_s=max(1, round(0.04 * sampling_rate_hz)) * samples,
        freqmin_hz=1.5,
        freqmax_hz=min(30.0, 0.45 * sampling_rate_hz),
    )


def onset_windows(record: Record, times_ns: Sequence[int], feature: Feature) -> tuple[Floats, NDArray[np.int64]]:
    """Features of the windows around some times, and the sample on which each window is centred.

    At the edges of the record its outermost samples are repeated.

    Returns
    -------
    x : float32 (N, D)
    centres : int64 (N,)
    """
    length = round(WINDOW_S * record.sampling_rate_hz)
    centres = np.array([ns_to_sample(record, t) for t in times_ns], dtype=np.int64)
    wanted = centres[:, None] - length // 2 + np.arange(length)
    samples = record.data[:, np.clip(wanted, 0, record.n_samples - 1)].transpose(1, 0, 2)
    present = np.broadcast_to(record.present, (len(centres), len(record.present)))
    return extract(feature, samples, present, np.full(len(centres), record.bandwidth_hz)), centres


def onset_loss(outputs: Floats, targets: Floats, weight: Floats) -> tuple[float, Floats]:
    """Loss of a batch, and its gradient.

    Parameters
    ----------
    outputs : float32 (B, 2 phases)
        Distance and log-error for each phase.
    targets : float32 (B, phases)
        Distances in units of `SHIFT_S`, NaN for the phases that a window is not about.
    weight : float32 (B,)
    """
    about = np.isfinite(targets)  # other phases have no error, and so no gradient
    distance, spread, wanted = (np.where(about, x, 0) for x in (outputs[:, ::2], outputs[:, 1::2], targets))
    log_error = np.log(np.maximum(np.abs(distance - wanted), SMALLEST)).astype(outputs.dtype)
    distance_loss, of_distance = huber(distance, wanted, weight, delta=HUBER_DELTA)
    spread_loss, of_spread = huber(spread, np.where(about, log_error, 0), weight)
    gradient = np.empty_like(outputs)
    gradient[:, ::2], gradient[:, 1::2] = of_distance, SPREAD_SHARE * of_spread
    return distance_loss + SPREAD_SHARE * spread_loss, gradient


@dataclass(frozen=True)
class OnsetNetwork:
    """Moves picks to onsets.

    Attributes
    ----------
    network : Network
    mean, scale : float32 (D,)
        Inputs are (x - mean) / scale before the network reads them.
    phases : tuple of str
        In the order of the outputs.
    sampling_rate_hz : float
        Of the records.
    spread : mapping of str to float
        Factor on the expected errors of each phase, so that two thirds of the errors are smaller.
    """

    network: Network
    mean: Floats
    scale: Floats
    phases: tuple[str, ...]
    sampling_rate_hz: float
    spread: Mapping[str, float]

    @cached_property
    def feature(self) -> Feature:
        """The feature that the network reads."""
        return make_feature(onset_config(self.sampling_rate_hz))

    @property
    def fits(self) -> bool:
        """Whether the network reads the windows that `onset_windows` makes; those of older versions do not."""
        return len(self.mean) == int(np.prod(self.feature.shape))

    def move(self, record: Record, time_ns: int, phase: str) -> tuple[int, float]:
        """A time half way to the onset near a time, in the record, and the standard error of that onset in seconds."""
        x, centres = onset_windows(record, [time_ns], self.feature)
        of_window = self.network.predict((x - self.mean) / self.scale)[0]
        distance, log_error = of_window[2 * self.phases.index(phase) :][:2]
        shift_s = WAY * SHIFT_S * float(np.clip(distance, -FURTHEST, FURTHEST))
        sample = float(centres[0]) + shift_s * record.sampling_rate_hz
        moved_ns = sample_to_ns(record, min(max(sample, 0.0), record.n_samples - 1.0))
        error = max(float(np.exp(min(log_error, 2.0))), SMALLEST)
        return moved_ns, SHIFT_S * error * self.spread.get(phase, 1.0)
