"""Picks, detections and probability traces in files.

`picks` writes all formats, and reads picks again; `own_csv` is the CSV of seisnet, `dialects` are the tables of other
pickers and associators, `quakeml` the catalogues of ObsPy; `probabilities` are the traces.
"""
