"""One map: the same results in order from this process, from others, and from a cluster; and what goes wrong there."""

import functools
import json
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from seisnet import __version__
from seisnet.config import PreprocessConfig
from seisnet.crew import IN_FLIGHT, Crew
from seisnet.engine import Engine, _on_cluster
from seisnet.errors import ConfigError, DataError
from seisnet.nn import blas_threads, threads
from seisnet.preprocessing.job import preprocess_to_file

CONFIG = PreprocessConfig(split_by="event", shifts=1)


def product(seed, n):
    """Something whose last bits may depend on the threads of BLAS."""
    a = np.random.default_rng([seed, n]).normal(size=(300, 300))
    return float((a @ a).sum())


def fail_at(bad, n):
    if n == bad:
        raise DataError(f"item {n} is bad")
    return n


def die_at(bad, n):
    """Die where another process than that of the test has come to an item, or to a later one."""
    if n >= bad and multiprocessing.parent_process() is not None:
        os._exit(3)
    return n


def blas_limits(n):
    return [getter() for getter, _ in threads._openblas()]


def product_and_place(seed, n):
    return product(seed, n), os.getpid()


@pytest.fixture(scope="module")
def in_order():
    return list(Engine().map(functools.partial(product, 1), range(20)))


def test_processes_give_the_results_of_this_process_in_order(in_order):
    for jobs in (2, 3):
        found = list(Engine(jobs).map(functools.partial(product_and_place, 1), range(20)))
        assert [value for value, _ in found] == in_order
        assert len({place for _, place in found} | {os.getpid()}) <= jobs
        assert {place for _, place in found} != {os.getpid()}


@pytest.mark.skipif(not threads._openblas(), reason="BLAS is another library here")
@pytest.mark.parametrize("jobs", [1, 2])
def test_blas_works_on_one_thread_during_an_item_and_on_as_many_as_before_afterwards(jobs):
    with blas_threads(2):
        before = blas_limits(0)
        found = Engine(jobs).map(blas_limits, range(20))
        assert {limit for limits in found for limit in limits} == {1}
        assert blas_limits(0) == before


def test_the_same_processes_stay_for_several_maps():
    with Engine(jobs=2).crew(functools.partial(product_and_place, 1)) as over:
        rounds = [list(over(range(first, first + 10))) for first in (0, 10, 20)]
    assert [value for found in rounds for value, _ in found] == list(
        Engine().map(functools.partial(product, 1), range(30))
    )
    assert len({place for found in rounds for _, place in found}) == 2


def test_an_error_of_giving_an_item_to_another_process_comes_in_its_turn(monkeypatch):
    def refuse(*_):
        raise BrokenProcessPool

    crew = Crew(abs, 2)
    monkeypatch.setattr(crew._pool, "submit", refuse)
    with pytest.raises(BrokenProcessPool):
        list(crew.results(range(3)))
    crew.dismiss()


def test_an_error_of_the_supply_comes_in_its_turn():
    def items():
        yield from range(20)
        raise DataError("the supply is bad")

    found = Engine(jobs=2).map(functools.partial(fail_at, -1), items())
    assert [next(found) for _ in range(20)] == list(range(20))
    with pytest.raises(DataError, match="the supply is bad"):
        next(found)


def test_few_results_wait_for_who_takes_them():
    drawn = []
    found = Engine(jobs=2).map(functools.partial(fail_at, -1), (drawn.append(n) or n for n in range(100)))
    assert next(found) == 0
    time.sleep(0.5)  # in which the other process would have come further
    assert len(drawn) <= 1 + 2 * IN_FLIGHT
    assert list(found) == list(range(1, 100))


def test_an_error_of_the_function_comes_through():
    for engine in (Engine(), Engine(jobs=2)):
        found = engine.map(functools.partial(fail_at, 3), range(100))
        assert [next(found) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(DataError, match="item 3 is bad"):
            next(found)


def test_items_are_drawn_as_they_are_needed():
    drawn = []
    found = Engine().map(functools.partial(fail_at, -1), (drawn.append(n) or n for n in range(100)))
    assert next(found) == 0
    assert drawn == [0]


@pytest.mark.parametrize("n", [4, 40])  # all are given out at once, or some wait
def test_a_process_that_dies_is_one_line(n):
    with pytest.raises(DataError, match="a worker process died") as caught:
        list(Engine(jobs=2).map(functools.partial(die_at, 0), range(n)))
    assert "\n" not in str(caught.value)


def test_a_script_without_a_guard_is_told(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from seisnet.engine import Engine\nprint(list(Engine(jobs=2).map(abs, range(40))))\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    *_, last = done.stderr.splitlines()
    assert "ConfigError: no worker process could start" in last
    assert "if __name__ == '__main__'" in last


CHILD = """
import os, signal, time
from seisnet.crew import IN_FLIGHT
from seisnet.engine import Engine

def slow(n):
    os.write(1, b"%d\\n" % os.getpid())  # in one piece
    time.sleep(60)

def slowly(n):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(1)

def run(function):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what runs in the background
    list(Engine(jobs=2).map(function, range(40)))
"""


@pytest.fixture
def start(tmp_path):
    """Starts a process, the first of a group, that works with another on a function of `CHILD`."""
    (tmp_path / "child_of_test_engine.py").write_text(CHILD)

    def started(function):
        return subprocess.Popen(
            [sys.executable, "-c", f"import child_of_test_engine as child; child.run(child.{function})"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            start_new_session=True,
        )

    return started


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_workers_end_with_a_parent_that_is_killed(start):
    parent = start("slow")
    with parent.stdout:
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
        parent.wait()
    wait_for(lambda: not any(alive(pid) for pid in workers))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_who_presses_control_c_twice_waits_no_longer(start):
    parent = start("slowly")
    with parent.stdout:
        workers = {int(parent.stdout.readline()) for _ in range(2)}
        for _ in range(2):
            os.killpg(parent.pid, signal.SIGINT)
            time.sleep(0.1)
        try:
            assert parent.wait(timeout=30) != 0
        finally:
            if parent.poll() is None:
                os.killpg(parent.pid, signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in workers))


def test_no_more_processes_are_asked_for_than_windows_can_start(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    crew = Crew(abs, 1000)
    assert crew._most == IN_FLIGHT * 62  # not as if there were a thousand
    crew.dismiss()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no server of processes")
def test_the_server_of_processes_does_not_hear_control_c_amid_its_imports():
    code = """
import os, signal, time
from seisnet.engine import READY, Engine
signal.signal(signal.SIGINT, lambda *_: None)
engine = Engine(2)
engine.get_ready(READY)
for _ in range(5):
    time.sleep(0.05)
    os.killpg(0, signal.SIGINT)
print(*engine.map(abs, [-1, -2]))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=True)
    assert (done.stdout, done.stderr) == ("1 2\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no server of processes")
def test_processes_of_a_user_hear_control_c_after_a_map_as_before(tmp_path):
    code = """
import multiprocessing, os, signal, time
from seisnet.engine import Engine

def wait(pipe):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what runs in the background
    pipe.send(os.getpid())
    time.sleep(60)

if __name__ == "__main__":
    print(*Engine(2).map(abs, [-1, -2]))
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=wait, args=(there,))
    process.start()
    os.kill(here.recv(), signal.SIGINT)
    process.join(20)
    print(process.exitcode)
    process.kill()
"""
    (tmp_path / "script.py").write_text(code)
    command = [sys.executable, tmp_path / "script.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=True)
    assert done.stdout == "1 2\n1\n"
    assert done.stderr.endswith("KeyboardInterrupt\n")  # which ended it


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=60):
    """Poll: how long it takes is not tested."""
    for _ in range(seconds * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


# Dask


@pytest.fixture
def distributed(monkeypatch):
    """Dask's scheduler and workers, which take their time on a machine that is busy."""
    monkeypatch.setattr("seisnet.engine.CONNECT_S", 60)
    return pytest.importorskip("distributed")


@pytest.fixture
def cluster_of(distributed):
    """Makes a cluster of this process; its dashboard takes any port that is free."""
    return functools.partial(distributed.LocalCluster, dashboard_address=":0")


def test_without_dask_a_scheduler_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match="pip install dask distributed"):
        list(Engine(scheduler="tcp://127.0.0.1:1").map(str, [1]))


def test_jobs_beside_a_scheduler_are_refused():
    with pytest.raises(ConfigError, match=r"2 jobs .* do nothing beside a scheduler"):
        Engine(2, "tcp://127.0.0.1:1")


def test_no_scheduler_is_one_clear_line(distributed, monkeypatch):
    monkeypatch.setattr("seisnet.engine.CONNECT_S", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    made, client = [], distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda where, **more: made.append(where) or client(where, **more))
    for wrong in (address, "nonsense://x", "127.0.0.1"):
        with pytest.raises(ConfigError, match="no Dask scheduler answers") as caught:
            list(Engine(scheduler=wrong).map(str, [1]))
        assert "\n" not in str(caught.value)
    assert made == [address]  # a client that an address stops half-way would tell a traceback later


def test_a_scheduler_without_workers_is_one_clear_line(distributed, cluster_of, monkeypatch):
    wait = distributed.Client.wait_for_workers
    monkeypatch.setattr(distributed.Client, "wait_for_workers", lambda self, n, timeout: wait(self, n, timeout=0.1))
    with (
        cluster_of(n_workers=0, processes=False) as cluster,
        pytest.raises(ConfigError, match="has no workers"),
    ):
        list(Engine(scheduler=cluster.scheduler_address).map(str, [1]))


def test_a_local_cluster_gives_the_results_of_this_process(cluster_of, in_order):
    with cluster_of(n_workers=1, threads_per_worker=2, processes=False) as cluster:
        engine = Engine(scheduler=cluster.scheduler_address)
        assert list(engine.map(functools.partial(product, 1), range(20))) == in_order
        with pytest.raises(DataError, match="item 3 is bad"):
            list(engine.map(functools.partial(fail_at, 3), range(100)))


@pytest.mark.parametrize(
    ("version", "folder", "told"),
    [("0.0.1", ".", "a worker runs seisnet .*; 0.0.1 is needed"), (__version__, "gone", "a worker does not see")],
)
def test_a_worker_of_another_version_or_without_the_files_is_one_line(version, folder, told, tmp_path):
    with pytest.raises(DataError, match=told):
        _on_cluster(abs, version, str(tmp_path / folder), -1)


def test_a_worker_that_dies_is_one_line(cluster_of):
    dask = pytest.importorskip("dask")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        cluster_of(n_workers=1, threads_per_worker=1) as cluster,
        pytest.raises(DataError, match="were lost") as caught,
    ):
        list(Engine(scheduler=cluster.scheduler_address).map(functools.partial(die_at, 1), range(3)))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("distributed")
def test_a_scheduler_that_is_killed_is_one_line(tmp_path, caplog, monkeypatch):
    connection = tmp_path / "scheduler.json"
    here = ("--scheduler-file", connection, "--no-dashboard", "--host", "127.0.0.1")
    with ExitStack() as started:
        for command in (("scheduler", *here, "--port", "0"), ("worker", *here, "--nthreads", "1", "--no-nanny")):
            whole = [sys.executable, "-m", "dask", *map(str, command)]
            process = subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
            started.callback(process.wait)
            started.callback(process.kill)
            if command[0] == "scheduler":
                scheduler = process
        wait_for(connection.exists)
        monkeypatch.setattr(logging.getLogger("distributed.client"), "handlers", [caplog.handler])
        results = Engine(scheduler=json.loads(connection.read_text())["address"]).map(time.sleep, [0.05] * 100)
        assert next(results) is None
        scheduler.kill()
        with pytest.raises(DataError, match="workers or the scheduler were lost"):
            list(results)
    assert caplog.messages == []


@pytest.mark.usefixtures("distributed")
def test_scheduler_and_workers_as_processes_of_their_own_make_the_same_bytes(labelled, tmp_path, monkeypatch):
    """Also where files are named relative to a folder in which the workers were not started."""
    connection = tmp_path / "scheduler.json"
    log = (tmp_path / "log").open("w")
    dask = [sys.executable, "-m", "dask"]
    here = ("--scheduler-file", connection, "--no-dashboard", "--host", "127.0.0.1")
    worker = [*dask, "worker", *here, "--nthreads", "1", "--no-nanny", "--local-directory", tmp_path / "dask"]
    started = []
    try:
        for command in ([*dask, "scheduler", *here, "--port", "0"], worker, worker):
            started.append(subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, cwd=tmp_path))
        wait_for(connection.exists)
        address = json.loads(connection.read_text())["address"]
        monkeypatch.chdir(labelled.files)
        sources, labels = ["."], [str(labelled.csv)]
        preprocess_to_file(sources, labels, CONFIG, output=tmp_path / "a.h5", engine=Engine(scheduler=address))
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()
        log.close()
    preprocess_to_file(sources, labels, CONFIG, output=tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
