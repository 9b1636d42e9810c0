"""Labelled windows cut from records.

`cutting` for phases, `class_cutting` for stretches of named signals, `excerpting` for what the later stages learn
from; `augment` changes windows and no label.
"""
