"""The same weights, batches and updates as scikit-learn and PyTorch, to 1e-6 over 50 steps in float64."""

import numpy as np
import pytest

from seisnet.nn import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Network,
    RMSProp,
    binary_cross_entropy,
    huber,
    mean_squared_error,
    softmax_cross_entropy,
)

SIZES = (20, 16, 8, 3)
STEPS = 50


def batches():
    rng = np.random.default_rng(1)
    return rng.normal(size=(STEPS + 1, 32, SIZES[0])), rng.integers(0, SIZES[-1], (STEPS + 1, 32))


def step(network, optimizer, x, y, **options):
    logits, backward = network.forward(x)
    loss, dlogits = softmax_cross_entropy(logits, y, **options)
    backward(dlogits)
    optimizer.step(network.theta, network.grad)
    return loss


@pytest.mark.parametrize(("ours", "theirs"), [("relu", "relu"), ("tanh", "tanh"), ("sigmoid", "logistic")])
def test_scikit_learn(ours, theirs):
    neural_network = pytest.importorskip("sklearn.neural_network")
    x, y = batches()
    peer = neural_network.MLPClassifier(
        SIZES[1:-1],
        activation=theirs,
        solver="sgd",
        alpha=0.0,
        batch_size=32,
        learning_rate_init=0.1,
        momentum=0.9,
        nesterovs_momentum=False,
        shuffle=False,
        random_state=0,
    )
    peer.partial_fit(x[0], y[0], classes=np.arange(SIZES[-1]))

    def flat(weights, biases):
        return np.concatenate([np.concatenate([w.ravel(), b]) for w, b in zip(weights, biases, strict=True)])

    network, optimizer = Network(SIZES, ours, theta=flat(peer.coefs_, peer.intercepts_)), SGD(0.1, momentum=0.9)
    # Its velocity is the step itself, -r v.
    layers = len(SIZES) - 1
    velocities = peer._optimizer.velocities
    optimizer.state = {"velocity": flat(velocities[:layers], velocities[layers:]) / -0.1}
    for i in range(1, STEPS + 1):
        peer.partial_fit(x[i], y[i])
        loss = step(network, optimizer, x[i], y[i])
        assert loss == pytest.approx(peer.loss_, rel=1e-9)
    np.testing.assert_allclose(network.theta, flat(peer.coefs_, peer.intercepts_), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(network.predict_proba(x[0]), peer.predict_proba(x[0]), rtol=1e-6)


OPTIMIZERS = {
    "descent": (lambda: SGD(0.1), lambda t, p: t.optim.SGD(p, 0.1)),
    "momentum": (lambda: SGD(0.1, 0.9), lambda t, p: t.optim.SGD(p, 0.1, momentum=0.9)),
    "nesterov": (lambda: SGD(0.1, 0.9, nesterov=True), lambda t, p: t.optim.SGD(p, 0.1, momentum=0.9, nesterov=True)),
    "adagrad": (lambda: AdaGrad(0.05), lambda t, p: t.optim.Adagrad(p, 0.05)),
    "rmsprop": (lambda: RMSProp(0.01), lambda t, p: t.optim.RMSprop(p, 0.01)),
    "adam": (lambda: Adam(0.01), lambda t, p: t.optim.Adam(p, 0.01)),
    "adamw": (lambda: AdamW(0.01, weight_decay=0.1), lambda t, p: t.optim.AdamW(p, 0.01, weight_decay=0.1)),
}


def torch_network(torch, network, activation):
    layers = []
    for dense in network.dense:
        linear = torch.nn.Linear(*dense.weights.shape, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(dense.weights.T.copy()))
            linear.bias.copy_(torch.from_numpy(dense.bias.copy()))
        layers += [linear, activation]
    return torch.nn.Sequential(*layers[:-1])


def torch_theta(model):
    return np.concatenate([p.detach().numpy().T.ravel() for p in model.parameters()])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_torch_optimizers(name):
    torch = pytest.importorskip("torch")
    x, y = batches()
    network = Network(SIZES, "tanh", rng=np.random.default_rng(0), dtype=np.float64)
    model = torch_network(torch, network, torch.nn.Tanh())
    make_ours, make_theirs = OPTIMIZERS[name]
    ours, theirs = make_ours(), make_theirs(torch, model.parameters())
    for i in range(STEPS):
        theirs.zero_grad()
        peer_loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(x[i])), torch.from_numpy(y[i]))
        peer_loss.backward()
        theirs.step()
        assert step(network, ours, x[i], y[i]) == pytest.approx(peer_loss.item(), rel=1e-6)
    np.testing.assert_allclose(network.theta, torch_theta(model), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "gelu", "sigmoid", "tanh", "identity"])
def test_torch_activations(name):
    torch = pytest.importorskip("torch")
    peers = {
        "relu": torch.nn.ReLU(),
        "leaky_relu": torch.nn.LeakyReLU(0.01),
        "gelu": torch.nn.GELU(approximate="tanh"),
        "sigmoid": torch.nn.Sigmoid(),
        "tanh": torch.nn.Tanh(),
        "identity": torch.nn.Identity(),
    }
    x, y = batches()
    network = Network(SIZES, name, rng=np.random.default_rng(0), dtype=np.float64)
    model = torch_network(torch, network, peers[name])
    ours, theirs = SGD(0.1, 0.9), torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    class_weight = np.array([1.0, 3.0, 0.5])
    for i in range(STEPS):
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(
            model(torch.from_numpy(x[i])), torch.from_numpy(y[i]), weight=torch.from_numpy(class_weight)
        ).backward()
        theirs.step()
        step(network, ours, x[i], y[i], class_weight=class_weight)
    np.testing.assert_allclose(network.theta, torch_theta(model), rtol=1e-6, atol=1e-9)


def test_torch_losses():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(0)
    prediction, target, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 3)), rng.integers(0, 3, 8)
    labels = (target > 0).astype(np.float64)
    t, tt, ty, tl = (torch.from_numpy(array) for array in (prediction, target, y, labels))
    pairs = [
        (
            softmax_cross_entropy(prediction, y, label_smoothing=0.1),
            lambda p: functional.cross_entropy(p, ty, label_smoothing=0.1),
        ),
        (mean_squared_error(prediction, target), lambda p: functional.mse_loss(p, tt)),
        (huber(prediction, target, delta=0.7), lambda p: functional.huber_loss(p, tt, delta=0.7)),
        (
            binary_cross_entropy(prediction, labels),
            lambda p: functional.binary_cross_entropy_with_logits(p, tl),
        ),
    ]
    for (value, gradient), peer in pairs:
        p = t.clone().requires_grad_()
        loss = peer(p)
        loss.backward()
        assert value == pytest.approx(loss.item(), rel=1e-12)
        np.testing.assert_allclose(gradient, p.grad.numpy(), rtol=1e-10, atol=1e-15)
