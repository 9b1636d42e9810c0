"""The network: layers over one flat parameter vector."""

import numpy as np

from seisnet.nn.losses import softmax
import itertools


class Network:
    def __init__(self, sizes, activation="relu", *, rng=None, theta=None, dtype=np.float32, dropout=0.0, input_noise=0.0):
        self.sizes, self.activation, self.dropout, self.input_noise = tuple(sizes), activation, dropout, input_noise
        n = sum(a * b + b for a, b in itertools.pairwise(sizes))
        self.theta = np.zeros(n, dtype) if theta is None else theta
        self.grad = np.zeros_like(self.theta)
        self.layers = list(self._views(self.theta))
        self.grads = list(self._views(self.grad))
        if theta is None:
            for w, _ in self.layers:
                w[...] = rng.normal(0, np.sqrt(2 / w.shape[0]), w.shape)

    def _views(self, flat):
        at = 0
        for a, b in zip(self.sizes, self.sizes[1:]):
            yield flat[at : at + a * b].reshape(a, b), flat[at + a * b : at + a * b + b]
            at += a * b + b

    def forward(self, x, rng=None):
        ys = [x]
        for i, (w, b) in enumerate(self.layers):
            x = x @ w + b
            if i < len(self.layers) - 1:
                x = np.maximum(x, 0)
            ys.append(x)

        def backward(dy):
            for i in reversed(range(len(self.layers))):
                gw, gb = self.grads[i]
                np.matmul(ys[i].T, dy, out=gw)
                gb[...] = dy.sum(axis=0)
                if i:
                    dy = (dy @ self.layers[i][0].T) * (ys[i] > 0)

        return x, backward

    def predict_proba(self, x):
        return softmax(self.forward(x)[0])
