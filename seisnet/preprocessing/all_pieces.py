"""Makes the shards of all pieces, in a folder that survives a failed run, and adds up what is in them."""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from seisnet.config import to_json
from seisnet.engine import Over
from seisnet.errors import DataError, NothingUsableError, UnfinishedError
from seisnet.labels.matching import no_records, unmatched
from seisnet.preprocessing.pieces import Piece, PieceJob, Summary
from seisnet.preprocessing.splits import Row
from seisnet.store.shards import read_shard
from seisnet.store.virtual_features import shards_folder
from seisnet.store.windows_file import Rejected
from seisnet.waveforms.finding import nothing_wanted
from seisnet.waveforms.records import KEPT
from seisnet.wording import counted, most_frequent

Progress = Callable[[int, str], None]
"""Called with the number of windows so far and the source that was read last."""


@dataclass
class Totals:
    """Summaries of all pieces, added up; windows are counted by the name of the source, which all of its days share.

    `unmatched` are the labels that no record of any piece uses.
    """

    rows: Counter[Row] = field(default_factory=Counter)
    n_windows: Counter[str] = field(default_factory=Counter)
    mined: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    excerpt_samples: int = 0
    files: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    records: dict[str, array[int]] = field(default_factory=no_records)
    covered: dict[str, dict[str, array[int]]] = field(default_factory=partial(defaultdict, no_records))
    excerpted: dict[str, dict[str, array[int]]] = field(default_factory=partial(defaultdict, no_records))
    rejected: list[Rejected] = field(default_factory=list)
    unmatched: list[Rejected] = field(default_factory=list)
    shards: list[Path] = field(default_factory=list)

    def add(self, piece: Piece, summary: Summary) -> None:
        """Add the summary of a piece."""
        for (event, station, given, y, augmented), n in summary.rows:
            self.rows[event, station, given, y, augmented] += n
        for source, n_windows in zip(piece.sources, summary.made, strict=True):
            self.n_windows[source.name] += n_windows
        self.mined.update((event, station, given) for event, station, given in summary.mined_rows)
        self.excerpt_samples += summary.excerpt_samples
        for path, size, sha256, index in summary.files:
            self.files[path] = (size, sha256, piece.sources[index].name if index >= 0 else "")
        for name, spans_ns in summary.records.items():
            self.records[name].extend(spans_ns)
        for mine, its in ((self.covered, summary.covered), (self.excerpted, summary.excerpted)):
            for station, of_event in its.items():
                for event, spans_ns in of_event.items():
                    mine[station][event].extend(spans_ns)
        self.rejected += summary.rejected
        if summary.shard:
            self.shards.append(summary.shard)

    @property
    def windowless(self) -> list[Rejected]:
        """Sources that gave no window; all for one reason, so that hundreds of them fill one line."""
        return [(name, 0, 0, "a source without windows") for name, n in self.n_windows.items() if not n]


def make_shards(
    job: PieceJob,
    pieces: Sequence[Piece],
    over: Over[Piece, Summary],
    rejections: Sequence[Rejected],
    progress: Progress | None,
) -> Totals:
    """Work on all pieces; `rejections` are of what was left out before.

    Raises
    ------
    NothingUsableError
        If there is not one window; the message says why.
    DataError
        If a shard can't be made; the message says how many are finished.
    """
    totals = Totals()
    done = n_windows = 0
    try:
        for piece, summary in zip(pieces, over(pieces), strict=True):
            done, n_windows = done + 1, n_windows + sum(summary.made)
            totals.add(piece, summary)
            if progress:
                progress(n_windows, piece.sources[-1].name)
    except DataError as error:
        if job.folder is None or not done:
            raise
        finished = f"{done} of {len(pieces)} shards are finished"
        raise UnfinishedError(error, f"{finished}: correct this and use resume=True") from error
    datasets = any(source.is_dataset for piece in pieces for source in piece.sources)
    totals.unmatched += unmatched(job.labels, totals.records, datasets=datasets)
    if not totals.rows:
        rejected = itertools.chain(rejections, totals.rejected, *map(_rejected, totals.shards))
        raise NothingUsableError(f"no window could be made: {_why(totals, rejected, pieces)}")
    return totals


def place_for_shards(output: Path, *, virtual: bool) -> Path:
    """The folder for the shards of an output."""
    return shards_folder(output) if virtual else output.with_name(f".{output.name}.work")


def inputs_sha256(job: PieceJob, identities: Sequence[str]) -> str:
    """SHA-256 of all that the windows are made from, by what each piece is made from."""
    return hashlib.sha256(" ".join([to_json(job.config), *identities]).encode()).hexdigest()


def _rejected(path: Path) -> list[Rejected]:
    with read_shard(path) as shard:
        return shard.rejected


def _why(totals: Totals, rejected: Iterable[Rejected], pieces: Sequence[Piece]) -> str:
    """Say in a line why there is no window: stations whose labels lie in no record, and the most frequent reasons."""
    # Where no record could be used, it is no news that labels lie in none.
    stations = Counter(reason for *_, reason in totals.unmatched if totals.records)
    said = most_frequent(stations, 3)
    said += [f"{counted(len(stations) - 3, 'more station')} without waveforms"] if len(stations) > 3 else []
    said += most_frequent(Counter(reason for *_, reason in rejected if not reason.startswith(KEPT)))
    return "; ".join(said) or nothing_wanted([source for piece in pieces for source in piece.sources])
