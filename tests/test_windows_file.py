"""The windows file: what is written is read, by anybody, and what is damaged is refused in one line."""

import dataclasses
import itertools
import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from seisnet.errors import FormatError
from seisnet.store.hdf5 import new_hdf5
from seisnet.store.virtual_features import SHARD_FORMAT, shards_folder
from seisnet.store.windows_file import (
    DTYPES,
    FORMAT,
    FeatureReader,
    WindowRows,
    WindowsInfo,
    read_counts,
    read_info,
    read_rows,
)
from seisnet.store.windows_writer import writing
from tests.damage import (
    assert_refused,
    changed,
    cut,
    linked,
    refusals,
    replaced,
    with_attribute,
    with_value,
    without,
    without_attribute,
)

N = 600
INFO = WindowsInfo(
    classes=("P", "S", "noise"),
    feature_shape=(3, 5, 4),
    group_names=("ev0", "ev1", "GE.APÉ hour 7"),
    sources=(("a.mseed", 1234, "0" * 64, 17), ("b/ü.mseed", 5, "f" * 64, 0)),
    rejected=(("GE.APE..HH", 1, 2**62, 'a gap, a "quote"'), ("", 0, 0, "b: the file is empty")),
    attributes={"config": json.dumps({"window_s": 4.0}), "feature": "logspec", "sampling_rate_hz": 100.0},
)


def make_rows(n=N, seed=0):
    rng = np.random.default_rng(seed)
    return WindowRows(
        x=rng.normal(size=(n, 60)).astype(np.float32),
        y=rng.integers(0, 3, size=n).astype(np.uint8),
        onset_s=np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)).astype(np.float32),
        start_ns=rng.integers(0, 2**62, size=n),
        trace_id=np.array([f"GE.S{k}.É.HH" for k in range(n)], dtype=object),
        group=rng.integers(0, 3, size=n).astype(np.uint32),
        split=rng.integers(0, 3, size=n).astype(np.uint8),
        weight=rng.random(n).astype(np.float32),
        augmented=rng.random(n) < 0.3,
    )


def write(path, rows, pieces=(0, 100, N), info=INFO):
    with writing(path, info, len(rows)) as writer:
        for low, high in itertools.pairwise(pieces):
            some = rows.take(slice(low, high))
            writer.append(some).fill(some.x)
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return write(tmp_path_factory.mktemp("windows") / "windows.h5", make_rows())


def read_all(path):
    return read_info(path), read_rows(path), read_counts(path)


# Round trip


def test_what_is_written_is_read(good):
    info, rows, _ = read_all(good)
    expected = make_rows()
    for field in dataclasses.fields(rows):
        found, wanted = getattr(rows, field.name), getattr(expected, field.name)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype
    assert dataclasses.replace(info, attributes={}) == dataclasses.replace(INFO, attributes={})
    assert dict(info.attributes) == dict(INFO.attributes)
    assert info.config == {"window_s": 4.0}


def test_an_empty_file_is_written_and_read(tmp_path):
    info = dataclasses.replace(INFO, sources=(), rejected=(), group_names=())
    path = write(tmp_path / "empty.h5", make_rows(0), (0, 0), info)
    found, rows, counts = read_all(path)
    assert len(rows) == 0
    assert rows.x.shape == (0, 60)
    assert not counts.any()
    assert (found.sources, found.rejected, found.group_names) == ((), (), ())


def test_plain_h5py_reads_the_format_of_the_readme(good):
    rows = make_rows()
    with h5py.File(good) as file:
        assert file.attrs["format"] == FORMAT == "seisnet-windows"
        assert file.attrs["format_version"] == 1
        assert list(file.attrs["classes"]) == ["P", "S", "noise"]
        np.testing.assert_array_equal(file["x"][:], rows.x)
        assert file["trace_id"].asstr()[3] == "GE.S3.É.HH"
        assert file["augmented"].dtype == np.bool_
        assert {name: file[name].dtype.kind for name in DTYPES} == {
            "x": "f", "y": "u", "onset_s": "f", "start_ns": "i", "trace_id": "O", "group": "u", "split": "u",
            "weight": "f", "augmented": "b", "snr_db": "f",
        }  # fmt: skip
        assert file["sources/path"].asstr()[:].tolist() == ["a.mseed", "b/ü.mseed"]
        assert file["rejected/end_ns"][0] == 2**62


def test_the_same_windows_give_the_same_bytes(good, tmp_path):
    assert write(tmp_path / "again.h5", make_rows()).read_bytes() == good.read_bytes()


@pytest.mark.parametrize("pieces", [(0, N), (0, 1, 2, 300, N), (0, 0, N, N)])
def test_the_pieces_in_which_rows_are_appended_change_nothing(pieces, tmp_path):
    rows = read_rows(write(tmp_path / "pieces.h5", make_rows(), pieces))
    np.testing.assert_array_equal(rows.x, make_rows().x)
    assert rows.trace_id.tolist() == make_rows().trace_id.tolist()


def test_counts_are_by_split_class_and_augmentation(good):
    rows, counts = make_rows(), read_counts(good)
    for s in range(3):
        for k in range(3):
            for a in range(2):
                assert counts[s, k, a] == ((rows.split == s) & (rows.y == k) & (rows.augmented == bool(a))).sum()


def test_rows_can_be_read_without_features(good):
    rows = read_rows(good, features=False)
    assert rows.x.shape == (N, 0)
    np.testing.assert_array_equal(rows.y, make_rows().y)


@pytest.mark.parametrize("chosen", [[0], [5, 6, 7], [0, 1, 599], list(range(0, N, 3)), list(range(N))])
def test_features_can_be_read_row_by_row(good, chosen):
    with FeatureReader(good) as reader:
        assert reader.n_features == 60
        np.testing.assert_array_equal(reader.read(np.array(chosen)), make_rows().x[chosen])


def test_a_reader_of_features_refuses_what_is_damaged(good, tmp_path):
    assert_refused(changed(good, tmp_path, without("x")), FeatureReader, "/x is missing")
    path = changed(good, tmp_path, with_value("x", 3, np.nan))
    with FeatureReader(path) as reader, pytest.raises(FormatError, match="not finite"):
        reader.read(np.arange(5))


# Whole or not at all


def test_fewer_rows_than_announced_leave_no_file(tmp_path):
    with pytest.raises(FormatError, match="100 of 600 windows were written"):
        write(tmp_path / "short.h5", make_rows(), (0, 100))
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, good):
    path = tmp_path / "windows.h5"
    shutil.copy(good, path)
    with pytest.raises(ZeroDivisionError), writing(path, INFO, N) as writer:
        rows = make_rows().take(slice(0, 10))
        writer.append(rows).fill(rows.x)
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["windows.h5"]
    assert path.read_bytes() == good.read_bytes()


# What is refused


def claiming_much(file):
    del file["x"]
    file.create_dataset("x", shape=(2**40, 60), dtype=np.float32, chunks=(256, 60))


DAMAGE = {
    "another format": (
        with_attribute("/", "format", "seisnet-model"),
        "a seisnet-model file; a seisnet-windows file is needed",
    ),
    "no format": (without_attribute("format"), "an HDF5 file of another origin"),
    "a newer version": (with_attribute("/", "format_version", 2), "format version 2; this seisnet reads up to 1"),
    "a strange version": (with_attribute("/", "format_version", "new"), "damaged or incomplete"),
    "no version": (without_attribute("format_version"), "format version 0"),
    "no column": (without("y"), "/y is missing"),
    "no table": (without("sources"), "/sources/path is missing"),
    "no classes": (without_attribute("classes"), "classes"),
    "no config": (without_attribute("config"), "config"),
    "a broken config": (with_attribute("/", "config", "{"), "damaged or incomplete"),
    "a config that is a list": (with_attribute("/", "config", "[]"), "config is not a JSON object"),
    "columns of two lengths": (replaced("y", np.zeros(N - 1, dtype=np.uint8)), "has shape"),
    "another shape": (with_attribute("/", "feature_shape", [3, 5, 5]), "/x has shape (600, 60); (600, 75) is needed"),
    "components in another order": (with_attribute("/", "component_order", "ENZ"), "components ENZ; ZNE is needed"),
    "an absurd shape": (with_attribute("/", "feature_shape", [10**6, 10**6]), "is absurd"),
    "an empty shape": (with_attribute("/", "feature_shape", [0, 60]), "is absurd"),
    "text for numbers": (replaced("x", np.full((N, 60), b"a")), "/x is |S1; float32 is needed"),
    "another type": (replaced("y", np.zeros(N, dtype=np.int64)), "/y is int64; uint8 is needed"),
    "a group for a column": (lambda file: (file.move("y", "z"), file.create_group("y")), "/y is not a data set"),
    "NaN in features": (with_value("x", 3, np.nan), "/x holds values that are not finite"),
    "a class too many": (with_value("y", 3, 3), "/y names number 3 of 3"),
    "a split too many": (with_value("split", 3, 3), "/split names number 3 of 3"),
    "a group too many": (with_value("group", 3, 3), "/group names number 3 of 3"),
    "a soft link": (linked("x", h5py.SoftLink("/elsewhere")), "/x is a link"),
    "an external link": (linked("x", h5py.ExternalLink("other.h5", "x")), "/x is a link"),
    "an absurd size": (claiming_much, "/x claims"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_file_is_refused_in_one_line(what, good, tmp_path):
    change, message = DAMAGE[what]
    assert_refused(changed(good, tmp_path, change), read_all, message)


def write_virtual(path, rows, kept=tuple(range(20))):
    """A virtual file of these rows, in shards of 20 of which some are kept."""
    kept = np.array(kept)
    shards_folder(path).mkdir()
    starts = range(0, len(rows), 20)
    with writing(path, INFO, len(starts) * len(kept), virtual=True) as writer:
        for at in starts:
            some, shard = rows.take(slice(at, at + 20)), shards_folder(path) / f"{at}.h5"
            with new_hdf5(shard, SHARD_FORMAT) as file:
                file["x"], file.attrs["sha256"] = some.x, "one"
            writer.append(some.take(kept))
            writer.link(shard, kept, 20, "one")
    return path


def test_a_virtual_file_of_more_shards_than_files_may_be_open_is_read(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr("seisnet.store.windows_file.RUN_ROWS", 100)
    rows = make_rows()
    path = write_virtual(tmp_path / "virtual.h5", rows)
    free = os.dup(0)
    os.close(free)
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 12, most))  # of 30 shards
    try:
        x = read_rows(path).x
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    np.testing.assert_array_equal(x, rows.x)


def test_a_virtual_file_gives_the_rows_that_hdf5_finds_in_it(tmp_path):
    kept = [0, 1, 5, 6, 7, 19]
    path = write_virtual(tmp_path / "virtual.h5", make_rows(), kept)
    with h5py.File(path) as file:
        x = file["x"][:]
    np.testing.assert_array_equal(x, make_rows().x.reshape(-1, 20, 60)[:, kept].reshape(-1, 60))
    with FeatureReader(path) as reader:
        for rows in (np.arange(len(x)), np.array([0]), np.array([5, 6]), np.array([3, 100, 179]), np.arange(2, 180, 7)):
            np.testing.assert_array_equal(reader.read(rows), x[rows])


def test_rows_of_a_virtual_file_are_read_from_their_shards_alone(tmp_path, monkeypatch):
    path = write_virtual(tmp_path / "virtual.h5", make_rows())
    monkeypatch.setattr("seisnet.store.windows_file.RUN_ROWS", 20)
    opened, of_group = [], h5py.Group.__getitem__
    monkeypatch.setattr(
        h5py.Group, "__getitem__", lambda self, name: opened.append(self.file.filename) or of_group(self, name)
    )
    with FeatureReader(path) as reader:
        opened.clear()
        reader.read(np.arange(200, 300))
    assert {Path(name).name for name in opened} == {f"{at}.h5" for at in range(200, 300, 20)}


def over(*sources):
    """Give a virtual file another `/x`, from some (part of it, shard, part of the shard)."""

    def change(file):
        layout = h5py.VirtualLayout(file["x"].shape, np.float32)
        folder = shards_folder(Path(file.filename)).name
        for rows, shard, own in sources:
            layout[rows] = h5py.VirtualSource(f"{folder}/{shard}", "x", (20, 60))[own]
        del file["x"]
        file.create_virtual_dataset("x", layout)

    return change


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([(np.s_[20:40], "0.h5", np.s_[:])], "does not hold the rows of one shard after those of another"),
        ([(np.s_[:20, :30], "0.h5", np.s_[:, :30])], "does not hold the rows of one shard after those of another"),
        ([(np.s_[:20], "0.h5", np.s_[:])], "/x has 600 rows; its shards give 20"),
        ([(np.s_[:20], "600.h5", np.s_[:])], "points to virtual.h5.shards/600.h5, which is not a shard beside it"),
    ],
    ids=["a gap", "a part of the columns", "fewer rows", "an unknown shard"],
)
def test_a_virtual_file_of_other_parts_of_shards_is_refused(sources, message, tmp_path):
    path = write_virtual(tmp_path / "virtual.h5", make_rows())
    with h5py.File(path, "r+") as file:
        over(*sources)(file)
    assert_refused(path, FeatureReader, message)


@pytest.mark.parametrize("width", [1, 59, 61])
def test_a_shard_of_another_width_is_refused(width, tmp_path):
    """One number a row would fill all 60."""
    path = write_virtual(tmp_path / "virtual.h5", make_rows())
    with h5py.File(shards_folder(path) / "0.h5", "r+") as file:
        del file["x"]
        file["x"] = np.ones((20, width), dtype=np.float32)
    assert_refused(path, read_all, "0.h5 has not as many features a row as /x")


def test_external_storage_and_virtual_data_sets_are_refused(good, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(N))

    def external(file):
        del file["y"]
        file.create_dataset("y", (N,), np.uint8, external=[(str(tmp_path / "secret"), 0, N)])

    def virtual(file):
        layout = h5py.VirtualLayout((N,), np.uint8)
        layout[:] = h5py.VirtualSource(str(good), "y", (N,))
        del file["y"]
        file.create_virtual_dataset("y", layout)

    for change in (external, virtual):
        assert_refused(changed(good, tmp_path, change), read_rows, "/y is not a data set of this file")


@pytest.mark.parametrize("length", [0, 7, 100, 5000, 0.5, 0.99])
def test_a_truncated_file_is_refused_in_one_line(good, tmp_path, length):
    assert_refused(cut(good, tmp_path, length), read_all)


def test_a_missing_file_and_a_text_file_are_refused(tmp_path):
    with pytest.raises(FormatError, match=r"gone\.h5: no such file"):
        read_info(tmp_path / "gone.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(FormatError, match="not an HDF5 file"):
        read_info(tmp_path / "text.h5")


def test_flipped_bytes_give_an_error_of_the_format_or_a_file_that_reads(good, tmp_path):
    rng = np.random.default_rng(0)
    ends = [good.stat().st_size if rng.random() < 0.3 else 20_000 for _ in range(60)]
    assert refusals(good, tmp_path, read_all, [rng.integers(0, end, size=3) for end in ends])


def test_a_file_without_ratios_says_that_none_is_known(tmp_path, good):
    shutil.copy(good, tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "a") as file:
        del file["snr_db"]
    rows = read_rows(tmp_path / "old.h5")
    assert len(rows.snr_db) == len(rows) and np.isnan(rows.snr_db).all()
    assert len(rows.take(rows.y == 0).snr_db) == (rows.y == 0).sum()
