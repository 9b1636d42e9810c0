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
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from phase_card import card
from phase_figures import (
    condition_figures,
    coverage,
    largest_change,
    pick_figures,
    picked,
    reliability,
    threshold_figures,
    window_figures,
)
from phase_records import synthetic

from seisnet.config import PreprocessConfig, TrainConfig, from_dict
from seisnet.model import Model
from seisnet.store.model_file import StoredModel
from seisnet.training.altering import with_copies
from seisnet.training.calibration import fitted_temperature, merged, quiet_parts, try_picks, with_trials
from seisnet.training.fitting import fit
from seisnet.training.labelled_sets import excerpts_of, load_records, make_windows, station_folds
from seisnet.windows.labelled import LabelledRecord


@dataclass(frozen=True)
class DataConfig:
    """Table ``[data]`` of the TOML file."""

    sources: tuple[str, ...]
    copies: int = 2
    synthetic_near: int = 300
    synthetic_far: int = 200
    filtered_share: float = 0.0
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
    made = list(
        synthetic(data.synthetic_near, data.synthetic_far, data.filtered_share, config.sampling_rate_hz, data.seed)
    )
    figures, stored = build(sets, made, data, config, training)
    curves = {name: rows for name, rows in stored.metrics.items() if name.endswith("_history")}
    stored = replace(stored, metrics=figures | curves, card=card(figures))
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
        _say(f"fold {k + 1} of {data.folds} is trained")
    temperature = float(np.median([fitted_temperature(m, excerpts_of(test, 2, config)) for m, test in folds]))
    judged = [(Model(m.name, replace(m.stored, temperature=temperature)), test) for m, test in folds]
    tried = [picked(model, record, config) for model, test in judged for record in test]
    quiet = merged([try_picks(m, quiet_parts(excerpts_of(test, 2, config), config)) for m, test in judged])
    every = merged([one.trials for one in tried])
    _say("the folds are judged")
    model, _ = fit(make_windows([[*enlarged(together, data), *made]], config), training)
    stored = with_trials(replace(model.stored, temperature=temperature), every, quiet, data.false_alarms_per_hour)
    figures = {
        "windows": window_figures(judged, config),
        "picks": {
            name: pick_figures([one for one in tried if source_of[id(one.labelled)] == name], stored, data.seed)
            for name in sets
        },
        "conditions": condition_figures(tried, stored, config),
        "reliability": reliability(every),
        "by_threshold": threshold_figures(every, quiet),
        "largest_change": largest_change(tried),
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
        "filtered_share": data.filtered_share,
        "folds": data.folds,
        "copies": data.copies,
        "hidden": list(training.hidden),
        "members": training.members,
        "distil": training.distil,
    }
    return figures, stored


def enlarged(records: Sequence[LabelledRecord], data: DataConfig) -> list[LabelledRecord]:
    """Records and their altered copies."""
    return with_copies(records, data.copies, np.random.default_rng(data.seed))


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _found(folder: Path, name: str) -> Path:
    """A data set folder, or the HDF5 file of a pair."""
    return folder / name if (folder / name).is_dir() else folder / f"{name}.h5"


if __name__ == "__main__":
    main()
