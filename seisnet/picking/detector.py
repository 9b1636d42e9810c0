"""From probability traces to detections, which may come piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from seisnet.config import PickConfig
from seisnet.picks import Detection
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.segments import runs


class Detector:
    """Stretches of each class of signal in one record that comes in pieces.

    A stretch is a run of columns with signal above half the threshold; it lasts from its first column to its last, and
    has the highest probability within. Stretches of one class closer than the shortest distance are one. Those that do
    not reach the threshold are given, too: at a border, one may be the beginning of one that does (`reaching`).

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
        self._thresholds, self._config, self._model = thresholds, config, model
        self._open: dict[str, Detection] = {}

    def add(self, probabilities: Probabilities, *, last: bool = False) -> list[Detection]:
        """Take the columns that follow, and give the detections that have ended."""
        network, station, location, channel = probabilities.trace_id.split(".")
        times_ns, hop_ns = probabilities.times_ns, probabilities.hop_ns
        gap_ns = _gap_ns(self._config, hop_ns)
        ended: list[Detection] = []
        for label, threshold in self._thresholds.items():
            row = probabilities.values[probabilities.classes.index(label)]
            line = [self._open.pop(label)] if label in self._open else []
            for low, high in runs((row >= threshold / 2) & ~probabilities.dead):
                start_ns, end_ns, height = int(times_ns[low]), int(times_ns[high - 1]), float(row[low:high].max())
                here = Detection(
                    network, station, location, channel, label, start_ns, end_ns, height, self._model, threshold
                )
                _append(line, here, gap_ns)
            now_ns = probabilities.start_ns + len(row) * hop_ns
            if line and not last and now_ns - line[-1].end_ns <= gap_ns:
                self._open[label] = line.pop()
            ended += line
        return sorted(ended, key=lambda d: (d.start_ns, d.label))


def reaching(detections: Iterable[Detection]) -> list[Detection]:
    """Those that reach their threshold, if it is known."""
    return [detection for detection in detections if not detection.probability < detection.threshold]


def joined_detections(detections: Sequence[Detection], config: PickConfig, hop_ns: int) -> list[Detection]:
    """Put together what belongs together, for instance at the borders of files; in order of time, trace id, label.

    What does not reach its threshold even then is left out.
    """
    lines: dict[tuple[str, str], list[Detection]] = {}
    for detection in sorted(detections, key=lambda d: d.start_ns):
        _append(lines.setdefault((detection.trace_id, detection.label), []), detection, _gap_ns(config, hop_ns))
    return sorted(reaching(d for line in lines.values() for d in line))


def _gap_ns(config: PickConfig, hop_ns: int) -> int:
    """The longest time between two stretches that are one detection."""
    return max(hop_ns, round(config.min_distance_s * NS_PER_S))


def _append(line: list[Detection], detection: Detection, gap_ns: int) -> None:
    """Add a detection to earlier ones of its class, or join it to the last where no more than a gap lies between."""
    if line and detection.start_ns - line[-1].end_ns <= gap_ns:
        end_ns = max(line[-1].end_ns, detection.end_ns)
        line[-1] = replace(line[-1], end_ns=end_ns, probability=max(line[-1].probability, detection.probability))
    else:
        line.append(detection)
