"""What Kafka knows of groups and topics without being a member: committed offsets with their counts, and ends.

Consumers ask here, not the admin client, whose requests to a coordinator or leader end the whole process when they time
out and the brokers come back later (librdkafka 2.16: assertion `eonce->refcnt > 0`).
"""

from collections.abc import Mapping

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale.ledger import Counts
from mesoscale_streams.kafka import clients, offsets

TIMEOUT = 10.0  # seconds for one answer


class Groups:
    """Asks the brokers; holds one connection for each group, and one for the ends of topics."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._of_group: dict[str, Consumer] = {}
        self._ends = self._client("mesoscale.ledger", "read_committed")

    def read(self, group: str, topic: str, partitions: int) -> dict[int, tuple[int, Counts]]:
        """Partition → (the offset the group goes on from, its counts up to there).

        Raises:
            KafkaException: the brokers do not answer.
        """
        if group not in self._of_group:
            # What a transaction is about to commit is not waited for: the ledger shows what is committed now.
            self._of_group[group] = self._client(group, "read_uncommitted")
        entries = offsets.committed(self._of_group[group], topic, range(partitions), TIMEOUT)
        return {
            entry.partition: (entry.offset, offsets.decode(entry.metadata)) for entry in entries if entry.offset >= 0
        }

    def ends(self, topics: Mapping[str, int]) -> dict[str, dict[int, int]]:
        """Topic → partition → the offset after its last committed record; `topics` gives their partitions.

        Raises:
            KafkaException: the brokers do not answer, or a topic is not there.
        """
        wanted = [TopicPartition(topic, p, OFFSET_END) for topic, count in topics.items() for p in range(count)]
        ends: dict[str, dict[int, int]] = {topic: {} for topic in topics}
        for entry in self._ends.offsets_for_times(wanted, timeout=TIMEOUT):
            if entry.error is not None:
                raise KafkaException(entry.error)
            ends[entry.topic][entry.partition] = entry.offset
        return ends

    def close(self) -> None:
        for client in (*self._of_group.values(), self._ends):
            client.close()

    def _client(self, group: str, isolation: str) -> Consumer:
        return Consumer(
            {
                **clients.settings(self._kafka, f"{group}.looker-on"),
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": isolation,
            }
        )
