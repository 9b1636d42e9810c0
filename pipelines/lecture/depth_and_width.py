"""Depth against width: what folding can do, and what training makes of it at equal numbers of parameters.

Two relu units make a tent, t(x) = 2 x - 4 max(x - 1/2, 0) on [0, 1]. A second layer of the same two units draws a tent
over each side of the first, so d layers draw 2^d straight pieces with 2 d units. A single layer has one bend a unit at
most and needs 2^d - 1 of them or more. That is what depth can do; it doesn't say that training finds it, or that nature
asks for it.

So the second half trains networks of one to six hidden layers, all of about 500 parameters, on something that nature
does ask for, the radiation pattern of P waves of a vertical strike-slip fault over take-off angle i and azimuth a:

    u_P(i, a) = sin(i)^2 sin(2 a)

In the median all depths fit it, the deeper the better. With the azimuth folded once more, sin(i)^2 sin(4 a), training
finds about a third of the pattern's variance with one wide layer and four fifths with six narrow ones; but luck with
the first weights weighs the most with the deepest network.

Telgarsky (2016), COLT, theorem 1.1; Montufar et al. (2014), NeurIPS; Aki & Richards (2002), equation 4.89.
"""

from pathlib import Path

import numpy as np
from drawing import figure_folder, save
from matplotlib.axes import Axes
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import BLUE, CYCLE, PAGE_CM, new_figure, styled

WIDTHS = {1: 125, 2: 20, 4: 12, 6: 9}
"""Units a layer, by depth: networks of two inputs and one output with 487 to 517 parameters."""


def tents(depth: int) -> nn.Network:
    """The network whose every layer composes one more tent; nothing is trained."""
    network = nn.Network((1, *[2] * depth, 1), "relu", dtype=np.float64)
    for layer in network.dense:
        # Every layer but the first reads a tent as 2 and -4 times the two units before it.
        layer.weights.T[:] = (2.0, -4.0) if layer is not network.dense[0] else 1.0
    for layer in network.dense[:-1]:
        layer.bias[:] = 0.0, -0.5
    return network


def pieces(y: NDArray[np.float64]) -> int:
    """Count the straight pieces of an evenly sampled line."""
    return 1 + int((np.abs(np.diff(y, 2)) > 1e-9).sum())


def radiation(angles: NDArray[np.float64], folds: int) -> NDArray[np.float64]:
    """P radiation (N, 1) at take-off angles and azimuths (N, 2)."""
    i, a = angles.T
    return (np.sin(i) ** 2 * np.sin(2 * folds * a))[:, None]


def fit(x: NDArray[np.float64], y: NDArray[np.float64], depth: int, seed: int, iterations: int) -> nn.Network:
    rng = np.random.default_rng(seed)
    network = nn.Network((2, *[WIDTHS[depth]] * depth, 1), "relu", rng=rng, dtype=np.float64)

    def loss() -> float:
        prediction, backward = network.forward(x)
        value, dprediction = nn.mean_squared_error(prediction, y)
        backward(dprediction)
        return value

    nn.minimize_lbfgs(loss, network.theta, network.grad, iterations=iterations)
    return network


@styled()
@nn.blas_threads(1)
def main(folder: Path, *, n: int = 1000, iterations: int = 300, seeds: int = 5) -> dict[tuple[int, int], float]:
    """Draw tents, patterns and errors; return the median error, a share of the variance, by folds and depth."""
    figure = new_figure(PAGE_CM, 10)
    panels = figure.subplot_mosaic("ABCE;DFGE", width_ratios=(1, 1, 1, 1.3))
    line = np.linspace(0, 1, 1025)[:, None]
    for ax, depth in zip("ABC", (1, 3, 5), strict=True):
        y = tents(depth).predict(line)[:, 0]
        panels[ax].plot(line, y, color=BLUE, linewidth=0.9)
        panels[ax].set(title=f"{2 * depth} units: {pieces(y)} pieces", xlabel="x")
        print(f"tents: depth {depth}, {2 * depth:2} units: {pieces(y):2} pieces")

    angles = np.random.default_rng(0).uniform(0, (np.pi, 2 * np.pi), (n, 2))
    scaler = nn.StandardScaler().fit(angles)
    i, a = np.meshgrid(np.linspace(0, np.pi, 61), np.linspace(0, 2 * np.pi, 121), indexing="ij")
    sphere = np.column_stack([i.ravel(), a.ravel()])
    errors = {}
    for folds, (colour, style) in zip((1, 2), CYCLE, strict=False):
        truth = radiation(sphere, folds)
        for depth in WIDTHS:
            fits = [fit(scaler.transform(angles), radiation(angles, folds), depth, k, iterations) for k in range(seeds)]
            says = [network.predict(scaler.transform(sphere)) for network in fits]
            each = [float(((y - truth) ** 2).mean() / truth.var()) for y in says]
            errors[folds, depth] = float(np.median(each))
            size = fits[0].theta.size
            print(f"sin²(i) sin({2 * folds}a): depth {depth}, {size} parameters: error {errors[folds, depth]:.3f}")
            panels["E"].semilogy([depth] * seeds, each, "o", color=colour, markersize=3)
            if folds == 2 and depth in (1, 6):
                median = says[int(np.argsort(each)[seeds // 2])]
                draw_pattern(panels["F" if depth == 1 else "G"], median, f"{depth} hidden layer{'s' * (depth > 1)}")
        medians = [errors[folds, depth] for depth in WIDTHS]
        panels["E"].semilogy(list(WIDTHS), medians, color=colour, linestyle=style, label=f"sin²(i) sin({2 * folds}a)")
    panels["A"].set_ylabel("output")
    draw_pattern(panels["D"], truth, "sin²(i) sin(4a)")
    panels["D"].set_ylabel("take-off angle i, °")
    panels["E"].set(title="error, share of variance", xlabel="hidden layers", xticks=list(WIDTHS))
    panels["E"].set_ylim(0.005, 1.5)
    panels["E"].yaxis.set_major_formatter("{x:g}")
    panels["E"].legend()
    figure.supxlabel(
        f"maps: amplitude of P, from −1 (red) to 1 (blue); dots: {seeds} trainings of each, lines: their medians"
    )
    save(figure, folder / "depth_and_width.png")
    return errors


def draw_pattern(ax: Axes, values: NDArray[np.float64], title: str) -> None:
    ax.imshow(values.reshape(61, 121), cmap="RdBu", vmin=-1, vmax=1, extent=(0, 360, 180, 0), aspect="auto")
    ax.set(title=title, xlabel="azimuth a, °", xticks=(0, 180, 360), yticks=(0, 90, 180))


if __name__ == "__main__":
    main(figure_folder(__doc__))
