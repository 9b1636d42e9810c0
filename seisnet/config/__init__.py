"""Settings as frozen dataclasses: TOML in, JSON out, every check of a value here."""

from seisnet.config.checks import between, closest, instance, instances, names, nearest, one_of, or_default
from seisnet.config.pick import PickConfig
from seisnet.config.preprocess import ExportConfig, PreprocessConfig
from seisnet.config.reading import from_dict, load_toml, read_tables, to_json
from seisnet.config.train import TrainConfig

__all__ = [
    "ExportConfig",
    "PickConfig",
    "PreprocessConfig",
    "TrainConfig",
    "between",
    "closest",
    "from_dict",
    "instance",
    "instances",
    "load_toml",
    "names",
    "nearest",
    "one_of",
    "or_default",
    "read_tables",
    "to_json",
]
