"""Figures in the words of a card, of which some may not be known, and tables of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def worded(figure: float | None, digits: int) -> str:
    """A figure with so many decimals."""
    return "none" if figure is None else f"{figure:.{digits}f}"


def interval(bounds: Sequence[float | None], digits: int) -> str:
    """Bounds in brackets, to stand behind a figure; nothing where they are not known."""
    low, high = bounds
    return "" if low is None else f" ({worded(low, digits)} to {worded(high, digits)})"


def table(head: str, rows: Iterable[str]) -> str:
    """A table of Markdown from its lines but the rule."""
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *rows])
