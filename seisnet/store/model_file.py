"""The model file: weights and the whole recipe in HDF5, readable with plain h5py, without pickle."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seisnet.errors import FormatError
from seisnet.store.hdf5 import group_inside, inside, new_hdf5, opened, text

FORMAT = "seisnet-model"
LARGEST_NETWORK = 1 << 28


@dataclass(frozen=True)
class StoredStage:
    """One network of a model, or several of the same shape whose probabilities are averaged.

    Attributes
    ----------
    theta : float32 (P,) or (members, P)
        All weights and biases, layer by layer: weights (inputs, outputs) row by row, then biases.
    sizes : tuple of int
        Inputs, units of each hidden layer, classes.
    activation : str
        Of the hidden layers.
    reads : str
        What the inputs are: ``features``, ``context`` or ``onset``.
    mean, scale : float32 (D,) or None
        Inputs are (x - mean) / scale; those of the first stage stand in the model.
    """

    theta: NDArray[np.float32]
    sizes: tuple[int, ...]
    activation: str
    reads: str = "features"
    mean: NDArray[np.float32] | None = None
    scale: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class StoredModel:
    """What a model file holds.

    Attributes
    ----------
    stages : tuple of StoredStage
    classes : tuple of str
    mean, scale : float32 (D,)
        Features are (x - mean) / scale before they reach the network.
    temperature : float
        Logits are divided by it.
    thresholds : mapping of class to float
    spread : mapping of class to float
        Factor on the expected errors of onsets.
    history : mapping of name to float64 (epochs,)
        See `seisnet.training.fitting.fit`.
    metrics : mapping
    preprocess, train : mapping
        The configs as plain values.
    card : str
        Markdown.
    attributes : mapping of str to str
        seisnet_version, sha256 of the windows, parent_sha256 where the model was warm-started.
    learned : uint32 (M,)
        See `seisnet.scoring.learned`; empty where the model does not say.
    """

    stages: tuple[StoredStage, ...]
    classes: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    preprocess: Mapping[str, Any]
    train: Mapping[str, Any]
    thresholds: Mapping[str, float]
    temperature: float = 1.0
    spread: Mapping[str, float] = field(default_factory=dict)
    history: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    learned: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, dtype=np.uint32))


def write_model(path: Path, model: StoredModel) -> None:
    """Write a model file whole or not at all; the same model gives the same bytes."""
    with new_hdf5(path, FORMAT) as file:
        file.attrs["classes"] = list(model.classes)
        file.attrs["preprocess"] = json.dumps(model.preprocess, sort_keys=True)
        file.attrs["train"] = json.dumps(model.train, sort_keys=True)
        file.attrs["card"] = model.card
        for name in sorted(model.attributes):
            file.attrs[name] = model.attributes[name]
        for k, stage in enumerate(model.stages):
            group = file.create_group(f"stages/{k}")
            group.create_dataset("theta", data=stage.theta)
            group.attrs["sizes"] = stage.sizes
            group.attrs["activation"] = stage.activation
            group.attrs["reads"] = stage.reads
            if stage.mean is not None and stage.scale is not None:
                group.create_dataset("mean", data=stage.mean)
                group.create_dataset("scale", data=stage.scale)
        file.create_dataset("scaler/mean", data=model.mean)
        file.create_dataset("scaler/scale", data=model.scale)
        file.create_dataset("calibration/temperature", data=np.float64(model.temperature))
        for where, values in (("thresholds", model.thresholds), ("calibration/spread", model.spread)):
            group = file.create_group(where)
            for name in sorted(values):
                group.attrs[name] = values[name]
        history = file.create_group("history")
        for name in sorted(model.history):
            history.create_dataset(name, data=np.asarray(model.history[name], dtype=np.float64))
        if len(model.learned):
            file.create_dataset("learned", data=model.learned)
        file.create_dataset("metrics", data=json.dumps(model.metrics, sort_keys=True))


def read_model(path: Path) -> StoredModel:
    """Read and check a model file.

    Raises
    ------
    FormatError
        For another format, a newer version, a wrong shape, an absurd size, a link that leads out of the file, or
        a weight that is not finite.
    """
    with opened(path, FORMAT) as file:
        stages = tuple(_stage(file, k) for k in range(len(group_inside(file, "stages"))))
        if not stages:
            raise FormatError(f"{path}: holds no network")
        model = StoredModel(
            stages=stages,
            classes=tuple(text(c) for c in file.attrs["classes"]),
            mean=inside(file, "scaler/mean")[:].astype(np.float32),
            scale=inside(file, "scaler/scale")[:].astype(np.float32),
            preprocess=json.loads(file.attrs["preprocess"]),
            train=json.loads(file.attrs["train"]),
            thresholds=_by_class(file, "thresholds"),
            temperature=float(inside(file, "calibration/temperature")[()]),
            spread=_by_class(file, "calibration/spread"),
            history={name: inside(file, f"history/{name}")[:] for name in group_inside(file, "history")},
            metrics=json.loads(text(inside(file, "metrics")[()])),
            card=text(file.attrs["card"]),
            learned=inside(file, "learned")[:] if "learned" in file else np.zeros(0, dtype=np.uint32),
            attributes={
                name: text(value)
                for name, value in file.attrs.items()
                if name not in {"format", "format_version", "classes", "preprocess", "train", "card"}
            },
        )
        _check(path, model)
    return model


def _check(path: Path, model: StoredModel) -> None:
    for k, stage in enumerate(model.stages):
        n_inputs, n_outputs = stage.sizes[0], stage.sizes[-1]
        mean, scale = (model.mean, model.scale) if k == 0 else (stage.mean, stage.scale)
        if mean is None or scale is None or mean.shape != (n_inputs,) or scale.shape != (n_inputs,):
            shape = None if mean is None else mean.shape
            raise FormatError(f"{path}: the scaler of stage {k} is made for {shape} inputs, the network for {n_inputs}")
        if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all()):
            raise FormatError(f"{path}: the scaler of stage {k} holds values that are not finite and positive")
        wanted = 2 * (len(model.classes) - 1) if stage.reads == "onset" else len(model.classes)
        if n_outputs != wanted:
            raise FormatError(f"{path}: {len(model.classes)} classes, but stage {k} has {n_outputs} outputs")
    if not (np.isfinite(model.temperature) and model.temperature > 0):
        raise FormatError(f"{path}: temperature {model.temperature}; it must be positive")
    for name, factor in model.spread.items():
        if name not in model.classes or not (np.isfinite(factor) and factor > 0):
            raise FormatError(f"{path}: spread {name} {factor}; classes are {', '.join(model.classes)}, above 0")
    for name, threshold in model.thresholds.items():
        if name not in model.classes or not 0 <= threshold <= 1:
            raise FormatError(
                f"{path}: threshold {name} {threshold}; classes are {', '.join(model.classes)}, from 0 to 1"
            )
    learned = model.learned
    if learned.dtype != np.uint32 or learned.ndim != 1 or (learned[1:] <= learned[:-1]).any():
        raise FormatError(f"{path}: learned must be one row of uint32 in order")
    if not (isinstance(model.preprocess, dict) and isinstance(model.train, dict) and isinstance(model.metrics, dict)):
        raise FormatError(f"{path}: preprocess, train and metrics must be JSON objects")


def _stage(file: h5py.File, k: int) -> StoredStage:
    theta = inside(file, f"stages/{k}/theta")
    attributes = file[f"stages/{k}"].attrs
    sizes = tuple(int(n) for n in attributes["sizes"])
    n_parameters = sum(a * b + b for a, b in itertools.pairwise(sizes))
    if len(sizes) < 2 or min(sizes) < 1 or n_parameters > LARGEST_NETWORK:
        raise FormatError(f"{file.filename}: layer sizes {sizes} are absurd")
    if theta.shape[-1:] != (n_parameters,) or theta.ndim > 2 or not theta.size or theta.dtype != np.float32:
        raise FormatError(
            f"{file.filename}: theta of stage {k} is {theta.dtype} {theta.shape}; float32 {(n_parameters,)} is needed"
        )
    values: NDArray[np.float32] = theta[:]
    if not np.isfinite(values).all():
        raise FormatError(f"{file.filename}: theta of stage {k} holds values that are not finite")
    scaler = [
        inside(file, f"stages/{k}/{name}")[:].astype(np.float32) if name in file[f"stages/{k}"] else None
        for name in ("mean", "scale")
    ]
    return StoredStage(values, sizes, text(attributes["activation"]), text(attributes["reads"]), scaler[0], scaler[1])


def _by_class(file: h5py.File, where: str) -> dict[str, float]:
    return {name: float(value) for name, value in group_inside(file, where).attrs.items()}
