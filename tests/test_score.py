"""`seisnet score` on tables written by hand: what it counts, what it says, and what it refuses."""

import csv
import json

import numpy as np
import obspy
import pytest

from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.formats.own_csv import DETECTION_COLUMNS
from tests.commands import run


def test_a_quiet_score_says_nothing_but_its_table(tmp_path):
    (tmp_path / "found.csv").write_text("network,station,time,phase\nGE,A,0,P\nGE,B,0,P\n")
    (tmp_path / "wanted.csv").write_text("network,station,time,phase\nGE,A,0,P\n")
    told, quiet = (run("score", tmp_path / "found.csv", tmp_path / "wanted.csv", *more) for more in ((), ("-q",)))
    assert "1 pick at stations that the reference does not name" in told.stderr
    assert (quiet.stdout, quiet.stderr) == (told.stdout, "")


def test_a_score_says_what_it_leaves_out(tmp_path):
    (tmp_path / "found.csv").write_text(
        "network,station,time,phase\nXX,A,0,P\nGE,B,0,P\nGE,a,0,P\nGE,A,9,Lg\nGE,A,10,\n"
    )
    (tmp_path / "wanted.csv").write_text("network,station,time,phase\nGE,A,0,P\nGE,A,5,AML\n")
    told = run("score", tmp_path / "found.csv", tmp_path / "wanted.csv")
    assert "2 picks at stations that the reference does not name: left out" in told.stderr
    assert "found.csv: 2 picks of phases that are neither P nor S: left out (Lg, unnamed)" in told.stderr
    assert "wanted.csv: 1 pick of phases that are neither P nor S: left out (AML)" in told.stderr
    assert "P,1,1,1," in told.stdout
    (tmp_path / "found.csv").write_text("network,station,time,phase\nXX,A,0,P\n")
    with pytest.raises(NothingUsableError, match=r"found.csv names XX.A, .*wanted.csv GE.A; are the codes"):
        run("score", tmp_path / "found.csv", tmp_path / "wanted.csv", "-o", tmp_path / "score")
    assert not (tmp_path / "score").exists()


def test_the_report_of_a_score_says_what_was_left_out(tmp_path):
    (tmp_path / "a.csv").write_text("network,station,time,phase\nXX,A,2020-01-01,P\nXX,B,2020-01-01,P\n")
    rows = ("XX,A,2020-01-01,P,confirmed", "XX,A,2020-01-02,P,rejected", "XX,A,2020-01-01,Lg,")
    (tmp_path / "b.csv").write_text("\n".join(["network,station,time,phase,status", *rows, ""]))
    said = run("score", tmp_path / "a.csv", tmp_path / "b.csv", "-o", tmp_path / "score").stderr
    page = (tmp_path / "score" / "report.html").read_text()
    for part in ("1 pick at stations that the reference does not name", "1 pick of phases", "(Lg)", "rejected"):
        assert part in said and part in page


def test_a_score_counts_picks_that_are_neither_right_nor_false(tmp_path):
    (tmp_path / "found.csv").write_text("network,station,time,phase\nGE,A,0,P\nGE,A,9.2,P\nGE,A,20,P\nGE,A,50,S\n")
    (tmp_path / "wanted.csv").write_text(
        "network,station,time,phase,weight\nGE,A,0,P,1\nGE,A,9,P,0\nGE,A,20,pP,1\nGE,A,50,S,1\n"
    )
    told = run("score", tmp_path / "found.csv", tmp_path / "wanted.csv", "-o", tmp_path / "score")
    line = (
        "2 picks at onsets that the reference has twice, without weight, or as a later phase: neither right nor false"
    )
    assert line in told.stderr and line in (tmp_path / "score" / "report.html").read_text()
    assert "P,1,1,1,1.0000" in told.stdout
    phases = json.loads((tmp_path / "score" / "metrics.json").read_text())["phases"]
    assert (phases["P"]["unclear"], phases["S"]["unclear"]) == (2, 0)


def test_a_score_without_a_match_says_how_far_apart_both_lie(tmp_path):
    """Eight hours are local time."""
    head = "network,station,time,phase\n"
    (tmp_path / "wanted.csv").write_text(f"{head}GE,A,28800,P\nGE,A,28803,S\n")
    for found, said in (("GE,A,0,P\nGE,A,3,S\n", True), ("GE,A,28800.1,P\n", False)):
        (tmp_path / "found.csv").write_text(head + found)
        told = run("score", tmp_path / "found.csv", tmp_path / "wanted.csv").stderr
        assert ("to the nearest pick of its station it is 8 h (median); are both in UTC" in told) is said
        assert ("nothing matches" in told) is said


@pytest.mark.parametrize(
    ("shift_s", "told"), [(3600, "1 h earlier"), (-86400, "1 day later"), (0.7, "0.7 s earlier"), (18, "18 s earlier")]
)
def test_a_score_says_by_how_much_all_picks_are_off(shift_s, told, tmp_path):
    """However dense the picks are, of which some match by chance; where nothing is common, nothing is said of it."""
    rng = np.random.default_rng(0)
    at_s = 1.6e9 + np.sort(rng.uniform(0, 86_400, 60))
    others_s = 1.6e9 + rng.uniform(0, 86_400, 300)

    def written(name, *times_s):
        rows = "".join(f"GE,A,{t:.2f},P\n" for t in np.concatenate(times_s))
        (tmp_path / name).write_text(f"network,station,time,phase\n{rows}")
        return tmp_path / name

    wanted = written("wanted.csv", at_s)
    shifted = written("shifted.csv", at_s + shift_s, others_s, at_s[:3])
    assert f"most would if every pick were {told}; are both in UTC" in run("score", shifted, wanted).stderr
    assert "most would" not in run("score", written("others.csv", others_s), wanted).stderr
    assert run("score", written("right.csv", at_s + 0.1), wanted).stderr == ""


def test_a_score_says_that_a_second_instrument_of_a_station_finds_everything_again(tmp_path):
    head = "network,station,location,channel,time,phase\n"
    (tmp_path / "wanted.csv").write_text(f"{head}GE,A,,,0,P\nGE,B,,HHZ,0,P\n")
    (tmp_path / "one.csv").write_text(f"{head}GE,A,,HH,0,P\nGE,B,,HHZ,0,P\nGE,B,,HHN,9,S\nGE,C,,HN,0,P\nGE,C,,HH,0,P\n")
    (tmp_path / "two.csv").write_text(f"{head}GE,A,,HH,0,P\nGE,A,,HN,0,P\nGE,B,,HH,0,P\n")
    assert "instruments" not in run("score", tmp_path / "one.csv", tmp_path / "wanted.csv").stderr
    told = run("score", tmp_path / "two.csv", tmp_path / "wanted.csv")
    assert "P,3,2,2," in told.stdout
    assert told.stderr.startswith("GE.A..HH, GE.A..HN: more instruments of a station than in the reference; only one")
    itself = run("score", tmp_path / "two.csv", tmp_path / "two.csv")
    assert "P,2,2,2," in itself.stdout and itself.stderr.startswith("1 pick at onsets that the reference has twice")
    assert itself.stderr.endswith("out\n  not used: a second pick of the same onset\n")


def test_a_score_tells_false_picks_an_hour_of_so_many(tmp_path):
    (tmp_path / "found.csv").write_text("network,station,time,phase\nGE,A,0,P\nGE,A,50,P\nGE,A,90,P\nGE,A,5,S\n")
    (tmp_path / "wanted.csv").write_text("network,station,time,phase\nGE,A,0,P\nGE,A,5,S\n")
    both = tmp_path / "found.csv", tmp_path / "wanted.csv"
    told = run("score", *both, "--hours", 0.5, "-o", tmp_path / "score")
    assert [row["false_an_hour"] for row in csv.DictReader(told.stdout.splitlines())] == ["4.000", "0.000"]
    metrics = json.loads((tmp_path / "score" / "metrics.json").read_text())
    assert [metrics["phases"][phase]["false_an_hour"] for phase in "PS"] == [4.0, 0.0]
    assert metrics["hours"] == 0.5
    page = (tmp_path / "score" / "report.html").read_text()
    assert "1/h</span>" in page and "Records of 0.5 h were examined." in page
    told = run("score", *both, "-o", tmp_path / "score", "--overwrite")
    assert "1/h</span>" not in (tmp_path / "score" / "report.html").read_text()
    assert [row["false_an_hour"] for row in csv.DictReader(told.stdout.splitlines())] == ["", ""]
    with pytest.raises(ConfigError, match=r"hours: got 0\.0; it must lie between 0\.001 and 1000000000$"):
        run("score", *both, "--hours", 0)


def test_detections_of_a_class_with_a_comma_in_its_name_are_scored_in_one_row(tmp_path):
    detections = (
        'network,station,class,start_time,end_time\nXX,A,"quake, local",2024-01-01T00:00:00,2024-01-01T00:00:09\n'
    )
    for name in ("found.csv", "listed.csv"):
        (tmp_path / name).write_text(detections)
    scored = run("score", tmp_path / "found.csv", tmp_path / "listed.csv")
    (row,) = csv.DictReader(scored.stdout.splitlines())
    assert (row["class"], row["detections"], row["f1"]) == ("quake, local", "1", "1.0000")


def test_a_score_of_detections_tells_of_every_class(tmp_path):
    (tmp_path / "found.csv").write_text(
        ",".join(DETECTION_COLUMNS) + "\n"
        "TW,A,,EH,rockfall,100,120,0.9,m,0.5\n"
        "TW,A,,EH,rockfall,500,520,0.9,m,0.5\n"
        "TW,A,,EH,earthquake,700,710,0.9,m,0.5\n"
        "TW,B,,EH,earthquake,700,710,0.9,m,0.5\n"
    )
    (tmp_path / "wanted.csv").write_text(
        "network,station,time,end_time,class\n"
        "TW,A,104,130,rockfall\nTW,A,692,,earthquake\nTW,A,0,50,noise\nTW,A,692,,earthquake\n"
    )
    both = tmp_path / "found.csv", tmp_path / "wanted.csv"
    told = run("score", *both, "--hours", 2, "-o", tmp_path / "score")
    assert told.stdout.splitlines() == [
        "class,detections,reference,matched,precision,recall,f1,median_s,mae_s,false_an_hour",
        "earthquake,1,1,1,1.0000,1.0000,1.0000,8.000,8.000,0.000",
        "rockfall,2,1,1,0.5000,1.0000,0.6667,-4.000,4.000,0.500",
    ]
    assert "1 detection at stations that the reference does not name: left out" in told.stderr
    assert "wanted.csv: 1 detection of classes that are no signal: left out (noise)" in told.stderr
    assert "a second label of the same stretch" in told.stderr
    metrics = json.loads((tmp_path / "score" / "metrics.json").read_text())
    assert metrics["tolerance_s"] == 10.0
    assert metrics["classes"]["rockfall"] | {"detections": 2, "median_s": -4.0} == metrics["classes"]["rockfall"]
    page = (tmp_path / "score" / "report.html").read_text()
    assert "lie within 10 s." in page and "Detections" in page and "Picks" not in page
    told = run("score", *both, "--tolerance", 7.9, "-q")
    assert "earthquake,1,1,0,0.0000,0.0000,0.0000,,," in told.stdout and not told.stderr


def test_a_file_without_detections_is_scored_and_a_reference_without_classes_is_not(tmp_path):
    (tmp_path / "none.csv").write_text(",".join(DETECTION_COLUMNS) + "\n")
    (tmp_path / "wanted.csv").write_text("network,station,time,class\nTW,A,104,rockfall\n")
    assert "rockfall,0,1,0,,0.0000,0.0000,,," in run("score", tmp_path / "none.csv", tmp_path / "wanted.csv").stdout
    with pytest.raises(DataError, match=r"none\.csv: holds no row below its header"):
        run("score", tmp_path / "wanted.csv", tmp_path / "none.csv")
    (tmp_path / "wanted.csv").write_text("network,station,time,class\nTW,A,104,noise\n")
    with pytest.raises(NothingUsableError, match=r"no class to score: \S+ and \S+wanted\.csv name nothing but noise"):
        run("score", tmp_path / "none.csv", tmp_path / "wanted.csv", "-o", tmp_path / "score")
    assert not (tmp_path / "score").exists()


def test_a_score_of_classes_against_a_catalogue_goes_by_the_type_of_its_events(tmp_path):
    (tmp_path / "found.csv").write_text("network,station,start_time,end_time,class\nGE,A,5,20,explosion\n")
    (tmp_path / "words.xml").write_text("no catalogue")
    with pytest.raises(DataError, match=r"words\.xml: neither a catalogue that ObsPy reads nor a \.csv of labels"):
        run("score", tmp_path / "found.csv", tmp_path / "words.xml")
    onset = obspy.core.event.Pick(
        time=obspy.UTCDateTime(6), waveform_id=obspy.core.event.WaveformStreamID("GE", "A"), phase_hint="P"
    )
    event = obspy.core.event.Event(event_type="explosion", picks=[onset])
    obspy.Catalog([event]).write(str(tmp_path / "typed.xml"), format="QUAKEML")
    told = run("score", tmp_path / "found.csv", tmp_path / "typed.xml")
    assert "explosion,1,1,1,1.0000,1.0000,1.0000,-1.000,1.000," in told.stdout


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf", "1e300"])
def test_a_tolerance_that_is_none_is_refused(tolerance, tmp_path):
    (tmp_path / "picks.csv").write_text("network,station,time,phase\nGE,A,0,P\n")
    with pytest.raises(ConfigError, match=r"tolerance: got .*; it must lie between 0 and 1000000$"):
        run("score", tmp_path / "picks.csv", tmp_path / "picks.csv", "--tolerance", tolerance)


def test_without_tolerance_only_picks_of_one_time_match(tmp_path):
    head = "network,station,time,phase\n"
    (tmp_path / "found.csv").write_text(f"{head}GE,A,0,P\nGE,A,5.001,P\n")
    (tmp_path / "wanted.csv").write_text(f"{head}GE,A,0,P\nGE,A,5,P\n")
    both = tmp_path / "found.csv", tmp_path / "wanted.csv"
    assert "P,2,2,1,0.5000," in run("score", *both, "--tolerance", 0, "-o", tmp_path / "score").stdout
