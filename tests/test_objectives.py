"""Losses, scores and ranks of the networks of a model."""

import numpy as np
import pytest

from seisnet.nn import softmax_cross_entropy
from seisnet.scan.onset_network import onset_loss
from seisnet.training.objectives import ClassObjective, OnsetObjective
from seisnet.wording import silent

CLASSES = ("P", "S", "noise")


@pytest.fixture
def rng():
    return np.random.default_rng(20261124)


def test_the_higher_f1_is_better_and_of_equals_the_lower_loss():
    rank = ClassObjective(CLASSES).rank
    assert rank({"epoch": 1, "dev_macro_f1": 0.9, "dev_loss": 2.0}) > rank(
        {"epoch": 2, "dev_macro_f1": 0.8, "dev_loss": 1.0}
    )
    assert rank({"epoch": 1, "dev_macro_f1": 0.9, "dev_loss": 1.0}) > rank(
        {"epoch": 2, "dev_macro_f1": 0.9, "dev_loss": 2.0}
    )


@pytest.mark.parametrize("objective", [ClassObjective(CLASSES, by_f1=False), OnsetObjective()])
def test_the_lower_loss_is_better(objective):
    low, high = ({"epoch": e, "dev_macro_f1": f1, "dev_loss": loss} for e, f1, loss in ((1, 0.1, 0.5), (2, 0.9, 0.6)))
    assert objective.rank(low) > objective.rank(high)


@pytest.mark.parametrize("objective", [ClassObjective(CLASSES), ClassObjective(CLASSES, by_f1=False), OnsetObjective()])
def test_without_a_dev_split_the_later_epoch_is_better_and_any_is_better_than_none(objective):
    third, second, first = (objective.rank({"epoch": float(k), "train_loss": 1.0 / k}) for k in (3, 2, 1))
    assert third > second > first > (-np.inf, -np.inf)


def test_classification_is_cross_entropy(rng):
    outputs, targets = rng.normal(size=(6, 3)).astype(np.float32), rng.integers(0, 3, 6)
    weight = rng.uniform(0.5, 2, 6).astype(np.float32)
    loss, gradient = ClassObjective(CLASSES, 0.1).loss(outputs.copy(), targets, weight)
    expected, of_outputs = softmax_cross_entropy(outputs.copy(), targets, weight, label_smoothing=0.1)
    assert loss == expected
    np.testing.assert_array_equal(gradient, of_outputs)


def test_scores_by_hand():
    logits = np.log(np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]], np.float32))
    row = ClassObjective(CLASSES, 0.3).score(logits, np.array([0, 1, 0, 2]), silent)
    assert row["dev_accuracy"] == 0.75
    assert row["dev_macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert row["dev_loss"] == pytest.approx(-np.log([0.8, 0.7, 0.3, 0.8]).mean(), rel=1e-5)  # labels as they are


def test_one_class_for_everything_is_said(rng):
    said = []
    outputs = np.tile(np.array([0, 0, 5], np.float32), (4, 1))
    ClassObjective(CLASSES).score(outputs, np.array([0, 1, 2, 2]), said.append)
    assert said == ["every dev window is classified as noise: the network has not learned yet"]
    ClassObjective(CLASSES).score(outputs, np.array([2, 2, 2, 2]), said.append)
    assert len(said) == 1


def test_onsets_are_scored_by_their_loss(rng):
    outputs, targets = rng.normal(size=(5, 4)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    ones = np.ones(5, np.float32)
    assert OnsetObjective().score(outputs, targets, silent) == {"dev_loss": onset_loss(outputs, targets, ones)[0]}
    weight = rng.uniform(0.5, 2, 5).astype(np.float32)
    (loss, gradient), (expected, of_outputs) = (
        f(outputs, targets, weight) for f in (OnsetObjective().loss, onset_loss)
    )
    assert loss == expected != onset_loss(outputs, targets, ones)[0]
    np.testing.assert_array_equal(gradient, of_outputs)
