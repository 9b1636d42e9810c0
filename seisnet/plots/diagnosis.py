"""Pictures of where a model is good and where it is not: F1 by a property, and its inner space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from seisnet.plots.style import COLUMN_CM, class_style, legend_above, log_axis, new_figure, plain, styled
from seisnet.scoring.breakdown import Breakdown
from seisnet.scoring.embedding import Embedding

MARKERS = "o^sDvPX"
PROPERTIES = {
    "snr_db": "Signal-to-noise ratio (dB)",
    "s_minus_p_s": "S-P time (s)",
    "distance_km": "Distance (km)",
}
"""Labels of the properties that scores are broken down by."""


@styled()
def f1_by_property(found: Breakdown, classes: Sequence[str], *, label: str) -> Figure:
    """Plot the F1 of each class against a property; a horizontal bar is as wide as its bin.

    The property's axis is logarithmic where it is positive and spans more than a decade, unless it is in decibels,
    which are logarithms; that of F1 starts where it must.

    Parameters
    ----------
    classes : K names
    label : str
        The property with its unit.
    """
    figure = new_figure(COLUMN_CM, COLUMN_CM - 1.4)
    ax = figure.subplots()
    logarithmic = 0 < 10 * found.edges[0] < found.edges[-1] and "(dB)" not in label
    low, high = found.edges[:-1], found.edges[1:]
    centres = np.sqrt(low * high) if logarithmic else (low + high) / 2
    for k, name in enumerate(classes):
        colour, line = class_style(name, k)
        ax.errorbar(
            centres,
            found.f1[:, k],
            xerr=(centres - low, high - centres),
            color=colour,
            linestyle=line,
            marker=MARKERS[k % len(MARKERS)],
            markersize=4,
            elinewidth=0.6,
            clip_on=False,
            label=plain(name),
        )
    if logarithmic:
        log_axis(ax, "x", found.edges[0], found.edges[-1])
    least = np.nanmin(found.f1) if np.isfinite(found.f1).any() else 0.0
    ax.set(xlabel=label, ylabel="F1 (0 to 1)", ylim=(max(0.0, np.floor(10 * least - 1) / 10), 1.0))
    ax.grid(visible=True)
    fewest, most = found.counts.min(), found.counts.max()
    ax.set_title(
        f"{fewest if fewest == most else f'{fewest} to {most}'} windows per bin"
        + (f"; {found.left_out} more unknown" if found.left_out else ""),
        pad=8,
    )
    legend_above(figure, ax)
    return figure


@styled()
def embedding_plane(found: Embedding, y: ArrayLike, predicted: ArrayLike, classes: Sequence[str]) -> Figure:
    """Draw windows in the plane of their two first principal components, by true class; wrong ones are crossed.

    Parameters
    ----------
    y, predicted : int (N,)
        Class indices.
    classes : K names
    """
    truth, said = np.asarray(y), np.asarray(predicted)
    points = found.points
    figure = new_figure(COLUMN_CM, COLUMN_CM)
    ax = figure.subplots()
    for k, name in enumerate(classes):
        rows = truth == k
        colour, _ = class_style(name, k)
        ax.plot(
            *points[rows].T,
            linestyle="",
            marker=MARKERS[k % len(MARKERS)],
            markersize=2.6,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=0.6,
            rasterized=len(points) > 1000,
            label=plain(name),
        )
    wrong = truth != said
    ax.plot(*points[wrong].T, linestyle="", marker="x", color="black", markersize=4, markeredgewidth=0.8, label="wrong")
    first, second = found.explained
    ax.set(
        xlabel=f"First principal component ({first:.0%} of the variance)",
        ylabel=f"Second ({second:.0%} of the variance)",
    )
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    legend_above(figure, ax, markerscale=1.5)
    return figure
