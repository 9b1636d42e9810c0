"""What keeps weights small and steps bounded; dropout and input noise are layers, early stopping is the training's."""

from __future__ import annotations

from seisnet.nn.arrays import Array, namespace
from seisnet.nn.network import Network


def add_penalty(network: Network, *, l1: float = 0.0, l2: float = 0.0) -> float:
    """Add the gradient of l1 sum|w| + l2 sum(w^2) / 2 to `network.grad`; between backward and step.

    Weights only: a bias has nothing to overfit with. `l2` is what is called weight decay in SGD; with Adam, whose
    division would undo it, use `AdamW`.

    Returns
    -------
    float
        The penalty, to be added to the loss.
    """
    penalty = 0.0
    for layer in network.dense:
        w, dw = layer.weights, layer.weights_gradient
        xp = namespace(w)
        if l1:
            dw += l1 * xp.sign(w)
            penalty += l1 * float(xp.abs(w).sum())
        if l2:
            dw += l2 * w
            penalty += l2 * float((w * w).sum()) / 2
    return penalty


def limit_norms(network: Network, most: float) -> None:
    """Max-norm: scale each hidden unit's incoming weights back to a Euclidean norm of at most `most`, after a step.

    (Srivastava et al. 2014, section 5.1.)
    """
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
        The norm before.
    """
    norm = float(namespace(grad).linalg.norm(grad))
    if norm > most:
        grad *= most / norm
    return norm
