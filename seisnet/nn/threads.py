"""How many threads a network's matrix products use: never more than asked for, and fewer where that is faster.

A thread is worth having only if its share of the work takes longer than waking it up, and if a core is free for it.
OpenBLAS by itself does not look at the second: on a machine whose cores are busy, two of its threads can take ten times
as long as one, because they wait for each other in a loop.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import scipy

from seisnet.nn.arrays import namespace
from seisnet.nn.network import Network
from seisnet.nn.products import THREAD_MULTIPLY_ADDS, tiles_pay

REPEATS = 7

WORTH = 0.95
"""More threads are taken only if they need less than this share of the time."""


@contextmanager
def fastest_threads(network: Network, batch_size: int, most: int) -> Iterator[int]:
    """Train and predict with as many threads as are fastest, and at most some number, while the context lasts.

    Only as many are considered as get enough of the largest product each. Where the threads are ours (see
    `seisnet.nn.products`), forward and backward passes with 1, 2, 4, ... of them are timed in turns; the result does
    not depend on their number, so a measured choice is harmless. Elsewhere the library's own threads are used
    without a trial, because there the number may change the last bits.

    Parameters
    ----------
    network : Network
        Its `threads` is set, and 1 again afterwards.
    batch_size : int
        Windows at once.
    most : int
        Threads at most.

    Yields
    ------
    int
        The number chosen.
    """
    largest = batch_size * max(a * b for a, b in itertools.pairwise(network.sizes))
    most = max(1, min(most, largest // THREAD_MULTIPLY_ADDS))
    with blas_threads(1 if tiles_pay() else most):
        chosen = most
        if tiles_pay():
            chosen = network.threads = _fastest(network, batch_size, most)
        try:
            yield chosen
        finally:
            network.threads = 1


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Limit the OpenBLAS libraries that came with NumPy and SciPy to some threads; other libraries are left alone."""
    before = [getter() for getter, _ in _openblas()]
    for _, setter in _openblas():
        setter(n)
    try:
        yield
    finally:
        for (_, setter), threads in zip(_openblas(), before, strict=True):
            setter(threads)


def _fastest(network: Network, batch_size: int, most: int) -> int:
    """Return the number of threads with which a forward and backward pass is fastest; `grad` is kept."""
    if most == 1:
        return 1
    seconds: dict[int, list[float]] = {n: [] for n in (*(n for n in (1, 2, 4, 8, 16, 32) if n < most), most)}
    x = namespace(network.theta).zeros((batch_size, network.sizes[0]), network.theta.dtype)
    grad = network.grad.copy()
    for _ in range(REPEATS):
        for n, times in seconds.items():
            network.threads = n
            start = time.perf_counter()
            logits, backward = network.forward(x)
            backward(logits)
            times.append(time.perf_counter() - start)
    network.grad[...] = grad
    chosen = 1
    for n, times in seconds.items():
        if statistics.median(times) < WORTH * statistics.median(seconds[chosen]):
            chosen = n
    return chosen


@functools.cache
def _openblas() -> list[tuple[Callable[[], int], Callable[[int], None]]]:
    """Getter and setter of the thread limit of every OpenBLAS in the wheels of NumPy and SciPy."""
    found = []
    for package in (np, scipy):
        root = Path(package.__path__[0])
        for folder in (root.parent / f"{package.__name__}.libs", root / ".dylibs"):
            for path in folder.glob("libscipy_openblas*"):
                library = ctypes.CDLL(str(path))
                # NumPy's is built with 64-bit integers, which its names tell.
                suffix = "64_" if hasattr(library, "scipy_openblas_get_num_threads64_") else ""
                found.append(
                    (
                        getattr(library, f"scipy_openblas_get_num_threads{suffix}"),
                        getattr(library, f"scipy_openblas_set_num_threads{suffix}"),
                    )
                )
    return found
