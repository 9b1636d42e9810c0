"""Processes of this machine that work together: see `seisnet.engine`."""

from __future__ import annotations

import atexit
import functools
import operator
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.synchronize import Semaphore

IN_FLIGHT = 4
"""Items that wait at or in each process: enough that none is idle, few enough that results don't pile up."""

METHOD = "forkserver" if sys.platform == "linux" else "spawn"
"""How processes start. On Linux they are forked from a small server, which has imported what they need; elsewhere the
system's libraries don't bear that, and every process imports for itself."""

MOST_OTHERS = 61
"""Processes that Python can start at once on Windows."""


class Crew:
    """The processes of a map, of which this is one: they share the items of one iterable, then those of the next.

    This one works on an item whenever the next result in order is not ready. The others get their next item as soon as
    they are done, even while this one is busy: a thread of the pool takes their results.
    """

    def __init__(self, function: Callable[[Any], Any], jobs: int) -> None:
        self._function = function
        self._others = min(jobs - 1, MOST_OTHERS) if sys.platform == "win32" else jobs - 1
        self._items: Iterator[Any] = iter(())
        context = get_context(METHOD)
        self._begun = context.Semaphore(0)
        self._pool = ProcessPoolExecutor(self._others, context, _prepare, (function, self._begun))
        self._most = IN_FLIGHT * (self._others + 1)
        self._waiting: deque[Future[Any]] = deque()  # in the order of the items
        self._lock = threading.RLock()  # what is done as soon as it is submitted is taken amid giving
        self._given, self._over = 0, False

    def results(self, items: Iterable[Any]) -> Iterator[Any]:
        """Results in the order of the items; all are to be taken before others are asked for."""
        self._items = iter(items)
        self._give()
        while self._waiting:
            own = None if self._waiting[0].done() else self._draw()
            if own is None:
                yield self._waiting.popleft().result()
                self._give()
            else:
                self._work(*own)

    def has_begun(self) -> bool:
        """Whether any of the others has started."""
        return self._begun.acquire(block=False)

    def dismiss(self) -> None:
        """Let the others end; they are waited for only if they still have work."""
        with self._lock:
            self._over = True
        with deaf():  # or a second Ctrl-C would leave the pool half shut, and Python waiting for it
            self._pool.shutdown(wait=self._given > 0, cancel_futures=True)

    def _draw(self) -> tuple[Any, Future[Any]] | None:
        """The next item and where its result belongs; None if there is none, or too many results wait."""
        with self._lock:
            if len(self._waiting) >= self._most:
                return None
            result: Future[Any] = Future()
            try:
                item = next(self._items)
            except StopIteration:
                return None
            except Exception as error:  # raised in its turn, whichever thread met it
                result.set_exception(error)
            self._waiting.append(result)
            return None if result.done() else (item, result)

    def _work(self, item: Any, result: Future[Any]) -> None:
        try:
            with one_thread():
                result.set_result(self._function(item))
        except Exception as error:  # raised in its turn, as those of the others are
            result.set_exception(error)

    def _give(self, done: Future[Any] | None = None) -> None:
        """Give the others what they are to do next: two items each; towards the end one, so that all end together."""
        with self._lock:
            self._given -= done is not None
            each = 2 if operator.length_hint(self._items, sys.maxsize) > 2 * self._others else 1
            while not self._over and self._given < each * self._others and (drawn := self._draw()):
                item, result = drawn
                self._given += 1
                try:
                    with no_interrupts():
                        future = self._pool.submit(_apply, item)
                except Exception as error:  # which would be lost in a thread of the pool
                    result.set_exception(error)
                    return
                future.add_done_callback(functools.partial(self._take, result))

    def _take(self, result: Future[Any], done: Future[Any]) -> None:
        """Take the result of another process, after giving it the next item."""
        error = None if done.cancelled() else done.exception()
        if isinstance(error, BrokenProcessPool):
            self._over = True  # without a lock: the pool holds its own while it says so
        else:
            self._give(done)
        if done.cancelled():
            result.cancel()
        elif error:
            result.set_exception(error)
        else:
            result.set_result(done.result())


@contextmanager
def no_interrupts() -> Iterator[None]:
    """Processes that start in this block don't get Ctrl-C, which would interrupt their imports."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it lets Ctrl-C through again once it has started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def deaf() -> Iterator[None]:
    """Ignore Ctrl-C in this block; only the main thread gets it, and only there can it be ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def one_thread() -> AbstractContextManager[None]:
    """Limit BLAS to one thread: their number may change the last bits of a product."""
    from seisnet.nn import blas_threads  # which takes long to import, and `Engine.get_ready` is to come before it

    return blas_threads(1)


_state: dict[str, Any] = {}
"""Of a worker process: the function, and the limit on BLAS."""


def _prepare(function: Callable[[Any], Any], begun: Semaphore) -> None:
    """Make a process a worker: it leaves Ctrl-C to its parent and ends with it, also when that is killed."""
    begun.release()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_blas()
    _state["function"] = function


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def limit_blas() -> None:
    """Limit BLAS as `one_thread` does, until the process ends."""
    if "limit" not in _state:
        _state["limit"] = ExitStack()
        _state["limit"].enter_context(one_thread())
        atexit.register(_state["limit"].close)  # while the modules that it takes are whole


def _apply(item: Any) -> Any:
    return _state["function"](item)
