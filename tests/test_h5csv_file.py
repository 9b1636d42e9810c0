"""Pairs of HDF5 and CSV become data sets: without loss, or not at all."""

import csv
from pathlib import Path

import h5py
import numpy as np
import pytest

from seisnet.errors import ConfigError, DataError
from seisnet.store.h5csv_file import import_h5csv
from seisnet.waveforms.dataset_columns import parse_time_ns
from seisnet.waveforms.datasets import DatasetTrace, read_dataset
from seisnet.waveforms.records import ns_to_sample

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
START = "2011-07-04T05:23:18.123456Z"


def ripple(n_components=3, n_samples=600):
    return np.random.default_rng(7).normal(size=(n_components, n_samples)).astype(np.float32)


def write_pair(folder, rows, waveforms, **attributes):
    path = folder / "pair.h5"
    with h5py.File(path, "w") as file:
        file["waveforms"] = waveforms
        file.attrs.update({"component_order": "ZNE", "licence": "CC0", "citation": "Nobody (2011)"} | attributes)
    with path.with_suffix(".csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def pair_row(index, **changes):
    return {
        "trace_index": index, "network": "YM", "station": "9", "location": "", "channel": "", "start_time": START,
        "sampling_rate": "100.0", "p_sample": "", "s_sample": "", "snr_db": "", "event_id": "", "label_kind": "",
        "s_label_kind": "", "missing_components": "", "category": "noise", "n_samples": "600", "qc": "",
    } | changes  # fmt: skip


def imported(folder, rows, waveforms, **attributes):
    pair = write_pair(folder, rows, waveforms, **attributes)
    assert import_h5csv(str(pair), str(folder / "set")) == len(rows)
    with (folder / "set" / "metadata.csv").open(newline="") as file:
        return list(read_dataset(folder / "set")), list(csv.DictReader(file))


def test_a_pair_is_imported_without_loss(tmp_path):
    x = ripple(9, 600).reshape(3, 3, 600)
    x[1, :, 500:] = 0
    x[2, 1:] = 0
    rows = [
        pair_row(2, p_sample="200", s_sample="333", event_id="e2", label_kind="manual", s_label_kind="automatic",
                 missing_components="NE", category="event", snr_db="12.5", qc="weak"),
        pair_row(1, n_samples="500", sampling_rate="200.0"),
        pair_row(0, p_sample="100", event_id="e0", label_kind="manual", category="event", start_time=""),
    ]  # fmt: skip
    (first, second, third), metadata = imported(tmp_path, rows, x)
    np.testing.assert_allclose(first.record.data[0], x[2, 0] - x[2, 0].mean(), atol=1e-6)
    assert first.record.present.tolist() == [True, False, False]
    assert [(pick.phase, pick.weight, pick.snr_db) for pick in first.picks] == [("P", 1.0, 12.5), ("S", 0.5, 12.5)]
    assert (first.event_id, first.category, first.is_noise) == ("e2", "event", False)
    assert (second.record.n_samples, second.record.sampling_rate_hz) == (500, 200.0)
    assert (second.event_id, second.picks, second.is_noise) == ("", (), True)
    assert not third.is_noise
    assert {"weak", "12.5", "NE"} <= set(metadata[0].values())
    with h5py.File(tmp_path / "set" / "waveforms.hdf5") as file:
        assert dict(file.attrs)["citation"] == "Nobody (2011)"
    assert "licence: CC0" in (tmp_path / "set" / "README.md").read_text()


def test_slashed_dates_are_read_as_the_table_reads_them(tmp_path):
    x = ripple(9, 600).reshape(3, 3, 600)
    days_first = ["04/07/2011 5:23", "28/07/2011 19:59", START]
    traces, metadata = imported(tmp_path, [pair_row(i, start_time=t) for i, t in enumerate(days_first)], x)
    assert [t.record.start_ns for t in traces] == [
        parse_time_ns(t) for t in ("2011-07-04T05:23:00", "2011-07-28T19:59:00", START)
    ]
    assert [m["trace_start_time_original"] for m in metadata] == [*days_first[:2], ""]
    (tmp_path / "months").mkdir()
    months_first = ["04/07/2011 5:23", "07/28/2011 19:59"]
    traces, _ = imported(tmp_path / "months", [pair_row(i, start_time=t) for i, t in enumerate(months_first)], x)
    assert traces[0].record.start_ns == parse_time_ns("2011-04-07T05:23:00")
    path = write_pair(tmp_path, [pair_row(0, start_time="04/07/2011 5:23")], x)
    with pytest.raises(DataError, match="may be day/month or month/day"):
        import_h5csv(path, tmp_path / "ambiguous")


def test_a_pair_of_classes(tmp_path):
    x = ripple(9, 600).reshape(3, 3, 600)
    base = {"sampling_rate": "100", "npts": "600", "start_time": START}
    machine, manual = "RockNet output (machine), score 0.7", "manual P and S"
    rows = [
        base | {"trace_index": 0, "class": "rockfall", "station": "TW.LH01", "network_time": START, "P_sample": "",
                "S_sample": "", "label_provenance": machine},
        base | {"trace_index": 1, "class": "noise", "station": "XB.ELYSE.02", "network_time": "", "P_sample": "",
                "S_sample": "", "label_provenance": "by rule"},
        base | {"trace_index": 2, "class": "earthquake", "station": "LH02", "network_time": START, "P_sample": "100",
                "S_sample": "200", "label_provenance": manual},
    ]  # fmt: skip
    traces, metadata = imported(tmp_path, rows, x, component_order="EHZ,EHN,EHE")
    assert [trace.category for trace in traces] == ["rockfall", "noise", "earthquake"]
    assert [trace.record.trace_id for trace in traces] == ["TW.LH01..EH", "XB.ELYSE.02.EH", ".LH02..EH"]
    assert [trace.event_id for trace in traces] == [START, "", START]
    assert [pick.weight for pick in traces[2].picks] == [1.0, 1.0]
    assert metadata[0]["trace_label_provenance"] == machine
    rows[2]["label_provenance"] = machine
    (tmp_path / "machine").mkdir()
    traces, _ = imported(tmp_path / "machine", rows, x, component_order="EHZ,EHN,EHE")
    assert [pick.weight for pick in traces[2].picks] == [0.5, 0.5]


def test_attributes_of_fixed_length_are_text_too(tmp_path):
    said = {"component_order": np.bytes_(b"ZNE"), "licence": np.bytes_(b"CC-BY"), "citation": np.bytes_(b"M\xfcller")}
    (trace,), _ = imported(tmp_path, [pair_row(0)], ripple()[np.newaxis], **said)
    assert trace.record.present.all()
    readme = (tmp_path / "set" / "README.md").read_text(encoding="utf-8")
    assert "- licence: CC-BY\n" in readme
    assert "M\ufffdller" in readme


@pytest.mark.parametrize(
    ("changes", "attributes", "reason"),
    [
        ({"n_samples": "601"}, {}, "asks for trace 0 with 601 samples"),
        ({"trace_index": "7"}, {}, "'waveforms' holds 1 traces"),
        ({"n_samples": "many"}, {}, r"pair\.csv: got '0' and 'many' as trace_index and number of samples"),
        ({"n_samples": ""}, {}, "got '0' and '' as trace_index"),
        ({"n_samples": "500"}, {}, "samples where its row of the CSV says that there are none"),
        ({"missing_components": "N"}, {}, "in a missing component"),
        ({}, {"component_order": "ZN"}, "'waveforms' has 3 components"),
        ({"start_time": "31/02/2011 5:23"}, {}, "is not a date"),
    ],
)
def test_a_pair_that_contradicts_itself_is_refused_and_nothing_appears(tmp_path, changes, attributes, reason):
    path = write_pair(tmp_path, [pair_row(0, **changes)], ripple()[np.newaxis], **attributes)
    with pytest.raises(DataError, match=reason):
        import_h5csv(path, tmp_path / "set")
    assert not (tmp_path / "set").exists() or list((tmp_path / "set").iterdir()) == []


def test_half_a_pair_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"absent\.h5: no such file"):
        import_h5csv(tmp_path / "absent.h5", tmp_path / "set")
    (tmp_path / "alone.h5").write_bytes(b"")
    with pytest.raises(DataError, match=r"alone\.csv: no such file; an HDF5 \+ CSV pair is alone\.h5 and alone\.csv"):
        import_h5csv(tmp_path / "alone.h5", tmp_path / "set")
    path = write_pair(tmp_path, [pair_row(0)], ripple()[np.newaxis])
    path.write_text("no HDF5")
    with pytest.raises(DataError, match="can't be read as HDF5"):
        import_h5csv(path, tmp_path / "set")
    path.with_suffix(".csv").write_text("trace_index,station,sampling_rate,npts\n")
    with pytest.raises(DataError, match="has no rows"):
        import_h5csv(path, tmp_path / "set")
    path.with_suffix(".csv").write_text("station,npts,p\nA,100,5\n")
    with pytest.raises(DataError, match=r"no column trace_index, sampling_rate, category or class; .* npts, p$"):
        import_h5csv(path, tmp_path / "set")


def test_a_pair_with_damaged_samples_is_one_line_that_names_it(tmp_path):
    path = tmp_path / "pair.h5"
    write_pair(tmp_path, [pair_row(0)], ripple()[np.newaxis])
    with h5py.File(path, "a") as file:
        del file["waveforms"]
        file.create_dataset("waveforms", data=ripple()[np.newaxis], chunks=(1, 3, 600), compression="gzip")
        stored = file["waveforms"].id.get_chunk_info(0)
    with path.open("r+b") as file:
        file.seek(stored.byte_offset)
        file.write(b"damaged!")
    with pytest.raises(DataError, match=r"pair\.h5: trace 0 can't be read"):
        import_h5csv(path, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_an_import_keeps_what_is_there(tmp_path):
    path = write_pair(tmp_path, [pair_row(0)], ripple()[np.newaxis])
    import_h5csv(path, tmp_path / "set")
    with pytest.raises(ConfigError, match="use overwrite=True"):
        import_h5csv(path, tmp_path / "set")
    assert import_h5csv(path, tmp_path / "set", overwrite=True) == 1


PAIRS = sorted((SHARED / "phases").glob("*.h5")) + sorted((SHARED / "classes").glob("*.h5"))


@pytest.mark.skipif(not PAIRS, reason="the real recordings are not beside this checkout")
@pytest.mark.parametrize("path", PAIRS, ids=[path.stem for path in PAIRS])
def test_real_pairs_are_read_whole(tmp_path, path):
    """Every row comes back, samples and labels bit for bit; what was picked is where it was picked."""
    n = import_h5csv(path, tmp_path / "set")
    traces = list(read_dataset(tmp_path / "set"))
    with path.with_suffix(".csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(traces) == len(rows) == n
    assert all(isinstance(trace, DatasetTrace) for trace in traces)
    with h5py.File(path) as pair:
        for trace, given_row in zip(traces, rows, strict=True):
            record = trace.record
            assert record.sampling_rate_hz == float(given_row["sampling_rate"])
            assert trace.category == (given_row.get("category") or given_row.get("class"))
            missing = set(given_row.get("missing_components", ""))
            stored = pair["waveforms"][int(given_row["trace_index"])]
            absent = missing if len(stored) == 3 else {"N", "E"}
            assert {c for c, there in zip("ZNE", record.present, strict=True) if not there} == absent
            for phase in "ps":
                written = given_row.get(f"{phase}_sample") or given_row.get(f"{phase.upper()}_sample")
                times = [pick.time_ns for pick in trace.picks if pick.phase == phase.upper()]
                assert len(times) == bool(written)
                if written:
                    at = ns_to_sample(record, times[0])
                    r = int(np.argmax(record.present))
                    there = stored[r, int(written) : int(written) + 2].astype(np.float64)
                    np.testing.assert_allclose(
                        np.diff(record.data[r, at : at + 2]), np.diff(there), rtol=1e-4, atol=1e-3
                    )
