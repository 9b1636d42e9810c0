"""What a network is trained for: its loss, and how good it is on what it has not learned from.

Losses get arrays on the network's device; scores get outputs and targets of the dev split, on the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.nn import softmax_cross_entropy
from seisnet.nn.arrays import Array
from seisnet.scan.onset_network import onset_loss
from seisnet.scoring.metrics import class_scores, confusion_counts
from seisnet.wording import Say


@dataclass(frozen=True)
class ClassObjective:
    """Softmax and cross-entropy.

    Attributes
    ----------
    classes : tuple of str
    label_smoothing : float
    by_f1 : bool
        Whether the best epoch is the one with the highest macro-F1, and of those the least loss; else the least loss.
        In the columns of a scan onsets are rare, so F1 at a single threshold says little.
    """

    classes: tuple[str, ...]
    label_smoothing: float = 0.0
    by_f1: bool = True

    def loss(self, outputs: Array, targets: Array, weight: Array) -> tuple[float, Array]:
        """Loss of a batch, and its gradient with respect to the outputs."""
        return softmax_cross_entropy(outputs, targets, weight, label_smoothing=self.label_smoothing)

    def score(self, outputs: NDArray[np.float32], targets: Any, say: Say) -> dict[str, float]:
        """Loss, accuracy and macro-F1 on the dev split."""
        loss, _ = softmax_cross_entropy(outputs, targets)
        predicted = outputs.argmax(axis=1)
        if len(np.unique(predicted)) == 1 and len(np.unique(targets)) > 1:
            say(f"every dev window is classified as {self.classes[predicted[0]]}: the network has not learned yet")
        scores = class_scores(confusion_counts(targets, predicted, outputs.shape[1]))
        return {"dev_loss": float(loss), "dev_accuracy": scores.accuracy, "dev_macro_f1": scores.macro_f1}

    def rank(self, row: dict[str, float]) -> tuple[float, float]:
        """Rank of an epoch, given its row of the history: the best is the largest; without a dev split, the latest."""
        if "dev_loss" not in row:
            return row["epoch"], 0.0
        # Equal F1 is common on small dev splits; the loss then says which epoch is surer of itself.
        return (row["dev_macro_f1"], -row["dev_loss"]) if self.by_f1 else (-row["dev_loss"], 0.0)


@dataclass(frozen=True)
class OnsetObjective:
    """Distances to onsets and their expected errors, see `seisnet.scan.onset_network`."""

    def loss(self, outputs: Array, targets: Array, weight: Array) -> tuple[float, Array]:
        """Loss of a batch, and its gradient with respect to the outputs."""
        return onset_loss(outputs, targets, weight)

    def score(self, outputs: NDArray[np.float32], targets: Any, say: Say) -> dict[str, float]:
        """Loss on the dev split."""
        return {"dev_loss": onset_loss(outputs, targets, np.ones(len(outputs), dtype=np.float32))[0]}

    def rank(self, row: dict[str, float]) -> tuple[float, float]:
        """Rank of an epoch, as of `ClassObjective`: by the loss alone."""
        return (-row["dev_loss"] if "dev_loss" in row else row["epoch"], 0.0)


Objective = ClassObjective | OnsetObjective
