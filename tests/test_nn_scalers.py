"""Scalers: round trips, blocks, columns that don't vary, values that are refused."""

import numpy as np
import pytest

from seisnet.errors import DataError
from seisnet.nn import StandardScaler


def rows(seed=0, n=500):
    return (np.random.default_rng(seed).normal(size=(n, 4)) * [1, 10, 0.1, 3] + [0, 5, 1e4, -2]).astype(np.float32)


def test_mean_and_deviation():
    x = rows()
    x64 = x.astype(np.float64)
    y = StandardScaler().fit(x64).transform(x64)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-9)


def test_round_trip():
    x = rows()
    scaler = StandardScaler().fit(x)
    assert scaler.transform(x).dtype == np.float32
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(x)), x, rtol=1e-5, atol=1e-5)


def test_whole_numbers_are_scaled_as_floats():
    counts = np.array([[1, 5], [4, 6]], np.int32)
    scaler = StandardScaler().fit(counts)
    np.testing.assert_array_equal(scaler.transform(counts), scaler.transform(counts.astype(float)))
    np.testing.assert_array_equal(scaler.inverse_transform(counts), scaler.inverse_transform(counts.astype(float)))


@pytest.mark.parametrize("cuts", [[1], [100, 101, 300], [499]])
def test_blocks_are_as_good_as_the_whole(cuts):
    x = rows()
    blocks, whole = StandardScaler(), StandardScaler().fit(x)
    for block in np.split(x, cuts):
        blocks.partial_fit(block)
    assert blocks.count == 500
    np.testing.assert_allclose(blocks.mean, whole.mean, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(blocks.scale, whole.scale, rtol=1e-8)


def test_fit_forgets():
    assert (StandardScaler().fit(rows(1)).fit(rows()).mean == StandardScaler().fit(rows()).mean).all()


def test_a_column_that_does_not_vary():
    x = np.full((50, 2), 0.1, np.float32)
    scaler = StandardScaler().fit(x)
    assert (scaler.scale == 1).all()
    np.testing.assert_allclose(scaler.transform(x), 0, atol=1e-7)


def test_a_column_that_does_not_vary_but_whose_sum_is_rounded():
    x = np.full((100_000, 3), 12345.678)
    assert x.mean(axis=0)[0] != x[0, 0]  # or this shows nothing
    scaler = StandardScaler().fit(x)
    assert (scaler.scale == 1).all()
    np.testing.assert_allclose(scaler.transform(x[:1]), 0, atol=1e-10)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(value):
    x = rows()
    x[3, 2] = value
    with np.errstate(invalid="ignore"), pytest.raises(DataError, match=r"\[2\]"):
        StandardScaler().fit(x)


def test_rows_under_a_mask_are_refused():
    """The deviation would be that of the rows beside the mask, over the number of all."""
    with pytest.raises(DataError, match="masked"):
        StandardScaler().fit(np.ma.masked_equal([[1.0], [3.0], [999.0]], 999))


@pytest.mark.parametrize("x", [np.zeros((0, 3)), np.zeros(3), [[1.0], [2.0]]])
def test_no_rows(x):
    with pytest.raises(DataError, match=r"\(N, D\)"):
        StandardScaler().fit(x)


@pytest.mark.parametrize("use", ["transform", "inverse_transform", "partial_fit"])
@pytest.mark.parametrize("x", [np.zeros((5, 1)), np.zeros((5, 3)), np.zeros((1, 1))])
def test_rows_of_other_columns_are_refused(use, x):
    scaler = StandardScaler().fit(rows())
    with pytest.raises(DataError, match=r"learned from 4 columns.*the shape \("):
        getattr(scaler, use)(x)


@pytest.mark.parametrize("use", [StandardScaler.transform, StandardScaler.inverse_transform])
def test_a_scaler_that_was_not_fitted(use):
    with pytest.raises(DataError, match="call fit"):
        use(StandardScaler(), rows())
