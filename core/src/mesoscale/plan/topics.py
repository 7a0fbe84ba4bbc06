"""Kafka topics: one for each edge, one for its dead letters, one for the positions of the sources."""

from mesoscale import naming, units
from mesoscale.graph.types import Edge, Graph
from mesoscale.plan.types import Topic

LARGEST_RECORD = 1 << 20  # bytes; the broker refuses larger ones in topics of records
LARGEST_DEAD_LETTER = 16 << 20  # bytes; a record refused for its size is still kept whole
DEAD_LETTER_RETENTION = "30d"


def plan(graph: Graph) -> tuple[Topic, ...]:
    """All topics of the pipeline."""
    positions = Topic(
        name=naming.positions_topic(graph.pipeline.name),
        role="positions",
        partitions=1,
        replicas=max(edge.settings.replicas for edge in graph.edges),
        config={"cleanup.policy": "compact", "segment.ms": str(_milliseconds("1h"))},
    )
    return (positions, *(topic for edge in graph.edges for topic in (_records(edge), _dead_letters(edge))))


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


def _milliseconds(duration: str) -> int:
    return int(units.seconds(duration) * 1000)
