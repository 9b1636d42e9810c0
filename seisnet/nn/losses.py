"""Losses: predictions and targets in, the weighted mean loss and its gradient by the predictions out.

Every loss is a mean over the windows of a batch, weighted if there are weights: sum(w_i l_i) / sum(w_i). Over several
outputs it is the mean too, so a learning rate means the same for any batch size and any number of outputs.
"""

from __future__ import annotations

import math

from seisnet.errors import ConfigError, DataError
from seisnet.nn import fused
from seisnet.nn.activations import sigmoid
from seisnet.nn.arrays import Array, namespace
from seisnet.nn.checks import refuse_masked, shape_of, within

PROBABILITY_TOLERANCE = 1e-3
"""How far the sum of a window's probabilities may lie from 1: rounding, no more."""


def softmax_cross_entropy(
    logits: Array,
    y: Array,
    weight: Array | None = None,
    *,
    class_weight: Array | None = None,
    label_smoothing: float = 0.0,
) -> tuple[float, Array]:
    """Cross-entropy of softmax(logits) and classes, or probabilities: l = -sum_k t_k log p_k, dl/dz = p - t.

    Softmax and cross-entropy are one function of the logits because together they are simple and can't overflow.

    Parameters
    ----------
    logits : float (N, K)
        Outputs of the network.
    y : int (N,) or float (N, K)
        Index of the class of each window; or the probability of each class, as a teacher gives it.
    weight : float (N,), optional
        Weight of each window.
    class_weight : float (K,), optional
        Weight of each class's windows; it multiplies `weight`.
    label_smoothing : float
        Share of the target that is spread evenly over all classes (Szegedy et al. 2016, section 7).

    Returns
    -------
    loss : float
        On a GPU an array (), which nobody has waited for. Values of `y` and `weight` are not looked at there: the loss
        is NaN if an index is of no class or weights sum to 0.
    dlogits : float (N, K)

    Raises
    ------
    DataError
        If shapes don't fit, an array is masked, a class is not in 0 to K - 1, probabilities don't add up to 1, or no
        weight is positive.
    ConfigError
        If `label_smoothing` is negative, or 1 or more.

    Examples
    --------
    >>> import numpy as np
    >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 2)), np.array([0]))
    >>> round(loss, 4), dlogits
    (0.6931, array([[-0.5,  0.5]]))
    """
    _check_outputs(logits)
    within("label_smoothing", label_smoothing, below=1)
    xp = namespace(logits)
    n, k = logits.shape
    refuse_masked("y", y)
    y = xp.asarray(y)
    soft = y.ndim == 2
    _check_targets(y, n, k)
    if class_weight is not None:
        class_weight = xp.asarray(class_weight, logits.dtype)
        if class_weight.shape != (k,):
            raise DataError(f"class weights have {shape_of(class_weight)}; logits ({n}, {k}) need ({k},)")
        of_class = y.astype(logits.dtype) @ class_weight if soft else class_weight[y]
        weight = of_class if weight is None else of_class * xp.asarray(weight, logits.dtype)
    if fused.on_gpu(logits):
        weight = None if weight is None else xp.asarray(weight, logits.dtype)
        return fused.softmax_cross_entropy(logits, y, weight, label_smoothing)
    share = _shares(weight, logits)
    # Worked on as (K, N), like `softmax`.
    z = xp.array(logits.T, order="C")
    z -= z.max(axis=0)
    gradient = xp.exp(z)
    total = gradient.sum(axis=0)
    gradient /= total
    minus_log_p = xp.log(total)
    spread = label_smoothing / k
    if soft:
        target = (1 - label_smoothing) * y.T.astype(z.dtype) + spread
        losses = minus_log_p - (target * z).sum(axis=0)
        gradient -= target
    else:
        windows = xp.arange(n)
        losses = minus_log_p - (1 - label_smoothing) * z[y, windows]
        if label_smoothing:
            losses -= spread * z.sum(axis=0)
            gradient -= spread
        gradient[y, windows] -= 1 - label_smoothing
    gradient *= share
    return float((losses * share).sum()), gradient.T


def _check_outputs(outputs: Array) -> None:
    if getattr(outputs, "ndim", 0) != 2 or len(outputs) == 0:
        raise DataError(
            f"outputs of a network: got {shape_of(outputs)}; an array of shape (N, K), N at least 1, is needed, as "
            "forward gives it"
        )
    if outputs.dtype.kind != "f":  # of whole numbers the share of each window would be 0
        raise DataError(f"outputs of a network: got {outputs.dtype}; floats are needed, as forward gives them")


def _check_targets(y: Array, n: int, k: int) -> None:
    """Classes (n,), or probabilities (n, k)."""
    soft = y.ndim == 2
    if soft and (y.shape != (n, k) or y.dtype.kind != "f"):
        raise DataError(f"probabilities are {y.dtype} {y.shape}; logits need floats ({n}, {k})")
    if not soft and (y.shape != (n,) or y.dtype.kind not in "iu"):
        raise DataError(f"classes are {y.dtype} {y.shape}; logits ({n}, {k}) need integers ({n},)")
    if fused.on_gpu(y):
        return
    if soft:
        # The other way round, NaN would pass.
        if not (float(y.min()) >= 0 and float(abs(y.sum(axis=1) - 1).max()) <= PROBABILITY_TOLERANCE):
            raise DataError("probabilities must not be negative, and those of a window must add up to 1")
    elif int(y.min()) < 0 or int(y.max()) >= k:
        raise DataError(f"classes run from {int(y.min())} to {int(y.max())}; logits of {k} classes need 0 to {k - 1}")


def mean_squared_error(prediction: Array, target: Array, weight: Array | None = None) -> tuple[float, Array]:
    """Mean squared error: l = (p - t)^2.

    Parameters
    ----------
    prediction, target : float (N, K)
        Outputs of the network and what they should be, both normalised; a target whose weight is 0 may be NaN.
    weight : float (N,), optional
        Weight of each window.

    Returns
    -------
    loss : float
    dprediction : float (N, K)

    Raises
    ------
    DataError
        If shapes don't fit, an array is masked, or no weight is positive.
    """
    error, share = _errors(prediction, target, weight)
    return float((error * error * share).sum()), 2 * error * share


def huber(prediction: Array, target: Array, weight: Array | None = None, *, delta: float = 1.0) -> tuple[float, Array]:
    """Huber loss: e^2 / 2 for an error |e| <= delta, else delta (|e| - delta / 2), so that outliers pull no harder.

    Parameters, returns and errors are those of `mean_squared_error`; `delta` is in units of the normalised target
    (Huber 1964, section 4), and positive.
    """
    if not delta > 0:
        raise ConfigError(f"delta: got {delta}; it must be positive")
    error, share = _errors(prediction, target, weight)
    xp = namespace(error)
    clipped = xp.clip(error, -delta, delta)
    return float((clipped * (error - clipped / 2) * share).sum()), clipped * share


def binary_cross_entropy(logits: Array, target: Array, weight: Array | None = None) -> tuple[float, Array]:
    """Cross-entropy of sigmoid(logits) and labels that don't exclude each other: dl/dz = sigmoid(z) - t.

    Parameters
    ----------
    logits, target : float (N, K)
        Outputs of the network, and 1 where a label applies, else 0.
    weight : float (N,), optional
        Weight of each window.

    Returns
    -------
    loss : float
    dlogits : float (N, K)

    Raises
    ------
    DataError
        If shapes don't fit, an array is masked, a label does not lie from 0 to 1, or no weight is positive.
    """
    _check_outputs(logits)
    xp = namespace(logits)
    refuse_masked("target", target)
    target = xp.asarray(target, logits.dtype)
    _same_shape(logits, target)
    if not fused.on_gpu(target) and not bool(((target >= 0) & (target <= 1)).all()):
        raise DataError("labels must lie from 0 to 1: 1 where one applies, 0 where it doesn't")
    share = _shares(weight, logits)[:, None] / logits.dtype.type(logits.shape[1])
    # log(1 + exp(z)) - t z, written so that exp never sees a positive number.
    losses = xp.maximum(logits, 0) - logits * target + xp.log1p(xp.exp(-xp.abs(logits)))
    return float((losses * share).sum()), (sigmoid(logits) - target) * share


def _errors(prediction: Array, target: Array, weight: Array | None) -> tuple[Array, Array]:
    """Errors (N, K) of a regression and the share (N, 1) of each in the mean; errors without weight are 0."""
    _check_outputs(prediction)
    xp = namespace(prediction)
    refuse_masked("target", target)
    target = xp.asarray(target, prediction.dtype)
    _same_shape(prediction, target)
    share = _shares(weight, prediction)[:, None] / prediction.dtype.type(prediction.shape[1])
    # A target that doesn't exist is NaN, and NaN times a weight of 0 would still be NaN.
    return xp.where(share > 0, prediction - target, 0).astype(prediction.dtype), share


def _shares(weight: Array | None, like: Array) -> Array:
    """Share (N,) of each window in the mean; they sum to 1."""
    xp = namespace(like)
    n = len(like)
    refuse_masked("weight", weight)
    if weight is None:
        return xp.full(n, 1 / n, like.dtype)
    weight = xp.asarray(weight, like.dtype)
    if weight.shape != (n,):
        raise DataError(f"weights have the shape {weight.shape}; a batch of {n} windows needs ({n},)")
    total = float(weight.sum())
    if not 0 < total < math.inf or float(weight.min()) < 0:
        raise DataError(
            f"weights sum to {total:g}, the smallest is {float(weight.min()):g}; "
            "all must be finite, none negative, and at least one positive"
        )
    return weight / like.dtype.type(total)


def _same_shape(prediction: Array, target: Array) -> None:
    if prediction.shape != target.shape:
        raise DataError(f"predictions have the shape {prediction.shape}, targets {target.shape}; they must be the same")
