"""Gradient descent on a plane: what the step size, momentum and Adam do to the path.

The plane is a map, the function the misfit of an epicentre: stations at s_i, arrival times t_i, velocity v, depth h,

    m(e) = mean_i (r_i - mean(r))^2,   r_i = t_i - sqrt(|e - s_i|^2 + h^2) / v,

where taking off the mean residual removes the origin time. All stations lie to the west (the earthquake is offshore),
so the misfit is a valley: steep across, nearly flat along. Near the minimum, with curvatures L1 > L2,

    e <- e - r dm/de   multiplies the error by |1 - r L1| across and by |1 - r L2| along:

a step above 2 / L1 goes up the other wall, and one far below it is slow along the valley. Momentum adds up the small
steps along the valley. Adam divides each coordinate's step by the size of its gradients, so that its rate is a length,
in km: no curvature need be known, but steps of one length run past the minimum before they turn.

Polyak (1964), USSR Comput. Math. 4(5), 1-17; Kingma & Ba (2015), ICLR. Gradients are those of `seisnet.nn.graph`.
"""

from pathlib import Path

import numpy as np
from drawing import figure_folder, save
from numpy.typing import NDArray

from seisnet import nn
from seisnet.nn import graph
from seisnet.plots.style import CYCLE, GREY, PAGE_CM, new_figure, styled

STATIONS_KM = np.array([[-40.0, 30.0], [-35.0, -30.0], [-20.0, 5.0], [0.0, 45.0], [5.0, -40.0]])
TRUE_KM, START_KM = np.array([25.0, 5.0]), np.array([0.0, -20.0])
VELOCITY_KM_S, DEPTH_KM = 6.0, 10.0


def misfit(x: graph.Node, y: graph.Node) -> graph.Node:
    """Misfit (..., 1), s^2, of epicentres at x and y, km, scalars or (..., 1)."""
    n = len(STATIONS_KM)
    observed_s = np.sqrt(((TRUE_KM - STATIONS_KM) ** 2).sum(axis=1) + DEPTH_KM**2) / VELOCITY_KM_S
    distance_km = ((x - STATIONS_KM[:, 0]) ** 2 + (y - STATIONS_KM[:, 1]) ** 2 + DEPTH_KM**2) ** 0.5
    residual_s = observed_s - distance_km / VELOCITY_KM_S
    return graph.total((residual_s - graph.total(residual_s, axis=-1) / n) ** 2, axis=-1) / n


def gradient(epicentre_km: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    x, y = graph.Node(epicentre_km[0]), graph.Node(epicentre_km[1])
    m = misfit(x, y)
    m.backward()
    return m.value.item(), np.array([x.grad, y.grad])


def descend(optimizer: nn.Optimizer, steps: int) -> tuple[NDArray[np.float64], list[float]]:
    """Path (steps + 1, 2), km, and the misfit at each of its points."""
    epicentre_km = START_KM.copy()
    path, misfits = [], []
    for _ in range(steps + 1):
        m, slope = gradient(epicentre_km)
        path.append(epicentre_km.copy())
        misfits.append(m)
        optimizer.step(epicentre_km, slope)
    return np.array(path), misfits


def curvatures() -> NDArray[np.float64]:
    """Smallest and largest curvature of the misfit at its minimum, s^2 / km^2."""
    h = 1e-3
    columns = [(gradient(TRUE_KM + h * e)[1] - gradient(TRUE_KM - h * e)[1]) / (2 * h) for e in np.eye(2)]
    return np.linalg.eigvalsh(columns)


@styled()
def main(folder: Path, *, steps: int = 50) -> dict[str, float]:
    """Draw five paths; return the distance of each one's end from the true epicentre, km."""
    flat, steep = curvatures()
    bound = 2 / steep
    print(f"curvatures {steep:.4f} and {flat:.4f} s^2/km^2: descent needs a step below {bound:.0f} km^2/s^2")
    optimizers = {
        "too small a step": nn.SGD(0.05 * bound),
        "a good step": nn.SGD(0.6 * bound),
        "too large a step": nn.SGD(1.2 * bound),
        "small, momentum 0.8": nn.SGD(0.05 * bound, momentum=0.8),
        "Adam": nn.Adam(2.0),
    }
    east_km, north_km = np.meshgrid(np.linspace(-50, 65, 116), np.linspace(-50, 60, 111))
    surface = misfit(graph.Node(east_km[..., None]), graph.Node(north_km[..., None])).value[..., 0]

    figure = new_figure(PAGE_CM, 12)
    axes = figure.subplots(2, 3)
    errors_km = {}
    for ax, (name, optimizer), (colour, line) in zip(axes.flat, optimizers.items(), CYCLE, strict=False):
        path_km, misfits = descend(optimizer, steps)
        errors_km[name] = float(np.hypot(*(path_km[-1] - TRUE_KM)))
        unit = "km" if name == "Adam" else "km^2/s^2"
        step = f"{optimizer.learning_rate:.1f} {unit}"
        print(f"{name:20} step {step:>14}: {errors_km[name]:8.3f} km off after {steps} steps")
        ax.contour(east_km, north_km, surface, np.geomspace(0.01, 20, 12), colors="0.8", linewidths=0.5)
        ax.plot(*STATIONS_KM.T, "^", color=GREY, markersize=4, label="station")
        ax.plot(*path_km.T, ".-", color=colour, linewidth=0.8, markersize=3)
        ax.plot(*TRUE_KM, "*", color="black", markersize=8, label="epicentre")
        ax.set(title=f"{name}: {errors_km[name]:.1f} km off", xlabel="east, km", ylabel="north, km")
        ax.set(xlim=(-50, 65), ylim=(-50, 60), aspect="equal")
        axes[1, 2].semilogy(misfits, color=colour, linestyle=line, label=name)
    axes[0, 0].legend(loc="upper right", handlelength=1)
    axes[1, 2].set(title="misfit, s²", xlabel="step", ylim=(1e-7, 1e7), yticks=10.0 ** np.arange(-6, 3, 2))
    axes[1, 2].yaxis.set_major_formatter("{x:g}")
    axes[1, 2].legend(loc="upper right")
    save(figure, folder / "descent_paths.png")
    return errors_km


if __name__ == "__main__":
    main(figure_folder(__doc__))
