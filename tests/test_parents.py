"""A model is trained further: from its own weights and scalers, and with what it has besides."""

import dataclasses

import numpy as np
import pytest

from seisnet.config import TrainConfig
from seisnet.errors import ConfigError
from seisnet.model import Model
from seisnet.training.fitting import fit
from seisnet.training.parents import Parent, settings_for
from tests.clouds import SMALL, make_windows, reads


def test_warm_start_begins_where_the_parent_ended(rng):
    windows, pair = make_windows(rng), dataclasses.replace(SMALL, members=2)
    parent, _ = fit(windows, pair)
    child, _ = fit(windows, dataclasses.replace(pair, epochs=1, learning_rate=1e-6), init=parent)
    np.testing.assert_allclose(child.stored.stages[0].theta, parent.stored.stages[0].theta, atol=1e-4)
    assert len(child.stored.attributes["parent_sha256"]) == 64
    for other in ({"hidden": (8,)}, {"activation": "tanh"}):
        with pytest.raises(ConfigError, match="has layers"):
            fit(windows, dataclasses.replace(pair, **other), init=parent)


def test_warm_start_takes_a_name_or_a_path_and_the_layers_of_that(rng, tmp_path):
    windows = make_windows(rng)
    parent, _ = fit(windows, dataclasses.replace(SMALL, members=2))
    parent.save(tmp_path / "parent.h5")
    brief = dataclasses.replace(SMALL, members=2, epochs=1)
    first, second = (fit(windows, brief, init=init)[0] for init in (parent, str(tmp_path / "parent.h5")))
    assert first.stored.stages[0].theta.tobytes() == second.stored.stages[0].theta.tobytes()
    child, _ = fit(windows, init=parent)
    assert child.layers == parent.layers
    with pytest.raises(ConfigError, match=r"TrainConfig\(\*\*model.layers\)"):
        fit(windows, TrainConfig(), init=parent)


def test_stages_are_trained_further_with_the_scalers_that_they_have(quakes, quake_model, briefly):
    half, rows = quakes.windows.excerpts[::2], quakes.windows.rows
    fewer = dataclasses.replace(quakes.windows, rows=rows.take(np.arange(len(rows)) % 3 > 0), excerpts=half)
    slow = dataclasses.replace(briefly, learning_rate=1e-7)
    child, _ = fit(fewer, slow, init=quake_model)
    assert reads(child) == ["features", "context", "onset"]
    for mine, parent in zip(child.stored.stages, quake_model.stored.stages, strict=True):
        np.testing.assert_allclose(mine.theta, parent.theta, atol=1e-4)
        assert not np.array_equal(mine.theta, parent.theta)
    np.testing.assert_array_equal(child.stored.mean, quake_model.stored.mean)
    for mine, parent in zip(child.stored.stages[1:], quake_model.stored.stages[1:], strict=True):
        np.testing.assert_array_equal(mine.mean, parent.mean)
        np.testing.assert_array_equal(mine.scale, parent.scale)


def test_stages_that_can_not_be_trained_further_are_carried_over(quakes, quake_model, briefly):
    said = []
    child, _ = fit(dataclasses.replace(quakes.windows, excerpts=()), briefly, init=quake_model, say=said.append)
    assert said == [
        *(
            f"the model keeps its {stage} stage as it is: the windows file holds no excerpts"
            for stage in reads(child)[1:]
        ),
        f"not calibrated: threshold P {child.stored.thresholds['P']:g}, S {child.stored.thresholds['S']:g} "
        "(the dev split's excerpts hold 0 P, 0 S; 20 are needed)",
    ]
    for mine, parent in zip(child.stored.stages[1:], quake_model.stored.stages[1:], strict=True):
        assert mine is parent


def test_that_a_model_keeps_stages_that_are_not_trained_further_is_told(quakes, quake_model, briefly):
    said = []
    alone = dataclasses.replace(
        briefly, context=False, onset=False, optimizer="adam", learning_rate=0.001, momentum=0.5
    )
    child, _ = fit(quakes.windows, alone, init=quake_model, say=said.append)
    assert said[:3] == [
        "momentum: adam has none to set, so it has no effect; sgd and nesterov use it",
        "the model keeps its context stage as it is: the settings say context = false",
        "the model keeps its onset stage as it is: the settings say onset = false",
    ]
    assert [a is b for a, b in zip(child.stored.stages, quake_model.stored.stages, strict=True)] == [False, True, True]


def test_a_model_of_one_stage_gets_the_others_unless_they_are_not_wanted(quakes, briefly):
    alone = {"context": False, "onset": False}
    parent, _ = fit(quakes.windows, dataclasses.replace(briefly, **alone))
    assert Parent(parent).goes_without("onset", "so") == "the model gets no onset stage: so"
    asked = dataclasses.replace(briefly, **parent.layers)
    assert reads(fit(quakes.windows, asked, init=parent)[0]) == ["features", "context", "onset"]
    assert reads(fit(quakes.windows, dataclasses.replace(asked, **alone), init=parent)[0]) == ["features"]


def test_only_a_whole_picker_is_trained_further_gently(quakes, quake_model, briefly):
    parent, _ = fit(quakes.windows, dataclasses.replace(briefly, context=False, onset=False))
    assert settings_for(parent) == TrainConfig(**parent.layers)  # networks are added, which have all to learn
    assert settings_for(quake_model) == TrainConfig(**quake_model.layers, learning_rate=0.002, keep=0.5)


def test_of_a_model_that_is_trained_further_as_much_remains_as_is_asked(quakes, quake_model, briefly):
    """All of its networks, the context's shifted biases included; what is kept changes nothing of the training."""
    child, mixed = (
        fit(quakes.windows, dataclasses.replace(briefly, keep=keep), init=quake_model)[0] for keep in (0.0, 0.75)
    )
    for before, after, both in zip(*(m.stored.stages for m in (quake_model, child, mixed)), strict=True):
        assert np.abs(after.theta - before.theta).max() > 0
        np.testing.assert_allclose(both.theta, 0.75 * before.theta + 0.25 * after.theta, rtol=1e-5, atol=1e-7)
    for name, column in child.stored.history.items():
        np.testing.assert_array_equal(mixed.stored.history[name], column)
    with pytest.raises(ConfigError, match="keep: without a model to start from"):
        fit(quakes.windows, dataclasses.replace(briefly, keep=0.5))


def test_layers_of_a_model_are_settings_of_a_training(quake_model, small_training):
    assert dataclasses.replace(small_training, **quake_model.layers) == small_training
    assert len(quake_model.layers) == 5
    three = dataclasses.replace(quake_model.stored.stages[0], theta=np.stack([quake_model.stored.stages[0].theta] * 3))
    stored = dataclasses.replace(quake_model.stored, stages=(three, *quake_model.stored.stages[1:]))
    assert Model("three", stored).layers["members"] == 3


def test_the_digest_of_a_parent_is_one_of_all_its_stages(quake_model):
    *others, last = quake_model.stored.stages
    changed = dataclasses.replace(last, theta=last.theta + 1)
    other = Model("m", dataclasses.replace(quake_model.stored, stages=(*others, changed)))
    assert Parent(other).digest != Parent(quake_model).digest != Parent(None).digest == ""


def test_a_parent_with_another_context_stage_is_refused(quakes, quake_model, briefly):
    with pytest.raises(ConfigError, match=r"has layers .* the training asks for context_hidden \(5,\)"):
        fit(quakes.windows, dataclasses.replace(briefly, context_hidden=(5,)), init=quake_model)


def test_what_is_trained_further_keeps_its_calibration_where_nothing_can_judge_it(quakes, quake_model, briefly):
    train = tuple(e for e in quakes.windows.excerpts if e.split == 0)
    child, _ = fit(dataclasses.replace(quakes.windows, excerpts=train), briefly, init=quake_model)
    for name in ("thresholds", "temperature", "spread"):
        assert getattr(child.stored, name) == getattr(quake_model.stored, name)
