"""Checks of what a user gives: numbers, and arrays."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from seisnet.errors import ConfigError, DataError


def within(name: str, value: float, below: float = math.inf) -> None:
    """Refuse what is no finite number from 0 on, or not below a bound."""
    if not (isinstance(value, Real) and 0 <= value < below):
        bound = "finite" if below == math.inf else f"below {below:g}"
        raise ConfigError(f"{name}: got {value!r}; it must be at least 0 and {bound}")


def at_least(name: str, steps: int, fewest: int) -> None:
    """Refuse a number of steps, or of epochs, that is too small."""
    if not steps >= fewest:
        raise ConfigError(f"{name}: got {steps}; at least {fewest} is needed")


def check_threads(n: int) -> None:
    """Refuse what is no number of threads."""
    if not isinstance(n, int | np.integer) or n < 1:
        raise ConfigError(f"threads: got {n!r}; a whole number of at least 1 is needed")


def refuse_masked(name: str, values: object) -> None:
    """Refuse a masked array: what lies under its mask would be taken for values."""
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(f"{name}: got a masked array; fill it, or leave the rows with masked values out")


def shape_of(values: object) -> str:
    """Say the shape of an array, or what was given in place of one.

    Examples
    --------
    >>> shape_of(np.zeros((2, 3))), shape_of([1])
    ('the shape (2, 3)', 'a list, not an array')
    """
    shape = getattr(values, "shape", None)
    return f"a {type(values).__name__}, not an array" if shape is None else f"the shape {shape}"
