"""What the generator draws from, and what it makes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisnet.errors import ConfigError
from seisnet.picks import Pick
from seisnet.waveforms.records import Record

Floats = NDArray[np.float64]
Range = tuple[float, float]

LOG_UNIFORM = {
    "reach_km", "depth_km", "stress_drop_mpa", "quality_factor", "kappa_s", "site_vs_km_s", "site_km",
    "scattering_per_km",
}  # fmt: skip
"""Settings that are drawn by `log_uniform`."""


@dataclass(frozen=True)
class GeneratorConfig:
    """What the generator draws from; pairs are lowest and highest.

    Rates are a list to choose from, shares are of records. `reach_km` is the standard deviation of where the stations
    and earthquakes of a network lie, `distance_km` is hypocentral. `site_vs_km_s` and `site_km` are the S velocity and
    the thickness of the ground under a station. `snr_db` is of P above 1 Hz; a record whose P or S stays below its
    lowest value is not made, as analysts pick what they see.
    """

    magnitude: Range = (0.0, 5.5)
    reach_km: Range = (1.5, 30.0)
    distance_km: Range = (2.0, 120.0)
    depth_km: Range = (1.0, 20.0)
    s_minus_p_s: Range = (0.3, 15.0)
    stress_drop_mpa: Range = (0.3, 30.0)
    quality_factor: Range = (40.0, 300.0)
    quality_exponent: Range = (0.3, 0.9)
    kappa_s: Range = (0.006, 0.1)
    site_vs_km_s: Range = (0.12, 2.2)
    site_km: Range = (0.01, 0.5)
    scattering_per_km: Range = (0.004, 0.1)
    snr_db: Range = (2.0, 50.0)
    duration_s: Range = (60.0, 90.0)
    before_p_s: Range = (15.0, 35.0)
    sampling_rates_hz: tuple[float, ...] = (40.0, 50.0, 100.0, 100.0, 100.0, 100.0, 125.0, 200.0, 250.0)
    vertical_only_share: float = 0.25
    integer_share: float = 0.75
    disturbed_share: float = 0.5
    faulty_share: float = 0.06
    stations_per_network: int = 5
    events_per_network: int = 6

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name.endswith("_share"):
                if not 0.0 <= value <= 1.0:
                    raise ConfigError(f"GeneratorConfig.{name} is {value}; a share lies between 0 and 1")
            elif name.endswith("_network"):
                if not 1 <= value <= 26:
                    raise ConfigError(f"GeneratorConfig.{name} is {value}; it lies between 1 and 26")
            elif name == "sampling_rates_hz":
                if not value or min(value) <= 0:
                    raise ConfigError(f"GeneratorConfig.{name} is {value}; give at least one positive rate in Hz")
            elif not value[0] <= value[1]:
                raise ConfigError(f"GeneratorConfig.{name} is {value}; the lowest value comes first")
            elif name in LOG_UNIFORM and value[0] <= 0:
                raise ConfigError(f"GeneratorConfig.{name} is {value}; its logarithm is drawn: both must be positive")
        latest_s = self.before_p_s[1] + self.s_minus_p_s[1]
        if latest_s >= self.duration_s[0]:
            raise ConfigError(
                f"GeneratorConfig.duration_s starts at {self.duration_s[0]} s, but S may come {latest_s} s after the "
                "start of a record; raise duration_s or lower before_p_s"
            )


def log_uniform(bounds: Range, rng: np.random.Generator) -> float:
    """Draw a positive value of which each factor of ten is equally likely."""
    return math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1])))


@dataclass(frozen=True)
class SyntheticRecord:
    """One synthetic seismogram with its labels.

    Attributes
    ----------
    data : int32 or float32 (3, T)
        Counts, or the sensor's output times a power of ten, in Z, N, E order; absent components are zero.
    start_ns : int
        Time of the first sample.
    sampling_rate_hz : float
        Rate of `data`.
    network, station, location, channel : str
        Codes; the channel is band and instrument (``HH``).
    present : bool (3,)
        Which components were recorded.
    picks : tuple of Pick
        P and S onsets, exact; empty for noise.
    event_id : str
        Empty for noise and for continuous records.
    magnitude, distance_km, snr_db : float
        Moment magnitude, hypocentral distance, P over noise above 1 Hz; NaN where there is no one event.
    """

    data: NDArray[np.int32] | NDArray[np.float32]
    start_ns: int
    sampling_rate_hz: float
    network: str
    station: str
    location: str
    channel: str
    present: NDArray[np.bool_]
    picks: tuple[Pick, ...] = ()
    event_id: str = ""
    magnitude: float = math.nan
    distance_km: float = math.nan
    snr_db: float = math.nan

    @property
    def record(self) -> Record:
        """The same as the type that conditioning makes of real waveforms."""
        return Record(
            data=self.data.astype(np.float32),
            start_ns=self.start_ns,
            sampling_rate_hz=self.sampling_rate_hz,
            trace_id=f"{self.network}.{self.station}.{self.location}.{self.channel}",
            present=self.present,
            bandwidth_hz=self.sampling_rate_hz / 2,
        )
