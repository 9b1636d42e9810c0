"""Components go where their azimuth and dip say, by letter where nobody knows, and what stands askew is rotated."""

from pathlib import Path

import numpy as np
import obspy
import pytest
from obspy.signal.rotate import rotate2zne

from seisnet.classification.one_source import Classification
from seisnet.errors import DataError
from seisnet.formats.picks import write_picks
from seisnet.picks import Pick
from seisnet.report.classification import Origin, classification_metrics
from seisnet.report.figures import FIGURES
from seisnet.report.folder import write_json
from seisnet.report.viewer import open_picked
from seisnet.waveforms.axes import axis_of, directions, row_and_sign
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.inventory import channel_at, read_stations
from seisnet.waveforms.records import NS_PER_S, reasons
from tests.stations import GALPERIN, askew, write_stations

START_NS = 1_577_836_800 * NS_PER_S


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
