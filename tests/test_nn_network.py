"""The network as a whole: layout, initial variance, blocks, dropout, threads, refusals."""

import copy
import pickle

import numpy as np
import pytest

from seisnet.errors import ConfigError, DataError, TrainingError
from seisnet.nn import ACTIVATIONS, SGD, Network, StandardScaler, glorot, he, lecun, softmax, softmax_cross_entropy
from seisnet.nn import network as module
from seisnet.nn.arrays import ALIGNMENT_BYTES


def make(sizes=(6, 8, 5, 3), activation="relu", **options):
    return Network(sizes, activation, rng=np.random.default_rng(0), **options)


def train(network, steps, *, seed=0, optimizer=None):
    rng = np.random.default_rng(seed)
    optimizer = optimizer or SGD(0.05, momentum=0.9)
    for _ in range(steps):
        x, y = rng.normal(size=(16, network.sizes[0])).astype(np.float32), rng.integers(0, network.sizes[-1], 16)
        logits, backward = network.forward(x, rng)
        _, dlogits = softmax_cross_entropy(logits, y)
        backward(dlogits)
        optimizer.step(network.theta, network.grad)


def test_a_2_3_1_network_by_hand():
    """theta in order: W1 (2, 3) row by row, b1 (3,), W2 (3, 1), b2 (1,)."""
    theta = np.array([1, 0, -1, 0, 1, 2, 0, 0.5, -1, 2, -1, 1, 0.25])
    network = Network((2, 3, 1), "relu", theta=theta)
    # x = (1, 2): z = (1, 2, 3) + (0, 0.5, -1) = (1, 2.5, 2); 2 * 1 - 2.5 + 2 + 0.25 = 1.75
    logits, backward = network.forward(np.array([[1.0, 2.0]]))
    assert logits.tolist() == [[1.75]]
    backward(np.ones((1, 1)))
    # All units are on: dL/dz = W2; dL/dW1 = x^T dL/dz; dL/dW2 = h.
    assert network.grad.tolist() == [2, -1, 1, 4, -2, 2, 2, -1, 1, 1, 2.5, 2, 1]


def test_theta_and_grad_are_one_aligned_vector_each():
    network = make()
    assert network.theta.shape == network.grad.shape == (6 * 8 + 8 + 8 * 5 + 5 + 5 * 3 + 3,)
    assert network.theta.dtype == network.grad.dtype == np.float32
    for vector in (network.theta, network.grad):
        assert vector.ctypes.data % ALIGNMENT_BYTES == 0
        assert vector.flags.c_contiguous
    assert all(np.shares_memory(layer.weights, network.theta) for layer in network.dense)
    assert all(np.shares_memory(layer.bias_gradient, network.grad) for layer in network.dense)
    network.theta[:] = 0
    assert (network.predict(np.ones((2, 6), np.float32)) == 0).all()


def test_theta_is_copied_and_keeps_its_dtype():
    theta = make(dtype=np.float64).theta
    network = Network((6, 8, 5, 3), theta=theta)
    network.theta += 1
    assert network.theta.dtype == np.float64
    np.testing.assert_allclose(network.theta, theta + 1)


def test_what_is_assigned_is_copied_into_the_layers():
    """The line of home-made early stopping; bound to another array, theta would leave the layers as they are."""
    network, x = make(), np.ones((2, 6), np.float32)
    theta, best, before = network.theta, network.theta.copy(), network.predict(x)
    train(network, 3)
    network.theta = best
    assert network.theta is theta
    assert (network.predict(x) == before).all()
    train(network, 1)
    assert (network.predict(x) != before).any() and (best == make().theta).all()
    network.grad = np.ones_like(best)
    network.theta -= network.grad
    assert (network.dense[0].weights_gradient == 1).all()
    for name in ("theta", "grad"):
        for wrong in (best[1:], best[None], best.tolist(), np.float32(1)):
            with pytest.raises(DataError, match=rf"{name}: got .*\(119,\)"):
                setattr(network, name, wrong)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_seed_gives_the_same_weights_in_every_dtype(dtype):
    np.testing.assert_allclose(make(dtype=dtype).theta, make(dtype=np.float64).theta, rtol=1e-6)
    assert (make(dtype=dtype).theta != Network((6, 8, 5, 3), rng=np.random.default_rng(1), dtype=dtype).theta).any()


@pytest.mark.parametrize(("initializer", "variance"), [(glorot, 2 / 700), (he, 2 / 400), (lecun, 1 / 400)])
def test_variance_of_first_weights(initializer, variance):
    weights = initializer(np.random.default_rng(0), 400, 300)
    assert weights.var() == pytest.approx(variance, rel=0.02)
    assert abs(weights.mean()) < 1e-3


@pytest.mark.parametrize(
    ("activation", "low", "high"), [("relu", 0.8, 1.2), ("tanh", 0.3, 0.6), ("identity", 0.8, 1.2)]
)
def test_signals_neither_vanish_nor_explode(activation, low, high):
    """The power of unit-variance inputs after five layers of 512 units; tanh takes some away in each."""
    network = Network((512,) * 7, activation, rng=np.random.default_rng(0))
    logits = network.predict(np.random.default_rng(1).normal(size=(256, 512)).astype(np.float32))
    assert low < logits.std() < high


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "step"])
def test_it_learns(activation):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    x = rng.normal(size=(200, 4)) + 3 * np.eye(4)[y]
    x = StandardScaler().fit(x).transform(x)
    network, optimizer = Network((4, 16, 3), activation, rng=rng), SGD(0.2, momentum=0.9)
    for _ in range(100):
        logits, backward = network.forward(x)
        _, dlogits = softmax_cross_entropy(logits, y)
        backward(dlogits)
        optimizer.step(network.theta, network.grad)
    assert (network.predict_proba(x).argmax(axis=1) == y).mean() > 0.93


def test_step_activation_serves_inference():
    theta = np.array([1.0, -1.0, 0.0, 0.0, 2.0, 3.0, 0.5])
    network = Network((1, 2, 1), "step", theta=theta)
    np.testing.assert_allclose(network.predict(np.array([[1.0], [-1.0]])), [[2.5], [3.5]])


@pytest.mark.parametrize("through", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies_are_whole(through):
    network = make(dropout=0.2, input_noise=0.1)
    twin = through(network)
    for one in (network, twin):
        train(one, 3)
    assert twin.theta.tobytes() == network.theta.tobytes()
    assert all(np.shares_memory(layer.weights, twin.theta) for layer in twin.dense)
    assert not np.shares_memory(twin.theta, network.theta)


def test_same_seed_same_bytes():
    networks = [make(dropout=0.3, input_noise=0.1) for _ in range(2)]
    for network in networks:
        train(network, 20)
    assert networks[0].theta.tobytes() == networks[1].theta.tobytes()


def test_resume_is_bit_for_bit():
    whole, parts = make(), make()
    train(whole, 10, optimizer=(optimizer := SGD(0.05, momentum=0.9)))
    train(whole, 10, seed=1, optimizer=optimizer)
    train(parts, 10, optimizer=(first := SGD(0.05, momentum=0.9)))
    resumed, second = Network(parts.sizes, theta=parts.theta), SGD(0.05, momentum=0.9)
    second.state = {key: value.copy() for key, value in first.state.items()}
    train(resumed, 10, seed=1, optimizer=second)
    assert resumed.theta.tobytes() == whole.theta.tobytes()


def test_predict_in_blocks(monkeypatch):
    network, x = make(), np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    whole = network.predict(x)
    monkeypatch.setattr(module, "PREDICT_ROWS", 16)
    np.testing.assert_allclose(network.predict(x), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.predict_proba(x), softmax(whole), rtol=1e-5)
    np.testing.assert_allclose(network.predict_proba(x).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(network.predict_proba(x, "sigmoid"), 1 / (1 + np.exp(-whole)), rtol=1e-5)
    assert network.predict(x[:0]).shape == (0, 3)


def test_batches_of_any_size_share_temporaries():
    network = make()
    x = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    alone = [network.forward(row[None])[0] for row in x]
    for size in (3, 20, 1, 7):
        np.testing.assert_allclose(network.forward(x[:size])[0], np.vstack(alone[:size]), rtol=1e-5, atol=1e-6)


def test_logits_may_be_kept():
    network = make()
    logits, _ = network.forward(np.ones((2, 6), np.float32))
    before = logits.copy()
    network.forward(np.zeros((2, 6), np.float32))
    assert (logits == before).all()


def test_gradients_do_not_change_their_origin():
    network = make()
    logits, backward = network.forward(np.ones((2, 6), np.float32))
    dlogits = np.ones_like(logits)
    backward(dlogits)
    first = network.grad.copy()
    backward(dlogits)
    assert (dlogits == 1).all()
    assert first.any()


def test_backward_of_an_earlier_pass_is_refused():
    network = make()
    logits, backward = network.forward(np.ones((2, 6), np.float32))
    network.forward(np.zeros((2, 6), np.float32))
    with pytest.raises(TrainingError, match="earlier"):
        backward(logits)


def test_dropout_is_on_iff_a_generator_is_given():
    network, plain = make(dropout=0.5), make()
    x = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    assert (network.forward(x)[0] == plain.forward(x)[0]).all()
    assert (network.forward(x, np.random.default_rng(0))[0] != plain.forward(x)[0]).any()


def test_dropout_keeps_the_expectation():
    """One linear layer after dropout: the mean over many masks is the output without."""
    network = Network((6, 40, 2), "identity", rng=np.random.default_rng(0), dropout=0.3, dtype=np.float64)
    x = np.repeat(np.random.default_rng(1).normal(size=(1, 6)), 20_000, axis=0)
    noisy = network.forward(x, np.random.default_rng(2))[0]
    error_of_mean = noisy.std(axis=0) / np.sqrt(len(x))
    assert (np.abs(noisy.mean(axis=0) - network.forward(x[:1])[0][0]) < 4 * error_of_mean).all()


def test_input_noise_has_the_deviation_asked_for():
    network = Network((1, 1), theta=np.array([1.0, 0.0]), input_noise=0.2)
    noisy = network.forward(np.zeros((20_000, 1)), np.random.default_rng(0))[0]
    assert noisy.std() == pytest.approx(0.2, rel=0.02)
    assert (network.forward(np.zeros((5, 1)))[0] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (((5,),), {}, "outputs"),
        (((5, 0, 3),), {}, "at least 1"),
        (((5, 3.7),), {}, "whole numbers"),
        ((("5", 3),), {}, "whole numbers"),
        ((5,), {}, "whole numbers"),
        (((5, 3), "swish"), {}, "use one of step"),
        (((5, 3),), {"dtype": int}, "int64: floats"),
        (((5, 3),), {"theta": np.zeros(18, np.int32)}, "int32: floats"),
        (((5, 3),), {"dtype": np.float16}, "float32 or float64"),
        (((5, 3),), {"dropout": 1.0}, r"\[0, 1\)"),
        (((5, 3),), {"input_noise": -1.0}, "negative"),
    ],
)
def test_refused(arguments, options, message):
    with pytest.raises(ConfigError, match=message):
        Network(*arguments, rng=np.random.default_rng(0), **options)


def test_wrong_shapes_are_refused():
    with pytest.raises(DataError, match=r"\(18,\)"):
        Network((5, 3), theta=np.zeros(17))
    with pytest.raises(DataError, match=r"\(B, 6\)"):
        make().forward(np.zeros((2, 5)))
    with pytest.raises(DataError, match=r"\(B, 6\)"):
        make().forward(np.zeros(6))


def test_what_is_no_array_is_told():
    x = np.zeros((2, 6), np.float32)
    for read in (make().forward, make().predict, make().hidden, make().predict_proba):
        for wrong in (x.tolist(), x[0], 3.0):
            with pytest.raises(DataError, match=r"x: got .*\(B, 6\)"):
                read(wrong)
    logits, backward = make().forward(x)
    for wrong in (logits[:, 0], logits[:1], logits.tolist()):
        with pytest.raises(DataError, match=r"dlogits: got .*\(2, 3\)"):
            backward(wrong)


def test_masked_inputs_are_refused():
    network, x = Network((4, 3)), np.ma.masked_equal(np.eye(4), 0)
    for use in (network.forward, network.predict, network.hidden, network.predict_proba):
        with pytest.raises(DataError, match="masked"):
            use(x)


def test_what_is_no_generator_is_told():
    with pytest.raises(ConfigError, match=r"rng: got 0; .*default_rng\(0\)"):
        Network((6, 3), rng=0)
    with pytest.raises(ConfigError, match="rng: got 1;"):
        make(dropout=0.5).forward(np.zeros((2, 6), np.float32), 1)


def test_outputs_of_other_names_are_refused():
    with pytest.raises(ConfigError, match="output 'tanh': use one of softmax, sigmoid"):
        make().predict_proba(np.zeros((2, 6), np.float32), output="tanh")


@pytest.mark.parametrize("sizes", [(5, 7, 4, 3), (5, 3)])
def test_hidden_is_what_the_last_layer_reads(sizes):
    rng = np.random.default_rng(3)
    network = Network(sizes, "tanh", rng=rng, dropout=0.5, input_noise=0.5)
    x_bd = rng.normal(size=(module.PREDICT_ROWS + 10, 5)).astype(np.float32)
    hidden_bh = network.hidden(x_bd)
    weights, bias = list(network.views(network.theta))[-1]
    assert hidden_bh.shape == (len(x_bd), sizes[-2])
    np.testing.assert_allclose(hidden_bh @ weights + bias, network.predict(x_bd), rtol=1e-5, atol=1e-6)


def test_what_is_predicted_meanwhile_changes_no_backward():
    rng = np.random.default_rng(3)
    x_bd, other_bd = rng.normal(size=(2, 8, 5)).astype(np.float32)
    gradients = []
    for meanwhile in (False, True):
        network = Network((5, 4, 3), "gelu", rng=np.random.default_rng(3))
        logits, backward = network.forward(x_bd)
        if meanwhile:
            network.predict(other_bd)
            network.hidden(other_bd)
        backward(logits)
        gradients.append(network.grad.copy())
    assert (gradients[0] == gradients[1]).all()


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_weighted_sums_of_the_first_layer_lead_to_the_same_outputs(activation):
    network = Network((5, 4, 6, 3), activation, rng=np.random.default_rng(3))
    x_bd = np.random.default_rng(4).normal(size=(8, 5)).astype(np.float32)
    sums_bh = x_bd @ network.dense[0].weights + network.dense[0].bias
    np.testing.assert_allclose(network.after_first(sums_bh), network.forward(x_bd)[0], rtol=1e-5, atol=1e-6)
