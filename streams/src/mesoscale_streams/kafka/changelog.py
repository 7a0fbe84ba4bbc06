"""Reads the changelog of a stage's state: whole partitions of it, from where a reader stands to what is committed."""

import logging
import time
from collections.abc import Callable, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams.kafka import clients

log = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds without a record until reading is given up; a transaction ends within 45
TOLD_EVERY = 2.0  # seconds between two lines about how far it is
AT_ONCE = 64  # records; each may be a MiB

Take = Callable[[int, bytes, bytes | None], None]  # partition, key, value
Tell = Callable[[float], None]  # share that has been read


class Changelog:
    """One compacted topic with as many partitions as the stage's input."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self.topic = topic
        self._consumer = Consumer(
            {
                **clients.onlooker(kafka, f"{topic}.reader"),
                # What compaction took away at a reader's place is not missed: it reads what is left.
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,
                "fetch.wait.max.ms": 10,
                "fetch.message.max.bytes": 4 << 20,
                "queued.max.messages.kbytes": 32 << 10,
            }
        )

    def read(
        self,
        starts: Mapping[int, int | None],
        take: Take,
        complete: Callable[[int], bool],
        tell: Tell,
        patience: float = PATIENCE,
    ) -> None:
        """Give each record of the partitions to `take`, in order within each.

        Args:
            starts: partition → where to begin; None for its beginning.
            take: is given all records that are committed.
            complete: asked at the end of a partition whether it was all of it. While it says no, more is waited for:
                the broker may have said of a transaction that it is committed before that shows in every partition.
                What has not come after `patience` seconds will not come.
            tell: is told from time to time which share has been read.
            patience: seconds.

        Raises:
            KafkaException: the brokers do not answer.
        """
        if not starts:
            return
        way = _Way({partition: self.bounds(partition) for partition in starts}, starts)
        self._consumer.assign(
            [
                TopicPartition(self.topic, p, OFFSET_BEGINNING if start is None else way.at[p])
                for p, start in starts.items()
            ]
        )
        try:
            self._read(set(starts), way, take, complete, tell, patience)
        finally:
            self._consumer.unassign()

    def _read(
        self,
        left: set[int],
        way: "_Way",
        take: Take,
        complete: Callable[[int], bool],
        tell: Tell,
        patience: float,
    ) -> None:
        ended: set[int] = set()
        while left:
            for message in self._consumer.consume(AT_ONCE, 0.5):
                partition, offset = message.partition() or 0, message.offset() or 0
                if _is_record(message):
                    take(partition, message.key() or b"", message.value())
                    way.gone(partition, offset)
                elif _is_end(message):
                    ended.add(partition)
                    if complete(partition):
                        left.discard(partition)
            if way.to_be_told():
                log.info("state is read: %d %%", 100 * way.share, extra={"partitions": sorted(left)})
                tell(way.share)
            if way.silence > patience:
                if left <= ended:
                    return
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{self.topic} has no more records"))
        tell(1.0)

    def bounds(self, partition: int) -> tuple[int, int]:
        """The offset of a partition's first record, and the one after its last.

        Raises:
            KafkaException: the broker does not answer.
        """
        found: tuple[int, int] = self._consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout=30)
        return found

    def end(self, partition: int) -> int | None:
        """The offset after a partition's last record, or None where the broker does not tell it at once."""
        try:
            found = self._consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout=2)
        except KafkaException as error:
            log.warning("the end of the changelog is not known: %s", error.args[0].str())
            return None
        return found[1] if found else None

    def close(self) -> None:
        self._consumer.close()


class _Way:
    """How far reading has come."""

    def __init__(self, bounds: Mapping[int, tuple[int, int]], starts: Mapping[int, int | None]) -> None:
        self.at = {partition: max(low, starts[partition] or 0) for partition, (low, _) in bounds.items()}
        self._whole = sum(max(0, high - self.at[partition]) for partition, (_, high) in bounds.items())
        self._gone = 0
        self._heard = self._told = time.monotonic()

    @property
    def share(self) -> float:
        return min(1.0, self._gone / max(self._whole, 1))

    @property
    def silence(self) -> float:
        """Seconds since the last record."""
        return time.monotonic() - self._heard

    def gone(self, partition: int, offset: int) -> None:
        self._gone += offset + 1 - self.at[partition]
        self.at[partition], self._heard = offset + 1, time.monotonic()

    def to_be_told(self) -> bool:
        """Whether it is time for a line about it, which then is told."""
        if time.monotonic() - self._told < TOLD_EVERY:
            return False
        self._told = time.monotonic()
        return True


def _is_end(message: Message) -> bool:
    """Whether it says that a partition ends here."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def _is_record(message: Message) -> bool:
    """Whether it is a record; else it says that a partition ends here, or that something is wrong which may pass.

    Raises:
        KafkaException: it will not pass by itself.
    """
    error = message.error()
    if error is None:
        return True
    if error.fatal() or error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART):
        raise KafkaException(error)
    if not _is_end(message):
        log.warning("the broker says: %s", error.str(), extra={"code": error.name()})
    return False
