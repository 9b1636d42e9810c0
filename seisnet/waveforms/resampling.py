"""Band-limited resampling onto an absolute time grid."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seisnet.waveforms.records import NS_PER_S

Floats = NDArray[np.float64]

HALF_WIDTH = 32
"""Zero crossings of the interpolating sinc on either side."""

CUTOFF = 0.45
"""Corner of the anti-alias filter as a share of the lower of the two rates; it is closed at 0.5."""

KAISER_BETA = 8.0

FEW_PHASES, MANY_PHASES = 64, 10_000
"""Output falls on as many fractions of an input sample as the ratio of rates has in its numerator. The filter is worked
out for each where they are few, or many but far fewer than the samples; else it is interpolated from a table."""

TABLE_PHASES = 1024
"""Shifts of the filter in the table, a sample; interpolated between, the error is below -100 dB."""

BLOCK_SAMPLES = 8192

ROUNDING = Fraction(1, 1000)
"""Share of an output sample; a start that was rounded to nanoseconds must not cost a sample at either end."""


def keeps_time(rate_hz: float, target_hz: float, n_samples: int) -> bool:
    """Whether counting samples at the target rate puts the last one within half a sample of its time."""
    return abs(target_hz / rate_hz - 1.0) * n_samples < 0.5


def resample(samples: Floats, start_ns: int, rate_hz: float, target_hz: float) -> tuple[Floats, int]:
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
    rate, target = (Fraction(hz).limit_denominator(10**9) for hz in (rate_hz, target_hz))
    interval_ns = NS_PER_S / target
    first = math.ceil(start_ns / interval_ns - ROUNDING)
    offset = (first * interval_ns - start_ns) * rate / NS_PER_S  # in input samples
    n_out = math.floor((len(samples) - 1 - offset) * target / rate + ROUNDING) + 1
    if n_out <= 0:
        return np.zeros(0), start_ns
    half = _reach(float(target / rate))
    padded = np.concatenate([np.full(half, samples[0]), samples, np.full(half, samples[-1])])
    periodic = (target / rate).numerator <= max(FEW_PHASES, min(n_out // 10, MANY_PHASES))
    evaluate = _periodic if periodic else _interpolated
    return evaluate(padded, offset, target / rate, n_out), round(first * interval_ns)


def _periodic(padded: Floats, offset: Fraction, ratio: Fraction, n_out: int) -> Floats:
    """Evaluate the convolution with a kernel for each fraction of an input sample on which the output falls."""
    from scipy.signal import upfirdn  # which takes long to import, and few recordings need it

    up, down, band = ratio.numerator, ratio.denominator, min(1.0, float(ratio))
    half = _reach(band)
    # upfirdn gives every `down`-th value of the full convolution: lead the kernel in so that one falls on the start.
    centre = half * up
    centre += -(centre + half * up) % down
    n_taps = -(-(centre + half * up + 1) // up) * up
    tau = (np.arange(n_taps) - centre) / up + float(offset)
    taps = _kernel((tau * band).reshape(-1, up), axis=0)
    skip = (centre + half * up) // down
    result: Floats = upfirdn(taps.reshape(-1), padded, up, down)[skip : skip + n_out]
    return result


def _interpolated(padded: Floats, offset: Fraction, ratio: Fraction, n_out: int) -> Floats:
    """Evaluate the convolution at any times, with a kernel interpolated from its table."""
    table = _table(min(1.0, float(ratio)))
    windows = sliding_window_view(padded, table.shape[1])
    result = np.empty(n_out)
    for low in range(0, n_out, BLOCK_SAMPLES):
        at = float(offset) + np.arange(low, min(low + BLOCK_SAMPLES, n_out)) / float(ratio)
        left = np.floor(at).astype(np.intp)
        phase, between = np.divmod((at - left) * TABLE_PHASES, 1.0)
        row = phase.astype(np.intp)
        taps = table[row] + between[:, None] * (table[row + 1] - table[row])
        result[low : low + len(at)] = np.einsum("ij,ij->i", windows[left + 1], taps)
    return result


@lru_cache(maxsize=8)
def _table(band: float) -> Floats:
    """The kernel, (TABLE_PHASES + 1, taps), for output that lies 0 to 1 input samples after tap number taps / 2 - 1."""
    half = _reach(band)
    taps = np.arange(2 * half - 1) - (half - 1)
    return _kernel((taps - np.arange(TABLE_PHASES + 1)[:, None] / TABLE_PHASES) * band, axis=1)


def _reach(band: float) -> int:
    """Input samples on either side that a value needs, when the output starts up to one interval after the input."""
    return math.ceil((HALF_WIDTH + 1) / min(1.0, band)) + 1


def _kernel(tau: Floats, *, axis: int) -> Floats:
    """Kaiser-windowed sinc, `tau` in samples of the lower rate, whose taps along an axis make one output sample.

    They are divided by their sum, which is a little another at each fraction of a sample: an offset of the recording,
    often thousands of times its signal, would come out as a ripple.
    """
    from scipy.special import i0

    inside = np.clip(1.0 - (tau / HALF_WIDTH) ** 2, 0.0, None)
    # What falls on the very end is left out, however it is rounded: else the output would depend on the start.
    window = np.where(np.abs(tau) < HALF_WIDTH - 1e-6, i0(KAISER_BETA * np.sqrt(inside)) / i0(KAISER_BETA), 0.0)
    kernel: Floats = np.sinc(2 * CUTOFF * tau) * window
    kernel /= kernel.sum(axis=axis, keepdims=True)
    return kernel
