"""The feed shows the newest committed records of real topics, in bounded work however many there are."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from mesoscale.bindings import Kafka
from mesoscale_dashboard import feed
from mesoscale_dashboard.feed import Feed, Tail

Record = dict[str, Any]
BACK = 10


@pytest.fixture
def servers(kafka: Kafka) -> str:
    return kafka.bootstrap_servers


@pytest.fixture
def topic(servers: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A topic of its own with one partition, gone again after the test."""
    name = f"feed.{request.node.name}"
    admin = AdminClient({"bootstrap.servers": servers})
    [made] = admin.create_topics([NewTopic(name, 1, 1)]).values()
    made.result(30)
    yield name
    [gone] = admin.delete_topics([name]).values()
    gone.result(30)


def produce(servers: str, topic: str, values: Iterator[bytes]) -> None:
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(60) == 0


def numbers(first: int, last: int) -> Iterator[bytes]:
    return (json.dumps({"n": n}).encode() for n in range(first, last))


def seen_until(tailed: Feed, enough: Callable[[list[Record]], bool], seconds: float = 30) -> list[Record]:
    seen: list[Record] = []
    deadline = time.monotonic() + seconds
    while not enough(seen):
        assert time.monotonic() < deadline, f"{len(seen)} records, {tailed.away!r}, last {seen[-3:]}"
        time.sleep(0.05)
        seen += [record for _, records in tailed.drain() for record in records]
    return seen


@pytest.fixture
def tailed(servers: str, topic: str) -> Iterator[Feed]:
    made = Feed(Kafka(servers), [Tail("edge", topic, BACK)])
    yield made
    made.stop()


def test_it_begins_with_the_last_few_and_goes_on_with_what_comes(servers: str, topic: str, tailed: Feed) -> None:
    produce(servers, topic, numbers(0, 100))
    tailed.start()
    assert [record["n"] for record in seen_until(tailed, lambda seen: len(seen) >= BACK)] == list(range(90, 100))
    produce(servers, topic, numbers(100, 103))
    assert [record["n"] for record in seen_until(tailed, lambda seen: len(seen) >= 3)] == [100, 101, 102]


def test_a_flood_is_skipped_and_its_end_is_shown(servers: str, topic: str, tailed: Feed) -> None:
    produce(servers, topic, numbers(0, 1))
    tailed.start()
    seen_until(tailed, lambda seen: len(seen) == 1)
    flood = 300_000
    produce(servers, topic, numbers(1, flood))
    seen = seen_until(tailed, lambda seen: bool(seen) and seen[-1]["n"] == flood - 1)
    assert len(seen) < flood / 10
    assert tailed.skipped > flood / 2
    assert tailed.taken <= len(seen) + 1 + feed.BATCHES_KEPT * feed.PER_ROUND


def test_what_was_never_committed_and_what_is_no_object_does_not_show(servers: str, topic: str, tailed: Feed) -> None:
    tailed.start()
    producer = Producer({"bootstrap.servers": servers, "transactional.id": f"{topic}.writer"})
    producer.init_transactions(30)
    for values, end in (
        ([b'{"n": "aborted"}'], producer.abort_transaction),
        ([b"not json", b"[1]", b"\xff", b"", b'{"n": NaN}', b'{"n": "good"}'], producer.commit_transaction),
    ):
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value)
        producer.flush(30)
        end(30)
    assert seen_until(tailed, lambda seen: len(seen) > 0) == [{"n": "good"}]


def test_a_topic_that_is_not_there_is_told_and_found_when_it_comes(servers: str) -> None:
    name = f"feed.later.{time.time_ns()}"
    late = Feed(Kafka(servers), [Tail("edge", name, BACK)])
    late.start()
    deadline = time.monotonic() + 30
    while not late.away:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert late.away.startswith("Kafka: ")
    admin = AdminClient({"bootstrap.servers": servers})
    try:
        admin.create_topics([NewTopic(name, 1, 1)])[name].result(30)
        produce(servers, name, numbers(0, 1))
        assert seen_until(late, lambda seen: len(seen) == 1) == [{"n": 0}]
        assert late.away == ""
    finally:
        late.stop()
        admin.delete_topics([name])[name].result(30)
