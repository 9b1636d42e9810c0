"""Checks of a single value; what is refused is named with what is allowed."""

from __future__ import annotations

import difflib
import functools
import numbers
import os
import typing
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from seisnet.errors import ConfigError

C = TypeVar("C")
V = TypeVar("V")


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that is like another, in whatever case; empty if none is."""
    folded = {one.casefold(): one for one in sorted(known)}  # ADAM is adam
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """End of a message on an unknown name: the nearest known name if one is near, else all of them.

    Examples
    --------
    >>> nearest("momentun", ["momentum", "epochs"])
    "; did you mean 'momentum'?"
    """
    known = sorted(known)
    near = closest(name, known)
    return f"; did you mean '{near}'?" if near else f"; known: {', '.join(known)}"


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a name that is not among those allowed."""
    if value not in allowed:
        raise ConfigError(f"{name}: got '{value}'{nearest(str(value), allowed)}")


def between(name: str, value: float, low: float, high: float) -> None:
    """Refuse a value outside a range, and NaN."""
    if not low <= value <= high:  # also catches NaN
        raise ConfigError(f"{name}: got {value}; it must lie between {_written_out(low)} and {_written_out(high)}")


def _written_out(bound: float) -> str:
    """A number without an exponent.

    Examples
    --------
    >>> _written_out(1e6), _written_out(1e-9), _written_out(0.1 + 0.2), _written_out(2**63 - 1)
    ('1000000', '0.000000001', '0.3', '9223372036854775807')
    """
    return str(bound) if isinstance(bound, int) else f"{float(f'{bound:g}'):.12f}".rstrip("0").rstrip(".")


def each_between(config: object, low: float, high: float, *names: str) -> None:
    """Refuse a config of which a value with one of these names lies outside a range."""
    for name in names:
        between(name, getattr(config, name), low, high)


def names(argument: str, values: Iterable[str | os.PathLike[str]]) -> list[str]:
    """File names and paths as text; a single one in place of a list is refused, and so are data in memory.

    Examples
    --------
    >>> from pathlib import Path
    >>> names("sources", ["sds:archive", Path("a.mseed")])
    ['sds:archive', 'a.mseed']
    """
    if isinstance(values, str | os.PathLike):  # whose letters would be taken for names
        raise ConfigError(f"{argument}: got {str(values)!r}; a list is needed: [{str(values)!r}]")
    listed = list(values) if isinstance(values, Iterable) else [values]
    for value in listed:
        if not isinstance(value, str | os.PathLike):
            got = type(value if isinstance(values, list | tuple) else values).__name__
            raise ConfigError(f"{argument}: got {got} instead of file names; write data in memory to a file first")
    return [os.fspath(value) for value in listed]


def instance(name: str, value: object, kind: type, example: str = "") -> None:
    """Refuse a value that is of another class."""
    if not isinstance(value, kind):
        raise ConfigError(f"{name}: got {type(value).__name__}; {kind.__name__} is needed{example}")


def instances(name: str, values: Iterable[V], kind: type) -> list[V]:
    """List of values, which may come from an iterator; one of another class is refused."""
    listed = list(values)
    for value in listed:
        instance(name, value, kind)
    return listed


def or_default(config: C | None, kind: type[C], example: str = "") -> C:
    """A config, or the defaults where there is none; anything else is refused."""
    if config is None:
        return kind()
    instance("config", config, kind, example)
    return config


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
            f"choose another rate, or another {name}"
        )


kinds_of: Callable[[type], dict[str, Any]] = functools.cache(typing.get_type_hints)
"""Types of a dataclass's fields; looking them up takes longer than all checks."""


def settle(config: Any) -> None:
    """Give every field of a frozen dataclass the type that it declares, or refuse its value: a list becomes a tuple."""
    for name, kind in kinds_of(type(config)).items():
        object.__setattr__(config, name, coerced(name, getattr(config, name), kind))


def coerced(where: str, value: Any, kind: Any) -> Any:
    """Turn a value, as JSON, TOML, Python and NumPy hold it, into the type of a field.

    Raises
    ------
    ConfigError
        For a value of the wrong kind.

    Examples
    --------
    >>> coerced("hidden", [256, 128], tuple[int, ...])
    (256, 128)
    """
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where}: got {value!r}; a list is needed")
        return tuple(coerced(where, item, inner) for item in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: got {value!r}; a table is needed")
        inner = typing.get_args(kind)[1]
        return {str(key): coerced(f"{where}.{key}", item, inner) for key, item in value.items()}
    if kind in (int, float) and isinstance(value, numbers.Integral) and not isinstance(value, bool):
        if kind is int or abs(int(value)) < 2**63:
            return kind(int(value))
    elif kind is float and isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{where}: got {value!r}; a value of type {kind.__name__} is needed")
    return value
