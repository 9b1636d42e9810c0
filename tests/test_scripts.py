"""Benchmarks and pipelines as scripts: each explains itself, and says in one line what it lacks."""

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path
    for folder in ("benchmarks", "pipelines", "pipelines/lecture")
    for path in (ROOT / folder).glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)


@pytest.fixture
def call(monkeypatch, tmp_path, capsys):
    """Run a script in an empty folder; status, stdout and stderr."""
    known = set(sys.modules)

    def run(path, *arguments):
        monkeypatch.syspath_prepend(path.parent)
        monkeypatch.setattr(sys, "argv", [str(path), *arguments])
        with pytest.raises(SystemExit) as status:
            runpy.run_path(str(path), run_name="__main__")
        return status.value.code, *capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    yield run
    assert list(tmp_path.iterdir()) == []
    for name in {path.stem for folder in ("benchmarks", "pipelines") for path in (ROOT / folder).rglob("*.py")} - known:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_explains_itself_also_where_its_peers_are_not_installed(path, call):
    status, said, wrong = call(path, "--help")
    assert (status, wrong) == (0, "")
    first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first.strip('"') in said


@pytest.mark.parametrize(
    "words",
    [
        "benchmarks/accuracy.py --data nowhere",
        "benchmarks/hop.py --data nowhere",
        "benchmarks/picking.py --data nowhere",
        "benchmarks/shipped.py --data nowhere",
        "benchmarks/scan.py --model nowhere",
        "benchmarks/stream.py --model nowhere",
        "pipelines/fine_tuning.py --data nowhere.h5",
        "pipelines/fine_tuning.py --data nowhere.h5 --init rockfall",
        "pipelines/fine_tuning.py --data nowhere.h5 --folds 1",
        "pipelines/phase_model.py --data nowhere -o m.h5",
        "pipelines/class_model.py nowhere -o m.h5 --config nowhere.toml",
    ],
)
def test_what_is_missing_is_one_line(words, call):
    script, *arguments = words.split()
    status, _, wrong = call(ROOT / script, *arguments)
    assert status in (1, 2)
    (line,) = wrong.splitlines()
    assert line.startswith(f"{Path(script).stem}: ")


@pytest.mark.parametrize(
    "words",
    [
        "benchmarks/training.py --threads x",
        "benchmarks/training.py --batch-sizes 32,0",
        "benchmarks/training.py --rounds 0",
        "benchmarks/training_gpu.py --peers eager,none",
        "benchmarks/scan.py --hidden 64,",
        "benchmarks/scan.py --repeats 0",
        "benchmarks/archive.py --days 0",
        "benchmarks/stream.py --packet 0",
        "benchmarks/preprocessing.py --records 3",
    ],
)
def test_numbers_and_names_that_mean_nothing_are_a_wrong_call(words, call):
    script, *arguments = words.split()
    status, said, wrong = call(ROOT / script, *arguments)
    assert (status, said) == (2, "")
    assert f"{Path(script).name}: error: " in wrong.splitlines()[-1]
    assert arguments[0] in wrong.splitlines()[-1]
