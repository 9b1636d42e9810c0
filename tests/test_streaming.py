"""Packets of any size, order and lag give the picks of the whole recording, and what comes too late is told."""

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.classification.one_source import SourceJob, classify_source
from seisnet.config import PickConfig, PreprocessConfig
from seisnet.errors import ConfigError
from seisnet.model import Model, load_model
from seisnet.streaming import LATE, Streaming
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.records import NS_PER_S, lost
from seisnet.waveforms.spikes import REACH
from tests.bursts import (
    MODEL,
    START_NS,
    assert_same_picks,
    bursts,
    component_by_component,
    real_streams,
    stream_and_picks,
    stream_of,
)
from tests.stations import GALPERIN, geophone, write_stations


@pytest.fixture(scope="module")
def quakes(make_trace):
    return stream_and_picks(make_trace)


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
    rest = streaming.finish()
    assert found + rest == expected
    assert repr(rest).startswith(f"{len(rest)} pick") and str(streaming.detections) == "0 detections"
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


@pytest.mark.parametrize("model", [MODEL, load_model("phase")], ids=["one stage", "phase"])
def test_data_are_looked_at_only_when_they_tell_more_and_picks_come_no_later(model, quakes, monkeypatch):
    stream = quakes[0].slice(endtime=quakes[0][0].stats.starttime + 60)
    parts = [trace for window in stream.slide(0.49, 0.5) for trace in window]

    def come():
        """When which pick comes, and how often data are looked at."""
        looks = []
        records = type(model).records
        with monkeypatch.context() as watched:
            watched.setattr(type(model), "records", lambda *given: looks.append(1) or records(*given))
            streaming = model.stream(PickConfig(thresholds={"P": 0.1, "S": 0.1}), step_s=0.0)
            when = {pick: k for k, part in enumerate(parts) for pick in streaming.add(part)}
        return when, len(looks)

    when, n_looks = come()
    monkeypatch.setattr("seisnet.picking.follower.Follower.due_ns", START_NS)
    always, n_always = come()
    assert when and when.keys() == always.keys() and n_looks < n_always / 4
    assert all(when[pick] <= always[pick] for pick in when)


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

        return SimpleNamespace(add=add, due_ns=START_NS)

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


@given(data=st.data())
@settings(max_examples=8)
def test_chunk_invariance_a_component_that_comes_back_is_used_from_its_first_packet_on(data, make_trace):
    """Nobody waits for it any more, but as long as its packets are."""
    n, packets = 6000, []
    edges = sorted(data.draw(st.lists(st.integers(300, n - 100), min_size=4, max_size=4, unique=True)))
    north, east = ((0, 1), (2, 3)) if data.draw(st.booleans()) else ((0, 3), (1, 2))
    gap_of = {"Z": (0, 0), "N": [edges[i] for i in north], "E": [edges[i] for i in east]}
    for trace in stream_of(bursts(n, every=700), make_trace):
        low, high = gap_of[trace.stats.channel[-1]]
        sizes = itertools.cycle(data.draw(st.lists(st.integers(20, 300), min_size=1, max_size=5)))
        for at, stop in ((0, low), (high, n)):
            bounds = itertools.pairwise(
                [*itertools.takewhile(stop.__gt__, itertools.accumulate(sizes, initial=at)), stop]
            )
            start = trace.stats.starttime
            packets += [trace.slice(start + i / 100, start + (j - 1) / 100) for i, j in bounds]
    packets.sort(key=lambda packet: (packet.stats.endtime, packet.id))
    streaming = MODEL.stream(patience_s=4.0)
    found = [pick for packet in packets for pick in streaming.add(packet)]
    assert_same_picks(found + streaming.finish(), MODEL.classify(obspy.Stream(packets)))
    assert LATE not in {rejection.reason for rejection in streaming.rejections}


def test_a_component_that_comes_back_is_used_again(make_trace):
    stream = stream_of(bursts(21_000), make_trace)
    stream[1:] = stream[1:].slice(stream[0].stats.starttime + 100)
    stream += stream_of(bursts(3_000, seed=1)[1:], make_trace, codes="NE")
    streaming, found = MODEL.stream(), []
    for packet in component_by_component(stream, 210):
        found += streaming.add(packet)
    assert_same_picks(found + streaming.finish(), MODEL.classify(stream))
    assert lost(streaming.rejections) == []


@pytest.mark.parametrize("inventory", [None, "s.xml"])
def test_a_stream_for_a_model_without_responses_is_refused(inventory, untrained_model, tmp_path):
    write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 9), response=geophone())
    preprocess = dataclasses.asdict(PreprocessConfig(response="velocity"))
    model = Model("m", dataclasses.replace(untrained_model.stored, preprocess=preprocess))
    with pytest.raises(ConfigError, match="a response is removed from whole segments"):
        model.stream(inventory=tmp_path / inventory if inventory else None)


LEVEL = {"1": (0.0, 0.0), "2": (90.0, 0.0), "Z": (0.0, -90.0)}


@pytest.mark.parametrize("size", [1, 411])
@pytest.mark.parametrize(("rate_hz", "unknown_s"), [(100.0, 0), (80.0, 1)])
@pytest.mark.parametrize(
    "epochs",
    [
        (GALPERIN, {k: (azimuth + 20, dip) for k, (azimuth, dip) in GALPERIN.items()}),
        (LEVEL, LEVEL | {"1": (180, 0)}),
        (dict(zip(LEVEL, GALPERIN.values(), strict=True)), LEVEL | {"1": (120, 0), "2": (210, 0)}),
    ],
    ids=["askew", "level", "askew, then level"],
)
def test_a_stream_hears_what_its_recording_gives_also_where_components_turn(
    epochs, rate_hz, unknown_s, size, tmp_path, make_trace, noise, untrained_model
):
    """At midnight some point elsewhere; the metadata may not know where to in the last second before."""
    days = [(0, 1 - unknown_s / 86_400), (1, 2)]
    channels = [(f"HH{k}", *axis, *day) for day, axes in zip(days, epochs, strict=True) for k, axis in axes.items()]
    start_ns, n = START_NS + 86_380 * NS_PER_S, round((20 + 25) * rate_hz)
    stream = obspy.Stream(
        [make_trace(noise(n, i), f"GE.APE..HH{k}", start_ns=start_ns, rate_hz=rate_hz) for i, k in enumerate(epochs[0])]
    )
    inventory = obspy.read_inventory(str(write_stations(tmp_path / "s.xml", *channels)))
    expected, _ = untrained_model.records(stream, inventory)
    assert len(expected) == 2
    heard = []

    def follow(head, config):
        parts = []
        heard.append((head, parts))
        found = SimpleNamespace(picks=[], detections=[])
        return SimpleNamespace(add=lambda x, last=False: parts.append(x) or found, due_ns=START_NS)

    listener = SimpleNamespace(preprocess=untrained_model.preprocess, records=untrained_model.records, follow=follow)
    streaming = Streaming(listener, inventory=inventory)
    for i in range(0, n, size):
        for trace in stream:
            at_ns = start_ns + round(i * NS_PER_S / rate_hz)
            streaming.add(make_trace(trace.data[i : i + size], trace.id, start_ns=at_ns, rate_hz=rate_hz))
    streaming.finish()
    assert [head.start_ns for head, _ in heard] == [record.start_ns for record in expected]
    for (_, parts), record in zip(heard, expected, strict=True):
        np.testing.assert_allclose(np.concatenate(parts, axis=1), record.data, atol=1e-6)


def test_a_stream_tells_what_is_to_be_said_of_its_records_as_a_scan_does(tmp_path, make_trace, noise, untrained_model):
    stream = obspy.Stream([make_trace(noise(2400, k), f"GE.APE..HH{c}", rate_hz=80.0) for k, c in enumerate("Z1")])
    stream += make_trace(noise(2400, 2), "GE.APE..HHZ", rate_hz=80.0, start_ns=START_NS + 60 * NS_PER_S)
    inventory = write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 9))
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    [source] = find_sources([str(tmp_path / "a.mseed")], Reading(), inventory=[inventory])
    expected = classify_source(source, SourceJob(untrained_model)).rejections
    streaming = untrained_model.stream(inventory=inventory)
    for packet in stream.slide(0.9875, 1.0, include_partial_windows=True):
        streaming.add(packet)
    streaming.finish()
    assert sorted(streaming.rejections) == sorted(expected)
    assert {rejection.reason for rejection in expected} == {
        "used, but the station metadata give no azimuth and dip of 1: letters decide",
        "used, but 1 stands in for N",
        "used, but resampled from 80 to 100 Hz",
        "used, but E was not recorded",
        "used, but N, E were not recorded",
    }
