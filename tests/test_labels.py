"""Picks and classes are read from what analysts write, and each counts once."""

import bz2
import gzip
import itertools
import math
import shutil
from dataclasses import replace
from pathlib import Path

import obspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from obspy.core.event import Arrival, Catalog, Event, Origin, QuantityError, WaveformStreamID
from obspy.core.event import Pick as QuakeMLPick
from obspy.core.util.base import ENTRY_POINTS

from seisnet.errors import DataError
from seisnet.formats.picks import write_detections, write_picks
from seisnet.label_weights import NOT_EXISTING, REFUSED
from seisnet.labels.joining import once, refused_picks, surest
from seisnet.labels.phases import last_leg, phase_class
from seisnet.labels.reading import read_classes, read_intervals, read_labels
from seisnet.picks import ClassInterval, Detection, Pick, in_order
from seisnet.waveforms.records import NS_PER_S, Rejection

START_NS = 1_577_836_800 * NS_PER_S


def pick(seconds=10.0, *, network="GE", station="APE", location="", channel="HH", phase="P"):
    return Pick(network, station, location, channel, phase, START_NS + round(seconds * NS_PER_S))


def quakeml_pick(seconds=10.0, codes=("GE", "APE", "", "HHZ"), **options):
    time = obspy.UTCDateTime(ns=START_NS + round(seconds * NS_PER_S))
    waveform_id = WaveformStreamID(*codes) if codes else None
    return QuakeMLPick(time=time, waveform_id=waveform_id, **options)


def write_catalogue(path, *picks, arrivals=()):
    event = Event(resource_id="smi:local/ev1", picks=list(picks))
    if arrivals:
        time = obspy.UTCDateTime(ns=START_NS)
        event.origins.append(Origin(time=time, latitude=0.0, longitude=0.0, arrivals=list(arrivals)))
    Catalog([event]).write(str(path), format="QUAKEML")
    return path


def test_an_onset_in_two_files_is_one_pick_of_one_event(tmp_path):
    """Only the same phase at the same station, within half a second, where networks and locations do not differ."""
    head = "network,station,location,time,phase,event_id\n"
    at = START_NS // NS_PER_S
    first = [
        f"GE,APE,,{at + 10},Pg,a",
        f"GE,APE,,{at + 10.51},Pn,a",
        f"GE,APE,,{at + 12},S,",
        f"GE,XYZ,00,{at + 11},P,b",
    ]
    second = [
        f",ape,10,{at + 10.6},P,x",  # nearest to the Pn
        f"GE,APE,,{at + 12.2},Sg,x",  # gives the S its event, which is a
        f"GE,APE,,{at + 12.6},S,x",
        f"GE,APE,,{at + 10.2},AML,x",
        f"CH,APE,,{at + 10},P,x",
        f"GE,XYZ,01,{at + 11},P,y",
        f"GE,XYZ,01,{at + 11},P,z",
    ]
    for name, rows in (("1.csv", first), ("2.csv", second)):
        (tmp_path / name).write_text(head + "\n".join(rows) + "\n")
    rejections = []
    picks = read_labels([tmp_path / "1.csv", tmp_path / "2.csv"], rejections)
    assert [(p.network, p.station, p.phase, (p.time_ns - START_NS) / NS_PER_S, p.event_id) for p in picks] == [
        ("CH", "APE", "P", 10.0, "a"),
        ("GE", "APE", "Pg", 10.0, "a"),
        ("GE", "APE", "AML", 10.2, "a"),
        ("GE", "APE", "Pn", 10.51, "a"),
        ("GE", "XYZ", "P", 11.0, "b"),
        ("GE", "XYZ", "P", 11.0, "y"),
        ("GE", "APE", "S", 12.0, "a"),
        ("GE", "APE", "S", 12.6, "a"),
    ]
    assert [r.reason for r in rejections] == ["a second pick of the same onset"] * 3


ANALYSED_TWICE = [
    "GE,APE,HHZ,2020-01-01T00:00:10.1,P,a,automatic,",
    "GE,APE,HHZ,2020-01-01T00:00:10.0,Pg,a,manual,",
    "GE,APE,HHZ,2020-01-01T00:00:10.3,P,b,automatic,",
    "GE,APE,HHZ,2020-01-01T00:00:10.55,P,a,automatic,",  # half a second after one that stays
    "GE,APE,HNZ,2020-01-01T00:00:10.1,P,c,automatic,",  # another instrument
    "GE,APE,HHZ,2020-01-01T00:00:10.2,S,a,automatic,",  # another phase
    "GE,TIR,HHZ,2020-01-01T00:00:12.0,P,a,automatic,",  # equals
    "GE,TIR,HHZ,2020-01-01T00:00:12.1,P,d,automatic,",
    "GE,WET,HHZ,2020-01-01T00:00:14.0,P,a,manual,0.05",
    "GE,WET,HHZ,2020-01-01T00:00:14.1,P,e,manual,0.02",
    "GE,XYZ,HHZ,2020-01-01T00:00:15.0,P,e,manual,",
]


def test_an_earthquake_that_was_analysed_twice_is_one_event_with_its_surest_picks(tmp_path):
    """By another agency, or by a machine before the analyst: one name, or else it might lie in two splits."""
    head = "network,station,channel,time,phase,event_id,status,uncertainty_s"
    (tmp_path / "a.csv").write_text("\n".join([head, *ANALYSED_TWICE]) + "\n")
    rejections = []
    picks = read_labels([tmp_path / "a.csv"], rejections)
    found = [(p.station, p.channel[:2], p.phase, (p.time_ns - START_NS) / NS_PER_S) for p in picks]
    assert found == [
        ("APE", "HH", "Pg", 10.0), ("APE", "HN", "P", 10.1), ("APE", "HH", "S", 10.2), ("APE", "HH", "P", 10.55),
        ("TIR", "HH", "P", 12.0), ("WET", "HH", "P", 14.1), ("XYZ", "HH", "P", 15.0),
    ]  # fmt: skip
    assert len({p.event_id for p in picks}) == 1
    assert sorted(r.start_ns - START_NS for r in rejections) == [
        10_100_000_000,
        10_300_000_000,
        12_100_000_000,
        14 * 10**9,
    ]
    assert {r.reason for r in rejections} == {"a second pick of the same onset"}


def test_equal_picks_of_one_onset_can_be_asked_for(tmp_path):
    """What a machine picks twice is to be seen; what the analyst corrected, or picked on two components, is not."""
    head = "network,station,channel,time,phase,event_id,status,uncertainty_s"
    (tmp_path / "a.csv").write_text("\n".join([head, *ANALYSED_TWICE, ANALYSED_TWICE[0].replace("HHZ", "HHN")]) + "\n")
    times_s = [(p.time_ns - START_NS) / NS_PER_S for p in read_labels([tmp_path / "a.csv"], each=True)]
    assert times_s == [10.0, 10.1, 10.2, 10.3, 10.55, 12.0, 12.1, 14.0, 14.1, 15.0]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_equal_picks_of_an_onset_the_same_stay_whatever_the_order_of_the_rows(order):
    picks = [replace(pick(10 + 0.4 * k), event_id="a") for k in range(3)]
    assert in_order(once([[picks[k] for k in order]], [], [])) == surest(picks[k] for k in order)[0] == picks[::2]


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0.5, 1.0]), st.sampled_from("ab")), max_size=12))
def test_of_any_picks_those_that_stay_lie_apart_and_every_other_has_a_surer_one_near(found):
    picks = [replace(pick(t / 10), weight=w, event_id=e) for t, w, e in found]
    kept, second = surest(picks)
    assert sorted([*kept, *second], key=repr) == sorted(picks, key=repr)
    assert all(b.time_ns - a.time_ns > NS_PER_S // 2 for a, b in itertools.pairwise(kept))
    for p in second:
        assert any(abs(p.time_ns - k.time_ns) <= NS_PER_S // 2 and k.weight >= p.weight for k in kept)
    once_read = in_order(once([picks], [], rejections := []))
    assert [(p.time_ns, p.weight) for p in once_read] == [(p.time_ns, p.weight) for p in kept]
    assert len(rejections) == len(second)


def test_components_and_hints_of_one_onset_are_one_pick_and_instruments_are_not(tmp_path):
    rows = ["HHZ,10,P", "HHZ,10,Pg", "HHN,15,S", "HHE,15,S", "HNZ,10,P", "HHZ,10,S", "HHZ,10,AML"]
    codes = [row.split(",") for row in rows]
    lines = [f"GE,APE,{channel},2020-01-01T00:00:{s},{phase},a" for channel, s, phase in codes]
    (tmp_path / "a.csv").write_text("\n".join(["network,station,channel,time,phase,event_id", *lines]) + "\n")
    rejections = []
    picks = read_labels([tmp_path / "a.csv"], rejections)
    assert sorted((p.channel, p.phase) for p in picks) == [
        ("HHN", "S"), ("HHZ", "AML"), ("HHZ", "P"), ("HHZ", "S"), ("HNZ", "P")
    ]  # fmt: skip
    assert [r.reason for r in rejections] == ["a second pick of the same onset"] * 2


def test_of_two_picks_that_may_be_of_one_onset_the_nearer_is(tmp_path):
    head, at = "network,station,time,phase,event_id\n", START_NS // NS_PER_S
    (tmp_path / "1.csv").write_text(head + f"GE,APE,{at + 10},P,\nGE,APE,{at + 10.6},P,\n")
    (tmp_path / "2.csv").write_text(head + f"GE,APE,{at + 10.4},P,x\n")
    assert [p.event_id for p in read_labels([tmp_path / "1.csv", tmp_path / "2.csv"])] == ["", "x"]


def test_what_the_first_file_rejects_is_no_label_though_the_second_has_it(tmp_path):
    """Corrections come first, and the picks that they correct may come as well."""
    corrected, old = tmp_path / "corrected.csv", tmp_path / "old.csv"
    head = "network,station,time,phase,status,event_id\n"
    corrected.write_text(
        f"{head}GE,APE,10,P,rejected,1\nGE,APE,20,P,rejected,1\nGE,APE,20.2,P,manual,1\nGE,APE,25,S,,1\n"
    )
    old.write_text(f"{head}GE,APE,10.1,P,,1\nGE,APE,20,P,,1\nGE,WET,10,P,,1\nXX,APE,10,P,,1\n,APE,30,S,,1\n")
    rejections = []
    kept = read_labels([corrected, old], rejections)
    assert [(p.network, p.station, p.time_ns / NS_PER_S) for p in kept] == [
        ("GE", "WET", 10.0),
        ("XX", "APE", 10.0),
        ("GE", "APE", 20.2),
        ("GE", "APE", 25.0),
        ("", "APE", 30.0),
    ]
    assert [r.reason for r in rejections[2:]] == ["rejected in an earlier file", "a second pick of the same onset"]
    assert len(read_labels([old, corrected])) == 6  # the other way round corrections come too late


def test_an_event_is_called_as_in_the_first_file_that_has_an_onset_of_it(tmp_path):
    """Its name in the first file comes last by alphabet; the third file shares a name with the second, and no onset."""
    head, at = "network,station,time,phase,event_id\n", START_NS // NS_PER_S
    (tmp_path / "1.csv").write_text(head + f"GE,APE,{at + 10},P,z\n")
    (tmp_path / "2.csv").write_text(head + f"GE,APE,{at + 10},P,b\nGE,APE,{at + 12},S,b\n")
    (tmp_path / "3.csv").write_text(head + f"GE,XYZ,{at + 15},P,b\n")
    found = read_labels([tmp_path / f"{k}.csv" for k in (1, 2, 3)])
    assert [(p.station, p.phase, p.event_id) for p in found] == [
        ("APE", "P", "z"),
        ("APE", "S", "z"),
        ("XYZ", "P", "z"),
    ]


def test_events_that_two_files_number_each_in_its_own_way_stay_apart(tmp_path):
    """By name each would be the one before it too, and all earthquakes one."""
    head, at = "network,station,time,phase,event_id\n", START_NS // NS_PER_S
    for name, shift in (("1.csv", 0), ("2.csv", 1)):
        rows = [f"GE,{station},{at + 1000 * k},P,{k + shift}" for k in range(5) for station in ("APE", name[0])]
        (tmp_path / name).write_text(head + "\n".join(rows) + "\n")
    picks = read_labels([tmp_path / "1.csv", tmp_path / "2.csv"])
    assert [(p.time_ns - START_NS) // NS_PER_S // 1000 for p in picks] == [int(p.event_id) for p in picks]
    assert len(picks) == 15


def test_events_of_one_name_in_two_files_are_one_where_no_onset_tells_otherwise(tmp_path):
    head = "network,station,time,phase,event_id\n"
    (tmp_path / "p.csv").write_text(f"{head}GE,APE,10,P,1\nGE,APE,1000,P,2\n")
    (tmp_path / "s.csv").write_text(f"{head}GE,APE,13,S,1\nGE,APE,1003,S,2\n")
    assert [p.event_id for p in read_labels([tmp_path / "p.csv", tmp_path / "s.csv"])] == ["1", "1", "2", "2"]


def test_the_surest_pick_is_of_the_instrument_that_is_asked_for_and_its_uncertainty_known():
    hh, hn = pick(10.0), replace(pick(10.1, channel="HNZ"), weight=0.5)
    assert surest([hh, hn]) == ([hh], [hn])
    assert surest([hh, hn], "HN") == ([hn], [hh])
    known = replace(pick(10.2), uncertainty_s=3.0)
    assert surest([hh, known]) == ([known], [hh])


def test_which_picks_of_an_onset_are_second_ones_in_a_file():
    hh, nameless, later = pick(10.0), pick(10.1, channel=""), replace(pick(10.2), weight=0.5)
    assert once([[hh, nameless, later]], [], []) == [hh]
    assert once([[hh, later]], [], [], each=True) == [hh, later]  # of no event
    assert once([[hh, replace(hh, channel="HHZ")]], [], [], each=True) == [hh]
    of_event = [replace(p, event_id="a", weight=1.0) for p in (hh, later)]
    assert once([of_event], [], [], each=True) == of_event  # and neither of more weight
    assert once([[of_event[0], replace(of_event[1], weight=0.5)]], [], [], each=True) == of_event[:1]


def test_of_onsets_before_and_after_a_pick_the_nearer_is_its_own():
    found = once([[pick(10.0), pick(10.6)], [replace(pick(10.2), event_id="x")]], [], [])
    assert [p.event_id for p in found] == ["x", ""]


def test_what_an_analyst_moved_away_from_leaves_room_for_another_pick_of_the_same_file():
    moved, other = replace(pick(27.0), original=pick(20.0)), replace(pick(20.1), weight=0.5)
    assert once([[moved, other]], [], []) == [moved, other]
    assert once([[moved], [other]], [], rejections := []) == [moved]
    assert len(rejections) == 1


def test_events_that_a_later_file_joins_have_one_name_of_the_first_file():
    def of(*stations, event_id):
        return [replace(pick(station=station), event_id=event_id) for station in stations]

    for files in (
        [of("A", event_id="z") + of("B", event_id="y"), of("A", "B", "C", event_id="b")],
        [of("A", event_id="z"), of("B", event_id="y"), of("A", "B", "C", event_id="b")],
    ):
        names = {p.event_id for p in once(files, [], [])}
        assert len(names) == 1 and names <= {p.event_id for p in files[0]}


def test_refused_picks_are_found_in_order_of_time_however_their_station_is_written():
    refused = [Rejection("GE.ape..HH", t, t, why) for t, why in ((9, REFUSED), (3, NOT_EXISTING), (5, "no time"))]
    assert refused_picks(refused) == {"APE": [(3, "GE", ""), (9, "GE", "")]}
    near = replace(pick(), time_ns=NS_PER_S // 2 + 5, weight=0.5)
    beside = replace(pick(channel="HN"), time_ns=NS_PER_S)  # near one that is refused, and not near enough itself
    assert once([[], [near, beside]], [refused_picks(refused)], []) == [beside]


# Phase hints


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ("P Pg Pn Pb PmP P1 IP EP iP eP QP IPU0 EP+2 P. P* p PC0 PD", "P"),
        ("S Sg Sn Sb SmS S1 IS ES eS ISD1 S* s", "S"),
        ("Lg L AML IAML IVmB_BB Amp T R Q E I END x ? M Surface Spike START Pick PGA PGV Pmax", ""),
        (
            "pP pwP sP pS sS PP PPP SS PgPg SnSn SP PS PcP PcS ScS ScP PKP PKiKP PKPdf PKPab PKKP P'P' SKS SKSac SKKS",
            "",
        ),
        ("Pdiff Sdiff PmS", ""),
    ],
)
def test_hints_of_phases_are_p_s_or_neither(hints, expected):
    assert {hint: phase_class(hint) for hint in hints.split()} == dict.fromkeys(hints.split(), expected)
    assert phase_class("") == phase_class("   ") == ""


def test_what_arrives_of_later_phases_is_p_or_s_or_no_body_wave():
    hints = "pP PKPdf Pdiff ScP PP iP", "sS SKS Sdiff PcS PS S1", "Lg AML x"
    assert [{last_leg(hint) for hint in of.split()} for of in hints] == [{"P"}, {"S"}, {""}]


# CSV


@pytest.mark.parametrize(
    "text",
    [
        "network,station,location,channel,time,phase\nGE,APE,00,HHZ,2020-01-01T00:00:10Z,Pg\n",
        "\ufeffnetwork,station,location,channel,time,phase\r\nGE,APE,00,HHZ,1577836810,Pg\r\n",
        " phase , time ,network,station,channel,location,note\nPg , 1577836810.000,GE ,APE,HHZ,00,anything\n",
        'network,station,location,channel,time,phase,event_id\n"GE","APE","00","HHZ","2020-01-01T00:00:10","Pg",""\n',
    ],
)
def test_dialects_of_csv_give_the_same_pick(tmp_path, text):
    path = tmp_path / "picks.csv"
    path.write_text(text, encoding="utf-8", newline="")
    [found] = read_labels([path])
    assert (found.trace_id, found.phase, found.time_ns) == ("GE.APE.00.HH", "Pg", START_NS + 10 * NS_PER_S)


def test_dashes_in_codes_of_a_csv_name_nothing(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,location,time,phase\n--,APE,--,1577836810,P\n")
    assert [p.trace_id for p in read_labels([path])] == [".APE.."]


def test_optional_columns_of_csv_are_read(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,time,phase,uncertainty_s,event_id\nGE,APE,1577836810,S,0.05,ev7\n,APE,5,P,,\n")
    first, second = read_labels([path])
    assert (first.network, first.time_ns, first.event_id) == ("", 5 * NS_PER_S, "")
    assert math.isnan(first.uncertainty_s)
    assert (second.uncertainty_s, second.event_id) == (0.05, "ev7")


def test_mode_and_status_of_csv_are_those_of_quakeml(tmp_path):
    path = tmp_path / "picks.csv"
    rows = ["automatic,", "automatic,preliminary", "automatic,reviewed", "manual,", ","]
    head = "network,station,time,phase,evaluation_mode,evaluation_status\n"
    path.write_text(head + "".join(f"GE,APE,{i},P,{row}\n" for i, row in enumerate(rows)))
    assert [p.weight for p in read_labels([path])] == [0.5, 0.5, 1.0, 1.0, 1.0]


def test_uncertainty_status_and_weight_of_csv_become_a_weight(tmp_path):
    path = tmp_path / "picks.csv"
    rows = [
        "1,,,",
        "2,0.05,manual,",
        "3,0.2,manual,",
        "4,9,,",
        "5,,automatic,",
        "6,0.4,automatic,0.5",
        "7,,reviewed,0.3",
        "8,0,manual,",
    ]
    path.write_text(
        "network,station,time,phase,uncertainty_s,status,weight\n" + "".join(f"GE,APE,{i[0]},P{i[1:]}\n" for i in rows)
    )
    assert [p.weight for p in read_labels([path])] == pytest.approx([1, 1, 0.5, 0.1, 0.5, 0.0625, 0.3, 1])


def test_a_row_of_weight_0_is_no_label_as_in_a_catalogue_but_a_stretch_needs_a_weight(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,time,phase,status,weight\nGE,APE,1,P,,0\nGE,APE,2,S,automatic,0.0\n")
    assert [(p.phase, p.weight) for p in read_labels([path])] == [("P of weight 0", 1.0), ("S of weight 0", 0.5)]
    path.write_text("network,station,time,class,weight\nGE,APE,1,rockfall,0\n")
    with pytest.raises(DataError, match="line 2: weight 0 is for picks"):
        read_classes([path])
    path.write_text(
        "network,station,time,class,weight,status\nGE,APE,1,rockfall,0,rejected\nGE,APE,2,rockfall,1,manual\n"
    )
    assert [i.start_ns for i in read_classes([path])] == [2 * NS_PER_S]


def test_of_two_picks_at_one_time_the_one_with_weight_is_the_label(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,channel,time,phase,weight\nGE,APE,HHN,1,S,0\nGE,APE,HHE,1,S,0.5\n")
    rejections = []
    assert [(p.phase, p.weight) for p in read_labels([path], rejections)] == [("S", 0.5)]
    assert [r.reason for r in rejections] == ["a second pick of the same onset"]


def test_a_pick_that_the_first_file_gives_no_weight_is_no_label_in_another_either(tmp_path):
    head = "network,station,time,phase,weight,event_id\n"
    analyst, machine = tmp_path / "analyst.csv", tmp_path / "machine.csv"
    analyst.write_text(f"{head}GE,APE,100,P,0,a\nGE,APE,110,S,1,a\n")
    machine.write_text(f"{head}GE,APE,100.1,P,1,m\nGE,APE,110.1,S,0,m\nGE,APE,120,P,1,m\n")
    found = [(p.phase, p.time_ns / NS_PER_S, p.event_id) for p in read_labels([analyst, machine])]
    assert found == [("P of weight 0", 100, "a"), ("S", 110, "a"), ("P", 120, "a")]
    phases = [(p.phase, p.time_ns / NS_PER_S) for p in read_labels([machine, analyst])]
    assert phases == [("P", 100.1), ("S of weight 0", 110.1), ("P", 120)]


def test_of_rows_with_one_pick_id_the_last_counts_and_the_number_of_a_line_is_no_id(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,time,phase,pick_id\nGE,APE,1,P,\nGE,APE,5,S,2\nGE,APE,6,S,2\n")
    assert [(p.phase, p.time_ns // NS_PER_S) for p in read_labels([path])] == [("P", 1), ("S", 6)]


def test_a_pick_that_was_rejected_and_accepted_again_is_no_rejection(tmp_path):
    reviewed, other = tmp_path / "reviewed.csv", tmp_path / "other.csv"
    rows = ("5,S,rejected,a", "5,S,accepted,a", "20,P,rejected,b", "20.2,P,rejected,b")
    reviewed.write_text("network,station,time,phase,status,pick_id\n" + "".join(f"GE,APE,{row}\n" for row in rows))
    other.write_text("network,station,time,phase\nGE,APE,4.8,P\n")
    rejections = []
    found = read_labels([reviewed, other], rejections)
    assert [(p.phase, p.time_ns / NS_PER_S) for p in found] == [("P", 4.8), ("S", 5)]
    assert [(r.start_ns / NS_PER_S, r.reason) for r in rejections] == [(20.2, "a pick that an analyst rejected")]


BAD = {
    "empty.csv": (b"", "the file is empty"),
    "words.csv": (b"hello\n", "no columns network, station, time, phase; a CSV of picks"),
    "names.csv": (b"net,sta,datetime,pick\nGE,APE,1,P\n", "time, phase; here they are net, sta, datetime, pick"),
    "many.csv": (b"a column," * 999 + b"end\n1\n", "here they are a column, a column, a column, a column, a column"),
    "header.csv": (b"network,station,time,phase\n", "holds no row below its header"),
    "rejected.csv": (
        b"network,station,time,phase,status\nGE,APE,1,P,Rejected\nGE,APE,2,S,rejected\n",
        "holds no usable label: a pick that an analyst rejected (2)",
    ),
    "columns.csv": (b"network,station,when,phase\nGE,APE,1,P\n", "no column time; a CSV of picks needs"),
    "semicolons.csv": (b"network;station;time;phase\nGE;APE;1;P\n", "here they are not separated by commas"),
    "tabs.csv": (b"network\tstation\ttime\tphase\nGE\tAPE\t1\tP\n", "here they are not separated by commas"),
    "capitals.csv": (b"Network,Station,Time,Phase\nGE,APE,1,P\n", "here they are not all in lower case"),
    "time.csv": (b"network,station,time,phase\nGE,APE,1,P\nGE,APE,soon,P\n", "line 3: time 'soon'"),
    "short.csv": (b"network,station,time,phase\nGE,APE\n", "line 2: time ''"),
    "decimal.csv": (
        b"network,station,time,phase\nGE,APE,1,P,\nGE,APE,2020-01-01T00:00:01,5,P\n",
        "line 3: more fields than columns; quote what holds a comma",
    ),
    "twice.csv": (b"network,station,time,phase,time\nGE,APE,1,P,2\n", "more than one column time; rename all but"),
    "blank.csv": (b"network,station,time,phase\n\nGE,APE,1,P\n\nGE,APE,soon,P\n", "line 5: time 'soon'"),
    "weight.csv": (
        b"network,station,time,phase,weight\nGE,APE,1,P,4\n",
        "line 2: weight 4 does not lie between 0 and 1",
    ),
    "class.csv": (b"network,station,time,class\nGE,APE,1,rockfall\n", "a column class is for labels of task class"),
    "error.csv": (
        b"network,station,time,phase,uncertainty_s\nGE,APE,1,P,small\n",
        "line 2: uncertainty_s 'small' is not a number",
    ),
    "uncertainty.negative.csv": (
        b"network,station,time,phase,uncertainty_s\nGE,APE,1,P,-0.5\n",
        "line 2: uncertainty_s -0.5 is below 0",
    ),
    "weight.word.csv": (b"network,station,time,phase,weight\nGE,APE,1,P,A\n", "line 2: weight 'A' is not a number"),
    "near.csv": (
        b"network,station,time,phase,uncertainty\nGE,APE,1,P,0.5\n",
        "column 'uncertainty' is unknown; did you mean 'uncertainty_s'?",
    ),
    "case.csv": (
        b"network,station,time,phase,Weight\nGE,APE,1,P,0.5\n",
        "column 'Weight' is unknown; did you mean 'weight'?",
    ),
    "swapped.csv": (
        b"network,station,time,phase,weigth\nGE,APE,1,P,0.5\n",
        "column 'weigth' is unknown; did you mean 'weight'?",
    ),
    "bytes.csv": (bytes(range(128, 256)), "not text in UTF-8: 'utf-8' codec can't decode"),
    "empty.xml": (b"", "the file is empty"),
    "words.txt": (b"hello\n", "neither a catalogue that ObsPy reads"),
    "cut.xml": (b'<?xml version="1.0"?><q:quakeml xmlns:q="http://quakeml.org', "neither a catalogue that ObsPy reads"),
    "bytes.xml": (bytes(range(256)), "neither a catalogue that ObsPy reads"),
}


def test_a_column_of_classes_that_is_nearly_another_is_refused(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("network,station,time,class,endtime\nGE,APE,1,rockfall,9\n")
    with pytest.raises(DataError, match="column 'endtime' is unknown; did you mean 'end_time'"):
        read_classes([path])


def test_other_columns_are_passed_over(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,time,phase,event_id,event,snr_db,endtime\nGE,APE,1,P,a,b,3,5\n")
    assert [pick.event_id for pick in read_labels([path])] == ["a"]


@pytest.mark.parametrize("name", BAD)
def test_bad_files_of_labels_are_one_clear_line(tmp_path, name):
    content, message = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_labels([path])
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_missing_file_of_labels_is_one_clear_line(tmp_path):
    with pytest.raises(DataError, match=r"gone\.xml: no such file"):
        read_labels([tmp_path / "gone.xml"])


def test_a_catalogue_without_picks_says_that_origins_name_no_onset(tmp_path):
    with pytest.raises(DataError, match="origins alone give no onset"):
        read_labels([write_catalogue(tmp_path / "empty.xml")])


# Catalogues


@pytest.mark.parametrize("with_event", [True, False])
def test_picks_of_a_file_without_origins_are_labels_of_no_event(with_event, tmp_path):
    """SeisComP's pickers write such files before there is an origin, and seisnet does."""
    path = tmp_path / "picks.xml"
    picks = [pick(), pick(12.0, phase="S")]
    write_picks(picks, path, "sc3ml")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if with_event or "<event " not in line))
    found = read_labels([path])
    assert [(p.trace_id, p.phase, p.time_ns, p.event_id) for p in found] == [
        (p.trace_id, p.phase, p.time_ns, "") for p in picks
    ]
    assert [p.weight for p in found] == [0.5, 0.5]  # automatic, and nobody has looked at them
    with pytest.raises(DataError, match=r"holds no usable label: a pick outside any event has no class \(2\)"):
        read_classes([path])


@pytest.mark.parametrize("layout", ["QUAKEML", "SCML"])
def test_picks_beside_events_are_labels_of_no_event_unless_they_are_of_their_onsets(layout, tmp_path):
    seconds = {"in": 10.0, "near": 10.4, "other": 70.0}  # the second may be a machine's, of the first's onset
    path = tmp_path / "c.xml"
    picks = {name: quakeml_pick(s, phase_hint="P", resource_id=f"smi:local/{name}") for name, s in seconds.items()}
    arrivals = [Arrival(pick_id=p.resource_id, phase="P") for p in picks.values()]
    write_catalogue(path, *picks.values(), arrivals=arrivals)
    if layout == "SCML":
        name = layout if layout in ENTRY_POINTS["event_write"] else "SC3ML"
        obspy.read_events(str(path)).write(str(path), format=name)
    tree = etree.parse(path)
    [parameters] = tree.getroot()
    for arrival in list(parameters.iter("{*}arrival")):
        if arrival.findtext("{*}pickID") != "smi:local/in":
            arrival.getparent().remove(arrival)
    for beside in list(parameters.iter("{*}pick")):
        if beside.get("publicID") != "smi:local/in":
            parameters.append(beside)
    tree.write(str(path))
    assert len(obspy.read_events(str(path))[0].picks) == 1
    rejections = []
    found = read_labels([path], rejections)
    assert [(p.time_ns, p.event_id) for p in found] == [
        (START_NS + 10 * NS_PER_S, "smi:local/ev1"),
        (START_NS + 70 * NS_PER_S, ""),
    ]
    assert [r.reason for r in rejections] == ["a second pick of the same onset"]


@pytest.mark.parametrize("ending", ["gz", "bz2", "zip", "tar.gz"])
def test_picks_beside_events_are_found_in_compressed_catalogues_too(ending, tmp_path):
    path, packed = tmp_path / "picks.xml", tmp_path / f"picks.xml.{ending}"
    write_picks([pick(), pick(12.0, phase="S")], path, "sc3ml")
    if ending in ("gz", "bz2"):
        packed.write_bytes({"gz": gzip, "bz2": bz2}[ending].compress(path.read_bytes()))
    else:
        kind = "zip" if ending == "zip" else "gztar"
        shutil.make_archive(str(path), kind, tmp_path, path.name)
    assert read_labels([packed]) == read_labels([path])


def test_quakeml_keeps_codes_times_hints_errors_and_events(tmp_path):
    path = write_catalogue(
        tmp_path / "c.xml",
        quakeml_pick(
            10.123456, ("GE", "APE", "00", "HHZ"), phase_hint="Pg", time_errors=QuantityError(uncertainty=0.1)
        ),
        quakeml_pick(12.5, ("GE", "APE", "", "HHN"), phase_hint="S"),
    )
    p, s = read_labels([path])
    assert (p.trace_id, p.phase, p.uncertainty_s, p.event_id) == ("GE.APE.00.HH", "Pg", 0.1, "smi:local/ev1")
    assert p.time_ns == START_NS + 10_123_456_000
    assert (s.trace_id, s.phase) == ("GE.APE..HH", "S")
    assert math.isnan(s.uncertainty_s)


def test_a_pick_without_hint_takes_the_phase_of_its_arrival(tmp_path):
    bare = quakeml_pick()
    path = write_catalogue(tmp_path / "c.xml", bare, arrivals=[Arrival(pick_id=bare.resource_id, phase="Sn")])
    assert [p.phase for p in read_labels([path])] == ["Sn"]


@pytest.mark.parametrize("preferred", ["smi:local/o1", "smi:local/o2"])
def test_a_pick_without_hint_takes_the_phase_of_the_preferred_origin(tmp_path, preferred):
    bare = quakeml_pick()
    origins = [
        Origin(
            resource_id=f"smi:local/o{k}",
            time=obspy.UTCDateTime(ns=START_NS),
            latitude=0.0,
            longitude=0.0,
            arrivals=[Arrival(pick_id=bare.resource_id, phase=phase)],
        )
        for k, phase in ((1, "S"), (2, "P"))
    ]
    event = Event(resource_id="smi:local/ev1", picks=[bare], origins=origins, preferred_origin_id=preferred)
    Catalog([event]).write(str(tmp_path / "c.xml"), format="QUAKEML")
    assert [p.phase for p in read_labels([tmp_path / "c.xml"])] == ["S" if preferred.endswith("1") else "P"]


def test_blanks_and_dashes_in_codes_of_a_catalogue_name_nothing(tmp_path):
    picks = [
        quakeml_pick(10, ("GE ", "APE  ", "  ", "HHZ"), phase_hint="P"),
        quakeml_pick(20, ("--", "APE", "??", "HHZ")),
    ]
    path = write_catalogue(tmp_path / "c.xml", *picks)
    assert [p.trace_id for p in read_labels([path])] == ["GE.APE..HH", ".APE..HH"]


@pytest.mark.parametrize("name", ["gse2/tests/data/bulletin/gse_2.0_standard.txt", "pde/tests/data/mchedr.dat"])
def test_a_network_that_the_format_does_not_name_is_empty(name):
    """ObsPy's readers write XX, and two blanks, which are no network of any waveform."""
    assert {p.network for p in read_labels([Path(obspy.__file__).parent / "io" / name])} == {""}


def test_components_of_one_onset_in_a_file_of_seisan_are_one_pick():
    """GOVA has an S at 37.60 s on SE and on SN: a type of instrument and a component."""
    picks = read_labels([Path(obspy.__file__).parent / "io/nordic/tests/data/bad_picks.sfile"])
    assert [(p.channel, p.phase) for p in picks if p.station == "GOVA"] == [("S", "S")]


def test_phases_of_seismic_handler_are_its_names_and_not_its_flags():
    path = Path(obspy.__file__).parent / "io/sh/tests/data/local1.evt"  # of the last pick's event there is no location
    expected = [("MOX", "Pg"), ("MOX", "Sg"), ("CLL", "Sg")]
    assert [(p.station, p.phase) for p in read_labels([path])] == expected


def test_an_event_that_obspy_leaves_out_is_told(tmp_path):
    events = [
        Event(
            resource_id=f"smi:local/{k}", event_type="quarry blast", picks=[quakeml_pick(10 + 60 * k, phase_hint="P")]
        )
        for k in range(2)
    ]
    Catalog(events).write(str(tmp_path / "c.xml"), format="QUAKEML")
    text = (tmp_path / "c.xml").read_text().replace("quarry blast", "quarry", 1)
    (tmp_path / "c.xml").write_text(text)
    rejections = []
    assert [p.event_id for p in read_labels([tmp_path / "c.xml"], rejections)] == ["smi:local/1"]
    [rejection] = rejections
    assert rejection.reason.startswith("ObsPy: Event type 'quarry' does not comply with QuakeML")


def test_rejected_picks_are_told_and_missing_codes_are_no_trouble(tmp_path):
    path = write_catalogue(
        tmp_path / "c.xml",
        quakeml_pick(1, evaluation_status="rejected", phase_hint="P"),
        quakeml_pick(2, None, phase_hint="P"),
    )
    rejections = []
    [found] = read_labels([path], rejections)
    assert found.trace_id == "..."
    [rejection] = rejections
    assert (rejection.trace_id, rejection.reason) == ("GE.APE..HH", "a pick that an analyst rejected")
    assert read_labels([path]) == [found]


def test_picks_of_an_event_that_is_said_not_to_exist_are_told_and_no_labels(tmp_path):
    events = [
        Event(resource_id=f"smi:local/{k}", event_type=kind, picks=[quakeml_pick(10 + 60 * k, phase_hint="P")])
        for k, kind in enumerate(("earthquake", "not existing"))
    ]
    Catalog(events).write(str(tmp_path / "c.xml"), format="QUAKEML")
    rejections = []
    assert [p.event_id for p in read_labels([tmp_path / "c.xml"], rejections)] == ["smi:local/0"]
    told = [(START_NS + 70 * NS_PER_S, "a pick of an event that is said not to exist")]
    assert [(r.start_ns, r.reason) for r in rejections] == told


def test_picks_of_an_event_that_the_first_file_says_not_to_exist_are_no_labels_in_another_either(tmp_path):
    for name, kinds in (("analyst", ("earthquake", "not existing")), ("machine", (None, None))):
        events = [
            Event(resource_id=f"smi:local/{name}/{k}", event_type=kind, picks=[quakeml_pick(10 + 60 * k)])
            for k, kind in enumerate(kinds)
        ]
        Catalog(events).write(str(tmp_path / f"{name}.xml"), format="QUAKEML")
    rejections = []
    assert len(read_labels([tmp_path / "analyst.xml", tmp_path / "machine.xml"], rejections)) == 1
    assert "rejected in an earlier file" in [r.reason for r in rejections]


def test_a_pick_without_a_time_is_told(tmp_path):
    path = write_catalogue(tmp_path / "c.xml", quakeml_pick(1, phase_hint="P"), QuakeMLPick(phase_hint="S"))
    rejections = []
    assert len(read_labels([path], rejections)) == 1
    assert [r.reason for r in rejections] == ["a pick without a time that ObsPy can read"]


def test_a_pick_of_a_mistyped_year_is_told_and_the_rest_goes_on(tmp_path):
    wrong = QuakeMLPick(time=obspy.UTCDateTime(2919, 1, 1), phase_hint="S")
    rejections = []
    path = write_catalogue(tmp_path / "c.xml", quakeml_pick(1, phase_hint="P"), wrong)
    assert [p.phase for p in read_labels([path], rejections)] == ["P"]
    assert [tuple(r) for r in rejections] == [("...", 0, 0, "a pick whose time lies before 1678 or after 2261")]


@pytest.mark.parametrize(
    ("mode", "status", "uncertainty_s", "weight"),
    [
        (None, None, None, 1.0),
        ("manual", None, None, 1.0),
        ("automatic", None, None, 0.5),
        ("automatic", "preliminary", None, 0.5),
        ("automatic", "reviewed", None, 1.0),
        ("automatic", "confirmed", None, 1.0),
        ("manual", "preliminary", 0.1, 1.0),
        ("manual", "final", 0.5, 0.2),
        ("automatic", None, 0.2, 0.25),
        ("manual", None, 60.0, 0.1),
    ],
)
def test_how_a_pick_was_made_and_how_sure_it_is_become_its_weight(tmp_path, mode, status, uncertainty_s, weight):
    errors = QuantityError(uncertainty=uncertainty_s) if uncertainty_s else None
    pick_ = quakeml_pick(phase_hint="P", evaluation_mode=mode, evaluation_status=status, time_errors=errors)
    [found] = read_labels([write_catalogue(tmp_path / "c.xml", pick_)])
    assert found.weight == pytest.approx(weight)


@pytest.mark.parametrize(
    ("errors", "uncertainty_s", "weight"),
    [
        ({"lower_uncertainty": 0.3, "upper_uncertainty": 0.5}, 0.4, 0.25),
        ({"upper_uncertainty": 0.2}, 0.2, 0.5),
        ({"uncertainty": -1.0}, math.nan, 1.0),  # as NonLinLoc writes what is not known
    ],
)
def test_an_uncertainty_with_two_sides_is_their_mean_and_a_negative_one_is_none(
    tmp_path, errors, uncertainty_s, weight
):
    path = write_catalogue(tmp_path / "c.xml", quakeml_pick(phase_hint="P", time_errors=QuantityError(**errors)))
    [found] = read_labels([path])
    assert (found.uncertainty_s, found.weight) == pytest.approx((uncertainty_s, weight), nan_ok=True)


@pytest.mark.parametrize(
    ("name", "n_picks"),
    [
        ("nordic/tests/data/01-0411-15L.S201309", 17),
        ("nlloc/tests/data/nlloc.hyp", 5),
        ("hypodd/tests/data/example.pha", 4),
        ("iaspei/tests/data/ipe202409sel_ims.txt", 13),
    ],
)
def test_catalogues_in_other_formats_that_obspy_reads_are_labels_too(name, n_picks):
    picks = read_labels([Path(obspy.__file__).parent / "io" / name])
    assert len(picks) == n_picks
    assert {phase_class(p.phase) for p in picks} <= {"P", "S", ""}
    assert any(phase_class(p.phase) == "P" for p in picks)


def test_weights_of_seisan_and_hypodd_are_kept_and_what_has_none_is_no_label():
    folder = Path(obspy.__file__).parent / "io"
    picks = read_labels([folder / "nordic/tests/data/03-0345-23L.S202101"])
    weights = {(p.station, p.phase): p.weight for p in picks}
    assert weights["BAS17", "P"] == 0.5
    assert sum(weight < 1 for weight in weights.values()) == 1
    (unused,) = (p for p in picks if p.phase.endswith(" of weight 0"))
    assert (unused.phase, phase_class(unused.phase)) == ("S of weight 0", "")
    hypodd = read_labels([folder / "hypodd/tests/data/example.pha"])
    assert {p.station: p.weight for p in hypodd} == {"FUR": 1.0, "WET": 1.0, "UBR": 0.7, "WERD": 1.0}


def test_a_pick_without_weight_or_with_a_negative_one_in_a_file_of_hypodd(tmp_path):
    path = tmp_path / "one.pha"
    path.write_text("# 2025 5 14 14 35 35.51 40.2 10.4 9.4 3.5 0.0 0.0 0.0 7\nFUR 3.5 0.0 P\nWET 5.8 -0.5 S\n")
    assert [(p.phase, p.weight) for p in read_labels([path])] == [("P of weight 0", 1.0), ("S", 0.5)]


def test_a_reading_that_nonlinloc_must_not_use_is_no_label_and_its_older_format_has_no_weights(tmp_path):
    folder = Path(obspy.__file__).parent / "io/nlloc/tests/data"
    lines = (folder / "nlloc_v7.hyp").read_text().splitlines(keepends=True)
    k = next(k for k, line in enumerate(lines) if line.startswith("NWAO") and " S " in line)
    lines[k] = lines[k].replace("1.0000 >", "0.0000 >")
    (tmp_path / "two.hyp").write_text("".join(lines) + (folder / "nlloc_custom.hyp").read_text())
    phases = [p.phase for p in read_labels([tmp_path / "two.hyp"])]
    assert (phases[8:], sorted(phases[:8])) == (["P", "S of weight 0", "P"], [*"PPPPSSSS"])


@pytest.mark.parametrize(
    "name", ["nordic/tests/data/select.out", "nlloc/tests/data/nlloc.hyp", "iaspei/tests/data/19670130012028.isf"]
)
def test_events_of_formats_without_names_for_them_are_called_alike_at_every_reading(name, tmp_path):
    """ObsPy draws random names, by which events would come into other splits each time."""
    path = Path(obspy.__file__).parent / "io" / name
    first, again, copied = (read_labels([p]) for p in (path, path, Path(shutil.copy(path, tmp_path))))
    assert first == again == copied
    n_events = sum(bool(event.picks) for event in obspy.read_events(str(path)))
    assert n_events / 2 < len({pick.event_id for pick in first}) <= n_events  # agencies share onsets


def test_a_name_that_is_written_in_the_catalogue_stays(tmp_path):
    name = "smi:local/0b7d8b4e-9b1f-4b43-8b43-1f0f4a8a6f3e"
    path = tmp_path / "catalogue.xml"
    Catalog([Event(resource_id=name, picks=[quakeml_pick()])]).write(str(path), format="QUAKEML")
    assert [pick.event_id for pick in read_labels([path])] == [name]


def test_brackets_in_the_name_of_a_catalogue_are_no_pattern(tmp_path):
    path = write_catalogue(tmp_path / "picks [2020].xml", quakeml_pick(phase_hint="P"))
    assert len(read_labels([path])) == 1


def test_several_files_of_labels_give_one_list_in_order_of_time(tmp_path):
    (tmp_path / "a.csv").write_text("network,station,time,phase\nGE,APE,1577836820,S\n")
    write_catalogue(tmp_path / "b.xml", quakeml_pick(phase_hint="P"))
    assert [p.phase for p in read_labels([tmp_path / "a.csv", tmp_path / "b.xml"])] == ["P", "S"]


# Classes


def test_csv_of_classes_with_and_without_an_end(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text(
        "network,station,location,time,end_time,class,weight,event_id\n"
        "GE,APE,00,1577836820,2020-01-01T00:00:50Z,rockfall,0.5,r1\n"
        "GE,APE,,1577836810,,long period,,\n"
    )
    first, second = read_classes([path])
    assert first == ClassInterval(
        "GE", "APE", "", "", "long period", START_NS + 10 * NS_PER_S, START_NS + 10 * NS_PER_S
    )
    assert (second.label, second.location, second.weight, second.event_id) == ("rockfall", "00", 0.5, "r1")
    assert (second.start_ns, second.end_ns) == (START_NS + 20 * NS_PER_S, START_NS + 50 * NS_PER_S)


def test_detections_are_classes_too(tmp_path):
    path = tmp_path / "detections.csv"
    found = [
        Detection("TW", "LH01", "", channel, label, START_NS, START_NS + 7_250_000_000, 0.9, "rockfall", 0.79)
        for channel, label in (("EH", "earthquake"), ("EH", "rockfall"), ("HN", "rockfall"))
    ]
    write_detections(found, path)
    rejections = []
    read = [(i.trace_id, i.label, i.start_ns, i.end_ns, i.weight) for i in read_intervals(path, rejections)]
    assert read == [(d.trace_id, d.label, d.start_ns, d.end_ns, 1.0) for d in found] and not rejections
    assert [i.label for i in read_classes([path], rejections)] == ["earthquake", "rockfall"]
    assert [r.reason for r in rejections] == ["a second label of the same stretch"]  # of another instrument
    write_detections([], path, overwrite=True)
    assert read_intervals(path, rejections) == []
    with pytest.raises(DataError, match="holds no row below its header"):
        read_classes([path])
    write_detections(found, tmp_path / "detections.xml")
    for read in (lambda path: read_classes([path]), lambda path: read_intervals(path, [])):
        with pytest.raises(DataError, match=r"no picks; detections are read from CSV"):
            read(tmp_path / "detections.xml")
    path.write_text("network,station,class,start_time,time,status\nGE,APE,x,1,2,\nGE,APE,x,1,3,rejected\n")
    assert [i.start_ns for i in read_classes([path])] == [2 * NS_PER_S]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "network,station,time,phase\nGE,APE,1,P\n",
            "no column class.*a column phase is for labels of task phase",
        ),
        ("network,station,time,class\n", "holds no row below its header"),
        ("# by hand; 2020\nnetwork,station,time,class\n", "time, class; here they are # by hand; 2020$"),
        ("network,station,time,class\nGE,APE,1,\n", "line 2: the class is empty"),
        ("network,station,time,end_time,class\nGE,APE,5,4,x\n", "line 2: end_time '4' lies before time '5'"),
        ("network,station,time,end_time,class\nGE,APE,5,soon,x\n", "line 2: time 'soon'"),
    ],
)
def test_bad_csv_of_classes_is_one_clear_line(tmp_path, text, reason):
    path = tmp_path / "classes.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=reason):
        read_classes([path])


def test_a_stretch_in_two_files_is_labelled_once_in_the_event_of_the_first(tmp_path):
    head = "network,station,time,end_time,class,event_id\n"
    for name in "ab":
        rows = [f"GE,APE,{k},{k + 5},rockfall,{name}{k}\n" for k in (10, 20)] + [f"GE,APE,10,16,rockfall,{name}\n"]
        (tmp_path / f"{name}.csv").write_text(head + "".join(rows))
    (tmp_path / "c.csv").write_text(head + "GE,APE,10,16,rockfall,\n")
    rejections = []
    all_three = read_classes([tmp_path / f"{name}.csv" for name in "cba"], rejections)
    assert all_three == read_classes([tmp_path / "b.csv"])
    assert sorted(i.event_id for i in all_three) == ["b", "b10", "b20"]  # the first that is named
    assert [r.reason for r in rejections] == 4 * ["a second label of the same stretch"]


def test_types_of_events_are_classes_from_first_to_last_pick_of_a_station(tmp_path):
    picks = [quakeml_pick(t, ("GE", s, "", c), phase_hint="P") for t, s, c in
             [(10, "APE", "HHZ"), (14, "APE", "HHN"), (12, "XYZ", "HHZ")]]  # fmt: skip
    typed = Event(resource_id="smi:local/ev1", event_type="quarry blast", picks=picks)
    bare = Event(resource_id="smi:local/ev2", picks=[quakeml_pick(50, phase_hint="P")])
    Catalog([typed, bare]).write(str(tmp_path / "c.xml"), format="QUAKEML")
    rejections = []
    ape, xyz = read_classes([tmp_path / "c.xml"], rejections)
    assert (ape.station, ape.label, ape.event_id) == ("APE", "quarry blast", "smi:local/ev1")
    assert (ape.start_ns, ape.end_ns) == (START_NS + 10 * NS_PER_S, START_NS + 14 * NS_PER_S)
    assert xyz.start_ns == xyz.end_ns == START_NS + 12 * NS_PER_S
    assert [r.reason for r in rejections] == ["an event without a type has no class"]
