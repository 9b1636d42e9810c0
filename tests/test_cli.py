"""The command line: what it refuses before any work, its help, and errors in one line."""

import errno
import os
import re
import shutil
import subprocess
import sys
from functools import partial

import click
import obspy
import pytest
from click.testing import CliRunner

from seisnet.cli import COMMANDS, cli, console, main
from seisnet.cli.classify import pick_config
from seisnet.config import ExportConfig, PreprocessConfig, TrainConfig
from seisnet.errors import ConfigError, DataError, FormatError, SeisnetError
from seisnet.formats.picks import write_picks
from seisnet.model import load_model
from seisnet.preprocessing.job import preprocess
from tests.commands import run


def test_no_command_replaces_what_it_reads(job, tmp_path):
    for name in ("windows.h5", "model.h5"):
        shutil.copy(job / name, tmp_path / name)
    (tmp_path / "link.h5").symlink_to(tmp_path / "windows.h5")
    before = (tmp_path / "windows.h5").read_bytes()
    for output in ("windows.h5", "link.h5"):
        with pytest.raises(ConfigError, match="is also an input"):
            run("train", tmp_path / "windows.h5", "-o", tmp_path / output, "--epochs", 1, "--overwrite")
    with pytest.raises(ConfigError, match="is also an input"):
        run("models", "export", tmp_path / "model.h5", "-o", tmp_path / "model.h5", "--overwrite")
    assert (tmp_path / "windows.h5").read_bytes() == before
    load_model(tmp_path / "model.h5")


@pytest.mark.parametrize(
    ("output", "command"),
    [
        ("model.h5", "train windows.h5 --init model.h5 --epochs 1"),
        ("own", "train windows.h5 --config own --epochs 1"),
        ("model.h5", "preprocess set --mine model.h5"),
        ("own", "preprocess set --config own"),
        ("model", "classify day.mseed --model model"),
        ("own", "classify day.mseed --model model.h5 --config own"),
        ("picks.csv", "classify day.mseed --model model.h5 --probabilities model.h5"),
        ("model", "stream 127.0.0.1:1 --select GE.APE..HH? --model model"),
        ("own", "stream 127.0.0.1:1 --select GE.APE..HH? --config own"),
        ("stations", "stream 127.0.0.1:1 --select GE.APE..HH? --inventory stations"),
        ("set", "datasets export seisbench set"),
    ],
)
def test_no_command_replaces_the_models_and_settings_that_it_reads(output, command, job, tmp_path, monkeypatch):
    shutil.copytree(job / "set", tmp_path / "set")
    for name in ("windows.h5", "model.h5", "day.mseed"):
        shutil.copy(job / name, tmp_path)
    shutil.copy(job / "model.h5", tmp_path / "model")  # whose name would be refused for no ending
    (tmp_path / "own").touch()
    obspy.read_inventory().write(str(tmp_path / "stations"), format="STATIONXML")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr("seisnet.waveforms.seedlink.packets", lambda *_, **__: iter(()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="is also an input"):
        run(*command.split(), "-o", output, "--overwrite")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "{job}/model.h5", "nowhere.h5", "-o"],
        ["score", "nowhere.csv", "{job}/analyst.csv", "-o"],
        ["inspect", "{job}/model.h5", "--plot"],
    ],
)
def test_a_folder_that_is_not_empty_is_refused_first_and_one_that_stays_empty_goes(command, job, tmp_path):
    command = [part.format(job=job) for part in command]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    refused, failed = (CliRunner().invoke(cli, [*command, str(tmp_path / name)]) for name in ("full", "new"))
    assert "is not empty; choose another folder, or use overwrite=True" in str(refused.exception)
    assert refused.stdout == ""
    assert isinstance(failed.exception, DataError | FormatError)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


WITH_OUTPUT = [
    "preprocess set -o",
    "train windows.h5 -o",
    "evaluate model.h5 windows.h5 -o",
    "inspect windows.h5 --plot",
    "classify day.mseed --model model.h5 -o",
    "classify day.mseed --model model.h5 --format real -o",
    "classify day.mseed --model model.h5 -o picks.csv --report",
    "score analyst.csv analyst.csv -o",
    "plot analyst.csv --waveforms day.mseed --pick A.B..HH_P_2020 -o",
    "models export model.h5 -o",
    "datasets export seisbench set -o",
    "datasets fetch iquique -o",
    "demo -o",
]
"""Commands, as far as the option for an output; the options of one stand before it."""


@pytest.mark.parametrize("command", WITH_OUTPUT)
def test_an_output_in_a_folder_that_does_not_exist_is_refused(command, job, tmp_path, monkeypatch):
    monkeypatch.chdir(job)
    before, output = sorted(job.iterdir()), tmp_path / "misspelt" / "new"
    result = CliRunner().invoke(cli, [*command.split(), str(output)])
    assert str(result.exception) == f"{output}: the folder {output.parent} does not exist"
    assert sorted(job.iterdir()) == before and not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [*WITH_OUTPUT, "classify day.mseed --model model.h5 -o picks.csv --probabilities"])
def test_an_output_where_nothing_can_be_written_is_refused_before_any_work(command, job, monkeypatch):
    monkeypatch.chdir(job)
    ending = ".mseed" if command.endswith("--probabilities") else ""
    before, output = sorted(job.iterdir()), f"/proc/new{ending}"  # where not even root may write
    result = CliRunner().invoke(cli, [*command.split(), output])
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == f"{output}: can't be written: No such file or directory"
    assert sorted(job.iterdir()) == before


GROWS = ["stream 127.0.0.1:1 --select GE.APE..HH? -o", "review analyst.csv --waveforms day.mseed --serve -o"]


@pytest.mark.parametrize("command", [*WITH_OUTPUT, *GROWS])
def test_a_name_that_promises_another_kind_of_file_is_refused_before_any_work(command, job, tmp_path, monkeypatch):
    monkeypatch.chdir(job)
    before, output = sorted(job.iterdir()), tmp_path / "new.json"
    result = CliRunner().invoke(cli, [*command.split(), str(output)])
    assert f"{output}: no .json file is written here; " in str(result.exception)
    assert isinstance(result.exception, ConfigError)
    assert sorted(job.iterdir()) == before and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("classify day.mseed --coincidence-window 5", "--coincidence N"),
        ("classify day.mseed --views 5", "--report"),
        ("preprocess set --split 0.5,0.3,0.2 --split-by given", "leave out one"),
        ("classify day.mseed --threshold P=0.5 --threshold P=0.6", "leave one out"),
        ("plot analyst.csv --waveforms day.mseed --day A.B..HH_P_2020 --after 5", "leave out --before and --after"),
        ("plot analyst.csv --waveforms day.mseed --section A.B..HH_P_2020 --model phase", "leave out --model"),
    ],
)
def test_an_option_that_has_no_effect_without_or_beside_another_is_refused(command, remedy, job, tmp_path, monkeypatch):
    monkeypatch.chdir(job)
    result = CliRunner().invoke(cli, [*command.split(), "-o", str(tmp_path / "output")])
    assert result.exit_code == 2 and remedy in result.stderr and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("inspect windows.h5 --seed 1", "--seed needs --plot"),
        ("inspect windows.h5 --overwrite", "--overwrite needs --plot"),
        ("score analyst.csv analyst.csv --overwrite", "--overwrite needs -o"),
    ],
)
def test_an_option_for_an_output_without_one_is_refused(command, remedy, job, monkeypatch):
    monkeypatch.chdir(job)
    result = CliRunner().invoke(cli, command.split())
    assert result.exit_code == 2 and remedy in result.stderr


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["classify", "", "-o", "o.csv"], "an argument"),
        (["classify", "day.mseed", "-o", ""], "-o"),
        (["classify", "day.mseed", "-o", "o.csv", "--starttime", " "], "--starttime"),
        (["preprocess", "set", "-o", "o.h5", "--mine="], "--mine"),
        (["train", "windows.h5", "-o", "o.h5", "--hidden", ""], "--hidden"),
        (["datasets", "show", ""], "an argument"),
    ],
)
def test_an_empty_argument_is_refused(command, named, job, monkeypatch):
    monkeypatch.chdir(job)
    before = sorted(job.iterdir())
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 2 and f"Error: {named} is empty; give it a value" in result.stderr
    assert sorted(job.iterdir()) == before


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("train windows.h5 --hidden 8,,4", "'8,,4' is not a list such as 256,128"),
        ("train windows.h5 --hidden 8,", "'8,' is not a list such as 256,128"),
        ("preprocess set --split 0.7,,0.15,0.15", "is not a list such as 0.7,0.15,0.15"),
        ("preprocess set --task class --classes ,", "',' is not a list such as earthquake,rockfall"),
        ("classify day.mseed --threshold 0.5", "--threshold '0.5' is not of the form P=0.5"),
        ("classify day.mseed --endtime x", "--endtime: time 'x' is neither ISO 8601 nor seconds since 1970"),
        (f"classify day.mseed --report r --views {10**30}", "--views"),
        (f"classify day.mseed --jobs {10**30}", "--jobs"),
        ("plot analyst.csv --waveforms day.mseed --pick A.B..HH_P_2020 --before nan", "before: got nan"),
        ("plot analyst.csv --waveforms day.mseed --section A.B..HH_P_2020 --after 1e300", "after: got 1e+300"),
    ],
)
def test_a_value_of_another_form_is_refused(command, told, job, tmp_path, monkeypatch):
    monkeypatch.chdir(job)
    result = CliRunner().invoke(cli, [*command.split(), "-o", str(tmp_path / "output")])
    assert told in result.stderr or (isinstance(result.exception, ConfigError) and told in str(result.exception))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["preprocess", "train", "classify", "stream"])
def test_resume_and_overwrite_exclude_each_other(command, job, tmp_path):
    sources = job / {"preprocess": "set", "train": "windows.h5", "classify": "day.mseed"}.get(command, "h:1")
    more = ["--select", "GE.A..HHZ", "--model", "nowhere"] if command == "stream" else []
    result = CliRunner().invoke(
        cli, [command, str(sources), "-o", str(tmp_path / "o"), "--resume", "--overwrite", *more]
    )
    assert result.exit_code == 2
    assert "use --resume or --overwrite, not both" in result.output


def test_unknown_keys_and_commands_name_the_nearest(job, tmp_path):
    (tmp_path / "c.toml").write_text("[train]\nmomentun = 0.5\n")
    with pytest.raises(ConfigError, match="did you mean 'momentum'"):
        run("train", job / "windows.h5", "-o", tmp_path / "m.h5", "--config", tmp_path / "c.toml")
    result = CliRunner().invoke(cli, ["trian"])
    assert result.exit_code == 2
    assert "did you mean 'train'" in result.output
    result = CliRunner().invoke(cli, ["-q", "train"])
    assert result.exit_code == 2 and "no option '-q' before the command" in result.output


@pytest.mark.parametrize(
    ("command", "lacks"),
    [
        ("preprocess gone.mseed -o w.h5", "[preprocess], only [train]"),
        ("train gone.h5 -o m.h5", "[train], only [pick]"),
        ("classify gone.mseed -o p.csv", "[pick], only [train]"),
        ("stream 127.0.0.1:1 --select GE.APE..HH? --model rockfall -o p.csv", "[pick], only [train]"),
    ],
)
def test_settings_of_other_commands_alone_are_told_to_change_nothing(command, lacks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(f"{lacks.split()[-1]}\n")
    for more in ([], ["-q"]):
        result = CliRunner().invoke(cli, [*command.split(), "--config", "c.toml", *more])
        assert isinstance(result.exception, SeisnetError)
        told = f"c.toml: changes nothing here: it has no table {lacks}"
        assert result.stderr.splitlines() == ([] if more else [told])


def test_errors_are_one_line_on_stderr_with_their_status(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["seisnet", "train", "missing.h5", "-o", "m.h5"])
    with pytest.raises(SystemExit) as status:
        main()
    captured = capsys.readouterr()
    assert (status.value.code, captured.out) == (1, "")
    assert captured.err == "seisnet: missing.h5: no such file\n"


def test_a_folder_where_nothing_can_be_written_is_one_line(monkeypatch, capsys):
    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied", "folder/.picks.csv.parts")

    monkeypatch.setattr("seisnet.cli.cli", refuse)
    with pytest.raises(SystemExit) as status:
        main()
    assert status.value.code == 1
    assert capsys.readouterr().err == "seisnet: folder/.picks.csv.parts: Permission denied\n"


def test_patterns_in_arguments_are_left_alone_also_on_windows(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").touch()
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(sys, "argv", ["seisnet", "d?mo", "--help"])
    with pytest.raises(SystemExit) as status:
        main()
    monkeypatch.undo()  # before pytest makes paths
    assert status.value.code == 2
    assert "no command 'd?mo'" in capsys.readouterr().err


def test_a_lack_of_memory_is_one_line(monkeypatch, capsys, tmp_path):
    def starve(*_):
        raise MemoryError

    (tmp_path / "day.mseed").write_bytes(b"000001D ")
    monkeypatch.setattr("seisnet.waveforms.files._read", starve)
    monkeypatch.setattr(sys, "argv", ["seisnet", "inspect", str(tmp_path / "day.mseed")])
    with pytest.raises(SystemExit) as status:
        main()
    assert (status.value.code, capsys.readouterr().err) == (1, "seisnet: not enough memory\n")


def test_python_is_told_of_arguments_and_the_command_line_of_options(monkeypatch, capsys, tmp_path, make_trace, noise):
    path, day = tmp_path / "picks.csv", tmp_path / "day.mseed"
    path.write_text("precious")
    make_trace(noise(3000)).write(str(day), format="MSEED")
    python = {
        "exists; choose another name, or use overwrite=True": partial(write_picks, [], path),
        "name a catalogue or a CSV with labels=...": partial(preprocess, [day]),
        "set with selection=... which channels": partial(preprocess, ["fdsn:X"], [path]),
    }
    for told, ask in python.items():
        with pytest.raises(SeisnetError, match=re.escape(told)):
            ask()
    command_line = {
        "exists; choose another name, or use --overwrite\n": ["classify", day, "-o", path],
        "name a catalogue or a CSV with --labels\n": ["preprocess", day, "-o", tmp_path / "w.h5"],
        "set with --select, --starttime and --endtime which": ["preprocess", "fdsn:X", "-o", tmp_path / "w.h5"],
    }
    for told, arguments in command_line.items():
        monkeypatch.setattr(sys, "argv", ["seisnet", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
        assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("work", "arguments", "advice"),
    [
        (
            "preprocessing.job.preprocess_to_file",
            ("preprocess", "set", "-o", "w.h5"),
            "; the same command with --resume continues",
        ),
        ("training.fitting.fit", ("train", "w.h5", "-o", "m.h5"), "; the same command with --resume continues"),
        (
            "training.fitting.fit",
            ("train", "w.h5", "-o", "m.h5", "--overwrite"),
            "; the same command with --resume in place of --overwrite continues",
        ),
        ("inspection.describe", ("inspect", __file__), ""),
    ],
)
def test_control_c_is_one_line_that_says_how_to_go_on(monkeypatch, capsys, work, arguments, advice):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"seisnet.{work}", interrupt)
    monkeypatch.setattr(sys, "argv", ["seisnet", *arguments])
    with pytest.raises(SystemExit) as status:
        main()
    assert status.value.code == 130
    assert capsys.readouterr().err == f"seisnet: interrupted{advice}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    output = run(command, "--help").output
    assert "Example" in output and "seisnet " in output
    assert "..." not in output.partition("\nCommands:")[2]  # every command fits its line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command):
    group = cli.get_command(click.Context(cli), command)
    for one in getattr(group, "commands", {"": group}).values():
        assert [option.name for option in one.params if isinstance(option, click.Option) and not option.help] == []


@pytest.mark.parametrize(
    ("command", "config"),
    [("train", TrainConfig()), ("preprocess", PreprocessConfig()), ("datasets export", ExportConfig())],
)
def test_defaults_in_help_are_those_of_the_settings(command, config):
    found = cli
    for name in command.split():
        found = found.get_command(click.Context(cli), name)
    options = [o for o in found.params if o.name in vars(config)]
    depends = {"class_names", "learning_rate", "distil", "keep"}  # on the labels, the optimiser, the model
    for option in (o for o in options if o.name not in depends):
        value = getattr(config, option.name)
        values = value if isinstance(value, tuple) else (value,)
        assert option.help.endswith(f"[{','.join(v if isinstance(v, str) else f'{v:g}' for v in values)}]")
    assert len(options) > 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_quiet_and_verbose(command):
    top = cli.get_command(click.Context(cli), command)
    for member in top.commands.values() if isinstance(top, click.Group) else [top]:
        names = [name for option in member.params for name in option.opts]
        assert [names.count(name) for name in ("-q", "--quiet", "-v", "--verbose")] == [1, 1, 1, 1]
    assert run("models", "show", "phase", "-q", "-v").output == run("models", "show", "phase").output


def test_a_threshold_may_be_of_a_class_with_an_equals_sign_in_its_name():
    assert pick_config(None, ("M<=1=0.6", "P = 0.5"), {}, console.Teller()).thresholds == {"M<=1": 0.6, "P": 0.5}


def test_help_imports_nothing_heavy():
    code = "import sys; from seisnet.cli import cli; cli(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("numpy", "obspy", "h5py", "matplotlib", "scipy"):
        assert f"'{heavy}'" not in modules
