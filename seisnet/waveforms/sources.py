"""What is read at once, and which times it answers for.

A source is one of these: the files of one station and day, one day of longer files, one instrument-day of an archive
(``sds:PATH``, see `seisnet.waveforms.sds`) or of a web service (``fdsn:NAME`` or ``fdsn:URL``), or a data set in the
layout of SeisBench or STEAD. Sources are small values; they can be read in any order, by several processes.

Continuous recordings do not stop at midnight. A source whose recording goes on in another one therefore answers for a
span of time, `Source.span_ns`: its records start in that span, and reach one window less one sample beyond it. So every
window of `shortest_s` lies whole in the records of exactly one source, the one in whose span it starts. Whoever needs
more around a window asks for `margin_s` on both sides, and keeps only what lies in the span (`Source.answers_for`). A
fault that lasts across a border is reported by each source for its own part (`Source.part_of`); what is wrong with a
file is reported by the source to which the file belongs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import obspy

from seisnet.store.files import size_and_age
from seisnet.store.seisbench_file import files_of
from seisnet.waveforms.selection import EVERYTHING, FOREVER_NS, Selection
from seisnet.wording import first_and_more


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
        What its own files hold at these times is read, by it or by its neighbours; the end is excluded.
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
        return first_and_more([str(path) for path in self.paths], 1)

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
