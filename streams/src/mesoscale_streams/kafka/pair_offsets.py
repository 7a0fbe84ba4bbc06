"""How far a stage of two topics has come: offsets by lane, and what belongs to both topics of a partition at once.

What belongs to a partition's state stands beside the offset of its first topic. So that it can, every lane has an
offset to commit from the start: where the group has none, that of the lane's first record.
"""

from collections.abc import Sequence

from confluent_kafka import Consumer, TopicPartition

from mesoscale_streams.kafka import lanes, offsets
from mesoscale_streams.kafka.group_offsets import Beside, GroupOffsets
from mesoscale_streams.work import Work

PATIENCE = 30  # seconds for one answer


class PairOffsets(GroupOffsets):
    """Offsets and counts by lane; `restore` is asked by partition, and tells of both lanes."""

    def __init__(self, topic: str, beside: str) -> None:
        super().__init__(topic)
        self._topics = (topic, beside)

    def restore(self, consumer: Consumer, partitions: Sequence[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for side, topic in enumerate(self._topics):
            for entry in offsets.committed(consumer, topic, partitions):
                lane = lanes.lane(entry.partition, bool(side))
                self._counts[lane] = offsets.decode(entry.metadata)
                self.beside[lane] = offsets.beside(entry.metadata)
                found[lane] = entry.offset if entry.offset >= 0 else self._first(consumer, lane)
        self._offsets |= found
        return found

    def after(self, work: Work, beside: Beside | None = None) -> list[TopicPartition]:
        return [
            TopicPartition(*_place(self._topics, one.partition), one.offset, metadata=one.metadata)
            for one in super().after(work, beside)
        ]

    def _first(self, consumer: Consumer, lane: int) -> int:
        """Raises:
        KafkaException: the broker does not tell.
        """
        low, _ = consumer.get_watermark_offsets(lanes.at(self._topics, lane), timeout=PATIENCE)
        return int(low)


def _place(topics: Sequence[str], lane: int) -> tuple[str, int]:
    place = lanes.at(topics, lane)
    return place.topic, place.partition
