"""What an array brings along: its namespace (NumPy or CuPy), aligned memory, temporaries that are reused."""

from __future__ import annotations

import importlib
import math
import sys
from typing import Any, TypeAlias

import numpy as np

from seisnet.errors import DataError
from seisnet.nn.checks import shape_of

Array: TypeAlias = Any
"""A NumPy array or a CuPy one, which have no type in common; only functions of its own namespace are called on it."""

ALIGNMENT_BYTES = 64
"""A cache line, and the widest vector register: some kernels run up to a third slower on memory that is not aligned."""


def namespace(array: Array) -> Any:
    """Module that an array's functions live in: ``numpy``, or ``cupy``.

    Raises
    ------
    DataError
        If it is none, but a number or a list.

    Examples
    --------
    >>> namespace(np.zeros(3)).__name__
    'numpy'
    """
    if isinstance(array, np.ndarray):
        return np
    name = type(array).__module__.partition(".")[0]
    if name == "builtins":
        raise DataError(f"got {shape_of(array)}; an array is needed: numpy.asarray(...)")
    return sys.modules.get(name) or importlib.import_module(name)


def aligned_zeros(shape: tuple[int, ...], dtype: Any, xp: Any = np) -> Array:
    """Zeros whose first element lies on a cache line; CuPy's allocator does that by itself."""
    if xp is not np:
        return xp.zeros(shape, dtype)
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT_BYTES
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def on_host(array: Array) -> Array:
    """A NumPy array as it is, or a copy of a CuPy one in the memory of the host."""
    return array.get() if hasattr(array, "get") else array


class Workspace:
    """Temporaries by name, allocated for the largest batch seen and handed out again for every later one."""

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def __call__(self, name: str, shape: tuple[int, int], like: Array) -> Array:
        """Array of a shape (B, D) with the dtype and namespace of another; its content is what was left in it."""
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < shape[0] or buffer.dtype != like.dtype:
            buffer = self._buffers[name] = aligned_zeros(shape, like.dtype, namespace(like))
        return buffer if len(buffer) == shape[0] else buffer[: shape[0]]
