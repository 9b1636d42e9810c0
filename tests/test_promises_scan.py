"""The promises of the contract, kept by `classify`, `annotate` and `stream`: one test a promise, named for it."""

import dataclasses
import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import obspy
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet import nn
from seisnet.classification.job import classify, gathered
from seisnet.classification.one_source import Classification, SourceJob, classify_source
from seisnet.classification.output import Output, is_finished, made_of, write_finished
from seisnet.classification.parts import make_parts, model_sha256, write_part
from seisnet.cli import cli
from seisnet.config import PickConfig, PreprocessConfig
from seisnet.engine import Engine
from seisnet.errors import ConfigError, DataError, SeisnetError
from seisnet.features import extract, make_feature
from seisnet.model import Model
from seisnet.scan.scanner import scan_windows
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.streaming import LATE, Streaming
from seisnet.waveforms import finding
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.records import NS_PER_S, lost
from seisnet.waveforms.sources import Source
from seisnet.waveforms.spikes import REACH

START_NS = 1_577_836_800 * NS_PER_S
CONTINUOUS = Path(__file__).parents[2] / "shared" / "data" / "continuous"


def energetic_model(thresholds=(0.6, 0.6)):
    """A hand-made network: P where the second half of a window is louder than the first, S where it is fainter."""
    config = PreprocessConfig()
    components, frames, bands = make_feature(config).shape
    weights = np.zeros((components, frames, bands, 3), dtype=np.float32)
    middle = frames // 2
    weights[:, middle + 1 : middle + 3, :, 0], weights[:, middle - 2 : middle, :, 0] = 1, -1
    weights[..., 1] = -weights[..., 0]
    bias = np.array([-4.0, -4.0, 0.0], dtype=np.float32)
    theta = np.concatenate([(weights / (1.5 * bands)).reshape(-1), bias])
    n = theta.size // 3 - 1
    stage = StoredStage(theta, (n, 3), "relu")
    zeros, ones = np.zeros(n, np.float32), np.ones(n, np.float32)
    recipe = dataclasses.asdict(config)
    return Model(
        "louder",
        StoredModel((stage,), config.classes, zeros, ones, recipe, {}, dict(zip("PS", thresholds, strict=True))),
    )


MODEL = energetic_model()


def bursts(n_samples, seed=0, every=1500):
    """Three rows of counts: noise with a decaying burst every so often."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_samples) % every
    envelope = 1 + 40 * np.exp(-t / 150) * (np.arange(n_samples) >= every)
    return np.round(rng.normal(size=(3, n_samples)) * envelope * 50).astype(np.int32)


def stream_of(data, make_trace, *, codes="ZNE", start_ns=START_NS, rate_hz=100.0, station="GE.APE..HH"):
    rows = zip(codes, data, strict=True)
    return obspy.Stream([make_trace(row, station + c, start_ns=start_ns, rate_hz=rate_hz) for c, row in rows])


@pytest.fixture(scope="module")
def quakes(make_trace):
    """A stream of two minutes with 7 bursts, and its picks."""
    stream = stream_of(bursts(12_000), make_trace)
    picks = MODEL.classify(stream)
    assert len(picks) > 5
    return stream, picks


def real_streams():
    found = [obspy.read()]
    if CONTINUOUS.is_dir():
        path = CONTINUOUS / "luhu_rockfall_taiwan" / "TW.LH01.2020.088.13.mseed"
        found.append(obspy.read(str(path)).slice(endtime=obspy.read(str(path))[0].stats.starttime + 300))
    return found


def assert_same_picks(found, expected):
    """The same to one sample and 1e-4."""
    assert [(p.trace_id, p.phase) for p in found] == [(p.trace_id, p.phase) for p in expected]
    for a, b in zip(found, expected, strict=True):
        assert abs(a.time_ns - b.time_ns) <= 10_000_000
        assert abs(a.probability - b.probability) <= 1e-4


def test_parity_the_features_of_a_window_are_those_of_the_scan(quakes):
    for stream in (quakes[0], *real_streams()):
        [record, *_], _ = MODEL.records(stream)
        columns, first_ns = scan_windows(record, MODEL.windows, MODEL.preprocess)
        times = MODEL.scan(record).times_ns[:-9]  # of windows that do not reach over the end
        assert first_ns == times[0] and len(columns) == len(times)
        for m in range(0, len(columns), 37):
            first = round((times[m] - 2 * NS_PER_S - record.start_ns) / 1e7)
            window = record.data[None, :, first : first + 400]
            x = extract(MODEL.feature, window, record.present[None], np.array([record.bandwidth_hz]))
            np.testing.assert_allclose(np.exp(columns.log_probabilities[m]), MODEL.predict_proba(x)[0], atol=1e-5)


@given(data=st.data())
@settings(max_examples=8)
def test_chunk_invariance_packets_of_any_size_and_order_give_the_same_picks(data, quakes):
    stream, expected = quakes
    size = data.draw(st.sampled_from([37, 100, 411, 5000, 12_000]))
    packets = [tr.slice(tr.stats.starttime + i / 100, tr.stats.starttime + (i + size - 1) / 100)
               for tr in stream for i in range(0, 12_000, size)]  # fmt: skip
    lag = data.draw(st.lists(st.integers(0, 500), min_size=3, max_size=3))
    late = dict(zip("ZNE", lag, strict=True))
    packets.sort(key=lambda tr: (tr.stats.endtime.ns + late[tr.stats.channel[-1]] * 10_000_000, tr.id))
    streaming = MODEL.stream()
    found = [pick for packet in packets for pick in streaming.add(packet)]
    assert found + streaming.finish() == expected
    assert lost(streaming.rejections) == []


def test_chunk_invariance_one_sample_a_packet(quakes):
    stream = quakes[0].slice(endtime=quakes[0][0].stats.starttime + 40)
    streaming, found = MODEL.stream(), []
    for i in range(stream[0].stats.npts):
        for trace in stream:
            packet = obspy.Trace(trace.data[i : i + 1], header=dict(trace.stats, npts=1))
            packet.stats.starttime = trace.stats.starttime + i / 100
            found += streaming.add(packet)
    assert found
    assert found + streaming.finish() == MODEL.classify(stream)


@pytest.mark.parametrize("rate_hz", [40.0, 50.0, 200.0])
@pytest.mark.parametrize("overlap", [0, 3])
def test_chunk_invariance_packets_of_other_rates_that_may_overlap(rate_hz, overlap, quakes, make_trace):
    [record], _ = MODEL.records(quakes[0])
    data = [np.interp(np.arange(0, 120, 1 / rate_hz), np.arange(12_000) / 100, row) for row in record.data]
    stream = stream_of(np.array(data), make_trace, rate_hz=rate_hz)
    whole, size = MODEL.classify(stream), round(rate_hz / 2)
    assert whole
    streaming, found = MODEL.stream(), []
    for at in range(0, len(data[0]), size):
        for trace in stream:
            start = trace.stats.starttime + at / rate_hz
            found += streaming.add(trace.slice(start, start + (size + overlap - 1) / rate_hz))
    assert_same_picks(found + streaming.finish(), whole)
    assert lost(streaming.rejections) == []


@pytest.mark.parametrize(("rate_hz", "window_s"), [(20.0, 1.0), (62.5, 4.0), (99.96, 4.0), (200.0, 4.0)])
@pytest.mark.parametrize("packet_s", [0.1, 2.0])
def test_chunk_invariance_packets_of_other_rates_are_resampled_as_the_whole(rate_hz, window_s, packet_s, make_trace):
    """Sample by sample: the model of these tests finds nothing at 20 Hz.

    Packets are kept for as long as the resampling filter reaches back, and a window, until it is known which samples
    are spikes, and not for much longer: with windows of 1 s at 20 Hz the filter needs most, with windows of 4 s at
    200 Hz the window.
    """
    stored = dataclasses.replace(MODEL.stored, preprocess={**MODEL.stored.preprocess, "window_s": window_s})
    conditioning = Model("louder", stored)
    data = bursts(round(15 * rate_hz))
    data[:, ::97] += 100_000  # spikes, some of which lie at the end of a packet
    stream = stream_of(data, make_trace, start_ns=START_NS + 123_456_789, rate_hz=rate_hz)
    [whole], _ = conditioning.records(stream)
    assert np.abs(whole.data[:, 100:-100]).max() < 20_000
    followed, kept_s = [], []

    def records(kept, stations):
        kept_s.append(max(trace.stats.npts for trace in kept) / rate_hz)
        return conditioning.records(kept, stations)

    def follow(record, config):
        def add(samples, last=False):
            followed.append(samples.copy())
            return SimpleNamespace(picks=[], detections=[])

        return SimpleNamespace(add=add)

    model = SimpleNamespace(preprocess=conditioning.preprocess, records=records, follow=follow)
    streaming, size = Streaming(model, step_s=0.0), round(packet_s * rate_hz)
    for at in range(0, stream[0].stats.npts, size):
        for trace in stream:
            start = trace.stats.starttime + at / rate_hz
            streaming.add(trace.slice(start, start + (size - 1) / rate_hz))
    streaming.finish()
    np.testing.assert_allclose(np.concatenate(followed, axis=1), whole.data, atol=1e-5 * whole.data.std())
    assert max(kept_s) < packet_s + window_s + 1.5 + 80 / min(rate_hz, 100) + REACH / rate_hz


@given(data=st.data())
@settings(max_examples=8)
def test_invariance_of_chunk_start_gain_and_repeat_with_spikes(data, quakes):
    stream, expected = quakes[0].copy(), quakes[1]
    rng = np.random.default_rng(0)
    for trace in stream:
        trace.data[rng.integers(20, 11_980, size=10)] += rng.choice([-100_000, 100_000], size=10)
    whole = MODEL.classify(stream)
    alike = [abs(a.time_ns - b.time_ns) < NS_PER_S // 10 for a, b in zip(whole, expected, strict=True)]
    assert all(alike)  # as without spikes, which would make picks of their own
    size, cut = data.draw(st.integers(20, 700)), data.draw(st.integers(0, 2000))
    streaming, found = MODEL.stream(step_s=0.0), []
    for at in range(0, 12_000, size):
        for trace in stream:
            found += streaming.add(trace.slice(*(trace.stats.starttime + i / 100 for i in (at, at + size - 1))))
    assert found + streaming.finish() == whole
    edge_ns = START_NS + cut * 10_000_000 + 10 * NS_PER_S
    late = MODEL.classify(stream.slice(stream[0].stats.starttime + cut / 100))
    assert_same_picks([p for p in late if p.time_ns > edge_ns], [p for p in whole if p.time_ns > edge_ns])
    for trace in stream:
        trace.data = trace.data * -3
    assert_same_picks(MODEL.classify(stream), whole)


def test_chunk_invariance_counts_too_far_from_zero_for_float32(quakes):
    streaming, found = MODEL.stream(), []
    for packet in component_by_component(quakes[0], 120):
        packet.data = packet.data + 10**9
        found += streaming.add(packet)
    assert_same_picks(found + streaming.finish(), quakes[1])


def test_chunk_invariance_packets_whose_rates_jitter(quakes):
    stream, expected = quakes
    streaming, found = MODEL.stream(), []
    for k, packet in enumerate(component_by_component(stream, 120)):
        packet.stats.sampling_rate *= 1 + 1e-6 * (k * 7919 % 11 - 5)
        found += streaming.add(packet)
    assert_same_picks(found + streaming.finish(), expected)
    assert lost(streaming.rejections) == []


def test_packets_that_hold_no_seismogram_are_counted(quakes):
    streaming = MODEL.stream()
    text = obspy.Trace(np.frombuffer(b"hello", dtype="S1"), {"station": "APE", "channel": "LOG"})
    text.stats.sampling_rate = 0.0
    found = streaming.add(text) + streaming.add(quakes[0]) + streaming.finish()
    assert found == quakes[1]
    assert [r.reason for r in streaming.rejections] == ["sampled at 0 Hz; 10 Hz is the minimum for 100 Hz"]


def test_chunk_invariance_of_real_recordings_with_gaps():
    for stream in real_streams():
        whole = MODEL.classify(stream)
        streaming, found = MODEL.stream(), []
        for window in stream.slide(5.0 - 0.01, 5.0, include_partial_windows=True):
            found += streaming.add(window)
        assert_same_picks(found + streaming.finish(), whole)


def component_by_component(stream, stop_s):
    """Packets of five seconds, as a server sends them: of each component in turn."""
    start = stream[0].stats.starttime
    parts = [trace.slice(start + at, start + at + 4.99) for at in range(0, stop_s, 5) for trace in stream]
    return [part for part in parts if part.stats.npts]


def test_chunk_invariance_after_a_gap_longer_than_components_are_waited_for(make_trace):
    stream = stream_of(bursts(9_000), make_trace)
    stream += stream_of(bursts(9_000, seed=1), make_trace, start_ns=START_NS + 200 * NS_PER_S)
    whole = MODEL.classify(stream)
    assert {pick.time_ns > START_NS + 200 * NS_PER_S for pick in whole} == {False, True}
    streaming, found = MODEL.stream(), []
    for packet in component_by_component(stream, 290):
        found += streaming.add(packet)
    assert_same_picks(found + streaming.finish(), whole)
    assert lost(streaming.rejections) == []


def test_chunk_invariance_after_several_gaps_while_a_component_lags(make_trace):
    whole_record = stream_of(bursts(15_000, every=500), make_trace)
    start = whole_record[0].stats.starttime
    spans = [(0, 30), (50, 62), (70, 150)]
    stream = obspy.Stream(
        [trace.slice(start + low, start + high - 0.01) for trace in whole_record for low, high in spans]
    )
    packets = component_by_component(stream, 150)
    packets.sort(key=lambda trace: trace.stats.endtime + 28 * (trace.stats.channel[-1] == "E"))
    streaming, found = MODEL.stream(), []
    for packet in packets:
        found += streaming.add(packet)
    assert_same_picks(found + streaming.finish(), MODEL.classify(stream))
    assert lost(streaming.rejections) == []


def test_a_gap_that_has_passed_adds_nothing_to_how_long_a_component_is_waited_for(make_trace):
    """After a gap of 200 s and 150 s more, E ends; a minute later the others wait for it no more."""
    stream = stream_of(bursts(6_000), make_trace)
    rest = stream_of(bursts(27_000, seed=1), make_trace, start_ns=START_NS + 260 * NS_PER_S)
    rest[2].trim(endtime=rest[2].stats.starttime + 150)
    streaming, found = MODEL.stream(), []
    for packet in component_by_component(stream + rest, 260 + 150 + 70):
        found += streaming.add(packet)
    assert max(pick.time_ns for pick in found) > START_NS + (260 + 150 + 20) * NS_PER_S


@pytest.mark.parametrize("north_stops_s", [(27.5, 30.2), (26.0, 27.4, 29.1, 31.0)])
def test_chunk_invariance_short_gaps_of_one_component_while_another_lags(north_stops_s, make_trace):
    """What begins at an edge is too short only once all components say so; a stretch that is too short is no edge."""
    whole_record = stream_of(bursts(6_000), make_trace)
    start = whole_record[0].stats.starttime
    stops = itertools.pairwise([0.0, *north_stops_s, 60.0])
    north = [whole_record[1].slice(start + low, start + high - 0.01) for low, high in list(stops)[::2]]
    stream = obspy.Stream([whole_record[0], *north, whole_record[2]])
    expected = MODEL.classify(stream)
    packets = [packet for trace in stream for packet in trace.slide(0.99, 1.0, include_partial_windows=True)]
    packets.sort(key=lambda trace: trace.stats.endtime + 16 * (trace.stats.channel[-1] == "E"))
    streaming, found = MODEL.stream(), []
    for packet in packets:
        found += streaming.add(packet)
    assert_same_picks(found + streaming.finish(), expected)
    assert lost(streaming.rejections) == MODEL.records(stream)[1]


def test_chunk_invariance_a_component_returns_shortly_before_another_ends(make_trace):
    """Beyond a stretch that is still too short nothing is final, even where another component ends."""
    whole_record = stream_of(bursts(6_000, every=500), make_trace)
    start = whole_record[0].stats.starttime
    vertical = [whole_record[0].slice(start, start + 20), whole_record[0].slice(start + 35, start + 60)]
    east = [whole_record[2].slice(start, start + 36.5), whole_record[2].slice(start + 36.6, start + 60)]
    stream = obspy.Stream([*vertical, whole_record[1], *east])
    packets = [packet for trace in stream for packet in trace.slide(1.99, 2.0, include_partial_windows=True)]
    packets.sort(key=lambda trace: trace.stats.endtime)
    streaming, found = MODEL.stream(), []
    for packet in packets:
        found += streaming.add(packet)
    assert_same_picks(found + streaming.finish(), MODEL.classify(stream))


@pytest.mark.parametrize("seconds", [0.02, 6.0])
@pytest.mark.parametrize("masked", [True, False])
def test_chunk_invariance_packets_with_samples_that_are_not_there(masked, seconds, make_trace):
    """Packets of a whole that is masked, or NaN, in places, as `obspy.Stream.merge` makes it of one with gaps."""
    stream = stream_of(bursts(9_000, every=500), make_trace)
    for trace, places in zip(stream, ([17.5, 42.0], [63.33], [42.0]), strict=True):
        flags = np.zeros(len(trace), dtype=np.bool_)
        for at in places:
            flags[round(at * 100) : round((at + seconds) * 100)] = True
        trace.data = np.ma.masked_array(trace.data, flags) if masked else np.where(flags, np.nan, trace.data)
    packets = [packet for trace in stream for packet in trace.slide(0.99, 1.0, include_partial_windows=True)]
    packets.sort(key=lambda trace: trace.stats.endtime)
    streaming, found = MODEL.stream(), []
    for packet in packets:
        found += streaming.add(packet)
    expected = MODEL.classify(stream)
    assert_same_picks(found + streaming.finish(), expected)
    assert len(expected) > 10


@pytest.mark.parametrize("offsets_ms", [(0.0, 0.0, 0.0), (1.7, -3.9, 3.6), (-2.4, 2.8, 0.0)])
@pytest.mark.parametrize("late_ms", [0.0, 0.6, -0.6])
def test_chunk_invariance_components_at_times_of_their_own_and_clocks_that_drift(offsets_ms, late_ms, make_trace):
    """Packets of five seconds, each so much later, or earlier, than the one before says."""
    packets = component_by_component(stream_of(bursts(18_000, every=600), make_trace), 180)
    for i, packet in enumerate(packets):
        packet.stats.starttime += (offsets_ms[i % 3] + late_ms * (i // 3)) / 1000
    stream = obspy.Stream(packets)
    streaming, found = MODEL.stream(), []
    for packet in packets:
        found += streaming.add(packet)
    expected = MODEL.classify(stream)
    assert len(expected) > 10 and (len(MODEL.records(stream)[0]) > 1) == bool(late_ms)
    assert found + streaming.finish() == expected
    assert lost(streaming.rejections) == MODEL.records(stream)[1] == []


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("late_ms", [5.0, -5.0])
def test_chunk_invariance_a_clock_that_jumps_by_half_a_sample(late_ms, first, make_trace):
    """Whether it goes on in the same record must not depend on where the recording starts."""
    packets = component_by_component(stream_of(bursts(9_000, every=600), make_trace), 90)
    packets[:3] = [trace.slice(trace.stats.starttime + first / 100) for trace in packets[:3]]
    n_samples = [len(trace) for trace in packets[::3]]
    for packet in packets[24:]:
        packet.stats.starttime += late_ms / 1000
    records, _ = MODEL.records(obspy.Stream(packets))
    assert [r.n_samples for r in records] == [sum(n_samples[:8]), sum(n_samples[8:]) - (late_ms < 0)]
    streaming, found = MODEL.stream(), []
    for packet in packets:
        found += streaming.add(packet)
    assert found + streaming.finish() == MODEL.classify(obspy.Stream(packets)) != []


@pytest.mark.parametrize("late_ms", [1.6, -1.6])
def test_chunk_invariance_a_file_of_records_whose_clock_drifts(late_ms, make_trace, tmp_path):
    packets = component_by_component(stream_of(bursts(18_000, every=600), make_trace), 180)
    for i, packet in enumerate(packets):
        packet.stats.starttime += late_ms / 1000 * (i // 3)
    with (tmp_path / "day.mseed").open("wb") as file:
        for packet in packets:
            packet.write(file, format="MSEED", reclen=512)
    expected = MODEL.classify(obspy.Stream(packets))
    assert len(expected) > 10
    assert_same_picks(classify([str(tmp_path)], MODEL).picks, expected)


def scattered(rng, make_trace):
    """Packets of components with gaps, lags, clocks and rates of their own, as they come; and how long to wait."""
    patience_s = float(rng.choice([5.0, 12.0]))
    rate_hz = float(rng.choice([40.0, 100.0, 100.0, 200.0]))
    data, arrivals = bursts(round(60 * rate_hz), int(rng.integers(99)), every=round(6 * rate_hz)), []
    for row, component in zip(data, "ZNE", strict=True):
        edges = np.sort(rng.uniform(0, 60, size=2 * int(rng.integers(4))))  # of gaps
        lag_s, late_ns, jitter = rng.uniform(0, patience_s / 3), int(rng.integers(4_000_000)), rng.integers(2) * 1e-8
        for low, high in np.concatenate([[0.0], edges, [60.0]]).reshape(-1, 2) * rate_hz:
            at = int(low)
            while at < int(high):
                to = min(at + int(rng.integers(1, patience_s / 3 * rate_hz)), int(high))
                start_ns = START_NS + late_ns + round(at / rate_hz * NS_PER_S)
                as_sent_hz = rate_hz * (1 + jitter * int(rng.integers(-2, 3)))
                trace = make_trace(row[at:to], f"GE.APE..HH{component}", start_ns=start_ns, rate_hz=as_sent_hz)
                arrivals.append((to / rate_hz + lag_s, component, at, trace))
                at = to
    return [trace for *_, trace in sorted(arrivals, key=lambda arrival: arrival[:3])], patience_s


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("again", [0.0, 0.1])
def test_chunk_invariance_gaps_lags_clocks_and_repeats_of_any_component(again, seed, make_trace):
    """What comes too late, because nobody waited for a component any more, is told; all the rest is as in the whole."""
    rng = np.random.default_rng(seed)
    packets, patience_s = scattered(rng, make_trace)
    streaming, found, used = MODEL.stream(patience_s=patience_s, step_s=float(rng.choice([0.0, 1.0]))), [], []
    for k, packet in enumerate(packets):
        told = len(streaming.rejections)
        found += streaming.add(packet)
        late = [r.end_ns for r in streaming.rejections[told:] if r.reason == LATE]
        start = obspy.UTCDateTime(ns=max([packet.stats.starttime.ns, *late]))
        used += [packet.slice(start - packet.stats.delta / 4)] if start <= packet.stats.endtime else []
        if rng.random() < again:  # the server sends some packets again
            repeats = packets[max(k - 5, 0) : k + 1]
            found += [pick for repeated in repeats for pick in streaming.add(repeated)]
    expected = MODEL.classify(obspy.Stream(used))
    assert_same_picks(found + streaming.finish(), expected)
    assert expected


def test_a_packet_that_is_in_part_too_late_is_used_from_there_on_and_the_rest_is_told(make_trace):
    stream = stream_of(bursts(9_000), make_trace)
    east = stream[2].slice(stream[2].stats.starttime + 40)
    others = component_by_component(stream[:2], 90)
    packets = [*others[:20], east, *others[20:]]
    streaming, found = MODEL.stream(), []
    for packet in packets:
        found += streaming.add(packet)
    found += streaming.finish()
    [late] = lost(streaming.rejections)
    assert (late.start_ns, late.reason) == (east.stats.starttime.ns, LATE)
    used = obspy.Stream([*stream[:2], east.slice(obspy.UTCDateTime(ns=late.end_ns))])
    assert START_NS + 40 * NS_PER_S < late.end_ns <= START_NS + 50 * NS_PER_S
    assert_same_picks(found, MODEL.classify(used))


def test_packets_that_are_sent_again_change_nothing_and_are_told_of_only_if_they_are_forgotten(quakes):
    stream, expected = quakes
    packets = component_by_component(stream, 120)
    streaming, found = MODEL.stream(), []
    for k, packet in enumerate(packets):
        for sent in (packet, packet, *packets[max(k - 2, 0) : k]):
            found += streaming.add(sent)
    streaming.add(packets[0])
    assert found + streaming.finish() == expected
    assert [(r.start_ns, r.reason) for r in lost(streaming.rejections)] == [(START_NS, LATE)]


def test_a_component_that_comes_back_is_used_again(make_trace):
    """Only the packet from which its return is known comes too late."""
    stream = stream_of(bursts(21_000), make_trace)
    stream[1:] = stream[1:].slice(stream[0].stats.starttime + 100)
    stream += stream_of(bursts(3_000, seed=1)[1:], make_trace, codes="NE")
    streaming, found = MODEL.stream(), []
    for packet in component_by_component(stream, 210):
        found += streaming.add(packet)
    found += streaming.finish()
    assert [(r.start_ns - START_NS) // NS_PER_S for r in lost(streaming.rejections)] == [100, 100]
    late_ns = START_NS + 115 * NS_PER_S
    expected = [pick for pick in MODEL.classify(stream) if pick.time_ns > late_ns]
    assert expected
    assert_same_picks([pick for pick in found if pick.time_ns > late_ns], expected)


def test_chunk_invariance_a_day_in_files_gives_the_picks_of_the_whole(quakes, tmp_path):
    stream, expected = quakes
    start = stream[0].stats.starttime
    for k, (low, high) in enumerate(itertools.pairwise([0, 3000, 7003, 9222, 12_000])):
        part = stream.slice(start + low / 100, start + (high - 1) / 100)
        part.write(str(tmp_path / f"{k}.mseed"), format="MSEED")
    assert_same_picks(classify([str(tmp_path)], MODEL).picks, expected)


def test_chunk_invariance_spans_of_one_source_lose_and_double_nothing(quakes, tmp_path):
    stream, expected = quakes
    stream.write(str(tmp_path / "day.mseed"), format="MSEED")
    [source] = find_sources([str(tmp_path / "day.mseed")], Reading())
    borders = [
        -(2**63),
        *(p.time_ns + d for p, d in zip(expected[2:15:3], (0, 1, -1, 5, 10**8), strict=False)),
        2**63 - 1,
    ]
    spans = [dataclasses.replace(source, span_ns=span) for span in itertools.pairwise(borders)]
    job, reading, told = SourceJob(MODEL), Reading(), []
    parts = ((s, classify_source(s, job)) for s in spans)
    found = gathered(parts, job, reading, progress=lambda *so_far: told.append(so_far), total=len(spans))
    assert_same_picks(found.picks, expected)
    assert told[-1] == (f"{source.name}, {len(expected)} found so far", len(spans), len(told))


def test_bounded_memory_a_long_file_is_read_a_day_at_a_time_and_gives_the_same_picks(tmp_path, make_trace, monkeypatch):
    rng = np.random.default_rng(3)
    start_ns = START_NS + 86_000 * NS_PER_S
    data = np.round(rng.normal(size=(1, 12_000)) * 50 * (1 + 40 * (np.arange(12_000) % 3000 > 2800))).astype(np.int32)
    stream = stream_of(data, make_trace, codes="Z", rate_hz=20.0, start_ns=start_ns)
    stream.write(str(tmp_path / "long.mseed"), format="MSEED")
    low = PickConfig(thresholds={"P": 0.02, "S": 0.02})
    whole = classify([str(tmp_path)], MODEL, low)
    monkeypatch.setattr(finding, "LONGEST_DAYS", 0.001)
    assert [s.part for s in find_sources([str(tmp_path)], Reading())] == [0, 1]
    sliced = classify([str(tmp_path)], MODEL, low)
    assert whole.picks
    assert_same_picks(sliced.picks, whole.picks)
    assert len(sliced.files) == 1


@pytest.mark.parametrize("cut", [1, 19, 333, 1234])
def test_start_invariance_no_pick_away_from_the_edge_moves(cut, quakes):
    stream, expected = quakes
    found = MODEL.classify(stream.slice(stream[0].stats.starttime + cut / 100))
    edge_ns = START_NS + cut * 10_000_000 + 10 * NS_PER_S
    assert_same_picks([p for p in found if p.time_ns > edge_ns], [p for p in expected if p.time_ns > edge_ns])


def test_bitwise_repeat_and_thread_invariance(quakes, tmp_path):
    quakes[0].write(str(tmp_path / "a.mseed"), format="MSEED")
    [source] = find_sources([str(tmp_path / "a.mseed")], Reading())
    first = classify_source(source, SourceJob(MODEL, keep_probabilities=True))
    for threads in (1, 2):
        again = classify_source(source, SourceJob(MODEL, keep_probabilities=True, threads=threads))
        assert again.picks == first.picks
        assert again.probabilities[0].values.tobytes() == first.probabilities[0].values.tobytes()


@pytest.mark.parametrize("gain", [-1.0, 1e-9, 3.7, 1e5])
def test_gain_and_polarity_invariance(gain, quakes):
    stream, expected = quakes
    louder = stream.copy()
    for trace in louder:
        trace.data = trace.data * gain
    assert_same_picks(MODEL.classify(louder), expected)


def test_probabilities_sum_to_one_and_masked_stretches_make_no_picks(make_trace):
    data = bursts(30_000).astype(float)
    data[:, 8000:14_000] = 17
    stream = stream_of(data, make_trace)
    stream[0].data[20_000:20_100] = np.nan
    total = sum(trace.data for trace in MODEL.annotate(stream)[:3])
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert all(np.isfinite(trace.data).all() for trace in MODEL.annotate(stream))
    inside = [p for p in MODEL.classify(stream) if START_NS + 80.5e9 < p.time_ns < START_NS + 139.5e9]
    assert inside == []
    assert MODEL.classify(stream_of(np.full((3, 6000), 4), make_trace)) == []


def test_component_invariance_order_and_names_of_components_do_not_matter(quakes, make_trace):
    stream, expected = quakes
    data = [trace.data for trace in stream]
    for codes, order in (("ZNE", (2, 0, 1)), ("Z12", (1, 2, 0)), ("zne", (0, 1, 2))):
        other = stream_of(data, make_trace, codes=codes)
        assert_same_picks(MODEL.classify(obspy.Stream([other[i] for i in order])), expected)
    low = PickConfig(thresholds={"P": 0.02, "S": 0.02})
    assert MODEL.classify(stream_of(data[:1], make_trace, codes="Z"), low)


@pytest.mark.parametrize("rate_hz", [40.0, 75.19, 100.0, 200.0, 250.0])
def test_rates_an_onset_stays_where_it_is(rate_hz, make_trace):
    n = round(120 * rate_hz)
    rng = np.random.default_rng(1)
    envelope = np.where(np.arange(n) / rate_hz < 60, 1, 40 * np.exp(-(np.arange(n) / rate_hz - 60) / 2) + 1)
    stream = stream_of(rng.normal(size=(3, n)) * envelope * 50, make_trace, rate_hz=rate_hz)
    times = [(p.time_ns - START_NS) / 1e9 for p in MODEL.classify(stream) if p.phase == "P"]
    assert min(abs(t - 60) for t in times) < 0.5 / rate_hz + 0.5 / 100 + 0.12


def run_classify(*arguments):
    done = CliRunner().invoke(cli, ["classify", *map(str, arguments)])
    error = done.exception if isinstance(done.exception, SeisnetError) else None
    status = error.exit_code if error else done.exit_code
    return SimpleNamespace(returncode=status, stderr=f"{done.stderr}{error or ''}")


@pytest.fixture(scope="module")
def archive(tmp_path_factory, make_trace):
    """Six files, one a station, and a model file."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "data").mkdir()
    for k in range(6):
        stream = stream_of(bursts(12_000, k), make_trace, station=f"GE.A{k}..HH")
        stream.write(str(folder / "data" / f"{k}.mseed"), format="MSEED")
    MODEL.save(folder / "model.h5")
    return folder


def test_kill_then_resume_gives_the_bytes_of_an_undisturbed_run(archive, tmp_path):
    arguments = (archive / "data", "--model", archive / "model.h5", "-o")
    assert run_classify(*arguments, tmp_path / "whole.csv").returncode == 0
    killed = subprocess.Popen(
        [sys.executable, "-m", "seisnet", "classify", *map(str, arguments), str(tmp_path / "k.csv")]
    )
    parts = tmp_path / ".k.csv.parts"
    while killed.poll() is None and not (parts.is_dir() and any(parts.glob("*.npz"))):
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL) if killed.poll() is None else None
    killed.wait()
    if not (tmp_path / "k.csv").exists():
        refused = run_classify(*arguments, tmp_path / "k.csv")
        assert refused.returncode == 2 and "use resume=True" in refused.stderr
        assert run_classify(*arguments, tmp_path / "k.csv", "--resume").returncode == 0
    assert (tmp_path / "k.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not parts.exists()


def test_a_finished_output_is_left_as_it_is_or_refused_with_what_differs(archive, tmp_path, monkeypatch):
    sources = shutil.copytree(archive / "data", tmp_path / "data", ignore=shutil.ignore_patterns("[1245].*"))
    output, report = tmp_path / "k.csv", tmp_path / "r"
    MODEL.save(tmp_path / "louder.h5")
    to = (sources, "-o", output, "--resume")
    what = (*to, "--model", tmp_path / "louder.h5", "--views", 1, "--report", report)
    assert run_classify(*what).returncode == 0
    shutil.rmtree(report)
    assert "nothing to resume" not in run_classify(*what).stderr
    assert (report / "report.html").exists()
    before = output.read_bytes(), output.stat().st_mtime_ns
    again = run_classify(*what, "--threshold", "P=0.6", "--hop", "0.2")  # which are the model's own
    assert (again.returncode, again.stderr) == (0, f"{output} is finished; nothing to resume\n")
    others = {
        "report, views": what[:-4],
        "coincidence": (*what, "--coincidence", 2),
        "probabilities": (*what, "--probabilities", tmp_path / "p.mseed"),
        "thresholds, format": (*what, "--threshold", "P=0.5", "--format", "pyocto"),
        "model": (*to, "--model", archive / "model.h5", *what[-4:]),
    }
    for differs, arguments in others.items():
        refused = run_classify(*arguments)
        assert refused.returncode == 2
        assert f"was made with other {differs}; choose another name, or use overwrite=True" in refused.stderr
    os.utime(sources / "3.mseed", (0, 0))
    assert "with other sources or station metadata (or their files have changed); " in run_classify(*what).stderr
    assert before == (output.read_bytes(), output.stat().st_mtime_ns)
    with monkeypatch.context() as patched:
        patched.setattr("seisnet.classification.output.__version__", "0.0.1")
        assert "version of seisnet; choose another name" in run_classify(*what).stderr
    output.write_text("moved by hand\n")
    assert "is not what a finished run left" in run_classify(*what).stderr
    assert output.read_text() == "moved by hand\n"


def test_what_was_changed_or_taken_away_since_a_run_has_finished_is_seen(tmp_path):
    job, output = SourceJob(MODEL), Output(tmp_path / "picks", "real", probabilities=tmp_path / "p.mseed")
    output.path.mkdir()
    for path in (output.path / "A.P.txt", output.probabilities):
        path.write_text("of a run")
    of = made_of([], job, output)
    write_finished(output.path, of)
    assert is_finished(output, of)
    output.probabilities.unlink()
    assert not is_finished(output, of)
    record = tmp_path / ".picks.made"
    for path, content in ((output.path / "A.P.txt", "by hand"), *((record, damaged) for damaged in ("{", "[]", "{}"))):
        path.write_text(content)
        with pytest.raises(ConfigError, match="picks is not what a finished run left"):
            is_finished(output, of)


def test_a_file_that_grows_amid_a_run_is_another_to_the_next(archive, tmp_path, monkeypatch):
    day = shutil.copy(archive / "data" / "0.mseed", tmp_path)
    what = (day, "--model", archive / "model.h5", "-o", tmp_path / "k.csv")
    with monkeypatch.context() as patched:
        patched.setattr("seisnet.classification.job.write_picks", lambda *_, **__: os.utime(day, (0, 0)))
        (tmp_path / "k.csv").touch()
        assert run_classify(*what, "--overwrite").returncode == 0
    told = run_classify(*what, "--resume").stderr
    assert "with other sources or station metadata (or their files have changed); " in told


def test_a_run_that_dies_while_it_draws_the_report_goes_on(archive, tmp_path, monkeypatch):
    def dies(*_, **__):
        raise KeyboardInterrupt

    what = (archive / "data", "--model", archive / "model.h5", "-o", tmp_path / "k.csv")
    what = (*what, "--report", tmp_path / "r", "--views", 1)
    with monkeypatch.context() as patched:
        patched.setattr("seisnet.report.classification.write_classification", dies)
        assert run_classify(*what).returncode == 130
    assert list((tmp_path / ".k.csv.parts").glob("*.npz"))
    assert run_classify(*what, "--resume").returncode == 0
    assert (tmp_path / "r" / "report.html").exists() and not (tmp_path / ".k.csv.parts").exists()


def test_what_is_put_in_the_place_of_an_interrupted_runs_outputs_is_not_replaced(archive, tmp_path, monkeypatch):
    def dies(parts, *_, **__):
        next(parts)
        raise KeyboardInterrupt

    what = (archive / "data", "--model", archive / "model.h5", "-o", tmp_path / "k.csv", "--views", 0)
    what = (*what, "--probabilities", tmp_path / "p.mseed", "--report", tmp_path / "r")
    with monkeypatch.context() as patched:
        patched.setattr("seisnet.classification.job.gathered", dies)
        assert run_classify(*what).returncode == 130
    (tmp_path / "r").mkdir()
    for name in ("k.csv", "p.mseed", "r/report.html"):
        (tmp_path / name).write_text("precious")
        refused = run_classify(*what, "--resume")
        assert refused.returncode == 2 and "; choose another name, or use overwrite=True" in refused.stderr
        assert (tmp_path / name).read_text() == "precious"
        (tmp_path / name).unlink()
    assert run_classify(*what, "--resume").returncode == 0
    assert not (tmp_path / ".k.csv.parts").exists()


def test_advice_to_resume_is_given_only_where_a_source_is_finished(archive, tmp_path, monkeypatch):
    def full(path, part):
        raise DataError("no space left")

    monkeypatch.setattr("seisnet.classification.parts.write_part", full)
    told = run_classify(archive / "data", "--model", archive / "model.h5", "-o", tmp_path / "k.csv").stderr
    assert told == "no space left"
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_model_that_is_calibrated_otherwise_is_not_taken_for_one_of_this(quakes, tmp_path):
    quakes[0].write(str(tmp_path / "a.mseed"), format="MSEED")
    found = find_sources([str(tmp_path / "a.mseed")], Reading())
    (tmp_path / "parts").mkdir()
    names = set()
    for changed in ({}, {"temperature": 1.2}, {"spread": {"P": 2.0}}, {"thresholds": {"P": 0.5, "S": 0.6}}):
        model = Model("louder", dataclasses.replace(MODEL.stored, **changed))
        names |= {path.name for _, path in make_parts(found, SourceJob(model), tmp_path / "parts", Engine())}
    assert len(names) == 4


def test_a_part_of_a_file_that_has_changed_or_of_another_version_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("seisnet.classification.parts.classify_source", lambda source, job: Classification())
    path, names = tmp_path / "a.mseed", set()
    path.touch()
    for age, version in ((1, "1"), (2, "1"), (2, "2")):
        os.utime(path, (age, age))
        monkeypatch.setattr("seisnet.classification.parts.__version__", version)
        names |= {part.name for _, part in make_parts([Source((path,))], SourceJob(MODEL), tmp_path, Engine())}
    assert len(names) == 3


def test_a_part_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def half(file, **_):
        file.write(b"PK")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("seisnet.classification.parts.np.savez", half)
    with pytest.raises(DataError, match=r"a\.npz: can't be written: No space left"):
        write_part(tmp_path / "a.npz", Classification())
    assert list(tmp_path.iterdir()) == []


def test_models_that_differ_in_anything_that_picks_depend_on_have_other_hashes():
    stored, [stage] = MODEL.stored, MODEL.stored.stages
    ones = np.ones(stage.sizes[0], dtype=np.float32)
    stages = (
        {"theta": stage.theta * 1.01},
        {"activation": "tanh"},
        {"reads": "context"},
        {"mean": ones},
        {"scale": 2 * ones},
    )
    changes = [{"stages": (dataclasses.replace(stage, **change),)} for change in stages]
    changes += [{"mean": ones}, {"scale": 2 * ones}, {"preprocess": {**stored.preprocess, "freqmax_hz": 30.0}}]
    models = [MODEL, *(SimpleNamespace(name="louder", stored=dataclasses.replace(stored, **c)) for c in changes)]
    assert len({model_sha256(model) for model in models}) == len(models)


def test_a_part_is_the_same_whether_what_is_the_models_own_is_named_or_not(quakes, tmp_path):
    quakes[0].write(str(tmp_path / "a.mseed"), format="MSEED")
    found = find_sources([str(tmp_path / "a.mseed")], Reading())
    (tmp_path / "parts").mkdir()
    own = (
        {},
        {"hop_s": 0.2},
        {"thresholds": {"P": 0.6}},
        {"coincidence": 2, "coincidence_s": 9.0},
        {"p_before_s": 9.0},
    )
    jobs = [SourceJob(MODEL, PickConfig(**chosen)) for chosen in (*own, {"hop_s": 0.4}, {"thresholds": {"P": 0.5}})]
    jobs += [SourceJob(MODEL, keep_probabilities=True), SourceJob(MODEL, most_views=1)]
    names = [path.name for job in jobs for _, path in make_parts(found, job, tmp_path / "parts", Engine())]
    assert len(set(names[: len(own)])) == 1 and len(set(names)) == 1 + len(jobs) - len(own)


def test_a_run_that_goes_on_says_how_many_finished_sources_are_made_anew(archive, tmp_path):
    found, told = find_sources([str(archive / "data")], Reading()), []
    for threshold, wanted in ((0.5, found[:2]), (0.6, found[1:3]), (0.6, found)):
        job = SourceJob(MODEL, PickConfig(thresholds={"P": threshold}))
        list(make_parts(wanted, job, tmp_path, Engine(), told.append))
    assert told == [f"finished sources: {kept} kept, 2 remade because inputs or settings differ" for kept in (0, 2)]


@pytest.mark.parametrize(
    ("output", "more", "message"),
    [
        ("folder", ["--overwrite"], "folder is a folder; choose another name"),
        ("file", ["--overwrite", "--format", "real"], "file is a file; a folder is needed"),
        ("new", ["--format", "phasenet", "--model", "rockfall"], "detections are written as csv or quakeml"),
        ("new", ["--hop", "0.3"], "it must be a multiple"),
        ("new", ["--format", "quakml"], "unknown format 'quakml'; did you mean 'quakeml'"),
        ("new", ["--probabilities", "p.txt"], "p.txt: "),
        ("p.h5", ["--probabilities", "p.h5"], "no .h5 file is written here"),
        ("p.h5", ["--probabilities", "p.h5", "--format", "csv"], "picks and probabilities need separate files"),
        ("p.h5", ["--probabilities", "folder/../p.h5", "--format", "csv"], "need separate files"),
        ("p.h5", ["--probabilities", "P.H5", "--format", "csv"], "picks and probabilities need separate files"),
        ("new", ["--report", "new"], "a report needs a folder of its own"),
        ("new", ["--report", "p.h5", "--probabilities", "p.h5"], "a report needs a folder of its own"),
        ("folder/picks.csv", ["--report", "folder", "--format", "pyocto"], "the report writes a file of that name"),
        ("folder/figures", ["--report", "folder"], "the report writes a file of that name"),
        ("folder/Report.html", ["--report", "folder", "--format", "csv"], "the report writes a file of that name"),
        ("folder/detections.csv", ["--report", "folder"], "the name for another task's"),
    ],
)
def test_what_can_not_be_written_is_refused_before_the_scan_and_leaves_nothing(
    output, more, message, archive, tmp_path, monkeypatch
):
    monkeypatch.setattr("seisnet.classification.parts.write_part", lambda *_: pytest.fail("a source was scanned"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("precious")
    model = () if "--model" in more else ("--model", archive / "model.h5")
    arguments = ["classify", archive / "data", *model, "-o", tmp_path / output, "--report", "report", *more]
    with pytest.raises(ConfigError, match=message):
        CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file"}
    assert (tmp_path / "file").read_text() == "precious"


def test_picks_may_lie_where_the_report_puts_them(tmp_path):
    for name, file_format in (("picks.csv", "csv"), ("picks.xml", "quakeml"), ("others.csv", "phasenet")):
        Output(tmp_path / name, file_format, report=tmp_path).check()
    Output(tmp_path / "detections.csv", report=tmp_path / "report").check_task("phase")


def test_a_folder_of_picks_and_report_is_finished_once_both_are_in_it(archive, tmp_path):
    both = tmp_path / "both"
    what = (archive / "data" / "0.mseed", "--model", archive / "model.h5", "-o", both, "--format", "real")
    assert run_classify(*what, "--report", both, "--views", 1).returncode == 0
    assert {"report.html", "GE.A0.P.txt"} <= {path.name for path in both.iterdir()}
    again = run_classify(*what, "--report", both, "--views", 1, "--resume")
    assert (again.returncode, again.stderr) == (0, f"{both} is finished; nothing to resume\n")


def test_probabilities_that_exist_are_replaced_only_where_that_is_asked_for(tmp_path):
    (tmp_path / "p.mseed").touch()
    output = Output(tmp_path / "picks.csv", probabilities=tmp_path / "p.mseed")
    output.check(overwrite=True)
    with pytest.raises(ConfigError, match=r"p\.mseed exists; choose another name"):
        output.check()


@pytest.mark.parametrize("outputs", [("-o", "0.day"), ("-o", "picks.csv", "--probabilities", "0.mseed")])
def test_no_output_replaces_a_source(outputs, archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, name = (archive / "data" / "0.mseed").read_bytes(), outputs[-1]
    Path(name).write_bytes(content)
    arguments = ["classify", str(tmp_path), "--model", str(archive / "model.h5"), *outputs, "--overwrite"]
    with pytest.raises(ConfigError, match=f"{name} is also an input; choose another name"):
        CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, content)]


def test_probabilities_that_were_written_among_the_sources_are_told_to_lie_elsewhere(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    shutil.copy(archive / "data" / "0.mseed", "data")
    job = ("data", "--model", archive / "model.h5", "-o", "picks.csv", "--overwrite", "-q", "--probabilities")
    assert run_classify(*job, "data/p.mseed").returncode == 0
    written = Path("data/p.mseed").read_bytes()
    again = run_classify(*job, "data/p.mseed")
    assert again.returncode == 2 and "outside the folders that are read" in again.stderr
    assert Path("data/p.mseed").read_bytes() == written
    elsewhere = run_classify(*job, "p.mseed")
    assert elsewhere.returncode == 0 and Path("p.mseed").read_bytes() == written


@pytest.mark.parametrize("name", ["set/metadata.csv", "stations.xml"])
def test_tables_and_station_metadata_are_sources_too(name, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / name).write_text("precious")
    source = Source((tmp_path / "set",), "dataset", inventory=(tmp_path / "stations.xml",))
    Output(tmp_path / "picks.csv").check_sources([source])
    with pytest.raises(ConfigError, match="is also an input"):
        Output(tmp_path / name).check_sources([source])


def test_a_step_that_does_not_fit_names_the_option():
    with pytest.raises(
        ConfigError, match=r"hop_s \(--hop\): got 0.3; it must be a multiple of the model's own step, 0.2 s"
    ):
        MODEL.chain(PickConfig(hop_s=0.3))


def test_an_unreadable_and_a_truncated_file_are_told_and_the_rest_goes_on(archive, tmp_path):
    content = (archive / "data" / "0.mseed").read_bytes()
    (tmp_path / "good.mseed").write_bytes(content)
    (tmp_path / "cut.mseed").write_bytes((archive / "data" / "1.mseed").read_bytes()[:5000])
    (tmp_path / "bad.mseed").write_bytes(b"nothing that could be read")
    done = run_classify(tmp_path, "--model", archive / "model.h5", "-o", tmp_path / "p.csv")
    assert done.returncode == 0
    assert "bad.mseed" in done.stderr and "cut.mseed" in done.stderr
    assert "GE,A0" in (tmp_path / "p.csv").read_text()


def test_no_unexplained_zero_and_an_output_is_never_touched_unasked(archive, tmp_path):
    output = tmp_path / "p.csv"
    arguments = (archive / "data" / "0.mseed", "--model", archive / "model.h5", "-o", output)
    done = run_classify(*arguments, "--threshold", "P=1", "--threshold", "S=1")
    assert done.returncode == 0 and "no probability reached its threshold (P 0." in done.stderr
    before = output.read_bytes()
    refused = run_classify(*arguments)
    assert refused.returncode == 2 and output.read_bytes() == before
    assert run_classify(*arguments, "--overwrite").returncode == 0 and output.read_bytes() != before


def test_options_of_seisbench_are_taken_and_others_named(quakes):
    stream, expected = quakes
    assert MODEL.classify(stream, P_threshold=0.6, batch_size=256) == expected
    assert not [p for p in MODEL.classify(stream, P_threshold=1.0) if p.phase == "P"]
    assert MODEL.classify(stream, strict=True, stride=20) == expected
    assert MODEL.classify(stream[:2])
    with pytest.warns(UserWarning, match=r"nothing could be scanned: .*strict"):
        assert not MODEL.classify(stream[:2], strict=True)
    steps = [MODEL.annotate(stream, stride=stride)[0] for stride in (20, 60)]
    assert [trace.stats.delta for trace in steps] == pytest.approx([0.2, 0.6])
    every_third = steps[0].data[round((steps[1].stats.starttime - steps[0].stats.starttime) / 0.2) :: 3]
    np.testing.assert_allclose(every_third, steps[1].data, atol=1e-5)
    with pytest.raises(ConfigError, match="did you mean 'P_threshold'"):
        MODEL.classify(stream, P_threshhold=0.6)


def test_coincidence_wants_company_and_s_wants_p(quakes):
    assert MODEL.classify(quakes[0], PickConfig(coincidence=2)) == []
    with_p = MODEL.classify(quakes[0], PickConfig(p_before_s=0.5))
    assert {p.phase for p in with_p} == {"P"} or len(with_p) < len(quakes[1])


def test_the_network_of_these_tests_is_what_it_says():
    stage = MODEL.stored.stages[0]
    assert nn.Network(stage.sizes, "relu", theta=stage.theta).predict(np.zeros((1, stage.sizes[0]))).argmax() == 2
