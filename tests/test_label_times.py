"""Times in tables of labels are read to the nanosecond, or refused in words."""

from datetime import datetime

import obspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisnet.errors import DataError
from seisnet.labels.tables import time_ns
from seisnet.waveforms.dataset_columns import parse_time_ns
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1577836800", START_NS),
        ("1577836800.0", START_NS),
        ("1577836800.5", START_NS + NS_PER_S // 2),
        ("1577836800.123456789", START_NS + 123_456_789),
        ("1577836800,123456789", START_NS + 123_456_789),
        ("-0.25", -NS_PER_S // 4),
        ("2020-01-01", START_NS),
        ("2020-01-01T00:00:00Z", START_NS),
        ("2020-01-01 00:00:00.5", START_NS + NS_PER_S // 2),
        ("2020-01-01T00:00:00,5Z", START_NS + NS_PER_S // 2),  # which ISO 8601 even prefers
        ("2020-01-01T01:00:00+01:00", START_NS),
        ("2020-01-01 01:00:00+01:00", START_NS),  # as pandas writes it
        ("2020-01-01 00:00:00.123456789+00:00", START_NS + 123_456_789),
        ("2020-01-01T00:00:00.123456789", START_NS + 123_456_789),
    ],
)
def test_times_are_iso_8601_or_epoch_seconds(text, ns):
    assert time_ns(text) == ns


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2020-01-01T00:00:60.000Z", "2020-01-01T00:01:00Z"),  # 59.9996, rounded
        ("2016-12-31T23:59:60.5", "2017-01-01T00:00:00.5"),  # a leap second, which other clocks do not have
        ("20200101T235960+01:00", "2020-01-01T23:00:00"),
        ("2020-01-01T01:60", ""),
        ("2020-01-01T00:00:61", ""),
    ],
)
def test_second_60_is_the_first_of_the_next_minute(text, same):
    if same:
        assert time_ns(text) == parse_time_ns(text) == time_ns(same)
    else:
        with pytest.raises(ValueError, match="neither ISO 8601"):
            time_ns(text)


@pytest.mark.parametrize("text", ["", "nan", "inf", "noon", "2020-13-01", "2020-02-30T00:00:00", "01/02/2020 10:00"])
def test_what_is_no_time_is_refused_in_words(text):
    with pytest.raises(ValueError, match="neither ISO 8601 nor seconds since 1970"):
        time_ns(text)


@pytest.mark.parametrize(
    "text",
    [
        "2011-07-04T05:23:18.25Z", "2011-07-04 05:23:18.25", "2011/07/04 05:23:18.25", "20110704T052318.25",
        "2011-185T05:23:18.25", "2011-07-04T05:23:18,25", "2011-07-04T07:23:18.250000000+02:00",
        "2011-07-04T03:23:18.25-02",
    ],
)  # fmt: skip
def test_labels_and_data_sets_know_the_same_times(text):
    assert time_ns(text) == parse_time_ns(text) == 1_309_756_998_250_000_000


@pytest.mark.parametrize(
    "text",
    [
        "now", "2011", "2011,185", "20110704,5", "1577836800,5,5", "1.577.836.800,5",
        "2011-7-4T5:23:18", "2011-366", "2011/185", "2011-07/04", "2011-07-04T05:23:18.5.5",
        "2011-07-04T05:23.5", "2011-07-04T05:2318", "2011-07-04T", "2011-07-04x05:23", "2011-07-04T05:23:18+25:00",
        "２０１１-07-04", "0000-01-01", "1677-01-01", "2262-04-11T12:00:00",
    ],
)  # fmt: skip
def test_labels_and_data_sets_refuse_the_same_times(text):
    with pytest.raises(DataError):
        parse_time_ns(text)
    if text != "2011":  # seconds
        with pytest.raises(ValueError, match=r"neither ISO 8601|not between 1678"):
            time_ns(text)


def test_a_date_without_dashes_is_not_taken_for_seconds():
    with pytest.raises(ValueError, match="may be a date; write 2020-01-01, or"):
        time_ns("20200101")
    assert time_ns("20200101T000000") == START_NS
    assert time_ns("20200101.0") == 20_200_101 * NS_PER_S
    assert time_ns("20201301") == 20_201_301 * NS_PER_S, "no date"


@pytest.mark.parametrize("text", ["1577836800000", "1577836800000000.5", "9999-12-31T00:00:00Z"])
def test_epoch_milliseconds_are_not_taken_for_seconds(text):
    with pytest.raises(ValueError, match="not between 1678 and 2262"):
        time_ns(text)


@given(st.datetimes(datetime(1700, 1, 1), datetime(2260, 1, 1)), st.sampled_from("T "), st.sampled_from(["", "Z"]))
def test_plain_times_are_those_that_obspy_reads(time, between, zone):
    text = time.replace(microsecond=0).isoformat(between) + zone
    assert time_ns(text) == obspy.UTCDateTime(text).ns


@given(st.integers(-(2**62), 2**62))
def test_epoch_seconds_are_read_to_the_nanosecond(ns):
    sign, (seconds, rest) = "-" * (ns < 0), divmod(abs(ns), NS_PER_S)
    assert time_ns(f"{sign}{seconds}.{rest:09d}") == ns
