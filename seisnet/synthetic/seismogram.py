"""One earthquake at one station: all its arrivals and codas on three components, causal and without noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.spatial.transform import Rotation

from seisnet.synthetic import source
from seisnet.synthetic.earth import Ray, density, free_surface
from seisnet.synthetic.paths import Path, hypocentral_km
from seisnet.synthetic.scattering import scattered
from seisnet.synthetic.values import Floats

_CODA_KNOTS_S = {"P": (0.0, 6.0, 30.0), "S": (0.0, 4.0, 12.0, 35.0)}
"""Times after the onset at which the absorption of the coda is computed; between them pulses are mixed."""

_DIRECTIVITY = (0.6, 1.4)
"""How long a rupture seems to take, of what it takes: from ahead of it and from behind (Ben-Menahem 1961)."""


@dataclass(frozen=True, slots=True)
class Seismogram:
    """The noise-free output of a sensor.

    Attributes
    ----------
    output : float64 (3, T)
        Z, N, E of the sensor, m/s or m/s2; it starts less than one sample before P.
    onset_s : dict of str to float
        Of P and S, seconds after the first sample.
    travel_time_s : dict of str to float
        Of P and S, seconds after the origin.
    """

    output: Floats
    onset_s: dict[str, float]
    travel_time_s: dict[str, float]


def seismogram(paths: Mapping[str, Path], duration_s: float, rng: np.random.Generator) -> Seismogram:
    """Build a record from P on of one event at one station, of which the paths of P and S are given.

    Each phase is a train of spikes, for the rays and for the energy scattered between and behind them, convolved
    with the patches of the source and with the minimum-phase pulse of a patch, path, site and sensor. Spikes lie on a
    grid finer than the samples', so onsets are exact and fall between samples.
    """
    station = paths["P"].station
    rate = station.instrument.sampling_rate_hz
    factor = max(2, math.ceil(200.0 / rate))
    fine_rate = rate * factor
    longest_s = _DIRECTIVITY[1] * source.rupture_time_s(paths["S"].corner_hz)
    n = 2 * next_fast_len(math.ceil((duration_s + longest_s + 4.0) * fine_rate / 2), real=True)
    frequency_hz = np.arange(n // 2 + 1) * fine_rate / n
    response = station.instrument.log_response(frequency_hz)
    origin = int(rng.integers(0, factor)) - round(paths["P"].onset_s * fine_rate)
    time_s = (np.arange(n) - origin + 0.5) / fine_rate
    spectrum = np.zeros((3, n // 2 + 1), dtype=np.complex128)
    onset = {}
    for phase, path in paths.items():
        onset[phase] = int(np.searchsorted(time_s, path.onset_s))
        spikes = _ray_spikes(path, time_s, rng)
        spikes += scattered(path, spikes, time_s, rng)
        spikes[:, int(duration_s * fine_rate) :] = 0.0  # or their pulses would come around
        rupture = _rupture(path, n, fine_rate, rng)
        shared = response + _log_source(path, frequency_hz) + _log_site(path, frequency_hz)
        knots = np.array(_CODA_KNOTS_S[phase])
        for k, knot_s in enumerate(knots):
            weight = np.interp(time_s - path.onset_s, knots, np.eye(len(knots))[k])
            pulse = source.minimum_phase(shared + _log_absorption(path, knot_s, frequency_hz))
            spectrum += rfft(spikes * weight, axis=1) * (rupture * pulse)
    fine = irfft(spectrum * fine_rate, n, axis=1)[:, : int(duration_s * fine_rate)]
    fine[:, : onset["P"]] = 0.0  # the last of what came around
    return Seismogram(
        output=station.mixing @ fine[:, ::factor],
        onset_s={phase: at / fine_rate for phase, at in onset.items()},
        travel_time_s={phase: (at - origin) / fine_rate for phase, at in onset.items()},
    )


def _rupture(path: Path, n: int, rate: float, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Spectrum of the patches, a spike each; which way the rupture runs is drawn for each phase and station."""
    length = rng.uniform(*_DIRECTIVITY) * source.rupture_time_s(path.corner_hz) * rate
    at = np.round(path.event.patch_time * length).astype(int)
    return np.asarray(rfft(np.bincount(at, path.event.patch_moment, minlength=n)))


def _log_source(path: Path, frequency_hz: Floats) -> Floats:
    """Logarithm of Brune's (1970) spectral shape of a patch: N equal ones have N^(1/3) times its corner."""
    corner_hz = path.corner_hz * math.cbrt(len(path.event.patch_time))
    if path.phase == "P":
        corner_hz *= path.event.corner_ratio
    return -np.log1p((frequency_hz / corner_hz) ** 2)


def _log_site(path: Path, frequency_hz: Floats) -> Floats:
    """Logarithm of what the station's layer adds: it amplifies, and it reverberates.

    Waves shorter than four times the layer grow as the root of the impedance falls (Joyner, Warrick & Fumal 1981). The
    reverberation is ``1 / (1 + r z)`` of the two-way time; what the layer keeps is what it let in, so that over
    frequency its mean energy is 1.
    """
    crust, r = path.station.crust, path.station.reverberation
    speed, thickness_km = crust.velocity(path.phase), crust.top_km[1]
    contrast = density(crust.vp_km_s[1]) * speed[1] / (density(crust.vp_km_s[0]) * speed[0])
    short = (4.0 * thickness_km / speed[0] * frequency_hz) ** 2
    comb = 1.0 + r**2 + 2.0 * r * np.cos(4.0 * math.pi * thickness_km / speed[0] * frequency_hz)
    return np.asarray(0.5 * math.log(contrast) * short / (1.0 + short) + 0.5 * np.log((1.0 - r**2) / comb))


def _log_absorption(path: Path, lapse_s: float, frequency_hz: Floats) -> Floats:
    """Logarithm of what the rock leaves of energy that arrives `lapse_s` behind the onset."""
    event = path.event
    of_s = source.log_absorption(
        frequency_hz, path.onset_s + lapse_s, event.quality_factor, event.quality_exponent, path.station.kappa_s
    )
    return of_s * event.p_absorption if path.phase == "P" else of_s


def _ray_spikes(path: Path, time_s: Floats, rng: np.random.Generator) -> Floats:
    """One spike a ray on Z, N, E, m s (3, n), and one for the wave converted at the base of the sediments."""
    event, station, crust = path.event, path.station, path.station.crust
    azimuth = math.atan2(station.x_km - event.x_km, station.y_km - event.y_km)
    cosine, sine = math.cos(azimuth), math.sin(azimuth)
    to_zne = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    to_zne = to_zne @ _turn(station.turn_deg, rng)  # one turn for all rays of a phase
    lift = station.lift * abs(rng.standard_normal()) if path.phase == "S" else 0.0
    spikes = np.zeros((3, len(time_s)))

    def add(ray_time_s: float, vertical_radial_transverse: Floats) -> None:
        at = int(np.searchsorted(time_s, ray_time_s))
        if at < len(time_s):
            lifted = rng.choice([-lift, lift]) * np.linalg.norm(vertical_radial_transverse)
            motion = vertical_radial_transverse + np.array([lifted, 0.0, 0.0])
            spikes[:, at] += path.level * (to_zne @ motion)

    for ray in path.rays:
        pattern = source.radiation(event.mechanism_rad, azimuth, ray.takeoff_rad)
        # scattering fills the nodal planes
        p, sv, sh = (math.copysign(math.hypot(x, 0.12), x) for x in pattern)
        vertical, radial = free_surface(path.phase, crust.vp_km_s[0], crust.vs_km_s[0], ray.slowness_s_km)
        motion = [vertical * p, radial * p, 0.0] if path.phase == "P" else [-vertical * sv, radial * sv, 2.0 * sh]
        add(ray.time_s, _strength(ray, path, rng) * np.array(motion))
    if event.depth_km > crust.top_km[2]:
        # Ps trails P, Sp leads S, by the same delay
        thickness = np.diff(crust.top_km[:3])
        delay_s = float(np.sum(thickness * (1.0 / crust.vs_km_s[:2] - 1.0 / crust.vp_km_s[:2])))
        motion, sign = ([0.1, 1.0, 0.0], 1.0) if path.phase == "P" else ([1.0, 0.2, 0.0], -1.0)
        add(path.onset_s + sign * delay_s, rng.normal(0.0, 0.25) * np.array(motion))
    return spikes


def _turn(turn_deg: float, rng: np.random.Generator) -> Floats:
    """Rotation of vertical, radial and transverse motion about a horizontal axis drawn at random, (3, 3)."""
    about, angle = rng.uniform(0.0, 2.0 * math.pi), math.radians(turn_deg) * rng.standard_normal()
    return np.asarray(Rotation.from_rotvec(angle * np.array([0.0, math.cos(about), math.sin(about)])).as_matrix())


def _strength(ray: Ray, path: Path, rng: np.random.Generator) -> float:
    """Amplitude relative to a straight ray's; random where it depends on the detail of an interface."""
    if ray.kind == "direct":
        return 1.0
    if ray.kind == "head":
        return float(rng.uniform(0.15, 0.6))
    total = ray.slowness_s_km * path.station.crust.velocity(path.phase)[-1] >= 1.0
    longer = ray.time_s * path.speed_km_s / hypocentral_km(path.event, path.station)
    return float(rng.uniform(0.3, 0.9) if total else rng.uniform(0.0, 0.15)) / max(1.0, longer)
