"""Layers: each maps x to (y, backward), and backward maps dL/dy to dL/dx.

What a layer learns lives in views of the network's flat vectors: backward writes dL/dW and dL/db there. An array that a
layer hands out belongs to it and holds until its next forward pass; backward may overwrite the dL/dy that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np

from seisnet.nn import fused
from seisnet.nn.activations import Activation
from seisnet.nn.arrays import Array, Workspace
from seisnet.nn.products import product

Backward: TypeAlias = Callable[[Array], Array]
"""dL/dy (B, fan_out) to dL/dx (B, fan_in)."""


class Layer(Protocol):
    """A part of a network; `rng` is None where nothing may be random, as in inference."""

    def forward(self, x: Array, rng: np.random.Generator | None) -> tuple[Array, Backward]:
        """Output (B, fan_out) of an input (B, fan_in), and the way back."""
        ...


class Dense:
    """Weighted sums: y = x W + b.

    Backward: dL/dW = x^T dL/dy, dL/db = sum over the batch of dL/dy, dL/dx = dL/dy W^T.

    Parameters
    ----------
    parameters, gradients : tuple of (fan_in, fan_out) and (fan_out,)
        W and b, and where their gradients go.
    input_gradient : bool
        Whether dL/dx is wanted; the first layer of a network has nobody to hand it to, and leaves it out.
    """

    def __init__(
        self, parameters: tuple[Array, Array], gradients: tuple[Array, Array], *, input_gradient: bool = True
    ) -> None:
        self.weights, self.bias = parameters
        self.weights_gradient, self.bias_gradient = gradients
        self.input_gradient = input_gradient
        self.threads = 1
        self._workspace = Workspace()

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> tuple[Array, Backward]:
        """Output (B, fan_out) of an input (B, fan_in), and the way back."""
        y = self._workspace("y", (len(x), len(self.bias)), x)
        product(x, self.weights, y, self.threads)
        y += self.bias

        def backward(dy: Array) -> Array:
            product(x.T, dy, self.weights_gradient, self.threads)
            dy.sum(axis=0, out=self.bias_gradient)
            if not self.input_gradient:
                return dy[:, :0]
            dx = self._workspace("dx", x.shape, x)
            return product(dy, self.weights.T, dx, self.threads)

        return y, backward


class Activate:
    """An activation, unit by unit.

    Backward: dL/dx = dL/dy times the slope.
    """

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self._workspace = Workspace()
        self._slope_of: Array | None = None

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> tuple[Array, Backward]:
        """Output (B, units) of weighted sums (B, units), which it overwrites where the slope needs only the output."""
        out = self._workspace("y", x.shape, x) if self.activation.from_input else x
        y = self.activation.function(x, out)
        self._slope_of = x if self.activation.from_input else y

        def backward(dy: Array) -> Array:
            if fused.on_gpu(dy) and self.activation.name in fused.SLOPES:
                fused.run(self.activation.name, self._slope_of, dy)
            else:
                dy *= self.slope()
            return dy

        return y, backward

    def slope(self) -> Array:
        """Slopes (B, units) of the last forward pass."""
        return self.activation.slope(self._slope_of)


class Dropout:
    """Inverted dropout: each unit is zero with probability p, and else divided by 1 - p, on iff a generator is given.

    So the expected input of the next layer is the same in training and in use (Srivastava et al. 2014, section 10).
    """

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> tuple[Array, Backward]:
        """Output (B, units) of an input (B, units), and the way back."""
        if rng is None:
            return x, _pass_through
        if fused.on_gpu(x):  # which draws other masks from a seed
            mask = fused.dropout_mask(x, self.probability, rng)
        else:
            kept = rng.random(x.shape, dtype=np.float32) >= self.probability
            mask = kept.astype(x.dtype) / x.dtype.type(1 - self.probability)

        def backward(dy: Array) -> Array:
            dy *= mask
            return dy

        return x * mask, backward


class InputNoise:
    """Gaussian noise on the inputs, on iff a generator is given; its deviation is in units of the scaled inputs."""

    def __init__(self, deviation: float) -> None:
        self.deviation = deviation

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> tuple[Array, Backward]:
        """Noisy input (B, fan_in), and the way back, on which noise changes nothing."""
        if rng is None:
            return x, _pass_through
        if fused.on_gpu(x):  # which draws other noise from a seed
            return fused.noisy(x, self.deviation, rng), _pass_through
        noise = rng.standard_normal(x.shape, dtype=np.float32).astype(x.dtype)
        noise *= self.deviation
        noise += x
        return noise, _pass_through


def _pass_through(dy: Array) -> Array:
    return dy
