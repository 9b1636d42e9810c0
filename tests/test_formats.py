"""Picks leave as CSV and QuakeML and come back; the columns are a contract."""

import io
import math
import re
import shutil
import tracemalloc

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seisnet
from seisnet.errors import ConfigError, DataError
from seisnet.formats.own_csv import picks_csv, read_detections_csv, read_picks_csv
from seisnet.formats.picks import kinds_of, read_picks, write_picks
from seisnet.formats.probabilities import probability_stream
from seisnet.formats.quakeml import detections_quakeml, picks_quakeml
from seisnet.labels.catalogues import catalogue_picks
from seisnet.labels.reading import read_labels
from seisnet.picks import Detection, Pick, in_order
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.datasets import read_dataset
from seisnet.waveforms.records import NS_PER_S, Rejection

START_NS = 1_577_836_800 * NS_PER_S
HEADER = "network,station,location,channel,phase,time,probability,uncertainty_s,snr_db,model,threshold"

PICKS = [
    Pick("GE", "APE", "", "HH", "S", START_NS + 3_123_456_000, 0.75, 0.05, 12.34, "phase", 0.4),
    Pick("GE", "APE", "", "HH", "P", START_NS + 1_000_000_000, 0.98765, model="phase", threshold=0.5),
    Pick("", "MBGA", "J", "S", "P", START_NS + 1_000_000_000, 0.5),
    Pick("GE", "APE", "00", "?H", "P", START_NS + 200 * NS_PER_S, 0.5, model="my model (v2), new"),
]


# CSV


def test_the_csv_is_exactly_what_the_contract_says():
    assert picks_csv(PICKS) == (
        f"{HEADER}\n"
        ",MBGA,J,S,P,2020-01-01T00:00:01.000000Z,0.5000,,,,\n"
        "GE,APE,,HH,P,2020-01-01T00:00:01.000000Z,0.9877,,,phase,0.5000\n"
        "GE,APE,,HH,S,2020-01-01T00:00:03.123456Z,0.7500,0.050,12.3,phase,0.4000\n"
        'GE,APE,00,?H,P,2020-01-01T00:03:20.000000Z,0.5000,,,"my model (v2), new",\n'
    )


def test_the_header_is_written_when_there_are_no_picks():
    assert picks_csv([]) == f"{HEADER}\n"


def test_order_is_by_time_trace_and_phase_whatever_comes_in():
    for picks in (PICKS, PICKS[::-1], PICKS[2:] + PICKS[:2]):
        assert picks_csv(picks) == picks_csv(PICKS)
    keys = [(p.time_ns, p.trace_id, p.phase) for p in in_order(PICKS)]
    assert keys == sorted(keys)


codes = st.text("ABCZ019?", max_size=5)
figures = st.one_of(st.just(math.nan), st.floats(0, 1))
any_pick = st.builds(
    Pick,
    network=codes,
    station=codes,
    location=codes,
    channel=codes,
    phase=st.sampled_from(["P", "S"]),
    time_ns=st.integers(0, 4 * 10**15).map(lambda us: us * 1000),
    probability=figures,
    uncertainty_s=figures,
    snr_db=st.one_of(st.just(math.nan), st.floats(-40, 90)),
    model=st.text("abc ,\"'é-", max_size=8),
    threshold=figures,
)


@given(picks=st.lists(any_pick, max_size=5))
@settings(max_examples=100)
def test_what_is_written_as_csv_comes_back(picks, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "picks.csv"
    write_picks(picks, path, "csv")
    found = read_picks_csv(path)
    assert picks_csv(found) == picks_csv(picks)
    for a, b in zip(found, in_order(picks), strict=True):
        assert (a.network, a.station, a.location, a.channel, a.phase, a.time_ns, a.model) == (
            b.network,
            b.station,
            b.location,
            b.channel,
            b.phase,
            b.time_ns,
            b.model,
        )
        np.testing.assert_allclose(
            [a.probability, a.uncertainty_s, a.snr_db, a.threshold],
            [b.probability, b.uncertainty_s, b.snr_db, b.threshold],
            atol=0.0501,
        )


BAD = {
    "a missing file": (None, "No such file"),
    "an empty file": (b"", "its columns are network,station"),
    "other columns": (b"network,station,time,phase\nGE,APE,1,P\n", "its columns are network,station"),
    "columns in another order": (("station,network" + HEADER[15:] + "\n").encode(), "its columns are network,station"),
    "bytes": (bytes(range(128, 256)), "can't decode"),
    "a cut row": (f"{HEADER}\nGE,APE,,HH,P,2020-01-01\n".encode(), "cut short or broken"),
    "a long row": (f"{HEADER}\nGE,APE,,HH,P,2020-01-01,0.5,,,phase,0.5,more\n".encode(), "cut short or broken"),
    "a bad time": (f"{HEADER}\nGE,APE,,HH,P,noon,0.5,,,phase,0.5\n".encode(), "line 2: time 'noon'"),
    "a bad figure": (
        f"{HEADER}\nGE,APE,,HH,P,2020-01-01,high,,,phase,0.5\n".encode(),
        "line 2: probability 'high' is not a number",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_csv_of_picks_is_one_clear_line(what, tmp_path):
    content, message = BAD[what]
    path = tmp_path / "picks.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_picks_csv(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_any_picks_are_our_own_csv_or_labels(tmp_path):
    write_picks(PICKS, tmp_path / "ours.csv", "csv")
    (tmp_path / "labels.csv").write_text("network,station,time,phase\nGE,APE,1577836801,P\n")
    write_picks(PICKS, tmp_path / "picks.xml", "quakeml")
    bom = tmp_path / "bom.csv"
    bom.write_bytes(b"\xef\xbb\xbf" + (tmp_path / "ours.csv").read_bytes())
    assert [len(read_picks(tmp_path / n)) for n in ("ours.csv", "labels.csv", "picks.xml")] == [4, 1, 4]
    assert repr(read_picks(bom)) == repr(read_picks(tmp_path / "ours.csv"))
    assert repr(read_picks(bom)).startswith("4 picks:\n") and repr(read_picks(tmp_path / "picks.xml")).startswith(
        "4 pi"
    )
    (tmp_path / "classes.csv").write_text("network,station,time, Class\nGE,APE,1577836801,rockfall\n")
    (tmp_path / "semicolons.csv").write_text("network;station;time;class\nGE;APE;1577836801;rockfall\n")
    kinds = {
        "bom.csv": {"phase"},
        "classes.csv": {"class"},
        "semicolons.csv": {"class"},
        "picks.xml": {"phase", "class"},
    }
    assert {name: kinds_of(tmp_path / name) for name in kinds} == kinds


def test_reading_picks_takes_little_more_memory_than_the_picks(tmp_path):
    write_picks([Pick("GE", "APE", "", "HH", "P", k * 10**9, 0.5) for k in range(500)], tmp_path / "picks.csv")
    tracemalloc.start()
    try:
        picks = read_picks(tmp_path / "picks.csv")
        held, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(picks) == 500
    assert highest < 1.5 * held


def test_any_picks_are_those_of_a_data_set_in_traces_that_can_be_read(labelled, tmp_path):
    folder, rejections = tmp_path / "data", []
    shutil.copytree(labelled.dataset, folder)
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(text.replace("bucket0$0", "bucket9$0", 1))
    picks = read_picks(folder, rejections=rejections)
    traces = [t for t in read_dataset(folder) if not isinstance(t, Rejection)]
    inside = [p for t in traces for p in t.picks if t.record.start_ns <= p.time_ns <= t.record.end_ns]
    assert [p.pick_id for p in picks] == [p.pick_id for p in in_order(inside)] and picks
    assert len(rejections) == sum(isinstance(t, Rejection) for t in read_dataset(folder)) == 1


def test_a_folder_without_a_data_set_holds_no_picks(tmp_path):
    with pytest.raises(DataError, match="a folder; a file is needed"):
        read_picks(tmp_path)


def test_picks_that_an_analyst_rejected_are_told(tmp_path):
    (tmp_path / "a.csv").write_text(
        "network,station,time,phase,status\nGE,APE,1577836801,P,\nGE,APE,1577836802,S,rejected\n"
    )
    rejections = []
    assert len(read_picks(tmp_path / "a.csv", rejections=rejections)) == 1
    assert [r.reason for r in rejections] == ["a pick that an analyst rejected"]


@pytest.mark.parametrize("name", ["picks.xml", "picks.sc3ml", "more.csv"])
def test_picks_keep_their_probability_and_model_in_catalogues_and_beside_other_columns(name, tmp_path):
    """Without a probability figures would call them the analyst's."""
    path = tmp_path / name
    write_picks(PICKS, path)
    if path.suffix == ".csv":
        path.write_text("".join(f"{line},x\n" for line in path.read_text().splitlines()))
    found = [(p.trace_id, p.probability, p.model) for p in read_picks(path)]
    assert found == [(p.trace_id, pytest.approx(p.probability, abs=1e-3), p.model) for p in in_order(PICKS)]


@pytest.mark.parametrize("ending", ["csv", "xml", "sc3ml"])
def test_a_models_own_picks_weigh_as_automatic_labels_in_every_format_that_is_read(ending, tmp_path):
    write_picks(PICKS[:2], tmp_path / f"picks.{ending}")
    assert [p.weight for p in read_labels([tmp_path / f"picks.{ending}"])] == [0.5, 0.5]


def test_a_csv_without_picks_is_refused_unless_it_may_be_empty(tmp_path):
    write_picks([], tmp_path / "none.csv", "csv")
    assert read_picks(tmp_path / "none.csv", may_be_empty=True) == []
    with pytest.raises(DataError, match="holds no picks"):
        read_picks(tmp_path / "none.csv")


@pytest.mark.parametrize("content", [b"", bytes(range(256)), b"hello\n"])
def test_any_picks_of_a_strange_csv_are_one_clear_line(content, tmp_path):
    (tmp_path / "strange.csv").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_picks(tmp_path / "strange.csv")
    assert "\n" not in str(error.value)


# QuakeML


def test_quakeml_keeps_what_the_contract_names(tmp_path):
    write_picks(PICKS, tmp_path / "picks.xml", "quakeml")
    catalogue = obspy.read_events(str(tmp_path / "picks.xml"))
    found = sorted((p for event in catalogue for p in event.picks), key=lambda p: (p.time, p.waveform_id.id))
    assert len(catalogue) == 2
    for ours, theirs in zip(in_order(PICKS), found, strict=True):
        assert theirs.time.ns == ours.time_ns
        codes = theirs.waveform_id
        assert (codes.network_code or "", codes.station_code, codes.location_code or "", codes.channel_code) == (
            ours.network,
            ours.station,
            ours.location,
            ours.channel,
        )
        assert theirs.phase_hint == ours.phase
        assert theirs.evaluation_mode == "automatic"
        assert theirs.creation_info.agency_id == "seisnet"
        assert theirs.method_id is not None
        comments = {str(c.resource_id).rsplit("/", 1)[1]: c.text or "" for c in theirs.comments}
        assert comments.keys() == {"confidence", "dlmodel"}
        assert float(comments["confidence"]) == pytest.approx(ours.probability, abs=6e-4)
        assert comments["dlmodel"] == ours.model
        uncertainty = theirs.time_errors.uncertainty
        assert uncertainty == (None if math.isnan(ours.uncertainty_s) else ours.uncertainty_s)


@pytest.mark.parametrize(("text", "expected"), [("0.871", 0.871), ("high", math.nan), ("87", math.nan), ("", math.nan)])
def test_the_probability_of_a_pick_comes_back_from_quakeml_and_an_analysts_has_none(text, expected, tmp_path):
    write_picks([Pick("BW", "RJOB", "", "EH", "P", 10**18, 0.871)], tmp_path / "picks.xml", "quakeml")
    content = (tmp_path / "picks.xml").read_text()
    assert content.count("0.871") == 1
    (tmp_path / "picks.xml").write_text(content.replace("0.871", text))
    (pick,) = read_picks(tmp_path / "picks.xml")
    assert pick.probability == pytest.approx(expected, nan_ok=True)


def test_a_pick_half_way_between_microseconds_has_one_id_in_all_formats(tmp_path):
    pick = Pick("BW", "RJOB", "", "EH", "P", START_NS + 500, 0.5)
    for name in ("picks.csv", "picks.xml"):
        write_picks([pick], tmp_path / name)
        assert [p.pick_id for p in read_picks(tmp_path / name)] == [pick.pick_id]
    detection = Detection("BW", "RJOB", "", "EH", "rockfall", START_NS + 500, START_NS + 2500)
    (event,) = obspy.read_events(io.BytesIO(detections_quakeml([detection])))
    assert [c.text for c in event.comments][:2] == ["2020-01-01T00:00:00.000001Z", "2020-01-01T00:00:00.000003Z"]


def test_picks_less_than_a_minute_apart_share_an_event():
    seconds = (0, 59, 118, 179, 300)
    picks = [Pick("GE", "APE", "", "HH", "P", START_NS + t * NS_PER_S, 0.5) for t in seconds]
    content = picks_quakeml(picks).decode()
    assert content.count("<event ") == 3


def test_every_resource_id_is_used_once():
    content = picks_quakeml(PICKS).decode()
    ids = [part.split('"')[0] for part in content.split('publicID="')[1:]]
    ids += [part.split('"')[0] for part in content.split('<comment id="')[1:]]
    assert len(ids) == len(set(ids)) == 1 + 2 + 4 + 8
    assert all(name.startswith("smi:local/seisnet/") for name in ids)


@pytest.mark.parametrize(
    ("channels", "phases"), [(("HHZ", "HHN"), ("P",)), (("HH",), ("P", "P*", "P'", "P_", "P~", "P/"))]
)
@pytest.mark.parametrize("file_format", ["quakeml", "sc3ml"])
def test_picks_that_differ_in_channel_or_hint_stay_apart(tmp_path, file_format, channels, phases):
    picks = [Pick("GE", "APE", "", channel, phase, START_NS) for channel in channels for phase in phases]
    write_picks(picks, tmp_path / "picks.xml", file_format)
    ids = re.findall('publicID="(.*/pick/.*?)"', (tmp_path / "picks.xml").read_text())
    assert len(set(ids)) == len(catalogue_picks(tmp_path / "picks.xml", [])) == len(picks)


def test_detections_of_classes_with_any_name_stay_apart():
    labels = ("rockfall", "earthquake", "ü", "ö", "a b", "a_b", "a~20b")
    content = detections_quakeml([Detection("GE", "APE", "", "HH", x, START_NS, START_NS) for x in labels])
    events = obspy.read_events(io.BytesIO(content))
    events.write(io.BytesIO(), "QUAKEML", validate=True)
    assert len({str(event.resource_id) for event in events}) == len(labels)


def test_ids_of_common_picks_say_what_they_are_of():
    content = picks_quakeml(PICKS)
    assert b'publicID="smi:local/seisnet/pick/1577836801000000000/GE.APE..HH/P"' in content
    assert b"smi:local/seisnet/model/my~20model~20(v2)~2C~20new" in content
    obspy.read_events(io.BytesIO(content)).write(io.BytesIO(), "QUAKEML", validate=True)


def test_the_same_picks_give_the_same_bytes():
    assert picks_quakeml(PICKS) == picks_quakeml(PICKS[::-1])


def test_no_picks_are_a_catalogue_without_events(tmp_path):
    write_picks([], tmp_path / "none.xml", "quakeml")
    assert len(obspy.read_events(str(tmp_path / "none.xml"))) == 0


# Files, times, traces


def test_a_path_may_be_text_and_its_ending_names_the_format(tmp_path):
    named = {
        "picks.csv": "csv", "picks": "csv", "picks.txt": "csv", "picks.xml": "quakeml", "A.XML": "quakeml",
        "a.qml": "quakeml", "a.quakeml": "quakeml", "a.obs": "nlloc", "a.scml": "sc3ml", "a.sc3ml": "sc3ml",
    }  # fmt: skip
    for name, file_format in named.items():
        seisnet.write_picks(PICKS, str(tmp_path / name))
        write_picks(PICKS, tmp_path / "named", file_format, overwrite=True)
        assert (tmp_path / name).read_bytes() == (tmp_path / "named").read_bytes()
    for name in ("picks.csv", "picks.xml"):
        assert [p.pick_id for p in seisnet.read_picks(str(tmp_path / name))] == [p.pick_id for p in in_order(PICKS)]


def test_a_name_that_promises_another_kind_of_file_is_refused_unless_a_format_is_named(tmp_path):
    picks, advice = tmp_path / "picks.html", "possible endings: .csv, .xml, .quakeml, .qml, .obs, .scml, .sc3ml"
    with pytest.raises(ConfigError, match=f"picks.html: no .html file is written here; {advice}$"):
        write_picks(PICKS, picks)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match=r"no \.html file is written here; it is to be a folder; leave \.html out$"):
        write_picks(PICKS, picks, "real")
    write_picks(PICKS, picks, "phasenet")
    assert picks.read_text().startswith("station_id,")


def test_what_exists_is_replaced_only_where_that_is_asked_for(tmp_path):
    detection = seisnet.Detection("GE", "APE", "", "HH", "rockfall", 0, 10**9)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "day.txt").touch()
    for write, what, path, file_format in (
        (write_picks, PICKS, tmp_path / "picks.csv", "csv"),
        (write_picks, PICKS, tmp_path / "real", "real"),
        (seisnet.write_detections, [detection], tmp_path / "detections.csv", "csv"),
    ):
        if file_format == "csv":
            path.write_text("before")
        with pytest.raises(ConfigError, match=r"exists|is not empty"):
            write(what, path, file_format)
        assert path.is_dir() or path.read_text() == "before"
        write(what, path, file_format, overwrite=True)
        assert path.is_dir() or path.read_text() != "before"


def test_picks_and_detections_are_not_taken_for_each_other(tmp_path):
    detection = seisnet.Detection("GE", "APE", "", "HH", "rockfall", 0, 10**9)
    with pytest.raises(ConfigError, match="picks: got Detection; Pick is needed"):
        write_picks([detection], tmp_path / "a.csv")
    with pytest.raises(ConfigError, match="detections: got Pick; Detection is needed"):
        seisnet.write_detections(PICKS, tmp_path / "a.csv")
    with pytest.raises(ConfigError, match="picks: got Detection; Pick is needed"):
        seisnet.picks_catalogue([detection])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file_format", ["csv", "quakeml", "phasenet", "nlloc"])
def test_an_iterator_of_picks_is_written_as_the_list(file_format, tmp_path):
    write_picks(PICKS, tmp_path / "list", file_format)
    write_picks(iter(PICKS), tmp_path / "iterator", file_format)
    assert (tmp_path / "iterator").read_bytes() == (tmp_path / "list").read_bytes()
    detections = [seisnet.Detection("GE", "APE", "", "HH", "rockfall", 0, 10**9)]
    seisnet.write_detections(iter(detections), tmp_path / "detections.csv")
    assert "rockfall" in (tmp_path / "detections.csv").read_text()


def test_detections_are_read_as_they_were_written(tmp_path):
    known = seisnet.Detection("GE", "APE", "00", "HH", "quake, local", START_NS, START_NS + 10**9, 0.75, "m", 0.5)
    unknown = seisnet.Detection("", "MBGA", "", "HH", "rockfall", START_NS + 1000, START_NS + 1000)
    seisnet.write_detections([unknown, known], tmp_path / "detections.csv")
    assert read_detections_csv(tmp_path / "detections.csv") == [known, unknown]
    seisnet.write_picks(PICKS, tmp_path / "picks.csv")
    with pytest.raises(DataError, match="not a CSV of seisnet's detections; its columns are network,"):
        read_detections_csv(tmp_path / "picks.csv")


def test_an_unknown_format_is_refused_and_writes_nothing(tmp_path):
    with pytest.raises(ConfigError, match="known: csv, gamma"):
        write_picks(PICKS, tmp_path / "picks.doc", "word")
    assert list(tmp_path.iterdir()) == []


def test_probabilities_become_one_trace_a_class():
    values = np.array([[0.1, 0.2], [0.3, 0.4], [0.6, 0.4]], dtype=np.float32)
    found = Probabilities(
        values, START_NS + 5_000_000, 200_000_000, ("P", "S", "noise"), "GE.APE.00.HH", np.zeros(values.shape[1], bool)
    )
    stream = probability_stream([found, found], "phase")
    assert [trace.id for trace in stream[:3]] == ["GE.APE.00.phase_P", "GE.APE.00.phase_S", "GE.APE.00.phase_noise"]
    assert len(stream) == 6
    for trace, row in zip(stream[:3], values, strict=True):
        np.testing.assert_array_equal(trace.data, row)
        assert trace.stats.starttime.ns == START_NS + 5_000_000
        assert trace.stats.delta == 0.2
    assert not np.shares_memory(stream[0].data, values)
