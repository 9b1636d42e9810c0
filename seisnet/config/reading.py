"""Configs from TOML and plain values, and to JSON."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from seisnet.config.checks import coerced, kinds_of, nearest
from seisnet.config.pick import PickConfig
from seisnet.config.preprocess import PreprocessConfig
from seisnet.config.train import TrainConfig
from seisnet.errors import ConfigError
from seisnet.wording import Say, silent

C = TypeVar("C")

SECTIONS: dict[str, type] = {"preprocess": PreprocessConfig, "train": TrainConfig, "pick": PickConfig}
"""Tables of the TOML file, and their configs."""


def load_toml(path: Path, cls: type[C], defaults: C | None = None, *, say: Say = silent) -> C:
    """Read the table of a TOML file that belongs to a config.

    Parameters
    ----------
    path : Path
        A file with tables ``[preprocess]``, ``[train]``, ``[pick]``, any of them absent.
    cls : type
        Which config: a value of `SECTIONS`.
    defaults : config, optional
        Values where the table says nothing, in place of the dataclass's own.
    say : callable, optional
        Called with a line if the file has no such table.

    Raises
    ------
    ConfigError
        If the file is not TOML, or for a table, key or value that is not allowed.
    """
    tables = read_tables(path)
    for name, values in tables.items():
        if name not in SECTIONS and not isinstance(values, dict):
            raise ConfigError(f"{path}: '{name}' is outside the tables; it belongs in one of {', '.join(SECTIONS)}")
        if name not in SECTIONS:
            raise ConfigError(f"{path}: unknown table '{name}'{nearest(name, SECTIONS)}")
        from_dict(SECTIONS[name], values, where=f"{path} [{name}]")  # a typo is one in any table
    section = next(name for name, kind in SECTIONS.items() if kind is cls)
    if section not in tables:
        others = f", only {', '.join(f'[{name}]' for name in tables)}" if tables else ""
        say(f"{path}: changes nothing here: it has no table [{section}]{others}")
    return from_dict(cls, tables.get(section, {}), where=f"{path} [{section}]", defaults=defaults)


def read_tables(path: Path) -> dict[str, Any]:
    """Read all of a TOML file.

    Raises
    ------
    ConfigError
        If it can't be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text in UTF-8: {error}; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def from_dict(cls: type[C], values: dict[str, Any], *, where: str = "config", defaults: C | None = None) -> C:
    """Make a config from plain values, as JSON and TOML hold them, over defaults that are its own or given.

    Raises
    ------
    ConfigError
        For an unknown key (the nearest known one is named) or a value of the wrong kind.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: got {values!r}; a table is needed")
    kinds = kinds_of(cls)
    for key in values:
        if key not in kinds:
            raise ConfigError(f"{where}: unknown key '{key}'{nearest(key, kinds)}")
    known = {key: coerced(f"{where}: {key}", value, kinds[key]) for key, value in values.items()}
    try:
        return cls(**({} if defaults is None else vars(defaults)) | known)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def to_json(config: Any) -> str:
    """JSON of a config, keys in a fixed order."""
    return json.dumps(dataclasses.asdict(config), sort_keys=True)
