"""Windows of named signals: inside their stretch, never across two classes, from catalogues and data sets alike."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import obspy
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from seisnet.cli import cli
from seisnet.config import PreprocessConfig, TrainConfig
from seisnet.errors import ConfigError, DataError
from seisnet.labels.matching import LabelMatcher
from seisnet.picks import ClassInterval
from seisnet.preprocessing.job import plan, preprocess
from seisnet.scoring.evaluation import evaluate
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.store.windows_file import read_info
from seisnet.training.fitting import fit
from seisnet.waveforms.records import NS_PER_S
from seisnet.windows.class_cutting import cut_classes
from seisnet.windows.labelled import LabelledRecord

START_NS = 1_577_836_800 * NS_PER_S
CONFIG = PreprocessConfig(
    task="class", class_names=("rockfall", "tremor", "noise"), window_s=10.0, shifts=2, shift_s=1.0, noise_windows=0
)


def stretch(name, start_s, end_s=None):
    start_ns, end_ns = (START_NS + round(s * NS_PER_S) for s in (start_s, start_s if end_s is None else end_s))
    return ClassInterval("GE", "APE", "", "HH", name, start_ns, end_ns)


def cut_of(make_record, *stretches, seconds=600.0, **options):
    record = make_record(np.zeros(round(seconds * 100)))
    return cut_classes(LabelledRecord(record, (), stretches=stretches), replace(CONFIG, **options))


def test_no_shifted_copy_reaches_into_a_stretch_of_another_event(make_record):
    """Which may lie in another split; what is not shifted may touch it."""
    stretches = [replace(stretch("tremor", 100 + 10 * k, 109.99 + 10 * k), event_id="ab"[k // 2]) for k in range(4)]
    windows, _ = cut_of(make_record, *stretches, shifts=20)
    copies = [(w.first_sample / 100, w.event) for w in windows if w.augmented]
    assert {event for _, event in copies} == {"a", "b"}
    assert all(first + 10 <= 120.01 if event == "a" else first >= 120 for first, event in copies)
    assert {w.first_sample for w in windows if not w.augmented} == {10_000, 11_000, 12_000, 13_000}


def test_no_noise_of_two_splits_shares_samples_though_one_instrument_has_gaps(tmp_path, make_trace, noise):
    """Before a gap no stretch follows in the record to whose event noise might belong."""
    rng = np.random.default_rng(0)
    for code, parts in (("HHZ", 10), ("HNZ", 1)):
        for k in range(parts):
            trace = make_trace(noise(60_000 // parts - 100), f"XX.A..{code}", start_ns=START_NS, rate_hz=20.0)
            trace.stats.starttime += 3000 / parts * k
            trace.write(str(tmp_path / f"{code}{k}"), format="MSEED")
    start = obspy.UTCDateTime(ns=START_NS)
    rows = [f"XX,A,{start + at},{start + at + 9},{'xy'[k % 2]},e{k}" for k, at in enumerate(rng.uniform(0, 2990, 20))]
    (tmp_path / "c.csv").write_text("\n".join(["network,station,time,end_time,class,event_id", *rows]))
    config = replace(
        CONFIG,
        class_names=("x", "y", "noise"),
        noise_windows=9,
        sampling_rate_hz=20.0,
        freqmax_hz=9.0,
        split_by="event",
    )
    found = preprocess([str(tmp_path / "H*")], [str(tmp_path / "c.csv")], config).rows
    order = np.argsort(found.start_ns)[found.y[np.argsort(found.start_ns)] == 2]
    starts_ns, splits = found.start_ns[order], found.split[order]
    assert len(order) > 100 and set(splits.tolist()) == {0, 1, 2}
    for ns, split in zip(starts_ns, splits, strict=True):
        assert set(splits[np.abs(starts_ns - ns) < 9.9 * NS_PER_S].tolist()) == {split}


def test_one_window_is_centred_on_a_stretch_and_copies_are_shifted(make_record):
    windows, reasons = cut_of(make_record, stretch("rockfall", 100, 130))
    assert reasons == []
    first, *others = windows
    assert (first.label, first.augmented) == ("rockfall", False)
    assert first.first_sample == pytest.approx(11_000, abs=1)
    assert len(others) == 2
    assert all(w.augmented and 0 < abs(w.first_sample - first.first_sample) <= 100 for w in others)


def test_many_windows_lie_side_by_side_in_a_long_stretch(make_record):
    windows, _ = cut_of(make_record, stretch("tremor", 100, 206), class_windows=50, shifts=0)
    starts = [w.first_sample for w in windows]
    assert len(starts) == 10
    assert (np.diff(starts) >= 1000).all()
    assert starts[0] >= 10_000 and starts[-1] + 1000 <= 20_601


def test_lively_noise_that_nobody_labelled_is_left_out_and_counted(make_record):
    """Knocks that nobody listed; where noise is labelled, its windows are taken as they are."""
    samples = np.random.default_rng(0).normal(size=60_000)
    knocks = range(20_500, 60_000, 3_000)
    for knock in knocks:
        samples[knock : knock + 100] *= 20
    record = make_record(samples)

    def noise(name, **options):
        labelled = LabelledRecord(record, (), stretches=(stretch(name, 100, 105),))
        windows, rejections = cut_classes(labelled, replace(CONFIG, shifts=0, noise_windows=60, **options))
        assert all(r.end_ns - r.start_ns == 9.99 * NS_PER_S for r in rejections)
        return {w.first_sample for w in windows if w.label == "noise"}, [r.reason for r in rejections]

    everything, no_reasons = noise("rockfall", noise_ratio=0.0)
    kept, reasons = noise("rockfall")
    lost = everything - kept
    assert no_reasons == []
    assert kept < everything
    assert reasons == ["noise window with an energy ratio above 30: an unlisted event?"] * len(lost)
    assert lost >= {first for first in everything if any(first <= k <= first + 900 for k in knocks)}
    assert kept >= {first for first in everything if not any(first - 100 < k < first + 1000 for k in knocks)}
    assert noise("noise", noise_ratio=1.0)[1] == []


def test_a_short_stretch_and_one_without_an_end_give_a_window_that_holds_them(make_record):
    (short,), _ = cut_of(make_record, stretch("rockfall", 100, 102), shifts=0)
    assert short.first_sample <= 10_000 and short.first_sample + 1000 >= 10_200
    (open_end,), _ = cut_of(make_record, stretch("rockfall", 100), shifts=0)
    assert open_end.first_sample == 10_000


@pytest.mark.parametrize(
    ("stretches", "reason"),
    [
        ((), "a record without a labelled class"),
        ((stretch("quake", 100, 130),), "class 'quake' is not one of rockfall, tremor, noise"),
        ((stretch("rockfall", 100, 130), stretch("tremor", 118, 119)), "rockfall and another class in one window"),
        ((stretch("rockfall", -30, -10),), "rockfall at the record's edge"),
        ((stretch("rockfall", 610, 630),), "rockfall at the record's edge"),
    ],
)
def test_what_gives_no_window_says_why(stretches, reason, make_record):
    rejections = cut_of(make_record, *stretches)[1]
    assert rejections[0].reason == reason
    assert len(rejections) == max(len(stretches), 1), "copies are not counted"
    assert not stretches or rejections[0][1:3] == (stretches[0].start_ns, stretches[0].end_ns)


def test_of_a_stretch_that_is_longer_than_the_record_what_was_recorded_counts(make_record):
    windows, reasons = cut_of(make_record, stretch("rockfall", -100, 50), stretch("tremor", 560, 700), shifts=0)
    assert [(w.label, w.first_sample) for w in windows] == [("rockfall", 2000), ("tremor", 57_500)]
    assert reasons == []


def test_windows_weigh_what_their_stretch_weighs(make_record):
    windows, _ = cut_of(make_record, replace(stretch("rockfall", 100, 130), weight=0.25))
    assert {w.weight for w in windows} == {0.25}


def test_a_class_that_follows_another_at_once_gives_its_window(make_record):
    windows, reasons = cut_of(make_record, stretch("rockfall", 100, 109.99), stretch("tremor", 110, 120), shifts=0)
    assert [(w.label, w.first_sample) for w in windows] == [("rockfall", 10_000), ("tremor", 11_000)]
    assert reasons == []


def test_the_event_of_a_record_goes_before_that_of_its_stretches(make_record):
    known = (replace(stretch("rockfall", 100, 130), event_id="a"), replace(stretch("tremor", 300, 400), event_id="b"))
    labelled = LabelledRecord(make_record(np.zeros(60_000)), (), event_id="c", stretches=known)
    windows, _ = cut_classes(labelled, replace(CONFIG, noise_windows=10))
    assert {(w.label, w.event) for w in windows} == {(label, "c") for label in CONFIG.classes}


def test_a_record_shorter_than_a_window_says_so(make_record):
    windows, [rejection] = cut_of(make_record, stretch("tremor", 0, 5), seconds=9.0)
    assert (windows, rejection.reason) == ([], "shorter than 10 s")


spans = st.lists(
    st.tuples(st.sampled_from(["rockfall", "tremor"]), st.floats(-30, 630) | st.floats(-1e7, 630), st.floats(0, 200)),
    min_size=1,
    max_size=5,
)


@given(found=spans, seed=st.integers(0, 1000), n=st.integers(1, 5))
def test_no_window_reaches_into_another_class_and_noise_keeps_away(found, seed, n, make_record):
    stretches = [stretch(name, start, start + length) for name, start, length in found if start < 599]
    if not stretches:
        return
    windows, _ = cut_of(make_record, *stretches, seed=seed, class_windows=n, noise_windows=4)
    for w in windows:
        assert 0 <= w.first_sample <= 60_000 - 1000
        low, high = START_NS + w.first_sample * 10**7, START_NS + (w.first_sample + 1000) * 10**7
        for s in stretches:
            if w.label == "noise":
                assert high <= s.start_ns - 4.98 * NS_PER_S or low >= s.end_ns + 4.98 * NS_PER_S or s.end_ns < START_NS
            elif s.label != w.label and s.end_ns > START_NS:
                assert high <= s.start_ns + 10**7 or low >= s.end_ns


@given(
    ends_s=st.lists(st.integers(0, 599), min_size=2, max_size=2, unique=True).map(sorted),
    n=st.integers(1, 8),
    border=st.integers(20_000, 40_000),
)
@example(ends_s=[290, 309.99], n=1, border=29_500)
@example(ends_s=[290, 310], n=1, border=29_500)
@example(ends_s=[290, 310.01], n=1, border=29_501)
@example(ends_s=[290, 310.02], n=1, border=29_501)
@example(ends_s=[290.005, 310], n=1, border=29_001)
def test_windows_near_the_border_of_two_records_lie_in_exactly_one(ends_s, n, border, make_record):
    """As of sources: the first record reaches a window less a sample into the second."""
    whole = make_record(np.zeros(60_000))
    parts = [
        replace(whole, data=whole.data[:, : border + 999], goes_on=(False, True)),
        replace(whole, data=whole.data[:, border:], start_ns=START_NS + border * 10**7, goes_on=(True, False)),
    ]
    known = (stretch("rockfall", *ends_s),)
    config = replace(CONFIG, class_windows=n, shifts=0)
    found = [cut_classes(LabelledRecord(record, (), stretches=known), config)[0] for record in (whole, *parts)]
    in_whole, first, second = [[w.first_sample for w in windows] for windows in found]
    assert in_whole == first + [border + sample for sample in second]
    other = replace(config, class_names=("quake", "tremor"))
    told = [r for record in parts for r in cut_classes(LabelledRecord(record, (), stretches=known), other)[1]]
    assert [r.reason for r in told] == ["class 'rockfall' is not one of quake, tremor"]


@pytest.mark.parametrize("at_s", [(290, 500), (200, 310), (299, 301), (100, 900)])
@pytest.mark.parametrize("recorded_s", [(0, 320), (0, 600), (280, 320), (280, 600)])
def test_a_stretch_across_a_border_gives_a_window_or_a_reason_wherever_the_recording_ends(
    at_s, recorded_s, make_record
):
    """What lasts longer than the recording once gave nothing: each source looked for its middle in the other."""
    low, border, end = round(recorded_s[0] * 100), 30_000, round(recorded_s[1] * 100)
    whole = make_record(np.zeros(60_000))
    first = replace(
        whole, data=whole.data[:, low : border + 999], start_ns=START_NS + low * 10**7, goes_on=(False, True)
    )
    second = replace(whole, data=whole.data[:, border:end], start_ns=START_NS + border * 10**7, goes_on=(True, False))
    known, config = (stretch("rockfall", *at_s),), replace(CONFIG, shifts=0)
    found = [cut_classes(LabelledRecord(record, (), stretches=known), config) for record in (first, second)]
    assert sum(len(windows) + len(told) for windows, told in found) == 1


def test_no_noise_is_taken_near_the_end_of_a_record_that_goes_on(make_record):
    record = replace(make_record(np.zeros(6000)), goes_on=(False, True))
    firsts = []
    for seed in range(200):
        config = replace(CONFIG, noise_windows=1, noise_gap_s=20.0, seed=seed)
        windows, _ = cut_classes(LabelledRecord(record, (), stretches=(stretch("rockfall", 0, 1),)), config)
        firsts += [w.first_sample for w in windows]
    assert 2990 < max(firsts) <= 3000


def test_noise_keeps_a_gap_from_stretches_that_ended_before_the_border_of_two_records(make_record):
    record = replace(make_record(np.zeros(20_000)), start_ns=START_NS + 300 * NS_PER_S, goes_on=(True, False))
    known = tuple(LabelMatcher([stretch("rockfall", 190, 200)]).match(record))
    config = replace(CONFIG, noise_windows=50, noise_gap_s=200.0)
    windows, _ = cut_classes(LabelledRecord(record, (), stretches=known), config)
    assert 10_000 <= min(w.first_sample for w in windows) < 15_000


def test_many_short_records_give_no_more_noise_than_lies_side_by_side(make_record):
    """As of a day with gaps: behind a rockfall of 3 s and a gap of 5 s are 22 s, two windows."""
    for asked, n in ((100, 2), (1, 1)):
        windows, _ = cut_of(make_record, stretch("rockfall", 0, 3), seconds=30.0, noise_windows=asked)
        assert sum(w.label == "noise" for w in windows) == n


# The whole job


@pytest.fixture(scope="module")
def signals(tmp_path_factory, make_trace):
    """Files of an hour at two stations with low tremor and high rockfalls, their CSV, and the same as a data set."""
    folder = tmp_path_factory.mktemp("signals")
    rng = np.random.default_rng(0)
    rows = []
    (folder / "files").mkdir()
    columns = (
        "trace_start_time",
        "trace_sampling_rate_hz",
        "trace_category",
        "station_code",
        "trace_channel",
        "source_id",
    )
    with new_seisbench(folder / "set", columns, data_format={"component_order": "ZNE"}) as writer:
        t = np.arange(180_000) / 50
        places = [(100 + 120 * k, ("rockfall", "tremor")[k % 2]) for k in range(28)]
        for station in ("AA", "BB"):
            data = rng.normal(size=(3, t.size))
            for start_s, name in places:
                here = slice(start_s * 50, (start_s + 30) * 50)
                data[:, here] += 20 * np.sin(2 * np.pi * (12.0 if name == "rockfall" else 3.0) * t[here])
            data = data.astype(np.float32)
            for k, component in enumerate("ZNE"):
                trace = make_trace(data[k], f"XX.{station}..HH{component}", rate_hz=50.0)
                trace.write(str(folder / "files" / f"{station}{component}.mseed"), format="MSEED")
            for k, (start_s, name) in enumerate(places):
                starts, ends = (obspy.UTCDateTime(ns=START_NS) + s for s in (start_s, start_s + 30))
                rows.append(f"XX,{station},{starts},{name},{ends}")
                row = (str(starts), 50.0, name, station, "HH", f"event{k}")
                writer.add(dict(zip(columns, row, strict=True)), data[:, start_s * 50 : (start_s + 30) * 50])
    (folder / "classes.csv").write_text("network,station,time,class,end_time\n" + "\n".join(rows) + "\n")
    return folder


HOUR = PreprocessConfig(
    task="class", sampling_rate_hz=50.0, window_s=10.0, frame_s=1.0, hop_s=0.5, freqmax_hz=20.0, shifts=3, shift_s=5.0
)  # fmt: skip


def test_classes_from_a_catalogue_train_a_model(signals):
    windows = preprocess([str(signals / "files")], [str(signals / "classes.csv")], HOUR)
    assert windows.info.classes == ("rockfall", "tremor")
    assert windows.info.config["class_names"] == ["rockfall", "tremor"]
    assert np.bincount(windows.rows.y[~windows.rows.augmented]).tolist() == [28, 28]
    assert len(windows.info.group_names) == 28, "both stations see one event"
    model, _ = fit(windows, TrainConfig(epochs=4, hidden=(16,)))
    assert evaluate(model, windows).scores.macro_f1 == 1.0


def test_a_record_gives_as_much_noise_as_it_has_windows_of_classes(make_record):
    """As of a day file that holds them all: not one window of noise beside dozens of rockfalls."""
    rockfalls = [stretch("rockfall", 60 * i, 60 * i + 10) for i in range(8)]
    other = [stretch("other", 0, 10)]
    for asked, known, n in ((1, rockfalls, 8), (2, rockfalls, 16), (0, rockfalls, 0), (3, other, 3)):
        windows, _ = cut_of(make_record, *known, noise_windows=asked)
        assert sum(w.label == "noise" for w in windows) == n


def test_noise_is_dealt_out_with_the_event_of_the_stretch_that_follows(make_record):
    known = [replace(stretch("rockfall", 60 * i, 60 * i + 10), event_id=f"e{i}") for i in (2, 1, 3)]
    windows, _ = cut_of(make_record, *known, seconds=300.0, noise_windows=20)
    events = {}
    for w in windows:
        if w.label == "noise":
            events.setdefault(w.event, []).append(w.first_sample)
    assert {"e1", "e2", "e3"} < set(events)
    assert max(events["e1"]) < 6000 < min(events["e2"]) < max(events["e2"]) < 12_000
    (hour,) = set(events) - {"e1", "e2", "e3"}  # nothing follows
    assert min(events[hour]) > 19_000


def test_classes_of_a_data_set_are_its_categories(signals):
    windows = preprocess([str(signals / "set")], [], HOUR)
    assert windows.info.classes == ("rockfall", "tremor")
    assert np.bincount(windows.rows.y[~windows.rows.augmented]).tolist() == [28, 28]
    assert len(windows.info.group_names) == 28


def test_traces_of_noise_give_windows_and_no_excerpts_which_only_networks_of_phases_need(tmp_path, noise):
    columns = ("trace_sampling_rate_hz", "trace_category", "station_code", "source_id")
    with new_seisbench(tmp_path / "set", columns, data_format={"component_order": "ZNE"}) as writer:
        for name in ("noise", "rockfall"):
            writer.add(dict(zip(columns, (100.0, name, "A", name), strict=True)), noise(9000).reshape(3, 3000))
    config = replace(CONFIG, class_names=("noise", "rockfall"), shifts=0, split=(1.0, 0.0, 0.0))
    windows = preprocess([str(tmp_path / "set")], [], config)
    assert (sorted(windows.rows.y.tolist()), len(windows.excerpts)) == ([0, 1], 0)


def test_noise_comes_from_where_nothing_is_labelled_when_it_is_asked_for(signals):
    config = replace(HOUR, class_names=("rockfall", "tremor", "noise"), noise_windows=1)
    windows = preprocess([str(signals / "files")], [str(signals / "classes.csv")], config)
    assert np.bincount(windows.rows.y[~windows.rows.augmented]).tolist() == [28, 28, 56]


def test_detections_of_what_was_labelled_are_scored_as_found(signals, tmp_path):
    """Trained on one station, and judged on the other."""
    config = replace(HOUR, class_names=("rockfall", "tremor", "noise"), noise_windows=1, noise_ratio=0.0)
    lines = (signals / "classes.csv").read_text().splitlines(keepends=True)
    for station in ("AA", "BB"):
        (tmp_path / f"{station}.csv").write_text("".join([lines[0], *(row for row in lines if f",{station}," in row)]))
    windows = preprocess([str(signals / "files")], [str(tmp_path / "AA.csv")], config)
    fit(windows, TrainConfig(epochs=8, hidden=(16,)))[0].save(tmp_path / "model.h5")
    found = str(tmp_path / "detections.csv")
    scan = ["classify", str(signals / "files"), "--model", str(tmp_path / "model.h5"), "-o", found]
    assert CliRunner().invoke(cli, scan).exit_code == 0
    rows = list(csv.DictReader(Path(found).read_text().splitlines()))
    for reference, tolerance_s, n_listed in ((str(tmp_path / "BB.csv"), 1, 14), (found, 1e-9, 0)):
        told = CliRunner().invoke(cli, ["score", found, reference, "--tolerance", str(tolerance_s), "--hours", "1"])
        scores = list(csv.DictReader(told.stdout.splitlines()))
        assert [score["class"] for score in scores] == ["rockfall", "tremor"]
        for score in scores:
            mine = [r for r in rows if r["class"] == score["class"] and (r["station"] == "BB" or not n_listed)]
            n_wanted = n_listed or len(mine)
            assert [int(score[name]) for name in ("detections", "reference", "matched")] == [
                len(mine),
                n_wanted,
                n_wanted,
            ]
            assert float(score["false_an_hour"]) == len(mine) - n_wanted <= 10
            assert abs(float(score["median_s"])) <= 2


def test_classes_that_are_not_asked_for_are_counted(signals):
    config = replace(HOUR, class_names=("rockfall", "noise"), noise_windows=5)
    found = plan([str(signals / "files")], [str(signals / "classes.csv")], config)
    assert sum("class 'tremor' is not one of rockfall, noise" in reason for *_, reason in found.rejected) == 28


def test_classes_may_be_named_with_blanks_and_their_audit_asks_for_no_onset(signals, tmp_path):
    output, audit, some = str(tmp_path / "w.h5"), str(tmp_path / "audit"), tmp_path / "some.csv"
    some.write_text("".join((signals / "classes.csv").read_text().splitlines(keepends=True)[:5]))
    labels = ["--labels", str(some), "--task", "class", "--classes", "tremor, rockfall"]
    shape = ["--window", "10", "--sampling-rate", "50", "-q"]
    done = CliRunner().invoke(cli, ["preprocess", str(signals / "files"), *labels, *shape, "-o", output])
    assert done.exit_code == 0, done.output
    assert read_info(Path(output)).classes == ("tremor", "rockfall")
    assert CliRunner().invoke(cli, ["inspect", output, "--plot", audit]).exit_code == 0
    page = (tmp_path / "audit" / "report.html").read_text()
    assert "Do they belong to their class?" in page and "energy sets in" not in page


def test_a_split_without_a_class_is_told(signals, tmp_path):
    of_class = ["--labels", str(signals / "classes.csv"), "--task", "class", "--classes", "tremor,rockfall"]
    wanted = ["preprocess", str(signals / "files"), *of_class, "--window", "10", "--sampling-rate", "50"]
    for seed, told in (("0", True), ("1", False)):
        for way in (["--dry-run"], ["-o", str(tmp_path / f"{seed}.h5")]):
            done = CliRunner().invoke(cli, [*wanted, "--seed", seed, *way])
            assert ("  test: tremor 0," in done.output) is told
            assert ("  no tremor in test: label more" in done.output) is told and "no rockfall" not in done.output


def test_a_class_without_any_window_is_told(signals, tmp_path):
    output = str(tmp_path / "w.h5")
    wanted = ["preprocess", str(signals / "set"), "--task", "class", "--classes", "tremor,rockfall,quake,noise"]
    done = CliRunner().invoke(cli, [*wanted, "--window", "10", "--sampling-rate", "50", "-o", output])
    assert "  no quake at all: no usable label names it\n" in done.output
    assert "  no noise at all: no trace is labelled noise, and no noise window fits between labels" in done.output
    said = []
    fit(output, TrainConfig(hidden=(4,), epochs=1, false_alarms_per_hour=1), say=said.append)
    assert said[0] == "the training split holds no window of quake, noise: the model can't learn this"
    assert said[1].startswith("false_alarms_per_hour applies to picks") and len(said) == 2


@pytest.mark.parametrize(
    ("names", "error", "told"),
    [
        ("tremor,rockfal", ConfigError, "no label has the class 'rockfal'; did you mean 'rockfall'?"),
        ("Tremor,noise", ConfigError, "no label has the class 'Tremor'; did you mean 'tremor'?"),
        ("rockfall", DataError, r"class_names \(--classes\) name rockfall; a classifier needs at least two classes"),
    ],
)
def test_classes_that_are_misspelt_or_too_few_are_refused_before_any_work(names, error, told, signals, tmp_path):
    wanted = ["preprocess", signals / "set", "--task", "class", "--classes", names, "-o", tmp_path / "w.h5"]
    with pytest.raises(error, match=told):
        CliRunner().invoke(cli, list(map(str, wanted)), catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_one_class_is_not_enough(signals, tmp_path):
    (tmp_path / "one.csv").write_text("network,station,time,class\nXX,AA,2020-01-01T00:01:40,rockfall\n")
    with pytest.raises(DataError, match="at least two classes"):
        preprocess([str(signals / "files")], [str(tmp_path / "one.csv")], HOUR)


def test_class_names_belong_to_their_task():
    with pytest.raises(ConfigError, match="class_names need task"):
        PreprocessConfig(class_names=("a", "b"))
    with pytest.raises(ConfigError, match="different names"):
        PreprocessConfig(task="class", class_names=("a", "a"))
