"""From sources and labels to a windows file: the same from every source, and nothing without a reason."""

import errno
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import obspy
import pytest

from seisnet.config import PreprocessConfig, TrainConfig, to_json
from seisnet.engine import Engine
from seisnet.errors import ConfigError, DataError, FormatError, NothingUsableError
from seisnet.features import extract, make_feature
from seisnet.picking.picker import snr_db
from seisnet.picks import Pick, station_of
from seisnet.preprocessing import job as preprocessing
from seisnet.preprocessing import mining, one_piece, planning
from seisnet.preprocessing.job import plan, preprocess, preprocess_to_file
from seisnet.preprocessing.merging import Copy, merge
from seisnet.preprocessing.splits import divide
from seisnet.store.files import sha256_of
from seisnet.store.seisbench_writer import SeisBenchWriter
from seisnet.store.shards import new_shard, read_shard
from seisnet.store.windows_file import SPLITS, FeatureReader, read_info
from seisnet.store.windows_in_memory import read_windows
from seisnet.waveforms import files
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import find_sources
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import NO_WAVEFORMS, Selection

CONFIG = PreprocessConfig(split_by="event")
START_NS = 1_577_836_800 * NS_PER_S


@pytest.fixture(scope="module")
def windows(labelled, tmp_path_factory):
    """Windows of the miniSEED files and the QuakeML."""
    path = tmp_path_factory.mktemp("windows") / "windows.h5"
    preprocess_to_file([str(labelled.files)], [str(labelled.quakeml)], CONFIG, output=path)
    return path


def table(windows):
    """Rows as a dictionary from (trace, start, label, onset) to features, split and group."""
    rows, names = windows.rows, windows.info.group_names
    keys = zip(
        rows.trace_id, rows.start_ns.tolist(), rows.y.tolist(), np.nan_to_num(rows.onset_s).tolist(), strict=True
    )
    values = zip(rows.x, rows.split.tolist(), (names[g] for g in rows.group), rows.augmented.tolist(), strict=True)
    return dict(zip(keys, values, strict=True))


def nothing(sources, labels=(), config=CONFIG, error=NothingUsableError):
    with pytest.raises(error) as caught:
        preprocess([str(s) for s in sources], [str(p) for p in labels], config)
    message = str(caught.value)
    assert "\n" not in message
    return message


# The same windows from every source


def test_files_with_quakeml_and_files_with_csv_give_the_same_windows(labelled, windows):
    a, b = read_windows(windows), preprocess([str(labelled.files)], [str(labelled.csv)], CONFIG)
    assert b.rows.x.tobytes() == a.rows.x.tobytes()
    assert table(a).keys() == table(b).keys()
    assert [v[1:] for v in table(a).values()] == [v[1:] for v in table(b).values()]


def test_labels_that_stand_in_two_files_give_their_windows_once(labelled, windows, tmp_path):
    """Under other names of events, and a fifth of a second off, they would lie in train and in test at once."""
    later = ["network,station,time,phase,event_id"]
    for p in labelled.picks:
        later.append(f"{p.network},{p.station},{obspy.UTCDateTime(ns=p.time_ns) + 0.2},{p.phase}g,other {p.event_id}")
    (tmp_path / "later.csv").write_text("\n".join(later) + "\n")
    alone = read_windows(windows)
    for second in (labelled.quakeml, labelled.csv, tmp_path / "later.csv"):
        both = preprocess([str(labelled.files)], [str(labelled.quakeml), str(second)], CONFIG)
        assert both.rows.x.tobytes() == alone.rows.x.tobytes()
        np.testing.assert_array_equal(both.rows.split, alone.rows.split)
        assert [reason for *_, reason in both.info.rejected].count("a second pick of the same onset") == len(
            labelled.picks
        )


def torn(windows):
    """How many windows of dev and test hold an onset and share samples with windows of other splits."""
    rows, window_ns = windows.rows, 4 * NS_PER_S
    found = 0
    for i in np.flatnonzero((rows.split > 0) & (rows.y < 2)):
        near = (np.abs(rows.start_ns - rows.start_ns[i]) < window_ns) & (rows.y < 2)
        found += int((near & (rows.trace_id == rows.trace_id[i]) & (rows.split != rows.split[i])).any())
    return found


def test_an_earthquake_under_two_names_lies_in_one_split(labelled, tmp_path):
    """As two agencies give it in one file, or in two whose picks are farther apart than those of one onset."""
    lines = [
        f"{p.network},{p.station},{obspy.UTCDateTime(ns=p.time_ns) + off},{p.phase},{agency}{p.event_id}"
        for agency, off in (("a", 0.0), ("b", 0.1), ("c", 0.9))
        for p in labelled.picks
    ]
    (tmp_path / "agencies.csv").write_text("\n".join(["network,station,time,phase,event_id", *lines]) + "\n")
    found = preprocess([str(labelled.files)], [str(tmp_path / "agencies.csv")], CONFIG)
    assert set(found.rows.split.tolist()) == {0, 1, 2}
    assert torn(found) == 0
    split_of = {name: int(found.rows.split[found.rows.group == k][0]) for k, name in enumerate(found.info.group_names)}
    for name, split in split_of.items():
        assert all(split_of.get(agency + name[1:], split) == split for agency in "abc")


def test_stretches_of_a_class_that_abut_are_still_divided(tmp_path, noise):
    """Shifted copies of their windows reach into each other; if that made one event of them, nothing could be dealt."""
    at = obspy.UTCDateTime(ns=START_NS)
    header = {"network": "XX", "station": "A", "channel": "HHZ", "sampling_rate": 100.0, "starttime": at}
    obspy.Trace(noise(60_000), header).write(str(tmp_path / "a.mseed"), format="MSEED")
    rows = [f"XX,A,{at + 20 * k},{at + 20 * (k + 1)},{'ab'[k // 15]}" for k in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["network,station,time,end_time,class", *rows]) + "\n")
    config = replace(CONFIG, task="class", class_windows=5, link_s=1.0)
    found = preprocess([str(tmp_path / "a.mseed")], [str(tmp_path / "a.csv")], config)
    plain = found.rows.split[~found.rows.augmented]
    np.testing.assert_allclose(np.bincount(plain) / len(plain), CONFIG.split, atol=0.05)


def test_windows_of_a_data_set_lie_in_the_splits_that_it_names(tmp_path, noise):
    columns = ("trace_start_time", "trace_p_arrival_sample", "station_code", "source_id", "split")
    splits = ["test", "dev", "train", "train", "dev", "test"]
    with SeisBenchWriter(tmp_path / "set", columns, data_format={"component_order": "ZNE", "sampling_rate": 100}) as w:
        for k, split in enumerate(splits):
            row = (str(obspy.UTCDateTime(1000 * k)), 4000, "A", f"e{k}", split)
            w.add(dict(zip(columns, row, strict=True)), noise(18_000, k).reshape(3, 6000))
    found = preprocess([str(tmp_path / "set")], [], replace(CONFIG, split_by="given"))
    named = [splits[int(found.info.group_names[group][1:])] for group in found.rows.group]
    assert [SPLITS[side] for side in found.rows.split] == named
    assert set(named) == set(SPLITS)


def test_no_excerpt_reaches_into_a_trace_of_another_split(tmp_path, noise):
    """Traces of a data set that were cut from one recording, event by event, and overlap."""
    columns = ("trace_start_time", "trace_p_arrival_sample", "station_code", "source_id")
    day = noise(90_000).reshape(3, 30_000)
    starts = [*range(0, 18_000, 3000), 24_000]  # of traces of a minute each, the last by itself
    with SeisBenchWriter(tmp_path / "set", columns, data_format={"component_order": "ZNE", "sampling_rate": 100}) as w:
        for at in starts:
            row = (str(obspy.UTCDateTime(at / 100)), 4000, "A", f"e{at}")
            w.add(dict(zip(columns, row, strict=True)), day[:, at : at + 6000])
    found = preprocess([str(tmp_path / "set")], [], replace(CONFIG, noise_windows=0, coda_windows=0, shifts=0))
    rows = found.rows
    assert sorted(rows.start_ns.tolist()) == [round((at / 100 + 38) * NS_PER_S) for at in starts]
    assert len(found.excerpts) > 0
    for e in found.excerpts:
        inside = (rows.start_ns + 4 * NS_PER_S > e.start_ns) & (rows.start_ns <= e.end_ns)
        assert set(rows.split[inside].tolist()) == {e.split}


def write_swarm(folder, rng, kind):
    """An hour of a swarm at two stations: with two instruments each and a catalogue, or cut into rows that overlap."""
    onsets_s = [
        (f"e{k}", station, p_s, p_s + rng.uniform(1, 10))
        for k, at_s in enumerate(rng.uniform(0, 3500, 35))
        for station in "AB"
        if rng.random() < 0.8
        for p_s in [at_s + rng.uniform(1, 8)]
    ]
    start = obspy.UTCDateTime(ns=START_NS)
    if kind == "rows":
        columns = ("trace_start_time", "station_code", "trace_channel", "trace_category", "source_id")
        columns = (*columns, "trace_P_arrival_sample", "trace_S_arrival_sample")
        said = {"component_order": "Z", "sampling_rate": 20.0}
        with SeisBenchWriter(folder / "set", columns, data_format=said) as writer:
            for event, station, p_s, s_s in onsets_s:
                at_s = round(p_s - 30)
                row = (str(start + at_s), station, rng.choice(["HH", "HN"]), "earthquake", event)
                row = (*row, (p_s - at_s) * 20, (s_s - at_s) * 20)
                writer.add(dict(zip(columns, row, strict=True)), rng.normal(size=(1, 1800)))
        return [folder / "set"], []
    for code in ("A..HHZ", "A..HNZ", "B..HHZ", "B..HNZ"):
        station, _, channel = code.split(".")
        header = {"network": "XX", "station": station, "channel": channel, "sampling_rate": 20, "starttime": start}
        obspy.Trace(rng.normal(size=72_000), header).write(str(folder / f"{code}.mseed"), format="MSEED")
    lines = [
        f"XX,{station},{start + at_s},{phase},{event if kind == 'events' else ''}"
        for event, station, p_s, s_s in onsets_s
        for phase, at_s in (("P", p_s), ("S", s_s))
    ]
    (folder / "picks.csv").write_text("\n".join(["network,station,time,phase,event_id", *lines]))
    return [folder], [folder / "picks.csv"]


@pytest.mark.parametrize("kind", ["events", "picks", "rows"])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_sample_of_a_station_lies_in_windows_or_excerpts_of_two_splits(kind, seed, tmp_path, monkeypatch):
    """Of onsets, noise, coda and false picks of a model, shifted or not."""
    rng = np.random.default_rng(seed)
    seen = [Pick("", "", "", "", "P", START_NS + 7 * k * NS_PER_S, probability=0.9) for k in range(500)]
    follower = SimpleNamespace(add=lambda *_, **__: SimpleNamespace(picks=seen))
    miner = SimpleNamespace(classes=("P", "S", "noise"), follow=lambda *_: follower)
    monkeypatch.setattr(mining, "load_miner", lambda *_: miner)
    config = replace(CONFIG, sampling_rate_hz=20.0, freqmax_hz=9.0)
    sources, labels = write_swarm(tmp_path, rng, kind)
    preprocess_to_file(sources, labels, config, output=tmp_path / "w.h5", miner="any")
    found = read_windows(tmp_path / "w.h5")
    rows, last_ns = found.rows, round(config.window_s * NS_PER_S) - NS_PER_S // 20
    assert found.info.attributes["mined_windows"] > 0 and set(rows.split.tolist()) == {0, 1, 2}
    assert len({e.split for e in found.excerpts}) > 1
    spans = [
        (station_of(t), s, s + last_ns, k) for t, s, k in zip(rows.trace_id, rows.start_ns, rows.split, strict=True)
    ]
    spans += [(station_of(e.trace_id), e.start_ns, e.end_ns, e.split) for e in found.excerpts]
    for station in {station for station, *_ in spans}:
        reach = {}  # the latest sample of each split so far
        for _, start_ns, end_ns, split in sorted(span for span in spans if span[0] == station):
            assert all(ns < start_ns for other, ns in reach.items() if other != split)
            reach[split] = max(reach.get(split, 0), end_ns)


def test_a_data_set_gives_the_windows_of_the_same_files_and_picks(labelled, windows):
    a, b = table(read_windows(windows)), table(preprocess([str(labelled.dataset)], [], CONFIG))
    assert len(a) > 200
    assert {(k[0], k[1], k[2]) for k in a} == {(k[0], k[1], k[2]) for k in b}
    b = {(*k[:3], v[3]): (k[3], v) for k, v in b.items()}
    for key, (x, split, group, augmented) in a.items():
        onset_s, (other_x, other_split, other_group, _) = b[(*key[:3], augmented)]
        # The mean of a record is taken before or after it is resampled: samples differ in their last bits, and with
        # them the weakest bands of a record with a large offset.
        assert np.abs(other_x - x).mean() < 1e-2
        assert onset_s == pytest.approx(key[3], abs=2e-6)
        assert (other_split, other_group) == (split, group)


def test_windows_may_lie_in_the_folder_of_a_data_set_but_not_replace_it(labelled, tmp_path):
    folder = shutil.copytree(labelled.dataset, tmp_path / "set")
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    preprocess_to_file([str(folder)], [], CONFIG, output=tmp_path / "windows.h5")
    for _ in range(2):
        preprocess_to_file([str(folder)], [], CONFIG, output=folder / "windows.h5", overwrite=True)
        assert (folder / "windows.h5").read_bytes() == (tmp_path / "windows.h5").read_bytes()
    info = read_info(tmp_path / "windows.h5")
    assert info.attributes["created"] == "2001-09-09T01:46:40+00:00"
    [(_, size, sha256, _)] = info.sources
    sizes = {name: (folder / name).stat().st_size for name in ("metadata.csv", "waveforms.hdf5")}
    assert size == sum(sizes.values())
    assert sha256 == hashlib.sha256("".join(f"{name} {n}\n" for name, n in sizes.items()).encode()).hexdigest()
    [source] = find_sources([str(folder)], Reading())
    assert {Path(name).name for name, *_ in source.stamps} == {"metadata.csv", "waveforms.hdf5"}
    for name, message in (("metadata.csv", "no .csv file is written"), ("waveforms.hdf5", "is also an input")):
        content = (folder / name).read_bytes()
        with pytest.raises(ConfigError, match=message):
            preprocess_to_file([str(folder)], [], CONFIG, output=folder / name, overwrite=True)
        assert (folder / name).read_bytes() == content


def test_any_order_of_sources_gives_the_same_windows(labelled, windows):
    files = sorted(str(p) for p in labelled.files.iterdir())
    mixed = [files[i] for i in np.random.default_rng(0).permutation(len(files))]
    a, b = table(read_windows(windows)), table(preprocess(mixed, [str(labelled.csv)], CONFIG))
    assert a.keys() == b.keys()
    for key, value in a.items():
        np.testing.assert_array_equal(value[0], b[key][0])
        assert value[1:] == b[key][1:]


def test_the_same_inputs_give_the_same_bytes_as_paths_and_as_names(labelled, windows, tmp_path):
    again = str(tmp_path / "again.h5")
    preprocess_to_file([labelled.files], (path for path in [labelled.quakeml]), CONFIG, output=again)
    assert Path(again).read_bytes() == windows.read_bytes()


@pytest.mark.parametrize("kind", ["dataset", "files"])
def test_the_size_of_shards_changes_nothing(kind, labelled, tmp_path, monkeypatch):
    sources, labels = [str(getattr(labelled, kind))], [] if kind == "dataset" else [str(labelled.csv)]
    preprocess_to_file(sources, labels, CONFIG, output=tmp_path / "large.h5")
    monkeypatch.setattr(planning, "PIECE_ROWS", 7)
    monkeypatch.setattr(planning, "PIECE_SOURCES", 3)
    monkeypatch.setattr(one_piece, "FEATURE_BYTES", 1)
    preprocess_to_file(sources, labels, CONFIG, output=tmp_path / "small.h5")
    small, large = read_windows(tmp_path / "small.h5"), read_windows(tmp_path / "large.h5")
    assert small.info.sources == large.info.sources
    assert small.info.rejected == large.info.rejected
    for name, values in vars(large.rows).items():
        np.testing.assert_array_equal(getattr(small.rows, name), values)
    assert len(small.excerpts) == len(large.excerpts) > 20
    for one, other in zip(small.excerpts, large.excerpts, strict=True):
        assert (one.start_ns, one.trace_id, one.data.tobytes()) == (
            other.start_ns,
            other.trace_id,
            other.data.tobytes(),
        )


# What the windows are


def test_parity_the_features_in_the_file_are_those_of_the_samples_at_their_time(labelled, windows):
    found = read_windows(windows)
    feature = make_feature(CONFIG)
    records, n_ratios = {}, 0
    for path in sorted(labelled.files.iterdir()):
        for r in condition(obspy.read(str(path)), sampling_rate_hz=100.0, shortest_s=4.0)[0]:
            records.setdefault(r.trace_id, []).append(r)
    for i in range(0, len(found.rows), 17):
        start_ns = int(found.rows.start_ns[i])
        [record] = [r for r in records[found.rows.trace_id[i]] if r.start_ns <= start_ns <= r.end_ns]
        first = round((start_ns - record.start_ns) / 1e7)
        x = extract(
            feature, record.data[None, :, first : first + 400], record.present[None], np.array([record.bandwidth_hz])
        )
        np.testing.assert_allclose(found.rows.x[i], x[0], atol=1e-5)
        onset_s, ratio_db = float(found.rows.onset_s[i]), math.nan
        if not (math.isnan(onset_s) or found.rows.augmented[i]):
            ratio_db = snr_db(record, start_ns + round((onset_s + 2) * NS_PER_S))
        assert found.rows.snr_db[i] == pytest.approx(ratio_db, abs=0.5, nan_ok=True)
        n_ratios += not math.isnan(ratio_db)
    assert n_ratios > 3


def test_the_onset_in_the_file_is_the_pick(labelled, windows):
    rows = read_windows(windows).rows
    picked = {(p.station, p.phase): [] for p in labelled.picks}
    for p in labelled.picks:
        picked[p.station, p.phase].append(p.time_ns)
    for i in np.flatnonzero(~np.isnan(rows.onset_s)):
        onset_ns = rows.start_ns[i] + 2 * NS_PER_S + rows.onset_s[i] * NS_PER_S
        times = np.array(picked[rows.trace_id[i].split(".")[1], "PS"[rows.y[i]]])
        assert np.abs(times - onset_ns).min() < 2000
    assert (np.isnan(rows.onset_s) == (rows.y == 2)).all()


def test_every_pick_gives_one_centred_window_or_a_reason(labelled, windows):
    found = read_windows(windows)
    centred = (found.rows.y < 2) & ~found.rows.augmented
    assert centred.sum() + sum("edge" in r for *_, r in found.info.rejected) == len(labelled.picks)


def test_dev_and_test_hold_no_augmented_window_and_no_event_of_train(windows):
    rows = read_windows(windows).rows
    assert rows.augmented[rows.split == 0].any()
    assert not rows.augmented[rows.split > 0].any()
    groups = [set(rows.group[rows.split == s].tolist()) for s in range(3)]
    assert all(groups)
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]


def test_splits_of_windows_in_memory_are_taken_by_name(windows):
    found = read_windows(windows)
    assert sum(len(found.split(name)) for name in SPLITS) == len(found.rows)
    assert (found.split("dev").split == 1).all()


def test_raw_windows_are_made_when_asked_for(labelled):
    found = preprocess([str(labelled.dataset)], [], replace(CONFIG, features="raw", shifts=0))
    assert found.info.feature_shape == (3, 1, 400)
    assert found.rows.x.shape[1] == 1200


def test_the_file_tells_where_it_comes_from(labelled, windows):
    info = read_windows(windows).info
    files = sorted(labelled.files.iterdir())
    assert sorted(path for path, *_ in info.sources) == [str(p) for p in files]
    for path, size, sha256, _ in info.sources:
        assert size == Path(path).stat().st_size
        assert sha256 == sha256_of(Path(path))
    attributes = info.attributes
    assert json.loads(attributes["config"]) == json.loads(to_json(CONFIG))  # defaults too, which may be others one day
    assert attributes["labels_sha256"] == sha256_of(labelled.quakeml)
    assert (attributes["component_order"], attributes["feature"]) == ("ZNE", "logspec")
    assert (attributes["sampling_rate_hz"], attributes["window_s"], attributes["split_by"]) == (100.0, 4.0, "event")


def test_a_component_that_can_not_be_read_gave_no_window(labelled, tmp_path):
    shutil.copytree(labelled.files, tmp_path / "files")
    whole = next(p for p in sorted((tmp_path / "files").iterdir()) if len(obspy.read(p)) == 3)
    stream = obspy.read(whole)
    whole.unlink()
    for trace in stream:
        trace.data = np.round(trace.data).astype(np.int32)
        trace.write(str(whole.with_suffix(f".{trace.stats.channel}")), format="MSEED", reclen=512, encoding="STEIM2")
    spoilt = whole.with_suffix(f".{trace.stats.channel}")
    content = bytearray(spoilt.read_bytes())
    for start in range(0, len(content), 512):
        content[start + 64 : start + 512] = b"\xff" * 448  # the header stays
    spoilt.write_bytes(content)
    info = preprocess([str(tmp_path / "files")], [str(labelled.quakeml)], CONFIG).info
    made = {Path(path): n for path, *_, n in info.sources}
    assert made[spoilt] == 0 and all(n > 0 for path, n in made.items() if path.stem == spoilt.stem and path != spoilt)
    assert any(reason.startswith(f"{spoilt}: can't be read") for *_, reason in info.rejected)


def test_progress_is_told_as_windows_grow(labelled, tmp_path):
    told = []
    preprocess_to_file(
        [str(labelled.files)],
        [str(labelled.csv)],
        CONFIG,
        output=tmp_path / "w.h5",
        progress=lambda n, source: told.append((n, source)),
    )
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert {source for _, source in told} <= {str(p) for p in labelled.files.iterdir()} | {s for _, s in told}
    assert told[-1][0] > 100


# Sources that can't be used as they are


def test_an_unreadable_file_among_good_ones_is_one_reason_and_the_rest_goes_on(labelled, windows, tmp_path):
    bad = tmp_path / "bad.mseed"
    bad.write_bytes(b"")
    found = preprocess([str(bad), str(labelled.files)], [str(labelled.quakeml)], CONFIG)
    assert len(found.rows) == len(read_windows(windows).rows)
    assert Counter(reason for *_, reason in found.info.rejected)[f"{bad}: the file is empty"] == 1


def test_a_broken_data_set_among_good_ones_is_one_reason_and_the_rest_goes_on(labelled, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(labelled.dataset, broken)
    (broken / "waveforms.hdf5").write_bytes((broken / "waveforms.hdf5").read_bytes()[:2000])
    found = preprocess([str(broken), str(labelled.dataset)], [], CONFIG)
    assert len(found.rows) == len(preprocess([str(labelled.dataset)], [], CONFIG).rows)
    assert any(str(broken) in reason and "HDF5" in reason for *_, reason in found.info.rejected)
    assert "waveforms.hdf5" in nothing([broken])


def test_a_data_set_sampled_far_too_slowly_is_told(tmp_path, noise):
    columns = ("trace_sampling_rate_hz", "trace_p_arrival_sample", "station_code")
    with SeisBenchWriter(tmp_path / "slow", columns, data_format={"component_order": "ZNE"}) as writer:
        writer.add(dict(zip(columns, (1.0, 500, "A"), strict=True)), noise(3000).reshape(3, 1000))
    assert "sampled at 1 Hz; 10 Hz is the minimum" in nothing([tmp_path / "slow"])


def test_a_trace_of_a_data_set_without_picks_is_noise_only_where_that_is_said(tmp_path, noise):
    columns = ("trace_sampling_rate_hz", "trace_category", "station_code")
    with SeisBenchWriter(tmp_path / "set", columns, data_format={"component_order": "ZNE"}) as writer:
        writer.add(dict(zip(columns, (100.0, "earthquake", "A"), strict=True)), noise(9000).reshape(3, 3000))
    assert "a record without picks that no data set labels as noise" in nothing([tmp_path / "set"])


def test_a_lack_of_memory_names_the_source(labelled, monkeypatch):
    def starve(*_, **__):
        raise MemoryError

    monkeypatch.setattr(one_piece, "read_records", starve)
    with pytest.raises(DataError, match=r"\.003\.mseed and 5 more: not enough memory; use fewer jobs"):
        preprocess([str(labelled.files)], [str(labelled.csv)], CONFIG)


def test_waveforms_without_labels_say_what_is_missing(labelled):
    assert "labels=..." in nothing([labelled.files])


def test_empty_sources_are_reasons(tmp_path, labelled):
    (tmp_path / "a.mseed").write_bytes(b"")
    (tmp_path / "b.mseed").write_text("hello")
    message = nothing([tmp_path], [labelled.csv])
    assert "a.mseed: the file is empty" in message
    assert "b.mseed: not a waveform format" in message
    assert "nearest" not in message, "no label lies near or far where there is no record"
    assert nothing([]) == f"no window could be made: {NO_WAVEFORMS}"
    with pytest.raises(NothingUsableError, match=NO_WAVEFORMS):
        preprocess([str(labelled.dataset)], [], CONFIG, selection=Selection(("XX.NONE",)))
    (tmp_path / "empty").mkdir()
    assert "holds no waveform files" in nothing([tmp_path / "empty"], [labelled.csv])


def write_labels(path, lines):
    path.write_text("network,station,time,phase\n" + "\n".join(lines) + "\n")
    return path


def test_labels_that_match_nothing_say_how_far_off_they_are(labelled, tmp_path):
    station, day_ns = labelled.picks[0].station, 86_400 * NS_PER_S
    elsewhen = obspy.UTCDateTime(ns=START_NS - 5 * day_ns)
    late = write_labels(tmp_path / "late.csv", [f"SY,{station},{elsewhen},P"])
    assert "days from the nearest waveform of that station" in nothing([labelled.files], [late])
    picks = [f"X{n},{station},2020-01-01T00:10:0{k},P" for n in range(9) for k in range(9)]
    message = nothing([labelled.files], [write_labels(tmp_path / "where.csv", picks)])
    assert f"label at X0.{station}.: no waveform of that station; the most similar are SY.{station}." in message
    assert message.count(" (9); ") == 3
    assert "6 more stations without waveform" in message


def test_labels_that_match_in_part_are_told_in_the_file(labelled, tmp_path):
    lost = write_labels(tmp_path / "lost.csv", ["XX,NOWHERE,2020-01-01T00:10:00,P"])
    found = preprocess([str(labelled.files)], [str(labelled.csv), str(lost)], CONFIG)
    assert sum("XX.NOWHERE." in reason for *_, reason in found.info.rejected) == 1


def test_labels_of_other_phases_only_are_reasons(labelled, tmp_path):
    p = labelled.picks[0]
    other = write_labels(tmp_path / "lg.csv", [f"SY,{p.station},{obspy.UTCDateTime(ns=p.time_ns)},Lg"])
    assert "phase 'Lg' is neither P nor S" in nothing([labelled.files], [other])


@pytest.mark.parametrize(("n_events", "shares"), [(1, (0.7, 0.15, 0.15)), (2, (0.7, 0.15, 0.15)), (1, (0.7, 0.3, 0.0))])
def test_fewer_events_than_splits_need_is_an_error_that_counts_them(labelled, n_events, shares, tmp_path):
    events = list(dict.fromkeys(p.event_id for p in labelled.picks))[:n_events]
    lines = [
        f"SY,{p.station},{obspy.UTCDateTime(ns=p.time_ns)},{p.phase},smi:{p.event_id}"
        for p in labelled.picks
        if p.event_id in events
    ]
    path = tmp_path / "few.csv"
    path.write_text("network,station,time,phase,event_id\n" + "\n".join(lines) + "\n")
    config = replace(CONFIG, split=shares, noise_windows=0, shifts=0, coda_windows=0)
    message = nothing([labelled.files], [path], config, DataError)
    assert re.search(f"{n_events} events? can't be divided among {sum(s > 0 for s in shares)} splits", message)
    assert len(preprocess([str(labelled.files)], [str(path)], replace(config, split=(1.0, 0.0, 0.0))).rows) > 0


def test_the_advice_of_a_split_that_fails_works_without_making_the_shards_again(labelled, tmp_path):
    one = tmp_path / "one.csv"
    one.write_text("".join(labelled.csv.read_text().splitlines(keepends=True)[:3]))  # P and S of one event
    job, told = ([str(labelled.files)], [str(one)]), []
    with pytest.raises(
        DataError, match=r"; windows: P [1-9]\d*, S [1-9]\d*, noise \d+; 2 of 2 labels lie in a record$"
    ):
        plan(*job, CONFIG)
    far = tmp_path / "far.csv"
    far.write_text("network,station,time,phase\nXX,NOWHERE,2020-01-01T00:00:00,P\n")
    with pytest.raises(DataError, match=r"2 of 3 labels lie in a record: label at XX.NOWHERE.: no waveform"):
        plan(job[0], [*job[1], str(far)], CONFIG)
    with pytest.raises(DataError, match=r"the shards are finished: correct this and use resume=True$"):
        preprocess_to_file(*job, CONFIG, output=tmp_path / "w.h5")
    assert list((tmp_path / ".w.h5.work").glob("*.h5"))
    whole = replace(CONFIG, split=(1.0, 0.0, 0.0))
    preprocess_to_file(*job, whole, output=tmp_path / "w.h5", resume=True, say=told.append)
    assert not told
    preprocess_to_file(*job, whole, output=tmp_path / "anew.h5")
    assert (tmp_path / "w.h5").read_bytes() == (tmp_path / "anew.h5").read_bytes()


def test_a_file_that_vanishes_or_is_cut_short_on_the_way_is_one_reason_and_the_rest_goes_on(
    labelled, windows, tmp_path, monkeypatch
):
    shutil.copytree(labelled.files, tmp_path / "files")
    first, *_, second = sorted((tmp_path / "files").iterdir())  # of different stations
    found = preprocessing.find_sources

    def find_and_lose(*arguments, **wanted):
        sources = found(*arguments, **wanted)
        first.unlink()
        second.write_bytes(second.read_bytes()[:5000])
        return sources

    monkeypatch.setattr(preprocessing, "find_sources", find_and_lose)
    info = preprocess([str(tmp_path / "files")], [str(labelled.quakeml)], CONFIG).info
    counted = Counter(reason for *_, reason in info.rejected)
    assert sum(count for reason, count in counted.items() if str(first) in reason and "No such file" in reason) == 1
    assert any(str(second) in reason and "damaged, read as far as possible" in reason for reason in counted)
    assert len(info.sources) > 20


# Features that stay in shards


@pytest.fixture
def virtual(labelled, tmp_path):
    path = tmp_path / "v.h5"
    preprocess_to_file([str(labelled.files)], [str(labelled.csv)], CONFIG, output=path, virtual=True)
    return path


def test_a_virtual_file_reads_as_one_that_holds_its_features(virtual, windows, tmp_path):
    a, b = read_windows(windows).rows, read_windows(virtual).rows
    for name in ("x", "y", "start_ns", "split", "onset_s"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    rows = np.flatnonzero(a.split == 0)[::3]
    with FeatureReader(virtual) as reader:
        np.testing.assert_array_equal(reader.read(rows), a.x[rows])
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "v.h5.shards", tmp_path / "elsewhere" / "v.h5.shards")
    moved = shutil.move(virtual, tmp_path / "elsewhere" / "v.h5")
    np.testing.assert_array_equal(read_windows(moved).rows.x, a.x)


def test_a_virtual_file_whose_shards_are_gone_changed_or_foreign_is_refused(virtual, labelled, tmp_path):
    [shard] = (tmp_path / "v.h5.shards").iterdir()
    kept = tmp_path / "kept.h5"
    shutil.copy(shard, kept)
    shard.unlink()
    with pytest.raises(FormatError, match="no such file"):
        read_windows(virtual)
    with h5py.File(kept, "r+") as file:
        file.attrs["sha256"] = "0" * 64
    shutil.copy(kept, shard)
    with pytest.raises(FormatError, match="is not the shard"):
        read_windows(virtual)
    with h5py.File(virtual, "r+") as file:
        layout = h5py.VirtualLayout(file["x"].shape, np.float32)
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=file["x"].shape)
        del file["x"]
        file.create_virtual_dataset("x", layout)
    with pytest.raises(FormatError, match="points to /etc/passwd, which is not a shard beside it"):
        read_windows(virtual)


def test_a_virtual_file_keeps_its_shards_until_another_has_replaced_it(virtual, labelled, tmp_path):
    before, old = read_windows(virtual).rows.x, set((tmp_path / "v.h5.shards").iterdir())
    (tmp_path / "far.csv").write_text("network,station,time,phase\nXX,YYY,1,P\n")
    given = replace(CONFIG, shifts=1, split_by="given")
    jobs = [("far.csv", labelled.files, CONFIG, NothingUsableError), (labelled.csv, labelled.dataset, given, DataError)]
    for label, source, config, error in jobs:
        for way in ("overwrite", "resume"):
            options = {"output": virtual, "virtual": True, way: True}
            with pytest.raises((error, ConfigError)):
                preprocess_to_file([str(source)], [str(tmp_path / label)], config, **options)
            np.testing.assert_array_equal(read_windows(virtual).rows.x, before)
    job = ([str(labelled.files)], [str(labelled.csv)], replace(CONFIG, shifts=1))
    preprocess_to_file(*job, output=virtual, virtual=True, overwrite=True)
    assert len(read_windows(virtual).rows.x) < len(before)
    assert len(new := set((tmp_path / "v.h5.shards").iterdir())) == 1 and not new & old


def test_a_finished_virtual_file_whose_shards_are_gone_is_made_again(virtual, labelled, tmp_path):
    before = read_windows(virtual).rows.x
    shutil.rmtree(tmp_path / "v.h5.shards")
    job = ([str(labelled.files)], [str(labelled.csv)], CONFIG)
    preprocess_to_file(*job, output=virtual, virtual=True, resume=True)
    np.testing.assert_array_equal(read_windows(virtual).rows.x, before)
    assert len(list((tmp_path / "v.h5.shards").iterdir())) == 1


def test_shards_of_an_interrupted_virtual_run_are_not_removed_by_one_that_is_not(virtual, labelled, tmp_path):
    virtual.unlink()
    job = ([str(labelled.files)], [str(labelled.csv)], CONFIG)
    preprocess_to_file(*job, output=virtual)
    assert len(list((tmp_path / "v.h5.shards").iterdir())) == 1
    preprocess_to_file(*job, output=tmp_path / "w.h5", virtual=True)
    preprocess_to_file(*job, output=tmp_path / "w.h5", overwrite=True)
    assert not (tmp_path / "w.h5.shards").exists()


@pytest.mark.parametrize("first", [True, False])
def test_a_finished_file_is_not_resumed_as_one_of_the_other_kind(first, labelled, tmp_path):
    job = ([str(labelled.files)], [str(labelled.csv)], CONFIG)
    preprocess_to_file(*job, output=tmp_path / "w.h5", virtual=first)
    before = (tmp_path / "w.h5").read_bytes()
    with pytest.raises(ConfigError, match=f"was made with{'' if first else 'out'} virtual=True; choose another name"):
        preprocess_to_file(*job, output=tmp_path / "w.h5", virtual=not first, resume=True)
    preprocess_to_file(*job, output=tmp_path / "w.h5", virtual=first, resume=True)
    assert (tmp_path / "w.h5").read_bytes() == before


def test_what_the_system_could_not_read_is_read_by_the_run_that_goes_on(labelled, tmp_path, monkeypatch):
    job = ([str(labelled.files)], [str(labelled.csv)], CONFIG)
    preprocess_to_file(*job, output=tmp_path / "whole.h5")
    read, spoilt = files._read, sorted(labelled.files.iterdir())[2]

    def read_all_but_one(path, *how):
        if path == spoilt:
            raise OSError(5, "Input/output error")
        return read(path, *how)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files, "_read", read_all_but_one)
        patch.setattr("seisnet.preprocessing.job.merge", interrupt)
        preprocess_to_file(*job, output=tmp_path / "w.h5")
    assert not list((tmp_path / ".w.h5.work").glob("*.h5"))
    preprocess_to_file(*job, output=tmp_path / "w.h5", resume=True)
    assert (tmp_path / "w.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


# The output


@pytest.mark.parametrize("cause", [None, DataError("the cause")])
def test_windows_in_memory_are_not_told_to_resume(cause, labelled, monkeypatch, tmp_path):
    def full(job, piece):
        if piece.sources[0].paths[0].name == "second":
            raise DataError("no space left") from cause
        return one_piece.work(job, piece)

    monkeypatch.setattr("seisnet.preprocessing.merging.work", full)
    sources = [str(labelled.dataset), str(shutil.copytree(labelled.dataset, tmp_path / "second"))]
    with pytest.raises(
        DataError, match=r"^no space left; 1 of 2 shards are finished: correct this and use resume=True$"
    ):
        preprocess_to_file(sources, config=CONFIG, output=tmp_path / "w.h5")
    for made in (sources, sources[1:]):
        with pytest.raises(DataError, match=r"^no space left$"):
            preprocess(made, config=CONFIG)


def test_an_existing_output_is_never_touched_unless_overwriting_is_asked_for(labelled, tmp_path):
    output = tmp_path / "windows.h5"
    output.write_text("precious")
    with pytest.raises(ConfigError, match="use overwrite=True"):
        preprocess_to_file([str(labelled.dataset)], output=output)
    assert output.read_text() == "precious"
    preprocess_to_file([str(labelled.dataset)], config=CONFIG, output=output, overwrite=True)
    assert len(read_windows(output).rows) > 100
    assert [p.name for p in tmp_path.iterdir()] == ["windows.h5"]


def test_a_file_that_is_put_in_the_place_of_the_output_meanwhile_is_not_replaced(labelled, windows, tmp_path):
    output, job = tmp_path / "w.h5", ([str(labelled.files)], [str(labelled.quakeml)], CONFIG)
    with pytest.raises(ConfigError, match=r"w\.h5 was put there during the run; move it away, and use resume=True"):
        preprocess_to_file(*job, output=output, progress=lambda *_: output.write_text("precious"))
    assert output.read_text() == "precious"
    output.unlink()
    preprocess_to_file(*job, output=output, resume=True)
    assert output.read_bytes() == windows.read_bytes()


@pytest.mark.parametrize("where", ["x", "excerpts"])
def test_a_damaged_shard_is_made_again(where, labelled, windows, tmp_path):
    """One that a run finds, by that run; one that is damaged under its hands, by the next."""
    output = tmp_path / "w.h5"
    job = ([str(labelled.files)], [str(labelled.quakeml)], CONFIG)
    preprocess_to_file(*job, output=tmp_path / "v.h5", virtual=True)
    (tmp_path / "v.h5.shards").rename(tmp_path / ".w.h5.work")
    [shard] = (tmp_path / ".w.h5.work").iterdir()
    with h5py.File(shard, "r+") as file:
        file[where][3, 2] += 1
    preprocess_to_file(*job, output=output, resume=True)
    assert output.read_bytes() == windows.read_bytes()


def test_a_shard_does_not_grow_with_the_labels_of_other_times(labelled, tmp_path):
    lost = tmp_path / "lost.csv"
    [station] = {pick.station for pick in labelled.picks[:1]}
    times = (obspy.UTCDateTime(2001, 1, 1) + 60 * i for i in range(500))
    lost.write_text("network,station,time,phase\n" + "".join(f",{station},{time},P\n" for time in times))
    told = []
    for labels in ([labelled.csv], [labelled.csv, lost]):
        preprocess_to_file([labelled.files], labels, CONFIG, output=tmp_path / "v.h5", virtual=True, overwrite=True)
        with read_shard(next((tmp_path / "v.h5.shards").iterdir())) as shard:
            told.append(shard.summary)
    assert told[0] == told[1]
    n_records = sum(len(spans_ns) // 2 for spans_ns in told[0]["records"].values())
    assert n_records == len(list(labelled.files.iterdir()))


def test_a_shard_that_tells_something_else_is_made_again(labelled, windows, tmp_path):
    """As one did that an earlier state of this version made."""
    job = ([str(labelled.files)], [str(labelled.quakeml)], CONFIG)
    preprocess_to_file(*job, output=tmp_path / "v.h5", virtual=True)
    work = (tmp_path / "v.h5.shards").rename(tmp_path / ".w.h5.work")
    [path] = work.iterdir()
    with read_shard(path) as shard:
        told = {**shard.summary, "nearest_ns": []}
    path.unlink()
    with new_shard(path, 5) as shard:
        shard.finish([], told)
    preprocess_to_file(*job, output=tmp_path / "w.h5", resume=True)
    assert (tmp_path / "w.h5").read_bytes() == windows.read_bytes()


def test_a_run_that_goes_on_tells_how_many_shards_its_settings_can_not_take(labelled, windows, tmp_path, monkeypatch):
    job, told = ([str(labelled.files)], [str(labelled.quakeml)]), []
    work = tmp_path / ".w.h5.work"
    work.mkdir()
    for seed, sources in ((CONFIG.seed, 64), (7, 2)):
        monkeypatch.setattr(planning, "PIECE_SOURCES", sources)
        preprocess_to_file(*job, replace(CONFIG, seed=seed), output=tmp_path / f"{seed}.h5", virtual=True)
        for shard in (tmp_path / f"{seed}.h5.shards").iterdir():
            shutil.copy(shard, work)
    n = len(list(work.iterdir()))
    monkeypatch.setattr(planning, "PIECE_SOURCES", 64)
    preprocess_to_file(*job, CONFIG, output=tmp_path / "w.h5", resume=True, say=told.append)
    assert told == [f"finished shards: 1 kept, {n - 1} remade because inputs or settings differ"]
    assert (tmp_path / "w.h5").read_bytes() == windows.read_bytes()
    shutil.copytree(tmp_path / "0.h5.shards", tmp_path / ".v.h5.work")
    preprocess_to_file(*job, CONFIG, output=tmp_path / "v.h5", resume=True, say=told.append)
    assert len(told) == 1 and n > 2


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("where", ["x", "excerpts"])
def test_a_shard_that_is_damaged_when_it_is_merged_is_told_and_removed(where, jobs, labelled, tmp_path):
    preprocess_to_file([str(labelled.files)], [str(labelled.csv)], CONFIG, output=tmp_path / "v.h5", virtual=True)
    [shard] = (tmp_path / "v.h5.shards").iterdir()
    with read_shard(shard) as found:
        rows = Counter({tuple(row): n for row, n in found.summary["rows"]})
    with h5py.File(shard, "r+") as file:
        file[where][3, 2] += 1
    division = divide(rows, CONFIG)
    info = replace(read_info(tmp_path / "v.h5"), rejected=())
    told = pytest.raises(DataError, match=r"damaged: .*; use resume=True to remake it")
    with told, Engine(jobs).crew(Copy.make) as over:
        merge([shard], tmp_path / "w.h5", division, info, over=over)
    assert not shard.exists() and not (tmp_path / "w.h5").exists()


def test_a_disk_that_is_full_when_features_are_merged_costs_no_finished_shard(labelled, windows, tmp_path, monkeypatch):
    whole = Path.open

    def full(path, mode="r", *args, **kwargs):
        if mode == "r+b" and not kwargs.get("buffering", -1):
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, mode, *args, **kwargs)

    job = {"output": tmp_path / "w.h5", "resume": True}
    with monkeypatch.context() as patch, pytest.raises(DataError, match=r"w\.h5: can't be written: No space left"):
        patch.setattr(Path, "open", full)
        preprocess_to_file([str(labelled.files)], [str(labelled.quakeml)], CONFIG, **job)
    assert list((tmp_path / ".w.h5.work").glob("*.h5"))
    preprocess_to_file([str(labelled.files)], [str(labelled.quakeml)], CONFIG, **job)
    assert (tmp_path / "w.h5").read_bytes() == windows.read_bytes()


def test_a_run_that_fails_leaves_the_old_output_and_nothing_else(labelled, tmp_path):
    output = tmp_path / "windows.h5"
    output.write_text("precious")
    for sources in ([str(labelled.files)], ["gone.mseed"]):
        with pytest.raises(DataError):
            preprocess_to_file(sources, output=output, overwrite=True)
    assert output.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["windows.h5"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no resource limits on Windows")
@pytest.mark.parametrize("limit", [2000, 200_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(labelled, tmp_path, limit):
    code = """
        import resource, sys
        from pathlib import Path
        from seisnet.errors import DataError
        from seisnet.preprocessing.job import preprocess_to_file
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
        try:
            preprocess_to_file([sys.argv[1]], output=Path(sys.argv[2]))
        except DataError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), labelled.dataset, tmp_path / "w.h5", str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.count("\n") == 1
    assert "can't be written: File too large" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_name_is_told(labelled):
    stream, catalogue = obspy.Stream([obspy.Trace()]), obspy.read_events(labelled.quakeml)
    for call in (preprocess, preprocessing.plan):
        for sources in (stream, [stream]):
            with pytest.raises(ConfigError, match="sources: got Stream instead of file names; write"):
                call(sources)
        with pytest.raises(ConfigError, match="labels: got Catalog instead of file names"):
            call([labelled.files], catalogue)
        with pytest.raises(ConfigError, match="sources: got int instead of file names"):
            call(5)
        for config in ({}, {"noise_windows": 4}, TrainConfig()):
            kind = type(config).__name__
            with pytest.raises(ConfigError, match=f"config: got {kind}; PreprocessConfig is needed"):
                call([labelled.files], [labelled.quakeml], config)


@pytest.mark.parametrize(("sources", "labels", "name"), [("a.mseed", [], "sources"), (["a"], Path("b.csv"), "labels")])
def test_one_name_in_place_of_a_list_is_told(sources, labels, name):
    for call in (preprocess, preprocessing.plan):
        with pytest.raises(ConfigError, match=rf"{name}: got '[ab].*'; a list is needed: \['[ab]\.[a-z]+'\]"):
            call(sources, labels)
