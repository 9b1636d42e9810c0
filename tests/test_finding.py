"""What is found is cut into spans that meet, told apart however it is named, and knows what it was chosen by."""

import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest

from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.waveforms import finding
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import FOREVER_NS, Selection
from seisnet.waveforms.sources import Source
from tests.stations import write_stations

START_NS = 1_577_836_800 * NS_PER_S


def test_a_source_answers_for_its_span_whose_end_is_the_next_ones():
    source = Source((Path("a"),), span_ns=(10, 20))
    assert [source.answers_for(ns) for ns in (9, 10, 19, 20)] == [False, True, True, False]
    parts = {
        (0, 10): None,
        (0, 11): (10, 11),
        (5, 30): (10, 20),
        (12, 15): (12, 15),
        (20, 25): None,
        (15, 15): (15, 15),
    }
    assert {span: source.part_of(*span) for span in parts} == parts
    assert source.part_of(10, 10) == (10, 10) and source.part_of(20, 20) is None


def test_a_source_is_called_by_its_first_file_or_by_what_was_asked_for():
    a, b = Path("a.mseed"), Path("b.mseed")
    assert [Source(paths).name for paths in ((a,), (a, b))] == ["a.mseed", "a.mseed and 1 more"]
    assert Source((a, b), called="day").name == "day"
    asked = Source(
        kind="fdsn", service="GEOFON", channels="GE.APE..HH?", span_ns=(START_NS, START_NS + 86_400 * NS_PER_S)
    )
    assert asked.name == "fdsn:GEOFON GE.APE..HH? 2020-01-01"


def test_a_source_knows_all_files_that_it_depends_on_by_size_and_age(labelled, tmp_path):
    own, beside, stations = (tmp_path / name for name in ("own", "beside", "stations"))
    for n, path in enumerate((own, beside, stations)):
        path.write_bytes(n * b" ")
        os.utime(path, (n, n))
    source = Source((own,), beside=(beside,), inventory=(stations,))
    assert source.stamps == [(str(path), n, n * NS_PER_S) for n, path in enumerate((own, beside, stations))]
    own.unlink()
    assert [name for name, *_ in source.stamps] == [str(beside), str(stations)]
    dataset = Source((labelled.dataset,), "dataset")
    assert sorted(path.name for path in dataset.files) == ["metadata.csv", "waveforms.hdf5"]


@pytest.mark.parametrize(("longest", "n"), [(1.5, 4), (3.4, 1)])
def test_what_is_long_is_cut_at_each_midnight(longest, n, tmp_path, make_trace, noise, monkeypatch):
    """Days of a minute each: from half a minute on, for 200 seconds."""
    path, day_ns = tmp_path / "long.mseed", 60 * NS_PER_S
    make_trace(noise(4000), rate_hz=20.0, start_ns=START_NS + day_ns // 2).write(str(path), format="MSEED")
    monkeypatch.setattr(finding, "DAY_NS", day_ns)
    monkeypatch.setattr(finding, "LONGEST_DAYS", longest)
    found = find_sources([path], Reading())
    edges = [FOREVER_NS[0], *(START_NS + k * day_ns for k in range(1, n)), FOREVER_NS[1]]
    assert [source.span_ns for source in found] == list(itertools.pairwise(edges))
    assert [source.part for source in found] == ([0, 1, 2, 3] if n > 1 else [None])
    assert {(source.name, source.paths) for source in found} == {(str(path), (path,))}


@pytest.mark.parametrize(("n", "more"), [(5, ""), (7, " and 2 more")])
def test_what_is_there_in_place_of_what_is_wanted_is_told(n, more, tmp_path, make_trace, noise):
    for k in range(n):
        trace = make_trace(noise(1000, k), f"GE.A{n - k}..HHZ", start_ns=START_NS + 60 * k * NS_PER_S)
        trace.write(str(tmp_path / f"{k}.mseed"), format="MSEED")
    told = ", ".join(f"GE.A{k}..HHZ" for k in range(1, 6)) + more
    times = rf"from 2020-01-01T00:00:00.000000Z to 2020-01-01T00:0{n - 1}:09.990000Z$"
    with pytest.raises(NothingUsableError, match=rf"selection; the files hold {told}, {times}"):
        find_sources([tmp_path], Reading(), selection=Selection(("XX.*.*.*",)))


def test_sources_know_what_they_were_chosen_by(labelled, tmp_path, make_trace, noise):
    make_trace(noise(1000)).write(str(tmp_path / "a.mseed"), format="MSEED")
    stations = write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 9))
    selection = Selection(("*.*.*.*",), start_ns=START_NS + 5, end_ns=START_NS + NS_PER_S)
    found = find_sources([tmp_path / "a.mseed", labelled.dataset], Reading(), selection=selection, inventory=[stations])
    assert [(source.selection, source.inventory) for source in found] == 2 * [(selection, (stations,))]
    [dataset] = [source for source in found if source.is_dataset]
    assert dataset.span_ns == (selection.start_ns, selection.end_ns)


def test_sources_are_one_if_their_files_part_and_request_are(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    a, b, link = (tmp_path / name for name in ("a", "b", "link"))
    own = Source((a, b), span_ns=(0, 9))
    asked = Source(kind="fdsn", service="X", channels="GE.APE..HH?", span_ns=(0, 9))
    others = [replace(own, part=1), Source((a,)), Source((b,))]
    others += [replace(asked, **change) for change in ({"service": "Y"}, {"channels": "?"}, {"span_ns": (9, 18)})]
    same = [Source((b, a)), Source((b, link)), replace(own, span_ns=(0, 5)), Source((link,)), replace(asked)]
    assert list(finding._distinct([own, asked, *others, *same])) == [own, asked, *others]


def test_a_file_that_is_named_twice_is_told_once_and_a_data_set_without_metadata_not_at_all(labelled, tmp_path):
    (tmp_path / "empty.mseed").touch()
    reading = Reading()
    find_sources([tmp_path / "empty.mseed", tmp_path / "empty.mseed", labelled.dataset], reading)
    assert [rejection.reason for rejection in reading.rejections] == [f"{tmp_path / 'empty.mseed'}: the file is empty"]


def test_what_is_no_selection_or_no_station_metadata_is_told_first(tmp_path):
    with pytest.raises(ConfigError, match=r"selection: got str; Selection is needed, such as Selection"):
        find_sources([], Reading(), selection="GE.APE..HH?")
    with pytest.raises(DataError, match="no such file"):
        find_sources([], Reading(), inventory=[tmp_path / "none.xml"])
