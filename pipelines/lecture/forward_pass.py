"""The forward pass of a 2-3-1 network by hand: a layer is a matrix product, a bias and an activation.

    z1 = x W1 + b1,   a1 = max(z1, 0),   z2 = a1 W2 + b2,   p = 1 / (1 + exp(-z2))

Two features of a window, say its signal-to-noise ratio and its rectilinearity (both normalised), give the probability
that it holds a P onset. The figures are such that no calculator is needed before the last step. Unit 2 is switched off:
its weighted sum is negative, and it has no say. To the right, the same network at all inputs: three units, three
folds (dotted lines, where a unit's z is 0), along which the contours break.

Rumelhart, Hinton & Williams (1986), Nature 323, equations 1 and 2.
"""

from pathlib import Path

import numpy as np
from drawing import WHITE, figure_folder, minus, save
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from seisnet import nn
from seisnet.plots.style import BLUE, PAGE_CM, VERMILLION, new_figure, styled

X = np.array([[1.0, 2.0]])
W1 = np.array([[1.0, -1.0, 0.5], [0.5, -0.5, 1.0]])
B1 = np.array([-1.0, 0.5, 0.0])
W2 = np.array([[0.5], [-1.0], [0.4]])
B2 = np.array([-0.5])


@styled()
def main(folder: Path) -> dict[str, float]:
    """Print each step, draw the network; return the logit and the probability, by hand and by `Network`."""
    z1 = X @ W1 + B1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ W2 + B2
    p = 1 / (1 + np.exp(-z2))
    for j in range(3):
        print(f"z1[{j + 1}] = 1 ({W1[0, j]:g}) + 2 ({W1[1, j]:g}) + ({B1[j]:g}) = {z1[0, j]:g}, a1 = {a1[0, j]:g}")
    products = " + ".join(f"{a:g} ({w:g})" for a, w in zip(a1[0], W2[:, 0], strict=True))
    print(f"z2 = {products} + ({B2[0]:g}) = {z2[0, 0]:g},  p = 1 / (1 + exp({-z2[0, 0]:g})) = {p[0, 0]:.4f}")

    theta = np.concatenate([W1.ravel(), B1, W2.ravel(), B2])
    network = nn.Network((2, 3, 1), "relu", theta=theta)
    by_network = network.predict_proba(X, "sigmoid")
    print(f"Network of the same {len(theta)} parameters: p = {by_network[0, 0]:.4f}")

    figure = new_figure(PAGE_CM, 8.5)
    diagram, plane = figure.subplots(1, 2, width_ratios=(7.4 / 6.9, 1))
    draw_network(diagram, z1[0], a1[0], z2[0, 0], p[0, 0])
    grid = np.linspace(-3, 3, 241)
    x1, x2 = np.meshgrid(grid, grid)
    over_plane = network.predict_proba(np.column_stack([x1.ravel(), x2.ravel()]), "sigmoid").reshape(x1.shape)
    levels = np.arange(0.1, 1, 0.1)
    lines = plane.contour(
        x1, x2, over_plane, levels, colors=BLUE, linewidths=[2 if level == 0.5 else 0.8 for level in levels.round(1)]
    )
    plane.clabel(lines, fmt="%.1f", fontsize=6)
    for w, b in zip(W1.T, B1, strict=True):
        plane.plot(grid, -(w[0] * grid + b) / w[1], color="0.7", linestyle=":", zorder=0)
    plane.plot(*X[0], "o", color=VERMILLION)
    plane.annotate("x = (1, 2)", X[0], (7, -9), textcoords="offset points", color=VERMILLION, bbox=WHITE)
    plane.set(
        title="its output p at all inputs (dotted: a hidden z is 0)",
        xlabel="x₁",
        ylabel="x₂",
        xlim=(-3, 3),
        ylim=(-3, 3),
        aspect="equal",
    )
    save(figure, folder / "forward_pass.png")
    return {"logit": float(z2[0, 0]), "probability": float(p[0, 0]), "by_network": float(by_network[0, 0])}


def draw_network(ax: Axes, z1: np.ndarray, a1: np.ndarray, z2: float, p: float) -> None:
    """Units as circles with their outputs in, weights on the edges, weighted sums above."""
    inputs = [(0.0, 1.0), (0.0, -1.0)]
    hidden = [(3.0, 2.0), (3.0, 0.0), (3.0, -2.0)]
    output = (6.0, 0.0)
    edges = [(inputs[i], hidden[j], W1[i, j], a1[j] > 0) for i in range(2) for j in range(3)]
    edges += [(hidden[j], output, W2[j, 0], a1[j] > 0) for j in range(3)]
    for (xa, ya), (xb, yb), weight, active in edges:
        ax.plot((xa, xb), (ya, yb), color=BLUE if active else "0.75", linestyle="-" if active else ":", zorder=1)
        ax.text(
            xa + 0.62 * (xb - xa),
            ya + 0.62 * (yb - ya),
            minus(f"{weight:g}"),
            ha="center",
            va="center",
            fontsize=6.5,
            bbox=WHITE,
        )
    units = [(inputs[i], f"x{'₁₂'[i]}", X[0, i], "bottom") for i in range(2)]
    units += [(hidden[j], f"z = {z1[j]:g}\nb = {B1[j]:g}", a1[j], "top" if j == 2 else "bottom") for j in range(3)]
    units += [(output, f"z = {z2:g}\nb = {B2[0]:g}", p, "bottom")]
    for x, label in ((0, "inputs"), (3, "hidden units, relu"), (6, "output, sigmoid")):
        ax.text(x, 3.4, label, ha="center", color="0.4")
    for (x, y), label, value, side in units:
        ax.add_patch(
            Circle((x, y), 0.45, facecolor="white", edgecolor=BLUE if value else "0.6", linewidth=1.2, zorder=2)
        )
        ax.text(x, y, f"{value:.3g}", ha="center", va="center", weight="bold", fontsize=7.5)
        ax.text(x, y + (0.52 if side == "bottom" else -0.52), minus(label), ha="center", va=side, fontsize=6.5)
    ax.set(title="weights on the edges, outputs in the circles", xlim=(-0.7, 6.7), ylim=(-3.0, 3.9), aspect="equal")
    ax.axis("off")


if __name__ == "__main__":
    main(figure_folder(__doc__))
