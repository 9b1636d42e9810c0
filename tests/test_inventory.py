"""Station metadata are found by code and time, and an instrument's response is taken off, blind edges with it."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import obspy
import pytest
from click.testing import CliRunner
from obspy.core.inventory import Channel, Inventory, Network, Station

from seisnet.cli import cli
from seisnet.config import PickConfig, PreprocessConfig
from seisnet.errors import ConfigError, DataError
from seisnet.formats.own_csv import picks_csv
from seisnet.model import Model
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.inventory import Response, channel_at, coordinates_of, read_stations, response_of, stations_of
from seisnet.waveforms.lookup import Waveforms
from seisnet.waveforms.reading import read_records, read_traces
from seisnet.waveforms.records import NS_PER_S
from tests.stations import GALPERIN, POLES, geophone, write_stations

START_NS = 1_577_836_800 * NS_PER_S


def test_a_file_that_was_corrected_is_read_again(tmp_path):
    for azimuth in (90.0, 180.0):
        path = write_stations(tmp_path / "s.xml", ("HH1", azimuth, 0.0, 0, 9))
        assert channel_at(read_stations((path,)), "GE.APE..HH1", START_NS).azimuth == azimuth
    assert read_stations((path,)) is read_stations((path,))


@pytest.mark.parametrize(
    ("seed_id", "codes"),
    [
        ("ge.ape..hhn", ("GE", "APE", "", "HHN")),
        ("GE.APE..HHN", ("ge", "ape", "", "hhn")),
        ("GE.APE.--.HHN", ("GE", "APE", "", "HHN")),
        ("GE.APE..HHN", ("GE", "APE", "--", "HHN")),
        ("GE.APE.. BN", ("GE", "APE", "", "BN")),
    ],
)
def test_codes_agree_with_the_metadata_however_they_are_written(seed_id, codes, make_trace, noise):
    network, station, location, code = codes
    channel = Channel(code, location, 1.0, 2.0, 3.0, 0.0, azimuth=180.0, dip=0.0)
    inventory = Inventory([Network(network, stations=[Station(station, 0.0, 0.0, 0.0, channels=[channel])])])
    trace, stations = make_trace(noise(500), seed_id), stations_of(inventory)
    [record], _ = condition(obspy.Stream([trace]), sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)
    assert record.flags == ()
    np.testing.assert_allclose(record.data[1], -trace.data, atol=1e-5)
    assert coordinates_of(stations, record.trace_id, START_NS) == (1.0, 2.0, 3.0)


RESP = Path(obspy.__file__).parent / "io/xseed/tests/data/RESP.BW.FURT..EHZ"
"""A RESP file holds neither directions nor coordinates."""


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_files_each_gives_what_it_knows(order, tmp_path, make_trace, noise):
    table = tmp_path / "channels.txt"
    table.write_text(
        "#Network | Station | Location | Channel | Latitude | Longitude | Elevation | Depth | Azimuth | Dip | "
        "SensorDescription | Scale | ScaleFreq | ScaleUnits | SampleRate | StartTime | EndTime\n"
        "BW|FURT||EHZ|48.1629|11.2752|565.0|0.0|0.0|90.0|LE-3D|1.0|1.0|M/S|200.0|2001-01-01T00:00:00|\n"
    )
    stations = read_stations(tuple([RESP, table][k] for k in order))
    trace = make_trace(noise(6000), "BW.FURT..EHZ")
    told = [
        condition(obspy.Stream([trace]), sampling_rate_hz=100.0, shortest_s=1.0, stations=known, response=response)
        for known, response in ((stations, None), (stations, Response("velocity", 1.0)))
    ]
    for [record], _ in told:
        assert record.flags == ()
    np.testing.assert_allclose(told[0][0][0].data[0], -trace.data, atol=1e-5)
    assert coordinates_of(stations, "BW.FURT..EH", START_NS) == (48.1629, 11.2752, 565.0)


def test_metadata_without_coordinates_give_none():
    assert coordinates_of(read_stations((RESP,)), "BW.FURT..EH", START_NS) is None


@pytest.mark.parametrize(
    ("name", "instrument", "place"),
    [("seiscomp/tests/data/sc3ml_empty_depth_and_id.sc3ml", "XZ.FCVB.00.HH", (13.3815, -61.1659, 80.0)),
     ("arclink/tests/data/public-id-slash.xml", "UB.XXXX..SH", (48.003542, 106.771966, 1639.0))],
)  # fmt: skip
def test_where_nobody_filled_in_the_coordinates_of_a_channel_its_station_gives_them(name, instrument, place):
    """Seismometers do not lie at 0 N, 0 E."""
    stations = read_stations((Path(obspy.__file__).parent / "io" / name,))
    assert coordinates_of(stations, instrument, START_NS) == place


def test_metadata_of_stations_alone_give_their_coordinates(tmp_path):
    table = tmp_path / "stations.txt"
    table.write_text(
        "#Network | Station | Latitude | Longitude | Elevation | SiteName | StartTime | EndTime\n"
        "GE|APE|37.07|25.52|620.0|Naxos|2003-01-01T00:00:00|2019-01-01T00:00:00\n"
        "GE|APE|37.1|25.5|600.0|Naxos|2019-01-01T00:00:00|\n"
    )
    stations = read_stations((table,))
    assert coordinates_of(stations, "GE.APE..HH", START_NS) == (37.1, 25.5, 600.0)
    assert coordinates_of(stations, "GE.APE..HH", 0) is None


def test_sources_carry_their_inventory(tmp_path, make_trace, noise):
    path = write_stations(tmp_path / "s.xml", ("HHZ", 0.0, 90.0, 0, 9))
    trace = make_trace(noise(500))
    trace.write(str(tmp_path / "a.mseed"), format="MSEED")
    [source] = find_sources([str(tmp_path / "a.mseed")], Reading(), inventory=[path])
    [record] = read_records(source, Reading(), sampling_rate_hz=100.0, shortest_s=1.0)
    np.testing.assert_allclose(record.data[0], -trace.data, atol=1e-5)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "no such file"), (b"hello", "no station metadata that ObsPy reads")]
)
def test_bad_station_metadata_are_an_error_in_one_line(tmp_path, content, reason):
    path = tmp_path / "s.xml"
    if content:
        path.write_bytes(content)
    with pytest.raises(DataError, match=reason):
        find_sources([], Reading(), inventory=[path])


# Responses


@pytest.mark.parametrize(
    ("name", "seed_id", "rate_hz"),
    [("stationtxt/tests/data/BW_RJOB.xml", "BW.RJOB..EHZ", 200.0),
     ("seiscomp/tests/data/sc3ml_empty_depth_and_id.sc3ml", "XZ.BEVB.00.HHZ", 100.0)],
)  # fmt: skip
def test_the_filter_of_a_recorder_is_not_undone_where_it_passes_nothing(name, seed_id, rate_hz, make_trace, noise):
    """Of white noise, such as comes of rounding to counts, next to nothing is left above the band."""
    stations = read_stations((Path(obspy.__file__).parent / "io" / name,))
    [record], _ = condition(
        obspy.Stream([make_trace(np.round(noise(12_000)), seed_id, rate_hz=rate_hz)]),
        sampling_rate_hz=rate_hz,
        shortest_s=1.0,
        stations=stations,
        response=Response("velocity", 2.0),
    )
    power = np.abs(np.fft.rfft(record.data[0])) ** 2
    freqs_hz = np.fft.rfftfreq(record.n_samples, 1 / rate_hz)
    assert power[freqs_hz > 0.4 * rate_hz].mean() < power[(freqs_hz > 2) & (freqs_hz < 0.4 * rate_hz)].mean()


def test_the_response_of_a_geophone_is_taken_off(tmp_path, make_trace):
    """Ground velocity through the transfer function of the geophone, worked out here, comes back within 1 %."""
    path = write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 9), response=geophone())
    t = np.arange(12_000) / 100.0
    velocity = np.zeros_like(t)
    counts = np.zeros_like(t)
    for hz, amplitude in ((2.0, 1e-6), (5.0, 3e-6), (11.0, 2e-6)):
        s = 2j * np.pi * hz
        at = lambda s: s * s / np.prod([s - p for p in POLES])  # noqa: E731
        h = 2000.0 * at(s) / abs(at(2j * np.pi * 10.0))
        velocity += amplitude * np.sin(2 * np.pi * hz * t)
        counts += amplitude * abs(h) * np.sin(2 * np.pi * hz * t + np.angle(h))
    found, rejections = condition(
        obspy.Stream([make_trace(counts)]),
        sampling_rate_hz=100.0,
        shortest_s=4.0,
        stations=read_stations((path,)),
        response=Response("velocity", 1.0),
    )
    [record] = found
    assert record.start_ns == START_NS + 4 * NS_PER_S
    assert record.n_samples == 12_000 - 800
    np.testing.assert_allclose(record.data[0], velocity[400:-400], atol=0.01 * np.abs(velocity).max())
    assert [r.reason for r in rejections] == [
        "the first or last 4 s of a segment, lost when the response is removed"
    ] * 2
    assert sum(r.end_ns - r.start_ns for r in rejections) == 8 * NS_PER_S


@pytest.mark.parametrize("gain", [2000.0, 20_000.0])
def test_of_every_epoch_its_own_response_is_taken_off(gain, tmp_path, make_trace):
    """The amplifier is turned up while the recording goes on; where only the serial number changed nothing is cut."""
    path = write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 1), ("HHZ", 0.0, -90.0, 1, 2), response=geophone())
    inventory = obspy.read_inventory(str(path))
    inventory[0][0][1].response = geophone(gain)
    inventory.write(str(path), format="STATIONXML")
    wave = 2000.0 * np.sin(2 * np.pi * 10.0 * np.arange(20_000) / 100.0)
    wave[10_001:] *= gain / 2000.0
    found, rejections = condition(
        obspy.Stream([make_trace(wave, start_ns=START_NS + 86_300 * NS_PER_S)]),
        sampling_rate_hz=100.0,
        shortest_s=4.0,
        stations=read_stations((path,)),
        response=Response("velocity", 1.0),
    )
    assert [r.n_samples for r in found] == ([19_200] if gain == 2000.0 else [9201, 9199])
    for record in found:
        for half in (record.data[0, :9000], record.data[0, -9000:]):
            assert np.std(half) == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert len(rejections) == 2 * len(found)


@pytest.mark.parametrize(
    ("channel", "response", "reason"),
    [("HHN", geophone(), "not in the station metadata"), ("HHZ", None, "contain no response")],
)
def test_a_channel_without_response_is_rejected_with_its_name(tmp_path, channel, response, reason, make_trace, noise):
    path = write_stations(tmp_path / "s.xml", (channel, 0.0, -90.0, 0, 9), response=response)
    found, [rejection] = condition(
        obspy.Stream([make_trace(noise(3000))]),
        sampling_rate_hz=100.0,
        shortest_s=1.0,
        stations=read_stations((path,)),
        response=Response("velocity", 1.0),
    )
    assert found == []
    assert rejection.reason.startswith("GE.APE..HHZ: ")
    assert reason in rejection.reason


def test_a_segment_that_is_blind_all_along_is_rejected(tmp_path, make_trace, noise):
    path = write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 9), response=geophone())
    found, [rejection] = condition(
        obspy.Stream([make_trace(noise(700))]),
        sampling_rate_hz=100.0,
        shortest_s=1.0,
        stations=read_stations((path,)),
        response=Response("velocity", 1.0),
    )
    assert found == []
    assert "shorter than the 8 s that are lost when the response is removed" in rejection.reason


def test_responses_can_only_be_taken_off_with_station_metadata(make_trace, noise, labelled):
    response = response_of(PreprocessConfig(response="velocity"))
    assert response == Response("velocity", 1.5)
    assert response_of(PreprocessConfig()) is None
    with pytest.raises(DataError, match="needs station metadata; name an inventory"):
        condition(obspy.Stream([make_trace(noise(700))]), sampling_rate_hz=100.0, shortest_s=1.0, response=response)
    [source] = find_sources([str(labelled.dataset)], Reading())
    with pytest.raises(DataError, match="can't be removed from a data set"):
        list(read_traces(source, Reading(), sampling_rate_hz=100.0, response=response))


def test_what_is_found_again_has_lost_its_response_too(tmp_path, make_trace, noise):
    path = write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 9), response=geophone())
    stream = obspy.Stream([make_trace(noise(12_000))])
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    response = Response("velocity", 1.0)
    [whole], _ = condition(
        stream, sampling_rate_hz=100.0, shortest_s=4.0, stations=read_stations((path,)), response=response
    )
    start_ns, end_ns = (START_NS + k * NS_PER_S for k in (50, 70))
    [found] = Waveforms([str(tmp_path / "a.mseed")], [path]).around("GE.APE..HH", start_ns, end_ns, response=response)
    assert (found.start_ns, found.end_ns) == (start_ns, end_ns)
    expected = whole.data[0, 4600:6601]
    np.testing.assert_allclose(found.data[0], expected, atol=0.02 * np.abs(expected).max())
    with pytest.raises(DataError, match="needs station metadata; name an inventory"):
        Waveforms([str(tmp_path / "a.mseed")]).around("GE.APE..HH", start_ns, end_ns, response=response)


def test_configs_check_the_response():
    with pytest.raises(ConfigError, match="did you mean 'velocity'"):
        PreprocessConfig(response="velocty")
    with pytest.raises(ConfigError, match="too low for freqmin_hz"):
        PreprocessConfig(response="velocity", freqmin_hz=0.0)


def test_a_model_without_responses_picks_from_python_what_the_command_picks(
    tmp_path, make_trace, noise, untrained_model
):
    """Three axes of a Galperin sensor, with its inventory in memory, as a file, and as several."""
    path = write_stations(
        tmp_path / "s.xml", *((f"HH{letter}", *axis, 0, 9) for letter, axis in GALPERIN.items()), response=geophone()
    )
    stream = obspy.Stream([make_trace(noise(6000, k), f"GE.APE..HH{letter}") for k, letter in enumerate(GALPERIN)])
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    preprocess = asdict(PreprocessConfig(response="velocity"))
    model = Model("m", replace(untrained_model.stored, preprocess=preprocess))
    config = PickConfig(thresholds={"P": 0.3, "S": 0.3})
    command = ["classify", str(tmp_path / "a.mseed"), "--model", str(tmp_path / "m.h5"), "-o", str(tmp_path / "p.csv")]
    model.save(tmp_path / "m.h5")
    options = ["--threshold", "P=0.3", "--threshold", "S=0.3", "--inventory", str(path)]
    done = CliRunner().invoke(cli, [*command, *options])
    assert done.exit_code == 0, done.output
    for inventory in (obspy.read_inventory(str(path)), path, str(path), [path], (str(path),)):
        picks = model.classify(stream, config, inventory=inventory)
        assert picks and picks_csv(picks) == (tmp_path / "p.csv").read_text()
        assert len(model.annotate(stream, inventory=inventory)) == 3
        [record], _ = model.records(stream, inventory)
        assert record.present.all()
    for nothing in (None, []):
        with pytest.raises(DataError, match="needs station metadata; name an inventory"):
            model.classify(stream, inventory=nothing)
    with pytest.raises(ConfigError, match="inventory: got int"):
        model.classify(stream, inventory=3)
    with pytest.raises(DataError, match="no such file"):
        model.annotate(stream, inventory=tmp_path / "none.xml")
