"""Packets of one instrument: what has arrived of it, and up to when nothing can change any more."""

import numpy as np
import pytest

from seisnet.waveforms.inventory import read_stations
from seisnet.waveforms.packets import BEFORE_ALL_NS, Packets, final_ns
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.segments import Segment, part
from tests.stations import write_stations

ID = "GE.APE..HHZ"


def piece(start_s, end_s, rate_hz=100.0):
    """Counts, each the number of its sample since 1970."""
    first, stop = (round(s * rate_hz) for s in (start_s, end_s))
    return Segment(np.arange(first, stop), round(start_s * NS_PER_S), rate_hz, rate_hz / 2, ID)


@pytest.mark.parametrize(
    ("spans", "complete_s", "final_s"),
    [
        ([], 60, 60),
        ([(0, 60), (0, 60)], 60, 60),  # two components that go on
        ([(0, 60), (57, 60)], 60, 57),  # the second may turn out to be too short to cut records
        ([(0, 60), (55, 60)], 60, 60),  # or is long enough
        ([(0, 60), (50, 53)], 60, 60),  # or was too short, and cuts none
        ([(0, 60), (0, 57)], 60, 57),  # what begins where it ends is yet too short to be a record
        ([(0, 60), (0, 55)], 60, 60),
        ([(0, 60), (0, 56), (0, 58)], 60, 56),
        ([(0, 70), (0, 55), (57, 60)], 60, 55),  # if it was too short, a record would begin at 55, else end at 57
        ([(0, 60), (50, 54.01), (54.5, 60)], 60, 60),
        ([(0, 60), (53, 57.01)], 60, 57.01),  # not known to be long enough if its ends are lost to resampling
    ],
)
def test_nothing_is_final_that_a_stretch_may_yet_change_that_is_too_short(spans, complete_s, final_s):
    segments = [piece(*span) for span in spans]
    found = final_ns(segments, complete_s * NS_PER_S, 4 * NS_PER_S, round(0.015 * NS_PER_S), {})
    assert found == round(final_s * NS_PER_S)


@pytest.mark.parametrize("jitter", [0.0, 1e-6])
def test_packets_are_put_together_whether_their_rates_jitter_or_not(jitter):
    packets = Packets()
    for second in range(10):
        packets.add(piece(second, second + 1, 100.0 * (1 + jitter * (second * 7 % 5 - 2))), "Z")
    [found] = packets.segments()
    np.testing.assert_array_equal(found.samples, np.arange(1000))
    assert found.rate_hz == pytest.approx(100.0, rel=1e-7)
    packets.forget(8_500_000_000)
    [found] = packets.segments()
    np.testing.assert_array_equal(found.samples[-150:], np.arange(850, 1000))
    assert len(found.samples) <= 151


def test_samples_that_were_sent_before_are_known_as_long_as_they_are_kept():
    packets = Packets()
    packets.add(piece(0, 5), "Z")
    assert packets.hold(piece(1, 3), "Z") and packets.hold(piece(0, 5), "Z")
    assert not packets.hold(piece(1, 3), "N") and not packets.hold(piece(4, 6), "Z")
    other = piece(1, 3)
    assert not packets.hold(Segment(other.samples + 1, other.start_ns, 100.0, 50.0, ID), "Z")
    packets.forget(2 * NS_PER_S)
    assert packets.hold(piece(2, 3), "Z") and not packets.hold(piece(1, 3), "Z")


def test_a_component_is_waited_for_until_the_others_are_so_far_ahead_and_none_before_it_may_have_come():
    packets = Packets()
    packets.add(piece(0, 5), "Z")
    packets.add(piece(0, 4), "N")
    assert packets.complete_ns(30 * NS_PER_S) == BEFORE_ALL_NS
    packets.add(piece(0, 3), "E")
    assert packets.complete_ns(30 * NS_PER_S) == 3 * NS_PER_S
    packets.add(piece(5, 40), "Z")
    packets.add(piece(40, 41), "Z")
    assert packets.complete_ns(30 * NS_PER_S) == 37 * NS_PER_S  # N may return with 4 s
    assert packets.complete_ns(2 * NS_PER_S) == 39 * NS_PER_S  # or less, where nothing is waited for longer
    packets.add(piece(4, 30), "N")
    assert packets.complete_ns(30 * NS_PER_S) == 30 * NS_PER_S


def test_a_gap_of_all_components_is_no_lag():
    packets = Packets()
    for start_s in (0, 1000):
        for component in "ZNE":
            packets.add(piece(start_s, start_s + 5), component)
            if start_s and component != "E":
                assert packets.complete_ns(30 * NS_PER_S) == 5 * NS_PER_S
    assert packets.complete_ns(30 * NS_PER_S) == 1005 * NS_PER_S


def test_a_packet_is_kept_as_it_came_and_one_of_another_rate_is_not_among_those_before():
    packets, sent = Packets(), piece(0, 5)
    packets.add(sent, "Z")
    sent.samples[:] = 0  # whoever sent it fills it anew
    np.testing.assert_array_equal(packets.segments()[0].samples, np.arange(500))
    other = piece(1, 3)
    assert not packets.hold(Segment(other.samples, other.start_ns, 50.0, 25.0, ID), "Z")
    packets.forget(other.start_ns + NS_PER_S // 100)
    np.testing.assert_array_equal(packets.segments()[0].samples, np.arange(101, 500))
    packets.forget(other.start_ns + 2 * NS_PER_S // 100)  # a single sample
    assert packets.segments()[0].start_ns == other.start_ns + 2 * NS_PER_S // 100


def test_a_gap_counts_as_long_as_somebody_may_be_waited_for_since_before_it():
    """Not as long as the gap takes, and to the nanosecond as long as without one."""
    packets = Packets()
    for start_s, stop_s in ((0, 5), (1000, 1005)):
        for component in "ZNE" if not start_s else "Z":
            packets.add(piece(start_s, stop_s), component)
    for second in range(1005, 1031, 5):
        packets.add(piece(second, second + 5), "Z")
    assert packets.complete_ns(30 * NS_PER_S) == 5 * NS_PER_S  # 30 s after the gap, and none before it
    assert packets.complete_ns(30 * NS_PER_S - 1) == 1030 * NS_PER_S  # the others may return with 5 s
    assert packets.complete_ns(30 * NS_PER_S) == 1030 * NS_PER_S  # the gap is forgotten, which has passed


def test_of_several_gaps_all_count_since_a_component_ended():
    packets = Packets()
    for component in "ZNE":
        packets.add(piece(0, 5), component)
    packets.add(piece(100, 105), "Z")
    packets.add(piece(200, 205), "Z")
    assert packets.complete_ns(30 * NS_PER_S) == 5 * NS_PER_S  # others had 5 s more to come


def test_what_goes_on_after_some_was_forgotten_is_one_run():
    packets = Packets()
    packets.add(piece(0, 5, 75.0), "Z")
    packets.forget(2 * NS_PER_S + NS_PER_S // 50)  # at one and a half samples after it
    packets.add(piece(5, 8, 75.0), "Z")
    [trace] = packets.stream()
    np.testing.assert_array_equal(trace.data, np.arange(151, 600))
    assert (trace.stats.starttime.ns, trace.id, trace.stats.sampling_rate) == (2_013_333_333, ID, 75.0)
    assert packets.hold(piece(6, 8, 75.0), "Z")
    packets.forget(2 * NS_PER_S + NS_PER_S // 25)  # 3 samples after 2 s
    assert packets.stream()[0].stats.starttime.ns == 2_040_000_000
    packets.forget(packets.stream()[0].stats.starttime.ns + 2 * NS_PER_S // 75 + 1)
    assert packets.stream()[0].stats.starttime.ns == 2_066_666_667  # rounded, or the run would drift by and by
    packets.forget(9 * NS_PER_S)
    assert not packets.segments() and not packets.stream()
    packets.add(piece(8, 9, 75.0), "Z")
    assert [(t.stats.starttime.ns, len(t)) for t in packets.stream()] == [(8 * NS_PER_S, 75)]


def test_a_packet_that_overlaps_what_came_before_adds_what_is_new():
    packets = Packets()
    for span in ((0, 5), (3, 8), (8, 9)):
        packets.add(piece(*span), "Z")
    [found] = packets.segments()
    np.testing.assert_array_equal(found.samples, np.arange(900))
    assert packets.hold(piece(2, 5), "Z") and packets.hold(piece(5, 9), "Z")


def test_of_a_packet_that_came_too_late_nothing_remains():
    packets = Packets()
    for component in "ZNE":
        packets.add(piece(0, 5), component)
    late = piece(1, 3, 50.0)
    packets.add(part(late, 100, 100), "Z")
    assert packets.rates_hz == {100.0}
    assert packets.complete_ns(30 * NS_PER_S) == 5 * NS_PER_S


def test_runs_that_are_forgotten_leave_no_rate():
    packets = Packets()
    packets.add(piece(0, 5, 50.0), "Z")
    packets.add(piece(10, 15), "Z")
    packets.forget(6 * NS_PER_S)
    assert packets.rates_hz == {100.0}
    packets.forget(15 * NS_PER_S)
    assert packets.rates_hz == set()


def test_what_is_forgotten_frees_its_memory():
    packets = Packets()
    packets.add(piece(0, 1000), "Z")
    packets.forget(999 * NS_PER_S)
    [found] = packets.segments()
    assert len(found.samples) == 100 and found.samples.base is None


@pytest.mark.parametrize("turn_s", [56, 57])
def test_a_stretch_that_begins_where_a_component_turns_may_yet_be_too_short(turn_s, tmp_path):
    channels = (("HHZ", 0.0, -90.0, 0, turn_s / 86_400), ("HHZ", 0.0, 90.0, turn_s / 86_400, 1))
    stations = read_stations((write_stations(tmp_path / "s.xml", *channels),))
    since_ns = 1_577_836_800 * NS_PER_S  # from which the metadata count days
    segments = [Segment(np.zeros(6000), since_ns, 100.0, 50.0, ID)]
    found = final_ns(segments, since_ns + 60 * NS_PER_S, 4 * NS_PER_S, NS_PER_S // 100, stations)
    assert found == since_ns + turn_s * NS_PER_S


def test_components_that_have_not_come_are_not_waited_for_longer_than_is_asked():
    packets = Packets()
    packets.add(piece(0, 10), "Z")
    packets.add(piece(10, 40), "Z")
    assert packets.complete_ns(11 * NS_PER_S) == BEFORE_ALL_NS
    assert packets.complete_ns(10 * NS_PER_S) == 40 * NS_PER_S


def test_what_is_kept_grows_with_neither_gaps_nor_rates_nor_components_that_stop():
    packets = Packets()
    for second in range(400):
        if second % 7:  # else there is a gap of all
            rate_hz = 100.0 * (1 + 1e-6 * (second % 5))
            for component in "ZNE" if second < 200 else "ZN":
                packets.add(piece(second, second + 1, rate_hz), component)
        packets.complete_ns(30 * NS_PER_S)
        packets.forget((second - 10) * NS_PER_S)
        if second % 100 == 99:
            kept = packets.stream()
            assert len(kept) <= 3 * 12 and sum(trace.stats.npts for trace in kept) <= 3 * 1201
