"""Every model in the wheel: it loads, is small, has an honest card, and runs."""

import json
import re
from pathlib import Path

import numpy as np
import obspy
import pytest
from click.testing import CliRunner

from seisnet.classification.job import classify
from seisnet.cli import cli
from seisnet.config import PickConfig
from seisnet.errors import ConfigError
from seisnet.formats.own_csv import picks_csv
from seisnet.model import SHIPPED, load_model, shipped_models
from seisnet.model_cards import SECTIONS, describe_model, summary_of
from seisnet.waveforms import groups
from seisnet.waveforms.records import NS_PER_S

ROOT = Path(__file__).parents[1]
LARGEST_MB = 5.0
MIDNIGHT = obspy.UTCDateTime(2020, 1, 2)

NAMES = shipped_models()
pytestmark = pytest.mark.skipif(not NAMES, reason="no models are shipped")


@pytest.fixture(scope="module", params=NAMES or ["none"])
def model(request):
    return load_model(request.param)


@pytest.fixture(scope="module")
def stream(model):
    """A local earthquake for a model of phases, else some minutes of noise with a burst."""
    if model.preprocess.task == "phase":
        return obspy.read()
    rate_hz, rng = model.preprocess.sampling_rate_hz, np.random.default_rng(0)
    n = round(6 * model.preprocess.window_s * rate_hz)
    burst = 1 + 50 * np.exp(-np.maximum(np.arange(n) - n / 2, 0) / (5 * rate_hz)) * (np.arange(n) > n / 2)
    header = {"network": "XX", "station": "TEST", "sampling_rate": rate_hz}
    return obspy.Stream([obspy.Trace(rng.normal(size=n) * burst, header | {"channel": f"EH{c}"}) for c in "ZNE"])


def figures(values):
    """Every number in nested plain values."""
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, list):
        return [number for value in values for number in figures(value)]
    return [float(values)] if isinstance(values, int | float) else []


def test_file_is_small(model):
    assert (SHIPPED / f"{model.name}.h5").stat().st_size < LARGEST_MB * 1e6


def test_card_has_its_title_its_summary_and_every_section(model):
    card = model.stored.card
    assert card.startswith(f"# {model.name}\n")
    assert 20 < len(summary_of(card)) < 140
    for section in SECTIONS:
        said = re.search(rf"^## {section}\n(.+?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)
        assert said, f"## {section} is missing"
        assert said[1].strip(), f"## {section} is empty"


def test_figures_of_the_card_come_from_the_metrics_in_the_file(model):
    section = re.search(r"^## Figures\n(.+?)(?=^## )", model.stored.card, re.MULTILINE | re.DOTALL)[1]
    known = figures(json.loads(json.dumps(dict(model.stored.metrics))))
    said = re.findall(r"(?<![\w.])-?\d*\.\d+", section)
    assert said
    for number in said:
        digits = len(number.partition(".")[2])
        assert any(abs(float(number) - k) <= 0.51 * 10**-digits for k in known), f"{number} is in no metric"


def test_thresholds_are_the_models_own_and_are_told(model):
    thresholds = model.thresholds()
    assert set(thresholds) == set(model.classes) - {"noise"}
    lines = "\n".join(describe_model(model))
    for name, threshold in thresholds.items():
        assert f"{name} {threshold:g}" in lines


def test_annotate_gives_probabilities_of_every_class(model, stream):
    traces = model.annotate(stream)
    assert {t.stats.channel for t in traces} == {f"{model.name}_{c}" for c in model.classes}
    assert np.allclose(sum(np.nan_to_num(t.data) for t in traces[: len(model.classes)]).max(), 1, atol=1e-4)


@pytest.mark.parametrize(
    ("given", "said"),
    [("day.mseed", "got a str; an obspy.Stream is needed: obspy.read('day.mseed')"), (obspy.Trace(), "got a Trace")],
)
def test_what_is_no_stream_is_refused_with_the_remedy(given, said):
    model = load_model("phase")
    for method in (model.annotate, model.classify):
        with pytest.raises(ConfigError, match=re.escape(said)):
            method(given)


def test_gain_and_polarity_change_nothing(model, stream):
    plain, turned = model.annotate(stream), model.annotate(_times(stream, -1000.0))
    for a, b in zip(plain, turned, strict=True):
        np.testing.assert_allclose(a.data, b.data, atol=1e-4)


def _times(stream, factor):
    changed = stream.copy()
    for trace in changed:
        trace.data = trace.data * factor
    return changed


def test_an_onset_is_found_shortly_before_the_end_of_a_record():
    phase, whole = load_model("phase"), obspy.read()
    onset = whole[0].stats.starttime + 4.71
    first = phase.classify(whole.slice(endtime=onset + 1))[0]
    assert (first.phase, first.time_ns / 1e9) == ("P", pytest.approx(onset.timestamp, abs=0.1))


def test_the_documented_pick_is_the_one_that_is_found():
    """Who follows the pages from ObsPy's example to `plot --pick` finds the pick that they name."""
    [found, *_] = load_model("phase").classify(obspy.read())
    row = picks_csv([found]).splitlines()[1]
    assert row in (ROOT / "docs/file_formats.md").read_text(encoding="utf-8")
    for page in ("docs/picking.md", "seisnet/cli/plot.py"):
        assert found.pick_id in (ROOT / page).read_text(encoding="utf-8")


def test_classify_runs_and_tells_the_thresholds(model, stream, tmp_path):
    for trace in stream:
        trace.data = np.asarray(trace.data, dtype=np.float64)
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    arguments = ["classify", str(tmp_path / "a.mseed"), "--model", model.name, "-o", str(tmp_path / "out.csv")]
    arguments += ["--report", str(tmp_path / "report")]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    for name, threshold in model.thresholds().items():
        assert f"{name} {threshold:g}" in result.stderr
    rows = (tmp_path / "out.csv").read_text().splitlines()
    if model.preprocess.task == "phase":
        assert len(rows) > 1
    found = "picks.csv" if model.preprocess.task == "phase" else "detections.csv"
    assert (tmp_path / "report" / found).read_text().splitlines() == rows
    assert json.loads((tmp_path / "report" / "metrics.json").read_text())[found[:-4]] == len(rows) - 1


# Files and packets: all three stages at their borders


@pytest.fixture(scope="module")
def minutes():
    """A stream of five minutes of earthquakes, one a quarter of a minute, and its picks at low thresholds."""
    model, low = load_model("phase"), PickConfig(thresholds={"P": 0.1, "S": 0.1})
    rng, rate_hz, n = np.random.default_rng(0), 100.0, 30_000
    data, t = rng.normal(size=(3, n)), np.arange(n) / rate_hz
    for i, onset_s in enumerate(np.arange(20.0, 280.0, 15.0)):
        for start_s, strength in ((onset_s, (12, 4, 4)), (onset_s + 1.5 + 0.7 * (i % 9), (8, 25, 25))):
            envelope = np.exp(-np.maximum(t - start_s, 0) / 2) * (t >= start_s)
            data += rng.normal(size=(3, n)) * envelope * np.array(strength)[:, None]
    header = {"network": "XX", "station": "TEST", "sampling_rate": rate_hz, "starttime": MIDNIGHT - 150}
    rows = zip("ZNE", np.round(100 * data).astype(np.int32), strict=True)
    stream = obspy.Stream([obspy.Trace(row, header | {"channel": f"HH{c}"}) for c, row in rows])
    picks = model.classify(stream, low)
    assert picks.picks is picks  # as SeisBench's output has them
    assert {p.phase for p in picks} == {"P", "S"} and len(picks) > 15
    return model, low, stream, picks


@pytest.mark.skipif("phase" not in NAMES, reason="phase is not shipped")
@pytest.mark.parametrize("later_s", [0.0, 4.8, 6.93])
def test_files_that_abut_at_midnight_give_the_picks_of_the_whole(later_s, minutes, tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "EARLY_NS", 0)  # else both would be of one day
    model, low, stream, _ = minutes
    moved = stream.copy()
    for trace in moved:
        trace.stats.starttime += later_s
    moved.slice(endtime=MIDNIGHT - 0.01).write(str(tmp_path / "a.mseed"), format="MSEED")
    moved.slice(starttime=MIDNIGHT).write(str(tmp_path / "b.mseed"), format="MSEED")
    found = classify([str(tmp_path)], model, low)
    assert len(found.spans) == 2
    assert found.picks == model.classify(moved, low)


@pytest.mark.skipif("phase" not in NAMES, reason="phase is not shipped")
def test_packets_give_the_picks_of_the_whole(minutes):
    model, low, stream, expected = minutes
    streaming, found = model.stream(low), []
    for packet in stream.slide(4.37 - 0.01, 4.37, include_partial_windows=True):
        found += streaming.add(packet)
    assert len(found) > len(expected) / 2  # they come while it goes on
    assert found + streaming.finish() == expected


@pytest.mark.parametrize("rate_hz", [20.0, 31.25, 40.0, 62.5, 100.0, 200.0, 500.0])
@pytest.mark.parametrize("times", [30, 1000])
def test_rates_a_strong_onset_is_picked_where_it_is_whatever_its_strength(rate_hz, times, make_trace):
    """Decaying waves, recorded at the rate itself, each at a time of its own between two samples."""
    rng = np.random.default_rng(round(rate_hz) + times)
    stream, onsets_ns = obspy.Stream(), {}
    t = np.arange(round(60 * rate_hz)) / rate_hz
    for k in range(10):
        start_ns = MIDNIGHT.ns + int(rng.integers(10**9))
        since = t - (30 + rng.uniform())
        wave = np.sin(2 * np.pi * min(8.0, 0.3 * rate_hz) * since) * np.exp(-np.maximum(since, 0) / 2) * (since >= 0)
        onsets_ns[f"S{k}"] = start_ns - round(since[0] * NS_PER_S)
        for component, share in zip("ZNE", (1.0, 0.6, 0.5), strict=True):
            samples = rng.normal(size=len(t)) + 1.5 * times * share * wave
            stream += make_trace(samples, f"XX.S{k}..HH{component}", start_ns=start_ns, rate_hz=rate_hz)
    picks = [pick for pick in load_model("phase").classify(stream) if pick.phase == "P"]
    late_s = [(pick.time_ns - onsets_ns[pick.station]) / NS_PER_S for pick in picks]
    near_s = np.array([late for late in late_s if abs(late) < 1])
    assert len(near_s) >= 9
    assert abs(np.median(near_s)) <= 0.5 / rate_hz + 0.5 / 100 + 1 / 100
    assert np.abs(near_s).max() <= 2.5 / min(rate_hz, 100)
