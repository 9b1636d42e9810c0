"""Excerpts: which stretches of a record, what is known in them, whose they are, and what a damaged file says."""

import dataclasses
from collections import Counter
from dataclasses import replace

import h5py
import numpy as np
import pytest

from seisnet.config import PreprocessConfig
from seisnet.engine import Engine
from seisnet.errors import FormatError
from seisnet.inspection import describe
from seisnet.picks import Pick
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.preprocessing.merging import merge
from seisnet.preprocessing.splits import Division, divide
from seisnet.store.excerpts import Excerpt, excerpt_counts, read_excerpts
from seisnet.store.shards import new_shard, read_shard
from seisnet.store.windows_file import WindowsInfo, read_info, read_rejected, read_rows
from seisnet.store.windows_in_memory import read_windows
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.reading import read_traces
from seisnet.waveforms.records import NS_PER_S, Rejection, ns_to_sample, sample_to_ns
from seisnet.windows.cutting import cut
from seisnet.windows.excerpting import excerpts, known_ranges
from seisnet.windows.labelled import LabelledRecord, Onset, Window
from seisnet.wording import duration
from tests.damage import assert_refused, changed, linked, replaced, with_value, without

CONFIG = PreprocessConfig(shifts=1, coda_windows=1)


@pytest.fixture
def labelled_record(make_record):
    """labelled_record(seconds, (phase, s, event), ...) -> noise at 100 Hz with picks."""

    def make(seconds, *picks, event_id="", is_noise=False, split=""):
        data = np.random.default_rng(0).normal(size=(3, round(seconds * 100)))
        record = make_record(data)
        found = tuple(
            Pick("GE", "APE", "", "HH", phase, record.start_ns + round(s * NS_PER_S), weight=0.5, event_id=event)
            for phase, s, event in picks
        )
        return LabelledRecord(record, found, event_id, is_noise, split)

    return make


# Which stretches


def test_picks_nearer_than_twice_the_reach_share_an_excerpt(labelled_record):
    labelled = labelled_record(
        1000, ("P", 100, "a"), ("S", 110, "a"), ("P", 229.99, "b"), ("P", 349.99, "c"), ("S", 990, "d")
    )
    found = list(excerpts(labelled, (), CONFIG))
    start_ns = labelled.record.start_ns
    assert [(e.start_ns - start_ns) / NS_PER_S for e in found] == [40, 289.99, 930]
    assert [e.n_samples for e in found] == [24_999, 12_000, 7000]
    assert [e.events for e in found] == [("a", "b"), ("c",), ("d",)]
    assert [e.onsets for e in found] == [
        ((6000.0, 0), (7000.0, 1), (18_999.0, 0)), ((6000.0, 0),), ((6000.0, 1),)
    ]  # fmt: skip
    assert found[0].weights == (0.5, 0.5, 0.5)
    for e in found:
        low = round((e.start_ns - start_ns) / NS_PER_S * 100)
        np.testing.assert_array_equal(e.data, labelled.record.data[:, low : low + e.n_samples])


def test_an_excerpt_ends_with_its_record_and_onsets_keep_their_fractions(labelled_record):
    (found,) = excerpts(labelled_record(90, ("Pn", 20.0, "a"), ("P", 30.0025, "a")), (), CONFIG)
    assert (found.n_samples, found.onsets) == (9000, ((2000.0, 0), (3000.25, 0)))
    (found,) = excerpts(labelled_record(90, ("Lg", 20.0, "a"), ("S", 30.0, "a")), (), CONFIG)
    assert found.onsets == ((2000.0, -1), (3000.0, 1))


def test_picks_outside_the_record_give_no_excerpt_but_pair_those_inside(labelled_record):
    assert not list(excerpts(labelled_record(90, ("P", -5, "a"), ("S", 100, "a")), (), CONFIG))
    (found,) = excerpts(labelled_record(90, ("P", 80, "a"), ("S", 100, "a")), (), CONFIG)
    assert (found.onsets, found.known) == (((6000.0, 0),), ((0, 7000),))


def test_declared_noise_gives_its_beginning_and_a_record_without_picks_nothing(labelled_record):
    (found,) = excerpts(labelled_record(700, event_id="quiet", is_noise=True), (), CONFIG)
    assert (found.n_samples, found.onsets, found.known, found.events) == (60_000, (), ((0, 60_000),), ("quiet",))
    assert not list(excerpts(labelled_record(700), (), CONFIG))
    (found,) = excerpts(labelled_record(700, ("P", 650, "a"), is_noise=True), (), CONFIG)
    assert found.events == ("a",)  # a pick goes before the declaration


@pytest.mark.parametrize(
    ("arguments", "options", "span_s"),
    [((3.9,), {"is_noise": True}, (0, 3.89)), ((90, ("P", 1.0, "a")), {"excerpt_s": 2.0}, (0, 2.99))],
)
def test_an_excerpt_shorter_than_a_window_is_rejected(arguments, options, span_s, labelled_record):
    config = replace(CONFIG, excerpt_s=options.pop("excerpt_s", 60.0))
    labelled = labelled_record(*arguments, **options)
    low, high = (labelled.record.start_ns + round(s * NS_PER_S) for s in span_s)
    assert list(excerpts(labelled, (), config)) == [
        Rejection(labelled.record.trace_id, low, high, "an excerpt shorter than 4 s")
    ]


def test_an_excerpt_belongs_to_all_windows_that_share_a_sample_with_it(labelled_record):
    labelled = labelled_record(300, ("P", 150, "a"), ("S", 160, "a"))
    windows = [Window(first, "noise", np.nan, name) for first, name in
               [(8600, "before"), (8601, "edge"), (21_999, "end"), (22_000, "after")]]  # fmt: skip
    (found,) = excerpts(labelled, windows, CONFIG)
    assert found.events == ("a", "edge", "end")


def test_picks_without_an_event_name_the_station_hour_that_their_windows_name(labelled_record):
    labelled = labelled_record(90, ("P", 30, ""), ("S", 40, ""))
    windows, _ = cut(labelled, CONFIG)
    (found,) = excerpts(labelled, windows, CONFIG)
    assert set(found.events) == {w.event for w in windows}


# What is known


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        ([], [(0, 10_000)]),
        ([(1000.0, "P"), (1500.0, "S")], [(0, 10_000)]),
        ([(1000.0, "P")], [(0, 1001)]),
        ([(1000.5, "P"), (1500.0, "")], [(0, 1001)]),
        ([(1000.0, "P"), (1200.0, ""), (1500.0, "S")], [(0, 10_000)]),
        ([(1000.0, "P"), (5000.0, "P"), (5600.0, "S")], [(0, 1001), (4500, 10_000)]),
        ([(1000.0, "P"), (1200.0, "P"), (1300.0, "S")], [(0, 1001), (1001, 10_000)]),
        ([(1000.0, "P"), (5000.0, "P")], [(0, 1001), (4500, 5001)]),
        ([(1000.0, "S"), (5000.0, "S")], [(0, 10_000)]),
        ([(-700.0, "P")], []),
        ([(-700.0, "P"), (600.0, "P"), (900.0, "S")], [(100, 10_000)]),
    ],
)
def test_nothing_is_known_after_a_p_without_its_s(onsets, expected):
    found = [Onset(sample, phase, None) for sample, phase in onsets]
    assert known_ranges(found, 10_000, CONFIG) == expected


def test_what_is_known_is_counted_from_the_start_of_the_excerpt(labelled_record):
    labelled = labelled_record(600, ("P", 100, "a"), ("P", 400, "b"), ("S", 410, "b"))
    first, second = excerpts(labelled, (), CONFIG)
    assert first.known == ((0, 6001),)
    assert second.known == ((5500, 13_000),)


# In the windows file


@pytest.fixture(scope="module")
def windows(labelled, tmp_path_factory):
    path = tmp_path_factory.mktemp("excerpts") / "w.h5"
    preprocess_to_file([str(labelled.dataset)], [], CONFIG, output=path)
    return path


def test_samples_and_onsets_are_those_of_the_records(windows, labelled):
    reading = Reading()
    (source,) = find_sources([str(labelled.dataset)], reading)
    traces = list(read_traces(source, reading, sampling_rate_hz=100.0))
    assert len(traces) == excerpt_counts(windows)[:, 0].sum()
    for excerpt, trace in zip(read_excerpts(windows), traces, strict=True):
        record = trace.record
        low = ns_to_sample(record, excerpt.start_ns)
        assert sample_to_ns(record, low) == excerpt.start_ns
        np.testing.assert_array_equal(excerpt.data, record.data[:, low : low + excerpt.n_samples])
        np.testing.assert_array_equal(excerpt.present, record.present)
        assert (excerpt.trace_id, excerpt.bandwidth_hz) == (record.trace_id, record.bandwidth_hz)
        times = [excerpt.start_ns + sample / 100 * NS_PER_S for sample, _ in excerpt.onsets]
        assert times == pytest.approx([p.time_ns for p in trace.picks], abs=1000)
        assert [k for _, k in excerpt.onsets] == ["PS".index(p.phase) for p in trace.picks]


def test_no_event_and_no_sample_lies_in_two_splits(windows):
    rows, names = read_rows(windows, features=False), read_info(windows).group_names
    split_of = {names[g]: s for g, s in zip(rows.group, rows.split, strict=True)}
    spans = Counter()
    for excerpt in read_excerpts(windows):
        assert {split_of[name] for name in excerpt.events} == {excerpt.split}
        inside = (rows.trace_id == excerpt.trace_id) & (rows.start_ns + 4 * NS_PER_S > excerpt.start_ns)
        inside &= rows.start_ns <= excerpt.end_ns
        assert set(rows.split[inside]) <= {excerpt.split}
        spans[excerpt.split] += excerpt.n_samples
    assert len(spans) == 3
    assert excerpt_counts(windows)[:, 1].tolist() == [spans[k] for k in range(3)]
    of_dev = [e.start_ns for e in read_excerpts(windows, "dev")]
    assert of_dev == [e.start_ns for e in read_excerpts(windows) if e.split == 1]
    assert len(of_dev) == excerpt_counts(windows)[1, 0]


def test_the_bytes_are_the_same_for_any_engine_and_after_resume_and_windows_refer_to_shards(
    windows, labelled, tmp_path
):
    sources = [str(labelled.files)], [str(labelled.quakeml)]
    paths = [tmp_path / name for name in ("one.h5", "two.h5", "virtual.h5")]
    preprocess_to_file(*sources, CONFIG, output=paths[0])
    preprocess_to_file(*sources, CONFIG, output=paths[1], engine=Engine(jobs=2))
    preprocess_to_file(*sources, CONFIG, output=paths[2], virtual=True)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert_same(read_excerpts(paths[0]), read_excerpts(paths[2]))
    paths[2].unlink()
    before = paths[0].read_bytes()
    (tmp_path / "virtual.h5.shards").rename(tmp_path / ".again.h5.work")
    preprocess_to_file(*sources, CONFIG, output=tmp_path / "again.h5", resume=True)
    assert (tmp_path / "again.h5").read_bytes() == before


def test_they_come_with_the_windows_in_memory_and_inspect_counts_them(windows):
    assert_same(read_windows(windows).excerpts, read_excerpts(windows))
    n, samples = excerpt_counts(windows)[0]
    assert f"train: {n} excerpts of records, {duration(samples / 100)}, for the later networks" in describe(windows)


@pytest.mark.parametrize("options", [{"excerpts": False}, {"task": "class", "class_names": ("earthquake_local", "b")}])
def test_without_excerpts_there_is_no_group(options, labelled, tmp_path):
    path = tmp_path / "w.h5"
    config = replace(CONFIG, split=(1.0, 0.0, 0.0), **options)
    preprocess_to_file([str(labelled.dataset)], [], config, output=path)
    with h5py.File(path) as file:
        assert "excerpts" not in file
    assert read_windows(path).excerpts == ()
    assert not excerpt_counts(path).any() and not list(read_excerpts(path))


def assert_same(a, b):
    for one, other in zip(a, b, strict=True):
        for field in dataclasses.fields(Excerpt):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


# Splits


def excerpt_of(*events, station="A", split=-1):
    data = np.ones((3, 50), dtype=np.float32)
    return Excerpt(data, 0, 100.0, f"GE.{station}..HH", np.ones(3, dtype=bool), 50.0, (), (), ((0, 50),), events, split)


def merged(tmp_path, division, found):
    """Write a shard without windows, and merge it: the excerpts that are kept, and why others are not."""
    shard, path = tmp_path / "shard.h5", tmp_path / "w.h5"
    with new_shard(shard, 4) as writer:
        for excerpt in found:
            writer.append_excerpt(excerpt)
        writer.finish([], {})
    names = tuple(sorted({event for event, *_ in division.split_of}))
    info = WindowsInfo(("P", "S", "noise"), (4,), names, (), (), {"config": "{}", "sampling_rate_hz": 100.0})
    merge([shard], path, division, info)
    return list(read_excerpts(path)), [reason for *_, reason in read_rejected(path)]


TORN = "an excerpt whose events or station lie in two splits"
UNKNOWN = "an excerpt whose events or station gave no windows"


@pytest.mark.parametrize(
    ("how", "excerpt", "split"),
    [
        ("event", excerpt_of("a"), 0),
        ("event", excerpt_of("b"), 2),
        ("event", excerpt_of("b", "windowless"), 2),
        ("event", excerpt_of("a", "b"), TORN),
        ("event", excerpt_of("windowless"), UNKNOWN),
        ("event", excerpt_of("b", station="A"), 2),
        ("both", excerpt_of("b", station="B"), 2),
        ("both", excerpt_of("b", station="A"), TORN),
        ("both", excerpt_of("b", station="C"), UNKNOWN),
        ("given", excerpt_of("b", split=2), 2),
        ("given", excerpt_of("b", split=0), TORN),
    ],
)
def test_an_excerpt_lies_in_the_one_split_of_its_events_or_is_counted(how, excerpt, split, tmp_path):
    division = Division({("a", "GE.A", 0): 0, ("b", "GE.B", 0): 2}, how, np.zeros((3, 3, 2), dtype=np.int64))
    kept, reasons = merged(tmp_path, division, [excerpt])
    assert reasons == ([split] if isinstance(split, str) else [])
    assert [e.split for e in kept] == ([] if isinstance(split, str) else [split])
    assert all("windowless" not in e.events for e in kept)


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_the_samples_of_excerpts_that_are_left_out_leave_no_gap(where, noise, tmp_path):
    torn = {"first": (0, 1), "middle": (1, 3), "last": (2, 3)}[where]
    found = []
    for k in range(4):
        data = noise(3 * (40 + k)).reshape(3, -1).astype(np.float32)
        found.append(replace(excerpt_of(*("ab" if k in torn else "a")), data=data, known=((0, 40),), split=0))
    division = Division({("a", "GE.A", 0): 0, ("b", "GE.B", 0): 2}, "event", np.zeros((3, 3, 2), dtype=np.int64))
    kept, reasons = merged(tmp_path, division, found)
    assert reasons == [TORN, TORN]
    assert_same(kept, [excerpt for k, excerpt in enumerate(found) if k not in torn])


def test_the_division_of_counted_windows_is_that_of_their_excerpts():
    rows = Counter({(f"ev{k}", f"GE.S{k}", 0, k % 3, False): 5 for k in range(30)})
    division = divide(rows, CONFIG)
    for (event, station, _), split in division.split_of.items():
        assert division.split_of_event[event] == division.split_of_station[station] == split


# Damage


def set_to(name, row, value):
    return with_value(f"excerpts/{name}", row, value)


def longer(file):
    file["excerpts/onset_class"].resize(3, axis=0)


def another_type(file):
    values = file["excerpts/split"][:].astype(np.int64)
    del file["excerpts/split"]
    file["excerpts/split"] = values


DAMAGE = {
    "a missing column": (without("excerpts/start_ns"), "/excerpts/start_ns is missing"),
    "no samples": (without("excerpts/data"), "/excerpts/data is missing"),
    "fewer samples": (replaced("excerpts/data", np.zeros((10, 3), np.float32)), "/excerpts/data is float32 (10, 3)"),
    "columns of two lengths": (longer, "/excerpts/onset_class has shape (3,)"),
    "another type": (another_type, "/excerpts/split is int64; uint8 is needed"),
    "a link": (linked("excerpts", h5py.SoftLink("/elsewhere")), "a link"),
    "NaN": (set_to("data", 5, np.nan), "/excerpts/data holds values that are not finite"),
    "stops that fall": (set_to("stop", 0, 0), "/excerpts/stop holds 0 in row 0"),
    "a split too many": (set_to("split", 1, 3), "/excerpts/split holds 3 in row 1"),
    "a group too many": (set_to("event_group", 1, 9999), "/excerpts/event_group holds 9999 in row 1"),
    "a class too many": (set_to("onset_class", 1, 3), "/excerpts/onset_class holds 3 in row 1"),
    "an onset outside": (set_to("onset_sample", 1, 1e9), "/excerpts/onset_sample holds 1000000000.0 in row 1"),
    "no onset": (set_to("onset_sample", 1, np.nan), "/excerpts/onset_sample holds nan in row 1"),
    "a weight below 0": (set_to("onset_weight", 1, -1), "/excerpts/onset_weight holds -1.0 in row 1"),
    "a range upside down": (set_to("known_low", 0, 2**40), "/excerpts/known_low holds"),
    "a range too long": (set_to("known_high", 0, 2**40), "/excerpts/known_high holds"),
    "a bandwidth of nothing": (set_to("bandwidth_hz", 0, 0), "/excerpts/bandwidth_hz holds 0.0 in row 0"),
    "tables out of order": (set_to("known_excerpt", 0, 5), "/excerpts/known_excerpt does not rise"),
    "no such excerpt": (set_to("event_excerpt", -1, 9999), "/excerpts/event_excerpt does not rise"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_excerpts_are_refused_in_one_line(what, windows, tmp_path):
    change, message = DAMAGE[what]
    assert_refused(changed(windows, tmp_path, change), lambda path: list(read_excerpts(path)), message)


def test_a_shard_whose_excerpts_are_damaged_is_not_believed(tmp_path):
    path = tmp_path / "shard.h5"
    with new_shard(path, 4) as writer:
        writer.append_excerpt(excerpt_of("a"))
        writer.finish([], {})
    with read_shard(path) as shard:
        zeros = np.zeros((3, 50), dtype=np.float32)
        assert_same(shard.excerpts(), [replace(excerpt_of("a"), data=zeros)])
        np.testing.assert_array_equal(np.concatenate(list(shard.samples())).T, excerpt_of("a").data)
    with h5py.File(path, "r+") as file:
        file["excerpts"][7, 1] = 2.0
    with pytest.raises(FormatError, match="SHA-256 of its excerpts"), read_shard(path) as shard:
        list(shard.samples())
