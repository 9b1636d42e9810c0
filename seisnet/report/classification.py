"""The page of picks: counts, table, seismograms, availability, and what was not used."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from seisnet import plots
from seisnet.classification.one_source import Classification
from seisnet.classification.views import View
from seisnet.model import Model
from seisnet.plots import Figure
from seisnet.report.document import (
    Column,
    Picture,
    Section,
    Table,
    detections_table,
    picks_table,
    picture,
    rejections_section,
)
from seisnet.waveforms.inventory import UNITS
from seisnet.waveforms.records import letters_of
from seisnet.wording import counted

AVAILABILITY = "Data used and rejected from each instrument, and what was found over time."


def picks_sections(
    found: Classification, model: Model, available: Sequence[Picture] = (), *, hint: str = ""
) -> list[Section]:
    """Counts by station, the table of picks, the waveform views, and what was not used.

    Parameters
    ----------
    available : sequence of Picture
        Follow the counts.
    hint : str
        A command that draws a pick which the page does not show, when the pick's ID is put after it.
    """
    counts = _counts(found, model.classes, Counter((p.station_id, p.phase) for p in found.picks), "picks")
    anchors = {pick: _anchor(view) for view in found.views for pick in view.picks}
    table = picks_table(found.picks, anchors=[anchors.get(pick, "") for pick in found.picks], hint=hint)
    sections = [
        Section("Stations", table=counts, pictures=tuple(available)),
        Section("Picks", picks_text(len(found.picks), len(anchors), hint=hint), table),
    ]
    if found.views:
        text = f"{counted(len(found.views), 'stretch', 'stretches')} with picks."
        sections.append(
            Section("Seismograms", text, pictures=tuple(waveform_picture(view, model) for view in found.views))
        )
    return [*sections, rejections_section(found.rejections)]


def detections_sections(
    found: Classification, classes: Sequence[str], available: Sequence[Picture] = ()
) -> list[Section]:
    """Counts by station, the table of detections, and what was not used; `available` follows the counts."""
    by_station = Counter((d.station_id, d.label) for d in found.detections)
    counts = _counts(found, classes, by_station, "detections")
    return [
        Section("Stations", table=counts, pictures=tuple(available)),
        Section("Detections", table=detections_table(found.detections)),
        rejections_section(found.rejections),
    ]


def _counts(found: Classification, classes: Sequence[str], by_station: Counter[tuple[str, str]], what: str) -> Table:
    kinds = [c for c in classes if c != "noise"]
    return Table(
        (Column("Station"), *(Column(f"{kind} {what}") for kind in kinds)),
        tuple((station, *(by_station[station, kind] for kind in kinds)) for station in found.stations),
    )


def picks_text(n_picks: int, n_drawn: int, *, hint: str) -> str:
    """Say which rows open a seismogram, and how to see the others."""
    said = []
    if n_drawn:
        said.append(
            "Click the row of the pick to open its seismogram."
            if n_picks == 1
            else f"{n_drawn} of {n_picks} picks have a seismogram: click a row to open it."
        )
    if n_picks > n_drawn and hint:
        said.append(
            "A click on any other row shows the command that draws it; seisnet report --serve draws all on demand."
        )
    return " ".join(said)


def availability_figure(found: Classification) -> Figure:
    """Which instrument recorded when."""
    return plots.availability(found.spans, rejected=found.rejections, picks=found.detections or found.picks)


def waveform_picture(view: View, model: Model | None) -> Picture:
    """Seismograms, probability traces and picks of one stretch, rendered."""
    found = ", ".join(
        f"{p.phase} {'analyst' if math.isnan(p.probability) else f'{p.probability:.2f}'}" for p in view.picks
    )
    return picture(waveform_figure(view, model), f"{view.trace_id}: {found}", anchor=_anchor(view))


def waveform_figure(view: View, model: Model | None) -> Figure:
    """Seismograms, probability traces and picks of one stretch that was read for a model; without one, no traces."""
    recorded = [plots.varies(row) for row in view.data]
    recorded = recorded if any(recorded) else [True] * len(recorded)
    known = view.probabilities.size > 0
    return plots.waveform_view(
        view.data[recorded],
        view.start_ns,
        view.sampling_rate_hz,
        components=letters_of(recorded),
        probabilities=view.probabilities if known else None,
        probability_times_ns=view.times_ns if known else None,
        classes=model.classes if model else (),
        picks=view.picks,
        title=view.trace_id,
        unit=UNITS[model.preprocess.response] if model else "",
    )


def _anchor(view: View) -> str:
    return f"{view.trace_id} {view.start_ns}"
