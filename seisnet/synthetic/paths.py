"""From an earthquake to a station: the ground at both ends, and the ways of P and S between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seisnet.synthetic import source
from seisnet.synthetic.earth import Crust, Ray, rays
from seisnet.synthetic.instruments import Instrument
from seisnet.synthetic.values import Floats


@dataclass(frozen=True, slots=True)
class Station:
    """The ground under a station, its instrument, and how the sensor stands.

    Attributes
    ----------
    code : str
    x_km, y_km : float
        East and north of the network's centre.
    crust : Crust
        The network's, with an own layer on top.
    kappa_s : float
        Absorption near the surface.
    reverberation : float
        Share of the amplitude that this layer keeps at each bounce, 0 to 1.
    scattered_energy, scattered_decay_s : float
        What nearby structure scatters for a unit of direct energy, and how long it rings.
    turn_deg, lift : float
        Standard deviations, over phases and events, of what slopes and rough interfaces do: the angle by which they
        turn the motion of all rays, and the motion of the vertical (before the turn) by P that S made right below, for
        a unit of S.
    mixing : float64 (3, 3)
        Output axes from true Z, N, E: tilt, azimuth, unequal gains.
    instrument : Instrument
    """

    code: str
    x_km: float
    y_km: float
    crust: Crust
    kappa_s: float
    reverberation: float
    scattered_energy: float
    scattered_decay_s: float
    turn_deg: float
    lift: float
    mixing: Floats
    instrument: Instrument


@dataclass(frozen=True, slots=True)
class Event:
    """An earthquake and the rock around it.

    Attributes
    ----------
    id : str
        Name that picks and records carry.
    x_km, y_km, depth_km : float
        East and north of the network's centre, and down.
    magnitude : float
        Moment magnitude.
    stress_drop_pa : float
        Of the circular source, and of patches that share the moment equally.
    mechanism_rad : (float, float, float)
        Strike, dip and rake.
    corner_ratio : float
        Corner frequency of P as a multiple of that of S.
    quality_factor, quality_exponent : float
        ``Q = quality_factor f^quality_exponent`` of S.
    p_absorption : float
        Absorption of P as a share of that of S on the same time.
    scattering_per_km : float
        Energy that S loses to scattering.
    patch_time, patch_moment : float64 (N,)
        When the patches of the source break, in shares of its rupture time, and their shares of the moment.
    """

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
    patch_time: Floats
    patch_moment: Floats


@dataclass(frozen=True, slots=True)
class Path:
    """One phase from an event to a station; the earliest of its rays is the first."""

    phase: str
    event: Event
    station: Station
    rays: list[Ray]

    @property
    def onset_s(self) -> float:
        """Time of the first arrival after the origin."""
        return self.rays[0].time_s

    @property
    def layer(self) -> int:
        """Index of the layer of the crust that holds the source."""
        return self.station.crust.layer_at(self.event.depth_km)

    @property
    def speed_km_s(self) -> float:
        """Velocity at the source."""
        return float(self.station.crust.velocity(self.phase)[self.layer])

    @property
    def corner_hz(self) -> float:
        """Corner frequency of the S waves of the whole source."""
        speed = float(self.station.crust.vs_km_s[self.layer])
        return source.corner_frequency_hz(source.moment_n_m(self.event.magnitude), self.event.stress_drop_pa, speed)

    @property
    def level(self) -> float:
        """Long-period spectrum, m s, of a unit radiation pattern below the station's layer."""
        crust = self.station.crust
        return source.far_field_level(
            source.moment_n_m(self.event.magnitude),
            (self.speed_km_s, float(crust.velocity(self.phase)[1])),
            (float(crust.vp_km_s[self.layer]), float(crust.vp_km_s[1])),
            hypocentral_km(self.event, self.station),
        )


def hypocentral_km(event: Event, station: Station) -> float:
    """Distance from the hypocentre to the station."""
    return math.hypot(station.x_km - event.x_km, station.y_km - event.y_km, event.depth_km)


def paths_between(event: Event, station: Station) -> dict[str, Path]:
    """The paths of P and of S."""
    offset_km = math.hypot(station.x_km - event.x_km, station.y_km - event.y_km)
    return {
        phase: Path(phase, event, station, rays(station.crust, phase, event.depth_km, offset_km))
        for phase in ("P", "S")
    }
