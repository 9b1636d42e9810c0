"""The training loop: learns, repeats, resumes, refuses."""

import csv
import dataclasses
import json
import re
import sys
import tracemalloc
from contextlib import ExitStack
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

from seisnet import nn, plots
from seisnet.cli import cli
from seisnet.config import PreprocessConfig, TrainConfig, to_json
from seisnet.errors import ConfigError, DataError, TrainingError
from seisnet.features import make_feature
from seisnet.model import Model, load_model
from seisnet.picks import in_order
from seisnet.report.evaluation import evaluation_figures, write_evaluation
from seisnet.scoring.evaluation import evaluate
from seisnet.store.excerpts import SAMPLES
from seisnet.store.excerpts_writer import ExcerptsWriter, SamplesWriter
from seisnet.store.windows_file import FeatureReader, WindowRows, WindowsInfo
from seisnet.store.windows_in_memory import Windows, read_windows
from seisnet.store.windows_writer import writing
from seisnet.training import loop
from seisnet.training.batches import FileBatches, MemoryBatches, fit_scaler
from seisnet.training.fitting import fit, is_fitted
from seisnet.training.parents import Parent, settings_for
from seisnet.training.window_data import load_windows

CONFIG = PreprocessConfig(window_s=2.0, frame_s=0.5, hop_s=0.5, freqmin_hz=2.0, freqmax_hz=12.0)
SMALL = TrainConfig(hidden=(16,), epochs=4, batch_size=32, dropout=0.2, context=False, onset=False)


@pytest.fixture
def rng():
    return np.random.default_rng(20261122)


def make_windows(rng, n=360, spread=2.0, classes=3, dev=True):
    """Windows whose features are three Gaussian clouds; every sixth is for dev."""
    shape = make_feature(CONFIG).shape
    y = rng.integers(0, classes, n).astype(np.uint8)
    centres = spread * rng.standard_normal((3, int(np.prod(shape))))
    x_nd = (centres[y] + rng.standard_normal((n, centres.shape[1]))).astype(np.float32)
    split = np.where(np.arange(n) % 6 == 0, 1 if dev else 2, 0).astype(np.uint8)
    rows = WindowRows(
        x=x_nd,
        y=y,
        onset_s=np.zeros(n, np.float32),
        start_ns=np.arange(n),
        trace_id=np.array(["XX.A..HH"] * n, dtype=object),
        group=np.arange(n, dtype=np.uint32),
        split=split,
        weight=np.ones(n, np.float32),
        augmented=np.zeros(n, bool),
    )
    attributes = {"config": to_json(CONFIG), "feature": "logspec", "sampling_rate_hz": 100.0, "window_s": 2.0}
    attributes |= {"component_order": "ZNE", "split_by": "event"}
    return Windows(WindowsInfo(CONFIG.classes, shape, tuple(map(str, range(n))), (), (), attributes), rows)


def write(windows, path):
    with writing(path, windows.info, len(windows.rows)) as writer:
        writer.append(windows.rows).fill(windows.rows.x)
    return path


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


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("y", 3, "y holds uint8 .*3; whole numbers from 0 to 2"),
        ("split", 3, "split holds uint8 .*3; whole numbers from 0 to 2"),
        ("x", np.nan, "x holds values that are not finite"),
    ],
)
@pytest.mark.parametrize("row", [0, 1])  # of dev and of train
def test_windows_that_were_altered_in_memory_are_checked(rng, column, value, message, row):
    windows = make_windows(rng)
    altered = getattr(windows.rows, column).copy()
    altered[row] = value
    with pytest.raises(DataError, match=message):
        fit(dataclasses.replace(windows, rows=dataclasses.replace(windows.rows, **{column: altered})), SMALL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: {"y": rows.y.astype(float)}, "y holds float64"),
        (lambda rows: {"weight": rows.weight[:-1]}, r"weight: got the shape \(359,\)"),
        (lambda rows: {"x": rows.x[:, :-1]}, "features .* need"),
        (lambda rows: {"x": rows.x.tolist()}, "x: got a list"),
        (lambda rows: {"x": rows.x.astype(np.int32)}, "x holds int32; floats are needed"),
        (lambda rows: {"weight": -rows.weight}, "weight holds -1 in the training split"),
        (lambda rows: {"weight": rows.weight * np.float32(np.nan)}, "weight holds nan in the training split"),
        (lambda rows: {"weight": 0 * rows.weight}, "no windows, or none of a weight above 0"),
    ],
)
def test_columns_that_do_not_fit_are_told(rng, change, message):
    windows = make_windows(rng)
    rows = dataclasses.replace(windows.rows, **change(windows.rows))
    with pytest.raises(DataError, match=message):
        fit(dataclasses.replace(windows, rows=rows), SMALL)


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


def test_batches_from_a_file_hold_every_window_once_in_another_order_each_epoch(rng, tmp_path):
    windows = make_windows(rng, n=2000)
    train = windows.split("train")
    rows = np.flatnonzero(windows.rows.split == 0)
    with FeatureReader(write(windows, tmp_path / "w.h5")) as reader:
        scaler = fit_scaler(reader, rows)
        memory_mb = 2 * 600 * 4 * reader.n_features / 1e6  # pools of two runs
        batches = FileBatches(reader, rows, train.y, train.weight, scaler, memory_mb)
        epochs = [list(batches.epoch(64, np.random.default_rng(seed))) for seed in (0, 1)]
    whole = nn.StandardScaler().fit(train.x)
    np.testing.assert_allclose(scaler.mean, whole.mean, atol=1e-6)
    np.testing.assert_allclose(scaler.scale, whole.scale, rtol=1e-6)
    expected = whole.transform(train.x)
    for epoch in epochs:
        assert [len(y) for _, y, _ in epoch] == [64] * (len(train) // 64) + [len(train) % 64]
        x_nd, y_n = (np.concatenate([batch[i] for batch in epoch]) for i in (0, 1))
        order, reference = np.lexsort(x_nd.T[:3]), np.lexsort(expected.T[:3])
        np.testing.assert_allclose(x_nd[order], expected[reference], atol=1e-5)
        assert np.array_equal(y_n[order], train.y[reference])
    assert not np.array_equal(epochs[0][0][0], epochs[1][0][0])


def test_training_from_a_file_in_blocks_learns_as_well(rng, tmp_path):
    windows = make_windows(rng, n=1800, spread=0.5)
    path = write(windows, tmp_path / "w.h5")
    assert np.array_equal(read_windows(path).rows.x, windows.rows.x)
    config = dataclasses.replace(SMALL, epochs=8)
    _, in_memory = fit(path, config)
    _, in_blocks = fit(path, dataclasses.replace(config, memory_mb=0.2))
    assert in_blocks["dev_macro_f1"].max() == pytest.approx(in_memory["dev_macro_f1"].max(), abs=0.03)


def test_what_stays_in_the_file_is_never_held_at_once(rng, tmp_path, monkeypatch):
    # Where nothing is augmented, windows for dev lie between all others.
    monkeypatch.setattr(sys.modules[__name__], "CONFIG", PreprocessConfig())  # of many features
    path = write(make_windows(rng, n=12_000), tmp_path / "w.h5")
    with ExitStack() as files:
        tracemalloc.start()
        data = load_windows(path, dataclasses.replace(SMALL, memory_mb=1.0), None, files)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    of_all = 6 * data.x_dev.nbytes
    assert peak_bytes < 0.6 * of_all
    dev = read_windows(path).split("dev")
    np.testing.assert_array_equal(data.x_dev, data.scaler.transform(dev.x))


def test_what_is_held_in_memory_is_held_once(rng, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "CONFIG", PreprocessConfig())  # of many features
    path = write(make_windows(rng, n=12_000), tmp_path / "w.h5")
    with ExitStack() as files:
        tracemalloc.start()
        data = load_windows(path, SMALL, None, files)
        folds = [data.training(np.arange(len(data.train)) % 3 != k) for k in range(3)]
        whole = data.training()
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak_bytes < 2 * (data.x.nbytes + data.x_dev.nbytes)  # with what the scaler needs in double precision
    assert all(found.batches.x is data.x for found in (whole, *folds))
    assert [len(found.batches) for found in (whole, *folds)] == [10_000, 6666, 6667, 6667]
    train = read_windows(path).split("train")
    np.testing.assert_array_equal(data.x, data.scaler.transform(train.x))


def test_training_changes_no_window_of_the_user(rng):
    windows = make_windows(rng)
    before = windows.rows.x.copy()
    fit(windows, SMALL)
    np.testing.assert_array_equal(windows.rows.x, before)


def test_batches_of_some_rows_are_those_of_a_copy_of_these(rng):
    x, y, weight = (rng.standard_normal(shape).astype(np.float32) for shape in ((30, 3), 30, 30))
    rows = np.flatnonzero(rng.random(30) < 0.5)
    copied = MemoryBatches(x[rows], y[rows], weight[rows]).epoch(4, np.random.default_rng(1))
    for mine, others in zip(MemoryBatches(x, y, weight, rows).epoch(4, np.random.default_rng(1)), copied, strict=True):
        for a, b in zip(mine, others, strict=True):
            np.testing.assert_array_equal(a, b)


def test_memory_batches_keep_the_last_partial_batch(rng):
    x_nd, y_n = rng.standard_normal((10, 3)).astype(np.float32), np.zeros(10, np.uint8)
    dealt = list(MemoryBatches(x_nd, y_n, np.ones(10, np.float32)).epoch(4, rng))
    assert [len(y) for _, y, _ in dealt] == [4, 4, 2]


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


def test_evaluation_takes_paths(rng, tmp_path):
    windows = make_windows(rng)
    path = write(windows, tmp_path / "w.h5")
    model, _ = fit(path, SMALL, checkpoint=str(tmp_path / "c"))
    model.save(tmp_path / "m.h5")
    whole = evaluate(model, windows, split="dev").probabilities
    np.testing.assert_array_equal(evaluate(str(tmp_path / "m.h5"), str(path), split="dev").probabilities, whole)
    assert (tmp_path / "c").exists()


def test_scores_of_a_class_with_a_comma_in_its_name_are_one_row(rng, tmp_path):
    windows = make_windows(rng)
    info = dataclasses.replace(windows.info, classes=("quake, local", "S", "noise"))
    path = write(dataclasses.replace(windows, info=info), tmp_path / "w.h5")
    fit(path, SMALL)[0].save(tmp_path / "m.h5")
    judged = ["evaluate", tmp_path / "m.h5", path, "-o", tmp_path / "e", "--split", "dev", "-q"]
    result = CliRunner().invoke(cli, [*map(str, judged)], catch_exceptions=False)
    table = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["class"] for row in table] == ["quake, local", "S", "noise", "macro"]
    assert sum(int(row["windows"]) for row in table[:3]) == int(table[3]["windows"])


def test_evaluation_of_a_file_holds_the_windows_that_it_judges_alone(rng, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "CONFIG", PreprocessConfig())  # of many features
    windows = make_windows(rng, n=6000)
    model, _ = fit(windows, dataclasses.replace(SMALL, epochs=1))
    path = write(windows, tmp_path / "w.h5")
    tracemalloc.start()
    found = evaluate(model, path, split="dev")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(found.rows.x, windows.split("dev").x)
    of_all = windows.rows.x.nbytes
    assert peak_bytes < of_all


def test_one_class_only_is_refused(rng):
    with pytest.raises(DataError, match="only class P"):
        fit(make_windows(rng, classes=1), SMALL)


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


@pytest.mark.parametrize("memory_mb", [4000.0, 0.02])
def test_windows_without_weight_are_as_if_they_were_not_there(rng, tmp_path, memory_mb):
    windows = make_windows(rng, n=60)
    config = dataclasses.replace(SMALL, batch_size=1, learning_rate=1e-3, memory_mb=memory_mb)
    weight = np.where(np.arange(60) % 7 == 3, 0, 1).astype(np.float32)
    rows = dataclasses.replace(windows.rows, weight=weight)
    some = write(dataclasses.replace(windows, rows=rows), tmp_path / "some.h5")
    others = write(dataclasses.replace(windows, rows=windows.rows.take(weight > 0)), tmp_path / "others.h5")
    one, two = (fit(path, config)[0].stored.stages[0].theta for path in (some, others))
    np.testing.assert_array_equal(one, two)


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


def test_windows_that_say_nothing_of_their_task_are_of_phases(rng):
    windows, said = make_windows(rng), []
    windows.info.attributes["config"] = "{}"
    fit(windows, dataclasses.replace(SMALL, false_alarms_per_hour=1.0), say=said.append)
    assert not any("false_alarms_per_hour" in line for line in said)


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


# The later stages


@pytest.fixture
def briefly(small_training):
    """The same in a fraction of the time."""
    return dataclasses.replace(small_training, epochs=2, context_epochs=2, onset_epochs=2)


@pytest.fixture(scope="module")
def quake_file(quakes, tmp_path_factory):
    path = tmp_path_factory.mktemp("quakes") / "windows.h5"
    info = quakes.windows.info
    info = dataclasses.replace(info, attributes={**info.attributes, "sampling_rate_hz": 50.0})
    with writing(path, info, len(quakes.windows.rows)) as writer:
        writer.append(quakes.windows.rows).fill(quakes.windows.rows.x)
        samples = SamplesWriter(writer.file, SAMPLES)
        excerpts = ExcerptsWriter(writer, {name: k for k, name in enumerate(info.group_names)})
        for excerpt in quakes.windows.excerpts:
            samples.append(excerpt.data)
            excerpts.append(excerpt)
        samples.flush()
        excerpts.flush()
    return path


def reads(model):
    return [stage.reads for stage in model.stored.stages]


def bytes_of(model, path):
    model.save(path, overwrite=True)
    return path.read_bytes()


def test_a_file_with_excerpts_gives_a_model_of_three_stages(quake_model, quake_file, quakes, small_training, tmp_path):
    told, said = [], []
    model, history = fit(
        quake_file, small_training, progress=lambda stage, row: told.append((stage, row["epoch"])), say=said.append
    )
    assert reads(model) == ["features", "context", "onset"]
    assert [stage for stage, epoch in told if epoch == 1] == ["windows", "fold", "fold", "context", "onset"]
    assert len(history["epoch"]) == len(history["member"]) == small_training.epochs
    histories = {key: rows for key, rows in model.stored.metrics.items() if key.endswith("_history")}
    assert {key: len(rows) for key, rows in histories.items()} == {
        "context_history": small_training.context_epochs,
        "onset_history": small_training.onset_epochs,
    }
    assert said == []
    for mine, theirs in zip(model.stored.stages, quake_model.stored.stages, strict=True):
        np.testing.assert_array_equal(mine.theta, theirs.theta)  # from memory it is the same


def test_an_evaluation_says_that_it_is_of_the_first_stage_and_at_its_top_what_flatters_it(
    quake_model, quakes, tmp_path, monkeypatch
):
    info, page = quakes.windows.info, tmp_path / "report.html"
    found = dataclasses.replace(evaluate(quake_model, quakes.windows, split="dev"), breakdowns={})
    monkeypatch.setattr("seisnet.report.evaluation.worst_mistakes", lambda *_: [])
    figures = evaluation_figures(found, quake_model, info)
    assert "dot at" not in plots.svg(figures["roc"])  # thresholds are of the last stage
    monkeypatch.setattr("seisnet.report.evaluation.evaluation_figures", lambda *_: {})
    write_evaluation(found, quake_model, info, tmp_path)
    assert "the window network alone" in page.read_text() and '<ul class="lead">' not in page.read_text()
    write_evaluation(dataclasses.replace(found, split="test", known_share=1.0), quake_model, info, tmp_path)
    page = page.read_text()
    assert page.index("<li>Note: the model has learned from 100% of the onsets") < page.index("<h2>")


def test_a_model_of_three_stages_is_the_same_when_read_again(quake_model, quakes, tmp_path):
    quake_model.save(tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    for labelled in quakes.test:
        record = labelled.record
        picks = quake_model.follow(record).add(record.data, last=True).picks
        again = loaded.follow(record).add(record.data, last=True).picks
        assert [dataclasses.replace(p, model="") for p in again] == [dataclasses.replace(p, model="") for p in picks]
        assert {p.phase for p in picks} == {"P", "S"}
        for reference in labelled.picks:
            off_s = [abs(p.time_ns - reference.time_ns) / 1e9 for p in picks if p.phase == reference.phase]
            assert min(off_s) < 0.2


@pytest.mark.parametrize("piece", [1, 77, 1024])
def test_picks_of_three_stages_do_not_depend_on_the_pieces(quake_model, quakes, piece):
    first = quakes.test[0].record
    data = np.concatenate([q.record.data for q in quakes.test], axis=1)
    data = data[:, :2200] if piece == 1 else data
    record = dataclasses.replace(first, data=data, start_ns=first.start_ns + 12_345_678)
    whole = quake_model.follow(record).add(record.data, last=True)
    follower = quake_model.follow(record)
    picks, columns = [], []
    for at in range(0, record.n_samples, piece):
        found = follower.add(record.data[:, at : at + piece], last=at + piece >= record.n_samples)
        picks += found.picks
        columns.append(found.probabilities.values)
    assert np.concatenate(columns, axis=1).tobytes() == whole.probabilities.values.tobytes()
    assert in_order(picks) == in_order(whole.picks)
    assert len(picks) >= 2
    assert all(0 < p.uncertainty_s < 1 for p in picks)


@pytest.mark.parametrize("distil", [False, True])
def test_a_training_interrupted_after_every_epoch_ends_with_the_same_bytes(distil, quakes, briefly, tmp_path):
    briefly = dataclasses.replace(briefly, distil=distil, members=2 if distil else 1)
    whole, _ = fit(quakes.windows, briefly, name="m")
    checkpoint = tmp_path / "run.checkpoint"
    stopped = []

    class Interrupted(Exception):
        pass

    def stop(stage, row):
        stopped.append((stage, row["epoch"]))
        raise Interrupted

    for _ in range(100):
        try:
            resumed, _ = fit(quakes.windows, briefly, name="m", checkpoint=checkpoint, progress=stop)
            break
        except Interrupted:
            pass
    teacher = ["teacher", "teacher"] if distil else []
    stages = [*teacher, "windows", *teacher, "fold", *teacher, "fold", *teacher, "context", "onset"]
    assert stopped == [(stage, epoch) for stage in stages for epoch in (1, 2)]
    assert bytes_of(resumed, tmp_path / "m.h5") == bytes_of(whole, tmp_path / "w.h5")


def test_a_checkpoint_of_other_excerpts_or_of_another_parent_is_refused(quakes, quake_model, briefly, tmp_path):
    fit(quakes.windows, briefly, checkpoint=tmp_path / "c")
    fewer = dataclasses.replace(quakes.windows, excerpts=quakes.windows.excerpts[1:])
    with pytest.raises(ConfigError, match="belongs to other windows or settings"):
        fit(fewer, briefly, checkpoint=tmp_path / "c")
    with pytest.raises(ConfigError, match="belongs to other windows or settings"):
        fit(quakes.windows, briefly, checkpoint=tmp_path / "c", init=quake_model)


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


def test_an_ensemble_has_as_many_context_networks(quakes, briefly, tmp_path):
    model, history = fit(quakes.windows, dataclasses.replace(briefly, members=2))
    shapes = [np.atleast_2d(stage.theta).shape[0] for stage in model.stored.stages]
    assert shapes == [2, 2, 1]
    assert history["member"].tolist() == [0, 0, 1, 1]
    first, second = model.stored.stages[1].theta
    assert not np.array_equal(first, second)
    model.save(tmp_path / "m.h5")
    assert len(load_model(tmp_path / "m.h5").context.networks) == 2


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ({"context": False}, ["features", "onset"]),
        ({"onset": False}, ["features", "context"]),
        ({"context": False, "onset": False}, ["features"]),
    ],
)
def test_stages_can_be_left_out(quakes, briefly, off, expected):
    said = []
    model, _ = fit(quakes.windows, dataclasses.replace(briefly, **off), say=said.append)
    assert reads(model) == expected
    assert said == []


def test_what_is_trained_further_keeps_its_calibration_where_nothing_can_judge_it(quakes, quake_model, briefly):
    train = tuple(e for e in quakes.windows.excerpts if e.split == 0)
    child, _ = fit(dataclasses.replace(quakes.windows, excerpts=train), briefly, init=quake_model)
    for name in ("thresholds", "temperature", "spread"):
        assert getattr(child.stored, name) == getattr(quake_model.stored, name)


def test_too_few_onsets_are_said_and_give_no_stage(quakes, briefly):
    train = [e for e in quakes.windows.excerpts if e.split == 0][:7]
    said = []
    model, _ = fit(dataclasses.replace(quakes.windows, excerpts=tuple(train)), briefly, say=said.append)
    assert reads(model) == ["features"]
    reason = "too few onsets of P (7; 8 are needed)"
    assert said[:2] == [f"the model gets no {stage} stage: {reason}" for stage in ("context", "onset")]
    assert said[2].startswith("not calibrated: threshold P 0.7, S 0.7") and len(said) == 3
    assert model.stored.temperature == 1.0  # and without a dev split nothing is calibrated
