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
    points : float64 (N, k)
        Coordinates along the components, the first of the greatest variance.
    explained : float64 (k,)
        Share of the whole variance along each.
    """

    points: NDArray[np.float64]
    explained: NDArray[np.float64]


def principal_components(x: ArrayLike, n_components: int = 2) -> Embedding:
    """Project centred points on the right singular vectors of the greatest singular values (Pearson, 1901).

    The sign of each component is such that its entry of the greatest magnitude is positive, so that the same points
    give the same picture on every machine.

    Parameters
    ----------
    x : float (N, D)
        At least two points, and as many as components.

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
    if points.ndim != 2 or len(points) < max(2, n_components) or points.shape[1] < n_components:
        raise DataError(
            f"points of shape {points.shape}; (N, D) with N and D of {max(2, n_components)} or more is needed"
        )
    centred = points - points.mean(axis=0)
    left, singular, right = np.linalg.svd(centred, full_matrices=False)
    axes = right[:n_components]
    signs = np.sign(axes[range(len(axes)), np.abs(axes).argmax(axis=1)])
    variances = singular**2
    total = max(float(variances.sum()), np.finfo(np.float64).tiny)
    k = len(axes)
    return Embedding(left[:, :k] * singular[:k] * signs, variances[:k] / total)
