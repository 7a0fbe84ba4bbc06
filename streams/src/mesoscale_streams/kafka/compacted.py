"""A compacted topic of one partition as a mapping: the last value of each key, as it is committed now."""

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka import clients


class CompactedReader:
    """Follows the topic; `read` is cheap when nothing has changed."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._topic = topic
        self._latest: dict[str, bytes] = {}
        self._reached = 0  # offset up to which the topic has been read, transaction markers included
        self._consumer = Consumer({**clients.onlooker(kafka, f"{topic}.reader"), "fetch.wait.max.ms": 10})
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])

    def read(self) -> dict[str, bytes]:
        """Key → its value, of all that is committed now; a key whose value was taken back is not there.

        Raises:
            KafkaException: the topic cannot be read to its end within 30 seconds.
        """
        _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=30)
        while self._reached < end:
            message = self._consumer.poll(30)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{self._topic} cannot be read to its end"))
            self._take(message)
        return self._latest

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Message) -> None:
        error, offset = message.error(), message.offset()
        if error is None and offset is not None:
            self._note((message.key() or b"").decode(), message.value())
            self._reached = offset + 1
        elif error is not None and error.code() == KafkaError._PARTITION_EOF and offset is not None:
            self._reached = offset
        elif error is not None and error.fatal():
            raise KafkaException(error)

    def _note(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._latest.pop(key, None)
        else:
            self._latest[key] = value
