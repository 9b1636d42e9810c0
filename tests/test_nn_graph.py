"""The two graphs worked by hand, and each operation against central differences."""

import math

import numpy as np
import pytest

from seisnet.errors import DataError
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


def test_the_power_zero_has_no_slope_even_at_zero():
    x = graph.Node([0.0, 2.0])
    graph.total(x**0).backward()
    assert x.grad.tolist() == [0.0, 0.0]


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
    numeric = central_differences(lambda there: float((OPERATIONS[name](Node(there)).value * pull).sum()), x)
    np.testing.assert_allclose(node.grad, numeric, rtol=1e-7, atol=1e-8)


def central_differences(f, x):
    numeric = np.empty_like(x)
    for i in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[i] = 1e-6
        numeric[i] = (f(x + shift) - f(x - shift)) / 2e-6
    return numeric


@pytest.mark.parametrize(
    ("left", "right"), [((2, 3), (3, 4)), ((4, 4), (4,)), ((2, 3), (3,)), ((4,), (4, 4)), ((3,), (3, 2)), ((3,), (3,))]
)
@pytest.mark.parametrize("both", [True, False])
def test_products_of_matrices_and_vectors(left, right, both):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 1.5, left), rng.uniform(0.5, 1.5, right)
    pull = rng.uniform(0.5, 1.5, (x @ y).shape)
    first, second = Node(x), Node(y)
    for out in [first @ second] if both else [first @ y, x @ second]:
        np.testing.assert_array_equal(out.value, x @ y)
        graph.total(out * pull).backward()
    numeric = central_differences(lambda there: float(((there @ y) * pull).sum()), x)
    np.testing.assert_allclose(first.grad, numeric, rtol=1e-7)
    np.testing.assert_allclose(
        second.grad, central_differences(lambda there: float(((x @ there) * pull).sum()), y), rtol=1e-7
    )
    with pytest.raises(AssertionError):  # a gradient that is wrong by a thousandth
        np.testing.assert_allclose(first.grad * 1.001, numeric, rtol=1e-7)


@pytest.mark.parametrize(
    ("left", "right"), [((2, 2, 2), (2, 2)), ((2, 2), (2, 2, 2)), ((), (2,)), ((2,), ()), ((2, 3), (2,))]
)
def test_products_of_other_shapes_are_refused(left, right):
    with pytest.raises(DataError, match="vectors"):
        Node(np.ones(left)) @ np.ones(right)


@pytest.mark.parametrize(
    "function", [np.mean, np.sum, np.max, np.exp, np.asarray, np.transpose, lambda x: np.dot(np.ones((2, 2)), x), Node]
)
def test_what_is_numpys_alone_is_told(function):
    """np.mean(node) gave the node."""
    with pytest.raises(TypeError, match=r"node|Node"):
        function(Node([1.0, 2.0]))


def test_a_long_chain_does_not_recurse():
    x = Node(1.0)
    f = x
    for _ in range(5000):
        f = f + 1.0
    f.backward()
    assert float(x.grad) == 1
