"""Arguments named as SeisBench names them: what each means here, and which are refused, with the reason."""

import numpy as np
import pytest

from seisnet.config import PickConfig, PreprocessConfig
from seisnet.errors import ConfigError
from seisnet.seisbench_arguments import read_arguments


def read(given, config=None):
    return read_arguments(given, config or PickConfig(), phases=("P", "S"), recipe=PreprocessConfig())


def test_nothing_given_changes_nothing():
    config = PickConfig(thresholds={"P": 0.4}, hop_s=0.4)
    assert read({}, config) == (config, False)


def test_thresholds_go_before_those_of_the_config():
    config, _ = read({"P_threshold": 0.2}, PickConfig(thresholds={"P": 0.4, "S": 0.5}))
    assert config.thresholds == {"P": 0.2, "S": 0.5}


def test_a_stride_is_a_step_in_samples():
    assert read({"stride": 60})[0].hop_s == pytest.approx(0.6)
    for stride in (0, 10, 30, -20, 20.5):
        with pytest.raises(ConfigError, match="multiple of 20 samples"):
            read({"stride": stride})


def test_strict_is_handed_on():
    assert read({"strict": True})[1]
    assert not read({"strict": np.bool_(False)})[1]


def test_what_changes_nothing_is_taken():
    given = {"batch_size": 64, "copy": False, "flexible_horizontal_components": True, "zerophase_resample": False}
    assert read({**given, "parallelism": None}) == read({})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"overlap": 0.5}, "set stride"),
        ({"stacking": 1}, "none are stacked"),
        ({"blinding": 100}, "no edges"),
        ({"flexible_horizontal_components": False}, "stand in for N and E"),
        ({"zerophase_resample": True}, "minimum phase"),
        ({"strict": "no"}, "got 'no'; a number, True or False"),
        ({"stride": None}, "got None; a number"),
        ({"strikt": True}, "unknown argument 'strikt'; did you mean 'strict'"),
        ({"Pn_threshold": 0.3}, "did you mean 'P_threshold'"),
        ({"p_threshold": 0.3}, "did you mean 'P_threshold'"),
        ({"threshold": 0.3}, "unknown argument 'threshold'; known: P_threshold, S_threshold$"),
        ({"noise_threshold": 0.3}, "known: P_threshold, S_threshold$"),
    ],
)
def test_what_can_not_be_had_is_refused_with_the_reason(given, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        read(given)
    assert "\n" not in str(caught.value)
