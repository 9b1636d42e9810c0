"""Pictures: arrays in, Figure out; nothing is shown, nothing saved. The only importer of matplotlib.

Of `waveforms` and what is picked in them, of many stations or long times (`archive`, `availability`), of what a
network reads and weighs (`features`), of a windows file (`audit`), of a model's `evaluation` and its `diagnosis`.
`style` is how all of them look.
"""

from matplotlib.figure import Figure

from seisnet.plots.archive import SectionTrace, day_plot, record_section
from seisnet.plots.audit import class_counts, snr_histogram, stations_map
from seisnet.plots.availability import availability
from seisnet.plots.diagnosis import PROPERTIES, embedding_plane, f1_by_property
from seisnet.plots.evaluation import (
    confusion_matrix,
    precision_recall,
    reliability_diagram,
    residual_histogram,
    roc_curves,
    training_curves,
)
from seisnet.plots.features import FeatureGrid, Mistake, feature_grid, features_sheet, first_layer, mistakes_gallery
from seisnet.plots.style import least_and_greatest, pdf, png, svg, varies
from seisnet.plots.waveforms import waveform_view

__all__ = [
    "PROPERTIES",
    "FeatureGrid",
    "Figure",
    "Mistake",
    "SectionTrace",
    "availability",
    "class_counts",
    "confusion_matrix",
    "day_plot",
    "embedding_plane",
    "f1_by_property",
    "feature_grid",
    "features_sheet",
    "first_layer",
    "least_and_greatest",
    "mistakes_gallery",
    "pdf",
    "png",
    "precision_recall",
    "record_section",
    "reliability_diagram",
    "residual_histogram",
    "roc_curves",
    "snr_histogram",
    "stations_map",
    "svg",
    "training_curves",
    "varies",
    "waveform_view",
]
