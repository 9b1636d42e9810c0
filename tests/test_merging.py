"""Shards become a windows file, or stay beside one: whole, resumed, damaged or on a full disk."""

import errno
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import obspy
import pytest

from seisnet.config import PreprocessConfig
from seisnet.engine import Engine
from seisnet.errors import ConfigError, DataError, FormatError, NothingUsableError
from seisnet.preprocessing import one_piece, planning
from seisnet.preprocessing.job import preprocess, preprocess_to_file
from seisnet.preprocessing.merging import Copy, merge
from seisnet.preprocessing.splits import divide
from seisnet.store.shards import new_shard, read_shard
from seisnet.store.windows_file import FeatureReader, read_info
from seisnet.store.windows_in_memory import read_windows
from seisnet.waveforms import files

CONFIG = PreprocessConfig(split_by="event")


@pytest.mark.parametrize("kind", ["dataset", "files"])
def test_the_size_of_shards_changes_nothing(kind, labelled, tmp_path, monkeypatch):
    sources, labels = [str(getattr(labelled, kind))], [] if kind == "dataset" else [str(labelled.csv)]
    preprocess_to_file(sources, labels, CONFIG, output=tmp_path / "large.h5")
    monkeypatch.setattr(planning, "PIECE_ROWS", 7)
    monkeypatch.setattr(planning, "PIECE_SOURCES", 3)
    monkeypatch.setattr(one_piece, "FEATURE_BYTES", 1)
    preprocess_to_file(sources, labels, CONFIG, output=tmp_path / "small.h5")
    small, large = read_windows(tmp_path / "small.h5"), read_windows(tmp_path / "large.h5")
    assert small.info.sources == large.info.sources
    assert small.info.rejected == large.info.rejected
    for name, values in vars(large.rows).items():
        np.testing.assert_array_equal(getattr(small.rows, name), values)
    assert len(small.excerpts) == len(large.excerpts) > 20
    for one, other in zip(small.excerpts, large.excerpts, strict=True):
        assert (one.start_ns, one.trace_id, one.data.tobytes()) == (
            other.start_ns,
            other.trace_id,
            other.data.tobytes(),
        )


# Features that stay in shards


@pytest.fixture
def virtual(labelled, tmp_path):
    path = tmp_path / "v.h5"
    preprocess_to_file([str(labelled.files)], [str(labelled.csv)], CONFIG, output=path, virtual=True)
    return path


def test_a_virtual_file_reads_as_one_that_holds_its_features(virtual, windows, tmp_path):
    a, b = read_windows(windows).rows, read_windows(virtual).rows
    for name in ("x", "y", "start_ns", "split", "onset_s"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    rows = np.flatnonzero(a.split == 0)[::3]
    with FeatureReader(virtual) as reader:
        np.testing.assert_array_equal(reader.read(rows), a.x[rows])
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "v.h5.shards", tmp_path / "elsewhere" / "v.h5.shards")
    moved = shutil.move(virtual, tmp_path / "elsewhere" / "v.h5")
    np.testing.assert_array_equal(read_windows(moved).rows.x, a.x)


def test_a_virtual_file_whose_shards_are_gone_changed_or_foreign_is_refused(virtual, labelled, tmp_path):
    [shard] = (tmp_path / "v.h5.shards").iterdir()
    kept = tmp_path / "kept.h5"
    shutil.copy(shard, kept)
    shard.unlink()
    with pytest.raises(FormatError, match="no such file"):
        read_windows(virtual)
    with h5py.File(kept, "r+") as file:
        file.attrs["sha256"] = "0" * 64
    shutil.copy(kept, shard)
    with pytest.raises(FormatError, match="is not the shard"):
        read_windows(virtual)
    with h5py.File(virtual, "r+") as file:
        layout = h5py.VirtualLayout(file["x"].shape, np.float32)
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=file["x"].shape)
        del file["x"]
        file.create_virtual_dataset("x", layout)
    with pytest.raises(FormatError, match="points to /etc/passwd, which is not a shard beside it"):
        read_windows(virtual)


def test_a_virtual_file_keeps_its_shards_until_another_has_replaced_it(virtual, labelled, tmp_path):
    before, old = read_windows(virtual).rows.x, set((tmp_path / "v.h5.shards").iterdir())
    (tmp_path / "far.csv").write_text("network,station,time,phase\nXX,YYY,1,P\n")
    given = replace(CONFIG, shifts=1, split_by="given")
    jobs = [("far.csv", labelled.files, CONFIG, NothingUsableError), (labelled.csv, labelled.dataset, given, DataError)]
    for label, source, config, error in jobs:
        for way in ("overwrite", "resume"):
            options = {"output": virtual, "virtual": True, way: True}
            with pytest.raises((error, ConfigError)):
                preprocess_to_file([str(source)], [str(tmp_path / label)], config, **options)
            np.testing.assert_array_equal(read_windows(virtual).rows.x, before)
    job = ([str(labelled.files)], [str(labelled.csv)], replace(CONFIG, shifts=1))
    preprocess_to_file(*job, output=virtual, virtual=True, overwrite=True)
    assert len(read_windows(virtual).rows.x) < len(before)
    assert len(new := set((tmp_path / "v.h5.shards").iterdir())) == 1 and not new & old


def test_a_finished_virtual_file_whose_shards_are_gone_is_made_again(virtual, labelled, tmp_path):
    before = read_windows(virtual).rows.x
    shutil.rmtree(tmp_path / "v.h5.shards")
    job = ([str(labelled.files)], [str(labelled.csv)], CONFIG)
    preprocess_to_file(*job, output=virtual, virtual=True, resume=True)
    np.testing.assert_array_equal(read_windows(virtual).rows.x, before)
    assert len(list((tmp_path / "v.h5.shards").iterdir())) == 1


def test_shards_of_an_interrupted_virtual_run_are_not_removed_by_one_that_is_not(virtual, labelled, tmp_path):
    virtual.unlink()
    job = ([str(labelled.files)], [str(labelled.csv)], CONFIG)
    preprocess_to_file(*job, output=virtual)
    assert len(list((tmp_path / "v.h5.shards").iterdir())) == 1
    preprocess_to_file(*job, output=tmp_path / "w.h5", virtual=True)
    preprocess_to_file(*job, output=tmp_path / "w.h5", overwrite=True)
    assert not (tmp_path / "w.h5.shards").exists()


@pytest.mark.parametrize("first", [True, False])
def test_a_finished_file_is_not_resumed_as_one_of_the_other_kind(first, labelled, tmp_path):
    job = ([str(labelled.files)], [str(labelled.csv)], CONFIG)
    preprocess_to_file(*job, output=tmp_path / "w.h5", virtual=first)
    before = (tmp_path / "w.h5").read_bytes()
    with pytest.raises(ConfigError, match=f"was made with{'' if first else 'out'} virtual=True; choose another name"):
        preprocess_to_file(*job, output=tmp_path / "w.h5", virtual=not first, resume=True)
    preprocess_to_file(*job, output=tmp_path / "w.h5", virtual=first, resume=True)
    assert (tmp_path / "w.h5").read_bytes() == before


def test_what_the_system_could_not_read_is_read_by_the_run_that_goes_on(labelled, tmp_path, monkeypatch):
    job = ([str(labelled.files)], [str(labelled.csv)], CONFIG)
    preprocess_to_file(*job, output=tmp_path / "whole.h5")
    read, spoilt = files._read, sorted(labelled.files.iterdir())[2]

    def read_all_but_one(path, *how):
        if path == spoilt:
            raise OSError(5, "Input/output error")
        return read(path, *how)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files, "_read", read_all_but_one)
        patch.setattr("seisnet.preprocessing.job.merge", interrupt)
        preprocess_to_file(*job, output=tmp_path / "w.h5")
    assert not list((tmp_path / ".w.h5.work").glob("*.h5"))
    preprocess_to_file(*job, output=tmp_path / "w.h5", resume=True)
    assert (tmp_path / "w.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


# Shards of a run that goes on


@pytest.mark.parametrize("cause", [None, DataError("the cause")])
def test_windows_in_memory_are_not_told_to_resume(cause, labelled, monkeypatch, tmp_path):
    def full(job, piece):
        if piece.sources[0].paths[0].name == "second":
            raise DataError("no space left") from cause
        return one_piece.work(job, piece)

    monkeypatch.setattr("seisnet.preprocessing.merging.work", full)
    sources = [str(labelled.dataset), str(shutil.copytree(labelled.dataset, tmp_path / "second"))]
    with pytest.raises(
        DataError, match=r"^no space left; 1 of 2 shards are finished: correct this and use resume=True$"
    ):
        preprocess_to_file(sources, config=CONFIG, output=tmp_path / "w.h5")
    for made in (sources, sources[1:]):
        with pytest.raises(DataError, match=r"^no space left$"):
            preprocess(made, config=CONFIG)


@pytest.mark.parametrize("where", ["x", "excerpts"])
def test_a_damaged_shard_is_made_again(where, labelled, windows, tmp_path):
    """One that a run finds, by that run; one that is damaged under its hands, by the next."""
    output = tmp_path / "w.h5"
    job = ([str(labelled.files)], [str(labelled.quakeml)], CONFIG)
    preprocess_to_file(*job, output=tmp_path / "v.h5", virtual=True)
    (tmp_path / "v.h5.shards").rename(tmp_path / ".w.h5.work")
    [shard] = (tmp_path / ".w.h5.work").iterdir()
    with h5py.File(shard, "r+") as file:
        file[where][3, 2] += 1
    preprocess_to_file(*job, output=output, resume=True)
    assert output.read_bytes() == windows.read_bytes()


def test_a_shard_does_not_grow_with_the_labels_of_other_times(labelled, tmp_path):
    lost = tmp_path / "lost.csv"
    [station] = {pick.station for pick in labelled.picks[:1]}
    times = (obspy.UTCDateTime(2001, 1, 1) + 60 * i for i in range(500))
    lost.write_text("network,station,time,phase\n" + "".join(f",{station},{time},P\n" for time in times))
    told = []
    for labels in ([labelled.csv], [labelled.csv, lost]):
        preprocess_to_file([labelled.files], labels, CONFIG, output=tmp_path / "v.h5", virtual=True, overwrite=True)
        with read_shard(next((tmp_path / "v.h5.shards").iterdir())) as shard:
            told.append(shard.summary)
    assert told[0] == told[1]
    n_records = sum(len(spans_ns) // 2 for spans_ns in told[0]["records"].values())
    assert n_records == len(list(labelled.files.iterdir()))


def test_a_shard_that_tells_something_else_is_made_again(labelled, windows, tmp_path):
    """As one did that an earlier state of this version made."""
    job = ([str(labelled.files)], [str(labelled.quakeml)], CONFIG)
    preprocess_to_file(*job, output=tmp_path / "v.h5", virtual=True)
    work = (tmp_path / "v.h5.shards").rename(tmp_path / ".w.h5.work")
    [path] = work.iterdir()
    with read_shard(path) as shard:
        told = {**shard.summary, "nearest_ns": []}
    path.unlink()
    with new_shard(path, 5) as shard:
        shard.finish([], told)
    preprocess_to_file(*job, output=tmp_path / "w.h5", resume=True)
    assert (tmp_path / "w.h5").read_bytes() == windows.read_bytes()


def test_a_run_that_goes_on_tells_how_many_shards_its_settings_can_not_take(labelled, windows, tmp_path, monkeypatch):
    job, told = ([str(labelled.files)], [str(labelled.quakeml)]), []
    work = tmp_path / ".w.h5.work"
    work.mkdir()
    for seed, sources in ((CONFIG.seed, 64), (7, 2)):
        monkeypatch.setattr(planning, "PIECE_SOURCES", sources)
        preprocess_to_file(*job, replace(CONFIG, seed=seed), output=tmp_path / f"{seed}.h5", virtual=True)
        for shard in (tmp_path / f"{seed}.h5.shards").iterdir():
            shutil.copy(shard, work)
    n = len(list(work.iterdir()))
    monkeypatch.setattr(planning, "PIECE_SOURCES", 64)
    preprocess_to_file(*job, CONFIG, output=tmp_path / "w.h5", resume=True, say=told.append)
    assert told == [f"finished shards: 1 kept, {n - 1} remade because inputs or settings differ"]
    assert (tmp_path / "w.h5").read_bytes() == windows.read_bytes()
    shutil.copytree(tmp_path / "0.h5.shards", tmp_path / ".v.h5.work")
    preprocess_to_file(*job, CONFIG, output=tmp_path / "v.h5", resume=True, say=told.append)
    assert len(told) == 1 and n > 2


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("where", ["x", "excerpts"])
def test_a_shard_that_is_damaged_when_it_is_merged_is_told_and_removed(where, jobs, labelled, tmp_path):
    preprocess_to_file([str(labelled.files)], [str(labelled.csv)], CONFIG, output=tmp_path / "v.h5", virtual=True)
    [shard] = (tmp_path / "v.h5.shards").iterdir()
    with read_shard(shard) as found:
        rows = Counter({tuple(row): n for row, n in found.summary["rows"]})
    with h5py.File(shard, "r+") as file:
        file[where][3, 2] += 1
    division = divide(rows, CONFIG)
    info = replace(read_info(tmp_path / "v.h5"), rejected=())
    told = pytest.raises(DataError, match=r"damaged: .*; use resume=True to remake it")
    with told, Engine(jobs).crew(Copy.make) as over:
        merge([shard], tmp_path / "w.h5", division, info, over=over)
    assert not shard.exists() and not (tmp_path / "w.h5").exists()


def test_a_disk_that_is_full_when_features_are_merged_costs_no_finished_shard(labelled, windows, tmp_path, monkeypatch):
    whole = Path.open

    def full(path, mode="r", *args, **kwargs):
        if mode == "r+b" and not kwargs.get("buffering", -1):
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, mode, *args, **kwargs)

    job = {"output": tmp_path / "w.h5", "resume": True}
    with monkeypatch.context() as patch, pytest.raises(DataError, match=r"w\.h5: can't be written: No space left"):
        patch.setattr(Path, "open", full)
        preprocess_to_file([str(labelled.files)], [str(labelled.quakeml)], CONFIG, **job)
    assert list((tmp_path / ".w.h5.work").glob("*.h5"))
    preprocess_to_file([str(labelled.files)], [str(labelled.quakeml)], CONFIG, **job)
    assert (tmp_path / "w.h5").read_bytes() == windows.read_bytes()
