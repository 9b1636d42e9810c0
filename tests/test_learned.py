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


def test_an_onset_half_way_between_two_steps_has_one_hash_whatever_window_it_is_in():
    """Single precision moves it to either side; of picks with two decimals it is every tenth."""
    rng, n = np.random.default_rng(0), 500
    at_ns = 1_600_000_000 * 10**9 + np.arange(n) * 10**10 + 50_000_000

    def hashes():
        start_ns = at_ns - rng.integers(100, 300, n) * 10**7
        onset_s = ((at_ns - start_ns) / 1e9 - 2).astype(np.float32)
        trace_id = np.array(["GE.APE..HH"] * n)
        rows = SimpleNamespace(y=np.zeros(n, np.uint8), trace_id=trace_id, start_ns=start_ns, onset_s=onset_s)
        return onset_hashes(rows, ("P", "S", "noise"), 4.0)

    assert known_share(hashes(), hashes()) == 1


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


def test_what_is_known_is_not_rounded_to_nothing():
    assert "learned from less than 1% of the onsets in the test split" in flattery(0.003, "test")
    assert "learned from 1% of the onsets" in flattery(0.01, "test")
