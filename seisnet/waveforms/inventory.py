"""What station metadata say about a channel: how it is oriented, and its instrument's response."""

from __future__ import annotations

import functools
import glob
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig, names
from seisnet.errors import DataError, missing
from seisnet.store.files import size_and_age
from seisnet.waveforms.records import ROW
from seisnet.waveforms.segments import Segment, part

Stations = Mapping[str, Sequence[Any]]
"""ObsPy Channels, one for each epoch, by seed id (see `_key`); Stations, by network and station."""

Metadata: TypeAlias = obspy.Inventory | str | Path | Sequence[str | Path] | Stations | None
"""Station metadata as a caller may give them: in memory, a file, several files, read already, or not at all."""

OUTPUTS = {"displacement": "DISP", "velocity": "VEL", "acceleration": "ACC"}

UNITS = {"none": "", "displacement": "m", "velocity": "m/s", "acceleration": "m/s²"}
"""Units of samples; not known where the response is not removed."""


@dataclass(frozen=True, slots=True)
class Response:
    """How the instrument's response is to be removed.

    Attributes
    ----------
    output : {"displacement", "velocity", "acceleration"}
        Ground motion that records then hold, in metres and seconds.
    freqmin_hz : float
        Lowest frequency that has to be right; nothing is left at half of it and below.
    """

    output: str
    freqmin_hz: float

    @property
    def blind_s(self) -> float:
        """What is cut from either end of a segment: there the result depends on what was not recorded."""
        return 4.0 / self.freqmin_hz


def response_of(config: PreprocessConfig) -> Response | None:
    """The removal of the response that a config asks for; None if it asks for none."""
    return None if config.response == "none" else Response(config.response, config.freqmin_hz)


def stations_of(inventory: Metadata) -> Stations | None:
    """Station metadata by seed id; None where there are none.

    Raises
    ------
    ConfigError
        For what is neither an `obspy.Inventory` nor names of files.
    DataError
        A file is missing, or holds no station metadata.
    """
    if isinstance(inventory, obspy.Inventory):
        return _by_seed_id([inventory])
    if inventory is None or isinstance(inventory, Mapping):
        return inventory
    paths = names("inventory", [inventory] if isinstance(inventory, str | os.PathLike) else inventory)
    return read_stations(tuple(map(Path, paths))) if paths else None


def read_stations(paths: tuple[Path, ...]) -> Stations:
    """Read station metadata in any format that ObsPy reads (StationXML, dataless SEED, RESP, ...).

    Raises
    ------
    DataError
        A file is missing, or holds no station metadata.
    """
    if lost := [path for path in paths if not path.is_file()]:
        raise DataError(missing(lost[0]))
    return _read(tuple((path, *size_and_age(path)) for path in paths))


@functools.lru_cache(maxsize=4)
def _read(files: tuple[tuple[Path, int, int], ...]) -> Stations:
    """Read files, again if the size or time of one has changed."""
    inventories = []
    for path, *_ in files:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ObsPy's readers, on parts that are not read here
            try:
                inventories.append(obspy.read_inventory(glob.escape(str(path))))
            except MemoryError:
                raise
            except Exception as error:  # ObsPy's readers raise whatever they like on a file of another format
                raise DataError(f"{path}: no station metadata that ObsPy reads, such as StationXML") from error
    return _by_seed_id(inventories)


def _by_seed_id(inventories: Iterable[obspy.Inventory]) -> Stations:
    """Channels by seed id, and stations by network and station."""
    stations: dict[str, list[Any]] = defaultdict(list)
    for inventory in inventories:
        for seed_id, channel in channels_of(inventory):
            stations[_key(seed_id)].append(channel)
        for network in inventory:
            for station in network:
                stations[_key(f"{network.code}.{station.code}")].append(station)
    return stations


def _key(seed_id: str) -> str:
    """A seed id, whatever case its codes are in, and however an empty location and blanks are written.

    Examples
    --------
    >>> _key("ge.ape.--. bz")
    'GE.APE..BZ'
    """
    return "".join(seed_id.upper().replace(".--.", "..").split())


def channels_of(inventory: obspy.Inventory) -> Iterator[tuple[str, Any]]:
    """Seed ids and channels, which are epochs, of station metadata."""
    for network in inventory:
        for station in network:
            for channel in station:
                yield f"{network.code}.{station.code}.{channel.location_code}.{channel.code}", channel


def channel_at(
    stations: Stations, seed_id: str, time_ns: int, *, knows: Callable[[Any], bool] = lambda _: True
) -> Any | None:
    """The epoch of a channel that holds a time; None where there is none.

    Of several, as of a StationXML and a RESP file, it is the first that `knows` what is asked for, or else the first.
    """
    found = []
    for channel in stations.get(_key(seed_id), ()):
        start, end = channel.start_date, channel.end_date
        if (start is None or start.ns <= time_ns) and (end is None or time_ns <= end.ns):
            found.append(channel)
    return min(found, key=lambda channel: not knows(channel), default=None)


def has_axis(channel: Any) -> bool:
    """Whether an epoch gives its channel's azimuth and dip."""
    return channel.azimuth is not None and channel.dip is not None


def has_response(channel: Any) -> bool:
    """Whether an epoch gives its channel's response, stage by stage."""
    return bool(channel.response and channel.response.response_stages)


def _has_place(place: Any) -> bool:
    """Whether coordinates are given: zeros are what nobody filled in, or what ObsPy reads where there are none."""
    return (float(place.latitude), float(place.longitude)) != (0.0, 0.0)


def coordinates_of(stations: Stations, trace_id: str, time_ns: int) -> tuple[float, float, float] | None:
    """Latitude and longitude in degrees and elevation in metres of an instrument, or its station; None if unknown."""
    channels = (trace_id + letter for letter in (*ROW, *"UVW"))
    for code in (*channels, ".".join(trace_id.split(".")[:2])):
        place = channel_at(stations, code, time_ns, knows=_has_place)
        if place is not None and _has_place(place):
            return float(place.latitude), float(place.longitude), float(place.elevation)
    return None


def response_at(stations: Stations, seed_id: str, time_ns: int) -> int:
    """A number of a channel's response at a time, the same in all epochs that have it; -1 where no epoch holds."""
    channel = channel_at(stations, seed_id, time_ns, knows=has_response)
    if channel is None:
        return -1
    return next(i for i, epoch in enumerate(stations[_key(seed_id)]) if epoch.response == channel.response)


def edges_ns(stations: Stations, seed_id: str) -> set[int]:
    """Times at which an epoch of a channel begins, or has ended; its last moment still belongs to it."""
    epochs = stations.get(_key(seed_id), ())
    return {c.start_date.ns for c in epochs if c.start_date} | {c.end_date.ns + 1 for c in epochs if c.end_date}


def without_response(segment: Segment, channel: Any, response: Response) -> Segment:
    """Divide the spectrum of a gap-free segment by the response, and cut the blind edges.

    Cosine tapers suppress what lies below `freqmin_hz` and above 0.8 of the Nyquist frequency. There the recorder's
    anti-alias filter is not undone: it leaves a millionth, and less, of what was there, and the rounding to counts.

    Raises
    ------
    DataError
        The metadata hold no response, or none that can be evaluated.
    """
    import scipy.fft  # which takes long to import

    n = scipy.fft.next_fast_len(2 * len(segment.samples), real=True)
    freqs = scipy.fft.rfftfreq(n, 1 / segment.rate_hz)
    nyquist_hz = segment.rate_hz / 2
    low, high = response.freqmin_hz, 0.8 * nyquist_hz
    band = _rise(freqs, low / 2, low) * (1 - _rise(freqs, high, nyquist_hz))
    inside = band > 0
    try:
        curve = channel.response.get_evalresp_response_for_frequencies(freqs[inside], output=OUTPUTS[response.output])
    except MemoryError:
        raise
    except Exception as error:  # of evalresp, or of a response without stages
        raise DataError("the metadata contain no response that can be evaluated") from error
    if not (np.isfinite(curve).all() and (np.abs(curve) > 0).all()):
        raise DataError("its response is zero, or not finite, within the band")
    size, above = np.abs(curve), freqs[inside] > high
    curve[above] *= np.maximum(1, np.max(size[~above][-1:], initial=0) / size[above])
    x = segment.samples
    blind = round(response.blind_s * segment.rate_hz)
    k = np.arange(len(x), dtype=np.float64)
    taper = _rise(np.minimum(k, k[::-1]), 0.0, blind / 2)  # over half of the blind edges
    spectrum = scipy.fft.rfft((x - x.mean()) * taper, n)
    spectrum[inside] *= band[inside] / curve
    spectrum[~inside] = 0
    whole = replace(segment, samples=scipy.fft.irfft(spectrum, n)[: len(x)])
    return part(whole, blind, max(blind, len(x) - blind))


def _rise(x: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Raised cosine from 0 at `low` to 1 at `high`."""
    rise: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * np.clip((x - low) / (high - low), 0, 1))
    return rise
