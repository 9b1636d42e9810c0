"""``seisnet models``: list, show, export, and classify without a model."""

import dataclasses

import numpy as np
import obspy
import pytest

from seisnet import model as model_room
from seisnet import model_cards
from seisnet.config import PreprocessConfig
from seisnet.errors import ConfigError
from seisnet.features import make_feature
from seisnet.model import Model, load_model
from seisnet.model_cards import SECTIONS, describe_model
from seisnet.nn import Network
from seisnet.store.model_file import StoredModel, StoredStage
from tests.commands import run

CARD = "# phase\n\nPicks P and S.\n\n" + "\n\n".join(f"## {name}\n\nSaid." for name in SECTIONS) + "\n"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of shipped models that holds one, called phase, which has learned nothing."""
    config = PreprocessConfig()
    n = int(np.prod(make_feature(config).shape))
    network = Network((n, 8, 3), "relu", rng=np.random.default_rng(0))
    stored = StoredModel(
        stages=(StoredStage(network.theta, network.sizes, "relu"),),
        classes=config.classes,
        mean=np.zeros(n, dtype=np.float32),
        scale=np.ones(n, dtype=np.float32),
        preprocess=dataclasses.asdict(config),
        train={"seed": 3},
        thresholds={"P": 0.625, "S": 0.375},
        metrics={"test": {"macro_f1": 0.9}},
        card=CARD,
        attributes={"seisnet_version": "0.1.0"},
    )
    folder = tmp_path / "models"
    folder.mkdir()
    Model("phase", stored).save(folder / "phase.h5")
    for room in (model_room, model_cards):
        monkeypatch.setattr(room, "SHIPPED", folder)
    return folder


def test_list_names_each_model_with_classes_size_and_its_first_line(shipped):
    lines = run("models", "list").stdout.splitlines()
    assert len(lines) == 2
    assert lines[1].split("  ")[0] == "phase"
    for said in ("P, S, noise", "0.0 MB", "Picks P and S."):
        assert said in lines[1]


def test_list_of_an_installation_without_models_says_so(shipped):
    (shipped / "phase.h5").unlink()
    result = run("models", "list")
    assert result.stdout == ""
    assert "no model" in result.stderr


def test_show_prints_the_card_then_what_the_file_holds(shipped):
    out = run("models", "show", "phase").stdout
    assert out.startswith(CARD.rstrip())
    for said in (
        "thresholds: P 0.625, S 0.375",
        "stage 0: reads features",
        "seisnet_version: 0.1.0",
        "window_s = 4.0",
    ):
        assert said in out
    assert "- test: macro_f1 0.9\n" in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_a_card_is_brought_to_a_hundred_columns_and_large_tables_are_named(shipped):
    model = load_model("phase")
    names = ["set", "at a threshold that is the best for it alone", *(f"column number {k}" for k in range(8))]
    table = [names, ["---"] * 10, ["a_set_of_many_onsets", "0.891 (0.855 to 0.927)", *"01234567"]]
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in table)
    card = f"# phase\n\n{'word ' * 30}\nlast.\n\n- an item\n\n{rows}\n\n    python {'x' * 80}\n"
    metrics = {"few": {"P": {"f1": 0.123456, "n": 7}}, "many": list(range(50)), "flag": True}
    shown = describe_model(Model("phase", dataclasses.replace(model.stored, card=card, metrics=metrics)))
    assert shown[2:4] == [("word " * 20).strip(), "word " * 10 + "last."]
    assert "- an item" in shown and f"    python {'x' * 80}" in shown
    assert "a_set_of_many_onsets 0.891 (0.855 to 0.927) 0      1      2      3      4      5      6      7" in shown
    assert max(map(len, shown)) <= 100
    assert shown[-3:] == [
        "- few: P (f1 0.1235, n 7)",
        "- flag: yes",
        "- tables stored under these names in the JSON of /metrics: many",
    ]


def test_a_table_that_fits_has_its_names_in_one_line(shipped):
    stored = load_model("phase").stored
    card = "# m\n\n| a name | b | |\n|---|:-:|---|\n| 1 | long | |\n| - | | |"
    shown = describe_model(Model("phase", dataclasses.replace(stored, card=card)))
    assert shown[2:6] == ["a name  b", "------  ----  -", "1       long", "-"]


def test_show_takes_a_file_and_tells_a_model_without_card(shipped, tmp_path):
    model = load_model("phase")
    Model("own", dataclasses.replace(model.stored, card="")).save(tmp_path / "own.h5")
    assert run("models", "show", tmp_path / "own.h5").stdout.startswith("# own\n\nThis model has no card.")


def test_show_of_an_unknown_name_says_which_there_are(shipped):
    with pytest.raises(ConfigError, match="shipped models are phase"):
        run("models", "show", "phasse")


def test_export_writes_a_graph_and_says_what_is_in_it(shipped, tmp_path):
    onnx = pytest.importorskip("onnx")
    result = run("models", "export", "phase", "-o", tmp_path / "phase.onnx")
    assert "P, S, noise" in result.stderr
    assert "not exported" not in result.stderr
    assert onnx.load(tmp_path / "phase.onnx").graph.output[0].name == "probabilities"
    with pytest.raises(ConfigError, match="exists"):
        run("models", "export", "phase", "-o", tmp_path / "phase.onnx")
    run("models", "export", "phase", "-o", tmp_path / "phase.onnx", "--overwrite", "-q")


def test_export_says_which_stages_stay_behind(shipped, tmp_path):
    pytest.importorskip("onnx")
    stored = load_model("phase").stored
    mean, scale = np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32)
    later = StoredStage(np.zeros(12, dtype=np.float32), (3, 3), "relu", "context", mean, scale)
    Model("two", dataclasses.replace(stored, stages=(*stored.stages, later))).save(tmp_path / "two.h5")
    result = run("models", "export", tmp_path / "two.h5", "-o", tmp_path / "two.onnx")
    assert "not exported: the stage that reads context" in result.stderr


def test_classify_takes_the_shipped_model_phase_by_itself(shipped, tmp_path):
    obspy.read().write(str(tmp_path / "rjob.mseed"), format="MSEED")
    result = run("classify", tmp_path / "rjob.mseed", "-o", tmp_path / "picks.csv")
    assert "model phase, thresholds P 0.625, S 0.375" in result.stderr
    (shipped / "phase.h5").unlink()
    with pytest.raises(ConfigError, match="no models are shipped"):
        run("classify", tmp_path / "rjob.mseed", "-o", tmp_path / "more.csv")
    assert not (tmp_path / "more.csv").exists()
