"""What models say of themselves: the shipped ones in a table, one of them in full."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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

WIDTH = 110
MOST_FIGURES = 12
"""Larger tables are not shown with a model."""


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
    """The card as it is, then what the file says beside it, line by line."""
    stored = model.stored
    lines = stored.card.rstrip().splitlines() or [f"# {model.name}", "", "This model carries no card."]
    lines += ["", "## In the file", "", f"- classes: {', '.join(stored.classes)}"]
    lines.append("- thresholds: " + ", ".join(f"{name} {t:g}" for name, t in sorted(model.thresholds().items())))
    lines.append(f"- temperature: {stored.temperature:g}")
    lines += [f"- {line}" for line in stage_lines(stored)]
    lines += [f"- {name}: {value}" for name, value in sorted(stored.attributes.items())]
    lines += _settings("preprocess", stored.preprocess) + _settings("train", stored.train)
    metrics = {name: value for name, value in stored.metrics.items() if not name.endswith("_history")}
    return lines + _settings("metrics", dict(_few(metrics)))


def _settings(title: str, values: Mapping[str, Any]) -> list[str]:
    """An item of a list that may take several lines."""
    text = ", ".join(f"{name} = {json.dumps(value)}" for name, value in sorted(values.items()))
    return wrap(f"- {title}: {text}", WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _few(metrics: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Metrics as they are, but for tables of more than `MOST_FIGURES`, which the file holds as JSON."""
    for name, value in metrics.items():
        n = _count(value)
        yield name, value if n <= MOST_FIGURES else f"{n} figures"


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
