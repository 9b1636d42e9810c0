"""The shipped phase model on labelled sets that took no part in its training: picks on whole records and windows.

    python benchmarks/shipped.py [--data FOLDER] [--sets pytheas_corinth scdetect_ch] [--model phase]

At the model's own thresholds, and at the best of the set itself (which flatters, as do the published figures of other
pickers); every pick beyond the matched one is false, but for those behind a P whose S is not labelled, which count
neither way; every record is picked with its start at four places between two columns of the scan. Windows of 4 s,
P-centred, S-centred and noise, one of each a record, by the window network alone and, as pickers of whole records are
judged, by the highest probability of the final traces within 0.3 s of the window's centre.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sets import DATA, WHOLE_S

from seisnet.cli import in_one_line
from seisnet.model import Model, load_model
from seisnet.scoring.metrics import class_scores, confusion_counts
from seisnet.training.labelled_sets import excerpts_of, load_records, make_windows
from seisnet.training.trials import GRID, STARTS, Trial, try_picks
from seisnet.waveforms.records import NS_PER_S
from seisnet.windows.labelled import LabelledRecord

CENTRE_S = 0.3

HEAD = """\
| set | phase | threshold | F1 at 0.5 s | F1 at 0.1 s | precision | recall | median s | MAE s |
|---|---|---|---|---|---|---|---|---|"""
"""Of the rows of `report`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of HDF5 + CSV pairs, NAME.h5 and NAME.csv")
    parser.add_argument("--sets", nargs="+", default=["pytheas_corinth", "scdetect_ch"], help="their names")
    parser.add_argument("--model", default="phase", help="shipped, or a file")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    config = dataclasses.replace(model.preprocess, excerpt_s=WHOLE_S)
    print(HEAD)
    windows = []
    for name in arguments.sets:
        records = load_records(arguments.data / f"{name}.h5", config)
        report(name, try_picks(model, excerpts_of(records, 2, config), starts=STARTS), model.thresholds())
        windows.append((name, *window_scores(model, records)))
    print("\n| set | windows | macro-F1, window network | macro-F1, traces near the centre |\n|---|---|---|---|")
    for name, n, alone, traces in windows:
        print(f"| {name} | {n} | {alone:.3f} | {traces:.3f} |")


def report(name: str, trials: Mapping[str, Trial], own: Mapping[str, float]) -> None:
    """Rows of a set: each phase at its own threshold, and at the best one."""
    for phase, trial in trials.items():
        if trial.n_reference:
            best = GRID[int(np.argmax([trial.at(t)[2] for t in GRID]))]
            for what, threshold in (("own", own[phase]), ("best", best)):
                print(f"| {name} | {phase} | {what}, {threshold:.2f} {_row(trial, threshold)}")


def _row(trial: Trial, threshold: float) -> str:
    precision, recall, f1 = trial.at(threshold)
    residual = trial.residuals_s(threshold)
    return (
        f"| {f1:.3f} | {trial.at(threshold, within_s=0.1)[2]:.3f} | {precision:.3f} "
        f"| {recall:.3f} | {np.median(residual):+.3f} | {np.abs(residual).mean():.3f} |"
    )


def window_scores(model: Model, records: list[LabelledRecord]) -> tuple[int, float, float]:
    """Number of windows, and macro-F1 of the window network and of the final traces."""
    config = dataclasses.replace(model.preprocess, shifts=0, coda_windows=0, noise_windows=1)
    true, alone, traces = [], [], []
    for labelled in records:
        rows = make_windows([[], [], [labelled]], config).rows
        scanned = model.scan(labelled.record)
        for y, x, start_ns in zip(rows.y, rows.x, rows.start_ns, strict=True):
            centre_ns = start_ns + round(config.window_s / 2 * NS_PER_S)
            near = np.abs(scanned.times_ns - centre_ns) <= CENTRE_S * NS_PER_S
            onset = scanned.values[:-1, near].max(axis=1)
            thresholds = np.array([model.thresholds()[c] for c in model.classes[:-1]])
            ratio = onset / thresholds
            true.append(int(y))
            alone.append(int(model.predict_proba(x[None]).argmax()))
            traces.append(int(ratio.argmax()) if ratio.max() >= 0.5 else len(onset))
    n = len(model.classes)
    scores = [class_scores(confusion_counts(true, found, n)).macro_f1 for found in (alone, traces)]
    return len(true), float(scores[0]), float(scores[1])


if __name__ == "__main__":
    with in_one_line("shipped"):
        main()
