"""Scores worked by hand."""

import math

import numpy as np
import pytest

from seisnet.picks import Pick
from seisnet.scoring.matching import score_picks
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
    assert (p.phase, p.found, p.reference, p.matched) == ("P", 4, 3, 2)
    assert (p.precision, p.recall) == (2 / 4, 2 / 3)
    assert p.f1 == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))
    np.testing.assert_allclose(p.residuals_s, [0.1, -0.1], atol=1e-9)
    assert (s.phase, s.found, s.reference, s.matched, s.precision, s.recall, s.f1) == ("S", 1, 1, 0, 0, 0, 0)


def test_a_pick_matches_only_on_its_own_station_and_phase():
    p, s = score("GE.APE P 10, GE.XYZ S 20", "GE.XYZ P 10, GE.APE S 20")
    assert (p.matched, s.matched) == (0, 0)


def test_two_picks_of_one_onset_are_one_hit_and_one_false_pick():
    p, _ = score("GE.APE P 10.0, GE.APE P 10.3", "GE.APE P 10.1")
    assert (p.found, p.matched) == (2, 1)
    np.testing.assert_allclose(p.residuals_s, [-0.1], atol=1e-9)


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


@pytest.mark.parametrize("found", [".APE P 10", "GE.APE P 10"])
def test_where_one_side_names_no_network_stations_match_by_code(found):
    for reference in ("GE.APE P 10", ".APE P 10"):
        assert score(found, reference)[0].matched == 1
    assert score("GE.APE P 10", "XX.APE P 10")[0].matched == 0


def test_iterators_are_scored_as_lists():
    found, reference = picks("GE.APE P 10, GE.APE S 12.2"), picks("GE.APE P 10.1, GE.APE S 12")
    for a, b in zip(
        score_picks(iter(found), iter(reference), tolerance_s=0.5),
        score_picks(found, reference, tolerance_s=0.5),
        strict=True,
    ):
        assert (a.found, a.reference, a.matched) == (b.found, b.reference, b.matched) == (1, 1, 1)


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
