"""First weights: random, with the variance that keeps signals the same size from layer to layer.

A unit adds up `fan_in` products. Its sum has the variance of one input if the weights have variance 1 / fan_in; what
the activation takes away is given back by a factor. Biases start at zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Initializer = Callable[[np.random.Generator, int, int], NDArray[np.float64]]
"""``(rng, fan_in, fan_out)`` to weights (fan_in, fan_out)."""


def glorot(rng: np.random.Generator, fan_in: int, fan_out: int) -> NDArray[np.float64]:
    """Variance 2 / (fan_in + fan_out): signals and gradients alike keep their size (Glorot & Bengio 2010, eq. 12)."""
    return rng.normal(0.0, math.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))


def he(rng: np.random.Generator, fan_in: int, fan_out: int) -> NDArray[np.float64]:
    """Variance 2 / fan_in: a rectifier passes half of its input's power (He et al. 2015, eq. 10)."""
    return rng.normal(0.0, math.sqrt(2 / fan_in), (fan_in, fan_out))


def lecun(rng: np.random.Generator, fan_in: int, fan_out: int) -> NDArray[np.float64]:
    """Variance 1 / fan_in: a weighted sum keeps the power of its inputs (LeCun et al. 1998, eq. 16)."""
    return rng.normal(0.0, math.sqrt(1 / fan_in), (fan_in, fan_out))


INITIALIZERS: dict[str, Initializer] = {
    "step": lecun,
    "identity": lecun,
    "tanh": glorot,
    "sigmoid": glorot,
    "relu": he,
    "leaky_relu": he,
    "gelu": he,
}
"""Initialiser by the name of the activation that follows."""
