"""Remarks on records that lack components, or whose components had other letters or rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seisnet.waveforms.channels import split_seed_id
from seisnet.waveforms.records import COMPONENTS, KEPT, Flag, Record, Rejection
from seisnet.waveforms.resampling import is_rate
from seisnet.waveforms.segments import JITTER, Segment


def remarks(used: Mapping[int, Segment], record: Record) -> tuple[Flag, ...]:
    """Flags of a record made of one segment per row; the first two mark only its start, for they are no faults."""
    rows, at_ns = sorted(used), record.start_ns
    segments = [used[row] for row in rows]
    told = (
        stand_ins([(split_seed_id(used[row].seed_id)[1], COMPONENTS[row]) for row in rows]),
        resampled([2 * s.bandwidth_hz for s in segments], record.sampling_rate_hz),
    )
    return (*(Flag(at_ns, at_ns, what) for what in told if what), *_unlike(segments, record))


def stand_ins(letters: Sequence[tuple[str, str]]) -> str:
    """Say which letters stand in for others; U, V, W are rotated.

    Examples
    --------
    >>> stand_ins([("Z", "Z"), ("1", "N"), ("2", "E")])
    '1, 2 stand in for N, E'
    """
    others = [pair for pair in letters if pair[0] != pair[1] and pair[0] not in "UVW"]
    if not others:
        return ""
    got, wanted = (", ".join(side) for side in zip(*others, strict=True))
    return f"{got} {'stands' if len(others) == 1 else 'stand'} in for {wanted}"


def resampled(recorded_hz: Sequence[float], to_hz: float) -> str:
    """Say from which rates a record is brought to another.

    Examples
    --------
    >>> resampled([62.5, 100.0], 100.0)
    'resampled from 62.5 to 100 Hz'
    """
    others = sorted({hz for hz in recorded_hz if not is_rate(hz, to_hz)})
    return f"resampled from {' and '.join(f'{hz:.7g}' for hz in others)} to {to_hz:.7g} Hz" if others else ""


def of_record(record: Record) -> list[Rejection]:
    """Remarks on a record that is used: its flags, and the components that were not recorded."""
    flags, at_ns = list(record.flags), record.start_ns
    missing = [letter for letter, there in zip(COMPONENTS, record.present, strict=True) if not there]
    if missing:
        what = f"{', '.join(missing)} {'was' if len(missing) == 1 else 'were'} not recorded"
        flags.append(Flag(at_ns, at_ns, what))
    return [Rejection(record.trace_id, flag.start_ns, flag.end_ns, KEPT + flag.what) for flag in flags]


def of_beginning(record: Record, at_ns: int) -> list[Rejection]:
    """Remarks that hold from the beginning of a record on, given at a time from which it is used."""
    told = (remark for remark in of_record(record) if remark.start_ns == record.start_ns)
    return [remark._replace(start_ns=at_ns, end_ns=at_ns) for remark in told]


def _unlike(segments: Sequence[Segment], record: Record) -> tuple[Flag, ...]:
    """A flag where components were not recorded at one rate: one of the headers may be wrong."""
    slow, fast = (extreme(segments, key=lambda s: s.bandwidth_hz) for extreme in (min, max))
    if fast.bandwidth_hz <= slow.bandwidth_hz * (1 + JITTER):
        return ()
    rates = ", ".join(f"{s.seed_id[-3:]} at {2 * s.bandwidth_hz:g} Hz" for s in (slow, fast))
    return (Flag(record.start_ns, record.end_ns, f"its components are sampled at two rates: {rates}"),)
