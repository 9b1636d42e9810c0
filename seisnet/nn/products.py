"""Matrix products in tiles, because that is what OpenBLAS is fastest at.

OpenBLAS copies ("packs") panels of both matrices into the layout that its inner kernel likes. The copies pay when both
matrices are large; with a batch of 32 windows they cost half as much as the arithmetic. For products of at most a
million multiply-adds, OpenBLAS on AVX-512 processors has kernels that read both matrices where they lie. So a large
product is handed over as a stack of small ones, each a view: the same sums, no copies, one call of `numpy.matmul`.

With OpenBLAS on x86 processors threads are ours: each takes some rows of the result. A row is summed in the same order
whoever does it, so the result does not depend on the number of threads, to the bit. Elsewhere (other processors, other
libraries) a product is one call, and threads are the library's business; `seisnet.nn.threads` sees to both.
"""

from __future__ import annotations

import functools
import os
import platform
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from seisnet.nn.arrays import Array

TILE_MULTIPLY_ADDS = 1_000_000
"""OpenBLAS's own bound for its kernels without packing."""

TILE_COLUMNS = 64
"""Four vector registers of float32: the width of those kernels."""

ROWS_BYTES = 40_000
"""Rows of a tile: about a first-level cache. Chosen for 48 KB; with 32 KB, too, eight rows of 1200 do best."""

STRIPES_BYTES = 1_500_000
"""The whole right-hand matrix; beyond that, packing is the better way.

A matrix of 1.2 MB gains from tiles with second-level caches of 1 MB and of 2 MB; one of 3 MB loses with 1 MB.
"""

TILE_ROWS = 48
"""A tile has no more rows than these, and a tile of a transposed matrix no fewer: lower ones are no faster there."""

WHOLE_ROWS = 48
"""Where a product is left whole, threads take multiples of these many rows, so that all go through the same kernel."""

THREAD_MULTIPLY_ADDS = 10_000_000
"""Work that is worth waking a thread for: about 0.2 ms of one core."""


@functools.cache
def threads_are_ours() -> bool:
    """Whether NumPy multiplies with OpenBLAS on an x86 processor, where any rows may be computed by themselves."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"].get("name", "")
    return "openblas" in blas and platform.machine().lower() in ("x86_64", "amd64")


@functools.cache
def tiles_pay() -> bool:
    """Whether NumPy multiplies with OpenBLAS's kernels for AVX-512; `seisnet.kernels` may have chosen others.

    Fixed for a machine, never timed: tiles sum in another order than whole products, and a repeated training must
    give the same bytes.
    """
    simd = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", ())
    return (
        threads_are_ours()
        and any(name.startswith(("AVX512_SKX", "X86_V4")) for name in simd)
        and "OPENBLAS_CORETYPE" not in os.environ
    )


def product(a: Array, b: Array, out: Array, threads: int = 1) -> Array:
    """Matrix product ``out = a b``.

    Parameters
    ----------
    a : float (M, K)
        C-contiguous, or the transpose of such an array.
    b : float (K, N)
        C-contiguous, or the transpose of such an array.
    out : float (M, N)
        C-contiguous; it is overwritten and returned.
    threads : int
        How many may share the rows.
    """
    if not threads_are_ours():
        return np.matmul(a, b, out=out)
    (m, k), n = a.shape, b.shape[1]
    rows = tile_rows(m, k, n, a.itemsize, a.flags.c_contiguous, b.flags.c_contiguous) if tiles_pay() else 0
    most_shares = m * k * n // THREAD_MULTIPLY_ADDS
    unit = rows or WHOLE_ROWS
    if most_shares < 2 or m < unit:
        _multiply(a, b, out, rows)
        return out
    # The last few rows go through other kernels, so they stay by themselves for any number of threads.
    edge = m - m % unit
    step = -(-edge // (min(threads, most_shares) * unit)) * unit
    ours, *theirs = [slice(start, min(start + step, edge)) for start in range(0, edge, step)]
    waiting = [_pool(os.getpid()).submit(_multiply, a[share], b, out[share], rows) for share in theirs]
    _multiply(a[ours], b, out[ours], rows)
    if edge < m:
        _multiply(a[edge:], b, out[edge:], rows)
    for share in waiting:
        share.result()
    return out


@functools.cache
def tile_rows(m: int, k: int, n: int, itemsize: int, a_row_major: bool, b_row_major: bool) -> int:
    """Rows of the left-hand matrix in a tile of an (M, K) (K, N) product; 0 where it is better left whole."""
    if not b_row_major or m < 4 or n % TILE_COLUMNS:
        return 0
    if m * k * n <= TILE_MULTIPLY_ADDS or k * n * itemsize > STRIPES_BYTES:
        return 0
    at_once = 4 if a_row_major else TILE_ROWS
    most = min(TILE_ROWS, TILE_MULTIPLY_ADDS // (k * TILE_COLUMNS), ROWS_BYTES // (k * itemsize))
    return most // at_once * at_once


def _multiply(a: Array, b: Array, out: Array, rows: int) -> None:
    if rows:
        _tiled(a, b, out, rows)
    else:
        np.matmul(a, b, out=out)


def _tiled(a: Array, b: Array, out: Array, rows: int) -> None:
    """Multiply in tiles of some rows and 64 columns; the last rows make one lower tile."""
    m, k = a.shape
    # (column tile, row tile, ., .): a stripe of `b` stays in the cache while all rows of `a` pass it.
    stripes = b.reshape(k, -1, 1, TILE_COLUMNS).transpose(1, 2, 0, 3)
    whole = m - m % rows
    for part, tile in ((slice(0, whole), rows), (slice(whole, m), m - whole)):
        if tile and part.stop:
            target = out[part].reshape(-1, tile, len(stripes), TILE_COLUMNS).transpose(2, 0, 1, 3)
            np.matmul(a[part].reshape(-1, tile, k), stripes, out=target)


@functools.cache
def _pool(pid: int) -> ThreadPoolExecutor:
    """Worker threads of this process: a fork inherits the object but not its threads, so the key is the process."""
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="seisnet")
