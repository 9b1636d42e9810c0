"""The folders of reports, and what is the same in all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seisnet import __version__, plots
from seisnet.errors import ConfigError
from seisnet.model import Model
from seisnet.report.document import Picture
from seisnet.store.files import write_whole


def make_folder(folder: Path, *, overwrite: bool) -> None:
    """Make a folder for results.

    Raises
    ------
    ConfigError
        If it holds something and `overwrite` is not set. Nothing in it is deleted either way.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; a folder is needed")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise ConfigError(f"{folder} is not empty; choose another folder, or use overwrite=True")
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def new_folder(folder: Path, *, overwrite: bool) -> Iterator[None]:
    """Make a folder as `make_folder` does; if it stays empty, remove it again with the parents made for it."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder, overwrite=overwrite)
    try:
        yield
    finally:
        with suppress(OSError):  # it is not empty
            for path in made:
                path.rmdir()


def write_figures(folder: Path, figures: Mapping[str, plots.Figure], pictures: Mapping[str, Picture]) -> None:
    """Write each figure, rendered to a picture of the same name, as SVG and PNG into the folder's ``figures``."""
    (folder / "figures").mkdir(exist_ok=True)
    for name, figure in figures.items():
        write_whole(folder / "figures" / f"{name}.svg", pictures[name].svg.encode())
        write_whole(folder / "figures" / f"{name}.png", plots.png(figure))


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values as JSON, whole or not at all."""
    write_whole(path, f"{json.dumps(values, indent=2)}\n".encode())


def notes(model: Model, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """The model and the thresholds that were used."""
    listed = ", ".join(f"{name} {value:g}" for name, value in sorted(thresholds.items()))
    return (f"Model {model.name}, thresholds {listed}.", f"seisnet {__version__}.")
