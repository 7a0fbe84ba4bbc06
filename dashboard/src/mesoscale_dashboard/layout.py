"""Layout: the column and row of each node in the picture. Sources left, sinks right, no edge through a node.

Every node has at most one input, so the graph is a forest: leaves take rows from the top down, a node stands
in the middle of what it feeds (the tidy tree of Reingold and Tilford, 1981, for layers of one fixed width).
"""

from dataclasses import dataclass

from mesoscale.graph.types import Graph, Node


@dataclass(frozen=True, slots=True)
class Place:
    """Column 0 is the sources'; rows may be halves. `order` is the place in a list, each after its input."""

    column: int
    row: float
    order: int
    depth: int

    def as_dict(self) -> dict[str, float]:
        return {"column": self.column, "row": self.row, "order": self.order, "depth": self.depth}


def places(graph: Graph) -> dict[str, Place]:
    """Node name → its place. Sinks share the last column, whatever the number of stages before them."""
    depths = _depths(graph)
    last = max(depths.values(), default=0)
    placed: dict[str, Place] = {}
    row = 0

    def put(node: Node) -> float:
        nonlocal row
        order = len(placed)
        placed[node.name] = Place(0, 0.0, order, depths[node.name])  # keeps its order before its children's
        rows = [put(child) for child in graph.nodes if child.input == node.name]
        if not rows:
            rows = [float(row)]
            row += 1
        middle = (rows[0] + rows[-1]) / 2
        column = last if node.kind == "sink" else depths[node.name]
        placed[node.name] = Place(column, middle, order, depths[node.name])
        return middle

    for node in graph.nodes:
        if node.input is None:
            put(node)
    return placed


def _depths(graph: Graph) -> dict[str, int]:
    depths: dict[str, int] = {}
    for node in graph.nodes:  # in topological order, so an input always has its depth already
        depths[node.name] = 0 if node.input is None else depths[node.input] + 1
    return depths
