"""Files of any format: they appear whole or not at all, and none is replaced unasked."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from seisnet.errors import ConfigError, DataError

Endings: TypeAlias = tuple[str, ...]
"""How the name of one kind of output may end."""

CSV: Endings = (".csv",)
HDF5: Endings = (".h5", ".hdf5")
FOLDER: Endings = ()
"""A folder is called by no ending that promises a file."""

KNOWN = {
    ".csv", ".tsv", ".json", ".jsonl", ".geojson", ".xml", ".quakeml", ".qml", ".scml", ".sc3ml", ".obs", ".html",
    ".htm", ".md", ".yaml", ".yml", ".toml", ".mseed", ".miniseed", ".sac", ".h5", ".hdf5", ".parquet", ".feather",
    ".arrow", ".npy", ".npz", ".pkl", ".pt", ".onnx", ".db", ".sqlite", ".xls", ".xlsx", ".png", ".jpg", ".jpeg",
    ".svg", ".pdf", ".eps", ".gz", ".bz2", ".xz", ".zip", ".tar",
}  # fmt: skip
"""Endings that promise a kind of file: an output whose name has one is of that kind, or refused."""

TEMPORARY = re.compile(r"\.(.+)\.\d+\.part", re.DOTALL)
"""Name under which a process, by its number, writes a file until that is whole."""


def path_of(argument: str, value: object) -> Path:
    """The path that a value names; anything but a file name is refused with a ConfigError."""
    if not isinstance(value, str | os.PathLike):
        raise ConfigError(f"{argument}: got {type(value).__name__}; the name of a file is needed")
    return Path(value)


def read_text(path: Path) -> str:
    """Text of a file in UTF-8; what can't be read as such is refused with a ConfigError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text in UTF-8: {error}") from error


def check_output(path: Path, endings: Endings | None = None, *, overwrite: bool) -> None:
    """Refuse an output that exists, unless it may be overwritten, and a name or place that does not suit it.

    Parameters
    ----------
    endings : tuple of str, optional
        Those that suit its name, see `check_ending`; `FOLDER` for a folder. Without them it is a file of any name.

    Raises
    ------
    ConfigError
        As `check_free`.
    DataError
        If no file can be made beside the path, or in it if it is a folder.
    """
    check_free(path, endings, overwrite=overwrite)
    place = path if path.is_dir() else path.absolute().parent
    with writes(path), tempfile.TemporaryFile(dir=place):  # without a name where the system allows that
        pass


def check_free(path: Path, endings: Endings | None = None, *, overwrite: bool) -> None:
    """Refuse an output as `check_output` does, but do not try to write there: what only grows is opened at once.

    Raises
    ------
    ConfigError
        If something is there, see `is_there`, and `overwrite` is not set or it is of the other kind, if its folder does
        not exist, if it is ``-``, which elsewhere means standard output, or as `check_ending`.
    """
    if str(path) == "-":
        raise ConfigError("-: an output appears whole or not at all, so it can't be standard output; name a file")
    if endings is not None:
        check_ending(path, endings)
    folder, there = endings == FOLDER, _kind(path)
    if there not in ("", "folder" if folder else "file"):
        raise ConfigError(f"{path} is a {there}; {'a folder is needed' if folder else 'choose another name'}")
    if is_there(path) and not overwrite:
        what = "is not empty; choose another folder" if folder else "exists; choose another name"
        raise ConfigError(f"{path} {what}, or use overwrite=True")
    check_parent(path)


def check_ending(path: Path, endings: Endings) -> None:
    """Refuse a name that ends as another kind of file does: in one of `KNOWN` that is not among these endings.

    Raises
    ------
    ConfigError
        If it does. A name without an ending, or with one that promises nothing, suits any output.
    """
    ending = path.suffix.lower()
    if ending in KNOWN and ending not in endings:
        advice = f"possible endings: {', '.join(endings)}" if endings else f"it is to be a folder; leave {ending} out"
        raise ConfigError(f"{path}: no {ending} file is written here; {advice}")


def is_there(path: Path) -> bool:
    """Whether there is anything at the place of an output; a folder counts if it holds anything, see `holds_any`."""
    return holds_any(path) if path.is_dir() else path.exists()


def holds_any(folder: Path) -> bool:
    """Whether anything in a folder has more than a hidden name, as what is temporary has."""
    return folder.is_dir() and not all(path.name.startswith(".") for path in folder.iterdir())


@contextmanager
def writes(path: Path) -> Iterator[None]:
    """Say in one line why a file can't be written: an OSError in the block becomes a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: can't be written: {error.strerror or error}") from error


def _kind(path: Path) -> str:
    """What is at a path; nothing there is an empty string."""
    if path.is_dir():
        return "folder"
    # A file in /dev is where standard output leads: root would replace the way to it.
    if path.is_file() and path.absolute().parent != Path("/dev"):
        return "file"
    if path.exists():
        return "pipe or device"
    return "broken link" if path.is_symlink() else ""


def check_parent(path: Path) -> None:
    """Refuse an output in a folder that does not exist: its name may be misspelt.

    Raises
    ------
    ConfigError
        If there is no such folder.
    """
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: the folder {path.absolute().parent} does not exist")


def check_not_read(path: Path, read: Iterable[Path]) -> None:
    """Refuse to replace what is read.

    Raises
    ------
    ConfigError
        If the path is one of those.
    """
    if path.exists() and any(other.exists() and path.samefile(other) for other in read):
        raise ConfigError(f"{path} is also an input; choose another name, outside the folders that are read")


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder; if it was made here and stays empty, remove it again."""
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    finally:
        if is_new:
            with suppress(OSError):  # it is not empty
                folder.rmdir()


@contextmanager
def new_folder(folder: Path, *, overwrite: bool) -> Iterator[None]:
    """Make a folder for results, see `check_output` and `made_folder`; nothing in it is deleted."""
    check_output(folder, FOLDER, overwrite=overwrite)
    with made_folder(folder):
        yield


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; on success flush it to disk and move it to `path` in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with writes(path):
            yield temporary
            with temporary.open("r+b") as file:  # Windows flushes only what is open for writing
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):  # a read-only file system refuses even to remove what is not there
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; one of that name is replaced, and what killed runs have left of it removed."""
    write_each(path.parent, {path.name: content})


def write_each(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files of a folder by name, each as by `write_whole`; the folder is looked through once for all of them."""
    paths = {folder / name: content for name, content in contents.items()}
    with writes(folder):
        sweep(*paths)
    for path, content in paths.items():
        with replacing(path) as temporary:
            temporary.write_bytes(content)


def sweep(*paths: Path) -> None:
    """Remove what killed runs have left of files under temporary names; a folder of many is looked through once."""
    files = {path.absolute() for path in paths}
    for folder in {path.parent for path in files}:
        for left in folder.glob(".*.part"):
            found = TEMPORARY.fullmatch(left.name)
            if found and folder / found[1] in files:
                left.unlink(missing_ok=True)


def size_and_age(path: Path) -> tuple[int, int]:
    """Size and time of last change, in ns, of a file: one that has other figures later has changed."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
