"""What the later stages of a model learn from: excerpts of records, scanned by networks trained without the station."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seisnet.config import PreprocessConfig
from seisnet.features import make_feature
from seisnet.nn import StandardScaler
from seisnet.picks import station_of
from seisnet.scan.context_network import LEFT_OUT, NOISE, context_inputs, context_targets, reach
from seisnet.scan.onset_network import SHIFT_S, SLOWEST_HZ, onset_config, onset_windows
from seisnet.scan.scanner import scan_windows
from seisnet.scan.sliding_network import SlidingNetwork
from seisnet.store.excerpts import Excerpt, read_excerpts
from seisnet.store.windows_file import SPLITS
from seisnet.store.windows_in_memory import Windows
from seisnet.training.batches import MemoryBatches, TrainingData, scale
from seisnet.waveforms.records import NS_PER_S, Record, sample_to_ns

Floats = NDArray[np.float32]

ONSET_SHARE = 0.15
"""Share of the context stage's loss that the columns of each class of onsets make up; noise makes up the rest."""

NEAR_S = 15.0
"""Columns of noise farther from any onset are plenty: only `FAR_SHARE` of them is learned from, with more weight."""

FAR_SHARE = 0.25

SHIFTS = 10
"""Windows around each onset that the onset network learns from."""

FEWEST_TO_LEARN = 8
"""With fewer onsets of a class a stage is not trained."""

EDGE_S = 1.5
"""Onsets nearer to an excerpt's edge are left out of what the onset network learns from."""


def load_excerpts(windows: Windows | str | Path, split: str) -> list[Excerpt]:
    """The excerpts of a split."""
    if isinstance(windows, Windows):
        return [excerpt for excerpt in windows.excerpts if SPLITS[excerpt.split] == split]
    return list(read_excerpts(windows, split))


def as_record(excerpt: Excerpt) -> Record:
    """The samples of an excerpt as the rest of the package reads them."""
    return Record(
        data=excerpt.data,
        start_ns=excerpt.start_ns,
        sampling_rate_hz=excerpt.sampling_rate_hz,
        trace_id=excerpt.trace_id,
        present=excerpt.present,
        bandwidth_hz=excerpt.bandwidth_hz,
    )


def reference_ns(excerpt: Excerpt, label: int) -> list[int]:
    """Times of the onsets of a class; -1 stands for those of none, such as later phases."""
    record = as_record(excerpt)
    return [sample_to_ns(record, sample) for sample, of in excerpt.onsets if of == label]


def known_ns(excerpt: Excerpt) -> list[tuple[int, int]]:
    """Times between which every onset is labelled."""
    record = as_record(excerpt)
    return [(sample_to_ns(record, low), sample_to_ns(record, high)) for low, high in excerpt.known]


def fold_of(stations: Iterable[str], n_folds: int, seed: int) -> dict[str, int]:
    """Deal stations out to folds; as many folds as there are stations, at most."""
    known = sorted(set(stations))
    order = np.random.default_rng(seed).permutation(len(known))
    return {station: int(k) % n_folds for station, k in zip(known, order, strict=True)}


def context_data(
    train: Sequence[Excerpt],
    dev: Sequence[Excerpt],
    network_of: Callable[[str], SlidingNetwork],
    config: PreprocessConfig,
    rng: np.random.Generator,
    scaler: StandardScaler | None = None,
) -> TrainingData:
    """What the context stage learns from, and is judged on: columns of excerpts, those of the dev split all.

    Parameters
    ----------
    train, dev : sequence of Excerpt
    network_of : callable
        Gives the first stage that was trained without a station.
    config : PreprocessConfig
        Recipe of the windows.
    rng : numpy.random.Generator
        Chooses among columns far from any onset.
    scaler : StandardScaler, optional
        Of the model that is trained further.
    """
    x, y, weight = _columns(train, network_of, config, rng, FAR_SHARE)
    n_classes = len(config.classes)
    mass = np.bincount(y, weights=weight, minlength=n_classes)
    noise = config.classes.index("noise")
    share = np.where(np.arange(n_classes) == noise, 1 - ONSET_SHARE * (n_classes - 1), ONSET_SHARE)
    frequent = np.maximum(mass, 1.0) / np.maximum(mass, 1.0).sum()
    weight *= (share / frequent).astype(np.float32)[y]
    x_dev, y_dev, _ = _columns(dev, network_of, config, rng, 1.0)  # as frequent as `prior_shift` has it
    scaler = scaler or StandardScaler().fit(x)
    batches = MemoryBatches(scale(x, scaler), y, weight)
    shift = np.log(frequent / share).astype(np.float32)
    return TrainingData(batches, scale(x_dev, scaler), y_dev, scaler, shift)


def onset_data(
    train: Sequence[Excerpt],
    dev: Sequence[Excerpt],
    config: PreprocessConfig,
    rng: np.random.Generator,
    scaler: StandardScaler | None = None,
) -> TrainingData:
    """What the onset network learns from: windows whose middle lies up to `SHIFT_S` from an onset."""
    x, y, weight = _onsets(train, config, rng)
    x_dev, y_dev, _ = _onsets(dev, config, rng)
    scaler = scaler or StandardScaler().fit(x)
    return TrainingData(MemoryBatches(scale(x, scaler), y, weight), scale(x_dev, scaler), y_dev, scaler)


def column_targets(
    excerpt: Excerpt, first_ns: int, n_columns: int, config: PreprocessConfig
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float64]]:
    """Targets of the columns of a scan of an excerpt.

    Returns
    -------
    y : uint8 (M,)
        Classes.
    known : bool (M,)
        Whether the class is known; not beside an onset, nor at an onset of no class.
    away_s : float64 (M,)
        Distance to the nearest onset.
    """
    rate_hz, hop_s = excerpt.sampling_rate_hz, config.hop_s
    samples = ((first_ns - excerpt.start_ns) / NS_PER_S + hop_s * np.arange(n_columns)) * rate_hz
    places = [((sample - samples[0]) / rate_hz / hop_s, label) for sample, label in excerpt.onsets] if n_columns else []
    y = context_targets(n_columns, places, hop_s)
    known = np.zeros(n_columns, dtype=np.bool_)
    for low, high in excerpt.known:
        known |= (samples >= low) & (samples < high)
    away_s = np.full(n_columns, np.inf)
    for place, _ in places:
        away_s = np.minimum(away_s, np.abs(np.arange(n_columns) - place) * hop_s)
    kept = (y != LEFT_OUT) & (known | (y != NOISE))
    return np.where(y == NOISE, config.classes.index("noise"), y).astype(np.uint8), kept, away_s


def why_no_context(excerpts: Sequence[Excerpt], stations: Collection[str], config: PreprocessConfig) -> str:
    """Why the context stage can't learn from excerpts, with windows of these stations; empty if it can."""
    if few := _too_few(excerpts, config):
        return few
    if len(stations) < 2:
        return "all windows are from one station"
    return "" if make_feature(config).foldable else "the feature has no frames that a scan could share"


def why_no_onsets(excerpts: Sequence[Excerpt], config: PreprocessConfig) -> str:
    """Why the onset network can't learn from excerpts; empty if it can."""
    if config.sampling_rate_hz < SLOWEST_HZ:
        return f"{config.sampling_rate_hz:g} Hz is too low for onsets; the minimum is {SLOWEST_HZ:g} Hz"
    return _too_few(excerpts, config)


def _too_few(excerpts: Sequence[Excerpt], config: PreprocessConfig) -> str:
    if not excerpts:
        return "the windows file holds no excerpts"
    for label, name in enumerate(config.classes):
        n = sum(1 for e in excerpts for _, of in e.onsets if of == label)
        if name != "noise" and n < FEWEST_TO_LEARN:
            return f"too few onsets of {name} ({n}; {FEWEST_TO_LEARN} are needed)"
    return ""


def _columns(
    excerpts: Sequence[Excerpt],
    network_of: Callable[[str], SlidingNetwork],
    config: PreprocessConfig,
    rng: np.random.Generator,
    far_share: float,
) -> tuple[Floats, NDArray[np.uint8], Floats]:
    """Inputs, classes and weights of the columns of excerpts whose class is known; of far noise only a share."""
    noise, n_classes, hop_s = config.classes.index("noise"), len(config.classes), config.hop_s
    before, after = reach(hop_s)
    n_reach = before + 1 + after
    one = context_inputs(np.zeros((n_reach, n_classes), np.float32), np.zeros((n_reach, 3), np.float32), noise, hop_s)
    n_inputs = one.shape[1]
    xs, ys, weights = [np.zeros((0, n_inputs), np.float32)], [np.zeros(0, np.uint8)], [np.zeros(0, np.float32)]
    for excerpt in excerpts:
        record, windows = as_record(excerpt), network_of(station_of(excerpt.trace_id))
        columns, first_ns = scan_windows(record, windows, config)
        if not len(columns):
            continue
        y, kept, away_s = column_targets(excerpt, first_ns, len(columns), config)
        far = (y == noise) & (away_s > NEAR_S)
        kept &= ~columns.dead & (~far | (rng.random(len(columns)) < far_share))
        edge = np.pad(np.arange(len(columns)), (before, after), mode="edge")
        around = columns[edge]
        x = context_inputs(around.log_probabilities, around.log_energy, noise, hop_s)
        xs.append(x[kept])
        ys.append(y[kept])
        weights.append(np.where(far, 1 / far_share, 1.0)[kept].astype(np.float32))
    return np.concatenate(xs), np.concatenate(ys), np.concatenate(weights)


def _onsets(
    excerpts: Sequence[Excerpt], config: PreprocessConfig, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Inputs, distances in units of `SHIFT_S` (NaN for other phases), and weights of windows around onsets."""
    phases = [k for k, name in enumerate(config.classes) if name != "noise"]
    feature = make_feature(onset_config(config.sampling_rate_hz))
    n_inputs = int(np.prod(feature.shape))
    xs, ys, weights = [np.zeros((0, n_inputs), np.float32)], [], []
    for excerpt in excerpts:
        record = as_record(excerpt)
        edge = EDGE_S * record.sampling_rate_hz
        for (sample, label), weight in zip(excerpt.onsets, excerpt.weights, strict=True):
            if label not in phases or not edge <= sample < record.n_samples - edge:
                continue
            middles = sample + rng.uniform(-SHIFT_S, SHIFT_S, SHIFTS) * record.sampling_rate_hz
            x, centres = onset_windows(record, [sample_to_ns(record, m) for m in middles], feature)
            y = np.full((SHIFTS, len(phases)), np.nan, dtype=np.float32)
            y[:, phases.index(label)] = (sample - centres) / record.sampling_rate_hz / SHIFT_S
            xs.append(x)
            ys.append(y)
            weights += [weight] * SHIFTS
    targets = np.concatenate([np.zeros((0, len(phases)), np.float32), *ys])
    return np.concatenate(xs), targets, np.array(weights, dtype=np.float32)
