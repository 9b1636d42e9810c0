"""Windows: onsets where they are, noise where none is, the same whatever comes first."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.config import PreprocessConfig
from seisnet.picks import Pick
from seisnet.waveforms.records import NS_PER_S, Rejection, sample_to_ns
from seisnet.windows.augment import augment
from seisnet.windows.cutting import (
    CODA_NEGATIVES_S,
    CODA_S,
    coda_stretches,
    cut,
    energy_ratios,
    event_near,
    noise_stretches,
)
from seisnet.windows.excerpting import excerpts
from seisnet.windows.labelled import LabelledRecord, Window, draw, start_ns, take

START_NS = 1_577_836_800 * NS_PER_S
CONFIG = PreprocessConfig()
LENGTH = CONFIG.window_samples


def pick(seconds, phase="P", event_id="", weight=1.0):
    time_ns = START_NS + round(seconds * NS_PER_S)
    return Pick("GE", "APE", "", "HH", phase, time_ns, event_id=event_id, weight=weight)


def silence(make_record, seconds=300.0, **options):
    return make_record(np.zeros(round(seconds * 100)), **options)


def labels_of(windows):
    return [w.label for w in windows]


# Onsets


@pytest.mark.parametrize("seconds", [30.0, 30.004, 30.005, 30.0049999])
def test_the_onset_is_where_the_impulse_is(seconds, make_record):
    samples = np.zeros(30_000)
    samples[round(seconds * 100)] = 1.0
    record = make_record(samples)
    windows, reasons = cut(LabelledRecord(record, (pick(seconds),)), CONFIG)
    onsets = [w for w in windows if w.label == "P"]
    assert len(onsets) == 1 + CONFIG.shifts
    assert reasons == []
    for w, data in zip(onsets, take(record, onsets, CONFIG), strict=True):
        centre_s = (start_ns(record, w) - START_NS) / NS_PER_S + CONFIG.window_s / 2
        assert w.onset_s == pytest.approx(seconds - centre_s, abs=1e-8)
        assert abs(np.argmax(data[0]) - (LENGTH / 2 + w.onset_s * 100)) <= 0.5


def test_the_first_window_of_an_onset_is_centred_and_the_others_are_shifted_and_marked(make_record):
    windows, _ = cut(LabelledRecord(silence(make_record), (pick(30.007), pick(40, "S"))), CONFIG)
    for phase in "PS":
        first, *others = [w for w in windows if w.label == phase]
        assert abs(first.onset_s) <= 0.005 + 1e-9
        assert not first.augmented
        assert all(w.augmented for w in others)
        assert all(abs(w.onset_s) <= CONFIG.shift_s + 0.01 for w in others)
        assert len({w.first_sample for w in others}) > 1


def test_windows_carry_the_weight_and_the_event_of_their_pick(make_record):
    picks = (pick(50, event_id="a", weight=0.5), pick(60, "S", event_id="a", weight=0.25))
    windows, _ = cut(LabelledRecord(silence(make_record), picks), CONFIG)
    assert {(w.label, w.weight, w.event) for w in windows} == {("P", 0.5, "a"), ("S", 0.25, "a"), ("noise", 1.0, "a")}


def test_the_event_of_a_record_goes_before_that_of_its_picks(make_record):
    record = LabelledRecord(silence(make_record), (pick(100, event_id="a"), pick(110, "S", event_id="b")), event_id="c")
    assert {w.event for w in cut(record, CONFIG)[0]} == {"c"}


def test_windows_without_an_event_are_of_their_station_and_hour(make_record):
    windows, _ = cut(LabelledRecord(silence(make_record), (pick(100), pick(110, "S"))), CONFIG)
    assert {w.event for w in windows} == {f"GE.APE hour {START_NS // NS_PER_S // 3600}"}


@pytest.mark.parametrize("phase", ["P", "Pg", "Pn", "PmP", "iP"])
def test_every_name_of_a_phase_gives_its_class(phase, make_record):
    windows, _ = cut(LabelledRecord(silence(make_record), (pick(100, phase),)), CONFIG)
    assert set(labels_of(windows)) == {"P", "noise"}


def test_no_shifted_window_begins_before_the_record(make_record):
    config = replace(CONFIG, shifts=50, shift_s=0.02, noise_windows=0)
    windows, _ = cut(LabelledRecord(silence(make_record), (pick(2.0),)), config)
    assert {w.first_sample for w in windows if w.label == "P"} == {0, 1, 2}


# Picks without a window


@pytest.mark.parametrize("seconds", [-100.0, -0.5, 0.0, 1.98, 298.5, 299.99, 400.0])
def test_a_pick_too_near_the_edge_gives_no_window_and_a_reason(seconds, make_record):
    late = pick(seconds)
    windows, rejections = cut(LabelledRecord(silence(make_record), (late,)), CONFIG)
    assert "P" not in labels_of(windows)
    reason = "P within half a window of the record's edge"
    assert rejections == [(silence(make_record).trace_id, late.time_ns, late.time_ns, reason)]


def test_other_phases_give_no_window_and_a_reason(make_record):
    others = pick(100, "AML"), pick(150, "S of weight 0"), pick(200, "")
    windows, (amplitude, unused, empty) = cut(LabelledRecord(silence(make_record), others), CONFIG)
    assert windows == []
    assert [r.start_ns for r in (amplitude, unused, empty)] == [p.time_ns for p in others]
    assert (amplitude.reason, empty.reason) == ("phase 'AML' is neither P nor S", "phase '' is neither P nor S")
    assert unused.reason == "a pick to which its analyst gave no weight"


@pytest.mark.parametrize("phase", ["P", "AML", "S of weight 0"])
@pytest.mark.parametrize(
    "seconds", [130, 147.99, 148, 149.99, 150, 151.985, 151.99, 151.995, 152, 152.005, 153.98, 153.99, 154]
)
@pytest.mark.parametrize("border", [15_000, 14_999])
def test_a_pick_near_the_border_of_two_records_gives_one_window_or_one_reason(border, seconds, phase, make_record):
    """As of sources: the first record reaches a window less a sample into the second."""
    whole, config = silence(make_record), replace(CONFIG, shifts=0, noise_windows=0)
    first = replace(whole, data=whole.data[:, : border + LENGTH - 1], goes_on=(False, True))
    second = replace(whole, data=whole.data[:, border:], start_ns=pick(border / 100).time_ns, goes_on=(True, False))
    found = []
    for records in ((whole,), (first, second)):
        results = [(record, *cut(LabelledRecord(record, (pick(seconds, phase),)), config)) for record in records]
        starts = [start_ns(record, w) for record, windows, _ in results for w in windows]
        told = [r.reason for *_, rejections in results for r in rejections if r.start_ns == r.end_ns]
        found.append((starts, told))
    (starts, told), in_parts = found
    assert in_parts == (starts, told)
    assert len(starts) + len(told) == 1


@pytest.mark.parametrize(
    ("seconds", "is_noise", "config", "reason"),
    [
        (300.0, False, CONFIG, "a record without picks that no data set labels as noise"),
        (3.99, True, CONFIG, "shorter than 4 s"),
        (300.0, True, replace(CONFIG, noise_windows=0, shifts=0), "the config asks for no noise windows"),
    ],
)
def test_a_record_that_gives_no_window_says_why(seconds, is_noise, config, reason, make_record):
    windows, [rejection] = cut(LabelledRecord(silence(make_record, seconds), (), is_noise=is_noise), config)
    assert (windows, rejection.reason) == ([], reason)


def test_a_record_whose_only_pick_has_its_window_in_the_record_before_says_so(make_record):
    record = replace(silence(make_record), goes_on=(True, False))
    windows, [rejection] = cut(LabelledRecord(record, (pick(1),)), CONFIG)
    assert (windows, rejection.reason) == ([], "the windows of its picks lie in records of other sources")


# Noise


events = st.lists(
    st.tuples(st.floats(-20, 620), st.sampled_from(["P", "P", "P", "S", "S", "Pg", "Sn", "AML", ""])), max_size=6
)


@given(onsets=events, seed=st.integers(0, 2**31), coda=st.integers(0, 5), gap_s=st.floats(0, 20))
@settings(max_examples=300)
def test_no_noise_window_holds_a_pick_or_comes_near_a_p(onsets, seed, coda, gap_s, make_record):
    config = replace(CONFIG, seed=seed, coda_windows=coda, noise_gap_s=gap_s, noise_windows=8)
    picks = tuple(sorted((pick(t, phase) for t, phase in onsets), key=lambda p: p.time_ns))
    record = silence(make_record, 600.0)
    windows, _ = cut(LabelledRecord(record, picks), config)
    times = [((p.time_ns - START_NS) / NS_PER_S, p.phase[:1]) for p in picks]
    for w in windows:
        assert 0 <= w.first_sample <= record.n_samples - LENGTH
        first_s, end_s = w.first_sample / 100, (w.first_sample + LENGTH) / 100
        if w.label != "noise":
            assert first_s <= w.onset_s + (first_s + end_s) / 2 <= end_s
            continue
        assert math.isnan(w.onset_s)
        assert not any(first_s <= t < end_s for t, _ in times), "a pick lies in a noise window"
        next_p = min((t for t, phase in times if phase == "P" and t >= first_s), default=math.inf)
        assert end_s <= next_p - gap_s + 0.011, "a noise window comes near a P"
        before = [(t, phase) for t, phase in times if t < first_s]
        known = [phase for t, phase in times if phase in ("P", "S")]
        last = max((i for i, (t, _) in enumerate(t for t in times if t[1] in ("P", "S")) if t < first_s), default=-1)
        if last >= 0 and known[last] == "P":
            assert known[last + 1 : last + 2] == ["S"], "after a P whose S nobody picked nothing is known"
        if before and not w.augmented:
            assert first_s - max(t for t, _ in before) >= CODA_S - 0.01, "noise within a minute after a pick"


def test_coda_windows_follow_an_onset_closely_and_train_only(make_record):
    picks = (pick(100), pick(120, "S"))
    config = replace(CONFIG, shifts=0, noise_windows=0, coda_windows=50)
    windows, _ = cut(LabelledRecord(silence(make_record), picks), config)
    coda = [w for w in windows if w.label == "noise"]
    assert len(coda) == 50
    assert all(w.augmented for w in coda)
    starts_s = np.array([w.first_sample / 100 for w in coda])
    after_p, after_s = starts_s[starts_s < 120], starts_s[starts_s > 120]
    assert len(after_p) + len(after_s) == 50
    assert min(len(after_p), len(after_s)) > 5
    assert (after_p > 100).all()
    assert (after_p + 4 < 100 + CODA_NEGATIVES_S + 0.01).all()
    assert (after_s + 4 < 120 + CODA_NEGATIVES_S + 0.01).all()
    labelled = LabelledRecord(silence(make_record), picks)
    assert coda_stretches(labelled, config) == [(10_001, 11_100), (12_001, 13_100)]


@pytest.mark.parametrize(("phase", "before"), [("P", []), ("AML", [(8000, 9101)])])
def test_a_p_without_its_s_ends_noise_only_until_an_event_is_picked_whole(phase, before, make_record):
    """And a pick of another phase, only for the length of a coda."""
    picks = (pick(20, phase), pick(100), pick(110, "S"), pick(280))
    labelled = LabelledRecord(silence(make_record), picks)
    first = [(0, 1101)] if phase == "P" else []
    assert noise_stretches(labelled, CONFIG) == [*first, *before, (17_000, 27_101)]


def test_a_record_declared_to_be_noise_gives_noise_all_along(make_record):
    config = replace(CONFIG, noise_windows=500)
    windows, _ = cut(LabelledRecord(silence(make_record, 60.0), (), is_noise=True), config)
    first = np.array([w.first_sample for w in windows])
    assert set(labels_of(windows)) == {"noise"}
    assert len(windows) == 500 + config.shifts
    assert sum(w.augmented for w in windows) == config.shifts
    assert first.min() < 200
    assert first.max() > 60 * 100 - LENGTH - 200
    windows, _ = cut(LabelledRecord(silence(make_record, CONFIG.window_s), (), is_noise=True), config)
    assert {w.first_sample for w in windows} == {0}


def test_noise_comes_from_every_stretch_in_proportion_to_its_length(make_record):
    """First samples from 0 to 41 s, and from 120 s, when the coda is over, to 321 s."""
    picks = (pick(50), pick(60, "S"), pick(330), pick(340, "S"))
    config = replace(CONFIG, noise_windows=1000, shifts=0, coda_windows=0)
    windows, _ = cut(LabelledRecord(silence(make_record, 350.0), picks), config)
    first_s = np.array([w.first_sample / 100 for w in windows if w.label == "noise"])
    assert ((first_s <= 41) | ((first_s >= 120) & (first_s <= 321))).all()
    assert (first_s < 60).mean() == pytest.approx(41 / 242, abs=0.04)


def test_draws_are_spread_over_ranges_by_their_lengths():
    drawn = np.array(draw([(1000, 1010), (5000, 5030)], 4000, np.random.default_rng(0)))
    assert set(drawn) == {*range(1000, 1010), *range(5000, 5030)}
    assert (drawn < 2000).mean() == pytest.approx(0.25, abs=0.03)
    assert draw([(5, 5)], 3, np.random.default_rng(0)) == []


def noise_of(record, picks, config, **options):
    """How many noise windows count in all splits, and how many are for training only."""
    windows, _ = cut(LabelledRecord(record, picks, **options), config)
    noise = [w.augmented for w in windows if w.label == "noise"]
    return noise.count(False), noise.count(True)


@pytest.mark.parametrize(
    ("events", "counts"),
    [("abcdefghij", 10), ("a" * 10, 1), ([""] * 10, 1), ("aaaaabbbbb", 2), (["a", *[""] * 9], 1)],
)
def test_noise_and_coda_count_for_every_event_of_a_record(events, counts, make_record):
    """As if each had a record of its own; the last has a P and no S, and no coda, but is an event."""
    config = replace(CONFIG, noise_windows=2, shifts=3, coda_windows=5)
    picks = [pick(100 + 200 * k + s, of, e) for k, e in enumerate(events) for s, of in ((0, "P"), (10, "S"))][:-1]
    record = silence(make_record, 2000.0)
    of_coda = len({*events[:-1]} - {""}) or 1
    assert noise_of(record, tuple(picks), config) == (2 * counts, 3 * counts + 5 * of_coda)
    assert noise_of(record, tuple(picks), config, event_id="mine") == (2, 3 + 5)


def test_where_there_is_no_room_for_the_noise_of_all_events_there_is_as_much_as_lies_side_by_side(make_record):
    """A swarm whose coda never ends: noise windows of 4 s may start in the 21 s that end 5 s before the first P."""
    picks = tuple(pick(30 + 20 * k + s, of, f"event{k}") for k in range(10) for s, of in ((0, "P"), (5, "S")))
    config = replace(CONFIG, shifts=9, coda_windows=0)
    assert noise_of(silence(make_record), picks, replace(config, noise_windows=1)) == (6, 4)
    assert noise_of(silence(make_record), picks[:2], replace(config, noise_windows=1)) == (1, 9)
    assert noise_of(silence(make_record), picks, replace(config, noise_windows=0)) == (0, 9)


def test_events_outside_a_record_ask_for_no_noise_in_it(make_record):
    config = replace(CONFIG, shifts=0, coda_windows=0)
    picks = (pick(-30, "S", "before"), pick(100, "P", "a"), pick(110, "S", "a"), pick(301, "P", "after"))
    assert noise_of(silence(make_record), picks, config) == (1, 0)
    assert noise_of(silence(make_record), (*picks[:3], pick(200, "AML", "b")), config) == (1, 0)


def test_noise_just_before_an_event_belongs_to_it_and_long_before_does_not(make_record):
    config = replace(CONFIG, noise_windows=200, coda_windows=0)
    windows, _ = cut(LabelledRecord(silence(make_record, 300.0), (pick(290, event_id="a"),)), config)
    for w in windows:
        if w.label == "noise":
            near = 290 - w.first_sample / 100 < CODA_S
            assert (w.event == "a") == near


def test_a_window_belongs_to_the_event_whose_coda_it_lies_in_or_else_to_the_next(make_record):
    picks = (pick(100, event_id="a"), pick(200, event_id="b"))
    labelled = LabelledRecord(silence(make_record, 400.0), picks)
    hour = f"GE.APE hour {START_NS // NS_PER_S // 3600}"
    for seconds, event in ((30, hour), (50, "a"), (159, "a"), (161, "b"), (259, "b"), (261, hour)):
        assert event_near(labelled, 100 * seconds) == event
        assert event_near(replace(labelled, event_id="c"), 100 * seconds) == "c"


def test_a_lively_noise_window_is_left_out_and_counted(make_record):
    """An event that nobody listed, in otherwise steady noise."""
    samples = np.random.default_rng(0).normal(size=30_000)
    samples[10_000:10_150] *= 20
    record = LabelledRecord(make_record(samples), (), is_noise=True)
    config = replace(CONFIG, noise_windows=400, shifts=0, noise_ratio=0.0)
    everything, reasons = cut(record, config)
    kept, why_not = cut(record, replace(config, noise_ratio=10.0))
    assert reasons == []
    assert {r.reason for r in why_not} == {"noise window with an energy ratio above 10: an unlisted event?"}
    assert {(r.end_ns - r.start_ns) / NS_PER_S for r in why_not} == {CONFIG.window_s - 0.01}
    assert any(r.start_ns < sample_to_ns(record.record, 10_050) < r.end_ns for r in why_not)
    assert len(kept) + len(why_not) == len(everything) == 400

    def touched(windows):
        """How many windows hold half a second or more of it, and some noise."""
        return sum(w.first_sample + LENGTH > 10_050 and w.first_sample < 10_100 for w in windows)

    assert touched(everything) > 0
    assert touched(kept) == 0
    assert {w.first_sample for w in kept} < {w.first_sample for w in everything}


def test_the_energy_ratio_is_near_one_for_steady_noise_and_dead_signal_and_large_for_an_onset(make_record):
    noise = np.random.default_rng(0).normal(size=(3, 30_000))
    ratios = energy_ratios(make_record(noise), range(0, 29_000, 100), CONFIG)
    assert ratios.min() >= 1.0 and ratios.max() < 5.0
    swell = noise + 1000 * np.sin(2 * np.pi * 0.15 * np.arange(30_000) / 100)
    assert energy_ratios(make_record(swell), [0], CONFIG) < 5.0 * 2
    assert energy_ratios(make_record(np.zeros((3, 400))), [0], CONFIG) == 1.0
    noise[:, 300:] *= 10
    assert energy_ratios(make_record(noise), [0, 100, 400], CONFIG) == pytest.approx([150, 150, 2], rel=0.5)
    short = replace(CONFIG, window_s=1.0)  # its quarters are compared
    assert energy_ratios(make_record(noise), [250, 400], short) == pytest.approx([150, 2], rel=0.5)
    tiny = replace(CONFIG, window_s=0.1, frame_s=0.1, hop_s=0.1, sampling_rate_hz=20.0, freqmax_hz=10.0, shift_s=0.0)
    assert energy_ratios(make_record(noise), [0, 250, 29_998], tiny).tolist() == [1.0, 1.0, 1.0]


# The same windows


def test_windows_of_a_record_do_not_depend_on_what_was_cut_before(make_record):
    records = [
        LabelledRecord(silence(make_record, trace_id=f"GE.S{k}..HH"), (pick(100 + k), pick(110, "S"))) for k in range(5)
    ]
    forth = [cut(r, CONFIG) for r in records]
    back = [cut(r, CONFIG) for r in reversed(records)]
    assert repr(forth) == repr(back[::-1])
    assert len({repr(w[0][-1]) for w in forth}) > 1


def test_another_seed_gives_other_shifts_and_the_same_centred_windows(make_record):
    record = LabelledRecord(silence(make_record), (pick(100), pick(110, "S")))
    a, b = (cut(record, replace(CONFIG, seed=seed))[0] for seed in (0, 1))
    assert [w for w in a if w.label != "noise" and not w.augmented] == [
        w for w in b if w.label != "noise" and not w.augmented
    ]
    assert repr(a) != repr(b)


def test_take_gives_the_samples_of_the_windows(make_record):
    record = make_record(np.stack([np.arange(3000.0) + 10_000 * k for k in range(3)]))
    windows, _ = cut(LabelledRecord(record, (pick(15),)), CONFIG)
    data = take(record, windows, CONFIG)
    assert data.shape == (len(windows), 3, LENGTH)
    for w, samples in zip(windows, data, strict=True):
        np.testing.assert_array_equal(samples, record.data[:, w.first_sample : w.first_sample + LENGTH])


@pytest.mark.parametrize("first", [-1, -LENGTH, -3000, 3000 - LENGTH + 1, 3000])
def test_samples_outside_the_record_are_never_taken_from_its_other_end(first, make_record):
    record = make_record(np.arange(3000.0))
    with pytest.raises(IndexError, match=f"samples {first} to {first + LENGTH - 1} do not lie in a record of 3000"):
        take(record, [Window(first, "noise", math.nan, "a")], CONFIG)
    with pytest.raises(IndexError, match="do not lie in a record of 3000"):
        energy_ratios(record, [-1], CONFIG)


far_events = st.lists(
    st.tuples(
        st.one_of(st.floats(-5, 95), st.floats(-200, 300), st.floats(-1e8, 1e8)),
        st.sampled_from(["P", "P", "S", "S", "Pg", "AML", ""]),
    ),
    max_size=6,
)


@given(
    onsets=far_events, seconds=st.floats(0.5, 90), rate_hz=st.sampled_from([20.0, 100.0, 500.0]), is_noise=st.booleans()
)
@settings(max_examples=300)
def test_windows_lie_in_the_record_and_hold_the_samples_of_their_times(onsets, seconds, rate_hz, is_noise, make_record):
    config = replace(CONFIG, sampling_rate_hz=rate_hz, freqmax_hz=10.0, shifts=3, shift_s=2.0, noise_ratio=0.5)
    config = replace(config, mix_share=1.0, overlay_share=1.0, gap_share=0.5)
    n, length = round(seconds * rate_hz), config.window_samples
    record = make_record(np.arange(1.0, n + 1), rate_hz=rate_hz)
    picks = tuple(sorted((pick(t, phase) for t, phase in onsets), key=lambda p: p.time_ns))
    labelled = LabelledRecord(record, picks, is_noise=is_noise)
    kept, _ = cut(labelled, config)
    windows, _ = cut(labelled, replace(config, noise_ratio=0.0))
    assert {*map(repr, kept)} <= {*map(repr, windows)}
    for low, high in noise_stretches(labelled, config) + coda_stretches(labelled, config):
        assert low >= high or 0 <= low < high <= n - length + 1
    if not windows:
        return
    samples = take(record, windows, config)
    for w, x in zip(windows, samples, strict=True):
        after_s = (start_ns(record, w) - START_NS) / NS_PER_S + np.arange(length) / rate_hz
        np.testing.assert_allclose((x - 1) / rate_hz, np.broadcast_to(after_s, x.shape), atol=1e-6)
    augmented, _ = augment(labelled, windows, config)
    assert augmented.shape == samples.shape
    assert np.isfinite(augmented).all()
    for excerpt in excerpts(labelled, windows, config):
        if isinstance(excerpt, Rejection):
            assert sample_to_ns(record, length - 1) - record.start_ns > excerpt.end_ns - excerpt.start_ns
            continue
        first = round((excerpt.start_ns - START_NS) * rate_hz / NS_PER_S)
        assert 0 <= first <= n - excerpt.n_samples
        np.testing.assert_array_equal(excerpt.data, record.data[:, first : first + excerpt.n_samples])
