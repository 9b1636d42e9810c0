"""What has come of each station of a stream: how old it is, what is missing, and from where a restart goes on."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import obspy

from seisnet.errors import DataError, SeisnetError
from seisnet.picks import Pick, iso_time
from seisnet.store.files import read_text, write_whole
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.packets import AHEAD_NS, BEFORE_ALL_NS
from seisnet.waveforms.records import NS_PER_S
from seisnet.wording import Say, counted, duration, first_and_more

MARK_S = 30
"""Of every so many seconds of a station's data, the number of one packet is kept."""

SILENT_NS = 300 * NS_PER_S
"""A station of which nothing has come for so long is called silent."""

GAP_NS = 120 * NS_PER_S
"""A gap of all channels of a station that is longer is told."""

LEAST_S = 0.05
"""A pick that is made again, with another start of its record, is not moved by so much."""


class Place(NamedTuple):
    """From where a restart goes on with a station.

    Attributes
    ----------
    sequence : int
        SeedLink's number of the packet to begin with.
    settled_ns : dict of str to int
        By instrument, as some come later than others: picks before this have been given. Whoever begins with the packet
        makes those after it again, to the bit.
    newest_ns : int
        Up to when there were data.
    """

    sequence: int
    settled_ns: dict[str, int]
    newest_ns: int


def read_places(path: Path, server: str) -> dict[str, Place]:
    """By ``NET.STA``, what `Arrivals.write` wrote of a server.

    Raises
    ------
    DataError
        If the file holds something else, or is of another server.
    """
    try:
        held = json.loads(read_text(path))
        places = {name: _as_place(**place) for name, place in held["stations"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: not what a stream writes of where it is; remove it") from error
    if held["server"] != server:
        raise DataError(
            f"{path}: of server {held['server']}, whose numbers of packets {server} does not know; remove it"
        )
    return places


def _as_place(sequence: float, settled_ns: Mapping[str, float], newest_ns: float) -> Place:
    return Place(int(sequence), {name: int(ns) for name, ns in settled_ns.items()}, int(newest_ns))


class _Mark(NamedTuple):
    """Number of a packet, and up to when there were data of the station and its instruments when it had come."""

    sequence: int
    newest_ns: int
    newest_of: dict[str, int]


@dataclass
class _Station:
    """Newest data, when the last packet came and how late, and of which packets the numbers are kept."""

    marks: deque[_Mark]
    newest_ns: int = BEFORE_ALL_NS
    newest_of: dict[str, int] = field(default_factory=dict)
    came_ns: int | None = None
    latency_ns: int = 0
    before: Place | None = None


class Arrivals:
    """Follows what comes of the stations of a stream.

    Parameters
    ----------
    stations : iterable of str
        ``NET.STA`` in capitals.
    places : mapping of str to Place
        Where an earlier run stopped.
    settled_s : float
        Picks are final when so much more has come, and depend on no more of what lies before them.
    tell : callable
        Called with a sentence when a station has had a gap, or places can't be written.
    """

    def __init__(self, stations: Iterable[str], places: Mapping[str, Place], *, settled_s: float, tell: Say) -> None:
        self._settled, self._settled_ns = math.ceil(settled_s / MARK_S), round(settled_s * NS_PER_S)
        self._tell, self._trouble = tell, ""
        self._stations = {name: self._station(places.get(name)) for name in sorted(stations)}

    def _station(self, place: Place | None) -> _Station:
        marks = deque[_Mark](maxlen=2 * self._settled + 1)
        return _Station(marks, place.newest_ns if place else BEFORE_ALL_NS, before=place)

    def note(self, trace: obspy.Trace, sequence: int, now_ns: int) -> None:
        """Note a packet, once its picks have been written."""
        name = f"{trace.stats.network}.{trace.stats.station}".upper()
        station, start_ns, end_ns = self._stations[name], trace.stats.starttime.ns, trace.stats.endtime.ns
        if end_ns > now_ns + AHEAD_NS:
            return
        if station.newest_ns != BEFORE_ALL_NS and start_ns > station.newest_ns + GAP_NS:
            self._tell(f"{name}: no data from {iso_time(station.newest_ns)} to {iso_time(start_ns)}")
        station.came_ns, station.latency_ns = now_ns, now_ns - end_ns
        station.newest_ns = max(station.newest_ns, end_ns)
        instrument = split_seed_id(trace.id)[0].upper()
        station.newest_of[instrument] = max(station.newest_of.get(instrument, BEFORE_ALL_NS), end_ns)
        if not station.marks or station.newest_ns >= station.marks[-1].newest_ns + MARK_S * NS_PER_S:
            station.marks.append(_Mark(sequence, station.newest_ns, dict(station.newest_of)))

    @property
    def places(self) -> dict[str, Place]:
        """From where a restart goes on, of all stations of which anything is known."""
        places = {name: self._place(station) for name, station in self._stations.items()}
        return {name: place for name, place in places.items() if place}

    def _place(self, station: _Station) -> Place | None:
        marks, newest_ns = station.marks, station.newest_ns
        if len(marks) == marks.maxlen:
            then = marks[self._settled].newest_of.items()
            settled_ns = {name: min(ns, station.newest_of[name] - self._settled_ns) for name, ns in then}
            return Place(marks[0].sequence, settled_ns, newest_ns)
        if station.before:
            return station.before._replace(newest_ns=newest_ns)
        return Place(marks[0].sequence, {}, newest_ns) if marks else None  # from the very beginning, as this run

    def write(self, path: Path, server: str) -> None:
        """Write the places to a file; that it can't be written is told, for picks matter more."""
        content = {"server": server, "stations": {name: place._asdict() for name, place in self.places.items()}}
        try:
            write_whole(path, json.dumps(content, indent=1).encode())
            self._trouble = ""
        except SeisnetError as error:
            if str(error) != self._trouble:
                self._tell(f"{error}; a restart can't go on from here")
            self._trouble = str(error)

    def status(self, now_ns: int) -> str:
        """How many stations are heard, how old their data are when they come, and which are silent for how long."""
        silent, latency_s = [], {}
        for name, station in self._stations.items():
            if station.came_ns is None:
                silent.append(f"{name} (nothing yet)")
            elif now_ns - station.came_ns > SILENT_NS:
                silent.append(f"{name} ({duration((now_ns - station.came_ns) // NS_PER_S)})")
            else:
                latency_s[name] = station.latency_ns / NS_PER_S
        said = f"{len(latency_s)} of {counted(len(self._stations), 'station')} heard"
        if latency_s:
            latest = max(latency_s, key=latency_s.__getitem__)
            median, most = (duration(round(s)) for s in (statistics.median(latency_s.values()), latency_s[latest]))
            said += f", latency {median} (median; {latest}: {most})"
        return said + (f"; silent: {first_and_more(silent, 10)}" if silent else "")


class Repeats:
    """Leaves out of the picks of a restarted stream those that an earlier run has given.

    Parameters
    ----------
    given : iterable of Pick
    places : mapping of str to Place
    min_distance_s : float
        Two picks of one phase are at least so far apart; one that is not half of it away from another is the same.
    """

    def __init__(self, given: Iterable[Pick], places: Mapping[str, Place], min_distance_s: float) -> None:
        self._places = places
        self._near_ns = near_ns = round(max(min_distance_s / 2, LEAST_S) * NS_PER_S)
        self._times_ns = defaultdict[tuple[str, str], list[int]](list)
        for pick in given:
            if pick.station_id.upper() in places and pick.time_ns > self._before_ns(pick) - near_ns:
                self._times_ns[pick.trace_id, pick.phase].append(pick.time_ns)

    def without(self, picks: Iterable[Pick]) -> list[Pick]:
        """The picks that are new."""
        return [pick for pick in picks if not self._is_given(pick)]

    def _is_given(self, pick: Pick) -> bool:
        if pick.time_ns < self._before_ns(pick):
            return True
        times_ns = self._times_ns.get((pick.trace_id, pick.phase), [])
        return any(abs(pick.time_ns - time_ns) < self._near_ns for time_ns in times_ns)

    def _before_ns(self, pick: Pick) -> int:
        """Time before which all picks of its instrument have been given."""
        place = self._places.get(pick.station_id.upper())
        return place.settled_ns.get(pick.trace_id.upper(), BEFORE_ALL_NS) if place else BEFORE_ALL_NS
