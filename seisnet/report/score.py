"""The page of a comparison of picks with reference picks: scores and residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from seisnet import __version__, plots
from seisnet.report.document import Column, Report, Section, Table, picture
from seisnet.report.folder import write_figures, write_json
from seisnet.report.html import write_report
from seisnet.scoring.matching import PhaseScore
from seisnet.scoring.metrics import residual_statistics

COLUMNS = (
    Column("Phase"),
    Column("Picks"),
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


def write_score(
    scores: Sequence[PhaseScore],
    folder: Path,
    *,
    picks: Path,
    reference: Path,
    tolerance_s: float,
    hours: float | None,
) -> None:
    """Write report.html, metrics.json and the histogram of residuals into an existing folder."""
    hours = hours or float("nan")
    figure = plots.residual_histogram({score.phase: score.residuals_s for score in scores}, limit_s=tolerance_s)
    drawn = picture(figure, "Residuals of matched picks; the line is their median.")
    write_figures(folder, {"residuals": figure}, {"residuals": drawn})
    write_json(
        folder / "metrics.json", {"tolerance_s": tolerance_s, "phases": {s.phase: _metrics(s, hours) for s in scores}}
    )
    rows = []
    for s in scores:
        r = residual_statistics(s.residuals_s)
        figures = (s.precision, s.recall, s.f1, r.median_s, r.mae_s, r.p05_s, r.p95_s, s.false_an_hour(hours))
        rows.append((s.phase, s.found, s.reference, s.matched, *figures))
    text = f"Matched one to one within {tolerance_s:g} s."
    section = Section("Picks", text, Table(COLUMNS, tuple(rows)), (drawn,))
    title = f"{picks.name} against {reference.name}"
    write_report(Report(title, (), (section,), (f"seisnet {__version__}.",)), folder / "report.html")


def _metrics(score: PhaseScore, hours: float) -> dict[str, Any]:
    figures = {"precision": score.precision, "recall": score.recall, "f1": score.f1}
    figures["false_an_hour"] = score.false_an_hour(hours)
    figures |= {
        name: value for name, value in asdict(residual_statistics(score.residuals_s)).items() if name != "count"
    }
    counts = {"picks": score.found, "reference": score.reference, "matched": score.matched}
    return counts | {name: None if np.isnan(value) else float(value) for name, value in figures.items()}
