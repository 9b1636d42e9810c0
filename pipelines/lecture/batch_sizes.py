"""Batch, mini-batch and single-sample gradient descent on one problem: fewer, better steps or more, worse ones.

The problem has two parameters, so that its loss can be drawn: the straight line of a Wadati diagram, S minus P time
against P travel time, whose slope is vp / vs - 1. On inputs normalised to mean 0 and variance 1 the mean squared error is
a round bowl of curvature 2, and gradient descent on the whole set multiplies the error of the parameters by (1 - 2 r)
with every step: a straight line to the minimum. A mini-batch sees a gradient that is right on average; its steps are
cheaper by N / B, and with a constant step they end up rattling about the minimum in a cloud whose variance goes with
r / B. Per sample read, the small batches win at first; for the last digit the large one does (or a falling step).

Robbins & Monro (1951), Ann. Math. Stat. 22, 400-407; Bottou, Curtis & Nocedal (2018), SIAM Review 60, section 4;
Wadati (1933), Geophys. Mag. 7, 101-111.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import CYCLE, PAGE_CM, new_figure, png, styled

RATE = 0.05


def wadati(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P travel times and S minus P times, s, (n, 1) each, for vp / vs = 1.73 and 0.6 s of reading error."""
    p_s = rng.uniform(2, 20, (n, 1))
    return p_s, 0.73 * p_s + rng.normal(0, 0.6, (n, 1))


def descend(
    x: NDArray[np.float64], y: NDArray[np.float64], batch: int, epochs: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Path (steps + 1, 2) of weight and bias; the network has no hidden layer and starts at zero."""
    network, optimizer = nn.Network((1, 1), dtype=np.float64), nn.SGD(RATE)
    path = [network.theta.copy()]
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            prediction, backward = network.forward(x[rows])
            _, dprediction = nn.mean_squared_error(prediction, y[rows])
            backward(dprediction)
            optimizer.step(network.theta, network.grad)
            path.append(network.theta.copy())
    return np.array(path)


@styled()
def main(folder: Path, *, n: int = 256, epochs: int = 40) -> dict[int, NDArray[np.float64]]:
    """Draw paths and losses; return the path of each batch size."""
    rng = np.random.default_rng(3)
    p_s, s_minus_p_s = wadati(n, rng)
    x_scaler, y_scaler = nn.StandardScaler().fit(p_s), nn.StandardScaler().fit(s_minus_p_s)
    x, y = x_scaler.transform(p_s), y_scaler.transform(s_minus_p_s)
    best = float((x * y).mean())  # the least-squares weight of normalised data; the bias is 0
    print(f"least squares: vp/vs = {1 + best * float(y_scaler.scale[0] / x_scaler.scale[0]):.3f}")

    figure = new_figure(PAGE_CM, 7)
    plane, by_epoch, by_step = figure.subplots(1, 3, width_ratios=(1.3, 1, 1))
    w, b = np.meshgrid(np.linspace(-0.1, 1.3, 141), np.linspace(-0.5, 0.5, 101))
    plane.contour(w, b, np.hypot(w - best, b), np.arange(0.1, 1.3, 0.1), colors="0.85", linewidths=0.6)
    paths = {}
    for batch, (colour, line) in zip((1, 16, n), (CYCLE[4], CYCLE[2], CYCLE[0]), strict=True):
        path = paths[batch] = descend(x, y, batch, epochs, np.random.default_rng(1))
        excess = ((path - (best, 0)) ** 2).sum(axis=1)
        name = {1: "one sample", n: "whole set"}.get(batch, f"mini-batch of {batch}")
        print(f"{name:17} {len(path) - 1:6} steps, excess loss at the end {excess[-len(path) // 4 :].mean():.2e}")
        epoch = np.arange(len(path)) * batch / n
        plane.plot(*path[: 1 + 10 * n // batch].T, ".-", color=colour, linewidth=0.5, markersize=2, label=name)
        by_epoch.semilogy(epoch, excess, color=colour, linestyle=line, linewidth=0.8)
        by_step.loglog(np.arange(1, len(path)), excess[1:], color=colour, linestyle=line, linewidth=0.8)
    plane.plot(best, 0, "*", color="black", markersize=9)
    plane.set(title="ten epochs", xlabel="weight", ylabel="bias")
    plane.legend(loc="upper left")
    by_epoch.set(title="loss above the minimum", xlabel="samples read / N", ylim=(1e-8, 2))
    by_step.set(title="the same by steps", xlabel="step", ylim=(1e-8, 2))
    for ax in (by_epoch, by_step):
        ax.yaxis.set_major_formatter("{x:g}")
    by_step.xaxis.set_major_formatter("{x:g}")
    (folder / "batch_sizes.png").write_bytes(png(figure, dpi=150))
    return paths


if __name__ == "__main__":
    main(Path(*sys.argv[1:]))
