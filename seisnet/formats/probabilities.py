"""Probability traces as ObsPy has them, and in files: miniSEED 2, or HDF5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import obspy

from seisnet.errors import ConfigError, DataError
from seisnet.scan.scanner import Probabilities
from seisnet.store.files import HDF5, replacing
from seisnet.store.probabilities_file import write_records
from seisnet.waveforms.records import NS_PER_S

FREE = "ABCDFGHIJKLMOPQSUVWY"
"""Last letters of channels that are neither components nor X, which stands for noise."""

RECORD_BYTES = 4096

LONGEST_CODES = 2, 5, 2
"""Letters of network, station and location in miniSEED 2."""


def check_name(path: Path, classes: Sequence[str] = ()) -> None:
    """Refuse a name whose ending names no format for probabilities, or one that can't hold those of so many classes.

    Raises
    ------
    ConfigError
        If it is neither ``.mseed`` nor ``.h5``, or as `letters`.
    """
    if path.suffix.lower() == ".mseed":
        letters(classes)
    if path.suffix.lower() not in (".mseed", *HDF5):
        raise ConfigError(
            f"{path}: probabilities are written as miniSEED (.mseed) or HDF5 (.h5); use one of these endings"
        )


def letters(classes: Sequence[str]) -> dict[str, str]:
    """Letter that stands for each class at the end of a channel code: its first, or else one that is free.

    Raises
    ------
    ConfigError
        If there are more classes than letters.

    Examples
    --------
    >>> letters(["P", "S", "noise"])
    {'P': 'P', 'S': 'S', 'noise': 'X'}
    """
    found: dict[str, str] = {}
    if (n := len({*classes} - {"noise"})) > len(FREE):
        raise ConfigError(
            f"miniSEED has letters for the probabilities of {len(FREE)} classes besides noise, but there are {n}; "
            "write HDF5 (.h5)"
        )
    for name in classes:
        first = [name[:1].upper()]  # the capital of ß is SS, and miniSEED holds ASCII only
        free = (c for c in [*first, *FREE] if c in [*FREE] and c not in found.values())
        found[name] = "X" if name == "noise" else next(free)
    return found


def write_probabilities(traces: Iterable[Probabilities], path: Path, *, model: str) -> None:
    """Write probability traces, whole or not at all; one record is in memory at a time.

    In miniSEED a trace keeps network, station and location, and its channel is band and instrument of the record with
    the class's letter: ``HHP``, ``HHS`` and ``HHX`` for P, S and noise of ``HH``.

    Raises
    ------
    ConfigError
        If the ending of the name is of neither format.
    DataError
        If codes do not fit miniSEED.
    """
    check_name(path)
    if path.suffix.lower() != ".mseed":
        write_records(path, ((t.trace_id, t.classes, t.values, t.start_ns, t.hop_ns) for t in traces), model=model)
        return
    with replacing(path) as temporary, temporary.open("wb") as file:
        for found in traces:
            if found.values.shape[1]:
                _check_codes(found.trace_id)
                instrument = found.trace_id.rpartition(".")[2]
                channels = [f"{instrument:X>2.2}{letter}" for letter in letters(found.classes).values()]
                stream = obspy.Stream(list(_traces(found, channels)))
                content = BytesIO()  # ObsPy goes on if it can't write, as on a full disk
                stream.write(content, format="MSEED", encoding="FLOAT32", reclen=RECORD_BYTES)
                file.write(content.getbuffer())


def _check_codes(trace_id: str) -> None:
    """Refuse codes of which miniSEED would hold a part: two stations might become one."""
    codes = zip(trace_id.split("."), LONGEST_CODES, strict=False)
    if not trace_id.isascii() or any(len(code) > longest for code, longest in codes):
        raise DataError(
            f"{trace_id}: miniSEED allows {', '.join(map(str, LONGEST_CODES))} ASCII letters for network, station, "
            "location; write HDF5 (.h5)"
        )


def probability_stream(traces: Iterable[Probabilities], model_name: str) -> obspy.Stream:
    """One trace a class and record, channel ``<model>_<class>``, in the order of records."""
    return obspy.Stream(
        [trace for found in traces for trace in _traces(found, [f"{model_name}_{name}" for name in found.classes])]
    )


def _traces(found: Probabilities, channels: Iterable[str]) -> Iterator[obspy.Trace]:
    network, station, location, _ = found.trace_id.split(".")
    for channel, values in zip(channels, found.values, strict=True):
        header = {
            "network": network,
            "station": station,
            "location": location,
            "channel": channel,
            "starttime": obspy.UTCDateTime(ns=found.start_ns),
            "delta": found.hop_ns / NS_PER_S,
        }
        yield obspy.Trace(values.copy(), header=header)
