"""Picks that are kept only in the company of others."""

from hypothesis import given
from hypothesis import strategies as st

from seisnet.picking.coincidence import coincident, s_after_p
from seisnet.picks import Pick


def test_coincidence_counts_stations_not_picks():
    def pick(station, seconds, phase="P"):
        return Pick("X", station, "", "HH", phase, round(seconds * 1e9))

    picks = [pick("A", 0), pick("A", 1, "S"), pick("B", 4), pick("C", 40), pick("B", 44), pick("A", 70)]
    assert coincident(picks, 2, 5.0) == [*picks[:3], *picks[3:5]]
    assert coincident(picks, 3, 15.0) == []
    first, second = [pick("A", 0), pick("A", 10, "S")], [pick("A", 31), pick("A", 33, "S")]
    assert s_after_p([*first, pick("B", 11, "S"), pick("A", 30, "S"), *second], 10.0) == [*first, *second]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ABC")), max_size=12).map(sorted),
    st.integers(1, 3),
    st.integers(0, 20),
)
def test_picks_in_company_are_those_of_a_look_at_every_stretch(found, n_stations, within_s):
    picks = [Pick("X", station, "", "HH", "P", at * 10**9) for at, station in found]
    kept = set()
    for first, _ in found:
        here = [i for i, (at, _) in enumerate(found) if first <= at <= first + within_s]
        if len({found[i][1] for i in here}) >= n_stations:
            kept |= {*here}
    assert coincident(picks, n_stations, within_s) == [picks[i] for i in sorted(kept)]
