"""Committed offsets as they stand in Kafka: each with the ledger's counts up to it, and whatever else belongs to it.

Kafka keeps a free text beside every committed offset. The counts go there, so a stage's ledger is exactly as old as its
offsets: one transaction moves both. A stage that remembers keeps its watermark and the number of its last change of
state there, too. Who only looks at the ledger needs this and no frames.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields

from confluent_kafka import Consumer, KafkaException, TopicPartition

from mesoscale.ledger import Counts

_COUNTS = frozenset(field.name for field in fields(Counts))


def encode(counts: Counts, beside: Mapping[str, int] | None = None) -> str:
    """Counts, and numbers by other names."""
    return json.dumps(counts.as_dict() | dict(beside or {}), separators=(",", ":"))


def decode(metadata: str | None) -> Counts:
    """The counts beside an offset; an offset that somebody else committed has none."""
    return Counts(**{name: number for name, number in _numbers(metadata).items() if name in _COUNTS})


def beside(metadata: str | None) -> dict[str, int]:
    """What stands beside an offset and is no count."""
    return {name: number for name, number in _numbers(metadata).items() if name not in _COUNTS}


def _numbers(metadata: str | None) -> dict[str, int]:
    return json.loads(metadata) if metadata else {}


def committed(consumer: Consumer, topic: str, partitions: Sequence[int], timeout: float = 30) -> list[TopicPartition]:
    """What the consumer's group has committed, with its metadata; a negative offset where it never has.

    Raises:
        KafkaException: the broker does not tell, if only of one partition. An offset that is not known must not pass
            for one that was never committed, or the group would read the partition from its beginning again.
    """
    entries = consumer.committed([TopicPartition(topic, partition) for partition in partitions], timeout=timeout)
    for entry in entries:
        if entry.error is not None:
            raise KafkaException(entry.error)
    return entries
