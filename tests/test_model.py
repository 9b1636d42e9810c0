"""A model in Python: what it gives, to how many threads, and what it says where it can give nothing."""

import dataclasses
import math
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import obspy
import pytest

import seisnet
from seisnet.classification.job import classify
from seisnet.config import PickConfig, TrainConfig
from seisnet.errors import ConfigError, DataError
from seisnet.model import load_model
from seisnet.nn import blas_threads
from seisnet.picks import Detection
from seisnet.waveforms.records import NS_PER_S, lost


@pytest.fixture(scope="module")
def phase():
    return load_model("phase")


@pytest.fixture
def hasty_threads():
    """Eight threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with blas_threads(1), ThreadPoolExecutor(8) as pool:
        yield pool
    sys.setswitchinterval(before)


def test_threads_that_ask_at_once_get_the_probabilities_of_one_alone(phase, hasty_threads):
    x = np.random.default_rng(0).normal(size=(40, 1500, len(phase.stored.mean))).astype(np.float32)
    alone = [phase.predict_proba(part) for part in x]
    for one, together in zip(alone, hasty_threads.map(phase.predict_proba, x), strict=True):
        np.testing.assert_array_equal(one, together)


def test_threads_that_ask_at_once_get_the_onsets_of_one_alone(phase, hasty_threads):
    (record,), _ = phase.records(obspy.read())
    times_ns = [record.start_ns + 2 * NS_PER_S + i * NS_PER_S // 50 for i in range(600)]

    def move(time_ns):
        return phase.onsets.move(record, time_ns, "P")

    alone = [move(time_ns) for time_ns in times_ns]
    assert list(hasty_threads.map(move, times_ns)) == alone


def test_the_first_layer_is_prepared_once_for_all_records(phase, monkeypatch):
    (record,), _ = phase.records(obspy.read())
    before = phase.scan(record).values
    monkeypatch.setattr("seisnet.scan.sliding_network.sliding_product", lambda *_: pytest.fail("prepared again"))
    assert phase.scan(record).values.tobytes() == before.tobytes()


def test_a_model_of_classes_gives_the_detections_of_the_command_line(make_trace, noise, tmp_path):
    model, low = load_model("rockfall"), PickConfig(thresholds={"earthquake": 0.2, "rockfall": 0.2})
    samples = [noise(12_000, seed) * np.where(np.arange(12_000) // 3000 % 2, 50.0, 1.0) for seed in range(3)]
    stream = obspy.Stream([make_trace(row, f"XX.TEST..EH{c}") for c, row in zip("ZNE", samples, strict=True)])
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    found = model.classify(stream, low)
    assert found.detections is found
    assert found and {type(detection) for detection in found} == {Detection}
    assert found == classify([str(tmp_path / "a.mseed")], model, low).detections


def test_what_gives_nothing_says_why_once_a_call_where_it_was_asked(phase, make_trace, noise):
    short = [make_trace(noise(50), f"GE.{station}..HHZ") for station in ("APE", "SANT")]
    logs = make_trace(noise(6000), "GE.APE..LOG")
    for traces, why in (
        ([], "the stream holds no waveforms"),
        (short, "shorter than 4 s (GE.APE..HH, GE.SANT..HH)"),
        ([*short, logs], "channel code 'LOG' names no component; known are Z N E 1 2 3 R T (GE.APE..LO); shorter"),
    ):
        for ask in (phase.classify, phase.annotate):
            with pytest.warns(UserWarning, match=re.escape(why)) as told:
                assert len(ask(obspy.Stream(traces))) == 0
            assert len(told) == 1 and told[0].filename == __file__
    usable = make_trace(noise(6000), "GE.APE..HHZ")
    phase.classify(obspy.Stream([usable, *short[1:]]))  # no warning: a part of it was scanned
    with pytest.warns(UserWarning, match="strict"):
        phase.classify(obspy.Stream([usable]), strict=True)


def test_what_is_second_in_seisbench_and_not_here_is_refused_with_its_name(phase):
    for ask, second, name in ((phase.annotate, True, "copy"), (phase.classify, 4, "parallelism")):
        told = f"config: got {second}; name all arguments but the stream, as in {name}={second}"
        with pytest.raises(ConfigError, match=told):
            ask(obspy.Stream(), second)


@pytest.mark.parametrize("config", [{"P": 0.3}, {}, TrainConfig()])
def test_settings_of_another_kind_are_refused_at_once_with_the_remedy(phase, config):
    (record,), _ = phase.records(obspy.read())
    told = f"config: got {type(config).__name__}; PickConfig is needed, such as PickConfig(thresholds={{'P': 0.3}})"
    for ask in (
        lambda: phase.classify(obspy.read(), config),
        lambda: phase.annotate(obspy.read(), config),
        lambda: phase.stream(config),
        lambda: phase.follow(record, config),
        lambda: phase.scan(record, config),
    ):
        with pytest.raises(ConfigError, match=re.escape(told)):
            ask()


@pytest.mark.parametrize("read", [seisnet.load_model, seisnet.read_picks, seisnet.read_windows])
@pytest.mark.parametrize("path", [None, b"a.h5", 3])
def test_what_is_no_path_is_told(read, path):
    with pytest.raises(ConfigError, match=f"got {type(path).__name__}; the name of a file is needed"):
        read(path)


def test_probabilities_are_asked_for_with_no_threshold_of_a_class_that_there_is_not(phase):
    with pytest.raises(ConfigError, match="unknown threshold 'p'; did you mean 'P'"):
        phase.annotate(obspy.read(), PickConfig(thresholds={"p": 0.5}))


def test_a_stream_begins_with_no_threshold_of_a_class_that_there_is_not(phase):
    with pytest.raises(ConfigError, match="unknown threshold 'p'; did you mean 'P'"):
        phase.stream(PickConfig(thresholds={"p": 0.3}))


def test_a_packet_may_be_filled_anew_after_it_was_added(phase):
    (trace,) = obspy.read().select(channel="EHZ")
    streaming, found = phase.stream(), []
    packet = obspy.Trace(np.empty(100), dict(trace.stats, npts=100))
    for at in range(0, len(trace), 100):
        packet.data[:] = trace.data[at : at + 100]
        packet.stats.starttime = trace.stats.starttime + at / 100
        found += streaming.add(packet)
    assert found + streaming.finish() == phase.classify(obspy.Stream([trace])) != []


@pytest.mark.parametrize("year", [1700, 1800, 1969, 2120, 2261])
def test_any_year_that_nanoseconds_can_tell_gives_the_same_picks(phase, year):
    stream, expected = obspy.read(), phase.classify(obspy.read())
    for trace in stream:
        trace.stats.starttime = obspy.UTCDateTime(year, 12, 31, 23, 59, 50)
    picks = phase.classify(stream)
    assert [p.phase for p in picks] == [p.phase for p in expected]
    assert [p.probability for p in picks] == pytest.approx([p.probability for p in expected], abs=1e-5)
    streaming = phase.stream()
    assert streaming.add(stream) + streaming.finish() == picks
    assert lost(streaming.rejections) == []
    with pytest.raises(ConfigError, match="finished and takes no more packets"):
        streaming.add(stream)


def test_detections_of_packets_are_those_of_the_whole():
    rockfall, stream = load_model("rockfall"), obspy.read()
    streaming = rockfall.stream()
    for packet in stream.slide(4.99, 5.0, include_partial_windows=True):
        assert streaming.add(packet) == []
    assert streaming.finish() == []
    assert streaming.detections == rockfall.classify(stream) != []
    streaming = rockfall.stream(PickConfig(thresholds={"earthquake": 1.0, "rockfall": 1.0}))
    streaming.add(stream)
    streaming.finish()
    assert streaming.detections == [], "what reaches half of its threshold is none"


@pytest.mark.parametrize("packet", [None, "day.mseed", np.zeros(3), [None]])
def test_a_packet_of_another_kind_is_refused(phase, packet):
    with pytest.raises(ConfigError, match=r"packet: got a \w+; an obspy.Trace or obspy.Stream is needed"):
        phase.stream().add(packet)


@pytest.mark.parametrize("name", ["patience_s", "step_s"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "30", None])
def test_a_time_to_wait_that_is_none_is_refused(phase, name, value):
    with pytest.raises(ConfigError, match=f"{name}: got "):
        phase.stream(**{name: value})


@pytest.mark.parametrize("shape", [(), (570,), (4, 1), (4, 569), (1, 4, 570)])
def test_features_of_another_shape_are_refused(phase, shape):
    with pytest.raises(DataError, match=r"x: got the shape \(.*\); phase reads features \(N, 570\)"):
        phase.predict_proba(np.zeros(shape, np.float32))


def test_a_record_of_another_rate_is_refused(phase):
    [record], _ = phase.records(obspy.read())
    half = dataclasses.replace(record, data=record.data[:, ::2], sampling_rate_hz=50.0)
    for ask in (phase.scan, phase.follow):
        with pytest.raises(DataError, match=r"BW\.RJOB\.\.EH: got a record of 50 Hz; the networks read 100 Hz"):
            ask(half)


@pytest.mark.parametrize("asked", [{"coincidence": 3}, {"p_before_s": 5.0}])
def test_company_of_detections_is_refused_where_nobody_looks_for_it(asked):
    rockfall, config = load_model("rockfall"), PickConfig(**asked)
    for ask in (lambda: rockfall.classify(obspy.read(), config), lambda: rockfall.stream(config)):
        with pytest.raises(ConfigError, match="coincidence and p_before_s are for picks; rockfall gives detections"):
            ask()


def test_a_model_is_equal_to_itself_and_may_be_a_key(phase):
    other = load_model("phase")
    assert phase != other
    assert {phase: 1, other: 2}[phase] == 1
