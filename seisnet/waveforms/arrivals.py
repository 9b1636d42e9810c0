"""What has come of each station of a stream: how old it is, what is missing, and from where a restart goes on."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import obspy

from seisnet.errors import DataError, SeisnetError
from seisnet.picks import Pick, iso_time
from seisnet.store.files import read_text, write_whole
from seisnet.waveforms.packets import AFTER_ALL_NS, AHEAD_NS, BEFORE_ALL_NS
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
    settled_ns : int
        Picks before this have been given. Whoever begins with the packet makes those after it again, to the bit.
    newest_ns : int
        Up to when there were data.
    """

    sequence: int
    settled_ns: int
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
        places = {name: Place(*(int(place[key]) for key in Place._fields)) for name, place in held["stations"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: not what a stream writes of where it is; remove it") from error
    if held["server"] != server:
        raise DataError(
            f"{path}: of server {held['server']}, whose numbers of packets {server} does not know; remove it"
        )
    return places


@dataclass
class _Station:
    """Newest data, when the last packet came and how late, and of which packets the numbers are kept."""

    marks: deque[tuple[int, int]]  # number of a packet, and up to when there were data when it had come
    newest_ns: int = BEFORE_ALL_NS
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
        self._settled, self._tell, self._trouble = math.ceil(settled_s / MARK_S), tell, ""
        self._stations = {name: self._station(places.get(name)) for name in sorted(stations)}

    def _station(self, place: Place | None) -> _Station:
        marks = deque[tuple[int, int]](maxlen=2 * self._settled + 1)
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
        if not station.marks or station.newest_ns >= station.marks[-1][1] + MARK_S * NS_PER_S:
            station.marks.append((sequence, station.newest_ns))

    @property
    def places(self) -> dict[str, Place]:
        """From where a restart goes on, of all stations of which anything is known."""
        places = {name: self._place(station) for name, station in self._stations.items()}
        return {name: place for name, place in places.items() if place}

    def _place(self, station: _Station) -> Place | None:
        marks, newest_ns = station.marks, station.newest_ns
        if len(marks) == marks.maxlen:
            return Place(marks[0][0], marks[self._settled][1], newest_ns)
        if station.before:
            return station.before._replace(newest_ns=newest_ns)
        return Place(marks[0][0], 0, newest_ns) if marks else None  # from the very beginning, as this run

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
        self._settled_ns = {name: place.settled_ns for name, place in places.items()}
        self._near_ns = near_ns = round(max(min_distance_s / 2, LEAST_S) * NS_PER_S)
        self._times_ns = defaultdict[tuple[str, str], list[int]](list)
        for pick in given:
            if pick.time_ns > self._settled_ns.get(pick.station_id.upper(), AFTER_ALL_NS) - near_ns:
                self._times_ns[pick.trace_id, pick.phase].append(pick.time_ns)

    def without(self, picks: Iterable[Pick]) -> list[Pick]:
        """The picks that are new."""
        return [pick for pick in picks if not self._is_given(pick)]

    def _is_given(self, pick: Pick) -> bool:
        if pick.time_ns < self._settled_ns.get(pick.station_id.upper(), BEFORE_ALL_NS):
            return True
        times_ns = self._times_ns.get((pick.trace_id, pick.phase), [])
        return any(abs(pick.time_ns - time_ns) < self._near_ns for time_ns in times_ns)
