"""Samples of hashes of what a model has learned from."""

from types import SimpleNamespace

import numpy as np
import pytest

from seisnet.scoring.learned import MOST, flattery, known_share, onset_hashes, sampled

NOTHING = np.zeros(0, dtype=np.uint32)


def test_an_onset_has_one_hash_however_its_windows_and_its_station_are_written():
    def hashes(window_s, *windows):
        y, trace_id, start_s, onset_s = map(np.array, zip(*windows, strict=True))
        rows = SimpleNamespace(y=y, trace_id=trace_id, start_ns=(start_s * 1e9).astype(np.int64), onset_s=onset_s)
        return onset_hashes(rows, ("P", "S", "noise"), window_s).tolist()

    [one] = hashes(4.0, (0, "GE.APE..HH", 10.0, 0.5), (0, "ge.ape..BH", 10.3, 0.1999), (2, "GE.APE..HH", 30.0, np.nan))
    assert hashes(8.0, (1, "GE.APE..HH", 9.0, -0.5)) == [one]
    for other in ((0, "GE.APE..HH", 10.1, 0.5), (0, "GE.BAL..HH", 10.0, 0.5)):
        assert hashes(4.0, other) != [one]


def test_of_large_sets_a_sample_tells_the_share_that_is_known():
    rng = np.random.default_rng(0)
    every = np.unique(rng.integers(2**32, size=200_000, dtype=np.uint32))
    rng.shuffle(every)
    first, second, new = np.split(every, [60_000, 120_000])
    learned = sampled(first, second)
    assert len(learned) == MOST
    np.testing.assert_array_equal(sampled(sampled(first), sampled(second)), learned)
    mixed = np.concatenate([first[:30_000], new[:10_000]])
    assert known_share(mixed, learned) == pytest.approx(0.75, abs=0.02)
    assert known_share(new, learned) == 0
    assert known_share(first, learned) == 1


def test_where_nothing_is_known_of_a_model_nothing_is_said():
    some = np.unique(np.random.default_rng(0).integers(2**32, size=10, dtype=np.uint32))
    assert np.isnan(known_share(some, NOTHING))
    assert np.isnan(known_share(NOTHING, some))
    assert flattery(float("nan"), "test") == flattery(0.0, "test") == ""
