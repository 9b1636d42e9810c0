"""The scan: an absolute grid, columns that add up to 1, and the same numbers however the record is cut."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from seisnet.config import PreprocessConfig
from seisnet.features import extract, make_feature
from seisnet.nn import Network, softmax
from seisnet.scan.scanner import Chain, Scanner, scan, scan_windows
from seisnet.scan.sliding_network import SlidingNetwork
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S
CLASSES = ("P", "S", "noise")
CONFIGS = {name: PreprocessConfig(features=name) for name in ("logspec", "raw")}
BEHIND = {"logspec": 180, "raw": 0}
"""Samples behind a record that windows may hold, as long as their central frame, of 0.4 s and 4 s, lies inside."""

HOP_NS = round(CONFIGS["logspec"].hop_s * NS_PER_S)


@pytest.fixture(params=CONFIGS)
def name(request):
    return request.param


def network_for(feature, hidden=(16,), seed=1):
    return Network((int(np.prod(feature.shape)), *hidden, 3), "tanh", rng=np.random.default_rng(seed))


def chain_for(config, *, every=1, members=1, hidden=(16,), context=None):
    """A chain with random weights; its scaler is no identity."""
    feature, rng = make_feature(config), np.random.default_rng(7)
    n_features = int(np.prod(feature.shape))
    mean, scale = rng.normal(size=n_features), rng.uniform(0.5, 2, n_features)
    networks = tuple(network_for(feature, hidden, seed) for seed in range(members))
    windows = SlidingNetwork(feature, networks, mean.astype(np.float32), scale.astype(np.float32), 1.3, every)
    return Chain(windows, context, config, CLASSES)


def by_window(chain, x):
    """Probabilities (N, 3) of windows of features, one by one."""
    windows = chain.windows
    logits = [n.predict((x - windows.mean) / windows.scale) / np.float32(1.3) for n in windows.networks]
    return sum(map(softmax, logits)) / len(logits)


CHAINS = {name: chain_for(config) for name, config in CONFIGS.items()}


def scan_of(record, name="logspec"):
    return scan(record, CHAINS[name])


def mirrored(record, name):
    """The samples that windows may hold."""
    return np.pad(record.data, ((0, 0), (0, BEHIND[name])), mode="reflect")


class Context:
    """A second stage with random weights."""

    before, after = 7, 4

    def __init__(self):
        self.weights = np.random.default_rng(3).normal(size=(12 * 6, 3)).astype(np.float32) / 5

    def __call__(self, log_probabilities, log_energy):
        x = np.concatenate([log_probabilities, np.nan_to_num(log_energy - log_energy[:, :1])], axis=1)
        return softmax(sliding_window_view(x, 12, axis=0).reshape(len(x) - 11, -1) @ self.weights)


@pytest.mark.parametrize("offset_ns", [0, 1, 4_999_999, 5_000_000, 5_000_001, 123_456_789, HOP_NS - 1])
def test_columns_lie_on_the_absolute_grid_within_half_a_sample(offset_ns, onset_record):
    record = onset_record(20.0, start_ns=START_NS + offset_ns)
    found = scan_of(record)
    off_ns = (found.start_ns - NS_PER_S * 2) % HOP_NS
    assert min(off_ns, HOP_NS - off_ns) <= NS_PER_S // 200
    first_ns = found.start_ns - 2 * NS_PER_S
    assert record.start_ns <= first_ns < record.start_ns + HOP_NS
    last_ns = found.times_ns[-1] + NS_PER_S // 5
    assert record.end_ns + NS_PER_S // 100 - HOP_NS < last_ns <= record.end_ns + NS_PER_S // 100


@pytest.mark.parametrize("offset_ns", [0, 5_000_000, 5_000_001, 7_777_777])
@pytest.mark.parametrize("cut", [1, 2, 7, 19, 20, 21, 1000])
def test_start_invariance_cutting_samples_off_the_start_changes_no_column(
    name, offset_ns, cut, onset_record, make_record
):
    whole = onset_record(20.0, start_ns=START_NS + offset_ns)
    part = make_record(whole.data[:, cut:], start_ns=whole.start_ns + cut * NS_PER_S // 100)
    a, b = scan_of(whole, name), scan_of(part, name)
    columns = dict(zip(a.times_ns.tolist(), a.values.T, strict=True))
    assert set(b.times_ns.tolist()) <= set(columns)
    assert a.values.shape[1] - b.values.shape[1] == pytest.approx(cut / 20, abs=1)
    for t, column in zip(b.times_ns.tolist(), b.values.T, strict=True):
        np.testing.assert_allclose(column, columns[t], atol=1e-5)


def test_cutting_samples_off_the_end_changes_no_column(name, onset_record, make_record):
    whole = onset_record(20.0)
    a, b = scan_of(whole, name), scan_of(make_record(whole.data[:, :-333]), name)
    assert b.start_ns == a.start_ns
    n = b.values.shape[1] - BEHIND[name] // 20
    np.testing.assert_allclose(b.values[:, :n], a.values[:, :n], atol=1e-5)


@given(cuts=st.lists(st.integers(0, 6000), max_size=12), every=st.integers(1, 3), context=st.booleans())
@settings(max_examples=25)
def test_chunk_invariance_a_record_in_pieces_gives_the_same_bytes(cuts, every, context, onset_record):
    chain = chain_for(CONFIGS["logspec"], every=every, context=Context() if context else None)
    record = onset_record(20.0, start_ns=START_NS + 123_456_789)
    whole, scanner = scan(record, chain), Scanner(chain, record)
    pieces = np.split(record.data, sorted(cuts), axis=1)
    found = [scanner.add(piece, last=i == len(cuts)) for i, piece in enumerate(pieces)]
    assert np.concatenate([f.values for f in found], axis=1).tobytes() == whole.values.tobytes()
    next_ns = whole.start_ns
    for f in found:
        assert f.start_ns == next_ns
        next_ns += f.values.shape[1] * f.hop_ns


def test_chunk_invariance_across_the_blocks_of_the_second_stage(monkeypatch, onset_record):
    """Which are longer than the records of these tests; a stream of months keeps one, and what lies within reach."""
    record, context = onset_record(20.0), Context()
    chain = chain_for(CONFIGS["logspec"], context=context)
    in_one_block = scan(record, chain)
    monkeypatch.setattr("seisnet.scan.scanner.CONTEXT_COLUMNS", 32)
    whole, pieces = scan(record, chain), Scanner(chain, record)
    np.testing.assert_allclose(whole.values, in_one_block.values, atol=1e-6)
    found, kept = [], []
    for low in range(0, record.n_samples, 50):
        found.append(pieces.add(record.data[:, low : low + 50], last=low + 50 >= record.n_samples).values)
        kept.append(len(pieces._context._kept))
    assert np.concatenate(found, axis=1).tobytes() == whole.values.tobytes()
    assert max(kept) < 2 * 32 + context.before + context.after


def test_chunk_invariance_one_sample_at_a_time(name, onset_record):
    record = onset_record(5.0, seconds=8.0)
    scanner = Scanner(CHAINS[name], record)
    found = [scanner.add(record.data[:, i : i + 1], last=i == record.n_samples - 1) for i in range(record.n_samples)]
    given = np.cumsum([f.values.shape[1] for f in found])
    complete = np.maximum((np.arange(record.n_samples) + 1 - 400) // 20 + 1, 0)
    assert (complete - given < CHAINS[name].windows.group_frames).all(), (
        "columns come as soon as their group is complete"
    )
    whole = scan_of(record, name)
    assert np.concatenate([f.values for f in found], axis=1).tobytes() == whole.values.tobytes()


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_gives_the_same_bytes(threads, name, noise, make_record):
    record = make_record(np.stack([noise(60_000, k) for k in range(3)]))
    assert scan(record, CHAINS[name], threads=threads).values.tobytes() == scan_of(record, name).values.tobytes()


@pytest.mark.parametrize("every", [2, 3, 5, 17, 40])
@pytest.mark.parametrize("offset_ns", [60_000_000, 4_000_000])
def test_a_longer_step_of_the_scan_leaves_columns_out_and_changes_none(offset_ns, every, onset_record):
    record = onset_record(20.0, start_ns=START_NS + offset_ns)
    every_column = scan_of(record)
    found = scan(record, chain_for(CONFIGS["logspec"], every=every))
    assert found.hop_ns == every * HOP_NS
    assert (found.start_ns - 2 * NS_PER_S) % found.hop_ns in (0, record.start_ns % 10_000_000)
    columns = dict(zip(every_column.times_ns.tolist(), every_column.values.T, strict=True))
    assert abs(found.values.shape[1] - every_column.values.shape[1] / every) < 1
    for t, column in zip(found.times_ns.tolist(), found.values.T, strict=True):
        np.testing.assert_allclose(column, columns[t], atol=1e-5)


def test_the_context_stage_reads_the_outermost_column_beyond_the_edges_of_a_record(onset_record, make_record):
    record, context = onset_record(20.0), Context()
    chain = chain_for(CONFIGS["logspec"], context=context)
    longer = make_record(mirrored(record, "logspec"))
    columns, _ = scan_windows(longer, chain.windows, chain.config)
    edges = ((context.before, context.after), (0, 0))
    logs, energy = (np.pad(a, edges, mode="edge") for a in (columns.log_probabilities, columns.log_energy))
    np.testing.assert_allclose(scan(record, chain).values, context(logs, energy).T, atol=1e-6)


def test_the_energy_of_a_column_is_that_of_its_central_frame(onset_record, make_record):
    record = onset_record(20.0, present=(True, False, True))
    chain = CHAINS["logspec"]
    energy = scan_windows(record, chain.windows, chain.config)[0].log_energy
    frames = chain.windows.feature.frames(record.data)
    before = chain.windows.feature.shape[1] // 2
    middle = frames[:, before : before + len(energy)].mean(axis=2)
    np.testing.assert_allclose(energy[:, 0], middle[0], atol=1e-5)
    np.testing.assert_allclose(energy[:, 1], (middle[0] + middle[2]) / 2, atol=1e-5)
    assert np.isnan(scan_windows(make_record(np.ones(6000)), chain.windows, chain.config)[0].log_energy).all()


# Shapes that only the general path meets


@pytest.mark.parametrize("present", [(True, True, True), (True, False, False), (False, True, True)])
@pytest.mark.parametrize("bandwidth_hz", [50.0, 25.0, 10.0])
@pytest.mark.parametrize("dead", [[], [(0, 1000, 1500)], [(0, 900, 2000), (1, 1200, 2200), (2, 1250, 1950)]])
def test_batch_invariance_each_column_is_what_its_window_alone_gives(present, bandwidth_hz, dead, name, onset_record):
    record = replace(onset_record(20.0, present=present), bandwidth_hz=bandwidth_hz)
    for row, low, high in dead:
        record.data[row, low:high] = 7
    chain = chain_for(CONFIGS[name], members=2, hidden=(16, 8))
    found, feature = scan(record, chain), chain.windows.feature
    windows = sliding_window_view(mirrored(record, name), 400, axis=1)[:, ::20].transpose(1, 0, 2)
    n = len(windows)
    x = extract(feature, windows, np.tile(record.present, (n, 1)), np.full(n, bandwidth_hz))
    expected = by_window(chain, x)
    expected[found.dead] = (0, 0, 1)
    np.testing.assert_allclose(found.values.T, expected, atol=1e-5)


def test_dead_stretches_are_noise_and_flagged(name, onset_record):
    record = onset_record(20.0)
    record.data[:, 3000:4000] = -3
    found = scan_of(record, name)
    assert found.dead.any()
    assert (found.values[:, found.dead] == np.array([[0], [0], [1]])).all()
    seconds = (found.times_ns[found.dead] - START_NS) / NS_PER_S
    assert 30 <= seconds.min() <= seconds.max() <= 40


def test_probabilities_add_up_to_one_at_every_column(name, onset_record):
    found = scan_of(onset_record(20.0), name)
    assert found.values.dtype == np.float32
    assert found.values.shape[0] == 3
    np.testing.assert_allclose(found.values.sum(axis=0), 1, atol=1e-6)
    assert (found.values >= 0).all()


@pytest.mark.parametrize("gain", [1e-9, 3.0, 1e6])
def test_gain_invariance_of_the_scan(name, gain, onset_record, make_record):
    record = onset_record(20.0)
    louder = make_record(record.data * np.float32(gain))
    np.testing.assert_allclose(scan_of(louder, name).values, scan_of(record, name).values, atol=1e-4)


@pytest.mark.parametrize(("n_samples", "columns"), [(0, 0), (1, 0), (399, 0), (400, 1), (419, 1), (420, 2), (440, 3)])
def test_every_window_that_fits_is_scanned_and_no_other(name, n_samples, columns, make_record):
    found = scan_of(make_record(np.ones(n_samples)), name)
    columns += columns and BEHIND[name] // 20
    assert found.values.shape == (3, columns)
    assert len(found.times_ns) == columns


@given(cuts=st.lists(st.integers(0, 450), max_size=12), n_samples=st.integers(1, 450))
def test_chunk_invariance_of_records_of_about_a_window(cuts, n_samples, onset_record, make_record):
    record = make_record(onset_record(20.0).data[:, :n_samples])
    scanner, whole = Scanner(CHAINS["logspec"], record), scan_of(record)
    pieces = np.split(record.data, sorted(min(c, n_samples) for c in cuts), axis=1)
    found = [scanner.add(piece, last=i == len(cuts)).values for i, piece in enumerate(pieces)]
    assert np.concatenate(found, axis=1).tobytes() == whole.values.tobytes()


def test_another_rate_and_hop_keep_the_grid(make_record, noise):
    config = PreprocessConfig(sampling_rate_hz=20.0, window_s=8.0, frame_s=1.6, hop_s=0.5, freqmax_hz=9.0)
    record = make_record(np.stack([noise(1000, k) for k in range(3)]), start_ns=START_NS + 30_000_000, rate_hz=20.0)
    found = scan(record, chain_for(config))
    assert found.hop_ns == NS_PER_S // 2
    assert found.start_ns == START_NS + 30_000_000 + 4 * NS_PER_S + 9 * NS_PER_S // 20


@pytest.mark.parametrize("rows", [1, 16])
def test_fewer_rows_to_a_product_give_the_same_but_for_rounding(rows, name, onset_record):
    record, chain = onset_record(20.0), CHAINS[name]
    fewer = replace(chain, windows=replace(chain.windows, rows=rows))
    np.testing.assert_allclose(scan(record, fewer).values, scan(record, chain).values, atol=1e-5)
    first_ns = [scan_windows(record, c.windows, c.config)[1] for c in (fewer, chain)]
    assert first_ns[0] == first_ns[1] == scan(record, chain).start_ns
