"""What Kafka knows of groups and topics without being a member: committed offsets with their counts, and ends."""

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from mesoscale.bindings import Kafka
from mesoscale.ledger import Counts
from mesoscale_streams.kafka import offsets

TIMEOUT = 10.0  # seconds for one answer


class Groups:
    """Asks the brokers; holds one connection."""

    def __init__(self, kafka: Kafka) -> None:
        self._admin = AdminClient(
            {
                "bootstrap.servers": kafka.bootstrap_servers,
                "reconnect.backoff.max.ms": 1000,
                # A broker that was away has new leader epochs; this client asks for them only when its own grow old.
                "metadata.max.age.ms": 5000,
                "topic.metadata.refresh.interval.ms": 5000,
            }
        )

    def reach(self, topic: str) -> None:
        """Make sure that the brokers answer, before anything else is asked.

        A request to a group's coordinator that is made while the brokers are away, and times out, ends the whole
        process when they come back (librdkafka 2.16: assertion `eonce->refcnt > 0`). One for metadata does not.

        Raises:
            KafkaException: the brokers do not answer.
        """
        self._admin.list_topics(topic, timeout=TIMEOUT)

    def read(self, group: str) -> dict[int, tuple[int, Counts]]:
        """Partition → (the offset the group goes on from, its counts up to there).

        Raises:
            KafkaException: the brokers do not answer.
        """
        request = ConsumerGroupTopicPartitions(group)
        [answer] = self._admin.list_consumer_group_offsets([request], request_timeout=TIMEOUT).values()
        return {
            entry.partition: (entry.offset, offsets.decode(entry.metadata))
            for entry in answer.result().topic_partitions
        }

    def ends(self, topics: dict[str, int]) -> dict[str, dict[int, int]]:
        """Topic → partition → the offset after its last committed record; `topics` gives their partitions.

        Raises:
            KafkaException: the brokers do not answer, or a topic is not there.
        """
        wanted = {
            TopicPartition(topic, partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for topic, partitions in topics.items()
            for partition in range(partitions)
        }
        answers = self._admin.list_offsets(
            wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT
        )
        ends: dict[str, dict[int, int]] = {topic: {} for topic in topics}
        for entry, answer in answers.items():
            ends[entry.topic][entry.partition] = answer.result().offset
        return ends
