"""Pictures of features: the windows and weights of a network as patches of a spectrogram, or as traces."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray
from scipy.signal import detrend

from seisnet.config import PreprocessConfig
from seisnet.features import LogSpectrogram, make_feature
from seisnet.plots.style import PAGE_CM, class_style, envelope, fitting, new_figure, plain, styled
from seisnet.waveforms.records import COMPONENTS

SHEET = 25
UNITS = 24
IN_A_ROW = 4
LONGEST, IN_SHEET = 23, 19
"""Letters in a line above a panel that shares the width of the page with three others, or with four."""
_OUTLINE = [withStroke(linewidth=2.5, foreground="white")]


@dataclass(frozen=True)
class FeatureGrid:
    """Where the features of a window lie in time and frequency.

    Attributes
    ----------
    shape : (C, J, F)
        Components, frames, bands; F samples in one frame where the features are samples.
    times_s : float (J,) or (F,)
        Centres of the frames, or the samples, from the window's centre.
    frequencies_hz : float (F,), or None
        None where the features are samples.
    window_s : float
        Length of the window, beyond the centres of whose outer frames lie samples, too.
    """

    shape: tuple[int, int, int]
    times_s: NDArray[np.float64]
    frequencies_hz: NDArray[np.float64] | None
    window_s: float


def feature_grid(config: PreprocessConfig) -> FeatureGrid:
    """The grid of the features of a config."""
    feature = make_feature(config)
    if isinstance(feature, LogSpectrogram):
        centres_s = np.arange(feature.shape[1], dtype=np.float64) * config.hop_s
        centres_s += (config.frame_s - config.window_s) / 2
        return FeatureGrid(feature.shape, centres_s, feature.frequencies_hz, config.window_s)
    times_s = np.arange(feature.shape[2], dtype=np.float64) / config.sampling_rate_hz - config.window_s / 2
    return FeatureGrid(feature.shape, times_s, None, config.window_s)


@styled()
def features_sheet(
    x: ArrayLike, onsets_s: ArrayLike, grid: FeatureGrid, *, label: str, captions: Sequence[str]
) -> Figure:
    """Draw the first 25 windows of one class as 5 x 5 patches, each with its onset.

    Parameters
    ----------
    x : float (N, D)
        Features.
    onsets_s : float (N,)
        Onset minus window centre; NaN where there is none.
    label : str
        The class.
    captions : N texts
        Written above each window: where and when it is, in short lines.
    """
    onsets = np.asarray(onsets_s, dtype=np.float64)
    figure = new_figure(PAGE_CM, PAGE_CM + 2)
    panels = _panels(figure, 5, 5, len(onsets))
    for ax, row, onset_s, caption in zip(panels, np.asarray(x), onsets, captions, strict=False):
        draw_features(ax, row, grid)
        if np.isfinite(onset_s):
            mark_onset(ax, float(onset_s), label)
        lines = [fitting(plain(line), IN_SHEET) for line in caption.split("\n")]
        ax.set_title("\n".join(lines), fontsize=7, linespacing=0.95)
    figure.suptitle(f"Windows of class {plain(label)}", x=0.01, ha="left")
    figure.supxlabel("Time from window centre (s)")
    figure.supylabel(_ylabel(grid))
    return figure


@styled()
def first_layer(weights: ArrayLike, grid: FeatureGrid) -> Figure:
    """Draw what the units of the first layer look for: their weights as patches, the 24 of the largest norm first.

    White is positive, black negative, each unit on its own scale.

    Parameters
    ----------
    weights : float (D, H)
        On scaled features.
    """
    w = np.asarray(weights, dtype=np.float64)
    order = np.argsort(-np.linalg.norm(w, axis=0), kind="stable")[:UNITS]
    figure = new_figure(PAGE_CM, PAGE_CM)
    panels = _panels(figure, 4, 6, len(order))
    for ax, unit in zip(panels, order, strict=False):
        draw_features(ax, w[:, unit], grid, signed=True)
        ax.set_title(f"unit {unit}")
    figure.supxlabel("Time from window centre (s)")
    figure.supylabel(_ylabel(grid))
    return figure


@dataclass(frozen=True)
class Mistake:
    """A window that a model got wrong.

    Attributes
    ----------
    x : float (D,)
        Features.
    truth : str
        Its class.
    probabilities : mapping of class to probability
    onset_s : float
        Onset minus window centre; NaN where there is none.
    caption : str
        Where and when it is, in short lines.
    samples : float (C, L), or None
        Its waveform, where that could be read.
    """

    x: NDArray[np.float32]
    truth: str
    probabilities: Mapping[str, float]
    onset_s: float
    caption: str
    samples: NDArray[np.float32] | None = None


@styled()
def mistakes_gallery(mistakes: Sequence[Mistake], grid: FeatureGrid) -> Figure:
    """Draw windows that a model got wrong: waveform where there is one, features below, and what the model said."""
    rows = -(-len(mistakes) // IN_A_ROW)
    with_samples = any(mistake.samples is not None for mistake in mistakes)
    ratios = [1.0, 1.6] if with_samples else [1.6]
    columns = min(IN_A_ROW, len(mistakes))
    titles = [_title(mistake) for mistake in mistakes]
    heading_cm = 0.7 + 0.3 * max(len(lines) for lines in titles)
    figure = new_figure(2 + (PAGE_CM - 2) * columns / IN_A_ROW, 1.2 + rows * (2.4 * sum(ratios) / 1.6 + heading_cm))
    panels = figure.subplots(
        rows * len(ratios), columns, sharex=True, squeeze=False, height_ratios=ratios * rows
    ).reshape(rows, len(ratios), columns)
    for place, mistake in enumerate(mistakes):
        row, column = divmod(place, columns)
        above, below = panels[row, 0, column], panels[row, -1, column]
        draw_features(below, mistake.x, grid)
        if with_samples:
            _samples(above, mistake, grid.window_s)
        for ax in {above, below}:
            if np.isfinite(mistake.onset_s):
                mark_onset(ax, mistake.onset_s, mistake.truth)
        above.set_title("\n".join(titles[place]), fontsize=7, linespacing=0.95)
        below.tick_params(labelbottom=True)
        below.tick_params(labelleft=column == 0)
    for place in range(len(mistakes), rows * columns):
        for ax in panels[place // columns, :, place % columns]:
            ax.set_visible(False)
    figure.supxlabel("Time from window centre (s)")
    figure.supylabel(_ylabel(grid))
    return figure


def draw_features(ax: Axes, x: ArrayLike, grid: FeatureGrid, *, signed: bool = False) -> None:
    """Draw one row of features (D,): components one above the other, Z on top, as patches or as traces.

    What has one value all over, as a component that was not recorded, is left white.
    """
    values = np.asarray(x, dtype=np.float64).reshape(grid.shape)
    n_components, n_frames, n_bands = grid.shape
    edges_s = _edges(grid.times_s)
    if grid.frequencies_hz is None:
        largest = np.abs(values).max() or 1.0
        for k, trace in enumerate(values[:, 0] / (2 * largest)):
            ax.plot(*envelope(grid.times_s, trace - k), color="black", linewidth=0.4)
        ax.set_ylim(0.6 - n_components, 0.6)
        ax.set_yticks(range(0, -n_components, -1), list(COMPONENTS[:n_components]))
    else:
        limit = np.abs(values).max() or 1.0
        recorded = np.ptp(values, axis=(1, 2), keepdims=True) > 0
        image = np.where(recorded, values, np.nan).transpose(0, 2, 1)[:, ::-1].reshape(n_components * n_bands, n_frames)
        low, high = (-limit, limit) if signed else (None, None)
        ax.imshow(
            image,
            cmap="gray" if signed else "cividis",
            vmin=low,
            vmax=high,
            aspect="auto",
            interpolation="nearest",
            extent=(edges_s[0], edges_s[-1], 0, n_components),
        )
        for k in range(1, n_components):
            ax.axhline(k, color="white", linewidth=0.8)
        ax.set_yticks(np.arange(n_components) + 0.5, list(COMPONENTS[:n_components][::-1]))
        ax.tick_params(left=False)
    ax.set_xlim(edges_s[0], edges_s[-1])
    ax.locator_params(axis="x", nbins=5)


def _panels(figure: Figure, rows: int, columns: int, used: int) -> list[Axes]:
    """As many panels of a grid as are used, with ticks named at its left and bottom alone.

    `draw_features` gives all of them the same axes; shared axes would ask each other for their limits hundreds of
    times.
    """
    panels = list(figure.subplots(rows, columns).flat)
    for ax in panels:
        ax.label_outer()
    for ax in panels[used:]:
        ax.set_visible(False)
    return panels[:used]


def mark_onset(ax: Axes, onset_s: float, label: str) -> None:
    """Draw an onset as an outlined line in the style of its class."""
    colour, line = class_style(label)
    ax.axvline(onset_s, color=colour, linestyle=line, linewidth=1.2, path_effects=_OUTLINE)


def _title(mistake: Mistake) -> list[str]:
    """Lines that fit between the neighbours of a panel."""
    said = " ".join(f"{name} " + f"{p:.2f}".removeprefix("0") for name, p in mistake.probabilities.items())
    lines = [part for text in (f"truth {mistake.truth}", said) for part in textwrap.wrap(text, LONGEST)]
    return [fitting(plain(line), LONGEST) for line in [*mistake.caption.split("\n"), *lines]]


def _samples(ax: Axes, mistake: Mistake, window_s: float) -> None:
    ax.tick_params(bottom=False, labelbottom=False, left=False, labelleft=False)
    ax.spines[:].set_visible(False)
    if mistake.samples is None:
        ax.text(0.5, 0.5, "waveform not available", transform=ax.transAxes, ha="center", va="center")
        return
    samples = detrend(mistake.samples, axis=1)
    largest = np.abs(samples).max() or 1.0
    time_s = np.linspace(-window_s / 2, window_s / 2, samples.shape[1], endpoint=False)
    for k, trace in enumerate(samples / (2 * largest)):
        ax.plot(*envelope(time_s, trace - k), color="black", linewidth=0.4)


def _edges(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    half_s = (times_s[1] - times_s[0]) / 2 if len(times_s) > 1 else 0.5
    return np.append(times_s - half_s, times_s[-1] + half_s)


def _ylabel(grid: FeatureGrid) -> str:
    if grid.frequencies_hz is None:
        return "Component, each window to its own scale"
    low, high = grid.frequencies_hz[0], grid.frequencies_hz[-1]
    return f"Component; in each, {len(grid.frequencies_hz)} bands,\ncentred on {low:.3g} to {high:.3g} Hz upwards"
