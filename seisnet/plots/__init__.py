"""Pictures: arrays in, Figure out; nothing is shown, nothing saved. The only importer of matplotlib."""

from matplotlib.figure import Figure

from seisnet.plots.evaluation import (
    confusion_matrix,
    precision_recall,
    reliability_diagram,
    residual_histogram,
    roc_curves,
    training_curves,
)
from seisnet.plots.style import png, svg
from seisnet.plots.waveforms import waveform_view, windows_sheet

__all__ = [
    "Figure",
    "confusion_matrix",
    "png",
    "precision_recall",
    "reliability_diagram",
    "residual_histogram",
    "roc_curves",
    "svg",
    "training_curves",
    "waveform_view",
    "windows_sheet",
]
