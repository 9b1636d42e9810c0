"""The checkpoint of a training run: everything needed to go on as if nothing had happened."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.store.hdf5 import inside, new_hdf5, opened, text

FORMAT = "seisnet-checkpoint"


@dataclass
class Checkpoint:
    """Where a training run stands after an epoch.

    Attributes
    ----------
    identity : str
        Of the data, config and seisnet version; another identity can't be resumed.
    thetas : list of float32 (P,)
        Members that are finished.
    theta, best_theta : float32 (P,)
        The member in training: now, and after its best epoch.
    best : (float, float)
        Score of the best epoch.
    epoch, since : int
        Epochs done, and those since the best.
    optimizer : dict of str to array
        The optimiser's vectors.
    generator : dict
        State of the random generator.
    schedule : float64 (3,) or None
        State of a schedule that has one.
    history : list of dict
        One row an epoch.
    """

    identity: str
    theta: NDArray[np.float32]
    best_theta: NDArray[np.float32]
    generator: dict[str, Any]
    thetas: list[NDArray[np.float32]] = field(default_factory=list)
    best: tuple[float, float] = (-np.inf, -np.inf)
    epoch: int = 0
    since: int = 0
    optimizer: dict[str, NDArray[Any]] = field(default_factory=dict)
    schedule: NDArray[np.float64] | None = None
    history: list[dict[str, float]] = field(default_factory=list)


PLAIN = ("identity", "generator", "best", "epoch", "since", "history")


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole or not at all, over the one before."""
    with new_hdf5(path, FORMAT) as file:
        file.create_dataset("plain", data=json.dumps({name: getattr(checkpoint, name) for name in PLAIN}))
        file.create_dataset("theta", data=checkpoint.theta)
        file.create_dataset("best_theta", data=checkpoint.best_theta)
        if checkpoint.schedule is not None:
            file.create_dataset("schedule", data=checkpoint.schedule)
        for k, theta in enumerate(checkpoint.thetas):
            file.create_dataset(f"thetas/{k}", data=theta)
        for name, values in checkpoint.optimizer.items():
            file.create_dataset(f"optimizer/{name}", data=values)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    FormatError
        If it is not one, or is damaged.
    """
    with opened(path, FORMAT) as file:
        plain = json.loads(text(inside(file, "plain")[()]))
        plain["best"] = tuple(plain["best"])
        return Checkpoint(
            theta=inside(file, "theta")[:],
            best_theta=inside(file, "best_theta")[:],
            thetas=[inside(file, f"thetas/{k}")[:] for k in range(len(file.get("thetas", ())))],
            optimizer={name: inside(file, f"optimizer/{name}")[()] for name in file.get("optimizer", ())},
            schedule=inside(file, "schedule")[:] if "schedule" in file else None,
            **plain,
        )
