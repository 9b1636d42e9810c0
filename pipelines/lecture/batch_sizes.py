"""Batch, mini-batch and single-sample gradient descent on one problem: a few good steps, or many rough ones.

The problem has two parameters, so that its loss can be drawn: the straight line of a Wadati diagram, S minus P time
against P travel time, whose slope is vp / vs - 1. On data normalised to mean 0 and variance 1 the mean squared error
is a round bowl of curvature 2. With the whole set, a step of rate r multiplies the parameters' error by 1 - 2 r.

A batch of B samples has the right gradient on average only. Its steps cost N / B times less, and so get down the slope
with fewer samples read; but with a constant rate they end up rattling about the minimum. If s^2 is the variance of the
residuals, a step adds about 4 r^2 s^2 / B to the mean squared error of either parameter, and takes off 4 r of it:

    excess loss -> 2 r s^2 / B      (two parameters, r small)

So small batches win at first, and for the last digits the batch has to grow, or the rate to fall.

Robbins & Monro (1951), Ann. Math. Stat. 22, 400-407; Bottou, Curtis & Nocedal (2018), SIAM Review 60, section 4;
Wadati (1933), Geophys. Mag. 7, 101-111.
"""

from pathlib import Path

import numpy as np
from drawing import WHITE, figure_folder, save
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import CYCLE, PAGE_CM, new_figure, styled

RATE = 0.05
STEPS_DRAWN = 40


def wadati(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P travel times and S minus P times, s, (n, 1) each, for vp / vs = 1.73 and 0.8 s of reading error."""
    p_s = rng.uniform(2, 20, (n, 1))
    return p_s, 0.73 * p_s + rng.normal(0, 0.8, (n, 1))


def descend(
    x: NDArray[np.float64], y: NDArray[np.float64], batch: int, epochs: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Path (steps + 1, 2) of weight and bias; the network has no hidden layer and starts at zero."""
    network, optimizer = nn.Network((1, 1), dtype=np.float64), nn.SGD(RATE)
    path = [network.theta.copy()]
    for _ in range(epochs * len(x) // batch):
        rows = rng.integers(len(x), size=batch) if batch < len(x) else slice(None)
        prediction, backward = network.forward(x[rows])
        _, dprediction = nn.mean_squared_error(prediction, y[rows])
        backward(dprediction)
        optimizer.step(network.theta, network.grad)
        path.append(network.theta.copy())
    return np.array(path)


@styled()
def main(folder: Path, *, n: int = 256, epochs: int = 40, repeats: int = 6) -> dict[int, NDArray[np.float64]]:
    """Draw paths and losses; return the loss above the minimum after each step, by batch size."""
    p_s, s_minus_p_s = wadati(n, np.random.default_rng(0))
    x_scaler, y_scaler = nn.StandardScaler().fit(p_s), nn.StandardScaler().fit(s_minus_p_s)
    x, y = x_scaler.transform(p_s), y_scaler.transform(s_minus_p_s)
    best = float((x * y).mean())  # the least-squares weight of normalised data; the bias is 0
    variance = 1 - best**2
    print(f"least squares: vp/vs = {1 + best * float(y_scaler.scale[0] / x_scaler.scale[0]):.3f}")

    figure = new_figure(PAGE_CM, 7)
    plane, by_epoch, by_step = figure.subplots(1, 3, width_ratios=(1.4, 1, 1))
    w, b = np.meshgrid(np.linspace(-0.1, 1.3, 141), np.linspace(-0.7, 0.7, 141))
    plane.contour(w, b, np.hypot(w - best, b), np.arange(0.1, 1.3, 0.1), colors="0.85", linewidths=0.6)
    excesses = {}
    for batch, (colour, line) in zip((1, 16, n), (CYCLE[4], CYCLE[2], CYCLE[0]), strict=True):
        paths = [descend(x, y, batch, epochs, np.random.default_rng(i)) for i in range(repeats if batch < n else 1)]
        excess = excesses[batch] = ((np.array(paths) - (best, 0)) ** 2).sum(axis=2).mean(axis=0)
        name = {1: "one sample", n: "whole set"}.get(batch, f"mini-batch of {batch}")
        expected = (1 - 2 * RATE) ** (2 * epochs) * excess[0] if batch == n else 2 * RATE * variance / batch
        at_end = excess[-1] if batch == n else excess[len(excess) // 2 :].mean()
        print(f"{name:16} {len(excess) - 1:5} steps, ends {at_end:.1e} above the minimum; expected {expected:.1e}")
        seen = np.unique(np.geomspace(1, len(excess), 100).astype(int)) - 1
        plane.plot(
            *paths[0][: STEPS_DRAWN + 1].T,
            marker=".",
            color=colour,
            linestyle=line,
            linewidth=0.8,
            markersize=4,
            label=name,
        )
        by_epoch.semilogy(seen * batch / n, excess[seen], color=colour, linestyle=line)
        by_step.loglog(seen[1:], excess[seen[1:]], color=colour, linestyle=line)
        if batch < n:
            by_epoch.axhline(expected, color="black", linewidth=0.6, linestyle=":")
            by_step.axhline(expected, color="black", linewidth=0.6, linestyle=":")
            by_step.text(0.9, expected, f"2 r s² / {batch}", va="center", bbox=WHITE)
    plane.plot(best, 0, "*", color="black", markersize=9, zorder=3)
    plane.set(title=f"the first {STEPS_DRAWN} steps", xlabel="weight", ylabel="bias", aspect="equal")
    plane.legend(loc="upper left")
    by_epoch.set(title="loss above the minimum", xlabel="samples read / N", ylim=(5e-5, 2))
    by_step.set(title="the same, by steps", xlabel="step", ylim=(5e-5, 2))
    for axis in (by_epoch.yaxis, by_step.yaxis, by_step.xaxis):
        axis.set_major_formatter("{x:g}")
    save(figure, folder / "batch_sizes.png")
    return excesses


if __name__ == "__main__":
    main(figure_folder(__doc__))
