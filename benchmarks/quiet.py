"""Picks where nobody labelled an onset, of one of our models and of a published picker, and how many both see.

    python benchmarks/quiet.py --weights FOLDER --model FILE [--data FOLDER] [--sets NAME ...]

What is quiet: all of a record of noise, else what comes well before its first labelled onset (`quiet_parts`). Records
are picked whole, as users do. A pick that two pickers make within half a second, neither of which knew the region, and
which learned from different earthquakes, is hardly false: more likely its earthquake was not labelled. So give a model
that did not learn from these sets. FOLDER of the weights as in `benchmarks/published.py`; needs the extra ``bench``.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from published import PHASES, picked, published_picker
from sets import DATA, WHOLE_S

from seisnet.cli import in_one_line
from seisnet.config import PickConfig
from seisnet.model import load_model
from seisnet.picks import Pick
from seisnet.training.excerpt_data import known_ns
from seisnet.training.labelled_sets import excerpts_of, load_records
from seisnet.training.trials import LOWEST_THRESHOLD, TOLERANCE_S, quiet_parts
from seisnet.waveforms.records import NS_PER_S

HEAD = f"""\
| sets | hours | phase | picks | PhaseNetLight sees too | its own | model sees too | at {LOWEST_THRESHOLD:g}, an hour |
|---|---|---|---|---|---|---|---|"""
"""Picks are at a picker's own thresholds; what the other one sees, and the last column, is above `LOWEST_THRESHOLD`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder with ethz.json.v2 and ethz.pt.v2")
    parser.add_argument("--model", required=True, help="a model file that did not learn from the sets")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of HDF5 + CSV pairs, NAME.h5 and NAME.csv")
    parser.add_argument("--sets", nargs="+", required=True, help="their names")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # SeisBench's, on records shorter than its window
    picker, published = published_picker(arguments.weights)
    model = load_model(arguments.model)
    own, low = model.thresholds(), PickConfig(thresholds=dict.fromkeys(PHASES, LOWEST_THRESHOLD))
    config = dataclasses.replace(model.preprocess, excerpt_s=WHOLE_S)
    hours, counts = 0.0, {phase: Counter[str]() for phase in PHASES}
    for name in arguments.sets:
        for labelled in load_records(arguments.data / f"{name}.h5", config):
            spans = [
                span for part in quiet_parts(excerpts_of([labelled], 2, config), config) for span in known_ns(part)
            ]
            hours += sum(end - start for start, end in spans) / NS_PER_S / 3600.0
            record = labelled.record
            ours = within(model.follow(record, low).add(record.data, last=True).picks, spans)
            theirs = within(picked(picker, record), spans)
            for phase, count in counts.items():
                a, b = ([pick for pick in picks if pick.phase == phase] for picks in (ours, theirs))
                a_own = [pick for pick in a if pick.probability >= own[phase]]
                b_own = [pick for pick in b if pick.probability >= published[phase]]
                count.update(ours=len(a_own), theirs=len(b_own), a=len(a), b=len(b))
                count.update(ours_seen=seen(a_own, b), theirs_seen=seen(b_own, a))
    print(HEAD)
    for phase, n in counts.items():
        print(
            f"| {', '.join(arguments.sets)} | {hours:.2f} | {phase} | {n['ours']} | {n['ours_seen']} "
            f"| {n['theirs']} | {n['theirs_seen']} | {n['a'] / hours:.1f}, {n['b'] / hours:.1f} |"
        )


def within(picks: Iterable[Pick], spans: list[tuple[int, int]]) -> list[Pick]:
    """Picks whose time lies in one of the spans (ns)."""
    return [pick for pick in picks if any(start <= pick.time_ns < end for start, end in spans)]


def seen(picks: list[Pick], others: list[Pick]) -> int:
    """How many of the picks have another one within the tolerance."""
    near_ns = TOLERANCE_S * NS_PER_S
    return sum(any(abs(other.time_ns - pick.time_ns) <= near_ns for other in others) for pick in picks)


if __name__ == "__main__":
    with in_one_line("quiet"):
        main()
