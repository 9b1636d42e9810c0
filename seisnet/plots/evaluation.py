"""Pictures of training and evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from seisnet.plots.style import (
    BLUE,
    COLUMN_CM,
    CYCLE,
    PAGE_CM,
    class_style,
    legend_above,
    log_axis,
    new_figure,
    plain,
    styled,
)
from seisnet.scoring.curves import PrecisionRecallCurve, RocCurve
from seisnet.scoring.metrics import Reliability, residual_statistics


@styled()
def training_curves(history: Mapping[str, ArrayLike], *, loss: str = "Loss (nats)") -> Figure:
    """Plot loss, scores, learning rate and gradient norms against the epoch; of these, what `history` holds.

    Parameters
    ----------
    history : mapping of name to float (epochs,)
        ``epoch``, ``learning_rate``; names that end in ``_loss`` share a panel, as do those in ``_accuracy`` and
        ``_f1``, and those that start with ``gradient_norm``. Other names are left out.
    loss : str
        Label of the axis of the loss.
    """
    panels = {
        loss: [name for name in history if name.endswith("_loss")],
        "Score (0 to 1)": [name for name in history if name.endswith(("_accuracy", "_f1"))],
        "Learning rate": [name for name in history if name == "learning_rate"],
        "Gradient norm": [name for name in history if name.startswith("gradient_norm")],
    }
    shown = {label: names for label, names in panels.items() if names}
    figure = new_figure(COLUMN_CM, 1.2 + 3.2 * len(shown))
    axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (label, names) in zip(axes, shown.items(), strict=True):
        for (colour, line), name in zip(CYCLE * len(names), names, strict=False):
            values = np.asarray(history[name], dtype=np.float64)
            dot = "." if len(values) < 10 else ""
            words = plain(name.replace("_", " ").replace("f1", "F1"))
            ax.plot(history["epoch"], values, color=colour, linestyle=line, marker=dot, label=words)
        if label == "Gradient norm":
            log_axis(ax, "y", *_positive_range(ax))
        ax.set_ylabel(label)
        ax.grid(visible=True)
        if len(names) > 1:
            ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    axes[-1].set_xlabel("Epoch")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.align_ylabels()
    return figure


@styled()
def confusion_matrix(counts: ArrayLike, classes: Sequence[str]) -> Figure:
    """Draw the counts of true (rows) by predicted classes (columns), shaded by their share of the row.

    Parameters
    ----------
    counts : int (K, K)
    classes : K names
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    longest = max(map(len, classes))
    names_cm = 0.14 * longest if longest > 8 else 0.0
    size_cm = min(max(COLUMN_CM, 2.5 + 1.4 * len(classes) + names_cm), PAGE_CM)
    figure = new_figure(size_cm, size_cm - 1)
    ax = figure.subplots()
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        colour = "white" if share > 0.7 else "black"
        ax.text(column, row, f"{count}\n{share:.1%}", ha="center", va="center", color=colour)
    names = [plain(name) for name in classes]
    turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if longest > 8 else {}
    ax.set_xticks(range(len(names)), names, **turned)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="Predicted class", ylabel="True class")
    figure.colorbar(image, ax=ax, label="Share of the true class", shrink=0.85)
    return figure


@styled()
def roc_curves(curves: Mapping[str, RocCurve], *, thresholds: Mapping[str, float] | None = None) -> Figure:
    """Plot the true against the false positive rate of each class, a dot where the class's threshold lies."""
    figure = new_figure(COLUMN_CM, COLUMN_CM - 0.5)
    ax = _unit_square(figure, "False positive rate", "True positive rate")
    ax.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    for index, (name, curve) in enumerate(curves.items()):
        colour, line = class_style(name, index)
        x, y = _thinned(curve.false_positive_rate, curve.true_positive_rate)
        label = f"{plain(name)}: area {curve.area:.3f}"
        if thresholds and name in thresholds:
            _dot(ax, *curve.at(thresholds[name]), colour)
            label += f", dot at {thresholds[name]:g}"
        ax.plot(x, y, color=colour, linestyle=line, label=label)
    legend_above(figure, ax)
    return figure


@styled()
def precision_recall(
    curves: Mapping[str, PrecisionRecallCurve], *, thresholds: Mapping[str, float] | None = None
) -> Figure:
    """Plot precision against recall of each class, a dot where the class's threshold lies."""
    figure = new_figure(COLUMN_CM, COLUMN_CM - 0.5)
    ax = _unit_square(figure, "Recall", "Precision")
    for index, (name, curve) in enumerate(curves.items()):
        colour, line = class_style(name, index)
        x, y = _thinned(curve.recall, curve.precision)
        label = f"{plain(name)}: average {curve.average_precision:.3f}"
        if thresholds and name in thresholds:
            precision, recall = curve.at(thresholds[name])
            _dot(ax, recall, precision, colour)
            label += f", dot at {thresholds[name]:g}"
        ax.plot(x, y, color=colour, linestyle=line, label=label)
    legend_above(figure, ax)
    return figure


@styled()
def reliability_diagram(found: Reliability) -> Figure:
    """Plot the observed frequency against the probability said, and how many cases each bin holds."""
    figure = new_figure(COLUMN_CM, COLUMN_CM + 1)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    width = np.diff(found.edges)
    centre = found.edges[:-1] + width / 2
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, label="perfect")
    looks: dict[str, Any] = {"color": "#d7e8f3", "edgecolor": BLUE, "linewidth": 0.7, "label": "frequency in bin"}
    upper.bar(centre, found.came_true, width, **looks)
    upper.plot(found.said, found.came_true, "o", color=BLUE, markersize=3.5, clip_on=False, label="mean of bin")
    upper.set(ylabel="Frequency of being right", xlim=(0, 1), ylim=(0, 1.02))
    upper.set_title(f"Expected calibration error {found.ece:.3f}")
    legend_above(figure, upper)
    lower.bar(centre, found.counts, width, color="0.75", edgecolor="0.3", linewidth=0.7)
    lower.set(xlabel="Probability said", ylabel="Cases")
    lower.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    figure.align_ylabels()
    return figure


@styled()
def residual_histogram(residuals_s: Mapping[str, ArrayLike], *, limit_s: float = 0.5, what: str = "picks") -> Figure:
    """Plot residuals of each phase or class, with median, mean absolute error and what lies beyond the axis.

    Parameters
    ----------
    residuals_s : mapping of phase or class to float (N,)
        Machine minus analyst, seconds.
    limit_s : float
        Half the width of the axis.
    what : str
        Of what they are.
    """
    figure = new_figure(COLUMN_CM, 1.2 + 3.6 * len(residuals_s))
    panels = figure.subplots(len(residuals_s), 1, sharex=True, squeeze=False)[:, 0]
    for index, (ax, (phase, values)) in enumerate(zip(panels, residuals_s.items(), strict=True)):
        r = np.asarray(values, dtype=np.float64)
        colour, line = class_style(phase, index)
        figures = residual_statistics(r)
        hatch = ("////", "\\\\\\\\", "....")[index % 3]
        edges = np.linspace(-limit_s, limit_s, 51)
        ax.axvline(0, color="0.6", linewidth=0.6)
        if figures.count:
            ax.hist(r, bins=list(edges), histtype="stepfilled", facecolor="white", edgecolor=colour, hatch=hatch)
            ax.axvline(figures.median_s, color=colour, linestyle=line)
            beyond = np.sum(np.abs(r) > limit_s)
            said = f"n {figures.count}, median {figures.median_s:+.3f} s, MAE {figures.mae_s:.3f} s"
            # Above the panel, where there are no bars.
            ax.set_title(said + (f"\nbeyond ±{limit_s:g} s: {beyond}" if beyond else ""))
        else:
            ax.text(0.5, 0.5, f"no matched {what}", transform=ax.transAxes, ha="center")
            ax.set_ylim(0, 1)
        ax.set(ylabel=f"{plain(phase)} {what}", xlim=(-limit_s, limit_s))
        ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    panels[-1].set_xlabel("Residual, machine minus analyst (s)")
    return figure


def _dot(ax: Axes, x: float, y: float, colour: str) -> None:
    ax.plot(x, y, "o", color=colour, markersize=5, markeredgecolor="black", clip_on=False)


def _unit_square(figure: Figure, xlabel: str, ylabel: str) -> Axes:
    ax = figure.subplots()
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1), ylim=(0, 1.005), aspect="equal")
    ax.grid(visible=True)
    return ax


def _positive_range(ax: Axes) -> tuple[float, float]:
    """The least and the greatest value that a logarithmic y axis has to show."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in ax.lines])
    positive = values[np.isfinite(values) & (values > 0)]
    return (float(positive.min()), float(positive.max())) if len(positive) else (0.1, 1.0)


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep one point of each run that a thousandth of the axis cannot tell apart."""
    cells = np.round(np.stack([x, y]) * 1000)
    keep = np.append(True, np.any(np.diff(cells), axis=0))
    return x[keep], y[keep]
