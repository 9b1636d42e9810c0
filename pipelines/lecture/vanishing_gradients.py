"""Vanishing gradients: why deep networks of sigmoids did not learn, and what the rectifier changed.

Back through layer l the gradient is multiplied by the weights and by the slope of the activation,

    dL/dz_l = (dL/dz_(l+1) W_(l+1)^T) * f'(z_l).

Weights of variance 1 / units keep its size, so the slope is what is left. A sigmoid's is at most 1/4: ten layers leave
a gradient of (1/4)^10, or 1e-6, and the first layers stay as they were drawn. The slope of tanh is near 1 for small
sums; that of relu is 0 or 1, and twice the variance of the weights makes up for the zeros. (The last layer reads
the tenth's outputs, 1/2 on average for sigmoids, and its own gradient is as large as any.)

The task: blasts from earthquakes by two measurements, whose classes are curved into each other.

Hochreiter (1991), diploma thesis, TU Munich; Glorot & Bengio (2010), AISTATS; He et al. (2015), ICCV, equation 14.
"""

from pathlib import Path

import numpy as np
from drawing import figure_folder, save
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import CYCLE, PAGE_CM, new_figure, styled

HIDDEN, UNITS = 10, 32


def blasts_and_earthquakes(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Two normalised measurements (n, 2), say P/S amplitude ratio and spectral slope, and classes (n,)."""
    y = rng.integers(0, 2, n)
    angle = rng.uniform(0, np.pi, n) + np.pi * y
    x = np.column_stack([np.cos(angle) + y - 0.5, np.sin(angle) + y / 2 - 0.25]) + rng.normal(0, 0.1, (n, 2))
    return nn.StandardScaler().fit(x).transform(x), y


def train(
    activation: str, x: NDArray[np.float64], y: NDArray[np.int64], steps: int, seed: int
) -> tuple[list[float], list[float]]:
    """Gradient norm of each layer before the first step, and the loss before every step."""
    network = nn.Network((2, *[UNITS] * HIDDEN, 2), activation, rng=np.random.default_rng(seed), dtype=np.float64)
    optimizer = nn.SGD(0.02, momentum=0.9)
    losses = []
    for step in range(steps):
        logits, backward = network.forward(x)
        loss, dlogits = nn.softmax_cross_entropy(logits, y)
        backward(dlogits)
        if step == 0:
            norms = nn.gradient_norms(network)
        optimizer.step(network.theta, network.grad)
        losses.append(loss)
    return norms, losses


@styled()
@nn.blas_threads(1)
def main(folder: Path, *, steps: int = 300, seeds: int = 5) -> dict[str, tuple[list[float], list[float]]]:
    """Draw gradient norms and learning curves; return mean norms by layer and median losses by step of each."""
    x, y = blasts_and_earthquakes(256, np.random.default_rng(0))
    figure = new_figure(PAGE_CM, 7)
    data_ax, norm_ax, loss_ax = figure.subplots(1, 3)
    for kind, name, marker in ((0, "earthquake", "o"), (1, "blast", "s")):
        data_ax.plot(*x[y == kind].T, marker, color=CYCLE[kind + 3][0], markersize=2.5, label=name)
    results = {}
    for activation, (colour, line) in zip(("sigmoid", "tanh", "relu"), CYCLE, strict=False):
        runs = [train(activation, x, y, steps, seed) for seed in range(seeds)]
        norms = np.exp(np.mean([np.log(at_start) for at_start, _ in runs], axis=0)).tolist()
        losses = np.median([history for _, history in runs], axis=0).tolist()
        results[activation] = norms, losses
        factor = (norms[1] / norms[-2]) ** (1 / (HIDDEN - 2))
        print(f"{activation:8} a layer back, gradient times {factor:.2f}; loss {losses[0]:.3f} to {losses[-1]:.3f}")
        norm_ax.semilogy(range(1, HIDDEN + 2), norms, color=colour, linestyle=line, marker=".", label=activation)
        loss_ax.plot(losses, color=colour, linestyle=line, label=activation)
    fall = results["sigmoid"][0][-2] / 4.0 ** np.arange(HIDDEN - 1, -1, -1)
    norm_ax.semilogy(range(1, HIDDEN + 1), fall, color="black", linestyle=":", linewidth=0.8, label="¼ a layer")
    data_ax.set(
        title="two classes", xlabel="P/S amplitude ratio", ylabel="spectral slope (both normalised)", ylim=(None, 2.7)
    )
    norm_ax.set(title="gradient norm at the start", xlabel="layer", xticks=range(1, HIDDEN + 2))
    loss_ax.set(title="cross-entropy", xlabel="step", ylim=(0, None))
    norm_ax.yaxis.set_major_formatter("{x:g}")
    data_ax.legend(loc="upper right", handlelength=0.5)
    norm_ax.legend()
    save(figure, folder / "vanishing_gradients.png")
    return results


if __name__ == "__main__":
    main(figure_folder(__doc__))
