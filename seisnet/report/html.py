"""A Report as one HTML file that needs nothing else: no network, no second file, no server."""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass
from importlib.resources import files
from itertools import count
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from seisnet.report.document import Cell, Column, Report, Table
from seisnet.store.files import write_whole

_MOST_CHOICES = 500


@dataclass(frozen=True)
class _Filter:
    """A control above a table: a menu of `choices`, else a least number, else a piece of text."""

    index: int
    column: Column
    choices: list[str]
    is_number: bool


def render_report(report: Report) -> str:
    """Render a report as a page; whatever text it holds is escaped, so nothing in it acts as markup."""
    environment = make_environment()
    environment.filters |= {"shown": _shown, "sort_key": _sort_key, "image_uri": _image_uri}
    environment.globals |= {"is_number": _is_number, "filters_of": _filters_of}
    numbers = count(1)
    sections = [
        (section, [(f"view-{next(numbers)}", picture) for picture in section.pictures]) for section in report.sections
    ]
    targets: dict[str, str] = {"": ""}
    for _, pictures in sections:
        for target, picture in pictures:
            targets.setdefault(picture.anchor, target)
    script = asset("report", "script.html")
    return environment.from_string(asset("report", "report.html")).render(
        report=report,
        sections=sections,
        targets=targets,
        style=Markup(asset("report", "style.css")),
        script=Markup(script),
        # Should a text slip through the escaping, the browser still runs no script but that of this hash.
        script_sha256=sha256_base64(script),
    )


def make_environment() -> Environment:
    """Templates in which every text is escaped, and no name may be missing."""
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def sha256_base64(text: str) -> str:
    """The hash by which a Content-Security-Policy allows an inline script or style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def write_report(report: Report, path: Path) -> None:
    """Write a report as one self-contained file, whole or not at all; a file of that name is replaced."""
    write_whole(path, render_report(report).encode("utf-8", "replace"))


def asset(room: str, name: str) -> str:
    """Text of a file that lies in a room."""
    return files(f"seisnet.{room}").joinpath(name).read_text("utf-8")


def _shown(cell: Cell, column: Column) -> str:
    if isinstance(cell, float):
        return "–" if math.isnan(cell) else f"{cell:.{6 if column.decimals is None else column.decimals}f}"
    return str(cell)


def _sort_key(cell: Cell) -> str:
    """Give the browser a figure at full precision; an unknown one is empty and sorts last."""
    return "" if isinstance(cell, float) and math.isnan(cell) else str(cell)


def _is_number(table: Table, index: int) -> bool:
    return bool(table.rows) and not any(isinstance(row[index], str) for row in table.rows)


def _filters_of(table: Table) -> list[_Filter]:
    filters = []
    for index, column in enumerate(table.columns):
        if column.filterable and table.rows:
            is_number = _is_number(table, index)
            choices = [] if is_number else sorted({str(row[index]) for row in table.rows} - {""})
            filters.append(_Filter(index, column, choices if len(choices) <= _MOST_CHOICES else [], is_number))
    return filters


def _image_uri(svg: str) -> str:
    """Write an SVG as a data URI; percent signs cost a fifth of what base64 does on paths."""
    return "data:image/svg+xml," + quote(svg, safe=" !$()*+,/:;=?@[]|")
