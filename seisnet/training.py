"""Training: one flat loop."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__, nn
from seisnet.config import TrainConfig
from seisnet.errors import DataError, TrainingError
from seisnet.metrics import class_scores, confusion_counts
from seisnet.model import Model, stack
from seisnet.preprocessing import Windows, read_windows
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.store.windows_file import WindowRows

EVALUATION_BATCH = 4096

History = dict[str, NDArray[np.float64]]

Progress = Callable[[dict[str, float]], None]
"""Called after every epoch with its row of the history."""


def fit(
    windows: Windows | str | Path,
    config: TrainConfig | None = None,
    *,
    name: str = "model",
    progress: Progress | None = None,
) -> tuple[Model, History]:
    """Train a model on windows.

    After every epoch the dev split is scored; the weights of the epoch with the best macro-F1 there are kept (the
    last epoch's where there is no dev split).

    Parameters
    ----------
    windows : Windows or path
        Made by preprocess.
    config : TrainConfig, optional
        How to train.
    name : str
        Name of the model.
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    model : Model
    history : dict of str to float64 (epochs,)
        ``epoch``, ``member``, ``train_loss``, ``dev_loss``, ``dev_accuracy``, ``dev_macro_f1``, ``learning_rate``.

    Raises
    ------
    DataError
        If the training split is empty or holds one class only.
    TrainingError
        If the loss is not finite.
    """
    config = config or TrainConfig()
    windows = windows if isinstance(windows, Windows) else read_windows(windows)
    train, dev = windows.split("train"), windows.split("dev")
    classes = windows.info.classes
    _check(train, classes)
    scaler = nn.StandardScaler().fit(train.x)
    x_train, x_dev = scaler.transform(train.x), scaler.transform(dev.x)
    weight = _weights(train, len(classes), config)
    networks, rows = [], []
    for member in range(config.members):
        rng = np.random.default_rng([config.seed, member])
        network = nn.Network(
            (x_train.shape[1], *config.hidden, len(classes)), config.activation, rng=rng, dropout=config.dropout
        )
        for row in _epochs(network, (x_train, train.y, weight), (x_dev, dev.y), config, rng):
            rows.append({"member": float(member), **row})
            if progress:
                progress(rows[-1])
        networks.append(network)
    columns: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for key, value in row.items():
            columns[key].append(value)
    history = {key: np.array(values) for key, values in columns.items()}
    stage = StoredStage(stack(networks), networks[0].sizes, config.activation)
    stored = StoredModel(
        stages=(stage,),
        classes=classes,
        mean=scaler.mean.astype(np.float32),
        scale=scaler.scale.astype(np.float32),
        preprocess=windows.info.config,
        train=dataclasses.asdict(config),
        thresholds={c: 0.5 for c in classes if c != "noise"},
        history=history,
        attributes={"seisnet_version": __version__, "windows_sha256": _digest(train)},
    )
    return Model(name, stored), history


def _epochs(
    network: nn.Network,
    train: tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.float32]],
    dev: tuple[NDArray[np.float32], NDArray[np.uint8]],
    config: TrainConfig,
    rng: np.random.Generator,
) -> Iterator[dict[str, float]]:
    """Train a network in place, yielding a row of history an epoch; it ends with the best epoch's weights."""
    x, y, weight = train
    steps = -(-len(y) // config.batch_size)
    optimizer = nn.make_optimizer(config.optimizer, config.learning_rate, momentum=config.momentum)
    schedule = nn.make_schedule(config.schedule, config.learning_rate, steps * config.epochs)
    best, best_theta, since = (-np.inf, -np.inf), network.theta.copy(), 0
    for epoch in range(config.epochs):
        order = rng.permutation(len(y))
        losses = []
        for step, start in enumerate(range(0, len(y), config.batch_size)):
            batch = order[start : start + config.batch_size]
            inputs = x[batch]
            if config.input_noise:
                inputs = inputs + np.float32(config.input_noise) * rng.standard_normal(inputs.shape, dtype=np.float32)
            logits, backward = network.forward(inputs, rng if config.dropout else None)
            loss, dlogits = nn.softmax_cross_entropy(
                logits, y[batch], weight[batch], label_smoothing=config.label_smoothing
            )
            if not np.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} at epoch {epoch + 1}, step {step + 1}; lower the learning rate "
                    f"(now {config.learning_rate:g}) or set clip_norm"
                )
            backward(dlogits)
            optimizer.learning_rate = schedule(epoch * steps + step)
            optimizer.step(network.theta, network.grad)
            losses.append(float(loss))
        row = {"epoch": epoch + 1.0, "train_loss": float(np.mean(losses)), "learning_rate": optimizer.learning_rate}
        row |= _score(network, *dev)
        yield row
        # Equal F1 is common on small dev splits; the loss then says which epoch is surer of itself.
        score = (row.get("dev_macro_f1", float(epoch)), -row.get("dev_loss", 0.0))
        since += 1
        if score > best:
            best, best_theta, since = score, network.theta.copy(), 0
        if config.patience and since >= config.patience:
            break
    network.theta[...] = best_theta


def _score(network: nn.Network, x: NDArray[np.float32], y: NDArray[np.uint8]) -> dict[str, float]:
    """Loss, accuracy and macro-F1 on the dev split; nothing where there is none."""
    if not len(y):
        return {}
    blocks = range(0, len(y), EVALUATION_BATCH)
    logits = np.concatenate([network.forward(x[i : i + EVALUATION_BATCH])[0].copy() for i in blocks])
    loss, _ = nn.softmax_cross_entropy(logits, y)
    scores = class_scores(confusion_counts(y, logits.argmax(axis=1), logits.shape[1]))
    return {"dev_loss": float(loss), "dev_accuracy": scores.accuracy, "dev_macro_f1": scores.macro_f1}


def _check(train: WindowRows, classes: tuple[str, ...]) -> None:
    present = [classes[k] for k in np.unique(train.y)]
    if not present:
        raise DataError("the training split holds no windows")
    if len(present) == 1:
        raise DataError(
            f"the training split holds only class {present[0]}; a classifier needs at least two of {', '.join(classes)}"
        )


def _weights(train: WindowRows, n_classes: int, config: TrainConfig) -> NDArray[np.float32]:
    """Weight of every window in the loss: its own, times that of its class."""
    if config.class_weight == "none":
        return train.weight
    mass = np.bincount(train.y, weights=train.weight, minlength=n_classes)
    of_class = mass.sum() / np.maximum(mass, 1e-12) / np.count_nonzero(mass)
    return (train.weight * of_class[train.y]).astype(np.float32)


def _digest(rows: WindowRows) -> str:
    """SHA-256 of the features and labels that a model was trained on."""
    return hashlib.sha256(rows.x.tobytes() + rows.y.tobytes()).hexdigest()
