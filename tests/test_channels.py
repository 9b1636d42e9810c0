"""Components are found by letter, whatever the codes, and what is no component is told."""

from pathlib import Path

import numpy as np
import obspy
import pytest

from seisnet.waveforms.channels import split_channel
from seisnet.waveforms.conditioning import NO_CODE, condition
from seisnet.waveforms.records import reasons
from tests.records import START_NS, STEP_NS, records_of


@pytest.mark.parametrize(
    "codes",
    ["HHZ HHN HHE", "HHE HHZ HHN", "HHZ HH1 HH2", "hhz hhn hhe", "?HZ ?HN ?HE", "SBZ SBN SBE", "UD NS EW",
     "UD1 NS1 EW1", "S Z,S N,S E", "HH3 HH1 HH2", "HHZ HHR HHT", "HHZ HHN HH2", "Z N E"],
)  # fmt: skip
def test_components_are_found_by_letter_never_by_position(codes, make_trace, noise):
    names = codes.split(",") if "," in codes else codes.split()
    rows = {"Z": 0, "U": 0, "3": 0, "N": 1, "1": 1, "R": 1, "E": 2, "2": 2, "T": 2}
    traces = [make_trace(noise(500, seed=k), f"GE.APE..{name}") for k, name in enumerate(names)]
    [record], rejections = records_of(*traces)
    assert rejections == []
    for trace, name in zip(traces, names, strict=True):
        letter = name[0].upper() if name[:2] in ("UD", "NS", "EW") else name[-1].upper()
        np.testing.assert_allclose(record.data[rows[letter]], trace.data, atol=1e-5)


def test_instruments_and_locations_of_a_site_stay_apart(make_trace, noise):
    ids = [f"GE.APE.{loc}.{band}{c}" for loc in ("", "00", "10") for band in ("HH", "HN") for c in "ZNE"]
    found, rejections = records_of(*(make_trace(noise(500, k), i) for k, i in enumerate(ids)))
    names = [f"GE.APE.{loc}.{band}" for loc in ("", "00", "10") for band in ("HH", "HN")]
    assert [r.trace_id for r in found] == names
    assert all(r.present.all() for r in found)
    assert rejections == []


def test_an_empty_location_is_one_however_it_is_written(make_trace, noise):
    [record], rejections = records_of(
        *(make_trace(noise(500, k), i) for k, i in enumerate(("GE.APE..HHZ", "GE.APE.--.HHN", "GE.APE.  .HHE")))
    )
    assert record.trace_id == "GE.APE..HH" and record.present.all() and rejections == []


@pytest.mark.parametrize("component", "ZNE12")
def test_one_component_alone_goes_through_and_says_so(component, make_trace, noise):
    [record], _ = records_of(make_trace(noise(500), f"GE.APE..HH{component}"))
    row = "ZNE".index({"1": "N", "2": "E"}.get(component, component))
    assert record.present.tolist() == [k == row for k in range(3)]
    assert not record.data[~record.present].any()


@pytest.mark.parametrize("channel", ["HDH", "HHF", "LDO", "HH?"])
def test_what_is_no_component_of_ground_motion_is_rejected_with_its_code(channel, make_trace, noise):
    found, [rejection] = records_of(make_trace(noise(500), f"GE.APE..{channel}"))
    assert found == []
    assert f"'{channel}'" in rejection.reason
    assert "Z N E" in rejection.reason


def test_traces_without_codes_are_rejected_with_what_to_do(tmp_path, make_trace, noise):
    """Those of SEG-Y and SU files have none at all."""
    stream = obspy.Stream([make_trace(noise(500).astype(np.float32), "...")])
    stream.write(str(tmp_path / "a.su"), format="SU")
    found, [rejection] = condition(obspy.read(str(tmp_path / "a.su")), sampling_rate_hz=100.0, shortest_s=1.0)
    assert found == []
    assert reasons([rejection]) == NO_CODE


@pytest.mark.parametrize("channel", ["001", "1", "BHZ_01", "AUX2", "DS 12", "TRANSVERT"])
def test_the_number_of_a_channel_is_no_component(channel, make_trace, noise):
    found, [rejection] = records_of(make_trace(noise(500), f"GE.APE..{channel}"))
    assert found == []
    assert f"'{channel}' names a channel, not a component" in rejection.reason


@pytest.mark.parametrize(
    "name",
    ["alsep/tests/data/wth.1.5.mini", "kinemetrics/tests/data/BX456_MOLA-02351.evt",
     "reftek/tests/data/225051000_00008656", "reftek/tests/data/2015282_225051_0ae4c_1_1.msd",
     "rg16/tests/data/three_chans_six_traces.fcnt", "win/tests/data/1070533011_1701260003.win"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_channels_that_a_recorder_numbers_are_never_taken_for_components(name):
    """Channels 1 and 2 of one sensor and 3 of another became a record; so did geophones of an array on the Moon."""
    stream = obspy.read(str(Path(obspy.__file__).parent / "io" / name))
    found, rejections = condition(stream, sampling_rate_hz=100.0, shortest_s=0.1)
    assert found == []
    assert all("names a channel, not a component" in r.reason for r in rejections)


def test_channels_with_a_hexadecimal_number_are_no_components_unless_they_are_renamed(make_trace, noise):
    traces = [make_trace(noise(500, k), f"GE.APE..{code}") for k, code in enumerate(("a10e", "a10f", "HHZ"))]
    for trace in traces:
        trace.stats._format = "WIN"
    [record], rejections = records_of(*traces)
    assert record.present.tolist() == [True, False, False]
    assert len(rejections) == 2


@pytest.mark.parametrize(("channel", "row"), [("vert", 0), ("NORTH", 1), ("East", 2), ("SBHZ", 0)])
def test_components_with_long_names_are_found(channel, row, make_trace, noise):
    [record], _ = records_of(make_trace(noise(500), f"GE.APE..{channel}"))
    assert np.flatnonzero(record.present).tolist() == [row]


def test_two_components_for_one_row_give_no_mixture(make_trace, noise):
    n, one = make_trace(noise(500, 1), "GE.APE..HHN"), make_trace(noise(500, 2), "GE.APE..HH1")
    for traces in ((n, one), (one, n)):
        [record], [rejection] = records_of(*traces)
        np.testing.assert_allclose(record.data[1], n.data, atol=1e-5)
        assert "component 1" in rejection.reason


def test_a_station_that_changes_its_codes_keeps_both_stretches(make_trace, noise):
    found, rejections = records_of(
        make_trace(noise(500, 1), "GE.APE..HH1"),
        make_trace(noise(500, 2), "GE.APE..HHN", start_ns=START_NS + 500 * STEP_NS),
    )
    assert [r.n_samples for r in found] == [500, 500]
    assert rejections == []


def test_split_channel_of_anything_has_an_upper_case_component():
    assert split_channel("  bh z ") == ("BH", "Z")
    assert split_channel("") == ("", "")
