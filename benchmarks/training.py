"""Training speed side by side: seisnet, scikit-learn and PyTorch on one network, one Markdown table to stdout.

    python benchmarks/training.py [--rounds 15] [--threads 1,2] [--batch-sizes 32,128,512] [--clock wall]

Network 1200-256-128-3, rectifiers, float32, cross-entropy, SGD with momentum 0.9. Every library gets the same windows
in the same contiguous mini-batches and keeps to itself in a process of its own, whose thread limit is set before it is
imported. The processes take turns, a few hundred milliseconds each, so that a machine that is busy or changes its clock
treats them alike; figures are medians over the rounds, ratios are medians of the ratios within a round. With
`--clock processor` the time that a process waits for a core is left out: on a busy machine that compares one thread
with one, but of two threads it tells nothing. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

SIZES = (1200, 256, 128, 3)
MULTIPLY_ADDS = [a * b for a, b in itertools.pairwise(SIZES)]
FLOP_FORWARD = 2 * sum(MULTIPLY_ADDS)
# The gradient of each layer's weights, and of each layer's inputs but the first's.
FLOP_TRAINING = FLOP_FORWARD + 2 * sum(MULTIPLY_ADDS) + 2 * sum(MULTIPLY_ADDS[1:])
WINDOWS = 8192
LEARNING_RATE = 0.01
MOMENTUM = 0.9
PEAK_SIZE = 2048
PAUSE_S = 0.1
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


class Run(NamedTuple):
    """What one library does with all windows once, cut into mini-batches of one size."""

    train: Callable[[], None]
    predict: Callable[[], None]
    threads: int


def data() -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.standard_normal((WINDOWS, SIZES[0]), dtype=np.float32), rng.integers(0, SIZES[-1], WINDOWS)


def seisnet_run(batch_size: int, threads: int, stack: ExitStack) -> Run:
    from seisnet.kernels import choose_kernels

    choose_kernels(SIZES[1:-1])  # as `seisnet train` does
    import numpy as np

    from seisnet import nn

    x, y = data()
    batches = [slice(start, start + batch_size) for start in range(0, WINDOWS, batch_size)]
    network, optimizer = nn.Network(SIZES, rng=np.random.default_rng(0)), nn.SGD(LEARNING_RATE, MOMENTUM)
    chosen = stack.enter_context(nn.fastest_threads(network, batch_size, threads))

    def train() -> None:
        for batch in batches:
            logits, backward = network.forward(x[batch])
            _, dlogits = nn.softmax_cross_entropy(logits, y[batch])
            backward(dlogits)
            optimizer.step(network.theta, network.grad)

    def predict() -> None:
        for batch in batches:
            network.predict_proba(x[batch])

    return Run(train, predict, chosen)


def sklearn_run(batch_size: int, threads: int, _: ExitStack) -> Run:
    import sklearn
    from sklearn.neural_network import MLPClassifier

    x, y = data()
    # Without this it would look for NaN in all windows before each round.
    sklearn.set_config(assume_finite=True)
    model = MLPClassifier(
        SIZES[1:-1],
        solver="sgd",
        alpha=0.0,
        batch_size=batch_size,
        learning_rate_init=LEARNING_RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        shuffle=False,
        random_state=0,
    )
    model.partial_fit(x[:batch_size], y[:batch_size], classes=list(range(SIZES[-1])))

    def train() -> None:
        model.partial_fit(x, y)

    def predict() -> None:
        for start in range(0, WINDOWS, batch_size):
            model.predict_proba(x[start : start + batch_size])

    return Run(train, predict, threads)


def torch_network() -> Any:
    import torch

    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(SIZES):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def torch_run(batch_size: int, threads: int, _: ExitStack, *, compiled: bool = False) -> Run:
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    x, y = (torch.from_numpy(array) for array in data())
    model = torch_network()
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM, fused=compiled)
    if compiled:
        model = torch.compile(model)
    loss_function = torch.nn.CrossEntropyLoss()

    def train() -> None:
        for start in range(0, WINDOWS, batch_size):
            optimizer.zero_grad()
            loss_function(model(x[start : start + batch_size]), y[start : start + batch_size]).backward()
            optimizer.step()

    def predict() -> None:
        with torch.inference_mode():
            for start in range(0, WINDOWS, batch_size):
                torch.softmax(model(x[start : start + batch_size]), 1)

    return Run(train, predict, threads)


def torch_compiled_run(batch_size: int, threads: int, stack: ExitStack) -> Run:
    return torch_run(batch_size, threads, stack, compiled=True)


def peak_run(batch_size: int, threads: int, _: ExitStack) -> Run:
    """One large product, as the machine's single-precision peak; `train` and `predict` are the same."""
    from seisnet.kernels import choose_kernels

    choose_kernels(SIZES[1:-1])  # the peak is that of the faster kernels
    import numpy as np

    a = np.random.default_rng(0).standard_normal((PEAK_SIZE, PEAK_SIZE), dtype=np.float32)
    out = np.empty_like(a)

    def multiply() -> None:
        np.matmul(a, a, out=out)

    return Run(multiply, multiply, threads)


RUNS = {
    "seisnet": seisnet_run,
    "scikit-learn": sklearn_run,
    "PyTorch": torch_run,
    "torch.compile": torch_compiled_run,
    "peak": peak_run,
}
RATIOS = ("ratio to the best peer", "share of peak")
NEEDS = {"scikit-learn": "sklearn", "PyTorch": "torch", "torch.compile": "torch"}


def worker(connection: Connection, name: str, batch_size: int, threads: int, clock: str) -> None:
    """Prepare a library, then measure one round whenever asked: seconds of training and of prediction."""
    with ExitStack() as stack:
        try:
            run = RUNS[name](batch_size, threads, stack)
            run.train()
            run.predict()
        except Exception as error:  # torch.compile needs a compiler; whatever a peer lacks, the others go on
            connection.send(f"{type(error).__name__}: {str(error).splitlines()[0][:120]}")
            return
        connection.send(run.threads)
        while connection.recv():
            seconds = []
            for work in (run.train, run.predict):
                start = CLOCKS[clock]()
                work()
                seconds.append(CLOCKS[clock]() - start)
            connection.send(seconds)


def measure(
    batch_size: int, threads: int, rounds: int, clock: str
) -> tuple[dict[str, list[list[float]]], dict[str, int]]:
    """Seconds [training, prediction] of each library and round, and the threads that each used."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    context = multiprocessing.get_context("spawn")
    connections, used, processes = {}, {}, []
    for name in RUNS:
        if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
            continue
        ours, theirs = context.Pipe()
        process = context.Process(target=worker, args=(theirs, name, batch_size, threads, clock), daemon=True)
        process.start()
        processes.append(process)
        answer = ours.recv()
        if isinstance(answer, str):
            print(f"{name}: {answer}", file=sys.stderr)
            continue
        connections[name], used[name] = ours, answer
    seconds = defaultdict(list)
    for i in range(rounds):
        # Another one begins each time, so that nobody always follows the same neighbour.
        names = list(connections)
        for name in names[i % len(names) :] + names[: i % len(names)]:
            # Threads of the library before go on waiting for work in a loop for some tens of milliseconds.
            time.sleep(PAUSE_S)
            connections[name].send(True)
            seconds[name].append(connections[name].recv())
    for connection in connections.values():
        connection.send(False)
    for process in processes:
        process.join()
    return seconds, used


def whole_numbers(text: str) -> tuple[int, ...]:
    """Read an option such as 1,2; argparse says which text is none of 1 and more."""
    values = tuple(map(int, text.split(",")))
    if min(values) < 1:
        raise ValueError
    return values


def compared(
    seconds: Mapping[str, Sequence[Sequence[float]]], peers: Sequence[str], windows: int
) -> tuple[list[str], list[str], str]:
    """Thousand windows/s of seisnet and of each peer, in training and in prediction, and the ratio to the best peer.

    From the seconds [training, prediction] that each library took for so many windows in each round.
    """
    trained, predicted = (
        {name: windows / statistics.median(row[i] for row in rows) for name, rows in seconds.items()} for i in (0, 1)
    )
    best = max((name for name in peers if name in trained), key=trained.__getitem__, default=None)
    ratio = "–"
    if best is not None:
        pairs = zip(seconds[best], seconds["seisnet"], strict=True)
        ratio = f"{statistics.median(peer[0] / ours[0] for peer, ours in pairs):.2f} ({best})"
    of_training, of_prediction = (
        [f"{speed[name] / 1e3:.1f}" if name in speed else "–" for name in ("seisnet", *peers)]
        for speed in (trained, predicted)
    )
    return of_training, of_prediction, ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="times that all is measured")
    parser.add_argument("--threads", type=whole_numbers, default=(1, 2), help="limits that are tried, as in 1,2")
    parser.add_argument(
        "--batch-sizes", type=whole_numbers, default=(32, 128, 512), help="windows a step, as in 32,128"
    )
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="what is told: time of the wall, or of the processor"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    peers = [name for name in RUNS if name not in ("seisnet", "peak")]
    for name in peers:
        if importlib.util.find_spec(NEEDS[name]) is None:
            print(f"{name} is not installed and left out: pip install -e '.[bench]'", file=sys.stderr)
    head = ["batch", "threads", "used", "seisnet", *peers, *RATIOS, "predicts: seisnet", *peers]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    peaks = defaultdict(list)
    for threads in options.threads:
        for batch_size in options.batch_sizes:
            print(f"batch {batch_size}, {threads} thread(s)", file=sys.stderr)
            seconds, used = measure(batch_size, threads, options.rounds, options.clock)
            share = []
            for ours, peak in zip(seconds["seisnet"], seconds["peak"], strict=True):
                rate = 2 * PEAK_SIZE**3 / peak[0]
                share.append(WINDOWS * FLOP_TRAINING / ours[0] / rate)
                peaks[threads].append(rate)
            trained, predicted, ratio = compared(seconds, peers, WINDOWS)
            cells = [
                batch_size,
                threads,
                used["seisnet"],
                *trained,
                ratio,
                f"{statistics.median(share):.2f}",
                *predicted,
            ]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    print(
        f"Network {'-'.join(map(str, SIZES))}, float32, thousand windows/s, "
        f"medians of {options.rounds} rounds in turns, {options.clock} clock."
    )
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}.")
    for threads, rates in peaks.items():
        rate = statistics.median(rates) / 1e9
        print(f"Peak of a {PEAK_SIZE} x {PEAK_SIZE} product, {threads} thread(s): {rate:.0f} GFLOP/s.")
    print("\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
