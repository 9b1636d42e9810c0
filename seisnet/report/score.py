"""The page of a comparison of picks or detections with a reference: scores and residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seisnet import __version__, plots
from seisnet.report.document import Column, Report, Section, Table, rejections_section
from seisnet.report.folder import write_figures, write_json
from seisnet.report.html import write_report
from seisnet.scoring.matching import MatchScore
from seisnet.scoring.metrics import known, residual_statistics
from seisnet.waveforms.records import Rejection

COLUMNS = (
    Column("Reference"),
    Column("Matched"),
    Column("Precision", decimals=3),
    Column("Recall", decimals=3),
    Column("F1", decimals=3),
    Column("Median", "s", decimals=3),
    Column("MAE", "s", decimals=3),
    Column("5 %", "s", decimals=3),
    Column("95 %", "s", decimals=3),
    Column("False", "1/h", decimals=3),
)

WORDS = {"phase": ("picks", "phases"), "class": ("detections", "classes")}
"""What is compared, and in what it is divided."""


@dataclass(frozen=True)
class Comparison:
    """What was compared with what, and how: files, ``phase`` or ``class``, and the length of all records, if known.

    Remarks and rejections say what was left out.
    """

    found: Path
    reference: Path
    kind: str
    tolerance_s: float
    hours: float | None
    remarks: Sequence[str] = ()
    rejections: Sequence[Rejection] = ()


def write_score(scores: Sequence[MatchScore], folder: Path, of: Comparison) -> None:
    """Write report.html, metrics.json and the histogram of residuals into an existing folder."""
    hours = of.hours or float("nan")
    what, many = WORDS[of.kind]
    residuals_s = {score.name: score.residuals_s for score in scores}
    limit_s = max([0.001, of.tolerance_s, *(np.abs(r).max(initial=0.0) for r in residuals_s.values())])
    figure = plots.residual_histogram(residuals_s, limit_s=limit_s, what=what)
    captions = {"residuals": f"Residuals of matched {what}; the line is their median."}
    pictures = write_figures(folder, {"residuals": figure}, captions)
    metrics = {s.name: _metrics(s, what, hours) for s in scores}
    write_json(folder / "metrics.json", {"tolerance_s": of.tolerance_s, "hours": of.hours, many: metrics})
    rows = []
    for s in scores:
        r = residual_statistics(s.residuals_s)
        figures = (s.precision, s.recall, s.f1, r.median_s, r.mae_s, r.p05_s, r.p95_s, s.false_an_hour(hours))
        rows.append((s.name, s.found, s.reference, s.matched, *figures))
    text = f"Matched one to one within {of.tolerance_s:g} s."
    if of.kind == "class":
        text = (
            f"Matched one to one where they overlap, or lie within {of.tolerance_s:g} s. Residuals are of the starts."
        )
    if of.hours:
        text += f" Records of {of.hours:g} h were examined."
    columns = (Column(of.kind.title()), Column(what.title()), *COLUMNS)
    shown = len(columns) - (of.hours is None)  # without hours, the last says nothing
    table = Table(columns[:shown], tuple(row[:shown] for row in rows))
    sections = Section(what.title(), text, table, tuple(pictures.values())), rejections_section(of.rejections)
    title = f"{of.found.name} against {of.reference.name}"
    write_report(Report(title, tuple(of.remarks), sections, (f"seisnet {__version__}.",)), folder / "report.html")


def _metrics(score: MatchScore, what: str, hours: float) -> dict[str, Any]:
    figures = {"precision": score.precision, "recall": score.recall, "f1": score.f1}
    figures["false_an_hour"] = score.false_an_hour(hours)
    figures |= {
        name: value for name, value in asdict(residual_statistics(score.residuals_s)).items() if name != "count"
    }
    counts = {what: score.found, "reference": score.reference, "matched": score.matched, "unclear": score.unclear}
    return counts | {name: known(value) for name, value in figures.items()}
