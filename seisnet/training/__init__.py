"""From a windows file to a model: the job of `seisnet train`.

`fitting` is where to start: it trains the networks of a model one after the other. `tasks` says which these are;
`window_data` and `excerpt_data` what they learn from, in `batches`; `objectives` for what; `parents` and `distillation`
from whom; `loop` is the training of one. `calibration` fits temperature and thresholds. For pipelines and experiments:
`labelled_sets` are labelled records in memory, `altering` makes altered copies of them.
"""
