"""Figures in the words of a card, of which some may not be known."""

from __future__ import annotations

from collections.abc import Sequence


def known(figure: float | None, digits: int) -> str:
    """A figure with so many decimals."""
    return "none" if figure is None else f"{figure:.{digits}f}"


def interval(bounds: Sequence[float | None], digits: int) -> str:
    """Bounds in brackets, to stand behind a figure; nothing where they are not known."""
    low, high = bounds
    return "" if low is None else f" ({known(low, digits)} to {known(high, digits)})"
