"""Labelled windows cut from records.

`labelled` are records with what is known of them, and windows. `cutting` cuts them for phases, `class_cutting` for
stretches of named signals, `excerpting` takes what the later stages learn from; `augment` changes windows and no label.
"""
