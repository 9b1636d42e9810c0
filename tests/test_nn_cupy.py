"""The same code on CuPy arrays; skipped where there is no CuPy or no GPU."""

import numpy as np
import pytest

from seisnet.nn import (
    ACTIVATIONS,
    OPTIMIZERS,
    Network,
    StandardScaler,
    add_penalty,
    clip_gradient,
    gradient_norms,
    limit_norms,
    make_optimizer,
    saturated_shares,
    softmax_cross_entropy,
)


@pytest.fixture
def cupy():
    module = pytest.importorskip("cupy")
    try:
        module.cuda.runtime.getDeviceCount()
    except module.cuda.runtime.CUDARuntimeError:
        pytest.skip("no GPU")
    return module


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "step"])
def test_training_is_the_same(activation, optimizer, cupy):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 16, 6)), rng.integers(0, 3, (20, 16))
    first = Network((6, 8, 8, 3), activation, rng=rng, dtype=np.float64).theta
    ends = []
    for xp in (np, cupy):
        network = Network((6, 8, 8, 3), activation, theta=xp.asarray(first), dropout=0.2, input_noise=0.1)
        inputs = StandardScaler().fit(xp.asarray(x.reshape(-1, 6))).transform(xp.asarray(x))
        stepper, noise = make_optimizer(optimizer, 0.01), np.random.default_rng(1)
        for i in range(len(x)):
            logits, backward = network.forward(inputs[i], noise)
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
