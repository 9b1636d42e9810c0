"""Streams become records: by letter, whatever the order, without a made-up sample, and nothing vanishes."""

import math
import tracemalloc
from pathlib import Path

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.waveforms.conditioning import condition, to_rate
from seisnet.waveforms.records import COMPONENTS, NS_PER_S
from tests.records import START_NS, STEP_NS, ns_to_index, records_of

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "continuous"


def summary(records):
    return [(r.trace_id, r.start_ns, r.present.tolist(), r.data.tobytes()) for r in records]


def three_components(make_trace, noise, n_samples=3000):
    return [make_trace(noise(n_samples, seed=k), f"GE.APE..HH{c}") for k, c in enumerate("ZNE")]


# Order, pieces and copies


@given(data=st.data())
@settings(max_examples=40)
def test_any_order_of_any_pieces_gives_the_same_records(data, make_trace, noise):
    whole = three_components(make_trace, noise)
    pieces = []
    for trace in whole:
        cuts = sorted(data.draw(st.lists(st.integers(1, 2999), max_size=6)))
        for low, high in zip([0, *cuts], [*cuts, 3000], strict=True):
            first = max(0, low - data.draw(st.integers(0, 50)))
            if high > first:
                pieces.append(make_trace(trace.data[first:high], trace.id, start_ns=START_NS + first * STEP_NS))
    pieces += data.draw(st.lists(st.sampled_from(pieces), max_size=3))
    found, rejections = records_of(*data.draw(st.permutations(pieces)))
    assert summary(found) == summary(records_of(*whole)[0])
    assert rejections == []


@given(rows=st.lists(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 150)), max_size=4), min_size=3, max_size=3))
@settings(max_examples=100)
def test_every_sample_of_every_component_is_in_a_record_or_in_a_rejection(rows, make_trace):
    traces, given_samples = [], set()
    for row, (component, pieces) in enumerate(zip(COMPONENTS, rows, strict=True)):
        for first, n in pieces:
            t = np.arange(first, first + n)
            traces.append(make_trace(t * (7 + row) % 31, f"GE.APE..HH{component}", start_ns=START_NS + first * STEP_NS))
            given_samples |= {(row, int(k)) for k in t}
    found, rejections = records_of(*traces, shortest_s=0.2)
    used = set()
    for record in found:
        first = ns_to_index(record.start_ns)
        t = np.arange(first, first + record.n_samples)
        for row in range(3):
            if record.present[row]:
                values = t * (7 + row) % 31
                np.testing.assert_allclose(record.data[row], values, atol=1e-4)
                here = {(row, int(k)) for k in t}
                assert here <= given_samples, "a record holds samples that nobody recorded"
                assert not here & used, "a sample is in two records"
                used |= here
            else:
                assert not record.data[row].any()
    rejected = {t for r in rejections for t in range(ns_to_index(r.start_ns), ns_to_index(r.end_ns) + 1)}
    assert all(t in rejected for row, t in given_samples - used)


# Gaps, faults and times


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300])
def test_samples_that_are_not_finite_are_cut_out_and_told(bad, make_trace, noise):
    samples = noise(1000)
    samples[400:450] = bad
    found, [rejection] = records_of(make_trace(samples))
    assert [(ns_to_index(r.start_ns), r.n_samples) for r in found] == [(0, 400), (450, 550)]
    assert (ns_to_index(rejection.start_ns), ns_to_index(rejection.end_ns)) == (400, 450)
    assert "not finite" in rejection.reason
    assert all(np.isfinite(r.data).all() for r in found)


def test_a_trace_of_masked_samples_alone_is_told(make_trace):
    found, [rejection] = records_of(make_trace(np.ma.masked_all(1000)))
    assert (found, rejection.reason) == ([], "every sample is masked")


def test_masked_stretches_are_gaps_whatever_lies_under_the_mask(make_trace, noise):
    samples = np.ma.masked_array(noise(1000), mask=False)
    samples[400:450] = np.ma.masked
    samples.data[400:450] = math.nan
    found, rejections = records_of(make_trace(samples))
    assert [(ns_to_index(r.start_ns), r.n_samples) for r in found] == [(0, 400), (450, 550)]
    assert rejections == []


def test_a_short_fragment_of_one_component_does_not_cut_the_others(make_trace, noise):
    z, n = make_trace(noise(2000)), make_trace(noise(50), "GE.APE..HHN", start_ns=START_NS + 700 * STEP_NS)
    [record], [rejection] = records_of(z, n)
    assert record.n_samples == 2000
    assert "shorter than 1 s" in rejection.reason


def test_what_is_the_same_of_all_components_is_told_once(make_trace, noise):
    whole = three_components(make_trace, noise)
    short = [make_trace(noise(50), trace.id, start_ns=START_NS + 5000 * STEP_NS) for trace in whole]
    [record], [rejection] = records_of(*whole, *short)
    assert record.n_samples == 3000
    assert rejection.reason == "shorter than 1 s"


def test_a_start_between_samples_is_kept_to_the_nanosecond(make_trace, noise):
    [record], _ = records_of(make_trace(noise(500), start_ns=START_NS + 3_141_592))
    assert record.start_ns == START_NS + 3_141_592


@pytest.mark.parametrize("level", [2**31, -(2**31)])
def test_samples_far_from_zero_lose_nothing(level, make_trace, noise):
    wiggle = np.round(100 * noise(1000)).astype(np.int64)
    [record], _ = records_of(make_trace(wiggle + level))
    np.testing.assert_allclose(record.data[0] - record.data[0].mean(), wiggle - wiggle.mean(), atol=1e-4)


def test_samples_that_are_no_numbers_are_rejected(make_trace):
    found, rejections = records_of(make_trace(np.zeros(500, dtype=complex)), make_trace(np.array([])))
    assert found == []
    assert {r.reason for r in rejections} == {"samples of type complex128", "no samples"}


def test_codes_with_dots_are_rejected_for_nobody_could_tell_them_apart(make_trace, noise):
    dotted = make_trace(noise(500))
    dotted.stats.station = "A.PE"
    [record], [rejection] = records_of(make_trace(noise(500)), dotted)
    assert record.trace_id == "GE.APE..HH" and rejection.reason.startswith("a code with a dot in it")


@pytest.mark.parametrize("code", ["A\x01B", "A\nB", "A\x7fB"])
def test_a_code_with_a_control_character_is_rejected_and_the_rest_goes_on(code, make_trace, noise):
    """Of a damaged header; QuakeML could not hold its picks, nor those of any other station beside them."""
    traces = [make_trace(noise(1000), "GE.APE..HHZ"), make_trace(noise(1000), f"GE.{code}..HHZ")]
    [record], [rejection] = records_of(*traces)
    assert (record.trace_id, rejection.reason) == ("GE.APE..HH", "a code with a control character in it")


@pytest.mark.parametrize("year", [1, 1600, 2300, 9999])
def test_times_that_nanoseconds_can_not_tell_are_rejected(year, make_trace, noise):
    wrong = make_trace(noise(500), "GE.SANT..HHZ")
    wrong.stats.starttime = obspy.UTCDateTime(year, 1, 1)
    [record], [rejection] = records_of(make_trace(noise(500)), wrong)
    assert record.trace_id == "GE.APE..HH" and rejection.trace_id == "GE.SANT..HH"
    assert rejection.reason == "its time lies before 1678 or after 2261"


def test_what_was_recorded_years_apart_takes_no_memory_for_the_years_between(make_trace, noise):
    early = three_components(make_trace, noise)
    late = [make_trace(t.data, t.id, start_ns=START_NS + 3650 * 86_400 * NS_PER_S) for t in early]
    found, rejections = records_of(*early, *late)
    assert [r.n_samples for r in found] == [3000, 3000] and rejections == []
    np.testing.assert_array_equal(found[0].data, found[1].data)


def test_bounded_memory_samples_that_are_joined_are_not_held_twice(make_trace, noise):
    """A day that is read with what lies beside it takes no more than one by itself."""

    def peak(n_pieces, *, empty):
        tracemalloc.start()
        length, stream = 400_000 // n_pieces, obspy.Stream()
        for component in "ZNE":
            for k in range(n_pieces):
                start_ns = START_NS + k * length * STEP_NS
                stream += make_trace(noise(length).astype(np.int32), f"GE.APE..HH{component}", start_ns=start_ns)
        tracemalloc.reset_peak()
        [record], _ = condition(stream, sampling_rate_hz=100.0, shortest_s=1.0, empty=empty)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(stream) == (0 if empty else 3 * n_pieces) and record.n_samples == 400_000
        return highest / record.data.nbytes

    assert peak(2, empty=False) > 2.9
    assert peak(2, empty=True) < 1.1 * peak(1, empty=True)


def test_an_empty_stream_gives_nothing():
    assert records_of() == ([], [])


# Rates


@pytest.mark.parametrize("rate_hz", [1.0, 9.9])
def test_recordings_of_less_than_a_tenth_of_the_rate_are_rejected(rate_hz, make_trace, noise):
    found, [rejection] = records_of(make_trace(noise(500), rate_hz=rate_hz))
    assert found == []
    assert f"sampled at {rate_hz:g} Hz" in rejection.reason


def test_a_record_remembers_the_band_that_was_recorded(make_trace, noise):
    for rate_hz, bandwidth_hz in ((20.0, 10.0), (100.0, 50.0), (200.0, 50.0)):
        [record], _ = records_of(make_trace(noise(4000), rate_hz=rate_hz))
        assert (record.sampling_rate_hz, record.bandwidth_hz) == (100.0, bandwidth_hz)


def test_the_slowest_component_sets_the_band(make_trace, noise):
    [record], _ = records_of(
        make_trace(noise(4001), rate_hz=100.0), make_trace(noise(2001), "GE.APE..HHN", rate_hz=50.0), shortest_s=39.0
    )
    assert record.present.tolist() == [True, True, False]
    assert record.bandwidth_hz == 25.0


@pytest.mark.parametrize(("slow_hz", "fast_hz"), [(50.0, 100.0), (200.0, 400.0)])
def test_components_of_two_rates_are_told_for_one_header_may_be_wrong(slow_hz, fast_hz, make_trace, noise):
    traces = [
        make_trace(noise(int(rate_hz * 40) + 1, k), f"GE.APE..HH{c}", rate_hz=rate_hz)
        for k, (c, rate_hz) in enumerate((("Z", fast_hz), ("N", fast_hz * (1 + 1e-6)), ("E", slow_hz)))
    ]
    [record], _ = records_of(*traces, shortest_s=39.0)
    *_, flag = record.flags
    assert flag.what == f"its components are sampled at two rates: HHE at {slow_hz:g} Hz, HHN at {fast_hz:g} Hz"
    assert (flag.start_ns, flag.end_ns) == (record.start_ns, record.end_ns)
    [alike], _ = records_of(*traces[:2], shortest_s=39.0)
    assert not any("two rates" in flag.what for flag in alike.flags)


@pytest.mark.parametrize(
    ("codes", "rate_hz", "told"),
    [
        ("ZNE", 100.0, []),
        ("Z", 100.000002, []),
        ("Z", 99.9999, ["resampled from 99.9999 to 100 Hz"]),
        ("ZNE", 62.5, ["resampled from 62.5 to 100 Hz"]),
        ("ZNE", 99.99, ["resampled from 99.99 to 100 Hz"]),
        ("2Z1", 1000.0, ["1, 2 stand in for N, E", "resampled from 1000 to 100 Hz"]),
        ("ZT", 100.0, ["T stands in for E"]),
    ],
)
def test_rates_that_are_changed_and_letters_that_stand_in_are_told_once_a_record(
    codes, rate_hz, told, make_trace, noise
):
    traces = [make_trace(noise(round(60 * rate_hz), k), f"GE.APE..HH{c}", rate_hz=rate_hz) for k, c in enumerate(codes)]
    [record], rejections = records_of(*traces)
    assert [flag.what for flag in record.flags] == told and rejections == []
    assert all(flag.start_ns == flag.end_ns == record.start_ns for flag in record.flags)


def test_to_rate_moves_every_row_alike(make_record, noise):
    record = make_record(np.stack([noise(2000, k) for k in range(3)]), rate_hz=200.0)
    slower = to_rate(record, 100.0)
    assert (slower.sampling_rate_hz, slower.n_samples, slower.bandwidth_hz) == (100.0, 1000, 50.0)
    for row in range(3):
        one = to_rate(make_record(record.data[row], rate_hz=200.0), 100.0)
        np.testing.assert_array_equal(slower.data[row], one.data[0])
    assert to_rate(slower, 100.0).data is slower.data


# Real recordings


def test_the_volcano_observatory_of_montserrat_becomes_eight_records():
    path = Path(obspy.__file__).parent / "io/seisan/tests/data/9701-30-1048-54S.MVO_21_1"
    found, rejections = condition(obspy.read(str(path)), sampling_rate_hz=100.0, shortest_s=4.0)
    present = {r.trace_id: "".join(np.array(list(COMPONENTS))[r.present]) for r in found}
    assert present[".MBGA.J.SB"] == "ZNE"
    assert {r.sampling_rate_hz for r in found} == {100.0}
    assert all(rejection.reason for rejection in rejections)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared recordings are not here")
def test_shared_recordings_with_odd_codes_and_mixed_rates_are_all_used():
    for path in sorted(SHARED.glob("sprit_odd_codes/*.MSEED")):
        found, _ = condition(obspy.read(str(path)), sampling_rate_hz=100.0, shortest_s=4.0)
        assert found
        assert all(r.present.all() for r in found if r.n_samples > 10_000)
    stream = obspy.read(str(SHARED / "swiss_mixed_rates" / "data.mseed"))
    found, rejections = condition(stream, sampling_rate_hz=100.0, shortest_s=4.0)
    used = {r.trace_id for r in found} | {r.trace_id for r in rejections}
    assert used == {f"{t.id[:-1]}" for t in stream}
    assert all("sampled at 1 Hz" in r.reason or "shorter" in r.reason for r in rejections)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.float32, ">i4"])
def test_the_type_of_samples_does_not_matter(make_trace, dtype):
    """Differences of the largest integers don't overflow, and nothing of what the user holds is changed."""
    x = np.random.default_rng(5).integers(-300, 300, 3000)
    x[1000], x[2000:] = np.iinfo(np.int16).max, np.iinfo(np.int16).min
    x *= 65_536 if np.dtype(dtype).itemsize == 4 else 1
    given = x.astype(dtype)
    for rate_hz in (100.0, 50.0):
        ([one], told), ([other], expected) = (
            condition(obspy.Stream([make_trace(data)]), sampling_rate_hz=rate_hz, shortest_s=1.0)
            for data in (given, x.astype(np.float64))
        )
        np.testing.assert_array_equal(one.data, other.data)
        assert one.data.dtype == np.float32 and one.flags
        assert (one.flags, told) == (other.flags, expected)
    np.testing.assert_array_equal(given, x)
