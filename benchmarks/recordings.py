"""What is benchmarked on: noise that compresses nearly as real data do, and earthquakes in it."""

from __future__ import annotations

import numpy as np
import obspy

RATE_HZ = 100.0
START = obspy.UTCDateTime(2020, 1, 1)
TAIL_S = 8.0
"""In which an onset dies away."""


def recording(duration_s: float, *, every_s: float = 600.0) -> obspy.Stream:
    """Three components of a station, with an earthquake in the middle of each so many seconds: P and, 4 s later, S."""
    rng = np.random.default_rng(0)
    n = round(duration_s * RATE_HZ)
    after_s = np.arange(n) / RATE_HZ % every_s
    stream = obspy.Stream()
    for letter in "ZNE":
        samples = rng.normal(size=n) * 30 + np.convolve(rng.normal(size=n), np.ones(200), "same") * 20
        for onset_s, height in ((every_s / 2, 500), (every_s / 2 + 4.0, 1500)):
            since_s = after_s - onset_s
            samples += height * np.exp(-np.maximum(since_s, 0) / TAIL_S) * (since_s >= 0) * rng.normal(size=n)
        header = {"network": "XX", "station": "A", "channel": f"HH{letter}", "starttime": START}
        stream.append(obspy.Trace(samples.astype(np.int32), header={**header, "sampling_rate": RATE_HZ}))
    return stream
