"""How long a station-day takes: 3 components at 100 Hz, from Steim2 miniSEED on disk to picks on disk.

    python benchmarks/scan.py [--hidden 256,128] [--repeats 3] [--peers]

Weights are random, for the cost is the same. Peers (SeisBench's GPD with stride 10, PhaseNet and EQTransformer, random
weights too) are timed where torch and seisbench are installed; GPD on an hour, times 24. Prints Markdown.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import obspy

from seisnet import nn
from seisnet.classification import Job, classify_source, gathered
from seisnet.config import PickConfig, PreprocessConfig
from seisnet.features import make_feature
from seisnet.formats import write_picks
from seisnet.model import Model
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.files import Reading
from seisnet.waveforms.sources import find_sources

N_SAMPLES = 8_640_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", default="256,128")
    parser.add_argument("--hop", type=float, default=0.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    hidden = tuple(int(n) for n in arguments.hidden.split(","))
    model = random_model(hidden)
    if arguments.once:
        job = Job(model, PickConfig(hop_s=arguments.hop))
        whole(Path(arguments.once), job, Path(arguments.once).with_suffix(".csv"))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as folder:
        day = Path(folder) / "day.mseed"
        write_day(day)
        base = best(lambda: read_and_filter(day), arguments.repeats)
        print("| what | s | per ObsPy's read and band-pass |")
        print("|---|---|---|")
        row(f"ObsPy reads {day.stat().st_size / 1e6:.0f} MB and band-passes", base, base)
        for threads in (1, 2):
            job = Job(model, PickConfig(hop_s=arguments.hop), threads=threads)
            seconds = best(lambda job=job: whole(day, job, day.with_suffix(".csv")), arguments.repeats)
            row(f"seisnet, {arguments.hidden}, {threads} threads, from disk to disk", seconds, base)
        for name, seconds in parts(day, model, arguments.hop, arguments.repeats).items():
            row(f"- {name}", seconds, base)
        command = [sys.executable, __file__, "--once", str(day), "--hidden", arguments.hidden]
        command += ["--hop", str(arguments.hop)]
        peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
        print(f"\nPeak memory of a process that does it once: {float(peak):.0f} MB")
        if arguments.peers and importlib.util.find_spec("seisbench"):
            peers(day, base)


def random_model(hidden: tuple[int, ...]) -> Model:
    config = PreprocessConfig()
    n_features = int(np.prod(make_feature(config).shape))
    sizes = (n_features, *hidden, 3)
    network = nn.Network(sizes, rng=np.random.default_rng(0))
    network.dense[-1].weights *= 0.5  # some hundred picks a day, as real data give
    stage = StoredStage(network.theta, sizes, "relu")
    zeros, ones = np.zeros(n_features, np.float32), np.ones(n_features, np.float32)
    recipe, thresholds = dataclasses.asdict(config), {"P": 0.9, "S": 0.9}
    return Model("random", StoredModel((stage,), config.classes, zeros, ones, recipe, {}, thresholds))


def write_day(path: Path) -> None:
    """Noise with the spectrum of the Earth's, near enough to compress as real data do."""
    rng = np.random.default_rng(0)
    stream = obspy.Stream()
    for letter in "ZNE":
        samples = rng.normal(size=N_SAMPLES) * 30 + np.convolve(rng.normal(size=N_SAMPLES), np.ones(200), "same") * 20
        header = {"network": "XX", "station": "A", "channel": f"HH{letter}", "sampling_rate": 100.0}
        trace = obspy.Trace(samples.astype(np.int32), header=header)
        trace.stats.starttime = obspy.UTCDateTime(2020, 1, 1)
        stream.append(trace)
    stream.write(str(path), format="MSEED", encoding="STEIM2")


def read_and_filter(path: Path) -> None:
    obspy.read(str(path)).detrend("demean").filter("bandpass", freqmin=1, freqmax=45)


def whole(day: Path, job: Job, output: Path) -> None:
    reading = Reading()
    [source] = find_sources([str(day)], reading)
    found = gathered([(source, classify_source(source, job))], job, reading)
    write_picks(found.picks, output, "csv")


def parts(day: Path, model: Model, hop_s: float, repeats: int) -> dict[str, float]:
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
    scan = best(lambda: model.scan(record, pick), repeats)
    seconds["stage 1"] = scan - seconds["features"]
    follow = best(lambda: model.follow(record, pick).add(record.data, last=True), repeats)
    seconds["picks"] = follow - scan
    return seconds


def peers(day: Path, base: float) -> None:
    import seisbench.models
    import torch

    torch.set_num_threads(2)
    stream = obspy.read(str(day))
    hour = stream.slice(stream[0].stats.starttime, stream[0].stats.starttime + 3600)
    for name, data, times, options in (
        ("PhaseNet", stream, 1, {}),
        ("EQTransformer", stream, 1, {}),
        ("GPD", hour, 24, {"stride": 10}),
    ):
        model = getattr(seisbench.models, name)()
        model.eval()
        seconds = times * best(lambda m=model, d=data, o=options: m.annotate(d, **o), 1)
        row(f"SeisBench {name} annotate, 2 threads", seconds, base)


def best(job: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def row(what: str, seconds: float, base: float) -> None:
    print(f"| {what} | {seconds:.2f} | {seconds / base:.1f} |", flush=True)


if __name__ == "__main__":
    main()
