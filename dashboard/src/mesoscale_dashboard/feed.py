"""Feed: the newest records of topics, tailed by one thread; the only module here that speaks Kafka.

It joins no group and commits nothing, so it can disturb no stage. Memory and work are bounded however fast a
topic is: it takes so many records per round, and where it falls behind it skips to the end, because the page
shows what happens now and the ledger, not this, counts.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka import clients

log = logging.getLogger(__name__)

Batch = tuple[str, list[dict[str, Any]]]

ROUND = 0.25  # seconds between two looks at the topics
PER_ROUND = 500  # records taken at most each time
BEHIND = 2_000  # records of one partition after which it skips to the end
BATCHES_KEPT = 64  # batches nobody has fetched yet; the oldest go first
RETRY = 2.0  # seconds until the next attempt when the broker or a topic is away
TIMEOUT = 5.0  # seconds that the broker has to answer


def sentence(error: Exception) -> str:
    """What the page says when a service does not give what it should: the first line of the error, without codes."""
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}"
    return (str(error).splitlines() or [type(error).__name__])[0]


@dataclass(frozen=True, slots=True)
class Tail:
    """A topic to follow: `edge` is the name it goes by, `back` the records per partition to begin with."""

    edge: str
    topic: str
    back: int


class Feed:
    """Runs between `start` and `stop`; both may be called again and again from one thread."""

    def __init__(self, kafka: Kafka, tails: Sequence[Tail]) -> None:
        self._kafka = kafka
        self._tails = {tail.topic: tail for tail in tails}
        self._batches: deque[Batch] = deque(maxlen=BATCHES_KEPT)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.away = ""  # why there are no records now; empty when all is well
        self.taken = 0  # records since the beginning
        self.skipped = 0  # records passed over because there were too many

    def start(self) -> None:
        if self._thread is None:
            self._stopping = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._stopping,), name="feed", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask it to end; it does within a few seconds, and `start` makes a new one meanwhile."""
        self._stopping.set()
        self._thread = None
        self._batches.clear()

    def drain(self) -> Iterator[Batch]:
        """The batches since the last call: (edge, records as JSON objects)."""
        while self._batches:
            yield self._batches.popleft()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            consumer = Consumer(self._settings(), logger=log)
            try:
                self._tail(consumer, stopping)
            except KafkaException as error:
                self.away = sentence(error)
                stopping.wait(RETRY)
            finally:
                consumer.close()

    def _settings(self) -> dict[str, Any]:
        return {
            **clients.settings(self._kafka, "mesoscale.dashboard"),
            "group.id": "mesoscale-dashboard",  # the client wants one; nothing is ever committed under it
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "latest",
            "fetch.message.max.bytes": 256 << 10,
            "fetch.queue.backoff.ms": int(ROUND * 1000),
            "queued.min.messages": PER_ROUND,
            "queued.max.messages.kbytes": 1 << 10,
            "statistics.interval.ms": 0,
        }

    def _tail(self, consumer: Consumer, stopping: threading.Event) -> None:
        """Follow the topics until stopped. Raises KafkaException: the broker or a topic is away."""
        consumer.assign([start for tail in self._tails.values() for start in _beginnings(consumer, tail)])
        self.away = ""
        while not stopping.wait(ROUND):
            messages = consumer.consume(PER_ROUND, timeout=0.05)
            for tail in self._tails.values():
                records = [
                    record for message in messages if message.topic() == tail.topic for record in _decoded(message)
                ]
                if records:
                    self.taken += len(records)
                    self._batches.append((tail.edge, records))
            self._skip(consumer)

    def _skip(self, consumer: Consumer) -> None:
        """Move partitions that are too far behind to their end, less the little that the page begins with."""
        for place in consumer.position(consumer.assignment()):
            _, end = consumer.get_watermark_offsets(place, cached=True)
            if place.offset >= 0 and end - place.offset > BEHIND:
                target = end - self._tails[place.topic].back
                self.skipped += target - place.offset
                consumer.seek(TopicPartition(place.topic, place.partition, target))


def _beginnings(consumer: Consumer, tail: Tail) -> list[TopicPartition]:
    """Every partition of the topic at its end less `tail.back`.

    Raises:
        KafkaException: the broker does not answer, or there is no such topic.
    """
    known = consumer.list_topics(tail.topic, timeout=TIMEOUT).topics[tail.topic]
    if known.error is not None:
        raise KafkaException(known.error)
    starts = []
    for partition in known.partitions:
        first, end = consumer.get_watermark_offsets(TopicPartition(tail.topic, partition), timeout=TIMEOUT)
        starts.append(TopicPartition(tail.topic, partition, max(first, end - tail.back)))
    return starts


def _decoded(message: Message) -> Iterator[dict[str, Any]]:
    """The record as a JSON object; what is not one is the business of the checks and does not show here.

    Raises:
        KafkaException: the broker reports what does not heal by waiting, such as a topic that is gone.
    """
    error = message.error()
    if error is not None:
        if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._ALL_BROKERS_DOWN) or error.fatal():
            raise KafkaException(error)
        return
    try:
        record = orjson.loads(message.value() or b"")
    except orjson.JSONDecodeError:
        return
    if isinstance(record, dict):
        yield record
