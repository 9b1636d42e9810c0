"""Of what is found in one source, that is told which lies in the span of time that the source answers for."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seisnet.classification import one_source
from seisnet.classification.one_source import Classification, SourceJob, classify_source
from seisnet.config import PickConfig, PreprocessConfig
from seisnet.picks import Detection, Pick
from seisnet.scan.scanner import Probabilities
from seisnet.waveforms.records import NS_PER_S, Rejection
from seisnet.waveforms.sources import Source

START_NS = 1_577_836_800 * NS_PER_S
SPAN_S = (10, 60)


def at(seconds):
    return START_NS + round(seconds * NS_PER_S)


def pick(seconds):
    return Pick("GE", "APE", "", "HH", "P", at(seconds), 0.9)


def detection(start_s, end_s, probability):
    return Detection("GE", "APE", "", "HH", "rockfall", at(start_s), at(end_s), probability, threshold=0.5)


def probabilities(loudest):
    """Columns of each second from 0 to 100 s, whose P rises to `loudest` at 100 s; five seconds are dead."""
    dead = np.isin(np.arange(101), [20, 21, 59, 60, 70])
    p = np.where(dead, 1.0, np.linspace(0, loudest, 101)).astype(np.float32)
    return Probabilities(np.stack([p, 1 - p]), START_NS, NS_PER_S, ("P", "noise"), "GE.APE..HH", dead)


@pytest.fixture
def scanned(make_record, monkeypatch):
    """scanned(found, ..., **options of the job): what a source of as many records gives, and what was asked for."""

    def scan(*found, **options):
        asked, rest = [], iter(found)
        records = [make_record(np.ones(10_001), trace_id=one.trace_id) for one in found]

        def read_records(source, reading, **wanted):
            asked.append(wanted)
            reading.rejections.append(Rejection("GE.APE..HH", 0, 1, "why"))
            reading.files.append(Path("a.mseed"))
            reading.failed.append("no answer")
            yield from records

        def follow(record, config, *, threads):
            asked.append((config, threads))
            return SimpleNamespace(add=lambda data, last: next(rest) if last and data is record.data else None)

        monkeypatch.setattr(one_source, "read_records", read_records)
        model = SimpleNamespace(preprocess=PreprocessConfig(), follow=follow, margin_s=lambda config: config.p_before_s)
        job = SourceJob(model, PickConfig(p_before_s=7.0), threads=3, **options)
        span_ns = at(SPAN_S[0]), at(SPAN_S[1])
        return classify_source(Source((Path("a.mseed"),), span_ns=span_ns), job), job, asked

    return scan


def found(*, picks=(), detections=(), loudest=1.0, trace_id="GE.APE..HH"):
    found_p = probabilities(loudest)
    return SimpleNamespace(picks=[*picks], detections=[*detections], probabilities=found_p, trace_id=trace_id)


def test_picks_and_probabilities_are_those_of_the_span_whose_end_is_anothers(scanned):
    times_s = (9.999999999, 10, 30, 59.999999999, 60)
    result, *_ = scanned(found(picks=map(pick, times_s)), found(loudest=0.2), keep_probabilities=True)
    assert result.picks == [pick(s) for s in times_s[1:-1]]
    assert [(p.times_ns[0], p.times_ns[-1]) for p in result.probabilities] == 2 * [(at(10), at(59))]
    assert result.highest == pytest.approx({"P": 0.58, "noise": 1 - 0.2 * 0.1})  # of no dead column, of either record
    assert result.dead_s == 2 * 3
    assert (result.spans, result.seconds) == (2 * [("GE.APE..HH", at(10), at(60))], 100.0)


def test_detections_are_cut_to_the_span_and_one_that_may_go_on_need_not_reach_its_threshold_here(scanned):
    all_of_them = [
        detection(0, 20, 0.9),
        detection(5, 15, 0.4),
        detection(10, 12, 0.4),
        detection(10.1, 12, 0.4),
        detection(30, 40, 0.5),
        detection(30, 40, 0.499),
        detection(50, 59.9, 0.4),
        detection(50, 60, 0.4),
        detection(60, 70, 0.9),
    ]
    result, *_ = scanned(found(detections=all_of_them), most_views=9)
    assert [d.probability for view in result.views for d in view.detections] == [0.9, 0.5], "what may fail is no view"
    spans_s = [((d.start_ns - START_NS) / NS_PER_S, (d.end_ns - START_NS) / NS_PER_S) for d in result.detections]
    assert spans_s == [(10, 20), (10, 15), (10, 12), (30, 40), (50, 60)]


def test_a_source_is_read_and_scanned_as_the_job_says_and_tells_what_reading_said(scanned):
    result, job, [wanted, scan] = scanned(found())
    assert wanted == {"sampling_rate_hz": 100.0, "shortest_s": 4.0, "margin_s": 7.0, "response": None}
    assert scan == (job.config, 3)
    assert [r.reason for r in result.rejections] == ["why"]
    assert (result.files, result.failed) == ([Path("a.mseed")], ["no answer"])
    assert result.probabilities == [] == result.views


def test_at_most_so_many_views_are_kept_first_those_that_come_first_of_all_instruments(scanned):
    """Some to spare while it is not known which picks have company, or a P before them."""
    all_of_them = [pick(s) for s in (5, 11, 52, 70)]
    many = [found(picks=all_of_them) for _ in range(10)]
    result, *_ = scanned(*many, found(picks=all_of_them, trace_id="GE.TIR..HH"), most_views=1)
    assert [view.picks for view in result.views] == 5 * [(pick(11),), (pick(52),)]
    assert [view.trace_id for view in result.views] == 8 * ["GE.APE..HH"] + 2 * ["GE.TIR..HH"]
    assert {view.times_ns[-1] for view in result.views} == {at(41), at(82)}  # beyond the span, too
    for config, kept in (({}, 3), ({"coincidence": 2}, 30), ({"p_before_s": 1.0}, 30), ({"coincidence": 1}, 3)):
        assert SourceJob(None, PickConfig(**config), most_views=3).kept_views == kept


def test_all_that_sources_give_is_taken_together():
    names = ("picks", "detections", "views", "probabilities", "rejections", "files", "failed", "spans")
    total, other = (Classification(**{name: [(k, name)] for name in names}) for k in (1, 2))
    total.add(other)
    assert all(getattr(total, name) == [(1, name), (2, name)] for name in names)
