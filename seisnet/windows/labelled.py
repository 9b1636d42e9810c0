"""Labelled records, the windows that are cut from them, and what all ways of cutting share."""

from __future__ import annotations

import functools
import math
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.labels.phases import phase_class
from seisnet.overlaps import merged
from seisnet.picks import ClassInterval, Pick, station_of
from seisnet.waveforms.records import NS_PER_S, Record, Rejection, sample_of, sample_to_ns


@dataclass(frozen=True)
class LabelledRecord:
    """A record with its labels.

    Attributes
    ----------
    record : Record
        At the sampling rate of the config.
    picks : tuple of Pick
        Sorted by time, all inside or near the record.
    event_id : str
        Empty where windows belong to the event of their own pick, or to none.
    is_noise : bool
        Declared to hold no onset at all.
    split : str
        ``train``, ``dev``, ``test`` where a data set says so, else empty.
    stretches : tuple of ClassInterval
        The labels of task ``class``; one of which only the start is known counts as a window.
    """

    record: Record
    picks: tuple[Pick, ...]
    event_id: str = ""
    is_noise: bool = False
    split: str = ""
    stretches: tuple[ClassInterval, ...] = ()

    @functools.cached_property
    def onsets(self) -> list[Onset]:
        """Onsets of all its picks."""
        return [Onset(sample_of(self.record, pick.time_ns), phase_class(pick.phase), pick) for pick in self.picks]

    def group(self, event: str, sample: int) -> str:
        """Name the group of a window: the record's event, else its own, else the station and hour of a sample."""
        hour = sample_to_ns(self.record, sample) // (3600 * NS_PER_S)
        return self.event_id or event or f"{station_of(self.record.trace_id)} hour {hour}"


@dataclass(frozen=True, slots=True)
class Window:
    """Where a window starts in its record, and its label.

    `onset_s` is the time of the pick less that of the window's centre, NaN for noise. `event` names the group that
    must not be split.
    """

    first_sample: int
    label: str
    onset_s: float
    event: str
    weight: float = 1.0
    augmented: bool = False


class Onset(NamedTuple):
    """A pick in a record.

    `sample` may be fractional, and outside the record; `phase` is P or S, and empty for other phases.
    """

    sample: float
    phase: str
    pick: Pick


def centred_on(sample: float, length: int) -> int:
    """First sample of the window centred on a sample; if two are equally near, the earlier.

    `round` would take the even one, so that the window depended on where the record starts.
    """
    return math.ceil(sample - length / 2 - 0.5)


def is_elsewhere(record: Record, first: int, length: int) -> bool:
    """Whether a window belongs to another source, into whose record it reaches: that gives it, or says why not."""
    before, after = record.goes_on
    return (first < 0 and before) or (first > record.n_samples - length and after)


def generator(record: Record, config: PreprocessConfig, purpose: int = 0) -> np.random.Generator:
    """Generator of the random choices that are made in a record: the same whatever was read before it."""
    here = zlib.crc32(f"{record.trace_id} {record.start_ns}".encode())
    return np.random.default_rng([config.seed, here, purpose] if purpose else [config.seed, here])


def draw(stretches: Sequence[tuple[int, int]], n: int, rng: np.random.Generator) -> list[int]:
    """Draw first samples from ranges, end excluded; none where there is no room."""
    room = np.array([high - low for low, high in stretches])
    if not room.sum():
        return []
    chosen = rng.choice(len(stretches), size=n, p=room / room.sum())
    return [int(rng.integers(*stretches[k])) for k in chosen]


def take(record: Record, windows: Sequence[Window], config: PreprocessConfig) -> NDArray[np.float32]:
    """Samples of windows, (N, C, L)."""
    length = config.window_samples
    return np.stack([stretch_of(record, w.first_sample, length) for w in windows])


def stretch_of(record: Record, first: int, length: int) -> NDArray[np.float32]:
    """So many samples from one on, (C, L), a view.

    Raises
    ------
    IndexError
        Some lie outside the record; NumPy would take them from its other end, or give fewer.
    """
    if not 0 <= first <= record.n_samples - length:
        raise IndexError(f"samples {first} to {first + length - 1} do not lie in a record of {record.n_samples}")
    return record.data[:, first : first + length]


def with_signal(
    record: Record, windows: Sequence[Window], config: PreprocessConfig
) -> tuple[list[Window], list[Rejection]]:
    """Windows in which some component moves, and rejections of the others but shifted copies.

    A scan masks what holds no signal. A pick counts for every instrument of its station, so one that is dead beside a
    sound one would teach that nothing is an onset.
    """
    length = config.window_samples
    kept: list[Window] = []
    rejections: list[Rejection] = []
    for w in windows:
        if np.ptp(stretch_of(record, w.first_sample, length), axis=1).any():
            kept.append(w)
        elif w.label == "noise" or not w.augmented:
            end_ns = sample_to_ns(record, w.first_sample + length - 1)
            reason = f"{w.label} where no component has a signal"
            rejections.append(Rejection(record.trace_id, start_ns(record, w), end_ns, reason))
    return kept, rejections


def start_ns(record: Record, window: Window) -> int:
    """Time of a window's first sample."""
    return sample_to_ns(record, window.first_sample)


def covered_ns(record: Record, windows: Sequence[Window], config: PreprocessConfig) -> dict[str, list[int]]:
    """First and last time of the stretches that windows cover, one after the other, by event.

    In task ``class``, shifted copies do not count, nor the last sample of a window, which may be the first of the next
    stretch: if they did, hours of tremor that abut would become one event.
    """
    of_event: dict[str, list[tuple[int, int]]] = defaultdict(list)
    is_class = config.task == "class"
    length = config.window_samples - is_class
    for w in windows:
        if not (is_class and w.augmented):
            of_event[w.event].append((w.first_sample, w.first_sample + length - 1))
    return {e: [sample_to_ns(record, i) for span in merged(spans) for i in span] for e, spans in of_event.items()}
