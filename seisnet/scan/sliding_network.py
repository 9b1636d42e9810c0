"""Networks slid over the frames of a record: what each window would give by itself, at a fraction of the cost.

The windows of a scan overlap, so that their features are the same frames again and again; only the mean m and the
deviation s by which each window is normalised differ. Both may be applied after the first layer:

.. math:: \\frac{g - m}{s} W = \\frac{g W - m (k W)}{s}

with g the frames of a window in a row (0 where not known) and k 1 where known, 0 elsewhere. If each column of W has its
mean over the known inputs removed, the second term vanishes for windows that are known throughout. And g W is a
correlation of frames with weights (`seisnet.scan.sliding_products`).

Every block of windows has one size and begins at a multiple of it since 1970, whatever part of it a record fills, and
windows that are computed together wait for each other. So each window meets the same arithmetic, to the bit, however
the record is cut and however many threads share the blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seisnet.features import Feature, slide
from seisnet.nn import Network, blas_threads, softmax
from seisnet.scan.sliding_products import SlidingProduct, row_frames, sliding_product, together

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROWS = 64
"""Rows of one matrix product: enough for its full speed, few enough that a packet of a stream costs little."""

MOST_PREPARED = 8
"""Kinds of recordings, by the components and bands that they have, for which the first layers are kept ready."""

SMALLEST_PROBABILITY = 1e-7
"""Smaller probabilities are raised to this, so that their logarithms stay finite."""


@dataclass(frozen=True)
class Columns:
    """Output of the window network for a run of windows.

    Attributes
    ----------
    log_probabilities : float32 (M, K)
    log_energy : float32 (M, C)
        Mean over the known bands of the log-power of the frame at the window's centre; of a component that is not
        known, the mean of the others; NaN where none is.
    dead : bool (M,)
        Windows that hold no signal at their centre, on any component.
    """

    log_probabilities: Floats
    log_energy: Floats
    dead: Bools

    def __len__(self) -> int:
        return len(self.dead)

    def __getitem__(self, index: slice | NDArray[np.intp]) -> Columns:
        return Columns(self.log_probabilities[index], self.log_energy[index], self.dead[index])

    def copy(self) -> Columns:
        """Columns of their own memory."""
        return Columns(self.log_probabilities.copy(), self.log_energy.copy(), self.dead.copy())

    @classmethod
    def none(cls, n_classes: int) -> Columns:
        """No columns."""
        return cls(np.zeros((0, n_classes), np.float32), np.zeros((0, 3), np.float32), np.zeros(0, np.bool_))


def joined(parts: Sequence[Columns]) -> Columns:
    """Columns in a row."""
    return Columns(
        np.concatenate([p.log_probabilities for p in parts]),
        np.concatenate([p.log_energy for p in parts]),
        np.concatenate([p.dead for p in parts]),
    )


@dataclass(frozen=True)
class SlidingNetwork:
    """A network, or an ensemble of one shape, that reads windows of frames.

    Attributes
    ----------
    feature : Feature
    networks : tuple of Network
        Their probabilities are averaged.
    mean, scale : float32 (D,)
        Features are (x - mean) / scale before the networks read them.
    temperature : float
        Logits are divided by it.
    every : int
        Windows start on every `every`-th frame.
    rows : int
        Of one matrix product. Fewer cost less where records are short, as a block is always evaluated whole; but
        results are equal to the bit only with the same number.
    """

    feature: Feature
    networks: tuple[Network, ...]
    mean: Floats
    scale: Floats
    temperature: float = 1.0
    every: int = 1
    rows: int = ROWS
    _prepared: dict[bytes, tuple[SlidingProduct, Floats]] = field(default_factory=dict, init=False, repr=False)

    @property
    def group_frames(self) -> int:
        """Frames from one group of windows, which are evaluated together, to the next."""
        return (self.feature.foldable and together(self.feature.shape[1], self.every)) or self.every

    @property
    def block_frames(self) -> int:
        """Frames from the start of a block of windows to that of the next one."""
        return self.rows * row_frames(self.feature.shape[1], self.every)

    def columns(self, frames: Floats, present: Bools, bandwidth_hz: float) -> Columns:
        """Evaluate a block of windows.

        Parameters
        ----------
        frames : float32 (C, block_frames + J - 1, F)
            From the first frame of the block's first window to the last frame of its last.
        present : bool (C,)
        bandwidth_hz : float

        Returns
        -------
        Columns
            Of ``block_frames / every`` windows.
        """
        known = present[:, None] & self.feature.known_bands(bandwidth_hz)
        middle = frames[:, self.feature.shape[1] // 2 :][:, : self.block_frames : self.every]
        energy, dead = _log_energy(self.feature, middle, known)
        if self.feature.foldable:
            probabilities = self._folded(frames, known)
        else:
            probabilities = self._direct(frames, present, bandwidth_hz)
        logs = np.log(np.maximum(probabilities, np.float32(SMALLEST_PROBABILITY)))
        return Columns(logs, energy, dead)

    def _direct(self, frames: Floats, present: Bools, bandwidth_hz: float) -> Floats:
        """Features of each window, then the network."""
        x = slide(self.feature, frames, present, bandwidth_hz)[: self.block_frames : self.every]
        x -= self.mean
        x /= self.scale
        return mean_probabilities([network.predict(x) for network in self.networks], self.temperature)

    def _folded(self, frames: Floats, known: Bools) -> Floats:
        """Evaluate the first layer on frames as they are, then normalise."""
        n_frames, n_windows = frames.shape[1], self.block_frames // self.every
        there = known.any(axis=1)
        alive = np.isfinite(frames[:, :, 0]).T | ~there  # (frames, C)
        whole = bool(alive.all())
        blocks = np.ascontiguousarray(frames.transpose(1, 0, 2))  # (frames, C, F)
        if not (known.all() and whole):
            blocks[~(known & alive[:, :, None])] = 0
        flat = blocks.reshape(n_frames, -1)
        wide = flat.astype(np.float64)
        n_known = (alive * known.sum(axis=1)).sum(axis=1).astype(np.float64)
        count = np.maximum(self._sums(n_known), 1.0)
        mean: Doubles = self._sums(wide @ np.ones(wide.shape[1])) / count
        variance: Doubles = self._sums(np.einsum("ij,ij->i", wide, wide)) / count - mean**2
        # What is left of a constant window is rounding.
        deviation = np.sqrt(np.where(variance > 1e-9 * (1 + mean**2), variance, np.inf)).astype(np.float32)
        sums, bias = self._first(known)
        hidden = sums(flat, n_windows)
        if not whole:
            broken = self._sums(np.where(alive.all(axis=1), 0.0, 1.0)) > 0
            kept = (known & alive[:, :, None]).reshape(n_frames, -1).astype(np.float32)
            hidden -= np.where(broken, mean, 0).astype(np.float32)[:, None] * sums(kept, n_windows)
        hidden /= deviation[:, None]
        hidden += bias
        return mean_probabilities(outputs_after_first(self.networks, hidden), self.temperature)

    def _sums(self, per_frame: Doubles) -> Doubles:
        """Sums over the frames of every window."""
        size = self.block_frames
        total = per_frame[:size].copy()
        for j in range(1, self.feature.shape[1]):
            total += per_frame[j : j + size]
        return total[:: self.every]

    def _first(self, known: Bools) -> tuple[SlidingProduct, Floats]:
        """First layers that read frames: inputs are in the order of frames, columns are without mean."""
        key = known.tobytes()
        prepared = self._prepared.get(key)
        if prepared is None:
            n_components, n_frames, n_bands = self.feature.shape
            kept = np.broadcast_to(known, (n_frames, n_components, n_bands)).reshape(-1, 1)
            weights, bias = first_layers(self.networks, self.mean, self.scale)
            weights = weights.reshape(*self.feature.shape, -1).transpose(1, 0, 2, 3).reshape(len(weights), -1)
            weights = (weights - weights.mean(axis=0, where=kept)) * kept if kept.any() else weights * 0
            by_frame = weights.astype(np.float32).reshape(n_frames, n_components * n_bands, -1)
            prepared = sliding_product(by_frame, self.every), bias.astype(np.float32)
            if len(self._prepared) >= MOST_PREPARED:
                self._prepared.clear()
            self._prepared[key] = prepared
        return prepared


def first_layers(networks: Sequence[Network], mean: Floats, scale: Floats) -> tuple[Doubles, Doubles]:
    """Weights (D, U) and bias (U) of the first layers of all networks side by side, for inputs not yet scaled."""
    first = [network.dense[0] for network in networks]
    weights = np.concatenate([layer.weights for layer in first], axis=1).astype(np.float64) / scale[:, None]
    return weights, np.concatenate([layer.bias for layer in first]) - mean @ weights


def outputs_after_first(networks: Sequence[Network], hidden: Floats) -> list[Floats]:
    """Logits of each network from the outputs of their first layers side by side, which are overwritten."""
    parts = map(np.ascontiguousarray, np.split(hidden, len(networks), axis=1))
    return [network.after_first(part) for network, part in zip(networks, parts, strict=True)]


def mean_probabilities(logits: Sequence[Floats], temperature: float) -> Floats:
    """Probabilities, averaged over networks."""
    total = sum(softmax(z / np.float32(temperature)) for z in logits)
    probabilities: Floats = total / np.float32(len(logits))
    return probabilities


def mean_output(networks: Sequence[Network], x: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities (N, K) of scaled inputs (N, D), averaged over networks; any number of threads may ask at once."""
    with blas_threads(1):
        return mean_probabilities([network.predict(x) for network in networks], temperature)


def _log_energy(feature: Feature, frames: Floats, known: Bools) -> tuple[Floats, Bools]:
    """Log-energy (M, C) of single frames (C, M, F), and which hold no signal at all."""
    energy = np.full(frames.shape[:2], -np.inf, dtype=np.float32)
    for c, bands in enumerate(known):
        if bands.any():
            energy[c] = feature.log_energy(frames[c], bands)
    there = np.isfinite(energy)
    count = there.sum(axis=0)
    others = np.where(there, energy, 0).sum(axis=0) / np.where(count, count, np.nan)
    return np.where(there, energy, others).T.astype(np.float32), count == 0
