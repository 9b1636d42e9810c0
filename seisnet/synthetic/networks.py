"""Random networks of stations on one crust, and random earthquakes under them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seisnet.synthetic.earth import Crust, random_crust
from seisnet.synthetic.instruments import random_instrument
from seisnet.synthetic.paths import Event, Station, hypocentral_km, paths_between
from seisnet.synthetic.seismogram import Seismogram, seismogram
from seisnet.synthetic.source import moment_n_m, patches, radius_km
from seisnet.synthetic.values import Floats, GeneratorConfig, Range, log_uniform

_PATCH_KM = (0.2, 1.0)
_MOST_PATCHES = 60
"""A source has as many patches as circles of such a radius have its area, but at most so many."""

_WATER_KM_S = 1.5
"""Velocity of sound in water."""


@dataclass(frozen=True, slots=True)
class Network:
    """Stations scattered, like the earthquakes, with a standard deviation of `reach_km` around one centre."""

    stations: tuple[Station, ...]
    reach_km: float


def random_network(prefix: str, n_stations: int, config: GeneratorConfig, rng: np.random.Generator) -> Network:
    """Draw a network whose station codes are `prefix` and a letter."""
    crust = random_crust(rng)
    reach_km = log_uniform(config.reach_km, rng)
    codes = (prefix + chr(ord("A") + number) for number in range(n_stations))
    return Network(tuple(_random_station(code, crust, reach_km, config, rng) for code in codes), reach_km)


def _random_station(
    code: str, crust: Crust, reach_km: float, config: GeneratorConfig, rng: np.random.Generator
) -> Station:
    """Draw a station on ground from weathered rock to mud, of which water, in which P is faster, soaks half."""
    vs_km_s = min(log_uniform(config.site_vs_km_s, rng), 0.9 * crust.vs_km_s[0])
    soaked = rng.random() < 0.5
    vp_km_s = max(vs_km_s * rng.uniform(1.7, 2.6), _WATER_KM_S if soaked else 0.0)
    return Station(
        code=code,
        x_km=rng.normal(0.0, reach_km),
        y_km=rng.normal(0.0, reach_km),
        crust=crust.with_site(log_uniform(config.site_km, rng), min(vp_km_s, 0.95 * crust.vp_km_s[0]), vs_km_s),
        kappa_s=log_uniform(config.kappa_s, rng),
        reverberation=rng.uniform(0.0, 0.85),
        scattered_energy=log_uniform((1.0, 20.0), rng),
        scattered_decay_s=log_uniform((0.2, 3.0), rng),
        turn_deg=20.0,
        lift=0.3,
        mixing=_random_mixing(rng),
        instrument=random_instrument(config, rng),
    )


def _random_mixing(rng: np.random.Generator) -> Floats:
    """Draw a slightly tilted sensor; one in five has an unknown azimuth, some components are wired backwards."""
    mixing = np.eye(3) + 0.03 * rng.standard_normal((3, 3))
    if rng.random() < 0.2:
        azimuth = rng.uniform(0.0, 2.0 * math.pi)
        turn = np.array([[math.cos(azimuth), math.sin(azimuth)], [-math.sin(azimuth), math.cos(azimuth)]])
        mixing[1:] = turn @ mixing[1:]
    gains = np.exp(rng.normal(0.0, 0.15, size=3)) * np.where(rng.random(3) < 0.05, -1.0, 1.0)
    return np.asarray(gains[:, None] * mixing)


def _random_magnitude(bounds: Range, rng: np.random.Generator) -> float:
    """Draw from Gutenberg & Richter's law with a fifth of its slope: strong events fill more records."""
    smallest, largest = (10.0 ** (-0.2 * bound) for bound in bounds)
    return -5.0 * math.log10(rng.uniform(largest, smallest))


def random_event(event_id: str, network: Network, config: GeneratorConfig, rng: np.random.Generator) -> Event:
    """Draw an earthquake under a network."""
    magnitude, stress_drop_pa = _random_magnitude(config.magnitude, rng), 1e6 * log_uniform(config.stress_drop_mpa, rng)
    in_radius = radius_km(moment_n_m(magnitude), stress_drop_pa) / log_uniform(_PATCH_KM, rng)
    patch_time, patch_moment = patches(min(max(1, round(in_radius**2)), _MOST_PATCHES), rng)
    return Event(
        id=event_id,
        x_km=rng.normal(0.0, network.reach_km),
        y_km=rng.normal(0.0, network.reach_km),
        depth_km=log_uniform(config.depth_km, rng),
        magnitude=magnitude,
        stress_drop_pa=stress_drop_pa,
        mechanism_rad=(rng.uniform(0, 2 * math.pi), math.acos(rng.uniform(0, 1)), rng.uniform(-math.pi, math.pi)),
        corner_ratio=rng.uniform(1.0, 1.7),
        quality_factor=log_uniform(config.quality_factor, rng),
        quality_exponent=rng.uniform(*config.quality_exponent),
        p_absorption=rng.uniform(0.3, 0.8),
        scattering_per_km=log_uniform(config.scattering_per_km, rng),
        patch_time=patch_time,
        patch_moment=patch_moment,
    )


def observe(
    event: Event, station: Station, duration_s: float, config: GeneratorConfig, rng: np.random.Generator
) -> Seismogram | None:
    """Build the noise-free record, or None where distance or S minus P lie outside their ranges."""
    if not config.distance_km[0] <= hypocentral_km(event, station) <= config.distance_km[1]:
        return None
    paths = paths_between(event, station)
    if not config.s_minus_p_s[0] <= paths["S"].onset_s - paths["P"].onset_s <= config.s_minus_p_s[1]:
        return None
    return seismogram(paths, duration_s, rng)
