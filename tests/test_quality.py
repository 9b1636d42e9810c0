"""Faults of the recorder are flagged, quiet and loud recordings without any are not, and spikes alone are changed."""

import numpy as np
import obspy
import pytest

from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.reading import read_records
from seisnet.waveforms.records import KEPT, NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S
SPIKES = "spikes of Z were replaced"


def counts(noise, n=6000, scale=300.0):
    return np.round(scale * noise(n)).astype(np.int32)


def flags_of(*traces):
    records, rejections = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0)
    assert rejections == []
    return [(f.what, (f.start_ns - START_NS) / 1e7, (f.end_ns - START_NS) / 1e7) for r in records for f in r.flags]


def wave(hz, amplitude, n=6000):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(n) / 100.0 + 0.3)


def test_samples_cut_off_at_the_largest_count_are_clipped(make_trace, noise):
    x = counts(noise)
    x[3000:3400] += np.round(wave(2.0, 1e6, 400)).astype(np.int32)
    [(what, low, high)] = flags_of(make_trace(np.clip(x, -500_000, 500_000)))
    assert what == "Z is clipped"
    assert 3000 <= low < high < 3400
    assert not any("clipped" in what for what, *_ in flags_of(make_trace(x)))  # its end, cut off at 3400, is a spike


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_floats_in_any_unit_clip_as_counts_do(scale, make_trace, noise):
    x = counts(noise) * scale
    x[3000:3400] += wave(2.0, 1e6, 400) * scale
    assert [what for what, *_ in flags_of(make_trace(np.clip(x, -5e5 * scale, 5e5 * scale)))] == ["Z is clipped"]


@pytest.mark.parametrize("amplitude", [3, 40, 500, 5000, 200_000])
@pytest.mark.parametrize("hz", [0.01, 0.1, 1.0])
def test_the_rounded_top_of_a_slow_wave_is_not_clipped(hz, amplitude, make_trace):
    assert not any(
        "clipped" in what for what, *_ in flags_of(make_trace(np.round(wave(hz, amplitude)).astype(np.int32)))
    )


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_a_quiet_digitiser_of_few_counts_is_neither_clipped_nor_full_of_spikes(scale, make_trace, noise):
    assert flags_of(make_trace(counts(noise, 600_000, scale))) == []


def test_a_gap_filled_with_zeros_far_from_the_offset_is_dead_and_not_clipped(make_trace, noise):
    x = counts(noise) + 65_000
    x[2000:3000] = 0
    whats = [what for what, *_ in flags_of(make_trace(x))]
    assert "Z is dead: constant for 2 s or longer" in whats
    assert "Z is clipped" not in whats


def test_one_value_for_seconds_is_dead(make_trace, noise):
    x = counts(noise)
    x[1000:1250] = x[1000]
    [(what, low, high)] = flags_of(make_trace(x))
    assert (what, low, high) == ("Z is dead: constant for 2 s or longer", 1000, 1249)
    x = counts(noise)
    x[1000:1190] = x[1000]
    assert flags_of(make_trace(x)) == []


@pytest.mark.parametrize("value", [0, 17])
def test_a_channel_that_never_moves_is_dead_all_along(value, make_trace):
    assert flags_of(make_trace(np.full(6000, value))) == [("Z is dead: constant for 2 s or longer", 0, 5999)]


@pytest.mark.parametrize("height", [-1e5, 1e5])
def test_a_single_sample_far_off_is_a_spike(height, make_trace, noise):
    x = counts(noise)
    x[2500] += int(height)
    assert flags_of(make_trace(x)) == [(SPIKES, 2500, 2500)]


def test_spikes_near_each_other_are_one_stretch(make_trace, noise):
    x = counts(noise)
    x[[1000, 1500, 4000]] += 100_000
    assert flags_of(make_trace(x)) == [(SPIKES, 1000, 1500), (SPIKES, 4000, 4000)]


def test_a_jump_that_stays_is_a_step(make_trace, noise):
    x = counts(noise)
    x[2500:] += 100_000
    assert flags_of(make_trace(x)) == [("Z has steps", 2499, 2500)]


def test_a_file_without_a_time_is_told(make_trace, noise):
    trace = make_trace(counts(noise))
    no_time = ["Z has no time: it counts from 1970"]
    for start_s, told in ((0.0, no_time), (-10.0, no_time), (86_400.0, [])):
        trace.stats.starttime = obspy.UTCDateTime(start_s)
        assert [what for what, *_ in flags_of(trace)] == told


def test_an_earthquake_is_no_fault(labelled):
    reading = Reading()
    for source in find_sources([str(labelled.files)], reading):
        list(read_records(source, reading, sampling_rate_hz=100.0, shortest_s=4.0))
    told = {r.reason for r in reading.rejections if r.reason.startswith(KEPT)}
    told -= {f"{KEPT}{what} not recorded" for what in ("N, E were", "N was", "E was", "Z was")}
    assert told == {f"{KEPT}resampled from {rate_hz} to 100 Hz" for rate_hz in (40, 50, 125)}


def test_flags_name_their_component_and_lie_in_their_record(make_trace, noise):
    z, n = counts(noise), counts(noise)
    n[1000] += 100_000
    n[5000] += 100_000
    traces = [make_trace(z), make_trace(n[:3000], "GE.APE..HHN"),
              make_trace(n[3100:], "GE.APE..HHN", start_ns=START_NS + 31 * NS_PER_S)]  # fmt: skip
    records, _ = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=0.5)
    assert [[f.what for f in r.flags] for r in records] == [[SPIKES.replace("Z", "N")], [], [SPIKES.replace("Z", "N")]]
    for record in records:
        assert all(record.start_ns <= f.start_ns <= f.end_ns <= record.end_ns for f in record.flags)


def test_reading_tells_what_is_flagged_and_replaced(tmp_path, make_trace, noise):
    x = counts(noise)
    x[2500] += 100_000
    make_trace(x).write(str(tmp_path / "a.mseed"), format="MSEED")
    reading = Reading()
    [source] = find_sources([str(tmp_path)], reading)
    [record] = read_records(source, reading, sampling_rate_hz=100.0, shortest_s=1.0)
    x[2500] = x[2499]
    np.testing.assert_array_equal(record.data[0], x)
    told, lacking = reading.rejections
    assert lacking.reason == "used, but N, E were not recorded"
    assert (told.trace_id, told.reason) == ("GE.APE..HH", f"used, but {SPIKES}")
    assert told.start_ns == START_NS + 25 * NS_PER_S
