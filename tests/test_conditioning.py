"""Streams become records: by letter, whatever the order, without a made-up sample, and nothing vanishes."""

import math
import tracemalloc
from pathlib import Path

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.waveforms.alignment import side_by_side
from seisnet.waveforms.channels import split_channel
from seisnet.waveforms.conditioning import condition, to_rate
from seisnet.waveforms.records import COMPONENTS, NS_PER_S, ns_to_sample, sample_to_ns
from seisnet.waveforms.segments import Segment, place_after, segments_of

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "continuous"
START_NS = 1_577_836_800 * NS_PER_S
STEP_NS = NS_PER_S // 100


def records_of(*traces, sampling_rate_hz=100.0, shortest_s=1.0):
    return condition(obspy.Stream(traces), sampling_rate_hz=sampling_rate_hz, shortest_s=shortest_s)


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


def ns_to_index(ns):
    return round((ns - START_NS) / STEP_NS)


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


def test_five_thousand_overlapping_fragments_become_one_record(make_trace, noise):
    samples = noise(500_020)
    fragments = [
        make_trace(samples[low : low + 120], start_ns=START_NS + low * STEP_NS) for low in range(0, 500_000, 100)
    ]
    [record], rejections = records_of(*fragments, shortest_s=4.0)
    np.testing.assert_allclose(record.data[0], samples, atol=1e-5)
    assert rejections == []


# Components and codes


@pytest.mark.parametrize(
    "codes",
    ["HHZ HHN HHE", "HHE HHZ HHN", "HHZ HH1 HH2", "hhz hhn hhe", "?HZ ?HN ?HE", "SBZ SBN SBE", "UD NS EW",
     "UD1 NS1 EW1", "S Z,S N,S E", "HH3 HH1 HH2", "HHZ HHR HHT", "HHZ HHN HH2", "Z N E"],
)  # fmt: skip
def test_components_are_found_by_letter_never_by_position(codes, make_trace, noise):
    names = codes.split(",") if "," in codes else codes.split()
    rows = {"Z": 0, "U": 0, "3": 0, "N": 1, "1": 1, "R": 1, "E": 2, "2": 2, "T": 2}
    traces = [make_trace(noise(500, seed=k), f"GE.APE..{name}") for k, name in enumerate(names)]
    [record], rejections = records_of(*traces)
    assert rejections == []
    for trace, name in zip(traces, names, strict=True):
        letter = name[0].upper() if name[:2] in ("UD", "NS", "EW") else name[-1].upper()
        np.testing.assert_allclose(record.data[rows[letter]], trace.data, atol=1e-5)


def test_instruments_and_locations_of_a_site_stay_apart(make_trace, noise):
    ids = [f"GE.APE.{loc}.{band}{c}" for loc in ("", "00", "10") for band in ("HH", "HN") for c in "ZNE"]
    found, rejections = records_of(*(make_trace(noise(500, k), i) for k, i in enumerate(ids)))
    names = [f"GE.APE.{loc}.{band}" for loc in ("", "00", "10") for band in ("HH", "HN")]
    assert [r.trace_id for r in found] == names
    assert all(r.present.all() for r in found)
    assert rejections == []


def test_an_empty_location_is_one_however_it_is_written(make_trace, noise):
    [record], rejections = records_of(
        *(make_trace(noise(500, k), i) for k, i in enumerate(("GE.APE..HHZ", "GE.APE.--.HHN", "GE.APE.  .HHE")))
    )
    assert record.trace_id == "GE.APE..HH" and record.present.all() and rejections == []


@pytest.mark.parametrize("component", "ZNE12")
def test_one_component_alone_goes_through_and_says_so(component, make_trace, noise):
    [record], _ = records_of(make_trace(noise(500), f"GE.APE..HH{component}"))
    row = "ZNE".index({"1": "N", "2": "E"}.get(component, component))
    assert record.present.tolist() == [k == row for k in range(3)]
    assert not record.data[~record.present].any()


@pytest.mark.parametrize("channel", ["HDH", "HHF", "LDO", "", "HH?"])
def test_what_is_no_component_of_ground_motion_is_rejected_with_its_code(channel, make_trace, noise):
    found, [rejection] = records_of(make_trace(noise(500), f"GE.APE..{channel}"))
    assert found == []
    assert f"'{channel}'" in rejection.reason
    assert "Z N E" in rejection.reason


@pytest.mark.parametrize("channel", ["001", "1", "BHZ_01", "AUX2", "DS 12", "TRANSVERT"])
def test_the_number_of_a_channel_is_no_component(channel, make_trace, noise):
    found, [rejection] = records_of(make_trace(noise(500), f"GE.APE..{channel}"))
    assert found == []
    assert f"'{channel}' names a channel, not a component" in rejection.reason


@pytest.mark.parametrize(
    "name",
    ["alsep/tests/data/wth.1.5.mini", "kinemetrics/tests/data/BX456_MOLA-02351.evt",
     "reftek/tests/data/225051000_00008656", "reftek/tests/data/2015282_225051_0ae4c_1_1.msd",
     "rg16/tests/data/three_chans_six_traces.fcnt", "win/tests/data/1070533011_1701260003.win"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_channels_that_a_recorder_numbers_are_never_taken_for_components(name):
    """Channels 1 and 2 of one sensor and 3 of another became a record; so did geophones of an array on the Moon."""
    stream = obspy.read(str(Path(obspy.__file__).parent / "io" / name))
    found, rejections = condition(stream, sampling_rate_hz=100.0, shortest_s=0.1)
    assert found == []
    assert all("names a channel, not a component" in r.reason for r in rejections)


def test_channels_with_a_hexadecimal_number_are_no_components_unless_they_are_renamed(make_trace, noise):
    traces = [make_trace(noise(500, k), f"GE.APE..{code}") for k, code in enumerate(("a10e", "a10f", "HHZ"))]
    for trace in traces:
        trace.stats._format = "WIN"
    [record], rejections = records_of(*traces)
    assert record.present.tolist() == [True, False, False]
    assert len(rejections) == 2


@pytest.mark.parametrize(("channel", "row"), [("vert", 0), ("NORTH", 1), ("East", 2), ("SBHZ", 0)])
def test_components_with_long_names_are_found(channel, row, make_trace, noise):
    [record], _ = records_of(make_trace(noise(500), f"GE.APE..{channel}"))
    assert np.flatnonzero(record.present).tolist() == [row]


def test_two_components_for_one_row_give_no_mixture(make_trace, noise):
    n, one = make_trace(noise(500, 1), "GE.APE..HHN"), make_trace(noise(500, 2), "GE.APE..HH1")
    for traces in ((n, one), (one, n)):
        [record], [rejection] = records_of(*traces)
        np.testing.assert_allclose(record.data[1], n.data, atol=1e-5)
        assert "component 1" in rejection.reason


def test_a_station_that_changes_its_codes_keeps_both_stretches(make_trace, noise):
    found, rejections = records_of(
        make_trace(noise(500, 1), "GE.APE..HH1"),
        make_trace(noise(500, 2), "GE.APE..HHN", start_ns=START_NS + 500 * STEP_NS),
    )
    assert [r.n_samples for r in found] == [500, 500]
    assert rejections == []


def test_split_channel_of_anything_has_an_upper_case_component():
    assert split_channel("  bh z ") == ("BH", "Z")
    assert split_channel("") == ("", "")


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


def test_a_component_that_starts_later_and_ends_earlier_is_absent_outside(make_trace, noise):
    z = make_trace(noise(1000, 1))
    e = make_trace(noise(400, 2), "GE.APE..HHE", start_ns=START_NS + 300 * STEP_NS)
    found, rejections = records_of(z, e)
    assert [(ns_to_index(r.start_ns), r.n_samples, r.present.tolist()) for r in found] == [
        (0, 300, [True, False, False]),
        (300, 400, [True, False, True]),
        (700, 300, [True, False, False]),
    ]
    np.testing.assert_allclose(found[1].data[2], e.data, atol=1e-5)
    np.testing.assert_allclose(found[1].data[0], z.data[300:700], atol=1e-5)
    assert rejections == []


@pytest.mark.parametrize("offset_ms", [-4, -1, 1, 4])
def test_components_within_half_a_sample_share_a_record(offset_ms, make_trace, noise):
    z = make_trace(noise(1000))
    e = make_trace(noise(1000, 2), "GE.APE..HHE", start_ns=START_NS + offset_ms * 1_000_000)
    [record], rejections = records_of(z, e)
    assert record.present.tolist() == [True, False, True]
    assert abs(record.n_samples - 1000) <= 1
    assert abs(record.start_ns - START_NS) <= 4_000_000
    assert rejections == []


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
    found = segments_of([long, short], "GE.APE..HH", [])
    assert [(segment.start_ns, round(segment.rate_hz, 6)) for segment in found] == [
        (long.stats.starttime.ns, 100.004),
        (short.stats.starttime.ns, 100.0),
    ]


def test_a_sample_that_a_fast_clock_gives_twice_leaves_no_empty_segment(make_trace, noise):
    long, more = make_trace(noise(1000)), make_trace(noise(1, 1), start_ns=START_NS + 1000 * STEP_NS - 7_200_000)
    [found] = segments_of([long, more], "GE.APE..HH", [])
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
    found = segments_of(traces, "GE.APE..HH", rejections)
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
    segments_of([make_trace(samples), make_trace(later, start_ns=START_NS + 995 * STEP_NS)], "GE.APE..HH", rejections)
    assert [r.reason for r in rejections] == ["overlapping samples that differ"]


@pytest.mark.parametrize("rate_hz", [30.0, 100.0, 120.0, 300.0])
@pytest.mark.parametrize("more_ns", range(-2, 3))
def test_components_half_a_sample_apart_stand_beside_each_other(rate_hz, more_ns, make_trace, noise):
    """Also where half an interval is no whole number of nanoseconds."""
    late_ns = round(NS_PER_S / rate_hz / 2) + more_ns
    z, n = noise(500, 0), noise(500, 1)
    [record], rejections = records_of(
        make_trace(z, rate_hz=rate_hz),
        make_trace(n, "GE.APE..HHN", start_ns=START_NS + late_ns, rate_hz=rate_hz),
        sampling_rate_hz=rate_hz,
    )
    first = round((record.start_ns - START_NS) * rate_hz / NS_PER_S)
    assert record.present.tolist() == [True, True, False] and not rejections
    assert (first, record.n_samples) in ((0, 500), (1, 499))
    np.testing.assert_array_equal(record.data[0], z[first:].astype(np.float32))
    np.testing.assert_array_equal(record.data[1], n[: record.n_samples].astype(np.float32))


def beside(rate_hz, **rows):
    """Segments of Z, N, E, each given by its start in ns and its number of samples, laid beside each other."""
    segments = {
        COMPONENTS.index(c): [Segment(np.arange(n), at, rate_hz, rate_hz / 2, f"GE.APE..HH{c}") for at, n in given_ones]
        for c, given_ones in rows.items()
    }
    return side_by_side(segments, "GE.APE..HH", rate_hz, "")


def test_fragments_of_components_that_are_sampled_at_times_of_their_own_make_no_empty_record():
    found = beside(62.5, Z=[(0, 3)], N=[(-8_000_000, 1), (48_000_000, 1)], E=[(-4_800_000, 4)])
    assert [record.n_samples for record, _ in found] == [2]


def test_one_sample_that_only_one_component_has_is_a_record_at_any_rate():
    """Of 1/30 s, half rounded up to whole nanoseconds, twice is more than a sample."""
    found = beside(30.0, Z=[(0, 10)], N=[(33_333_333, 9)])
    assert [record.n_samples for record, _ in found] == [1, 9]


def test_the_channels_of_a_record_are_named_in_the_order_of_its_rows():
    [(_, channels)] = beside(100.0, E=[(0, 5)], Z=[(0, 5)], N=[(0, 5)])
    assert channels == ["GE.APE..HHZ", "GE.APE..HHN", "GE.APE..HHE"]


def test_of_two_rates_at_one_time_the_higher_stays_and_the_other_is_told(make_trace, noise):
    fast = make_trace(noise(2000), start_ns=START_NS + 10 * NS_PER_S)
    slow = make_trace(noise(5000), rate_hz=50.0)
    after = make_trace(noise(500), rate_hz=50.0, start_ns=START_NS + 200 * NS_PER_S)
    for traces in ((fast, slow, after), (after, slow, fast)):
        found, [rejection] = records_of(*traces)
        assert [(r.start_ns, r.bandwidth_hz) for r in found] == [
            (fast.stats.starttime.ns, 50.0),
            (after.stats.starttime.ns, 25.0),
        ]
        assert "sampled at 50 Hz" in rejection.reason


def test_to_rate_moves_every_row_alike(make_record, noise):
    record = make_record(np.stack([noise(2000, k) for k in range(3)]), rate_hz=200.0)
    slower = to_rate(record, 100.0)
    assert (slower.sampling_rate_hz, slower.n_samples, slower.bandwidth_hz) == (100.0, 1000, 50.0)
    for row in range(3):
        one = to_rate(make_record(record.data[row], rate_hz=200.0), 100.0)
        np.testing.assert_array_equal(slower.data[row], one.data[0])
    assert to_rate(slower, 100.0).data is slower.data


# Samples and times


def test_halves_of_a_sample_go_the_same_way_wherever_the_record_starts(make_record):
    for cut in range(5):
        record = make_record(np.zeros(100), start_ns=START_NS + cut * STEP_NS)
        assert ns_to_sample(record, START_NS + 20 * STEP_NS + STEP_NS // 2) == 21 - cut


@given(
    rate_hz=st.sampled_from([10.0, 75.19, 99.99, 100.0, 104.08, 1000.0]),
    sample=st.integers(-1_000_000, 1_000_000_000),
    start_ns=st.integers(0, 2**62),
)
def test_the_time_of_a_sample_leads_back_to_it(rate_hz, sample, start_ns, make_record):
    record = make_record(np.zeros(2), start_ns=start_ns, rate_hz=rate_hz)
    assert ns_to_sample(record, sample_to_ns(record, sample)) == sample


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


def test_what_begins_amid_two_samples_is_placed_alike_however_long_what_came_before_it_is():
    lengths = {*range(100, 500)} - {163}  # of which this would be the last sample
    assert {place_after(0, 2_600_000_000, 62.5, length) for length in lengths} == {163}  # after 162.5 samples
