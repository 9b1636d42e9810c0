"""From sources and labels to a windows file: the job of `seisnet preprocess`.

`job` is where to start. It has `planning` group labels and divide the sources into pieces, `all_pieces` turn each into
a shard by `one_piece` (with `mining` for what a model gets wrong), `splits` deal out events to train, dev and test, and
`merging` make one file of the shards. `ready` is what processes import beforehand.
"""
