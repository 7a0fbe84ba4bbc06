"""Reads a range of a topic without being a member of a group: no offset of anybody moves."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams import history
from mesoscale_streams.kafka import clients
from mesoscale_streams.kafka.reader import CHUNK, TopicBatch

PATIENCE = 30.0  # seconds without a record, after which the brokers count as away


class RangeReader:
    """Reads for one node, and leaves out what is for another."""

    def __init__(self, kafka: Kafka, topic: str, partitions: int, node: str) -> None:
        self._topic = topic
        self._partitions = range(partitions)
        self._node = node
        self._consumer = Consumer(
            {
                **clients.onlooker(kafka, f"{topic}.replay"),
                "auto.offset.reset": "error",
                "fetch.queue.backoff.ms": 5,
            }
        )

    def kept(self) -> dict[int, tuple[int, int]]:
        """Partition → the oldest offset and the end.

        Raises:
            KafkaException: the brokers do not answer.
        """
        return {
            partition: self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=PATIENCE)
            for partition in self._partitions
        }

    def at(self, moment: datetime) -> dict[int, int]:
        """Partition → its first offset that was written at `moment` or later; none where nothing was.

        Raises:
            KafkaException: the brokers do not answer.
        """
        stamp = max(0, int(moment.timestamp() * 1000))
        asked = [TopicPartition(self._topic, partition, stamp) for partition in self._partitions]
        answers = self._consumer.offsets_for_times(asked, timeout=PATIENCE)
        for answer in answers:
            if answer.error is not None:
                raise KafkaException(answer.error)
        return {answer.partition: answer.offset for answer in answers if answer.offset >= 0}

    def read(self, spans: Mapping[int, tuple[int, int]]) -> Iterator[TopicBatch]:
        """The records of these partitions from and to these offsets.

        Raises:
            KafkaException: the brokers do not answer, or retention has overtaken the reading.
        """
        self._consumer.assign([TopicPartition(self._topic, p, start) for p, (start, _) in spans.items()])
        left, heard = set(spans), time.monotonic()
        while left:
            messages = self._consumer.consume(CHUNK, 0.5)
            heard = time.monotonic() if messages else heard
            if time.monotonic() - heard > PATIENCE:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{self._topic} cannot be read on"))
            wanted = [message for message in messages if self._wanted(message, spans, left)]
            if wanted:
                yield self._batch(wanted)

    def close(self) -> None:
        self._consumer.close()

    def _wanted(self, message: Message, spans: Mapping[int, tuple[int, int]], left: set[int]) -> bool:
        error, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
        if error is not None and error.code() not in (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT):
            raise KafkaException(error)
        end = spans[partition][1] if partition in spans else 0
        if (error is None and offset >= end - 1) or (error is not None and error.code() == KafkaError._PARTITION_EOF):
            left.discard(partition)
        return error is None and offset < end and history.of(message.headers()).reader in ("", self._node)

    def _batch(self, messages: list[Message]) -> TopicBatch:
        partitions = np.array([message.partition() or 0 for message in messages], np.int32)
        ends = {message.partition() or 0: (message.offset() or 0) + 1 for message in messages}
        return TopicBatch(self._topic, messages, partitions, {}, ends)
