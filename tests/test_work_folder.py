"""The state of an output: free, interrupted or there; what a run may replace, and what is left of one that fails."""

import os

import pytest

from seisnet.errors import ConfigError, DataError, NothingUsableError
from seisnet.store.files import FOLDER
from seisnet.store.work_folder import State, alone, check_place, claim, clear, remove, state_of, work_folder


@pytest.fixture
def place(tmp_path):
    """An output and the folder of its parts."""
    return tmp_path / "out.h5", tmp_path / ".out.h5.work"


def interrupted(output, folder, *, error=KeyboardInterrupt, part=True, **how):
    """A run that fails when it has made a part, or before."""
    with pytest.raises(error), work_folder(folder, [output], **{"resume": False, "overwrite": False, **how}):
        if part:
            (folder / "part").touch()
        raise error


def test_an_output_is_free_until_there_are_parts_of_it_and_there_once_it_is_written(place):
    output, folder = place
    assert state_of(output, folder) is State.FREE
    folder.mkdir()
    (folder / ".part.1.part").touch()  # of a run that was killed before it had finished any
    assert state_of(output, folder) is State.FREE
    with work_folder(folder, [output], resume=False, overwrite=False):
        (folder / "part").touch()
    assert state_of(output, folder) is State.INTERRUPTED
    output.touch()
    assert state_of(output, folder) is State.THERE


def test_a_run_that_is_killed_while_it_writes_goes_on_and_one_whose_place_was_taken_does_not(place):
    output, folder = place
    interrupted(output, folder)
    output.touch()
    with (
        pytest.raises(ConfigError, match=r"out\.h5 exists"),
        work_folder(folder, [output], resume=True, overwrite=False),
    ):
        pass
    output.unlink()
    claim(folder, [output])
    output.touch()
    assert state_of(output, folder) is State.INTERRUPTED
    with work_folder(folder, [output], resume=True, overwrite=False):
        claim(folder, [output])


def test_outputs_that_are_made_are_so_though_a_run_is_killed_while_it_removes_the_folder(place, monkeypatch):
    def killed(_):
        raise KeyboardInterrupt

    output, folder = place
    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt), work_folder(folder, [output], resume=False, overwrite=False):
        (folder / "part").touch()
        claim(folder, [output])
        output.touch()
        remove(folder, output)
    assert state_of(output, folder) is State.THERE


def test_what_is_put_in_the_place_of_an_output_during_its_run_is_not_replaced(place):
    output, folder = place
    other = output.with_name("other.h5")
    with (
        pytest.raises(ConfigError, match=r"out\.h5 was put there during the run; move it away, and use resume=True"),
        work_folder(folder, [other, output], resume=False, overwrite=False),
    ):
        (folder / "part").touch()
        output.touch()
        claim(folder, [other, output])
    output.unlink()
    assert state_of(output, folder) is state_of(other, folder) is State.INTERRUPTED


@pytest.mark.parametrize(
    ("error", "part", "state"),
    [
        (KeyboardInterrupt, False, State.INTERRUPTED),
        (KeyboardInterrupt, True, State.INTERRUPTED),
        (DataError, True, State.INTERRUPTED),
        (DataError, False, State.THERE),
        (NothingUsableError, True, State.THERE),
    ],
)
def test_an_overwrite_that_fails_can_be_resumed_if_that_is_of_any_use(error, part, state, place):
    output, folder = place
    output.touch()
    interrupted(output, folder, error=error, part=part, overwrite=True)
    assert state_of(output, folder) is state
    assert folder.exists() is (state is State.INTERRUPTED)


def test_a_run_that_is_interrupted_before_anything_is_finished_leaves_nothing(place):
    interrupted(*place, part=False)
    assert not place[1].exists()


def test_a_new_run_takes_no_parts_of_an_interrupted_one_unless_it_resumes_it(place):
    output, folder = place
    interrupted(output, folder)
    for check in (check_place, lambda output, folder, **how: work_folder(folder, [output], **how).__enter__()):
        with pytest.raises(
            ConfigError, match=r"an interrupted run left 1 part of it in .*; use resume=True or overwrite"
        ):
            check(output, folder, resume=False, overwrite=False)
    for way in ("resume", "overwrite"):
        assert check_place(output, folder, **{"resume": False, "overwrite": False, way: True}) is State.INTERRUPTED
    with work_folder(folder, [output], resume=True, overwrite=False):
        assert (folder / "part").exists()
    with work_folder(folder, [output], resume=True, overwrite=True):
        assert (folder / "part").exists()
    with work_folder(folder, [output], resume=False, overwrite=True):
        assert not (folder / "part").exists()


def test_parts_that_belong_to_the_output_that_is_replaced_stay(place):
    output, folder = place
    output.touch()
    folder.mkdir()
    (folder / "of the output").touch()
    interrupted(output, folder, error=NothingUsableError, overwrite=True, keep=True)
    assert state_of(output, folder) is State.THERE
    interrupted(output, folder, overwrite=True, keep=True)
    assert state_of(output, folder) is State.INTERRUPTED
    assert (folder / "of the output").exists()


def test_a_place_is_checked_before_any_work(place):
    output, folder = place
    how = {"resume": False, "overwrite": False}
    assert check_place(output, folder, **how) is State.FREE
    output.touch()
    with pytest.raises(ConfigError, match=r"out\.h5 exists; choose another name, or use overwrite=True"):
        check_place(output, folder, **how)
    for way in how:
        assert check_place(output, folder, **{**how, way: True}) is State.THERE
    output.rename(output.with_name("out"))
    with pytest.raises(ConfigError, match="out is a file; a folder is needed"):
        check_place(output.with_name("out"), folder, FOLDER, resume=False, overwrite=True)


def test_a_file_where_the_folder_belongs_is_told(place):
    output, folder = place
    folder.touch()
    with pytest.raises(DataError, match=r"out\.h5: can't be written: "):
        work_folder(folder, [output], resume=False, overwrite=False).__enter__()


def test_a_folder_without_anything_that_is_seen_is_free(tmp_path):
    (tmp_path / "picks").mkdir()
    (tmp_path / "picks" / ".picks.csv.parts").mkdir()
    where = tmp_path / "picks", tmp_path / ".picks.parts", FOLDER
    assert check_place(*where, resume=False, overwrite=False) is State.FREE
    (tmp_path / "picks" / "A.P.txt").touch()
    with pytest.raises(ConfigError, match="picks is not empty; choose another folder, or use overwrite=True"):
        check_place(*where, resume=False, overwrite=False)


def test_what_killed_runs_left_of_outputs_is_swept(place):
    output, folder = place
    output.with_name(".out.h5.1.part").touch()
    with work_folder(folder, [output], resume=False, overwrite=False):
        assert [path.name for path in output.parent.iterdir()] == [folder.name]


@pytest.mark.skipif(os.name == "nt", reason="there are no such locks on Windows")
@pytest.mark.parametrize("way", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_is_held_by_one_run(way, place):
    output, folder = place
    how = {"resume": False, "overwrite": False, **way}
    told = r"out\.h5: another run is writing it; end that one, or choose another name"
    with work_folder(folder, [output], resume=False, overwrite=False):
        (folder / "part").touch()
        with pytest.raises(ConfigError, match=told):
            check_place(output, folder, **how)
        with pytest.raises(ConfigError, match=told), work_folder(folder, [output], **how):
            pass
        clear(folder)
        assert (folder / "part").exists()
    with alone(folder, output):  # which is free again
        pass
    clear(folder)
    assert not folder.exists()
