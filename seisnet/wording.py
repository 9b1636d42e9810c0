"""Numbers, names and lengths of time in the messages that users read, and the type of what takes a message."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

Say = Callable[[str], None]
"""Called with messages to the user, each a line."""


def silent(_: str) -> None:
    """Take messages that nobody wants to hear."""


def counted(n: int, one: str, many: str = "") -> str:
    """A number and what it counts; the plural of `one` takes an s unless `many` gives it.

    Examples
    --------
    >>> counted(1, "station"), counted(2, "station"), counted(0, "stretch", "stretches")
    ('1 station', '2 stations', '0 stretches')
    """
    return f"{n} {one if n == 1 else many or one + 's'}"


def quoted(path: Path) -> str:
    """A file or folder as an argument of a command that is shown; of Windows' shells, cmd knows only double quotes."""
    name, safe = str(path), shlex.quote(str(path))
    return f'"{name}"' if sys.platform == "win32" and name != safe else safe


def divided_by(split_by: str) -> str:
    """What no two splits of a windows file share, from its attribute of that name.

    Examples
    --------
    >>> divided_by("event"), divided_by("both")
    ('event', 'event and station')
    """
    return "event and station" if split_by == "both" else split_by


def first_of(names: Sequence[str], most: int) -> str:
    """The first names, and dots if there are more.

    Examples
    --------
    >>> first_of(["A", "B", "C"], 2), first_of(["A"], 2)
    ('A, B, ...', 'A')
    """
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def first_and_more(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are.

    Examples
    --------
    >>> first_and_more(["A", "B", "C"], 2), first_and_more(["A"], 2)
    ('A, B and 1 more', 'A')
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def repeated(reason: str, n: int) -> str:
    """A reason, and how often it was given if more than once.

    Examples
    --------
    >>> repeated("dead", 2), repeated("dead", 1)
    ('dead (2 times)', 'dead')
    """
    return f"{reason} ({n} times)" if n > 1 else reason


def most_frequent(reasons: Counter[str], most: int = 5) -> list[str]:
    """The reasons that were counted most often, with the number where it is more than one.

    Examples
    --------
    >>> most_frequent(Counter(["dead", "short", "dead"]))
    ['dead (2)', 'short']
    """
    return [f"{reason} ({n})" if n > 1 else reason for reason, n in reasons.most_common(most)]


def misfits(what: str, found: Collection[str], wanted: Collection[str]) -> str:
    """How many finished things of an interrupted run can't be taken, and how many can; empty if all can.

    Examples
    --------
    >>> misfits("shards", ["a", "b"], ["b", "c"]), misfits("shards", ["b"], ["b", "c"])
    ('finished shards: 1 kept, 1 remade because inputs or settings differ', '')
    """
    kept = len(set(found).intersection(wanted))
    anew = len(found) - kept
    return f"finished {what}: {kept} kept, {anew} remade because inputs or settings differ" if anew else ""


def duration(seconds: float) -> str:
    """A length of time in the largest unit of which there are two, or exactly one; three digits, to the millisecond.

    Examples
    --------
    >>> duration(7.25), duration(90), duration(1490), duration(3600), duration(86_399.99), duration(3 * 86_400)
    ('7.25 s', '90 s', '24.8 min', '1 h', '24 h', '3 days')
    """
    seconds = round(seconds, 3)
    fitting = ((u, s) for u, s in (("day", 86_400), ("h", 3600), ("min", 60)) if seconds >= 2 * s or seconds == s)
    unit, length = next(fitting, ("s", 1))
    n = seconds / length
    number = f"{n:.0f}" if n >= 100 else f"{n:.3g}"
    return f"{number} {unit}{'s' if unit == 'day' and n != 1 else ''}"


def epochs(n: int, train: Mapping[str, Any]) -> str:
    """How many epochs a training with these settings took, and of which networks if not of one.

    Examples
    --------
    >>> epochs(8, {}), epochs(10, {"members": 2}), epochs(4, {"members": 2, "distil": True})
    ('8 epochs', '10 epochs of 2 networks', '4 epochs of the student')
    """
    members = train.get("members", 1)
    whose = " of the student" if train.get("distil") else f" of {members} networks" if members > 1 else ""
    return f"{counted(n, 'epoch')}{whose}"


def epoch(stage: str, row: Mapping[str, float]) -> str:
    """How far the training of a stage is, and how good.

    Examples
    --------
    >>> epoch("windows", {"epoch": 3, "epochs": 20, "train_loss": 0.25, "dev_loss": 0.3})
    'windows: epoch 3/20, loss 0.2500, dev loss 0.3000'
    """
    figures = {"train_loss": "loss", "dev_loss": "dev loss", "dev_macro_f1": "dev macro-F1"}
    told = (f"{name} {row[key]:.4f}" for key, name in figures.items() if key in row)
    return ", ".join([f"{stage}: epoch {row['epoch']:.0f}/{row['epochs']:.0f}", *told])
