"""What keeps weights small and steps bounded; dropout and input noise are layers, early stopping is the training's."""

from __future__ import annotations

import math

from seisnet.errors import ConfigError
from seisnet.nn import fused
from seisnet.nn.arrays import Array, namespace
from seisnet.nn.network import Network


def penalty(network: Network, *, l1: float = 0.0, l2: float = 0.0) -> float:
    """l1 sum|w| + l2 sum(w^2) / 2 over the weights, to be added to the loss; a bias has nothing to overfit with."""
    weights = [layer.weights for layer in network.dense]
    return sum(l1 * float(abs(w).sum()) + l2 * float((w * w).sum()) / 2 for w in weights)


def add_penalty(network: Network, *, l1: float = 0.0, l2: float = 0.0) -> None:
    """Add the gradient of the `penalty` to `network.grad`; between backward and step.

    `l2` is what is called weight decay in SGD; with Adam, whose division would undo it, use `AdamW`.
    """
    for layer in network.dense:
        w, dw = layer.weights, layer.weights_gradient
        if l1:
            dw += l1 * namespace(w).sign(w)
        if l2 and fused.on_gpu(w):
            fused.run("add_scaled", l2, w, dw)
        elif l2:
            dw += l2 * w


def limit_norms(network: Network, most: float) -> None:
    """Max-norm: scale each hidden unit's incoming weights back to a Euclidean norm of at most `most`, after a step.

    (Srivastava et al. 2014, section 5.1.)
    """
    _check(most)
    for layer in network.dense[:-1]:
        w = layer.weights
        xp = namespace(w)
        norms = xp.sqrt((w * w).sum(axis=0))
        w *= most / xp.maximum(norms, most)


def clip_gradient(grad: Array, most: float) -> float:
    """Scale a gradient (P,) back to a Euclidean norm of at most `most`, in place (Pascanu et al. 2013, algorithm 1).

    Returns
    -------
    float
        The norm before; on a GPU an array (), which nobody has waited for.
    """
    _check(most)
    xp = namespace(grad)
    norm: float = xp.linalg.norm(grad)
    if fused.on_gpu(grad):
        grad *= xp.minimum(1, most / norm)
        return norm
    norm = float(norm)
    if math.isinf(norm):  # the squares of float32 overflow from 2e19 on, and a share of infinity would be no gradient
        norm = float(xp.linalg.norm(grad.astype(xp.float64)))
    if norm > most:
        grad *= most / norm
    return norm


def _check(most: float) -> None:
    if not most > 0:  # a negative one would turn every step uphill
        raise ConfigError(f"largest norm: got {most}; it must be positive")
