"""Folders that hold a report and what it was made from."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seisnet import __version__, plots
from seisnet.classification.one_source import Classification
from seisnet.errors import ConfigError
from seisnet.formats.picks import write_detections, write_picks
from seisnet.model import Model
from seisnet.report.classification import AVAILABILITY, availability_figure, detections_sections, picks_sections
from seisnet.report.document import Picture, Report, Section, picture
from seisnet.report.evaluation import evaluation_figures, evaluation_pictures, evaluation_section
from seisnet.report.html import write_report
from seisnet.scoring.evaluation import Evaluation
from seisnet.store.files import write_whole
from seisnet.store.windows_file import WindowsInfo
from seisnet.waveforms.records import NS_PER_S
from seisnet.wording import counted, duration


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
    """Make a folder, see `make_folder`, which goes again, and those above it that were made, if it is left empty."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder, overwrite=overwrite)
    try:
        yield
    finally:
        with suppress(OSError):  # it is not empty
            for path in made:
                path.rmdir()


def write_evaluation(found: Evaluation, model: Model, info: WindowsInfo, folder: Path) -> None:
    """Write report.html, metrics.json and the figures of an evaluation into a folder that there is."""
    figures = evaluation_figures(found, model, info)
    pictures = evaluation_pictures(figures)
    write_figures(folder, figures, pictures)
    write_json(folder / "metrics.json", found.metrics())
    report = Report(
        f"Evaluation of {model.name}",
        (),
        (evaluation_section(found, model, pictures),),
        notes(model, model.stored.thresholds),
    )
    write_report(report, folder / "report.html")


def write_classification(  # noqa: PLR0913, each is a choice that somebody makes
    found: Classification,
    model: Model,
    folder: Path,
    *,
    sources: Sequence[str],
    model_name: str,
    inventory: Sequence[Path] = (),
    overwrite: bool,
    after: tuple[Section, ...] = (),
    title: str = "",
) -> None:
    """Write report.html, metrics.json, figures, and picks.csv and picks.xml, or detections.csv and detections.xml.

    Parameters
    ----------
    sources, model_name, inventory : sequence of str, str, sequence of Path
        As given to `classify`; metrics.json keeps them, so that `seisnet plot` and `seisnet report` find them again.
    after : tuple of Section
        Follow the picks.
    """
    make_folder(folder, overwrite=overwrite)
    detects = model.preprocess.task == "class"
    for ending, file_format in (("csv", "csv"), ("xml", "quakeml")):
        if detects:
            write_detections(found.detections, folder / f"detections.{ending}", file_format, overwrite=True)
        else:
            write_picks(found.picks, folder / f"picks.{ending}", file_format, overwrite=True)
    write_json(folder / "metrics.json", classification_metrics(found, sources, model_name, inventory))
    figures = {"availability": availability_figure(found)} if found.spans else {}
    pictures = {name: picture(figure, AVAILABILITY) for name, figure in figures.items()}
    write_figures(folder, figures, pictures)
    hint = f"seisnet plot {shlex.quote(str(folder))} --pick"
    available, said = tuple(pictures.values()), notes(model, found.thresholds)
    if detects:
        title, sections = title or "Detections", detections_sections(found, model.classes, available)
    else:
        title, sections = title or "Phase picks", picks_sections(found, model, available, hint=hint)
        if found.rival_s:
            near = f"within {found.rival_s:g} s of a more probable one of the same phase that stands out more"
            said += (f"The probability of picks {near} was lowered; probability traces were not.",)
    write_report(Report(title, summary(found, model), (*sections, *after), said), folder / "report.html")


def classification_metrics(
    found: Classification, sources: Sequence[str], model_name: str, inventory: Sequence[Path] = ()
) -> dict[str, Any]:
    """What was read, found and rejected, as plain values."""
    counts = Counter((pick.station_id, pick.phase) for pick in found.picks)
    detected = Counter((d.station_id, d.label) for d in found.detections)
    rejected: dict[str, dict[str, float]] = {}
    for r in found.rejections:
        entry = rejected.setdefault(r.reason, {"stretches": 0, "seconds": 0.0})
        entry["stretches"] += 1
        entry["seconds"] += (r.end_ns - r.start_ns) / NS_PER_S
    return {
        "seisnet_version": __version__,
        "sources": [_findable(source) for source in sources],
        "model": _findable(model_name) if Path(model_name).exists() else model_name,
        "inventory": [str(path.absolute()) for path in inventory],
        "thresholds": found.thresholds,
        "files": len(found.files),
        "records": found.n_records,
        "seconds": found.seconds,
        "stations": found.stations,
        "picks": len(found.picks),
        "picks_by_station": [
            {"station": station, "phase": phase, "picks": n} for (station, phase), n in sorted(counts.items())
        ],
        "detections": len(found.detections),
        "detections_by_station": [
            {"station": station, "class": name, "detections": n} for (station, name), n in sorted(detected.items())
        ],
        "rejected": rejected,
    }


def write_figures(folder: Path, figures: Mapping[str, plots.Figure], pictures: Mapping[str, Picture]) -> None:
    """Write each figure, rendered to a picture of the same name, as SVG and PNG into the folder's ``figures``."""
    (folder / "figures").mkdir(exist_ok=True)
    for name, figure in figures.items():
        write_whole(folder / "figures" / f"{name}.svg", pictures[name].svg.encode())
        write_whole(folder / "figures" / f"{name}.png", plots.png(figure))


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values as JSON, whole or not at all."""
    write_whole(path, f"{json.dumps(values, indent=2)}\n".encode())


def summary(found: Classification, model: Model) -> tuple[str, ...]:
    """What was read and found, in two lines."""
    kinds = [p.phase for p in found.picks] + [d.label for d in found.detections]
    counts = " and ".join(f"{kinds.count(name)} {name}" for name in found.thresholds)
    what = "detections" if model.preprocess.task == "class" else "picks"
    stations = counted(len(found.stations), "station")
    records = counted(found.n_records, "gap-free record")
    dead = f", {duration(found.dead_s)} of it without signal and therefore masked" if found.dead_s else ""
    return (
        f"{counts} {what}{'' if kinds else _why_none(found)}.",
        f"{duration(found.seconds)} of {stations} scanned in {records}{dead}.",
    )


def _why_none(found: Classification) -> str:
    """Why there are no picks: how high the probabilities came."""
    highest = "; ".join(
        f"{name} {found.highest.get(name, 0.0):.4f}, threshold {threshold:g}"
        for name, threshold in found.thresholds.items()
    )
    reached = any(found.highest.get(name, 0.0) >= threshold for name, threshold in found.thresholds.items())
    if reached:
        return f"; none passed the tests for coincidence or for P before S (highest probabilities: {highest})"
    return f"; no probability reached its threshold ({highest})"


def notes(model: Model, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """The model and the thresholds that were used."""
    listed = ", ".join(f"{name} {value:g}" for name, value in sorted(thresholds.items()))
    return (f"Model {model.name}, thresholds {listed}.", f"seisnet {__version__}.")


def _findable(source: str) -> str:
    """A source that means the same from any folder."""
    if source.startswith("sds:"):
        return f"sds:{Path(source.removeprefix('sds:')).absolute()}"
    return source if re.match(r"[a-z]{2,}:", source) else str(Path(source).absolute())
