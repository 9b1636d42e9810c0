"""Optimisers on the flat parameter vector."""

import numpy as np


class SGD:
    def __init__(self, learning_rate, momentum=0.0, nesterov=False):
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.state = {}

    def step(self, theta, grad):
        v = self.state.setdefault("velocity", np.zeros_like(theta))
        v *= self.momentum
        v += grad
        theta -= self.learning_rate * (grad + self.momentum * v if self.nesterov else v)
