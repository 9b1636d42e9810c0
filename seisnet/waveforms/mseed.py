"""What lies where in a miniSEED file, by the headers of its records: no sample is decoded, and memory does not grow.

ObsPy, asked for a day of a file, takes the whole file into memory. `read_span` gives it only the records near that day.
Of files with records whose headers are not understood (`seisnet.waveforms.mseed_headers`) `read_index` returns None,
and they are left to ObsPy.
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seisnet.store.files import size_and_age
from seisnet.waveforms.mseed_headers import Headers, headers_at, seed_id_of
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.segments import JITTER

BLOCK_BYTES = 1 << 20
"""Size of what is read at a time, and resolution of an index; files of longer records have none."""

TOLERANCE = 0.5
"""Share of a sample by which a record may miss the end of the previous one and still continue it, as in ObsPy."""

SLACK_NS = 2 * NS_PER_S
"""Records this near to a span are read too: trimming may look at the nearest sample outside."""

Channel = tuple[int, bytes, bytes]
"""Number of a file, code and quality: neither files nor, as in ObsPy, qualities share channels."""


@dataclass(frozen=True)
class Stretch:
    """Samples of one channel without a gap; first and last time are those given by the first and last record."""

    seed_id: str
    start_ns: int
    end_ns: int
    n_samples: int
    rate_hz: float

    @property
    def drifts(self) -> bool:
        """Whether samples lie elsewhere than the rate says: each record may be a little late or early without a gap."""
        late_ns = self.end_ns - self.start_ns - (self.n_samples - 1) * NS_PER_S / self.rate_hz
        return abs(late_ns) * self.rate_hz > TOLERANCE * NS_PER_S


class Block(NamedTuple):
    """Whole records that follow each other in a file, and the first and last time of their samples."""

    offset: int
    n_bytes: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Index:
    """What a file holds."""

    stretches: tuple[Stretch, ...]
    blocks: tuple[Block, ...]


def read_index(path: Path) -> Index | None:
    """Read the headers of a file in one pass; None for one of another kind, damaged or cut short."""
    try:
        return _index(path, *size_and_age(path)) if path.is_file() else None  # a pipe can't be read twice
    except OSError:  # reported by whatever reads the samples
        return None


def read_stretches(paths: Sequence[Path]) -> Iterator[tuple[Stretch, ...] | None]:
    """What `read_index` tells of the stretches in each of some files; small ones that are alike are read together."""
    batch: list[Path] = []
    size = 0
    for path in paths:
        n_bytes = path.stat().st_size if path.is_file() else BLOCK_BYTES
        if batch and size + n_bytes > BLOCK_BYTES:
            yield from _of_batch(batch)
            batch, size = [], 0
        batch.append(path)
        size += n_bytes
    yield from _of_batch(batch)


def _of_batch(paths: Sequence[Path]) -> Sequence[tuple[Stretch, ...] | None]:
    alike = _alike(paths) if len(paths) > 1 else None
    return alike or [index.stretches if index else None for index in map(read_index, paths)]


def _alike(paths: Sequence[Path]) -> Sequence[tuple[Stretch, ...]] | None:
    """Stretches in files whose records are all of one length and layout, else None."""
    try:
        contents = [path.read_bytes() for path in paths]
    except OSError:  # reported by whatever reads the samples
        return None
    records = headers_at(b"".join(contents), 0)
    sizes = np.array([len(data) for data in contents])
    if records is None or records.n_bytes != sizes.sum():
        return None
    n_records, cut_short = np.divmod(sizes, records.n_bytes // len(records.code))
    if not n_records.all() or cut_short.any():
        return None
    of_file: list[dict[Channel, list[Stretch]]] = [defaultdict(list) for _ in paths]
    for channel, stretch in _joined(records, np.repeat(np.arange(len(paths)), n_records)):
        of_file[channel[0]][channel].append(stretch)
    return [tuple(itertools.chain(*of_channel.values())) for of_channel in of_file]


def read_span(path: Path, low_ns: int, high_ns: int) -> NDArray[np.int8] | None:
    """All records of a file with samples between two times, and others near them, in the file's order.

    None if there is no index of the file.
    """
    index = read_index(path)
    if index is None:
        return None
    low_ns, high_ns = low_ns - SLACK_NS, high_ns + SLACK_NS
    blocks = [block for block in index.blocks if block.start_ns <= high_ns and block.end_ns >= low_ns]
    wanted = np.empty(sum(block.n_bytes for block in blocks), dtype=np.int8)
    at = 0
    with path.open("rb") as file:
        for block in blocks:
            file.seek(block.offset)
            at += file.readinto(wanted.data[at : at + block.n_bytes])
    return wanted[:at]


@functools.lru_cache(maxsize=16)
def _index(path: Path, size: int, _modified_ns: int) -> Index | None:
    """Index of a file, cached: its days are asked for one after the other."""
    blocks: list[Block] = []
    stretches: dict[Channel, list[Stretch]] = defaultdict(list)
    offset = 0
    with path.open("rb", buffering=0) as file:
        while offset < size:
            file.seek(offset)
            data = file.read(min(BLOCK_BYTES, size - offset))
            used, start_ns, end_ns = 0, [], []
            while (records := headers_at(data, used)) is not None:
                used += records.n_bytes
                start_ns.append(int(records.start_ns.min()))
                end_ns.append(int(records.next_ns.max()))
                for channel, new in _joined(records, np.zeros(len(records.code), dtype=np.intp)):
                    before = stretches[channel]
                    if before and _goes_on(before[-1], new):
                        n_samples = before[-1].n_samples + new.n_samples
                        before[-1] = replace(before[-1], n_samples=n_samples, end_ns=new.end_ns)
                    else:
                        before.append(new)
            if not used:
                return None
            blocks.append(Block(offset, used, min(start_ns), max(end_ns)))
            offset += used
    return Index(tuple(itertools.chain(*stretches.values())), tuple(blocks)) if blocks else None


def _joined(records: Headers, files: NDArray[np.intp]) -> Iterator[tuple[Channel, Stretch]]:
    """Stretches of every channel in the records' order; `files` has the number of each record's file."""
    order = np.lexsort((records.quality, records.code, files))
    file, code, quality, rate_hz = files[order], records.code[order], records.quality[order], records.rate_hz[order]
    start_ns, next_ns = records.start_ns[order], records.next_ns[order]
    breaks = np.abs(start_ns[1:] - next_ns[:-1]) * rate_hz[1:] > TOLERANCE * NS_PER_S
    breaks |= np.abs(rate_hz[1:] / rate_hz[:-1] - 1) >= JITTER
    for values in (quality, code, file):
        breaks |= values[1:] != values[:-1]
    bounds = np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(order)]])
    n_samples = np.add.reduceat(records.n_samples[order], bounds[:-1])
    for i in np.argsort(order[bounds[:-1]]).tolist():
        first, last = bounds[i], bounds[i + 1] - 1
        hz, end_ns = float(rate_hz[first]), int(next_ns[last]) - round(NS_PER_S / rate_hz[last])
        stretch = Stretch(seed_id_of(code[first]), int(start_ns[first]), end_ns, int(n_samples[i]), hz)
        yield (int(file[first]), code[first], quality[first]), stretch


def _goes_on(last: Stretch, new: Stretch) -> bool:
    late_ns = new.start_ns - last.end_ns - round(NS_PER_S / last.rate_hz)
    return abs(new.rate_hz / last.rate_hz - 1) < JITTER and abs(late_ns) * new.rate_hz <= TOLERANCE * NS_PER_S
