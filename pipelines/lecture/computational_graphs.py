"""Two computational graphs: the chain rule as arithmetic on a drawing.

    f = ((x + y) z)^2        u = x + y        v = u z        f = v^2
    f = ((sin(x) + y) z)^3   s = sin(x)       u = s + y      v = u z      f = v^3

Forward, each node computes its value from its parents'. Backward, from df/df = 1, each node hands its gradient to its
parents, times the derivative of its one operation, the factor on the edge. Nobody ever writes down the derivative of
the whole. Back-propagation is this, with matrices.

Linnainmaa (1976), BIT 16, 146-160; Baydin et al. (2018), JMLR 18, section 3.2. The code is `seisnet.nn.graph`.
"""

import math
from pathlib import Path

from drawing import figure_folder, minus, save
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from seisnet.nn import graph
from seisnet.plots.style import BLUE, PAGE_CM, VERMILLION, new_figure, styled

SYMBOLS = {"add": "+", "multiply": "×", "sin": "sin"}


def first(x: float, y: float, z: float) -> dict[str, graph.Node]:
    nodes = {name: graph.Node(value) for name, value in (("x", x), ("y", y), ("z", z))}
    nodes["u"] = nodes["x"] + nodes["y"]
    nodes["v"] = nodes["u"] * nodes["z"]
    nodes["f"] = nodes["v"] ** 2
    return nodes


def second(x: float, y: float, z: float) -> dict[str, graph.Node]:
    nodes = {name: graph.Node(value) for name, value in (("x", x), ("y", y), ("z", z))}
    nodes["s"] = graph.sin(nodes["x"])
    nodes["u"] = nodes["s"] + nodes["y"]
    nodes["v"] = nodes["u"] * nodes["z"]
    nodes["f"] = nodes["v"] ** 3
    return nodes


@styled()
def main(folder: Path) -> dict[str, dict[str, float]]:
    """Draw both graphs; return the gradients of each by the names of its nodes."""
    figure = new_figure(PAGE_CM, 12.5)
    axes = figure.subplots(2, 1)
    gradients = {}
    examples = (
        ("f = ((x + y) z)²", first(-2, 5, -4), "( )²"),
        ("f = ((sin x + y) z)³", second(math.pi / 6, 0.5, 2), "( )³"),
    )
    for ax, (formula, nodes, power) in zip(axes, examples, strict=True):
        nodes["f"].backward()
        print(formula)
        for name in reversed(nodes):
            print(f"  {name} = {float(nodes[name].value):8.4f}    df/d{name} = {float(nodes[name].grad):8.4f}")
        draw_graph(ax, nodes, SYMBOLS | {"power": power})
        ax.set_title(formula, fontsize=9)
        gradients[formula] = {name: float(node.grad) for name, node in nodes.items()}
    figure.supxlabel(
        "blue: value, forward; orange: gradient, backward, and on each edge the factor that it takes on its way back"
    )
    save(figure, folder / "computational_graphs.png")
    return gradients


def draw_graph(ax: Axes, nodes: dict[str, graph.Node], symbols: dict[str, str]) -> None:
    """Values above the nodes, gradients below, the derivative of each step on its edge."""
    place = places(nodes)
    for name, node in nodes.items():
        x, y = place[id(node)]
        for parent in node.parents:
            xa, ya = place[id(parent)]
            ax.annotate(
                "", (x, y), (xa, ya), arrowprops={"arrowstyle": "-|>", "color": "0.4", "shrinkA": 14, "shrinkB": 14}
            )
            # Each node here has one child, so what the gradient was multiplied by on its way is a quotient.
            ax.text(
                (x + xa) / 2,
                (y + ya) / 2,
                minus(f"× {float(parent.grad / node.grad):.4g}"),
                color=VERMILLION,
                ha="center",
                va="center",
                fontsize=7,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
        ax.add_patch(Circle((x, y), 0.3, facecolor="white", edgecolor="black", linewidth=0.8, zorder=3))
        ax.text(x, y, symbols.get(node.op, name), ha="center", va="center", zorder=4, fontsize=8)
        ax.text(x, y + 0.36, minus(f"{name} = {float(node.value):.4g}"), color=BLUE, ha="center", va="bottom", zorder=4)
        ax.text(
            x,
            y - 0.48,
            minus(f"∂f/∂{name} = {float(node.grad):.4g}"),
            color=VERMILLION,
            ha="center",
            va="top",
            zorder=4,
        )
    ax.set(xlim=(-13.3, 1.1), ylim=(-2.5, 2.3), aspect="equal")
    ax.axis("off")


def places(nodes: dict[str, graph.Node]) -> dict[int, tuple[float, float]]:
    """Columns from the end to the left; inputs one below the other, results halfway between their parents."""
    column = {id(nodes["f"]): 0.0}
    for node in reversed(nodes.values()):
        for parent in node.parents:
            column[id(parent)] = column[id(node)] - 3.0
    row = {id(nodes[name]): y for name, y in (("x", 1.6), ("y", 0.0), ("z", -1.6))}
    for node in nodes.values():
        if node.parents:
            row[id(node)] = sum(row[id(parent)] for parent in node.parents) / len(node.parents)
    return {key: (column[key], row[key]) for key in column}


if __name__ == "__main__":
    main(figure_folder(__doc__))
