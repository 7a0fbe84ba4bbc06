"""How far a stage has come: the offsets and counts of the partitions it has, and those to commit with its work."""

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, TopicPartition

from mesoscale.ledger import Counts
from mesoscale_streams.kafka import offsets
from mesoscale_streams.work import Work

NOTHING = Counts()
Beside = Mapping[int, Mapping[str, int]]  # partition → numbers that belong to its offset, by name


class GroupOffsets:
    """Offsets and counts of the partitions that this member has."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._counts: dict[int, Counts] = {}
        self._offsets: dict[int, int] = {}
        self.beside: dict[int, dict[str, int]] = {}  # as it is committed

    def restore(self, consumer: Consumer, partitions: Sequence[int]) -> dict[int, int]:
        """What the group has committed."""
        entries = offsets.committed(consumer, self._topic, partitions)
        self._counts |= {entry.partition: offsets.decode(entry.metadata) for entry in entries}
        self.beside |= {entry.partition: offsets.beside(entry.metadata) for entry in entries}
        found = {entry.partition: entry.offset for entry in entries if entry.offset >= 0}
        self._offsets = {p: offset for p, offset in self._offsets.items() if p not in partitions} | found
        return found

    def after(self, work: Work, beside: Beside | None = None) -> list[TopicPartition]:
        """The offsets to commit with `work`.

        Args:
            work: what was done.
            beside: what else is to stand beside offsets. A partition that is in it and not in `work` keeps its offset,
                if it has one.
        """
        beside = beside or {}
        ends = {p: self._offsets[p] for p in beside if p in self._offsets} | work.batch.ends
        return [
            TopicPartition(
                self._topic,
                partition,
                end,
                metadata=offsets.encode(
                    self._counts[partition] + work.counts.get(partition, NOTHING), beside.get(partition)
                ),
            )
            for partition, end in ends.items()
        ]

    def advance(self, work: Work, beside: Beside | None = None) -> None:
        """`work` is safe."""
        for partition, counts in work.counts.items():
            self._counts[partition] += counts
        self._offsets |= work.batch.ends
        for partition, numbers in (beside or {}).items():
            self.beside[partition] = dict(numbers)
