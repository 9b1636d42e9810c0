"""Where exactly a phase begins: Akaike's information criterion on the seismogram around a pick."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seisnet.waveforms.records import Record, ns_to_sample, sample_to_ns

BAND_HZ = {"P": (3.0, 30.0), "S": (1.0, 20.0)}
BAND_SHARES, QUIET = (0.2, 0.6), 3e-4
"""The corners are at most these shares of a record's bandwidth. This share of the variance around a pick is added to
every variance, as noise."""

SLOW_BAND_SHARES, SLOW_QUIET = (0.2, 0.5), 1e-2
"""The same for records that passed through a lower rate: interpolation lets them rise up to one of its samples before a
strong onset, and variances show even the beginning of that, so that picks would be early."""

AROUND_S = {"P": 1.0, "S": 0.5}
"""Length on either side of the search range: noise and signal both need some, but S less, as the coda of P changes."""

CONTEXT_S = max(AROUND_S.values())

WARM_UP_S = 2.0
"""The filter runs for this long before its output is used."""

SIDE_SAMPLES = 5
"""At least so many lie on either side of an onset: a variance needs some."""

DECAYED = 60.0
"""After so many times the time in which a phase turns by one radian, a filter has decayed by e to the 42."""

WHITENING = 1e-3
"""White noise that is added to the correlations of what precedes a phase, as a share of its power, for stability."""


def aic_onset(record: Record, time_ns: int, phase: str, *, half_width_s: float, after_ns: int | None = None) -> int:
    r"""Move a time to the nearby change of variance that Akaike's criterion finds.

    .. math:: AIC(k) = \sum_c k \log \mathrm{var}(x_{c,1} \dots x_{c,k})
                          + (n - k) \log \mathrm{var}(x_{c,k+1} \dots x_{c,n})

    (Maeda 1985, Zisin 38), summed over the components that show the phase best: the vertical for P, the horizontals
    for S, whatever there is where those are missing. The samples pass a causal band-pass first, so that no energy
    comes before the onset. For S they are replaced by errors of predicting each from the two before it, by the
    correlations of what precedes the search range (Sleeman & van Eck 1999, Phys. Earth Planet. Inter. 113): what
    distinguishes S from the coda of P is more often its frequencies than its energy.

    Parameters
    ----------
    record : Record
    time_ns : int
        A pick in the record.
    phase : str
        ``P`` or ``S``.
    half_width_s : float
        How far from the pick to search.
    after_ns : int, optional
        What lies before this belongs to another phase: the criterion doesn't see it, only the filters do.

    Returns
    -------
    int
        Time of the sample at which the criterion is least; `time_ns` itself where the record is too short around it.
    """
    rate_hz = record.sampling_rate_hz
    kind = "P" if phase == "P" else "S"
    at = ns_to_sample(record, time_ns)
    reach = round((half_width_s + AROUND_S[kind]) * rate_hz)
    low, high = max(at - reach, 0), min(at + reach, record.n_samples)
    if after_ns is not None:
        low = max(low, ns_to_sample(record, after_ns))
    first = max(low - round(WARM_UP_S * rate_hz), 0)
    preferred = np.array([kind == "P", kind == "S", kind == "S"]) & record.present
    rows = preferred if preferred.any() else record.present
    is_slow = record.bandwidth_hz < 0.49 * rate_hz  # rates jitter
    shares, quiet = (SLOW_BAND_SHARES, SLOW_QUIET) if is_slow else (BAND_SHARES, QUIET)
    low_hz, high_hz = (min(f, share * record.bandwidth_hz) for f, share in zip(BAND_HZ[kind], shares, strict=True))
    n = high - low
    begin = max(at - round(half_width_s * rate_hz) - low, SIDE_SAMPLES)
    end = min(at + round(half_width_s * rate_hz) - low, n - SIDE_SAMPLES)
    if end - begin < 2:
        return time_ns
    x = record.data[rows, first:high].astype(np.float64)
    x = _filtered(x - x[:, :1], low_hz, high_hz, rate_hz)
    if kind == "S":
        x = _unforeseen(x, low - first + begin)
    x = x[:, low - first :]
    x = x[x.any(axis=1)]  # a component that is dead says nothing
    if not len(x):
        return time_ns
    k = np.arange(begin, end)
    smallest = quiet * x[:, begin:end].var(axis=1, keepdims=True) + 1e-12 * x.var(axis=1, keepdims=True)
    before = np.log(_variance(x, k) + smallest)
    after = np.log(_variance(x[:, ::-1], n - k) + smallest)
    aic = (k * before + (n - k) * after).sum(axis=0)
    return sample_to_ns(record, low + int(k[np.argmin(aic)]))


def _filtered(x: NDArray[np.float64], low_hz: float, high_hz: float, rate_hz: float) -> NDArray[np.float64]:
    """What a causal high-pass and a low-pass make of rows (C, T): Butterworth filters of second order.

    A single narrow band-pass takes longer to rise. `scipy.signal`, whose `sosfilt` does this as well, would add 64 MB
    to the memory of every scan.
    """
    n = x.shape[1]
    # What a filter gives later than this is too little for a float64: it would come back at the start.
    spill = math.ceil(DECAYED * rate_hz / (2 * math.pi * min(low_hz, high_hz)))
    size = 1 << (n + spill).bit_length()
    spectrum = np.fft.rfft(x, size) * _response(low_hz, high_hz, rate_hz, size)
    filtered: NDArray[np.float64] = np.fft.irfft(spectrum, size)[:, :n]
    return filtered


@lru_cache(maxsize=16)
def _response(low_hz: float, high_hz: float, rate_hz: float, size: int) -> NDArray[np.complex128]:
    """Response of both filters at the frequencies of a Fourier transform, by the bilinear transform."""
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)  # by one sample
    response: NDArray[np.complex128] = np.ones_like(delay)
    for corner_hz, sign in ((low_hz, -1), (high_hz, 1)):
        k = math.tan(math.pi * corner_hz / rate_hz)
        gain = k * k if sign > 0 else 1.0
        below = (1 + math.sqrt(2) * k + k * k) + 2 * (k * k - 1) * delay + (1 - math.sqrt(2) * k + k * k) * delay**2
        response *= gain * (1 + sign * delay) ** 2 / below
    return response


def _unforeseen(x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Errors (C, T) of predicting each sample from the two before it, fitted to the first n (Yule and Walker)."""
    known = x[:, :n]
    r0, r1, r2 = ((known[:, lag:] * known[:, : known.shape[1] - lag]).sum(axis=1, keepdims=True) for lag in range(3))
    smallest = np.finfo(np.float64).tiny
    one, two = (r / (r0 * (1 + WHITENING) + smallest) for r in (r1, r2))
    first, second = one * (1 - two) / (1 - one**2), (two - one**2) / (1 - one**2)
    errors = x.copy()
    errors[:, 1:] -= first * x[:, :-1]
    errors[:, 2:] -= second * x[:, :-2]
    return errors


def _variance(x: NDArray[np.float64], k: NDArray[np.intp]) -> NDArray[np.float64]:
    """Variance of the first k samples of every row, (C, K)."""
    total = np.cumsum(x, axis=1)[:, k - 1]
    squares = np.cumsum(x**2, axis=1)[:, k - 1]
    variance: NDArray[np.float64] = np.maximum(squares / k - (total / k) ** 2, 0)
    return variance
