"""What a GPU does in one kernel where NumPy goes over its arrays several times.

To start a kernel takes the processor 5 to 10 us, longer than most kernels of a training step run: a step lasts as long
as it has kernels. Each of those below says in CUDA C what becomes of element `i`; CuPy compiles it when it is first
called, and tests hold it to what NumPy computes.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from seisnet.nn.arrays import Array, namespace

RANDOM = """
__device__ unsigned long long drawn(unsigned long long seed, unsigned long long i) {
    unsigned long long z = seed + (i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}
"""
"""The i-th number of SplitMix64 from a seed (Steele, Lea & Flood 2014, figure 17), for which threads share no state."""

TOTAL = """
const ptrdiff_t first = i * k;
T top = z[first], total = 0;
for (int j = 1; j < k; ++j) top = max(top, z[first + j]);
for (int j = 0; j < k; ++j) total += exp(z[first + j] - top);
"""

CROSS_ENTROPY = f"""{TOTAL}
T sum = 0;
for (int j = 0; j < k; ++j) {{
    const T target = (1 - smoothing) * T(TARGET) + smoothing / k;
    const T log_p = z[first + j] - top - log(total);
    sum -= target * log_p;
    gradient[first + j] = (exp(log_p) - target) * (weight / whole);
}}
loss = sum * (weight / whole);
"""

NO_CLASS = "if ((long long)y[i] < 0 || (long long)y[i] >= k) loss = 0 / T(0);"

TAKEN = "raw T z, raw Y y, T weight, T whole, int32 k, T smoothing"

KERNELS = {
    "add_scaled": ("T factor, T x", "T y", "y += factor * x"),
    "relu": ("T y", "T dy", "dy = y > 0 ? dy : T(0)"),
    "tanh": ("T y", "T dy", "dy *= 1 - y * y"),
    "sigmoid": ("T y", "T dy", "dy *= y * (1 - y)"),
    "softmax": (
        "raw T z, int32 k",
        "raw T p",
        f"{TOTAL} for (int j = 0; j < k; ++j) p[first + j] = exp(z[first + j] - top) / total",
    ),
    "cross_entropy_of_classes": (
        TAKEN,
        "T loss, raw T gradient",
        CROSS_ENTROPY.replace("TARGET", "j == (long long)y[i]") + NO_CLASS,
    ),
    "cross_entropy_of_probabilities": (
        TAKEN,
        "T loss, raw T gradient",
        CROSS_ENTROPY.replace("TARGET", "y[first + j]"),
    ),
    "dropout": (
        "T probability, uint64 seed",
        "T mask",
        "mask = T(drawn(seed, i) >> 40) / 16777216 < probability ? T(0) : 1 / (1 - probability)",
    ),
    "noise": (  # by Box & Muller 1958; u lies in (0, 1], v in [0, 1)
        "T x, T deviation, uint64 seed",
        "T y",
        """
        const unsigned long long bits = drawn(seed, i);
        const T u = T((bits >> 40) + 1) / 16777216, v = T(bits & 0xffffff) / 16777216;
        y = x + deviation * sqrt(-2 * log(u)) * cos(T(6.283185307179586) * v)
        """,
    ),
    "sgd": ("T g, T rate, T momentum", "T p, T v", "v = momentum * v + g; p -= rate * v"),
    "nesterov": ("T g, T rate, T momentum", "T p, T v", "v = momentum * v + g; p -= rate * (g + momentum * v)"),
    "adagrad": ("T g, T rate, T epsilon", "T p, T s", "s += g * g; p -= rate * g / (sqrt(s) + epsilon)"),
    "rmsprop": (
        "T g, T rate, T decay, T epsilon",
        "T p, T s",
        "s = decay * s + (1 - decay) * g * g; p -= rate * g / (sqrt(s) + epsilon)",
    ),
    "adam": (
        "T g, T rate, T root, T beta1, T beta2, T epsilon",
        "T p, T m, T s",
        """
        m = beta1 * m + (1 - beta1) * g;
        s = beta2 * s + (1 - beta2) * g * g;
        p -= rate * m / (sqrt(s) / root + epsilon)
        """,
    ),
}
"""Inputs, outputs and code by name; an output may be read before it is written."""

SLOPES = ("relu", "tanh", "sigmoid")
"""Activations with a kernel that multiplies dL/dy by the slope."""


def on_gpu(array: Array) -> bool:
    """Whether it is CuPy's."""
    return namespace(array) is not np


def run(name: str, *arguments: Any, **size: int) -> None:
    """Run a kernel on its inputs and outputs; `size` says for how many `i` where all of them are raw."""
    _kernel(name)(*arguments, **size)


def softmax(logits: Array) -> Array:
    """Probabilities (N, K) of logits (N, K)."""
    xp = namespace(logits)
    z = xp.ascontiguousarray(logits)
    p = xp.empty_like(z)
    run("softmax", z, z.shape[1], p, size=len(z))
    return p


def softmax_cross_entropy(logits: Array, y: Array, weight: Array | None, smoothing: float) -> tuple[Array, Array]:
    """Loss () and its gradient (N, K), as `seisnet.nn.softmax_cross_entropy` defines them; NaN for what is no class."""
    xp = namespace(logits)
    z = xp.ascontiguousarray(logits)
    losses, gradient = xp.empty(len(z), z.dtype), xp.empty_like(z)
    share = (1.0, float(len(z))) if weight is None else (weight, weight.sum())
    kind, y = ("probabilities", xp.ascontiguousarray(y, z.dtype)) if y.ndim == 2 else ("classes", y)
    run(f"cross_entropy_of_{kind}", z, y, *share, z.shape[1], smoothing, losses, gradient)
    return losses.sum(), gradient


def dropout_mask(x: Array, probability: float, rng: np.random.Generator) -> Array:
    """Like `x`: 0 with a probability, else 1 / (1 - probability); the generator gives the seed."""
    mask = namespace(x).empty_like(x)
    run("dropout", probability, int(rng.integers(2**63)), mask)
    return mask


def noisy(x: Array, deviation: float, rng: np.random.Generator) -> Array:
    """`x` with Gaussian noise of a standard deviation; the generator gives the seed."""
    y = namespace(x).empty_like(x)
    run("noise", x, deviation, int(rng.integers(2**63)), y)
    return y


@functools.cache
def _kernel(name: str) -> Any:
    import cupy

    inputs, outputs, code = KERNELS[name]
    return cupy.ElementwiseKernel(inputs, outputs, code, f"seisnet_{name}", no_return=True, preamble=RANDOM)
