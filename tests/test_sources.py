"""Files, folders and globs are found and read, and what can't be read is told in one line."""

import itertools
import os
import re
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import obspy
import pytest

from seisnet.classification.job import classify
from seisnet.engine import Engine
from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.labels.catalogues import catalogue_picks
from seisnet.preprocessing.job import preprocess
from seisnet.waveforms import fdsn, files, groups, seedlink
from seisnet.waveforms.examples import example_files, write_example_event
from seisnet.waveforms.files import Reading, read_file
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.inventory import Response, read_stations, without_response
from seisnet.waveforms.reading import read_records
from seisnet.waveforms.records import NS_PER_S, lost
from seisnet.waveforms.segments import Segment
from seisnet.waveforms.selection import Selection

MSEED = Path(obspy.__file__).parent / "io/mseed/tests/data"
START_NS = 1_577_836_800 * NS_PER_S
DAY_NS = 86_400 * NS_PER_S


@pytest.fixture
def write(make_trace, noise):
    """write(path, *seed ids, start_ns=) -> path of a miniSEED file with ten seconds of each."""

    def write_file(path, *seed_ids, start_ns=START_NS):
        path.parent.mkdir(parents=True, exist_ok=True)
        traces = [make_trace(noise(1000, len(i)), i, start_ns=start_ns) for i in seed_ids or ["GE.APE..HHZ"]]
        obspy.Stream(traces).write(str(path), format="MSEED")
        return path

    return write_file


def read_all(*specs):
    """Records and the reading that found them."""
    reading = Reading()
    sources = find_sources([str(s) for s in specs], reading)
    records = [r for s in sources for r in read_records(s, reading, sampling_rate_hz=100.0, shortest_s=1.0)]
    reading.rejections = lost(reading.rejections)  # what is used has only a component
    return records, reading


# What is found


def test_files_folders_and_globs_lead_to_the_same_records(tmp_path, write):
    for code in ("AAA", "BBB"):
        write(tmp_path / "deep" / "er" / f"{code}.mseed", f"GE.{code}..HHZ")
    expected = ["GE.AAA..HH", "GE.BBB..HH"]
    deep = tmp_path / "deep"
    for specs in (
        [deep],
        [deep / "er"],
        [f"{deep}/er/*.mseed"],
        [f"{tmp_path}/**/*.mseed"],
        [f"{tmp_path}/d*"],
        [deep / "er" / "AAA.mseed", deep / "er" / "BBB.mseed"],
    ):
        assert sorted(r.trace_id for r in read_all(*specs)[0]) == expected


def test_a_file_named_twice_is_read_once(tmp_path, write):
    path = write(tmp_path / "a.mseed")
    records, reading = read_all(path, tmp_path, f"{tmp_path}/*")
    assert len(records) == 1
    assert reading.files == [path]


def test_a_data_set_folder_is_one_source_however_it_is_named(labelled):
    for specs in ([labelled.dataset], [labelled.dataset, labelled.dataset], [f"{labelled.dataset.parent}/s*t"]):
        [source] = find_sources([str(s) for s in specs], Reading())
        assert source.is_dataset


def test_that_station_metadata_do_not_apply_to_a_data_set_is_told(labelled, tmp_path):
    obspy.read_inventory().write(str(tmp_path / "stations.xml"), format="STATIONXML")
    for specs, n_told in ((["set", "files"], 1), (["files"], 0)):
        reading, paths = Reading(), [labelled.dataset.parent / name for name in specs]
        find_sources(paths, reading, inventory=[tmp_path / "stations.xml"])
        told = [r.reason for r in reading.rejections if "station metadata do not apply to a data set" in r.reason]
        assert len(told) == n_told


def test_a_drive_of_windows_is_no_kind_of_source():
    for name, said in ((r"C:\data\a.mseed", ": no such file or folder"), (r"sds:C:\archive", ": no such folder")):
        with pytest.raises(DataError, match=re.escape(name + said)):
            find_sources([name], Reading())


@pytest.mark.parametrize("name", ["a[1].mseed", "b*.mseed", "c?.mseed", "d [x] (y).mseed", "ü.mseed"])
def test_a_file_name_is_no_pattern(tmp_path, write, name):
    write(tmp_path / "a1.mseed", "GE.WRONG..HHZ")
    path = write(tmp_path / name, "GE.RIGHT..HHZ")
    assert [r.trace_id for r in read_all(path)[0]] == ["GE.RIGHT..HH"]
    assert len(read_all(tmp_path)[0]) == 2


def test_a_time_that_no_file_holds_is_told_with_the_times_that_they_hold(tmp_path, write):
    write(tmp_path / "a.mseed", "GE.APE..HHZ")
    write(tmp_path / "b.mseed", "GE.APE..HHZ", start_ns=START_NS + 60 * NS_PER_S)
    with pytest.raises(NothingUsableError) as error:
        find_sources([str(tmp_path)], Reading(), selection=Selection(start_ns=START_NS + DAY_NS))
    assert str(error.value).endswith(
        "the files hold GE.APE..HHZ, from 2020-01-01T00:00:00.000000Z to 2020-01-01T00:01:09.990000Z"
    )


def test_a_time_that_nanoseconds_can_not_tell_is_told_and_the_rest_goes_on(tmp_path, write):
    write(tmp_path / "a.mseed")
    wrong = obspy.read()
    for trace in wrong:
        trace.stats.starttime = obspy.UTCDateTime(2300, 1, 1)
    wrong.write(str(tmp_path / "wrong.mseed"), format="MSEED")
    [record], reading = read_all(tmp_path)
    assert record.trace_id == "GE.APE..HH"
    assert {(r.trace_id, r.reason) for r in reading.rejections} == {
        ("BW.RJOB..EH", "its time lies before 1678 or after 2261")
    }
    assert read_all(tmp_path / "wrong.mseed")[0] == []


@pytest.mark.parametrize("first", ["1700-06-01T03:00:00", "2099-12-31T03:00:00", "2150-06-01T03:00:00"])
def test_long_files_are_read_whole_whenever_they_were_recorded(first, tmp_path, make_trace, noise):
    """Clocks may be wrong by a century. A file of two days is read a day at a time."""
    trace = make_trace(noise(2 * 86_400), start_ns=obspy.UTCDateTime(first).ns, rate_hz=1.0)
    trace.write(str(tmp_path / "a.sac"), format="SAC")
    reading = Reading()
    sources = find_sources([str(tmp_path / "a.sac")], reading)
    records = [r for s in sources for r in read_records(s, reading, sampling_rate_hz=1.0, shortest_s=1.0)]
    assert (len(sources), sum(r.n_samples for r in records), lost(reading.rejections)) == (3, 2 * 86_400, [])


def test_tables_and_pictures_in_a_folder_are_passed_over(tmp_path, write):
    write(tmp_path / "a.mseed")
    for name in ("picks.csv", "availability.svg", ".hidden"):
        (tmp_path / name).write_text("no waveform")
    records, reading = read_all(tmp_path)
    assert len(records) == 1
    assert reading.rejections == []


def test_components_in_three_files_meet_in_one_record(tmp_path, write):
    for c in "ZNE":
        write(tmp_path / f"{c}.mseed", f"GE.APE..HH{c}")
    [record], reading = read_all(tmp_path)
    assert record.present.all()
    assert len(reading.files) == 3


def test_files_of_one_station_and_day_are_one_source_and_of_others_not(tmp_path, write):
    write(tmp_path / "a.mseed", "GE.APE..HHZ", start_ns=START_NS)
    write(tmp_path / "b.mseed", "GE.APE..HHN", start_ns=START_NS + 3600 * NS_PER_S)
    write(tmp_path / "c.mseed", "GE.APE..HHZ", start_ns=START_NS + DAY_NS)
    write(tmp_path / "d.mseed", "GE.XYZ..HHZ", start_ns=START_NS)
    found = [sorted(p.name for p in s.paths) for s in find_sources([str(tmp_path)], Reading())]
    assert found == [["a.mseed", "b.mseed"], ["c.mseed"], ["d.mseed"]]


def test_several_processes_find_what_one_does_in_the_same_order(tmp_path, write, monkeypatch):
    monkeypatch.setattr(groups, "FILES_AT_ONCE", 2)
    for i in range(7):
        write(tmp_path / f"{i}.mseed", f"GE.S{i % 3}..HHZ", start_ns=START_NS + i * DAY_NS // 2)
    (tmp_path / "3a.mseed").write_bytes(b"no waveforms")
    (tmp_path / "5a.mseed").write_bytes(b"")
    one, two = Reading(), Reading()
    wanted = Selection(end_ns=START_NS + 3 * DAY_NS)
    found = find_sources([str(tmp_path)], one, selection=wanted)
    assert find_sources([str(tmp_path)], two, selection=wanted, engine=Engine(2)) == found
    assert one.rejections == two.rejections and len(one.rejections) == 2
    with pytest.raises(DataError, match="the files hold") as caught:
        find_sources([str(tmp_path)], Reading(), selection=Selection(end_ns=0))
    with pytest.raises(DataError, match=re.escape(str(caught.value))):
        find_sources([str(tmp_path)], Reading(), selection=Selection(end_ns=0), engine=Engine(2))


def test_a_day_file_that_starts_just_before_midnight_counts_as_that_day(tmp_path, write):
    write(tmp_path / "z.mseed", "GE.APE..HHZ", start_ns=START_NS - NS_PER_S // 2)
    write(tmp_path / "n.mseed", "GE.APE..HHN", start_ns=START_NS)
    assert len(find_sources([str(tmp_path)], Reading())) == 1


def test_a_file_of_several_stations_ties_their_other_files_to_it(tmp_path, write):
    write(tmp_path / "both.mseed", "GE.AAA..HHZ", "GE.BBB..HHZ")
    write(tmp_path / "a.mseed", "GE.AAA..HHN")
    write(tmp_path / "b.mseed", "GE.BBB..HHN")
    [source] = find_sources([str(tmp_path)], Reading())
    assert len(source.paths) == 3
    records, _ = read_all(tmp_path)
    assert [r.present.tolist() for r in records] == [[True, True, False]] * 2


# What can't be read


def test_a_name_that_leads_nowhere_is_an_error_in_one_line(tmp_path):
    for spec in (tmp_path / "missing.mseed", f"{tmp_path}/*.mseed", "sds:/archive", "fdsn:EIDA"):
        with pytest.raises((DataError, ConfigError)) as error:
            find_sources([str(spec)], Reading())
        assert str(spec) in str(error.value)
        assert "\n" not in str(error.value)
        assert ("nothing matches" in str(error.value)) == ("*" in str(spec))


def test_a_folder_without_waveforms_is_an_error(tmp_path):
    (tmp_path / "notes.md").write_text("nothing here")
    with pytest.raises(NothingUsableError, match="holds no waveform files"):
        find_sources([str(tmp_path)], Reading())


def test_a_link_in_a_folder_that_leads_nowhere_is_told_and_the_rest_goes_on(tmp_path, write):
    write(tmp_path / "good.mseed")
    (tmp_path / "lost.mseed").symlink_to("not mounted")
    records, reading = read_all(tmp_path)
    assert len(records) == 1
    assert [r.reason for r in reading.rejections] == [
        f"{tmp_path / 'lost.mseed'}: can't be read: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("error", "told", "failed"),
    [
        (OSError(5, "Input/output error"), "Input/output error", True),
        (OSError("odd"), "odd", False),
        (ValueError("odd"), "odd", False),
    ],
)
def test_a_file_that_the_system_can_not_read_may_be_read_the_next_time_and_a_damaged_one_not(
    error, told, failed, tmp_path, write, monkeypatch
):
    def broken(*_):
        raise error

    path, reading = tmp_path / "a.mseed", Reading()
    write(path)
    monkeypatch.setattr("seisnet.waveforms.files._read", broken)
    assert read_file(path, reading) is None
    [reason] = [r.reason for r in reading.rejections]
    assert reason == f"{path}: can't be read: {told}"
    assert reading.failed == ([reason] if failed else [])


def test_text_in_a_folder_is_read_if_it_holds_waveforms_and_told_if_not(tmp_path):
    obspy.read().write(str(tmp_path / "day.txt"), format="SLIST")
    (tmp_path / "notes.txt").write_text("nothing here")
    reading = Reading()
    assert [source.paths[0].name for source in find_sources([str(tmp_path)], reading)] == ["day.txt"]
    assert [r.reason.partition(": ")[2] for r in reading.rejections] == ["not a waveform format that ObsPy reads"]


@pytest.mark.parametrize(
    ("suffix", "what"), [(".h5", r"HDF5 \+ CSV pairs"), (".npz", r"PhaseNet's labelled \.npz files")]
)
def test_a_file_of_a_layout_that_import_reads_says_so(tmp_path, suffix, what):
    (tmp_path / f"set{suffix}").write_bytes(b"PK\x03\x04" * 100)
    reading = Reading()
    assert read_file(tmp_path / f"set{suffix}", reading) is None
    assert re.search(rf"not a waveform format .*; seisnet datasets import reads {what}$", reading.rejections[0].reason)


def half_a_file(path):
    obspy.read().write(str(path), format="MSEED")
    path.write_bytes(path.read_bytes()[:300])


def a_record_that_does_not_unpack(path):
    obspy.Stream([obspy.Trace(np.arange(1000, dtype=np.int32))]).write(str(path), format="MSEED", encoding="STEIM2")
    data = bytearray(path.read_bytes())
    data[64:512] = b"\xff" * 448
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (a_record_that_does_not_unpack, "Impossible Steim2"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_text("hello\nworld\n"), "not a waveform format"),
        (lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), "not a waveform format"),
        (half_a_file, "no complete record"),
    ],
)
def test_an_unreadable_file_is_one_line_and_the_rest_goes_on(tmp_path, write, make, reason):
    good = write(tmp_path / "good.mseed")
    bad = tmp_path / "bad.mseed"
    make(bad)
    records, reading = read_all(bad, good)
    assert len(records) == 1
    [rejection] = reading.rejections
    assert rejection.reason.startswith(f"{bad}: ")
    assert reason in rejection.reason
    assert "\n" not in rejection.reason


def test_a_damaged_file_is_read_as_far_as_it_goes_and_told(tmp_path):
    broken = tmp_path / "brokenlastrecord.mseed"
    shutil.copy(MSEED / broken.name, broken)
    reading = Reading()
    stream = read_file(broken, reading)
    assert stream[0].stats.npts == 5980
    assert "damaged, read as far as possible" in reading.rejections[0].reason


@pytest.mark.parametrize("extra_bytes", [0, 100])
def test_half_of_a_file_gives_half_of_its_samples(tmp_path, extra_bytes):
    path = tmp_path / "half.mseed"
    obspy.read().write(str(path), format="MSEED")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + extra_bytes])
    records, reading = read_all(path)
    assert 1000 < sum(r.n_samples for r in records) <= 3000
    assert [("damaged" in r.reason) for r in reading.rejections] == [True] * bool(extra_bytes)


# Real recordings of ObsPy's


def test_the_examples_are_there_and_give_records():
    paths = example_files()
    assert len(paths) == 7
    records, _ = read_all(*paths)
    assert {r.trace_id.split(".")[1] for r in records} >= {"UH1", "UH2", "UH3", "UH4", "MBGA"}


def test_the_example_event_is_written_whole(tmp_path):
    write_example_event(tmp_path / "event.mseed")
    [record], _ = read_all(tmp_path / "event.mseed")
    assert record.trace_id == "BW.RJOB..EH"
    assert (record.n_samples, record.present.all()) == (3000, True)


def test_gaps_of_a_real_file_make_records_of_its_pieces():
    path = MSEED / "gaps.mseed"
    records, _ = read_all(path)
    assert sum(r.n_samples for r in records) <= sum(trace.stats.npts for trace in obspy.read(str(path))) / 2
    for a, b in itertools.pairwise(records):
        assert b.start_ns > a.end_ns


@pytest.mark.parametrize("name", ["sds", "fdsn"])
def test_a_folder_may_be_called_like_a_kind_of_source(name, write, tmp_path, monkeypatch):
    write(tmp_path / name / "a.mseed")
    monkeypatch.chdir(tmp_path)
    (source,) = find_sources([name], Reading())
    assert (source.kind, [str(p) for p in source.paths]) == ("files", [f"{name}/a.mseed"])


def test_ctrl_c_waits_until_a_file_is_read(write, tmp_path, monkeypatch):
    path, done = write(tmp_path / "a.mseed"), []

    def interrupted(*_):
        signal.raise_signal(signal.SIGINT)
        done.append("to the end")

    monkeypatch.setattr(files, "_read", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what runs in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            read_file(path, Reading())
        assert done == ["to the end"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


# Memory


def test_what_there_is_no_memory_to_read_ends_the_run(tmp_path, write, monkeypatch, untrained_model):
    """Which picks or windows come out must not depend on how much memory is free."""
    for name in "ab":
        write(tmp_path / f"{name}.mseed", f"GE.{name}..HHZ")
    read = files._read

    def starved(path, *more):
        if path.name == "b.mseed":
            raise MemoryError
        return read(path, *more)

    monkeypatch.setattr(files, "_read", starved)
    (tmp_path / "labels.csv").write_text("network,station,time,phase\nGE,a,2020-01-01T00:00:05Z,P\n")
    sources = [str(tmp_path / f"{name}.mseed") for name in "ab"]
    told = "b.mseed: not enough memory; use fewer jobs"
    with pytest.raises(DataError, match=told):
        classify(sources, untrained_model)
    with pytest.raises(DataError, match=told):
        preprocess(sources, [tmp_path / "labels.csv"])


def starve(*_, **__):
    raise MemoryError


@pytest.mark.parametrize(
    ("starved", "read"),
    [
        ("obspy.read_events", lambda path: catalogue_picks(path, [])),
        ("obspy.read_inventory", lambda path: read_stations((path,))),
        ("seisnet.waveforms.fdsn._client", lambda path: fdsn.fetch("GEOFON", "GE.APE..HH?", (0, NS_PER_S))),
    ],
)
def test_a_lack_of_memory_is_no_fault_of_what_is_read(starved, read, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("content")
    monkeypatch.setattr(starved, starve)
    with pytest.raises(MemoryError):
        read(tmp_path / "file")


def test_a_lack_of_memory_is_no_fault_of_a_response_or_a_packet(noise):
    channel = SimpleNamespace(response=SimpleNamespace(get_evalresp_response_for_frequencies=starve))
    with pytest.raises(MemoryError):
        without_response(Segment(noise(3000), START_NS, 100.0, 50.0, "GE.APE..HHZ"), channel, Response("velocity", 1.0))
    packet = SimpleNamespace(get_type=lambda: "data", get_trace=starve)
    connection = SimpleNamespace(collect=lambda: packet)
    with pytest.raises(MemoryError):
        next(seedlink._received(connection, seedlink.ConnectionLog(print), 0.0, Selection()))


def test_a_pipe_is_no_source(write, tmp_path):
    write(tmp_path / "a.mseed")
    os.mkfifo(tmp_path / "b.mseed")
    reading = Reading()
    found = find_sources([tmp_path / "a.mseed", tmp_path / "b.mseed"], reading)
    assert [source.name for source in found] == [str(tmp_path / "a.mseed")]
    assert [r.reason for r in reading.rejections] == [
        f"{tmp_path / 'b.mseed'}: a pipe or device; save its data to a file first"
    ]


def test_no_time_lies_in_two_sources_where_a_long_file_outlasts_the_next(tmp_path, make_trace):
    """Three days in one file, of the second and third of which an hour stands in files of their own."""
    start_ns, hour = 1_577_836_800 * NS_PER_S, 3600
    for name, first, n in (("a", 0, 72 * hour), ("b", 25 * hour, hour), ("c", 49 * hour, hour)):
        trace = make_trace(np.zeros(n, dtype=np.int32), "GE.A..LHZ", start_ns=start_ns + first * NS_PER_S, rate_hz=1.0)
        trace.write(str(tmp_path / f"{name}.mseed"), format="MSEED")
    spans = [source.span_ns for source in find_sources([str(tmp_path)], Reading())]
    assert len(spans) == 4
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))


def test_a_channel_of_an_impossible_time_that_nobody_wants_is_not_told(tmp_path, make_trace):
    trace = make_trace(np.arange(500.0), "GE.A..HHZ", start_ns=obspy.UTCDateTime(2400, 1, 1).ns)
    trace.write(str(tmp_path / "a.mseed"), format="MSEED")
    make_trace(np.arange(500.0), "GE.B..HHZ").write(str(tmp_path / "b.mseed"), format="MSEED")
    for pattern, n in (("GE.B", 0), ("GE", 1)):
        reading = Reading()
        assert len(find_sources([str(tmp_path)], reading, selection=Selection((pattern,)))) == 1
        assert len(reading.rejections) == n
