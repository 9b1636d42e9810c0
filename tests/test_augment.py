"""Augmentation: what it may change, what it may not, and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest

from seisnet.config import PreprocessConfig
from seisnet.errors import ConfigError
from seisnet.features import extract, make_feature
from seisnet.picks import Pick
from seisnet.preprocessing.job import preprocess
from seisnet.waveforms.records import NS_PER_S
from seisnet.windows.augment import CLEAR_S, augment
from seisnet.windows.cutting import cut
from seisnet.windows.labelled import LabelledRecord, take

START_NS = 1_577_836_800 * NS_PER_S
CONFIG = PreprocessConfig()
LENGTH = CONFIG.window_samples
EVERYTHING = {
    "mix_share": 0.5, "overlay_share": 0.5, "gain_db": 6.0, "flip_share": 0.5, "drop_share": 0.3, "gap_share": 0.3
}  # fmt: skip


@pytest.fixture(scope="module")
def labelled_record(make_record):
    """Five minutes of noise with an event, P at 100 s and S at 120 s, ten times as strong."""
    rng = np.random.default_rng(0)
    t = np.arange(30_000) / 100
    size = np.where(t < 100, 1.0, 1 + 10 * np.exp(-np.maximum(t - 100, 0) / 30))
    picks = tuple(
        Pick("GE", "APE", "", "HH", phase, START_NS + seconds * NS_PER_S, event_id="a")
        for seconds, phase in ((100, "P"), (120, "S"))
    )
    return LabelledRecord(make_record(rng.normal(size=(3, t.size)) * size), picks)


@pytest.fixture(scope="module")
def windows(labelled_record):
    return cut(labelled_record, CONFIG)[0]


def altered(labelled_record, windows, **options):
    """Samples before and after, and the components that are left."""
    config = replace(CONFIG, **options)
    before = take(labelled_record.record, windows, config)
    after, present = augment(labelled_record, windows, config)
    np.testing.assert_array_equal(take(labelled_record.record, windows, config), before)
    assert after.dtype == np.float32
    return before, after, present


def level_db(x):
    return 10 * np.log10(np.mean(x.astype(np.float64) ** 2))


def test_by_default_nothing_is_altered(labelled_record, windows):
    before, after, present = altered(labelled_record, windows)
    np.testing.assert_array_equal(before, after)
    assert present.all()


@pytest.mark.parametrize("options", [{name: value} for name, value in EVERYTHING.items()] + [EVERYTHING])
def test_only_augmented_windows_are_altered_and_always_alike(options, labelled_record, windows):
    before, after, present = altered(labelled_record, windows, **options)
    augmented = np.array([w.augmented for w in windows])
    np.testing.assert_array_equal(before[~augmented], after[~augmented])
    assert present[~augmented].all()
    assert (before[augmented] != after[augmented]).any()
    again = altered(labelled_record, windows, **options)
    np.testing.assert_array_equal(after, again[1])
    other = altered(labelled_record, windows, **options, seed=1)[1]
    assert (after != other).any()


@pytest.mark.parametrize(
    ("share", "level", "span"),
    [("mix_share", "mix_snr_db", slice(0, 9500)), ("overlay_share", "overlay_db", slice(10_000, 13_500))],
)
def test_what_is_added_has_the_level_that_was_drawn_and_comes_from_the_record(
    share, level, span, labelled_record, windows
):
    before, after, _ = altered(labelled_record, windows, **{share: 1.0, level: (6.0, 6.0)})
    data = labelled_record.record.data
    for w, x, y in zip(windows, before, after, strict=True):
        if not w.augmented:
            continue
        if w.event != "a":  # noise more than a minute before the event
            np.testing.assert_array_equal(x, y)
            continue
        added = y - x
        onset = 0 if np.isnan(w.onset_s) else round(w.onset_s * 100 + 200)
        signal = x - x.mean(axis=1, keepdims=True)
        assert level_db(signal[:, onset:]) - level_db(added) == pytest.approx(6.0, abs=0.1)
        centred = added[0] - added[0].mean()
        likeness = np.correlate(data[0, span], centred, "valid")
        size = np.sqrt(np.convolve(data[0, span] ** 2, np.ones(400), "valid") * np.sum(centred**2))
        assert np.max(likeness / size) > 0.99


@pytest.mark.parametrize("share", ["mix_share", "overlay_share"])
def test_nothing_of_an_event_gets_into_windows_of_another(share, labelled_record):
    """It may lie in another split."""
    record, (p, s) = labelled_record.record, labelled_record.picks
    later = [replace(pick, time_ns=pick.time_ns + 150 * NS_PER_S, event_id="b") for pick in (p, s)]
    labelled, config = replace(labelled_record, picks=(p, s, *later)), replace(CONFIG, **{share: 1.0})
    windows = [w for w in cut(labelled, replace(config, noise_ratio=0.0))[0] if w.event == "a"]
    data = record.data.copy()
    data[:, 18_500:] *= -1  # of the second event, and of the noise before it
    other = replace(labelled, record=replace(record, data=data))
    one, two = (augment(part, windows, config)[0] for part in (labelled, other))
    assert (one != take(record, windows, config)).any()
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("share", ["mix_share", "overlay_share"])
def test_the_offset_of_a_record_is_not_added_with_its_noise(share, labelled_record, windows):
    added = []
    for offset in (0, 100):
        record = replace(labelled_record.record, data=labelled_record.record.data + np.float32(offset))
        before, after, _ = altered(replace(labelled_record, record=record), windows, **{share: 1.0})
        added.append(after - before)
    np.testing.assert_allclose(added[1], added[0], atol=1e-3)


def test_gain_is_drawn_for_each_component_within_its_range(labelled_record, windows):
    before, after, _ = altered(labelled_record, windows, gain_db=6.0)
    chosen = np.array([w.augmented for w in windows])
    gains_db = 20 * np.log10(np.abs(after[chosen]).max(axis=2) / np.abs(before[chosen]).max(axis=2))
    assert np.abs(gains_db).max() <= 6.001
    assert np.ptp(gains_db, axis=1).max() > 3


def test_flipping_changes_the_sign_and_no_feature(labelled_record, windows):
    before, after, _ = altered(labelled_record, windows, flip_share=1.0)
    chosen = np.array([w.augmented for w in windows])
    np.testing.assert_array_equal(after[chosen], -before[chosen])
    feature, present, bandwidth_hz = make_feature(CONFIG), np.ones((len(windows), 3), bool), np.full(len(windows), 50.0)
    a, b = (extract(feature, x, present, bandwidth_hz) for x in (before, after))
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_dropped_components_are_zero_and_one_is_left(labelled_record, windows, make_record):
    _, after, present = altered(labelled_record, windows, drop_share=1.0)
    chosen = np.array([w.augmented for w in windows])
    assert set(present[chosen].sum(axis=1)) == {1, 2}
    assert ((after != 0).any(axis=2) == present).all()
    alone = make_record(labelled_record.record.data, present=(True, False, False))
    _, _, present = altered(replace(labelled_record, record=alone), windows, drop_share=1.0)
    assert (present == [True, False, False]).all()


@pytest.mark.parametrize(("gap_s", "longest"), [(1.0, 100), (4.0, LENGTH // 2)])
def test_a_gap_is_in_all_components_and_off_the_onset(gap_s, longest, labelled_record, windows):
    before, after, _ = altered(labelled_record, windows, gap_share=1.0, gap_s=gap_s)
    lengths = []
    for w, x, y in zip(windows, before, after, strict=True):
        gone = np.flatnonzero((y == 0).all(axis=0))
        np.testing.assert_array_equal(np.delete(x, gone, axis=1), np.delete(y, gone, axis=1))
        assert len(gone) <= longest
        if w.augmented and (gap_s == 1.0 or len(gone)):  # a longer one may find no place
            lengths.append(len(gone))
            assert len(gone)
            assert (np.diff(gone) == 1).all()
            if not np.isnan(w.onset_s):
                onset = round(w.onset_s * 100 + 200)
                assert gone[-1] < onset - CLEAR_S * 100 or gone[0] >= onset + CLEAR_S * 100
    assert len(set(lengths)) > 5


def test_in_the_file_dev_and_test_are_as_without_augmentation_and_labels_stay(labelled):
    """The same windows with the same labels; only features of augmented ones differ, and those are in train."""
    plain, more = (
        preprocess([str(labelled.dataset)], [], replace(CONFIG, split_by="event", **options))
        for options in ({}, EVERYTHING)
    )
    a, b = plain.rows, more.rows
    for name in ("y", "onset_s", "start_ns", "split", "weight", "augmented", "group", "trace_id"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert not b.augmented[b.split > 0].any()
    np.testing.assert_array_equal(a.x[~a.augmented], b.x[~b.augmented])
    assert (a.x[a.augmented] != b.x[b.augmented]).any(axis=1).mean() > 0.9
    assert np.isfinite(b.x).all()


@pytest.mark.parametrize(
    "options", [{"mix_share": 1.5}, {"mix_snr_db": (3.0,)}, {"overlay_db": (5.0, 1.0)}, {"gain_db": -1.0}]
)
def test_values_out_of_range_are_errors(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        replace(CONFIG, **options)
