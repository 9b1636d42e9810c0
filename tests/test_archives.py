"""Day after day of a continuous recording: every window lies in one record of one source, no sample is lost."""

import itertools
import pickle
import re
from pathlib import Path

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError, NothingUsableError
from seisnet.labels.matching import LabelMatcher, unmatched
from seisnet.picks import Pick
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources, waveform_files
from seisnet.waveforms.reading import read_records
from seisnet.waveforms.records import DAMAGED, DAY_NS, NS_PER_S, lost
from seisnet.waveforms.selection import Selection
from seisnet.waveforms.sources import Source
from seisnet.windows.cutting import cut
from seisnet.windows.labelled import LabelledRecord

START_NS = 1_577_836_800 * NS_PER_S + DAY_NS - 900 * NS_PER_S
"""A quarter of an hour before midnight, 2020-01-01 to 02."""

START = obspy.UTCDateTime(ns=START_NS)
RATE_HZ = 10.0
N = 18_000
"""Half an hour."""


def sds_path(root, seed_id, day_ns):
    network, station, location, channel = seed_id.split(".")
    day = obspy.UTCDateTime(ns=day_ns)
    folder = root / f"{day.year}" / network / station / f"{channel}.D"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{network}.{station}.{location}.{channel}.D.{day.year}.{day.julday:03d}"


def write_days(path_of, samples, cuts_s, make_trace, seed_id="GE.APE..HHZ", rate_hz=RATE_HZ):
    """Write two files that share the time between `cuts_s`, counted from midnight, or leave none out."""
    second_from, first_to = (round((900 + s) * rate_hz) for s in cuts_s)
    step_ns = NS_PER_S / rate_hz
    for k, (low, high) in enumerate([(0, first_to), (second_from, len(samples))]):
        trace = make_trace(samples[low:high], seed_id, start_ns=START_NS + round(low * step_ns), rate_hz=rate_hz)
        trace.write(str(path_of(k, seed_id)), format="MSEED")


def read(spec, *, window_s=4.0, rate_hz=RATE_HZ, **options):
    reading = Reading()
    sources = find_sources([str(spec)], reading)
    options |= {"sampling_rate_hz": rate_hz, "shortest_s": window_s}
    found = [list(read_records(source, reading, **options)) for source in sources]
    reading.rejections = lost(reading.rejections)  # what is used has only a component
    return sources, found, reading


def test_of_files_whose_names_begin_with_a_dot_those_of_no_network_are_read(tmp_path, make_trace, noise):
    for name in (
        *(".APE..HHZ.mseed", "._APE.mseed", ".DS_Store", ".APE..HHZ.mseed.part~"),
        *("._APE..HHZ.mseed", "._GE.APE.00.HHZ.mseed", ".GE.APE.00.HHZ.mseed.Xa8fSd"),
    ):
        make_trace(noise(3000), ".APE..HHZ", rate_hz=RATE_HZ).write(str(tmp_path / name), format="MSEED")
    assert [path.name for path in waveform_files(tmp_path)] == [".APE..HHZ.mseed"]


def window_starts(records, window):
    return [
        round((r.start_ns - START_NS) * RATE_HZ / NS_PER_S) + k
        for r in records
        for k in range(r.n_samples - window + 1)
    ]


@given(
    cuts_s=st.tuples(st.integers(-40, 40), st.integers(-40, 40)).map(sorted),
    window_s=st.sampled_from([1.0, 4.0, 30.0]),
    archive=st.booleans(),
)
@settings(max_examples=25)
def test_every_window_across_midnight_lies_in_one_source(
    cuts_s, window_s, archive, tmp_path_factory, make_trace, noise
):
    samples = noise(N).astype(np.float32)
    root = tmp_path_factory.mktemp("days")
    midnight_ns = START_NS + 900 * NS_PER_S
    paths = (lambda k, i: sds_path(root, i, midnight_ns - (1 - k) * DAY_NS)) if archive else lambda k, i: root / f"{k}"
    write_days(paths, samples, cuts_s, make_trace)
    sources, found, reading = read(f"sds:{root}" if archive else root, window_s=window_s)
    assert reading.rejections == []
    window = round(window_s * RATE_HZ)
    starts = sorted(k for records in found for k in window_starts(records, window))
    assert starts == list(range(N - window + 1))
    for records in found:
        for r in records:
            low = round((r.start_ns - START_NS) * RATE_HZ / NS_PER_S)
            whole = samples[low : low + r.n_samples].astype(float)
            np.testing.assert_allclose(r.data[0] - r.data[0].mean(), whole - whole.mean(), atol=1e-5)
    assert {s.paths for s in pickle.loads(pickle.dumps(sources))} == {s.paths for s in sources}


def test_days_that_are_resampled_meet_as_if_they_had_never_been_cut(tmp_path, make_trace, noise):
    samples = np.cumsum(noise(22_500)).astype(np.float32)
    midnight_ns = START_NS + 900 * NS_PER_S
    whole = make_trace(samples, start_ns=START_NS, rate_hz=12.5)
    whole.write(str(tmp_path / "whole.mseed"), format="MSEED")
    root = tmp_path / "archive"
    write_days(
        lambda k, i: sds_path(root, i, midnight_ns - (1 - k) * DAY_NS), samples, (-4, 4), make_trace, rate_hz=12.5
    )
    _, [[truth]], _ = read(tmp_path / "whole.mseed")
    _, [[first], [second]], _ = read(f"sds:{root}")
    at = round((second.start_ns - truth.start_ns) * RATE_HZ / NS_PER_S)
    for record, low in ((first, 0), (second, at)):
        expected = truth.data[0, low : low + record.n_samples]
        level = float((record.data[0] - expected).mean())
        np.testing.assert_allclose(record.data[0] - level, expected, atol=2e-3)
    assert first.n_samples == at + 39


def test_of_files_that_change_at_six_a_day_reads_those_near_it(tmp_path, make_trace, noise):
    """Each goes on after a gap that ends behind midnight, so that all belong together: once every day read them all."""
    n, folder, whole = 5, tmp_path / "days", obspy.Stream()
    folder.mkdir()
    for k in range(n):
        start_ns = START_NS + 900 * NS_PER_S + (k * 24 + 6) * 3600 * NS_PER_S
        parts = [(first, noise(end - first).astype(np.float32)) for first, end in ((0, 60_000), (65_000, 86_400))]
        day = [make_trace(x, start_ns=start_ns + first * NS_PER_S, rate_hz=1.0) for first, x in parts]
        obspy.Stream(day).write(str(folder / f"{k}.mseed"), format="MSEED")
        whole += obspy.Stream(day)
    whole.write(str(tmp_path / "whole.mseed"), format="MSEED")
    sources, found, reading = read(folder, rate_hz=1.0)
    [*_], truth, _ = read(tmp_path / "whole.mseed", rate_hz=1.0)
    assert [len(source.paths) for source in sources] == [n, *[2] * (n - 1), 1]
    assert {source.name for source in sources} == {f"{folder / '0.mseed'} and {n - 1} more"}
    assert len(reading.files) == n
    for ours, theirs in zip(found, truth, strict=True):
        assert [(r.start_ns, r.goes_on, r.data.tobytes()) for r in ours] == [
            (r.start_ns, r.goes_on, r.data.tobytes()) for r in theirs
        ]


@pytest.mark.parametrize("kind", ["MSEED", "PICKLE"])
def test_damage_on_a_later_day_of_a_long_file_is_told(kind, tmp_path, make_trace):
    """Once the first day told what was wrong with a file, and read nothing of the others."""
    path, start_ns = tmp_path / "long", START_NS // DAY_NS * DAY_NS
    samples = np.random.default_rng(0).integers(-1000, 1000, 3 * 86_400).astype(np.int32)
    make_trace(samples, start_ns=start_ns, rate_hz=1.0).write(str(path), format=kind)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle + 64 : middle + 4096] = b"\xff" * (4096 - 64)
    path.write_bytes(data if kind == "MSEED" else data[:middle])
    reading = Reading()
    sources = find_sources([str(path)], reading) if kind == "MSEED" else [Source((path,), part=i) for i in range(3)]
    found = [list(read_records(s, reading, sampling_rate_hz=1.0, shortest_s=4.0)) for s in sources]
    assert [len(records) for records in found] == ([1, 2, 1, 0] if kind == "MSEED" else [0, 0, 0])
    [rejection] = lost(reading.rejections)
    assert rejection.reason.startswith(f"{DAMAGED if kind == 'MSEED' else ''}{path}: ")
    if kind == "MSEED":  # only the one record is lost
        before, after = found[1]
        assert rejection.start_ns == before.end_ns + NS_PER_S and rejection.end_ns == after.start_ns - NS_PER_S


def test_a_margin_lets_records_reach_beyond_their_span_on_both_sides(tmp_path, make_trace, noise):
    midnight_ns = START_NS + 900 * NS_PER_S
    write_days(lambda k, i: sds_path(tmp_path, i, midnight_ns - (1 - k) * DAY_NS), noise(N), (0, 0), make_trace)
    _, [[first], [second]], _ = read(f"sds:{tmp_path}", margin_s=60.0)
    assert first.end_ns == midnight_ns + round(63.8 * NS_PER_S)
    assert second.start_ns == midnight_ns - 60 * NS_PER_S
    assert (first.goes_on, second.goes_on) == ((False, True), (True, False))


@pytest.mark.parametrize("margin_s", [0.0, 60.0])
@pytest.mark.parametrize(
    ("low_s", "high_s", "end_s"), [(-400, 400, 900), (-20, 20, 900), (-20, -5, 900), (0.5, 3, 3.2)]
)
def test_of_what_is_wrong_across_midnight_each_day_tells_its_part(
    low_s, high_s, end_s, margin_s, tmp_path, make_trace, noise
):
    """Once by none where it lasted, and twice where nobody reads a margin; the last case lies in too little to use."""
    samples, midnight_ns = noise(N), START_NS + 900 * NS_PER_S
    low, high, end = (round((900 + s) * RATE_HZ) for s in (low_s, high_s, end_s))
    samples[low : high + 1] = 0.25
    write_days(lambda k, i: sds_path(tmp_path, i, midnight_ns - (1 - k) * DAY_NS), samples[:end], (0, 0), make_trace)
    reading = Reading()
    for source in find_sources([f"sds:{tmp_path}"], reading):
        list(read_records(source, reading, sampling_rate_hz=RATE_HZ, shortest_s=4.0, margin_s=margin_s))
    told = [r for r in reading.rejections if "is dead" in r.reason]
    borders_ns = [midnight_ns + round(s * NS_PER_S) for s in (low_s, *([0] if low_s < 0 < high_s else []), high_s)]
    assert [(r.start_ns, r.end_ns) for r in told] == list(itertools.pairwise(borders_ns))


def test_what_begins_a_rounding_before_midnight_lacks_components_once(tmp_path, make_trace, noise):
    """Clocks of many recorders are off by some microseconds, and then files do not begin at midnight."""
    midnight_ns, start_ns = START_NS + 900 * NS_PER_S, START_NS - 50_000
    for seed_id, first in (("GE.APE..HHZ", 0), ("GE.APE..HHN", 9000)):
        whole = make_trace(noise(N - first), seed_id, start_ns=start_ns + first * NS_PER_S // 10, rate_hz=RATE_HZ)
        for day, part in enumerate((whole.slice(endtime=START + 899.9), whole.slice(starttime=START + 899.95))):
            if len(part):
                part.write(str(sds_path(tmp_path, seed_id, midnight_ns - (1 - day) * DAY_NS)), format="MSEED")
    reading = Reading()
    for source in find_sources([f"sds:{tmp_path}"], reading):
        list(read_records(source, reading, sampling_rate_hz=RATE_HZ, shortest_s=4.0))
    assert [(r.start_ns, r.reason) for r in reading.rejections] == [
        (start_ns, "used, but N, E were not recorded"),
        (midnight_ns - 50_000, "used, but E was not recorded"),
    ]


@pytest.mark.parametrize("seconds", [-3.0, -1.9, 0.0, 0.1, 1.0, 1.9, 2.0, 2.1, 3.9, 5.0])
def test_a_pick_near_midnight_gives_one_window_and_no_reason(seconds, tmp_path, make_trace, noise):
    midnight_ns = START_NS + 900 * NS_PER_S
    write_days(lambda k, i: sds_path(tmp_path, i, midnight_ns - (1 - k) * DAY_NS), noise(N), (-5, 5), make_trace)
    config = PreprocessConfig(sampling_rate_hz=RATE_HZ, window_s=4.0, frame_s=1.0, hop_s=0.2, freqmax_hz=5.0, shifts=0)
    matcher = LabelMatcher([Pick("GE", "APE", "", "", "P", midnight_ns + round(seconds * NS_PER_S))])
    windows, reasons = [], []
    for records in read(f"sds:{tmp_path}")[1]:
        for record in records:
            chosen, why_not = cut(LabelledRecord(record, tuple(matcher.match(record))), config)
            windows += [w for w in chosen if w.label == "P"]
            reasons += why_not
    assert len(windows) == 1
    assert not any("edge" in reason for reason in reasons)
    assert unmatched(matcher.labels, matcher.records) == []


@pytest.mark.parametrize("before_s", [10, 200])
def test_after_an_unpaired_p_before_midnight_no_noise_is_taken(before_s, tmp_path, make_trace, noise):
    midnight_ns = START_NS + 900 * NS_PER_S
    write_days(lambda k, i: sds_path(tmp_path, i, midnight_ns - (1 - k) * DAY_NS), noise(N), (0, 0), make_trace)
    config = PreprocessConfig(
        sampling_rate_hz=RATE_HZ, window_s=4.0, frame_s=1.0, freqmax_hz=5.0, shifts=0, noise_windows=50
    )
    p = [Pick("GE", "APE", "", "", "P", midnight_ns + s * NS_PER_S) for s in (-before_s, 300)]
    matcher = LabelMatcher(p)
    _, [_, [second]], _ = read(f"sds:{tmp_path}")
    windows, _ = cut(LabelledRecord(second, tuple(matcher.match(second))), config)
    assert [w.label for w in windows] == ["P"]


def test_where_days_are_missing_nothing_is_lost(tmp_path, make_trace, noise):
    """Files of days 0, 2 and 6; each begins and ends hours off its day."""
    day0_ns = START_NS // DAY_NS * DAY_NS
    total = 0
    for day in (0, 2, 6):
        samples = noise(3600, day)
        for hours in (-2, 30):
            start_ns = day0_ns + day * DAY_NS + hours * 3600 * NS_PER_S
            trace = make_trace(samples, start_ns=start_ns, rate_hz=1.0)
            path = sds_path(tmp_path, trace.id, day0_ns + day * DAY_NS)
            stream = obspy.Stream([trace]) + (obspy.read(str(path)) if path.exists() else obspy.Stream())
            stream.write(str(path), format="MSEED")
            total += len(samples)
    _, found, reading = read(f"sds:{tmp_path}", rate_hz=1.0)
    assert sum(r.n_samples for records in found for r in records) == total
    assert reading.rejections == []


def test_what_strays_by_days_is_told(tmp_path, make_trace, noise):
    day_ns = START_NS // DAY_NS * DAY_NS
    for day in (0, 1, 2, 3):
        path = sds_path(tmp_path, "GE.APE..HHZ", day_ns + day * DAY_NS)
        start_ns = day_ns + (3 * DAY_NS if day == 0 else day * DAY_NS)
        make_trace(noise(3600, 4 if day == 0 else day), start_ns=start_ns + 7200 * NS_PER_S, rate_hz=1.0).write(
            str(path), format="MSEED"
        )
    _, found, reading = read(f"sds:{tmp_path}", rate_hz=1.0)
    assert [len(records) for records in found] == [0, 1, 1, 1]
    [rejection] = reading.rejections
    assert "more than a day from" in rejection.reason
    assert rejection.end_ns - rejection.start_ns == 3599 * NS_PER_S


@pytest.mark.parametrize(
    ("days", "stray", "at_days", "n", "is_used"),
    [
        ((0, 1), 1, -0.5, 3600, True),  # once told as not used
        ((0, 2), 2, 0.25, 3600, True),
        ((0, 1, 2), 2, 0.5, 3600, False),
        ((0, 3), 3, 1.5, 3600, False),  # once neither used nor told
        ((0, 1, 2), 0, 2.5, 1, False),
    ],
)
def test_what_strays_is_used_or_told(days, stray, at_days, n, is_used, tmp_path, make_trace, noise):
    """Each day has two hours in the morning, and the file of one holds samples of another time."""
    day_ns = START_NS // DAY_NS * DAY_NS
    for day in days:
        stream = obspy.Stream([make_trace(noise(7200, day), start_ns=day_ns + day * DAY_NS, rate_hz=1.0)])
        if day == stray:
            stream += make_trace(noise(n, 9), start_ns=day_ns + round(at_days * DAY_NS), rate_hz=1.0)
        stream.write(str(sds_path(tmp_path, "GE.APE..HHZ", day_ns + day * DAY_NS)), format="MSEED")
    _, found, reading = read(f"sds:{tmp_path}", rate_hz=1.0)
    lengths = sorted(r.n_samples for records in found for r in records)
    assert lengths == [*([n] if is_used else []), *(7200 for _ in days)]
    stray_ns = day_ns + round(at_days * DAY_NS)
    assert [(r.start_ns, r.end_ns) for r in reading.rejections] == [(stray_ns, stray_ns + (n - 1) * NS_PER_S)] * (
        not is_used
    )


@pytest.mark.parametrize("year", [1600, 2300])
def test_what_strays_to_a_year_that_nanoseconds_can_not_tell_has_no_time(year, tmp_path, make_trace, noise):
    good, wrong = make_trace(noise(3600), rate_hz=1.0), make_trace(noise(3600, 1), rate_hz=1.0)
    wrong.stats.starttime = obspy.UTCDateTime(year, 1, 1)
    path = sds_path(tmp_path, good.id, START_NS // DAY_NS * DAY_NS)
    obspy.Stream([good, wrong]).write(str(path), format="MSEED")
    _, [[record]], reading = read(f"sds:{tmp_path}", rate_hz=1.0)
    assert record.n_samples == 3600
    assert [tuple(r) for r in reading.rejections] == [("GE.APE..HH", 0, 0, "its time lies before 1678 or after 2261")]


@pytest.fixture
def archive(tmp_path, make_trace, noise):
    day_ns = START_NS // DAY_NS * DAY_NS
    for day in range(4):
        for seed_id in ("GE.APE..HHZ", "GE.APE..HHN", "GE.APE.00.HNZ", "CH.HASLI..HHZ"):
            trace = make_trace(noise(600), seed_id, start_ns=day_ns + day * DAY_NS, rate_hz=1.0)
            trace.write(str(sds_path(tmp_path, seed_id, day_ns + day * DAY_NS)), format="MSEED")
    (tmp_path / "2020/GE/APE/HHZ.D/notes.txt").write_text("no waveform")
    return tmp_path, day_ns


def test_an_archive_gives_a_source_an_instrument_and_day(archive):
    root, _ = archive
    sources = find_sources([f"sds:{root}"], Reading())
    assert len(sources) == 12
    assert {len(s.paths) for s in sources} == {1, 2}
    assert len(set(sources)) == 12


def test_an_archive_that_is_named_twice_is_read_once(archive, monkeypatch):
    root, _ = archive
    (root.parent / "link").symlink_to(root)
    monkeypatch.chdir(root.parent)
    for more in (f"sds:{root}/", "sds:link", root.name, "link", f"{root}/2020/*/*/*"):
        assert len(find_sources([f"sds:{root}", more], Reading())) == 12


@pytest.mark.parametrize(("pattern", "n"), [("GE.APE..HH?", 4), ("GE", 8), ("*.*.00.*", 4), ("CH.H*..HHZ", 4)])
def test_an_archive_is_chosen_from_by_pattern(archive, pattern, n):
    root, _ = archive
    assert len(find_sources([f"sds:{root}"], Reading(), selection=Selection((pattern,)))) == n


@pytest.mark.parametrize("pattern", ["xx.abc", "XX.ABC..HHZ", "Xx.a*", "*.ab?..hh"])
def test_an_archive_is_chosen_from_in_any_case(archive, make_trace, noise, pattern):
    root, day_ns = archive
    trace = make_trace(noise(600), "XX.abc..HHZ", start_ns=day_ns, rate_hz=1.0)
    trace.write(str(sds_path(root, trace.id, day_ns)), format="MSEED")
    [source] = find_sources([f"sds:{root}"], Reading(), selection=Selection((pattern,)))
    assert source.paths == (sds_path(root, trace.id, day_ns),)


def test_of_an_archive_no_folder_is_opened_that_is_not_wanted(archive, monkeypatch):
    root, day_ns = archive
    sds_path(root, "GE.APE..HHZ", day_ns - 400 * DAY_NS).touch()
    sds_path(root, "GE.XYZ..HHZ", day_ns).touch()
    opened, glob = [], Path.glob

    def spied(path, pattern):
        opened.append(str(path.relative_to(root)))
        return glob(path, pattern)

    monkeypatch.setattr(Path, "glob", spied)
    for pattern in ("ge.ape", "G?.A*"):
        opened.clear()
        find_sources([f"sds:{root}"], Reading(), selection=Selection((pattern,), start_ns=day_ns))
        assert opened == [".", "2020", "2020/GE", "2020/GE/APE"]


def test_an_archive_is_chosen_from_by_time(archive):
    root, day_ns = archive
    wanted = Selection(("GE.APE..HHZ",), day_ns + DAY_NS + 60 * NS_PER_S, day_ns + 2 * DAY_NS + 60 * NS_PER_S)
    reading = Reading()
    sources = find_sources([f"sds:{root}"], reading, selection=wanted)
    records = [r for s in sources for r in read_records(s, reading, sampling_rate_hz=1.0, shortest_s=4.0)]
    assert [r.n_samples for r in records] == [540, 60]


@pytest.mark.parametrize("pattern", ["XX", "GE.APE..BH?"])
def test_an_archive_without_what_is_wanted_is_an_error_in_one_line(archive, pattern):
    root, day_ns = archive
    held = "CH.HASLI.*.HHZ, GE.APE.*.HHN, GE.APE.*.HHZ, GE.APE.*.HNZ (2020)"
    line = re.escape(f"no day matches the selection; the archive holds {held}") + "$"
    with pytest.raises(NothingUsableError, match=line):
        find_sources([f"sds:{root}"], Reading(), selection=Selection((pattern,)))
    with pytest.raises(NothingUsableError, match=line):
        find_sources([f"sds:{root}"], Reading(), selection=Selection(end_ns=day_ns - 10 * DAY_NS))


def test_files_of_an_archive_with_other_names_are_counted(archive):
    """Packed ones, above all; once they were passed over without a word."""
    root, day_ns = archive
    path = sds_path(root, "GE.APE..HHZ", day_ns)
    path.rename(path.with_name(f"{path.name}.gz"))
    reading = Reading()
    assert len(find_sources([f"sds:{root}"], reading)) == 12
    told = f"sds:{root}: 1 file not named NET.STA.LOC.CHA.D.YEAR.DAY: {path.name}.gz; rename or unpack them"
    assert [r.reason for r in reading.rejections] == [told]


def test_what_is_no_archive_is_an_error_in_one_line(tmp_path):
    for path, why in ((tmp_path, "not an SDS archive"), (tmp_path / "missing", "no such folder")):
        with pytest.raises(DataError, match=f"sds:{path}: {why}"):
            find_sources([f"sds:{path}"], Reading())


def test_a_damaged_day_is_told_once_and_the_others_go_on(archive):
    root, day_ns = archive
    sds_path(root, "CH.HASLI..HHZ", day_ns + DAY_NS).write_bytes(b"no waveform at all")
    reading = Reading()
    sources = find_sources([f"sds:{root}"], reading, selection=Selection(("CH",)))
    records = [r for s in sources for r in read_records(s, reading, sampling_rate_hz=1.0, shortest_s=4.0)]
    assert len(records) == 3
    assert len(lost(reading.rejections)) == 1


def test_a_file_named_for_another_station_counts_neither_twice_nor_for_it(archive):
    """As where the files of two stations were mixed up; a day beside it is none of the other station's either."""
    root, day_ns = archive
    whole = [r.trace_id for records in read(f"sds:{root}", rate_hz=1.0)[1] for r in records]
    path = sds_path(root, "CH.HASLI..HHZ", day_ns + DAY_NS)
    path.write_bytes(sds_path(root, "GE.APE..HHZ", day_ns + DAY_NS).read_bytes())
    _, found, reading = read(f"sds:{root}", rate_hz=1.0)
    left = [r.trace_id for records in found for r in records]
    assert sorted([*left, "CH.HASLI..HH"]) == sorted(whole)
    assert [r.reason for r in reading.rejections] == [f"{path}: holds GE.APE..HHZ, which does not match its name"]


def test_hourly_files_are_read_beside_a_day_only_where_they_are_near(tmp_path, make_trace, noise):
    """Two days of hourly files that overlap by ten seconds, and a third day after a gap."""
    day_ns = START_NS // DAY_NS * DAY_NS
    samples = noise(3 * 86_400)
    for hour in [*range(48), *range(50, 52)]:
        low, high = hour * 3600, (hour + 1) * 3600 + 10
        make_trace(samples[low:high], start_ns=day_ns + low * NS_PER_S, rate_hz=1.0).write(
            str(tmp_path / f"{hour:02d}"), format="MSEED"
        )
    sources, found, reading = read(tmp_path, rate_hz=1.0)
    assert reading.rejections == []
    assert [len(s.paths) for s in sources] == [24, 24, 2]
    assert all(len(s.beside) < 8 for s in sources)
    starts = [(r.start_ns - day_ns) // NS_PER_S + k for rs in found for r in rs for k in range(r.n_samples - 3)]
    assert starts == [*range(48 * 3600 + 10 - 3), *range(50 * 3600, 52 * 3600 + 10 - 3)]
    assert [[r.goes_on for r in records] for records in found] == [[(False, True)], [(True, False)], [(False, False)]]


def test_short_files_are_read_beside_a_day_as_far_as_the_longest_margin_reaches(tmp_path, make_trace, noise):
    """It is that of an export with an hour before and after the picks."""
    day_ns, samples = START_NS // DAY_NS * DAY_NS, noise(10 * 3600)
    for k, low in enumerate(range(0, len(samples), 600)):
        trace = make_trace(samples[low : low + 600], start_ns=day_ns + (low - 18_000) * NS_PER_S, rate_hz=1.0)
        trace.write(str(tmp_path / f"{k:02d}"), format="MSEED")
    _, found, _ = read(tmp_path, rate_hz=1.0, margin_s=4 * 3600.0)
    assert [r.n_samples for records in found for r in records] == [32_403, 32_400]


@pytest.mark.parametrize(
    ("year", "recorded", "reason"),
    [
        ("0000", 2020, "lies more than a day from the day in its file name"),
        ("1500", 2020, "lies more than a day from the day in its file name"),
        ("2300", 2300, "its time lies before 1678 or after 2261"),
        ("9999", 2020, "lies more than a day from the day in its file name"),
    ],
)
def test_a_file_of_an_impossible_year_is_told_and_the_rest_of_the_archive_read(
    year, recorded, reason, tmp_path, make_trace, noise
):
    """A recorder without a clock writes such files."""
    for name, start in (("2020", obspy.UTCDateTime(2020, 3, 1, 12)), (year, obspy.UTCDateTime(recorded, 5, 5))):
        path = tmp_path / name / "GE" / "APE" / "HHZ.D" / f"GE.APE..HHZ.D.{name}.061"
        path.parent.mkdir(parents=True)
        trace = make_trace(noise(300), rate_hz=RATE_HZ)
        trace.stats.starttime = start
        trace.write(str(path), format="MSEED")
    _, parts, reading = read(f"sds:{tmp_path}")
    assert [r.n_samples for records in parts for r in records] == [300]
    assert [r.reason for r in reading.rejections] == [reason]
