"""Curves against those of scikit-learn, and at single thresholds against a count."""

import numpy as np
import pytest
import sklearn.metrics

from seisnet.errors import DataError
from seisnet.scoring.curves import precision_recall_curve, roc_curve


@pytest.fixture
def rng():
    return np.random.default_rng(20260)


@pytest.fixture(params=[False, True], ids=["continuous", "ties"])
def scored(request, rng):
    """Truth and scores that carry some information, with and without many equal scores."""
    truth_n = rng.random(400) < 0.3
    score_n = np.clip(0.3 * truth_n + 0.7 * rng.random(400), 0, 1)
    return truth_n, np.round(score_n, 1) if request.param else score_n


def test_roc_curve_equals_that_of_sklearn(scored):
    curve = roc_curve(*scored)
    fpr, tpr, thresholds = sklearn.metrics.roc_curve(*scored, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, fpr)
    np.testing.assert_allclose(curve.true_positive_rate, tpr)
    np.testing.assert_allclose(curve.thresholds, thresholds)
    assert curve.area == pytest.approx(sklearn.metrics.roc_auc_score(*scored))


def test_precision_recall_curve_equals_that_of_sklearn(scored):
    curve = precision_recall_curve(*scored)
    precision, recall, thresholds = sklearn.metrics.precision_recall_curve(*scored)
    np.testing.assert_allclose(curve.precision, precision)
    np.testing.assert_allclose(curve.recall, recall)
    np.testing.assert_allclose(curve.thresholds, [*thresholds, np.inf])
    assert curve.average_precision == pytest.approx(sklearn.metrics.average_precision_score(*scored))


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 0.7, 2.0])
def test_the_curve_at_a_threshold_is_what_that_threshold_does(scored, threshold):
    truth_n, score_n = scored
    chosen_n = score_n >= threshold
    precision, recall = precision_recall_curve(truth_n, score_n).at(threshold)
    assert recall == pytest.approx(np.sum(chosen_n & truth_n) / np.sum(truth_n))
    alarms, hits = roc_curve(truth_n, score_n).at(threshold)
    assert (alarms, hits) == pytest.approx((np.sum(chosen_n & ~truth_n) / np.sum(~truth_n), recall))
    assert precision == pytest.approx(np.sum(chosen_n & truth_n) / np.sum(chosen_n) if chosen_n.any() else 1.0)


def test_a_score_without_information_has_half_the_area(rng):
    area = roc_curve(rng.random(20_000) < 0.5, rng.random(20_000)).area
    assert area == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("curve", [roc_curve, precision_recall_curve])
@pytest.mark.parametrize(
    ("truth", "score"),
    [
        ([True, True], [0.1, 0.2]),
        ([False], [0.1]),
        ([], []),
        ([True, False], [0.1, np.nan]),
        ([True], [0.1, 0.2]),
    ],
)
def test_curves_refuse_what_has_none(curve, truth, score):
    with pytest.raises(DataError):
        curve(truth, score)
