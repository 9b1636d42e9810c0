"""What becomes of the windows of a class model when the records that they were cut from are altered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record_alterations import as_if_sampled_at, turned, without

from seisnet.config import PreprocessConfig
from seisnet.features import extract, make_feature
from seisnet.scoring.metrics import class_scores, confusion_counts
from seisnet.store.windows_file import WindowRows
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.reading import read_records, read_traces
from seisnet.waveforms.records import Record, ns_to_sample

SHARES = (0.5, 0.2)
"""Of the model's rate, at which records are looked at as if they were sampled so."""


def alterations(rate_hz: float) -> dict[str, Callable[[Record], Record]]:
    """What is done to records, by name."""
    return {
        "turned over, 1000 times as large": turned,
        **{
            f"as if sampled at {share * rate_hz:g} Hz": partial(as_if_sampled_at, rate_hz=share * rate_hz)
            for share in SHARES
        },
        "one horizontal lost": lambda record: without(record, 2),
        "the vertical alone": lambda record: without(record, 1, 2),
    }


def altered_windows(
    sources: Sequence[str], rows: WindowRows, config: PreprocessConfig
) -> dict[str, NDArray[np.float32]]:
    """Features (N, D) of windows, had their records been altered; NaN where a record lacks one of three components."""
    feature, length = make_feature(config), config.window_samples
    altered = alterations(config.sampling_rate_hz)
    found = {name: np.full(rows.x.shape, np.nan, dtype=np.float32) for name in altered}

    def features(record: Record, wanted: NDArray[np.intp]) -> NDArray[np.float32]:
        """Of some windows, NaN for those that do not lie in the record."""
        x = np.full((len(wanted), rows.x.shape[1]), np.nan, dtype=np.float32)
        first = np.array([ns_to_sample(record, int(t)) for t in rows.start_ns[wanted]], dtype=np.intp)
        inside = (first >= 0) & (first + length <= record.n_samples)
        if n := int(inside.sum()):
            samples = record.data[:, first[inside, None] + np.arange(length)].transpose(1, 0, 2)
            x[inside] = extract(feature, samples, np.tile(record.present, (n, 1)), np.full(n, record.bandwidth_hz))
        return x

    for record in _records(sources, config):
        wanted = np.flatnonzero(rows.trace_id == record.trace_id)
        if not (len(wanted) and record.present.all()):
            continue
        # Another record of the same time, a trace of a data set beside the recording, gives other features.
        wanted = wanted[np.isclose(features(record, wanted), rows.x[wanted], atol=1e-4).all(axis=1)]
        if len(wanted):
            for name, alter in altered.items():
                found[name][wanted] = features(alter(record), wanted)
    return found


def altered_figures(
    rows: WindowRows,
    plain: NDArray[np.float32],
    altered: dict[str, NDArray[np.float32]],
    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> dict[str, Any]:
    """Macro-F1 of altered windows, of the same as they are, and how far probabilities move at most.

    Parameters
    ----------
    plain : float32 (N, K)
        Probabilities of the windows as they are.
    altered : dict of str to float32 (N, D)
        What `altered_windows` gives.
    predict : callable
        Features (N, D) to probabilities (N, K), each by a network that has not seen the window.
    """
    figures, n_classes = {}, plain.shape[1]
    for name, x in altered.items():
        known = np.isfinite(x).all(axis=1)
        if not known.any():
            continue
        p, y = predict(np.nan_to_num(x))[known], rows.y[known]
        now, before = (
            float(class_scores(confusion_counts(y, q.argmax(axis=1), n_classes)).macro_f1) for q in (p, plain[known])
        )
        change = float(np.abs(p - plain[known]).max())
        figures[name] = {"windows": int(known.sum()), "macro_f1": now, "as_they_are": before, "largest_change": change}
    return figures


def _records(sources: Sequence[str], config: PreprocessConfig) -> Iterator[Record]:
    reading, rate_hz = Reading(), config.sampling_rate_hz
    for source in find_sources(sources, reading):
        if source.is_dataset:
            yield from (trace.record for trace in read_traces(source, reading, sampling_rate_hz=rate_hz))
        else:
            yield from read_records(source, reading, sampling_rate_hz=rate_hz, shortest_s=config.window_s)
