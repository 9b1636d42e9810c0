"""Reverse-mode automatic differentiation in one page: the chain rule, one operation at a time.

Every operation makes a `Node` that remembers its value, its name, its parents and, for each parent, how a gradient of
the node turns into a gradient of that parent. `Node.backward` walks the graph from the end to the start and adds these
up. It works on scalars and arrays, shares no code with the layers, and so can check them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias, Union

import numpy as np

from seisnet.errors import DataError
from seisnet.nn.arrays import Array

Operand: TypeAlias = Union["Node", Array, float]


class Node:
    """A value in a computational graph.

    Attributes
    ----------
    value : float64 array
        The result of the operation; scalars are arrays of shape ().
    grad : float64 array, of the shape of `value`
        d(end) / d(value), after `backward` of the end.
    op : str
        Name of the operation; ``"value"`` for what was put in.
    parents : tuple of Node
        What the operation was applied to.

    Examples
    --------
    f = ((x + y) z)^2 at x = 1, y = 2, z = 3: f = 81, and df/dx = 2 (x + y) z * z = 54.

    >>> x, y, z = Node(1.0), Node(2.0), Node(3.0)
    >>> f = ((x + y) * z) ** 2
    >>> f.backward()
    >>> float(f.value), float(x.grad), float(y.grad), float(z.grad)
    (81.0, 54.0, 54.0, 54.0)
    >>> f.op, [parent.op for parent in f.parents], float(f.parents[0].grad)
    ('power', ['multiply'], 18.0)
    """

    # Otherwise NumPy would take `array + node` for itself and add the node to every element.
    __array_ufunc__ = None

    # And its functions would take a node for an array of one object: ``np.mean(node)`` would give the node back.
    def __array_function__(self, function: Callable[..., Any], *_: object) -> NoReturn:
        raise TypeError(
            f"numpy.{function.__name__} can't handle nodes; use those of seisnet.nn.graph, such as total for a sum"
        )

    def __array__(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a node is not an array; use its value")

    def __init__(
        self,
        value: Array | float,
        op: str = "value",
        parents: Sequence[Node] = (),
        pulls: Sequence[Callable[[Array], Array]] = (),
    ) -> None:
        self.value = np.asarray(value, dtype=np.float64)
        self.grad = np.zeros_like(self.value)
        self.op = op
        self.parents = tuple(parents)
        self._pulls = tuple(pulls)

    def backward(self) -> None:
        """Fill `grad` of this node, which is 1, and of everything that it was computed from."""
        order = self.ancestors()
        for node in order:
            node.grad = np.zeros_like(node.value)
        self.grad = np.ones_like(self.value)
        for node in reversed(order):
            for parent, pull in zip(node.parents, node._pulls, strict=True):
                parent.grad = parent.grad + _unbroadcast(pull(node.grad), parent.value.shape)

    def ancestors(self) -> list[Node]:
        """Every node that this one was computed from, parents before children, and this one last."""
        order: list[Node] = []
        seen: set[int] = set()
        stack = [(self, False)]
        while stack:
            node, parents_done = stack.pop()
            if parents_done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack += [(parent, False) for parent in reversed(node.parents)]
        return order

    def __repr__(self) -> str:
        return f"Node({self.op}, value={self.value}, grad={self.grad})"

    def __add__(self, other: Operand) -> Node:
        other = as_node(other)
        return Node(self.value + other.value, "add", (self, other), (lambda g: g, lambda g: g))

    def __mul__(self, other: Operand) -> Node:
        other = as_node(other)
        return Node(
            self.value * other.value, "multiply", (self, other), (lambda g: g * other.value, lambda g: g * self.value)
        )

    def __pow__(self, exponent: float) -> Node:
        slope = (lambda g: g * exponent * self.value ** (exponent - 1)) if exponent else np.zeros_like  # at 0, too
        return Node(self.value**exponent, "power", (self,), (slope,))

    def __matmul__(self, other: Operand) -> Node:
        other = as_node(other)
        x, y = self.value, other.value
        if x.ndim not in (1, 2) or y.ndim not in (1, 2) or x.shape[-1] != y.shape[0]:
            raise DataError(
                f"a product of the shapes {x.shape} and {y.shape}; it takes vectors (n,) and matrices (m, n)"
            )
        # A vector is a row on the left and a column on the right, and so an outer product is one of matrices.
        rows, columns = x.reshape(-1, len(y)), y.reshape(len(y), -1)
        shape = len(rows), columns.shape[1]
        return Node(
            x @ y,
            "matmul",
            (self, other),
            (
                lambda g: (g.reshape(shape) @ columns.T).reshape(x.shape),
                lambda g: (rows.T @ g.reshape(shape)).reshape(y.shape),
            ),
        )

    def __neg__(self) -> Node:
        return self * -1.0

    def __sub__(self, other: Operand) -> Node:
        return self + -as_node(other)

    def __truediv__(self, other: Operand) -> Node:
        return self * as_node(other) ** -1.0

    def __rsub__(self, other: Operand) -> Node:
        return as_node(other) - self

    def __rtruediv__(self, other: Operand) -> Node:
        return as_node(other) / self

    def __rmatmul__(self, other: Operand) -> Node:
        return as_node(other) @ self

    __radd__ = __add__
    __rmul__ = __mul__


def as_node(value: Operand) -> Node:
    """Return a node as it is and anything else as a constant."""
    return value if isinstance(value, Node) else Node(value)


def sin(x: Node) -> Node:
    """Sine of each element."""
    return Node(np.sin(x.value), "sin", (x,), (lambda g: g * np.cos(x.value),))


def exp(x: Node) -> Node:
    """Exponential of each element."""
    y = np.exp(x.value)
    return Node(y, "exp", (x,), (lambda g: g * y,))


def log(x: Node) -> Node:
    """Natural logarithm of each element."""
    return Node(np.log(x.value), "log", (x,), (lambda g: g / x.value,))


def tanh(x: Node) -> Node:
    """Hyperbolic tangent of each element."""
    y = np.tanh(x.value)
    return Node(y, "tanh", (x,), (lambda g: g * (1 - y * y),))


def maximum(x: Node, floor: Operand) -> Node:
    """Larger of two elements; where they are equal the gradient goes to the second."""
    other = as_node(floor)
    first = x.value > other.value
    return Node(np.maximum(x.value, other.value), "maximum", (x, other), (lambda g: g * first, lambda g: g * ~first))


def total(x: Node, axis: int | None = None) -> Node:
    """Sum over all elements, or over one axis, which stays with length 1."""
    value = x.value.sum() if axis is None else x.value.sum(axis=axis, keepdims=True)
    return Node(value, "sum", (x,), (lambda g: np.broadcast_to(g, x.value.shape),))


def _unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which a value of some shape was repeated."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    repeated = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] != 1)
    return gradient.sum(axis=repeated, keepdims=True)
