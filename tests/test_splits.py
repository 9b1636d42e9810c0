"""Splits: no event on two sides, no station either where asked, shares about as wished, always the same."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError
from seisnet.picks import Pick, station_of
from seisnet.preprocessing import mining
from seisnet.preprocessing.job import plan, preprocess, preprocess_to_file
from seisnet.preprocessing.splits import FEWEST_BLOCKS, assign_splits, divide
from seisnet.store.seisbench_writer import new_seisbench
from seisnet.store.windows_file import SPLITS
from seisnet.store.windows_in_memory import read_windows
from seisnet.waveforms.records import NS_PER_S

CONFIG = PreprocessConfig()
BY_EVENT = replace(CONFIG, split_by="event")
START_NS = 1_577_836_800 * NS_PER_S


def names(prefix, numbers):
    return [f"{prefix}{k}" for k in numbers]


def sides(split, groups):
    """The splits of every group."""
    found = {}
    for side, group in zip(split.tolist(), groups, strict=True):
        found.setdefault(group, set()).add(side)
    return found


rows = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)), min_size=1, max_size=120)


@given(rows=rows, split_by=st.sampled_from(["auto", "event", "both"]), seed=st.integers(0, 100))
@settings(max_examples=200)
def test_no_event_and_split_by_both_no_station_is_in_two_splits(rows, split_by, seed):
    events, stations = names("e", (e for e, _ in rows)), names("s", (s for _, s in rows))
    config = replace(CONFIG, split_by=split_by, seed=seed)
    try:
        split, how = assign_splits(events, stations, [""] * len(rows), config)
    except DataError as error:
        assert "can't be divided among 3 splits" in str(error)
        return
    assert (split.dtype, len(split)) == (np.uint8, len(rows))
    assert set(split.tolist()) == {0, 1, 2}, "a split is empty"
    assert all(len(found) == 1 for found in sides(split, events).values())
    if how == "both":
        assert all(len(found) == 1 for found in sides(split, stations).values())
    assert split_by in (how, "auto")


def blocks_of(n_blocks, rows_each=7):
    """Blocks of two events at two stations each, that share nothing with other blocks."""
    numbers = np.arange(n_blocks * rows_each)
    events = names("e", 2 * (numbers // rows_each) + numbers % 2)
    stations = names("s", 2 * (numbers // rows_each) + numbers // 2 % 2)
    return events, stations


def test_auto_splits_by_both_where_there_are_blocks_enough():
    for n_blocks, how in ((FEWEST_BLOCKS, "both"), (FEWEST_BLOCKS - 1, "event")):
        events, stations = blocks_of(n_blocks)
        assert assign_splits(events, stations, [""] * len(events), CONFIG)[1] == how


def test_auto_splits_by_event_where_one_block_holds_most():
    events, stations = blocks_of(20)
    events += names("big", np.arange(1000) // 2)
    stations += ["one"] * 1000
    assert assign_splits(events, stations, [""] * len(events), CONFIG)[1] == "event"


def test_events_chained_by_stations_are_one_block():
    # e0 at s0 and s1, e1 at s1 and s2, ...: all are connected.
    numbers = np.arange(40)
    events, stations = names("e", numbers // 2), names("s", (numbers + 1) // 2)
    with pytest.raises(DataError, match="1 group of events and stations"):
        assign_splits(events, stations, [""] * 40, replace(CONFIG, split_by="both"))


@pytest.mark.parametrize("shares", [(0.7, 0.15, 0.15), (0.5, 0.25, 0.25), (0.8, 0.2, 0.0), (1.0, 0.0, 0.0)])
def test_shares_of_windows_are_about_those_asked_for(shares):
    rng = np.random.default_rng(1)
    events = names("e", np.repeat(np.arange(300), rng.integers(1, 30, size=300)))
    split, _ = assign_splits(events, ["s"] * len(events), [""] * len(events), replace(CONFIG, split=shares))
    found = np.bincount(split, minlength=3) / len(split)
    np.testing.assert_allclose(found, shares, atol=0.01)
    assert (found > 0).tolist() == [share > 0 for share in shares]


@pytest.mark.parametrize("n_others", range(2, 30))
def test_the_largest_event_goes_to_train_whatever_the_number_of_windows(n_others):
    events = ["large"] * 8 + names("e", range(n_others))
    split, _ = assign_splits(events, ["s"] * len(events), [""] * len(events), CONFIG)
    assert split[0] == 0


def test_the_same_seed_gives_the_same_split_and_another_another():
    events, stations = blocks_of(50)
    one, two, three = (
        assign_splits(events, stations, [""] * len(events), replace(CONFIG, seed=seed))[0].tolist()
        for seed in (7, 7, 8)
    )
    assert one == two
    assert one != three


def test_the_names_of_events_and_not_their_order_in_the_rows_decide():
    events, stations = blocks_of(50)
    order = np.random.default_rng(0).permutation(len(events))
    for split_by in ("event", "both"):
        config = replace(CONFIG, split_by=split_by)
        split, _ = assign_splits(events, stations, [""] * len(events), config)
        other, _ = assign_splits([events[i] for i in order], [stations[i] for i in order], [""] * len(events), config)
        np.testing.assert_array_equal(other, split[order])


def test_events_that_share_samples_at_a_station_are_one_and_others_are_not():
    rows = Counter({(f"e{k}", f"s{k % 3}", 0, 0, False): 1 for k in range(30)})
    # e0 reaches over e3 and, through it, e6 at one station; e1 lies beside e4 but touches it nowhere.
    signals = {"S0": {"e0": [0, 10], "e3": [8, 20], "e6": [20, 30]}, "S1": {"e1": [0, 10], "e4": [11, 20]}}
    apart = 0
    for seed in range(20):
        split_of = divide(rows, replace(CONFIG, split_by="event", seed=seed), signals).split_of_event
        assert split_of["e0"] == split_of["e3"] == split_of["e6"]
        apart += split_of["e1"] != split_of["e4"]
    assert apart


def test_the_data_sets_own_split_may_divide_events_that_share_samples():
    rows = Counter({("a", "s", 1, 0, False): 1, ("b", "s", 3, 0, False): 1})
    found = divide(rows, replace(CONFIG, split_by="given"), {"S": {"a": [0, 10], "b": [5, 15]}})
    assert found.split_of_event == {"a": 0, "b": 2}


@pytest.mark.parametrize(("n_events", "enough"), [(1, False), (2, False), (3, True)])
def test_fewer_events_than_splits_is_an_error_that_counts_them(n_events, enough):
    events = names("e", np.arange(30) % n_events)
    config = replace(CONFIG, split_by="event")
    if enough:
        split, _ = assign_splits(events, ["s"] * 30, [""] * 30, config)
        assert set(split.tolist()) == {0, 1, 2}
    else:
        with pytest.raises(DataError, match=f"^{n_events} events? can't be divided among 3 splits; label more events"):
            assign_splits(events, ["s"] * 30, [""] * 30, config)


@pytest.mark.parametrize(("shares", "expected"), [((1.0, 0.0, 0.0), [0]), ((0.5, 0.0, 0.5), [0, 2])])
def test_as_many_events_as_splits_are_asked_for_are_enough(shares, expected):
    events = names("e", range(len(expected)))
    split, _ = assign_splits(events, ["s"] * len(events), [""] * len(events), replace(CONFIG, split=shares))
    assert sorted(split.tolist()) == expected


def test_augmented_windows_move_no_event_to_another_split():
    rows = Counter({(f"e{k}", "s", 0, 0, False): 1 + k for k in range(30)})
    more = Counter({(f"e{k}", "s", 0, 0, True): 100 for k in range(0, 30, 3)})
    assert divide(rows + more, CONFIG).split_of == divide(rows, CONFIG).split_of
    assert divide(rows + more, CONFIG).counts[:, :, 1].sum(axis=1)[1:].tolist() == [0, 0], "none counts outside train"


def test_the_data_sets_own_split_is_taken_as_it_is():
    events, given_split = names("e", [0, 0, 1, 2]), ["train", "train", "dev", "test"]
    split, how = assign_splits(events, ["s"] * 4, given_split, replace(CONFIG, split_by="given"))
    assert (split.tolist(), how) == ([0, 0, 1, 2], "given")


@pytest.mark.parametrize(
    ("given_split", "message"),
    [(["train", "dev", "dev", "test"], "divide event 'e0'"), (["train", "train", "", "test"], "name no split")],
)
def test_a_split_of_the_data_set_that_is_absent_or_tears_an_event_is_refused(given_split, message):
    with pytest.raises(DataError, match=message):
        assign_splits(names("e", [0, 0, 1, 2]), ["s"] * 4, given_split, replace(CONFIG, split_by="given"))


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
    found = preprocess([str(labelled.files)], [str(tmp_path / "agencies.csv")], BY_EVENT)
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
    config = replace(BY_EVENT, task="class", class_windows=5, link_s=1.0)
    found = preprocess([str(tmp_path / "a.mseed")], [str(tmp_path / "a.csv")], config)
    plain = found.rows.split[~found.rows.augmented]
    np.testing.assert_allclose(np.bincount(plain) / len(plain), BY_EVENT.split, atol=0.05)


def test_windows_of_a_data_set_lie_in_the_splits_that_it_names(tmp_path, noise):
    columns = ("trace_start_time", "trace_p_arrival_sample", "station_code", "source_id", "split")
    splits = ["test", "dev", "train", "train", "dev", "test"]
    with new_seisbench(tmp_path / "set", columns, data_format={"component_order": "ZNE", "sampling_rate": 100}) as w:
        for k, split in enumerate(splits):
            row = (str(obspy.UTCDateTime(1000 * k)), 4000, "A", f"e{k}", split)
            w.add(dict(zip(columns, row, strict=True)), noise(18_000, k).reshape(3, 6000))
    found = preprocess([str(tmp_path / "set")], [], replace(BY_EVENT, split_by="given"))
    named = [splits[int(found.info.group_names[group][1:])] for group in found.rows.group]
    assert [SPLITS[side] for side in found.rows.split] == named
    assert set(named) == set(SPLITS)


def test_no_excerpt_reaches_into_a_trace_of_another_split(tmp_path, noise):
    """Traces of a data set that were cut from one recording, event by event, and overlap."""
    columns = ("trace_start_time", "trace_p_arrival_sample", "station_code", "source_id")
    day = noise(90_000).reshape(3, 30_000)
    starts = [*range(0, 18_000, 3000), 24_000]  # of traces of a minute each, the last by itself
    with new_seisbench(tmp_path / "set", columns, data_format={"component_order": "ZNE", "sampling_rate": 100}) as w:
        for at in starts:
            row = (str(obspy.UTCDateTime(at / 100)), 4000, "A", f"e{at}")
            w.add(dict(zip(columns, row, strict=True)), day[:, at : at + 6000])
    found = preprocess([str(tmp_path / "set")], [], replace(BY_EVENT, noise_windows=0, coda_windows=0, shifts=0))
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
        with new_seisbench(folder / "set", columns, data_format=said) as writer:
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
    config = replace(BY_EVENT, sampling_rate_hz=20.0, freqmax_hz=9.0)
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
    config = replace(BY_EVENT, split=shares, noise_windows=0, shifts=0, coda_windows=0)
    told = f"{n_events} events? can't be divided among {sum(s > 0 for s in shares)} splits"
    with pytest.raises(DataError, match=told) as caught:
        preprocess([str(labelled.files)], [str(path)], config)
    assert "\n" not in str(caught.value)
    assert len(preprocess([str(labelled.files)], [str(path)], replace(config, split=(1.0, 0.0, 0.0))).rows) > 0


def test_the_advice_of_a_split_that_fails_works_without_making_the_shards_again(labelled, tmp_path):
    one = tmp_path / "one.csv"
    one.write_text("".join(labelled.csv.read_text().splitlines(keepends=True)[:3]))  # P and S of one event
    job, told = ([str(labelled.files)], [str(one)]), []
    with pytest.raises(DataError, match=r"; windows: P [1-9]\d*, S [1-9]\d*, noise \d+; 2 of 2 labels have waveforms$"):
        plan(*job, BY_EVENT)
    far = tmp_path / "far.csv"
    far.write_text("network,station,time,phase\nXX,NOWHERE,2020-01-01T00:00:00,P\n")
    with pytest.raises(DataError, match=r"2 of 3 labels have waveforms: label at XX.NOWHERE.: no waveform"):
        plan(job[0], [*job[1], str(far)], BY_EVENT)
    with pytest.raises(DataError, match=r"the shards are finished: correct this and use resume=True$"):
        preprocess_to_file(*job, BY_EVENT, output=tmp_path / "w.h5")
    assert list((tmp_path / ".w.h5.work").glob("*.h5"))
    whole = replace(BY_EVENT, split=(1.0, 0.0, 0.0))
    preprocess_to_file(*job, whole, output=tmp_path / "w.h5", resume=True, say=told.append)
    assert not told
    preprocess_to_file(*job, whole, output=tmp_path / "anew.h5")
    assert (tmp_path / "w.h5").read_bytes() == (tmp_path / "anew.h5").read_bytes()
