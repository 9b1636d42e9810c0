"""Picks and detections as ObsPy catalogues, and in the formats that ObsPy writes."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from obspy.core.event import (
    Catalog,
    Comment,
    CreationInfo,
    Event,
    EventDescription,
    QuantityError,
    ResourceIdentifier,
    WaveformStreamID,
)
from obspy.core.event import Pick as QuakeMLPick
from obspy.core.event.header import EventType
from obspy.core.utcdatetime import UTCDateTime
from obspy.core.util.base import ENTRY_POINTS

from seisnet.config import instances
from seisnet.picks import Detection, OnInstrument, Pick, in_order, iso_time
from seisnet.waveforms.records import NS_PER_S

EVENT_GAP_S = 60.0
"""QuakeML keeps picks inside events: picks closer than this in time share one."""

UNKNOWN_S = 0.1
"""Uncertainty in NonLinLoc's file of a pick whose own is not known: it weighs by the inverse."""

NLLOC_NS = 100_000
"""The last digit of seconds in NonLinLoc's file; ObsPy would round 59.99996 to 60.0000, and leave the minute."""

EVENT_TYPES = {"earthquake": "earthquake", "rockfall": "landslide", "blast": "quarry blast", "explosion": "explosion"}
"""Types that QuakeML has for classes; any other class is ``other event``, with its name as the description."""


def picks_quakeml(picks: Sequence[Pick]) -> bytes:
    """QuakeML 1.2 with automatic picks, see `picks_catalogue`."""
    return _written(picks_catalogue(picks), "QUAKEML")


def picks_sc3ml(picks: Sequence[Pick]) -> bytes:
    """SC3ML with automatic picks, which SeisComP's tools take; they belong to no origin."""
    name = "SCML" if "SCML" in ENTRY_POINTS["event_write"] else "SC3ML"  # its name since ObsPy 1.5, and before
    return _written(picks_catalogue(picks), name)


def picks_nlloc(picks: Sequence[Pick]) -> bytes:
    """NonLinLoc's phase file, all picks in one, to be cut into events by an associator."""
    full = [
        replace(
            p,
            time_ns=(p.time_ns + NLLOC_NS // 2) // NLLOC_NS * NLLOC_NS,
            uncertainty_s=UNKNOWN_S if math.isnan(p.uncertainty_s) else p.uncertainty_s,
        )
        for p in picks
    ]
    return _written(picks_catalogue(full, gap_s=math.inf), "NLLOC_OBS") if picks else b""


def _written(catalogue: Catalog, name: str) -> bytes:
    buffer = io.BytesIO()
    catalogue.write(buffer, format=name)
    return buffer.getvalue()


def picks_catalogue(picks: Sequence[Pick], *, gap_s: float = EVENT_GAP_S) -> Catalog:
    """Automatic picks; those less than a gap apart share an event.

    Resource ids are derived from the picks, so that the same picks give the same bytes.

    Raises
    ------
    ConfigError
        For what is no pick.
    """
    picks = instances("picks", picks, Pick)
    catalogue = Catalog(resource_id=_resource_id("picks"))
    catalogue.creation_info = None
    last_ns = None
    for pick in in_order(picks):
        if last_ns is None or pick.time_ns - last_ns > gap_s * NS_PER_S:
            event = Event(resource_id=_resource_id("event", str(pick.time_ns)))
            catalogue.append(event)
        event.picks.append(_quakeml_pick(pick))
        last_ns = pick.time_ns
    return catalogue


def detections_quakeml(detections: Sequence[Detection]) -> bytes:
    """QuakeML 1.2 with an event a detection: its type, its class as the description, and comments.

    There is no origin, for nothing was located; start, end, trace id and probability are comments with ids that end in
    ``start``, ``end``, ``trace`` and ``confidence``.
    """
    catalogue = Catalog(resource_id=_resource_id("detections"))
    catalogue.creation_info = None
    for d in detections:
        name = ("detection", str(d.start_ns), _full_id(d), d.label)
        texts = {
            "start": iso_time(d.start_ns),
            "end": iso_time(d.end_ns),
            "trace": d.trace_id,
            "confidence": f"{d.probability:.3f}",
            "dlmodel": d.model,
        }
        kind = EVENT_TYPES.get(d.label.lower(), d.label.lower())
        event = Event(
            resource_id=_resource_id(*name),
            event_type=kind if kind in list(EventType) else "other event",
            event_descriptions=[EventDescription(d.label)],
            comments=[Comment(text=text, resource_id=_resource_id(*name, key)) for key, text in texts.items()],
        )
        catalogue.append(event)
    return _written(catalogue, "QUAKEML")


def _quakeml_pick(pick: Pick) -> QuakeMLPick:
    name = ("pick", str(pick.time_ns), _full_id(pick), pick.phase)
    comments = [
        Comment(text=f"{pick.probability:.3f}", resource_id=_resource_id(*name, "confidence")),
        Comment(text=pick.model, resource_id=_resource_id(*name, "dlmodel")),
    ]
    known = not math.isnan(pick.uncertainty_s)
    return QuakeMLPick(
        resource_id=_resource_id(*name),
        time=UTCDateTime(ns=(pick.time_ns + 500) // 1000 * 1000),  # as `iso_time`; ObsPy rounds half to even
        time_errors=QuantityError(uncertainty=pick.uncertainty_s) if known else None,
        waveform_id=WaveformStreamID(pick.network, pick.station, pick.location, pick.channel),
        phase_hint=pick.phase,
        method_id=_resource_id("model", pick.model or "unknown"),
        evaluation_mode="automatic",
        comments=comments,
        creation_info=CreationInfo(agency_id="seisnet", author=f"seisnet {pick.model}"),
    )


def _full_id(on: OnInstrument) -> str:
    return f"{on.site_id}.{on.channel}"


def _resource_id(*parts: str) -> ResourceIdentifier:
    """Join parts to an identifier; odd characters are escaped as in URLs, but with ``~``: QuakeML allows no ``%``."""
    return ResourceIdentifier("/".join(["smi:local/seisnet", *map(_escaped, parts)]))


@functools.lru_cache(1024)  # of a pick's name most is that of others, and its comments have it, too
def _escaped(part: str) -> str:
    return quote(part, safe="()").replace("~", "%7E").replace("%", "~")
