"""A partition taken away and given back while one batch is collected: each record is read once, and none is left out.

Consumers answer rebalances in the midst of collecting. What was collected of the partition before belongs to nobody any
more: it comes again from the position that is safe. The time for collecting is made long here, so that all of it
happens within one batch.
"""

import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from fix_pipeline import until

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka import reader as module
from mesoscale_streams.kafka.reader import GroupReader, TopicBatch

PARTITIONS = 4
EACH = 50  # records of each partition
COLLECTING = 20.0  # seconds for one batch; a visitor comes and goes in a third of it


@pytest.fixture
def topic(kafka: Kafka) -> str:
    name = f"returned-{uuid4().hex[:8]}"
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    client.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)
    return name


def produce(kafka: Kafka, topic: str) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(EACH):
        for partition in range(PARTITIONS):
            producer.produce(topic, b"%d" % number, partition=partition)
    assert producer.flush(30) == 0


def visit(kafka: Kafka, topic: str) -> None:
    """A member that gets its share of the partitions, reads nothing and goes."""
    visitor = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": topic,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
        }
    )
    visitor.subscribe([topic])

    def has_some() -> bool:
        visitor.poll(0.1)
        return bool(visitor.assignment())

    until(has_some, "the visitor has partitions")
    visitor.close()


class Member:
    """One member of the group and what it was given, in batches; safe is what it has returned."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self.safe: dict[int, int] = {}
        self.batches: list[TopicBatch] = []
        self.rebalanced = 0
        self.reader = GroupReader(
            kafka,
            group=topic,
            instance=0,
            topic=topic,
            restore=lambda consumer, partitions: {p: self.safe[p] for p in partitions if p in self.safe},
            settle=lambda: None,
            on_rebalance=self._count,
        )

    def _count(self) -> None:
        self.rebalanced += 1

    def read(self) -> None:
        batch = self.reader.read()
        if batch is not None:
            self.batches.append(batch)
            self.safe |= batch.ends


@pytest.fixture
def member(kafka: Kafka, topic: str) -> Iterator[Member]:
    one = Member(kafka, topic)
    yield one
    one.reader.close()


def read_of(batch: TopicBatch) -> list[tuple[int | None, int | None]]:
    return [(message.partition(), message.offset()) for message in batch.messages]


def test_no_record_is_lost_or_read_twice(
    kafka: Kafka, topic: str, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_here() -> bool:
        member.read()
        return len(member.reader.partitions) == PARTITIONS

    until(all_here, "the member has all partitions")
    before = member.rebalanced
    monkeypatch.setattr(module, "LINGER", COLLECTING)
    produce(kafka, topic)
    collecting = threading.Thread(target=member.read)
    collecting.start()
    time.sleep(1)  # for the records to come
    visit(kafka, topic)
    produce(kafka, topic)
    collecting.join(2 * COLLECTING)
    assert member.rebalanced >= before + 2, "partitions went and came while the batch was collected"
    assert len(member.reader.partitions) == PARTITIONS
    monkeypatch.setattr(module, "LINGER", 0.02)

    def all_read() -> bool:
        member.read()
        return member.safe == dict.fromkeys(range(PARTITIONS), 2 * EACH)

    until(all_read, "all is read")
    records = [record for batch in member.batches for record in read_of(batch)]
    assert sorted(records) == [(partition, offset) for partition in range(PARTITIONS) for offset in range(2 * EACH)]
