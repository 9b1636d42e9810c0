"""The step between windows: what it costs and what it brings.

    python benchmarks/hop.py [--data FOLDER] [--hops 0.1 0.2 0.4] [--folds 2] [--seeds 0 1] [--alone]

For each step a model is trained with windows, context and onsets on frames so far apart, and tried on whole records of
stations that it never saw: F1 of P and S over the Californian sets together, at the best threshold. With --alone also
the window network alone, at multiples of its step, which the context stage does not allow. Networks are small and the
windows' are trained briefly, alike for all steps; those of the context learn from as many columns in all. Time:
processor time of the scan of a station-day that is in memory, one thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
from sets import CALIFORNIA, DATA, WHOLE_S, pairs

from seisnet.cli import in_one_line
from seisnet.config import PickConfig, PreprocessConfig, TrainConfig
from seisnet.model import Model
from seisnet.training.fitting import fit
from seisnet.training.labelled_sets import excerpts_of, load_records, make_windows, station_folds
from seisnet.training.trials import Trial, merged, try_picks
from seisnet.waveforms.records import Record

BRIEF = TrainConfig(hidden=(64, 32), epochs=10, onset_epochs=20, folds=2)
COLUMN_EPOCHS = 40.0
"""Passes of the context network over its columns, for each second between them."""

MULTIPLES = (1, 2, 3)
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help=f"folder of the pairs {pairs(*CALIFORNIA)}")
    parser.add_argument("--hops", type=float, nargs="+", default=[0.1, 0.2, 0.4], help="steps in seconds")
    parser.add_argument("--folds", type=int, default=2, help="by station")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="a training each, of every step and fold")
    parser.add_argument("--alone", action="store_true", help="also the window network alone")
    arguments = parser.parse_args()
    base = PreprocessConfig(excerpt_s=WHOLE_S)
    records = [record for name in CALIFORNIA for record in load_records(arguments.data / f"{name}.h5", base)]
    print("| trained with | stages | every | seed | P at 0.5 s | at 0.1 s | S at 0.5 s | at 0.1 s | a day |")
    print("|---|---|---|---|---|---|---|---|---|")
    for hop_s in arguments.hops:
        config = dataclasses.replace(base, hop_s=hop_s)
        for seed in arguments.seeds:
            training = dataclasses.replace(BRIEF, context_epochs=round(COLUMN_EPOCHS * hop_s), seed=seed)
            whole: list[dict[str, Trial]] = []
            alone: dict[int, list[dict[str, Trial]]] = {k: [] for k in MULTIPLES if arguments.alone}
            for train, test in station_folds(records, arguments.folds, seed):
                model, _ = fit(make_windows([train], config), training, threads=1)
                first = without_context(model)
                excerpts = excerpts_of(test, 2, config)
                whole.append(try_picks(model, excerpts))
                for k, trials in alone.items():
                    trials.append(try_picks(first, excerpts, PickConfig(hop_s=k * hop_s)))
            report(hop_s, "all", hop_s, seed, merged(whole), day_s(model, PickConfig()))
            for k, trials in alone.items():
                pick = PickConfig(hop_s=k * hop_s)
                report(hop_s, "no context", k * hop_s, seed, merged(trials), day_s(first, pick))


def without_context(model: Model) -> Model:
    """The same window networks and onset network."""
    stages = tuple(stage for stage in model.stored.stages if stage.reads != "context")
    return Model(model.name, dataclasses.replace(model.stored, stages=stages))


def day_s(model: Model, pick: PickConfig) -> float:
    """Seconds that the scan of a station-day takes, the least of some."""
    rate_hz = model.preprocess.sampling_rate_hz
    data = np.random.default_rng(0).standard_normal((3, round(86_400 * rate_hz)), dtype=np.float32)
    present = np.ones(len(data), dtype=np.bool_)
    record = Record(data, 0, rate_hz, "XX.A..HH", present=present, bandwidth_hz=rate_hz / 2)
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        model.scan(record, pick, threads=1)
        seconds.append(time.process_time() - start)
    return min(seconds)


def report(hop_s: float, stages: str, every_s: float, seed: int, trials: dict[str, Trial], seconds: float) -> None:
    cells = []
    for phase in ("P", "S"):
        threshold = trials[phase].best_threshold()
        cells += [f"{trials[phase].at(threshold, within_s=s)[2]:.3f}" for s in (0.5, 0.1)]
    print(f"| {hop_s:g} s | {stages} | {every_s:g} s | {seed} | {' | '.join(cells)} | {seconds:.2f} s |", flush=True)


if __name__ == "__main__":
    with in_one_line("hop"):
        main()
