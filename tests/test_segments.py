"""Pieces of a channel become segments: each sample once, whatever its clock and its rate do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.waveforms.records import NS_PER_S, sample_to_ns
from seisnet.waveforms.segments import place_after, segments_of
from tests.records import START_NS, STEP_NS, ns_to_index, records_of

pieces_of_a_component = st.lists(
    st.tuples(st.integers(0, 120), st.integers(1, 60), st.sampled_from([0, 0, 0, 1000])), min_size=1, max_size=8
)


def truth_of(pieces):
    """Naive oracle: for every sample time all the values that any piece gives it."""
    values = {}
    for first, length, offset in pieces:
        for t in range(first, first + length):
            values.setdefault(t, set()).add(offset + t * 7 % 31)
    return values


def runs_of(times):
    runs = []
    for t in sorted(times):
        if runs and t == runs[-1][-1] + 1:
            runs[-1].append(t)
        else:
            runs.append([t])
    return runs


@given(pieces=pieces_of_a_component, order=st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_each_sample_is_kept_once_where_all_copies_agree_and_not_at_all_elsewhere(pieces, order, make_trace):
    traces = [
        make_trace(offset + np.arange(first, first + n) * 7 % 31, start_ns=START_NS + first * STEP_NS)
        for first, n, offset in pieces
    ]
    order.shuffle(traces)
    found, rejections = records_of(*traces, shortest_s=0.1)
    truth = truth_of(pieces)
    agreed = runs_of(t for t, values in truth.items() if len(values) == 1)
    expected = [run for run in agreed if len(run) >= 10]
    assert [ns_to_index(r.start_ns) for r in found] == [run[0] for run in expected]
    for record, run in zip(found, expected, strict=True):
        values = np.array([next(iter(truth[t])) for t in run], dtype=float)
        np.testing.assert_allclose(record.data[0], values, atol=1e-4)
    used = {t for run in expected for t in run}
    rejected = {t for r in rejections for t in range(ns_to_index(r.start_ns), ns_to_index(r.end_ns))}
    assert used | rejected == set(truth)
    assert not used & rejected


def test_five_thousand_overlapping_fragments_become_one_record(make_trace, noise):
    samples = noise(500_020)
    fragments = [
        make_trace(samples[low : low + 120], start_ns=START_NS + low * STEP_NS) for low in range(0, 500_000, 100)
    ]
    [record], rejections = records_of(*fragments, shortest_s=4.0)
    np.testing.assert_allclose(record.data[0], samples, atol=1e-5)
    assert rejections == []


@pytest.mark.parametrize("rates_hz", [(100.0, 100.0002, 99.9997, 100.0001, 99.9999), (100.0003, 100.0001, 99.9998)])
def test_rates_that_jitter_from_piece_to_piece_are_one_rate(rates_hz, make_trace, noise):
    samples = noise(len(rates_hz) * 1000)
    traces = [
        make_trace(samples[k * 1000 : k * 1000 + 1000], rate_hz=rate, start_ns=START_NS + k * 10 * NS_PER_S)
        for k, rate in enumerate(rates_hz)
    ]
    [record], rejections = records_of(*traces)
    np.testing.assert_array_equal(record.data[0], samples.astype(np.float32))
    assert (record.bandwidth_hz, record.flags, rejections) == (50.0, (), [])


def test_rates_that_jitter_are_one_only_where_that_moves_no_sample(make_trace, noise):
    """At the median of both rates the last sample of the long piece would be off by 1.6 samples."""
    long = make_trace(noise(40_000), rate_hz=100.004)
    short = make_trace(noise(1000), rate_hz=100.0, start_ns=START_NS + 500 * NS_PER_S)
    found = segments_of([long, short], [])
    assert [(segment.start_ns, round(segment.rate_hz, 6)) for segment in found] == [
        (long.stats.starttime.ns, 100.004),
        (short.stats.starttime.ns, 100.0),
    ]


def test_a_sample_that_a_fast_clock_gives_twice_leaves_no_empty_segment(make_trace, noise):
    long, more = make_trace(noise(1000)), make_trace(noise(1, 1), start_ns=START_NS + 1000 * STEP_NS - 7_200_000)
    [found] = segments_of([long, more], [])
    assert (found.start_ns, len(found.samples)) == (START_NS, 1000)


def test_a_rate_that_is_a_little_off_keeps_its_time_over_hours(make_trace, noise):
    rate_hz = 99.9995  # 36 samples a day
    n = 300_000
    samples = noise(n)
    samples[-1000:-997] = 1e6, -7e5, 4e5  # one alone would be a spike
    [record], rejections = records_of(make_trace(samples, rate_hz=rate_hz))
    truth_ns = START_NS + round((n - 1000) * NS_PER_S / rate_hz)
    found_ns = sample_to_ns(record, int(np.argmax(record.data[0])))
    assert abs(found_ns - truth_ns) <= NS_PER_S / 100
    assert rejections == []


@pytest.mark.parametrize("late_ns", [1_000_000, -1_000_000, -2_000_000, 3_600_000, -3_600_000, -7_200_000])
def test_a_clock_that_drifts_cuts_the_record_and_loses_next_to_nothing(late_ns, make_trace, noise):
    # Ten minutes in pieces of ten seconds, each so much later than the one before says; hours of 1 ppm are 3.6 ms.
    step_ns = 10 * NS_PER_S + late_ns
    traces = [make_trace(noise(1000, k), start_ns=START_NS + k * step_ns) for k in range(60)]
    found, rejections = records_of(*traces)
    assert len(found) > 1 and rejections == []
    assert sum(r.n_samples for r in found) >= 60 * 1000 - len(found)
    for record in found:
        piece = round((record.start_ns - START_NS) / step_ns)
        assert record.start_ns - (START_NS + piece * step_ns) in (0, STEP_NS)
    parts = [make_trace(t.data[100:200], start_ns=t.stats.starttime.ns + 100 * STEP_NS) for t in traces[1::2]]
    copied, rejections = records_of(*traces, *(trace.copy() for trace in traces[::2]), *parts)
    assert [(r.start_ns, r.data.tobytes()) for r in copied] == [(r.start_ns, r.data.tobytes()) for r in found]
    assert rejections == []


@pytest.mark.parametrize("late_ns", [200_000, -200_000])
def test_of_a_clock_that_drifts_files_that_overlap_lose_next_to_nothing(late_ns, make_trace):
    """Each is cut every half sample, but not where the other is, so that copies of a sample fall beside each other."""
    starts_ns = [START_NS + k * (NS_PER_S + late_ns) for k in range(100)]
    firsts = [*range(0, 70, 20), *range(30, 100, 20)]
    ends = [min(k + 20, 70) if k % 20 == 0 else min(k + 20, 100) for k in firsts]
    traces = [
        make_trace(np.arange(100 * low, 100 * high, dtype=np.int32), start_ns=starts_ns[low])
        for low, high in zip(firsts, ends, strict=True)
    ]
    rejections = []
    found = segments_of(traces, rejections)
    assert rejections == []
    samples = np.concatenate([segment.samples for segment in found]).astype(int)
    assert (np.diff(samples) > 0).all() and len(samples) >= 10_000 - len(found)
    times_ns = np.concatenate([[s.time_ns(i) for i in range(len(s.samples))] for s in found])
    truth_ns = np.array(starts_ns)[samples // 100] + samples % 100 * STEP_NS
    assert np.abs(times_ns - truth_ns).max() <= STEP_NS


def test_copies_that_differ_are_still_rejected_where_few_agree_one_sample_off(make_trace, noise):
    samples = noise(1000)
    later = np.concatenate([samples[996:], noise(500, 1)])  # four samples, said to be five
    rejections = []
    segments_of([make_trace(samples), make_trace(later, start_ns=START_NS + 995 * STEP_NS)], rejections)
    assert [r.reason for r in rejections] == ["overlapping samples that differ"]


def test_what_begins_amid_two_samples_is_placed_alike_however_long_what_came_before_it_is():
    lengths = {*range(100, 500)} - {163}  # of which this would be the last sample
    assert {place_after(0, 2_600_000_000, 62.5, length) for length in lengths} == {163}  # after 162.5 samples
