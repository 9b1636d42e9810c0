"""Akaike's criterion finds where a phase begins, on the components that show it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from seisnet.picking.aic import _filtered, _unforeseen, _variance, aic_onset
from seisnet.waveforms.conditioning import to_rate
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S


def at_s(seconds):
    return START_NS + round(seconds * NS_PER_S)


def error_s(record, truth_s, guess_s, phase="P", half_width_s=0.6):
    return (aic_onset(record, at_s(guess_s), phase, half_width_s=half_width_s) - at_s(truth_s)) / NS_PER_S


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 200.0])
@pytest.mark.parametrize("truth_s", [20.0, 33.217])
@pytest.mark.parametrize("guess_s", [-0.5, 0.0, 0.5])
@pytest.mark.parametrize("phase", ["P", "S"])
def test_a_planted_onset_is_found_within_a_few_samples(rate_hz, truth_s, guess_s, phase, onset_record):
    record = onset_record(truth_s, rate_hz=rate_hz)
    assert abs(error_s(record, truth_s, truth_s + guess_s, phase)) <= 0.04


@given(guess_s=st.floats(0, 60), half_width_s=st.floats(0.01, 5), seed=st.integers(0, 100))
@settings(max_examples=80)
def test_a_time_never_moves_further_than_asked(guess_s, half_width_s, seed, onset_record):
    record = onset_record(30.0, seed=seed)
    moved = aic_onset(record, at_s(guess_s), "P", half_width_s=half_width_s) - at_s(guess_s)
    assert abs(moved) <= half_width_s * NS_PER_S + 3 * NS_PER_S / 100


@pytest.mark.parametrize("gain", [-1.0, 1e-9, 1e9])
def test_gain_and_polarity_move_no_onset(gain, onset_record, make_record):
    record = onset_record(20.0)
    other = make_record(record.data * np.float32(gain))
    assert error_s(other, 20.0, 20.2) == error_s(record, 20.0, 20.2)


def test_p_is_read_from_the_vertical_and_s_from_the_horizontals(make_record, noise):
    t = np.arange(6000) / 100
    data = np.stack([noise(6000, k) for k in range(3)])
    data[0] *= np.where(t < 20.0, 1, 10)
    data[1:] *= np.where(t < 20.4, 1, 10)
    record = make_record(data)
    assert abs(error_s(record, 20.0, 20.2, "P")) <= 0.03
    assert abs(error_s(record, 20.4, 20.2, "S")) <= 0.03


@pytest.mark.parametrize(
    ("phase", "rows", "band_hz", "around"), [("P", [0], (3.0, 30.0), 100), ("S", [1, 2], (1.0, 20.0), 50)]
)
def test_the_least_criterion_is_that_of_a_naive_loop(phase, rows, band_hz, around, make_record, noise):
    for seed in range(12):
        record = make_record(np.stack([noise(6000, 3 * seed + k) for k in range(3)]))
        first, stop = 3000 - 60 - around - 200, 3000 + 60 + around  # the filter runs for two seconds before
        x = record.data[rows, first:stop].astype(np.float64)
        x = _filtered(x - x[:, :1], *band_hz, 100.0)
        if phase == "S":
            x = _unforeseen(x, 200 + around)  # by all that precedes the search
        x = x[:, 200:]
        quiet = 3e-4 * x[:, around : around + 120].var(axis=1)
        n = x.shape[1]
        aic = {
            k: sum(k * np.log(x[:, :k].var(axis=1) + quiet) + (n - k) * np.log(x[:, k:].var(axis=1) + quiet))
            for k in range(around, around + 120)
        }
        expected = at_s((first + 200 + min(aic, key=aic.__getitem__)) / 100)
        for after_ns in (None, at_s(10.0)):  # which lies before all that is looked at
            assert aic_onset(record, at_s(30.0), phase, half_width_s=0.6, after_ns=after_ns) == expected


@pytest.mark.parametrize(
    ("low_hz", "high_hz", "rate_hz"), [(3, 30, 100), (1, 20, 1000), (0.1, 0.25, 1), (0.1, 10, 62.5)]
)
@pytest.mark.parametrize("n", [1, 11, 600, 3001])
def test_the_filter_is_that_of_scipy(low_hz, high_hz, rate_hz, n):
    corners = ((low_hz, "highpass"), (high_hz, "lowpass"))
    sections = [butter(2, corner_hz, kind, fs=rate_hz, output="sos") for corner_hz, kind in corners]
    x = np.random.default_rng(0).normal(size=(2, n)) * np.where(np.arange(n) < n // 2, 1, 1e4)
    expected = sosfilt(np.concatenate(sections), x, axis=1)
    np.testing.assert_allclose(_filtered(x, low_hz, high_hz, rate_hz), expected, rtol=0, atol=1e-10 * abs(x).max())


def coloured(noise, n, seed, feedback):
    x = noise(n, seed).astype(np.float64)
    for i in range(2, n):
        x[i] += feedback[0] * x[i - 1] + feedback[1] * x[i - 2]
    return x / x.std()


def test_s_is_found_where_the_frequencies_change_and_the_power_does_not(make_record, noise):
    t = np.arange(6000) / 100
    errors = []
    for seed in range(20):
        slow, fast = (coloured(noise, 6000, 2 * seed + i, f) for i, f in enumerate(((1.8, -0.9), (1.0, -0.6))))
        record = make_record(np.stack([noise(6000, 99), *2 * [np.where(t < 20.0, slow, 0.8 * fast)]]))
        errors.append(abs(error_s(record, 20.0, 20.1, "S", half_width_s=0.4)))
    assert np.median(errors) <= 0.05


def test_what_is_foretold_is_left_out(noise):
    """The weights of an autoregression of order two come out of its samples, and innovations are left."""
    innovations = noise(20000, 3).astype(np.float64)
    x = innovations.copy()
    for i in range(2, len(x)):
        x[i] += 1.2 * x[i - 1] - 0.5 * x[i - 2]
    found = _unforeseen(np.stack([x, -7 * x]), 10000)[1]
    np.testing.assert_allclose(found[2:], -7 * innovations[2:], atol=1.0)
    assert not _unforeseen(np.zeros((2, 50)), 20).any()


def test_what_lies_before_a_time_is_not_looked_at(make_record, noise):
    t = np.arange(6000) / 100
    record = make_record(
        np.stack([noise(6000, k) * np.where(t < 20.0, 1, np.where(t < 20.4, 10, 25)) for k in range(3)])
    )
    assert abs(error_s(record, 20.0, 20.3, "S", half_width_s=0.35)) <= 0.05
    found = aic_onset(record, at_s(20.3), "S", half_width_s=0.35, after_ns=at_s(20.1))
    assert abs(found - at_s(20.4)) <= 0.05 * NS_PER_S


@pytest.mark.parametrize("rate_hz", [20.0, 40.0, 50.0, 62.5, 100.0, 200.0])
@pytest.mark.parametrize("times", [10, 100, 1000])
def test_a_change_of_rate_makes_no_strong_onset_early(rate_hz, times, make_record):
    """What is interpolated rises before an onset, which variances show from far below."""
    t = np.arange(round(40 * rate_hz)) / rate_hz
    errors = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        data = rng.normal(size=(3, t.size)) * np.where(t < 20.0, 1.0, times)
        record = to_rate(make_record(data, rate_hz=rate_hz), 100.0)
        errors.append(error_s(record, 20.0, 20.0 + 0.03 * (seed - 6), "P", half_width_s=0.25))
    assert abs(np.median(errors)) <= 0.5 / rate_hz + 0.015


@pytest.mark.parametrize("present", [(True, False, False), (False, True, False), (False, False, True)])
@pytest.mark.parametrize("phase", ["P", "S"])
def test_what_there_is_serves_where_the_best_components_are_missing(present, phase, onset_record):
    record = onset_record(20.0, present=present)
    assert abs(error_s(record, 20.0, 20.2, phase)) <= 0.05


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05, 59.9, 59.99])
def test_the_edge_of_a_record_is_no_trouble(seconds, onset_record):
    record = onset_record(30.0)
    found = aic_onset(record, at_s(seconds), "P", half_width_s=0.6)
    assert record.start_ns <= found <= record.end_ns


@pytest.mark.parametrize("phase", ["P", "S"])
@pytest.mark.parametrize("truth_s", [1.0, 59.0])
def test_an_onset_near_the_edge_of_a_record_is_found_too(truth_s, phase, onset_record):
    assert abs(error_s(onset_record(truth_s), truth_s, truth_s + 0.2, phase)) <= 0.04


@pytest.mark.parametrize("silent", [slice(0, 2010), slice(2010, 6000)])
def test_silence_amid_the_search_is_no_trouble(silent, onset_record):
    record = onset_record(20.0)
    record.data[:, silent] = 0
    assert abs(error_s(record, 20.2, 20.2, half_width_s=0.3)) <= 0.31


@pytest.mark.parametrize("seconds", [-100.0, -1.0, 61.5, 63.7, 100.0])
def test_a_time_far_from_the_record_stays(seconds, onset_record, make_record):
    for record in (onset_record(30.0), make_record(np.zeros((3, 0)))):
        assert aic_onset(record, at_s(seconds), "P", half_width_s=0.3) == at_s(seconds)


def test_silence_moves_nothing(make_record):
    assert aic_onset(make_record(np.zeros(6000)), at_s(20), "P", half_width_s=0.6) == at_s(20)
    assert aic_onset(make_record(np.full(6000, 7.0)), at_s(20), "P", half_width_s=0.6) == at_s(20)


@pytest.mark.parametrize("rate_hz", [1.0, 4.0, 5.0, 10.0, 20.0])
def test_a_record_too_slow_for_the_band_is_no_trouble(rate_hz, onset_record):
    record = onset_record(150.0, rate_hz=rate_hz, seconds=300.0)
    found = aic_onset(record, at_s(150.2), "P", half_width_s=0.6)
    assert abs(found - at_s(150.2)) <= 0.6 * NS_PER_S + NS_PER_S / rate_hz


def test_variances_of_beginnings_are_those_of_numpy(noise):
    x = np.stack([noise(50, 1), 3 * noise(50, 2) + 0.5])
    k = np.arange(1, 51)
    expected = np.stack([x[:, :n].var(axis=1) for n in k], axis=1)
    np.testing.assert_allclose(_variance(x, k), expected, atol=1e-12)
