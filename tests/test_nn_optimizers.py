"""Two steps of every optimiser by hand, states that resume, and problems whose minimum is known."""

import copy
import re

import numpy as np
import pytest

from seisnet.errors import ConfigError, DataError, TrainingError
from seisnet.nn import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Network,
    RMSProp,
    flush_denormals,
    make_optimizer,
    minimize_lbfgs,
    softmax_cross_entropy,
)
from seisnet.nn import optimizers as module

# Two steps from theta = 1 with the gradients 2 and then 1, each worked out in the comment.
BY_HAND = {
    # 1 - 0.1 * 2 = 0.8; 0.8 - 0.1 * 1 = 0.7
    "sgd": (SGD(0.1), 0.8, 0.7),
    # v = 2: 1 - 0.2 = 0.8; v = 0.5 * 2 + 1 = 2: 0.8 - 0.2 = 0.6
    "momentum": (SGD(0.1, momentum=0.5), 0.8, 0.6),
    # v = 2: 1 - 0.1 (2 + 0.5 * 2) = 0.7; v = 2: 0.7 - 0.1 (1 + 0.5 * 2) = 0.5
    "nesterov": (SGD(0.1, momentum=0.5, nesterov=True), 0.7, 0.5),
    # s = 4: 1 - 0.1 * 2 / 2 = 0.9; s = 5: 0.9 - 0.1 / sqrt(5)
    "adagrad": (AdaGrad(0.1, epsilon=0.0), 0.9, 0.9 - 0.1 / np.sqrt(5)),
    # s = 0.25 * 4 = 1: 1 - 0.1 * 2 / 1 = 0.8; s = 0.75 + 0.25 = 1: 0.8 - 0.1 * 1 / 1 = 0.7
    "rmsprop": (RMSProp(0.1, decay=0.75, epsilon=0.0), 0.8, 0.7),
    # m = 1, m' = 2; s = 1, s' = 4: 1 - 0.1 * 2 / 2 = 0.9
    # m = 1, m' = 1 / 0.75; s = 1, s' = 1 / 0.4375: 0.9 - 0.1 * (4 / 3) / sqrt(16 / 7)
    "adam": (Adam(0.1, beta1=0.5, beta2=0.75, epsilon=0.0), 0.9, 0.9 - 0.1 * (4 / 3) / np.sqrt(16 / 7)),
    # theta first shrinks by 1 - 0.1 * 0.5: 0.95 - 0.1 = 0.85; 0.85 * 0.95 - ...
    "adamw": (
        AdamW(0.1, beta1=0.5, beta2=0.75, epsilon=0.0, weight_decay=0.5),
        0.85,
        0.85 * 0.95 - 0.1 * (4 / 3) / np.sqrt(16 / 7),
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BY_HAND)
def test_two_steps_by_hand(name, dtype):
    optimizer, first, second = copy.deepcopy(BY_HAND[name])
    theta = np.ones(3, dtype)
    optimizer.step(theta, np.full(3, 2, dtype))
    np.testing.assert_allclose(theta, first, rtol=3e-7)
    optimizer.step(theta, np.full(3, 1, dtype))
    np.testing.assert_allclose(theta, second, rtol=3e-7)
    assert theta.dtype == dtype
    assert all(isinstance(array, np.ndarray) for array in optimizer.state.values())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_blocks_change_nothing(name, monkeypatch):
    """A vector longer than a block moves as each of its elements would by itself; the gradient is left alone."""
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=1000).astype(np.float32), rng.normal(size=(3, 1000)).astype(np.float32)
    ends = []
    for block in (1000, 96):
        monkeypatch.setattr(module, "BLOCK", block)
        optimizer, theta = make_optimizer(name, 0.1), start.copy()
        for gradient in gradients:
            given = gradient.copy()
            optimizer.step(theta, given)
            assert (given == gradient).all()
        ends.append(theta)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_resumes_bit_for_bit(name):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(6, 50)).astype(np.float32)
    optimizer, theta = make_optimizer(name, 0.1), np.ones(50, np.float32)
    for gradient in gradients[:3]:
        optimizer.step(theta, gradient)
    saved, saved_theta = {key: value.copy() for key, value in optimizer.state.items()}, theta.copy()
    for gradient in gradients[3:]:
        optimizer.step(theta, gradient)
    resumed = make_optimizer(name, 0.1)
    resumed.state = saved
    for gradient in gradients[3:]:
        resumed.step(saved_theta, gradient)
    assert saved_theta.tobytes() == theta.tobytes()


def test_scaled_addition_is_the_same_with_and_without_blas():
    x = np.random.default_rng(0).normal(size=100).astype(np.float32)
    by_blas, by_numpy = np.ones(100, np.float32), np.ones(100, np.float32)
    module._add_scaled(by_blas, -0.25, x)
    by_numpy += np.float32(-0.25) * x
    np.testing.assert_allclose(by_blas, by_numpy, rtol=1e-6)
    every_other = np.ones(200, np.float32)
    module._add_scaled(every_other[::2], -0.25, x)
    np.testing.assert_allclose(every_other[::2], by_numpy, rtol=1e-6)
    assert (every_other[1::2] == 1).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("shape", [(1,), (4,), (12,), (1, 10)])
def test_a_gradient_of_another_shape_changes_nothing(name, momentum, shape):
    theta = np.ones(10, np.float32)
    with pytest.raises(DataError, match=r"gradient: got the shape .*\(10,\)"):
        make_optimizer(name, 0.1, momentum=momentum).step(theta, np.ones(shape, np.float32))
    assert (theta == 1).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_of_another_network_is_told(name):
    optimizer = make_optimizer(name, 0.1)
    optimizer.step(np.ones(4), np.ones(4))
    for n in (3, 5, 1):
        with pytest.raises(DataError, match="another optimiser"):
            optimizer.step(np.ones(n), np.ones(n))
    with pytest.raises(DataError, match="a list, not an array"):
        optimizer.step([1.0], [1.0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_denormals_are_flushed_and_nothing_else(name):
    optimizer, theta = make_optimizer(name, 0.1), np.ones(4, np.float32)
    optimizer.step(theta, np.ones(4, np.float32))
    for vector in optimizer.state.values():
        if vector.dtype == np.float32:
            vector[:] = [1e-40, -1e-40, 2e-38, -3.0]
    steps = optimizer.state.get("steps")
    flush_denormals(optimizer)
    for vector in optimizer.state.values():
        if vector.dtype == np.float32:
            assert (vector == np.array([0, 0, 2e-38, -3], np.float32)).all()
    assert optimizer.state.get("steps") == steps


def test_learning_rate_may_change_between_steps():
    optimizer, theta = SGD(1.0, momentum=0.5), np.zeros(1)
    optimizer.step(theta, np.array([1.0]))
    optimizer.learning_rate = 0.1
    optimizer.step(theta, np.array([1.0]))
    assert theta[0] == pytest.approx(-1 - 0.1 * 1.5)


def test_decay_spares_biases():
    network = Network((4, 5, 3), rng=np.random.default_rng(0))
    network.theta[:] = 1
    AdamW(0.1, weight_decay=0.5, decays=network.is_weight).step(network.theta, np.zeros_like(network.grad))
    for layer in network.dense:
        np.testing.assert_allclose(layer.weights, 0.95, rtol=1e-6)
        assert (layer.bias == 1).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_quadratic_bowl(name):
    rates = {"sgd": 0.05, "nesterov": 0.05, "adagrad": 1.0, "rmsprop": 0.01, "adam": 0.1, "adamw": 0.1}
    scale, theta = np.array([1.0, 10.0]), np.array([3.0, -2.0])
    optimizer = make_optimizer(name, rates[name], weight_decay=0.0)
    for _ in range(500):
        optimizer.step(theta, scale * theta)
    assert np.abs(theta).max() < 0.02


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SGD(-1), "learning_rate: got -1; it must be at least 0 and finite"),
        (lambda: SGD("0.1"), "learning_rate: got '0.1'; it must be at least 0 and finite"),
        (lambda: SGD(0.1, momentum=1.5), "momentum: got 1.5; it must be at least 0 and below 1"),
        (lambda: AdaGrad(np.inf), "learning_rate: got inf; it must be at least 0 and finite"),
        (lambda: AdaGrad(0.1, epsilon=-1e-8), "epsilon: got -1e-08; it must be at least 0 and finite"),
        (lambda: RMSProp(None), "learning_rate: got None; it must be at least 0 and finite"),
        (lambda: RMSProp(0.1, decay=1.0), "decay: got 1.0; it must be at least 0 and below 1"),
        (lambda: Adam(float("nan")), "learning_rate: got nan; it must be at least 0 and finite"),
        (lambda: Adam(0.1, beta1=1.0), "beta1: got 1.0; it must be at least 0 and below 1"),
        (lambda: Adam(0.1, beta2=-0.1), "beta2: got -0.1; it must be at least 0 and below 1"),
        (lambda: AdamW(0.1, weight_decay=-0.01), "weight_decay: got -0.01; it must be at least 0 and finite"),
        (lambda: AdamW(-0.1), "learning_rate: got -0.1; it must be at least 0 and finite"),
    ],
)
def test_numbers_that_there_can_not_be(make, told):
    with pytest.raises(ConfigError, match=f"^{re.escape(told)}$"):
        make()


def test_unknown_name():
    with pytest.raises(ConfigError, match="adamw"):
        make_optimizer("adan", 0.1)


def test_lbfgs_solves_rosenbrock():
    theta, grad = np.array([-1.2, 1.0]), np.zeros(2)

    def loss():
        x, y = theta
        grad[:] = -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2

    losses = minimize_lbfgs(loss, theta, grad, tolerance=1e-12)
    np.testing.assert_allclose(theta, 1, rtol=1e-4)
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_lbfgs_says_that_it_can_not_start(value):
    with np.errstate(invalid="ignore"), pytest.raises(TrainingError, match=f"loss is {value} at the start"):
        minimize_lbfgs(lambda: value, np.ones(2), np.full(2, np.nan))


def test_lbfgs_trains_a_network():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), rng.integers(0, 3, 60)
    network = Network((5, 16, 3), "tanh", rng=rng, dtype=np.float64)

    def loss():
        logits, backward = network.forward(x)
        value, dlogits = softmax_cross_entropy(logits, y)
        backward(dlogits)
        return value

    losses = minimize_lbfgs(loss, network.theta, network.grad, iterations=300)
    assert losses[-1] == pytest.approx(loss(), abs=1e-9)
    assert losses[-1] < 0.05
