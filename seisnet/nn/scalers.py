"""Scalers: fitted on the training split, they normalise what a network reads and denormalise what it says."""

from __future__ import annotations

from typing import Any, Self

from seisnet.errors import DataError
from seisnet.nn.arrays import Array, namespace
from seisnet.nn.checks import refuse_masked, shape_of


class StandardScaler:
    """Each column minus its mean, over its standard deviation.

    Attributes
    ----------
    count : int
        Rows seen so far.
    mean, scale : float64 (D,)
        Mean and standard deviation of each column; the scale of a column that varies by less than 1e-12, or than that
        share of its mean, is 1; values as small as that need another unit.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = StandardScaler().fit(np.array([[1.0], [3.0]]))
    >>> scaler.transform(np.array([[5.0]])), scaler.inverse_transform(np.array([[3.0]]))
    (array([[3.]]), array([[5.]]))
    """

    count: int
    mean: Array
    scale: Array
    _squares: Array

    def __init__(self) -> None:
        self.count = 0

    def fit(self, x: Array) -> Self:
        """Learn mean and scale from rows (N, D), forgetting earlier ones."""
        self.count = 0
        return self.partial_fit(x)

    def partial_fit(self, x: Array) -> Self:
        """Learn from further rows (N, D), for data that don't fit into memory (Chan et al. 1983, eq. 2.1).

        Raises
        ------
        DataError
            If there are no rows, `x` is masked, a value is not finite, or there are other columns than before.
        """
        if getattr(x, "ndim", 0) != 2 or len(x) == 0:
            raise DataError(f"a scaler learns from rows of shape (N, D) with N at least 1; got {shape_of(x)}")
        refuse_masked("x", x)
        xp = namespace(x)
        if self.count:
            self._check_columns(x)
        count, mean = len(x), x.mean(axis=0, dtype=xp.float64)
        if x.dtype.itemsize > 4:  # its sum is rounded, so that the mean of a constant column would not be its value
            mean += sum((part - mean).sum(axis=0) for part in _blocks(x)) / count
        # Two passes: the mean of squares minus the square of the mean loses all digits where the mean is large.
        squares = sum(((part - mean) ** 2).sum(axis=0) for part in _blocks(x))
        if not bool(xp.isfinite(squares).all()):
            columns = xp.flatnonzero(~xp.isfinite(squares)).tolist()
            raise DataError(
                f"features {columns[:10]} hold values that are not finite; remove those windows before fitting"
            )
        if self.count:
            total, shift = self.count + count, mean - self.mean
            squares = self._squares + squares + shift**2 * (self.count * count / total)
            mean = self.mean + shift * (count / total)
            count = total
        self.count, self.mean, self._squares = count, mean, squares
        scale = xp.sqrt(squares / count)
        # A column that is constant but for rounding must not be blown up to unit variance.
        self.scale = xp.where(scale > 1e-12 * (1 + xp.abs(mean)), scale, 1.0)
        return self

    def transform(self, x: Array) -> Array:
        """Normalise rows (N, D); the dtype stays that of `x`, but whole numbers become float64."""
        self._check_columns(x)
        dtype = _float_of(x)
        y = x - self.mean.astype(dtype)
        y /= self.scale.astype(dtype)
        return y

    def inverse_transform(self, x: Array) -> Array:
        """Denormalise rows (N, D), predictions back in their unit; the dtype is as `transform` has it."""
        self._check_columns(x)
        dtype = _float_of(x)
        y = x * self.scale.astype(dtype)
        y += self.mean.astype(dtype)
        return y

    def _check_columns(self, x: Array) -> None:
        if not hasattr(self, "mean"):
            raise DataError("the scaler has learned from no rows yet; call fit or partial_fit first")
        if getattr(x, "shape", ())[-1:] != self.mean.shape:  # a single column would be repeated
            raise DataError(f"the scaler learned from {len(self.mean)} columns; got {shape_of(x)}")


def _float_of(x: Array) -> Any:
    """Dtype to compute in; mean and scale must not be rounded to whole numbers."""
    return x.dtype if x.dtype.kind == "f" else "float64"


def _blocks(x: Array, rows: int = 4096) -> list[Array]:
    """Cut into blocks of rows, so that float64 copies stay small."""
    return [x[start : start + rows] for start in range(0, len(x), rows)]
