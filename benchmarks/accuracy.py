"""Macro-F1 on windows of real recordings: 5 folds by station, and on regions that the network never saw.

    python benchmarks/accuracy.py [--seeds 0 1 2] [--data FOLDER]

Windows of 4 s: P-centred, S-centred, and noise that ends at least 5 s before P, one of each a record.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sets import CALIFORNIA, DATA, FOREIGN, pairs

from seisnet.cli import in_one_line
from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.scoring.metrics import ClassScores, class_scores, confusion_counts
from seisnet.training.fitting import fit
from seisnet.training.labelled_sets import load_records, make_windows, station_folds
from seisnet.windows.labelled import LabelledRecord

HOME = CALIFORNIA[0]
NEVER_SEEN = FOREIGN[1:]
N_FOLDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="a training each")
    parser.add_argument(
        "--data", type=Path, default=DATA, help=f"folder of the pairs {pairs(*CALIFORNIA, *NEVER_SEEN)}"
    )
    arguments = parser.parse_args()

    def load(name: str, config: PreprocessConfig) -> list[LabelledRecord]:
        return load_records(arguments.data / f"{name}.h5", config)

    print("| trained on | tested on | features | macro-F1, one a seed | median | F1 of P, S, noise |")
    print("|---|---|---|---|---|---|")
    for features in ("logspec", "raw"):
        config = PreprocessConfig(features=features)
        home = load(HOME, config)
        scores = [score(list(station_folds(home, N_FOLDS, seed)), config, seed) for seed in arguments.seeds]
        report(f"{HOME}, {N_FOLDS} folds by station", HOME, features, scores)
    config = PreprocessConfig()
    train = [record for name in CALIFORNIA for record in load(name, config)]
    for foreign in NEVER_SEEN:
        test = load(foreign, config)
        report("the three NCEDC sets", foreign, "logspec", [score([(train, test)], config, s) for s in arguments.seeds])


def score(
    folds: Sequence[tuple[list[LabelledRecord], list[LabelledRecord]]], config: PreprocessConfig, seed: int
) -> ClassScores:
    """Scores over the test windows of all pairs of training and test records together."""
    config = dataclasses.replace(config, seed=seed)
    counts = np.zeros((3, 3), dtype=np.int64)
    for train, test in folds:
        windows = make_windows((train, (), test), config)  # no dev split: nothing is chosen by looking
        model, _ = fit(windows, TrainConfig(seed=seed, context=False, onset=False))
        rows = windows.split("test")
        counts += confusion_counts(rows.y, model.predict_proba(rows.x).argmax(axis=1), 3)
    return class_scores(counts)


def report(trained: str, tested: str, features: str, scores: Sequence[ClassScores]) -> None:
    figures = ", ".join(f"{s.macro_f1:.4f}" for s in scores)
    by_class = np.median([s.f1 for s in scores], axis=0)
    median = np.median([s.macro_f1 for s in scores])
    print(
        f"| {trained} | {tested} | {features} | {figures} | {median:.4f} | {', '.join(f'{f:.3f}' for f in by_class)} |",
        flush=True,
    )


if __name__ == "__main__":
    with in_one_line("accuracy"):
        main()
