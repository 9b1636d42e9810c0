"""SeisComP archives: ``YEAR/NET/STA/CHAN.D/NET.STA.LOC.CHAN.D.YEAR.DAY``, one file a channel and UTC day.

The files of an archive do not end at midnight: the last record of a file reaches into the next day, or the first begins
in the day before. So every day is read with the days beside it, and answers for the UTC day of its name. Where days are
missing, what is left over goes to the nearer day.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import obspy

from seisnet.errors import DataError, NothingUsableError
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.files import Reading
from seisnet.waveforms.records import BEYOND, DAY_NS, Rejection, is_beyond
from seisnet.waveforms.selection import FOREVER_NS, Selection
from seisnet.waveforms.sources import Source
from seisnet.wording import counted, first_and_more, first_of

NAME = re.compile(r"([^.]*)\.([^.]*)\.([^.]*)\.([^.]*)\.D\.(\d{4})\.(\d{3})")


def find_days(root: Path, selection: Selection, reading: Reading) -> list[Source]:
    """List the wanted instrument-days of an archive by the names of its files; none of them is opened.

    `reading` takes the files of other names, in one line.

    Raises
    ------
    DataError
        There is no such folder, or it is no archive.
    NothingUsableError
        It holds nothing that is wanted.
    """
    years = [path for path in sorted(root.glob("[0-9][0-9][0-9][0-9]")) if path.is_dir()]
    if not root.is_dir():
        raise DataError(f"sds:{root}: no such folder")
    if not years:
        raise DataError(f"sds:{root}: not an SDS archive, which has folders YEAR/NET/STA/CHAN.D")
    others: list[str] = []
    by_instrument: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(_files(years, selection)):
        name = NAME.fullmatch(path.name)
        if not name:
            others.append(path.name)
        elif selection.takes(seed_id := ".".join(name.groups()[:4])):
            by_instrument[split_seed_id(seed_id)[0]][_day(int(name[5]), int(name[6]))].append(path)
    days = [day for instrument in sorted(by_instrument) for day in _days(by_instrument[instrument], selection)]
    if others:
        told = f"{counted(len(others), 'file')} not named NET.STA.LOC.CHA.D.YEAR.DAY: {first_of(others, 3)}"
        reading.reject(f"sds:{root}", f"{told}; rename or unpack them")
    if not days:
        raise NothingUsableError(f"sds:{root}: no day matches the selection; {_held(years)}")
    return days


def _held(years: list[Path]) -> str:
    """What an archive holds, by the names of its folders."""
    held = sorted({".".join(path.parts[-3:-1]) + f".*.{path.stem}" for year in years for path in year.glob("*/*/*.D")})
    span = " to ".join(dict.fromkeys((years[0].name, years[-1].name)))
    return f"the archive holds {first_and_more(held, 5) or 'no channel'} ({span})"


def own_traces(stream: obspy.Stream, path: Path, reading: Reading) -> obspy.Stream:
    """What a file holds of the instrument that it is named for; others have files of their own, and would count twice.

    As in ObsPy's client of such archives, the others are left out; `reading` takes the reason.
    """
    name = NAME.fullmatch(path.name)
    named = _folded(".".join(name.groups()[:4])) if name else ""
    own = [trace for trace in stream if not name or _folded(trace.id) == named]
    for strange in sorted({trace.id for trace in stream} - {trace.id for trace in own}):
        reading.reject(path, f"holds {strange}, which does not match its name")
    return obspy.Stream(own)


def strayed(stream: obspy.Stream, reach_ns: tuple[int, int]) -> Iterator[Rejection]:
    """Rejections of samples that no day reads: they lie more than a day from the day in the name of their file."""
    for trace in stream:
        trace_id, _ = split_seed_id(trace.id)
        start_ns, end_ns = trace.stats.starttime.ns, trace.stats.endtime.ns
        if is_beyond(start_ns, end_ns):
            yield Rejection(trace_id, 0, 0, BEYOND)
            continue
        early, late = (start_ns, min(end_ns, reach_ns[0] - 1)), (max(start_ns, reach_ns[1]), end_ns)
        for low_ns, high_ns in (early, late):
            if low_ns <= high_ns:
                yield Rejection(trace_id, low_ns, high_ns, "lies more than a day from the day in its file name")


def _folded(seed_id: str) -> str:
    """The instrument of a channel; codes in lower case, or ``--`` for no location, make no other."""
    return split_seed_id(seed_id)[0].upper().replace("--", "")


def _files(years: list[Path], selection: Selection) -> Iterator[Path]:
    """Files whose names may be wanted; folders of what is not are not opened, since archives are large."""
    for folder in years:
        first, end = _day(int(folder.name), 1), _day(int(folder.name) + 1, 1)
        if not selection.overlaps((first - 1) * DAY_NS, (end + 1) * DAY_NS):
            continue
        for network in (path for path in folder.glob("*") if selection.may_take(path.name)):
            for station in network.glob("*"):
                if selection.may_take(network.name, station.name):
                    yield from station.glob("*.D/*.D.*")


def _day(year: int, day_of_year: int) -> int:
    """Days since 1970; of years whose nanoseconds 64 bits can't hold, those of the nearest, so that files are told."""
    year = min(max(year, 1680), 2260)
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // 86_400 + day_of_year - 1


def _days(files: dict[int, list[Path]], selection: Selection) -> list[Source]:
    days = sorted(files)
    # Midnight between consecutive days, the middle of the gap between others.
    borders = [(a + 1 + b) * DAY_NS // 2 for a, b in itertools.pairwise(days)]
    spans = dict(zip(days, itertools.pairwise([FOREVER_NS[0], *borders, FOREVER_NS[1]]), strict=True))
    found = []
    for i, (day, (low, high)) in enumerate(spans.items()):
        if selection.overlaps(max(low, (day - 1) * DAY_NS), min(high, (day + 2) * DAY_NS) - 1):
            near = [d for d in days[max(i - 1, 0) : i + 2] if abs(d - day) <= 2]
            beside = tuple(path for d in near if d != day for path in files[d])
            reach_ns = spans[near[0]][0], spans[near[-1]][1]
            found.append(Source(tuple(files[day]), "sds", beside=beside, span_ns=(low, high), reach_ns=reach_ns))
    return found
