"""What models say of themselves: the shipped ones in a table, any of them in full."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from seisnet.model import SHIPPED, Model, load_model, shipped_models
from seisnet.store.model_file import StoredModel

SECTIONS = (
    "Data",
    "Citation",
    "Licence",
    "Preprocessing",
    "Classes",
    "Figures",
    "Thresholds",
    "Calibration",
    "Limits",
    "Reproduce",
)
"""Headings that the card of a shipped model has, each ``## Name``; the first line after the title says what it is."""

WIDTH = 100
"""Columns that text and tables are fitted into, where that is possible."""

MOST_FIGURES = 12
"""Of tables with more figures only the names are shown."""


def summarise_shipped() -> list[tuple[str, str, str, str]]:
    """Name, classes, size and summary of every shipped model."""
    found = []
    for name in shipped_models():
        model = load_model(name)
        size_mb = (SHIPPED / f"{name}.h5").stat().st_size / 1e6
        found.append((name, ", ".join(model.classes), f"{size_mb:.1f} MB", summary_of(model.stored.card)))
    return found


def summary_of(card: str) -> str:
    """The first line of a card that is neither heading nor empty.

    Examples
    --------
    >>> summary_of("# rockfall\\n\\nRockfalls at Luhu.\\n")
    'Rockfalls at Luhu.'
    """
    return next((line for line in card.splitlines() if line.strip() and not line.startswith("#")), "")


def describe_model(model: Model) -> list[str]:
    """Lines of the card, fitted to `WIDTH`, and of what else the file says."""
    stored = model.stored
    lines = _laid_out(stored.card) or ["This model has no card."]
    if not lines[0].startswith("# "):  # training writes no title: a file may have any name
        lines = [f"# {model.name}", "", *lines]
    lines += ["", "## In the file", "", f"- classes: {', '.join(stored.classes)}"]
    lines.append("- thresholds: " + ", ".join(f"{name} {t:g}" for name, t in sorted(model.thresholds().items())))
    lines.append(f"- temperature: {stored.temperature:g}")
    lines += [f"- {line}" for line in stage_lines(stored)]
    lines += [f"- {name}: {value}" for name, value in sorted(stored.attributes.items())]
    lines += _settings("preprocess", stored.preprocess) + _settings("train", stored.train)
    metrics = {name: value for name, value in stored.metrics.items() if not name.endswith("_history")}
    return lines + _metrics(metrics)


def _laid_out(card: str) -> list[str]:
    """A card whose long paragraphs are filled anew, and the columns of whose tables are aligned."""
    lines: list[str] = []
    for kind, block in groupby(card.rstrip().splitlines(), _kind):
        rows = list(block)
        if kind == "table":
            lines += _aligned([[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows])
        elif kind == "words" and max(map(len, rows)) > WIDTH:
            lines += filled(" ".join(" ".join(rows).split()))
        else:
            lines += rows
    return lines


def _kind(line: str) -> str:
    """Whether a line of Markdown belongs to a table, a paragraph, or something that is left as it is."""
    if line.startswith("|"):
        return "table"
    return "words" if re.match(r"[^\W_]|[(`'\"]", line) and not re.match(r"\d+[.)] |```", line) else "other"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of which the first row names the columns, in several lines if need be, and the second is a rule."""
    head, body = rows[0], rows[2:]
    if len(rows) < 2 or set("".join(rows[1])) - set("-:") or any(len(row) != len(head) for row in body):
        return ["| " + " | ".join(row) + " |" for row in rows]
    columns = list(zip(*body, strict=True)) if body else [()] * len(head)
    cells = [max(map(len, column), default=0) for column in columns]
    widths = [max(len(name), cell, 1) for name, cell in zip(head, cells, strict=True)]
    if sum(widths) + 2 * (len(head) - 1) > WIDTH:
        widths = [max(*map(len, name.split()), cell, 1) for name, cell in zip(head, cells, strict=True)]
    gap = "  " if sum(widths) + 2 * (len(head) - 1) <= WIDTH else " "
    names = [wrap(name, width) for name, width in zip(head, widths, strict=True)]
    deepest = max(map(len, names))
    above = zip(*([""] * (deepest - len(name)) + name for name in names), strict=True)
    lines = [*above, ["-" * width for width in widths], *body]
    return [gap.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def filled(text: str, indent: str = "") -> list[str]:
    """Lines of a paragraph of at most `WIDTH` columns; those after the first are indented."""
    return wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _settings(title: str, values: Mapping[str, Any]) -> list[str]:
    """An item of a list that may take several lines, none of which ends within a setting."""
    settings = (f"{name} = {json.dumps(value)}".replace(" ", "\u00a0") for name, value in sorted(values.items()))
    return [line.replace("\u00a0", " ") for line in filled(f"- {title}: {', '.join(settings)}", "  ")]


def _metrics(metrics: Mapping[str, Any]) -> list[str]:
    """Figures by name; of tables with more than `MOST_FIGURES` only the names."""
    large = [name for name, value in sorted(metrics.items()) if _count(value) > MOST_FIGURES]
    lines = [f"- {name}: {_in_words(value)}" for name, value in sorted(metrics.items()) if name not in large]
    if large:
        lines.append(f"- tables stored under these names in the JSON of /metrics: {', '.join(large)}")
    shown = [part for line in lines for part in filled(line, "  ")]
    return ["", "## Metrics in the file", "", *shown] if shown else []


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_brackets(v)}" for name, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_brackets, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _in_brackets(value: Any) -> str:
    return f"({_in_words(value)})" if isinstance(value, Mapping | list | tuple) else _in_words(value)


def _count(value: Any) -> int:
    """Numbers in a JSON value."""
    if isinstance(value, Mapping):
        return sum(map(_count, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_count, value))
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def stage_lines(stored: StoredModel) -> list[str]:
    """What each stage reads, its layers, and how many networks it is or was taught by."""
    lines = []
    for k, stage in enumerate(stored.stages):
        members = stage.theta.shape[0] if stage.theta.ndim == 2 else 1
        line = (
            f"stage {k}: reads {stage.reads}, layers {'-'.join(map(str, stage.sizes))}, {stage.activation}, "
            f"{stage.theta.shape[-1]} parameters"
        )
        if members > 1:
            line += f", {members} members averaged"
        elif stored.train.get("distil") and stage.reads != "onset":
            line += f", taught by {stored.train['members']} networks"
        lines.append(line)
    return lines
