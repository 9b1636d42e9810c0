"""The model that a training starts from: its weights, its scalers, and what is kept of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.config import TrainConfig
from seisnet.errors import ConfigError
from seisnet.model import Model
from seisnet.nn import StandardScaler
from seisnet.store.model_file import StoredStage

READS = {"windows": "features", "context": "context", "onset": "onset"}
"""Stages of a model, and what the model file says that they read."""

GENTLY: dict[str, Any] = {"learning_rate": 0.002, "keep": 0.5}
"""How a complete picker is trained further: otherwise a few records make it forget much of what it knows."""


def settings_for(model: Model) -> TrainConfig:
    """How a model is trained further unless its user says otherwise: with its layers, and gently.

    A picker that lacks stages is trained as usual: those that are added to it have everything to learn.
    """
    whole = len(model.stored.stages) == len(READS)
    return TrainConfig(**model.layers, **(GENTLY if whole else {}))


@dataclass(frozen=True)
class Parent:
    """A model that is trained further, or none."""

    model: Model | None

    @property
    def digest(self) -> str:
        """SHA-256 of all weights; empty without a model."""
        if self.model is None:
            return ""
        return hashlib.sha256(b"".join(stage.theta.tobytes() for stage in self.model.stored.stages)).hexdigest()

    def stage(self, name: str) -> StoredStage | None:
        """A stage, if the model has it."""
        stages = self.model.stored.stages if self.model else ()
        return next((stage for stage in stages if stage.reads == READS[name]), None)

    def goes_without(self, stage: str, why: str) -> str:
        """The message about a stage that is not trained."""
        kept = self.stage(stage) is not None
        return f"the model {f'keeps its {stage} stage as it is' if kept else f'gets no {stage} stage'}: {why}"

    def weights(self, stage: str, config: TrainConfig, member: int = 0) -> NDArray[np.float32] | None:
        """Weights that a network of a stage starts from; None if it starts from nothing.

        Raises
        ------
        ConfigError
            If the model has other layers.
        """
        found = self.stage(stage)
        if found is None or self.model is None:
            return None
        if found.sizes[1:-1] != config.hidden or found.activation != config.activation:
            asked = "hidden" if stage == "windows" else f"{stage}_hidden"
            raise ConfigError(
                f"model {self.model.name} has layers {found.sizes}, {found.activation}; the training asks for {asked} "
                f"{config.hidden}, {config.activation}; leave {asked} and activation out, or in Python use "
                "TrainConfig(**model.layers)"
            )
        members: list[NDArray[np.float32]] = list(np.atleast_2d(found.theta))
        return members[member % len(members)]

    def scaler(self, stage: str) -> StandardScaler | None:
        """Scaler of a stage, if the model has it."""
        found = self.stage(stage)
        if found is None or self.model is None:
            return None
        own = self.model.stored if stage == "windows" else found  # the first stage's is the model's
        if own.mean is None or own.scale is None:
            return None
        scaler = StandardScaler()
        scaler.mean, scaler.scale = own.mean, own.scale
        return scaler
