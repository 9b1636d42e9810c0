"""Components go where their azimuth and dip say, and an instrument's response is taken off, blind edges with it."""

from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import obspy
import pytest
from click.testing import CliRunner
from obspy.core.inventory import Channel, Inventory, Network, Site, Station
from obspy.core.inventory import Response as ObsPyResponse
from obspy.signal.rotate import rotate2zne

from seisnet.classification.one_source import Classification, SourceJob, classify_source
from seisnet.cli import cli
from seisnet.config import PickConfig, PreprocessConfig
from seisnet.errors import ConfigError, DataError
from seisnet.features import extract
from seisnet.formats.own_csv import picks_csv
from seisnet.formats.picks import write_picks
from seisnet.model import Model
from seisnet.picks import Pick
from seisnet.preprocessing.job import preprocess
from seisnet.report.classification import Origin, classification_metrics
from seisnet.report.evaluation import worst_mistakes
from seisnet.report.figures import FIGURES
from seisnet.report.folder import write_json
from seisnet.report.viewer import open_picked
from seisnet.scoring.evaluation import evaluate
from seisnet.streaming import Streaming
from seisnet.waveforms.axes import axis_of, directions, row_and_sign
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.inventory import Response, channel_at, coordinates_of, read_stations, response_of, stations_of
from seisnet.waveforms.lookup import Waveforms
from seisnet.waveforms.reading import read_records, read_traces
from seisnet.waveforms.records import NS_PER_S, reasons
from seisnet.waveforms.selection import Selection

START_NS = 1_577_836_800 * NS_PER_S
ZEROS, POLES = [0j, 0j], [-4.44 + 4.44j, -4.44 - 4.44j]
"""A geophone of 1 Hz."""


def write_stations(path, *channels, response=None):
    """Channels are (code, azimuth, dip, first day, last day), the days since 2020."""
    day0 = obspy.UTCDateTime(2020, 1, 1)
    made = [
        Channel(
            code, "", 0.0, 0.0, 0.0, 0.0, azimuth=azimuth, dip=dip, sample_rate=100.0, response=response,
            start_date=day0 + 86_400 * first, end_date=day0 + 86_400 * last,
        )
        for code, azimuth, dip, first, last in channels
    ]  # fmt: skip
    station = Station("APE", 0.0, 0.0, 0.0, channels=made, site=Site("x"))
    Inventory([Network("GE", stations=[station])], source="test").write(str(path), format="STATIONXML")
    return path


def geophone(gain=2000.0):
    return ObsPyResponse.from_paz(
        ZEROS, POLES, gain, stage_gain_frequency=10.0, input_units="M/S", output_units="COUNTS"
    )


@pytest.mark.parametrize(
    ("azimuth", "dip", "row", "sign"),
    [
        (0, -90, 0, 1), (0, 90, 0, -1), (123, -60, 0, 1),
        (0, 0, 1, 1), (44, 0, 1, 1), (316, 0, 1, 1), (180, 0, 1, -1), (360, 0, 1, 1), (-10, 5, 1, 1),
        (90, 0, 2, 1), (60, 0, 2, 1), (134, 0, 2, 1), (270, 0, 2, -1), (300, -20, 2, -1),
    ],
)  # fmt: skip
def test_a_component_goes_to_the_nearest_axis_with_its_sign(azimuth, dip, row, sign):
    assert row_and_sign(azimuth, dip) == (row, sign)


@pytest.mark.parametrize("azimuth", range(0, 360, 15))
def test_two_horizontals_at_right_angles_never_meet(azimuth):
    for turn in (90, -90):
        assert {row_and_sign(azimuth, 0)[0], row_and_sign((azimuth + turn) % 360, 0)[0]} == {1, 2}


def test_components_are_placed_by_azimuth_where_it_is_known(tmp_path, make_trace, noise):
    path = write_stations(
        tmp_path / "s.xml", ("HH1", 90.0, 0.0, 0, 9), ("HH2", 180.0, 0.0, 0, 9), ("HHU", 0.0, -90.0, 0, 9)
    )
    traces = [make_trace(noise(500, k), f"GE.APE..HH{c}") for k, c in enumerate("U12")]
    [record], rejections = condition(
        obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0, stations=read_stations((path,))
    )
    assert rejections == []
    for row, (k, sign) in enumerate([(0, 1), (2, -1), (1, 1)]):
        np.testing.assert_allclose(record.data[row], sign * traces[k].data, atol=1e-5)


@pytest.mark.parametrize(("channel", "dip"), [("HDH", -90.0), ("HDH", 90.0), ("BDF", 0.0), ("LDO", 0.0)])
def test_what_measures_no_ground_motion_is_rejected_whatever_its_azimuth(channel, dip, tmp_path, make_trace, noise):
    path = write_stations(tmp_path / "s.xml", (channel, 0.0, dip, 0, 9))
    found, [rejection] = condition(
        obspy.Stream([make_trace(noise(500), f"GE.APE..{channel}")]),
        sampling_rate_hz=100.0,
        shortest_s=1.0,
        stations=read_stations((path,)),
    )
    assert found == []
    assert f"'{channel}' names no component" in rejection.reason


def test_a_file_that_was_corrected_is_read_again(tmp_path):
    for azimuth in (90.0, 180.0):
        path = write_stations(tmp_path / "s.xml", ("HH1", azimuth, 0.0, 0, 9))
        assert channel_at(read_stations((path,)), "GE.APE..HH1", START_NS).azimuth == azimuth
    assert read_stations((path,)) is read_stations((path,))


GALPERIN = {"U": (90.0, -35.264), "V": (330.0, -35.264), "W": (210.0, -35.264)}
"""Azimuths and dips of three axes at right angles that make the same angle with the vertical."""


def askew(axes, path, make_trace, noise):
    """Traces of components that point in some directions, and the station metadata that say so."""
    traces = [make_trace(noise(500, k), f"GE.APE..HH{letter}") for k, letter in enumerate(axes)]
    channels = [(f"HH{letter}", *axis, 0, 9) for letter, axis in axes.items()]
    return traces, read_stations((write_stations(path / "s.xml", *channels),))


@pytest.mark.parametrize(
    "axes",
    [
        GALPERIN,
        {"1": (80.0, -30.0), "2": (185.0, 10.0), "3": (310.0, -55.0)},
        {"Z": (5, 40), "N": (0, -40), "E": (90, 3)},
    ],
)
def test_components_that_stand_askew_are_rotated_as_obspy_does(tmp_path, make_trace, noise, axes):
    traces, stations = askew(axes, tmp_path, make_trace, noise)
    expected = rotate2zne(*(x for t, axis in zip(traces, axes.values(), strict=True) for x in (t.data, *axis)))
    for order in ([0, 1, 2], [2, 0, 1]):
        [record], rejections = condition(
            obspy.Stream([traces[k] for k in order]), sampling_rate_hz=100.0, shortest_s=1.0, stations=stations
        )
        assert rejections == [] and record.present.all()
        np.testing.assert_allclose(record.data, expected, atol=1e-4)


def test_each_recording_is_rotated_by_its_own_axes_whatever_the_order_of_the_traces(tmp_path, make_trace, noise):
    """U, V, W, and Z, N, E of the same instrument later, or at the same time: one ground motion."""
    upright = {"Z": (0.0, -90.0), "N": (0.0, 0.0), "E": (90.0, 0.0)}
    channels = [(f"HH{letter}", *axis, 0, 9) for letter, axis in (GALPERIN | upright).items()]
    stations = read_stations((write_stations(tmp_path / "s.xml", *channels),))
    motion = np.stack([noise(500, k) for k in range(3)])
    askew = [
        make_trace(x, f"GE.APE..HH{letter}")
        for letter, x in zip("UVW", directions(list(GALPERIN.values())) @ motion, strict=True)
    ]
    for later_s, starts_s in ((20, [0, 20]), (0, [0])):
        level = [
            make_trace(x, f"GE.APE..HH{letter}", start_ns=START_NS + later_s * NS_PER_S)
            for letter, x in zip("ZNE", motion, strict=True)
        ]
        for traces in (askew + level, level + askew):
            records, _ = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)
            assert [(r.start_ns - START_NS) / NS_PER_S for r in records] == starts_s
            for record in records:
                np.testing.assert_allclose(record.data, motion, atol=1e-4)


def test_a_part_of_what_stands_askew_is_rotated_to_the_same_bits(tmp_path, make_trace, noise):
    traces, stations = askew(GALPERIN, tmp_path, make_trace, noise)
    start = traces[0].stats.starttime
    whole, part = (
        condition(stream, sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)[0][0]
        for stream in (obspy.Stream(traces), obspy.Stream(traces).slice(start + 1.23, start + 3.21))
    )
    np.testing.assert_array_equal(part.data, whole.data[:, 123:322])


@pytest.mark.parametrize(("turn", "told"), [(30, ["1, 2 stand in for N, E"]), (120, ["2, 1 stand in for N, E"])])
def test_what_stood_askew_before_changes_nothing_of_what_is_level_now(turn, told, tmp_path, make_trace, noise):
    """The sensor is exchanged at midnight: a file of the second day gives what a file of both does."""
    level = {"Z": (0.0, -90.0), "1": (turn, 0.0), "2": (turn + 90.0, 0.0)}
    days = [(GALPERIN.values(), 0, 1), (level.values(), 1, 9)]
    channels = [(f"HH{k}", *axis, *day) for axes, *day in days for k, axis in zip(level, axes, strict=True)]
    stations = read_stations((write_stations(tmp_path / "s.xml", *channels),))
    midnight_ns = START_NS + 86_400 * NS_PER_S
    both = obspy.Stream(
        [make_trace(noise(1000, i), f"GE.APE..HH{k}", start_ns=midnight_ns - 5 * NS_PER_S) for i, k in enumerate(level)]
    )
    second = both.slice(obspy.UTCDateTime(ns=midnight_ns + NS_PER_S))
    (_, whole), [part] = (
        condition(stream, sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)[0] for stream in (both, second)
    )
    np.testing.assert_array_equal(whole.data[:, -part.n_samples :], part.data)
    assert [flag.what for flag in whole.flags] == [flag.what for flag in part.flags] == told


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ([], "U, V, W are used only if station metadata (an inventory) give their orientation"),
        ([("HHU", 0.0, -90.0), ("HHV", 0.0, 0.0), ("HHW", 10.0, 0.0)], "component W: another already has its place"),
    ],
)
def test_a_stretch_that_is_not_askew_is_told_what_keeps_it_from_a_record(later, told, tmp_path, make_trace, noise):
    """The sensor is exchanged at midnight, for one of unknown axes, or of two that point the same way."""
    channels = [*((f"HH{letter}", *axis, 0, 1) for letter, axis in GALPERIN.items()), *((*of, 1, 9) for of in later)]
    stations = read_stations((write_stations(tmp_path / "s.xml", *channels),))
    midnight_ns = START_NS + 86_400 * NS_PER_S
    traces = [make_trace(noise(1000), f"GE.APE..HH{c}", start_ns=midnight_ns - 5 * NS_PER_S) for c in GALPERIN]
    [record], rejections = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)
    assert abs(record.end_ns - midnight_ns) <= NS_PER_S // 100
    assert [(r.start_ns, r.reason) for r in rejections] == [(record.end_ns + NS_PER_S // 100, told)]


def test_an_upright_component_2_of_azimuth_0_is_placed_beside_a_1_that_points_north(tmp_path):
    """Zeros that nobody filled in make an E level; this one's dip was filled in."""
    channels = ("HH1", 0.0, 0.0, 0, 9), ("HH2", 0.0, -90.0, 0, 9)
    stations = read_stations((write_stations(tmp_path / "s.xml", *channels),))
    assert [axis_of(f"GE.APE..HH{c}", START_NS, stations) for c in "12"] == [(0.0, 0.0), (0.0, -90.0)]


def test_what_stands_askew_and_lacks_a_component_is_no_record(tmp_path, make_trace, noise):
    traces, stations = askew(GALPERIN, tmp_path, make_trace, noise)
    late = traces[2].slice(traces[2].stats.starttime + 2)
    records, rejections = condition(
        obspy.Stream([*traces[:2], late]), sampling_rate_hz=100.0, shortest_s=1.0, stations=stations
    )
    assert [r.start_ns for r in records] == [START_NS + 2 * NS_PER_S]
    assert [(r.start_ns, r.reason.split(":")[0]) for r in rejections] == [(START_NS, "oblique by its dips")]


def test_what_stands_askew_is_found_again_by_the_report_that_knows_its_metadata(tmp_path, make_trace, noise):
    traces, stations = askew(GALPERIN, tmp_path, make_trace, noise)
    obspy.Stream(traces).write(str(tmp_path / "a.mseed"), format="MSEED")
    pick = Pick("GE", "APE", "", "HH", "P", START_NS + 2 * NS_PER_S, 0.9)
    sources, inventory = [str(tmp_path / "a.mseed")], [tmp_path / "s.xml"]
    (tmp_path / "report").mkdir()
    origin = Origin(sources, "phase", inventory)
    write_json(tmp_path / "report" / "metrics.json", classification_metrics(Classification(), origin))
    write_picks([pick], tmp_path / "report" / "picks.csv")
    [expected], _ = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=0.0, stations=stations)
    for picked in (
        open_picked(tmp_path / "report"),
        open_picked(tmp_path / "report" / "picks.csv", sources, inventory=inventory),
    ):
        [found] = picked.waveforms.around("GE.APE..HH", expected.start_ns, expected.end_ns)
        np.testing.assert_array_equal(found.data, expected.data)
    lost = open_picked(tmp_path / "report" / "picks.csv", sources)
    for draw in FIGURES.values():
        with pytest.raises(DataError, match="can be used: U, V, W are used only if station metadata"):
            draw(lost, pick, None, None)


@pytest.mark.parametrize(("rate_hz", "response"), [(100.0, "none"), (50.0, "none"), (100.0, "velocity")])
def test_the_gallery_of_mistakes_shows_what_the_windows_were_cut_from(
    rate_hz, response, tmp_path, make_trace, noise, untrained_model
):
    path = write_stations(
        tmp_path / "s.xml", *((f"HH{letter}", *axis, 0, 9) for letter, axis in GALPERIN.items()), response=geophone()
    )
    traces = [make_trace(noise(6000, k), f"GE.APE..HH{letter}", rate_hz=rate_hz) for k, letter in enumerate(GALPERIN)]
    obspy.Stream(traces).write(str(tmp_path / "a.mseed"), format="MSEED")
    picks = [Pick("GE", "APE", "", "HH", of, START_NS + at * NS_PER_S) for of, at in (("P", 20), ("S", 30))]
    write_picks(picks, tmp_path / "p.csv")
    sources, labels = [tmp_path / "a.mseed"], [tmp_path / "p.csv"]
    config = PreprocessConfig(split=(1.0, 0.0, 0.0), response=response)
    windows = preprocess(sources, labels, config, inventory=[path])
    model = Model("m", replace(untrained_model.stored, preprocess=windows.info.config))
    found = evaluate(model, windows, split="train")
    mistakes = worst_mistakes(found, windows.info)
    assert mistakes
    for mistake in mistakes:
        samples, present = mistake.samples[None], np.ones((1, 3), dtype=bool)
        [x] = extract(model.feature, samples, present, np.array([rate_hz / 2]))
        np.testing.assert_allclose(x, mistake.x, atol=1e-3)
    path.unlink()
    assert all(mistake.samples is None for mistake in worst_mistakes(found, windows.info))


def test_the_gallery_of_mistakes_draws_what_was_selected(tmp_path, make_trace, noise, untrained_model):
    stream = obspy.Stream([make_trace(noise(6000, k), f"GE.APE..HH{c}") for k, c in enumerate("ZNE")])
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    write_picks([Pick("GE", "APE", "", "HH", "P", START_NS + 20 * NS_PER_S)], tmp_path / "p.csv")
    config, selection = PreprocessConfig(split=(1.0, 0.0, 0.0)), Selection(("*.APE..HHZ", "GE.APE..HHE"))
    windows = preprocess([tmp_path / "a.mseed"], [tmp_path / "p.csv"], config, selection=selection)
    model = Model("m", replace(untrained_model.stored, preprocess=windows.info.config))
    mistakes = worst_mistakes(evaluate(model, windows, split="train"), windows.info)
    assert mistakes and all(m.samples.any(axis=1).tolist() == [True, False, True] for m in mistakes)


def test_axes_nearly_in_one_plane_are_no_record(tmp_path, make_trace, noise):
    axes = {"U": (0.0, -35.0), "V": (0.0, 55.0), "W": (4.0, -45.0)}
    traces, stations = askew(axes, tmp_path, make_trace, noise)
    records, [rejection] = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)
    assert records == [] and "nearly in one plane" in rejection.reason


def test_axes_of_unknown_directions_are_told_what_they_need(tmp_path, make_trace, noise):
    traces, _ = askew(GALPERIN, tmp_path, make_trace, noise)
    records, rejections = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0)
    assert records == [] and len(rejections) == 1
    assert reasons(rejections).endswith("give their orientation (GE.APE..HH)")  # once


def test_a_channel_that_is_not_known_at_the_time_is_placed_by_letter(tmp_path, make_trace, noise):
    path = write_stations(tmp_path / "s.xml", ("HH1", 90.0, 0.0, 5, 9), ("HHZ", None, None, 0, 9))
    stations = read_stations((path,))
    assert channel_at(stations, "GE.APE..HH1", START_NS) is None
    assert channel_at(stations, "GE.APE..HH1", START_NS + 6 * 86_400 * NS_PER_S) is not None
    traces = [make_trace(noise(500, k), f"GE.APE..HH{c}") for k, c in enumerate("Z1")]
    [record], _ = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)
    assert record.present.tolist() == [True, True, False]


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


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ([("HHZ", 0.0, -90.0, 0, 9), ("HHN", 0.0, 0.0, 0, 9)], []),
        ([("HHZ", 0.0, -90.0, 0, 9), ("HHN", 0.0, 0.0, 5, 9)], ["give no azimuth and dip of N"]),  # of another time
        # Without directions, and of another instrument; of stations alone.
        ([("HHZ", None, None, 0, 9), ("BHN", 0.0, 0.0, 0, 9)], ["give no azimuth and dip of Z, N"]),
        ([], ["hold none of its channels at this time"]),
        # Zeros that nobody filled in: else the vertical component would be the north one, and N be left out.
        ([("HHZ", 0.0, 0.0, 0, 9), ("HHN", 0.0, 0.0, 0, 9)], ["give no possible azimuth and dip of Z"]),
        ([("HHZ", 0.0, 0.0, 0, 9), ("HHN", 0.0, -90.0, 0, 9)], ["give no possible azimuth and dip of Z, N"]),
    ],
)
def test_what_station_metadata_do_not_orient_is_told(channels, told, tmp_path, make_trace, noise):
    stream = obspy.Stream([make_trace(noise(500, k), f"GE.APE..HH{c}") for k, c in enumerate("ZN")])
    stations = read_stations((write_stations(tmp_path / "s.xml", *channels),))
    [record], _ = condition(stream, sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)
    assert [flag.what for flag in record.flags] == [f"the station metadata {what}: letters decide" for what in told]
    assert record.present.tolist() == [True, True, False]
    [plain], _ = condition(stream, sampling_rate_hz=100.0, shortest_s=1.0)
    assert not plain.flags


@pytest.mark.parametrize(
    ("letters", "axes", "sources"),
    [
        ("ZNE", [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)], [0, 1, 2]),  # nobody filled them in
        ("Z12", [(0.0, -90.0), (0.0, 0.0), (0.0, 0.0)], [0, 1, 2]),
        ("ZNE", [(0.0, -90.0), (90.0, 0.0), (0.0, 0.0)], [0, 2, 1]),  # cables that were swapped
    ],
)
def test_two_components_cannot_point_north_but_may_be_swapped(letters, axes, sources, tmp_path, make_trace, noise):
    data = [noise(500, k) for k in range(3)]
    stream = obspy.Stream([make_trace(x, f"GE.APE..HH{c}") for x, c in zip(data, letters, strict=True)])
    channels = [(f"HH{c}", *axis, 0, 9) for c, axis in zip(letters, axes, strict=True)]
    stations = read_stations((write_stations(tmp_path / "s.xml", *channels),))
    [record], rejections = condition(stream, sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)
    assert rejections == []
    assert [np.array_equal(record.data[row], data[k].astype(np.float32)) for row, k in enumerate(sources)] == [True] * 3


@pytest.mark.parametrize(("azimuth", "starts"), [(180.0, [0, 300]), (5.0, [0])])
def test_a_record_is_cut_where_a_component_turns(azimuth, starts, tmp_path, make_trace, noise):
    """The last sample of the first epoch is that at midnight, where the second begins as well."""
    path = write_stations(tmp_path / "s.xml", ("HHN", 0.0, 0.0, 0, 1), ("HHN", azimuth, 0.0, 1, 9))
    start_ns, data = START_NS + 86_397 * NS_PER_S + 10_000_000, noise(700)
    records, rejections = condition(
        obspy.Stream([make_trace(data, "GE.APE..HHN", start_ns=start_ns)]),
        sampling_rate_hz=100.0,
        shortest_s=1.0,
        stations=read_stations((path,)),
    )
    assert rejections == [] and [round((r.start_ns - start_ns) / 1e7) for r in records] == starts
    turned = np.concatenate([record.data[1] * sign for record, sign in zip(records, (1, -1), strict=False)])
    np.testing.assert_allclose(turned, data, atol=1e-5)


def test_a_borehole_sensor_of_which_iris_knew_no_direction_keeps_its_vertical_component(make_trace, noise):
    """Of IU.ANMO.10, BH1, BH2 and BHZ alike were level, with an azimuth of 243 degrees, until 2014."""
    stations = read_stations((Path(obspy.__file__).parent / "core/tests/data/IU_ANMO_BH.xml",))
    start_ns = obspy.UTCDateTime(2013, 1, 1).ns
    traces = [make_trace(noise(500, k), f"IU.ANMO.10.BH{c}", start_ns=start_ns) for k, c in enumerate("Z12")]
    [record], [rejection] = condition(obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0, stations=stations)
    np.testing.assert_allclose(record.data[0], traces[0].data, atol=1e-5)
    np.testing.assert_allclose(record.data[2], -traces[1].data, atol=1e-5)
    assert "component 2" in rejection.reason


def test_two_components_along_one_axis_give_no_mixture(tmp_path, make_trace, noise):
    path = write_stations(tmp_path / "s.xml", ("HHN", 0.0, 0.0, 0, 9), ("HHE", 10.0, 0.0, 0, 9))
    traces = [make_trace(noise(500, k), f"GE.APE..HH{c}") for k, c in enumerate("EN")]
    _, [rejection] = condition(
        obspy.Stream(traces), sampling_rate_hz=100.0, shortest_s=1.0, stations=read_stations((path,))
    )
    assert "component E" in rejection.reason


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


# Models


def model_of(untrained_model, **settings):
    return Model("m", replace(untrained_model.stored, preprocess=asdict(PreprocessConfig(**settings))))


def test_a_model_without_responses_picks_from_python_what_the_command_picks(
    tmp_path, make_trace, noise, untrained_model
):
    """Three axes of a Galperin sensor, with its inventory in memory, as a file, and as several."""
    path = write_stations(
        tmp_path / "s.xml", *((f"HH{letter}", *axis, 0, 9) for letter, axis in GALPERIN.items()), response=geophone()
    )
    stream = obspy.Stream([make_trace(noise(6000, k), f"GE.APE..HH{letter}") for k, letter in enumerate(GALPERIN)])
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    model, config = model_of(untrained_model, response="velocity"), PickConfig(thresholds={"P": 0.3, "S": 0.3})
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


@pytest.mark.parametrize("inventory", [None, "s.xml"])
def test_a_stream_for_a_model_without_responses_is_refused(inventory, untrained_model, tmp_path):
    write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 9), response=geophone())
    model = model_of(untrained_model, response="velocity")
    with pytest.raises(ConfigError, match="a response is removed from whole segments"):
        model.stream(inventory=tmp_path / inventory if inventory else None)


LEVEL = {"1": (0.0, 0.0), "2": (90.0, 0.0), "Z": (0.0, -90.0)}


@pytest.mark.parametrize("size", [1, 411])
@pytest.mark.parametrize(("rate_hz", "unknown_s"), [(100.0, 0), (80.0, 1)])
@pytest.mark.parametrize(
    "epochs",
    [
        (GALPERIN, {k: (azimuth + 20, dip) for k, (azimuth, dip) in GALPERIN.items()}),
        (LEVEL, LEVEL | {"1": (180, 0)}),
        (dict(zip(LEVEL, GALPERIN.values(), strict=True)), LEVEL | {"1": (120, 0), "2": (210, 0)}),
    ],
    ids=["askew", "level", "askew, then level"],
)
def test_a_stream_hears_what_its_recording_gives_also_where_components_turn(
    epochs, rate_hz, unknown_s, size, tmp_path, make_trace, noise, untrained_model
):
    """At midnight some point elsewhere; the metadata may not know where to in the last second before."""
    days = [(0, 1 - unknown_s / 86_400), (1, 2)]
    channels = [(f"HH{k}", *axis, *day) for day, axes in zip(days, epochs, strict=True) for k, axis in axes.items()]
    start_ns, n = START_NS + 86_380 * NS_PER_S, round((20 + 25) * rate_hz)
    stream = obspy.Stream(
        [make_trace(noise(n, i), f"GE.APE..HH{k}", start_ns=start_ns, rate_hz=rate_hz) for i, k in enumerate(epochs[0])]
    )
    inventory = obspy.read_inventory(str(write_stations(tmp_path / "s.xml", *channels)))
    expected, _ = untrained_model.records(stream, inventory)
    assert len(expected) == 2
    heard = []

    def follow(head, config):
        parts = []
        heard.append((head, parts))
        return SimpleNamespace(add=lambda x, last=False: parts.append(x) or SimpleNamespace(picks=[], detections=[]))

    listener = SimpleNamespace(preprocess=untrained_model.preprocess, records=untrained_model.records, follow=follow)
    streaming = Streaming(listener, inventory=inventory)
    for i in range(0, n, size):
        for trace in stream:
            at_ns = start_ns + round(i * NS_PER_S / rate_hz)
            streaming.add(make_trace(trace.data[i : i + size], trace.id, start_ns=at_ns, rate_hz=rate_hz))
    streaming.finish()
    assert [head.start_ns for head, _ in heard] == [record.start_ns for record in expected]
    for (_, parts), record in zip(heard, expected, strict=True):
        np.testing.assert_allclose(np.concatenate(parts, axis=1), record.data, atol=1e-6)


def test_a_stream_tells_what_is_to_be_said_of_its_records_as_a_scan_does(tmp_path, make_trace, noise, untrained_model):
    stream = obspy.Stream([make_trace(noise(2400, k), f"GE.APE..HH{c}", rate_hz=80.0) for k, c in enumerate("Z1")])
    stream += make_trace(noise(2400, 2), "GE.APE..HHZ", rate_hz=80.0, start_ns=START_NS + 60 * NS_PER_S)
    inventory = write_stations(tmp_path / "s.xml", ("HHZ", 0.0, -90.0, 0, 9))
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    [source] = find_sources([str(tmp_path / "a.mseed")], Reading(), inventory=[inventory])
    expected = classify_source(source, SourceJob(untrained_model)).rejections
    streaming = untrained_model.stream(inventory=inventory)
    for packet in stream.slide(0.9875, 1.0, include_partial_windows=True):
        streaming.add(packet)
    streaming.finish()
    assert sorted(streaming.rejections) == sorted(expected)
    assert {rejection.reason for rejection in expected} == {
        "used, but the station metadata give no azimuth and dip of 1: letters decide",
        "used, but 1 stands in for N",
        "used, but resampled from 80 to 100 Hz",
        "used, but E was not recorded",
        "used, but N, E were not recorded",
    }
