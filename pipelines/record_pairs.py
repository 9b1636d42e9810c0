"""Two earthquakes in one record, for the figures: what a picker makes of those within a minute of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from record_faults import noise_level

from seisnet.waveforms.records import NS_PER_S, ns_to_sample, sample_to_ns
from seisnet.windows.labelled import LabelledRecord

APART_S = (5.0, 55.0)
"""Between the first onsets of both."""

LEAD_S = 28.0
"""Noise that both need before their first onset."""

AFTER_S = 45.0
"""Record that both need after it."""


def paired(records: Sequence[LabelledRecord], seed: int = 0) -> list[LabelledRecord]:
    """Each record of three components with noise enough, with another one's earthquake, in an order drawn by lot."""
    rng = np.random.default_rng(seed)
    usable = [record for record in records if record.picks and _usable(record)]
    order = [usable[i] for i in rng.permutation(len(usable))]
    others = [*order[1:], *order[:1]]
    apart_s = rng.uniform(*APART_S, size=len(order))
    return [
        pair(one, other, apart)
        for one, other, apart in zip(order, others, apart_s, strict=True)
        if _event(one) != _event(other)
    ]


def pair(first: LabelledRecord, second: LabelledRecord, apart_s: float) -> LabelledRecord:
    """A record with both earthquakes, the second one's first onset so long after the first one's.

    Noise is brought to one level, so that each stands out of it as it did. Before its beginning the second record is
    its own noise, mirrored as often as it takes. The sum begins `LEAD_S` before the first onset.
    """
    record, rate_hz = first.record, first.record.sampling_rate_hz
    lead, apart = round(LEAD_S * rate_hz), round(apart_s * rate_hz)
    begin = _first_sample(first) - lead
    other, onset = second.record.data, _first_sample(second)
    more = max(lead + apart - onset, 0)
    longer = np.concatenate([np.pad(other[:, :onset], ((0, 0), (more, 0)), mode="reflect"), other[:, onset:]], axis=1)
    one, two = record.data[:, begin:], longer[:, onset + more - lead - apart :]
    length = min(one.shape[1], two.shape[1])
    louder = float(noise_level(record).mean() / noise_level(second.record).mean())
    data = one[:, :length] + np.float32(louder) * (two[:, :length] - other[:, :onset].mean(axis=1, keepdims=True))
    both = replace(record, data=data.astype(np.float32), start_ns=sample_to_ns(record, begin))
    moved_ns = first.picks[0].time_ns + round(apart_s * NS_PER_S) - second.picks[0].time_ns
    picks = [*first.picks, *(replace(pick, time_ns=pick.time_ns + moved_ns) for pick in second.picks)]
    inside = [pick for pick in picks if 0 <= ns_to_sample(both, pick.time_ns) < length]
    return replace(first, record=both, picks=tuple(sorted(inside, key=lambda pick: pick.time_ns)))


def _usable(labelled: LabelledRecord) -> bool:
    rate_hz, first = labelled.record.sampling_rate_hz, _first_sample(labelled)
    enough = first >= LEAD_S * rate_hz and labelled.record.n_samples - first >= AFTER_S * rate_hz
    return bool(enough and labelled.record.present.all())


def _first_sample(labelled: LabelledRecord) -> int:
    return ns_to_sample(labelled.record, labelled.picks[0].time_ns)


def _event(labelled: LabelledRecord) -> str:
    return labelled.event_id or labelled.picks[0].event_id
