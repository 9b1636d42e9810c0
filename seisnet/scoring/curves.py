"""What a score does at every threshold: receiver operating characteristic, precision and recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seisnet.errors import DataError


@dataclass(frozen=True)
class RocCurve:
    """True against false positive rate, from the strictest threshold (infinite) to the laxest; all (M,)."""

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    area: float

    def at(self, threshold: float) -> tuple[float, float]:
        """False and true positive rate at a threshold."""
        i = int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1
        return float(self.false_positive_rate[i]), float(self.true_positive_rate[i])


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """Precision and recall of ``score >= threshold``, thresholds rising; all (M,).

    The last point, recall 0 at an infinite threshold, has precision 1 by convention.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    average_precision: float

    def at(self, threshold: float) -> tuple[float, float]:
        """Precision and recall at a threshold."""
        i = int(np.searchsorted(self.thresholds, threshold))
        return float(self.precision[i]), float(self.recall[i])


def roc_curve(positive: ArrayLike, score: ArrayLike) -> RocCurve:
    """Receiver operating characteristic of a score, and the area under it by the trapezoid rule.

    Parameters
    ----------
    positive : bool (N,)
        Which cases belong to the class.
    score : float (N,)
        The class's probability, or anything that grows with it.

    Raises
    ------
    DataError
        Without at least one positive and one negative case, or with a score that is not finite.
    """
    hits, alarms, thresholds = _cumulative(positive, score)
    tpr, fpr = np.append(0.0, hits / hits[-1]), np.append(0.0, alarms / alarms[-1])
    return RocCurve(fpr, tpr, np.append(np.inf, thresholds), area=float(np.trapezoid(tpr, fpr)))


def precision_recall_curve(positive: ArrayLike, score: ArrayLike) -> PrecisionRecallCurve:
    """Precision and recall at each threshold, and the average precision, sum of (R_i - R_{i-1}) P_i.

    Parameters and errors are those of `roc_curve`.
    """
    hits, alarms, thresholds = _cumulative(positive, score)
    precision = np.append(1.0, hits / (hits + alarms))
    recall = np.append(0.0, hits / hits[-1])
    return PrecisionRecallCurve(
        precision[::-1],
        recall[::-1],
        np.append(np.inf, thresholds)[::-1],
        average_precision=float(np.sum(np.diff(recall) * precision[1:])),
    )


def _cumulative(
    positive: ArrayLike, score: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Hits and false alarms at and above each distinct score, from the highest score down."""
    truth, s = np.asarray(positive, dtype=bool), np.asarray(score, dtype=np.float64)
    if truth.shape != s.shape or truth.ndim != 1:
        raise DataError(f"truth and score have shapes {truth.shape} and {s.shape}; both must be (N,)")
    if not np.all(np.isfinite(s)):
        raise DataError(f"{np.sum(~np.isfinite(s))} of {len(s)} scores are not finite")
    if truth.all() or not truth.any():
        raise DataError(f"a curve needs both positive and negative cases; got {truth.sum()} positive of {len(truth)}")
    order = np.argsort(-s, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(s[order])), len(s) - 1)
    hits = np.cumsum(truth[order], dtype=np.float64)[last_of_ties]
    return hits, last_of_ties + 1.0 - hits, s[order][last_of_ties]
