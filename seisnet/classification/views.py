"""Views, the stretches around what was found that are drawn or reviewed: samples, probabilities, and all in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seisnet.errors import ConfigError, DataError
from seisnet.model import Model
from seisnet.picks import Detection, Pick
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.inventory import response_of
from seisnet.waveforms.lookup import Waveforms, part
from seisnet.waveforms.records import NS_PER_S, Record, ns_to_sample, sample_to_ns

VIEW_BEFORE_S, VIEW_AFTER_S = 10.0, 30.0
"""Shown around a pick."""

VIEW_BESIDE_S = 30.0
"""Shown on either side of a detection, whose signal may lie anywhere in its first and last windows."""

LONGEST_VIEW_S = 600.0
"""Of a detection that would need more, the beginning is shown."""

MARGIN_S = 60.0
"""Read on either side of a view: a filter has settled, and probabilities are those of the continuous scan."""

FILTER_ORDER = 4

Found = TypeVar("Found", bound=Pick | Detection)


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
    detections : tuple of Detection
        Those that overlap the stretch.
    """

    data: NDArray[np.float32]
    start_ns: int
    sampling_rate_hz: float
    probabilities: NDArray[np.float32]
    times_ns: NDArray[np.int64]
    picks: tuple[Pick, ...]
    trace_id: str
    detections: tuple[Detection, ...] = ()

    @property
    def end_ns(self) -> int:
        """Behind the last sample, to which the end was rounded; a pick at the end lies before it."""
        n_samples: int = self.data.shape[1]
        return self.start_ns + round((n_samples + 1) / self.sampling_rate_hz * NS_PER_S)

    @property
    def height(self) -> float:
        """Probability of the most probable detection."""
        return max((d.probability for d in self.detections), default=0.0)

    @property
    def kind(self) -> tuple[str, ...]:
        """Instrument, and classes of the most probable detections."""
        return self.trace_id, *(d.label for d in self.detections if d.probability == self.height)


def times_ns(found: Pick | Detection) -> tuple[int, int]:
    """The first and the last time of what was found, for a pick the same."""
    return (found.start_ns, found.end_ns) if isinstance(found, Detection) else (found.time_ns, found.time_ns)


def id_of(found: Pick | Detection) -> str:
    """The ID of a pick or of a detection."""
    return found.detection_id if isinstance(found, Detection) else found.pick_id


def stretch_around(
    found: Pick | Detection, before_s: float | None = None, after_s: float | None = None
) -> tuple[int, int]:
    """First and last time that are drawn for what was found; a long detection is cut unless `after_s` is given."""
    (first_ns, last_ns), detects = times_ns(found), isinstance(found, Detection)
    before_s = before_s or (VIEW_BESIDE_S if detects else VIEW_BEFORE_S)
    if detects and not after_s:
        last_ns = min(last_ns, first_ns + round((LONGEST_VIEW_S - 2 * VIEW_BESIDE_S) * NS_PER_S))
    after_s = after_s or (VIEW_BESIDE_S if detects else VIEW_AFTER_S)
    return first_ns - round(before_s * NS_PER_S), last_ns + round(after_s * NS_PER_S)


def views_of(
    record: Record, probabilities: Probabilities, found: Sequence[Pick] | Sequence[Detection]
) -> Iterator[View]:
    """The stretches around what was found in a record, one after the other; what would share a stretch does.

    Samples and probabilities are the record's own, not copies.
    """
    first, times = 0, probabilities.times_ns
    while first < len(found):
        start_ns, end_ns = stretch_around(found[first])
        stop = first + 1
        while stop < len(found) and times_ns(found[stop])[1] <= end_ns:
            stop += 1
        low, high = max(0, ns_to_sample(record, start_ns)), ns_to_sample(record, end_ns)
        shown = slice(*np.searchsorted(times, (start_ns, end_ns + 1)))
        yield View(
            data=record.data[:, low:high],
            start_ns=sample_to_ns(record, low),
            sampling_rate_hz=record.sampling_rate_hz,
            probabilities=probabilities.values[:, shown],
            times_ns=times[shown],
            picks=tuple(p for p in found[first:stop] if isinstance(p, Pick)),
            trace_id=record.trace_id,
            detections=tuple(d for d in found[first:stop] if isinstance(d, Detection)),
        )
        first = stop


def of_its_own(view: View) -> View:
    """A view that does not keep the record in memory of which it is a part."""
    return replace(view, data=view.data.copy(), probabilities=view.probabilities.copy(), times_ns=view.times_ns.copy())


def within(found: Iterable[Found], start_ns: int, end_ns: int) -> Iterator[Found]:
    """What lies between two times, both included, be it in part."""
    for each in found:
        first_ns, last_ns = times_ns(each)
        if first_ns <= end_ns and last_ns >= start_ns:
            yield each


def find_pick(picks: Sequence[Found], pick_id: str) -> Found:
    """Look a pick, or a detection, up by its ID.

    Raises
    ------
    DataError
        If there is none of that ID; some that are there are named.
    """
    for pick in picks:
        if id_of(pick) == pick_id:
            return pick
    near = get_close_matches(pick_id, [id_of(pick) for pick in picks], n=3, cutoff=0.0)
    what = "detection" if picks and isinstance(picks[0], Detection) else "pick"
    raise DataError(f"no {what} has the ID '{pick_id}'; the nearest are {', '.join(near) or 'none'}")


def view_around(
    pick: Pick | Detection,
    waveforms: Waveforms,
    picks: Sequence[Pick | Detection],
    *,
    model: Model | None = None,
    before_s: float | None = None,
    after_s: float | None = None,
    band_hz: tuple[float, float] | None = None,
) -> View:
    """Read the stretch around a pick or a detection.

    Parameters
    ----------
    picks : sequence of Pick, or of Detection
        Of these, the view holds those of its instrument that lie in it.
    model : Model, optional
        Gives probability traces and the sampling rate, and says whether the response is removed. Without a model there
        are no traces, and the rate is the highest that was recorded there.
    before_s, after_s : float
        Length of the view on either side of the pick, see `stretch_around`.
    band_hz : (float, float), optional
        Corner frequencies of a band-pass filter, see `band_passed`.

    Returns
    -------
    View
        Its samples are NaN in gaps.

    Raises
    ------
    DataError
        If no source holds that time, nothing of it can be used, or a response is to be removed without station
        metadata.
    """
    start_ns, end_ns = stretch_around(pick, before_s, after_s)
    first_ns, last_ns = times_ns(pick)
    margin_ns = round(MARGIN_S * NS_PER_S)
    rate_hz = model.preprocess.sampling_rate_hz if model else None
    response = response_of(model.preprocess) if model else None
    waveforms.forget()
    for trace_id in waveforms.trace_ids(pick):
        records = waveforms.around(
            trace_id, start_ns - margin_ns, end_ns + margin_ns, sampling_rate_hz=rate_hz, response=response
        )
        if any(record.start_ns <= last_ns and first_ns <= record.end_ns for record in records):
            break
    else:
        raise waveforms.none_of(f"{id_of(pick)}: no waveform of that instrument and time")
    scans = [model.scan(record) for record in records] if model else []
    if band_hz is not None:
        records = [band_passed(record, band_hz) for record in records]
    records = [shown for record in records if (shown := part(record, start_ns, end_ns)).n_samples]
    times = np.concatenate([scan.times_ns for scan in scans]) if scans else np.zeros(0, dtype=np.int64)
    values = np.concatenate([scan.values for scan in scans], axis=1) if scans else np.zeros((0, 0), dtype=np.float32)
    times, once = np.unique(times, return_index=True)  # rows of a data set may overlap
    found = [each for each in within(picks, start_ns, end_ns) if trace_id in waveforms.trace_ids(each)]
    values, shown_columns = values[:, once], (times >= start_ns) & (times <= end_ns)
    return View(
        data=joined(records),
        start_ns=records[0].start_ns,
        sampling_rate_hz=records[0].sampling_rate_hz,
        probabilities=values[:, shown_columns],
        times_ns=times[shown_columns],
        picks=tuple(p for p in found if isinstance(p, Pick)),
        trace_id=trace_id,
        detections=tuple(d for d in found if isinstance(d, Detection)),
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
