"""Picks beside more probable ones."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisnet.picking.rivals import WEAK_DB, Rivals, lowered
from seisnet.picks import Pick
from seisnet.waveforms.records import NS_PER_S

WITHIN_NS = 30 * NS_PER_S
ALL = {"P": 0.0, "S": 0.0}


def pick(second, probability, *, phase="P", snr_db=3.0):
    return Pick("XX", "A", "", "HH", phase, second * NS_PER_S, probability, snr_db=snr_db)


def weighed(picks, thresholds=ALL, within_ns=WITHIN_NS):
    return Rivals(within_ns, thresholds).add(picks, 0, last=True)


PICKS = st.lists(
    st.builds(
        pick,
        st.integers(0, 200),
        st.floats(0.05, 0.99),
        phase=st.sampled_from("PS"),
        snr_db=st.sampled_from([3.0, 9.0, 20.0, 40.0, math.nan]),
    ),
    max_size=12,
    unique_by=lambda p: p.time_ns,
).map(lambda picks: sorted(picks, key=lambda p: p.time_ns))


def log_odds_lost(before, after):
    return math.log(before / (1 - before)) - math.log(after / (1 - after))


@pytest.mark.parametrize(
    ("snr_db", "rival_db", "seconds", "lost"),
    [
        (3.0, 3.0, 19, 2.0),  # weak and near: coda, as if it stood out 10 dB less
        (3.0, 16.0, 10, 2.6),
        (3.0, 3.0, 20, 0.0),  # as large and farther away: an earthquake of its own
        (3.0, 8.0, 25, 1.0),
        (20.0, 25.0, 10, 1.0),
        (20.0, 15.0, 10, 0.0),
        (20.0, 70.0, 25, 4.0),
        (math.nan, 8.0, 25, 1.6),  # what is known of no ratio counts as weak
        (8.0, math.nan, 25, 0.0),
    ],
)
def test_a_pick_loses_a_fifth_of_its_log_odds_a_decibel_that_it_stands_out_less(snr_db, rival_db, seconds, lost):
    rival, weighed_one = weighed([pick(100, 0.9, snr_db=rival_db), pick(100 + seconds, 0.5, snr_db=snr_db)])
    assert rival.probability == 0.9
    assert math.isclose(log_odds_lost(0.5, weighed_one.probability), lost, abs_tol=1e-9)


def test_the_rival_that_costs_most_counts():
    picks = weighed([pick(100, 0.9, snr_db=5.0), pick(112, 0.5), pick(137, 0.9, snr_db=18.0)])
    assert math.isclose(log_odds_lost(0.5, picks[1].probability), 3.0)


def test_less_probable_ones_another_phase_and_distant_ones_are_no_rivals():
    larger = [pick(100, 0.5, snr_db=30.0), pick(110, 0.5)]
    other = [pick(100, 0.9, snr_db=30.0), pick(110, 0.5, phase="S")]
    distant = [pick(100, 0.9, snr_db=30.0), pick(130, 0.5)]
    for picks in (larger, other, distant):
        assert weighed(picks) == picks


def test_later_ones_count_against_weak_picks_alone():
    weak, strong = pick(100, 0.5, snr_db=WEAK_DB - 1), pick(100, 0.5, snr_db=WEAK_DB)
    later = pick(125, 0.9, snr_db=30.0)
    for pick_of_noise in (weak, pick(100, 0.5, snr_db=math.nan)):
        assert weighed([pick_of_noise, later])[0].probability == lowered(0.5, 4.0)
    assert weighed([strong, later]) == [strong, later]


def test_a_weak_pick_waits_for_later_ones_and_a_strong_one_does_not():
    rivals = Rivals(WITHIN_NS, ALL)
    assert rivals.add([pick(100, 0.9, snr_db=20.0), pick(103, 0.5)], 105 * NS_PER_S) == [pick(100, 0.9, snr_db=20.0)]
    assert not rivals.add([], 133 * NS_PER_S - 1)
    assert [p.probability for p in rivals.add([], 133 * NS_PER_S)] == pytest.approx([lowered(0.5, 3.4)])


@given(PICKS)
def test_without_a_distance_all_picks_pass(picks):
    assert weighed(picks, within_ns=0) == picks


@given(PICKS, st.floats(0.0, 1.0))
def test_a_threshold_may_be_laid_on_afterwards(picks, threshold):
    """Picks at a threshold are those of the picks at a lower one that reach it."""
    reaching = [p for p in picks if p.probability >= threshold]
    asked = weighed(reaching, {"P": threshold, "S": threshold})
    assert asked == [p for p in weighed(picks) if p.probability >= threshold]


@given(PICKS, st.lists(st.integers(0, 300), max_size=8))
def test_pieces_give_what_the_whole_gives(picks, stops):
    rivals, found = Rivals(WITHIN_NS, ALL), []
    low_ns = -1
    for stop in sorted(stops):
        stop_ns = stop * NS_PER_S
        found += rivals.add([p for p in picks if low_ns < p.time_ns <= stop_ns], stop_ns + 1)
        low_ns = max(low_ns, stop_ns)
    found += rivals.add([p for p in picks if p.time_ns > low_ns], 0, last=True)
    assert found == weighed(picks)
