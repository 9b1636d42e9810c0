"""A CSV of picks grows row by row, and ends whole whatever happens to a run, a disk or the file."""

import dataclasses
from pathlib import Path

import pytest

from seisnet.errors import ConfigError, DataError
from seisnet.formats.growing_csv import PicksAppender
from seisnet.formats.own_csv import picks_csv
from seisnet.picks import Pick

AT_NS = 1_562_259_769_420_000_000  # 2019-07-04T17:02:49.42
PICKS = [
    Pick("CI", "BOM", "", "HH", "P", AT_NS, 0.98765, 0.05, 12.3, "m", 0.5),
    Pick("CI", "CLC", "00", "HH", "S", AT_NS + 2_500_000_000, 0.7),
]


def test_picks_are_appended_as_they_come(tmp_path):
    for pick in PICKS:
        with PicksAppender(tmp_path / "p.csv") as file:
            file.add([pick])
            assert (tmp_path / "p.csv").read_text().endswith("\n")
    assert (tmp_path / "p.csv").read_text() == picks_csv(PICKS)


def test_a_file_to_which_another_run_appends_is_neither_replaced_nor_appended_to(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("of something else")
    with PicksAppender(path, anew=True) as file:
        for anew in (False, True):
            with pytest.raises(ConfigError, match="another run is writing it"), PicksAppender(path, anew=anew):
                pass
        file.add(PICKS)
    assert path.read_text() == picks_csv(PICKS)


@pytest.mark.parametrize(
    ("there", "missing"), [(picks_csv(PICKS[:1]) + "CI,CLC,00,HH,S,20", PICKS[1:]), ("netw", PICKS)]
)
def test_a_row_that_a_killed_run_did_not_end_is_taken_away(there, missing, tmp_path):
    (tmp_path / "p.csv").write_text(there)
    with PicksAppender(tmp_path / "p.csv") as file:
        file.add(missing)
    assert (tmp_path / "p.csv").read_text() == picks_csv(PICKS)


def test_a_row_that_lacks_only_its_end_stays_and_any_other_is_told(tmp_path):
    path, whole = tmp_path / "p.csv", picks_csv([PICKS[1]])
    path.write_text(whole[:-1])
    told = []
    with PicksAppender(path, tell=told.append):
        assert told == []
    assert path.read_text() == whole
    whole = picks_csv([dataclasses.replace(PICKS[0], model="m,0.5000", threshold=0.25)])
    start = whole.index("\n") + 1
    for end in range(start, len(whole)):
        path.write_text(whole[:end])
        told, expected = [], f"{path}: its last row was cut short, and is removed: {whole[start:end]!r}"
        with PicksAppender(path, tell=told.append):
            assert told == ([expected] if start < end < len(whole) - 1 else [])
        assert path.read_text() == (whole if end == len(whole) - 1 else whole[:start])


@pytest.mark.parametrize("rotate", [lambda p: p.rename(f"{p}.1"), Path.unlink, lambda p: p.write_text("")])
def test_where_the_file_of_a_stream_is_rotated_picks_go_to_one_of_its_name_with_a_header(rotate, tmp_path):
    path, told = tmp_path / "p.csv", []
    with PicksAppender(path, tell=told.append) as file:
        file.add(PICKS[:1])
        rotate(path)
        file.add([])
        file.add(PICKS[1:])
        with pytest.raises(ConfigError, match="another run is writing it"), PicksAppender(path):
            pass
    assert path.read_text() == picks_csv(PICKS[1:])
    rotated = path.with_name("p.csv.1")
    assert not rotated.exists() or rotated.read_text() == picks_csv(PICKS[:1])
    assert told in ([f"{path}: the file was moved or removed; another one is begun"], [])


def test_picks_wait_for_a_folder_that_is_away_and_for_another_file_to_go(tmp_path):
    (tmp_path / "mounted").mkdir()
    path, told = tmp_path / "mounted" / "p.csv", []
    with PicksAppender(path, tell=told.append) as file:
        path.parent.rename(tmp_path / "away")
        for k in range(len(PICKS)):
            file.add(PICKS[k : k + 1])
        path.parent.mkdir()
        path.write_text("precious")
        for _ in range(2):
            file.add([])
        assert path.read_text() == "precious"
        path.unlink()
        file.add([])
    assert path.read_text() == picks_csv(PICKS)
    assert [line.split(": ")[1].split(";")[0] for line in told] == [
        "can't be written",
        "not a CSV of seisnet's picks",
        "the file was moved or removed",
    ]


def test_what_a_full_disk_does_not_take_is_written_once_there_is_room_or_told_at_the_end(tmp_path):
    resource = pytest.importorskip("resource")
    path, told, limits = tmp_path / "p.csv", [], resource.getrlimit(resource.RLIMIT_FSIZE)

    def room(n_bytes, file, picks):
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
        try:
            file.add(picks)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    enough = len(picks_csv(PICKS[:1]))
    with pytest.raises(DataError, match="File too large"), PicksAppender(path, tell=told.append) as file:
        room(enough - 9, file, PICKS[:1])
        room(enough - 9, file, [])
        assert path.read_text() == picks_csv([])
        room(enough, file, [])
        assert path.read_text() == picks_csv(PICKS[:1])
        room(enough + 9, file, PICKS[1:])
    assert path.read_text() == picks_csv(PICKS[:1])
    trying = f"{path}: can't be written: File too large; trying again"
    assert told == [trying, trying, f"not written: {PICKS[1]}"]


def test_of_a_header_that_a_full_disk_does_not_take_nothing_is_written(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9, limits[1]))
    try:
        with pytest.raises(DataError, match="File too large"), PicksAppender(tmp_path / "p.csv"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "p.csv").read_text() == ""


@pytest.mark.parametrize("content", ["network,station,class\n", "a line without an end", "network,station,class\nX,"])
def test_picks_are_not_appended_to_a_file_of_something_else(content, tmp_path):
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(ConfigError, match="not a CSV of seisnet's picks"), PicksAppender(tmp_path / "p.csv"):
        pass
    assert (tmp_path / "p.csv").read_text() == content
