"""Settings as frozen dataclasses: TOML in, JSON out, every check of a value here."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from seisnet.errors import ConfigError

FEATURES = ("logspec", "raw")
TASKS = ("phase", "class")
RESPONSES = ("none", "displacement", "velocity", "acceleration")
SPLIT_BY = ("auto", "event", "both", "given")
ACTIVATIONS = ("identity", "tanh", "sigmoid", "relu", "leaky_relu", "gelu")
OPTIMIZERS = ("sgd", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "warmup", "one_cycle", "plateau")
CLASS_WEIGHTS = ("balanced", "none")

C = TypeVar("C")


@dataclass(frozen=True)
class PreprocessConfig:
    """How waveforms become windows and features; it travels with the windows and with every model.

    Attributes
    ----------
    task : {"phase", "class"}
        What the classes mean: P, S and noise around picks, or stretches of named signals.
    class_names : tuple of str
        Classes of task ``class``, in the order of the network's outputs; empty takes those that the labels name.
    class_windows : int
        Most windows cut from one labelled stretch of task ``class``, side by side.
    features : {"logspec", "raw"}
        Name of the feature (see `seisnet.features`).
    sampling_rate_hz : float
        Every record is brought to this rate.
    response : {"none", "displacement", "velocity", "acceleration"}
        Ground motion that records are brought to before, with station metadata; ``none`` leaves the instrument's
        response on.
    window_s : float
        Length of a window.
    frame_s, hop_s : float
        Length of a spectrogram frame and step between frames; `hop_s` is also the step of the scan.
    freqmin_hz, freqmax_hz : float
        Band that the log-spectrogram keeps.
    noise_gap_s : float
        A noise window ends at least this long before a P pick.
    noise_windows : int
        Noise windows cut from a record beside those of augmentation.
    coda_windows : int
        Windows without onset from between P and S and from the S coda, labelled noise, in the training split:
        they teach that a strong signal alone is no onset.
    shifts : int
        Shifted copies of every onset window, and further noise windows, in the training split.
    shift_s : float
        Largest shift of such a copy.
    excerpts : bool
        Whether the windows of task ``phase`` come with excerpts of the labelled records, see `seisnet.excerpting`.
    excerpt_s : float
        An excerpt reaches so far before the first and after the last of its picks.
    noise_ratio : float
        A noise window in which some half second has more than this many times the energy of the quietest quarter is
        left out: it may hold an event that nobody listed. 0 takes all. The default leaves out about one in seventy
        noise windows, and would leave out four of five with a P (see `seisnet.windows.energy_ratios`).
    link_s : float
        Picks without an event that follow each other within this time, on whatever station, count as one event when
        splits are made; 0 groups them by station and hour.
    mix_share, overlay_share : float
        Share of the augmented windows to which noise, or coda of the event, from elsewhere in the record is added.
    mix_snr_db, overlay_db : tuple of float
        Range of the level of the window over that of what is added.
    gain_db : float
        Every component of an augmented window is made up to this much louder or quieter.
    flip_share, drop_share, gap_share : float
        Share of the augmented windows that are turned upside down, lose one or two components, or get a gap.
    gap_s : float
        Longest such gap; half a window at most.
    mine_threshold : float
        A hard negative is an onset that a model sees with at least this probability where none is.
    mine_windows, mine_weight : int, float
        Most hard negatives of a record, the surest first, and their weight in the loss.
    split : tuple of float
        Shares of train, dev and test.
    split_by : {"auto", "event", "both", "given"}
        What never lies in two splits. ``both``: neither an event nor a station. ``auto``: both where events
        and stations fall apart into enough groups, else events. ``given``: the data set's own split column.
    seed : int
        Seed of every random choice.
    """

    task: str = "phase"
    features: str = "logspec"
    sampling_rate_hz: float = 100.0
    response: str = "none"
    window_s: float = 4.0
    frame_s: float = 0.64
    hop_s: float = 0.2
    freqmin_hz: float = 1.5
    freqmax_hz: float = 25.0
    noise_gap_s: float = 5.0
    noise_windows: int = 1
    coda_windows: int = 10
    shifts: int = 9
    shift_s: float = 0.25
    excerpts: bool = True
    excerpt_s: float = 60.0
    noise_ratio: float = 30.0
    link_s: float = 30.0
    mix_share: float = 0.0
    mix_snr_db: tuple[float, ...] = (0.0, 20.0)
    overlay_share: float = 0.0
    overlay_db: tuple[float, ...] = (0.0, 20.0)
    gain_db: float = 0.0
    flip_share: float = 0.0
    drop_share: float = 0.0
    gap_share: float = 0.0
    gap_s: float = 1.0
    mine_threshold: float = 0.5
    mine_windows: int = 10
    mine_weight: float = 1.0
    class_names: tuple[str, ...] = ()
    class_windows: int = 1
    split: tuple[float, ...] = (0.7, 0.15, 0.15)
    split_by: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every value."""
        _one_of("task", self.task, TASKS)
        _one_of("features", self.features, FEATURES)
        _one_of("split_by", self.split_by, SPLIT_BY)
        _one_of("response", self.response, RESPONSES)
        if self.response != "none" and self.freqmin_hz < 0.01:
            raise ConfigError(f"response: {self.freqmin_hz:g} Hz is too low for freqmin_hz; 0.01 Hz is the least")
        _between("sampling_rate_hz", self.sampling_rate_hz, 1.0, 10_000.0)
        _between("window_s", self.window_s, 0.1, 600.0)
        _between("frame_s", self.frame_s, 0.02, self.window_s)
        _between("hop_s", self.hop_s, 1.0 / self.sampling_rate_hz, self.frame_s)
        _between("noise_gap_s", self.noise_gap_s, 0.0, 3600.0)
        _between("noise_windows", self.noise_windows, 0, 1000)
        _between("coda_windows", self.coda_windows, 0, 1000)
        _between("shifts", self.shifts, 0, 1000)
        _between("shift_s", self.shift_s, 0.0, self.window_s / 2)
        _between("excerpt_s", self.excerpt_s, 1.0, 3600.0)
        _between("noise_ratio", self.noise_ratio, 0.0, 1e9)
        _between("link_s", self.link_s, 0.0, 3600.0)
        for name in ("mix_share", "overlay_share", "flip_share", "drop_share", "gap_share", "mine_threshold"):
            _between(name, getattr(self, name), 0.0, 1.0)
        for name in ("mix_snr_db", "overlay_db"):
            _range(name, getattr(self, name), -60.0, 100.0)
        _between("gain_db", self.gain_db, 0.0, 60.0)
        _between("gap_s", self.gap_s, 0.01, 600.0)
        _between("mine_windows", self.mine_windows, 0, 1000)
        _between("mine_weight", self.mine_weight, 0.0, 1000.0)
        _between("class_windows", self.class_windows, 1, 100_000)
        if len(set(self.class_names)) < len(self.class_names) or "" in self.class_names:
            raise ConfigError(f"class_names: got {self.class_names}; names that differ are needed")
        if self.class_names and self.task != "class":
            raise ConfigError("class_names go with task = 'class'; the classes of task 'phase' are P, S and noise")
        _between("seed", self.seed, 0, 2**63 - 1)
        _between("freqmin_hz", self.freqmin_hz, 0.0, self.sampling_rate_hz / 2)
        _between("freqmax_hz", self.freqmax_hz, self.freqmin_hz, self.sampling_rate_hz / 2)
        _whole("window_s", self.window_s, self.sampling_rate_hz)
        _whole("frame_s", self.frame_s, self.sampling_rate_hz)
        _whole("hop_s", self.hop_s, self.sampling_rate_hz)
        if len(self.split) != 3 or not (min(self.split) >= 0 and abs(sum(self.split) - 1) <= 1e-6):  # also NaN
            raise ConfigError(f"split: got {self.split}; three shares (train, dev, test) that add up to 1 are needed")
        if self.split[0] == 0:
            raise ConfigError("split: the share of train is 0; nothing could be learned")
        lowest, highest = math.ceil(self.freqmin_hz * self.frame_s), math.floor(self.freqmax_hz * self.frame_s)
        if self.features == "logspec" and lowest > highest:
            raise ConfigError(
                f"frame_s: the spectrum of {self.frame_s:g} s has a value every {1 / self.frame_s:g} Hz, none of them "
                f"between freqmin_hz, {self.freqmin_hz:g}, and freqmax_hz, {self.freqmax_hz:g}; set a longer frame_s"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the network's outputs."""
        return self.class_names if self.task == "class" else ("P", "S", "noise")

    @property
    def augments(self) -> bool:
        """Whether augmented windows are altered beyond their shift."""
        shares = (self.mix_share, self.overlay_share, self.flip_share, self.drop_share, self.gap_share)
        return any(shares) or self.gain_db > 0

    @property
    def window_samples(self) -> int:
        """Length of a window in samples."""
        return round(self.window_s * self.sampling_rate_hz)

    @property
    def frame_samples(self) -> int:
        """Length of a spectrogram frame in samples."""
        return round(self.frame_s * self.sampling_rate_hz)

    @property
    def hop_samples(self) -> int:
        """Step between spectrogram frames, and between the windows of a scan, in samples."""
        return round(self.hop_s * self.sampling_rate_hz)


@dataclass(frozen=True)
class ExportConfig:
    """What is written of recordings that become a data set.

    Attributes
    ----------
    sampling_rate_hz : float
        Every trace is brought to this rate.
    before_s, after_s : float
        What is kept before the first pick of an event, and after the last.
    """

    sampling_rate_hz: float = 100.0
    before_s: float = 30.0
    after_s: float = 60.0

    def __post_init__(self) -> None:
        """Check every value."""
        _between("sampling_rate_hz", self.sampling_rate_hz, 1.0, 10_000.0)
        _between("before_s", self.before_s, 0.5, 3600.0)
        _between("after_s", self.after_s, 0.5, 3600.0)


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained; it travels with the model.

    Attributes
    ----------
    hidden : tuple of int
        Units of the hidden layers.
    activation, optimizer, schedule : str
        Names from `seisnet.nn`.
    learning_rate, momentum : float
        Of the optimiser.
    weight_decay, l1, dropout, label_smoothing, input_noise, max_norm, clip_norm : float
        Regularisation, each off at 0: half the weight of the squared weights and the weight of their absolute values in
        the loss, share of hidden units left out, share of the label that all classes get alike, standard deviation
        of noise on the scaled inputs, largest norm of a unit's incoming weights, largest norm of a gradient.
    batch_size, epochs, seed, members : int
        Windows a step, passes over the training split, seed of every random choice, networks averaged.
    patience : int
        Epochs without a better dev macro-F1 after which training stops; 0 never stops early. The best
        epoch's weights are kept either way.
    class_weight : {"balanced", "none"}
        Whether every class weighs the same in the loss.
    context, onset : bool
        Whether a second network learns to read what the first one says of the seconds around each window, and a
        third to find onsets to the sample; both learn from the windows file's excerpts, where it has any.
    folds : int
        The second network learns from what networks say that never saw the station: so many are trained for that.
    context_hidden, onset_hidden : tuple of int
        Units of their hidden layers.
    context_epochs, onset_epochs : int
        Passes over what they learn from.
    memory_mb : float
        A training split with larger features is read from the file in blocks, see `seisnet.batches`.
    """

    hidden: tuple[int, ...] = (256, 128)
    activation: str = "relu"
    optimizer: str = "sgd"
    learning_rate: float = 0.02
    momentum: float = 0.9
    schedule: str = "cosine"
    batch_size: int = 64
    epochs: int = 30
    patience: int = 0
    weight_decay: float = 1e-4
    l1: float = 0.0
    dropout: float = 0.5
    label_smoothing: float = 0.1
    input_noise: float = 0.3
    max_norm: float = 0.0
    clip_norm: float = 0.0
    class_weight: str = "balanced"
    memory_mb: float = 4000.0
    members: int = 1
    context: bool = True
    folds: int = 3
    context_hidden: tuple[int, ...] = (64, 32)
    context_epochs: int = 8
    onset: bool = True
    onset_hidden: tuple[int, ...] = (128, 64)
    onset_epochs: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every value."""
        _one_of("activation", self.activation, ACTIVATIONS)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("class_weight", self.class_weight, CLASS_WEIGHTS)
        for name in ("hidden", "context_hidden", "onset_hidden"):
            for units in getattr(self, name):
                _between(name, units, 1, 65_536)
        _between("folds", self.folds, 2, 100)
        _between("context_epochs", self.context_epochs, 1, 1_000_000)
        _between("onset_epochs", self.onset_epochs, 1, 1_000_000)
        _between("learning_rate", self.learning_rate, 1e-12, 1e3)
        _between("momentum", self.momentum, 0.0, 0.9999)
        _between("batch_size", self.batch_size, 1, 1_000_000)
        _between("epochs", self.epochs, 1, 1_000_000)
        _between("patience", self.patience, 0, 1_000_000)
        _between("weight_decay", self.weight_decay, 0.0, 10.0)
        _between("l1", self.l1, 0.0, 10.0)
        _between("max_norm", self.max_norm, 0.0, 1e9)
        _between("memory_mb", self.memory_mb, 0.001, 1e9)
        _between("dropout", self.dropout, 0.0, 0.95)
        _between("label_smoothing", self.label_smoothing, 0.0, 0.9)
        _between("input_noise", self.input_noise, 0.0, 100.0)
        _between("clip_norm", self.clip_norm, 0.0, 1e9)
        _between("members", self.members, 1, 100)
        _between("seed", self.seed, 0, 2**63 - 1)


@dataclass(frozen=True)
class PickConfig:
    """How probability traces become picks.

    Attributes
    ----------
    thresholds : dict of str to float
        Class to the probability that a pick must reach; classes that are absent keep the model's threshold.
    min_distance_s : float
        Two picks of one phase on one instrument lie at least this far apart; the more probable one stays.
    same_onset_s : float
        Of two picks of different phases on one instrument closer than this, the more probable stays: one onset is
        not both.
    refine_s : float
        A pick moves to the onset that Akaike's criterion finds within this of it; 0 leaves it where it is.
    hop_s : float
        Step of the scan, a multiple of the model's `hop_s`; 0 takes that itself.
    p_before_s : float
        An S pick needs a P pick on the same instrument at most this long before it; 0 asks for none.
    coincidence : int
        Picks need company: so many stations must have one within `coincidence_s`, their own included; 1 asks for none.
    coincidence_s : float
        The longest time between the first and the last pick of a coincidence: the travel time across the stations.
    """

    thresholds: dict[str, float] = field(default_factory=dict)
    min_distance_s: float = 1.0
    same_onset_s: float = 0.3
    refine_s: float = 0.2
    hop_s: float = 0.0
    p_before_s: float = 0.0
    coincidence: int = 1
    coincidence_s: float = 15.0

    def __post_init__(self) -> None:
        """Check every value."""
        for name, threshold in self.thresholds.items():
            _between(f"threshold {name}", threshold, 0.0, 1.0)
        _between("min_distance_s", self.min_distance_s, 0.0, 3600.0)
        _between("same_onset_s", self.same_onset_s, 0.0, 3600.0)
        _between("refine_s", self.refine_s, 0.0, 60.0)
        _between("hop_s", self.hop_s, 0.0, 60.0)
        _between("p_before_s", self.p_before_s, 0.0, 3600.0)
        _between("coincidence", self.coincidence, 1, 10_000)
        _between("coincidence_s", self.coincidence_s, 0.0, 3600.0)


SECTIONS: dict[str, type] = {"preprocess": PreprocessConfig, "train": TrainConfig, "pick": PickConfig}


def load_toml(path: Path, section: str, cls: type[C]) -> C:
    """Read one section of a TOML file into its dataclass.

    Parameters
    ----------
    path : Path
        A file with tables ``[preprocess]``, ``[train]``, ``[pick]``, any of them absent.
    section : str
        The table to read.
    cls : type
        Its dataclass.

    Raises
    ------
    ConfigError
        If the file is not TOML, or for a table, key or value that is not allowed.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    for name, values in tables.items():
        if name not in SECTIONS and not isinstance(values, dict):
            raise ConfigError(f"{path}: '{name}' stands outside the tables; it belongs in one of {', '.join(SECTIONS)}")
        if name not in SECTIONS:
            raise ConfigError(f"{path}: unknown table '{name}'{nearest(name, SECTIONS)}")
        from_dict(SECTIONS[name], values, where=f"{path} [{name}]")  # a typo is one in any table
    return from_dict(cls, tables.get(section, {}), where=f"{path} [{section}]")


def from_dict(cls: type[C], values: dict[str, Any], *, where: str = "config") -> C:
    """Make a config from plain values, as JSON and TOML hold them.

    Raises
    ------
    ConfigError
        For an unknown key (the nearest known one is named) or a value of the wrong kind.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: got {values!r}; a table is needed")
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            raise ConfigError(f"{where}: unknown key '{key}'{nearest(key, hints)}")
    return cls(**{key: _coerce(f"{where}: {key}", value, hints[key]) for key, value in values.items()})


def to_json(config: Any) -> str:
    """JSON of a config, keys in a fixed order."""
    return json.dumps(dataclasses.asdict(config), sort_keys=True)


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """Say the known names: the nearest if one is near, else all of them.

    Examples
    --------
    >>> nearest("momentun", ["momentum", "epochs"])
    "; did you mean 'momentum'?"
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


def _coerce(where: str, value: Any, kind: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where}: got {value!r}; a list is needed")
        return tuple(_coerce(where, item, inner) for item in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: got {value!r}; a table is needed")
        inner = typing.get_args(kind)[1]
        return {str(key): _coerce(f"{where}.{key}", item, inner) for key, item in value.items()}
    if origin is types.UnionType:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{where}: got {value!r}; a value of type {kind.__name__} is needed")
    return value


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name}: got '{value}'{nearest(value, allowed)}")


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also catches NaN
        raise ConfigError(f"{name}: got {value}; it must lie between {low:g} and {high:g}")


def _range(name: str, values: tuple[float, ...], low: float, high: float) -> None:
    if len(values) != 2 or not low <= values[0] <= values[1] <= high:
        raise ConfigError(f"{name}: got {values}; two rising values between {low:g} and {high:g} are needed")


def _whole(name: str, length_s: float, sampling_rate_hz: float) -> None:
    samples = length_s * sampling_rate_hz
    if abs(samples - round(samples)) > 1e-6 * samples:
        raise ConfigError(
            f"{name}: {length_s:g} s is {samples:g} samples at {sampling_rate_hz:g} Hz; a whole number is needed"
        )
