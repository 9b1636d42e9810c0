"""Of miniSEED with damaged records only these are lost, and told; all other samples are where they were."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seisnet.picks import iso_time
from seisnet.waveforms import mseed
from seisnet.waveforms.files import Reading, read_file
from seisnet.waveforms.mseed import read_index
from tests.mseed_records import START, packed, records_late_by

pytestmark = pytest.mark.usefixtures("small_blocks")


def check_damaged(path, records, damaged, times_ns, span_ns):
    """Samples of all other records are there, at their times; the lost are told with theirs. Returns how many are."""
    path.write_bytes(b"".join(records))
    mseed._index.cache_clear()
    reading = Reading()
    stream = read_file(path, reading, span_ns=span_ns)
    traces = [(t.data, t.stats.starttime.ns + np.arange(len(t)) * 10_000_000) for t in stream]
    samples, found_ns = (np.concatenate(parts) for parts in zip(*traces, strict=True))
    for k in set(range(len(records))) - damaged:
        for i in range(40):
            assert np.abs(found_ns[samples == 40 * k + i] - times_ns[k] - i * 10_000_000).min() <= 5_000_000
    told = [r for r in reading.rejections if r.reason.endswith("the samples of a record can't be decoded")]
    assert {(r.start_ns, r.end_ns) for r in told} <= {(times_ns[k], times_ns[k] + 390_000_000) for k in damaged}
    assert len(samples) == 40 * (len(records) - len(told))
    return len(told)


@pytest.mark.parametrize("span_ns", [None, ((START - 99).ns, (START + 99).ns)], ids=["whole", "by span"])
@pytest.mark.parametrize("late_ns", [0, 1_200_000])
@pytest.mark.parametrize("order", "<>")
def test_of_records_that_cannot_be_decoded_only_they_are_lost(span_ns, order, late_ns, tmp_path):
    """Once the whole file was."""
    records, times_ns = records_late_by([late_ns] * 40, "D" * 40, ["HHZ", "HHN"] * 20, byteorder=order)
    for k, what in {3: b"\xff", 16: b"\0", 17: b"\xff"}.items():
        records[k] = records[k][:64] + what * 192
    assert check_damaged(tmp_path / "a.mseed", records, {3, 16, 17}, times_ns, span_ns) == 3


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_happens_to_some_samples_the_others_are_where_they_were(tmp_path, data):
    late_ns, spanned = data.draw(st.sampled_from([0, 300_000])), data.draw(st.booleans())
    order = data.draw(st.sampled_from("<>"))
    records, times_ns = records_late_by([late_ns] * 12, "D" * 12, ["HHZ", "HHN"] * 6, byteorder=order)
    damaged = data.draw(st.sets(st.integers(0, 11), min_size=1, max_size=5))
    for k in damaged:
        first = data.draw(st.integers(64, 255))
        junk = data.draw(st.binary(min_size=1, max_size=256 - first))
        records[k] = records[k][:first] + junk + records[k][first + len(junk) :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_damaged(tmp_path / "a.mseed", records, damaged, times_ns, (0, (START + 99).ns) if spanned else None)


@pytest.mark.parametrize("late_ns", [0, 1_200_000])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("span_s", "told"), [(None, (3, 4)), ((-99, 99), (3, 4)), ((8, 9.5), (1, 23)), ((1, 1.5), None)]
)
def test_records_that_fail_the_check_of_steim_are_used_and_told_once_with_the_place_of_the_first(
    span_s, told, order, late_ns, tmp_path
):
    """Which software that cuts records leaves in sound ones; once neither number nor place was told."""
    records, times_ns = records_late_by([late_ns] * 30, "D" * 30, ["HHZ"] * 30, byteorder=order)
    for k in (4, 10, 23):
        at = 72 if order == "<" else 75  # the last byte of what the first frame announces
        records[k] = records[k][:at] + bytes([records[k][at] ^ 1]) + records[k][at + 1 :]
    records[2] = records[2][:64] + b"\xff" * 192
    (tmp_path / "a.mseed").write_bytes(b"".join(records))
    reading, span_ns = Reading(), span_s and tuple((START + s).ns for s in span_s)
    stream = read_file(tmp_path / "a.mseed", reading, span_ns=span_ns)
    samples = {*np.concatenate([trace.data for trace in stream]).tolist()}
    wanted = {i for i in range(1200) if not 80 <= i < 120}
    assert samples == wanted if not span_s or span_s[0] < 0 else samples < wanted
    found = [(r.start_ns, r.reason.partition("a.mseed: ")[2]) for r in reading.rejections if "Steim" in r.reason]
    if told is None:
        assert not found
    else:
        at = f"...HHZ at {iso_time(int(times_ns[told[1]]))}"
        which = {1: f"1 record of {at}", 3: f"3 records, the first of {at},"}[told[0]]
        assert found == [(0, f"the samples of {which} fail Steim's integrity check, but are used")]


def test_records_whose_header_is_lost_too_are_told_in_bytes(tmp_path):
    path, records = tmp_path / "a.mseed", packed(START, 5000)
    records[5] = records[5][:64] + b"\xff" * 448
    records[6] = bytes(512)
    path.write_bytes(b"".join(records))
    reading = Reading()
    first, second = read_file(path, reading)
    whole = np.random.default_rng(5000).integers(-5000, 5000, 5000)
    assert np.array_equal(first.data, whole[: len(first)])
    assert np.array_equal(second.data, whole[round((second.stats.starttime - START) * 100) :])
    told = [r.reason.removeprefix(f"damaged, read as far as possible: {path}: ") for r in reading.rejections]
    assert told[:2] == ["the samples of a record can't be decoded", "512 bytes of it belong to no record of samples"]


DAMAGE = {
    "its first record is zeros": (0, lambda record: bytes(512)),
    "its first header is text": (0, lambda record: b"\r\n<html>".ljust(512)),
    "of no known encoding": (0, lambda record: record[:60] + b"\x63" + record[61:]),
    "a chain of blockettes without end": (0, lambda record: record[:50] + b"\0\x30" + record[52:]),
    "longer than the file": (5, lambda record: record[:62] + b"\x12" + record[63:]),
    "longer than any": (5, lambda record: record[:62] + b"\x1e" + record[63:]),
    "as long as four": (5, lambda record: record[:62] + b"\x0b" + record[63:]),
    "a writer was killed, and another went on": (5, lambda record: record[:333]),
    "a writer was killed within a header": (5, lambda record: record[:509]),
    "zeros": (5, lambda record: bytes(512)),
}


@pytest.mark.parametrize("span_ns", [None, ((START - 99).ns, (START + 99).ns)], ids=["whole", "by span"])
@pytest.mark.parametrize(("encoding", "order"), [("STEIM2", "<"), ("STEIM2", ">"), ("INT32", "<"), ("INT32", ">")])
@pytest.mark.parametrize(("k", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_of_a_damaged_record_only_its_own_samples_are_lost(k, damage, encoding, order, span_ns, tmp_path):
    """ObsPy refuses the whole file, or reads no further."""
    path, records = tmp_path / "a.mseed", packed(START, 5000, encoding=encoding, byteorder=order)
    path.write_bytes(b"".join(records))
    whole = read_file(path, Reading(), span_ns=span_ns)[0].data
    starts_ns = [stretch.start_ns for record in records for stretch in read_stretches_of(record, tmp_path)]
    low, high = (round((ns - START.ns) / 10_000_000) for ns in starts_ns[k : k + 2])
    records[k] = damage(records[k])
    path.write_bytes(b"".join(records))
    mseed._index.cache_clear()
    reading = Reading()
    stream = read_file(path, reading, span_ns=span_ns)
    parts = [whole[:low], whole[high:]] if low else [whole[high:]]
    assert [trace.data.tolist() for trace in stream] == [part.tolist() for part in parts]
    [told] = {r.reason for r in reading.rejections}
    assert told.endswith(f"a.mseed: {len(records[k])} bytes of it belong to no record of samples")


def read_stretches_of(record, folder):
    (folder / "one.mseed").write_bytes(record)
    mseed._index.cache_clear()
    return read_index(folder / "one.mseed").stretches


@pytest.mark.parametrize("n", [1, 2000, 4000])
def test_a_last_record_that_is_cut_short_is_told_once(n, tmp_path):
    """In a file of any size; ObsPy knows but the first 1 MiB."""
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(packed(START, 2000) * (n // 9 + 1))[: 512 * n + 300])
    reading = Reading()
    read_file(path, reading)
    [told] = reading.rejections
    assert told.reason.endswith("a.mseed: the last record is cut short")
