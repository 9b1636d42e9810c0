"""Records in memory: dealt out by station, made into windows as preprocess makes them."""

import csv
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

from seisnet.config import PreprocessConfig
from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.store.windows_in_memory import read_windows
from seisnet.training.labelled_sets import load_records, make_windows, station, station_folds


def test_no_station_is_in_two_folds_and_every_record_is_tested_once(quakes):
    records = [*quakes.train, *quakes.dev]
    tested = []
    for train, test in station_folds(records, 3, seed=4):
        assert train and test and len(train) + len(test) == len(records)
        assert not {station(r) for r in train} & {station(r) for r in test}
        tested += test
    assert sorted(map(id, tested)) == sorted(map(id, records))


def test_folds_that_stations_can_not_fill_are_refused_before_anything_is_trained(quakes):
    names = sorted({station(r) for r in quakes.train})
    two, one = ([r for r in quakes.train if station(r) in names[:n]] for n in (2, 1))
    assert len(list(station_folds(two, 2, seed=0))) == 2
    with pytest.raises(DataError, match=r"3 folds by .* records? of 2 stations; use 2 folds, or use records of more"):
        station_folds(two, 3, seed=0)
    with pytest.raises(DataError, match=r"1 fold by station .*; use 2 folds, or"):
        station_folds(two, 1, seed=0)
    with pytest.raises(DataError, match="0 folds by station"):
        station_folds(two, 0, seed=0)
    with pytest.raises(DataError, match=r"2 folds by .* of 1 station; use records of more stations"):
        station_folds(one, 2, seed=0)


def test_only_the_first_part_is_augmented(quakes):
    rows = quakes.windows.rows
    assert rows.augmented[rows.split == 0].any()
    assert not rows.augmented[rows.split > 0].any()
    assert {e.split for e in quakes.windows.excerpts} == {0, 1, 2}
    assert [len(quakes.windows.split(name)) > 0 for name in ("train", "dev", "test")] == [True] * 3


def test_records_that_give_no_window_are_told(quakes):
    for parts in ([], [[]], [[], []]):
        with pytest.raises(NothingUsableError, match="no window could be made: there are no records"):
            make_windows(parts, quakes.config)
    bare = replace(quakes.train[0], picks=(), is_noise=False)
    with pytest.raises(NothingUsableError, match=r"made: a record without picks .* labels as noise \(2\)"):
        make_windows([[bare, bare]], quakes.config)


def test_classes_are_refused_for_all_would_be_noise(quakes):
    config = PreprocessConfig(task="class", class_names=("earthquake", "noise"))
    with pytest.raises(ConfigError, match=r"task: got 'class'; .*seisnet\.preprocess"):
        make_windows([quakes.train], config)


def test_an_event_is_a_group(quakes):
    rows = quakes.windows.rows
    by_group = {}
    for group, trace_id in zip(rows.group, rows.trace_id, strict=True):
        by_group.setdefault(group, set()).add(trace_id)
    assert len(by_group) == len(quakes.windows.info.group_names) == 54
    assert all(len(traces) == 1 for traces in by_group.values())


def test_windows_are_those_of_preprocess(labelled, quakes, tmp_path):
    config = quakes.config
    records = load_records(str(labelled.dataset), config)
    assert len(records) == len(labelled.seismograms)
    here = make_windows([records], config)
    preprocess_to_file([str(labelled.dataset)], config=config, output=tmp_path / "w.h5")
    there = read_windows(tmp_path / "w.h5")

    def plain(windows):
        rows = windows.rows.take(~windows.rows.augmented)
        order = np.lexsort((rows.y, rows.start_ns, rows.trace_id.astype(str)))
        return rows.take(order)

    ours, theirs = plain(here), plain(there)
    np.testing.assert_array_equal(ours.start_ns, theirs.start_ns)
    np.testing.assert_array_equal(ours.y, theirs.y)
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-5)
    assert len(here.excerpts) == len(there.excerpts)


def test_a_trace_that_can_not_be_used_is_named(labelled, quakes, tmp_path):
    shutil.copytree(labelled.dataset, tmp_path / "set")
    with (tmp_path / "set" / "metadata.csv").open("r+", newline="") as file:
        columns, *rows = csv.reader(file)
        rows[2][columns.index("trace_start_time")] = "yesterday"
        file.seek(0)
        csv.writer(file).writerows([columns, *rows])
        file.truncate()
    with pytest.raises(DataError, match=r"^set, row 2: .*'yesterday'.* \(\w+\.\w+\.\w*\.\w\w\)$"):
        load_records(tmp_path / "set", quakes.config)


def test_a_folder_in_the_layout_of_stead_is_read_too(quakes, tmp_path):
    x = np.random.default_rng(0).normal(size=(6000, 3))
    columns = "trace_name,network_code,receiver_code,p_arrival_sample,trace_start_time,trace_category"
    rows = ("a,XO,KD01,1180,2018-05-30T07:10:53Z,earthquake_local", "b,YB,CR306,,22/01/2016 5:37,noise")
    (tmp_path / "sample.csv").write_text("\n".join((columns, *rows)) + "\n")
    with h5py.File(tmp_path / "sample.hdf5", "w") as file:
        file["data/a"], file["data/b"] = x, x[::-1]
    event, noise = load_records(tmp_path, quakes.config)
    assert [(station(record), record.is_noise) for record in (event, noise)] == [("XO.KD01", False), ("YB.CR306", True)]
    assert [pick.phase for pick in event.picks] == ["P"]
