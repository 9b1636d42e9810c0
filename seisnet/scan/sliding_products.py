"""Weighted sums of every window of a run of frames: the first layer of a network that is slid over them.

With g the frames and W the weights of the J frames of a window, y_m = sum_j g_{m+j} W_j. Computed one by one, such sums
need no copies of windows, as a window is a run of whole frames in memory. Computed together they need fewer operations:
by the convolution theorem a correlation is a product of spectra. Segments of L = 2 (J - 1) frames give J - 1 windows
each; spectra are matrix products with the real Fourier transform, and so are the sums of each frequency. For windows of
19 frames of 30 values that is a quarter of the multiplications.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from seisnet.nn.products import product

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class DirectProduct:
    """Sums of every `every`-th window, one by one.

    Attributes
    ----------
    weights : float32 (J, C, U)
    every : int
        Windows start on every `every`-th frame.
    """

    weights: Floats
    every: int = 1

    def __call__(self, frames: Floats, n_windows: int) -> Floats:
        """Sums (n_windows, U) from frames (M, C); the first window starts on the first frame.

        Windows that do not overlap are the rows of one matrix.
        """
        (length, width, units), step = self.weights.shape, _whole(len(self.weights), self.every)
        rows, weights = n_windows * self.every // step, self.weights.reshape(-1, units)
        row = width * frames.itemsize
        sums = np.empty((step // self.every, rows, units), dtype=np.float32)
        for phase, out in enumerate(sums):
            start = frames[phase * self.every :]
            matrix = as_strided(start, (rows, length * width), (step * row, frames.itemsize), writeable=False)
            product(matrix, weights, out)
        return np.ascontiguousarray(sums.transpose(1, 0, 2)).reshape(n_windows, units)


class SpectralProduct:
    """Sums of every window, J - 1 of them together.

    Parameters
    ----------
    weights : float32 (J, C, U)
        J is 2 or more.
    """

    def __init__(self, weights: Floats) -> None:
        self._shape = length, width, units = weights.shape
        size = 2 * (length - 1)
        fourier = np.fft.rfft(np.eye(size), axis=0)  # (size / 2 + 1, size)
        # The spectrum of a real series is real at both ends: these two share a row.
        forward = np.stack([fourier.real, fourier.imag], axis=1)[:-1]
        forward[0, 1] = fourier[-1].real
        backward = forward * np.where(np.arange(size // 2) > 0, 2, 1)[:, None, None] / size
        spectra = np.fft.rfft(weights.astype(np.float64), size, axis=0).conj()
        real, imaginary = spectra.real[:-1], spectra.imag[:-1].copy()
        products = np.block([[real, imaginary], [-imaginary, real]])  # (size / 2, 2 C, 2 U)
        products[0, width:, units:] = spectra.real[-1]
        self._forward = forward.reshape(size, size).astype(np.float32)
        self._backward = np.ascontiguousarray(backward.reshape(size, size)[:, : size // 2].T, dtype=np.float32)
        self._spectra = products.astype(np.float32)

    def __call__(self, frames: Floats, n_windows: int) -> Floats:
        """Sums (n_windows, U) from frames (M, C); the first window starts on the first frame."""
        length, width, units = self._shape
        half = length - 1
        n, size, row = n_windows // half, 2 * half, width * frames.itemsize
        segments = as_strided(frames, (n, size, width), (half * row, row, frames.itemsize), writeable=False)
        spectra = (self._forward @ segments).reshape(n, half, 2 * width)
        products = np.ascontiguousarray(spectra.transpose(1, 0, 2)) @ self._spectra
        products = np.ascontiguousarray(products.transpose(1, 0, 2)).reshape(n, size, units)
        sums: Floats = (self._backward @ products).reshape(n_windows, units)
        return sums


SlidingProduct = DirectProduct | SpectralProduct


def sliding_product(weights: Floats, every: int) -> SlidingProduct:
    """The cheaper of the two."""
    return SpectralProduct(weights) if together(len(weights), every) else DirectProduct(weights, every)


def together(length: int, every: int) -> int:
    """How many windows of some length share their arithmetic; 0 where each is computed by itself.

    With longer steps, most of the windows that `SpectralProduct` gives would be thrown away.
    """
    return length - 1 if every == 1 and length > 1 else 0


def row_frames(length: int, every: int) -> int:
    """Frames from one row of the products to the next; a whole number of rows is computed."""
    return together(length, every) or _whole(length, every)


def _whole(length: int, every: int) -> int:
    """The least multiple of `every` that holds a window."""
    return -(-length // every) * every
