"""What is in a file, in words."""

import os

import h5py
import numpy as np
import obspy
import pytest
from click.testing import CliRunner

from seisnet.cli import cli
from seisnet.config import PreprocessConfig
from seisnet.errors import DataError, FormatError
from seisnet.inspection import MOST, describe
from seisnet.preprocessing.job import preprocess_to_file
from seisnet.store.model_file import StoredModel, StoredStage, write_model
from seisnet.store.windows_file import read_info


def test_a_windows_file_tells_counts_sources_and_config(labelled, tmp_path):
    path = tmp_path / "windows.h5"
    info = preprocess_to_file([str(labelled.dataset)], config=PreprocessConfig(split_by="event"), output=path)
    lines = describe(path)
    assert lines[0].startswith(f"{path}: seisnet windows file, ")
    assert "windows of 4 s at 100 Hz" in lines[0]
    text = "\n".join(lines)
    for expected in (
        "feature: logspec 3 x 19 x 10 (components first)",
        "split by: event (no event lies in two splits), ",
        "windows of each split and class; augmented ones are ",
        "train: P ",
        "dev: P ",
        "test: P ",
        "augmented",
    ):
        assert expected in text
    assert f"source: {labelled.dataset}, " in text
    assert text.count("not used: ") == len({r[3] for r in info.rejected})
    assert '"window_s": 4.0' in lines[-1]


def test_of_many_sources_reasons_and_traces_the_first_are_listed_unless_all_are_asked_for(labelled, tmp_path):
    path = tmp_path / "windows.h5"
    preprocess_to_file([str(labelled.files)], [str(labelled.csv)], PreprocessConfig(), output=path)
    n = len(read_info(path).sources)
    assert n > MOST
    for every, listed in ((False, MOST), (True, n)):
        lines = describe(path, every=every)
        assert sum(line.startswith("source: ") for line in lines) == listed
        assert (f"{n - MOST} more source{'s' if n - MOST > 1 else ''}; use -v to see all" in lines) != every
    parts = [trace.slice(trace.stats.starttime + k, trace.stats.starttime + k + 0.5)
             for trace in obspy.read() for k in range(10)]  # fmt: skip
    obspy.Stream(parts).write(str(tmp_path / "a.mseed"), format="MSEED")
    assert describe(tmp_path / "a.mseed")[-1] == "10 more traces; use -v to see all"
    assert len(describe(tmp_path / "a.mseed", every=True)) == 31


def test_a_group_of_which_no_window_is_left_is_not_counted(labelled, tmp_path):
    path = tmp_path / "windows.h5"
    preprocess_to_file([str(labelled.dataset)], config=PreprocessConfig(split_by="event"), output=path)
    with h5py.File(path, "r+") as file:
        n = len(np.unique(file["group"]))
        names = [*file["group_names"].asstr()[:], "one that had augmented windows alone, in dev"]
        del file["group_names"]
        file["group_names"] = names
    assert f", {n} groups (events, or hours of a station)" in "\n".join(describe(path))


@pytest.mark.parametrize(("attribute", "value"), [("split_by", None), ("split_by", "chance"), ("window_s", "long")])
def test_a_windows_file_with_a_missing_or_absurd_attribute_is_an_error_in_one_line(
    attribute, value, labelled, tmp_path
):
    path = tmp_path / "windows.h5"
    preprocess_to_file([str(labelled.dataset)], config=PreprocessConfig(split_by="event"), output=path)
    with h5py.File(path, "r+") as file:
        del file.attrs[attribute]
        if value:
            file.attrs[attribute] = value
    with pytest.raises(FormatError, match=r"windows\.h5: damaged or incomplete: "):
        describe(path)


@pytest.mark.parametrize("members", [1, 3])
def test_a_model_file_tells_layers_thresholds_training_and_card(members, tmp_path):
    theta = np.zeros((members, 60 * 8 + 8 + 8 * 3 + 3) if members > 1 else 60 * 8 + 8 + 8 * 3 + 3, dtype=np.float32)
    model = StoredModel(
        stages=(StoredStage(theta, (60, 8, 3), "relu"),),
        classes=("P", "S", "noise"),
        mean=np.zeros(60, dtype=np.float32),
        scale=np.ones(60, dtype=np.float32),
        preprocess={"window_s": 4.0},
        train={"seed": 3, "members": members},
        thresholds={"P": 0.5, "S": 0.45},
        history={"dev_macro_f1": np.array([0.5, 0.75])},
        card="# Card\n\nNothing much.",
        attributes={"seisnet_version": "0.1.0"},
    )
    write_model(tmp_path / "model.h5", model)
    text = "\n".join(describe(tmp_path / "model.h5"))
    for expected in (
        "seisnet model file, classes P, S, noise",
        "layers 60-8-3, relu, 515 parameters",
        "thresholds: P 0.5, S 0.45",
        f"training: 2 epochs{' of 3 networks' if members == 3 else ''}, best dev macro-F1 0.7500",
        "seisnet_version: 0.1.0",
        '"window_s": 4.0',
        "# Card",
    ):
        assert expected in text
    assert ("3 members" in text) == (members > 1)


def test_a_waveform_file_tells_its_traces(tmp_path):
    path = tmp_path / "a.mseed"
    obspy.read().write(str(path), format="MSEED")
    lines = describe(path)
    assert lines[0] == f"{path}: MSEED file, 3 traces"
    assert lines[1] == (
        "BW.RJOB..EHZ  2009-08-24T00:20:03.000000Z to 2009-08-24T00:20:32.990000Z  100 Hz  3000 samples  float64"
    )


def test_a_damaged_waveform_file_says_so(tmp_path):
    path = tmp_path / "a.mseed"
    obspy.read().write(str(path), format="MSEED")
    path.write_bytes(path.read_bytes()[:-100])
    assert describe(path)[-1] == f"note: damaged, read as far as possible: {path}: the last record is cut short"


def test_a_text_file_that_is_cut_short_tells_the_samples_that_are_there(tmp_path):
    path = tmp_path / "a.tspair"
    obspy.read()[:1].write(str(path), format="TSPAIR")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:501]))
    _, trace, note = describe(path)
    assert "to 2009-08-24T00:20:07.990000Z  100 Hz  500 samples" in trace
    assert note == f"note: damaged, read as far as possible: {path}: BW.RJOB..EHZ has 500 of 3000 samples"


def test_a_seed_below_zero_is_refused_as_wrong_usage(tmp_path):
    done = CliRunner().invoke(cli, ["inspect", str(tmp_path / "w.h5"), "--plot", str(tmp_path / "a"), "--seed", "-1"])
    assert done.exit_code == 2 and "--seed" in done.output


def test_what_is_no_file_of_ours_or_of_obspys_is_one_line(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file.attrs["format"] = "seisnet-probabilities"
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "other.h5").read_bytes()[:100])
    for name, message, kind in (
        ("other.h5", "an HDF5 file, but not a windows or model file of seisnet", DataError),
        ("p.h5", "a file of format 'seisnet-probabilities', but not a windows or model file", DataError),
        ("text.txt", "not a waveform format that ObsPy reads; inspect reads waveforms, windows and models", DataError),
        ("empty", "the file is empty", DataError),
        ("gone", "no such file", DataError),
        (".", "inspect describes one file; name one; classify and preprocess --dry-run read", DataError),
        ("pipe", "a pipe or device; a file is needed", DataError),
        ("cut.h5", "a damaged HDF5 file", FormatError),
    ):
        with pytest.raises(kind) as error:
            describe(tmp_path / name)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_an_audit_sheet_is_of_windows_alone(labelled, tmp_path):
    file = next(labelled.files.iterdir())
    done = CliRunner().invoke(cli, ["inspect", str(file), "--plot", str(tmp_path / "a")])
    assert "not HDF5; --plot draws windows files" in str(done.exception)
    assert done.output == ""
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("source", ["sds:/archive", "fdsn:GEOFON", "."])
def test_what_reads_sources_that_are_no_file_is_told(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["inspect", source])
    assert str(done.exception).startswith(f"{source}: inspect describes one file; ")
