"""The TOML file of a pipeline; one of its tables holds the words that the card of the model quotes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seisnet.config import from_dict, nearest, read_tables
from seisnet.errors import ConfigError

MAY_LACK = {"command"}


@dataclass(frozen=True)
class Words:
    """Table ``[card]``."""

    summary: str = ""
    data: str = ""
    citation: str = ""
    licence: str = ""
    limits: str = ""

    def __post_init__(self) -> None:
        """Refuse a card that would say nothing under a heading."""
        if lacking := [name for name, text in vars(self).items() if name not in MAY_LACK and not text.strip()]:
            raise ConfigError(f"say in words {', '.join(lacking)}; the card of the model quotes them")


def read_settings(path: Path, kinds: Mapping[str, type], **defaults: Any) -> dict[str, Any]:
    """Values of the tables, each of its kind, over the defaults of some; another table is a ConfigError."""
    tables = read_tables(path)
    if unknown := sorted(tables.keys() - kinds.keys()):
        raise ConfigError(f"{path}: unknown table {unknown[0]}{nearest(unknown[0], kinds)}")
    return {
        name: from_dict(kind, tables.get(name, {}), where=f"{path} [{name}]", defaults=defaults.get(name))
        for name, kind in kinds.items()
    }
