"""Events of a catalogue as ObsPy reads them, and what its readers leave out: names, phases, weights, picks, events."""

from __future__ import annotations

import glob
import hashlib
import io
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from textwrap import shorten

import obspy
from lxml import etree
from obspy.core.event import Event, ResourceIdentifier
from obspy.core.event import Pick as CatalogPick
from obspy.core.util.decorator import uncompress_file

from seisnet.errors import DataError
from seisnet.waveforms.records import Rejection

LEFT_OUT = re.compile(r"[^\n]*(ignored|cannot be fully processed|skipping event)")
"""What ObsPy's readers say of events and picks that they leave out."""

UNKNOWN = "Unknown format"
"""The beginning of what ObsPy says of a file that none of its readers takes for its own."""

NLLOC_PICKS = re.compile(rb"^NLLOC .*?(?:^PHASE [^\n]*(.*?)^END_PHASE.*?)?^END_NLLOC", re.MULTILINE | re.DOTALL)
"""Rows of picks in an event of NonLinLoc; it has one table of them at most, or ObsPy reads none of it."""

ROWS = {
    "GSE2": re.compile(rb"^\S{1,5} +\d+\.\d+ .*\d{4}/\d\d/\d\d +\d\d:\d\d:", re.MULTILINE),
    "IMS10BULLETIN": re.compile(rb"^\S.{4} .{22}\d\d:\d\d:\d\d", re.MULTILINE),
}
"""Rows of picks in bulletins, of which ObsPy passes over some without a word: bad times, residuals of asterisks, and
all messages but the first."""

PICK_ELEMENT = re.compile(rb"<(\w+:)?pick[\s>]")
"""The start of a pick in XML, inside an event or beside it."""

AT_ONCE = 200
"""Loose picks that ObsPy is given at once: it compares each pick of SC3ML with each that an event names."""

UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What is random in the names that ObsPy draws."""

PICKLESS = "an event without picks"
"""Why an event gives no labels."""

EVENT = "smi:local/seisnet/loose"
ORIGIN = f"{EVENT}/origin"


def read_events(path: Path, rejections: list[Rejection]) -> list[Event]:
    """Read the events of a file; picks that belong to none make a last one, which has no `resource_id`."""
    with warnings.catch_warnings(record=True) as remarks:  # most are on fields that are not read here
        warnings.simplefilter("always")
        try:
            events = list(obspy.read_events(glob.escape(str(path))))
            left_out = [found[0] for remark in remarks if (found := LEFT_OUT.search(str(remark.message)))]
            contents = uncompress_file(_contents)(str(path))
            _name_alike(events, contents)
            _name_phases([event for event in events if event._format == "EVT"], contents)
            _weigh_picks([event for event in events if event._format == "NLLOC_HYP"], contents)
            left_out += _passed_over(events, contents)
            loose = _loose_picks(contents, events)
        except MemoryError:
            raise
        except Exception as error:  # ObsPy's readers raise whatever they like on a file of another format
            why = "" if str(error).startswith(UNKNOWN) else f": {shorten(str(error) or type(error).__name__, 200)}"
            raise DataError(f"{path}: neither a catalogue that ObsPy reads nor a .csv of labels{why}") from error
    rejections += [Rejection("", 0, 0, f"ObsPy: {what}") for what in left_out]
    rejections += [Rejection("", 0, 0, PICKLESS) for event in events if not event.picks]
    return [*events, Event(force_resource_id=False, picks=loose)] if loose else events


def _name_alike(events: Sequence[Event], contents: Sequence[bytes]) -> None:
    """Give events the same names whenever a file is read: ObsPy draws a random one where the format has none."""
    drawn = [(n, event) for n, event in enumerate(events) if UUID.search(str(event.resource_id).encode())]
    held = {name for content in contents for name in UUID.findall(content)} if drawn else set()
    digest = hashlib.sha256(b"".join(contents)).hexdigest()[:16] if drawn else ""
    for n, event in drawn:
        if held.isdisjoint(UUID.findall(str(event.resource_id).encode())):
            event.resource_id = ResourceIdentifier(f"smi:local/{digest}/{n}")


def _name_phases(events: Sequence[Event], contents: Sequence[bytes]) -> None:
    """Give the picks of Seismic Handler's events their phases; ObsPy has flags (L is local) as hints, not the names."""
    if not events:
        return
    names: list[list[str]] = []
    for content in contents:
        of_event: dict[str, list[str]] = defaultdict(list)
        for block in content.decode(errors="replace").split("End of Phase")[:-1]:
            lines = (line.partition(":") for line in block.splitlines())
            fields = {key.strip().lower(): value.strip() for key, _, value in lines}
            of_event[fields.get("event id", "")].append(fields.get("phase name", ""))
        names += of_event.values()
    if [len(event.picks) for event in events] == [len(phases) for phases in names]:
        for event, phases in zip(events, names, strict=True):
            for pick, phase in zip(event.picks, phases, strict=True):
                pick.phase_hint = phase


def _weigh_picks(events: Sequence[Event], contents: Sequence[bytes]) -> None:
    """Give arrivals of NonLinLoc the analyst's weights, which ObsPy leaves out; 0 is of picks that must not be used."""
    lines = (content.replace(b"\r", b"\n") for content in contents) if events else ()
    tables = chain.from_iterable(map(NLLOC_PICKS.findall, lines))
    for event, table in zip(events, tables, strict=True):
        rows = (row.split() for row in table.splitlines() if row.strip())
        for arrival, row in zip(event.origins[0].arrivals, rows, strict=True):
            arrival.time_weight = 1.0 if row[14] == b">" else float(row[14])  # the older format has none


def _passed_over(events: Sequence[Event], contents: Sequence[bytes]) -> list[str]:
    """A remark for every row of a bulletin, see `ROWS`, of which there is no pick."""
    n_lost = 0
    for name, row in ROWS.items():
        if own := [event for event in events if event._format == name]:
            n_lost += sum(len(row.findall(content)) for content in contents) - sum(len(e.picks) for e in own)
    return ["a row of a pick is passed over"] * n_lost


def _loose_picks(contents: Sequence[bytes], events: Sequence[Event]) -> list[CatalogPick]:
    """Picks of QuakeML or SC3ML that belong to no event, which ObsPy leaves out."""
    read = {str(pick.resource_id) for event in events for pick in event.picks}
    if sum(len(PICK_ELEMENT.findall(content)) for content in contents) <= len(read):
        return []
    gathered = chain.from_iterable(map(_loose_picks_gathered, filter(PICK_ELEMENT.search, contents)))
    picks = [pick for content in gathered for pick in obspy.read_events(io.BytesIO(content))[-1].picks]
    return [pick for pick in picks if str(pick.resource_id) not in read]


def _contents(path: str) -> list[bytes]:
    """What a file holds; of a compressed one, or an archive of several, ObsPy's decorator puts the parts together."""
    return [Path(path).read_bytes()]


def _loose_picks_gathered(content: bytes) -> Iterator[bytes]:
    """QuakeML or SC3ML of one event, which has up to `AT_ONCE` of the picks that stand beside the file's events.

    In SC3ML all picks stand there; those of events are named by their origins.
    """
    root = etree.fromstring(content)
    for parameters in root:
        space, _, name = str(parameters.tag).rpartition("}")
        space += "}" if space else ""
        if name not in ("eventParameters", "EventParameters"):
            continue
        picks = parameters.findall(f"{space}pick")
        for at in range(0, len(picks), AT_ONCE):
            some = picks[at : at + AT_ONCE]
            part = etree.Element(root.tag, root.attrib, root.nsmap)
            beside = etree.SubElement(part, parameters.tag, parameters.attrib, parameters.nsmap)
            event = etree.SubElement(beside, f"{space}event", publicID=EVENT)
            if name == "eventParameters":
                event.extend(some)
            else:
                beside.extend(some)
                etree.SubElement(event, f"{space}originReference").text = ORIGIN
                origin = etree.SubElement(beside, f"{space}origin", publicID=ORIGIN)
                for pick in some:
                    arrival = etree.SubElement(origin, f"{space}arrival")
                    etree.SubElement(arrival, f"{space}pickID").text = pick.get("publicID")
            moved: bytes = etree.tostring(part)
            yield moved
        return
