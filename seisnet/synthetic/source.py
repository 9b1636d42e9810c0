"""From a rupture to a pulse: Brune's source, its patches, radiation, absorption, scattering, and causal pulses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from seisnet.synthetic.earth import density
from seisnet.synthetic.values import Floats

BRUNE = 2.34
"""Angular corner frequency of S in units of its velocity over the radius: Brune (1970, 1971)."""


def radiation(
    mechanism_rad: tuple[float, float, float], azimuth_rad: float, takeoff_rad: float
) -> tuple[float, float, float]:
    """Far-field P, SV and SH amplitudes of a shear dislocation of a strike, dip and rake.

    Aki & Richards (2002), eqs 4.89 to 4.91; the takeoff angle is measured from straight down.
    """
    strike_rad, dip_rad, rake_rad = mechanism_rad
    a, i = azimuth_rad - strike_rad, takeoff_rad
    sd, cd, s2d, c2d = math.sin(dip_rad), math.cos(dip_rad), math.sin(2 * dip_rad), math.cos(2 * dip_rad)
    sr, cr = math.sin(rake_rad), math.cos(rake_rad)
    sa, ca, s2a, c2a = math.sin(a), math.cos(a), math.sin(2 * a), math.cos(2 * a)
    si, ci, s2i, c2i = math.sin(i), math.cos(i), math.sin(2 * i), math.cos(2 * i)
    p = cr * sd * si**2 * s2a - cr * cd * s2i * ca + sr * s2d * (ci**2 - si**2 * sa**2) + sr * c2d * s2i * sa
    sv = sr * c2d * c2i * sa - cr * cd * c2i * ca + 0.5 * cr * sd * s2i * s2a - 0.5 * sr * s2d * s2i * (1 + sa**2)
    sh = cr * cd * ci * sa + cr * sd * si * c2a + sr * c2d * ci * ca - 0.5 * sr * s2d * si * s2a
    return p, sv, sh


def moment_n_m(magnitude: float) -> float:
    """Seismic moment, N m: Hanks & Kanamori (1979), eq. 4."""
    return float(10.0 ** (1.5 * magnitude + 9.05))


def radius_km(moment: float, stress_drop_pa: float) -> float:
    """Radius r of a circular source, ``r^3 = 7 M0 / (16 stress)``: Brune (1970, 1971)."""
    return math.cbrt(7.0 * moment / (16.0 * stress_drop_pa)) / 1e3


def corner_frequency_hz(moment: float, stress_drop_pa: float, vs_km_s: float) -> float:
    """Corner frequency of S, ``BRUNE vs / (2 pi r)``."""
    return BRUNE * vs_km_s / (2 * math.pi * radius_km(moment, stress_drop_pa))


def rupture_time_s(corner_hz: float) -> float:
    """How long a circular source of a corner frequency breaks: its radius (above) at nine tenths of the S velocity."""
    return BRUNE / (2 * math.pi * corner_hz) / 0.9


def patches(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """When the patches of a source break, in shares of its rupture time, and their shares of the moment.

    A composite source (Zeng, Anderson & Yu 1994, Geophys. Res. Lett. 21): the first patch breaks at 0, and some
    ruptures grow while others begin at once with most of what they have.
    """
    time = np.sort(rng.uniform(size=n))
    time[0] = 0.0
    growth = (0.15 + time) ** rng.uniform(-0.5, 1.5) * np.sqrt(1.0 - 0.9 * time)
    moment = growth * (0.3 + rng.exponential(size=n))
    return time, moment / moment.sum()


def far_field_level(
    moment: float, velocities_km_s: tuple[float, float], vp_km_s: tuple[float, float], distance_km: float
) -> float:
    """Long-period displacement spectrum, m s, of a unit radiation pattern before the free surface.

    ``M0 / (4 pi sqrt(rho_s rho_r v_s^5 v_r) R)``: Aki & Richards (2002), eq. 4.95. The pairs are at source and
    receiver.
    """
    (v_s, v_r), (rho_s, rho_r) = velocities_km_s, (density(vp_km_s[0]), density(vp_km_s[1]))
    impedance = math.sqrt(rho_s * rho_r * 1e6 * (v_s * 1e3) ** 5 * v_r * 1e3)
    return moment / (4 * math.pi * impedance * distance_km * 1e3)


def scattered_energy(time_s: Floats, onset_s: float) -> Floats:
    """Coda energy a second per unit of direct energy and of ``g v``, at times after the origin.

    ``K(a) = ln((a + 1) / (a - 1)) / a`` with ``a = t / onset``, zero before the onset: single isotropic scattering,
    Sato (1977), whose limit ``2 / a^2`` far behind the onset is the ``1 / t`` amplitude of Aki & Chouet (1975).
    """
    energy = np.zeros_like(time_s)
    after = time_s > onset_s
    a = time_s[after] / onset_s
    energy[after] = np.log((a + 1) / (a - 1)) / a
    return energy


def log_absorption(frequency_hz: Floats, travel_time_s: float, q0: float, exponent: float, kappa_s: float) -> Floats:
    """Logarithm of ``exp(-pi f t / Q(f)) exp(-pi f kappa)`` with ``Q = q0 f^exponent``: Anderson & Hough (1984)."""
    f = np.maximum(frequency_hz, 1e-3)
    return -math.pi * (travel_time_s * f ** (1.0 - exponent) / q0 + f * kappa_s)


def minimum_phase(log_amplitude: Floats) -> NDArray[np.complex128]:
    """Spectrum of the causal pulse whose energy comes earliest, from the logarithm of its amplitude spectrum.

    Every factor of an arrival, Brune's ``t exp(-2 pi fc t)``, causal absorption, a site's reverberation and the
    sensor, is minimum-phase, so their product is, and its phase follows from its amplitude by the folded cepstrum:
    Oppenheim & Schafer (1989), section 12.3.

    Parameters
    ----------
    log_amplitude : float64 (n // 2 + 1,)
        At the frequencies of ``rfft``; n is even.
    """
    n = 2 * (len(log_amplitude) - 1)
    cepstrum = irfft(log_amplitude, n)
    cepstrum[1 : n // 2] *= 2.0
    cepstrum[n // 2 + 1 :] = 0.0
    return np.asarray(np.exp(rfft(cepstrum)))
