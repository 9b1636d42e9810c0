"""Picks and detections, their lists and their times."""

from dataclasses import replace

import numpy as np
import obspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisnet.errors import ConfigError
from seisnet.pick_lists import DetectionList, PickList
from seisnet.picks import ClassInterval, Detection, Pick, iso_time


def test_a_pick_knows_its_trace_site_and_station():
    pick = Pick("GE", "APE", "00", "HHZ", "P", 0)
    assert (pick.trace_id, pick.site_id, pick.station_id) == ("GE.APE.00.HH", "GE.APE.00", "GE.APE")
    assert np.isnan([pick.probability, pick.uncertainty_s, pick.snr_db, pick.threshold]).all()
    assert pick.weight == 1.0


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_251_073_207_700_000_000, "2009-08-24T00:20:07.700000Z"),
        (-1000, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_iso_8601_in_utc_with_microseconds(ns, text):
    assert iso_time(ns) == text


@given(st.integers(-(2**62), 2**62))
def test_times_are_off_by_less_than_a_microsecond(ns):
    written = np.datetime64(iso_time(ns)[:-1], "ns").astype(np.int64)
    assert abs(int(written) - ns) < 1000


def test_a_pick_has_the_attributes_of_one_of_seisbench():
    pick = Pick("GE", "APE", "", "HH", "P", 1_251_073_207_700_000_001, 0.75)
    assert pick.peak_time == obspy.UTCDateTime("2009-08-24T00:20:07.7Z") and pick.peak_time.ns == pick.time_ns
    assert pick.peak_value == 0.75
    assert pick.start_time == pick.end_time == pick.peak_time, "nobody knows its uncertainty"
    unsure = replace(pick, uncertainty_s=0.25)
    assert [time.ns - pick.time_ns for time in (unsure.start_time, unsure.end_time)] == [-250_000_000, 250_000_000]


def test_picks_are_selected_as_seisbench_selects_them():
    p = Pick("GE", "APE", "", "HH", "P", 10, probability=0.75)
    s, analysts = replace(p, phase="S", probability=0.5), replace(p, station="APEX", probability=np.nan)
    picks = PickList([p, s, analysts])
    assert picks.select() == picks.picks == [p, s, analysts]
    assert picks.select(trace_id=r"GE\.APE\..*") == [p, s]
    assert picks.select(trace_id=r"GE\.APE\.") == [p, s], "SeisBench's trace ids have no channel"
    assert picks.select(min_confidence=0.5) == [p, s]
    assert picks.select(min_confidence=0.6, phase="P").select(phase="S") == []
    assert PickList([p, replace(p, phase="Pn")]).select(phase="P") == [p]


def test_picks_and_detections_sort_by_time_and_detections_are_selected_too():
    late, early = (Pick("GE", "APE", "", "HH", "P", time_ns, probability=0.5) for time_ns in (2, 1))
    assert sorted([late, early]) == [early, late] and min(PickList([late, early])) is early
    found = DetectionList(Detection("GE", "APE", "", "HH", "rockfall", start, 9, start / 10) for start in (5, 3))
    assert sorted(found) == [found[1], found[0]]
    assert found.select(r"GE\.APE\.", min_confidence=0.4).detections == [found[0]]
    assert found.select("GE.APE") == []


def test_a_slice_of_a_list_is_one_too():
    picks = PickList([Pick("GE", "APE", "", "HH", "P", k) for k in range(5)])
    assert str(picks[1:3]).startswith("2 picks:") and picks[1:3].picks == [picks[1], picks[2]]
    assert picks[-1].time_ns == 4 and picks[::-1][:1].select(phase="P") == picks[4:]
    found = DetectionList([Detection("GE", "APE", "", "HH", "rockfall", 0, 9, 0.5)])
    assert str(found[:1]) == str(found) and type(found[:0]) is DetectionList


def test_who_asks_for_a_data_frame_is_told_how_to_make_one():
    with pytest.raises(ConfigError, match=r"pandas.DataFrame\(picks\)"):
        PickList().to_dataframe()


def test_a_detection_has_the_attributes_of_one_of_seisbench():
    detection = Detection("GE", "APE", "", "HH", "rockfall", 10, 11, 0.75)
    assert (detection.start_time.ns, detection.end_time.ns, detection.peak_value) == (10, 11, 0.75)


def test_picks_that_say_the_same_are_equal_though_they_lack_figures():
    one, other = (Pick("BW", "RJOB", "", "EH", "P", 1, uncertainty_s=float(text)) for text in ("nan", "NaN"))
    assert one == other
    assert len({one, other}) == 1
    assert one != replace(other, snr_db=3.0)
    assert Detection("BW", "RJOB", "", "EH", "P", 1, 2) != ClassInterval("BW", "RJOB", "", "EH", "P", 1, 2)


def test_a_list_shows_one_statement_per_line_and_of_many_the_first_and_the_last():
    pick = Pick("GE", "APE", "", "HH", "P", 1_251_073_207_700_000_000, 0.756, 0.05)
    analysts = replace(pick, phase="S", probability=np.nan, uncertainty_s=np.nan)
    lines = [
        "GE.APE..HH  P  2009-08-24T00:20:07.700000Z  0.76  +- 0.05 s",
        "GE.APE..HH  S  2009-08-24T00:20:07.700000Z",
    ]
    assert str(PickList([pick, analysts])).splitlines() == ["2 picks:", *lines]
    assert str(PickList()) == "0 picks"
    many = str(PickList([pick] * 30 + [analysts] * 30)).splitlines()
    assert many == ["60 picks:", *lines[:1] * 10, "... 40 more ...", *lines[1:] * 10]
    assert str(PickList([pick] * 20)).splitlines() == ["20 picks:", *lines[:1] * 20]
    rocks = Detection("GE", "APE", "", "HH", "rockfall", 0, 1_500_000_000, 0.75)
    line = "GE.APE..HH  rockfall  1970-01-01T00:00:00.000000Z to 1970-01-01T00:00:01.500000Z  0.75"
    assert str(DetectionList([rocks])).splitlines() == ["1 detection:", line]
