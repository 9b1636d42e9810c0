"""Largest and smallest of running spans, at a cost that hardly grows with the span."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def extremes(of_two: np.ufunc, values: Floats, width: int, *, hop: int = 1) -> Floats:
    """Extremes of runs of `width` values of each row, one run a hop: those of two spans, each a power of two wide.

    Parameters
    ----------
    of_two : ufunc
        `numpy.maximum` or `numpy.minimum`.
    values : float32 (R, T)
    width : int
        From 1 to T.
    hop : int
        From the start of one run to that of the next.

    Examples
    --------
    >>> extremes(np.maximum, np.array([[3, 1, 2, 0, 5]]), 3)
    array([[3, 2, 5]])
    """
    span, extreme = 1, values
    while 2 * span <= width:
        extreme = of_two(extreme[:, :-span], extreme[:, span:])
        span *= 2
    stop = values.shape[1] - width + 1
    found: Floats = of_two(extreme[:, :stop:hop], extreme[:, width - span :: hop])
    return found
