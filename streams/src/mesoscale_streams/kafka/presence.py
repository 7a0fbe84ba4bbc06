"""Which topics are there. A consumer asks, since it makes none by asking, and bears a broker that is away."""

from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka import clients

TIMEOUT = 5.0  # seconds for one answer


class Presence:
    """Holds one connection, which looks again and again."""

    def __init__(self, kafka: Kafka, client_id: str) -> None:
        self._complaints = clients.Complaints()
        settings: dict[str, Any] = {
            **clients.settings(kafka, client_id),
            "group.id": client_id,  # librdkafka wants one; it is never joined
            "log_level": 0,
            "error_cb": self._complaints,
        }
        self._consumer = Consumer(settings)

    def lacking(self, topics: Sequence[str]) -> list[str]:
        """A sentence for each topic that is not there, or the one that says why nobody knows."""
        try:
            return [f"topic {topic} does not exist" for topic in topics if self._is_missing(topic)]
        except KafkaException as error:
            self._consumer.poll(0)
            return [f"Kafka: {self._complaints.explain(error)}"]

    def gone(self, topics: Sequence[str]) -> list[str]:
        """The topics of which the brokers say that they are not there; brokers that do not answer say nothing."""
        try:
            return [topic for topic in topics if self._is_missing(topic)]
        except KafkaException:
            return []

    def _is_missing(self, topic: str) -> bool:
        error = self._consumer.list_topics(topic, timeout=TIMEOUT).topics[topic].error
        self._complaints.forget()
        if error is None or error.code() == KafkaError.LEADER_NOT_AVAILABLE:  # it was made this moment
            return False
        if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
            return True
        raise KafkaException(KafkaError(error.code(), f"{topic}: {error.str()}"))
