"""L-BFGS: full batches, curvature from the last few gradients, for small problems that should be solved to the end."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from seisnet.errors import TrainingError
from seisnet.nn.arrays import Array, namespace, on_host


def minimize_lbfgs(
    loss: Callable[[], float], theta: Array, grad: Array, *, iterations: int = 200, tolerance: float = 1e-8
) -> list[float]:
    """Minimise a loss over the flat vector of parameters (Liu & Nocedal 1989; SciPy's L-BFGS-B without bounds).

    Parameters
    ----------
    loss : callable
        Computes the loss of the whole set at `theta` and leaves its gradient in `grad`.
    theta, grad : float (P,)
        A network's vectors; `theta` ends at the minimum found.
    iterations : int
        At most so many.
    tolerance : float
        Stop when no gradient component is larger, or when the loss falls by less, or, above 1, by less than this share
        of itself. Where losses far below 1 are wanted, it has to be smaller than those.

    Returns
    -------
    list of float
        Loss after each iteration.

    Raises
    ------
    TrainingError
        If the loss is not finite at the start.

    Examples
    --------
    >>> theta, grad = np.zeros(1), np.zeros(1)
    >>> def parabola():
    ...     grad[:] = 2 * (theta - 3)
    ...     return float((theta[0] - 3) ** 2)
    >>> losses = minimize_lbfgs(parabola, theta, grad)
    >>> round(float(theta[0]), 6)
    3.0
    """
    from scipy.optimize import minimize  # which takes long to import

    losses, xp = [], namespace(theta)

    def loss_and_gradient(at: Array) -> tuple[float, Array]:
        theta[:] = xp.asarray(at)
        value = float(loss())
        return value, on_host(grad).astype(np.float64)

    result = minimize(
        loss_and_gradient,
        on_host(theta).astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: losses.append(float(intermediate_result.fun)),
        options={"maxiter": iterations, "gtol": tolerance, "ftol": tolerance},
    )
    theta[:] = xp.asarray(result.x)
    if not math.isfinite(result.fun):  # at which SciPy stops without a word
        raise TrainingError(f"the loss is {result.fun} at the start: look for NaN in data and parameters")
    return losses
