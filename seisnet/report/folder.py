"""What is the same in the folders of all reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seisnet import __version__, plots
from seisnet.model import Model
from seisnet.report.document import Picture, picture
from seisnet.store.files import write_each, write_whole


def write_figures(folder: Path, figures: Mapping[str, plots.Figure], captions: Mapping[str, str]) -> dict[str, Picture]:
    """Write each figure as SVG and PNG into the folder's ``figures``; returned are the same for the page, by name."""
    (folder / "figures").mkdir(exist_ok=True)
    pictures: dict[str, Picture] = {}
    files: dict[str, bytes] = {}
    for name, figure in figures.items():
        pictures[name] = picture(figure, captions[name])
        files |= {f"{name}.svg": pictures[name].svg.encode(), f"{name}.png": plots.png(figure)}
    write_each(folder / "figures", files)
    return pictures


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values as JSON, whole or not at all."""
    write_whole(path, f"{json.dumps(values, indent=2)}\n".encode())


def notes(model: Model, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """The model and the thresholds that were used."""
    listed = ", ".join(f"{name} {value:g}" for name, value in sorted(thresholds.items()))
    return (f"Model {model.name}, thresholds {listed}.", f"seisnet {__version__}.")
