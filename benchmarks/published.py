"""A published picker where nothing is downloaded: SeisBench's PhaseNetLight with the weights in SeisBench's sources.

    python benchmarks/published.py --weights FOLDER [--data FOLDER] [--sets NAME ...]

FOLDER holds ``ethz.json.v2`` and ``ethz.pt.v2``: `tests/examples/phasenetlight` of SeisBench's source distribution
(0.12.6). It learned from ETHZ, Switzerland, so that all sets but the Swiss one are regions that it never saw, as
`phase` never saw those in the columns "elsewhere" of RESULTS.md. Same records, matching and tolerance as for `phase`;
needs the extra ``bench``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import obspy
from sets import CALIFORNIA, DATA, FOREIGN, WHOLE_S
from shipped import HEAD, report

from seisnet.cli import in_one_line
from seisnet.config import PreprocessConfig
from seisnet.errors import ConfigError
from seisnet.picks import Pick
from seisnet.training.excerpt_data import known_ns, reference_ns
from seisnet.training.labelled_sets import excerpts_of, load_records
from seisnet.training.trials import LOWEST_THRESHOLD, Trial
from seisnet.waveforms.records import Record

PHASES = {"P": 0, "S": 1}
"""Labels of onsets in excerpts."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder with ethz.json.v2 and ethz.pt.v2")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of HDF5 + CSV pairs, NAME.h5 and NAME.csv")
    parser.add_argument("--sets", nargs="+", default=[*CALIFORNIA, *FOREIGN], help="their names; all if none is given")
    arguments = parser.parse_args()
    picker, own = published_picker(arguments.weights)
    config = PreprocessConfig(excerpt_s=WHOLE_S)
    print(HEAD)
    for name in arguments.sets:
        trials = {phase: Trial() for phase in PHASES}
        for labelled in load_records(arguments.data / f"{name}.h5", config):
            picks = list(picked(picker, labelled.record))
            for excerpt in excerpts_of([labelled], 2, config):
                for phase, label in PHASES.items():
                    mine = [pick for pick in picks if pick.phase == phase]
                    trials[phase].add(mine, reference_ns(excerpt, label), known_ns(excerpt), reference_ns(excerpt, -1))
        report(name, trials, own)


def published_picker(weights: Path) -> tuple[Any, dict[str, float]]:
    """PhaseNetLight with the weights of a folder, and its own thresholds."""
    try:
        import seisbench.models
        import torch
    except ImportError as error:
        raise ConfigError(f"{error}: pip install -e '.[bench]'") from None
    torch.set_num_threads(1)
    about = json.loads((weights / "ethz.json.v2").read_text(encoding="utf-8"))
    picker = seisbench.models.PhaseNetLight(**about["model_args"])
    picker.load_state_dict(torch.load(weights / "ethz.pt.v2", weights_only=True))
    picker.eval()  # PyTorch's word for dropout off
    return picker, {phase: about["default_args"][f"{phase}_threshold"] for phase in PHASES}


def picked(picker: Any, record: Record) -> Iterator[Pick]:
    """Picks of a record, which is brought to a size that the picker's normalisation was made for."""
    largest = float(np.abs(record.data).max()) or 1.0
    network, station, location, channel = record.trace_id.split(".")
    codes = {"network": network, "station": station, "location": location, "sampling_rate": record.sampling_rate_hz}
    start = obspy.UTCDateTime(ns=record.start_ns)
    stream = obspy.Stream(
        obspy.Trace(samples / largest, header={**codes, "channel": channel + component, "starttime": start})
        for samples, component, present in zip(record.data, "ZNE", record.present, strict=True)
        if present
    )
    thresholds = {f"{phase}_threshold": LOWEST_THRESHOLD for phase in PHASES}
    for pick in picker.classify(stream, **thresholds).picks:
        yield Pick(network, station, location, channel, pick.phase, pick.peak_time.ns, pick.peak_value)


if __name__ == "__main__":
    with in_one_line("published"):
        main()
