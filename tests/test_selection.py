"""Channels are chosen by pattern, and times to the sample."""

import numpy as np
import obspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisnet.errors import ConfigError, DataError
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.reading import read_records, read_traces
from seisnet.waveforms.records import NS_PER_S, lost
from seisnet.waveforms.selection import Selection

START_NS = 1_577_836_800 * NS_PER_S


@pytest.mark.parametrize(
    ("pattern", "takes"),
    [
        ("GE.APE..HHZ", True),
        ("ge.ape..hhz", True),
        ("GE.APE.--.HHZ", True),
        ("GE.A*.*.HH?", True),
        ("GE.APE..HH", True),
        ("GE.[AB]??.*.*", True),
        ("GE", True),
        ("GE.APE", True),
        ("*", True),
        ("GE.APE.00.HHZ", False),
        ("GE.APE..HN?", False),
        ("GE.APE..H", False),
        ("GE.AP", False),
        ("G.APE", False),
    ],
)
def test_patterns_take_what_they_match(pattern, takes):
    assert Selection((pattern,)).takes("GE.APE..HHZ") == takes
    assert Selection((pattern,)).takes("GE.APE.--.HHZ") == takes  # as SAC files may have it
    assert Selection(("XX", pattern)).takes("GE.APE..HHZ") == takes


def test_a_pattern_in_place_of_patterns_is_refused():
    with pytest.raises(ConfigError, match=r"selection: got 'GE\.A\*'; a list is needed: \['GE\.A\*'\]"):
        Selection("GE.A*")
    with pytest.raises(ConfigError, match=r"selection: got str; Selection is needed, such as Selection\(\('GE"):
        find_sources(["a.mseed"], Reading(), selection="GE.A*")


def test_without_patterns_all_is_taken():
    assert Selection().takes("GE.APE.00.HHZ")
    assert Selection().takes("...")


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [("GE.*.*.HHN", [0, 1, 0]), ("GE.*.*.HH[Z2]", [1, 0, 1]), ("GE.*.*.HH", [1, 1, 1]), ("GE.*.*.HNN", [0, 0, 0])],
)
def test_components_of_an_instrument_are_taken_by_any_letter_of_theirs(pattern, taken):
    assert Selection((pattern,)).components("GE.APE..HH") == taken


@pytest.mark.parametrize("pattern", ["", " ", "GE.APE..HHZ.D"])
def test_patterns_of_another_form_are_refused(pattern):
    with pytest.raises(ConfigError, match="not of the form"):
        Selection((pattern,))


def test_times_in_the_wrong_order_are_refused():
    with pytest.raises(ConfigError, match="must be before"):
        Selection(start_ns=5, end_ns=5)


def read(path, selection):
    reading = Reading()
    sources = find_sources([str(path)], reading, selection=selection)
    return [r for s in sources for r in read_records(s, reading, sampling_rate_hz=100.0, shortest_s=1.0)], reading


@pytest.fixture
def file(tmp_path, make_trace, noise):
    ids = ["GE.APE..HHZ", "GE.APE..HHN", "GE.XYZ..HHZ"]
    obspy.Stream([make_trace(noise(1000, k), i) for k, i in enumerate(ids)]).write(
        str(tmp_path / "a.mseed"), format="MSEED"
    )
    return tmp_path / "a.mseed"


def test_a_stretch_overlaps_a_selection_from_its_first_to_before_its_last_time():
    wanted = Selection(start_ns=10, end_ns=20)
    assert [wanted.overlaps(*span) for span in ((0, 9), (0, 10), (19, 30), (20, 30))] == [False, True, True, False]


def test_files_are_read_where_they_match(file):
    records, reading = read(file, Selection(("GE.APE..HHZ",)))
    assert [(r.trace_id, r.present.tolist()) for r in records] == [("GE.APE..HH", [True, False, False])]
    assert lost(reading.rejections) == []


def test_samples_from_the_start_to_before_the_end_are_read(file):
    records, _ = read(file, Selection(("GE.XYZ",), START_NS + 2 * NS_PER_S, START_NS + 5 * NS_PER_S))
    assert [(r.start_ns, r.n_samples) for r in records] == [(START_NS + 2 * NS_PER_S, 300)]


@given(
    rate_hz=st.sampled_from([30.0, 62.5, 100.0, 120.0, 300.0, 1000.0]) | st.floats(0.5, 2000.0),
    at=st.floats(-2.0, 302.0) | st.integers(-2, 302),
    offset_ns=st.integers(-2, 2),
)
def test_every_sample_lies_in_one_of_two_parts_that_meet(rate_hz, at, offset_ns):
    """Also at rates whose interval is no whole number of nanoseconds."""
    trace = obspy.Trace(np.arange(300), {"sampling_rate": rate_hz, "starttime": obspy.UTCDateTime(ns=START_NS)})
    border_ns = START_NS + round(at * NS_PER_S / rate_hz) + offset_ns
    before, after = Selection(end_ns=border_ns), Selection(start_ns=border_ns)
    parts = [part for selection in (before, after) for part in selection.of(obspy.Stream([trace]))]
    np.testing.assert_array_equal(np.concatenate([part.data for part in parts]), trace.data)
    for part in parts:
        assert abs(part.stats.starttime.ns - START_NS - part.data[0] * NS_PER_S / rate_hz) <= 0.5001


@pytest.mark.parametrize("rate_hz", [30.0, 100.0, 120.0, 300.0])
def test_a_sample_on_the_start_is_taken_and_one_on_the_end_is_not(rate_hz):
    trace = obspy.Trace(np.arange(300), {"sampling_rate": rate_hz, "starttime": obspy.UTCDateTime(ns=START_NS)})
    for k in range(1, 299):
        start_ns, end_ns = (START_NS + round(i * NS_PER_S / rate_hz) for i in (k, k + 1))
        [part] = Selection(start_ns=start_ns, end_ns=end_ns).of(obspy.Stream([trace]))
        assert part.data.tolist() == [k]


@pytest.mark.parametrize("rate_hz", [30.0, 33.3, 100.0, 120.0, 300.0])
def test_every_sample_of_files_is_read_in_one_of_two_parts(rate_hz, tmp_path):
    """Also the last one of a file."""
    for k in range(2):
        at = obspy.UTCDateTime(ns=START_NS + round(600 * k * NS_PER_S / rate_hz))
        header = {"network": "GE", "station": "APE", "channel": "HHZ", "sampling_rate": rate_hz, "starttime": at}
        obspy.Trace(np.arange(600, dtype=np.int32), header).write(str(tmp_path / f"{k}"), format="MSEED")

    def n_samples(**span_ns):
        reading = Reading()
        sources = find_sources([str(tmp_path)], reading, selection=Selection(**span_ns))
        records = [r for s in sources for r in read_records(s, reading, sampling_rate_hz=rate_hz, shortest_s=0.0)]
        return sum(record.n_samples for record in records)

    for i in (1, 598, 599, 600, 601, 1198, 1199):
        border_ns = START_NS + round(i * NS_PER_S / rate_hz)
        assert (n_samples(end_ns=border_ns), n_samples(start_ns=border_ns)) == (i, 1200 - i)


def test_of_traces_that_lie_elsewhere_nothing_is_left(tmp_path, make_trace, noise):
    """Ten seconds, a gap, ten seconds: two of the first are asked for, then the gap, then two of the second."""
    traces = [make_trace(noise(1000, k), start_ns=START_NS + k * 60 * NS_PER_S) for k in range(2)]
    stream = obspy.Stream(traces)
    for low, high, starts in ((2, 4, [2]), (20, 40, []), (62, 64, [62]), (8, 62, [8, 60])):
        wanted = Selection((), START_NS + low * NS_PER_S, START_NS + high * NS_PER_S).of(stream)
        assert [(t.stats.starttime.ns - START_NS) / NS_PER_S for t in wanted] == starts
        assert all(len(t.data) == t.stats.npts == 200 for t in wanted)
    stream.write(str(tmp_path / "b.mseed"), format="MSEED")
    records, reading = read(tmp_path / "b.mseed", Selection((), START_NS + 2 * NS_PER_S, START_NS + 4 * NS_PER_S))
    assert [(r.start_ns, r.n_samples) for r in records] == [(START_NS + 2 * NS_PER_S, 200)]
    assert lost(reading.rejections) == []


def test_a_log_among_recordings_is_handed_on_to_be_told(file, tmp_path):
    """A log has no rate, and miniSEED of seismometers often holds one."""
    log = obspy.Trace(np.frombuffer(b"the disk is full" * 20, dtype="|S1"), {"station": "APE", "channel": "LOG"})
    log.stats.sampling_rate, log.stats.starttime = 0.0, obspy.UTCDateTime(ns=START_NS)
    log.write(str(tmp_path / "log.mseed"), format="MSEED")
    file.write_bytes(file.read_bytes() + (tmp_path / "log.mseed").read_bytes())
    records, reading = read(file, Selection((), START_NS - NS_PER_S, START_NS + 5 * NS_PER_S))
    assert [r.n_samples for r in records] == [500, 500]
    assert ["'LOG' names no component" in rejection.reason for rejection in lost(reading.rejections)] == [True]


def test_a_selection_that_takes_nothing_tells_what_there_is(file):
    for selection in (Selection(("GF",)), Selection(start_ns=START_NS + 3600 * NS_PER_S)):
        with pytest.raises(DataError, match=r"the files hold GE\.APE\.\.HHN, GE\.APE\.\.HHZ, GE\.XYZ\.\.HHZ"):
            read(file, selection)


def test_components_of_a_data_set_are_read_where_they_match(labelled):
    def read_all(*patterns):
        [source] = find_sources([str(labelled.dataset)], Reading(), selection=Selection(patterns))
        return [trace.record for trace in read_traces(source, Reading(), sampling_rate_hz=100.0)]

    whole, part = read_all(), read_all("*.*.*.??E")
    assert len(part) == sum(record.present[2] for record in whole) > 10
    for record, own in zip((record for record in whole if record.present[2]), part, strict=True):
        assert own.present.tolist() == [False, False, True]
        np.testing.assert_array_equal(own.data, record.data * [[0], [0], [1]])


def test_traces_of_a_data_set_are_chosen_whole_in_time(labelled):
    wanted = labelled.seismograms[0]
    pattern = f"{wanted.network}.{wanted.station}"
    [source] = find_sources(
        [str(labelled.dataset)], Reading(), selection=Selection((pattern,), wanted.start_ns, wanted.start_ns + 1)
    )
    found = list(read_traces(source, Reading(), sampling_rate_hz=100.0))
    assert found
    assert all(t.record.trace_id.startswith(pattern) for t in found)
