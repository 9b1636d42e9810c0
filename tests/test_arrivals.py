"""A restarted stream makes the picks of an uninterrupted one, once each; and who watches it knows what comes."""

import numpy as np
import obspy
import pytest

from seisnet.config import PickConfig
from seisnet.errors import DataError
from seisnet.picks import Pick
from seisnet.waveforms.arrivals import Arrivals, Place, Repeats, read_places
from seisnet.waveforms.records import NS_PER_S
from tests.bursts import MODEL, START_NS, bursts, stream_of

NOW_NS = START_NS + 86_400 * NS_PER_S
CONFIG = PickConfig(rival_s=5.0)
SETTLED_S = MODEL.margin_s(CONFIG) + 60


class Run:
    """What `seisnet stream` does with packets, numbered from 1 on, until it is killed."""

    def __init__(self, packets, given=(), places=None):
        self.told, self.found, places = [], list(given), places or {}
        streaming, repeats = MODEL.stream(CONFIG), Repeats(given, places, CONFIG.min_distance_s)
        self.arrivals = Arrivals(["GE.APE"], places, settled_s=SETTLED_S, tell=self.told.append)
        self.states = []
        first = places["GE.APE"].sequence if places else 1
        for number, packet in list(enumerate(packets, start=1))[first - 1 :]:
            self.found += repeats.without(streaming.add(packet))
            self.arrivals.note(packet, number, NOW_NS)
            self.states.append((number, len(self.found), self.arrivals.places))
        self.picks = sorted(self.found + repeats.without(streaming.finish()))


@pytest.fixture(scope="module")
def packets(make_trace):
    """Ten minutes in packets of ten seconds, with a gap, and one component 20 s behind the others."""
    stream = stream_of(bursts(64_000, every=700), make_trace)
    parts = [packet for trace in stream for packet in trace.slide(9.99, 10.0)]
    parts = [packet for packet in parts if not 400 < (packet.stats.starttime.ns - START_NS) / NS_PER_S < 440]
    return sorted(parts, key=lambda packet: packet.stats.endtime + 20 * (packet.stats.channel[-1] == "N"))


@pytest.fixture(scope="module")
def whole(packets):
    run = Run(packets)
    assert run.picks == list(MODEL.classify(obspy.Stream(packets), CONFIG)) and len(run.picks) > 50
    return run


@pytest.mark.parametrize(("killed_at", "from_first"), [(70, True), (139, False), (170, False)])
def test_a_stream_that_is_killed_and_resumed_makes_every_pick_once(killed_at, from_first, packets, whole):
    number, n_found, places = whole.states[killed_at - 1]
    assert number == killed_at
    assert places["GE.APE"].sequence == 1 if from_first else 10 < places["GE.APE"].sequence < killed_at - 80
    resumed = Run(packets, whole.found[:n_found], places)
    assert resumed.picks == whole.picks
    assert resumed.told == []


def test_of_an_instrument_that_comes_later_than_another_of_its_station_nothing_is_lost(packets):
    """200 s later, after a time in which the picks of the first are final."""
    late = [packet.copy() for packet in packets]
    for packet in late:
        packet.stats.channel = f"EH{packet.stats.channel[-1]}"
    order = sorted(packets + late, key=lambda p: p.stats.endtime + 200 * (p.stats.channel[0] == "E"))[:230]
    whole = Run(order)
    _, n_found, places = whole.states[190]
    assert places["GE.APE"].sequence > 1
    assert Run(order, whole.found[:n_found], places).picks == whole.picks


def test_picks_that_waited_when_a_stream_was_stopped_are_made_only_once(packets, whole):
    """They were given at the stop, less sure of what came later."""
    stopped = Run(packets[:150])
    resumed = Run(packets, stopped.picks, stopped.arrivals.places)
    assert [(p.phase, p.time_ns) for p in resumed.picks] == [(p.phase, p.time_ns) for p in whole.picks]
    assert set(stopped.picks) <= set(resumed.picks) != set(whole.picks)


def test_what_an_earlier_run_has_given_or_decided_is_left_out_and_nothing_else():
    def at(seconds, phase="P", station="APE"):
        return Pick("GE", station, "", "HH", phase, START_NS + round(seconds * NS_PER_S))

    places = {"GE.APE": Place(1, {"GE.APE..HH": START_NS}, START_NS + 300 * NS_PER_S)}
    repeats = Repeats([at(-0.01), at(50), at(99, station="LAST")], places, 1.0)
    new = [at(50.5), at(49.5), at(50, "S"), at(0), at(-9, station="LAST"), at(99, station="LAST")]
    assert repeats.without([at(-1), at(0), at(50.49), at(49.51), at(50), *new]) == [p for p in new if p != at(0)]
    assert Repeats([at(50)], places, 0.0).without([at(50.04), at(50.06)]) == [at(50.06)]


def packet(make_trace, at_s, station="APE", seconds=10):
    return make_trace(np.zeros(100 * seconds), f"GE.{station}..HHZ", start_ns=START_NS + round(at_s * NS_PER_S))


def test_whoever_watches_learns_of_latencies_gaps_and_silence(make_trace):
    told = []
    places = {"GE.BACK": Place(7, {}, START_NS + 100 * NS_PER_S)}
    arrivals = Arrivals(["GE.APE", "GE.LATE", "GE.BACK", "GE.MUTE"], places, settled_s=60, tell=told.append)

    def note(at_s, now_s, station="APE"):
        arrivals.note(packet(make_trace, at_s, station), 1, START_NS + now_s * NS_PER_S)

    def status(now_s):
        return arrivals.status(START_NS + now_s * NS_PER_S)

    assert status(0) == "0 of 4 stations heard; silent: " + ", ".join(
        f"GE.{name} (nothing yet)" for name in ("APE", "BACK", "LATE", "MUTE")
    )
    note(0, 12)
    note(0, 50, "Late")
    assert status(60).startswith("2 of 4 stations heard, latency 21 s (median; GE.LATE: 40 s); silent: ")
    note(129, 141)
    assert told == []
    note(300, 310)
    note(130, 320, "BACK")
    note(220, 330, "BACK")
    note(9_000, 331)  # whoever dates it so far ahead, nothing else is known of the station
    assert [line.split(":")[0] for line in told] == ["GE.APE"]
    assert told[0].endswith("no data from 2020-01-01T00:02:18.990000Z to 2020-01-01T00:05:00.000000Z")
    assert status(700) == (
        "0 of 4 stations heard; silent: GE.APE (6.5 min), GE.BACK (6.17 min), GE.LATE (10.8 min), GE.MUTE (nothing yet)"
    )


def test_places_are_kept_also_of_stations_that_have_not_come_again_and_trouble_is_told_once(make_trace, tmp_path):
    path, told = tmp_path / "p.seedlink.json", []
    known = {"GE.OLD": Place(5, {"GE.OLD..HH": START_NS}, START_NS + 1)}
    arrivals = Arrivals(["GE.APE", "GE.MUTE", "GE.OLD", "GE.NEW"], known, settled_s=50, tell=told.append)
    for k in range(30):
        arrivals.note(packet(make_trace, 10 * k), 100 + k, NOW_NS)
    for k in range(2):
        arrivals.note(packet(make_trace, 40 * k, "NEW"), 7 + k, NOW_NS)
    arrivals.write(path, "a:1")
    end_ns = START_NS + 300 * NS_PER_S - 10_000_000
    # Marks at 10, 40, ... 280 s; five of them, 120 s, are kept.
    newest = Place(115, {"GE.APE..HH": end_ns - 80 * NS_PER_S}, end_ns)
    first = Place(7, {}, START_NS + 50 * NS_PER_S - 10_000_000)
    assert read_places(path, "a:1") == arrivals.places == known | {"GE.APE": newest, "GE.NEW": first}
    for place in (path / "x", tmp_path / "nowhere" / "x"):
        for _ in range(2):
            arrivals.write(place, "a:1")
    assert len(told) == 2 and all(line.endswith("; a restart can't go on from here") for line in told)
    cut = '{"server": "a:1", "stations": {"GE.APE": {"sequence": 1}}}'
    for content in ("", "[]", "{}", cut, '{"server": "a:1"}', '{"server": "a:1", "stations": {"GE.APE": [1, 2, 3]}}'):
        path.write_text(content)
        with pytest.raises(DataError, match=r"not what a stream writes of where it is; remove it"):
            read_places(path, "a:1")
    arrivals.write(path, "a:1")
    with pytest.raises(DataError, match=r"of server a:1, whose numbers of packets b:1 does not know; remove it"):
        read_places(path, "b:1")
