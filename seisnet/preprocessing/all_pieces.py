"""All pieces of the work made into shards, in a folder that outlives a run that fails."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seisnet.config import to_json
from seisnet.engine import Over
from seisnet.errors import ConfigError, DataError
from seisnet.preprocessing.merging import Copy, Totals
from seisnet.preprocessing.one_piece import Piece, PieceJob, Summary, work
from seisnet.store.files import check_output
from seisnet.store.windows_file import shards_folder
from seisnet.store.work_folder import alone
from seisnet.wording import counted

Progress = Callable[[int, str], None]
"""Called with the number of windows so far and the source that was read last."""


def step(job: PieceJob, todo: Piece | Copy) -> Any:
    """What a process does: make a shard, and later copy what is in it."""
    return work(job, todo) if isinstance(todo, Piece) else todo.make()


def make_shards(
    job: PieceJob, pieces: Sequence[Piece], over: Over[Piece, Summary], progress: Progress | None
) -> Totals:
    """Work on all pieces."""
    totals = Totals()
    done = made = 0
    try:
        for piece, summary in zip(pieces, over(pieces), strict=True):
            done, made = done + 1, made + sum(summary.made)
            totals.add(piece, summary)
            if progress:
                progress(made, piece.sources[-1].name)
    except DataError as error:
        if job.folder is None or not done:
            raise
        raise DataError(
            f"{error}; {done} of {len(pieces)} shards are finished: correct this and use resume=True"
        ) from error
    return totals


def place_for_shards(output: Path, *, overwrite: bool, resume: bool, virtual: bool) -> Path:
    """The folder for the shards of an output, once it is certain that both may and can be written.

    Raises
    ------
    ConfigError
        If the output, or the folder, exists and neither `overwrite` nor `resume` is set; if there is no such place, or
        another run is writing there.
    DataError
        If nothing can be written there.
    """
    check_output(output, overwrite=overwrite or resume)
    folder = shards_folder(output) if virtual else output.with_name(f".{output.name}.work")
    if folder.exists():
        with alone(folder, output):
            held = counted(len(list(folder.glob("*.h5"))), "shard")
        if not (overwrite or resume):
            raise ConfigError(f"{folder} holds {held} of an interrupted run; use resume=True or overwrite=True")
    try:
        with tempfile.TemporaryFile(dir=output.absolute().parent):  # never seen where the system can hide it
            return folder
    except OSError as error:
        raise DataError(f"{output}: can't be written: {error.strerror}") from error


def inputs_sha256(job: PieceJob, identities: Sequence[str]) -> str:
    """SHA-256 of all that the windows are made from, by what each piece is made from."""
    return hashlib.sha256(" ".join([to_json(job.config), *identities]).encode()).hexdigest()
