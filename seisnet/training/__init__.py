"""From a windows file to a model: the job of `seisnet train`.

Start with `fitting`, which trains the networks of a model one after the other, and `tasks`, which lists them. `loop`
trains one network, for a loss in `objectives`. What networks learn from comes as `batches` from `window_data` and
`excerpt_data`, or from other networks (`distillation`); `parents` are models that are trained further. `calibration`
fits temperature and thresholds. For experiments, `labelled_sets` keeps labelled records in memory, and `altering` makes
altered copies of them.
"""
