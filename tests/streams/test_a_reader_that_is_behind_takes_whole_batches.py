"""Settings of reading that must not slip: what waits is taken in whole batches, and large records in bounded ones.

How fast that is, `make bench` measures; here only counts are looked at, which do not depend on the machine.
"""

from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from fix_pipeline import until

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka.reader import MOST_BYTES, MOST_RECORDS, GroupReader, TopicBatch

PARTITIONS = 6


@pytest.fixture
def topic(kafka: Kafka) -> str:
    name = f"behind-{uuid4().hex[:8]}"
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    client.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)
    return name


def fill(kafka: Kafka, topic: str, number: int, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "queue.buffering.max.messages": 1_000_000})
    for index in range(number):
        producer.produce(topic, value, partition=index % PARTITIONS)
    assert producer.flush(60) == 0


def read_all(kafka: Kafka, topic: str, number: int) -> list[TopicBatch]:
    reader = GroupReader(
        kafka,
        group=topic,
        instance=0,
        topic=topic,
        restore=lambda consumer, partitions: {},
        settle=lambda: None,
        on_rebalance=lambda: None,
    )
    batches: list[TopicBatch] = []

    def all_read() -> bool:
        batch = reader.read()
        if batch is not None:
            batches.append(batch)
        return sum(len(one.messages) for one in batches) == number

    until(all_read, "all is read")
    reader.close()
    return batches


def test_small_records_come_in_whole_batches(kafka: Kafka, topic: str) -> None:
    number = 8 * MOST_RECORDS
    fill(kafka, topic, number, b"x" * 300)
    sizes = [len(batch.messages) for batch in read_all(kafka, topic, number)]
    assert max(sizes) == MOST_RECORDS
    assert sum(size == MOST_RECORDS for size in sizes) >= 4, sizes


def test_large_records_come_in_bounded_batches(kafka: Kafka, topic: str) -> None:
    large = b"x" * 500_000
    number = 4 * MOST_BYTES // len(large)
    fill(kafka, topic, number, large)
    sizes = [sum(map(len, batch.messages)) for batch in read_all(kafka, topic, number)]
    assert len(sizes) >= 3
    assert max(sizes) <= 2.5 * MOST_BYTES, sizes
