"""Optimisers: a few lines each over the flat vectors of parameters and gradient.

`learning_rate` may be changed before any step. `state` holds arrays only; a copy of it, put back, continues bit for
bit. The vectors are gone through in blocks that stay in the cache: a step does little arithmetic on a lot of memory.
On a GPU a step is one kernel, see `fused`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from seisnet.errors import ConfigError, DataError
from seisnet.nn import fused
from seisnet.nn.arrays import Array, namespace
from seisnet.nn.checks import shape_of, within

BLOCK = 65_536
"""Parameters in a block: four such vectors of float32 are 1 MB, a second-level cache or half of one."""


class Optimizer(Protocol):
    """What a training loop asks of an optimiser."""

    learning_rate: float
    state: dict[str, Array]

    def step(self, theta: Array, grad: Array) -> None:
        """Change the parameters (P,) in place, given their gradient (P,)."""
        ...


@dataclass
class SGD:
    """Stochastic gradient descent with momentum m and learning rate r.

    v <- m v + g, theta <- theta - r v; with Nesterov's momentum theta <- theta - r (g + m v) (Sutskever et al. 2013,
    section 2, in the form of Bengio et al. 2013). With m = 0 that is plain descent: gradient descent if the batch is
    the whole set, stochastic descent if it is one window.
    """

    learning_rate: float
    momentum: float = 0.0
    nesterov: bool = False
    state: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        within("learning_rate", self.learning_rate)
        within("momentum", self.momentum, below=1)

    def step(self, theta: Array, grad: Array) -> None:
        """Change the parameters (P,) in place, given their gradient (P,)."""
        if self.momentum == 0:
            for p, g in _blocks(theta, grad, self.state):
                _add_scaled(p, -self.learning_rate, g)
            return
        for block in _blocks(theta, grad, self.state, "velocity"):
            p, g, v = block
            if fused.on_gpu(p):
                fused.run("nesterov" if self.nesterov else "sgd", self.learning_rate, self.momentum, g, p, v)
                continue
            v *= self.momentum
            v += g
            if self.nesterov:
                _add_scaled(p, -self.learning_rate, g)
                _add_scaled(p, -self.learning_rate * self.momentum, v)
            else:
                _add_scaled(p, -self.learning_rate, v)


@dataclass
class AdaGrad:
    """Steps divided by the root of the sum of all squared gradients (Duchi et al. 2011).

    s <- s + g^2, theta <- theta - r g / (sqrt(s) + epsilon).
    """

    learning_rate: float
    epsilon: float = 1e-10
    state: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        within("learning_rate", self.learning_rate)
        within("epsilon", self.epsilon)

    def step(self, theta: Array, grad: Array) -> None:
        """Change the parameters (P,) in place, given their gradient (P,)."""
        for block in _blocks(theta, grad, self.state, "square"):
            p, g, s = block
            if fused.on_gpu(p):
                fused.run("adagrad", self.learning_rate, self.epsilon, g, p, s)
                continue
            s += g * g
            p -= self.learning_rate * g / (np.sqrt(s) + self.epsilon)


@dataclass
class RMSProp:
    """Steps divided by the root of a running mean of squared gradients (Tieleman & Hinton 2012, lecture 6.5).

    s <- d s + (1 - d) g^2, theta <- theta - r g / (sqrt(s) + epsilon).
    """

    learning_rate: float
    decay: float = 0.99
    epsilon: float = 1e-8
    state: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        within("learning_rate", self.learning_rate)
        within("decay", self.decay, below=1)
        within("epsilon", self.epsilon)

    def step(self, theta: Array, grad: Array) -> None:
        """Change the parameters (P,) in place, given their gradient (P,)."""
        for block in _blocks(theta, grad, self.state, "square"):
            p, g, s = block
            if fused.on_gpu(p):
                fused.run("rmsprop", self.learning_rate, self.decay, self.epsilon, g, p, s)
                continue
            s *= self.decay
            s += (1 - self.decay) * (g * g)
            p -= self.learning_rate * g / (np.sqrt(s) + self.epsilon)


@dataclass
class Adam:
    """Momentum and RMSProp, both freed of their bias towards zero (Kingma & Ba 2015, algorithm 1).

    m <- b1 m + (1 - b1) g, s <- b2 s + (1 - b2) g^2, theta <- theta - r m' / (sqrt(s') + epsilon),
    with m' = m / (1 - b1^t) and s' = s / (1 - b2^t) in step t = 1, 2, ...
    """

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    state: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        within("learning_rate", self.learning_rate)
        within("beta1", self.beta1, below=1)
        within("beta2", self.beta2, below=1)
        within("epsilon", self.epsilon)

    def step(self, theta: Array, grad: Array) -> None:
        """Change the parameters (P,) in place, given their gradient (P,)."""
        blocks = _blocks(theta, grad, self.state, "mean", "square")
        t = int(self.state.get("steps", 0)) + 1
        self.state["steps"] = np.array(t)
        rate = self.learning_rate / (1 - self.beta1**t)
        root = (1 - self.beta2**t) ** 0.5
        for block in blocks:
            p, g, m, s = block
            if fused.on_gpu(p):
                fused.run("adam", rate, root, self.beta1, self.beta2, self.epsilon, g, p, m, s)
                continue
            m *= self.beta1
            m += (1 - self.beta1) * g
            s *= self.beta2
            s += (1 - self.beta2) * (g * g)
            p -= rate * m / (np.sqrt(s) / root + self.epsilon)


@dataclass
class AdamW(Adam):
    """Adam with weight decay that the division doesn't touch (Loshchilov & Hutter 2019, algorithm 2).

    theta <- (1 - r w) theta, then Adam's step. `decays` (P,) holds 1 where a parameter decays and 0 where it doesn't,
    for instance `Network.is_weight`, which spares the biases; without it all decay.
    """

    weight_decay: float = 0.01
    decays: Array | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        within("weight_decay", self.weight_decay)

    def step(self, theta: Array, grad: Array) -> None:
        """Change the parameters (P,) in place, given their gradient (P,)."""
        _check(theta, grad)
        kept = 1 - self.learning_rate * self.weight_decay
        if self.decays is None:
            theta *= kept
        else:
            theta *= 1 - (1 - kept) * self.decays
        super().step(theta, grad)


OPTIMIZERS = ("sgd", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
"""Names for `make_optimizer`."""


def make_optimizer(name: str, learning_rate: float, *, momentum: float = 0.9, weight_decay: float = 0.01) -> Optimizer:
    """Make an optimiser by name; `momentum` goes to SGD and Nesterov, `weight_decay` to AdamW.

    Raises
    ------
    ConfigError
        If there is none of that name, or a number is negative, not finite or too large.
    """
    match name:
        case "sgd":
            return SGD(learning_rate, momentum)
        case "nesterov":
            return SGD(learning_rate, momentum, nesterov=True)
        case "adagrad":
            return AdaGrad(learning_rate)
        case "rmsprop":
            return RMSProp(learning_rate)
        case "adam":
            return Adam(learning_rate)
        case "adamw":
            return AdamW(learning_rate, weight_decay=weight_decay)
    raise ConfigError(f"optimizer '{name}': use one of {', '.join(OPTIMIZERS)}")


def flush_denormals(optimizer: Optimizer) -> None:
    """Set to zero what has decayed below the smallest normal number in an optimiser's state; once an epoch is enough.

    The velocity of a weight whose gradient is always zero, as behind a dead rectifier, shrinks to such a number and
    stays there. Processors take a hundred times as long over one: a tenth of them makes a step two to three times as
    slow.
    """
    for vector in optimizer.state.values():
        if vector.dtype.kind == "f":
            xp = namespace(vector)
            vector[xp.abs(vector) < xp.finfo(vector.dtype).tiny] = 0


def _check(theta: Array, grad: Array) -> None:
    """Refuse a gradient of another shape: NumPy might repeat it, and a GPU would read beyond its end."""
    if getattr(grad, "shape", None) != getattr(theta, "shape", ()):
        raise DataError(f"gradient: got {shape_of(grad)}; parameters: {shape_of(theta)}; they need one shape")


def _blocks(theta: Array, grad: Array, state: dict[str, Array], *names: str) -> Iterator[list[Array]]:
    """Blocks of the parameters, of their gradient, and of vectors of an optimiser's state, which start at zero.

    On a GPU, which has no cache to keep blocks in, all is one block. State of another network is refused.
    """
    _check(theta, grad)
    for name in names:
        if name not in state:
            state[name] = namespace(theta).zeros_like(theta)
        elif state[name].shape != theta.shape:
            raise DataError(
                f"parameters: got {shape_of(theta)}; the optimiser's {name} has {shape_of(state[name])}; "
                "make another optimiser for another network"
            )
    vectors = (theta, grad, *(state[name] for name in names))
    size = theta.size if fused.on_gpu(theta) else BLOCK
    return ([v[start : start + size] for v in vectors] for start in range(0, theta.size, size))


@functools.cache
def _axpy() -> dict[tuple[str, str], Callable[..., object]]:
    """BLAS's scaled addition by the dtypes of its operands."""
    from scipy.linalg.blas import daxpy, saxpy  # which takes long to import, and whoever trains nothing does without

    return {("f", "f"): saxpy, ("d", "d"): daxpy}


def _add_scaled(target: Array, factor: float, vector: Array) -> None:
    """``target += factor * vector`` in place; BLAS needs one pass over memory for it where NumPy needs two."""
    if fused.on_gpu(target):
        fused.run("add_scaled", factor, vector, target)
        return
    axpy = _axpy().get((target.dtype.char, vector.dtype.char))
    # Handed anything but a contiguous array, SciPy would work on a copy of it.
    if axpy and target.flags.c_contiguous:
        axpy(vector, target, a=factor)
    else:
        target += factor * vector
