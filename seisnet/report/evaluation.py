"""The page of an evaluation: scores, curves, what the network looks for, and where it errs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seisnet import plots
from seisnet.classification.views import MARGIN_S
from seisnet.config import PreprocessConfig, from_dict
from seisnet.errors import DataError
from seisnet.model import Model
from seisnet.plots import Figure, Mistake
from seisnet.report.document import Column, Picture, Report, Section, Table, utc
from seisnet.report.folder import notes, write_figures, write_json
from seisnet.report.html import write_report
from seisnet.scoring.embedding import principal_components
from seisnet.scoring.evaluation import Evaluation
from seisnet.store.model_file import StoredModel
from seisnet.store.windows_file import WindowsInfo
from seisnet.waveforms.inventory import response_of
from seisnet.waveforms.lookup import Waveforms, part
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import Selection
from seisnet.wording import counted

MOST_MISTAKES = 12
MOST_SOURCES = 200
"""With more files than these, the headers of all would take longer to read than the gallery is worth."""

ALONE = "This is the window network alone: the context stage, which decides in a scan, reads whole records."

CAPTIONS = {
    "confusion": "True classes in rows, predicted classes in columns; counts, and shares of the row.",
    "roc": "Receiver operating characteristic of each class against the others.",
    "precision_recall": "Precision and recall of each class.",
    "reliability": "How often the winning class was right, given its probability.",
    "f1_by_snr_db": "F1 by signal-to-noise ratio; a record's noise windows count with its onsets.",
    "f1_by_s_minus_p_s": "F1 by the time between P and S, for records with both.",
    "f1_by_distance_km": "F1 by distance, as given by the data sets.",
    "first_layer": "Weights of the 24 first-layer units with the largest norms; white is positive, black negative.",
    "embedding": "Output of the last hidden layer for the windows, projected onto its first two principal components.",
    "mistakes": "Misclassified windows, the most confident first, with the onset; waveforms, which are not "
    "filtered, if the source is there. A component that was not recorded is white.",
    "training": "Training of the window network; of several, the first.",
    "training_context": "Training of the context network; of several, the first.",
    "training_onset": "Training of the onset network.",
}


def write_evaluation(found: Evaluation, model: Model, info: WindowsInfo, folder: Path) -> None:
    """Write report.html, metrics.json and the figures of an evaluation into an existing folder."""
    figures = evaluation_figures(found, model, info)
    pictures = write_figures(folder, figures, CAPTIONS)
    write_json(folder / "metrics.json", found.metrics())
    report = Report(
        f"Evaluation of {model.name}",
        (f"Note: {found.caveat}.",) if found.caveat else (),
        (evaluation_section(found, model, pictures.values()),),
        notes(model, model.stored.thresholds),
    )
    write_report(report, folder / "report.html")


def evaluation_figures(found: Evaluation, model: Model, info: WindowsInfo) -> dict[str, Figure]:
    """Figures of an evaluation, by file name without ending; what there is no data for is left out."""
    figures = {"confusion": plots.confusion_matrix(found.counts, found.classes)}
    if found.roc:
        thresholds = None if model.context else model.stored.thresholds  # they are of what the last network says
        figures["roc"] = plots.roc_curves(found.roc, thresholds=thresholds)
        figures["precision_recall"] = plots.precision_recall(found.precision_recall, thresholds=thresholds)
    figures["reliability"] = plots.reliability_diagram(found.calibration)
    for name, by_property in found.breakdowns.items():
        figures[f"f1_by_{name}"] = plots.f1_by_property(by_property, found.classes, label=plots.PROPERTIES[name])
    if len(found.embedded) > 1 and found.activations.shape[1] > 1:
        rows = found.embedded
        figures["embedding"] = plots.embedding_plane(
            principal_components(found.activations), found.rows.y[rows], found.predicted[rows], found.classes
        )
    grid = plots.feature_grid(model.preprocess)
    weights, _ = next(model.networks[0].views(model.networks[0].theta))
    if len(weights) == math.prod(grid.shape):
        figures["first_layer"] = plots.first_layer(weights, grid)
    mistakes = worst_mistakes(found, info)
    if mistakes:
        figures["mistakes"] = plots.mistakes_gallery(mistakes, grid)
    return figures | training_figures(model.stored)


def training_figures(stored: StoredModel) -> dict[str, Figure]:
    """Training curves of every network whose history is kept; of several members, those of the first."""
    figures = {}
    if stored.history:
        figures["training"] = plots.training_curves(_of_first_member(stored.history, "member"))
    # The loss of onsets is of distances, and no logarithm of a probability.
    for name, loss in (("context", "Loss (nats)"), ("onset", "Loss (Huber)")):
        rows = stored.metrics.get(f"{name}_history")
        if rows:
            columns = _of_first_member({key: [row[key] for row in rows] for key in rows[0]}, "task")
            figures[f"training_{name}"] = plots.training_curves(columns, loss=loss)
    return figures


def _of_first_member(history: Mapping[str, ArrayLike], member: str) -> dict[str, NDArray[np.float64]]:
    """Epochs of the network that was trained first; `member` names the column that tells them apart."""
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in history.items()}
    first = columns[member] == columns[member][0] if member in columns else slice(None)
    return {name: values[first] for name, values in columns.items()}


def worst_mistakes(found: Evaluation, info: WindowsInfo) -> list[Mistake]:
    """The wrong windows that the model was surest of, with their waveforms where the sources can be read again.

    These are selected, are placed by the station metadata, and have lost the response, as those that the windows were
    cut from.
    """
    chosen = found.mistakes(MOST_MISTAKES)
    waveforms = _waveforms(info) if len(chosen) else None
    config = from_dict(PreprocessConfig, info.config)
    return [
        Mistake(
            x=found.rows.x[row],
            truth=found.classes[found.rows.y[row]],
            probabilities=dict(zip(found.classes, map(float, found.probabilities[row]), strict=True)),
            onset_s=float(found.rows.onset_s[row]),
            caption=f"{found.rows.trace_id[row]}\n{utc(int(found.rows.start_ns[row]))[:19]}",
            samples=_samples(waveforms, str(found.rows.trace_id[row]), int(found.rows.start_ns[row]), config),
        )
        for row in chosen
    ]


def evaluation_section(found: Evaluation, model: Model, pictures: Iterable[Picture]) -> Section:
    """Scores by class and the figures."""
    columns = (
        Column("Class"),
        Column("Precision", decimals=3),
        Column("Recall", decimals=3),
        Column("F1", decimals=3),
        Column("ROC area", decimals=3),
        Column("Average precision", decimals=3),
        Column("Windows"),
    )
    s = found.scores
    rows = tuple(
        (
            name,
            float(s.precision[k]),
            float(s.recall[k]),
            float(s.f1[k]),
            found.roc[name].area if name in found.roc else math.nan,
            found.precision_recall[name].average_precision if name in found.precision_recall else math.nan,
            int(s.support[k]),
        )
        for k, name in enumerate(found.classes)
    )
    low, high = found.macro_f1_interval
    text = (
        f"{counted(len(found.rows), 'window')} of "
        f"{counted(np.unique(found.rows.group).size, 'event or station-hour', 'events or station-hours')} "
        f"({found.split} split). The most probable class is predicted, whatever the thresholds. "
        f"Accuracy {s.accuracy:.3f}, macro-F1 {s.macro_f1:.3f}"
        + (
            " (too few events, or mistakes, for an interval)"
            if math.isnan(low)
            else f" (95 % interval {low:.3f} to {high:.3f} over events)"
        )
        + f". Expected calibration error {found.calibration.ece:.3f}."
        + (f" {ALONE}" if model.context else "")
    )
    return Section("Windows", text, Table(columns, rows), tuple(pictures))


def _waveforms(info: WindowsInfo) -> Waveforms | None:
    paths = [path for path, *_ in info.sources if Path(path).exists()]
    if not 0 < len(paths) <= MOST_SOURCES:
        return None
    try:
        selection = Selection(tuple(info.attributes.get("select", ())))
        return Waveforms(paths, info.attributes.get("inventory", ()), selection)
    except DataError:  # the gallery does without
        return None


def _samples(
    waveforms: Waveforms | None, trace_id: str, start_ns: int, config: PreprocessConfig
) -> NDArray[np.float32] | None:
    if waveforms is None:
        return None
    rate_hz, window_s = config.sampling_rate_hz, config.window_s
    end_ns = start_ns + round((window_s - 1 / rate_hz) * NS_PER_S)
    margin_ns = round(MARGIN_S * NS_PER_S)  # resampling needs some
    try:
        records = waveforms.around(
            trace_id, start_ns - margin_ns, end_ns + margin_ns, sampling_rate_hz=rate_hz, response=response_of(config)
        )
    except DataError:  # an older windows file does not know the station metadata
        return None
    cut = (part(record, start_ns, end_ns).data for record in records)
    return next((data for data in cut if data.shape[1] == round(window_s * rate_hz)), None)
