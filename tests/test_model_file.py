"""The model file: the whole recipe there and back, and nothing strange believed."""

import dataclasses
import itertools
import json

import h5py
import numpy as np
import pytest

from seisnet.store.model_file import FORMAT, StoredModel, StoredStage, read_model, write_model
from tests.damage import (
    assert_refused,
    changed,
    cut,
    linked,
    refusals,
    replaced,
    with_attribute,
    with_value,
    without,
)

SIZES = (60, 16, 3)
N_PARAMETERS = 60 * 16 + 16 + 16 * 3 + 3


def make_model(members=1, seed=0):
    rng = np.random.default_rng(seed)
    shape = (members, N_PARAMETERS) if members > 1 else (N_PARAMETERS,)
    return StoredModel(
        stages=(StoredStage(rng.normal(size=shape).astype(np.float32), SIZES, "relu"),),
        classes=("P", "S", "noise"),
        mean=rng.normal(size=60).astype(np.float32),
        scale=rng.uniform(0.5, 2, size=60).astype(np.float32),
        preprocess={"window_s": 4.0, "split": [0.7, 0.15, 0.15]},
        train={"hidden": [16], "seed": 3},
        thresholds={"S": 0.4, "P": 0.5},
        temperature=1.25,
        history={"epoch": np.arange(4.0), "dev_macro_f1": np.array([0.1, 0.5, np.nan, 0.7])},
        metrics={"test": {"macro_f1": 0.9}},
        card="# A model\n\nTrained on synthetic data. Größe: klein.\n",
        attributes={"seisnet_version": "0.1.0", "parent_sha256": "a" * 64},
        learned=np.array([3, 500, 2**32 - 1], dtype=np.uint32),
    )


def make_staged_model():
    """With a context stage of two members, and an onset stage; both have scalers of their own."""
    rng = np.random.default_rng(1)

    def stage(reads, sizes, members):
        n = sum(a * b + b for a, b in itertools.pairwise(sizes))
        theta, mean = rng.normal(size=(*members, n)), rng.normal(size=sizes[0])
        scale = rng.uniform(0.5, 2, sizes[0])
        theta, mean, scale = (values.astype(np.float32) for values in (theta, mean, scale))
        return StoredStage(theta, sizes, "tanh", reads, mean, scale)

    later = stage("context", (12, 4, 3), (2,)), stage("onset", (20, 5, 4), ())
    model = make_model()
    return dataclasses.replace(model, stages=(*model.stages, *later), spread={"S": 2.0, "P": 1.5})


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.h5"
    write_model(path, make_staged_model())
    return path


def assert_equal(found, expected):
    for field in dataclasses.fields(StoredModel):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        if field.name == "history":
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_array_equal(a[name], b[name])
        elif field.name == "stages":
            for one, other in zip(a, b, strict=True):
                np.testing.assert_array_equal(one.theta, other.theta)
                assert one.theta.dtype == np.float32
                for scaler in ("mean", "scale"):
                    np.testing.assert_array_equal(getattr(one, scaler), getattr(other, scaler))
                bare = {"theta": None, "mean": None, "scale": None}
                assert dataclasses.replace(one, **bare) == dataclasses.replace(other, **bare)
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
        else:
            assert a == b


# Round trip


@pytest.mark.parametrize("members", [1, 2])
def test_what_is_written_is_read(members, tmp_path):
    write_model(tmp_path / "model.h5", make_model(members))
    assert_equal(read_model(tmp_path / "model.h5"), make_model(members))


def test_a_model_of_three_stages_is_written_and_read(tmp_path):
    write_model(tmp_path / "model.h5", make_staged_model())
    assert_equal(read_model(tmp_path / "model.h5"), make_staged_model())


def test_a_bare_model_is_written_and_read(tmp_path):
    model = dataclasses.replace(make_model(), history={}, metrics={}, card="", attributes={}, thresholds={})
    write_model(tmp_path / "model.h5", model)
    assert_equal(read_model(tmp_path / "model.h5"), model)


def test_a_long_card_is_kept_whole(tmp_path):
    model = dataclasses.replace(make_model(), card="0123456789 ü\n" * 8000)
    write_model(tmp_path / "model.h5", model)
    assert read_model(tmp_path / "model.h5").card == model.card


def test_plain_h5py_reads_the_format_of_the_readme(good):
    model = make_model()
    with h5py.File(good) as file:
        assert file.attrs["format"] == FORMAT == "seisnet-model"
        assert file.attrs["format_version"] == 1
        np.testing.assert_array_equal(file["stages/0/theta"][:], model.stages[0].theta)
        assert file["stages/0"].attrs["sizes"].tolist() == list(SIZES)
        assert json.loads(file.attrs["preprocess"]) == dict(model.preprocess)
        assert file["thresholds"].attrs["P"] == 0.5
        assert file["calibration/temperature"][()] == 1.25
        assert file["history/epoch"][:].tolist() == [0, 1, 2, 3]
        assert b"pickle" not in good.read_bytes()


def test_the_same_model_gives_the_same_bytes(good, tmp_path):
    model = make_staged_model()
    names = ("thresholds", "history", "spread")
    turned = dataclasses.replace(model, **{name: dict(reversed(getattr(model, name).items())) for name in names})
    write_model(tmp_path / "again.h5", turned)
    assert (tmp_path / "again.h5").read_bytes() == good.read_bytes()


# What is refused


def with_absurd_theta(file):
    n = 2**14 * 2**13 + 2**13
    file["stages/0"].attrs["sizes"] = [2**14, 2**13]
    del file["stages/0/theta"]
    file.create_dataset("stages/0/theta", shape=(n,), dtype=np.float32)


DAMAGE = {
    "another format": (with_attribute("/", "format", "seisnet-windows"), "a seisnet-model file is needed"),
    "a newer version": (with_attribute("/", "format_version", 2), "this seisnet reads up to 1, update seisnet"),
    "no stages": (without("stages"), "/stages is missing"),
    "no stage": (lambda file: file["stages"].clear(), "holds no network"),
    "no first stage": (without("stages/0"), "/stages/0/theta is missing"),
    "stages that do not start at 0": (lambda file: file.move("stages/0", "stages/3"), "/stages/0/theta is missing"),
    "no weights": (without("stages/0/theta"), "/stages/0/theta is missing"),
    "NaN in theta": (with_value("stages/0/theta", 7, np.nan), "theta of stage 0 holds values that are not finite"),
    "infinity in theta": (with_value("stages/0/theta", 7, -np.inf), "holds values that are not finite"),
    "too few weights": (replaced("stages/0/theta", np.zeros(N_PARAMETERS - 1, np.float32)), "is needed"),
    "no member": (replaced("stages/0/theta", np.zeros((0, N_PARAMETERS), np.float32)), "is needed"),
    "double weights": (replaced("stages/0/theta", np.zeros(N_PARAMETERS)), "theta of stage 0 is float64"),
    "absurd layers": (with_attribute("stages/0", "sizes", [2**20, 2**20, 3]), "are absurd"),
    "negative layers": (with_attribute("stages/0", "sizes", [60, -16, 3]), "are absurd"),
    "one layer": (with_attribute("stages/0", "sizes", [60]), "are absurd"),
    "no layers": (with_attribute("stages/0", "sizes", 60), "damaged or incomplete"),
    "an absurd size": (with_absurd_theta, "/stages/0/theta claims"),
    "a scaler of another length": (replaced("scaler/mean", np.zeros(59, np.float32)), "stage 0 is made for (59,)"),
    "hashes of onsets in disorder": (with_value("learned", 0, 600), "learned must be one row of uint32 in order"),
    "a scaler of zero": (with_value("scaler/scale", 3, 0), "not finite and positive"),
    "a scaler of NaN": (with_value("scaler/mean", 3, np.nan), "not finite and positive"),
    "a scaler of words": (replaced("scaler/mean", np.full(60, b"a")), "damaged or incomplete"),
    "other classes": (with_attribute("/", "classes", ["P", "S"]), "2 classes, but stage 0 has 3 outputs"),
    "a temperature of 0": (replaced("calibration/temperature", 0.0), "temperature 0.0; it must be positive"),
    "a temperature of NaN": (replaced("calibration/temperature", np.nan), "it must be positive"),
    "two temperatures": (replaced("calibration/temperature", [1.0, 2.0]), "damaged or incomplete"),
    "a later stage without its scaler": (without("stages/1/mean"), "the scaler of stage 1 is made for None inputs"),
    "a later scaler of zero": (with_value("stages/2/scale", 3, 0), "the scaler of stage 2 holds values"),
    "an onset stage of classes": (with_attribute("stages/1", "reads", "onset"), "but stage 1 has 3 outputs"),
    "a spread of 0": (with_attribute("calibration/spread", "P", 0.0), "spread P 0.0"),
    "a spread of no class": (with_attribute("calibration/spread", "Q", 1.0), "spread Q 1.0"),
    "a threshold of NaN": (with_attribute("thresholds", "P", np.nan), "threshold"),
    "a threshold of no class": (with_attribute("thresholds", "Q", 0.5), "threshold"),
    "a broken recipe": (with_attribute("/", "preprocess", "{"), "damaged or incomplete"),
    "a recipe that is a list": (with_attribute("/", "train", "[]"), "must be JSON objects"),
    "a soft link": (linked("stages/0/theta", h5py.SoftLink("/elsewhere")), "/stages/0/theta is a link"),
    "an external link": (linked("scaler/mean", h5py.ExternalLink("other.h5", "mean")), "/scaler/mean is a link"),
    "an external link to a group": (linked("stages", h5py.ExternalLink("other.h5", "stages")), "/stages is a link"),
    "external thresholds": (linked("thresholds", h5py.ExternalLink("other.h5", "t")), "/thresholds is a link"),
    "external history": (linked("history", h5py.ExternalLink("other.h5", "t")), "/history is a link"),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_file_is_refused_in_one_line(what, good, tmp_path):
    change, message = DAMAGE[what]
    assert_refused(changed(good, tmp_path, change), read_model, message)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused_in_one_line(share, good, tmp_path):
    assert_refused(cut(good, tmp_path, share), read_model)


def test_flipped_bytes_give_an_error_of_the_format_or_a_model(good, tmp_path):
    places = np.random.default_rng(0).integers(0, good.stat().st_size, size=(60, 4))
    assert refusals(good, tmp_path, read_model, places)
