"""Settings as frozen dataclasses: TOML in, JSON out, every check of a value here."""

from seisnet.config.checks import lists, nearest
from seisnet.config.pick import PickConfig
from seisnet.config.preprocess import ExportConfig, PreprocessConfig
from seisnet.config.reading import from_dict, load_toml, to_json
from seisnet.config.train import TrainConfig

__all__ = [
    "ExportConfig",
    "PickConfig",
    "PreprocessConfig",
    "TrainConfig",
    "from_dict",
    "lists",
    "load_toml",
    "nearest",
    "to_json",
]
