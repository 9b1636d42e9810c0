"""What may happen to an HDF5 file, and how whatever reads it has to refuse it."""

import shutil

import h5py
import numpy as np
import pytest

from seisnet.errors import FormatError


def with_attribute(group, name, value):
    def change(file):
        file[group].attrs[name] = value

    return change


def without_attribute(name):
    def change(file):
        del file.attrs[name]

    return change


def with_value(name, index, value):
    def change(file):
        file[name][index] = value

    return change


def replaced(name, data, **options):
    def change(file):
        del file[name]
        file.create_dataset(name, data=data, **options)

    return change


def without(name):
    def change(file):
        del file[name]

    return change


def linked(name, link):
    def change(file):
        file.move(name, "elsewhere")
        file[name] = link

    return change


def changed(good, folder, change):
    """A copy of a file, in a folder, after `change(file)`."""
    path = folder / "damaged.h5"
    shutil.copy(good, path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def cut(good, folder, length):
    """A copy of the first bytes of a file: so many, or such a share of all."""
    whole = good.read_bytes()
    path = folder / "cut.h5"
    path.write_bytes(whole[: length if isinstance(length, int) else int(length * len(whole))])
    return path


def assert_refused(path, read, message=""):
    """`read(path)` says in one line what is wrong with which file."""
    with pytest.raises(FormatError) as error:
        read(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def refusals(good, folder, read, places):
    """Of copies of a file, with random bytes at some places each, how many are refused in one line; others are read."""
    rng = np.random.default_rng(0)
    whole = np.frombuffer(good.read_bytes(), dtype=np.uint8)
    path, refused = folder / "flipped.h5", 0
    for where in places:
        bytes_now = whole.copy()
        bytes_now[where] = rng.integers(0, 256, size=len(where))
        path.write_bytes(bytes_now.tobytes())
        try:
            read(path)
        except FormatError as error:
            refused += 1
            assert "\n" not in str(error)
    return refused
