"""What a training run reads: scaled batches to learn from, scaled windows to be judged on."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet.batches import Batches, FileBatches, MemoryBatches, fit_scaler
from seisnet.config import TrainConfig
from seisnet.errors import DataError
from seisnet.evaluation import check_recipe
from seisnet.model import Model
from seisnet.nn import StandardScaler
from seisnet.preprocessing import Windows
from seisnet.store.hdf5 import sha256_of
from seisnet.store.windows_file import FeatureReader, WindowRows, WindowsInfo, read_info, read_rows


@dataclass(frozen=True)
class TrainingData:
    """What a training run reads: scaled batches to learn from, scaled windows to be judged on."""

    info: WindowsInfo
    batches: Batches
    x_dev: NDArray[np.float32]
    y_dev: NDArray[np.uint8]
    scaler: StandardScaler
    digest: str


def load_training_data(
    windows: Windows | str | Path, config: TrainConfig, init: Model | None, files: ExitStack
) -> TrainingData:
    """Open the windows, scale them, and weigh the classes."""
    too_large = None  # path of a file whose features stay on disk
    if isinstance(windows, Windows):
        info, every = windows.info, windows.rows
    else:
        path = Path(windows)
        info, every = read_info(path), read_rows(path, features=False)
        if 4e-6 * np.prod(info.feature_shape) * np.count_nonzero(every.split == 0) > config.memory_mb:
            too_large = path
        else:
            every = read_rows(path)
    train, dev = np.flatnonzero(every.split == 0), np.flatnonzero(every.split == 1)
    of_train, of_dev = every.take(train), every.take(dev)
    _check(of_train, info.classes)
    weight = _weights(of_train, len(info.classes), config)
    if init:
        check_recipe(init, Windows(info, of_dev))
    scaler = _scaler_of(init) if init else None
    if too_large:
        reader = files.enter_context(FeatureReader(too_large))
        scaler = scaler or fit_scaler(reader, train)
        x_dev = reader.read(dev) if len(dev) else np.zeros((0, reader.n_features), dtype=np.float32)
        batches: Batches = FileBatches(reader, train, of_train.y, weight, scaler, config.memory_mb)
        digest = sha256_of(too_large)
    else:
        scaler = scaler or StandardScaler().fit(of_train.x)
        x_dev = of_dev.x
        batches = MemoryBatches(scaler.transform(of_train.x), of_train.y, weight)
        digest = hashlib.sha256(of_train.x.tobytes() + of_train.y.tobytes()).hexdigest()
    return TrainingData(info, batches, scaler.transform(x_dev), of_dev.y, scaler, digest)


def _scaler_of(model: Model) -> StandardScaler:
    scaler = StandardScaler()
    scaler.mean, scaler.scale = model.stored.mean, model.stored.scale
    return scaler


def _check(train: WindowRows, classes: tuple[str, ...]) -> None:
    present = [classes[k] for k in np.unique(train.y)]
    if not present:
        raise DataError("the training split holds no windows")
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
