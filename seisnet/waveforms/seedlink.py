"""Packets from a SeedLink server, through ObsPy; a lost connection is resumed where it stopped."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import obspy
from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection
from obspy.clients.seedlink.client.slstate import SLState
from obspy.clients.seedlink.seedlinkexception import SeedLinkException
from obspy.clients.seedlink.slpacket import SLPacket

from seisnet.errors import ConfigError
from seisnet.waveforms.selection import Selection
from seisnet.wording import Say

RECONNECT_S = 5
"""Pause before a connection is tried again."""

QUIET_S = 300
"""A server that sends nothing for this long is asked again. Without a limit ObsPy 1.5.1 can't connect at all."""

ANSWER_S = 30
"""How long an answer to a command is waited for."""

LONGEST = 200
"""Characters of a reason that are told."""


class Packet(NamedTuple):
    """What a packet holds, and the number that the server has given it among those of its station."""

    trace: obspy.Trace
    sequence: int


class ConnectionLog:
    """Tells each problem once, not at every try, until a packet comes; and then that it does.

    Parameters
    ----------
    tell : callable
        Called with a sentence.
    """

    def __init__(self, tell: Say) -> None:
        self._tell, self._told, self._is_lost = tell, set[str](), False

    def problem(self, reason: str) -> None:
        """Tell that something is left out, or goes wrong."""
        if reason not in self._told:
            self._told.add(reason)
            self._tell(reason)

    def connection_lost(self, reason: str) -> None:
        """Tell that there is no connection."""
        self._is_lost = True
        self.problem(f"{reason}; trying again")

    def packet_received(self) -> None:
        """Tell that packets come again, if the connection was lost; what goes wrong from now on is told anew."""
        if self._is_lost:
            self._tell("packets come again")
        self._told.clear()
        self._is_lost = False


class Connection(SeedLinkConnection):  # type: ignore[misc]  # ObsPy has no types
    """ObsPy's connection, which by itself takes a closed one for silence, and restarts without a word after a reset.

    What ObsPy only logs, often without saying which station it is about, is told.
    """

    def __init__(self, log: ConnectionLog) -> None:
        super().__init__(timeout=QUIET_S)
        self.set_net_timeout(QUIET_S)
        self._log = log

    def receive_data(self, maxbytes: int, code: str) -> bytes:
        """Bytes from the server, at least one; else the connection is down, and the exception says why."""
        limit_s = QUIET_S if self.state.state == SLState.SL_DATA else ANSWER_S
        try:
            self.socket.settimeout(limit_s)
            received: bytes = super().receive_data(maxbytes, code)
        except TimeoutError:
            reason = _silent(limit_s)
        except OSError as error:
            reason = str(error)
        else:
            if received:
                return received
            reason = "the server has closed the connection"
        self.disconnect()
        raise SeedLinkException(reason)

    def send_data(self, sendbytes: bytes, code: str, resplen: int) -> bytes | None:
        """Send a command, and give the answer to it."""
        if self.socket is None:  # it was lost while the station before was negotiated
            raise SeedLinkException("the connection was lost")
        answer: bytes | None = super().send_data(sendbytes, code, resplen)
        if answer == b"ERROR\r\n":
            self._log.problem(f"the server refuses '{' '.join(sendbytes.decode().split())}'")
        return answer

    def config_link(self) -> None:
        """Ask for all stations."""
        try:
            super().config_link()
        except Exception as error:  # ObsPy catches them all, and only logs them
            self._log.connection_lost(_reason(error))
            raise

    def update_stream(self, slpacket: SLPacket) -> None:
        """Note the number of a packet; ObsPy leaves out one that can't be read."""
        try:
            super().update_stream(slpacket)
        except SeedLinkException as error:
            self._log.problem(f"a packet can't be read, and is left out: {_reason(error)}")
            raise


def packets(
    server: str,
    patterns: Sequence[str],
    *,
    tell: Say,
    connect: Callable[[ConnectionLog], Any] = Connection,
    pause_s: float = RECONNECT_S,
    since: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[Packet]:
    """Packets as a server sends them, for ever, or until it ends; a wrong address or pattern is reported at once.

    Parameters
    ----------
    server : str
        ``HOST:PORT``.
    patterns : sequence of str
        ``NET.STA.LOC.CHA``; location and channel may hold ``?`` and ``*``, network and station may not. An empty
        location, or ``--``, is that of channels without one, as elsewhere (`Selection`).
    tell : callable
        Called with the reason when a connection is lost, a packet can't be read, or the server refuses a station, and
        when packets come again.
    connect : callable
        Makes a connection such as ObsPy's, which tells such things too.
    pause_s : float
        Time before a lost connection is tried again.
    since : mapping of str to int
        By ``NET.STA``, the number of the first packet that is asked for; by default the next that there will be. What
        a server does that no longer has it is its own affair: the oldest that it has may come, or the next.

    Raises
    ------
    ConfigError
        If the address or a pattern can't be understood.
    """
    host, _, port = server.rpartition(":")
    if not host or "/" in host or " " in host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ConfigError(f"server '{server}' is not HOST:PORT with a port below 65536, such as geofon.gfz.de:18000")
    logging.getLogger("obspy.clients.seedlink").addHandler(logging.NullHandler())  # else it writes to stderr
    log = ConnectionLog(tell)
    connection = connect(log)
    connection.set_sl_address(server)
    connection.set_net_delay(max(1, round(pause_s)))
    streams = list(map(_stream_of, patterns))
    for network, station, location, channel in streams:
        # Not every server can select the empty location, so any is asked for, and others are left out here.
        selector = ("" if location == "*" else location) + channel
        # ObsPy asks for what follows a number, of which -1 is none, so that packet 0 can't be asked for.
        first = since.get(f"{network}.{station}")
        last = -1 if first is None else max(first - 1, 0)
        connection.add_stream(network, station, selector, last, None)
    return _received(connection, log, pause_s, Selection(tuple(map(".".join, streams))))


def _received(connection: Any, log: ConnectionLog, pause_s: float, selection: Selection) -> Iterator[Packet]:
    takes, left_out = cache(selection.takes), set[str]()
    while True:
        try:
            packet = connection.collect()
            if packet == SLPacket.SLERROR:
                raise SeedLinkException("the server has reported an error")
        except (SeedLinkException, OSError) as error:
            # The connection keeps the number of the last packet of every station, and goes on from there.
            log.connection_lost(_reason(error))
            time.sleep(pause_s)
            continue
        if packet == SLPacket.SLTERMINATE:
            if not connection.terminate_flag:
                return
            log.connection_lost(_silent(QUIET_S))
        elif packet not in (None, SLPacket.SLNOPACKET):  # None is information that nobody asked for
            log.packet_received()
            trace = packet.get_trace()
            if takes(trace.id):
                yield Packet(trace, packet.get_sequence_number())
            elif trace.id not in left_out:
                left_out.add(trace.id)
                log.problem(f"{trace.id} comes, but is not selected, and left out; a location of * takes any")


def _silent(limit_s: float) -> str:
    return f"nothing was received for {limit_s} s"


def _reason(error: Exception) -> str:
    """What an exception says, in one short line, whatever a server has sent; as text, ObsPy's is in quotes."""
    said = str(getattr(error, "value", error))
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())[:LONGEST]


def _stream_of(pattern: str) -> tuple[str, str, str, str]:
    """Network, station, location and channel of a pattern, with as many characters as SeedLink wants.

    Examples
    --------
    >>> _stream_of("GE.APE.--.*Z"), _stream_of("CH.BALST.00.HH")
    (('GE', 'APE', '', '??Z'), ('CH', 'BALST', '00', 'HH?'))
    """
    parts = [part.strip() for part in pattern.upper().split(".")]
    if len(parts) != 4 or not all(parts[i] for i in (0, 1, 3)) or set("*?") & set(parts[0] + parts[1]):
        raise ConfigError(
            f"selection '{pattern}' is not of the form NET.STA.LOC.CHA with network and station spelt out"
        )
    network, station, location, channel = parts
    before, star, after = channel.partition("*")
    channel = before + "?" * (3 - len(before + after)) + after if star else channel.ljust(3, "?")
    if location != "*":
        location = location.replace("--", "").replace("*", "?")
    if not re.fullmatch("([A-Z0-9?]{2}|[*]?)[.][A-Z0-9?]{3}", f"{location}.{channel}"):
        raise ConfigError(f"selection '{pattern}': a location has two characters and a channel three, such as 00.HH?")
    return network, station, location, channel
