"""From probability traces to detections, which may come piece by piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from seisnet.config import PickConfig
from seisnet.picks import Detection
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.segments import runs


class Detector:
    """Stretches of each class of signal in one record that comes in pieces.

    A stretch is a run of columns above half the threshold that reaches the threshold; it lasts from its first column to
    its last, and has the highest probability within. Stretches of one class closer than the shortest distance are one.

    Parameters
    ----------
    thresholds : mapping of str to float
        The classes that give detections, with the probability that one must reach.
    config : PickConfig
        The shortest distance.
    model : str
        Written into every detection.
    """

    def __init__(self, thresholds: Mapping[str, float], *, config: PickConfig, model: str) -> None:
        self._thresholds, self._model = thresholds, model
        self._distance_ns = round(config.min_distance_s * NS_PER_S)
        self._open: dict[str, Detection] = {}

    def add(self, probabilities: Probabilities, *, last: bool = False) -> list[Detection]:
        """Take the columns that follow, and give the detections that have ended."""
        network, station, location, channel = probabilities.trace_id.split(".")
        times_ns, hop_ns = probabilities.times_ns, probabilities.hop_ns
        gap_ns = max(hop_ns, self._distance_ns)
        found: list[Detection] = []
        for label, threshold in self._thresholds.items():
            row = probabilities.values[probabilities.classes.index(label)]
            for low, high in runs(row >= threshold / 2):
                start_ns, end_ns, height = int(times_ns[low]), int(times_ns[high - 1]), float(row[low:high].max())
                before = self._open.pop(label, None)
                if before and start_ns - before.end_ns <= gap_ns:
                    self._open[label] = replace(before, end_ns=end_ns, probability=max(height, before.probability))
                    continue
                found += [before] if before and before.probability >= threshold else []
                self._open[label] = Detection(
                    network, station, location, channel, label, start_ns, end_ns, height, self._model, threshold
                )
            before = self._open.get(label)
            now_ns = probabilities.start_ns + len(row) * hop_ns
            if before and (last or now_ns - before.end_ns > gap_ns):
                found += [self._open.pop(label)] if before.probability >= threshold else []
        return sorted(found, key=lambda d: (d.start_ns, d.label))


def joined_detections(detections: Sequence[Detection], config: PickConfig, hop_ns: int) -> list[Detection]:
    """Put together what belongs together, for instance at the borders of files; in order of time, trace id, label."""
    found: dict[tuple[str, str], list[Detection]] = {}
    for detection in sorted(detections, key=lambda d: d.start_ns):
        line = found.setdefault((detection.trace_id, detection.label), [])
        if line and detection.start_ns - line[-1].end_ns <= max(hop_ns, round(config.min_distance_s * NS_PER_S)):
            end_ns = max(line[-1].end_ns, detection.end_ns)
            probability = max(line[-1].probability, detection.probability)
            line[-1] = replace(line[-1], end_ns=end_ns, probability=probability)
        else:
            line.append(detection)
    return sorted((d for line in found.values() for d in line), key=lambda d: (d.start_ns, d.trace_id, d.label))
