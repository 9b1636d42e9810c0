"""The second stage: a small network that reads the output of the first one in the seconds around each column.

One window of four seconds can't tell an S onset from coda, or a swell of the noise from a weak P. What comes before and
after can: so this network reads, for each column of a scan, the first one's log-odds within `REACH_S`, the course
of the log-energy, energy ratios of short over long averages, and what was seen in the last `PAST_S` seconds. It is the
same small network slid over time, as a time-delay network is (Waibel et al. 1989).

Only differences of log-energies are read, so that the gain of a recording changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seisnet.extremes import extremes
from seisnet.nn import Network
from seisnet.nn.products import product
from seisnet.scan.sliding_network import first_layers, mean_probabilities, outputs_after_first

Floats = NDArray[np.float32]

LOG_ODDS_LIMIT = 8.0
"""Log-odds of the first stage are clipped to this."""

REACH_S = 6.0
"""Log-odds of all columns, and log-energies of every second one, are read within this."""

SHORT_S = 0.4
"""Span of the short average, from the column on."""

BEFORE_S = (2.0, 5.0, 10.0, 20.0, 30.0)
"""The short average is compared with averages over this long before it."""

AFTER_S = (2.0, 5.0, 10.0)
"""It is also compared with averages over this long after it."""

PAST_S = (5.0, 7.2, 10.4, 15.0, 21.0, 30.0, 40.0)
"""Between these times before the column, the highest log-odds and the mean log-energy are read."""

ONSET_S, BESIDE_S = 0.3, 0.6
"""In training, columns within the first of an onset belong to it; those up to the second are left out."""

NOISE, LEFT_OUT = 255, 254
"""Targets other than the classes of onsets."""


@dataclass(frozen=True)
class ContextNetwork:
    """The optional second stage of a scan.

    The probabilities of a column depend on that column and those within reach alone, so that a record may come in
    pieces. At the edges of a record the scan repeats the outermost column.

    Attributes
    ----------
    networks : tuple of Network
        Their probabilities are averaged.
    mean, scale : float32 (D,)
        Inputs are (x - mean) / scale before the networks read them.
    noise : int
        Index of the class noise.
    hop_s : float
        Time from column to column.
    temperature : float
        Logits are divided by it.
    """

    networks: tuple[Network, ...]
    mean: Floats
    scale: Floats
    noise: int
    hop_s: float
    temperature: float = 1.0

    @property
    def before(self) -> int:
        """Columns before the one in question that are read."""
        return reach(self.hop_s)[0]

    @property
    def after(self) -> int:
        """Columns after the one in question that are read."""
        return reach(self.hop_s)[1]

    def __call__(self, log_probabilities: Floats, log_energy: Floats) -> Floats:
        """Probabilities of the columns in the middle.

        Parameters
        ----------
        log_probabilities : float32 (before + M + after, K)
            Finite.
        log_energy : float32 (before + M + after, C)
            NaN where no component is known, which is read as no information.

        Returns
        -------
        float32 (M, K)
        """
        x = context_inputs(log_probabilities, log_energy, self.noise, self.hop_s)
        weights, bias = self._first
        hidden = product(x, weights, np.empty((len(x), weights.shape[1]), dtype=np.float32))
        hidden += bias
        return mean_probabilities(outputs_after_first(self.networks, hidden), self.temperature)

    @cached_property
    def _first(self) -> tuple[Floats, Floats]:
        weights, bias = first_layers(self.networks, self.mean, self.scale)
        return weights.astype(np.float32), bias.astype(np.float32)


def reach(hop_s: float) -> tuple[int, int]:
    """Columns before and after the one in question that are read."""
    before = max(REACH_S, BEFORE_S[-1] + SHORT_S, PAST_S[-1])
    return round(before / hop_s) + 1, round(max(REACH_S, SHORT_S + AFTER_S[-1]) / hop_s) + 1


def context_inputs(log_probabilities: Floats, log_energy: Floats, noise: int, hop_s: float) -> Floats:
    """What the context network reads of each column.

    Parameters
    ----------
    log_probabilities : float32 (before + M + after, K)
        Of the first stage, with the columns within `reach` on either side.
    log_energy : float32 (before + M + after, C)
        Of each component, vertical first; NaN where there is none.
    noise : int
        Index of the class noise.
    hop_s : float
        Time from column to column.

    Returns
    -------
    float32 (M, D)
        The transpose of an array in memory: every input is a series, most of them shifted copies of a few.
    """
    before, after = reach(hop_s)
    n = len(log_probabilities) - before - after
    logs, energies = np.ascontiguousarray(log_probabilities.T), np.ascontiguousarray(log_energy.T)
    odds = np.delete(logs, noise, axis=0) - logs[noise]
    np.clip(odds, -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT, out=odds)
    energy = np.stack([energies[0], energies[1:].mean(axis=0)])  # vertical, horizontal
    average = _Average(energy, before, n)
    near, short = round(REACH_S / hop_s), round(SHORT_S / hop_s)
    centre = average(-near, near).mean(axis=0)
    parts = [_around(odds, before, n, near, 1), _around(energy, before, n, near, 2) - centre]
    now = average(0, short)
    parts += [now - average(-round(s / hop_s) - short, -short - 1) for s in BEFORE_S]
    parts += [now - average(short + 1, short + round(s / hop_s)) for s in AFTER_S]
    for late, early in itertools.pairwise(PAST_S):
        low, high = -round(early / hop_s), -round(late / hop_s)
        highest = extremes(np.maximum, odds[:, before + low : before + high + n], high - low + 1)
        parts += [highest, average(low, high) - now]
    x: Floats = np.concatenate(parts)
    if not average.all_finite:
        x[np.isnan(x)] = 0  # energies that are not known
    return x.T


def context_targets(n_columns: int, onsets: Sequence[tuple[float, int]], hop_s: float) -> NDArray[np.uint8]:
    """Class of every column: that of the onset at it, `NOISE`, or `LEFT_OUT` beside an onset or at one of no class.

    Parameters
    ----------
    n_columns : int
    onsets : sequence of (float, int)
        Place of each, in columns from the first, and its class; -1 where it is of none.
    hop_s : float
        Time from column to column.

    Examples
    --------
    >>> context_targets(9, [(4.2, 1)], 0.2)
    array([255, 255, 254,   1,   1,   1, 254, 254, 255], dtype=uint8)
    """
    targets = np.full(n_columns, NOISE, dtype=np.uint8)
    away = [np.abs(np.arange(n_columns) - place) * hop_s for place, _ in onsets]
    for distance in away:
        targets[distance <= BESIDE_S + 1e-9] = LEFT_OUT
    for distance, (_, label) in zip(away, onsets, strict=True):
        if label >= 0:
            targets[distance <= ONSET_S + 1e-9] = label
    return targets


class _Average:
    """Means of rows over spans around each of `n` columns from `first` on; NaN is ignored."""

    def __init__(self, values: Floats, first: int, n: int) -> None:
        finite = np.isfinite(values)
        self.all_finite = bool(finite.all())
        self._first, self._n = first, n
        self._sums = _sums(values if self.all_finite else np.where(finite, values, 0))
        self._counts = self._sums if self.all_finite else _sums(finite)

    def __call__(self, low: int, high: int) -> Floats:
        """Mean over the columns from `low` to `high` after each; NaN where none is finite."""
        total = self._over(self._sums, low, high)
        if self.all_finite:
            return (total / (high - low + 1)).astype(np.float32)
        count = self._over(self._counts, low, high)
        mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
        return mean

    def _over(self, sums: NDArray[np.float64], low: int, high: int) -> NDArray[np.float64]:
        start, stop = self._first + low, self._first + high + 1
        over: NDArray[np.float64] = sums[:, stop : stop + self._n] - sums[:, start : start + self._n]
        return over


def _sums(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sums of rows up to each column, that one left out."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=sums[:, 1:])
    return sums


def _around(values: Floats, first: int, n: int, near: int, step: int) -> Floats:
    """Every `step`-th column within `near` of each of `n` columns from `first` on: (rows of them, n)."""
    views = sliding_window_view(values[:, first - near : first + near + n], n, axis=1)
    return views[:, ::step].reshape(-1, n)
