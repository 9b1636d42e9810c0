"""Which way components point: their rows in a record, and the rotation of those that stand askew."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.channels import names_component, split_seed_id
from seisnet.waveforms.inventory import Stations, channel_at, edges_ns, has_axis
from seisnet.waveforms.records import NS_PER_S, ROW, Flag, Record
from seisnet.waveforms.segments import Segment, trace_part

ASKEW_DEG = 22.5, 67.5
"""A component whose dip lies between these is nearer to the diagonal than to level or upright."""

AXES = {**ROW, "U": 0, "V": 1, "W": 2}
"""Component letter to row of a record that is yet to be rotated."""

LEAST_VOLUME = 0.1
"""Volume of the parallelepiped of three axes (1 at right angles); in a flatter one, one direction would be noise."""

UNKNOWN_AXES = "U, V, W are used only if station metadata (an inventory) give their orientation"
"""Reason of a rejection."""

NORTH_OF = {"E": "N", "2": "1"}
"""The component that points north where another points east."""

NO_MOTION = "DFHIO"
"""Last letters of pressure, temperature and wind channels in SEED; metadata give an azimuth and dip even of these."""

PREFERRED = "ZNE12RT3"
"""Where two components of an instrument belong in one row, the earlier of these takes it."""


class Place(NamedTuple):
    """Where the samples of a component go: into a row of the record, with a sign. The lower rank goes first.

    A component that is yet to be rotated has its azimuth and dip, so that it is not joined with one of other axes, and
    one whose response is yet to be removed has the response's number, see `seisnet.waveforms.inventory.response_at`.
    """

    rank: int
    component: str
    row: int
    sign: int
    axis: tuple[float, ...] = ()
    response: int = 0


def axis_of(seed_id: str, time_ns: int, stations: Stations) -> tuple[float, float] | None:
    """Azimuth and dip of a channel; None where the station metadata do not know them, or contradict its letter.

    In SEED, Z is upright, N and E are level, and E points another way than N. Metadata in which they do not have zeros
    for what nobody filled in.
    """
    channel = channel_at(stations, seed_id, time_ns, knows=has_axis)
    if channel is None or not has_axis(channel):
        return None
    letter, dip = split_seed_id(seed_id)[1], abs(float(channel.dip))
    is_wrong = (letter == "Z" and dip < ASKEW_DEG[0]) or (letter in ("N", "E") and dip > ASKEW_DEG[1])
    if letter in NORTH_OF and channel.azimuth == dip == 0:
        north = channel_at(stations, seed_id[:-1] + NORTH_OF[letter], time_ns, knows=has_axis)
        is_wrong = north is not None and north.azimuth == north.dip == 0
    return None if is_wrong else (float(channel.azimuth), float(channel.dip))


def place_of(trace: obspy.Trace, component: str, stations: Stations, *, by_letter: bool) -> Place | None:
    """Place a component by azimuth and dip where they are known, else by letter; None if its code names no component.

    The components of an oblique instrument, including U, V, W, are placed `by_letter` and rotated later.
    """
    rank = PREFERRED.index(component) if component in PREFERRED else len(PREFERRED)
    axis = axis_of(trace.id, trace.stats.starttime.ns, stations)
    if axis and not by_letter and component not in NO_MOTION:
        return Place(rank, component, *row_and_sign(*axis))
    rows = AXES if by_letter else ROW
    is_named = component in rows and (axis or names_component(trace.stats.channel, trace.stats.get("_format", "")))
    return Place(rank, component, rows[component], 1, axis or ()) if is_named else None


def unoriented(seed_ids: Sequence[str], time_ns: int, stations: Stations) -> tuple[Flag, ...]:
    """A flag that names the components which station metadata do not orient."""
    unknown = [seed_id for seed_id in seed_ids if not axis_of(seed_id, time_ns, stations)]
    if not unknown:
        return ()
    found = {seed_id: channel_at(stations, seed_id, time_ns, knows=has_axis) for seed_id in seed_ids}
    lacking = "hold none of its channels at this time"
    if any(found.values()):
        what = "no possible" if any(found[seed_id] and has_axis(found[seed_id]) for seed_id in unknown) else "no"
        lacking = f"give {what} azimuth and dip of {', '.join(split_seed_id(seed_id)[1] for seed_id in unknown)}"
    return (Flag(time_ns, time_ns, f"the station metadata {lacking}: letters decide"),)


def by_epoch(trace: obspy.Trace, stations: Stations) -> list[obspy.Trace]:
    """A trace, cut where an epoch of its channel begins or ends: from there on it may point another way."""
    start_ns, end_ns, rate_hz = trace.stats.starttime.ns, trace.stats.endtime.ns, float(trace.stats.sampling_rate)
    edges = [edge for edge in edges_ns(stations, trace.id) if start_ns < edge <= end_ns]
    if not edges:
        return [trace]

    def time_ns(sample: int) -> int:
        return int(start_ns + round(sample * NS_PER_S / rate_hz))

    cuts = {0, trace.stats.npts}
    for edge in edges:
        before = int((edge - start_ns) * rate_hz / NS_PER_S) - 1  # give or take rounding
        cuts.add(next(sample for sample in itertools.count(before) if time_ns(sample) >= edge))
    return [trace_part(trace, low, high, time_ns(low)) for low, high in itertools.pairwise(sorted(cuts))]


def row_and_sign(azimuth_deg: float, dip_deg: float) -> tuple[int, int]:
    """Row of a record in which a component belongs, and its sign.

    The vertical row takes what dips by 45 degrees or more, up being positive; of the rest, the north row takes what
    lies within 45 degrees of north or south, the east row the other. Components are not rotated here.

    Parameters
    ----------
    azimuth_deg, dip_deg : float
        As in StationXML: clockwise from north; down from the horizontal.

    Examples
    --------
    >>> row_and_sign(0, -90), row_and_sign(30, 0), row_and_sign(120, 0), row_and_sign(200, 0)
    ((0, 1), (1, 1), (2, 1), (1, -1))
    """
    if abs(dip_deg) >= 45:
        return 0, 1 if dip_deg < 0 else -1
    # 45 belongs to north and 135 to east: two components at right angles never meet in a row.
    row = 2 if 45 < azimuth_deg % 180 <= 135 else 1
    along = math.cos(math.radians(azimuth_deg)) if row == 1 else math.sin(math.radians(azimuth_deg))
    return row, 1 if along > 0 else -1


def is_askew(axis: tuple[float, float] | None) -> bool:
    """Whether a known axis is neither level nor upright, as those of a Galperin sensor, which dip by 35 degrees."""
    return axis is not None and ASKEW_DEG[0] < abs(axis[1]) < ASKEW_DEG[1]


def directions(axes: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Unit vectors (n, 3) of azimuths and dips in degrees, in Z, N, E order with up positive.

    Examples
    --------
    >>> directions([(0, -90), (90, 0)]).round(12) + 0.0
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    azimuth, dip = np.radians(np.asarray(axes, dtype=np.float64)).T
    return np.stack([-np.sin(dip), np.cos(dip) * np.cos(azimuth), np.cos(dip) * np.sin(azimuth)], axis=1)


def rotated(record: Record, used: dict[int, Segment], stations: Stations) -> tuple[Record, dict[int, Segment], str]:
    """Rotate a record of three components in any directions to Z, N, E; or say why that can't be done.

    If none is oblique at that time, though one was at another, each is placed as if there were no other time: what is
    read of a recording beside a stretch must not change it.

    Its samples x are the ground motion m seen along the axes, D m = x, with the axes' unit vectors as rows of D. The
    solution is summed sample by sample: the last bits of a matrix product may depend on where a record is cut.

    Parameters
    ----------
    record : Record
        Its rows hold the components as they were recorded.
    used : dict of int to Segment
        The segments of the rows that are present.
    stations : mapping
        Station metadata, which give their azimuths and dips.

    Returns
    -------
    record : Record
        Rotated, or as it was.
    used : dict of int to Segment
        In the rows where they are now.
    reason : str
        Why it is not rotated; empty if it is.
    """
    known = [axis_of(segment.seed_id, record.start_ns, stations) for segment in used.values()]
    if not any(map(is_askew, known)):
        return _level(record, used, known)
    axes = [axis for axis in known if axis]
    if len(axes) < len(record.present):
        return record, used, "oblique by its dips: rotating it needs three components of known azimuth and dip"
    matrix = directions(axes)
    if abs(np.linalg.det(matrix)) < LEAST_VOLUME:
        return record, used, "by the station metadata its components lie nearly in one plane, so they can't be rotated"
    data = np.empty_like(record.data)
    for row, weights in zip(data, np.linalg.inv(matrix), strict=True):
        row[:] = sum(np.multiply(x, w, dtype=np.float64) for x, w in zip(record.data, weights, strict=True))
    return replace(record, data=data), used, ""


def _level(
    record: Record, used: dict[int, Segment], axes: Sequence[tuple[float, float] | None]
) -> tuple[Record, dict[int, Segment], str]:
    """Place the rows of a record, which are placed by letter, by azimuth and dip where these are known."""
    data, present, placed = np.zeros_like(record.data), np.zeros_like(record.present), dict[int, Segment]()
    for (by_letter, segment), axis in zip(used.items(), axes, strict=True):
        letter = split_seed_id(segment.seed_id)[1]
        if not axis and letter not in ROW:
            return record, used, UNKNOWN_AXES
        row, sign = row_and_sign(*axis) if axis else (by_letter, 1)
        if present[row]:
            return record, used, f"component {letter}: another already has its place"
        data[row], present[row], placed[row] = sign * record.data[by_letter], True, segment
    return replace(record, data=data, present=present), placed, ""
