"""Picks data packet by packet: the same picks as for the whole recording, each as soon as it is final.

Packets of an instrument are gathered until all its components have arrived, conditioned a step at a time together with
what lies just before, and followed (`seisnet.picking.follower`). With `phase`, a pick is mostly given some 17 s after
its onset was recorded: half a window, the windows that are computed together (3.6 s), the reach of the second stage
(10.6 s), the end of the run of high probability (30 s at most), how far picks may move and how close they may be
(1.6 s), and one step. Weak picks wait another 40 s for more probable ones (`seisnet.picking.rivals`), and later picks
wait with them. A component that falls behind the others by more than `patience_s` is no longer waited for, but as long
as its longest packet was: it may return with one that has begun already.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

import numpy as np
import obspy

from seisnet.config import PickConfig, PreprocessConfig
from seisnet.config.checks import between, coerced
from seisnet.errors import ConfigError
from seisnet.pick_lists import DetectionList, PickList
from seisnet.picking.detector import reaching
from seisnet.picking.follower import Follower, Found
from seisnet.picks import Pick, in_order
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.conditioning import unusable
from seisnet.waveforms.inventory import Metadata, Stations, response_of, stations_of
from seisnet.waveforms.packets import AFTER_ALL_NS, AHEAD_NS, BEFORE_ALL_NS, Packets, final_ns
from seisnet.waveforms.records import NS_PER_S, ROUNDING, Record, Rejection, first_at, ns_to_sample, sample_to_ns
from seisnet.waveforms.remarks import of_beginning
from seisnet.waveforms.resampling import AHEAD, BEHIND
from seisnet.waveforms.segments import AT_ONCE, JITTER, finite_runs, part
from seisnet.waveforms.spikes import REACH

LATE = "packet came too late, or again"
EARLY = "packet is dated more than ten minutes from now; see which clock is wrong"
"""Reasons of rejections."""


class Recogniser(Protocol):
    """What is needed of a model."""

    @property
    def preprocess(self) -> PreprocessConfig:
        """How waveforms are windowed."""

    def records(self, stream: obspy.Stream, inventory: Stations | None) -> tuple[list[Record], list[Rejection]]:
        """Condition a stream, with station metadata if there are any."""

    def follow(self, record: Record, config: PickConfig | None = None) -> Follower:
        """Begin to scan and pick a record."""


class Streaming:
    """Picks as packets come in; `Model.stream` makes one.

    Parameters
    ----------
    model : Recogniser
    config : PickConfig, optional
        Its tests of coincidence and of P before S are not made: they would have to wait for other picks.
    patience_s : float
        How long a component may lag behind the others of its instrument, or be missing at the start.
    step_s : float
        How much new data is waited for at least before it is looked at; until it can tell more, it is not anyway.
    inventory : obspy.Inventory or one or several files, optional
        Station metadata: components go where their azimuth and dip say.

    Attributes
    ----------
    rejections : list of Rejection
        What could not be used, packets that came too late, and remarks on what is used, but not on its faults.
    detections : list of Detection
        Where the model's task is ``class``; in the order in which they ended, and never joined across a gap.

    Raises
    ------
    ConfigError
        If a time is negative or not a number; if a packet is not a trace or stream, or comes after the end; if the
        model was trained on data without instrument response, which can only be removed from whole segments.

    Examples
    --------
    >>> streaming = model.stream()  # doctest: +SKIP
    >>> for trace in packets:  # doctest: +SKIP
    ...     for pick in streaming.add(trace):
    ...         print(pick)
    >>> rest = streaming.finish()  # doctest: +SKIP
    """

    def __init__(
        self,
        model: Recogniser,
        config: PickConfig | None = None,
        *,
        patience_s: float = 30.0,
        step_s: float = 1.0,
        inventory: Metadata = None,
    ) -> None:
        self.rejections: list[Rejection] = []
        self.detections = DetectionList()
        self._model, self._config = model, PickConfig.of(config)
        for name, value in {"patience_s": patience_s, "step_s": step_s}.items():
            between(name, coerced(name, value, float), 0.0, 1e9)
        self._patience_ns, self._step_ns = round(patience_s * NS_PER_S), round(step_s * NS_PER_S)
        if response_of(model.preprocess):
            raise ConfigError(
                f"the model was trained with response = {model.preprocess.response!r}, but a response is removed "
                "from whole segments, not packets; classify recordings, or train with response = 'none'"
            )
        self._stations = stations_of(inventory)
        self._instruments: dict[str, _Instrument] = {}
        self._ended = False

    def add(self, packet: obspy.Trace | obspy.Stream, *, now_ns: int | None = None) -> PickList:
        """Take a trace or a stream, down to one sample, and give the picks that have become settled.

        With `now_ns`, traces that end more than ten minutes later are left out.
        """
        if not isinstance(packet, obspy.Trace | obspy.Stream):
            raise ConfigError(f"packet: got a {type(packet).__name__}; an obspy.Trace or obspy.Stream is needed")
        if self._ended:
            raise ConfigError("the stream is finished and takes no more packets; start another with model.stream()")
        picks: list[Pick] = []
        for trace in [packet] if isinstance(packet, obspy.Trace) else packet:
            trace_id, component = split_seed_id(trace.id)
            if now_ns is not None and trace.stats.endtime.ns > now_ns + AHEAD_NS:
                self.rejections.append(Rejection(trace_id, trace.stats.starttime.ns, trace.stats.endtime.ns, EARLY))
                continue
            if trace_id not in self._instruments:
                made = _Instrument(trace_id, self._model, self._config, self._stations, self.rejections)
                self._instruments[trace_id] = made
            line = self._instruments[trace_id]
            line.take(trace, component)
            picks += self._kept(line.advance(self._patience_ns, self._step_ns))
        return PickList(in_order(picks))

    def finish(self) -> PickList:
        """Give all that is left; nothing may be added afterwards."""
        self._ended = True
        found = [piece for line in self._instruments.values() for piece in line.finish()]
        return PickList(in_order(self._kept(found)))

    def _kept(self, found: list[Found]) -> list[Pick]:
        for piece in found:
            self.detections += reaching(piece.detections)
        return [pick for piece in found for pick in piece.picks]


class _Instrument:
    """The packets of one instrument, and the record that is being followed."""

    def __init__(
        self,
        trace_id: str,
        model: Recogniser,
        config: PickConfig,
        stations: Stations | None,
        rejections: list[Rejection],
    ) -> None:
        self._trace_id, self._model, self._config = trace_id, model, config
        self._stations, self._rejections = stations, rejections
        self._packets = Packets()
        self._done_ns = self._late_ns = BEFORE_ALL_NS  # what was followed ends here; what can still be used begins here
        self._head: Record | None = None
        self._follower: Follower | None = None
        self._length = 0  # samples of the record that were followed
        self._last = np.zeros((3, 0), dtype=np.float32)

    def take(self, trace: obspy.Trace, component: str) -> None:
        """Keep what can be used of a packet."""
        if reason := unusable(trace, self._model.preprocess.sampling_rate_hz):
            self._reject(trace.stats.starttime.ns, trace.stats.endtime.ns, reason)
            return
        # Records end at samples that can't be used, too, and packets are known to end there only if they are cut.
        for piece in finite_runs(trace, self._rejections):
            if self._packets.hold(piece, component):  # sent again
                continue
            length = len(piece.samples)
            late = math.ceil((self._late_ns - piece.start_ns) * piece.rate_hz / NS_PER_S - AT_ONCE)
            cut = min(max(late, 0), length)
            if cut and not self._packets.hold(part(piece, 0, cut), component):
                self._reject(piece.start_ns, piece.time_ns(cut), LATE)
            self._packets.add(part(piece, cut, length), component)

    def _reject(self, start_ns: int, end_ns: int, reason: str) -> None:
        self._rejections.append(Rejection(self._trace_id, start_ns, end_ns, reason))

    def advance(self, patience_ns: int, step_ns: int) -> list[Found]:
        """Follow the records up to where they are final, if that is a step on, and tells more."""
        packets, config = self._packets, self._model.preprocess
        complete_ns, rates_hz = packets.complete_ns(patience_ns), packets.rates_hz
        next_ns = max(self._done_ns, packets.first_ns) + max(step_ns, 1)
        if self._follower:
            next_ns = max(next_ns, self._follower.due_ns + 1)
        if complete_ns < next_ns:
            return []
        slowest_hz = min(*rates_hz, config.sampling_rate_hz)
        # Resampling may cost a sample at either end, and can't give the last ones yet; spikes are known later, too.
        shortest_ns, rounding_ns = (round(s * NS_PER_S) for s in (config.window_s, 1.5 / slowest_hz))
        late_ns = final_ns(packets.segments(), complete_ns, shortest_ns, rounding_ns, self._stations or {})
        edge_s = REACH / min(rates_hz) + (0.0 if rates_hz == {config.sampling_rate_hz} else (AHEAD + 4) / slowest_hz)
        until_ns = late_ns - round(edge_s * NS_PER_S)
        if until_ns < next_ns:
            return []
        found = self._follow_until(until_ns)
        self._late_ns = late_ns
        keep_s = config.window_s + 1.0 + (BEHIND + 8) / slowest_hz
        packets.forget(until_ns - round(keep_s * NS_PER_S))
        return found

    def finish(self) -> list[Found]:
        """Follow the records to their end."""
        return [*self._follow_until(AFTER_ALL_NS), *self._close()]

    def _follow_until(self, until_ns: int) -> list[Found]:
        records, rejections = self._model.records(self._packets.stream(), self._stations)
        # A component's sample may lie a little before the other's at which all have arrived.
        little_ns = round(ROUNDING * NS_PER_S / self._model.preprocess.sampling_rate_hz)
        self._rejections += [r for r in rejections if self._done_ns <= r.start_ns + little_ns < until_ns]
        found = [piece for record in records for piece in self._follow(record, until_ns)]
        self._done_ns = until_ns
        return found

    def _follow(self, record: Record, until_ns: int) -> list[Found]:
        """Hand on the part of a record that is new and comes before a time."""
        stop = min(max(first_at(record, until_ns), 0), record.n_samples)
        found: list[Found] = []
        first = self._next(record)
        if first is None:
            first = max(first_at(record, self._done_ns), 0)
            if stop <= first:
                return []
            found += self._close()
            self._head = replace(record, data=record.data[:, :0], start_ns=sample_to_ns(record, first))
            self._rejections += of_beginning(record, self._head.start_ns)
            self._follower = self._model.follow(self._head, self._config)
            self._length, self._last = 0, np.zeros((3, 0), dtype=np.float32)
        samples = record.data[:, first:stop]
        if self._follower is None or not samples.shape[1]:
            return found
        if self._last.size and first:
            # Where a record was shifted towards zero to fit float32, go on with the offset of what was followed.
            samples = samples + (self._last - record.data[:, first - 1 : first])
        found.append(self._follower.add(samples))
        self._length += samples.shape[1]
        self._last = samples[:, -1:].copy()
        return found

    def _next(self, record: Record) -> int | None:
        """Sample at which a record continues the one that is followed; None if it is another one."""
        head = self._head
        if head is None or (record.present != head.present).any():
            return None
        if abs(record.bandwidth_hz / head.bandwidth_hz - 1) > JITTER:
            return None
        first = self._length - ns_to_sample(head, record.start_ns)
        # What has been kept lies before; a record that only begins there is one of its own in the whole, too.
        return first if 0 < first <= record.n_samples else None

    def _close(self) -> list[Found]:
        """End the record that is followed."""
        if self._follower is None:
            return []
        found = [self._follower.add(np.zeros((3, 0), dtype=np.float32), last=True)]
        self._head = self._follower = None
        return found
