"""Figures of class predictions of windows that no network of them has seen: scores with intervals, and thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seisnet.scoring.curves import precision_recall_curve
from seisnet.scoring.metrics import bootstrap_interval, class_scores, confusion_counts, known, reliability


def scores_of(y: np.ndarray, probabilities: np.ndarray, blocks: np.ndarray, names: Sequence[str], seed: int) -> Any:
    """Figures with 95 % intervals over blocks, as plain values; what is not known is None."""
    predicted, n = probabilities.argmax(axis=1), len(names)

    def f1(rows: np.ndarray) -> np.ndarray:
        return class_scores(confusion_counts(y[rows], predicted[rows], n)).f1

    def interval(statistic: Callable[[np.ndarray], float]) -> list[float | None]:
        return [known(v) for v in bootstrap_interval(statistic, blocks, rng=np.random.default_rng(seed))]

    counts = confusion_counts(y, predicted, n)
    scores = class_scores(counts)
    classes = scores.by_name(names)
    for k, figures in enumerate(classes.values()):
        figures["blocks"] = int(np.unique(blocks[y == k]).size)
        figures["f1_interval_95"] = interval(lambda rows, k=k: f1(rows)[k])
    return {
        "windows": len(y),
        "blocks": int(np.unique(blocks).size),
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "macro_f1_interval_95": interval(lambda rows: float(np.nanmean(f1(rows)))),
        "ece": reliability(probabilities.max(axis=1), predicted == y).ece,
        "classes": classes,
        "confusion": counts.tolist(),
    }


def thresholds_of(y: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Threshold of the best F1 of each class but noise; two decimals, or as many as change no window's prediction."""
    found = {}
    for k, name in enumerate(names):
        if name == "noise":
            continue
        curve = precision_recall_curve(y == k, probabilities[:, k])
        p, r = curve.precision[:-1], curve.recall[:-1]
        f1 = 2 * p * r / np.maximum(p + r, 1e-12)
        best = np.flatnonzero(f1 >= f1.max() - 1e-12)
        # In the middle between the best threshold and the next lower score, which is further from both.
        i = int(best[-1])
        high, low = float(curve.thresholds[i]), float(curve.thresholds[i - 1]) if i else -1.0
        middle = (high + max(low, 0.0)) / 2
        found[name] = next(t for t in (*(round(middle, n) for n in range(2, 9)), high) if low < t <= high)
    return found
