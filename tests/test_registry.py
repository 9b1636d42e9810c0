"""The registry of public data sets, and the commands that show and fetch them."""

import functools
import hashlib
import re
import shutil
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from seisnet.cli.datasets import datasets
from seisnet.datasets.entries import fetch_dataset, find_dataset, list_datasets, parse_entry, remote_files
from seisnet.errors import ConfigError, DataError
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
        "obst2024", "vcseis", "llaima", "pnw_exotic", "instance_noise",
        "crew", "aq2009", "txed", "cwa", "cwa_noise", "bohemia_saxony",
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
    assert entry.layout != "phasenet" or len(entry.files) in (1, entry.traces)
    assert len({file.name for file in entry.files}) == len(entry.files)
    assert not entry.doi.startswith("http")
    assert entry.repository.startswith("https://") or not entry.repository
    assert all(folder.startswith("https://") and folder.endswith("/") for folder in entry.folders)
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in entry.files if file.sha256)
    assert not (entry.folders and entry.files)
    assert entry.layout != "seisbench" or entry.seisbench_class
    assert entry.layout == "seisbench" or not entry.folders
    assert entry.next_step or entry.layout == "seisbench" or not entry.files
    assert "{" not in entry.next_step.replace("{folder}", "")
    assert entry.task == "class" or not entry.classes


def test_look_up_in_any_case_and_the_nearest_name():
    assert find_dataset(" STEAD ").name == "stead"
    assert find_dataset("Pytheas-Corinth").name == "pytheas_corinth"
    with pytest.raises(ConfigError, match="no data set is called 'insatnce'; did you mean 'instance'"):
        find_dataset("insatnce")
    with pytest.raises(ConfigError, match="known: aq2009, "):
        find_dataset("qqq")


def test_files_of_one_folder_are_listed_by_their_names():
    text = ENTRY + 'files = [{ folder = "https://a/b/", names = ["c", "d"] }, { url = "https://e/f", name = "g" }]'
    assert [(file.url, file.name) for file in parse_entry("a", text).files] == [
        ("https://a/b/c", "c"),
        ("https://a/b/d", "d"),
        ("https://e/f", "g"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ENTRY + 'licnce = "MIT"', "a.toml: unknown key 'licnce'; did you mean 'licence'"),
        (ENTRY.replace("citation", "notes"), "a.toml: citation missing"),
        (ENTRY.replace("phase", "phasse"), "a.toml: task is 'phasse'; did you mean 'phase'"),
        (ENTRY + 'traces = "many"', "a.toml: traces: got 'many'"),
        (ENTRY + "files = [1]", "a.toml: files: got 1; a table with url and name"),
        (ENTRY + 'files = [{ url = "https://a/b" }]', "a table with url and name, or folder and names, is needed"),
        (ENTRY + 'files = [{ folder = "https://a/", names = ["b"], sha256 = "0" }]', "a table with url and name, or"),
        (ENTRY + 'files = [{ folder = "https://a/", names = ["../b"] }]', "a file name without a folder is needed"),
        (ENTRY + 'files = [{ folder = "ftp://a/", names = ["b"] }]', "got 'ftp://a/b'; an http or https address"),
        (ENTRY + 'files = [{ url = "https://a/b", name = "b", md5 = "0" }]', "files: unknown key 'md5'"),
        (ENTRY + 'files = [{ url = "https://a/b", name = "../b" }]', "a file name without a folder is needed"),
        (ENTRY + 'folders = ["ftp://a/b/"]', "got 'ftp://a/b/'; an http or https address is needed"),
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
    assert lines[0].split() == ["name", "task", "size", "layout", "licence", "what"]
    assert [line.split()[0] for line in lines[1:]] == [entry.name for entry in list_datasets()]


def test_show_prints_what_is_known():
    result = run("show", "Iquique")
    assert "doi: 10.1785/0220180312" in result.stdout.splitlines()
    assert "sampling_rates_hz: 100.0" in result.stdout.splitlines()
    assert "licence: unknown" in result.stdout.splitlines()
    assert "folders: url https://seisbench.gfz.de/mirror/datasets/iquique/" in result.stdout.splitlines()
    assert "pip download --no-deps opsdata_coal_node==0.1.5" in run("show", "coal_mine_microseismic").stdout
    assert isinstance(run("show", "iquiqe").exception, ConfigError)


def test_show_counts_the_files_of_a_long_list(monkeypatch):
    entry = parse_entry("a", ENTRY + 'files = [{ folder = "https://a/", names = ["b", "c", "d", "e", "f", "g"] }]')
    monkeypatch.setattr("seisnet.datasets.entries.find_dataset", lambda name: entry)
    files = [line for line in run("show", "a").stdout.splitlines() if line.startswith("files: ")]
    assert (len(files), files[0], files[-1]) == (5, "files: url https://a/b, name b", "files: 2 more")


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


def test_import_takes_phasenets_files_in_the_folder_that_holds_them(tmp_path):
    for i in range(2):
        np.savez(tmp_path / f"NC_M{i}_2017100709282692", data=np.random.default_rng(i).normal(size=(50, 3)), itp=20)
    result = run("import", "phasenet", str(tmp_path), "-o", str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{tmp_path.name}: 2 traces written to {tmp_path}\n"
    assert [len(trace.picks) for trace in read_dataset(tmp_path)] == [1, 1]


@pytest.fixture(name="web")
def make_web(tmp_path, monkeypatch):
    """A folder, its address, and the list of what is asked of it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "web"
    folder.mkdir()
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()
    thread.join()


def put(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(f"this is {name}")


def chunked(web):
    folder, url, _ = web
    put(folder / "a", "metadata1.csv", "waveforms1.hdf5", "metadata2.csv", "waveforms2.hdf5")
    (folder / "a" / "chunks").write_text("1\n2\n")
    return parse_entry("a", ENTRY + f'folders = ["{url}gone/", "{url}a/"]')


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_says_itself_whether_it_comes_in_chunks(web):
    folder, url, _ = web
    entry = chunked(web)
    names = ["metadata1.csv", "waveforms1.hdf5", "metadata2.csv", "waveforms2.hdf5"]
    assert [file.name for file in remote_files(entry)] == names
    assert [file.url for file in remote_files(entry, ["2"])] == [f"{url}a/{name}" for name in names[2:]]
    with pytest.raises(ConfigError, match="a has no chunk '3'; known: 1, 2"):
        remote_files(entry, ["3"])

    put(folder / "b", "metadata.csv")
    entry = parse_entry("b", ENTRY + f'folders = ["{url}b/"]')
    assert [file.name for file in remote_files(entry)] == ["metadata.csv", "waveforms.hdf5"]
    with pytest.raises(ConfigError, match="b has no chunks"):
        remote_files(entry, ["3"])

    entry = parse_entry("c", ENTRY + f'folders = ["{url}c/"]\nchunks = ["x"]')
    assert [file.name for file in remote_files(entry)] == ["metadatax.csv", "waveformsx.hdf5"]


@pytest.mark.parametrize("said", ["1\n/../../evil\n", "<!DOCTYPE html> <p>Log in</p>", "a/b", "ä"])
def test_a_list_that_names_no_chunks_is_refused(web, said):
    entry = chunked(web)
    (web[0] / "a" / "chunks").write_text(said, encoding="utf-8")
    with pytest.raises(DataError, match=r"/a/chunks: got '\S+'; names of letters, digits, .* are needed\. Ask\."):
        remote_files(entry)


def test_no_server_gives_it(web):
    entry = parse_entry("a", ENTRY + f'folders = ["{web[1]}gone/", "http://127.0.0.1:9/a/"]')
    with pytest.raises(DataError, match=r"a: no server gave it: .*/gone/: neither .*; .*:9/a/chunks: .*refused\. Ask"):
        remote_files(entry)


def test_fetch_goes_on_with_the_files_that_are_missing(web, tmp_path):
    folder, _, asked = web
    entry, out = chunked(web), tmp_path / "out"
    (folder / "a" / "waveforms2.hdf5").unlink()
    with pytest.raises(DataError, match=r"waveforms2\.hdf5: the server answered 404"):
        fetch_dataset(entry, out)
    assert listing(out) == ["metadata1.csv", "metadata2.csv", "waveforms1.hdf5"]
    put(folder / "a", "waveforms2.hdf5")
    seen, before = [], len(asked)
    there = fetch_dataset(entry, out, progress=lambda *args: seen.append(args))
    assert there == ["metadata1.csv", "waveforms1.hdf5", "metadata2.csv"]
    assert seen == [("waveforms2.hdf5", 23, 23)]
    assert asked[before:].count("/a/waveforms2.hdf5") == 1
    assert listing(out) == ["metadata1.csv", "metadata2.csv", "waveforms1.hdf5", "waveforms2.hdf5"]
    assert (out / "waveforms2.hdf5").read_text() == "this is waveforms2.hdf5"


def test_fetch_touches_nothing_that_is_there(web, tmp_path):
    entry, out = chunked(web), tmp_path / "out"
    fetch_dataset(entry, out, chunks=["1"])
    (out / "metadata1.csv").write_text("this was edited")
    for chunks in (["1"], []):
        with pytest.raises(
            ConfigError,
            match=r"has 15 bytes, but the published size is 21; it does not belong to this data set: choose",
        ):
            fetch_dataset(entry, out, chunks=chunks)
    assert (out / "metadata1.csv").read_text() == "this was edited"
    assert listing(out) == ["metadata1.csv", "waveforms1.hdf5"]
    fetch_dataset(entry, out, overwrite=True)
    assert (out / "metadata1.csv").read_text() == "this is metadata1.csv"


def test_fetch_says_what_is_wrong_with_the_folder(web, tmp_path):
    entry = chunked(web)
    with pytest.raises(ConfigError, match=r"the folder .*none does not exist"):
        fetch_dataset(entry, tmp_path / "none" / "out")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file is a file; a folder is needed"):
        fetch_dataset(entry, tmp_path / "file")


def test_a_fetch_that_got_nothing_leaves_no_folder(web, tmp_path):
    entry = parse_entry("a", ENTRY + f'files = [{{ url = "{web[1]}gone", name = "x" }}]')
    with pytest.raises(DataError, match="404"):
        fetch_dataset(entry, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_fetches_and_says_what_is_next(web, tmp_path, monkeypatch):
    folder, url, _ = web
    put(folder, "x.csv", "x.hdf5")
    sha256 = hashlib.sha256(b"this is x.csv").hexdigest()
    files = (
        f'{{ url = "{url}x.csv", name = "x.csv", size_bytes = 13, sha256 = "{sha256}" }}',
        f'{{ url = "{url}x.hdf5", name = "y" }}',
    )
    entry = parse_entry("a", ENTRY.replace("phase", "class") + f"files = [{', '.join(files)}]")
    monkeypatch.setattr("seisnet.datasets.entries.find_dataset", lambda name: entry)
    monkeypatch.chdir(tmp_path)
    result = run("fetch", "a")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == ("a: complete; cite Nobody (2011)\nnext: seisnet preprocess a --task class -o a.h5\n")
    assert listing(tmp_path / "a") == ["x.csv", "y"]
    again = run("fetch", "a")
    assert again.exit_code == 0
    assert again.stderr == f"a: already there: x.csv, y\n{result.stderr}"
    (tmp_path / "a" / "y").unlink()
    assert run("fetch", "a").stderr.startswith("a: already there: x.csv\na: complete")
    (folder / "x.csv").write_text("THIS IS X.CSV")
    error = run("fetch", "a", "--overwrite").exception
    assert isinstance(error, DataError)
    assert (error.exit_code, "SHA-256" in str(error)) == (1, True)
    assert (tmp_path / "a" / "x.csv").read_text() == "this is x.csv"
    shutil.rmtree(tmp_path / "a")
    assert run("fetch", "a", "-q", "-o", "b").exception.exit_code == 1


def test_what_cannot_be_fetched_says_how_to_get_it():
    error = run("fetch", "ceed").exception
    assert isinstance(error, DataError)
    assert str(error).startswith("ceed: it can't be fetched by HTTP. SeisBench fetches it a year at a time")
    assert str(error).endswith("Repository: https://huggingface.co/datasets/AI4EPS/CEED DOI: 10.48550/arXiv.2502.11500")
    assert error.exit_code == 1
