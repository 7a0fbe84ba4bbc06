"""Which topics are there. A consumer asks, since it makes none by asking, and bears a broker that is away."""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka import clients

TIMEOUT = 5.0  # seconds for one answer


class Presence:
    """Holds one connection, which looks again and again."""

    def __init__(self, kafka: Kafka, client_id: str) -> None:
        self._why = ""
        settings = clients.settings(kafka, client_id)
        told = {
            "group.id": client_id,
            "log_level": 0,
            "error_cb": self._note,
        }  # librdkafka wants a group; none is joined
        self._consumer = Consumer({**settings, **told})

    def lacking(self, topics: Sequence[str]) -> list[str]:
        """A sentence for each topic that is not there, or the one that says why nobody knows."""
        try:
            return [f"topic {topic} does not exist" for topic in topics if self._is_missing(topic)]
        except KafkaException as error:
            return [f"Kafka: {self._why or error.args[0].str()}"]

    def gone(self, topics: Sequence[str]) -> list[str]:
        """The topics of which the brokers say that they are not there; brokers that do not answer say nothing."""
        try:
            return [topic for topic in topics if self._is_missing(topic)]
        except KafkaException:
            return []

    def _is_missing(self, topic: str) -> bool:
        error = self._consumer.list_topics(topic, timeout=TIMEOUT).topics[topic].error
        self._why = ""
        if error is None or error.code() == KafkaError.LEADER_NOT_AVAILABLE:  # it was made this moment
            return False
        if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
            return True
        raise KafkaException(KafkaError(error.code(), f"{topic}: {error.str()}"))

    def _note(self, error: KafkaError) -> None:
        """Why there is no answer, a password that is wrong say, is told here and not by the call that waits for it."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._why = error.str()
