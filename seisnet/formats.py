"""Picks out and in again: CSV and QuakeML; probabilities as ObsPy traces."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import obspy
from obspy.core.event import Catalog, Comment, CreationInfo, Event, QuantityError, ResourceIdentifier, WaveformStreamID
from obspy.core.event import Pick as QuakeMLPick

from seisnet.errors import ConfigError, DataError
from seisnet.labels import read_labels, time_ns
from seisnet.picks import Pick, in_order
from seisnet.scan import Probabilities
from seisnet.store.hdf5 import replacing
from seisnet.waveforms.records import NS_PER_S

CSV_COLUMNS = (
    "network",
    "station",
    "location",
    "channel",
    "phase",
    "time",
    "probability",
    "uncertainty_s",
    "snr_db",
    "model",
    "threshold",
)

EVENT_GAP_S = 60.0
"""QuakeML keeps picks inside events: picks closer than this in time share one."""


def write_picks(picks: Sequence[Pick], path: Path, file_format: str) -> None:
    """Write picks in a named format, whole or not at all; also when there are none.

    Raises
    ------
    ConfigError
        For an unknown format.
    """
    if file_format == "csv":
        content = picks_csv(picks).encode()
    elif file_format == "quakeml":
        content = picks_quakeml(picks)
    else:
        raise ConfigError(f"format '{file_format}' is not known; known are csv and quakeml")
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def picks_csv(picks: Sequence[Pick]) -> str:
    """CSV with a header, sorted by time, trace id and phase; figures that are not known are empty."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for pick in in_order(picks):
        writer.writerow(
            [
                pick.network,
                pick.station,
                pick.location,
                pick.channel,
                pick.phase,
                iso_time(pick.time_ns),
                _figure(pick.probability, 4),
                _figure(pick.uncertainty_s, 3),
                _figure(pick.snr_db, 1),
                pick.model,
                _figure(pick.threshold, 4),
            ]
        )
    return lines.getvalue()


def read_picks_csv(path: Path) -> list[Pick]:
    """Read picks that `write_picks` wrote as CSV.

    Raises
    ------
    DataError
        If the file is missing or its columns are others.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != CSV_COLUMNS:
                raise DataError(f"{path}: not a CSV of seisnet's picks; its columns are {','.join(CSV_COLUMNS)}")
            rows = list(reader)
            if any(None in row or None in row.values() for row in rows):
                raise DataError(f"{path}: a row has too many or too few fields; the file is cut short or broken")
            return [
                Pick(
                    network=row["network"],
                    station=row["station"],
                    location=row["location"],
                    channel=row["channel"],
                    phase=row["phase"],
                    time_ns=time_ns(row["time"]),
                    probability=float(row["probability"] or math.nan),
                    uncertainty_s=float(row["uncertainty_s"] or math.nan),
                    snr_db=float(row["snr_db"] or math.nan),
                    model=row["model"],
                    threshold=float(row["threshold"] or math.nan),
                )
                for row in rows
            ]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: {error}") from error


def read_any_picks(path: Path, *, may_be_empty: bool = False) -> list[Pick]:
    """Read picks of seisnet's, or labels in any form that `seisnet.labels` reads.

    Raises
    ------
    DataError
        If the file is neither, or holds no picks and must.
    """
    if path.suffix.lower() == ".csv" and path.is_file():
        with path.open("rb") as file:
            header = file.readline().removeprefix(codecs.BOM_UTF8).strip()
        if header == ",".join(CSV_COLUMNS).encode():
            picks = read_picks_csv(path)
            if not picks and not may_be_empty:
                raise DataError(f"{path}: holds no picks")
            return picks
    return read_labels([path])


def picks_quakeml(picks: Sequence[Pick]) -> bytes:
    """QuakeML 1.2 with automatic picks; picks less than a minute apart share an event.

    Resource ids are derived from the picks, so that the same picks give the same bytes.
    """
    catalogue = Catalog(resource_id=_resource_id("picks"))
    catalogue.creation_info = None
    last_ns = None
    for pick in in_order(picks):
        if last_ns is None or pick.time_ns - last_ns > EVENT_GAP_S * NS_PER_S:
            event = Event(resource_id=_resource_id("event", str(pick.time_ns)))
            catalogue.append(event)
        event.picks.append(_quakeml_pick(pick))
        last_ns = pick.time_ns
    buffer = io.BytesIO()
    catalogue.write(buffer, format="QUAKEML")
    return buffer.getvalue()


def _quakeml_pick(pick: Pick) -> QuakeMLPick:
    name = ("pick", str(pick.time_ns), pick.trace_id, pick.phase)
    comments = [
        Comment(text=f"{pick.probability:.3f}", resource_id=_resource_id(*name, "confidence")),
        Comment(text=pick.model, resource_id=_resource_id(*name, "dlmodel")),
    ]
    known = not math.isnan(pick.uncertainty_s)
    return QuakeMLPick(
        resource_id=_resource_id(*name),
        time=obspy.UTCDateTime(ns=pick.time_ns),
        time_errors=QuantityError(uncertainty=pick.uncertainty_s) if known else None,
        waveform_id=WaveformStreamID(pick.network, pick.station, pick.location, pick.channel),
        phase_hint=pick.phase,
        method_id=_resource_id("model", pick.model or "unknown"),
        evaluation_mode="automatic",
        comments=comments,
        creation_info=CreationInfo(agency_id="seisnet", author=f"seisnet {pick.model}"),
    )


def _resource_id(*parts: str) -> ResourceIdentifier:
    """Join parts to an identifier, with only such characters as QuakeML allows."""
    return ResourceIdentifier("/".join(["smi:local/seisnet", *(re.sub(r"[^A-Za-z0-9.()-]", "_", p) for p in parts)]))


def iso_time(ns: int) -> str:
    """ISO 8601 in UTC with microseconds.

    Examples
    --------
    >>> iso_time(1_251_073_207_700_000_000)
    '2009-08-24T00:20:07.700000Z'
    """
    return str(np.datetime_as_string(np.datetime64(ns, "ns"), unit="us")) + "Z"


def probability_stream(traces: Sequence[Probabilities], model_name: str) -> obspy.Stream:
    """One trace a class and record, channel ``<model>_<class>``, in the order of records."""
    stream = obspy.Stream()
    for found in traces:
        network, station, location, _ = found.trace_id.split(".")
        for name, values in zip(found.classes, found.values, strict=True):
            header = {
                "network": network,
                "station": station,
                "location": location,
                "channel": f"{model_name}_{name}",
                "starttime": obspy.UTCDateTime(ns=found.start_ns),
                "delta": found.hop_ns / NS_PER_S,
            }
            stream.append(obspy.Trace(values.copy(), header=header))
    return stream


def _figure(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"
