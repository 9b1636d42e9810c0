"""Spikes are found wherever a block or a recording begins, whatever the gain, and no onset behind a filter is one."""

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.config import PreprocessConfig
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.training.labelled_sets import load_records
from seisnet.waveforms import spikes
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.lookup import Waveforms
from seisnet.waveforms.reading import read_traces
from seisnet.waveforms.records import KEPT
from seisnet.waveforms.resampling import resample
from seisnet.waveforms.spikes import OUTSTANDING, QUIET, REACH, without_spikes


def by_definition(samples):
    """Naive oracle: every sample, and every two, held against their line and the bends around them."""
    x = [float(value) for value in samples]
    bend = [0.0, *(abs(x[j - 1] - 2 * x[j] + x[j + 1]) for j in range(1, len(x) - 1)), 0.0]
    found = []
    for w, times in OUTSTANDING.items():
        for i in range(QUIET + 1, len(x) - QUIET - w):
            quiet = max(bend[i - QUIET : i - 1] + bend[i + w + 1 : i + w + QUIET])
            slope = (x[i + w] - x[i - 1]) / (w + 1)
            off = [x[i + k] - x[i - 1] - slope * (k + 1) for k in range(w)]
            h = max(min(off), -max(off))
            if h > times * quiet > 0 and abs(x[i + w] - x[i - 1]) < h / 2:
                found.append((i, i + w - 1))
    return sorted(found)


def spiky(noise, n, n_spikes, seed=0, width=3):
    """Noise, slow waves, and so many spikes of one to three samples, up to a thousand times the noise."""
    rng = np.random.default_rng(seed)
    x = 100 * noise(n, seed) + 5000 * np.sin(np.arange(n) / 80)
    for at in rng.integers(n - width, size=n_spikes):
        x[at : at + rng.integers(1, width + 1)] += rng.choice([-1, 1]) * 10 ** rng.uniform(2.5, 5)
    return x


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.int16, np.uint16])
@pytest.mark.parametrize("block", [64, 32_768])
def test_spikes_are_those_of_the_definition(dtype, block, noise, monkeypatch):
    monkeypatch.setattr(spikes, "BLOCK_SAMPLES", block)
    x = (np.clip(spiky(noise, 5000, 60), -32_000, 32_000) + 32_000 * (dtype == np.uint16)).astype(dtype)
    kept = x.copy()
    mended, found = without_spikes(x)
    assert found == by_definition(x)
    assert {last - first for first, last in found} == {0, 1} and len(found) > 10
    np.testing.assert_array_equal(x, kept)
    changed = np.zeros(len(x), dtype=bool)
    for first, last in found:
        changed[first : last + 1] = True
        assert mended[first] == x[first - 1] and (last == first or mended[last] == x[last + 1])
    assert mended.dtype == dtype
    np.testing.assert_array_equal(mended[~changed], x[~changed])
    assert by_definition(mended) == []  # in these data: a small spike may stand beside a large one


@given(first=st.integers(0, 400), length=st.integers(0, 400), offset=st.integers(0, 80))
@settings(max_examples=60)
def test_a_part_has_the_spikes_of_the_whole(first, length, offset, noise):
    """But for those whose neighbourhood it does not hold; samples from there on do not depend on where it ends."""
    x = np.round(spiky(noise, 1000, 12, seed=offset)).astype(np.int32)
    whole, part = without_spikes(x)[0], without_spikes(x[first : first + length])[0]
    inside = slice(REACH, max(length - REACH, REACH))
    np.testing.assert_array_equal(part[inside], whole[first : first + length][inside])


@pytest.mark.parametrize("gain", [-1, 3, 1000, -(2.0**-30), 1e-9, 3.7])
def test_the_gain_does_not_matter(gain, noise):
    x = np.round(spiky(noise, 5000, 60)).astype(np.int64)
    mended, found = without_spikes(x * gain)
    assert found == without_spikes(x)[1]
    np.testing.assert_array_equal(mended, without_spikes(x)[0] * gain)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32])
def test_a_spike_as_large_as_its_type_is_found_and_overflows_nothing(dtype, noise):
    x = (20 * noise(500)).astype(dtype)
    limits = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else np.finfo(dtype)
    x[100], x[200:202] = limits.max / 4 if dtype == np.float32 else limits.max, limits.min / 5
    assert without_spikes(x)[1] == [(100, 100), (200, 201)]
    x[300:310] = np.array([limits.max, limits.min] * 5)
    without_spikes(x)


def test_what_lies_in_silence_at_an_edge_or_in_too_short_a_piece_is_left(noise):
    alone = np.zeros(200)
    alone[100] = 1.0
    x = noise(200)
    x[[REACH - 2, 199 - REACH + 2]] += 1000
    for samples in (alone, x, x[:2], x[:0], np.full(3, 1e6)):
        assert without_spikes(samples)[0] is samples
    x[[REACH - 1, 199 - REACH + 1]] += 1000
    assert without_spikes(x)[1] == []  # each in the neighbourhood of another


@pytest.mark.parametrize("scale", [0.2, 0.3, 0.5, 1.0, 3.0])
def test_a_few_counts_of_noise_hold_next_to_no_spikes(scale, noise):
    assert len(without_spikes(np.round(scale * noise(600_000)).astype(np.int32))[1]) <= 1


@pytest.mark.parametrize("wave", ["impulse", "step", "decaying", "ringing", "wavelet"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_no_onset_behind_a_filter_is_a_spike(wave, symmetric, noise):
    """At 1000 Hz, from one sample to a third of a second long, brought to 100 Hz: wherever it falls between samples."""
    for tau in (1, 3, 10, 30, 100, 300):
        for phase in range(10):
            t = np.arange(3000.0) - 1500 - phase
            later = np.maximum(t, 0.0)
            samples = {
                "impulse": np.where(t == 0, 1.0, 0.0),
                "step": np.where(t >= 0, 1.0, 0.0),
                "decaying": np.where(t >= 0, np.exp(-later / tau) * (1 + 0.2 * np.sin(later / 7)), 0.0),
                "ringing": np.where(t > 0, np.exp(-later / (4 * tau)) * np.sin(np.pi * later / tau + 0.1), 0.0),
                "wavelet": (1 - 2 * (t / tau) ** 2) * np.exp(-np.minimum((t / tau) ** 2, 500)),
            }[wave]
            found, _ = resample(samples, 0, 1000.0, 100.0, symmetric=symmetric)
            assert without_spikes(found + 1e-6 * noise(len(found), phase))[1] == [], (tau, phase)


@pytest.mark.parametrize("rate_hz", [100.0, 40.0])
def test_spikes_are_replaced_alike_wherever_a_recording_is_read(rate_hz, tmp_path, make_trace, noise):
    """At the rate at which it was recorded, before it is resampled: by scans, for training, and to be looked at."""
    data = np.array([spiky(noise, 3000, 0, seed) for seed in range(3)]).astype(np.float32)
    data[:, [400, 900, 901, 2500]] += 50_000
    row = {"station_network_code": "GE", "station_code": "APE", "trace_channel": "HH",
           "trace_sampling_rate_hz": rate_hz, "trace_start_time": "2020-01-01T00:00:00Z"}  # fmt: skip
    with new_seisbench(tmp_path, list(row), data_format={"component_order": "ZNE"}) as writer:
        writer.add(row, data)
    reading = Reading()
    [source] = find_sources([str(tmp_path)], reading)
    [trace] = read_traces(source, reading, sampling_rate_hz=100.0)
    [labelled] = load_records(tmp_path, PreprocessConfig())
    [seen] = Waveforms([str(tmp_path)]).around("GE.APE..HH", 0, 2**61, sampling_rate_hz=100.0)
    traces = [make_trace(x, f"GE.APE..HH{c}", rate_hz=rate_hz) for c, x in zip("ZNE", data, strict=True)]
    [record], _ = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0)
    expected = record.data - record.data.mean(axis=1, keepdims=True)
    for found in (trace.record, labelled.record, seen):
        np.testing.assert_allclose(found.data - found.data.mean(axis=1, keepdims=True), expected, atol=0.05)
    assert np.abs(expected).max() < 6000
    told = {f"spikes of {c} were replaced" for c in "ZNE"}
    assert {flag.what for flag in record.flags} >= told
    assert {rejection.reason for rejection in reading.rejections} >= {f"{KEPT}{what}" for what in told}
