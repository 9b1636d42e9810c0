"""Training of a model: its stages, one network after the other.

The window network, or each member of an ensemble, learns from the windows. Then, where the windows file holds excerpts
of whole records, each fold of stations is scanned by a window network that learned from the others, and the context
stage learns to read what it says; and the onset network learns to find onsets to the sample. Every network is a task:
a checkpoint says which are finished, and where the one in training stands.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__, nn
from seisnet.calibration import calibrated
from seisnet.config import PreprocessConfig, TrainConfig, from_dict, to_json
from seisnet.errors import ConfigError
from seisnet.features import make_feature
from seisnet.loop import Progress, on_cpu, train_network
from seisnet.model import Model
from seisnet.objectives import Classification, Objective, OnsetRegression, Say
from seisnet.picks import station_of
from seisnet.preprocessing import Windows
from seisnet.sliding import SlidingNetwork
from seisnet.stages import can_learn_context, can_learn_onsets, context_data, fold_of, onset_data
from seisnet.store.checkpoint_file import Checkpoint, read_checkpoint
from seisnet.store.excerpts import Excerpt, read_excerpts
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.store.windows_file import SPLITS
from seisnet.training_data import TrainingData, WindowData, load_windows

History = dict[str, NDArray[np.float64]]

DEFAULT_THRESHOLD = 0.7
"""Near the best F1 of picks in cross-validation on 154 Californian records (benchmarks/EXPERIMENTS.md)."""


@dataclass(frozen=True)
class Task:
    """One network to train.

    Attributes
    ----------
    stage : str
        ``windows``, ``fold``, ``context`` or ``onset``.
    config : TrainConfig
        How this network is trained.
    data : callable
        What it learns from.
    objective : Objective
    n_outputs : int
    init : float32 (P,) or None
        Weights to start from.
    """

    stage: str
    config: TrainConfig
    data: Callable[[], TrainingData]
    objective: Objective
    n_outputs: int
    init: NDArray[np.float32] | None = None


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
    say: Say | None = None,
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
        Of the window networks: ``member``, ``epoch``, ``train_loss``, ``learning_rate``, ``dev_loss``,
        ``dev_accuracy``, ``dev_macro_f1``, and for each layer ``gradient_norm_<layer>`` and ``saturated_<layer>``,
        from the last batch of the epoch. Those of the other stages stand in the model's metrics.

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
        run = _Run(windows, config, init, files, say)
        identity = hashlib.sha256(
            f"{to_json(config)} {run.data.digest} {_parent(init)} {__version__}".encode()
        ).hexdigest()
        state = None
        if checkpoint is not None and checkpoint.exists():
            state = read_checkpoint(checkpoint)
            if state.identity != identity:
                raise ConfigError(f"{checkpoint} belongs to other windows or settings; remove it to start anew")
        thetas = run.thetas = [] if state is None else state.thetas
        history = [] if state is None else state.history
        for task in run.tasks[len(thetas) :]:
            data = task.data()
            rng = np.random.default_rng([config.seed, len(thetas)])
            network = _network(task, data.batches.n_features, rng, device)
            if state is None:
                theta = on_cpu(network.theta).copy()
                state = Checkpoint(
                    identity, theta, theta.copy(), dict(rng.bit_generator.state), thetas, history=history
                )
            with nn.fastest_threads(network, task.config.batch_size, threads or os.cpu_count() or 1):
                train_network(
                    network, data, task.objective, task.config, state, checkpoint=checkpoint, progress=progress, say=say
                )
            thetas.append(state.best_theta)
            state = None
        stored = run.stored(history)
        return Model(name, calibrated(Model(name, stored), run.dev)), dict(stored.history)


class _Run:
    """The tasks of a training run, and the model that they make together."""

    def __init__(
        self,
        windows: Windows | str | Path,
        config: TrainConfig,
        init: Model | None,
        files: ExitStack,
        say: Say | None,
    ) -> None:
        self.data: WindowData = load_windows(windows, config, init, files)
        self.thetas: list[NDArray[np.float32]] = []
        self._config, self._init = config, init
        self._recipe = from_dict(PreprocessConfig, self.data.info.config)
        self._train, self.dev = _excerpts(windows, "train"), _excerpts(windows, "dev")
        self._scalers: dict[str, nn.StandardScaler] = {}
        classes = self.data.info.classes
        n = len(classes)
        judged = Classification(classes, config.label_smoothing)
        self._sizes = (self.data.x_dev.shape[1], *config.hidden, n)
        if init:
            _check_layers(init, self._sizes, config.activation)
        self.tasks = [
            Task("windows", config, self.data.training, judged, n, self._first_weights("features", i))
            for i in range(config.members)
        ]
        for stage, wanted, why_not in (
            ("context", config.context, can_learn_context),
            ("onset", config.onset, can_learn_onsets),
        ):
            reason = why_not(self._train, self._recipe) if self._train else "the windows file holds no excerpts"
            if wanted and self._recipe.task == "phase" and not reason:
                self.tasks += list(self._context_tasks() if stage == "context" else self._onset_tasks())
            elif wanted and self._recipe.task == "phase" and say:
                say(f"the model gets no {stage} stage: {reason}")

    def _context_tasks(self) -> Iterator[Task]:
        config, classes = self._config, self.data.info.classes
        stations = [station_of(str(t)) for t in self.data.train.trace_id]
        folds = fold_of([*stations, *(station_of(e.trace_id) for e in self._train)], config.folds, config.seed)
        fold = np.array([folds[s] for s in stations])
        once = dataclasses.replace(config, members=1)
        first = len(self.tasks)
        n_folds = len(set(folds.values()))
        for k in range(n_folds):
            judged = Classification(classes, config.label_smoothing)
            kept = fold != k
            first_weights = self._first_weights("features", 0)
            yield Task("fold", once, partial(self.data.training, kept), judged, len(classes), first_weights)
        small = dataclasses.replace(
            config, hidden=config.context_hidden, epochs=config.context_epochs, patience=0, batch_size=256,
            dropout=0.2, input_noise=0.1, label_smoothing=0.02,
        )  # fmt: skip

        def data() -> TrainingData:
            networks = [self._sliding(self.thetas[first + k : first + k + 1]) for k in range(n_folds)]
            whole = self._sliding(self.thetas[: config.members])
            found = context_data(
                self._train,
                self.dev,
                lambda station: networks[folds[station]] if station in folds else whole,
                self._recipe,
                np.random.default_rng(config.seed),
                self._first_scaler("context"),
            )
            self._scalers["context"] = found.scaler
            return found

        judged = Classification(classes, small.label_smoothing, by_f1=False)
        for i in range(config.members):
            yield Task("context", small, data, judged, len(classes), self._first_weights("context", i))

    def _onset_tasks(self) -> Iterator[Task]:
        config = self._config

        def data() -> TrainingData:
            rng = np.random.default_rng(config.seed)
            found = onset_data(self._train, self.dev, self._recipe, rng, self._first_scaler("onset"))
            self._scalers["onset"] = found.scaler
            return found

        small = dataclasses.replace(
            config, hidden=config.onset_hidden, epochs=config.onset_epochs, patience=0, batch_size=64,
            dropout=0.3, input_noise=0.2,
        )  # fmt: skip
        n_outputs = 2 * (len(self.data.info.classes) - 1)
        yield Task("onset", small, data, OnsetRegression(), n_outputs, self._first_weights("onset", 0))

    def _stage(self, reads: str) -> StoredStage | None:
        """A stage of the model that is trained further."""
        stages = self._init.stored.stages if self._init else ()
        return next((stage for stage in stages if stage.reads == reads), None)

    def _first_weights(self, reads: str, member: int) -> NDArray[np.float32] | None:
        stage = self._stage(reads)
        if stage is None:
            return None
        members = np.atleast_2d(stage.theta)
        weights: NDArray[np.float32] = members[member % len(members)]
        return weights

    def _first_scaler(self, reads: str) -> nn.StandardScaler | None:
        stage = self._stage(reads)
        if stage is None or stage.mean is None or stage.scale is None:
            return None
        scaler = nn.StandardScaler()
        scaler.mean, scaler.scale = stage.mean, stage.scale
        return scaler

    def _sliding(self, thetas: Sequence[NDArray[np.float32]]) -> SlidingNetwork:
        networks = tuple(nn.Network(self._sizes, self._config.activation, theta=theta) for theta in thetas)
        scaler = self.data.scaler
        mean, scale = scaler.mean.astype(np.float32), scaler.scale.astype(np.float32)
        return SlidingNetwork(make_feature(self._recipe), networks, mean, scale)

    def stored(self, history: list[dict[str, float]]) -> StoredModel:
        """The model, not yet calibrated."""
        info, config = self.data.info, self._config
        stages, metrics = [], {}
        for name in ("windows", "context", "onset"):
            chosen = [i for i, task in enumerate(self.tasks) if task.stage == name]
            if not chosen:  # what can't be trained further stays as it is
                stages += [kept for kept in [self._stage(name)] if kept is not None]
                continue
            task = self.tasks[chosen[0]]
            if name not in self._scalers:
                self._scalers[name] = task.data().scaler
            scaler, thetas = self._scalers[name], [self.thetas[i] for i in chosen]
            n_inputs = len(scaler.mean)
            stages.append(
                StoredStage(
                    thetas[0] if len(thetas) == 1 else np.stack(thetas),
                    (n_inputs, *task.config.hidden, task.n_outputs),
                    task.config.activation,
                    reads="features" if name == "windows" else name,
                    mean=None if name == "windows" else scaler.mean.astype(np.float32),
                    scale=None if name == "windows" else scaler.scale.astype(np.float32),
                )
            )
            if name != "windows":
                metrics[f"{name}_history"] = [row for row in history if int(row["task"]) in chosen]
        columns: dict[str, list[float]] = defaultdict(list)
        for row in history:
            if self.tasks[int(row["task"])].stage == "windows":
                for key, value in row.items():
                    if key != "epochs":
                        columns["member" if key == "task" else key].append(value)
        attributes = {"seisnet_version": __version__, "windows_sha256": self.data.digest}
        return StoredModel(
            stages=tuple(stages),
            classes=info.classes,
            mean=self.data.scaler.mean.astype(np.float32),
            scale=self.data.scaler.scale.astype(np.float32),
            preprocess=info.config,
            train=dataclasses.asdict(config),
            thresholds=dict.fromkeys((c for c in info.classes if c != "noise"), DEFAULT_THRESHOLD),
            history={key: np.array(values) for key, values in columns.items()},
            metrics=metrics,
            attributes=attributes | ({"parent_sha256": _parent(self._init)} if self._init else {}),
        )


def _check_layers(init: Model, sizes: tuple[int, ...], activation: str) -> None:
    stage = init.stored.stages[0]
    if stage.sizes != sizes or stage.activation != activation:
        raise ConfigError(
            f"model {init.name} has layers {stage.sizes}, {stage.activation}; the training asks for {sizes}, "
            f"{activation}"
        )


def _excerpts(windows: Windows | str | Path, split: str) -> list[Excerpt]:
    if isinstance(windows, Windows):
        return [excerpt for excerpt in windows.excerpts if SPLITS[excerpt.split] == split]
    return list(read_excerpts(Path(windows), split))


def _network(task: Task, n_inputs: int, rng: np.random.Generator, device: str) -> nn.Network:
    """A network with first weights, drawn or given, on a device."""
    sizes = (n_inputs, *task.config.hidden, task.n_outputs)
    kinds: dict[str, Any] = {"dropout": task.config.dropout, "input_noise": task.config.input_noise}
    if task.init is None:
        network = nn.Network(sizes, task.config.activation, rng=rng, **kinds)
    else:
        network = nn.Network(sizes, task.config.activation, theta=task.init, **kinds)
    # What is small, or computed on the host, stays there.
    if device == "cpu" or task.stage == "onset":
        return network
    return nn.Network(sizes, task.config.activation, theta=_cuda().asarray(network.theta), **kinds)


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


def _parent(init: Model | None) -> str:
    """SHA-256 of the weights that a training starts from."""
    return hashlib.sha256(init.stored.stages[0].theta.tobytes()).hexdigest() if init else ""
