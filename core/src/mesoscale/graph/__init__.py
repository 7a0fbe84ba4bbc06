"""The pipeline as nodes and edges, with every reference resolved."""

from mesoscale.graph.types import Edge, Graph, Node

__all__ = ["Edge", "Graph", "Node"]
