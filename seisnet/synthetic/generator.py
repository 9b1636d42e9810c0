"""Labelled records of random local earthquakes and of noise, at stations that recur."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from seisnet.errors import ConfigError
from seisnet.picks import Pick
from seisnet.synthetic.instruments import Instrument, digitise
from seisnet.synthetic.networks import Network, observe, random_event, random_network
from seisnet.synthetic.noise import Background, cultural_noise, glitch
from seisnet.synthetic.paths import Event, Station, hypocentral_km
from seisnet.synthetic.seismogram import Seismogram
from seisnet.synthetic.values import Floats, GeneratorConfig, SyntheticRecord, log_uniform
from seisnet.waveforms.records import NS_PER_S

_EPOCH_NS = 1_577_836_800 * NS_PER_S
"""2020-01-01T00:00:00 UTC, when the first synthetic network starts to record."""

_TRIES = 500
"""Earthquakes drawn for one that can be seen; a network of short reach and poor ground needs some dozens."""


def generate_records(
    n_events: int,
    rng: np.random.Generator,
    *,
    stations_per_event: tuple[int, int] = (1, 4),
    noise_share: float = 0.2,
    config: GeneratorConfig | None = None,
) -> Iterator[SyntheticRecord]:
    """Yield labelled records of `n_events` earthquakes, and among them records of noise.

    Events come in small networks, each with a crust and stations of its own, so that splits by event and by station
    find many independent groups.

    Parameters
    ----------
    n_events : int
        Each is seen by at least one station.
    rng : numpy.random.Generator
        The same state gives the same records.
    stations_per_event : (int, int)
        Fewest and most stations that may see an event; those too far or too noisy to see it give no record.
    noise_share : float
        Expected share of noise among the records, in [0, 1).
    config : GeneratorConfig, optional
        What to draw from.

    Raises
    ------
    ConfigError
        If an argument is out of range, or if no earthquake that `config` allows can be seen.
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
        network = random_network(f"{first // config.events_per_network:04d}", config.stations_per_network, config, rng)
        for number in range(first, min(first + config.events_per_network, n_events)):
            origin_ns = _EPOCH_NS + (number * 3600 + int(rng.integers(1800))) * NS_PER_S + int(rng.integers(NS_PER_S))
            for record in _one_event(f"ev{number:06d}", origin_ns, network, stations_per_event, config, rng):
                yield record
                if rng.random() < noise_share / (1.0 - noise_share):
                    quiet_ns = origin_ns + int(rng.integers(600, 1500)) * NS_PER_S
                    station = network.stations[int(rng.integers(len(network.stations)))]
                    yield _noise_record(quiet_ns, station, config, rng)


def continuous(
    duration_s: float,
    n_events: int,
    rng: np.random.Generator,
    *,
    n_stations: int = 1,
    config: GeneratorConfig | None = None,
) -> list[SyntheticRecord]:
    """Return one long record for each station of one network, with `n_events` earthquakes at random times.

    All stations hold all events, P and S at least `config.snr_db[0]` above the noise; picks name their events.

    Raises
    ------
    ConfigError
        If no earthquake that `config` allows can be seen at all stations.
    """
    config = config or GeneratorConfig()
    network = random_network("C", n_stations, config, rng)
    backgrounds = [Background(station.instrument, rng) for station in network.stations]
    levels = [float(level) for level in rng.uniform(0.1, 0.4, size=n_stations)]
    data = [
        background.sample(level, round(duration_s * background.instrument.sampling_rate_hz), rng)
        for background, level in zip(backgrounds, levels, strict=True)
    ]
    picks: list[list[Pick]] = [[] for _ in network.stations]
    for number, origin_s in enumerate(np.sort(rng.uniform(0.02, 0.95, size=n_events)) * duration_s):
        event, waves = _heard_by_all(f"ev{number:06d}", network, backgrounds, levels, config, rng)
        for i, (station, wave) in enumerate(zip(network.stations, waves, strict=True)):
            rate = station.instrument.sampling_rate_hz
            at = round((origin_s + wave.travel_time_s["P"]) * rate)
            room = data[i][:, at : at + wave.output.shape[1]]
            room += wave.output[:, : room.shape[1]]
            found = _picks(event, station, wave, _EPOCH_NS + round(at * NS_PER_S / rate))
            picks[i] += [pick for pick in found if pick.time_ns < _EPOCH_NS + duration_s * NS_PER_S]
    return [
        replace(
            _digital_record(data[i], backgrounds[i].rms(levels[i]), _EPOCH_NS, station, config, rng),
            picks=tuple(sorted(picks[i], key=lambda pick: pick.time_ns)),
        )
        for i, station in enumerate(network.stations)
    ]


def _one_event(
    event_id: str,
    origin_ns: int,
    network: Network,
    stations_per_event: tuple[int, int],
    config: GeneratorConfig,
    rng: np.random.Generator,
) -> list[SyntheticRecord]:
    """Draw earthquakes until one is seen, and return its records."""
    for _ in range(_TRIES):
        event = random_event(event_id, network, config, rng)
        count = int(rng.integers(stations_per_event[0], stations_per_event[1] + 1))
        chosen = rng.choice(len(network.stations), size=count, replace=False)
        attempts = [_event_record(event, origin_ns, network.stations[i], config, rng) for i in chosen]
        found = [record for record in attempts if record is not None]
        if found:
            return found
    raise ConfigError(_nothing_seen(config))


def _heard_by_all(
    event_id: str,
    network: Network,
    backgrounds: list[Background],
    levels: list[float],
    config: GeneratorConfig,
    rng: np.random.Generator,
) -> tuple[Event, list[Seismogram]]:
    """Draw earthquakes until one stands out of the noise at every station."""
    for _ in range(_TRIES):
        event = random_event(event_id, network, config, rng)
        waves = []
        for station, background, level in zip(network.stations, backgrounds, levels, strict=True):
            wave = observe(event, station, config.duration_s[0], config, rng)
            if wave is None:
                break
            weaker_db = min(_power_db(wave, phase, station.instrument) for phase in ("P", "S"))
            if weaker_db - background.powers_db([level])[0] < config.snr_db[0]:
                break
            waves.append(wave)
        else:
            return event, waves
    raise ConfigError(_nothing_seen(config))


def _nothing_seen(config: GeneratorConfig) -> str:
    return (
        f"none of {_TRIES} random earthquakes was seen; GeneratorConfig has magnitude {config.magnitude}, distance "
        f"{config.distance_km} km, S minus P {config.s_minus_p_s} s, SNR {config.snr_db} dB; widen what is narrow"
    )


def _power_db(wave: Seismogram, phase: str, instrument: Instrument) -> float:
    """Mean square above 1 Hz in at most 1.5 s from an onset, dB: of P on Z, of S on the strongest component."""
    rate = instrument.sampling_rate_hz
    sos = butter(2, Background.SNR_ABOVE_HZ, "highpass", fs=rate, output="sos")
    begin = math.ceil(wave.onset_s[phase] * rate)
    length_s = min(1.5, wave.onset_s["S"] - wave.onset_s["P"])
    rows = slice(0, 1) if phase == "P" or instrument.vertical_only else slice(0, 3)
    above = sosfilt(sos, wave.output[rows, : begin + max(2, int(length_s * rate))])[:, begin:]
    return 10.0 * math.log10(np.mean(above**2, axis=1).max())


def _event_record(
    event: Event, origin_ns: int, station: Station, config: GeneratorConfig, rng: np.random.Generator
) -> SyntheticRecord | None:
    """Record an event over noise that gives it a random SNR, or None where even quiet ground would hide it."""
    rate = station.instrument.sampling_rate_hz
    before = int(rng.uniform(*config.before_p_s) * rate)
    n = int(rng.uniform(*config.duration_s) * rate)
    wave = observe(event, station, (n - before) / rate, config, rng)
    if wave is None:
        return None
    background = Background(station.instrument, rng)
    levels = np.linspace(0.0, 1.0, 21)
    p_db, s_db = (_power_db(wave, phase, station.instrument) for phase in ("P", "S"))
    reached_db = p_db - np.array(background.powers_db(levels.tolist()))
    wanted_db = config.snr_db[0] + rng.triangular(0.0, 0.3, 1.0) * (config.snr_db[1] - config.snr_db[0])
    level = float(np.interp(-wanted_db, -reached_db, levels))
    snr_db = float(np.interp(level, levels, reached_db))
    if min(snr_db, snr_db + s_db - p_db) < config.snr_db[0]:
        return None
    data = background.sample(level, n, rng)
    room = data[:, before : before + wave.output.shape[1]]
    room += wave.output[:, : room.shape[1]]
    for _ in range(int(rng.integers(1, 4)) if rng.random() < config.disturbed_share else 0):
        _disturb(data, background.rms(level) * log_uniform((0.5, 5.0), rng), rate, rng)
    first_ns = origin_ns + round((wave.travel_time_s["P"] - wave.onset_s["P"]) * NS_PER_S)
    start_ns = first_ns - round(before * NS_PER_S / rate)
    return replace(
        _digital_record(data, background.rms(level), start_ns, station, config, rng),
        picks=_picks(event, station, wave, first_ns),
        event_id=event.id,
        magnitude=event.magnitude,
        distance_km=hypocentral_km(event, station),
        snr_db=snr_db,
    )


def _noise_record(
    start_ns: int, station: Station, config: GeneratorConfig, rng: np.random.Generator
) -> SyntheticRecord:
    rate = station.instrument.sampling_rate_hz
    background = Background(station.instrument, rng)
    level = rng.uniform(0.05, 0.9)
    data = background.sample(level, int(rng.uniform(*config.duration_s) * rate), rng)
    for _ in range(int(rng.integers(0, 4))):
        _disturb(data, background.rms(level) * log_uniform((0.5, 20.0), rng), rate, rng)
    return _digital_record(data, background.rms(level), start_ns, station, config, rng)


def _disturb(data: Floats, loudness: float, sampling_rate_hz: float, rng: np.random.Generator) -> None:
    """Add one disturbance, by people three times in four."""
    make = cultural_noise if rng.random() < 0.75 else glitch
    data += loudness * make(data.shape[1], sampling_rate_hz, rng)


def _picks(event: Event, station: Station, wave: Seismogram, first_ns: int) -> tuple[Pick, ...]:
    return tuple(
        Pick(
            network="SY",
            station=station.code,
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
    station: Station,
    config: GeneratorConfig,
    rng: np.random.Generator,
) -> SyntheticRecord:
    instrument = station.instrument
    present = np.array([True, not instrument.vertical_only, not instrument.vertical_only])
    digital = digitise(data, noise_rms, integers=bool(rng.random() < config.integer_share), rng=rng)
    if rng.random() < config.faulty_share:
        _break(digital, int(0.5 * config.before_p_s[0] * instrument.sampling_rate_hz), rng)
    digital[~present] = 0
    return SyntheticRecord(
        data=digital,
        start_ns=start_ns,
        sampling_rate_hz=instrument.sampling_rate_hz,
        network="SY",
        station=station.code,
        location="",
        channel=instrument.channel,
        present=present,
    )


def _break(digital: NDArray[np.int32] | NDArray[np.float32], longest: int, rng: np.random.Generator) -> None:
    """Lose at most `longest` samples at the start, or let one horizontal component hum or fall silent."""
    fault = rng.choice(["start", "hum", "silence"])
    if fault == "start":
        digital[:, : int(rng.uniform(0.0, 1.0) * longest)] = 0
    else:
        loudness = float(np.std(digital)) * log_uniform((0.1, 10.0), rng) if fault == "hum" else 0.0
        hum = loudness * np.cos(rng.uniform(0.1, 3.0) * np.arange(digital.shape[1]))
        digital[int(rng.integers(1, 3))] = hum.astype(digital.dtype)
