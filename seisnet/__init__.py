"""Seismic signal classifier: windows and features from waveforms, a network from scratch in NumPy, picks out.

Names are imported when they are first used, so that ``import seisnet`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seisnet.config import PickConfig, PreprocessConfig, TrainConfig
    from seisnet.evaluation import evaluate
    from seisnet.model import Model, load_model
    from seisnet.picks import Detection, Pick
    from seisnet.preprocessing import preprocess, read_windows
    from seisnet.training import fit

__version__ = "0.1.0"

__all__ = [
    "Detection",
    "Model",
    "Pick",
    "PickConfig",
    "PreprocessConfig",
    "TrainConfig",
    "evaluate",
    "fit",
    "load_model",
    "preprocess",
    "read_windows",
]

_ROOMS = {
    "config": ("PickConfig", "PreprocessConfig", "TrainConfig"),
    "evaluation": ("evaluate",),
    "model": ("Model", "load_model"),
    "picks": ("Detection", "Pick"),
    "preprocessing": ("preprocess", "read_windows"),
    "training": ("fit",),
}


def __getattr__(name: str) -> Any:
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(importlib.import_module(f"seisnet.{room}"), name)
    raise AttributeError(f"module 'seisnet' has no attribute '{name}'")
