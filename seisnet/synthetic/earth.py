"""The crust of the synthetic seismograms: flat layers, their rays, and the free surface on top."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from seisnet.synthetic.values import Floats


@dataclass(frozen=True)
class Crust:
    """Flat layers over a half space.

    Attributes
    ----------
    top_km : float64 (L,)
        Depth of each layer's top; the first is 0.
    vp_km_s, vs_km_s : float64 (L,)
        Velocities.
    """

    top_km: Floats
    vp_km_s: Floats
    vs_km_s: Floats

    def velocity(self, phase: str) -> Floats:
        """Velocities of ``"P"`` or ``"S"``, km/s (L,)."""
        return self.vp_km_s if phase == "P" else self.vs_km_s

    def layer_at(self, depth_km: float) -> int:
        """Index of the layer that holds a depth."""
        return int(np.searchsorted(self.top_km, depth_km, side="right")) - 1

    def with_site(self, thickness_km: float, vp_km_s: float, vs_km_s: float) -> Crust:
        """Put one more thin layer, the ground under a station, on top."""
        return Crust(
            np.concatenate([[0.0, thickness_km], self.top_km[1:]]),
            np.concatenate([[vp_km_s], self.vp_km_s]),
            np.concatenate([[vs_km_s], self.vs_km_s]),
        )


@dataclass(frozen=True, slots=True)
class Ray:
    """One way from the source to the surface.

    `kind` is ``direct``, ``head`` or ``reflected``; `takeoff_rad` is measured from straight down.
    """

    kind: str
    time_s: float
    slowness_s_km: float
    takeoff_rad: float


def random_crust(rng: np.random.Generator) -> Crust:
    """Draw sediments, an upper and a lower crust and a mantle of plausible thickness and speed."""
    top = np.array([0.0, rng.uniform(0.5, 4.0), rng.uniform(8.0, 18.0), rng.uniform(24.0, 45.0)])
    vp = np.array([rng.uniform(3.0, 5.6), rng.uniform(5.6, 6.2), rng.uniform(6.3, 7.0), rng.uniform(7.8, 8.2)])
    vp_vs = np.array([rng.uniform(1.7, 2.1), *rng.uniform(1.66, 1.80, size=3)])
    return Crust(top, vp, vp / vp_vs)


def density(vp_km_s: float) -> float:
    """Density of a rock of a P velocity, g/cm3: Gardner et al. (1974), eq. 6."""
    return 1.741 * math.pow(vp_km_s, 0.25)


def rays(crust: Crust, phase: str, depth_km: float, distance_km: float) -> list[Ray]:
    """All direct, head and Moho-reflected rays of one phase, earliest first.

    Parameters
    ----------
    crust : Crust
        Layers.
    phase : {"P", "S"}
        Which velocities to use.
    depth_km, distance_km : float
        Of the source, and from its epicentre to the station.
    """
    v = crust.velocity(phase)
    source = crust.layer_at(depth_km)
    thickness = np.diff(crust.top_km)
    above = np.append(thickness[:source], depth_km - crust.top_km[source])
    found = [_solve("direct", v[: source + 1], above, distance_km, v[source], down=False)]
    for n in range(source + 1, len(v)):
        # down from the source to interface n, and up from there to the surface
        lengths = thickness[:n].copy()
        lengths[source:] += thickness[source:n]
        lengths[source] -= depth_km - crust.top_km[source]
        if v[n] > v[:n].max():
            slowness = 1.0 / v[n]
            cosine = np.sqrt(1.0 - (slowness * v[:n]) ** 2)
            offset = float(np.sum(lengths * slowness * v[:n] / cosine))
            if offset <= distance_km:
                time = distance_km * slowness + float(np.sum(lengths * cosine / v[:n]))
                found.append(Ray("head", time, slowness, math.asin(slowness * v[source])))
        if n == len(v) - 1:
            found.append(_solve("reflected", v[:n], lengths, distance_km, v[source], down=True))
    return sorted(found, key=lambda ray: ray.time_s)


def _solve(kind: str, v: Floats, lengths: Floats, distance_km: float, v_source: float, *, down: bool) -> Ray:
    """Find the ray that crosses `lengths` of layers vertically and `distance_km` horizontally.

    The unknown is the cosine of its angle in the fastest layer: where that layer spans the whole distance alone, the
    ray comes out too far, so the root is bracketed however thin the layer is.
    """
    v, lengths = v[lengths > 0], lengths[lengths > 0]
    fastest = int(np.argmax(v))
    ratio = v / v[fastest]

    def cosines(cosine: float) -> Floats:
        of_all = np.sqrt(1.0 - ratio**2 * (1.0 - cosine**2))
        of_all[fastest] = cosine
        return np.asarray(of_all)

    def miss(cosine: float) -> float:
        sine = math.sqrt(1.0 - cosine**2)
        return float(np.sum(lengths * ratio * sine / cosines(cosine))) - distance_km

    flattest = lengths[fastest] / math.hypot(lengths[fastest], distance_km)
    cosine = 1.0 if distance_km == 0 else float(brentq(miss, 0.999 * flattest, 1.0, xtol=1e-30))
    slowness = math.sqrt(1.0 - cosine**2) / float(v[fastest])
    time = float(np.sum(lengths / (v * cosines(cosine))))
    angle = math.asin(min(1.0, slowness * v_source))
    return Ray(kind, time, slowness, angle if down else math.pi - angle)


def free_surface(phase: str, vp_km_s: float, vs_km_s: float, slowness_s_km: float) -> tuple[float, float]:
    """Vertical and radial motion of the surface per unit amplitude of an incident P or SV wave.

    Aki & Richards (2002), problem 5.6; Kennett (1991), eq. 14. Beyond the critical angle of SV the factors are
    complex, and their moduli are returned.
    """
    p = slowness_s_km
    qa = np.emath.sqrt(vp_km_s**-2 - p**2)
    qb = np.emath.sqrt(vs_km_s**-2 - p**2)
    b2 = vs_km_s**-2
    denominator = (b2 - 2 * p**2) ** 2 + 4 * p**2 * qa * qb
    mixed = 4 * b2 * p * qa * qb / denominator
    pure = 2 * b2 * (b2 - 2 * p**2) / denominator
    if phase == "P":
        return float(abs(vp_km_s * qa * pure)), float(abs(vp_km_s * mixed))
    return float(abs(vs_km_s * mixed)), float(abs(vs_km_s * qb * pure))
