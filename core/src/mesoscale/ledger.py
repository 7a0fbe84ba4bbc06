"""The ledger: what every node has counted, and whether it adds up.

Per node:   read = accepted + rejected + late; a source or one-to-one stage also produced = accepted.
Per edge:   produced + redriven = consumed + lag for each consumer, where the lag is what the topic still holds for it,
            and redriven are the dead letters that were sent to it once more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mesoscale.graph.types import Graph, Node


@dataclass(frozen=True, slots=True)
class Counts:
    """Records of one node since its beginning, all committed together with its positions."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    late: int = 0
    produced: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)))

    def as_dict(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def total(cls, counts: Iterable["Counts"]) -> "Counts":
        return sum(counts, cls())


@dataclass(frozen=True, slots=True)
class EdgeReading:
    """What stands between two nodes: records produced and redriven, records consumed, how far apart the offsets are.

    `offset_lag` also counts the markers that Kafka writes at the end of each transaction, so it only bounds the
    records in between.
    """

    producer: str
    consumer: str
    produced: int
    consumed: int
    offset_lag: int
    redriven: int = 0

    @property
    def lag(self) -> int:
        """Records produced or redriven, and not consumed yet."""
        return self.produced + self.redriven - self.consumed


@dataclass(frozen=True, slots=True)
class Ledger:
    """All nodes and edges at one moment; closed when `problems` is empty."""

    nodes: dict[str, Counts]
    edges: tuple[EdgeReading, ...]
    problems: tuple[str, ...]

    @property
    def closed(self) -> bool:
        return not self.problems

    @property
    def drained(self) -> bool:
        """Nothing lies between any two nodes."""
        return all(edge.lag == 0 for edge in self.edges)

    def as_dict(self) -> dict[str, Any]:
        return {
            "nodes": {name: counts.as_dict() for name, counts in self.nodes.items()},
            "edges": [asdict(edge) | {"lag": edge.lag} for edge in self.edges],
            "problems": list(self.problems),
        }


def balance(
    graph: Graph,
    counts: Mapping[str, Counts],
    offset_lags: Mapping[tuple[str, str], int],
    redriven: Mapping[tuple[str, str], int] | None = None,
    beside: Mapping[str, int] | None = None,
) -> Ledger:
    """Check every node and edge of `graph`.

    Args:
        graph: the pipeline.
        counts: node name → its counts; a node that has not begun may be missing.
        offset_lags: (producer, consumer) → end offset minus committed offset, over all partitions.
        redriven: (producer, consumer) → dead letters that were sent to the consumer once more.
        beside: node of two inputs → how many of the records that it read are of the second.
    """
    nodes = {node.name: counts.get(node.name, Counts()) for node in graph.nodes}
    edges = tuple(
        EdgeReading(
            producer=edge.producer,
            consumer=consumer,
            produced=nodes[edge.producer].produced,
            consumed=_consumed(graph.node(consumer), edge.producer, nodes[consumer].read, beside or {}),
            offset_lag=offset_lags.get((edge.producer, consumer), 0),
            redriven=(redriven or {}).get((edge.producer, consumer), 0),
        )
        for edge in graph.edges
        for consumer in edge.consumers
    )
    problems = [text for node in graph.nodes for text in _node_problems(node, nodes[node.name])]
    problems += [text for edge in edges for text in _edge_problems(edge)]
    return Ledger(nodes, edges, tuple(problems))


def _consumed(node: Node, producer: str, read: int, beside: Mapping[str, int]) -> int:
    """How many of the records that a node read are of this producer."""
    of_second = beside.get(node.name, 0)
    return of_second if producer == node.beside else read - of_second


def _node_problems(node: Node, counts: Counts) -> Iterable[str]:
    told = counts.accepted + counts.rejected + counts.late
    if counts.read != told:
        yield f"{node.name}: read {counts.read} but accepted + rejected + late = {told}"
    if node.one_to_one and counts.produced != counts.accepted:
        yield f"{node.name}: accepted {counts.accepted} but produced {counts.produced}"


def _edge_problems(edge: EdgeReading) -> Iterable[str]:
    between = f"{edge.producer} → {edge.consumer}"
    if edge.lag < 0:
        surplus = -edge.lag
        yield f"{between}: {surplus} records were consumed that {edge.producer} did not produce"
    elif edge.lag > edge.offset_lag:
        most = edge.offset_lag
        more = f" and {edge.redriven} redriven" if edge.redriven else ""
        yield f"{between}: produced {edge.produced}{more}, consumed {edge.consumed}, but only {most} can be in between"
