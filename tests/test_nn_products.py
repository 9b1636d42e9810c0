"""Products in tiles give what one product gives; threads change no bit."""

import numpy as np
import pytest

from seisnet.nn import SGD, Network, blas_threads, products, softmax_cross_entropy
from seisnet.nn.products import product, tile_rows

SHAPES = [
    (1, 1200, 256),
    (3, 1200, 256),
    (32, 1200, 256),
    (33, 1200, 256),
    (130, 1200, 256),
    (1200, 32, 256),
    (1201, 128, 256),
    (1201, 300, 100),
    (1177, 33, 64),
    (1200, 512, 64),
    (128, 256, 128),
    (64, 1200, 100),
    (64, 128, 3),
    (16, 3000, 256),
]


def operands(shape, transposed, dtype=np.float32):
    rng = np.random.default_rng(shape)
    m, k, n = shape
    a = rng.normal(size=(k, m) if transposed[0] else (m, k)).astype(dtype)
    b = rng.normal(size=(n, k) if transposed[1] else (k, n)).astype(dtype)
    return a.T if transposed[0] else a, b.T if transposed[1] else b


@pytest.fixture(params=[True, False], ids=["tiles", "whole"])
def tiles(request, monkeypatch):
    monkeypatch.setattr(products, "tiles_pay", lambda: request.param)


@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_product(shape, transposed):
    a, b = operands(shape, transposed)
    out = np.full((shape[0], shape[2]), np.nan, np.float32)
    assert product(a, b, out) is out
    exact = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(out, exact, atol=2e-6 * np.sqrt(shape[1]) * np.abs(exact).max())


@pytest.mark.skipif(not products.threads_are_ours(), reason="the library shares products among its own threads")
@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize(("threads", "dtype"), [(2, np.float32), (3, np.float64)], ids=["2, float32", "3, float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_threads_change_no_bit(shape, threads, dtype, monkeypatch):
    monkeypatch.setattr(products, "THREAD_MULTIPLY_ADDS", 100_000)
    for transposed in ((False, False), (True, False), (False, True)):
        a, b = operands(shape, transposed, dtype)
        alone, shared = np.empty((2, shape[0], shape[2]), dtype)
        with blas_threads(1):  # as in training: old releases of OpenBLAS sum otherwise where they use threads
            product(a, b, alone)
            product(a, b, shared, threads)
        assert alone.tobytes() == shared.tobytes()


def test_tiles_stay_within_bounds():
    """Every tile is small enough for the kernels that it is made for, and its rows fit into the cache."""
    for m, k, n in SHAPES:
        for row_major in (True, False):
            rows = tile_rows(m, k, n, 4, row_major, True)
            assert rows * k * products.TILE_COLUMNS <= products.TILE_MULTIPLY_ADDS
            assert rows * k * 4 <= products.ROWS_BYTES
            assert tile_rows(m, k, n, 4, row_major, False) == 0
    assert tile_rows(32, 1200, 256, 4, True, True) == 8
    assert tile_rows(1200, 32, 256, 4, False, True) == 48
    assert tile_rows(1200, 512, 256, 4, False, True) == 0
    assert tile_rows(32, 128, 3, 4, True, True) == 0


def test_a_network_trains_the_same_with_and_without_tiles(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 32, 1200)).astype(np.float32), rng.integers(0, 3, (5, 32))
    thetas = []
    for pay in (True, False):
        monkeypatch.setattr(products, "tiles_pay", lambda pay=pay: pay)
        network = Network((1200, 256, 128, 3), rng=np.random.default_rng(0))
        for step in range(5):
            logits, backward = network.forward(x[step])
            backward(softmax_cross_entropy(logits, y[step])[1])
            network.theta -= 0.01 * network.grad
        thetas.append(network.theta)
    np.testing.assert_allclose(*thetas, atol=1e-6)


@pytest.mark.skipif(not products.threads_are_ours(), reason="the library shares products among its own threads")
@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize("batch_size", [130, 512])
def test_a_network_trains_the_same_with_any_number_of_threads(batch_size):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, batch_size, 1200)).astype(np.float32), rng.integers(0, 3, (3, batch_size))
    thetas = []
    for threads in (1, 2, 3):
        network, optimizer = Network((1200, 256, 128, 3), rng=np.random.default_rng(0)), SGD(0.01, momentum=0.9)
        network.threads = threads
        with blas_threads(1):
            for step in range(3):
                logits, backward = network.forward(x[step])
                backward(softmax_cross_entropy(logits, y[step])[1])
                optimizer.step(network.theta, network.grad)
        thetas.append(network.theta.tobytes())
    assert len(set(thetas)) == 1
