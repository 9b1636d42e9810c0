"""Files in HDF5 and data set layouts, read and written; this room knows no waveforms.

`hdf5` opens files and makes them appear whole. A module each reads or writes windows files, models, checkpoints,
excerpts, shards, probabilities, and the layouts of SeisBench and STEAD.
"""
