"""Onset regression: its loss by hand and by differences, and impulses that it learns to find."""

from dataclasses import replace

import numpy as np
import pytest

from seisnet.errors import FormatError
from seisnet.features import make_feature
from seisnet.model import Model, load_model
from seisnet.nn import SGD, Network
from seisnet.scan.onset_network import (
    FURTHEST_S,
    SHIFT_S,
    SMALLEST,
    SPREAD_SHARE,
    WAY,
    OnsetNetwork,
    onset_config,
    onset_loss,
    onset_windows,
)
from seisnet.waveforms.records import Record, sample_to_ns

RATE_HZ = 100.0


def record_with_onset(sample, n=1000, seed=0):
    """Noise that grows twentyfold at a sample."""
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(3, n)).astype(np.float32)
    data[:, sample:] *= 20
    return Record(data, 10**18, RATE_HZ, "XX.AAA..HH", np.ones(3, np.bool_), RATE_HZ / 2)


def test_loss_by_hand():
    outputs = np.array([[0.5, 0.0, 9.0, 9.0]], dtype=np.float32)
    targets = np.array([[0.4, np.nan]], dtype=np.float32)
    loss, gradient = onset_loss(outputs, targets, np.ones(1, np.float32))
    log_error = np.log(0.1)
    by_hand = (0.1**2 / 2 + SPREAD_SHARE * (abs(log_error) - 0.5)) / 2  # two phases share the mean
    assert loss == pytest.approx(by_hand, rel=1e-5)
    np.testing.assert_allclose(gradient, [[0.05, SPREAD_SHARE / 2, 0, 0]], rtol=1e-5)


def test_gradient_by_central_differences():
    rng = np.random.default_rng(1)
    outputs, weight = rng.normal(size=(5, 4)), rng.uniform(0.5, 2, 5)
    targets = np.where(rng.random((5, 2)) < 0.4, np.nan, rng.uniform(-1, 1, (5, 2)))
    _, gradient = onset_loss(outputs, targets, weight)
    # The errors are targets of the second output, not functions of the first: only their own outputs are varied.
    for row in range(5):
        for column in range(1, 4, 2):
            moved = [outputs.copy() for _ in range(2)]
            for k, x in enumerate(moved):
                x[row, column] += (1e-6, -1e-6)[k]
            slope = (onset_loss(moved[0], targets, weight)[0] - onset_loss(moved[1], targets, weight)[0]) / 2e-6
            assert gradient[row, column] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_windows_repeat_the_edge():
    record = record_with_onset(500)
    feature = make_feature(onset_config(RATE_HZ))
    x, centres = onset_windows(record, [record.start_ns, sample_to_ns(record, 999)], feature)
    assert centres.tolist() == [0, 999]
    longer = replace(record, data=np.pad(record.data, ((0, 0), (150, 150)), mode="edge"))
    expected, _ = onset_windows(longer, [sample_to_ns(longer, 150), sample_to_ns(longer, 1149)], feature)
    np.testing.assert_array_equal(x, expected)


def test_it_learns_to_find_onsets():
    feature = make_feature(onset_config(RATE_HZ))
    rng = np.random.default_rng(0)
    xs, ys = [], []
    for seed in range(200):
        record = record_with_onset(500, seed=seed)
        middles = 500 + rng.uniform(-SHIFT_S, SHIFT_S, 6) * RATE_HZ
        x, centres = onset_windows(record, [sample_to_ns(record, m) for m in middles], feature)
        xs.append(x)
        ys.append((500 - centres) / RATE_HZ / SHIFT_S)
    x, y = np.concatenate(xs), np.concatenate(ys).astype(np.float32)
    targets = np.stack([y, np.full_like(y, np.nan)], axis=1)
    mean, scale = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1).astype(np.float32)
    network = Network((x.shape[1], 32, 4), rng=np.random.default_rng(2))
    optimizer = SGD(0.02, 0.9)
    scaled, weight = (x - mean) / scale, np.ones(len(x), np.float32)
    for _ in range(300):
        outputs, backward = network.forward(scaled)
        backward(onset_loss(outputs, targets, weight)[1])
        optimizer.step(network.theta, network.grad)
    finder = OnsetNetwork(network, mean, scale, ("P", "S"), RATE_HZ, {"P": 1.0})
    record = record_with_onset(500, seed=1000)
    found_ns, uncertainty_s = finder.move(record, sample_to_ns(record, 530), "P")
    assert abs(found_ns - sample_to_ns(record, 530 - 30 * WAY)) < 0.05e9
    assert SHIFT_S * SMALLEST <= uncertainty_s < 0.3
    doubled = OnsetNetwork(network, mean, scale, ("P", "S"), RATE_HZ, {"P": 2.0})
    assert doubled.move(record, sample_to_ns(record, 530), "P")[1] == pytest.approx(2 * uncertainty_s)


def test_no_pick_is_moved_far():
    feature = make_feature(onset_config(RATE_HZ))
    n = int(np.prod(feature.shape))
    network = Network((n, 4), rng=np.random.default_rng(0))
    network.theta[:] = 0
    network.theta[-4:] = [100, 0, -100, 0]
    finder = OnsetNetwork(network, np.zeros(n, np.float32), np.ones(n, np.float32), ("P", "S"), RATE_HZ, {})
    record = record_with_onset(500)
    for phase, sign in (("P", 1), ("S", -1)):
        moved_ns, _ = finder.move(record, sample_to_ns(record, 400), phase)
        assert moved_ns == sample_to_ns(record, 400 + sign * FURTHEST_S * RATE_HZ)
    assert finder.move(record, sample_to_ns(record, 990), "P")[0] == record.end_ns
    assert finder.move(record, sample_to_ns(record, 10), "S")[0] == record.start_ns


def test_a_model_whose_onset_stage_reads_other_windows_is_refused(quake_model, tmp_path):
    *first, onset = quake_model.stored.stages
    sizes = (onset.sizes[0] - 10, *onset.sizes[1:])
    theta = onset.theta[10 * onset.sizes[1] :]
    older = replace(onset, sizes=sizes, theta=theta, mean=onset.mean[10:], scale=onset.scale[10:])
    quake_model.save(tmp_path / "new.h5")
    assert load_model(tmp_path / "new.h5").onsets.fits
    Model("old", replace(quake_model.stored, stages=(*first, older))).save(tmp_path / "old.h5")
    with pytest.raises(FormatError, match=r"old\.h5: made by an older seisnet, whose onset stage"):
        load_model(tmp_path / "old.h5")
