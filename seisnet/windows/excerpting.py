"""Taking excerpts of labelled records: what the context stage and the onset regression learn from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from seisnet.config import PreprocessConfig
from seisnet.overlaps import Spans
from seisnet.store.excerpts import Excerpt
from seisnet.store.windows_file import SPLITS
from seisnet.waveforms.records import Rejection, sample_to_ns
from seisnet.windows.cutting import is_paired, next_p
from seisnet.windows.labelled import LabelledRecord, Onset, Window, centred_on

LONGEST_NOISE_S = 600.0
"""Of a record of noise no more than this is taken."""


def excerpts(
    labelled: LabelledRecord, windows: Sequence[Window], config: PreprocessConfig
) -> Iterator[Excerpt | Rejection]:
    """Take the excerpts of a record.

    Picks that follow each other within twice `config.excerpt_s` share one, which reaches so far before the first and
    after the last of them, or to the record's edge. A record that is declared noise gives its beginning. An excerpt
    belongs to the events of its picks, and to those of all windows that share a sample with it. One that would be
    shorter than a window, or holds no signal, becomes a rejection.

    Parameters
    ----------
    labelled : LabelledRecord
    windows : sequence of Window
        All that were cut from the record.
    config : PreprocessConfig
    """
    record, length = labelled.record, config.window_samples
    reach = config.excerpt_s * record.sampling_rate_hz
    onsets = labelled.onsets
    parts: list[tuple[int, int, list[Onset]]] = []
    if labelled.is_noise and not onsets:
        parts.append((0, min(record.n_samples, round(LONGEST_NOISE_S * record.sampling_rate_hz)), []))
    for cluster in _clusters([onset for onset in onsets if 0 <= onset.sample < record.n_samples], 2 * reach):
        low, high = math.ceil(cluster[0].sample - reach), math.ceil(cluster[-1].sample + reach)
        parts.append((max(low, 0), min(high, record.n_samples), cluster))
    known = known_ranges(onsets, record.n_samples, config)
    known_spans = Spans([(low, high - 1) for low, high in known])
    window_spans = Spans([(w.first_sample, w.first_sample + length - 1) for w in windows])
    for low, high, cluster in parts:
        reason = ""
        if high - low < length:
            reason = f"an excerpt shorter than {config.window_s:g} s"
        elif not np.ptp(record.data[:, low:high], axis=1).any():
            reason = "an excerpt where no component has a signal"
        if reason:
            yield Rejection(record.trace_id, sample_to_ns(record, low), sample_to_ns(record, high - 1), reason)
            continue
        events = [labelled.group(pick.event_id, centred_on(sample, length)) for sample, _, pick in cluster]
        events = events or [labelled.group("", first) for first in (0, high - length)]
        events += [windows[i].event for i in sorted(window_spans.touching(low, high - 1))]
        yield Excerpt(
            data=record.data[:, low:high],
            start_ns=sample_to_ns(record, low),
            sampling_rate_hz=record.sampling_rate_hz,
            trace_id=record.trace_id,
            present=record.present,
            bandwidth_hz=record.bandwidth_hz,
            onsets=tuple(
                (sample - low, config.classes.index(phase) if phase in config.classes else -1)
                for sample, phase, _ in cluster
            ),
            weights=tuple(pick.weight for _, _, pick in cluster),
            known=tuple(
                (max(known[i][0], low) - low, min(known[i][1], high) - low) for i in known_spans.touching(low, high - 1)
            ),
            events=tuple(dict.fromkeys(events)),
            split=SPLITS.index(labelled.split) if labelled.split else -1,
        )


def known_ranges(onsets: Sequence[Onset], n_samples: int, config: PreprocessConfig) -> list[tuple[int, int]]:
    """Ranges of samples, end excluded, in which every onset of a record is labelled.

    After a P without its S nobody knows when the S came: the record is known again `config.noise_gap_s` before the
    next P. An onset itself is always known.
    """
    gap = config.noise_gap_s * config.sampling_rate_hz
    ranges, free_from = [], 0
    for i, (sample, phase, _) in enumerate(onsets):
        if phase != "P" or is_paired(onsets, i):
            continue
        ranges.append((free_from, math.floor(sample) + 1))
        free_from = max(math.floor(sample) + 1, math.ceil(min(next_p(onsets, i) - gap, n_samples)))
    ranges.append((free_from, n_samples))
    return [(max(low, 0), min(high, n_samples)) for low, high in ranges if max(low, 0) < min(high, n_samples)]


def _clusters(onsets: Sequence[Onset], within: float) -> Iterator[list[Onset]]:
    """Groups of onsets that follow each other within less than so many samples."""
    cluster: list[Onset] = []
    for onset in onsets:
        if cluster and onset.sample - cluster[-1].sample >= within:
            yield cluster
            cluster = []
        cluster.append(onset)
    if cluster:
        yield cluster
