"""What the later stages learn from: columns and windows by hand, and networks that never saw what they score."""

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.features import make_feature
from seisnet.nn import Network
from seisnet.picks import station_of
from seisnet.scan.context_network import ContextNetwork, context_inputs, reach
from seisnet.scan.onset_network import SHIFT_S, onset_config
from seisnet.scan.scanner import Chain, scan
from seisnet.scan.sliding_network import SlidingNetwork
from seisnet.store.excerpts import Excerpt
from seisnet.store.windows_file import SPLITS
from seisnet.training import excerpt_data, tasks
from seisnet.training.excerpt_data import (
    FAR_SHARE,
    ONSET_SHARE,
    SHIFTS,
    as_record,
    column_targets,
    context_data,
    fold_of,
    load_excerpts,
    onset_data,
)
from seisnet.waveforms.records import NS_PER_S
from seisnet.wording import silent

CONFIG = PreprocessConfig(sampling_rate_hz=50.0, window_s=2.0, frame_s=0.4, hop_s=0.2, freqmin_hz=2.5, freqmax_hz=20.0)
START_NS = 1_577_836_800 * NS_PER_S
P, S, NOISE = range(3)


def excerpt_of(onsets, seconds=30.0, known=None, trace_id="XX.A..HH", seed=0):
    data = np.random.default_rng(seed).normal(size=(3, round(seconds * 50))).astype(np.float32)
    known = ((0, data.shape[1]),) if known is None else known
    present = np.ones(3, np.bool_)
    return Excerpt(
        data, START_NS, 50.0, trace_id, present, 25.0, tuple(onsets), (1.0,) * len(onsets), known, ("event",), 0
    )


@pytest.fixture
def anything():
    """A first stage that has learned nothing."""
    feature = make_feature(CONFIG)
    n = int(np.prod(feature.shape))
    network = Network((n, 3), rng=np.random.default_rng(0))
    return SlidingNetwork(feature, (network,), np.zeros(n, np.float32), np.ones(n, np.float32))


# Columns


def test_columns_by_hand():
    excerpt = excerpt_of([(100.0, P)], known=((0, 150),))
    y, kept, away_s = column_targets(excerpt, START_NS + NS_PER_S, 15, CONFIG)
    # From 1.0 s on, every 0.2 s; the onset at 2.0 s is column 5, and after 3.0 s nobody knows.
    assert y[kept].tolist() == [NOISE] * 2 + [P] * 3 + [NOISE]
    assert np.flatnonzero(kept).tolist() == [0, 1, 4, 5, 6, 9]
    np.testing.assert_allclose(away_s, np.abs(np.arange(15) - 5) * 0.2)


def test_an_onset_is_known_where_noise_is_not_and_one_of_no_class_is_left_out():
    excerpt = excerpt_of([(100.0, S), (200.0, -1)], known=())
    y, kept, _ = column_targets(excerpt, START_NS, 25, CONFIG)
    assert np.flatnonzero(kept).tolist() == [9, 10, 11]
    assert set(y[kept]) == {S}


def test_onsets_between_columns_and_outside_them():
    y, kept, away_s = column_targets(excerpt_of([(105.0, P), (5.0, S)]), START_NS + NS_PER_S, 10, CONFIG)
    assert np.flatnonzero(y == P).tolist() == [4, 5, 6, 7]  # 1.8 s to 2.4 s, 0.3 s on either side of 2.1 s
    assert kept[0] and y[0] == NOISE and away_s[0] == pytest.approx(0.9)  # from the S before the first column
    assert away_s[9] == pytest.approx(0.7)  # from the P
    assert column_targets(excerpt_of([]), START_NS, 3, CONFIG)[2].tolist() == [np.inf] * 3
    assert [len(part) for part in column_targets(excerpt_of([(1.0, P)]), START_NS, 0, CONFIG)] == [0, 0, 0]


def test_noise_is_known_in_every_stretch_in_which_onsets_are_labelled():
    _, kept, _ = column_targets(excerpt_of([], known=((0, 50), (150, 1500))), START_NS, 20, CONFIG)
    assert np.flatnonzero(kept).tolist() == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]


def test_an_excerpt_becomes_a_record_with_all_that_is_known_of_it():
    excerpt = replace(excerpt_of([]), present=np.array([True, False, False]), bandwidth_hz=12.5)
    record = as_record(excerpt)
    for name in ("data", "start_ns", "sampling_rate_hz", "trace_id", "present", "bandwidth_hz"):
        np.testing.assert_array_equal(getattr(record, name), getattr(excerpt, name), err_msg=name)


def test_excerpts_of_a_split_are_those_alone(quakes):
    for k, split in enumerate(SPLITS):
        of_split = [e.start_ns for e in quakes.windows.excerpts if e.split == k]
        assert [e.start_ns for e in load_excerpts(quakes.windows, split)] == of_split


# The context stage


def test_the_context_stage_learns_from_what_it_reads_in_a_scan(anything):
    class Spy(ContextNetwork):
        def __call__(self, log_probabilities, log_energy):
            read.append(context_inputs(log_probabilities, log_energy, NOISE, CONFIG.hop_s))
            return np.full((len(read[-1]), 3), 1 / 3, np.float32)

    read, nothing = [], np.zeros(0, np.float32)
    excerpt = excerpt_of([(600.0, P), (900.0, S)])
    chain = Chain(anything, Spy((), nothing, nothing, NOISE, CONFIG.hop_s), CONFIG, CONFIG.classes)
    scan(as_record(excerpt), chain)
    data = context_data([excerpt], [], lambda _: anything, CONFIG, np.random.default_rng(0))
    learned = data.batches.x * data.scaler.scale + data.scaler.mean
    for row in learned[:60]:  # the last ones have not the columns over the end, see `scan_windows`
        assert np.abs(np.concatenate(read) - row).max(axis=1).min() < 1e-4


def test_classes_weigh_their_shares(anything):
    excerpts = [excerpt_of([(600.0 + k, P), (900.0, S)], seed=k) for k in range(3)]
    data = context_data(excerpts, excerpts[:1], lambda _: anything, CONFIG, np.random.default_rng(0))
    mass = np.bincount(data.batches.y, weights=data.batches.weight)
    np.testing.assert_allclose(mass / mass.sum(), [ONSET_SHARE, ONSET_SHARE, 1 - 2 * ONSET_SHARE], rtol=1e-5)
    frequent = np.exp(data.prior_shift) * mass / mass.sum()  # what a model is to expect of a record
    np.testing.assert_allclose(data.batches.weight * np.exp(data.prior_shift)[data.batches.y], 1.0, rtol=1e-5)
    assert frequent.sum() == pytest.approx(1, rel=1e-5) and frequent[NOISE] > 1 - 2 * ONSET_SHARE
    np.testing.assert_allclose(data.batches.x.mean(axis=0), 0, atol=1e-4)
    before, after = reach(CONFIG.hop_s)
    assert data.batches.n_features == data.x_dev.shape[1] == len(data.scaler.mean) and before + after > 0
    assert len(data.y_dev) == len(data.x_dev) > 0


def test_the_context_stage_is_judged_on_columns_as_frequent_as_it_expects(anything):
    excerpt = excerpt_of([(5000.0, P)], seconds=300.0)
    data = context_data([excerpt], [excerpt], lambda _: anything, CONFIG, np.random.default_rng(0))
    share = np.array([ONSET_SHARE, ONSET_SHARE, 1 - 2 * ONSET_SHARE])
    expected = np.exp(data.prior_shift) * share
    n_dev = np.bincount(data.y_dev, minlength=3)
    assert n_dev[NOISE] / n_dev[P] == pytest.approx(expected[NOISE] / expected[P], rel=0.1)
    assert n_dev[NOISE] > 2.5 * np.bincount(data.batches.y)[NOISE]


def test_far_noise_is_thinned_and_counts_more(anything):
    excerpt = excerpt_of([(250.0, P)], seconds=300.0)
    data = context_data([excerpt], [], lambda _: anything, CONFIG, np.random.default_rng(0))
    weight = data.batches.weight[data.batches.y == NOISE]
    assert weight.max() / weight.min() == pytest.approx(1 / FAR_SHARE)
    n_far = (300 - 1 - 5 - excerpt_data.NEAR_S) / CONFIG.hop_s
    assert (weight > 2 * weight.min()).sum() == pytest.approx(FAR_SHARE * n_far, rel=0.15)


def test_dead_and_unknown_columns_are_left_out(anything):
    excerpt = excerpt_of([(600.0, P), (700.0, S)])
    whole = context_data([excerpt], [], lambda _: anything, CONFIG, np.random.default_rng(0))
    silent = excerpt.data.copy()
    silent[:, 1000:] = 0
    dead = context_data([replace(excerpt, data=silent)], [], lambda _: anything, CONFIG, np.random.default_rng(0))
    unknown = replace(excerpt, known=((0, 1000),))
    less = context_data([unknown], [], lambda _: anything, CONFIG, np.random.default_rng(0))
    # Columns are centres of windows: 1 s to 29 s; all noise here is nearer than 15 s to an onset or thinned.
    assert len(less.batches) < len(whole.batches)
    assert len(less.batches) == pytest.approx(len(dead.batches), abs=3)
    for data in (dead, less):
        assert np.bincount(data.batches.y)[[P, S]].tolist() == np.bincount(whole.batches.y)[[P, S]].tolist()


def test_the_given_scaler_is_taken(anything):
    excerpts = [excerpt_of([(600.0, P), (900.0, S)])]
    first = context_data(excerpts, [], lambda _: anything, CONFIG, np.random.default_rng(0))
    scaler = replace_scale(first.scaler, 2.0)
    again = context_data(excerpts, [], lambda _: anything, CONFIG, np.random.default_rng(0), scaler)
    assert again.scaler is scaler
    np.testing.assert_allclose(again.batches.x * 2, first.batches.x, atol=1e-5)


def replace_scale(scaler, factor):
    other = type(scaler)()
    other.mean, other.scale = scaler.mean, scaler.scale * factor
    return other


def test_folds_deal_out_all_stations_evenly():
    stations = [f"XX.{k}" for k in range(10)]
    fold = fold_of([*stations, *stations], 3, seed=1)
    assert set(fold) == set(stations)
    assert sorted(np.bincount(list(fold.values()))) == [3, 3, 4]
    assert fold == fold_of(stations, 3, seed=1) != fold_of(stations, 3, seed=2)
    assert sorted(fold_of(["b", "a"], 5, seed=0).values()) == [0, 1]


@pytest.mark.parametrize("folds", [2, 3, 9])
def test_a_fold_network_never_saw_the_station_that_it_scores(quakes, monkeypatch, folds):
    config = TrainConfig(hidden=(4,), folds=folds, members=2)
    seen = {}

    def spy(train, dev, network_of, *_):
        stations = {station_of(e.trace_id) for e in (*train, *dev)}
        seen.update({s: [network.theta[0] for network in network_of(s).networks] for s in stations})
        return real(train, dev, network_of, *_)

    real = tasks.context_data
    monkeypatch.setattr(tasks, "context_data", spy)
    with ExitStack() as files:
        run = tasks.Run(quakes.windows, config, None, files, silent)
    of_stage = [task.stage for task in run.tasks]
    assert of_stage == ["windows"] * 2 + ["fold"] * min(folds, 4) + ["context"] * 2 + ["onset"]
    n_parameters = Network((len(quakes.windows.rows.x[0].ravel()), 4, 3), rng=np.random.default_rng(0)).theta.size
    run.thetas += [np.full(n_parameters, k, np.float32) for k in range(len(run.tasks))]  # told apart by their numbers
    run.tasks[of_stage.index("context")].data()
    rows = quakes.windows.split("train")
    stations = np.array([station_of(t) for t in rows.trace_id])
    scaled = run.tasks[0].data().scaler.transform(rows.x)
    assert set(seen) == {"XX.A0", "XX.A1", "XX.A2", "XX.A3", "XX.B0", "XX.B1"}
    for station, numbers in seen.items():
        if station.startswith("XX.B"):
            assert numbers == [0, 1]  # stations of the dev split are new to all
            continue
        (number,) = numbers
        assert of_stage[int(number)] == "fold"
        dealt = run.tasks[int(number)].data().batches.epoch(1, np.random.default_rng(0))
        learned = {x.tobytes() for x, _, _ in dealt}
        here = {x.tobytes() for x in scaled[stations == station]}
        assert here and learned and not here & learned


# The onset network


def test_distances_to_onsets_by_hand():
    excerpt = replace(
        excerpt_of([(600.0, P), (900.25, S), (1100.0, -1), (20.0, P), (1480.0, S)]), weights=(0.5, 2.0, 1.0, 1.0, 1.0)
    )
    rng = np.random.default_rng(3)
    shifts_s = [rng.uniform(-SHIFT_S, SHIFT_S, SHIFTS) for _ in range(2)]
    data = onset_data([excerpt], [excerpt], CONFIG, np.random.default_rng(3))
    y = data.batches.y
    assert y.shape == (2 * SHIFTS, 2)  # of the phases alone, and of none so near to the edge
    expected = [(600 - np.rint(600 + shifts_s[0] * 50)) / 50, (900.25 - np.rint(900.25 + shifts_s[1] * 50)) / 50]
    np.testing.assert_allclose(y[:SHIFTS, P] * SHIFT_S, expected[0], atol=1e-6)
    np.testing.assert_allclose(y[SHIFTS:, S] * SHIFT_S, expected[1], atol=1e-6)
    assert np.isnan(y[:SHIFTS, S]).all() and np.isnan(y[SHIFTS:, P]).all()
    assert data.batches.weight.tolist() == [0.5] * SHIFTS + [2.0] * SHIFTS
    assert data.batches.n_features == int(np.prod(make_feature(onset_config(50.0)).shape))
    assert data.y_dev.shape == y.shape


# What is too little


def test_why_a_stage_can_not_be_learned():
    enough = [excerpt_of([(600.0, P), (900.0, S)])] * excerpt_data.FEWEST_TO_LEARN
    stations = {"XX.A", "XX.B"}
    assert excerpt_data.why_no_context(enough, stations, CONFIG) == excerpt_data.why_no_onsets(enough, CONFIG) == ""
    assert "no excerpts" in excerpt_data.why_no_context([], stations, CONFIG)
    few = "too few onsets of P (7; 8 are needed)"
    assert (
        excerpt_data.why_no_context(enough[1:], stations, CONFIG)
        == excerpt_data.why_no_onsets(enough[1:], CONFIG)
        == few
    )
    assert "one station" in excerpt_data.why_no_context(enough, {"XX.A"}, CONFIG)
    assert "no frames" in excerpt_data.why_no_context(enough, stations, replace(CONFIG, features="raw"))
    assert not excerpt_data.why_no_onsets(enough, replace(CONFIG, sampling_rate_hz=40.0, freqmax_hz=18.0))
    assert "20 Hz is too low" in excerpt_data.why_no_onsets(
        enough, replace(CONFIG, sampling_rate_hz=20.0, freqmax_hz=9.0)
    )
