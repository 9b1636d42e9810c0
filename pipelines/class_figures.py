"""Figures of class predictions of windows that no network of them has seen: scores with intervals, and thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seisnet.scoring.curves import precision_recall_curve
from seisnet.scoring.metrics import bootstrap_interval, class_scores, confusion_counts, reliability


def scores_of(y: np.ndarray, probabilities: np.ndarray, blocks: np.ndarray, names: Sequence[str], seed: int) -> Any:
    """Figures with 95 % intervals over blocks, as plain values."""
    predicted, n = probabilities.argmax(axis=1), len(names)

    def f1(rows: np.ndarray) -> np.ndarray:
        return class_scores(confusion_counts(y[rows], predicted[rows], n)).f1

    def interval(statistic: Callable[[np.ndarray], float]) -> list[float]:
        return list(bootstrap_interval(statistic, blocks, rng=np.random.default_rng(seed)))

    counts = confusion_counts(y, predicted, n)
    scores = class_scores(counts)
    classes = {
        name: {
            "windows": int(scores.support[k]),
            "blocks": int(np.unique(blocks[y == k]).size),
            "precision": float(scores.precision[k]),
            "recall": float(scores.recall[k]),
            "f1": float(scores.f1[k]),
            "f1_interval_95": interval(lambda rows, k=k: f1(rows)[k]),
        }
        for k, name in enumerate(names)
    }
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
    """Threshold of the best F1 of each class but noise, rounded to two figures."""
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
        low = curve.thresholds[i - 1] if i else 0.0
        found[name] = round(float((curve.thresholds[i] + low) / 2), 2)
    return found
