"""What the shipped phase picker learns from beside recordings: synthetic records, as data sets hold them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from record_alterations import filtered, without
from record_faults import faulty, randomly_cut
from scipy.signal import butter

from seisnet.synthetic import GeneratorConfig, generate_records
from seisnet.waveforms.conditioning import to_rate
from seisnet.waveforms.records import Record
from seisnet.windows.labelled import LabelledRecord

RATES_HZ = (20.0, 40.0, 50.0, 100.0, 100.0, 100.0, 100.0, 125.0, 200.0, 250.0)
"""Each as likely as the others; broadband channels are often archived with 20 or 40 Hz."""

LOW_HZ, HIGH_HZ, ORDERS = (0.3, 3.0), (6.0, 30.0), (2, 6)
"""Corners and orders of the filters of those who don't say that they have filtered, or made 100 Hz of less."""

NEAR = GeneratorConfig(sampling_rates_hz=RATES_HZ)
"""Earthquakes within 120 km."""

FAR = tuple(
    GeneratorConfig(
        magnitude=(magnitude, 6.5),
        reach_km=reach_km,
        distance_km=distance_km,
        depth_km=(1.0, 40.0),
        s_minus_p_s=s_minus_p_s,
        quality_factor=(100.0, 800.0),
        scattering_per_km=(0.001, 0.03),
        duration_s=(90.0, 120.0),
        sampling_rates_hz=RATES_HZ,
    )
    for magnitude, reach_km, distance_km, s_minus_p_s in (
        (0.5, (12.0, 40.0), (25.0, 110.0), (3.5, 8.0)),
        (1.5, (30.0, 80.0), (50.0, 180.0), (7.0, 16.0)),
        (2.5, (60.0, 160.0), (100.0, 350.0), (14.0, 38.0)),
    )
)
"""Regional earthquakes, for the long S - P times that the recorded sets hardly have."""


@dataclass(frozen=True)
class Shares:
    """How many of the synthetic records something befalls, each by itself."""

    filtered_share: float = 0.0
    lost_share: float = 0.0
    faulty_share: float = 0.0
    cut_share: float = 0.0


def synthetic(n_near: int, n_far: int, shares: Shares, *, rate_hz: float, seed: int) -> Iterator[LabelledRecord]:
    """Records of so many earthquakes near and far, at one rate.

    Shares of them are filtered, have a fault or two of `record_faults`, and begin or end shortly before or after their
    onsets; of a share of those with three components one is lost.
    """
    rng = np.random.default_rng(seed)
    kinds = [(n_near, NEAR), *((n_far // len(FAR), kind) for kind in FAR)]
    for number, (n_events, kind) in enumerate(kinds, start=seed + 1):
        for made in generate_records(n_events, np.random.default_rng(number), config=kind):
            record = to_rate(made.record, rate_hz, symmetric=True)  # so that S is found better (EXPERIMENTS.md)
            record = replace(record, trace_id=f"{number}{record.trace_id}")  # no two kinds share a station
            if rng.random() < shares.filtered_share:
                record = _randomly_filtered(record, rng)
            if record.present.all() and rng.random() < shares.lost_share:
                record = without(record, int(rng.integers(3)))
            labelled = LabelledRecord(record, made.picks, made.event_id, is_noise=not made.picks)
            if rng.random() < shares.faulty_share:
                labelled = faulty(labelled, rng)
            yield randomly_cut(labelled, shares.cut_share, rng)


def _randomly_filtered(record: Record, rng: np.random.Generator) -> Record:
    low_hz, high_hz = (math.exp(rng.uniform(*np.log(span))) for span in (LOW_HZ, HIGH_HZ))
    high_hz = min(high_hz, 0.45 * record.sampling_rate_hz)
    order, both_ways = int(rng.integers(ORDERS[0], ORDERS[1] + 1)), bool(rng.random() < 0.5)
    kind, corners = ("bandpass", (low_hz, high_hz)) if rng.random() < 0.7 else ("lowpass", high_hz)
    return filtered(record, butter(order, corners, kind, fs=record.sampling_rate_hz, output="sos"), both_ways=both_ways)
