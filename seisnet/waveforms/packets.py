"""Packets of one channel, put together again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import obspy
from numpy.typing import NDArray

from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.segments import place_after


@dataclass
class Run:
    """Packets of one channel that follow each other."""

    header: dict[str, object]
    start_ns: int
    rate_hz: float
    packets: list[NDArray[np.generic]] = field(default_factory=list)
    length: int = 0

    @property
    def seed_id(self) -> str:
        """``NET.STA.LOC.CHA``."""
        return ".".join(str(self.header[name]) for name in ("network", "station", "location", "channel"))

    @property
    def end_ns(self) -> int:
        """Time just after the last sample."""
        return self.start_ns + round(self.length * NS_PER_S / self.rate_hz)

    def follows(self, start_ns: int, rate_hz: float) -> bool:
        """Whether a packet is the next one."""
        at = place_after(self.start_ns, start_ns, self.rate_hz, self.length)
        return rate_hz == self.rate_hz and at == self.length

    def trace(self) -> obspy.Trace:
        """The packets as one trace."""
        if len(self.packets) > 1:
            self.packets = [np.concatenate(self.packets)]
        trace = obspy.Trace(self.packets[0], header=self.header)
        trace.stats.sampling_rate = self.rate_hz
        trace.stats.starttime = obspy.UTCDateTime(ns=self.start_ns)
        return trace

    def forget(self, before_ns: int) -> None:
        """Leave out samples before a time."""
        cut = min(int((before_ns - self.start_ns) * self.rate_hz / NS_PER_S), self.length)
        if cut > 0:
            self.packets = [self.trace().data[cut:].copy()]
            self.start_ns += round(cut * NS_PER_S / self.rate_hz)
            self.length -= cut
