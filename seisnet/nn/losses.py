"""Losses: predictions and targets in, the mean loss and its gradient out."""

import numpy as np


def softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def softmax_cross_entropy(logits, y, weight=None, *, class_weight=None, label_smoothing=0.0):
    p = softmax(logits)
    n, k = p.shape
    w = np.ones(n, p.dtype) if weight is None else np.asarray(weight, p.dtype)
    if class_weight is not None:
        w = w * np.asarray(class_weight, p.dtype)[y]
    w = w / w.sum()
    target = np.full_like(p, label_smoothing / k)
    target[np.arange(n), y] += 1 - label_smoothing
    loss = -float((w[:, None] * target * np.log(np.maximum(p, 1e-30))).sum())
    return loss, (p - target) * w[:, None]
