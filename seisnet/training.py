"""Training: one flat loop."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__, nn
from seisnet.config import TrainConfig, to_json
from seisnet.errors import ConfigError, TrainingError
from seisnet.metrics import class_scores, confusion_counts
from seisnet.model import Model
from seisnet.nn.arrays import namespace
from seisnet.preprocessing import Windows
from seisnet.store.checkpoint_file import Checkpoint, read_checkpoint, write_checkpoint
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.training_data import TrainingData, load_training_data

History = dict[str, NDArray[np.float64]]

Progress = Callable[[dict[str, float]], None]
"""Called after every epoch with its row of the history."""

DEFAULT_THRESHOLD = 0.7
"""Near the best F1 of picks in cross-validation on 154 Californian records (benchmarks/EXPERIMENTS.md)."""

VANISHED, EXPLODED = 1e-4, 1e4
"""A message is due when a layer's gradient norm is below this share of the largest layer's, or above this."""


def fit(  # noqa: PLR0913, each is a choice that somebody makes
    windows: Windows | str | Path,
    config: TrainConfig | None = None,
    *,
    name: str = "model",
    init: Model | None = None,
    device: str = "cpu",
    threads: int = 0,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[Model, History]:
    """Train a model on windows.

    After every epoch the dev split is scored; the weights of the epoch with the best macro-F1 there are kept (the
    last epoch's where there is no dev split). The same windows, config and machine give the same bytes.

    Parameters
    ----------
    windows : Windows or path
        Made by preprocess. A file whose training split exceeds `config.memory_mb` is read in blocks.
    config : TrainConfig, optional
        How to train.
    name : str
        Name of the model.
    init : Model, optional
        Start from the weights and the scaler of this model, which must have the same layers and recipe.
    device : {"cpu", "cuda"}
        Where the network computes.
    threads : int
        Most that may share a large matrix product, 0 for all cores; fewer are used where that is faster.
    checkpoint : Path, optional
        Written after every epoch; where it exists already, training goes on from it, bit for bit.
    progress : callable, optional
        See `Progress`.
    say : callable, optional
        Called with plain messages on gradients and outputs that look wrong.

    Returns
    -------
    model : Model
    history : dict of str to float64 (epochs,)
        ``member``, ``epoch``, ``train_loss``, ``learning_rate``, ``dev_loss``, ``dev_accuracy``, ``dev_macro_f1``, and
        for each layer ``gradient_norm_<layer>`` and ``saturated_<layer>``, from the last batch of the epoch.

    Raises
    ------
    DataError
        If the training split is empty or holds one class only.
    ConfigError
        If `init` or the checkpoint does not fit, or there is no such device.
    TrainingError
        If the loss is not finite.
    """
    config = config or TrainConfig()
    with ExitStack() as files:
        data = load_training_data(windows, config, init, files)
        sizes = (data.x_dev.shape[1], *config.hidden, len(data.info.classes))
        identity = hashlib.sha256(f"{to_json(config)} {data.digest} {_parent(init)} {__version__}".encode()).hexdigest()
        state = None
        if checkpoint is not None and checkpoint.exists():
            state = read_checkpoint(checkpoint)
            if state.identity != identity:
                raise ConfigError(f"{checkpoint} belongs to other windows or settings; remove it to start anew")
        thetas = [] if state is None else state.thetas
        history = [] if state is None else state.history
        while len(thetas) < config.members:
            rng = np.random.default_rng([config.seed, len(thetas)])
            network = _network(sizes, config, rng, init, len(thetas), device)
            if state is None:
                theta = _on_cpu(network.theta).copy()
                state = Checkpoint(
                    identity, theta, theta.copy(), dict(rng.bit_generator.state), thetas, history=history
                )
            with nn.fastest_threads(network, config.batch_size, threads or os.cpu_count() or 1):
                _train(network, data, config, rng, state, checkpoint, progress, say)
            thetas.append(state.best_theta)
            state = None
    columns: dict[str, list[float]] = defaultdict(list)
    for row in history:
        for key, value in row.items():
            columns[key].append(value)
    table = {key: np.array(values) for key, values in columns.items()}
    attributes = {"seisnet_version": __version__, "windows_sha256": data.digest}
    stored = StoredModel(
        stages=(StoredStage(thetas[0] if len(thetas) == 1 else np.stack(thetas), sizes, config.activation),),
        classes=data.info.classes,
        mean=data.scaler.mean.astype(np.float32),
        scale=data.scaler.scale.astype(np.float32),
        preprocess=data.info.config,
        train=dataclasses.asdict(config),
        thresholds=dict.fromkeys((c for c in data.info.classes if c != "noise"), DEFAULT_THRESHOLD),
        history=table,
        attributes=attributes | ({"parent_sha256": _parent(init)} if init else {}),
    )
    return Model(name, stored), table


def _train(
    network: nn.Network,
    data: TrainingData,
    config: TrainConfig,
    rng: np.random.Generator,
    state: Checkpoint,
    checkpoint: Path | None,
    progress: Progress | None,
    say: Callable[[str], None] | None,
) -> None:
    """Train one member from where `state` stands, and keep `state` up to date."""
    xp = namespace(network.theta)
    network.theta[...] = xp.asarray(state.theta)
    rng.bit_generator.state = state.generator
    steps = -(-len(data.batches) // config.batch_size)
    optimizer = nn.make_optimizer(
        config.optimizer, config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
    )
    optimizer.state = {key: xp.asarray(values) for key, values in state.optimizer.items()}
    schedule = nn.make_schedule(config.schedule, config.learning_rate, steps * config.epochs)
    if isinstance(schedule, nn.Plateau) and state.schedule is not None:
        schedule.state = state.schedule
    while state.epoch < config.epochs and not (config.patience and state.since >= config.patience):
        losses = []
        for i, (x, y, weight) in enumerate(data.batches.epoch(config.batch_size, rng)):
            logits, backward = network.forward(xp.asarray(x), rng)
            loss, dlogits = nn.softmax_cross_entropy(
                logits, xp.asarray(y), xp.asarray(weight), label_smoothing=config.label_smoothing
            )
            if not np.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} at epoch {state.epoch + 1}, batch {i + 1}: lower the learning rate "
                    f"(now {config.learning_rate:g}), or set clip_norm"
                )
            backward(dlogits)
            if i == steps - 1:  # before penalties: a layer that learns nothing must not look alive by its decay
                norms = nn.gradient_norms(network)
            optimizer.learning_rate = schedule(state.epoch * steps + i)
            _update(network, optimizer, config)
            losses.append(float(loss))
        nn.flush_denormals(optimizer)
        row = {
            "member": float(len(state.thetas)),
            "epoch": state.epoch + 1.0,
            "train_loss": float(np.mean(losses)),
            "learning_rate": float(optimizer.learning_rate),
        }
        row |= {f"gradient_norm_{k}": norm for k, norm in enumerate(norms, start=1)}
        row |= {f"saturated_{k}": share for k, share in enumerate(nn.saturated_shares(network), start=1)}
        row |= _score(network, data, say)
        if say:
            _look_at_gradients(row, len(network.sizes) - 1, say)
        state.history.append(row)
        # Equal F1 is common on small dev splits; the loss then says which epoch is surer of itself.
        score = (row.get("dev_macro_f1", float(state.epoch)), -row.get("dev_loss", 0.0))
        if isinstance(schedule, nn.Plateau):
            schedule.observe(row.get("dev_loss", row["train_loss"]))
            state.schedule = schedule.state
        state.epoch, state.since = state.epoch + 1, state.since + 1
        state.theta = _on_cpu(network.theta).copy()
        if score > state.best:
            state.best, state.best_theta, state.since = score, state.theta, 0
        state.generator = dict(rng.bit_generator.state)
        state.optimizer = {key: _on_cpu(values) for key, values in optimizer.state.items()}
        if checkpoint is not None:
            write_checkpoint(checkpoint, state)
        if progress:
            progress(row)


def _update(network: nn.Network, optimizer: nn.Optimizer, config: TrainConfig) -> None:
    """Change the parameters by the gradient that backward has left, regularised as the config says."""
    l2 = 0.0 if config.optimizer == "adamw" else config.weight_decay  # AdamW decays by itself
    if l2 or config.l1:
        nn.add_penalty(network, l1=config.l1, l2=l2)
    if config.clip_norm:
        nn.clip_gradient(network.grad, config.clip_norm)
    optimizer.step(network.theta, network.grad)
    if config.max_norm:
        nn.limit_norms(network, config.max_norm)


def _score(network: nn.Network, data: TrainingData, say: Callable[[str], None] | None) -> dict[str, float]:
    """Loss, accuracy and macro-F1 on the dev split; nothing where there is none."""
    if not len(data.y_dev):
        return {}
    logits = _on_cpu(network.predict(namespace(network.theta).asarray(data.x_dev)))
    loss, _ = nn.softmax_cross_entropy(logits, data.y_dev)
    predicted = logits.argmax(axis=1)
    if say and len(np.unique(predicted)) == 1 and len(np.unique(data.y_dev)) > 1:
        say(f"every dev window is called {data.info.classes[predicted[0]]}: the network has not learned yet")
    scores = class_scores(confusion_counts(data.y_dev, predicted, logits.shape[1]))
    return {"dev_loss": float(loss), "dev_accuracy": scores.accuracy, "dev_macro_f1": scores.macro_f1}


def _look_at_gradients(row: dict[str, float], n_layers: int, say: Callable[[str], None]) -> None:
    norms = [row[f"gradient_norm_{k}"] for k in range(1, n_layers + 1)]
    for k, norm in enumerate(norms, start=1):
        if norm > EXPLODED:
            say(f"the gradient of layer {k} explodes (norm {norm:.1e}): lower the learning rate or set clip_norm")
        if norm < VANISHED * max(norms):
            say(f"the gradient of layer {k} vanishes (norm {norm:.1e}): try relu, fewer layers, or scaled inputs")


def _network(
    sizes: tuple[int, ...],
    config: TrainConfig,
    rng: np.random.Generator,
    init: Model | None,
    member: int,
    device: str,
) -> nn.Network:
    """A network with first weights, drawn or taken from another model, on a device."""
    kinds: dict[str, Any] = {"dropout": config.dropout, "input_noise": config.input_noise}
    if init is None:
        network = nn.Network(sizes, config.activation, rng=rng, **kinds)
    else:
        stage = init.stored.stages[0]
        if stage.sizes != sizes or stage.activation != config.activation:
            raise ConfigError(
                f"model {init.name} has layers {stage.sizes}, {stage.activation}; the training asks for {sizes}, "
                f"{config.activation}"
            )
        members = np.atleast_2d(stage.theta)
        network = nn.Network(sizes, config.activation, theta=members[member % len(members)], **kinds)
    if device == "cpu":
        return network
    return nn.Network(sizes, config.activation, theta=_cuda().asarray(network.theta), **kinds)


def _cuda() -> Any:
    """The CuPy module, if it is there and finds a GPU."""
    try:
        import cupy
    except ImportError as error:
        raise ConfigError("device cuda needs CuPy: pip install 'seisnet[gpu]'") from error
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ConfigError(f"device cuda: CuPy finds no GPU ({error})") from error
    if not n_devices:
        raise ConfigError("device cuda: CuPy finds no GPU")
    return cupy


def _on_cpu(values: Any) -> Any:
    return values.get() if hasattr(values, "get") else values


def _parent(init: Model | None) -> str:
    """SHA-256 of the weights that a training starts from."""
    return hashlib.sha256(init.stored.stages[0].theta.tobytes()).hexdigest() if init else ""
