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


@contextmanager
def fastest_threads(network: Network, batch_size: int, most: int) -> Iterator[int]:
    """Train and predict with as many threads as are fastest, and at most some number, while the context lasts.

    Where the threads are ours (see `seisnet.nn.products`), a forward and backward pass with one thread and with all
    are timed in turns; the result does not depend on their number, so a measured choice is harmless. Elsewhere the
    library's own threads are used if each gets enough of the largest product; that is a fixed rule, because there the
    number may change the last bits.

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
    with blas_threads(1) as set_blas_threads:
        if most > 1 and tiles_pay():
            network.threads = _faster(network, batch_size, (1, most))
            chosen = network.threads
        else:
            largest = batch_size * max(a * b for a, b in itertools.pairwise(network.sizes))
            chosen = max(1, min(most, largest // THREAD_MULTIPLY_ADDS))
            set_blas_threads(chosen)
        try:
            yield chosen
        finally:
            network.threads = 1


@contextmanager
def blas_threads(n: int) -> Iterator[Callable[[int], None]]:
    """Limit the OpenBLAS libraries that came with NumPy and SciPy to some threads; other libraries are left alone.

    Yields
    ------
    callable
        Changes the limit.
    """

    def limit(n: int) -> None:
        for _, setter in _openblas():
            setter(n)

    before = [getter() for getter, _ in _openblas()]
    limit(n)
    try:
        yield limit
    finally:
        for (_, setter), threads in zip(_openblas(), before, strict=True):
            setter(threads)


def _faster(network: Network, batch_size: int, candidates: tuple[int, ...]) -> int:
    """Return the number of threads with which a forward and backward pass is fastest; `grad` is kept."""
    x = namespace(network.theta).zeros((batch_size, network.sizes[0]), network.theta.dtype)
    seconds: dict[int, list[float]] = {n: [] for n in candidates}
    grad = network.grad.copy()
    for _ in range(REPEATS):
        for n, times in seconds.items():
            network.threads = n
            start = time.perf_counter()
            logits, backward = network.forward(x)
            backward(logits)
            times.append(time.perf_counter() - start)
    network.grad[...] = grad
    return min(seconds, key=lambda n: statistics.median(seconds[n]))


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
