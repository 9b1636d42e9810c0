"""What is exported is read back as it was, by seisnet and by SeisBench."""

import csv
import itertools

import h5py
import numpy as np
import obspy
import pytest
from obspy.core.inventory import Channel, Inventory, Network, Site, Station

from seisnet.cli import cli
from seisnet.config import ExportConfig
from seisnet.datasets.export import PLACE, export_seisbench
from seisnet.errors import ConfigError, NothingUsableError
from seisnet.waveforms.datasets import read_dataset, read_dataset_picks
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.lookup import station_places
from seisnet.waveforms.reading import read_records
from seisnet.waveforms.records import KEPT, NS_PER_S, lost, sample_to_ns

START_NS = 1_577_836_800 * NS_PER_S


def keys(picks):
    return sorted((p.network, p.station, p.phase, round(p.time_ns / 1e6)) for p in picks)


def test_picked_stretches_of_files_come_back_with_their_picks(tmp_path, labelled):
    n_traces, _ = export_seisbench([str(labelled.files)], [str(labelled.quakeml)], tmp_path / "set")
    traces = list(read_dataset(tmp_path / "set"))
    assert len(traces) == n_traces == len(labelled.seismograms)
    assert keys(p for t in traces for p in t.picks) == keys(labelled.picks)
    assert all(t.split and t.event_id and not t.is_noise for t in traces)
    reading = Reading()
    for source in find_sources([str(labelled.files)], reading):
        for record in read_records(source, reading, sampling_rate_hz=100.0, shortest_s=1.0):
            for found in (t.record for t in traces if t.record.trace_id == record.trace_id):
                if not record.start_ns <= found.start_ns <= record.end_ns:
                    continue
                at = round((found.start_ns - record.start_ns) * 100 / NS_PER_S)
                assert abs(sample_to_ns(record, at) - found.start_ns) < 5_000_000
                np.testing.assert_array_equal(found.present, record.present)
                was = record.data[:, at : at + found.n_samples]
                difference = np.ptp(found.data - was, axis=1)
                np.testing.assert_allclose(difference, 0, atol=1e-3 * np.abs(was).max())


@pytest.mark.parametrize("named", [True, False])
def test_one_event_lies_in_one_split(tmp_path, labelled, named):
    labels = tmp_path / "picks.csv"
    labels.write_text(labelled.csv.read_text().replace("event_id", "event_id" if named else "not_told"))
    export_seisbench([str(labelled.files)], [str(labels)], tmp_path / "set")
    event_of = {(p.station, round(p.time_ns / 1e6)): p.event_id for p in labelled.picks}
    splits, events = {}, {}
    for trace in read_dataset(tmp_path / "set"):
        true = event_of[trace.picks[0].station, round(trace.picks[0].time_ns / 1e6)]
        splits.setdefault(true, set()).add(trace.split)
        events.setdefault(true, set()).add(trace.event_id)
    assert len(splits) > 3
    assert all(len(found) == 1 for found in (*splits.values(), *events.values()))


def test_events_whose_traces_share_samples_lie_in_one_split(tmp_path, make_trace, noise):
    rows = [(station, 200.0 * k + late, f"{k}.{late}") for station in "AB" for k in range(20) for late in (0, 80)]
    for station in "AB":
        trace = make_trace(noise(420_000), f"GE.{station}..HHZ", start_ns=START_NS)
        trace.write(str(tmp_path / f"{station}.mseed"), format="MSEED")
    rows = [(station, START_NS / NS_PER_S + 100 + at_s, event) for station, at_s, event in rows]
    picks = "".join(f"GE,{station},{at_s:.1f},P,{event}\n" for station, at_s, event in rows)
    (tmp_path / "picks.csv").write_text(f"network,station,time,phase,event_id\n{picks}")
    export_seisbench([str(tmp_path)], [str(tmp_path / "picks.csv")], tmp_path / "set")
    traces = sorted(read_dataset(tmp_path / "set"), key=lambda t: (t.record.trace_id, t.record.start_ns))
    beside = [(a, b) for a, b in itertools.pairwise(traces) if a.record.trace_id == b.record.trace_id]
    shared = [(a.split, b.split) for a, b in beside if b.record.start_ns < a.record.end_ns]
    assert len(shared) == 40
    assert all(a == b for a, b in shared)
    assert len({t.split for t in traces}) == 3


def test_data_sets_are_written_whole(tmp_path, labelled):
    n_traces, _ = export_seisbench([str(labelled.dataset)], [], tmp_path / "set")
    before, after = list(read_dataset(labelled.dataset)), list(read_dataset(tmp_path / "set"))
    assert len(before) == len(after) == n_traces
    for a, b in zip(before, after, strict=True):
        assert keys(a.picks) == keys(b.picks)
        assert (a.category, a.event_id, a.record.trace_id) == (b.category, b.event_id, b.record.trace_id)


def test_what_lies_around_the_picks_of_an_event_is_kept(tmp_path, make_trace, noise):
    make_trace(noise(60_000), start_ns=START_NS).write(str(tmp_path / "a.mseed"), format="MSEED")
    rows = [
        (100.0, "Pg", "a"),
        (105.5, "Sg", "a"),
        (110.25, "P", "b"),
        (400.0, "Pn", ""),
        (450.0, "S", ""),
        (590.0, "Lg", ""),
    ]
    (tmp_path / "p.csv").write_text(
        "network,station,time,phase,event_id\n"
        + "".join(f"GE,APE,{START_NS // NS_PER_S + t},{phase},{event}\n" for t, phase, event in rows)
    )
    config = ExportConfig(before_s=10, after_s=20)
    n_traces, rejections = export_seisbench(
        [str(tmp_path / "a.mseed")], [str(tmp_path / "p.csv")], tmp_path / "set", config
    )
    traces = list(read_dataset(tmp_path / "set"))
    seconds = [((t.record.start_ns - START_NS) / NS_PER_S, t.record.n_samples / 100) for t in traces]
    assert n_traces == 3
    assert seconds == [(90.0, 35.51), (100.25, 30.01), (390.0, 80.01)]
    assert [[p.phase for p in t.picks] for t in traces] == [["Pg", "Sg"], ["P"], ["Pn", "S"]]
    assert [r.reason for r in lost(rejections)] == ["a pick that is neither P nor S"]
    remarks = [((r.start_ns - START_NS) / NS_PER_S, r.reason) for r in rejections if r.reason.startswith(KEPT)]
    assert [at for at, _ in remarks] == [0.0, 110.25, 105.5]
    assert remarks[0][1] == f"{KEPT}N, E were not recorded"
    assert all("it is also in the trace of other picks, where it has no label" in reason for _, reason in remarks[1:])


@pytest.mark.parametrize(
    ("times", "lengths"),
    [
        ([(100, "P"), (165, "S")], [155.01]),
        ([(100, "P"), (191, "S")], [90.01, 90.01]),
        ([(100, "P"), (105, "S"), (170, "Pg"), (177, "S")], [95.01, 97.01]),
    ],
)
def test_an_s_that_comes_late_is_in_the_trace_of_its_p(tmp_path, make_trace, noise, times, lengths):
    """Unless both would have traces that do not overlap; a second P begins a trace, whatever its event."""
    make_trace(noise(60_000), start_ns=START_NS).write(str(tmp_path / "a.mseed"), format="MSEED")
    picks = "".join(f"GE,APE,{START_NS // NS_PER_S + t},{phase},a\n" for t, phase in times)
    (tmp_path / "p.csv").write_text(f"network,station,time,phase,event_id\n{picks}")
    _, told = export_seisbench([str(tmp_path / "a.mseed")], [str(tmp_path / "p.csv")], tmp_path / "set")
    traces = list(read_dataset(tmp_path / "set"))
    assert [t.record.n_samples / 100 for t in traces] == lengths
    assert [p.phase for t in traces for p in t.picks] == [phase for _, phase in times]
    assert not lost(told)


def test_picks_that_have_no_place_in_a_trace_are_told(tmp_path, make_trace, noise):
    make_trace(noise(60_000), start_ns=START_NS).write(str(tmp_path / "a.mseed"), format="MSEED")
    rows = [(100.0, "P"), (105.0, "S"), (110.0, "P"), (112.0, "Lg")]
    picks = "".join(f"GE,APE,{START_NS // NS_PER_S + t},{phase},a\n" for t, phase in rows)
    (tmp_path / "p.csv").write_text(f"network,station,time,phase,event_id\n{picks}")
    _, told = export_seisbench([str(tmp_path / "a.mseed")], [str(tmp_path / "p.csv")], tmp_path / "set")
    assert [((r.start_ns - START_NS) / NS_PER_S, r.reason) for r in lost(told)] == [
        (110.0, "a second P in a trace, which can hold one"),
        (112.0, "a pick that is neither P nor S"),
    ]
    table = tmp_path / "set" / "metadata.csv"
    table.write_text(table.read_text().replace("3500.0", "99999.0"))
    _, told = export_seisbench([str(tmp_path / "set")], [], tmp_path / "again")
    assert [r.reason for r in lost(told)] == ["a pick outside its trace"]
    told.clear()
    assert [pick.phase for pick in read_dataset_picks(tmp_path / "set", told)] == ["P"]
    assert [r.reason for r in told] == ["a pick outside its trace"]


def test_each_instrument_has_the_pick_that_was_made_on_it(tmp_path, make_trace, noise):
    start = obspy.UTCDateTime(ns=START_NS)
    for code in ("HHZ", "HNZ"):
        make_trace(noise(20_000), f"GE.A..{code}", start_ns=START_NS).write(str(tmp_path / code), format="MSEED")
    rows = [f"GE,A,{code},{start + at},P,e" for code, at in (("HHZ", 100.0), ("HNZ", 99.9))]
    (tmp_path / "picks.csv").write_text("\n".join(["network,station,channel,time,phase,event_id", *rows]))
    files = [str(tmp_path / code) for code in ("HHZ", "HNZ")]
    _, rejections = export_seisbench(files, [str(tmp_path / "picks.csv")], tmp_path / "set")
    found = {t.record.trace_id[-2:]: [p.time_ns - START_NS for p in t.picks] for t in read_dataset(tmp_path / "set")}
    assert found == {"HH": [100 * NS_PER_S], "HN": [99_900_000_000]} and lost(rejections) == []


def test_an_event_across_midnight_is_one_trace(tmp_path, make_trace, noise):
    for day in (0, 1):
        start_ns = START_NS + (day * 86_400 - 600 * (1 - day)) * NS_PER_S + (86_400 * NS_PER_S if day == 0 else 0)
        make_trace(noise(60_000, day), start_ns=start_ns).write(str(tmp_path / f"{day}.mseed"), format="MSEED")
    times = [START_NS + (86_400 + s) * NS_PER_S for s in (-3, 4)]
    picks = "".join(f"GE,APE,{t // NS_PER_S},{phase}\n" for t, phase in zip(times, "PS", strict=True))
    (tmp_path / "p.csv").write_text("network,station,time,phase\n" + picks)
    export_seisbench([f"{tmp_path}/*.mseed"], [str(tmp_path / "p.csv")], tmp_path / "set")
    [trace] = read_dataset(tmp_path / "set")
    assert [p.phase for p in trace.picks] == ["P", "S"]
    assert trace.record.n_samples == 9701


def test_nothing_to_export_says_why_and_leaves_no_folder_half_done(tmp_path, labelled):
    """The most frequent reason comes first, whatever came first, and what was kept is none."""
    rows = [f"XX,YYY{k},1,P\n" for k in range(6)] + ["XX,ZZZ,1,P\n", "XX,ZZZ,9,P\n"]
    (tmp_path / "p.csv").write_text(f"network,station,time,phase\n{''.join(rows)}")
    with pytest.raises(NothingUsableError, match=r"exported: label at XX\.ZZZ\.: .* \(2\); label at") as raised:
        export_seisbench([str(labelled.files)], [str(tmp_path / "p.csv")], tmp_path / "set")
    assert KEPT not in str(raised.value)
    assert not (tmp_path / "set").exists()


def test_recordings_without_labels_are_told_to_need_some(tmp_path, labelled):
    with pytest.raises(NothingUsableError, match="waveform files carry no labels"):
        export_seisbench([str(labelled.files)], [], tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_that_nothing_is_cut_around_the_picks_of_a_data_set_is_told(tmp_path, labelled):
    for config, n_told in ((ExportConfig(before_s=5), 1), (ExportConfig(sampling_rate_hz=50), 0)):
        _, rejections = export_seisbench([labelled.dataset], [], tmp_path / "set", config, overwrite=True)
        assert sum("whose traces are written whole" in r.reason for r in rejections) == n_told


def test_station_metadata_give_the_coordinates(tmp_path, make_trace, noise):
    """Those of the epoch in which a trace begins."""
    days = [obspy.UTCDateTime(ns=START_NS) + 86_400 * k for k in range(3)]
    channels = [
        Channel(
            "HHN", "", 40.0 + k, 25.0, 600.0 + k, 0.0, azimuth=0.0, dip=0.0, start_date=days[k], end_date=days[k + 1]
        )
        for k in range(2)
    ]
    station = Station("APE", 0.0, 0.0, 0.0, channels=channels, site=Site("x"))
    Inventory([Network("GE", stations=[station])]).write(str(tmp_path / "s.xml"), format="STATIONXML")
    picks = []
    for name, at_s in (("APE", 0), ("APE", 90_000), ("NONE", 0)):
        start_ns = START_NS + at_s * NS_PER_S
        for letter in "ZN":
            trace = make_trace(noise(12_000), f"GE.{name}..HH{letter}", start_ns=start_ns)
            trace.write(str(tmp_path / f"{name}{letter}{at_s}.mseed"), format="MSEED")
        picks.append(f"GE,{name},{start_ns // NS_PER_S + 40},P\n")
    (tmp_path / "p.csv").write_text("network,station,time,phase\n" + "".join(picks))
    job = ([f"{tmp_path}/*.mseed"], [str(tmp_path / "p.csv")])
    export_seisbench(*job, tmp_path / "set", inventory=[tmp_path / "s.xml"])
    with (tmp_path / "set" / "metadata.csv").open() as file:
        told = [[row[name] for name in ("station_code", *PLACE)] for row in csv.DictReader(file)]
    assert sorted(told) == [["APE", "40.0", "25.0", "600.0"], ["APE", "41.0", "25.0", "601.0"], ["NONE", "", "", ""]]
    assert station_places([tmp_path / "set"]) == {"GE.APE": (41.0, 25.0)}
    export_seisbench(*job, tmp_path / "plain")
    assert "latitude" not in (tmp_path / "plain" / "metadata.csv").read_text()


def test_an_export_never_replaces_a_data_set_unasked(tmp_path, labelled):
    export_seisbench([str(labelled.dataset)], [], tmp_path / "set")
    with pytest.raises(ConfigError, match="exists"):
        export_seisbench([str(labelled.dataset)], [], tmp_path / "set")
    export_seisbench([str(labelled.dataset)], [], tmp_path / "set", overwrite=True)


def test_the_command_exports(tmp_path, labelled):
    from click.testing import CliRunner

    arguments = [str(labelled.files), "--labels", str(labelled.quakeml), "-o", str(tmp_path / "set"), "--rate", "50"]
    done = CliRunner().invoke(cli, ["datasets", "export", "seisbench", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    assert f"{len(labelled.seismograms)} traces in the seisbench layout" in done.stderr
    assert {t.record.sampling_rate_hz for t in read_dataset(tmp_path / "set")} == {50.0}


def test_only_rows_say_which_components_there_are(tmp_path, make_trace, noise):
    stream = obspy.Stream([make_trace(noise(3000, c), f"GE.APE..HH{'ZNE'[c]}") for c in range(3)])
    (stream + make_trace(noise(3000, 4), "GE.KARP..HHZ")).write(tmp_path / "a.mseed", format="MSEED")
    at = stream[0].stats.starttime + 10
    rows = [f"GE,{station},{at},P\n" for station in ("APE", "KARP")]
    (tmp_path / "p.csv").write_text("network,station,time,phase\n" + "".join(rows))
    export_seisbench([tmp_path / "a.mseed"], [tmp_path / "p.csv"], tmp_path / "set")
    assert [t.record.present.tolist() for t in read_dataset(tmp_path / "set")] == [[True] * 3, [True, False, False]]
    with h5py.File(tmp_path / "set" / "waveforms.hdf5") as file:
        assert set(file["data_format"]) == {"dimension_order", "sampling_rate"}, "SeisBench warns of what differs"


def test_seisbench_opens_what_is_exported(tmp_path, labelled):
    data = pytest.importorskip("seisbench.data")
    export_seisbench([str(labelled.files)], [str(labelled.quakeml)], tmp_path / "set")
    traces = list(read_dataset(tmp_path / "set"))  # HDF5 files are not opened twice in different ways
    opened = data.WaveformDataset(tmp_path / "set", component_order="ZNE", missing_components="pad")
    assert len(opened) == len(labelled.seismograms)
    for i, trace in enumerate(traces):
        waveforms, metadata = opened.get_sample(i)
        assert waveforms.shape[0] == 3
        recorded = waveforms[0, : trace.record.n_samples]
        np.testing.assert_allclose(recorded - recorded.mean(), trace.record.data[0], atol=1e-2)
        for pick in trace.picks:
            sample = metadata[f"trace_{pick.phase}_arrival_sample"]
            assert sample == pytest.approx((pick.time_ns - trace.record.start_ns) / 1e7, abs=1e-3)
