"""Networks and later stages of a scan, made from what a model file holds."""

from __future__ import annotations

import numpy as np

from seisnet.errors import FormatError
from seisnet.nn import Network
from seisnet.scan.context_network import ContextNetwork
from seisnet.scan.onset_network import OnsetNetwork
from seisnet.store.model_file import StoredModel, StoredStage


def networks_of(stage: StoredStage) -> tuple[Network, ...]:
    """The members of a stage; one unless it was trained with more."""
    return tuple(Network(stage.sizes, stage.activation, theta=theta) for theta in np.atleast_2d(stage.theta))


def later_stages(stored: StoredModel, name: str) -> dict[str, StoredStage]:
    """Stages after the first, by what they read.

    Raises
    ------
    FormatError
        If there is one that only a newer seisnet knows; `name` is the model's.
    """
    stages = {stage.reads: stage for stage in stored.stages[1:]}
    for reads in stages:
        if reads not in ("context", "onset"):
            raise FormatError(f"model {name}: a stage that reads '{reads}' is not known; update seisnet")
    return stages


def context_network(stage: StoredStage, stored: StoredModel, hop_s: float) -> ContextNetwork:
    """The second stage."""
    assert stage.mean is not None and stage.scale is not None  # as of any stage after the first
    noise = stored.classes.index("noise")
    return ContextNetwork(networks_of(stage), stage.mean, stage.scale, noise, hop_s, stored.temperature)


def onset_network(stage: StoredStage, stored: StoredModel, sampling_rate_hz: float) -> OnsetNetwork:
    """The third stage."""
    assert stage.mean is not None and stage.scale is not None  # as of any stage after the first
    phases = tuple(name for name in stored.classes if name != "noise")
    return OnsetNetwork(networks_of(stage)[0], stage.mean, stage.scale, phases, sampling_rate_hz, stored.spread)
