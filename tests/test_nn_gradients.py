"""Every backward pass against central differences in float64, and against the computational graph."""

import numpy as np
import pytest

from seisnet.errors import ConfigError
from seisnet.nn import (
    ACTIVATIONS,
    Activate,
    Dense,
    Dropout,
    InputNoise,
    Network,
    add_penalty,
    binary_cross_entropy,
    graph,
    huber,
    mean_squared_error,
    penalty,
    softmax,
    softmax_cross_entropy,
)

STEP = 1e-5
TRAINABLE = [name for name in ACTIVATIONS if name != "step"]


def central_differences(f, x):
    """Gradient of a scalar function by every element of `x`, which `f` reads in place."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        there = x[i]
        x[i] = there + STEP
        above = f()
        x[i] = there - STEP
        below = f()
        x[i] = there
        gradient[i] = (above - below) / (2 * STEP)
    return gradient


def relative_error(a, b):
    return np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b) + 1e-300)


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def dense(fan_in, fan_out):
    w, b = random(fan_in, fan_out, seed=1), random(fan_out, seed=2)
    return Dense((w, b), (np.zeros_like(w), np.zeros_like(b)))


LOSSES = {
    "softmax_cross_entropy": lambda p: softmax_cross_entropy(p, np.arange(len(p)) % 3),
    "softmax_cross_entropy, weighted and smoothed": lambda p: softmax_cross_entropy(
        p, np.arange(len(p)) % 3, np.arange(1.0, len(p) + 1), class_weight=[1.0, 2.0, 0.5], label_smoothing=0.1
    ),
    "softmax_cross_entropy of probabilities, weighted and smoothed": lambda p: softmax_cross_entropy(
        p,
        softmax(random(*p.shape, seed=5)),
        np.arange(1.0, len(p) + 1),
        class_weight=[1.0, 2.0, 0.5],
        label_smoothing=0.1,
    ),
    "mean_squared_error": lambda p: mean_squared_error(p, random(*p.shape, seed=5)),
    "mean_squared_error, weighted": lambda p: mean_squared_error(
        p, random(*p.shape, seed=5), np.arange(1.0, len(p) + 1)
    ),
    "huber": lambda p: huber(p, random(*p.shape, seed=5), delta=0.7),
    "huber, weighted": lambda p: huber(p, random(*p.shape, seed=5), np.arange(1.0, len(p) + 1)),
    "binary_cross_entropy": lambda p: binary_cross_entropy(p, (random(*p.shape, seed=5) > 0).astype(float)),
    "binary_cross_entropy, weighted": lambda p: binary_cross_entropy(
        p, (random(*p.shape, seed=5) > 0).astype(float), np.arange(1.0, len(p) + 1)
    ),
}


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, batch):
    prediction = 2 * random(batch, 3)
    loss = LOSSES[name]
    _, gradient = loss(prediction)
    assert relative_error(gradient, central_differences(lambda: loss(prediction)[0], prediction)) < 1e-6


@pytest.mark.parametrize("name", TRAINABLE)
def test_activation_slope(name):
    activation = ACTIVATIONS[name]
    z = random(4, 6)
    y = activation.function(z, np.empty_like(z))
    slope = activation.slope(z if activation.from_input else y)
    numeric = (activation.function(z + STEP, np.empty_like(z)) - activation.function(z - STEP, np.empty_like(z))) / (
        2 * STEP
    )
    assert relative_error(slope.astype(float), numeric) < 1e-6


def test_step_has_no_slope():
    network = Network((3, 4, 2), "step", rng=np.random.default_rng(0))
    logits, backward = network.forward(random(2, 3))
    with pytest.raises(ConfigError, match="train with"):
        backward(logits)


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("make", [lambda: dense(4, 3), lambda: dense(1, 1)], ids=["4 to 3", "1 to 1"])
def test_dense_layer(make, batch):
    layer = make()
    fan_in, fan_out = layer.weights.shape
    x, pull = random(batch, fan_in), random(batch, fan_out, seed=3)

    def f():
        return float((layer.forward(x)[0] * pull).sum())

    dx = layer.forward(x)[1](pull.copy()).copy()
    assert relative_error(dx, central_differences(f, x)) < 1e-6
    assert relative_error(layer.weights_gradient, central_differences(f, layer.weights)) < 1e-6
    assert relative_error(layer.bias_gradient, central_differences(f, layer.bias)) < 1e-6


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(
    "make",
    [lambda name=name: Activate(ACTIVATIONS[name]) for name in TRAINABLE]
    + [lambda: Dropout(0.4), lambda: InputNoise(0.3)],
    ids=[*TRAINABLE, "dropout", "input noise"],
)
def test_layer_without_parameters(make, batch):
    layer = make()
    x, pull = random(batch, 6), random(batch, 6, seed=3)

    def f():
        # The same generator each time: central differences need the same mask and the same noise.
        return float((layer.forward(x.copy(), np.random.default_rng(7))[0] * pull).sum())

    dx = layer.forward(x.copy(), np.random.default_rng(7))[1](pull.copy())
    assert relative_error(dx, central_differences(f, x)) < 1e-6


def network_and_loss(sizes, activation, batch, loss, **options):
    network = Network(sizes, activation, rng=np.random.default_rng(0), dtype=np.float64, **options)
    network.theta += 0.1 * random(network.theta.size)
    x = random(batch, sizes[0])

    def f():
        logits, backward = network.forward(x, np.random.default_rng(3))
        value, gradient = loss(logits)
        backward(gradient)
        return value

    return network, f


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("sizes", [(4, 3), (4, 5, 3), (4, 6, 5, 3)], ids=str)
@pytest.mark.parametrize("activation", TRAINABLE)
def test_network(activation, sizes, batch):
    network, f = network_and_loss(sizes, activation, batch, LOSSES["softmax_cross_entropy, weighted and smoothed"])
    f()
    gradient = network.grad.copy()
    assert relative_error(gradient, central_differences(f, network.theta)) < 1e-6


@pytest.mark.parametrize("name", LOSSES)
def test_network_with_every_loss_dropout_and_noise(name):
    network, f = network_and_loss((4, 8, 8, 3), "tanh", 5, LOSSES[name], dropout=0.3, input_noise=0.2)
    f()
    gradient = network.grad.copy()
    assert relative_error(gradient, central_differences(f, network.theta)) < 1e-6


def test_penalty():
    network = Network((4, 5, 3), rng=np.random.default_rng(0), dtype=np.float64)

    def f():
        network.grad[:] = 0
        add_penalty(network, l1=0.2, l2=0.3)
        return penalty(network, l1=0.2, l2=0.3)

    f()
    gradient = network.grad.copy()
    assert relative_error(gradient, central_differences(f, network.theta)) < 1e-6
    assert (gradient[network.is_weight == 0] == 0).all()


def test_negative_control():
    """A gradient that is wrong by a thousandth must not pass."""
    network, f = network_and_loss((4, 6, 3), "tanh", 5, LOSSES["softmax_cross_entropy"])
    f()
    gradient = network.grad.copy()
    numeric = central_differences(f, network.theta)
    assert relative_error(gradient, numeric) < 1e-6
    assert relative_error(gradient * 1.001, numeric) > 1e-4
    wrong = gradient.copy()
    wrong[np.argmax(np.abs(wrong))] *= 1.001
    assert relative_error(wrong, numeric) > 1e-6


def graph_activation(name, z):
    match name:
        case "identity":
            return z
        case "tanh":
            return graph.tanh(z)
        case "sigmoid":
            return 1 / (1 + graph.exp(-z))
        case "relu":
            return graph.maximum(z, 0.0)
        case "leaky_relu":
            return graph.maximum(z, 0.01 * z)
        case "gelu":
            return 0.5 * z * (1 + graph.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    raise AssertionError(name)


def graph_cross_entropy(logits, y):
    one_hot = np.eye(logits.value.shape[1])[y]
    log_p = logits - graph.log(graph.total(graph.exp(logits), axis=1))
    return graph.total(log_p * one_hot) * (-1 / len(y))


@pytest.mark.parametrize("name", TRAINABLE)
def test_graph_agrees_with_the_network(name):
    network = Network((4, 6, 5, 3), name, rng=np.random.default_rng(0), dtype=np.float64)
    network.theta += 0.1 * random(network.theta.size)
    x, y = random(5, 4), np.arange(5) % 3

    nodes = [(graph.Node(w), graph.Node(b)) for w, b in network.views(network.theta)]
    h = graph.Node(x)
    for w, b in nodes[:-1]:
        h = graph_activation(name, h @ w + b)
    loss = graph_cross_entropy(h @ nodes[-1][0] + nodes[-1][1], y)
    loss.backward()

    logits, backward = network.forward(x)
    value, dlogits = softmax_cross_entropy(logits, y)
    backward(dlogits)
    assert value == pytest.approx(float(loss.value), rel=1e-12)
    oracle = np.concatenate([node.grad.ravel() for pair in nodes for node in pair])
    np.testing.assert_allclose(network.grad, oracle, rtol=1e-10, atol=1e-14)


def test_graph_agrees_with_every_layer_by_its_input():
    x, pull = random(5, 4), random(5, 3, seed=3)
    layer = dense(4, 3)
    node, w, b = graph.Node(x), graph.Node(layer.weights), graph.Node(layer.bias)
    graph.total((node @ w + b) * pull).backward()
    dx = layer.forward(x)[1](pull.copy())
    for ours, oracle in ((dx, node), (layer.weights_gradient, w), (layer.bias_gradient, b)):
        np.testing.assert_allclose(ours, oracle.grad, rtol=1e-12)

    pull = random(5, 4, seed=3)
    dropout = Dropout(0.4)
    y, backward = dropout.forward(x, np.random.default_rng(0))
    node = graph.Node(x)
    graph.total(node * (y / x) * pull).backward()
    np.testing.assert_allclose(backward(pull.copy()), node.grad, rtol=1e-6)


def test_graph_agrees_with_the_other_losses():
    prediction, target = random(5, 3), random(5, 3, seed=5)
    labels = (target > 0).astype(float)

    p = graph.Node(prediction)
    loss = graph.total((p - target) ** 2) * (1 / 15)
    loss.backward()
    value, gradient = mean_squared_error(prediction, target)
    assert value == pytest.approx(float(loss.value), rel=1e-12)
    np.testing.assert_allclose(gradient, p.grad, rtol=1e-12)

    # Huber's loss in three pieces, each a maximum: c = clip(e, -1, 1), l = c (e - c / 2).
    p = graph.Node(prediction)
    e = p - target
    c = -graph.maximum(-graph.maximum(e, -1.0), -1.0)
    loss = graph.total(c * (e - c * 0.5)) * (1 / 15)
    loss.backward()
    value, gradient = huber(prediction, target)
    assert value == pytest.approx(float(loss.value), rel=1e-12)
    np.testing.assert_allclose(gradient, p.grad, rtol=1e-12)

    z = graph.Node(prediction)
    probability = 1 / (1 + graph.exp(-z))
    likelihood = labels * graph.log(probability) + (1 - labels) * graph.log(1 - probability)
    loss = graph.total(likelihood) * (-1 / 15)
    loss.backward()
    value, gradient = binary_cross_entropy(prediction, labels)
    assert value == pytest.approx(float(loss.value), rel=1e-12)
    np.testing.assert_allclose(gradient, z.grad, rtol=1e-10)
