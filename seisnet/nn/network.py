"""The network: layers in a row over one flat vector of parameters."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from seisnet.errors import ConfigError, DataError, TrainingError
from seisnet.nn import fused
from seisnet.nn.activations import ACTIVATIONS, sigmoid, softmax
from seisnet.nn.arrays import Array, aligned_zeros, namespace
from seisnet.nn.checks import check_threads, refuse_masked, shape_of
from seisnet.nn.initializers import INITIALIZERS, lecun
from seisnet.nn.layers import Activate, Dense, Dropout, InputNoise, Layer

PREDICT_ROWS, GPU_ROWS = 1024, 16_384
"""Rows that are predicted at once: enough to keep products fast and, on the host, few enough to stay in the caches."""

OUTPUTS: dict[str, Callable[[Array], Array]] = {"softmax": softmax, "sigmoid": sigmoid}
"""What turns logits into probabilities: one class of several, or each class by itself."""


class Network:
    """A feed-forward network of dense layers; the last one gives logits.

    One thread at a time may train it, because passes share their temporaries; a copy is cheap.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden units of each layer, outputs.
    activation : str
        Of the hidden layers, a key of `ACTIVATIONS`; it also chooses their initialiser (the last layer's is `lecun`).
    rng : numpy.random.Generator, optional
        Draws the first weights; without it and without `theta` all parameters are zero.
    theta : float (P,), optional
        Parameters to copy, for instance of a model file; they bring dtype and device (NumPy or CuPy) along.
    dtype : dtype
        Of parameters that are drawn.
    dropout : float
        Probability that a hidden unit is left out, see `Dropout`.
    input_noise : float
        Standard deviation of the noise on the inputs, see `InputNoise`.

    Attributes
    ----------
    theta, grad : float (P,)
        Parameters and their gradient, layer by layer, in each layer the weights (fan_in, fan_out) row by row, then the
        biases (fan_out,). The layers hold views of them; what is assigned is copied into them.

    Raises
    ------
    ConfigError
        If a size, name, dtype or probability is not allowed.
    DataError
        If `theta`, or what is assigned to it or `grad`, is not an array of as many parameters as the sizes give.

    Examples
    --------
    >>> network = Network((4, 8, 3), rng=np.random.default_rng(0))
    >>> network
    Network(4-8-3, relu, 67 parameters)
    >>> network.theta.shape, network.predict_proba(np.zeros((2, 4), np.float32)).shape
    ((67,), (2, 3))
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "relu",
        *,
        rng: np.random.Generator | None = None,
        theta: Array | None = None,
        dtype: Any = np.float32,
        dropout: float = 0.0,
        input_noise: float = 0.0,
    ) -> None:
        self.sizes = _check(sizes, activation, dropout, input_noise)
        self.activation, self.dropout, self.input_noise = activation, dropout, input_noise
        self._n_parameters = sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(self.sizes))
        theta = np.zeros(self._n_parameters, dtype) if theta is None else self._fitting("theta", theta)
        if theta.dtype.kind != "f":
            raise ConfigError(f"parameters of dtype {theta.dtype}: floats are needed; as whole numbers weights are 0")
        if theta.dtype.itemsize < 4:  # the epsilon of Adam and its like would be 0, and their first step NaN
            raise ConfigError(f"parameters of dtype {theta.dtype}: float32 or float64 is needed")
        self._theta = aligned_zeros(theta.shape, theta.dtype, namespace(theta))
        self._grad = aligned_zeros(theta.shape, theta.dtype, namespace(theta))
        self._theta[...] = theta
        vectors = zip(self.views(self._theta), self.views(self._grad), strict=True)
        self.dense = [
            Dense(parameters, gradients, input_gradient=i > 0, new_output=i == len(self.sizes) - 2)
            for i, (parameters, gradients) in enumerate(vectors)
        ]
        self.activate = [Activate(ACTIVATIONS[activation]) for _ in self.dense[:-1]]
        self._layers = list(self._in_order())
        self._passes = 0
        if rng is not None:
            self.initialize(rng)

    def __repr__(self) -> str:
        """Say of what size it is, as `seisnet inspect` does."""
        return f"Network({'-'.join(map(str, self.sizes))}, {self.activation}, {self._n_parameters} parameters)"

    @property
    def theta(self) -> Array:
        """Parameters (P,)."""
        return self._theta

    @theta.setter
    def theta(self, values: Array) -> None:
        self._theta[...] = namespace(self._theta).asarray(self._fitting("theta", values))

    @property
    def grad(self) -> Array:
        """Gradient (P,) of the parameters."""
        return self._grad

    @grad.setter
    def grad(self, values: Array) -> None:
        self._grad[...] = namespace(self._grad).asarray(self._fitting("grad", values))

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw the weights anew; they are the same, but for rounding, in every dtype. Biases become zero."""
        _check_generator(rng)
        xp = namespace(self.theta)
        hidden = INITIALIZERS[self.activation]
        for layer in self.dense:
            draw = lecun if layer is self.dense[-1] else hidden
            layer.weights[...] = xp.asarray(draw(rng, *layer.weights.shape))
            layer.bias[...] = 0

    def views(self, flat: Array) -> Iterator[tuple[Array, Array]]:
        """Weights (fan_in, fan_out) and biases (fan_out,) of each layer, as views of a flat vector (P,)."""
        start = 0
        for fan_in, fan_out in pairwise(self.sizes):
            middle, stop = start + fan_in * fan_out, start + fan_in * fan_out + fan_out
            yield flat[start:middle].reshape(fan_in, fan_out), flat[middle:stop]
            start = stop

    @property
    def is_weight(self) -> Array:
        """1 for each weight in `theta` and 0 for each bias (P,)."""
        ones = namespace(self.theta).ones_like(self.theta)
        for _, bias in self.views(ones):
            bias[...] = 0
        return ones

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> tuple[Array, Callable[[Array], None]]:
        """Logits of a batch, and the function that turns their gradient into the parameters' gradient.

        Parameters
        ----------
        x : float (B, D)
            Scaled features.
        rng : numpy.random.Generator, optional
            For dropout and input noise, which are on iff it is given.

        Returns
        -------
        logits : float (B, K)
            An array of their own.
        backward : callable
            ``backward(dlogits)`` fills `grad` with dL/dtheta; valid until the next forward pass.

        Raises
        ------
        ConfigError
            If `rng` is no generator.
        DataError
            If `x` is masked or not an array of D columns, or `dlogits` is not of the shape of the logits.
        """
        self._check_input(x)
        if rng is not None:
            _check_generator(rng)
        y = namespace(x).ascontiguousarray(x, dtype=self._theta.dtype)
        backwards = []
        for layer in self._layers:
            y, layer_backward = layer.forward(y, rng)
            backwards.append(layer_backward)
        self._passes += 1
        this_pass, shape = self._passes, y.shape

        def backward(dlogits: Array) -> None:
            if this_pass != self._passes:
                raise TrainingError("backward belongs to an earlier forward pass, whose outputs have been overwritten")
            if getattr(dlogits, "shape", None) != shape:
                raise DataError(f"dlogits: got {shape_of(dlogits)}; the logits have the shape {shape}")
            dy = dlogits.astype(self._theta.dtype, copy=False)
            if fused.on_gpu(dy):
                dy = namespace(dy).ascontiguousarray(dy)
            for layer_backward in reversed(backwards):
                dy = layer_backward(dy)

        return y, backward

    def predict(self, x: Array) -> Array:
        """Outputs (N, K) of any number of inputs (N, D), without dropout or noise; any number of threads may ask."""
        return self._in_blocks(x, lambda block: self.after_first(self.dense[0].sums(block)), self.sizes[-1])

    def after_first(self, sums: Array) -> Array:
        """Outputs (N, K) from the weighted sums (N, H) of the first layer, which are overwritten."""
        for layer in self.dense[1:]:
            sums = layer.sums(self._activated(sums))
        return sums

    def hidden(self, x: Array) -> Array:
        """Outputs (N, H) of the last hidden layer, or x where there is none, of inputs (N, D); no dropout, no noise."""

        def activated(y: Array) -> Array:
            for layer in self.dense[:-1]:
                y = self._activated(layer.sums(y))
            return y

        return self._in_blocks(x, activated, self.sizes[-2])

    def predict_proba(self, x: Array, output: str = "softmax") -> Array:
        """Probabilities (N, K) of inputs (N, D): `softmax` for one class of several, `sigmoid` for each by itself."""
        if output not in OUTPUTS:
            raise ConfigError(f"output '{output}': use one of {', '.join(OUTPUTS)}")
        return OUTPUTS[output](self.predict(x))

    @property
    def threads(self) -> int:
        """How many threads share a large matrix product; the result is the same for any number."""
        return self.dense[0].threads

    @threads.setter
    def threads(self, n: int) -> None:
        check_threads(n)
        for layer in self.dense:
            layer.threads = n

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy what made it: views of a vector would come back as vectors of their own."""
        remake = partial(Network, theta=self.theta, dropout=self.dropout, input_noise=self.input_noise)
        return remake, (self.sizes, self.activation)

    def _fitting(self, name: str, values: Array) -> Array:
        if getattr(values, "shape", None) != (self._n_parameters,):
            raise DataError(
                f"{name}: got {shape_of(values)}; a network of sizes {self.sizes} has "
                f"({self._n_parameters},) parameters"
            )
        return values

    def _activated(self, sums: Array) -> Array:
        """Outputs of hidden units from their weighted sums, which are overwritten; no slope is kept."""
        activation = ACTIVATIONS[self.activation]
        return activation.function(sums, namespace(sums).empty_like(sums) if activation.from_input else sums)

    def _in_blocks(self, x: Array, function: Callable[[Array], Array], width: int) -> Array:
        """What a function makes of blocks of rows, (N, width) in all."""
        self._check_input(x)
        xp, rows = namespace(x), GPU_ROWS if fused.on_gpu(x) else PREDICT_ROWS
        outputs = xp.empty((len(x), width), self._theta.dtype)
        for start in range(0, len(x), rows):
            block = xp.ascontiguousarray(x[start : start + rows], dtype=self._theta.dtype)
            outputs[start : start + rows] = function(block)
        return outputs

    def _check_input(self, x: Array) -> None:
        if getattr(x, "ndim", 0) != 2 or x.shape[1] != self.sizes[0]:
            raise DataError(f"x: got {shape_of(x)}; the network reads arrays of shape (B, {self.sizes[0]})")
        refuse_masked("x", x)

    def _in_order(self) -> Iterator[Layer]:
        if self.input_noise:
            yield InputNoise(self.input_noise)
        for dense, activate in zip(self.dense, self.activate, strict=False):
            yield dense
            yield activate
            if self.dropout:
                yield Dropout(self.dropout)
        yield self.dense[-1]


def _check_generator(rng: np.random.Generator) -> None:
    if not isinstance(rng, np.random.Generator):
        raise ConfigError(f"rng: got {rng!r}; a generator is needed, such as numpy.random.default_rng(0)")


def _check(sizes: Sequence[int], activation: str, dropout: float, input_noise: float) -> tuple[int, ...]:
    """Check everything that the user chose, and return the sizes as plain integers."""
    try:
        sizes = tuple(map(operator.index, sizes))
    except TypeError:
        raise ConfigError(f"sizes: got {sizes!r}; whole numbers are needed, such as (570, 64, 3)") from None
    if len(sizes) < 2 or min(sizes) < 1:
        raise ConfigError(f"sizes {sizes}: name the inputs, any hidden layers and the outputs, each at least 1")
    if activation not in ACTIVATIONS:
        raise ConfigError(f"activation '{activation}': use one of {', '.join(ACTIVATIONS)}")
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout {dropout}: must lie in [0, 1)")
    if not input_noise >= 0:
        raise ConfigError(f"input_noise {input_noise}: must not be negative")
    return sizes
