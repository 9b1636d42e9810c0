"""Settings: TOML in, JSON out, and every wrong key or value is named with what would be right."""

import dataclasses
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from seisnet.config import (
    PickConfig,
    PreprocessConfig,
    TrainConfig,
    from_dict,
    load_toml,
    nearest,
    to_json,
)
from seisnet.config.reading import SECTIONS
from seisnet.errors import ConfigError

CLASSES = list(SECTIONS.values())

OTHER = {
    PreprocessConfig: PreprocessConfig(features="raw", window_s=6.0, split=(0.5, 0.25, 0.25), split_by="both", seed=7),
    TrainConfig: TrainConfig(hidden=(32, 16, 8), optimizer="adam", learning_rate=1e-3, epochs=3, dropout=0.0),
    PickConfig: PickConfig(thresholds={"P": 0.6, "S": 0.3}, min_distance_s=0.5),
}


def toml_of(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_of, value)) + "]"
    return json.dumps(value)


def write_toml(path, **tables):
    lines = []
    for name, values in tables.items():
        lines += [f"[{name}]", *(f"{key} = {toml_of(value)}" for key, value in values.items())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def refused(cls, message, **values):
    with pytest.raises(ConfigError) as error:
        from_dict(cls, values)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


# There and back


@pytest.mark.parametrize("cls", CLASSES)
def test_what_goes_out_as_json_comes_back_equal(cls):
    for config in (cls(), OTHER[cls]):
        assert from_dict(cls, json.loads(to_json(config))) == config


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_written_in_toml_is_read(section, tmp_path):
    cls = SECTIONS[section]
    path = write_toml(tmp_path / "c.toml", **{section: dataclasses.asdict(OTHER[cls])})
    assert load_toml(path, cls) == OTHER[cls]


def test_each_section_is_read_on_its_own_and_absent_ones_are_defaults(tmp_path):
    path = write_toml(tmp_path / "c.toml", train={"epochs": 3}, preprocess={"seed": 5})
    assert load_toml(path, TrainConfig) == TrainConfig(epochs=3)
    assert load_toml(path, PreprocessConfig) == PreprocessConfig(seed=5)
    assert load_toml(path, PickConfig) == PickConfig()


def test_a_file_whose_tables_are_all_for_others_says_so(tmp_path):
    said = []
    path = write_toml(tmp_path / "c.toml", train={"epochs": 3}, preprocess={"seed": 5})
    assert load_toml(path, TrainConfig, say=said.append) == TrainConfig(epochs=3)
    assert load_toml(path, PickConfig, say=said.append) == PickConfig()
    path.write_text("# [train]\n")
    assert load_toml(path, TrainConfig, TrainConfig(seed=7), say=said.append) == TrainConfig(seed=7)
    path.write_text("[train]\n")
    load_toml(path, TrainConfig, say=said.append)
    assert said == [
        f"{path}: changes nothing here: it has no table [pick], only [train], [preprocess]",
        f"{path}: changes nothing here: it has no table [train]",
    ]


def test_json_is_the_same_text_for_the_same_config():
    assert to_json(from_dict(TrainConfig, {"epochs": 3, "seed": 1})) == to_json(TrainConfig(seed=1, epochs=3))


def test_a_whole_number_serves_where_a_fraction_may_stand():
    config = from_dict(PreprocessConfig, {"window_s": 6, "split": [1, 0, 0]})
    assert (config.window_s, config.split) == (6.0, (1.0, 0.0, 0.0))
    assert isinstance(config.window_s, float)


def test_configs_cant_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PreprocessConfig().seed = 1


def test_samples_are_whole_and_classes_are_in_order():
    config = PreprocessConfig()
    assert (config.window_samples, config.frame_samples, config.hop_samples) == (400, 40, 20)
    assert config.classes == ("P", "S", "noise")


# Files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[train\n", "not TOML"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"[trian]\nepochs = 3\n", "unknown table 'trian'; did you mean 'train'?"),
        (b"qqq = 3\n", "'qqq' is outside the tables; it belongs in one of preprocess, train, pick"),
        (b"train = 3\n", "got 3; a table is needed"),
        (b"[train]\nepoch = 3\n", "[train]: unknown key 'epoch'; did you mean 'epochs'?"),
        (b"[train]\nepochs = -3\n", "[train]: epochs: got -3; it must lie between 1 and"),
        (b"[train]\nepochs = 3.5\n", "[train]: epochs: got 3.5; a value of type int is needed"),
    ],
)
def test_a_bad_file_is_named_with_its_fault(content, message, tmp_path):
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load_toml(path, TrainConfig)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "c.toml").write_text("\ufeff[train]\nepochs = 3\n", encoding="utf-8")
    assert load_toml(tmp_path / "c.toml", TrainConfig).epochs == 3


def test_a_missing_file_is_named_once(tmp_path):
    path = tmp_path / "gone.toml"
    with pytest.raises(ConfigError) as error:
        load_toml(path, TrainConfig)
    assert str(error.value) == f"{path}: No such file or directory"


# Keys and kinds


@pytest.mark.parametrize("cls", CLASSES)
def test_every_key_with_a_letter_too_many_suggests_itself(cls):
    for f in dataclasses.fields(cls):
        refused(cls, f"unknown key '{f.name}x'; did you mean '{f.name}'?", **{f"{f.name}x": 1})


@pytest.mark.parametrize(("said", "meant"), [("ADAM", "adam"), ("AdamW", "adamw"), ("RMS_Prop", "rmsprop")])
def test_capitals_dont_hide_what_is_meant(said, meant):
    refused(TrainConfig, f"did you mean '{meant}'", optimizer=said)


def test_a_key_like_none_lists_those_that_are():
    refused(PickConfig, "unknown key 'x'; known: coincidence, ", x=1)
    assert nearest("x", ["b", "a"]) == "; known: a, b"


WRONG_KIND = {str: [1, True, None, ["a"]], int: [1.5, "1", True, None], float: ["1", True, None, [1.0]]}


@pytest.mark.parametrize("cls", CLASSES)
def test_a_value_of_another_kind_is_refused_for_every_key(cls):
    kinds = {"str": str, "int": int, "float": float}
    for f in dataclasses.fields(cls):
        for value in WRONG_KIND.get(kinds.get(f.type), []):
            refused(cls, f"{f.name}: got {value!r}; a value of type {f.type} is needed", **{f.name: value})


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (TrainConfig, {"hidden": 64}, "hidden: got 64; a list is needed"),
        (TrainConfig, {"hidden": [64, "x"]}, "hidden: got 'x'; a value of type int is needed"),
        (TrainConfig, {"hidden": [True]}, "hidden: got True; a value of type int is needed"),
        (TrainConfig, {"learning_rate": 10**400}, "a value of type float is needed"),
        (PickConfig, {"thresholds": [0.5]}, "thresholds: got [0.5]; a table is needed"),
        (PickConfig, {"thresholds": {"P": "high"}}, "thresholds.P: got 'high'; a value of type float is needed"),
    ],
)
def test_lists_and_tables_are_checked_inside(cls, values, message):
    refused(cls, message, **values)


def test_what_is_no_table_is_no_config():
    for values in (3, [1], "x", None):
        with pytest.raises(ConfigError, match="a table is needed"):
            from_dict(TrainConfig, values)


# Ranges


@pytest.mark.parametrize("cls", [PreprocessConfig, TrainConfig])
def test_names_are_of_known_things(cls):
    for f in dataclasses.fields(cls):
        if f.type == "str":
            refused(cls, f"{f.name}: got 'xyzzy'; known: ", **{f.name: "xyzzy"})


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 1e300])
def test_no_number_may_be_nan_infinite_negative_or_absurd(cls, value):
    for f in dataclasses.fields(cls):
        if f.type == "float":
            refused(cls, f"{f.name}: got {value}", **{f.name: value})


@pytest.mark.parametrize("cls", CLASSES)
def test_no_count_may_be_negative(cls):
    for f in dataclasses.fields(cls):
        if f.type == "int":
            refused(cls, f"{f.name}: got -1; it must lie between", **{f.name: -1})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window_s": 4.001}, "window_s: 4.001 s is 400.1 samples at 100 Hz; a whole number is needed"),
        ({"hop_s": 0.205}, "hop_s: 0.205 s is 20.5 samples"),
        ({"hop_s": 1.0}, "hop_s: got 1.0; it must lie between 0.0001 and 0.4"),
        ({"frame_s": 601.0}, "frame_s: got 601.0; it must lie between 0.02 and 600"),
        ({"frame_s": 5.0}, "frame_s: got 5, longer than the window of 4 s: use a longer window (--window), or a"),
        ({"window_s": 0.1}, "frame_s: got 0.4, longer than the window of 0.1 s: use a longer window (--window), or a"),
        (
            {"freqmax_hz": 51.0},
            "sampling_rate_hz: got 100; 102 or more is needed for freqmax_hz = 51: use such a rate, or",
        ),
        ({"freqmax_hz": math.nan}, "freqmax_hz: got nan; it must lie between 0 and 5000"),
        ({"freqmin_hz": 30.0}, "freqmax_hz: got 25.0; it must lie between 30 and 50"),
        ({"freqmin_hz": 10.1, "freqmax_hz": 10.5}, "frame_s: the spectrum of 0.4 s has a value every 2.5 Hz, none"),
        (
            {"sampling_rate_hz": 20.0},
            "got 20; 50 or more is needed for freqmax_hz = 25: use such a rate, or set freqmax_hz in",
        ),
        (
            {"sampling_rate_hz": 3.0},
            "got 3; 50 or more is needed for hop_s = 0.2 and freqmax_hz = 25: use such a rate, or set",
        ),
        (
            {"sampling_rate_hz": 62.0},
            "frame_s: 0.4 s is 24.8 samples at 62 Hz; a whole number is needed: choose another rate",
        ),
        ({"shift_s": 2.5}, "shift_s: got 2.5; it must lie between 0 and 2"),
        ({"split": [0.5, 0.5]}, "three shares"),
        ({"split": [0.5, 0.5, 0.5]}, "add up to 1"),
        ({"split": [1.5, -0.25, -0.25]}, "three shares"),
        ({"split": [math.nan, 0.5, 0.5]}, "three shares"),
        ({"split": [0.5, math.nan, 0.5]}, "three shares"),
        ({"split": [0, 0.5, 0.5]}, "the share of train is 0"),
    ],
)
def test_values_that_dont_fit_together_are_refused(values, message):
    refused(PreprocessConfig, message, **values)


def test_a_feature_has_at_least_one_band_in_every_config_that_is_allowed():
    from seisnet.features import make_feature

    for fmin, fmax in ((1.5, 2.4), (2.4, 2.6), (2.5, 2.5), (24.9, 25.1)):
        try:
            config = PreprocessConfig(freqmin_hz=fmin, freqmax_hz=fmax)
        except ConfigError:
            assert not any(fmin <= k / 0.4 <= fmax for k in range(21))
        else:
            assert make_feature(config).shape[2] == sum(fmin <= k / 0.4 <= fmax for k in range(21))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_thresholds_are_probabilities(threshold):
    refused(PickConfig, "threshold P: got", thresholds={"P": threshold})


def test_hidden_layers_may_be_none_but_not_empty():
    assert from_dict(TrainConfig, {"hidden": []}).hidden == ()
    refused(TrainConfig, "hidden: got 0; it must lie between 1 and", hidden=[0])


def test_every_float_and_count_has_a_range():
    # A new field without a check would pass the tests above only by accident: its name must be checked somewhere.
    for cls in CLASSES:
        text = Path(sys.modules[cls.__module__].__file__).read_text(encoding="utf-8")
        for f in dataclasses.fields(cls):
            checked = f.type != "bool" and f.name not in ("split", "thresholds", "class_names")
            assert f'"{f.name}"' in text or not checked


def test_a_config_takes_what_python_and_numpy_hold_for_its_types():
    config = TrainConfig(hidden=[64, np.int64(32)], seed=np.int64(3), learning_rate=np.float32(0.5), momentum=0)
    assert config == TrainConfig(hidden=(64, 32), seed=3, learning_rate=0.5, momentum=0.0)
    assert [type(getattr(config, name)) for name in ("hidden", "seed", "learning_rate")] == [tuple, int, float]
    assert from_dict(TrainConfig, json.loads(to_json(config))) == config


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("hidden", 64, "a list"), ("hidden", "64,32", "a list"), ("hidden", (64.0,), "a value of type int"),
        ("epochs", "3", "a value of type int"), ("epochs", True, "a value of type int"),
        ("seed", 2.0, "a value of type int"),
        ("learning_rate", "0.1", "a value of type float"), ("learning_rate", None, "a value of type float"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_in_python_too(name, value, needed):
    with pytest.raises(ConfigError, match=rf"{name}: got .*; {needed}.* is needed"):
        TrainConfig(**{name: value})
