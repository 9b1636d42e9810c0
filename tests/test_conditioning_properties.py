"""Whatever pieces, rates, codes and types a station delivers: every sample is used once or rejected with a reason."""

import math

import numpy as np
import obspy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seisnet.waveforms.channels import split_channel
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.records import NS_PER_S, ROW

START_NS = 1_577_836_800 * NS_PER_S

RATES_HZ = [20.0, 31.25, 50.0, 52.03, 75.19, 99.999, 100.0, 100.00001, 104.08, 120.0, 250.0, 500.0]
DTYPES = [np.int16, np.int32, np.int64, np.float32, np.float64, ">i4"]
SPELLINGS = {
    "Z": ["HHZ", "hhz", "HH3", "?HZ", "SBZ", "S Z", "UD"],
    "N": ["HHN", "hhn", "HH1", "?HN", "SBN", "S N", "NS"],
    "E": ["HHE", "hhe", "HH2", "?HE", "SBE", "S E", "EW"],
}


@st.composite
def recordings(draw, *, resampled):
    """Pieces of three components with gaps, in any order: (component, first second, samples, masked run, bad run)."""
    rate_hz = draw(st.sampled_from(RATES_HZ)) if resampled else 100.0
    spelling = draw(st.integers(0, 6))
    offset_ns = draw(st.integers(0, NS_PER_S))
    pieces = []
    for component in draw(st.sets(st.sampled_from("ZNE"), min_size=1)):
        at = draw(st.integers(0, 300))
        for _ in range(draw(st.integers(1, 4))):
            n = draw(st.integers(1, 600))
            pieces.append((component, at, n, draw(st.sampled_from(["", "", "masked", "nan"]))))
            at += n + draw(st.integers(2, 200))
    return rate_hz, spelling, offset_ns, draw(st.permutations(pieces)), draw(st.sampled_from(DTYPES))


def traces_of(recording, make_trace, noise):
    rate_hz, spelling, offset_ns, pieces, dtype = recording
    traces = []
    for component, at, n, fault in pieces:
        x = np.round(1000 * noise(n, at)).astype(dtype)
        if fault == "masked":
            x = np.ma.masked_array(x, mask=np.arange(n) % 300 == 150)
        elif fault == "nan" and np.issubdtype(x.dtype, np.floating):
            x[n // 2] = math.nan
        code = f"GE.APE..{SPELLINGS[component][spelling]}"
        traces.append(
            make_trace(x, code, start_ns=START_NS + offset_ns + round(at * NS_PER_S / rate_hz), rate_hz=rate_hz)
        )
    return traces


def usable_runs(trace):
    """Naive: first and past-the-last index of every run of samples that are numbers."""
    data, mask = np.ma.getdata(trace.data).astype(float), np.ma.getmaskarray(trace.data)
    runs, first = [], None
    for i in range(len(data) + 1):
        good = i < len(data) and not mask[i] and math.isfinite(data[i])
        if good and first is None:
            first = i
        elif not good and first is not None:
            runs.append((first, i))
            first = None
    return runs


def seconds_by_row(traces):
    """Seconds recorded, one a row of the record, samples times interval."""
    total = np.zeros(3)
    for trace in traces:
        _, component = split_channel(trace.stats.channel)
        total[ROW[component]] += sum(b - a for a, b in usable_runs(trace)) / trace.stats.sampling_rate
    return total


@given(recording=recordings(resampled=False), shortest_s=st.sampled_from([0.01, 0.5, 2.0]))
@settings(max_examples=60)
def test_samples_in_are_samples_used_and_samples_rejected(recording, shortest_s, make_trace, noise):
    """At the target rate the count is exact: each usable sample is in one record, or lies in a rejection."""
    traces = traces_of(recording, make_trace, noise)
    records, rejections = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=shortest_s)
    used = np.zeros(3)
    for record in records:
        used += record.present * record.n_samples
        assert record.n_samples >= max(1, round(shortest_s * 100))
        assert np.isfinite(record.data).all()
    given_samples = 100 * seconds_by_row(traces)
    assert (used <= given_samples + 1e-6).all()
    held = [[(r.start_ns, r.end_ns) for r in records if r.present[row]] for row in range(3)]
    told = [(r.start_ns, r.end_ns) for r in rejections]
    lost = np.zeros(3)
    for trace in traces:
        row = ROW[split_channel(trace.stats.channel)[1]]
        for low, high in usable_runs(trace):
            times = trace.stats.starttime.ns + np.round(np.arange(low, high) * NS_PER_S / 100).astype(np.int64)
            is_used = np.any([(times >= a - 10) & (times <= b + 10) for a, b in held[row]] or [times < 0], axis=0)
            is_told = np.any([(times >= a - 10) & (times <= b + 10) for a, b in told] or [times < 0], axis=0)
            assert (is_used | is_told).all(), "a sample has vanished"
            lost[row] += np.count_nonzero(~is_used)
    np.testing.assert_allclose(used + lost, given_samples, atol=1e-6)
    assert all(rejection.reason for rejection in rejections)


@given(recording=recordings(resampled=True))
@settings(max_examples=60)
def test_no_record_crosses_a_gap_and_little_is_lost_at_any_rate(recording, make_trace, noise):
    traces = traces_of(recording, make_trace, noise)
    records, rejections = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=0.02)
    step_ns = NS_PER_S / min(recording[0], 100.0)
    for row in range(3):
        runs = sorted(
            (t.stats.starttime.ns + low * NS_PER_S / t.stats.sampling_rate,
             t.stats.starttime.ns + (high - 1) * NS_PER_S / t.stats.sampling_rate)
            for t in traces if ROW[split_channel(t.stats.channel)[1]] == row for low, high in usable_runs(t)
        )  # fmt: skip
        for record in records:
            if record.present[row]:
                assert any(a - step_ns <= record.start_ns and record.end_ns <= b + step_ns for a, b in runs), (
                    "a record reaches beyond what was recorded without a gap"
                )
    used_s = sum((record.present * record.n_samples / 100.0 for record in records), np.zeros(3))
    told_s = sum((r.end_ns - r.start_ns) / NS_PER_S for r in rejections)
    n_runs = sum(len(usable_runs(t)) for t in traces)
    # A run that is resampled loses up to an interval at either end; so does every record cut from it.
    slack_s = 2 * (n_runs + 3 * len(records)) * step_ns / NS_PER_S
    assert (used_s <= seconds_by_row(traces) + slack_s).all()
    assert (used_s + told_s + slack_s >= seconds_by_row(traces)).all()


@given(recording=recordings(resampled=True), data=st.data())
@settings(max_examples=40)
def test_the_order_and_the_spelling_of_components_change_nothing(recording, data, make_trace, noise):
    rate_hz, _, offset_ns, pieces, dtype = recording
    shuffled = (rate_hz, data.draw(st.integers(0, 6)), offset_ns, data.draw(st.permutations(pieces)), dtype)
    found = [
        condition(obspy.Stream(traces_of(r, make_trace, noise)), sampling_rate_hz=100.0, shortest_s=0.02)[0]
        for r in (recording, shuffled)
    ]
    first, second = ([(r.start_ns, r.present.tolist(), r.data.tobytes()) for r in records] for records in found)
    assert first == second


@given(
    rate_hz=st.one_of(st.sampled_from(RATES_HZ), st.floats(10.0, 1000.0)),
    target_hz=st.sampled_from([20.0, 50.0, 100.0, 200.0]),
    at=st.floats(0.35, 0.65),
    start_ns=st.integers(0, 2**60),
    component=st.sampled_from("ZNE"),
)
@settings(max_examples=50)
def test_an_impulse_stays_within_half_a_sample_at_every_rate(rate_hz, target_hz, at, start_ns, component, make_trace):
    assume(target_hz * 0.1 <= rate_hz)
    n = round(40 * rate_hz)
    samples = np.zeros(n)
    onset = round(at * n)
    samples[onset] = 1e6
    trace = make_trace(samples, f"GE.APE..HH{component}", start_ns=start_ns // 1000 * 1000, rate_hz=rate_hz)
    [record], rejections = condition(obspy.Stream([trace]), sampling_rate_hz=target_hz, shortest_s=10.0)
    assert rejections == []
    row = "ZNE".index(component)
    found_ns = record.start_ns + round(int(np.argmax(record.data[row])) * NS_PER_S / target_hz)
    truth_ns = trace.stats.starttime.ns + round(onset * NS_PER_S / trace.stats.sampling_rate)
    assert abs(found_ns - truth_ns) <= 0.5 * NS_PER_S / rate_hz + 0.5 * NS_PER_S / target_hz + 10


@given(rates=st.lists(st.sampled_from([52.03, 104.08, 0.99999 * 104.08]), min_size=2, max_size=5))
@settings(max_examples=20)
def test_rates_that_jump_from_piece_to_piece_keep_their_times(rates, make_trace):
    """Pieces of 20 s, each with an impulse in its middle, one after the other."""
    traces = []
    for k, rate_hz in enumerate(rates):
        samples = np.zeros(round(20 * rate_hz))
        samples[len(samples) // 2] = 1e6
        traces.append(make_trace(samples, start_ns=START_NS + k * 25 * NS_PER_S, rate_hz=rate_hz))
    records, rejections = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=4.0)
    assert rejections == []
    assert len(records) == len(rates)
    for trace, record in zip(traces, records, strict=True):
        found_ns = record.start_ns + int(np.argmax(record.data[0])) * NS_PER_S // 100
        rate_hz = trace.stats.sampling_rate
        truth_ns = trace.stats.starttime.ns + round(len(trace.data) // 2 * NS_PER_S / rate_hz)
        assert abs(found_ns - truth_ns) <= 0.5 * NS_PER_S / rate_hz + 5_000_010
