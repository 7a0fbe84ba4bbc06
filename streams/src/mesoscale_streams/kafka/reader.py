"""Reading one topic, or two in step, as a member of a consumer group, a batch at a time.

The positions a reader starts from are not Kafka's business alone: they are restored by whoever keeps them (the group's
own offsets for stages, the database for table sinks) each time partitions are assigned.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from operator import itemgetter
from typing import Any, Protocol

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams import history
from mesoscale_streams.history import History
from mesoscale_streams.kafka import clients, lanes
from mesoscale_streams.work import BeginAgain

log = logging.getLogger(__name__)

MOST_RECORDS = 10_000  # a batch; larger ones fall out of the processor's cache, smaller ones pay more per batch
MOST_BYTES = 32 << 20  # a batch; ends it early where records are large, so memory stays bounded
CHUNK = 2_500  # records asked for at once, so that MOST_BYTES is looked at in between
WAIT = 0.5  # seconds for a first record; also how late a stop may be noticed
LINGER = 0.02  # seconds for more records once there is one


@dataclass(frozen=True)
class TopicBatch:
    """Messages, with where each partition stood before (`begins`) and stands after (`ends`).

    A partition whose messages were all for other readers moves on without any. Where two topics are read, partitions
    are lanes (see `lanes`), and `topic` is the first of them.
    """

    topic: str
    messages: list[Message]
    partitions: np.ndarray[Any, np.dtype[np.int32]]
    begins: dict[int, int]
    ends: dict[int, int]
    condemned: str = ""

    @cached_property
    def values(self) -> Sequence[bytes | None]:
        return list(map(Message.value, self.messages))

    @cached_property
    def keys(self) -> Sequence[bytes | None]:
        return list(map(Message.key, self.messages))

    @cached_property
    def stamps(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """When each record was written, in microseconds since 1970, as its writer or the broker says."""
        stamps = map(itemgetter(1), map(Message.timestamp, self.messages))
        return np.fromiter(stamps, np.int64, len(self.messages)) * 1000

    def position(self, index: int) -> str:
        message = self.messages[index]
        return f"{message.topic()}/{message.partition()}/{message.offset()}"

    def history(self, index: int) -> History:
        return history.of(self.messages[index].headers())

    def spread(self, indices: Sequence[int] | None) -> dict[int, int]:
        chosen = self.partitions if indices is None else self.partitions[np.asarray(indices, dtype=np.intp)]
        numbers, counts = np.unique(chosen, return_counts=True)
        none = dict.fromkeys(self.ends, 0) if indices is None else {}
        return none | dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def empty(topic: str) -> TopicBatch:
    """A batch of nothing."""
    return TopicBatch(topic, [], np.zeros(0, np.int32), {}, {})


class Restore(Protocol):
    """Who keeps the positions: partition → offset to go on from (a partition that has none is left out)."""

    def __call__(self, consumer: Consumer, partitions: Sequence[int]) -> dict[int, int]: ...


class GroupReader:
    """One member of a consumer group, on one topic, or on two of which it gets the same partitions."""

    ended = False

    def __init__(
        self,
        kafka: Kafka,
        *,
        group: str,
        node: str = "",
        instance: int,
        topic: str,
        restore: Restore,
        settle: Callable[[], None],
        on_rebalance: Callable[[], None],
        release: Callable[[Sequence[int]], None] = lambda _: None,
        tell_ends: bool = False,
        beside: str = "",
        beside_first: bool = False,
    ) -> None:
        """Join the group.

        Args:
            kafka: the brokers.
            group: the consumer group.
            node: who reads; records that are for one node are left out by all others.
            instance: which of the node's processes this is, for the broker's logs.
            topic: what to read.
            restore: where reading goes on.
            settle: called before partitions are given up; returns when all that was read of them is safe.
            on_rebalance: called after partitions came or went.
            release: called with partitions that are given up, after `settle`.
            tell_ends: whether `at_end` is wanted.
            beside: a second topic, with as many partitions; then all partitions are lanes.
            beside_first: whether a partition of that is read to its end before the first record of the other one.
        """
        self._node = node
        self._topic, self._beside = topic, beside
        # Called for each record, so that of one topic is the client's own method; it says None for no message we get.
        self._lane: Callable[[Message], int] = self._lane_of if beside else Message.partition  # type: ignore[assignment]
        self._restore = restore
        self._settle = settle
        self._on_rebalance = on_rebalance
        self._release = release
        self._positions: dict[int, int] = {}
        self._at_end: set[int] = set()
        self._beside_first = beside_first
        self._waiting: set[int] = set()  # lanes that are not read before those beside them
        self._again: BeginAgain | None = None
        self._given_up: set[int] = set()  # partitions, in the call that collects now
        self._disturbed = False  # whether any were, since the batch was begun
        self._consumer = Consumer(
            {
                **clients.settings(kafka, f"{group}.{instance}"),
                # A member without a fixed identity: one that dies between the two rounds of a rebalance and comes back
                # under its old identity is taken for never away, and what it had given up would stay with nobody.
                "group.id": group,
                "session.timeout.ms": 6_000,
                "heartbeat.interval.ms": 1_500,
                # Of two topics only `range` gives a member the same partitions; it takes all away to give them anew.
                "partition.assignment.strategy": "range" if beside else "cooperative-sticky",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # Where retention has overtaken a position, records are lost: that is told, not skipped.
                "auto.offset.reset": "error",
                "enable.partition.eof": tell_ends,
                # librdkafka's default of 1000 ms lets a reader that is faster than the broker wait for nothing.
                "fetch.queue.backoff.ms": 5,
                # Answers of 1 MiB for each partition, the default, are memory that is new to the processor each time.
                "fetch.message.max.bytes": 256 << 10,
                "queued.max.messages.kbytes": 32 << 10,
            }
        )
        topics = [topic, beside] if beside else [topic]
        self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    @property
    def ready(self) -> bool:
        return bool(self._positions)

    @property
    def partitions(self) -> frozenset[int]:
        return frozenset(self._positions)

    @property
    def at_end(self) -> frozenset[int]:
        """Partitions all of whose records have been given to us."""
        return frozenset(self._at_end)

    def group_metadata(self) -> Any:
        """What a transaction needs to know of this member, so that a member that was replaced cannot commit."""
        return self._consumer.consumer_group_metadata()

    def read(self) -> TopicBatch | None:
        messages: list[Message] = []
        self._disturbed = False
        self._collect(messages, 1, WAIT)
        if self._again is not None:
            again, self._again = self._again, None
            raise again
        if not messages:
            return None
        deadline, size = time.monotonic() + LINGER, 0
        while len(messages) < MOST_RECORDS and size < MOST_BYTES:
            remaining = deadline - time.monotonic()
            more = self._collect(messages, min(CHUNK, MOST_RECORDS - len(messages)), max(remaining, 0))
            size += sum(map(len, more))
            if remaining <= 0 and len(more) < CHUNK:
                break
        return self._batch(self._good(messages))

    def rewind(self) -> None:
        restored = self._restored(sorted(self._positions))
        for partition in restored:
            self._consumer.seek(partition)

    def lags(self) -> dict[int, int]:
        """Partition → records between this reader and the end, as far as the last fetch tells."""
        lags = {}
        for partition, position in self._positions.items():
            _, end = self._consumer.get_watermark_offsets(self._at(partition), cached=True)
            if end >= 0:
                lags[partition] = max(0, end - max(position, 0))
        return lags

    def commit_for_show(self, ends: dict[int, int]) -> None:
        """Tell the group's offsets to lag tools; nothing relies on them, so nothing waits for them."""
        self._consumer.commit(
            offsets=[TopicPartition(self._topic, partition, end) for partition, end in ends.items()],
            asynchronous=True,
        )

    def close(self) -> None:
        self._consumer.close()

    def _collect(self, messages: list[Message], number: int, timeout: float) -> list[Message]:
        """Add at most `number` of messages to those collected so far, and return them.

        A rebalance is answered in here. What was collected before of a partition that is given up is dropped, even if
        the partition is back at once: it comes again from where it is safe. (librdkafka drops such messages of the
        same call by itself; `_batch` sees to it that it did.)
        """
        self._given_up.clear()
        more = self._consumer.consume(number, timeout)
        if self._given_up:
            messages[:] = [message for message in messages if self._lane(message) not in self._given_up]
        messages += more
        return more

    def _good(self, messages: list[Message]) -> list[Message]:
        """Without errors."""
        if any(map(Message.error, messages)):
            for message in messages:
                self._note_end(message)
                _raise_unless_passing(message.error())
            messages = [message for message in messages if not message.error()]
        elif self._at_end:
            self._at_end.difference_update(map(self._lane, messages))
        return messages

    def _note_end(self, message: Message) -> None:
        """A partition is at its end until something comes of it; in the order in which both were told."""
        error, partition = message.error(), self._lane(message)
        if error is not None and error.code() == KafkaError._PARTITION_EOF and partition in self._positions:
            self._at_end.add(partition)
            self._let_go(lanes.partition(partition))
        elif error is None:
            self._at_end.discard(partition)

    def _let_go(self, partition: int) -> None:
        """Read it, if what stands beside it was read to its end."""
        if partition in self._waiting and lanes.both(partition)[1] in self._at_end:
            self._waiting.discard(partition)
            self._consumer.resume([self._at(partition)])

    def _batch(self, messages: list[Message]) -> TopicBatch | None:
        if not messages:
            return None
        partitions = np.fromiter(map(self._lane, messages), np.int32, len(messages))
        numbers = np.unique(partitions).tolist()
        if not self._positions.keys() >= set(numbers):  # a rebalance took some away while records were collected
            return self._batch([message for message in messages if self._lane(message) in self._positions])
        begins, ends = {}, {}
        for partition in numbers:
            of_it = np.flatnonzero(partitions == partition)
            looked_at = of_it if self._disturbed else of_it[:1]
            self._demand_order(partition, [messages[index] for index in looked_at])
            begins[partition], ends[partition] = self._positions[partition], messages[of_it[-1]].offset() + 1
        self._positions |= ends
        if any(map(Message.headers, messages)):  # few records have any
            ours = [history.of(message.headers()).reader in ("", self._node) for message in messages]
            messages, partitions = list(compress(messages, ours)), partitions[ours]
        return TopicBatch(self._topic, messages, partitions, begins, ends)

    def _demand_order(self, partition: int, messages: Sequence[Message]) -> None:
        """Raises:
        KafkaException: a record came again. The program ends before anything is done with it.
        """
        due = self._positions[partition]
        for message in messages:
            offset = message.offset() or 0
            if offset < due:
                what = f"offset {offset} of {self._topic}/{partition} came again, {due} was due"
                raise KafkaException(KafkaError(KafkaError._INCONSISTENT, what))
            due = offset + 1

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        restored = self._restored([self._lane_at(partition) for partition in partitions])
        (consumer.assign if self._beside else consumer.incremental_assign)(restored)
        if self._beside_first:
            self._waiting = {lane for lane in self._positions if lane < lanes.BESIDE}
            consumer.pause([self._at(lane) for lane in self._waiting])
        log.info("partitions assigned", extra={"partitions": sorted(self._positions)})
        self._on_rebalance()

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            self._settle()
        except BeginAgain as again:
            # Whoever gets these partitions starts from what is safe; the ones that stay are rewound by the next read.
            self._again = again
        given_up = [self._lane_at(partition) for partition in partitions]
        for partition in given_up:
            self._positions.pop(partition, None)
            self._given_up.add(partition)
            self._at_end.discard(partition)
            self._waiting.discard(partition)
        self._release(given_up)
        self._disturbed = True
        if self._beside:
            consumer.unassign()
        else:
            consumer.incremental_unassign(partitions)
        log.info("partitions given up", extra={"partitions": given_up})
        self._on_rebalance()

    def _restored(self, partitions: Sequence[int]) -> list[TopicPartition]:
        offsets = self._restore(self._consumer, partitions)
        self._positions |= {partition: offsets.get(partition, 0) for partition in partitions}
        return [self._at(partition, offsets.get(partition, OFFSET_BEGINNING)) for partition in partitions]

    def _at(self, partition: int, *offset: int) -> TopicPartition:
        return lanes.at((self._topic, self._beside), partition, *offset)

    def _lane_at(self, partition: TopicPartition) -> int:
        return lanes.lane(partition.partition, partition.topic == self._beside)

    def _lane_of(self, message: Message) -> int:
        return lanes.lane(message.partition() or 0, message.topic() == self._beside)


def _raise_unless_passing(error: KafkaError | None) -> None:
    """An error that librdkafka mends by itself (a broker that is away) is logged; any other ends the program."""
    if error is None or error.code() == KafkaError._PARTITION_EOF:
        return
    if error.fatal() or error.code() in (
        KafkaError._FATAL,  # as a message's error it is not marked as fatal: a member that was fenced, for one
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    ):
        raise KafkaException(error)
    log.warning("the broker says: %s", error.str(), extra={"code": error.name()})
