"""Thresholds, temperature and spread: picks matched by hand, and known answers recovered."""

import math
from dataclasses import replace

import numpy as np
import pytest

from seisnet.model import Model, load_model
from seisnet.nn import softmax
from seisnet.picks import Pick
from seisnet.training.calibration import calibrated, logits_temperature, model_temperature, with_trials
from seisnet.training.trials import FEWEST_ONSETS, LOWEST_THRESHOLD, ONE_SIGMA, Trial, merged, quiet_parts, try_picks
from seisnet.waveforms.records import NS_PER_S


def pick(s, probability, uncertainty_s=0.1):
    return Pick("XX", "A", "", "HH", "P", round(s * NS_PER_S), probability=probability, uncertainty_s=uncertainty_s)


def trial_of(picks, reference_s, known_s):
    trial = Trial()
    trial.add(
        picks,
        [round(s * NS_PER_S) for s in reference_s],
        [(round(a * NS_PER_S), round(b * NS_PER_S)) for a, b in known_s],
    )
    return trial


@pytest.fixture
def by_hand():
    """Two references; a hit, the same again, a pick of noise, and one where nobody knows; half an hour known."""
    picks = [pick(10.2, 0.6), pick(9.7, 0.9), pick(500, 0.3), pick(3000, 0.95)]
    return trial_of(picks, [10, 100], [(0, 1800)])


def test_matching_by_hand(by_hand):
    assert by_hand.probability == [0.9, 0.6, 0.3]  # the surest first; at 3000 s anything may be
    np.testing.assert_allclose(by_hand.residual_s, [-0.3, np.nan, np.nan], atol=1e-9)
    assert (by_hand.n_reference, by_hand.hours) == (2, 0.5)


def test_a_pick_at_an_onset_is_right_also_where_noise_is_not_known():
    trial = trial_of([pick(10.5, 0.5), pick(10.51, 0.4)], [10], [])
    assert trial.residual_s == [0.5]
    assert trial_of([pick(10.51, 0.4)], [10], [(0, 20)]).residual_s == pytest.approx([np.nan], nan_ok=True)


def test_each_pick_takes_the_nearest_reference_that_is_left():
    trial = trial_of([pick(10.3, 0.9), pick(10.35, 0.8)], [10, 10.4], [(0, 20)])
    np.testing.assert_allclose(trial.residual_s, [-0.1, 0.35], atol=1e-9)


def test_a_pick_at_an_onset_of_a_later_phase_or_without_weight_is_neither_right_nor_false():
    trial = Trial()
    picks = [pick(10, 0.9), pick(10.9, 0.8), pick(20.5, 0.7), pick(20.51, 0.6)]
    trial.add(picks, [round(10.2 * NS_PER_S)], [(0, 3600 * NS_PER_S)], [round(s * NS_PER_S) for s in (10.5, 20)])
    assert trial.probability == [0.9, 0.6]
    assert (trial.n_reference, trial.hours, trial.false_an_hour(0.0)) == (1, 1.0, 1.0)


def test_what_is_of_no_class_in_an_excerpt_makes_no_pick_false(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1]
    threshold = quake_model.stored.thresholds["P"]
    plain = try_picks(quake_model, dev)["P"]
    of_none = [replace(e, onsets=tuple((s, -1 if k == 0 else k) for s, k in e.onsets)) for e in dev]
    found = try_picks(quake_model, of_none)["P"]
    assert len(plain.residuals_s(threshold)) > 20
    assert found.n_reference == 0 == len(found.residuals_s(0.0))
    assert found.false_an_hour(0.0) == plain.false_an_hour(0.0)


def test_precision_recall_and_f1_by_hand(by_hand):
    assert by_hand.at(0.7) == (1.0, 0.5, pytest.approx(2 / 3))
    assert by_hand.at(0.5) == (0.5, 0.5, 0.5)
    assert by_hand.at(0.0) == (pytest.approx(1 / 3), 0.5, pytest.approx(2 / 5))
    assert by_hand.at(0.7, within_s=0.1) == (0.0, 0.0, 0.0)
    assert by_hand.at(0.95) == (0.0, 0.0, 0.0)
    assert Trial().at(0.5) == (0.0, 0.0, 0.0)


def test_false_picks_an_hour(by_hand):
    assert [by_hand.false_an_hour(t) for t in (0.0, 0.5, 0.7)] == [4.0, 2.0, 0.0]
    assert math.isnan(Trial().false_an_hour(0.5))


def test_the_mean_error_is_that_of_matched_picks(by_hand):
    assert by_hand.mae_s(0.5) == pytest.approx(0.3)
    assert np.isnan(by_hand.mae_s(0.96))


def test_the_best_threshold_is_in_the_middle_of_those_with_the_highest_f1():
    hits, wrong = [pick(5 * k, 0.9) for k in range(300)], [pick(1602 + k, 0.6) for k in range(300)]
    trial = trial_of([*hits, *wrong], [5 * k for k in range(300)], [(0, 3600)])
    assert trial.best_threshold() == pytest.approx((0.61 + 0.90) / 2, abs=0.01)


@pytest.mark.parametrize(("n", "low", "high"), [(1, 0.3, 0.5), (30, 0.0, 0.1)])
def test_a_few_picks_of_few_onsets_do_not_decide(n, low, high):
    """Of each 20 onsets two are found below 0.1 only, which costs one false pick: F1 .976 for .947.

    How many picks there are does not matter: below 0.07 there are many false ones.
    """
    hits = [pick(5 * k, 0.1 if k % 10 == 0 else 0.8) for k in range(20 * n)]
    wrong = [*(pick(3002 + k, 0.3) for k in range(n)), *(pick(3100 + k / 10, 0.06) for k in range(100 * n))]
    trial = trial_of([*hits, *wrong], [5 * k for k in range(20 * n)], [(0, 3600)])
    assert low < trial.best_threshold() <= high


def test_a_budget_of_false_picks_is_kept():
    hits = [pick(10 * k, 0.3) for k in range(200)]
    wrong = [pick(2005 + 20 * k, (0.25, 0.28, 0.2)[k % 3]) for k in range(60)]
    trial = trial_of([*hits, *wrong, pick(3500, 0.6)], [10 * k for k in range(200)], [(0, 3600)])
    assert 0.28 < trial.best_threshold() <= 0.3
    assert 0.28 < trial.best_threshold(trial.within_budget(1)) <= 0.3
    assert trial.best_threshold(trial.within_budget(0)) > 0.6
    always = trial_of([pick(5, 0.999)], [], [(0, 3600)])
    assert always.best_threshold(always.within_budget(0)) == 0.98


def test_spread_makes_two_thirds_of_the_errors_smaller():
    rng = np.random.default_rng(5)
    trial = Trial(n_reference=4000, hours=1.0)
    said = rng.uniform(0.02, 0.2, 4000)
    trial.residual_s = list(3 * said * rng.normal(size=4000))
    trial.uncertainty_s, trial.probability = list(said), [0.8] * 4000
    factor = trial.spread(0.5)
    assert factor == pytest.approx(3, rel=0.05)
    within = np.abs(trial.residual_s) <= factor * said
    assert within.mean() == pytest.approx(ONE_SIGMA, abs=0.001)
    assert trial.spread(0.9) == 1.0  # no pick is so sure
    trial.uncertainty_s = [math.nan] * 4000
    assert trial.spread(0.5) == 1.0  # no onset stage


def test_a_model_whose_picks_lie_at_the_very_sample_of_the_onset_can_be_read_again(quake_model, tmp_path):
    """An expected error of nothing would make a spread of 0, which is refused when the model is loaded."""
    exact = trial_of([pick(10 * k, 0.9, 0.2) for k in range(30)], [10 * k for k in range(30)], [])
    stored = with_trials(replace(quake_model.stored, spread={}), {"P": exact})
    assert stored.spread == {"P": pytest.approx(0.001 / 0.2)}
    Model("exact", stored).save(tmp_path / "exact.h5")
    assert load_model(tmp_path / "exact.h5").stored.spread == stored.spread


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_recovered(temperature):
    rng = np.random.default_rng(6)
    logits = 3 * rng.normal(size=(20_000, 3))
    chances = softmax(logits / temperature).cumsum(axis=1)
    classes = (rng.random((20_000, 1)) > chances).sum(axis=1)
    assert logits_temperature(logits, classes) == pytest.approx(temperature, rel=0.05)


def test_what_is_dead_says_nothing_of_the_temperature(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1][:5]
    dead = replace(dev[0], data=np.zeros_like(dev[0].data), known=((0, dev[0].n_samples),))
    assert model_temperature(quake_model, [*dev, dead]) == model_temperature(quake_model, dev)


def test_the_temperature_is_not_that_of_before(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1]
    before = [Model("m", replace(quake_model.stored, temperature=t)) for t in (0.3, 0.6)]
    first, second = (model_temperature(model, dev) for model in before)
    assert first == pytest.approx(second, rel=0.05)


def test_trials_are_merged_class_by_class(by_hand):
    other = trial_of([pick(10.1, 0.7, 0.2)], [10], [(0, 900)])
    whole = merged([{"P": by_hand}, {"P": other, "S": other}])
    assert whole["S"] == other
    assert (whole["P"].probability, whole["P"].n_reference, whole["P"].hours) == ([0.9, 0.6, 0.3, 0.7], 3, 0.75)
    assert whole["P"].uncertainty_s == [0.1, 0.1, 0.1, 0.2]
    np.testing.assert_allclose(whole["P"].residual_s, [-0.3, np.nan, np.nan, 0.1], atol=1e-9)
    assert by_hand.n_reference == 2


def test_with_trials_changes_the_classes_that_were_tried(quake_model, by_hand):
    stored = replace(quake_model.stored, thresholds={"P": 0.5, "S": 0.4}, spread={"S": 2.0})
    changed = with_trials(stored, {"P": by_hand})
    assert changed.thresholds == {"P": by_hand.best_threshold(), "S": 0.4}
    assert changed.spread == {"P": 1.0, "S": 2.0}


def test_too_few_onsets_calibrate_nothing(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1]
    assert len(dev) >= FEWEST_ONSETS
    few = dev[: FEWEST_ONSETS - 1]
    assert calibrated(quake_model, few) is quake_model.stored
    assert calibrated(quake_model, []) is quake_model.stored


def test_a_class_of_too_few_onsets_keeps_its_threshold_beside_one_of_enough(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1]
    of_p = [tuple(onset for onset in e.onsets if onset[1] == 0) for e in dev]
    one_s = [*dev[:1], *(replace(e, onsets=o, weights=(1.0,) * len(o)) for e, o in zip(dev[1:], of_p[1:], strict=True))]
    odd = replace(quake_model.stored, thresholds={"P": 0.99, "S": 0.99})
    found = calibrated(Model("odd", odd), one_s)
    assert found.thresholds["P"] < found.thresholds["S"] == 0.99
    assert list(found.metrics["dev_picks"]) == ["P"]


def test_too_few_onsets_for_a_budget_are_told_with_it(quake_model, quakes):
    few = [e for e in quakes.windows.excerpts if e.split == 1][: FEWEST_ONSETS - 1]
    said = []
    stored = calibrated(quake_model, few, false_alarms_per_hour=0.5, say=said.append)
    kept = ", ".join(f"{name} {stored.thresholds[name]:g}" for name in ("P", "S"))
    assert said == [
        f"not calibrated, nor held to the budget of false picks (0.5 an hour): threshold {kept} "
        "(the dev split's excerpts hold 19 P, 19 S; 20 are needed)"
    ]


def test_calibration_finds_what_a_disturbed_model_has_lost(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1]
    stored = quake_model.stored
    disturbed = replace(
        stored,
        temperature=4 * stored.temperature,
        thresholds=dict.fromkeys(stored.thresholds, 0.99),
        spread={name: 5 * factor for name, factor in stored.spread.items()},
    )
    found = calibrated(Model("disturbed", disturbed), dev)
    assert found.temperature == pytest.approx(stored.temperature, rel=0.05)
    for name in ("P", "S"):
        assert found.thresholds[name] == pytest.approx(stored.thresholds[name], abs=0.05)
        assert found.spread[name] == pytest.approx(stored.spread[name], rel=0.05)


def test_a_calibrated_model_finds_the_onsets_and_says_how_well(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1]
    trials = try_picks(quake_model, dev)
    assert set(trials) == {"P", "S"}
    for name, trial in trials.items():
        threshold = quake_model.stored.thresholds[name]
        assert threshold > LOWEST_THRESHOLD
        assert trial.n_reference == len(dev)
        assert trial.hours == pytest.approx(sum(e.n_samples for e in dev) / 50 / 3600)
        assert trial.at(threshold)[2] > 0.8
        known = {"onsets": len(dev), "hours": trial.hours, "mae_s": trial.mae_s(threshold)}
        known |= dict(zip(("precision", "recall", "f1"), trial.at(threshold), strict=True))
        known |= {"false_an_hour": trial.false_an_hour(threshold), "quiet_hours": 0.0, "quiet_false_an_hour": None}
        assert quake_model.stored.metrics["dev_picks"][name] == pytest.approx(known)
        assert trial.spread(threshold) == pytest.approx(1, abs=1e-6)


def test_an_excerpt_is_tried_at_several_places_between_two_columns(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1][:2]
    hop_ns = round(quake_model.preprocess.hop_s * 1e9)
    moved = [replace(e, start_ns=e.start_ns + hop_ns // 2) for e in dev]
    for name, both in try_picks(quake_model, dev, starts=2).items():
        apart = [try_picks(quake_model, excerpts)[name] for excerpts in (dev, moved)]
        assert apart[0].probability != apart[1].probability
        assert sorted(both.probability) == sorted(apart[0].probability + apart[1].probability)
        assert (both.n_reference, both.hours) == (2 * apart[0].n_reference, pytest.approx(2 * apart[0].hours))


def test_quiet_parts_end_well_before_the_first_onset(quake_model, quakes):
    config = quake_model.preprocess
    excerpt = next(e for e in quakes.windows.excerpts if e.onsets)
    (quiet,) = quiet_parts([excerpt], config)
    first = min(sample for sample, _ in excerpt.onsets)
    assert quiet.n_samples == int(first - config.noise_gap_s * excerpt.sampling_rate_hz)
    assert quiet.onsets == quiet.weights == ()
    assert quiet.known == ((0, quiet.n_samples),)
    noise = replace(excerpt, onsets=(), weights=())
    assert next(quiet_parts([noise], config)).n_samples == excerpt.n_samples
    unknown = replace(excerpt, known=((0, 50), (quiet.n_samples + 50, excerpt.n_samples)))
    assert next(quiet_parts([unknown], config)).known == ((0, 50),)
    least = 2 * config.window_samples + config.noise_gap_s * excerpt.sampling_rate_hz
    for sample, n in ((1.0, 0), (least - 1, 0), (least, 1)):
        assert len(list(quiet_parts([replace(excerpt, onsets=((sample, 0),), weights=(1.0,))], config))) == n


def test_a_budget_of_false_alarms_raises_thresholds_and_is_kept(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1]
    dev.append(replace(dev[6], onsets=(), weights=()))  # whose picks are false: a P of 0.88, and an S as sure as any
    unsure = Model("unsure", replace(quake_model.stored, temperature=4 * quake_model.stored.temperature))
    free = calibrated(unsure, dev)
    said = []
    strict = calibrated(unsure, dev, false_alarms_per_hour=1e-6, say=said.append)
    whole = try_picks(Model("strict", strict), dev)
    found = try_picks(Model("strict", strict), quiet_parts(dev, quake_model.preprocess))
    rate = f"{found['S'].false_an_hour(0.98):.3g} false S an hour"
    assert said == [f"even threshold 0.98, the highest that is tried, gives {rate}, over the budget (1e-06)"]
    assert found["P"].false_an_hour(free.thresholds["P"]) > 0 == found["P"].false_an_hour(strict.thresholds["P"])
    for name, trial in found.items():
        assert strict.thresholds[name] == whole[name].best_threshold(trial.within_budget(1e-6)) > free.thresholds[name]
        figures = strict.metrics["dev_picks"][name]
        assert figures["quiet_hours"] == trial.hours
        assert figures["quiet_false_an_hour"] == trial.false_an_hour(strict.thresholds[name])
    assert strict.temperature == free.temperature


def test_a_budget_that_nothing_can_judge_is_said_to_be_idle(quake_model, quakes):
    dev = [e for e in quakes.windows.excerpts if e.split == 1]
    unknown = [replace(e, known=()) for e in dev]
    said = []
    found = calibrated(quake_model, unknown, false_alarms_per_hour=1.0, say=said.append)
    assert len(said) == 1
    assert "ignore the budget of false picks (1 an hour)" in said[0]
    assert found.thresholds == calibrated(quake_model, unknown, say=said.append).thresholds
    assert len(said) == 1, "where no budget is asked for nothing is said of one"
