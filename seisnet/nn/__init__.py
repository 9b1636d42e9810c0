"""A feed-forward neural network from scratch in NumPy.

Read it in this order: activations, layers, losses, network, optimizers. `graph` is the chain rule by itself. The rest
makes it practical: initializers, schedules, scalers, regularization, diagnostics, lbfgs; products, threads, fused and
arrays make it fast.

>>> import numpy as np
>>> from seisnet import nn
>>> rng = np.random.default_rng(0)
>>> x, y = rng.normal(size=(64, 4)), rng.integers(0, 3, 64)
>>> network, optimizer = nn.Network((4, 32, 3), "tanh", rng=rng), nn.SGD(0.1, momentum=0.9)
>>> for _ in range(500):
...     logits, backward = network.forward(x)
...     loss, dlogits = nn.softmax_cross_entropy(logits, y)
...     backward(dlogits)
...     optimizer.step(network.theta, network.grad)
>>> loss < 0.2
True
"""

from seisnet.nn.activations import ACTIVATIONS, Activation, sigmoid, softmax
from seisnet.nn.diagnostics import gradient_norms, saturated_shares
from seisnet.nn.initializers import INITIALIZERS, glorot, he, lecun
from seisnet.nn.layers import Activate, Dense, Dropout, InputNoise
from seisnet.nn.lbfgs import minimize_lbfgs
from seisnet.nn.losses import binary_cross_entropy, huber, mean_squared_error, softmax_cross_entropy
from seisnet.nn.network import Network
from seisnet.nn.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Optimizer,
    RMSProp,
    flush_denormals,
    make_optimizer,
)
from seisnet.nn.regularization import add_penalty, clip_gradient, limit_norms, penalty
from seisnet.nn.scalers import StandardScaler
from seisnet.nn.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    OneCycle,
    Plateau,
    Schedule,
    Step,
    WarmUp,
    make_schedule,
)
from seisnet.nn.threads import blas_threads, fastest_threads

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Activate",
    "Activation",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Dense",
    "Dropout",
    "InputNoise",
    "Network",
    "OneCycle",
    "Optimizer",
    "Plateau",
    "RMSProp",
    "Schedule",
    "StandardScaler",
    "Step",
    "WarmUp",
    "add_penalty",
    "binary_cross_entropy",
    "blas_threads",
    "clip_gradient",
    "fastest_threads",
    "flush_denormals",
    "glorot",
    "gradient_norms",
    "he",
    "huber",
    "lecun",
    "limit_norms",
    "make_optimizer",
    "make_schedule",
    "mean_squared_error",
    "minimize_lbfgs",
    "penalty",
    "saturated_shares",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
]
