"""Where waveforms come from: files, folders, globs, archives, web services and data sets.

A source is what is read at once: the files of one station and day, a day of files that hold more, one instrument-day of
an archive (``sds:PATH``, see `seisnet.waveforms.sds`) or of a web service (``fdsn:NAME`` or ``fdsn:URL``), or a data
set in the layout of SeisBench or STEAD. Sources are small values; they can be read in any order, by several processes.

Continuous recordings do not stop at midnight. A source whose recording goes on in another's answers for a span of time,
`Source.span_ns`: its records start in that span, and reach one window less one sample beyond it. So every window of
`shortest_s` lies whole in the records of exactly one source, the one in whose span it starts, and no sample is lost or
used in two windows of the same start. Whoever needs more around a window asks for `margin_s` on both sides, and keeps
what lies in the span.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import obspy

from seisnet.engine import Engine
from seisnet.errors import DataError
from seisnet.store.seisbench_file import files_of, is_seisbench
from seisnet.store.stead_file import stead_tables
from seisnet.waveforms import fdsn, sds
from seisnet.waveforms.conditioning import SLOWEST, condition, to_rate
from seisnet.waveforms.datasets import DatasetTrace, read_dataset
from seisnet.waveforms.files import Reading, read_file
from seisnet.waveforms.groups import gather
from seisnet.waveforms.inventory import Response, read_stations
from seisnet.waveforms.names import matches, waveform_files
from seisnet.waveforms.records import DAY_NS, KEPT, NS_PER_S, Record, Rejection
from seisnet.waveforms.resampling import HALF_WIDTH
from seisnet.waveforms.selection import FOREVER_NS, Selection
from seisnet.waveforms.spans import clipped, strayed, within

__all__ = ["Reading", "Selection", "Source", "find_sources", "read_file", "read_records", "read_traces"]

EVERYTHING = Selection()

LONGEST_DAYS = 1.5
"""A recording in files that are longer is read a day at a time."""

NEVER_NS = 4_102_444_800 * NS_PER_S
"""The year 2100, as far as ObsPy's readers can be asked for."""


@dataclass(frozen=True)
class Source:
    """What is read at once.

    Attributes
    ----------
    paths : tuple of Path
        Files, the folder of a data set, or table and waveforms of one; empty for a web service.
    kind : {"files", "sds", "fdsn", "dataset"}
    part : int or None
        Of a source whose files are read a day at a time: which day. The first one tells what is wrong with the files.
    beside : tuple of Path
        Files of other sources in which the recording goes on before or after.
    span_ns : (int, int)
        Windows that start in it are this source's; the end is excluded.
    service, channels : str
        Of a web service: name or URL, and ``NET.STA.LOC.HH?``.
    selection : Selection
        What of it is wanted.
    inventory : tuple of Path
        Files of station metadata, see `seisnet.waveforms.inventory`.
    """

    paths: tuple[Path, ...] = ()
    kind: str = "files"
    part: int | None = None
    beside: tuple[Path, ...] = ()
    span_ns: tuple[int, int] = FOREVER_NS
    service: str = ""
    channels: str = ""
    selection: Selection = EVERYTHING
    inventory: tuple[Path, ...] = ()

    @property
    def is_dataset(self) -> bool:
        """Whether it is a data set, which carries its own labels."""
        return self.kind == "dataset"

    @property
    def name(self) -> str:
        """Short name for messages."""
        if not self.paths:
            return f"fdsn:{self.service} {self.channels} {obspy.UTCDateTime(ns=self.span_ns[0]).date}"
        first = self.paths[0]
        return str(first) if len(self.paths) == 1 else f"{first} and {len(self.paths) - 1} more"

    @property
    def files(self) -> list[Path]:
        """Its own files; of a data set's folder, those of the data set."""
        return [p for path in self.paths for p in (files_of(path) if path.is_dir() else [path])]

    @property
    def reads(self) -> list[Path]:
        """All files that its records depend on: its own, those beside it and the station metadata."""
        return [*self.files, *self.beside, *self.inventory]

    @property
    def stamps(self) -> list[tuple[str, int, int]]:
        """Name, size and age of every file that its records depend on, to tell whether any has changed."""
        found = [(path, path.stat()) for path in self.reads if path.exists()]
        return [(str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found]


def find_sources(
    specs: Sequence[str],
    reading: Reading,
    *,
    selection: Selection = EVERYTHING,
    inventory: Sequence[Path] = (),
    engine: Engine | None = None,
) -> list[Source]:
    """Expand what a user named into sources.

    Of waveform files only the headers are read here, of archives not even those. Files of one instrument that start on
    the same UTC day go together, so that components that lie in separate files meet.

    Parameters
    ----------
    specs : sequence of str
        Files, folders (searched through), globs, data set folders, ``sds:PATH``, ``fdsn:NAME``.
    reading : Reading
        Takes the files that can't be read, with the reason.
    selection : Selection
        What is wanted of them.
    inventory : sequence of Path
        Files of station metadata.
    engine : Engine, optional
        Whose processes read the headers of many files.

    Raises
    ------
    DataError
        If a name leads to nothing, or to nothing that is wanted, or the station metadata can't be read.
    """
    read_stations(tuple(inventory))
    found: list[Source] = []
    files: list[Path] = []
    for spec in specs:
        scheme, colon, rest = spec.partition(":")
        if colon and scheme == "sds":
            days = sds.find_days(Path(rest), selection)
            found += [Source(d.paths, "sds", beside=d.beside, span_ns=d.span_ns) for d in days]
        elif colon and scheme == "fdsn":
            asked = fdsn.find_days(rest, selection)
            found += [Source(kind="fdsn", span_ns=a.span_ns, service=rest, channels=a.channels) for a in asked]
        else:
            for path in matches(spec):
                datasets = _datasets(path)
                found += datasets
                files += [] if datasets else waveform_files(path)
    groups, passed_over = gather(dict.fromkeys(files), selection, reading, engine)
    for group in groups:
        whole = Source(group.paths, "files", beside=group.beside, span_ns=group.span_ns)
        found += _sliced(whole, group.start_ns, group.end_ns)
    if not found and passed_over:
        more = f" and {len(passed_over) - 5} more" if len(passed_over) > 5 else ""
        first, last = min(span[0] for span in passed_over.values()), max(span[1] for span in passed_over.values())
        raise DataError(
            "nothing is what --select, --starttime and --endtime ask for; "
            f"the files hold {', '.join(sorted(passed_over)[:5])}{more}, "
            f"from {obspy.UTCDateTime(ns=first)} to {obspy.UTCDateTime(ns=last)}"
        )
    return [replace(source, selection=selection, inventory=tuple(inventory)) for source in dict.fromkeys(found)]


def _sliced(source: Source, start_ns: int, end_ns: int) -> list[Source]:
    """Cut a source that is much longer than a day at midnights, so that a part at a time is in memory."""
    if end_ns - start_ns < LONGEST_DAYS * DAY_NS:
        return [source]
    low, high = source.span_ns
    midnights = range((max(start_ns, low) // DAY_NS + 1) * DAY_NS, min(end_ns, high), DAY_NS)
    borders = [low, *midnights, high]
    return [replace(source, span_ns=span, part=i) for i, span in enumerate(itertools.pairwise(borders))]


def _datasets(path: Path) -> list[Source]:
    """Data sets that a file or folder is, holds or belongs to."""
    if is_seisbench(path):
        return [Source((path,), "dataset")]
    return [Source((table, table.with_suffix(".hdf5")), "dataset") for table in stead_tables(path)]


def read_records(
    source: Source,
    reading: Reading,
    *,
    sampling_rate_hz: float,
    shortest_s: float,
    margin_s: float = 0.0,
    response: Response | None = None,
) -> Iterator[Record]:
    """Read a source and condition it.

    Parameters
    ----------
    sampling_rate_hz : float
        Rate of the records.
    shortest_s : float
        Length of a window: shorter records are rejected, and records reach this far, less one sample, beyond the span.
    margin_s : float
        What records hold beside that at either end of the span, where there is any.
    response : Response, optional
        Takes the instrument's response off; the source needs an inventory.
    """
    # Longer than a window, so that what is cut off here is not taken for too short, and than the filters reach.
    guard_s = shortest_s + margin_s + (2 * HALF_WIDTH + 4) / (SLOWEST * sampling_rate_hz)
    guard_s += response.blind_s if response else 0.0
    try:
        stream = _stream(source, reading, round(guard_s * NS_PER_S))
    except DataError as error:  # of one request to a service: the others go on
        reading.rejections.append(Rejection("", *source.span_ns, str(error)))
        return
    records, rejections = condition(
        source.selection.of(stream),
        sampling_rate_hz=sampling_rate_hz,
        shortest_s=shortest_s,
        source=source.name,
        stations=read_stations(source.inventory) if source.inventory else None,
        response=response,
    )
    del stream  # the records hold samples of their own
    reading.rejections += clipped(rejections, source.span_ns)
    window = max(1, round(shortest_s * sampling_rate_hz))
    for record in records:
        cut = within(record, source.span_ns, window, round(margin_s * sampling_rate_hz))
        if cut is not None:
            reading.rejections += _told(cut, source.span_ns)
            yield cut


def _stream(source: Source, reading: Reading, guard_ns: int) -> obspy.Stream:
    """All that a source needs: its own files whole, of those beside it what is near its span."""
    low, high = source.span_ns
    span_ns = (low - guard_ns, high + guard_ns)
    if source.kind == "fdsn":
        stream = fdsn.fetch(source.service, source.channels, source.selection.within(*span_ns))
        if not any(t.stats.starttime.ns < high and t.stats.endtime.ns >= low for t in stream):
            reading.rejections.append(Rejection(source.channels[:-1], low, high, f"fdsn:{source.service} has no data"))
        return stream
    stream = obspy.Stream()
    # What is wrong with a file is told once, by the source that it belongs to.
    near_ns = (max(span_ns[0], -NEVER_NS), min(span_ns[1], NEVER_NS))
    told = Reading() if source.part else reading
    for path in source.paths:
        part = read_file(path, told, span_ns=None if source.part is None else near_ns)
        if part is not None:
            stream += part
            told.files.append(path)
    if source.kind == "sds":
        reading.rejections += strayed(stream, source.span_ns)
    for path in source.beside:
        stream += read_file(path, Reading(), span_ns=near_ns) or obspy.Stream()
    return stream


def _told(record: Record, span_ns: tuple[int, int]) -> Iterator[Rejection]:
    """The flags of a record that begin in a span."""
    for flag in record.flags:
        if span_ns[0] <= flag.start_ns < span_ns[1]:
            yield Rejection(record.trace_id, flag.start_ns, flag.end_ns, f"{KEPT}{flag.what}")


def read_traces(
    source: Source,
    reading: Reading,
    *,
    sampling_rate_hz: float,
    response: Response | None = None,
    rows: tuple[int, int] | None = None,
) -> Iterator[DatasetTrace]:
    """Read the wanted traces of a data set, or of some of its rows, at a sampling rate, one in memory at a time.

    Raises
    ------
    DataError
        A response is to be taken off: data sets do not say which there is.
    """
    if response:
        raise DataError(f"{source.name}: responses can't be taken off a data set; leave response at none")
    slowest_hz = SLOWEST * sampling_rate_hz
    try:
        for trace in read_dataset(source.paths[0], rows):
            if isinstance(trace, Rejection):
                reading.rejections.append(trace)
                continue
            record = trace.record
            wanted = source.selection
            if not (wanted.takes_instrument(record.trace_id) and wanted.overlaps(record.start_ns, record.end_ns)):
                continue
            if record.sampling_rate_hz < slowest_hz:
                reason = f"sampled at {record.sampling_rate_hz:g} Hz; {slowest_hz:g} Hz is the least"
                reading.rejections.append(Rejection(record.trace_id, record.start_ns, record.end_ns, reason))
            else:
                yield replace(trace, record=to_rate(record, sampling_rate_hz))
    except DataError as error:  # of the data set as a whole: what was read is kept, and other sources go on
        reading.rejections.append(Rejection("", 0, 0, str(error)))
