"""Start times that a table writes as 28/07/2011 19:59, day or month first, as ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from seisnet.errors import DataError

_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) +(\d{1,2}):(\d\d)(?::(\d\d))?")


def is_slashed(text: str) -> bool:
    """Whether a time is written so.

    Examples
    --------
    >>> is_slashed("28/07/2011 19:59"), is_slashed("2011/07/28 19:59:00")
    (True, False)
    """
    return _SLASHED.fullmatch(text.strip()) is not None


def day_first(times: Iterable[str], table: Path) -> bool:
    """Whether slashed dates of a table are day/month/year; decided by the days above 12 among them.

    Raises
    ------
    DataError
        No date tells, or two contradict each other.
    """
    slashed = [found for text in times if (found := _SLASHED.fullmatch(text.strip()))]
    days = any(int(found[1]) > 12 for found in slashed)
    months = any(int(found[2]) > 12 for found in slashed)
    if slashed and days == months:
        raise DataError(
            f"{table}: start_time {slashed[0][0]!r} may be day/month or month/day, and no "
            "other row tells which; write ISO 8601, such as 2011-07-04T05:23:18"
        )
    return days


def iso(text: str, *, days: bool, table: Path) -> str:
    """ISO 8601 of a slashed date, of which `days` says whether the day comes first; any other text as it is.

    Raises
    ------
    DataError
        There is no such day.
    """
    if not (slashed := _SLASHED.fullmatch(text.strip())):
        return text
    a, b, year, hour, minute, second = (int(part or 0) for part in slashed.groups())
    day, month = (a, b) if days else (b, a)
    try:
        return datetime(year, month, day, hour, minute, second).isoformat() + "Z"
    except ValueError:
        raise DataError(f"{table}: start_time {text!r} is not a date") from None
