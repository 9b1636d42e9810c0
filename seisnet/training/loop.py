"""Training of one network: one flat loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet import nn
from seisnet.config import TrainConfig
from seisnet.errors import TrainingError
from seisnet.nn.arrays import Array, namespace, on_host
from seisnet.store.checkpoint_file import Checkpoint, write_checkpoint
from seisnet.training.batches import MemoryBatches, TrainingData
from seisnet.training.objectives import Objective
from seisnet.wording import Say, silent

VANISHED, EXPLODED = 1e-4, 1e4
"""A message is due when a layer's gradient norm is below this share of the largest layer's, or above this."""

ADAPTIVE = ("rmsprop", "adam", "adamw")
"""Optimisers whose steps are about as long as the learning rate, whatever the gradient: that of SGD is too large."""


def train_network(
    network: nn.Network,
    data: TrainingData,
    objective: Objective,
    config: TrainConfig,
    state: Checkpoint,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[dict[str, float]], None] | None = None,
    say: Say = silent,
) -> None:
    """Train a network from where `state` stands, and keep `state` up to date.

    Parameters
    ----------
    network : Network
        Its weights are taken from `state`.
    data : TrainingData
    objective : Objective
        Loss, and which epoch is the best.
    config : TrainConfig
        How to train.
    state : Checkpoint
        As it was after some epoch, or at the start.
    checkpoint : Path, optional
        Where `state` is written after every epoch.
    progress : callable, optional
        Called after every epoch with its row of the history.

    Raises
    ------
    TrainingError
        If the loss or the outputs are not finite.
    """
    xp = namespace(network.theta)
    data = _near(data, xp)
    rng = np.random.default_rng()
    network.theta[...] = xp.asarray(state.theta)
    rng.bit_generator.state = state.generator
    steps = -(-len(data.batches) // config.batch_size)
    optimizer = _optimizer(network, config)
    optimizer.state = {key: xp.asarray(values) for key, values in state.optimizer.items()}
    schedule = nn.make_schedule(config.schedule, config.learning_rate, steps * config.epochs)
    if isinstance(schedule, nn.Plateau) and state.schedule is not None:
        schedule.state = state.schedule
    while state.epoch < config.epochs and not (config.patience and state.since >= config.patience):
        found: list[Array] = []
        for i, (x, y, weight) in enumerate(data.batches.epoch(config.batch_size, rng)):
            outputs, backward = network.forward(xp.asarray(x), rng)
            loss, doutputs = objective.loss(outputs, xp.asarray(y), xp.asarray(weight))
            if xp is np:  # a GPU would have to be waited for
                _check(loss, state.epoch, i, config)
            backward(doutputs)
            if i == steps - 1:  # before penalties: a layer that learns nothing must not look alive by its decay
                norms = nn.gradient_norms(network)
            optimizer.learning_rate = schedule(state.epoch * steps + i)
            _update(network, optimizer, config)
            found.append(loss)
        losses = _read(found, xp, state.epoch, config)
        nn.flush_denormals(optimizer)
        row = {
            "task": float(len(state.thetas)),
            "epoch": state.epoch + 1.0,
            "epochs": float(config.epochs),
            "train_loss": float(np.mean(losses)),
            "learning_rate": float(optimizer.learning_rate),
        }
        row |= {f"gradient_norm_{k}": norm for k, norm in enumerate(norms, start=1)}
        row |= {f"saturated_{k}": share for k, share in enumerate(nn.saturated_shares(network), start=1)}
        outputs = _outputs(network, data.x_dev if len(data.y_dev) else xp.asarray(x), state.epoch, config)
        if len(data.y_dev):
            outputs = outputs if data.prior_shift is None else outputs + data.prior_shift
            row |= objective.score(outputs, data.y_dev, say)
        look_at_gradients(row, state.history, config, say)
        state.history.append(row)
        rank = objective.rank(row)
        if isinstance(schedule, nn.Plateau):
            schedule.observe(row.get("dev_loss", row["train_loss"]))
            state.schedule = schedule.state
        state.epoch, state.since = state.epoch + 1, state.since + 1
        state.theta = on_host(network.theta).copy()
        if rank > state.best:
            state.best, state.best_theta, state.since = rank, state.theta, 0
        state.generator = dict(rng.bit_generator.state)
        state.optimizer = {key: on_host(values) for key, values in optimizer.state.items()}
        if checkpoint is not None:
            write_checkpoint(checkpoint, state)
        if progress:
            progress(row)


def history_columns(history: Sequence[dict[str, float]], tasks: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    """Columns (epochs,) of the history of some tasks, one after the other; ``member`` says of which, counted from 0."""
    columns: dict[str, list[float]] = defaultdict(list)
    for row in history:
        if row["task"] in tasks:
            columns["member"].append(float(tasks.index(int(row["task"]))))
            for key, value in row.items():
                if key not in ("task", "epochs"):
                    columns[key].append(value)
    return {key: np.array(values) for key, values in columns.items()}


def _optimizer(network: nn.Network, config: TrainConfig) -> nn.Optimizer:
    """The optimiser of a training; AdamW decays weights alone, as the penalty of the others does."""
    optimizer = nn.make_optimizer(
        config.optimizer, config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
    )
    if isinstance(optimizer, nn.AdamW):
        optimizer.decays = network.is_weight
    return optimizer


def _near(data: TrainingData, xp: Any) -> TrainingData:
    """The data in the memory of the network's device; batches may take half of what is free on a GPU."""
    if xp is np:
        return data
    batches = data.batches
    free_bytes = xp.cuda.Device().mem_info[0] + xp.get_default_memory_pool().free_bytes()
    if isinstance(batches, MemoryBatches) and batches.x.nbytes < free_bytes / 2:
        x, y, weight = map(xp.asarray, (batches.x, batches.y, batches.weight))
        batches = replace(batches, x=x, y=y, weight=weight)
    return replace(data, batches=batches, x_dev=xp.asarray(data.x_dev))


def _read(found: Sequence[Array], xp: Any, epoch: int, config: TrainConfig) -> list[float]:
    """Losses of an epoch, once all its batches are done."""
    losses: list[float] = xp.stack(found).tolist()
    for i, loss in enumerate(losses):
        _check(loss, epoch, i, config)
    return losses


def _check(loss: float, epoch: int, batch: int, config: TrainConfig) -> None:
    if not np.isfinite(loss):
        raise TrainingError(f"the loss is {loss} at epoch {epoch + 1}, batch {batch + 1}: {_remedy(config)}")


def _outputs(network: nn.Network, x: Array, epoch: int, config: TrainConfig) -> NDArray[np.float32]:
    """Outputs after an epoch, whose last step may have been the one too many, which no loss has seen yet."""
    outputs: NDArray[np.float32] = on_host(network.predict(x))
    if not np.isfinite(outputs).all():
        raise TrainingError(f"the outputs are not finite after epoch {epoch + 1}: {_remedy(config)}")
    return outputs


def _remedy(config: TrainConfig) -> str:
    return f"lower the learning rate (now {config.learning_rate:g}), or set clip_norm"


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


def look_at_gradients(row: dict[str, float], before: Sequence[dict[str, float]], config: TrainConfig, say: Say) -> None:
    """Say what may help layers whose gradient explodes or vanishes, unless it did so in an earlier epoch."""
    known = {wrong for other in before if other["task"] == row["task"] for wrong in _wrong_gradients(other)}
    for k, what in _wrong_gradients(row):
        if (k, what) in known:
            continue
        if what == "explodes":
            advice = "lower the learning rate or set clip_norm"
        elif any(row.get(f"saturated_{j}") == 1 for j in range(k, len(row))):
            usual = f", where {config.optimizer} needs about 0.001" if config.optimizer in ADAPTIVE else ""
            advice = f"no window moves its units: lower the learning rate (now {config.learning_rate:g}{usual})"
            advice += f" or the dropout (now {config.dropout:g})" if config.dropout > 0.5 else ""
        else:
            advice = "try relu, fewer layers, or scaled inputs"
        norm = row[f"gradient_norm_{k}"]
        say(f"the gradient of layer {k} {what} (norm {norm:.1e} in epoch {row['epoch']:.0f}): {advice}")


def _wrong_gradients(row: dict[str, float]) -> Iterator[tuple[int, str]]:
    norms = [norm for key, norm in row.items() if key.startswith("gradient_norm_")]
    for k, norm in enumerate(norms, start=1):
        if norm > EXPLODED:
            yield k, "explodes"
        elif norm < VANISHED * max(norms):
            yield k, "vanishes"
