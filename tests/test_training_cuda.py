"""Training on a GPU; skipped where there is no CuPy or no GPU."""

import dataclasses

import numpy as np
import pytest

from seisnet.errors import TrainingError
from seisnet.model import load_model
from seisnet.scoring.evaluation import evaluate
from seisnet.training import loop
from seisnet.training.fitting import fit


def test_it_learns_what_the_cpu_learns(quakes, small_training, cupy, tmp_path):
    plain = dataclasses.replace(small_training, dropout=0.0, input_noise=0.0)  # a GPU draws other noise
    models, histories = zip(*(fit(quakes.windows, plain, device=device) for device in ("cpu", "cuda")), strict=True)
    assert histories[0].keys() == histories[1].keys()
    for key, values in histories[0].items():
        np.testing.assert_allclose(histories[1][key], values, rtol=1e-3, atol=1e-3, err_msg=key)
    assert [stage.reads for stage in models[1].stored.stages] == [stage.reads for stage in models[0].stored.stages]
    for stage in models[1].stored.stages:
        assert type(stage.theta) is np.ndarray
    models[1].save(tmp_path / "cuda.h5")
    found = [evaluate(model, quakes.windows) for model in (models[0], load_model(tmp_path / "cuda.h5"))]
    assert found[1].scores.macro_f1 == pytest.approx(found[0].scores.macro_f1, abs=0.05)


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_training_interrupted_after_every_epoch_ends_with_the_same_bytes(
    optimizer, resident, quakes, small_training, cupy, tmp_path, monkeypatch
):
    if not resident:  # as if the windows were too many for the memory of the GPU
        monkeypatch.setattr(loop, "MemoryBatches", ())
    config = dataclasses.replace(
        small_training, optimizer=optimizer, learning_rate=0.003, epochs=2, context_epochs=2, onset=False,
        members=2, distil=True, l1=1e-4, max_norm=3.0, clip_norm=1.0,
    )  # fmt: skip
    whole, _ = fit(quakes.windows, config, name="m", device="cuda")

    class Interrupted(Exception):
        pass

    def stop(stage, row):
        raise Interrupted

    for _ in range(100):
        try:
            resumed, _ = fit(quakes.windows, config, name="m", device="cuda", checkpoint=tmp_path / "c", progress=stop)
            break
        except Interrupted:
            pass
    for name, model in (("whole", whole), ("resumed", resumed)):
        model.save(tmp_path / f"{name}.h5")
    assert (tmp_path / "whole.h5").read_bytes() == (tmp_path / "resumed.h5").read_bytes()


def test_a_rate_that_is_too_high_is_told(quakes, small_training, cupy):
    wild = dataclasses.replace(small_training, learning_rate=1e3, activation="identity", schedule="constant")
    with pytest.raises(TrainingError, match=r"the loss is \S+ at epoch \d+, batch \d+: lower the learning rate"):
        fit(quakes.windows, wild, device="cuda")
