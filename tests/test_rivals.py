"""Weak picks beside more probable ones."""

import math

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
        snr_db=st.sampled_from([3.0, 20.0, math.nan]),
    ),
    max_size=12,
    unique_by=lambda p: p.time_ns,
).map(lambda picks: sorted(picks, key=lambda p: p.time_ns))


def test_a_weak_pick_loses_two_of_its_log_odds_beside_a_more_probable_one():
    first, second = weighed([pick(100, 0.9), pick(110, 0.5)])
    assert first.probability == 0.9
    assert math.isclose(math.log(second.probability / (1 - second.probability)), -2.0)


def test_an_onset_that_stands_out_another_phase_and_a_distant_pick_keep_their_probability():
    strong = [pick(100, 0.9), pick(110, 0.5, snr_db=WEAK_DB)]
    other = [pick(100, 0.9), pick(110, 0.5, phase="S")]
    distant = [pick(100, 0.9), pick(130, 0.5)]
    for picks in (strong, other, distant):
        assert weighed(picks) == picks


def test_what_is_known_of_no_ratio_counts_as_weak():
    assert weighed([pick(100, 0.5, snr_db=math.nan), pick(110, 0.9)])[0].probability == lowered(0.5)


def test_a_weak_pick_waits_for_later_ones_and_a_strong_one_does_not():
    rivals = Rivals(WITHIN_NS, ALL)
    assert rivals.add([pick(100, 0.9, snr_db=20.0), pick(103, 0.5)], 105 * NS_PER_S) == [pick(100, 0.9, snr_db=20.0)]
    assert not rivals.add([], 133 * NS_PER_S - 1)
    assert [p.probability for p in rivals.add([], 133 * NS_PER_S)] == [lowered(0.5)]


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
