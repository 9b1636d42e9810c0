"""Picks on whole records: F1, residuals and false picks, cross-validated at home and on regions never seen.

    python benchmarks/picking.py [--data FOLDER] [--seeds 0 1 2] [--foreign]

Each set of Californian records in five folds by station, and, with --foreign, the sets of other regions by a model
trained on all Californian ones. Beside them a classical picker on the same records: recursive STA/LTA on the vertical
(0.5 s over 10 s) and Akaike's criterion, from ObsPy. Every pick beyond the matched one is false, as in the figures
published for deep pickers, but for those behind a P whose S is not labelled, which count neither way. Thresholds are
those that calibration chooses on the set itself (`Trial.best_threshold`), for every method, which flatters all alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sets import CALIFORNIA, DATA, FOREIGN, WHOLE_S, pairs

from seisnet.cli import in_one_line
from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.picking.aic import aic_onset
from seisnet.picks import Pick
from seisnet.store.excerpts import Excerpt
from seisnet.training.excerpt_data import as_record, known_ns, reference_ns
from seisnet.training.fitting import fit
from seisnet.training.labelled_sets import excerpts_of, load_records, make_windows, station_folds
from seisnet.training.trials import LOWEST_THRESHOLD, Trial, merged, try_picks
from seisnet.waveforms.records import NS_PER_S


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA,
        help=f"folder of the pairs {pairs(*CALIFORNIA)}; with --foreign also {pairs(*FOREIGN)}",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="a training each, of every fold")
    parser.add_argument("--foreign", action="store_true", help="also the sets of other regions: look rarely")
    arguments = parser.parse_args()
    config = PreprocessConfig(excerpt_s=WHOLE_S)
    home = {name: load_records(arguments.data / f"{name}.h5", config) for name in CALIFORNIA}
    together = [record for records in home.values() for record in records]
    print("| set | method | phase | F1 at 0.5 s | F1 at 0.1 s | median s | MAE s | false an hour | threshold |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, records in home.items():
        report(name, "STA/LTA + AIC", classical(excerpts_of(records, 2, config)))
    for seed in arguments.seeds:
        trials: dict[str, list[dict[str, Trial]]] = {name: [] for name in home}
        for train, test in station_folds(together, 5, seed):
            model, _ = fit(make_windows([train], config), TrainConfig(seed=seed))
            for name, records in home.items():
                mine = [r for r in test if any(r is other for other in records)]
                trials[name].append(try_picks(model, excerpts_of(mine, 2, config)))
        for name in home:
            report(name, f"seisnet, 5 folds by station, seed {seed}", merged(trials[name]))
    if arguments.foreign:
        for seed in arguments.seeds:
            model, _ = fit(make_windows([together], config), TrainConfig(seed=seed))
            for name in FOREIGN:
                records = load_records(arguments.data / f"{name}.h5", config)
                report(
                    name,
                    f"seisnet, trained in California, seed {seed}",
                    try_picks(model, excerpts_of(records, 2, config)),
                )


def classical(excerpts: Sequence[Excerpt]) -> dict[str, Trial]:
    """P picks of recursive STA/LTA and Akaike's criterion; its ratio over 20 stands in for a probability."""
    from obspy.signal.trigger import recursive_sta_lta, trigger_onset

    trial = Trial()
    for excerpt in excerpts:
        record = as_record(excerpt)
        rate_hz = record.sampling_rate_hz
        row = record.data[int(np.argmax(record.present))].astype(np.float64)
        ratio = recursive_sta_lta(row - row.mean(), int(0.5 * rate_hz), int(10 * rate_hz))
        picks = []
        network, station, location, channel = record.trace_id.split(".")
        for on, off in trigger_onset(ratio, 20 * LOWEST_THRESHOLD + 1, 1.0):
            at_ns = aic_onset(record, record.start_ns + round(on / rate_hz * NS_PER_S), "P", half_width_s=0.6)
            score = min(float(ratio[on : off + 1].max()) / 20, 1.0)
            picks.append(Pick(network, station, location, channel, "P", at_ns, probability=score))
        trial.add(picks, reference_ns(excerpt, 0), known_ns(excerpt), reference_ns(excerpt, -1))
    return {"P": trial}


def report(name: str, method: str, trials: dict[str, Trial]) -> None:
    for phase, trial in trials.items():
        if not trial.n_reference:
            continue
        threshold = trial.best_threshold()
        residual = trial.residuals_s(threshold)
        print(
            f"| {name} | {method} | {phase} "
            f"| {trial.at(threshold)[2]:.3f} | {trial.at(threshold, within_s=0.1)[2]:.3f} "
            f"| {np.median(residual):+.3f} | {np.abs(residual).mean():.3f} | {trial.false_an_hour(threshold):.1f} "
            f"| {threshold:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    with in_one_line("picking"):
        main()
