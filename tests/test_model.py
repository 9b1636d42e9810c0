"""A model in Python: what it gives, to how many threads, and what it says where it can give nothing."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import obspy
import pytest

from seisnet.model import load_model
from seisnet.nn import blas_threads
from seisnet.waveforms.records import NS_PER_S


@pytest.fixture(scope="module")
def phase():
    return load_model("phase")


@pytest.fixture
def hasty_threads():
    """Eight threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with blas_threads(1), ThreadPoolExecutor(8) as pool:
        yield pool
    sys.setswitchinterval(before)


def test_threads_that_ask_at_once_get_the_probabilities_of_one_alone(phase, hasty_threads):
    x = np.random.default_rng(0).normal(size=(40, 1500, len(phase.stored.mean))).astype(np.float32)
    alone = [phase.predict_proba(part) for part in x]
    for one, together in zip(alone, hasty_threads.map(phase.predict_proba, x), strict=True):
        np.testing.assert_array_equal(one, together)


def test_threads_that_ask_at_once_get_the_onsets_of_one_alone(phase, hasty_threads):
    (record,), _ = phase.records(obspy.read())
    times_ns = [record.start_ns + 2 * NS_PER_S + i * NS_PER_S // 50 for i in range(600)]

    def move(time_ns):
        return phase.onsets.move(record, time_ns, "P")

    alone = [move(time_ns) for time_ns in times_ns]
    assert list(hasty_threads.map(move, times_ns)) == alone
