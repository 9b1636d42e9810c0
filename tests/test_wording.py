"""Lengths of time and names of files, as they are said to people."""

import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seisnet.wording import duration, quoted

UNIT_S = {"s": 1, "min": 60, "h": 3600, "day": 86_400, "days": 86_400}


@given(st.floats(0, 1e9))
@example(999.6)
@example(119.9996)
@example(1000 * 86_400)
def test_a_length_of_time_is_said_within_half_a_percent_and_never_with_a_power_of_ten(seconds):
    value, unit = duration(seconds).split()
    assert float(value) * UNIT_S[unit] == pytest.approx(seconds, rel=6e-3, abs=6e-4)
    assert "e" not in value


def test_the_unit_fits_the_length():
    lengths = (0, 0.25, 60, 61, 119, 120, 7199, 7200, 86_400, 100_000, 172_800)
    said = ["0 s", "0.25 s", "1 min", "61 s", "119 s", "2 min", "120 min", "2 h", "1 day", "27.8 h", "2 days"]
    assert [duration(length) for length in lengths] == said


@pytest.mark.parametrize(("system", "said"), [("linux", "'my data'"), ("darwin", "'my data'"), ("win32", '"my data"')])
def test_names_are_quoted_as_the_shell_of_the_system_wants_it(system, said, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    assert [quoted(Path(name)) for name in ("my data", "data")] == [said, "data"]
