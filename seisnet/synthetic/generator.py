"""Labelled records of random local earthquakes and of noise, at stations that recur."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from seisnet.errors import ConfigError
from seisnet.picks import Pick
from seisnet.synthetic.earth import random_crust
from seisnet.synthetic.instruments import Instrument, digitise, random_instrument
from seisnet.synthetic.noise import Background, cultural_noise, glitch
from seisnet.synthetic.seismogram import Event, Seismogram, Site, seismogram, travel_times
from seisnet.synthetic.values import GeneratorConfig, Range, SyntheticRecord
from seisnet.waveforms.records import NS_PER_S

Floats = NDArray[np.float64]

_EPOCH_NS = 1_577_836_800 * NS_PER_S
"""2020-01-01T00:00:00 UTC, when the first synthetic network starts to record."""


@dataclass(frozen=True)
class _Station:
    site: Site
    instrument: Instrument


def generate_records(
    n_events: int,
    rng: np.random.Generator,
    *,
    stations_per_event: tuple[int, int] = (1, 4),
    noise_share: float = 0.2,
    config: GeneratorConfig | None = None,
) -> Iterator[SyntheticRecord]:
    """Yield labelled records of `n_events` earthquakes, and among them records of noise.

    Events come in small networks, each with a crust and stations of its own, so that splits by event and by
    station find many independent groups.
    """
    config = config or GeneratorConfig()
    if not 0.0 <= noise_share < 1.0:
        raise ConfigError(f"noise_share is {noise_share}; it lies in [0, 1)")
    if not 1 <= stations_per_event[0] <= stations_per_event[1] <= config.stations_per_network:
        raise ConfigError(
            f"stations_per_event is {stations_per_event}; it is a range within 1 to stations_per_network, "
            f"{config.stations_per_network}"
        )
    for first in range(0, n_events, config.events_per_network):
        prefix = f"{first // config.events_per_network:04d}"
        stations, reach_km = _draw_network(prefix, config.stations_per_network, config, rng)
        for number in range(first, min(first + config.events_per_network, n_events)):
            origin_ns = _EPOCH_NS + number * 3600 * NS_PER_S + int(rng.integers(1800 * NS_PER_S))
            found: list[SyntheticRecord] = []
            while not found:
                event = _draw_event(f"ev{number:06d}", reach_km, config, rng)
                count = int(rng.integers(stations_per_event[0], stations_per_event[1] + 1))
                chosen = rng.choice(len(stations), size=count, replace=False)
                attempts = [_event_record(event, origin_ns, stations[i], config, rng) for i in chosen]
                found = [record for record in attempts if record is not None]
            for record in found:
                yield record
                if rng.random() < noise_share / (1.0 - noise_share):
                    quiet_ns = origin_ns + int(rng.integers(600, 1500)) * NS_PER_S
                    yield _noise_record(quiet_ns, stations[int(rng.integers(len(stations)))], config, rng)


def continuous(
    duration_s: float,
    n_events: int,
    rng: np.random.Generator,
    *,
    n_stations: int = 1,
    config: GeneratorConfig | None = None,
) -> list[SyntheticRecord]:
    """Return one long record for each station of one network, with `n_events` earthquakes at random times.

    All stations hold all events, each P at least as strong as `config.snr_db` asks; picks name their events.
    """
    config = config or GeneratorConfig()
    stations, reach_km = _draw_network("C", n_stations, config, rng)
    lengths = [round(duration_s * station.instrument.sampling_rate_hz) for station in stations]
    backgrounds = [Background(station.instrument, rng) for station in stations]
    levels = rng.uniform(0.1, 0.4, size=n_stations)
    data = [b.sample(level, n, rng) for b, level, n in zip(backgrounds, levels, lengths, strict=True)]
    picks: list[list[Pick]] = [[] for _ in stations]
    for number, origin_s in enumerate(np.sort(rng.uniform(0.02, 0.95, size=n_events)) * duration_s):
        heard = False
        while not heard:
            event = _draw_event(f"ev{number:06d}", reach_km, config, rng)
            waves = [_seismogram(event, station, config.duration_s[0], config, rng) for station in stations]
            heard = all(
                wave is not None
                and _p_power_db(wave, background.instrument.sampling_rate_hz) - background.power_db(level)
                >= config.snr_db[0]
                for wave, background, level in zip(waves, backgrounds, levels, strict=True)
            )
        for i, wave in enumerate(waves):
            assert wave is not None
            rate = stations[i].instrument.sampling_rate_hz
            at = round((origin_s + wave.travel_time_s["P"]) * rate)
            stop = min(lengths[i], at + wave.output.shape[1])
            data[i][:, at:stop] += wave.output[:, : stop - at]
            found = _picks(event, stations[i], wave, _EPOCH_NS + round(at * NS_PER_S / rate))
            picks[i] += [pick for pick in found if pick.time_ns < _EPOCH_NS + duration_s * NS_PER_S]
    return [
        _digital_record(
            data[i],
            backgrounds[i].rms(levels[i]),
            _EPOCH_NS,
            stations[i],
            config,
            rng,
            tuple(sorted(picks[i], key=lambda pick: pick.time_ns)),
        )
        for i in range(n_stations)
    ]


def _log_uniform(bounds: Range, rng: np.random.Generator) -> float:
    return math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1])))


def _draw_network(
    prefix: str, n_stations: int, config: GeneratorConfig, rng: np.random.Generator
) -> tuple[list[_Station], float]:
    """Draw stations around one centre on one crust, and the network's reach, km."""
    crust = random_crust(rng)
    reach_km = _log_uniform((1.5, 30.0), rng)
    stations = []
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:n_stations]:
        vs_km_s = min(_log_uniform((0.3, 2.2), rng), 0.9 * crust.vs_km_s[0])
        vp_km_s = min(vs_km_s * rng.uniform(1.7, 2.6), 0.95 * crust.vp_km_s[0])
        mixing = np.eye(3) + 0.03 * rng.standard_normal((3, 3))
        if rng.random() < 0.2:  # a borehole sensor of unknown azimuth
            azimuth = rng.uniform(0.0, 2.0 * math.pi)
            turn = np.array([[math.cos(azimuth), math.sin(azimuth)], [-math.sin(azimuth), math.cos(azimuth)]])
            mixing[1:] = turn @ mixing[1:]
        gains = np.exp(rng.normal(0.0, 0.15, size=3)) * np.where(rng.random(3) < 0.05, -1.0, 1.0)
        site = Site(
            code=prefix + letter,
            x_km=rng.normal(0.0, reach_km),
            y_km=rng.normal(0.0, reach_km),
            crust=crust.with_site(_log_uniform((0.01, 0.3), rng), vp_km_s, vs_km_s),
            kappa_s=_log_uniform(config.kappa_s, rng),
            reverberation=rng.uniform(0.0, 0.75),
            scattered_energy=_log_uniform((0.4, 12.0), rng),
            scattered_decay_s=_log_uniform((0.2, 1.5), rng),
            mixing=gains[:, None] * mixing,
        )
        vertical_only = bool(rng.random() < config.vertical_only_share)
        rate = float(rng.choice(config.sampling_rates_hz))
        stations.append(_Station(site, random_instrument(rate, vertical_only=vertical_only, rng=rng)))
    return stations, reach_km


def _draw_event(event_id: str, reach_km: float, config: GeneratorConfig, rng: np.random.Generator) -> Event:
    return Event(
        id=event_id,
        x_km=rng.normal(0.0, reach_km),
        y_km=rng.normal(0.0, reach_km),
        depth_km=_log_uniform(config.depth_km, rng),
        magnitude=rng.uniform(*config.magnitude),
        stress_drop_pa=1e6 * _log_uniform(config.stress_drop_mpa, rng),
        mechanism_rad=(
            rng.uniform(0, 2 * math.pi),
            math.acos(rng.uniform(0, 1)),
            rng.uniform(-math.pi, math.pi),
        ),
        corner_ratio=rng.uniform(1.0, 1.7),
        quality_factor=_log_uniform(config.quality_factor, rng),
        quality_exponent=rng.uniform(*config.quality_exponent),
        p_absorption=rng.uniform(0.3, 0.8),
        scattering_per_km=_log_uniform(config.scattering_per_km, rng),
    )


def _seismogram(
    event: Event, station: _Station, duration_s: float, config: GeneratorConfig, rng: np.random.Generator
) -> Seismogram | None:
    """Build the noise-free record, or None where the station is too near, too far or too late."""
    distance_km = math.hypot(station.site.x_km - event.x_km, station.site.y_km - event.y_km, event.depth_km)
    if not config.distance_km[0] <= distance_km <= config.distance_km[1]:
        return None
    found = travel_times(event, station.site)
    s_minus_p_s = found["S"][0].time_s - found["P"][0].time_s
    if not config.s_minus_p_s[0] <= s_minus_p_s <= config.s_minus_p_s[1]:
        return None
    return seismogram(event, station.site, station.instrument, duration_s, rng)


def _p_power_db(wave: Seismogram, sampling_rate_hz: float) -> float:
    """Mean square of the vertical component above 1 Hz in at most 1.5 s from P, dB."""
    sos = butter(2, Background.SNR_ABOVE_HZ, "highpass", fs=sampling_rate_hz, output="sos")
    window_s = min(1.5, wave.onset_s["S"] - wave.onset_s["P"])
    vertical = sosfilt(sos, wave.output[0, : max(2, int(window_s * sampling_rate_hz))])
    return 10.0 * math.log10(np.mean(vertical**2))


def _event_record(
    event: Event, origin_ns: int, station: _Station, config: GeneratorConfig, rng: np.random.Generator
) -> SyntheticRecord | None:
    """Record an event over noise that gives it a random SNR, or None where even quiet ground would hide it."""
    rate = station.instrument.sampling_rate_hz
    before = int(rng.uniform(*config.before_p_s) * rate)
    n = int(rng.uniform(*config.duration_s) * rate)
    wave = _seismogram(event, station, (n - before) / rate, config, rng)
    if wave is None:
        return None
    background = Background(station.instrument, rng)
    levels = np.linspace(0.0, 1.0, 21)
    reached_db = _p_power_db(wave, rate) - np.array([background.power_db(level) for level in levels])
    target_db = rng.triangular(config.snr_db[0], 0.5 * sum(config.snr_db), config.snr_db[1])
    level = float(np.interp(-target_db, -reached_db, levels))
    snr_db = float(np.interp(level, levels, reached_db))
    if snr_db < config.snr_db[0]:
        return None
    data = background.sample(level, n, rng)
    start = min(n, before + wave.output.shape[1])
    data[:, before:start] += wave.output[:, : start - before]
    if rng.random() < config.disturbed_share:
        _disturb(data, background.rms(level), rate, rng)
    first_ns = origin_ns + round(wave.travel_time_s["P"] * NS_PER_S) - round(wave.onset_s["P"] * NS_PER_S)
    picks = _picks(event, station, wave, first_ns)
    start_ns = first_ns - round(before * NS_PER_S / rate)
    record = _digital_record(data, background.rms(level), start_ns, station, config, rng, picks)
    return replace(record, event_id=event.id, magnitude=event.magnitude, distance_km=wave.distance_km, snr_db=snr_db)


def _noise_record(
    start_ns: int, station: _Station, config: GeneratorConfig, rng: np.random.Generator
) -> SyntheticRecord:
    rate = station.instrument.sampling_rate_hz
    background = Background(station.instrument, rng)
    level = rng.uniform(0.05, 0.9)
    data = background.sample(level, int(rng.uniform(*config.duration_s) * rate), rng)
    for _ in range(int(rng.integers(0, 4))):
        _disturb(data, background.rms(level), rate, rng)
    return _digital_record(data, background.rms(level), start_ns, station, config, rng, ())


def _disturb(data: Floats, noise_rms: float, sampling_rate_hz: float, rng: np.random.Generator) -> None:
    """Add one disturbance, by people three times in four."""
    make = cultural_noise if rng.random() < 0.75 else glitch
    data += noise_rms * _log_uniform((1.0, 30.0), rng) * make(data.shape[1], sampling_rate_hz, rng)


def _break(digital: NDArray[np.int32] | NDArray[np.float32], rng: np.random.Generator) -> None:
    """Lose the start or the end of a record, or let one horizontal component hum or fall silent."""
    n = digital.shape[1]
    length = int(rng.uniform(0.02, 0.15) * n)
    fault = rng.choice(["start", "end", "hum", "silence"])
    if fault == "start":
        digital[:, :length] = 0
    elif fault == "end":
        digital[:, n - length :] = 0
    else:
        component = int(rng.integers(1, 3))
        loudness = 0.0 if fault == "silence" else float(np.std(digital)) * _log_uniform((0.1, 10.0), rng)
        hum = loudness * np.cos(rng.uniform(0.1, 3.0) * np.arange(n))
        digital[component] = hum.astype(digital.dtype)


def _picks(event: Event, station: _Station, wave: Seismogram, first_ns: int) -> tuple[Pick, ...]:
    return tuple(
        Pick(
            network="SY",
            station=station.site.code,
            location="",
            channel=station.instrument.channel,
            phase=phase,
            time_ns=first_ns + round(wave.onset_s[phase] * NS_PER_S),
            event_id=event.id,
        )
        for phase in ("P", "S")
    )


def _digital_record(
    data: Floats,
    noise_rms: float,
    start_ns: int,
    station: _Station,
    config: GeneratorConfig,
    rng: np.random.Generator,
    picks: tuple[Pick, ...],
) -> SyntheticRecord:
    present = np.array([True, not station.instrument.vertical_only, not station.instrument.vertical_only])
    total_rms = float(np.std(data[0, : int(10 * station.instrument.sampling_rate_hz)]))
    digital = digitise(data, noise_rms, total_rms, integers=bool(rng.random() < config.integer_share), rng=rng)
    if rng.random() < config.faulty_share:
        _break(digital, rng)
    digital[~present] = 0
    return SyntheticRecord(
        data=digital,
        start_ns=start_ns,
        sampling_rate_hz=station.instrument.sampling_rate_hz,
        network="SY",
        station=station.site.code,
        location="",
        channel=station.instrument.channel,
        present=present,
        picks=picks,
    )
