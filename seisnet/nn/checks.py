"""The check of a number that a user chose."""

from __future__ import annotations

import math
from numbers import Real

from seisnet.errors import ConfigError


def within(name: str, value: float, below: float = math.inf) -> None:
    """Refuse what is no finite number from 0 on, or not below a bound.

    Raises
    ------
    ConfigError
        Naming the number.
    """
    if not (isinstance(value, Real) and 0 <= value < below):
        bound = "finite" if below == math.inf else f"below {below:g}"
        raise ConfigError(f"{name}: got {value!r}; it must be at least 0 and {bound}")
