"""Checks of picks against each other: picks at other stations, and P before S."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seisnet.config import PickConfig
from seisnet.picks import Pick, in_order
from seisnet.waveforms.records import NS_PER_S


def accepted(picks: Sequence[Pick], config: PickConfig) -> list[Pick]:
    """Picks that pass what the config asks for, in order of time; by default all."""
    kept = in_order(picks)
    if config.p_before_s:
        kept = s_after_p(kept, config.p_before_s)
    if config.coincidence > 1:
        kept = coincident(kept, config.coincidence, config.coincidence_s)
    return kept


def s_after_p(picks: Sequence[Pick], longest_s: float) -> list[Pick]:
    """Leave out S picks without a P pick on the same instrument at most some time before; picks are in order."""
    last_p_ns: dict[str, int] = {}
    kept = []
    for pick in picks:
        if pick.phase == "P":
            last_p_ns[pick.trace_id] = pick.time_ns
        since_ns = pick.time_ns - last_p_ns.get(pick.trace_id, -(2**62))
        if pick.phase != "S" or since_ns <= longest_s * NS_PER_S:
            kept.append(pick)
    return kept


def coincident(picks: Sequence[Pick], n_stations: int, within_s: float) -> list[Pick]:
    """Picks, of whatever phase, in a stretch of time with picks at enough stations; picks are in order.

    Choose the time that the slowest phase takes to cross the network: for 60 km and S waves at 3.5 km/s, 17 s.
    """
    within_ns = round(within_s * NS_PER_S)
    count: Counter[str] = Counter()
    kept = [False] * len(picks)
    first, marked = 0, 0
    for last, pick in enumerate(picks):
        count[pick.station_id] += 1
        while pick.time_ns - picks[first].time_ns > within_ns:
            station = picks[first].station_id
            count[station] -= 1
            if not count[station]:
                del count[station]
            first += 1
        if len(count) >= n_stations:
            for i in range(max(first, marked), last + 1):
                kept[i] = True
            marked = last + 1
    return [pick for pick, stays in zip(picks, kept, strict=True) if stays]
