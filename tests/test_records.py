"""Records know the times of their samples, and what is wrong with them and where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisnet.waveforms.records import (
    DAY_NS,
    LAST_NS,
    NS_PER_S,
    Flag,
    Rejection,
    first_at,
    is_beyond,
    ns_to_sample,
    reasons,
    sample_to_ns,
    with_flags,
    wrong_codes,
)
from tests.records import START_NS, STEP_NS


def test_a_record_ends_with_its_last_sample_and_says_so(make_record):
    record = make_record(np.zeros(101), present=(True, False, True))
    assert record.end_ns == START_NS + NS_PER_S
    said = "2020-01-01T00:00:00.000000Z to 2020-01-01T00:00:01.000000Z, 101 samples at 100 Hz, ZE"
    assert repr(record) == f"Record(GE.APE..HH, {said})"


def test_flags_of_a_part_are_those_that_lie_in_it_cut_to_its_length(make_record):
    record = make_record(np.zeros(101))
    end_ns = START_NS + NS_PER_S
    spans = [(-5, -1), (-5, 0), (-5, 50), (20, 30), (50, 200), (100, 200), (101, 200), (-5, 200)]
    flags = [Flag(START_NS + low * STEP_NS, START_NS + high * STEP_NS, str(k)) for k, (low, high) in enumerate(spans)]
    found = with_flags(record, flags)
    assert [(f.what, f.start_ns, f.end_ns) for f in found.flags] == [
        ("1", START_NS, START_NS),
        ("2", START_NS, START_NS + 50 * STEP_NS),
        ("3", START_NS + 20 * STEP_NS, START_NS + 30 * STEP_NS),
        ("4", START_NS + 50 * STEP_NS, end_ns),
        ("5", end_ns, end_ns),
        ("7", START_NS, end_ns),
    ]
    assert with_flags(found, found.flags) is found
    assert with_flags(found, []).flags == ()


def test_the_first_sample_at_a_time_may_lie_a_rounding_before_it_and_no_more(make_record):
    record = make_record(np.zeros(100))
    of_a_sample = {-1.0: -1, 0.0: 0, 0.0005: 0, 0.002: 1, 0.5: 1, 0.998: 1, 1.0005: 1, 200.25: 201}
    for at, sample in of_a_sample.items():
        assert first_at(record, START_NS + round(at * STEP_NS)) == sample


def test_times_are_rounded_to_nanoseconds_not_cut(make_record):
    record = make_record(np.zeros(100), rate_hz=75.0)  # every third sample lies at a whole number of them
    assert [sample_to_ns(record, k) - START_NS for k in range(-2, 4)] == [
        -26_666_667, -13_333_333, 0, 13_333_333, 26_666_667, 40_000_000
    ]  # fmt: skip


def test_times_leave_a_day_to_reckon_with_on_either_side():
    assert LAST_NS == 2**63 - 1 - DAY_NS
    for start_ns, end_ns, beyond in (
        (-LAST_NS, LAST_NS, False),
        (-LAST_NS - 1, 0, True),
        (0, LAST_NS + 1, True),
        (1, 0, True),  # of a stretch that ends before it starts
    ):
        assert is_beyond(start_ns, end_ns) == beyond


@pytest.mark.parametrize(
    ("trace_id", "told"),
    [
        ("GE.APE..HH", ""),
        ("GE.APÉ..HH", ""),
        ("GE.A.PE..HH", "a dot"),
        ("GE.A\x1fPE..HH", "a control"),
        ("GE.A\x85PE..HH", "a control"),
    ],
)
def test_codes_that_can_not_be_used_are_told(trace_id, told):
    assert wrong_codes(trace_id).startswith(f"a code with {told}" if told else "")
    assert bool(wrong_codes(trace_id)) == bool(told)


def test_reasons_name_the_first_traces_and_leave_out_what_has_no_name():
    many = [Rejection(f"XX.{c}..HH", 0, 9, "no samples") for c in "ABCDA"]
    assert reasons([*many, Rejection("", 0, 0, "a.mseed: empty"), Rejection("", 0, 9, "no samples")]) == (
        "no samples (XX.A..HH, XX.B..HH, XX.C..HH, ...); a.mseed: empty"
    )


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
