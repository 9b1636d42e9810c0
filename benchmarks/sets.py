"""The labelled sets of records that benchmarks of picks and windows are measured on."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parents[2] / "shared" / "data" / "phases"
CALIFORNIA = ("phasenet_ncedc_train154", "phasenet_ncedc_test100", "deepdenoiser_ncedc99")
FOREIGN = ("obstransformer_sample", "pytheas_corinth", "scdetect_ch")
"""Sets of the folder."""

WHOLE_S = 1000.0
"""Excerpts so long are whole records."""


def pairs(*names: str) -> str:
    """Names of sets, as help says them."""
    return ", ".join(f"{name}.h5" for name in names) + " and CSV beside them"
