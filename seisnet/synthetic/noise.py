"""Ambient noise between Peterson's models, and what people, wires and digitisers add to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len
from scipy.signal import butter, lfilter, sosfilt
from scipy.special import expit

from seisnet.synthetic.instruments import Instrument
from seisnet.synthetic.values import Floats, log_uniform

LOW_NOISE = np.array(
    [
        (0.10, -162.36, 5.64),
        (0.17, -166.70, 0.00),
        (0.40, -170.00, -8.30),
        (0.80, -166.40, 28.90),
        (1.24, -168.60, 52.48),
        (2.40, -159.98, 29.81),
        (4.30, -141.10, 0.00),
        (5.00, -71.36, -99.77),
        (6.00, -97.26, -66.49),
        (10.0, -132.18, -31.57),
        (12.0, -205.27, 36.16),
        (15.6, -37.65, -104.33),
        (21.9, -114.37, -47.10),
        (31.6, -160.58, -16.28),
        (45.0, -187.50, 0.00),
        (70.0, -216.47, 15.70),
        (101.0, -185.00, 0.00),
        (154.0, -168.34, -7.61),
        (328.0, -217.43, 11.90),
        (600.0, -258.28, 26.60),
        (1e4, -346.88, 48.75),
    ]
)
HIGH_NOISE = np.array(
    [
        (0.10, -108.73, -17.23),
        (0.22, -150.34, -80.50),
        (0.32, -122.31, -23.87),
        (0.80, -116.85, 32.51),
        (3.80, -108.48, 18.08),
        (4.60, -74.66, -32.95),
        (6.30, 0.66, -127.18),
        (7.90, -93.37, -22.42),
        (15.4, 73.54, -162.98),
        (20.0, -151.52, 10.01),
        (354.8, -206.66, 31.63),
    ]
)
"""Peterson's (1993) new models of acceleration, tables 3 and 4: from each period, s, on, A + B log10(period)."""


def peterson_db(model: Floats, frequency_hz: Floats) -> Floats:
    """Power spectral density of one of the models above, dB of 1 (m/s2)2/Hz; held constant above 10 Hz."""
    period = np.clip(1.0 / np.maximum(frequency_hz, 1e-5), 0.1, 1e5)
    row = np.searchsorted(model[:, 0], period, side="right") - 1
    return np.asarray(model[row, 1] + model[row, 2] * np.log10(period))


def noise_psd_db(frequency_hz: Floats, level: Floats) -> Floats:
    """Power spectral density at a level of 0 (low-noise model) to 1 (high-noise model), dB of (m/s2)2/Hz."""
    low, high = (peterson_db(model, frequency_hz) for model in (LOW_NOISE, HIGH_NOISE))
    return low + np.clip(level, 0.0, 1.0) * (high - low)


def gaussian_noise(psd: Floats, n_samples: int, sampling_rate_hz: float, rng: np.random.Generator) -> Floats:
    """Gaussian noise of a one-sided power spectral density.

    Parameters
    ----------
    psd : float64 (..., n_samples // 2 + 1)
        Unit squared a hertz, at the frequencies of ``rfft``.
    n_samples : int
        Length of the result.
    sampling_rate_hz : float
        Of the result.
    rng : numpy.random.Generator
        Source of the phases and amplitudes.

    Returns
    -------
    float64 (..., n_samples)
    """
    parts = rng.standard_normal((2, *psd.shape))
    spectrum = np.sqrt(psd * sampling_rate_hz * n_samples / 4.0) * (parts[0] + 1j * parts[1])
    return np.asarray(irfft(spectrum, n_samples, axis=-1))


def cultural_noise(n_samples: int, sampling_rate_hz: float, rng: np.random.Generator) -> Floats:
    """Draw a vehicle, footsteps, a bang or a machine; largest value near 1, (3, n_samples)."""
    rate = sampling_rate_hz
    time_s = np.arange(n_samples) / rate
    kind = rng.choice(["vehicle", "steps", "bang", "machine"], p=[0.35, 0.15, 0.3, 0.2])
    if kind == "machine":
        wander = 1.0 + 1e-3 * np.cumsum(rng.standard_normal(n_samples)) / rate
        wave = np.sin(2 * math.pi * np.cumsum(rng.uniform(2.0, 0.45 * rate) * wander) / rate)
        start, stop = np.sort(rng.uniform(-0.5, 1.5, size=2)) * time_s[-1]
        running = expit(4.0 * np.minimum(time_s - start, stop - time_s))
        return np.asarray(0.5 * rng.standard_normal((3, 1)) * wave * running)
    middle = rng.uniform(0.0, time_s[-1])
    if kind == "vehicle":
        envelope = np.exp(-0.5 * ((time_s - middle) / rng.uniform(1.5, 10.0)) ** 2)
    else:
        count = 1 if kind == "bang" else int(rng.integers(5, 30))
        pace_s, decay_s = rng.uniform(0.4, 0.8), rng.uniform(0.03, 0.5)
        step = np.arange(count) - count / 2
        at = np.round((middle + pace_s * step * rng.uniform(0.95, 1.05, size=count)) * rate).astype(int)
        inside = (at >= 0) & (at < n_samples)
        falls = np.zeros(n_samples)
        falls[at[inside]] = np.exp(-0.5 * (step / (0.3 * count)) ** 2)[inside]
        envelope = lfilter([1.0], [1.0, -math.exp(-1.0 / (decay_s * rate))], falls)
    centre_hz = log_uniform((3.0, 0.3 * rate), rng)
    sos = butter(1, [0.7 * centre_hz, 1.4 * centre_hz], "bandpass", fs=rate, output="sos")
    shared = rng.standard_normal((1, n_samples)) * rng.standard_normal((3, 1))
    wave = sosfilt(sos, envelope * (shared + rng.standard_normal((3, n_samples))))
    return np.asarray(wave / max(np.abs(wave).max(), 1e-12))


def glitch(n_samples: int, sampling_rate_hz: float, rng: np.random.Generator) -> Floats:
    """Draw an electronic spike, burst of spikes, step or pulse; largest value near 1, (3, n_samples)."""
    rate = sampling_rate_hz
    out = np.zeros((3, n_samples))
    reach = (rng.random((3, 1)) < 0.5) * rng.standard_normal((3, 1))
    at = int(rng.integers(0, n_samples))
    kind = rng.choice(["spike", "spikes", "step", "pulse"])
    if kind == "spike":
        out[:, at : at + int(rng.integers(1, 4))] = reach
    elif kind == "spikes":
        where = rng.integers(0, n_samples, size=int(rng.integers(3, 20)))
        out[:, where] = reach * rng.standard_normal(len(where))
    elif kind == "step":
        since = np.arange(n_samples - at) / rate
        out[:, at:] = reach * np.exp(-since / rng.uniform(0.2, 30.0))
    else:
        out[:, at : at + int(rng.uniform(0.1, 4.0) * rate)] = reach
    return out


class Background:
    """The noise of one record at one sensor, of one colour, at any level between Peterson's models.

    Parameters
    ----------
    instrument : Instrument
        Sensor that records it.
    rng : numpy.random.Generator
        Source of the colour.
    """

    SNR_ABOVE_HZ = 1.0
    """Ratios of signal to noise leave out what lies below: microseisms hide no local earthquake."""

    LONGEST = 1 << 19
    """Samples that are drawn at once."""

    def __init__(self, instrument: Instrument, rng: np.random.Generator) -> None:
        self.instrument = instrument
        nyquist_hz = instrument.sampling_rate_hz / 2
        self._octaves = np.arange(-8.0, math.log2(nyquist_hz) + 0.5, 0.5)
        # shape over two octaves and over half of one; and a slope above the 10 Hz at which Peterson's models end
        rough = 0.14 * rng.standard_normal(len(self._octaves) // 4 + 2)
        shared = np.interp(self._octaves, self._octaves[0] + 2.0 * np.arange(len(rough)), rough)
        shared += 0.08 * rng.standard_normal(len(self._octaves))
        shared += rng.uniform(-0.06, 0.12) * np.maximum(self._octaves - 2.0, 0.0)
        self._colour = shared + 0.03 * rng.standard_normal((3, len(self._octaves)))
        self._microseism_level = rng.uniform(0.2, 0.65)
        self._axis_hz = np.geomspace(self.SNR_ABOVE_HZ, nyquist_hz, 120)

    def psd(self, level: float, frequency_hz: Floats) -> Floats:
        """Power spectral density of the sensor's output on each component (3, F)."""
        return np.asarray(self._densities([level], frequency_hz, self._colour)[0])

    def _densities(self, at: Sequence[float], frequency_hz: Floats, colours: Floats) -> Floats:
        """Power spectral densities (L, C, F) of components of some colours at some levels."""
        octaves = np.log2(np.maximum(frequency_hz, 2.0**-8))
        # the sea's share, below 1 Hz, does not follow the town's, above
        base = np.stack([np.interp(octaves, [-1.5, 0.5], [self._microseism_level, level]) for level in at])
        levels = base[:, None] + np.stack([np.interp(octaves, self._octaves, colour) for colour in colours])
        motion = 10.0 ** (noise_psd_db(frequency_hz, levels) / 10.0)
        own = 10.0 ** (self.instrument.self_noise_db / 10.0)
        # the response is per metre of displacement
        displacement = motion / (2 * math.pi * np.maximum(frequency_hz, 1e-3)) ** 4
        return np.asarray(displacement * np.exp(2.0 * self.instrument.log_response(frequency_hz)) + own)

    def powers_db(self, at: Sequence[float]) -> list[float]:
        """Mean square of the vertical output above 1 Hz at some levels, dB."""
        vertical = self._densities(at, self._axis_hz, self._colour[:1])[:, 0]
        return [10.0 * math.log10(power) for power in np.asarray(np.trapezoid(vertical, self._axis_hz))]

    def rms(self, level: float) -> float:
        """Root mean square of the vertical output above 1 Hz."""
        return float(10.0 ** (self.powers_db([level])[0] / 20.0))

    def sample(self, level: float, n_samples: int, rng: np.random.Generator) -> Floats:
        """Draw the sensor's output (3, n_samples)."""
        rate = self.instrument.sampling_rate_hz
        overlap = int(60.0 * rate)
        if n_samples > self.LONGEST and n_samples > 4 * overlap:
            # two halves, faded into each other at constant power, bound the memory of the transforms
            half = n_samples // 2
            total = np.empty((3, n_samples))
            total[:, : half + overlap] = self.sample(level, half + overlap, rng)
            later = self.sample(level, n_samples - half, rng)
            fade = np.linspace(0.0, 0.5 * math.pi, overlap)
            total[:, half : half + overlap] *= np.cos(fade)
            total[:, half : half + overlap] += np.sin(fade) * later[:, :overlap]
            total[:, half + overlap :] = later[:, overlap:]
            return total
        size = 2 * next_fast_len((n_samples + 1) // 2, real=True)
        frequency_hz = np.arange(size // 2 + 1) * rate / size
        density = self.psd(level, frequency_hz)
        density[:, 0] = 0.0
        # above 1 Hz wind, water and traffic come and go, each in a band of its own
        edges = np.sort(rng.uniform(0.0, math.log2(rate / 2), size=2))
        band = np.searchsorted(edges, np.log2(np.maximum(frequency_hz, 0.01)))
        total = gaussian_noise(np.where(band == 0, density, 0.0), size, rate, rng)[:, :n_samples]
        for k in (1, 2):
            part = gaussian_noise(np.where(band == k, density, 0.0), size, rate, rng)[:, :n_samples]
            n_knots = max(2, math.ceil(n_samples / rate / rng.uniform(0.5, 10.0)))
            swell = rng.uniform(0.0, 0.4) * rng.standard_normal(n_knots)
            part *= np.exp(np.interp(np.linspace(0, n_knots - 1, n_samples), np.arange(n_knots), swell))
            total += part
        return total
