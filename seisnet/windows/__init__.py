"""Labelled windows cut from records.

`labelled` defines labelled records and windows. `cutting` cuts windows for phases, `class_cutting` for stretches of
named signals, `excerpting` takes what the later stages learn from; `augment` alters windows, but no label.
"""
