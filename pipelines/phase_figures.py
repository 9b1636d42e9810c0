"""Figures of the shipped phase picker, from models that never saw the stations, and the card that is made of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from record_alterations import as_if_sampled_at, filtered, turned, without
from record_faults import FAULTS, cut, faulty, tapered
from record_pairs import APART_S, paired
from scipy.signal import butter

from seisnet.config import PreprocessConfig
from seisnet.model import Model
from seisnet.picking.picker import snr_db
from seisnet.scoring.metrics import bootstrap_interval, class_scores, confusion_counts
from seisnet.store.model_file import StoredModel
from seisnet.training.labelled_sets import excerpts_of, make_windows
from seisnet.training.trials import GRID, STARTS, Trial, merged, try_picks
from seisnet.waveforms.quality import mended_record
from seisnet.waveforms.records import Record
from seisnet.windows.labelled import LabelledRecord, generator

SNR_DB = (5.0, 10.0, 20.0)
S_MINUS_P_S = (1.0, 2.0, 4.0, 8.0)
"""Borders of the bins in which picks are scored."""

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Borders of the bins of the reliability table."""


@dataclass(frozen=True)
class Tried:
    """A record, the picks in it of a model that never saw its station, and that model."""

    labelled: LabelledRecord
    model: Model
    trials: dict[str, Trial]


def picked(model: Model, labelled: LabelledRecord, config: PreprocessConfig) -> Tried:
    """Pick a whole record."""
    return Tried(labelled, model, try_picks(model, excerpts_of([labelled], 2, config), starts=STARTS))


def rounded(figure: float, digits: int) -> float | None:
    """A figure with so many decimals; None, which is null in JSON, where it is not known."""
    return round(float(figure), digits) if math.isfinite(figure) else None


def window_figures(judged: Sequence[tuple[Model, list[LabelledRecord]]], config: PreprocessConfig) -> dict[str, Any]:
    """Single windows, one P, S and noise window a record, the window network alone."""
    plain = replace(config, shifts=0, coda_windows=0, noise_windows=1)
    true, predicted, groups = [], [], []
    for model, test in judged:
        windows = make_windows([[], [], test], plain)
        true.append(windows.rows.y)
        predicted.append(model.predict_proba(windows.rows.x).argmax(axis=1))
        groups += [windows.info.group_names[g] for g in windows.rows.group]
    y, z = np.concatenate(true), np.concatenate(predicted)
    n = len(config.classes)
    scores = class_scores(confusion_counts(y, z, n))
    low, high = bootstrap_interval(
        lambda chosen: class_scores(confusion_counts(y[chosen], z[chosen], n)).macro_f1,
        np.unique(groups, return_inverse=True)[1],
        rng=np.random.default_rng(0),
    )
    return {
        "macro_f1": rounded(scores.macro_f1, 4),
        "interval_95": [rounded(low, 4), rounded(high, 4)],
        "f1": {name: rounded(f, 4) for name, f in zip(config.classes, scores.f1, strict=True)},
        "windows": len(y),
    }


def pick_figures(tried: Sequence[Tried], stored: StoredModel, seed: int) -> dict[str, Any]:
    """Picks of whole records at the stored thresholds; intervals by drawing events with replacement.

    ``f1_best`` is at the threshold that is best on these records, as published pickers are judged. Residuals are None
    where no pick is matched.
    """
    figures = {}
    events = [one.labelled.event_id or f"record {i}" for i, one in enumerate(tried)]
    for phase, threshold in stored.thresholds.items():
        whole = merged([one.trials for one in tried])[phase]
        if not whole.n_reference:
            continue

        def f1_of(rows: np.ndarray, phase: str = phase, threshold: float = threshold) -> float:
            return merged([{phase: tried[i].trials[phase]} for i in rows])[phase].at(threshold)[2]

        low, high = bootstrap_interval(f1_of, events, rng=np.random.default_rng(seed))
        precision, recall, f1 = whole.at(threshold)
        residual = whole.residuals_s(threshold)
        figures[phase] = {
            "f1": round(f1, 3),
            "interval_95": [rounded(low, 3), rounded(high, 3)],
            "f1_0.1_s": round(whole.at(threshold, within_s=0.1)[2], 3),
            "f1_best": round(max(whole.at(t)[2] for t in GRID), 3),
            "precision": round(precision, 3),
            "recall": round(recall, 3),
            "median_s": rounded(np.median(residual), 3) if residual.size else None,
            "mae_s": rounded(whole.mae_s(threshold), 3),
            "onsets": whole.n_reference // STARTS,
            "false_an_hour": rounded(whole.false_an_hour(threshold), 2),
        }
    return figures


def condition_figures(tried: Sequence[Tried], stored: StoredModel, config: PreprocessConfig) -> dict[str, Any]:
    """F1 of P and S by signal-to-noise ratio and S - P time, and with every record altered in one way."""
    events = [one for one in tried if one.labelled.picks]
    figures = {"all records": _scores(tried, stored), "records of events": _scores(events, stored)}
    for name, unit, borders, value in (("SNR", "dB", SNR_DB, _snr_db), ("S - P", "s", S_MINUS_P_S, _s_minus_p_s)):
        values = [value(one.labelled) for one in events]
        for low, high in itertools.pairwise((-math.inf, *borders, math.inf)):
            span = f"below {high:g}" if low == -math.inf else f"from {low:g}"
            span = f"{low:g} to {high:g}" if math.isfinite(high - low) else span
            inside = [one for one, v in zip(events, values, strict=True) if low <= v < high]  # none that is not known
            figures[f"{name} {span} {unit}"] = _scores(inside, stored)
    whole = [one for one in tried if one.labelled.record.present.all()]
    figures["three components"] = _scores(whole, stored)
    for name, altered in ALTERED.items():
        again = [picked(one.model, altered(one.labelled), config) for one in whole]
        figures[f"three components, {name}"] = _scores(again, stored)
    return figures


def pair_figures(
    judged: Sequence[tuple[Model, list[LabelledRecord]]], stored: StoredModel, config: PreprocessConfig
) -> dict[str, Any]:
    """F1 of P and S of two earthquakes in one record, both of stations that the model never saw."""
    pairs = [picked(model, pair, config) for model, test in judged for pair in paired(test)]
    return {"two earthquakes, {:g} to {:g} s apart".format(*APART_S): _scores(pairs, stored)}


def reliability(trials: Mapping[str, Trial]) -> dict[str, list[dict[str, float]]]:
    """Of picks whose probability lies between two borders, the mean probability and the share that is right."""
    found: dict[str, list[dict[str, float]]] = {}
    for phase, trial in trials.items():
        p, right = np.array(trial.probability), np.isfinite(np.array(trial.residual_s))
        bins = np.clip(np.digitize(p, SHARES) - 1, 0, len(SHARES) - 2)
        found[phase] = [
            {
                "picks": int((bins == b).sum()),
                "probability": round(float(p[bins == b].mean()), 2),
                "right": round(float(right[bins == b].mean()), 2),
            }
            for b in range(len(SHARES) - 1)
            if (bins == b).any()
        ]
    return found


def threshold_figures(
    every: Mapping[str, Trial], quiet: Mapping[str, Trial]
) -> dict[str, list[dict[str, float | None]]]:
    """F1 of all records, and false picks an hour of quiet ones, at each of some thresholds."""
    return {
        phase: [
            {"threshold": t, "f1": round(trial.at(t)[2], 3), "false_an_hour": rounded(quiet[phase].false_an_hour(t), 2)}
            for t in GRID[::5]
        ]
        for phase, trial in every.items()
    }


def largest_change(tried: Sequence[Tried]) -> float:
    """How far any probability moves when records are turned over and scaled."""
    changes = []
    for one in tried:
        record = one.labelled.record
        plain = one.model.scan(record).values
        changed = one.model.scan(turned(record)).values
        changes.append(float(np.abs(changed - plain).max(initial=0.0)))
    return round(max(changes), 5)


def coverage(trial: Trial, stored: StoredModel, phase: str) -> dict[str, float | None]:
    """Share of the errors below one and two standard errors; 0.68 and 0.95 are right, None says there are no errors."""
    chosen = np.array(trial.probability) >= stored.thresholds[phase]
    ratio = np.abs(np.array(trial.residual_s)) / (np.array(trial.uncertainty_s) * stored.spread.get(phase, 1.0))
    ratio = ratio[chosen & np.isfinite(ratio)]
    return {f"within_{k:g}": round(float((ratio <= k).mean()), 3) if ratio.size else None for k in (1, 1.96)}


def _scores(tried: Sequence[Tried], stored: StoredModel) -> dict[str, Any]:
    found: dict[str, Any] = {"records": len(tried)}
    for phase, trial in merged([one.trials for one in tried]).items():
        if trial.n_reference:
            f1, onsets = trial.at(stored.thresholds[phase])[2], trial.n_reference // STARTS
            found[phase] = {"f1": round(f1, 3), "onsets": onsets}
    return found


def _snr_db(labelled: LabelledRecord) -> float:
    return snr_db(labelled.record, labelled.picks[0].time_ns)


def _s_minus_p_s(labelled: LabelledRecord) -> float:
    first = {phase: sample for sample, phase, _ in reversed(labelled.onsets)}
    return (first["S"] - first["P"]) / labelled.record.sampling_rate_hz if {"P", "S"} <= first.keys() else np.nan


def _altered(alter: Callable[..., Record], *arguments: Any) -> Callable[[LabelledRecord], LabelledRecord]:
    return lambda labelled: replace(labelled, record=alter(labelled.record, *arguments))


def _silently_filtered(record: Record, btype: str, corners_hz: float | tuple[float, float]) -> Record:
    """Filtered, without a change of the bandwidth that the record claims."""
    return filtered(record, butter(4, corners_hz, btype, fs=record.sampling_rate_hz, output="sos"))


def _read_with(name: str, labelled: LabelledRecord, rng: np.random.Generator) -> LabelledRecord:
    """A record with a fault, as it would be read."""
    spoilt = faulty(labelled, rng, [name])
    return replace(spoilt, record=mended_record(spoilt.record))


def _drawn(
    alter: Callable[[LabelledRecord, np.random.Generator], LabelledRecord],
) -> Callable[[LabelledRecord], LabelledRecord]:
    """An alteration that is drawn at random, but is always the same for a record."""
    return lambda labelled: alter(labelled, generator(labelled.record, PreprocessConfig()))


ALTERED: dict[str, Callable[[LabelledRecord], LabelledRecord]] = {
    "the vertical alone": _altered(without, 1, 2),
    "one horizontal lost": _altered(without, 2),
    "no vertical": _altered(without, 0),
    "as if sampled at 20 Hz": _altered(as_if_sampled_at, 20.0),
    "as if sampled at 40 Hz": _altered(as_if_sampled_at, 40.0),
    "as if sampled at 50 Hz": _altered(as_if_sampled_at, 50.0),
    "as if sampled at 80 Hz": _altered(as_if_sampled_at, 80.0),
    "low-passed at 10 Hz": _altered(_silently_filtered, "lowpass", 10.0),
    "band-passed, 2 to 8 Hz": _altered(_silently_filtered, "bandpass", (2.0, 8.0)),
    **{name: _drawn(partial(_read_with, name)) for name in FAULTS},
    "tapered": _drawn(tapered),
    "from 3 s before P": lambda labelled: cut(labelled, before_s=3.0),
    "until 3 s after S": lambda labelled: cut(labelled, after_s=3.0),
    "until 1 s after S": lambda labelled: cut(labelled, after_s=1.0),
}
