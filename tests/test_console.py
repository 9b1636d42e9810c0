"""Progress is a bar on a terminal, and nothing elsewhere or where quiet is asked for; what was left out is told."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from seisnet.cli import cli, console, main, progress
from seisnet.report.document import rejections_section
from seisnet.waveforms.records import BEYOND, DAMAGED, KEPT, Rejection

FULL = Path("/dev/full")

JOB = """
import time
from seisnet.cli import console, progress
progress.SOON_S = 0.05
tell = console.Teller(quiet={quiet})
with progress.progress_line("scan", quiet={quiet}) as show:
    for k in range(1, 5):
        show(f"source [b]{{k}}", k, 4)
        time.sleep(0.15)
        if k == 2:
            tell("a message")
tell.outputs("a.csv", "b.html")
"""


def on_terminal(code):
    """What a program writes to a terminal that is its stderr."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", code], stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not part:
                break
            written += part
        process.wait()
    os.close(ours)
    return written.decode()


def test_a_terminal_shows_a_bar_with_rate_and_remaining_time():
    written = on_terminal(JOB.format(quiet=False))
    assert "━" in written and "50%" in written and " left, source [b]2" in written
    assert "\r\x1b[Ka message\r\n" in written
    assert written.rstrip().endswith("wrote a.csv, b.html")
    assert on_terminal(JOB.format(quiet=True)) == ""


def test_a_terminal_that_goes_away_ends_no_job():
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", JOB.format(quiet=False) + "print('done')"]
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE, text=True) as process:
        os.close(theirs)
        os.read(ours, 1)  # the bar is there
        os.close(ours)
        assert process.communicate()[0] == "done\n"
    assert process.returncode == 0


def test_elsewhere_only_messages_are_written():
    done = subprocess.run([sys.executable, "-c", JOB.format(quiet=False)], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == "a message\n  wrote a.csv, b.html\n"


def test_where_stderr_is_closed_nothing_is_said_and_the_job_is_done():
    command = [sys.executable, "-c", JOB.format(quiet=False) + "print('done')"]
    done = subprocess.run(["sh", "-c", '"$@" 2>&-', "sh", *command], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "done\n"


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_where_stderr_can_not_be_written_the_job_is_done_all_the_same():
    command = [sys.executable, "-c", JOB.format(quiet=False) + "print('done')"]
    done = subprocess.run(
        ["sh", "-c", '"$@" 2>/dev/full', "sh", *command], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "done\n"


def test_what_the_encoding_of_standard_output_lacks_is_escaped(monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), "cp1252")  # as on Windows, where it goes to a file
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "argv", ["seisnet", "datasets", "show", "instance"])
    with pytest.raises(SystemExit) as done:
        main()
    stdout.flush()
    assert done.value.code == 0
    assert rb"Jozinovi\u0107" in stdout.buffer.getvalue()


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_disk_that_is_full_for_standard_output_is_one_line():
    command = [sys.executable, "-m", "seisnet", "datasets", "list"]
    with FULL.open("w") as full:
        done = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.stderr == "seisnet: standard output can't be written: No space left on device\n"
    assert done.returncode == 1


def test_a_job_that_is_soon_over_shows_nothing():
    code = JOB.format(quiet=False).replace("0.05", "60").replace("0.15", "0")
    assert "━" not in on_terminal(code)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], ""),
        ([("reading", None, None)], "reading"),
        ([("a", 0, 10), ("b", 5, 10)], "50%, 2.5/s, 2 s left, b"),
        ([("a", 0, None), ("b", 5, None)], "2.5/s, b"),
        ([("a", 1, 1000), ("b", 2, 1000)], "0%, 2 s each, 33.3 min left, b"),
        ([("resumed", 90, 100), ("b", 92, 100)], "92%, 1/s, 8 s left, b"),
    ],
)
def test_rates_count_from_the_first_figure(monkeypatch, states, words):
    monkeypatch.setattr(progress.time, "monotonic", lambda: 100.0)
    job = progress._Job("t")
    for state in states:
        job.show(*state)
    assert job.words(102.0) == words


def test_of_several_networks_each_has_a_rate_of_its_own(monkeypatch):
    job = progress._Job("train")
    for now_s, epoch in ((100.0, 1), (150.0, 30), (151.0, 1), (155.0, 5)):
        monkeypatch.setattr(progress.time, "monotonic", lambda now_s=now_s: now_s)
        job.show("loss", epoch, 40)
    assert job.words(155.0) == "12%, 1/s, 35 s left, loss"


def test_of_several_files_each_has_a_rate_of_its_own_in_its_unit(monkeypatch):
    """The second was begun before, and goes on behind where the first ended."""
    job = progress._Job("fetch", "MB")
    for now_s, done_mb, total_mb in ((100.0, 0.0, 5.0), (110.0, 5.0, 5.0), (111.0, 60.0, 100.0), (115.0, 62.0, 100.0)):
        monkeypatch.setattr(progress.time, "monotonic", lambda now_s=now_s: now_s)
        job.show("b.hdf5", done_mb, total_mb)
    assert job.words(115.0) == "62%, 0.5 MB/s, 76 s left, b.hdf5"


def test_one_more_reason_is_one(capsys):
    console.Teller().rejections([("", 0, 0, f"reason {n}") for n in range(9)])
    assert capsys.readouterr().err.splitlines()[-1] == "  1 more reason; use -v to see all"


def test_what_is_lost_is_told_before_what_is_used_with_a_remark(capsys):
    kept = [("", 0, 0, f"{KEPT}Z is clipped ({n})") for n in range(9) for _ in range(3)]
    lost = [("", 0, 0, "day.mseed: can't be read"), ("", 0, 0, f"{DAMAGED}b.mseed: it is cut short")]
    console.Teller().rejections([*kept, *lost])
    first, second, *_, last = capsys.readouterr().err.splitlines()
    assert first == "  not used: day.mseed: can't be read"
    assert second == f"  {DAMAGED}b.mseed: it is cut short"
    assert last == "  3 more reasons; use -v to see all"


def test_what_has_no_time_is_told_without_one(capsys):
    rejected = [("GE.APE..HH", 0, 0, BEYOND), ("GE.APE..HH", 0, 10**9, "clipped")]
    console.Teller(verbose=True).rejections(rejected)
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"  not used: GE.APE..HH: {BEYOND}"
    assert "GE.APE..HH 1970-01-01T00:00:00.000000Z to 1970-01-01T00:00:01.000000Z: clipped" in second
    table = rejections_section([Rejection(*each) for each in rejected]).table
    assert [row[-1] for row in table.rows] == ["1970-01-01 00:00:00.000", ""]


def test_a_remark_on_a_whole_record_is_told_with_its_start_alone(capsys):
    console.Teller(verbose=True).rejections([("GE.APE..HH", 10**9, 10**9, f"{KEPT}resampled")])
    assert capsys.readouterr().err == f"  GE.APE..HH 1970-01-01T00:00:01.000000Z: {KEPT}resampled\n"


def test_a_shell_completes_every_name_of_a_file():
    context = click.Context(cli)
    commands = [cli.get_command(context, name) for name in cli.list_commands(context)]
    commands += [c for group in commands if isinstance(group, click.Group) for c in group.commands.values()]
    for command in commands:
        for parameter in command.params:
            takes_file = re.search("FILE|MODEL|SOURCE|PATH", parameter.make_metavar(context).replace("--", ""))
            if takes_file and isinstance(parameter, click.Argument | click.Option):
                [item] = parameter.shell_complete(click.Context(command), "da")
                assert (item.value, item.type) == ("da", "file"), (command.name, parameter.name)


def test_a_name_need_not_be_a_file(tmp_path):
    (tmp_path / "unreadable").touch(mode=0)
    for name in ("sds:/archive", "phase", "fdsn:GEOFON", str(tmp_path / "unreadable"), "a" * 5000):
        assert console.NAME.convert(name, None, None) == name
