"""A hand-made network that picks bursts without any training, and recordings and packets for it."""

import dataclasses
from pathlib import Path

import numpy as np
import obspy

from seisnet.config import PreprocessConfig
from seisnet.features import make_feature
from seisnet.model import Model
from seisnet.store.model_file import StoredModel, StoredStage
from seisnet.waveforms.records import NS_PER_S

CONTINUOUS = Path(__file__).parents[2] / "shared" / "data" / "continuous"
START_NS = 1_577_836_800 * NS_PER_S


def energetic_model(thresholds=(0.6, 0.6)):
    """A hand-made network: P where the second half of a window is louder than the first, S where it is fainter."""
    config = PreprocessConfig()
    components, frames, bands = make_feature(config).shape
    weights = np.zeros((components, frames, bands, 3), dtype=np.float32)
    middle = frames // 2
    weights[:, middle + 1 : middle + 3, :, 0], weights[:, middle - 2 : middle, :, 0] = 1, -1
    weights[..., 1] = -weights[..., 0]
    bias = np.array([-4.0, -4.0, 0.0], dtype=np.float32)
    theta = np.concatenate([(weights / (1.5 * bands)).reshape(-1), bias])
    n = theta.size // 3 - 1
    stage = StoredStage(theta, (n, 3), "relu")
    zeros, ones = np.zeros(n, np.float32), np.ones(n, np.float32)
    recipe = dataclasses.asdict(config)
    return Model(
        "louder",
        StoredModel((stage,), config.classes, zeros, ones, recipe, {}, dict(zip("PS", thresholds, strict=True))),
    )


MODEL = energetic_model()


def bursts(n_samples, seed=0, every=1500):
    """Three rows of counts: noise with a decaying burst every so often."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_samples) % every
    envelope = 1 + 40 * np.exp(-t / 150) * (np.arange(n_samples) >= every)
    return np.round(rng.normal(size=(3, n_samples)) * envelope * 50).astype(np.int32)


def stream_of(data, make_trace, *, codes="ZNE", start_ns=START_NS, rate_hz=100.0, station="GE.APE..HH"):
    rows = zip(codes, data, strict=True)
    return obspy.Stream([make_trace(row, station + c, start_ns=start_ns, rate_hz=rate_hz) for c, row in rows])


def stream_and_picks(make_trace):
    """A stream of two minutes with 7 bursts, and its picks."""
    stream = stream_of(bursts(12_000), make_trace)
    picks = MODEL.classify(stream)
    assert len(picks) > 5
    return stream, picks


def component_by_component(stream, stop_s):
    """Packets of five seconds, as a server sends them: of each component in turn."""
    start = stream[0].stats.starttime
    parts = [trace.slice(start + at, start + at + 4.99) for at in range(0, stop_s, 5) for trace in stream]
    return [part for part in parts if part.stats.npts]


def real_streams():
    found = [obspy.read()]
    if CONTINUOUS.is_dir():
        path = CONTINUOUS / "luhu_rockfall_taiwan" / "TW.LH01.2020.088.13.mseed"
        found.append(obspy.read(str(path)).slice(endtime=obspy.read(str(path))[0].stats.starttime + 300))
    return found


def assert_same_picks(found, expected):
    """The same to one sample and 1e-4."""
    assert [(p.trace_id, p.phase) for p in found] == [(p.trace_id, p.phase) for p in expected]
    for a, b in zip(found, expected, strict=True):
        assert abs(a.time_ns - b.time_ns) <= 10_000_000
        assert abs(a.probability - b.probability) <= 1e-4
