"""Lists of picks and of detections, as they are found or read, which also look like SeisBench's."""

from __future__ import annotations

import re
from typing import NoReturn, Self, SupportsIndex, TypeVar, overload

from seisnet.errors import ConfigError
from seisnet.picks import Detection, Pick
from seisnet.wording import counted

Statement = TypeVar("Statement", bound=Pick | Detection)

MOST_LINES = 20
"""Picks or detections that a list shows; of a longer list half of these are its first, half its last."""


class _Found(list[Statement]):
    """A list that shows one statement a line, and has the methods of SeisBench's."""

    _what = ""

    def __repr__(self) -> str:
        """How many there are, then one a line."""
        lines = [str(statement) for statement in self]
        half = MOST_LINES // 2
        if len(lines) > MOST_LINES:
            lines[half:-half] = [f"... {len(lines) - 2 * half} more ..."]
        return "\n".join([f"{counted(len(self), self._what)}{':' if self else ''}", *lines])

    @overload
    def __getitem__(self, key: SupportsIndex) -> Statement: ...

    @overload
    def __getitem__(self, key: slice) -> Self: ...

    def __getitem__(self, key: SupportsIndex | slice) -> Statement | Self:
        """One of them, or a list of those in a slice."""
        return type(self)(super().__getitem__(key)) if isinstance(key, slice) else super().__getitem__(key)

    def select(self, trace_id: str | None = None, min_confidence: float | None = None) -> Self:
        """Those of `min_confidence` at least whose trace id, with or without channel, fully matches a pattern."""
        pattern = re.compile(".*" if trace_id is None else trace_id)
        return type(self)(
            found
            for found in self
            if (pattern.fullmatch(found.trace_id) or pattern.fullmatch(found.site_id))
            and (min_confidence is None or found.probability >= min_confidence)
        )

    def to_dataframe(self) -> NoReturn:
        """Say how else a table is made: seisnet does without pandas."""
        raise ConfigError(
            "to_dataframe: seisnet does without pandas; use pandas.DataFrame(picks), "
            "or write_picks(picks, 'picks.csv', 'seisbench') for a file with SeisBench's columns"
        )


class PickList(_Found[Pick]):
    """A list of picks that has them as `picks` too, like what SeisBench's ``classify`` returns.

    Examples
    --------
    >>> PickList([Pick("BW", "RJOB", "", "EH", "P", 1_251_073_207_720_000_000, 0.986, 0.0194)])
    1 pick:
    BW.RJOB..EH  P  2009-08-24T00:20:07.720000Z  0.99  +- 0.02 s
    """

    _what = "pick"

    @property
    def picks(self) -> PickList:
        """The list itself."""
        return self

    def select(
        self, trace_id: str | None = None, min_confidence: float | None = None, phase: str | None = None
    ) -> PickList:
        """As for detections; with `phase`, only picks of that phase."""
        return PickList(pick for pick in super().select(trace_id, min_confidence) if phase in (None, pick.phase))


class DetectionList(_Found[Detection]):
    """A list of detections that has them as `detections` too, like what SeisBench's ``classify`` returns."""

    _what = "detection"

    @property
    def detections(self) -> DetectionList:
        """The list itself."""
        return self
