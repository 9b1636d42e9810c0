"""Pictures of waveforms, probabilities and picks; every time axis is UTC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from seisnet.picks import Detection, Pick
from seisnet.plots.style import (
    GREY,
    PAGE_CM,
    class_style,
    envelope,
    legend_columns,
    new_figure,
    plain,
    styled,
    varies,
    with_gaps,
)
from seisnet.waveforms.records import DAY_NS

_MOST_LABELS = 20
_TICK_STEPS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000)
_TICK_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, *(1440 * days for days in (1, 2, 5, 10, 30, 100, 200)))
_TICK_STEPS_NS = [ms * 10**6 for ms in _TICK_STEPS_MS] + [minutes * 60 * 10**9 for minutes in _TICK_STEPS_MIN]


@styled()
def waveform_view(  # noqa: PLR0913, a view is what it shows
    data: ArrayLike,
    start_ns: int,
    sampling_rate_hz: float,
    *,
    components: str = "ZNE",
    probabilities: ArrayLike | None = None,
    probability_times_ns: ArrayLike | None = None,
    classes: Sequence[str] = (),
    picks: Sequence[Pick] = (),
    detections: Sequence[Detection] = (),
    title: str = "",
    unit: str = "",
) -> Figure:
    """Draw one station's seismograms, the probabilities of the classes below, and what was found through both.

    A pick is a line through all panels with a band and a bar as wide as its uncertainty; one without a
    probability, an analyst's, is dotted and black. A detection is a shaded stretch between two lines. Seismograms are
    drawn about their mean.

    Parameters
    ----------
    data : float (C, T)
        Samples; NaN or masked where there is a gap. A component that is zero throughout is labelled as not recorded.
    start_ns : int
        Time of the first sample.
    components : str
        C letters, names of the rows.
    probabilities : float (K, M), optional
        One trace a class; NaN where nothing was said.
    probability_times_ns : int64 (M,), optional
        Their times; needed with `probabilities`.
    classes : K names
    picks : sequence of Pick
    detections : sequence of Detection
        Of picks and detections, those outside the seismogram are not drawn.
    unit : str
        Unit of `data`; empty where it is not known.
    """
    samples = with_gaps(data)
    time_s = np.arange(samples.shape[1]) / sampling_rate_hz
    end_s = samples.shape[1] / sampling_rate_hz
    n_panels = len(samples) + (probabilities is not None)
    figure = new_figure(PAGE_CM, 1.8 + 2.1 * n_panels)
    panels = list(figure.subplots(n_panels, 1, sharex=True, squeeze=False)[:, 0])

    for ax, component, row in zip(panels, components, samples, strict=False):
        _seismogram(ax, time_s, row)
        ax.set_ylabel(f"{component} ({unit})" if unit else component)
    if probabilities is not None:
        probability_s = (np.asarray(probability_times_ns, dtype=np.int64) - start_ns) / 1e9
        _probability_traces(panels[-1], probability_s, np.asarray(probabilities, dtype=np.float64), classes)
        named, columns = panels[-1].get_legend_handles_labels(), legend_columns(classes, PAGE_CM)
        figure.legend(*named, loc="outside upper right", ncols=columns)
    labels = []
    for pick in picks:
        if 0 <= (at_s := (pick.time_ns - start_ns) / 1e9) <= end_s:
            _pick_lines(panels, at_s, pick)
            labels.append((at_s / end_s, _label(pick.phase, pick.probability), _pick_style(pick)[0]))
    kinds = classes or sorted({d.label for d in detections})
    for d in detections:
        low_s, high_s = (d.start_ns - start_ns) / 1e9, (d.end_ns - start_ns) / 1e9
        if low_s <= end_s and high_s >= 0:
            style = class_style(d.label, kinds.index(d.label) if d.label in kinds else 2)
            _detection_lines(panels, low_s, high_s, style)
            middle_s = (max(low_s, 0) + min(high_s, end_s)) / 2
            labels.append((middle_s / end_s, _label(d.label, d.probability), style[0]))
    if len(labels) <= _MOST_LABELS:
        _labels_above(panels[0], sorted(labels, key=lambda label: label[0]))

    for ax in panels[:-1]:
        ax.spines.bottom.set_visible(False)
        ax.tick_params(bottom=False)
    panels[-1].set_xlim(0, end_s)
    utc_axis(panels[-1], start_ns, end_s)
    figure.suptitle(plain(title), x=0.01, ha="left")
    figure.align_ylabels()
    return figure


def _seismogram(ax: Axes, time_s: NDArray[np.float64], samples: NDArray[np.float64]) -> None:
    recorded = samples[np.isfinite(samples)]
    if varies(samples):
        ax.plot(*envelope(time_s, samples - recorded.mean()), color="black", linewidth=0.5)
    else:
        ax.text(0.5, 0.5, "not recorded", transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=3, symmetric=True))
    ax.yaxis.set_major_formatter("{x:g}")


def _probability_traces(
    ax: Axes, time_s: NDArray[np.float64], probabilities: NDArray[np.float64], classes: Sequence[str]
) -> None:
    steps_s = np.diff(time_s)
    gaps = np.flatnonzero(steps_s > 1.5 * (np.median(steps_s) if len(steps_s) else 0)) + 1
    for index, (name, trace) in enumerate(zip(classes, probabilities, strict=True)):
        colour, line = class_style(name, index)
        pieces = zip(np.split(time_s, gaps), np.split(trace, gaps), strict=True)  # each alone: the line stops at gaps
        few = [np.append(envelope(*piece, columns=750), [[np.nan], [np.nan]], axis=1) for piece in pieces]
        drawn_s, drawn = np.concatenate(few, axis=1)[:, :-1]
        ax.plot(drawn_s, drawn, color=colour, linestyle=line, linewidth=0.9, label=plain(name))
    ax.set(ylabel="Probability", ylim=(0, 1.03), yticks=[0, 0.5, 1])


def _pick_style(pick: Pick) -> tuple[Any, Any]:
    return ("black", ":") if math.isnan(pick.probability) else class_style(pick.phase)


def _pick_lines(panels: Sequence[Axes], at_s: float, pick: Pick) -> None:
    colour, line = _pick_style(pick)
    for ax in panels:
        ax.axvline(at_s, color=colour, linestyle=line, linewidth=1)
    if pick.uncertainty_s > 0:
        for ax in panels:
            ax.axvspan(at_s - pick.uncertainty_s, at_s + pick.uncertainty_s, color=colour, alpha=0.15, lw=0)
        panels[0].errorbar(
            at_s,
            0.93,
            xerr=pick.uncertainty_s,
            color=colour,
            capsize=2,
            elinewidth=1,
            transform=panels[0].get_xaxis_transform(),
        )


def _detection_lines(panels: Sequence[Axes], low_s: float, high_s: float, style: tuple[Any, Any]) -> None:
    colour, line = style
    for ax in panels:
        ax.axvspan(low_s, high_s, color=colour, alpha=0.15, lw=0)
        for edge_s in (low_s, high_s):
            ax.axvline(edge_s, color=colour, linestyle=line, linewidth=0.7)


def _label(name: str, probability: float) -> str:
    return f"{plain(name)} {'analyst' if math.isnan(probability) else f'{probability:.2f}'}"


def _labels_above(ax: Axes, placed: Sequence[tuple[float, str, Any]]) -> None:
    """Write labels above the panel, one line higher where a neighbour is too near."""
    taken: list[float] = []
    for place, label, colour in placed:
        half_width = 0.005 * (len(label) + 1)
        level = next((k for k, end in enumerate(taken) if end <= place - half_width), len(taken))
        taken[level : level + 1] = [place + half_width]
        ax.annotate(
            label,
            (place, 1),
            xytext=(0, 2 + 8 * level),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            color=colour,
        )


def utc_axis(ax: Axes, start_ns: int, length_s: float, *, most: int = 8) -> None:
    """Put ticks on at most so many round UTC times on an axis in seconds since `start_ns`; the label has the date."""
    end_ns = start_ns + round(length_s * 1e9)
    ends = np.array([start_ns, end_ns], dtype="datetime64[ns]")
    fine_enough = (step for step in _TICK_STEPS_NS if (end_ns - start_ns) / step <= most)
    step_ns = next(fine_enough, 0)
    if step_ns:
        times = np.arange(-(-start_ns // step_ns) * step_ns, end_ns + 1, step_ns).astype("datetime64[ns]")
    else:  # the beginnings of years
        years = np.arange(*(ends.astype("datetime64[Y]") + 1))
        times = years[:: -(-len(years) // most)].astype("datetime64[ns]")
    units: dict[Literal["Y", "D", "m", "s", "ms"], int] = {"D": DAY_NS, "m": 60 * 10**9, "s": 10**9, "ms": 10**6}
    unit = next(name for name, unit_ns in units.items() if step_ns % unit_ns == 0) if step_ns else "Y"
    labels = np.datetime_as_string(times, unit=unit).tolist()
    cut = {"Y": 0, "D": 5 if end_ns - start_ns < 365 * DAY_NS else 0}.get(unit, 11)
    ax.set_xticks((times.astype(np.int64) - start_ns) / 1e9, [label[cut:] for label in labels])
    days = dict.fromkeys(np.datetime_as_string(ends, unit="D").tolist())
    ax.set_xlabel(f"{'Date' if unit in 'YD' else 'Time'} (UTC) on {' to '.join(days)}")
