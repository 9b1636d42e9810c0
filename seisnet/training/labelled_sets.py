"""Labelled records in memory, for cross-validation and experiments: read, dealt out to folds, made into windows.

`seisnet preprocess` does the same from files to a file; here a script decides which record is trained on.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seisnet.config import PreprocessConfig, to_json
from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.features import extract, make_feature
from seisnet.labels.joining import surest
from seisnet.picks import station_of
from seisnet.store.excerpts import Excerpt
from seisnet.store.h5csv_file import import_h5csv
from seisnet.store.seisbench_file import is_seisbench
from seisnet.store.stead_file import stead_tables
from seisnet.store.windows_file import WindowRows, WindowsInfo
from seisnet.store.windows_in_memory import Windows
from seisnet.training.excerpt_data import fold_of
from seisnet.waveforms.files import Reading
from seisnet.waveforms.reading import read_traces
from seisnet.waveforms.records import Record, lost, reasons
from seisnet.waveforms.sources import Source
from seisnet.windows.augment import augment
from seisnet.windows.cutting import cut
from seisnet.windows.excerpting import excerpts
from seisnet.windows.labelled import LabelledRecord, Window, start_ns
from seisnet.wording import counted, most_frequent


def load_records(path: str | Path, config: PreprocessConfig) -> list[LabelledRecord]:
    """Labelled records of a data set folder (SeisBench, STEAD), or of an HDF5 + CSV pair, at the rate of the config.

    Raises
    ------
    DataError
        If any trace can't be used.
    """
    path = Path(path)
    if path.is_dir():
        tables = [] if is_seisbench(path) else stead_tables(path)
        return [labelled for part in tables or [path] for labelled in _read(part, config)]
    with tempfile.TemporaryDirectory() as folder:
        import_h5csv(path, Path(folder) / path.stem)
        return list(_read(Path(folder) / path.stem, config))


def station(labelled: LabelledRecord) -> str:
    """``NET.STA``."""
    return station_of(labelled.record.trace_id)


def station_folds(
    records: Sequence[LabelledRecord], n_folds: int, seed: int
) -> Iterator[tuple[list[LabelledRecord], list[LabelledRecord]]]:
    """Training and test records of each fold; no station is in both, and neither is empty.

    Raises
    ------
    DataError
        If there are fewer stations than folds, or fewer than two folds.
    """
    most = len(set(map(station, records)))
    if not 2 <= n_folds <= most:
        remedy = {0: "", 1: "", 2: "use 2 folds, or "}.get(most, f"use 2 to {most} folds, or ")
        raise DataError(
            f"{counted(n_folds, 'fold')} by station requested of {counted(len(records), 'record')} of "
            f"{counted(most, 'station')}; {remedy}use records of more stations"
        )
    fold = fold_of(map(station, records), n_folds, seed)
    return (
        ([r for r in records if fold[station(r)] != k], [r for r in records if fold[station(r)] == k])
        for k in range(n_folds)
    )


def make_windows(parts: Sequence[Sequence[LabelledRecord]], config: PreprocessConfig) -> Windows:
    """Windows and excerpts of records; unlike for a windows file, also where no component has a signal.

    Parameters
    ----------
    parts : sequence of sequences of LabelledRecord
        Those of the training, dev and test split; later ones may be absent. Only the first is augmented.
    config : PreprocessConfig
        For task ``phase``.

    Raises
    ------
    ConfigError
        For another task: the classes of the records are not known here, so that all would be noise.
    NothingUsableError
        If no record gives a window; the message says why.
    """
    if config.task != "phase":
        raise ConfigError(
            f"task: got '{config.task}'; records in memory work only with task 'phase'; use seisnet.preprocess"
        )
    feature = make_feature(config)
    made: list[tuple[Record, Window, int]] = []
    xs = []
    taken: list[Excerpt] = []
    groups: dict[str, int] = {}
    why: Counter[str] = Counter()
    for split, records in enumerate(parts):
        for labelled in records:
            record = labelled.record
            windows, rejections = cut(labelled, config)
            why.update(rejection.reason for rejection in rejections)
            windows = [w for w in windows if split == 0 or not w.augmented]
            if not windows:
                continue
            samples, present = augment(labelled, windows, config)
            xs.append(extract(feature, samples, present, np.full(len(windows), record.bandwidth_hz)))
            made += [(record, window, split) for window in windows]
        taken += excerpts_of(records, split, config)
    if not made:
        said = "; ".join(most_frequent(why)) or "there are no records"
        raise NothingUsableError(f"no window could be made: {said}")
    rows = WindowRows(
        x=np.concatenate(xs),
        y=np.array([config.classes.index(w.label) for _, w, _ in made], dtype=np.uint8),
        onset_s=np.array([w.onset_s for _, w, _ in made], dtype=np.float32),
        start_ns=np.array([start_ns(record, w) for record, w, _ in made], dtype=np.int64),
        trace_id=np.array([record.trace_id for record, *_ in made], dtype=object),
        group=np.array([groups.setdefault(w.event, len(groups)) for _, w, _ in made], dtype=np.uint32),
        split=np.array([split for *_, split in made], dtype=np.uint8),
        weight=np.array([w.weight for _, w, _ in made], dtype=np.float32),
        augmented=np.array([w.augmented for _, w, _ in made], dtype=np.bool_),
    )
    info = WindowsInfo(config.classes, feature.shape, tuple(groups), (), (), {"config": to_json(config)})
    return Windows(info, rows, tuple(taken))


def excerpts_of(records: Sequence[LabelledRecord], split: int, config: PreprocessConfig) -> list[Excerpt]:
    """Excerpts of records, all in one split."""
    found = (excerpt for labelled in records for excerpt in excerpts(labelled, (), config))
    return [replace(excerpt, split=split) for excerpt in found if isinstance(excerpt, Excerpt)]


def _read(path: Path, config: PreprocessConfig) -> Iterator[LabelledRecord]:
    reading = Reading()
    for trace in read_traces(Source((path,), "dataset"), reading, sampling_rate_hz=config.sampling_rate_hz):
        yield LabelledRecord(trace.record, tuple(surest(trace.picks)[0]), trace.event_id, trace.is_noise)
    if first := lost(reading.rejections)[:1]:
        raise DataError(reasons(first))
