"""Activations: what a unit makes of its weighted sum, and the slope of that.

Each slope is written from the output y where that is possible, so that the weighted sum z need not be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seisnet.errors import ConfigError, DataError
from seisnet.nn import fused
from seisnet.nn.arrays import Array, namespace
from seisnet.nn.checks import shape_of

LEAK = 0.01
"""Slope of the leaky rectifier below zero."""

GELU_SCALE = 0.7978845608028654
GELU_CUBIC = 0.044715
"""sqrt(2 / pi) and the cubic coefficient of the tanh form of GELU (Hendrycks & Gimpel 2016, section 2)."""


@dataclass(frozen=True)
class Activation:
    """A function of the weighted sum, and its slope.

    Attributes
    ----------
    name : str
        Key in `ACTIVATIONS`.
    function : callable
        ``function(z, out)`` writes the output, an array like `z`, to `out`, which may be `z` itself.
    slope : callable
        dy/dz from the output y; from z where `from_input`.
    from_input : bool
        Whether the slope has to be computed from z, because y does not determine it.
    """

    name: str
    function: Callable[[Array, Array], Array]
    slope: Callable[[Array], Array]
    from_input: bool = False


def softmax(logits: Array) -> Array:
    """Probabilities (N, K) of logits (N, K): exp(z_k) / sum_j exp(z_j).

    Raises
    ------
    DataError
        If the logits are not an array of floats.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """
    dtype = getattr(logits, "dtype", None)
    if dtype is None or dtype.kind != "f":
        got = dtype or shape_of(logits)
        raise DataError(f"logits: got {got}; an array of floats is needed, as Network.predict gives it")
    if fused.on_gpu(logits):
        return fused.softmax(logits)
    xp = namespace(logits)
    # Worked on as (K, N): NumPy reduces many rows at once several times faster than a few classes many times.
    z = xp.array(logits.T, order="C")
    # The largest logit is taken off first: the ratio stays the same and nothing overflows.
    z -= z.max(axis=0)
    xp.exp(z, out=z)
    z /= z.sum(axis=0)
    return xp.ascontiguousarray(z.T)


def sigmoid(z: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-z)), as (1 + tanh(z / 2)) / 2, which can't overflow."""
    xp = namespace(z)
    y = xp.multiply(z, 0.5, out=out)
    xp.tanh(y, out=y)
    y += 1
    y *= 0.5
    return y


def _step(z: Array, out: Array) -> Array:
    out[...] = z >= 0
    return out


def _no_slope(_: Array) -> Array:
    raise ConfigError(
        "activation 'step': its slope is zero everywhere, so nothing can be learnt through it; "
        "train with sigmoid, tanh, relu, leaky_relu or gelu"
    )


def _identity(z: Array, out: Array) -> Array:
    if out is not z:
        out[...] = z
    return out


def _relu(z: Array, out: Array) -> Array:
    if out is z and fused.on_gpu(z):
        fused.run("relu", out)
        return out
    return namespace(z).maximum(z, 0, out=out)


def _gelu(z: Array, out: Array) -> Array:
    xp = namespace(z)
    return xp.multiply(0.5 * z, 1 + xp.tanh(GELU_SCALE * (z + GELU_CUBIC * z * z * z)), out=out)


def _gelu_slope(z: Array) -> Array:
    xp = namespace(z)
    t = xp.tanh(GELU_SCALE * (z + GELU_CUBIC * z * z * z))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * GELU_SCALE * (1 + 3 * GELU_CUBIC * z * z)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("step", _step, _no_slope),
        Activation("identity", _identity, lambda y: namespace(y).ones_like(y)),
        Activation("tanh", lambda z, out: namespace(z).tanh(z, out=out), lambda y: 1 - y * y),
        Activation("sigmoid", sigmoid, lambda y: y * (1 - y)),
        Activation("relu", _relu, lambda y: y > 0),
        Activation(
            "leaky_relu",
            lambda z, out: namespace(z).maximum(z, LEAK * z, out=out),
            lambda y: namespace(y).where(y > 0, y.dtype.type(1), y.dtype.type(LEAK)),
        ),
        Activation("gelu", _gelu, _gelu_slope, from_input=True),
    )
}
"""Activation by name; `step` serves inference only."""
