"""Schedules: the learning rate of each step, as a factor of time only, so that a resumed training needs no history.

A schedule is called with the number of steps done and gives the rate for the next one. `Plateau` alone has a memory, of
dev losses, because it waits for them to stop falling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seisnet.errors import ConfigError
from seisnet.nn.checks import at_least, within


class Schedule(Protocol):
    """Steps done to the learning rate of the next step."""

    def __call__(self, step: int) -> float:
        """Learning rate of the step that follows `step` finished ones."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same rate throughout."""

    learning_rate: float

    def __post_init__(self) -> None:
        within("learning_rate", self.learning_rate)

    def __call__(self, step: int) -> float:
        """Learning rate of the step that follows `step` finished ones."""
        return self.learning_rate


@dataclass(frozen=True)
class Step:
    """The rate is multiplied by `factor` after every `every` steps.

    Examples
    --------
    >>> [Step(1.0, every=2, factor=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    learning_rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        at_least("every", self.every, 1)
        within("learning_rate", self.learning_rate)
        within("factor", self.factor)

    def __call__(self, step: int) -> float:
        """Learning rate of the step that follows `step` finished ones."""
        return float(self.learning_rate * self.factor ** (step // self.every))


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from the rate down to `final` over `steps` (Loshchilov & Hutter 2017, eq. 5, without restarts).

    Examples
    --------
    >>> [round(Cosine(1.0, steps=4)(step), 2) for step in range(6)]
    [1.0, 0.85, 0.5, 0.15, 0.0, 0.0]
    """

    learning_rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        at_least("steps", self.steps, 1)
        within("learning_rate", self.learning_rate)
        within("final", self.final)

    def __call__(self, step: int) -> float:
        """Learning rate of the step that follows `step` finished ones."""
        return _cosine(self.learning_rate, self.final, step / self.steps)


@dataclass(frozen=True)
class WarmUp:
    """A line up to the rate of another schedule over the first `steps`; then that schedule, from its own start.

    Examples
    --------
    >>> [WarmUp(Constant(1.0), steps=4)(step) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    then: Schedule
    steps: int

    def __post_init__(self) -> None:
        at_least("steps", self.steps, 0)

    def __call__(self, step: int) -> float:
        """Learning rate of the step that follows `step` finished ones."""
        if step < self.steps:
            return self.then(0) * (step + 1) / self.steps
        return self.then(step - self.steps)


@dataclass(frozen=True)
class OneCycle:
    """Half a cosine up to the rate, then one down almost to nothing (Smith & Topin 2018).

    It starts at 1/25 of the rate, is at the rate after `rise` of all `steps` and ends at 1/10 000 of where it started.
    """

    learning_rate: float
    steps: int
    rise: float = 0.3

    def __post_init__(self) -> None:
        at_least("steps", self.steps, 1)
        within("learning_rate", self.learning_rate)
        within("rise", self.rise, below=1)

    def __call__(self, step: int) -> float:
        """Learning rate of the step that follows `step` finished ones."""
        start = self.learning_rate / 25
        done, top = step / self.steps, self.rise
        if done < top:
            return _cosine(start, self.learning_rate, done / top)
        return _cosine(self.learning_rate, start / 10_000, (done - top) / (1 - top))


@dataclass
class Plateau:
    """The rate is multiplied by `factor` when the dev loss has not fallen for more than `patience` epochs.

    The caller reports every epoch's dev loss to `observe`. `state` (3,) float64 is the lowest loss, the epochs since,
    and the rate's factor now; a copy of it, put back, continues bit for bit.
    """

    learning_rate: float
    factor: float = 0.1
    patience: int = 5
    state: NDArray[np.float64] = field(default_factory=lambda: np.array([np.inf, 0.0, 1.0]))

    def __post_init__(self) -> None:
        at_least("patience", self.patience, 0)
        within("learning_rate", self.learning_rate)
        within("factor", self.factor)

    def observe(self, dev_loss: float) -> None:
        """Take note of the dev loss of an epoch."""
        lowest, waited, now = self.state
        waited = 0.0 if dev_loss < lowest else waited + 1
        if waited > self.patience:
            waited, now = 0.0, now * self.factor
        self.state = np.array([min(lowest, dev_loss), waited, now])

    def __call__(self, step: int) -> float:
        """Learning rate of the next step."""
        return float(self.learning_rate * self.state[2])


SCHEDULES = ("constant", "step", "cosine", "warmup", "one_cycle", "plateau")
"""Names for `make_schedule`."""


def make_schedule(name: str, learning_rate: float, steps: int) -> Schedule:
    """Make a schedule by name for a training of a number of steps.

    `step` falls tenfold after every third of them, `warmup` rises over the first twentieth and then follows a cosine;
    the caller reports dev losses to `plateau`.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    steps = max(1, steps)
    match name:
        case "constant":
            return Constant(learning_rate)
        case "step":
            return Step(learning_rate, every=-(-steps // 3))
        case "cosine":
            return Cosine(learning_rate, steps)
        case "warmup":
            rise = -(-steps // 20)
            return WarmUp(Cosine(learning_rate, max(1, steps - rise)), rise)
        case "one_cycle":
            return OneCycle(learning_rate, steps)
        case "plateau":
            return Plateau(learning_rate)
    raise ConfigError(f"schedule '{name}': use one of {', '.join(SCHEDULES)}")


def _cosine(start: float, stop: float, done: float) -> float:
    """Value on half a cosine between two values; after its end it stays."""
    return stop + (start - stop) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
