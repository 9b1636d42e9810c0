"""Synthetic local earthquakes with exact labels, from physics: for the demo's training and for the tests.

A rupture (`source`) sends rays through a layered crust (`earth`) along `paths` to stations of `networks`. With their
codas (`scattering`) they make a causal `seismogram`; `instruments` record it in `noise`, and `generator` labels it.
`values` are what is drawn from, and what is made.
"""

from seisnet.synthetic.generator import continuous, generate_records
from seisnet.synthetic.values import GeneratorConfig, SyntheticRecord

__all__ = ["GeneratorConfig", "SyntheticRecord", "continuous", "generate_records"]
