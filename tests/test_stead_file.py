"""Pairs of table and waveforms in the STEAD layout are read as they were published."""

import csv

import h5py
import numpy as np
import pytest

from seisnet.errors import DataError
from seisnet.store.stead_file import open_stead, stead_tables
from seisnet.waveforms.dataset_columns import parse_time_ns
from seisnet.waveforms.datasets import DatasetTrace, read_dataset
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.reading import read_traces
from seisnet.waveforms.records import NS_PER_S, Rejection

START = "2006-11-03 16:12:29.230000"
COLUMNS = (
    "network_code", "receiver_code", "receiver_type", "receiver_latitude", "p_arrival_sample", "p_status", "p_weight",
    "p_travel_sec", "s_arrival_sample", "s_status", "s_weight", "source_id", "source_magnitude", "snr_db",
    "coda_end_sample", "trace_start_time", "trace_category", "trace_name",
)  # fmt: skip
EVENT = {
    "network_code": "TA", "receiver_code": "109C", "receiver_type": "HH", "p_arrival_sample": "700.0",
    "p_status": "manual", "p_weight": "0.5", "s_arrival_sample": "1894.0", "s_status": "autopicker",
    "source_id": "10459", "snr_db": "[56.79999924 55.40000153 47.40000153]", "coda_end_sample": "[[2896.]]",
    "trace_start_time": START, "trace_category": "earthquake_local", "trace_name": "109C.TA_20061103161223_EV",
}  # fmt: skip
NOISE = {
    "network_code": "TA", "receiver_code": "109C", "receiver_type": "HH", "trace_start_time": START,
    "trace_category": "noise", "trace_name": "109C.TA_201510210555_NO",
}  # fmt: skip


def write_pair(folder, *rows, name="merge", samples=None):
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    x = np.random.default_rng(3).normal(size=(6000, 3)).astype(np.float32) if samples is None else samples
    with h5py.File(folder / f"{name}.hdf5", "w") as file:
        for row in rows:
            file[f"data/{row['trace_name']}"] = x
    return folder / f"{name}.csv", x


def test_an_event_and_a_noise_trace_come_with_their_labels(tmp_path):
    table, x = write_pair(tmp_path, EVENT, NOISE)
    event, noise = read_dataset(table)
    with open_stead(table) as reader:
        assert [reader.n_samples(trace) for trace in reader] == [6000, 6000]
    assert isinstance(event, DatasetTrace)
    for row, column in enumerate((2, 1, 0)):  # Z, N, E
        np.testing.assert_allclose(event.record.data[row], x[:, column] - x[:, column].mean(), atol=1e-5)
    start_ns = parse_time_ns(START)
    assert (event.record.trace_id, event.record.start_ns, event.record.sampling_rate_hz) == (
        "TA.109C..HH",
        start_ns,
        100.0,
    )
    p, s = event.picks
    assert (p.phase, p.time_ns, p.weight) == ("P", start_ns + 7 * NS_PER_S, 0.5)
    assert (s.phase, s.time_ns, s.weight) == ("S", start_ns + round(18.94 * NS_PER_S), 0.5)
    assert p.snr_db == pytest.approx(53.2)
    assert (event.event_id, event.category, event.is_noise) == ("10459", "earthquake_local", False)
    assert (noise.picks, noise.event_id, noise.is_noise) == ((), "", True)


def test_a_pair_is_found_by_either_file_and_by_its_folder(tmp_path):
    table, _ = write_pair(tmp_path, EVENT)
    for spec in (table, table.with_suffix(".hdf5"), tmp_path, f"{tmp_path}/*.csv", f"{tmp_path}/merge.*"):
        [source] = find_sources([str(spec)], Reading())
        assert source.is_dataset
        assert source.paths == (table, table.with_suffix(".hdf5"))
        assert len(list(read_traces(source, Reading(), sampling_rate_hz=100.0))) == 1


def test_chunks_in_a_folder_are_sources_of_their_own(tmp_path):
    write_pair(tmp_path, EVENT, name="chunk2")
    write_pair(tmp_path, NOISE, name="chunk1")
    assert [s.paths[0].name for s in find_sources([str(tmp_path)], Reading())] == ["chunk1.csv", "chunk2.csv"]


def test_other_tables_are_none_of_this_layout(tmp_path):
    (tmp_path / "picks.csv").write_text("network,station,time,phase\n")
    (tmp_path / "picks.hdf5").write_bytes(b"")
    (tmp_path / "lonely.csv").write_text(",".join(COLUMNS))
    assert stead_tables(tmp_path) == stead_tables(tmp_path / "picks.csv") == stead_tables(tmp_path / "lonely.csv") == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f, name: f.pop(f"data/{name}"), "has no waveform /data/109C.TA_20061103161223_EV"),
        (
            lambda f, name: (f.pop(f"data/{name}"), f.update({f"data/{name}": np.zeros((3, 6000))})),
            "has 6000 components, but its component order is 'ENZ'",
        ),
        (lambda f, name: f[f"data/{name}"].write_direct(np.zeros((6000, 3), np.float32)), "every component is zero"),
    ],
)
def test_a_bad_trace_is_a_rejection_and_the_rest_goes_on(tmp_path, spoil, reason):
    table, _ = write_pair(tmp_path, EVENT, NOISE)
    with h5py.File(table.with_suffix(".hdf5"), "r+") as file:
        spoil(file, EVENT["trace_name"])
    bad, good = read_dataset(table)
    assert isinstance(bad, Rejection)
    assert reason in bad.reason
    assert isinstance(good, DatasetTrace)


def test_a_damaged_file_is_an_error_in_one_line(tmp_path):
    table, _ = write_pair(tmp_path, EVENT)
    table.with_suffix(".hdf5").write_bytes(b"no HDF5")
    with pytest.raises(DataError, match="not an HDF5 file"):
        list(read_dataset(table))


def test_dates_with_slashes_are_read_as_the_whole_table_reads_them(tmp_path):
    """As in OBSTransformer's sample, whose noise starts at 04/07/2011 5:23 and at 22/01/2016 5:37."""
    written = ["04/07/2011 5:23", "22/01/2016 5:37", START]
    rows = [NOISE | {"trace_start_time": text, "trace_name": f"t{i}_NO"} for i, text in enumerate(written)]
    table, _ = write_pair(tmp_path, *rows)
    times = ["2011-07-04T05:23:00", "2016-01-22T05:37:00", START]
    assert [trace.record.start_ns for trace in read_dataset(table)] == [parse_time_ns(text) for text in times]
    table, _ = write_pair(tmp_path, *rows[:1], name="ambiguous")
    with pytest.raises(DataError, match=r"ambiguous\.csv: start_time '04/07/2011 5:23' may be day/month or month/day"):
        list(read_dataset(table))
