"""Configs from TOML and plain values, and to JSON."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from seisnet.config.checks import nearest
from seisnet.config.pick import PickConfig
from seisnet.config.preprocess import PreprocessConfig
from seisnet.config.train import TrainConfig
from seisnet.errors import ConfigError

C = TypeVar("C")

SECTIONS: dict[str, type] = {"preprocess": PreprocessConfig, "train": TrainConfig, "pick": PickConfig}


def load_toml(path: Path, section: str, cls: type[C], defaults: C | None = None) -> C:
    """Read one section of a TOML file into its dataclass.

    Parameters
    ----------
    path : Path
        A file with tables ``[preprocess]``, ``[train]``, ``[pick]``, any of them absent.
    section : str
        The table to read.
    cls : type
        Its dataclass.
    defaults : config, optional
        What holds where the table says nothing, in place of the dataclass's own.

    Raises
    ------
    ConfigError
        If the file is not TOML, or for a table, key or value that is not allowed.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    for name, values in tables.items():
        if name not in SECTIONS and not isinstance(values, dict):
            raise ConfigError(f"{path}: '{name}' stands outside the tables; it belongs in one of {', '.join(SECTIONS)}")
        if name not in SECTIONS:
            raise ConfigError(f"{path}: unknown table '{name}'{nearest(name, SECTIONS)}")
        from_dict(SECTIONS[name], values, where=f"{path} [{name}]")  # a typo is one in any table
    return from_dict(cls, tables.get(section, {}), where=f"{path} [{section}]", defaults=defaults)


def from_dict(cls: type[C], values: dict[str, Any], *, where: str = "config", defaults: C | None = None) -> C:
    """Make a config from plain values, as JSON and TOML hold them, over defaults that are its own or given.

    Raises
    ------
    ConfigError
        For an unknown key (the nearest known one is named) or a value of the wrong kind.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: got {values!r}; a table is needed")
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            raise ConfigError(f"{where}: unknown key '{key}'{nearest(key, hints)}")
    known = {key: _coerce(f"{where}: {key}", value, hints[key]) for key, value in values.items()}
    return cls(**({} if defaults is None else vars(defaults)) | known)


def to_json(config: Any) -> str:
    """JSON of a config, keys in a fixed order."""
    return json.dumps(dataclasses.asdict(config), sort_keys=True)


def _coerce(where: str, value: Any, kind: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where}: got {value!r}; a list is needed")
        return tuple(_coerce(where, item, inner) for item in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: got {value!r}; a table is needed")
        inner = typing.get_args(kind)[1]
        return {str(key): _coerce(f"{where}.{key}", item, inner) for key, item in value.items()}
    if origin is types.UnionType:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{where}: got {value!r}; a value of type {kind.__name__} is needed")
    return value
