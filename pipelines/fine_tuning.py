"""What training a model further on few records of one's own brings.

    python pipelines/fine_tuning.py --data my_set.h5 [--init phase] [--records 10 30 100] [--folds 5] [--seeds 0 1 2]

The data are a HDF5 + CSV pair or a SeisBench data set folder. Folds keep events together or, with `--by station`,
stations. In each fold the model is judged on the records of the fold: as it is, and trained further on so many others,
drawn at random, as gently as `seisnet train --init` does, which does much the same for a windows file. Thresholds are
those of `--init` all along, so that nothing is tuned on what is judged.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seisnet.cli import in_one_line
from seisnet.config import PreprocessConfig, between
from seisnet.errors import ConfigError
from seisnet.model import Model, load_model
from seisnet.training.altering import with_copies
from seisnet.training.excerpt_data import fold_of
from seisnet.training.fitting import fit
from seisnet.training.labelled_sets import excerpts_of, load_records, make_windows, station
from seisnet.training.parents import settings_for
from seisnet.training.trials import Trial, merged, try_picks
from seisnet.windows.labelled import LabelledRecord

COPIES = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="HDF5 of a pair, or a SeisBench data set folder")
    parser.add_argument("--init", default="phase", help="model that is trained further; shipped, or a file")
    parser.add_argument("--records", type=int, nargs="+", default=[10, 30, 100], help="how many it learns from")
    parser.add_argument("--folds", type=int, default=5, help="parts that the records are dealt to")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the deal and of the draws; a table each"
    )
    parser.add_argument("--by", choices=["event", "station"], default="event", help="what no two folds share")
    arguments = parser.parse_args()
    between("--folds", arguments.folds, 2, 1000)
    between("--records", min(arguments.records), 1, 1e9)
    model = load_model(arguments.init)
    if model.preprocess.task != "phase":
        raise ConfigError(f"model {model.name} is of task class; one of task phase is needed")
    config = replace(model.preprocess, excerpt_s=1000.0)
    records = load_records(arguments.data, config)
    print("| trained further on | seed | F1 of P | at 0.1 s | F1 of S | at 0.1 s |\n|---|---|---|---|---|---|")
    for seed in arguments.seeds:
        folds = list(folds_of(records, arguments.by, arguments.folds, seed))
        most = min(len(train) for train, _ in folds)
        report("nothing", seed, model, [try_picks(model, excerpts_of(test, 2, config)) for _, test in folds])
        for n in arguments.records:
            if n > most:
                print(f"| {n} records: the set has no more than {most} outside a fold | {seed} | | | | |")
                continue
            trials = []
            for k, (train, test) in enumerate(folds):
                tuned = trained_further(model, train, n, config, np.random.default_rng([seed, k]))
                trials.append(try_picks(tuned, excerpts_of(test, 2, config)))
            report(f"{n} records", seed, model, trials)


def folds_of(
    records: Sequence[LabelledRecord], by: str, n_folds: int, seed: int
) -> Iterator[tuple[list[LabelledRecord], list[LabelledRecord]]]:
    """Training and test records of each fold; a record without an event goes with its station."""
    name = {id(r): station(r) if by == "station" or not r.event_id else r.event_id for r in records}
    fold = fold_of(name.values(), n_folds, seed)
    for k in sorted(set(fold.values())):
        yield (
            [r for r in records if fold[name[id(r)]] != k],
            [r for r in records if fold[name[id(r)]] == k],
        )


def trained_further(
    model: Model, train: Sequence[LabelledRecord], n: int, config: PreprocessConfig, rng: np.random.Generator
) -> Model:
    """The model, trained on `n` of the records and their altered copies."""
    chosen = [train[i] for i in rng.choice(len(train), size=n, replace=False)]
    windows = make_windows([with_copies(chosen, COPIES, rng)], config)
    brief = replace(settings_for(model), epochs=10, context_epochs=4, onset_epochs=10, folds=2)
    return fit(windows, brief, init=model)[0]


def report(what: str, seed: int, model: Model, trials: Sequence[dict[str, Trial]]) -> None:
    found = merged(trials)
    scores = [
        f"{found[phase].at(model.thresholds()[phase], within_s=within_s)[2]:.3f}" if found[phase].n_reference else ""
        for phase in ("P", "S")
        for within_s in (0.5, 0.1)
    ]
    print(f"| {what} | {seed} | {' | '.join(scores)} |", flush=True)


if __name__ == "__main__":
    with in_one_line("fine_tuning"):
        main()
