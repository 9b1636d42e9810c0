"""Universal approximation: one hidden layer fits any continuous curve if it is wide enough.

    y(t) = b + sum_j w_j tanh(u_j t + c_j),   j = 1 ... n

Every unit adds one smooth step; the more of them, the finer the curve. The curve here is a synthetic seismogram: a P
pulse, and a larger, slower S pulse behind it. The theorem says that for any continuous curve over a finite time, and
for any error, there is an n; it doesn't say how to find the weights. Here each network starts from the one before it,
with new units that have no say yet, so its error can only fall; L-BFGS does the rest.

Cybenko (1989), Math. Control Signals Systems 2, 303-314; Hornik, Stinchcombe & White (1989), Neural Networks 2,
359-366.
"""

from pathlib import Path

import numpy as np
from drawing import figure_folder, save
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import BLUE, GREY, PAGE_CM, VERMILLION, new_figure, styled

UNITS = (1, 2, 3, 5, 10, 20, 50, 100)
SHOWN = (1, 3, 10, 100)


def seismogram(time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two Ricker wavelets: P at 2 s and S at 5 s, with 0.8 Hz and 0.5 Hz."""

    def ricker(at_s: float, frequency_hz: float) -> NDArray[np.float64]:
        a = (np.pi * frequency_hz * (time_s - at_s)) ** 2
        return (1 - 2 * a) * np.exp(-a)

    return 0.5 * ricker(2.0, 0.8) + ricker(5.0, 0.5)


def grow(network: nn.Network | None, units: int, rng: np.random.Generator) -> nn.Network:
    """Network of so many hidden units that says what a smaller one said (without one: nothing)."""
    larger = nn.Network((1, units, 1), "tanh", dtype=np.float64)
    first, last = larger.dense
    # A unit is a step somewhere on the curve; the more units there are, the steeper a step may be.
    first.weights[0] = rng.normal(0, 3 + units / 4, units)
    first.bias[:] = -first.weights[0] * rng.uniform(-1.7, 1.7, units)
    if network is not None:
        old = network.sizes[1]
        first.weights[:, :old], first.bias[:old] = network.dense[0].weights, network.dense[0].bias
        last.weights[:old], last.bias[:] = network.dense[1].weights, network.dense[1].bias
    return larger


def fit(network: nn.Network, x: NDArray[np.float64], y: NDArray[np.float64], iterations: int) -> float:
    """Fit a network to y(x), both (N, 1); return its mean squared error."""

    def loss() -> float:
        prediction, backward = network.forward(x)
        value, dprediction = nn.mean_squared_error(prediction, y)
        backward(dprediction)
        return value

    nn.minimize_lbfgs(loss, network.theta, network.grad, iterations=iterations, tolerance=1e-12)
    return loss()


@styled()
@nn.blas_threads(1)
def main(folder: Path, *, iterations: int = 500) -> dict[int, float]:
    """Draw fits and errors; return the error, a share of the curve's variance, by the number of units."""
    time_s = np.linspace(0, 8, 200)[:, None]
    x = nn.StandardScaler().fit(time_s).transform(time_s)
    y_scaler = nn.StandardScaler().fit(seismogram(time_s))
    y = y_scaler.transform(seismogram(time_s))

    figure = new_figure(PAGE_CM, 10)
    panels = figure.subplot_mosaic([["1", "3", "error"], ["10", "100", "error"]], width_ratios=(1, 1, 1.1))
    errors = {}
    network, rng = None, np.random.default_rng(0)
    for units in UNITS:
        network = grow(network, units, rng)
        errors[units] = fit(network, x, y, iterations)
        print(f"{units:4} units, {len(network.theta):4} parameters: {errors[units]:.2g} of the variance is left")
        if units in SHOWN:
            ax = panels[str(units)]
            ax.plot(time_s, seismogram(time_s), color=GREY, linewidth=2.5, alpha=0.5, label="seismogram")
            ax.plot(time_s, y_scaler.inverse_transform(network.predict(x)), color=BLUE, label="network")
            ax.set(title=f"{units} unit{'s' * (units > 1)}", xlabel="time, s", yticks=(-0.5, 0, 0.5, 1))
    panels["1"].legend(loc="upper left", handlelength=1)
    for name in ("1", "10"):
        panels[name].set_ylabel("amplitude")
    error = panels["error"]
    error.loglog(list(errors), list(errors.values()), "o-", color=VERMILLION)
    error.set(title="share of the variance that is left", xlabel="hidden units")
    error.xaxis.set_major_formatter("{x:g}")
    error.yaxis.set_major_formatter("{x:g}")
    save(figure, folder / "universal_approximation.png")
    return errors


if __name__ == "__main__":
    main(figure_folder(__doc__))
