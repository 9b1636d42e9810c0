"""The ONNX graph gives what the network gives, by ONNX's own reference evaluator."""

import builtins
import dataclasses
import itertools
import json

import numpy as np
import pytest

from seisnet.config import PreprocessConfig
from seisnet.errors import ConfigError
from seisnet.features import make_feature
from seisnet.model import Model
from seisnet.onnx_export import OPERATORS, export_onnx
from seisnet.store.model_file import StoredModel, StoredStage

CLASSES = ("P", "S", "noise")
CONFIG = PreprocessConfig(window_s=2.0, frame_s=0.4, hop_s=0.4, freqmax_hz=10.0)


def make_model(activation="relu", members=1, *, later=(), seed=0):
    rng = np.random.default_rng(seed)
    n = int(np.prod(make_feature(CONFIG).shape))
    sizes = (n, 12, 8, len(CLASSES))
    n_parameters = sum(a * b + b for a, b in itertools.pairwise(sizes))
    theta = rng.normal(scale=0.2, size=(members, n_parameters) if members > 1 else n_parameters).astype(np.float32)
    return Model("window", _stored(rng, theta, sizes, activation, later))


def _stored(rng, theta, sizes, activation, later=()):
    stages = [StoredStage(theta, sizes, activation)]
    theta, one = np.zeros(3 * 3 + 3, dtype=np.float32), np.ones(3, dtype=np.float32)
    stages += [StoredStage(theta, (3, 3), "relu", reads, mean=0 * one, scale=one) for reads in later]
    n = sizes[0]
    return StoredModel(
        stages=tuple(stages),
        classes=CLASSES,
        mean=rng.normal(size=n).astype(np.float32),
        scale=rng.uniform(0.5, 2, size=n).astype(np.float32),
        preprocess=dataclasses.asdict(CONFIG),
        train={},
        thresholds={"P": 0.5, "S": 0.4},
        temperature=1.7,
    )


def evaluate(path, x):
    reference = pytest.importorskip("onnx.reference")
    return reference.ReferenceEvaluator(str(path)).run(None, {"features": x})[0]


@pytest.mark.parametrize(("activation", "members"), [*((name, 1) for name in OPERATORS), ("relu", 3)])
def test_graph_gives_the_probabilities_of_the_network(activation, members, tmp_path):
    pytest.importorskip("onnx")
    model = make_model(activation, members)
    assert export_onnx(model, tmp_path / "model.onnx") == []
    x = np.random.default_rng(1).normal(size=(7, model.stored.stages[0].sizes[0])).astype(np.float32)
    expected = model.predict_proba(x)
    assert np.ptp(expected, axis=0).min() > 1e-3  # a graph that ignores its input would fail
    found = evaluate(tmp_path / "model.onnx", x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(evaluate(tmp_path / "model.onnx", x[:1]), expected[:1], atol=1e-5)


def test_a_graph_with_another_weight_gives_something_else(tmp_path):
    pytest.importorskip("onnx")
    export_onnx(make_model(seed=0), tmp_path / "model.onnx")
    other = make_model(seed=1)
    x = np.random.default_rng(1).normal(size=(7, other.stored.stages[0].sizes[0])).astype(np.float32)
    assert np.abs(evaluate(tmp_path / "model.onnx", x) - other.predict_proba(x)).max() > 0.01


def test_file_carries_the_recipe_and_is_the_same_twice(tmp_path):
    onnx = pytest.importorskip("onnx")
    model = make_model()
    export_onnx(model, tmp_path / "a.onnx")
    export_onnx(model, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    told = {p.key: json.loads(p.value) for p in onnx.load(tmp_path / "a.onnx").metadata_props}
    assert told["classes"] == list(CLASSES)
    assert told["preprocess"]["window_s"] == CONFIG.window_s
    assert told["thresholds"] == {"P": 0.5, "S": 0.4}
    assert np.prod(told["feature_shape"]) == len(model.stored.mean)


def test_later_stages_are_left_out_and_named_and_the_temperature_of_the_last_with_them(tmp_path):
    pytest.importorskip("onnx")
    model = make_model(later=("context", "onset"))
    assert export_onnx(model, str(tmp_path / "model.onnx")) == ["context", "onset"]
    x = np.random.default_rng(1).normal(size=(2, len(model.stored.mean))).astype(np.float32)
    np.testing.assert_allclose(evaluate(tmp_path / "model.onnx", x), model.predict_proba(x), atol=1e-5)


def test_an_output_is_not_replaced_unasked(tmp_path):
    pytest.importorskip("onnx")
    (tmp_path / "model.onnx").write_text("mine")
    with pytest.raises(ConfigError, match="exists"):
        export_onnx(make_model(), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_text() == "mine"


def test_without_the_package_one_line_says_what_to_install(tmp_path, monkeypatch):
    plain_import = builtins.__import__

    def without_onnx(name, *arguments, **options):
        if name.split(".")[0] == "onnx":
            raise ImportError(name)
        return plain_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    with pytest.raises(ConfigError, match="pip install onnx"):
        export_onnx(make_model(), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
