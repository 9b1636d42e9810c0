"""Thread limits are set, respected and put back."""

import tracemalloc

import numpy as np
import pytest

from seisnet.errors import ConfigError
from seisnet.nn import Network, blas_threads, fastest_threads, products, threads


@pytest.fixture
def network():
    return Network((64, 32, 3), rng=np.random.default_rng(0))


def limits():
    return [getter() for getter, _ in threads._openblas()]


def test_limit_is_put_back():
    before = limits()
    for n in (1, 2):
        with blas_threads(n):
            assert limits() == [n] * len(before)
        assert limits() == before
    with pytest.raises(ZeroDivisionError), blas_threads(1):
        _ = 1 / 0
    assert limits() == before


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", None])
def test_what_is_no_number_of_threads_leaves_no_limit_behind(network, n):
    before = limits()
    with pytest.raises(ConfigError, match=r"^threads: got"), blas_threads(n):
        pass
    with blas_threads(1):
        assert limits() == [1] * len(before)
    assert limits() == before
    with pytest.raises(ConfigError, match=r"^threads: got"):
        network.threads = n
    assert network.threads == 1


def test_contexts_of_several_threads_leave_no_limit_behind():
    before = limits()
    first, second = blas_threads(1), blas_threads(2)
    first.__enter__()
    second.__enter__()
    assert limits() == [2] * len(before)
    first.__exit__(None, None, None)  # another thread's, which is done before the one that came later
    assert limits() == [2] * len(before)
    second.__exit__(None, None, None)
    assert limits() == before


def test_agrees_with_threadpoolctl():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    libraries = [
        library
        for library in threadpoolctl.threadpool_info()
        if "scipy_openblas" in library["filepath"] and library["user_api"] == "blas"
    ]
    assert len(libraries) == len(limits())
    with blas_threads(1):
        assert all(
            library["num_threads"] == 1
            for library in threadpoolctl.threadpool_info()
            if "scipy_openblas" in library["filepath"]
        )


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_than_asked_for(network, most, ours, monkeypatch):
    monkeypatch.setattr(threads, "threads_are_ours", lambda: ours)
    monkeypatch.setattr(products, "threads_are_ours", lambda: ours)
    monkeypatch.setattr(threads, "THREAD_MULTIPLY_ADDS", 1000)
    monkeypatch.setattr(products, "THREAD_MULTIPLY_ADDS", 1000)
    network.grad[:] = 7
    theta = network.theta.copy()
    with fastest_threads(network, 96, most) as chosen:
        assert 1 <= chosen <= most
        assert network.threads <= most and all(n <= most for n in limits())
    assert network.threads == 1
    assert (network.theta == theta).all() and (network.grad == 7).all()


@pytest.mark.parametrize("ours", [True, False])
def test_small_work_gets_one_thread(network, ours, monkeypatch):
    monkeypatch.setattr(threads, "threads_are_ours", lambda: ours)
    with fastest_threads(network, 32, 8) as chosen:
        assert chosen == 1


def test_the_librarys_threads_get_enough_work_each(network, monkeypatch):
    monkeypatch.setattr(threads, "threads_are_ours", lambda: False)
    enough = products.THREAD_MULTIPLY_ADDS // (64 * 32)
    for batch_size, expected in ((enough, 1), (2 * (enough + 1), 2), (100 * enough, 2)):
        with fastest_threads(network, batch_size, 2) as chosen:
            assert chosen == expected
            assert all(n == expected for n in limits())


def test_a_trial_of_threads_needs_little_memory_whatever_the_batch():
    network = Network((100, 8, 3))
    tracemalloc.start()
    with fastest_threads(network, 200_000, 2):
        _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 50e6
