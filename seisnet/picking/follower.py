"""A record followed as it comes, whole or in pieces of any size: columns of probabilities, picks, detections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PickConfig
from seisnet.picking.detector import Detector
from seisnet.picking.picker import Picker
from seisnet.picks import Detection, Pick
from seisnet.scan.onset_network import OnsetNetwork
from seisnet.scan.scanner import Chain, Probabilities, Scanner
from seisnet.waveforms.records import Record, ns_to_sample, sample_to_ns


@dataclass(frozen=True)
class Found:
    """What became known with some more samples: columns, final picks, and stretches that may be detections."""

    probabilities: Probabilities
    picks: list[Pick]
    detections: list[Detection]


class Follower:
    """Runs a chain of networks over one record, and picks it.

    Parameters
    ----------
    chain : Chain
    record : Record
        Start, rate, components and trace id of the whole; its samples are not read.
    thresholds : mapping of str to float
        The classes that give picks, or detections where the task is ``class``.
    config : PickConfig
    model : str
        Written into picks and detections.
    onsets : OnsetNetwork, optional
        Moves picks to onsets.
    threads : int
        How many may share the scan.
    """

    def __init__(
        self,
        chain: Chain,
        record: Record,
        thresholds: Mapping[str, float],
        *,
        config: PickConfig,
        model: str,
        onsets: OnsetNetwork | None = None,
        threads: int = 1,
    ) -> None:
        self._scanner = Scanner(chain, record, threads=threads)
        phases = thresholds if chain.config.task == "phase" else {}
        self._picker = Picker(phases, config=config, model=model, onsets=onsets)
        self._detector = Detector({} if phases else thresholds, config=config, model=model)
        self._head, self._start = record, 0
        self._kept = np.zeros((3, 0), dtype=np.float32)  # samples that picks may need, from sample `_start` on

    @property
    def due_ns(self) -> int:
        """Time of the sample with which more will be found; before it there is no more to see."""
        return sample_to_ns(self._head, self._scanner.due - 1)

    def add(self, samples: NDArray[np.float32], *, last: bool = False) -> Found:
        """Take the samples (C, T) that follow."""
        probabilities = self._scanner.add(samples, last=last)
        self._kept = np.concatenate([self._kept, samples], axis=1) if self._kept.size else samples
        record = replace(self._head, data=self._kept, start_ns=sample_to_ns(self._head, self._start))
        picks = self._picker.add(record, probabilities, last=last)
        detections = self._detector.add(probabilities, last=last)
        cut = max(ns_to_sample(record, self._picker.needs_ns) - 1, 0)
        if cut and not last:
            self._kept, self._start = self._kept[:, cut:].copy(), self._start + cut
        return Found(probabilities, picks, detections)
