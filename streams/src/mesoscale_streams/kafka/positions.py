"""How far sources have read: the last record of each source's name in a compacted topic."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale.ledger import Counts
from mesoscale_streams.kafka import clients

NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """`position` is the source's own; `ended` says that nothing will follow."""

    position: Mapping[str, Any] | None = None
    counts: Counts = NOTHING
    ended: bool = False

    def encode(self) -> bytes:
        return json.dumps({"position": self.position, "counts": self.counts.as_dict(), "ended": self.ended}).encode()

    @classmethod
    def decode(cls, value: bytes) -> "SourcePosition":
        fields = json.loads(value)
        return cls(fields["position"], Counts(**fields["counts"]), fields["ended"])


class PositionsReader:
    """Follows the positions topic; `read` is cheap when nothing has changed."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._topic = topic
        self._latest: dict[str, SourcePosition] = {}
        self._reached = 0  # offset up to which the topic has been read, transaction markers included
        self._consumer = Consumer(
            {
                **clients.settings(kafka, f"{topic}.reader"),
                "group.id": f"{topic}.reader",  # librdkafka wants one; nothing is ever committed under it
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 10,
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])

    def read(self) -> dict[str, SourcePosition]:
        """Source → its position, of all that is committed now.

        Raises:
            KafkaException: the topic cannot be read to its end within 30 seconds.
        """
        _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=30)
        while self._reached < end:
            message = self._consumer.poll(30)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{self._topic} cannot be read to its end"))
            self._take(message)
        return dict(self._latest)

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        key, value, offset = message.key(), message.value(), message.offset()
        if error is None and key is not None and value is not None and offset is not None:
            self._latest[key.decode()] = SourcePosition.decode(value)
            self._reached = offset + 1
        elif error is not None and error.code() == KafkaError._PARTITION_EOF and offset is not None:
            self._reached = offset
        elif error is not None and error.fatal():
            raise KafkaException(error)
