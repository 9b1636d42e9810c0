"""Waveform files, read by ObsPy; of miniSEED only what is wanted."""

from __future__ import annotations

import re
import signal
import stat
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import obspy

from seisnet.picks import iso_time
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.damaged import UNSURE, read_decodable, unsure_records
from seisnet.waveforms.mseed import Stretch, read_index, read_span
from seisnet.waveforms.mseed_samples import cut, decoded_between, holds_mseed, is_mseed, n_samples_of, read_mseed
from seisnet.waveforms.records import DAMAGED, Rejection
from seisnet.waveforms.unpickled import read_unpickled
from seisnet.wording import counted, first_of

SKIPPED = re.compile("The rest of the file will not be read|Will skip bytes")
"""What ObsPy says where it finds no record; it looks for the next only at multiples of 128 bytes, if at all."""

IMPORTED = {".h5": "HDF5 + CSV pairs", ".hdf5": "HDF5 + CSV pairs", ".npz": "PhaseNet's labelled .npz files"}
"""What files of other formats may be, by the ends of their names."""


@dataclass
class Reading:
    """The files read so far, and what could not be used, with reasons.

    `failed` are the reasons of those rejections where another try may succeed: of requests to web services, and of
    files that the system could not read.
    """

    files: list[Path] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def reject(self, name: object, reason: str) -> None:
        """Note what is wrong with a file or an archive."""
        self.rejections.append(Rejection("", 0, 0, f"{name}: {reason}"))

    def damaged(self, path: Path, what: str, stretch: Stretch | None = None) -> None:
        """Note what is wrong with a file that is read as far as possible, and, if known, what stretch is lost."""
        where = (split_seed_id(stretch.seed_id)[0], stretch.start_ns, stretch.end_ns) if stretch else ("", 0, 0)
        self.rejections.append(Rejection(*where, f"{DAMAGED}{path}: {what}"))

    def fail(self, name: object, error: OSError) -> None:
        """Note that the system could not read a file."""
        self.failed.append(f"{name}: can't be read: {error.strerror or error}")
        self.rejections.append(Rejection("", 0, 0, self.failed[-1]))


def read_file(
    path: Path, reading: Reading, *, headonly: bool = False, span_ns: tuple[int, int] | None = None
) -> obspy.Stream | None:
    """Read one file with ObsPy; a damaged one gives what is left of it, an unreadable one None, both with a reason.

    Parameters
    ----------
    span_ns : (int, int), optional
        Samples outside need not be read.
    """
    try:
        about = path.stat()
    except OSError as error:  # it has disappeared since it was found
        reading.fail(path, error)
        return None
    if not stat.S_ISREG(about.st_mode):
        reading.reject(path, "a pipe or device; save its data to a file first")
        return None
    if about.st_size == 0:
        reading.reject(path, "the file is empty")
        return None
    n_told = len(reading.rejections)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with _interrupts_held():
                stream = _read(path, headonly, span_ns, reading, caught)
        except TypeError:
            hint = f"; seisnet datasets import reads {IMPORTED[path.suffix]}" if path.suffix in IMPORTED else ""
            reading.reject(path, f"not a waveform format that ObsPy reads{hint}")
            return None
        except MemoryError:  # which is no fault of the file
            raise
        except Exception as error:  # ObsPy's readers raise whatever they like on damaged files
            if isinstance(error, OSError) and error.errno:  # of the system
                reading.fail(path, error)
            else:
                # If a file holds no complete record, ObsPy says that it can't be opened.
                opened = not str(error).startswith("Cannot open file")
                what = first_line(error) if opened else "it holds no complete record"
                reading.reject(path, f"can't be read: {what}")
            return None
    if any(UNSURE in str(warning.message) for warning in caught):
        _tell_unsure(path, span_ns, reading)
    is_told = len(reading.rejections) > n_told
    if not headonly and (damage := _damage(path, stream, caught, is_told=is_told) or _recounted(stream)):
        reading.damaged(path, damage)
    return stream


def read_headers(path: Path, reading: Reading) -> Sequence[Stretch] | None:
    """What lies in a file, without its samples; None, with a reason, for one that can't be read."""
    index = read_index(path)
    if index is not None:
        return index.stretches
    stream = read_file(path, reading, headonly=True)
    if stream is None:
        return None
    headers = ((trace.id, trace.stats) for trace in stream)
    return [Stretch(seed_id, s.starttime.ns, s.endtime.ns, s.npts, s.sampling_rate) for seed_id, s in headers]


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block: in a callback of libmseed it would be lost, and corrupt memory."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)


def _read(
    path: Path,
    headonly: bool,
    span_ns: tuple[int, int] | None,
    reading: Reading,
    caught: list[warnings.WarningMessage],
) -> obspy.Stream:
    """Read a file by ObsPy or, where it is damaged miniSEED of which ObsPy gives less, record by record."""
    times = tuple(obspy.UTCDateTime(ns=ns) for ns in span_ns) if span_ns else (None, None)
    begins_with_record = is_mseed(path)
    near = read_span(path, *span_ns) if span_ns and begins_with_record else None
    stream, failure = obspy.Stream(), None
    try:
        if near is not None:
            stream = decoded_between(path, near, *times)
        elif begins_with_record and not span_ns:
            stream = read_mseed(path, headonly=headonly)
        if not stream and near is None:
            stream = read_unpickled(path, headonly=headonly, starttime=times[0], endtime=times[1])
    except MemoryError:
        raise
    except Exception as error:
        if (isinstance(error, OSError) and error.errno) or not holds_mseed(path):
            raise
        failure = error
    is_refused = failure is not None or any(SKIPPED.search(str(warning.message)) for warning in caught)
    if not is_refused and (not begins_with_record or read_index(path) is not None):
        return stream
    said = caught.copy()
    caught.clear()  # the damage is told below, by its times
    found, lost, n_bytes = read_decodable(np.fromfile(path, np.int8) if near is None else near)
    found = cut(found, *times)
    if failure and not (found or (span_ns and lost)):
        raise failure
    gained = n_samples_of(found) - n_samples_of(stream)
    if gained < 0 or (gained == 0 and not is_refused):
        caught[:] = said
        return stream
    if not headonly:
        for stretch in lost:
            reading.damaged(path, "the samples of a record can't be decoded", stretch)
        if n_bytes:
            reading.damaged(path, f"{counted(n_bytes, 'byte')} of it belong to no record of samples")
    return found


def _tell_unsure(path: Path, span_ns: tuple[int, int] | None, reading: Reading) -> None:
    """Tell how many records fail Steim's integrity check, and which is the first; they are used, as by libmseed.

    Sound samples fail it, too, where what cut a record to fewer left the last sample that the record announces.
    """
    near = read_span(path, *span_ns) if span_ns else None
    n_records, first = unsure_records(np.fromfile(path, np.int8) if near is None else near, span_ns)
    if first:
        at = f"{first.seed_id} at {iso_time(first.start_ns)}"
        which = counted(n_records, "record") + (f", the first of {at}," if n_records > 1 else f" of {at}")
        reading.damaged(path, f"the samples of {which} fail Steim's integrity check, but are used")


def _damage(path: Path, stream: obspy.Stream, caught: Sequence[warnings.WarningMessage], *, is_told: bool) -> str:
    """What is wrong with a file that was read, as far as one can see; ObsPy silently skips a last record cut short."""
    for warning in caught:
        if "MSEED" in warning.category.__name__ and UNSURE not in str(warning.message):
            return first_line(warning.message)
    return "the last record is cut short" if not is_told and _is_cut_short(path, stream) else ""


def _is_cut_short(path: Path, stream: obspy.Stream) -> bool:
    # What ObsPy calls the size of the file is at most 1 MiB.
    length = stream[0].stats.get("mseed", {}).get("record_length", 1) if len(stream) else 1
    return path.stat().st_size % length > 0 and read_index(path) is None


def _recounted(stream: obspy.Stream) -> str:
    """Which trace lacks samples that its header counts, as in text that is cut short; now it counts those it has."""
    lacking = [trace for trace in stream if trace.stats.npts != len(trace.data)]
    told = [f"{trace.id} has {len(trace.data)} of {trace.stats.npts} samples" for trace in lacking]
    for trace in lacking:
        trace.data = trace.data
    return first_of(told, 1)


def first_line(error: object) -> str:
    """What an error says, in one short line."""
    # ObsPy's reader of miniSEED counts its errors in the first line, and lists them below.
    lines = str(error).strip().replace("():\n", "(): ").splitlines()
    return lines[0][:200] if lines else type(error).__name__
