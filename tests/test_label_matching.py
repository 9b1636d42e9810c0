"""Labels find their records, and those that find none say how far off they are."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisnet.labels import matching
from seisnet.labels.joining import surest
from seisnet.labels.matching import LabelMatcher, ambiguous, unmatched
from seisnet.picks import ClassInterval, Pick
from seisnet.waveforms.records import NS_PER_S
from seisnet.wording import duration

START_NS = 1_577_836_800 * NS_PER_S


def pick(seconds=10.0, *, network="GE", station="APE", location="", channel="HH", phase="P"):
    return Pick(network, station, location, channel, phase, START_NS + round(seconds * NS_PER_S))


def test_an_interval_belongs_to_every_record_that_it_touches(make_record):
    def interval(low, high):
        return ClassInterval("GE", "APE", "", "", "rockfall", *(START_NS + t * NS_PER_S for t in (low, high)))

    matcher = LabelMatcher([interval(-5, 0), interval(-9, 99), interval(60, 60), interval(-9, -1), interval(61, 70)])
    assert len(matcher.match(make_record(np.zeros(6001)))) == 3
    early, late = unmatched(matcher.labels, matcher.records)
    assert (early.start_ns, early.end_ns) == (START_NS - 9 * NS_PER_S, START_NS - NS_PER_S)
    assert (late.start_ns, late.end_ns) == (START_NS + 61 * NS_PER_S, START_NS + 70 * NS_PER_S)
    assert early.reason == late.reason == "label at GE.APE.: 1 s from the nearest waveform of that station"


@pytest.mark.parametrize(
    ("codes", "matches"),
    [
        ({}, True),
        ({"network": "ge", "station": "ape"}, True),
        ({"network": ""}, True),
        ({"network": "XX"}, False),
        ({"station": "APF"}, False),
        ({"location": "00"}, True),
        ({"location": "10"}, False),
        ({"location": "--"}, True),
        ({"channel": "HN"}, True),
        ({"channel": ""}, True),
    ],
)
def test_a_pick_belongs_to_the_records_whose_codes_it_does_not_contradict(codes, matches, make_record):
    matcher = LabelMatcher([pick(**codes)])
    found = matcher.match(make_record(np.zeros(6000), trace_id="GE.APE.00.HH"))
    assert bool(found) == matches
    assert bool(unmatched(matcher.labels, matcher.records)) != matches


def test_a_record_without_network_or_location_takes_any(make_record):
    for trace_id in (".APE..HH", "GE.APE..HH"):
        assert LabelMatcher([pick(location="10")]).match(make_record(np.zeros(6000), trace_id=trace_id))


def test_a_pick_belongs_to_a_record_from_its_first_to_its_last_sample(make_record):
    record = make_record(np.zeros(1001))  # ten seconds
    inside, outside = (0.0, 5.0, 10.0), (-0.001, 10.001)
    matcher = LabelMatcher([pick(t) for t in inside + outside])
    assert [p.time_ns for p in matcher.match(record)] == [pick(t).time_ns for t in inside]
    assert len(unmatched(matcher.labels, matcher.records)) == 2


def test_unmatched_picks_of_a_station_tell_how_far_in_time_they_are(make_record):
    matcher = LabelMatcher([pick(3 * 86_400 + 60), pick(30), pick(-90), pick(-95, location="10")])
    matcher.match(make_record(np.zeros(6001)))
    late, early, other = unmatched(matcher.labels, matcher.records)
    assert late == ("GE.APE..HH", *[START_NS + 259_260 * NS_PER_S] * 2, early.reason)
    assert early.reason == "label at GE.APE.: 90 s to 3 days from the nearest waveform of that station"
    assert other.reason == "label at GE.APE.10: 95 s from the nearest waveform of that station"


def test_an_unmatched_pick_tells_the_nearest_codes(make_record):
    matcher = LabelMatcher([pick(network="GF")])
    for station in ("AAA", "APE", "BBB", "CCC", "DDD", "EEE", "FFF"):
        matcher.match(make_record(np.zeros(6000), trace_id=f"GE.{station}..HH"))
    [(*_, reason)] = unmatched(matcher.labels, matcher.records)
    assert reason.startswith("label at GF.APE.: no waveform of that station; the most similar are GE.APE.")


def test_beside_data_sets_unmatched_labels_are_told_that_these_have_their_own(make_record):
    matcher, told = LabelMatcher([pick(-90), pick(station="XYZ")]), "outside data sets, which have labels of their own"
    matcher.match(make_record(np.zeros(6001)))
    near, far = unmatched(matcher.labels, matcher.records, datasets=True)
    assert near.reason == f"label at GE.APE.: 90 s from the nearest waveform of that station {told}"
    assert far.reason == f"label at GE.XYZ.: no waveform of that station {told}; the most similar are GE.APE."
    assert unmatched([pick()], {}, datasets=True)[0].reason == f"label at GE.APE.: no waveform of that station {told}"


def test_labels_without_network_in_records_of_two_are_told_and_no_others(make_record):
    matcher = LabelMatcher([pick(10, network=""), pick(20), pick(70, network=""), pick(10, network="", station="XYZ")])
    for network, n in (("GE", 10_001), ("", 10_001), ("HL", 6001)):
        for location in ("", "00"):
            matcher.match(make_record(np.zeros(n), trace_id=f"{network}.APE.{location}.HH"))
            matcher.match(make_record(np.zeros(n), trace_id=f"GE.XYZ.{location}.HH"))
    told = "1 label without a network, at codes that stations of several have, count for each of these: GE.APE, HL.APE"
    assert ambiguous(matcher.labels, matcher.records) == [("", 0, 0, f"used, but {told}")]
    assert ambiguous(matcher.labels[1:], matcher.records) == []


def test_a_location_tells_labels_without_network_apart(make_record):
    matcher = LabelMatcher([pick(network="", location="10"), pick(network="", location="00")])
    for trace_id in ("GE.APE.00.HH", "HL.APE.10.HH", "GE.APE.10.EH"):
        matcher.match(make_record(np.zeros(6000), trace_id=trace_id))
    [(*_, told)] = ambiguous(matcher.labels, matcher.records)
    assert told.startswith("used, but 1 label without a network")


def test_of_many_places_without_waveform_those_with_most_labels_tell_the_nearest_codes(make_record, monkeypatch):
    asked, guess = [], matching.difflib.get_close_matches
    monkeypatch.setattr(
        matching.difflib, "get_close_matches", lambda place, *a, **k: asked.append(place) or guess(place, *a, **k)
    )
    matcher = LabelMatcher([pick(station=f"A{k}") for k in range(100)] + [pick(11.0, station="A99")])
    matcher.match(make_record(np.zeros(6000), trace_id="GE.APE..HH"))
    told = unmatched(matcher.labels, matcher.records)
    assert asked == ["GE.A99.", *(f"GE.A{k}." for k in range(19))]
    assert sum("the most similar are GE.APE." in r.reason for r in told) == 21
    assert sum(r.reason.endswith("no waveform of that station") for r in told) == 80
    assert all(f"label at GE.A{min(k, 99)}.: no waveform of that station" in r.reason for k, r in enumerate(told))


@pytest.mark.parametrize("instruments", [("HH",), ("HH", "EH"), ("HN",)])
def test_a_pick_on_an_instrument_without_waveform_is_told_where_another_of_the_onset_counts(instruments, make_record):
    """Once it was neither used nor told."""
    labels = [pick(10.0), pick(10.1, channel="EH"), pick(20.0, channel="EH"), pick(30.0), pick(99.0, channel="EH")]
    matcher = LabelMatcher(labels)
    used = set()
    for instrument in instruments:
        record = make_record(np.zeros(6001), trace_id=f"GE.APE..{instrument}")
        used |= {p.time_ns for p in surest(matcher.match(record), instrument)[0]}
    told = unmatched(matcher.labels, matcher.records)
    assert {r.start_ns for r in told} == {p.time_ns for p in labels} - used
    if "EH" not in instruments:
        second = "label at GE.APE.: a second pick of the same onset, on an instrument without waveform there"
        assert told[0] == ("GE.APE..EH", labels[1].time_ns, labels[1].time_ns, second)


CODES = st.tuples(st.sampled_from(["", "GE", "ge", "CH"]), st.sampled_from(["APE", "ape", "XYZ"]),
                  st.sampled_from(["", "00", "--", "10"]))  # fmt: skip
RECORD = st.builds(
    lambda codes, start, length, goes_on: SimpleNamespace(
        trace_id=f"{codes[0]}.{codes[1]}.{codes[2].strip('-')}.HH",
        start_ns=START_NS + start * NS_PER_S,
        end_ns=START_NS + (start + length) * NS_PER_S,
        goes_on=(goes_on, False),
    ),
    CODES, st.integers(0, 9000), st.integers(0, 3000), st.booleans(),
)  # fmt: skip
INTERVAL = st.builds(
    lambda codes, start, length: ClassInterval(
        codes[0], codes[1], codes[2], "", "tremor", *(START_NS + t * NS_PER_S for t in (start, start + length))
    ),
    CODES, st.integers(-100, 9900), st.integers(0, 2000),
)  # fmt: skip


@given(st.lists(INTERVAL, max_size=25), st.lists(RECORD, max_size=8))
def test_labels_and_records_find_each_other_as_where_each_is_held_to_each(intervals, records):
    def fits(i, record):
        network, station, location, _ = record.trace_id.split(".")
        pairs = [(i.network.upper(), network.upper()), (i.location.strip("-"), location)]
        return i.station.upper() == station.upper() and all("" in pair or pair[0] == pair[1] for pair in pairs)

    def away_s(i, record):
        return max(record.start_ns - i.end_ns, i.start_ns - record.end_ns) / NS_PER_S

    intervals.sort(key=lambda i: i.start_ns)
    matcher = LabelMatcher(intervals)
    for record in records:
        early_ns = 3600 * NS_PER_S if record.goes_on[0] else 0
        near = [i for i in intervals if i.start_ns <= record.end_ns and i.end_ns >= record.start_ns - early_ns]
        assert matcher.match(record) == [i for i in near if fits(i, record)]
    nearest = [min((away_s(i, r) for r in records if fits(i, r)), default=math.inf) for i in intervals]
    lost = [(i, s) for i, s in zip(intervals, nearest, strict=True) if s > 0]
    found = unmatched(intervals, matcher.records)
    assert [(r.start_ns, r.end_ns) for r in found] == [(i.start_ns, i.end_ns) for i, _ in lost]
    for (interval, seconds), rejection in zip(lost, found, strict=True):
        place = f"{interval.network}.{interval.station}.{interval.location}"
        of_place = {s for i, s in lost if f"{i.network}.{i.station}.{i.location}" == place}
        if math.isinf(seconds):
            assert f"label at {place}: no waveform of that station" in rejection.reason
        else:
            lengths = dict.fromkeys(duration(s) for s in (min(of_place), max(of_place)))
            told = f"label at {place}: {' to '.join(lengths)} from the nearest waveform of that station"
            assert rejection.reason == told


def test_no_label_is_looked_at_but_those_of_the_record(make_record, monkeypatch):
    """Ten years of day files took 16 times as long where each day looked at all picks."""
    looked_at, fits = [], matching.fits
    monkeypatch.setattr(matching, "fits", lambda label, *codes: looked_at.append(label) or fits(label, *codes))
    matcher = LabelMatcher([pick(t) for t in range(10_000)])
    found = matcher.match(make_record(np.zeros(6001)))
    assert looked_at == found == [pick(t) for t in range(61)]
