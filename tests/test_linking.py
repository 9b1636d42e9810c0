"""Picks and traces without an event share one with those that are close in time."""

from dataclasses import replace

import numpy as np

from seisnet.labels.linking import event_names, linked
from seisnet.picks import Pick
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.waveforms.datasets import loose_span_ns, rows_of
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S


def events_of(*picks, link_s=30.0):
    """Events of picks at some seconds, each at a station of its own, after they were linked."""
    given = [
        Pick("XX", f"S{n}", "", "", "P", START_NS + round(seconds * NS_PER_S), event_id=event)
        for n, (seconds, event) in enumerate(picks)
    ]
    found = linked(given, link_s)
    assert [replace(p, event_id=event) for p, (_, event) in zip(found, picks, strict=True)] == given
    return [p.event_id for p in found]


def test_picks_of_one_earthquake_at_many_stations_get_one_event_and_named_ones_keep_theirs():
    picks = [(0, ""), (20, ""), (45, ""), (3599, ""), (3601, ""), (100, "mine")]
    one, another = "picks from 2020-01-01T00:00:00.000000Z", "picks from 2020-01-01T00:59:59.000000Z"
    assert events_of(*picks) == [one, one, one, another, another, "mine"]
    assert events_of(*picks, link_s=0.0) == ["", "", "", "", "", "mine"]
    assert events_of((0, ""), (0, "mine"), link_s=0.0) == ["", "mine"]


def test_picks_without_an_event_join_the_one_whose_picks_are_near():
    """Those that follow each other go together; among several events each goes with the nearest, or none."""
    assert events_of((0, ""), (20, ""), (45, ""), (10, "mine")) == ["mine"] * 4
    assert events_of((0, "a"), (30, ""), (59, ""), (90, "a")) == ["a"] * 4
    assert events_of((0, "a"), (10, ""), (25, ""), (40, "b")) == ["a", "a", "b", "b"]
    alone = "picks from 2020-01-01T00:00:30.000000Z"
    assert events_of((0, "a"), (30, ""), (30.5, "")) == ["a", "a", "a"]
    assert events_of((-0.5, "a"), (30, "")) == ["a", alone]
    assert events_of((0, "a"), (30, ""), (60, ""), (90, ""), (120, "b")) == ["a", "a", alone, "b", "b"]


def test_a_trace_is_of_one_event_from_its_first_to_its_last_pick(tmp_path):
    """P and S of the first trace lie a minute apart; the second one's pick lies between them, the third comes after."""
    columns = ("trace_start_time", "trace_sampling_rate_hz", "trace_category", "source_id")
    arrivals = ("trace_P_arrival_sample", "trace_Sn_arrival_sample")
    rows = [
        ("2020-01-01T00:00:00", 100, "earthquake", "", 1000, 7000),
        ("2020-01-01T00:00:20", 50, "earthquake", "", 1000.5, ""),
        ("2020-01-01T00:01:41", 100, "earthquake", "", "", ""),
        ("2020-01-01T00:00:00", 100, "earthquake", "mine", 1000, ""),
        ("2020-01-01T00:00:00", 100, "noise", "", "", ""),
        ("yesterday", 100, "earthquake", "", 1000, ""),
        ("", 100, "earthquake", "", 1000, ""),
    ]
    with new_seisbench(tmp_path / "set", (*columns, *arrivals), data_format={"component_order": "ZNE"}) as writer:
        for row in rows:
            writer.add(dict(zip((*columns, *arrivals), row, strict=True)), np.ones((3, 10)))
    spans = [loose_span_ns(stored) for stored in rows_of(tmp_path / "set")]
    second, made_up = START_NS + round(40.01 * NS_PER_S), 6 * 3600 * NS_PER_S + 10 * NS_PER_S
    assert spans == [
        (START_NS + 10 * NS_PER_S, START_NS + 70 * NS_PER_S), (second, second), (START_NS + 101 * NS_PER_S,) * 2,
        None, None, None, (made_up, made_up),
    ]  # fmt: skip
    names = event_names([span for span in spans if span], 30.0, "traces")
    assert names[0] == names[1] == "traces from 2020-01-01T00:00:10.000000Z"
    assert len(set(names)) == 3
