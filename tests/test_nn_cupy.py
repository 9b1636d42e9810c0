"""The same network on CuPy arrays; skipped where there is no CuPy or no GPU."""

import numpy as np
import pytest

from seisnet.nn import (
    ACTIVATIONS,
    OPTIMIZERS,
    SGD,
    Dropout,
    InputNoise,
    Network,
    StandardScaler,
    add_penalty,
    clip_gradient,
    gradient_norms,
    limit_norms,
    make_optimizer,
    minimize_lbfgs,
    saturated_shares,
    softmax,
    softmax_cross_entropy,
)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "step"])
def test_training_is_the_same(activation, optimizer, cupy):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 16, 6)), rng.integers(0, 3, (20, 16))
    first = Network((6, 8, 8, 3), activation, rng=rng, dtype=np.float64).theta
    ends = []
    for xp in (np, cupy):
        network = Network((6, 8, 8, 3), activation, theta=xp.asarray(first))
        inputs = StandardScaler().fit(xp.asarray(x.reshape(-1, 6))).transform(xp.asarray(x))
        stepper = make_optimizer(optimizer, 0.01)
        for i in range(len(x)):
            logits, backward = network.forward(inputs[i])
            _, dlogits = softmax_cross_entropy(logits, xp.asarray(y[i]), label_smoothing=0.1)
            backward(dlogits)
            add_penalty(network, l1=1e-4, l2=1e-3)
            clip_gradient(network.grad, 1.0)
            stepper.step(network.theta, network.grad)
            limit_norms(network, 3.0)
        assert len(gradient_norms(network)) == len(saturated_shares(network)) + 1 == 3
        assert type(network.theta) is xp.ndarray
        ends.append(network.predict_proba(inputs[0]))
    np.testing.assert_allclose(cupy.asnumpy(ends[1]), ends[0], rtol=1e-6)


def test_batches_may_be_of_any_size_and_logits_kept(cupy):
    rng = np.random.default_rng(0)
    for sizes in ((5, 1, 4, 2), (5, 1), (1, 3)):
        plain = Network(sizes, rng=rng, dtype=np.float64)
        network, kept = Network(sizes, theta=cupy.asarray(plain.theta)), []
        for n in (7, 1, 600, 33):
            x, dlogits = rng.normal(size=(n, sizes[0])), rng.normal(size=(sizes[-1], n)).T
            expected, plain_backward = plain.forward(x)
            logits, backward = network.forward(cupy.asarray(x))
            plain_backward(dlogits)
            backward(cupy.asarray(dlogits))
            kept.append((logits, expected))
            np.testing.assert_allclose(cupy.asnumpy(network.grad), plain.grad, rtol=1e-9, atol=1e-12)
        for logits, expected in kept:
            np.testing.assert_allclose(cupy.asnumpy(logits), expected, rtol=1e-9, atol=1e-12)
    assert network.predict(cupy.zeros((0, 1))).shape == (0, 3)


def test_arrays_that_a_kernel_would_misread_are_refused(cupy):
    grad = cupy.zeros(4)
    for theta in (cupy.zeros(4, np.float32), cupy.zeros(8)[::2]):
        with pytest.raises(TypeError, match="contiguous arrays of float"):
            SGD(0.1).step(theta, grad)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["uint8", "int64", "soft"])
def test_cross_entropy_is_the_same(kind, weighted, dtype, cupy):
    rng = np.random.default_rng(0)
    logits = (5 * rng.normal(size=(1000, 3))).astype(dtype)
    y = softmax(rng.normal(size=(1000, 3))) if kind == "soft" else rng.integers(0, 3, 1000).astype(kind)
    weights = (rng.random(1000), rng.random(3)) if weighted else (None, None)
    found = []
    for xp in (np, cupy):
        weight, class_weight = (None if w is None else xp.asarray(w) for w in weights)
        loss, gradient = softmax_cross_entropy(
            xp.asarray(logits), xp.asarray(y), weight, class_weight=class_weight, label_smoothing=0.1
        )
        assert gradient.dtype == dtype
        found.append((float(loss), cupy.asnumpy(gradient), cupy.asnumpy(softmax(xp.asarray(logits)))))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4 if dtype == np.float32 else 1e-11, atol=1e-9)


def test_what_is_no_class_and_weights_of_nothing_make_the_loss_nan(cupy):
    logits, y = cupy.zeros((2, 3)), cupy.asarray(np.array([0, 2]))
    assert float(softmax_cross_entropy(logits, y)[0]) == pytest.approx(np.log(3))
    for wrong in ([0, 3], [-1, 2]):
        assert np.isnan(float(softmax_cross_entropy(logits, cupy.asarray(np.array(wrong)))[0]))
    assert np.isnan(float(softmax_cross_entropy(logits, y, cupy.zeros(2))[0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_and_noise_are_drawn_from_the_seed(dtype, cupy):
    x = cupy.ones((1000, 300), dtype)

    def forward(layer, seed):
        y, backward = layer.forward(x, np.random.default_rng(seed))
        assert y.dtype == dtype
        return cupy.asnumpy(y), backward

    dropped, backward = forward(Dropout(0.2), 0)
    assert set(np.unique(dropped)) == {0, dtype(1) / dtype(1 - 0.2)}
    assert (dropped == 0).mean() == pytest.approx(0.2, abs=0.003)
    np.testing.assert_array_equal(cupy.asnumpy(backward(cupy.ones((1000, 300), dtype))), dropped)
    noisy = forward(InputNoise(0.5), 0)[0]
    noise = noisy - 1
    assert abs(noise.mean()) < 0.004
    assert noise.std() == pytest.approx(0.5, rel=0.01)
    assert (np.abs(noise) < 0.5).mean() == pytest.approx(0.6827, abs=0.004)
    assert abs(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]) < 0.01
    for layer, first in ((Dropout(0.2), dropped), (InputNoise(0.5), noisy)):
        np.testing.assert_array_equal(forward(layer, 0)[0], first)
        assert not np.array_equal(forward(layer, 1)[0], first)
        assert layer.forward(x)[0] is x


def test_lbfgs_and_plain_descent_end_at_the_minimum(cupy):
    for minimise in ("lbfgs", "descent"):
        theta, grad = cupy.zeros(2), cupy.zeros(2)
        there = cupy.asarray(np.array([3.0, -1.0]))

        def parabola(theta=theta, grad=grad, there=there):
            grad[:] = 2 * (theta - there)
            return ((theta - there) ** 2).sum()

        if minimise == "lbfgs":
            losses = minimize_lbfgs(parabola, theta, grad)
            assert losses[-1] < 1e-9
        else:
            for _ in range(100):
                parabola()
                SGD(0.2).step(theta, grad)
        np.testing.assert_allclose(cupy.asnumpy(theta), [3, -1], atol=1e-6)
