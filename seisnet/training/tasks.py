"""What a training run consists of: a task for every network of a model, and the model that they make together.

The window network, or each member of an ensemble, learns from the windows; members may teach one network, which takes
their place. The later stages need excerpts of whole records. The context stage learns to read the output of window
networks at stations that they have not learned from: each fold of stations is scanned by a network trained on the
other folds. The onset network learns to find onsets to the sample.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet import __version__, nn
from seisnet.config import PreprocessConfig, TrainConfig, from_dict, to_json
from seisnet.errors import DataError
from seisnet.features import make_feature
from seisnet.model import Model
from seisnet.picks import station_of
from seisnet.scan.sliding_network import SlidingNetwork
from seisnet.store.excerpts import Excerpt
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.store.windows_in_memory import Windows
from seisnet.training.batches import Data, TrainingData
from seisnet.training.distillation import WINDOW_NOISE, Lesson, context_lesson, student, window_lesson
from seisnet.training.excerpt_data import (
    context_data,
    fold_of,
    load_excerpts,
    onset_data,
    why_no_context,
    why_no_onsets,
)
from seisnet.training.loop import history_columns
from seisnet.training.objectives import ClassObjective, Objective, OnsetObjective
from seisnet.training.parents import READS, Parent
from seisnet.training.window_data import load_windows
from seisnet.wording import Say

DEFAULT_THRESHOLD, CONTEXT_THRESHOLD = 0.7, 0.3
"""Near the best F1 of picks in cross-validation without and with a context stage (benchmarks/EXPERIMENTS.md)."""

EXCERPT_ROWS = 16
"""Rows of a product in scans of excerpts, which are short: this takes less than half the time of the usual number."""


@dataclass(frozen=True)
class Task:
    """One network to train.

    Attributes
    ----------
    stage : str
        ``windows``, ``fold``, ``context`` or ``onset``; ``teacher`` where others learn from it.
    config : TrainConfig
        How this network is trained.
    data : callable
        See `Data`; the same for all networks that learn from the same.
    objective : Objective
    n_outputs : int
    init : float32 (P,) or None
        Weights to start from.
    lesson : callable or None
        Turns what the teachers learned from into what their student learns from; its task follows theirs.
    """

    stage: str
    config: TrainConfig
    data: Data
    objective: Objective
    n_outputs: int
    init: NDArray[np.float32] | None = None
    lesson: Callable[[TrainingData], TrainingData] | None = None


class Run:
    """A training run.

    Parameters
    ----------
    windows : Windows or path
    config : TrainConfig
    init : Model, optional
        The model that is trained further.
    files : ExitStack
        Closes the windows file, where it is read in blocks.
    say : callable
        Called with what the windows lack, which stages are not trained, and why.

    Attributes
    ----------
    tasks : list of Task
    thetas : list of float32 (P,)
        Weights of the tasks that are finished.
    dev : list of Excerpt
        Of the dev split.
    windows, parent : WindowData, Parent
    identity : str
        SHA-256 of the config, the model trained further, the data and how they were made.
    """

    def __init__(
        self, windows: Windows | str | Path, config: TrainConfig, init: Model | None, files: ExitStack, say: Say
    ) -> None:
        self._config, self.parent = config, Parent(init)
        self.windows = load_windows(windows, config, init, files)
        for line in self.windows.lacks(config, init):
            say(line)
        self._recipe = from_dict(PreprocessConfig, self.windows.info.config)
        self._stations = [station_of(str(t)) for t in self.windows.train.trace_id]
        self._train, self.dev = load_excerpts(windows, "train"), load_excerpts(windows, "dev")
        self._scaling: dict[Data, tuple[nn.StandardScaler, NDArray[np.float32] | None]] = {}
        self.thetas: list[NDArray[np.float32]] = []
        self._sizes = (self.windows.data.batches.n_features, *config.hidden, len(self.windows.info.classes))
        self.identity = self._hash()
        self.tasks: list[Task] = []
        self._add_window_tasks("windows", self.windows.training, self._train)
        if self._recipe.task == "phase":
            why_not = why_no_context(self._train, set(self._stations), self._recipe)
            if self._may_have("context", config.context, why_not, say):
                self._add_context_tasks()
            why_not = why_no_onsets(self._train, self._recipe)
            if self._may_have("onset", config.onset, why_not, say):
                self.tasks.append(self._onset_task())

    def _may_have(self, stage: str, asked: bool, why_not: str, say: Say) -> bool:
        """Whether a stage is trained; if not, `say` is told why, unless the model has none and none is asked for."""
        if not asked:
            why_not = f"the settings say {stage} = false" if self.parent.stage(stage) else ""
        if why_not:
            say(self.parent.goes_without(stage, why_not))
        return asked and not why_not

    def _add_window_tasks(self, stage: str, data: Data, excerpts: Sequence[Excerpt]) -> None:
        """Add tasks of window networks, or of their teachers and a student, which sees the excerpts too."""
        config = self._config
        if config.distil and not excerpts:
            kept = "" if stage == "windows" else " except from one fold of stations"
            raise DataError(
                f"distil: networks teach on excerpts of records, and the windows file holds none{kept}; "
                "train without distil, or preprocess with excerpts (task phase only)"
            )

        def lesson(found: TrainingData, teachers: Sequence[nn.Network]) -> TrainingData:
            rng = np.random.default_rng(config.seed)
            return window_lesson(found, excerpts, teachers, self._recipe, rng, config.memory_mb)

        self._add(stage, config, data, lesson)

    def _add_context_tasks(self) -> None:
        config = self._config
        fold_by_station = fold_of(self._stations, config.folds, config.seed)
        fold = np.array([fold_by_station[s] for s in self._stations])
        for k in range(int(fold.max()) + 1):
            known = [e for e in self._train if fold_by_station.get(station_of(e.trace_id)) != k]
            self._add_window_tasks("fold", partial(self.windows.training, fold != k), known)
        small = dataclasses.replace(
            config, hidden=config.context_hidden, epochs=config.context_epochs, patience=0, batch_size=256,
            dropout=0.2, input_noise=0.1, label_smoothing=0.02,
        )  # fmt: skip

        def data() -> TrainingData:
            networks = [self._sliding([theta]) for theta in self._weights("fold")]
            whole = self._sliding(self._weights("windows"))
            return context_data(
                self._train,
                self.dev,
                lambda station: networks[fold_by_station[station]] if station in fold_by_station else whole,
                self._recipe,
                np.random.default_rng(config.seed),
                self.parent.scaler("context"),
            )

        self._add("context", small, data, context_lesson)

    def _add(self, stage: str, config: TrainConfig, data: Data, lesson: Lesson) -> None:
        """Add tasks of networks that classify, one for a fold; where networks teach, of teachers and their student."""
        classes, first = self.windows.info.classes, len(self.tasks)
        context = stage == "context"

        def task(stage: str, config: TrainConfig, member: int = 0) -> Task:
            judged = ClassObjective(classes, config.label_smoothing, by_f1=not context)
            init = self.parent.weights("context" if context else "windows", config, member)
            return Task(stage, config, data, judged, len(classes), init)

        def taught(found: TrainingData) -> TrainingData:
            sizes = (found.batches.n_features, *config.hidden, len(classes))
            return lesson(found, self._networks(sizes, self.thetas[first : first + config.members]))

        if not config.distil:
            self.tasks += [task(stage, config, k) for k in range(1 if stage == "fold" else config.members)]
            return
        self.tasks += [task("teacher", config, k) for k in range(config.members)]
        learner = task(stage, student(config, input_noise=0.0 if context else WINDOW_NOISE))
        self.tasks.append(dataclasses.replace(learner, lesson=taught))

    def _onset_task(self) -> Task:
        config = self._config

        def data() -> TrainingData:
            rng = np.random.default_rng(config.seed)
            return onset_data(self._train, self.dev, self._recipe, rng, self.parent.scaler("onset"))

        small = dataclasses.replace(
            config, hidden=config.onset_hidden, epochs=config.onset_epochs, patience=0, batch_size=64,
            dropout=0.3, input_noise=0.2,
        )  # fmt: skip
        n_outputs = 2 * (len(self.windows.info.classes) - 1)
        return Task("onset", small, data, OnsetObjective(), n_outputs, self.parent.weights("onset", small))

    def data_of(self, task: Task) -> TrainingData:
        """What a network learns from; how that was scaled is kept for the model."""
        found = task.data()
        self._scaling[task.data] = found.scaler, found.prior_shift
        return found

    def _weights(self, stage: str) -> list[NDArray[np.float32]]:
        """Weights of all networks of a stage."""
        return [self.thetas[i] for i in self._numbers(stage)]

    def _numbers(self, stage: str) -> list[int]:
        """Which tasks are of a stage."""
        return [i for i, task in enumerate(self.tasks) if task.stage == stage]

    def _networks(self, sizes: Sequence[int], thetas: Sequence[NDArray[np.float32]]) -> tuple[nn.Network, ...]:
        return tuple(nn.Network(sizes, self._config.activation, theta=theta) for theta in thetas)

    def _sliding(self, thetas: Sequence[NDArray[np.float32]]) -> SlidingNetwork:
        scaler = self.windows.data.scaler
        mean, scale = scaler.mean.astype(np.float32), scaler.scale.astype(np.float32)
        networks = self._networks(self._sizes, thetas)
        return SlidingNetwork(make_feature(self._recipe), networks, mean, scale, rows=EXCERPT_ROWS)

    def _hash(self) -> str:
        known = (to_json(self._config), to_json(self._recipe), self.windows.digest, self.parent.digest, __version__)
        digest = hashlib.sha256(" ".join(known).encode())
        for e in (*self._train, *self.dev):
            digest.update(f"{e.start_ns} {e.trace_id} {e.onsets} {e.weights} {e.known} {e.split}".encode())
            digest.update(e.data.tobytes())
        return digest.hexdigest()

    def stored(self, history: Sequence[dict[str, float]]) -> StoredModel:
        """The model, not yet calibrated; from a parent it keeps the calibration, and stages that were not trained."""
        info, scaler = self.windows.info, self.windows.data.scaler
        stages, metrics = [], {}
        for name in READS:
            numbers = self._numbers(name)
            stage = self._stored_stage(name, self.tasks[numbers[0]]) if numbers else self.parent.stage(name)
            if stage:
                stages.append(stage)
            if numbers and name != "windows":
                metrics[f"{name}_history"] = [row for row in history if int(row["task"]) in numbers]
        attributes = {"seisnet_version": __version__, "windows_sha256": self.windows.digest}
        threshold = CONTEXT_THRESHOLD if any(s.reads == READS["context"] for s in stages) else DEFAULT_THRESHOLD
        thresholds = dict.fromkeys((c for c in info.classes if c != "noise"), threshold)
        parent = self.parent.model.stored if self.parent.model else None
        return StoredModel(
            stages=tuple(stages),
            classes=info.classes,
            mean=scaler.mean.astype(np.float32),
            scale=scaler.scale.astype(np.float32),
            preprocess=info.config,
            train=dataclasses.asdict(self._config),
            thresholds=parent.thresholds if parent else thresholds,
            temperature=parent.temperature if parent else 1.0,
            spread=parent.spread if parent else {},
            history=history_columns(history, self._numbers("windows")),
            metrics=metrics,
            learned=self.windows.learned(self.parent.model),
            attributes=attributes | ({"parent_sha256": self.parent.digest} if parent else {}),
        )

    def _stored_stage(self, name: str, task: Task) -> StoredStage:
        """A stage from the weights of all its tasks, of which one is given."""
        if task.data not in self._scaling:
            self.data_of(task)  # a run that was resumed after this stage was trained has not made its data yet
        scaler, prior_shift = self._scaling[task.data]
        theta, first = np.stack(self._weights(name)), name == "windows"
        if prior_shift is not None:
            theta[:, -task.n_outputs :] += prior_shift  # the biases of the outputs come last
        before = [init for i in self._numbers(name) if (init := self.tasks[i].init) is not None]
        if before and (keep := np.float32(self._config.keep)):
            theta = keep * np.stack(before) + (1 - keep) * theta
        return StoredStage(
            theta[0] if len(theta) == 1 else theta,
            (len(scaler.mean), *task.config.hidden, task.n_outputs),
            task.config.activation,
            reads=READS[name],
            mean=None if first else scaler.mean.astype(np.float32),
            scale=None if first else scaler.scale.astype(np.float32),
        )
