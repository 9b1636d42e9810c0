"""Numbers in the sentences that users read."""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """A number and what it counts; the plural of `one` takes an s unless `many` gives it.

    Examples
    --------
    >>> counted(1, "station"), counted(2, "station"), counted(0, "stretch", "stretches")
    ('1 station', '2 stations', '0 stretches')
    """
    return f"{n} {one if n == 1 else many or one + 's'}"
