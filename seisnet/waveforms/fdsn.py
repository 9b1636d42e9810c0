"""FDSN web services: the station service says which instruments there are, dataselect is asked day by day."""

from __future__ import annotations

import functools
import itertools
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import obspy

from seisnet.config import nearest
from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.files import first_line
from seisnet.waveforms.inventory import channels_of
from seisnet.waveforms.records import DAY_NS
from seisnet.waveforms.selection import FOREVER_NS, Selection
from seisnet.waveforms.sources import Source

PAUSES_S = (2.0, 10.0, 30.0)
"""A request that fails for a passing reason (no answer, a broken one, too many requests) is repeated after these."""

LASTING = (
    "FDSNBadRequestException", "FDSNDoubleAuthenticationException", "FDSNForbiddenException",
    "FDSNInvalidRequestException", "FDSNNoAuthenticationServiceException", "FDSNNoServiceException",
    "FDSNNotImplementedException", "FDSNRequestTooLargeException", "FDSNUnauthorizedException", "ValueError",
)  # fmt: skip
"""Errors that repeating a request does not cure: the request itself is wrong."""

T = TypeVar("T")


def find_days(service: str, selection: Selection) -> list[Source]:
    """Ask a service for the instruments that it has, and list their days.

    Parameters
    ----------
    service : str
        A name that ObsPy knows (``GEOFON``, ``ETH``, ``EARTHSCOPE``, ...), or the URL of a server.

    Raises
    ------
    ConfigError
        No times or channels are given, or there is no service of that name.
    DataError
        The service does not answer.
    NothingUsableError
        It has nothing of what is asked for.
    """
    if not selection.patterns or FOREVER_NS[0] == selection.start_ns or FOREVER_NS[1] == selection.end_ns:
        raise ConfigError(f"fdsn:{service}: set with selection=... which channels to fetch, from when and until when")
    from obspy.clients.fdsn.header import URL_MAPPINGS

    if service.upper() not in URL_MAPPINGS and (service.isalpha() or not service):
        raise ConfigError(f"fdsn:{service}: neither a URL nor a name that ObsPy knows{nearest(service, URL_MAPPINGS)}")
    epochs: dict[str, list[tuple[int, int]]] = {}
    for codes in selection.codes:
        inventory = _asked(service, functools.partial(_stations, codes, selection))
        for seed_id, channel in channels_of(inventory or ()):
            start, end = channel.start_date, channel.end_date
            span_ns = start.ns if start else FOREVER_NS[0], end.ns if end else FOREVER_NS[1]
            if selection.takes(seed_id) and selection.overlaps(*span_ns):
                epochs.setdefault(f"{split_seed_id(seed_id)[0]}?", []).append(span_ns)
    if not epochs:
        raise NothingUsableError(f"fdsn:{service}: has no channel that matches the selection")
    first, stop = selection.start_ns // DAY_NS, (selection.end_ns - 1) // DAY_NS + 1
    return [
        Source(kind="fdsn", span_ns=selection.within(low, high), service=service, channels=channels)
        for channels in sorted(epochs)
        for low, high in itertools.pairwise(range(first * DAY_NS, stop * DAY_NS + 1, DAY_NS))
        if any(start < high and end >= low for start, end in epochs[channels])
    ]


def _stations(codes: tuple[str, str, str, str], selection: Selection, client: Any) -> Any:
    # Services know no [...]; what they send besides is left out.
    network, station, location, channel = (re.sub(r"\[[^]]+\]", "?", code) for code in codes)
    return client.get_stations(
        network=network,
        station=station,
        location=location,
        channel=channel if channel.endswith("*") else f"{channel},{channel}?",
        starttime=obspy.UTCDateTime(ns=selection.start_ns),
        endtime=obspy.UTCDateTime(ns=selection.end_ns),
        level="channel",
    )


def fetch(service: str, channels: str, span_ns: tuple[int, int]) -> obspy.Stream:
    """Fetch the waveforms of one instrument; an empty stream where the service has none.

    Raises
    ------
    DataError
        The service does not answer, or refuses.
    """
    network, station, location, channel = channels.split(".")
    start, end = (obspy.UTCDateTime(ns=ns) for ns in span_ns)
    stream = _asked(service, lambda client: client.get_waveforms(network, station, location, channel, start, end))
    return stream if stream is not None else obspy.Stream()


def _asked(service: str, request: Callable[[Any], T]) -> T | None:
    """The answer to a request, None where the service has no data."""
    from obspy.clients.fdsn.header import FDSNNoDataException

    for pause_s in (*PAUSES_S, None):
        try:
            return request(_client(service))
        except FDSNNoDataException:
            return None
        except MemoryError:
            raise
        except Exception as error:  # besides its own, ObsPy passes on those of sockets and of readers of broken answers
            if pause_s is None or type(error).__name__ in LASTING:
                raise DataError(f"fdsn:{service}: {first_line(error)}") from error
        time.sleep(pause_s)
    raise AssertionError("the last try returns or raises")


@functools.lru_cache(maxsize=8)
def _client(service: str) -> Any:
    from obspy.clients.fdsn import Client

    return Client(service)
