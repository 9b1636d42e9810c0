"""`seisnet demo`, whole: what a new user sees first has to be right."""

import csv

import obspy
import pytest

from seisnet.demo import run_demo
from seisnet.errors import ConfigError
from seisnet.labels.tables import time_ns
from seisnet.model import load_model
from seisnet.store.windows_file import read_counts

UNTERHACHING = (
    ("2010-05-27T16:24:32.5", "2010-05-27T16:24:37"),
    ("2010-05-27T16:27:01", "2010-05-27T16:27:05"),
    ("2010-05-27T16:27:30", "2010-05-27T16:27:34"),
)
"""Three micro-earthquakes that ObsPy's coincidence trigger finds, from before the first P to after the last S."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    said = []
    run_demo(folder, say=said.append)
    return folder, said


def picks_of(folder):
    with (folder / "picks.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_p_of_obspys_example_is_found_within_a_fifth_of_a_second(demo):
    folder, _ = demo
    start = obspy.read()[0].stats.starttime
    found = [
        time_ns(p["time"]) / 1e9 - start.timestamp
        for p in picks_of(folder)
        if (p["station"], p["phase"]) == ("RJOB", "P")
    ]
    assert any(abs(t - 4.7) < 0.2 for t in found), found


@pytest.mark.parametrize("window", UNTERHACHING)
def test_each_micro_earthquake_is_picked_at_two_stations_or_more(demo, window):
    folder, _ = demo
    stations = {
        p["station"]
        for p in picks_of(folder)
        if p["station"].startswith("UH") and time_ns(window[0]) <= time_ns(p["time"]) <= time_ns(window[1])
    }
    assert len(stations) >= 2


def test_everything_the_report_is_made_of_lies_beside_it(demo):
    folder, said = demo
    assert [line[:3] for line in said if line[1:3] == "/5"] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert read_counts(folder / "windows.h5").sum() > 1000
    assert load_model(folder / "model.h5").classes == ("P", "S", "noise")
    report = (folder / "report.html").read_text()
    assert "BW.RJOB..EH" in report and "data:image/svg+xml" in report
    assert 'src="http' not in report and 'href="http' not in report and len(report) < 5e6
    in_quakeml = sum(len(event.picks) for event in obspy.read_events(str(folder / "picks.xml")))
    assert in_quakeml == len(picks_of(folder))


def test_a_folder_that_holds_something_is_left_alone(demo):
    folder, _ = demo
    before = (folder / "picks.csv").read_bytes()
    with pytest.raises(ConfigError, match="is not empty"):
        run_demo(folder)
    assert (folder / "picks.csv").read_bytes() == before
