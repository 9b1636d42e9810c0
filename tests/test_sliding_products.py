"""Weighted sums of sliding windows: both ways of computing them against the naive loop."""

import numpy as np
import pytest

from seisnet.scan.sliding_products import DirectProduct, SpectralProduct, row_frames, sliding_product, together


def naive(frames, weights, n_windows, every=1):
    windows = [frames[m * every : m * every + len(weights)].ravel() for m in range(n_windows)]
    return np.array(windows, dtype=np.float64) @ weights.reshape(-1, weights.shape[2])


@pytest.mark.parametrize("every", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
# Two units at least: for rows of five and a single unit, OpenBLAS's AVX-512 kernel also adds up what it finds on the
# stack, and throws the sums away; where that is a signalling NaN, NumPy warns.
@pytest.mark.parametrize(("width", "units"), [(1, 2), (3, 2), (6, 64)])
def test_the_sums_are_those_of_a_loop(length, width, units, every):
    rng = np.random.default_rng(length)
    weights = rng.normal(size=(length, width, units)).astype(np.float32)
    step = row_frames(length, every)
    frames = rng.normal(size=(7 * step + length - 1, width)).astype(np.float32)
    found = sliding_product(weights, every)(frames, 7 * step // every)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, naive(frames, weights, 7 * step // every, every), atol=2e-5)


def test_spectra_are_taken_where_they_save_work():
    weights = np.ones((5, 2, 3), np.float32)
    assert isinstance(sliding_product(weights, 1), SpectralProduct)
    assert isinstance(sliding_product(weights, 2), DirectProduct)
    assert isinstance(sliding_product(weights[:1], 1), DirectProduct)
    assert (together(5, 1), together(5, 2), together(1, 1)) == (4, 0, 0)
    assert (row_frames(5, 1), row_frames(5, 2), row_frames(5, 6), row_frames(1, 1)) == (4, 6, 6, 1)


def test_values_far_from_zero_cost_spectra_no_more_than_single_sums():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(17, 48, 8)).astype(np.float32)
    frames = (rng.normal(size=(17 * 16 + 16, 48)) + 20).astype(np.float32)
    n = 17 * 16
    exact = naive(frames, weights, n)
    off = [np.abs(product(frames, n) - exact).max() for product in (SpectralProduct(weights), DirectProduct(weights))]
    assert off[0] < 3 * off[1]
