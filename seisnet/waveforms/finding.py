"""Where waveforms come from: files, folders, globs, archives, web services and data sets."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from seisnet.config import instance, names
from seisnet.engine import Engine
from seisnet.errors import DataError, NothingUsableError
from seisnet.picks import iso_time
from seisnet.store.seisbench_file import is_seisbench
from seisnet.store.stead_file import stead_tables
from seisnet.waveforms import fdsn, sds
from seisnet.waveforms.files import Reading, read_headers
from seisnet.waveforms.groups import Group, gather, widen
from seisnet.waveforms.inventory import read_stations
from seisnet.waveforms.records import DAY_NS, KEPT, Rejection
from seisnet.waveforms.selection import EVERYTHING, Selection
from seisnet.waveforms.sources import Source
from seisnet.wording import first_and_more

NO_WAVEFORMS = "the sources hold no waveforms of the channels and times asked for"
"""Why nothing was made although nothing was rejected."""

MOST_OPENED = 9
"""Days of an archive of which an error tells what they hold."""

LONGEST_DAYS = 1.5
"""Files that together are longer than this are read a day at a time."""

NOT_WAVEFORMS = {".csv", ".xml", ".json", ".toml", ".md", ".html", ".py", ".png", ".svg", ".pdf", ".h5", ".hdf5"}
"""Endings passed over when a folder is read; .txt may hold ASCII waveforms. A file that the user names is tried."""

NAMELESS = re.compile(r"\.[A-Za-z0-9]+\.\w{0,2}\.[A-Z0-9]{1,3}(\.[\w.]*)?")
"""Name of a recording without network, ``.STA.LOC.CHA.mseed``. Others that begin with a dot are hidden files, such as
those that macOS and rsync put beside ``NET.STA.LOC.CHA.mseed``."""


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
            sources += sds.find_days(Path(rest), selection, reading)
        elif colon and scheme == "fdsn":
            sources += fdsn.find_days(rest, selection)
        else:
            for path in _matches(spec):
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
        raise NothingUsableError(f"nothing matches the selection; the files hold {_held(passed_over)}")
    return [replace(source, selection=selection, inventory=stations) for source in _distinct(sources)]


def _matches(spec: str) -> list[Path]:
    """Files and folders that a name stands for: the one of that very name, or else those that it matches as a glob."""
    if Path(spec).exists():
        return [Path(spec)]
    names = sorted(glob.glob(spec, recursive=True))  # noqa: PTH207 - patterns may be absolute
    if not names:
        raise DataError(f"{spec}: {'nothing matches' if glob.has_magic(spec) else 'no such file or folder'}")
    return [Path(name) for name in names]


def waveform_files(path: Path) -> list[Path]:
    """A file, or the waveform files of a folder."""
    if not path.is_dir():
        return [path]
    # A broken link, perhaps to a disk that is not mounted, is reported when it is read.
    files = (p for p in sorted(path.rglob("*")) if p.is_file() or (p.is_symlink() and not p.exists()))
    visible = (p for p in files if not p.name.startswith(".") or NAMELESS.fullmatch(p.name))
    waveforms = [p for p in visible if p.suffix.lower() not in NOT_WAVEFORMS]
    if not waveforms:
        raise NothingUsableError(
            f"{path}: the folder holds no waveform files and is not a data set in the SeisBench or STEAD layout"
        )
    return waveforms


def nothing_wanted(sources: Sequence[Source]) -> str:
    """Why nothing was made although nothing was rejected; of archives, whose files nobody opened, what some hold."""
    held: dict[str, tuple[int, int]] = {}
    days = [source for source in sources if source.kind == "sds"][:MOST_OPENED]
    for path in itertools.chain(*(source.paths for source in days)):
        for stretch in read_headers(path, Reading()) or ():
            widen(held, stretch.seed_id, (stretch.start_ns, stretch.end_ns))
    return NO_WAVEFORMS + (f"; near these times the archive holds {_held(held)}" if held else "")


def _held(spans_ns: Mapping[str, tuple[int, int]]) -> str:
    """Which channels there are, and when."""
    first, last = min(low for low, _ in spans_ns.values()), max(high for _, high in spans_ns.values())
    return f"{first_and_more(sorted(spans_ns), 5)}, from {iso_time(first)} to {iso_time(last)}"


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
    midnights = range((group.start_ns // DAY_NS + 1) * DAY_NS, min(group.end_ns, high), DAY_NS)
    days = enumerate(itertools.pairwise([low, *midnights, high]))
    paths = group.paths  # of the first day, to which all files belong
    return [
        replace(whole, paths=group.near(*span) if i else paths, span_ns=span, part=i, called=whole.name)
        for i, span in days
    ]


def _datasets(path: Path) -> list[Source]:
    """Data sets that a file or folder is, holds or belongs to."""
    if is_seisbench(path):
        return [Source((path,), "dataset")]
    return [Source((table, table.with_suffix(".hdf5")), "dataset") for table in stead_tables(path)]
