"""Pictures of a windows file before anything is learned from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from seisnet.plots.style import COLUMN_CM, class_style, legend_columns, new_figure, plain, styled

_HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++", "oo")


@styled()
def class_counts(counts: ArrayLike, classes: Sequence[str], splits: Sequence[str]) -> Figure:
    """Draw how many windows of each class each split holds; those added for training only are written with a plus.

    Parameters
    ----------
    counts : int (S, K, 2)
        By split, class and whether they are augmented.
    """
    table = np.asarray(counts)
    figure = new_figure(COLUMN_CM, 7.0)
    ax = figure.subplots()
    width = 0.8 / max(len(classes), 1)
    places = np.arange(len(splits))
    for k, name in enumerate(classes):
        colour, _ = class_style(name, k)
        x = places + (k - (len(classes) - 1) / 2) * width
        kept, added = table[:, k, 0], table[:, k, 1]
        ax.bar(x, kept, width, color=colour, hatch=_HATCHES[k % len(_HATCHES)], edgecolor="white", label=plain(name))
        for at, own, more in zip(x, kept, added, strict=True):
            text = f"{own} + {more}" if more else f"{own}"
            ax.annotate(text, (at, own), xytext=(0, 2), textcoords="offset points", ha="center", rotation=90)
    ax.set_xticks(places, list(splits))
    ax.set(xlabel="Split (with a plus: augmented windows, not drawn)", ylabel="Windows")
    ax.margins(y=0.25)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    figure.legend(loc="outside upper center", ncols=legend_columns(classes, COLUMN_CM))
    return figure


@styled()
def snr_histogram(snr_db: Mapping[str, ArrayLike]) -> Figure:
    """Plot the distribution of signal-to-noise ratios of each class, unknown ones left out and counted."""
    figure = new_figure(COLUMN_CM, 6.5)
    ax = figure.subplots()
    known = {name: np.asarray(values, dtype=np.float64) for name, values in snr_db.items()}
    finite = np.concatenate([values[np.isfinite(values)] for values in known.values()])
    edges = np.histogram_bin_edges(finite, bins=30)
    for k, (name, values) in enumerate(known.items()):
        colour, line = class_style(name, k)
        there = values[np.isfinite(values)]
        left_out = f", {len(values) - len(there)} unknown" if len(there) < len(values) else ""
        label = (
            f"{plain(name)}: median {np.median(there):.1f} dB, n {len(there)}{left_out}" if len(there) else plain(name)
        )
        ax.stairs(np.histogram(there, edges)[0], edges, color=colour, linestyle=line, linewidth=1.2, label=label)
    ax.set(xlabel="Signal-to-noise ratio of the onset (dB)", ylabel="Windows", ylim=(0, None))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    figure.legend(loc="outside upper center")
    return figure


@styled()
def stations_map(places: Mapping[str, tuple[float, float]], counts: Mapping[str, int]) -> Figure:
    """Draw stations at their coordinates, the area of a triangle growing with the number of windows.

    One degree of longitude is drawn as long as it is at the middle latitude.

    Parameters
    ----------
    places : mapping of station to (latitude, longitude)
        Degrees.
    counts : mapping of station to windows
    """
    figure = new_figure(COLUMN_CM, COLUMN_CM)
    ax = figure.subplots()
    names = list(places)
    latitude, longitude = np.array([places[name] for name in names], dtype=np.float64).T
    n = np.array([counts.get(name, 0) for name in names])
    ax.scatter(
        longitude, latitude, s=15 + 105 * n / max(n.max(), 1), marker="^", facecolor="#d7e8f3", edgecolor="#0072B2"
    )
    if len(names) <= 30:
        for name, x, y in zip(names, longitude, latitude, strict=True):
            ax.annotate(plain(name), (x, y), xytext=(0, -9), textcoords="offset points", ha="center")
    ax.set(xlabel="Longitude (° E)", ylabel="Latitude (° N)")
    ax.set_aspect(1 / max(np.cos(np.radians(latitude.mean())), 0.05), adjustable="datalim")
    ax.margins(0.15)
    ax.ticklabel_format(useOffset=False)
    ax.locator_params(nbins=5)
    ax.grid(visible=True)
    ax.set_axisbelow(True)
    figure.suptitle(f"{len(names)} stations, largest: {int(n.max())} windows", x=0.01, ha="left")
    return figure
