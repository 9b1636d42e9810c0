"""What there is to do: labels read and grouped by event, sources divided into pieces of work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seisnet.config import PreprocessConfig, closest
from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.labels.linking import event_names, linked
from seisnet.labels.matching import ambiguous, span_ns
from seisnet.labels.reading import read_classes, read_labels
from seisnet.picks import ClassInterval, Pick
from seisnet.preprocessing.pieces import Piece, PieceJob
from seisnet.store.files import sha256_of
from seisnet.store.windows_file import Rejected
from seisnet.waveforms import dataset_columns
from seisnet.waveforms.datasets import loose_span_ns, rows_of
from seisnet.waveforms.records import KEPT, Rejection
from seisnet.waveforms.sources import Source
from seisnet.wording import counted

PIECE_BYTES = 1 << 22
PIECE_SOURCES = 64
"""Small files share a shard, up to this size and this number of sources."""

PIECE_ROWS = 2000
"""A data set is divided into shards of this many traces."""


def make_job(
    sources: Sequence[Source],
    labels: Sequence[str],
    config: PreprocessConfig,
    rejections: list[Rejection],
    *,
    miner: str = "",
    folder: Path | None,
) -> PieceJob:
    """Read the labels, and fill in what the config leaves to them; labels that don't count become rejections.

    Raises
    ------
    DataError
        If a label file can't be read, or there are fewer than two classes.
    NothingUsableError
        If there are waveform files but no labels.
    ConfigError
        If the model that mines does not fit, a class seems to be misspelt, or files are to have splits of their own.
    """
    if not labels and sources and not any(source.is_dataset for source in sources):
        raise NothingUsableError("waveform files carry no labels; name a catalogue or a CSV with labels=...")
    if config.split_by == "given" and not all(source.is_dataset for source in sources):
        raise ConfigError(
            "split_by (--split-by) is 'given', but only data sets have splits; use auto or event for files"
        )
    digest = " ".join(sha256_of(Path(path)) for path in labels if Path(path).is_file())
    read: Sequence[Any] = (read_classes if config.task == "class" else read_labels)(labels, rejections)
    loose = tuple(i for i, label in enumerate(read) if not label.event_id)
    linked_labels = tuple(linked(read, config.link_s))
    if config.task == "class":
        known = _class_names(sources, linked_labels)
        _check_spelling(config.class_names, known)
        who = "class_names (--classes) name" if config.class_names else "the labels name"
        config = replace(config, class_names=config.class_names or known)
        if len(config.class_names) < 2:
            named = ", ".join(config.class_names) or "none"
            raise DataError(f"{who} {named}; a classifier needs at least two classes")
    miner_sha256 = sha256_of(Path(miner)) if miner and Path(miner).is_file() else miner
    if miner:
        from seisnet.preprocessing.mining import load_miner  # whose models take long to import

        load_miner(miner, miner_sha256, config)  # before the work begins
    return PieceJob(config, linked_labels, loose, digest, miner, miner_sha256, folder)


def label_remarks(
    job: PieceJob, unmatched: Sequence[Rejected], records: Mapping[str, Sequence[int]]
) -> list[Rejection]:
    """Remarks on labels that a record uses and that name no event, or no network; `unmatched` are the others."""
    lost = {label[:3] for label in unmatched}
    labels: Sequence[Pick | ClassInterval] = job.labels
    n = sum((labels[i].trace_id, *span_ns(labels[i])) not in lost for i in job.loose)
    what = "signal" if job.config.task == "class" else "pick"
    return [*_eventless(n, what, job.config.link_s), *ambiguous(labels, records)]


def make_pieces(sources: Sequence[Source], link_s: float, rejections: list[Rejection]) -> Iterator[Piece]:
    """Divide sources into pieces, the same for any number of processes; name events for traces that name none.

    Such traces are joined in time over all stations and data sets, as picks are by `seisnet.labels.linking.linked`.
    """
    events = _events_of_rows([source.paths[0] for source in sources if source.is_dataset], link_s, rejections)
    small: list[Source] = []
    size = 0
    for source in sources:
        if small and (source.is_dataset or size >= PIECE_BYTES or len(small) == PIECE_SOURCES):
            yield Piece(tuple(small))
            small, size = [], 0
        if source.is_dataset:
            yield from _parts(source, events[source.paths[0]])
            continue
        small.append(source)
        # What a web service sends is worth keeping at once.
        size += sum(path.stat().st_size for path in source.files if path.exists()) if source.paths else PIECE_BYTES
    if small:
        yield Piece(tuple(small))


def _parts(source: Source, events: Sequence[str]) -> Iterator[Piece]:
    """Pieces of a data set, which has one event, or an empty string, for each row."""
    n = len(events)
    for first in range(0, max(n, 1), PIECE_ROWS):  # one that can't be read is a piece, too
        stop = min(first + PIECE_ROWS, n)
        rows = (first, stop) if n > PIECE_ROWS else None
        named = tuple(events[first:stop]) if any(events[first:stop]) else ()
        yield Piece((source,), rows, hashes=first == 0, events=named)


def _events_of_rows(paths: Sequence[Path], link_s: float, rejections: list[Rejection]) -> dict[Path, list[str]]:
    """Event of each row of some data sets, an empty string where the row names one itself, or is noise."""
    spans: dict[Path, list[tuple[int, int] | None]] = {}
    for path in paths:
        try:
            spans[path] = [loose_span_ns(stored) for stored in rows_of(path)]
        except DataError:  # reported when it is read
            spans[path] = []
    loose = [span for of_set in spans.values() for span in of_set if span]
    rejections += _eventless(len(loose), "trace", link_s)
    names = iter(event_names(loose, link_s, "traces"))
    return {path: [next(names) if span else "" for span in of_set] for path, of_set in spans.items()}


def _eventless(n: int, what: str, link_s: float) -> list[Rejection]:
    """The remark on labels without an event, if there are any."""
    how = (
        f"those that follow each other within {link_s:g} s count as one event"
        if link_s
        else "grouped by station and hour, so an event may lie in two splits"
    )
    return [Rejection("", 0, 0, f"{KEPT}without an event: {counted(n, what)}, {how}")] if n else []


def _check_spelling(names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a class without labels that is like one that is left out; others may be those of another region."""
    left_out = set(known) - set(names)
    for name in sorted(set(names) - {*known, "noise"}):
        if near := closest(name, left_out):
            raise ConfigError(f"class_names (--classes): no label has the class '{name}'; did you mean '{near}'?")


def _class_names(sources: Sequence[Source], intervals: Sequence[ClassInterval]) -> tuple[str, ...]:
    names = {interval.label for interval in intervals}
    for source in sources:
        if source.is_dataset:
            try:
                names |= {dataset_columns.category(stored.metadata) for stored in rows_of(source.paths[0])}
            except DataError:  # reported when it is read
                continue
    return tuple(sorted(names - {""}))
