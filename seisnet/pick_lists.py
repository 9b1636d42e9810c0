"""What `seisnet.model.Model.classify` returns: lists of picks and of detections, which also look like SeisBench's."""

from __future__ import annotations

import re
from typing import TypeVar

from seisnet.picks import Detection, OnInstrument, Pick
from seisnet.wording import counted

Statement = TypeVar("Statement", bound=OnInstrument)

MOST_LINES = 20
"""Statements that a list shows, half of them its first and half its last."""


class _Shown(list[Statement]):
    """A list that shows one statement a line."""

    _what = ""

    def __repr__(self) -> str:
        """How many there are, then each in a line; of many, the first and the last."""
        lines = [str(statement) for statement in self]
        half = MOST_LINES // 2
        if len(lines) > MOST_LINES:
            lines[half:-half] = [f"... {len(lines) - 2 * half} more ..."]
        return "\n".join([f"{counted(len(self), self._what)}{':' if self else ''}", *lines])


class PickList(_Shown[Pick]):
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
        """Picks of trace ids that a regular expression matches as a whole, of a probability at least, of one phase."""
        pattern = re.compile(".*" if trace_id is None else trace_id)
        return PickList(
            pick
            for pick in self
            if pattern.fullmatch(pick.trace_id)
            and (min_confidence is None or pick.probability >= min_confidence)
            and phase in (None, pick.phase)
        )


class DetectionList(_Shown[Detection]):
    """A list of detections that has them as `detections` too, like what SeisBench's ``classify`` returns."""

    _what = "detection"

    @property
    def detections(self) -> DetectionList:
        """The list itself."""
        return self
