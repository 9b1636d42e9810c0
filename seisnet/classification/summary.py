"""What was found, in words; no figure is needed for them, and their library takes long to import."""

from __future__ import annotations

from seisnet.classification.one_source import Classification
from seisnet.model import Model
from seisnet.wording import counted, duration


def summary(found: Classification, model: Model) -> tuple[str, ...]:
    """What was read and found, in two lines."""
    kinds = [p.phase for p in found.picks] + [d.label for d in found.detections]
    counts = " and ".join(f"{kinds.count(name)} {name}" for name in found.thresholds)
    what = "detections" if model.preprocess.task == "class" else "picks"
    n_instruments = len({trace_id for trace_id, *_ in found.spans})
    stations = counted(len(found.stations), "station")
    where = stations if n_instruments == len(found.stations) else f"{n_instruments} instruments at {stations}"
    records = counted(found.n_records, "gap-free record")
    dead = f", {duration(found.dead_s)} of it without signal and therefore masked" if found.dead_s else ""
    return (
        f"{counts} {what}{_why_no_more(found)}.",
        f"{duration(found.seconds)} of {where} scanned in {records}{dead}.",
    )


def _why_no_more(found: Classification) -> str:
    """How many picks failed the tests against others; where there are none at all, how high the probabilities came."""
    if found.refused:
        return f"; {found.refused} more failed the tests against other picks"
    if found.picks or found.detections:
        return ""
    highest = "; ".join(
        f"{name} {found.highest.get(name, 0.0):.4f}, threshold {threshold:g}"
        for name, threshold in found.thresholds.items()
    )
    reached = any(found.highest.get(name, 0.0) >= threshold for name, threshold in found.thresholds.items())
    if reached:
        return f"; what reached a threshold lies outside the times asked for ({highest})"
    return f"; no probability reached its threshold ({highest})"
