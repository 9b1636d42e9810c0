"""A feed-forward neural network from scratch in NumPy: layers, losses, optimisers, schedules, scalers."""

from seisnet.nn.losses import softmax, softmax_cross_entropy
from seisnet.nn.network import Network
from seisnet.nn.optimizers import SGD
from seisnet.nn.scalers import StandardScaler

__all__ = ["SGD", "Network", "StandardScaler", "softmax", "softmax_cross_entropy"]
