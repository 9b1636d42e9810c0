"""Availability: what was used of each instrument, in panels of the times that there are."""

import itertools

import pytest

from seisnet import plots
from seisnet.picks import Pick
from seisnet.waveforms.records import KEPT

START_NS = 1_251_073_203_000_000_000  # 2009-08-24T00:20:03
DAY_NS = 86_400 * 10**9


def test_years_without_recordings_are_left_out_of_availability():
    hour, year = 3600 * 10**9, 365 * DAY_NS
    spans = [("GE.A..HH", k * year, k * year + hour) for k in range(3)]
    spans += [("GE.B..HH", 2 * year + k * 10**9, 2 * year + (k + 1) * 10**9) for k in range(0, 1000, 2)]
    figure = plots.availability(spans, picks=[Pick("GE", "A", "", "HH", "P", year)])
    axes = figure.axes
    assert all(-20 < low < 0 and 3600 < high < 3620 for low, high in (ax.get_xlim() for ax in axes))  # off the edges
    assert axes[1].get_xlabel() == "Time (UTC) on 1971-01-01"
    assert "1 in 30 s" in figure.legends[0].texts[-1].get_text()
    assert len(axes[2].collections[2].get_paths()) == 1  # seconds that are nearer than the figure can show
    far = [("GE.A..HH", k * year, k * year + hour) for k in range(9)]
    assert len(plots.availability(far).axes) == 1  # none of the gaps is longer than the others
    apart = [("GE.A..HH", k**2 * year, k**2 * year + hour) for k in range(6)]
    figure = plots.availability(apart)  # the longest gaps are left out
    assert [ax.get_xlabel().split("\n", 1)[1] for ax in figure.axes] == [
        "1970-01-01 to\n1971-01-01", "1973-12-31", "1978-12-30", "1985-12-28", "1994-12-26",
    ]  # fmt: skip


def overlap(boxes):
    return [(a, b) for a, b in itertools.combinations(range(len(boxes)), 2) if boxes[a].overlaps(boxes[b])]


def test_labels_of_times_far_apart_do_not_meet():
    year = 365 * DAY_NS
    figure = plots.availability([("GE.A..HH", k**2 * year, k**2 * year + DAY_NS * k) for k in range(1, 7)])
    figure.draw_without_rendering()
    assert len(figure.axes) == 5
    labels = [ax.xaxis.label for ax in figure.axes]
    assert not overlap([label.get_window_extent() for label in labels])


def test_years_have_their_numbers_as_ticks():
    year = 365 * DAY_NS
    for n_years, expected in ((2, ["2011-05-06", "2011-08-14"]), (9, ["2016", "2017", "2018"])):
        ax = plots.availability([("GE.A..HH", START_NS, START_NS + n_years * year)]).axes[0]
        assert [label.get_text() for label in ax.get_xticklabels()][-len(expected) :] == expected
        assert "Date (UTC) on 2009-08-24 to 20" in ax.get_xlabel()


def test_what_was_used_though_faulty_is_not_drawn_as_rejected():
    """A minute of steps in a used hour, and a minute that was rejected after it."""
    second, hour = 10**9, 3600 * 10**9
    reasons = [(100, 160, f"{KEPT}Z has steps"), (3600, 3660, "shorter than 4 s")]
    rejected = [("GE.A..HH", START_NS + a * second, START_NS + b * second, reason) for a, b, reason in reasons]
    figure = plots.availability([("GE.A..HH", START_NS, START_NS + hour)], rejected=rejected)
    used, lost, faulty = figure.axes[0].collections
    assert [t.get_text() for t in figure.legends[0].texts] == ["used", "rejected", "used, but faulty"]
    for bars, low, high in ((used, 0, 3600), (lost, 3600, 3660), (faulty, 100, 160)):
        [path] = bars.get_paths()
        assert (path.vertices[:, 0].min(), path.vertices[:, 0].max()) == (low, high)


def test_availability_is_of_the_instruments_with_most_data_and_of_rejections_where_nothing_was_used():
    second, end_ns = 10**9, START_NS + 200 * 10**9
    spans = [(f"GE.S{k:02d}..HH", START_NS, START_NS + (100 - k) * second) for k in range(40)]
    rejected = [
        (name, START_NS, end, "why") for name, end in (("GE.A..HH", end_ns), ("", end_ns), ("GE.B..HH", START_NS))
    ]
    ax = plots.availability(spans, rejected=rejected).axes[0]
    assert ax.get_ylabel() == "Instrument; the 40 with most data of 41"
    assert [label.get_text() for label in ax.get_yticklabels()] == [span[0] for span in spans]
    at_the_end = Pick("GE", "A", "", "HH", "P", end_ns)
    figure = plots.availability([], rejected=rejected, picks=[at_the_end])
    (ax,) = figure.axes
    assert ax.get_xlim() == pytest.approx((-1, 201))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["GE.A..HH"]
    assert figure.legends[0].texts[-1].get_text().endswith("1 in 1 s")
    assert next(patch.get_data().edges[-1] for patch in ax.patches) == 200
    assert plots.availability([("GE.A..HH", START_NS, START_NS)]).axes[0].get_xlim() == pytest.approx((-0.005, 1.005))


def test_long_times_have_dates_as_ticks():
    ax = plots.availability(
        [("GE.A..HH", START_NS // DAY_NS * DAY_NS, START_NS // DAY_NS * DAY_NS + 30 * DAY_NS)]
    ).axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()][:3] == ["08-24", "08-29", "09-03"]
    assert ax.get_xlabel() == "Date (UTC) on 2009-08-24 to 2009-09-23"
