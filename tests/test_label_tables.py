"""Picks and classes are read from the tables that analysts write, and bad ones are refused in one line."""

import itertools
import math

import pytest

from seisnet.errors import DataError
from seisnet.formats.picks import write_detections
from seisnet.labels.reading import read_classes, read_intervals, read_labels
from seisnet.picks import ClassInterval, Detection
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S


# Picks


@pytest.mark.parametrize(
    "text",
    [
        "network,station,location,channel,time,phase\nGE,APE,00,HHZ,2020-01-01T00:00:10Z,Pg\n",
        "\ufeffnetwork,station,location,channel,time,phase\r\nGE,APE,00,HHZ,1577836810,Pg\r\n",
        " phase , time ,network,station,channel,location,note\nPg , 1577836810.000,GE ,APE,HHZ,00,anything\n",
        'network,station,location,channel,time,phase,event_id\n"GE","APE","00","HHZ","2020-01-01T00:00:10","Pg",""\n',
    ],
)
def test_dialects_of_csv_give_the_same_pick(tmp_path, text):
    path = tmp_path / "picks.csv"
    path.write_text(text, encoding="utf-8", newline="")
    [found] = read_labels([path])
    assert (found.trace_id, found.phase, found.time_ns) == ("GE.APE.00.HH", "Pg", START_NS + 10 * NS_PER_S)


def test_dashes_in_codes_of_a_csv_name_nothing(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,location,time,phase\n--,APE,--,1577836810,P\n")
    assert [p.trace_id for p in read_labels([path])] == [".APE.."]


def test_optional_columns_of_csv_are_read(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,time,phase,uncertainty_s,event_id\nGE,APE,1577836810,S,0.05,ev7\n,APE,5,P,,\n")
    first, second = read_labels([path])
    assert (first.network, first.time_ns, first.event_id) == ("", 5 * NS_PER_S, "")
    assert math.isnan(first.uncertainty_s)
    assert (second.uncertainty_s, second.event_id) == (0.05, "ev7")


def test_mode_and_status_of_csv_are_those_of_quakeml(tmp_path):
    path = tmp_path / "picks.csv"
    rows = ["automatic,", "automatic,preliminary", "automatic,reviewed", "manual,", ","]
    head = "network,station,time,phase,evaluation_mode,evaluation_status\n"
    path.write_text(head + "".join(f"GE,APE,{i},P,{row}\n" for i, row in enumerate(rows)))
    assert [p.weight for p in read_labels([path])] == [0.5, 0.5, 1.0, 1.0, 1.0]


def test_uncertainty_status_and_weight_of_csv_become_a_weight(tmp_path):
    path = tmp_path / "picks.csv"
    rows = [
        "1,,,",
        "2,0.05,manual,",
        "3,0.2,manual,",
        "4,9,,",
        "5,,automatic,",
        "6,0.4,automatic,0.5",
        "7,,reviewed,0.3",
        "8,0,manual,",
    ]
    path.write_text(
        "network,station,time,phase,uncertainty_s,status,weight\n" + "".join(f"GE,APE,{i[0]},P{i[1:]}\n" for i in rows)
    )
    assert [p.weight for p in read_labels([path])] == pytest.approx([1, 1, 0.5, 0.1, 0.5, 0.0625, 0.3, 1])


def test_a_row_of_weight_0_is_no_label_as_in_a_catalogue_but_a_stretch_needs_a_weight(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,time,phase,status,weight\nGE,APE,1,P,,0\nGE,APE,2,S,automatic,0.0\n")
    assert [(p.phase, p.weight) for p in read_labels([path])] == [("P of weight 0", 1.0), ("S of weight 0", 0.5)]
    path.write_text("network,station,time,class,weight\nGE,APE,1,rockfall,0\n")
    with pytest.raises(DataError, match="line 2: weight 0 is for picks"):
        read_classes([path])
    path.write_text(
        "network,station,time,class,weight,status\nGE,APE,1,rockfall,0,rejected\nGE,APE,2,rockfall,1,manual\n"
    )
    assert [i.start_ns for i in read_classes([path])] == [2 * NS_PER_S]


ID = "GE.APE..HH_{}_1970-01-01T00:00:{:09.6f}Z".format


def test_of_rows_with_one_pick_id_the_last_counts_and_other_numbers_are_no_ids(tmp_path):
    path = tmp_path / "picks.csv"
    rows = ("1,P,", f"5,S,{ID('S', 5)}", f"6,S,{ID('S', 5)}", "20,P,1", "30,S,2", "40,P,1", "50,S,2")
    path.write_text("network,station,time,phase,pick_id\n" + "".join(f"GE,APE,{row}\n" for row in rows))
    found = [(p.phase, p.time_ns // NS_PER_S) for p in read_labels([path])]
    assert found == [("P", 1), ("S", 6), ("P", 20), ("S", 30), ("P", 40), ("S", 50)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GE,APE,1,P\n\n  \n,,,\n", [("P", 1)]),  # as Excel leaves them at the end
        ('"GE", "APE", "1", "P"\n', [("P", 1)]),
        ('"GE","APE","1970-01-01T00:00:01,0","P"\n', [("P", 1)]),
        ("GE,APE,1,P\rGE,APE,2,S\r", [("P", 1), ("S", 2)]),
    ],
)
def test_blank_rows_blanks_before_quotes_and_ends_of_lines_change_nothing(tmp_path, text, expected):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,time,phase\n" + text, newline="")
    assert [(p.phase, p.time_ns // NS_PER_S) for p in read_labels([path])] == expected


BAD = {
    "empty.csv": (b"", "the file is empty"),
    "words.csv": (b"hello\n", "no columns network, station, time, phase; a CSV of picks"),
    "names.csv": (b"net,sta,datetime,pick\nGE,APE,1,P\n", "time, phase; here they are net, sta, datetime, pick"),
    "many.csv": (b"a column," * 999 + b"end\n1\n", "here they are a column, a column, a column, a column, a column"),
    "header.csv": (b"network,station,time,phase\n", "holds no row below its header"),
    "rejected.csv": (
        b"network,station,time,phase,status\nGE,APE,1,P,Rejected\nGE,APE,2,S,rejected\n",
        "holds no usable label: a pick that an analyst rejected (2)",
    ),
    "codes.csv": (
        b"station,time,phase\nGE.APE,1,P\n",
        "here they are station, time, phase; where station is NET.STA, split it into two columns",
    ),
    "columns.csv": (b"network,station,when,phase\nGE,APE,1,P\n", "no column time; a CSV of picks needs"),
    "bars.csv": (b"network|station|time|phase\nGE|APE|1|P\n", "here they are not separated by commas, semicolons or"),
    "both.csv": (b"network;station,time;phase\nGE;APE,1;P\n", "here they are not separated by commas, semicolons or"),
    "header.commas.csv": (b"network,station,time,phase\nGE;APE;1;P\n", "line 2: fewer fields than columns"),
    "header.tabs.csv": (b"network\tstation\ttime\tphase\nGE,APE,1,P\n", "line 2: fewer fields than columns"),
    "column.semicolons.csv": (
        b"network;station;when;phase\nGE;APE;1;P\n",
        "here they are network, station, when, phase",
    ),
    "fields.semicolons.csv": (
        b"network;station;time;phase\nGE;APE;1;P;a;b\n",
        "line 2: more fields than columns; quote what holds a semicolon",
    ),
    "fields.tabs.csv": (
        b"network\tstation\ttime\tphase\nGE\tAPE\t1\tP\ta\n",
        "line 2: more fields than columns; quote what holds a tab",
    ),
    "thousands.csv": (
        b"network;station;time;phase;uncertainty_s\nGE;APE;1;P;1.234,5\n",
        "line 2: uncertainty_s '1.234,5' is not a number",
    ),
    "capitals.semicolons.csv": (b"Network;Station;Time;Phase\nGE;APE;1;P\n", "here they are not all in lower case"),
    "capitals.csv": (b"Network,Station,Time,Phase\nGE,APE,1,P\n", "here they are not all in lower case"),
    "time.csv": (b"network,station,time,phase\nGE,APE,1,P\nGE,APE,soon,P\n", "line 3: time 'soon'"),
    "short.csv": (b"network,station,time,phase\nGE,APE,1,P\nGE,APE,2\n", "line 3: fewer fields than columns"),
    "comment.csv": (b"network,station,time,phase\nGE,APE,1,P\n#GE,APE,2,P\n", "line 3: it begins with #; remove the"),
    "quote.csv": (
        b'network,station,time,phase\nGE,APE,1,P\nGE,APE,2,"P\nGE,APE,3,P\n',
        "line 3: unexpected end of data",
    ),
    "quotes.csv": (b'network,station,time,phase\nGE,APE,1,"P\nGE,APE,2,"P\n', "line 2: ',' expected after '\"'"),
    "status.csv": (
        b"network,station,time,phase,status\nGE,APE,1,P,accepted\nGE,APE,2,P,Reject\n",
        "line 3: status 'Reject' is unknown; did you mean 'rejected'?",
    ),
    "day.csv": (b"network,station,time,phase\nGE,APE,03/04/2020 00:00,P\n", "1970; write it like 2011-07-04T05:23:18"),
    "cut.hyp": (b"NLLOC \nSIGNATURE x\n", "nor a .csv of labels: NLLOC HYP file"),
    "decimal.csv": (
        b"network,station,time,phase\nGE,APE,1,P,\nGE,APE,2020-01-01T00:00:01,5,P\n",
        "line 3: more fields than columns; quote what holds a comma",
    ),
    "twice.csv": (b"network,station,time,phase,time\nGE,APE,1,P,2\n", "more than one column time; rename all but"),
    "blank.csv": (b"network,station,time,phase\n\nGE,APE,1,P\n\nGE,APE,soon,P\n", "line 5: time 'soon'"),
    "weight.csv": (
        b"network,station,time,phase,weight\nGE,APE,1,P,4\n",
        "line 2: weight 4 does not lie between 0 and 1",
    ),
    "class.csv": (b"network,station,time,class\nGE,APE,1,rockfall\n", "a column class is for labels of task class"),
    "error.csv": (
        b"network,station,time,phase,uncertainty_s\nGE,APE,1,P,small\n",
        "line 2: uncertainty_s 'small' is not a number",
    ),
    "uncertainty.negative.csv": (
        b"network,station,time,phase,uncertainty_s\nGE,APE,1,P,-0.5\n",
        "line 2: uncertainty_s -0.5 is below 0",
    ),
    "percent.csv": (
        b"network,station,time,phase,probability\nGE,APE,1,P,95\n",
        "line 2: probability 95 does not lie between 0 and 1",
    ),
    "weight.word.csv": (b"network,station,time,phase,weight\nGE,APE,1,P,A\n", "line 2: weight 'A' is not a number"),
    "near.csv": (
        b"network,station,time,phase,uncertainty\nGE,APE,1,P,0.5\n",
        "column 'uncertainty' is unknown; did you mean 'uncertainty_s'?",
    ),
    "case.csv": (
        b"network,station,time,phase,Weight\nGE,APE,1,P,0.5\n",
        "column 'Weight' is unknown; did you mean 'weight'?",
    ),
    "swapped.csv": (
        b"network,station,time,phase,weigth\nGE,APE,1,P,0.5\n",
        "column 'weigth' is unknown; did you mean 'weight'?",
    ),
    "bytes.csv": (bytes(range(128, 256)), "not text in UTF-8: 'utf-8' codec can't decode"),
    "empty.xml": (b"", "the file is empty"),
    "words.txt": (b"hello\n", "neither a catalogue that ObsPy reads"),
    "cut.xml": (b'<?xml version="1.0"?><q:quakeml xmlns:q="http://quakeml.org', "neither a catalogue that ObsPy reads"),
    "bytes.xml": (bytes(range(256)), "neither a catalogue that ObsPy reads"),
}


def test_a_spreadsheet_with_decimal_commas_gives_the_picks_of_one_with_points(tmp_path):
    """Between fields there are then semicolons, or tabs; once the file was refused."""
    path, found = tmp_path / "picks.csv", []
    text = (
        '\ufeffnetwork;station;time;phase;uncertainty_s;weight;note\r\nGE;APE;1577836810.25;P;0.125;0.5;"a;b"\r\n'
        "GE;APE;2020-01-01T00:00:12.75Z;S;;1.0;c\r\nGE;APE;1577836815.123456789;P;0.05;;\r\n"
    )
    for separator, point in itertools.product(";\t", ".,"):
        path.write_text(text.translate(str.maketrans(";.", separator + point)), "utf-8", newline="")
        found.append(read_labels([path]))
    assert found[0] == found[1] == found[2] == found[3]
    assert [p.time_ns - START_NS for p in found[0]] == [10_250_000_000, 12_750_000_000, 15_123_456_789]
    assert [p.weight for p in found[0]] == [0.4, 1.0, 1.0]


@pytest.mark.parametrize("name", ["endtime", "End", "stop_time", "duration"])
def test_a_column_of_classes_that_may_hold_the_end_is_refused(tmp_path, name):
    path = tmp_path / "classes.csv"
    path.write_text(f"network,station,time,class,{name}\nGE,APE,1,rockfall,9\n")
    with pytest.raises(DataError, match=f"column '{name}' is unknown; did you mean 'end_time'"):
        read_classes([path])
    path.write_text(f"network,station,time,class,end_time,{name}\nGE,APE,1,rockfall,9,7\n")
    assert [i.end_ns for i in read_classes([path])] == [9 * NS_PER_S]


def test_other_columns_are_passed_over(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("network,station,time,phase,event_id,event,snr_db,endtime\nGE,APE,1,P,a,b,3,5\n")
    assert [pick.event_id for pick in read_labels([path])] == ["a"]


@pytest.mark.parametrize("name", BAD)
def test_bad_files_of_labels_are_one_clear_line(tmp_path, name):
    content, message = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_labels([path])
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_missing_file_of_labels_is_one_clear_line(tmp_path):
    with pytest.raises(DataError, match=r"gone\.xml: no such file"):
        read_labels([tmp_path / "gone.xml"])


# Classes


def test_csv_of_classes_with_and_without_an_end(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text(
        "network,station,location,time,end_time,class,weight,event_id\n"
        "GE,APE,00,1577836820,2020-01-01T00:00:50Z,rockfall,0.5,r1\n"
        "GE,APE,,1577836810,,long period,,\n"
    )
    first, second = read_classes([path])
    assert first == ClassInterval(
        "GE", "APE", "", "", "long period", START_NS + 10 * NS_PER_S, START_NS + 10 * NS_PER_S
    )
    assert (second.label, second.location, second.weight, second.event_id) == ("rockfall", "00", 0.5, "r1")
    assert (second.start_ns, second.end_ns) == (START_NS + 20 * NS_PER_S, START_NS + 50 * NS_PER_S)


def test_detections_are_classes_too(tmp_path):
    path = tmp_path / "detections.csv"
    found = [
        Detection("TW", "LH01", "", channel, label, START_NS, START_NS + 7_250_000_000, 0.9, "rockfall", 0.79)
        for channel, label in (("EH", "earthquake"), ("EH", "rockfall"), ("HN", "rockfall"))
    ]
    write_detections(found, path)
    rejections = []
    read = [(i.trace_id, i.label, i.start_ns, i.end_ns, i.weight) for i in read_intervals(path, rejections)]
    assert read == [(d.trace_id, d.label, d.start_ns, d.end_ns, 1.0) for d in found] and not rejections
    assert [i.label for i in read_classes([path], rejections)] == ["earthquake", "rockfall"]
    assert [r.reason for r in rejections] == ["a second label of the same stretch"]  # of another instrument
    write_detections([], path, overwrite=True)
    assert read_intervals(path, rejections) == []
    with pytest.raises(DataError, match="holds no row below its header"):
        read_classes([path])
    write_detections(found, tmp_path / "detections.xml")
    for read in (lambda path: read_classes([path]), lambda path: read_intervals(path, [])):
        with pytest.raises(DataError, match=r"no picks; detections are read from CSV"):
            read(tmp_path / "detections.xml")
    path.write_text("network,station,class,start_time,time,status\nGE,APE,x,1,2,\nGE,APE,x,1,3,rejected\n")
    assert [i.start_ns for i in read_classes([path])] == [2 * NS_PER_S]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "network,station,time,phase\nGE,APE,1,P\n",
            "no column class.*a column phase is for labels of task phase",
        ),
        ("network,station,time,class\n", "holds no row below its header"),
        ("# by hand; 2020\nnetwork,station,time,class\n", "time, class; here they are # by hand; 2020$"),
        ("network,station,time,class\nGE,APE,1,\n", "line 2: the class is empty"),
        ("network,station,time,end_time,class\nGE,APE,5,4,x\n", "line 2: end_time '4' lies before time '5'"),
        ("network,station,time,end_time,class\nGE,APE,5,soon,x\n", "line 2: time 'soon'"),
    ],
)
def test_bad_csv_of_classes_is_one_clear_line(tmp_path, text, reason):
    path = tmp_path / "classes.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=reason):
        read_classes([path])
