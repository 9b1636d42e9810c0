"""Dialects of other tools, against small golden tables; probabilities; ObsPy reads back what was written."""

import dataclasses
import errno
import io
from pathlib import Path

import h5py
import numpy as np
import obspy
import pytest

from seisnet.errors import ConfigError, DataError
from seisnet.formats.dialects import gamma, phasenet, pyocto, seisbench, write_real
from seisnet.formats.own_csv import detections_csv
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


def test_real_looks_once_for_what_a_killed_run_left_of_its_files(tmp_path, monkeypatch):
    folder, looked = tmp_path / "real", []
    folder.mkdir()
    (folder / ".CI.S7.P.txt.123.part").touch()
    (folder / ".other.123.part").touch()
    glob = Path.glob
    monkeypatch.setattr(Path, "glob", lambda self, pattern: looked.append(pattern) or glob(self, pattern))
    write_real([dataclasses.replace(PICKS[0], station=f"S{i}") for i in range(9)], folder)
    assert len(looked) < 9
    assert {path.name for path in folder.iterdir() if path.name.startswith(".")} == {".other.123.part"}


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


def test_probabilities_of_which_a_part_can_not_be_written_are_told_in_one_line_and_leave_nothing(tmp_path, monkeypatch):
    class FullOnce(io.FileIO):
        """A file on a disk that is full for a moment."""

        def write(self, data):
            monkeypatch.undo()
            raise OSError(errno.ENOSPC, "No space left on device")

    values = np.full((3, 4), 1 / 3, dtype=np.float32)
    found = Probabilities(values, AT_NS, 200_000_000, ("P", "S", "noise"), "CI.BOM..HH", np.zeros(4, dtype=np.bool_))
    monkeypatch.setattr(Path, "open", lambda *how, **more: (FullOnce if "wb" in how else open)(*how, **more))
    with pytest.raises(DataError, match=r"p\.mseed: can't be written: No space left on device"):
        write_probabilities([found], tmp_path / "p.mseed", model="m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trace_id", ["XX.LONGNAME..HH", "XX.ÄÖ..HH", "XXX.APE..HH", "GE.APE.100.HH"])
def test_codes_that_do_not_fit_miniseed_are_refused_in_one_line(trace_id, tmp_path):
    values = np.full((3, 4), 1 / 3, dtype=np.float32)
    found = Probabilities(values, AT_NS, 200_000_000, ("P", "S", "noise"), trace_id, np.zeros(4, dtype=np.bool_))
    with pytest.raises(DataError, match=f"{trace_id}: miniSEED allows 2, 5, 2 ASCII letters .*write HDF5"):
        write_probabilities([found], tmp_path / "p.mseed", model="m")
    assert list(tmp_path.iterdir()) == []
    write_probabilities([found], tmp_path / "p.h5", model="m")
