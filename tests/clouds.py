"""Windows whose features are Gaussian clouds, which a small network learns in no time."""

import numpy as np

from seisnet.config import PreprocessConfig, TrainConfig, to_json
from seisnet.features import make_feature
from seisnet.store.windows_file import WindowRows, WindowsInfo
from seisnet.store.windows_in_memory import Windows
from seisnet.store.windows_writer import writing

CONFIG = PreprocessConfig(window_s=2.0, frame_s=0.5, hop_s=0.5, freqmin_hz=2.0, freqmax_hz=12.0)
SMALL = TrainConfig(hidden=(16,), epochs=4, batch_size=32, dropout=0.2, context=False, onset=False)


def make_windows(rng, n=360, spread=2.0, classes=3, dev=True, config=CONFIG):
    """Windows whose features are three Gaussian clouds; every sixth is for dev."""
    shape = make_feature(config).shape
    y = rng.integers(0, classes, n).astype(np.uint8)
    centres = spread * rng.standard_normal((3, int(np.prod(shape))))
    x_nd = (centres[y] + rng.standard_normal((n, centres.shape[1]))).astype(np.float32)
    split = np.where(np.arange(n) % 6 == 0, 1 if dev else 2, 0).astype(np.uint8)
    rows = WindowRows(
        x=x_nd,
        y=y,
        onset_s=np.zeros(n, np.float32),
        start_ns=np.arange(n),
        trace_id=np.array(["XX.A..HH"] * n, dtype=object),
        group=np.arange(n, dtype=np.uint32),
        split=split,
        weight=np.ones(n, np.float32),
        augmented=np.zeros(n, bool),
    )
    attributes = {"config": to_json(config), "feature": "logspec", "sampling_rate_hz": 100.0, "window_s": 2.0}
    attributes |= {"component_order": "ZNE", "split_by": "event"}
    return Windows(WindowsInfo(config.classes, shape, tuple(map(str, range(n))), (), (), attributes), rows)


def write(windows, path):
    with writing(path, windows.info, len(windows.rows)) as writer:
        writer.append(windows.rows).fill(windows.rows.x)
    return path


def reads(model):
    """What the stages of a model read."""
    return [stage.reads for stage in model.stored.stages]
