"""Cutting windows from records in which stretches of named signals are known: rockfalls, tremor, earthquakes."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from seisnet.config import PreprocessConfig
from seisnet.overlaps import Spans
from seisnet.picks import ClassInterval
from seisnet.waveforms.records import Record, Rejection, sample_of
from seisnet.windows.cutting import quiet
from seisnet.windows.labelled import LabelledRecord, Window, centred_on, draw, generator, is_elsewhere


def cut_classes(labelled: LabelledRecord, config: PreprocessConfig) -> tuple[list[Window], list[Rejection]]:
    """Choose the windows of a record in which stretches of named signals are known.

    From every stretch `config.class_windows` windows are cut side by side, fewer where it is short; one is centred on
    a stretch that is shorter than a window. `config.shifts` copies of each are shifted by up to `config.shift_s`. A
    window that reaches into a stretch of another class is left out, and a copy that reaches into another event's.

    Where ``noise`` is one of the classes, and a record holds stretches but none of noise, `config.noise_windows` are
    taken for every window that is no copy, at least `config.noise_gap_s` from all stretches, but no more than would fit
    side by side. They belong to the event of the next stretch; lively ones are left out (`config.noise_ratio`).

    Where a recording goes on in another source, windows lie as if its record did not end there, and each belongs to
    the record that holds it whole.

    Returns
    -------
    windows : list of Window
    rejections : list of Rejection
        One for every window that a stretch might have given and did not, or for a record that gave none.
    """
    record, length = labelled.record, config.window_samples
    if not labelled.stretches or record.n_samples < length:
        reason = f"shorter than {config.window_s:g} s" if labelled.stretches else "a record without a labelled class"
        return [], [Rejection(record.trace_id, record.start_ns, record.end_ns, reason)]
    rng = generator(record, config)
    spans = [_span(record, stretch, length) for stretch in labelled.stretches]
    windows, rejections = _in_stretches(labelled, spans, config, rng)
    if "noise" in config.classes and not any(stretch.label == "noise" for stretch in labelled.stretches):
        wanted = config.noise_windows * max(1, sum(not window.augmented for window in windows))
        noise, lively = _noise(labelled, spans, wanted, config, rng)
        windows, rejections = windows + noise, rejections + lively
    return windows, rejections


def _in_stretches(
    labelled: LabelledRecord, spans: Sequence[tuple[float, float]], config: PreprocessConfig, rng: np.random.Generator
) -> tuple[list[Window], list[Rejection]]:
    """Windows of the stretches, and rejections of those that are left out."""
    record, length = labelled.record, config.window_samples
    last = record.n_samples - length
    all_spans = Spans(spans)
    windows: list[Window] = []
    rejections: list[Rejection] = []
    for stretch, (low, high) in zip(labelled.stretches, spans, strict=True):
        here = partial(Rejection, record.trace_id, stretch.start_ns, stretch.end_ns)
        if stretch.label not in config.classes:
            if not is_elsewhere(record, math.floor(low), length):
                rejections.append(here(f"class '{stretch.label}' is not one of {', '.join(config.classes)}"))
            continue
        n = max(1, min(config.class_windows, int((high - low) // length)))
        for middle in (low + (high - low) * (k + 0.5) / n for k in range(n)):
            centred = centred_on(middle, length)
            if is_elsewhere(record, centred, length):
                continue
            first = min(max(centred, 0), last)
            if not first <= middle <= first + length:
                rejections.append(here(f"{stretch.label} at the record's edge"))
                continue
            event = labelled.group(stretch.event_id, first)
            shifts = rng.uniform(-config.shift_s, config.shift_s, config.shifts) * record.sampling_rate_hz
            for i, start in enumerate([first, *(first + np.rint(shifts).astype(int)).tolist()]):
                near = all_spans.touching(start, start + length)
                others = (spans[j] for j in near if _apart(stretch, labelled.stretches[j], shifted=i > 0))
                if any(start < b and start + length > a for a, b in others):
                    if i == 0:
                        rejections.append(here(f"{stretch.label} and another class in one window"))
                elif 0 <= start <= last:
                    windows.append(Window(start, stretch.label, np.nan, event, stretch.weight, augmented=i > 0))
    return windows, rejections


def _noise(
    labelled: LabelledRecord,
    spans: Sequence[tuple[float, float]],
    wanted: int,
    config: PreprocessConfig,
    rng: np.random.Generator,
) -> tuple[list[Window], list[Rejection]]:
    """Windows of noise away from all stretches, and rejections of those that were too lively for it."""
    record, length = labelled.record, config.window_samples
    gap = config.noise_gap_s * record.sampling_rate_hz
    last = record.n_samples - length - (round(gap) if record.goes_on[1] else 0)
    free = _free_stretches(spans, length, gap, last)
    side_by_side = sum(-(-(high - low) // length) for low, high in free)
    drawn = draw(free, min(wanted, side_by_side), rng)
    # Each belongs to the event of the stretch that follows, so that every split gets its share of noise.
    known = sorted((low, stretch.event_id) for stretch, (low, _) in zip(labelled.stretches, spans, strict=True))
    starts, events = [low for low, _ in known], [*(event for _, event in known), ""]
    groups = (labelled.group(events[bisect.bisect_right(starts, first)], first) for first in drawn)
    windows = [Window(first, "noise", np.nan, group) for first, group in zip(drawn, groups, strict=True)]
    return quiet(record, windows, config)


def _apart(stretch: ClassInterval, other: ClassInterval, *, shifted: bool) -> bool:
    """Whether a window of one stretch must not reach into the other; a copy, in train, not into what may be in test."""
    return other.label != stretch.label or (shifted and other.event_id != stretch.event_id)


def _span(record: Record, stretch: ClassInterval, length: int) -> tuple[float, float]:
    """First and past-the-last sample of a stretch, as far as it is recorded.

    One that goes on in another source is returned whole, since neither source knows how far the other was recorded.
    """
    low = sample_of(record, stretch.start_ns)
    high = low + length if stretch.end_ns == stretch.start_ns else sample_of(record, stretch.end_ns) + 1
    before, after = record.goes_on
    if (before and low < 0) or (after and high > record.n_samples):
        return low, high
    return max(low, 0.0), min(high, float(record.n_samples))


def _free_stretches(spans: Sequence[tuple[float, float]], length: int, gap: float, last: int) -> list[tuple[int, int]]:
    """Ranges of first samples of windows that keep a gap from every span."""
    stretches, free_from = [], 0
    for low, high in [*sorted(spans), (np.inf, np.inf)]:
        end = int(min(low - gap - length, last)) + 1
        if end > free_from:
            stretches.append((free_from, end))
        free_from = max(free_from, int(np.ceil(min(high + gap, last + 1))))
    return stretches
