"""How scores depend on a property of the windows: signal-to-noise ratio, S-P time, distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seisnet.errors import DataError
from seisnet.scoring.metrics import class_scores, confusion_counts


@dataclass(frozen=True)
class Breakdown:
    """F1 of each class in B bins of a property.

    Attributes
    ----------
    edges : float64 (B + 1,)
        Bin b holds values from ``edges[b]`` to below ``edges[b + 1]``, the last bin also those at its upper edge.
    f1 : float64 (B, K)
        NaN where a class occurs neither in truth nor in prediction.
    counts : int64 (B,)
        Windows in each bin.
    left_out : int
        Windows of which the property is not known.
    """

    edges: NDArray[np.float64]
    f1: NDArray[np.float64]
    counts: NDArray[np.int64]
    left_out: int


def f1_by(true: ArrayLike, predicted: ArrayLike, values: ArrayLike, n_classes: int, *, n_bins: int = 6) -> Breakdown:
    """Score windows in bins of a property that hold about equally many.

    Parameters
    ----------
    true, predicted : int (N,)
        Class indices.
    values : float (N,)
        The property; NaN where it is not known.
    n_bins : int
        Bins at most; fewer where values are few or equal.

    Raises
    ------
    DataError
        If lengths differ, or no value is known.

    Examples
    --------
    >>> found = f1_by([0, 0, 1, 1], [1, 0, 1, 1], [1.0, 2.0, 1.0, 2.0], 2, n_bins=2)
    >>> found.edges.tolist(), found.f1[1].tolist()
    ([1.0, 1.5, 2.0], [1.0, 1.0])
    """
    truth, said, x = np.asarray(true), np.asarray(predicted), np.asarray(values, dtype=np.float64)
    if not truth.shape == said.shape == x.shape:
        raise DataError(f"classes and values have shapes {truth.shape}, {said.shape} and {x.shape}; all must be (N,)")
    known = np.isfinite(x)
    if not known.any():
        raise DataError("the property is not known for any window")
    edges = np.unique(np.quantile(x[known], np.linspace(0, 1, n_bins + 1)))
    if len(edges) == 1:
        edges = np.append(edges, edges[0] + 1)
    filled = np.histogram(x[known], edges)[0] > 0  # between equal values two edges may follow each other
    edges = np.append(edges[:-1][filled], edges[-1])
    bins = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
    chosen = [known & (bins == b) for b in range(len(edges) - 1)]
    f1 = [class_scores(confusion_counts(truth[rows], said[rows], n_classes)).f1 for rows in chosen]
    return Breakdown(edges, np.stack(f1), np.array([rows.sum() for rows in chosen]), int((~known).sum()))


def of_record(values: ArrayLike, groups: ArrayLike, trace_ids: Sequence[str]) -> NDArray[np.float64]:
    """Give all windows of a record, that is of one event and instrument, the mean of the values that are known.

    Parameters
    ----------
    values : float (N,)
        NaN where a window has no value of its own, as noise has no signal-to-noise ratio.
    groups : int (N,)
        Event of each window.
    trace_ids : N names

    Examples
    --------
    >>> of_record([3.0, np.nan, np.nan], [7, 7, 8], ["A", "A", "A"]).tolist()
    [3.0, 3.0, nan]
    """
    x = np.asarray(values, dtype=np.float64)
    _, station = np.unique(np.asarray(trace_ids, dtype=str), return_inverse=True)
    pairs = np.stack([np.asarray(groups, dtype=np.int64), station.astype(np.int64)])
    _, record = np.unique(pairs, axis=1, return_inverse=True)
    record, known = record.ravel(), np.isfinite(x)
    n = int(record.max(initial=-1)) + 1
    count = np.bincount(record[known], minlength=n)
    total = np.bincount(record[known], weights=x[known], minlength=n)
    mean = np.full(n, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean[record]


def s_minus_p(
    onset_ns: NDArray[np.int64], phase: Sequence[str], groups: ArrayLike, trace_ids: Sequence[str]
) -> NDArray[np.float64]:
    """Seconds (N,) from the first P to the first S of each window's event and instrument; NaN where either lacks."""
    keys = list(zip(np.asarray(groups).tolist(), trace_ids, strict=True))
    first: dict[tuple[int, str, str], int] = {}
    for key, name, time_ns in zip(keys, phase, onset_ns.tolist(), strict=True):
        if name in ("P", "S"):
            first[*key, name] = min(time_ns, first.get((*key, name), time_ns))
    found = []
    for key in keys:
        p, s = first.get((*key, "P")), first.get((*key, "S"))
        found.append((s - p) / 1e9 if p is not None and s is not None and s > p else np.nan)
    return np.array(found, dtype=np.float64)
