"""Hard negatives: where a model is wrong, and nowhere else."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.errors import ConfigError
from seisnet.picks import Pick
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.preprocessing.mining import load_miner, mine
from seisnet.store.windows_in_memory import read_windows
from seisnet.training.fitting import fit
from seisnet.waveforms.records import NS_PER_S
from seisnet.windows.labelled import LabelledRecord

START_NS = 1_577_836_800 * NS_PER_S
CONFIG = PreprocessConfig(split_by="event", shifts=2, mine_windows=4)


def pick(seconds, phase="P", probability=0.9):
    return Pick(
        "GE", "APE", "", "HH", phase, START_NS + round(seconds * NS_PER_S), probability=probability, event_id="a"
    )


def model_that_sees(*picks):
    follower = SimpleNamespace(add=lambda *_, **__: SimpleNamespace(picks=list(picks)))
    return SimpleNamespace(classes=("P", "S", "noise"), follow=lambda *_: follower)


def test_false_picks_become_noise_and_those_near_labels_or_in_the_unknown_do_not(make_record):
    labels = (pick(100), pick(110, "S"), pick(200))
    seen = [
        pick(t, probability=p)
        for t, p in ((30, 0.6), (50, 0.7), (98.5, 0.9), (100.1, 0.9), (105, 0.8), (118, 0.95), (250, 1.0))
    ]
    record = LabelledRecord(make_record(np.zeros(30_000)), labels)
    found = mine(record, model_that_sees(*seen), replace(CONFIG, mine_weight=2.0))
    # 250 follows a P whose S nobody picked; the surest comes first.
    assert [w.first_sample / 100 + 2 for w in found] == [118, 105, 50, 30]
    assert all((w.label, w.weight, w.augmented) == ("noise", 2.0, True) and np.isnan(w.onset_s) for w in found)
    assert {w.event for w in found[:2]} == {"a"}
    assert len(mine(record, model_that_sees(*seen), replace(CONFIG, mine_windows=2))) == 2


def test_nothing_is_mined_where_nothing_is_known(make_record):
    record = make_record(np.zeros(30_000))
    assert mine(LabelledRecord(record, ()), model_that_sees(pick(50)), CONFIG) == []
    assert len(mine(LabelledRecord(record, (), is_noise=True), model_that_sees(pick(50)), CONFIG)) == 1


def test_mined_windows_are_added_to_train_counted_and_the_rest_stays(labelled, tmp_path):
    sources = [str(labelled.dataset)]
    preprocess_to_file(sources, [], CONFIG, output=tmp_path / "w.h5")
    plain = read_windows(tmp_path / "w.h5")
    model, _ = fit(plain, TrainConfig(epochs=1, hidden=(8,), context=False, onset=False))  # one that is often wrong
    model.save(tmp_path / "m.h5")
    info = preprocess_to_file(
        sources, [], replace(CONFIG, mine_threshold=0.2), output=tmp_path / "x.h5", miner=str(tmp_path / "m.h5")
    )
    rows = read_windows(tmp_path / "x.h5").rows
    assert len(info.attributes["miner_sha256"]) == 64
    before, after = ({*zip(r.trace_id, r.start_ns, r.y, r.split, strict=True)} for r in (plain.rows, rows))
    assert before < after
    assert info.attributes["mined_windows"] == len(rows) - len(plain.rows) > 0
    assert all(y == 2 and split == 0 for _, _, y, split in after - before)
    assert not rows.augmented[rows.split > 0].any()


def test_a_model_that_was_trained_anew_under_the_same_name_mines_anew(labelled, tmp_path):
    config = replace(CONFIG, mine_threshold=0.2)
    preprocess_to_file([str(labelled.dataset)], [], CONFIG, output=tmp_path / "w.h5")
    for seed, names in ((0, ["m"]), (1, ["m", "n"])):
        settings = TrainConfig(epochs=1, hidden=(8,), context=False, onset=False, seed=seed)
        model, _ = fit(read_windows(tmp_path / "w.h5"), settings)
        for name in names:
            model.save(tmp_path / f"{name}.h5", overwrite=True)
            mining = {"miner": str(tmp_path / f"{name}.h5"), "overwrite": True}
            preprocess_to_file([str(labelled.dataset)], [], config, output=tmp_path / f"{name}w.h5", **mining)
    again, other = (read_windows(tmp_path / f"{name}w.h5").rows for name in ("m", "n"))
    np.testing.assert_array_equal(again.start_ns, other.start_ns)


def test_a_model_of_another_rate_or_response_or_of_classes_is_refused(untrained_model, tmp_path):
    untrained_model.save(tmp_path / "m.h5")
    with pytest.raises(ConfigError, match=r"records with sampling_rate_hz = 100\.0; the windows have 50\.0"):
        load_miner(str(tmp_path / "m.h5"), "", replace(CONFIG, sampling_rate_hz=50.0, freqmax_hz=20.0))
    with pytest.raises(ConfigError, match="records with response = none; the windows have velocity"):
        load_miner(str(tmp_path / "m.h5"), "", replace(CONFIG, response="velocity"))
    with pytest.raises(ConfigError, match="mined for task phase, not for task class"):
        load_miner(str(tmp_path / "m.h5"), "", replace(CONFIG, task="class"))
