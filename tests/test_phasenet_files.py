"""Labelled .npz files, written here as PhaseNet and DeepDenoiser publish theirs, become data sets without loss."""

import csv
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.store.h5csv_file import import_h5csv
from seisnet.store.phasenet_files import import_phasenet
from seisnet.waveforms.dataset_columns import parse_time_ns
from seisnet.waveforms.datasets import read_dataset
from seisnet.waveforms.records import NS_PER_S

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "phases"
NAME = "NC_CAL_1986040707411070_02"

TEST_SAMPLE = {
    "dt": 0.01, "snr": np.array([5.5, 4.0, 7.25]), "p_remark": "P", "p_weight": "0", "s_remark": "ES", "s_weight": "2",
    "first_motion": "U", "distance_km": 3.3, "azimuth": 120.0, "emergence_angle": 90.0, "network": "BG",
    "station": "ACR", "location_code": "", "station_latitude": 38.8366, "station_longitude": -122.7595,
    "station_elevation_m": 790.0, "event_latitude": 38.84, "event_longitude": -122.8, "event_depth_km": 1.9,
    "event_time": "2008-05-10T08:51:12.50", "event_magnitude": 0.68, "event_magnitude_type": "D", "unit": "m/s",
    "channels": "DPE,DPN,DPZ", "event_index": np.int64(215954), "start_time": "2008-05-10T08:50:13.330000",
    "p_idx": 6000, "s_idx": 6067,
}  # fmt: skip
"""The arrays of a file of PhaseNet's test data, beside its samples."""


def waves(n=300, seed=5):
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)


def imported(folder, **files):
    """Traces and metadata of files, each given as its arrays."""
    for name, arrays in files.items():
        np.savez(folder / name, **arrays)
    assert import_phasenet(str(folder), str(folder / "set")) == len(files)
    with (folder / "set" / "metadata.csv").open(newline="") as file:
        return list(read_dataset(folder / "set")), list(csv.DictReader(file))


def test_a_file_of_the_training_sample(tmp_path):
    """Columns are E, N, Z, onsets are counted from 0, the name says the rest, and the rate is 100 Hz."""
    x = waves(9001)
    (trace,), (row,) = imported(tmp_path, **{NAME: {"data": x, "itp": 3000, "its": 3204, "channels": "ELE_ELN_ELZ"}})
    np.testing.assert_allclose(trace.record.data, (x - x.mean(axis=0)).T[::-1], atol=1e-5)
    assert (trace.record.trace_id, trace.record.sampling_rate_hz) == ("NC.CAL.02.EL", 100.0)
    after_s = [(pick.phase, (pick.time_ns - trace.record.start_ns) / NS_PER_S, pick.weight) for pick in trace.picks]
    assert after_s == [("P", 30.0, 1.0), ("S", 32.04, 1.0)]
    assert (trace.event_id, trace.category, trace.is_noise) == ("1986040707411070", "event", False)
    assert row["trace_name_original"] == f"{NAME}.npz"


def test_a_file_of_the_test_sample(tmp_path):
    (trace,), (row,) = imported(tmp_path, **{"BG.ACR..DP.0215954": {"data": waves(12000), **TEST_SAMPLE}})
    start_ns = parse_time_ns("2008-05-10T08:50:13.33")
    assert (trace.record.trace_id, trace.record.start_ns) == ("BG.ACR..DP", start_ns)
    assert [(p.phase, p.time_ns - start_ns, p.weight) for p in trace.picks] == [
        ("P", 60 * NS_PER_S, 1.0),
        ("S", 60_670_000_000, 1.0),
    ]
    assert trace.event_id == "2008-05-10T08:51:12.50"
    kept = {
        "source_magnitude": "0.68", "source_latitude_deg": "38.84", "station_longitude_deg": "-122.7595",
        "path_ep_distance_km": "3.3", "trace_unit": "m/s", "trace_event_index": "215954", "trace_p_remark": "P",
        "trace_s_weight_code": "2", "trace_snr": "5.5 4.0 7.25", "trace_sampling_rate_hz": "100",
    }  # fmt: skip
    assert kept.items() <= row.items()


def test_a_file_without_a_pick_of_s_and_one_without_any(tmp_path):
    """DeepDenoiser's sample holds S, which nobody labelled; a trace that nobody labelled is no noise."""
    denoiser = {"data": waves(), "itp": 100, "channels": "HHE_HHN_HHZ"}
    (first, second), _ = imported(
        tmp_path, NC_SN05_2014082611432424_01=denoiser, NC_SN06_2014082611432425={"data": waves()}
    )
    assert [pick.phase for pick in first.picks] == ["P"]
    assert (second.picks, second.category, second.is_noise) == ((), "", False)


@pytest.mark.parametrize(
    ("recorded", "channels", "present"),
    [([2], "EHZ", [True, False, False]), ([1], "ELN", [False, True, False]), ([0, 1], "ELE,ELN", [False, True, True])],
)
def test_a_component_of_zeros_was_not_recorded(tmp_path, recorded, channels, present):
    x = np.zeros((300, 3), dtype=np.float32)
    x[:, recorded] = waves()[:, recorded]
    (trace,), _ = imported(tmp_path, **{NAME: {"data": x, "itp": 100, "channels": channels}})
    assert trace.record.present.tolist() == present


def test_what_else_the_readers_take(tmp_path):
    x = waves()
    arrays = {
        "data": x[:, np.newaxis, :], "p_idx": [[100]], "s_idx": [], "station_id": "CI.BOM.00.HH", "dt": 0.008,
        "t0": "2020-10-01T00:00:03.500", "channels": ["E", "N", "Z"], "picture": np.zeros((5, 5)),
        "author": np.bytes_(b"M\xfcller"),
    }  # fmt: skip
    (trace,), (row,) = imported(tmp_path, a=arrays)
    assert (trace.record.trace_id, trace.record.sampling_rate_hz) == ("CI.BOM.00.HH", 125.0)
    assert trace.record.start_ns == parse_time_ns("2020-10-01T00:00:03.5")
    assert [(p.phase, p.time_ns - trace.record.start_ns) for p in trace.picks] == [("P", 800_000_000)]
    assert row["trace_author"] == "M\ufffdller"
    assert not any("picture" in column for column in row)


def test_traces_come_in_the_order_of_their_names_also_those_of_folders_inside(tmp_path):
    (tmp_path / "more").mkdir()
    for name in ("more/AA_A_20200101", "AA_A_20200101_01", "AA_B_20200101"):
        np.savez(tmp_path / name, data=waves())
    (tmp_path / "._AA_A_20200101.npz").write_bytes(b"what macOS leaves in archives")
    assert import_phasenet(tmp_path, tmp_path) == 3
    assert [trace.record.trace_id for trace in read_dataset(tmp_path)] == ["AA.A..", "AA.A.01.", "AA.B.."]
    with pytest.raises(ConfigError, match="use overwrite=True"):
        import_phasenet(tmp_path, tmp_path)
    assert import_phasenet(tmp_path, tmp_path, overwrite=True) == 3


def test_files_of_one_name_come_in_the_order_of_their_folders_however_the_disk_lists_them(tmp_path, monkeypatch):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / NAME, data=waves())
    monkeypatch.setattr(Path, "rglob", lambda self, _: [self / "b" / f"{NAME}.npz", self / "a" / f"{NAME}.npz"])
    import_phasenet(tmp_path, tmp_path / "set")
    with (tmp_path / "set" / "metadata.csv").open(newline="") as file:
        assert [row["trace_name_original"][0] for row in csv.DictReader(file)] == ["a", "b"]


def test_a_file_in_the_archive_that_is_no_array_is_none_of_its_words(tmp_path):
    file = tmp_path / f"{NAME}.npz"
    np.savez(file, data=waves(), itp=100)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("readme.txt", "a seismogram")
    assert import_phasenet(tmp_path, tmp_path / "set") == 1
    assert b"readme" not in (tmp_path / "set" / "metadata.csv").read_bytes()
    for name, reason in (("itp", "'itp' holds 1 values of type |S"), ("data", "'data' is |S")):
        with zipfile.ZipFile(file, "w") as archive:
            for member in {"data", name}:
                archive.writestr(member, "a seismogram")
        with pytest.raises(DataError, match=re.escape(reason)):
            import_phasenet(tmp_path, tmp_path / "set", overwrite=True)


def test_a_header_of_python_2_is_read_without_a_warning(tmp_path):
    np.savez(tmp_path / NAME, data=np.zeros((300, 3)), itp=np.ones((1,)))
    with zipfile.ZipFile(tmp_path / f"{NAME}.npz") as old:
        parts = {name: old.read(name) for name in old.namelist()}
    assert b"(1,), }  " in parts["itp.npy"]
    with zipfile.ZipFile(tmp_path / f"{NAME}.npz", "w") as new:
        for name, part in parts.items():
            new.writestr(name, part.replace(b"(1,), }  ", b"(1L,), } "))
    assert import_phasenet(tmp_path, tmp_path / "set") == 1


@pytest.mark.parametrize(
    ("name", "arrays", "reason"),
    [
        (NAME, {"x": 1}, "has no array 'data'"),
        (NAME, {"data": waves().T}, r"'data' is float32 \(3, 300\), not numbers by sample and E, N, Z"),
        (NAME, {"data": np.zeros((300, 2, 3))}, "not numbers by sample and E, N, Z"),
        (NAME, {"data": waves().astype(str)}, "not numbers by sample and E, N, Z"),
        (NAME, {"data": waves(), "itp": [10, 20]}, "'itp' holds 2 values of type int64; the sample of one onset"),
        (NAME, {"data": waves(), "its": "late"}, "'its' holds 1 values of type <U4"),
        (NAME, {"data": waves(), "dt": 0.0}, r"'dt' is 0\.0; seconds between two samples are needed"),
        ("one", {"data": waves()}, r"one\.npz: names no station; an array station_id, or a name such as NC_MEM_"),
        (NAME, {"data": waves(), "channels": np.array(["EHZ"], dtype=object)}, "reads no pickled arrays: save words"),
    ],
)
def test_what_is_not_such_a_file_is_refused_and_nothing_appears(tmp_path, name, arrays, reason):
    np.savez(tmp_path / name, **arrays)
    with pytest.raises(DataError, match=reason):
        import_phasenet(tmp_path, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_damaged_files_and_folders_without_any_are_one_line(tmp_path):
    np.savez_compressed(tmp_path / NAME, data=waves())
    file = tmp_path / f"{NAME}.npz"
    content = file.read_bytes()
    how = content.index(b"PK\x01\x02") + 10  # it is compressed
    unknown, encrypted = content[:how] + b"c" + content[how + 1 :], content[: how - 2] + b"\1" + content[how - 1 :]
    for damaged in (b"", content[:-100], content[:200] + b"damaged!" + content[208:], unknown, encrypted):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match=rf"{NAME}\.npz: can't be read: "):
            import_phasenet(tmp_path, tmp_path / "set")
    with pytest.raises(NothingUsableError, match="a file; the folder of the"):
        import_phasenet(file, tmp_path / "set")
    file.unlink()
    with pytest.raises(NothingUsableError, match="no such folder"):
        import_phasenet(tmp_path / "absent", tmp_path / "set")
    with pytest.raises(NothingUsableError, match=r"holds no \.npz file$"):
        import_phasenet(tmp_path, tmp_path / "set")
    (tmp_path / "test_data.zip").touch()
    with pytest.raises(NothingUsableError, match=r"holds no \.npz file; unpack test_data\.zip there first"):
        import_phasenet(tmp_path, tmp_path / "set")


@pytest.mark.skipif(not SHARED.exists(), reason="the real recordings are not beside this checkout")
@pytest.mark.parametrize("name", ["phasenet_ncedc_train154", "phasenet_ncedc_test100", "deepdenoiser_ncedc99"])
def test_real_pairs_come_back_from_files_of_the_layout_that_they_were_made_of(tmp_path, name):
    with (SHARED / f"{name}.csv").open(newline="") as file, h5py.File(SHARED / f"{name}.h5") as pair:
        for row in csv.DictReader(file):
            x = pair["waveforms"][int(row["trace_index"])].T[:, ::-1]
            letters = [c for c in "ENZ" if c not in row["missing_components"]]
            onsets = [int(row[f"{phase}_sample"]) for phase in "ps" if row[f"{phase}_sample"]]
            if row["start_time"]:
                called = row["note"].split("file=")[1].removesuffix(".npz")
                said = TEST_SAMPLE | dict(zip(("p_idx", "s_idx"), onsets, strict=True)) | {
                    "network": row["network"], "station": row["station"], "location_code": row["location"],
                    "start_time": row["start_time"], "event_time": row["event_id"],
                }  # fmt: skip
            else:
                called, said = row["note"], dict(zip(("itp", "its"), onsets, strict=False))
            np.savez(tmp_path / called, **said | {"data": x, "channels": "_".join(row["channel"] + c for c in letters)})
    import_phasenet(tmp_path, tmp_path)
    import_h5csv(SHARED / f"{name}.h5", tmp_path / "pair")
    for ours, theirs in zip(read_dataset(tmp_path), read_dataset(tmp_path / "pair"), strict=True):
        np.testing.assert_array_equal(ours.record.data, theirs.record.data)
        np.testing.assert_array_equal(ours.record.present, theirs.record.present)
        for of in ("start_ns", "sampling_rate_hz", "trace_id"):
            assert getattr(ours.record, of) == getattr(theirs.record, of)
        assert (ours.event_id, ours.is_noise) == (theirs.event_id, theirs.is_noise)
        assert [(p.phase, p.time_ns, p.weight) for p in ours.picks] == [
            (p.phase, p.time_ns, p.weight) for p in theirs.picks
        ]
