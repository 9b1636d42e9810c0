"""Pictures of a windows file before anything is learned from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import BboxBase
from numpy.typing import ArrayLike

from seisnet.plots.style import COLUMN_CM, class_style, legend_above, new_figure, plain, styled
from seisnet.wording import counted

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
    figure = new_figure(COLUMN_CM, 6.6)
    ax = figure.subplots()
    longest = 0
    width = 0.8 / max(len(classes), 1)
    places = np.arange(len(splits))
    for k, name in enumerate(classes):
        colour, _ = class_style(name, k)
        x = places + (k - (len(classes) - 1) / 2) * width
        kept, added = table[:, k, 0], table[:, k, 1]
        ax.bar(x, kept, width, color=colour, hatch=_HATCHES[k % len(_HATCHES)], edgecolor="white", label=plain(name))
        for at, own, more in zip(x, kept, added, strict=True):
            text = f"{own} + {more}" if more else f"{own}"
            said = ax.annotate(text, (at, own), xytext=(0, 2), textcoords="offset points", ha="center", rotation=90)
            said.set_in_layout(False)  # for which the panel would shrink; there is room for it below its top
            longest = max(longest, len(text))
    ax.set_xticks(places, list(splits))
    ax.set(xlabel="Split (with a plus: augmented windows, not drawn)", ylabel="Windows")
    ax.set_ylim(0, table[:, :, 0].max(initial=1) / (1 - min(0.05 + 0.035 * longest, 0.7)))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    legend_above(figure, ax)
    return figure


@styled()
def snr_histogram(snr_db: Mapping[str, ArrayLike]) -> Figure:
    """Plot the distribution of signal-to-noise ratios of each class, unknown ones left out and counted."""
    figure = new_figure(COLUMN_CM, 5.7)
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
    legend_above(figure, ax)
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
    ax.set(xlabel="Longitude (° E)", ylabel="Latitude (° N)")
    ax.set_aspect(1 / max(np.cos(np.radians(latitude.mean())), 0.05), adjustable="datalim")
    ax.margins(0.15)
    ax.ticklabel_format(useOffset=False)
    ax.locator_params(nbins=5)
    ax.grid(visible=True)
    ax.set_axisbelow(True)
    figure.suptitle(f"{counted(len(names), 'station')}, largest: {counted(int(n.max()), 'window')}", x=0.01, ha="left")
    texts = [
        ax.annotate(plain(name), (x, y), xytext=(0, -6), textcoords="offset points", ha="center", va="top")
        for name, x, y in zip(names, longitude, latitude, strict=True)
    ]
    for text in texts:
        text.set_in_layout(False)  # or else it changes with the names that are left
    figure.draw_without_rendering()
    _thin_out(texts)
    return figure


def _thin_out(texts: Sequence[Text]) -> None:
    """Remove texts, once they have been laid out, that cover one before them."""
    taken: list[BboxBase] = []
    for text in texts:
        box = text.get_window_extent().expanded(1.15, 1.0)  # letters are wider at other resolutions
        if any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)
