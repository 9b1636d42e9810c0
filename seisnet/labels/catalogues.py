"""Labels in every kind of catalogue that ObsPy reads: picks, and the types of events."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from obspy.core.event import Arrival, Event, QuantityError, WaveformStreamID
from obspy.core.event import Pick as CatalogPick

from seisnet.label_weights import NOT_EXISTING, REFUSED, UNUSED, label_weight, pick_status
from seisnet.labels.events import read_events
from seisnet.picks import ClassInterval, Pick, named
from seisnet.waveforms.records import Rejection, is_beyond

SEISAN_WEIGHTS = {"1": 0.75, "2": 0.5, "3": 0.25, "4": 0.0}
"""Full weight is 0 or nothing in the Nordic format; 9 is of clocks that are wrong, waveforms as much as picks."""

COMPONENTS_ONLY = ("NORDIC", "EVT", "HYPODDPHA", "NLLOC_HYP")
"""Formats whose shorter codes of channels end in the component, as SEISAN's ``SZ`` does, and not in the instrument."""

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
    for event in read_events(path, rejections):
        if event.event_type == "not existing":  # what an analyst calls a machine's false event
            rejections += [_rejection(event, p, NOT_EXISTING) for p in _valid(event, rejections)]
            continue
        origins = sorted(event.origins, key=lambda origin: origin.resource_id == event.preferred_origin_id)
        arrivals = {a.pick_id: a for origin in origins for a in origin.arrivals}  # the preferred origin's come last
        for pick in _valid(event, rejections):
            uncertainty_s = _uncertainty_s(pick)
            mode = pick_status(pick.evaluation_mode or "", pick.evaluation_status or "")
            arrival = arrivals.get(pick.resource_id, NO_ARRIVAL)
            trust = _trust(event, pick, arrival)
            picks.append(
                Pick(
                    *_codes(event, pick),
                    phase=(pick.phase_hint or arrival.phase or "") + (UNUSED if not trust else ""),
                    time_ns=pick.time.ns,
                    probability=_probability(pick),
                    uncertainty_s=uncertainty_s,
                    model=_comment(pick, "dlmodel"),
                    weight=label_weight(mode, uncertainty_s) * (trust or 1.0),
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
    for event in read_events(path, rejections):
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
            rejections.append(_rejection(event, pick, "a pick without a time that ObsPy can read"))
        elif is_beyond(pick.time.ns, pick.time.ns):  # a slip of the pen, which must not end the work on all others
            rejections.append(_rejection(event, pick, "a pick whose time lies before 1678 or after 2261"))
        elif pick.evaluation_status == "rejected":
            rejections.append(_rejection(event, pick, REFUSED))
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
    """What a picker said in the comment ``confidence``; else NaN."""
    try:
        probability = float(_comment(pick, "confidence") or "nan")
    except ValueError:
        return math.nan
    return probability if 0 <= probability <= 1 else math.nan


def _comment(pick: CatalogPick, name: str) -> str:
    """The first comment whose id ends in a name, as `seisnet.formats.quakeml` writes them; else nothing."""
    texts = [comment.text for comment in pick.comments if str(comment.resource_id).endswith(f"/{name}")]
    return texts[0] or "" if texts else ""
