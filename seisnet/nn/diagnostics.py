"""How a training is going, layer by layer: whether gradients vanish or explode, whether units are stuck."""

from __future__ import annotations

from seisnet.nn.arrays import namespace
from seisnet.nn.network import Network

SATURATED_SLOPE = 0.05
"""Mean slope over a batch below which a unit hardly passes any gradient on."""


def gradient_norms(network: Network) -> list[float]:
    """Euclidean norm of the gradient of each layer's weights and biases, after backward."""
    norms = []
    for layer in network.dense:
        norm = namespace(layer.bias).linalg.norm
        norms.append((float(norm(layer.weights_gradient)) ** 2 + float(norm(layer.bias_gradient)) ** 2) ** 0.5)
    return norms


def saturated_shares(network: Network) -> list[float]:
    """Share of each hidden layer's units whose mean slope over the last batch is below 0.05.

    Those are sigmoid and tanh units at their bounds, and rectifiers that hardly any window of the batch switches on.

    Raises
    ------
    TrainingError
        If there was no batch yet.
    """
    return [float((layer.slope().mean(axis=0) < SATURATED_SLOPE).mean()) for layer in network.activate]
