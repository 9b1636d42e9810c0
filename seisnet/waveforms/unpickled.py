"""Waveform files of any format but pickled ones: ObsPy unpickles to tell formats, and unpickling runs a file's code."""

from __future__ import annotations

import glob
from pathlib import Path

import obspy
from obspy.core.util.base import ENTRY_POINTS
from obspy.core.util.decorator import uncompress_file
from obspy.core.util.misc import buffered_load_entry_point

PICKLE = "PICKLE"
"""The only one of ObsPy's formats, also of those for catalogues and inventories, that is unpickled."""

STREAM = b"obspy.core.stream"
"""What ObsPy's pickled files name in their first 100 bytes."""


def read_unpickled(
    path: Path, *, headonly: bool, starttime: obspy.UTCDateTime | None, endtime: obspy.UTCDateTime | None
) -> obspy.Stream:
    """Read a file, or an archive of several, as `obspy.read` does.

    Raises
    ------
    TypeError
        No format is known that it is in.
    ValueError
        It is pickled.
    Exception
        Whatever ObsPy raises on damaged files.
    """
    stream: obspy.Stream = uncompress_file(_read)(str(path), headonly=headonly, starttime=starttime, endtime=endtime)
    return stream


def _read(path: str, **options: object) -> obspy.Stream:
    # ObsPy takes names for patterns, and brackets do occur in names.
    return obspy.read(glob.escape(path), format=_format_of(path), check_compression=False, **options)


def _format_of(path: str) -> str:
    """Name of the first format that takes a file for its own, in ObsPy's order."""
    for name, entry in ENTRY_POINTS["waveform"].items():
        group = f"obspy.plugin.waveform.{name}"
        if name != PICKLE and buffered_load_entry_point(entry.dist.name, group, "isFormat")(path):
            return str(name)
    with Path(path).open("rb") as file:
        if STREAM in file.read(100):
            raise ValueError("it is in ObsPy's PICKLE format, which can run code; if you trust it, save it as MSEED")
    raise TypeError
