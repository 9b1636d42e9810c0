"""The pages that seisnet writes: of an evaluation, and of picks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from seisnet import plots
from seisnet.classification import Classification, View
from seisnet.evaluation import Evaluation
from seisnet.metrics import precision_recall_curve, reliability, roc_curve
from seisnet.picks import station_of
from seisnet.plots import Figure
from seisnet.report.document import Column, Picture, Section, Table, picks_table, picture, rejections_section
from seisnet.waveforms.records import COMPONENTS


def evaluation_figures(found: Evaluation, thresholds: Mapping[str, float]) -> dict[str, Figure]:
    """Figures of an evaluation, by file name without ending; curves need windows of and not of their class."""
    truth, probabilities = found.rows.y, found.probabilities
    figures = {"confusion": plots.confusion_matrix(found.counts, found.classes)}
    curved = [k for k in range(len(found.classes)) if 0 < (truth == k).sum() < len(truth)]
    if curved:
        figures["roc"] = plots.roc_curves(
            {found.classes[k]: roc_curve(truth == k, probabilities[:, k]) for k in curved}
        )
        figures["precision_recall"] = plots.precision_recall(
            {found.classes[k]: precision_recall_curve(truth == k, probabilities[:, k]) for k in curved},
            thresholds=thresholds,
        )
    winner = probabilities.argmax(axis=1)
    figures["reliability"] = plots.reliability_diagram(reliability(probabilities.max(axis=1), winner == truth))
    return figures


def training_figure(history: Mapping[str, ArrayLike]) -> Figure:
    """Training curves; those of the first member where several were trained."""
    columns = {name: np.asarray(values) for name, values in history.items()}
    first = columns["member"] == 0 if "member" in columns else slice(None)
    return plots.training_curves({name: values[first] for name, values in columns.items() if name != "member"})


CAPTIONS = {
    "confusion": "True classes in rows, predicted classes in columns.",
    "roc": "Receiver operating characteristic of each class against the others.",
    "precision_recall": "Precision and recall of each class; the dot is the threshold of the scan.",
    "reliability": "How often the winning class was right, given its probability.",
    "training": "Training curves.",
}


def evaluation_section(found: Evaluation, figures: Mapping[str, Figure]) -> Section:
    """Scores by class and the figures."""
    columns = (
        Column("Class"),
        Column("Precision", decimals=3),
        Column("Recall", decimals=3),
        Column("F1", decimals=3),
        Column("Windows"),
    )
    s = found.scores
    rows = tuple(
        (name, float(s.precision[k]), float(s.recall[k]), float(s.f1[k]), int(s.support[k]))
        for k, name in enumerate(found.classes)
    )
    low, high = found.macro_f1_interval
    text = (
        f"{len(found.rows)} windows of {np.unique(found.rows.group).size} events or station-hours "
        f"({found.split} split). Accuracy {s.accuracy:.3f}, macro-F1 {s.macro_f1:.3f}"
        + (f" (95 % interval {low:.3f} to {high:.3f} over events)." if not math.isnan(low) else ".")
    )
    pictures = tuple(picture(figure, CAPTIONS[name]) for name, figure in figures.items())
    return Section("Windows", text, (Table(columns, rows),), pictures)


def picks_sections(found: Classification, classes: Sequence[str]) -> list[Section]:
    """Counts by station, the table of picks, the waveform views, and what was not used."""
    by_station = Counter((p.station_id, p.phase) for p in found.picks)
    stations = sorted({station_of(t) for t in found.trace_ids})
    phases = [c for c in classes if c != "noise"]
    counts = Table(
        (Column("Station"), *(Column(f"{phase} picks") for phase in phases)),
        tuple((station, *(by_station[station, phase] for phase in phases)) for station in stations),
    )
    anchors = {pick: _anchor(view) for view in found.views for pick in view.picks}
    table = picks_table(found.picks, anchors=[anchors.get(pick, "") for pick in found.picks])
    sections = [
        Section("Stations", tables=(counts,)),
        Section("Picks", "A row opens its seismogram." if found.views else "", (table,)),
    ]
    if found.views:
        left = len(set(found.picks) - anchors.keys())
        text = f"{len(found.views)} stretches with picks" + (f"; {left} picks are in none of them." if left else ".")
        sections.append(
            Section("Seismograms", text, pictures=tuple(waveform_picture(view, classes) for view in found.views))
        )
    return [*sections, rejections_section(found.rejections)]


def waveform_picture(view: View, classes: Sequence[str]) -> Picture:
    """Seismograms, probability traces and picks of one stretch."""
    recorded = [bool(row.any()) for row in view.data]
    figure = plots.waveform_view(
        view.data[recorded],
        view.start_ns,
        view.sampling_rate_hz,
        components="".join(c for c, there in zip(COMPONENTS, recorded, strict=True) if there),
        probabilities=view.probabilities,
        probability_times_ns=view.times_ns,
        classes=classes,
        picks=view.picks,
        title=view.trace_id,
    )
    found = ", ".join(f"{pick.phase} {pick.probability:.2f}" for pick in view.picks)
    return picture(figure, f"{view.trace_id}: {found}", anchor=_anchor(view))


def _anchor(view: View) -> str:
    return f"{view.trace_id} {view.start_ns}"
