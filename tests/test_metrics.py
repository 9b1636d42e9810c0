"""Every figure against scikit-learn, a naive loop, or a sum worked by hand."""

import numpy as np
import pytest
import sklearn.metrics
from sklearn.calibration import calibration_curve

from seisnet.errors import DataError
from seisnet.scoring.metrics import (
    bootstrap_interval,
    class_scores,
    confusion_counts,
    reliability,
    residual_statistics,
)


@pytest.fixture
def rng():
    return np.random.default_rng(20260)


def test_counts_and_scores_equal_those_of_sklearn(rng):
    true_n, predicted_n = rng.integers(4, size=(2, 300))
    counts = confusion_counts(true_n.astype(np.uint8), predicted_n, 4)
    np.testing.assert_array_equal(counts, sklearn.metrics.confusion_matrix(true_n, predicted_n))
    scores = class_scores(counts)
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(true_n, predicted_n)
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, f1)
    np.testing.assert_array_equal(scores.support, support)
    assert scores.accuracy == pytest.approx(sklearn.metrics.accuracy_score(true_n, predicted_n))
    assert scores.macro_f1 == pytest.approx(sklearn.metrics.f1_score(true_n, predicted_n, average="macro"))


def test_many_classes_do_not_overflow_the_byte_that_labels_are_stored_in():
    labels_n = np.arange(200, dtype=np.uint8)
    np.testing.assert_array_equal(confusion_counts(labels_n, labels_n, 200), np.eye(200))


def test_scores_of_an_absent_class_are_nan_and_outside_the_mean():
    scores = class_scores([[5, 0, 0], [0, 0, 0], [2, 0, 3]])
    np.testing.assert_allclose(scores.precision, [5 / 7, np.nan, 1.0])
    np.testing.assert_allclose(scores.recall, [1.0, np.nan, 0.6])
    np.testing.assert_allclose(scores.f1, [10 / 12, np.nan, 6 / 8])
    assert scores.macro_f1 == pytest.approx((10 / 12 + 6 / 8) / 2)


def test_plain_scores_are_by_name_and_what_is_not_known_is_none():
    found = class_scores([[1, 0, 0], [1, 2, 0], [0, 0, 0]]).by_name(["P", "S", "noise"])
    assert found["P"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "windows": 1}
    assert found["noise"] == {"precision": None, "recall": None, "f1": None, "windows": 0}


def test_scores_of_nothing_are_nan():
    scores = class_scores(np.zeros((2, 2), dtype=int))
    assert np.isnan(scores.accuracy) and np.isnan(scores.macro_f1)


@pytest.mark.parametrize(("true", "predicted"), [([0, 1], [0]), ([0, 3], [0, 0]), ([0, 0], [-1, 0])])
def test_impossible_classes_are_refused(true, predicted):
    with pytest.raises(DataError):
        confusion_counts(true, predicted, 3)


def test_reliability_equals_the_bins_of_sklearn_and_the_sum_of_a_loop(rng):
    probability_n = np.concatenate([[0.0, 0.1, 0.5, 1.0], rng.random(500)])
    truth_n = rng.random(504) < probability_n**2
    found = reliability(probability_n, truth_n, n_bins=10)
    came_true, said = calibration_curve(truth_n, probability_n, n_bins=10)
    np.testing.assert_allclose(found.came_true, came_true)
    np.testing.assert_allclose(found.said, said)
    assert found.counts.sum() == 504
    ece = 0.0
    for low, high in zip(found.edges[:-1], found.edges[1:], strict=True):
        inside_n = (probability_n > low) & (probability_n <= high) | ((low == 0) & (probability_n == 0))
        ece += abs(truth_n[inside_n].mean() - probability_n[inside_n].mean()) * inside_n.mean()
    assert found.ece == pytest.approx(ece)


def test_honest_probabilities_are_calibrated_and_boastful_ones_are_not(rng):
    probability_n = rng.random(20_000)
    truth_n = rng.random(20_000) < probability_n
    assert reliability(probability_n, truth_n).ece < 0.02
    assert reliability(np.where(probability_n > 0.5, 1.0, 0.0), truth_n).ece == pytest.approx(0.25, abs=0.02)


def test_an_empty_bin_is_nan_and_counts_for_nothing():
    found = reliability([0.9, 0.95], [True, False], n_bins=2)
    np.testing.assert_array_equal(found.counts, [0, 2])
    assert np.isnan(found.said[0]) and found.ece == pytest.approx(0.425)


@pytest.mark.parametrize(
    ("probability", "truth"), [([1.1], [True]), ([np.nan], [True]), ([], []), ([0.5], [True, True])]
)
def test_reliability_refuses_what_is_no_probability(probability, truth):
    with pytest.raises(DataError):
        reliability(probability, truth)


def test_residuals_worked_by_hand():
    found = residual_statistics([-0.2, -0.1, 0.0, 0.1, 1.2])
    assert found.count == 5
    assert found.mean_s == pytest.approx(0.2)
    assert found.median_s == 0.0
    assert found.mae_s == pytest.approx(0.32)
    assert found.rmse_s == pytest.approx(np.sqrt(0.3))
    assert found.std_s == pytest.approx(np.sqrt(0.26))
    assert (found.p05_s, found.p95_s) == (pytest.approx(-0.18), pytest.approx(0.98))


def test_residuals_of_no_picks_and_of_broken_ones():
    nothing = residual_statistics([])
    assert nothing.count == 0 and np.isnan(nothing.mae_s)
    with pytest.raises(DataError, match="1 of 2"):
        residual_statistics([0.1, np.inf])


def test_the_interval_covers_the_truth_about_as_often_as_it_says(rng):
    covered = 0
    for _ in range(100):
        rows_n = rng.normal(size=80)
        low, high = bootstrap_interval(
            lambda rows, values_n=rows_n: values_n[rows].mean(),
            np.arange(80),
            rng=rng,
            n_resamples=200,
            level=0.9,
        )
        covered += low <= 0 <= high
    assert 80 <= covered <= 98


@pytest.mark.parametrize(("n", "level"), [(6, 0.95), (10, 0.95), (4, 0.8)])
def test_of_few_groups_the_interval_is_not_too_narrow(n, level):
    """Plain percentiles hold the mean of six normal values in 87, of ten in 90 cases of a hundred."""
    rng, covered = np.random.default_rng(4), 0
    for _ in range(400):
        values_n = rng.normal(size=n)
        low, high = bootstrap_interval(
            lambda rows, values_n=values_n: values_n[rows].mean(), np.arange(n), rng=rng, n_resamples=200, level=level
        )
        covered += low <= 0 <= high
    assert covered / 400 == pytest.approx(level, abs=0.04)


def test_plain_percentiles_are_what_many_groups_give(rng):
    values_n = rng.normal(size=2000)
    found = bootstrap_interval(lambda rows: values_n[rows].mean(), np.arange(2000), rng=np.random.default_rng(1))
    means = values_n[np.random.default_rng(1).integers(2000, size=(1000, 2000))].mean(axis=1)
    np.testing.assert_allclose(found, np.quantile(means, [0.025, 0.975]), atol=2e-4)


def test_rows_of_one_group_stay_together_and_widen_the_interval(rng):
    values_n = np.repeat(rng.normal(size=20), 50)
    groups_n = np.repeat([f"event {k}" for k in range(20)], 50)
    seen = []

    def mean(rows):
        seen.append(np.unique(np.bincount(rows, minlength=1000).reshape(20, 50), axis=1).shape[1])
        return values_n[rows].mean()

    low, high = bootstrap_interval(mean, groups_n, rng=rng, n_resamples=300)
    assert set(seen) == {1}
    naive_low, naive_high = bootstrap_interval(mean, np.arange(1000), rng=rng, n_resamples=300)
    assert high - low > 3 * (naive_high - naive_low)


@pytest.mark.parametrize(("n", "level", "known"), [(1, 0.5, 0), (5, 0.95, 0), (6, 0.95, 1), (3, 0.8, 0), (4, 0.8, 1)])
def test_too_few_groups_give_no_interval(n, level, known, rng):
    """Not even the range of five normal values holds their mean in 95 cases of a hundred."""
    values_n, groups_n = np.repeat(rng.normal(size=n), 3), np.repeat(np.arange(n), 3)
    found = bootstrap_interval(lambda rows: values_n[rows].mean(), groups_n, rng=rng, level=level)
    assert np.isfinite(found).all() == known


def test_what_is_the_same_in_all_resamples_has_no_interval(rng):
    """As the accuracy of a model without mistakes: an interval without width says that nothing is uncertain."""
    assert np.isnan(bootstrap_interval(lambda rows: 1.0, np.arange(40), rng=rng)).all()


def test_the_same_seed_gives_the_same_interval(rng):
    values_n, groups_n = rng.normal(size=(2, 30)).round(1)

    def interval(seed):
        return bootstrap_interval(lambda rows: np.median(values_n[rows]), groups_n, rng=np.random.default_rng(seed))

    assert interval(1) == interval(1) != interval(2)


def test_undefined_resamples_are_left_out_and_nothing_at_all_is_refused(rng):
    values_n = np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan])
    low, high = bootstrap_interval(lambda rows: values_n[rows].mean(), np.arange(6), rng=rng)
    assert 1 <= low < 3 < high <= 5
    assert np.isnan(bootstrap_interval(lambda rows: values_n[5], np.arange(6), rng=rng)).all()
    with pytest.raises(DataError):
        bootstrap_interval(len, [], rng=rng)
