"""Which kernels OpenBLAS multiplies with, where its own choice is not the fastest.

OpenBLAS takes its AVX-512 kernels wherever the processor knows these instructions. AMD's Zen 4 carries each of them out
in two halves, so that it gains nothing by them, and its older kernels for AVX2 come closer to what it can do: a network
of 256-128 trains 6 to 8 % faster with them. Narrow ones do not: the tiles of `seisnet.nn.products` need the others, and
one of 64-32 would train 11 % slower (benchmarks/EARLIER.md).
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "OPENBLAS_CORETYPE"
"""OpenBLAS reads it once, when it is loaded."""

WIDE = 256
"""Units of the first hidden layer from which on the kernels for AVX2 are faster."""

CPUINFO = Path("/proc/cpuinfo")


def choose_kernels(hidden: Sequence[int]) -> None:
    """Choose the faster kernels for this process and those that it starts; to be called before NumPy is imported.

    Where NumPy is loaded already, or the user has chosen, nothing is changed. Other kernels sum in another order, so
    the choice depends on the processor and the layers alone: a training that is repeated gives the same bytes.

    Parameters
    ----------
    hidden : sequence of int
        Units of the hidden layers of the network that is to be trained.
    """
    if not hidden or hidden[0] < WIDE or "numpy" in sys.modules or not CPUINFO.exists():
        return
    with CPUINFO.open(encoding="utf-8") as lines:
        first_core = "".join(itertools.takewhile(str.strip, lines))
    if is_zen_4(first_core):
        os.environ.setdefault(VARIABLE, "Zen")


def is_zen_4(core: str) -> bool:
    """Whether a processor is AMD's Zen 4, by what Linux tells of a core; Zen 3, of the same family, has no AVX-512.

    Examples
    --------
    >>> is_zen_4("vendor_id : AuthenticAMD\\ncpu family : 25\\nflags : fpu avx2 avx512f")
    True
    """
    pairs = (line.split(":", 1) for line in core.splitlines() if ":" in line)
    told = {key.strip(): value.split() for key, value in pairs}
    return (
        told.get("vendor_id") == ["AuthenticAMD"]
        and told.get("cpu family") == ["25"]
        and "avx512f" in told.get("flags", ())
    )
