"""What window networks learn from: the windows of a windows file, in memory or on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig, TrainConfig, from_dict
from seisnet.errors import DataError
from seisnet.model import Model
from seisnet.nn import StandardScaler
from seisnet.scoring.given_windows import described
from seisnet.scoring.learned import Hashes, flattery, known_share, onset_hashes, sampled
from seisnet.store.files import sha256_of
from seisnet.store.windows_file import FeatureReader, WindowRows, WindowsInfo
from seisnet.store.windows_in_memory import Windows
from seisnet.training.batches import Batches, FileBatches, MemoryBatches, TrainingData, fit_scaler, scale
from seisnet.training.parents import Parent
from seisnet.waveforms.records import COMPONENTS


@dataclass(frozen=True)
class WindowData:
    """The windows that a training run reads.

    Attributes
    ----------
    info : WindowsInfo
    train, dev : WindowRows
        Of the two splits, without features.
    data : TrainingData
        What a network learns from all of them; its scaler is fitted on the training split, or is that of the model
        that is trained further.
    digest : str
        SHA-256 of the windows of both splits, or of the file, where features stay there.
    absent : tuple of str
        Components that no window of the training split has; not looked for where features stay in the file.
    """

    info: WindowsInfo
    train: WindowRows
    dev: WindowRows
    data: TrainingData
    digest: str
    absent: tuple[str, ...]

    def lacks(self, config: TrainConfig, init: Model | None) -> Iterator[str]:
        """Say which classes can't be learned, which settings have no effect, and what of dev is known already."""
        present = set(np.unique(self.train.y).tolist())
        absent = [name for k, name in enumerate(self.info.classes) if k not in present]
        if absent:
            yield f"the training split holds no window of {', '.join(absent)}: the model can't learn this"
        if config.batch_size == 1 and np.ptp(self.data.batches.weight) > 0:  # the loss of a batch is a mean by weight
            yield "batch_size 1: weights of classes and windows have no effect in batches of one; use 2 or more"
        if config.momentum != TrainConfig.momentum and config.optimizer not in ("sgd", "nesterov"):
            yield f"momentum: {config.optimizer} has none to set, so it has no effect; sgd and nesterov use it"
        if config.dropout not in (0, TrainConfig.dropout) and not config.hidden:
            yield "dropout: without hidden layers there are no units to leave out, so it has no effect; set hidden"
        if config.patience and not len(self.dev):
            yield "patience: there is no dev split, so nothing stops the training early"
        known = known_share(self._hashes(self.dev), init.stored.learned) if init else 0.0
        if flattered := flattery(known, "dev"):
            yield flattered
        if config.false_alarms_per_hour and self.info.config.get("task", "phase") != "phase":
            yield "false_alarms_per_hour applies to picks; models of task class make none and keep their thresholds"

    def learned(self, model: Model | None) -> Hashes:
        """What a model that learns from these windows has learned from, with what the one it starts from has."""
        before = [model.stored.learned] if model else []
        return sampled(*before, self._hashes(self.train))

    def _hashes(self, rows: WindowRows) -> Hashes:
        return onset_hashes(rows, self.info.classes, from_dict(PreprocessConfig, self.info.config).window_s)

    def training(self, kept: NDArray[np.bool_] | None = None) -> TrainingData:
        """Batches of all training windows, judged on the dev split; or of those `kept` (N,), which are not judged."""
        data = self.data
        if kept is None:
            return data
        batches = data.batches.only(np.flatnonzero(kept))
        return replace(data, batches=batches, x_dev=data.x_dev[:0], y_dev=data.y_dev[:0])


def load_windows(
    windows: Windows | str | Path, config: TrainConfig, init: Model | None, files: ExitStack
) -> WindowData:
    """Open the windows, fit the scaler, and weigh the classes."""
    path = None if isinstance(windows, Windows) else Path(windows)
    info, every = described(windows, init)
    # A batch of windows without weight alone would have no mean loss.
    rows, of_dev = np.flatnonzero((every.split == 0) & (every.weight != 0)), np.flatnonzero(every.split == 1)
    # Features take by far the most memory: only those of the two splits are read or copied, and only once.
    slim = replace(every, x=np.zeros((len(every), 0), dtype=np.float32))
    train, dev = slim.take(rows), slim.take(of_dev)
    _check(train, info.classes)
    weight = _weights(train, len(info.classes), config)
    scaler = Parent(init).scaler("windows")
    absent: tuple[str, ...] = ()
    if path and 4e-6 * np.prod(info.feature_shape) * len(rows) > config.memory_mb:
        reader = files.enter_context(FeatureReader(path))
        scaler = scaler or fit_scaler(reader, rows)
        batches: Batches = FileBatches(reader, rows, train.y, weight, scaler, config.memory_mb)
        x_dev, digest = reader.read(of_dev), sha256_of(path)
    else:
        if path:
            with FeatureReader(path) as reader:
                x, x_dev = reader.read(rows), reader.read(of_dev)
        else:
            x, x_dev = every.x[rows], every.x[of_dev]
        scaler = scaler or StandardScaler().fit(x)
        known = hashlib.sha256()
        for part in (x, train.y, train.weight, x_dev, dev.y):
            known.update(np.ascontiguousarray(part).data)
        digest, absent = known.hexdigest(), _absent(x, info.feature_shape)
        batches = MemoryBatches(scale(x, scaler), train.y, weight)
    data = TrainingData(batches, scale(x_dev, scaler), dev.y, scaler)
    return WindowData(info, train, dev, data, digest, absent)


def _absent(x: NDArray[np.float32], shape: Sequence[int]) -> tuple[str, ...]:
    """Components whose features are zero in all windows (N, D)."""
    there = np.any(np.any(x, axis=0).reshape(shape[0], -1), axis=1)
    return tuple(name for name, seen in zip(COMPONENTS, there, strict=True) if not seen)


def _check(train: WindowRows, classes: tuple[str, ...]) -> None:
    present = [classes[k] for k in np.unique(train.y)]
    if not present:
        raise DataError("the training split holds no windows, or none of a weight above 0")
    wrong = train.weight[~(np.isfinite(train.weight) & (train.weight > 0))]
    if len(wrong):
        raise DataError(
            f"windows: weight holds {wrong[0]:g} in the training split; finite numbers from 0 on are needed"
        )
    if len(present) == 1:
        raise DataError(
            f"the training split holds only class {present[0]}; a classifier needs at least two of {', '.join(classes)}"
        )


def _weights(train: WindowRows, n_classes: int, config: TrainConfig) -> NDArray[np.float32]:
    """Weight of every window in the loss: its own, times that of its class; 1 on average."""
    if config.class_weight == "none":
        return train.weight
    mass = np.bincount(train.y, weights=train.weight, minlength=n_classes)
    of_class = mass.sum() / np.maximum(mass, 1e-12) / np.count_nonzero(mass)
    weight: NDArray[np.float32] = (train.weight * of_class[train.y]).astype(np.float32)
    return weight
