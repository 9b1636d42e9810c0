"""Folders beside outputs that keep what is finished of them, held by one run at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seisnet.errors import ConfigError, NothingUsableError
from seisnet.store.files import writes

REPLACES = ".replaces"
"""Empty file in a folder: the run was told to replace an output that exists, and the one that resumes it may, too."""


@contextmanager
def alone(path: Path, output: Path) -> Iterator[None]:
    """Lock a folder or file against other runs; the lock ends with the process, however that ends.

    Raises
    ------
    ConfigError
        If another run holds the lock. Windows, and some file systems, have no such locks.
    """
    descriptor = None
    with suppress(ImportError, OSError):
        import fcntl

        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise ConfigError(f"{output}: another run is writing it; end that one, or choose another name") from error
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def work_folder(folder: Path, output: Path, *, resume: bool, overwrite: bool, keep: bool = False) -> Iterator[None]:
    """Make and lock a folder for the finished parts of an output; `resume` keeps what is in it, `overwrite` empties it.

    The caller removes it once the output is made. If the run fails, the folder stays as long as it holds anything, but
    not if there was nothing to make. With `keep`, what is in it belongs to the output that is replaced, and stays.

    Raises
    ------
    ConfigError
        If another run holds the lock, or the folder holds anything and neither `resume` nor `overwrite` is set.
    DataError
        If it can't be made.
    """
    if overwrite and not (resume or keep) and folder.exists():
        with alone(folder, output):
            shutil.rmtree(folder, ignore_errors=True)
    with writes(output):
        folder.mkdir(exist_ok=True)
    with alone(folder, output):
        if _holds_any(folder) and not (resume or overwrite):
            raise ConfigError(f"{output}: an interrupted run left parts of it; use resume=True or overwrite=True")
        if overwrite and output.exists():
            (folder / REPLACES).touch()
        try:
            yield
        except BaseException as error:
            if keep and isinstance(error, NothingUsableError):
                (folder / REPLACES).unlink(missing_ok=True)
            elif isinstance(error, NothingUsableError) or not _holds_any(folder):
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
