"""Labels in every kind of catalogue that ObsPy reads: picks, and the types of events."""

from __future__ import annotations

import glob
import hashlib
import io
import math
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import obspy
from lxml import etree
from obspy.core.event import Arrival, Event, QuantityError, ResourceIdentifier, WaveformStreamID
from obspy.core.event import Pick as CatalogPick
from obspy.core.util.decorator import uncompress_file

from seisnet.errors import DataError
from seisnet.picks import ClassInterval, Pick, label_weight, named
from seisnet.waveforms.records import Rejection, is_beyond

CHECKED = ("confirmed", "reviewed", "final")
"""Evaluation status of a pick that an analyst has looked at, whoever made it."""

SEISAN_WEIGHTS = {"1": 0.75, "2": 0.5, "3": 0.25, "4": 0.0}
"""Full weight is 0 or nothing in the Nordic format; 9 is of clocks that are wrong, waveforms as much as picks."""

UNUSED = " of weight 0"
"""Of a phase: its analyst does not use the pick, so that it is no label; but it is not noise either."""

COMPONENTS_ONLY = ("NORDIC", "EVT", "HYPODDPHA", "NLLOC_HYP")
"""Formats whose shorter codes of channels end in the component, as SEISAN's ``SZ`` does, and not in the instrument."""

LEFT_OUT = re.compile(r"[^\n]*(ignored|cannot be fully processed|skipping event)")
"""What ObsPy's readers say of events and picks that they leave out."""

NLLOC_PICKS = re.compile(rb"^PHASE .*\n((?:.*\n)*?)END_PHASE", re.MULTILINE)
"""Rows of picks in a file of NonLinLoc."""

PICK_ELEMENT = re.compile(rb"<(\w+:)?pick[\s>]")
"""The start of a pick in XML, inside an event or beside it."""

UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What is random in the names that ObsPy draws."""

EVENT = "smi:local/seisnet/loose"
ORIGIN = f"{EVENT}/origin"

NO_ARRIVAL = Arrival(force_resource_id=False)


def catalogue_picks(path: Path, rejections: list[Rejection]) -> list[Pick]:
    """Read the picks of a catalogue; those that an analyst rejected, or whose event there was not, become rejections.

    An automatic pick that nobody has checked weighs half; an uncertain one weighs less. Picks that stand beside the
    events have an empty `event_id`.

    Raises
    ------
    DataError
        The file is no catalogue.
    """
    picks = []
    for event in _read_events(path, rejections):
        if event.event_type == "not existing":  # what an analyst calls a machine's false event
            told = "a pick of an event that is said not to exist"
            rejections += [_rejection(event, p, told) for p in _valid(event, rejections)]
            continue
        origins = sorted(event.origins, key=lambda origin: origin.resource_id == event.preferred_origin_id)
        arrivals = {a.pick_id: a for origin in origins for a in origin.arrivals}  # the preferred origin's come last
        for pick in _valid(event, rejections):
            uncertainty_s = _uncertainty_s(pick)
            status = "" if pick.evaluation_status in CHECKED else pick.evaluation_mode or ""
            arrival = arrivals.get(pick.resource_id, NO_ARRIVAL)
            trust = _trust(event, pick, arrival)
            picks.append(
                Pick(
                    *_codes(event, pick),
                    phase=(pick.phase_hint or arrival.phase or "") + (UNUSED if not trust else ""),
                    time_ns=pick.time.ns,
                    probability=_probability(pick),
                    uncertainty_s=uncertainty_s,
                    weight=label_weight(status, uncertainty_s) * (trust or 1.0),
                    event_id=str(event.resource_id or ""),
                )
            )
    return picks


def catalogue_intervals(path: Path, rejections: list[Rejection]) -> list[ClassInterval]:
    """Read the classes of a catalogue: an event's type, from its first to its last pick at each station.

    Raises
    ------
    DataError
        The file is no catalogue.
    """
    intervals = []
    for event in _read_events(path, rejections):
        picks = list(_valid(event, rejections))
        if not event.event_type:
            what = "an event without a type" if event.resource_id else "a pick outside any event"
            rejections += [_rejection(event, p, f"{what} has no class") for p in picks]
            continue
        times_ns: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for pick in picks:
            times_ns[_codes(event, pick)[:3]].append(pick.time.ns)
        label, event_id = str(event.event_type), str(event.resource_id)
        intervals += [
            ClassInterval(*site, "", label, min(times), max(times), event_id=event_id)
            for site, times in times_ns.items()
        ]
    return intervals


def _valid(event: Event, rejections: list[Rejection]) -> Iterator[CatalogPick]:
    for pick in event.picks:
        if pick.time is None:
            rejections.append(_rejection(event, pick, "a pick without a time"))
        elif is_beyond(pick.time.ns, pick.time.ns):  # a slip of the pen, which must not end the work on all others
            rejections.append(_rejection(event, pick, "a pick whose time lies before 1678 or after 2261"))
        elif pick.evaluation_status == "rejected":
            rejections.append(_rejection(event, pick, "a pick that an analyst rejected"))
        else:
            yield pick


def _rejection(event: Event, pick: CatalogPick, reason: str) -> Rejection:
    network, station, location, channel = _codes(event, pick)
    at_ns = 0 if pick.time is None or is_beyond(pick.time.ns, pick.time.ns) else pick.time.ns
    return Rejection(f"{network}.{station}.{location}.{channel[:2]}", at_ns, at_ns, reason)


def _trust(event: Event, pick: CatalogPick, arrival: Arrival) -> float:
    """Share of the full weight that the analyst gave a pick, where the format has such weights."""
    if getattr(event, "_format", "") in ("HYPODDPHA", "NLLOC_HYP"):  # HypoDD must use picks of negative weights
        return min(abs(float(arrival.time_weight)), 1.0)
    seisan = pick.get("extra", {}).get("nordic_pick_weight", {}).get("value")
    return SEISAN_WEIGHTS.get(str(seisan), 1.0)


def _uncertainty_s(pick: CatalogPick) -> float:
    """The uncertainty of a pick's time, or the mean of its two sides; NaN if unknown, which NonLinLoc writes as -1."""
    errors = pick.time_errors or QuantityError()  # ObsPy's reader of ISF sets none
    sides = [float(e) for e in (errors.lower_uncertainty, errors.upper_uncertainty) if e is not None]
    known = sides if errors.uncertainty is None else [float(errors.uncertainty)]
    return sum(known) / len(known) if known and min(known) >= 0 else math.nan


def _codes(event: Event, pick: CatalogPick) -> tuple[str, str, str, str]:
    """Network, station, location, and channel or instrument; empty what is not known, whatever stands for that."""
    codes = pick.waveform_id or WaveformStreamID()
    network, location = named(codes.network_code), named(codes.location_code)
    station, channel = ((code or "").strip() for code in (codes.station_code, codes.channel_code))
    file_format = getattr(event, "_format", "")
    if file_format == "GSE2":  # which names none: XX is from ObsPy's reader
        network = ""
    if file_format in COMPONENTS_ONLY and len(channel) < 3:
        channel = channel[:-1]
    return network, station, location, channel


def _probability(pick: CatalogPick) -> float:
    """What a picker said in the comment ending in ``confidence``, as `seisnet.formats.quakeml` writes it; else NaN."""
    texts = [c.text for c in pick.comments if str(c.resource_id).endswith("/confidence")]
    try:
        probability = float(texts[0] or "nan") if texts else math.nan
    except ValueError:
        return math.nan
    return probability if 0 <= probability <= 1 else math.nan


def _read_events(path: Path, rejections: list[Rejection]) -> list[Event]:
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
            loose = _loose_picks(contents, events)
        except MemoryError:
            raise
        except Exception as error:  # ObsPy's readers raise whatever they like on a file of another format
            raise DataError(f"{path}: neither a catalogue that ObsPy reads nor a .csv of labels") from error
    rejections += [Rejection("", 0, 0, f"ObsPy: {what}") for what in left_out]
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
    for event, phases in zip(events, names, strict=True):
        for pick, phase in zip(event.picks, phases, strict=True):
            pick.phase_hint = phase


def _weigh_picks(events: Sequence[Event], contents: Sequence[bytes]) -> None:
    """Give arrivals of NonLinLoc the analyst's weights, which ObsPy leaves out; 0 is of picks that must not be used."""
    blocks = (block for content in contents for block in NLLOC_PICKS.findall(content)) if events else ()
    rows = [row.split() for block in blocks for row in block.splitlines() if row.strip()]
    arrivals = [arrival for event in events for origin in event.origins for arrival in origin.arrivals]
    for arrival, row in zip(arrivals, rows, strict=True):
        arrival.time_weight = 1.0 if row[14] == b">" else float(row[14])  # the older format has none


def _loose_picks(contents: Sequence[bytes], events: Sequence[Event]) -> list[CatalogPick]:
    """Picks of QuakeML or SC3ML that belong to no event, which ObsPy leaves out."""
    read = {str(pick.resource_id) for event in events for pick in event.picks}
    if sum(len(PICK_ELEMENT.findall(content)) for content in contents) <= len(read):
        return []
    gathered = filter(None, map(_loose_picks_gathered, filter(PICK_ELEMENT.search, contents)))
    picks = [pick for content in gathered for pick in obspy.read_events(io.BytesIO(content))[-1].picks]
    return [pick for pick in picks if str(pick.resource_id) not in read]


def _contents(path: str) -> list[bytes]:
    """What a file holds; of a compressed one, or an archive of several, ObsPy's decorator puts the parts together."""
    return [Path(path).read_bytes()]


def _loose_picks_gathered(content: bytes) -> bytes:
    """QuakeML or SC3ML with one more event, which has the picks that stand beside the others; empty if it is neither.

    In SC3ML all picks stand there; those of events are named by their origins.
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
