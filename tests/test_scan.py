"""The scan: an absolute grid, columns that add up to 1, and the same numbers however the record is cut."""

import numpy as np
import pytest

from seisnet import scan as scan_module
from seisnet.config import PreprocessConfig
from seisnet.features import extract, make_feature
from seisnet.nn import softmax
from seisnet.scan import scan
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S
CLASSES = ("P", "S", "noise")
CONFIGS = {name: PreprocessConfig(features=name) for name in ("logspec", "raw")}
FEATURES = {name: make_feature(config) for name, config in CONFIGS.items()}
HOP_NS = round(CONFIGS["logspec"].hop_s * NS_PER_S)


@pytest.fixture(params=CONFIGS)
def name(request):
    return request.param


def predict_with(name):
    """A network of one random layer."""
    n_features = int(np.prod(FEATURES[name].shape))
    weights = np.random.default_rng(1).normal(size=(n_features, 3)).astype(np.float32) / np.sqrt(n_features)
    return lambda x: softmax(x @ weights)


def scan_of(record, name="logspec"):
    return scan(record, FEATURES[name], CONFIGS[name], predict_with(name), CLASSES)


@pytest.mark.parametrize("offset_ns", [0, 1, 4_999_999, 5_000_000, 5_000_001, 123_456_789, HOP_NS - 1])
def test_columns_lie_on_the_absolute_grid_within_half_a_sample(offset_ns, onset_record):
    record = onset_record(20.0, start_ns=START_NS + offset_ns)
    found = scan_of(record)
    off_ns = (found.start_ns - NS_PER_S * 2) % HOP_NS
    assert min(off_ns, HOP_NS - off_ns) <= NS_PER_S // 200
    first_ns = found.start_ns - 2 * NS_PER_S
    assert record.start_ns <= first_ns < record.start_ns + HOP_NS
    last_ns = found.times_ns[-1] + 2 * NS_PER_S
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
    np.testing.assert_allclose(b.values, a.values[:, : b.values.shape[1]], atol=1e-5)


@pytest.mark.parametrize("block", [1, 2, 37, 280, 281, 282])
def test_block_invariance_the_size_of_a_block_changes_nothing(name, block, onset_record, monkeypatch):
    record = onset_record(20.0, start_ns=START_NS + 123_456_789)
    whole = scan_of(record, name)
    monkeypatch.setattr(scan_module, "BLOCK_WINDOWS", block)
    np.testing.assert_allclose(scan_of(record, name).values, whole.values, atol=1e-5)


def test_batch_invariance_each_column_is_what_its_window_alone_gives(name, onset_record):
    record, config = onset_record(20.0, start_ns=START_NS + 60_000_000), CONFIGS[name]
    found = scan_of(record, name)
    for m in range(0, found.values.shape[1], 29):
        first = round((found.times_ns[m] - 2 * NS_PER_S - record.start_ns) / 1e7)
        window = record.data[None, :, first : first + config.window_samples]
        x = extract(FEATURES[name], window, record.present[None], np.array([record.bandwidth_hz]))
        np.testing.assert_allclose(predict_with(name)(x)[0], found.values[:, m], atol=1e-5)


def test_the_same_scan_twice_gives_the_same_bytes(name, onset_record):
    record = onset_record(20.0)
    assert scan_of(record, name).values.tobytes() == scan_of(record, name).values.tobytes()


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
    assert found.values.shape == (3, columns)
    assert len(found.times_ns) == columns


def test_the_onset_is_seen_at_the_time_of_its_window(onset_record):
    # A predictor that looks only at which half of the window is louder changes sign where the onset is central.
    config, feature = CONFIGS["raw"], FEATURES["raw"]
    half = config.window_samples // 2

    def louder_after(x):
        power = (x.reshape(len(x), 3, -1) ** 2).sum(axis=1)
        share = power[:, half:].sum(axis=1) / power.sum(axis=1)
        return np.stack([share, 1 - share], axis=1).astype(np.float32)

    for onset_s in (20.0, 33.37):
        found = scan(onset_record(onset_s, start_ns=START_NS + 77), feature, config, louder_after, ("after", "before"))
        best_s = (found.times_ns[np.argmax(found.values[0])] - START_NS) / NS_PER_S
        assert abs(best_s - onset_s) <= 0.4


def test_another_rate_and_hop_keep_the_grid(make_record, noise):
    config = PreprocessConfig(sampling_rate_hz=20.0, window_s=8.0, frame_s=1.6, hop_s=0.5, freqmax_hz=9.0)
    feature = make_feature(config)
    n_features = int(np.prod(feature.shape))
    weights = np.random.default_rng(1).normal(size=(n_features, 3)).astype(np.float32) / np.sqrt(n_features)
    record = make_record(np.stack([noise(1000, k) for k in range(3)]), start_ns=START_NS + 30_000_000, rate_hz=20.0)
    found = scan(record, feature, config, lambda x: softmax(x @ weights), CLASSES)
    assert found.hop_ns == NS_PER_S // 2
    assert found.start_ns == START_NS + 30_000_000 + 4 * NS_PER_S + 9 * NS_PER_S // 20
