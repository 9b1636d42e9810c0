"""Figures of seismograms with probability traces, picks and detections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import obspy

from seisnet import plots
from seisnet.classification.views import View, joined
from seisnet.errors import ConfigError, NothingUsableError
from seisnet.labels.matching import LabelMatcher
from seisnet.model import Model
from seisnet.picking.detector import reaching
from seisnet.picks import Detection, Pick
from seisnet.plots import Figure
from seisnet.waveforms.inventory import UNITS, Metadata
from seisnet.waveforms.records import letters_of, reasons


def plot_waveforms(
    model: Model,
    stream: obspy.Stream,
    picks: Sequence[Pick] | None = None,
    *,
    trace_id: str = "",
    inventory: Metadata = None,
) -> Figure:
    """Draw what a model sees in the stream of one instrument: seismograms, probability traces, picks or detections.

    Parameters
    ----------
    model : Model
    stream : obspy.Stream
        It is not changed; `obspy.Stream.slice` cuts what is long.
    picks : sequence of Pick, optional
        Drawn in place of what the model finds: an analyst's, for instance. Those of other stations and times are left
        out.
    trace_id : str
        Instrument, ``NET.STA.LOC.BAND+INSTRUMENT``; needed if the stream has several.
    inventory : obspy.Inventory or one or several files, optional
        As for `Model.classify`.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it; ``figure.savefig("picks.png")`` keeps it.

    Raises
    ------
    ConfigError
        If the stream has other instruments, or several and none is named.
    NothingUsableError
        If nothing of it can be used; the message says why.

    Examples
    --------
    >>> plot_waveforms(seisnet.load_model("phase"), obspy.read()).savefig("picks.png")  # doctest: +SKIP
    """
    records, rejections = model.records(stream, inventory)
    if not records:
        raise NothingUsableError(f"nothing can be drawn: {reasons(rejections) or 'the stream holds no waveforms'}")
    there = sorted({record.trace_id for record in records})
    if trace_id not in there and (trace_id or len(there) > 1):
        got = f"no {trace_id}" if trace_id else "several instruments"
        raise ConfigError(f"trace_id: the stream has {got}; choose one of {', '.join(there)}")
    records = [record for record in records if record.trace_id == (trace_id or there[0])]
    found = [model.follow(record).add(record.data, last=True) for record in records]
    detections: Sequence[Detection] = ()
    if picks is None:
        detections = reaching(d for part in found for d in part.detections)
        picks = [pick for part in found for pick in part.picks]
    else:
        matcher = LabelMatcher(picks)
        picks = [pick for record in records for pick in matcher.match(record)]
    view = View(
        data=joined(records),
        start_ns=records[0].start_ns,
        sampling_rate_hz=records[0].sampling_rate_hz,
        probabilities=np.concatenate([part.probabilities.values for part in found], axis=1),
        times_ns=np.concatenate([part.probabilities.times_ns for part in found]),
        picks=tuple(picks),
        trace_id=records[0].trace_id,
        detections=tuple(detections),
    )
    return waveform_figure(view, model)


def waveform_figure(view: View, model: Model | None) -> Figure:
    """Seismograms, probability traces and what was found in a stretch read for a model; without one, no traces."""
    recorded = [plots.varies(row) for row in view.data]
    recorded = recorded if any(recorded) else [True] * len(recorded)
    known = view.probabilities.size > 0
    return plots.waveform_view(
        view.data[recorded],
        view.start_ns,
        view.sampling_rate_hz,
        components=letters_of(recorded),
        probabilities=view.probabilities if known else None,
        probability_times_ns=view.times_ns if known else None,
        classes=model.classes if model else (),
        picks=view.picks,
        detections=view.detections,
        title=view.trace_id,
        unit=UNITS[model.preprocess.response] if model else "",
    )
