"""Folders beside outputs that keep what is finished of them, held by one run at a time, and the state of an output.

What a run may replace it notes in its folder: what was there when it was told to overwrite, and whatever it is about to
write itself. So whoever goes on with an interrupted run can tell its outputs from files that others have put there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from enum import Enum
from pathlib import Path

from seisnet.errors import ConfigError, NothingUsableError
from seisnet.store.files import Endings, check_output, holds_any, is_there, sweep, writes


class State(Enum):
    """In which state an output is."""

    FREE = "nothing is there"
    INTERRUPTED = "a run was interrupted, and what is there, if anything, it may replace"
    THERE = "no interrupted run may replace what is there: it is finished, or something else"


def state_of(output: Path, folder: Path) -> State:
    """The state of an output whose parts are kept in a folder."""
    if is_there(output) and not _mark(folder, output).exists():
        return State.THERE
    return State.INTERRUPTED if holds_any(folder) or _mark(folder, output).exists() else State.FREE


def check_place(output: Path, folder: Path, endings: Endings | None = None, *, resume: bool, overwrite: bool) -> State:
    """The state of an output, once it is certain that a run may and can write there.

    If the output is there and `resume` is set, the caller has to compare it with what the run would make. `endings` are
    as for `seisnet.store.files.check_output`.

    Raises
    ------
    ConfigError
        If the output is there, or parts that an interrupted run left, and neither `resume` nor `overwrite` is set; if
        there is no such place (see `seisnet.store.files.check_free`), or another run is writing there.
    DataError
        If nothing can be written there.
    """
    with alone(folder, output) if folder.exists() else nullcontext():
        state = state_of(output, folder)
        if state is State.INTERRUPTED and not (resume or overwrite):
            _refuse_parts(output, folder)
    check_output(output, endings, overwrite=resume or overwrite)
    return state


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
def work_folder(
    folder: Path, outputs: Sequence[Path], *, resume: bool, overwrite: bool, keep: bool = False
) -> Iterator[None]:
    """Make and lock a folder for the finished parts of outputs; `resume` keeps what is in it, `overwrite` empties it.

    The caller calls `claim` before it writes them, and `remove` once they are made. If the run fails, the
    folder stays as long as it holds anything, but not if there was nothing to make. With `keep`, what is in it belongs
    to the output that is replaced, and stays.

    Raises
    ------
    ConfigError
        If another run holds the lock; if the folder holds anything and neither `resume` nor `overwrite` is set; if an
        output is there that neither `overwrite` nor the run that was interrupted may replace.
    DataError
        If it can't be made.
    """
    output, *_ = outputs
    if overwrite and not (resume or keep) and folder.exists():
        with alone(folder, output):
            shutil.rmtree(folder, ignore_errors=True)
    with writes(output):
        folder.mkdir(exist_ok=True)
    with alone(folder, output):
        if not (resume or overwrite):
            _refuse_parts(output, folder)
        there = [path for path in outputs if state_of(path, folder) is State.THERE]
        if there and not overwrite:
            raise ConfigError(f"{there[0]} exists; choose another name, or use overwrite=True")
        sweep(*outputs)
        for path in there:
            _mark(folder, path).touch()
        try:
            yield
        except BaseException as error:
            if keep and isinstance(error, NothingUsableError):
                forget(folder)
            elif isinstance(error, NothingUsableError) or not _goes_on(folder, error):
                shutil.rmtree(folder, ignore_errors=True)
            raise


def claim(folder: Path, outputs: Sequence[Path]) -> None:
    """Note that a run writes its outputs from now on, so that one which goes on with it may replace them.

    Raises
    ------
    ConfigError
        If something is there now that the run must not replace.
    """
    for path in outputs:
        if state_of(path, folder) is State.THERE:
            raise ConfigError(f"{path} was put there during the run; move it away, and use resume=True")
    for path in outputs:
        with writes(path):
            _mark(folder, path).touch()


def forget(folder: Path) -> None:
    """Take back what `claim` and `overwrite` have noted."""
    for mark in folder.glob(".*.replaces"):
        mark.unlink()


def remove(folder: Path, output: Path) -> None:
    """Remove the folder of an output that is made; if a run is killed meanwhile, the output is made all the same."""
    _mark(folder, output).unlink(missing_ok=True)
    shutil.rmtree(folder)


def clear(folder: Path) -> None:
    """Remove a folder, if there is one, and no other run holds it."""
    with suppress(ConfigError), alone(folder, folder):
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_parts(output: Path, folder: Path) -> None:
    """Refuse to begin anew where a folder holds parts that an interrupted run has finished."""
    if n := sum(not path.name.startswith(".") for path in folder.iterdir()):
        left = f"an interrupted run left {n} part{'s' if n > 1 else ''} of it in {folder}"
        raise ConfigError(f"{output}: {left}; use resume=True or overwrite=True")


def _goes_on(folder: Path, error: BaseException) -> bool:
    """Whether a run that has failed can be resumed: Ctrl-C says so also of one that has noted only what it replaces."""
    return holds_any(folder) if isinstance(error, Exception) else any(folder.iterdir())


def _mark(folder: Path, output: Path) -> Path:
    """An empty file in the folder: the run may replace this output, and so may the one that resumes it."""
    return folder / f".{output.name}.replaces"
