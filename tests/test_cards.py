"""The card that training writes: true, complete, and the same for the same inputs."""

import dataclasses
import re
from contextlib import ExitStack

import numpy as np
import pytest
from click.testing import CliRunner

from seisnet.cli import cli
from seisnet.config import PreprocessConfig, TrainConfig, load_toml, to_json
from seisnet.errors import ConfigError
from seisnet.features import make_feature
from seisnet.model import Model, load_model
from seisnet.model_cards import SECTIONS, describe_model, summary_of
from seisnet.scoring.evaluation import evaluate
from seisnet.store.windows_file import WindowRows, WindowsInfo
from seisnet.store.windows_in_memory import Windows
from seisnet.store.windows_writer import writing
from seisnet.training.cards import with_card
from seisnet.training.fitting import fit
from seisnet.training.parents import Parent
from seisnet.training.window_data import load_windows

CLASSES = PreprocessConfig(
    task="class", class_names=("earthquake", "rockfall"), window_s=2.0, frame_s=0.5, hop_s=0.5, freqmax_hz=12.0
)
QUICK = TrainConfig(hidden=(8,), epochs=2, batch_size=32)


@pytest.fixture
def landslides():
    """Windows of two classes at two stations, the horizontals of which were not recorded; a quarter is for dev."""
    rng, n, shape = np.random.default_rng(0), 80, make_feature(CLASSES).shape
    x = rng.standard_normal((n, *shape)).astype(np.float32)
    x[:, 1:] = 0
    y = np.arange(n, dtype=np.uint8) // 2 % 2
    rows = WindowRows(
        x=x.reshape(n, -1),
        y=y,
        onset_s=np.full(n, np.nan, np.float32),
        start_ns=np.arange(n),
        trace_id=np.array(["XX.A..HH", "XX.B..HH"] * (n // 2), dtype=object),
        group=np.arange(n, dtype=np.uint32) // 4,
        split=np.isin(np.arange(n) % 8, (3, 5)).astype(np.uint8),
        weight=np.ones(n, np.float32),
        augmented=np.arange(n) % 8 == 0,
    )
    attributes = {"config": to_json(CLASSES), "labels_sha256": "abc", "miner_sha256": "def"}
    attributes |= {"sampling_rate_hz": 100.0, "window_s": 2.0, "created": "2031-05-06T07:08:09+00:00"}
    sources = tuple((f"/somewhere/else/{k:02}.mseed", 1, "0", 4) for k in range(20))
    return Windows(WindowsInfo(CLASSES.class_names, shape, tuple(map(str, range(n))), sources, (), attributes), rows)


def changed(windows, **columns):
    return dataclasses.replace(windows, rows=dataclasses.replace(windows.rows, **columns))


def card_of(windows, config=QUICK, **options):
    return fit(windows, config, **options)[0].stored.card


def section(card, name):
    return re.search(rf"^## {name}\n\n(.+?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)[1]


def test_the_card_of_a_phase_model_says_what_a_shipped_one_does_and_asks_for_the_rest(quake_model):
    card = quake_model.stored.card
    assert summary_of(card) == "Picks P and S; trained with seisnet 0.1.0 on 24 events at 4 stations."
    for name in set(SECTIONS) - {"Citation", "Licence"} | {"Networks"}:
        assert len(section(card, name)) > 20, name
    assert "`seisnet train\n--card FILE` puts words of yours" in section(card, "Citation and licence")
    assert "| P | 72 | 48 | 26 |" in section(card, "Data")
    assert "those within 30 s of each other" in " ".join(section(card, "Data").split())
    assert "Windows of 2 s at 50 Hz" in section(card, "Preprocessing")
    assert "`logspec`, 8 bands\ncentred on 2.5 to 20 Hz" in section(card, "Preprocessing")
    assert "unchanged" not in card
    assert max(map(len, card.splitlines())) <= 100


def test_its_figures_are_those_in_the_metrics_and_of_the_dev_split(quake_model, quakes):
    stored = quake_model.stored
    figures, thresholds = section(stored.card, "Figures"), section(stored.card, "Thresholds")
    for name in ("P", "S"):
        of_windows, of_picks = stored.metrics["dev_windows"]["classes"][name], stored.metrics["dev_picks"][name]
        assert f"| {name} | 26 | {of_windows['precision']:.2f} | {of_windows['recall']:.2f} |" in figures
        assert f"| {name} | 26 | {of_picks['precision']:.2f} | {of_picks['recall']:.2f} |" in figures
        assert f"{name} {stored.thresholds[name]:g}" in thresholds
    assert f"macro {stored.metrics['dev_windows']['macro_f1']:.2f}" in figures
    assert stored.metrics["dev_windows"]["macro_f1"] == pytest.approx(stored.history["dev_macro_f1"].max())
    assert "Chosen on dev: P, S" in thresholds and "budget" not in thresholds


def test_the_test_split_and_the_name_of_the_model_change_no_byte(landslides, tmp_path):
    split = np.where(np.arange(80) % 16 == 0, 2, landslides.rows.split).astype(np.uint8)
    windows = changed(landslides, split=split)
    other = changed(windows, x=np.where((split == 2)[:, None], np.float32(3.0), windows.rows.x))
    fit(windows, QUICK, name="a")[0].save(tmp_path / "a.h5")
    fit(other, QUICK, name="b")[0].save(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert describe_model(load_model(tmp_path / "b.h5"))[:3] == [
        "# b",
        "",
        "Tells earthquake and rockfall apart; trained with seisnet 0.1.0 on 20 events at 2 stations.",
    ]


def test_what_holds_noise_alone_is_no_event(landslides):
    config = dataclasses.replace(CLASSES, class_names=("earthquake", "noise"))
    info = dataclasses.replace(landslides.info, classes=config.class_names, attributes={"config": to_json(config)})
    windows = changed(dataclasses.replace(landslides, info=info), group=np.arange(80, dtype=np.uint32) // 2)
    assert "| events | 20 |  | 10 |" in section(card_of(windows), "Data")


def test_the_card_of_a_class_model_names_neither_folders_nor_days(landslides):
    card = card_of(landslides)
    assert "20 sources: 00.mseed, 01.mseed" in card and "11.mseed, ..." in card
    assert "somewhere" not in card and "2031" not in card
    assert "2 stations to learn from: XX.A, XX.B\n" in card
    assert "| rockfall | 30 | 0 | 10 |" in card and "| earthquake | 30 | 10 | 10 |" in card
    assert section(card, "Thresholds").startswith("earthquake 0.7, rockfall 0.7. By default: earthquake, rockfall;")
    assert section(card, "Calibration").startswith("None (temperature 1)")
    assert "Picks by all stages" not in card


def test_limits_follow_from_the_data(landslides):
    limits = " ".join(section(card_of(landslides), "Limits").split())
    for said in ("few events: 20.", "a component N or E.", "from 1 of 1 station of", "few windows: 10 earthquake"):
        assert said in limits
    assert "one station" not in limits
    rows = landslides.rows
    here = np.where(rows.split == 0, "XX.A..HH", "XX.C..HH").astype(object)
    whole = changed(landslides, x=rows.x + 1, trace_id=here, group=np.arange(80, dtype=np.uint32))
    limits = " ".join(section(card_of(whole), "Limits").split())
    assert "one station: what it does at others than XX.A is not known" in limits
    for said in ("few events", "a component", "stations that are new"):
        assert said not in limits


def test_without_a_dev_split_the_card_has_no_figures(landslides):
    card = card_of(changed(landslides, split=np.zeros(80, np.uint8)))
    assert section(card, "Figures").startswith("None: there is no dev split.")
    assert "The last epoch was kept." in " ".join(card.split())
    assert "few windows" not in card


def test_the_settings_of_the_card_are_those_of_the_training(landslides, tmp_path):
    config = dataclasses.replace(QUICK, optimizer="adam", learning_rate=1e-5)
    steps = [line.strip() for line in section(card_of(landslides, config), "Reproduce").splitlines()]
    assert "seisnet preprocess SOURCE... --labels FILE... -o windows.h5 --mine MODEL --config settings.toml" in steps
    path = tmp_path / "settings.toml"
    path.write_text("\n".join(steps[steps.index("# settings.toml") :]))
    assert load_toml(path, PreprocessConfig) == CLASSES
    assert load_toml(path, TrainConfig) == config


def test_a_model_that_started_from_another_names_it(quake_model, quakes, small_training):
    dev = [e for e in quakes.windows.excerpts if e.split == 1][:3]
    few = dataclasses.replace(quakes.windows, excerpts=(*quakes.windows.excerpts[:24], *dev))
    config = dataclasses.replace(small_training, epochs=1, onset=False, context=False, false_alarms_per_hour=2.0)
    card = card_of(few, config, init=quake_model)
    whole = " ".join(card.split())
    assert summary_of(card).endswith("at 4 stations, starting from `quakes`.")
    for said in (
        "What `quakes` had learned from before is in the card of that model.",
        "The stage that reads context is that of `quakes`, unchanged.",
        "Those of `quakes`: P, S; the excerpts of dev hold fewer than 20 onsets of each.",
        "A budget of false picks (2 an hour) was asked for, but nothing could judge it.",
        ", that of `quakes`): probabilities may be",
        "seisnet train windows.h5 -o model.h5 --init quakes.h5 --config settings.toml",
    ):
        assert said in whole
    assert "hidden" not in section(card, "Reproduce")  # those of the model that it starts from


def test_a_budget_and_what_has_come_of_it_are_told(quakes, small_training):
    config = dataclasses.replace(small_training, false_alarms_per_hour=5.0)
    model, _ = fit(quakes.windows, config)
    quiet = {name: found["quiet_false_an_hour"] for name, found in model.stored.metrics["dev_picks"].items()}
    assert max(quiet.values()) <= 5
    said = " ".join(section(model.stored.card, "Thresholds").split())
    assert "A budget of false picks (5 an hour) came first" in said
    assert said.endswith(f"P {quiet['P']:.1f}, S {quiet['S']:.1f}.")


def test_uncertainties_that_too_few_picks_could_judge_are_told(quakes, quake_model):
    learned = load_windows(quakes.windows, TrainConfig(**quake_model.layers), None, ExitStack())

    def calibration(**recall):
        picks = {
            name: found | {"recall": recall[name]} for name, found in quake_model.stored.metrics["dev_picks"].items()
        }
        stored = dataclasses.replace(quake_model.stored, metrics={"dev_picks": picks})
        return " ".join(section(with_card(stored, learned, Parent(None)).card, "Calibration").split())

    factor = {name: f"{value:.2g}" for name, value in quake_model.stored.spread.items()}
    assert calibration(P=1.0, S=1.0).endswith(
        f"Uncertainties are multiplied (P {factor['P']}, S {factor['S']}) so that 68% of errors there are smaller."
    )
    assert calibration(P=1.0, S=0.5).endswith(
        f"Uncertainties are multiplied (P {factor['P']}) so that 68% of errors there are smaller. "
        "Uncertainties of S were not judged: fewer than 20 picks of each are right."
    )
    assert "multiplied" not in calibration(P=0.5, S=0.5)


def test_windows_on_the_card_are_scored_as_evaluate_scores_them(quakes, small_training):
    """An ensemble without later stages is averaged at its temperature, which may change what is most probable."""
    config = dataclasses.replace(small_training, members=3, context=False, onset=False, epochs=1)
    model, _ = fit(quakes.windows, config)
    learned = load_windows(quakes.windows, config, None, ExitStack())
    found = set()
    for temperature in (0.02, 1.0, 8.0):
        stored = dataclasses.replace(model.stored, temperature=temperature)
        on_card = with_card(stored, learned, Parent(None)).metrics["dev_windows"]
        judged = evaluate(Model("m", stored), quakes.windows, split="dev").metrics()
        assert (on_card["accuracy"], on_card["macro_f1"]) == (judged["accuracy"], judged["macro_f1"])
        found.add(on_card["macro_f1"])
    assert len(found) > 1


def test_words_of_the_user_come_first_and_nothing_is_asked_for(landslides):
    plain, words = card_of(landslides), "# Slope\n\nRockfalls.\n\n## Licence\n\nCC0"
    card = card_of(landslides, card=f"\n{words}\n\n")
    assert card == f"{words}\n\n## Model\n\n{plain.partition('## Citation and licence')[0]}".rstrip() + "\n"
    with pytest.raises(ConfigError, match="card: holds a zero byte"):
        fit(landslides, QUICK, card="a\0b")
    shown = describe_model(Model("other", dataclasses.replace(fit(landslides, QUICK)[0].stored, card=card)))
    assert shown[:3] == ["# Slope", "", "Rockfalls."]


def test_the_command_reads_the_words_from_a_file(landslides, tmp_path):
    with writing(tmp_path / "w.h5", landslides.info, len(landslides.rows)) as writer:
        writer.append(landslides.rows).fill(landslides.rows.x)
    (tmp_path / "words.md").write_text("Of the Hohe Wand \N{EN DASH} \N{COPYRIGHT SIGN} 2020.\n", encoding="utf-8-sig")
    (tmp_path / "other.md").write_text("Of Luhu.\n")
    (tmp_path / "latin.md").write_bytes(b"\xa9 2020")

    def train(*more):
        options = ["-o", tmp_path / "m.h5", "--hidden", 8, "--epochs", 2, "-q", *more]
        arguments = [str(a) for a in ("train", tmp_path / "w.h5", *options)]
        CliRunner().invoke(cli, arguments, catch_exceptions=False)

    with pytest.raises(ConfigError, match=r"latin\.md: not text in UTF-8"):
        train("--card", tmp_path / "latin.md")
    with pytest.raises(ConfigError, match=r"none\.md: No such file"):
        train("--card", tmp_path / "none.md")
    train("--card", tmp_path / "words.md")
    written = load_model(tmp_path / "m.h5").stored.card
    assert written.startswith("Of the Hohe Wand \N{EN DASH} \N{COPYRIGHT SIGN} 2020.\n\n## Model\n\nTells")
    train("--resume")
    train("--resume", "--card", tmp_path / "words.md")
    with pytest.raises(ConfigError, match="other settings, windows, initial weights or card"):
        train("--resume", "--card", tmp_path / "other.md")
