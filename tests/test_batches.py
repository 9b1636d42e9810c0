"""Batches, of windows in memory and of those that stay in the file: each window once an epoch."""

import dataclasses

import numpy as np
import pytest

from seisnet import nn
from seisnet.store.windows_file import FeatureReader
from seisnet.store.windows_in_memory import read_windows
from seisnet.training.batches import FileBatches, MemoryBatches, fit_scaler
from seisnet.training.fitting import fit
from tests.clouds import SMALL, make_windows, write


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
