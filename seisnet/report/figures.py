"""Single figures of picks, for `seisnet plot`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from seisnet import plots
from seisnet.classification.figures import waveform_figure
from seisnet.classification.views import joined
from seisnet.errors import ConfigError
from seisnet.picks import Detection, Pick
from seisnet.plots import SectionTrace
from seisnet.report.viewer import Picked
from seisnet.store.files import write_whole
from seisnet.waveforms.records import COMPONENTS, DAY_NS, NS_PER_S

SECTION_BEFORE_S, SECTION_AFTER_S = 30.0, 90.0


def pick_figure(picked: Picked, pick: Pick | Detection, before_s: float | None, after_s: float | None) -> plots.Figure:
    """Components, probability traces and picks around a pick; or detections around a detection."""
    return waveform_figure(picked.around(pick, before_s=before_s, after_s=after_s), picked.model)


def section_figure(picked: Picked, pick: Pick, before_s: float | None, after_s: float | None) -> plots.Figure:
    """Every station with a pick around a pick's time, one component each, the first that was recorded."""
    start_ns = pick.time_ns - round((before_s or SECTION_BEFORE_S) * NS_PER_S)
    end_ns = pick.time_ns + round((after_s or SECTION_AFTER_S) * NS_PER_S)
    near = [p for p in picked.picks if start_ns <= p.time_ns <= end_ns]
    by_instrument: dict[str, list[Pick]] = defaultdict(list)
    for p in near:
        for trace_id in picked.waveforms.trace_ids(p)[:1]:
            by_instrument[trace_id].append(p)
    traces = []
    picked.waveforms.forget()
    for trace_id, its in sorted(by_instrument.items()):
        records = picked.waveforms.around(trace_id, start_ns, end_ns)
        if records:
            data = joined(records)
            row = int(np.argmax([plots.varies(component) for component in data]))
            traces.append(SectionTrace(trace_id, data[row], records[0].start_ns, records[0].sampling_rate_hz, its))
    if not traces:
        raise picked.waveforms.none_of(f"{pick.pick_id}: no waveform of that time")
    return plots.record_section(traces, wanted=pick, title=f"Picks around {pick.pick_id}")


def day_figure(picked: Picked, pick: Pick, _before_s: float | None, _after_s: float | None) -> plots.Figure:
    """The UTC day of a pick on the vertical, or else the first recorded, component of its instrument."""
    midnight_ns = pick.time_ns // DAY_NS * DAY_NS
    picked.waveforms.forget()
    for trace_id in picked.waveforms.trace_ids(pick):
        records = picked.waveforms.around(trace_id, midnight_ns, midnight_ns + DAY_NS - 1)
        if records:
            row = int(np.argmax(np.any([record.present for record in records], axis=0)))
            only = [
                replace(record, data=record.data[row : row + 1], present=record.present[row : row + 1])
                for record in records
            ]
            data = joined(only)[0]
            its = [p for p in picked.picks if trace_id in picked.waveforms.trace_ids(p)]
            name = f"{trace_id}{COMPONENTS[row]}"
            return plots.day_plot(data, records[0].start_ns, records[0].sampling_rate_hz, picks=its, title=name)
    raise picked.waveforms.none_of(f"{pick.pick_id}: no waveform of that instrument and day")


FIGURES: dict[str, Callable[[Picked, Pick, float | None, float | None], plots.Figure]] = {
    "pick": pick_figure,
    "section": section_figure,
    "day": day_figure,
}
"""What `seisnet plot` draws, by the name of the option."""


RENDERED: dict[str, Callable[[plots.Figure], bytes]] = {
    ".png": plots.png,
    ".svg": lambda figure: plots.svg(figure).encode("utf-8", "replace"),
    ".pdf": plots.pdf,
}
"""What a file of a figure holds, by the ending of its name."""


def check_format(path: Path) -> str:
    """The ending that gives the format of a figure, in lower case.

    Raises
    ------
    ConfigError
        If it is none of `RENDERED`.
    """
    ending = path.suffix.lower()
    if ending not in RENDERED:
        raise ConfigError(f"{path}: the ending '{ending}' names no format; {', '.join(RENDERED)} are known")
    return ending


def write_figure(figure: plots.Figure, path: Path) -> None:
    """Write a figure in the format of its ending, whole or not at all.

    Raises
    ------
    ConfigError
        As `check_format`.
    """
    write_whole(path, RENDERED[check_format(path)](figure))
