"""Segments of three components stand beside each other, at times of their own too."""

import numpy as np
import pytest

from seisnet.waveforms.alignment import side_by_side
from seisnet.waveforms.records import COMPONENTS, NS_PER_S
from seisnet.waveforms.segments import Segment
from tests.records import START_NS, STEP_NS, ns_to_index, records_of


def test_a_component_that_starts_later_and_ends_earlier_is_absent_outside(make_trace, noise):
    z = make_trace(noise(1000, 1))
    e = make_trace(noise(400, 2), "GE.APE..HHE", start_ns=START_NS + 300 * STEP_NS)
    found, rejections = records_of(z, e)
    assert [(ns_to_index(r.start_ns), r.n_samples, r.present.tolist()) for r in found] == [
        (0, 300, [True, False, False]),
        (300, 400, [True, False, True]),
        (700, 300, [True, False, False]),
    ]
    np.testing.assert_allclose(found[1].data[2], e.data, atol=1e-5)
    np.testing.assert_allclose(found[1].data[0], z.data[300:700], atol=1e-5)
    assert rejections == []


@pytest.mark.parametrize("offset_ms", [-4, -1, 1, 4])
def test_components_within_half_a_sample_share_a_record(offset_ms, make_trace, noise):
    z = make_trace(noise(1000))
    e = make_trace(noise(1000, 2), "GE.APE..HHE", start_ns=START_NS + offset_ms * 1_000_000)
    [record], rejections = records_of(z, e)
    assert record.present.tolist() == [True, False, True]
    assert abs(record.n_samples - 1000) <= 1
    assert abs(record.start_ns - START_NS) <= 4_000_000
    assert rejections == []


@pytest.mark.parametrize("rate_hz", [30.0, 100.0, 120.0, 300.0])
@pytest.mark.parametrize("more_ns", range(-2, 3))
def test_components_half_a_sample_apart_stand_beside_each_other(rate_hz, more_ns, make_trace, noise):
    """Also where half an interval is no whole number of nanoseconds."""
    late_ns = round(NS_PER_S / rate_hz / 2) + more_ns
    z, n = noise(500, 0), noise(500, 1)
    [record], rejections = records_of(
        make_trace(z, rate_hz=rate_hz),
        make_trace(n, "GE.APE..HHN", start_ns=START_NS + late_ns, rate_hz=rate_hz),
        sampling_rate_hz=rate_hz,
    )
    first = round((record.start_ns - START_NS) * rate_hz / NS_PER_S)
    assert record.present.tolist() == [True, True, False] and not rejections
    assert (first, record.n_samples) in ((0, 500), (1, 499))
    np.testing.assert_array_equal(record.data[0], z[first:].astype(np.float32))
    np.testing.assert_array_equal(record.data[1], n[: record.n_samples].astype(np.float32))


def beside(rate_hz, **rows):
    """Segments of Z, N, E, each given by its start in ns and its number of samples, laid beside each other."""
    segments = {
        COMPONENTS.index(c): [Segment(np.arange(n), at, rate_hz, rate_hz / 2, f"GE.APE..HH{c}") for at, n in given_ones]
        for c, given_ones in rows.items()
    }
    return side_by_side(segments, "GE.APE..HH", rate_hz)


def test_fragments_of_components_that_are_sampled_at_times_of_their_own_make_no_empty_record():
    found = beside(62.5, Z=[(0, 3)], N=[(-8_000_000, 1), (48_000_000, 1)], E=[(-4_800_000, 4)])
    assert [record.n_samples for record, _ in found] == [2]


def test_one_sample_that_only_one_component_has_is_a_record_at_any_rate():
    """Of 1/30 s, half rounded up to whole nanoseconds, twice is more than a sample."""
    found = beside(30.0, Z=[(0, 10)], N=[(33_333_333, 9)])
    assert [record.n_samples for record, _ in found] == [1, 9]


def test_the_channels_of_a_record_are_named_in_the_order_of_its_rows():
    [(_, used)] = beside(100.0, E=[(0, 5)], Z=[(0, 5)], N=[(0, 5)])
    assert [segment.seed_id for segment in used.values()] == ["GE.APE..HHZ", "GE.APE..HHN", "GE.APE..HHE"]


def test_of_two_rates_at_one_time_the_higher_stays_and_the_other_is_told(make_trace, noise):
    fast = make_trace(noise(2000), start_ns=START_NS + 10 * NS_PER_S)
    slow = make_trace(noise(5000), rate_hz=50.0)
    after = make_trace(noise(500), rate_hz=50.0, start_ns=START_NS + 200 * NS_PER_S)
    for traces in ((fast, slow, after), (after, slow, fast)):
        found, [rejection] = records_of(*traces)
        assert [(r.start_ns, r.bandwidth_hz) for r in found] == [
            (fast.stats.starttime.ns, 50.0),
            (after.stats.starttime.ns, 25.0),
        ]
        assert "sampled at 50 Hz" in rejection.reason
