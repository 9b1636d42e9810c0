"""Where waveforms come from: files, folders, globs, archives, web services and data sets.

A source is what is read at once: the files of one station and day, a day of files that hold more, one instrument-day of
an archive (``sds:PATH``, see `seisnet.waveforms.sds`) or of a web service (``fdsn:NAME`` or ``fdsn:URL``), or a data
set in the layout of SeisBench or STEAD. Sources are small values; they can be read in any order, by several processes.

Continuous recordings do not stop at midnight. If its recording goes on in another, a source answers for a span of time,
`Source.span_ns`: its records start in that span, and reach one window less one sample beyond it. So every window of
`shortest_s` lies whole in the records of exactly one source, the one in whose span it starts, and no sample is lost or
used in two windows of the same start. Whoever needs more around a window asks for `margin_s` on both sides, and keeps
what lies in the span (`Source.answers_for`). Of what lasts, such as a fault, each source tells its part
(`Source.part_of`), and of what is wrong with a file the source tells whose own it is.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import obspy

from seisnet.config import instance, names
from seisnet.engine import Engine
from seisnet.errors import NothingUsableError
from seisnet.store.files import size_and_age
from seisnet.store.seisbench_file import files_of, is_seisbench
from seisnet.store.stead_file import stead_tables
from seisnet.waveforms import fdsn, sds
from seisnet.waveforms.file_names import matches, waveform_files
from seisnet.waveforms.files import Reading
from seisnet.waveforms.groups import Group, gather
from seisnet.waveforms.inventory import read_stations
from seisnet.waveforms.records import DAY_NS, KEPT, Rejection
from seisnet.waveforms.selection import FOREVER_NS, Selection

EVERYTHING = Selection()

LONGEST_DAYS = 1.5
"""Files that together are longer than this are read a day at a time."""


@dataclass(frozen=True)
class Source:
    """What is read at once.

    Attributes
    ----------
    paths : tuple of Path
        Files, the folder of a data set, or table and waveforms of one; empty for a web service.
    kind : {"files", "sds", "fdsn", "dataset"}
    part : int or None
        Number of the day, if files are read a day at a time. The first day has all the files; the others have those
        near their day.
    beside : tuple of Path
        Files of other sources in which the recording goes on before or after.
    span_ns : (int, int)
        It answers for these times; the end is excluded.
    reach_ns : (int, int)
        What its files hold in these times is read, by it or by sources beside which they lie; the end is excluded.
    service, channels : str
        Of a web service: name or URL, and ``NET.STA.LOC.HH?``.
    selection : Selection
        What of it is wanted.
    inventory : tuple of Path
        Files of station metadata, see `seisnet.waveforms.inventory`.
    called : str
        Its name, if that is not made from its paths.
    """

    paths: tuple[Path, ...] = ()
    kind: str = "files"
    part: int | None = None
    beside: tuple[Path, ...] = ()
    span_ns: tuple[int, int] = FOREVER_NS
    reach_ns: tuple[int, int] = FOREVER_NS
    service: str = ""
    channels: str = ""
    selection: Selection = EVERYTHING
    inventory: tuple[Path, ...] = ()
    called: str = field(default="", repr=False)

    @property
    def is_dataset(self) -> bool:
        """Whether it is a data set, which carries its own labels."""
        return self.kind == "dataset"

    @property
    def name(self) -> str:
        """Short name for messages."""
        if self.called:
            return self.called
        if not self.paths:
            return f"fdsn:{self.service} {self.channels} {obspy.UTCDateTime(ns=self.span_ns[0]).date}"
        first = self.paths[0]
        return str(first) if len(self.paths) == 1 else f"{first} and {len(self.paths) - 1} more"

    def answers_for(self, time_ns: int) -> bool:
        """Whether what is found at a time, such as a pick, is this source's to tell."""
        return self.span_ns[0] <= time_ns < self.span_ns[1]

    def part_of(self, start_ns: int, end_ns: int) -> tuple[int, int] | None:
        """The part of a stretch that is this source's to tell; None if all of it is told by others."""
        low_ns, high_ns = max(start_ns, self.span_ns[0]), min(end_ns, self.span_ns[1])
        return (low_ns, high_ns) if low_ns < high_ns or self.answers_for(start_ns) else None

    @property
    def files(self) -> list[Path]:
        """Its own files; of a data set's folder, those of the data set."""
        return [p for path in self.paths for p in files_of(path)]

    @property
    def reads(self) -> list[Path]:
        """All files that its records depend on: its own, those beside it and the station metadata."""
        return [*self.files, *self.beside, *self.inventory]

    @property
    def stamps(self) -> list[tuple[str, int, int]]:
        """Name, size and age of every file that its records depend on, to tell whether any has changed."""
        return [(str(path), *size_and_age(path)) for path in self.reads if path.exists()]


def find_sources(
    specs: Sequence[str | Path],
    reading: Reading,
    *,
    selection: Selection = EVERYTHING,
    inventory: Sequence[str | Path] = (),
    engine: Engine | None = None,
) -> list[Source]:
    """Expand what a user named into sources.

    Of waveform files only the headers are read here, of archives not even those. Files of one instrument that start on
    the same UTC day go together, so that components that lie in separate files meet.

    Parameters
    ----------
    specs : sequence of str or Path
        Files, folders (searched through), globs, data set folders, ``sds:PATH``, ``fdsn:NAME``.
    reading : Reading
        Takes the files that can't be read, with the reason.
    selection : Selection
        What is wanted of them.
    inventory : sequence of str or Path
        Files of station metadata.
    engine : Engine, optional
        Whose processes read the headers of many files.

    Raises
    ------
    DataError
        If a name leads to nothing, or the station metadata can't be read.
    NothingUsableError
        If what the names lead to holds no waveforms, or none that are wanted.
    ConfigError
        Sources are a single name in place of a list, or waveforms in place of names; or `selection` is no Selection.
    """
    instance("selection", selection, Selection, ", such as Selection(('GE.APE..HH?',))")
    stations = tuple(Path(name) for name in names("inventory", inventory))
    read_stations(stations)
    sources: list[Source] = []
    files: list[Path] = []
    for spec in names("sources", specs):
        scheme, colon, rest = spec.partition(":")
        if colon and scheme == "sds":
            sources += [Source(kind="sds", **vars(day)) for day in sds.find_days(Path(rest), selection)]
        elif colon and scheme == "fdsn":
            sources += [Source(kind="fdsn", service=rest, **vars(day)) for day in fdsn.find_days(rest, selection)]
        else:
            for path in matches(spec):
                datasets = _datasets(path)
                sources += [replace(source, span_ns=(selection.start_ns, selection.end_ns)) for source in datasets]
                if stations and datasets:
                    told = f"{KEPT}station metadata do not apply to a data set, which names its components: {path}"
                    reading.rejections.append(Rejection("", 0, 0, told))
                files += [] if datasets else waveform_files(path)
    groups, passed_over = gather(dict.fromkeys(files), selection, reading, engine)
    for group in groups:
        sources += _sliced(group)
    if not sources and passed_over:
        more = f" and {len(passed_over) - 5} more" if len(passed_over) > 5 else ""
        first, last = min(span[0] for span in passed_over.values()), max(span[1] for span in passed_over.values())
        raise NothingUsableError(
            "nothing matches the selection; "
            f"the files hold {', '.join(sorted(passed_over)[:5])}{more}, "
            f"from {obspy.UTCDateTime(ns=first)} to {obspy.UTCDateTime(ns=last)}"
        )
    return [replace(source, selection=selection, inventory=stations) for source in _distinct(sources)]


def _distinct(sources: Sequence[Source]) -> Iterator[Source]:
    """Each source once, whatever its files are called; otherwise its picks would come twice."""
    seen = set()
    for source in sources:
        files = tuple(sorted(map(os.path.realpath, source.paths)))
        key = (files, source.part, source.service, source.channels, source.span_ns if not files else ())
        if key not in seen:
            seen.add(key)
            yield source


def _sliced(group: Group) -> list[Source]:
    """The source that a group makes; one much longer than a day is cut at each midnight, to save memory."""
    whole = Source(group.paths, "files", beside=group.beside, span_ns=group.span_ns)
    if group.end_ns - group.start_ns < LONGEST_DAYS * DAY_NS:
        return [whole]
    low, high = group.span_ns
    midnights = range((max(group.start_ns, low) // DAY_NS + 1) * DAY_NS, min(group.end_ns, high), DAY_NS)
    first, *others = itertools.pairwise([low, *midnights, high])
    return [
        replace(whole, span_ns=first, part=0),
        *(
            replace(whole, paths=group.near(*span), span_ns=span, part=i, called=whole.name)
            for i, span in enumerate(others, 1)
        ),
    ]


def _datasets(path: Path) -> list[Source]:
    """Data sets that a file or folder is, holds or belongs to."""
    if is_seisbench(path):
        return [Source((path,), "dataset")]
    return [Source((table, table.with_suffix(".hdf5")), "dataset") for table in stead_tables(path)]
