"""Waveforms are found again where they were read."""

import math
import shutil
from dataclasses import replace

import numpy as np
import obspy
import pytest

from seisnet.classification.chosen_views import of_picks, spread, with_all, without_repeats
from seisnet.classification.job import classify
from seisnet.classification.views import (
    LONGEST_VIEW_S,
    View,
    band_passed,
    find_pick,
    joined,
    stretch_around,
    view_around,
    views_of,
)
from seisnet.config import PickConfig
from seisnet.errors import ConfigError, DataError
from seisnet.model import load_model
from seisnet.picks import Detection, Pick
from seisnet.report.figures import FIGURES
from seisnet.report.viewer import Picked
from seisnet.scan.scanner import Probabilities
from seisnet.store.seisbench_file import TraceReader
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.waveforms.lookup import Waveforms, distances_km, part, station_places
from seisnet.waveforms.records import NS_PER_S, sample_to_ns

START_NS = 1_577_836_800 * NS_PER_S


def a_pick(at_s=30.0, channel="HH", **codes):
    named = {"network": "GE", "station": "APE", "location": ""} | codes
    return Pick(**named, channel=channel, phase="P", time_ns=START_NS + round(at_s * NS_PER_S), probability=0.9)


@pytest.fixture
def archive(tmp_path, make_trace, noise):
    """Two minutes on HH with a gap of ten seconds at 60 s, and the same minutes on a BH of another rate."""
    for k, letter in enumerate("ZNE"):
        samples = noise(12_000, k)
        early, late = samples[:6000], samples[7000:]
        stream = obspy.Stream([make_trace(early, f"GE.APE..HH{letter}")])
        stream += make_trace(late, f"GE.APE..HH{letter}", start_ns=START_NS + 70 * NS_PER_S)
        stream.write(str(tmp_path / f"hh{letter}.mseed"), format="MSEED")
        make_trace(noise(2400, 9), f"GE.APE..BH{letter}", rate_hz=20.0).write(
            str(tmp_path / f"bh{letter}.mseed"), format="MSEED"
        )
    return tmp_path


def test_a_stretch_holds_the_samples_of_the_files_and_no_others(archive, noise):
    waveforms = Waveforms([str(archive)])
    low_ns, high_ns = START_NS + 10 * NS_PER_S, START_NS + 80 * NS_PER_S
    before, after = waveforms.around("GE.APE..HH", low_ns, high_ns)
    assert (before.start_ns, after.end_ns) == (low_ns, high_ns)
    assert (before.n_samples, after.n_samples) == (5000, 1001)
    expected = noise(12_000, 0)[1000:6000]
    np.testing.assert_array_equal(before.data[0], expected.astype(np.float32))
    (slow,) = waveforms.around("GE.APE..BH", low_ns, high_ns)
    assert slow.sampling_rate_hz == 20.0
    (fast,) = waveforms.around("GE.APE..BH", low_ns, high_ns, sampling_rate_hz=100.0)
    assert fast.sampling_rate_hz == 100.0
    assert not waveforms.around("GE.APE..HH", START_NS - 10**12, START_NS - 10**11)


def test_gaps_are_nan_in_a_view_and_absent_components_zero(archive):
    (archive / "hhE.mseed").unlink()
    view = view_around(a_pick(55.0), Waveforms([str(archive)]), [], before_s=10, after_s=20)
    assert view.data.shape == (3, 3001)
    assert np.isnan(view.data[:2]).sum(axis=1).tolist() == [1000, 1000]
    assert not view.data[2].any()


@pytest.mark.parametrize(
    ("pick", "found"),
    [
        (a_pick(), ["GE.APE..HH"]),
        (a_pick(channel="HHZ"), ["GE.APE..HH"]),
        (a_pick(channel=""), ["GE.APE..BH", "GE.APE..HH"]),
        (a_pick(channel="BH", network="", station="ape", location="--"), ["GE.APE..BH"]),
        (a_pick(network="XX"), []),
        (a_pick(station="NOT"), []),
    ],
)
def test_codes_that_a_pick_names_must_agree(archive, pick, found):
    assert Waveforms([str(archive)]).trace_ids(pick) == found


def test_a_view_holds_the_picks_of_its_instrument_and_time(archive):
    picks = [a_pick(29.0), a_pick(30.0), a_pick(31.0, "BH"), a_pick(32.0, "HHN"), a_pick(90.0)]
    view = view_around(picks[1], Waveforms([str(archive)]), picks, before_s=5, after_s=5)
    assert view.picks == (picks[0], picks[1], picks[3])
    with pytest.raises(DataError, match="no waveform of that instrument and time"):
        view_around(a_pick(65.0), Waveforms([str(archive)]), picks)
    with pytest.raises(DataError, match="no pick has the ID 'x'; the nearest are GE"):
        find_pick(picks, "x")
    assert find_pick(picks, picks[3].pick_id) == picks[3]


def test_views_hold_forty_seconds_or_what_there_is_and_all_picks_in_them(make_record, noise):
    record = make_record(np.stack([noise(9000, k) for k in range(3)]))
    values = np.random.default_rng(0).random((2, 430), dtype=np.float32)
    hop_ns = NS_PER_S // 5
    scan = Probabilities(values, START_NS + 2 * NS_PER_S, hop_ns, ("P", "S"), "GE.APE..HH", np.zeros(430, dtype=bool))
    picks = [a_pick(3.0), a_pick(33.0), a_pick(34.0), a_pick(80.0)]
    views = list(views_of(record, scan, picks))
    assert [view.picks for view in views] == [tuple(picks[:2]), (picks[2],), (picks[3],)]
    for view, (low_s, high_s, first, stop) in zip(
        views, ((0, 33, 0, 156), (24, 64, 110, 311), (70, 90, 340, 430)), strict=True
    ):
        assert view.start_ns == START_NS + low_s * NS_PER_S
        np.testing.assert_array_equal(view.data, record.data[:, low_s * 100 : high_s * 100])
        np.testing.assert_array_equal(view.times_ns, scan.times_ns[first:stop])
        np.testing.assert_array_equal(view.probabilities, values[:, first:stop])


def test_views_are_spread_over_instruments_and_hold_the_picks_that_are_asked_for():
    nothing = (np.zeros((0, 0)), np.zeros(0, dtype=np.int64))
    at_end, beyond, other = a_pick(1.0), a_pick(1.02), a_pick(0.5, "BH")
    views = [
        View(np.zeros((3, 100)), START_NS + k, 100.0, *nothing, (a_pick(0.5), at_end), f"GE.APE..{band}")
        for k, band in enumerate(("HH", "HH", "HH", "BH", "BH"))
    ]
    assert [view.start_ns - START_NS for view in spread(views, 3)] == [0, 1, 3]
    assert [view.picks for view in of_picks(views[:2], [at_end])] == [(at_end,)] * 2 and of_picks(views, [other]) == []
    found = with_all([views[0], views[3]], [at_end, beyond, other])
    assert [view.picks for view in found] == [(at_end,), (other,)]


def a_detection(first_s, last_s, label="rockfall", probability=0.9, channel="HH"):
    start_ns, end_ns = (START_NS + round(s * NS_PER_S) for s in (first_s, last_s))
    return Detection("GE", "APE", "", channel, label, start_ns, end_ns, probability)


def test_views_hold_detections_wholly_or_the_beginning_of_long_ones(make_record):
    record = make_record(np.ones((3, 100_000)))
    dead = np.zeros(1000, dtype=bool)
    scan = Probabilities(np.ones((2, 1000), dtype=np.float32), START_NS, NS_PER_S, ("a", "b"), "GE.APE..HH", dead)
    found = [a_detection(*s) for s in ((50, 70), (60, 100), (90, 101), (140, 900))]
    views = list(views_of(record, scan, found))
    assert [view.detections for view in views] == [(found[0], found[1]), (found[2],), (found[3],)]
    spans_s = [((v.start_ns - START_NS) / NS_PER_S, v.data.shape[1] / 100) for v in views]
    assert spans_s == [(20, 80), (60, 71), (110, LONGEST_VIEW_S)]
    assert [(view.times_ns[0], len(view.times_ns)) for view in views] == [
        (view.start_ns, seconds + 1) for view, (_, seconds) in zip(views, spans_s, strict=True)
    ]


@pytest.mark.parametrize(
    ("found", "asked", "span_s"),
    [
        (a_pick(30), {}, (20, 60)),
        (a_pick(1000), {"before_s": 900}, (100, 1030)),
        (a_detection(50, 60), {}, (20, 90)),
        (a_detection(50, 60), {"before_s": 1, "after_s": 2}, (49, 62)),
        (a_detection(50, 5000), {}, (20, 620)),
        (a_detection(1000, 5000), {"before_s": 900}, (100, 1570)),
        (a_detection(50, 5000), {"after_s": 60}, (20, 5060)),
    ],
)
def test_the_stretch_that_is_drawn_holds_what_is_asked_for(found, asked, span_s):
    assert stretch_around(found, **asked) == tuple(START_NS + s * NS_PER_S for s in span_s)


def test_views_of_detections_are_the_most_probable_ones_of_each_class():
    nothing = (np.zeros((0, 0)), np.zeros(0, dtype=np.int64))
    found = [a_detection(k, k, "ab"[k > 3], p) for k, p in enumerate((0.5, 0.7, 0.6, 0.9, 0.5, 0.6))]
    views = [View(np.zeros((3, 100)), START_NS + k, 1.0, *nothing, (), "GE.APE..HH", (d,)) for k, d in enumerate(found)]
    for most, kept in ((1, [3]), (2, [3, 5]), (3, [1, 3, 5]), (9, [0, 1, 2, 3, 4, 5])):
        assert [view.start_ns - START_NS for view in spread(views, most)] == kept


def test_of_views_of_one_detection_that_with_most_of_it_is_kept():
    nothing = (np.zeros((0, 0)), np.zeros(0, dtype=np.int64))
    views = [
        View(np.zeros((3, 100)), START_NS + s * NS_PER_S, 1.0, *nothing, (), "GE.APE..HH") for s in (0, 200, 100, 100)
    ]
    of_others = a_detection(0, 400, channel="BH")
    full = with_all(views, [], [a_detection(50, 205), of_others])
    assert [len(view.detections) for view in full] == [1] * 4
    assert [view.start_ns for view in without_repeats(full)] == [START_NS + 100 * NS_PER_S]
    both = with_all(views, [], [a_detection(50, 205), a_detection(290, 295)])
    assert [view.start_ns - START_NS for view in without_repeats(both)] == [200 * NS_PER_S, 100 * NS_PER_S]


def test_a_detection_is_drawn_alone_as_it_is_in_the_report(archive):
    model, config = load_model("rockfall"), PickConfig(thresholds={"rockfall": 0.2, "earthquake": 0.9})
    found = classify([str(archive)], model, config, most_views=100)
    assert [view.trace_id for view in found.views] == ["GE.APE..BH", "GE.APE..HH", "GE.APE..HH"]
    for expected in found.views:
        (detection,) = expected.detections
        view = view_around(detection, Waveforms([str(archive)]), found.detections, model=model)
        assert detection in view.detections and view.trace_id == expected.trace_id
        at = round((expected.start_ns - view.start_ns) / NS_PER_S * 100)  # the record may begin after the stretch
        drawn = view.data[:, at : at + expected.data.shape[1]]
        np.testing.assert_allclose(drawn, expected.data[:, : drawn.shape[1]], atol=1e-5)
        assert expected.data.shape[1] - drawn.shape[1] < 5  # BH lasts a little longer at the model's rate
        _, here, there = np.intersect1d(view.times_ns, expected.times_ns, return_indices=True)
        assert len(there) == len(expected.times_ns)
        np.testing.assert_allclose(view.probabilities[:, here], expected.probabilities, atol=1e-4)


def test_probabilities_of_a_view_are_those_of_the_whole_scan(archive, untrained_model):
    pick = a_pick(30.0)
    view = view_around(pick, Waveforms([str(archive)]), [pick], model=untrained_model)
    whole = classify([str(archive)], untrained_model)
    assert whole.n_records
    (record, _) = Waveforms([str(archive)]).around("GE.APE..HH", START_NS, START_NS + 200 * NS_PER_S)
    scan = untrained_model.scan(record)
    shown = (scan.times_ns >= view.times_ns[0]) & (scan.times_ns <= view.times_ns[-1])
    np.testing.assert_allclose(view.probabilities, scan.values[:, shown], atol=1e-5)


def test_nothing_to_read_is_one_line(tmp_path):
    (tmp_path / "a.mseed").write_bytes(b"")
    with pytest.raises(DataError, match="the file is empty"):
        Waveforms([str(tmp_path / "a.mseed")])


def test_a_file_that_is_gone_or_broken_later_is_counted(archive):
    waveforms = Waveforms([str(archive / "hhZ.mseed")])
    (archive / "hhZ.mseed").write_bytes(b"no waveforms")
    assert waveforms.around("GE.APE..HH", START_NS, START_NS + NS_PER_S) == []
    assert "hhZ.mseed" in waveforms.reading.rejections[-1].reason


def test_a_long_session_does_not_gather_what_each_look_could_not_read(archive):
    picked = Picked("", [a_pick(55.0)], Waveforms([str(archive)]), None)
    (archive / "hhE.mseed").unlink()
    told = []
    for _ in range(3):
        picked.around(picked.picks[0], before_s=10, after_s=20)
        told.append([rejection.reason for rejection in picked.waveforms.reading.rejections])
        FIGURES["section"](picked, picked.picks[0], None, None)
        FIGURES["day"](picked, picked.picks[0], None, None)
    assert told == [[f"{archive / 'hhE.mseed'}: can't be read: No such file or directory"]] * 3


def test_rows_of_a_data_set_are_found_by_instrument_and_time(labelled):
    waveforms = Waveforms([str(labelled.dataset)])
    for seismogram in labelled.seismograms[::5]:
        pick = seismogram.picks[0]
        view = view_around(pick, waveforms, seismogram.picks, before_s=2, after_s=3)
        at = round((view.start_ns - seismogram.start_ns) * seismogram.sampling_rate_hz / NS_PER_S)
        row = int(np.flatnonzero(seismogram.present)[0])
        expected = seismogram.data[row, at : at + view.data.shape[1]]
        assert np.corrcoef(view.data[row], expected)[0, 1] > 0.9999


@pytest.fixture
def swarm(tmp_path, noise):
    """Rows that overlap, as of a swarm: one of ten minutes, then one of two minutes every 20 s, and a short one."""
    row = {"station_network_code": "GE", "station_code": "APE", "trace_channel": "HH", "trace_sampling_rate_hz": 20.0}
    columns = [*row, "trace_start_time"]
    lengths_s = {0: 600} | dict.fromkeys(range(20, 401, 20), 120) | {410: 5}
    with new_seisbench(tmp_path / "set", columns, data_format={"component_order": "ZNE"}) as writer:
        for start_s, length_s in lengths_s.items():
            start = obspy.UTCDateTime(ns=START_NS) + start_s
            samples = np.stack([noise(12_000, k) for k in range(3)])[:, start_s * 20 :][:, : length_s * 20]
            writer.add(row | {"trace_start_time": str(start)}, samples.astype(np.float32))
    return tmp_path / "set", lengths_s


def test_rows_of_other_rates_are_drawn_at_their_times(tmp_path):
    """A tone in three rows, one after the other at 100, 50 and 100 Hz, goes on through a view without a model."""
    row = {"station_network_code": "GE", "station_code": "APE", "trace_channel": "HH"}
    columns = [*row, "trace_sampling_rate_hz", "trace_start_time"]
    with new_seisbench(tmp_path / "set", columns, data_format={"component_order": "ZNE"}) as writer:
        for start_s, rate_hz in ((0, 100), (20, 50), (40, 100)):
            start = obspy.UTCDateTime(ns=START_NS) + start_s
            tone = np.sin(2 * np.pi * (start_s + np.arange(20 * rate_hz) / rate_hz))
            metadata = row | {"trace_sampling_rate_hz": str(rate_hz), "trace_start_time": str(start)}
            writer.add(metadata, np.stack([tone] * 3).astype(np.float32))
    view = view_around(a_pick(30.0), Waveforms([str(tmp_path / "set")]), [], before_s=25, after_s=25)
    assert (view.sampling_rate_hz, view.data.shape) == (100.0, (3, 5001))
    time_s = 5 + np.arange(5001) / 100
    error = np.abs(view.data[0] - np.sin(2 * np.pi * time_s))
    is_inside = np.abs((time_s - 10) % 20 - 10) > 1  # of a row, whose ends are not drawn so well
    assert np.nanmax(error[is_inside]) < 0.1  # half a sample of 50 Hz
    assert np.isnan(view.data[0]).sum() <= 2  # a row at 50 Hz ends 0.02 s before the next


def test_rows_of_a_data_set_that_overlap_are_all_found(swarm, noise, untrained_model):
    waveforms, lengths_s = Waveforms([str(swarm[0])]), swarm[1]
    for start_s, end_s in ((0, 15), (95, 110), (413, 585), (550, 700)):
        found = waveforms.around("GE.APE..HH", START_NS + start_s * NS_PER_S, START_NS + end_s * NS_PER_S)
        expected = [max(s, start_s) for s, length in lengths_s.items() if s < end_s and s + length > start_s]
        assert [(record.start_ns - START_NS) / NS_PER_S for record in found] == expected
    for at_s in (1, 30, 250, 411, 580):
        view = view_around(a_pick(at_s), waveforms, [], before_s=5, after_s=15)
        low = max(at_s - 5, 0) * 20
        expected = noise(12_000, 0)[low : min((at_s + 15) * 20 + 1, 12_000)]
        assert view.data.shape == (3, len(expected))
        np.testing.assert_allclose(view.data[0], expected, atol=0.5)  # a row has no mean
        assert np.isfinite(view.data).all()
    view = view_around(a_pick(250), waveforms, [], model=untrained_model)
    assert len(view.times_ns) and set(np.diff(view.times_ns)) == {NS_PER_S // 5}


def test_of_a_data_set_only_rows_that_hold_the_time_are_read(swarm, monkeypatch):
    waveforms, read = Waveforms([str(swarm[0])]), []
    monkeypatch.setattr(TraceReader, "waveform", lambda self, stored, read_it=TraceReader.waveform: (
        read.append(stored.row), read_it(self, stored))[1])  # fmt: skip
    waveforms.around("GE.APE..HH", START_NS + 50 * NS_PER_S, START_NS + 70 * NS_PER_S)
    assert read == [0, 1, 2, 3]


def test_why_a_row_of_a_data_set_can_not_be_drawn_is_told(tmp_path):
    row = {"station_network_code": "GE", "station_code": "APE", "trace_channel": "HH",
           "trace_sampling_rate_hz": 100.0, "trace_start_time": "2020-01-01T00:00:00Z"}  # fmt: skip
    with new_seisbench(tmp_path / "set", list(row), data_format={"component_order": "ZNE"}) as writer:
        writer.add(row, np.zeros((3, 6000), dtype=np.float32))
    waveforms = Waveforms([str(tmp_path / "set")])
    with pytest.raises(DataError, match=r"can be used: set, row 0: .*every component is zero"):
        view_around(a_pick(), waveforms, [])
    shutil.rmtree(tmp_path / "set")
    with pytest.raises(DataError, match=r"can be used: .*No such file"):
        view_around(a_pick(), waveforms, [])


@pytest.mark.parametrize(
    ("block", "rate", "reason"),
    [("gone", "100", "no waveform /data/gone"), ("bucket0", "", "no positive sampling rate")],
)
def test_why_a_row_without_a_length_can_not_be_drawn_is_told_within_the_hour(tmp_path, block, rate, reason):
    row = {"station_network_code": "GE", "station_code": "APE", "trace_channel": "HH",
           "trace_sampling_rate_hz": rate, "trace_start_time": "2020-01-01T00:00:00Z"}  # fmt: skip
    with new_seisbench(tmp_path / "set", list(row), data_format={"component_order": "ZNE"}) as writer:
        writer.add(row, np.ones((3, 6000), dtype=np.float32))
    table = tmp_path / "set/metadata.csv"
    table.write_text(table.read_text().replace("bucket0$", f"{block}$"))
    waveforms = Waveforms([str(tmp_path / "set")])
    with pytest.raises(DataError, match=reason):
        view_around(a_pick(1800.0), waveforms, [])
    with pytest.raises(DataError, match=r"no waveform of that instrument and time in the sources$"):
        view_around(a_pick(7200.0), waveforms, [])


def test_places_and_distances_come_from_the_metadata(tmp_path):
    columns = ("trace_start_time", "station_network_code", "station_code", "station_latitude_deg",
               "station_longitude_deg", "path_ep_distance_km", "source_id")  # fmt: skip
    with new_seisbench(tmp_path / "set", columns, data_format={"component_order": "ZNE"}) as writer:
        for station, latitude in (("A", "37.5"), ("B", ""), ("C", "not known")):
            row = dict.fromkeys(columns, "") | {"station_network_code": "XX", "station_code": station}
            row |= {"station_latitude_deg": latitude, "station_longitude_deg": "22.25", "source_id": "ev1"}
            row |= {"path_ep_distance_km": "12.5" if station == "A" else "nan"}
            writer.add(row, np.ones((3, 10), dtype=np.float32))
    paths = [tmp_path / "set", tmp_path / "gone", tmp_path]
    assert station_places(paths) == {"XX.A": (37.5, 22.25)}
    assert distances_km(paths) == {("ev1", "XX.A"): 12.5}


def test_parts_of_records_join_to_what_they_were(make_record, noise):
    record = make_record(noise(1000))
    first = part(record, START_NS, sample_to_ns(record, 399))
    second = part(record, sample_to_ns(record, 400), record.end_ns)
    assert (first.n_samples, second.n_samples) == (400, 600)
    np.testing.assert_array_equal(joined([first, second]), record.data)
    vertical = np.array([True, False, False])
    parts = joined([replace(first, present=np.array([True, True, False])), replace(second, present=vertical)])
    np.testing.assert_array_equal(parts[1], [*record.data[1, :400], *[np.nan] * 600])
    assert not parts[2].any()
    assert part(record, record.end_ns + 10**9, record.end_ns + 10**10).n_samples == 0


def test_the_filter_passes_its_band_and_never_makes_an_onset_early(make_record):
    t = np.arange(6000) / 100
    tone = make_record(np.where(t >= 30, np.sin(2 * np.pi * 5 * (t - 30)), 0) + 1000.0)
    passed = band_passed(tone, (2.0, 10.0))
    assert np.abs(passed.data[0, :3000]).max() < 1e-6
    assert np.abs(passed.data[0, 4000:]).max() == pytest.approx(1, abs=0.05)
    assert np.abs(band_passed(tone, (20.0, 40.0)).data[0, 4000:]).max() < 0.01
    for band in ((0.0, 5.0), (5.0, 2.0), (5.0, 5.0), (1.0, 50.0), (math.nan, 5.0)):
        with pytest.raises(ConfigError, match="Nyquist"):
            band_passed(tone, band)


def test_a_dead_instrument_is_drawn_as_not_recorded(tmp_path, make_trace):
    for letter in "ZNE":
        make_trace(np.full(12_000, 7.0), f"GE.APE..HH{letter}").write(str(tmp_path / f"{letter}.mseed"), format="MSEED")
    picked = Picked("", [a_pick()], Waveforms([str(tmp_path)]), None)
    figure = FIGURES["pick"](picked, a_pick(), None, None)
    assert [ax.texts[0].get_text() for ax in figure.axes] == ["not recorded"] * 3
    for kind in ("section", "day"):
        assert FIGURES[kind](picked, a_pick(), None, None).axes
