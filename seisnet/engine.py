"""One map over pieces of work: in this process, in processes of this machine, or on a Dask cluster.

The function is pure and the items are values, so that the results are the same wherever they are computed. BLAS runs
on one thread everywhere: the number of threads may change the last bits of a product.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import operator
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from seisnet import __version__
from seisnet.crew import IN_FLIGHT, METHOD, Crew, limit_blas, no_interrupts, one_thread
from seisnet.errors import ConfigError, DataError

Item = TypeVar("Item")
Result = TypeVar("Result")

Over: TypeAlias = Callable[[Iterable[Item]], Iterator[Result]]
"""Applies a function over items; gives the results in their order."""

READY = "seisnet.preprocessing.ready"
"""Module that worker processes import before they make windows."""

CONNECT_S = 10.0
"""How long a scheduler, and its first worker, may take to answer."""


@dataclass(frozen=True)
class Engine:
    """Where work is done.

    Attributes
    ----------
    jobs : int
        Processes on this machine, this one included. The others import the script that starts them, so that a script
        that asks for more than one has to be guarded by ``if __name__ == "__main__"``.
    scheduler : str
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, to use in place of jobs. Its workers see the same
        files under the same names and run this very version of seisnet.
    """

    jobs: int = 1
    scheduler: str = ""

    def __post_init__(self) -> None:
        """Refuse both."""
        if self.scheduler and self.jobs > 1:
            raise ConfigError(f"{self.jobs} jobs (--jobs) do nothing beside a scheduler (--scheduler); leave one out")

    def get_ready(self, module: str) -> None:
        """Start what takes long before the first item of a map: worker processes import the module of its function.

        It is worth calling before this process imports that module itself, or looks for the items.
        """
        if self.jobs > 1 and not self.scheduler and METHOD == "forkserver":
            forkserver.set_forkserver_preload([module, "seisnet.hearing"])
            with no_interrupts():
                forkserver.ensure_running()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply a function to items and give the results in the order of the items.

        Parameters
        ----------
        function : callable
            Pure; pickled once for each process, so it is a function of a module, or a `functools.partial` of one.
        items : iterable
            Values that can be pickled; drawn as they are needed.

        Raises
        ------
        ConfigError
            If Dask is not installed, no scheduler answers, or it has no worker; or if no process can start, as from a
            script without ``if __name__ == "__main__"``.
        DataError
            If a process dies. Errors of the function come through.
        """
        with self.crew(function) as over:
            yield from over(items)

    @contextmanager
    def crew(self, function: Callable[[Item], Result]) -> Iterator[Over[Item, Result]]:
        """Keep the processes of `map` for several maps of one function; each must be consumed before the next."""
        if self.scheduler:
            with _cluster(function, self.scheduler) as over:
                yield over
            return
        self.get_ready(getattr(function, "func", function).__module__)
        if self.jobs == 1:
            yield partial(_here, function)
            return
        crew = Crew(function, self.jobs)
        try:
            yield partial(_together, crew)
        finally:
            crew.dismiss()


def _here(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    for item in items:
        with one_thread():
            result = function(item)
        yield result


def _together(crew: Crew, items: Iterable[Item]) -> Iterator[Any]:
    try:
        yield from crew.results(items)
    except BrokenProcessPool as error:
        if not crew.has_begun():
            raise ConfigError(
                "no worker process could start: each imports the script that starts it; "
                "guard its code with if __name__ == '__main__'"
            ) from error
        raise DataError(
            "a worker process died, most likely for lack of memory; use fewer jobs (finished work is kept)"
        ) from error


@contextmanager
def _cluster(function: Callable[[Item], Result], scheduler: str) -> Iterator[Over[Item, Result]]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise ConfigError("a scheduler needs Dask: pip install dask distributed") from error
    try:
        # With an address without a port a client would fail long after, with a traceback.
        distributed.comm.resolve_address(scheduler)
        client = distributed.Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:  # also TimeoutError
        raise ConfigError(f"{scheduler}: no Dask scheduler answers; start one with: dask scheduler") from error
    for room in ("client", "batched"):  # a lost scheduler is told below, in one line; these print tracebacks
        logging.getLogger(f"distributed.{room}").disabled = True
    with closing(client):
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            raise ConfigError(f"{scheduler}: the scheduler has no workers; start some with: dask worker") from error
        # Sent once to each worker, not with each item.
        shared = client.scatter(partial(_on_cluster, function, __version__, str(Path.cwd())), broadcast=True)
        width = IN_FLIGHT * max(2, sum(client.nthreads().values()))

        def over(items: Iterable[Item]) -> Iterator[Result]:
            try:
                yield from _windowed(lambda item: client.submit(operator.call, shared, item, pure=False), items, width)
            except (distributed.KilledWorker, distributed.CancelledError, OSError) as error:
                raise DataError(f"{scheduler}: workers or the scheduler were lost (finished work is kept)") from error

        yield over


def _windowed(submit: Callable[[Item], Any], items: Iterable[Item], width: int) -> Iterator[Any]:
    """Results of futures in order, `width` of them in flight."""
    items = iter(items)
    waiting: deque[Future[Any]] = deque(submit(item) for item in itertools.islice(items, width))
    try:
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(submit(item) for item in itertools.islice(items, 1))
    finally:
        for future in waiting:
            future.cancel()


_one_at_a_time = threading.Lock()
"""A worker of a cluster may have threads, but HDF5, caught warnings and the limit on BLAS are the whole process's."""


def _on_cluster(function: Callable[[Any], Any], version: str, folder: str, item: Any) -> Any:
    """Apply a function in a worker, which must run the version of whoever asks, and see the same folder."""
    if version != __version__:
        raise DataError(f"a worker runs seisnet {__version__}; {version} is needed")
    with _one_at_a_time:
        limit_blas()
        try:
            os.chdir(folder)  # names of files may be relative
        except OSError as error:
            raise DataError(f"a worker does not see the folder {folder}; it needs the same files") from error
        return function(item)
