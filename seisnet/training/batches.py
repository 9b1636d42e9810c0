"""What training reads: mini-batches of scaled features, from memory or from a windows file that is larger than memory.

In memory, an epoch is one random permutation of the windows. From a file, the windows are cut into runs of
`RUN_ROWS` neighbours, an epoch is a random permutation of the runs, and the windows of as many runs as fit half the
allowed memory are permuted together before they are dealt out. Either way every window comes once an epoch, and is
equally likely to come at any place, so that the expected gradient of a batch is the same; what differs is that
neighbours in the file meet in one batch more often.

Peak memory of the second way is about `memory_mb`: one pool of scaled rows and one run being read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisnet.nn import StandardScaler
from seisnet.nn.arrays import Array, namespace
from seisnet.store.windows_file import RUN_ROWS, FeatureReader

Floats = NDArray[np.float32]
Batch = tuple[Array, Array, Array]
"""Scaled features (B, D), classes (B,) or other targets (B, ...), weights (B,)."""


@dataclass(frozen=True)
class MemoryBatches:
    """Batches of features (N, D) that are in memory, already scaled; or in that of a GPU.

    Only `rows`, where they are given, are dealt out: folds share the features, which may be most of the memory.
    """

    x: Array
    y: Array
    weight: Array
    rows: NDArray[np.int64] | None = None

    @property
    def n_features(self) -> int:
        """Columns of a batch."""
        return int(self.x.shape[1])

    def __len__(self) -> int:
        return len(self.y) if self.rows is None else len(self.rows)

    def only(self, rows: NDArray[np.int64]) -> MemoryBatches:
        """Batches of some of the windows."""
        return replace(self, rows=rows)

    def epoch(self, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Deal all windows out once, in a new order."""
        order = rng.permutation(len(self))
        order = namespace(self.x).asarray(order if self.rows is None else self.rows[order])
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield self.x[rows], self.y[rows], self.weight[rows]


@dataclass(frozen=True)
class FileBatches:
    """Batches of the windows of one split, read in runs of neighbours.

    Attributes
    ----------
    reader : FeatureReader
        Open on the windows file.
    rows : int64 (N,)
        The split's rows in the file, rising.
    y, weight : (N,)
        Their classes and weights.
    scaler : StandardScaler
        Fitted on these rows.
    memory_mb : float
        What a pool of rows may take, with its permuted copy.
    """

    reader: FeatureReader
    rows: NDArray[np.int64]
    y: NDArray[np.uint8]
    weight: Floats
    scaler: StandardScaler
    memory_mb: float

    @property
    def n_features(self) -> int:
        """Columns of a batch."""
        return self.reader.n_features

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, rows: NDArray[np.int64]) -> FileBatches:
        """Batches of some of the windows."""
        return replace(self, rows=self.rows[rows], y=self.y[rows], weight=self.weight[rows])

    def epoch(self, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Deal all windows out once, in a new order."""
        runs = np.array_split(np.arange(len(self.rows)), -(-len(self.rows) // RUN_ROWS))
        row_bytes = 4 * self.reader.n_features
        runs_in_pool = max(1, int(self.memory_mb * 1e6 / 2 / row_bytes / RUN_ROWS))
        order = rng.permutation(len(runs))
        left_x = np.zeros((0, self.reader.n_features), dtype=np.float32)
        left = np.zeros(0, dtype=np.int64)
        for start in range(0, len(order), runs_in_pool):
            chosen = [runs[k] for k in order[start : start + runs_in_pool]]
            pool = np.concatenate([left, *chosen])
            x = np.concatenate([left_x, *(self.scaler.transform(self.reader.read(self.rows[run])) for run in chosen)])
            last = start + runs_in_pool >= len(order)
            shuffled = rng.permutation(len(pool))
            whole = len(pool) if last else len(pool) // batch_size * batch_size
            for at in range(0, whole, batch_size):
                take = shuffled[at : min(at + batch_size, whole)]
                yield x[take], self.y[pool[take]], self.weight[pool[take]]
            left, left_x = pool[shuffled[whole:]], x[shuffled[whole:]]


Batches = MemoryBatches | FileBatches


@dataclass(frozen=True)
class TrainingData:
    """What the training of one network reads.

    Attributes
    ----------
    batches : Batches
        To learn from.
    x_dev, y_dev : float32 (N, D), (N, ...)
        To be judged on; scaled, and empty where there is no dev split.
    scaler : StandardScaler
        By which all of it was scaled.
    prior_shift : float32 (K,) or None
        To be added to logits where the weights made classes more frequent than they are
        (Saerens et al. 2002, equation 2.4).
    """

    batches: Batches
    x_dev: NDArray[np.float32]
    y_dev: NDArray[Any]
    scaler: StandardScaler
    prior_shift: NDArray[np.float32] | None = None


Data = Callable[[], TrainingData]
"""Makes what a network learns from."""


def scale(x: Floats, scaler: StandardScaler) -> Floats:
    """Normalise rows (N, D) in place, for a copy of them may not fit into memory."""
    for at in range(0, len(x), RUN_ROWS):
        x[at : at + RUN_ROWS] = scaler.transform(x[at : at + RUN_ROWS])
    return x


def fit_scaler(reader: FeatureReader, rows: NDArray[np.int64]) -> StandardScaler:
    """Mean and deviation of the features of some rows, without holding them all."""
    scaler = StandardScaler()
    for run in np.array_split(rows, -(-len(rows) // RUN_ROWS)):
        scaler.partial_fit(reader.read(run))
    return scaler
