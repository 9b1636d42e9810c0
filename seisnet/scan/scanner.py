"""The networks slid over a record: one row of probabilities every hop, on a grid anchored to absolute UTC.

A record may come whole or in pieces of any size, down to one sample; the columns are the same, to the bit.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError
from seisnet.nn import blas_threads
from seisnet.picks import iso_time
from seisnet.scan.context_network import ContextNetwork
from seisnet.scan.sliding_network import Columns, SlidingNetwork, joined
from seisnet.waveforms.records import NS_PER_S, Record, ns_to_sample, sample_to_ns
from seisnet.wording import counted

CONTEXT_COLUMNS = 1024
"""Columns that the context stage evaluates at once."""


@dataclass(frozen=True)
class Chain:
    """The stages of a scan.

    Attributes
    ----------
    windows : SlidingNetwork
    context : ContextNetwork or None
    config : PreprocessConfig
        What the networks were trained on.
    classes : tuple of str
    """

    windows: SlidingNetwork
    context: ContextNetwork | None
    config: PreprocessConfig
    classes: tuple[str, ...]

    @property
    def hop_ns(self) -> int:
        """Time from column to column."""
        return round(self.config.hop_s * NS_PER_S) * self.windows.every


@dataclass(frozen=True)
class Probabilities:
    """Probability traces of one record.

    Attributes
    ----------
    values : float32 (K, M)
        One row a class; each column adds up to 1.
    start_ns : int
        Time of the first column: the centre of the first window.
    hop_ns : int
        Time from column to column.
    classes : tuple of str
        Names of the rows.
    trace_id : str
        Of the record.
    dead : bool (M,)
        Columns without signal; there noise has probability 1, or all classes the same if none is noise.
    """

    values: NDArray[np.float32]
    start_ns: int
    hop_ns: int
    classes: tuple[str, ...]
    trace_id: str
    dead: NDArray[np.bool_]

    def __repr__(self) -> str:
        """Say of what, when and how many, not every column."""
        columns = (
            f"{counted(len(self.dead), 'column')} {self.hop_ns / NS_PER_S:g} s apart from {iso_time(self.start_ns)}"
        )
        return f"Probabilities({self.trace_id}, {columns}, classes {' '.join(self.classes)})"

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """Time of every column, int64 (M,)."""
        return self.start_ns + self.hop_ns * np.arange(self.values.shape[1], dtype=np.int64)

    def part(self, first: int, stop: int) -> Probabilities:
        """The columns from `first` to before `stop`."""
        values, dead = self.values[:, first:stop], self.dead[first:stop]
        return replace(self, values=values, start_ns=self.start_ns + first * self.hop_ns, dead=dead)


class Scanner:
    """The scan of one record that comes in pieces.

    Parameters
    ----------
    chain : Chain
    record : Record
        Start, rate, components and trace id of the whole; its samples are not read.
    threads : int
        How many may share the work; the columns do not depend on it.
    """

    def __init__(self, chain: Chain, record: Record, *, threads: int = 1) -> None:
        self._windows = _WindowScan(chain.windows, chain.config, record, threads, over_end=True)
        self._context = _ContextScan(chain, self._windows.next // chain.windows.every)
        nothing = np.zeros((len(chain.classes), 0), dtype=np.float32)
        start_ns, dead = self._windows.centre_ns(record), np.zeros(0, dtype=np.bool_)
        self._ahead = Probabilities(nothing, start_ns, chain.hop_ns, chain.classes, record.trace_id, dead)

    @property
    def due(self) -> int:
        """How many samples of the record there must be for more columns."""
        return self._windows.due

    def add(self, samples: NDArray[np.float32], *, last: bool = False) -> Probabilities:
        """Take the samples (C, T) that follow, and give the columns that have become final."""
        with blas_threads(1):
            values, dead = self._context.add(self._windows.add(samples, last=last), last=last)
        probabilities = replace(self._ahead, values=values, dead=dead)
        self._ahead = replace(self._ahead, start_ns=self._ahead.start_ns + len(dead) * self._ahead.hop_ns)
        return probabilities


def scan(record: Record, chain: Chain, *, threads: int = 1) -> Probabilities:
    """Evaluate the networks on every window of a record that starts on a multiple of the hop since 1970.

    Windows may reach over the end, where the record is mirrored, as long as their central frame lies inside.

    Parameters
    ----------
    record : Record
        At the sampling rate of the config.
    chain : Chain
    threads : int
        How many may share the work; the result does not depend on it.

    Returns
    -------
    Probabilities
        With no columns if the record is shorter than a window.
    """
    return Scanner(chain, record, threads=threads).add(record.data, last=True)


def scan_windows(record: Record, windows: SlidingNetwork, config: PreprocessConfig) -> tuple[Columns, int]:
    """Output of the first stage for a whole record, for training the second, and the time of the first column.

    Windows that reach over the end are left out: with them the second stage loses more elsewhere than it gains there.
    """
    with blas_threads(1):
        scanner = _WindowScan(windows, config, record, threads=1, over_end=False)
        start_ns = scanner.centre_ns(record)
        return scanner.add(record.data, last=True), start_ns


class _WindowScan:
    """The first stage: samples to columns.

    Attributes
    ----------
    next : int
        The frame since 1970 on which the next window starts.
    """

    def __init__(
        self, windows: SlidingNetwork, config: PreprocessConfig, record: Record, threads: int, *, over_end: bool
    ) -> None:
        if record.sampling_rate_hz != config.sampling_rate_hz:
            got = f"{record.trace_id}: got a record of {record.sampling_rate_hz:g} Hz"
            raise DataError(f"{got}; the networks read {config.sampling_rate_hz:g} Hz, which Model.records gives")
        self._network, self._config, self._threads = windows, config, threads
        self._present, self._bandwidth_hz = record.present, record.bandwidth_hz
        # A window that starts between two samples takes the nearer one; times are those of the samples taken, so that
        # moving the start of a file moves no window.
        hop_ns = round(config.hop_s * NS_PER_S)
        self._frame = -(-record.start_ns // hop_ns)
        self._first_sample = ns_to_sample(record, self._frame * hop_ns)
        if self._first_sample >= config.hop_samples:  # the grid point before rounds to the first sample
            self._first_sample, self._frame = self._first_sample - config.hop_samples, self._frame - 1
        self.next = -(-self._frame // windows.every) * windows.every
        # This many frames of a window may lie beyond the end of the record.
        behind = (config.window_samples - windows.feature.frame_samples) // 2 // config.hop_samples
        self._behind = behind if over_end else 0
        self._data = np.zeros((3, 0), dtype=np.float32)
        self._start = 0  # of `_data`, in samples of the record

    def centre_ns(self, record: Record) -> int:
        """Time of the centre of the next window."""
        return sample_to_ns(record, self.sample(self.next) + self._config.window_samples / 2)

    def sample(self, frame: int) -> int:
        """Sample of the record on which a frame starts."""
        return self._first_sample + (frame - self._frame) * self._config.hop_samples

    @property
    def due(self) -> int:
        """How many samples of the record there must be for the next group of windows to be complete."""
        group = self._network.group_frames
        return self.sample((self.next // group + 1) * group - 1) + self._config.window_samples

    def add(self, samples: NDArray[np.float32], *, last: bool) -> Columns:
        """Columns of the windows that have become complete, in whole groups but for the last."""
        self._data = np.concatenate([self._data, samples], axis=1) if self._data.size else samples
        beyond = self._start + self._data.shape[1] - self._config.window_samples
        fit = (beyond - self._first_sample) // self._config.hop_samples + (self._behind if last else 0)
        stop = max(self._frame + fit + 1, self.next) if beyond >= 0 else self.next
        every, size, group = self._network.every, self._network.block_frames, self._network.group_frames
        stop = stop if last else max(stop // group * group, self.next)
        blocks = _blocks(self.next, stop, size)
        if self._threads > 1 and len(blocks) > 1:
            with ThreadPoolExecutor(self._threads) as pool:
                parts = list(pool.map(self._block, blocks))
        else:
            parts = [self._block(block) for block in blocks]
        if not parts:
            return Columns.none(self._network.networks[0].sizes[-1])
        begin = blocks[0] * size
        columns = joined(parts)[(self.next - begin) // every : -(-(stop - begin) // every)]
        self.next += len(columns) * every
        cut = self.sample(self.next // size * size) - self._start
        if cut > 0:
            self._data, self._start = self._data[:, cut:].copy(), self._start + cut
        return columns

    def _block(self, block: int) -> Columns:
        """Evaluate a whole block of windows."""
        n_frames = self._network.block_frames + self._network.feature.shape[1] - 1
        n = (n_frames - 1) * self._config.hop_samples + self._network.feature.frame_samples
        low = self.sample(block * self._network.block_frames) - self._start
        data = self._samples(low, n)
        frames = np.zeros((len(data), n_frames, self._network.feature.shape[2]), dtype=np.float32)
        frames[self._present] = self._network.feature.frames(data[self._present])
        return self._network.columns(frames, self._present, self._bandwidth_hz)

    def _samples(self, low: int, n: int) -> NDArray[np.float32]:
        """`n` samples from one of `_data` on: mirrored where windows reach over the end, zeros where none does.

        Samples that no window reads are zero, however much has arrived: windows that are computed together share
        rounding errors.
        """
        there = self._data[:, max(low, 0) : max(low + n, 0)]
        before = max(-low, 0)
        missing = n - before - there.shape[1]
        if not (before or missing):
            return there
        last = self._data.shape[1] - 1
        behind = last - 1 - np.arange(min(missing, self._behind * self._config.hop_samples, last))
        return np.pad(np.concatenate([there, self._data[:, behind]], axis=1), ((0, 0), (before, missing - len(behind))))


class _ContextScan:
    """From columns to probabilities, K rows: through the second stage, if there is one; dead columns are masked."""

    def __init__(self, chain: Chain, first: int) -> None:
        self._stage = chain.context
        self._silence = np.full(len(chain.classes), 1 / len(chain.classes), dtype=np.float32)
        if "noise" in chain.classes:
            self._silence = np.array([name == "noise" for name in chain.classes], dtype=np.float32)
        self._kept: Columns | None = None
        self._start = self._next = first  # columns since 1970: of `_kept`, of what is due

    def add(self, columns: Columns, *, last: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (K, M) of the columns that have become final, and which of those are dead."""
        if self._stage is None:
            return self._masked(np.exp(columns.log_probabilities), columns.dead)
        self._kept = kept = joined([self._kept, columns]) if self._kept else columns
        end = self._start + len(kept)
        stop = max(end if last else end - self._stage.after, self._next)
        values = [self._block(kept, block) for block in _blocks(self._next, stop, CONTEXT_COLUMNS)]
        low = self._next % CONTEXT_COLUMNS
        probabilities = np.concatenate([*values, np.zeros((0, len(self._silence)), dtype=np.float32)])
        masked = self._masked(
            probabilities[low : low + stop - self._next], kept.dead[self._next - self._start : stop - self._start]
        )
        self._next = stop
        cut = max(stop // CONTEXT_COLUMNS * CONTEXT_COLUMNS - self._stage.before - self._start, 0)
        self._kept, self._start = kept[cut:].copy(), self._start + cut
        return masked

    def _block(self, kept: Columns, block: int) -> NDArray[np.float32]:
        assert self._stage is not None
        low = block * CONTEXT_COLUMNS
        wanted = np.arange(low - self._stage.before, low + CONTEXT_COLUMNS + self._stage.after)
        there = kept[np.clip(wanted - self._start, 0, len(kept) - 1)]
        return self._stage(there.log_probabilities, there.log_energy)

    def _masked(
        self, values: NDArray[np.float32], dead: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        values[dead] = self._silence
        return np.ascontiguousarray(values.T), dead


def _blocks(start: int, stop: int, size: int) -> range:
    """Numbers of the blocks of a size that hold some of what lies from `start` to before `stop`."""
    return range(start // size, -(-stop // size)) if stop > start else range(0)
