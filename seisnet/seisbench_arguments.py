"""Arguments of `Model.annotate` and `Model.classify` that are named as SeisBench names them.

Each is taken where it means something here. Where it can't, it is refused with the reason: an argument that is silently
ignored would give other results than its user expects.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches
from numbers import Real

import numpy as np

from seisnet.config import PickConfig, PreprocessConfig, nearest
from seisnet.errors import ConfigError

WITHOUT_EFFECT = ("batch_size", "copy", "parallelism")
"""Taken and ignored: how much is computed at once changes no result, and the stream is never changed."""

FIXED = {
    "flexible_horizontal_components": (True, "1 and 2 always stand in for N and E"),
    "zerophase_resample": (False, "resampling has minimum phase, because what rings before onsets makes picks early"),
}
"""Settings that can't be changed: their value, and why."""

REFUSED = {
    "overlap": "windows give one prediction each, at their centre; set stride, the samples from one to the next",
    "stacking": "windows give one prediction each, at their centre, so that none are stacked",
    "blinding": "windows give one prediction each, at their centre, so that no edges are left out",
}
"""Arguments that make no sense for a model of this kind, and why."""


def read_arguments(
    given: Mapping[str, float], config: PickConfig | None, *, phases: Collection[str], recipe: PreprocessConfig
) -> tuple[PickConfig, bool]:
    """Understand arguments by name.

    Parameters
    ----------
    given : mapping of str to float
        ``<phase>_threshold``, ``stride`` in samples at the model's rate, ``strict``; and what changes nothing.
    config : PickConfig, optional
        For what is not given.
    phases : collection of str
        Classes that have a threshold.
    recipe : PreprocessConfig
        Of the model.

    Returns
    -------
    config : PickConfig
        With the thresholds and the step that are asked for.
    strict : bool
        Whether records without all three components are left out.

    Raises
    ------
    ConfigError
        For any other argument, for values that are not possible, and for a config of another kind.
    """
    if isinstance(config, int):  # what comes second in SeisBench: ``copy`` of annotate, ``parallelism`` of classify
        name = "copy" if isinstance(config, bool) else "parallelism"
        raise ConfigError(f"config: got {config}; name all arguments but the stream, as in {name}={config}")
    config = PickConfig.of(config)
    thresholds = {f"{name}_threshold": name for name in phases}
    known = [*thresholds, "strict", "stride", *WITHOUT_EFFECT, *FIXED]
    for name, value in given.items():
        if name in REFUSED:
            raise ConfigError(f"argument '{name}': {REFUSED[name]}")
        if name not in known:
            asked = name.casefold().removesuffix("threshold").rstrip("_")
            if name.casefold().endswith("threshold") and not get_close_matches(asked, map(str.casefold, phases)):
                raise ConfigError(f"unknown argument '{name}'; known: {', '.join(sorted(thresholds))}")
            raise ConfigError(f"unknown argument '{name}'{nearest(name, known)}")
        if name not in WITHOUT_EFFECT and not isinstance(value, Real | np.bool_):
            raise ConfigError(f"argument '{name}': got {value!r}; a number, True or False is needed")
        if name in FIXED and bool(value) != FIXED[name][0]:
            raise ConfigError(f"argument '{name}': got {value}; {FIXED[name][1]}")
    chosen = {thresholds[name]: value for name, value in given.items() if name in thresholds}
    config = replace(config, thresholds={**config.thresholds, **chosen})
    if "stride" in given:
        stride, least = given["stride"], recipe.hop_samples
        if stride < least or stride % least:
            raise ConfigError(
                f"argument 'stride': got {stride:g}; use a multiple of {least} samples, the model's own step"
            )
        config = replace(config, hop_s=stride / recipe.sampling_rate_hz)
    return config, bool(given.get("strict", False))
