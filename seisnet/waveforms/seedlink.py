"""Packets from a SeedLink server, through ObsPy; a lost connection is resumed where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import obspy
from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection
from obspy.clients.seedlink.seedlinkexception import SeedLinkException
from obspy.clients.seedlink.slpacket import SLPacket

from seisnet.errors import ConfigError
from seisnet.waveforms.records import NS_PER_S

RECONNECT_S = 5
"""Pause before a connection is tried again."""

QUIET_S = 300
"""A server that sends nothing for this long is asked again. Without a limit ObsPy 1.5.1 can't connect at all."""

AHEAD_NS = 3600 * NS_PER_S
"""A packet dated this long after now comes of a clock that is wrong, and would make all that follow seem late."""

SILENT = f"nothing was received for {QUIET_S} s"


class _Connection(SeedLinkConnection):  # type: ignore[misc]  # ObsPy has no types
    """ObsPy's connection, which by itself takes a closed one for silence, and restarts without a word after a reset."""

    def __init__(self) -> None:
        super().__init__(timeout=QUIET_S)
        self.set_net_timeout(QUIET_S)

    def receive_data(self, maxbytes: int, code: str) -> bytes:
        """Bytes from the server, at least one; else the connection is down, and the exception says why."""
        try:
            received: bytes = super().receive_data(maxbytes, code)
        except TimeoutError:
            reason = SILENT
        except OSError as error:
            reason = str(error)
        else:
            if received:
                return received
            reason = "the server has closed the connection"
        self.disconnect()
        raise SeedLinkException(reason)


def packets(
    server: str,
    patterns: Sequence[str],
    *,
    lost: Callable[[str], None],
    connect: Callable[[], Any] = _Connection,
    pause_s: float = RECONNECT_S,
) -> Iterator[obspy.Trace]:
    """Traces as a server sends them, for ever, or until it ends; a wrong address or pattern is reported at once.

    Parameters
    ----------
    server : str
        ``HOST:PORT``.
    patterns : sequence of str
        ``NET.STA.LOC.CHA``; location and channel may hold ``?``, network and station may not.
    lost : callable
        Called with the reason when a connection is lost, or a packet can't be read or is dated more than an hour ahead.
    connect : callable
        Makes a connection such as ObsPy's.
    pause_s : float
        Time before a lost connection is tried again.

    Raises
    ------
    ConfigError
        If the address or a pattern can't be understood.
    """
    host, _, port = server.rpartition(":")
    if not host or "/" in host or " " in host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ConfigError(f"server '{server}' is not HOST:PORT with a port below 65536, such as geofon.gfz.de:18000")
    connection = connect()
    connection.set_sl_address(server)
    connection.set_net_delay(max(1, round(pause_s)))
    for network, station, selector in map(_stream_of, patterns):
        connection.add_stream(network, station, selector, -1, None)
    return _received(connection, lost, pause_s)


def _received(connection: Any, lost: Callable[[str], None], pause_s: float) -> Iterator[obspy.Trace]:
    told = ""  # said once, not at every try
    while True:
        try:
            packet = connection.collect()
        except (SeedLinkException, OSError) as error:
            # The connection keeps the number of the last packet of every station, and goes on from there.
            reason = str(getattr(error, "value", error))  # as text, ObsPy's exception is in quotes
            if reason != told:
                lost(f"{reason}; trying again")
                told = reason
            time.sleep(pause_s)
            continue
        told = ""
        if packet is None or packet == SLPacket.SLTERMINATE:
            if not connection.terminate_flag:
                return
            lost(f"{SILENT}; trying again")
            continue
        if packet == SLPacket.SLNOPACKET or packet.get_type() in (SLPacket.TYPE_SLINF, SLPacket.TYPE_SLINFT):
            continue
        try:
            trace = packet.get_trace()
        except MemoryError:
            raise
        except Exception as error:  # libmseed and ObsPy raise whatever they like on damaged packets
            lost(f"a packet can't be read, and is left out: {error}")
            continue
        if trace is not None and trace.stats.endtime.ns > time.time_ns() + AHEAD_NS:
            lost(f"a packet of {trace.id} is dated {trace.stats.starttime}, in the future, and is left out")
        elif trace is not None:
            yield trace


def _stream_of(pattern: str) -> tuple[str, str, str]:
    """Network, station and SeedLink selector of a pattern.

    Examples
    --------
    >>> _stream_of("GE.APE..HH?"), _stream_of("CH.BALST.00.HH")
    (('GE', 'APE', 'HH?'), ('CH', 'BALST', '00HH?'))
    """
    parts = pattern.strip().upper().split(".")
    if len(parts) != 4 or not all(parts[i] for i in (0, 1, 3)) or set("*?") & set(parts[0] + parts[1]):
        raise ConfigError(
            f"selection '{pattern}' is not of the form NET.STA.LOC.CHA with network and station spelt out"
        )
    network, station, location, channel = parts
    location = "" if location in ("", "--", "*") else location
    return network, station, location + (channel.replace("*", "") + "???")[:3]
