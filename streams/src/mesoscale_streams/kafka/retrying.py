"""Sends records back to their stage when they have waited long enough; and a stage's inlet that sees to it.

Each attempt has a partition of the retry topic, so no record waits behind one that waits longer (unless a step asked
for a delay of its own). A record goes back into the topic that it came from, for the stage alone, in the transaction
that moves the offsets of the retry topic: a kill leaves it in one of the two.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams import history
from mesoscale_streams.kafka import clients, offsets
from mesoscale_streams.kafka.reader import GroupReader, TopicBatch
from mesoscale_streams.kafka.writer import TransactionalWriter

HELD = 1_000  # records of a partition that are fetched before they are due
AT_ONCE = 1_000  # records sent back in one transaction


class Retrier:
    """One member of the group that sends records back, which shares the stage's writer and its thread."""

    def __init__(
        self,
        kafka: Kafka,
        writer: TransactionalWriter,
        *,
        topic: str,
        back_to: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Args:
        kafka: the brokers.
        writer: the stage's own.
        topic: in which records wait; the group bears its name.
        back_to: the topic that they came from.
        clock: seconds since 1970, as the brokers have it.
        """
        self._writer = writer
        self._topic = topic
        self._back_to = back_to
        self._clock = clock
        self._held: dict[int, deque[Message]] = {}
        self._consumer = Consumer(
            {
                **clients.settings(kafka, f"{topic}.sender"),
                "group.id": topic,
                "session.timeout.ms": 6_000,
                "heartbeat.interval.ms": 1_500,
                "partition.assignment.strategy": "cooperative-sticky",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",  # what retention has taken cannot be tried again
            }
        )
        self._ends = False
        self._consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def turn(self) -> None:
        """Send back what is due by now.

        Raises:
            BeginAgain: the transaction was aborted; nothing was sent back.
        """
        for message in self._consumer.consume(HELD, 0):
            self._hold(message)
        due = list(self._due())
        if not due:
            return
        ends = {message.partition() or 0: (message.offset() or 0) + 1 for message in due}
        moved = [TopicPartition(self._topic, partition, end) for partition, end in ends.items()]
        with self._writer.transaction():
            self._writer.write_again(
                self._back_to, [(one.value(), one.key(), history.of(one.headers())) for one in due]
            )
            self._writer.write_offsets(moved, self._consumer.consumer_group_metadata())

    def rewind(self) -> None:
        """Go back to what is committed."""
        for entry in self._committed(sorted(self._held)):
            self._held[entry.partition].clear()
            self._consumer.seek(entry)
            self._consumer.resume([TopicPartition(self._topic, entry.partition)])

    def close(self) -> None:
        self._ends = True
        self._consumer.close()

    def _hold(self, message: Message) -> None:
        error, partition = message.error(), message.partition()
        if error is not None:
            if error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise KafkaException(error)
            return
        held = self._held.get(partition or 0)
        if held is not None:  # else it was taken away in this very call
            held.append(message)
            if len(held) == HELD:
                self._consumer.pause([TopicPartition(self._topic, partition or 0)])

    def _due(self) -> Iterator[Message]:
        now, left = self._clock() * 1000, AT_ONCE
        for partition, held in self._held.items():
            full = len(held) >= HELD
            while left and held and held[0].timestamp()[1] + history.delay(held[0].headers()) <= now:
                yield held.popleft()
                left -= 1
            if full and len(held) < HELD:
                self._consumer.resume([TopicPartition(self._topic, partition)])

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._ends:  # no committed offsets are told to one that closes, who would wait for them until it is killed
            return
        numbers = [partition.partition for partition in partitions]
        self._held |= {number: deque() for number in numbers}
        consumer.incremental_assign(self._committed(numbers))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self._held.pop(partition.partition, None)
        consumer.incremental_unassign(partitions)

    def _committed(self, partitions: list[int]) -> list[TopicPartition]:
        entries = offsets.committed(self._consumer, self._topic, partitions) if partitions else []
        return [
            TopicPartition(self._topic, entry.partition, entry.offset if entry.offset >= 0 else OFFSET_BEGINNING)
            for entry in entries
        ]


class RetryingReader:
    """A stage's reader that sends back what is due before it reads."""

    def __init__(self, reader: GroupReader, retrier: Retrier) -> None:
        self._reader = reader
        self._retrier = retrier
        self.ended = False

    @property
    def ready(self) -> bool:
        return self._reader.ready

    def read(self) -> TopicBatch | None:
        self._retrier.turn()
        return self._reader.read()

    def rewind(self) -> None:
        self._retrier.rewind()
        self._reader.rewind()

    def close(self) -> None:
        self._reader.close()
        self._retrier.close()
