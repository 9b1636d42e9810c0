"""Of labels of one onset, in one file or several, the surest stays, and each event has one name."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisnet.label_weights import NOT_EXISTING, REFUSED
from seisnet.labels.joining import once, refused_picks, surest
from seisnet.labels.reading import read_classes, read_labels
from seisnet.picks import Pick, in_order
from seisnet.waveforms.records import NS_PER_S, Rejection

START_NS = 1_577_836_800 * NS_PER_S


def pick(seconds=10.0, *, network="GE", station="APE", location="", channel="HH", phase="P"):
    return Pick(network, station, location, channel, phase, START_NS + round(seconds * NS_PER_S))


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


@pytest.mark.parametrize("order", [1, -1])
def test_dashes_for_no_location_are_none_whichever_pick_has_them(order):
    picks = [pick(10.0, location="--"), pick(10.1, location="00")][::order]
    rejections = []
    assert len(once([picks], [{}], rejections)) == 1
    assert [rejection.reason for rejection in rejections] == ["a second pick of the same onset"]


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


def test_a_pick_that_was_rejected_and_accepted_again_is_no_rejection(tmp_path):
    reviewed, other = tmp_path / "reviewed.csv", tmp_path / "other.csv"
    s, p = (f"GE.APE..HH_{of}.000000Z" for of in ("S_1970-01-01T00:00:05", "P_1970-01-01T00:00:20"))
    rows = (f"5,S,rejected,{s}", f"5,S,accepted,{s}", f"20,P,rejected,{p}", f"20.2,P,rejected,{p}")
    reviewed.write_text("network,station,time,phase,status,pick_id\n" + "".join(f"GE,APE,{row}\n" for row in rows))
    other.write_text("network,station,time,phase\nGE,APE,4.8,P\n")
    rejections = []
    found = read_labels([reviewed, other], rejections)
    assert [(p.phase, p.time_ns / NS_PER_S) for p in found] == [("P", 4.8), ("S", 5)]
    assert [(r.start_ns / NS_PER_S, r.reason) for r in rejections] == [(20, "a pick that an analyst rejected")]


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


def test_a_rejected_pick_at_a_station_whose_code_has_a_dot_rejects_it_there_and_nowhere_else(tmp_path):
    """Once it rejected that of station A."""
    head = "network,station,location,time,phase,status\n"
    (tmp_path / "1.csv").write_text(f"{head}GE,A.B,00,10,P,rejected\nGE,A.B,00,50,P,\n")
    (tmp_path / "2.csv").write_text(f"{head}GE,A,,10,P,\nGE,A.B,00,10,P,\n")
    assert [p.station for p in read_labels([tmp_path / "1.csv", tmp_path / "2.csv"])] == ["A", "A.B"]
