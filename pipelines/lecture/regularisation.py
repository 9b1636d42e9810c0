"""Regularisation: how a network with 4353 parameters is kept from learning the noise of 30 data by heart.

The data are noisy spectral levels of one earthquake, whose truth is Brune's displacement spectrum,

    log10 W(f) = log10 W0 - log10(1 + (f / fc)^2).

Left alone, the training loss goes on falling while that of the dev set, 30 other data, has turned: what is learnt from
then on is noise. Three remedies, of which real trainings take more than one:

    weight decay     theta <- (1 - r w) theta before each step: no weight stays large without a reason
    dropout          a share p of the units is left out at random in each step: no unit can rely on another
    early stopping   keep the weights of the epoch whose dev loss was least

Brune (1970), JGR 75, 4997-5009; Krogh & Hertz (1991), NeurIPS; Srivastava et al. (2014), JMLR 15; Prechelt (1998), in
Neural Networks: Tricks of the Trade.
"""

from pathlib import Path

import numpy as np
from drawing import figure_folder, save
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import BLUE, GREY, PAGE_CM, VERMILLION, new_figure, styled

CORNER_HZ = 4.0
SIZES = (1, 64, 64, 1)


def brune(log_frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    return -np.log10(1 + (10**log_frequency / CORNER_HZ) ** 2)


def spectrum(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log frequencies, 0.3 to 30 Hz, and log levels (n, 1) with a noise of 0.25."""
    x = rng.uniform(-0.5, 1.5, (n, 1))
    return x, brune(x) + rng.normal(0, 0.25, (n, 1))


def train(
    data: dict[str, NDArray[np.float64]], epochs: int, *, weight_decay: float = 0.0, dropout: float = 0.0
) -> tuple[nn.Network, nn.Network, NDArray[np.float64]]:
    """The network after the last epoch, the one of least dev loss, and train and dev loss (epochs, 2)."""
    rng = np.random.default_rng(0)
    network, best = (nn.Network(SIZES, "tanh", rng=rng, dtype=np.float64, dropout=dropout) for _ in range(2))
    optimizer = nn.AdamW(0.005, weight_decay=weight_decay, decays=network.is_weight)
    losses = []
    for _ in range(epochs):
        prediction, backward = network.forward(data["x"], rng)
        _, dprediction = nn.mean_squared_error(prediction, data["y"])
        backward(dprediction)
        optimizer.step(network.theta, network.grad)
        losses.append(
            [nn.mean_squared_error(network.predict(data[x]), data[y])[0] for x, y in ("xy", ("dev_x", "dev_y"))]
        )
        if losses[-1][1] <= min(dev for _, dev in losses):
            best.theta[:] = network.theta
    return network, best, np.array(losses)


@styled()
@nn.blas_threads(1)
def main(folder: Path, *, epochs: int = 2000) -> dict[str, float]:
    """Draw fits and losses; return the rms distance of each fit from the truth, log10 units."""
    rng = np.random.default_rng(1)
    (x, y), (dev_x, dev_y) = spectrum(30, rng), spectrum(30, rng)
    x_scaler, y_scaler = nn.StandardScaler().fit(x), nn.StandardScaler().fit(y)
    data = {"x": x_scaler.transform(x), "y": y_scaler.transform(y)}
    data |= {"dev_x": x_scaler.transform(dev_x), "dev_y": y_scaler.transform(dev_y)}
    last, stopped, losses = train(data, epochs)
    decayed, _, decayed_losses = train(data, epochs, weight_decay=2.0)
    dropped, _, dropped_losses = train(data, epochs, dropout=0.2)
    results = {
        "no remedy": (last, losses),
        "weight decay": (decayed, decayed_losses),
        "dropout": (dropped, dropped_losses),
        "early stopping": (stopped, losses),
    }

    figure = new_figure(PAGE_CM, 9.5)
    axes = figure.subplots(2, 4, sharey="row")
    line = np.linspace(-0.5, 1.5, 201)[:, None]
    distances = {}
    for (top, bottom), (name, (network, history)) in zip(axes.T, results.items(), strict=True):
        says = y_scaler.inverse_transform(network.predict(x_scaler.transform(line)))
        distances[name] = float(np.sqrt(((says - brune(line)) ** 2).mean()))
        at = history[:, 1].argmin() if name == "early stopping" else -1
        print(
            f"{name:14} mean squared error: train {history[at, 0]:.3f}, dev {history[at, 1]:.3f}; "
            f"rms distance from the truth: {distances[name]:.3f}"
        )
        top.semilogx(10**x, y, ".", color=GREY, markersize=4, label="data")
        top.semilogx(10**line, brune(line), color="black", linestyle=":", label="truth")
        top.semilogx(10**line, says, color=BLUE, label="network")
        top.text(1, 0.95, f"rms error {distances[name]:.2f}", transform=top.transAxes, ha="right", va="top")
        top.set(title=name, xlabel="frequency, Hz")
        bottom.semilogx(range(1, epochs + 1), history[:, 0], color=BLUE, label="train")
        bottom.semilogx(range(1, epochs + 1), history[:, 1], color=VERMILLION, linestyle="--", label="dev")
        bottom.set(xlabel="epoch", ylim=(0, 0.45), xticks=(1, 10, 100, 1000))
        for ax in (top, bottom):
            ax.xaxis.set_major_formatter("{x:g}")
    stop = 1 + int(losses[:, 1].argmin())
    axes[1, 3].axvline(stop, color=GREY, linewidth=0.8, linestyle=":")
    axes[1, 3].text(1.2 * stop, 0.44, f"epoch {stop}", va="top")
    axes[0, 0].set_ylabel("log₁₀ spectral level")
    axes[1, 0].set_ylabel("mean squared error")
    axes[0, 0].legend(loc="lower left")
    axes[1, 0].legend(loc="lower left")
    save(figure, folder / "regularisation.png")
    return distances


if __name__ == "__main__":
    main(figure_folder(__doc__))
