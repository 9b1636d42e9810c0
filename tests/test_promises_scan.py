"""The promises of the contract, kept by `classify` and `annotate`: one test a promise, named for it."""

import dataclasses
import itertools

import numpy as np
import obspy
import pytest

from seisnet import nn
from seisnet.classification.job import classify, gathered
from seisnet.classification.one_source import SourceJob, classify_source
from seisnet.config import PickConfig
from seisnet.errors import ConfigError
from seisnet.features import extract
from seisnet.scan.scanner import scan_windows
from seisnet.waveforms import finding
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.records import NS_PER_S
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
from tests.commands import run_classify


@pytest.fixture(scope="module")
def quakes(make_trace):
    return stream_and_picks(make_trace)


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
