"""What the context network reads: hand-worked columns, naive loops, invariances."""

import itertools

import numpy as np
import pytest

from seisnet.nn import Network
from seisnet.scan.context_network import (
    AFTER_S,
    BEFORE_S,
    LOG_ODDS_LIMIT,
    PAST_S,
    REACH_S,
    SHORT_S,
    ContextNetwork,
    context_inputs,
    context_targets,
    reach,
)

HOP_S = 0.2
BEFORE, AFTER = reach(HOP_S)
NOISE = 2


def scanned(n, seed=0):
    """Log-probabilities (n, 3) and log-energies (n, 3) of made-up columns, with what is within reach."""
    rng = np.random.default_rng(seed)
    total = BEFORE + n + AFTER
    return (
        np.log(rng.dirichlet([1, 1, 1], total)).astype(np.float32),
        rng.normal(size=(total, 3)).astype(np.float32),
    )


def naive(logs, energy, column):
    """The same row by row, as the docstrings say it."""
    odds = np.clip(logs[:, :2] - logs[:, 2:], -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT).astype(np.float64)
    power = np.stack([energy[:, 0], energy[:, 1:].mean(axis=1)], axis=1).astype(np.float64)
    near, short = round(REACH_S / HOP_S), round(SHORT_S / HOP_S)
    around = slice(column - near, column + near + 1)
    parts = [odds[around].T.ravel(), power[around][::2].T.ravel() - power[around].mean()]
    now = power[column : column + short + 1].mean(axis=0)
    for s in BEFORE_S:
        stop = column - short
        parts.append(now - power[stop - round(s / HOP_S) : stop].mean(axis=0))
    for s in AFTER_S:
        start = column + short + 1
        parts.append(now - power[start : start + round(s / HOP_S)].mean(axis=0))
    for late, early in itertools.pairwise(PAST_S):
        span = slice(column - round(early / HOP_S), column - round(late / HOP_S) + 1)
        parts += [odds[span].max(axis=0), power[span].mean(axis=0) - now]
    return np.concatenate(parts)


def test_every_column_equals_the_naive_loop():
    logs, energy = scanned(7)
    x = context_inputs(logs, energy, NOISE, HOP_S)
    expected = np.array([naive(logs, energy, BEFORE + m) for m in range(7)])
    np.testing.assert_allclose(x, expected, atol=2e-5)


def test_what_lies_beyond_reach_is_not_read():
    logs, energy = scanned(3)
    x = context_inputs(logs, energy, NOISE, HOP_S)
    longer = [np.concatenate([a[:50] + 1, a, a[-50:] - 1]) for a in (logs, energy)]
    np.testing.assert_allclose(context_inputs(*longer, NOISE, HOP_S)[50:53], x, atol=2e-5)


def test_gain_changes_nothing():
    logs, energy = scanned(20)
    louder = context_inputs(logs, energy + np.float32(7.5), NOISE, HOP_S)
    np.testing.assert_allclose(louder, context_inputs(logs, energy, NOISE, HOP_S), atol=1e-5)


def test_unknown_energy_is_no_information():
    logs, energy = scanned(5)
    energy[:] = np.nan
    x = context_inputs(logs, energy, NOISE, HOP_S)
    odds = context_inputs(logs, np.zeros_like(energy), NOISE, HOP_S)
    np.testing.assert_array_equal(x, odds)
    energy[BEFORE + 2] = 1.0
    assert np.isfinite(context_inputs(logs, energy, NOISE, HOP_S)).all()


def test_noise_may_be_any_class():
    logs, energy = scanned(4)
    moved = logs[:, [2, 0, 1]]
    np.testing.assert_array_equal(context_inputs(moved, energy, 0, HOP_S), context_inputs(logs, energy, NOISE, HOP_S))


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        ([], [255] * 6),
        ([(0.0, 0)], [0, 0, 254, 254, 255, 255]),
        ([(2.0, -1)], [254, 254, 254, 254, 254, 254]),
        ([(1.0, 0), (4.0, 1)], [0, 0, 0, 1, 1, 1]),
    ],
)
def test_targets(onsets, expected):
    assert context_targets(6, onsets, HOP_S).tolist() == expected


def test_the_network_averages_its_members_and_its_probabilities_add_up_to_1():
    logs, energy = scanned(9)
    x = context_inputs(logs, energy, NOISE, HOP_S)
    sizes = (x.shape[1], 8, 3)
    members = tuple(Network(sizes, rng=np.random.default_rng(k)) for k in range(2))
    mean, scale = x.mean(axis=0), np.full(x.shape[1], 2, np.float32)
    together = ContextNetwork(members, mean, scale, NOISE, HOP_S)(logs, energy)
    apart = [ContextNetwork((m,), mean, scale, NOISE, HOP_S)(logs, energy) for m in members]
    np.testing.assert_allclose(together, (apart[0] + apart[1]) / 2, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
