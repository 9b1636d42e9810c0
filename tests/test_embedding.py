"""Principal components against scikit-learn and against what they promise."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from seisnet.errors import DataError
from seisnet.scoring.embedding import principal_components


@pytest.mark.parametrize("shape", [(200, 6), (5, 40)])
def test_points_and_shares_are_those_of_scikit_learn(shape):
    x_nd = np.random.default_rng(1).normal(size=shape) * np.arange(1, shape[1] + 1)
    found = principal_components(x_nd)
    theirs = PCA(2)
    points_nk = theirs.fit_transform(x_nd)
    axes = theirs.components_
    signs = np.sign(axes[range(2), np.abs(axes).argmax(axis=1)])
    np.testing.assert_allclose(found.points, points_nk * signs, atol=1e-9)
    np.testing.assert_allclose(found.explained, theirs.explained_variance_ratio_)


def test_points_that_are_all_the_same_explain_nothing():
    found = principal_components(np.ones((4, 3)))
    assert not found.points.any() and not found.explained.any()


def test_the_sign_depends_on_the_axes_alone():
    x_nd = np.random.default_rng(1).normal(size=(50, 4)) * [4, 3, 2, 1]
    np.testing.assert_allclose(principal_components(x_nd).points, principal_components(x_nd + 7).points, atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (5,)])
def test_too_few_points_or_dimensions_are_refused(shape):
    with pytest.raises(DataError, match="is needed"):
        principal_components(np.zeros(shape))
