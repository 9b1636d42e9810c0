"""The registry of public data sets: what they are, whose they are, and how to get and cite them.

One TOML file an entry, in the package `seisnet.registry`. A fact that nobody has checked is left out.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from seisnet.config import from_dict, nearest
from seisnet.config.preprocess import TASKS
from seisnet.datasets import download
from seisnet.errors import ConfigError, DataError
from seisnet.store.files import FOLDER, check_output, made_folder

LAYOUTS = ("seisbench", "stead", "phasenet", "obspy", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a data set on a server.

    Attributes
    ----------
    name : str
        What it is called in the folder that `fetch_dataset` makes.
    size_bytes, sha256 : int, str
        As published; 0 and empty where they are not.
    """

    url: str
    name: str
    size_bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetEntry:
    """One public data set.

    Attributes
    ----------
    name : str
        What it is called in commands.
    task : str
        What its labels are for first of all: ``phase`` (picks) or ``class``.
    layout : str
        How it is published. ``seisbench``: a folder of metadata.csv and waveforms.hdf5, or chunks of these.
        ``stead``: CSV and HDF5 as STEAD has them. ``phasenet``: ``.npz`` files of one trace each, as PhaseNet has
        them. ``obspy``: waveform files and a catalogue that ObsPy reads. ``other``: `how_to_fetch` says how.
    traces : int
        Their number, rounded for some; 0 where it is not known.
    sampling_rates_hz : tuple of float
        One rate, or the lowest and the highest; empty where it is not known.
    size_gb : float
        Of what is fetched, mostly waveforms; 0 where it is not known.
    classes : tuple of str
        Names of the classes, for the task ``class``.
    seisbench_class : str
        The class of ``seisbench.data`` that fetches it.
    folders : tuple of str
        Addresses of a folder in the SeisBench layout; each is a copy of the others.
    chunks : tuple of str
        Its chunks, where no file ``chunks`` in the folder lists them.
    files : tuple of RemoteFile
        Files of a set that is not such a folder. In TOML, ``{ folder = "https://.../", names = [...] }`` stands for
        several of one address.
    next_step : str
        What to do with the fetched files, ``{folder}`` being where they are; empty for one in the SeisBench layout.
    """

    name: str
    title: str
    task: str
    layout: str
    citation: str
    how_to_fetch: str
    doi: str = ""
    licence: str = ""
    region: str = ""
    traces: int = 0
    sampling_rates_hz: tuple[float, ...] = ()
    size_gb: float = 0.0
    classes: tuple[str, ...] = ()
    seisbench_class: str = ""
    repository: str = ""
    folders: tuple[str, ...] = ()
    chunks: tuple[str, ...] = ()
    files: tuple[RemoteFile, ...] = ()
    next_step: str = ""
    notes: str = ""


@functools.cache
def list_datasets() -> tuple[DatasetEntry, ...]:
    """Read all entries of the registry, sorted by name.

    Raises
    ------
    ConfigError
        An entry has an unknown key, lacks one, or names an unknown task or layout.
    """
    files = sorted(importlib.resources.files("seisnet.registry").iterdir(), key=lambda file: file.name)
    return tuple(
        parse_entry(file.name.removesuffix(".toml"), file.read_text(encoding="utf-8"))
        for file in files
        if file.name.endswith(".toml")
    )


def find_dataset(name: str) -> DatasetEntry:
    """Look up an entry by name, in any case.

    Raises
    ------
    ConfigError
        There is no such entry; the message suggests the nearest.
    """
    entries = {entry.name: entry for entry in list_datasets()}
    key = name.strip().lower().replace("-", "_")
    if key not in entries:
        raise ConfigError(f"no data set is called '{name}'{nearest(key, entries)}")
    return entries[key]


def parse_entry(name: str, text: str) -> DatasetEntry:
    """Check the TOML text of one entry and make a value of it."""
    where = f"{name}.toml"
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: {error}") from None
    required = [field.name for field in fields(DatasetEntry) if field.default is MISSING and field.name != "name"]
    if missing := [key for key in required if key not in table]:
        raise ConfigError(f"{where}: {', '.join(missing)} missing")
    if isinstance(table.get("files"), list):
        table["files"] = [file for item in table["files"] for file in _remote_files(item, f"{where}: files")]
    entry = from_dict(DatasetEntry, {"name": name, **table}, where=where)
    for key, value, allowed in (("task", entry.task, TASKS), ("layout", entry.layout, LAYOUTS)):
        if value not in allowed:
            raise ConfigError(f"{where}: {key} is '{value}'{nearest(value, allowed)}")
    for url in (*entry.folders, *(file.url for file in entry.files)):
        if not url.startswith(("https://", "http://")):
            raise ConfigError(f"{where}: got '{url}'; an http or https address is needed")
    return entry


def _remote_files(table: object, where: str) -> list[RemoteFile]:
    match table:
        case {"folder": str(folder), "names": [*names], **rest} if not rest:
            return [_remote_file({"url": f"{folder}{name}", "name": name}, where) for name in names]
    return [_remote_file(table, where)]


def _remote_file(table: object, where: str) -> RemoteFile:
    if not isinstance(table, dict) or not {"url", "name"} <= table.keys():
        raise ConfigError(f"{where}: got {table!r}; a table with url and name, or folder and names, is needed")
    file = from_dict(RemoteFile, table, where=where)
    if Path(file.name).name != file.name:
        raise ConfigError(f"{where}: got '{file.name}'; a file name without a folder is needed")
    return file


def remote_files(entry: DatasetEntry, chunks: Sequence[str] = ()) -> list[RemoteFile]:
    """List what there is to fetch; of a folder in chunks only the given ones, all if none is given.

    Raises
    ------
    ConfigError
        There is no such chunk.
    DataError
        The set is not to be had by HTTP, or no server gives it; the message says how to get it.
    """
    if entry.files:
        if chunks:
            raise ConfigError(f"{entry.name} has no chunks")
        return list(entry.files)
    refusals = []
    for folder in entry.folders:
        try:
            known = entry.chunks or _remote_chunks(folder)
        except DataError as error:
            refusals.append(str(error))
            continue
        if known == ("",) and chunks:
            raise ConfigError(f"{entry.name} has no chunks")
        if unknown := [chunk for chunk in chunks if chunk not in known]:
            raise ConfigError(f"{entry.name} has no chunk '{unknown[0]}'{nearest(unknown[0], known)}")
        names = [name for c in chunks or known for name in (f"metadata{c}.csv", f"waveforms{c}.hdf5")]
        return [RemoteFile(url=f"{folder}{name}", name=name) for name in names]
    why = "no server gave it: " + "; ".join(refusals) if refusals else "it can't be fetched by HTTP"
    addresses = f" Repository: {entry.repository}" if entry.repository else ""
    addresses += f" DOI: {entry.doi}" if entry.doi else ""
    raise DataError(f"{entry.name}: {why}. {entry.how_to_fetch}{addresses}")


def _remote_chunks(folder: str) -> tuple[str, ...]:
    listing = download.remote_text(f"{folder}chunks")
    if listing is not None and (chunks := tuple(listing.split())):
        if odd := [chunk for chunk in chunks if not re.fullmatch(r"[\w.-]+", chunk, re.ASCII)]:
            raise DataError(f"{folder}chunks: got {odd[0][:40]!r}; names of letters, digits, '_', '.', '-' are needed")
        return chunks
    if download.remote_size(f"{folder}metadata.csv") is None:
        raise DataError(f"{folder}: neither 'chunks' nor metadata.csv is there")
    return ("",)


def fetch_dataset(
    entry: DatasetEntry,
    folder: Path,
    *,
    chunks: Sequence[str] = (),
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[str]:
    """Download the files of a data set to a folder, and go on where an earlier try stopped.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of a file, its bytes that are there and its bytes, 0 where the server does not say.

    Returns
    -------
    list of str
        Names of the files that an earlier try had finished; they are checked, and not fetched again.

    Raises
    ------
    ConfigError
        A file that is there is not the server's, and `overwrite` is not set.
    DataError
        A download failed. Files that were finished stay, as does what has arrived of this one.
    """
    check_output(folder, FOLDER, overwrite=True)  # its files are checked one by one
    files = remote_files(entry, chunks)
    there = [] if overwrite else [file for file in files if (folder / file.name).exists()]
    for file in there:
        _check_there(folder / file.name, file)
    with made_folder(folder):
        for file in files:
            if file not in there:
                download.fetch(
                    file.url,
                    folder / file.name,
                    size_bytes=file.size_bytes,
                    sha256=file.sha256,
                    progress=functools.partial(progress, file.name) if progress else None,
                )
    return [file.name for file in there]


def _check_there(path: Path, file: RemoteFile) -> None:
    size_bytes = file.size_bytes or download.remote_size(file.url) or 0
    try:
        download.check(path, str(path), size_bytes=size_bytes, sha256=file.sha256)
    except DataError as error:
        raise ConfigError(
            f"{error}; it does not belong to this data set: choose another folder, or use overwrite=True"
        ) from None
