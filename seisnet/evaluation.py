"""How good a model is on windows that it has not learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.errors import DataError
from seisnet.metrics import ClassScores, bootstrap_interval, class_scores, confusion_counts
from seisnet.model import Model
from seisnet.preprocessing import Windows
from seisnet.store.windows_file import SPLITS, WindowRows

RECIPE = ("task", "features", "sampling_rate_hz", "window_s", "frame_s", "hop_s", "freqmin_hz", "freqmax_hz")
"""Settings that make features what they are: a model reads only windows that agree in all of them."""


@dataclass(frozen=True)
class Evaluation:
    """Predictions of a model on the windows of a split, and what they are worth.

    Attributes
    ----------
    rows : WindowRows
        The windows, none of them augmented.
    probabilities : float32 (N, K)
    counts : int64 (K, K)
        Confusion: rows true, columns predicted.
    scores : ClassScores
    macro_f1_interval : (float, float)
        95 %, by drawing events with replacement.
    """

    classes: tuple[str, ...]
    split: str
    rows: WindowRows
    probabilities: NDArray[np.float32]
    counts: NDArray[np.int64]
    scores: ClassScores
    macro_f1_interval: tuple[float, float]

    def metrics(self) -> dict[str, Any]:
        """Figures as plain values; what is undefined (no such window) is None."""
        by_class = {
            name: {
                "precision": _number(self.scores.precision[k]),
                "recall": _number(self.scores.recall[k]),
                "f1": _number(self.scores.f1[k]),
                "windows": int(self.scores.support[k]),
            }
            for k, name in enumerate(self.classes)
        }
        return {
            "split": self.split,
            "windows": len(self.rows),
            "groups": int(np.unique(self.rows.group).size),
            "accuracy": _number(self.scores.accuracy),
            "macro_f1": _number(self.scores.macro_f1),
            "macro_f1_interval_95": [_number(v) for v in self.macro_f1_interval],
            "classes": by_class,
            "confusion": self.counts.tolist(),
        }


def evaluate(model: Model, windows: Windows, *, split: str = "test", seed: int = 0) -> Evaluation:
    """Predict the windows of a split and score the predictions.

    Parameters
    ----------
    split : {"train", "dev", "test", "all"}
        Augmented windows are left out.

    Raises
    ------
    DataError
        If the windows were not made as the model's, or the split is empty.
    """
    check_recipe(model, windows)
    rows = windows.rows
    if split != "all":
        rows = rows.take(rows.split == SPLITS.index(split))
    rows = rows.take(~rows.augmented)
    if not len(rows):
        raise DataError(f"the {split} split holds no windows")
    probabilities = model.predict_proba(rows.x)
    predicted = probabilities.argmax(axis=1)
    n = len(model.classes)
    counts = confusion_counts(rows.y, predicted, n)
    interval = bootstrap_interval(
        lambda chosen: class_scores(confusion_counts(rows.y[chosen], predicted[chosen], n)).macro_f1,
        rows.group,
        rng=np.random.default_rng(seed),
    )
    return Evaluation(model.classes, split, rows, probabilities, counts, class_scores(counts), interval)


def check_recipe(model: Model, windows: Windows) -> None:
    """Refuse windows that were made in another way than those the model learned from.

    Raises
    ------
    DataError
        Naming the first setting that differs.
    """
    if windows.info.classes != model.classes:
        raise DataError(f"windows have classes {windows.info.classes}, model {model.name} has {model.classes}")
    for name in RECIPE:
        mine, theirs = getattr(model.preprocess, name), windows.info.config.get(name)
        if mine != theirs:
            raise DataError(f"windows were made with {name} = {theirs}, model {model.name} needs {mine}")


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
