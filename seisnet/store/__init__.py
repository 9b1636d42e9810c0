"""Files in HDF5 and data set layouts, read and written; this room knows no waveforms.

`files` makes files of any format appear whole, `hdf5` opens those of HDF5. A module each reads or writes windows files,
models, checkpoints, excerpts, shards, probabilities, and the layouts of SeisBench and STEAD; `work_folder` holds what
is finished of an output.
"""
