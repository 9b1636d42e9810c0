"""What there is to do: picks joined to events, sources divided into pieces, and a plan that touches nothing."""

import shutil
from dataclasses import replace

import numpy as np
import obspy
import pytest

from seisnet.config import PreprocessConfig
from seisnet.datasets.export import export_seisbench
from seisnet.errors import ConfigError, NothingUsableError
from seisnet.inspection import describe
from seisnet.preprocessing.job import plan, preprocess, preprocess_to_file
from seisnet.preprocessing.planning import PIECE_SOURCES, make_pieces
from seisnet.store.windows_file import read_counts, read_rejected
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.sources import Source

START_NS = 1_577_836_800 * NS_PER_S
CONFIG = PreprocessConfig(split_by="event")


@pytest.mark.parametrize("named", [0, 2, 3])
def test_without_event_ids_no_earthquake_lies_in_two_splits(named, labelled, tmp_path):
    """Or where every second or third pick names its event."""
    lines = [
        f"{p.network},{p.station},{obspy.UTCDateTime(ns=p.time_ns)},{p.phase},{p.event_id * (named and n % named == 0)}"
        for n, p in enumerate(labelled.picks)
    ]
    (tmp_path / "picks.csv").write_text("network,station,time,phase,event_id\n" + "\n".join(lines) + "\n")
    rows = preprocess([str(labelled.files)], [str(tmp_path / "picks.csv")], CONFIG).rows
    onset_ns = rows.start_ns + 2 * NS_PER_S
    for event_id in {p.event_id for p in labelled.picks}:
        of_event = [p.time_ns for p in labelled.picks if p.event_id == event_id]
        here = (rows.y < 2) & (onset_ns > min(of_event) - NS_PER_S) & (onset_ns < max(of_event) + NS_PER_S)
        assert len(set(rows.split[here].tolist())) == 1


def test_files_have_no_splits_to_be_given(labelled, tmp_path):
    for sources in ([labelled.files], [labelled.dataset, labelled.files]):
        with pytest.raises(ConfigError, match="only data sets have splits; use auto or event for files"):
            preprocess_to_file(sources, [labelled.csv], PreprocessConfig(split_by="given"), output=tmp_path / "w.h5")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def nameless(labelled, tmp_path):
    """The data set, whose rows name no event."""
    shutil.copytree(labelled.dataset, tmp_path / "nameless")
    table = tmp_path / "nameless" / "metadata.csv"
    table.write_text(table.read_text().replace("source_id", "not_told"))
    return tmp_path / "nameless"


@pytest.mark.parametrize("rows", [2000, 5])
@pytest.mark.parametrize("split_by", ["event", "both"])
def test_no_earthquake_of_a_data_set_that_names_none_lies_in_two_splits(
    labelled, nameless, monkeypatch, tmp_path, split_by, rows
):
    """Groups are those that its names would give: no two earthquakes follow each other within half a minute here."""
    monkeypatch.setattr("seisnet.preprocessing.planning.PIECE_ROWS", rows)
    config = replace(CONFIG, split_by=split_by, split=(0.7, 0.15, 0.15) if split_by == "event" else (1.0, 0.0, 0.0))
    found = preprocess([str(nameless)], [], config)
    named = preprocess([str(labelled.dataset)], [], config)
    np.testing.assert_array_equal(found.rows.start_ns, named.rows.start_ns)
    pairs = set(zip(found.rows.group.tolist(), named.rows.group.tolist(), strict=True))
    assert len(pairs) == len(set(found.rows.group.tolist())) == len(set(named.rows.group.tolist()))
    assert len({p.event_id for p in labelled.picks}) == len(pairs)


def test_what_names_no_event_is_told(labelled, nameless, tmp_path):
    def told(*job):
        return [reason for *_, reason in plan(*job).rejected if "without an event" in reason]

    lines = [f"{p.network},{p.station},{obspy.UTCDateTime(ns=p.time_ns)},{p.phase}" for p in labelled.picks]
    (tmp_path / "picks.csv").write_text("network,station,time,phase\n" + "\n".join(lines) + "\n")
    within = "those that follow each other within 30 s count as one event"
    n = len(labelled.seismograms)
    line = f"used, but without an event: {n} traces, {within}"
    assert told([nameless], [], CONFIG) == [line]
    preprocess_to_file([nameless], [], CONFIG, output=tmp_path / "w.h5")
    assert line in describe(tmp_path / "w.h5")
    assert told([labelled.files], [tmp_path / "picks.csv"], CONFIG) == [
        f"used, but without an event: {len(lines)} picks, {within}"
    ]
    lost = tmp_path / "lost.csv"
    lost.write_text("network,station,time,phase\nXX,NOWHERE,2020-01-01,P\nXX,NOWHERE,2020-01-02,S\n")
    assert told([labelled.files], [tmp_path / "picks.csv", lost], CONFIG) == [
        f"used, but without an event: {len(lines)} picks, {within}"
    ]
    assert told([labelled.files], [labelled.csv, lost], CONFIG) == []
    assert told([labelled.dataset], [], CONFIG) == []
    [unlinked] = told([nameless], [], replace(CONFIG, link_s=0.0))
    assert unlinked.endswith("grouped by station and hour, so an event may lie in two splits")


def test_picks_that_count_for_stations_of_two_networks_are_told(labelled, tmp_path):
    first = labelled.seismograms[0]
    [path] = labelled.files.glob("*.000.mseed")
    twice = obspy.read(str(path))
    for trace in obspy.read(str(path)):
        trace.stats.network = "YY"
        twice.append(trace)
    twice.write(str(tmp_path / "both.mseed"), format="MSEED")
    rows = [f",{p.station},{obspy.UTCDateTime(ns=p.time_ns)},{p.phase},a" for p in first.picks]
    (tmp_path / "picks.csv").write_text("network,station,time,phase,event_id\n" + "\n".join(rows) + "\n")
    files = [str(tmp_path / "both.mseed")], [str(tmp_path / "picks.csv")]
    n = f"{len(rows)} label{'s' * (len(rows) > 1)}"
    names = ", ".join(sorted(f"{network}.{first.station}" for network in (first.network, "YY")))
    told = f"used, but {n} without a network, at codes that stations of several have, count for each of these: {names}"
    assert told in [reason for *_, reason in plan(*files, replace(CONFIG, split=(1.0, 0.0, 0.0))).rejected]
    assert told in [reason for *_, reason in export_seisbench(*files, folder=tmp_path / "set")[1]]


def test_pieces_hold_every_source_once_in_order(tmp_path):
    sources = []
    for i in range(2 * PIECE_SOURCES + 3):
        path = tmp_path / f"{i:03d}.mseed"
        path.write_bytes(b"x" * (5_000_000 if i in (5, 6) else 10))
        sources.append(Source((path,)))
    pieces = list(make_pieces(sources, 30.0, []))
    assert [s for piece in pieces for s in piece.sources] == sources
    assert [len(piece.sources) for piece in pieces] == [6, 1, PIECE_SOURCES, PIECE_SOURCES - 4]
    days = [Source(kind="fdsn", service="ETH", channels=f"XX.{station}..HH?") for station in "AB"]
    assert [piece.sources for piece in make_pieces(days, 30.0, [])] == [(day,) for day in days], "each is kept at once"


def test_the_plan_is_what_is_made_and_touches_nothing(labelled, make_trace, tmp_path):
    lost = tmp_path / "lost.csv"
    lost.write_text("network,station,time,phase\n" + "".join(f"XX,NOWHERE,2020-01-01T00:1{k}:00,P\n" for k in range(9)))
    silent = tmp_path / "silent.mseed"
    obspy.Stream([make_trace(np.arange(6000) % 7.0, f"XX.SILENT..HH{c}") for c in "ZNE"]).write(str(silent))
    job = ([str(labelled.files), str(silent)], [str(labelled.csv), str(lost)], CONFIG)
    before = sorted(tmp_path.iterdir())
    found = plan(*job)
    assert sorted(tmp_path.iterdir()) == before
    info = preprocess_to_file(*job, output=tmp_path / "w.h5")
    np.testing.assert_array_equal(found.counts, read_counts(tmp_path / "w.h5"))
    assert (found.n_labels, found.n_matched) == (len(labelled.picks) + 9, len(labelled.picks))
    assert [trace_id for trace_id, *_ in found.unmatched] == ["XX.NOWHERE.."] * 9
    assert len({reason for *_, reason in found.unmatched}) == 1
    assert (str(silent), 0, 0, "a source without windows") in found.rejected
    assert [*found.rejected, *found.unmatched] == list(read_rejected(tmp_path / "w.h5"))
    assert found.how == info.attributes["split_by"]
    chunk = 1_200_000  # the last one of the features is filled up
    assert found.n_bytes == pytest.approx((tmp_path / "w.h5").stat().st_size - chunk / 2, rel=0.1, abs=chunk / 2)


def test_a_plan_without_windows_says_why(labelled):
    with pytest.raises(NothingUsableError, match="waveform files carry no labels"):
        plan([str(labelled.files)])
    n_p = sum(pick.phase == "P" for pick in labelled.picks)
    with pytest.raises(NothingUsableError, match=rf"P within half a window of the record's edge \({n_p}\)"):
        plan([str(labelled.dataset)], [], replace(CONFIG, window_s=600.0))
