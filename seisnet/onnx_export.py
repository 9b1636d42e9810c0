"""The window network as an ONNX graph: scaler, layers and softmax, from features to probabilities.

The features themselves are not computed in it: `seisnet.features` does that, or your own code by the recipe that the
file holds in its metadata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seisnet import __version__
from seisnet.errors import ConfigError
from seisnet.model import Model
from seisnet.nn import Network
from seisnet.nn.activations import LEAK
from seisnet.store.files import check_output, write_whole

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

OPSET, IR_VERSION = 20, 9
"""Of early 2024: the oldest that have GELU, so that older runtimes read the file too."""

OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "identity": ("Identity", {}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": LEAK}),
    "gelu": ("Gelu", {"approximate": "tanh"}),
}
"""ONNX operator and its attributes by activation."""


def export_onnx(model: Model, path: str | Path, *, overwrite: bool = False) -> list[str]:
    """Write the window network of a model as an ONNX file, whole or not at all.

    Its input ``features`` is float32 (N, D), as `seisnet preprocess` writes them; its output ``probabilities`` is
    float32 (N, K), what `Model.predict_proba` gives. The members of an ensemble are averaged in the graph.

    Returns
    -------
    list of str
        What the later stages of the model read, which are left out: they read a scan, not a window.

    Raises
    ------
    ConfigError
        If the package onnx is not installed, the output exists and `overwrite` is not set, or it has an ending of other
        files.
    """
    check_output(Path(path), (".onnx",), overwrite=overwrite)
    graph = to_onnx(model)
    write_whole(Path(path), graph.SerializeToString(deterministic=True))
    return [stage.reads for stage in model.stored.stages[1:]]


def to_onnx(model: Model) -> ModelProto:
    """The window network of a model as an ONNX model; see `export_onnx`."""
    try:
        import onnx
    except ImportError as error:
        raise ConfigError("export to ONNX needs the package onnx: pip install onnx") from error
    from onnx import helper, numpy_helper

    stored = model.stored
    nodes, constants = _nodes(model)
    initializers: list[TensorProto] = [
        numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name)
        for name, values in constants.items()
    ]
    real = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        model.name,
        [helper.make_tensor_value_info("features", real, ["N", len(stored.mean)])],
        [helper.make_tensor_value_info("probabilities", real, ["N", len(stored.classes)])],
        initializers,
    )
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="seisnet",
        producer_version=__version__,
    )
    told = {
        "classes": list(stored.classes),
        "feature_shape": list(model.feature.shape),
        "preprocess": dict(stored.preprocess),
        "thresholds": dict(stored.thresholds),
    }
    helper.set_model_props(made, {name: json.dumps(value, sort_keys=True) for name, value in told.items()})
    onnx.checker.check_model(made, full_check=True)
    return made


def _nodes(model: Model) -> tuple[list[NodeProto], dict[str, Any]]:
    """Nodes and constants of all networks, from ``features`` to ``probabilities``."""
    from onnx import helper

    stored = model.stored
    constants = {"mean": stored.mean, "scale": stored.scale, "temperature": np.array([model.windows.temperature])}
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
    ]
    members = []
    for k, network in enumerate(model.networks):
        own_nodes, own_constants = _member(network, f"member{k}")
        nodes += own_nodes
        constants |= own_constants
        members.append(f"member{k}_probabilities")
    nodes.append(helper.make_node("Mean", members, ["probabilities"]))
    return nodes, constants


def _member(network: Network, name: str) -> tuple[list[NodeProto], dict[str, Any]]:
    """Nodes and constants of one network, from ``scaled`` to ``<name>_probabilities``."""
    from onnx import helper

    if network.activation not in OPERATORS:
        raise ConfigError(f"activation '{network.activation}' has no ONNX operator here: {', '.join(OPERATORS)}")
    operator, attributes = OPERATORS[network.activation]
    nodes: list[NodeProto] = []
    constants: dict[str, Any] = {}
    before = "scaled"
    for i, layer in enumerate(network.dense):
        here = f"{name}_layer{i}"
        constants |= {f"{here}_weights": layer.weights, f"{here}_bias": layer.bias}
        nodes.append(helper.make_node("Gemm", [before, f"{here}_weights", f"{here}_bias"], [here]))
        before = here
        if layer is not network.dense[-1]:
            nodes.append(helper.make_node(operator, [here], [f"{here}_active"], **attributes))
            before = f"{here}_active"
    nodes.append(helper.make_node("Div", [before, "temperature"], [f"{name}_logits"]))
    nodes.append(helper.make_node("Softmax", [f"{name}_logits"], [f"{name}_probabilities"], axis=-1))
    return nodes, constants
