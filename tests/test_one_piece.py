"""Archives, selections, station metadata and STEAD through pieces of work: the same windows in any division."""

import pickle
from dataclasses import replace

import numpy as np
import obspy
import pytest

from seisnet.config import PreprocessConfig
from seisnet.engine import Engine
from seisnet.errors import DataError
from seisnet.picks import Pick
from seisnet.preprocessing import planning
from seisnet.preprocessing.job import plan, preprocess, preprocess_to_file
from seisnet.preprocessing.pieces import Piece, PieceJob
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.store.windows_file import read_rejected
from seisnet.store.windows_in_memory import read_windows
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.records import DAY_NS, NS_PER_S
from seisnet.waveforms.selection import Selection
from seisnet.waveforms.sources import Source

MIDNIGHT_NS = 1_577_836_800 * NS_PER_S + DAY_NS
CONFIG = PreprocessConfig(
    sampling_rate_hz=20.0, window_s=8.0, frame_s=1.0, hop_s=0.5, freqmax_hz=9.0, shifts=2, split=(1.0, 0.0, 0.0),
    split_by="event", noise_ratio=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory, make_trace):
    """An hour of two stations around midnight as an archive, and the same in one file a station; picks and classes."""
    folder = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(0)
    start_ns = MIDNIGHT_NS - 1800 * NS_PER_S
    (folder / "whole").mkdir()
    onsets_s = [-1500, -1100, -700, -25, 2, 300, 700, 1100]
    rows = []
    for station in ("AA", "BB"):
        data = rng.normal(size=72_000)
        for onset_s in onsets_s:
            here = (1800 + onset_s) * 20
            data[here : here + 600] += 30 * rng.normal(size=600) * np.exp(-np.arange(600) / 100)
            rows.append((station, MIDNIGHT_NS + onset_s * NS_PER_S))
        trace = make_trace(data.astype(np.float32), f"XX.{station}..HHZ", start_ns=start_ns, rate_hz=20.0)
        trace.write(str(folder / "whole" / f"{station}.mseed"), format="MSEED")
        for day, part in ((1, trace.data[:36_000]), (2, trace.data[36_000:])):
            path = folder / "sds" / "2020" / "XX" / station / "HHZ.D" / f"XX.{station}..HHZ.D.2020.{day:03d}"
            path.parent.mkdir(parents=True, exist_ok=True)
            begins_ns = start_ns if day == 1 else MIDNIGHT_NS
            make_trace(part, trace.id, start_ns=begins_ns, rate_hz=20.0).write(str(path), format="MSEED")
    times = [(station, obspy.UTCDateTime(ns=ns)) for station, ns in rows]
    (folder / "picks.csv").write_text(
        "network,station,time,phase\n" + "".join(f"XX,{s},{t},P\nXX,{s},{t + 20},S\n" for s, t in times)
    )
    (folder / "classes.csv").write_text(
        "network,station,time,class,end_time\n"
        + "".join(f"XX,{s},{t},{'rockfall' if i % 2 else 'quake'},{t + 3}\n" for i, (s, t) in enumerate(times))
    )
    return folder


def labelled_starts(rows):
    """Start, label and station of the windows on labels that are no shifted copies."""
    own = (rows.y < 2) & ~rows.augmented
    return sorted(zip(rows.start_ns[own].tolist(), rows.y[own].tolist(), rows.trace_id[own].tolist(), strict=True))


@pytest.mark.parametrize("task", ["phase", "class"])
def test_an_archive_gives_the_windows_of_the_whole_recording_in_any_division(task, archive, tmp_path, monkeypatch):
    config = replace(CONFIG, task=task, class_names=() if task == "phase" else ("rockfall", "quake"))
    labels = [str(archive / ("picks.csv" if task == "phase" else "classes.csv"))]
    sds = [f"sds:{archive / 'sds'}"]
    preprocess_to_file([str(archive / "whole")], labels, config, output=tmp_path / "whole.h5")
    preprocess_to_file(sds, labels, config, output=tmp_path / "one.h5")
    monkeypatch.setattr(planning, "PIECE_SOURCES", 1)
    preprocess_to_file(sds, labels, config, output=tmp_path / "many.h5", engine=Engine(2))
    whole, one, many = (read_windows(tmp_path / f"{name}.h5").rows for name in ("whole", "one", "many"))
    for name, values in vars(one).items():
        np.testing.assert_array_equal(getattr(many, name), values)
    starts = labelled_starts(whole)
    assert len(starts) == (32 if task == "phase" else 16)
    assert [s[1:] for s in labelled_starts(one)] == [s[1:] for s in starts]
    np.testing.assert_allclose([s[0] for s in labelled_starts(one)], [s[0] for s in starts], atol=NS_PER_S / 20)
    keys = list(zip(one.start_ns[~one.augmented], one.trace_id[~one.augmented], strict=True))
    assert len(set(keys)) == len(keys), "no window is made twice"
    in_whole, in_days = (list(read_rejected(tmp_path / f"{name}.h5")) for name in ("whole", "one"))
    assert in_days == in_whole and len(in_days) == 3, "N, E were not recorded: told once a station"


def test_the_plan_selects_as_the_run_does(archive, tmp_path):
    job = ([f"sds:{archive / 'sds'}"], [str(archive / "picks.csv")], CONFIG)
    wanted = Selection(("XX.AA",), start_ns=MIDNIGHT_NS)
    found = plan(*job, selection=wanted)
    info = preprocess_to_file(*job, output=tmp_path / "w.h5", selection=wanted)
    rows = read_windows(tmp_path / "w.h5").rows
    np.testing.assert_array_equal(preprocess(*job, selection=wanted).rows.start_ns, rows.start_ns)
    assert found.counts.sum() == len(rows.y)
    assert set(rows.trace_id) == {"XX.AA..HH"}
    assert rows.start_ns.min() >= MIDNIGHT_NS
    assert (found.n_matched, len(found.unmatched)) == (8, 24)
    assert [path[-3:] for path, *_ in info.sources] == ["002"]


def test_a_resumed_run_takes_no_window_of_another_selection(archive, tmp_path):
    job = ([str(archive / "whole")], [str(archive / "picks.csv")], CONFIG)
    output, work = tmp_path / "w.h5", tmp_path / ".w.h5.work"
    preprocess_to_file(*job, output=output, virtual=True)
    (tmp_path / "w.h5.shards").rename(work)
    output.unlink()
    selection = Selection(end_ns=MIDNIGHT_NS)
    preprocess_to_file(*job, output=output, resume=True, selection=selection)
    preprocess_to_file(*job, output=tmp_path / "fresh.h5", selection=selection)
    assert output.read_bytes() == (tmp_path / "fresh.h5").read_bytes()


def test_the_identity_of_a_piece_is_all_that_it_is_made_from(archive, tmp_path):
    (tmp_path / "inventory.xml").write_text("one")
    picks = (Pick("XX", "AA", "", "", "P", MIDNIGHT_NS),)
    [first, *_] = find_sources([f"sds:{archive / 'sds'}"], Reading())
    job, plain = PieceJob(CONFIG, picks), replace(first, inventory=(tmp_path / "inventory.xml",))
    same = pickle.loads(pickle.dumps((job, Piece((plain,)))))
    assert same[0].identity(same[1]) == job.identity(Piece((plain,)))
    identities = [
        job.identity(Piece((source,)))
        for source in (
            first,
            plain,
            replace(plain, selection=Selection(("XX",))),
            replace(plain, span_ns=(0, 1)),
            replace(plain, beside=()),
            Source(kind="fdsn", service="ETH", channels="XX.AA..HH?"),
        )
    ]
    identities.append(replace(job, config=replace(CONFIG, response="velocity")).identity(Piece((plain,))))
    (tmp_path / "inventory.xml").write_text("another")
    identities.append(job.identity(Piece((plain,))))
    assert len(set(identities)) == len(identities)


def test_a_file_of_days_is_read_by_the_day_and_told_once(tmp_path, make_trace, noise):
    start_ns = MIDNIGHT_NS - 10 * 3600 * NS_PER_S
    trace = make_trace(noise(40 * 3600 * 20).astype(np.float32), "XX.AA..HHZ", start_ns=start_ns, rate_hz=20.0)
    trace.write(str(tmp_path / "long.mseed"), format="MSEED")
    times = [obspy.UTCDateTime(ns=MIDNIGHT_NS) + 3600 * hour for hour in (-5, 0, 12, 29)]
    lines = "".join(f"XX,AA,{t},P\nXX,AA,{t + 20},S\n" for t in times)
    (tmp_path / "picks.csv").write_text("network,station,time,phase\n" + lines)
    job = ([str(tmp_path / "long.mseed")], [str(tmp_path / "picks.csv")], CONFIG)
    assert len(find_sources(job[0], Reading())) == 3
    found = plan(*job)
    info = preprocess_to_file(*job, output=tmp_path / "w.h5")
    rows = read_windows(tmp_path / "w.h5").rows
    assert len(labelled_starts(rows)) == 8
    [(path, size, sha256, made)] = info.sources
    assert (path, size, len(sha256), made) == (job[0][0], (tmp_path / "long.mseed").stat().st_size, 64, len(rows.y))
    assert found.sources == ((path, made),)


def test_an_onset_that_was_picked_twice_gives_its_windows_once(tmp_path, make_trace, noise):
    """Of two instruments each takes the pick that was made on it, and a third the surest, whatever their events."""
    start = obspy.UTCDateTime(ns=MIDNIGHT_NS)
    for code in ("HHZ", "HNZ", "EHZ"):
        trace = make_trace(noise(6000).astype(np.float32), f"XX.AA..{code}", start_ns=MIDNIGHT_NS, rate_hz=20.0)
        trace.write(str(tmp_path / f"{code}.mseed"), format="MSEED")
    rows = [
        f"XX,AA,{code},{start + at},{phase},{event},{weight}"
        for code, at, phase, event, weight in (
            ("HHZ", 100.0, "P", "a", 0.5), ("HNZ", 100.1, "P", "b", 1), ("HHZ", 110.0, "S", "a", 1),
            ("HHZ", 110.4, "S", "b", 0.5), ("HHZ", 120.0, "P", "c", 1), ("HHZ", 121.0, "P", "c", 1),
        )
    ]  # fmt: skip
    (tmp_path / "picks.csv").write_text("\n".join(["network,station,channel,time,phase,event_id,weight", *rows]))
    config = replace(CONFIG, shifts=0, coda_windows=0, noise_windows=0)
    info = preprocess_to_file([tmp_path], [tmp_path / "picks.csv"], config, output=tmp_path / "w.h5")
    windows = read_windows(tmp_path / "w.h5")
    own = windows.rows
    at_s = (own.start_ns - MIDNIGHT_NS) / NS_PER_S + 4 + own.onset_s
    found = {code: at_s[own.trace_id == f"XX.AA..{code}"].round(3).tolist() for code in ("HH", "HN", "EH")}
    assert found == {"HH": [100, 110, 120, 121], "HN": [100.1, 110, 120, 121], "EH": [100.1, 110, 120, 121]}
    assert info.group_names in (("b", "c"), ("a", "c"))
    assert [len(e.onsets) for e in windows.excerpts] == [4, 4, 4]
    reasons = [reason for *_, reason in read_rejected(tmp_path / "w.h5")]
    assert reasons.count("a second pick of the same onset") == 1


def test_columns_of_a_data_set_for_one_onset_give_its_windows_once(tmp_path, noise):
    """``trace_p_`` and ``trace_P_`` a sample apart."""
    columns = ("trace_start_time", "station_code", "trace_category", "trace_p_arrival_sample", "trace_P_arrival_sample")
    columns = (*columns, "trace_P_uncertainty_s", "trace_s_arrival_sample", "trace_PKP_arrival_sample")
    said = {"component_order": "Z", "sampling_rate": 20.0}
    with new_seisbench(tmp_path / "set", columns, data_format=said) as writer:
        row = ("2020-01-01T00:00:00", "AA", "earthquake", 1000, 1001, 0.01, 1100, 1400)
        writer.add(dict(zip(columns, row, strict=True)), noise(6000)[None])
    config = replace(CONFIG, shifts=0, coda_windows=0, noise_windows=0)
    preprocess_to_file([tmp_path / "set"], [], config, output=tmp_path / "w.h5")
    rows = read_windows(tmp_path / "w.h5").rows
    start_ns = MIDNIGHT_NS - DAY_NS
    at = ((rows.start_ns - start_ns) / NS_PER_S + 4 + rows.onset_s) * 20
    assert at.round(3).tolist() == [1001, 1100]
    reasons = [reason for *_, reason in read_rejected(tmp_path / "w.h5")]
    assert {"a second pick of the same onset", "phase 'PKP' is neither P nor S"} <= set(reasons)


@pytest.mark.parametrize(
    ("share", "options", "start", "p", "s"),
    [("mix_share", {"coda_windows": 1}, "12:00:00", 500, 700), ("overlay_share", {"shifts": 1}, "12:01:16", 98, 298)],
)
def test_an_event_of_which_samples_may_be_added_to_another_is_in_its_split(
    share, options, start, p, s, tmp_path, noise
):
    """The first row holds the second event, before its own P or after its S, but does not say so."""
    columns = ("trace_start_time", "station_code", "source_id", "trace_p_arrival_sample", "trace_s_arrival_sample")
    said = {"component_order": "Z", "sampling_rate": 20.0}
    with new_seisbench(tmp_path / "set", columns, data_format=said) as writer:
        for row in (("2020-01-01T12:00:00", "AA", "a", 1200, 1400), (f"2020-01-01T{start}", "AA", "b", p, s)):
            writer.add(dict(zip(columns, row, strict=True)), noise(2400)[None])
    none = {"shifts": 0, "coda_windows": 0, "noise_windows": 0, "shift_s": 0.5, "split": (0.5, 0.5, 0.0)}
    config = replace(CONFIG, **{**none, **options})
    assert preprocess([tmp_path / "set"], [], config).info.group_names == ("a", "b")
    with pytest.raises(DataError, match="1 event can't be divided among 2 splits"):
        preprocess([tmp_path / "set"], [], replace(config, **{share: 1.0}))
