"""Spans that touch another are those that a look at each would find, and so is how near the others come."""

import math

from hypothesis import given
from hypothesis import strategies as st

from seisnet.overlaps import Spans

SPANS = st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 30)).map(lambda t: (t[0], t[0] + t[1])), max_size=30)


@given(SPANS, st.integers(-50, 50), st.integers(0, 20))
def test_spans_answer_as_a_look_at_each_does(spans, start, length):
    end, found = start + length, Spans(spans)
    touching = [i for i, (low, high) in enumerate(spans) if low <= end and high >= start]
    assert found.touching(start, end) == sorted(touching, key=lambda i: spans[i][0])
    gaps = [max(low - end, start - high) for low, high in spans]
    assert found.gap(start, end) == min(gaps, default=math.inf) or (touching and found.gap(start, end) <= 0)


def test_times_are_compared_to_the_nanosecond():
    at = 1_577_836_800_123_456_789  # which no float holds
    spans = Spans([(at, at), (at + 2, at + 2)])
    assert spans.touching(at + 1, at + 1) == []
    assert (spans.gap(at - 1, at - 1), spans.touching(at + 2, at + 9)) == (1, [1])
