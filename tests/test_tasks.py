"""A training with excerpts gives a model of three stages, interrupted or not; without enough of them, fewer."""

import dataclasses

import numpy as np
import pytest

from seisnet.errors import ConfigError
from seisnet.model import load_model
from seisnet.picks import in_order
from seisnet.store.excerpts import SAMPLES, ExcerptsWriter, SamplesWriter
from seisnet.store.windows_writer import writing
from seisnet.training.fitting import fit
from tests.clouds import reads


@pytest.fixture(scope="module")
def quake_file(quakes, tmp_path_factory):
    path = tmp_path_factory.mktemp("quakes") / "windows.h5"
    info = quakes.windows.info
    info = dataclasses.replace(info, attributes={**info.attributes, "sampling_rate_hz": 50.0})
    with writing(path, info, len(quakes.windows.rows)) as writer:
        writer.append(quakes.windows.rows).fill(quakes.windows.rows.x)
        samples = SamplesWriter(writer.file, SAMPLES)
        excerpts = ExcerptsWriter(writer.file, {name: k for k, name in enumerate(info.group_names)})
        for excerpt in quakes.windows.excerpts:
            samples.append(excerpt.data)
            excerpts.append(excerpt)
        samples.flush()
        excerpts.flush()
    return path


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


def test_too_few_onsets_are_said_and_give_no_stage(quakes, briefly):
    train = [e for e in quakes.windows.excerpts if e.split == 0][:7]
    said = []
    model, _ = fit(dataclasses.replace(quakes.windows, excerpts=tuple(train)), briefly, say=said.append)
    assert reads(model) == ["features"]
    reason = "too few onsets of P (7; 8 are needed)"
    assert said[:2] == [f"the model gets no {stage} stage: {reason}" for stage in ("context", "onset")]
    assert said[2].startswith("not calibrated: threshold P 0.7, S 0.7") and len(said) == 3
    assert model.stored.temperature == 1.0  # and without a dev split nothing is calibrated
