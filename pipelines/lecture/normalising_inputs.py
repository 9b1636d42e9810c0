"""What normalising the inputs does: one learning rate fits all weights only if all inputs are of one size.

The loss of a linear model, y = w1 x1 + w2 x2, is a bowl whose curvatures are those of the matrix 2 <x_i x_j>. With the
best step for both its axes, 2 / (L1 + L2), gradient descent multiplies the error along either by

    (k - 1) / (k + 1),   k = L1 / L2, the condition number.

Magnitudes of 2 to 6 and distances of 10 to 200 km have curvatures some 800 times apart. Neither has a mean of 0, so
<x1 x2> is large as well: the bowl lies askew, and k is some 2600. Normalised to mean 0 and variance 1 both have a
curvature of 2, and k = (1 + |c|) / (1 - |c|), with c their correlation. A bowl is sqrt(k) times as long as it is wide;
the raw one fits into its panel only because the axes differ in scale.

A network suffers twice: weighted sums of distances in km are so large that nearly every tanh is at its bounds, where
its slope is zero, before it has learnt anything. Here it learns the logarithm of ground acceleration in a relation of
the usual form, ln a = 1.5 m - 2 ln(r + 10) - 0.005 r, from magnitude m and distance r, with the best of several
learning rates.

LeCun et al. (1998), Efficient BackProp, in Neural Networks: Tricks of the Trade, section 4.3.
"""

from pathlib import Path

import numpy as np
from drawing import WHITE, figure_folder, save
from matplotlib.axes import Axes
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import CYCLE, PAGE_CM, new_figure, styled

RATES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 3e-4, 1e-4, 3e-5)


def accelerations(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Magnitude and distance in km (n, 2), and the normalised logarithm of peak ground acceleration (n, 1)."""
    x = rng.uniform((2, 10), (6, 200), (n, 2))
    m, r_km = x.T
    y = 1.5 * m - 2 * np.log(r_km + 10) - 0.005 * r_km + rng.normal(0, 0.3, n)
    return x, nn.StandardScaler().fit(y[:, None]).transform(y[:, None])


def descend(
    x: NDArray[np.float64], y: NDArray[np.float64], steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Path (steps + 1, 2) of the two weights of a linear model, and the matrix of curvatures (2, 2)."""
    curvature = 2 * x.T @ x / len(x)
    rate = 2 / np.trace(curvature)
    w = np.zeros((2, 1))
    path = [w[:, 0].copy()]
    for _ in range(steps):
        w -= rate * 2 * x.T @ (x @ w - y) / len(x)
        path.append(w[:, 0].copy())
    return np.array(path), curvature


def train(x: NDArray[np.float64], y: NDArray[np.float64], rate: float, epochs: int) -> tuple[list[float], float]:
    """Loss of each epoch, none of it if it diverges, and the share of hidden units that are stuck at the start."""
    rng = np.random.default_rng(0)
    network, optimizer = nn.Network((2, 32, 1), "tanh", rng=rng, dtype=np.float64), nn.SGD(rate, momentum=0.9)
    network.forward(x)
    (stuck,) = nn.saturated_shares(network)
    losses = []
    for _ in range(epochs):
        prediction, backward = network.forward(x)
        loss, dprediction = nn.mean_squared_error(prediction, y)
        if loss > 1e3:
            return [], stuck
        backward(dprediction)
        optimizer.step(network.theta, network.grad)
        losses.append(loss)
    return losses, stuck


@styled()
@nn.blas_threads(1)
def main(folder: Path, *, epochs: int = 500) -> dict[str, dict[str, float]]:
    """Draw descents and trainings; return condition number, stuck share and best loss for raw and normalised inputs."""
    raw, y = accelerations(400, np.random.default_rng(0))
    figure = new_figure(PAGE_CM, 11)
    (raw_ax, normal_ax), (loss_ax, rate_ax) = figure.subplots(2, 2)
    results = {}
    inputs = {"raw": raw, "normalised": nn.StandardScaler().fit(raw).transform(raw)}
    for (name, x), ax, (colour, line) in zip(inputs.items(), (raw_ax, normal_ax), (CYCLE[1], CYCLE[0]), strict=True):
        path, curvature = descend(x, y, 30)
        condition = float(np.linalg.cond(curvature))
        draw_bowl(ax, path, curvature, np.linalg.lstsq(x, y, rcond=None)[0][:, 0], colour)
        ax.set(title=f"{name} inputs: condition number {condition:.4g}")
        shape = f"the bowl is {np.sqrt(condition):.2g} times as long as it is wide"
        ax.text(0.98, 0.97, shape, transform=ax.transAxes, ha="right", va="top", bbox=WHITE)

        runs = {rate: train(x, y, rate, epochs) for rate in RATES}
        stuck = runs[RATES[0]][1]
        kept = {rate: losses for rate, (losses, _) in runs.items() if losses}
        best = min(kept, key=lambda rate: kept[rate][-1])
        print(
            f"{name:10} condition number {condition:6.1f}; {stuck:.0%} of the units stuck at the start; "
            f"best rate {best:g}: loss {kept[best][-1]:.4f}"
        )
        loss_ax.semilogy(kept[best], color=colour, linestyle=line, label=f"{name}, rate {best:g}")
        rate_ax.loglog(
            list(kept),
            [losses[-1] for losses in kept.values()],
            "o",
            color=colour,
            linestyle=line,
            markersize=4,
            label=name,
        )
        results[name] = {"condition": condition, "stuck": stuck, "loss": kept[best][-1]}
    loss_ax.set(title="a tanh network at its best learning rate", xlabel="epoch", ylabel="mean squared error")
    rate_ax.set(
        title=f"after {epochs} epochs (no point: diverged)", xlabel="learning rate", ylabel="mean squared error"
    )
    for axis in (loss_ax.yaxis, rate_ax.yaxis, rate_ax.xaxis):
        axis.set_major_formatter("{x:g}")
    loss_ax.legend()
    rate_ax.legend()
    save(figure, folder / "normalising_inputs.png")
    return results


def draw_bowl(
    ax: Axes, path: NDArray[np.float64], curvature: NDArray[np.float64], minimum: NDArray[np.float64], colour: str
) -> None:
    """Loss of the linear model about its minimum, and the path of gradient descent."""
    span = 1.6 * np.abs(path - minimum).max(axis=0)
    w1, w2 = np.meshgrid(*(np.linspace(m - s, m + s, 201) for m, s in zip(minimum, span, strict=True)))
    away = np.stack([w1 - minimum[0], w2 - minimum[1]])
    loss = np.einsum("ihw,ij,jhw->hw", away, curvature, away) / 2
    ax.contour(w1, w2, loss, np.geomspace(0.003, 30, 13), colors="0.8", linewidths=0.6)
    ax.plot(*path.T, ".-", color=colour, linewidth=0.8, markersize=4)
    ax.plot(*minimum, "*", color="black", markersize=8)
    ax.set(xlabel="weight of the magnitude", ylabel="weight of the distance")


if __name__ == "__main__":
    main(figure_folder(__doc__))
