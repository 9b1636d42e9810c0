"""Checks of a single value; what is refused is named with what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from seisnet.errors import ConfigError


def nearest(name: str, known: Iterable[str]) -> str:
    """Say the known names: the nearest if one is near, else all of them.

    Examples
    --------
    >>> nearest("momentun", ["momentum", "epochs"])
    "; did you mean 'momentum'?"
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a name that is not among those allowed."""
    if value not in allowed:
        raise ConfigError(f"{name}: got '{value}'{nearest(value, allowed)}")


def between(name: str, value: float, low: float, high: float) -> None:
    """Refuse a value outside a range, and NaN."""
    if not low <= value <= high:  # also catches NaN
        raise ConfigError(f"{name}: got {value}; it must lie between {low:g} and {high:g}")


def lists(**names: Iterable[str | Path]) -> None:
    """Refuse one name in place of a list of names, whose letters would be taken for names."""
    for argument, value in names.items():
        if isinstance(value, str | Path):
            raise ConfigError(f"{argument}: got {str(value)!r}; a list is needed: [{str(value)!r}]")


def rising(name: str, values: tuple[float, ...], low: float, high: float) -> None:
    """Refuse anything but two rising values within a range."""
    if len(values) != 2 or not low <= values[0] <= values[1] <= high:
        raise ConfigError(f"{name}: got {values}; two rising values between {low:g} and {high:g} are needed")


def whole(name: str, length_s: float, sampling_rate_hz: float) -> None:
    """Refuse a length that is no whole number of samples."""
    samples = length_s * sampling_rate_hz
    if abs(samples - round(samples)) > 1e-6 * samples:
        raise ConfigError(
            f"{name}: {length_s:g} s is {samples:g} samples at {sampling_rate_hz:g} Hz; a whole number is needed: "
            f"take another rate, or another {name}"
        )
