"""How good a model is on windows that it has not learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.config import instance, one_of
from seisnet.errors import DataError
from seisnet.model import Model, load_model
from seisnet.picks import station_of
from seisnet.scoring.breakdown import Breakdown, f1_by, of_record, s_minus_p
from seisnet.scoring.curves import PrecisionRecallCurve, RocCurve, precision_recall_curve, roc_curve
from seisnet.scoring.given_windows import described
from seisnet.scoring.learned import flattery, known_share, onset_hashes, onset_ns
from seisnet.scoring.metrics import (
    ClassScores,
    Reliability,
    bootstrap_interval,
    class_scores,
    confusion_counts,
    known,
    reliability,
)
from seisnet.store.windows_file import SPLITS, FeatureReader, WindowRows, WindowsInfo
from seisnet.store.windows_in_memory import Windows
from seisnet.waveforms.lookup import distances_km
from seisnet.wording import counted

EMBEDDED = 4000
"""Windows at most whose hidden activations are kept."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of a model on the windows of a split, and what they are worth.

    Attributes
    ----------
    rows : WindowRows
        The windows, none of them augmented.
    probabilities : float32 (N, K)
    counts : int64 (K, K)
        Confusion: rows true, columns predicted.
    scores : ClassScores
    macro_f1_interval : (float, float)
        95 %, by drawing events with replacement; NaN where these are too few (see `bootstrap_interval`).
    roc, precision_recall : dict of str to curve
        Of the classes of which, and not of which, there are windows.
    calibration : Reliability
        Of the winning class.
    breakdowns : dict of str to Breakdown
        F1 by ``snr_db``, ``s_minus_p_s`` and ``distance_km``, those that are known. What is known of one window holds
        for all of the same event and instrument, noise included.
    known_share : float
        Share of the onsets that the model has learned from, see `seisnet.scoring.learned`; NaN where it does not say.
    embedded, activations : int64 (M,), float32 (M, H)
        Some rows, and what the last hidden layer of the (first) network makes of them.
    """

    classes: tuple[str, ...]
    split: str
    rows: WindowRows
    probabilities: NDArray[np.float32]
    counts: NDArray[np.int64]
    scores: ClassScores
    macro_f1_interval: tuple[float, float]
    roc: Mapping[str, RocCurve]
    precision_recall: Mapping[str, PrecisionRecallCurve]
    calibration: Reliability
    breakdowns: Mapping[str, Breakdown]
    known_share: float
    embedded: NDArray[np.int64]
    activations: NDArray[np.float32]

    def __repr__(self) -> str:
        """Say the main figure; `metrics` has all."""
        return f"Evaluation({self.split}, {counted(len(self.rows), 'window')}, macro-F1 {self.scores.macro_f1:.3f})"

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Index of the most probable class of each window (N,)."""
        winners: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return winners

    @property
    def caveat(self) -> str:
        """What flatters the model, in a sentence, unless its user asked for just that; or nothing."""
        return flattery(self.known_share, self.split) if self.split in ("test", "all") else ""

    def mistakes(self, most: int) -> NDArray[np.int64]:
        """Rows of wrong windows (M,), M at most `most`, those of the most probable wrong class first."""
        wrong = np.flatnonzero(self.predicted != self.rows.y)
        sure = self.probabilities[wrong].max(axis=1)
        return wrong[np.argsort(-sure, kind="stable")][:most]

    def metrics(self) -> dict[str, Any]:
        """Figures as plain values; what is undefined (no such window) is None."""
        return {
            "split": self.split,
            "windows": len(self.rows),
            "groups": int(np.unique(self.rows.group).size),
            "accuracy": known(self.scores.accuracy),
            "macro_f1": known(self.scores.macro_f1),
            "macro_f1_interval_95": [known(v) for v in self.macro_f1_interval],
            "classes": self.scores.by_name(self.classes),
            "confusion": self.counts.tolist(),
            "roc_area": {name: known(curve.area) for name, curve in self.roc.items()},
            "average_precision": {
                name: known(curve.average_precision) for name, curve in self.precision_recall.items()
            },
            "expected_calibration_error": known(self.calibration.ece),
            "known_share": known(self.known_share),
            "f1_by": {
                name: {
                    "edges": found.edges.tolist(),
                    "windows": found.counts.tolist(),
                    "f1": {c: [known(v) for v in found.f1[:, k]] for k, c in enumerate(self.classes)},
                    "windows_left_out": found.left_out,
                }
                for name, found in self.breakdowns.items()
            },
        }


def evaluate(
    model: Model | str | Path, windows: Windows | str | Path, *, split: str = "test", seed: int = 0
) -> Evaluation:
    """Predict the windows of a split and score the predictions.

    Parameters
    ----------
    model : Model, name or path
    windows : Windows or path
    split : {"train", "dev", "test", "all"}
        Augmented windows are left out.

    Raises
    ------
    DataError
        If the windows were not made as the model's or their columns do not fit, or the split is empty.
    ConfigError
        If there is no such split, or an argument is of another kind.
    """
    one_of("split", split, (*SPLITS, "all"))
    model = load_model(model) if isinstance(model, str | Path) else model
    instance("model", model, Model)
    if not isinstance(windows, str | Path):
        instance("windows", windows, Windows)
    info, every = described(windows, model)
    here = ~every.augmented
    if split != "all":
        here &= every.split == SPLITS.index(split)
    rows = every.take(here)
    if not isinstance(windows, Windows):  # of a file, which may be larger than memory, no other features are read
        with FeatureReader(Path(windows)) as reader:
            rows = replace(rows, x=reader.read(np.flatnonzero(here)))
    if not len(rows):
        raise DataError(f"the {split} split holds no windows")
    probabilities = model.predict_proba(rows.x)
    predicted = probabilities.argmax(axis=1)
    n = len(model.classes)
    counts = confusion_counts(rows.y, predicted, n)
    interval = bootstrap_interval(
        lambda chosen: class_scores(confusion_counts(rows.y[chosen], predicted[chosen], n)).macro_f1,
        rows.group,
        rng=np.random.default_rng(seed),
    )
    curved = [k for k in range(n) if 0 < (rows.y == k).sum() < len(rows)]
    some = np.sort(np.random.default_rng(seed).permutation(len(rows))[:EMBEDDED])
    return Evaluation(
        model.classes,
        split,
        rows,
        probabilities,
        counts,
        class_scores(counts),
        interval,
        roc={model.classes[k]: roc_curve(rows.y == k, probabilities[:, k]) for k in curved},
        precision_recall={model.classes[k]: precision_recall_curve(rows.y == k, probabilities[:, k]) for k in curved},
        calibration=reliability(probabilities.max(axis=1), predicted == rows.y),
        breakdowns=_breakdowns(rows, predicted, info, model.classes),
        known_share=known_share(onset_hashes(rows, model.classes, model.preprocess.window_s), model.stored.learned),
        embedded=some,
        activations=model.networks[0].hidden((rows.x[some] - model.stored.mean) / model.stored.scale),
    )


def _breakdowns(
    rows: WindowRows, predicted: NDArray[np.int64], info: WindowsInfo, classes: tuple[str, ...]
) -> dict[str, Breakdown]:
    """F1 by what is known of the windows, or can be looked up in the data sets that they were cut from."""
    names = [classes[k] for k in rows.y]
    distances = distances_km(Path(path) for path, *_ in info.sources)
    stations = [station_of(trace_id) for trace_id in rows.trace_id]
    events = [info.group_names[group] for group in rows.group]
    properties = {
        "snr_db": of_record(rows.snr_db, rows.group, rows.trace_id.tolist()),
        "s_minus_p_s": s_minus_p(
            onset_ns(rows, float(info.config["window_s"])), names, rows.group, rows.trace_id.tolist()
        ),
        "distance_km": np.array([distances.get(key, np.nan) for key in zip(events, stations, strict=True)]),
    }
    return {
        name: f1_by(rows.y, predicted, values, len(classes))
        for name, values in properties.items()
        if np.isfinite(values).any()
    }
