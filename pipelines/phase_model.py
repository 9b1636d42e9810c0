"""The shipped phase picker, from labelled records to the model file with its card, in one command.

    python pipelines/phase_model.py --data FOLDER -o seisnet/models/phase.h5 [--config pipelines/phase_model.toml]

FOLDER holds the HDF5 + CSV pairs, or data set folders (SeisBench, STEAD), that the TOML names. First every region is
scanned by a model that never saw it: temperature, thresholds and the spread of onset errors come from those scans,
since a shipped model mostly meets regions that it does not know. Then every fold of stations is scanned by a model that
never saw them: the figures of the card, at those thresholds. At last a model learns from all records. Beside the model
the pipeline writes a JSON file with all figures. The same data, config and machine give the same bytes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from phase_card import card
from phase_figures import (
    Tried,
    condition_figures,
    coverage,
    largest_change,
    pair_figures,
    pick_figures,
    picked,
    reliability,
    rounded,
    threshold_figures,
    window_figures,
)
from phase_records import Shares, synthetic
from settings import Words, read_settings

from seisnet.cli import in_one_line
from seisnet.config import PreprocessConfig, TrainConfig, between
from seisnet.errors import ConfigError
from seisnet.label_weights import STATUS_WEIGHTS
from seisnet.model import Model
from seisnet.store.files import HDF5, check_output, write_whole
from seisnet.store.model_file import StoredModel
from seisnet.training.altering import with_copies
from seisnet.training.calibration import model_temperature, with_trials
from seisnet.training.fitting import fit
from seisnet.training.labelled_sets import excerpts_of, load_records, make_windows, station, station_folds
from seisnet.training.trials import STARTS, Trial, merged, quiet_parts, try_picks
from seisnet.windows.labelled import LabelledRecord

Fold = tuple[list[LabelledRecord], list[LabelledRecord]]

OWN_CONFIG = Path(__file__).resolve().with_suffix(".toml")

SHARES = [share.name for share in fields(Shares)]


@dataclass(frozen=True)
class DataConfig(Shares):
    """Table ``[data]`` of the TOML file."""

    regions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    automatic: tuple[str, ...] = ()
    copies: int = 2
    synthetic_near: int = 300
    synthetic_far: int = 200
    folds: int = 4
    false_alarms_per_hour: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what would be found out after an hour, or never."""
        for name in SHARES:
            between(name, getattr(self, name), 0, 1)
        for name in ("copies", "synthetic_near", "synthetic_far", "false_alarms_per_hour", "seed"):
            between(name, getattr(self, name), 0, math.inf)
        between("folds", self.folds, 2, 1000)
        if len(self.regions) < 2 or not all(self.regions.values()):
            raise ConfigError("regions: two or more are needed, none of them empty, for each is left out once")
        if twice := [name for name, n in Counter(itertools.chain(*self.regions.values())).items() if n > 1]:
            raise ConfigError(f"regions: {twice[0]} is named more than once, and would be judged as often")
        if strange := sorted(set(self.automatic).difference(*self.regions.values())):
            raise ConfigError(f"automatic: {strange[0]} is in none of the regions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets that the TOML names")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="model file; its figures go beside it, as JSON"
    )
    parser.add_argument("--config", type=Path, default=OWN_CONFIG, help="instead of the TOML here")
    arguments = parser.parse_args()
    check_output(arguments.output, HDF5, overwrite=True)
    kinds = {"card": Words, "data": DataConfig, "preprocess": PreprocessConfig, "train": TrainConfig}
    words, data, config, training = read_settings(arguments.config, kinds).values()
    training = replace(training, seed=data.seed)
    if config.features != "logspec" or not (training.context and training.onset):
        raise ConfigError("the card describes log-spectrograms and three stages: leave features, context and onset out")
    sources = [name for names in data.regions.values() for name in names]
    sets = {name: load_records(_found(arguments.data, name), config) for name in sources}
    sets |= {name: [as_automatic(record) for record in sets[name]] for name in data.automatic}
    near, far = data.synthetic_near, data.synthetic_far
    made = list(synthetic(near, far, data, rate_hz=config.sampling_rate_hz, seed=data.seed))
    figures, stored = build(sets, made, data, config, training)
    curves = {name: rows for name, rows in stored.metrics.items() if name.endswith("_history")}
    name, other = arguments.output.stem, arguments.config.name if arguments.config.resolve() != OWN_CONFIG else ""
    stored = replace(stored, metrics=figures | curves, card=card(name, words, figures, stored, other))
    Model(name, stored).save(arguments.output, overwrite=True)
    told = json.dumps(figures, indent=1, sort_keys=True) + "\n"
    write_whole(arguments.output.with_suffix(".json"), told.encode())
    print(stored.card)


def as_automatic(labelled: LabelledRecord) -> LabelledRecord:
    """A record whose picks weigh no more than automatic ones do, though its table may not say that they are."""
    most = STATUS_WEIGHTS["automatic"]
    return replace(labelled, picks=tuple(replace(pick, weight=min(pick.weight, most)) for pick in labelled.picks))


@dataclass(frozen=True)
class LeftOut:
    """What was left out of training, as it is seen by models that have learned from the rest."""

    models: list[tuple[Model, list[LabelledRecord]]]
    tried: list[Tried]
    quiet: dict[str, Trial]

    @property
    def every(self) -> dict[str, Trial]:
        """All picks."""
        return merged([one.trials for one in self.tried])


def build(
    sets: dict[str, list[LabelledRecord]],
    made: list[LabelledRecord],
    data: DataConfig,
    config: PreprocessConfig,
    training: TrainConfig,
) -> tuple[dict[str, Any], StoredModel]:
    """Leave out regions, then stations, then learn from everything."""
    together = [record for records in sets.values() for record in records]

    def learned(records: Sequence[LabelledRecord]) -> Model:
        copies = with_copies(records, data.copies, np.random.default_rng(data.seed))
        return fit(make_windows([[*copies, *made]], config), training)[0]

    def models(folds: Iterable[Fold], what: str) -> Iterator[tuple[Model, list[LabelledRecord]]]:
        for k, (train, test) in enumerate(folds, start=1):
            yield learned(train), test
            print(f"{what} {k} was left out, and a model has learned from the rest", file=sys.stderr, flush=True)

    regions = [[record for name in names for record in sets[name]] for names in data.regions.values()]
    foreign = list(models(region_folds(regions), "region"))
    temperature = float(np.median([model_temperature(m, excerpts_of(test, 2, config)) for m, test in foreign]))
    away = left_out(foreign, temperature, config)
    home = left_out(models(station_folds(together, data.folds, data.seed), "fold"), temperature, config)
    stored = replace(learned(together).stored, temperature=temperature)
    stored = with_trials(stored, away.every, away.quiet, data.false_alarms_per_hour)
    provenance = {
        "records": {name: len(records) for name, records in sets.items()},
        "regions": {name: list(names) for name, names in data.regions.items()},
        "synthetic_records": len(made),
        **{name: getattr(data, name) for name in ("copies", "folds", *SHARES)},
        "false_alarms_per_hour": data.false_alarms_per_hour if math.isfinite(data.false_alarms_per_hour) else None,
        "hidden": list(training.hidden),
        "members": training.members,
        "distil": training.distil,
    }
    return figures_of(sets, home, away, stored, config, data.seed) | provenance, stored


def figures_of(
    sets: dict[str, list[LabelledRecord]],
    home: LeftOut,
    away: LeftOut,
    stored: StoredModel,
    config: PreprocessConfig,
    seed: int,
) -> dict[str, Any]:
    """Figures of the model, from models that left out its stations (home) and its regions (away)."""
    source_of = {id(record): name for name, records in sets.items() for record in records}

    def picks_of(left_out: LeftOut) -> dict[str, Any]:
        of_set = {name: [one for one in left_out.tried if source_of[id(one.labelled)] == name] for name in sets}
        return {name: pick_figures(tried, stored, seed) for name, tried in of_set.items()}

    return {
        "windows": window_figures(home.models, config),
        "picks": picks_of(home),
        "picks_elsewhere": picks_of(away),
        "conditions": condition_figures(home.tried, stored, config) | pair_figures(home.models, stored, config),
        "reliability": reliability(home.every),
        "by_threshold": threshold_figures(home.every, home.quiet),
        "by_threshold_elsewhere": threshold_figures(away.every, away.quiet),
        "starts": STARTS,
        "largest_change": largest_change(home.tried),
        "coverage": {phase: coverage(trial, stored, phase) for phase, trial in home.every.items()},
        "quiet": {
            phase: {
                "hours": round(trial.hours / STARTS, 2),
                "false_an_hour": rounded(trial.false_an_hour(threshold), 2),
            }
            for phase, trial in home.quiet.items()
            for threshold in [stored.thresholds[phase]]
        },
        "thresholds": dict(stored.thresholds),
        "spread": dict(stored.spread),
        "temperature": stored.temperature,
    }


def region_folds(regions: Sequence[Sequence[LabelledRecord]]) -> Iterator[Fold]:
    """Training and test records with each region left out; no station is in both."""
    for region in regions:
        known = {station(record) for record in region}
        rest = [record for other in regions if other is not region for record in other]
        yield [record for record in rest if station(record) not in known], list(region)


def left_out(
    models: Iterable[tuple[Model, list[LabelledRecord]]], temperature: float, config: PreprocessConfig
) -> LeftOut:
    """Pick what each model has not seen, at one temperature."""
    cooled = [(Model(model.name, replace(model.stored, temperature=temperature)), test) for model, test in models]
    return LeftOut(
        cooled,
        [picked(model, record, config) for model, test in cooled for record in test],
        merged([try_picks(m, quiet_parts(excerpts_of(test, 2, config), config), starts=STARTS) for m, test in cooled]),
    )


def _found(folder: Path, name: str) -> Path:
    """A data set folder, or the HDF5 file of a pair."""
    return folder / name if (folder / name).is_dir() else folder / f"{name}.h5"


if __name__ == "__main__":
    with in_one_line("phase_model"):
        main()
