"""Windows of samples in, normalised features out: the same functions for training and for scanning.

A feature reads nothing outside its window: no filter runs beforehand, so there is no filter state, no warm-up at
the edge of a record, and a window cut for training gives what the same window gives in a scan of a month.

Two rules hold for every feature. *Gain*: multiplying the samples by any constant changes nothing. *What is unknown
takes the window's mean*: rows of absent components, frames of dead (constant) signal and bands above the recording's
own Nyquist frequency are left out of the mean and the deviation, and are zero afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.extremes import extremes

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

USABLE_BANDWIDTH = 0.85
"""Share of the Nyquist frequency up to which a spectrum is free of the anti-alias filter's edge."""

BLOCK_FRAMES = 4096
"""Frames transformed at once: their samples and spectra in double precision stay in the second-level cache."""

FLOOR = 1e-10
"""Rounding of float32 samples, as a share of the square of the largest."""


class Feature(Protocol):
    """What every feature offers; `shape` is known before any data.

    Attributes
    ----------
    foldable : bool
        Whether a window is normalised by its mean and deviation alone, over frames that are wholly alive or wholly
        dead (-inf), so that a scan may do it after the first layer instead of before (see
        `seisnet.scan.sliding_network`).
    """

    foldable: ClassVar[bool]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one window's features before they are made one row: (C, J frames, F bands)."""

    @property
    def frame_samples(self) -> int:
        """Samples that one frame reads."""

    def frames(self, data: Floats) -> Floats:
        """Compute, once, what overlapping windows share: (..., T) samples to (..., M, F) frames, one a hop."""

    def normalise(self, frames: Floats, known: Bools) -> Floats:
        """Normalise windows of frames, (N, C, J, F), over what is `known` (broadcastable) of each, to (N, D)."""

    def known_bands(self, bandwidth_hz: float) -> Bools:
        """Which of the F bands a recording of that bandwidth holds."""

    def log_energy(self, frames: Floats, bands: Bools) -> Floats:
        """Log-energy, (...), of frames (..., F) over some of their bands; -inf where a frame holds no signal."""


@dataclass(frozen=True)
class LogSpectrogram:
    """Logarithm of the spectrogram of a window, normalised over the window.

    The samples of a frame are freed of their straight-line fit, tapered with a Hann window and transformed:

    .. math:: g = \\log |F (h \\odot (I - Q Q^T) x)|^2, \\qquad f = (g - \\bar g) / s

    with F the rows of the discrete Fourier transform between `freqmin_hz` and `freqmax_hz`, and the mean and the
    standard deviation s taken over all components, frames and bands of the window. Trend, taper and transform are
    linear, so that they are one matrix, and a spectrogram is one matrix product.
    """

    foldable: ClassVar[bool] = True
    config: PreprocessConfig
    transform: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    frequencies_hz: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the transform, (frame, 2 F): real parts, then imaginary parts."""
        n = self.config.frame_samples
        frequencies = np.fft.rfftfreq(n, 1.0 / self.config.sampling_rate_hz)
        kept = (frequencies >= self.config.freqmin_hz) & (frequencies <= self.config.freqmax_hz)
        fourier = np.fft.rfft(np.eye(n), axis=1)[:, kept]
        # As scipy.signal.windows.hann(n, sym=False), which takes longer to import than all the rest of seisnet.
        hann = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, n + 1)[:-1])
        matrix = without_trend(n) @ (hann[:, None] * fourier)
        object.__setattr__(self, "transform", np.concatenate([matrix.real, matrix.imag], 1))
        object.__setattr__(self, "frequencies_hz", frequencies[kept])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, frames, bands)."""
        n_frames = (self.config.window_samples - self.config.frame_samples) // self.config.hop_samples + 1
        return 3, n_frames, self.frequencies_hz.size

    @property
    def frame_samples(self) -> int:
        """Samples that one frame reads."""
        return self.config.frame_samples

    def frames(self, data: Floats) -> Floats:
        """Log-power, (..., M, F), of the frames of samples (..., T), one a hop; -inf where a frame holds no signal."""
        n, hop = self.config.frame_samples, self.config.hop_samples
        rows = data.reshape(-1, data.shape[-1])
        n_frames = max(0, (rows.shape[1] - n) // hop + 1)
        logs = np.empty((len(rows), n_frames, self.frequencies_hz.size), dtype=np.float32)
        at_once = max(1, BLOCK_FRAMES // max(n_frames, 1))
        for row in range(0, len(rows), at_once):
            for frame in range(0, n_frames, BLOCK_FRAMES):
                out = logs[row : row + at_once, frame : frame + BLOCK_FRAMES]
                first = frame * hop
                self._log_power(rows[row : row + at_once, first : first + (out.shape[1] - 1) * hop + n], out)
        return logs.reshape(*data.shape[:-1], n_frames, -1)

    def _log_power(self, samples: Floats, out: Floats) -> None:
        """Log-power, (R, M, F), of the frames in samples (R, T)."""
        n, hop, n_bands = self.config.frame_samples, self.config.hop_samples, self.frequencies_hz.size
        (n_rows, n_samples), n_frames = samples.shape, out.shape[1]
        # Every `step`-th frame is a row of the same matrix, without a copy: they do not overlap.
        step = -(-n // hop)
        each = -(-n_frames // step)
        # In float32 the product's rounding, and with it the weak bands beside a strong microseism, would depend on
        # how many frames are multiplied at once: a window would not get what it gets in a scan.
        wide = np.zeros((n_rows, (each * step - 1) * hop + n))
        np.subtract(samples, samples[:, :1], out=wide[:, :n_samples], dtype=np.float64)
        stride = wide.itemsize * hop
        frames = as_strided(wide, (n_rows, step, each, n), (wide.strides[0], stride, step * stride, wide.itemsize))
        parts = frames @ self.transform
        np.multiply(parts, parts, out=parts)
        power = (parts[..., :n_bands] + parts[..., n_bands:]).transpose(0, 2, 1, 3).reshape(n_rows, -1, n_bands)
        power = power[:, :n_frames]
        first = samples[:, : (n_frames - 1) * hop + 1 : hop].astype(np.float64)
        highest, lowest = (extremes(of_two, samples, n, hop=hop) for of_two in (np.maximum, np.minimum))
        size = np.maximum(highest - first, first - lowest)
        power += (FLOOR * size * size)[..., None]
        dead = size == 0
        power[dead] = 1
        np.log(power, out=power)
        out[...] = power
        out[dead] = -np.inf

    def normalise(self, frames: Floats, known: Bools) -> Floats:
        """Subtract each window's mean and divide by its standard deviation."""
        known = known & np.isfinite(frames)
        return _over_known(np.where(known, frames, 0), known)

    def known_bands(self, bandwidth_hz: float) -> Bools:
        """Which bands, (F,), a recording of that bandwidth holds."""
        return self.frequencies_hz <= USABLE_BANDWIDTH * bandwidth_hz

    def log_energy(self, frames: Floats, bands: Bools) -> Floats:
        """Mean log-power over the bands."""
        kept = frames if bands.all() else frames[..., bands]
        # A product with equal weights is a mean, and much faster than a reduction over so few.
        energy: Floats = kept @ np.full(kept.shape[-1], 1 / kept.shape[-1], dtype=np.float32)
        return energy


@dataclass(frozen=True)
class RawWindow:
    """The samples of a window between `freqmin_hz` and `freqmax_hz`, divided by their common deviation.

    Trend, taper and band-pass (bins of the window's own Fourier transform) are linear, so that they are one matrix, and
    again nothing outside the window is read.
    """

    foldable: ClassVar[bool] = False
    config: PreprocessConfig
    transform: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the transform, (L, L)."""
        from scipy.signal.windows import tukey  # which takes long to import

        n = self.config.window_samples
        frequencies = np.fft.rfftfreq(n, 1.0 / self.config.sampling_rate_hz)
        kept = (frequencies >= self.config.freqmin_hz) & (frequencies <= self.config.freqmax_hz)
        spectrum = np.fft.rfft(without_trend(n) @ np.diag(tukey(n, 0.1)), axis=1)
        object.__setattr__(self, "transform", np.fft.irfft(spectrum * kept, n, axis=1))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, 1, samples): a window is its own only frame."""
        return 3, 1, self.config.window_samples

    @property
    def frame_samples(self) -> int:
        """Samples that one frame reads: all of the window."""
        return self.config.window_samples

    def frames(self, data: Floats) -> Floats:
        """Whole windows of band-passed samples, one a hop: (..., M, L)."""
        n, hop = self.config.window_samples, self.config.hop_samples
        views = sliding_window_view(data, n, axis=-1)[..., ::hop, :]
        filtered = (views.astype(np.float64) - views[..., :1]) @ self.transform  # double, as for `LogSpectrogram`
        return filtered.astype(np.float32)

    def normalise(self, frames: Floats, known: Bools) -> Floats:
        """Divide each window by the standard deviation of its samples."""
        size = np.abs(frames).max(axis=(1, 2, 3), keepdims=True)
        scaled = (frames / np.where(size > 0, size, 1)).astype(np.float32)  # squares stay inside float32
        alive = (frames != 0).any(axis=-1, keepdims=True)
        return _over_known(scaled, np.broadcast_to(known & alive, frames.shape))

    def known_bands(self, bandwidth_hz: float) -> Bools:
        """Flag every sample: samples have no bands."""
        return np.ones(self.config.window_samples, dtype=np.bool_)

    def log_energy(self, frames: Floats, bands: Bools) -> Floats:
        """Logarithm of the mean square."""
        power = np.square(frames, dtype=np.float64).mean(axis=-1)
        energy: Floats = np.log(power, where=power > 0, out=np.full(power.shape, -np.inf)).astype(np.float32)
        return energy


def without_trend(n: int) -> NDArray[np.float64]:
    """Matrix (n, n) that takes the straight-line fit from rows of n samples."""
    line, _ = np.linalg.qr(np.stack([np.ones(n), np.linspace(-1.0, 1.0, n)], axis=1))
    projection: NDArray[np.float64] = np.eye(n) - line @ line.T
    return projection


def make_feature(config: PreprocessConfig) -> Feature:
    """The feature that a config names."""
    return LogSpectrogram(config) if config.features == "logspec" else RawWindow(config)


def extract(feature: Feature, windows: Floats, present: Bools, bandwidth_hz: NDArray[np.float64]) -> Floats:
    """Features of windows of samples.

    Parameters
    ----------
    feature : Feature
        Made by `make_feature`.
    windows : float32 (N, C, L)
        Samples in Z, N, E order.
    present : bool (N, C)
        Which components were recorded.
    bandwidth_hz : float64 (N,)
        Highest frequency that each recording holds.

    Returns
    -------
    float32 (N, D)
        What `slide` gives for the same window inside a longer record.
    """
    known_bands = {b: feature.known_bands(b) for b in set(bandwidth_hz.tolist())}
    bands = np.array([known_bands[b] for b in bandwidth_hz.tolist()]).reshape(len(windows), -1)
    known = present[:, :, None, None] & bands[:, None, None, :]
    return feature.normalise(feature.frames(windows), known)


def slide(feature: Feature, frames: Floats, present: Bools, bandwidth_hz: float) -> Floats:
    """Features of every window on the grid of frames.

    Parameters
    ----------
    frames : float32 (C, M, F)
        Frames of a record, from `Feature.frames`.
    present : bool (C,)
        Which components were recorded.
    bandwidth_hz : float
        Highest frequency that the recording holds.

    Returns
    -------
    float32 (M - J + 1, D)
        Row m belongs to the window that starts with frame m.
    """
    views = sliding_window_view(frames, feature.shape[1], axis=1)  # (C, M - J + 1, F, J)
    known = present[:, None, None] & feature.known_bands(bandwidth_hz)
    return feature.normalise(np.ascontiguousarray(views.transpose(1, 0, 3, 2)), known)


def _over_known(values: Floats, known: Bools) -> Floats:
    """(values - mean) / deviation over the known part of each window; 0 elsewhere and for windows without any."""
    axes = (1, 2, 3)
    count = np.maximum(known.sum(axis=axes, keepdims=True), 1).astype(np.float32)
    mean = np.where(known, values, 0).sum(axis=axes, keepdims=True) / count
    centred = np.where(known, values - mean, 0)
    deviation = np.sqrt((centred**2).sum(axis=axes, keepdims=True) / count)
    normalised = centred / np.where(deviation > 0, deviation, 1)
    return np.ascontiguousarray(normalised.reshape(len(values), -1), dtype=np.float32)
