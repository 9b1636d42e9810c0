"""The exceptions of seisnet: one base, four children, two grandchildren.

::

    SeisnetError
    ├── ConfigError            a value or key that a user wrote is not allowed
    ├── DataError              waveforms, labels or tables that can't be read or don't fit together
    │   ├── NothingUsableError inputs were read, but nothing in them could be used; the message says why
    │   └── UnfinishedError    another error, with advice on how to go on with what is finished
    ├── FormatError            a windows or model file that is not one, is damaged, or is too new
    └── TrainingError          the training itself failed (a loss that is not finite)

The command line turns each into one line on stderr and the exit status of its class. A message that asks for an
argument names it as Python does, ``overwrite=True`` or ``labels=...``; the command line says ``--overwrite`` and
``--labels`` in their place.
"""

from __future__ import annotations

from pathlib import Path


class SeisnetError(Exception):
    """Base of every error that seisnet raises on purpose; `exit_code` is the command line's status."""

    exit_code = 1


class ConfigError(SeisnetError):
    """A value or key that a user wrote is not allowed."""

    exit_code = 2


class DataError(SeisnetError):
    """Waveforms, labels or tables that can't be read or don't fit together."""


class NothingUsableError(DataError):
    """Inputs were read, but nothing in them could be used; the message gives the reasons."""

    exit_code = 3


class UnfinishedError(DataError):
    """Another error, and advice on how to go on with what is finished: of no use where that goes with the run."""

    def __str__(self) -> str:
        """One after the other."""
        return "; ".join(map(str, self.args))


class FormatError(SeisnetError):
    """A windows or model file that is not one, is damaged, or comes from a newer seisnet."""


class TrainingError(SeisnetError):
    """The training itself failed, for instance with a loss that is not finite."""


def missing(path: Path) -> str:
    """Say why there is no file to read at a path: nothing is there, or something else."""
    if not path.exists():
        return f"{path}: no such file"
    return f"{path}: a {'folder' if path.is_dir() else 'pipe or device'}; a file is needed"
