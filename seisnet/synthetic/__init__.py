"""Synthetic local earthquakes with exact labels, from physics: for the demo's training and for the tests.

A rupture (:mod:`source`) sends rays through a layered crust (:mod:`earth`); their codas, site and sensor make a
causal seismogram (:mod:`seismogram`, :mod:`instruments`), which is set in noise (:mod:`noise`) and labelled
(:mod:`generator`).
"""

from seisnet.synthetic.generator import continuous, generate_records
from seisnet.synthetic.values import GeneratorConfig, SyntheticRecord

__all__ = ["GeneratorConfig", "SyntheticRecord", "continuous", "generate_records"]
