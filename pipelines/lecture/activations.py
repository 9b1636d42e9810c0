"""Activations: what a unit makes of its weighted sum z, and how much of a gradient it lets back through.

Without an activation a network of any depth is one matrix product and one bias. Forward, the activation bends;
backward, the chain rule multiplies the gradient by its slope, once a layer: the slope decides whether deep nets learn.

    step        y = 1 if z >= 0 else 0         dy/dz = 0: nothing can be learnt through it
    sigmoid     y = 1 / (1 + exp(-z))          dy/dz = y (1 - y), at most 1/4
    tanh        y = tanh(z)                    dy/dz = 1 - y^2, at most 1
    relu        y = max(z, 0)                  dy/dz = 1 if y > 0 else 0
    leaky relu  y = max(z, 0.01 z)             dy/dz = 1 if y > 0 else 0.01
    gelu        y = z Phi(z)                   dy/dz = Phi(z) + z phi(z), here by tanh
    softmax     p_k = exp(z_k) / sum_j exp(z_j)  dp_k/dz_j = p_k ([j = k] - p_j)

Phi and phi are the normal distribution and its density. Most slopes are written from the output y, which the forward
pass has at hand.

Goodfellow, Bengio & Courville (2016), Deep Learning, sections 6.2.2 and 6.3; Hendrycks & Gimpel (2016) for gelu.
"""

from pathlib import Path

import numpy as np
from drawing import figure_folder, save
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import BLUE, FIXED, PAGE_CM, VERMILLION, new_figure, styled

LEARNABLE = ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "gelu")


def value_and_slope(name: str, z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    activation = nn.ACTIVATIONS[name]
    y = activation.function(z, np.empty_like(z))
    return y, activation.slope(z if activation.from_input else y) * 1.0


def without_jumps(y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(np.diff(y, append=y[-1])) > 0.5, np.nan, y)


@styled()
def main(folder: Path) -> dict[str, tuple[float, float]]:
    """Draw activations and slopes; return the value and the slope at z = 1 of each."""
    z = np.linspace(-4, 4, 801)
    figure = new_figure(PAGE_CM, 8.5)
    axes = figure.subplots(2, 4, sharex=True)
    for ax in axes.flat:
        ax.axhline(0, color="0.85", linewidth=0.6, zorder=0)
        ax.axvline(0, color="0.85", linewidth=0.6, zorder=0)
    for ax, name in zip(axes.flat, ("step", *LEARNABLE), strict=False):
        if name == "step":
            y, dy = (z >= 0) * 1.0, 0 * z
        else:
            y, dy = value_and_slope(name, z)
        ax.plot(z, without_jumps(y), color=BLUE, label="output y")
        ax.plot(z, without_jumps(dy), color=VERMILLION, linestyle="--", label="slope dy/dz")
        ax.set(title=name.replace("_", " "), ylim=(-1.25, 2.25), xticks=(-4, -2, 0, 2, 4))
    axes[0, 0].legend(loc="upper left")

    logits = np.column_stack([z, np.ones_like(z), np.zeros_like(z)])
    for label, p in zip(("P", "S", "noise"), nn.softmax(logits).T, strict=True):
        axes[1, 3].plot(z, p, color=FIXED[label][0], linestyle=FIXED[label][1], label=label)
    axes[1, 3].set(title="softmax of (z, 1, 0)", ylim=(-0.05, 1.35), yticks=(0, 0.5, 1), ylabel="probability")
    axes[1, 3].legend(loc="upper left", ncols=3, handlelength=1.5, columnspacing=0.8)
    figure.supxlabel("weighted sum z")
    save(figure, folder / "activations.png")

    print("activation      y(-1)    y(1)   dy/dz(-1)  dy/dz(1)  largest slope")
    for name in LEARNABLE:
        y, dy = value_and_slope(name, np.array([-1.0, 1.0]))
        print(f"{name:12} {y[0]:8.4f} {y[1]:7.4f} {dy[0]:11.4f} {dy[1]:9.4f} {value_and_slope(name, z)[1].max():14.4f}")
    at_one = {name: value_and_slope(name, np.ones(1)) for name in LEARNABLE}
    return {name: (float(y[0]), float(dy[0])) for name, (y, dy) in at_one.items()}


if __name__ == "__main__":
    main(figure_folder(__doc__))
