"""Cross-validation of a class model: no network is judged on an event, or on a time, that it has learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from class_alterations import altered_figures
from class_figures import scores_of, thresholds_of
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from seisnet.config import PreprocessConfig, TrainConfig, between
from seisnet.errors import DataError
from seisnet.model import Model
from seisnet.overlaps import group_starts
from seisnet.store.windows_file import WindowRows
from seisnet.store.windows_in_memory import Windows
from seisnet.training.fitting import fit
from seisnet.wording import Say, counted, most_frequent


@dataclass(frozen=True)
class ValidationConfig:
    """How the figures are made.

    Attributes
    ----------
    folds : int
        Parts that the blocks of every class are dealt to.
    seed : int
        Of the deal, and of the bootstrap.
    recording_gap_s : float
        Windows further apart in time than this belong to different recordings.
    background : bool
        Whether `noise_windows` of every whole recording, `noise_gap_s` away from all that the list names, are taken as
        noise too.
    """

    folds: int = 12
    seed: int = 0
    recording_gap_s: float = 3600.0
    background: bool = False

    def __post_init__(self) -> None:
        """Check what no other check would name."""
        between("folds", self.folds, 2, 1000)


def blocks_of(windows: Windows, config: PreprocessConfig) -> np.ndarray:
    """Number the blocks that must not be divided, (N,).

    Windows of one event, and windows that overlap in time with any shift, on whatever stations, are in one block. What
    is called noise belongs to no event.
    """
    rows = windows.rows
    near = join_times(rows.start_ns, config.window_s + 2 * config.shift_s)
    n_times, n_groups = near.max() + 1, int(rows.group.max()) + 1
    noise = np.array(windows.info.classes)[rows.y] == "noise"
    links = coo_array(
        (np.ones((~noise).sum()), (near[~noise], n_times + rows.group[~noise].astype(int))),
        shape=(n_times + n_groups,) * 2,
    )
    return connected_components(links, directed=False)[1][near]


def join_times(times_ns: np.ndarray, within_s: float) -> np.ndarray:
    """Number the groups of times (N,) that follow each other within some time, in order of time (single linkage)."""
    starts = group_starts([(ns, ns) for ns in times_ns.tolist()], within_s * 1e9)
    return np.unique(starts, return_inverse=True)[1]


def folds_of(y: np.ndarray, blocks: np.ndarray, config: ValidationConfig) -> np.ndarray:
    """Deal the blocks of every class to the folds in turn, (N,)."""
    rng = np.random.default_rng(config.seed)
    numbers, first = np.unique(blocks, return_index=True)
    fold_of = {}
    for label in np.unique(y[first]):
        mine = rng.permutation(numbers[y[first] == label])
        fold_of |= {int(block): i % config.folds for i, block in enumerate(mine)}
    return np.array([fold_of[int(block)] for block in blocks])


def check_blocks(windows: Windows, blocks: np.ndarray) -> None:
    """Refuse classes of which nothing would be left to learn from when a block is held out."""
    for k, name in enumerate(windows.info.classes):
        n = np.unique(blocks[windows.rows.y == k]).size
        if n < 2:
            reasons = Counter(reason for *_, reason in windows.info.rejected)
            why = "; noise is cut noise_gap_s away from all that is labelled" if name == "noise" else ""
            why += f"; not used: {', '.join(most_frequent(reasons, 3))}" if reasons else ""
            raise DataError(
                f"class {name}: {counted(n, 'block')} (events, or windows that overlap in time); at least two are "
                f"needed, one to learn from and one to judge by{why}"
            )


@dataclass(frozen=True)
class Validation:
    """Trainings that leave something out, and their figures.

    Attributes
    ----------
    windows : Windows
    blocks : int (N,)
        Of the windows.
    train : TrainConfig
    config : ValidationConfig
    say : callable
        Told what is done.
    """

    windows: Windows
    blocks: np.ndarray
    train: TrainConfig
    config: ValidationConfig
    say: Say

    def cross_validate(self, altered: dict[str, np.ndarray]) -> dict[str, Any]:
        """Figures of windows, plain and altered, by networks that have not seen their block; and thresholds."""
        self.say("cross-validation")
        folds = folds_of(self.windows.rows.y, self.blocks, self.config)
        rows, probabilities, models = self._predict_unseen(folds)
        mine = folds[~self.windows.rows.augmented]
        return {
            # No more folds than the largest class has blocks.
            "cross_validation": self._scores(rows, probabilities) | {"folds": int(folds.max()) + 1},
            "altered": altered_figures(rows, probabilities, altered, lambda x: unseen(models, mine, x)),
            "thresholds": thresholds_of(rows.y, probabilities, self.windows.info.classes),
        }

    def leave_recordings_out(self, recordings: np.ndarray) -> tuple[dict[str, Any], list[Model]]:
        """Figures of windows by networks that have not seen their recording; and those networks."""
        self.say("leave one recording out")
        rows, probabilities, models = self._predict_unseen(recordings)
        return self._scores(rows, probabilities) | {"recordings": int(recordings.max()) + 1}, models

    def _predict_unseen(self, parts: np.ndarray) -> tuple[WindowRows, np.ndarray, list[Model]]:
        """Predict every window that is not augmented by a network that has not seen its part."""
        plain = ~self.windows.rows.augmented
        rows = self.windows.rows.take(plain)
        models = []
        for part in np.unique(parts):
            others = replace(self.windows, rows=self.windows.rows.take(parts != part))
            models.append(fit(others, self.train, name="fold", threads=1)[0])
            self.say(f"  part {part + 1}/{parts.max() + 1}")
        return rows, unseen(models, parts[plain], rows.x), models

    def _scores(self, rows: WindowRows, probabilities: np.ndarray) -> dict[str, Any]:
        blocks = self.blocks[~self.windows.rows.augmented]
        scores: dict[str, Any] = scores_of(rows.y, probabilities, blocks, self.windows.info.classes, self.config.seed)
        return scores


def unseen(models: Sequence[Model], parts: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) of features (N, D), each by the network of the part that the window is in."""
    probabilities = np.zeros((len(x), len(models[0].classes)), dtype=np.float32)
    for part, model in zip(np.unique(parts), models, strict=True):
        probabilities[parts == part] = model.predict_proba(x[parts == part])
    return probabilities
