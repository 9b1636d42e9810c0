"""Whole recordings, scanned by networks that have not learned from them, against a list of what happened.

A stretch counts as detected where at least `STATIONS` stations detect one class at the same time. It is right where the
list has that class within half a window of it. Whatever is not on the list counts as false, although a list that was
made by a machine may be incomplete.
"""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seisnet.classification.job import classify
from seisnet.errors import DataError
from seisnet.labels.tables import time_ns
from seisnet.model import Model
from seisnet.overlaps import Spans, merged
from seisnet.picks import Detection, iso_time, station_of
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.reading import read_records
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import Selection

Span = tuple[int, int]
"""Start and end, ns."""

STATIONS = 2
"""A detection counts where so many stations share it."""

HIGHER = (0.8, 0.9, 0.95)
"""Thresholds that are tried beside the model's own."""

SLACK_NS = 1800 * NS_PER_S
"""An entry of the list belongs to the recording whose windows are within this."""

LISTED = "listed"
"""Class of a label that keeps noise away, and gives no window itself."""

LOWEST_SCORE = 0.4
"""Entries with a lower score need not be found, but a detection of one is not false."""


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
            reader = csv.DictReader(file, restval="")
            if not {"class", "time"} <= set(reader.fieldnames or ()):
                raise DataError(f"{path}: a list of what recordings hold has columns class and time")
            rows = [row for row in reader if row.get("kind", "occurrence") == "occurrence"]
        try:
            return [Reference(row["class"], time_ns(row["time"]), float(row.get("score") or 1.0)) for row in rows]
        except ValueError as error:
            raise DataError(f"{path}: {error}") from error


def write_labels(path: Path, sources: Sequence[str], said: Sequence[Reference], rate_hz: float) -> None:
    """Write the list as labels of every station in the recordings, under a name that no class has."""
    reading = Reading()
    found = (s for s in find_sources(sources, reading) if not s.is_dataset)
    records = (r for s in found for r in read_records(s, reading, sampling_rate_hz=rate_hz, shortest_s=1.0))
    stations = {station_of(record.trace_id) for record in records}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["network", "station", "time", "class"])
        for station in sorted(stations):
            for entry in said:
                writer.writerow([*station.split("."), iso_time(entry.time_ns), LISTED])


def share(detections: Sequence[Detection]) -> list[Span]:
    """Stretches in which detections of one class at enough stations overlap in a row."""
    return [
        (start, end)
        for start, end in merged((d.start_ns, d.end_ns) for d in detections)
        if len({d.station_id for d in detections if start <= d.start_ns <= end}) >= STATIONS
    ]


def compare(found: Sequence[Span], said: Sequence[Reference], tolerance_ns: int) -> dict[str, int]:
    """Entries of the list found and missed, and stretches that it does not name; of one class."""
    spans = Spans(found)
    near = [spans.touching(entry.time_ns - tolerance_ns, entry.time_ns + tolerance_ns) for entry in said]
    counting = [bool(those) for entry, those in zip(said, near, strict=True) if entry.score >= LOWEST_SCORE]
    named = set(itertools.chain(*near))
    return {"listed": len(counting), "found": sum(counting), "not_listed": len(found) - len(named)}


def scan_recordings(
    sources: Sequence[str], models: Sequence[tuple[tuple[int, int], Model]], said: Sequence[Reference]
) -> dict[str, Any]:
    """Scan recordings and compare, each by the model that belongs to its time.

    A recording is scanned from its first to its last entry on the list, and two windows beyond: what the list does not
    cover can't be judged.

    Parameters
    ----------
    sources : sequence of str
        Files or folders.
    models : sequence of ((int, int), Model)
        First and last time of the windows that the model has *not* learned from.
    said : sequence of Reference
        The list.

    Returns
    -------
    dict
        ``hours``, ``fewest_stations``, and in ``rows`` the counts of every class at the model's own threshold and at
        higher ones.
    """
    hours, total = 0.0, {}
    for (first_ns, last_ns), model in models:
        tolerance_ns = round(model.preprocess.window_s / 2 * NS_PER_S)
        mine = [r for r in said if first_ns - SLACK_NS <= r.time_ns <= last_ns + SLACK_NS]
        if not mine:
            continue
        times = [r.time_ns for r in mine]
        covered = Selection((), min(times) - 4 * tolerance_ns, max(times) + 4 * tolerance_ns)
        result = classify(sources, model, selection=covered)
        hours += result.seconds / len(result.stations) / 3600
        for level in (0.0, *HIGHER):
            for label, own in model.thresholds().items():
                surer = [d for d in result.detections if d.label == label and d.probability >= max(own, level)]
                count = compare(share(surer), [r for r in mine if r.label == label], tolerance_ns)
                into = total.setdefault((label, level), Counter())
                into.update(count)
                into["threshold"] = max(own, level)
    rows = [
        {"class": label, **counts, "not_listed_an_hour": round(counts["not_listed"] / hours, 2)}
        for (label, level), counts in sorted(total.items())
        if not level or level > total[label, 0.0]["threshold"]
    ]
    return {"hours": round(hours, 3), "fewest_stations": STATIONS, "rows": rows}
