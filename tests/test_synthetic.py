"""The generator: hand-worked travel times, Brune's and Peterson's figures, causal onsets, honest labels."""

import inspect
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy.signal.spectral_estimation import get_nhnm, get_nlnm
from scipy.signal import butter, sosfilt, welch

from seisnet.errors import ConfigError
from seisnet.synthetic import GeneratorConfig, SyntheticRecord, continuous, generate_records, networks
from seisnet.synthetic.earth import Crust, free_surface, random_crust, rays
from seisnet.synthetic.instruments import Instrument, digitise
from seisnet.synthetic.networks import random_event, random_network
from seisnet.synthetic.noise import (
    HIGH_NOISE,
    LOW_NOISE,
    Background,
    cultural_noise,
    gaussian_noise,
    glitch,
    noise_psd_db,
    peterson_db,
)
from seisnet.synthetic.paths import Event, Station, paths_between
from seisnet.synthetic.scattering import _spread
from seisnet.synthetic.seismogram import seismogram
from seisnet.synthetic.source import (
    corner_frequency_hz,
    far_field_level,
    log_absorption,
    minimum_phase,
    moment_n_m,
    patches,
    radiation,
    rupture_time_s,
    scattered_energy,
)
from seisnet.synthetic.values import LOG_UNIFORM

HALF_SPACE = Crust(np.array([0.0, 500.0]), np.array([6.0, 6.0]), np.array([3.5, 3.5]))
ONE_LAYER = Crust(np.array([0.0, 30.0]), np.array([6.0, 8.0]), np.array([3.5, 4.6]))
BROADBAND = Instrument("HH", 100.0, 0.01, 0.7, np.inf, False, -200.0, False)
CLEAN = GeneratorConfig(integer_share=0.0, disturbed_share=0.0, faulty_share=0.0)


def plain_station(**changes) -> Station:
    """North of the centre by 20 km, so that E is transverse; nothing scatters, absorbs or turns."""
    crust = HALF_SPACE.with_site(0.01, 6.0, 3.5)
    station = Station("A", 0.0, 20.0, crust, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, np.eye(3), BROADBAND)
    return replace(station, **changes)


def plain_event(**changes) -> Event:
    event = Event("e", 0.0, 0.0, 10.0, 2.0, 3e6, (0.3, 1.2, 0.4), 1.0, 1e9, 0.5, 0.5, 0.0, np.zeros(1), np.ones(1))
    return replace(event, **changes)


@pytest.fixture(scope="module")
def records() -> list[SyntheticRecord]:
    return list(generate_records(40, np.random.default_rng(7), config=CLEAN))


# rays


@given(depth_km=st.floats(0.5, 25.0), distance_km=st.floats(0.0, 150.0))
def test_times_in_a_half_space_are_distance_over_velocity(depth_km, distance_km):
    r_km = np.hypot(depth_km, distance_km)
    p, s = (rays(HALF_SPACE, phase, depth_km, distance_km)[0] for phase in "PS")
    assert p.time_s == pytest.approx(r_km / 6.0, rel=1e-9)
    assert s.time_s - p.time_s == pytest.approx(r_km * (1 / 3.5 - 1 / 6.0), rel=1e-8)
    assert np.sin(p.takeoff_rad) == pytest.approx(distance_km / r_km, abs=1e-6)


def test_head_wave_and_reflection_of_a_layer_worked_by_hand():
    # 200 km from a source at 10 km above a Moho at 30 km: 50 km of the way up and down at asin(6 / 8)
    found = {ray.kind: ray.time_s for ray in rays(ONE_LAYER, "P", 10.0, 200.0)}
    assert found["head"] == pytest.approx(200 / 8 + 50 * np.sqrt(1 - 0.75**2) / 6, rel=1e-12)
    assert found["reflected"] == pytest.approx(np.hypot(200, 50) / 6, rel=1e-9)
    assert found["direct"] == pytest.approx(np.hypot(200, 10) / 6, rel=1e-9)
    assert min(found, key=found.get) == "head"


def test_no_head_wave_before_the_critical_distance():
    critical_km = 50 * 0.75 / np.sqrt(1 - 0.75**2)
    kinds = [{ray.kind for ray in rays(ONE_LAYER, "P", 10.0, critical_km + d)} for d in (-0.01, 0.01)]
    assert "head" not in kinds[0]
    assert "head" in kinds[1]


@given(seed=st.integers(0, 10**6), depth_km=st.floats(0.5, 25.0), distance_km=st.floats(0.1, 150.0))
def test_first_arrivals_come_later_with_distance_and_s_after_p(seed, depth_km, distance_km):
    crust = random_crust(np.random.default_rng(seed)).with_site(0.1, 2.0, 0.8)
    near, far = (rays(crust, "P", depth_km, d)[0].time_s for d in (distance_km, distance_km + 1.0))
    assert near < far
    assert rays(crust, "S", depth_km, distance_km)[0].time_s > 1.6 * near


def test_a_source_a_hair_below_an_interface_runs_along_it():
    # straight up costs next to nothing, so the ray runs under the interface as a head wave does
    first = rays(ONE_LAYER, "P", 30.0 + 1e-9, 200.0)[0]
    assert first.time_s == pytest.approx(200 / 8 + 30 * np.sqrt(1 - 0.75**2) / 6, rel=1e-6)


def test_free_surface_doubles_vertical_incidence_and_turns_p_by_twice_the_s_angle():
    assert free_surface("P", 6.0, 3.5, 0.0) == pytest.approx((2.0, 0.0))
    assert free_surface("S", 6.0, 3.5, 0.0) == pytest.approx((0.0, 2.0))
    vertical, radial = free_surface("P", 6.0, 3.5, 0.12)
    assert radial / vertical == pytest.approx(np.tan(2 * np.arcsin(0.12 * 3.5)))


# source


def test_radiation_energy_over_the_focal_sphere_is_four_fifteenths_and_two_fifths():
    takeoff = np.arccos(np.linspace(-1, 1, 201)[:-1] + 0.005)
    azimuth = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    patterns = np.array([radiation((0.4, 1.0, -0.7), a, t) for t in takeoff for a in azimuth])
    p, sv, sh = np.mean(patterns**2, axis=0)
    assert p == pytest.approx(4 / 15, rel=1e-3)
    assert sv + sh == pytest.approx(2 / 5, rel=1e-3)


def test_moment_corner_and_level_worked_by_hand():
    assert moment_n_m(2.0) == pytest.approx(10**12.05)
    # radius (7 * 1.122e12 / (16 * 3e6))^(1/3) = 54.69 m, 2.34 * 3500 / (2 pi 54.69) = 23.8 Hz
    assert corner_frequency_hz(moment_n_m(2.0), 3e6, 3.5) == pytest.approx(23.83, abs=0.02)
    rho = 1741 * 6**0.25
    by_hand = 10**12.05 / (4 * np.pi * rho * 3500**3 * 20e3)
    assert far_field_level(moment_n_m(2.0), (3.5, 3.5), (6.0, 6.0), 20.0) == pytest.approx(by_hand)


def test_a_large_rupture_takes_seconds_and_its_patches_begin_at_once():
    # magnitude 6.8 at 3 MPa: radius (7 * 1.778e19 / (16 * 3e6))^(1/3) = 13.74 km, at 0.9 * 3.5 km/s 4.36 s
    corner_hz = corner_frequency_hz(moment_n_m(6.8), 3e6, 3.5)
    assert rupture_time_s(corner_hz) == pytest.approx(13.74 / (0.9 * 3.5), rel=1e-3)
    for seed in range(20):
        time, moment = patches(12, np.random.default_rng(seed))
        assert time[0] == 0.0
        assert (np.diff(time) >= 0).all()
        assert time[-1] <= 1.0
        assert moment.min() > 0.0
        assert moment.sum() == pytest.approx(1.0)


def test_small_earthquakes_break_at_once_and_large_ones_in_patches():
    rng = np.random.default_rng(0)
    network = random_network("A", 1, CLEAN, rng)
    # radius at 1 and 10 MPa: 79 and 37 m of magnitude 2, 7.9 and 3.7 km of 6; a patch has 0.2 to 1 km
    for magnitude, fewest, most in ((2.0, 1, 1), (6.0, 13, 60)):
        drawn = replace(CLEAN, magnitude=(magnitude, magnitude + 1e-6), stress_drop_mpa=(1.0, 10.0))
        numbers = {len(random_event("e", network, drawn, rng).patch_time) for _ in range(40)}
        assert min(numbers) >= fewest
        assert max(numbers) <= most


def test_patches_keep_the_onset_and_the_moment_and_make_the_record_longer():
    station = plain_station()
    whole = plain_event(magnitude=6.5)
    time, moment = patches(30, np.random.default_rng(1))
    broken = replace(whole, patch_time=time, patch_moment=moment)
    one, many = (seismogram(paths_between(e, station), 40.0, np.random.default_rng(2)) for e in (whole, broken))
    assert many.onset_s == one.onset_s
    for wave in (one, many):
        at = int(wave.onset_s["P"] * 100.0)
        assert not wave.output[:, :at].any()
        assert wave.output[0, at : at + 20].any()
    np.testing.assert_allclose(many.output.sum(axis=1), one.output.sum(axis=1), rtol=0.02, atol=1e-3 * one.output.max())
    high = butter(4, 2.0, "highpass", fs=100.0, output="sos")
    energy = [np.cumsum(sosfilt(high, w.output[1, int(100 * w.onset_s["S"]) :]) ** 2) for w in (one, many)]
    half_s = [np.searchsorted(e, 0.5 * e[-1]) / 100.0 for e in energy]
    assert half_s[0] < 0.3
    assert half_s[1] > 0.6


def test_minimum_phase_of_brunes_spectrum_is_his_pulse():
    n, rate_hz, corner_hz = 4096, 1000.0, 5.0
    frequency_hz = np.arange(n // 2 + 1) * rate_hz / n
    pulse = np.fft.irfft(minimum_phase(-np.log1p((frequency_hz / corner_hz) ** 2)), n) * rate_hz
    w = 2 * np.pi * corner_hz
    time_s = np.arange(n) / rate_hz
    brune = w**2 * time_s * np.exp(-w * time_s)
    assert np.abs(pulse - brune).max() < 0.08 * brune.max()
    spectrum = np.abs(np.fft.rfft(pulse)) / rate_hz
    assert spectrum[0] == pytest.approx(1.0)
    assert np.interp(corner_hz, frequency_hz, spectrum) == pytest.approx(0.5, rel=1e-3)


def test_absorption_with_constant_q_halves_twice_over_twice_the_time():
    frequency_hz = np.array([1.0, 5.0, 20.0])
    once, twice = (log_absorption(frequency_hz, t, 200.0, 0.0, 0.0) for t in (3.0, 6.0))
    np.testing.assert_allclose(once, -np.pi * frequency_hz * 3.0 / 200.0)
    np.testing.assert_allclose(twice, 2 * once)


def test_seismogram_has_the_long_period_level_of_the_formula():
    event, station = plain_event(), plain_station()
    wave = seismogram(paths_between(event, station), 30.0, np.random.default_rng(0))
    takeoff = np.pi - np.arctan2(20.0, 10.0)
    _, _, sh = radiation(event.mechanism_rad, 0.0, takeoff)
    level = far_field_level(moment_n_m(2.0), (3.5, 3.5), (6.0, 6.0), np.hypot(20.0, 10.0))
    transverse = np.fft.rfft(wave.output[2]) / 100.0
    frequency_hz = np.fft.rfftfreq(wave.output.shape[1], 0.01)
    displacement = np.abs(transverse[1:]) / (2 * np.pi * frequency_hz[1:])
    band = (frequency_hz[1:] > 0.5) & (frequency_hz[1:] < 2.0)
    assert np.median(displacement[band]) == pytest.approx(2.0 * np.hypot(sh, 0.12) * level, rel=0.02)


# onsets and codas


@pytest.mark.parametrize("seed", range(4))
def test_nothing_moves_before_an_onset(seed):
    wave = seismogram(paths_between(plain_event(), plain_station()), 20.0, np.random.default_rng(seed))
    sample = np.arange(wave.output.shape[1])
    s = wave.onset_s["S"] * 100.0
    transverse = np.abs(wave.output[2])
    assert transverse[sample < s].max() < 1e-6 * transverse.max()
    assert transverse[(sample >= s) & (sample < s + 4)].max() > 0.1 * transverse.max()
    assert 0.0 <= wave.onset_s["P"] < 0.01
    assert wave.onset_s["S"] - wave.onset_s["P"] == pytest.approx(np.hypot(20, 10) * (1 / 3.5 - 1 / 6), abs=0.005)


def test_turning_keeps_energy_and_moves_it_between_components():
    flat, turned = (
        seismogram(
            paths_between(plain_event(), plain_station(turn_deg=turn_deg)), 20.0, np.random.default_rng(1)
        ).output
        for turn_deg in (0.0, 20.0)
    )
    assert np.sum(turned**2) == pytest.approx(np.sum(flat**2), rel=1e-9)
    before_s = slice(0, 200)
    assert np.abs(flat[2, before_s]).max() < 1e-5 * np.abs(flat[0, before_s]).max()
    assert np.abs(turned[2, before_s]).max() > 1e-2 * np.abs(turned[0, before_s]).max()


def test_s_that_becomes_p_under_the_station_moves_the_vertical_alone():
    flat, lifted = (
        seismogram(paths_between(plain_event(), plain_station(lift=lift)), 20.0, np.random.default_rng(1))
        for lift in (0, 0.3)
    )
    s = int(flat.onset_s["S"] * 100.0)
    np.testing.assert_allclose(lifted.output[1:], flat.output[1:], rtol=1e-9, atol=1e-12 * np.abs(flat.output).max())
    np.testing.assert_allclose(lifted.output[0, :s], flat.output[0, :s], atol=1e-6 * np.abs(flat.output).max())
    assert np.abs(lifted.output[0, s:] - flat.output[0, s:]).max() > 0.02 * np.abs(flat.output).max()


def test_records_without_noise_are_silent_before_p_and_onsets_fall_between_samples(monkeypatch):
    monkeypatch.setattr(Background, "sample", lambda self, level, n, rng: np.zeros((3, n)))
    fractions = []
    for record in generate_records(8, np.random.default_rng(3), noise_share=0.0, config=CLEAN):
        onset = (record.picks[0].time_ns - record.start_ns) * record.sampling_rate_hz / 1e9
        first = int(np.ceil(onset - 1e-6))
        strongest = np.abs(record.data).max()
        assert np.abs(record.data[:, :first]).max() <= 1e-5 * strongest
        assert np.abs(record.data[:, first : first + 8]).max() > 1e-3 * strongest
        fractions.append(onset % 1)
    assert np.ptp(fractions) > 0.2


def test_scattered_energy_starts_with_the_onset_and_falls_as_the_square_of_time():
    time_s = np.array([4.9, 5.1, 100.0, 200.0])
    energy = scattered_energy(time_s, 5.0)
    assert energy[0] == 0.0
    assert energy[1] > energy[2] > 0.0
    assert energy[2] == pytest.approx(2 * (5.0 / 100.0) ** 2, rel=1e-3)
    assert energy[2] / energy[3] == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize(("quality_factor", "absorbs"), [(1e9, False), (100.0, True)])
def test_coda_decays_as_aki_and_chouet_say(quality_factor, absorbs):
    event = plain_event(scattering_per_km=0.1, quality_factor=quality_factor, quality_exponent=1.0, p_absorption=1.0)
    windows_s = np.array([15.0, 40.0])
    energy = np.zeros(2)
    for seed in range(6):
        wave = seismogram(paths_between(event, plain_station()), 60.0, np.random.default_rng(seed))
        start_s = wave.travel_time_s["P"] - wave.onset_s["P"]
        at = np.round((windows_s - start_s) * 100).astype(int)
        energy += [np.mean(wave.output[2, i - 300 : i + 300] ** 2) for i in at]
    expected = scattered_energy(windows_s, np.hypot(20, 10) / 3.5)
    if absorbs:  # Q = 100 f: the same loss at every frequency
        expected = expected * np.exp(-2 * np.pi * windows_s / 100.0)
    assert energy[1] / energy[0] == pytest.approx(expected[1] / expected[0], rel=0.25)


def test_a_slow_layer_amplifies_what_is_shorter_than_four_times_it():
    # 2.5 Hz is the quarter wave of 50 m at 0.5 km/s; far above it the root of the impedances' ratio, far below nothing
    slow = plain_station(crust=HALF_SPACE.with_site(0.05, 1.0, 0.5))
    spectra = [
        np.abs(np.fft.rfft(seismogram(paths_between(plain_event(), station), 30.0, np.random.default_rng(0)).output[2]))
        for station in (plain_station(), slow)
    ]
    frequency_hz = np.fft.rfftfreq(3000, 0.01)
    contrast = 6.0**0.25 * 3.5 / (1.0**0.25 * 0.5)
    for low, high in ((0.4, 0.6), (2.4, 2.6), (28.0, 32.0)):
        band = (frequency_hz >= low) & (frequency_hz <= high)
        short = (np.mean((low, high)) / 2.5) ** 2
        expected = contrast ** (0.5 * short / (1 + short))
        assert np.median(spectra[1][band] / spectra[0][band]) == pytest.approx(expected, rel=0.1)


def test_scattered_energy_is_spread_over_the_time_behind_it():
    paths = paths_between(plain_event(), plain_station())
    arriving = np.zeros(60_000)
    arriving[[100, 1100]] = 3.0, 1.0
    early_share = []
    for seed in range(30):
        for phase, most in (("P", 2.0), ("S", 0.5)):
            spread = _spread(paths[phase], arriving, 100.0, np.random.default_rng(seed))
            assert not spread[:100].any() and (spread >= 0).all()
            assert 4.0 <= spread.sum() <= 4.0 * (1 + most) + 1e-6
            early_share.append(spread[100:110].sum() / spread.sum())
    assert max(early_share) > 2 * min(early_share)  # some onsets are sharp, some emerge


# noise


def test_peterson_models_agree_with_obspys_tables():
    for ours, (period_s, theirs_db) in ((LOW_NOISE, get_nlnm()), (HIGH_NOISE, get_nhnm())):
        inside = (period_s >= 0.1) & (period_s <= 1e4)
        np.testing.assert_allclose(peterson_db(ours, 1 / period_s[inside]), theirs_db[inside], atol=0.15)


def test_noise_lies_between_petersons_models_and_a_louder_one_does_not():
    rng = np.random.default_rng(1)
    n, rate_hz = 1 << 16, 50.0
    frequency_hz = np.fft.rfftfreq(n, 1 / rate_hz)
    for level in (0.0, 0.4, 1.0):
        ground = gaussian_noise(10 ** (noise_psd_db(frequency_hz, np.full(1, level)) / 10), n, rate_hz, rng)
        f, psd = welch(ground, rate_hz, nperseg=4096)
        band = (f > 0.1) & (f < 20.0)
        found_db = 10 * np.log10(psd[band])
        assert np.all(found_db > peterson_db(LOW_NOISE, f[band]) - 3.0)
        assert np.all(found_db < peterson_db(HIGH_NOISE, f[band]) + 3.0)
    assert not np.all(found_db + 6.0 < peterson_db(HIGH_NOISE, f[band]) + 3.0)


def test_background_has_the_spectrum_it_says_also_when_drawn_in_pieces(monkeypatch):
    rng = np.random.default_rng(2)
    background = Background(BROADBAND, rng)
    for longest in (1 << 19, 1 << 15):
        monkeypatch.setattr(Background, "LONGEST", longest)
        sample = background.sample(0.5, 100_000, rng)
        assert sample.shape == (3, 100_000)
        f, psd = welch(sample, 100.0, nperseg=2048)
        band = (f > 0.2) & (f < 40.0)
        difference_db = 10 * np.log10(psd[:, band] / background.psd(0.5, f[band]))
        assert np.abs(difference_db.mean(axis=1)).max() < 1.5


def test_background_grows_with_its_level_and_stays_above_the_sensors_own_noise():
    background = Background(BROADBAND, np.random.default_rng(4))
    power_db = background.powers_db(np.linspace(0, 1, 5))
    assert np.all(np.diff(power_db) > 0)
    assert np.all(background.psd(0.0, np.array([1.0, 10.0])) >= 10**-20)


@pytest.mark.parametrize("make", [cultural_noise, glitch])
def test_disturbances_are_finite_and_of_order_one(make):
    rng = np.random.default_rng(5)
    largest = [np.abs(make(3000, 100.0, rng)).max() for _ in range(40)]
    assert np.all(np.isfinite(largest))
    assert 0.1 < np.median(largest) < 3.0


# instruments


def test_response_of_a_geophone_at_its_corner_and_of_an_accelerometer():
    frequency_hz = np.array([0.0, 0.1, 4.5, 10.0])
    geophone = Instrument("EP", 100.0, 4.5, 0.7, np.inf, False, -170.0, False)
    velocity = np.exp(geophone.log_response(frequency_hz)) / (2 * np.pi * np.maximum(frequency_hz, 0.05))
    assert velocity[2] == pytest.approx(1 / 1.4, rel=1e-3)
    assert velocity[1] == pytest.approx((0.1 / 4.5) ** 2, rel=1e-2)
    accelerometer = Instrument("HN", 100.0, 1e-3, 0.7, np.inf, True, -130.0, False)
    assert np.exp(accelerometer.log_response(frequency_hz))[3] == pytest.approx((20 * np.pi) ** 2, rel=1e-3)


def test_digitiser_makes_whole_counts_within_24_bits_or_floats():
    rng = np.random.default_rng(6)
    sensor = 1e-7 * rng.standard_normal((3, 1000))
    sensor[0, 500] = 1e3
    counts = digitise(sensor, 1e-7, integers=True, rng=rng)
    assert counts.dtype == np.int32
    assert counts.max() in {2**11 - 1, 2**15 - 1, 2**23 - 1}
    assert digitise(sensor, 1e-7, integers=False, rng=rng).dtype == np.float32


# records


def test_labels_lie_in_their_records_and_ranges(records):
    events = [record for record in records if record.event_id]
    assert {record.event_id for record in events} == {f"ev{number:06d}" for number in range(40)}
    for record in events:
        p, s = record.picks
        end_ns = record.start_ns + record.data.shape[1] * 1e9 / record.sampling_rate_hz
        assert (p.phase, s.phase) == ("P", "S")
        assert p.event_id == s.event_id == record.event_id
        assert p.trace_id == record.record.trace_id
        assert record.start_ns + 14.9e9 < p.time_ns < s.time_ns < end_ns
        assert 0.3 - 0.01 <= (s.time_ns - p.time_ns) / 1e9 <= 15.0 + 0.01
        assert 2.0 <= record.distance_km <= 120.0
        assert 0.0 <= record.magnitude <= 5.5
        assert record.snr_db >= CLEAN.snr_db[0]


def test_noise_records_have_no_labels_and_about_their_share(records):
    noise = [record for record in records if not record.event_id]
    assert all(record.picks == () and np.isnan(record.snr_db) for record in noise)
    assert 0.1 < len(noise) / len(records) < 0.3


def test_snr_measured_on_the_record_is_near_the_one_stated(records):
    excess_db = []
    for record in records:
        if not record.event_id or record.channel[1] != "P":
            continue  # a geophone hears no microseisms, which the stated ratio leaves out
        p, s = ((pick.time_ns - record.start_ns) * record.sampling_rate_hz / 1e9 for pick in record.picks)
        vertical = record.data[0] - np.mean(record.data[0, : int(p)])
        window = vertical[int(p) : int(min(s, p + 1.5 * record.sampling_rate_hz))]
        excess_db.append(10 * np.log10(np.mean(window**2) / np.mean(vertical[: int(p)] ** 2)) - record.snr_db)
    assert abs(np.median(excess_db)) < 3.0


def test_events_and_stations_fall_into_many_independent_groups(records):
    networks = {record.station[:-1] for record in records}
    assert len(networks) == 7
    for network in networks:
        here = {record.event_id for record in records if record.station[:-1] == network} - {""}
        elsewhere = {record.event_id for record in records if record.station[:-1] != network} - {""}
        assert here
        assert not here & elsewhere


def test_absent_components_are_zero_and_marked(records):
    assert {tuple(record.present) for record in records} == {(True, True, True), (True, False, False)}
    for record in records:
        np.testing.assert_array_equal(np.any(record.data != 0, axis=1), record.present)
    only = replace(CLEAN, vertical_only_share=1.0)
    assert not any(r.present[1] for r in generate_records(3, np.random.default_rng(0), config=only))


def test_counts_or_floats_as_the_config_says(records):
    assert {record.data.dtype for record in records} == {np.dtype(np.float32)}
    counts = list(generate_records(4, np.random.default_rng(0), config=GeneratorConfig(integer_share=1.0)))
    assert {record.data.dtype for record in counts} == {np.dtype(np.int32)}
    assert all(record.record.data.dtype == np.float32 for record in counts)


def test_a_seed_gives_the_same_records_and_another_seed_others():
    first, again, other = (list(generate_records(3, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert len(first) == len(again)
    for a, b in zip(first, again, strict=True):
        assert a.picks == b.picks
        assert a.start_ns == b.start_ns
        np.testing.assert_array_equal(a.data, b.data)
    assert first[0].picks != other[0].picks


def test_continuous_holds_all_picks_in_order_with_energy_behind_them():
    config = replace(CLEAN, sampling_rates_hz=(100.0,), snr_db=(15.0, 40.0), vertical_only_share=0.0)
    found = continuous(600.0, 4, np.random.default_rng(8), n_stations=2, config=config)
    assert len({record.station for record in found}) == 2
    for record in found:
        assert record.data.shape == (3, 60_000)
        times = [pick.time_ns for pick in record.picks]
        assert times == sorted(times)
        assert [pick.phase for pick in record.picks].count("P") == 4
        sos = butter(2, 1.0, "highpass", fs=100.0, output="sos")
        above = sosfilt(sos, record.data[0] - record.data[0, 0].astype(np.float64))
        quiet = np.median(np.abs(above)) / 0.6745  # an earlier event may still ring before P
        for pick in (pick for pick in record.picks if pick.phase == "P"):
            i = round((pick.time_ns - record.start_ns) / 1e7)
            assert np.std(above[i : i + 30]) > 2.0 * quiet


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"integer_share": 1.2}, "share"),
        ({"magnitude": (3.0, 1.0)}, "lowest value comes first"),
        ({"sampling_rates_hz": ()}, "at least one positive rate"),
        ({"events_per_network": 0}, "between 1 and 26"),
        ({"before_p_s": (40.0, 50.0)}, "raise duration_s"),
        *(({name: (0.0, 1.0)}, rf"{name} is \(0.0, 1.0\); .* must be positive") for name in sorted(LOG_UNIFORM)),
    ],
)
def test_config_says_what_is_wrong(changes, message):
    with pytest.raises(ConfigError, match=message):
        GeneratorConfig(**changes)


def test_whatever_is_drawn_by_its_logarithm_is_checked():
    drawn = set(re.findall(r"log_uniform\(config\.(\w+)", inspect.getsource(networks)))
    assert drawn == LOG_UNIFORM


def test_arguments_out_of_range_and_impossible_events_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="noise_share"):
        next(generate_records(1, rng, noise_share=1.0))
    with pytest.raises(ConfigError, match="stations_per_network"):
        next(generate_records(1, rng, stations_per_event=(1, 9)))
    never = GeneratorConfig(distance_km=(119.0, 120.0), s_minus_p_s=(0.3, 0.4))
    with pytest.raises(ConfigError, match="widen what is narrow"):
        next(generate_records(1, rng, config=never))
