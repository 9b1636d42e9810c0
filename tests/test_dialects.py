"""Dialects of other tools, against small golden tables; probabilities; ObsPy reads back what was written."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import obspy
import pytest

from seisnet.errors import ConfigError, DataError
from seisnet.formats.dialects import gamma, phasenet, pyocto, seisbench, write_real
from seisnet.formats.own_csv import PicksAppender, detections_csv, picks_csv
from seisnet.formats.picks import write_detections, write_picks
from seisnet.formats.probabilities import FREE, check_name, letters, write_probabilities
from seisnet.picks import Detection, Pick
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.records import DAY_NS

AT_NS = 1_562_259_769_420_000_000  # 2019-07-04T17:02:49.42
PICKS = [
    Pick("CI", "BOM", "", "HH", "P", AT_NS, 0.98765, 0.05, 12.3, "m", 0.5),
    Pick("CI", "CLC", "00", "HH", "S", AT_NS + 2_500_000_000, 0.7),
]
GOLDEN = {
    phasenet: "station_id,begin_time,phase_index,phase_time,phase_score,phase_type,file_name\n"
    "CI.BOM..HH,2019-07-04T00:00:00.000,6136942,2019-07-04T17:02:49.420,0.988,P,\n"
    "CI.CLC.00.HH,2019-07-04T00:00:00.000,6137192,2019-07-04T17:02:51.920,0.700,S,\n",
    seisbench: "station,time,start_time,end_time,probability,phase\n"
    "CI.BOM.,2019-07-04T17:02:49.420000Z,2019-07-04T17:02:49.370000Z,2019-07-04T17:02:49.470000Z,0.9877,P\n"
    "CI.CLC.00,2019-07-04T17:02:51.920000Z,2019-07-04T17:02:51.920000Z,2019-07-04T17:02:51.920000Z,0.7000,S\n",
    pyocto: "station,phase,time,probability\n"
    "CI.BOM.,P,1562259769.4200,0.9877\nCI.CLC.00,S,1562259771.9200,0.7000\n",
    gamma: "id,timestamp,type,prob,amp\n"
    "CI.BOM..HH,2019-07-04T17:02:49.420,p,0.9877,\nCI.CLC.00.HH,2019-07-04T17:02:51.920,s,0.7000,\n",
}  # fmt: skip


@pytest.mark.parametrize("dialect", GOLDEN, ids=lambda d: d.__name__)
def test_each_table_is_the_golden_one_whatever_the_order(dialect):
    assert dialect(PICKS[::-1]).decode() == GOLDEN[dialect]
    assert dialect([]).decode() == GOLDEN[dialect].splitlines(keepends=True)[0]


@pytest.mark.parametrize("dialect", [phasenet, pyocto, gamma])
def test_hints_of_an_analyst_are_p_or_s_to_tools_that_know_no_others(dialect, tmp_path):
    hints = [dataclasses.replace(pick, phase=hint) for pick, hint in zip(PICKS, ("Pn", "sg"), strict=True)]
    assert dialect(hints).decode() == GOLDEN[dialect]
    write_real([*hints, dataclasses.replace(PICKS[0], phase="pP")], tmp_path / "real")
    names = {path.name for path in (tmp_path / "real").iterdir()}
    assert names == {"CI.BOM.P.txt", "CI.CLC.S.txt", "CI.BOM.PP.txt", "day.txt"}


@pytest.mark.parametrize("dialect", [phasenet, gamma])
def test_milliseconds_are_rounded(dialect):
    almost = [dataclasses.replace(pick, time_ns=pick.time_ns - 400_000) for pick in PICKS]
    assert dialect(almost).decode() == GOLDEN[dialect]


def test_real_is_a_folder_with_a_file_a_station_and_phase(tmp_path):
    write_real([dataclasses.replace(PICKS[0], station="OLD")], tmp_path / "real")
    next_day = dataclasses.replace(PICKS[0], time_ns=AT_NS + DAY_NS)
    write_real([next_day, *PICKS], tmp_path / "real")
    found = {path.name: path.read_text() for path in (tmp_path / "real").iterdir()}
    assert found == {
        "CI.BOM.P.txt": "61369.4200 0.9877 0.0\n147769.4200 0.9877 0.0\n",
        "CI.CLC.S.txt": "61371.9200 0.7000 0.0\n",
        "day.txt": "2019-07-04\n",
    }


def test_obspy_reads_nonlinloc_and_sc3ml_back(tmp_path):
    write_picks(PICKS, tmp_path / "picks.obs", "nlloc")
    lines = (tmp_path / "picks.obs").read_text().splitlines()
    assert [line.split()[0] for line in lines if "GAU" in line] == ["BOM", "CLC"]
    write_picks(PICKS, tmp_path / "picks.xml", "sc3ml")
    assert len(obspy.read_events(str(tmp_path / "picks.xml"))) == 1
    assert (tmp_path / "picks.xml").read_text().count("<pick ") == 2
    write_picks([], tmp_path / "none.obs", "nlloc")


@pytest.mark.parametrize("before_ns", [40_000, 300, 600_000])
def test_no_rounding_in_nonlinlocs_file_gives_second_60(before_ns, tmp_path):
    minute_ns = AT_NS - AT_NS % 60_000_000_000
    pick = dataclasses.replace(PICKS[0], time_ns=minute_ns - before_ns)
    write_picks([pick], tmp_path / "picks.obs", "nlloc")
    [(_, minute, second)] = [line.split()[6:9] for line in (tmp_path / "picks.obs").read_text().splitlines()[1:]]
    assert (minute, second) == (("1701", "59.9994") if before_ns == 600_000 else ("1702", "0.0000"))


def test_detections_are_a_table_or_events(tmp_path):
    detections = [Detection("TW", "LH01", "", "HH", "rockfall", AT_NS, AT_NS + 10**10, 0.9, "m", 0.5)]
    assert detections_csv(detections).splitlines() == [
        "network,station,location,channel,class,start_time,end_time,probability,model,threshold",
        "TW,LH01,,HH,rockfall,2019-07-04T17:02:49.420000Z,2019-07-04T17:02:59.420000Z,0.9000,m,0.5000",
    ]
    several = [dataclasses.replace(detections[0], station=s, label=c) for s, c in ("AA", "AB", "BA")]
    assert detections_csv(several[::-1]) == detections_csv(several)
    write_detections([dataclasses.replace(detections[0], label="Rockfall")], tmp_path / "d.xml", "quakeml")
    [event] = obspy.read_events(str(tmp_path / "d.xml"))
    assert event.event_type == "landslide"
    assert event.event_descriptions[0].text == "Rockfall"
    with pytest.raises(ConfigError, match="holds picks"):
        write_detections(detections, tmp_path / "d.csv", "pyocto")


@pytest.mark.parametrize(
    ("classes", "channels"),
    [
        (("Éboulement", "Ärger", "noise"), ["HHA", "HHB", "HHX"]),
        (("ßß", "séisme", "Ebene", "地震"), ["HHA", "HHS", "HHB", "HHC"]),
        (("1", "a,b", "North"), ["HHA", "HHB", "HHC"]),
    ],
)
def test_every_class_has_a_letter_that_miniseed_can_hold(classes, channels, tmp_path):
    values = np.ones((len(classes), 5), dtype=np.float32)
    found = Probabilities(values, AT_NS, 200_000_000, classes, "GE.APE.00.HH", np.zeros(5, bool))
    write_probabilities([found], tmp_path / "p.mseed", model="m")
    assert [t.stats.channel for t in obspy.read(tmp_path / "p.mseed")] == channels


def test_more_classes_than_letters_are_told_before_the_scan_and_fit_hdf5(tmp_path):
    classes = (*(f"class {k}" for k in range(20)), "noise")
    assert sorted(letters(classes).values()) == sorted(FREE + "X")
    many = ("one more", *classes)
    check_name(tmp_path / "p.mseed", classes)
    check_name(tmp_path / "p.h5", many)
    with pytest.raises(ConfigError, match=r"20 classes besides noise, but there are 21; write HDF5 \(.h5\)"):
        check_name(tmp_path / "p.mseed", many)
    values = np.ones((len(many), 5), dtype=np.float32)
    found = Probabilities(values, AT_NS, 200_000_000, many, "GE.APE.00.HH", np.zeros(5, bool))
    write_probabilities([found], tmp_path / "p.h5", model="m")
    with pytest.raises(ConfigError, match="there are 21"):
        write_probabilities([found], tmp_path / "p.mseed", model="m")
    assert not (tmp_path / "p.mseed").exists()


def test_probabilities_come_back_from_miniseed_and_hdf5(tmp_path):
    values = np.random.default_rng(0).dirichlet(np.ones(3), 700).T.astype(np.float32)
    found = Probabilities(values, AT_NS, 200_000_000, ("P", "S", "noise"), "CI.BOM..HH", np.zeros(700, bool))
    write_probabilities([found], tmp_path / "p.mseed", model="m")
    stream = obspy.read(str(tmp_path / "p.mseed"))
    assert [trace.id for trace in stream] == ["CI.BOM..HHP", "CI.BOM..HHS", "CI.BOM..HHX"]
    for trace, row in zip(stream, values, strict=True):
        assert (trace.stats.starttime.ns, trace.stats.delta) == (AT_NS, 0.2)
        np.testing.assert_array_equal(trace.data, row)
    write_probabilities([found, found], tmp_path / "p.h5", model="m")
    with h5py.File(tmp_path / "p.h5") as file:
        np.testing.assert_array_equal(file["records/000001"][:], values)
        assert file["records/000000"].attrs["start_ns"] == AT_NS
    with pytest.raises(ConfigError, match="use one of these endings"):
        write_probabilities([found], tmp_path / "p.txt", model="m")


def test_picks_are_appended_as_they_come(tmp_path):
    for pick in PICKS:
        with PicksAppender(tmp_path / "p.csv") as file:
            file.add([pick])
            assert (tmp_path / "p.csv").read_text().endswith("\n")
    assert (tmp_path / "p.csv").read_text() == picks_csv(PICKS)


def test_a_file_to_which_another_run_appends_is_neither_replaced_nor_appended_to(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("of something else")
    with PicksAppender(path, anew=True) as file:
        for anew in (False, True):
            with pytest.raises(ConfigError, match="another run is writing it"), PicksAppender(path, anew=anew):
                pass
        file.add(PICKS)
    assert path.read_text() == picks_csv(PICKS)


@pytest.mark.parametrize(
    ("there", "missing"), [(picks_csv(PICKS[:1]) + "CI,CLC,00,HH,S,20", PICKS[1:]), ("netw", PICKS)]
)
def test_a_row_that_a_killed_run_did_not_end_is_taken_away(there, missing, tmp_path):
    (tmp_path / "p.csv").write_text(there)
    with PicksAppender(tmp_path / "p.csv") as file:
        file.add(missing)
    assert (tmp_path / "p.csv").read_text() == picks_csv(PICKS)


def test_a_row_that_lacks_only_its_end_stays_and_any_other_is_told(tmp_path):
    path, whole = tmp_path / "p.csv", picks_csv([PICKS[1]])
    path.write_text(whole[:-1])
    told = []
    with PicksAppender(path, tell=told.append):
        assert told == []
    assert path.read_text() == whole
    whole = picks_csv([dataclasses.replace(PICKS[0], model="m,0.5000", threshold=0.25)])
    start = whole.index("\n") + 1
    for end in range(start, len(whole)):
        path.write_text(whole[:end])
        told, expected = [], f"{path}: its last row was cut short, and is removed: {whole[start:end]!r}"
        with PicksAppender(path, tell=told.append):
            assert told == ([expected] if start < end < len(whole) - 1 else [])
        assert path.read_text() == (whole if end == len(whole) - 1 else whole[:start])


@pytest.mark.parametrize("rotate", [lambda p: p.rename(f"{p}.1"), Path.unlink, lambda p: p.write_text("")])
def test_where_the_file_of_a_stream_is_rotated_picks_go_to_one_of_its_name_with_a_header(rotate, tmp_path):
    path, told = tmp_path / "p.csv", []
    with PicksAppender(path, tell=told.append) as file:
        file.add(PICKS[:1])
        rotate(path)
        file.add([])
        file.add(PICKS[1:])
        with pytest.raises(ConfigError, match="another run is writing it"), PicksAppender(path):
            pass
    assert path.read_text() == picks_csv(PICKS[1:])
    rotated = path.with_name("p.csv.1")
    assert not rotated.exists() or rotated.read_text() == picks_csv(PICKS[:1])
    assert told in ([f"{path}: the file was moved or removed; another one is begun"], [])


def test_picks_wait_for_a_folder_that_is_away_and_for_another_file_to_go(tmp_path):
    (tmp_path / "mounted").mkdir()
    path, told = tmp_path / "mounted" / "p.csv", []
    with PicksAppender(path, tell=told.append) as file:
        path.parent.rename(tmp_path / "away")
        for k in range(len(PICKS)):
            file.add(PICKS[k : k + 1])
        path.parent.mkdir()
        path.write_text("precious")
        for _ in range(2):
            file.add([])
        assert path.read_text() == "precious"
        path.unlink()
        file.add([])
    assert path.read_text() == picks_csv(PICKS)
    assert [line.split(": ")[1].split(";")[0] for line in told] == [
        "can't be written",
        "not a CSV of seisnet's picks",
        "the file was moved or removed",
    ]


def test_what_a_full_disk_does_not_take_is_written_once_there_is_room_or_told_at_the_end(tmp_path):
    resource = pytest.importorskip("resource")
    path, told, limits = tmp_path / "p.csv", [], resource.getrlimit(resource.RLIMIT_FSIZE)

    def room(n_bytes, file, picks):
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
        try:
            file.add(picks)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    enough = len(picks_csv(PICKS[:1]))
    with pytest.raises(DataError, match="File too large"), PicksAppender(path, tell=told.append) as file:
        room(enough - 9, file, PICKS[:1])
        room(enough - 9, file, [])
        assert path.read_text() == picks_csv([])
        room(enough, file, [])
        assert path.read_text() == picks_csv(PICKS[:1])
        room(enough + 9, file, PICKS[1:])
    assert path.read_text() == picks_csv(PICKS[:1])
    trying = f"{path}: can't be written: File too large; trying again"
    assert told == [trying, trying, f"not written: {PICKS[1]}"]


def test_of_a_header_that_a_full_disk_does_not_take_nothing_is_written(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9, limits[1]))
    try:
        with pytest.raises(DataError, match="File too large"), PicksAppender(tmp_path / "p.csv"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "p.csv").read_text() == ""


@pytest.mark.parametrize("content", ["network,station,class\n", "a line without an end", "network,station,class\nX,"])
def test_picks_are_not_appended_to_a_file_of_something_else(content, tmp_path):
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(ConfigError, match="not a CSV of seisnet's picks"), PicksAppender(tmp_path / "p.csv"):
        pass
    assert (tmp_path / "p.csv").read_text() == content


@pytest.mark.parametrize("trace_id", ["XX.LONGNAME..HH", "XX.ÄÖ..HH", "XXX.APE..HH", "GE.APE.100.HH"])
def test_codes_that_do_not_fit_miniseed_are_refused_in_one_line(trace_id, tmp_path):
    values = np.full((3, 4), 1 / 3, dtype=np.float32)
    found = Probabilities(values, AT_NS, 200_000_000, ("P", "S", "noise"), trace_id, np.zeros(4, dtype=np.bool_))
    with pytest.raises(DataError, match=f"{trace_id}: miniSEED allows 2, 5, 2 ASCII letters .*write HDF5"):
        write_probabilities([found], tmp_path / "p.mseed", model="m")
    assert list(tmp_path.iterdir()) == []
    write_probabilities([found], tmp_path / "p.h5", model="m")
