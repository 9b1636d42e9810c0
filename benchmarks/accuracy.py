"""Macro-F1 on windows of real recordings: 5 folds by station, and on regions that the network never saw.

    python benchmarks/accuracy.py [--seeds 0 1 2] [--data FOLDER]

Windows of 4 s: P-centred, S-centred, and noise that ends at least 5 s before P, one of each a record.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
from crossvalidation import DATA, cross_validate, load, predict

from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.metrics import class_scores, confusion_counts

HOME = "phasenet_ncedc_train154"
NCEDC = (HOME, "phasenet_ncedc_test100", "deepdenoiser_ncedc99")
FOREIGN = ("pytheas_corinth", "scdetect_ch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    print("| trained on | tested on | features | macro-F1, one a seed | median | F1 of P, S, noise |")
    print("|---|---|---|---|---|---|")
    for name in ("logspec", "raw"):
        config = PreprocessConfig(features=name)
        home = load([HOME], config, arguments.data)
        scores = []
        for seed in arguments.seeds:
            training = TrainConfig(seed=seed)
            scores.append(cross_validate(home, dataclasses.replace(config, seed=seed), training, seed))
        report(f"{HOME}, 5 folds by station", HOME, name, scores)
    config = PreprocessConfig()
    train = load(NCEDC, config, arguments.data)
    for foreign in FOREIGN:
        test = load([foreign], config, arguments.data)
        scores = []
        for seed in arguments.seeds:
            seeded = dataclasses.replace(config, seed=seed)
            true, predicted = predict(train, test, seeded, TrainConfig(seed=seed))
            scores.append(class_scores(confusion_counts(true, predicted, 3)))
        report("the three NCEDC sets", foreign, "logspec", scores)


def report(trained: str, tested: str, features: str, scores: list) -> None:
    figures = ", ".join(f"{s.macro_f1:.4f}" for s in scores)
    by_class = np.median([s.f1 for s in scores], axis=0)
    median = np.median([s.macro_f1 for s in scores])
    print(
        f"| {trained} | {tested} | {features} | {figures} | {median:.4f} | {', '.join(f'{f:.3f}' for f in by_class)} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
