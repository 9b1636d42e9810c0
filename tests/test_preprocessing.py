"""From sources and labels to a windows file: the same from every source, and nothing without a reason."""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import obspy
import pytest

from seisnet.config import PreprocessConfig, TrainConfig, to_json
from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.features import extract, make_feature
from seisnet.picking.picker import snr_db
from seisnet.preprocessing import job as preprocessing
from seisnet.preprocessing import one_piece
from seisnet.preprocessing.job import preprocess, preprocess_to_file
from seisnet.store.files import sha256_of
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.store.windows_file import SPLITS, read_info
from seisnet.store.windows_in_memory import read_windows
from seisnet.waveforms.conditioning import condition
from seisnet.waveforms.files import Reading
from seisnet.waveforms.finding import NO_WAVEFORMS, find_sources
from seisnet.waveforms.records import NS_PER_S
from seisnet.waveforms.selection import Selection

CONFIG = PreprocessConfig(split_by="event")


START_NS = 1_577_836_800 * NS_PER_S


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
    with new_seisbench(tmp_path / "slow", columns, data_format={"component_order": "ZNE"}) as writer:
        writer.add(dict(zip(columns, (1.0, 500, "A"), strict=True)), noise(3000).reshape(3, 1000))
    assert "sampled at 1 Hz; 10 Hz is the minimum" in nothing([tmp_path / "slow"])


def test_a_trace_of_a_data_set_without_picks_is_noise_only_where_that_is_said(tmp_path, noise):
    columns = ("trace_sampling_rate_hz", "trace_category", "station_code")
    with new_seisbench(tmp_path / "set", columns, data_format={"component_order": "ZNE"}) as writer:
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


def test_an_instrument_without_signal_beside_a_sound_one_gives_no_windows(tmp_path):
    """Its windows were as many P, S and noise as those of the sound one, with nothing in them."""
    sound = obspy.read()
    dead = sound.copy()
    for trace in dead:
        trace.stats.channel, trace.data = f"HN{trace.stats.component}", np.zeros_like(trace.data)
    picks = ["BW,RJOB,2009-08-24T00:20:07.7,P", "BW,RJOB,2009-08-24T00:20:08.8,S"]
    labels, config = [str(write_labels(tmp_path / "picks.csv", picks))], replace(CONFIG, split=(1.0, 0.0, 0.0))
    (sound + dead).write(str(tmp_path / "a.mseed"), format="MSEED")
    found = preprocess([str(tmp_path / "a.mseed")], labels, config)
    assert {*found.rows.trace_id, *(excerpt.trace_id for excerpt in found.excerpts)} == {"BW.RJOB..EH"}
    told = Counter(reason for trace_id, *_, reason in found.info.rejected if trace_id == "BW.RJOB..HN")
    assert [told[f"{label} where no component has a signal"] for label in ("P", "S")] == [1, 1]
    (tmp_path / "rockfall.csv").write_text("network,station,time,class\nBW,RJOB,2009-08-24T00:20:07,rockfall\n")
    config = replace(config, task="class", class_names=("rockfall", "noise"))
    found = preprocess([str(tmp_path / "a.mseed")], [str(tmp_path / "rockfall.csv")], config)
    assert set(found.rows.trace_id) == {"BW.RJOB..EH"}


def test_labels_of_other_phases_only_are_reasons(labelled, tmp_path):
    p = labelled.picks[0]
    other = write_labels(tmp_path / "lg.csv", [f"SY,{p.station},{obspy.UTCDateTime(ns=p.time_ns)},Lg"])
    assert "phase 'Lg' is neither P nor S" in nothing([labelled.files], [other])


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


# The output


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
