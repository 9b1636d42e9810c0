"""Which instrument recorded when."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from seisnet.overlaps import merged
from seisnet.picks import Detection, Pick
from seisnet.plots.style import PAGE_CM, new_figure, plain, styled
from seisnet.plots.waveforms import utc_axis
from seisnet.waveforms.records import KEPT
from seisnet.wording import duration

Span = tuple[int, int]
"""Start and end in nanoseconds."""

Stretches = defaultdict[str, list[Span]]
"""By trace id."""

MOST_LANES, MOST_PANELS = 40, 5
EMPTY = 3.0
"""A gap this many times as long as all that was recorded before it ends a panel."""

BINS_S = (1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400)
MOST_BINS = 200
LETTERS = 90
"""In a line across the figure."""
DETAIL = 1500
"""Stretches nearer than this part of a panel are drawn as one."""

USED: dict[str, Any] = {"facecolor": "#d7e8f3", "edgecolor": "0.4", "linewidth": 0.3}
LOST: dict[str, Any] = {"facecolor": "white", "edgecolor": "#D55E00", "hatch": "//////", "linewidth": 0.3}
FAULTY: dict[str, Any] = {"facecolor": "none", "edgecolor": "0.4", "hatch": "......", "linewidth": 0.3}


@styled()
def availability(
    spans: Sequence[tuple[str, int, int]],
    *,
    rejected: Sequence[tuple[str, int, int, str]] = (),
    picks: Sequence[Pick] | Sequence[Detection] = (),
) -> Figure:
    """Draw which instrument recorded when: what was used, what was rejected, gaps between, and picks over time.

    Long times without any recording are left out: the figure then has several panels beside each other.

    Parameters
    ----------
    spans : sequence of (trace id, start ns, end ns)
        What was used.
    rejected : sequence of (trace id, start ns, end ns, reason)
        Stretches that were used all the same are drawn as such, those without a trace id or a length not at all.
    picks : sequence of Pick, or of Detection
        Counted by instrument, in bins as short as the figure has room for.
    """
    used, lost, faulty = _by_instrument(spans, rejected)
    times = defaultdict(list)
    for pick in picks:
        times[pick.trace_id].append(pick.time_ns if isinstance(pick, Pick) else pick.start_ns)
    names = {*used, *lost}  # what is faulty is used
    order = sorted(names, key=lambda name: (-sum(end - start for start, end in used[name]), name))
    lanes = sorted(order[:MOST_LANES])
    panels = _panels([stretch for name in lanes for stretch in (*used[name], *lost[name])])
    shortest_s = max((high - low) / 1e9 for low, high in panels) / MOST_BINS
    bin_s = next((b for b in BINS_S if b >= shortest_s), BINS_S[-1])
    figure = new_figure(PAGE_CM, 2.8 + 0.75 * len(lanes))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    counts = [_counts(times, lanes, panel, bin_s) for panel in panels]
    busiest = max((int(of_lane.max()) for of_panel in counts for of_lane in of_panel.values()), default=0)
    for ax, panel, of_panel in zip(axes, panels, counts, strict=True):
        for place, name in enumerate(lanes):
            _lane(ax, place, panel, used[name], USED)
            _lane(ax, place, panel, lost[name], LOST)
            if faulty[name]:
                _lane(ax, place, panel, faulty[name], FAULTY)
            if busiest:
                edges_s = np.arange(len(of_panel[name]) + 1) * bin_s
                top = place + 0.4 - 0.8 * of_panel[name] / busiest
                ax.stairs(top, edges_s, baseline=place + 0.4, fill=True, color="black")
        length_s = (panel[1] - panel[0]) / 1e9
        ax.set_xlim(-0.005 * length_s, 1.005 * length_s)  # or a short stretch would lie under the edge
        utc_axis(ax, panel[0], length_s, most=max(2, 9 // len(panels)))
        label = ax.get_xlabel()
        if len(label) * len(panels) > LETTERS:
            ax.set_xlabel(label.replace(" on ", " on\n").replace(" to ", " to\n"))
    more = f"; the {len(lanes)} with most data of {len(names)}" if len(names) > len(lanes) else ""
    axes[0].set_yticks(range(len(lanes)), [plain(name) for name in lanes])
    axes[0].set(ylim=(len(lanes) - 0.4, -0.6), ylabel=f"Instrument{more}")
    handles = [Patch(**USED, label="used")]
    handles += [Patch(**LOST, label="rejected")] if any(lost.values()) else []
    handles += [Patch(**FAULTY, label="used, but faulty")] if any(faulty.values()) else []
    if busiest:
        what = "picks" if isinstance(picks[0], Pick) else "detections"
        handles.append(Patch(facecolor="black", label=f"{what}; full height: {busiest} in {duration(bin_s)}"))
    figure.legend(handles=handles, loc="outside upper left", ncols=4)
    return figure


def _by_instrument(
    spans: Sequence[tuple[str, int, int]], rejected: Sequence[tuple[str, int, int, str]]
) -> tuple[Stretches, Stretches, Stretches]:
    """What was used, what was lost, and what was used though faulty."""
    used, lost, faulty = Stretches(list), Stretches(list), Stretches(list)
    for trace_id, start_ns, end_ns in spans:
        used[trace_id].append((start_ns, end_ns))
    for trace_id, start_ns, end_ns, reason in rejected:
        if trace_id and end_ns > start_ns:
            (faulty if reason.startswith(KEPT) else lost)[trace_id].append((start_ns, end_ns))
    return used, lost, faulty


def _panels(stretches: Sequence[Span]) -> list[Span]:
    """The times to draw: all from first to last or, where long times are empty, the stretches between the longest."""
    there = merged(stretches)
    recorded = sum(end - start for start, end in there)
    panels = merged(there, EMPTY * recorded)
    if len(panels) > MOST_PANELS:
        gaps = sorted(later[0] - earlier[1] for earlier, later in itertools.pairwise(panels))
        panels = merged(panels, gaps[-MOST_PANELS])
    return [(start, max(end, start + 10**9)) for start, end in panels]


def _lane(ax: Axes, place: int, panel: Span, stretches: Sequence[Span], style: dict[str, Any]) -> None:
    low, high = panel
    bars = merged((s for s in stretches if s[1] >= low and s[0] <= high), (high - low) / DETAIL)
    ax.broken_barh([((a - low) / 1e9, (b - a) / 1e9) for a, b in bars], (place - 0.4, 0.8), **style)


def _counts(
    times: Mapping[str, Sequence[int]], lanes: Sequence[str], panel: Span, bin_s: int
) -> dict[str, NDArray[np.int64]]:
    """Picks in each bin of a panel, by lane."""
    low, high = panel
    n_bins = -(-(high - low) // (bin_s * 10**9))
    counts = {}
    for name in lanes:
        inside = [(t - low) // (bin_s * 10**9) for t in times.get(name, ()) if low <= t <= high]
        counts[name] = np.bincount(np.minimum(np.array(inside, dtype=np.int64), n_bins - 1), minlength=n_bins)
    return counts
