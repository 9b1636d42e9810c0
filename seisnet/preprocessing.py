"""From sources and labels to a windows file."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from seisnet import __version__
from seisnet.config import PreprocessConfig, to_json
from seisnet.detection import snr_db
from seisnet.errors import DataError, NothingUsableError
from seisnet.features import Feature, extract, make_feature
from seisnet.labels import LabelMatcher, read_labels
from seisnet.picks import station_of
from seisnet.splits import assign_splits
from seisnet.store.hdf5 import check_output, sha256_of
from seisnet.store.shards import Shard, read_column, write_shard
from seisnet.store.windows_file import WindowRows, WindowsInfo, read_info, read_rows, writing
from seisnet.waveforms.records import COMPONENTS, NS_PER_S, Record, Rejection
from seisnet.waveforms.sources import Reading, Source, find_sources, read_records, read_traces
from seisnet.windows import LabelledRecord, Window, cut, start_ns, take

RECORDS_PER_SHARD = 500

Progress = Callable[[int, str], None]
"""Called with the number of windows so far and the source that is being read."""


@dataclass(frozen=True)
class Windows:
    """A windows file in memory."""

    info: WindowsInfo
    rows: WindowRows

    def split(self, name: str) -> WindowRows:
        """Rows of ``train``, ``dev`` or ``test``."""
        return self.rows.take(self.rows.split == ("train", "dev", "test").index(name))


def read_windows(path: str | Path) -> Windows:
    """Read a whole windows file.

    Raises
    ------
    FormatError
        If it is not one, or is damaged.
    """
    return Windows(read_info(Path(path)), read_rows(Path(path)))


def preprocess(sources: Sequence[str], labels: Sequence[str] = (), config: PreprocessConfig | None = None) -> Windows:
    """Make windows in memory; see `preprocess_to_file`.

    Examples
    --------
    >>> windows = preprocess(["events/*.mseed"], ["catalogue.xml"])  # doctest: +SKIP
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "windows.h5"
        preprocess_to_file(sources, labels, config, output=path)
        return read_windows(path)


def preprocess_to_file(
    sources: Sequence[str],
    labels: Sequence[str] = (),
    config: PreprocessConfig | None = None,
    *,
    output: Path,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> WindowsInfo:
    """Turn waveforms and picks into a windows file.

    Parameters
    ----------
    sources : sequence of str
        Files, folders, globs, or SeisBench data set folders, which carry their own labels.
    labels : sequence of str
        Catalogues and CSV files of picks for the sources that are not data sets.
    config : PreprocessConfig, optional
        How windows are cut and what is made of them.
    output : Path
        The windows file; it appears whole or not at all.
    overwrite : bool
        Whether an existing output may be replaced.
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    WindowsInfo
        What was read, made and rejected.

    Raises
    ------
    NothingUsableError
        If not one window could be made; the message says why.
    """
    config = config or PreprocessConfig()
    check_output(output, overwrite=overwrite)
    reading = Reading()
    found = find_sources(sources, reading)
    matcher = LabelMatcher(read_labels(labels))
    if not labels and found and not any(source.is_dataset for source in found):
        raise NothingUsableError("waveform files carry no labels; name a catalogue or a CSV of picks with --labels")
    try:
        scratch = tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.absolute().parent)
    except OSError as error:
        raise DataError(f"{output}: can't be written: {error.strerror}") from error
    with scratch as folder:
        shards: list[Path] = []
        made = dict.fromkeys(found, 0)
        for source in found:
            for shard in _shards(source, matcher, reading, config):
                path = Path(folder) / f"{len(shards):06d}.h5"
                write_shard(path, shard)
                shards.append(path)
                made[source] += len(shard.y)
                if progress:
                    progress(sum(made.values()), source.name)
            if not made[source]:
                reading.rejections.append(Rejection("", 0, 0, f"{source.name}: no window"))
        unmatched = matcher.unmatched()
        if not any(made.values()):
            raise NothingUsableError(f"no window could be made: {_why(unmatched, reading.rejections)}")
        reading.rejections += [Rejection("", 0, 0, line) for line in unmatched]
        return _merge(shards, made, labels, reading.rejections, config, output)


def reasons(rejected: Sequence[tuple[str, int, int, str]]) -> Counter[str]:
    """Count rejections by reason."""
    return Counter(reason for *_, reason in rejected)


def _why(unmatched: Sequence[str], rejections: Sequence[Rejection]) -> str:
    """Say in a line why there is nothing: the first picks without waveform, and the most frequent reasons."""
    said = [*unmatched[:3], f"{len(unmatched) - 3} more picks without waveform"] if unmatched[3:] else [*unmatched]
    counted = Counter(r.reason for r in rejections).most_common(5)
    said += [f"{reason} ({n})" if n > 1 else reason for reason, n in counted]
    return "; ".join(said) or "the sources hold no waveforms"


def _shards(source: Source, matcher: LabelMatcher, reading: Reading, config: PreprocessConfig) -> Iterator[Shard]:
    feature = make_feature(config)
    records = _labelled(source, matcher, reading, config)
    while batch := list(islice(records, RECORDS_PER_SHARD)):
        shard = make_shard(batch, feature, reading, config)
        if shard is not None:
            yield shard


def _labelled(
    source: Source, matcher: LabelMatcher, reading: Reading, config: PreprocessConfig
) -> Iterator[LabelledRecord]:
    """Records of a source with their picks, at the rate of the config."""
    if not source.is_dataset:
        for record in read_records(
            source, reading, sampling_rate_hz=config.sampling_rate_hz, shortest_s=config.window_s
        ):
            yield LabelledRecord(record, tuple(matcher.match(record)))
        return
    for trace in read_traces(source, reading, sampling_rate_hz=config.sampling_rate_hz):
        is_noise = trace.complete and not trace.picks
        yield LabelledRecord(trace.record, trace.picks, trace.event_id, is_noise, trace.split)


def make_shard(
    batch: Sequence[LabelledRecord], feature: Feature, reading: Reading, config: PreprocessConfig
) -> Shard | None:
    """Cut, and compute features of, the windows of some records."""
    x, windows, trace_ids, starts, given, ratios = [], [], [], [], [], []
    for labelled in batch:
        record = labelled.record
        chosen, why_not = cut(labelled, config)
        reading.rejections += [Rejection(record.trace_id, record.start_ns, record.end_ns, reason) for reason in why_not]
        if chosen:
            present = np.broadcast_to(record.present, (len(chosen), 3))
            x.append(extract(feature, take(record, chosen, config), present, np.full(len(chosen), record.bandwidth_hz)))
            windows += chosen
            trace_ids += [record.trace_id] * len(chosen)
            starts += [start_ns(record, window) for window in chosen]
            given += [labelled.split] * len(chosen)
            ratios += [_snr_db(record, window, config) for window in chosen]
    if not windows:
        return None
    return Shard(
        x=np.concatenate(x),
        y=np.array([config.classes.index(w.label) for w in windows], dtype=np.uint8),
        onset_s=np.array([w.onset_s for w in windows], dtype=np.float32),
        start_ns=np.array(starts, dtype=np.int64),
        weight=np.array([w.weight for w in windows], dtype=np.float32),
        augmented=np.array([w.augmented for w in windows], dtype=np.bool_),
        snr_db=np.array(ratios, dtype=np.float32),
        trace_id=trace_ids,
        event=[w.event for w in windows],
        given_split=given,
    )


def _snr_db(record: Record, window: Window, config: PreprocessConfig) -> float:
    if window.augmented or np.isnan(window.onset_s):
        return float("nan")
    onset_s = window.onset_s + config.window_s / 2
    return snr_db(record, start_ns(record, window) + round(onset_s * NS_PER_S))


def _merge(
    shards: Sequence[Path],
    made: Mapping[Source, int],
    labels: Sequence[str],
    rejections: Sequence[Rejection],
    config: PreprocessConfig,
    output: Path,
) -> WindowsInfo:
    """Assign splits, drop augmented windows from dev and test, and write one file."""
    columns = {
        name: np.concatenate([read_column(path, name) for path in shards])
        for name in ("y", "onset_s", "start_ns", "weight", "augmented", "snr_db", "trace_id", "event", "given_split")
    }
    stations = [station_of(str(t)) for t in columns["trace_id"]]
    split, how = assign_splits(list(columns["event"]), stations, list(columns["given_split"]), config)
    group_names, group = np.unique(columns["event"].astype(str), return_inverse=True)
    keep = ~(columns["augmented"].astype(bool) & (split > 0))
    files = {path: count for source, count in made.items() for path in source.paths}
    info = WindowsInfo(
        classes=config.classes,
        feature_shape=make_feature(config).shape,
        group_names=tuple(group_names),
        sources=tuple((str(p), _size(p), sha256_of(p), count) for p, count in files.items()),
        rejected=tuple((r.trace_id, r.start_ns, r.end_ns, r.reason) for r in rejections),
        attributes={
            "component_order": COMPONENTS,
            "config": to_json(config),
            # The age of the newest input, not of the clock: the same inputs give the same bytes.
            "created": datetime.fromtimestamp(
                max(p.stat().st_mtime for p in [*files, *map(Path, labels)]), UTC
            ).isoformat(timespec="seconds"),
            "feature": config.features,
            "labels_sha256": " ".join(sha256_of(Path(p)) for p in labels),
            "sampling_rate_hz": config.sampling_rate_hz,
            "seisnet_version": __version__,
            "split_by": how,
            "window_s": config.window_s,
        },
    )
    at = 0
    with writing(output, info, int(keep.sum())) as writer:
        for path in shards:
            x = read_column(path, "x").astype(np.float32, copy=False)
            here = slice(at, at + len(x))
            kept = keep[here]
            writer.append(
                WindowRows(
                    x=x[kept],
                    group=group[here][kept].astype(np.uint32),
                    split=split[here][kept],
                    **{
                        n: columns[n][here][kept]
                        for n in ("y", "onset_s", "start_ns", "weight", "augmented", "snr_db", "trace_id")
                    },
                )
            )
            at += len(x)
    return info


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
