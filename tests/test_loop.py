"""One network's training, epoch by epoch, with losses and ranks that are given."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from seisnet import nn
from seisnet.config import TrainConfig
from seisnet.errors import TrainingError
from seisnet.nn.scalers import StandardScaler
from seisnet.store.checkpoint_file import Checkpoint
from seisnet.training.batches import MemoryBatches, TrainingData
from seisnet.training.loop import history_columns, look_at_gradients, train_network

CONFIG = TrainConfig(hidden=(5,), epochs=1, batch_size=4, dropout=0.0, weight_decay=0.0, learning_rate=0.01)


@dataclass
class Given:
    """An objective whose losses and ranks are given, one a batch and one an epoch; it notes the outputs for dev."""

    losses: list[float] = field(default_factory=lambda: [1.0])
    dev_losses: list[float] = field(default_factory=lambda: [1.0])
    ranks: list[float] = field(default_factory=lambda: [1.0])
    outputs: list = field(default_factory=list)

    def loss(self, outputs, targets, weight):
        self.losses.append(self.losses.pop(0))
        return self.losses[-1], outputs * weight[:, None]

    def score(self, outputs, targets, say):
        self.outputs.append(outputs)
        self.dev_losses.append(self.dev_losses.pop(0))
        return {"dev_loss": self.dev_losses[-1]}

    def rank(self, row):
        self.ranks.append(self.ranks.pop(0))
        return self.ranks[-1], 0.0


def train(config, given, *, scale=1.0, prior_shift=None):
    """Train on ten windows of three features; returns the network, its data, its state, and its weights by epoch."""
    rng = np.random.default_rng(20261130)
    x_nd = (scale * rng.normal(size=(10, 3))).astype(np.float32)
    batches = MemoryBatches(x_nd, np.zeros(10, np.uint8), rng.uniform(0.5, 2, 10).astype(np.float32))
    data = TrainingData(batches, x_nd[:3].copy(), np.zeros(3, np.uint8), StandardScaler(), prior_shift)
    network = nn.Network((3, *config.hidden, 2), config.activation, rng=rng)
    theta = network.theta.copy()
    state, thetas = Checkpoint("", theta, theta.copy(), dict(rng.bit_generator.state)), [theta.copy()]
    train_network(network, data, given, config, state, progress=lambda _: thetas.append(state.theta.copy()))
    return network, data, state, thetas


def test_a_row_of_the_history_by_hand():
    """Mean loss of the batches, and rate and gradients of the last of them."""
    config = replace(CONFIG, epochs=2, schedule="cosine")
    network, _, state, _ = train(config, Given(losses=[4.0, 3.0, 0.5, 2.0, 2.0, 0.5]))
    first, second = state.history
    assert (first["train_loss"], second["train_loss"]) == (2.5, 1.5)
    rate = nn.make_schedule("cosine", 0.01, 6)  # of three batches in each of two epochs
    assert (first["learning_rate"], second["learning_rate"]) == (rate(2), rate(5))
    assert [second["gradient_norm_1"], second["gradient_norm_2"]] == nn.gradient_norms(network)


def test_norms_of_gradients_are_those_of_the_loss_alone():
    config = replace(CONFIG, batch_size=10)
    plain, penalised = (
        train(replace(config, l1=l1, weight_decay=l2), Given())[2].history[0] for l1, l2 in ((0.0, 0.0), (2.0, 3.0))
    )
    assert plain == penalised


def test_penalties_clipping_and_the_limit_of_norms_in_one_step():
    step = replace(CONFIG, batch_size=10, optimizer="sgd", momentum=0.0, schedule="constant")

    def after(**settings):
        network, _, _, (before, *_, now) = train(replace(step, **settings), Given())
        return network, before, now

    network, before, plain = after()
    for l1, l2 in ((2.0, 3.0), (2.0, 0.0), (0.0, 3.0)):
        penalty = np.where(network.is_weight, l1 * np.sign(before) + l2 * before, 0)
        np.testing.assert_allclose(after(l1=l1, weight_decay=l2)[2], plain - 0.01 * penalty, atol=1e-6)
    assert len({after(epochs=2, momentum=share)[2].tobytes() for share in (0.0, 0.5, 0.9)}) == 3
    assert np.linalg.norm(plain - before) > 0.01 * 0.125
    assert np.linalg.norm(after(clip_norm=0.125)[2] - before) == pytest.approx(0.01 * 0.125, rel=1e-3)
    unlimited, limited = (
        np.linalg.norm(after(**settings)[0].dense[0].weights, axis=0) for settings in ({}, {"max_norm": 0.25})
    )
    assert unlimited.max() > 0.25 and limited.max() <= 0.25 + 1e-6


def test_outputs_for_dev_have_the_shift_of_the_priors():
    given, shift = Given(), np.array([0.5, -1.0], np.float32)
    network, data, _, _ = train(CONFIG, given, prior_shift=shift)
    np.testing.assert_array_equal(given.outputs[0], network.predict(data.x_dev) + shift)


def test_the_first_of_equal_epochs_is_kept_and_ends_patience():
    given = Given(ranks=[1.0, 3.0, 3.0, 2.0, 4.0])
    _, _, state, thetas = train(replace(CONFIG, epochs=5, patience=2), given)
    assert (state.epoch, state.since, state.best) == (4, 2, (3.0, 0.0))
    np.testing.assert_array_equal(state.best_theta, thetas[2])
    np.testing.assert_array_equal(state.theta, thetas[4])
    assert not np.array_equal(thetas[2], thetas[4])


FALLING = [0.9**k for k in range(24)]


@pytest.mark.parametrize(("losses", "dev_losses", "last"), [(FALLING, [1.0], 0.001), ([1.0], FALLING, 0.01)])
def test_a_plateau_is_one_of_the_dev_loss(losses, dev_losses, last):
    config = replace(CONFIG, epochs=8, schedule="plateau")
    state = train(config, Given(losses=losses.copy(), dev_losses=dev_losses.copy()))[2]
    assert state.history[-1]["learning_rate"] == pytest.approx(last)


def test_momentum_does_not_shrink_to_denormal_numbers():
    state = train(CONFIG, Given(), scale=1e-20)[2]  # so the gradients of the first layer are that small
    moments = np.concatenate([v.ravel() for v in state.optimizer.values() if v.dtype.kind == "f"])
    assert (moments != 0).any() and (np.abs(moments[moments != 0]) >= np.finfo(np.float32).tiny).all()


def test_a_loss_that_is_not_finite_is_told_with_its_epoch_and_batch():
    losses = [1.0] * 4 + [math.nan, 1.0]  # of three batches an epoch
    with pytest.raises(TrainingError, match=r"the loss is nan at epoch 2, batch 2: .*\(now 0\.01\)"):
        train(replace(CONFIG, epochs=2), Given(losses=losses))


def test_which_gradients_explode_and_which_vanish():
    """Above 10000, or below a share of 0.0001 of the largest."""
    norms = {"gradient_norm_1": 0.9, "gradient_norm_2": 1.1, "gradient_norm_3": 10_100.0, "gradient_norm_4": 9_900.0}
    said = []
    look_at_gradients({"task": 0.0, "epoch": 1.0, **norms}, [], CONFIG, said.append)
    assert [line.split(" (", 1)[0] for line in said] == [
        "the gradient of layer 1 vanishes",
        "the gradient of layer 3 explodes",
    ]
    assert said[1].endswith("lower the learning rate or set clip_norm")


def test_columns_of_a_history_are_those_of_its_tasks_and_count_their_members():
    rows = [{"task": float(k), "epoch": 1.0, "epochs": 9.0, "train_loss": 0.25 * k} for k in (0, 2, 3)]
    columns = history_columns(rows, (2, 3))
    assert {name: column.tolist() for name, column in columns.items()} == {
        "member": [0, 1], "epoch": [1, 1], "train_loss": [0.5, 0.75],
    }  # fmt: skip
