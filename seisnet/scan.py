"""The network slid over a record: one row of probabilities every hop, on a grid anchored to absolute UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.features import Feature, slide
from seisnet.waveforms.records import NS_PER_S, Record, ns_to_sample, sample_to_ns

BLOCK_WINDOWS = 4096
"""Windows evaluated at once: memory is bounded whatever the record's length."""


@dataclass(frozen=True)
class Probabilities:
    """Probability traces of one record.

    Attributes
    ----------
    values : float32 (K, M)
        One row a class; each column adds up to 1.
    start_ns : int
        Time of the first column: the centre of the first window.
    hop_ns : int
        Time from column to column.
    classes : tuple of str
        Names of the rows.
    trace_id : str
        Of the record.
    """

    values: NDArray[np.float32]
    start_ns: int
    hop_ns: int
    classes: tuple[str, ...]
    trace_id: str

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """Time of every column, int64 (M,)."""
        return self.start_ns + self.hop_ns * np.arange(self.values.shape[1], dtype=np.int64)


def scan(
    record: Record,
    feature: Feature,
    config: PreprocessConfig,
    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    classes: tuple[str, ...],
) -> Probabilities:
    """Evaluate a network on every window of a record that starts on a multiple of the hop since 1970.

    A window that starts between two samples takes the nearer one, and the time given is that of the samples taken, so
    that moving the start of a file moves no window.

    Parameters
    ----------
    record : Record
        At the sampling rate of the config.
    feature, config : Feature, PreprocessConfig
        What the network was trained on.
    predict : callable
        (N, D) features to (N, K) probabilities.

    Returns
    -------
    Probabilities
        With no columns if the record is shorter than a window.
    """
    hop_ns = round(config.hop_s * NS_PER_S)
    first = ns_to_sample(record, -(-record.start_ns // hop_ns) * hop_ns)
    if first >= config.hop_samples:  # the grid point before rounds to the first sample
        first -= config.hop_samples
    n_windows = max(0, (record.n_samples - first - config.window_samples) // config.hop_samples + 1)
    n_frames = feature.shape[1]
    values = np.zeros((len(classes), n_windows), dtype=np.float32)
    for start in range(0, n_windows, BLOCK_WINDOWS):
        stop = min(start + BLOCK_WINDOWS, n_windows)
        low = first + start * config.hop_samples
        # The last window ends here; frames of later windows are not computed.
        high = first + (stop - 1) * config.hop_samples + config.window_samples
        frames = feature.frames(record.data[:, low:high])[:, : stop - start + n_frames - 1]
        values[:, start:stop] = predict(slide(feature, frames, record.present, record.bandwidth_hz)).T
    centre_ns = sample_to_ns(record, first + config.window_samples / 2)
    return Probabilities(values, centre_ns, hop_ns, classes, record.trace_id)
