"""Picks that are kept only in the company of others."""

from seisnet.picking.coincidence import coincident, s_after_p
from seisnet.picks import Pick


def test_coincidence_counts_stations_not_picks():
    def pick(station, seconds, phase="P"):
        return Pick("X", station, "", "HH", phase, round(seconds * 1e9))

    picks = [pick("A", 0), pick("A", 1, "S"), pick("B", 4), pick("C", 40), pick("B", 44), pick("A", 70)]
    assert coincident(picks, 2, 5.0) == [*picks[:3], *picks[3:5]]
    assert coincident(picks, 3, 15.0) == []
    assert s_after_p([pick("A", 0), pick("A", 3, "S"), pick("B", 4, "S"), pick("A", 30, "S")], 10.0) == [
        pick("A", 0),
        pick("A", 3, "S"),
    ]
