"""The offsets of a stage, each with the ledger's counts up to it.

Kafka keeps a free text beside every committed offset. The counts go there, so a stage's ledger is exactly as old as its
offsets: one transaction moves both.
"""

import json
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from mesoscale.ledger import Counts
from mesoscale_streams.work import Work


def encode(counts: Counts) -> str:
    return json.dumps(counts.as_dict(), separators=(",", ":"))


def decode(metadata: str | None) -> Counts:
    """The counts beside an offset; an offset that somebody else committed has none."""
    return Counts(**json.loads(metadata)) if metadata else Counts()


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


class GroupOffsets:
    """Offsets and counts of the partitions that this member has."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._counts: dict[int, Counts] = {}

    def restore(self, consumer: Consumer, partitions: Sequence[int]) -> dict[int, int]:
        """What the group has committed."""
        entries = committed(consumer, self._topic, partitions)
        self._counts |= {entry.partition: decode(entry.metadata) for entry in entries}
        return {entry.partition: entry.offset for entry in entries if entry.offset >= 0}

    def after(self, work: Work) -> list[TopicPartition]:
        """The offsets to commit with `work`."""
        return [
            TopicPartition(
                self._topic, partition, end, metadata=encode(self._counts[partition] + work.counts[partition])
            )
            for partition, end in work.batch.ends.items()
        ]

    def advance(self, work: Work) -> None:
        """`work` is safe."""
        for partition, counts in work.counts.items():
            self._counts[partition] += counts
