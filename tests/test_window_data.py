"""Windows are checked before anything is learned from them, and held at most once."""

import dataclasses
import tracemalloc
from contextlib import ExitStack

import numpy as np
import pytest

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError
from seisnet.store.windows_file import read_info
from seisnet.store.windows_in_memory import read_windows
from seisnet.training.fitting import fit
from seisnet.training.window_data import load_windows
from tests.clouds import SMALL, make_windows, write


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


def test_training_does_not_read_what_was_not_used(rng, tmp_path):
    windows = make_windows(rng)
    info = dataclasses.replace(windows.info, rejected=(("GE.APE..HH", 0, 10**9, "a gap"),))
    path = write(dataclasses.replace(windows, info=info), tmp_path / "w.h5")
    with ExitStack() as files:
        assert load_windows(path, SMALL, None, files).info == dataclasses.replace(read_info(path), rejected=())


def test_what_stays_in_the_file_is_never_held_at_once(rng, tmp_path):
    # Where nothing is augmented, windows for dev lie between all others.
    path = write(make_windows(rng, n=12_000, config=PreprocessConfig()), tmp_path / "w.h5")  # of many features
    with ExitStack() as files:
        tracemalloc.start()
        data = load_windows(path, dataclasses.replace(SMALL, memory_mb=1.0), None, files).data
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    of_all = 6 * data.x_dev.nbytes
    assert peak_bytes < 0.6 * of_all
    dev = read_windows(path).split("dev")
    np.testing.assert_array_equal(data.x_dev, data.scaler.transform(dev.x))


def test_what_is_held_in_memory_is_held_once(rng, tmp_path):
    path = write(make_windows(rng, n=12_000, config=PreprocessConfig()), tmp_path / "w.h5")  # of many features
    with ExitStack() as files:
        tracemalloc.start()
        data = load_windows(path, SMALL, None, files)
        folds = [data.training(np.arange(len(data.train)) % 3 != k) for k in range(3)]
        whole = data.training()
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    x = whole.batches.x
    assert peak_bytes < 2 * (x.nbytes + whole.x_dev.nbytes)  # with what the scaler needs in double precision
    assert all(found.batches.x is x for found in folds)
    assert [len(found.batches) for found in (whole, *folds)] == [10_000, 6666, 6667, 6667]
    train = read_windows(path).split("train")
    np.testing.assert_array_equal(x, whole.scaler.transform(train.x))


def test_training_changes_no_window_of_the_user(rng):
    windows = make_windows(rng)
    before = windows.rows.x.copy()
    fit(windows, SMALL)
    np.testing.assert_array_equal(windows.rows.x, before)


def test_one_class_only_is_refused(rng):
    with pytest.raises(DataError, match="only class P"):
        fit(make_windows(rng, classes=1), SMALL)


def test_windows_that_say_nothing_of_their_task_are_of_phases(rng):
    windows, said = make_windows(rng), []
    windows.info.attributes["config"] = "{}"
    fit(windows, dataclasses.replace(SMALL, false_alarms_per_hour=1.0), say=said.append)
    assert not any("false_alarms_per_hour" in line for line in said)
