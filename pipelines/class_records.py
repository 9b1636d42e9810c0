"""Whole recordings, scanned by networks that have not learned from them, against a list of what happened.

A stretch of one class is said to have happened where at least `STATIONS` stations detect it at one time. It is right
where the list names that class within half a window of it. What the list does not name counts as false, though a list
that a machine made may lack it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seisnet.classification import classify
from seisnet.labels import time_ns
from seisnet.model import Model
from seisnet.picks import Detection
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import Selection

STATIONS = 2
"""A detection counts where so many stations share it."""

LOWEST_SCORE = 0.4
"""Entries of a scored list below this are taken for neither right nor wrong."""


@dataclass(frozen=True)
class Reference:
    """What a list says happened: a class, when, and how sure it is (1 where it gives no score)."""

    label: str
    time_ns: int
    score: float

    @staticmethod
    def read(path: Path) -> list[Reference]:
        """Read a CSV with columns ``class`` and ``time``, perhaps ``score``; of a ``kind``, ``occurrence`` counts."""
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("kind", "occurrence") == "occurrence"]
        return [Reference(row["class"], time_ns(row["time"]), float(row.get("score") or 1.0)) for row in rows]


@dataclass(frozen=True)
class Shared:
    """A stretch that several stations call by one name."""

    label: str
    start_ns: int
    end_ns: int
    stations: int


def share(detections: Sequence[Detection], fewest: int = STATIONS) -> list[Shared]:
    """Stretches in which detections of one class at several stations overlap in a row."""
    found = []
    for label in sorted({d.label for d in detections}):
        clusters: list[list[Detection]] = []
        for d in sorted((d for d in detections if d.label == label), key=lambda d: d.start_ns):
            if clusters and d.start_ns <= max(c.end_ns for c in clusters[-1]):
                clusters[-1].append(d)
            else:
                clusters.append([d])
        for cluster in clusters:
            stations = {(d.network, d.station) for d in cluster}
            if len(stations) >= fewest:
                found.append(Shared(label, cluster[0].start_ns, max(d.end_ns for d in cluster), len(stations)))
    return sorted(found, key=lambda s: (s.start_ns, s.label))


def compare(found: Sequence[Shared], said: Sequence[Reference], tolerance_ns: int) -> dict[str, int]:
    """Entries of the list found and missed, and stretches that it does not name; of one class."""
    near = np.array([[s.start_ns - tolerance_ns <= r.time_ns <= s.end_ns + tolerance_ns for s in found] for r in said])
    near = near.reshape(len(said), len(found))
    counts = np.array([r.score >= LOWEST_SCORE for r in said], dtype=bool)
    return {
        "listed": int(counts.sum()),
        "found": int(near.any(axis=1)[counts].sum()),
        "not_listed": int((~near.any(axis=0)).sum()),
    }


def scan_recordings(
    sources: Sequence[str],
    models: Sequence[tuple[tuple[int, int], Model]],
    said: Sequence[Reference],
    *,
    slack_s: float = 3600.0,
) -> dict[str, Any]:
    """Scan recordings and compare, each by the model that belongs to its time.

    Parameters
    ----------
    sources : sequence of str
        Files or folders.
    models : sequence of ((int, int), Model)
        First and last time of the windows that the model has *not* learned from.
    said : sequence of Reference
        The list.
    slack_s : float
        A recording belongs to a model whose span it meets within this.
    """
    total: dict[str, dict[str, Any]] = {}
    hours = 0.0
    recordings = []
    for (first_ns, last_ns), model in models:
        slack_ns = round(slack_s * NS_PER_S)
        wanted = Selection((), first_ns - slack_ns, last_ns + slack_ns)
        result = classify(sources, model, selection=wanted)
        stations = {".".join(t.split(".")[:2]) for t in result.trace_ids}
        recorded_hours = result.seconds / len(stations) / 3600
        hours += recorded_hours
        shared = share(result.detections)
        tolerance_ns = round(model.preprocess.window_s / 2 * NS_PER_S)
        mine = [r for r in said if wanted.start_ns <= r.time_ns <= wanted.end_ns]
        counts = {
            label: compare([s for s in shared if s.label == label], [r for r in mine if r.label == label], tolerance_ns)
            for label in model.thresholds()
        }
        recordings.append({"hours": round(recorded_hours, 3), "stations": len(stations), "classes": counts})
        for label, count in counts.items():
            into = total.setdefault(label, dict.fromkeys(count, 0))
            for key, n in count.items():
                into[key] += n
    for count in total.values():
        count["not_listed_an_hour"] = round(count["not_listed"] / hours, 2)
    return {"hours": round(hours, 3), "fewest_stations": STATIONS, "classes": total, "recordings": recordings}
