"""How good a model is.

Arrays in, numbers out: `metrics` and `curves` for classifiers, `breakdown` by a property of the windows, `embedding`
into two dimensions. `matching` scores picks against reference picks, `evaluation` a model on `given_windows`.
"""
