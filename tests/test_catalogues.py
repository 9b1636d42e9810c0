"""Picks and classes are read from QuakeML, SCML and the other catalogues that ObsPy reads."""

import bz2
import gzip
import math
import re
import shutil
from pathlib import Path

import obspy
import pytest
from lxml import etree
from obspy.core.event import Arrival, Catalog, Event, Origin, QuantityError, WaveformStreamID
from obspy.core.event import Pick as QuakeMLPick
from obspy.core.util.base import ENTRY_POINTS

from seisnet.errors import DataError
from seisnet.formats.picks import write_picks
from seisnet.labels import events
from seisnet.labels.phases import phase_class
from seisnet.labels.reading import read_classes, read_labels
from seisnet.picks import Pick
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S


def pick(seconds=10.0, phase="P"):
    return Pick("GE", "APE", "", "HH", phase, START_NS + round(seconds * NS_PER_S))


def quakeml_pick(seconds=10.0, codes=("GE", "APE", "", "HHZ"), **options):
    time = obspy.UTCDateTime(ns=START_NS + round(seconds * NS_PER_S))
    waveform_id = WaveformStreamID(*codes) if codes else None
    return QuakeMLPick(time=time, waveform_id=waveform_id, **options)


def write_catalogue(path, *picks, arrivals=()):
    event = Event(resource_id="smi:local/ev1", picks=list(picks))
    if arrivals:
        time = obspy.UTCDateTime(ns=START_NS)
        event.origins.append(Origin(time=time, latitude=0.0, longitude=0.0, arrivals=list(arrivals)))
    Catalog([event]).write(str(path), format="QUAKEML")
    return path


def test_a_catalogue_without_picks_says_that_origins_name_no_onset(tmp_path):
    with pytest.raises(DataError, match=r"origins alone give no onsets .*includearrivals=true"):
        read_labels([write_catalogue(tmp_path / "empty.xml")])


@pytest.mark.parametrize("with_event", [True, False])
def test_picks_of_a_file_without_origins_are_labels_of_no_event(with_event, tmp_path):
    """SeisComP's pickers write such files before there is an origin, and seisnet does."""
    path = tmp_path / "picks.xml"
    picks = [pick(), pick(12.0, phase="S")]
    write_picks(picks, path, "sc3ml")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if with_event or "<event " not in line))
    found = read_labels([path])
    assert [(p.trace_id, p.phase, p.time_ns, p.event_id) for p in found] == [
        (p.trace_id, p.phase, p.time_ns, "") for p in picks
    ]
    assert [p.weight for p in found] == [0.5, 0.5]  # automatic, and nobody has looked at them
    with pytest.raises(DataError, match=r"holds no usable label: a pick outside any event has no class \(2\)"):
        read_classes([path])


@pytest.mark.parametrize("layout", ["QUAKEML", "SCML"])
def test_picks_beside_events_are_labels_of_no_event_unless_they_are_of_their_onsets(layout, tmp_path):
    seconds = {"in": 10.0, "near": 10.4, "other": 70.0}  # the second may be a machine's, of the first's onset
    path = tmp_path / "c.xml"
    picks = {name: quakeml_pick(s, phase_hint="P", resource_id=f"smi:local/{name}") for name, s in seconds.items()}
    arrivals = [Arrival(pick_id=p.resource_id, phase="P") for p in picks.values()]
    write_catalogue(path, *picks.values(), arrivals=arrivals)
    if layout == "SCML":
        name = layout if layout in ENTRY_POINTS["event_write"] else "SC3ML"
        obspy.read_events(str(path)).write(str(path), format=name)
    tree = etree.parse(path)
    [parameters] = tree.getroot()
    for arrival in list(parameters.iter("{*}arrival")):
        if arrival.findtext("{*}pickID") != "smi:local/in":
            arrival.getparent().remove(arrival)
    for beside in list(parameters.iter("{*}pick")):
        if beside.get("publicID") != "smi:local/in":
            parameters.append(beside)
    tree.write(str(path))
    assert len(obspy.read_events(str(path))[0].picks) == 1
    rejections = []
    found = read_labels([path], rejections)
    assert [(p.time_ns, p.event_id) for p in found] == [
        (START_NS + 10 * NS_PER_S, "smi:local/ev1"),
        (START_NS + 70 * NS_PER_S, ""),
    ]
    assert [r.reason for r in rejections] == ["a second pick of the same onset"]


@pytest.mark.parametrize("file_format", ["sc3ml", "quakeml"])
def test_many_loose_picks_are_read_a_few_at_a_time(file_format, tmp_path, monkeypatch):
    """ObsPy's time rises with the square of their number, where the file is of SeisComP."""
    real, given = obspy.read_events, []

    def spy(*args):
        catalogue = real(*args)
        given.append([len(event.picks) for event in catalogue])
        return catalogue

    monkeypatch.setattr(obspy, "read_events", spy)
    monkeypatch.setattr(events, "AT_ONCE", 2)
    path = tmp_path / "picks.xml"
    picks = [pick(100.0 * n) for n in range(5)]
    write_picks(picks, path, file_format)
    tree = etree.parse(path)
    [parameters] = tree.getroot()
    for event in parameters.findall("{*}event"):
        parameters.extend(event.findall("{*}pick"))
        parameters.remove(event)
    tree.write(str(path))
    assert [p.time_ns for p in read_labels([path])] == [p.time_ns for p in picks]
    assert given == [[], [2], [2], [1]]


@pytest.mark.parametrize("ending", ["gz", "bz2", "zip", "tar.gz"])
def test_picks_beside_events_are_found_in_compressed_catalogues_too(ending, tmp_path):
    path, packed = tmp_path / "picks.xml", tmp_path / f"picks.xml.{ending}"
    write_picks([pick(), pick(12.0, phase="S")], path, "sc3ml")
    if ending in ("gz", "bz2"):
        packed.write_bytes({"gz": gzip, "bz2": bz2}[ending].compress(path.read_bytes()))
    else:
        kind = "zip" if ending == "zip" else "gztar"
        shutil.make_archive(str(path), kind, tmp_path, path.name)
    assert read_labels([packed]) == read_labels([path])


def test_quakeml_keeps_codes_times_hints_errors_and_events(tmp_path):
    path = write_catalogue(
        tmp_path / "c.xml",
        quakeml_pick(
            10.123456, ("GE", "APE", "00", "HHZ"), phase_hint="Pg", time_errors=QuantityError(uncertainty=0.1)
        ),
        quakeml_pick(12.5, ("GE", "APE", "", "HHN"), phase_hint="S"),
    )
    p, s = read_labels([path])
    assert (p.trace_id, p.phase, p.uncertainty_s, p.event_id) == ("GE.APE.00.HH", "Pg", 0.1, "smi:local/ev1")
    assert p.time_ns == START_NS + 10_123_456_000
    assert (s.trace_id, s.phase) == ("GE.APE..HH", "S")
    assert math.isnan(s.uncertainty_s)


def test_a_pick_without_hint_takes_the_phase_of_its_arrival(tmp_path):
    bare = quakeml_pick()
    path = write_catalogue(tmp_path / "c.xml", bare, arrivals=[Arrival(pick_id=bare.resource_id, phase="Sn")])
    assert [p.phase for p in read_labels([path])] == ["Sn"]


@pytest.mark.parametrize("preferred", ["smi:local/o1", "smi:local/o2"])
def test_a_pick_without_hint_takes_the_phase_of_the_preferred_origin(tmp_path, preferred):
    bare = quakeml_pick()
    origins = [
        Origin(
            resource_id=f"smi:local/o{k}",
            time=obspy.UTCDateTime(ns=START_NS),
            latitude=0.0,
            longitude=0.0,
            arrivals=[Arrival(pick_id=bare.resource_id, phase=phase)],
        )
        for k, phase in ((1, "S"), (2, "P"))
    ]
    event = Event(resource_id="smi:local/ev1", picks=[bare], origins=origins, preferred_origin_id=preferred)
    Catalog([event]).write(str(tmp_path / "c.xml"), format="QUAKEML")
    assert [p.phase for p in read_labels([tmp_path / "c.xml"])] == ["S" if preferred.endswith("1") else "P"]


def test_blanks_and_dashes_in_codes_of_a_catalogue_name_nothing(tmp_path):
    picks = [
        quakeml_pick(10, ("GE ", "APE  ", "  ", "HHZ"), phase_hint="P"),
        quakeml_pick(20, ("--", "APE", "??", "HHZ")),
    ]
    path = write_catalogue(tmp_path / "c.xml", *picks)
    assert [p.trace_id for p in read_labels([path])] == ["GE.APE..HH", ".APE..HH"]


@pytest.mark.parametrize("name", ["gse2/tests/data/bulletin/gse_2.0_standard.txt", "pde/tests/data/mchedr.dat"])
def test_a_network_that_the_format_does_not_name_is_empty(name):
    """ObsPy's readers write XX, and two blanks, which are no network of any waveform."""
    assert {p.network for p in read_labels([Path(obspy.__file__).parent / "io" / name])} == {""}


def test_components_of_one_onset_in_a_file_of_seisan_are_one_pick():
    """GOVA has an S at 37.60 s on SE and on SN: a type of instrument and a component."""
    picks = read_labels([Path(obspy.__file__).parent / "io/nordic/tests/data/bad_picks.sfile"])
    assert [(p.channel, p.phase) for p in picks if p.station == "GOVA"] == [("S", "S")]


def test_phases_of_seismic_handler_are_its_names_and_not_its_flags():
    path = Path(obspy.__file__).parent / "io/sh/tests/data/local1.evt"  # of the last pick's event there is no location
    expected = [("MOX", "Pg"), ("MOX", "Sg"), ("CLL", "Sg")]
    assert [(p.station, p.phase) for p in read_labels([path])] == expected


def test_an_event_that_obspy_leaves_out_is_told(tmp_path):
    events = [
        Event(
            resource_id=f"smi:local/{k}", event_type="quarry blast", picks=[quakeml_pick(10 + 60 * k, phase_hint="P")]
        )
        for k in range(2)
    ]
    Catalog(events).write(str(tmp_path / "c.xml"), format="QUAKEML")
    text = (tmp_path / "c.xml").read_text().replace("quarry blast", "quarry", 1)
    (tmp_path / "c.xml").write_text(text)
    rejections = []
    assert [p.event_id for p in read_labels([tmp_path / "c.xml"], rejections)] == ["smi:local/1"]
    [rejection] = rejections
    assert rejection.reason.startswith("ObsPy: Event type 'quarry' does not comply with QuakeML")


@pytest.mark.parametrize(
    ("written", "instead", "lost"),
    [("EVENT 280435", "EVENT", 9), ("07:31:44.1   0.2", "07:31:44.1 *****", 1), ("07:31:44.1", "07:31:4x.1", 1)],
)
def test_a_row_of_a_bulletin_that_obspy_passes_over_is_told(written, instead, lost, tmp_path):
    path = Path(obspy.__file__).parent / "io/gse2/tests/data/bulletin/gse_2.0_2_events.txt"
    rejections = []
    assert len(read_labels([path], rejections)) == 16 and not rejections
    text = path.read_text()
    assert written in text
    (tmp_path / "b.txt").write_text(text.replace(written, instead, 1))
    assert len(read_labels([tmp_path / "b.txt"], rejections)) == 16 - lost
    assert [r.reason for r in rejections] == ["ObsPy: a row of a pick is passed over"] * lost


def test_messages_of_a_bulletin_that_obspy_passes_over_are_told(tmp_path):
    path = Path(obspy.__file__).parent / "io/iaspei/tests/data/19670130012028.isf"
    rejections = []
    found = read_labels([path], rejections)
    assert len(found) == 255 and not rejections
    (tmp_path / "two.isf").write_bytes(2 * path.read_bytes())
    assert len(read_labels([tmp_path / "two.isf"], rejections)) == 255
    assert [r.reason for r in rejections] == ["ObsPy: a row of a pick is passed over"] * 255


def test_rejected_picks_are_told_and_missing_codes_are_no_trouble(tmp_path):
    path = write_catalogue(
        tmp_path / "c.xml",
        quakeml_pick(1, evaluation_status="rejected", phase_hint="P"),
        quakeml_pick(2, None, phase_hint="P"),
    )
    rejections = []
    [found] = read_labels([path], rejections)
    assert found.trace_id == "..."
    [rejection] = rejections
    assert (rejection.trace_id, rejection.reason) == ("GE.APE..HH", "a pick that an analyst rejected")
    assert read_labels([path]) == [found]


def test_events_without_picks_are_counted(tmp_path):
    """Of a class above all: a catalogue with the picks of some of its events only is no list of all rockfalls."""
    events = [Event(event_type="explosion", picks=[quakeml_pick(10, phase_hint="P")] * (k == 1)) for k in range(3)]
    Catalog(events).write(str(tmp_path / "c.xml"), format="QUAKEML")
    for read in (read_labels, read_classes):
        rejections = []
        assert len(read([tmp_path / "c.xml"], rejections)) == 1
        assert [r.reason for r in rejections] == ["an event without picks"] * 2


def test_picks_of_an_event_that_is_said_not_to_exist_are_told_and_no_labels(tmp_path):
    events = [
        Event(resource_id=f"smi:local/{k}", event_type=kind, picks=[quakeml_pick(10 + 60 * k, phase_hint="P")])
        for k, kind in enumerate(("earthquake", "not existing"))
    ]
    Catalog(events).write(str(tmp_path / "c.xml"), format="QUAKEML")
    rejections = []
    assert [p.event_id for p in read_labels([tmp_path / "c.xml"], rejections)] == ["smi:local/0"]
    told = [(START_NS + 70 * NS_PER_S, "a pick of an event that is said not to exist")]
    assert [(r.start_ns, r.reason) for r in rejections] == told


def test_picks_of_an_event_that_the_first_file_says_not_to_exist_are_no_labels_in_another_either(tmp_path):
    for name, kinds in (("analyst", ("earthquake", "not existing")), ("machine", (None, None))):
        events = [
            Event(resource_id=f"smi:local/{name}/{k}", event_type=kind, picks=[quakeml_pick(10 + 60 * k)])
            for k, kind in enumerate(kinds)
        ]
        Catalog(events).write(str(tmp_path / f"{name}.xml"), format="QUAKEML")
    rejections = []
    assert len(read_labels([tmp_path / "analyst.xml", tmp_path / "machine.xml"], rejections)) == 1
    assert "rejected in an earlier file" in [r.reason for r in rejections]


def test_a_pick_without_a_time_is_told(tmp_path):
    path = write_catalogue(tmp_path / "c.xml", quakeml_pick(1, phase_hint="P"), QuakeMLPick(phase_hint="S"))
    rejections = []
    assert len(read_labels([path], rejections)) == 1
    assert [r.reason for r in rejections] == ["a pick without a time that ObsPy can read"]


def test_a_pick_of_a_mistyped_year_is_told_and_the_rest_goes_on(tmp_path):
    wrong = QuakeMLPick(time=obspy.UTCDateTime(2919, 1, 1), phase_hint="S")
    rejections = []
    path = write_catalogue(tmp_path / "c.xml", quakeml_pick(1, phase_hint="P"), wrong)
    assert [p.phase for p in read_labels([path], rejections)] == ["P"]
    assert [tuple(r) for r in rejections] == [("...", 0, 0, "a pick whose time lies before 1678 or after 2261")]


@pytest.mark.parametrize(
    ("mode", "status", "uncertainty_s", "weight"),
    [
        (None, None, None, 1.0),
        ("manual", None, None, 1.0),
        ("automatic", None, None, 0.5),
        ("automatic", "preliminary", None, 0.5),
        ("automatic", "reviewed", None, 1.0),
        ("automatic", "confirmed", None, 1.0),
        ("manual", "preliminary", 0.1, 1.0),
        ("manual", "final", 0.5, 0.2),
        ("automatic", None, 0.2, 0.25),
        ("manual", None, 60.0, 0.1),
    ],
)
def test_how_a_pick_was_made_and_how_sure_it_is_become_its_weight(tmp_path, mode, status, uncertainty_s, weight):
    errors = QuantityError(uncertainty=uncertainty_s) if uncertainty_s else None
    pick_ = quakeml_pick(phase_hint="P", evaluation_mode=mode, evaluation_status=status, time_errors=errors)
    [found] = read_labels([write_catalogue(tmp_path / "c.xml", pick_)])
    assert found.weight == pytest.approx(weight)


@pytest.mark.parametrize(
    ("errors", "uncertainty_s", "weight"),
    [
        ({"lower_uncertainty": 0.3, "upper_uncertainty": 0.5}, 0.4, 0.25),
        ({"upper_uncertainty": 0.2}, 0.2, 0.5),
        ({"uncertainty": -1.0}, math.nan, 1.0),  # as NonLinLoc writes what is not known
    ],
)
def test_an_uncertainty_with_two_sides_is_their_mean_and_a_negative_one_is_none(
    tmp_path, errors, uncertainty_s, weight
):
    path = write_catalogue(tmp_path / "c.xml", quakeml_pick(phase_hint="P", time_errors=QuantityError(**errors)))
    [found] = read_labels([path])
    assert (found.uncertainty_s, found.weight) == pytest.approx((uncertainty_s, weight), nan_ok=True)


@pytest.mark.parametrize(
    ("name", "n_picks"),
    [
        ("nordic/tests/data/01-0411-15L.S201309", 17),
        ("nlloc/tests/data/nlloc.hyp", 5),
        ("hypodd/tests/data/example.pha", 4),
        ("iaspei/tests/data/ipe202409sel_ims.txt", 13),
    ],
)
def test_catalogues_in_other_formats_that_obspy_reads_are_labels_too(name, n_picks):
    picks = read_labels([Path(obspy.__file__).parent / "io" / name])
    assert len(picks) == n_picks
    assert {phase_class(p.phase) for p in picks} <= {"P", "S", ""}
    assert any(phase_class(p.phase) == "P" for p in picks)


def test_weights_of_seisan_and_hypodd_are_kept_and_what_has_none_is_no_label():
    folder = Path(obspy.__file__).parent / "io"
    picks = read_labels([folder / "nordic/tests/data/03-0345-23L.S202101"])
    weights = {(p.station, p.phase): p.weight for p in picks}
    assert weights["BAS17", "P"] == 0.5
    assert sum(weight < 1 for weight in weights.values()) == 1
    (unused,) = (p for p in picks if p.phase.endswith(" of weight 0"))
    assert (unused.phase, phase_class(unused.phase)) == ("S of weight 0", "")
    hypodd = read_labels([folder / "hypodd/tests/data/example.pha"])
    assert {p.station: p.weight for p in hypodd} == {"FUR": 1.0, "WET": 1.0, "UBR": 0.7, "WERD": 1.0}


def test_a_pick_without_weight_or_with_a_negative_one_in_a_file_of_hypodd(tmp_path):
    path = tmp_path / "one.pha"
    path.write_text("# 2025 5 14 14 35 35.51 40.2 10.4 9.4 3.5 0.0 0.0 0.0 7\nFUR 3.5 0.0 P\nWET 5.8 -0.5 S\n")
    assert [(p.phase, p.weight) for p in read_labels([path])] == [("P of weight 0", 1.0), ("S", 0.5)]


def test_a_reading_that_nonlinloc_must_not_use_is_no_label_and_its_older_format_has_no_weights(tmp_path):
    folder = Path(obspy.__file__).parent / "io/nlloc/tests/data"
    lines = (folder / "nlloc_v7.hyp").read_text().splitlines(keepends=True)
    k = next(k for k, line in enumerate(lines) if line.startswith("NWAO") and " S " in line)
    lines[k] = lines[k].replace("1.0000 >", "0.0000 >")
    (tmp_path / "two.hyp").write_text("".join(lines) + (folder / "nlloc_custom.hyp").read_text())
    phases = [p.phase for p in read_labels([tmp_path / "two.hyp"])]
    assert (phases[8:], sorted(phases[:8])) == (["P", "S of weight 0", "P"], [*"PPPPSSSS"])


@pytest.mark.parametrize("beside", ["", "PHASE ID\nANMO a row of no event\nEND_PHASE\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_weights_of_nonlinloc_are_those_of_the_rows_of_its_events(beside, end, tmp_path):
    """With a table beside them, all weights were once passed over in silence."""
    text = (Path(obspy.__file__).parent / "io/nlloc/tests/data/nlloc_v7.hyp").read_text()
    text = text.replace("1.0000 >", "0.0000 >", 1).replace("1.0000 >", "0.5000 >", 1)
    without_picks = re.sub("^PHASE .*^END_PHASE\n", "", text, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "a.hyp").write_text(without_picks + text + beside, newline=end)
    found = read_labels([tmp_path / "a.hyp"])
    assert sorted((p.phase, p.weight) for p in found) == [("P", 1.0), ("P of weight 0", 1.0), ("S", 0.5)]


@pytest.mark.parametrize(
    "name", ["nordic/tests/data/select.out", "nlloc/tests/data/nlloc.hyp", "iaspei/tests/data/19670130012028.isf"]
)
def test_events_of_formats_without_names_for_them_are_called_alike_at_every_reading(name, tmp_path):
    """ObsPy draws random names, by which events would come into other splits each time."""
    path = Path(obspy.__file__).parent / "io" / name
    first, again, copied = (read_labels([p]) for p in (path, path, Path(shutil.copy(path, tmp_path))))
    assert first == again == copied
    n_events = sum(bool(event.picks) for event in obspy.read_events(str(path)))
    assert n_events / 2 < len({pick.event_id for pick in first}) <= n_events  # agencies share onsets


def test_a_name_that_is_written_in_the_catalogue_stays(tmp_path):
    name = "smi:local/0b7d8b4e-9b1f-4b43-8b43-1f0f4a8a6f3e"
    path = tmp_path / "catalogue.xml"
    Catalog([Event(resource_id=name, picks=[quakeml_pick()])]).write(str(path), format="QUAKEML")
    assert [pick.event_id for pick in read_labels([path])] == [name]


def test_brackets_in_the_name_of_a_catalogue_are_no_pattern(tmp_path):
    path = write_catalogue(tmp_path / "picks [2020].xml", quakeml_pick(phase_hint="P"))
    assert len(read_labels([path])) == 1


def test_several_files_of_labels_give_one_list_in_order_of_time(tmp_path):
    (tmp_path / "a.csv").write_text("network,station,time,phase\nGE,APE,1577836820,S\n")
    write_catalogue(tmp_path / "b.xml", quakeml_pick(phase_hint="P"))
    assert [p.phase for p in read_labels([tmp_path / "a.csv", tmp_path / "b.xml"])] == ["P", "S"]


def test_types_of_events_are_classes_from_first_to_last_pick_of_a_station(tmp_path):
    picks = [quakeml_pick(t, ("GE", s, "", c), phase_hint="P") for t, s, c in
             [(10, "APE", "HHZ"), (14, "APE", "HHN"), (12, "XYZ", "HHZ")]]  # fmt: skip
    typed = Event(resource_id="smi:local/ev1", event_type="quarry blast", picks=picks)
    bare = Event(resource_id="smi:local/ev2", picks=[quakeml_pick(50, phase_hint="P")])
    Catalog([typed, bare]).write(str(tmp_path / "c.xml"), format="QUAKEML")
    rejections = []
    ape, xyz = read_classes([tmp_path / "c.xml"], rejections)
    assert (ape.station, ape.label, ape.event_id) == ("APE", "quarry blast", "smi:local/ev1")
    assert (ape.start_ns, ape.end_ns) == (START_NS + 10 * NS_PER_S, START_NS + 14 * NS_PER_S)
    assert xyz.start_ns == xyz.end_ns == START_NS + 12 * NS_PER_S
    assert [r.reason for r in rejections] == ["an event without a type has no class"]
