"""Many dimensions seen in few: principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seisnet.errors import DataError


@dataclass(frozen=True)
class Embedding:
    """Points in the plane of their greatest variance.

    Attributes
    ----------
    points : float64 (N, 2)
        Coordinates along the components, the first of the greatest variance.
    explained : float64 (2,)
        Share of the whole variance along each.
    """

    points: NDArray[np.float64]
    explained: NDArray[np.float64]


def principal_components(x: ArrayLike) -> Embedding:
    """Project centred points on the right singular vectors of the two greatest singular values (Pearson, 1901).

    The sign of each component is such that its entry of the greatest magnitude is positive, so that the same points
    give the same picture on every machine.

    Parameters
    ----------
    x : float (N, D)
        At least two points of two or more dimensions.

    Raises
    ------
    DataError
        If there are too few points or dimensions.

    Examples
    --------
    >>> principal_components([[0, 0, 0], [2, 0, 0], [0, 1, 0]]).explained.round(2).tolist()
    [0.86, 0.14]
    """
    points = np.asarray(x, dtype=np.float64)
    if points.ndim != 2 or min(points.shape) < 2:
        raise DataError(f"points of shape {points.shape}; (N, D) with N and D of 2 or more is needed")
    centred = points - points.mean(axis=0)
    left, singular, right = np.linalg.svd(centred, full_matrices=False)
    axes = right[:2]
    signs = np.sign(axes[range(2), np.abs(axes).argmax(axis=1)])
    variances = singular**2
    total = max(float(variances.sum()), np.finfo(np.float64).tiny)
    return Embedding(left[:, :2] * singular[:2] * signs, variances[:2] / total)
