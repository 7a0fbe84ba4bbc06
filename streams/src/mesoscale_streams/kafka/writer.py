"""Writing in transactions: records, dead letters and positions become visible together or not at all."""

import faulthandler
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from mesoscale.bindings import Kafka
from mesoscale_streams.deadletter import DeadLetter
from mesoscale_streams.history import DELAY, History
from mesoscale_streams.kafka import clients
from mesoscale_streams.work import BeginAgain, Waiting

log = logging.getLogger(__name__)

LARGEST_MESSAGE = 17 << 20  # bytes; dead letters keep up to 16 MiB of what was refused for its size
TRANSACTION_TIMEOUT = 45  # seconds after which the broker ends a transaction by itself
ANSWER_TIMEOUT = 20.0  # seconds for one answer about a transaction
OFFSETS_TIMEOUT = 8.0  # seconds for the answer about its offsets, which takes milliseconds where there is a broker
OFFSETS_LIMIT = 12.0  # seconds after which a program that still waits for that answer is ended

# What is refused for these reasons is refused again, however often it is tried: the program must end and say so.
HOPELESS = frozenset(
    (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    )
)


class TransactionalWriter:
    """One producer with an identity: a second one with the same identity shuts the first out."""

    def __init__(self, kafka: Kafka, transactional_id: str) -> None:
        self._producer = Producer(
            {
                **clients.settings(kafka, transactional_id),
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_TIMEOUT * 1000,
                "message.max.bytes": LARGEST_MESSAGE,
                # A transaction fails as a whole, so a report for every record that went well only costs time.
                "delivery.report.only.error": True,
                "linger.ms": 5,
                "batch.size": 1 << 20,
                "batch.num.messages": 20_000,
                "queue.buffering.max.messages": 0,
                "queue.buffering.max.kbytes": 512 << 10,
                "compression.type": "none",
            }
        )
        self._producer.init_transactions()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is written inside, or abort it.

        Raises:
            BeginAgain: the broker aborted it; nothing took effect.
            KafkaException: this writer was shut out, or the same would be refused again.
        """
        self._producer.begin_transaction()
        try:
            yield
            _until_done(self._producer.commit_transaction)
        except KafkaException as error:
            if error.args[0].fatal():
                raise
            log.warning("transaction aborted: %s", error.args[0].str())
            _until_done(self._producer.abort_transaction)
            if error.args[0].code() in HOPELESS:
                raise
            raise BeginAgain(error.args[0].name(), error.args[0].str()) from error
        except BaseException:
            _until_done(self._producer.abort_transaction)
            raise

    def write(self, topic: str, values: Sequence[bytes | None], keys: Sequence[bytes | None]) -> None:
        """Records, in order; the partition follows from the key."""
        assert len(values) == len(keys)
        # A loop without a line of Python in it: two fifths of all that writing costs are these calls.
        deque(map(self._producer.produce, repeat(topic), values, keys), maxlen=0)

    def write_at(self, topic: str, partition: int, entries: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Keys and values, in order, into one partition."""
        for key, value in entries:
            self._producer.produce(topic, value, key, partition)

    def write_letters(self, topic: str, letters: Iterable[DeadLetter]) -> None:
        """Dead letters, with their headers."""
        for letter in letters:
            self._producer.produce(topic, letter.payload(), letter.key, headers=letter.headers())

    def write_again(self, topic: str, records: Iterable[tuple[bytes | None, bytes | None, History]]) -> None:
        """Values, keys and histories: records that were there before, and now are for whom their history says."""
        for value, key, history in records:
            self._producer.produce(topic, value, key, headers=history.headers())

    def write_waiting(self, topic: str, records: Iterable[Waiting]) -> None:
        """Records that wait, those of each attempt in a partition of their own."""
        for one in records:
            headers = [*one.history.headers(), (DELAY, str(round(one.seconds * 1000)).encode())]
            self._producer.produce(topic, one.value, one.key, one.history.attempts - 1, headers=headers)

    def write_offsets(self, offsets: list[TopicPartition], group_metadata: Any) -> None:
        """The group's offsets, which take effect with the transaction."""
        # When a broker was killed, librdkafka may wait here for ever, whatever time it is given (its issue 5456). So a
        # watchdog outside the interpreter writes all stacks to the log and ends the process.
        faulthandler.dump_traceback_later(OFFSETS_LIMIT, exit=True)
        try:
            self._producer.send_offsets_to_transaction(offsets, group_metadata, OFFSETS_TIMEOUT)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def close(self) -> None:
        """Send nothing more; an open transaction is left to its time-out or to the next of this identity."""
        self._producer.purge()


def _until_done(step: Callable[[float], None]) -> None:
    """Repeat what the broker could not answer yet, as the protocol of transactions demands."""
    while True:
        try:
            step(ANSWER_TIMEOUT)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            log.warning("the broker is away, trying again: %s", error.args[0].str())
        else:
            return
