"""The phase pipeline: its figures are plain JSON also where nothing was found, and what is left out is not learned."""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seisnet.config import PreprocessConfig, from_dict, read_tables
from seisnet.errors import ConfigError
from seisnet.model import load_model
from seisnet.model_cards import SECTIONS
from seisnet.picks import Pick
from seisnet.training.trials import Trial
from seisnet.windows.labelled import LabelledRecord

PIPELINES = Path(__file__).parents[1] / "pipelines"
STORED = SimpleNamespace(thresholds={"P": 0.5}, spread={"P": 2.0})


@pytest.fixture
def pipeline(monkeypatch):
    known = set(sys.modules)
    monkeypatch.syspath_prepend(PIPELINES)
    import phase_card
    import phase_figures
    import phase_model
    import phase_records
    import record_faults
    import record_pairs

    monkeypatch.setattr(phase_figures, "STARTS", 1)  # as often as the trials below were tried
    yield SimpleNamespace(
        figures=phase_figures,
        card=phase_card,
        model=phase_model,
        records=phase_records,
        faults=record_faults,
        pairs=record_pairs,
    )
    for name in {path.stem for path in PIPELINES.glob("*.py")} - known:
        sys.modules.pop(name, None)


def tried(probability, residual_s):
    trial = Trial(probability, residual_s, [0.1] * len(probability), n_reference=2, hours=1.0)
    return SimpleNamespace(labelled=SimpleNamespace(event_id="a"), trials={"P": trial})


@pytest.mark.parametrize("one", [tried([], []), tried([0.9, 0.2], [np.nan, 0.1])], ids=["no pick", "none right"])
def test_what_nothing_matches_has_no_residuals(one, pipeline):
    found = pipeline.figures.pick_figures([one], STORED, 0)["P"]
    assert (found["f1"], found["median_s"], found["mae_s"], found["onsets"]) == (0.0, None, None, 2)
    assert pipeline.figures.coverage(one.trials["P"], STORED, "P") == {"within_1": None, "within_1.96": None}
    json.dumps(found, allow_nan=False)


def test_residuals_and_coverage_of_matched_picks(pipeline):
    one = tried([0.9, 0.8, 0.7, 0.1], [0.1, -0.3, np.nan, 0.4])
    found = pipeline.figures.pick_figures([one], STORED, 0)["P"]
    assert (found["precision"], found["recall"], found["median_s"], found["mae_s"]) == (0.667, 1.0, -0.1, 0.2)
    assert pipeline.figures.coverage(one.trials["P"], STORED, "P") == {"within_1": 0.5, "within_1.96": 1.0}


def test_the_card_says_none(pipeline):
    assert (pipeline.card.worded(None, 3), pipeline.card.worded(0.02, 3)) == ("none", "0.020")
    assert (pipeline.card.interval((None, None), 3), pipeline.card.interval((0.5, 1), 3)) == ("", " (0.500 to 1.000)")


def test_the_card_follows_the_recipe_and_its_words_are_those_of_the_config(pipeline):
    stored = load_model("phase").stored
    figures = {**stored.metrics, "false_alarms_per_hour": None}
    words = from_dict(pipeline.card.Words, read_tables(PIPELINES / "phase_model.toml")["card"])
    plain = pipeline.card.card("phase", words, figures, stored)
    assert [line[3:] for line in plain.splitlines() if line.startswith("## ")] == list(SECTIONS)
    assert (
        "100 Hz, no filter, no response removed. Log-spectrogram of four seconds, ten bands centred on 2.5 to" in plain
    )
    assert "not labelled (as in all of deepdenoiser_ncedc99), picks" in plain
    assert "phase_model.py --data FOLDER -o seisnet/models/phase.h5\n" in plain
    recipe = {
        **stored.preprocess,
        "sampling_rate_hz": 50.0,
        "window_s": 3.0,
        "freqmax_hz": 15.0,
        "response": "velocity",
    }
    figures |= {"false_alarms_per_hour": 2.0, "picks": {"mine": figures["picks"]["obstransformer_sample"]}}
    figures["windows"] = {**figures["windows"], "interval_95": [None, None]}
    other = replace(words, limits="Known at one station.")
    changed = pipeline.card.card("mine", other, figures, replace(stored, preprocess=recipe), "mine.toml")
    assert changed.startswith("# mine\n")
    assert "50 Hz, no filter, response removed, to velocity. Log-spectrogram of three seconds, six bands" in changed
    assert "whose S is not labelled, picks count" in changed
    assert "keep to 2 false picks an hour" in changed
    assert "## Limits\n\nKnown at one station.\n\n## Reproduce" in changed
    assert "-o seisnet/models/mine.h5 --config mine.toml\n" in changed


def test_a_card_without_words_is_refused(pipeline):
    with pytest.raises(ConfigError, match="say in words citation, limits"):
        pipeline.card.Words(summary="a", data="b", licence="c", citation=" ")


def test_an_interval_of_few_events_and_a_rate_of_no_hours_are_null(pipeline, monkeypatch):
    rows = SimpleNamespace(y=np.array([0, 1, 2]), x=None, group=np.array([0, 0, 1]))
    windows = SimpleNamespace(rows=rows, info=SimpleNamespace(group_names=["a", "b"]))
    monkeypatch.setattr(pipeline.figures, "make_windows", lambda parts, config: windows)
    model = SimpleNamespace(predict_proba=lambda x: np.eye(3)[[0, 1, 1]])
    found = pipeline.figures.window_figures([(model, [])], PreprocessConfig())
    assert (found["interval_95"], found["windows"]) == ([None, None], 3)
    found["rates"] = pipeline.figures.threshold_figures({"P": Trial()}, {"P": Trial()})
    assert found["rates"]["P"][0]["false_an_hour"] is None
    json.dumps(found, allow_nan=False)


def test_a_region_is_left_out_with_all_records_of_its_stations(pipeline):
    def records(*stations):
        return [SimpleNamespace(record=SimpleNamespace(trace_id=f"{name}..HH")) for name in stations]

    here, there = records("CI.A", "CI.B", "CI.A"), records("OB.X", "CI.B")
    assert list(pipeline.model.region_folds([here, there])) == [(there[:1], here), ([here[0], here[2]], there)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"folds": 1}, "folds: got 1"),
        ({"copies": -1}, "copies: got -1"),
        ({"synthetic_far": -1}, "synthetic_far: got -1"),
        ({"cut_share": 1.5}, "cut_share: got 1.5"),
        ({"false_alarms_per_hour": np.nan}, "false_alarms_per_hour: got nan"),
        ({"regions": {"a": ["one"]}}, "regions: two or more"),
        ({"regions": {"a": ["one"], "b": []}}, "none of them empty"),
        ({"regions": {"a": ["one", "two"], "b": ["one"]}}, "regions: one is named more than once"),
        ({"automatic": ["one", "three"]}, "automatic: three is in none of the regions"),
    ],
)
def test_what_the_data_table_cannot_mean_is_refused_before_anything_is_trained(change, words, pipeline):
    plain = {"regions": {"a": ["one"], "b": ["two"]}, "false_alarms_per_hour": np.inf}
    assert pipeline.model.DataConfig(**plain).folds == 4
    with pytest.raises(ConfigError, match=words):
        pipeline.model.DataConfig(**plain | change)


@pytest.mark.parametrize("change", [("preprocess", 'features = "raw"'), ("train", "context = false")])
def test_what_the_card_could_not_describe_is_refused_before_anything_is_read(change, pipeline, tmp_path, monkeypatch):
    table, line = change
    text = (PIPELINES / "phase_model.toml").read_text(encoding="utf-8")
    (tmp_path / "other.toml").write_text(text.replace(f"[{table}]\n", f"[{table}]\n{line}\n"), encoding="utf-8")
    given = {"--data": "nowhere", "-o": tmp_path / "m.h5", "--config": tmp_path / "other.toml"}
    monkeypatch.setattr(sys, "argv", ["phase_model", *(str(part) for option in given.items() for part in option)])
    with pytest.raises(ConfigError, match="leave features, context and onset out"):
        pipeline.model.main()


def test_sets_of_automatic_labels_weigh_half_whatever_their_tables_say(pipeline):
    picks = tuple(Pick("XO", "KD01", "", "HH", "P", i, weight=weight) for i, weight in enumerate((1.0, 0.5, 0.1)))
    labelled = pipeline.model.as_automatic(LabelledRecord(None, picks))
    assert [pick.weight for pick in labelled.picks] == [0.5, 0.5, 0.1]


def test_a_data_table_without_regions_is_refused(pipeline):
    with pytest.raises(ConfigError, match="regions: two or more"):
        pipeline.model.DataConfig()


def test_synthetic_records_lose_components_at_random(pipeline):
    def made(lost_share):
        return [
            one.record
            for one in pipeline.records.synthetic(
                4, 0, pipeline.records.Shares(lost_share=lost_share), rate_hz=100.0, seed=0
            )
        ]

    for whole, record in zip(made(0.0), made(1.0), strict=True):
        lost = whole.present & ~record.present
        assert lost.sum() == whole.present.all()
        assert not record.data[~record.present].any()
        assert (record.data[record.present] == whole.data[record.present]).all()


@pytest.fixture
def labelled(make_record):
    """A minute of 100 Hz with P after 20 and S after 25 s."""
    record = make_record(np.random.default_rng(0).normal(size=(3, 6000)))
    pick = partial(Pick, "GE", "APE", "", "HH")
    at = [record.start_ns + second * 1_000_000_000 for second in (20, 25)]
    return LabelledRecord(record, tuple(pick(phase, ns) for phase, ns in zip("PS", at, strict=True)), "a")


@pytest.mark.parametrize("name", ["spikes", "filled gaps", "hum", "coarse digits", "clipped"])
def test_a_fault_changes_the_samples_and_nothing_else(name, pipeline, labelled):
    found = pipeline.faults.faulty(labelled, np.random.default_rng(1), [name])
    assert found.picks == labelled.picks
    assert found.record.start_ns == labelled.record.start_ns
    assert found.record.data.shape == labelled.record.data.shape
    assert np.isfinite(found.record.data).all()
    assert (found.record.data != labelled.record.data).any()


def test_what_each_fault_does(pipeline, labelled):
    def differing(name, seed):
        found = pipeline.faults.faulty(labelled, np.random.default_rng(seed), [name]).record.data
        return found, (found != labelled.record.data).any(axis=0)

    for seed in range(20):
        assert differing("spikes", seed)[1].sum() <= 8 * 3
        assert not differing("filled gaps", seed)[1][[2000, 2500]].any()
        data, _ = differing("coarse digits", seed)
        step = np.diff(np.unique(data)).min()
        assert 0.2 < step < 4.0  # of noise of deviation 1
        np.testing.assert_allclose(data / step, np.round(data / step), rtol=0.0, atol=1e-3)
        data, _ = differing("clipped", seed)
        assert np.abs(data).max() < np.abs(labelled.record.data).max()


def test_a_tapered_record_rises_from_zero_and_falls_to_it(pipeline, labelled):
    shifted = replace(labelled, record=replace(labelled.record, data=labelled.record.data + 1000))
    for seed in range(20):
        found = pipeline.faults.tapered(shifted, np.random.default_rng(seed)).record.data
        freed = shifted.record.data - shifted.record.data.mean(axis=1, keepdims=True)
        assert not found[:, [0, -1]].any()
        np.testing.assert_allclose(found[:, 800:5200], freed[:, 800:5200], atol=1e-3)
        assert (np.abs(found) <= np.abs(freed) + 1e-3).all()


def test_a_record_is_cut_around_its_onsets(pipeline, labelled):
    found = pipeline.faults.cut(labelled, before_s=3.0, after_s=10.0)
    assert found.record.data.shape == (3, 1800)
    assert found.record.start_ns == labelled.record.start_ns + 17_000_000_000
    assert (found.record.data == labelled.record.data[:, 1700:3500]).all()
    assert pipeline.faults.cut(labelled, before_s=3.0, after_s=2.0) is labelled  # ten seconds are too short
    noise = LabelledRecord(labelled.record, (), "", is_noise=True)
    assert pipeline.faults.cut(noise, before_s=3.0) is noise


def with_impulse(make_record, onset, event, size, **codes):
    """120 s of noise with P at a sample, where a step of a size stands."""
    data = np.random.default_rng(onset).normal(size=(3, 12000))
    data[:, onset] += size
    record = make_record(data, **codes)
    return LabelledRecord(record, (Pick("GE", "APE", "", "HH", "P", record.start_ns + onset * 10_000_000),), event)


@pytest.mark.parametrize("onset", [2900, 5000], ids=["noise mirrored", "noise enough"])
def test_a_pair_holds_both_earthquakes_where_its_picks_say(onset, pipeline, make_record):
    first, second = with_impulse(make_record, 3000, "a", 500.0), with_impulse(make_record, onset, "b", 200.0)
    found = pipeline.pairs.pair(first, second, 40.0)
    record = found.record
    samples = [(pick.time_ns - record.start_ns) / 1e7 for pick in found.picks]
    assert samples == [2800, 6800]
    largest = np.argsort(np.abs(record.data[0]))[-2:][::-1]
    assert list(largest) == samples
    level = pipeline.pairs.noise_level
    louder = level(first.record).mean() / level(second.record).mean()
    assert record.data[0, 6800] == pytest.approx(200.0 * louder, abs=10.0)
    assert np.std(record.data[:, :2700]) == pytest.approx(np.sqrt(2.0), rel=0.1)


def test_pairs_are_of_different_events_with_noise_enough(pipeline, make_record):
    records = [
        with_impulse(make_record, onset, event, 100.0) for onset, event in ((3000, "a"), (3100, "b"), (2000, "c"))
    ]
    found = pipeline.pairs.paired(records)
    assert len(found) == 2
    for one in found:
        first, second = (pick.time_ns for pick in one.picks)
        assert 5.0 <= (second - first) / 1e9 <= 55.0
    assert not pipeline.pairs.paired([records[0], replace(records[1], event_id="a")])
