"""Picks as the tables that other pickers write and associators read; columns exactly as theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from seisnet.formats.own_csv import csv_text
from seisnet.labels.phases import phase_class
from seisnet.picks import Pick, in_order, iso_time
from seisnet.store.files import write_each
from seisnet.waveforms.records import DAY_NS, NS_PER_S

PHASENET_RATE_HZ = 100
"""Rate of the samples that PhaseNet counts."""


def phasenet(picks: Sequence[Pick]) -> bytes:
    """PhaseNet's picks.csv.

    There are no files of 30 s here: `begin_time` is the midnight before the pick, `phase_index` counts samples of 100
    Hz from it, and `file_name` is empty.
    """
    header = ("station_id", "begin_time", "phase_index", "phase_time", "phase_score", "phase_type", "file_name")
    rows = []
    for p in in_order(picks):
        day_ns = p.time_ns // DAY_NS * DAY_NS
        index = round((p.time_ns - day_ns) * PHASENET_RATE_HZ / NS_PER_S)
        rows.append((p.trace_id, _iso(day_ns), index, _iso(p.time_ns), f"{p.probability:.3f}", _phase(p), ""))
    return _table(header, rows)


def seisbench(picks: Sequence[Pick]) -> bytes:
    """Table of SeisBench's picks; the interval of a pick is its uncertainty where that is known, else nothing."""
    rows = []
    for p in in_order(picks):
        times = (iso_time(t) for t in (p.time_ns, *p.interval_ns))
        rows.append((p.site_id, *times, f"{p.probability:.4f}", p.phase))
    return _table(("station", "time", "start_time", "end_time", "probability", "phase"), rows)


def pyocto(picks: Sequence[Pick]) -> bytes:
    """What PyOcto reads; `station` is ``NET.STA.LOC``, as in its table of stations."""
    rows = [(p.site_id, _phase(p), f"{p.time_ns / NS_PER_S:.4f}", f"{p.probability:.4f}") for p in in_order(picks)]
    return _table(("station", "phase", "time", "probability"), rows)


def gamma(picks: Sequence[Pick]) -> bytes:
    """What GaMMA reads; `id` is ``NET.STA.LOC.BAND+INSTRUMENT``.

    Amplitudes in m/s would need the instruments' responses; `amp` is empty: run GaMMA with ``use_amplitude=False``.
    """
    rows = [(p.trace_id, _iso(p.time_ns), _phase(p).lower(), f"{p.probability:.4f}", "") for p in in_order(picks)]
    return _table(("id", "timestamp", "type", "prob", "amp"), rows)


def write_real(picks: Sequence[Pick], folder: Path) -> None:
    """Write what REAL reads: a folder of ``NET.STA.P.txt`` and ``NET.STA.S.txt``, rows ``seconds weight amplitude``.

    Seconds count from the midnight before the first pick, whose date is in ``day.txt``; the weight is the probability,
    and amplitudes, which REAL uses for magnitudes alone, are 0.
    """
    folder.mkdir(exist_ok=True)
    ordered = in_order(picks)
    day_ns = ordered[0].time_ns // DAY_NS * DAY_NS if ordered else 0
    files: dict[str, list[str]] = defaultdict(list)
    for p in ordered:
        seconds = (p.time_ns - day_ns) / NS_PER_S
        files[f"{p.station_id}.{_phase(p)}.txt"].append(f"{seconds:.4f} {p.probability:.4f} 0.0\n")
    files["day.txt"] = [f"{np.datetime64(day_ns // DAY_NS, 'D')}\n"] if ordered else []
    for old in folder.glob("*.*.[PS].txt"):
        if old.name not in files:
            old.unlink()
    write_each(folder, {name: "".join(lines).encode("ascii") for name, lines in files.items()})


def _phase(pick: Pick) -> str:
    """P or S, also of Pn or Sg: these tools know no others, and some pass them over."""
    return phase_class(pick.phase) or pick.phase.upper()


def _iso(ns: int) -> str:
    return str(np.datetime64((ns + 500_000) // 1_000_000, "ms"))  # rounded, not cut off


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    return csv_text([header, *rows]).encode()
