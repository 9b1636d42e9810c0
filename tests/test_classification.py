"""`classify` reads sources as `preprocess` does."""

import dataclasses
import shutil

import numpy as np
import pytest

from seisnet import nn
from seisnet.classification import classify
from seisnet.config import PreprocessConfig
from seisnet.errors import NothingUsableError
from seisnet.model import Model
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.store.seisbench_writer import SeisBenchWriter


@pytest.fixture(scope="module")
def model():
    """An untrained model: what is read does not depend on what it says."""
    config = PreprocessConfig()
    sizes = (816, 4, 3)
    theta = nn.Network(sizes, rng=np.random.default_rng(0)).theta
    zeros, ones = np.zeros(816, np.float32), np.ones(816, np.float32)
    stage = StoredStage(theta, sizes, "relu")
    recipe = dataclasses.asdict(config)
    return Model("m", StoredModel((stage,), config.classes, zeros, ones, recipe, {}, {"P": 0.9, "S": 0.9}))


def test_a_broken_data_set_among_good_ones_is_one_reason_and_the_rest_goes_on(labelled, tmp_path, model):
    broken = tmp_path / "broken"
    shutil.copytree(labelled.dataset, broken)
    (broken / "waveforms.hdf5").write_bytes((broken / "waveforms.hdf5").read_bytes()[:2000])
    found = classify([str(broken), str(labelled.dataset)], model)
    assert found.n_records == classify([str(labelled.dataset)], model).n_records > 0
    assert any(str(broken) in rejection.reason for rejection in found.rejections)


def test_a_data_set_sampled_far_too_slowly_is_told(tmp_path, noise, model):
    columns = ("trace_sampling_rate_hz", "station_code")
    with SeisBenchWriter(tmp_path / "slow", columns, data_format={"component_order": "ZNE"}) as writer:
        writer.add(dict(zip(columns, (1.0, "A"), strict=True)), noise(3000).reshape(3, 1000))
    with pytest.raises(NothingUsableError, match="sampled at 1 Hz; 10 Hz is the least"):
        classify([str(tmp_path / "slow")], model)
