"""Scores by a property: bins by hand, and naive loops as oracles."""

import numpy as np
import pytest

from seisnet.errors import DataError
from seisnet.scoring.breakdown import f1_by, of_record, s_minus_p
from seisnet.scoring.metrics import class_scores, confusion_counts


def test_bins_hold_about_equally_many_and_are_scored_one_by_one():
    rng = np.random.default_rng(1)
    truth_n, said_n = rng.integers(3, size=(2, 200))
    values_n = rng.exponential(size=200)
    values_n[::20] = np.nan
    found = f1_by(truth_n, said_n, values_n, 3, n_bins=5)
    assert (found.counts.sum(), found.left_out) == (190, 10)
    assert found.counts.max() - found.counts.min() <= 1
    for b, f1_k in enumerate(found.f1):
        last = b == len(found.f1) - 1
        inside = (values_n >= found.edges[b]) & (
            (values_n <= found.edges[b + 1]) if last else (values_n < found.edges[b + 1])
        )
        np.testing.assert_array_equal(f1_k, class_scores(confusion_counts(truth_n[inside], said_n[inside], 3)).f1)


def test_equal_values_are_one_bin_and_unknown_ones_none():
    found = f1_by([0, 1, 1], [0, 1, 0], [7.0, 7.0, np.nan], 2)
    assert (found.edges.tolist(), found.counts.tolist(), found.f1.tolist()) == ([7.0, 8.0], [2], [[1.0, 1.0]])
    assert f1_by([0, 1, 0], [0, 1, 0], [7.0, 8.0, 9.0], 2, n_bins=2).counts.tolist() == [1, 2]
    with pytest.raises(DataError, match="not known for any window"):
        f1_by([0], [0], [np.nan], 1)
    with pytest.raises(DataError, match="shapes"):
        f1_by([0, 1], [0], [1.0], 2)


def test_no_bin_is_empty_where_windows_share_their_values():
    """As those of a record do: here the middle of five edges would lie between the second and the third record."""
    values_n = np.repeat([2.0, 4.0, 5.0, 9.0], 5)
    found = f1_by(np.zeros(20, int), np.zeros(20, int), values_n, 1, n_bins=6)
    assert (found.edges.tolist(), found.counts.tolist()) == ([2.0, 4.0, 5.0, 9.0], [5, 5, 10])
    np.testing.assert_array_equal(found.f1, np.ones((3, 1)))


def test_a_record_shares_what_is_known_of_its_windows():
    rng = np.random.default_rng(2)
    group_n = rng.integers(4, size=60)
    trace_n = [f"S{k}" for k in rng.integers(3, size=60)]
    values_n = np.where(rng.random(60) < 0.3, rng.normal(size=60), np.nan)
    found_n = of_record(values_n, group_n, trace_n)
    for i in range(60):
        same = [v for v, g, t in zip(values_n, group_n, trace_n, strict=True) if (g, t) == (group_n[i], trace_n[i])]
        known = [v for v in same if not np.isnan(v)]
        assert found_n[i] == pytest.approx(np.mean(known)) if known else np.isnan(found_n[i])


def test_s_minus_p_is_of_the_first_onsets_of_an_event_on_an_instrument():
    phase_n = ["P", "S", "noise", "P", "S", "P", "P", "S"]
    onset_ns = np.array([5, 8, 0, 4, 3, 9, 6, 20]) * 10**9
    found = s_minus_p(onset_ns, phase_n, [0, 0, 0, 1, 1, 2, 0, 0], ["A"] * 8)
    np.testing.assert_array_equal(found, [3.0, 3.0, 3.0, np.nan, np.nan, np.nan, 3.0, 3.0])
