"""From sources and labels to a windows file: the job of `seisnet preprocess`.

`job` is where to start. It has `planning` group labels and divide the sources, `making` turn each piece into a shard
by `extraction` (with `mining` for what a model gets wrong), `division` deal out groups to the splits, and `merging`
make one file of the shards. `ready` is what processes import beforehand.
"""
