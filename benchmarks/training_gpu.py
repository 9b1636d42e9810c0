"""Training speed on a GPU: seisnet on CuPy arrays beside PyTorch, on one network, one Markdown table to stdout.

    python benchmarks/training_gpu.py [--rounds 7] [--batch-sizes 32,128,512,4096] [--peers eager,compiled,graphs]

The network, optimiser and loss of benchmarks/training.py, the windows on the GPU. Products are in single precision
throughout: TF32 is off. The libraries take turns in one process; each waits for the GPU at the end of its round.
Figures are medians over the rounds, ratios are medians of the ratios within a round. `torch.compile` compiles network
and loss, and with "graphs" replays them as CUDA graphs (its mode reduce-overhead).
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from training import FLOP_TRAINING, LEARNING_RATE, MOMENTUM, RATIOS, SIZES, compared, torch_network, whole_numbers

from seisnet import nn

WINDOWS = 32_768
ROUND_S = 0.1
PEAK_SIZE = 4096
PEERS = {"eager": "PyTorch", "compiled": "torch.compile", "graphs": "torch.compile, graphs"}


class Run(NamedTuple):
    """What one library does with all windows once, cut into mini-batches; `wait` returns when the GPU has done it."""

    train: Callable[[], None]
    predict: Callable[[], None]
    wait: Callable[[], None]


def seisnet_run(x: Any, y: Any, batch_size: int) -> Run:
    import cupy

    first = nn.Network(SIZES, rng=np.random.default_rng(0)).theta
    network, optimizer = nn.Network(SIZES, theta=cupy.asarray(first)), nn.SGD(LEARNING_RATE, MOMENTUM)
    x, y = cupy.asarray(x), cupy.asarray(y)
    batches = [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, WINDOWS, batch_size)]

    def train() -> None:
        for some, classes in batches:
            logits, backward = network.forward(some)
            _, dlogits = nn.softmax_cross_entropy(logits, classes)
            backward(dlogits)
            optimizer.step(network.theta, network.grad)

    def predict() -> None:
        for some, _ in batches:
            network.predict_proba(some)

    return Run(train, predict, cupy.cuda.Device().synchronize)


def torch_run(x: Any, y: Any, batch_size: int, kind: str) -> Run:
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.manual_seed(0)
    model = torch_network().cuda()
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM, fused=True)
    loss_function = torch.nn.CrossEntropyLoss()

    def loss_of(some: Any, classes: Any) -> Any:
        return loss_function(model(some), classes)

    def probabilities(some: Any) -> Any:
        return torch.softmax(model(some), 1)

    if kind != "eager":
        torch._dynamo.config.recompile_limit = 64  # of all batch sizes together
        mode = "reduce-overhead" if kind == "graphs" else "default"
        loss_of, probabilities = (torch.compile(f, mode=mode, dynamic=False) for f in (loss_of, probabilities))
    x, y = torch.from_numpy(x).cuda(), torch.from_numpy(y).cuda()
    batches = [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, WINDOWS, batch_size)]

    def train() -> None:
        for some, classes in batches:
            optimizer.zero_grad()
            loss_of(some, classes).backward()
            optimizer.step()

    def predict() -> None:
        with torch.inference_mode():
            for some, _ in batches:
                probabilities(some)

    return Run(train, predict, torch.cuda.synchronize)


def seconds(work: Callable[[], None], wait: Callable[[], None], passes: int) -> float:
    """Of one pass over the windows."""
    wait()
    start = time.perf_counter()
    for _ in range(passes):
        work()
    wait()
    return (time.perf_counter() - start) / passes


def measure(runs: dict[str, Run], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds (training, prediction) of a pass, of each library and round; they take turns."""
    passes = {}
    for name, run in runs.items():
        for work in (run.train, run.predict):
            seconds(work, run.wait, 2)  # compiles
            passes[name, work] = max(1, round(ROUND_S / seconds(work, run.wait, 1)))
    found = defaultdict(list)
    names = list(runs)
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            run = runs[name]
            train, predict = (seconds(work, run.wait, passes[name, work]) for work in (run.train, run.predict))
            found[name].append((train, predict))
    return found


def peak() -> float:
    """Multiplications and additions a second in a large product."""
    import cupy

    a = cupy.asarray(np.random.default_rng(0).standard_normal((PEAK_SIZE, PEAK_SIZE), dtype=np.float32))
    out = cupy.empty_like(a)
    wait = cupy.cuda.Device().synchronize
    seconds(lambda: cupy.dot(a, a, out=out), wait, 2)
    return 2 * PEAK_SIZE**3 / seconds(lambda: cupy.dot(a, a, out=out), wait, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="times that all is measured")
    parser.add_argument(
        "--batch-sizes", type=whole_numbers, default=(32, 128, 512, 4096), help="windows a step, as in 32,128"
    )
    parser.add_argument(
        "--peers", default=",".join(PEERS), help="ways of PyTorch, some of these; '' for none (default: %(default)s)"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if unknown := set(filter(None, options.peers.split(","))) - PEERS.keys():
        parser.error(f"--peers: got {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    try:
        import cupy
    except ImportError as error:
        parser.error(f"{error}: pip install cupy-cuda12x, or cupy-cuda13x for CUDA 13; it needs a GPU")
    warnings.simplefilter("ignore")  # torch.compile recommends TF32
    device = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
    print(
        f"Network {'-'.join(map(str, SIZES))}, float32, thousand windows/s, medians of {options.rounds} rounds.",
        f"{device}, {os.cpu_count()} cores, Python {platform.python_version()}, CuPy {cupy.__version__}.",
        sep="\n",
        flush=True,
    )
    rate = peak()
    print(f"Peak of a {PEAK_SIZE} x {PEAK_SIZE} product: {rate / 1e12:.1f} TFLOP/s.\n", flush=True)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((WINDOWS, SIZES[0]), dtype=np.float32), rng.integers(0, SIZES[-1], WINDOWS)
    peers = [PEERS[kind] for kind in options.peers.split(",") if kind]
    head = ["batch", "us a step", "seisnet", *peers, *RATIOS, "predicts: seisnet", *peers]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    for batch_size in options.batch_sizes:
        runs = {"seisnet": seisnet_run(x, y, batch_size)}
        for kind in filter(None, options.peers.split(",")):
            try:
                run = torch_run(x, y, batch_size, kind)
                run.train()
                run.predict()
                runs[PEERS[kind]] = run
            except Exception as error:  # torch.compile needs a compiler; whatever a peer lacks, the others go on
                print(f"{PEERS[kind]}: {type(error).__name__}: {str(error).splitlines()[:1]}", file=sys.stderr)
        found = measure(runs, options.rounds)
        trained, predicted, ratio = compared(found, peers, WINDOWS)
        ours = WINDOWS / statistics.median(row[0] for row in found["seisnet"])
        cells = [str(batch_size), f"{batch_size / ours * 1e6:.0f}", *trained]
        cells += [ratio, f"{ours * FLOP_TRAINING / rate:.2f}", *predicted]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
