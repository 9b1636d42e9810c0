"""The parts of an interrupted `classify`: the run that goes on takes those that are its own, and no others."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seisnet.classification.one_source import Classification, SourceJob
from seisnet.classification.parts import make_parts, model_sha256, read_part, write_part
from seisnet.classification.views import View
from seisnet.config import PickConfig
from seisnet.engine import Engine
from seisnet.errors import DataError
from seisnet.model import Model
from seisnet.picks import Detection, Pick
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.records import Rejection
from seisnet.waveforms.sources import Source
from tests.bursts import MODEL
from tests.commands import run_classify


def test_kill_then_resume_gives_the_bytes_of_an_undisturbed_run(archive, tmp_path):
    arguments = (archive / "data", "--model", archive / "model.h5", "-o")
    assert run_classify(*arguments, tmp_path / "whole.csv").returncode == 0
    killed = subprocess.Popen(
        [sys.executable, "-m", "seisnet", "classify", *map(str, arguments), str(tmp_path / "k.csv")]
    )
    parts = tmp_path / ".k.csv.parts"
    while killed.poll() is None and not (parts.is_dir() and any(parts.glob("*.npz"))):
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL) if killed.poll() is None else None
    killed.wait()
    if not (tmp_path / "k.csv").exists():
        refused = run_classify(*arguments, tmp_path / "k.csv")
        assert refused.returncode == 2 and "use resume=True" in refused.stderr
        assert run_classify(*arguments, tmp_path / "k.csv", "--resume").returncode == 0
    assert (tmp_path / "k.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not parts.exists()


def test_a_run_that_dies_while_it_draws_the_report_goes_on(archive, tmp_path, monkeypatch):
    def dies(*_, **__):
        raise KeyboardInterrupt

    what = (archive / "data", "--model", archive / "model.h5", "-o", tmp_path / "k.csv")
    what = (*what, "--report", tmp_path / "r", "--views", 1)
    with monkeypatch.context() as patched:
        patched.setattr("seisnet.report.classification.write_classification", dies)
        assert run_classify(*what).returncode == 130
    assert list((tmp_path / ".k.csv.parts").glob("*.npz"))
    assert run_classify(*what, "--resume").returncode == 0
    assert (tmp_path / "r" / "report.html").exists() and not (tmp_path / ".k.csv.parts").exists()


def test_a_run_that_is_killed_while_it_removes_its_parts_is_finished(archive, tmp_path, monkeypatch):
    def killed(folder, **_):
        for path in folder.iterdir():
            if path.name != ".k.csv.replaces":
                path.unlink()
        raise KeyboardInterrupt

    what = (archive / "data" / "0.mseed", "--model", archive / "model.h5", "-o", tmp_path / "k.csv")
    what = (*what, "--probabilities", tmp_path / "k.h5")
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", killed)
        assert run_classify(*what).returncode == 130
    made = {name: (tmp_path / name).read_bytes() for name in ("k.csv", "k.h5", ".k.csv.made")}
    assert run_classify(*what, "--resume").returncode == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == made


def test_advice_to_resume_is_given_only_where_a_source_is_finished(archive, tmp_path, monkeypatch):
    def full(path, part):
        raise DataError("no space left")

    monkeypatch.setattr("seisnet.classification.parts.write_part", full)
    told = run_classify(archive / "data", "--model", archive / "model.h5", "-o", tmp_path / "k.csv").stderr
    assert told == "no space left"
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_model_that_is_calibrated_otherwise_is_not_taken_for_one_of_this(archive, tmp_path):
    found = find_sources([str(archive / "data" / "0.mseed")], Reading())
    (tmp_path / "parts").mkdir()
    names = set()
    for changed in ({}, {"temperature": 1.2}, {"spread": {"P": 2.0}}, {"thresholds": {"P": 0.5, "S": 0.6}}):
        model = Model("louder", dataclasses.replace(MODEL.stored, **changed))
        names |= {path.name for _, path in make_parts(found, SourceJob(model), tmp_path / "parts", Engine())}
    assert len(names) == 4


def test_a_part_of_a_file_that_has_changed_or_of_another_version_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("seisnet.classification.parts.classify_source", lambda source, job: Classification())
    path, names = tmp_path / "a.mseed", set()
    path.touch()
    for age, version in ((1, "1"), (2, "1"), (2, "2")):
        os.utime(path, (age, age))
        monkeypatch.setattr("seisnet.classification.parts.__version__", version)
        names |= {part.name for _, part in make_parts([Source((path,))], SourceJob(MODEL), tmp_path, Engine())}
    assert len(names) == 3


def test_a_part_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def half(file, **_):
        file.write(b"PK")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("seisnet.classification.parts.np.savez", half)
    with pytest.raises(DataError, match=r"a\.npz: can't be written: No space left"):
        write_part(tmp_path / "a.npz", Classification())
    assert list(tmp_path.iterdir()) == []


def test_models_that_differ_in_anything_that_picks_depend_on_have_other_hashes():
    stored, [stage] = MODEL.stored, MODEL.stored.stages
    ones = np.ones(stage.sizes[0], dtype=np.float32)
    stages = (
        {"theta": stage.theta * 1.01},
        {"activation": "tanh"},
        {"reads": "context"},
        {"mean": ones},
        {"scale": 2 * ones},
    )
    changes = [{"stages": (dataclasses.replace(stage, **change),)} for change in stages]
    changes += [{"mean": ones}, {"scale": 2 * ones}, {"preprocess": {**stored.preprocess, "freqmax_hz": 30.0}}]
    models = [MODEL, *(SimpleNamespace(name="louder", stored=dataclasses.replace(stored, **c)) for c in changes)]
    assert len({model_sha256(model) for model in models}) == len(models)


def test_a_part_is_the_same_whether_what_is_the_models_own_is_named_or_not(archive, tmp_path):
    found = find_sources([str(archive / "data" / "0.mseed")], Reading())
    (tmp_path / "parts").mkdir()
    own = (
        {},
        {"hop_s": 0.2},
        {"thresholds": {"P": 0.6}},
        {"coincidence": 2, "coincidence_s": 9.0},
        {"p_before_s": 9.0},
    )
    jobs = [SourceJob(MODEL, PickConfig(**chosen)) for chosen in (*own, {"hop_s": 0.4}, {"thresholds": {"P": 0.5}})]
    jobs += [SourceJob(MODEL, keep_probabilities=True), SourceJob(MODEL, most_views=1)]
    names = [path.name for job in jobs for _, path in make_parts(found, job, tmp_path / "parts", Engine())]
    assert len(set(names[: len(own)])) == 1 and len(set(names)) == 1 + len(jobs) - len(own)


def test_a_run_that_goes_on_says_how_many_finished_sources_are_made_anew(archive, tmp_path):
    found, told = find_sources([str(archive / "data")], Reading()), []
    for threshold, wanted in ((0.5, found[:2]), (0.6, found[1:3]), (0.6, found)):
        job = SourceJob(MODEL, PickConfig(thresholds={"P": threshold}))
        list(make_parts(wanted, job, tmp_path, Engine(), told.append))
    assert told == [f"finished sources: {kept} kept, 2 remade because inputs or settings differ" for kept in (0, 2)]


def test_a_part_is_read_as_it_was_written_and_a_damaged_one_is_told_in_one_line(tmp_path):
    path = tmp_path / "a.npz"
    part = Classification(picks=[Pick("GE", "APE", "", "HH", "P", 1)], spans=[("GE.APE..HH", 0, 9)], files=[Path("a")])
    part.rejections, part.highest = [Rejection("GE.APE..HH", 2, 3, "why")], {"P": 0.5}
    part.seconds, part.dead_s, part.failed = 8.0, 2.0, ["no answer"]
    probabilities = np.eye(2, dtype=np.float32), 5, 2, ("P", "noise"), "GE.APE..HH", np.array([False, True])
    part.probabilities = [Probabilities(*probabilities)]
    write_part(path, part)
    found = read_part(path)
    names = ("picks", "spans", "files", "rejections", "highest", "seconds", "dead_s", "failed")
    assert [getattr(found, name) for name in names] == [getattr(part, name) for name in names]
    assert found.probabilities == []
    [again] = read_part(path, probabilities=True).probabilities
    for name, value in zip(vars(again), probabilities, strict=True):
        np.testing.assert_array_equal(getattr(again, name), value)
    whole = path.read_bytes()
    flipped = [bytearray(whole) for _ in range(0, len(whole), 7)]
    for k, content in enumerate(flipped):
        content[7 * k] ^= 0x41
    for content in (*(whole[:length] for length in range(0, len(whole), 9)), *flipped):
        path.write_bytes(content)
        try:
            assert read_part(path).picks == part.picks  # of a byte that says nothing
        except DataError as error:
            assert str(error) == f"{path}: damaged; delete it"


def test_writing_a_part_compares_no_picks(tmp_path, monkeypatch):
    picks = [Pick("GE", "APE", "", "HH", "P", k) for k in range(200)]
    zeros = np.zeros((1, 1), dtype=np.float32)
    views = [View(zeros, k, 100.0, zeros, np.zeros(1, dtype=np.int64), (picks[k],), "GE.APE..HH") for k in range(200)]
    compared = []
    monkeypatch.setattr(Pick, "__eq__", lambda one, other: compared.append(one) or one is other)
    write_part(tmp_path / "part.npz", Classification(picks=picks, views=views))
    monkeypatch.undo()
    assert [view.picks for view in read_part(tmp_path / "part.npz").views] == [(pick,) for pick in picks]
    assert len(compared) < 200


def test_views_of_a_part_hold_the_detections_that_they_held(tmp_path):
    detections = [Detection("GE", "APE", "", "HH", "rockfall", k, k + 5, 0.5) for k in range(3)]
    zeros = np.zeros((1, 1), dtype=np.float32)
    view = View(zeros, 0, 100.0, zeros, np.zeros(1, dtype=np.int64), (), "GE.APE..HH", (detections[0], detections[2]))
    write_part(tmp_path / "part.npz", Classification(detections=detections, views=[view]))
    assert [view.detections for view in read_part(tmp_path / "part.npz").views] == [(detections[0], detections[2])]
