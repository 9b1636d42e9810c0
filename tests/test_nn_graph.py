"""The two graphs worked by hand, and each operation against central differences."""

import math

import numpy as np
import pytest

from seisnet.nn import graph
from seisnet.nn.graph import Node


def test_square_of_a_product_by_hand():
    """f = ((x + y) z)^2 at (1, 2, 3): s = 3, p = 9, f = 81; df/dp = 18, dp/ds = 3, dp/dz = 3."""
    x, y, z = Node(1.0), Node(2.0), Node(3.0)
    s = x + y
    p = s * z
    f = p**2
    f.backward()
    assert [float(n.value) for n in (s, p, f)] == [3, 9, 81]
    assert [float(n.grad) for n in (f, p, s, x, y, z)] == [1, 18, 54, 54, 54, 54]
    assert [n.op for n in f.ancestors()] == ["value", "value", "add", "value", "multiply", "power"]
    assert f.parents == (p,) and p.parents == (s, z) and x.parents == ()


def test_cube_with_a_sine_by_hand():
    """f = ((sin x + y) z)^3 at (0, 2, 3): p = 6, f = 216; df/dp = 3 * 36 = 108; df/dy = 324, df/dz = 216, cos 0 = 1."""
    x, y, z = Node(0.0), Node(2.0), Node(3.0)
    f = ((graph.sin(x) + y) * z) ** 3
    f.backward()
    assert float(f.value) == 216
    assert [float(n.grad) for n in (x, y, z)] == [324, 324, 216]

    x = Node(math.pi / 3)
    f = ((graph.sin(x) + 2.0) * 3.0) ** 3
    f.backward()
    p = (math.sin(math.pi / 3) + 2) * 3
    assert float(x.grad) == pytest.approx(3 * p**2 * 3 * math.cos(math.pi / 3), rel=1e-14)


def test_a_node_used_twice_adds_up():
    x = Node(3.0)
    f = x * x + x
    f.backward()
    assert float(x.grad) == 7
    f.backward()
    assert float(x.grad) == 7


OPERATIONS = {
    "add": lambda x: x + np.arange(3.0),
    "add from the right": lambda x: np.arange(3.0) + x,
    "add a scalar": lambda x: graph.total(x) + x,
    "subtract": lambda x: 1 - x - np.arange(3.0),
    "multiply": lambda x: x * np.arange(1.0, 4.0) * x,
    "divide": lambda x: 2 / x / np.arange(1.0, 4.0),
    "power": lambda x: x**-1.5,
    "sin": graph.sin,
    "exp": graph.exp,
    "log": graph.log,
    "tanh": graph.tanh,
    "matmul": lambda x: x @ np.arange(6.0).reshape(3, 2),
    "matmul from the right": lambda x: graph.as_node(np.arange(6.0).reshape(3, 2)) @ x,
    "maximum": lambda x: graph.maximum(x, 1.0),
    "sum": lambda x: graph.total(x) * x,
    "sum over rows": lambda x: graph.total(x, axis=0) * x,
    "sum over columns": lambda x: graph.total(x, axis=1) / x,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name):
    x = np.random.default_rng(0).uniform(0.5, 1.5, (2, 3))
    node = Node(x)
    out = OPERATIONS[name](node)
    pull = np.random.default_rng(1).normal(size=out.value.shape)
    graph.total(out * pull).backward()
    numeric = np.empty_like(x)
    for i in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[i] = 1e-6
        above, below = (float((OPERATIONS[name](Node(x + s)).value * pull).sum()) for s in (shift, -shift))
        numeric[i] = (above - below) / 2e-6
    np.testing.assert_allclose(node.grad, numeric, rtol=1e-7, atol=1e-8)


def test_a_long_chain_does_not_recurse():
    x = Node(1.0)
    f = x
    for _ in range(5000):
        f = f + 1.0
    f.backward()
    assert float(x.grad) == 1
