"""What a fork server imports that starts where Ctrl-C is blocked, see `seisnet.crew.no_interrupts`.

A session has one such server, which forks for whoever asks, and what it forks inherits the block, processes of the user
too. They hear Ctrl-C again when they begin; workers of a crew then choose not to.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing.util import register_after_fork


def hear(_: Callable[..., None]) -> None:
    """Unblock Ctrl-C, and discard one that arrived while this process was being created."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGINT, before)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


register_after_fork(hear, hear)  # of all that `multiprocessing` forks from here on
