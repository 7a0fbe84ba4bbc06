"""Dead letters as they lie in their topic, oldest first."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams import history
from mesoscale_streams.history import History
from mesoscale_streams.kafka import clients

PATIENCE = 30.0  # seconds without a letter or the end, after which the brokers count as away
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter: `edge` and `offset` name it, `at` is when it was told, `position` where the record stood."""

    edge: str
    offset: int
    at: datetime
    key: bytes | None
    value: bytes | None
    node: str
    reason: str
    detail: str
    contract: str
    position: str
    cut_from: int | None
    history: History

    @property
    def name(self) -> str:
        """`weather/17`, as a person names it."""
        return f"{self.edge}/{self.offset}"

    @property
    def mark(self) -> str:
        """The same with its time: offsets begin anew when a topic is deleted and made again, times do not."""
        return f"{self.edge}/{self.offset}/{int(self.at.timestamp() * 1000)}"


class LettersReader:
    """Reads dead letter topics; holds one connection."""

    def __init__(self, kafka: Kafka, pipeline: str) -> None:
        self._consumer = Consumer(
            {
                **clients.onlooker(kafka, f"{pipeline}.letters"),
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )

    def first(self, topic: str) -> int:
        """The offset of the oldest letter that is still kept.

        Raises:
            KafkaException: the brokers do not answer.
        """
        return int(self._consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE)[0])

    def read(self, edge: str, topic: str, since: datetime | None = None) -> Iterator[Letter]:
        """The letters of one edge up to those that are there now, from `since` on.

        Raises:
            KafkaException: the brokers do not answer, or the topic is not there.
        """
        # Whoever sends letters back makes new ones, if they are refused again: those are not for this reading.
        _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE)
        self._consumer.assign([TopicPartition(topic, 0, self._start(topic, since))])
        heard = time.monotonic()
        while True:
            messages = self._consumer.consume(AT_ONCE, 0.5)
            for message in messages:
                error = message.error()
                at_end = error is not None and error.code() == KafkaError._PARTITION_EOF
                if at_end or (message.offset() or 0) >= end:
                    return
                if error is None:
                    yield _letter(edge, message)
                elif error.fatal() or error.code() != KafkaError._TRANSPORT:
                    raise KafkaException(error)
            heard = time.monotonic() if messages else heard
            if time.monotonic() - heard > PATIENCE:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic} cannot be read to its end"))

    def close(self) -> None:
        self._consumer.close()

    def _start(self, topic: str, since: datetime | None) -> int:
        if since is None:
            return self.first(topic)
        asked = TopicPartition(topic, 0, max(0, int(since.timestamp() * 1000)))
        [answer] = self._consumer.offsets_for_times([asked], timeout=PATIENCE)
        if answer.error is not None:
            raise KafkaException(answer.error)
        return int(answer.offset)


def _letter(edge: str, message: Message) -> Letter:
    told = history.texts(message.headers())
    cut = told.get("meso-cut-from-bytes", "")
    return Letter(
        edge=edge,
        offset=message.offset() or 0,
        at=datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        key=message.key(),
        value=message.value(),
        node=told.get("meso-node", ""),
        reason=told.get("meso-reason", ""),
        detail=told.get("meso-detail", ""),
        contract=told.get("meso-contract", ""),
        position=told.get("meso-position", ""),
        cut_from=int(cut) if cut else None,
        history=history.of(message.headers()),
    )
