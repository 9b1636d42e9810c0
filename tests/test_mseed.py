"""What is known of a miniSEED file by its headers alone is what ObsPy says of it."""

import io
import itertools
import struct
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import obspy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seisnet.errors import DataError
from seisnet.waveforms import mseed, mseed_samples
from seisnet.waveforms.clocks import on_time
from seisnet.waveforms.files import Reading, read_file, read_headers
from seisnet.waveforms.mseed import read_index, read_span, read_stretches
from seisnet.waveforms.mseed_headers import headers_at
from seisnet.waveforms.mseed_samples import decoded_between
from seisnet.waveforms.records import NS_PER_S
from tests.mseed_records import START, packed, records_late_by

pytestmark = pytest.mark.usefixtures("small_blocks")

EXAMPLES = sorted((Path(obspy.__file__).parent / "io/mseed/tests/data").rglob("*.*"))


def said_by_obspy(path):
    return [(t.id, t.stats.starttime.ns, t.stats.npts, t.stats.sampling_rate) for t in obspy.read(path, headonly=True)]


def said_by_us(path):
    return [(s.seed_id, s.start_ns, s.n_samples, s.rate_hz) for s in read_index(path).stretches]


def same(ours, theirs):
    """The same traces, whichever channel comes first."""
    assert len(ours) == len(theirs)
    for a, b in zip(*(sorted(traces, key=lambda trace: trace.id) for traces in (ours, theirs)), strict=True):
        assert (a.id, a.stats.starttime, a.stats.sampling_rate) == (b.id, b.stats.starttime, b.stats.sampling_rate)
        assert a.data.dtype == b.data.dtype
        assert np.array_equal(a.data, b.data)


def check(path, spans_s=((0.0, 3.0), (-9.0, 0.5), (7.777, 12.3), (5000.0, 5001.0), (-1e4, 1e4))):
    """The headers, the samples, and those of some spans are those that ObsPy finds in the whole file."""
    assert said_by_us(path) == said_by_obspy(path)
    same(read_file(path, Reading()), obspy.read(path))
    for low, high in spans_s:
        reading = Reading()
        ours = read_file(path, reading, span_ns=(START.ns + round(low * NS_PER_S), START.ns + round(high * NS_PER_S)))
        same(ours, obspy.read(path, starttime=START + low, endtime=START + high))
        assert not reading.rejections


@pytest.mark.parametrize("encoding", ["STEIM1", "STEIM2", "INT32", "FLOAT32"])
@pytest.mark.parametrize("length", [256, 512, 4096])
@pytest.mark.parametrize("order", "<>")
def test_records_of_any_length_encoding_and_order_of_bytes(tmp_path, order, length, encoding):
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(packed(START, length=length, encoding=encoding, byteorder=order)))
    check(path)


@pytest.mark.parametrize("rate_hz", [100.0, 0.1, 31.25, 52.03, 1 / 3, 1000.0])
def test_any_rate(tmp_path, rate_hz):
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(packed(START, rate_hz=rate_hz)))
    check(path)


def test_channels_interleaved_record_by_record(tmp_path):
    path = tmp_path / "a.mseed"
    rows = [packed(START, channel=f"HH{c}", length=256) for c in "ZNE"]
    path.write_bytes(b"".join(record for three in itertools.zip_longest(*rows, fillvalue=b"") for record in three))
    check(path)


@pytest.mark.parametrize("span_s", [None, (0, 99)])
def test_bounded_memory_of_many_records_one_channel_is_decoded_at_a_time(span_s, tmp_path, monkeypatch):
    """While ObsPy decodes, it holds the samples twice."""
    path, reader, decoded = tmp_path / "a.mseed", mseed_samples.mseed_reader(), []
    rows = [packed(START, channel=f"HH{c}", length=length) for c, length in zip("ZNE", (256, 512, 256), strict=True)]
    path.write_bytes(b"".join(record for row in rows for record in row))
    monkeypatch.setattr(
        mseed_samples, "mseed_reader", lambda: lambda *a, **k: decoded.append(reader(*a, **k)) or decoded[-1]
    )
    span_ns = span_s and tuple((START + s).ns for s in span_s)
    same(read_file(path, Reading(), span_ns=span_ns), obspy.read(path))
    assert [{trace.id for trace in stream} for stream in decoded] == [{f"XX.AB..HH{c}"} for c in "ZNE"]
    whole = np.frombuffer(path.read_bytes() + b"unknown", np.int8)
    assert [len(records) for records in mseed_samples._by_channel(whole)] == [len(whole)]


def test_records_that_are_not_in_order_of_time(tmp_path):
    path = tmp_path / "a.mseed"
    records = packed(START, 4000, length=256)
    np.random.default_rng(0).shuffle(records)
    path.write_bytes(b"".join(records))
    check(path)


def test_gaps_overlaps_and_half_samples(tmp_path):
    path = tmp_path / "a.mseed"
    starts = [START, START + 20.004, START + 40.01, START + 90, START + 85, START + 10]
    path.write_bytes(b"".join(record for start in starts for record in packed(start)))
    check(path)
    assert len(read_index(path).stretches) == 5


@pytest.mark.parametrize("late_ns", [1_200_000, -1_200_000])
def test_samples_of_a_clock_that_drifts_are_where_their_records_have_them(late_ns, tmp_path):
    """ObsPy joins them all, and the last is 18 samples off."""
    path = tmp_path / "a.mseed"
    starts_ns = START.ns + np.arange(150) * (400_000_000 + late_ns)
    with path.open("wb") as file:
        for k, start_ns in enumerate(starts_ns.tolist()):
            header = {"starttime": obspy.UTCDateTime(ns=start_ns), "sampling_rate": 100.0}
            obspy.Trace(np.arange(40 * k, 40 * k + 40, dtype=np.int32), header).write(file, format="MSEED", reclen=256)
    [stretch] = read_index(path).stretches
    assert abs(stretch.end_ns - starts_ns[-1] - 390_000_000) < 1000
    truth_ns = (starts_ns[:, None] + np.arange(40) * 10_000_000).ravel()
    for span_ns in (None, ((START + 20).ns, (START + 40).ns)):
        stream = read_file(path, Reading(), span_ns=span_ns)
        assert len(stream) < 40
        samples = np.concatenate([trace.data for trace in stream])
        found_ns = np.concatenate([trace.stats.starttime.ns + np.arange(len(trace)) * 10_000_000 for trace in stream])
        assert np.abs(found_ns - truth_ns[samples]).max() <= 5_000_000
        low_ns, high_ns = span_ns or (0, 2**63 - 1)
        wanted = (truth_ns >= low_ns + 5_000_000) & (truth_ns <= high_ns - 5_000_000)
        assert set(np.flatnonzero(wanted)) <= set(samples)


@pytest.mark.parametrize("span_s", [None, (-5, 12)])
def test_after_a_leap_second_samples_are_where_their_records_have_them(span_s, tmp_path):
    """ObsPy joins what goes on after a record that says it holds a leap second, and is a second late from there on."""
    path, midnight = tmp_path / "a.mseed", obspy.UTCDateTime(2017, 1, 1)
    with path.open("wb") as file:
        for k, after_s in enumerate([*range(-8, 0), 0, *range(20)]):
            with io.BytesIO() as one:
                header = {"starttime": midnight + after_s, "sampling_rate": 100.0}
                obspy.Trace(np.arange(100 * k, 100 * k + 100, dtype=np.int32), header).write(one, "MSEED", reclen=512)
                record = bytearray(one.getvalue())
            if k == 8:
                struct.pack_into(">HH3B", record, 20, 2016, 366, 23, 59, 60)
                record[36] |= 0x10
            file.write(record)
    span_ns = span_s and tuple((midnight + s).ns for s in span_s)
    stream = read_file(path, Reading(), span_ns=span_ns)
    times = {int(x): trace.stats.starttime + i / 100 for trace in stream for i, x in enumerate(trace.data)}
    assert times[799] == midnight - 0.01
    assert times[900] == midnight and times[2000] == midnight + 11


def check_times(stream, times_ns):
    """Every sample is there once, and no more than half a sample from where its record has it."""
    assert all(len(trace) for trace in stream)
    samples = np.concatenate([trace.data for trace in stream])
    found_ns = np.concatenate([trace.stats.starttime.ns + np.arange(len(trace)) * 10_000_000 for trace in stream])
    assert sorted(samples) == list(range(40 * len(times_ns)))
    truth_ns = (times_ns[:, None] + np.arange(40) * 10_000_000).ravel()
    assert np.abs(found_ns - truth_ns[samples]).max() <= 5_000_000


def test_of_a_clock_that_drifts_the_records_of_a_trace_are_those_of_its_quality(tmp_path):
    """ObsPy hands out the traces of one quality after those of another; once records went to the wrong ones."""
    path = tmp_path / "a.mseed"
    records, times_ns = records_late_by([1_200_000] * 180, "D" * 40 + "Q" * 10 + "D" * 130, ["HHZ"] * 180)
    path.write_bytes(b"".join(records))
    check_times(read_file(path, Reading()), times_ns)
    check_times(read_file(path, Reading(), span_ns=((START - 99).ns, (START + 99).ns)), times_ns)


def test_of_a_clock_that_drifts_copies_of_another_quality_are_on_time_too(tmp_path):
    path = tmp_path / "a.mseed"
    records, times_ns = records_late_by([1_200_000] * 150, "D" * 150, ["HHZ"] * 150)
    path.write_bytes(b"".join(record + record[:6] + b"Q" + record[7:] for record in records))
    assert [stretch.drifts for stretch in read_index(path).stretches] == [True, True]
    stream = read_file(path, Reading())
    for quality in "DQ":
        check_times([trace for trace in stream if trace.stats.mseed.dataquality == quality], times_ns)


def test_of_a_clock_that_drifts_rates_that_jitter_are_one(tmp_path):
    path = tmp_path / "a.mseed"
    records, times_ns = records_late_by([1_200_000] * 150, "D" * 150, ["HHZ"] * 150, (100.0, 100.005, 99.995))
    path.write_bytes(b"".join(records))
    assert said_by_us(path) == said_by_obspy(path) == [("...HHZ", START.ns + 1_200_000, 6000, 100.0)]
    check_times(read_file(path, Reading()), times_ns)


def test_bounded_memory_samples_of_a_clock_that_drifts_need_no_second_copy_of_their_records(tmp_path):
    def peak(gap_s):
        path = tmp_path / f"{gap_s}.mseed"
        records = [r for at in (0, 2000 + gap_s) for r in packed(START + at, 200_000, length=4096, encoding="INT32")]
        path.write_bytes(b"".join(records))
        content = read_span(path, START.ns, (START + 4100).ns)
        tracemalloc.start()
        try:
            assert len(decoded_between(path, content, START, START + 4100)) == 2
            return tracemalloc.get_traced_memory()[1], len(content)
        finally:
            tracemalloc.stop()

    (steady, n_bytes), (drifting, _) = peak(3), peak(1)  # a gap of a second may be a leap second
    assert drifting < steady + n_bytes / 8


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_the_clock_does_samples_are_where_their_records_have_them(tmp_path, data):
    runs = data.draw(st.lists(st.tuples(st.sampled_from("DQM"), st.integers(1, 12)), min_size=1, max_size=5))
    qualities = "".join(letter * length for letter, length in runs)
    n, late_ns = len(qualities), data.draw(st.sampled_from([-4_900_000, -1_300_000, 300_000, 2_400_000]))
    channels = data.draw(st.lists(st.sampled_from(["HHZ", "HHN"]), min_size=n, max_size=n))
    records, times_ns = records_late_by([late_ns] * n, qualities, channels)
    if data.draw(st.booleans()):
        records = data.draw(st.permutations(records))
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(records))
    mseed._index.cache_clear()  # a file may be rewritten within the grain of its time
    check_times(read_file(path, Reading(), span_ns=((START - 99).ns, (START + 99).ns)), times_ns)


def test_traces_that_are_not_made_of_the_records_are_refused(tmp_path):
    records, _ = records_late_by([1_200_000] * 150, "D" * 150, ["HHZ"] * 150)
    stream = obspy.read(io.BytesIO(b"".join(records)))
    for others in (records[:149], []):
        with pytest.raises(DataError, match=r"its clock drifts, and \.\.\.HHZ has not the samples that its headers"):
            on_time(stream.copy(), b"".join(others))


def test_a_record_unlike_the_others_costs_no_more_than_itself():
    """Where two kinds take turns, all that followed were looked at for each."""
    one, others = packed(START)[0], b"".join(packed(START, encoding="INT32") * 500)

    def peak(data):
        tracemalloc.start()
        try:
            assert len(headers_at(data, 0).code) == 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(one + others) < 4 * peak(one)


def test_odd_lengths_side_by_side_are_no_damage(tmp_path):
    path = tmp_path / "a.mseed"
    parts = [packed(START + 20 * i, length=length) for i, length in enumerate((4096, 256, 512, 1024, 256))]
    path.write_bytes(b"".join(record for part in parts for record in part))
    check(path)
    reading = Reading()
    read_file(path, reading)
    assert not reading.rejections


@pytest.mark.parametrize("done", [0, 2], ids=["to be added", "added already"])
@pytest.mark.parametrize("order", "<>")
def test_a_time_correction(tmp_path, order, done):
    path = tmp_path / "a.mseed"
    records = [bytearray(record) for record in packed(START, byteorder=order)]
    for record in records:
        record[36] |= done
        struct.pack_into(f"{order}i", record, 40, -12345)
    path.write_bytes(b"".join(records))
    check(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_lies_in_the_file(tmp_path, data):
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = START + data.draw(st.integers(-2_000_000, 3_000_000)) / 1e5
        n, length = data.draw(st.integers(1, 1500)), data.draw(st.sampled_from([256, 512, 1024]))
        channel, quality = f"HH{data.draw(st.sampled_from('ZN'))}", data.draw(st.sampled_from("DQ"))
        order = data.draw(st.sampled_from("<>"))
        parts.append(packed(start, n, channel=channel, length=length, quality=quality, byteorder=order))
    records = [record for part in parts for record in part]
    if data.draw(st.booleans()):
        records = data.draw(st.permutations(records))
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(records))
    mseed._index.cache_clear()  # a file may be rewritten within the grain of its time
    low = data.draw(st.floats(-40, 40))
    check(path, [(low, low + data.draw(st.floats(0, 20)))])


def test_of_a_long_file_little_is_read(tmp_path):
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(packed(START, 200_000)))
    wanted = read_span(path, START.ns + 1000 * NS_PER_S, START.ns + 1010 * NS_PER_S)
    assert 0 < len(wanted) < path.stat().st_size / 40


def test_a_file_that_has_changed_is_looked_at_again(tmp_path):
    path = tmp_path / "a.mseed"
    for n in (1000, 3000):
        path.write_bytes(b"".join(packed(START, n)))
        check(path)


def cut_short(records):
    return b"".join(records)[:-100]


def spoilt(records):
    records[5] = bytes(len(records[5]))
    return b"".join(records)


def going_round(records):
    """Two blockettes of one kind, each said to follow the other."""
    record = bytearray(records[0])
    record[46:60] = struct.pack(">7H", 48, 1001, 56, 0, 0, 1001, 48)
    return bytes(record)


def far_too_slow(records):
    """A rate in blockette 100 at which a record would last for ever."""
    record = bytearray(records[0])
    record[46:68] = struct.pack(">HHHfIHHBBBB", 48, 100, 60, 1e-30, 0, 1000, 0, 11, 1, 9, 0)
    return bytes(record)


@pytest.mark.parametrize("make", [going_round, far_too_slow])
def test_a_damaged_header_has_no_index(tmp_path, make):
    path = tmp_path / "a.mseed"
    path.write_bytes(make(packed(START)))
    assert read_index(path) is None


def test_codes_filled_up_with_nuls(tmp_path):
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(record[:10] + bytes(5) + record[15:] for record in packed(START)))
    check(path)
    assert said_by_us(path)[0][0] == "XX.AB..HHZ"


@pytest.mark.filterwarnings("ignore:.*Not a SEED record")
@pytest.mark.parametrize("make", [cut_short, spoilt])
def test_what_is_unusual_is_left_to_obspy(tmp_path, make):
    path = tmp_path / "a.mseed"
    path.write_bytes(make(packed(START, 5000)))
    assert read_index(path) is None
    assert read_span(path, 0, START.ns) is None
    ours = [(s.seed_id, s.start_ns, s.n_samples, s.rate_hz) for s in read_headers(path, Reading())]
    assert ours == said_by_obspy(path)


def test_files_that_are_read_together_say_what_each_says_alone(tmp_path, monkeypatch):
    """Whole ones of one layout, also with gaps, NULs and channels of the same name; and with any others among them."""
    nuls = [record[:10] + bytes(5) + record[15:] for record in packed(START)]
    alike = [
        packed(START),
        [*packed(START + 60, 900, channel="HHN"), *packed(START + 60, 900)],
        [*packed(START + 99, 700), *packed(START + 500, 800), *packed(START + 999, 50, rate_hz=50.0)],
        nuls,
        packed(START),
    ]
    others = [packed(START, length=4096), [cut_short(packed(START, 5000))], [spoilt(packed(START, 5000))], [b""]]
    paths = []
    for i, records in enumerate([*alike, *others, *alike]):
        paths.append(tmp_path / f"{i}.mseed")
        paths[-1].write_bytes(b"".join(records))
    paths.insert(6, tmp_path / "missing.mseed")
    alone = [index and index.stretches for index in map(read_index, paths)]
    assert mseed._alike(paths[:5]) == alone[:5]
    for block_bytes in (1 << 20, 20_000, 9000):
        monkeypatch.setattr(mseed, "BLOCK_BYTES", block_bytes)
        assert list(read_stretches(paths)) == alone


def test_the_examples_of_obspy(tmp_path):
    known = [path for path in EXAMPLES if read_index(path)]
    assert len(known) > 20
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in known:
            assert (path.name, said_by_us(path)) == (path.name, said_by_obspy(path))
    assert list(read_stretches(known)) == [read_index(path).stretches for path in known]


def test_text_is_left_to_obspy(tmp_path):
    path = tmp_path / "a.mseed"
    log = obspy.Trace(np.frombuffer(b"hello" * 10, dtype="S1"), {"station": "AB", "channel": "LOG", "sampling_rate": 1})
    log.write(path, format="MSEED", encoding="ASCII")
    assert read_index(path) is None


@pytest.mark.parametrize("contents", [b"", b"000001D " + bytes(40), b"no waveforms" * 100])
def test_what_is_no_miniseed_has_no_index(tmp_path, contents):
    path = tmp_path / "a.mseed"
    path.write_bytes(contents)
    assert read_index(path) is None
    assert read_index(tmp_path / "missing.mseed") is None
