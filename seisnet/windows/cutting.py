"""Cutting windows from records whose phases are picked: P, S, noise and coda."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Sequence
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.label_weights import UNUSED
from seisnet.waveforms.records import Record, Rejection, sample_to_ns
from seisnet.windows.labelled import (
    LabelledRecord,
    Onset,
    Window,
    centred_on,
    draw,
    generator,
    is_elsewhere,
    start_ns,
    stretch_of,
)

CODA_S = 60.0
"""After an S pick, this long is coda: not noise, whatever the analyst left unpicked in it."""

CODA_NEGATIVES_S = 15.0
"""Windows that teach what a coda looks like are taken this long after an onset."""

RATIO_S = 0.5
"""Stretches whose energy is compared within a noise window."""

LIVELY = "noise window with an energy ratio above {:g}: an unlisted event?"


def cut(labelled: LabelledRecord, config: PreprocessConfig) -> tuple[list[Window], list[Rejection]]:
    """Choose the windows of a record.

    Around every P and S pick one window is centred, and `config.shifts` copies are shifted by up to
    `config.shift_s`. Noise is taken where no pick lies in the window, the window ends `config.noise_gap_s` before the
    next P, and no unpaired P or coda precedes it; between a P and its S and in the first seconds after the S,
    `config.coda_windows` without a pick in them are taken as noise for training; a record without any pick gives
    noise only if it is declared to be. Both numbers of windows are for each event of a record, as if it had a record of
    its own; but for further events only as much noise is taken as fits side by side. Picks of other phases give no
    windows, and no noise holds them.

    Returns
    -------
    windows : list of Window
        First those on onsets.
    rejections : list of Rejection
        One for every pick that gave no window and every noise window left out, or for a record that gave none at all.
    """
    record = labelled.record
    rng = generator(record, config)
    windows, rejections = _around_onsets(labelled, config, rng)
    noise, lively = _noise(labelled, config, rng)
    rejections += lively
    windows += [*noise, *_coda(labelled, config, rng)]
    if not windows and not rejections:
        if not labelled.is_noise and not any(onset.sample >= 0 for onset in labelled.onsets):
            reason = "a record without picks that no data set labels as noise"
        elif record.n_samples < config.window_samples:
            reason = f"shorter than {config.window_s:g} s"
        elif labelled.onsets:
            reason = "the windows of its picks lie in records of other sources"
        else:
            reason = "the config asks for no noise windows"
        rejections.append(Rejection(record.trace_id, record.start_ns, record.end_ns, reason))
    return windows, rejections


def _around_onsets(
    labelled: LabelledRecord, config: PreprocessConfig, rng: np.random.Generator
) -> tuple[list[Window], list[Rejection]]:
    """Windows of P and S, and rejections of picks that give none."""
    record, length = labelled.record, config.window_samples
    windows: list[Window] = []
    rejections: list[Rejection] = []
    for sample, phase, pick in labelled.onsets:
        centred = centred_on(sample, length)
        if is_elsewhere(record, centred, length):
            continue
        if phase not in config.classes:
            unused = "a pick to which its analyst gave no weight"
            reason = unused if pick.phase.endswith(UNUSED) else f"phase '{pick.phase}' is neither P nor S"
        else:
            is_inside = 0 <= centred <= record.n_samples - length
            reason = "" if is_inside else f"{phase} within half a window of the record's edge"
        if reason:
            rejections.append(Rejection(record.trace_id, pick.time_ns, pick.time_ns, reason))
            continue
        event = labelled.group(pick.event_id, centred)
        for i in range(config.shifts + 1):
            shift_s = 0.0 if i == 0 else rng.uniform(-config.shift_s, config.shift_s)
            first = centred + round(shift_s * record.sampling_rate_hz)
            if 0 <= first <= record.n_samples - length:
                onset_s = (sample - first - length / 2) / record.sampling_rate_hz
                windows.append(Window(first, phase, onset_s, event, pick.weight, augmented=i > 0))
    return windows, rejections


def quiet(record: Record, windows: Sequence[Window], config: PreprocessConfig) -> tuple[list[Window], list[Rejection]]:
    """Windows of noise, without those that are too lively for noise that nobody labelled; these become rejections.

    They say where an analyst may look for an unlisted event, see `PreprocessConfig.noise_ratio`.
    """
    if not (config.noise_ratio and windows):
        return [*windows], []
    lively = energy_ratios(record, [w.first_sample for w in windows], config) > config.noise_ratio
    last, reason = config.window_samples - 1, LIVELY.format(config.noise_ratio)
    rejections = [
        Rejection(record.trace_id, start_ns(record, w), sample_to_ns(record, w.first_sample + last), reason)
        for w in itertools.compress(windows, lively)
    ]
    return list(itertools.compress(windows, ~lively)), rejections


def energy_ratios(record: Record, first_samples: Sequence[int], config: PreprocessConfig) -> NDArray[np.float64]:
    """How lively windows are, (N,): the largest over the lower quartile of the energies of their half seconds.

    The energy is that of the first differences, which a microseism hardly moves, of the liveliest component. Of 5,620
    noise windows of three sets of local earthquakes half lie below 2.3 and 98.6 % below 30; of 281 windows centred on
    a P 81 % lie above 30.
    """
    step = max(2, min(round(RATIO_S * record.sampling_rate_hz), config.window_samples // 4))
    n = (config.window_samples - 1) // step
    if n == 0:  # a window of one or two samples
        return np.ones(len(first_samples))
    samples = np.stack([stretch_of(record, first, n * step + 1) for first in first_samples], axis=1)
    differences = np.diff(samples, axis=2).reshape(-1, len(first_samples), n, step).astype(np.float64)
    energy = np.sort(np.einsum("cnks,cnks->cnk", differences, differences), axis=2)
    typical, largest = energy[..., n // 4], energy[..., -1]
    ratios: NDArray[np.float64] = np.where(typical > 0, largest / np.where(typical > 0, typical, 1), 1.0).max(axis=0)
    return ratios


def noise_stretches(labelled: LabelledRecord, config: PreprocessConfig) -> list[tuple[int, int]]:
    """Ranges of first samples, end excluded, at which a noise window may start."""
    record, onsets = labelled.record, labelled.onsets
    rate_hz, length = record.sampling_rate_hz, config.window_samples
    if labelled.is_noise and not onsets:
        return [(0, record.n_samples - length + 1)] if record.n_samples >= length else []
    stretches = []
    free_from = 0.0
    for i, (sample, phase, _) in enumerate(onsets):
        last = min(sample - config.noise_gap_s * rate_hz, record.n_samples) - length
        if phase == "P" and last >= free_from:
            stretches.append((int(np.ceil(free_from)), int(last) + 1))
        # After a P without its S nobody knows where the event ends before the next S is picked.
        over = np.inf if phase and not is_paired(onsets, i) else sample + CODA_S * rate_hz
        free_from = max(over, 0.0) if phase else max(free_from, over)  # an onset may lie long before the record
    return stretches


def coda_stretches(labelled: LabelledRecord, config: PreprocessConfig) -> list[tuple[int, int]]:
    """Ranges of first samples, end excluded, of windows between P and S and in the S coda that hold no pick."""
    record, onsets = labelled.record, labelled.onsets
    rate_hz, length = record.sampling_rate_hz, config.window_samples
    gap = config.noise_gap_s * rate_hz
    stretches = []
    for i, (sample, *_) in enumerate(onsets):
        following = onsets[i + 1].sample if i + 1 < len(onsets) else np.inf
        low = int(np.ceil(sample)) + 1
        stop = min(sample + CODA_NEGATIVES_S * rate_hz, following, next_p(onsets, i) - gap, record.n_samples)
        high = int(stop) - length
        if is_paired(onsets, i) and high > low >= 0:
            stretches.append((low, high))
    return stretches


def is_paired(onsets: Sequence[Onset], i: int) -> bool:
    """Whether an onset is an S, or the next onset of a known phase is."""
    return "S" in (onsets[i].phase, next((onsets[k].phase for k in range(i + 1, len(onsets)) if onsets[k].phase), ""))


def next_p(onsets: Sequence[Onset], i: int) -> float:
    """Sample of the first P after an onset; infinite where there is none."""
    return next((onsets[k].sample for k in range(i + 1, len(onsets)) if onsets[k].phase == "P"), math.inf)


def event_near(labelled: LabelledRecord, first: int) -> str:
    """Name the group of a window without onset: the event in whose coda or just before which it lies, if any."""
    coda = CODA_S * labelled.record.sampling_rate_hz
    before = [onset for onset in labelled.onsets if onset.sample < first <= onset.sample + coda]
    return labelled.group(_previous_event(first, before) or _next_event(labelled, first), first)


def _previous_event(first: int, onsets: Sequence[Onset]) -> str:
    """The event in whose coda a window lies."""
    i = bisect.bisect_left(onsets, first, key=attrgetter("sample"))
    return onsets[i - 1].pick.event_id if i else ""


def _n_events(labelled: LabelledRecord, events: Iterable[str]) -> int:
    """How many events there are among some names; those without a name are one."""
    return 1 if labelled.event_id else max(1, len({*events} - {""}))


def _noise(
    labelled: LabelledRecord, config: PreprocessConfig, rng: np.random.Generator
) -> tuple[list[Window], list[Rejection]]:
    """Windows of noise, and rejections of those that were too lively for it."""
    record, onsets = labelled.record, labelled.onsets
    stretches = noise_stretches(labelled, config)
    room = np.array([high - low for low, high in stretches])
    if not room.sum():
        return [], []
    n_events = _n_events(labelled, (o.pick.event_id for o in onsets if o.phase and 0 <= o.sample < record.n_samples))
    side_by_side = int((-(-room // config.window_samples)).sum())
    n_all, n_plain = (
        max(of_one, min(n_events * of_one, side_by_side))
        for of_one in (config.noise_windows + config.shifts, config.noise_windows)
    )
    windows = []
    borders = np.cumsum(room) / room.sum()
    for i in range(n_all):
        which = int(borders.searchsorted(rng.random(), side="right"))  # Generator.choice is far slower
        first = int(rng.integers(*stretches[which]))
        group = labelled.group(_next_event(labelled, first), first)
        windows.append(Window(first, "noise", np.nan, group, augmented=i >= n_plain))
    return quiet(record, windows, config)


def _coda(labelled: LabelledRecord, config: PreprocessConfig, rng: np.random.Generator) -> list[Window]:
    """Windows without an onset from between P and S and from the S coda, for training only."""
    stretches, onsets = coda_stretches(labelled, config), labelled.onsets
    n_events = _n_events(labelled, (_previous_event(low, onsets) for low, _ in stretches))
    return [
        Window(first, "noise", np.nan, labelled.group(_previous_event(first, onsets), first), augmented=True)
        for first in draw(stretches, n_events * config.coda_windows, rng)
    ]


def _next_event(labelled: LabelledRecord, first: int) -> str:
    """The event that a noise window just before it belongs to: they would be alike."""
    onsets = labelled.onsets
    i = bisect.bisect_right(onsets, first, key=attrgetter("sample"))
    near = i < len(onsets) and onsets[i].sample - first < CODA_S * labelled.record.sampling_rate_hz
    return onsets[i].pick.event_id if near else ""
