"""One earthquake at one station: all its arrivals and codas on three components, causal and without noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import lfilter

from seisnet.synthetic import source
from seisnet.synthetic.earth import Crust, Ray, free_surface, rays
from seisnet.synthetic.instruments import Instrument

Floats = NDArray[np.float64]

_RMS_RADIATION = {"P": 0.52, "S": 0.63}
"""Of a double couple over the focal sphere: Boore & Boatwright (1984), table 1."""

_CODA_KNOTS_S = {"P": (0.0, 6.0), "S": (0.0, 4.0, 12.0, 35.0)}
"""Lapse after the onset at which the coda's attenuation is computed; between them it is interpolated."""


@dataclass(frozen=True, slots=True)
class Site:
    """The ground under a station, and how its sensor stands in it.

    Attributes
    ----------
    code : str
        Of the station.
    x_km, y_km : float
        East and north of the network's centre.
    crust : Crust
        The network's, with the station's own layer on top.
    kappa_s : float
        Attenuation near the surface.
    reverberation : float
        Share of the amplitude that the station's layer keeps at each bounce, 0 to 1.
    scattered_energy, scattered_decay_s : float
        What nearby structure scatters, a unit of direct energy, and how long it rings.
    mixing : float64 (3, 3)
        Output axes from true Z, N, E: tilt, azimuth, unequal gains.
    """

    code: str
    x_km: float
    y_km: float
    crust: Crust
    kappa_s: float
    reverberation: float
    scattered_energy: float
    scattered_decay_s: float
    mixing: Floats


@dataclass(frozen=True, slots=True)
class Event:
    """An earthquake and the absorption and scattering around it; `corner_ratio` and `p_absorption` are of P to S."""

    id: str
    x_km: float
    y_km: float
    depth_km: float
    magnitude: float
    stress_drop_pa: float
    mechanism_rad: tuple[float, float, float]
    corner_ratio: float
    quality_factor: float
    quality_exponent: float
    p_absorption: float
    scattering_per_km: float


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
    distance_km : float
        Hypocentral.
    """

    output: Floats
    onset_s: dict[str, float]
    travel_time_s: dict[str, float]
    distance_km: float


def travel_times(event: Event, site: Site) -> dict[str, list[Ray]]:
    """Rays of P and S, each earliest first."""
    offset_km = math.hypot(site.x_km - event.x_km, site.y_km - event.y_km)
    return {phase: rays(site.crust, phase, event.depth_km, offset_km) for phase in ("P", "S")}


def seismogram(
    event: Event, site: Site, instrument: Instrument, duration_s: float, rng: np.random.Generator
) -> Seismogram:
    """Build a record from P on.

    Each phase is a train of spikes, for the rays and for the scattered energy between and behind them, convolved
    with the minimum-phase pulse of source, path, site and instrument. Onsets lie on a grid finer than the samples'.
    """
    rate = instrument.sampling_rate_hz
    factor = max(2, math.ceil(200.0 / rate))  # onsets fall between samples
    fine_rate = rate * factor
    n = 2 * next_fast_len(math.ceil((duration_s + 4.0) * fine_rate / 2), real=True)
    frequency = np.arange(n // 2 + 1) * fine_rate / n
    found = travel_times(event, site)
    lead = int(rng.integers(0, factor))
    origin = lead - round(found["P"][0].time_s * fine_rate)
    spectrum = np.zeros((3, n // 2 + 1), dtype=np.complex128)
    time_s = (np.arange(n) - origin + 0.5) / fine_rate
    for phase in ("P", "S"):
        onset_s = found[phase][0].time_s
        spikes = _ray_spikes(phase, event, site, found[phase], time_s, rng)
        spikes += _scattered(phase, event, site, spikes, time_s, onset_s, rng)
        knots = np.array(_CODA_KNOTS_S[phase])
        pulse = instrument.log_response(frequency) + _log_source_and_site(phase, event, site, frequency)
        for k, knot in enumerate(knots):
            weight = np.interp(time_s - onset_s, knots, np.eye(len(knots))[k])
            path = source.log_attenuation(
                frequency, onset_s + knot, event.quality_factor, event.quality_exponent, site.kappa_s
            )
            if phase == "P":
                path *= event.p_absorption
            spectrum += rfft(spikes * weight, axis=1) * source.minimum_phase(pulse + path)
    fine = irfft(spectrum, n, axis=1)[:, : int(duration_s * fine_rate)]
    onsets = {phase: (origin + round(found[phase][0].time_s * fine_rate)) / fine_rate for phase in ("P", "S")}
    return Seismogram(
        output=site.mixing @ fine[:, ::factor],
        onset_s=onsets,
        travel_time_s={phase: onset - origin / fine_rate for phase, onset in onsets.items()},
        distance_km=_distance_km(event, site),
    )


def _distance_km(event: Event, site: Site) -> float:
    return math.hypot(site.x_km - event.x_km, site.y_km - event.y_km, event.depth_km)


def _level(phase: str, event: Event, site: Site) -> float:
    """Long-period spectrum, m s, of a unit radiation pattern below the station's layer."""
    layer, v, vp = site.crust.layer_at(event.depth_km), site.crust.velocity(phase), site.crust.vp_km_s
    moment = source.moment_n_m(event.magnitude)
    return source.far_field_level(
        moment, (float(v[layer]), float(v[1])), (float(vp[layer]), float(vp[1])), _distance_km(event, site)
    )


def _log_source_and_site(phase: str, event: Event, site: Site, frequency_hz: Floats) -> Floats:
    """Logarithm of Brune's shape and of the reverberation in the station's layer (a flat one before)."""
    crust = site.crust
    moment = source.moment_n_m(event.magnitude)
    vs_source = crust.vs_km_s[crust.layer_at(event.depth_km)]
    corner_hz = source.corner_frequency_hz(moment, event.stress_drop_pa, vs_source)
    if phase == "P":
        corner_hz *= event.corner_ratio
    two_way_s = 2.0 * crust.top_km[1] / crust.velocity(phase)[0]
    # energy that the layer keeps is energy that it let in: the mean over frequency stays 1
    r = site.reverberation
    comb = 1.0 + r**2 + 2.0 * r * np.cos(2.0 * math.pi * frequency_hz * two_way_s)
    brune = -np.log1p((frequency_hz / corner_hz) ** 2)
    return np.asarray(brune - 0.5 * np.log(comb) + 0.5 * math.log(1.0 - r**2))


def _ray_spikes(
    phase: str, event: Event, site: Site, found: list[Ray], time_s: Floats, rng: np.random.Generator
) -> Floats:
    """One spike a ray on Z, N, E, m s (3, n), and one for the wave converted at the base of the sediments."""
    crust = site.crust
    level = _level(phase, event, site)
    azimuth = math.atan2(site.x_km - event.x_km, site.y_km - event.y_km)
    cosine, sine = math.cos(azimuth), math.sin(azimuth)
    to_zne = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    spikes = np.zeros((3, len(time_s)))

    def add(ray_time_s: float, zrt: Floats) -> None:
        at = int(np.searchsorted(time_s, ray_time_s))
        if at < len(time_s):
            spikes[:, at] += level * (to_zne @ zrt)

    for ray in found:
        p, sv, sh = source.radiation(*event.mechanism_rad, azimuth, ray.takeoff_rad)
        # scattering fills the nodal planes
        p, sv, sh = (math.copysign(math.hypot(x, 0.12), x) for x in (p, sv, sh))
        vertical, radial = free_surface(phase, crust.vp_km_s[0], crust.vs_km_s[0], ray.slowness_s_km)
        zrt = [vertical * p, radial * p, 0.0] if phase == "P" else [-vertical * sv, radial * sv, 2.0 * sh]
        add(ray.time_s, _ray_strength(ray, phase, event, site, rng) * np.array(zrt))
    # Ps trails P, Sp leads S, by the same delay
    thickness = np.diff(crust.top_km[:3])
    delay_s = float(np.sum(thickness * (1.0 / crust.vs_km_s[:2] - 1.0 / crust.vp_km_s[:2])))
    strength = rng.normal(0.0, 0.25)
    if phase == "P":
        add(found[0].time_s + delay_s, strength * np.array([0.1, 1.0, 0.0]))
    else:
        add(found[0].time_s - delay_s, strength * np.array([1.0, 0.2, 0.0]))
    return spikes


def _ray_strength(ray: Ray, phase: str, event: Event, site: Site, rng: np.random.Generator) -> float:
    """Amplitude of a ray relative to one that comes straight; random where it depends on the detail of an interface."""
    if ray.kind == "direct":
        return 1.0
    if ray.kind == "head":
        return float(rng.uniform(0.15, 0.6))
    v = site.crust.velocity(phase)
    total = ray.slowness_s_km * v[-1] >= 1.0
    longer = ray.time_s * v[site.crust.layer_at(event.depth_km)] / _distance_km(event, site)
    return float(rng.uniform(0.3, 0.9) if total else rng.uniform(0.0, 0.15)) / max(1.0, longer)


def _scattered(
    phase: str,
    event: Event,
    site: Site,
    spikes: Floats,
    time_s: Floats,
    onset_s: float,
    rng: np.random.Generator,
) -> Floats:
    """Random spikes with the energy of single scattering on the way and of the station's surroundings (3, n)."""
    rate = 1.0 / (time_s[1] - time_s[0])
    direct = (2.0 * _RMS_RADIATION[phase] * _level(phase, event, site)) ** 2
    v = site.crust.velocity(phase)[site.crust.layer_at(event.depth_km)]
    # P waves lose more to S waves than they keep: Sato & Fehler (1998), section 4.2
    g = event.scattering_per_km * v * (8.0 if phase == "P" else 1.0)
    far = direct * g * source.scattered_energy(time_s, onset_s) / rate
    arriving = np.sum(spikes**2, axis=0)
    arriving[np.searchsorted(time_s, onset_s)] += 0.1 * direct
    keep = math.exp(-1.0 / (rate * (site.scattered_decay_s + 0.02 * onset_s)))
    near = site.scattered_energy * lfilter([1.0 - keep], [1.0, -keep], arriving)
    polarisation = spikes[:, np.argmax(arriving)]
    polarisation = polarisation / np.linalg.norm(polarisation)
    memory = 0.7 * np.exp(-np.maximum(time_s - onset_s, 0.0) / site.scattered_decay_s)
    balance = np.array([1.0, 0.9, 0.9]) if phase == "P" else np.array([0.85, 1.0, 1.0])
    balance /= np.linalg.norm(balance)
    noise = np.sqrt(memory) * polarisation[:, None] * rng.standard_normal(len(time_s))
    noise += np.sqrt(1.0 - memory) * balance[:, None] * rng.standard_normal((3, len(time_s)))
    return np.asarray(np.sqrt(far + near) * noise)
