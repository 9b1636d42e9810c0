"""From sources and labels to a windows file: the job of `seisnet preprocess`.

`job` is where to start. `planning` groups labels by event and divides the sources into `pieces`, `one_piece` turns each
into a shard (with `mining` of what a model gets wrong), `all_pieces` adds them up, `splits` assigns events to train,
dev and test, and `merging` makes one file of the shards. `ready` is what worker processes import beforehand.
"""
