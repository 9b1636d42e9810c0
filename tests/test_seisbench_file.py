"""The SeisBench layout: read as its description says, written so that what is read is what was given."""

import csv
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seisnet.errors import ConfigError, DataError
from seisnet.store.seisbench_file import find_chunks, is_seisbench, open_seisbench
from seisnet.store.seisbench_writer import new_seisbench

ZNE = {"component_order": "ZNE", "sampling_rate": 100.0}


def lay_out(folder, rows, waveforms, *, chunk="", **data_format):
    """Write a data set by hand, the way the layout is described, without the writer under test."""
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / f"waveforms{chunk}.hdf5", "w") as file:
        for name, samples in waveforms.items():
            file[f"data/{name}"] = samples
        for key, value in data_format.items():
            file[f"data_format/{key}"] = value
    with (folder / f"metadata{chunk}.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return folder


def read(folder):
    with open_seisbench(folder) as reader:
        found = [(trace, reader.waveform(trace)) for trace in reader]
        assert [reader.n_samples(trace) for trace, _ in found] == [samples.shape[1] for _, samples in found]
        return found


def write(folder, traces, *, columns=("station_code",), **options):
    with new_seisbench(folder, columns, data_format=ZNE, **options) as writer:
        for code, samples in traces:
            writer.add({"station_code": code}, samples)


@pytest.fixture
def x_cw():
    return np.arange(3 * 8, dtype=np.float32).reshape(3, 8)


def test_a_trace_with_a_data_set_of_its_own_is_read(tmp_path, x_cw):
    folder = lay_out(tmp_path / "set", [{"trace_name": "A.B_1"}], {"A.B_1": x_cw}, **ZNE, dimension_order="CW")
    [(trace, samples)] = read(folder)
    assert (trace.row, trace.name, trace.component_order, trace.sampling_rate_hz) == (0, "A.B_1", "ZNE", 100.0)
    np.testing.assert_array_equal(samples, x_cw)


def test_samples_by_components_are_turned(tmp_path, x_cw):
    folder = lay_out(tmp_path / "set", [{"trace_name": "a"}], {"a": x_cw.T}, **ZNE, dimension_order="WC")
    np.testing.assert_array_equal(read(folder)[0][1], x_cw)


def test_bucket_names_are_numpy_indices(tmp_path):
    bucket = np.random.default_rng(0).normal(size=(4, 3, 10))
    names = ["bucket0$2,:3,:6", "bucket0$0,:2,1:9:2", "bucket0$3,:,:-1"]
    rows = [{"trace_name": name, "trace_component_order": "ZNE" if "2,:3" in name else ""} for name in names]
    folder = lay_out(tmp_path / "set", rows, {"bucket0": bucket})
    (_, first), (_, second), (_, third) = read(folder)
    np.testing.assert_array_equal(first, bucket[2, :3, :6])
    np.testing.assert_array_equal(second, bucket[0, :2, 1:9:2])
    np.testing.assert_array_equal(third, bucket[3, :, :-1])


def test_nested_names_and_single_component_traces(tmp_path, x_cw):
    rows = [{"trace_name": "event/station", "trace_component_order": "Z"}]
    folder = lay_out(tmp_path / "set", rows, {"event/station": x_cw[0]})
    np.testing.assert_array_equal(read(folder)[0][1], x_cw[:1])


def test_the_row_holds_before_the_file(tmp_path, x_cw):
    rows = [
        {"trace_name": "a", "trace_sampling_rate_hz": "50.5", "trace_dt_s": "1", "trace_component_order": "enz"},
        {"trace_name": "a", "trace_sampling_rate_hz": "", "trace_dt_s": "0.05", "trace_component_order": ""},
        {"trace_name": "a", "trace_sampling_rate_hz": "nan", "trace_dt_s": "", "trace_component_order": ""},
    ]
    traces = [trace for trace, _ in read(lay_out(tmp_path / "set", rows, {"a": x_cw}, **ZNE))]
    assert [trace.sampling_rate_hz for trace in traces] == [50.5, 20.0, 100.0]
    assert [trace.component_order for trace in traces] == ["ENZ", "ZNE", "ZNE"]


def test_of_columns_of_one_name_the_first_holds(tmp_path, x_cw):
    folder = lay_out(tmp_path / "set", [{"trace_name": "a"}], {"a": x_cw}, **ZNE)
    (folder / "metadata.csv").write_text("trace_name,trace_p_arrival_sample,,trace_p_arrival_sample,\na,50,1,70,2\n")
    [(trace, _)] = read(folder)
    assert trace.metadata["trace_p_arrival_sample"] == "50"


def test_a_file_that_says_nothing_leaves_rate_and_order_open(tmp_path, x_cw):
    [(trace, _)] = read(lay_out(tmp_path / "set", [{"trace_name": "a"}], {"a": x_cw}))
    assert np.isnan(trace.sampling_rate_hz)
    assert trace.component_order == ""


def test_a_component_order_of_channel_codes_gives_their_letters(tmp_path, x_cw):
    order = np.array(["HHE", "HHN", "HHZ"], dtype=h5py.string_dtype())
    assert (
        read(lay_out(tmp_path / "set", [{"trace_name": "a"}], {"a": x_cw}, component_order=order))[0][0].component_order
        == "ENZ"
    )


def test_chunks_are_read_in_order_with_rows_counted_through(tmp_path, x_cw):
    for i, chunk in enumerate(["2021", "2020"]):
        lay_out(
            tmp_path / "set", [{"trace_name": "a"}, {"trace_name": "b"}], {"a": x_cw + i, "b": x_cw}, chunk=chunk, **ZNE
        )
    (tmp_path / "set" / "chunks").write_text("2021\n2020\n")
    found = read(tmp_path / "set")
    assert [(trace.row, trace.chunk, trace.name) for trace, _ in found] == [
        (0, "2020", "a"), (1, "2020", "b"), (2, "2021", "a"), (3, "2021", "b"),
    ]  # fmt: skip
    np.testing.assert_array_equal(found[0][1], x_cw + 1)
    np.testing.assert_array_equal(found[2][1], x_cw)


def test_the_chunks_file_selects_and_without_it_names_are_found(tmp_path, x_cw):
    for chunk in "abc":
        lay_out(tmp_path / "set", [{"trace_name": "a"}], {"a": x_cw}, chunk=chunk, **ZNE)
    assert find_chunks(tmp_path / "set") == ["a", "b", "c"]
    (tmp_path / "set" / "chunks").write_text("\n")
    assert find_chunks(tmp_path / "set") == ["a", "b", "c"]
    (tmp_path / "set" / "chunks").write_text("b\n")
    assert find_chunks(tmp_path / "set") == ["b"]


def test_half_a_data_set_is_an_error_that_names_the_missing_half(tmp_path, x_cw):
    folder = lay_out(tmp_path / "set", [{"trace_name": "a"}], {"a": x_cw}, chunk="1", **ZNE)
    (folder / "metadata2.csv").write_text("trace_name\na\n")
    with pytest.raises(DataError, match=r"waveforms2\.hdf5 missing.*file named 'chunks'"):
        read(folder)
    with pytest.raises(DataError, match="no SeisBench data set here"):
        open_seisbench(tmp_path)
    assert is_seisbench(folder)
    assert not is_seisbench(tmp_path)
    assert not is_seisbench(folder / "metadata2.csv")


@pytest.mark.parametrize(
    ("name", "order", "reason"),
    [
        ("absent", "ZNE", "has no waveform /data/absent"),
        ("", "ZNE", "has no waveform"),
        ("block$9,:3,:8", "ZNE", "can't be read at '9,:3,:8'"),
        ("block$0,:x", "ZNE", "can't be read at"),
        ("block", "ZNE", r"float32 \(2, 3, 8\), not numbers by component and sample"),
        ("text", "Z", "not numbers"),
        ("a", "Z12H", "has 3 components, but its component order is 'Z12H'"),
    ],
)
def test_one_bad_trace_does_not_stop_the_others(tmp_path, x_cw, name, order, reason):
    waveforms = {"a": x_cw, "block": np.stack([x_cw, x_cw]), "text": np.array([[b"x"]])}
    rows = [{"trace_name": name, "trace_component_order": order}, {"trace_name": "a", "trace_component_order": "ZNE"}]
    with open_seisbench(lay_out(tmp_path / "set", rows, waveforms, **ZNE)) as reader:
        bad, good = list(reader)
        with pytest.raises(DataError, match=reason):
            reader.waveform(bad)
        with suppress(DataError):
            assert reader.n_samples(bad) >= 0
        np.testing.assert_array_equal(reader.waveform(good), x_cw)


def test_damaged_files_give_one_line(tmp_path, x_cw):
    folder = lay_out(tmp_path / "set", [{"trace_name": "a", "station_code": "b"}], {"a": x_cw}, **ZNE)
    whole = (folder / "waveforms.hdf5").read_bytes()
    for damaged in (b"", b"no HDF5", whole[: len(whole) // 2]):
        (folder / "waveforms.hdf5").write_bytes(damaged)
        with pytest.raises(DataError, match=r"waveforms\.hdf5: not an HDF5 file, or a damaged one") as caught:
            read(folder)
        assert "\n" not in str(caught.value)
    (folder / "waveforms.hdf5").write_bytes(whole)
    (folder / "metadata.csv").write_text("trace_name,station_code\na,b\na\n")
    with pytest.raises(DataError, match="line 3 has 1 fields, the header 2"):
        read(folder)
    (folder / "metadata.csv").write_bytes(b"trace_name\n\xff\xfe\n")
    with pytest.raises(DataError, match="can't be read"):
        read(folder)
    (folder / "metadata.csv").write_text("name\na\n")
    with pytest.raises(DataError, match="has no column 'trace_name'"):
        read(folder)
    with h5py.File(folder / "waveforms.hdf5", "w") as file:
        file["waveforms"] = x_cw
    with pytest.raises(DataError, match="has no group /data"):
        read(folder)


def test_an_unknown_dimension_order_is_refused(tmp_path, x_cw):
    folder = lay_out(tmp_path / "set", [{"trace_name": "a"}], {"a": x_cw}, dimension_order="NCW")
    with pytest.raises(DataError, match="dimension_order is 'NCW'; CW and WC are known"):
        read(folder)


samples_ct = st.tuples(st.integers(1, 4), st.integers(0, 30), st.sampled_from(["f4", "f8", "i4", "i2"])).flatmap(
    lambda shape: arrays(shape[2], shape[:2])
)


@settings(max_examples=40, deadline=None)
@given(traces=st.lists(samples_ct, max_size=12), texts=st.data())
def test_what_is_written_is_read(tmp_path_factory, traces, texts):
    """Any shapes, types and texts come back bit for bit, in order."""
    folder = tmp_path_factory.mktemp("set")
    word = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)
    codes = [texts.draw(word) for _ in traces]
    orders = ["ZNEH"[: len(samples)] for samples in traces]
    with new_seisbench(folder, ["station_code", "trace_component_order"], data_format=ZNE) as writer:
        for code, order, samples in zip(codes, orders, traces, strict=True):
            writer.add({"station_code": code, "trace_component_order": order}, samples)
    found = read(folder)
    assert [trace.metadata["station_code"] for trace, _ in found] == codes
    for (_, samples), given_samples in zip(found, traces, strict=True):
        assert samples.dtype == given_samples.dtype
        np.testing.assert_array_equal(samples, given_samples)


def test_a_failure_is_told_and_leaves_what_others_put_into_the_folder(tmp_path):
    with (
        pytest.raises(DataError, match="not among the columns"),
        new_seisbench(tmp_path / "set", ("station_code",), data_format={"component_order": "ZNE"}) as writer,
    ):
        (tmp_path / "set" / "notes.txt").write_text("mine")
        writer.add({"station": "A"}, np.zeros((3, 10)))
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["notes.txt"]


def test_buckets_are_bounded(tmp_path, x_cw, monkeypatch):
    monkeypatch.setattr("seisnet.store.seisbench_writer.BUCKET_TRACES", 4)
    monkeypatch.setattr("seisnet.store.seisbench_writer.BUCKET_BYTES", 3 * 20 * 4 * 3)
    lengths = [8, 8, 8, 8, 8, 20, 20, 20, 20, 200]
    write(tmp_path / "set", [(str(n), np.ones((3, n), np.float32)) for n in lengths])
    with h5py.File(tmp_path / "set" / "waveforms.hdf5") as file:
        shapes = [file[f"data/bucket{i}"].shape for i in range(len(file["data"]))]
    assert shapes == [(4, 3, 8), (3, 3, 20), (2, 3, 20), (1, 3, 200)]
    assert [samples.shape[1] for _, samples in read(tmp_path / "set")] == lengths


def test_missing_figures_become_empty_fields(tmp_path, x_cw):
    with new_seisbench(tmp_path / "set", ["a", "b", "c", "d"], data_format=ZNE) as writer:
        writer.add({"a": None, "b": np.nan, "c": 0.1}, x_cw)
    [(trace, _)] = read(tmp_path / "set")
    assert trace.metadata == {"trace_name": "bucket0$0,:3,:8", "a": "", "b": "", "c": "0.1", "d": ""}


def test_an_unannounced_column_is_an_error_and_nothing_appears(tmp_path, x_cw):
    with pytest.raises(DataError, match="column 'magnitude' is not among"):
        write_bad = new_seisbench(tmp_path / "set", ["a"], data_format=ZNE)
        with write_bad as writer:
            writer.add({"a": 1}, x_cw)
            writer.add({"magnitude": 1}, x_cw)
    assert not (tmp_path / "set").exists()


def test_the_same_input_gives_the_same_bytes(tmp_path, x_cw):
    for name in ("first", "second"):
        write(tmp_path / name, [("A", x_cw), ("B", x_cw[:, :5])], attributes={"licence": "CC0"})
    for file in ("metadata.csv", "waveforms.hdf5", "README.md"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    assert "licence: CC0" in (tmp_path / "first" / "README.md").read_text()


def test_an_existing_data_set_is_kept_unless_told_otherwise(tmp_path, x_cw):
    folder = tmp_path / "set"
    write(folder, [("A", x_cw)])
    (folder / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ConfigError, match=r"metadata\.csv exists; choose another name, or use overwrite=True"):
        write(folder, [("B", x_cw)])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write(folder, [("B", x_cw)], overwrite=True)
    assert read(folder)[0][0].metadata["station_code"] == "B"
    assert (folder / "notes.txt").read_text() == "mine"
    lay_out(tmp_path / "chunked", [{"trace_name": "a"}], {"a": x_cw}, chunk="1", **ZNE)
    with pytest.raises(ConfigError, match="holds a chunked data set"):
        write(tmp_path / "chunked", [("A", x_cw)], overwrite=True)


def test_a_failed_rewrite_leaves_the_old_data_set(tmp_path, x_cw):
    folder = tmp_path / "set"
    write(folder, [("A", x_cw)])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(KeyboardInterrupt), new_seisbench(folder, [], data_format=ZNE, overwrite=True) as writer:
        writer.add({}, x_cw)
        raise KeyboardInterrupt
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_another_run_writes_to_is_refused_and_what_killed_runs_left_there_is_swept(tmp_path, x_cw):
    tmp_path.joinpath("set").mkdir()
    tmp_path.joinpath("set", ".waveforms.hdf5.1.part").touch()
    with new_seisbench(tmp_path / "set", [], data_format=ZNE) as writer:
        with pytest.raises(ConfigError, match="set: another run is writing it; end that one, or choose another name"):
            write(tmp_path / "set", [("A", x_cw)])
        writer.add({}, x_cw)
    assert {path.name for path in (tmp_path / "set").iterdir()} == {"metadata.csv", "waveforms.hdf5"}
    write(tmp_path / "set", [("A", x_cw)], overwrite=True)


def test_a_full_disk_is_one_line_and_nothing_appears(tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(DataError, match="can't be written: File too large"):
            write(tmp_path / "set", [("A", np.ones((3, 10_000), np.float32))] * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "set").exists()


def test_a_killed_writer_leaves_no_data_set_and_is_simply_repeated(tmp_path):
    script = textwrap.dedent("""
        import os, signal, sys
        import numpy as np
        from pathlib import Path
        import seisnet.store.seisbench_writer as module
        module.BUCKET_TRACES = 2
        with module.new_seisbench(Path(sys.argv[1]), ["station_code"], data_format={"sampling_rate": 1.0}) as writer:
            for i in range(9):
                writer.add({"station_code": i}, np.full((3, 50), i, np.int32))
                if i == int(sys.argv[2]):
                    os.kill(os.getpid(), signal.SIGKILL)
    """)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def run(folder, kill_at):
        return subprocess.run(
            [sys.executable, "-c", script, str(folder), str(kill_at)], env=environment, check=False
        ).returncode

    assert run(tmp_path / "set", 5) == -signal.SIGKILL
    assert not is_seisbench(tmp_path / "set")
    assert run(tmp_path / "set", -1) == run(tmp_path / "undisturbed", -1) == 0
    for name in ("metadata.csv", "waveforms.hdf5"):
        assert (tmp_path / "set" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_seisbench_reads_what_we_write_and_we_read_what_it_writes(tmp_path):
    """Needs the seisbench package, which seisnet does not: skipped where it is absent."""
    data = pytest.importorskip("seisbench.data")
    rng = np.random.default_rng(1)
    x = {name: rng.normal(size=(3, n)).astype(np.float32) for name, n in (("A", 50), ("B", 80), ("C", 80))}
    with new_seisbench(tmp_path / "ours", ["station_code", "trace_component_order"], data_format=ZNE) as writer:
        for name, samples in x.items():
            writer.add({"station_code": name, "trace_component_order": "ZNE"}, samples)
        writer.add({"station_code": "D", "trace_component_order": "N"}, x["A"][1:2])
    theirs = data.WaveformDataset(tmp_path / "ours", component_order="ENZ")
    assert list(theirs.metadata["station_code"]) == ["A", "B", "C", "D"]
    for i, samples in enumerate(x.values()):
        np.testing.assert_array_equal(theirs.get_waveforms(i), samples[::-1])
    np.testing.assert_array_equal(theirs.get_waveforms(3), x["A"][1:2] * [[0], [1], [0]])

    (tmp_path / "theirs").mkdir()
    with data.WaveformDataWriter(tmp_path / "theirs/metadata.csv", tmp_path / "theirs/waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 100}
        for name, samples in x.items():
            writer.add_trace({"station_code": name, "trace_p_arrival_sample": 7.25}, samples)
    for (trace, samples), (name, expected) in zip(read(tmp_path / "theirs"), x.items(), strict=True):
        assert (trace.metadata["station_code"], trace.sampling_rate_hz) == (name, 100.0)
        np.testing.assert_array_equal(samples, expected)
