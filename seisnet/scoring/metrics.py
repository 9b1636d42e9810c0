"""How good a classifier is: counts, calibration, residuals, intervals. Arrays in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seisnet.errors import DataError


@dataclass(frozen=True)
class ClassScores:
    """What a confusion matrix says of each class and of all.

    Attributes
    ----------
    precision, recall, f1 : float64 (K,)
        NaN where nothing was predicted (precision), nothing was there (recall), or neither (F1).
    support : int64 (K,)
        Windows that truly belong to each class.
    accuracy, macro_f1 : float
        Share of right answers; mean of `f1` over the classes that occur in truth or prediction.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]
    accuracy: float
    macro_f1: float

    def by_name(self, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Plain figures of K classes: ``precision``, ``recall``, ``f1``, None where they are NaN, and ``windows``."""
        rows = zip(self.precision, self.recall, self.f1, self.support.tolist(), strict=True)
        return {
            name: {"precision": known(precision), "recall": known(recall), "f1": known(f1), "windows": support}
            for name, (precision, recall, f1, support) in zip(classes, rows, strict=True)
        }


@dataclass(frozen=True)
class Reliability:
    """How often what was said with a probability came true, in B bins of equal width.

    Attributes
    ----------
    edges : float64 (B + 1,)
        Bin b holds probabilities above ``edges[b]`` up to ``edges[b + 1]``; the first holds 0 as well.
    said, came_true : float64 (B,)
        Mean probability and observed frequency in each bin, NaN where a bin is empty.
    counts : int64 (B,)
        Cases in each bin.
    ece : float
        Expected calibration error.
    """

    edges: NDArray[np.float64]
    said: NDArray[np.float64]
    came_true: NDArray[np.float64]
    counts: NDArray[np.int64]
    ece: float


@dataclass(frozen=True)
class ResidualStatistics:
    """Figures of pick residuals in seconds, NaN where there are none; `p05_s` and `p95_s` are percentiles."""

    count: int
    mean_s: float
    std_s: float
    median_s: float
    mae_s: float
    rmse_s: float
    p05_s: float
    p95_s: float


def known(value: float) -> float | None:
    """A figure as JSON has it: None, which is null, where it is not finite."""
    return float(value) if math.isfinite(value) else None


def confusion_counts(true: ArrayLike, predicted: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Count windows by true class (rows) and predicted class (columns).

    Parameters
    ----------
    true, predicted : int (N,)
        Class indices, 0 to ``n_classes - 1``.

    Returns
    -------
    int64 (n_classes, n_classes)

    Raises
    ------
    DataError
        Where lengths differ or an index names no class.

    Examples
    --------
    >>> confusion_counts([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    rows, columns = np.asarray(true, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise DataError(f"true and predicted classes have shapes {rows.shape} and {columns.shape}; both must be (N,)")
    for name, indices in (("true", rows), ("predicted", columns)):
        if len(indices) and not 0 <= indices.min() <= indices.max() < n_classes:
            raise DataError(
                f"{name} classes run from {indices.min()} to {indices.max()}; allowed are 0 to {n_classes - 1}"
            )
    return np.bincount(rows * n_classes + columns, minlength=n_classes**2).reshape(n_classes, n_classes)


def class_scores(counts: ArrayLike) -> ClassScores:
    """Precision, recall and F1 of each class, accuracy and macro-F1 of a confusion matrix.

    Parameters
    ----------
    counts : int (K, K)
        Rows are true classes, columns predicted ones.

    Examples
    --------
    >>> class_scores([[8, 2], [0, 10]]).recall.tolist()
    [0.8, 1.0]
    """
    counts = np.asarray(counts)
    hits, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    f1 = _ratio(2 * hits, support + predicted)
    occurring = f1[~np.isnan(f1)]
    return ClassScores(
        precision=_ratio(hits, predicted),
        recall=_ratio(hits, support),
        f1=f1,
        support=support,
        accuracy=float(_ratio(hits.sum(), counts.sum())),
        macro_f1=float(occurring.mean()) if len(occurring) else float("nan"),
    )


def reliability(probability: ArrayLike, came_true: ArrayLike, *, n_bins: int = 10) -> Reliability:
    """Compare probabilities with frequencies: Guo et al. (2017, ICML), eq. 3, over equal bins.

    Parameters
    ----------
    probability : float (N,)
        What was said: the probability of the winning class, or of one class.
    came_true : bool (N,)
        Whether that class was the true one.

    Raises
    ------
    DataError
        Where lengths differ, nothing is given, or a probability lies outside 0 to 1.
    """
    p, truth = np.asarray(probability, dtype=np.float64), np.asarray(came_true, dtype=bool)
    if p.shape != truth.shape or p.ndim != 1 or len(p) == 0:
        raise DataError(f"probabilities and outcomes have shapes {p.shape} and {truth.shape}; both must be (N,), N > 0")
    if not np.all((p >= 0) & (p <= 1)):
        raise DataError(f"{np.sum(~((p >= 0) & (p <= 1)))} of {len(p)} probabilities lie outside 0 to 1")
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    bins = np.searchsorted(edges[1:-1], p)
    counts = np.bincount(bins, minlength=n_bins)
    said = _ratio(np.bincount(bins, weights=p, minlength=n_bins), counts)
    frequency = _ratio(np.bincount(bins, weights=truth, minlength=n_bins), counts)
    ece = np.nansum(np.abs(said - frequency) * counts) / len(p)
    return Reliability(edges, said, frequency, counts, float(ece))


def residual_statistics(residuals_s: ArrayLike) -> ResidualStatistics:
    """Centre, spread and tails of pick residuals (machine minus analyst).

    Parameters
    ----------
    residuals_s : float (N,)
        Seconds; N may be 0.

    Raises
    ------
    DataError
        Where a residual is not finite.

    Examples
    --------
    >>> residual_statistics([-0.1, 0.0, 0.4]).median_s
    0.0
    """
    r = np.asarray(residuals_s, dtype=np.float64)
    if not np.all(np.isfinite(r)):
        raise DataError(f"{np.sum(~np.isfinite(r))} of {r.size} residuals are not finite; keep matched picks only")
    if r.size == 0:
        return ResidualStatistics(0, *[float("nan")] * 7)
    p05, p95 = np.percentile(r, [5, 95])
    return ResidualStatistics(
        count=r.size,
        mean_s=float(r.mean()),
        std_s=float(r.std()),
        median_s=float(np.median(r)),
        mae_s=float(np.abs(r).mean()),
        rmse_s=float(np.sqrt(np.mean(r**2))),
        p05_s=float(p05),
        p95_s=float(p95),
    )


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], float],
    groups: ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a statistic when whole groups are drawn with replacement.

    Windows of one event or station resemble each other; drawn one by one they would promise more than they
    know. Efron and Tibshirani (1993), An Introduction to the Bootstrap, sect. 13.3, with groups as the units. Of few
    groups the plain percentiles lie too close together: of six, those for 95 % hold the mean of a normal distribution
    in 87 of a hundred cases. So they are taken farther out, as Student's t asks for (expanded percentiles; Hesterberg
    2015, The American Statistician 69).

    Parameters
    ----------
    statistic : callable
        Takes row indices (int, any length, with repeats), returns a number; resamples for which that is not
        finite are left out.
    groups : (N,)
        Group of each row: event, station.

    Returns
    -------
    (float, float)
        Lower and upper bound; NaN where the resamples can't tell: of so few groups that even their whole range would
        hold the truth too seldom, with a probability of 1 - 2^(1 - n) (fewer than six, for 95 %), and where no resample
        gave a finite statistic, or all the same.

    Raises
    ------
    DataError
        Where there are no rows.

    Examples
    --------
    >>> right = np.array([1, 1, 0, 1, 1, 1, 1, 1])
    >>> bootstrap_interval(lambda rows: right[rows].mean(), np.arange(8), rng=np.random.default_rng(0))
    (0.5, 1.0)
    """
    from scipy.special import ndtr, stdtrit  # which take long to import

    members = np.unique(np.asarray(groups), return_inverse=True)[1]
    if len(members) == 0:
        raise DataError("a bootstrap interval needs at least one row; got none")
    rows_of = np.split(np.argsort(members, kind="stable"), np.cumsum(np.bincount(members))[:-1])
    n = len(rows_of)
    if level > 1 - 2.0 ** (1 - n):
        return float("nan"), float("nan")
    draws = rng.integers(n, size=(n_resamples, n))
    values = np.array([statistic(np.concatenate([rows_of[g] for g in draw])) for draw in draws])
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return float("nan"), float("nan")
    tail = ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - level) / 2))
    low, high = np.quantile(finite, [tail, 1 - tail])
    return (float(low), float(high)) if low < high else (float("nan"), float("nan"))


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """Divide; NaN where the denominator is 0."""
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    ratio = np.full(bottom.shape, np.nan)
    np.divide(top, bottom, out=ratio, where=bottom != 0)
    return ratio
