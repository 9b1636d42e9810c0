"""Pictures of many stations or long times: record section and day plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from seisnet.picks import Pick
from seisnet.plots.style import PAGE_CM, class_style, envelope, new_figure, plain, styled, with_gaps
from seisnet.plots.waveforms import utc_axis
from seisnet.waveforms.records import DAY_NS

_HOUR_S = 3600
MOST_TRACES = 60
"""Whose names, one below the other, are not higher than a page."""
_PICK_MARKERS = {"P": "v", "S": "^"}


@dataclass(frozen=True)
class SectionTrace:
    """One trace of a record section.

    Attributes
    ----------
    label : str
        Its station.
    data : float (T,)
        One component; NaN or masked in gaps.
    start_ns : int
    sampling_rate_hz : float
    picks : sequence of Pick
    """

    label: str
    data: NDArray[np.float32]
    start_ns: int
    sampling_rate_hz: float
    picks: Sequence[Pick] = ()


@styled()
def record_section(traces: Sequence[SectionTrace], *, wanted: Pick | None = None, title: str = "") -> Figure:
    """Draw the seismograms of one event at many stations, in the order of first picks, each on its own scale.

    Of more stations than a page has room for, the first ones are drawn; if the pick `wanted` is at a later one, those
    that end with it.
    """
    start_ns = min(trace.start_ns for trace in traces)
    length_s = max((t.start_ns - start_ns) / 1e9 + len(t.data) / t.sampling_rate_hz for t in traces)
    ordered = sorted(traces, key=lambda t: (min((p.time_ns for p in t.picks), default=2**63 - 1), t.label))
    drawn = f", {MOST_TRACES} of {len(traces)}" if len(traces) > MOST_TRACES else ""
    end = max([MOST_TRACES, *(k for k, trace in enumerate(ordered, 1) if wanted in trace.picks)])
    traces = ordered[end - MOST_TRACES : end]
    places = np.arange(len(traces), dtype=np.float64)
    figure = new_figure(PAGE_CM, 2.5 + max(4.0, min(0.9 * len(traces), 18.0)))
    ax = figure.subplots()
    for place, trace in zip(places, traces, strict=True):
        offset_s = (trace.start_ns - start_ns) / 1e9
        samples = with_gaps(trace.data)
        centred = samples - np.nanmean(samples)
        largest = np.nanmax(np.abs(centred)) or 1.0
        time_s = offset_s + np.arange(len(trace.data)) / trace.sampling_rate_hz
        # Up is up, whichever way the axis points.
        ax.plot(*envelope(time_s, place - 0.45 * centred / largest), color="black", linewidth=0.4)
        for pick in trace.picks:
            colour, line = class_style(pick.phase)
            at_s = (pick.time_ns - start_ns) / 1e9
            ax.plot([at_s, at_s], [place - 0.45, place + 0.45], color=colour, linestyle=line, linewidth=1.2)
            if pick.uncertainty_s > 0:
                ax.errorbar(at_s, place, xerr=pick.uncertainty_s, color=colour, capsize=2, elinewidth=1)
    ax.set(xlim=(0, length_s), ylim=(len(traces) - 0.3, -0.7), ylabel=f"Station, in the order of first picks{drawn}")
    ax.set_yticks(places, [plain(trace.label) for trace in traces])
    utc_axis(ax, start_ns, length_s)
    _phase_legend(figure, [pick for trace in traces for pick in trace.picks])
    figure.suptitle(plain(title), x=0.01, ha="left")
    return figure


@styled()
def day_plot(
    data: ArrayLike,
    start_ns: int,
    sampling_rate_hz: float,
    *,
    picks: Sequence[Pick] = (),
    title: str = "",
) -> Figure:
    """Draw one component of a UTC day as 24 lines of an hour, with markers at its picks.

    Parameters
    ----------
    data : float (T,)
        Samples as recorded, NaN or masked in gaps; those outside the day of the middle sample are not drawn.
    start_ns : int
        Time of the first sample.
    """
    samples = with_gaps(data)
    middle_ns = start_ns + round(len(samples) / sampling_rate_hz / 2 * 1e9)
    midnight_ns = middle_ns // DAY_NS * DAY_NS
    recorded = samples[np.isfinite(samples)]
    centre = float(np.median(recorded)) if len(recorded) else 0.0
    # Loud hours are clipped at their neighbours, so that quiet ones can be seen.
    scale = float(np.quantile(np.abs(recorded - centre), 0.999)) if len(recorded) else 0.0
    scale = scale or 1.0
    figure = new_figure(PAGE_CM, 20.0)
    ax = figure.subplots()
    time_s = (start_ns - midnight_ns) / 1e9 + np.arange(len(samples)) / sampling_rate_hz
    for hour in range(24):
        low, high = np.searchsorted(time_s, [hour * _HOUR_S, (hour + 1) * _HOUR_S])
        if high > low:
            line = hour - 0.5 * np.clip((samples[low:high] - centre) / scale, -1.5, 1.5)
            ax.plot(*envelope((time_s[low:high] - hour * _HOUR_S) / 60, line), color="0.25", linewidth=0.35)
    for pick in picks:
        at_s = (pick.time_ns - midnight_ns) / 1e9
        if 0 <= at_s < 24 * _HOUR_S:
            _mark(ax, pick.phase, at_s)
    ax.set(xlim=(0, 60), ylim=(24, -1), xlabel="Minutes after the hour", ylabel="Hour (UTC)")
    ax.set_yticks(range(0, 24, 2), [f"{hour:02d}:00" for hour in range(0, 24, 2)])
    ax.set_xticks(range(0, 61, 10))
    ax.grid(visible=True, axis="x")
    date = str(np.datetime64(midnight_ns, "ns"))[:10]
    rounded = float(f"{scale:.3g}")
    figure.suptitle(plain(f"{title}  {date}, one line is ±{rounded:g} as recorded"), x=0.01, ha="left")
    _phase_legend(figure, picks, markers=True)
    return figure


def _mark(ax: Axes, phase: str, at_s: float) -> None:
    """Draw the marker of a phase above or below the line of its hour, so that it points at the line."""
    hour, rest_s = divmod(at_s, _HOUR_S)
    colour, _ = class_style(phase)
    marker = _PICK_MARKERS.get(phase[:1], "o")
    ax.plot(
        rest_s / 60,
        hour + (-0.42 if marker == "v" else 0.42),
        marker=marker,
        color=colour,
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        clip_on=False,
    )


def _phase_legend(figure: Figure, picks: Sequence[Pick], *, markers: bool = False) -> None:
    handles = []
    for phase in sorted({pick.phase for pick in picks}):
        colour, line = class_style(phase)
        marker = _PICK_MARKERS.get(phase[:1], "o") if markers else ""
        handles.append(
            Line2D([], [], color=colour, linestyle="" if markers else line, marker=marker, label=f"{plain(phase)} pick")
        )
    if handles:
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
