"""The training loop: learns, repeats, resumes, refuses."""

import dataclasses
import json
import re
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

from seisnet import nn
from seisnet.cli import cli
from seisnet.config import to_json
from seisnet.errors import ConfigError, TrainingError
from seisnet.model import Model, load_model
from seisnet.scoring.evaluation import evaluate
from seisnet.store.windows_in_memory import Windows
from seisnet.training import loop
from seisnet.training.fitting import fit, is_fitted
from tests.clouds import CONFIG, SMALL, make_windows, write


def test_it_learns_what_can_be_learned(rng):
    model, history = fit(make_windows(rng, spread=0.5), dataclasses.replace(SMALL, epochs=15))
    assert history["dev_macro_f1"].max() > 0.95
    assert history["train_loss"][-1] < history["train_loss"][0]
    assert list(history["epoch"]) == list(range(1, 16))
    assert {"gradient_norm_1", "gradient_norm_2", "saturated_1", "learning_rate"} <= history.keys()
    assert model.classes == ("P", "S", "noise")


def test_it_learns_nothing_from_shuffled_labels(rng):
    windows = make_windows(rng, n=1200)
    shuffled = dataclasses.replace(windows.rows, y=rng.permutation(windows.rows.y))
    _, history = fit(Windows(windows.info, shuffled), SMALL)
    assert history["dev_macro_f1"].max() < 0.5


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(rng):
    windows = make_windows(rng)
    first, second = (fit(windows, SMALL)[0].stored.stages[0].theta for _ in range(2))
    assert first.tobytes() == second.tobytes()
    other = fit(windows, dataclasses.replace(SMALL, seed=1))[0].stored.stages[0].theta
    assert not np.array_equal(first, other)


def test_the_number_of_threads_changes_nothing(rng):
    windows = make_windows(rng)
    one, two = (fit(windows, SMALL, threads=n)[0].stored.stages[0].theta for n in (1, 2))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weights_decay_and_biases_do_not(rng, optimizer):
    windows = make_windows(rng)
    parent, _ = fit(windows, SMALL)
    (stage,) = parent.stored.stages
    ones = dataclasses.replace(stage, theta=np.ones_like(stage.theta))
    parent = Model("ones", dataclasses.replace(parent.stored, stages=(ones,)))
    config = dataclasses.replace(SMALL, epochs=1, optimizer=optimizer, learning_rate=1e-6, schedule="constant")
    thetas = [
        fit(windows, dataclasses.replace(config, weight_decay=decay), init=parent)[0].networks[0].theta
        for decay in (0.0, 10.0)
    ]
    decayed = np.abs(thetas[0] - thetas[1]) > 1e-5
    assert (decayed == nn.Network(stage.sizes).is_weight).all()


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adam", "adamw", "rmsprop", "adagrad"])
@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_an_interrupted_training_goes_on_bit_for_bit(rng, tmp_path, optimizer, schedule):
    windows = make_windows(rng)
    config = dataclasses.replace(SMALL, optimizer=optimizer, schedule=schedule, members=2, learning_rate=0.003)
    whole, _ = fit(windows, config)
    checkpoint = tmp_path / "run.checkpoint"

    class Interrupted(Exception):
        pass

    def stop_in_the_second_member(_, row):
        if row["task"] == 1 and row["epoch"] == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        fit(windows, config, checkpoint=checkpoint, progress=stop_in_the_second_member)
    resumed, history = fit(windows, config, checkpoint=checkpoint)
    assert resumed.stored.stages[0].theta.tobytes() == whole.stored.stages[0].theta.tobytes()
    assert len(history["epoch"]) == 2 * config.epochs
    for path, model in ((tmp_path / "whole.h5", whole), (tmp_path / "resumed.h5", resumed)):
        model.save(path)
    assert (tmp_path / "whole.h5").read_bytes() == (tmp_path / "resumed.h5").read_bytes()


def test_a_rate_that_has_fallen_on_a_plateau_is_still_low_when_training_goes_on(rng, tmp_path):
    windows = make_windows(rng, n=120, spread=0.0)  # nothing can be learned: the dev loss does not fall for long
    config = dataclasses.replace(SMALL, schedule="plateau", epochs=10, learning_rate=0.1, optimizer="adam")
    whole, expected = fit(windows, config)
    *_, last = expected["learning_rate"]
    assert last == pytest.approx(0.01)

    class Interrupted(Exception):
        pass

    def stop_once_it_has_fallen(_, row):
        if row["learning_rate"] < 0.1:
            raise Interrupted

    with pytest.raises(Interrupted):
        fit(windows, config, checkpoint=tmp_path / "c", progress=stop_once_it_has_fallen)
    resumed, history = fit(windows, config, checkpoint=tmp_path / "c")
    assert history["learning_rate"].tolist() == expected["learning_rate"].tolist()
    assert resumed.stored.stages[0].theta.tobytes() == whole.stored.stages[0].theta.tobytes()


def test_a_model_is_fitted_if_settings_windows_parent_and_version_are_the_same(rng):
    windows, config = make_windows(rng), dataclasses.replace(SMALL, epochs=1)
    parent, _ = fit(windows, config)
    stored = fit(windows, config, init=parent)[0].stored
    assert is_fitted(parent.stored, windows, config, None) and is_fitted(stored, windows, config, parent)
    assert not is_fitted(stored, windows, config, None) and not is_fitted(parent.stored, windows, config, parent)
    assert not is_fitted(stored, windows, dataclasses.replace(config, seed=5), parent)
    other = dataclasses.replace(windows, rows=windows.rows.take(np.arange(len(windows.rows)) > 0))
    assert not is_fitted(stored, other, config, parent)
    older = {**stored.attributes, "seisnet_version": "0.0.1"}
    assert not is_fitted(dataclasses.replace(stored, attributes=older), windows, config, parent)
    recipe = {**stored.preprocess, "freqmin_hz": 1.0}
    assert not is_fitted(dataclasses.replace(stored, preprocess=recipe), windows, config, parent)


def test_a_checkpoint_of_other_settings_is_refused(rng, tmp_path):
    windows = make_windows(rng)
    fit(windows, SMALL, checkpoint=tmp_path / "c")
    with pytest.raises(ConfigError, match=r"belongs to other windows or settings; .* with --overwrite"):
        fit(windows, dataclasses.replace(SMALL, seed=5), checkpoint=tmp_path / "c")
    for column, split in (("x", 1), ("weight", 0)):
        values = getattr(windows.rows, column).copy()
        values[windows.rows.split == split] += 1
        other = dataclasses.replace(windows, rows=dataclasses.replace(windows.rows, **{column: values}))
        with pytest.raises(ConfigError, match="belongs to other windows or settings"):
            fit(other, SMALL, checkpoint=tmp_path / "c")


def test_the_best_epoch_is_kept_and_patience_ends_the_training(rng):
    windows = make_windows(rng, n=240, spread=0.15)
    config = dataclasses.replace(SMALL, epochs=40, patience=3, hidden=(64,), dropout=0.0)
    model, history = fit(windows, config)
    best = int(np.lexsort((history["dev_loss"], -history["dev_macro_f1"]))[0])
    assert len(history["epoch"]) == best + 1 + config.patience
    dev = windows.split("dev")
    accuracy = (model.predict_proba(dev.x).argmax(axis=1) == dev.y).mean()
    assert accuracy == pytest.approx(history["dev_accuracy"][best])


def test_an_ensemble_averages_the_probabilities_of_its_members(rng, tmp_path):
    windows = make_windows(rng)
    both, _ = fit(windows, dataclasses.replace(SMALL, members=2))
    both.save(tmp_path / "both.h5")
    loaded = load_model(tmp_path / "both.h5")
    x_nd = windows.rows.x[:50]
    scaled = (x_nd - loaded.stored.mean) / loaded.stored.scale
    alone = [nn.softmax(network.predict(scaled)) for network in loaded.networks]
    assert len(alone) == 2
    np.testing.assert_allclose(loaded.predict_proba(x_nd), (alone[0] + alone[1]) / 2, atol=1e-6)
    one = fit(windows, SMALL)[0].stored.stages[0].theta
    assert np.array_equal(both.stored.stages[0].theta[0], one)
    assert not np.array_equal(both.stored.stages[0].theta[1], one)


def test_balanced_class_weights_make_a_rare_class_count(rng):
    windows = make_windows(rng, n=3000, spread=0.08)
    keep = (windows.rows.y != 0) | (np.arange(3000) % 15 == 0)
    rare = Windows(windows.info, windows.rows.take(keep))
    recall = {}
    for how in ("balanced", "none"):
        model, _ = fit(rare, dataclasses.replace(SMALL, class_weight=how, epochs=6))
        rows = rare.rows.take(rare.rows.y == 0)
        recall[how] = (model.predict_proba(rows.x).argmax(axis=1) == 0).mean()
    assert recall["balanced"] > recall["none"] + 0.1


def test_arguments_of_another_kind_are_told(rng, tmp_path):
    windows = make_windows(rng)
    path = write(windows, tmp_path / "w.h5")
    model, _ = fit(windows, SMALL)
    for call, message in [
        (lambda: fit(windows, {"hidden": (8,)}), "config: got dict; TrainConfig is needed"),
        (lambda: fit(windows, CONFIG), "config: got PreprocessConfig; TrainConfig is needed"),
        (lambda: fit([windows], SMALL), "windows: got list; Windows is needed"),
        (lambda: fit(windows, SMALL, init=(model, {})), "init: got tuple; Model is needed"),
        (lambda: fit(windows, SMALL, init="phas"), "model 'phas': no such file; shipped models are phase"),
        (lambda: fit(windows, SMALL, device="gpu"), "device: got 'gpu'; known: cpu, cuda"),
        (lambda: evaluate(model, path, split="validation"), "split: got 'validation'; known: all, dev, test, train"),
        (lambda: evaluate(model, path, split=None), "split: got 'None'; known: all, dev, test, train"),
        (lambda: evaluate((model, {}), path), "model: got tuple; Model is needed"),
        (lambda: evaluate(model, windows.rows), "windows: got WindowRows; Windows is needed"),
    ]:
        with pytest.raises(ConfigError, match=re.escape(message)):
            call()


def test_a_loss_that_is_not_finite_stops_with_advice(rng):
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="lower the learning rate"):
        fit(make_windows(rng), dataclasses.replace(SMALL, learning_rate=900.0, activation="identity", epochs=50))


@pytest.mark.parametrize("dev", [False, True])
def test_a_training_whose_last_step_was_too_long_gives_no_model(rng, dev):
    windows = make_windows(rng, dev=dev)
    config = dataclasses.replace(SMALL, hidden=(16, 8), epochs=1, batch_size=1000)
    stored = fit(windows, config)[0].stored
    stage = dataclasses.replace(stored.stages[0], theta=stored.stages[0].theta * np.float32(1e11))
    wide = Model("wide", dataclasses.replace(stored, stages=(stage,)))  # its loss is finite, but not after a step
    ask = partial(fit, windows, dataclasses.replace(config, learning_rate=1e3), init=wide)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(TrainingError, match="not finite after epoch 1"):
        ask()


def test_vanishing_gradients_are_named_by_layer(rng):
    said = []
    config = dataclasses.replace(SMALL, hidden=(16,) * 10, activation="sigmoid", dropout=0.0)
    fit(make_windows(rng), config, say=said.append)
    (line,) = [line for line in said if line.startswith("windows network: the gradient of layer 1 vanishes")]
    assert line.endswith("in epoch 1): try relu, fewer layers, or scaled inputs")
    assert any(line.startswith("windows network: every dev window is classified as") for line in said)
    said.clear()
    fit(make_windows(rng, spread=0.5), SMALL, say=said.append)
    assert [line for line in said if not line.startswith("not calibrated")] == []


@pytest.mark.parametrize(
    ("saturated", "advice"),
    [
        (1.0, "no window moves its units: lower the learning rate (now 0.02, where adam needs about 0.001)"),
        (0.5, "try relu, fewer layers, or scaled inputs"),
    ],
)
def test_a_gradient_that_vanishes_is_told_once_a_network_with_what_may_help(saturated, advice):
    said, config = [], dataclasses.replace(SMALL, optimizer="adam")
    row = {"task": 1.0, "epoch": 3.0, "gradient_norm_1": 0.0, "gradient_norm_2": 1.0, "saturated_1": saturated}
    for before in ([], [row], [{**row, "task": 0.0}]):
        loop.look_at_gradients(row, before, config, said.append)
    assert said == 2 * [f"the gradient of layer 1 vanishes (norm 0.0e+00 in epoch 3): {advice}"]


def test_a_training_that_diverges_ends_in_one_line(rng, tmp_path):
    """Without NumPy's warnings, which are errors in tests."""
    path = write(make_windows(rng), tmp_path / "w.h5")
    options = ["train", str(path), "-o", str(tmp_path / "m.h5"), "--activation", "identity", "--learning-rate", "900"]
    done = CliRunner().invoke(cli, [*options, "--quiet"])
    assert isinstance(done.exception, TrainingError)
    assert done.output == ""


def test_without_a_dev_split_the_last_epoch_is_kept(rng):
    said = []
    _, history = fit(make_windows(rng, dev=False), dataclasses.replace(SMALL, patience=1), say=said.append)
    assert "dev_macro_f1" not in history
    assert len(history["epoch"]) == SMALL.epochs
    assert "patience: there is no dev split, so nothing stops the training early" in said


@pytest.mark.parametrize(("class_weight", "told"), [("balanced", True), ("none", False)])
def test_weights_that_do_nothing_are_told(rng, class_weight, told):
    said = []
    config = dataclasses.replace(SMALL, epochs=1, batch_size=1, class_weight=class_weight, learning_rate=1e-3)
    fit(make_windows(rng, n=60), config, say=said.append)
    assert any("batch_size 1: weights of classes and windows have no effect" in line for line in said) == told


@pytest.mark.parametrize(("hidden", "dropout", "told"), [((), 0.3, True), ((), 0.0, False), ((8,), 0.3, False)])
def test_dropout_of_a_network_without_hidden_layers_is_told_to_do_nothing(rng, hidden, dropout, told):
    said = []
    windows, config = make_windows(rng, n=60), dataclasses.replace(SMALL, epochs=1, hidden=hidden, dropout=dropout)
    model, _ = fit(windows, config, say=said.append)
    assert any("dropout: without hidden layers" in line for line in said) == told
    if told:
        other, _ = fit(windows, dataclasses.replace(config, dropout=0.0))
        assert np.array_equal(model.stored.stages[0].theta, other.stored.stages[0].theta)


def test_cuda_without_cupy_is_one_clear_line(rng):
    try:
        import cupy  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match="needs CuPy"):
            fit(make_windows(rng), SMALL, device="cuda")
    else:
        pytest.skip("CuPy is installed")


def test_the_model_carries_its_recipe(rng, tmp_path):
    windows = make_windows(rng)
    model, history = fit(windows, SMALL, name="mine")
    model.save(tmp_path / "mine.h5")
    loaded = load_model(tmp_path / "mine.h5")
    assert isinstance(loaded, Model)
    assert loaded.name == "mine"
    assert loaded.preprocess == CONFIG
    assert loaded.stored.preprocess == json.loads(to_json(CONFIG))  # defaults too, which may be others one day
    assert loaded.stored.train == json.loads(to_json(SMALL))
    np.testing.assert_array_equal(loaded.stored.history["train_loss"], history["train_loss"])
    np.testing.assert_array_equal(loaded.predict_proba(windows.rows.x), model.predict_proba(windows.rows.x))
