"""Splits: no event on two sides, no station either where asked, shares about as wished, always the same."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisnet.config import PreprocessConfig
from seisnet.errors import DataError
from seisnet.preprocessing.splits import FEWEST_BLOCKS, assign_splits, divide

CONFIG = PreprocessConfig()


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
