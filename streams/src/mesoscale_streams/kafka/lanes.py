"""Lanes: the partitions of two topics that are read together, as one row of numbers.

Partition p of the first topic is lane p, and that of the topic beside it lane p + BESIDE. So whoever counts, keeps
offsets or watches event time by partition does so for two topics as for one.
"""

from collections.abc import Iterable, Sequence

from confluent_kafka import OFFSET_INVALID, TopicPartition

BESIDE = 1 << 12  # more than a topic may have partitions


def lane(partition: int, beside: bool) -> int:
    return partition + BESIDE if beside else partition


def partition(lane: int) -> int:
    """The number that both topics know."""
    return lane % BESIDE


def partitions(lanes: Iterable[int]) -> list[int]:
    """The partitions of lanes, each once, ascending."""
    return sorted({partition(lane) for lane in lanes})


def both(partition: int) -> tuple[int, int]:
    """The lanes of a partition."""
    return partition, partition + BESIDE


def at(topics: Sequence[str], lane: int, offset: int = OFFSET_INVALID) -> TopicPartition:
    """A lane as Kafka knows it; `topics` are the first one and the one beside it."""
    return TopicPartition(topics[lane >= BESIDE], partition(lane), offset)
