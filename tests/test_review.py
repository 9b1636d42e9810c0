"""Answers reach the disk at once, and come back as labels."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pytest

from seisnet.errors import ConfigError, DataError
from seisnet.formats.own_csv import read_picks_csv
from seisnet.formats.picks import write_picks
from seisnet.labels.reading import read_labels
from seisnet.picks import Pick, in_order
from seisnet.report.serving import Request
from seisnet.report.viewer import Picked
from seisnet.review.answers import COLUMNS, Answer, Answers
from seisnet.review.page import LARGEST_MOVE_S, ReviewPage
from seisnet.waveforms.lookup import Waveforms
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S
HEADER = ",".join(COLUMNS) + "\n"


def a_pick(at_s, phase="P", **figures):
    return Pick("GE", "APE", "", "HH", phase, START_NS + round(at_s * 1e9), 0.9, **figures)


PICKS = [a_pick(20.0, uncertainty_s=0.1), a_pick(25.0, "S"), a_pick(40.25)]


@pytest.fixture
def page(tmp_path, make_trace, noise):
    for letter in "ZNE":
        make_trace(noise(6000), f"GE.APE..HH{letter}").write(str(tmp_path / f"{letter}.mseed"), format="MSEED")
    picked = Picked("picks.csv", PICKS, Waveforms([str(tmp_path)]), None)
    with Answers(tmp_path / "answers.csv") as answers:
        yield ReviewPage(picked, answers)


def post(page, pick, *, phase="P", offset_s=0.0, rejected=False):
    body = {"id": pick.pick_id, "phase": phase, "offset_s": offset_s, "rejected": rejected}
    return json.loads(page.answer(Request("POST", "answer", body=body)).body)


def get(page, path, **query):
    return json.loads(page.answer(Request("GET", path, query)).body)


def test_each_answer_is_a_row_before_the_reply_and_the_last_counts_as_label(page, tmp_path):
    path = tmp_path / "answers.csv"
    assert path.read_text() == HEADER
    assert post(page, PICKS[0])["status"] == "accepted"
    assert post(page, PICKS[1], phase="S", offset_s=0.25)["status"] == "moved"
    assert post(page, PICKS[2], rejected=True)["status"] == "rejected"
    assert path.read_text().splitlines()[1:] == [
        "GE,APE,,HH,2020-01-01T00:00:20.000000Z,P,accepted,GE.APE..HH_P_2020-01-01T00:00:20.000000Z",
        "GE,APE,,HH,2020-01-01T00:00:25.250000Z,S,moved,GE.APE..HH_S_2020-01-01T00:00:25.000000Z",
        "GE,APE,,HH,2020-01-01T00:00:40.250000Z,P,rejected,GE.APE..HH_P_2020-01-01T00:00:40.250000Z",
    ]
    labels = read_labels([path])
    assert [(label.phase, label.time_ns - START_NS) for label in labels] == [("P", 20 * 10**9), ("S", 25_250_000_000)]
    post(page, PICKS[0], rejected=True)
    post(page, PICKS[2], phase="S")
    labels = read_labels([path])
    assert [(label.phase, label.time_ns - START_NS) for label in labels] == [
        ("S", 25_250_000_000),
        ("S", 40_250_000_000),
    ]
    assert [pick["status"] for pick in get(page, "picks")] == ["rejected", "moved", "accepted"]


def test_an_answer_takes_the_place_of_its_pick_where_the_picks_are_labels_too(page, tmp_path):
    """However far the pick is moved, whatever it is now called, and whether it was moved before it was rejected."""
    near = a_pick(24.8, "P")  # near a pick that is moved, but of another phase
    write_picks([*PICKS, near], tmp_path / "picks.csv")
    post(page, PICKS[0], phase="S")
    post(page, PICKS[1], phase="S", offset_s=2.5)
    post(page, PICKS[2], offset_s=-3.0, rejected=True)
    rejections = []
    labels = read_labels([tmp_path / "answers.csv", tmp_path / "picks.csv"], rejections)
    assert [(p.phase, (p.time_ns - START_NS) / NS_PER_S) for p in labels] == [("S", 20.0), ("P", 24.8), ("S", 27.5)]
    assert sorted(((r.start_ns - START_NS) / NS_PER_S, r.reason) for r in rejections) == [
        (20.0, "a second pick of the same onset"),
        (25.0, "a second pick of the same onset"),
        (40.25, "a pick that an analyst rejected"),
        (40.25, "rejected in an earlier file"),
    ]
    first = read_labels([tmp_path / "picks.csv", tmp_path / "answers.csv"])  # the first file counts
    assert [p.pick_id for p in first] == [p.pick_id for p in in_order([*PICKS, near])]


def test_an_answer_is_in_the_event_of_its_pick(page, tmp_path):
    rows = "".join(f"GE,APE,{START_NS // NS_PER_S + at},{phase},7\n" for at, phase in ((20, "P"), (25, "S")))
    (tmp_path / "events.csv").write_text(f"network,station,time,phase,event_id\n{rows}")
    post(page, PICKS[0], offset_s=-2.0)
    labels = read_labels([tmp_path / "answers.csv", tmp_path / "events.csv"])
    assert [(p.phase, (p.time_ns - START_NS) // NS_PER_S, p.event_id) for p in labels] == [
        ("P", 18, "7"), ("S", 25, "7"),
    ]  # fmt: skip


def test_a_review_goes_on_where_it_was_left(page, tmp_path):
    with page.answers:
        post(page, PICKS[0], phase="S", offset_s=-0.5)
    with Answers(tmp_path / "answers.csv") as again:
        assert again.latest == {
            PICKS[0].pick_id: Answer(PICKS[0].pick_id, "moved", "S", PICKS[0].time_ns - 500_000_000)
        }
        assert get(ReviewPage(page.picked, again), "picks")[0]["said_offset_s"] == -0.5


@pytest.mark.parametrize("tail", ["GE,APE,,HH,2020-01-01T00:00:2", "GE", '"'])
def test_a_row_that_was_cut_short_is_removed(page, tmp_path, tail):
    with page.answers:
        post(page, PICKS[0])
    path = tmp_path / "answers.csv"
    whole = path.read_bytes()
    path.write_bytes(whole + tail.encode())
    with Answers(path) as again:
        assert len(again.latest) == 1
        assert again.removed == f"{path}: its last row was cut short, and is removed: {tail!r}"
    assert path.read_bytes() == whole


@pytest.mark.parametrize("station", ["APE", 'Ä,"Z'])
def test_of_a_row_without_an_end_nothing_is_lost_if_it_is_complete(tmp_path, station):
    path = tmp_path / "answers.csv"
    picks = [Pick("GE", station, "", "HH", phase, START_NS + 123_456_000) for phase in "PS"]
    with Answers(path) as answers:
        for pick in picks:
            answers.add(pick, Answer(pick.pick_id, "rejected", pick.phase, pick.time_ns))
    whole = path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        with Answers(path) as again:
            assert len(again.latest) == (2 if end == len(whole) - 1 else 1)
            assert bool(again.removed) == (start < end < len(whole) - 1)
        assert path.read_bytes() == (whole if end == len(whole) - 1 else whole[:start])


def test_two_reviews_do_not_share_a_file_of_answers(page, tmp_path):
    path = tmp_path / "answers.csv"
    post(page, PICKS[0], offset_s=0.5)
    with pytest.raises(ConfigError, match=r"answers\.csv: another run is writing it; end that one, or"):
        Answers(path)
    assert len(path.read_text().splitlines()) == 2
    with page.answers:
        pass
    with Answers(path) as again:
        assert len(again.latest) == 1


def test_what_is_no_file_of_answers_is_left_alone(tmp_path):
    other = tmp_path / "other.csv"
    for content in (
        "network,station\nGE,APE\n",
        "no line",
        f"{HEADER}GE,APE,,HH,never,P,accepted,x\n",
        f"{HEADER}a,b\n",
    ):
        other.write_text(content)
        with pytest.raises((ConfigError, DataError), match=r"other\.csv"):
            Answers(other)
        assert other.read_text() == content
    with pytest.raises(ConfigError, match="no does not exist"):
        Answers(tmp_path / "no" / "folder.csv")


def test_a_full_disk_is_said_and_leaves_whole_rows(page, tmp_path, monkeypatch):
    post(page, PICKS[0])
    whole = (tmp_path / "answers.csv").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device"):
        post(page, PICKS[1])
    assert (tmp_path / "answers.csv").read_bytes() == whole
    assert get(page, "picks")[1]["status"] == ""


def test_answers_survive_kill_9(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from seisnet.picks import Pick\n"
        "from seisnet.review.answers import Answer, Answers\n"
        "with Answers(Path(sys.argv[1])) as answers:\n"
        "    for k in range(5):\n"
        "        pick = Pick('GE', 'APE', '', 'HH', 'P', k * 10**9)\n"
        "        answers.add(pick, Answer(pick.pick_id, 'accepted', 'P', pick.time_ns))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "answers.csv")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(read_labels([tmp_path / "answers.csv"])) == 5


def test_samples_reach_the_page_as_they_are(page):
    found = get(page, "waveform", pick=PICKS[0].pick_id, before="5", after="10")
    assert [component["name"] for component in found["components"]] == ["Z", "N", "E"]
    samples = np.frombuffer(base64.b64decode(found["components"][0]["samples"]), "<f4")
    (record,) = page.picked.waveforms.around("GE.APE..HH", PICKS[0].time_ns - 5 * 10**9, PICKS[0].time_ns + 10**10)
    np.testing.assert_allclose(samples - samples.mean(), record.data[0] - record.data[0].mean(), atol=1e-5)
    assert (found["start_s"], found["sampling_rate_hz"], found["probabilities"]) == (-5.0, 100.0, [])
    assert [(p["phase"], p["at_s"]) for p in found["picks"]] == [("P", 0.0), ("S", 5.0)]
    passed = get(page, "waveform", pick=PICKS[0].pick_id, before="5", after="10", band="20-40")
    assert passed["components"][0]["samples"] != found["components"][0]["samples"]


def test_the_page_carries_its_policy_and_escapes_names(page, tmp_path):
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    reply = ReviewPage(Picked(evil, PICKS, page.picked.waveforms, None), page.answers).answer(Request("GET", ""))
    assert b"<script>alert" not in reply.body and b"<img" not in reply.body
    assert "'unsafe" not in reply.policy and reply.policy.startswith("default-src 'none'")
    assert page.answer(Request("GET", "../etc/passwd")) is None and page.answer(Request("POST", "picks")) is None


@pytest.mark.parametrize(
    "change",
    [
        {"phase": ""},
        {"phase": 5},
        {"phase": "P\n"},
        {"phase": "x" * 17},
        {"offset_s": "1"},
        {"offset_s": float("nan")},
        {"offset_s": LARGEST_MOVE_S + 1},
        {"offset_s": True},
        {"rejected": "no"},
        {"id": "unknown"},
    ],
)
def test_an_answer_that_makes_no_sense_is_not_written(page, tmp_path, change):
    body = {"id": PICKS[0].pick_id, "phase": "P", "offset_s": 0, "rejected": False} | change
    with pytest.raises((ConfigError, DataError)):
        page.answer(Request("POST", "answer", body=body))
    assert (tmp_path / "answers.csv").read_text() == HEADER


@pytest.mark.parametrize(
    "query", [{"before": "0"}, {"after": "nan"}, {"before": "1e9"}, {"band": "5"}, {"band": "9-3"}]
)
def test_a_view_that_makes_no_sense_is_refused(page, query):
    with pytest.raises(ConfigError):
        get(page, "waveform", **({"pick": PICKS[0].pick_id, "before": "5", "after": "5"} | query))


def test_an_id_survives_the_csv(tmp_path):
    picks = [Pick("GE", 'A,"é', "00", "HHZ", "Pn", START_NS + 123_456_789, 0.5)]
    write_picks(picks, tmp_path / "picks.csv", "csv")
    assert read_picks_csv(tmp_path / "picks.csv")[0].pick_id == picks[0].pick_id


def test_an_answer_of_a_tab_that_does_not_show_the_last_one_is_refused(page, tmp_path):
    shown = get(page, "picks")[0]
    before = [shown["status"], shown["said_phase"], shown["said_offset_s"]]
    post(page, PICKS[0], offset_s=0.25)
    body = {"id": PICKS[0].pick_id, "phase": "P", "offset_s": 0.0, "rejected": False}
    with pytest.raises(ConfigError, match="another tab has answered it: moved; reload this page"):
        page.answer(Request("POST", "answer", body=body | {"before": before}))
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 2
    page.answer(Request("POST", "answer", body=body | {"before": ["moved", "P", 0.25]}))
    assert get(page, "picks")[0]["status"] == "accepted"


def test_a_page_that_is_loaded_while_an_answer_is_written_shows_it(page, monkeypatch):
    begun, go_on, fsync = threading.Event(), threading.Event(), os.fsync

    def slow(descriptor):
        begun.set()
        assert go_on.wait(20)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    with ThreadPoolExecutor(2) as threads:
        posted = threads.submit(post, page, PICKS[0])
        assert begun.wait(20)
        shown = threads.submit(get, page, "picks")
        wait([shown], timeout=0.2)
        go_on.set()
        assert shown.result()[0]["status"] == posted.result()["status"] == "accepted"


def test_answers_of_many_tabs_are_whole_rows(page, tmp_path):
    with ThreadPoolExecutor(8) as tabs:
        list(tabs.map(lambda k: post(page, PICKS[k % 3], phase="PS"[k % 2], offset_s=k / 100), range(60)))
    lines = (tmp_path / "answers.csv").read_text().splitlines()
    assert len(lines) == 61 and {line.count(",") for line in lines} == {7}
