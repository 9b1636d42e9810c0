"""Windows as they are given, a file or in memory: what they are, and whether a model may read them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from seisnet.config import PreprocessConfig, from_dict
from seisnet.errors import DataError
from seisnet.model import Model
from seisnet.nn.checks import shape_of
from seisnet.store.windows_file import RUN_ROWS, SPLITS, WindowRows, WindowsInfo, read_info, read_rows
from seisnet.store.windows_in_memory import Windows

RECIPE = (
    "task", "features", "sampling_rate_hz", "response", "window_s", "frame_s", "hop_s", "freqmin_hz", "freqmax_hz",
)  # fmt: skip
"""Settings that make features what they are: a model reads only windows that agree in all of them."""


def described(windows: Windows | str | Path, model: Model | None) -> tuple[WindowsInfo, WindowRows]:
    """What describes windows, and their rows; those of a file, which may be larger than memory, without features.

    Parameters
    ----------
    windows : Windows or path
    model : Model, or None
        That is to read them.

    Raises
    ------
    DataError
        Naming the first setting in which they differ from those that the model learned from, or, of windows in memory,
        the first column that does not fit.
    FormatError
        If a file is none of windows, or is damaged.
    """
    if isinstance(windows, Windows):
        info, rows = windows.info, windows.rows
    else:
        info, rows = read_info(Path(windows), rejected=False), read_rows(Path(windows), features=False)
    if model:
        _check_recipe(model, info)
    if isinstance(windows, Windows):
        _check_rows(rows, info)
    return info, rows


def _check_recipe(model: Model, info: WindowsInfo) -> None:
    """Refuse windows that were made in another way than those the model learned from."""
    if info.classes != model.classes:
        raise DataError(
            f"the windows have the classes {', '.join(info.classes)}; {model.name} has {', '.join(model.classes)}"
        )
    made = from_dict(PreprocessConfig, info.config, where="windows")
    for name in RECIPE:
        mine, theirs = getattr(model.preprocess, name), getattr(made, name)
        if mine != theirs:
            raise DataError(f"windows were made with {name} = {theirs}, model {model.name} needs {mine}")


def _check_rows(every: WindowRows, info: WindowsInfo) -> None:
    """Check windows in memory, which anybody may have altered; those of a file are checked when it is read."""
    n, needed = len(every.y), (len(every.y), int(np.prod(info.feature_shape)))
    for column in fields(every):
        values = getattr(every, column.name)
        if not isinstance(values, np.ndarray) or len(values) != n:
            raise DataError(f"windows: {column.name}: got {shape_of(values)}; y: {shape_of(every.y)}")
    for name, n_known in (("y", len(info.classes)), ("split", len(SPLITS)), ("group", len(info.group_names))):
        values = getattr(every, name)
        if values.dtype.kind not in "iu" or (n and not 0 <= values.min() <= values.max() < n_known):
            got = ", ".join(map(str, np.unique(values)[:10]))
            raise DataError(f"windows: {name} holds {values.dtype} {got}; whole numbers from 0 to {n_known - 1} fit")
    if every.x.shape != needed:
        raise DataError(f"windows: x: got {shape_of(every.x)}; features {info.feature_shape} need {needed}")
    if every.x.dtype.kind != "f":  # scaled in place, whole numbers would stay whole
        raise DataError(f"windows: x holds {every.x.dtype}; floats are needed: x.astype(numpy.float32)")
    if not all(np.isfinite(every.x[at : at + RUN_ROWS]).all() for at in range(0, n, RUN_ROWS)):
        raise DataError("windows: x holds values that are not finite; leave those windows out")
