"""Folders beside outputs that keep what is finished of them, held by one run at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seisnet.errors import ConfigError, DataError, NothingUsableError

REPLACES = ".replaces"
"""Name of an empty file: the run was told to replace an output that exists, and so is the one that goes on with it."""


@contextmanager
def alone(folder: Path, output: Path) -> Iterator[None]:
    """Hold a folder against other runs; the system lets go of it with the process, however that ends.

    Raises
    ------
    ConfigError
        If another run holds it. Windows, and some file systems, can't tell.
    """
    descriptor = None
    with suppress(ImportError, OSError):
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise ConfigError(f"{output}: another run is writing it") from error
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def work_folder(folder: Path, output: Path, *, resume: bool, overwrite: bool) -> Iterator[None]:
    """Hold a folder for what is finished of an output; one that a run has left is used again, or emptied, if told so.

    Whoever has made the output removes it. It outlives a run that fails as long as it holds anything, unless there is
    nothing to make.

    Raises
    ------
    ConfigError
        If another run holds it, or it holds something and neither `resume` nor `overwrite` is set.
    DataError
        If it can't be made.
    """
    if overwrite and not resume and folder.exists():
        with alone(folder, output):
            shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise DataError(f"{output}: can't be written: {error.strerror}") from error
    with alone(folder, output):
        if _holds_any(folder) and not (resume or overwrite):
            raise ConfigError(f"{output}: an interrupted run left parts of it; use resume=True or overwrite=True")
        if overwrite and output.exists():
            (folder / REPLACES).touch()
        try:
            yield
        except BaseException as error:
            if isinstance(error, NothingUsableError) or not _holds_any(folder):
                shutil.rmtree(folder, ignore_errors=True)
            raise


def replaces(folder: Path) -> bool:
    """Whether the run that has left a folder was told to replace an output that exists."""
    return (folder / REPLACES).exists()


def clear(folder: Path) -> None:
    """Remove a folder, if there is one, and no other run holds it."""
    with suppress(ConfigError), alone(folder, folder):
        shutil.rmtree(folder, ignore_errors=True)


def _holds_any(folder: Path) -> bool:
    """Whether anything in it has more than a temporary name."""
    return folder.is_dir() and not all(path.name.startswith(".") for path in folder.iterdir())
