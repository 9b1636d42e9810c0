"""Spans that touch or pair with others are those that a look at each finds, and so is how near the others come."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.overlaps import Spans, match_spans, merged

SPANS = st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 30)).map(lambda t: (t[0], t[0] + t[1])), max_size=30)


@given(SPANS, st.integers(-50, 50), st.integers(0, 20))
def test_spans_answer_as_a_look_at_each_does(spans, start, length):
    end, found = start + length, Spans(spans)
    touching = [i for i, (low, high) in enumerate(spans) if low <= end and high >= start]
    assert found.touching(start, end) == sorted(touching, key=lambda i: spans[i][0])
    gaps = [max(low - end, start - high) for low, high in spans]
    assert found.gap(start, end) == min(gaps, default=math.inf) or (touching and found.gap(start, end) <= 0)


@given(SPANS, st.integers(0, 5))
def test_merged_spans_are_the_runs_of_what_they_cover(spans, apart):
    covered = {x for low, high in spans for x in range(2 * low, 2 * (high + apart) + 1)}  # halves part neighbours
    first, last = (sorted(x for x in covered if x + step not in covered) for step in (-1, 1))
    assert merged(spans, apart) == [(low // 2, high // 2 - apart) for low, high in zip(first, last, strict=True)]


def test_times_are_compared_to_the_nanosecond():
    at = 1_577_836_800_123_456_789  # which no float holds
    spans = Spans([(at, at), (at + 2, at + 2)])
    assert spans.touching(at + 1, at + 1) == []
    assert (spans.gap(at - 1, at - 1), spans.touching(at + 2, at + 9)) == (1, [1])


MOMENTS = st.integers(0, 60).map(lambda t: (t, t))
PAIRED = st.lists(st.one_of(MOMENTS, st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)), max_size=12)


def apart(a, b):
    """Distance of two spans; of those that overlap, by how much, below 0."""
    common = set(range(a[0], a[1] + 1)) & set(range(b[0], b[1] + 1))
    if common:
        return min(common) - max(common)
    return min(abs(x - y) for x in a for y in b)


def by_brute_force(found, reference, tolerance):
    """Oracle: of all pairs that remain take the closest, until none is close enough."""
    pairs = {}
    while True:
        rest = [
            (apart(s, r), abs(s[0] - r[0]), *s, *r, i, j)
            for i, s in enumerate(found)
            for j, r in enumerate(reference)
            if apart(s, r) <= tolerance and i not in pairs.values() and j not in pairs
        ]
        if not rest:
            return [(pairs[j], j) for j in sorted(pairs)]
        *_, i, j = min(rest)
        pairs[j] = i


@given(found=PAIRED, reference=PAIRED, tolerance=st.integers(0, 20))
@settings(max_examples=300)
def test_pairs_are_those_of_brute_force(found, reference, tolerance):
    scaled = [[(a * 10**8, b * 10**8) for a, b in side] for side in (found, reference)]
    assert match_spans(*scaled, tolerance_s=tolerance / 10) == by_brute_force(found, reference, tolerance)


@pytest.mark.parametrize("length_ns", [0, 7])
def test_the_tolerance_itself_still_counts_and_a_nanosecond_more_does_not(length_ns):
    start = 1_577_836_800_000_000_000
    reference = [(start - length_ns, start)]
    for apart_ns, pairs in ((500_000_000, [(0, 0)]), (500_000_001, [])):
        for first in (start + apart_ns, start - 2 * length_ns - apart_ns):
            assert match_spans([(first, first + length_ns)], reference, tolerance_s=0.5) == pairs
