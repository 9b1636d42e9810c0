"""The registry of public data sets, and the commands that show it."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from seisnet.cli.datasets import datasets
from seisnet.datasets import find_dataset, list_datasets, parse_entry
from seisnet.errors import ConfigError
from seisnet.waveforms.datasets import read_dataset

ENTRY = """
title = "A set"
task = "phase"
layout = "seisbench"
citation = "Nobody (2011)"
how_to_fetch = "Ask."
"""


def run(*arguments):
    return CliRunner().invoke(datasets, arguments)


def test_the_well_known_sets_are_there():
    names = {entry.name for entry in list_datasets()}
    assert names >= {
        "stead", "instance", "ethz", "geofon", "scedc", "pnw", "ceed", "iquique", "lendb", "mlaapde", "obs", "pisdl",
        "phasenet_ncedc_train154", "phasenet_ncedc_test100", "deepdenoiser_ncedc99", "obstransformer_sample",
        "pytheas_corinth", "scdetect_ch", "luhu_rockfall_eq_noise", "coal_mine_microseismic", "mars_insight",
    }  # fmt: skip


def test_every_file_of_the_folder_is_an_entry():
    folder = Path(__file__).resolve().parents[1] / "datasets"
    assert [entry.name for entry in list_datasets()] == sorted(path.stem for path in folder.glob("*.toml"))


@pytest.mark.parametrize("entry", list_datasets(), ids=lambda entry: entry.name)
def test_entries_make_sense(entry):
    assert entry.citation.endswith(".")
    assert entry.traces >= 0
    assert entry.size_gb >= 0
    assert list(entry.sampling_rates_hz) == sorted(entry.sampling_rates_hz)
    assert len(entry.sampling_rates_hz) <= 2
    assert not entry.doi.startswith("http")
    assert all(url.startswith("http") for url in (*entry.urls, entry.repository or "http"))
    assert entry.layout == "h5csv" or entry.seisbench_class
    assert entry.task == "class" or not entry.classes


def test_look_up_in_any_case_and_the_nearest_name():
    assert find_dataset(" STEAD ").name == "stead"
    assert find_dataset("Pytheas-Corinth").name == "pytheas_corinth"
    with pytest.raises(ConfigError, match="no data set is called 'insatnce'; did you mean 'instance'"):
        find_dataset("insatnce")
    with pytest.raises(ConfigError, match="known: ceed, "):
        find_dataset("qqq")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ENTRY + 'licnce = "MIT"', "a.toml: unknown key 'licnce'; did you mean 'licence'"),
        (ENTRY.replace("citation", "notes"), "a.toml: citation missing"),
        (ENTRY.replace("phase", "phasse"), "a.toml: task is 'phasse'; did you mean 'phase'"),
        (ENTRY + 'traces = "many"', "a.toml: traces: got 'many'"),
        ("title =", "a.toml: "),
    ],
)
def test_a_wrong_entry_says_what_is_wrong(text, reason):
    assert parse_entry("a", ENTRY).citation == "Nobody (2011)"
    with pytest.raises(ConfigError, match=reason):
        parse_entry("a", text)


def test_list_prints_one_line_a_set():
    result = run("list")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["name", "task", "layout", "traces", "Hz", "licence"]
    assert [line.split()[0] for line in lines[1:]] == [entry.name for entry in list_datasets()]


def test_show_prints_what_is_known():
    result = run("show", "Iquique")
    assert "doi: 10.1785/0220180312" in result.stdout.splitlines()
    assert "sampling_rates_hz: 100.0" in result.stdout.splitlines()
    assert "licence" not in result.stdout
    assert isinstance(run("show", "iquiqe").exception, ConfigError)


def test_import_writes_a_data_set_and_says_so_on_stderr(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["waveforms"] = np.random.default_rng(0).normal(size=(2, 3, 50)).astype(np.float32)
        file.attrs["component_order"] = "ZNE"
    (tmp_path / "a.csv").write_text(
        "trace_index,network,station,channel,sampling_rate,n_samples,category\n0,A,B,HH,100,50,noise\n1,A,C,HH,100,50,noise\n"
    )
    out = tmp_path / "set"
    result = run("import", "h5csv", str(tmp_path / "a.h5"), "-o", str(out))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"a.h5: 2 traces written to {out}\n"
    assert [trace.record.trace_id for trace in read_dataset(out)] == ["A.B..HH", "A.C..HH"]
    assert isinstance(run("import", "h5csv", str(tmp_path / "a.h5"), "-o", str(out)).exception, ConfigError)
    assert run("import", "h5csv", str(tmp_path / "a.h5"), "-o", str(out), "--overwrite").exit_code == 0
    assert run("import", "tarball", "x", "-o", str(out)).exit_code == 2
