"""Distillation: what a student learns from, that it never sees a station of its fold, and that it learns."""

import dataclasses
from contextlib import ExitStack

import numpy as np
import pytest

from seisnet.config import TrainConfig
from seisnet.errors import ConfigError, DataError
from seisnet.inspection import describe
from seisnet.nn import Network, softmax
from seisnet.picks import station_of
from seisnet.scan.sliding_network import mean_output
from seisnet.store.checkpoint_file import Checkpoint
from seisnet.training import tasks
from seisnet.training.distillation import ONSET_S, context_lesson, window_lesson
from seisnet.training.fitting import fit
from seisnet.training.loop import train_network
from seisnet.wording import silent


@pytest.fixture(scope="module")
def config(small_training):
    return dataclasses.replace(small_training, members=2, distil=True)


@pytest.fixture(scope="module")
def run(quakes, config):
    """A run whose networks have random weights."""
    with ExitStack() as files:
        run = tasks.Run(quakes.windows, config, None, files, silent)
        sizes = (quakes.windows.rows.x[0].size, 16, 3)
        run.thetas += [Network(sizes, rng=np.random.default_rng(k)).theta for k in range(len(run.tasks))]
        yield run


def teachers_of(run, quakes, numbers):
    sizes = (quakes.windows.rows.x[0].size, 16, 3)
    return [Network(sizes, theta=run.thetas[k]) for k in numbers]


def test_every_student_comes_after_its_teachers(run):
    stages = [task.stage for task in run.tasks]
    two = ["teacher", "teacher"]
    assert stages == [*two, "windows", *[*two, "fold"] * 2, *two, "context", "onset"]


def test_a_student_learns_what_its_teachers_say_of_windows_around_onsets_and_elsewhere(run, quakes):
    lesson = run.tasks[2].lesson(run.tasks[2].data()).batches
    taught = mean_output(teachers_of(run, quakes, [0, 1]), lesson.x)
    np.testing.assert_array_equal(lesson.y, taught)
    np.testing.assert_allclose(lesson.y.sum(axis=1), 1, atol=1e-6)
    noise = lesson.y[:, 2]
    np.testing.assert_allclose(lesson.weight, 4 - 3 * noise, rtol=1e-5)
    near = 0
    for excerpt in (e for e in quakes.windows.excerpts if e.split == 0):
        n = (excerpt.data.shape[1] - 100) // 10 + 1  # of two seconds, every 0.2 s
        away_s = np.min([np.abs(np.arange(n) * 10 + 50 - sample) for sample, _ in excerpt.onsets], axis=0) / 50
        near += np.count_nonzero(away_s < ONSET_S)
    rest = 0.24 * (len(quakes.train) * n - near)
    assert len(lesson) == pytest.approx(near + rest, rel=0.05)


def test_teachers_average_probabilities():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    both = [Network((4, 3), rng=np.random.default_rng(k)) for k in range(2)]
    expected = (softmax(both[0].predict(x)) + softmax(both[1].predict(x))) / 2
    np.testing.assert_allclose(mean_output(both, x), expected, atol=1e-7)


def test_little_memory_gives_fewer_windows(run, quakes):
    data = run.tasks[0].data()
    teachers = teachers_of(run, quakes, [0, 1])
    train = [e for e in quakes.windows.excerpts if e.split == 0]
    memory_mb = 4e-6 * data.batches.n_features * 200
    rng = np.random.default_rng(0)
    lesson = window_lesson(data, train, teachers, quakes.config, rng, memory_mb)
    assert len(lesson.batches) == pytest.approx(200, abs=50)


def test_memory_that_holds_no_window_is_said(run, quakes):
    train = [e for e in quakes.windows.excerpts if e.split == 0]
    teachers = teachers_of(run, quakes, [0])
    with pytest.raises(DataError, match=r"memory_mb \(1e-09\) holds no window"):
        window_lesson(run.tasks[0].data(), train, teachers, quakes.config, np.random.default_rng(0), 1e-9)


def test_excerpts_shorter_than_a_window_teach_nothing(run, quakes):
    data = run.tasks[0].data()
    short = dataclasses.replace(quakes.windows.excerpts[0], data=np.zeros((3, 60), np.float32), onsets=(), weights=())
    teachers = teachers_of(run, quakes, [0])
    with pytest.raises(DataError, match="as long as a window"):
        window_lesson(data, [short], teachers, quakes.config, np.random.default_rng(0), 100.0)


def test_neither_a_fold_nor_its_teachers_see_its_stations(quakes, config, monkeypatch):
    seen = []

    def spy(data, excerpts, *others):
        seen.append({station_of(e.trace_id) for e in excerpts})
        return real(data, excerpts, *others)

    real = tasks.window_lesson
    monkeypatch.setattr(tasks, "window_lesson", spy)
    fit(quakes.windows, dataclasses.replace(config, epochs=1, context_epochs=1, onset=False))
    everything, first, second = seen
    assert everything == {f"XX.A{k}" for k in range(4)} == first | second
    assert not first & second


def test_context_columns_stay_and_their_classes_become_probabilities(run):
    data = run.tasks[0].data()
    teachers = [Network((data.batches.n_features, 3), rng=np.random.default_rng(0))]
    lesson = context_lesson(data, teachers)
    assert lesson.batches.x is data.batches.x
    np.testing.assert_array_equal(lesson.batches.weight, data.batches.weight)
    np.testing.assert_array_equal(lesson.batches.y, mean_output(teachers, data.batches.x))


def test_one_network_is_kept_and_finds_what_others_would(quakes, config, tmp_path):
    model, history = fit(quakes.windows, dataclasses.replace(config, epochs=6, context_epochs=5))
    assert [stage.theta.ndim for stage in model.stored.stages] == [1, 1, 1]
    assert set(history["member"]) == {0.0}
    assert model.stored.train["distil"]
    assert max(history["dev_macro_f1"]) > 0.9
    model.save(tmp_path / "m.h5")
    assert "training: 6 epochs of the student, best dev macro-F1 " in "\n".join(describe(tmp_path / "m.h5"))


def test_a_student_says_what_its_teachers_say_whatever_that_is(run):
    """The teachers here are random, so that no label could tell it."""
    task = run.tasks[2]
    data = task.lesson(task.data())
    network = Network((data.batches.n_features, 16, 3), rng=np.random.default_rng(5))
    start = Checkpoint("", network.theta.copy(), network.theta.copy(), np.random.default_rng(0).bit_generator.state, [])
    config = dataclasses.replace(task.config, epochs=30, learning_rate=0.1)
    train_network(network, data, task.objective, config, start)
    taught, learned = data.batches.y, mean_output([network], data.batches.x)
    assert np.abs(learned - taught).mean() < 0.5 * np.abs(taught.mean(axis=0) - taught).mean()


def test_one_network_alone_teaches_nobody():
    with pytest.raises(ConfigError, match="members to 2 or more"):
        TrainConfig(distil=True)


def test_records_are_scanned_once_for_teachers_and_student(quakes, config, monkeypatch):
    scans, real = [], tasks.context_data
    monkeypatch.setattr(tasks, "context_data", lambda *given: scans.append(given) or real(*given))
    fit(quakes.windows, dataclasses.replace(config, epochs=1, context_epochs=1, onset=False))
    assert len(scans) == 1


def test_without_whole_records_there_is_no_lesson(quakes):
    with pytest.raises(DataError, match="holds none; train without distil"):
        fit(dataclasses.replace(quakes.windows, excerpts=()), TrainConfig(members=2, distil=True))


def test_records_of_one_fold_are_refused_before_anything_is_trained(quakes, config, monkeypatch):
    only = tuple(e for e in quakes.windows.excerpts if station_of(e.trace_id) == "XX.A0")
    monkeypatch.setattr("seisnet.training.excerpt_data.FEWEST_TO_LEARN", 1)
    epochs = []
    with pytest.raises(DataError, match="holds none except from one fold of stations"):
        fit(dataclasses.replace(quakes.windows, excerpts=only), config, progress=lambda *row: epochs.append(row))
    assert not epochs
