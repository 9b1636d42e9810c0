"""Which onsets a model has learned from, as hashes, so that nobody judges it by these unawares.

Windows made anew, of more data or with another seed, are divided anew: a test split may then hold what an older model
was trained on.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seisnet.picks import station_of
from seisnet.store.windows_file import WindowRows

MOST = 1 << 14
"""So many hashes are kept, the smallest ones: a random sample of the onsets, the same whatever else there is."""

STEP_NS = 100_000_000
"""To this the times of onsets are rounded."""

NOISE_NS = 10_000
"""So much less than half a step is rounded up, too: single precision may have moved the time of an onset by less."""

Hashes = NDArray[np.uint32]


def onset_ns(rows: WindowRows, window_s: float) -> NDArray[np.int64]:
    """Time of the onset in each window (N,); of windows without one, of their centre."""
    after_s = np.nan_to_num(rows.onset_s.astype(np.float64)) + window_s / 2
    return rows.start_ns + np.round(after_s * 1e9).astype(np.int64)


def onset_hashes(rows: WindowRows, classes: Sequence[str], window_s: float) -> Hashes:
    """Hashes (M,) of station and time of the onsets in windows, noise apart; each once, and in order."""
    is_signal = rows.y != classes.index("noise") if "noise" in classes else np.ones(len(rows), dtype=np.bool_)
    trace_ids, inverse = np.unique(rows.trace_id[is_signal].astype(str), return_inverse=True)
    of_station = [zlib.crc32(station_of(trace_id).upper().encode()) for trace_id in trace_ids.tolist()]
    step = (onset_ns(rows, window_s)[is_signal] + STEP_NS // 2 + NOISE_NS) // STEP_NS
    mixed = (np.array(of_station, dtype=np.uint64)[inverse] << np.uint64(32)) ^ step.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64 (Steele et al. 2014)
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.unique((mixed >> np.uint64(32)).astype(np.uint32))


def sampled(*hashes: Hashes) -> Hashes:
    """The smallest of all hashes, `MOST` at the most: of samples of two sets, the sample of both together."""
    return np.unique(np.concatenate(hashes))[:MOST]


def known_share(hashes: Hashes, learned: Hashes) -> float:
    """Share of the onsets that a model has learned from; NaN where its sample says nothing of any."""
    judged = hashes if len(learned) < MOST else hashes[hashes <= learned[-1]]
    return float(np.isin(judged, learned).mean()) if len(judged) and len(learned) else float("nan")


def flattery(share: float, split: str) -> str:
    """A sentence on scores of a split of whose onsets a model has learned from some; else nothing."""
    if not share > 0:
        return ""
    known = "less than 1%" if share < 0.01 else f"{share:.0%}"
    return f"the model has learned from {known} of the onsets in the {split} split, so that scores flatter it"
