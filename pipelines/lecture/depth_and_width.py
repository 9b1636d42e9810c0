"""Depth against width: what folding can do, and what training makes of it at equal numbers of parameters.

Two relu units make a tent, t(x) = 2 x - 4 max(x - 1/2, 0) on [0, 1]. A second layer of the same two units draws a tent
over each side of the first, so d layers draw 2^d straight pieces with 2 d units. A single layer has one bend a unit and
needs 2^d - 1 of them. That is what depth can do; it doesn't say that training finds it, or that nature asks for it.

So the second half trains networks of one to six hidden layers, all of about 500 parameters, on something that nature
does ask for: the radiation pattern of P waves of a vertical strike-slip fault, over take-off angle i and azimuth a,

    u_P(i, a) = sin(i)^2 sin(2 a),

and on a pattern that folds: the same with five times the azimuth and three times the take-off angle.

Telgarsky (2016), COLT, theorem 1.1; Montufar et al. (2014), NeurIPS; Aki & Richards (2002), equation 4.89.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet import nn
from seisnet.plots.style import BLUE, CYCLE, PAGE_CM, new_figure, png, styled

WIDTHS = {1: 125, 2: 20, 3: 14, 4: 12, 6: 9}
"""Units a layer, by depth: networks of two inputs and one output with 487 to 517 parameters."""


def tents(depth: int) -> nn.Network:
    """The network whose every two layers of weights compose one more tent; nothing is trained."""
    network = nn.Network((1, *[2] * depth, 1), "relu", dtype=np.float64)
    for layer in network.dense[:-1]:
        # Units max(t, 0) and max(t - 1/2, 0) of the tent t before, which is 2 and -4 times the units before.
        layer.weights[:] = np.tile([[2.0], [-4.0]], (1, 2))
        layer.bias[:] = 0.0, -0.5
    network.dense[0].weights[:] = 1.0
    network.dense[-1].weights[:, 0] = 2.0, -4.0
    return network


def pieces(y: NDArray[np.float64]) -> int:
    """Count the straight pieces of a sampled line."""
    return 1 + int((np.abs(np.diff(y, 2)) > 1e-9).sum())


def pattern(angles: NDArray[np.float64], folds: tuple[int, int]) -> NDArray[np.float64]:
    """Radiation (N, 1) at take-off angle and azimuth (N, 2), each multiplied by its number of folds."""
    i, a = (angles * folds).T
    return (np.sin(i) ** 2 * np.sin(2 * a))[:, None]
