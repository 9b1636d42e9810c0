"""Files appear whole or not at all, and none is replaced unasked."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from seisnet.errors import ConfigError, DataError
from seisnet.store.files import CSV, FOLDER, check_output, replacing, sha256_of, sweep, write_whole


def listed(folder):
    return sorted(p.name for p in folder.iterdir())


def test_what_the_block_wrote_appears_when_it_ends_well(tmp_path):
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "a").exists()
        assert temporary.parent == tmp_path
    assert listed(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "new"


def test_what_killed_runs_left_is_swept_and_nothing_of_other_outputs(tmp_path):
    (tmp_path / ".run.123.part").write_text("left by a killed run")
    with replacing(tmp_path / "run.h5") as temporary:
        temporary.write_text("being written")
        sweep(tmp_path / "run")
        assert listed(tmp_path) == [temporary.name]
    sweep(tmp_path / "run")
    assert listed(tmp_path) == ["run.h5"]


def test_what_a_killed_run_left_of_a_file_goes_when_it_is_written_again(tmp_path):
    (tmp_path / ".a.123.part").write_text("left by a killed run")
    (tmp_path / ".b.123.part").write_text("of another file")
    write_whole(tmp_path / "a", b"new")
    assert listed(tmp_path) == [".b.123.part", "a"]


def test_what_is_flushed_is_open_for_writing_as_windows_asks(tmp_path, monkeypatch):
    def flush(descriptor):
        os.write(descriptor, b"")  # refused where the file is open for reading alone
        flushed.append(descriptor)

    flushed = []
    monkeypatch.setattr(os, "fsync", flush)
    write_whole(tmp_path / "a", b"new")
    assert flushed
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "a").write_text("old")
    with pytest.raises(error), replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise error
    assert listed(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_the_output_is_named_where_a_file_system_lets_nothing_be_removed(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(DataError, match="a: can't be written: Read-only file system"), replacing(tmp_path / "a"):
        refuse()


@pytest.mark.parametrize(
    ("name", "endings", "advice"),
    [
        ("picks.JSON", (".csv",), "possible endings: .csv"),
        ("picks.csv.gz", (".csv", ".xml"), "possible endings: .csv, .xml"),
        ("report.html", (), "it is to be a folder; leave .html out"),
    ],
)
def test_an_ending_of_another_kind_of_file_is_refused(tmp_path, name, endings, advice):
    with pytest.raises(ConfigError, match=f"{name}: no {Path(name).suffix.lower()} file is written here; {advice}$"):
        check_output(tmp_path / name, endings, overwrite=False)


@pytest.mark.parametrize("name", ["picks.csv", "PICKS.CSV", "picks", "picks.txt", "day.2020-01-01"])
def test_other_endings_and_none_promise_nothing(tmp_path, name):
    check_output(tmp_path / name, CSV, overwrite=False)


def test_an_existing_output_is_refused_unless_it_may_be_overwritten(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ConfigError, match="a exists; choose another name, or use overwrite=True"):
        check_output(tmp_path / "a", overwrite=False)
    check_output(tmp_path / "a", overwrite=True)
    check_output(tmp_path / "b", overwrite=False)
    with pytest.raises(ConfigError, match="does not exist"):
        check_output(tmp_path / "no" / "b", overwrite=False)
    assert listed(tmp_path) == ["a"]


@pytest.mark.parametrize(("make", "what"), [(os.mkfifo, "pipe or device"), (lambda p: p.symlink_to(p), "broken link")])
@pytest.mark.parametrize("endings", [CSV, FOLDER])
def test_what_is_neither_a_file_nor_a_folder_is_no_output(endings, make, what, tmp_path):
    make(tmp_path / "a")
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match=f"a is a {what}; "):
            check_output(tmp_path / "a", endings, overwrite=overwrite)
    assert listed(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["null", "stdout"])  # a device, and a link that may lead to a file
def test_nothing_in_dev_is_replaced(name):
    with pytest.raises(ConfigError, match="is a pipe or device; choose another name"):
        check_output(Path("/dev") / name, overwrite=True)


def test_a_dash_is_no_output():
    with pytest.raises(ConfigError, match="can't be standard output"):
        check_output(Path("-"), overwrite=False)


def test_sha256_is_that_of_the_bytes(tmp_path):
    content = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()
