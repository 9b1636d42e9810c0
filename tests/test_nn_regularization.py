"""Penalties, norms and diagnostics: hand-worked numbers and invariants."""

import numpy as np
import pytest

from seisnet.errors import ConfigError, TrainingError
from seisnet.nn import Network, add_penalty, clip_gradient, gradient_norms, limit_norms, penalty, saturated_shares


def test_penalty_by_hand():
    network = Network((1, 2), theta=np.array([2.0, -3.0, 5.0, 5.0]))
    network.grad[:] = 1
    assert penalty(network, l1=0.1, l2=0.5) == pytest.approx(0.1 * 5 + 0.25 * 13)
    add_penalty(network, l1=0.1, l2=0.5)
    np.testing.assert_allclose(network.grad, [1 + 0.1 + 1, 1 - 0.1 - 1.5, 1, 1])


def test_clipping():
    gradient = np.array([3.0, 4.0])
    assert clip_gradient(gradient, 10.0) == 5
    assert gradient.tolist() == [3, 4]
    assert clip_gradient(gradient, 1.0) == 5
    np.testing.assert_allclose(gradient, [0.6, 0.8])
    zero = np.zeros(2)
    assert clip_gradient(zero, 1.0) == 0


def test_a_gradient_whose_square_overflows_keeps_its_direction():
    gradient = np.array([3e30, 4e30], np.float32)
    with np.errstate(over="ignore"):
        assert clip_gradient(gradient, 1.0) == pytest.approx(5e30)
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("most", [0.0, -1.0, np.nan])
def test_a_largest_norm_that_is_not_positive_is_refused(most):
    gradient, network = np.array([3.0, 4.0]), Network((2, 2, 1), theta=np.ones(9))
    with pytest.raises(ConfigError, match="largest norm: got"):
        clip_gradient(gradient, most)
    with pytest.raises(ConfigError, match="largest norm: got"):
        limit_norms(network, most)
    assert gradient.tolist() == [3, 4] and (network.theta == 1).all()


def test_max_norm_keeps_directions_and_the_output_layer():
    network = Network((5, 4, 3), rng=np.random.default_rng(0), dtype=np.float64)
    before = network.theta.copy()
    hidden, outputs = network.dense
    norms = np.linalg.norm(hidden.weights, axis=0)
    most = float(np.median(norms))
    limit_norms(network, most)
    np.testing.assert_allclose(np.linalg.norm(hidden.weights, axis=0), np.minimum(norms, most))
    old = next(network.views(before))[0]
    np.testing.assert_allclose(hidden.weights / np.minimum(norms, most), old / norms)
    assert (outputs.weights.ravel() == before[-outputs.weights.size - 3 : -3]).all()


def test_gradient_norms_by_layer():
    network = Network((2, 2, 1), theta=np.zeros(9))
    network.grad[:] = [3, 0, 0, 0, 0, 4, 1, 2, 2]
    assert gradient_norms(network) == pytest.approx([5, 3])


@pytest.mark.parametrize(
    ("activation", "bias", "share"),
    [("relu", -10, 1), ("relu", 10, 0), ("sigmoid", 10, 1), ("sigmoid", 0, 0), ("tanh", 5, 1), ("gelu", -9, 1)],
)
def test_saturated_units(activation, bias, share):
    network = Network((3, 4, 2), activation, rng=np.random.default_rng(0))
    network.dense[0].weights[...] *= 0.1
    network.dense[0].bias[...] = bias
    network.forward(np.random.default_rng(1).normal(size=(20, 3)))
    assert saturated_shares(network) == [share]


def test_slopes_of_no_batch_are_told():
    with pytest.raises(TrainingError, match="call forward first"):
        saturated_shares(Network((3, 4, 2)))


def test_one_dead_unit_of_four():
    network = Network((3, 4, 2), rng=np.random.default_rng(0))
    network.dense[0].bias[:] = [-100, 5, 5, 5]
    network.forward(np.random.default_rng(1).normal(size=(20, 3)))
    assert saturated_shares(network) == [0.25]
