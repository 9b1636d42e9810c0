"""Features: what their equations say, blind to gain, and the same for training and for scanning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal.windows import tukey

from seisnet.config import PreprocessConfig
from seisnet.features import USABLE_BANDWIDTH, LogSpectrogram, RawWindow, extract, make_feature, slide

CONFIGS = {name: PreprocessConfig(features=name) for name in ("logspec", "raw")}
FEATURES = {name: make_feature(config) for name, config in CONFIGS.items()}
ALL = np.ones(3, dtype=np.bool_)


@pytest.fixture(params=CONFIGS)
def config(request):
    return CONFIGS[request.param]


def windows_of(n, seed=0, config=CONFIGS["logspec"]):
    data = np.random.default_rng(seed).normal(size=(n, 3, config.window_samples))
    return data.astype(np.float32)


def features_of(windows, config, present=ALL, bandwidth_hz=50.0):
    n = len(windows)
    return extract(FEATURES[config.features], windows, np.broadcast_to(present, (n, 3)), np.full(n, bandwidth_hz))


# Equations


def naive_log_spectrogram(window, config, present, bandwidth_hz):
    """Oracle: frame by frame, band by band, in loops and double precision."""
    n, hop = config.frame_samples, config.hop_samples
    n_frames = (config.window_samples - n) // hop + 1
    bands = [k for k in range(n // 2 + 1) if config.freqmin_hz <= k * 100 / n <= config.freqmax_hz]
    g = np.full((3, n_frames, len(bands)), np.nan)
    t = np.arange(n)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * t / n)
    for c in range(3):
        for j in range(n_frames):
            x = window[c, j * hop : j * hop + n].astype(np.float64)
            size = np.abs(x - x[0]).max()
            if not present[c] or size == 0:
                continue
            slope, intercept = np.polyfit(t, x, 1)
            x = taper * (x - intercept - slope * t)
            for b, k in enumerate(bands):
                if k * 100 / n <= USABLE_BANDWIDTH * bandwidth_hz:
                    power = abs(np.sum(x * np.exp(-2j * np.pi * k * t / n))) ** 2
                    g[c, j, b] = np.log(power + 1e-10 * size**2)
    f = (g - np.nanmean(g)) / np.nanstd(g)
    return np.where(np.isnan(f), 0, f).ravel()


@pytest.mark.parametrize("present", [(True, True, True), (True, False, False), (False, True, True)])
@pytest.mark.parametrize("bandwidth_hz", [50.0, 25.0, 10.0])
def test_the_log_spectrogram_is_what_its_equation_says(present, bandwidth_hz):
    config = CONFIGS["logspec"]
    windows = windows_of(3) * np.array(present, dtype=np.float32)[:, None]
    windows[1, 0, 100:250] = 3.0  # a dead stretch
    found = features_of(windows, config, np.array(present), bandwidth_hz)
    for window, features in zip(windows, found, strict=True):
        np.testing.assert_allclose(
            features, naive_log_spectrogram(window, config, present, bandwidth_hz), atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("present", [(True, True, True), (True, False, False)])
def test_the_raw_window_is_what_its_sentence_says(present):
    config = CONFIGS["raw"]
    windows = windows_of(3) * np.array(present, dtype=np.float32)[:, None] + np.float32(7)
    t = np.arange(config.window_samples)
    frequencies_hz = np.fft.rfftfreq(t.size, 1 / 100)
    outside = (frequencies_hz < config.freqmin_hz) | (frequencies_hz > config.freqmax_hz)
    for window, features in zip(windows, features_of(windows, config, np.array(present)), strict=True):
        rows = np.zeros(window.shape)
        for c in np.flatnonzero(present):
            row = window[c].astype(np.float64)
            spectrum = np.fft.rfft((row - np.polyval(np.polyfit(t, row, 1), t)) * tukey(t.size, 0.1))
            spectrum[outside] = 0
            rows[c] = np.fft.irfft(spectrum, t.size)
        deviation = np.sqrt((rows[list(present)] ** 2).mean())
        np.testing.assert_allclose(features, (rows / deviation).ravel(), atol=1e-4)


def test_shapes_are_known_before_any_data(config):
    feature = FEATURES[config.features]
    assert features_of(windows_of(2), config).shape == (2, np.prod(feature.shape))
    assert features_of(windows_of(2), config).dtype == np.float32


def test_the_name_in_the_config_chooses_the_feature():
    assert isinstance(make_feature(CONFIGS["logspec"]), LogSpectrogram)
    assert isinstance(make_feature(CONFIGS["raw"]), RawWindow)


# Promise 1


@pytest.mark.parametrize("microseism", [0.0, 1e2, 1e4])
@pytest.mark.parametrize("first_sample", [0, 7])
@pytest.mark.parametrize("present", [(True, True, True), (True, False, False)])
def test_parity_features_of_a_window_are_those_of_the_same_window_in_a_scan(config, microseism, first_sample, present):
    rng = np.random.default_rng(3)
    t = np.arange(8_000) / 100
    data = rng.normal(size=(3, t.size)) + microseism * np.sin(2 * np.pi * 0.17 * t + rng.uniform(0, 6, size=(3, 1)))
    data = (data * np.array(present)[:, None]).astype(np.float32)
    data[0, 5000:5400] = data[0, 5000]
    feature = FEATURES[config.features]
    n_windows = (data.shape[1] - first_sample - config.window_samples) // config.hop_samples + 1
    scanned = slide(feature, feature.frames(data[:, first_sample:]), np.array(present), 50.0)[:n_windows]
    starts = first_sample + config.hop_samples * np.arange(len(scanned))
    windows = sliding_window_view(data, config.window_samples, axis=1)[:, starts].transpose(1, 0, 2)
    np.testing.assert_allclose(features_of(windows, config, np.array(present)), scanned, atol=1e-5)
    for i in range(0, len(scanned), 97):  # one at a time, too
        np.testing.assert_allclose(features_of(windows[i : i + 1], config, np.array(present))[0], scanned[i], atol=1e-5)


def test_products_are_computed_in_double_precision(config):
    # On some processors a product in single precision rounds differently for one window and for many.
    assert FEATURES[config.features].transform.dtype == np.float64


# Gain and polarity


@given(
    exponent=st.floats(-12, 12),
    negative=st.booleans(),
    seed=st.integers(0, 1000),
    name=st.sampled_from(sorted(CONFIGS)),
)
@settings(max_examples=60)
def test_gain_changes_nothing(exponent, negative, seed, name):
    config = CONFIGS[name]
    gain = np.float32(10**exponent)
    windows = windows_of(2, seed)
    scaled = features_of(windows * gain * (-1 if negative else 1), config)
    expected = features_of(windows, config)
    if negative and name == "raw":
        expected = -expected
    np.testing.assert_allclose(scaled, expected, atol=2e-3)


@pytest.mark.parametrize("amplitude", [1e-37, 1e-30, 1e30, 1e37])
def test_any_size_that_float32_holds_is_no_trouble(config, amplitude):
    windows = windows_of(2) * np.float32(amplitude) / np.float32(5)
    np.testing.assert_allclose(features_of(windows, config), features_of(windows_of(2), config), atol=2e-3)


def test_polarity_changes_no_log_spectrogram():
    np.testing.assert_array_equal(
        features_of(-windows_of(3), CONFIGS["logspec"]), features_of(windows_of(3), CONFIGS["logspec"])
    )


def test_an_offset_and_a_slope_change_nothing(config):
    windows = windows_of(2)
    ramp = np.linspace(-40, 60, config.window_samples, dtype=np.float32)
    np.testing.assert_allclose(features_of(windows + ramp, config), features_of(windows, config), atol=5e-3)


# What is unknown


def test_each_window_is_normalised_over_what_is_known(config):
    for present in ((True, True, True), (True, False, False), (False, True, True)):
        found = features_of(windows_of(4), config, np.array(present)).reshape(4, *FEATURES[config.features].shape)
        assert not found[:, ~np.array(present)].any()
        known = found[:, np.array(present)].reshape(4, -1)
        np.testing.assert_allclose(known.mean(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(known.std(axis=1), 1, atol=1e-4)


def test_samples_under_an_absent_component_are_never_read(config):
    windows, present = windows_of(2), np.array([True, False, False])
    wild = windows.copy()
    wild[:, 1:] *= 3
    np.testing.assert_allclose(features_of(wild, config, present), features_of(windows, config, present), atol=1e-6)


def test_a_component_is_seen_the_same_with_and_without_the_others_up_to_scale(config):
    windows = windows_of(1)
    shape = FEATURES[config.features].shape
    alone = features_of(windows, config, np.array([True, False, False])).reshape(shape)[0]
    among = features_of(windows, config).reshape(shape)[0]
    slope, intercept = np.polyfit(alone.ravel(), among.ravel(), 1)
    np.testing.assert_allclose(among, slope * alone + intercept, atol=1e-4)


def test_a_dead_component_counts_as_absent(config):
    windows = windows_of(2)
    windows[:, 2] = 12.5
    np.testing.assert_allclose(
        features_of(windows, config), features_of(windows, config, np.array([True, True, False])), atol=1e-6
    )


@pytest.mark.parametrize("bandwidth_hz", [50.0, 20.0, 10.0, 2.0])
def test_bands_above_the_recordings_own_nyquist_frequency_are_zero(bandwidth_hz):
    config = CONFIGS["logspec"]
    feature = FEATURES[config.features]
    known = feature.frequencies_hz <= 0.85 * bandwidth_hz
    found = features_of(windows_of(3), config, bandwidth_hz=bandwidth_hz).reshape(3, *feature.shape)
    assert not found[..., ~known].any()
    assert found[..., known].any() == known.any()


def test_nothing_known_gives_zeros(config):
    windows = np.zeros((2, 3, config.window_samples), dtype=np.float32)
    assert not features_of(windows, config).any()
    assert not features_of(windows_of(2), config, ~ALL).any()


@given(
    kind=st.sampled_from(["zeros", "constant", "step", "spike", "tiny", "huge", "noise"]),
    row=st.integers(0, 2),
    present=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    bandwidth_hz=st.floats(0, 50),
    name=st.sampled_from(sorted(CONFIGS)),
)
@settings(max_examples=80)
def test_no_feature_is_ever_nan_or_infinite(kind, row, present, bandwidth_hz, name):
    windows = windows_of(2)
    length = windows.shape[-1]
    windows[0, row] = {
        "zeros": np.zeros(length),
        "constant": np.full(length, -3.3),
        "step": np.arange(length) > 200,
        "spike": np.arange(length) == 200,
        "tiny": 1e-42 * np.sin(np.arange(length)),
        "huge": 1e37 * np.sin(np.arange(length)),
        "noise": windows[0, row],
    }[kind]
    found = features_of(windows, CONFIGS[name], np.array(present), bandwidth_hz)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 100


def test_features_of_one_window_do_not_depend_on_the_others_in_the_batch(config):
    windows = windows_of(50)
    together = features_of(windows, config)
    for i in range(0, 50, 7):
        np.testing.assert_allclose(features_of(windows[i : i + 1], config)[0], together[i], atol=1e-5)
