"""HDF5 files appear whole or not at all, whatever happens while they are written."""

import errno
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

from seisnet.errors import DataError, FormatError
from seisnet.store.hdf5 import file_format, new_hdf5, opened
from seisnet.store.shards import COLUMNS, new_shard, read_shard


def listed(folder):
    return sorted(p.name for p in folder.iterdir())


def run_python(code, *arguments):
    """Run a few lines in a process of their own, and give what they print."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip(), done.stderr.strip()


def test_an_exception_inside_an_hdf5_file_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_hdf5(tmp_path / "a.h5", "test") as file:
        file["x"] = np.zeros(10_000)
        raise KeyboardInterrupt
    assert listed(tmp_path) == []


def test_a_disk_that_refuses_is_one_line_and_leaves_nothing(tmp_path):
    missing = tmp_path / "gone"
    with (
        pytest.raises(DataError, match="can't be written: No such file or directory"),
        new_hdf5(missing / "a.h5", "test"),
    ):
        pass
    assert listed(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no resource limits on Windows")
@pytest.mark.parametrize("limit", [1000, 100_000, 999_000])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path, limit):
    (tmp_path / "a.h5").write_text("old")
    out, err = run_python(
        """
        import resource, sys
        from pathlib import Path
        import numpy as np
        from seisnet.errors import DataError
        from seisnet.store.hdf5 import new_hdf5
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
        try:
            with new_hdf5(Path(sys.argv[1]), "test") as file:
                for k in range(10):
                    file[f"x{k}"] = np.random.default_rng(k).normal(size=12_500)
        except DataError as error:
            print(error)
        """,
        tmp_path / "a.h5",
        limit,
    )
    assert out == f"{tmp_path / 'a.h5'}: can't be written: File too large"
    assert err == ""
    assert listed(tmp_path) == ["a.h5"]
    assert (tmp_path / "a.h5").read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_process_that_is_killed_leaves_no_output(tmp_path):
    run_python(
        """
        import os, signal, sys
        from pathlib import Path
        import numpy as np
        from seisnet.store.hdf5 import new_hdf5
        with new_hdf5(Path(sys.argv[1]), "test") as file:
            file["x"] = np.zeros(100_000)
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path / "a.h5",
    )
    assert not (tmp_path / "a.h5").exists()
    assert all(name.startswith(".a.h5.") for name in listed(tmp_path))


def test_the_format_of_a_file_is_told_without_believing_it(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["format"] = "seisnet-model"
    with h5py.File(tmp_path / "b.h5", "w"):
        pass
    (tmp_path / "c.txt").write_text("hello")
    (tmp_path / "d.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:100])
    assert file_format(tmp_path / "a.h5") == "seisnet-model"
    assert file_format(tmp_path / "b.h5") == ""
    assert file_format(tmp_path / "c.txt") is None
    with pytest.raises(FormatError, match="a damaged HDF5 file"):
        file_format(tmp_path / "d.h5")


def test_a_shard_is_written_and_read(tmp_path, noise):
    x_nd = noise(60).reshape(5, 12).astype(np.float32)
    columns = {name: np.arange(5).astype(dtype) for name, dtype in COLUMNS.items()}
    columns |= {
        "onset_s": np.array([0, np.nan, 1, 2, 3], dtype=np.float32),
        "start_ns": np.arange(5) + 2**60,
        "trace": ["GE.APE..HH"] * 5,
        "event": ["ä", "", "b", "b", "b"],
    }
    with new_shard(tmp_path / "0.h5", 12) as writer:
        for rows in (slice(0, 3), slice(3, 5)):
            writer.append(x_nd[rows], {name: values[rows] for name, values in columns.items()})
        writer.finish([("GE.APE..HH", 1, 2, "gap")], {"n": 5})
    with read_shard(tmp_path / "0.h5") as shard:
        np.testing.assert_array_equal(np.concatenate(list(shard.blocks())), x_nd)
        found = {name: shard.columns[name] for name in COLUMNS}
        for name in ("trace", "event"):
            found[name] = [shard.names[name][k] for k in found[name]]
        for name, values in columns.items():
            np.testing.assert_array_equal(found[name], values)
        assert shard.rejected == [("GE.APE..HH", 1, 2, "gap")] and shard.summary == {"n": 5}
        assert list(shard.excerpts()) == []


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "[Errno 13] Unable to synchronously open file (name = ...)")

    (tmp_path / "a.h5").touch()
    monkeypatch.setattr(h5py, "File", refuse)
    with (
        pytest.raises(FormatError, match=r"a\.h5: can't be read: Permission denied$"),
        opened(tmp_path / "a.h5", "test"),
    ):
        pass
