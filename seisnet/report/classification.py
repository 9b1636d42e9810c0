"""The page of picks or detections: counts, table, seismograms, availability, and what was not used."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seisnet import __version__, plots
from seisnet.classification.chosen_views import fullest
from seisnet.classification.figures import waveform_figure
from seisnet.classification.one_source import Classification
from seisnet.classification.output import IN_REPORT, OTHER_TASK
from seisnet.classification.summary import summary
from seisnet.classification.views import View
from seisnet.formats.picks import write_detections, write_picks
from seisnet.model import Model
from seisnet.report.document import (
    Column,
    Picture,
    Report,
    Section,
    Table,
    detections_table,
    picks_table,
    picture,
    rejections_section,
    within_table,
)
from seisnet.report.folder import notes, write_figures, write_json
from seisnet.report.html import write_report
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import EVERYTHING, Selection
from seisnet.wording import counted, quoted

CAPTIONS = {"availability": "Data used and rejected from each instrument, and what was found over time."}


@dataclass(frozen=True)
class Origin:
    """What picks were made on, and with, as given to `classify`.

    The metrics.json of a report keeps it, so that `seisnet plot`, `report` and `review` draw what was picked.
    """

    sources: Sequence[str]
    model_name: str
    inventory: Sequence[Path] = ()
    selection: Selection = EVERYTHING


def write_classification(
    found: Classification,
    model: Model,
    folder: Path,
    *,
    origin: Origin,
    after: tuple[Section, ...] = (),
    title: str = "",
) -> None:
    """Write report.html, metrics.json, figures, and picks or detections as CSV and QuakeML into an existing folder.

    If a report of the other task is replaced, its detections or picks are removed.

    Parameters
    ----------
    origin : Origin
    after : tuple of Section
        Sections to add at the end.
    """
    detects = model.preprocess.task == "class"
    if _is_report(folder):
        for name in OTHER_TASK[model.preprocess.task]:
            (folder / name).unlink(missing_ok=True)
    for name, file_format in IN_REPORT.items():
        if detects and name.startswith("detections"):
            write_detections(found.detections, folder / name, file_format, overwrite=True)
        elif not detects and name.startswith("picks"):
            write_picks(found.picks, folder / name, file_format, overwrite=True)
    write_json(folder / "metrics.json", classification_metrics(found, origin))
    figures = {}
    if found.spans:
        figures["availability"] = plots.availability(
            found.spans, rejected=found.rejections, picks=found.detections or found.picks
        )
    pictures = write_figures(folder, figures, CAPTIONS)
    stations = Section("Stations", table=_counts(found, model), pictures=tuple(pictures.values()))
    said = notes(model, found.thresholds)
    hint = f"seisnet plot {quoted(folder)} --pick"
    if detects:
        title, sections = title or "Detections", detections_sections(found, model, hint=hint)
    else:
        title, sections = title or "Phase picks", picks_sections(found, model, hint=hint)
        if found.rival_s:
            near = f"within {found.rival_s:g} s of a more probable one of the same phase that stands out more"
            said += (f"The probability of picks {near} was lowered; probability traces were not.",)
    sections = [stations, *sections, rejections_section(found.rejections), *after]
    write_report(Report(title, summary(found, model), tuple(sections), said), folder / "report.html")


def _is_report(folder: Path) -> bool:
    """Whether a folder holds a report of `classify`; else, files of the names that it uses may be somebody's."""
    try:
        return "detections_by_station" in json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def classification_metrics(found: Classification, origin: Origin) -> dict[str, Any]:
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
        "sources": [_findable(source) for source in origin.sources],
        "model": _findable(origin.model_name) if Path(origin.model_name).exists() else origin.model_name,
        "inventory": [str(path.absolute()) for path in origin.inventory],
        "selection": {
            name: value for name, value in asdict(origin.selection).items() if value != getattr(EVERYTHING, name)
        },
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


def picks_sections(found: Classification, model: Model, *, hint: str) -> list[Section]:
    """The table of picks and, if there are any, the waveform views.

    Parameters
    ----------
    hint : str
        A command that draws a pick without a view when its ID is appended.
    """
    anchors = {pick: _anchor(view) for view in reversed(found.views) for pick in view.picks}  # the first that has it
    shown = within_table(found.picks, anchors)
    table = picks_table(shown, anchors=[anchors.get(pick, "") for pick in shown], hint=hint)
    rows = _rows_text(len(shown), len(found.picks), "picks", drawn=bool(anchors))
    text = f"{rows} {_opening_text(len(found.picks), len(anchors), 'pick')}".strip()
    return [Section("Picks", text, table), *_seismograms(found, model, "picks")]


def detections_sections(found: Classification, model: Model, *, hint: str) -> list[Section]:
    """The table of detections and, if there are any, the waveform views; as `picks_sections`."""
    anchors = {d: _anchor(found.views[i]) for d, i in fullest(found.views).items()}
    shown = within_table(found.detections, anchors)
    table = detections_table(shown, anchors=[anchors.get(d, "") for d in shown], hint=hint)
    rows = _rows_text(len(shown), len(found.detections), "detections", drawn=bool(anchors))
    text = f"{rows} {_opening_text(len(found.detections), len(anchors), 'detection')}".strip()
    return [Section("Detections", text, table), *_seismograms(found, model, "detections")]


def _seismograms(found: Classification, model: Model, what: str) -> list[Section]:
    if not found.views:
        return []
    text = f"{counted(len(found.views), 'stretch', 'stretches')} with {what}."
    if model.preprocess.response == "none":
        text += " Samples are not filtered; their unit is that of the recording."
    return [Section("Seismograms", text, pictures=tuple(waveform_picture(view, model) for view in found.views))]


def _counts(found: Classification, model: Model) -> Table:
    """Picks, or detections, of each station by class."""
    what = "detections" if model.preprocess.task == "class" else "picks"
    counts = Counter((p.station_id, p.phase) for p in found.picks)
    counts += Counter((d.station_id, d.label) for d in found.detections)
    kinds = [name for name in model.classes if name != "noise"]
    return Table(
        (Column("Station"), *(Column(f"{kind} {what}") for kind in kinds)),
        tuple((station, *(counts[station, kind] for kind in kinds)) for station in found.stations),
    )


def _rows_text(n_shown: int, n_found: int, what: str, *, drawn: bool = False) -> str:
    """Which of picks or detections are in the table; nothing if all are."""
    if n_shown == n_found:
        return ""
    which = "those with a seismogram, then the most probable" if drawn else "the most probable"
    return f"The table has {n_shown} of {n_found} {what}: {which}. {what}.csv has all."


def _opening_text(n_found: int, n_drawn: int, what: str) -> str:
    """Which rows open a seismogram, and how to see the others."""
    said = []
    if n_drawn:
        said.append(
            f"Click the row of the {what} to open its seismogram."
            if n_found == 1
            else f"{n_drawn} of {n_found} {what}s have a seismogram: click a row to open it."
        )
    if n_found > n_drawn:
        said.append(
            "A click on any other row shows the command that draws it; seisnet report --serve draws all on demand."
        )
    return " ".join(said)


def waveform_picture(view: View, model: Model | None) -> Picture:
    """Seismograms, probability traces, picks and detections of one stretch, rendered."""
    found = [(p.phase, p.probability) for p in view.picks] + [(d.label, d.probability) for d in view.detections]
    told = ", ".join(f"{name} {'analyst' if math.isnan(p) else f'{p:.2f}'}" for name, p in found)
    return picture(waveform_figure(view, model), f"{view.trace_id}: {told}", anchor=_anchor(view))


def _anchor(view: View) -> str:
    return f"{view.trace_id} {view.start_ns}"


def _findable(source: str) -> str:
    """A source that means the same from any folder."""
    if source.startswith("sds:"):
        return f"sds:{Path(source.removeprefix('sds:')).absolute()}"
    return source if re.match(r"[a-z]{2,}:", source) else str(Path(source).absolute())
