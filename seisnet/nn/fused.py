"""What a GPU does in one kernel where NumPy goes over its arrays several times, and products by cuBLAS itself.

To start a kernel takes the processor longer than most kernels of a training step run, so a step lasts as long as its
starts: 14 to 30 us each where CuPy's operators look at their arrays first (H100). Hence kernels are raw ones. Each says
in CUDA C what becomes of element `i`; CuPy compiles it when it is first called, and tests hold it to what NumPy
computes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from seisnet.nn.arrays import Array, namespace

THREADS = 512
"""In a block."""

RANDOM = """
__device__ unsigned long long drawn(unsigned long long seed, unsigned long long i) {
    unsigned long long z = seed + (i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}
"""
"""The i-th number of SplitMix64 from a seed (Steele, Lea & Flood 2014, figure 17), for which threads share no state."""

SUM = f"""
__device__ T sum_of_block(T mine) {{
    __shared__ T parts[{THREADS}];
    parts[threadIdx.x] = mine;
    for (unsigned rest = {THREADS} / 2; rest > 0; rest /= 2) {{
        __syncthreads();
        if (threadIdx.x < rest) parts[threadIdx.x] += parts[threadIdx.x + rest];
    }}
    __syncthreads();
    const T sum = parts[0];
    __syncthreads();
    return sum;
}}
"""
"""Sum over the threads of a block, always in the same order."""

TOTAL = """
const T* row = z + i * k;
T top = row[0], total = 0;
for (int j = 1; j < k; ++j) top = max(top, row[j]);
for (int j = 0; j < k; ++j) total += exp(row[j] - top);
"""

TARGET = """
__device__ T target(const T* y, long long i, long long j, long long k) { return y[i * k + j]; }
template <class C> __device__ T target(const C* y, long long i, long long j, long long k) {
    return (long long)y[i] < 0 || (long long)y[i] >= k ? 0 / T(0) : T(j == (long long)y[i]);
}
"""
"""Probability of class `j` that the targets say: floats (N, K), or indices (N,), of which one of no class makes NaN."""

CROSS_ENTROPY = f"""
T whole = n, mine = 0;
if (weight) {{
    for (long long i = threadIdx.x; i < n; i += {THREADS}) mine += weight[i];
    whole = sum_of_block(mine);
    mine = 0;
}}
for (long long i = threadIdx.x; i < n; i += {THREADS}) {{
    {TOTAL}
    const T share = (weight ? weight[i] : T(1)) / whole;
    for (int j = 0; j < k; ++j) {{
        const T t = (1 - smoothing) * target(y, i, j, k) + smoothing / k;
        const T log_p = row[j] - top - log(total);
        mine -= t * log_p * share;
        gradient[i * k + j] = (exp(log_p) - t) * share;
    }}
}}
mine = sum_of_block(mine);
if (threadIdx.x == 0) loss[0] = mine;
"""
"""One block does it all: the sums need every row, and another kernel would take longer to start than this one runs."""

KERNELS = {
    "cross_entropy": (
        "long long k, const T* z, const Y* y, const T* weight, T smoothing, T* gradient, T* loss",
        CROSS_ENTROPY,
    ),
    "add_scaled": ("T factor, const T* x, T* y", "y[i] += factor * x[i];"),
    "add_bias": ("long long k, const T* bias, T* y", "y[i] += bias[i % k];"),
    "relu": ("T* y", "y[i] = y[i] <= 0 ? T(0) : y[i];"),
    "relu_slope": ("const T* y, T* dy", "dy[i] = y[i] > 0 ? dy[i] : T(0);"),
    "tanh_slope": ("const T* y, T* dy", "dy[i] *= 1 - y[i] * y[i];"),
    "sigmoid_slope": ("const T* y, T* dy", "dy[i] *= y[i] * (1 - y[i]);"),
    "softmax": (
        "long long k, const T* z, T* p",
        f"{TOTAL} for (int j = 0; j < k; ++j) p[i * k + j] = exp(row[j] - top) / total;",
    ),
    "dropout": (
        "T probability, unsigned long long seed, const T* x, T* y",
        "y[i] = T(drawn(seed, i) >> 40) / 16777216 < probability ? T(0) : x[i] * (1 / (1 - probability));",
    ),
    "noise": (  # by Box & Muller 1958; u lies in (0, 1], v in [0, 1)
        "T deviation, unsigned long long seed, const T* x, T* y",
        """
        const unsigned long long bits = drawn(seed, i);
        const T u = T((bits >> 40) + 1) / 16777216, v = T(bits & 0xffffff) / 16777216;
        y[i] = x[i] + deviation * sqrt(-2 * log(u)) * cos(T(6.283185307179586) * v);
        """,
    ),
    "sgd": ("T rate, T momentum, const T* g, T* p, T* v", "v[i] = momentum * v[i] + g[i]; p[i] -= rate * v[i];"),
    "nesterov": (
        "T rate, T momentum, const T* g, T* p, T* v",
        "v[i] = momentum * v[i] + g[i]; p[i] -= rate * (g[i] + momentum * v[i]);",
    ),
    "adagrad": (
        "T rate, T epsilon, const T* g, T* p, T* s",
        "s[i] += g[i] * g[i]; p[i] -= rate * g[i] / (sqrt(s[i]) + epsilon);",
    ),
    "rmsprop": (
        "T rate, T decay, T epsilon, const T* g, T* p, T* s",
        "s[i] = decay * s[i] + (1 - decay) * g[i] * g[i]; p[i] -= rate * g[i] / (sqrt(s[i]) + epsilon);",
    ),
    "adam": (
        "T rate, T root, T beta1, T beta2, T epsilon, const T* g, T* p, T* m, T* s",
        """
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        s[i] = beta2 * s[i] + (1 - beta2) * g[i] * g[i];
        p[i] -= rate * m[i] / (sqrt(s[i]) / root + epsilon);
        """,
    ),
}
"""Parameters and code by name; T is float or double, Y what targets are of."""

C_TYPES = {"f": "float", "d": "double", "b": "signed char", "B": "unsigned char", "h": "short", "H": "unsigned short"}
C_TYPES |= {"i": "int", "I": "unsigned", "l": "long", "L": "unsigned long", "q": "long long", "Q": "unsigned long long"}

SLOPES = ("relu", "tanh", "sigmoid")
"""Activations with a kernel that multiplies dL/dy by the slope."""


def on_gpu(array: Array) -> bool:
    """Whether it is CuPy's."""
    return not isinstance(array, np.ndarray)


def run(name: str, *arguments: Any, size: int | None = None, y: str = "f") -> None:
    """Run a kernel for a number of `i`: the size of its last argument, if none is said; `y` is a dtype's letter.

    Raises
    ------
    TypeError
        If an array is not contiguous, or not of the dtype of the last one.
    """
    last = arguments[-1]
    n = last.size if size is None else size
    kernel, converters = _kernel(name, last.dtype, y)
    blocks = 1 if name == "cross_entropy" else -(-n // THREADS)
    values = [n]
    for convert, value in zip(converters, arguments, strict=True):
        values.append(convert(value))
    kernel((blocks,), (THREADS,), values)


def weighted_sums(x: Array, weights: Array, bias: Array, y: Array) -> None:
    """Write x W + b to `y`; all are contiguous and of one dtype, here and in `dense_gradients`."""
    (n, fan_in), fan_out = x.shape, len(bias)
    gemm, handle, one, zero = _gemm(weights.dtype)
    x_at, w_at = _place(x, weights.dtype), weights.data.ptr
    # cuBLAS counts by columns, and so sees the transposes of all three matrices: it is asked for y^T = W^T x^T.
    gemm(handle(), 0, 0, fan_out, n, fan_in, one, w_at, fan_out, x_at, fan_in, zero, y.data.ptr, fan_out)
    run("add_bias", fan_out, bias, y)


def dense_gradients(x: Array, weights: Array, dy: Array, gradients: tuple[Array, Array, Array | None]) -> None:
    """Write dL/dW = x^T dL/dy, dL/db and dL/dx = dL/dy W^T, which is left out if it is None."""
    (n, fan_in), fan_out = x.shape, dy.shape[1]
    gemm, handle, one, zero = _gemm(weights.dtype)
    x_at, dy_at = x.data.ptr, _place(dy, weights.dtype)
    dw, db, dx = gradients
    gemm(handle(), 0, 1, fan_out, fan_in, n, one, dy_at, fan_out, x_at, fan_in, zero, dw.data.ptr, fan_out)
    ones = _ones(n, weights.dtype, weights.data.device_id)  # times which a sum is a product, and starts as fast
    gemm(handle(), 0, 0, fan_out, 1, n, one, dy_at, fan_out, ones.data.ptr, n, zero, db.data.ptr, fan_out)
    if dx is not None:
        w_at = weights.data.ptr
        gemm(handle(), 1, 0, fan_in, n, fan_out, one, w_at, fan_out, dy_at, fan_out, zero, dx.data.ptr, fan_in)


def softmax(logits: Array) -> Array:
    """Probabilities (N, K) of logits (N, K)."""
    xp = namespace(logits)
    z = xp.ascontiguousarray(logits)
    p = xp.empty_like(z)
    run("softmax", z.shape[1], z, p, size=len(z))
    return p


def softmax_cross_entropy(logits: Array, y: Array, weight: Array | None, smoothing: float) -> tuple[Array, Array]:
    """Loss () and its gradient (N, K), as `seisnet.nn.softmax_cross_entropy` defines them; NaN for what is no class."""
    xp = namespace(logits)
    z = xp.ascontiguousarray(logits)
    loss, gradient = xp.empty((), z.dtype), xp.empty_like(z)
    y = xp.ascontiguousarray(y, z.dtype if y.ndim == 2 else None)
    weight = 0 if weight is None else xp.ascontiguousarray(weight)
    run("cross_entropy", z.shape[1], z, y.data, weight, smoothing, gradient, loss, size=len(z), y=y.dtype.char)
    return loss, gradient


def drawn(name: str, amount: float, seed: int, x: Array) -> Array:
    """What "dropout" of a probability, or "noise" of a standard deviation, makes of `x`; the same for the same seed."""
    y = namespace(x).empty_like(x)
    run(name, amount, seed, x, y)
    return y


def _place(array: Array, dtype: np.dtype[Any]) -> int:
    """Where an array lies, if it is as a kernel expects it."""
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"a kernel needs contiguous arrays of {dtype}, not {array.dtype} with strides {array.strides}")
    return int(array.data.ptr)


@functools.lru_cache(16)
def _ones(n: int, dtype: np.dtype[Any], device: int) -> Array:
    import cupy

    return cupy.ones(n, dtype)


@functools.cache
def _gemm(dtype: np.dtype[Any]) -> tuple[Callable[..., None], Callable[[], int], int, int]:
    """Product of cuBLAS, CuPy's handle of that library, and where 1 and 0 lie."""
    from cupy.cuda import cublas, device

    one, zero = _ONE_ZERO[dtype.char].ctypes.data, _ONE_ZERO[dtype.char][1:].ctypes.data
    return {"f": cublas.sgemm, "d": cublas.dgemm}[dtype.char], device.get_cublas_handle, one, zero


_ONE_ZERO = {char: np.array([1, 0], char) for char in "fd"}


@functools.cache
def _kernel(name: str, dtype: np.dtype[Any], y: str) -> tuple[Any, tuple[Callable[[Any], Any], ...]]:
    """The kernel, and what makes of each argument the parameter that it expects."""
    import cupy

    def pointer(value: Any) -> Any:
        if isinstance(value, cupy.ndarray):
            _place(value, dtype)
            return value.data  # which CuPy hands on faster than the array
        return value

    parameters, code = KERNELS[name]
    if name != "cross_entropy":
        code = f"const long long i = (long long)blockIdx.x * {THREADS} + threadIdx.x; if (i < n) {{ {code} }}"
    source = f"""
    typedef {C_TYPES[dtype.char]} T; typedef {C_TYPES[y]} Y;
    {RANDOM} {SUM} {TARGET}
    extern "C" __global__ void seisnet_{name}(long long n, {parameters}) {{ {code} }}
    """
    converters = tuple(
        pointer if "*" in parameter else dtype.type if parameter.split()[0] == "T" else int
        for parameter in parameters.split(",")
    )
    return cupy.RawKernel(source, f"seisnet_{name}"), converters
