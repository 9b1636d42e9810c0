"""The page is read as a browser reads it: by an HTML parser always, by Chromium where there is one."""

import base64
import dataclasses
import hashlib
import json
import math
import os
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import obspy
import pytest
from selenium.webdriver.common.by import By

from seisnet import plots
from seisnet.classification.job import classify
from seisnet.classification.one_source import Classification
from seisnet.classification.output import IN_REPORT
from seisnet.classification.summary import summary
from seisnet.classification.views import View, id_of
from seisnet.config import PickConfig
from seisnet.errors import ConfigError, DataError
from seisnet.formats.picks import write_detections, write_picks
from seisnet.model import load_model
from seisnet.picks import Detection, Pick
from seisnet.report import document, viewer
from seisnet.report.classification import (
    Origin,
    classification_metrics,
    detections_sections,
    picks_sections,
    write_classification,
)
from seisnet.report.document import Column, Report, Section, Table, picks_table, picture, rejections_section
from seisnet.report.evaluation import training_figures
from seisnet.report.folder import write_json
from seisnet.report.html import render_report, write_report
from seisnet.report.score import Comparison, write_score
from seisnet.report.serving import Request
from seisnet.report.viewer import Picked, open_picked
from seisnet.scoring.matching import MatchScore
from seisnet.waveforms.records import KEPT, Rejection
from tests.commands import run

START_NS = 1_251_073_203_000_000_000  # 2009-08-24T00:20:03
EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</style></script>&lt;{{ 7*7 }}",
]


class Page(HTMLParser):
    """Elements with their attributes and their text, as they come."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))
        if tag not in {"meta", "img", "input"}:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for element in self.open:
            element[2].append(data)

    def all(self, tag):
        return [(attributes, "".join(text)) for name, attributes, text in self.elements if name == tag]


def pick(station="RJOB", phase="P", at_s=4.7, probability=0.97, **figures):
    return Pick("BW", station, "", "EHZ", phase, START_NS + round(at_s * 1e9), probability, **figures)


def view(title="BW.RJOB..EH", n_samples=500):
    rng = np.random.default_rng(1)
    return plots.waveform_view(
        rng.normal(size=(3, n_samples)),
        START_NS,
        100.0,
        probabilities=rng.dirichlet([1, 1, 1], size=n_samples // 4).T,
        probability_times_ns=START_NS + np.arange(n_samples // 4) * 40_000_000,
        classes=("P", "S", "noise"),
        picks=[pick(at_s=2.0)],
        title=title,
    )


def small_report():
    picks = [
        pick("ABC", "P", 4.7, 0.9, snr_db=9.0),
        pick("ABC", "S", 8.0, 0.1, snr_db=10.0),
        pick("XYZ", "P", 5.0, math.nan),
        pick("XYZ", "S", 9.0, 0.55, snr_db=-3.0),
    ]
    views = (picture(view(), "first", anchor="a"), picture(view(), "second", anchor="b"))
    table = picks_table(picks, anchors=["a", "a", "b", "unknown"])
    return Report("Picks", ("4 picks",), (Section("Picks", "Some text.", table), Section("Views", pictures=views)))


def evil_report(text):
    columns = (Column(text, unit=text, filterable=True), Column("n", filterable=True))
    pictures = (picture(view(text), text, anchor=text),)
    table = Table(columns, ((text, 1.5),), anchors=(text,))
    sections = (Section(text, text, table, pictures), Section(text, table=picks_table([pick(text, text)])))
    rejections = rejections_section([Rejection(text, 0, 10**9, text)])
    return Report(text, (text,), (*sections, rejections), (text,))


@pytest.mark.parametrize("text", EVIL)
def test_text_from_outside_shows_as_text_wherever_it_stands(text):
    page = Page(render_report(evil_report(text)))
    assert not page.open
    for tag, at_least in {"title": 1, "h1": 1, "h2": 1, "li": 2, "p": 1, "td": 3, "figcaption": 1, "option": 2}.items():
        assert sum(text in shown for _, shown in page.all(tag)) >= at_least, tag
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("img")) == 1
    assert not any(name.startswith("on") for _, attributes, _ in page.elements for name in attributes)
    assert page.all("img")[0][0]["alt"] == text
    assert "49" not in [shown for _, shown in page.all("li")]
    (image,) = (unquote(attributes["src"]) for attributes, _ in page.all("img"))
    assert "<script" not in image and "<img" not in image


def test_the_page_fetches_nothing_and_allows_only_its_own_script():
    page = Page(render_report(small_report()))
    addresses = [a[name] for _, a, _ in page.elements for name in ("src", "href", "action") if name in a]
    assert addresses and all(address.startswith(("#", "data:image/svg+xml,")) for address in addresses)
    assert not {"link", "iframe", "object", "base"} & {tag for tag, _, _ in page.elements}
    style = page.all("style")[0][1]
    assert "url(" not in style and "@import" not in style
    policy = next(a["content"] for a, _ in page.all("meta") if "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(page.all("script")[0][1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and policy.startswith("default-src 'none'")


def test_rows_open_the_view_of_their_anchor_and_no_link_is_dead():
    page = Page(render_report(small_report()))
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes, text in page.all("a") if text.startswith("2009")]
    assert links == ["#view-1", "#view-1", "#view-2"]
    assert all(attributes["href"][1:] in ids for attributes, _ in page.all("a"))


def test_pictures_pass_through_their_address_unharmed():
    drawn = picture(view("50 % of 震源 #1"), "caption")
    page = Page(render_report(Report("r", sections=(Section("s", pictures=(drawn,)),))))
    assert unquote(page.all("img")[0][0]["src"]).removeprefix("data:image/svg+xml,") == drawn.svg
    assert drawn.width_cm == 17.5


def test_a_view_stays_small_enough_for_twenty_of_them_in_5_mb():
    report = Report("r", sections=(Section("s", pictures=(picture(view(n_samples=60_000), "ten minutes"),)),))
    assert len(render_report(report)) < 250_000


def test_numbers_are_rounded_for_the_eye_and_exact_for_sorting():
    columns = (Column("name"), Column("x", decimals=2), Column("n"))
    table = Table(columns, (("a", 1 / 3, 7), ("b", math.nan, 10)))
    page = Page(render_report(Report("r", sections=(Section("s", table=table),))))
    cells = [(attributes.get("data-value"), shown) for attributes, shown in page.all("td")]
    assert cells == [(None, "a"), (str(1 / 3), "0.33"), ("7", "7"), (None, "b"), ("", "–"), ("10", "10")]


def test_empty_tables_say_so_and_have_no_filters():
    page = Page(render_report(Report("r", sections=(Section("s", table=picks_table([])),))))
    assert "No rows." in [shown for _, shown in page.all("p")]
    assert not page.all("form")


def test_rejections_are_counted_by_reason_the_commonest_first():
    gap, short = "gap", "shorter than a window"
    those = [Rejection("x", 0, 0, "unreadable")]  # of no time
    those += [Rejection("A", 0, 10**9, short), Rejection("B", 10**9, 3 * 10**9, gap), Rejection("C", 0, 10**9, gap)]
    table = rejections_section(those).table
    assert table.rows == (
        ("gap", 2, 3.0, "B", "1970-01-01 00:00:01.000"),
        (short, 1, 1.0, "A", "1970-01-01 00:00:00.000"),
        ("unreadable", 1, math.nan, "x", ""),
    )
    assert rejections_section([]).text == "Nothing was rejected."


def test_a_remark_on_whole_records_has_no_length():
    remark = f"{KEPT}resampled from 200 to 100 Hz"
    ((_, stretches, length_s, *_),) = rejections_section([Rejection("A", 10**9, 10**9, remark)] * 2).table.rows
    assert stretches == 2 and math.isnan(length_s)


def test_scores_stand_in_their_columns(tmp_path):
    of = Comparison(Path("found.csv"), Path("wanted.csv"), "phase", 0.5, 2.0)
    write_score([MatchScore("P", 8, 10, 5, np.array([0.3, -0.4, -0.1, 0.2, 0.0]))], tmp_path, of)
    page = Page((tmp_path / "report.html").read_text())
    assert page.all("h1")[0][1] == "found.csv against wanted.csv"
    row = dict(zip((name for _, name in page.all("th")), (cell for _, cell in page.all("td")), strict=True))
    assert row == {
        "Phase": "P", "Picks": "8", "Reference": "10", "Matched": "5", "Precision": "0.625", "Recall": "0.500",
        "F1": "0.556", "Median s": "0.000", "MAE s": "0.200", "5 % s": "-0.340", "95 % s": "0.280",
        "False 1/h": "1.500",
    }  # fmt: skip


def test_a_row_of_a_pick_holds_its_figures_and_opens_the_first_view_that_shows_it():
    shown = dataclasses.replace(pick(uncertainty_s=0.04, snr_db=12.0), location="00")
    data_ct, nothing = np.random.default_rng(1).normal(size=(3, 400)), np.zeros((0, 0))
    views = [View(data_ct, START_NS + k, 100.0, nothing, np.zeros(0), (shown,), "BW.RJOB.00.EH") for k in (0, 1)]
    section = picks_sections(Classification(picks=[shown], views=views), load_model("phase"), hint="x")[0]
    assert section.text == "Click the row of the pick to open its seismogram."
    table = section.table
    assert table.rows == (("2009-08-24 00:20:07.700", "BW.RJOB", "00.EHZ", "P", 0.97, 0.04, 12.0),)
    assert table.anchors == (f"BW.RJOB.00.EH {START_NS}",)


def test_the_file_is_the_page_and_replaces_an_older_one(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(small_report(), path)
    assert path.read_text("utf-8") == render_report(small_report())
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_older_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space"):
        write_report(small_report(), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_broken_unicode_of_a_file_name_reaches_the_file_as_a_question_mark(tmp_path):
    write_report(Report("\udc80.mseed"), tmp_path / "report.html")
    assert "<h1>?.mseed</h1>" in (tmp_path / "report.html").read_text("utf-8")


def show(browser, tmp_path, page):
    (tmp_path / "page.html").write_text(page, "utf-8")
    browser.get((tmp_path / "page.html").as_uri())


def test_a_browser_sorts_filters_and_opens_views(browser, tmp_path):
    show(browser, tmp_path, render_report(small_report()))

    def click(selector):
        browser.find_element(By.CSS_SELECTOR, selector).click()

    def column(k):
        return [e.text for e in browser.find_elements(By.CSS_SELECTOR, f"td:nth-child({k})") if e.is_displayed()]

    for order in (["-3.0", "9.0", "10.0", "–"], ["10.0", "9.0", "-3.0", "–"]):
        click("th:nth-child(7) button")
        assert column(7) == order
    click("th:nth-child(1) button")
    assert column(1) == [f"2009-08-24 00:20:{s:06.3f}" for s in (7.7, 8.0, 11.0, 12.0)]
    assert browser.find_element(By.TAG_NAME, "th").get_attribute("aria-sort") == "ascending"
    click("select[data-column='3'] option[value='S']")
    assert column(4) == ["S", "S"]
    least = browser.find_element(By.CSS_SELECTOR, "input[data-column='4']")
    least.send_keys("0.5")
    assert column(2) == ["BW.XYZ"]
    assert browser.find_element(By.TAG_NAME, "output").text == "1 of 4 shown"
    click("select[data-column='3'] option[value='']")
    least.clear()
    assert column(2) == ["BW.ABC", "BW.XYZ", "BW.ABC", "BW.XYZ"]
    click("tbody tr:nth-child(2) td:nth-child(3)")
    assert browser.current_url.endswith("#view-2")
    assert browser.execute_script("return [...document.images].every(image => image.naturalWidth > 0)")
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("text", EVIL[:2])
def test_a_browser_runs_our_script_and_none_that_a_name_smuggles_in(browser, tmp_path, text):
    show(browser, tmp_path, render_report(evil_report(text)))
    forms, scripts, images = (browser.find_elements(By.TAG_NAME, name) for name in ("form", "script", "img"))
    assert all(form.is_displayed() for form in forms), "our script did not run"
    assert len(scripts) == len(images) == 1


def test_a_smuggled_script_would_be_refused_by_the_policy_and_by_nothing_else(browser, tmp_path):
    page = render_report(Report("x")).replace("<body>", "<body><script>document.title = 'run'</script>")
    show(browser, tmp_path, page)
    assert browser.title == "x"
    show(browser, tmp_path, re.sub(r"<meta http-equiv=.*?>", "", page))
    assert browser.title == "run"


def test_ten_thousand_picks_make_a_page_of_a_few_megabytes():
    rng = np.random.default_rng(1)
    picks = [pick(f"S{k % 40}", "PS"[k % 2], at_s=k, probability=p) for k, p in enumerate(rng.random(10_000))]
    data_ct, nothing = rng.normal(size=(3, 4000)), np.zeros((0, 0))
    views = [View(data_ct, START_NS, 100.0, nothing, np.zeros(0), (shown,), "BW.S..EH") for shown in picks[:5]]
    found = Classification(picks=picks, views=views, spans=[("BW.S1..EH", START_NS, START_NS)])
    sections = picks_sections(found, load_model("phase"), hint="seisnet plot r --pick")
    page = render_report(Report("r", sections=tuple(sections)))
    assert len(page) < 8e6
    assert "5 of 10000 picks have a seismogram" in page and "Samples are not filtered; their unit" in page
    assert page.count("data-id=") == 9995 and page.count("<figure") == 5


def test_a_table_has_room_for_what_is_drawn_and_the_most_probable(monkeypatch):
    monkeypatch.setattr(document, "MOST_ROWS", 3)
    picks = [pick(at_s=k, probability=p) for k, p in enumerate([0.1, 0.9, math.nan, 0.5, 0.8])]
    assert document.within_table(picks) == [picks[1], picks[3], picks[4]]
    assert document.within_table(picks, {picks[0]}) == [picks[0], picks[1], picks[4]]
    assert document.within_table(picks[:3]) == picks[:3] and document.within_table([]) == []
    data_ct, nothing = np.random.default_rng(1).normal(size=(3, 4000)), np.zeros((0, 0))
    views = [View(data_ct, START_NS, 100.0, nothing, np.zeros(0), (picks[0],), "BW.RJOB..EH")]
    found = Classification(picks=picks, views=views, spans=[("BW.RJOB..EH", START_NS, START_NS)])
    section = picks_sections(found, load_model("phase"), hint="x")[0]
    assert section.text.startswith(
        "The table has 3 of 5 picks: those with a seismogram, then the most probable. picks.csv has all. "
        "1 of 5 picks have a seismogram: click a row to open it. "
    )
    assert len(section.table.rows) == len(section.table.anchors) == len(section.table.ids) == 3
    assert [bool(anchor) for anchor in section.table.anchors] == [True, False, False]


def test_a_report_of_many_detections_counts_all_and_lists_the_most_probable(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "MOST_ROWS", 2)
    times_ns = [START_NS + k * 20 * 10**9 for k in range(3)]
    found = Classification(
        detections=[
            Detection("TW", "LH01", "00", "EH", "rockfall", at_ns, at_ns + 10**10, p)
            for at_ns, p in zip(times_ns, (0.7, 0.6, 0.9), strict=True)
        ],
        spans=[("TW.LH01.00.EH", START_NS, times_ns[-1] + 10**11)],
    )
    write_classification(found, load_model("rockfall"), tmp_path, origin=Origin(["a"], "rockfall"))
    page = Page((tmp_path / "report.html").read_text())
    cells = [text for _, text in page.all("td")]
    assert "3" in cells[: cells.index("TW.LH01") + 3]
    assert [cell for cell in cells if cell in ("0.70", "0.60", "0.90")] == ["0.70", "0.90"]
    wanted = "The table has 2 of 3 detections: the most probable. detections.csv has all."
    assert any(text.startswith(wanted) for _, text in page.all("p"))
    assert (tmp_path / "detections.csv").read_text().count("rockfall") >= 3


def test_pages_of_many_picks_lead_to_each_other_and_hold_each_pick_once(monkeypatch):
    for module in (document, viewer):
        monkeypatch.setattr(module, "MOST_ROWS", 2)
    picked = Picked("p.csv", [pick(at_s=k) for k in range(5)], None, None)
    first, rows, leads = "./", [], []
    while first:
        query = dict(parse_qsl(urlsplit(first).query))
        page = Page(picked.answer(Request("GET", "", query)).body.decode())
        rows += [attributes["href"] for attributes, _ in page.all("a") if "pick=" in attributes["href"]]
        leads += [text for _, text in page.all("li")]
        links = {text: attributes["href"] for attributes, text in page.all("a")}
        first = links.get("Later picks")
    assert rows == [viewer.view_address(each) for each in picked.picks]
    assert leads[1] == "5 picks. This page has those from 3 to 4 in order of time."
    assert links["Earlier picks"] == viewer.page_address(3) == "./?from=2" and viewer.page_address(1) == "./"
    for wrong in ("-1", "x", "9" * 5000):
        with pytest.raises(ConfigError, match="the number of a pick is needed"):
            picked.answer(Request("GET", "", {"from": wrong}))


def test_a_report_of_detections_counts_and_lists_them(tmp_path):
    at_ns = START_NS + 10**10
    found = Classification(
        detections=[Detection("TW", "LH01", "00", "EH", "rockfall", at_ns, at_ns + 12 * 10**9, 0.9)],
        spans=[("TW.LH01.00.EH", START_NS, START_NS + 60 * 10**9)],
        thresholds={"rockfall": 0.5},
        seconds=60.0,
    )
    folder = tmp_path / "r"
    folder.mkdir()
    write_classification(found, load_model("rockfall"), folder, origin=Origin(["a"], "rockfall"))
    page = Page((folder / "report.html").read_text())
    text = " ".join(content for _, content in page.all("td"))
    assert page.all("h1")[0][1] == "Detections"
    assert all(cell in text for cell in ("TW.LH01", "00.EH", "rockfall", "12.0", "0.90"))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["detections_by_station"] == [{"station": "TW.LH01", "class": "rockfall", "detections": 1}]
    assert {path.name for path in folder.iterdir()} == {name for name in IN_REPORT if "picks" not in name}


def a_detection(at_s, length_s=10.0, label="rockfall", probability=0.9, station="RJOB"):
    start_ns = START_NS + round(at_s * 10**9)
    return Detection("BW", station, "", "EH", label, start_ns, start_ns + round(length_s * 10**9), probability)


def test_a_row_of_a_detection_opens_the_view_that_shows_most_of_it():
    whole, cut, alone = a_detection(5, 2), a_detection(15, 30, "earthquake", 0.8), a_detection(300, 1)
    data_ct, nothing = np.random.default_rng(1).normal(size=(3, 4000)), np.zeros((0, 0))
    views = [
        View(data_ct, START_NS + at_s * 10**9, 100.0, nothing, np.zeros(0), (), "BW.RJOB..EH", those)
        for at_s, those in ((0, (whole, cut)), (10, (cut,)))
    ]
    found = Classification(detections=[whole, cut, alone], views=views)
    listed, drawn = detections_sections(found, load_model("rockfall"), hint="x")
    assert listed.table.anchors == (f"BW.RJOB..EH {START_NS}", f"BW.RJOB..EH {START_NS + 10**10}", "")
    assert listed.table.ids == tuple(map(id_of, (whole, cut, alone)))
    assert listed.text.startswith("2 of 3 detections have a seismogram: click a row to open it. A click on any other")
    captions = ["BW.RJOB..EH: rockfall 0.90, earthquake 0.80", "BW.RJOB..EH: earthquake 0.80"]
    assert [picture.caption for picture in drawn.pictures] == captions
    assert drawn.text.startswith("2 stretches with detections. Samples are not filtered")


def test_detections_are_served_with_the_waveforms_that_they_were_found_in(tmp_path):
    obspy.read().write(str(tmp_path / "a.mseed"), format="MSEED")
    shown = [a_detection(1, 2, "quake, 'local'"), a_detection(8, 5), a_detection(10, 2, station="NOT")]
    write_detections(shown, tmp_path / "d.csv")
    with pytest.raises(ConfigError, match="use --waveforms"):
        open_picked(tmp_path / "d.csv")
    picked = open_picked(tmp_path / "d.csv", [str(tmp_path / "a.mseed")])
    page = Page(picked.answer(Request("GET", "", {})).body.decode())
    links = [attributes["href"] for attributes, _ in page.all("a")]
    assert links == [viewer.view_address(each) for each in shown]
    queries = [dict(parse_qsl(urlsplit(link).query)) for link in links]
    first, second, third = (Page(picked.answer(Request("GET", "view", query)).body.decode()) for query in queries)
    headings = [page.all("h1")[0][1] for page in (first, second, third)]
    assert headings == ["quake, 'local' on BW.RJOB", "rockfall on BW.RJOB", "No seismogram"]
    assert first.all("figcaption")[0][1] == "BW.RJOB..EH: quake, 'local' 0.90, rockfall 0.90"
    assert f"Detection 2 of 3: {id_of(shown[1])}" in [text for _, text in second.all("p")]
    assert {text for _, text in second.all("a")} == {"All detections", "Previous", "Next"}
    command = (tmp_path / "d.csv", "--waveforms", tmp_path / "a.mseed")
    for each in shown[:2]:
        run("plot", *command, "--pick", id_of(each), "-o", tmp_path / f"{each.start_ns}.svg")
        assert f">{each.label} 0.90<" in unescape((tmp_path / f"{each.start_ns}.svg").read_text())
    for refused in (("plot", *command, "--section", id_of(shown[1])), ("review", *command, "--serve")):
        with pytest.raises(ConfigError, match=r"d\.csv: holds detections; (--section|review) is for picks"):
            run(*refused)


def test_a_report_of_picks_counts_them_and_what_was_rejected(tmp_path):
    found = Classification(
        picks=[pick(), pick(at_s=9), pick(phase="S", at_s=6)],
        rejections=[Rejection("A", 0, 10**9, "gap"), Rejection("B", 0, 2 * 10**9, "gap")],
        spans=[("BW.RJOB..EH", START_NS, START_NS + 60 * 10**9)],
    )
    write_classification(found, load_model("phase"), tmp_path, origin=Origin(["a"], "phase"))
    page = Page((tmp_path / "report.html").read_text())
    assert [text for _, text in page.all("td")][:3] == ["BW.RJOB", "2", "1"]
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert [row["picks"] for row in metrics["picks_by_station"]] == [2, 1]
    assert metrics["rejected"] == {"gap": {"stretches": 2, "seconds": 3.0}}


def test_a_report_takes_the_place_of_one_of_the_other_task(tmp_path):
    record, folder, at_ns = tmp_path / "a.mseed", tmp_path / "r", START_NS + 10**10
    obspy.read().write(str(record), format="MSEED")
    folder.mkdir()
    found = Classification(
        picks=[Pick("BW", "RJOB", "", "EH", "P", at_ns, 0.9)],
        detections=[Detection("BW", "RJOB", "", "EH", "rockfall", at_ns, at_ns + 10**9, 0.9)],
        spans=[("BW.RJOB..EH", START_NS, START_NS + 60 * 10**9)],
    )
    for name, other in (("phase", "detections"), ("rockfall", "picks"), ("phase", "detections")):
        write_classification(found, load_model(name), folder, origin=Origin([str(record)], name))
        assert {path.name for path in folder.iterdir()} == {name for name in IN_REPORT if other not in name}
    assert open_picked(folder).picks == found.picks


def test_a_report_removes_nothing_from_a_folder_that_holds_none(tmp_path):
    (tmp_path / "detections.csv").write_text("mine")
    write_classification(Classification(), load_model("phase"), tmp_path, origin=Origin(["a"], "phase"))
    assert (tmp_path / "detections.csv").read_text() == "mine"


@pytest.mark.parametrize("rival_s", [0.0, 25.0])
def test_a_report_of_picks_says_that_they_lose_probability_beside_others(rival_s, tmp_path):
    record = tmp_path / "a.mseed"
    obspy.read().write(str(record), format="MSEED")
    model = load_model("phase")
    found = classify([str(record)], model, PickConfig(rival_s=rival_s))
    write_classification(found, model, tmp_path, origin=Origin(["a"], "phase"))
    said = (
        "The probability of picks within 25 s of a more probable one of the same phase that stands out more was lowered"
    )
    assert (said in (tmp_path / "report.html").read_text()) == bool(rival_s)
    written = {path.name for path in tmp_path.iterdir()} - {record.name}
    assert written == {name for name in IN_REPORT if "detections" not in name}


def test_curves_are_drawn_of_every_network_whose_training_is_told_and_of_its_first_member():
    model = load_model("phase").stored
    row = {"epochs": 2.0, "learning_rate": 0.1}
    told = [row | {"task": t, "epoch": e, "train_loss": t + 1 / e} for t in (3.0, 4.0) for e in (1.0, 2.0)]
    stored = dataclasses.replace(model, metrics={"context_history": told, "onset_history": told[:2]})
    figures = training_figures(stored)
    assert list(figures) == ["training", "training_context", "training_onset"]
    for name, label in (("context", "Loss (nats)"), ("onset", "Loss (Huber)")):
        loss = figures[f"training_{name}"].axes[0]
        assert loss.get_ylabel() == label
        np.testing.assert_array_equal(loss.lines[0].get_xydata(), [(1, 4), (2, 3.5)])
    assert not training_figures(dataclasses.replace(model, history={}, metrics={}))


def test_a_class_model_that_finds_nothing_finds_no_detections():
    found = Classification(thresholds={"rockfall": 0.5}, highest={"rockfall": 0.1})
    assert summary(found, load_model("rockfall"))[0].startswith("0 rockfall detections; no probability reached")
    assert summary(found, load_model("phase"))[0].startswith("0 rockfall picks")


def test_a_probability_just_below_its_threshold_is_not_rounded_up_to_it():
    found = Classification(thresholds={"P": 0.99}, highest={"P": 0.98543})
    assert "no probability reached its threshold (P 0.9854, threshold 0.99)" in summary(found, load_model("phase"))[0]


def test_what_came_from_a_web_service_is_drawn_from_files_only(tmp_path):
    write_json(tmp_path / "metrics.json", classification_metrics(Classification(), Origin(["fdsn:GEOFON"], "phase")))
    write_picks([], tmp_path / "picks.csv")
    with pytest.raises(ConfigError, match="fdsn:GEOFON: what a web service sent is not kept; use --waveforms"):
        open_picked(tmp_path)
    older = json.loads((tmp_path / "metrics.json").read_text())
    for selection in ({"pattern": ["GE"]}, {"patterns": "GE"}):
        (tmp_path / "metrics.json").write_text(json.dumps(older | {"selection": selection}))
        with pytest.raises(ConfigError, match=r"metrics\.json: selection: "):
            open_picked(tmp_path)
    del older["selection"]
    (tmp_path / "metrics.json").write_text(json.dumps(older))
    with pytest.raises(ConfigError, match="fdsn:GEOFON"):
        open_picked(tmp_path)


def test_a_report_names_its_sources_so_that_they_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    origin = Origin(["a.mseed", "sds:archive", "sds:/a", "fdsn:GEOFON"], "phase")
    sources = classification_metrics(Classification(), origin)["sources"]
    assert sources == [f"{tmp_path}/a.mseed", f"sds:{tmp_path}/archive", "sds:/a", "fdsn:GEOFON"]
