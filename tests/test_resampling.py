"""Resampling keeps times, bands and amplitudes, and does not depend on where a file starts."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.waveforms import resampling
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.resampling import is_rate, resample

START_NS = 1_577_836_800 * NS_PER_S + 123_456_789
RATES_HZ = [10, 20, 40, 50, 52.03, 62.5, 75.19, 80, 99.99, 99.9999, 100.0001, 104.08, 120, 125, 128, 200, 250, 500, 1e3]
TARGET_HZ = 100.0


def times_s(n, start_ns, rate_hz):
    """Times of samples in seconds after START_NS."""
    return (start_ns - START_NS) / NS_PER_S + np.arange(n) / rate_hz


def by_definition(samples, start_ns, rate_hz, at_s):
    """Naive oracle: the convolution with the kernel, sample by sample, at given times after START_NS."""
    band = min(1.0, TARGET_HZ / rate_hz)
    j = np.arange(-1000, len(samples) + 1000)
    continued = samples[np.clip(j, 0, len(samples) - 1)]
    in_samples = (at_s - (start_ns - START_NS) / NS_PER_S) * rate_hz
    return np.array([(continued * resampling._kernel((t - j) * band, False, axis=0)).sum() for t in in_samples])


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_output_is_the_convolution_at_the_output_times(rate_hz, noise):
    samples = noise(400)
    found, start_ns = resample(samples, START_NS, rate_hz, TARGET_HZ)
    expected = by_definition(samples, START_NS, rate_hz, times_s(len(found), start_ns, TARGET_HZ))
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_an_impulse_stays_within_half_an_input_and_half_an_output_sample(rate_hz):
    for at in (150, 151, 203):
        samples = np.zeros(400)
        samples[at] = 1.0
        found, start_ns = resample(samples, START_NS, rate_hz, TARGET_HZ)
        error_s = times_s(len(found), start_ns, TARGET_HZ)[np.argmax(found)] - at / rate_hz
        assert abs(error_s) <= 0.5 / rate_hz + 0.5 / TARGET_HZ


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@given(start_ns=st.integers(0, 2**61), n=st.integers(1, 600))
@settings(max_examples=20)
def test_output_lies_on_the_absolute_grid_inside_the_input_and_fills_it(rate_hz, start_ns, n):
    found, first_ns = resample(np.ones(n), start_ns, rate_hz, TARGET_HZ)
    step_ns = NS_PER_S // 100
    rounding_ns = step_ns // 500
    last_ns = start_ns + round((n - 1) * NS_PER_S / rate_hz)
    if len(found):
        assert first_ns % step_ns == 0
        assert start_ns - rounding_ns <= first_ns < start_ns + step_ns
        end_ns = first_ns + (len(found) - 1) * step_ns
        assert last_ns - step_ns - rounding_ns < end_ns <= last_ns + rounding_ns
    else:
        assert last_ns - start_ns < step_ns
    np.testing.assert_allclose(found, 1.0, atol=1e-13)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_where_the_input_starts_changes_nothing_away_from_the_edge(rate_hz, noise):
    samples = noise(2000)
    whole, whole_ns = resample(samples, START_NS, rate_hz, TARGET_HZ)
    edge = math.ceil((resampling.BEHIND + 1) * max(1.0, TARGET_HZ / rate_hz)) + 1
    for cut in (1, 7, 500):
        part, part_ns = resample(samples[cut:], START_NS + round(cut * NS_PER_S / rate_hz), rate_hz, TARGET_HZ)
        shift = round((part_ns - whole_ns) * TARGET_HZ / NS_PER_S)
        np.testing.assert_allclose(part[edge:], whole[shift + edge : shift + len(part)], atol=1e-6)


@pytest.mark.parametrize("rate_hz", [75.19, 200.0])
def test_cutting_the_input_into_pieces_changes_nothing_away_from_the_cuts(rate_hz, noise):
    samples = noise(4000)
    whole, whole_ns = resample(samples, START_NS, rate_hz, TARGET_HZ)
    for low, high in ((0, 1500), (1500, 4000)):
        part, part_ns = resample(samples[low:high], START_NS + round(low * NS_PER_S / rate_hz), rate_hz, TARGET_HZ)
        shift = round((part_ns - whole_ns) * TARGET_HZ / NS_PER_S)
        np.testing.assert_allclose(part[100:-8], whole[shift + 100 : shift + len(part) - 8], atol=1e-6)


@pytest.mark.parametrize("rate_hz", [20, 50, 75.19, 104.08, 120, 200, 250, 1000])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.8])
def test_a_tone_in_the_band_keeps_its_amplitude_within_one_percent(rate_hz, share):
    frequency_hz = share * min(rate_hz, TARGET_HZ) / 2
    t = times_s(4000, START_NS, rate_hz)
    found, start_ns = resample(np.sin(2 * np.pi * frequency_hz * t), START_NS, rate_hz, TARGET_HZ)
    inner = slice(len(found) // 4, -len(found) // 4)
    at = times_s(len(found), start_ns, TARGET_HZ)[inner]
    tones = np.stack([np.sin(2 * np.pi * frequency_hz * at), np.cos(2 * np.pi * frequency_hz * at)], axis=1)
    parts, *_ = np.linalg.lstsq(tones, found[inner])
    assert abs(np.hypot(*parts) - 1) < 0.01
    assert np.abs(found[inner] - tones @ parts).max() < 0.01
    early_s = np.arctan2(parts[1], parts[0]) / (2 * np.pi * frequency_hz)
    assert abs(early_s) < 1 / min(rate_hz, TARGET_HZ)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_nothing_rings_before_an_onset(rate_hz, noise):
    """Symmetric filters ring before it for 32 samples of the lower rate, a hundredth as strong ten samples before."""
    first = round(8 * rate_hz)
    samples = np.where(np.arange(round(16 * rate_hz)) < first, 0.0, noise(round(16 * rate_hz)))
    found, start_ns = resample(samples, START_NS, rate_hz, TARGET_HZ)
    since = (times_s(len(found), start_ns, TARGET_HZ) - first / rate_hz) * min(rate_hz, TARGET_HZ)
    assert np.abs(found[since < -2.5]).max() < 0.02 * np.abs(found).max()
    assert np.abs(found[since < -4]).max() < 1e-9


@pytest.mark.parametrize(
    ("rate_hz", "above"),
    [
        (rate, above)
        for rate in (104.08, 120, 125, 200, 250, 999.7, 1000)
        for above in (1.0, 1.03, 1.5)
        if above < rate / 100
    ],
)
def test_a_tone_above_the_new_nyquist_frequency_vanishes_below_minus_60_db(rate_hz, above):
    frequency_hz = above * TARGET_HZ / 2
    t = times_s(8000, START_NS, rate_hz)
    found, _ = resample(np.sin(2 * np.pi * frequency_hz * t), START_NS, rate_hz, TARGET_HZ)
    inner = slice(len(found) // 4, -len(found) // 4)
    assert 20 * np.log10(np.abs(found[inner]).max()) < -60


def test_images_of_a_slow_recording_stay_below_minus_60_db():
    t = times_s(2000, START_NS, 20.0)
    found, _ = resample(np.sin(2 * np.pi * 3.0 * t), START_NS, 20.0, TARGET_HZ)
    inner = found[len(found) // 4 : -len(found) // 4]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
    frequencies_hz = np.fft.rfftfreq(len(inner), 1 / TARGET_HZ)
    assert 20 * np.log10(spectrum[frequencies_hz > 10].max() / spectrum.max()) < -60


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("n", [300, 20_000])
def test_an_offset_stays_what_it_is_to_the_very_edges_and_makes_no_ripple(rate_hz, n):
    found, _ = resample(np.full(n, 1e9), START_NS, rate_hz, TARGET_HZ)
    assert np.ptp(found) < 1e-4
    np.testing.assert_allclose(found, 1e9, rtol=1e-13)


def test_no_rate_is_too_odd():
    for rate_hz in (100 * (1 + 1e-6), 100 * (1 - 3e-8), math.pi * 30, 1e3 / 7, 0.3 * 101):
        found, start_ns = resample(np.zeros(50_000), START_NS, rate_hz, TARGET_HZ)
        end_s = times_s(len(found), start_ns, TARGET_HZ)[-1]
        assert 49_999 / rate_hz - 0.0101 < end_s <= 49_999 / rate_hz + 1e-4


def test_a_record_shorter_than_an_output_interval_may_be_empty():
    found, start_ns = resample(np.ones(1), START_NS, 1000.0, TARGET_HZ)
    assert len(found) == 0
    assert start_ns == START_NS


def test_long_outputs_are_made_in_blocks_without_a_seam(noise, monkeypatch):
    samples = noise(3000)
    whole, _ = resample(samples, START_NS, 75.19, TARGET_HZ)
    monkeypatch.setattr(resampling, "BLOCK_SAMPLES", 100)
    blocks, _ = resample(samples, START_NS, 75.19, TARGET_HZ)
    np.testing.assert_allclose(blocks, whole, atol=1e-12)


@pytest.mark.parametrize("rate_hz", [20.0, 62.5, 250.0])
def test_a_symmetric_filter_turned_round_is_itself(rate_hz, noise):
    samples = noise(round(40 * rate_hz) + 1)
    (there, _), (back, _) = (resample(x, 0, rate_hz, TARGET_HZ, symmetric=True) for x in (samples, samples[::-1]))
    np.testing.assert_allclose(back[::-1], there, atol=1e-9)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("rate_hz", [50.0, 120.0, 200.0])
def test_the_table_of_the_filter_gives_what_the_filter_gives(rate_hz, symmetric, noise):
    samples, offset = noise(1000), Fraction(37, 100)
    ratio = Fraction(TARGET_HZ) / Fraction(rate_hz)
    padded = np.pad(samples, resampling._reach(float(ratio), symmetric), mode="edge")
    exact = resampling._periodic(padded, offset, ratio, 400, symmetric)
    np.testing.assert_allclose(resampling._interpolated(padded, offset, ratio, 400, symmetric), exact, atol=2e-5)


@pytest.mark.parametrize(
    ("rate_hz", "same"),
    [(100.0, True), (1 / float(np.float32(0.01)), True), (99.9999, False), (100.00002, False), (99.99, False)],
)
def test_a_rate_is_the_same_as_far_as_headers_can_tell(rate_hz, same):
    assert is_rate(rate_hz, TARGET_HZ) == same
