"""Events of every catalogue that ObsPy reads, and the picks that belong to none, which ObsPy leaves out."""

from __future__ import annotations

import glob
import io
import re
import warnings
from pathlib import Path

import obspy
from lxml import etree
from obspy.core.event import Event
from obspy.core.util.decorator import uncompress_file

from seisnet.errors import DataError

PICK_ELEMENT = re.compile(rb"<(\w+:)?pick[\s>]")
"""A pick in XML, in whatever place."""

EVENT = "smi:local/seisnet/loose"
ORIGIN = f"{EVENT}/origin"


def read_events(path: Path) -> list[Event]:
    """Read the events of a file; picks that stand beside them make a last one, which has no `resource_id`.

    Raises
    ------
    DataError
        If the file is no catalogue.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ObsPy's readers, on fields that are not read here
        try:
            events = list(obspy.read_events(glob.escape(str(path))))
            named = {str(pick.resource_id) for event in events for pick in event.picks}
            contents = uncompress_file(_contents)(str(path))
            if sum(len(PICK_ELEMENT.findall(content)) for content in contents) > len(named):
                more = filter(None, map(_with_an_event_more, filter(PICK_ELEMENT.search, contents)))
                picks = [pick for each in more for pick in obspy.read_events(io.BytesIO(each))[-1].picks]
                beside = [pick for pick in picks if str(pick.resource_id) not in named]
                events += [Event(force_resource_id=False, picks=beside)] if beside else []
        except Exception as error:  # ObsPy's readers raise whatever they like on a file of another format
            raise DataError(f"{path}: neither a catalogue that ObsPy reads nor a .csv of labels") from error
    return events


def _contents(path: str) -> list[bytes]:
    """What a file holds; of a compressed one, or an archive of several, ObsPy's decorator puts the parts together."""
    return [Path(path).read_bytes()]


def _with_an_event_more(content: bytes) -> bytes:
    """QuakeML or SC3ML with a last event, which has the picks that stand beside the others; nothing if it is neither.

    In SC3ML all picks stand there, and origins name those of events.
    """
    root = etree.fromstring(content)
    for parameters in root:
        space, _, name = str(parameters.tag).rpartition("}")
        space += "}" if space else ""
        picks = parameters.findall(f"{space}pick")
        if name == "eventParameters":
            event = etree.SubElement(parameters, f"{space}event", publicID=EVENT)
            event.extend(picks)  # which moves them
        elif name == "EventParameters":
            event = etree.SubElement(parameters, f"{space}event", publicID=EVENT)
            etree.SubElement(event, f"{space}originReference").text = ORIGIN
            origin = etree.SubElement(parameters, f"{space}origin", publicID=ORIGIN)
            for pick in picks:
                arrival = etree.SubElement(origin, f"{space}arrival")
                etree.SubElement(arrival, f"{space}pickID").text = pick.get("publicID")
        else:
            continue
        moved: bytes = etree.tostring(root)
        return moved
    return b""
