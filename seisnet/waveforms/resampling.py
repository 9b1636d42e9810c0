"""Band-limited resampling onto an absolute time grid."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seisnet.waveforms.records import NS_PER_S, ROUNDING

Floats = NDArray[np.float64]

HALF_WIDTH = 32
"""Zero crossings on either side of the sinc that determines the amplitude response."""

CUTOFF = 0.45
"""Corner of the anti-alias filter as a share of the lower of the two rates; it is closed at 0.5."""

KAISER_BETA = 8.0

BEHIND, AHEAD = 2 * HALF_WIDTH, 4
"""How many earlier and later samples of the lower rate an output sample depends on at most."""

PER_SAMPLE = 8, 256
"""Points per sample at which the filter is designed, and at which it is tabulated."""

FAINTEST = 1e-4
"""Smallest share of the amplitude that passes at any frequency, because the logarithm of zero is infinite."""

FEW_PHASES, MANY_PHASES = 64, 10_000
"""The output falls on as many fractions of an input sample as the numerator of the ratio of rates says. The filter is
computed for each if they are few, or many but far fewer than the samples; else it is interpolated from a table."""

TABLE_PHASES = 1024
"""Shifts of the filter per sample in the table; interpolation between them makes errors below -100 dB."""

BLOCK_SAMPLES = 8192

RATE_ROUNDING = 1e-7
"""Rates that differ by a smaller share are the same: many headers hold the rate, or the interval, as float32."""


def is_rate(rate_hz: float, target_hz: float) -> bool:
    """Whether samples need no resampling, however many they are: a day gives what its hours and packets give."""
    return abs(target_hz / rate_hz - 1.0) < RATE_ROUNDING


def resample(
    samples: Floats, start_ns: int, rate_hz: float, target_hz: float, *, symmetric: bool = False
) -> tuple[Floats, int]:
    """Resample with anti-aliasing onto the multiples of the target interval since 1970.

    The output is the convolution with a filter, evaluated at the output times themselves, so that a fractional
    start is kept and the output does not depend on where the input starts. The filter lets pass what a
    Kaiser-windowed sinc does, but has minimum phase, so that it rings behind an onset: a symmetric one rings before it
    as well, and strong onsets would be picked a quarter of a second early (Scherbaum & Bouin 1997, Bull. Seismol. Soc.
    Am. 87). It is shifted so that the peak of an impulse stays where it is; low frequencies come half a sample of the
    lower rate early.

    Parameters
    ----------
    samples : float64 (T,)
        Gap-free samples; they are continued by their first and last value.
    start_ns : int
        Time of the first.
    rate_hz, target_hz : float
        Rates before and after.
    symmetric : bool
        Whether the filter is the sinc itself, as in most recorders.

    Returns
    -------
    samples : float64 (M,)
        May be empty when the input is shorter than an output interval.
    start_ns : int
        Time of the first output sample, at or after the input's.
    """
    rate, target = (Fraction(hz).limit_denominator(10**9) for hz in (rate_hz, target_hz))
    interval_ns = NS_PER_S / target
    rounding = Fraction(ROUNDING)  # a start that was rounded to nanoseconds must not cost a sample at either end
    first = math.ceil(start_ns / interval_ns - rounding)
    offset = (first * interval_ns - start_ns) * rate / NS_PER_S  # in input samples
    n_out = math.floor((len(samples) - 1 - offset) * target / rate + rounding) + 1
    if n_out <= 0:
        return np.zeros(0), start_ns
    behind, ahead = _reach(float(target / rate), symmetric)
    padded = np.concatenate([np.full(behind, samples[0]), samples, np.full(ahead, samples[-1])])
    periodic = (target / rate).numerator <= max(FEW_PHASES, min(n_out // 10, MANY_PHASES))
    evaluate = _periodic if periodic else _interpolated
    return evaluate(padded, offset, target / rate, n_out, symmetric), round(first * interval_ns)


def _periodic(padded: Floats, offset: Fraction, ratio: Fraction, n_out: int, symmetric: bool) -> Floats:
    """Evaluate the convolution with a kernel for each fraction of an input sample on which the output falls."""
    from scipy.signal import upfirdn  # which takes long to import, and few recordings need it

    up, down, band = ratio.numerator, ratio.denominator, min(1.0, float(ratio))
    behind, ahead = _reach(band, symmetric)
    # upfirdn gives every `down`-th value of the full convolution: lead the kernel in so that one falls on the start.
    centre = ahead * up
    centre += -(centre + behind * up) % down
    n_taps = -(-(centre + behind * up + 1) // up) * up
    tau = (np.arange(n_taps) - centre) / up + float(offset)
    taps = _kernel((tau * band).reshape(-1, up), symmetric, axis=0)
    skip = (centre + behind * up) // down
    result: Floats = upfirdn(taps.reshape(-1), padded, up, down)[skip : skip + n_out]
    return result


def _interpolated(padded: Floats, offset: Fraction, ratio: Fraction, n_out: int, symmetric: bool) -> Floats:
    """Evaluate the convolution at any times, with a kernel interpolated from its table."""
    table = _table(min(1.0, float(ratio)), symmetric)
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
def _table(band: float, symmetric: bool) -> Floats:
    """The kernel, (TABLE_PHASES + 1, taps), for output that lies 0 to 1 input samples after the `behind`-th tap."""
    behind, ahead = _reach(band, symmetric)
    taps = np.arange(behind + ahead - 1) - (behind - 1)
    return _kernel((np.arange(TABLE_PHASES + 1)[:, None] / TABLE_PHASES - taps) * band, symmetric, axis=1)


def _reach(band: float, symmetric: bool) -> tuple[int, int]:
    """Input samples that a value needs, earlier and later ones, when the output starts up to one interval after it."""
    of_lower = (HALF_WIDTH, HALF_WIDTH) if symmetric else (BEHIND, AHEAD)
    earlier, later = (math.ceil((samples + 1) / min(1.0, band)) + 1 for samples in of_lower)
    return earlier, later


def _kernel(tau: Floats, symmetric: bool, *, axis: int) -> Floats:
    """The filter, `tau` samples of the lower rate after the input, whose taps along an axis make one output sample.

    They are divided by their sum, which differs a little from one fraction of a sample to the next. Otherwise the
    offset of a recording, often thousands of times its signal, would come out as a ripple.
    """
    kernel: Floats = _windowed_sinc(tau) if symmetric else np.interp(tau, *_response(), left=0.0, right=0.0)
    kernel /= kernel.sum(axis=axis, keepdims=True)
    return kernel


def _windowed_sinc(tau: Floats) -> Floats:
    from scipy.special import i0

    inside = np.clip(1.0 - (tau / HALF_WIDTH) ** 2, 0.0, None)
    # What falls on the very end is left out, however it is rounded: else the output would depend on the start.
    window = np.where(np.abs(tau) < HALF_WIDTH - 1e-6, i0(KAISER_BETA * np.sqrt(inside)) / i0(KAISER_BETA), 0.0)
    sinc: Floats = np.sinc(2 * CUTOFF * tau) * window
    return sinc


@lru_cache(maxsize=1)
def _response() -> tuple[Floats, Floats]:
    """The impulse response of the filter: times in samples of the lower rate, and values.

    The cepstrum of an amplitude response, folded onto positive times, is that of the minimum-phase filter that has it
    (Oppenheim & Schafer 2010, Discrete-Time Signal Processing, 13.5).
    """
    few, many = PER_SAMPLE
    n = 32 * few * HALF_WIDTH
    sinc = _windowed_sinc(np.arange(-HALF_WIDTH * few, HALF_WIDTH * few + 1) / few)
    passing = np.abs(np.fft.rfft(sinc / sinc.sum(), n))
    cepstrum = np.fft.irfft(np.log(np.maximum(passing, FAINTEST)), n)
    cepstrum[1 : n // 2] *= 2
    cepstrum[n // 2 + 1 :] = 0
    values = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), n * many // few)  # zeros above make it dense
    values = np.roll(values, many)[: BEHIND * many]  # between the points of the design, something comes before zero
    for ends, length in ((values, many), (values[::-1], len(values) // 8)):
        ends[:length] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)
    return (np.arange(len(values)) - np.argmax(values)) / many, values
