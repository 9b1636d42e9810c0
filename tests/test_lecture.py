"""The lecture's scripts: each draws its figure, repeats itself, and says what can be worked out by hand."""

import contextlib
import importlib
import io
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from seisnet import nn

LECTURE = Path(__file__).parents[1] / "pipelines" / "lecture"
SMALL = {
    "activations": {},
    "forward_pass": {},
    "computational_graphs": {},
    "descent_paths": {"steps": 5},
    "batch_sizes": {"n": 32, "epochs": 3, "repeats": 2},
    "universal_approximation": {"iterations": 10},
    "depth_and_width": {"n": 50, "iterations": 3, "seeds": 1},
    "vanishing_gradients": {"steps": 3, "seeds": 1},
    "regularisation": {"epochs": 20},
    "normalising_inputs": {"epochs": 5},
}


@pytest.fixture(autouse=True)
def lecture_on_path(monkeypatch):
    known = set(sys.modules)
    monkeypatch.syspath_prepend(LECTURE)
    yield
    for name in {"all", *SMALL} - known:
        sys.modules.pop(name, None)


def script(name):
    return importlib.import_module(name)


def run(name, folder):
    """What a small run of a script writes, says and finds."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        found = script(name).main(folder, **SMALL[name])
    return SimpleNamespace(files=list(folder.iterdir()), said=said.getvalue(), found=found)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """first(name) -> the first small run of a script, which is made once."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = run(name, tmp_path_factory.mktemp(name))
        return made[name]

    return of


@pytest.mark.parametrize("name", SMALL)
def test_a_script_draws_one_figure_and_repeats_itself(name, first, tmp_path):
    first, second = first(name), run(name, tmp_path)
    (figure,), (again,) = first.files, second.files
    assert figure.name == f"{name}.png"
    assert figure.read_bytes() == again.read_bytes()
    assert first.said == second.said
    assert 1 < len(first.said.splitlines()) < 20


def test_all_runs_every_script_once(tmp_path, monkeypatch, capsys):
    everything = script("all")
    scripts = {path.stem for path in LECTURE.glob("*.py")} - {"all", "drawing"}
    assert {topic.__name__ for topic in everything.TOPICS} == scripts
    assert len(set(everything.TOPICS)) == len(everything.TOPICS) == len(SMALL)
    folders = []
    for topic in everything.TOPICS:
        monkeypatch.setattr(topic, "main", folders.append)
    everything.main(tmp_path / "new" / "folder")
    assert folders == [tmp_path / "new" / "folder"] * len(SMALL)
    assert (tmp_path / "new" / "folder").is_dir()
    assert "Vanishing gradients" in capsys.readouterr().out


def test_the_readme_lists_every_script():
    table = (LECTURE.parent / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.py`" in table for name in SMALL)


def test_activations_at_one(first):
    at_one = first("activations").found
    e = math.exp(-1)
    t = math.tanh(1)
    u = math.tanh(math.sqrt(2 / math.pi) * 1.044715)
    by_hand = {
        "identity": (1, 1),
        "sigmoid": (1 / (1 + e), e / (1 + e) ** 2),
        "tanh": (t, 1 - t * t),
        "relu": (1, 1),
        "leaky_relu": (1, 1),
        "gelu": (0.5 * (1 + u), 0.5 * (1 + u) + 0.5 * (1 - u * u) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715)),
    }
    assert at_one.keys() == by_hand.keys()
    for name, numbers in by_hand.items():
        assert at_one[name] == pytest.approx(numbers, rel=1e-12), name


@pytest.mark.parametrize("name", ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "gelu"])
def test_slopes_drawn_are_central_differences(name):
    value_and_slope = script("activations").value_and_slope
    z = np.linspace(-4, 4, 80)  # zero, where the rectifiers have a corner, is not among them
    h = 1e-5
    central = (value_and_slope(name, z + h)[0] - value_and_slope(name, z - h)[0]) / (2 * h)
    slope = value_and_slope(name, z)[1]
    np.testing.assert_allclose(slope, central, atol=1e-9)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(1.001 * slope, central, atol=1e-9)


def test_forward_pass_by_hand(first):
    numbers, said = first("forward_pass").found, first("forward_pass").said
    # z1 = (1 + 1 - 1, -1 - 1 + 0.5, 0.5 + 2 + 0) = (1, -1.5, 2.5), z2 = 0.5 * 1 + 0 + 0.4 * 2.5 - 0.5 = 1
    assert numbers["logit"] == pytest.approx(1, abs=1e-15)
    assert numbers["probability"] == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-15)
    assert numbers["by_network"] == pytest.approx(numbers["probability"], abs=1e-15)
    assert "= -1.5, a1 = 0\n" in said
    assert said.count("p = 0.7311") == 1
    assert said.count("= 0.7311") == 2


def test_gradients_of_both_graphs_by_hand(first):
    square, cube = first("computational_graphs").found.values()
    # x = -2, y = 5, z = -4: u = 3, v = -12, df/dv = 2 v = -24, df/du = z df/dv = 96, df/dz = u df/dv = -72
    assert square == {"x": 96, "y": 96, "z": -72, "u": 96, "v": -24, "f": 1}
    # x = pi/6, y = 1/2, z = 2: s = 1/2, u = 1, v = 2, df/dv = 3 v^2 = 12, df/du = 24, df/dz = 12, df/dx = 24 cos(x)
    by_hand = {"x": 12 * math.sqrt(3), "y": 24, "z": 12, "s": 24, "u": 24, "v": 12, "f": 1}
    assert cube == pytest.approx(by_hand, rel=1e-12)


def test_values_and_gradients_stand_on_the_drawing():
    graphs = script("computational_graphs")
    nodes = graphs.first(-2, 5, -4)
    nodes["f"].backward()
    ax = Figure().subplots()
    graphs.draw_graph(ax, nodes, graphs.SYMBOLS | {"power": "( )²"})
    written = {text.get_text() for text in ax.texts}
    assert {"x = −2", "u = 3", "v = −12", "f = 144"} <= written
    assert {"∂f/∂x = 96", "∂f/∂z = −72", "∂f/∂v = −24", "∂f/∂f = 1"} <= written
    assert {"× 1", "× −4", "× 3", "× −24"} <= written


def test_misfit_gradient_and_curvature_are_those_of_geometry():
    descent = script("descent_paths")
    at = np.array([3.0, -7.0])
    value, slope = descent.gradient(at)
    h = 1e-4
    central = [(descent.gradient(at + h * e)[0] - descent.gradient(at - h * e)[0]) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(slope, central, rtol=1e-6)
    assert value > 0
    assert descent.gradient(descent.TRUE_KM)[0] == pytest.approx(0, abs=1e-20)
    # At a misfit of zero the curvature is 2 J^T J / n, with J the demeaned slowness towards each station.
    away_km = descent.TRUE_KM - descent.STATIONS_KM
    slowness = away_km / np.sqrt((away_km**2).sum(axis=1) + descent.DEPTH_KM**2)[:, None] / descent.VELOCITY_KM_S
    slowness -= slowness.mean(axis=0)
    expected = np.linalg.eigvalsh(2 * slowness.T @ slowness / len(slowness))
    np.testing.assert_allclose(descent.curvatures(), expected, rtol=1e-5)


def test_descent_needs_a_step_below_two_over_the_curvature(monkeypatch):
    descent = script("descent_paths")
    monkeypatch.setattr(descent, "START_KM", descent.TRUE_KM + 1e-3)
    bound = 2 / descent.curvatures()[-1]
    below, above = (descent.descend(nn.SGD(share * bound), 50)[1] for share in (0.95, 1.05))
    assert below[-1] < below[0] / 10
    assert above[-1] > above[0] * 10


def test_the_paths_end_where_the_lecture_says(tmp_path):
    errors_km = script("descent_paths").main(tmp_path)
    assert errors_km["a good step"] < 0.01
    assert errors_km["too small a step"] > 5
    assert errors_km["too large a step"] > 3
    assert errors_km["small, momentum 0.8"] < errors_km["too small a step"] / 10
    assert 0.1 < errors_km["Adam"] < 5


def test_batch_sizes_follow_the_theory(tmp_path):
    batches = script("batch_sizes")
    excess = batches.main(tmp_path, n=128, epochs=40, repeats=4)
    r = batches.RATE
    whole = excess[128]
    np.testing.assert_allclose(whole, whole[0] * (1 - 2 * r) ** (2 * np.arange(41)), rtol=1e-9)
    p_s, s_minus_p_s = batches.wadati(128, np.random.default_rng(0))
    variance = 1 - np.corrcoef(p_s[:, 0], s_minus_p_s[:, 0])[0, 1] ** 2
    for batch in (1, 16):
        settled = excess[batch][len(excess[batch]) // 2 :].mean()
        assert settled == pytest.approx(2 * r * variance / batch, rel=0.4)
    # After one pass over the data a single-sample descent is far ahead of the first step of the whole set.
    assert excess[1][128] < whole[1] / 20


def test_a_grown_network_says_the_same():
    approximation = script("universal_approximation")
    rng = np.random.default_rng(0)
    x = np.linspace(-1.7, 1.7, 30)[:, None]
    small = approximation.grow(None, 3, rng)
    small.theta[:] = rng.normal(size=len(small.theta))
    np.testing.assert_allclose(approximation.grow(small, 8, rng).predict(x), small.predict(x), atol=1e-14)


def test_more_units_fit_better(tmp_path):
    errors = script("universal_approximation").main(tmp_path, iterations=60)
    assert list(errors) == [1, 2, 3, 5, 10, 20, 50, 100]
    assert all(np.diff(list(errors.values())) <= 0)
    assert errors[1] > 0.5
    assert errors[100] < 0.01


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8])
def test_tents_of_tents(depth):
    deep = script("depth_and_width")
    x = np.linspace(0, 1, 2049)
    by_hand = x
    for _ in range(depth):
        by_hand = np.where(by_hand < 0.5, 2 * by_hand, 2 - 2 * by_hand)
    y = deep.tents(depth).predict(x[:, None])[:, 0]
    np.testing.assert_allclose(y, by_hand, atol=1e-12)
    assert deep.pieces(y) == 2**depth


def test_networks_of_all_depths_have_as_many_parameters(tmp_path):
    deep = script("depth_and_width")
    for depth, width in deep.WIDTHS.items():
        assert nn.Network((2, *[width] * depth, 1)).theta.size == pytest.approx(500, rel=0.04)
    # sin(90)^2 sin(2 * 45) = 1 and sin(30)^2 sin(4 * 22.5) = 1/4
    assert deep.radiation(np.radians([[90, 45]]), 1)[0, 0] == pytest.approx(1)
    assert deep.radiation(np.radians([[30, 22.5]]), 2)[0, 0] == pytest.approx(0.25)


def test_gradients_vanish_by_a_quarter_a_layer_in_sigmoids_only(tmp_path):
    results = script("vanishing_gradients").main(tmp_path, steps=60, seeds=2)
    factors = {}
    for activation, (norms, _) in results.items():
        assert len(norms) == 11
        factors[activation] = (norms[1] / norms[-2]) ** (1 / 8)
    assert factors["sigmoid"] == pytest.approx(0.25, abs=0.03)
    assert factors["tanh"] == pytest.approx(1, abs=0.2)
    assert factors["relu"] == pytest.approx(1, abs=0.2)
    assert results["sigmoid"][1][-1] == pytest.approx(math.log(2), abs=0.01)
    assert results["relu"][1][-1] < 0.2


def test_each_remedy_comes_closer_to_the_truth(tmp_path):
    regularisation = script("regularisation")
    distances = regularisation.main(tmp_path, epochs=1200)
    nothing = distances.pop("no remedy")
    assert list(distances) == ["weight decay", "dropout", "early stopping"]
    assert all(distance < 0.6 * nothing for distance in distances.values())
    # At the corner frequency Brune's spectrum has fallen by half.
    assert regularisation.brune(np.log10(regularisation.CORNER_HZ)) == pytest.approx(-math.log10(2))


def test_normalised_inputs_make_a_round_bowl(tmp_path):
    normalising = script("normalising_inputs")
    results = normalising.main(tmp_path, epochs=100)
    raw, y = normalising.accelerations(400, np.random.default_rng(0))
    c = abs(np.corrcoef(raw.T)[0, 1])
    assert results["normalised"]["condition"] == pytest.approx((1 + c) / (1 - c), rel=1e-9)
    assert results["raw"]["condition"] > 1000
    assert results["raw"]["stuck"] > 0.5
    assert results["normalised"]["stuck"] == 0
    assert results["normalised"]["loss"] < results["raw"]["loss"] / 5

    x = nn.StandardScaler().fit(raw).transform(raw)
    path, curvature = normalising.descend(x, y, 10)
    k = np.linalg.cond(curvature)
    away = np.linalg.norm(path - np.linalg.lstsq(x, y, rcond=None)[0].T, axis=1)
    np.testing.assert_allclose(away, away[0] * ((k - 1) / (k + 1)) ** np.arange(11), rtol=1e-3)
