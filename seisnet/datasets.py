"""The registry of public data sets: what they are, whose they are, and how to get and cite them.

One TOML file an entry, in the package `seisnet.registry`. A fact that nobody has checked is left out.
"""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from dataclasses import MISSING, dataclass, fields

from seisnet.config import from_dict, nearest
from seisnet.errors import ConfigError

TASKS = ("phase", "class")
LAYOUTS = ("seisbench", "h5csv")


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
        ``seisbench``: a folder that ``preprocess`` reads. ``h5csv``: a pair that ``datasets import`` reads.
    traces : int
        Their number, rounded for some; 0 where it is not known.
    sampling_rates_hz : tuple of float
        One rate, or the lowest and the highest; empty where it is not known.
    size_gb : float
        Of the waveforms; 0 where it is not known.
    classes : tuple of str
        Names of the classes, for the task ``class``.
    seisbench_class : str
        The class of ``seisbench.data`` that fetches it.
    urls : tuple of str
        Files of the original distribution.
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
    urls: tuple[str, ...] = ()
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
    entry = from_dict(DatasetEntry, {"name": name, **table}, where=where)
    for key, value, allowed in (("task", entry.task, TASKS), ("layout", entry.layout, LAYOUTS)):
        if value not in allowed:
            raise ConfigError(f"{where}: {key} is '{value}'{nearest(value, allowed)}")
    return entry
