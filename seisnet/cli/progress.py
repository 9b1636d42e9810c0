"""How far a job is: a bar on stderr, if that is a terminal and the job takes longer than two seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol

from seisnet.cli.console import on_terminal
from seisnet.wording import duration

SOON_S = 2.0
"""A job that is over sooner shows no bar."""


class Show(Protocol):
    """How a job says how far it is: a state in words and, if known, how much of how much is done."""

    def __call__(self, state: str, done: float | None = None, total: float | None = None) -> None:
        """Take the state of the job."""


@contextmanager
def progress_line(title: str, *, quiet: bool, unit: str = "") -> Iterator[Show]:
    """Show by a bar how far a job of more than two seconds is, if stderr is a terminal; `unit` goes with its rate."""
    job = _Job(title, unit)
    with nullcontext() if quiet or not on_terminal() else _bar(job):
        yield job.show


@dataclass
class _Job:
    """A job's latest state, and the time and value (`first`) from which its rate is counted."""

    title: str
    unit: str = ""
    state: str = ""
    done: float | None = None
    total: float | None = None
    first: tuple[float, float] | None = None
    heard: Callable[[], None] = lambda: None

    def show(self, state: str, done: float | None = None, total: float | None = None) -> None:
        is_next = total != self.total or (done or 0) < (self.done or 0)  # of several networks or files
        if done is not None and (self.first is None or is_next):
            self.first = (time.monotonic(), done)
        self.state, self.done, self.total = state, done, total
        self.heard()

    def words(self, now_s: float) -> str:
        """Share, rate and remaining time, as far as they are known, and the state."""
        said = []
        if self.done is not None and self.total:
            said.append(f"{self.done / self.total:.0%}")
        if self.done is not None and self.first is not None and self.done > self.first[1]:
            rate = (self.done - self.first[1]) / max(now_s - self.first[0], 1e-9)
            in_a_second = f"{rate:.3g} {self.unit}".rstrip() + "/s"
            said.append(in_a_second if self.unit or rate >= 1 else f"{duration(round(1 / rate))} each")
            if self.total:
                said.append(f"{duration(round((self.total - self.done) / rate))} left")
        return ", ".join([*said, self.state] if self.state else said)


@contextmanager
def _bar(job: _Job) -> Iterator[None]:
    """Draw a bar that appears after two seconds, also while the job says nothing, and vanishes with it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        redirect_stderr=False,  # `say` clears the bar's line by itself; releases of rich differ in what they make of it
    )
    task = bar.add_task(job.title, total=None, words="")

    def heard() -> None:
        bar.update(task, completed=job.done or 0, total=job.total, words=job.words(time.monotonic()))

    job.heard = heard
    timer = threading.Timer(SOON_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        with suppress(OSError):  # the terminal may be gone
            bar.stop()
