"""How long a station-day takes: 3 components at 100 Hz, from Steim2 miniSEED on disk to picks on disk.

    python benchmarks/scan.py [--model phase] [--hidden 64,32] [--repeats 3] [--peers]
    python benchmarks/scan.py --days 31

The shipped model unless `--hidden` asks for a first stage of that size and the later ones that `seisnet train` makes,
all with random weights. Peers (SeisBench's GPD, PhaseNet and EQTransformer, with random weights, for the cost is the
same) need the extra `bench`; GPD on an hour, times 24, at seisnet's step and at half of it.
With `--days`, instead, the command `seisnet classify` on one day and on so many, as day files and as one file, and on
those where two components come and go, each in a process of its own: peak memory and time. Prints Markdown.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import obspy
from memory import memory_mb
from numpy.typing import NDArray
from recordings import recording
from training import whole_numbers

from seisnet import nn
from seisnet.classification.job import gathered
from seisnet.classification.one_source import SourceJob, classify_source
from seisnet.cli import cli, in_one_line
from seisnet.config import PickConfig, PreprocessConfig, TrainConfig
from seisnet.features import make_feature
from seisnet.formats.picks import write_picks
from seisnet.model import Model, load_model
from seisnet.scan.context_network import context_inputs, reach
from seisnet.scan.onset_network import onset_config
from seisnet.scan.scanner import scan_windows
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources

Seconds = NDArray[np.float64]

DAY_S = 86_400

PIECES = 480
"""Of N and of E in a day of which they come and go: with Z, some 1,700 records."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="phase", help="shipped, or a file")
    parser.add_argument(
        "--hidden", type=whole_numbers, metavar="N,N", help="a model of random weights with these hidden layers"
    )
    parser.add_argument("--hop", type=float, default=0.0, help="step in seconds; 0: the model's own")
    parser.add_argument("--repeats", type=int, default=3, help="times that each is measured; the least is told")
    parser.add_argument("--peers", action="store_true", help="also SeisBench's pickers, which take minutes")
    parser.add_argument("--days", type=int, default=0, help="memory and time of so many days, nothing else")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(command(Path(arguments.once), arguments.model))
        return
    if arguments.peers and not importlib.util.find_spec("seisbench"):
        parser.error("--peers needs SeisBench and PyTorch: pip install -e '.[bench]'")
    if arguments.repeats < 1 or arguments.days < 0:
        parser.error("--repeats must be 1 or more, --days 0 or more")
    model = random_model(arguments.hidden) if arguments.hidden else load_model(arguments.model)
    label = ",".join(map(str, arguments.hidden)) if arguments.hidden else arguments.model
    job = SourceJob(model, PickConfig(hop_s=arguments.hop))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.h5"
        model.save(file)
        if arguments.days:
            days(Path(folder), arguments.days, file)
            return
        day = Path(folder) / "day.mseed"
        write_days([day])
        base = best(lambda: read_and_filter(day), arguments.repeats)
        print("| what | s | per ObsPy's read and band-pass | processor s | per ObsPy's |")
        print("|---|---|---|---|---|")
        row(f"ObsPy reads {day.stat().st_size / 1e6:.0f} MB and band-passes", base, base)
        for threads in (1, 2):
            shared = dataclasses.replace(job, threads=threads)
            seconds = best(lambda shared=shared: whole(day, shared), arguments.repeats)
            row(f"seisnet, {label}, {threads} threads, disk to disk", seconds, base)
        for name, seconds in parts(day, model, arguments.hop, arguments.repeats).items():
            row(f"- {name}", seconds, base)
        print(f"| `seisnet classify`, a process of its own: {once(day, file)} | | | | |")
        if arguments.peers:
            peers(day, base)


def random_model(hidden: tuple[int, ...]) -> Model:
    """A first stage of that size, and the later stages of the sizes that `seisnet train` makes; random weights."""
    config, rng = PreprocessConfig(), np.random.default_rng(0)
    defaults, onset = TrainConfig(), make_feature(onset_config(config.sampling_rate_hz))
    reads = sum(reach(config.hop_s)) + 1
    n_context = context_inputs(np.zeros((reads, 3), np.float32), np.zeros((reads, 3), np.float32), 2, config.hop_s).size
    stages = []
    for name, sizes in (
        ("features", (int(np.prod(make_feature(config).shape)), *hidden, 3)),
        ("context", (n_context, *defaults.context_hidden, 3)),
        ("onset", (int(np.prod(onset.shape)), *defaults.onset_hidden, 4)),
    ):
        network = nn.Network(sizes, rng=rng)
        zeros, ones = np.zeros(sizes[0], np.float32), np.ones(sizes[0], np.float32)
        stages.append(StoredStage(network.theta, sizes, "relu", reads=name, mean=zeros, scale=ones))
    recipe, thresholds = dataclasses.asdict(config), {"P": 0.9, "S": 0.9}
    mean, scale = stages[0].mean, stages[0].scale
    assert mean is not None and scale is not None
    return Model("random", StoredModel(tuple(stages), config.classes, mean, scale, recipe, {}, thresholds))


def write_days(paths: Sequence[Path], n_pieces: int = 1) -> None:
    """Append days, the same each, that follow without a gap to files, one after the other; a path may come again.

    With more pieces than one, N and E consist of so many a day, of any length and with gaps between them.
    """
    stream, rng = recording(DAY_S), np.random.default_rng(0)
    for trace in stream[1:] if n_pieces > 1 else []:
        stream.remove(trace)
        edges_s = np.sort(rng.uniform(0, DAY_S, 2 * n_pieces)).reshape(-1, 2)
        start = trace.stats.starttime
        stream.extend([trace.slice(start + low, start + high) for low, high in edges_s])
    for path in paths:
        with path.open("ab") as file:
            stream.write(file, format="MSEED", encoding="STEIM2")
        for trace in stream:
            trace.stats.starttime += DAY_S


def read_and_filter(path: Path) -> None:
    obspy.read(str(path)).detrend("demean").filter("bandpass", freqmin=1, freqmax=45)


def whole(recording: Path, job: SourceJob) -> int:
    """From a file or folder to picks in a file; how many."""
    reading = Reading()
    sources = find_sources([str(recording)], reading)
    found = gathered(((source, classify_source(source, job)) for source in sources), job, reading)
    write_picks(found.picks, recording.with_suffix(".csv"), "csv", overwrite=True)
    return len(found.picks)


def command(recording: Path, model: str) -> str:
    """Run `seisnet classify` in this process, and say how long it took and what memory the process has had at most."""
    start = time.perf_counter(), time.process_time()
    output = recording.with_suffix(".csv")
    call = ["classify", str(recording), "--model", model, "-o", str(output), "--quiet", "--overwrite"]
    cli(call, standalone_mode=False)
    clock_s, processor_s = time.perf_counter() - start[0], time.process_time() - start[1]
    n_picks = len(output.read_text().splitlines()) - 1
    return f"{n_picks} picks, {clock_s:.1f} s, {processor_s:.1f} s of processor, peak {memory_mb():.0f} MB"


def once(recording: Path, model: Path) -> str:
    """What a process of its own says of one run."""
    call = [sys.executable, __file__, "--model", str(model), "--once", str(recording)]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()


def days(folder: Path, n_days: int, model: Path) -> None:
    """Memory and time of several days beside those of one."""
    day, apart, together = folder / "day.mseed", folder / "apart", folder / "together.mseed"
    apart.mkdir()
    write_days([day])
    write_days([apart / f"{k:02d}.mseed" for k in range(n_days)])
    write_days([together] * n_days)
    broken_day, broken = folder / "broken_day.mseed", folder / "broken.mseed"
    write_days([broken_day], PIECES)
    write_days([broken] * n_days, PIECES)
    print("| recording | `seisnet classify` |\n|---|---|")
    for what, path in (
        ("one day", day),
        (f"{n_days} day files", apart),
        (f"one file of {n_days} days", together),
        ("one day, N and E in pieces", broken_day),
        (f"one file of {n_days} days, N and E in pieces", broken),
    ):
        print(f"| {what} | {once(path, model)} |", flush=True)


def parts(day: Path, model: Model, hop_s: float, repeats: int) -> dict[str, Seconds]:
    """Times of the parts, on one thread."""
    config, pick = model.preprocess, PickConfig(hop_s=hop_s)
    seconds = {"find (headers)": best(lambda: find_sources([str(day)], Reading()), repeats)}
    seconds["read"] = best(lambda: obspy.read(str(day)), repeats)
    stream = obspy.read(str(day))
    rates = {"sampling_rate_hz": config.sampling_rate_hz, "shortest_s": config.window_s}
    seconds["condition"] = best(lambda: condition(stream, **rates), repeats)
    [record], _ = condition(stream, **rates)
    part = record.data[:, : 1 << 18]
    share = record.n_samples / part.shape[1]
    with nn.blas_threads(1):
        seconds["features"] = share * best(lambda: model.feature.frames(part), repeats)
        windows = best(lambda: scan_windows(record, model.windows, config), repeats)
    seconds["stage 1"] = windows - seconds["features"]
    scan = best(lambda: model.scan(record, pick), repeats)
    seconds["stage 2"] = scan - windows
    follow = best(lambda: model.follow(record, pick).add(record.data, last=True), repeats)
    seconds["picks, with stage 3"] = follow - scan
    return seconds


def peers(day: Path, base: Seconds) -> None:
    import seisbench.models
    import torch

    torch.set_num_threads(1)
    stream = obspy.read(str(day))
    hour = stream.slice(stream[0].stats.starttime, stream[0].stats.starttime + 3600)
    for name, data, times, options in (
        ("PhaseNet", stream, 1, {}),
        ("EQTransformer", stream, 1, {}),
        ("GPD", hour, 24, {"stride": 20}),
        ("GPD", hour, 24, {"stride": 10}),
    ):
        model = getattr(seisbench.models, name)()
        model.eval()  # PyTorch's word for dropout off
        seconds = times * best(lambda m=model, d=data, o=options: m.annotate(d, **o), 1)
        step = f", a window every {options['stride'] / 100:g} s" if options else ""
        row(f"SeisBench {name} annotate{step}, 1 thread", seconds, base)


def best(job: Callable[[], object], repeats: int) -> Seconds:
    """Seconds by the clock and of the processor, the least of each."""
    seconds = []
    for _ in range(repeats):
        start = np.array([time.perf_counter(), time.process_time()])
        job()
        seconds.append(np.array([time.perf_counter(), time.process_time()]) - start)
    return np.min(seconds, axis=0)


def row(what: str, seconds: Seconds, base: Seconds) -> None:
    cells = [f"{s:.2f} | {ratio:.1f}" for s, ratio in zip(seconds, seconds / base, strict=True)]
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    with in_one_line("scan"):
        main()
