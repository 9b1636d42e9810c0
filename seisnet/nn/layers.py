"""Layers: each maps x to (y, backward), and backward maps dL/dy to dL/dx.

What a layer learns lives in views of the network's flat vectors: backward writes dL/dW and dL/db there. An array that a
layer hands out belongs to it and holds until its next forward pass; backward may overwrite the dL/dy that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np

from seisnet.errors import TrainingError
from seisnet.nn import fused
from seisnet.nn.activations import Activation
from seisnet.nn.arrays import Array, Workspace, namespace
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
    new_output : bool
        Whether every output is an array of its own, which may be kept.
    """

    def __init__(
        self,
        parameters: tuple[Array, Array],
        gradients: tuple[Array, Array],
        *,
        input_gradient: bool = True,
        new_output: bool = False,
    ) -> None:
        self.weights, self.bias = parameters
        self.weights_gradient, self.bias_gradient = gradients
        self.input_gradient, self.new_output = input_gradient, new_output
        self.threads = 1
        self._workspace = Workspace()

    def sums(self, x: Array, out: Array | None = None) -> Array:
        """Weighted sums (B, fan_out) of an input (B, fan_in), in a new array unless one is given."""
        y = namespace(x).empty((len(x), len(self.bias)), x.dtype) if out is None else out
        if fused.on_gpu(x):
            fused.weighted_sums(x, self.weights, self.bias, y)
        else:
            product(x, self.weights, y, self.threads)
            y += self.bias
        return y

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> tuple[Array, Backward]:
        """Output (B, fan_out) of an input (B, fan_in), and the way back."""
        y = self.sums(x, None if self.new_output else self._workspace("y", (len(x), len(self.bias)), x))

        def backward(dy: Array) -> Array:
            dx = self._workspace("dx", x.shape, x) if self.input_gradient else None
            if fused.on_gpu(dy):
                fused.dense_gradients(x, self.weights, dy, (self.weights_gradient, self.bias_gradient, dx))
            else:
                product(x.T, dy, self.weights_gradient, self.threads)
                dy.sum(axis=0, out=self.bias_gradient)
                if dx is not None:
                    product(dy, self.weights.T, dx, self.threads)
            return dx

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
        y = self.activation.function(x, self._workspace("y", x.shape, x) if self.activation.from_input else x)
        self._slope_of = x if self.activation.from_input else y

        def backward(dy: Array) -> Array:
            if fused.on_gpu(dy) and self.activation.name in fused.SLOPES:
                fused.run(f"{self.activation.name}_slope", self._slope_of, dy)
            else:
                dy *= self.slope()
            return dy

        return y, backward

    def slope(self) -> Array:
        """Slopes (B, units) of the last forward pass."""
        if self._slope_of is None:
            raise TrainingError("slopes are those of the last forward pass, and there was none: call forward first")
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
        if fused.on_gpu(x):  # which draws other masks from a seed, and draws them again on the way back
            dropped = partial(fused.drawn, "dropout", self.probability, int(rng.integers(2**63)))
            return dropped(x), dropped
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
            return fused.drawn("noise", self.deviation, int(rng.integers(2**63)), x), _pass_through
        noise = rng.standard_normal(x.shape, dtype=np.float32).astype(x.dtype)
        noise *= self.deviation
        noise += x
        return noise, _pass_through


def _pass_through(dy: Array) -> Array:
    return dy
