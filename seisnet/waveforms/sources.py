"""Where waveforms come from: files, folders, globs and SeisBench data sets; ObsPy decides the format of a file."""

from __future__ import annotations

import glob
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import obspy

from seisnet.errors import DataError
from seisnet.store.seisbench_file import is_seisbench
from seisnet.waveforms.conditioning import SLOWEST, condition, split_channel, to_rate
from seisnet.waveforms.datasets import DatasetTrace, read_dataset
from seisnet.waveforms.records import NS_PER_S, Record, Rejection

MSEED_START = re.compile(rb"\d{6}[DRQM][ \0]")
"""Of a file."""

DAY_NS = 86_400 * NS_PER_S

NOT_WAVEFORMS = {".csv", ".xml", ".json", ".toml", ".txt", ".md", ".html", ".py", ".png", ".pdf", ".h5", ".hdf5"}
"""Endings passed over when a folder is read; a file that is named itself is always tried."""


@dataclass(frozen=True)
class Source:
    """Files that are read together, since they hold one stretch of the same stations; or one data set.

    Attributes
    ----------
    paths : tuple of Path
        Files, or the folder of a data set.
    is_dataset : bool
        Whether `paths` is a folder in the SeisBench layout.
    """

    paths: tuple[Path, ...]
    is_dataset: bool = False

    @property
    def name(self) -> str:
        """Short name for messages."""
        first = self.paths[0]
        return str(first) if len(self.paths) == 1 else f"{first} and {len(self.paths) - 1} more"


@dataclass
class Reading:
    """What reading has met so far besides the waveforms: files, and those that could not be used as they are."""

    files: list[Path] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def find_sources(specs: Sequence[str], reading: Reading) -> list[Source]:
    """Expand what a user named into sources.

    Only the headers of waveform files are read here. Files of one station that start on the same UTC day go together,
    so that components that lie in separate files meet.

    Parameters
    ----------
    specs : sequence of str
        Files, folders (searched through), globs, data set folders.
    reading : Reading
        Takes the files that can't be read, with the reason.

    Raises
    ------
    DataError
        If a name leads to no file.
    """
    datasets: list[Source] = []
    files: list[Path] = []
    for path in (path for spec in specs for path in _matches(spec)):
        if is_seisbench(path):
            datasets.append(Source((path,), is_dataset=True))
        elif path.is_dir():
            found = [p for p in sorted(path.rglob("*")) if p.is_file() and not p.name.startswith(".")]
            found = [p for p in found if p.suffix.lower() not in NOT_WAVEFORMS]
            if not found:
                raise DataError(f"{path}: the folder holds no waveform files, and is no SeisBench data set")
            files += found
        else:
            files.append(path)
    return list(dict.fromkeys(datasets)) + _together(list(dict.fromkeys(files)), reading)


def _matches(spec: str) -> list[Path]:
    """Files and folders that a name stands for: the one of that very name, or else those that it matches as a glob."""
    if spec.startswith(("sds:", "fdsn:")):
        raise DataError(f"{spec}: archives and web services can't be read yet; name files, a folder or a glob")
    if Path(spec).exists():
        return [Path(spec)]
    found = sorted(glob.glob(spec, recursive=True))  # noqa: PTH207 - patterns may be absolute
    if not found:
        raise DataError(f"{spec}: no such file or folder")
    return [Path(name) for name in found]


def read_records(source: Source, reading: Reading, *, sampling_rate_hz: float, shortest_s: float) -> Iterator[Record]:
    """Read the files of a source and condition them."""
    stream = obspy.Stream()
    for path in source.paths:
        part = read_file(path, reading)
        if part is not None:
            stream += part
            reading.files.append(path)
    records, rejections = condition(
        stream, sampling_rate_hz=sampling_rate_hz, shortest_s=shortest_s, source=source.name
    )
    reading.rejections += rejections
    yield from records


def read_traces(
    source: Source, reading: Reading, *, sampling_rate_hz: float, rows: tuple[int, int] | None = None
) -> Iterator[DatasetTrace]:
    """Read the traces of a data set, or some of its rows, at a sampling rate, one in memory at a time."""
    slowest_hz = SLOWEST * sampling_rate_hz
    try:
        for trace in read_dataset(source.paths[0], rows):
            if isinstance(trace, Rejection):
                reading.rejections.append(trace)
            elif (record := trace.record).sampling_rate_hz < slowest_hz:
                reason = f"sampled at {record.sampling_rate_hz:g} Hz; {slowest_hz:g} Hz is the least"
                reading.rejections.append(Rejection(record.trace_id, record.start_ns, record.end_ns, reason))
            else:
                yield replace(trace, record=to_rate(record, sampling_rate_hz))
    except DataError as error:  # of the data set as a whole: what was read is kept, and other sources go on
        reading.rejections.append(Rejection("", 0, 0, str(error)))


def read_file(path: Path, reading: Reading, *, headonly: bool = False) -> obspy.Stream | None:
    """Read one file with ObsPy; a damaged one gives what is left of it, an unreadable one None, both with a reason."""
    if path.stat().st_size == 0:
        reading.rejections.append(_file_rejection(path, "the file is empty"))
        return None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # ObsPy takes names for patterns, and brackets do occur in names.
            # To be told the format saves ObsPy half the time that a small file takes.
            known = {"format": "MSEED", "check_compression": False} if _is_mseed(path) else {}
            stream = obspy.read(glob.escape(str(path)), headonly=headonly, **known)
        except TypeError:
            hint = "; seisnet datasets import reads HDF5 + CSV pairs" if path.suffix in (".h5", ".hdf5") else ""
            reading.rejections.append(_file_rejection(path, f"not a waveform format that ObsPy reads{hint}"))
            return None
        except Exception as error:  # ObsPy's readers raise whatever they like on damaged files
            # Of a file without a whole record ObsPy says that it can't be opened.
            opened = not str(error).startswith("Cannot open file")
            what = _first_line(error) if opened else "it holds no whole record of waveforms"
            reading.rejections.append(_file_rejection(path, f"can't be read: {what}"))
            return None
    damage = _damage(stream, caught)
    if damage and not headonly:
        reading.rejections.append(_file_rejection(path, f"damaged, read as far as possible: {damage}"))
    return stream


def _is_mseed(path: Path) -> bool:
    """Whether a file begins as a miniSEED record does: six digits and a letter for its quality."""
    with path.open("rb") as file:
        return MSEED_START.fullmatch(file.read(8)) is not None


def _damage(stream: obspy.Stream, caught: Sequence[warnings.WarningMessage]) -> str:
    """What is wrong with a file that was read, as far as one can see; ObsPy passes over a last record cut short."""
    for warning in caught:
        if "MSEED" in warning.category.__name__:
            return _first_line(warning.message)
    mseed = stream[0].stats.get("mseed", {}) if len(stream) else {}
    if mseed.get("filesize", 0) % mseed.get("record_length", 1):
        return "the last record is cut short"
    return ""


def _file_rejection(path: Path, reason: str) -> Rejection:
    return Rejection("", 0, 0, f"{path}: {reason}")


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _together(files: Iterable[Path], reading: Reading) -> list[Source]:
    """Gather files into sources: those with a station and a day in common, however many steps apart."""
    parent: dict[Path, Path] = {}

    def root(path: Path) -> Path:
        while parent[path] != path:
            path = parent[path]
        return path

    first_of: dict[tuple[str, int], Path] = {}
    for path in files:
        stream = read_file(path, reading, headonly=True)
        if stream is None:
            continue
        parent[path] = path
        for trace in stream:
            stats = trace.stats
            instrument, _ = split_channel(stats.channel)
            # Day files start a little before or after midnight: count the day from five minutes earlier.
            day = (stats.starttime.ns + 300 * NS_PER_S) // DAY_NS
            key = (f"{stats.network}.{stats.station}.{stats.location}.{instrument}", day)
            parent[root(path)] = root(first_of.setdefault(key, path))
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in parent:
        groups[root(path)].append(path)
    return [Source(tuple(group)) for group in sorted(groups.values())]
