"""The shipped phase picker, from labelled records to the model file with its card, in one command.

    python pipelines/phase_model.py --data FOLDER -o seisnet/models/phase.h5 [--config pipelines/phase_model.toml]

FOLDER holds the HDF5 + CSV pairs, or SeisBench data set folders, that the TOML names. First every fold of stations
is scanned by a model that never saw them: temperature, thresholds and the spread of onset errors come from those scans,
and all figures of the card. Then a model learns from all records. Beside the model the pipeline writes a JSON file with
all figures. The same data, config and machine give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seisnet.altering import Alteration, alter
from seisnet.calibration import Trial, fitted_temperature, merged, try_picks, with_trials
from seisnet.config import PreprocessConfig, TrainConfig, from_dict
from seisnet.labelled_sets import excerpts_of, load_records, make_windows, station_folds
from seisnet.metrics import bootstrap_interval, class_scores, confusion_counts
from seisnet.model import Model
from seisnet.store.model_file import StoredModel
from seisnet.synthetic import GeneratorConfig, generate_records
from seisnet.training import fit
from seisnet.waveforms.conditioning import to_rate
from seisnet.windows import LabelledRecord

FAR = GeneratorConfig(
    magnitude=(1.0, 5.0),
    distance_km=(30.0, 300.0),
    depth_km=(1.0, 40.0),
    s_minus_p_s=(3.0, 36.0),
    duration_s=(90.0, 120.0),
)
"""Regional earthquakes, for the long S - P times that the recorded sets hardly have."""


CARD = """# phase

P and S onsets of local and regional earthquakes, with their uncertainties.

## Data

Records: {records}. Of each, {copies} altered copies (noise mixed in, stretched in time, rotated, coloured, overlaid
with another event, components lost; `seisnet.altering`). Beside them {synthetic} synthetic records
(`seisnet.synthetic`), near and regional. Labels are analysts' picks, on the ocean bottom automatic ones checked by eye.

## Citation

NCEDC (2014), doi:10.7932/NCEDC, through the samples of PhaseNet (Zhu and Beroza 2019, doi:10.1093/gji/ggy423) and
DeepDenoiser (Zhu, Mousavi and Beroza 2019, doi:10.1109/TGRS.2019.2926772); open ocean-bottom networks through the
sample of OBSTransformer (Niksejel and Zhang 2024, doi:10.1093/gji/ggae049).

## Licence

MIT, as are the repositories of the samples. Public domain and open networks are cited above.

## Preprocessing

100 Hz, no filter, no response removed. Log-spectrogram of four seconds, 1.5 to 25 Hz, read by a network of 256 and 128
units; a second network reads its log-odds within six seconds, log-energies and what was seen in the last 40 seconds; a
third moves each pick to the onset and says how far off it may be; Akaike's criterion has the last word.

## Classes

P, S, noise. P stands for all phases whose last leg is P (Pg, Pn, ...), S likewise.

## Figures

Of {folds} folds by station: no record was scanned by a model that knew its station. Whole records, half a second of
tolerance; every pick beyond the matched one counts as false, although some are of real earthquakes that nobody
labelled. Thresholds and temperature were chosen on the same folds, one for all sets. Intervals hold 95 %, by drawing
records.

| set | phase | F1 | F1 within a tenth of a second | precision | recall | MAE, s | onsets |
|---|---|---|---|---|---|---|---|
{rows}

Single windows (P-centred, S-centred, noise), the first network alone: macro-F1 {macro_f1:.3f} ({low:.3f} to
{high:.3f}).

On {hours:.2f} hours without a labelled onset (before earthquakes, and noise): {quiet} an hour, some of them real.

## Thresholds

{thresholds}: the highest F1 over all folds.

## Calibration

Temperature {temperature:.2f}. Probabilities are those of columns of a scan in records that hold an earthquake each; in
quieter data onsets are rarer than they say. Shares of onset errors within 1 and 1.96 standard errors (0.68 and 0.95
would be right): {coverage}.

## Limits

Trained on few hundred records, most of them Californian, most with S - P below 5 s; long S - P times are known from
synthetic records and some of the ocean bottom only. Sampling rates below 50 Hz hold less than the band. S on a
vertical alone is less certain. Noise of cities, volcanoes and mines was hardly seen. Thresholds depend on noise: look
at a day of your own station first.

## Reproduce

    python pipelines/phase_model.py --data FOLDER -o seisnet/models/phase.h5
"""


@dataclass(frozen=True)
class DataConfig:
    """Table ``[data]`` of the TOML file."""

    sources: tuple[str, ...]
    copies: int = 2
    synthetic_near: int = 300
    synthetic_far: int = 200
    folds: int = 4
    false_alarms_per_hour: float = 1.0
    seed: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_suffix(".toml"))
    arguments = parser.parse_args()
    tables = tomllib.loads(arguments.config.read_text(encoding="utf-8"))
    data = from_dict(DataConfig, tables["data"], where="[data]")
    config = from_dict(PreprocessConfig, tables["preprocess"], where="[preprocess]")
    training = replace(from_dict(TrainConfig, tables["train"], where="[train]"), seed=data.seed)
    sets = {name: load_records(_found(arguments.data, name), config) for name in data.sources}
    made = synthetic(data, config)
    figures, stored = build(sets, made, data, config, training)
    stored = replace(stored, metrics=figures, card=card(figures, data))
    Model("phase", stored).save(arguments.output, overwrite=True)
    arguments.output.with_suffix(".json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    print(stored.card)


def build(
    sets: dict[str, list[LabelledRecord]],
    made: list[LabelledRecord],
    data: DataConfig,
    config: PreprocessConfig,
    training: TrainConfig,
) -> tuple[dict[str, Any], StoredModel]:
    """Cross-validate, then learn from everything."""
    source_of = {id(record): name for name, records in sets.items() for record in records}
    together = [record for records in sets.values() for record in records]
    folds = []
    for k, (train, test) in enumerate(station_folds(together, data.folds, data.seed)):
        model, _ = fit(make_windows([[*enlarged(train, data), *made], [], test], config), training)
        folds.append((model, test))
        print(f"fold {k + 1} of {data.folds} is trained", file=sys.stderr, flush=True)
    temperature = float(np.median([fitted_temperature(m, excerpts_of(test, 2, config)) for m, test in folds]))
    judged = [(Model(m.name, replace(m.stored, temperature=temperature)), test) for m, test in folds]
    tried = [(record, trials_of(model, record, config)) for model, test in judged for record in test]
    quiet = merged([trials for model, test in judged for trials in trials_before(model, test, config)])
    every = merged([trials for _, trials in tried])
    model, _ = fit(make_windows([[*enlarged(together, data), *made]], config), training)
    stored = with_trials(replace(model.stored, temperature=temperature), every, quiet, data.false_alarms_per_hour)
    figures = {
        "windows": window_figures(judged, config),
        "picks": {
            name: pick_figures([t for r, t in tried if source_of[id(r)] == name], stored, data.seed) for name in sets
        },
        "coverage": {phase: coverage(trial, stored, phase) for phase, trial in every.items()},
        "quiet": {
            phase: {"hours": round(t.hours, 2), "false_an_hour": round(t.false_an_hour(stored.thresholds[phase]), 2)}
            for phase, t in quiet.items()
        },
        "thresholds": dict(stored.thresholds),
        "spread": dict(stored.spread),
        "temperature": temperature,
        "records": {name: len(records) for name, records in sets.items()},
        "synthetic_records": len(made),
    }
    return figures, stored


def enlarged(records: Sequence[LabelledRecord], data: DataConfig) -> list[LabelledRecord]:
    """Records and their altered copies."""
    rng = np.random.default_rng(data.seed)
    copies = [alter(r, records, Alteration(), rng, copy=k) for k in range(1, data.copies + 1) for r in records]
    return [*records, *copies]


def synthetic(data: DataConfig, config: PreprocessConfig) -> list[LabelledRecord]:
    """Earthquakes of the generator, near and far."""
    found = []
    for seed, (n_events, kind) in enumerate(
        ((data.synthetic_near, GeneratorConfig()), (data.synthetic_far, FAR)), start=data.seed + 1
    ):
        if n_events:
            for made in generate_records(n_events, np.random.default_rng(seed), config=kind):
                record = to_rate(made.record, config.sampling_rate_hz)
                record = replace(record, trace_id=f"{seed}{record.trace_id}")  # the two sets share no station
                found.append(LabelledRecord(record, made.picks, made.event_id, is_noise=not made.picks))
    return found


def trials_of(model: Model, record: LabelledRecord, config: PreprocessConfig) -> dict[str, Trial]:
    """Picks of a whole record."""
    return try_picks(model, excerpts_of([record], 2, config))


def trials_before(
    model: Model, records: Sequence[LabelledRecord], config: PreprocessConfig
) -> Iterator[dict[str, Trial]]:
    """Picks where nothing should be picked: noise, and what comes before an earthquake."""
    for excerpt in excerpts_of(records, 2, config):
        first = min((sample for sample, _ in excerpt.onsets), default=math.inf)
        stop = int(min(first - config.noise_gap_s * excerpt.sampling_rate_hz, excerpt.n_samples))
        if stop >= 2 * config.window_samples:
            yield try_picks(model, [replace(excerpt, data=excerpt.data[:, :stop], onsets=(), known=((0, stop),))])


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
        "macro_f1": round(float(scores.macro_f1), 4),
        "interval_95": [round(low, 4), round(high, 4)],
        "f1": {name: round(float(f), 4) for name, f in zip(config.classes, scores.f1, strict=True)},
        "windows": len(y),
    }


def pick_figures(tried: Sequence[dict[str, Trial]], stored: StoredModel, seed: int) -> dict[str, Any]:
    """Picks of whole records at the stored thresholds; intervals by drawing records with replacement."""
    figures = {}
    for phase, threshold in stored.thresholds.items():
        whole = merged(tried)[phase]
        if not whole.n_reference:
            continue
        rng, drawn = np.random.default_rng(seed), []
        for _ in range(200):
            chosen = rng.integers(len(tried), size=len(tried))
            drawn.append(merged([{phase: tried[i][phase]} for i in chosen])[phase].at(threshold)[2])
        precision, recall, f1 = whole.at(threshold)
        residual = np.array(whole.residual_s)[np.array(whole.probability) >= threshold]
        residual = residual[np.isfinite(residual)]
        figures[phase] = {
            "f1": round(f1, 3),
            "interval_95": [round(float(v), 3) for v in np.quantile(drawn, [0.025, 0.975])],
            "f1_0.1_s": round(whole.at(threshold, within_s=0.1)[2], 3),
            "precision": round(precision, 3),
            "recall": round(recall, 3),
            "median_s": round(float(np.median(residual)), 3),
            "mae_s": round(float(np.abs(residual).mean()), 3),
            "onsets": whole.n_reference,
            "false_an_hour": round(whole.false_an_hour(threshold), 2),
        }
    return figures


def coverage(trial: Trial, stored: StoredModel, phase: str) -> dict[str, float]:
    """Share of the errors below one and two standard errors; 0.68 and 0.95 are right."""
    chosen = np.array(trial.probability) >= stored.thresholds[phase]
    ratio = np.abs(np.array(trial.residual_s)) / (np.array(trial.uncertainty_s) * stored.spread.get(phase, 1.0))
    ratio = ratio[chosen & np.isfinite(ratio)]
    return {"within_1": round(float((ratio <= 1).mean()), 3), "within_1.96": round(float((ratio <= 1.96).mean()), 3)}


def card(figures: dict[str, Any], data: DataConfig) -> str:
    """Model card, from nothing but the figures."""
    rows = [
        f"| {name} | {phase} | {f['f1']:.3f} ({f['interval_95'][0]:.3f} to {f['interval_95'][1]:.3f}) "
        f"| {f['f1_0.1_s']:.3f} | {f['precision']:.3f} | {f['recall']:.3f} | {f['mae_s']:.3f} | {f['onsets']} |"
        for name, phases in figures["picks"].items()
        for phase, f in phases.items()
    ]
    windows, quiet = figures["windows"], figures["quiet"]
    return CARD.format(
        records=", ".join(f"{n} of {name}" for name, n in figures["records"].items()),
        synthetic=figures["synthetic_records"],
        folds=data.folds,
        copies=data.copies,
        rows="\n".join(rows),
        macro_f1=windows["macro_f1"],
        low=windows["interval_95"][0],
        high=windows["interval_95"][1],
        thresholds=", ".join(f"{phase} {t:.2f}" for phase, t in figures["thresholds"].items()),
        temperature=figures["temperature"],
        quiet=" and ".join(f"{q['false_an_hour']:.2f} {phase} picks" for phase, q in quiet.items()),
        hours=next(iter(quiet.values()))["hours"],
        coverage="; ".join(
            f"{phase} {c['within_1']:.2f} and {c['within_1.96']:.2f}" for phase, c in figures["coverage"].items()
        ),
    )


def _found(folder: Path, name: str) -> Path:
    """A data set folder, or the HDF5 file of a pair."""
    return folder / name if (folder / name).is_dir() else folder / f"{name}.h5"


if __name__ == "__main__":
    main()
