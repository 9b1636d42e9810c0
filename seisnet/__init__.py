"""Seismic signal classifier: windows and features from waveforms, a network from scratch in NumPy, picks out.

Names are imported when they are first used, so that ``import seisnet`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seisnet import nn
    from seisnet.classification.figures import plot_waveforms
    from seisnet.config import PickConfig, PreprocessConfig, TrainConfig
    from seisnet.formats.picks import read_picks, write_detections, write_picks
    from seisnet.formats.quakeml import picks_catalogue
    from seisnet.model import Model, load_model
    from seisnet.picks import Detection, Pick
    from seisnet.preprocessing.job import preprocess
    from seisnet.scoring.evaluation import evaluate
    from seisnet.store.windows_in_memory import read_windows
    from seisnet.training.fitting import fit

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
    "nn",
    "picks_catalogue",
    "plot_waveforms",
    "preprocess",
    "read_picks",
    "read_windows",
    "write_detections",
    "write_picks",
]

_MODULES = {
    "classification.figures": ("plot_waveforms",),
    "config": ("PickConfig", "PreprocessConfig", "TrainConfig"),
    "formats.picks": ("read_picks", "write_detections", "write_picks"),
    "formats.quakeml": ("picks_catalogue",),
    "model": ("Model", "load_model"),
    "picks": ("Detection", "Pick"),
    "preprocessing.job": ("preprocess",),
    "scoring.evaluation": ("evaluate",),
    "store.windows_in_memory": ("read_windows",),
    "training.fitting": ("fit",),
}


def __getattr__(name: str) -> Any:
    if name == "nn":
        return importlib.import_module("seisnet.nn")
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"seisnet.{module}"), name)
    raise AttributeError(f"module 'seisnet' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
