"""Data sets become records and picks: by letter, to the nanosecond, and nothing vanishes."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.classification.job import classify
from seisnet.config import PreprocessConfig
from seisnet.errors import DataError
from seisnet.model import load_model
from seisnet.preprocessing.job import preprocess
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.waveforms.dataset_columns import parse_time_ns
from seisnet.waveforms.datasets import DatasetTrace, component_rows, read_dataset, read_dataset_picks
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.reading import read_traces
from seisnet.waveforms.records import NS_PER_S, Rejection, ns_to_sample

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
START = "2011-07-04T05:23:18.123456Z"
START_NS = parse_time_ns(START)


def ripple(n_components=3, n_samples=600):
    return np.random.default_rng(7).normal(size=(n_components, n_samples)).astype(np.float32)


def read_rows(folder, *rows, samples=None, **data_format):
    """What `read_dataset` makes of rows of metadata over the same waveform."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    said = {"component_order": "ZNE", "sampling_rate": 100.0} | data_format
    with new_seisbench(folder / "set", columns, data_format=said) as writer:
        for row in rows:
            writer.add(row, ripple() if samples is None else samples)
    return list(read_dataset(folder / "set"))


def row(**changes):
    return {
        "station_network_code": "CH",
        "station_code": "HASLI",
        "trace_channel": "HH",
        "trace_start_time": START,
    } | changes


@pytest.mark.parametrize("order", ["ZNE", "ENZ", "NZE", "Z12", "21Z", "TRZ", "UNE", "EHZN", "zne"])
def test_components_are_placed_by_letter(tmp_path, order):
    stored = ripple(len(order))
    [found] = read_rows(tmp_path, row(trace_component_order=order), samples=stored)
    for r, letters in enumerate(("ZU", "N1R", "E2T")):
        [i] = [i for i, letter in enumerate(order.upper()) if letter in letters]
        np.testing.assert_allclose(found.record.data[r], stored[i] - stored[i].mean(), atol=1e-6)
    assert found.record.present.all()


@pytest.mark.parametrize(("order", "present"), [("Z", "Z"), ("E", "E"), ("2", "E"), ("EZ", "ZE"), ("V", "Z")])
def test_absent_components_are_zero_and_marked(tmp_path, order, present):
    [found] = read_rows(tmp_path, row(trace_component_order=order), samples=ripple(len(order)))
    assert "".join(c for c, there in zip("ZNE", found.record.present, strict=True) if there) == present
    assert not found.record.data[~found.record.present].any()
    assert found.record.data[found.record.present].any(axis=1).all()


@pytest.mark.parametrize(
    ("order", "reason"),
    [("", "no component order"), ("H", "hydrophone"), ("UVW", "rotate U, V, W"),
     ("ZN1", "N and 1 both belong in the N row"), ("ZNX", "'X' has no place in a record; known are Z, N, E")],
)  # fmt: skip
def test_orders_that_name_no_place_are_refused(order, reason):
    with pytest.raises(DataError, match=reason):
        component_rows(order)


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations("ZNE"),
    rate_hz=st.one_of(st.sampled_from([20.0, 75.19, 100.0, 120.0, 500.0]), st.floats(1, 1000)),
    onset=st.integers(60, 480),
    component=st.sampled_from("ZNE"),
    padding=st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()),
    start_ns=st.integers(0, 2**60),
)
def test_a_planted_impulse_lies_at_its_pick(tmp_path_factory, order, rate_hz, onset, component, padding, start_ns):
    """Whatever the order of components, the rate and the padding: in its row, within half a sample."""
    samples = np.random.default_rng(0).normal(size=(3, 600))
    samples[order.index(component), onset] = 1e6
    before, after, held = padding
    samples[:, :before] = samples[:, before : before + 1] if held else 0
    samples[:, 600 - after :] = samples[:, 599 - after : 600 - after] if held else 0
    start = f"{np.datetime64(start_ns, 'ns')}Z"
    metadata = row(
        trace_start_time=start,
        trace_sampling_rate_hz=rate_hz,
        trace_component_order="".join(order),
        trace_p_arrival_sample=onset,
    )
    [found] = read_rows(tmp_path_factory.mktemp("x"), metadata, samples=samples)
    [pick] = found.picks
    record = found.record
    assert pick.time_ns == start_ns + round(onset * NS_PER_S / rate_hz)
    strongest = np.unravel_index(np.argmax(record.data), record.data.shape)
    assert strongest == ("ZNE".index(component), ns_to_sample(record, pick.time_ns))
    # A negative control: one sample off would be seen.
    assert strongest[1] != ns_to_sample(record, pick.time_ns + round(NS_PER_S / rate_hz))
    # A held value goes with the sample that it repeats.
    assert 600 - before - after - 2 * held <= record.n_samples <= 600


def test_padding_is_cut_and_the_start_moves_along(tmp_path):
    samples = ripple() + 100
    samples[:, :50] = 0
    samples[0, :80] = 0
    samples[1, 570:] = samples[1, 569]
    [found] = read_rows(tmp_path, row(), samples=samples)
    assert found.record.start_ns == START_NS + 800_000_000
    assert found.record.n_samples == 489
    np.testing.assert_allclose(found.record.data[2], samples[2, 80:569] - samples[2, 80:569].mean(), atol=1e-4)


def test_a_few_equal_samples_are_no_padding(tmp_path):
    samples = ripple()
    samples[:, :19] = 3
    [found] = read_rows(tmp_path, row(), samples=samples)
    assert found.record.n_samples == 600


def test_a_component_that_recorded_little_is_absent(tmp_path):
    samples = ripple()
    samples[1, 200:] = 0
    samples[2] = 5
    [found] = read_rows(tmp_path, row(), samples=samples)
    assert found.record.present.tolist() == [True, False, False]
    assert found.record.n_samples == 600
    assert not found.record.data[1:].any()


def test_large_counts_keep_their_small_signals(tmp_path):
    """A digitiser's offset near 2**30 leaves nothing of a signal of 3 counts in float32, unless it goes first."""
    samples = np.int32(2**30) + np.tile(np.arange(-3, 4, dtype=np.int32), (3, 100))
    [found] = read_rows(tmp_path, row(), samples=samples)
    np.testing.assert_array_equal(found.record.data[0], np.tile(np.arange(-3.0, 4.0), 100))


def test_the_row_becomes_a_trace(tmp_path):
    metadata = row(
        station_location_code="--",
        trace_p_arrival_sample=123.456,
        trace_s_arrival_sample=300,
        trace_p_uncertainty_s=0.02,
        trace_s_arrival_uncertainty_s=0.1,
        trace_snr_db="[20.5 nan 10.5]",
        source_id="event 1",
        trace_category="earthquake_local",
        split="validation",
        trace_sampling_rate_hz=120,
    )
    [found] = read_rows(tmp_path, metadata)
    assert isinstance(found, DatasetTrace)
    p, s = found.picks
    assert (p.phase, p.time_ns) == ("P", START_NS + 1_028_800_000)
    assert (s.phase, s.time_ns) == ("S", START_NS + 2_500_000_000)
    assert (p.uncertainty_s, s.uncertainty_s, p.snr_db) == (0.02, 0.1, 15.5)
    assert (p.trace_id, p.event_id, p.weight) == ("CH.HASLI..HH", "event 1", 1.0)
    record = found.record
    assert (record.trace_id, record.start_ns, record.sampling_rate_hz, record.bandwidth_hz) == (
        "CH.HASLI..HH", START_NS, 120.0, 60.0,
    )  # fmt: skip
    assert (found.event_id, found.category, found.split) == ("event 1", "earthquake_local", "dev")
    assert not found.is_noise
    assert found.row == 0


@pytest.mark.parametrize(
    ("column", "phase"),
    [("trace_p_arrival_sample", "P"), ("trace_P_arrival_sample", "P"), ("trace_Pg_arrival_sample", "Pg"),
     ("trace_Pn_arrival_sample", "Pn"), ("trace_P1_arrival_sample", "P1"), ("trace_PmP_arrival_sample", "PmP"),
     ("trace_s_arrival_sample", "S"), ("trace_Sg_arrival_sample", "Sg"), ("trace_S1_arrival_sample", "S1"),
     ("trace_pP_arrival_sample", "pP"), ("trace_P*_arrival_sample", "P*"), ("trace_P'P'_arrival_sample", "P'P'"),
     ("trace_IPU0_arrival_sample", "IPU0"), ("trace_S?_arrival_sample", "S?")],
)  # fmt: skip
def test_phase_columns(tmp_path, column, phase):
    [found] = read_rows(tmp_path, row(**{column: 50}))
    assert [(pick.phase, pick.time_ns) for pick in found.picks] == [(phase, START_NS + 500_000_000)]


def test_empty_modelled_and_double_picks(tmp_path):
    metadata = row(
        trace_p_arrival_sample=50,
        trace_P_arrival_sample=50.0,
        trace_Pg_arrival_sample=50,
        trace_Sg_arrival_sample=math.nan,
        trace_Sn_arrival_sample="NaN",
        trace_S_predicted_arrival_sample=90,
        trace_phase_arrival_sample_list="[1, 2]",
        trace_Pn_arrival_sample=20,
    )
    [found] = read_rows(tmp_path, metadata)
    assert [pick.phase for pick in found.picks] == ["Pn", "P"]


def test_a_sample_of_minus_one_is_no_pick(tmp_path):
    [found] = read_rows(tmp_path, row(trace_p_arrival_sample=50, trace_s_arrival_sample=-1.0))
    assert [pick.phase for pick in found.picks] == ["P"]


@pytest.mark.parametrize(
    ("labels", "is_noise"),
    [
        ({"trace_category": "earthquake"}, False),
        ({}, False),
        ({"trace_category": "noise"}, True),
        ({"source_type": "Noise"}, True),
        ({"trace_category": "noise", "trace_p_arrival_sample": 5}, False),
    ],
)
def test_only_what_is_declared_noise_and_has_no_pick_is_noise(tmp_path, labels, is_noise):
    [found] = read_rows(tmp_path, row(**labels))
    assert found.is_noise is is_noise


@pytest.mark.parametrize(
    ("written", "location"),
    [("00", "00"), ("0.0", "00"), ("10.0", "10"), ("0", "00"), ("10", "10"), ("A", "A"), ("--", "")],
)
def test_locations_are_read_also_as_pandas_writes_them(tmp_path, written, location):
    [found] = read_rows(tmp_path, row(station_location_code=written, trace_p_arrival_sample=5))
    assert found.record.trace_id == found.picks[0].trace_id == f"CH.HASLI.{location}.HH"


@pytest.mark.parametrize(
    ("status", "weight", "expected"),
    [("", "", 1.0), ("manual", "", 1.0), ("automatic", "", 0.5), ("autopicker", "0.5", 0.25), ("estimated", "", 0.1),
     ("manual", "0.3", 0.3), ("manual", "0", 1.0), ("reviewed", "4", 1.0)],
)  # fmt: skip
def test_weights(tmp_path, status, weight, expected):
    [found] = read_rows(tmp_path, row(trace_p_arrival_sample=5, trace_p_status=status, trace_p_weight=weight))
    assert found.picks[0].weight == pytest.approx(expected)


def test_a_rejected_pick_is_none(tmp_path):
    picked = {"trace_p_arrival_sample": 5, "trace_Sg_arrival_sample": 9, "trace_Sg_status": "Rejected"}
    [found] = read_rows(tmp_path, row(**picked))
    assert [pick.phase for pick in found.picks] == ["P"]
    at_ns = START_NS + 9 * NS_PER_S // 100
    assert found.rejected == (Rejection("CH.HASLI..HH", at_ns, at_ns, "a pick that an analyst rejected"),)
    told = []
    assert [pick.phase for pick in read_dataset_picks(tmp_path / "set", told)] == ["P"]
    assert tuple(told) == found.rejected


def test_what_is_wrong_with_a_trace_that_is_used_is_told(tmp_path):
    samples = 100 * ripple(n_samples=6000)
    samples[0] = np.clip(samples[0], -50, 50)
    samples[1, 300] = 1e6
    faulty = {"trace_p_arrival_sample": 5, "trace_p_status": "rejected", "trace_s_arrival_sample": 50}
    read_rows(tmp_path, row(**faulty), samples=samples)
    [source], reading = find_sources([str(tmp_path / "set")], Reading()), Reading()
    [found] = read_traces(source, reading, sampling_rate_hz=50.0)
    assert found.record.sampling_rate_hz == 50.0
    assert [told.reason for told in reading.rejections] == [
        "used, but resampled from 100 to 50 Hz",
        "used, but Z is clipped",
        "used, but spikes of N were replaced",
    ]


def test_a_rejected_pick_is_reported_to_who_asks_for_labels(tmp_path):
    picked = {"trace_p_arrival_sample": 3000, "trace_s_arrival_sample": 3300, "trace_s_status": "rejected"}
    read_rows(tmp_path, row(**picked), samples=100 * ripple(n_samples=6000))
    config = PreprocessConfig(split=(1.0, 0.0, 0.0), noise_windows=0, excerpts=False)
    made = preprocess([str(tmp_path / "set")], config=config)
    reasons = [reason for *_, reason in made.info.rejected]
    assert reasons.count("a pick that an analyst rejected") == 1
    found = classify([str(tmp_path / "set")], load_model("phase"))
    assert found.n_records == 1
    assert not any("analyst" in rejection.reason for rejection in found.rejections)


def test_a_start_that_is_made_up_is_no_fault(tmp_path):
    read_rows(tmp_path, row(trace_start_time="", trace_p_arrival_sample=5))
    [source], reading = find_sources([str(tmp_path / "set")], Reading()), Reading()
    assert len(list(read_traces(source, reading, sampling_rate_hz=100.0))) == 1
    assert not reading.rejections


def test_events(tmp_path):
    rows = [
        row(source_id="1", trace_category="noise"),
        row(source_id="nan", event_id="2"),
        row(source_origin_time="2020-01-01"),
        row(),
    ]
    assert [found.event_id for found in read_rows(tmp_path, *rows)] == ["", "2", "2020-01-01", ""]


def test_rows_without_start_get_starts_of_their_own(tmp_path):
    found = read_rows(tmp_path, *[row(trace_start_time="") for _ in range(3)], row())
    spans = [(trace.record.start_ns, trace.record.end_ns) for trace in found]
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(spans))
    again = list(read_dataset(tmp_path / "set"))
    assert [trace.record.start_ns for trace in again] == [start for start, _ in spans]


@pytest.mark.parametrize(
    ("text", "seconds", "nanoseconds"),
    [("1970-01-02T00:00:00", 86400, 0), ("1970-01-01 00:01:00.5+00:00", 60, 500_000_000), ("1970-01-01T00:01", 60, 0),
     ("1970-01-01T01:00:00.000000001+01:00", 0, 1), ("1969-12-31T23:59:59.25Z", -1, 250_000_000),
     ("1970/01/02 01:42:45.08", 92565, 80_000_000), ("2012-05-24T23:39:32.3171009999Z", 1337902772, 317_100_999)],
)  # fmt: skip
def test_times_are_exact(text, seconds, nanoseconds):
    assert parse_time_ns(text) == seconds * NS_PER_S + nanoseconds


@pytest.mark.parametrize("text", ["04/07/2011 5:23", "2011-02-30T00:00:00", "20110704", "12345", "now"])
def test_other_times_are_refused(text):
    with pytest.raises(DataError, match="not ISO 8601"):
        parse_time_ns(text)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trace_start_time": "04/07/2011 5:23"}, "'04/07/2011 5:23' is not ISO 8601"),
        ({"trace_start_time": "2300-01-01T00:00:00Z"}, "its time lies before 1678 or after 2261: 2300-"),
        ({"trace_sampling_rate_hz": 0.01, "trace_start_time": ""}, "longer than an hour"),
        ({"station_code": "HAS.LI"}, "a code with a dot in it; dots separate network"),
        ({"trace_component_order": "ZNX"}, "'X' has no place"),
        ({"trace_component_order": "ZN"}, "has 3 components, but its component order is 'ZN'"),
        ({"trace_p_arrival_sample": "[[2896.]]"}, r"trace_p_arrival_sample is '\[\[2896\.\]\]', not a number"),
        ({"trace_p_arrival_sample": "inf"}, "not a number"),
        ({"trace_p_arrival_sample": "1e300"}, "trace_p_arrival_sample is '1e300': its time lies before 1678 or after"),
        ({"trace_p_arrival_sample": "-1e13"}, "its time lies before 1678 or after 2261"),
        ({"split": "holdout"}, "split is 'holdout'; train, dev and test are allowed"),
    ],
)
def test_a_bad_row_is_a_rejection_and_the_rest_goes_on(tmp_path, changes, reason):
    bad, good = read_rows(tmp_path, row(**changes), row())
    assert isinstance(bad, Rejection)
    assert bad.trace_id == f"CH.{changes.get('station_code', 'HASLI')}..HH"
    assert bad.reason.startswith("set, row 0: bucket0$0,:3,:600: ")
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(bad.reason)
    assert isinstance(good, DatasetTrace)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda x: np.put(x, [5, 700], [np.nan, np.inf]), "2 of its samples are NaN or infinite"),
        (lambda x: np.multiply(x, 0, out=x), "every component is zero or constant throughout"),
        (lambda x: np.copyto(x, 4.0), "every component is zero or constant throughout"),
        (lambda x: (x[0, 300:].fill(0), x[1:, :300].fill(0)), "share no sample"),
    ],
)
def test_unusable_samples_are_a_rejection_of_the_whole_span(tmp_path, spoil, reason):
    samples = ripple()
    spoil(samples)
    [bad] = read_rows(tmp_path, row(), samples=samples)
    assert isinstance(bad, Rejection)
    assert bad.reason.endswith(reason)
    assert (bad.start_ns, bad.end_ns) == (START_NS, START_NS + 5_990_000_000)


def test_a_rate_that_nobody_gives_is_a_rejection(tmp_path):
    [bad] = read_rows(tmp_path, row(), sampling_rate=-1.0)
    assert "no positive sampling rate" in bad.reason


def test_traces_come_one_at_a_time(tmp_path):
    """The first trace is there before a later row, broken here, is read."""
    read_rows(tmp_path, row(), row())
    metadata = tmp_path / "set" / "metadata.csv"
    metadata.write_text(metadata.read_text() + "cut short\n")
    traces = read_dataset(tmp_path / "set")
    assert [next(traces).row, next(traces).row] == [0, 1]
    with pytest.raises(DataError, match="line 4 has 1 fields"):
        next(traces)
