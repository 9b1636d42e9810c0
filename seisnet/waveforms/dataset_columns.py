"""What the columns of a data set's metadata mean: start, station, event, category, split and picks of a row.

The columns are those of SeisBench and of the sets that are published in its layout; of several names for
one thing, the first that is filled is taken.

start
    ``trace_start_time``, ISO 8601 or 2011/07/04 05:23:18.25, UTC where no zone is given.
channel
    ``trace_channel``, ``station_channel_code``, ``station_channels``, ``station_instrument``.
event
    ``source_id``, ``event_id``, ``source_id_list``, ``source_origin_time``; none for noise.
category
    ``trace_category``, ``source_type``. A name with "noise" in it is noise.
split
    ``split``: train, dev (or val, valid, validation) or test.
picks
    Every ``trace_<PHASE>_arrival_sample`` that is filled: P, S, Pg, Pn, PmP, P1, ... The generic ``p`` and
    ``s`` are P and S; other names stay as written. Samples may be fractional, and may lie outside the trace; -1 says
    that there is none.
weight of a pick
    ``trace_<PHASE>_weight`` where it lies in (0, 1], times the trust in ``trace_<PHASE>_status`` and
    ``trace_<PHASE>_uncertainty_s`` (`seisnet.label_weights.label_weight`). Other weights say nothing: the layout names
    no scale, and 0 is the best on HYPO71's. A pick with the status ``rejected`` is left out.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping

import numpy as np

from seisnet.errors import DataError
from seisnet.label_weights import label_weight
from seisnet.picks import Pick, iso_ns
from seisnet.waveforms.records import BEYOND, LAST_NS, NS_PER_S, Record, Rejection, is_beyond

Row = Mapping[str, str]
"""A row of metadata; an empty field is an empty string."""

OUTSIDE = "a pick outside its trace"
"""Reason of a rejection."""

NO_PICK = -1.0
"""A sample that some data sets write where nobody picked."""

_CHANNEL = ("trace_channel", "station_channel_code", "station_channels", "station_instrument")
_EVENT = ("source_id", "event_id", "source_id_list", "source_origin_time")
_CATEGORY = ("trace_category", "source_type")
_SPLITS = {"train": "train", "dev": "dev", "val": "dev", "valid": "dev", "validation": "dev", "test": "test"}
_EMPTY = {"", "nan", "none", "null", "<na>", "nat"}


def parse_time_ns(text: str) -> int:
    """Read a time as `seisnet.picks.iso_ns` does.

    Raises
    ------
    DataError
        It is none, or one that 64 bits can't hold.
    """
    try:
        ns = iso_ns(text)
    except ValueError as error:
        raise DataError(str(error)) from None
    if is_beyond(ns, ns):
        raise DataError(f"{BEYOND}: {text}")
    return ns


def start_ns(row: Row) -> int | None:
    """Time of the first sample; None where the row gives none."""
    written = _first(row, ("trace_start_time",))
    return parse_time_ns(written) if written else None


def trace_id(row: Row) -> str:
    """``NET.STA.LOC.BAND+INSTRUMENT``."""
    return ".".join((*_station(row), _first(row, _CHANNEL)[:2]))


def category(row: Row) -> str:
    """Class of the trace in the data set's own words."""
    return _first(row, _CATEGORY)


def is_noise(row: Row) -> bool:
    """Whether the row says that no event is in the trace."""
    return "noise" in category(row).lower()


def event_id(row: Row) -> str:
    """Name that the traces of one event share; empty for noise, and where the data set names no events."""
    return "" if is_noise(row) else _first(row, _EVENT)


def split(row: Row) -> str:
    """``train``, ``dev`` or ``test``; empty where the data set has no split.

    Raises
    ------
    DataError
        The split has another name.
    """
    written = _first(row, ("split",))
    if written and written.lower() not in _SPLITS:
        raise DataError(f"split is {written!r}; train, dev and test are allowed")
    return _SPLITS[written.lower()] if written else ""


def arrivals_ns(row: Row, start_ns: int, rate_hz: float) -> dict[str, int]:
    """Time of every pick of a row, by its label; samples count from the start.

    Raises
    ------
    DataError
        A figure is not a number, or gives a time that 64 bits can't hold.
    """
    times_ns: dict[str, int] = {}
    for label in _pick_labels(tuple(row)):
        column = f"trace_{label}_arrival_sample"
        sample = _number(row, column)
        after_ns = sample * NS_PER_S / rate_hz
        if abs(start_ns + after_ns) > LAST_NS:
            raise DataError(f"{column} is {row[column]!r}: {BEYOND}")
        if not math.isnan(after_ns) and sample != NO_PICK:
            times_ns[label] = start_ns + round(after_ns)
    return times_ns


def picks(row: Row, record: Record) -> tuple[tuple[Pick, ...], tuple[Rejection, ...]]:
    """Picks of a row, sorted by time, and those that an analyst rejected.

    `record` starts at the sample that the row counts from.

    Raises
    ------
    DataError
        See `arrivals_ns`.
    """
    by_onset: dict[tuple[int, str], Pick] = {}
    rejected: list[Rejection] = []
    for label, time_ns in arrivals_ns(row, record.start_ns, record.sampling_rate_hz).items():
        if _first(row, (f"trace_{label}_status",)).lower() == "rejected":
            rejected.append(Rejection(record.trace_id, time_ns, time_ns, "a pick that an analyst rejected"))
            continue
        phase = label.upper() if label in ("p", "s") else label
        uncertainty_s = _number(row, f"trace_{label}_uncertainty_s", f"trace_{label}_arrival_uncertainty_s")
        pick = Pick(
            *_station(row),
            _first(row, _CHANNEL),
            phase=phase,
            time_ns=time_ns,
            uncertainty_s=uncertainty_s,
            snr_db=_snr_db(row),
            weight=_weight(row, label, uncertainty_s),
            event_id=event_id(row),
        )
        # Some sets hold the same pick twice, as trace_p_ and trace_P_, or trace_P_ and trace_Pg_.
        by_onset.setdefault((time_ns, phase[:1].upper()), pick)
    return tuple(by_onset[key] for key in sorted(by_onset)), tuple(rejected)


@functools.lru_cache(maxsize=64)
def _pick_labels(header: tuple[str, ...]) -> tuple[str, ...]:
    # The pattern takes P* and P'P', but no modelled times such as trace_P_predicted_arrival_sample: they are no picks.
    matches = (re.fullmatch(r"trace_([^_]+)_arrival_sample", column) for column in header)
    return tuple(match[1] for match in matches if match)


def _weight(row: Row, label: str, uncertainty_s: float) -> float:
    weight = _number(row, f"trace_{label}_weight")
    trust = label_weight(_first(row, (f"trace_{label}_status",)), uncertainty_s)
    return trust * weight if 0 < weight <= 1 else trust


def _snr_db(row: Row) -> float:
    # The mean over the components, which some sets write as "[56.8 55.4 47.4]" or "6.1|3.0|nan".
    figures = re.findall(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?", row.get("trace_snr_db", ""))
    return float(np.mean([float(figure) for figure in figures])) if figures else math.nan


def _station(row: Row) -> tuple[str, str, str]:
    location = _first(row, ("station_location_code",)).replace("--", "")
    if re.fullmatch(r"\d{1,2}\.0|\d", location):
        # As pandas writes 00 and 10 if some rows have no location, and 00 if all have one.
        location = location.removesuffix(".0").zfill(2)
    return _first(row, ("station_network_code",)), _first(row, ("station_code",)), location


def _first(row: Row, columns: tuple[str, ...]) -> str:
    texts = (row.get(column, "").strip() for column in columns)
    return next((text for text in texts if text.lower() not in _EMPTY), "")


def _number(row: Row, *columns: str) -> float:
    text = _first(row, columns)
    try:
        number = float(text or "nan")
    except ValueError:
        number = math.inf
    if math.isinf(number):
        raise DataError(f"{' or '.join(columns)} is {text!r}, not a number")
    return number
