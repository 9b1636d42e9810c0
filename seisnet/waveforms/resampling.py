"""Band-limited resampling onto an absolute time grid."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import upfirdn

from seisnet.errors import DataError
from seisnet.waveforms.records import NS_PER_S

HALF_WIDTH = 32
"""Zero crossings of the interpolating sinc on either side."""

CUTOFF = 0.45
"""Corner of the anti-alias filter as a share of the lower of the two rates; it is closed at 0.5."""

KAISER_BETA = 8.0
LARGEST_DENOMINATOR = 100_000
TIMING_TOLERANCE_SAMPLES = 0.01


def keeps_time(rate_hz: float, target_hz: float, n_samples: int) -> bool:
    """Whether counting samples at the target rate puts the last one within half a sample of its time."""
    return abs(target_hz / rate_hz - 1.0) * n_samples < 0.5


def resample(
    samples: NDArray[np.float64], start_ns: int, rate_hz: float, target_hz: float
) -> tuple[NDArray[np.float64], int]:
    """Resample with anti-aliasing onto the multiples of the target interval since 1970.

    The output is the convolution with a Kaiser-windowed sinc, evaluated at the output times themselves, so that
    the start's fraction of a sample is kept and the output does not depend on where the input starts. The filter is
    symmetric: the peak of an impulse stays where it is.

    Parameters
    ----------
    samples : float64 (T,)
        Gap-free samples; they are continued by their first and last value.
    start_ns : int
        Time of the first.
    rate_hz, target_hz : float
        Rates before and after.

    Returns
    -------
    samples : float64 (M,)
        May be empty when the input is shorter than an output interval.
    start_ns : int
        Time of the first output sample, at or after the input's.
    """
    ratio = _ratio(target_hz / rate_hz, len(samples))
    interval_ns = Fraction(NS_PER_S) / Fraction(target_hz).limit_denominator(1_000_000)
    first = -int(-start_ns // interval_ns)  # the first grid point at or after the start
    offset = float((first * interval_ns - start_ns) * Fraction(rate_hz) / NS_PER_S)  # in input samples
    n_out = int(np.floor((len(samples) - 1 - offset) * float(ratio) + 1e-9)) + 1
    if n_out <= 0:
        return np.zeros(0), start_ns
    up, down = ratio.numerator, ratio.denominator
    band = min(1.0, float(ratio))  # output rate over input rate where it is the lower one
    half = int(np.ceil(HALF_WIDTH / band)) + 1
    # upfirdn gives every `down`-th value of the full convolution: lead the kernel in so that one falls on the start.
    centre = half * up
    centre += -(centre + half * up) % down
    tau = (np.arange(centre + half * up + 1) - centre) / up + offset
    kernel = _kernel(tau * band) * band
    padded = np.concatenate([np.full(half, samples[0]), samples, np.full(half, samples[-1])])
    skip = (centre + half * up) // down
    return upfirdn(kernel, padded, up, down)[skip : skip + n_out], round(first * interval_ns)


def _kernel(tau: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kaiser-windowed sinc with unit gain at zero frequency, `tau` in samples of the lower rate."""
    inside = np.clip(1.0 - (tau / HALF_WIDTH) ** 2, 0.0, None)
    window = np.where(np.abs(tau) <= HALF_WIDTH, np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA), 0.0)
    kernel: NDArray[np.float64] = 2 * CUTOFF * np.sinc(2 * CUTOFF * tau) * window
    return kernel


def _ratio(value: float, n_samples: int) -> Fraction:
    """The simplest fraction that keeps the last sample within the timing tolerance."""
    denominator = 10
    while denominator <= LARGEST_DENOMINATOR:
        ratio = Fraction(value).limit_denominator(denominator)
        if ratio > 0 and abs(float(ratio) / value - 1.0) * n_samples <= TIMING_TOLERANCE_SAMPLES:
            return ratio
        denominator *= 10
    raise DataError(f"no fraction near {value!r} keeps the time of {n_samples} samples; cut the record into pieces")
