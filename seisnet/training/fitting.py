"""Training of a model: its stages, one network after the other, see `seisnet.training.tasks`."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__, nn
from seisnet.config import TrainConfig, from_dict, instance, or_default
from seisnet.errors import ConfigError
from seisnet.model import Model, load_model
from seisnet.nn.arrays import on_host
from seisnet.store.checkpoint_file import Checkpoint, read_checkpoint
from seisnet.store.model_file import StoredModel
from seisnet.store.windows_in_memory import Windows
from seisnet.training.batches import TrainingData
from seisnet.training.calibration import calibrated
from seisnet.training.cards import with_card
from seisnet.training.loop import train_network
from seisnet.training.parents import Parent, settings_for
from seisnet.training.tasks import Run, Task
from seisnet.training.window_data import load_windows
from seisnet.wording import Say, silent

History = dict[str, NDArray[np.float64]]

Progress = Callable[[str, dict[str, float]], None]
"""Called after every epoch with the stage of the network, see `Task`, and the row of the history."""


def fit(  # noqa: PLR0913, each is a choice that somebody makes
    windows: Windows | str | Path,
    config: TrainConfig | None = None,
    *,
    name: str = "model",
    card: str = "",
    init: Model | str | Path | None = None,
    device: str = "cpu",
    threads: int = 0,
    checkpoint: str | Path | None = None,
    progress: Progress | None = None,
    say: Say = silent,
) -> tuple[Model, History]:
    """Train a model on windows.

    After every epoch the dev split is scored; the weights of the epoch with the best macro-F1 there are kept (the
    last epoch's where there is no dev split). The same windows, config and machine give the same bytes, but for the
    kernels that `seisnet train` may choose before NumPy is imported (`seisnet.kernels`).

    Parameters
    ----------
    windows : Windows or path
        Made by preprocess. A file whose training split exceeds `config.memory_mb` is read in blocks.
    config : TrainConfig, optional
        How to train; by default ``TrainConfig()`` or, if `init` is given, `settings_for` it.
    name : str
        Name of the model.
    card : str
        Markdown that comes before what the training itself writes into the model's card: whose the data are, under
        which licence, and how they are cited.
    init : Model, name or path, optional
        Start from the weights and the scaler of this model. It must have the recipe of the windows, and the layers
        that the config asks for, as ``TrainConfig(**init.layers)`` does.
    device : {"cpu", "cuda"}
        Where networks are trained, except the small onset network. A GPU draws other noise and dropout from the same
        seed.
    threads : int
        How many may share a large matrix product, at most; 0 for all cores. Fewer are used where that is faster.
    checkpoint : str or Path, optional
        Written after every epoch; where it exists already, training goes on from it, bit for bit.
    progress : callable, optional
        See `Progress`.
    say : callable, optional
        Called with messages, such as which gradients and outputs look wrong.

    Returns
    -------
    model : Model
    history : dict of str to float64 (R,)
        Of the window networks, one row for each epoch of each member: ``member``, ``epoch``, ``train_loss``,
        ``learning_rate``, ``dev_loss``, ``dev_accuracy``, ``dev_macro_f1``, and for each layer
        ``gradient_norm_<layer>`` and ``saturated_<layer>``, from the last batch of the epoch. Histories of the other
        stages are in the model's metrics; those of teachers are not kept.

    Raises
    ------
    DataError
        If the training split is empty or holds one class only, or columns of the windows don't fit each other.
    ConfigError
        If `init` or the checkpoint does not fit, the device does not exist, or an argument is of the wrong kind.
    TrainingError
        If the loss or the outputs are not finite.
    """
    if not isinstance(windows, str | Path):
        instance("windows", windows, Windows)
    init = load_model(init) if isinstance(init, str | Path) else init
    if init is not None:
        instance("init", init, Model)
    instance("card", card, str)
    if "\0" in card:  # HDF5 would refuse it when all is done
        raise ConfigError("card: holds a zero byte; text is needed")
    if config is None and init is not None:
        config = settings_for(init)
    config = or_default(config, TrainConfig)
    if config.keep and init is None:
        raise ConfigError("keep: without a model to start from (--init, init) there is nothing to keep; leave it out")
    if device not in ("cpu", "cuda"):  # and none is proposed: of gpu, the nearest is cpu
        raise ConfigError(f"device: got '{device}'; known: cpu, cuda")
    checkpoint = None if checkpoint is None else Path(checkpoint)
    with ExitStack() as files:
        run = Run(windows, config, init, files, say)
        state = _interrupted(checkpoint, run.identity)
        thetas = run.thetas = [] if state is None else state.thetas
        history = [] if state is None else state.history
        source = None
        for task in run.tasks[len(thetas) :]:
            if task.data != source:
                source, data = task.data, run.data_of(task)
            if task.lesson:  # no other task needs these data: free the memory
                source, data = None, task.lesson(data)
            rng = np.random.default_rng([config.seed, len(thetas)])
            network = _network(task, data, rng, device)
            if state is None:
                theta = on_host(network.theta).copy()
                state = Checkpoint(run.identity, theta, theta, dict(rng.bit_generator.state), thetas, history=history)
            told = partial(progress, task.stage) if progress else None
            named = partial(_say_of, say, task.stage)
            with nn.fastest_threads(network, task.config.batch_size, threads or os.cpu_count() or 1):
                train_network(
                    network, data, task.objective, task.config, state, checkpoint=checkpoint, progress=told, say=named
                )
            thetas.append(state.best_theta)
            state = None
        model, budget = Model(name, run.stored(history)), config.false_alarms_per_hour
        stored = calibrated(model, run.dev, false_alarms_per_hour=budget, say=say)
        stored = with_card(stored, run.windows, run.parent, card)
        return Model(name, stored), dict(stored.history)


def _interrupted(checkpoint: Path | None, identity: str) -> Checkpoint | None:
    """Where an interrupted training stands; None if there was none."""
    if checkpoint is None or not checkpoint.exists():
        return None
    state = read_checkpoint(checkpoint)
    if state.identity != identity:
        raise ConfigError(
            f"{checkpoint} belongs to other windows or settings; continue with those of the interrupted "
            "training, or remove it to start again, as seisnet train does with --overwrite"
        )
    return state


def _say_of(say: Say, stage: str, line: str) -> None:
    say(f"{stage} network: {line}")


def is_fitted(stored: StoredModel, windows: Windows | str | Path, config: TrainConfig, init: Model | None) -> bool:
    """Whether a model is what `fit` would make of these windows and settings, starting from `init`.

    Raises
    ------
    DataError
        As `fit`, where nothing can be made of the windows.
    """
    with ExitStack() as files:
        learned = load_windows(windows, config, init, files)
    return (
        from_dict(TrainConfig, dict(stored.train)) == config
        and dict(stored.preprocess) == learned.info.config
        and stored.attributes.get("seisnet_version", "") == __version__
        and stored.attributes.get("windows_sha256", "") == learned.digest
        and stored.attributes.get("parent_sha256", "") == Parent(init).digest
    )


def _network(task: Task, data: TrainingData, rng: np.random.Generator, device: str) -> nn.Network:
    """The network of a task with its first weights, on a device."""
    sizes = (data.batches.n_features, *task.config.hidden, task.n_outputs)
    kinds: dict[str, Any] = {"dropout": task.config.dropout, "input_noise": task.config.input_noise}
    if task.init is None:
        network = nn.Network(sizes, task.config.activation, rng=rng, **kinds)
    else:
        theta = task.init.copy()
        if data.prior_shift is not None:  # which is added again when the model is made
            theta[-task.n_outputs :] -= data.prior_shift
        network = nn.Network(sizes, task.config.activation, theta=theta, **kinds)
    # What is small, or computed on the host, stays there.
    if device == "cpu" or task.stage == "onset":
        return network
    return nn.Network(sizes, task.config.activation, theta=_cuda().asarray(network.theta), **kinds)


def _cuda() -> Any:
    """The CuPy module, if it is there and finds a GPU."""
    try:
        import cupy
    except ImportError as error:
        raise ConfigError("device cuda needs CuPy: pip install cupy-cuda12x, or cupy-cuda13x for CUDA 13") from error
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ConfigError(f"device cuda: CuPy finds no GPU ({error})") from error
    if not n_devices:
        raise ConfigError("device cuda: CuPy finds no GPU")
    return cupy
