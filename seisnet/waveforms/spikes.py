"""Spikes: one or two samples too far off those beside them to be ground motion; found and replaced.

What has passed a recorder's anti-alias filter is never as short as one sample: it rings on for several. So the samples
around a spike of telemetry or digitiser are quiet, and those around a sharp onset are not. How quiet they are is
measured by bends (second differences), which slow waves hardly affect, however large:

.. math:: b_j = |x_{j-1} - 2 x_j + x_{j+1}|

Samples i to i + w - 1 are a spike, w being 1 or 2, if they lie on one side of the straight line from the sample before
to that after them, each at least h away from it, with

.. math:: h > T_w \\max(b_{i-K}, ..., b_{i-2}, b_{i+w+1}, ..., b_{i+w-1+K}) > 0

and if those two differ by less than h / 2; else it would be a step. K is `QUIET`, T `OUTSTANDING`. Nothing farther away
than `REACH` matters, so that parts of a recording, and packets, have the spikes of the whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTSTANDING = {1: 2.5, 2: 5.0}
"""How many times the largest bend nearby a spike of one sample, or of two, must be off its line. Of 818 onsets at 20
to 500 Hz the sharpest come to 1.6 and 3.1; an impulse behind a filter that closes at nine tenths of the Nyquist
frequency comes to 2.2 with one sample."""

QUIET = 11
"""Samples on either side whose bends are looked at."""

REACH = QUIET + 2
"""Samples farther away do not affect whether a sample belongs to a spike."""

GROUP = 4
"""Bends of which the largest is compared first, with those of the groups two before and two behind, which lie among
`QUIET` wherever in its group the spike is."""

BLOCK_SAMPLES = 32_768
"""Samples whose bends are taken at a time: they stay in the second-level cache."""

GROUPS_AT_ONCE = 4096
"""Groups that are looked at closely at a time."""


def without_spikes(samples: NDArray[Any]) -> tuple[NDArray[Any], list[tuple[int, int]]]:
    """Replace the samples of spikes by those beside them.

    Means would have to be rounded where samples are integers, so that the gain would matter.

    Parameters
    ----------
    samples : (T,)
        Of any real type; they are not changed.

    Returns
    -------
    samples : (T,)
        The same array if there is no spike.
    spikes : list of (int, int)
        First and last sample of each.

    Examples
    --------
    >>> without_spikes(np.array([2, 3, 1] * 5 + [90] + [3, 1, 2] * 5))[1]
    [(15, 15)]
    """
    spikes = _spikes(samples)
    if not spikes:
        return samples, []
    mended = samples.copy()
    for first, last in spikes:
        mended[first] = samples[first - 1]
        if last > first:
            mended[last] = samples[last + 1]
    return mended, spikes


def _spikes(x: NDArray[Any]) -> list[tuple[int, int]]:
    spikes: list[tuple[int, int]] = []
    bent = [first for start in range(0, len(x), BLOCK_SAMPLES) for first in _most_bent(x, start)]
    for k in range(0, len(bent), GROUPS_AT_ONCE):
        # A spike of two samples may be most bent at its second.
        starts = np.array(bent[k : k + GROUPS_AT_ONCE])[:, None] + np.arange(-1, GROUP)
        for length in OUTSTANDING:
            first = starts[(starts > QUIET) & (starts + length + QUIET < len(x))]
            spikes += [(i, i + length - 1) for i in first[_spiky(x, first, length)].tolist()]
    return sorted(set(spikes))


def _spiky(x: NDArray[Any], first: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Which of some samples begin a spike of some length."""
    near = x[np.arange(-1, length + 1)[:, None] + first].astype(np.float64)
    before, after = near[0], near[-1]
    off = near[1:-1] - (before + np.arange(1, length + 1)[:, None] * ((after - before) / (length + 1)))
    height = np.maximum(off.min(axis=0), -off.max(axis=0))
    some = np.flatnonzero(np.abs(after - before) < 0.5 * height)
    around = x[np.arange(-QUIET - 1, QUIET + 1 + length)[:, None] + first[some]].astype(np.float64)
    bends = np.abs(np.diff(around, 2, axis=0))
    quiet = np.maximum(bends[: QUIET - 1].max(axis=0), bends[1 - QUIET :].max(axis=0))
    spiky: NDArray[np.intp] = some[(height[some] > OUTSTANDING[length] * quiet) & (quiet > 0)]
    return spiky


def _most_bent(x: NDArray[Any], start: int) -> list[int]:
    """First sample of each of the few groups in a block that may hold the largest bend of a spike.

    A spike of one sample bends by twice its height, one of two at one of its samples by its height or more. So the
    largest bend b of its group is compared with a and c of the groups two before and two behind::

        |  a |    |  b |    |  c |
    """
    part = subtractable(x[start : start + BLOCK_SAMPLES + 5 * GROUP])  # the next block begins with its last groups
    with np.errstate(over="ignore", invalid="ignore"):  # no spikes among samples near the largest float32
        change = part[1:] - part[:-1]
        bends = change[1:] - change[:-1]
    np.abs(bends, out=bends)
    of_pairs = np.maximum(bends[1:], bends[:-1])
    largest = np.maximum(of_pairs[:-2:GROUP], of_pairs[2::GROUP]).astype(np.float64)  # of each group
    times = min(2 * OUTSTANDING[1], OUTSTANDING[2])
    beside = times * np.maximum(largest[:-4], largest[4:])
    groups = np.flatnonzero(largest[2:-2] > beside)
    if not beside[groups].all():  # a bend that is not zero is needed
        groups = groups[largest[groups + 2] > times * bends.min(where=bends > 0, initial=bends.max())]
    firsts: list[int] = (start + 1 + GROUP * (groups + 2)).tolist()
    return firsts


def subtractable(samples: NDArray[Any]) -> NDArray[Any]:
    """Samples in a type that can hold their bends: in their own where possible, which takes half the time."""
    if samples.dtype.kind == "f":
        return samples.astype(np.result_type(samples, np.float32), copy=False)
    whole = samples.astype(np.result_type(samples, np.int32), copy=False)
    return whole if int(whole.max()) - int(whole.min()) < 2**29 else whole.astype(np.float64)
