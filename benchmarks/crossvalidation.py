"""What the accuracy benchmarks share: real labelled sets, folds by station, windows in memory."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from seisnet.config import PreprocessConfig, TrainConfig, to_json
from seisnet.features import make_feature
from seisnet.metrics import ClassScores, class_scores, confusion_counts
from seisnet.picks import station_of
from seisnet.preprocessing import Windows, make_shard
from seisnet.store.h5csv_file import import_h5csv
from seisnet.store.windows_file import WindowRows, WindowsInfo
from seisnet.training import fit
from seisnet.waveforms.conditioning import to_rate
from seisnet.waveforms.datasets import read_dataset
from seisnet.waveforms.records import Rejection
from seisnet.waveforms.sources import Reading
from seisnet.windows import LabelledRecord

DATA = Path(__file__).parents[2] / "shared" / "data" / "phases"
N_FOLDS = 5


def load(names: Sequence[str], config: PreprocessConfig, data: Path = DATA) -> list[LabelledRecord]:
    """Labelled records of HDF5 + CSV pairs, at the rate of the config."""
    records = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            import_h5csv(data / f"{name}.h5", Path(folder) / name)
            for trace in read_dataset(Path(folder) / name):
                if isinstance(trace, Rejection):
                    raise SystemExit(f"{name}: {trace.reason}")
                is_noise = trace.complete and not trace.picks
                record = to_rate(trace.record, config.sampling_rate_hz)
                records.append(LabelledRecord(record, trace.picks, trace.event_id, is_noise))
    return records


def station(labelled: LabelledRecord) -> str:
    """``NET.STA``."""
    return station_of(labelled.record.trace_id)


def folds(records: Sequence[LabelledRecord], seed: int) -> Iterator[tuple[list[LabelledRecord], list[LabelledRecord]]]:
    """Train and test records of every fold; no station is in both."""
    stations = sorted({station(r) for r in records})
    fold = dict(zip(stations, np.random.default_rng(seed).permutation(len(stations)) % N_FOLDS, strict=True))
    for k in range(N_FOLDS):
        yield [r for r in records if fold[station(r)] != k], [r for r in records if fold[station(r)] == k]


def windows(train: Sequence[LabelledRecord], test: Sequence[LabelledRecord], config: PreprocessConfig) -> Windows:
    """Windows of both, augmented ones in train only; dev stays empty: nothing is chosen by looking."""
    feature = make_feature(config)
    parts = []
    for split, records in ((0, train), (2, test)):
        shard = make_shard(records, feature, Reading(), config)
        n = len(shard.y)
        group = np.unique(shard.event, return_inverse=True)[1].astype(np.uint32)
        rows = WindowRows(
            shard.x, shard.y, shard.onset_s, shard.start_ns, np.array(shard.trace_id, dtype=object), group,
            np.full(n, split, dtype=np.uint8), shard.weight, shard.augmented,
        )  # fmt: skip
        parts.append(rows if split == 0 else rows.take(~rows.augmented))
    together = WindowRows(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(WindowRows)}
    )
    info = WindowsInfo(config.classes, feature.shape, (), (), (), {"config": to_json(config)})
    return Windows(info, together)


def predict(
    train: Sequence[LabelledRecord], test: Sequence[LabelledRecord], config: PreprocessConfig, training: TrainConfig
) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted classes of the test records' windows."""
    made = windows(train, test, config)
    model, _ = fit(made, training)
    rows = made.split("test")
    return rows.y, model.predict_proba(rows.x).argmax(axis=1)


def cross_validate(
    records: Sequence[LabelledRecord], config: PreprocessConfig, training: TrainConfig, seed: int
) -> ClassScores:
    """Scores over the test windows of all folds together."""
    pairs = [predict(train, test, config, training) for train, test in folds(records, seed)]
    true, predicted = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return class_scores(confusion_counts(true, predicted, len(config.classes)))
