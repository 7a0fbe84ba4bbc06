"""Dead letters of a sink whose rows go to another store: told once, though no transaction spans the two.

1. The letters and the group's offset behind them are committed in one Kafka transaction; 2. the store commits rows and
its own position. After a crash between the two, the store's position is behind the group's offset, the records in
between are read again, and letters for offsets below the group's are known to be told already.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams.deadletter import DeadLetter, topic_offset
from mesoscale_streams.kafka import offsets
from mesoscale_streams.kafka.writer import TransactionalWriter

log = logging.getLogger(__name__)


class LetterBox:
    """The dead letters of one member of a sink's group."""

    def __init__(self, kafka: Kafka, transactional_id: str, topic: str, dead_letter_topic: str) -> None:
        self._make_writer: Callable[[], TransactionalWriter] = lambda: TransactionalWriter(kafka, transactional_id)
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._writer: TransactionalWriter | None = None  # most sinks never refuse anything
        self._told: dict[int, int] = {}

    def restore(self, consumer: Consumer, partitions: Sequence[int]) -> None:
        """Learn how far letters have been told."""
        entries = offsets.committed(consumer, self._topic, partitions)
        self._told |= {entry.partition: max(entry.offset, 0) for entry in entries}

    def tell(self, letters: Sequence[DeadLetter], ends: dict[int, int], group_metadata: Any) -> None:
        """Commit what is new among `letters`, and that everything before `ends` is told.

        Raises:
            BeginAgain: nothing was told.
        """
        new = [letter for letter in letters if self._is_new(letter)]
        if not new:
            return
        if self._writer is None:
            self._writer = self._make_writer()
        told = [TopicPartition(self._topic, partition, end) for partition, end in self.at_least_told(ends).items()]
        with self._writer.transaction():
            self._writer.write_letters(self._dead_letter_topic, new)
            self._writer.write_offsets(told, group_metadata)
        self._told |= {entry.partition: entry.offset for entry in told}

    def at_least_told(self, ends: dict[int, int]) -> dict[int, int]:
        """`ends`, but none before what is told: the group's offsets are what the next member knows of letters."""
        return {partition: max(end, self._told.get(partition, 0)) for partition, end in ends.items()}

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _is_new(self, letter: DeadLetter) -> bool:
        partition, offset = topic_offset(letter.position)
        return offset >= self._told.get(partition, 0)
