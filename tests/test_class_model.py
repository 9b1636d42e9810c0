"""The pipeline from a class folder to a model: nobody is judged on what they learned from, and the bytes repeat."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import obspy
import pytest

from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.errors import ConfigError, DataError
from seisnet.model import load_model
from seisnet.picks import Detection
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.store.windows_file import WindowRows, WindowsInfo

PIPELINES = Path(__file__).parents[1] / "pipelines"
S = 10**9
WORDS = ("summary", "data", "citation", "licence", "classes", "limits", "command")
TEXT = "\n".join(["[card]", *(f'{word} = "Said in words."' for word in WORDS)])


@pytest.fixture
def pipeline(monkeypatch):
    known = set(sys.modules)
    monkeypatch.syspath_prepend(PIPELINES)
    import class_model

    yield class_model
    for name in {path.stem for path in PIPELINES.glob("*.py")} & sys.modules.keys() - known:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Hums and rattles at two stations, six events of each on two days, and noise."""
    folder, rng, rate_hz, n = tmp_path_factory.mktemp("classes") / "set", np.random.default_rng(0), 20.0, 400
    columns = (
        "trace_start_time", "trace_sampling_rate_hz", "trace_component_order", "trace_channel", "trace_category",
        "station_network_code", "station_code", "source_id",
    )  # fmt: skip
    t = np.arange(n) / rate_hz
    with new_seisbench(folder, columns, data_format={"component_order": "ZNE"}) as writer:
        for i in range(18):
            name, hz = (("hum", 2.0), ("rattle", 7.0), ("noise", 0.0))[i % 3]
            start = obspy.UTCDateTime(2020, 1, 1 + i // 9) + 60 * i
            for station in ("A", "B"):
                signal = 30 * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6)) + rng.normal(size=(3, n))
                codes = (str(start), rate_hz, "ZNE", "EH", name, "XX", station, "" if name == "noise" else f"event{i}")
                writer.add(dict(zip(columns, codes, strict=True)), signal.astype(np.float32))
    return folder


def settings(pipeline):
    return pipeline.Settings(
        pipeline.ClassWords(**dict.fromkeys(WORDS, "Said in words.")),
        PreprocessConfig(
            task="class",
            class_names=("hum", "rattle", "noise"),
            sampling_rate_hz=20.0,
            window_s=8.0,
            frame_s=1.6,
            hop_s=1.6,
            freqmin_hz=1.0,
            freqmax_hz=9.0,
            shifts=1,
            shift_s=2.0,
            split=(1.0, 0.0, 0.0),
            split_by="event",
        ),
        TrainConfig(hidden=(8,), epochs=6, dropout=0.0, input_noise=0.0),
        pipeline.ValidationConfig(folds=3),
    )


def test_the_same_run_twice_gives_the_same_bytes_a_card_and_figures(pipeline, dataset, tmp_path):
    (tmp_path / "list.csv").write_text("class,time,score\nhum,2020-01-01T00:00:10Z,0.9\nhum,2020-01-01T00:01:10Z,0.1\n")
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        metrics = pipeline.main(
            [str(dataset)],
            tmp_path / name / "sounds.h5",
            settings(pipeline),
            records=[str(dataset)],
            reference=tmp_path / "list.csv",
            say=lambda _: None,
        )
        made.append([(tmp_path / name / f"sounds.{end}").read_bytes() for end in ("h5", "json", "md")])
    assert made[0] == made[1]
    model = load_model(tmp_path / "a" / "sounds.h5")
    assert json.loads(made[0][1]) == model.stored.metrics == json.loads(json.dumps(metrics))
    assert made[0][2].decode() == model.stored.card
    found = metrics["cross_validation"]
    assert found["macro_f1"] > 0.9
    assert found["blocks"] == 18
    assert found["macro_f1_interval_95"][0] <= found["macro_f1"] <= found["macro_f1_interval_95"][1]
    altered = metrics["altered"]
    assert {n["windows"] for n in altered.values()} == {found["windows"]}
    assert {n["as_they_are"] for n in altered.values()} == {found["macro_f1"]}
    assert altered["turned over, 1000 times as large"]["largest_change"] < 1e-3
    slow = altered["as if sampled at 4 Hz"]  # of the rattle's 7 Hz nothing is left
    assert slow["macro_f1"] < 0.8 and slow["largest_change"] > 0.5
    assert metrics["across_recordings"]["recordings"] == 2
    assert model.stored.thresholds == metrics["thresholds"]
    assert set(metrics["thresholds"]) == {"hum", "rattle"}
    hum = metrics["records"]["rows"][0]
    assert (hum["class"], hum["threshold"]) == ("hum", metrics["thresholds"]["hum"])
    assert hum["listed"] == hum["found"] == 1


def windows_of(pipeline, y, start_s, group):
    n = len(y)
    rows = WindowRows(
        x=np.zeros((n, 2), np.float32),
        y=np.array(y, np.uint8),
        onset_s=np.full(n, np.nan, np.float32),
        start_ns=np.array(start_s, np.int64) * S,
        trace_id=np.array(["XX.A..EH"] * n, dtype=object),
        group=np.array(group, np.uint32),
        split=np.zeros(n, np.uint8),
        weight=np.ones(n, np.float32),
        augmented=np.zeros(n, np.bool_),
    )
    return pipeline.Windows(WindowsInfo(("hum", "noise"), (1, 1, 2), ("a", "b", "c"), (), (), {}), rows)


@pytest.mark.parametrize("within", [0, 2, 20, 100])
def test_times_join_as_in_the_naive_way(within, pipeline):
    from class_validation import join_times

    assert len(join_times(np.zeros(0, np.int64), within)) == 0
    seconds = np.random.default_rng(within).integers(0, 1000, 40)
    groups = join_times(seconds * S, within)
    parent = list(range(len(seconds)))
    for _ in seconds:
        for i, a in enumerate(seconds):
            for j, b in enumerate(seconds):
                if abs(a - b) <= within:
                    parent[i] = parent[j] = min(parent[i], parent[j])
    for i in range(len(seconds)):
        for j in range(len(seconds)):
            assert (groups[i] == groups[j]) == (parent[i] == parent[j])
            assert groups[i] <= groups[j] or seconds[i] > seconds[j]


def test_blocks_join_windows_of_one_event_and_of_one_time_but_not_of_a_noisy_hour(pipeline):
    config = PreprocessConfig(task="class", class_names=("hum", "noise"), window_s=8.0, shift_s=1.0)
    # Two of event a far apart; one of event b that overlaps with the second; two of noise in one station-hour.
    made = windows_of(pipeline, [0, 0, 0, 1, 1], [0, 100, 105, 200, 300], [0, 0, 1, 2, 2])
    blocks = pipeline.blocks_of(made, config)
    assert blocks[0] == blocks[1] == blocks[2]
    assert len(set(blocks)) == 3


def test_no_block_is_in_two_folds_and_every_class_is_dealt_evenly(pipeline):
    from class_validation import folds_of

    blocks = np.repeat(np.arange(12), 5)
    y = np.repeat([0] * 6 + [1] * 6, 5)
    folds = folds_of(y, blocks, pipeline.ValidationConfig(folds=3))
    for block in range(12):
        assert len(set(folds[blocks == block])) == 1
    for label in (0, 1):
        assert [len(set(blocks[(folds == k) & (y == label)])) for k in range(3)] == [2, 2, 2]


def test_a_threshold_lies_in_the_gap_that_gives_the_best_f1(pipeline):
    from class_figures import thresholds_of

    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.3, 0.7], [0.1, 0.9]], dtype=np.float32)
    assert thresholds_of(np.array([0, 0, 1, 1]), probabilities, ("hum", "noise")) == {"hum": 0.5}


def test_no_threshold_is_rounded_out_of_its_gap(pipeline):
    """Two decimals would make 1 of it, which no window reaches."""
    from class_figures import thresholds_of

    hum = np.array([0.9995, 0.9994, 0.999, 0.1])
    found = thresholds_of(np.array([0, 0, 1, 1]), np.stack([hum, 1 - hum], axis=1), ("hum", "noise"))
    assert found == {"hum": 0.9992}


def test_what_is_not_known_is_null_in_the_figures_and_none_on_the_card(pipeline):
    """The third class is never predicted, nor is it there; of five blocks there is no interval."""
    from class_card import _score_table
    from class_figures import scores_of

    probabilities = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]] * 5)
    found = scores_of(np.arange(10) % 2, probabilities, np.arange(10) // 2, ("hum", "noise", "rattle"), 0)
    json.dumps(found, allow_nan=False)
    assert found["classes"]["rattle"]["precision"] is found["classes"]["rattle"]["f1"] is None
    assert found["macro_f1_interval_95"] == [None, None]
    assert _score_table(found).splitlines()[2:] == [
        "| hum | 5 | 5 | 1.00 | 1.00 | 1.00 |",
        "| noise | 5 | 5 | 1.00 | 1.00 | 1.00 |",
        "| rattle | 0 | 0 | none | none | none |",
        "| all | 10 | 5 | | accuracy 1.00 | macro 1.00 |",
    ]


def test_shared_detections_and_their_comparison_with_a_list(pipeline):
    import class_records

    def at(station, start_s, end_s, label="hum"):
        return Detection("XX", station, "", "EH", label, start_s * S, end_s * S, 0.9, "m", 0.5)

    shared = class_records.share([at("A", 0, 10), at("B", 8, 15), at("A", 50, 60), at("A", 61, 70), at("B", 90, 95)])
    assert shared == [(0, 15 * S)]
    said = [class_records.Reference("hum", t * S, score) for t, score in ((17, 1.0), (40, 1.0), (14, 0.1))]
    assert class_records.compare(shared, said, 3 * S) == {"listed": 2, "found": 1, "not_listed": 0}
    assert class_records.compare(shared, [], 3 * S) == {"listed": 0, "found": 0, "not_listed": 1}
    assert class_records.compare([], said, 3 * S) == {"listed": 2, "found": 0, "not_listed": 0}


def test_settings_of_the_repository_are_read_and_a_typo_is_told(pipeline, tmp_path):
    found = pipeline.Settings.read(PIPELINES / "class_model.toml")
    assert found.preprocess.task == "class"
    assert found.preprocess.split == (1.0, 0.0, 0.0)
    assert all(vars(found.card).values())
    text = (PIPELINES / "class_model.toml").read_text(encoding="utf-8")
    (tmp_path / "typo.toml").write_text(text.replace("folds", "fold"), encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean 'folds'"):
        pipeline.Settings.read(tmp_path / "typo.toml")
    assert dataclasses.replace(found.validation, folds=2).folds == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No such file or directory"),
        ("x = [", "not TOML"),
        ("card = 'words'", r"\[card\]: got 'words'; a table is needed"),
        ("[train]", r"\[card\]: say in words summary, data, citation, licence, limits, classes; the card"),
        (TEXT.replace('limits = "Said in words."', ""), r"\[card\]: say in words limits; the card"),
        (TEXT.replace("limits", "limit"), r"\[card\]: unknown key 'limit'; did you mean 'limits'"),
        (TEXT + "\n[trian]", r"unknown table trian; did you mean 'train'"),
        (TEXT + "\n[validation]\nfolds = 1", "folds: got 1; it must lie between 2 and 1000"),
    ],
)
def test_settings_that_would_fail_after_all_training_are_told_before(pipeline, tmp_path, text, told):
    if text is not None:
        (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError, match=told):
        pipeline.Settings.read(tmp_path / "c.toml")


def test_what_cannot_be_done_is_told_before_anything_is_trained(pipeline, dataset, tmp_path, monkeypatch):
    def main(sources, output, *, preprocess=None, **more):
        chosen = settings(pipeline)
        chosen = dataclasses.replace(chosen, preprocess=dataclasses.replace(chosen.preprocess, **(preprocess or {})))
        return pipeline.main(sources, output, chosen, say=lambda _: None, **more)

    monkeypatch.setattr(pipeline, "fit", None)
    monkeypatch.setattr("class_validation.fit", None)
    output = tmp_path / "m.h5"
    with pytest.raises(ConfigError, match=r"the folder .*nowhere does not exist"):
        main([str(dataset)], tmp_path / "nowhere" / "m.h5")
    with pytest.raises(ConfigError, match="is also an input"):
        main([str(dataset / "waveforms.hdf5")], dataset / "waveforms.hdf5")
    with pytest.raises(ConfigError, match="--records and --reference go together"):
        main([str(dataset)], output, records=["recordings"])
    (tmp_path / "list.csv").write_text("name,time\nhum,2020-01-01\n")
    with pytest.raises(DataError, match=r"list.csv: a list of what recordings hold has columns class and time"):
        main([str(dataset)], output, records=["recordings"], reference=tmp_path / "list.csv")
    (tmp_path / "list.csv").write_text("class,time\nhum,noon\n")
    with pytest.raises(DataError, match=r"list.csv: time 'noon' is neither"):
        main([str(dataset)], output, records=["recordings"], reference=tmp_path / "list.csv")
    (tmp_path / "list.csv").write_text("class,time\nhum\n")
    with pytest.raises(DataError, match=r"list.csv: time '' is neither"):
        main([str(dataset)], output, records=["recordings"], reference=tmp_path / "list.csv")
    with pytest.raises(DataError, match=r"class blast: 0 blocks .* not used: class 'noise' is not one of hum, rattle"):
        main([str(dataset)], output, preprocess={"class_names": ("hum", "rattle", "blast")})
    assert not output.exists()


def test_the_command_says_in_one_line_what_is_missing(tmp_path):
    script = [sys.executable, str(PIPELINES / "class_model.py")]
    (tmp_path / "c.toml").write_text(TEXT)
    asked = [*script, "nowhere", "-o", "m.h5", "--config", "c.toml"]
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "class_model: nowhere: no such file or folder\n")
