"""Files in HDF5 and data set layouts, read and written; this room knows no waveforms.

`files` makes files of any format appear whole, `hdf5` opens those of HDF5, `csv_table` reads tables, and `work_folder`
knows the state of an output and keeps its finished parts. The other modules each read or write one kind of file:
windows, models, checkpoints, excerpts, shards, probabilities, and the layouts of SeisBench and STEAD.
"""
