"""Pieces of the sources, what the work on them needs to know, and what remains of each once its shard is made."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from seisnet import __version__
from seisnet.config import PreprocessConfig, to_json
from seisnet.features import Feature, make_feature
from seisnet.labels.matching import LabelMatcher
from seisnet.picks import ClassInterval, Pick
from seisnet.preprocessing.splits import Row
from seisnet.store.windows_file import Rejected
from seisnet.waveforms.sources import Source


@dataclass(frozen=True)
class Piece:
    """Sources, or some rows of a data set, that become one shard.

    `hashes` says whether the shard notes the SHA-256 of their files; of the shards of a data set only the first does.
    Where rows of the data set name no event, `events` holds one for each row, empty for those that do.
    """

    sources: tuple[Source, ...]
    rows: tuple[int, int] | None = None
    hashes: bool = True
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class PieceJob:
    """What the work on every piece needs to know.

    Attributes
    ----------
    config : PreprocessConfig
    labels : tuple of Pick, or of ClassInterval where that is the task
        For sources that are not data sets.
    loose : tuple of int
        Which of the labels name no event themselves.
    labels_sha256 : str
        Of their files.
    miner, miner_sha256 : str
        Model file that finds hard negatives, if any.
    folder : Path or None
        Where shards are written; without a folder no features are computed and nothing is written.
    """

    config: PreprocessConfig
    labels: tuple[Pick, ...] | tuple[ClassInterval, ...] = ()
    loose: tuple[int, ...] = ()
    labels_sha256: str = ""
    miner: str = ""
    miner_sha256: str = ""
    folder: Path | None = None

    @functools.cached_property
    def matcher(self) -> LabelMatcher[Any]:
        """The labels by station; built once a process."""
        return LabelMatcher[Any](self.labels)

    @functools.cached_property
    def feature(self) -> Feature:
        """The feature of the config; built once a process."""
        return make_feature(self.config)

    def identity(self, piece: Piece) -> str:
        """SHA-256 of all that a shard is made from; files count by name, size and age, web services by the request."""
        # Splits are assigned afterwards.
        config = replace(self.config, split=PreprocessConfig.split, split_by=PreprocessConfig.split_by)
        files = [source.stamps for source in piece.sources]
        made_from = [__version__, to_json(config), repr(piece), files, self.labels_sha256, self.miner_sha256]
        return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


@dataclass
class Summary:
    """What remains of a piece once its shard is made; plain values, so that the shard can hold it too.

    Attributes
    ----------
    rows : dict
        Windows by event, station, split of the data set, class, and whether they are augmented.
    made : list of int
        Windows of each source of the piece.
    mined_rows : list of (event, station, split of the data set)
        Of each hard negative among them.
    excerpt_samples : int
        Samples per component of all excerpts.
    files : list of (path, size, sha256, index of the source, -1 where the file could not be read)
    records : dict of str to list of int
        See `seisnet.labels.matching.no_records`.
    covered, excerpted : dict
        Where its windows, and its excerpts, lie, see `seisnet.preprocessing.splits.Covered`.
    failed : list of str
        What went wrong where another try may succeed, see `seisnet.waveforms.files.Reading`.
    rejected : list
        Filled only where no shard is written: a shard holds its own.
    shard : Path or None
        Its file, if one is written.
    """

    rows: list[tuple[Row, int]] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    mined_rows: list[tuple[str, str, int]] = field(default_factory=list)
    excerpt_samples: int = 0
    files: list[tuple[str, int, str, int]] = field(default_factory=list)
    records: dict[str, list[int]] = field(default_factory=dict)
    covered: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    excerpted: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    shard: Path | None = None


CARRIED = {one.name for one in fields(Summary)} - {"rejected", "shard"}
"""Fields of its summary that a shard holds."""
