"""Node, Edge and Graph: what a pipeline is made of once its references are resolved."""

from dataclasses import dataclass
from typing import Literal

from mesoscale.contract.types import Contract
from mesoscale.model.pipeline import Pipeline
from mesoscale.model.sink import Sink
from mesoscale.model.source import Source
from mesoscale.model.stage import Retries, Scale, Stage
from mesoscale.model.topic import TopicSettings

NodeKind = Literal["source", "stage", "sink"]


@dataclass(frozen=True, slots=True)
class Edge:
    """The topic between the node that fills it and the nodes that read it; it bears the producer's name."""

    producer: str
    topic: str
    dead_letter_topic: str
    contract: Contract
    settings: TopicSettings
    consumers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A source, stage or sink; `input`, `output` and `beside`, a second input, name edges (by their producer)."""

    name: str
    kind: NodeKind
    section: Source | Stage | Sink
    input: str | None
    output: str | None
    beside: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The edges that it reads."""
        return tuple(edge for edge in (self.input, self.beside) if edge is not None)

    @property
    def scale(self) -> Scale:
        """How many processes it may have. A source keeps one position and so is one process."""
        return Scale() if isinstance(self.section, Source) else self.section.scale

    @property
    def retries(self) -> Retries | None:
        """How often records come again that could not be done at once; None where they do not."""
        if isinstance(self.section, Stage):
            return self.section.retries
        return self.section.webhook.retries if isinstance(self.section, Sink) and self.section.webhook else None

    @property
    def one_to_one(self) -> bool:
        """Whether each accepted record gives exactly one produced record."""
        if isinstance(self.section, Stage):
            return self.section.use in ("forward", "fraud") or self.section.rolling is not None
        return self.kind == "source"


@dataclass(frozen=True, slots=True)
class Graph:
    """A pipeline whose nodes are in topological order: producers before consumers, sources first."""

    pipeline: Pipeline
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def node(self, name: str) -> Node:
        """The node of that name.

        Raises:
            KeyError: there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def edge(self, producer: str) -> Edge:
        """The edge that the named node fills.

        Raises:
            KeyError: no such node, or it is a sink.
        """
        for edge in self.edges:
            if edge.producer == producer:
                return edge
        raise KeyError(producer)
