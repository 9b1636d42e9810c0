"""Altered copies of whole records: onsets stay where the picks say, and what is drawn is what is changed."""

from dataclasses import replace

import numpy as np
import pytest

from seisnet.picks import ClassInterval, Pick
from seisnet.training.altering import LEVEL_S, Alteration, alter, with_copies
from seisnet.waveforms.records import DAY_NS, NS_PER_S
from seisnet.windows.labelled import LabelledRecord

START_NS = 1_577_836_800 * NS_PER_S
NOTHING = Alteration(
    stretch_share=0, noise_share=0, overlay_share=0, source_share=0, site_share=0, drop_share=0
)  # turned about the vertical all the same
P_S, S_S = 20.0, 26.0


@pytest.fixture(scope="module")
def make_labelled(make_record):
    """Event records of a minute, silent before P at 20 s; S at 26 s is three times as strong."""

    def make(phases="PS", noise=0.0, seed=0):
        rng = np.random.default_rng(seed)
        t = np.arange(6000) / 100
        size = np.where(t < P_S, noise, np.where(t < S_S, 1.0, 3.0 * np.exp(-np.maximum(t - S_S, 0) / 10)))
        picks = tuple(
            Pick("GE", "APE", "", "HH", phase, START_NS + round({"P": P_S, "S": S_S}[phase] * NS_PER_S), event_id="a")
            for phase in phases
        )
        return LabelledRecord(make_record(rng.normal(size=(3, t.size)) * size), picks, "a")

    return make


def made(labelled, others=(), seed=0, copy=1, **drawn):
    return alter(labelled, others or [labelled], replace(NOTHING, **drawn), np.random.default_rng(seed), copy=copy)


def rms(data, low_s, high_s):
    return float(np.sqrt(np.mean(data[..., round(low_s * 100) : round(high_s * 100)].astype(np.float64) ** 2)))


def first_sample(record, share=0.02):
    """Where the first component stops being silent."""
    row = np.abs(record.data[0])
    return int(np.argmax(row > share * row.max()))


def test_a_copy_is_turned_about_the_vertical_and_lies_on_another_day(make_labelled):
    labelled = make_labelled()
    copy = made(labelled, copy=3)
    before, after = labelled.record, copy.record
    assert after.start_ns == before.start_ns + 3 * DAY_NS
    assert (after.trace_id, copy.event_id) == (before.trace_id, "a")
    assert [p.time_ns - after.start_ns for p in copy.picks] == [p.time_ns - before.start_ns for p in labelled.picks]
    level = before.data - before.data.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(after.data[0], level[0], atol=1e-6)
    np.testing.assert_allclose(np.hypot(*after.data[1:]), np.hypot(*level[1:]), atol=1e-5)
    assert np.abs(after.data[1] - level[1]).max() > 0.1


def test_the_same_generator_makes_the_same_copy(make_labelled):
    labelled, others = make_labelled(noise=0.1), [make_labelled(noise=0.1, seed=k) for k in (1, 2)]
    one, same, other = (
        alter(labelled, others, Alteration(), np.random.default_rng(seed), copy=1) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one.record.data, same.record.data)
    assert one.picks == same.picks
    assert one.record.data.shape != other.record.data.shape or (one.record.data != other.record.data).any()


@pytest.mark.parametrize("factor", [0.5, 1.3, 2.0])
def test_onsets_are_stretched_with_the_samples(factor, make_labelled):
    copy = made(make_labelled(), stretch_share=1, stretch=(factor, factor))
    p, s = (sample for sample, _, _ in copy.onsets)
    assert (p, s) == pytest.approx((factor * P_S * 100, factor * S_S * 100), abs=0.01)
    assert copy.record.n_samples == round(factor * 6000)
    assert abs(first_sample(copy.record, 0.1) - p) < 10


@pytest.mark.parametrize("factor", [1.0, 0.5, 1.7])
def test_stretches_of_a_class_move_with_the_samples(factor, make_labelled):
    p_ns, s_ns, end_ns = (START_NS + round(s * NS_PER_S) for s in (P_S, S_S, 40))
    lasting = ClassInterval("GE", "APE", "", "HH", "rockfall", p_ns, end_ns, 0.5, "a")
    point = ClassInterval("GE", "APE", "", "HH", "earthquake", s_ns, s_ns)
    labelled = replace(make_labelled(phases=""), stretches=(lasting, point))
    copy = made(labelled, copy=2, stretch_share=1, stretch=(factor, factor))
    start_ns = START_NS + 2 * DAY_NS
    assert copy.record.start_ns == start_ns
    at = [(s.label, s.weight, s.event_id, s.start_ns - start_ns, s.end_ns - start_ns) for s in copy.stretches]
    assert at == [
        ("rockfall", 0.5, "a", round(P_S * factor * NS_PER_S), round(40 * factor * NS_PER_S)),
        ("earthquake", 1.0, "", round(S_S * factor * NS_PER_S), round(S_S * factor * NS_PER_S)),
    ]
    assert abs(first_sample(copy.record, 0.1) - P_S * factor * 100) < 10
    assert copy.record.bandwidth_hz == pytest.approx(50 / max(factor, 1))


def test_what_a_stretch_drives_out_of_the_record_is_no_pick(make_labelled):
    labelled = make_labelled()
    late = replace(labelled.picks[1], time_ns=START_NS + round(59.99 * NS_PER_S))
    inside = made(replace(labelled, picks=(labelled.picks[0], late)), stretch_share=1, stretch=(0.9999, 0.9999))
    assert [p.phase for p in inside.picks] == ["P", "S"]
    assert all(sample < inside.record.n_samples for sample, _, _ in inside.onsets)


@pytest.mark.parametrize("seed", range(5))
def test_another_site_brings_no_onset_early_and_changes_the_spectrum(seed, make_labelled):
    labelled = make_labelled()
    copy = made(labelled, seed=seed, site_share=1)
    # a filter of minimum phase is causal: what comes before P stays as silent as the mean allows
    assert rms(copy.record.data, 5, P_S - 0.05) < 0.1 * rms(copy.record.data, P_S, S_S)
    assert abs(first_sample(copy.record, 0.1) - P_S * 100) < 10
    power = [np.abs(np.fft.rfft(r.data[0, 2000:2512])) ** 2 for r in (labelled.record, copy.record)]
    low, high = (np.log10(p[4:60].mean() / p[100:240].mean()) for p in power)
    assert abs(low - high) > 0.01


@pytest.mark.parametrize("seed", range(5))
def test_another_source_changes_s_and_codas_and_nothing_before(seed, make_labelled):
    labelled = make_labelled(noise=0.1)
    copy = made(labelled, seed=seed, source_share=1)
    before, after = labelled.record.data[0] - labelled.record.data[0].mean(), copy.record.data[0]
    np.testing.assert_allclose(after[:2000], before[:2000], atol=1e-5)
    gain_db = 20 * np.log10(np.abs(after[2000:5100]) / np.abs(before[2000:5100]))
    assert abs(gain_db[5]) < 0.5
    assert np.abs(np.diff(gain_db)).max() < 2  # smooth: at most that of S, within 0.3 s
    np.testing.assert_allclose(after[5100:] / before[5100:], (after[5100:] / before[5100:]).mean(), rtol=1e-3)


def test_noise_is_as_far_below_the_onset_as_was_drawn_and_never_the_record_itself_shifted(make_labelled):
    labelled, other = make_labelled(), make_labelled(noise=0.5, seed=3)
    copy = made(labelled, [other], noise_share=1, noise_snr_db=(6, 6))
    added = copy.record.data[0] - (labelled.record.data[0] - labelled.record.data[0].mean())
    signal = rms(labelled.record.data, P_S, P_S + LEVEL_S)
    everything = rms(copy.record.data, 2, 15)
    assert 20 * np.log10(signal / everything) == pytest.approx(6, abs=1.0)
    assert rms(added, 40, 55) == pytest.approx(rms(added, 2, 15), rel=0.3)


def test_there_is_no_noise_to_add_where_onsets_come_at_once(make_labelled):
    labelled = make_labelled()
    early = replace(labelled, picks=tuple(replace(p, time_ns=START_NS + NS_PER_S) for p in labelled.picks))
    copy = made(labelled, [early], noise_share=1)
    np.testing.assert_array_equal(copy.record.data, made(labelled).record.data)


def test_a_pick_beside_the_record_is_no_onset_in_it(make_labelled):
    labelled = make_labelled()
    p, s = labelled.picks
    beside = replace(labelled, picks=(replace(p, time_ns=START_NS - NS_PER_S), s))
    copy = made(beside, [make_labelled(noise=0.5, seed=3)], noise_share=1, noise_snr_db=(6, 6))
    assert [pick.phase for pick in copy.picks] == ["S"]
    signal, added = rms(labelled.record.data, S_S, S_S + LEVEL_S), rms(copy.record.data, 2, 15)
    assert 20 * np.log10(signal / added) == pytest.approx(6, abs=1.0)


def test_noise_is_taken_from_a_whole_record_whose_picks_come_after_it(make_labelled):
    labelled, other = make_labelled(), make_labelled(noise=0.5, seed=3)
    other = replace(other, picks=tuple(replace(p, time_ns=p.time_ns + 60 * NS_PER_S) for p in other.picks))
    copy = made(labelled, [other], noise_share=1, overlay_share=1)
    assert [p.phase for p in copy.picks] == ["P", "S"]
    assert rms(copy.record.data, 2, 15) > 0


def test_an_event_is_added_with_its_picks(make_labelled):
    labelled, other = make_labelled(), make_labelled(seed=4)
    copies = [made(labelled, [other], seed=seed, overlay_share=1, overlay_db=(0, 0)) for seed in range(20)]
    phases = [[p.phase for p in copy.picks] for copy in copies]
    assert any(len(p) == 4 for p in phases)
    for copy in copies:
        samples = [sample for sample, _, _ in copy.onsets]
        assert samples == sorted(samples)
        assert {p.event_id for p in copy.picks} == {"a"}
        for sample, _, pick in copy.onsets:
            if pick.phase == "P" and sample > 300:
                assert rms(copy.record.data, sample / 100, sample / 100 + 1) > 0.3


@pytest.mark.parametrize(("mine", "theirs"), [("P", "PS"), ("PS", "P")])
def test_nothing_is_added_where_an_s_may_be_unlabelled(mine, theirs, make_labelled):
    labelled, other = make_labelled(mine), make_labelled(theirs, seed=4)
    for seed in range(5):
        copy = made(labelled, [other], seed=seed, overlay_share=1)
        assert [p.phase for p in copy.picks] == list(mine)
        assert rms(copy.record.data[0], 2, P_S - 0.1) < 0.02


def test_lost_components_are_empty_and_said_to_be(make_labelled):
    lost = set()
    for seed in range(20):
        copy = made(make_labelled(), seed=seed, drop_share=1)
        assert not copy.record.present.all()
        assert not copy.record.data[~copy.record.present].any()
        assert copy.record.data[copy.record.present].any(axis=1).all()
        lost.add(tuple(copy.record.present))
    assert len(lost) == 4


def test_noise_records_may_be_altered_too(make_labelled):
    labelled = LabelledRecord(make_labelled(noise=1.0).record, (), is_noise=True)
    copy = alter(labelled, [make_labelled(noise=0.5)], Alteration(), np.random.default_rng(1), copy=1)
    assert copy.is_noise
    assert copy.picks == ()
    assert np.isfinite(copy.record.data).all()


def test_copies_come_after_the_records_each_on_days_of_its_own(make_labelled):
    records = [make_labelled(noise=0.1, seed=k) for k in range(3)]
    found = with_copies(records, 2, np.random.default_rng(0))
    assert len(found) == 9
    assert all(a is b for a, b in zip(found, records, strict=False))
    assert [(r.record.start_ns - START_NS) // DAY_NS for r in found] == [0] * 3 + [1] * 3 + [2] * 3
