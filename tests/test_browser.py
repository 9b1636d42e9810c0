"""Reports and the review page in a real browser: Chromium, headless, driven by selenium."""

import csv
import re
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from seisnet.classification.one_source import Classification
from seisnet.formats.picks import write_picks
from seisnet.model import load_model
from seisnet.picks import Pick
from seisnet.report.classification import Origin, write_classification
from seisnet.report.html import asset
from seisnet.report.serving import LocalServer
from seisnet.report.viewer import open_picked
from seisnet.review import page
from seisnet.review.answers import Answers
from seisnet.waveforms.records import NS_PER_S

START_NS = 1_577_836_800 * NS_PER_S
EVIL = '"><img src=x onerror=alert(1)>'


def a_pick(at_s, phase="P", station="APE", probability=0.9, **figures):
    return Pick("GE", station, "", "HH", phase, START_NS + round(at_s * 1e9), probability, **figures)


PICKS = [
    a_pick(30.0, uncertainty_s=0.2),
    a_pick(34.0, "S", probability=0.6),
    a_pick(50.0, probability=0.7),
    a_pick(70.0, station=EVIL, probability=0.95),
]


@pytest.fixture
def job(tmp_path, make_trace, onset_record, untrained_model):
    """Two minutes with an onset at 30 s, picks, a model."""
    record = onset_record(30.0, seconds=120.0)
    for letter, row in zip("ZNE", record.data, strict=True):
        make_trace(row.astype(np.float32), f"GE.APE..HH{letter}").write(
            str(tmp_path / f"{letter}.mseed"), format="MSEED"
        )
    write_picks(PICKS, tmp_path / "picks.csv", "csv")
    untrained_model.save(tmp_path / "m.h5")
    return tmp_path


@contextmanager
def serving(*arguments):
    """Run a command that serves, and give its address."""
    command = [sys.executable, "-m", "seisnet", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def errors_of(browser):
    """What the console complains about, but for requests that the server refuses with a reason, which the page says."""
    messages = [entry["message"] for entry in browser.get_log("browser")]
    return [message for message in messages if "status of 400" not in message]


def texts(browser, selector):
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]


def until(browser, condition):
    return WebDriverWait(browser, 20, poll_frequency=0.05).until(condition)


def is_ready(browser):
    return browser.find_element(By.ID, "view").get_attribute("data-ready") == "true"


def press(browser, *keys):
    browser.find_element(By.TAG_NAME, "body").send_keys(*keys)


def nudge(browser, times, *then):
    """Move the onset by some samples and press other keys at once."""
    keys = ActionChains(browser, duration=0).key_down(Keys.SHIFT)
    keys.send_keys(times * Keys.ARROW_RIGHT).key_up(Keys.SHIFT).send_keys(*then).perform()


def outlast_nudge(browser):
    """Let the page's timer run out by which a move by key becomes an answer: of two timers the later set is longer."""
    browser.execute_async_script("setTimeout(arguments[0], 500);")


LEAVES = "return dispatchEvent(new Event('beforeunload', { cancelable: true }));"
"""Whether the page can be left without a question."""


def answers(path):
    with path.open(newline="") as file:
        return [(row["phase"], row["status"], row["time"][17:23]) for row in csv.DictReader(file)]


def test_an_analyst_accepts_rejects_moves_and_renames_by_keyboard_and_mouse(browser, job):
    out = job / "answers.csv"
    review = ("review", job / "picks.csv", "--waveforms", job / "?.mseed", "-o", out, "--serve")
    with serving(*review, "--model", job / "m.h5") as (process, url):
        browser.get(url)
        until(browser, is_ready)
        assert texts(browser, "h2") == ["P on GE.APE at 2020-01-01 00:00:30.000 UTC"]
        assert "± 0.20 s" in texts(browser, "#facts")[0]
        press(browser, "a")
        until(browser, lambda b: "S on GE.APE" in texts(b, "h2")[0] and is_ready(b))
        assert answers(out) == [("P", "accepted", "30.000")]

        canvas = browser.find_element(By.ID, "view")
        at = float(canvas.get_attribute("data-onset"))
        drag = ActionChains(browser).move_to_element_with_offset(canvas, round(at - canvas.size["width"] / 2), 30)
        drag.click_and_hold().move_by_offset(50, 0).release().perform()
        until(browser, lambda _: len(answers(out)) == 2)
        phase, status, second = answers(out)[1]
        assert (phase, status) == ("S", "moved") and 36.5 < float(second) < 38.5

        press(browser, "p")
        until(browser, lambda _: len(answers(out)) == 3)
        assert answers(out)[2] == ("P", "moved", second)
        press(browser, Keys.ARROW_RIGHT)
        until(browser, lambda b: "00:00:50" in texts(b, "h2")[0] and is_ready(b))
        press(browser, "r")
        until(browser, lambda _: len(answers(out)) == 4)
        assert answers(out)[3] == ("P", "rejected", "50.000")
        until(browser, lambda b: texts(b, "#progress") == ["3 of 4 picks have an answer."])

        # A killed server loses nothing, and the page says that it is gone.
        process.kill()
        process.wait()
        before = out.read_bytes()
        press(browser, Keys.ARROW_LEFT)
        until(browser, is_ready)
        press(browser, "a")
        until(browser, lambda b: "NOT saved: GE." in "".join(texts(b, "#unsaved")))
        assert out.read_bytes() == before
        assert [text.split()[0] for text in texts(browser, "#list li")][:3] == ["✓", "↔", "!"]
        press(browser, Keys.ARROW_LEFT)
        until(browser, lambda b: texts(b, "#facts")[0].endswith("not saved"))
        assert browser.execute_script(LEAVES) is False
    errors_of(browser)
    with serving(*review) as (_, url):
        browser.get(url)
        until(browser, lambda b: texts(b, "#list li"))
        marks = [text.split()[0] for text in texts(browser, "#list li")]
        assert marks[:3] == ["✓", "↔", "✗"]
        # The next one without an answer is of a station that the sources do not hold, with a name that is no markup.
        until(browser, lambda b: "no waveform" in texts(b, "#message")[0])
        assert EVIL in texts(browser, "h2")[0] and not browser.find_elements(By.TAG_NAME, "img")
        assert errors_of(browser) == []


def test_of_moves_by_key_none_is_lost_none_is_made_up_and_the_last_word_counts(browser, job):
    out = job / "answers.csv"
    write_picks(PICKS[:3], job / "picks.csv", "csv", overwrite=True)
    with serving("review", job / "picks.csv", "--waveforms", job / "Z.mseed", "-o", out, "--serve") as (_, url):
        browser.get(url)
        until(browser, is_ready)
        nudge(browser, 2, Keys.ARROW_RIGHT)
        until(browser, lambda b: texts(b, "h2")[0].startswith("S") and is_ready(b) and len(answers(out)) == 1)
        nudge(browser, 2, Keys.ESCAPE)
        outlast_nudge(browser)
        assert texts(browser, "#facts")[0].endswith("no answer yet")
        press(browser, Keys.ARROW_RIGHT)
        until(browser, is_ready)
        nudge(browser, 1, "r")
        until(browser, lambda b: len(answers(out)) == 2)
        outlast_nudge(browser)
        assert answers(out) == [("P", "moved", "30.020"), ("P", "rejected", "50.010")]
        press(browser, Keys.ARROW_LEFT)
        until(browser, is_ready)
        nudge(browser, 1)
        browser.refresh()
        until(browser, lambda b: len(answers(out)) == 3 and texts(b, "#list li"))
        assert answers(out)[2] == ("S", "moved", "34.010")
        assert [text.split()[0] for text in texts(browser, "#list li")] == ["↔", "↔", "✗"]
        assert errors_of(browser) == []


def test_with_a_slow_disk_each_answer_is_of_the_pick_that_was_shown(browser, job):
    out = job / "answers.csv"
    with serving("review", job / "picks.csv", "--waveforms", job / "Z.mseed", "-o", out, "--serve") as (_, url):
        browser.get(url)
        until(browser, is_ready)
        browser.execute_script(
            "const now = fetch, written = new Promise(then => { window.write = then; });"
            "fetch = async (to, o) => { if (o) await written; return now(to, o); };"
        )
        nudge(browser, 2, Keys.ARROW_RIGHT)
        until(browser, lambda b: texts(b, "h2")[0].startswith("S"))
        press(browser, Keys.ARROW_LEFT)
        until(browser, is_ready)
        assert "00:00:30.020" in texts(browser, "h2")[0] and texts(browser, "#facts")[0].endswith("not saved")
        assert answers(out) == [] and browser.execute_script(LEAVES) is False
        for key in "ar":
            press(browser, key)
            until(browser, is_ready)
        assert "00:00:50" in texts(browser, "h2")[0] and answers(out) == []
        browser.execute_script("write()")
        until(browser, lambda _: len(answers(out)) == 3)
        assert answers(out) == [("P", "moved", "30.020"), ("P", "moved", "30.020"), ("S", "rejected", "34.000")]
        until(browser, lambda b: b.execute_script(LEAVES))


def test_a_list_that_has_no_room_for_all_picks_follows_the_current_one(browser, job, monkeypatch):
    monkeypatch.setattr(page, "asset", lambda *name: asset(*name).replace("LISTED = 5000", "LISTED = 2"))
    picked = open_picked(job / "picks.csv", [str(job / "Z.mseed")])

    def listed():
        rows = browser.find_elements(By.CSS_SELECTOR, "#list li")
        return [(int(row.get_attribute("data-index")), row.get_attribute("aria-current") == "true") for row in rows]

    with Answers(job / "answers.csv") as given, LocalServer(page.ReviewPage(picked, given).answer) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            browser.get(server.url)
            until(browser, is_ready)
            assert texts(browser, "#progress") == [
                "0 of 4 picks have an answer. The list shows 2 around the current one."
            ]
            assert listed() == [(0, True), (1, False)]
            for then in ([(0, False), (1, True)], [(1, False), (2, True)], [(2, False), (3, True)]):
                press(browser, Keys.ARROW_RIGHT)
                until(browser, lambda _, then=then: listed() == then)
            browser.execute_script("open(0)")
            until(browser, lambda b: listed() == [(0, True), (1, False)] and is_ready(b))
            press(browser, "a")
            until(browser, lambda b: texts(b, "#progress")[0].startswith("1 of 4") and is_ready(b))
            for which, rows in (("accepted", [(0, False)]), ("open", [(1, True), (2, False)])):
                browser.find_element(By.CSS_SELECTOR, f"#which option[value={which}]").click()
                until(browser, lambda _, rows=rows: listed() == rows)
                assert texts(browser, "#progress")[0].endswith("current one.") == (which == "open")
            assert errors_of(browser) == []
        finally:
            server.stop()
            thread.join()


def test_other_picks_are_drawn_as_the_answers_say(browser, job):
    with serving("review", job / "picks.csv", "--waveforms", job / "Z.mseed", "--serve") as (_, url):
        browser.get(url)
        until(browser, is_ready)
        nudge(browser, 50, Keys.ARROW_RIGHT)
        until(browser, is_ready)
        press(browser, "r")
        until(browser, lambda b: "00:00:50" in texts(b, "h2")[0] and is_ready(b))
        until(browser, lambda b: texts(b, "#progress") == ["2 of 4 picks have an answer."])
        drawn = browser.execute_script(
            "const lines = [], own = onset;"
            "onset = (...given) => { lines.push([given[2], given[5].label]); own(...given); };"
            "draw();"
            "return lines;"
        )
        assert drawn == [[pytest.approx(-19.5), "P"], [pytest.approx(-16.0), "✗ S"], [0, "P"]]
        assert errors_of(browser) == []


def test_an_onset_before_a_much_stronger_one_is_seen(browser, job, make_trace, rng):
    """Of 19 dB at 60 s, 24 s before one that is 200 times stronger, which is clipped until the view leaves the pick."""
    t = np.arange(12_000) / 100
    data = rng.normal(size=t.size) * np.where(t < 60, 1, np.where(t < 84, 9, 1800))
    make_trace(data.astype(np.float32), "GE.APE..HHZ").write(str(job / "Z.mseed"), format="MSEED")
    write_picks([a_pick(60.0, snr_db=19.0)], job / "picks.csv", "csv", overwrite=True)
    with serving("review", job / "picks.csv", "--waveforms", job / "Z.mseed", "--serve") as (_, url):
        browser.get(url)
        until(browser, is_ready)
        most = float(browser.execute_script(LARGEST))
        assert 9 < most < 40 * 10
        browser.execute_script("range = [20, 30]; draw();")
        assert float(browser.execute_script(LARGEST)) > 5000
        assert errors_of(browser) == []


def test_the_list_has_dates_as_far_as_they_differ(browser, job):
    write_picks([PICKS[0], a_pick(50.0 + 86_400 * 366)], job / "picks.csv", "csv", overwrite=True)
    with serving("review", job / "picks.csv", "--waveforms", job / "Z.mseed", "--serve") as (_, url):
        browser.get(url)
        until(browser, lambda b: texts(b, "#list li"))
        assert texts(browser, "#list .clock") == ["2020-01-01 00:00:30", "2021-01-01 00:00:50"]
        for day, clock in (("2020-01-02", "01-01 00:00:30"), ("2020-01-01", "00:00:30")):
            browser.execute_script(f"picks[1].time = '{day}T00:00:50'; clock = shared(); list();")
            assert texts(browser, "#list .clock")[0] == clock
        browser.get("about:blank")  # before the server is gone


def test_the_list_gains_dates_when_a_pick_is_moved_over_midnight(browser, job):
    write_picks([PICKS[0], a_pick(0.3)], job / "picks.csv", "csv", overwrite=True)
    with serving("review", job / "picks.csv", "--waveforms", job / "Z.mseed", "--serve") as (_, url):
        browser.get(url)
        until(browser, is_ready)
        assert texts(browser, "#list .clock") == ["00:00:00", "00:00:30"]
        browser.execute_script("picks[0].said_offset_s = -0.5; relist(0);")
        for _ in range(2):
            assert texts(browser, "#list .clock") == ["2019-12-31 23:59:59", "2020-01-01 00:00:30"]
            browser.execute_script("clock = shared(); list();")
        browser.get("about:blank")


LARGEST = """
const texts = [], own = label;
label = (...given) => { texts.push(given[2]); own(...given); };
draw();
label = own;
return texts.find(text => text.startsWith("±")).slice(1);
"""
"""How much half the height of the first component stands for."""

COUNTED = """
window.most = 0;
const own = Element.prototype.append;
Element.prototype.append = function (...nodes) { most = Math.max(most, nodes.length); own.apply(this, nodes); };
"""
"""Keeps the largest number of nodes that one call has taken; browsers end one of some 100,000 with an error."""


def test_a_table_of_a_million_rows_would_not_pass_them_in_one_call(browser, job):
    with serving("report", job / "picks.csv", "--waveforms", job / "Z.mseed", "--serve") as (_, url):
        browser.get(url)
        browser.execute_script(COUNTED)
        browser.find_element(By.CSS_SELECTOR, "th:nth-child(5)").click()
        assert texts(browser, "tbody td:nth-child(5)") == ["0.60", "0.70", "0.90", "0.95"]
        assert browser.execute_script("return most") < 4


def test_zoom_filter_and_shown_picks(browser, job):
    with serving("review", job / "picks.csv", "--waveforms", job / "Z.mseed", "--serve") as (_, url):
        browser.get(url)
        until(browser, is_ready)
        canvas = browser.find_element(By.ID, "view")
        middle = float(canvas.get_attribute("data-onset"))
        press(browser, Keys.ARROW_RIGHT)
        until(browser, is_ready)
        press(browser, Keys.ARROW_LEFT)
        until(browser, is_ready)
        drag = ActionChains(browser).move_to_element_with_offset(
            canvas, round(middle - canvas.size["width"] / 2 - 200), 0
        )
        drag.click_and_hold().move_by_offset(60, 0).release().perform()
        assert float(canvas.get_attribute("data-onset")) == pytest.approx(middle + 60, abs=2)
        press(browser, "0")
        assert float(canvas.get_attribute("data-onset")) == pytest.approx(middle, abs=2)
        for name, value in (("band", "2-20"), ("band", "custom")):
            browser.find_element(By.CSS_SELECTOR, f"#{name} option[value='{value}']").click()
            until(browser, is_ready)
        browser.find_element(By.CSS_SELECTOR, "#which option[value='rejected']").click()
        assert texts(browser, "#list li") == []
        assert errors_of(browser) == []


def test_a_served_report_draws_what_is_opened(browser, job):
    arguments = ("report", job / "picks.csv", "--waveforms", job / "Z.mseed", "--model", job / "m.h5", "--serve")
    with serving(*arguments) as (_, url):
        browser.get(url)
        assert len(texts(browser, "tbody tr")) == 4
        assert EVIL in texts(browser, "tbody tr")[3]
        browser.find_element(By.CSS_SELECTOR, "select option[value='S']").click()
        assert len(texts(browser, "tbody tr")) == 1
        browser.find_element(By.CSS_SELECTOR, "tbody tr:nth-child(2) a").click()
        until(browser, lambda b: texts(b, "h1") == ["S on GE.APE"])
        assert browser.execute_script("return document.images[0].naturalWidth") > 500
        browser.find_element(By.LINK_TEXT, "Next").click()
        browser.find_element(By.LINK_TEXT, "Next").click()
        assert EVIL in texts(browser, "li")[0]
        browser.get(re.sub(r"/[\w-]+/$", "/", url))
        assert "token" in browser.find_element(By.TAG_NAME, "body").text
        assert all("403" in line for line in errors_of(browser))


def test_a_written_report_opens_from_a_file_and_says_how_to_draw_the_rest(browser, job):
    found = Classification(picks=PICKS, spans=[("GE.APE..HH", START_NS, START_NS + 120 * 10**9)])
    folder = job / "it's a report"
    folder.mkdir()
    write_classification(found, load_model(job / "m.h5"), folder, origin=Origin([str(job)], str(job / "m.h5")))
    browser.get((folder / "report.html").as_uri())
    browser.find_element(By.CSS_SELECTOR, "tr[data-id]").click()
    command = texts(browser, ".hint code")[0]
    assert command.startswith("seisnet plot ") and "GE.APE..HH_P_2020-01-01T00:00:30.000000Z" in command
    drawn = subprocess.run(
        command.replace("seisnet", f"{sys.executable} -m seisnet", 1),
        shell=True,
        cwd=job,
        capture_output=True,
        check=False,
    )
    assert drawn.returncode == 0, drawn.stderr
    assert (job / "GE.APE..HH_P_2020-01-01T00_00_30.000000Z.png").read_bytes().startswith(b"\x89PNG")
    assert errors_of(browser) == []
