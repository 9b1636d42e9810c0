"""Views, the stretches around picks that are drawn or reviewed: samples, probabilities and the picks in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from seisnet.errors import ConfigError, DataError
from seisnet.model import Model
from seisnet.picks import Pick
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.inventory import response_of
from seisnet.waveforms.lookup import Waveforms, part
from seisnet.waveforms.records import NS_PER_S, Record, ns_to_sample, sample_to_ns

VIEW_BEFORE_S, VIEW_AFTER_S = 10.0, 30.0

MARGIN_S = 60.0
"""Read on either side of a view: a filter has settled, and probabilities are those of the continuous scan."""

FILTER_ORDER = 4


@dataclass(frozen=True)
class View:
    """A stretch of one record.

    Attributes
    ----------
    data : float32 (C, T)
    start_ns : int
    sampling_rate_hz : float
    probabilities : float32 (K, M)
    times_ns : int64 (M,)
    picks : tuple of Pick
    trace_id : str
    """

    data: NDArray[np.float32]
    start_ns: int
    sampling_rate_hz: float
    probabilities: NDArray[np.float32]
    times_ns: NDArray[np.int64]
    picks: tuple[Pick, ...]
    trace_id: str


def views_of(record: Record, probabilities: Probabilities, picks: Sequence[Pick]) -> Iterator[View]:
    """The stretches around the picks of a record, one after the other; picks that would share a stretch do."""
    rest = list(picks)
    while rest:
        first_ns = rest[0].time_ns - round(VIEW_BEFORE_S * NS_PER_S)
        last_ns = rest[0].time_ns + round(VIEW_AFTER_S * NS_PER_S)
        low, high = max(0, ns_to_sample(record, first_ns)), ns_to_sample(record, last_ns)
        times = probabilities.times_ns
        shown = (times >= first_ns) & (times <= last_ns)
        yield View(
            data=record.data[:, low:high].copy(),
            start_ns=sample_to_ns(record, low),
            sampling_rate_hz=record.sampling_rate_hz,
            probabilities=probabilities.values[:, shown].copy(),
            times_ns=times[shown],
            picks=tuple(p for p in rest if p.time_ns <= last_ns),
            trace_id=record.trace_id,
        )
        rest = [p for p in rest if p.time_ns > last_ns]


def spread(views: Sequence[View], most: int) -> list[View]:
    """At most so many views, in their order: the first ones of all instruments, then the second ones, and so on."""
    seen: Counter[str] = Counter()
    turns = []
    for i, view in enumerate(views):
        turns.append((seen[view.trace_id], i))
        seen[view.trace_id] += 1
    return [views[i] for i in sorted(i for _, i in sorted(turns)[:most])]


def of_picks(views: Sequence[View], picks: Collection[Pick]) -> list[View]:
    """The views that hold any of these picks, with these alone."""
    own = (replace(view, picks=tuple(p for p in view.picks if p in picks)) for view in views)
    return [view for view in own if view.picks]


def with_all_picks(views: Sequence[View], picks: Iterable[Pick]) -> list[View]:
    """Views with all picks of their instrument that lie in them, also those of other stretches and sources."""
    of: dict[str, list[Pick]] = {view.trace_id: [] for view in views}
    for pick in picks:
        if pick.trace_id in of:
            of[pick.trace_id].append(pick)
    # The end is rounded to a sample; a pick at it stays.
    ends_ns = [view.start_ns + round((view.data.shape[1] + 1) / view.sampling_rate_hz * NS_PER_S) for view in views]
    return [
        replace(view, picks=tuple(p for p in of[view.trace_id] if view.start_ns <= p.time_ns <= end_ns))
        for view, end_ns in zip(views, ends_ns, strict=True)
    ]


def find_pick(picks: Sequence[Pick], pick_id: str) -> Pick:
    """Look a pick up by its ID.

    Raises
    ------
    DataError
        If there is none of that ID; some that are there are named.
    """
    for pick in picks:
        if pick.pick_id == pick_id:
            return pick
    near = get_close_matches(pick_id, [pick.pick_id for pick in picks], n=3, cutoff=0.0)
    raise DataError(f"no pick has the ID '{pick_id}'; the nearest are {', '.join(near) or 'none'}")


def view_around(
    pick: Pick,
    waveforms: Waveforms,
    picks: Sequence[Pick],
    *,
    model: Model | None = None,
    before_s: float = VIEW_BEFORE_S,
    after_s: float = VIEW_AFTER_S,
    band_hz: tuple[float, float] | None = None,
) -> View:
    """Read the stretch around a pick.

    Parameters
    ----------
    picks : sequence of Pick
        Of these, the view holds those of its instrument that lie in it.
    model : Model, optional
        Gives probability traces and the sampling rate, and says whether the response is removed. Without a model there
        are no traces, and the rate is the highest that was recorded there.
    before_s, after_s : float
        Length of the view on either side of the pick.
    band_hz : (float, float), optional
        Corner frequencies of a band-pass filter, see `band_passed`.

    Returns
    -------
    View
        Its samples are NaN in gaps.

    Raises
    ------
    DataError
        If no source holds the pick's time, nothing of it can be used, or a response is to be removed without station
        metadata.
    """
    start_ns, end_ns = (pick.time_ns + round(s * NS_PER_S) for s in (-before_s, after_s))
    margin_ns = round(MARGIN_S * NS_PER_S)
    rate_hz = model.preprocess.sampling_rate_hz if model else None
    response = response_of(model.preprocess) if model else None
    waveforms.forget()
    for trace_id in waveforms.trace_ids(pick):
        records = waveforms.around(
            trace_id, start_ns - margin_ns, end_ns + margin_ns, sampling_rate_hz=rate_hz, response=response
        )
        if any(record.start_ns <= pick.time_ns <= record.end_ns for record in records):
            break
    else:
        raise waveforms.none_of(f"{pick.pick_id}: no waveform of that instrument and time")
    scans = [model.scan(record) for record in records] if model else []
    if band_hz is not None:
        records = [band_passed(record, band_hz) for record in records]
    records = [shown for record in records if (shown := part(record, start_ns, end_ns)).n_samples]
    times = np.concatenate([scan.times_ns for scan in scans]) if scans else np.zeros(0, dtype=np.int64)
    values = np.concatenate([scan.values for scan in scans], axis=1) if scans else np.zeros((0, 0), dtype=np.float32)
    times, once = np.unique(times, return_index=True)  # rows of a data set may overlap
    values, shown_columns = values[:, once], (times >= start_ns) & (times <= end_ns)
    return View(
        data=joined(records),
        start_ns=records[0].start_ns,
        sampling_rate_hz=records[0].sampling_rate_hz,
        probabilities=values[:, shown_columns],
        times_ns=times[shown_columns],
        picks=tuple(p for p in picks if start_ns <= p.time_ns <= end_ns and trace_id in waveforms.trace_ids(p)),
        trace_id=trace_id,
    )


def joined(records: Sequence[Record]) -> NDArray[np.float32]:
    """Samples (C, T) of records of one instrument and rate from the first to the last, NaN in the gaps between them.

    A component that a record lacks is NaN there too, unless no record has it: then it is zero, as in a record.
    """
    first, end_ns = records[0], max(record.end_ns for record in records)  # that of a row may lie in another
    n = ns_to_sample(first, end_ns) + 1
    data = np.full((len(first.data), n), np.nan, dtype=np.float32)
    for record in records:
        at = ns_to_sample(first, record.start_ns)
        stop = min(at + record.n_samples, n)
        data[record.present, at:stop] = record.data[record.present, : stop - at]
    data[~np.any([record.present for record in records], axis=0)] = 0
    return data


def band_passed(record: Record, band_hz: tuple[float, float]) -> Record:
    """Filter a record with a Butterworth band-pass of fourth order that runs forwards only.

    Running one way delays an onset by a little but never makes it early, as a zero-phase filter does.

    Raises
    ------
    ConfigError
        If the corners are not in order between 0 and the Nyquist frequency.
    """
    from scipy.signal import butter, sosfilt  # which takes long to import

    low, high = band_hz
    nyquist_hz = record.sampling_rate_hz / 2
    if not 0 < low < high < nyquist_hz:
        raise ConfigError(
            f"{record.trace_id}: band {low:g} to {high:g} Hz; corners must rise and lie between 0 and the Nyquist "
            f"frequency, {nyquist_hz:g} Hz"
        )
    sos = butter(FILTER_ORDER, band_hz, btype="bandpass", output="sos", fs=record.sampling_rate_hz)
    filtered = sosfilt(sos, record.data - record.data[:, :1], axis=1).astype(np.float32)
    return replace(record, data=filtered)
