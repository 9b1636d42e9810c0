"""`classify` reads sources as `preprocess` does."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import obspy
import pytest

from seisnet.classification import one_source
from seisnet.classification.job import classify, classify_to_file, gathered
from seisnet.classification.one_source import Classification, SourceJob, classify_source
from seisnet.classification.output import Output
from seisnet.classification.summary import summary
from seisnet.config import PickConfig
from seisnet.engine import Engine
from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.formats.own_csv import detections_csv
from seisnet.model import Model, load_model
from seisnet.preprocessing.job import preprocess
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import NO_WAVEFORMS, find_sources
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import Selection

LOW = PickConfig(thresholds={"P": 0.3, "S": 0.3})


def test_a_broken_data_set_among_good_ones_is_one_reason_and_the_rest_goes_on(labelled, tmp_path, untrained_model):
    broken = tmp_path / "broken"
    shutil.copytree(labelled.dataset, broken)
    (broken / "waveforms.hdf5").write_bytes((broken / "waveforms.hdf5").read_bytes()[:2000])
    found = classify([str(broken), str(labelled.dataset)], untrained_model)
    assert found.n_records == classify([str(labelled.dataset)], untrained_model).n_records > 0
    assert any(str(broken) in rejection.reason for rejection in found.rejections)


def test_a_data_set_sampled_far_too_slowly_is_told(tmp_path, noise, untrained_model):
    columns = ("trace_sampling_rate_hz", "station_code")
    with new_seisbench(tmp_path / "slow", columns, data_format={"component_order": "ZNE"}) as writer:
        writer.add(dict(zip(columns, (1.0, "A"), strict=True)), noise(3000).reshape(3, 1000))
    with pytest.raises(NothingUsableError, match="sampled at 1 Hz; 10 Hz is the minimum"):
        classify([str(tmp_path / "slow")], untrained_model)


def test_of_a_data_set_only_picks_of_the_wanted_times_are_made(labelled, untrained_model):
    whole = classify([str(labelled.dataset)], untrained_model, LOW)
    times = sorted(pick.time_ns for pick in whole.picks)
    wanted = Selection(start_ns=times[len(times) // 3], end_ns=times[2 * len(times) // 3])
    found = classify([str(labelled.dataset)], untrained_model, LOW, selection=wanted)
    assert found.picks == [p for p in whole.picks if wanted.start_ns <= p.time_ns < wanted.end_ns]
    assert len(found.picks) > 5 and found.seconds < whole.seconds
    assert found.rival_s == LOW.rival_s > 0, "a report tells it"


def test_of_a_trace_that_begins_before_the_wanted_times_missing_components_are_told(labelled, untrained_model):
    trace = next(s for s in labelled.seismograms if not s.present.all())
    for late_s in (-1, 1):
        wanted = Selection((f"*.{trace.station}",), trace.start_ns + late_s * NS_PER_S, trace.start_ns + 9 * NS_PER_S)
        found = classify([str(labelled.dataset)], untrained_model, selection=wanted)
        assert any(r.reason.endswith(" not recorded") for r in found.rejections)


def test_a_data_set_is_refused_by_a_model_of_data_without_instrument_response(labelled, untrained_model):
    stored = untrained_model.stored
    model = Model("m", replace(stored, preprocess={**stored.preprocess, "response": "velocity"}))
    with pytest.raises(DataError, match="responses can't be removed from a data set"):
        classify([str(labelled.dataset)], model)


def test_a_lack_of_memory_names_the_source(tmp_path, untrained_model, monkeypatch):
    def starve(*_, **__):
        raise MemoryError

    obspy.read().write(tmp_path / "a.mseed", format="MSEED")
    monkeypatch.setattr(one_source, "read_records", starve)
    with pytest.raises(DataError, match=r"a\.mseed: not enough memory; use fewer jobs"):
        classify([str(tmp_path / "a.mseed")], untrained_model)


def test_what_sources_give_is_added_up():
    total = Classification()
    for highest, n in ((0.9, 2), (0.2, 3)):
        total.add(Classification(highest={"P": highest}, seconds=10.0 * n, dead_s=n, files=[Path(f"{n}.mseed")]))
    assert (total.highest, total.seconds, total.dead_s) == ({"P": 0.9}, 50.0, 5.0)
    assert total.files == [Path("2.mseed"), Path("3.mseed")]


def test_seismograms_are_of_all_stations_and_of_picks_that_were_accepted(tmp_path):
    """One earthquake at two stations, three times over at one of them; one file for all, and one each."""
    example, stream = obspy.read(), obspy.Stream()
    for station, shift_s in (("ONE", 0), ("ONE", 100), ("ONE", 200), ("TWO", 200)):
        for trace in example.copy():
            trace.stats.station = station
            trace.stats.starttime += shift_s
            stream += trace
    (tmp_path / "each").mkdir()
    for station in ("ONE", "TWO"):
        stream.select(station=station).write(tmp_path / "each" / f"{station}.mseed", format="MSEED")
    stream.write(tmp_path / "all.mseed", format="MSEED")
    model = load_model("phase")
    for source in (tmp_path / "all.mseed", tmp_path / "each"):
        found = classify([str(source)], model, most_views=2)
        assert [view.trace_id for view in found.views] == ["BW.ONE..EH", "BW.TWO..EH"]
        both = classify([str(source)], model, PickConfig(coincidence=2), most_views=4)
        assert 0 < len(both.picks) < len(found.picks)
        assert {pick for view in both.views for pick in view.picks} == set(both.picks)
        assert all(view.picks for view in both.views)
        assert SourceJob(model, PickConfig(p_before_s=9.0), 2).kept_views > 2, "so that none is missing"
        for most in (1, 2):
            both = classify([str(source)], model, PickConfig(coincidence=2), most_views=most)
            assert len(both.views) == most, "none is missing for those of picks that were turned down"


def test_a_seismogram_across_midnight_holds_the_picks_of_both_days(tmp_path):
    stream = obspy.read()
    midnight, between_p_and_s = obspy.UTCDateTime(2020, 2, 29), obspy.UTCDateTime(2009, 8, 24, 0, 20, 8, 200_000)
    for trace in stream:
        trace.stats.starttime += midnight - between_p_and_s
        for day in trace.slice(endtime=midnight - 0.001), trace.slice(starttime=midnight):
            folder = tmp_path / "2020" / "BW" / "RJOB" / f"{trace.stats.channel}.D"
            folder.mkdir(parents=True, exist_ok=True)
            day.write(str(folder / day.stats.starttime.strftime(f"{trace.id}.D.%Y.%j")), format="MSEED")
    found = classify([f"sds:{tmp_path}"], load_model("phase"), most_views=4)
    assert [pick.phase for pick in found.picks] == ["P", "S"]
    assert found.views and all(view.picks == tuple(found.picks) for view in found.views)


def test_recordings_that_are_too_short_are_named(tmp_path, make_trace, noise, untrained_model):
    for k in range(4):
        traces = [make_trace(noise(300, j), f"XX.A{k}..HH{c}") for j, c in enumerate("ZNE")]
        obspy.Stream(traces).write(tmp_path / f"{k}.mseed", format="MSEED")
    with pytest.raises(NothingUsableError, match=r"shorter than 4 s \(XX.A0..HH, XX.A1..HH, XX.A2..HH, \.\.\.\)"):
        classify([str(tmp_path)], untrained_model)


def test_hours_that_an_archive_lacks_are_told_with_those_that_it_holds(tmp_path, make_trace, noise, untrained_model):
    """The names of its files do not tell hours; once the message did not either."""
    for day, start_ns in ((1, 1_577_836_800 * NS_PER_S), (2, 1_577_923_200 * NS_PER_S)):
        trace = make_trace(noise(3000), "GE.APE..HHZ", start_ns=start_ns)
        path = tmp_path / f"2020/GE/APE/HHZ.D/GE.APE..HHZ.D.2020.{day:03d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        trace.write(str(path), format="MSEED")
    afternoon = Selection(start_ns=(1_577_836_800 + 43_200) * NS_PER_S, end_ns=(1_577_836_800 + 50_000) * NS_PER_S)
    held = "GE.APE..HHZ, from 2020-01-01T00:00:00.000000Z to 2020-01-01T00:00:29.990000Z"
    told = f"{NO_WAVEFORMS}; near these times the archive holds {held}"
    archive, labels = [f"sds:{tmp_path}"], tmp_path / "picks.csv"
    labels.write_text("network,station,time,phase\nGE,APE,2020-01-01T13:00:00,P\n")
    with pytest.raises(NothingUsableError, match=told):
        classify(archive, untrained_model, selection=afternoon)
    with pytest.raises(NothingUsableError, match=told):
        preprocess(archive, [labels], selection=afternoon)


def test_days_of_an_archive_give_the_picks_of_the_whole(tmp_path, make_trace, noise, untrained_model):
    """Ten minutes on either side of midnight; half a second of the first day stands in the file of the second."""
    start_ns, midnight = 1_577_836_800 * NS_PER_S - 600 * NS_PER_S, 60_000
    for k, component in enumerate("ZNE"):
        samples = noise(120_000, k) * (1 + 20 * np.exp(-((np.arange(120_000) % 700) / 100.0)))
        make_trace(samples, f"GE.APE..HH{component}", start_ns=start_ns).write(
            str(tmp_path / f"whole.{component}"), format="MSEED"
        )
        for year, day, low, high in ((2019, 365, 0, midnight - 50), (2020, 1, midnight - 50, 120_000)):
            folder = tmp_path / f"sds/{year}/GE/APE/HH{component}.D"
            folder.mkdir(parents=True)
            part = make_trace(samples[low:high], f"GE.APE..HH{component}", start_ns=start_ns + low * 10_000_000)
            part.write(str(folder / f"GE.APE..HH{component}.D.{year}.{day:03d}"), format="MSEED")
    whole = classify([f"{tmp_path}/whole.*"], untrained_model, LOW)
    days = classify([f"sds:{tmp_path}/sds"], untrained_model, LOW)
    assert (len(days.spans), days.n_records) == (2, 1), "one record, which goes on at midnight"
    assert whole.seconds == pytest.approx(days.seconds, abs=0.1)
    near = [p for p in whole.picks if abs(p.time_ns - start_ns - 600 * NS_PER_S) < 30 * NS_PER_S]
    assert len(near) > 3
    assert [(p.phase, p.time_ns) for p in days.picks] == [(p.phase, p.time_ns) for p in whole.picks]
    probabilities = ([p.probability for p in found.picks] for found in (whole, days))
    np.testing.assert_allclose(*probabilities, atol=1e-4)


def test_components_that_were_not_recorded_are_told_once(tmp_path, make_trace, noise, untrained_model):
    """Two days of an archive: one instrument of one component, one of two, one of three."""
    start_ns, midnight, n = 1_577_836_800 * NS_PER_S - 100 * NS_PER_S, 10_000, 20_000
    for code in ("A..HHZ", "B..HHZ", "B..HHE", "C..HHZ", "C..HHN", "C..HHE"):
        channel = f"GE.{code}"
        for year, day, low, high in ((2019, 365, 0, midnight), (2020, 1, midnight, n)):
            folder = tmp_path / f"{year}/GE/{code[0]}/{code[-3:]}.D"
            folder.mkdir(parents=True)
            part = make_trace(noise(n)[low:high], channel, start_ns=start_ns + low * 10_000_000)
            part.write(str(folder / f"{channel}.D.{year}.{day:03d}"), format="MSEED")
    found = classify([f"sds:{tmp_path}"], untrained_model)
    assert [(r.trace_id, r.start_ns, r.reason) for r in found.rejections] == [
        ("GE.A..HH", start_ns, "used, but N, E were not recorded"),
        ("GE.B..HH", start_ns, "used, but N was not recorded"),
    ]


@pytest.mark.parametrize("late_ns", [-10_000_000, -1000, 0, 1000])
def test_a_record_that_ends_where_a_source_does_counts_once(late_ns, tmp_path, make_trace, noise, untrained_model):
    """A sample a microsecond before the border counts as at it, but no time of the record lies behind it."""
    trace = make_trace(noise(3000))
    trace.write(str(tmp_path / "a.mseed"), format="MSEED")
    [source] = find_sources([str(tmp_path)], Reading())
    border_ns, job = trace.stats.endtime.ns - late_ns, SourceJob(untrained_model)
    spans_ns = (-(2**63), border_ns), (border_ns, 2**63 - 1)
    parts = [(one, classify_source(one, job)) for one in (replace(source, span_ns=span_ns) for span_ns in spans_ns)]
    found = gathered(parts, job, Reading())
    assert (found.n_records, found.seconds) == (1, pytest.approx(29.99))


@pytest.mark.parametrize("missing", [("CRE", ""), ("", "CRE"), ("CRE", "BAL")])
def test_stations_that_come_and_go_cost_no_pick_of_the_others_at_midnight(
    missing, tmp_path, make_trace, noise, untrained_model
):
    """Files of a network that hold a station less on one day."""
    start_ns, midnight, n = 1_577_836_800 * NS_PER_S - 400 * NS_PER_S, 40_000, 52_000
    codes = [f"GE.{station}..HH{component}" for station in ("APE", "BAL", "CRE") for component in "ZNE"]
    samples = [noise(n, k) * (1 + 20 * np.exp(-((np.arange(n) % 700) / 100.0))) for k in range(len(codes))]
    traces = [make_trace(x, code, start_ns=start_ns) for x, code in zip(samples, codes, strict=True)]
    for day, (low, high, name) in enumerate(zip((0, midnight), (midnight, n), missing, strict=True)):
        parts = [(x[low:high], code) for x, code in zip(samples, codes, strict=True) if code.split(".")[1] != name]
        made = [make_trace(x, code, start_ns=start_ns + low * 10_000_000) for x, code in parts]
        obspy.Stream(made).write(tmp_path / f"{day}.mseed", format="MSEED")
    expected = [p for p in untrained_model.classify(obspy.Stream(traces), LOW) if p.station == "APE"]
    assert sum(abs(p.time_ns - start_ns - 400 * NS_PER_S) < 30 * NS_PER_S for p in expected) > 3
    found = classify([str(tmp_path)], untrained_model, LOW)
    assert [(p.phase, p.time_ns) for p in found.picks if p.station == "APE"] == [(p.phase, p.time_ns) for p in expected]


def test_a_recording_that_stands_in_files_of_a_station_and_of_a_network_is_picked_once(
    tmp_path, make_trace, noise, untrained_model
):
    start_ns, midnight, n = 1_577_836_800 * NS_PER_S - 400 * NS_PER_S, 40_000, 52_000
    whole = [make_trace(noise(n, k), f"GE.{code}..HHZ", start_ns=start_ns) for k, code in enumerate(("APE", "BAL"))]
    obspy.Stream(whole).write(tmp_path / "network.mseed", format="MSEED")
    for trace in whole:
        rest = make_trace(trace.data[midnight:], trace.id, start_ns=start_ns + midnight * 10_000_000)
        rest.write(tmp_path / f"{trace.id}.mseed", format="MSEED")
    expected = untrained_model.classify(obspy.Stream(whole), LOW)
    result = classify([str(tmp_path)], untrained_model, LOW)
    found = result.picks
    rows = untrained_model.annotate(obspy.Stream(whole))
    highest = {c: max(t.data.max() for t in rows if t.stats.channel.endswith(f"_{c}")) for c in ("P", "S", "noise")}
    assert result.highest == pytest.approx(highest, abs=1e-4)
    assert [(p.trace_id, p.phase, p.time_ns) for p in found] == [(p.trace_id, p.phase, p.time_ns) for p in expected]


@pytest.mark.parametrize("signal", [10_000, 100_000])
def test_a_detection_of_many_minutes_is_one_although_it_reaches_its_threshold_long_before_or_after_midnight(
    signal, tmp_path, make_trace, noise
):
    model, midnight = load_model("rockfall"), 40_000
    # What repeats itself with the step of the scan has the same probabilities throughout, until a signal comes.
    steady = np.tile(noise(128), 1000)
    steady[signal : signal + 2000] += 30 * noise(2000, 1)
    start_ns = 1_577_836_800 * NS_PER_S - midnight * 10_000_000
    whole = obspy.Stream(make_trace(steady, f"GE.APE..HH{c}", start_ns=start_ns) for c in "ZNE")
    for k, (first, end) in enumerate(((0, midnight), (midnight, len(steady)))):
        parts = (make_trace(t.data[first:end], t.id, start_ns=start_ns + first * 10_000_000) for t in whole)
        obspy.Stream(parts).write(tmp_path / f"{k}.mseed", format="MSEED")
    rows = {trace.stats.channel.rpartition("_")[2]: trace.data for trace in model.annotate(whole)}
    usual = float(np.median(rows["earthquake"]))
    assert rows["earthquake"].max() > 1.6 * usual
    config = PickConfig(thresholds={"earthquake": 1.5 * usual, "rockfall": 1.0}, min_distance_s=60.0)
    expected = model.classify(whole, config)
    minute_ns, end_ns = 60 * NS_PER_S, start_ns + len(steady) * 10_000_000
    assert [(d.start_ns < start_ns + minute_ns, d.end_ns > end_ns - minute_ns) for d in expected] == [(True, True)]
    found = classify([str(tmp_path)], model, config, most_views=5)
    assert found.detections == expected
    [view] = found.views  # not one of each file
    assert view.detections == tuple(expected)


def test_time_without_signal_counts_once_and_gives_no_highest_probability(tmp_path, make_trace, noise, untrained_model):
    """A minute around midnight, in files of two days."""
    start_ns, midnight = 1_577_836_800 * NS_PER_S - 400 * NS_PER_S, 40_000
    samples = [np.where(abs(np.arange(60_000) - midnight) < 3000, 0, noise(60_000, k)) for k in range(3)]
    for day, (low, high) in enumerate(((0, midnight), (midnight, 60_000))):
        parts = zip("ZNE", samples, strict=True)
        made = [make_trace(x[low:high], f"GE.APE..HH{c}", start_ns=start_ns + low * 10_000_000) for c, x in parts]
        obspy.Stream(made).write(tmp_path / f"{day}.mseed", format="MSEED")
    found = classify([str(tmp_path)], untrained_model)
    whole = [make_trace(x, f"GE.APE..HH{c}", start_ns=start_ns) for c, x in zip("ZNE", samples, strict=True)]
    [record], _ = untrained_model.records(obspy.Stream(whole), None)
    scan = untrained_model.scan(record)
    assert (len(found.spans), found.dead_s) == (2, pytest.approx(scan.dead.sum() * scan.hop_ns / NS_PER_S))
    assert 50 < found.dead_s < 60
    live, dead = scan.values[:, ~scan.dead].max(axis=1), scan.values[:, scan.dead].max(axis=1)
    assert found.highest == pytest.approx(dict(zip(scan.classes, live.tolist(), strict=True)), abs=1e-4)
    assert (dead > live + 1e-3).any()


def test_detections_replace_an_older_output_where_that_is_asked_for(tmp_path):
    obspy.read().write(tmp_path / "a.mseed", format="MSEED")
    (tmp_path / "empty.mseed").write_bytes(b"")
    (tmp_path / "d.csv").write_text("of an older run")
    reading, job, output = Reading(), SourceJob(load_model("rockfall")), Output(tmp_path / "d.csv")
    sources = find_sources([f"{tmp_path}/*.mseed"], reading)
    found = classify_to_file(sources, job, output, reading=reading, engine=Engine(), overwrite=True)
    assert (tmp_path / "d.csv").read_text() == detections_csv(found.detections)
    assert found.detections
    assert ["empty.mseed" in rejection.reason for rejection in found.rejections] == [True]


@pytest.mark.parametrize(
    ("highest", "told"),
    [
        ({"P": 0.5, "S": 0.1}, "what reached a threshold lies outside the times asked for"),
        ({"P": 0.4, "S": 0.1}, "no probability reached its threshold"),
        ({}, "no probability reached its threshold"),
    ],
)
def test_why_there_are_no_picks_is_told(highest, told, untrained_model):
    found = Classification(thresholds={"P": 0.5, "S": 0.2}, highest=highest)
    assert told in summary(found, untrained_model)[0]


def test_how_many_picks_the_tests_against_others_cost_is_told(tmp_path):
    obspy.read().write(tmp_path / "a.mseed", format="MSEED")
    model = load_model("phase")
    every = classify([tmp_path / "a.mseed"], model)
    none = classify([tmp_path / "a.mseed"], model, PickConfig(coincidence=2))
    assert (every.refused, none.refused) == (0, len(every.picks)) and every.picks and not none.picks
    told = f"0 P and 0 S picks; {none.refused} more failed the tests against other picks."
    assert summary(none, model)[0] == told
    assert "failed" not in summary(every, model)[0]


def test_time_of_two_instruments_of_a_station_is_told_as_theirs(untrained_model):
    spans = [(f"GE.APE.{location}.HH", 0, 3600 * NS_PER_S) for location in ("00", "10")]
    both = Classification(spans=spans, seconds=7200.0)
    assert summary(both, untrained_model)[1] == "2 h of 2 instruments at 1 station scanned in 2 gap-free records."
    one = Classification(spans=spans[:1], seconds=3600.0)
    assert summary(one, untrained_model)[1] == "1 h of 1 station scanned in 1 gap-free record."


def test_probabilities_of_more_classes_than_miniseed_has_letters_are_refused_before_the_scan(tmp_path):
    model = SimpleNamespace(preprocess=SimpleNamespace(task="class"), classes=[f"class {k}" for k in range(21)])
    output = Output(tmp_path / "d.csv", probabilities=tmp_path / "p.mseed")
    with pytest.raises(ConfigError, match="there are 21"):
        classify_to_file([], SourceJob(model), output, reading=Reading(), engine=Engine())
    assert list(tmp_path.iterdir()) == []
