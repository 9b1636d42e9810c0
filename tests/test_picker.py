"""Probability traces become picks: one a hump, at its centre, far enough apart."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seisnet.config import PickConfig
from seisnet.picking.peaks import OnsetFinder, PeaksOfP
from seisnet.picking.picker import LONGEST_CLUSTER_S, LONGEST_RUN_S, Picker, apart, snr_db
from seisnet.picks import Pick
from seisnet.scan.onset_network import FURTHEST_S, WINDOW_S
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.records import NS_PER_S, ns_to_sample

START_NS = 1_577_836_800 * NS_PER_S
HOP_NS = 200_000_000
CLASSES = ("P", "S", "noise")


def trace_of(*values):
    return np.array(values, dtype=np.float32)


def bump(at, height, n=300, width=3.0):
    return (height * np.exp(-0.5 * ((np.arange(n) - at) / width) ** 2)).astype(np.float32)


def probabilities_of(p, s=None, start_ns=START_NS + 2 * NS_PER_S):
    s = np.zeros_like(p) if s is None else s
    return Probabilities(
        np.stack([p, s, 1 - p - s]), start_ns, HOP_NS, CLASSES, "GE.APE..HH", np.zeros(len(p), dtype=bool)
    )


def find_onsets(probability, threshold):
    """Fractional column and height of every peak of a whole trace."""
    found = OnsetFinder(threshold, len(probability)).add(probability, last=True)
    return [(peak + offset, height) for peak, offset, height in found]


def find_picks(record, probabilities, thresholds, *, config):
    return Picker(thresholds, config=config, model="m").add(record, probabilities, last=True)


# Onsets


@pytest.mark.parametrize(
    ("values", "threshold", "expected"),
    [
        ((0, 0, 0.4, 0.8, 0.4, 0, 0), 0.5, [(3.0, 0.8)]),
        ((0, 0, 0.4, 0.49, 0.4, 0, 0), 0.5, []),
        ((0, 0.5, 0), 0.5, [(1.0, 0.5)]),
        ((0.8, 0.4, 0), 0.5, [(0.0, 0.8)]),
        ((0, 0.4, 0.8), 0.5, [(2.0, 0.8)]),
        ((0, 0.8, 0.8, 0), 0.5, [(1.5, 0.8)]),
        ((0.9,), 0.5, [(0.0, 0.9)]),
        ((), 0.5, []),
        ((0.8, 0.1, 0.8), 0.5, [(0.0, 0.8), (2.0, 0.8)]),
        ((0.8, 0.3, 0.9), 0.5, [(2.0, 0.9)]),  # between them it stays above half the threshold: one onset
    ],
)
def test_onsets_worked_by_hand(values, threshold, expected):
    found = find_onsets(trace_of(*values), threshold)
    np.testing.assert_allclose(found or np.zeros((0, 2)), np.array(expected).reshape(-1, 2), atol=1e-6)


@given(at=st.floats(20, 80), height=st.floats(0.5, 1.0), width=st.floats(1.0, 4.0))
def test_the_centre_of_a_symmetrical_hump_is_found_between_columns(at, height, width):
    [(column, peak)] = find_onsets(bump(at, height, 100, width), 0.4)
    assert abs(column - at) <= 0.35
    assert 0.8 * height <= peak <= height * 1.0001


@given(arrays(np.float32, st.integers(0, 40), elements=st.floats(0, 1, width=32)), st.floats(0.05, 1.0))
@settings(max_examples=300)
def test_every_run_above_half_the_threshold_that_reaches_it_holds_one_onset(probability, threshold):
    found = find_onsets(probability, threshold)
    runs, run = [], []
    for i, p in enumerate([*probability.astype(float), -1.0]):
        if p >= threshold / 2:
            run.append(i)
        elif run:
            runs.append(run)
            run = []
    expected = [run for run in runs if float(probability[run].max()) >= threshold]
    assert len(found) == len(expected)
    for (column, height), run in zip(found, expected, strict=True):
        assert run[0] <= column <= run[-1]
        assert height == probability[run].max()


@given(
    arrays(np.float32, 40, elements=st.sampled_from(np.float32([0, 0.2, 0.3, 0.5, 0.6, 0.9]))),
    st.lists(st.integers(0, 40), max_size=6),
)
def test_onsets_do_not_depend_on_the_pieces(probability, cuts):
    whole, pieces = OnsetFinder(0.5, 6), OnsetFinder(0.5, 6)
    found = [onset for piece in np.split(probability, sorted(cuts)) for onset in pieces.add(piece)]
    assert found + pieces.add(probability[:0], last=True) == whole.add(probability, last=True)


@given(onsets=st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), max_size=10), distance=st.integers(1, 15))
def test_picks_that_are_kept_lie_apart_and_each_dropped_one_is_near_a_better(onsets, distance):
    picks = [Pick("GE", "APE", "", "HH", "P", *onset) for onset in onsets]
    kept = apart(picks, distance, 0)
    times = [p.time_ns for p in kept]
    assert times == sorted(times)
    assert all(b - a >= distance for a, b in itertools.pairwise(times))
    for p in picks:
        assert p in kept or any(abs(p.time_ns - k.time_ns) < distance and k.probability >= p.probability for k in kept)


# Picks


def test_a_pick_carries_what_its_column_says(onset_record):
    record = onset_record(20.0)
    found = find_picks(
        record,
        probabilities_of(bump(90.0, 0.9), bump(150.0, 0.7)),
        {"P": 0.5, "S": 0.4},
        config=PickConfig(refine_s=0),
    )
    p, s = found
    assert (p.network, p.station, p.location, p.channel, p.phase, p.model) == ("GE", "APE", "", "HH", "P", "m")
    assert p.time_ns == START_NS + 20 * NS_PER_S
    assert p.probability == pytest.approx(0.9)
    assert (p.threshold, s.threshold) == (0.5, 0.4)
    assert p.snr_db == pytest.approx(20, abs=2)
    assert s.snr_db == pytest.approx(0, abs=2)
    assert (s.phase, s.time_ns) == ("S", START_NS + 32 * NS_PER_S)


@pytest.mark.parametrize("present", [(True, True, True), (True, False, False), (False, True, False)])
@pytest.mark.parametrize("phase", ["P", "S"])
@pytest.mark.parametrize("offset_s", [-0.5, -0.2, 0.0, 0.3, 0.5])
def test_refinement_moves_a_pick_to_the_onset(offset_s, phase, present, onset_record):
    record = onset_record(20.0, present=present)
    probability = bump((18.0 + offset_s) * NS_PER_S / HOP_NS, 0.9)
    of_phase = {phase: probability, "P" if phase == "S" else "S": np.zeros_like(probability)}
    config = PickConfig(refine_s=0.6)
    [pick] = find_picks(record, probabilities_of(of_phase["P"], of_phase["S"]), {phase: 0.5}, config=config)
    assert abs(pick.time_ns - START_NS - 20 * NS_PER_S) <= 0.03 * NS_PER_S


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.95])
def test_s_is_looked_for_behind_p_whatever_the_threshold_of_p(threshold, make_record, noise):
    t = np.arange(6000) / 100
    record = make_record(np.stack([noise(6000, k) * np.where(t < 20, 1, np.where(t < 20.6, 10, 25)) for k in range(3)]))
    p, s = bump(90.0, 0.9, width=1.0), bump(91.7, 0.09, width=1.0)  # S is seen half a second after P, P very clearly
    [pick] = [
        pick
        for pick in find_picks(
            record, probabilities_of(p, s), {"P": threshold, "S": 0.05}, config=PickConfig(refine_s=0.3)
        )
        if pick.phase == "S"
    ]
    assert abs(pick.time_ns - START_NS - 20.6 * NS_PER_S) <= 0.03 * NS_PER_S


@pytest.mark.parametrize("hop_s", [0.02, 0.05])
def test_chunk_invariance_s_that_is_moved_waits_for_what_is_seen_of_p(hop_s, make_record, noise):
    class LateOnsets:
        def move(self, record, time_ns, phase):
            return time_ns + round(FURTHEST_S * NS_PER_S), 0.1

    t = np.arange(6000) / 100
    loudness = np.where(t < 20.3, 1, np.where(t < 20.6, 10, 25))
    record = make_record(np.stack([noise(6000, k) * loudness for k in range(3)]))
    hop_ns, n = round(hop_s * NS_PER_S), round(58 / hop_s)
    values = np.zeros((3, n), dtype=np.float32)
    at = round(18.0 / hop_s)  # S is seen for one column, and P in the latest one that is of any use to it
    values[1, at], values[0, at + round((FURTHEST_S - 0.25) // hop_s)] = 0.5, 0.4
    values[2] = 1 - values[0] - values[1]
    whole = Probabilities(values, START_NS + 2 * NS_PER_S, hop_ns, CLASSES, "GE.APE..HH", np.zeros(n, dtype=bool))
    for length in (n, 1):
        picker = Picker({"S": 0.3}, config=PickConfig(), model="m", onsets=LateOnsets())
        pieces = (whole.part(i, i + length) for i in range(0, n, length))
        [pick] = [p for i, piece in enumerate(pieces) for p in picker.add(record, piece, last=(i + 1) * length >= n)]
        assert abs(pick.time_ns - START_NS - 20.6 * NS_PER_S) <= 0.03 * NS_PER_S


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(-20, 60), st.integers(0, 20))
def test_peaks_of_p_do_not_depend_on_the_pieces(lengths, first, width):
    values = np.random.default_rng(sum(lengths)).random(sum(lengths), dtype=np.float32)
    whole, pieces = PeaksOfP(), PeaksOfP()
    whole.add(values)
    for start, stop in itertools.pairwise(np.cumsum([0, *lengths])):
        pieces.add(values[start:stop])
        pieces.forget(first)
    near = values[max(first, 0) : max(first + width, 0)]
    expected = max(first, 0) + int(np.argmax(near)) if near.max(initial=0) >= 0.3 else None
    assert whole.highest(first, first + width) == pieces.highest(first, first + width) == expected


@pytest.mark.parametrize("refine_s", [0.0, 0.6, 3.0])
@pytest.mark.parametrize("min_distance_s", [0.0, 1.0, 5.0])
def test_picks_of_a_phase_lie_apart_after_refinement_too(refine_s, min_distance_s, onset_record):
    p = np.zeros(300, dtype=np.float32)
    p[80:100:2] = np.linspace(0.6, 0.9, 10)
    config = PickConfig(refine_s=refine_s, min_distance_s=min_distance_s, rival_s=0.0)
    found = find_picks(onset_record(20.0), probabilities_of(p), {"P": 0.5}, config=config)
    times = [pick.time_ns for pick in found]
    assert refine_s or len(times) == {0.0: 10, 1.0: 4, 5.0: 1}[min_distance_s]
    assert times == sorted(times)
    assert all(b - a >= min_distance_s * NS_PER_S for a, b in itertools.pairwise(times))
    assert max(pick.probability for pick in found) == pytest.approx(0.9)


def test_picks_lie_apart_by_more_than_a_minute_if_asked(onset_record):
    p = bump(20, 0.7, 600) + bump(500, 0.9, 600)  # 96 s apart
    for min_distance_s, n in ((96.0, 2), (97.0, 1)):
        config = PickConfig(refine_s=0, min_distance_s=min_distance_s, rival_s=0.0)
        assert len(find_picks(onset_record(20.0, seconds=125.0), probabilities_of(p), {"P": 0.5}, config=config)) == n


def in_pieces(picker, record, whole, stops):
    """Picks of a record of which so many columns are known, one after another, and no samples but those still needed.

    Samples are known two seconds farther than columns. Those that are not needed any more are no numbers, so that picks
    show if one of them is read.
    """
    found = []
    for first, stop in itertools.pairwise([0, *stops]):
        n = round((whole.start_ns + stop * whole.hop_ns - record.start_ns) * record.sampling_rate_hz / NS_PER_S)
        cut = max(ns_to_sample(record, picker.needs_ns) - 1, 0)
        data = record.data[:, : n + round(2 * record.sampling_rate_hz)].copy()
        data[:, :cut] = np.nan
        found.append(picker.add(replace(record, data=data), whole.part(first, stop), last=stop == stops[-1]))
    return found


class MovedOnsets:
    """Moves each pick by some time of its own, as far as the network may, and reads what the network reads."""

    def move(self, record, time_ns, phase):
        at, reach = ns_to_sample(record, time_ns), round(WINDOW_S / 2 * record.sampling_rate_hz)
        share = time_ns // HOP_NS * 7919 % 101 / 50 - 1
        read = record.data[:, max(at - reach, 0) : at + reach]
        return time_ns + round(share * FURTHEST_S * NS_PER_S), float(read.sum())


@given(
    peaks=st.lists(st.tuples(st.integers(0, 299), st.sampled_from([0, 1]), st.floats(0.3, 0.9)), max_size=30),
    step=st.sampled_from([1, 7, 50]),
    config=st.builds(
        PickConfig,
        min_distance_s=st.sampled_from([0.0, 1.0, 3.0]),
        rival_s=st.sampled_from([0.0, 10.0]),
        refine_s=st.sampled_from([0.0, 0.3]),
    ),
)
@example(  # the first waits for the second, which is held back as long as another may come near it
    peaks=[(60, 0, 0.5), (105, 0, 0.9)], step=1, config=PickConfig(min_distance_s=3.0, rival_s=10.0, refine_s=0.0)
)
@example(  # what comes near the end of a cluster may be more probable than all of it
    peaks=[(60, 0, 0.5), (65, 0, 0.9)], step=1, config=PickConfig(min_distance_s=3.0, rival_s=0.0, refine_s=0.0)
)
@example(  # and may be moved towards it
    peaks=[(64, 0, 0.5), (70, 0, 0.9)], step=1, config=PickConfig(min_distance_s=1.0, rival_s=0.0, refine_s=0.0)
)
@example(  # moved back as far as may be, so that it reads all that is kept before it
    peaks=[(225, 0, 0.9)], step=1, config=PickConfig(refine_s=0.3)
)
@settings(max_examples=60)
def test_chunk_invariance_of_picks_that_are_moved_past_each_other(peaks, step, config, onset_record):
    values = np.zeros((3, 300), dtype=np.float32)
    for at, row, height in peaks:
        values[row, at], values[1 - row, at] = height, 0
    values[2] = 1 - values[0] - values[1]
    whole = Probabilities(values, START_NS + 2 * NS_PER_S, HOP_NS, CLASSES, "GE.APE..HH", np.zeros(300, dtype=bool))
    record = onset_record(30.0, rate_hz=20.0, seconds=64.0)
    one, many = (
        in_pieces(Picker({"P": 0.4, "S": 0.4}, config=config, model="m", onsets=MovedOnsets()), record, whole, stops)
        for stops in ([300], [*range(step, 300, step), 300])
    )
    assert repr([p for picks in many for p in picks]) == repr(one[0])


@pytest.mark.parametrize(
    "p",
    [np.full(1500, 0.8, dtype=np.float32), np.tile(np.array([0.8, 0.0], dtype=np.float32), 750)],
    ids=["one run", "one cluster"],
)
def test_probabilities_that_stay_high_give_picks_all_along(p, onset_record):
    """A stream can't wait for the end of what may never end."""
    record, whole, config = onset_record(20.0, seconds=304.0), probabilities_of(p), PickConfig(refine_s=0, rival_s=0.0)
    stops = range(50, 1501, 50)  # every ten seconds
    found = in_pieces(Picker({"P": 0.5}, config=config, model="m"), record, whole, stops)
    told = [stop for stop, picks in zip(stops, found, strict=True) if picks]
    longest = (LONGEST_RUN_S + LONGEST_CLUSTER_S) * NS_PER_S / HOP_NS
    assert told[0] <= longest and max(np.diff(told)) <= longest


def test_a_run_that_lasts_holds_an_onset_every_half_minute(onset_record):
    p = np.zeros(400, dtype=np.float32)
    p[20:340] = 0.6  # 64 s: two whole pieces and one of 4 s, each with its onset in its middle
    config = PickConfig(refine_s=0, rival_s=0.0)
    found = find_picks(onset_record(20.0, seconds=84.0), probabilities_of(p), {"P": 0.5}, config=config)
    assert [(pick.time_ns - START_NS) / NS_PER_S for pick in found] == pytest.approx([20.9, 50.9, 67.9])


def test_no_probability_no_pick(onset_record):
    for n in (0, 281):
        nothing = np.zeros(n, dtype=np.float32)
        picks = find_picks(onset_record(20), probabilities_of(nothing), {"P": 0.5}, config=PickConfig())
        assert picks == []


# Signal to noise


@pytest.mark.parametrize("gain", [1.0, 1e-9, 1e9])
def test_signal_to_noise_is_in_decibels_whatever_the_gain(gain, onset_record, make_record):
    record = onset_record(20.0)
    record = make_record(record.data * np.float32(gain))
    assert snr_db(record, START_NS + 20 * NS_PER_S) == pytest.approx(20, abs=1)
    assert snr_db(record, START_NS + 10 * NS_PER_S) == pytest.approx(0, abs=1)


def test_signal_to_noise_is_unknown_at_the_edges_and_over_silence(onset_record, make_record):
    record = onset_record(20.0)
    for seconds in (-30.0, -1.0, 0.0, 0.05, 59.95, 60.0, 90.0):
        assert np.isnan(snr_db(record, START_NS + round(seconds * NS_PER_S)))
    assert np.isnan(snr_db(make_record(np.zeros(6000)), START_NS + 20 * NS_PER_S))
    for silent in (slice(0, 2000), slice(2000, 6000)):
        half = onset_record(20.0)
        half.data[:, silent] = 0
        assert np.isnan(snr_db(half, START_NS + 20 * NS_PER_S))


def test_one_onset_is_not_both_phases(onset_record):
    def pick(phase, at_s, probability):
        return Pick("GE", "APE", "", "HH", phase, round(at_s * 1e9), probability)

    p, s_on_it, s_after = pick("P", 10.0, 0.9), pick("S", 10.2, 0.8), pick("S", 11.0, 0.7)
    assert apart([s_on_it, s_after, p], 0, 300_000_000) == [p, s_after]
    assert apart([p, s_on_it], 0, 200_000_000) == [p, s_on_it]  # as far apart as is asked
    assert apart([replace(p, probability=0.7), s_on_it], 0, 300_000_000) == [s_on_it]
    p, s = bump(60, 0.9, width=0.1), bump(62, 0.8, width=0.1)
    for same_onset_s, phases in ((0.3, "PS"), (1.0, "P")):
        config = PickConfig(min_distance_s=0.0, same_onset_s=same_onset_s, refine_s=0.0, rival_s=0.0)
        found = find_picks(onset_record(20.0), probabilities_of(p, s), {"P": 0.5, "S": 0.5}, config=config)
        assert "".join(pick.phase for pick in found) == phases


def test_bounded_memory_samples_that_no_pick_needs_are_let_go(untrained_model, make_record, noise):
    record = make_record(np.stack([noise(9000, k) for k in range(3)]))
    follower, kept = untrained_model.follow(record), []
    for low in range(0, 9000, 100):
        follower.add(record.data[:, low : low + 100])
        kept.append(follower._kept.shape[1])
    assert max(kept) < 1500  # a window, those that are computed together, and what refining reads
