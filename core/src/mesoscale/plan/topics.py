"""Kafka topics: one for each edge, one for its dead letters, for the positions of sources, for what was redriven.

A stage that remembers has two more: one for its state, one for what comes too late for it. One whose step may ask for
records again has one in which they wait, and so has a sink that calls.
"""

from collections.abc import Iterator
from typing import Literal

from mesoscale import naming, units
from mesoscale.graph.types import Edge, Graph, Node
from mesoscale.model.stage import MOST_ATTEMPTS, Stage
from mesoscale.plan.types import Topic

LARGEST_RECORD = 1 << 20  # bytes; the broker refuses larger ones in topics of records
LARGEST_DEAD_LETTER = 16 << 20  # bytes; a record refused for its size is still kept whole
LARGEST_STATE = 1 << 20  # bytes of a record of a state topic
DEAD_LETTER_RETENTION = "30d"
RETRY_RETENTION = "7d"  # the longest wait is a day; the rest is for a program that does not run


def plan(graph: Graph) -> tuple[Topic, ...]:
    """All topics of the pipeline."""
    name = graph.pipeline.name
    positions = _compacted(graph, naming.positions_topic(name), "positions")
    redriven = _compacted(graph, naming.redriven_topic(name), "redriven")
    edges = (topic for edge in graph.edges for topic in (_records(edge), _dead_letters(edge)))
    remembering = (node for node in graph.nodes if isinstance(node.section, Stage) and node.section.stateful)
    return (
        positions,
        redriven,
        *edges,
        *(_retry(graph, node) for node in graph.nodes if node.retries),
        *(topic for node in remembering for topic in _of_state(graph, node)),
    )


def _compacted(graph: Graph, name: str, role: Literal["positions", "redriven"]) -> Topic:
    return Topic(
        name=name,
        role=role,
        partitions=1,
        replicas=max(edge.settings.replicas for edge in graph.edges),
        config={"cleanup.policy": "compact", "segment.ms": str(_milliseconds("1h"))},
    )


def _records(edge: Edge) -> Topic:
    return Topic(
        name=edge.topic,
        role="records",
        partitions=edge.settings.partitions,
        replicas=edge.settings.replicas,
        config={
            "cleanup.policy": "delete",
            "retention.ms": str(_milliseconds(edge.settings.retention)),
            "max.message.bytes": str(LARGEST_RECORD + (1 << 16)),  # the batch header comes on top
        },
    )


def _retry(graph: Graph, node: Node) -> Topic:
    edge = graph.edge(str(node.input))
    return Topic(
        name=naming.retry_topic(graph.pipeline.name, node.name),
        role="retry",
        partitions=MOST_ATTEMPTS,
        replicas=edge.settings.replicas,
        config={
            "cleanup.policy": "delete",
            "retention.ms": str(_milliseconds(RETRY_RETENTION)),
            "max.message.bytes": str(LARGEST_RECORD + (1 << 16)),
        },
    )


def _dead_letters(edge: Edge) -> Topic:
    return Topic(
        name=edge.dead_letter_topic,
        role="dead-letter",
        partitions=1,
        replicas=edge.settings.replicas,
        config={
            "cleanup.policy": "delete",
            "retention.ms": str(_milliseconds(DEAD_LETTER_RETENTION)),
            "max.message.bytes": str(LARGEST_DEAD_LETTER + (1 << 16)),
        },
    )


def _of_state(graph: Graph, node: Node) -> Iterator[Topic]:
    """State is kept by the partition of what is read, and lives as long as the offsets that belong to it."""
    assert node.input is not None
    read, made = graph.edge(node.input).settings, graph.edge(node.name).settings
    yield Topic(
        name=naming.state_topic(graph.pipeline.name, node.name),
        role="state",
        partitions=read.partitions,
        replicas=made.replicas,
        config={
            "cleanup.policy": "compact",
            "max.message.bytes": str(LARGEST_STATE + (1 << 16)),
            # What is read again after a restart is what was not compacted yet: little, if it is done often.
            "min.cleanable.dirty.ratio": "0.3",
            "segment.ms": str(_milliseconds("10m")),
            "segment.bytes": str(64 << 20),
        },
    )
    yield Topic(
        name=naming.late_topic(graph.pipeline.name, node.name),
        role="late",
        partitions=1,
        replicas=made.replicas,
        config={
            "cleanup.policy": "delete",
            "retention.ms": str(_milliseconds(DEAD_LETTER_RETENTION)),
            "max.message.bytes": str(LARGEST_RECORD + (1 << 16)),
        },
    )


def _milliseconds(duration: str) -> int:
    return int(units.seconds(duration) * 1000)
