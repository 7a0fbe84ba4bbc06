"""How far a stage has come: the offsets and counts of the partitions it has, and those to commit with its work."""

from collections.abc import Sequence

from confluent_kafka import Consumer, TopicPartition

from mesoscale.ledger import Counts
from mesoscale_streams.kafka import offsets
from mesoscale_streams.work import Work


class GroupOffsets:
    """Offsets and counts of the partitions that this member has."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._counts: dict[int, Counts] = {}

    def restore(self, consumer: Consumer, partitions: Sequence[int]) -> dict[int, int]:
        """What the group has committed."""
        entries = offsets.committed(consumer, self._topic, partitions)
        self._counts |= {entry.partition: offsets.decode(entry.metadata) for entry in entries}
        return {entry.partition: entry.offset for entry in entries if entry.offset >= 0}

    def after(self, work: Work) -> list[TopicPartition]:
        """The offsets to commit with `work`."""
        return [
            TopicPartition(
                self._topic, partition, end, metadata=offsets.encode(self._counts[partition] + work.counts[partition])
            )
            for partition, end in work.batch.ends.items()
        ]

    def advance(self, work: Work) -> None:
        """`work` is safe."""
        for partition, counts in work.counts.items():
            self._counts[partition] += counts
