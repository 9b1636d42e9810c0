"""What records are put through to see what it costs: lost components, filters, lower rates, other gain and polarity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt, sosfiltfilt

from seisnet.waveforms.conditioning import to_rate
from seisnet.waveforms.records import Record

GAIN = -1000.0
"""Records turned over and so much larger must give the same probabilities."""


def without(record: Record, *lost: int) -> Record:
    """A record whose components of these numbers are lost."""
    data, present = record.data.copy(), record.present.copy()
    data[list(lost)], present[list(lost)] = 0, False
    return replace(record, data=data, present=present)


def filtered(record: Record, sos: NDArray[np.float64], *, both_ways: bool = False) -> Record:
    """A record filtered from its first sample on, both ways without a shift of phases."""
    data = (sosfiltfilt if both_ways else sosfilt)(sos, record.data - record.data[:, :1].astype(np.float64))
    return replace(record, data=np.where(record.present[:, None], data, 0.0).astype(np.float32))


def as_if_sampled_at(record: Record, rate_hz: float) -> Record:
    """A record made one of a lower rate by a symmetric filter, as most recorders have, and of its own again."""
    return to_rate(to_rate(record, rate_hz, symmetric=True), record.sampling_rate_hz)


def turned(record: Record) -> Record:
    """A record turned over and a thousand times as large."""
    return replace(record, data=record.data * np.float32(GAIN))
