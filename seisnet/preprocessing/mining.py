"""Hard negatives: windows in which a model sees an onset where the labels know of none."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from seisnet.config import PickConfig, PreprocessConfig
from seisnet.errors import ConfigError
from seisnet.model import Model, load_model
from seisnet.waveforms.records import ns_to_sample
from seisnet.windows.cutting import coda_stretches, event_near, noise_stretches
from seisnet.windows.labelled import LabelledRecord, Window


@functools.lru_cache(maxsize=1)
def load_miner(name: str, sha256: str, config: PreprocessConfig) -> Model:
    """Load the model that mines, once per process, and again if the SHA-256 of its file has changed.

    Raises
    ------
    ConfigError
        If it reads other records, or knows other classes.
    """
    if config.task != "phase":
        raise ConfigError(f"mining with {name}: false picks are mined for task phase, not for task {config.task}")
    model = load_model(Path(name))
    if model.classes != config.classes:
        raise ConfigError(f"mining with {name}: its classes must be P, S and noise, but are {model.classes}")
    for setting in ("sampling_rate_hz", "response"):
        its, ours = getattr(model.preprocess, setting), getattr(config, setting)
        if its != ours:
            raise ConfigError(f"mining with {name}: it reads records with {setting} = {its}; the windows have {ours}")
    return model


def mine(labelled: LabelledRecord, model: Model, config: PreprocessConfig) -> list[Window]:
    """Find the windows of a record around false picks of a model: noise, for the training split only.

    A pick counts as false where `seisnet.windows.cutting.cut` might take noise or coda: no label lies in the window,
    no P without an S comes before it, and none follows soon.
    """
    record = labelled.record
    if not labelled.picks and not labelled.is_noise:
        return []
    allowed = noise_stretches(labelled, config) + coda_stretches(labelled, config)
    thresholds = {name: config.mine_threshold for name in model.classes if name != "noise"}
    follower = model.follow(record, PickConfig(thresholds=thresholds, refine_s=0.0, rival_s=0.0))
    picks = follower.add(record.data, last=True).picks
    windows = []
    for pick in sorted(picks, key=lambda p: (-p.probability, p.time_ns)):
        first = ns_to_sample(record, pick.time_ns) - config.window_samples // 2
        if any(low <= first < high for low, high in allowed):
            event = event_near(labelled, first)
            windows.append(Window(first, "noise", np.nan, event, config.mine_weight, augmented=True))
    return windows[: config.mine_windows]
