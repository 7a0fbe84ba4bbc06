"""Boosted trees of scikit-learn as an ONNX graph: the sum of their leaves, and the probability that it stands for."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

OPSET, OPSET_ML, IR = 17, 3, 8  # old enough for every ONNX Runtime in use


def export(model: Any, features: int, slope: float, intercept: float) -> bytes:
    """The graph of a fitted HistGradientBoostingClassifier of two classes.

    Input `features` (n, features) float32; outputs `margin` and `probability` = sigmoid(slope * margin + intercept),
    (n, 1) float32. The same model gives the same bytes. Its trees are read from where scikit-learn keeps them, which is
    private to it: a test compares predictions.
    """
    trees = [stage[0].nodes for stage in model._predictors]
    attributes: dict[str, Any] = _attributes(trees)
    attributes["base_values"] = [float(model._baseline_prediction.ravel()[0])]
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor", ["features"], ["margin"], domain="ai.onnx.ml", n_targets=1, **attributes
        ),
        helper.make_node("Mul", ["margin", "slope"], ["scaled"]),
        helper.make_node("Add", ["scaled", "intercept"], ["calibrated"]),
        helper.make_node("Sigmoid", ["calibrated"], ["probability"]),
    ]
    constants = [
        helper.make_tensor("slope", TensorProto.FLOAT, [1], [slope]),
        helper.make_tensor("intercept", TensorProto.FLOAT, [1], [intercept]),
    ]
    graph = helper.make_graph(
        nodes,
        "fraud",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("margin", "probability")],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    whole = helper.make_model(graph, producer_name="mesoscale", opset_imports=opsets, ir_version=IR)
    onnx.checker.check_model(whole)
    serialised: bytes = whole.SerializeToString(deterministic=True)
    return serialised


def _attributes(trees: list[NDArray[Any]]) -> dict[str, list[Any]]:
    """Nodes and leaves of all trees, as the operator wants them: one list for each property."""
    attributes: dict[str, list[Any]] = {
        name: []
        for name in (
            "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes", "nodes_truenodeids",
            "nodes_falsenodeids", "nodes_missing_value_tracks_true", "target_treeids", "target_nodeids", "target_ids",
            "target_weights",
        )
    }  # fmt: skip
    for number, nodes in enumerate(trees):
        leaf = nodes["is_leaf"].astype(bool)
        ids = np.arange(len(nodes))
        attributes["nodes_treeids"] += [number] * len(nodes)
        attributes["nodes_nodeids"] += ids.tolist()
        attributes["nodes_featureids"] += np.where(leaf, 0, nodes["feature_idx"]).tolist()
        attributes["nodes_values"] += _below(np.where(leaf, 0, nodes["num_threshold"])).tolist()
        attributes["nodes_modes"] += np.where(leaf, "LEAF", "BRANCH_LEQ").tolist()
        attributes["nodes_truenodeids"] += np.where(leaf, 0, nodes["left"]).tolist()
        attributes["nodes_falsenodeids"] += np.where(leaf, 0, nodes["right"]).tolist()
        attributes["nodes_missing_value_tracks_true"] += np.where(leaf, 0, nodes["missing_go_to_left"]).tolist()
        attributes["target_treeids"] += [number] * int(leaf.sum())
        attributes["target_nodeids"] += ids[leaf].tolist()
        attributes["target_ids"] += [0] * int(leaf.sum())
        attributes["target_weights"] += nodes["value"][leaf].astype(np.float32).tolist()
    return attributes


def _below(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 that is not above: then a float32 feature falls on the same side of either."""
    rounded = thresholds.astype(np.float32)
    above = rounded > thresholds
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded
