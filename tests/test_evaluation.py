"""A model is judged, trained further and used for mining only on windows that were made as its own."""

import csv
import json
import tracemalloc
from dataclasses import fields, replace

import numpy as np
import obspy
import pytest
from click.testing import CliRunner

from seisnet import plots
from seisnet.cli import cli
from seisnet.config import PreprocessConfig, TrainConfig, to_json
from seisnet.errors import DataError
from seisnet.features import extract
from seisnet.formats.picks import write_picks
from seisnet.model import Model
from seisnet.picks import Pick
from seisnet.preprocessing.job import preprocess
from seisnet.report.evaluation import evaluation_figures, evaluation_section, worst_mistakes, write_evaluation
from seisnet.scoring.breakdown import of_record
from seisnet.scoring.evaluation import evaluate
from seisnet.scoring.given_windows import RECIPE
from seisnet.scoring.metrics import reliability
from seisnet.training.fitting import fit
from seisnet.training.labelled_sets import make_windows
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import Selection
from tests import clouds
from tests.stations import GALPERIN, geophone, write_stations

START_NS = 1_577_836_800 * NS_PER_S
OUTSIDE = {
    "noise_gap_s": 1.0, "noise_windows": 4, "coda_windows": 5, "shifts": 3, "shift_s": 0.1, "excerpts": False,
    "excerpt_s": 20.0, "noise_ratio": 3.0, "link_s": 5.0, "mix_share": 0.5, "mix_snr_db": (1.0, 2.0),
    "overlay_share": 0.5, "overlay_db": (1.0, 2.0), "gain_db": 3.0, "flip_share": 0.5, "drop_share": 0.5,
    "gap_share": 0.5, "gap_s": 0.5, "mine_threshold": 0.1, "mine_windows": 3, "mine_weight": 2.0, "class_windows": 3,
    "split": (0.8, 0.1, 0.1), "split_by": "event", "seed": 5,
}  # fmt: skip
"""Another value of every setting that says which windows there are, or alters copies for training."""


def made_with(windows, **settings):
    """The same windows, said to be made with other settings."""
    config = replace(PreprocessConfig(**windows.info.config), **settings)
    return replace(windows, info=replace(windows.info, attributes={"config": to_json(config)}))


def test_every_setting_is_of_the_recipe_or_changes_no_window(quakes):
    assert {field.name for field in fields(PreprocessConfig)} == {*RECIPE, *OUTSIDE, "class_names"}

    def found(config):
        rows = make_windows([quakes.train[:4]], config).rows
        own = rows.take(~rows.augmented)
        return dict(zip(zip(own.trace_id, own.start_ns.tolist(), strict=True), own.x, strict=True))

    expected = found(quakes.config)
    for name, value in OUTSIDE.items():
        other = found(replace(quakes.config, **{name: value}))
        same = expected.keys() & other.keys()
        assert len(same) >= 8, name
        for key in same:
            np.testing.assert_array_equal(other[key], expected[key], err_msg=name)


@pytest.mark.parametrize(("setting", "value"), [("response", "velocity"), ("hop_s", 0.1), ("freqmin_hz", 2.6)])
def test_windows_of_another_recipe_are_neither_judged_nor_learned(setting, value, quakes, quake_model):
    windows = made_with(quakes.windows, **{setting: value})
    told = f"windows were made with {setting} = {value}, model quakes needs {getattr(quakes.config, setting)}"
    with pytest.raises(DataError, match=told):
        evaluate(quake_model, windows)
    with pytest.raises(DataError, match=told):
        fit(windows, TrainConfig(**quake_model.layers), init=quake_model)


def test_windows_that_do_not_name_a_setting_were_made_with_its_default(quakes, quake_model):
    config = {name: value for name, value in quakes.windows.info.config.items() if name != "response"}
    older = replace(quakes.windows, info=replace(quakes.windows.info, attributes={"config": json.dumps(config)}))
    assert evaluate(quake_model, older).metrics() == evaluate(quake_model, quakes.windows).metrics()


@pytest.mark.parametrize("classes", [("S", "P", "noise"), ("P", "noise"), ("P", "S", "noise", "blast")])
def test_windows_of_other_classes_or_of_the_same_in_another_order_are_refused(classes, quakes, quake_model):
    windows = replace(quakes.windows, info=replace(quakes.windows.info, classes=classes))
    with pytest.raises(DataError, match="windows have the classes"):
        evaluate(quake_model, windows)
    with pytest.raises(DataError, match="windows have the classes"):
        fit(windows, TrainConfig(**quake_model.layers), init=quake_model)


@pytest.mark.parametrize(("column", "value"), [("x", np.nan), ("y", 3), ("group", 10**6)])
def test_windows_that_were_altered_in_memory_are_checked(column, value, quakes, quake_model, monkeypatch):
    monkeypatch.setattr("seisnet.scoring.given_windows.RUN_ROWS", 10)
    altered = getattr(quakes.windows.rows, column).copy()
    altered[-1] = value
    windows = replace(quakes.windows, rows=replace(quakes.windows.rows, **{column: altered}))
    for ask in (lambda: evaluate(quake_model, windows, split="all"), lambda: fit(windows)):
        with pytest.raises(DataError, match=f"windows: {column} holds"):
            ask()


def test_figures_are_of_all_windows_that_are_not_altered_copies(quakes, quake_model):
    rows, n = quakes.windows.rows, np.arange(len(quakes.windows.rows))
    rows = replace(rows, augmented=n % 3 == 0, snr_db=np.where(rows.y == 2, np.nan, n).astype(np.float32))
    rows = replace(rows, y=np.where(n % 7 == 0, (rows.y + 1) % 3, rows.y))  # which makes mistakes
    found = evaluate(quake_model, replace(quakes.windows, rows=rows), split="all")
    own, p = rows.take(~rows.augmented), found.probabilities
    np.testing.assert_array_equal(p, quake_model.predict_proba(own.x))
    right = p.argmax(axis=1) == own.y
    mistakes = found.mistakes(len(own))
    assert sorted(mistakes) == np.flatnonzero(~right).tolist() and len(mistakes) > 20
    assert (np.diff(p.max(axis=1)[mistakes]) <= 0).all()
    assert found.calibration.ece == reliability(p.max(axis=1), right).ece
    low, high = found.macro_f1_interval
    assert low < found.scores.macro_f1 < high
    of_records = of_record(own.snr_db, own.group, own.trace_id.tolist())
    assert found.breakdowns["snr_db"].left_out == np.isnan(of_records).sum() < np.isnan(own.snr_db).sum()
    figures = found.metrics()
    for k, name in enumerate(found.classes):
        assert figures["classes"][name]["windows"] == (own.y == k).sum()
        by_bin = np.array(figures["f1_by"]["snr_db"]["f1"][name], dtype=np.float64)
        np.testing.assert_array_equal(by_bin, found.breakdowns["snr_db"].f1[:, k])
    of_dev = evaluate(quake_model, replace(quakes.windows, rows=rows), split="dev")
    assert len(of_dev.rows) == (own.split == 1).sum() and not of_dev.rows.augmented.any()
    assert of_dev.metrics()["groups"] == len(set(own.group[own.split == 1]))
    scaled = (own.x[found.embedded] - quake_model.stored.mean) / quake_model.stored.scale
    np.testing.assert_array_equal(found.activations, quake_model.networks[0].hidden(scaled))

    of_one_event = replace(quakes.windows, rows=replace(rows, group=np.zeros_like(rows.group)))
    of_one = evaluate(quake_model, of_one_event, split="all")
    assert np.isnan(of_one.macro_f1_interval).all()
    assert f"(95 % interval {low:.3f} to {high:.3f} over events)" in evaluation_section(found, quake_model, []).text
    assert "(too few events, or mistakes, for an interval)" in evaluation_section(of_one, quake_model, []).text
    no_s = replace(quakes.windows, rows=rows.take(rows.y != 1))
    assert [*evaluate(quake_model, no_s, split="all").roc] == ["P", "noise"]
    only_p = evaluate(quake_model, replace(quakes.windows, rows=rows.take(rows.y == 0)), split="all")
    assert not only_p.roc and not only_p.precision_recall


def test_a_model_says_which_onsets_of_new_windows_it_has_learned_from(quakes, quake_model, small_training):
    rows = quakes.windows.rows
    onsets = rows.take((rows.y != quakes.windows.info.classes.index("noise")) & (rows.split == 0))
    assert len(quake_model.stored.learned) == len(set(zip(onsets.trace_id, onsets.group, onsets.y, strict=True)))
    assert evaluate(quake_model, quakes.windows, split="dev").known_share == 0
    own = evaluate(quake_model, quakes.windows, split="train")
    assert own.known_share == own.metrics()["known_share"] == 1
    assert not own.caveat  # its user asked for that split

    made_anew = replace(quakes.windows, rows=replace(rows, split=2 - rows.split))
    found = evaluate(quake_model, made_anew)
    assert found.caveat.startswith("the model has learned from 100% of the onsets in the test split")
    assert evaluate(quake_model, made_anew, split="all").caveat.endswith("in the all split, so that scores flatter it")
    made_anew = replace(quakes.windows, rows=replace(rows, split=(rows.split + 1) % 3))
    told = []
    fit(made_anew, replace(small_training, epochs=1, context=False, onset=False), init=quake_model, say=told.append)
    assert any("onsets in the dev split" in line for line in told)

    later = replace(rows, start_ns=rows.start_ns + 10**9)
    assert evaluate(quake_model, replace(quakes.windows, rows=later), split="all").known_share == 0
    made_anew = replace(quakes.windows, rows=replace(rows, split=2 - rows.split))
    unsaid = Model("older", replace(quake_model.stored, learned=quake_model.stored.learned[:0]))
    assert np.isnan(evaluate(unsaid, made_anew).known_share)
    assert not evaluate(unsaid, made_anew).caveat


@pytest.mark.parametrize(("rate_hz", "response"), [(100.0, "none"), (50.0, "none"), (100.0, "velocity")])
def test_the_gallery_of_mistakes_shows_what_the_windows_were_cut_from(
    rate_hz, response, tmp_path, make_trace, noise, untrained_model
):
    path = write_stations(
        tmp_path / "s.xml", *((f"HH{letter}", *axis, 0, 9) for letter, axis in GALPERIN.items()), response=geophone()
    )
    traces = [make_trace(noise(6000, k), f"GE.APE..HH{letter}", rate_hz=rate_hz) for k, letter in enumerate(GALPERIN)]
    obspy.Stream(traces).write(str(tmp_path / "a.mseed"), format="MSEED")
    picks = [Pick("GE", "APE", "", "HH", of, START_NS + at * NS_PER_S) for of, at in (("P", 20), ("S", 30))]
    write_picks(picks, tmp_path / "p.csv")
    sources, labels = [tmp_path / "a.mseed"], [tmp_path / "p.csv"]
    config = PreprocessConfig(split=(1.0, 0.0, 0.0), response=response)
    windows = preprocess(sources, labels, config, inventory=[path])
    model = Model("m", replace(untrained_model.stored, preprocess=windows.info.config))
    found = evaluate(model, windows, split="train")
    mistakes = worst_mistakes(found, windows.info)
    assert mistakes
    for mistake in mistakes:
        samples, present = mistake.samples[None], np.ones((1, 3), dtype=bool)
        [x] = extract(model.feature, samples, present, np.array([rate_hz / 2]))
        np.testing.assert_allclose(x, mistake.x, atol=1e-3)
    path.unlink()
    assert all(mistake.samples is None for mistake in worst_mistakes(found, windows.info))


def test_the_gallery_of_mistakes_draws_what_was_selected(tmp_path, make_trace, noise, untrained_model):
    stream = obspy.Stream([make_trace(noise(6000, k), f"GE.APE..HH{c}") for k, c in enumerate("ZNE")])
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    write_picks([Pick("GE", "APE", "", "HH", "P", START_NS + 20 * NS_PER_S)], tmp_path / "p.csv")
    config, selection = PreprocessConfig(split=(1.0, 0.0, 0.0)), Selection(("*.APE..HHZ", "GE.APE..HHE"))
    windows = preprocess([tmp_path / "a.mseed"], [tmp_path / "p.csv"], config, selection=selection)
    model = Model("m", replace(untrained_model.stored, preprocess=windows.info.config))
    mistakes = worst_mistakes(evaluate(model, windows, split="train"), windows.info)
    assert mistakes and all(m.samples.any(axis=1).tolist() == [True, False, True] for m in mistakes)


def test_evaluation_takes_paths(rng, tmp_path):
    windows = clouds.make_windows(rng)
    path = clouds.write(windows, tmp_path / "w.h5")
    model, _ = fit(path, clouds.SMALL, checkpoint=str(tmp_path / "c"))
    model.save(tmp_path / "m.h5")
    whole = evaluate(model, windows, split="dev").probabilities
    np.testing.assert_array_equal(evaluate(str(tmp_path / "m.h5"), str(path), split="dev").probabilities, whole)
    assert (tmp_path / "c").exists()


def test_scores_of_a_class_with_a_comma_in_its_name_are_one_row(rng, tmp_path):
    windows = clouds.make_windows(rng)
    info = replace(windows.info, classes=("quake, local", "S", "noise"))
    path = clouds.write(replace(windows, info=info), tmp_path / "w.h5")
    fit(path, clouds.SMALL)[0].save(tmp_path / "m.h5")
    judged = ["evaluate", tmp_path / "m.h5", path, "-o", tmp_path / "e", "--split", "dev", "-q"]
    result = CliRunner().invoke(cli, [*map(str, judged)], catch_exceptions=False)
    table = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["class"] for row in table] == ["quake, local", "S", "noise", "macro"]
    assert sum(int(row["windows"]) for row in table[:3]) == int(table[3]["windows"])


def test_evaluation_of_a_file_holds_the_windows_that_it_judges_alone(rng, tmp_path):
    windows = clouds.make_windows(rng, n=6000, config=PreprocessConfig())  # of many features
    model, _ = fit(windows, replace(clouds.SMALL, epochs=1))
    path = clouds.write(windows, tmp_path / "w.h5")
    tracemalloc.start()
    found = evaluate(model, path, split="dev")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(found.rows.x, windows.split("dev").x)
    of_all = windows.rows.x.nbytes
    assert peak_bytes < of_all


def test_an_evaluation_says_that_it_is_of_the_first_stage_and_at_its_top_what_flatters_it(
    quake_model, quakes, tmp_path, monkeypatch
):
    info, page = quakes.windows.info, tmp_path / "report.html"
    found = replace(evaluate(quake_model, quakes.windows, split="dev"), breakdowns={})
    monkeypatch.setattr("seisnet.report.evaluation.worst_mistakes", lambda *_: [])
    figures = evaluation_figures(found, quake_model, info)
    assert "dot at" not in plots.svg(figures["roc"])  # thresholds are of the last stage
    monkeypatch.setattr("seisnet.report.evaluation.evaluation_figures", lambda *_: {})
    write_evaluation(found, quake_model, info, tmp_path)
    assert "the window network alone" in page.read_text() and '<ul class="lead">' not in page.read_text()
    write_evaluation(replace(found, split="test", known_share=1.0), quake_model, info, tmp_path)
    page = page.read_text()
    assert page.index("<li>Note: the model has learned from 100% of the onsets") < page.index("<h2>")
