"""Picks data packet by packet: the same picks as for the whole recording, each as soon as it is final.

Packets of an instrument are gathered until all its components have arrived, conditioned a step at a time together with
what lies just before, and followed (`seisnet.picking.follower`). With `phase`, a pick is mostly given some 17 s after
its onset was recorded: half a window, the windows that are computed together (3.6 s), the reach of the second stage
(10.6 s), the end of the run of high probability (30 s at most), how far picks may move and how close they may be
(1.6 s), and one step. Weak picks wait another 40 s for more probable ones (`seisnet.picking.rivals`), and later picks
wait with them. A component that falls behind the others by more than `patience_s` is no longer waited for.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np
import obspy

from seisnet.config import PickConfig, PreprocessConfig
from seisnet.config.checks import between, coerced
from seisnet.errors import ConfigError
from seisnet.overlaps import merged
from seisnet.picking.detector import reaching
from seisnet.picking.follower import Follower, Found
from seisnet.picks import Detection, Pick, in_order
from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.conditioning import unusable
from seisnet.waveforms.inventory import Metadata, Stations, edges_ns, response_of, stations_of
from seisnet.waveforms.packets import Run
from seisnet.waveforms.records import NS_PER_S, ROUNDING, Record, Rejection, first_at, ns_to_sample, sample_to_ns
from seisnet.waveforms.remarks import of_beginning
from seisnet.waveforms.resampling import AHEAD, BEHIND
from seisnet.waveforms.segments import AT_ONCE, JITTER, Segment, alike, finite_runs
from seisnet.waveforms.spikes import REACH

AFTER_ALL_NS = 2**63
"""Later than any sample."""


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
        How much new data is waited for before it is looked at.
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
        self.detections: list[Detection] = []
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

    def add(self, packet: obspy.Trace | obspy.Stream) -> list[Pick]:
        """Take a trace or a stream, down to one sample, and give the picks that have become settled."""
        if not isinstance(packet, obspy.Trace | obspy.Stream):
            raise ConfigError(f"packet: got a {type(packet).__name__}; an obspy.Trace or obspy.Stream is needed")
        if self._ended:
            raise ConfigError("the stream is finished and takes no more packets; start another with model.stream()")
        picks: list[Pick] = []
        for trace in [packet] if isinstance(packet, obspy.Trace) else packet:
            trace_id, component = split_seed_id(trace.id)
            if trace_id not in self._instruments:
                made = _Instrument(trace_id, self._model, self._config, self._stations, self.rejections)
                self._instruments[trace_id] = made
            line = self._instruments[trace_id]
            line.take(trace, component)
            picks += self._kept(line.advance(line.complete_ns(self._patience_ns), self._step_ns))
        return in_order(picks)

    def finish(self) -> list[Pick]:
        """Give all that is left; nothing may be added afterwards."""
        self._ended = True
        found = [part for line in self._instruments.values() for part in line.advance(AFTER_ALL_NS, 0)]
        return in_order(self._kept(found))

    def _kept(self, found: list[Found]) -> list[Pick]:
        for part in found:
            self.detections += reaching(part.detections)
        return [pick for part in found for pick in part.picks]


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
        self._runs: dict[str, list[Run]] = defaultdict(list)  # by component
        self._ends: dict[str, int] = {}
        self._first_ns, self._newest_ns = AFTER_ALL_NS, -AFTER_ALL_NS  # starts of packets
        self._gaps_ns: list[tuple[int, int]] = []  # the latest in which no component has samples
        self._done_ns, self._late_ns, self._edge_ns = -AFTER_ALL_NS, -AFTER_ALL_NS, 0
        self._head: Record | None = None
        self._follower: Follower | None = None
        self._length = 0  # samples of the record that were followed
        self._last = np.zeros((3, 0), dtype=np.float32)

    def take(self, trace: obspy.Trace, component: str) -> None:
        """Put a packet behind those of its channel."""
        stats = trace.stats
        reason = unusable(trace, self._model.preprocess.sampling_rate_hz)
        if not reason and stats.endtime.ns < self._late_ns:
            reason = "packet came too late"
            # The component is back: what follows is waited for again.
            self._ends[component] = max(self._ends.get(component, stats.endtime.ns), stats.endtime.ns)
        if reason:
            self._rejections.append(Rejection(self._trace_id, stats.starttime.ns, stats.endtime.ns, reason))
            return
        # Records end at samples that can't be used, too, and packets are known to end there only if they are cut.
        for piece in finite_runs(trace, self._trace_id, self._rejections):
            self._append(piece, component, stats)

    def _append(self, piece: Segment, component: str, stats: obspy.core.Stats) -> None:
        runs, start_ns = self._runs[component], piece.start_ns
        if not (runs and runs[-1].follows(start_ns, piece.rate_hz)):
            codes = {name: stats[name] for name in ("network", "station", "location", "channel")}
            runs.append(Run(codes, start_ns, piece.rate_hz))
            newest_end_ns = max(self._ends.values(), default=start_ns)
            if start_ns > newest_end_ns:
                self._gaps_ns.append((newest_end_ns, start_ns))
        runs[-1].packets.append(piece.samples.copy())  # whoever gave it may fill it anew, or detrend it
        runs[-1].length += len(piece.samples)
        self._first_ns, self._newest_ns = min(self._first_ns, start_ns), max(self._newest_ns, start_ns)
        self._ends[component] = max(self._ends.get(component, start_ns), runs[-1].end_ns)

    def complete_ns(self, patience_ns: int) -> int:
        """Time up to which everything that is waited for has arrived."""
        if len(self._ends) < 3 and self._newest_ns - self._first_ns < patience_ns:
            return -AFTER_ALL_NS
        least_ns = self._newest_ns - patience_ns
        for before_ns, after_ns in reversed(self._gaps_ns):  # of all components, no lag of those that had kept up
            if after_ns >= least_ns:
                least_ns -= after_ns - before_ns
        self._gaps_ns = [gap for gap in self._gaps_ns if gap[1] >= least_ns]
        in_time = [end for end in self._ends.values() if end >= least_ns]
        complete = min(in_time, default=-AFTER_ALL_NS)
        config, rates = self._model.preprocess, {run.rate_hz for runs in self._runs.values() for run in runs}
        slowest_hz = min(*rates, config.sampling_rate_hz)
        # Resampling may cost a sample at either end, and can't give the last ones yet; spikes are known later, too.
        final = self._final_ns(complete, round((config.window_s + 1.5 / slowest_hz) * NS_PER_S))
        edge_s = REACH / min(rates) + (0.0 if rates == {config.sampling_rate_hz} else (AHEAD + 4) / slowest_hz)
        self._edge_ns = round(edge_s * NS_PER_S)
        return final - self._edge_ns

    def _final_ns(self, complete_ns: int, shortest_ns: int) -> int:
        """Time before which no stretch that is still shorter than a window can become long enough.

        Records begin and end where a component does, except for stretches of a component that are too short.
        """
        edges, growing = set[int](), set[int]()
        for runs in self._runs.values():
            turns = sorted(edges_ns(self._stations or {}, runs[-1].seed_id))
            for of_rate in alike(runs):
                # Packets that overlap are runs of their own, and so are those whose rates jitter or whose clock drifts.
                little_ns = round(AT_ONCE * NS_PER_S / of_rate[0].rate_hz)
                spans = ((run.start_ns, run.end_ns - little_ns) for run in of_rate)
                for first_ns, so_far_ns in merged(spans):
                    last_ns = so_far_ns + little_ns
                    # A record is cut where a component turns.
                    cuts = [first_ns, *(turn for turn in turns if first_ns < turn < last_ns), last_ns]
                    for start_ns, end_ns in pairwise(cuts):
                        if end_ns - start_ns >= shortest_ns:
                            edges |= {start_ns, end_ns}
                        elif end_ns >= complete_ns:
                            growing.add(start_ns)
        complete_ns = min([complete_ns, *growing])  # which may turn out to be none
        return max((edge for edge in edges if complete_ns - shortest_ns < edge < complete_ns), default=complete_ns)

    def advance(self, until_ns: int, step_ns: int) -> list[Found]:
        """Follow the records up to a time, if that is a step on."""
        if until_ns - max(self._done_ns, self._first_ns) < step_ns or not self._runs:
            return []
        stream = obspy.Stream([run.trace() for runs in self._runs.values() for run in runs if run.length])
        records, rejections = self._model.records(stream, self._stations)
        # A component's sample may lie a little before the other's at which all have arrived.
        little_ns = round(ROUNDING * NS_PER_S / self._model.preprocess.sampling_rate_hz)
        self._rejections += [r for r in rejections if self._done_ns <= r.start_ns + little_ns < until_ns]
        found = [part for record in records for part in self._follow(record, until_ns)]
        if until_ns == AFTER_ALL_NS:
            found += self._close()
        self._done_ns, self._late_ns = until_ns, until_ns + self._edge_ns
        config = self._model.preprocess
        slowest_hz = min(run.rate_hz for runs in self._runs.values() for run in runs)
        keep_s = config.window_s + 1.0 + (BEHIND + 8) / min(slowest_hz, config.sampling_rate_hz)
        for component, runs in self._runs.items():
            for run in runs:
                run.forget(until_ns - round(keep_s * NS_PER_S))
            self._runs[component] = [r for r in runs[:-1] if r.length] + runs[-1:]
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
