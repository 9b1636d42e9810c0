"""How networks are trained."""

from __future__ import annotations

from dataclasses import dataclass

from seisnet.config.checks import between, each_between, one_of, settle
from seisnet.errors import ConfigError

ACTIVATIONS = ("identity", "tanh", "sigmoid", "relu", "leaky_relu", "gelu")
OPTIMIZERS = ("sgd", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "warmup", "one_cycle", "plateau")
CLASS_WEIGHTS = ("balanced", "none")


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
    distil : bool
        Whether the `members` teach one network, which alone is kept (see `seisnet.training.distillation`). It needs
        excerpts of whole records in the windows file.
    keep : float
        When training continues from a model: the share of its weights that is kept. The result is keep * old +
        (1 - keep) * learned weights (Wortsman et al. 2022, arXiv:2109.01903).
    class_weight : {"balanced", "none"}
        Whether every class weighs the same in the loss.
    context, onset : bool
        Whether a second network learns to read what the first one says of the seconds around each window, and a
        third to find onsets to the sample; both learn from the windows file's excerpts, where it has any.
    folds : int
        The second network learns from outputs of networks that never saw the station; so many are trained for that.
    context_hidden, onset_hidden : tuple of int
        Units of their hidden layers.
    context_epochs, onset_epochs : int
        Passes over what they learn from.
    false_alarms_per_hour : float
        Thresholds are those with the highest F1 of picks in the dev split that keep to so many false picks of a class
        an hour where its records are quiet; 0 sets no such budget.
    memory_mb : float
        A training split with larger features is read from the file in blocks, see `seisnet.training.batches`; with
        `distil` a network is taught by so many windows at most.
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
    keep: float = 0.0
    class_weight: str = "balanced"
    memory_mb: float = 4000.0
    members: int = 1
    distil: bool = False
    context: bool = True
    folds: int = 3
    context_hidden: tuple[int, ...] = (64, 32)
    context_epochs: int = 8
    onset: bool = True
    onset_hidden: tuple[int, ...] = (128, 64)
    onset_epochs: int = 40
    false_alarms_per_hour: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        settle(self)
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("class_weight", self.class_weight, CLASS_WEIGHTS)
        for name in ("hidden", "context_hidden", "onset_hidden"):
            for units in getattr(self, name):
                between(name, units, 1, 65_536)
        each_between(self, 1, 1_000_000, "batch_size", "epochs", "context_epochs", "onset_epochs")
        each_between(self, 0.0, 10.0, "weight_decay", "l1")
        each_between(self, 0.0, 1e9, "max_norm", "clip_norm")
        between("learning_rate", self.learning_rate, 1e-12, 1e3)
        between("momentum", self.momentum, 0.0, 0.9999)
        between("patience", self.patience, 0, 1_000_000)
        between("dropout", self.dropout, 0.0, 0.95)
        between("label_smoothing", self.label_smoothing, 0.0, 0.9)
        between("input_noise", self.input_noise, 0.0, 100.0)
        between("keep", self.keep, 0.0, 0.99)
        between("members", self.members, 1, 100)
        between("folds", self.folds, 2, 100)
        between("false_alarms_per_hour", self.false_alarms_per_hour, 0.0, 1e6)
        between("memory_mb", self.memory_mb, 0.001, 1e9)
        between("seed", self.seed, 0, 2**63 - 1)
        if self.distil and self.members < 2:
            raise ConfigError("distil: one network has no others to learn from; set members to 2 or more")
