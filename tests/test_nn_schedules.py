"""Schedules: ends, monotony, hand-worked values, memory that resumes."""

import numpy as np
import pytest

from seisnet.errors import ConfigError
from seisnet.nn import SCHEDULES, Constant, Cosine, OneCycle, Plateau, Step, WarmUp, make_schedule


def test_values_by_hand():
    assert [Constant(0.1)(step) for step in (0, 99)] == [0.1, 0.1]
    np.testing.assert_allclose([Step(0.1, every=10)(step) for step in (0, 9, 10, 25)], [0.1, 0.1, 0.01, 0.001])
    np.testing.assert_allclose(
        [Cosine(1.0, 6, final=0.1)(step) for step in (0, 2, 3, 6, 7)], [1, 0.775, 0.55, 0.1, 0.1]
    )
    warm = WarmUp(Cosine(1.0, 10), steps=4)
    np.testing.assert_allclose([warm(step) for step in (0, 3, 4, 9, 14)], [0.25, 1, 1, 0.5, 0], atol=1e-12)


def test_one_cycle_goes_up_and_down():
    schedule = OneCycle(1.0, steps=100, rise=0.3)
    rates = [schedule(step) for step in range(101)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[30] == max(rates) == pytest.approx(1.0)
    assert rates[100] == pytest.approx(1 / 250_000)
    assert rates[:31] == sorted(rates[:31]) and rates[30:] == sorted(rates[30:], reverse=True)


def test_plateau_waits_and_then_falls():
    schedule = Plateau(1.0, factor=0.5, patience=2)
    rates = []
    for loss in (3.0, 2.0, 2.0, 2.5, 2.0, 2.0, 1.0, 1.5, 1.5, 1.5):
        schedule.observe(loss)
        rates.append(schedule(0))
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_plateau_resumes():
    losses = [3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 1.0]
    whole = Plateau(1.0, patience=1)
    first, second = Plateau(1.0, patience=1), Plateau(1.0, patience=1)
    for loss in losses:
        whole.observe(loss)
    for loss in losses[:3]:
        first.observe(loss)
    second.state = first.state.copy()
    for loss in losses[3:]:
        second.observe(loss)
    assert (second.state == whole.state).all()


@pytest.mark.parametrize("steps", [1, 2, 1000])
@pytest.mark.parametrize("name", SCHEDULES)
def test_by_name(name, steps):
    schedule = make_schedule(name, 0.1, steps)
    rates = np.array([schedule(step) for step in range(steps)])
    assert (rates > 0).all() and rates.max() <= 0.1 * (1 + 1e-12)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Step(0.1, every=0), "every"),
        (lambda: Cosine(0.1, steps=0), "steps"),
        (lambda: WarmUp(Constant(0.1), steps=-1), "steps"),
        (lambda: OneCycle(0.1, steps=0), "steps"),
        (lambda: OneCycle(0.1, steps=9, rise=1.0), "rise"),
        (lambda: Plateau(0.1, patience=-1), "patience"),
        (lambda: Step(0.1, every=2, factor=-1.0), "factor"),
        (lambda: Plateau(0.1, factor=np.nan), "factor"),
        (lambda: Cosine(0.1, steps=9, final=-0.1), "final"),
        (lambda: Constant(-0.1), "learning_rate"),
        (lambda: Step(np.nan, every=2), "learning_rate"),
        (lambda: Cosine(np.inf, steps=9), "learning_rate"),
        (lambda: OneCycle(-0.1, steps=9), "learning_rate"),
        (lambda: Plateau(-0.1), "learning_rate"),
    ],
)
def test_numbers_that_there_can_not_be(make, name):
    with pytest.raises(ConfigError, match=f"^{name}: got"):
        make()


def test_no_warm_up_and_no_rise():
    assert WarmUp(Constant(0.1), steps=0)(0) == 0.1
    assert OneCycle(0.1, steps=9, rise=0.0)(0) == 0.1


def test_unknown_name():
    with pytest.raises(ConfigError, match="one_cycle"):
        make_schedule("cosin", 0.1, 10)
