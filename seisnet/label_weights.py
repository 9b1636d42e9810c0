"""How much a pick of an analyst's is worth as a label, and why it may be none."""

from __future__ import annotations

STATUS_WEIGHTS = {"manual": 1.0, "automatic": 0.5, "auto": 0.5, "autopicker": 0.5, "estimated": 0.1, "predicted": 0.1}
"""Weights of picks by how they were made; a pick that does not say counts as manual."""

UNUSED = " of weight 0"
"""Of a phase: its analyst does not use the pick, so that it is no label; but it is not noise either."""

REFUSED, NOT_EXISTING = "a pick that an analyst rejected", "a pick of an event that is said not to exist"
"""Why such a pick is no label."""

CHECKED = ("confirmed", "reviewed", "final")
"""QuakeML's evaluation status of a pick that an analyst has looked at, whoever made it."""

SURE_S, LEAST_WEIGHT = 0.1, 0.1
"""Up to an uncertainty of `SURE_S` a pick has full weight; beyond, it falls as 1 / uncertainty to `LEAST_WEIGHT`."""


def pick_status(mode: str, evaluation_status: str) -> str:
    """How a pick was made by QuakeML's evaluation mode and status: one that an analyst has checked counts as manual."""
    return "" if evaluation_status.lower() in CHECKED else mode


def label_weight(status: str, uncertainty_s: float) -> float:
    """Weight of an analyst's pick by how it was made and how uncertain its time is said to be.

    Examples
    --------
    >>> label_weight("manual", float("nan")), label_weight("automatic", 0.1), label_weight("", 0.4)
    (1.0, 0.5, 0.25)
    """
    trust = STATUS_WEIGHTS.get(status.lower(), 1.0)
    return trust * max(LEAST_WEIGHT, SURE_S / uncertainty_s) if uncertainty_s > SURE_S else trust
