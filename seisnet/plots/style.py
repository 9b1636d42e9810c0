"""How figures look: fonts, widths, colours, and their rendering.

Colours are those of Okabe and Ito (2008), which colour-blind eyes tell apart; line styles and hatches say
the same in black and white. Figures are one column (8.5 cm) or one page (17.5 cm) wide.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

Real = TypeVar("Real", bound=np.floating[Any])

COLUMN_CM, PAGE_CM = 8.5, 17.5
LEGEND_LINE_CM = 0.38

STYLE: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "figure.titlesize": 8.5,
    "figure.labelsize": 7.5,
    "figure.facecolor": "white",
    "figure.autolayout": False,  # figures name the engine of their layout, and lose it
    "figure.constrained_layout.use": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "grid.color": "0.85",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "text.parse_math": False,  # a file name may hold dollar signs
    "svg.fonttype": "none",
    "svg.hashsalt": "seisnet",
    "pdf.fonttype": 42,
}

BLUE, VERMILLION, GREY = "#0072B2", "#D55E00", "#6b6b6b"
CYCLE = (
    (BLUE, "-"),
    (VERMILLION, "--"),
    ("#009E73", "-."),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1))),
    ("#E69F00", (0, (3, 1))),
    ("#56B4E9", (0, (1, 1))),
    ("#000000", (0, (7, 2))),
)
FIXED = {"P": CYCLE[0], "S": CYCLE[1], "noise": (GREY, ":")}

_matplotlib_lock = threading.RLock()


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style; matplotlib's settings belong to the whole process, so one thread draws at a time."""
    with _matplotlib_lock, rc_context(STYLE):
        yield


def legend_columns(names: Sequence[str], width_cm: float) -> int:
    """As many entries of a legend beside each other as a width has room for.

    Examples
    --------
    >>> legend_columns(["P", "S", "noise", "wrong"], 8.5), legend_columns(["earthquake", "quarry blast"], 4.0)
    (4, 1)
    """
    longest = max(map(len, names), default=0)
    return max(1, min(len(names), int(width_cm / (1.34 + 0.148 * longest))))  # line and blanks; a letter of 7 pt


def legend_above(figure: Figure, ax: Axes, **looks: Any) -> None:
    """Put the legend of a panel above a figure, which grows by its lines: nothing is covered, no panel gets smaller."""
    handles, labels = ax.get_legend_handles_labels()
    columns = legend_columns(labels, 2.54 * figure.get_figwidth())
    figure.set_figheight(figure.get_figheight() + -(-len(labels) // columns) * LEGEND_LINE_CM / 2.54)
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, **looks)


def fitting(line: str, most: int) -> str:
    """A line of so many letters at most; of a longer one the beginning, and dots."""
    return line if len(line) <= most else f"{line[: most - 1]}…"


def svg(figure: Figure) -> str:
    """Render a figure as SVG: its text stays text, and figures of the same data have the same bytes."""
    content = _rendered(figure, "svg", {"Date": None, "Creator": None}).decode()
    return re.sub(r' d="[^"]*"', lambda path: _compact(path[0]), content)


def png(figure: Figure, *, dpi: int = 200) -> bytes:
    """Render a figure as PNG."""
    return _rendered(figure, "png", {"Software": None}, dpi=dpi)


def pdf(figure: Figure) -> bytes:
    """Render a figure as PDF; its fonts are embedded."""
    return _rendered(figure, "pdf", {"CreationDate": None, "Creator": None, "Producer": None})


@styled()
def _rendered(figure: Figure, kind: str, metadata: dict[str, None], dpi: float | None = None) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The viewer of an SVG has fonts of its own, so a glyph that ours lacks is no loss.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format=kind, metadata=metadata, dpi=dpi or figure.dpi)
    # The layout stands. With an engine, even one that does nothing, the next format would be drawn twice for it.
    figure.set_layout_engine(None)
    return buffer.getvalue()


class NotebookFigure(Figure):
    """A figure that a notebook shows as it is; Matplotlib's own are shown only where pyplot has been used before."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def new_figure(width_cm: float, height_cm: float) -> Figure:
    """Make an empty figure whose layout leaves no label cut or covered."""
    return NotebookFigure(figsize=(width_cm / 2.54, height_cm / 2.54), layout="constrained")


def log_axis(ax: Axes, which: Literal["x", "y"], low: float, high: float) -> None:
    """Make an axis logarithmic, with plain numbers as labels: powers of ten alone where there are many."""
    ax.set(**{f"{which}scale": "log"})
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _compact(path: str) -> str:
    """Shorten the path of an SVG by half: hundredths of a point, one L for a run of lines."""
    path = re.sub(r"(\.\d\d)\d+", r"\1", path)
    return re.sub(r"(?:L [-.\d]+ [-.\d]+ \n)+", lambda run: "L " + run[0].replace("L ", "").replace("\n", ""), path)


def plain(text: str) -> str:
    """Replace what no figure can hold, control characters and broken Unicode, in text from outside."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def class_style(name: str, index: int = 2) -> tuple[Any, Any]:
    """Colour and line style of a class or phase: fixed for P, S (Pg, Sn, ...) and noise, else by its index.

    Without an index it is the third style, which is neither that of P nor that of S.
    """
    return FIXED.get(name[:1] if len(name) <= 3 else name) or CYCLE[index % len(CYCLE)]


def envelope(
    x: NDArray[np.float64], y: NDArray[np.float64], *, columns: int = 1500
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Reduce a long trace to the least and the greatest value of each of `columns` stretches, drawn at its middle."""
    if len(y) <= 2 * columns:
        return x, y
    size = -(-len(y) // columns)
    middle = np.minimum(np.arange(0, len(x), size) + size // 2, len(x) - 1)  # at its beginning, onsets would be early
    return np.repeat(x[middle], 2), least_and_greatest(y, size)


def least_and_greatest(samples: NDArray[Real], size: int) -> NDArray[Real]:
    """The least and the greatest of every `size` samples, in turns; NaN where none of them is a number."""
    blocks = np.full((-(-len(samples) // size), size), np.nan, dtype=samples.dtype)
    blocks.flat[: len(samples)] = samples
    return np.stack([np.fmin.reduce(blocks, axis=1), np.fmax.reduce(blocks, axis=1)], axis=1).ravel()


def with_gaps(samples: ArrayLike) -> NDArray[np.float64]:
    """Samples with NaN under a mask: what lies there, as after ObsPy's merge, was never recorded."""
    return np.ma.asarray(samples, dtype=np.float64).filled(np.nan)


def varies(samples: NDArray[np.floating[Any]]) -> bool:
    """Whether samples are a recording: not all of those that are finite have one value."""
    finite = samples[np.isfinite(samples)]
    return bool(finite.size and np.ptp(finite) > 0)
