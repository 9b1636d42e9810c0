"""Figures are checked by what they are made of: axes, labels, lines, the data in them, the text of their SVG."""

import itertools
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisnet import plots
from seisnet.config import PreprocessConfig
from seisnet.picks import Detection, Pick
from seisnet.plots.style import CYCLE, FIXED, _compact, class_style, envelope
from seisnet.scoring import metrics
from seisnet.scoring.breakdown import f1_by
from seisnet.scoring.curves import precision_recall_curve, roc_curve
from seisnet.scoring.embedding import principal_components

START_NS = 1_251_073_203_000_000_000  # 2009-08-24T00:20:03
CLASSES = ("P", "S", "noise")
DAY_NS = 86_400 * 10**9
GRID = plots.feature_grid(PreprocessConfig())
N_INPUTS = int(np.prod(GRID.shape))
SVG = "{http://www.w3.org/2000/svg}"


def pick(phase="P", at_s=5.0, **figures):
    return Pick("BW", "RJOB", "", "EHZ", phase, START_NS + round(at_s * 1e9), **figures)


def draw_view(**changes):
    rng = np.random.default_rng(1)
    probabilities_km = rng.dirichlet([1, 1, 1], size=250).T
    given_values = {
        "probabilities": probabilities_km,
        "probability_times_ns": START_NS + np.arange(250) * 40_000_000,
        "classes": CLASSES,
        "picks": [pick(probability=0.93, uncertainty_s=0.1), pick("S", 8.0, probability=0.5), pick(at_s=5.1)],
        "title": "BW.RJOB..EH",
    }
    data_ct = rng.normal(3, 1, size=(3, 1000))
    return data_ct, plots.waveform_view(data_ct, START_NS, 100.0, **(given_values | changes))


def scored(seed=1):
    rng = np.random.default_rng(seed)
    truth_n = rng.integers(3, size=300)
    probability_nk = rng.dirichlet([1, 1, 1], size=300) / 2 + np.eye(3)[truth_n] / 2
    return truth_n, probability_nk


def draw_all(names=()):
    rng = np.random.default_rng(1)
    truth_n, probability_nk = scored()
    predicted_n = probability_nk.argmax(axis=1)
    epochs = np.arange(1, 31)
    history = {"epoch": epochs, "train_loss": 1 / epochs, "dev_loss": 1.1 / epochs, "learning_rate": 0.1 / epochs}
    history |= {"dev_accuracy": 1 - 0.5 / epochs, "dev_macro_f1": 1 - 0.6 / epochs, "gradient_norm_1": 2.0 / epochs}
    roc = {name: roc_curve(truth_n == k, probability_nk[:, k]) for k, name in enumerate(CLASSES)}
    curves = {name: precision_recall_curve(truth_n == k, probability_nk[:, k]) for k, name in enumerate(CLASSES)}
    drawn = {
        "training_curves": lambda: plots.training_curves(history),
        "confusion_matrix": lambda: plots.confusion_matrix(metrics.confusion_counts(truth_n, predicted_n, 3), CLASSES),
        "roc_curves": lambda: plots.roc_curves(roc),
        "precision_recall": lambda: plots.precision_recall(curves, thresholds={"P": 0.5}),
        "reliability_diagram": lambda: plots.reliability_diagram(
            metrics.reliability(probability_nk.max(axis=1), predicted_n == truth_n)
        ),
        "residual_histogram": lambda: plots.residual_histogram({"P": rng.normal(0, 0.1, 50), "S": []}),
        "waveform_view": lambda: draw_view(unit="m/s")[1],
        "f1_by_property": lambda: plots.f1_by_property(
            f1_by(truth_n, predicted_n, rng.exponential(10, size=300), 3), CLASSES, label="Distance (km)"
        ),
        "embedding_plane": lambda: plots.embedding_plane(
            principal_components(rng.normal(size=(300, 5))), truth_n, predicted_n, CLASSES
        ),
        "class_counts": lambda: plots.class_counts(
            rng.integers(1, 900, size=(3, 3, 2)), CLASSES, ("train", "dev", "test")
        ),
        "snr_histogram": lambda: plots.snr_histogram({"P": [1.0, 5.0, np.nan], "S": [np.nan]}),
        "stations_map": lambda: plots.stations_map({"GE.A": (37.0, 22.0), "GE.B": (38.0, 23.5)}, {"GE.A": 7}),
        "features_sheet": lambda: plots.features_sheet(
            rng.normal(size=(7, N_INPUTS)), [0.5, *[np.nan] * 6], GRID, label="P", captions=["GE.A..HH\n2020-01-01"] * 7
        ),
        "first_layer": lambda: plots.first_layer(rng.normal(size=(N_INPUTS, 40)), GRID),
        "mistakes_gallery": lambda: plots.mistakes_gallery([mistake(rng, samples=k != 1) for k in range(5)], GRID),
        "record_section": lambda: plots.record_section(section(rng)),
        "day_plot": lambda: day(rng),
        "availability": lambda: plots.availability(
            [("GE.A..HH", START_NS, START_NS + 10**13), ("GE.B..HH", START_NS + 10**12, START_NS + 5 * 10**12)],
            rejected=[("GE.A..HH", START_NS + 10**13, START_NS + 11 * 10**12, "spikes"), ("", 0, 0, "a file")],
            picks=[replace(pick(at_s=t), network="GE", station="A", channel="HH") for t in range(0, 9000, 300)],
        ),
    }
    return {name: draw() for name, draw in drawn.items() if name in (names or FIGURES)}


def mistake(rng, *, samples=True):
    probabilities = dict(zip(CLASSES, (0.9, 0.07, 0.03), strict=True))
    waveform_ct = rng.normal(size=(3, 400)).astype(np.float32) if samples else None
    return plots.Mistake(
        rng.normal(size=N_INPUTS), "S", probabilities, 0.1, "GE.A..HH\n2020-01-01 00:00:00", waveform_ct
    )


def section(rng):
    return [
        plots.SectionTrace(f"GE.S{k}", rng.normal(size=2000), START_NS, 50.0, [pick(at_s=10 - k, uncertainty_s=0.5)])
        for k in range(3)
    ]


def day(rng):
    data_t = rng.normal(size=86_400 * 2)
    data_t[20_000:30_000] = np.nan
    midnight_ns = START_NS // DAY_NS * DAY_NS
    return plots.day_plot(data_t, midnight_ns, 2.0, picks=[pick(at_s=0.0), pick("S", 4000.0)], title="BW.RJOB..EHZ")


@pytest.fixture(scope="module")
def figures():
    return draw_all()


def texts(svg):
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


ONE_COLUMN = (
    "training_curves", "confusion_matrix", "roc_curves", "precision_recall", "reliability_diagram",
    "residual_histogram", "f1_by_property", "embedding_plane", "class_counts", "snr_histogram", "stations_map",
)  # fmt: skip
FIGURES = (
    *ONE_COLUMN, "waveform_view", "features_sheet", "first_layer", "mistakes_gallery",
    "record_section", "day_plot", "availability",
)  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_fits_a_journal_and_names_its_axes(figures, name):
    figure = figures[name]
    assert figure.get_figwidth() * 2.54 == pytest.approx(8.5 if name in ONE_COLUMN else 17.5)
    assert min(text.get_fontsize() for text in figure.findobj(mpl.text.Text)) >= 7
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert shown[-1].get_xlabel() or figure.get_supxlabel() or name == "confusion_matrix"
    assert all(ax.get_ylabel() or figure.get_supylabel() for ax in shown)
    figure.draw_without_rendering()
    inside = figure.bbox.padded(1)
    for ax in shown:
        for label in (ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label):
            if label.get_text():
                box = label.get_window_extent()
                assert inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1), label.get_text()


def test_long_names_of_classes_are_neither_cut_nor_written_over_each_other():
    rng = np.random.default_rng(0)
    classes = ["Felssturz am Nordhang", "Éboulement de côte", "Erdbeben", "noise"]
    probabilities = dict(zip(classes, (0.25, 0.5, 0.25, 0.0), strict=True))
    wrong = [replace(mistake(rng), truth=classes[k % 4], probabilities=probabilities) for k in range(8)]
    truth = rng.integers(0, 4, 60)
    gallery = plots.mistakes_gallery(wrong, GRID)
    drawn = [
        gallery,
        plots.embedding_plane(principal_components(rng.normal(size=(60, 5))), truth, truth[::-1], classes),
        plots.class_counts(rng.integers(1, 900, size=(3, 4, 2)), classes, ("train", "dev", "test")),
        plots.f1_by_property(
            f1_by(truth, truth[::-1], rng.exponential(10, size=60), 4), classes, label="Distance (km)"
        ),
    ]
    for figure in drawn:
        figure.draw_without_rendering()
        inside = figure.bbox.padded(1)
        boxes = [legend.get_window_extent() for legend in figure.legends]
        boxes += [ax._left_title.get_window_extent() for ax in figure.axes if ax._left_title.get_text()]
        assert all(inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1) for box in boxes)
    titles = [ax._left_title.get_window_extent() for ax in gallery.axes if ax._left_title.get_text()]
    assert len(titles) == 8
    assert not any(a.overlaps(b) for k, a in enumerate(titles) for b in titles[:k])


def test_the_same_data_give_the_same_bytes():
    some = ("confusion_matrix", "f1_by_property", "snr_histogram", "waveform_view", "availability")
    first, again = ({name: plots.svg(figure) for name, figure in draw_all(some).items()} for _ in range(2))
    assert first.keys() == set(some)
    assert first == again
    assert all(texts(svg) for svg in first.values())


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_renders_as_png(figures, name):
    assert plots.png(figures[name], dpi=50).startswith(b"\x89PNG")


def test_times_and_probabilities_carry_their_units(figures):
    view = figures["waveform_view"].axes
    assert [ax.get_ylabel() for ax in view] == ["Z (m/s)", "N (m/s)", "E (m/s)", "Probability"]
    assert view[-1].get_xlabel() == "Time (UTC) on 2009-08-24"
    assert "(s)" in figures["residual_histogram"].axes[-1].get_xlabel()
    assert "10 bands,\ncentred on 2.5 to 25 Hz" in figures["features_sheet"].get_supylabel()


def test_threads_draw_what_one_thread_draws():
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: plots.svg(draw_view()[1]), range(8)))
    assert set(together) == {plots.svg(draw_view()[1])}


def test_the_settings_of_others_are_left_alone_and_pyplot_is_not_loaded():
    before = dict(mpl.rcParams)
    plots.svg(draw_view()[1])
    assert dict(mpl.rcParams) == before
    code = "import sys, seisnet.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_classes_differ_in_line_style_and_grey_not_in_colour_alone():
    assert len({str(line) for _, line in CYCLE}) == len(CYCLE)
    assert len({str(line) for _, line in FIXED.values()}) == len(FIXED)
    assert class_style("Pn", 4) == class_style("P", 1) == FIXED["P"]
    assert class_style("storm", 2) == CYCLE[2]


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", '"><img onerror=alert(1)>', "$\\frac{$", "a\x00b\x1bc\nd", "\udc80", "震源", ""],
)
def test_odd_names_show_as_text_and_break_nothing(name):
    _, figure = draw_view(title=name, classes=(name, "S", "noise"), picks=[pick(name or "P", probability=0.5)])
    svg = plots.svg(figure)
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    assert any(shown in text for text in texts(svg))
    assert not any(node.tag in {f"{SVG}script", f"{SVG}img"} for node in ET.fromstring(svg).iter())
    plots.png(figure, dpi=40)


def test_view_draws_the_samples_about_their_mean_and_the_probabilities_at_their_times():
    data_ct, figure = draw_view()
    for ax, samples_t in zip(figure.axes[:3], data_ct, strict=True):
        x, y = ax.lines[0].get_data()
        np.testing.assert_allclose(x, np.arange(1000) / 100)
        np.testing.assert_allclose(y, samples_t - samples_t.mean())
    np.testing.assert_allclose(figure.axes[3].lines[1].get_xdata(), np.arange(250) * 0.04)


def test_picks_are_lines_through_all_panels_with_bands_as_wide_as_their_uncertainty():
    _, figure = draw_view()
    for ax in figure.axes:
        upright = [line for line in ax.lines if len(line.get_xdata()) == 2]
        drawn = {round(line.get_xdata()[0], 3): (line.get_color(), line.get_linestyle()) for line in upright}
        assert drawn == {5.0: FIXED["P"], 8.0: FIXED["S"], 5.1: ("black", ":")}
        (band,) = ax.patches
        assert band.get_x() == pytest.approx(4.9) and band.get_width() == pytest.approx(0.2)
    assert {text.get_text() for text in figure.axes[0].texts} == {"P 0.93", "S 0.50", "P analyst"}


def test_detections_are_shaded_stretches_with_edges_where_they_begin_and_end():
    times_s = {"earthquake": (2.0, 5.0), "rockfall": (8.0, 30.0), "P": (20.0, 30.0)}
    found = [
        Detection("BW", "RJOB", "", "EH", label, START_NS + round(a * 1e9), START_NS + round(b * 1e9), 0.9)
        for label, (a, b) in times_s.items()
    ]
    _, figure = draw_view(picks=(), detections=found)
    for ax in figure.axes:
        assert [(patch.get_x(), patch.get_width()) for patch in ax.patches] == [(2.0, 3.0), (8.0, 22.0)]
        assert [line.get_xdata()[0] for line in ax.lines[-4:]] == [2.0, 5.0, 8.0, 30.0]
    labels = figure.axes[0].texts
    assert [text.get_text() for text in labels] == ["earthquake 0.90", "rockfall 0.90"]
    assert [text.xy[0] for text in labels] == [0.35, 0.9]
    _, figure = draw_view(picks=(), detections=found, classes=(), probabilities=None)
    assert len({text.get_color() for text in figure.axes[0].texts}) == 2


def test_picks_outside_are_left_out_and_close_labels_are_stacked():
    _, figure = draw_view(picks=[pick(at_s=t, probability=0.9) for t in (-1.0, 3.0, 3.05, 3.1, 11.0)])
    labels = figure.axes[0].texts
    assert len(labels) == 3
    assert len({label.xyann[1] for label in labels}) == 3
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in labels]
    assert not any(a.overlaps(b) for a in boxes for b in boxes if a is not b)


def test_an_absent_component_says_so_and_a_gap_stays_a_gap():
    data_ct = np.random.default_rng(1).normal(size=(3, 500))
    data_ct[1] = 0
    data_ct[2, 100:200] = np.nan
    figure = plots.waveform_view(data_ct, START_NS, 100.0)
    assert len(figure.axes) == 3
    assert [text.get_text() for text in figure.axes[1].texts] == ["not recorded"] and not figure.axes[1].lines
    assert np.isnan(figure.axes[2].lines[0].get_ydata()).sum() == 100


def test_no_line_of_probability_spans_a_gap():
    times_ns = START_NS + np.array([0, 1, 2, 10, 11, 12]) * 200_000_000
    probabilities = np.linspace(0, 1, 18).reshape(3, 6)
    figure = plots.waveform_view(
        np.ones((3, 500)).cumsum(axis=1),
        START_NS,
        100.0,
        probabilities=probabilities,
        probability_times_ns=times_ns,
        classes=("P", "S", "noise"),
    )
    for line, trace in zip(figure.axes[3].lines, probabilities, strict=True):
        np.testing.assert_allclose(line.get_xdata(), [0, 0.2, 0.4, np.nan, 2, 2.2, 2.4])
        np.testing.assert_allclose(line.get_ydata(), np.insert(trace, 3, np.nan))


def test_no_line_of_a_long_probability_trace_spans_a_gap():
    columns = np.concatenate([np.arange(2000), np.arange(2500, 5000)])
    figure = plots.waveform_view(
        np.arange(20_000)[np.newaxis] % 7,
        START_NS,
        20.0,
        components="Z",
        probabilities=np.ones((1, len(columns))),
        probability_times_ns=START_NS + columns * 200_000_000,
        classes=("noise",),
    )
    x = figure.axes[1].lines[0].get_xdata()
    last, first = np.flatnonzero(x < 450)[-1], np.flatnonzero(x > 450)[0]
    assert (x[last], x[first]) == pytest.approx((400, 500), abs=1)
    assert np.isnan(x[last + 1 : first]).all() and first > last + 1


@pytest.mark.parametrize(
    ("start", "length_s", "labels", "days"),
    [
        ("2009-08-24T00:20:03", 30, ["00:20:05", "00:20:10", "00:20:15", "00:20:20", "00:20:25", "00:20:30"], "08-24"),
        ("2009-08-24T00:20:03.97", 0.1, [f"00:20:0{3.98 + 0.02 * k:.3f}" for k in range(5)], "08-24"),
        ("2009-08-24T23:59:00", 120, [f"{t}:{s}" for t in ("23:59", "00:00") for s in ("00", "15", "30", "45")], ""),
        ("2009-08-24T00:00:00", 86400, [f"{h:02d}:00" for h in range(0, 24, 3)], "08-24 to 2009-08-25"),
    ],
)
def test_ticks_stand_on_round_times(start, length_s, labels, days):
    start_ns = int(np.datetime64(start, "ns").astype(np.int64))
    ax = plots.waveform_view(np.ones((1, 1000)), start_ns, 1000 / length_s, components="Z").axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()][: len(labels)] == labels
    assert ax.get_xlabel().endswith(days)


def test_envelope_leaves_short_traces_alone():
    x, y = np.arange(100.0), np.random.default_rng(1).normal(size=100)
    assert envelope(x, y, columns=50)[1] is y


@given(st.integers(101, 3000), st.integers(0, 10**6))
def test_envelope_keeps_every_extreme_where_it_was(n, seed):
    x, y = np.arange(float(n)), np.random.default_rng(seed).normal(size=n)
    short_x, short_y = envelope(x, y, columns=50)
    assert len(short_x) == len(short_y) <= 100
    size = -(-n // 50)
    for start, at, low, high in zip(range(0, n, size), short_x[::2], short_y[::2], short_y[1::2], strict=True):
        block = y[start : start + size]
        assert (low, high) == (block.min(), block.max())
        assert at == min(start + size // 2, n - 1)


def test_shortened_paths_draw_the_same_points():
    def points(path):
        return np.array(re.findall(r"-?\d+\.?\d*", path), dtype=float)

    path = "M 1.234567 -2.5 \nL 3 4.999999 \nL 5.111111 6 \nL 7 8 \nC 1 2 3 4 5 6 \nL 7 8 \nz"
    short = _compact(path)
    assert short == "M 1.23 -2.5 \nL 3 4.99 5.11 6 7 8 C 1 2 3 4 5 6 \nL 7 8 z"
    np.testing.assert_allclose(points(short), points(path), atol=0.01)


def test_confusion_matrix_shows_each_count_and_its_share_of_the_row():
    ax = plots.confusion_matrix([[3, 1], [0, 0]], ["P", "noise"]).axes[0]
    assert [text.get_text() for text in ax.texts] == ["3\n75.0%", "1\n25.0%", "0\n0.0%", "0\n0.0%"]


def test_the_dot_lies_where_the_threshold_does(figures):
    truth_n, probability_nk = scored()
    precision, recall = precision_recall_curve(truth_n == 0, probability_nk[:, 0]).at(0.5)
    assert dots(figures["precision_recall"]) == [(recall, precision)]
    roc = roc_curve(truth_n == 0, probability_nk[:, 0])
    alarms, hits = np.mean(probability_nk[truth_n != 0, 0] >= 0.5), np.mean(probability_nk[truth_n == 0, 0] >= 0.5)
    assert dots(plots.roc_curves({"P": roc}, thresholds={"P": 0.5})) == [(alarms, hits)]
    assert (roc.at(2.0), roc.at(-1.0)) == ((0.0, 0.0), (1.0, 1.0))
    label = plots.roc_curves({"P": roc}, thresholds={"P": 0.9996}).axes[0].lines[-1].get_label()
    assert label.endswith(", dot at 0.9996")  # which two decimals would make 1.00


def dots(figure):
    return [(line.get_xdata()[0], line.get_ydata()[0]) for line in figure.axes[0].lines if line.get_marker() == "o"]


def test_residuals_beyond_the_axis_are_counted_and_none_is_said():
    first, second = plots.residual_histogram({"P": [0.0, 0.1, 0.7, -3.0], "S": []}).axes
    assert first.get_title("left") == "n 4, median +0.050 s, MAE 0.950 s\nbeyond ±0.5 s: 2"
    assert not first.texts  # which might cover bars
    assert second.texts[0].get_text() == "no matched picks"


def test_what_lies_under_a_mask_is_not_drawn():
    gap = np.arange(1000) // 100 == 5
    wrong = np.where(gap, 1e9, np.random.default_rng(1).normal(size=1000))
    masked, nan = np.ma.masked_array(wrong, gap), np.where(gap, np.nan, wrong)
    for draw in (
        lambda data: plots.waveform_view(data[np.newaxis], START_NS, 100.0, components="Z"),
        lambda data: plots.day_plot(data, START_NS, 100.0),
        lambda data: plots.record_section([plots.SectionTrace("A", data, START_NS, 100.0)]),
    ):
        lines = [draw(data).axes[0].lines[0].get_ydata() for data in (masked, nan)]
        np.testing.assert_array_equal(*map(np.asarray, lines))


def test_training_curves_plot_what_is_there(figures):
    assert len(figures["training_curves"].axes) == 4
    (ax,) = plots.training_curves({"epoch": [1, 2], "train_loss": [1.0, 0.5], "note": [0, 0]}).axes
    assert len(ax.lines) == 1 and (ax.get_xlabel(), ax.get_ylabel()) == ("Epoch", "Loss (nats)")
    (ax,) = plots.training_curves({"epoch": [1, 2], "learning_rate": [0.02, 1e-11]}).axes
    assert ax.get_yscale() == "linear"  # a cosine's last step would take the whole of a logarithmic axis


def test_features_stand_at_their_time_and_frequency_z_on_top():
    x_cjf = np.zeros(GRID.shape)
    x_cjf[0, 3, -1] = 1  # Z, fourth frame, highest band
    x_cjf[2, 0, 0] = 2  # E, first frame, lowest band
    ax = plots.features_sheet(x_cjf.reshape(1, -1), [np.nan], GRID, label="P", captions=[""]).axes[0]
    image = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert (image[0, 3], image[-1, 0], np.nansum(image)) == (1, 2, 3)
    missing = np.isnan(image).reshape(3, -1)
    assert missing[1].all() and not missing[[0, 2]].any()  # N has no features: left white
    left, right, *_ = ax.images[0].get_extent()
    centres_s = left + (np.arange(19) + 0.5) * (right - left) / 19
    np.testing.assert_allclose(centres_s, GRID.times_s, atol=1e-12)
    np.testing.assert_allclose(GRID.times_s[[0, -1]], [-1.8, 1.8])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["E", "N", "Z"]


def test_raw_features_are_traces():
    grid = plots.feature_grid(PreprocessConfig(features="raw"))
    ax = plots.first_layer(np.ones((1200, 1)), grid).axes[0]
    assert len(ax.lines) == 3 and len(ax.lines[0].get_xdata()) == 400 and not ax.images


def test_an_onset_is_a_line_on_waveform_and_features_alike():
    rng = np.random.default_rng(1)
    axes = [ax for ax in plots.mistakes_gallery([mistake(rng)], GRID).axes if ax.get_visible()]
    assert len(axes) == 2
    for ax in axes:
        assert [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2][-1] == 0.1
    assert "truth S\nP .90 S .07 noise .03" in axes[0].get_title(loc="left")


@pytest.mark.parametrize("features", ["logspec", "raw"])
def test_a_waveform_above_features_is_as_long_as_the_window(features):
    config, rng = PreprocessConfig(features=features), np.random.default_rng(1)
    grid = plots.feature_grid(config)
    wrong = replace(mistake(rng), x=rng.normal(size=np.prod(grid.shape)))
    times_s = plots.mistakes_gallery([wrong], grid).axes[0].lines[0].get_xdata()
    np.testing.assert_allclose(times_s, np.arange(-200, 200) / 100, atol=1e-9)


@pytest.mark.parametrize(("name", "scale"), [("snr_db", "linear"), ("distance_km", "log")])
def test_kilometres_may_have_a_logarithmic_axis_decibels_do_not(name, scale):
    found = f1_by([0, 0, 1, 1], [0, 1, 1, 1], [0.1, 5.0, 10.0, 20.0], 2)
    ax = plots.f1_by_property(found, ("P", "S"), label=plots.PROPERTIES[name]).axes[0]
    assert ax.get_xscale() == scale


def test_a_section_is_in_the_order_of_picks():
    ax = plots.record_section(section(np.random.default_rng(1))).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["GE.S2", "GE.S1", "GE.S0"]


def test_a_day_is_24_lines_of_an_hour_with_the_picks_in_their_hour():
    ax = day(np.random.default_rng(1)).axes[0]
    traces = [line for line in ax.lines if len(line.get_xdata()) > 1]
    assert len(traces) == 24
    assert all(0 <= x < 60 for line in traces for x in line.get_xdata())
    marks = {
        line.get_marker(): (line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1
    }
    start_s = (START_NS % DAY_NS) / 1e9
    for marker, at_s in (("v", start_s), ("^", start_s + 4000)):
        x, y = marks[marker]
        assert x == pytest.approx(at_s % 3600 / 60)
        assert round(y) == at_s // 3600


def test_availability_draws_gaps_rejections_and_counts_every_pick(figures):
    figure = figures["availability"]
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["GE.A..HH", "GE.B..HH"]
    used, lost = (ax.collections[k] for k in (0, 1))
    assert len(used.get_paths()) == len(lost.get_paths()) == 1
    most = int(re.search(r"height: (\d+) in", figure.legends[0].texts[-1].get_text())[1])
    tops = next(patch.get_data() for patch in ax.patches if patch.get_data().baseline == 0.4)
    assert (tops.baseline - tops.values).sum() * most / 0.8 == pytest.approx(30)


def overlap(boxes):
    return [(a, b) for a, b in itertools.combinations(range(len(boxes)), 2) if boxes[a].overlaps(boxes[b])]


def test_a_section_of_many_stations_says_how_many_it_shows():
    many = [replace(trace, label=f"GE.S{k:03d}") for k in range(100) for trace in section(np.random.default_rng(k))[:1]]
    ax = plots.record_section(many).axes[0]
    assert ax.get_ylabel() == "Station, in the order of first picks, 60 of 100"
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"GE.S{k:03d}" for k in range(60)]
    wanted = replace(many[80].picks[0], station="S080")
    many[80] = replace(many[80], picks=[wanted])
    ax = plots.record_section(many, wanted=wanted).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"GE.S{k:03d}" for k in range(21, 81)]


LONG = ("volcano-tectonic earthquake", "very long period tremor", "rockfall or avalanche", "quarry blast", "icequake")


def test_legends_of_long_names_stand_above_panels_that_stay_as_they_are():
    rng = np.random.default_rng(1)
    truth, said = rng.integers(5, size=(2, 200))
    found = {name: (truth == k, rng.random(200)) for k, name in enumerate(LONG)}
    for draw, short in (
        (lambda names: plots.roc_curves({n: roc_curve(*found[m]) for n, m in zip(names, LONG, strict=False)}), CLASSES),
        (lambda names: plots.class_counts(np.full((3, len(names), 2), 123_456), names, "abc"), CLASSES),
        (
            lambda names: plots.f1_by_property(f1_by(truth, said, rng.random(200), 5), names, label="Distance (km)"),
            "abcde",
        ),
    ):
        heights = []
        for figure in (draw(short), draw(LONG)):
            figure.draw_without_rendering()
            (legend,) = figure.legends
            box = legend.get_window_extent()
            assert not any(box.overlaps(ax.get_tightbbox()) for ax in figure.axes)
            assert figure.bbox.padded(1).containsx(box.x0) and figure.bbox.padded(1).containsx(box.x1)
            heights.append(figure.axes[0].get_window_extent().height)
        assert heights[0] == pytest.approx(heights[1], rel=0.1) and heights[1] > 150


def test_captions_and_names_of_stations_do_not_cover_one_another():
    captions = ["XX.STATION_NAME_OF_MANY_LETTERS.00.HH\n2020-01-01"] * 7
    figure = plots.features_sheet(np.ones((7, N_INPUTS)), [np.nan] * 7, GRID, label="P", captions=captions)
    figure.draw_without_rendering()
    assert not overlap([ax._left_title.get_window_extent() for ax in figure.axes])
    rng = np.random.default_rng(1)
    figure = plots.stations_map({f"GE.STA{k}": tuple(rng.random(2)) for k in range(40)}, {"GE.STA0": 1})
    figure.draw_without_rendering()
    names = figure.axes[0].texts
    assert 5 < len(names) < 40 and not overlap([name.get_window_extent() for name in names])


def test_figures_render_as_pdf_with_the_same_bytes():
    first, again = (plots.pdf(plots.confusion_matrix([[3, 1], [0, 2]], ["P", "S"])) for _ in range(2))
    assert first == again and first.startswith(b"%PDF")
