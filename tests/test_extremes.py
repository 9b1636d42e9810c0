"""Extremes of running spans are those of a naive loop."""

import numpy as np
import pytest

from seisnet.extremes import extremes


@pytest.mark.parametrize("of_two", [np.maximum, np.minimum])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 40])
@pytest.mark.parametrize("hop", [1, 3, 50])
def test_extremes_are_those_of_a_naive_loop(of_two, width, hop, noise):
    x_rt = np.stack([noise(40, 1), noise(40, 2)]).astype(np.float32)
    expected = [[of_two.reduce(row[at : at + width]) for at in range(0, 41 - width, hop)] for row in x_rt]
    np.testing.assert_array_equal(extremes(of_two, x_rt, width, hop=hop), expected)
