"""Scores worked by hand."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.picks import ClassInterval, Detection, Pick
from seisnet.scoring.matching import apart_s, common_shift_s, elsewhere, score_detections, score_picks, unscored
from seisnet.waveforms.records import NS_PER_S


def picks(text):
    """Picks from ``NET.STA phase seconds`` lines, separated by commas."""
    found = []
    for line in filter(None, (part.strip() for part in text.split(","))):
        station, phase, seconds = line.split()
        network, code = station.split(".")
        found.append(Pick(network, code, "", "HH", phase, round(float(seconds) * NS_PER_S)))
    return found


def score(found, reference, tolerance_s=0.5):
    return score_picks(picks(found), picks(reference), tolerance_s=tolerance_s)


def test_a_case_worked_by_hand():
    # P: 10.1 and 20.4 match, 30.6 is too far, 50 is false: 2 of 4 found, 2 of 3 wanted. S: the one found is too late.
    p, s = score(
        "GE.APE P 10.1, GE.APE P 20.4, GE.APE P 30.6, GE.APE P 50, GE.APE S 12.6",
        "GE.APE P 10, GE.APE P 20.5, GE.APE P 30, GE.APE S 12",
    )
    assert (p.name, p.found, p.reference, p.matched) == ("P", 4, 3, 2)
    assert (p.precision, p.recall) == (2 / 4, 2 / 3)
    assert p.f1 == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))
    np.testing.assert_allclose(p.residuals_s, [0.1, -0.1], atol=1e-9)
    assert (s.name, s.found, s.reference, s.matched, s.precision, s.recall, s.f1) == ("S", 1, 1, 0, 0, 0, 0)


def test_a_pick_matches_only_on_its_own_station_and_phase():
    p, s = score("GE.APE P 10, GE.XYZ S 20", "GE.XYZ P 10, GE.APE S 20")
    assert (p.matched, s.matched) == (0, 0)


def test_two_picks_of_one_onset_are_one_hit_and_one_false_pick():
    p, _ = score("GE.APE P 10.0, GE.APE P 10.3", "GE.APE P 10.1")
    assert (p.found, p.matched) == (2, 1)
    np.testing.assert_allclose(p.residuals_s, [-0.1], atol=1e-9)


def test_the_nearest_are_a_pair_even_if_there_would_be_more_pairs_otherwise():
    p, _ = score("GE.APE P 10.4, GE.APE P 11.0", "GE.APE P 10, GE.APE P 10.6")
    np.testing.assert_allclose(p.residuals_s, [-0.2], atol=1e-9)


@settings(max_examples=50)
@given(st.sets(st.integers(0, 400), max_size=30), st.lists(st.integers(21, 60), max_size=15))
def test_there_are_no_more_pairs_than_the_nearest_where_picks_of_one_side_are_apart(dense, gaps):
    """Those of a sweep in order of time, which finds as many as there can be."""
    sparse, rest, n_pairs = list(itertools.accumulate(gaps)), sorted(dense), 0
    for at in sparse:
        rest = [t for t in rest if t >= at - 10]
        if rest and rest[0] <= at + 10:
            rest.pop(0)
            n_pairs += 1
    sides = [[Pick("GE", "APE", "", "HH", "P", t * NS_PER_S) for t in side] for side in (sparse, dense)]
    for found, reference in (sides, sides[::-1]):
        assert score_picks(found, reference, tolerance_s=10)[0].matched == n_pairs


def test_picks_on_stations_that_nobody_looked_at_do_not_count():
    p, _ = score("GE.APE P 10, GE.FAR P 99", "GE.APE P 10")
    assert (p.found, p.precision) == (1, 1.0)


def test_a_station_known_for_its_s_counts_for_p_too():
    p, _ = score("GE.APE P 10", "GE.APE S 12")
    assert (p.found, p.reference, p.precision) == (1, 0, 0.0)
    assert math.isnan(p.recall)


def test_names_of_branches_count_as_their_phase():
    p, s = score("GE.APE P 10, GE.APE S 12", "GE.APE Pg 10, GE.APE Sn 12")
    assert (p.matched, s.matched) == (1, 1)


def test_a_pick_at_an_onset_whose_time_has_no_weight_is_neither_right_nor_false():
    unsure = [replace(p, phase=f"{p.phase} of weight 0") for p in picks("GE.APE Pg 10, GE.APE S 12, GE.APE P 20.6")]
    found = picks("GE.APE P 10.2, GE.APE P 12, GE.APE P 20.4")
    p, s = score_picks(found, [*picks("GE.APE P 20"), *unsure], tolerance_s=0.5)
    # 10.2 is left out, 12 is false, 20.4 is the one with weight
    assert (p.found, p.reference, p.matched, p.unclear) == (2, 1, 1, 1)
    assert (s.found, s.reference) == (0, 0)


def test_an_onset_that_the_reference_has_twice_counts_once_and_a_second_pick_of_it_is_not_false():
    """As two agencies picked it, or on two instruments: the surest is what residuals are taken from."""
    sure, unsure = picks("GE.APE P 10, GE.APE P 10.3")
    reference = [replace(unsure, weight=0.5, channel=""), sure]
    (p, _), (both, _), (false, _) = (
        score_picks(picks(f), reference, tolerance_s=0.5)
        for f in ("GE.APE P 10.2", "GE.APE P 10.1, GE.APE P 10.35", "GE.APE P 10.1, GE.APE P 10.35, GE.APE P 10.36")
    )
    assert (p.found, p.reference, p.matched) == (both.found, both.reference, both.matched) == (1, 1, 1)
    np.testing.assert_allclose([*p.residuals_s, *both.residuals_s], [0.2, 0.1], atol=1e-9)
    assert (false.found, false.reference, false.matched) == (2, 1, 1)


@pytest.mark.parametrize("phases", ["Pg, P of weight 0", "P, Pn of weight 0", "pP, pP"])
def test_a_pick_at_a_second_one_of_a_later_phase_or_without_weight_is_not_false_either(phases):
    """Beside the first there is a match of its own, or another pick that is neither right nor false."""
    first, second = (
        replace(pick, phase=phase)
        for pick, phase in zip(picks("GE.A P 10, GE.A P 10.4"), phases.split(", "), strict=True)
    )
    p, _ = score_picks(picks("GE.A P 9.9, GE.A P 10.5"), [first, second], tolerance_s=0.5)
    matched = int(first.phase != "pP")
    assert (p.found, p.reference, p.matched) == (matched, matched, matched)


def test_a_second_pick_that_names_no_network_still_makes_its_station_one_of_any():
    """GE.APE and XX.APE can't be told from it, whichever of the picks of an onset is kept."""
    for second in ("GE.APE P 10.3", ".APE P 10.3"):
        p, _ = score("XX.APE P 20, GE.APE P 10", f"GE.APE P 10, {second}")
        assert (p.found, p.reference, p.matched) == (1 + second.startswith("."), 1, 1)


def test_a_pick_at_an_onset_of_a_later_phase_is_neither_right_nor_false():
    p, s = score("GE.APE P 10, GE.APE P 20, GE.APE S 20, GE.APE P 30", "GE.APE P 10, GE.APE pP 20, GE.APE AML 30")
    assert (p.found, p.reference, p.matched) == (2, 1, 1)
    assert (s.found, s.reference) == (1, 0)


@pytest.mark.parametrize("found", [".APE P 10", "GE.APE P 10"])
def test_where_one_side_names_no_network_stations_match_by_code(found):
    for reference in ("GE.APE P 10", ".APE P 10"):
        assert score(found, reference)[0].matched == 1
    assert score("GE.APE P 10", "XX.APE P 10")[0].matched == 0
    assert score("ge.ape P 10", "GE.APE P 10")[0].matched == score(".ape P 10", "GE.APE P 10")[0].matched == 1


def test_a_station_without_network_changes_nothing_at_others():
    found, reference = "GE.APE P 10, XX.APE P 20, .ZZZ P 10", "GE.APE P 10"
    p, _ = score(found, reference)
    assert (p.found, p.matched, p.precision) == (1, 1, 1.0)
    assert [mark.station_id for mark in elsewhere(picks(found), picks(reference))] == ["XX.APE", ".ZZZ"]


def test_iterators_are_scored_as_lists():
    found, reference = picks("GE.APE P 10, GE.APE S 12.2"), picks("GE.APE P 10.1, GE.APE S 12")
    for a, b in zip(
        score_picks(iter(found), iter(reference), tolerance_s=0.5),
        score_picks(found, reference, tolerance_s=0.5),
        strict=True,
    ):
        assert (a.found, a.reference, a.matched) == (b.found, b.reference, b.matched) == (1, 1, 1)


def test_how_far_apart_is_a_median_of_the_nearest_at_the_same_station():
    found = picks("GE.APE P 8, GE.APE S 13, GE.APE P 90, XX.ZZZ P 20.1")
    assert apart_s(found, picks("GE.APE P 10, GE.APE P 12, GE.APE S 20, YY.ZZZ P 20")) == 2.0
    assert math.isnan(apart_s(found, picks("YY.ZZZ P 20")))


HOUR_S = 3600


@pytest.mark.parametrize(
    ("shifts_s", "n", "expected_s"),
    [
        ([25 * HOUR_S] * 10, 10, 25 * HOUR_S),
        ([-25 * HOUR_S] * 10, 10, -25 * HOUR_S),
        ([25 * HOUR_S + 1] * 10, 10, math.nan),
        ([7, 8] * 5, 10, 7.5),  # as far apart as two times the tolerance
        ([7, 8.25] * 6, 12, math.nan),
        ([7] * 9, 9, math.nan),
        ([7] * 15, 30, 7),  # half of them
        ([7] * 15, 31, math.nan),
        ([math.nan] * 900 + [7] * 1100, 2000, 7),  # more than are looked at, which are spread over all
    ],
)
def test_a_shift_is_common_if_half_and_ten_have_it(shifts_s, n, expected_s):
    """Onsets so far apart that none can be taken for another."""
    reference = [replace(*picks("GE.APE P 0"), time_ns=k * 10**6 * NS_PER_S) for k in range(n)]
    pairs = zip(reference, shifts_s, strict=False)
    found = [replace(p, time_ns=p.time_ns + round(s * NS_PER_S)) for p, s in pairs if math.isfinite(s)]
    elsewhere = picks("GE.TIR P 3, GE.APE S 3") * 20  # not of the stations and phases that were found
    shift_s = common_shift_s(found[::-1], [*reference, *elsewhere], tolerance_s=0.5)
    np.testing.assert_equal(shift_s, expected_s)


def test_the_order_in_which_picks_are_given_does_not_matter():
    """Also where two of them are equally near: of these the earlier matches."""
    found, reference = picks("GE.A P 9.6, GE.A P 10.4"), picks("GE.A P 10, GE.A P 11")
    for mine in (found, found[::-1]):
        for theirs in (reference, reference[::-1]):
            p, _ = score_picks(mine, theirs, tolerance_s=1.0)
            np.testing.assert_allclose(p.residuals_s, [-0.4, -0.6], atol=1e-9)


def test_the_tolerance_decides():
    for tolerance_s, matched in ((0.09, 0), (0.1, 1)):
        assert score("GE.APE P 10.1", "GE.APE P 10", tolerance_s)[0].matched == matched


@pytest.mark.parametrize(
    ("found", "reference", "f1"), [("", "", math.nan), ("GE.APE P 1", "GE.APE S 1", 0.0), ("", "GE.APE P 1", 0.0)]
)
def test_nothing_found_or_nothing_wanted_is_no_division_by_zero(found, reference, f1):
    p, _ = score(found, reference)
    assert p.f1 == f1 or (math.isnan(p.f1) and math.isnan(f1))
    assert math.isnan(p.precision) == (p.found == 0)
    assert math.isnan(p.recall) == (p.reference == 0)
    assert p.residuals_s.shape == (0,)


# Detections


def stretches(text, kind=Detection):
    """Detections or labels from ``NET.STA class seconds [seconds]`` lines, separated by commas."""
    found = []
    for line in filter(None, (part.strip() for part in text.split(","))):
        station, label, *seconds = line.split()
        network, code = station.split(".")
        times_ns = [round(float(s) * NS_PER_S) for s in seconds]
        found.append(kind(network, code, "", "HH", label, times_ns[0], times_ns[-1]))
    return found


def score_stretches(found, reference, tolerance_s=0.5):
    scores = score_detections(stretches(found), stretches(reference, ClassInterval), tolerance_s=tolerance_s)
    return {score.name: score for score in scores}


def test_detections_of_a_case_worked_by_hand():
    # Rockfalls: 12-20 and 90-95 overlap theirs, 41-42 lies 1 s behind, 60-70 is false: 2 of 4 found, 2 of 3 wanted.
    # The earthquake lies where the rockfall of 90 does, and nothing calls it so.
    scores = score_stretches(
        "TW.A rockfall 12 20, TW.A rockfall 41 42, TW.A rockfall 60 70, TW.A rockfall 90 95",
        "TW.A rockfall 10 15, TW.A rockfall 30 40, TW.A rockfall 91 120, TW.A earthquake 90 95",
    )
    assert list(scores) == ["earthquake", "rockfall"]
    rockfall, earthquake = scores["rockfall"], scores["earthquake"]
    assert (rockfall.found, rockfall.reference, rockfall.matched) == (4, 3, 2)
    assert (rockfall.precision, rockfall.recall) == (2 / 4, 2 / 3)
    assert rockfall.f1 == pytest.approx(2 * 2 / (4 + 3))
    assert rockfall.residuals_s.tolist() == [2.0, -1.0]
    assert rockfall.false_an_hour(0.5) == 4.0
    assert (earthquake.found, earthquake.reference, earthquake.matched, earthquake.recall) == (0, 1, 0, 0.0)
    assert math.isnan(earthquake.precision)


@pytest.mark.parametrize(
    ("found", "reference", "matched", "residuals_s"),
    [
        ("TW.A x 10 20, TW.A x 19 30", "TW.A x 12 32", 1, [7.0]),  # by the longest overlap, 11 s; the other is false
        ("TW.A x 10 40", "TW.A x 12 15, TW.A x 20 35", 1, [-10.0]),  # one for two: the shorter is missed
        ("TW.A x 10 20, TW.A x 22 30", "TW.A x 9 12, TW.A x 21 29", 2, [1.0, 1.0]),
        ("TW.A x 10 20", "TW.A x 20 25", 1, [-10.0]),  # they share a moment
        ("TW.A x 10 20", "TW.A x 20.6 25", 0, []),
        ("TW.A x 10 20", "TW.A x 14", 1, [-4.0]),  # an end that is not known: contained
        ("TW.A x 10 20", "TW.A x 20.5", 1, [-10.5]),  # or near
        ("TW.A x 10 20", "TW.A x 9.4", 0, []),
        ("TW.A x 14", "TW.A x 10 20", 1, [4.0]),  # a single window
        ("TW.A x 0 20, TW.A x 13 30", "TW.A x 15", 1, [-2.0]),  # of two that contain it, that which starts nearer
    ],
)
def test_which_detections_match(found, reference, matched, residuals_s):
    score = score_stretches(found, reference)["x"]
    assert (score.matched, score.residuals_s.tolist()) == (matched, residuals_s)


def test_each_station_has_its_own_stretch_of_an_event():
    found = "TW.A x 10 20, TW.B x 11 20, TW.FAR x 10 20"
    score = score_stretches(found, "TW.A x 9 20, TW.B x 9 20, TW.C x 9 20, TW.D noise 0 99")["x"]
    assert (score.found, score.reference, score.matched) == (2, 3, 2)
    assert [d.station for d in elsewhere(stretches(found), stretches("TW.A x 9 20, TW.B noise 0 9"))] == ["FAR"]
    assert score_stretches("TW.a x 10 20", ".A x 10 20")["x"].matched == 1
    assert score_stretches("TW.A x 10 20", "XX.A x 10 20")["x"].matched == 0


def test_noise_is_no_class_that_is_scored_but_a_station_that_was_looked_at():
    found, reference = "TW.A x 10 20", "TW.A noise 0 99, TW.A Noise 5 6"
    scores = score_stretches(found, reference)
    assert list(scores) == ["Noise", "x"]
    assert (scores["x"].found, scores["x"].reference, scores["x"].precision) == (1, 0, 0.0)
    assert unscored(stretches(reference)) == ["noise"]
    assert unscored(picks("GE.A P 1, GE.A Lg 2, GE.A Sn 3")) == ["Lg"]


def test_iterators_of_detections_are_scored_as_lists():
    found, reference = stretches("TW.A x 10 20"), stretches("TW.A x 10 20", ClassInterval)
    [score] = score_detections(iter(found), iter(reference), tolerance_s=0.5)
    assert (score.found, score.reference, score.matched) == (1, 1, 1)
    assert score_detections([], [], tolerance_s=0.5) == []
