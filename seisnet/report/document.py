"""What a report is made of: frozen values that know nothing of HTML."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from seisnet.picks import Detection, Pick
from seisnet.plots import Figure, svg
from seisnet.waveforms.records import NS_PER_S, Rejection

Cell = str | int | float
Found = TypeVar("Found", Pick, Detection)

MOST_ROWS = 10_000
"""A browser opens a table of so many rows, and sorts it, in two seconds; one of ten times as many in half a minute."""


@dataclass(frozen=True)
class Picture:
    """A rendered figure and its caption; rows of tables point at it by `anchor`, any text."""

    svg: str
    caption: str
    width_cm: float
    anchor: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table: name, unit, decimals of its numbers, and whether the reader can filter by it."""

    name: str
    unit: str = ""
    decimals: int | None = None
    filterable: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers; NaN stands for an unknown number.

    `anchors`, `links` and `ids` are empty or have one entry per row: the `Picture.anchor` or the address that the row
    opens, or "", and an ID. A click on a row that opens nothing shows `hint` and its ID: the command that draws it.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    anchors: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True)
class Section:
    """A heading with text, a table and pictures below it."""

    heading: str
    text: str = ""
    table: Table | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Report:
    """A title, a summary (`lead`), sections, and closing notes on versions and settings.

    `links` are (text, address) of other pages, for reports that are served.
    """

    title: str
    lead: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def picture(figure: Figure, caption: str, *, anchor: str = "") -> Picture:
    """Render a figure at once, so that a report with hundreds holds no Figure objects."""
    return Picture(svg(figure), caption, round(2.54 * float(figure.get_figwidth()), 2), anchor)


def picks_table(
    picks: Sequence[Pick], *, anchors: Sequence[str] = (), links: Sequence[str] = (), hint: str = ""
) -> Table:
    """Make a table of picks that filters by station, phase and probability.

    Parameters
    ----------
    picks : sequence of Pick
    anchors, links : sequence of str, optional
        For each pick the `Picture.anchor`, or the address, of its waveform view, or "" if there is none.
    hint : str
        A command that draws a pick when its ID is appended; shown for picks without a view.
    """
    columns = (
        Column("Time", "UTC"),
        Column("Station", filterable=True),
        Column("Channel"),
        Column("Phase", filterable=True),
        Column("Probability", decimals=2, filterable=True),
        Column("Uncertainty", "s", decimals=2),
        Column("SNR", "dB", decimals=1),
    )
    rows = tuple(
        (
            utc(pick.time_ns),
            pick.station_id,
            pick.channel_id,
            pick.phase,
            pick.probability,
            pick.uncertainty_s,
            pick.snr_db,
        )
        for pick in picks
    )
    ids = tuple(pick.pick_id for pick in picks) if hint else ()
    return Table(columns, rows, anchors=tuple(anchors), links=tuple(links), ids=ids, hint=hint)


def within_table(found: Sequence[Found], wanted: Collection[Found] = ()) -> list[Found]:
    """Those that a table has room for, in their order: the `wanted` ones first, then the most probable."""
    order = np.lexsort(([-each.probability for each in found], [each not in wanted for each in found]))
    return [found[i] for i in np.sort(order[:MOST_ROWS])]


def detections_table(
    detections: Sequence[Detection], *, anchors: Sequence[str] = (), links: Sequence[str] = (), hint: str = ""
) -> Table:
    """Make a table of detections that filters by station, class and probability, as `picks_table`."""
    columns = (
        Column("Start", "UTC"),
        Column("Length", "s", decimals=1),
        Column("Station", filterable=True),
        Column("Channel"),
        Column("Class", filterable=True),
        Column("Probability", decimals=2, filterable=True),
    )
    rows = tuple(
        (
            utc(d.start_ns),
            (d.end_ns - d.start_ns) / NS_PER_S,
            d.station_id,
            d.channel_id,
            d.label,
            d.probability,
        )
        for d in detections
    )
    ids = tuple(d.detection_id for d in detections) if hint else ()
    return Table(columns, rows, anchors=tuple(anchors), links=tuple(links), ids=ids, hint=hint)


def rejections_section(rejections: Sequence[Rejection]) -> Section:
    """Say what was not used: stretches, seconds and an example of each reason, the commonest first."""
    if not rejections:
        return Section("Rejections and remarks", "Nothing was rejected.")
    by_reason: dict[str, list[Rejection]] = defaultdict(list)
    for rejection in rejections:
        by_reason[rejection.reason].append(rejection)
    columns = (
        Column("Reason"),
        Column("Stretches"),
        Column("Length", "s", decimals=1),
        Column("For example"),
        Column("from", "UTC"),
    )
    rows = tuple(
        (
            reason,
            len(those),
            math.fsum(each.end_ns - each.start_ns for each in those) / NS_PER_S or math.nan,  # of whole records
            those[0].trace_id,
            utc(those[0].start_ns) if those[0].end_ns else "",  # of what has no time
        )
        for reason, those in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    )
    return Section("Rejections and remarks", table=Table(columns, rows))


def utc(time_ns: int) -> str:
    """Date and time, rounded to the millisecond as written in files, which hold microseconds.

    Examples
    --------
    >>> utc(1_251_073_207_719_999_600)
    '2009-08-24 00:20:07.720'
    """
    time_us = (time_ns + 500) // 1000
    return str(np.datetime64((time_us + 500) // 1000, "ms")).replace("T", " ")
