"""Random instruments: what a seismometer and a digitiser make of the motion of the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisnet.synthetic.values import Floats, GeneratorConfig, log_uniform


@dataclass(frozen=True, slots=True)
class Instrument:
    """A sensor and its digitiser.

    Attributes
    ----------
    channel : str
        Band and instrument code (``HH``, ``EH``, ``HN``, ``DP``).
    sampling_rate_hz : float
        Rate of the records.
    corner_hz, damping : float
        Of the mechanical oscillator; a broadband's electronic corner.
    low_pass_hz : float
        Corner of an analogue telemetry; infinite without one.
    acceleration : bool
        Whether the output follows acceleration rather than velocity.
    self_noise_db : float
        White, in the output: dB of 1 (m/s)2/Hz or 1 (m/s2)2/Hz.
    vertical_only : bool
        Whether the horizontal components are absent.
    """

    channel: str
    sampling_rate_hz: float
    corner_hz: float
    damping: float
    low_pass_hz: float
    acceleration: bool
    self_noise_db: float
    vertical_only: bool

    def log_response(self, frequency_hz: Floats) -> Floats:
        """Logarithm of the output per metre of ground displacement: differentiation, high-pass, low-pass.

        The oscillator is that of Aki & Richards (2002), eq. 12.12; telemetry is a four-pole Butterworth
        filter. The anti-alias filter is flat to 0.4 of the rate and 40 dB down beyond half of it; any more would
        delay the onset, for all are minimum-phase.
        """
        f = np.maximum(frequency_hz, 0.5 * frequency_hz[1])
        omega = np.log(2 * math.pi * f)
        order = 2.0 if self.acceleration else 1.0
        ratio = (self.corner_hz / f) ** 2
        high_pass = -0.5 * np.log((1.0 - ratio) ** 2 + 4.0 * self.damping**2 * ratio)
        low_pass = -0.5 * np.log1p((f / self.low_pass_hz) ** 8)
        anti_alias = 0.5 * np.log(1e-4 + 1.0 / (1.0 + (f / (0.43 * self.sampling_rate_hz)) ** 40))
        return np.asarray(order * omega + high_pass + low_pass + anti_alias)


def random_instrument(config: GeneratorConfig, rng: np.random.Generator) -> Instrument:
    """Draw a broadband, a short-period seismometer, a geophone or an accelerometer with its SEED codes."""
    vertical_only = bool(rng.random() < config.vertical_only_share)
    sampling_rate_hz = float(rng.choice(config.sampling_rates_hz))
    kind = str(rng.choice(["broadband", "short", "geophone", "accelerometer"], p=[0.3, 0.35, 0.2, 0.15]))
    row = 0 if sampling_rate_hz >= 250.0 else 1 if sampling_rate_hz >= 80.0 else 2
    broad, short = "CHB"[row], "DES"[row]
    low_pass_hz = math.inf
    if kind == "broadband":
        code, corner_hz, self_noise_db = broad + "H", 1 / float(rng.choice([120.0, 60.0, 30.0])), (-215.0, -185.0)
    elif kind == "accelerometer":
        code, corner_hz, self_noise_db = broad + "N", 1e-3, (-155.0, -120.0)
    elif kind == "geophone":
        code, corner_hz, self_noise_db = short + str(rng.choice(["H", "P"])), 4.5, (-205.0, -170.0)
    else:
        code, corner_hz, self_noise_db = short + "H", float(rng.choice([1.0, 1.0, 2.0])), (-205.0, -170.0)
        if rng.random() < 0.4:  # sent by analogue radio or telephone
            low_pass_hz = float(rng.uniform(12.0, 30.0))
    return Instrument(
        channel=code,
        sampling_rate_hz=sampling_rate_hz,
        corner_hz=float(corner_hz),
        damping=float(rng.uniform(0.6, 0.8)),
        low_pass_hz=low_pass_hz,
        acceleration=kind == "accelerometer",
        self_noise_db=float(rng.uniform(*self_noise_db)),
        vertical_only=vertical_only,
    )


def digitise(
    sensor: Floats, noise_rms: float, *, integers: bool, rng: np.random.Generator
) -> NDArray[np.int32] | NDArray[np.float32]:
    """Turn a sensor's output into counts of a random gain and offset, or leave it in physical units.

    Parameters
    ----------
    sensor : float64 (3, T)
        Output of the sensor.
    noise_rms : float
        Of the background above 1 Hz, to which the least significant bit is fitted.
    integers : bool
        Whether the result is int32 counts; else float32.
    rng : numpy.random.Generator
        Source of gain and offset.
    """
    if not integers:
        return np.asarray(sensor * 10.0 ** rng.choice([0.0, 0.0, 9.0, 6.0]), dtype=np.float32)
    bits = int(rng.choice([12, 16])) if rng.random() < 0.15 else 24
    full_scale = 2.0 ** (bits - 1)
    # a network sets the gain so that the background moves a few counts, and microseisms don't fill the range
    counts = log_uniform((0.5, min(1000.0, full_scale / 50.0)), rng)
    gain = min(counts / noise_rms, full_scale / (20.0 * float(np.median(np.abs(sensor[0])))))
    offset = rng.normal(0.0, 0.05) * min(full_scale, 1e4)
    limited = np.clip(sensor * gain + offset, -full_scale, full_scale - 1.0)
    return np.asarray(np.rint(limited), dtype=np.int32)
