"""Spans that touch another are those that a look at each would find, and so is how near the others come."""

import math

from hypothesis import given
from hypothesis import strategies as st

from seisnet.overlaps import Spans, merged

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
