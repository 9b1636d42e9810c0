"""The whole job as a user types it: data set, windows, model, picks, scores, reports, and what interrupts it."""

import csv
import json
import os
import shutil
import subprocess
import sys
import time

import h5py
import numpy as np
import obspy
import pytest
from click.testing import CliRunner

from seisnet.classification.job import classify
from seisnet.classification.views import VIEW_AFTER_S, VIEW_BEFORE_S
from seisnet.cli import cli, console
from seisnet.errors import ConfigError, DataError, FormatError, NothingUsableError, SeisnetError
from seisnet.formats.own_csv import CSV_COLUMNS, read_picks_csv
from seisnet.formats.picks import read_picks
from seisnet.model import load_model
from seisnet.report.viewer import open_picked
from seisnet.review.answers import Answer, Answers
from seisnet.waveforms.records import DAMAGED
from seisnet.waveforms.selection import Selection
from tests.commands import run


def test_scores_that_are_undefined_are_empty(job, tmp_path):
    shutil.copy(job / "model.h5", tmp_path / "noise.h5")
    with h5py.File(tmp_path / "noise.h5", "r+") as file:
        file["stages/0/theta"][..., -1] = 1e3  # the bias of noise: nothing is called P or S
    evaluated = run("evaluate", tmp_path / "noise.h5", job / "windows.h5", "-o", tmp_path / "evaluation", "-q")
    rows = list(csv.DictReader(evaluated.stdout.splitlines()))
    assert [row["precision"] == "" for row in rows] == [True, True, False, True]


def test_preprocess_train_evaluate_classify_score(job, tmp_path):
    evaluated = run("evaluate", job / "model.h5", job / "windows.h5", "-o", tmp_path / "evaluation")
    rows = list(csv.DictReader(evaluated.stdout.splitlines()))
    assert [row["class"] for row in rows[:3]] == ["P", "S", "noise"]
    assert float(rows[3]["f1"]) > 0.7
    metrics = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    assert metrics["macro_f1"] == pytest.approx(float(rows[3]["f1"]), abs=1e-4)
    assert sum(map(sum, metrics["confusion"])) == metrics["windows"]
    assert {"snr_db", "s_minus_p_s", "distance_km"} == set(metrics["f1_by"])
    names = {str(path.relative_to(tmp_path / "evaluation")) for path in (tmp_path / "evaluation").rglob("*.*")}
    drawn = ["confusion", "roc", "precision_recall", "reliability", "first_layer", "embedding", "mistakes"]
    drawn += ["training", "training_context", "training_onset"]
    assert {"report.html", *(f"figures/{name}.{kind}" for name in drawn for kind in ("svg", "png"))} <= names

    picks = tmp_path / "picks.csv"
    classify = ("classify", job / "day.mseed", "--model", job / "model.h5", "--threshold", "P=0.5")
    run(*classify, "-o", picks, "--report", tmp_path / "report", "--views", 2)
    lines = picks.read_text().splitlines()
    assert lines[0] == ",".join(CSV_COLUMNS)
    assert lines[1:] == sorted(lines[1:], key=lambda line: line.split(",")[5])
    assert (tmp_path / "report" / "picks.csv").read_bytes() == picks.read_bytes()
    assert obspy.read_events(str(tmp_path / "report" / "picks.xml"))

    scored = run("score", picks, job / "analyst.csv")
    table = {row["phase"]: row for row in csv.DictReader(scored.stdout.splitlines())}
    assert float(table["P"]["recall"]) >= 0.5
    assert int(table["P"]["matched"]) <= int(table["P"]["reference"])


def test_reports_remember_what_plot_report_and_review_need(job, tmp_path):
    picks, report = tmp_path / "picks.csv", tmp_path / "report"
    run("classify", job / "day.mseed", "--model", job / "model.h5", "-o", picks, "--report", report, "--views", 2, "-q")
    known = json.loads((report / "metrics.json").read_text())
    assert known["sources"] == [str(job / "day.mseed")] and known["model"] == str(job / "model.h5")
    n_picks = len(picks.read_text().splitlines()) - 1
    assert known["picks"] == sum(row["picks"] for row in known["picks_by_station"]) == n_picks > 2
    assert (report / "figures" / "availability.png").exists()
    shown = read_picks_csv(picks)[-1].pick_id
    for option in ("--pick", "--section", "--day"):
        run("plot", report, option, shown, "-o", tmp_path / f"{option}.svg")
        assert "<svg" in (tmp_path / f"{option}.svg").read_text()
    run("plot", picks, "--waveforms", job / "day.mseed", "--pick", shown, "-o", tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ConfigError, match="use overwrite=True"):
        run("plot", report, "--pick", shown, "-o", tmp_path / "a.pdf")
    with pytest.raises(ConfigError, match="names no format"):
        run("plot", report, "--pick", "none that could be drawn", "-o", tmp_path / "a.gif")
    with pytest.raises(DataError, match="no pick has the ID 'x'"):
        run("plot", report, "--pick", "x")
    with pytest.raises(ConfigError, match="--waveforms"):
        run("plot", picks, "--pick", shown)
    with pytest.raises(DataError, match="not a folder written by classify --report"):
        run("plot", tmp_path, "--pick", shown)
    for command in (("report", report), ("review", report)):
        result = CliRunner().invoke(cli, list(map(str, command)))
        assert result.exit_code == 2 and "--serve" in result.output
    assert CliRunner().invoke(cli, ["plot", str(report)]).exit_code == 2


@pytest.mark.parametrize("source", ["day.mseed", "set"])
def test_what_is_drawn_of_a_report_is_what_was_picked(source, job, tmp_path):
    """Not the components and times that were not selected."""
    end = obspy.UTCDateTime(ns=read_picks(job / ("analyst.csv" if source == "day.mseed" else "set"))[-3].time_ns) + 20
    selection, model = Selection(("*.*.*.??Z",), end_ns=end.ns), load_model(job / "model.h5")
    select = ["--select", *selection.patterns, "--endtime", end]
    files = ["--model", job / "model.h5", "-o", tmp_path / "picks.csv", "--report", tmp_path / "report"]
    run("classify", job / source, *files, *select, "-q")
    known = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert known["selection"] == {"patterns": [*selection.patterns], "end_ns": end.ns}
    picked = open_picked(tmp_path / "report")
    found = classify([str(job / source)], model, most_views=100, selection=selection)
    assert len(found.views) > 1
    for expected in found.views[-2:]:
        view = picked.around(expected.picks[0], before_s=VIEW_BEFORE_S, after_s=VIEW_AFTER_S)
        assert view.start_ns == expected.start_ns
        assert [p.pick_id for p in view.picks] == [p.pick_id for p in expected.picks]
        n = expected.data.shape[1]  # the last sample of a view is within the time or just behind it
        assert n <= view.data.shape[1] <= n + 1
        np.testing.assert_array_equal(view.data[:, :n], expected.data)
        np.testing.assert_allclose(view.probabilities, expected.probabilities, atol=1e-5)
        assert view.data[0].any() and not view.data[1:].any()


@pytest.mark.parametrize("command", [["plot", "--day"], ["report", "--serve"], ["review", "--serve"]])
def test_what_draws_says_first_what_it_does_not_use(command, labelled, tmp_path, monkeypatch):
    monkeypatch.setattr(console, "run_server", lambda server, tell: None)
    obspy.read_inventory().write(str(tmp_path / "stations.xml"), format="STATIONXML")
    (tmp_path / "broken.mseed").write_bytes(b"no waveforms")
    answers = shutil.copy(labelled.csv, tmp_path / "picks.csv")
    shown = [labelled.picks[0].pick_id] if command[0] == "plot" else []
    sources = [option for path in (labelled.dataset, tmp_path / "broken.mseed") for option in ("--waveforms", path)]
    output = tmp_path / "a.svg" if shown else tmp_path / "answers.csv"
    output = [] if command[0] == "report" else ["-o", output]
    said = run(*command, *shown, answers, *sources, "--inventory", tmp_path / "stations.xml", *output).stderr
    assert f"station metadata do not apply to a data set, which names its components: {labelled.dataset}" in said
    assert said.count("broken.mseed: not a waveform format") == 1


def test_a_data_set_is_a_reference(job, tmp_path):
    run("classify", job / "set", "--model", job / "model.h5", "-o", tmp_path / "picks.csv", "-q")
    scored = run("score", tmp_path / "picks.csv", job / "set")
    table = {row["phase"]: row for row in csv.DictReader(scored.stdout.splitlines())}
    assert int(table["P"]["reference"]) > 50
    assert float(table["P"]["recall"]) >= 0.5


def test_picks_where_nothing_sets_in_are_doubted(labelled, tmp_path):
    """The P of every record, and times six seconds before, as a clock that is wrong would say them."""
    for shift_s in (0, -6):
        rows = [
            f"{p.network},{p.station},{obspy.UTCDateTime(ns=p.time_ns) + shift_s},P\n"
            for p in labelled.picks
            if p.phase == "P"
        ]
        (tmp_path / "p.csv").write_text("network,station,time,phase\n" + "".join(rows))
        output = tmp_path / f"{shift_s}.h5"
        done = run("preprocess", labelled.files, "--labels", tmp_path / "p.csv", "-o", output)
        assert len(rows) >= 10
        assert ("most P picks show no onset" in done.stderr) == bool(shift_s)


def test_scores_have_a_report_with_residuals(job, tmp_path):
    run("classify", job / "day.mseed", "--model", job / "model.h5", "-o", tmp_path / "picks.csv", "-q")
    scored = run("score", tmp_path / "picks.csv", job / "analyst.csv", "-o", tmp_path / "score")
    table = {row["phase"]: row for row in csv.DictReader(scored.stdout.splitlines())}
    metrics = json.loads((tmp_path / "score" / "metrics.json").read_text())
    assert metrics["phases"]["P"]["matched"] == int(table["P"]["matched"])
    assert metrics["phases"]["P"]["mae_s"] == pytest.approx(float(table["P"]["mae_s"]), abs=1e-3)
    assert {"residuals.svg", "residuals.png"} == {path.name for path in (tmp_path / "score" / "figures").iterdir()}


def test_what_is_not_defined_is_empty_in_the_scores_of_an_evaluation(job, tmp_path):
    shutil.copy(job / "windows.h5", tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        split = file["split"][:]
        split[(split == 2) & (file["y"][:] == 1)] = 0
        file["split"][:] = split
    scores = run("evaluate", job / "model.h5", tmp_path / "w.h5", "-o", tmp_path / "e").stdout.splitlines()
    name, _, recall, _, windows = scores[2].split(",")
    assert (name, recall, windows) == ("S", "", "0")
    assert "nan" not in "".join(scores)


def test_inspect_draws_an_audit_sheet(job, tmp_path):
    run("inspect", job / "windows.h5", "--plot", tmp_path / "audit")
    names = {path.name for path in (tmp_path / "audit" / "figures").glob("*.svg")}
    assert names == {"counts.svg", "snr.svg", "class_0.svg", "class_1.svg", "class_2.svg"}
    page = (tmp_path / "audit" / "report.html").read_text()
    assert page.count("<figure") == 5 and "Rejections and remarks" in page
    assert "Features logspec, split by event and station." in page
    with pytest.raises(ConfigError, match="use overwrite=True"):
        run("inspect", job / "windows.h5", "--plot", tmp_path / "audit")
    with pytest.raises(FormatError, match="seisnet-windows file is needed"):
        run("inspect", job / "model.h5", "--plot", tmp_path / "other")


def test_reviewed_picks_are_labels_again(job, tmp_path):
    """Review, retrain, classify again is one loop."""
    run("classify", job / "day.mseed", "--model", job / "model.h5", "-o", tmp_path / "picks.csv", "-q")
    picks = read_picks_csv(tmp_path / "picks.csv")
    reviewed = tmp_path / "picks.reviewed.csv"
    with Answers(reviewed) as answers:
        for k, pick in enumerate(picks):
            answers.add(pick, Answer(pick.pick_id, "rejected" if k % 3 == 2 else "accepted", pick.phase, pick.time_ns))
    run("preprocess", job / "day.mseed", "--labels", reviewed, "-o", tmp_path / "again.h5", "--split", "1,0,0", "-q")
    with h5py.File(tmp_path / "again.h5") as file:
        own = (file["y"][:] < 2) & ~file["augmented"][:]
        centres = file["start_ns"][:][own] + 2 * 10**9 + (file["onset_s"][:][own].astype(float) * 1e9).astype(np.int64)
        assert np.isfinite(file["snr_db"][:][own]).mean() > 0.9
        assert np.isnan(file["snr_db"][:][~own]).all()
    kept = [pick.time_ns for k, pick in enumerate(picks) if k % 3 != 2]
    assert all(min(abs(time_ns - centre) for time_ns in kept) < 10**7 for centre in centres)
    assert len(centres) > len(kept) / 2


def test_classify_twice_gives_the_same_bytes_and_touches_no_existing_output(job, tmp_path):
    for name in ("a.csv", "b.csv"):
        run("classify", job / "day.mseed", "--model", job / "model.h5", "-o", tmp_path / name, "-q")
    before = (tmp_path / "a.csv").read_bytes()
    assert before == (tmp_path / "b.csv").read_bytes()
    with pytest.raises(ConfigError, match="use overwrite=True"):
        run(
            "classify", job / "day.mseed", "--model", job / "model.h5", "-o", tmp_path / "a.csv", "--threshold", "P=0.9"
        )
    assert (tmp_path / "a.csv").read_bytes() == before


def test_no_picks_still_write_a_file_and_say_why(job, tmp_path):
    picks = tmp_path / "none.csv"
    result = run(
        *("classify", job / "day.mseed", "--model", job / "model.h5", "-o", picks),
        *("--threshold", "P=1", "--threshold", "S=1"),
    )
    assert picks.read_text() == ",".join(CSV_COLUMNS) + "\n"
    assert "no probability reached its threshold" in result.stderr


def test_quakeml_out(job, tmp_path):
    out = tmp_path / "picks.xml"
    run("classify", job / "day.mseed", "--model", job / "model.h5", "-o", out, "--format", "quakeml", "-q")
    picks = [pick for event in obspy.read_events(str(out)) for pick in event.picks]
    assert picks and all(pick.evaluation_mode == "automatic" for pick in picks)


def test_inspect_says_what_is_in_each_kind_of_file(job):
    assert "seisnet windows file" in run("inspect", job / "windows.h5").stdout
    model = run("inspect", job / "model.h5").stdout
    assert "570-64-3" in model and "thresholds: P" in model
    assert "MSEED file" in run("inspect", job / "day.mseed").stdout


def test_inspect_refuses_what_it_does_not_know(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        run("inspect", tmp_path / "missing")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    with pytest.raises(DataError, match="not a windows or model file"):
        run("inspect", tmp_path / "other.h5")
    (tmp_path / "text.txt").write_text("hello\n")
    with pytest.raises(DataError, match="not a waveform format"):
        run("inspect", tmp_path / "text.txt")


def test_a_training_that_was_killed_resumes_to_the_same_bytes(job, tmp_path):
    # Each in a process of its own, as users run it: `seisnet.kernels` chooses before NumPy is loaded.
    train = [sys.executable, "-m", "seisnet", "train", str(job / "windows.h5")]
    train += ["--config", str(job / "quick.toml"), "--epochs", "4", "-q"]
    subprocess.run([*train, "-o", str(tmp_path / "whole.h5")], check=True)
    killed = tmp_path / "killed.h5"
    checkpoint = tmp_path / ".killed.h5.training" / "checkpoint"
    process = subprocess.Popen([*train, "-o", str(killed)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert checkpoint.exists() and not killed.exists()
    with pytest.raises(ConfigError, match=r"an interrupted run left 1 part of it in .*; use resume=True"):
        run("train", job / "windows.h5", "-o", killed, "--config", job / "quick.toml", "--epochs", 4)
    subprocess.run([*train, "-o", str(killed), "--resume"], check=True)
    assert killed.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert not checkpoint.parent.exists()


def test_a_model_is_finished_only_with_the_settings_windows_and_first_weights_that_it_has(job, tmp_path, monkeypatch):
    shutil.copy(job / "model.h5", tmp_path / "m.h5")
    shutil.copy(job / "windows.h5", tmp_path / "w.h5")
    options = ["-o", tmp_path / "m.h5", "--config", job / "quick.toml", "--resume"]
    assert "is finished" in run("train", tmp_path / "w.h5", *options).stderr  # though the copy is younger
    others = [("w.h5", ["--epochs", 41]), ("w.h5", ["--init", job / "model.h5"]), ("other.h5", [])]
    with h5py.File(shutil.copy(job / "windows.h5", tmp_path / "other.h5"), "r+") as file:
        first_dev = int(np.flatnonzero(file["split"][:] == 1)[0])
        file["x"][first_dev, 0] += 1.0
    os.utime(tmp_path / "other.h5", (0, 0))
    for windows, more in others:
        with pytest.raises(ConfigError, match="was made with other settings, windows, initial weights or card"):
            run("train", tmp_path / windows, *options, *more)
    monkeypatch.setattr("seisnet.training.fitting.__version__", "0.0.1")
    with pytest.raises(ConfigError, match="or by another version of seisnet; choose another name"):
        run("train", tmp_path / "w.h5", *options)
    assert (tmp_path / "m.h5").read_bytes() == (job / "model.h5").read_bytes()


def test_a_file_that_is_put_in_the_place_of_an_interrupted_training_is_not_replaced_by_resume(job, tmp_path):
    train = ["train", job / "windows.h5", "-o", tmp_path / "m.h5", "--config", job / "quick.toml", "--resume"]
    (tmp_path / ".m.h5.training").mkdir()
    (tmp_path / ".m.h5.training" / "checkpoint").write_text("of a run that was killed")
    shutil.copy(job / "model.h5", tmp_path / "m.h5")
    with pytest.raises(ConfigError, match="was made with other settings"):
        run(*train, "--seed", 7)
    assert (tmp_path / "m.h5").read_bytes() == (job / "model.h5").read_bytes()


def test_an_overwrite_that_is_interrupted_before_anything_is_finished_goes_on_with_resume(job, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    shutil.copy(job / "model.h5", tmp_path / "m.h5")
    train = ["train", job / "windows.h5", "-o", tmp_path / "m.h5", "--config", job / "quick.toml", "--epochs", 1]
    with monkeypatch.context() as patch:
        patch.setattr("seisnet.training.fitting.fit", interrupt)
        assert CliRunner().invoke(cli, list(map(str, [*train, "--overwrite"]))).exit_code == 130
    run(*train, "--resume", "-q")
    assert (tmp_path / "m.h5").read_bytes() != (job / "model.h5").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["m.h5"]


def test_windows_of_another_recipe_are_refused(job, tmp_path):
    run("preprocess", job / "set", "-o", tmp_path / "raw.h5", "--features", "raw", "-q")
    with pytest.raises(DataError, match="features = raw, model model needs logspec"):
        run("evaluate", job / "model.h5", tmp_path / "raw.h5", "-o", tmp_path / "e")
    with pytest.raises(FormatError, match="seisnet-windows file; a seisnet-model file is needed"):
        run("evaluate", job / "windows.h5", job / "windows.h5", "-o", tmp_path / "e")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.mseed", b"", "the file is empty"),
        ("text.mseed", b"hello, world\n" * 100, "not a waveform format that ObsPy reads"),
    ],
)
def test_unusable_waveforms_are_one_line_with_status_3(job, tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NothingUsableError, match=says) as caught:
        run(
            "classify",
            tmp_path / name,
            "--model",
            job / "model.h5",
            "-o",
            tmp_path / "p.csv",
            "--report",
            tmp_path / "r",
        )
    assert caught.value.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "\n" not in str(caught.value)
    # Beside a good file it is counted, and the rest goes on.
    result = run("classify", tmp_path / name, job / "day.mseed", "--model", job / "model.h5", "-o", tmp_path / "p.csv")
    assert says in result.stderr


def test_a_truncated_file_is_read_as_far_as_possible(job, tmp_path):
    whole = (job / "day.mseed").read_bytes()
    (tmp_path / "half.mseed").write_bytes(whole[: len(whole) // 2 + 100])
    result = run("classify", tmp_path / "half.mseed", "--model", job / "model.h5", "-o", tmp_path / "p.csv")
    assert f"\n  {DAMAGED}{tmp_path / 'half.mseed'}: " in result.stderr  # not among what was not used


def test_a_dry_run_prints_the_plan_and_writes_nothing(job, tmp_path):
    result = run("preprocess", job / "set", "-o", tmp_path / "w.h5", "--dry-run")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("sources: 1; their windows, before augmented ones of dev and test are left out")
    assert any(line.startswith("windows: ") for line in lines)
    assert any(line.startswith("  train: P ") for line in lines)
    assert lines[-1].startswith("size: about ")
    assert list(tmp_path.iterdir()) == []
    assert run("preprocess", job / "set", "--dry-run").stdout == result.stdout
    without = CliRunner().invoke(cli, ["preprocess", str(job / "set")])
    assert without.exit_code == 2
    assert "Missing option '-o' / '--output'" in without.output


def test_a_dry_run_counts_the_sources_that_the_run_counts(job, tmp_path):
    for trace in obspy.read(str(job / "day.mseed")):
        trace.write(str(tmp_path / f"{trace.id}.mseed"), format="MSEED")
    n = len(list(tmp_path.iterdir()))
    what = ("preprocess", tmp_path, "--labels", job / "analyst.csv", "--split", "1,0,0", "-o", tmp_path / "w.h5")
    assert run(*what, "--dry-run").stdout.startswith(f"sources: {n}, read in 1 portion; their windows, before ")
    assert f" from {n} sources, " in run(*what).stderr


@pytest.mark.parametrize("name", ["none/w.h5", "/proc/w.h5", "there.h5", "half.h5"])
def test_a_dry_run_refuses_what_the_run_would(name, job, tmp_path):
    (tmp_path / "there.h5").write_bytes(b"precious")
    (tmp_path / ".half.h5.work").mkdir()
    (tmp_path / ".half.h5.work" / "shard.h5").touch()
    said = []
    for more in ([], ["--dry-run"]):
        with pytest.raises(SeisnetError) as caught:
            run("preprocess", job / "set", "-o", tmp_path / name, *more)
        said.append((type(caught.value), str(caught.value)))
    assert said[0] == said[1]


def test_labels_without_waveform_are_told_by_station_and_one_by_one_with_v(job, tmp_path):
    stats = obspy.read(str(job / "day.mseed"), headonly=True)[0].stats
    times = [f"2019-01-01T00:00:{k}0" for k in range(3)]
    labels = [("XX", "OTHER", time) for time in times] + [(stats.network, stats.station, stats.starttime + 60)]
    (tmp_path / "p.csv").write_text("network,station,time,phase\n" + "".join(f"{n},{s},{t},P\n" for n, s, t in labels))
    files = (job / "day.mseed", "--labels", tmp_path / "p.csv", "-o", tmp_path / "w.h5")
    what = ("preprocess", *files, "--split", "1,0,0", "--overwrite")
    reason = "label at XX.OTHER.: no waveform of that station; the most similar are"
    plan, made = run(*what, "--dry-run"), run(*what)
    for told in (plan.stdout, made.stderr):
        [line] = [line for line in told.splitlines() if reason in line]
        assert "(3" in line
    plan, made = run(*what, "--dry-run", "-v"), run(*what, "-v")
    for told in (plan.stdout, made.stderr):
        assert sum(reason in line for line in told.splitlines()) == 3
        assert all(time in told for time in times)


def test_labels_far_from_the_waveforms_say_how_far(job, tmp_path):
    stats = obspy.read(str(job / "day.mseed"), headonly=True)[0].stats
    late = stats.endtime + 3 * 86400
    labels = tmp_path / "late.csv"
    labels.write_text(f"network,station,time,phase\n{stats.network},{stats.station},{late},P\nXX,OTHER,{late},P\n")
    with pytest.raises(NothingUsableError, match="3 days from the nearest waveform of that station") as caught:
        run("preprocess", job / "day.mseed", "--labels", labels, "-o", tmp_path / "w.h5")
    assert f"similar are {stats.network}.{stats.station}" in str(caught.value)
    assert not (tmp_path / "w.h5").exists()


def test_a_model_that_is_trained_further_keeps_its_layers_unless_others_are_asked_for(job, tmp_path):
    once = "[train]\nfolds = 2\nepochs = 1\ncontext_epochs = 1\nonset_epochs = 1\n"
    (tmp_path / "c.toml").write_text(once)
    further = ["train", job / "windows.h5", "--init", job / "model.h5", "--config", tmp_path / "c.toml", "-q", "-o"]
    run(*further, tmp_path / "m.h5")
    child, parent = (load_model(path) for path in (tmp_path / "m.h5", job / "model.h5"))
    assert child.layers == parent.layers
    assert child.stored.train["learning_rate"] == 0.002  # of a whole picker, which has much to lose
    with pytest.raises(ConfigError, match="has layers"):
        run(*further, tmp_path / "n.h5", "--hidden", "256,128")
    (tmp_path / "c.toml").write_text(once + "hidden = [32]\n")
    with pytest.raises(ConfigError, match=r"asks for hidden \(32,\)"):
        run(*further, tmp_path / "n.h5")


def test_settings_come_from_toml_and_options_go_before_it(job, tmp_path):
    first_stage = "epochs = 2\nhidden = [8]\ncontext = false\nonset = false\n"
    (tmp_path / "c.toml").write_text(f"[train]\n{first_stage}[preprocess]\nseed = 4\n")
    options = ("--config", tmp_path / "c.toml", "--epochs", 1)
    told = run("train", job / "windows.h5", "-o", tmp_path / "m.h5", *options).stderr
    scores = load_model(tmp_path / "m.h5").stored.metrics["dev_windows"]
    assert f"m.h5: 1 epoch, dev macro-F1 {scores['macro_f1']:.4f}" in told
    with h5py.File(tmp_path / "m.h5") as file:
        train = json.loads(file.attrs["train"])
        assert (train["epochs"], train["hidden"], len(file["history/epoch"])) == (1, [8], 1)


def test_picks_and_classes_are_not_scored_against_each_other(job, tmp_path):
    (tmp_path / "picks.csv").write_text("network,station,time,phase\nGE,A,0,P\n")
    (tmp_path / "classes.csv").write_text("network,station,time,class\nGE,A,0,rockfall\n")
    (tmp_path / "both.csv").write_text("network,station,time,phase,class\nGE,A,0,P,earthquake\n")
    for first, second, told in (
        (
            "picks",
            "classes",
            r"picks\.csv holds picks, \S+classes\.csv classes; compare picks with picks, classes with",
        ),
        ("classes", "picks", r"classes\.csv holds classes, \S+picks\.csv picks; compare"),
    ):
        with pytest.raises(DataError, match=told):
            run("score", tmp_path / f"{first}.csv", tmp_path / f"{second}.csv")
    with pytest.raises(DataError, match=r"holds classes, \S+ picks; compare"):
        run("score", tmp_path / "classes.csv", job / "set")
    for other, kind in (("picks", "phase"), ("classes", "class"), ("both", "phase")):
        assert run("score", tmp_path / "both.csv", tmp_path / f"{other}.csv").stdout.startswith(f"{kind},")
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file"):
        run("score", tmp_path / "classes.csv", tmp_path / "nowhere.csv")
    (tmp_path / "bytes.csv").write_bytes(b'"' + 200_000 * b"\xff\x00")
    with pytest.raises(DataError, match=r"bytes\.csv: not text in UTF-8"):
        run("score", tmp_path / "classes.csv", tmp_path / "bytes.csv")
    (tmp_path / "bars.csv").write_text("network|station|time|class\nGE|A|0|rockfall\n")
    with pytest.raises(DataError, match="here they are not separated by commas"):
        run("score", tmp_path / "classes.csv", tmp_path / "bars.csv")
