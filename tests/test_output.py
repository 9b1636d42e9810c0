"""Outputs of `classify`: refused before the scan where they can't be written, and never replaced unasked."""

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from seisnet.classification.one_source import SourceJob
from seisnet.classification.output import Output, is_finished, made_of, write_finished
from seisnet.cli import cli
from seisnet.errors import ConfigError
from seisnet.waveforms.sources import Source
from tests.bursts import MODEL
from tests.commands import run_classify


def test_a_finished_output_is_left_as_it_is_or_refused_with_what_differs(archive, tmp_path, monkeypatch):
    sources = shutil.copytree(archive / "data", tmp_path / "data", ignore=shutil.ignore_patterns("[1245].*"))
    output, report = tmp_path / "k.csv", tmp_path / "r"
    MODEL.save(tmp_path / "louder.h5")
    to = (sources, "-o", output, "--resume")
    what = (*to, "--model", tmp_path / "louder.h5", "--views", 1, "--report", report)
    assert run_classify(*what).returncode == 0
    shutil.rmtree(report)
    assert "nothing to resume" not in run_classify(*what).stderr
    assert (report / "report.html").exists()
    before = output.read_bytes(), output.stat().st_mtime_ns
    again = run_classify(*what, "--threshold", "P=0.6", "--hop", "0.2")  # which are the model's own
    assert (again.returncode, again.stderr) == (0, f"{output} is finished; nothing to resume\n")
    others = {
        "report, views": what[:-4],
        "coincidence": (*what, "--coincidence", 2),
        "probabilities": (*what, "--probabilities", tmp_path / "p.mseed"),
        "thresholds, format": (*what, "--threshold", "P=0.5", "--format", "pyocto"),
        "model": (*to, "--model", archive / "model.h5", *what[-4:]),
    }
    for differs, arguments in others.items():
        refused = run_classify(*arguments)
        assert refused.returncode == 2
        assert f"was made with other {differs}; choose another name, or use overwrite=True" in refused.stderr
    os.utime(sources / "3.mseed", (0, 0))
    assert "with other sources or station metadata (or their files have changed); " in run_classify(*what).stderr
    assert before == (output.read_bytes(), output.stat().st_mtime_ns)
    with monkeypatch.context() as patched:
        patched.setattr("seisnet.classification.output.__version__", "0.0.1")
        assert "version of seisnet; choose another name" in run_classify(*what).stderr
    output.write_text("moved by hand\n")
    assert "is not what a finished run left" in run_classify(*what).stderr
    assert output.read_text() == "moved by hand\n"


def test_what_was_changed_or_taken_away_since_a_run_has_finished_is_seen(tmp_path):
    job, output = SourceJob(MODEL), Output(tmp_path / "picks", "real", probabilities=tmp_path / "p.mseed")
    output.path.mkdir()
    for path in (output.path / "A.P.txt", output.probabilities):
        path.write_text("of a run")
    of = made_of([], job, output)
    write_finished(output.path, of)
    assert is_finished(output, of)
    output.probabilities.unlink()
    assert not is_finished(output, of)
    record = tmp_path / ".picks.made"
    for path, content in ((output.path / "A.P.txt", "by hand"), *((record, damaged) for damaged in ("{", "[]", "{}"))):
        path.write_text(content)
        with pytest.raises(ConfigError, match="picks is not what a finished run left"):
            is_finished(output, of)


def test_a_file_that_grows_amid_a_run_is_another_to_the_next(archive, tmp_path, monkeypatch):
    day = shutil.copy(archive / "data" / "0.mseed", tmp_path)
    what = (day, "--model", archive / "model.h5", "-o", tmp_path / "k.csv")
    with monkeypatch.context() as patched:
        patched.setattr("seisnet.classification.job.write_picks", lambda *_, **__: os.utime(day, (0, 0)))
        (tmp_path / "k.csv").touch()
        assert run_classify(*what, "--overwrite").returncode == 0
    told = run_classify(*what, "--resume").stderr
    assert "with other sources or station metadata (or their files have changed); " in told


def test_what_is_put_in_the_place_of_an_interrupted_runs_outputs_is_not_replaced(archive, tmp_path, monkeypatch):
    def dies(parts, *_, **__):
        next(parts)
        raise KeyboardInterrupt

    what = (archive / "data", "--model", archive / "model.h5", "-o", tmp_path / "k.csv", "--views", 0)
    what = (*what, "--probabilities", tmp_path / "p.mseed", "--report", tmp_path / "r")
    with monkeypatch.context() as patched:
        patched.setattr("seisnet.classification.job.gathered", dies)
        assert run_classify(*what).returncode == 130
    (tmp_path / "r").mkdir()
    for name in ("k.csv", "p.mseed", "r/report.html"):
        (tmp_path / name).write_text("precious")
        refused = run_classify(*what, "--resume")
        assert refused.returncode == 2 and "; choose another name, or use overwrite=True" in refused.stderr
        assert (tmp_path / name).read_text() == "precious"
        (tmp_path / name).unlink()
    assert run_classify(*what, "--resume").returncode == 0
    assert not (tmp_path / ".k.csv.parts").exists()


@pytest.mark.parametrize(
    ("output", "more", "message"),
    [
        ("folder", ["--overwrite"], "folder is a folder; choose another name"),
        ("file", ["--overwrite", "--format", "real"], "file is a file; a folder is needed"),
        ("new", ["--format", "phasenet", "--model", "rockfall"], "detections are written as csv or quakeml"),
        ("new", ["--hop", "0.3"], "it must be a multiple"),
        ("new", ["--format", "quakml"], "unknown format 'quakml'; did you mean 'quakeml'"),
        ("new", ["--probabilities", "p.txt"], "p.txt: "),
        ("p.h5", ["--probabilities", "p.h5"], "no .h5 file is written here"),
        ("p.h5", ["--probabilities", "p.h5", "--format", "csv"], "picks and probabilities need separate files"),
        ("p.h5", ["--probabilities", "folder/../p.h5", "--format", "csv"], "need separate files"),
        ("p.h5", ["--probabilities", "P.H5", "--format", "csv"], "picks and probabilities need separate files"),
        ("new", ["--report", "new"], "a report needs a folder of its own"),
        ("new", ["--report", "p.h5", "--probabilities", "p.h5"], "a report needs a folder of its own"),
        ("folder/picks.csv", ["--report", "folder", "--format", "pyocto"], "the report writes a file of that name"),
        ("folder/figures", ["--report", "folder"], "the report writes a file of that name"),
        ("folder/Report.html", ["--report", "folder", "--format", "csv"], "the report writes a file of that name"),
        ("folder/detections.csv", ["--report", "folder"], "the name for another task's"),
    ],
)
def test_what_can_not_be_written_is_refused_before_the_scan_and_leaves_nothing(
    output, more, message, archive, tmp_path, monkeypatch
):
    monkeypatch.setattr("seisnet.classification.parts.write_part", lambda *_: pytest.fail("a source was scanned"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("precious")
    model = () if "--model" in more else ("--model", archive / "model.h5")
    arguments = ["classify", archive / "data", *model, "-o", tmp_path / output, "--report", "report", *more]
    with pytest.raises(ConfigError, match=message):
        CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file"}
    assert (tmp_path / "file").read_text() == "precious"


def test_picks_may_lie_where_the_report_puts_them(tmp_path):
    for name, file_format in (("picks.csv", "csv"), ("picks.xml", "quakeml"), ("others.csv", "phasenet")):
        Output(tmp_path / name, file_format, report=tmp_path).check()
    Output(tmp_path / "detections.csv", report=tmp_path / "report").check_task("phase")


def test_a_folder_of_picks_and_report_is_finished_once_both_are_in_it(archive, tmp_path):
    both = tmp_path / "both"
    what = (archive / "data" / "0.mseed", "--model", archive / "model.h5", "-o", both, "--format", "real")
    assert run_classify(*what, "--report", both, "--views", 1).returncode == 0
    assert {"report.html", "GE.A0.P.txt"} <= {path.name for path in both.iterdir()}
    again = run_classify(*what, "--report", both, "--views", 1, "--resume")
    assert (again.returncode, again.stderr) == (0, f"{both} is finished; nothing to resume\n")


def test_probabilities_that_exist_are_replaced_only_where_that_is_asked_for(tmp_path):
    (tmp_path / "p.mseed").touch()
    output = Output(tmp_path / "picks.csv", probabilities=tmp_path / "p.mseed")
    output.check(overwrite=True)
    with pytest.raises(ConfigError, match=r"p\.mseed exists; choose another name"):
        output.check()


@pytest.mark.parametrize("outputs", [("-o", "0.day"), ("-o", "picks.csv", "--probabilities", "0.mseed")])
def test_no_output_replaces_a_source(outputs, archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, name = (archive / "data" / "0.mseed").read_bytes(), outputs[-1]
    Path(name).write_bytes(content)
    arguments = ["classify", str(tmp_path), "--model", str(archive / "model.h5"), *outputs, "--overwrite"]
    with pytest.raises(ConfigError, match=f"{name} is also an input; choose another name"):
        CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, content)]


def test_probabilities_that_were_written_among_the_sources_are_told_to_lie_elsewhere(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    shutil.copy(archive / "data" / "0.mseed", "data")
    job = ("data", "--model", archive / "model.h5", "-o", "picks.csv", "--overwrite", "-q", "--probabilities")
    assert run_classify(*job, "data/p.mseed").returncode == 0
    written = Path("data/p.mseed").read_bytes()
    again = run_classify(*job, "data/p.mseed")
    assert again.returncode == 2 and "outside the folders that are read" in again.stderr
    assert Path("data/p.mseed").read_bytes() == written
    elsewhere = run_classify(*job, "p.mseed")
    assert elsewhere.returncode == 0 and Path("p.mseed").read_bytes() == written


@pytest.mark.parametrize("name", ["set/metadata.csv", "stations.xml"])
def test_tables_and_station_metadata_are_sources_too(name, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / name).write_text("precious")
    source = Source((tmp_path / "set",), "dataset", inventory=(tmp_path / "stations.xml",))
    Output(tmp_path / "picks.csv").check_sources([source])
    with pytest.raises(ConfigError, match="is also an input"):
        Output(tmp_path / name).check_sources([source])
