"""Folders that hold a report and what it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from seisnet import __version__, plots
from seisnet.classification import Classification
from seisnet.errors import ConfigError
from seisnet.evaluation import Evaluation
from seisnet.formats import write_picks
from seisnet.model import Model
from seisnet.picks import station_of
from seisnet.report.document import Report, Section
from seisnet.report.html import write_report
from seisnet.report.pages import evaluation_figures, evaluation_section, picks_sections, training_figure
from seisnet.store.hdf5 import replacing


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
        raise ConfigError(f"{folder} is not empty; choose another folder, or say --overwrite")
    folder.mkdir(parents=True, exist_ok=True)


def write_evaluation(found: Evaluation, model: Model, folder: Path, *, overwrite: bool) -> None:
    """Write report.html, metrics.json and the figures of an evaluation."""
    make_folder(folder, overwrite=overwrite)
    figures = evaluation_figures(found, model.stored.thresholds)
    if model.stored.history:
        figures["training"] = training_figure(model.stored.history)
    for name, figure in figures.items():
        write_text(folder / f"{name}.svg", plots.svg(figure))
    write_text(folder / "metrics.json", json.dumps(found.metrics(), indent=2) + "\n")
    title = f"Evaluation of {model.name}"
    write_report(
        Report(title, (), (evaluation_section(found, figures),), notes(model, model.stored.thresholds)),
        folder / "report.html",
    )


def write_classification(
    found: Classification,
    model: Model,
    folder: Path,
    *,
    overwrite: bool,
    after: tuple[Section, ...] = (),
    title: str = "Phase picks",
) -> None:
    """Write report.html, picks.csv and picks.xml of a classification; `after` follows the picks."""
    make_folder(folder, overwrite=overwrite)
    write_picks(found.picks, folder / "picks.csv", "csv")
    write_picks(found.picks, folder / "picks.xml", "quakeml")
    sections = (*picks_sections(found, model.classes), *after)
    write_report(Report(title, summary(found), sections, notes(model, found.thresholds)), folder / "report.html")


def summary(found: Classification) -> tuple[str, ...]:
    """What was read and found, in two lines."""
    kinds = [p.phase for p in found.picks] + [d.label for d in found.detections]
    counts = " and ".join(f"{kinds.count(name)} {name}" for name in found.thresholds)
    what = "detections" if found.detections else "picks"
    stations = len({station_of(t) for t in found.trace_ids})
    dead = f", {found.dead_s / 3600:.3g} h of it without signal and masked" if found.dead_s else ""
    return (
        f"{counts} {what}{'' if kinds else _why_none(found)}.",
        f"{found.seconds / 3600:.3g} h of {stations} stations scanned in {found.n_records} gap-free records{dead}.",
    )


def _why_none(found: Classification) -> str:
    """Why there are no picks: how high the probabilities came."""
    highest = ", ".join(
        f"{name} {found.highest.get(name, 0.0):.2f} of {threshold:g}" for name, threshold in found.thresholds.items()
    )
    reached = any(found.highest.get(name, 0.0) >= threshold for name, threshold in found.thresholds.items())
    if reached:
        return f"; none passed the tests of coincidence, or of P before S (highest probabilities: {highest})"
    return f"; no probability reached its threshold ({highest})"


def notes(model: Model, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """The model and the thresholds that were used."""
    listed = ", ".join(f"{name} {value:g}" for name, value in sorted(thresholds.items()))
    return (f"Model {model.name}, thresholds {listed}.", f"seisnet {__version__}.")


def write_text(path: Path, content: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
