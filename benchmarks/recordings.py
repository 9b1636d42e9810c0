"""What is benchmarked on: noise that compresses nearly as real data do, and earthquakes in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import obspy

RATE_HZ = 100.0
START = obspy.UTCDateTime(2020, 1, 1)
TAIL_S = 8.0
"""In which an onset falls to the e-th part."""


def recording(duration_s: float, *, every_s: float = 600.0, sizes: Sequence[float] = (1.0,)) -> obspy.Stream:
    """Three components of a station, with an earthquake in the middle of each so many seconds; sizes take turns.

    Each is an onset of P and, 4 s later, one of S, that die away.
    """
    rng = np.random.default_rng(0)
    n = round(duration_s * RATE_HZ)
    number, after_s = np.divmod(np.arange(n) / RATE_HZ, every_s)
    size = np.asarray(sizes)[number.astype(int) % len(sizes)]
    stream = obspy.Stream()
    for letter in "ZNE":
        samples = rng.normal(size=n) * 30 + np.convolve(rng.normal(size=n), np.ones(200), "same") * 20
        for onset_s, height in ((every_s / 2, 500), (every_s / 2 + 4.0, 1500)):
            since_s = after_s - onset_s
            samples += size * height * np.exp(-np.maximum(since_s, 0) / TAIL_S) * (since_s >= 0) * rng.normal(size=n)
        header = {"network": "XX", "station": "A", "channel": f"HH{letter}", "starttime": START}
        stream.append(obspy.Trace(samples.astype(np.int32), header={**header, "sampling_rate": RATE_HZ}))
    return stream
