"""Promises 10 and 12: killed at any moment, or out of disk, a run goes on to the same bytes and spoils nothing.

Processes come from a fork server that has imported everything, so that a kill hits the work and not the imports.
"""

import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seisnet.cli import main
from seisnet.preprocessing import planning
from seisnet.preprocessing.all_pieces import Totals
from seisnet.store.files import sha256_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server on Windows")

PRELOAD = ["seisnet.cli.preprocess", "seisnet.cli.train", "seisnet.cli.classify"]
PRELOAD += ["seisnet.preprocessing.job", "seisnet.training.fitting", "seisnet.classification.job", "tests.conftest"]
PRELOAD += ["obspy.io.mseed.core"]

FEW = 10
"""Recordings that are enough for five shards."""

QUICK = """[train]
hidden = [16]
epochs = 6
folds = 2
context_hidden = [8]
context_epochs = 3
onset_hidden = [8]
onset_epochs = 6
"""
"""Every stage of a training, and about as much time for each."""


def command(errors, arguments, stopped_by):
    """Run a command in this process, with few sources to a shard; a signal may stop it when the first is finished."""
    planning.PIECE_SOURCES = 2
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what runs in the background
    if stopped_by:
        add = Totals.add

        def stopping(*shard):
            add(*shard)
            os.kill(os.getpid(), stopped_by)

        Totals.add = stopping
    sys.argv = ["seisnet", *map(str, arguments)]
    with Path(errors).open("a") as file, contextlib.redirect_stderr(file):
        main()


@pytest.fixture(scope="module")
def start():
    """start(arguments, errors=file, stopped_by=signal) -> a process that runs them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)

    def started(*arguments, errors=os.devnull, stopped_by=None):
        process = context.Process(target=command, args=(errors, arguments, stopped_by))
        process.start()
        return process

    return started


@pytest.fixture(scope="module")
def few(labelled, tmp_path_factory):
    """Some recordings, and the arguments of `preprocess` that cut windows from them."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted(labelled.files.iterdir())[:FEW]:
        shutil.copy(path, folder)
    return SimpleNamespace(files=folder, preprocess=("preprocess", folder, "--labels", labelled.csv, "-q"))


@pytest.fixture(scope="module")
def undisturbed(start, few, tmp_path_factory):
    """undisturbed(*options) -> the folder that `preprocess` makes of those in peace, and how long that took."""
    start("preprocess", few.files, "--labels", "nothing").join()  # the fork server has to import everything
    made = {}

    def make(*options):
        if options not in made:
            folder = tmp_path_factory.mktemp("undisturbed")
            made[options] = folder, timed(start, *few.preprocess, *options, "-o", folder / "w.h5")
        return made[options]

    return make


@pytest.fixture(scope="module")
def training(start, labelled, tmp_path_factory):
    """The arguments of `train` on windows of a data set, but for the output."""
    folder = tmp_path_factory.mktemp("training")
    start("preprocess", labelled.dataset, "-q", "-o", folder / "w.h5").join()
    (folder / "quick.toml").write_text(QUICK)
    return ("train", folder / "w.h5", "-q", "--config", folder / "quick.toml", "--threads", "1")


def timed(start, *arguments):
    """Run to the end; how long it took."""
    begin = time.monotonic()
    process = start(*arguments)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - begin


def killed(start, seconds, kills, *arguments):
    """Kill a command at random moments, going on each time; how often it was killed before it was done."""
    hit = 0
    for delay in sorted(np.random.default_rng(0).uniform(0, seconds, kills)):  # none is late for the first run
        process = start(*arguments, "--resume")
        process.join(delay)
        if process.is_alive():
            hit += 1
        process.kill()
        process.join()
    process = start(*arguments, "--resume")
    process.join()
    assert process.exitcode == 0
    return hit


def contents(folder):
    return {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(("kills", "options"), [(10, ()), (5, ("--virtual",))], ids=["plain", "virtual"])
def test_kill_at_any_moment_of_preprocess_and_resume_gives_the_same_bytes(
    kills, options, start, few, undisturbed, tmp_path
):
    folder, seconds = undisturbed(*options)
    hit = killed(start, seconds, kills, *few.preprocess, *options, "-o", tmp_path / "w.h5")
    assert hit > 0
    assert contents(tmp_path) == contents(folder)


def test_killed_with_its_workers_and_resumed_by_two_processes_gives_the_same_bytes(start, few, undisturbed, tmp_path):
    job = (*few.preprocess, "-o", tmp_path / "w.h5", "--jobs", "2")
    start(*job, stopped_by=signal.SIGKILL).join()
    assert list(tmp_path.glob(".w.h5.work/*.h5"))
    start(*job, "--resume").join()
    assert contents(tmp_path) == contents(undisturbed()[0])


def test_kill_at_any_moment_of_train_and_resume_gives_the_same_bytes(start, training, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    seconds = timed(start, *training, "-o", tmp_path / "a" / "m.h5")
    hit = killed(start, seconds, 10, *training, "-o", tmp_path / "b" / "m.h5")
    assert hit > 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("command", ["preprocess", "train", "classify"])
def test_another_run_with_the_same_output_is_told_so_and_spoils_nothing(command, start, few, training, tmp_path):
    errors, output = tmp_path / "errors", tmp_path / "out"
    jobs = {"preprocess": few.preprocess, "train": training, "classify": ("classify", few.files, "-q")}
    job = (*jobs[command], "-o")
    start(*job, tmp_path / "alone").join()
    first = start(*job, output)
    while not list(tmp_path.glob(".out.*/*")):
        assert first.is_alive()
        time.sleep(0.001)
    os.kill(first.pid, signal.SIGSTOP)
    for more in ((), ("--resume",), ("--overwrite",)):
        process = start(*job, output, *more, errors=errors)
        process.join()
        assert process.exitcode == 2
    os.kill(first.pid, signal.SIGCONT)
    first.join()
    assert first.exitcode == 0
    told = f"seisnet: {output}: another run is writing it; end that one, or choose another name\n"
    assert errors.read_text() == 3 * told
    assert output.read_bytes() == (tmp_path / "alone").read_bytes()


def test_what_a_killed_run_leaves_is_told_resumed_or_swept(start, few, tmp_path):
    output, errors = tmp_path / "w.h5", tmp_path / "errors"
    job = (*few.preprocess, "-o", output)
    start(*job, stopped_by=signal.SIGKILL).join()
    (tmp_path / ".w.h5.1.part").write_bytes(b"of an older one, killed while it merged")
    for more, status in (((), 2), (("--resume",), 0), (("--resume",), 0), ((), 2), (("--overwrite",), 0)):
        process = start(*job, *more, errors=errors)
        process.join()
        assert process.exitcode == status
    said = errors.read_text().splitlines()
    assert len(said) == 2
    assert (
        f"w.h5: an interrupted run left 1 part of it in {tmp_path / '.w.h5.work'}; use --resume or --overwrite"
        in said[0]
    )
    assert "exists; choose another name, or use --overwrite" in said[1]
    assert contents(tmp_path).keys() == {"w.h5", "errors"}


def test_a_finished_output_is_not_resumed_with_other_settings(start, few, undisturbed, tmp_path):
    errors, output = tmp_path / "errors", Path(shutil.copy(undisturbed()[0] / "w.h5", tmp_path))
    before = output.read_bytes()
    process = start(*few.preprocess, "-o", output, "--resume", "--seed", 7, errors=errors)
    process.join()
    assert process.exitcode == 2
    assert "was made from other inputs or settings" in errors.read_text()
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "seed", "by"),
    [
        ((), 7, signal.SIGKILL),
        ((), 7, signal.SIGINT),
        (("--virtual",), 7, signal.SIGKILL),
        (("--virtual",), 0, signal.SIGKILL),
    ],
)
def test_an_overwrite_that_was_interrupted_goes_on_with_resume(options, seed, by, start, few, undisturbed, tmp_path):
    errors = tmp_path / "errors"
    output = shutil.copytree(undisturbed(*options)[0], tmp_path / "made") / "w.h5"
    job = (*few.preprocess, *options, "-o", output, "--seed", seed)
    before = output.read_bytes()
    process = start(*job, "--overwrite", errors=errors, stopped_by=by)
    process.join()
    assert process.exitcode == (130 if by == signal.SIGINT else -by)
    if by == signal.SIGINT:
        assert errors.read_text().endswith("the same command with --resume in place of --overwrite continues\n")
    assert output.read_bytes() == before
    process = start(*job, "--resume")
    process.join()
    assert process.exitcode == 0
    assert contents(output.parent) == contents(undisturbed(*options, "--seed", seed)[0])


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2.5 MB, and a function that makes it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        not mount
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=2500k", "tmpfs", folder], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("tests may not mount a tmpfs here")
    try:
        yield folder, lambda: subprocess.run([mount, "-o", "remount,size=100m", folder], check=True)
    finally:
        subprocess.run(["umount", folder], check=True)


def assert_stopped_by_a_full_disk(process, errors):
    process.join()
    assert process.exitcode == 1
    said = errors.read_text()
    assert said.count("\n") == 1
    assert "No space left on device" in said
    assert "use --resume" in said


def test_a_full_disk_is_one_line_and_keeps_what_is_finished(start, labelled, small_disk, tmp_path):
    disk, enlarge = small_disk
    errors = tmp_path / "errors"
    job = ("preprocess", labelled.files, "--labels", labelled.csv, "-q", "-o")
    process = start(*job, disk / "w.h5", errors=errors)
    assert_stopped_by_a_full_disk(process, errors)
    assert [path.name for path in disk.iterdir()] == [".w.h5.work"]
    finished = set((disk / ".w.h5.work").iterdir())
    assert finished and all(path.suffix == ".h5" for path in finished)
    enlarge()
    process = start(*job, disk / "w.h5", "--resume")
    process.join()
    assert process.exitcode == 0
    start(*job, tmp_path / "w.h5").join()
    assert contents(disk) == {"w.h5": sha256_of(tmp_path / "w.h5")}


def test_a_full_disk_stops_classify_with_one_line_and_it_goes_on_to_the_same(start, labelled, small_disk, tmp_path):
    disk, enlarge = small_disk
    errors = tmp_path / "errors"
    (disk / "ballast").write_bytes(bytes(2_400_000))
    job = ("classify", labelled.files, "-q", "--threshold", "P=0.2", "--probabilities")
    process = start(*job, disk / "p.h5", "-o", disk / "picks.csv", errors=errors)
    assert_stopped_by_a_full_disk(process, errors)
    assert {path.name for path in disk.iterdir()} == {"ballast", ".picks.csv.parts"}
    finished = list((disk / ".picks.csv.parts").iterdir())
    assert finished and all(path.suffix == ".npz" for path in finished)
    enlarge()
    process = start(*job, disk / "p.h5", "-o", disk / "picks.csv", "--resume")
    process.join()
    assert process.exitcode == 0
    start(*job, tmp_path / "p.h5", "-o", tmp_path / "picks.csv").join()
    (disk / "ballast").unlink()
    (disk / ".picks.csv.made").unlink()
    assert contents(disk) == {name: sha256_of(tmp_path / name) for name in ("p.h5", "picks.csv")}
