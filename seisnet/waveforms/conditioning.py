"""obspy.Stream in, gap-free three-component records out, with a reason for whatever can't become one."""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import obspy

from seisnet.errors import ConfigError, DataError
from seisnet.waveforms.alignment import side_by_side
from seisnet.waveforms.axes import AXES, UNKNOWN_AXES, Place, axis_of, by_epoch, is_askew, place_of, rotated, unoriented
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.inventory import Response, Stations, channel_at, has_response, response_at, without_response
from seisnet.waveforms.quality import mended, untimed
from seisnet.waveforms.records import BEYOND, NS_PER_S, ROW, Flag, Record, Rejection, is_beyond, with_flags, wrong_codes
from seisnet.waveforms.remarks import remarks
from seisnet.waveforms.resampling import is_rate, resample
from seisnet.waveforms.segments import Segment, segments_of

REMEDY = "rename it, or give its orientation in station metadata (an inventory)"
"""What helps against a channel code that only numbers a channel."""

NO_CODE = (
    "no channel code, as in SEG-Y and SU files; give each trace its codes in ObsPy (trace.id = 'XX.STA..HHZ') and "
    "write miniSEED"
)
"""Reason of a rejection."""

SLOWEST = 0.1
"""Recordings slower than this share of the target rate hold too little of the band."""


def condition(
    stream: obspy.Stream,
    *,
    sampling_rate_hz: float,
    shortest_s: float,
    stations: Stations | None = None,
    response: Response | None = None,
    empty: bool = False,
) -> tuple[list[Record], list[Rejection]]:
    """Turn a stream into records.

    Traces are gathered by instrument (network, station, location, band + instrument code), split at gaps and at masked
    or non-finite samples, freed of duplicates, and resampled where the rate differs. They are cut wherever a component
    starts or ends, so that each record has the same components throughout; a segment too short to use cuts no others.
    Gaps are never filled, and nothing is filtered unless a response is removed. The order of the traces does not
    matter.

    The row of a component follows from its azimuth and dip where `stations` knows them, else from its letter
    (`seisnet.waveforms.records.ROW`). If one is neither level nor upright, all three are rotated. Records are also cut
    where, by the metadata, a component begins to point another way, or to have another response that is removed.

    Parameters
    ----------
    stream : obspy.Stream
        Any traces in any order.
    sampling_rate_hz : float
        Rate of the records.
    shortest_s : float
        Shorter records are rejected.
    stations : mapping, optional
        Station metadata, see `seisnet.waveforms.inventory`.
    response : Response, optional
        Removes the instrument's response from every segment, and the edges that this spoils.
    empty : bool
        Take the traces out of the stream, so that memory does not hold the samples twice.

    Returns
    -------
    records : list of Record
        Ordered by trace id and time.
    rejections : list of Rejection
        Every stretch that is in no record.

    Raises
    ------
    ConfigError
        `stream` is not an obspy.Stream.
    DataError
        A response is to be removed, but there are no station metadata.
    """
    if not isinstance(stream, obspy.Stream):
        remedy = f"obspy.read({str(stream)!r})" if isinstance(stream, str | Path) else "obspy.Stream([trace, ...])"
        raise ConfigError(f"waveforms: got a {type(stream).__name__}; an obspy.Stream is needed: {remedy}")
    if response and stations is None:
        raise DataError("removing the instrument response needs station metadata; name an inventory")
    wanted = _Wanted(sampling_rate_hz, shortest_s, stations or {}, response)
    rejections: list[Rejection] = []
    traces = [part for trace in stream for part in by_epoch(trace, wanted.stations)]
    askew = {split_seed_id(t.id)[0] for t in traces if is_askew(axis_of(t.id, t.stats.starttime.ns, wanted.stations))}
    instruments = _instruments(traces, wanted, askew, rejections)
    del traces
    stream.traces = [] if empty else stream.traces
    records: list[Record] = []
    for trace_id in sorted(instruments):
        rows, flags = _rows(instruments[trace_id], wanted, rejections)
        for cut, segments in side_by_side(rows, trace_id, sampling_rate_hz):
            placed = rotated(cut, segments, wanted.stations) if trace_id in askew else (cut, segments, "")
            record, used, reason = placed
            if record.n_samples < wanted.shortest:
                reason = wanted.too_short
            if reason:
                rejections.append(Rejection(trace_id, record.start_ns, record.end_ns, reason))
            else:
                seed_ids = [segment.seed_id for segment in segments.values()]
                unknown = () if stations is None else unoriented(seed_ids, record.start_ns, stations)
                records.append(with_flags(record, (*remarks(used, record), *flags, *unknown)))
    return records, list(dict.fromkeys(rejections))  # three components may say the same


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How records are to be made."""

    rate_hz: float
    shortest_s: float
    stations: Stations
    response: Response | None

    @property
    def shortest(self) -> int:
        """Samples that a record must have."""
        return max(1, round(self.shortest_s * self.rate_hz))

    @property
    def too_short(self) -> str:
        """Reason for rejecting a shorter one."""
        return f"shorter than {self.shortest_s:g} s"


def _instruments(
    traces: Iterable[obspy.Trace], wanted: _Wanted, askew: Set[str], rejections: list[Rejection]
) -> dict[str, dict[Place, list[obspy.Trace]]]:
    """Usable traces by instrument and component."""
    instruments: dict[str, dict[Place, list[obspy.Trace]]] = defaultdict(lambda: defaultdict(list))
    for trace in traces:
        stats = trace.stats
        trace_id, component = split_seed_id(trace.id)
        place = place_of(trace, component, wanted.stations, by_letter=trace_id in askew)
        reason = unusable(trace, wanted.rate_hz)
        if place is None and not stats.channel.strip():
            reason = NO_CODE
        elif place is None and (component in ROW or component.isdigit()):
            reason = f"channel code '{stats.channel}' names a channel, not a component; {REMEDY}"
        elif place is None and component in AXES:
            reason = UNKNOWN_AXES
        elif place is None:
            reason = f"channel code '{stats.channel}' names no component; known are {' '.join(ROW)}"
        elif not reason:
            if wanted.response:
                place = place._replace(response=response_at(wanted.stations, trace.id, stats.starttime.ns))
            instruments[trace_id][place].append(trace)
            continue
        rejections.append(Rejection(trace_id, stats.starttime.ns, stats.endtime.ns, reason))
    return instruments


def _rows(
    places: dict[Place, list[obspy.Trace]], wanted: _Wanted, rejections: list[Rejection]
) -> tuple[dict[int, list[Segment]], list[Flag]]:
    """Segments of each row in order of time, without overlaps, and their faults; takes the traces out of `places`."""
    rows: dict[int, list[Segment]] = defaultdict(list)
    flags: list[Flag] = []
    for place in sorted(places):
        for raw in segments_of(places.pop(place), rejections):
            native, faults = mended(raw, place.component)
            segment, reason = _ready(native, place, wanted)
            if not reason and _taken(rows[place.row], segment):
                reason = f"component {place.component}, sampled at {native.rate_hz:g} Hz: another already has its place"
            if reason:
                rejections.append(native.rejected(reason))
                continue
            if wanted.response:
                rejections += _blind(native, wanted.response)
            bisect.insort(rows[place.row], segment, key=lambda s: s.start_ns)
            flags += [*faults, *untimed(native, place.component)]
    return rows, flags


def to_rate(record: Record, sampling_rate_hz: float, *, symmetric: bool = False) -> Record:
    """Bring a record to a sampling rate, see `resample`; one that already has it is returned as it is."""
    if is_rate(record.sampling_rate_hz, sampling_rate_hz):
        return replace(record, sampling_rate_hz=sampling_rate_hz)
    rows = [
        resample(
            row.astype(np.float64), record.start_ns, record.sampling_rate_hz, sampling_rate_hz, symmetric=symmetric
        )
        for row in record.data
    ]
    return replace(
        record,
        data=np.stack([samples for samples, _ in rows]).astype(np.float32),
        start_ns=rows[0][1],
        sampling_rate_hz=sampling_rate_hz,
        bandwidth_hz=min(record.bandwidth_hz, sampling_rate_hz / 2),
    )


def unusable(trace: obspy.Trace, target_hz: float) -> str:
    """Why a trace can become no record at a sampling rate; empty for one that can."""
    stats = trace.stats
    if stats.npts == 0:
        return "no samples"
    if not target_hz * SLOWEST <= stats.sampling_rate < math.inf:  # also NaN
        return f"sampled at {stats.sampling_rate:g} Hz; {target_hz * SLOWEST:g} Hz is the minimum for {target_hz:g} Hz"
    if is_beyond(stats.starttime.ns, stats.endtime.ns):
        return BEYOND
    if wrong := wrong_codes(trace.id):
        return wrong
    if not np.issubdtype(trace.data.dtype, np.number) or np.iscomplexobj(trace.data):
        return f"samples of type {trace.data.dtype}"
    return "every sample is masked" if np.ma.is_masked(trace.data) and trace.data.mask.all() else ""


def _ready(native: Segment, place: Place, wanted: _Wanted) -> tuple[Segment, str]:
    """A segment made ready for a record, or the reason why that is impossible."""
    segment = native if place.sign > 0 else replace(native, samples=-native.samples.astype(np.float64))
    if wanted.response:
        segment = replace(segment, samples=segment.samples.astype(np.float64))
        channel = channel_at(wanted.stations, native.seed_id, native.start_ns, knows=has_response)
        if channel is None:
            return native, f"{native.seed_id}: not in the station metadata at that time"
        try:
            segment = without_response(segment, channel, wanted.response)
        except DataError as error:
            return native, f"{native.seed_id}: {error}"
        if not len(segment.samples):
            lost_s = 2 * wanted.response.blind_s
            return native, f"shorter than the {lost_s:g} s that are lost when the response is removed"
    samples, start_ns = segment.samples, segment.start_ns
    if not is_rate(segment.rate_hz, wanted.rate_hz):  # else samples are untouched, their time included
        samples, start_ns = resample(samples.astype(np.float64), start_ns, segment.rate_hz, wanted.rate_hz)
    segment = replace(segment, samples=samples, start_ns=start_ns, rate_hz=wanted.rate_hz)
    return segment, wanted.too_short if len(segment.samples) < wanted.shortest else ""


def _blind(native: Segment, response: Response) -> list[Rejection]:
    """Rejections of the edges that are lost when the response is removed."""
    edge_ns = round(response.blind_s * NS_PER_S)
    reason = f"the first or last {response.blind_s:.3g} s of a segment, lost when the response is removed"
    whole = native.rejected(reason)
    return [whole._replace(end_ns=whole.start_ns + edge_ns), whole._replace(start_ns=whole.end_ns - edge_ns)]


def _taken(row: list[Segment], segment: Segment) -> bool:
    """Whether a row, in order of time and without overlaps, already holds samples at the time of a segment."""
    half_ns = round(NS_PER_S / segment.rate_hz / 2)  # less than half a sample of overlap is rounding
    i = bisect.bisect(row, segment.start_ns, key=lambda s: s.start_ns)
    beside = row[max(i - 1, 0) : i + 1]
    return any(s.start_ns + half_ns < segment.end_ns and segment.start_ns + half_ns < s.end_ns for s in beside)
