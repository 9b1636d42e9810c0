"""How many threads a network's matrix products use: never more than asked for, and fewer where that is faster.

A thread is worth having only if its share of the work takes longer than waking it up, and if a core is free for it.
OpenBLAS by itself does not look at the second: on a machine whose cores are busy, two of its threads can take ten times
as long as one, because they wait for each other in a loop.
"""

from __future__ import annotations

import copy
import ctypes
import functools
import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import scipy

from seisnet.nn.arrays import namespace
from seisnet.nn.checks import check_threads
from seisnet.nn.network import Network
from seisnet.nn.optimizers import SGD
from seisnet.nn.products import THREAD_MULTIPLY_ADDS, threads_are_ours

REPEATS = 9
"""Training steps that are timed with each number of threads."""

MOST_ROWS = 2048
"""Rows of a batch that is timed: of larger ones the shares of time are the same, and nine would not fit into memory."""

WORTH = 0.95
"""More threads are taken only if they need less than this share of the time."""


@contextmanager
def fastest_threads(network: Network, batch_size: int, most: int) -> Iterator[int]:
    """Train and predict with as many threads as are fastest, and at most some number, while the context lasts.

    Only as many are considered as get enough of the largest product each. Where the threads are ours (see
    `seisnet.nn.products`), training steps of a copy with 1, 2, 4, ... of them are timed in turns; the result does not
    depend on their number, so a measured choice is harmless. Elsewhere the library's own threads are used without a
    trial, because there the number may change the last bits.

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
    ours = threads_are_ours() and namespace(network.theta) is np
    with blas_threads(1 if ours else most):
        chosen = most
        if ours:
            chosen = network.threads = _fastest(network, batch_size, most)
        try:
            yield chosen
        finally:
            network.threads = 1


_lock = threading.Lock()
_limits: dict[object, int] = {}
"""Limits that contexts have set and not left; the last one holds."""

_own: list[int] = []
"""Limits of the libraries before any context."""


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Limit the OpenBLAS libraries that came with NumPy and SciPy to some threads; other libraries are left alone.

    The limit holds for the process. Where contexts of several Python threads overlap, the one entered last decides, and
    when all are left the libraries have the limits that they had before.

    Raises
    ------
    ConfigError
        If `n` is no whole number of at least 1.
    """
    check_threads(n)  # before it is noted: a limit that no library takes would fail every context after this one
    mine = object()
    with _lock:
        if not _limits:
            _own[:] = [getter() for getter, _ in _openblas()]
        _limits[mine] = n
        _set([n] * len(_own))
    try:
        yield
    finally:
        with _lock:
            del _limits[mine]
            _set([next(reversed(_limits.values()))] * len(_own) if _limits else _own)


def _set(limits: Sequence[int]) -> None:
    for (_, setter), n in zip(_openblas(), limits, strict=True):
        setter(n)


def _fastest(network: Network, batch_size: int, most: int) -> int:
    """Return the number of threads with which training steps of a copy of the network are fastest."""
    if most == 1:
        return 1
    seconds: dict[int, list[float]] = {n: [] for n in (*(n for n in (1, 2, 4, 8, 16, 32) if n < most), most)}
    twin, optimizer = copy.deepcopy(network), SGD(1e-6, momentum=0.9)
    # Another batch each time, and whole steps: what a thread has to fetch from the caches of another one counts.
    batches = np.ones((REPEATS, min(batch_size, MOST_ROWS), network.sizes[0]), network.theta.dtype)
    for x in batches:
        for n, times in seconds.items():
            twin.threads = n
            start = time.perf_counter()
            logits, backward = twin.forward(x)
            backward(logits)
            optimizer.step(twin.theta, twin.grad)
            times.append(time.perf_counter() - start)
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
