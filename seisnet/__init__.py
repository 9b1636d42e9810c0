"""Seismic signal classifier: windows and features from waveforms, a network from scratch in NumPy, picks out."""

__version__ = "0.1.0"
