"""What the numbers of a model mean: temperature, thresholds and expected errors, from records it has not learned from.

The temperature divides the logits; it minimises the log-loss of the columns (Guo et al. 2017, section 4.2). The
threshold of a class is the middle one of those at which F1 of picks is highest; if there is a budget of false picks an
hour, only thresholds that keep to it are considered. The spread multiplies the expected errors of onsets, so that two
thirds of the actual errors are smaller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seisnet.model import Model
from seisnet.scan.sliding_network import SMALLEST_PROBABILITY
from seisnet.store.excerpts import Excerpt
from seisnet.store.model_file import StoredModel
from seisnet.training.excerpt_data import as_record, column_targets
from seisnet.training.trials import FEWEST_ONSETS, Trial, quiet_parts, try_picks
from seisnet.wording import Say, silent


def logits_temperature(logits: NDArray[np.float64], classes: NDArray[np.intp]) -> float:
    """Number in 0.25 to 8 by which logits (N, K) are to be divided, for the least log-loss."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        z = logits / math.exp(log_t)
        z = z - z.max(axis=1, keepdims=True)
        right = z[np.arange(len(z)), classes] - np.log(np.exp(z).sum(axis=1))
        return -float(right.mean())

    return math.exp(float(minimize_scalar(loss, bounds=(math.log(0.25), math.log(8.0)), method="bounded").x))


def calibrated(
    model: Model, excerpts: Sequence[Excerpt], *, false_alarms_per_hour: float = 0.0, say: Say = silent
) -> StoredModel:
    """Model with temperature, thresholds and spread from records that took no part in its training.

    Classes with fewer than `FEWEST_ONSETS` onsets keep the threshold they have. How good the picks of the others are on
    these records stands in the metrics as ``dev_picks``.

    Parameters
    ----------
    model : Model
    excerpts : sequence of Excerpt
    false_alarms_per_hour : float
        Budget of each class in `quiet_parts`, which comes before the highest F1; 0 sets none.
    say : callable, optional
        Called with which classes keep their threshold, and why a budget that was asked for is not kept.
    """
    stored = model.stored
    if model.preprocess.task != "phase":
        return stored
    onsets = [label for e in excerpts for _, label in e.onsets]
    counts = {name: onsets.count(k) for k, name in enumerate(model.classes) if name != "noise"}
    few = {name: n for name, n in counts.items() if n < FEWEST_ONSETS}
    budget = f"the budget of false picks ({false_alarms_per_hour:g} an hour)"
    if few:
        kept = ", ".join(f"{name} {stored.thresholds[name]:g}" for name in few)
        found = ", ".join(f"{n} {name}" for name, n in few.items())
        nor = f", nor held to {budget}" if false_alarms_per_hour else ""
        needed = f"the dev split's excerpts hold {found}; {FEWEST_ONSETS} are needed"
        say(f"not calibrated{nor}: threshold {kept} ({needed})")
    if len(few) == len(counts):
        return stored
    stored = replace(stored, temperature=model_temperature(model, excerpts))
    tempered = Model(model.name, stored)
    trials = {name: trial for name, trial in try_picks(tempered, excerpts).items() if name not in few}
    quiet = try_picks(tempered, quiet_parts(excerpts, model.preprocess) if false_alarms_per_hour else ())
    if false_alarms_per_hour and not any(trial.hours for trial in quiet.values()):
        say(f"thresholds ignore {budget}: no record of the dev split is quiet for long enough")
    stored = with_trials(stored, trials, quiet, false_alarms_per_hour)
    for name in trials:
        threshold = stored.thresholds[name]
        rate = quiet[name].false_an_hour(threshold)
        if rate > false_alarms_per_hour:
            told = f"even threshold {threshold:g}, the highest that is tried, gives {rate:.3g} false {name} an hour"
            say(f"{told}, over the budget ({false_alarms_per_hour:g})")
    return _with_figures(stored, trials, quiet)


def _with_figures(stored: StoredModel, trials: Mapping[str, Trial], quiet: Mapping[str, Trial]) -> StoredModel:
    """Model whose metrics say how good picks at its thresholds were in trials, and how many quiet parts gave."""
    found: dict[str, dict[str, float | None]] = {}
    for name, trial in trials.items():
        threshold, still = stored.thresholds[name], quiet[name]
        precision, recall, f1 = trial.at(threshold)
        row = {"onsets": trial.n_reference, "hours": trial.hours, "precision": precision, "recall": recall, "f1": f1}
        row |= {"mae_s": trial.mae_s(threshold), "false_an_hour": trial.false_an_hour(threshold)}
        row |= {"quiet_hours": still.hours, "quiet_false_an_hour": still.false_an_hour(threshold)}
        found[name] = {key: value if math.isfinite(value) else None for key, value in row.items()}
    return replace(stored, metrics={**stored.metrics, "dev_picks": found})


def model_temperature(model: Model, excerpts: Sequence[Excerpt]) -> float:
    """Temperature with which the columns of a model's scans have the least log-loss."""
    logits, classes = _columns(model, excerpts)
    return model.stored.temperature * logits_temperature(logits, classes)


def with_trials(
    stored: StoredModel,
    trials: Mapping[str, Trial],
    quiet: Mapping[str, Trial] | None = None,
    false_alarms_per_hour: float = math.inf,
) -> StoredModel:
    """Model with the thresholds and spreads that follow from some trials.

    Parameters
    ----------
    trials : mapping of class to Trial
        The highest F1 on these is sought.
    quiet : mapping of class to Trial, optional
        On records that hold no onset; the threshold keeps to `false_alarms_per_hour` of each class there.
    """
    floor = {name: trial.within_budget(false_alarms_per_hour) for name, trial in (quiet or {}).items()}
    thresholds = {name: trial.best_threshold(floor.get(name, 0.0)) for name, trial in trials.items()}
    spread = {name: stored.spread.get(name, 1.0) * t.spread(thresholds[name]) for name, t in trials.items()}
    return replace(stored, thresholds={**stored.thresholds, **thresholds}, spread={**stored.spread, **spread})


def _columns(model: Model, excerpts: Sequence[Excerpt]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Logits and classes of the columns whose class is known."""
    logits, classes = [], []
    for excerpt in excerpts:
        found = model.scan(as_record(excerpt))
        y, kept, _ = column_targets(excerpt, found.start_ns, found.values.shape[1], model.preprocess)
        kept &= ~found.dead
        logits.append(np.log(np.maximum(found.values[:, kept].T.astype(np.float64), SMALLEST_PROBABILITY)))
        classes.append(y[kept].astype(np.intp))
    return np.concatenate(logits), np.concatenate(classes)
